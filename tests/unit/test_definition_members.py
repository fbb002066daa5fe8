"""The table of members is complete, and what is only stored is told."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest

from chaos_ecs.api import coverage
from chaos_ecs.api.definition_members import TABLE, Standing
from chaos_ecs.core.events import EventType
from tests.unit.api_harness import CLUSTER, Harness

MODEL = botocore.session.get_session().get_service_model("ecs")
SHAPES = {shape: (shape,) for shape in TABLE} | {"TaskDefinition": ("TaskDefinition", "RegisterTaskDefinitionRequest")}


@pytest.mark.parametrize(("shape", "modelled"), SHAPES.items(), ids=list(SHAPES))
def test_every_member_of_the_model_has_a_standing(shape: str, modelled: tuple[str, ...]) -> None:
    """A botocore newer than COVERAGE.md's may have more."""
    members = {member for name in modelled for member in MODEL.shape_for(name).members}
    assert set(TABLE[shape]) <= members
    if botocore.__version__ == coverage.version_of(coverage.PAGE.read_text(encoding="utf-8")):
        assert set(TABLE[shape]) == members


def test_what_is_not_honoured_says_what_is_so_instead() -> None:
    for members in TABLE.values():
        for name, member in members.items():
            assert member.standing is Standing.HONOURED or member.words, name


def a_container(**members: Any) -> dict[str, Any]:
    return {"name": "app", "image": "busybox", "memory": 64, **members}


def told(api: Harness) -> list[dict[str, str]]:
    found = [event for event in api.simulation.events if event.type is EventType.WITHOUT_EFFECT]
    return [member for event in found for member in event.data["members"]]


AWSLOGS = {"logDriver": "awslogs", "options": {"awslogs-group": "g", "awslogs-region": "us-east-1"}}
EFS = {"name": "files", "efsVolumeConfiguration": {"fileSystemId": "fs-1"}}
SIDE = {"name": "side", "image": "busybox"}

WITHOUT_EFFECT: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "taskRoleArn": ({}, {"taskRoleArn": "arn:aws:iam::123456789012:role/x"}),
    "ephemeralStorage": ({}, {"ephemeralStorage": {"sizeInGiB": 30}}),
    "networkMode host": ({}, {"networkMode": "host"}),
    "volume 'files': efsVolumeConfiguration": ({}, {"volumes": [EFS]}),
    "container 'app': resourceRequirements": ({"resourceRequirements": [{"type": "GPU", "value": "1"}]}, {}),
    "container 'app': logConfiguration awslogs": ({"logConfiguration": AWSLOGS}, {}),
    "container 'app': dnsServers": ({"dnsServers": ["192.0.2.1"]}, {}),
    "container 'app': appProtocol": ({"portMappings": [{"containerPort": 80, "appProtocol": "http"}]}, {}),
    "container 'app': swappiness": ({"linuxParameters": {"swappiness": 10}}, {}),
}


@pytest.mark.parametrize(("member", "said"), WITHOUT_EFFECT.items(), ids=list(WITHOUT_EFFECT))
def test_what_is_only_stored_is_named_in_an_event_and_described(
    api: Harness, ecs: Any, member: str, said: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    of_container, of_task = said
    made = ecs.register_task_definition(family="app", containerDefinitions=[a_container(**of_container)], **of_task)
    assert [one["member"] for one in told(api)] == [member]
    assert all(one["instead"] for one in told(api))
    described = made["taskDefinition"]
    assert {name: described[name] for name in of_task} == of_task
    container = described["containerDefinitions"][0]
    for name in of_container.keys() - {"portMappings"}:
        assert container[name] == of_container[name]


def test_what_containers_of_one_task_do_not_share_is_told(api: Harness, ecs: Any) -> None:
    ecs.register_task_definition(
        family="app",
        containerDefinitions=[a_container(cpu=64), SIDE],
        networkMode="awsvpc",
        pidMode="task",
        cpu="256",
        memory="512",
    )
    assert [one["member"] for one in told(api)] == [
        "networkMode awsvpc",
        "pidMode task",
        "memory of the task",
        "cpu of the task",
    ]


def test_a_definition_that_is_wholly_honoured_tells_nothing(api: Harness, ecs: Any) -> None:
    ecs.register_task_definition(family="app", containerDefinitions=[a_container()], cpu="256", memory="512")
    assert told(api) == []


def test_what_run_task_overrides_without_effect_is_told_and_described(api: Harness, ecs: Any) -> None:
    overrides = {
        "cpu": "512",
        "memory": "1024",
        "taskRoleArn": "arn:aws:iam::123456789012:role/y",
        "ephemeralStorage": {"sizeInGiB": 40},
        "containerOverrides": [
            {
                "name": "worker",
                "environmentFiles": [{"value": "arn:aws:s3:::config/a.env", "type": "s3"}],
                "resourceRequirements": [{"type": "GPU", "value": "1"}],
                "memoryReservation": 16,
            }
        ],
    }
    (task,) = ecs.run_task(cluster=CLUSTER, taskDefinition="worker", overrides=overrides)["tasks"]
    assert task["overrides"] == overrides | {"inferenceAcceleratorOverrides": []}
    assert (task["cpu"], task["memory"], task["ephemeralStorage"]) == ("512", "1024", {"sizeInGiB": 40})
    assert [one["member"] for one in told(api)] == [
        "overrides: taskRoleArn",
        "overrides: ephemeralStorage",
        "override of 'worker': resourceRequirements",
    ]
