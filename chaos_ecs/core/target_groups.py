"""`apply` for Commands on target groups, and what is told of their targets: check everything, then change State.

Who joins and leaves a group is `targets.py`'s business. Sources: API_CreateTargetGroup, API_TargetGroupAttribute and
"Health checks for Application Load Balancer target groups"; texts as AWS words them where that is known.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from chaos_ecs.core import targets
from chaos_ecs.core.arns import region_of, target_group_arn
from chaos_ecs.core.balancing import Target, TargetGroup, TargetHealthCheck, TargetState
from chaos_ecs.core.balancing_messages import (
    CreateTargetGroup,
    DeleteTargetGroup,
    ModifyTargetGroup,
    ModifyTargetGroupAttributes,
)
from chaos_ecs.core.balancing_tags import check_name, check_tags
from chaos_ecs.core.errors import (
    DuplicateTargetGroupName,
    InvalidConfigurationRequest,
    ResourceInUse,
    TargetGroupNotFound,
    ValidationError,
)
from chaos_ecs.core.messages import EventType
from chaos_ecs.core.pace import AWS
from chaos_ecs.core.state import State

INTERVALS = (5, 300)
TIMEOUTS = (2, 120)
THRESHOLDS = (2, 10)
"""Of health checks, in seconds and in checks (API_CreateTargetGroup). At another pace than AWS's, 1 s is taken too."""

TARGET_TYPES = ("instance", "ip")
_CODES = re.compile(r"[0-9]{3}(-[0-9]{3})?(,[0-9]{3}(-[0-9]{3})?)*")
_PATH = re.compile(r"/[!-~]{0,1023}")
_QUOTED = re.compile(r"[\"'\\]")

DELAY = "deregistration_delay.timeout_seconds"
SLOW_START = "slow_start.duration_seconds"
ALGORITHM = "load_balancing.algorithm.type"
ALGORITHMS = ("round_robin", "least_outstanding_requests")

_ATTRIBUTES: Mapping[str, str] = {
    "stickiness.enabled": "false",
    "stickiness.type": "lb_cookie",
    "stickiness.lb_cookie.duration_seconds": "86400",
    "stickiness.app_cookie.cookie_name": "",
    "stickiness.app_cookie.duration_seconds": "86400",
    "load_balancing.cross_zone.enabled": "use_load_balancer_configuration",
    "load_balancing.algorithm.anomaly_mitigation": "off",
    "target_group_health.dns_failover.minimum_healthy_targets.count": "1",
    "target_group_health.dns_failover.minimum_healthy_targets.percentage": "off",
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count": "1",
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage": "off",
}
"""Taken and returned, with what a new group has; nothing here acts on them."""


def create_target_group(state: State, command: CreateTargetGroup, now: float) -> None:
    """API_CreateTargetGroup: repeated with the same settings it changes nothing."""
    check_name("Target group name", command.name)
    check_tags(command.tags)
    if command.target_type not in TARGET_TYPES:
        raise InvalidConfigurationRequest(
            f"The target type '{command.target_type}' is not supported by chaos-ecs: "
            f"use 'ip' for tasks of network mode awsvpc, 'instance' for others."
        )
    if not 1 <= command.port <= 65535:
        raise ValidationError(f"The port '{command.port}' must be between '1' and '65535'")
    _check_health_check(state, command.health_check)
    known = find_target_group(state, command.region, command.name)
    if known:
        if (known.port, known.target_type, known.health_check, known.vpc_id) != (
            command.port, command.target_type, command.health_check, command.vpc_id,
        ):  # fmt: skip
            raise DuplicateTargetGroupName(
                f"A target group with the same name '{command.name}' exists, but with different settings"
            )
        return
    group = TargetGroup(
        arn=target_group_arn(command.region, command.name, state.new_id()[:16]),
        name=command.name,
        created_at=now,
        port=command.port,
        target_type=command.target_type,
        health_check=command.health_check,
        deregistration_delay=state.pace.deregistration_delay,
        vpc_id=command.vpc_id,
        tags=command.tags,
    )
    state.put(group)
    told = f"target group {group.name}: targets are checked at {group.health_check.path}"
    state.emit(now, EventType.TARGET_GROUP_CREATED, told, targetGroup=group.arn)


def modify_target_group(state: State, command: ModifyTargetGroup, now: float) -> None:
    group = known_target_group(state, command.arn)
    _check_health_check(state, command.health_check)
    if command.health_check != group.health_check:
        state.put(replace(group, health_check=command.health_check))


def modify_target_group_attributes(state: State, command: ModifyTargetGroupAttributes, now: float) -> None:
    """What the core knows goes into the group's own members; the rest is kept as text."""
    group = changed = known_target_group(state, command.arn)
    kept = dict(group.attributes)
    for key, value in command.attributes:
        if key == DELAY:
            changed = replace(changed, deregistration_delay=_seconds(key, value, (0, 3600)))
        elif key == SLOW_START:
            changed = replace(changed, slow_start=_seconds(key, value, (30, 900), besides=0))
        elif key == ALGORITHM:
            changed = replace(changed, algorithm=_algorithm(value))
        elif key not in _ATTRIBUTES:
            raise ValidationError(f"Target group attribute key '{key[:100]}' is not recognized")
        elif key == "stickiness.enabled" and value != "false":
            raise InvalidConfigurationRequest("Stickiness (stickiness.enabled) is not supported by chaos-ecs yet.")
        else:
            kept[key] = value
    if changed.slow_start and changed.algorithm != "round_robin":
        raise ValidationError(f"{SLOW_START} and the algorithm '{changed.algorithm}' cannot be used together")
    changed = replace(changed, attributes=tuple(kept.items()))
    if changed != group:
        state.put(changed)


def delete_target_group(state: State, command: DeleteTargetGroup, now: float) -> None:
    """API_DeleteTargetGroup: not while a listener or rule forwards to it. One that is not there is no error."""
    group = state.target_groups.get(command.arn)
    if group is None:
        return
    if group.arn in load_balancers_by_group(state):
        raise ResourceInUse(f"Target group '{group.arn}' is currently in use by a listener or a rule")
    for target in state.targets_in(group.arn):
        targets.forget(state, target, now)
    state.drop(group)
    state.emit(now, EventType.TARGET_GROUP_DELETED, f"target group {group.name} is deleted", targetGroup=group.arn)


# --- reading ---


def find_target_group(state: State, region: str, name: str) -> TargetGroup | None:
    """The group of that name: there is one a region."""
    named = (group for group in state.target_groups.values() if group.name == name)
    return next((group for group in named if region_of(group.arn) == region), None)


def known_target_group(state: State, arn: str) -> TargetGroup:
    group = state.target_groups.get(arn)
    if group is None:
        raise TargetGroupNotFound("One or more target groups not found")
    return group


def load_balancers_by_group(state: State) -> dict[str, dict[str, None]]:
    """The load balancers whose listeners and rules forward to a target group, by its ARN; others are absent."""
    found: dict[str, dict[str, None]] = {}
    forwards = [(listener.load_balancer_arn, listener.default) for listener in state.listeners.values()]
    forwards += [(state.listeners[rule.listener_arn].load_balancer_arn, rule.forward) for rule in state.rules.values()]
    for load_balancer, forward in forwards:
        for group, _ in forward.groups:
            found.setdefault(group, {})[load_balancer] = None
    return found


def attributes_of(group: TargetGroup) -> dict[str, str]:
    """All of API_TargetGroupAttribute's keys that an Application Load Balancer's group has, as text."""
    modelled = {
        DELAY: str(group.deregistration_delay),
        SLOW_START: str(group.slow_start),
        ALGORITHM: group.algorithm,
    }
    return {**modelled, **_ATTRIBUTES, **dict(group.attributes)}


def health_told(target: Target, *, in_use: bool) -> tuple[str, str, str]:
    """State, reason and description as DescribeTargetHealth has them: a group that nobody forwards to is unused."""
    if not in_use:
        return (
            TargetState.UNUSED,
            "Target.NotInUse",
            "Target group is not configured to receive traffic from the load balancer",
        )
    return target.state, target.reason, target.description


# --- checks ---


def _check_health_check(state: State, check: TargetHealthCheck) -> None:
    shortest = None if state.pace.name == AWS.name else 1
    _check_range("Health check interval", check.interval, INTERVALS, shortest)
    _check_range("Health check timeout", check.timeout, TIMEOUTS, shortest)
    _check_range("Healthy threshold count", check.healthy_threshold, THRESHOLDS)
    _check_range("Unhealthy threshold count", check.unhealthy_threshold, THRESHOLDS)
    if check.timeout >= check.interval and (check.timeout, check.interval, shortest) != (1, 1, 1):
        raise ValidationError("Health check interval must be greater than the timeout.")
    if not _PATH.fullmatch(check.path) or _QUOTED.search(check.path):
        raise ValidationError(
            f"Health check path '{check.path[:100]}' must begin with '/' and contain at most 1024 visible ASCII "
            "characters, without quotes and backslashes"
        )
    _check_matcher(check.matcher)


def _check_matcher(matcher: str) -> None:
    pairs = [part.partition("-") for part in matcher.split(",")]
    if not _CODES.fullmatch(matcher) or any(
        not 200 <= int(first) <= int(last or first) <= 499 for first, _, last in pairs
    ):
        raise ValidationError(
            f"Health check matcher HTTP code '{matcher[:100]}' must be within '200-499': "
            "a code, a range such as 200-299, or several of them with commas between"
        )


def _check_range(what: str, value: int, limits: tuple[int, int], shortest: int | None = None) -> None:
    low = limits[0] if shortest is None else shortest
    if not low <= value <= limits[1]:
        raise ValidationError(f"{what} '{value}' must be between '{low}' and '{limits[1]}'")


def _seconds(key: str, value: str, limits: tuple[int, int], besides: int | None = None) -> int:
    low, high = limits
    if re.fullmatch(r"[0-9]{1,5}", value) and (low <= int(value) <= high or int(value) == besides):
        return int(value)
    also = "" if besides is None else f", or {besides}"
    raise ValidationError(f"'{value[:100]}' is not a valid value of {key}: it must be between {low} and {high}{also}")


def _algorithm(value: str) -> str:
    if value == "weighted_random":
        raise InvalidConfigurationRequest("The algorithm weighted_random is not supported by chaos-ecs yet.")
    if value not in ALGORITHMS:
        raise ValidationError(f"'{value[:100]}' is not a valid value of {ALGORITHM}: use {' or '.join(ALGORITHMS)}")
    return value
