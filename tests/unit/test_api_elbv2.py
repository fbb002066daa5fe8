"""Elastic Load Balancing through real boto3: each operation, its errors, waiters, and what the command line sends."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chaos_ecs.api.operations.balancing import ELBV2_OPERATIONS
from chaos_ecs.core.balancing import Target, TargetState
from tests.unit.api_harness import Harness

ARN = "arn:aws:elasticloadbalancing:us-east-1:123456789012"
GONE = {
    "target group": f"{ARN}:targetgroup/gone/0123456789abcdef",
    "load balancer": f"{ARN}:loadbalancer/app/gone/0123456789abcdef",
    "listener": f"{ARN}:listener/app/gone/0123456789abcdef/0123456789abcdef",
    "rule": f"{ARN}:listener-rule/app/gone/0123456789abcdef/0123456789abcdef/0123456789abcdef",
}


@pytest.fixture
def elbv2(api: Harness) -> Any:
    return api.client(service="elbv2")


class Front:
    """A target group, a load balancer and a listener that forwards to it."""

    def __init__(self, elbv2: Any) -> None:
        self.elbv2 = elbv2
        self.group = self.make_group("web")
        self.load_balancer = elbv2.create_load_balancer(Name="front", Subnets=["subnet-1"])["LoadBalancers"][0][
            "LoadBalancerArn"
        ]
        self.listener = self.listen(80)

    def make_group(self, name: str) -> str:
        made = self.elbv2.create_target_group(Name=name, Protocol="HTTP", Port=80, TargetType="ip", VpcId="vpc-1")
        return str(made["TargetGroups"][0]["TargetGroupArn"])

    def listen(self, port: int, **members: object) -> str:
        given = {"DefaultActions": [{"Type": "forward", "TargetGroupArn": self.group}], "Protocol": "HTTP", **members}
        made = self.elbv2.create_listener(LoadBalancerArn=self.load_balancer, Port=port, **given)
        return str(made["Listeners"][0]["ListenerArn"])

    def rule(self, priority: int, **members: object) -> dict[str, Any]:
        given: dict[str, Any] = {
            "Conditions": [{"Field": "path-pattern", "Values": ["/api/*"]}],
            "Actions": [{"Type": "forward", "TargetGroupArn": self.group}],
            **members,
        }
        made = self.elbv2.create_rule(ListenerArn=self.listener, Priority=priority, **given)
        rule: dict[str, Any] = made["Rules"][0]
        return rule


@pytest.fixture
def front(elbv2: Any) -> Front:
    return Front(elbv2)


def put_target(api: Harness, group: str, number: int, state: TargetState, **members: Any) -> str:
    """A task and its place in the group, as the core has it once a service has registered it; the task's ARN."""
    assert api.simulation.controller is not None
    task: str = api.client().run_task(cluster="my-cluster", taskDefinition="worker")["tasks"][0]["taskArn"]
    if state is TargetState.HEALTHY:
        members = {"reason": "", "description": "", **members}
    address = f"10.0.0.{number}"
    api.simulation.controller.state.put(Target(group, task, address, 8080, 1.0, state, **members))
    return task


# --- target groups ---


def test_a_target_group_is_created_with_the_defaults_of_a_load_balancer_and_of_the_pace(elbv2: Any) -> None:
    (group,) = elbv2.create_target_group(
        Name="web", Protocol="HTTP", Port=80, VpcId="vpc-1", TargetType="ip", Tags=[{"Key": "team", "Value": "a&b<c"}]
    )["TargetGroups"]
    arn = group.pop("TargetGroupArn")
    assert arn.startswith(f"{ARN}:targetgroup/web/")
    assert group == {
        "TargetGroupName": "web",
        "Protocol": "HTTP",
        "Port": 80,
        "VpcId": "vpc-1",
        "HealthCheckProtocol": "HTTP",
        "HealthCheckPort": "traffic-port",
        "HealthCheckEnabled": True,
        "HealthCheckIntervalSeconds": 3,
        "HealthCheckTimeoutSeconds": 2,
        "HealthyThresholdCount": 5,
        "UnhealthyThresholdCount": 2,
        "HealthCheckPath": "/",
        "Matcher": {"HttpCode": "200"},
        "LoadBalancerArns": [],
        "TargetType": "ip",
        "ProtocolVersion": "HTTP1",
        "IpAddressType": "ipv4",
    }
    (described,) = elbv2.describe_tags(ResourceArns=[arn])["TagDescriptions"]
    assert described == {"ResourceArn": arn, "Tags": [{"Key": "team", "Value": "a&b<c"}]}


def test_a_target_group_has_the_health_check_that_was_named(elbv2: Any) -> None:
    (group,) = elbv2.create_target_group(
        Name="web",
        Protocol="HTTP",
        Port=80,
        HealthCheckPath="/health?a=1&b=2",
        HealthCheckIntervalSeconds=10,
        HealthCheckTimeoutSeconds=3,
        HealthyThresholdCount=3,
        UnhealthyThresholdCount=4,
        Matcher={"HttpCode": "200-299"},
    )["TargetGroups"]
    assert group["HealthCheckPath"] == "/health?a=1&b=2"
    assert (group["HealthCheckIntervalSeconds"], group["HealthCheckTimeoutSeconds"]) == (10, 3)
    assert (group["HealthyThresholdCount"], group["UnhealthyThresholdCount"]) == (3, 4)
    assert (group["Matcher"], group["TargetType"]) == ({"HttpCode": "200-299"}, "instance")


def test_the_same_target_group_again_is_answered_and_another_of_that_name_is_refused(elbv2: Any, front: Front) -> None:
    assert front.make_group("web") == front.group
    with pytest.raises(elbv2.exceptions.DuplicateTargetGroupNameException):
        elbv2.create_target_group(Name="web", Protocol="HTTP", Port=81, TargetType="ip")


def test_target_groups_are_described_by_arn_name_and_load_balancer(elbv2: Any, front: Front) -> None:
    other = front.make_group("other")

    def names(**asked: Any) -> list[str]:
        return [group["TargetGroupName"] for group in elbv2.describe_target_groups(**asked)["TargetGroups"]]

    assert names() == ["other", "web"]
    assert names(TargetGroupArns=[other, front.group, other]) == ["other", "web"]
    assert names(Names=["web"]) == ["web"]
    assert names(LoadBalancerArn=front.load_balancer) == ["web"]
    (group,) = elbv2.describe_target_groups(Names=["web"])["TargetGroups"]
    assert group["LoadBalancerArns"] == [front.load_balancer]


def test_each_region_has_things_of_its_own(api: Harness, front: Front) -> None:
    elsewhere = api.client("eu-west-1", service="elbv2")
    assert elsewhere.describe_target_groups()["TargetGroups"] == []
    assert elsewhere.describe_load_balancers()["LoadBalancers"] == []
    with pytest.raises(ClientError, match="is not a valid target group ARN"):
        elsewhere.describe_target_groups(TargetGroupArns=[front.group])


def test_pages_go_on_where_the_last_one_ended_though_groups_come_and_go(elbv2: Any, front: Front) -> None:
    for name in ("a", "b", "c"):
        front.make_group(name)
    first = elbv2.describe_target_groups(PageSize=2)
    elbv2.delete_target_group(TargetGroupArn=first["TargetGroups"][1]["TargetGroupArn"])
    front.make_group("aa")
    second = elbv2.describe_target_groups(PageSize=2, Marker=first["NextMarker"])
    told = [group["TargetGroupName"] for group in (*first["TargetGroups"], *second["TargetGroups"])]
    assert told == ["a", "b", "c", "web"]
    assert "NextMarker" not in second
    pages = list(elbv2.get_paginator("describe_target_groups").paginate(PaginationConfig={"PageSize": 1}))
    assert [len(page["TargetGroups"]) for page in pages] == [1, 1, 1, 1]


def test_a_health_check_is_modified_member_by_member(elbv2: Any, front: Front) -> None:
    (group,) = elbv2.modify_target_group(
        TargetGroupArn=front.group, HealthCheckPath="/ready", UnhealthyThresholdCount=3
    )["TargetGroups"]
    told = (group["HealthCheckPath"], group["UnhealthyThresholdCount"], group["HealthyThresholdCount"])
    assert told == ("/ready", 3, 5)
    assert group["LoadBalancerArns"] == [front.load_balancer]


def test_attributes_are_told_with_their_defaults_and_as_they_were_modified(elbv2: Any, front: Front) -> None:
    def told() -> dict[str, str]:
        answer = elbv2.describe_target_group_attributes(TargetGroupArn=front.group)
        return {item["Key"]: item["Value"] for item in answer["Attributes"]}

    before = told()
    assert before["deregistration_delay.timeout_seconds"] == "2"
    assert before["load_balancing.algorithm.type"] == "round_robin"
    assert (before["slow_start.duration_seconds"], before["stickiness.enabled"]) == ("0", "false")
    answer = elbv2.modify_target_group_attributes(
        TargetGroupArn=front.group,
        Attributes=[
            {"Key": "deregistration_delay.timeout_seconds", "Value": "30"},
            {"Key": "load_balancing.algorithm.type", "Value": "least_outstanding_requests"},
            {"Key": "stickiness.enabled", "Value": "false"},
        ],
    )
    assert {item["Key"]: item["Value"] for item in answer["Attributes"]} == told()
    assert told() == before | {
        "deregistration_delay.timeout_seconds": "30",
        "load_balancing.algorithm.type": "least_outstanding_requests",
    }


def test_a_target_group_is_deleted_when_nothing_forwards_to_it(elbv2: Any, front: Front) -> None:
    with pytest.raises(elbv2.exceptions.ResourceInUseException, match="is currently in use by a listener or a rule"):
        elbv2.delete_target_group(TargetGroupArn=front.group)
    elbv2.delete_listener(ListenerArn=front.listener)
    elbv2.delete_target_group(TargetGroupArn=front.group)
    elbv2.delete_target_group(TargetGroupArn=front.group)
    assert elbv2.describe_target_groups()["TargetGroups"] == []


# --- target health ---


def test_targets_are_told_with_their_health(api: Harness, elbv2: Any, front: Front) -> None:
    put_target(api, front.group, 2, TargetState.INITIAL)
    put_target(api, front.group, 3, TargetState.HEALTHY)
    told = elbv2.describe_target_health(TargetGroupArn=front.group)["TargetHealthDescriptions"]
    assert told == [
        {
            "Target": {"Id": "10.0.0.2", "Port": 8080},
            "HealthCheckPort": "8080",
            "TargetHealth": {
                "State": "initial",
                "Reason": "Elb.RegistrationInProgress",
                "Description": "Target registration is in progress",
            },
        },
        {
            "Target": {"Id": "10.0.0.3", "Port": 8080},
            "HealthCheckPort": "8080",
            "TargetHealth": {"State": "healthy"},
        },
    ]


def test_targets_asked_for_that_are_not_there_are_unused(api: Harness, elbv2: Any, front: Front) -> None:
    put_target(api, front.group, 3, TargetState.HEALTHY)
    asked = [{"Id": "10.0.0.3", "Port": 8080}, {"Id": "10.0.0.3"}, {"Id": "10.0.0.3", "Port": 1}, {"Id": "10.0.0.9"}]
    told = elbv2.describe_target_health(TargetGroupArn=front.group, Targets=asked)["TargetHealthDescriptions"]
    assert [item["TargetHealth"]["State"] for item in told] == ["healthy", "healthy", "unused", "unused"]
    assert told[3]["Target"] == {"Id": "10.0.0.9", "Port": 80}
    assert told[3]["TargetHealth"]["Reason"] == "Target.NotRegistered"
    assert told[3]["TargetHealth"]["Description"] == "Target is not registered to the target group"


def test_targets_of_a_group_without_a_listener_are_unused(api: Harness, elbv2: Any, front: Front) -> None:
    group = front.make_group("idle")
    put_target(api, group, 2, TargetState.HEALTHY)
    (told,) = elbv2.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
    assert told["TargetHealth"] == {
        "State": "unused",
        "Reason": "Target.NotInUse",
        "Description": "Target group is not configured to receive traffic from the load balancer",
    }


def test_an_address_that_was_handed_out_again_means_the_newer_target(api: Harness, elbv2: Any, front: Front) -> None:
    put_target(api, front.group, 6, TargetState.DRAINING)
    put_target(api, front.group, 6, TargetState.HEALTHY)
    (told,) = elbv2.describe_target_health(TargetGroupArn=front.group, Targets=[{"Id": "10.0.0.6"}])[
        "TargetHealthDescriptions"
    ]
    assert told["TargetHealth"]["State"] == "healthy"


def test_the_waiters_for_targets_pass(api: Harness, elbv2: Any, front: Front) -> None:
    quick = {"Delay": 0, "MaxAttempts": 1}
    put_target(api, front.group, 3, TargetState.HEALTHY)
    elbv2.get_waiter("target_in_service").wait(TargetGroupArn=front.group, WaiterConfig=quick)
    gone = [{"Id": "10.0.0.9"}]
    elbv2.get_waiter("target_deregistered").wait(TargetGroupArn=front.group, Targets=gone, WaiterConfig=quick)


def test_the_waiters_for_load_balancers_pass(elbv2: Any, front: Front) -> None:
    quick = {"Delay": 0, "MaxAttempts": 1}
    elbv2.get_waiter("load_balancer_available").wait(Names=["front"], WaiterConfig=quick)
    elbv2.get_waiter("load_balancer_exists").wait(LoadBalancerArns=[front.load_balancer], WaiterConfig=quick)
    elbv2.delete_load_balancer(LoadBalancerArn=front.load_balancer)
    elbv2.get_waiter("load_balancers_deleted").wait(Names=["front"], WaiterConfig=quick)


# --- load balancers ---


def test_a_load_balancer_is_active_at_once_and_its_name_is_an_address_that_answers_here(elbv2: Any) -> None:
    given = {"Subnets": ["subnet-1", "subnet-2"], "SecurityGroups": ["sg-1"], "Scheme": "internal"}
    (made,) = elbv2.create_load_balancer(Name="front", **given)["LoadBalancers"]
    assert made["LoadBalancerArn"].startswith(f"{ARN}:loadbalancer/app/front/")
    assert made["DNSName"] == "127.0.0.1:8480"
    assert (made["State"], made["Type"], made["Scheme"]) == ({"Code": "active"}, "application", "internal")
    assert made["SecurityGroups"] == ["sg-1"]
    assert [(zone["ZoneName"], zone["SubnetId"]) for zone in made["AvailabilityZones"]] == [
        ("us-east-1a", "subnet-1"),
        ("us-east-1b", "subnet-2"),
    ]
    assert made["CreatedTime"].year >= 2020
    assert elbv2.create_load_balancer(Name="front", **given)["LoadBalancers"] == [made]
    assert elbv2.describe_load_balancers()["LoadBalancers"] == [made]
    assert elbv2.describe_load_balancers(Names=["front"])["LoadBalancers"] == [made]
    with pytest.raises(elbv2.exceptions.DuplicateLoadBalancerNameException, match="with different settings"):
        elbv2.create_load_balancer(Name="front")


def test_a_load_balancer_goes_with_its_listeners(elbv2: Any, front: Front) -> None:
    elbv2.delete_load_balancer(LoadBalancerArn=front.load_balancer)
    elbv2.delete_load_balancer(LoadBalancerArn=front.load_balancer)
    assert elbv2.describe_load_balancers()["LoadBalancers"] == []
    with pytest.raises(elbv2.exceptions.ListenerNotFoundException):
        elbv2.describe_listeners(ListenerArns=[front.listener])


def test_attributes_of_a_load_balancer_are_an_application_load_balancers_defaults(elbv2: Any, front: Front) -> None:
    answer = elbv2.describe_load_balancer_attributes(LoadBalancerArn=front.load_balancer)
    told = {item["Key"]: item["Value"] for item in answer["Attributes"]}
    assert (told["idle_timeout.timeout_seconds"], told["deletion_protection.enabled"]) == ("60", "false")


# --- listeners and rules ---


def test_a_listener_forwards_and_is_told_in_both_spellings(elbv2: Any, front: Front) -> None:
    (listener,) = elbv2.describe_listeners(LoadBalancerArn=front.load_balancer)["Listeners"]
    assert listener == {
        "ListenerArn": front.listener,
        "LoadBalancerArn": front.load_balancer,
        "Port": 80,
        "Protocol": "HTTP",
        "DefaultActions": [
            {
                "Type": "forward",
                "TargetGroupArn": front.group,
                "ForwardConfig": {
                    "TargetGroups": [{"TargetGroupArn": front.group, "Weight": 1}],
                    "TargetGroupStickinessConfig": {"Enabled": False},
                },
            }
        ],
    }
    assert elbv2.describe_listeners(ListenerArns=[front.listener])["Listeners"] == [listener]
    again = elbv2.modify_listener(ListenerArn=front.listener, DefaultActions=listener["DefaultActions"], Port=80)
    assert again["Listeners"] == [listener]


def test_a_listener_is_given_weights(elbv2: Any, front: Front) -> None:
    other = front.make_group("other")
    groups = [{"TargetGroupArn": front.group, "Weight": 90}, {"TargetGroupArn": other, "Weight": 0}]
    (listener,) = elbv2.modify_listener(
        ListenerArn=front.listener,
        DefaultActions=[{"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}],
    )["Listeners"]
    (action,) = listener["DefaultActions"]
    assert action["ForwardConfig"]["TargetGroups"] == groups
    assert "TargetGroupArn" not in action


def test_listeners_are_listed_by_port_and_one_port_is_had_once(elbv2: Any, front: Front) -> None:
    front.listen(8080)
    assert front.listen(80) == front.listener
    found = elbv2.describe_listeners(LoadBalancerArn=front.load_balancer)["Listeners"]
    assert [listener["Port"] for listener in found] == [80, 8080]
    other = front.make_group("other")
    with pytest.raises(elbv2.exceptions.DuplicateListenerException):
        front.listen(80, DefaultActions=[{"Type": "forward", "TargetGroupArn": other}])


def test_rules_are_created_described_modified_and_deleted(elbv2: Any, front: Front) -> None:
    late = front.rule(20)
    hosts = {"Field": "host-header", "HostHeaderConfig": {"Values": ["a.example.com", "*.example.org"]}}
    paths = {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/x", "/y*"]}}
    early = front.rule(3, Conditions=[hosts, paths], Tags=[{"Key": "k", "Value": "v"}])
    assert (early["Priority"], early["IsDefault"]) == ("3", False)
    assert [condition["Values"] for condition in early["Conditions"]] == [
        ["a.example.com", "*.example.org"],
        ["/x", "/y*"],
    ]
    rules = elbv2.describe_rules(ListenerArn=front.listener)["Rules"]
    assert [(rule["Priority"], rule["IsDefault"]) for rule in rules] == [("3", False), ("20", False), ("default", True)]
    default = rules[2]
    assert default["Actions"][0]["TargetGroupArn"] == front.group
    assert elbv2.describe_rules(RuleArns=[default["RuleArn"]])["Rules"] == [default]
    (modified,) = elbv2.modify_rule(RuleArn=early["RuleArn"], Conditions=[paths])["Rules"]
    assert [condition["Field"] for condition in modified["Conditions"]] == ["path-pattern"]
    assert modified["Actions"] == early["Actions"]
    elbv2.delete_rule(RuleArn=late["RuleArn"])
    assert len(elbv2.describe_rules(ListenerArn=front.listener)["Rules"]) == 2
    for operation in (elbv2.delete_rule, elbv2.modify_rule):
        with pytest.raises(elbv2.exceptions.OperationNotPermittedException, match="Default rule"):
            operation(RuleArn=default["RuleArn"])
    with pytest.raises(elbv2.exceptions.PriorityInUseException, match="Priority '3' is currently in use"):
        front.rule(3)


def test_the_paginator_finds_every_rule_once_and_the_default_one_last(elbv2: Any, front: Front) -> None:
    for priority in (5, 500, 50, 40_000):
        front.rule(priority)
    pages = elbv2.get_paginator("describe_rules").paginate(ListenerArn=front.listener, PaginationConfig={"PageSize": 2})
    told = [rule["Priority"] for page in pages for rule in page["Rules"]]
    assert told == ["5", "50", "500", "40000", "default"]


# --- tags ---


def test_tags_are_added_described_and_removed(elbv2: Any, front: Front) -> None:
    arns = [front.group, front.load_balancer, front.listener, front.rule(1)["RuleArn"]]
    elbv2.add_tags(ResourceArns=arns, Tags=[{"Key": "team", "Value": "a"}, {"Key": "empty"}])
    elbv2.remove_tags(ResourceArns=arns, TagKeys=["empty"])
    told = elbv2.describe_tags(ResourceArns=arns)["TagDescriptions"]
    assert told == [{"ResourceArn": arn, "Tags": [{"Key": "team", "Value": "a"}]} for arn in arns]


# --- refusals ---


def actions(kind: str, **members: object) -> list[dict[str, object]]:
    return [{"Type": kind, **members}]


NAMED = {"Name": "x", "Protocol": "HTTP", "Port": 80}
FORWARD = actions("forward", TargetGroupArn=GONE["target group"])
LISTENER = {"LoadBalancerArn": GONE["load balancer"], "Protocol": "HTTP", "Port": 80, "DefaultActions": FORWARD}
RULE = {"ListenerArn": GONE["listener"], "Priority": 1, "Actions": FORWARD}
A_PATH = [{"Field": "path-pattern", "Values": ["/"]}]
STICKY = {"TargetGroups": [{"TargetGroupArn": GONE["target group"]}], "TargetGroupStickinessConfig": {"Enabled": True}}


@pytest.mark.parametrize(
    ("operation", "params", "code", "said"),
    [
        ("create_target_group", {"Name": "x", "Port": 80}, "ValidationError", "A protocol must be specified"),
        ("create_target_group", {"Name": "x", "Protocol": "HTTP"}, "ValidationError", "A port must be specified"),
        ("create_target_group", NAMED | {"Protocol": "TCP"}, "InvalidConfigurationRequest", "The protocol TCP"),
        ("create_target_group", NAMED | {"TargetType": "lambda"}, "InvalidConfigurationRequest", "type 'lambda'"),
        ("create_target_group", NAMED | {"TargetType": "alb"}, "InvalidConfigurationRequest", "type 'alb'"),
        ("create_target_group", NAMED | {"ProtocolVersion": "GRPC"}, "InvalidConfigurationRequest", "version GRPC"),
        ("create_target_group", NAMED | {"IpAddressType": "ipv6"}, "InvalidConfigurationRequest", "ipv6"),
        ("create_target_group", NAMED | {"HealthCheckPort": "81"}, "InvalidConfigurationRequest", "port '81'"),
        ("create_target_group", NAMED | {"HealthCheckEnabled": False}, "ValidationError", "must be enabled"),
        ("create_target_group", NAMED | {"HealthCheckProtocol": "HTTPS"}, "InvalidConfigurationRequest", "HTTPS"),
        ("create_target_group", NAMED | {"Matcher": {"GrpcCode": "0"}}, "InvalidConfigurationRequest", "gRPC"),
        ("create_target_group", NAMED | {"Name": "a_b"}, "ValidationError", "Target group name 'a_b' can only contain"),
        ("create_target_group", NAMED | {"HealthCheckIntervalSeconds": 301}, "ValidationError", "less than or equal"),
        (
            "create_target_group",
            NAMED | {"HealthCheckIntervalSeconds": 5, "HealthCheckTimeoutSeconds": 5},
            "ValidationError",
            "Health check interval must be greater than the timeout.",
        ),
        ("describe_target_groups", {"Names": ["x"]}, "TargetGroupNotFound", "One or more target groups not found"),
        ("describe_target_groups", {"TargetGroupArns": [GONE["target group"]]}, "TargetGroupNotFound", "not found"),
        (
            "describe_target_groups",
            {"TargetGroupArns": ["x"]},
            "ValidationError",
            "'x' is not a valid target group ARN",
        ),
        ("describe_target_groups", {"LoadBalancerArn": GONE["load balancer"]}, "LoadBalancerNotFound", "not found"),
        ("describe_target_groups", {"Names": ["x"], "TargetGroupArns": []}, "ValidationError", "cannot be specified"),
        ("describe_target_groups", {"Marker": "made up"}, "ValidationError", "The specified marker is invalid"),
        ("describe_target_groups", {"PageSize": 401}, "ValidationError", "at 'pageSize' failed to satisfy"),
        ("modify_target_group", {"TargetGroupArn": GONE["target group"]}, "TargetGroupNotFound", "not found"),
        ("describe_target_group_attributes", {"TargetGroupArn": GONE["target group"]}, "TargetGroupNotFound", ""),
        (
            "modify_target_group_attributes",
            {"TargetGroupArn": GONE["target group"], "Attributes": []},
            "TargetGroupNotFound",
            "not found",
        ),
        ("delete_target_group", {"TargetGroupArn": "x"}, "ValidationError", "is not a valid target group ARN"),
        ("describe_target_health", {"TargetGroupArn": GONE["target group"]}, "TargetGroupNotFound", "not found"),
        (
            "register_targets",
            {"TargetGroupArn": GONE["target group"], "Targets": [{"Id": "10.0.0.1"}]},
            "OperationNotPermitted",
            "Targets are registered by services here",
        ),
        (
            "deregister_targets",
            {"TargetGroupArn": GONE["target group"], "Targets": [{"Id": "10.0.0.1"}]},
            "OperationNotPermitted",
            "Targets are deregistered by services here",
        ),
        ("create_load_balancer", {"Name": "x", "Type": "network"}, "InvalidConfigurationRequest", "type 'network'"),
        ("create_load_balancer", {"Name": "x", "Type": "gateway"}, "InvalidConfigurationRequest", "type 'gateway'"),
        ("create_load_balancer", {"Name": "x", "IpAddressType": "dualstack"}, "InvalidConfigurationRequest", "dual"),
        ("create_load_balancer", {"Name": "internal-x"}, "ValidationError", "cannot begin with 'internal-'"),
        (
            "create_load_balancer",
            {"Name": "x", "Subnets": ["s"], "SubnetMappings": [{"SubnetId": "s"}]},
            "ValidationError",
            "either subnets or subnet mappings",
        ),
        ("describe_load_balancers", {"Names": ["x", "y"]}, "LoadBalancerNotFound", "Load balancers '[x, y]' not found"),
        ("describe_load_balancers", {"LoadBalancerArns": [GONE["load balancer"]]}, "LoadBalancerNotFound", "Load"),
        ("describe_load_balancers", {"LoadBalancerArns": [], "Names": ["x"]}, "ValidationError", "together"),
        ("delete_load_balancer", {"LoadBalancerArn": "x"}, "ValidationError", "'x' is not a valid load balancer ARN"),
        ("describe_load_balancer_attributes", {"LoadBalancerArn": GONE["load balancer"]}, "LoadBalancerNotFound", ""),
        ("create_listener", LISTENER, "LoadBalancerNotFound", f"Load balancer '{GONE['load balancer']}' not found"),
        ("create_listener", LISTENER | {"Protocol": "HTTPS"}, "InvalidConfigurationRequest", "The protocol HTTPS"),
        (
            "create_listener",
            LISTENER | {"Certificates": [{"CertificateArn": "x"}]},
            "InvalidConfigurationRequest",
            "Certificates is not",
        ),
        ("create_listener", LISTENER | {"DefaultActions": []}, "ValidationError", "exactly one forward action, not 0"),
        ("create_listener", LISTENER | {"DefaultActions": FORWARD * 2}, "ValidationError", "exactly one forward"),
        (
            "create_listener",
            LISTENER | {"DefaultActions": actions("fixed-response", FixedResponseConfig={"StatusCode": "200"})},
            "InvalidConfigurationRequest",
            "The action type 'fixed-response' is not supported",
        ),
        (
            "create_listener",
            LISTENER | {"DefaultActions": actions("redirect", RedirectConfig={"StatusCode": "HTTP_301"})},
            "InvalidConfigurationRequest",
            "The action type 'redirect' is not supported",
        ),
        (
            "create_listener",
            LISTENER | {"DefaultActions": actions("forward", ForwardConfig=STICKY)},
            "InvalidConfigurationRequest",
            "TargetGroupStickinessConfig is not supported",
        ),
        ("create_listener", LISTENER | {"DefaultActions": actions("forward")}, "LoadBalancerNotFound", "not found"),
        ("describe_listeners", {}, "ValidationError", "either listener ARNs or a load balancer ARN"),
        ("describe_listeners", {"LoadBalancerArn": GONE["load balancer"]}, "LoadBalancerNotFound", "not found"),
        ("describe_listeners", {"ListenerArns": [GONE["listener"]]}, "ListenerNotFound", "One or more listeners"),
        ("modify_listener", {"ListenerArn": GONE["listener"]}, "ListenerNotFound", "One or more listeners not found"),
        ("delete_listener", {"ListenerArn": GONE["listener"]}, "ListenerNotFound", "One or more listeners not found"),
        ("create_rule", RULE | {"Conditions": A_PATH}, "ListenerNotFound", "One or more listeners not found"),
        ("create_rule", RULE | {"Conditions": A_PATH * 2}, "ValidationError", "one condition of the field"),
        ("create_rule", RULE | {"Conditions": [{"Field": "path-pattern"}]}, "ValidationError", "must be specified"),
        (
            "create_rule",
            RULE | {"Conditions": [{"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.0/8"]}}]},
            "InvalidConfigurationRequest",
            "The condition field 'source-ip' is not supported",
        ),
        ("create_rule", RULE | {"Conditions": A_PATH, "Priority": 50_001}, "ValidationError", "priority"),
        ("describe_rules", {}, "ValidationError", "either listener rule ARNs or a listener ARN"),
        ("describe_rules", {"RuleArns": [GONE["rule"]]}, "RuleNotFound", "One or more rules not found"),
        ("describe_rules", {"ListenerArn": GONE["listener"]}, "ListenerNotFound", "One or more listeners not found"),
        ("modify_rule", {"RuleArn": GONE["rule"]}, "RuleNotFound", "One or more rules not found"),
        ("delete_rule", {"RuleArn": GONE["rule"]}, "RuleNotFound", "One or more rules not found"),
        ("describe_tags", {"ResourceArns": [GONE["target group"]]}, "TargetGroupNotFound", "not found"),
        ("describe_tags", {"ResourceArns": ["x"]}, "ValidationError", "'x' is not a valid ARN"),
        ("add_tags", {"ResourceArns": [GONE["rule"]], "Tags": [{"Key": "k"}]}, "RuleNotFound", "not found"),
        ("remove_tags", {"ResourceArns": [GONE["listener"]], "TagKeys": ["k"]}, "ListenerNotFound", "not found"),
    ],
)
def test_bad_input_is_refused(elbv2: Any, operation: str, params: dict[str, Any], code: str, said: str) -> None:
    with pytest.raises(ClientError) as caught:
        getattr(elbv2, operation)(**params)
    error = caught.value.response
    assert error["Error"]["Code"] == code
    assert said in error["Error"]["Message"]
    assert error["Error"]["Type"] == "Sender"
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert error["ResponseMetadata"]["RequestId"]


def test_another_port_for_a_listener_that_is_there_is_refused_by_name(elbv2: Any, front: Front) -> None:
    with pytest.raises(elbv2.exceptions.ClientError, match="Another port for a listener"):
        elbv2.modify_listener(ListenerArn=front.listener, Port=81)


def test_a_target_group_serves_one_load_balancer(elbv2: Any, front: Front) -> None:
    second = elbv2.create_load_balancer(Name="second")["LoadBalancers"][0]["LoadBalancerArn"]
    with pytest.raises(elbv2.exceptions.TargetGroupAssociationLimitException):
        elbv2.create_listener(
            LoadBalancerArn=second,
            Protocol="HTTP",
            Port=80,
            DefaultActions=actions("forward", TargetGroupArn=front.group),
        )


def test_what_the_model_has_and_chaos_ecs_has_not_is_named(api: Harness, elbv2: Any, front: Front) -> None:
    model = elbv2.meta.service_model
    for name in sorted(set(model.operation_names) - set(ELBV2_OPERATIONS)):
        status, body = api.query(f"Action={name}&Version=2015-12-01")
        assert status == 501
        assert f"<Message>chaos-ecs does not have the operation {name} yet.</Message>" in body


def test_a_health_check_every_second_is_taken_at_the_demo_pace(api: Harness, elbv2: Any) -> None:
    """As a form, because botocore refuses it before it is sent."""
    quick = "HealthCheckIntervalSeconds=1&HealthCheckTimeoutSeconds=1"
    status, _ = api.query(f"Action=CreateTargetGroup&Version=2015-12-01&Name=web&Protocol=HTTP&Port=80&{quick}")
    (group,) = elbv2.describe_target_groups()["TargetGroups"]
    assert (status, group["HealthCheckIntervalSeconds"], group["HealthCheckTimeoutSeconds"]) == (200, 1, 1)


# --- the snapshot ---


def test_the_snapshot_has_load_balancers_and_target_groups_once_there_are_any(api: Harness, elbv2: Any) -> None:
    before = json.loads(api.get("/state").body)
    assert "loadBalancers" not in before
    assert "targetGroups" not in before
    front = Front(elbv2)
    other = front.make_group("other")
    front.rule(1, Actions=actions("forward", TargetGroupArn=other))
    idle = front.make_group("idle")
    task = put_target(api, front.group, 3, TargetState.HEALTHY)
    put_target(api, idle, 4, TargetState.HEALTHY)
    told = json.loads(api.get("/state").body)
    assert told["loadBalancers"] == [
        {
            "name": "front",
            "arn": front.load_balancer,
            "dnsName": "127.0.0.1:8480",
            "listeners": [{"port": 80, "hostPort": 8480, "targetGroups": [front.group, other]}],
        }
    ]
    assert [(group["name"], len(group["targets"])) for group in told["targetGroups"]] == [
        ("web", 1),
        ("other", 0),
        ("idle", 1),
    ]
    assert told["targetGroups"][0]["targets"] == [
        {"taskArn": task, "address": "10.0.0.3", "port": 8080, "state": "healthy", "reason": ""}
    ]
    assert told["targetGroups"][2]["targets"][0]["reason"] == "Target.NotInUse"
