"""Target groups: API_CreateTargetGroup, API_DescribeTargetGroups, API_ModifyTargetGroup, API_DeleteTargetGroup, and
their attributes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from chaos_ecs.api.call import Call
from chaos_ecs.api.operations.balancing.members import (
    Answer,
    Params,
    arn_of,
    check_protocol,
    page,
    refuse_unsupported,
    required,
    tags_of,
    unsupported,
)
from chaos_ecs.api.operations.balancing.views import target_group_view
from chaos_ecs.core import balancing_messages as b
from chaos_ecs.core.arns import region_of
from chaos_ecs.core.balancing import TargetGroup, TargetHealthCheck
from chaos_ecs.core.errors import TargetGroupNotFound, ValidationError
from chaos_ecs.core.listeners import known_load_balancer
from chaos_ecs.core.state import State
from chaos_ecs.core.target_groups import (
    attributes_of,
    find_target_group,
    known_target_group,
    load_balancers_by_group,
)

DEFAULT_TARGET_TYPE = "instance"
"""API_CreateTargetGroup.TargetType."""


def create_target_group(call: Call) -> Answer:
    params = call.params
    required(params, "Protocol", "A protocol must be specified")
    port = required(params, "Port", "A port must be specified")
    check_protocol(params)
    _check_supported(params)
    if params.get("ProtocolVersion", "HTTP1") != "HTTP1":
        raise unsupported(f"The protocol version {params['ProtocolVersion']}")
    if params.get("IpAddressType", "ipv4") != "ipv4":
        raise unsupported(f"The IP address type {params['IpAddressType']}")
    refuse_unsupported(params, "TargetControlPort")

    def build(state: State) -> b.CreateTargetGroup:
        usual = TargetHealthCheck(interval=state.pace.check_interval, timeout=state.pace.check_timeout)
        return b.CreateTargetGroup(
            region=call.region,
            name=params["Name"],
            port=port,
            target_type=params.get("TargetType", DEFAULT_TARGET_TYPE),
            health_check=_health_check(params, usual),
            vpc_id=params.get("VpcId", ""),
            tags=tags_of(params),
        )

    def answer(state: State, now: float, events: object) -> dict[str, Any]:
        group = find_target_group(state, call.region, params["Name"])
        assert group is not None
        return _described(state, [group])

    return call.request(build, answer)


def describe_target_groups(call: Call) -> Answer:
    """All of the region, or those named; one that is named and not there is an error."""
    params = call.params
    if sum(name in params for name in ("TargetGroupArns", "Names", "LoadBalancerArn")) > 1:
        raise ValidationError("Target group ARNs, names and a load balancer ARN cannot be specified together")

    def answer(state: State, now: float) -> dict[str, Any]:
        groups = sorted(_asked_for(state, call), key=lambda group: group.name)
        users = load_balancers_by_group(state)
        views = [(group.name, target_group_view(group, users.get(group.arn, ()))) for group in groups]
        return page(params, "TargetGroups", views)

    return call.ask(answer)


def _asked_for(state: State, call: Call) -> list[TargetGroup]:
    params = call.params
    there = [group for group in state.target_groups.values() if region_of(group.arn) == call.region]
    if "TargetGroupArns" in params:
        arns = dict.fromkeys(arn_of(call.region, "target group", arn) for arn in params["TargetGroupArns"])
        return [known_target_group(state, arn) for arn in arns]
    if "Names" in params:
        named = [group for group in there if group.name in params["Names"]]
        if len(named) < len(dict.fromkeys(params["Names"])):
            raise TargetGroupNotFound("One or more target groups not found")
        return named
    if "LoadBalancerArn" in params:
        owner = known_load_balancer(state, arn_of(call.region, "load balancer", params["LoadBalancerArn"]))
        users = load_balancers_by_group(state)
        return [group for group in there if owner.arn in users.get(group.arn, ())]
    return there


def modify_target_group(call: Call) -> Answer:
    """What is not named stays as it is."""
    arn = arn_of(call.region, "target group", call.params["TargetGroupArn"])
    _check_supported(call.params)
    return call.request(
        lambda state: b.ModifyTargetGroup(arn, _health_check(call.params, known_target_group(state, arn).health_check)),
        lambda state, now, events: _described(state, [state.target_groups[arn]]),
    )


def delete_target_group(call: Call) -> Answer:
    arn = arn_of(call.region, "target group", call.params["TargetGroupArn"])
    return call.request(lambda state: b.DeleteTargetGroup(arn), lambda state, now, events: {})


def describe_target_group_attributes(call: Call) -> Answer:
    arn = arn_of(call.region, "target group", call.params["TargetGroupArn"])
    return call.ask(lambda state, now: _attributes(known_target_group(state, arn)))


def modify_target_group_attributes(call: Call) -> Answer:
    """Answers with all attributes, not only with those that changed."""
    arn = arn_of(call.region, "target group", call.params["TargetGroupArn"])
    changes = tuple((item.get("Key", ""), item.get("Value", "")) for item in call.params["Attributes"])
    return call.request(
        lambda state: b.ModifyTargetGroupAttributes(arn, changes),
        lambda state, now, events: _attributes(state.target_groups[arn]),
    )


def _described(state: State, groups: list[TargetGroup]) -> dict[str, Any]:
    users = load_balancers_by_group(state)
    return {"TargetGroups": [target_group_view(group, users.get(group.arn, ())) for group in groups]}


def _attributes(group: TargetGroup) -> dict[str, Any]:
    return {"Attributes": [{"Key": key, "Value": value} for key, value in attributes_of(group).items()]}


# --- from the wire ---


def _check_supported(params: Params) -> None:
    check_protocol(params, "HealthCheckProtocol")
    if params.get("HealthCheckPort", "traffic-port") != "traffic-port":
        raise unsupported(f"The health check port '{params['HealthCheckPort']}'")
    if not params.get("HealthCheckEnabled", True):
        raise ValidationError("Health checks must be enabled for target groups of this target type")
    if "GrpcCode" in params.get("Matcher", {}):
        raise unsupported("A matcher of gRPC codes")


def _health_check(params: Params, known: TargetHealthCheck) -> TargetHealthCheck:
    """What is said, over what is known."""
    return replace(
        known,
        path=params.get("HealthCheckPath", known.path),
        interval=params.get("HealthCheckIntervalSeconds", known.interval),
        timeout=params.get("HealthCheckTimeoutSeconds", known.timeout),
        healthy_threshold=params.get("HealthyThresholdCount", known.healthy_threshold),
        unhealthy_threshold=params.get("UnhealthyThresholdCount", known.unhealthy_threshold),
        matcher=params.get("Matcher", {}).get("HttpCode", known.matcher),
    )
