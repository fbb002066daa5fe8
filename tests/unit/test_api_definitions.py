"""Task definitions through real boto3: what goes in comes out, and reaches the core."""

from __future__ import annotations

from typing import Any

import pytest

from chaos_ecs.core.model import DependencyCondition, HealthCheck, PortMapping
from tests.unit.api_harness import Harness

ARN = "arn:aws:ecs:us-east-1:123456789012:task-definition/"


def a_container(**members: Any) -> dict[str, Any]:
    return {"name": "app", "image": "busybox:1.37", "memory": 64, **members}


FULL: dict[str, Any] = a_container(
    cpu=128,
    memoryReservation=32,
    command=["sh", "-c", "true"],
    entryPoint=["/bin/env"],
    environment=[{"name": "A", "value": "1"}, {"name": "B", "value": ""}],
    portMappings=[
        {"containerPort": 80, "name": "http", "appProtocol": "http"},
        {"containerPort": 53, "protocol": "udp"},
    ],
    dependsOn=[{"containerName": "side", "condition": "HEALTHY"}],
    stopTimeout=5,
    startTimeout=60,
    healthCheck={"command": ["CMD-SHELL", "true"], "interval": 10},
    user="nobody",
    workingDirectory="/tmp",
    ulimits=[{"name": "nofile", "softLimit": 10, "hardLimit": 20}],
    linuxParameters={"initProcessEnabled": True},
    logConfiguration={"logDriver": "awslogs", "options": {"awslogs-group": "g", "awslogs-region": "us-east-1"}},
)
SIDE = {
    "name": "side",
    "image": "busybox",
    "memory": 8,
    "healthCheck": {"command": ["CMD", "true"]},
    "essential": False,
}


def test_the_definitions_of_the_lesson_are_there(ecs: Any) -> None:
    demo = ["batch-job", "db-migrate", "flaky", "web-server", "worker"]
    workloads = ["api", "batch", "database", "migrate", "queue", "queue-worker", "train", "web"]
    listed = ecs.list_task_definitions()["taskDefinitionArns"]
    assert listed == [f"{ARN}{name}:1" for name in sorted(demo + workloads)]
    web = ecs.describe_task_definition(taskDefinition="web-server")["taskDefinition"]
    (container,) = web["containerDefinitions"]
    assert (web["family"], web["revision"], web["status"]) == ("web-server", 1, "ACTIVE")
    assert container["portMappings"] == [{"containerPort": 8080, "hostPort": 0, "protocol": "tcp"}]


@pytest.mark.parametrize("family", ["web-server", "train", "database"])
def test_what_is_described_of_them_can_be_registered_as_it_stands(ecs: Any, family: str) -> None:
    described = ecs.describe_task_definition(taskDefinition=family)["taskDefinition"]
    said = {name: described[name] for name in ("family", "containerDefinitions", "volumes", "networkMode")}
    again = ecs.register_task_definition(**said)["taskDefinition"]
    assert {name: again[name] for name in said} == said


def test_the_volumes_of_the_workloads_are_shared_by_all_their_tasks(ecs: Any) -> None:
    train = ecs.describe_task_definition(taskDefinition="train")["taskDefinition"]
    assert train["volumes"] == [
        {"name": "models", "dockerVolumeConfiguration": {"scope": "shared", "autoprovision": True}}
    ]
    assert train["containerDefinitions"][0]["mountPoints"] == [{"sourceVolume": "models", "containerPath": "/data"}]


def test_everything_registered_is_returned_with_the_defaults_filled_in(ecs: Any) -> None:
    registered = ecs.register_task_definition(
        family="full",
        containerDefinitions=[FULL, SIDE],
        cpu="0.25 vCPU",
        memory="1 GB",
        volumes=[{"name": "data"}],
        requiresCompatibilities=["EC2"],
        taskRoleArn="arn:aws:iam::123456789012:role/x",
        tags=[{"key": "team", "value": "a"}],
    )
    definition = registered["taskDefinition"]
    assert registered["tags"] == [{"key": "team", "value": "a"}]
    container = definition["containerDefinitions"][0]
    assert {name: container[name] for name in FULL.keys() - {"portMappings", "healthCheck"}} == {
        name: value for name, value in FULL.items() if name not in ("portMappings", "healthCheck")
    }
    assert container["portMappings"] == [
        {"containerPort": 80, "hostPort": 0, "protocol": "tcp", "name": "http", "appProtocol": "http"},
        {"containerPort": 53, "hostPort": 0, "protocol": "udp"},
    ]
    assert container["healthCheck"] == {"command": ["CMD-SHELL", "true"], "interval": 10, "timeout": 5, "retries": 3}
    assert (container["essential"], container["mountPoints"], container["volumesFrom"]) == (True, [], [])
    assert (definition["taskDefinitionArn"], definition["cpu"], definition["memory"]) == (f"{ARN}full:1", "256", "1024")
    assert definition["volumes"] == [{"name": "data"}]
    assert definition["requiresCompatibilities"] == ["EC2"]
    assert ecs.describe_task_definition(taskDefinition="full:1")["taskDefinition"] == definition


def test_what_was_registered_reaches_the_core(api: Harness, ecs: Any) -> None:
    ecs.register_task_definition(family="full", containerDefinitions=[FULL, SIDE], cpu="256", memory="512")
    definition = api.simulation.state.task_definitions[f"{ARN}full:1"]
    container = definition.container("app")
    assert (definition.cpu, definition.memory, definition.network_mode) == (256, 512, "bridge")
    assert (container.command, container.entry_point) == (("sh", "-c", "true"), ("/bin/env",))
    assert container.environment == (("A", "1"), ("B", ""))
    assert container.port_mappings == (PortMapping(80, name="http"), PortMapping(53, protocol="udp"))
    assert container.depends_on[0].condition is DependencyCondition.HEALTHY
    assert container.health_check == HealthCheck(("CMD-SHELL", "true"), interval=10)
    assert (container.stop_timeout, container.start_timeout, container.user) == (5, 60, "nobody")
    assert (container.cpu, container.memory, container.memory_reservation) == (128, 64, 32)
    assert not definition.container("side").essential


def test_a_port_of_awsvpc_is_the_same_outside(ecs: Any) -> None:
    registered = ecs.register_task_definition(
        family="vpc",
        networkMode="awsvpc",
        cpu="256",
        memory="512",
        containerDefinitions=[a_container(portMappings=[{"containerPort": 80}])],
    )["taskDefinition"]
    assert registered["containerDefinitions"][0]["portMappings"][0]["hostPort"] == 80
    assert registered["compatibilities"] == ["EC2", "FARGATE"]


def test_revisions_count_up_and_a_family_means_the_newest_active_one(ecs: Any) -> None:
    for _ in range(3):
        ecs.register_task_definition(family="app", containerDefinitions=[a_container()])
    assert ecs.deregister_task_definition(taskDefinition="app:3")["taskDefinition"]["status"] == "INACTIVE"
    assert ecs.describe_task_definition(taskDefinition="app")["taskDefinition"]["revision"] == 2
    gone = ecs.describe_task_definition(taskDefinition=f"{ARN}app:3")["taskDefinition"]
    assert gone["deregisteredAt"] is not None


def test_tags_are_shown_only_where_they_were_asked_for(ecs: Any) -> None:
    ecs.register_task_definition(family="app", containerDefinitions=[a_container()], tags=[{"key": "k", "value": "v"}])
    assert "tags" not in ecs.describe_task_definition(taskDefinition="app")
    assert ecs.describe_task_definition(taskDefinition="app", include=["TAGS"])["tags"] == [{"key": "k", "value": "v"}]


def test_lists_filter_sort_and_page(ecs: Any) -> None:
    for _ in range(11):
        ecs.register_task_definition(family="app", containerDefinitions=[a_container()])
    ecs.deregister_task_definition(taskDefinition="app:1")
    listed = ecs.list_task_definitions(familyPrefix="app")["taskDefinitionArns"]
    assert listed == [f"{ARN}app:{revision}" for revision in range(2, 12)]
    paginator = ecs.get_paginator("list_task_definitions")
    pages = paginator.paginate(familyPrefix="app", sort="DESC", PaginationConfig={"PageSize": 4})
    assert [arn for page in pages for arn in page["taskDefinitionArns"]] == listed[::-1]
    assert ecs.list_task_definitions(status="INACTIVE")["taskDefinitionArns"] == [f"{ARN}app:1"]
    assert ecs.list_task_definitions(familyPrefix="ap")["taskDefinitionArns"] == []


def test_families_are_active_while_a_revision_is(ecs: Any) -> None:
    assert ecs.list_task_definition_families(familyPrefix="w")["families"] == ["web", "web-server", "worker"]
    ecs.deregister_task_definition(taskDefinition="worker:1")
    assert ecs.list_task_definition_families(familyPrefix="w")["families"] == ["web", "web-server"]
    assert ecs.list_task_definition_families(status="INACTIVE")["families"] == ["worker"]
    assert len(ecs.list_task_definition_families(status="ALL")["families"]) == 13


def registering(**members: Any) -> tuple[str, dict[str, Any]]:
    return "RegisterTaskDefinition", {"family": "app", "containerDefinitions": [a_container()], **members}


def containing(*containers: dict[str, Any], **members: Any) -> tuple[str, dict[str, Any]]:
    return registering(containerDefinitions=list(containers), **members)


@pytest.mark.parametrize(
    ("call", "code", "said"),
    [
        (registering(family="no spaces"), "ClientException", "Family contains invalid characters."),
        (registering(family=None), "ClientException", "Family can not be blank."),
        (registering(networkMode="vpc"), "ClientException", "at 'networkMode' failed"),
        (registering(cpu="much"), "ClientException", "Invalid 'cpu' setting for task."),
        (registering(memory="0"), "ClientException", "Invalid 'memory' setting for task."),
        (registering(cpu=256), "SerializationException", "cpu: NUMBER_VALUE can not be converted to a String"),
        (containing(), "ClientException", "Container list cannot be empty."),
        (containing({}), "ClientException", "Container.name should not be null or empty."),
        (containing({"name": "app"}), "ClientException", "Container.image should not be null or empty."),
        (
            containing({"name": "app", "image": "x"}),
            "ClientException",
            "Invalid setting for container 'app'. At least one of 'memory' or 'memoryReservation' must be specified.",
        ),
        (
            containing(a_container(memory="64")),
            "SerializationException",
            "containerDefinitions[0].memory: STRING_VALUE",
        ),
        (containing(a_container(cpu=-1)), "ClientException", "'cpu' must not be negative"),
        (
            containing(a_container(portMappings=[{}])),
            "ClientException",
            "Invalid 'containerPort'",
        ),
        (
            containing(a_container(portMappings=[{"containerPort": 70000}])),
            "ClientException",
            "Invalid 'containerPort'",
        ),
        (containing(a_container(environment=[{"value": "x"}])), "ClientException", "variable needs a name"),
        (
            containing(a_container(dependsOn=[{"containerName": "x", "condition": "READY"}])),
            "ClientException",
            "enum value set: [START, COMPLETE, SUCCESS, HEALTHY]",
        ),
        (
            containing(a_container(essential=False)),
            "ClientException",
            "doesn't have any essential",
        ),
        (
            ("DescribeTaskDefinition", {"taskDefinition": "nothing"}),
            "ClientException",
            "Unable to describe task definition.",
        ),
        (
            ("DescribeTaskDefinition", {"taskDefinition": "web-server:2"}),
            "ClientException",
            "Unable to describe task definition.",
        ),
        (
            ("DescribeTaskDefinition", {"taskDefinition": "web-server:foo"}),
            "InvalidParameterException",
            "Invalid revision number. Number: foo",
        ),
        (("DescribeTaskDefinition", {}), "InvalidParameterException", "TaskDefinition can not be blank."),
        (("DeregisterTaskDefinition", {"taskDefinition": "web-server"}), "ClientException", "Revision is missing."),
        (("DeregisterTaskDefinition", {"taskDefinition": "nothing:1"}), "ClientException", "does not exist"),
        (("ListTaskDefinitions", {"sort": "UP"}), "InvalidParameterException", "enum value set"),
        (("ListTaskDefinitions", {"nextToken": "Imx4Ig=="}), "InvalidParameterException", "Invalid token."),
        (("ListTaskDefinitionFamilies", {"status": "GONE"}), "InvalidParameterException", "enum value set"),
    ],
)
def test_bad_input_is_refused(api: Harness, call: tuple[str, dict[str, Any]], code: str, said: str) -> None:
    status, body = api.call(*call)
    assert (status, body["__type"]) == (400, code)
    assert said in body["message"]
