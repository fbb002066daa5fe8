"""Application Auto Scaling through real boto3: each operation, its errors, and what is refused by name."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chaos_ecs.api.operations.scaling import SCALING_OPERATIONS
from chaos_ecs.core.scaling import Measure, Metric
from chaos_ecs.core.scaling_messages import MetricSeen
from tests.unit.api_harness import Harness

WEB = "service/my-cluster/web"
DIMENSION = "ecs:service:DesiredCount"
WHAT = {"ServiceNamespace": "ecs", "ResourceId": WEB, "ScalableDimension": DIMENSION}
SERVICE_ARN = "arn:aws:ecs:us-east-1:123456789012:service/my-cluster/web"
CPU = {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"}


class Room:
    """A service of two tasks, and the two clients that a learner has."""

    def __init__(self) -> None:
        self.api = Harness()
        self.ecs = self.api.client()
        self.scaling = self.api.client(service="application-autoscaling")
        self.ecs.create_service(
            cluster="my-cluster", serviceName="web", taskDefinition="web-server", desiredCount=2, launchType="EC2"
        )
        self.api.simulation.advance(5)

    @property
    def desired(self) -> int:
        described = self.ecs.describe_services(cluster="my-cluster", services=["web"])["services"][0]
        return int(described["desiredCount"])

    def register(self, least: int = 1, most: int = 10, **members: Any) -> Any:
        return self.scaling.register_scalable_target(**WHAT, MinCapacity=least, MaxCapacity=most, **members)

    def put(self, name: str = "cpu", *, metric: dict[str, str] | None = None, target: float = 50.0, **more: Any) -> Any:
        configuration = {"TargetValue": target, "PredefinedMetricSpecification": metric or CPU, **more}
        return self.scaling.put_scaling_policy(
            PolicyName=name,
            PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration=configuration,
            **WHAT,
        )

    def policies(self, **members: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.scaling.describe_scaling_policies(ServiceNamespace="ecs", **members)[
            "ScalingPolicies"
        ]
        return found

    def targets(self, **members: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.scaling.describe_scalable_targets(ServiceNamespace="ecs", **members)[
            "ScalableTargets"
        ]
        return found

    def measure(self, percent: float, *, tasks: int = 2) -> None:
        """As if somebody had measured that now."""
        runtime: Any = self.api.simulation.runtime
        runtime._facts.append(MetricSeen(SERVICE_ARN, Measure(Metric.CPU), percent, tasks))
        self.api.simulation.advance(0)


@pytest.fixture
def room() -> Room:
    return Room()


def refusal(call: Any, *arguments: Any, **members: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(*arguments, **members)
    said = caught.value.response
    assert said["ResponseMetadata"]["HTTPStatusCode"] == 400
    return said["Error"]["Code"], said["Error"]["Message"]


def test_a_target_is_registered_described_and_deregistered(room: Room) -> None:
    arn = room.register(RoleARN="arn:aws:iam::123456789012:role/mine")["ScalableTargetARN"]
    assert arn.startswith("arn:aws:application-autoscaling:us-east-1:123456789012:scalable-target/")
    assert len(arn.rsplit("/", 1)[1]) == 36
    (target,) = room.targets()
    assert target.pop("CreationTime").timestamp() == pytest.approx(room.api.simulation.clock.now())
    assert target == {
        **WHAT,
        "MinCapacity": 1,
        "MaxCapacity": 10,
        "RoleARN": "arn:aws:iam::123456789012:role/mine",
        "ScalableTargetARN": arn,
        "SuspendedState": {
            "DynamicScalingInSuspended": False,
            "DynamicScalingOutSuspended": False,
            "ScheduledScalingSuspended": False,
        },
    }
    assert room.targets(ResourceIds=[WEB]) == room.targets(ScalableDimension=DIMENSION) == room.targets()
    assert room.targets(ResourceIds=["service/my-cluster/other"]) == []
    room.scaling.deregister_scalable_target(**WHAT)
    assert room.targets() == []
    assert room.desired == 2


def test_registering_again_changes_what_is_named_and_keeps_the_arn(room: Room) -> None:
    arn = room.register(2, 4)["ScalableTargetARN"]
    room.scaling.register_scalable_target(**WHAT, MaxCapacity=6, SuspendedState={"DynamicScalingInSuspended": True})
    (target,) = room.targets()
    assert (target["MinCapacity"], target["MaxCapacity"], target["ScalableTargetARN"]) == (2, 6, arn)
    assert target["SuspendedState"]["DynamicScalingInSuspended"]
    assert not target["SuspendedState"]["DynamicScalingOutSuspended"]
    assert target["RoleARN"].endswith("AWSServiceRoleForApplicationAutoScaling_ECSService")


def test_registering_brings_the_desired_count_into_the_range_and_says_so(room: Room) -> None:
    room.register(3, 10)
    assert room.desired == 3
    (activity,) = room.scaling.describe_scaling_activities(ServiceNamespace="ecs", ResourceId=WEB)["ScalingActivities"]
    assert activity["Description"] == "Setting desired count to 3."
    assert activity["StatusCode"] == "Successful"


def test_a_target_that_cannot_be_registered_is_refused_by_name(room: Room) -> None:
    register = room.scaling.register_scalable_target
    capacities = {"MinCapacity": 1, "MaxCapacity": 2}
    assert refusal(register, **{**WHAT, "ResourceId": "service/my-cluster/gone"}, **capacities) == (
        "ValidationException",
        "ECS service doesn't exist: service/my-cluster/gone",
    )
    assert refusal(register, **WHAT, MinCapacity=1) == (
        "ValidationException",
        "Both minimum and maximum capacity are required to register a new scalable target",
    )
    assert refusal(room.register, 3, 2)[1] == "Maximum capacity cannot be less than minimum capacity"
    assert refusal(room.register, -1, 2)[1] == "Minimum capacity must be greater than or equal to 0"
    assert refusal(room.register, 1, 5001)[1] == "Maximum capacity cannot be greater than 5000"
    assert "table/web" in refusal(register, **{**WHAT, "ResourceId": "table/web"}, **capacities)[1]
    assert "dynamodb" in refusal(register, **{**WHAT, "ServiceNamespace": "dynamodb"}, **capacities)[1]
    dimension = "dynamodb:table:ReadCapacityUnits"
    assert dimension in refusal(register, **{**WHAT, "ScalableDimension": dimension}, **capacities)[1]
    assert room.targets() == []


def test_what_the_model_does_not_allow_is_a_validation_exception(room: Room) -> None:
    headers = {"X-Amz-Target": "AnyScaleFrontendService.DescribeScalableTargets"}

    def asked(params: dict[str, Any]) -> tuple[int, str]:
        body = json.dumps(params).encode()
        response = room.api.send(body, headers=headers, service="application-autoscaling")
        return response.status, json.loads(response.body)["__type"]

    assert asked({}) == (400, "ValidationException")
    assert asked({"ServiceNamespace": "nonsense"}) == (400, "ValidationException")
    assert asked({"ServiceNamespace": 1}) == (400, "SerializationException")


def test_a_request_must_be_signed_for_this_service(room: Room) -> None:
    headers = {"X-Amz-Target": "AnyScaleFrontendService.DescribeScalableTargets"}
    response = room.api.send(b"{}", headers=headers, service="ecs")
    assert json.loads(response.body)["__type"] == "InvalidSignatureException"


def test_what_is_not_there_is_named(room: Room) -> None:
    place = f"service namespace: ecs, resource ID: {WEB}, scalable dimension: {DIMENSION}"
    assert refusal(room.scaling.deregister_scalable_target, **WHAT) == (
        "ObjectNotFoundException",
        f"No scalable target found for {place}",
    )
    assert refusal(room.put) == ("ObjectNotFoundException", f"No scalable target registered for {place}")
    room.register()
    assert refusal(room.scaling.delete_scaling_policy, **WHAT, PolicyName="gone") == (
        "ObjectNotFoundException",
        f"No scaling policy found for {place}, policy name: gone",
    )


def test_a_policy_is_put_described_replaced_and_deleted(room: Room) -> None:
    room.register()
    put = room.put(ScaleOutCooldown=60, ScaleInCooldown=120, DisableScaleIn=True)
    arn = put["PolicyARN"]
    assert put["Alarms"] == []
    assert arn.startswith("arn:aws:autoscaling:us-east-1:123456789012:scalingPolicy:")
    assert arn.endswith(f":resource/ecs/{WEB}:policyName/cpu")
    (policy,) = room.policies()
    assert policy.pop("CreationTime").timestamp() == pytest.approx(room.api.simulation.clock.now())
    assert policy == {
        **WHAT,
        "PolicyARN": arn,
        "PolicyName": "cpu",
        "PolicyType": "TargetTrackingScaling",
        "Alarms": [],
        "TargetTrackingScalingPolicyConfiguration": {
            "TargetValue": 50.0,
            "PredefinedMetricSpecification": CPU,
            "ScaleOutCooldown": 60,
            "ScaleInCooldown": 120,
            "DisableScaleIn": True,
        },
    }
    assert room.put(target=70)["PolicyARN"] == arn
    (policy,) = room.policies(ResourceId=WEB, PolicyNames=["cpu"])
    assert policy["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] == 70
    assert "ScaleInCooldown" not in policy["TargetTrackingScalingPolicyConfiguration"]
    room.put("other")
    assert [policy["PolicyName"] for policy in room.policies()] == ["cpu", "other"]
    assert [policy["PolicyName"] for policy in room.policies(PolicyNames=["other"])] == ["other"]
    room.scaling.delete_scaling_policy(**WHAT, PolicyName="cpu")
    assert [policy["PolicyName"] for policy in room.policies()] == ["other"]
    room.scaling.deregister_scalable_target(**WHAT)
    assert room.policies() == []


@pytest.mark.parametrize(
    "metric",
    [
        "ECSServiceAverageMemoryUtilization",
        "ECSServiceAverageCPUUtilizationHighResolution",
        "DynamoDBReadCapacityUtilization",
    ],
)
def test_a_metric_that_is_not_measured_is_refused_by_name(room: Room, metric: str) -> None:
    room.register()
    assert refusal(room.put, metric={"PredefinedMetricType": metric}) == (
        "ValidationException",
        f"The predefined metric {metric} is not supported by chaos-ecs.",
    )


def test_other_kinds_of_policies_are_refused_by_name(room: Room) -> None:
    room.register()
    put = room.scaling.put_scaling_policy
    step = {"AdjustmentType": "ChangeInCapacity", "StepAdjustments": [{"ScalingAdjustment": 1}]}
    named = {**WHAT, "PolicyName": "p"}
    assert "StepScaling" in refusal(put, **named, StepScalingPolicyConfiguration=step)[1]
    assert "PredictiveScaling" in refusal(put, **named, PolicyType="PredictiveScaling")[1]
    tracking = {**named, "PolicyType": "TargetTrackingScaling"}
    assert "must be specified" in refusal(put, **tracking)[1]
    custom = {"TargetValue": 1.0, "CustomizedMetricSpecification": {"MetricName": "x", "Namespace": "y"}}
    said = refusal(put, **tracking, TargetTrackingScalingPolicyConfiguration=custom)
    assert said == ("ValidationException", "A CustomizedMetricSpecification is not supported by chaos-ecs.")
    nothing = {"TargetValue": 1.0}
    assert (
        "PredefinedMetricSpecification" in refusal(put, **tracking, TargetTrackingScalingPolicyConfiguration=nothing)[1]
    )
    assert refusal(room.put, target=0)[1] == "Target value must be greater than 0"
    assert refusal(room.put, ScaleInCooldown=-1)[1] == "Cooldown must be greater than or equal to 0"
    assert room.policies() == []


def test_requests_are_tracked_by_a_label_of_the_services_own_target_group(room: Room) -> None:
    elbv2 = room.api.client(service="elbv2")
    made = elbv2.create_target_group(Name="web", Protocol="HTTP", Port=8080, TargetType="ip", VpcId="vpc-1")
    group = made["TargetGroups"][0]["TargetGroupArn"]
    front = elbv2.create_load_balancer(Name="front", Subnets=["subnet-1"])["LoadBalancers"][0]["LoadBalancerArn"]
    actions = [{"Type": "forward", "TargetGroupArn": group}]
    elbv2.create_listener(LoadBalancerArn=front, Port=80, Protocol="HTTP", DefaultActions=actions)
    label = f"{front.split(':loadbalancer/')[1]}/{group.rsplit(':', 1)[1]}"
    requests = {"PredefinedMetricType": "ALBRequestCountPerTarget"}
    room.register()
    assert "resource label" in refusal(room.put, metric=requests)[1]
    assert "Invalid resource label" in refusal(room.put, metric={**requests, "ResourceLabel": "nonsense"})[1]
    gone = "app/front/0123456789abcdef/targetgroup/web/0123456789abcdef"
    assert "does not exist" in refusal(room.put, metric={**requests, "ResourceLabel": gone})[1]
    assert "not one of the service's" in refusal(room.put, metric={**requests, "ResourceLabel": label})[1]
    assert "resource label" in refusal(room.put, metric={**CPU, "ResourceLabel": label})[1]
    balancers = [{"targetGroupArn": group, "containerName": "web-server", "containerPort": 8080}]
    room.ecs.update_service(cluster="my-cluster", service="web", loadBalancers=balancers)
    room.put("requests", metric={**requests, "ResourceLabel": label}, target=100)
    (policy,) = room.policies()
    specification = policy["TargetTrackingScalingPolicyConfiguration"]["PredefinedMetricSpecification"]
    assert specification == {**requests, "ResourceLabel": label}


def test_a_measurement_scales_the_service_and_the_activity_says_why(room: Room) -> None:
    room.register()
    room.put(DisableScaleIn=True)  # the simulated tasks are idle
    room.measure(83)
    assert room.desired == 4
    told = room.scaling.describe_scaling_activities(**{**WHAT, "MaxResults": 5})
    (activity,) = told["ScalingActivities"]
    assert activity["Cause"] == "policy cpu: CPU 83 % over the target of 50 %: 2 -> 4"
    assert activity["Description"] == "Setting desired count to 4."
    assert activity["StartTime"].timestamp() == pytest.approx(room.api.simulation.clock.now())
    (event,) = [event for event in room.api.simulation.events if event.type == "SERVICE_SCALED"]
    assert event.message == "service web: CPU 83 % over the target of 50 %: 2 -> 4"
    assert (event.data["desiredCount"], event.data["previousDesiredCount"]) == (4, 2)


def test_lists_are_given_in_pages(room: Room) -> None:
    room.register()
    for name in ("a", "b", "c"):
        room.put(name)
    describe = room.scaling.describe_scaling_policies
    first = describe(ServiceNamespace="ecs", MaxResults=2)
    assert [policy["PolicyName"] for policy in first["ScalingPolicies"]] == ["a", "b"]
    second = describe(ServiceNamespace="ecs", MaxResults=2, NextToken=first["NextToken"])
    assert [policy["PolicyName"] for policy in second["ScalingPolicies"]] == ["c"]
    assert "NextToken" not in second
    assert refusal(describe, ServiceNamespace="ecs", NextToken="nonsense")[0] == "InvalidNextTokenException"
    assert refusal(describe, ServiceNamespace="ecs", MaxResults=51)[0] == "ValidationException"


def test_a_region_sees_its_own(room: Room) -> None:
    room.register()
    room.put()
    elsewhere = room.api.client("eu-west-1", service="application-autoscaling")
    assert elsewhere.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"] == []
    assert elsewhere.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"] == []


def test_what_chaos_ecs_does_not_have_is_named(room: Room) -> None:
    with pytest.raises(ClientError) as caught:
        room.scaling.describe_scheduled_actions(ServiceNamespace="ecs")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert "DescribeScheduledActions" in str(caught.value)


def test_the_table_has_only_operations_of_the_model(room: Room) -> None:
    from chaos_ecs.api import protocol

    assert set(SCALING_OPERATIONS) <= protocol.application_autoscaling().operation_names
