"""The errors of every operation: those that follow from botocore's model, those of every named cluster and page, and a
table of the operations' own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from botocore.model import Shape

from chaos_ecs.api import protocol
from chaos_ecs.api.operations import ECS_OPERATIONS
from tests.unit.api_harness import CLUSTER, Harness
from tests.unit.ecs_examples import INSTANCE, INSTANCES, SMALLEST, WHOLE, filled_in, with_everything
from tests.unit.service_calls import ARN

MODEL = protocol.ecs()._model
INVALID, CLIENT, SERIALIZATION = "InvalidParameterException", "ClientException", "SerializationException"

_WRONG_TYPE: Mapping[str, Any] = {
    "structure": 7,
    "list": {},
    "map": 7,
    "string": 7,
    "integer": "7",
    "long": "7",
    "boolean": "true",
    "timestamp": "now",
    "double": "7",
    "float": "7",
}
_CLUSTER_UNREAD = ("CreateCapacityProvider", "UpdateCapacityProvider", "DeleteCapacityProvider", "DiscoverPollEndpoint")
_PAGED_BY_TEN = ("DescribeCapacityProviders", "ListAccountSettings")

Case = tuple[str, dict[str, Any], str, str]
"""An operation, its members, and the code and a part of the message of what they are answered with."""


@pytest.fixture(scope="module")
def room() -> Harness:
    """A refused request changes nothing, so all of them may meet the same room."""
    return with_everything()


def _members(operation: str) -> Mapping[str, Shape]:
    shape = MODEL.operation_model(operation).input_shape
    assert shape is not None
    members: Mapping[str, Shape] = shape.members
    return members


def _refusal(operation: str) -> str:
    return CLIENT if operation == "RegisterTaskDefinition" else INVALID


def _of_the_model() -> Iterator[Case]:
    """Required members, types, enums, and lengths, member by member."""
    for operation in ECS_OPERATIONS:
        smallest = SMALLEST[operation]
        required = MODEL.operation_model(operation).input_shape.required_members
        for name in required:
            yield operation, {k: v for k, v in smallest.items() if k != name}, _refusal(operation), name[1:]
        for name, shape in _members(operation).items():
            yield operation, {**smallest, name: _WRONG_TYPE[shape.type_name]}, SERIALIZATION, name
            if shape.type_name == "string" and shape.metadata.get("enum"):
                yield operation, {**smallest, name: "made up"}, _refusal(operation), "enum value set"
            if shape.type_name == "list" and "max" in shape.metadata:
                many = [{"key": f"k{number}"} for number in range(shape.metadata["max"] + 1)]
                yield operation, {**smallest, name: many}, _refusal(operation), "length less than or equal to"


def _of_clusters() -> Iterator[Case]:
    """Whoever names a cluster names one that is there, ACTIVE, and of this region and account."""
    for operation in ECS_OPERATIONS:
        if "cluster" not in _members(operation) or operation in _CLUSTER_UNREAD:
            continue
        smallest = dict(SMALLEST[operation])
        for named, code, said in (
            ("nowhere", "ClusterNotFoundException", "Cluster not found."),
            (f"{ARN}cluster/nowhere", "ClusterNotFoundException", "Cluster not found."),
            ("gone", "ClusterNotFoundException", "The referenced cluster was inactive."),
            (f"{ARN}service/{CLUSTER}/web", INVALID, "Unexpected resource type. Expected: cluster. Actual: service"),
            ("arn:aws:ecs:eu-west-1:123456789012:cluster/x", INVALID, "Identifier is for eu-west-1"),
            ("arn:aws:ecs:us-east-1:210987654321:cluster/x", INVALID, "Identifier is for 210987654321"),
            ("arn:aws:sqs:us-east-1:123456789012:x", INVALID, "Invalid identifier"),
        ):
            yield operation, {**smallest, "cluster": named}, code, said


def _of_pages() -> Iterator[Case]:
    for operation in ECS_OPERATIONS:
        if "maxResults" not in _members(operation):
            continue
        most = 10 if operation in _PAGED_BY_TEN else 100
        for number in (0, most + 1, -1):
            yield operation, {**SMALLEST[operation], "maxResults": number}, INVALID, f"between 1 and {most}"


def _tags(*keys: str) -> list[dict[str, str]]:
    return [{"key": key, "value": "v"} for key in keys]


def _of_tags() -> Iterator[Case]:
    """Wherever tags are taken, the same of them are refused."""
    for operation in ECS_OPERATIONS:
        if "tags" not in _members(operation) or operation == "CreateTaskSet":
            continue
        for tags, said in (
            (_tags("k", "k"), "Duplicate tag keys found"),
            ([{"value": "v"}], "Tag keys can not be blank."),
            (_tags("aws:mine"), "reserved for Amazon Web Services use"),
            (_tags("AWS:mine"), "reserved for Amazon Web Services use"),
            (_tags("semi;colon"), "letters, numbers, spaces"),
        ):
            yield operation, {**SMALLEST[operation], "tags": tags}, INVALID, said
        yield (
            operation,
            {**SMALLEST[operation], "tags": _tags("k" * 129)},
            _refusal(operation),
            "less than or equal to 128",
        )


def _with(operation: str, code: str, said: str, **members: Any) -> Case:
    """The operation's small example with these members besides; None leaves one out."""
    params = {name: value for name, value in {**SMALLEST[operation], **members}.items() if value is not None}
    return operation, params, code, said


def _network(*subnets: str) -> dict[str, Any]:
    return {"awsvpcConfiguration": {"subnets": list(subnets)}}


_SPOT = {"capacityProvider": "FARGATE_SPOT", "weight": 1}
_FARGATE = {"capacityProvider": "FARGATE", "weight": 1}

_NOT_THERE = {"containerInstance": INSTANCE}
_TYPED = {"targetType": "container-instance"}

_DISTINCT = {"type": "distinctInstance", "expression": "x"}
_ANY = [{"type": "distinctInstance"}]
_BOTH = {"targetGroupArn": "a", "loadBalancerName": "b", "containerName": "worker", "containerPort": 80}
_LOG = {"s3BucketName": "b"}
_MANAGED = {
    "infrastructureRoleArn": "arn",
    "instanceLaunchTemplate": {
        "ec2InstanceProfileArn": "arn",
        "networkConfiguration": {"subnets": ["subnet-1"]},
    },
}


def _connected(port: str, aliases: int = 0) -> dict[str, Any]:
    service = {"portName": port, "clientAliases": [{"port": 80}] * aliases}
    return {"serviceConnectConfiguration": {"enabled": True, "namespace": "shop", "services": [service]}}


def _group(name: str, **members: Any) -> dict[str, Any]:
    return {"autoScalingGroupProvider": {"autoScalingGroupArn": name, **members}}


def _scaled(**said: int) -> dict[str, Any]:
    return _group("other", managedScaling=said)


def _strategy(field: str) -> dict[str, Any]:
    return {"placementStrategy": [{"type": "binpack", "field": field}]}


def _logging(**said: Any) -> dict[str, Any]:
    return {"configuration": {"executeCommandConfiguration": said}}


OWN: list[Case] = [
    _with("CreateCluster", INVALID, "You must set logging to 'OVERRIDE'", **_logging(logConfiguration=_LOG)),
    _with("UpdateCluster", INVALID, "must be specified when overriding", **_logging(logging="OVERRIDE")),
    # clusters
    _with("CreateCluster", INVALID, "Invalid cluster name", clusterName="no spaces"),
    _with("CreateCluster", INVALID, "Arguments on this idempotent request", clusterName=CLUSTER, tags=_tags("k")),
    _with("CreateCluster", INVALID, "must be one of enabled", settings=[{"name": "containerInsights", "value": "?"}]),
    _with("CreateCluster", INVALID, "does not exist. Specify a valid name", capacityProviders=["unknown"]),
    _with("CreateCluster", INVALID, "maximum number of capacity providers", capacityProviders=["FARGATE"] * 21),
    _with("CreateCluster", INVALID, "not associated with the cluster", defaultCapacityProviderStrategy=[_SPOT]),
    _with("DescribeClusters", INVALID, "at most 100", clusters=["x"] * 101),
    _with("DeleteCluster", "ClusterContainsServicesException", "while Services are active", cluster=CLUSTER),
    _with("UpdateClusterSettings", INVALID, "Settings cannot be empty", settings=[]),
    _with("UpdateCluster", INVALID, "must be one of enabled", settings=[{"name": "containerInsights"}]),
    _with("PutClusterCapacityProviders", INVALID, "does not exist", capacityProviders=["FARGATE", "unknown"]),
    _with("PutClusterCapacityProviders", INVALID, "duplicates", capacityProviders=["FARGATE", "FARGATE"]),
    _with("PutClusterCapacityProviders", INVALID, "not associated", defaultCapacityProviderStrategy=[_SPOT]),
    # capacity providers
    _with("DescribeCapacityProviders", INVALID, "at most 100", capacityProviders=["x"] * 101),
    _with("DescribeCapacityProviders", "ClusterNotFoundException", "Cluster not found.", cluster="nowhere"),
    _with("CreateCapacityProvider", INVALID, "can't be prefixed", name="FARGATE_MINE"),
    _with("CreateCapacityProvider", INVALID, "either autoScalingGroupProvider or", managedInstancesProvider=_MANAGED),
    _with("CreateCapacityProvider", CLIENT, "already exists. To change the configuration", name="mine"),
    _with("CreateCapacityProvider", CLIENT, "already being used by another", **_group("group")),
    _with("CreateCapacityProvider", INVALID, "can not be blank", **_group("")),
    _with("CreateCapacityProvider", INVALID, "cluster can not be specified", cluster=CLUSTER),
    _with(
        "CreateCapacityProvider",
        INVALID,
        "can not be greater than maximum",
        **_scaled(minimumScalingStepSize=3, maximumScalingStepSize=2),
    ),
    ("CreateCapacityProvider", {"name": "x"}, INVALID, "Specify either"),
    (
        "CreateCapacityProvider",
        {"name": "x", "managedInstancesProvider": _MANAGED},
        "UnsupportedFeatureException",
        "no managed instances",
    ),
    _with("UpdateCapacityProvider", INVALID, "does not exist. Specify a valid name or ARN", name="unknown"),
    _with("UpdateCapacityProvider", INVALID, "managed by Amazon ECS", name="FARGATE_SPOT"),
    _with("UpdateCapacityProvider", "UnsupportedFeatureException", "managed", managedInstancesProvider=_MANAGED),
    ("UpdateCapacityProvider", {"name": "mine"}, INVALID, "Specify either"),
    _with("DeleteCapacityProvider", CLIENT, "does not exist. Specify a valid name or ARN", capacityProvider="unknown"),
    _with("DeleteCapacityProvider", CLIENT, "managed by Amazon ECS", capacityProvider="FARGATE"),
    # task definitions
    _with("RegisterTaskDefinition", CLIENT, "Family contains invalid characters.", family="no spaces"),
    _with("RegisterTaskDefinition", CLIENT, "Container list cannot be empty.", containerDefinitions=[]),
    _with("RegisterTaskDefinition", CLIENT, "Invalid 'cpu' setting for task.", cpu="much"),
    _with(
        "RegisterTaskDefinition",
        CLIENT,
        "Invalid 'memory' setting for task.",
        memory="4",
        containerDefinitions=[{"name": "main", "image": "chaos-ecs/demo:1"}],
    ),
    _with("DescribeTaskDefinition", CLIENT, "Unable to describe task definition.", taskDefinition="nobody"),
    _with("DescribeTaskDefinition", INVALID, "Invalid revision number. Number: x", taskDefinition="worker:x"),
    _with("DeregisterTaskDefinition", CLIENT, "Revision is missing.", taskDefinition="worker"),
    _with("DeregisterTaskDefinition", CLIENT, "does not exist", taskDefinition="worker:9"),
    _with("DeleteTaskDefinitions", INVALID, "Task definitions cannot be empty.", taskDefinitions=[]),
    _with("DeleteTaskDefinitions", INVALID, "at most 10", taskDefinitions=[f"worker:{n}" for n in range(11)]),
    # services
    _with("CreateService", INVALID, "Invalid service name", serviceName="no spaces"),
    _with("CreateService", INVALID, "TaskDefinition can not be blank.", taskDefinition=None),
    _with("CreateService", INVALID, "DesiredCount can not be blank.", desiredCount=None),
    _with("CreateService", INVALID, "greater than or equal to 0", desiredCount=-1),
    _with("CreateService", INVALID, "Creation of service was not idempotent.", serviceName="web"),
    _with("CreateService", CLIENT, "TaskDefinition not found.", taskDefinition="nobody"),
    _with(
        "CreateService", INVALID, "Specifying both a launch type", launchType="EC2", capacityProviderStrategy=[_SPOT]
    ),
    _with("CreateService", INVALID, "not associated", capacityProviderStrategy=[{"capacityProvider": "mine"}]),
    _with("CreateService", INVALID, "duplicate", capacityProviderStrategy=[_SPOT, _SPOT]),
    _with(
        "CreateService",
        INVALID,
        "with a base value defined",
        capacityProviderStrategy=[{**_SPOT, "base": 1}, {**_FARGATE, "base": 1}],
    ),
    _with(
        "CreateService",
        INVALID,
        "with a weight value greater than zero",
        capacityProviderStrategy=[{**_SPOT, "weight": 0}],
    ),
    _with("CreateService", INVALID, "maximum of 20", capacityProviderStrategy=[_SPOT] * 21),
    _with("CreateService", INVALID, "must be null when specifying an EC2", platformVersion="LATEST"),
    _with(
        "CreateService",
        "PlatformUnknownException",
        "platform does not exist",
        platformVersion="0",
        launchType="FARGATE",
    ),
    _with("CreateService", "InvalidParameterException", "daemon scheduling", schedulingStrategy="DAEMON"),
    _with("CreateService", "UnsupportedFeatureException", "EXTERNAL", deploymentController={"type": "EXTERNAL"}),
    _with("CreateService", INVALID, "must be at most 100", deploymentConfiguration={"minimumHealthyPercent": 101}),
    _with("CreateService", INVALID, "at least 100", deploymentConfiguration={"maximumPercent": 99}),
    _with("CreateService", INVALID, "healthCheckGracePeriodSeconds", healthCheckGracePeriodSeconds=-1),
    _with("CreateService", INVALID, "at most 36 characters", clientToken="x" * 37),
    _with("UpdateService", "ServiceNotFoundException", "Service not found.", service="nobody"),
    _with("UpdateService", CLIENT, "TaskDefinition not found.", taskDefinition="nobody"),
    _with("UpdateService", INVALID, "less than or equal to 5000", desiredCount=5001),
    _with("UpdateService", INVALID, "not associated", capacityProviderStrategy=[{"capacityProvider": "mine"}]),
    _with("UpdateService", INVALID, "you must force a new deployment", capacityProviderStrategy=[_SPOT]),
    _with("DescribeServices", INVALID, "Services cannot be empty.", services=[]),
    _with(
        "DescribeServices", INVALID, "service names can have at most 10 items.", services=[f"s{n}" for n in range(11)]
    ),
    _with("ListServices", INVALID, "Invalid token.", nextToken="made up"),
    _with("ListServicesByNamespace", "NamespaceNotFoundException", "namespace wasn't found", namespace="nowhere"),
    _with("DeleteService", INVALID, "while it is scaled above 0", force=None),
    _with("DeleteService", "ServiceNotFoundException", "Service not found.", service="nobody"),
    _with("ListServiceDeployments", "ServiceNotFoundException", "Service not found.", service="nobody"),
    _with("DescribeServiceDeployments", INVALID, "cannot be empty.", serviceDeploymentArns=[]),
    _with("DescribeServiceDeployments", INVALID, "Invalid identifier", serviceDeploymentArns=["x"]),
    _with("DescribeServiceRevisions", INVALID, "at most 20", serviceRevisionArns=[f"r{n}" for n in range(21)]),
    _with("StopServiceDeployment", "ConflictException", "can not be stopped any more"),
    _with("StopServiceDeployment", INVALID, "stopType ABORT is not valid", stopType="ABORT"),
    _with("ContinueServiceDeployment", INVALID, "", serviceDeploymentArn="x"),
    _with("CreateService", INVALID, "Namespace is missing.", serviceConnectConfiguration={"enabled": True}),
    _with("CreateService", INVALID, "portName(x) does not refer to any named PortMapping", **_connected("x")),
    _with("CreateService", INVALID, "2 clientAliases exceeds the max limit of 1", **_connected("x", aliases=2)),
    _with("UpdateService", INVALID, "Namespace is missing.", serviceConnectConfiguration={"enabled": True}),
    _with("CreateService", INVALID, "binpack field 'disk' is invalid", **_strategy("disk")),
    _with(
        "CreateService", INVALID, "strategies are not supported with FARGATE", launchType="FARGATE", **_strategy("cpu")
    ),
    _with("CreateService", INVALID, "expression should not be specified", placementConstraints=[_DISTINCT]),
    _with("CreateService", INVALID, "Maximum number of constraints is 10", placementConstraints=[_DISTINCT] * 11),
    _with("CreateService", INVALID, "cannot both be specified", loadBalancers=[_BOTH]),
    _with(
        "RunTask",
        INVALID,
        "constraints are not supported with FARGATE",
        launchType="FARGATE",
        placementConstraints=_ANY,
    ),
    *(
        _with(name, INVALID, "The volume name 'x' in your request does not have", volumeConfigurations=[{"name": "x"}])
        for name in ("CreateService", "UpdateService", "RunTask")
    ),
    _with("UpdateService", INVALID, "subnets can not be empty.", networkConfiguration=_network()),
    _with("UpdateService", INVALID, "subnets can have at most 16", networkConfiguration=_network(*"abcdefghijklmnopq")),
    _with(
        "UpdateService",
        INVALID,
        "strategies are not supported",
        capacityProviderStrategy=[_SPOT],
        forceNewDeployment=True,
        **_strategy("cpu"),
    ),
    _with("UpdateService", INVALID, "must be null when specifying an EC2", platformVersion="LATEST"),
    # task sets
    *(
        _with(name, INVALID, "only supports task set management on services configured to use external")
        for name in ECS_OPERATIONS
        if "TaskSet" in name
    ),
    *(
        _with(name, "ServiceNotFoundException", "Service not found.", service="nobody")
        for name in ECS_OPERATIONS
        if "TaskSet" in name
    ),
    # tasks
    _with("RunTask", INVALID, "TaskDefinition can not be blank.", taskDefinition=""),
    _with("RunTask", CLIENT, "TaskDefinition not found.", taskDefinition="nobody"),
    _with("RunTask", INVALID, "can not be greater than 10", count=11),
    _with("RunTask", INVALID, "at least 1", count=0),
    _with("RunTask", INVALID, "startedBy can have at most 128", startedBy="x" * 129),
    _with("RunTask", INVALID, "group can have at most 255", group="x" * 256),
    _with("RunTask", INVALID, "clientToken can have at most 64", clientToken="x" * 65),
    _with("RunTask", INVALID, "referenceId can have at most 1024", referenceId="x" * 1025),
    _with("RunTask", INVALID, "propagateTags SERVICE", propagateTags="SERVICE"),
    _with("RunTask", INVALID, "size should be at most 200.", overrides={"ephemeralStorage": {"sizeInGiB": 201}}),
    _with("RunTask", INVALID, "Specifying both a launch type", launchType="EC2", capacityProviderStrategy=[_SPOT]),
    _with(
        "RunTask",
        INVALID,
        "Override for container named nobody",
        overrides={"containerOverrides": [{"name": "nobody"}]},
    ),
    _with(
        "RunTask",
        INVALID,
        "at most 8192",
        overrides={"containerOverrides": [{"name": "worker", "command": ["x" * 8200]}]},
    ),
    *(
        _with(name, INVALID, said, overrides={"containerOverrides": [{"name": "worker", **size}]})
        for name in ("RunTask", "StartTask")
        for size, said in (
            ({"memory": -4}, "override for container 'worker'. 'memory' must be at least 6 MiB."),
            ({"memory": 4}, "'memory' must be at least 6 MiB."),
            ({"cpu": -7}, "'cpu' must not be negative."),
            ({"memoryReservation": 4096}, "'memory' must be greater than or equal to 'memoryReservation'."),
        )
    ),
    _with("RunTask", INVALID, "Invalid 'memory' setting for task.", overrides={"memory": "4"}),
    _with("StartTask", INVALID, "Container instances cannot be empty.", containerInstances=[]),
    _with("RunTask", INVALID, "Maximum number of strategies is 5", placementStrategy=[{"type": "random"}] * 6),
    _with("RunTask", INVALID, "subnets can not be empty.", networkConfiguration=_network()),
    _with("RunTask", INVALID, "subnets can have at most 16", networkConfiguration=_network(*"abcdefghijklmnopq")),
    _with("StartTask", INVALID, "startedBy can have at most 36", startedBy="x" * 37),
    _with("StartTask", INVALID, "at most 10", containerInstances=[f"i{n}" for n in range(11)]),
    _with("StartTask", CLIENT, "TaskDefinition not found.", taskDefinition="nobody"),
    _with("StopTask", INVALID, "The referenced task was not found.", task="f" * 32),
    _with("DescribeTasks", INVALID, "Tasks cannot be empty.", tasks=[]),
    _with("DescribeTasks", INVALID, "at most 100", tasks=[f"{n:032x}" for n in range(101)]),
    _with("ListTasks", INVALID, "startedBy", startedBy="ada", family="worker"),
    _with("ListTasks", "ServiceNotFoundException", "Service not found.", serviceName="nobody"),
    _with("UpdateTaskProtection", INVALID, "between 1 and 2880", expiresInMinutes=0),
    _with("UpdateTaskProtection", INVALID, "Tasks cannot be empty.", tasks=[]),
    _with("GetTaskProtection", INVALID, "at most 100", tasks=[f"{n:032x}" for n in range(101)]),
    _with("ExecuteCommand", INVALID, "Interactive is the only mode", interactive=False),
    _with("ExecuteCommand", INVALID, "Command can not be blank.", command=""),
    _with("ExecuteCommand", INVALID, "The referenced task was not found.", task="f" * 32),
    _with("ExecuteCommand", INVALID, "The container nobody does not exist", container="nobody"),
    _with("ExecuteCommand", INVALID, "execute command was not enabled when the task was run"),
    # container instances
    _with("ListContainerInstances", INVALID, "Invalid constraint expression 'cpu == 1'", filter="cpu == 1"),
    _with("DescribeContainerInstances", INVALID, "Container instances cannot be empty.", containerInstances=[]),
    _with("DescribeContainerInstances", INVALID, "at most 100", containerInstances=[f"i{n}" for n in range(101)]),
    _with("UpdateContainerInstancesState", INVALID, "should be one of [ACTIVE, DRAINING]", status="REGISTERING"),
    _with("UpdateContainerInstancesState", INVALID, "at most 10", containerInstances=[f"i{n}" for n in range(11)]),
    _with("RegisterContainerInstance", CLIENT, "Type: chaos-ecs instance add"),
    _with("DeregisterContainerInstance", INVALID, f"container instance {INSTANCE} not found", **_NOT_THERE),
    _with("UpdateContainerAgent", "NoUpdateAvailableException", "no update available"),
    _with("UpdateContainerAgent", INVALID, f"container instance {INSTANCE} not found", **_NOT_THERE),
    _with("DeleteCluster", "ClusterContainsContainerInstancesException", "active or draining", cluster=INSTANCES),
    *(
        _with(name, code, said, attributes=[{"name": "a", "targetId": "{instance}", **members}])
        for name in ("PutAttributes", "DeleteAttributes")
        for members, code, said in (
            ({"targetId": INSTANCE}, "TargetNotFoundException", f"Could not find {INSTANCE}."),
            ({"targetId": ""}, INVALID, "targetType must be specified with the short form"),
            ({"targetId": "0123"}, INVALID, "targetType must be specified with the short form"),
            ({"targetId": "0123", **_TYPED}, "TargetNotFoundException", "Could not find 0123."),
            ({"name": "ecs.ami-id"}, INVALID, "set by Amazon ECS and cannot be changed"),
            ({"name": "com.amazonaws.x"}, INVALID, "set by Amazon ECS and cannot be changed"),
            ({"name": "no spaces"}, INVALID, "Invalid attribute name 'no spaces'"),
            ({"name": ""}, INVALID, "Invalid attribute name ''"),
            ({"name": "a" * 129}, INVALID, "use 1 to 128"),
        )
    ),
    *(
        case
        for name in ("PutAttributes", "DeleteAttributes")
        for case in (
            _with(name, INVALID, "Attributes cannot be empty.", attributes=[]),
            _with(name, INVALID, "at most 10", attributes=[{"name": f"a{n}"} for n in range(11)]),
            _with(name, "TargetNotFoundException", "Could not find.", attributes=[{"name": "a"}]),
        )
    ),
    *(
        _with("PutAttributes", INVALID, "1 to 128 letters", attributes=[{"name": "a", "value": value}])
        for value in (" a", "a ", "a" * 129, "a+b", " ")
    ),
    _with("ListAttributes", INVALID, "attributeName must be specified", attributeValue="v"),
    # tags
    *(
        _with(name, code, said, resourceArn=arn)
        for name in ("TagResource", "UntagResource", "ListTagsForResource")
        for arn, code, said in (
            ("web", INVALID, "Invalid identifier: web"),
            (f"{ARN}service/web", INVALID, "Long arn format must be used for tagging operations"),
            (f"{ARN}cluster/nowhere", "ResourceNotFoundException", "The specified resource wasn't found."),
            (INSTANCE, "ResourceNotFoundException", "The specified resource wasn't found."),
            (f"{ARN}cluster/gone", INVALID, "The specified cluster is inactive. Specify an active cluster"),
            ("arn:aws:ecs:eu-west-1:123456789012:cluster/x", INVALID, "Identifier is for eu-west-1"),
            (f"{ARN}daemon/x", INVALID, "Invalid identifier"),
        )
    ),
    _with("UntagResource", INVALID, "reserved", tagKeys=["aws:mine"]),
    # account settings
    _with("PutAccountSetting", INVALID, "Invalid value for containerInsights", value="perhaps"),
    _with("PutAccountSetting", INVALID, "Invalid principal ARN", principalArn="ada"),
    _with("PutAccountSetting", INVALID, "read-only", name="guardDutyActivate", value="on"),
    _with("PutAccountSettingDefault", INVALID, "Invalid value for awsvpcTrunking", name="awsvpcTrunking", value="on"),
    _with("DeleteAccountSetting", INVALID, "Invalid principal ARN", principalArn="ada"),
    _with("ListAccountSettings", INVALID, "must specify a setting name", value="enabled"),
]


def _name(value: object) -> str:
    return value if isinstance(value, str) else ""


@pytest.mark.parametrize(
    ("operation", "params", "code", "said"),
    [*_of_the_model(), *_of_clusters(), *_of_pages(), *_of_tags(), *OWN],
    ids=_name,
)
def test_it_is_refused_in_ecs_own_words(
    room: Harness, operation: str, params: dict[str, Any], code: str, said: str
) -> None:
    status, body = room.call(operation, filled_in(params, room))
    assert (status, body.get("__type")) == (400, code), body
    assert said in body["message"]


@pytest.mark.parametrize("operation", ECS_OPERATIONS)
def test_a_body_that_is_no_json_object_is_refused_by_every_operation(room: Harness, operation: str) -> None:
    for body in (b"{", b"[]", b"\xff"):
        status, told = room.call(operation, body)
        assert (status, told["__type"]) == (400, SERIALIZATION)


@pytest.mark.parametrize("operation", sorted(protocol.ecs().operation_names - ECS_OPERATIONS.keys()))
def test_an_operation_that_is_not_here_is_named(room: Harness, operation: str) -> None:
    status, told = room.call(operation, {})
    assert (status, told["__type"]) == (501, "NotImplementedException")
    assert operation in told["message"]


def test_every_operation_has_an_example_and_an_error_of_its_own() -> None:
    assert SMALLEST.keys() == ECS_OPERATIONS.keys()
    assert WHOLE.keys() <= ECS_OPERATIONS.keys()
    checked = {operation for operation, *_ in (*_of_the_model(), *_of_clusters(), *_of_pages(), *OWN)}
    without_members = {"DiscoverPollEndpoint"}
    assert checked | without_members == ECS_OPERATIONS.keys()
