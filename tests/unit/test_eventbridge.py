"""Events as Amazon ECS sends them to EventBridge, held against the members of the Developer Guide's own examples."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

import pytest

from chaos_ecs.api.eventbridge import bodies, translated
from chaos_ecs.controller import Controller
from chaos_ecs.core.events import Event, EventType
from chaos_ecs.core.instance_messages import RegisterContainerInstance
from chaos_ecs.core.messages import CreateService, KillTask, UpdateService
from tests.builders import CLUSTER, WEB, a_container, a_service, a_simulation, registered, running
from tests.unit.api_harness import Harness, with_tasks

ENVELOPE = {"version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail"}
FARGATE_TASK = {
    "attachments", "availabilityZone", "clusterArn", "containers", "createdAt", "launchType", "cpu", "memory",
    "desiredStatus", "group", "lastStatus", "overrides", "connectivity", "connectivityAt", "pullStartedAt", "startedAt",
    "pullStoppedAt", "updatedAt", "taskArn", "taskDefinitionArn", "version", "platformVersion",
}  # fmt: skip
"""The members of the guide's task state change event, which is of a running Fargate task."""
ITS_CONTAINER = {
    "containerArn", "lastStatus", "name", "image", "imageDigest", "runtimeId", "taskArn", "networkInterfaces", "cpu",
}  # fmt: skip
SCHEMA = FARGATE_TASK | {
    "attributes", "capacityProviderName", "containerInstanceArn", "executionStoppedAt", "startedBy", "stopCode",
    "stoppedAt", "stoppedReason", "stoppingAt",
}  # fmt: skip
"""EventBridge's schema of the event, and capacityProviderName, which real ones have."""
CONTAINER_SCHEMA = ITS_CONTAINER | {"exitCode", "memory", "memoryReservation", "networkBindings", "reason"}
SECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
MILLISECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")

Told = list[dict[str, Any]]


def followed(controller: Controller | None) -> Told:
    """Grows with what the controller's followers are told."""
    assert controller is not None
    told: Told = []
    controller.follow(lambda at, changes: told.extend(json.loads(body) for body in bodies(at, changes)))
    return told


def of_kind(told: Told, kind: str) -> Told:
    return [event for event in told if event["detail-type"] == kind]


def tasks(told: Told) -> Told:
    return of_kind(told, "ECS Task State Change")


@pytest.fixture
def fargate() -> Told:
    """A Fargate task from its first event to its last."""
    api = Harness()
    told = followed(api.simulation.controller)
    ecs = api.client()
    ecs.register_task_definition(
        family="sample",
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="256",
        memory="512",
        containerDefinitions=[{"name": "app", "image": "chaos-ecs/demo:1", "command": ["web"]}],
    )
    network = {"awsvpcConfiguration": {"subnets": ["subnet-12345678"]}}
    started = ecs.run_task(
        cluster="my-cluster", taskDefinition="sample", launchType="FARGATE", networkConfiguration=network
    )
    api.simulation.advance(5)
    ecs.stop_task(cluster="my-cluster", task=started["tasks"][0]["taskArn"], reason="enough")
    api.simulation.advance(40)
    return told


def test_every_event_has_the_envelope(fargate: Told) -> None:
    assert fargate
    for event in fargate:
        assert set(event) == ENVELOPE
        assert (event["version"], event["source"], event["account"]) == ("0", "aws.ecs", "123456789012")
        assert event["region"] == "us-east-1"
        assert SECONDS.fullmatch(event["time"])
        assert str(UUID(event["id"])) == event["id"]
        assert len(event["resources"]) == 1


def test_no_two_events_have_the_same_id(fargate: Told) -> None:
    assert len({event["id"] for event in fargate}) == len(fargate)


def test_a_running_fargate_task_has_every_member_of_the_guides_example(fargate: Told) -> None:
    running_ = next(event["detail"] for event in tasks(fargate) if event["detail"]["lastStatus"] == "RUNNING")
    assert set(running_) >= FARGATE_TASK
    assert set(running_["containers"][0]) >= ITS_CONTAINER
    (attachment,) = running_["attachments"]
    assert (attachment["type"], attachment["status"]) == ("eni", "ATTACHED")
    told = {item["name"] for item in attachment["details"]}
    assert {"subnetId", "networkInterfaceId", "privateIPv4Address"} <= told
    assert running_["overrides"] == {"containerOverrides": [{"name": "app"}]}
    assert set(running_["containers"][0]["networkInterfaces"][0]) == {"attachmentId", "privateIpv4Address"}


def test_no_event_has_a_member_that_ecs_does_not_have(fargate: Told) -> None:
    for event in tasks(fargate):
        assert set(event["detail"]) <= SCHEMA
        for container in event["detail"]["containers"]:
            assert set(container) <= CONTAINER_SCHEMA
        assert "null" not in json.dumps(event)


def test_times_are_iso_strings_with_milliseconds_and_numbers_are_strings_where_the_api_has_them_so(
    fargate: Told,
) -> None:
    last = tasks(fargate)[-1]["detail"]
    times = {name: value for name, value in last.items() if name.endswith("At")}
    assert set(times) >= {"createdAt", "startedAt", "stoppingAt", "executionStoppedAt", "stoppedAt", "updatedAt"}
    for value in times.values():
        assert MILLISECONDS.fullmatch(value)
    assert (last["cpu"], last["memory"]) == ("256", "512")
    assert isinstance(last["version"], int)
    assert isinstance(last["containers"][0]["exitCode"], int)


def test_a_stopped_task_says_why(fargate: Told) -> None:
    last = tasks(fargate)[-1]
    assert (last["detail"]["lastStatus"], last["detail"]["desiredStatus"]) == ("STOPPED", "STOPPED")
    assert (last["detail"]["stopCode"], last["detail"]["stoppedReason"]) == ("UserInitiated", "enough")
    assert last["resources"] == [last["detail"]["taskArn"]]


def test_the_wish_to_stop_is_told_while_the_task_still_runs(fargate: Told) -> None:
    seen = [(event["detail"]["desiredStatus"], event["detail"]["lastStatus"]) for event in tasks(fargate)]
    assert ("STOPPED", "RUNNING") in seen


def test_a_container_that_ends_alone_is_a_change_of_its_task() -> None:
    api = Harness()
    told = followed(api.simulation.controller)
    ecs = api.client()
    ecs.register_task_definition(
        family="two",
        containerDefinitions=[
            {"name": "app", "image": "chaos-ecs/demo:1", "command": ["web"], "memory": 64},
            {"name": "once", "image": "chaos-ecs/demo:1", "command": ["batch"], "memory": 64, "essential": False},
        ],
    )
    ecs.run_task(cluster="my-cluster", taskDefinition="two")
    api.simulation.advance(60)
    last = tasks(told)[-1]["detail"]
    assert last["lastStatus"] == "RUNNING"
    assert [item["lastStatus"] for item in last["containers"]] == ["RUNNING", "STOPPED"]


def test_a_standby_is_told_when_it_takes_a_tasks_place_and_not_before() -> None:
    api = with_tasks()
    told = followed(api.simulation.controller)
    api.chaos("SetStandby", cluster="my-cluster", service="web", count=1)
    api.simulation.advance(5)
    assert tasks(told) == []
    victim = running(api.simulation)[0]
    (standby,) = api.simulation.state.standbys_of(WEB)
    api.simulation.submit(KillTask(victim.arn)).result(0)
    api.simulation.advance(5)
    versions = [event["detail"]["version"] for event in tasks(told) if event["resources"] == [standby.arn]]
    assert versions == list(range(1, len(versions) + 1))
    assert versions


# --- services ---


def an_event(type_: EventType, service: str = WEB, **data: Any) -> Event:
    return Event(7, 1_800_000_000.25, type_, "", CLUSTER, service, "", data)


def action(type_: EventType, service: str = WEB, **data: Any) -> Mapping[str, Any] | None:
    event = translated(an_event(type_, service, **data), 0.0)
    return event and {key: event[key] for key in ("detail-type", "time", "resources", "detail")}


@pytest.mark.parametrize(
    ("type_", "data", "kind", "name", "more"),
    [
        (EventType.SERVICE_STEADY, {"runningCount": 3}, "INFO", "SERVICE_STEADY_STATE", {}),
        (EventType.SERVICE_SCALED, {"desiredCount": 0}, "INFO", "SERVICE_DESIRED_COUNT_UPDATED", {"desiredCount": 0}),
        (EventType.SERVICE_TASKS_STOPPED, {"tasks": ["T"]}, "INFO", "TASKS_STOPPED", {"taskArns": ["T"]}),
        (EventType.SERVICE_THROTTLED, {"level": 2}, "WARN", "SERVICE_TASK_START_IMPAIRED", {}),
        (
            EventType.SERVICE_NOT_PLACED,
            {"reason": "RESOURCE:MEMORY"},
            "ERROR",
            "SERVICE_TASK_PLACEMENT_FAILURE",
            {"reason": "RESOURCE:MEMORY"},
        ),
        (
            EventType.SERVICE_DAEMON_MISPLACED,
            {"tasks": ["T"]},
            "ERROR",
            "SERVICE_DAEMON_PLACEMENT_CONSTRAINT_VIOLATED",
            {},
        ),
    ],
)
def test_what_a_service_does_is_a_service_action(
    type_: EventType, data: dict[str, Any], kind: str, name: str, more: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chaos_ecs.api.eventbridge.TOLD_FROM_LEVEL", 2)
    assert action(type_, **data) == {
        "detail-type": "ECS Service Action",
        "time": "2027-01-15T08:00:00Z",
        "resources": [WEB],
        "detail": {
            "eventType": kind,
            "eventName": name,
            "clusterArn": CLUSTER,
            "createdAt": "2027-01-15T08:00:00.250Z",
            **more,
        },
    }


@pytest.mark.parametrize("type_", [type_ for type_ in EventType if type_.startswith(("SERVICE_UPDATED", "TASK_KILL"))])
def test_what_ecs_does_not_tell_is_not_told(type_: EventType) -> None:
    assert action(type_, desiredCount=3) is None


def test_a_service_without_room_is_told_with_the_reason_of_the_closest_container_instance() -> None:
    simulation = a_simulation()
    simulation.submit(RegisterContainerInstance(CLUSTER, "small", 1024, 64)).result(0)
    told = followed(simulation.controller)
    definition = registered(simulation, a_container(memory=512), family="big")
    simulation.submit(CreateService(WEB, CLUSTER, definition, 1, launch_type="EC2")).result(0)
    simulation.advance(5)
    (failure,) = of_kind(told, "ECS Service Action")
    assert failure["detail"]["eventName"] == "SERVICE_TASK_PLACEMENT_FAILURE"
    assert failure["detail"]["reason"] == "RESOURCE:MEMORY"


def test_a_count_that_a_person_sets_is_no_event() -> None:
    simulation = a_simulation()
    a_service(simulation)
    simulation.advance(5)
    told = followed(simulation.controller)
    simulation.submit(UpdateService(WEB, desired_count=4)).result(0)
    simulation.advance(5)
    names = {event["detail"]["eventName"] for event in of_kind(told, "ECS Service Action")}
    assert names == {"SERVICE_STEADY_STATE"}


def test_a_task_that_run_task_cannot_place_is_an_answer_and_no_event() -> None:
    assert action(EventType.TASK_NOT_PLACED, service="", reason="AGENT") is None


def test_a_slower_throttle_is_not_told_again() -> None:
    assert action(EventType.SERVICE_THROTTLED, level=9) is None


def test_a_following_that_ends_costs_nothing_any_more() -> None:
    simulation = a_simulation()
    assert simulation.controller is not None
    assert simulation.state.outbox is None
    told: list[Any] = []
    end: Callable[[], None] = simulation.controller.follow(lambda at, changes: told.extend(changes))
    a_service(simulation)
    simulation.advance(5)
    assert told
    end()
    simulation.advance(1)
    simulation.submit(UpdateService(WEB, desired_count=1)).result(0)
    seen = len(told)
    simulation.advance(5)
    assert len(told) == seen
    assert simulation.state.outbox is None
