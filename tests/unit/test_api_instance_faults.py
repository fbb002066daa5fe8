"""Faults of container instances as our own operations and FIS have them, on the simulator."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders import WEB
from tests.unit.api_harness import CLUSTER, Harness, add_instance

NO_STOP = [{"source": "none"}]


@pytest.fixture
def api() -> Harness:
    """Four tasks of `web` on two container instances, and a standalone task on one of them."""
    api = Harness()
    ecs = api.client()
    ecs.list_clusters()
    for name in ("a1", "b1"):
        add_instance(api, name)
    ecs.create_service(cluster=CLUSTER, serviceName="web", taskDefinition="web-server", desiredCount=4)
    api.simulation.advance(5)
    ecs.run_task(cluster=CLUSTER, taskDefinition="worker")
    api.simulation.advance(5)
    return api


def inject(api: Harness, name: str, **params: Any) -> dict[str, Any]:
    return api.chaos("InjectFault", cluster=CLUSTER, name=name, **params)


def refused(api: Harness, name: str, **params: Any) -> str:
    status, body = api.call("InjectFault", {"cluster": CLUSTER, "name": name, **params}, service="chaos-ecs")
    assert status == 400, body
    return str(body["message"])


def described(api: Harness, fault: str) -> dict[str, Any]:
    (found,) = api.chaos("DescribeFaults", faults=[fault])["faults"]
    return found  # type: ignore[no-any-return]


def instance(api: Harness, name: str) -> Any:
    return next(found for found in api.simulation.state.container_instances.values() if found.name == name)


def home(api: Harness) -> str:
    """The name of the one with the standalone task."""
    (alone,) = [task for task in api.simulation.state.tasks.values() if not task.service_arn]
    return str(api.simulation.state.container_instances[alone.container_instance_arn].name)


@pytest.mark.parametrize(
    ("name", "fate"),
    [
        ("drain-instance", "2 service tasks move, 1 standalone task stays"),
        ("instance-stop", "2 service tasks die and are replaced elsewhere, 1 standalone task is lost for good"),
        ("spot-interruption", "2 service tasks die and are replaced elsewhere, 1 standalone task is lost for good"),
    ],
)
def test_a_plan_says_what_will_become_of_the_tasks_and_does_nothing(api: Harness, name: str, fate: str) -> None:
    plan = inject(api, name, instances=[home(api)], dryRun=True)
    (victim,) = plan["victims"]
    assert (victim["instanceName"], victim["instance"]) == (home(api), instance(api, home(api)).arn)
    assert victim["foretold"] == fate
    assert instance(api, home(api)).is_active
    assert api.chaos("DescribeFaults", all=True)["faults"] == []


def test_the_victims_of_a_fault_name_their_container_instance(api: Harness) -> None:
    id_ = instance(api, "b1").ec2_instance_id
    fault = inject(api, "drain-instance", instances=[id_], parameters={"duration": "20s"})["fault"]
    (victim,) = described(api, fault)["victims"]
    assert (victim["instanceName"], victim["instance"]) == ("b1", instance(api, "b1").arn)
    assert victim["proof"].startswith("b1 (us-east-1b) is DRAINING: ")
    assert [key for key in ("task", "service", "container") if key in victim] == []
    snapshot = api.get("/state").body.decode()
    assert '"instanceName":"b1"' in snapshot.replace(" ", "")
    api.chaos("UndoFaults", all=True)
    api.simulation.advance(1)
    assert described(api, fault)["status"] == "COMPLETED"
    assert instance(api, "b1").is_active


@pytest.mark.parametrize(
    ("name", "params", "said"),
    [
        ("instance-stop", {"service": "web"}, "service says which tasks"),
        ("drain-instance", {"standalone": True}, "standalone says which tasks"),
        ("pause", {"instances": ["a1"]}, "pause is not aimed at container instances"),
        ("az-power-interruption", {"instances": ["a1"], "parameters": {"az": "a"}}, "chosen by instances"),
        ("drain-instance", {"instances": ["a1"], "availabilityZone": "a"}, "either instances or availabilityZone"),
        ("drain-instance", {}, "would lose all 2 of its ACTIVE container instances"),
        ("instance-stop", {"instances": ["a1", "b1"]}, "would lose all 2 of its ACTIVE container instances"),
    ],
)
def test_a_selection_that_contradicts_itself_or_takes_too_much_is_refused(
    api: Harness, name: str, params: dict[str, Any], said: str
) -> None:
    assert said in refused(api, name, **params)


def test_a_sealed_fault_of_an_instance_gives_nothing_away(api: Harness) -> None:
    fault = inject(api, "instance-stop", instances=["a1"], sealed=True)["fault"]
    api.simulation.advance(3)
    assert described(api, fault) == {**described(api, fault), "name": "sealed", "victims": []}
    told = [event for event in api.simulation.events if event.data.get("fault") == fault]
    assert {event.message for event in told} == {"a sealed fault is at work"}
    everything = " ".join(event.message for event in api.simulation.events)
    assert "power" not in everything
    api.chaos("UndoFaults", faults=[fault])
    api.simulation.advance(1)
    assert described(api, fault)["victims"][0]["instanceName"] == "a1"


def test_the_safety_lever_keeps_the_instances_too(api: Harness) -> None:
    fis = api.client(service="fis")
    fis.update_safety_lever_state(id="default", state={"status": "engaged", "reason": "lunch"})
    assert "The safety lever is engaged" in refused(api, "drain-instance", instances=["a1"])


# --- as FIS has them ---


def run(api: Harness, target: dict[str, Any], action: dict[str, Any], seconds: float) -> dict[str, Any]:
    """The experiment, so many seconds after it began."""
    fis = api.client(service="fis")
    made = fis.create_experiment_template(
        description="x",
        roleArn="arn:aws:iam::123456789012:role/fis",
        stopConditions=NO_STOP,
        targets={"those": target},
        actions={"it": action},
    )["experimentTemplate"]["id"]
    begun = fis.start_experiment(experimentTemplateId=made)["experiment"]["id"]
    api.simulation.advance(seconds)
    return fis.get_experiment(id=begun)["experiment"]  # type: ignore[no-any-return]


def test_fis_drains_a_percentage_of_a_cluster(api: Harness) -> None:
    (cluster,) = api.client().list_clusters()["clusterArns"]
    target = {"resourceType": "aws:ecs:cluster", "selectionMode": "ALL", "resourceArns": [cluster]}
    parameters = {"drainagePercentage": "50", "duration": "PT1M"}
    action = {
        "actionId": "aws:ecs:drain-container-instances",
        "parameters": parameters,
        "targets": {"Clusters": "those"},
    }
    found = run(api, target, action, 20)
    assert found["state"]["status"] == "running"
    assert sorted(instance(api, name).status for name in ("a1", "b1")) == ["ACTIVE", "DRAINING"]
    api.simulation.advance(60)
    told = api.client(service="fis").get_experiment(id=found["id"])["experiment"]
    assert (told["state"]["status"], told["actions"]["it"]["state"]["status"]) == ("completed", "completed")
    assert {instance(api, name).status for name in ("a1", "b1")} == {"ACTIVE"}


@pytest.mark.parametrize("named", ["EC2", "ECS", "zone"])
def test_fis_interrupts_a_spot_instance_by_either_of_its_arns_or_by_its_zone(api: Harness, named: str) -> None:
    victim = instance(api, "b1")
    target: dict[str, Any] = {"resourceType": "aws:ec2:spot-instance", "selectionMode": "ALL"}
    if named == "zone":
        target["parameters"] = {"availabilityZoneIdentifier": "us-east-1b"}
    else:
        arn = f"arn:aws:ec2:us-east-1:123456789012:instance/{victim.ec2_instance_id}"
        target["resourceArns"] = [arn if named == "EC2" else victim.arn]
    action = {
        "actionId": "aws:ec2:send-spot-instance-interruptions",
        "parameters": {"durationBeforeInterruption": "PT10S"},
        "targets": {"SpotInstances": "those"},
    }
    found = run(api, target, action, 8)
    assert not instance(api, "b1").is_off
    api.simulation.advance(5)
    assert (instance(api, "b1").is_off, instance(api, "a1").is_off) == (True, False)
    api.simulation.advance(65)
    told = api.client(service="fis").get_experiment(id=found["id"])["experiment"]
    assert told["state"]["status"] == "completed"
    assert instance(api, "b1").agent_connected
    assert len([task for task in api.simulation.state.live_tasks_of(WEB) if task.is_running]) == 4


def test_a_target_without_container_instances_ends_the_experiment(api: Harness) -> None:
    target = {
        "resourceType": "aws:ec2:instance",
        "selectionMode": "ALL",
        "parameters": {"availabilityZoneIdentifier": "us-east-1f"},
    }
    action = {"actionId": "chaos-ecs:instance-stop", "targets": {"Instances": "those"}}
    found = run(api, target, action, 3)
    assert found["state"]["status"] == "failed"
    assert "Target resolution returned empty set" in found["state"]["reason"]
