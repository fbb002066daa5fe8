"""AddContainerInstance fills in what is left out and refuses what cannot be; the snapshot shows where tasks are."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chaos_ecs.core.container_instances import ContainerInstanceStatus, EngineRoom
from chaos_ecs.core.instance_messages import SetContainerInstanceStatuses
from chaos_ecs.errors import ChaosEcsError
from tests.unit.api_harness import CLUSTER, Harness, with_tasks


@pytest.fixture
def api() -> Harness:
    return with_tasks()


def add(api: Harness, **members: Any) -> dict[str, Any]:
    return api.chaos("AddContainerInstance", cluster=CLUSTER, **members)


def refusal(api: Harness, **members: Any) -> tuple[str, str]:
    status, body = api.call("AddContainerInstance", {"cluster": CLUSTER, **members}, service="chaos-ecs")
    assert status == 400, body
    return body["__type"].rsplit("#", 1)[-1], body["message"]


def snapshot(api: Harness) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(api.get("/state").body)
    return told


def the_engine(api: Harness, examine: Any) -> None:
    """Engines are examined by this from here on."""
    assert api.simulation.controller is not None
    api.simulation.controller.runtime.examine = examine  # type: ignore[method-assign]


def test_slices_are_named_sized_and_put_into_zones_in_turn(api: Harness) -> None:
    first = add(api)
    assert first.pop("containerInstanceArn").startswith(
        "arn:aws:ecs:us-east-1:123456789012:container-instance/my-cluster/"
    )
    assert first == {
        "name": "instance-1",
        "cpu": 2048,
        "memory": 2048,
        "availabilityZone": "us-east-1a",
        "engine": "",
    }
    others = [add(api) for _ in range(3)]
    assert [item["name"] for item in others] == ["instance-2", "instance-3", "instance-4"]
    assert [item["availabilityZone"][-1] for item in others] == ["b", "c", "a"]


def test_the_zone_with_the_fewest_comes_next_and_a_free_number_is_used_again(api: Harness) -> None:
    add(api, availabilityZone="us-east-1a")
    add(api, availabilityZone="us-east-1b", name="instance-2")
    gone = add(api, name="mine", availabilityZone="us-east-1c")
    assert add(api)["name"] == "instance-3"
    assert gone["name"] == "mine"
    assert add(api)["availabilityZone"] == "us-east-1b"


def test_a_further_engine_offers_all_it_has_and_follows_its_own_address(api: Harness) -> None:
    the_engine(api, lambda name: EngineRoom(name, 4096, 7900, "aarch64", "10.0.0.7"))
    told = add(api, engine="tcp://10.0.0.7:2376")
    assert (told["cpu"], told["memory"], told["engine"]) == (4096, 7900, "tcp://10.0.0.7:2376")
    assert api.simulation.state is not None
    (instance,) = api.simulation.state.container_instances.values()
    assert (instance.address, instance.attribute("ecs.cpu-architecture")) == ("10.0.0.7", "arm64")
    assert instance.attribute("ecs.instance-type") == "m6g.xlarge"
    assert refusal(api, engine="tcp://10.0.0.7:2376") == (
        "ClientException",
        "The engine tcp://10.0.0.7:2376 is registered already, as container instance instance-1 of cluster my-cluster.",
    )


def test_an_engine_behind_a_socket_must_be_given_its_address(api: Harness) -> None:
    the_engine(api, lambda name: EngineRoom(name, 2048, 4096))
    code, message = refusal(api, engine="second")
    assert code == "InvalidParameterException"
    assert "give its address" in message
    assert "is not an IP address" in refusal(api, engine="second", address="over there")[1]
    assert add(api, engine="second", address="127.0.0.1")["engine"] == "second"


def test_an_engine_that_does_not_answer_is_refused_with_its_reason(api: Harness) -> None:
    def examine(name: str) -> EngineRoom:
        raise ChaosEcsError("E-DOCKER-DOWN", f"Cannot reach Docker at {name}", "connection refused", "chaos-ecs doctor")

    the_engine(api, examine)
    code, message = refusal(api, engine="gone")
    assert code == "ClientException"
    assert message == "The engine gone cannot be used: Cannot reach Docker at gone: connection refused"
    assert "containerInstances" not in snapshot(api)


@pytest.mark.parametrize(
    ("members", "word"),
    [
        ({"name": "a b"}, "Invalid container instance name"),
        ({"availabilityZone": "us-east-1x"}, "Invalid availability zone: us-east-1x"),
        ({"availabilityZone": "eu-west-1a"}, "Use one of us-east-1a to us-east-1f"),
        ({"cpu": 0}, "cpu must be between 128 and"),
        ({"memory": 33_554_433}, "memory must be between 128 and 33554432"),
        ({"address": "10.0.0.1"}, "address goes with engine"),
        ({"attributes": {"ecs.zone": "x"}}, "reserved"),
        ({"attributes": {"rack?": "x"}}, "Invalid attribute name 'rack?'"),
        ({"attributes": {"rack": "x" * 129}}, "must have 1 to 128 letters"),
        ({"attributes": {"rack": "r1; drop"}}, "must have 1 to 128 letters"),
        ({"attributes": {"rack": " r1"}}, "must have 1 to 128 letters"),
        ({"capacityProvider": "mine"}, "has no container instances in cluster my-cluster"),
    ],
)
def test_what_cannot_be_is_refused_by_name(api: Harness, members: dict[str, Any], word: str) -> None:
    code, message = refusal(api, **members)
    assert code == "InvalidParameterException"
    assert word in message


def test_a_name_is_given_once_in_a_cluster(api: Harness) -> None:
    add(api, name="one")
    assert refusal(api, name="one") == ("ClientException", "The cluster has a container instance named one already.")
    status, body = api.call("AddContainerInstance", {"cluster": "nowhere"}, service="chaos-ecs")
    assert (status, body["__type"].rsplit("#", 1)[-1]) == (400, "ClusterNotFoundException")


def test_the_snapshot_tells_what_is_taken_of_each_and_where_tasks_are(api: Harness) -> None:
    before = snapshot(api)
    assert "containerInstances" not in before
    assert all("instance" not in task for task in before["tasks"])
    for _ in range(3):
        add(api)
    api.client().update_service(cluster=CLUSTER, service="web", desiredCount=6)
    api.simulation.advance(20)
    told = snapshot(api)
    names = [item["name"] for item in told["containerInstances"]]
    assert names == ["instance-1", "instance-2", "instance-3"]
    first = told["containerInstances"][0]
    assert set(first) == {
        "arn", "name", "clusterArn", "zone", "status", "agentConnected", "cpu", "memory", "cpuUsed", "memoryUsed",
        "running", "pending", "engine",
    }  # fmt: skip
    assert [item["running"] for item in told["containerInstances"]] == [1, 1, 1]
    assert (first["zone"], first["status"], first["agentConnected"]) == ("us-east-1a", "ACTIVE", True)
    assert 0 < first["memoryUsed"] < first["memory"]
    placed = [(task["instance"], task["zone"]) for task in told["tasks"] if "instance" in task]
    assert sorted(placed) == [(f"instance-{n}", f"us-east-1{zone}") for n, zone in ((1, "a"), (2, "b"), (3, "c"))]
    assert sum("instance" not in task for task in told["tasks"]) == len(before["tasks"])  # they stay where they are


def test_a_drain_names_the_tasks_that_are_there_in_a_form_every_view_can_read(api: Harness) -> None:
    arn = add(api)["containerInstanceArn"]
    api.client().update_service(cluster=CLUSTER, service="web", desiredCount=4)
    api.simulation.advance(10)
    (placed,) = [task["arn"] for task in snapshot(api)["tasks"] if "instance" in task]
    api.simulation.submit(SetContainerInstanceStatuses((arn,), ContainerInstanceStatus.DRAINING))
    (told,) = [event for event in api.simulation.events if event.type == "INSTANCE_STATUS_CHANGED"]
    assert told.data["tasks"] == [placed]
    assert told.message == "container instance instance-1 is DRAINING, 1 task on it"
