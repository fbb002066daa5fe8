"""What ECS refuses at registration, and what Fargate has not: each in ECS's words where they are known."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.api_harness import CLUSTER, Harness
from tests.unit.service_calls import FARGATE_NETWORK, fit_for_fargate

ROLE = "arn:aws:iam::123456789012:role/x"
AWSLOGS = {"logDriver": "awslogs", "options": {"awslogs-group": "g", "awslogs-region": "us-east-1"}}


def a_container(**members: Any) -> dict[str, Any]:
    return {"name": "app", "image": "busybox", "memory": 64, **members}


def registering(*containers: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {"family": "app", "containerDefinitions": list(containers), **members}


def with_linux(**members: Any) -> dict[str, Any]:
    return registering(a_container(linuxParameters=members))


def with_check(**members: Any) -> dict[str, Any]:
    return registering(a_container(healthCheck={"command": ["CMD", "true"], **members}))


def with_secrets(secrets: list[dict[str, str]], **members: Any) -> dict[str, Any]:
    return registering(a_container(secrets=secrets, **members), executionRoleArn=ROLE)


def a_secret(name: str, value_from: str = "token") -> list[dict[str, str]]:
    return [{"name": name, "valueFrom": value_from}]


def files(*arns: str) -> dict[str, Any]:
    return registering(a_container(environmentFiles=[{"value": arn, "type": "s3"} for arn in arns]))


def with_volumes(*volumes: dict[str, Any]) -> dict[str, Any]:
    return registering(a_container(), volumes=list(volumes))


def with_efs(**members: Any) -> dict[str, Any]:
    return with_volumes({"name": "v", "efsVolumeConfiguration": {"fileSystemId": "fs-1", **members}})


PORT, NAMED = {"containerPort": 8080, "hostPort": 80}, {"containerPort": 8080, "name": "web"}
SIDE = {"name": "side", "image": "busybox", "memory": 8, "essential": False}
RANGE = {"containerPortRange": "8000-8010"}

REFUSED: list[tuple[dict[str, Any], str]] = [
    (registering(a_container(name="no spaces")), "Container.name contains invalid characters."),
    (registering(*(a_container(name=f"c{n}") for n in range(11))), "Too many containers."),
    (registering(a_container(stopTimeout=1)), "Granular stop timeout on container 'app' must be at least 2 seconds."),
    (registering(a_container(startTimeout=1)), "Granular start timeout on container 'app' must be at least 2 seconds."),
    (with_check(command=["true"]), "must begin with CMD or CMD-SHELL"),
    (with_check(interval=4), "Health check 'interval' must be between 5 and 300."),
    (with_check(timeout=61), "Health check 'timeout' must be between 2 and 60."),
    (with_check(retries=11), "Health check 'retries' must be between 1 and 10."),
    (with_check(startPeriod=301), "Health check 'startPeriod' must be between 0 and 300."),
    (
        registering(a_container(restartPolicy={"enabled": True, "restartAttemptPeriod": 59})),
        "'restartAttemptPeriod' must be between 60 and 1800 seconds.",
    ),
    (
        registering(a_container(restartPolicy={"enabled": True, "ignoredExitCodes": list(range(51))})),
        "'ignoredExitCodes' can have at most 50 items.",
    ),
    (registering(a_container(portMappings=[RANGE | {"containerPort": 80}])), "Specify either one port or a range"),
    (registering(a_container(portMappings=[RANGE | {"hostPort": 80}])), "exclude each other"),
    (registering(a_container(portMappings=[{"containerPortRange": "80"}])), "Invalid 'containerPortRange' setting"),
    (registering(a_container(portMappings=[{"containerPortRange": "90-80"}])), "Invalid 'containerPortRange' setting"),
    (registering(a_container(portMappings=[{"hostPort": 80}])), "Invalid 'containerPort' setting for container 'app'."),
    (registering(a_container(portMappings=[PORT, PORT])), "TCP host port '80' is mapped multiple times in task."),
    (
        registering(a_container(portMappings=[RANGE]), SIDE | {"portMappings": [{"containerPort": 8001}]})
        | {"networkMode": "awsvpc"},
        "TCP host port '8001' is mapped multiple times in task.",
    ),
    (
        registering(a_container(portMappings=[{"containerPort": 80, "hostPort": 81}]), networkMode="awsvpc"),
        "When networkMode=awsvpc, the host ports and container ports in port mappings must match.",
    ),
    (
        registering(a_container(portMappings=[NAMED]), SIDE | {"portMappings": [NAMED]}),
        "The port mapping name is already used: 'web'.",
    ),
    (registering(a_container(portMappings=[NAMED | {"name": "-Web"}])), "Port mapping name '-Web' is invalid"),
    (
        registering(a_container(disableNetworking=True), networkMode="awsvpc"),
        "Disable Networking is not supported on container when networkMode=awsvpc.",
    ),
    (registering(a_container(portMappings=[{"containerPortRange": "8000-8200"}])), "publishes at most 100"),
    (
        registering(a_container(portMappings=[{"containerPort": 80}]), networkMode="none"),
        "Port mappings are not supported when networkMode=none.",
    ),
    (with_secrets(a_secret("A") + a_secret("A")), "The secret name must be unique and not shared"),
    (
        with_secrets(a_secret("A"), environment=[{"name": "A", "value": "1"}]),
        "environment variables set on the container, such as 'A'.",
    ),
    (with_secrets(a_secret("A", "")), "A secret needs a name and a valueFrom."),
    (
        registering(a_container(secrets=a_secret("A"))),
        "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'.",
    ),
    (files("/home/ada/web.env"), "Invalid arn syntax."),
    (files("arn:aws:sns:us-east-1:123456789012:topic"), "is not the ARN of an S3 object"),
    (files("arn:aws:s3:::config/web.txt"), "must have a .env file extension"),
    (
        files(*["arn:aws:s3:::config/web.env"] * 11),
        "The maximum number of environment files was exceeded. Specify ten or less and try again.",
    ),
    (
        registering(a_container(logConfiguration={"logDriver": "awslogs", "options": {"awslogs-region": "x"}})),
        "Log driver awslogs requires options: awslogs-group",
    ),
    (registering(a_container(logConfiguration={"logDriver": "awsfirelens"})), "FireLens does not run here"),
    (registering(a_container(firelensConfiguration={"type": "fluentbit"})), "FireLens does not run here"),
    (registering(a_container(links=["db"])), "Invalid 'links' setting. Unknown container: 'db'"),
    (
        registering(a_container(volumesFrom=[{"sourceContainer": "app"}])),
        "Invalid 'volumesFrom' setting. Unknown container: 'app'",
    ),
    (
        registering(a_container(links=["side"]), SIDE | {"volumesFrom": [{"sourceContainer": "app"}]}),
        "Cyclic dependency between containers: app, side.",
    ),
    (
        registering(a_container(links=["side"]), SIDE, networkMode="awsvpc"),
        "Links are not supported when networkMode=awsvpc.",
    ),
    (
        registering(a_container(dnsServers=["192.0.2.1"]), networkMode="awsvpc"),
        "DNS servers are not supported on container when networkMode=awsvpc.",
    ),
    (
        registering(a_container(hostname="front"), networkMode="awsvpc"),
        "The hostname parameter is not supported when networkMode=awsvpc.",
    ),
    (
        registering(a_container(extraHosts=[{"hostname": "db", "ipAddress": "192.0.2.1"}]), networkMode="awsvpc"),
        "Extra hosts are not supported when networkMode=awsvpc.",
    ),
    (with_linux(capabilities={"add": ["FLY"]}), "'FLY' is not a Linux capability"),
    (with_linux(sharedMemorySize=0), "'sharedMemorySize' must be at least 1 MiB."),
    (with_linux(maxSwap=-1), "'maxSwap' must be 0 or a positive integer."),
    (with_linux(swappiness=101), "'swappiness' must be between 0 and 100."),
    (with_linux(tmpfs=[{"containerPath": "/a", "size": 0}]), "'size' of a tmpfs must be at least 1 MiB."),
    (with_linux(tmpfs=[{"containerPath": "a", "size": 1}]), "'containerPath' of a tmpfs must be absolute."),
    (with_linux(tmpfs=[{"containerPath": "/a", "size": 1, "mountOptions": ["odd"]}]), "'odd' is not a mount option"),
    (
        registering(a_container(ulimits=[{"name": "nofile", "softLimit": 2, "hardLimit": 1}])),
        "The soft limit of ulimit 'nofile' is above its hard limit.",
    ),
    (
        registering(a_container(systemControls=[{"namespace": "kernel.panic", "value": "1"}])),
        "'kernel.panic' is not a namespaced kernel parameter.",
    ),
    (registering(a_container(mountPoints=[{"sourceVolume": "x", "containerPath": "/x"}])), "Unknown volume 'x'."),
    (with_volumes({"name": "v"}, {"name": "v"}), "Duplicate volume name 'v'."),
    (with_volumes({"host": {"sourcePath": "/v"}}), "A volume needs a name."),
    (with_volumes({"name": "a b"}), "Volume name 'a b' contains invalid characters."),
    (
        with_volumes({"name": "v", "host": {"sourcePath": "/v"}, "dockerVolumeConfiguration": {"scope": "task"}}),
        "Volume 'v' can have only one of dockerVolumeConfiguration, host.",
    ),
    (
        with_volumes({"name": "v", "dockerVolumeConfiguration": {"scope": "task", "autoprovision": False}}),
        "When 'scope' parameter is 'task', 'autoprovision' must either not be specified or set to 'True'.",
    ),
    (
        with_efs(transitEncryption="DISABLED", authorizationConfig={"iam": "ENABLED"}),
        "EFS IAM authorization requires TransitEncryption to be enabled.",
    ),
    (with_efs(transitEncryptionPort=2049), "TransitEncryptionPort requires that TransitEncryption is enabled."),
    (
        with_efs(transitEncryption="ENABLED", rootDirectory="/data", authorizationConfig={"accessPointId": "fsap-1"}),
        'When using an EFS access point, the root directory must either be set to "/" or be omitted.',
    ),
    (
        with_volumes({"name": "later", "configuredAtLaunch": True}),
        "Volumes [later] are not referenced by any of the containers.",
    ),
    (
        registering(a_container(), ephemeralStorage={"sizeInGiB": 20}),
        "EphemeralStorage size should be at least 21.",
    ),
    (registering(a_container(), ephemeralStorage={"sizeInGiB": 201}), "EphemeralStorage size should be at most 200."),
    (
        registering(a_container(), placementConstraints=[{"type": "memberOf", "expression": "x"}] * 11),
        "Maximum number of constraints is 10.",
    ),
    (registering(a_container(), memory="32"), "The 'memory' setting for container 'app' is greater than for the task."),
    (registering(a_container(cpu=512), cpu="256"), "Invalid 'cpu' setting for task: its containers have 512 units"),
    (registering(a_container(), cpu="64"), "Invalid 'cpu' setting for task."),
    (
        registering(a_container(), runtimePlatform={"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"}),
        "only Linux containers run here",
    ),
]


def on_fargate(*containers: dict[str, Any], **members: Any) -> dict[str, Any]:
    sizes = {"cpu": "256", "memory": "512", "networkMode": "awsvpc"}
    return registering(*containers or [a_container()], requiresCompatibilities=["FARGATE"], **(sizes | members))


def far(**members: Any) -> dict[str, Any]:
    return on_fargate(a_container(**members))


NOT = "Fargate compatible task definitions do not support "
NOT_ON_FARGATE: list[tuple[dict[str, Any], str]] = [
    (on_fargate(networkMode="bridge"), "Fargate only supports network mode 'awsvpc'."),
    (on_fargate(cpu=None), "Fargate requires that 'cpu' be defined at the task level."),
    (on_fargate(memory=None), "Fargate requires that 'memory' be defined at the task level."),
    (on_fargate(memory="4096"), "No Fargate configuration exists for given values: 256 CPU, 4096 memory."),
    (on_fargate(cpu="300"), "No Fargate configuration exists for given values: 300 CPU, 512 memory."),
    (far(privileged=True), "Fargate requires that the 'privileged' setting be 'false'."),
    (far(dockerSecurityOptions=["no-new-privileges"]), NOT + "dockerSecurityOptions"),
    (far(linuxParameters={"maxSwap": 1}), NOT + "maxSwap"),
    (far(linuxParameters={"swappiness": 1}), NOT + "swappiness"),
    (far(linuxParameters={"sharedMemorySize": 1}), NOT + "sharedMemorySize"),
    (far(linuxParameters={"devices": [{"hostPath": "/dev/null"}]}), NOT + "devices"),
    (far(linuxParameters={"tmpfs": [{"containerPath": "/a", "size": 1}]}), NOT + "tmpfs"),
    (far(linuxParameters={"capabilities": {"add": ["NET_ADMIN"]}}), "NET_ADMIN is not allowed on Fargate."),
    (
        far(resourceRequirements=[{"type": "GPU", "value": "1"}]),
        "Tasks using the Fargate launch type do not support GPU resource requirements.",
    ),
    (far(stopTimeout=121), "must have a container stop timeout of less than 120 seconds."),
    (far(logConfiguration={"logDriver": "json-file"}), "json-file is not a valid log driver."),
    (far(logConfiguration=AWSLOGS), "execution role ARN to support log driver awslogs."),
    (on_fargate(ipcMode="task"), NOT + "ipcMode"),
    (
        on_fargate(pidMode="host"),
        "Tasks using the Fargate launch type do not support pidMode 'host'. The supported value for pidMode is 'task'.",
    ),
    (on_fargate(volumes=[{"name": "v", "host": {"sourcePath": "/v"}}]), NOT + "sourcePath"),
    (
        on_fargate(volumes=[{"name": "v", "dockerVolumeConfiguration": {"scope": "task"}}]),
        NOT + "dockerVolumeConfiguration",
    ),
    (on_fargate(placementConstraints=[{"type": "memberOf", "expression": "x"}]), NOT + "constraints"),
]


ALL_REFUSED = REFUSED + NOT_ON_FARGATE


@pytest.mark.parametrize(("params", "words"), ALL_REFUSED, ids=[row[1] for row in ALL_REFUSED])
def test_a_registration_is_refused_in_words(api: Harness, params: dict[str, Any], words: str) -> None:
    status, body = api.call("RegisterTaskDefinition", {name: value for name, value in params.items() if value})
    assert (status, body["__type"]) == (400, "ClientException")
    assert words in body["message"]


def test_tags_that_are_said_are_some(api: Harness) -> None:
    status, body = api.call("RegisterTaskDefinition", registering(a_container(), tags=[]))
    assert (status, body["__type"], body["message"]) == (400, "ClientException", "Tags can not be empty.")


@pytest.mark.parametrize(
    "params",
    [
        registering(a_container(portMappings=[PORT, PORT | {"protocol": "udp"}])),
        registering(
            a_container(portMappings=[{"containerPort": 80}]), SIDE | {"portMappings": [{"containerPort": 80}]}
        ),
        with_secrets(a_secret("A")),
        registering(a_container(), ephemeralStorage={"sizeInGiB": 200}),
        with_volumes({"name": "v", "dockerVolumeConfiguration": {"scope": "task", "autoprovision": True}}),
        with_efs(transitEncryption="ENABLED", authorizationConfig={"accessPointId": "fsap-1", "iam": "ENABLED"}),
    ],
)
def test_what_comes_close_to_it_is_registered(api: Harness, params: dict[str, Any]) -> None:
    assert api.call("RegisterTaskDefinition", params)[0] == 200


@pytest.mark.parametrize(
    "params",
    [
        on_fargate(),
        on_fargate(cpu="4 vCPU", memory="30 GB"),
        on_fargate(cpu="32768", memory="249856"),
        far(linuxParameters={"capabilities": {"add": ["SYS_PTRACE"], "drop": ["ALL"]}, "initProcessEnabled": True}),
        far(stopTimeout=120, logConfiguration=AWSLOGS) | {"executionRoleArn": ROLE},
        on_fargate(volumes=[{"name": "v"}], pidMode="task"),
    ],
)
def test_what_fargate_has_is_registered_and_compatible(api: Harness, params: dict[str, Any]) -> None:
    status, body = api.call("RegisterTaskDefinition", params)
    assert (status, body.get("message")) == (200, None)
    assert body["taskDefinition"]["compatibilities"] == ["EC2", "FARGATE"]


def test_what_fargate_has_not_is_compatible_with_ec2_alone(ecs: Any) -> None:
    made = ecs.register_task_definition(family="app", containerDefinitions=[a_container(privileged=True)])
    assert made["taskDefinition"]["compatibilities"] == ["EC2"]


CANNOT: list[dict[str, Any]] = [
    registering(a_container(privileged=True)),
    registering(a_container(), volumes=[{"name": "v", "host": {"sourcePath": "/srv"}}]),
    registering(a_container(), cpu="256", memory="4096"),
    registering(a_container(), requiresCompatibilities=["EC2"]),
]


@pytest.mark.parametrize("operation", ["RunTask", "CreateService"])
@pytest.mark.parametrize("definition", CANNOT, ids=["privileged", "a host's folder", "no such size", "EC2 alone"])
def test_a_launch_type_that_cannot_run_a_definition_is_refused(
    api: Harness, ecs: Any, operation: str, definition: dict[str, Any]
) -> None:
    ecs.register_task_definition(**definition)
    members = {"taskDefinition": "app", "launchType": "FARGATE", "cluster": CLUSTER}
    more = {"serviceName": "far", "desiredCount": 1} if operation == "CreateService" else {}
    status, body = api.call(operation, members | more)
    assert (status, body["__type"]) == (400, "InvalidParameterException")
    assert body["message"] == "Task definition does not support launch_type FARGATE."


def test_a_definition_that_requires_nothing_may_leave_out_awsvpc_and_its_size(ecs: Any) -> None:
    (task,) = ecs.run_task(cluster=CLUSTER, taskDefinition="batch-job", launchType="FARGATE")["tasks"]
    assert task["launchType"] == "FARGATE"
    described = ecs.describe_task_definition(taskDefinition="batch-job")["taskDefinition"]
    assert described["compatibilities"] == ["EC2"]


def test_a_service_on_fargate_is_not_updated_to_what_cannot_run_there(api: Harness, ecs: Any) -> None:
    far = {"taskDefinition": fit_for_fargate(ecs, "web-server"), "networkConfiguration": FARGATE_NETWORK}
    ecs.create_service(cluster=CLUSTER, serviceName="far", desiredCount=0, launchType="FARGATE", **far)
    ecs.register_task_definition(**registering(a_container(privileged=True)))
    members = {"cluster": CLUSTER, "service": "far", "taskDefinition": "app"}
    status, body = api.call("UpdateService", members)
    assert (status, body["message"]) == (400, "Task definition does not support launch_type FARGATE.")


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"cpu": "300"}, "No Fargate configuration exists for given values: 300 CPU, 512 memory."),
        ({"memory": "512", "cpu": "512"}, "No Fargate configuration exists for given values: 512 CPU, 512 memory."),
    ],
)
def test_another_size_must_be_one_that_fargate_has(
    api: Harness, ecs: Any, overrides: dict[str, str], words: str
) -> None:
    family = fit_for_fargate(ecs, "worker")
    members = {"cluster": CLUSTER, "taskDefinition": family, "launchType": "FARGATE"}
    status, body = api.call("RunTask", members | {"networkConfiguration": FARGATE_NETWORK, "overrides": overrides})
    assert (status, body["__type"]) == (400, "InvalidParameterException")
    assert words in body["message"]
