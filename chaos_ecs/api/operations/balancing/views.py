"""Load balancing as the wire has it: entities in, dicts out, as Elastic Load Balancing's Describe operations answer."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from chaos_ecs.core.arns import default_rule_arn, region_of
from chaos_ecs.core.balancing import Forward, Listener, LoadBalancer, Rule, TargetGroup
from chaos_ecs.core.listeners import dns_name_of
from chaos_ecs.core.messages import Tags

HOSTED_ZONE = "Z35SXDOTRQ7X7K"
"""Elastic Load Balancing's own in us-east-1: there is no DNS here to look it up in."""

ZONES = "abcdef"


def tag_list(tags: Tags) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags]


def target_group_view(group: TargetGroup, load_balancers: Iterable[str]) -> dict[str, Any]:
    check = group.health_check
    return {
        "TargetGroupArn": group.arn,
        "TargetGroupName": group.name,
        "Protocol": "HTTP",
        "Port": group.port,
        "VpcId": group.vpc_id or None,
        "HealthCheckProtocol": "HTTP",
        "HealthCheckPort": "traffic-port",
        "HealthCheckEnabled": True,
        "HealthCheckIntervalSeconds": check.interval,
        "HealthCheckTimeoutSeconds": check.timeout,
        "HealthyThresholdCount": check.healthy_threshold,
        "UnhealthyThresholdCount": check.unhealthy_threshold,
        "HealthCheckPath": check.path,
        "Matcher": {"HttpCode": check.matcher},
        "LoadBalancerArns": list(load_balancers),
        "TargetType": group.target_type,
        "ProtocolVersion": "HTTP1",
        "IpAddressType": "ipv4",
    }


def load_balancer_view(found: LoadBalancer) -> dict[str, Any]:
    """Each subnet is shown in a zone of its own, because the subnets are as made up as the zones."""
    said = json.loads(found.registered)
    region = region_of(found.arn)
    zones = [
        {"ZoneName": f"{region}{ZONES[number % len(ZONES)]}", "SubnetId": subnet, "LoadBalancerAddresses": []}
        for number, subnet in enumerate(said.get("Subnets", []))
    ]
    return {
        "LoadBalancerArn": found.arn,
        "DNSName": dns_name_of(found),
        "CanonicalHostedZoneId": HOSTED_ZONE,
        "CreatedTime": found.created_at,
        "LoadBalancerName": found.name,
        "Scheme": found.scheme,
        "VpcId": "vpc-00000000",
        "State": {"Code": "active"},
        "Type": "application",
        "AvailabilityZones": zones,
        "SecurityGroups": said.get("SecurityGroups", []),
        "IpAddressType": said.get("IpAddressType", "ipv4"),
    }


def listener_view(listener: Listener) -> dict[str, Any]:
    return {
        "ListenerArn": listener.arn,
        "LoadBalancerArn": listener.load_balancer_arn,
        "Port": listener.port,
        "Protocol": "HTTP",
        "DefaultActions": [_action(listener.default)],
    }


def rule_view(rule: Rule) -> dict[str, Any]:
    conditions = [
        {"Field": "host-header", "Values": list(rule.hosts), "HostHeaderConfig": {"Values": list(rule.hosts)}},
        {"Field": "path-pattern", "Values": list(rule.paths), "PathPatternConfig": {"Values": list(rule.paths)}},
    ]
    return {
        "RuleArn": rule.arn,
        "Priority": str(rule.priority),
        "Conditions": [condition for condition in conditions if condition["Values"]],
        "Actions": [_action(rule.forward)],
        "IsDefault": False,
        "Transforms": [],
    }


def default_rule_view(listener: Listener) -> dict[str, Any]:
    return {
        "RuleArn": default_rule_arn(listener.arn),
        "Priority": "default",
        "Conditions": [],
        "Actions": [_action(listener.default)],
        "IsDefault": True,
        "Transforms": [],
    }


def _action(forward: Forward) -> dict[str, Any]:
    """A single target group is told in both spellings, as AWS tells it."""
    return {
        "Type": "forward",
        "TargetGroupArn": forward.groups[0][0] if len(forward.groups) == 1 else None,
        "ForwardConfig": {
            "TargetGroups": [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in forward.groups],
            "TargetGroupStickinessConfig": {"Enabled": False},
        },
    }
