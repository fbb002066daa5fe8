"""`apply` for targets and the balancer: registration, health, draining; and the routing that follows from State.

Sources: Application Load Balancers' guide, "Target groups" and "Health checks for your target groups"; texts of events
as published traces of ECS have them. Never here: target groups and listeners themselves (`target_groups.py`,
`listeners.py`).
"""

from __future__ import annotations

from dataclasses import replace

from chaos_ecs.core import lifecycle
from chaos_ecs.core.arns import short
from chaos_ecs.core.balancing import (
    Forward,
    GroupRoute,
    ListenerRoute,
    RouteMode,
    Routing,
    RuleRoute,
    Target,
    TargetGroup,
    TargetRoute,
    TargetState,
)
from chaos_ecs.core.balancing_messages import (
    BalancerLost,
    BalancerUp,
    DeregisterTargets,
    ForgetTargets,
    RegisterTargets,
    RouteTraffic,
    TargetChecked,
)
from chaos_ecs.core.health import load_balancers_of, reached_at
from chaos_ecs.core.messages import EventType
from chaos_ecs.core.model import Service
from chaos_ecs.core.state import State

CHECKING = ("Elb.InitialHealthChecking", "Initial health checks in progress")
LEAVING = ("Target.DeregistrationInProgress", "Target deregistration is in progress")

_MODES = {
    TargetState.INITIAL: RouteMode.CHECKED,
    TargetState.DRAINING: RouteMode.DRAINING,
}


# --- the routing ---


def routing(state: State) -> Routing:
    """All the balancer is to do now. Groups that no listener forwards to are not in use: nobody checks them."""
    listeners = tuple(_listener_route(state, arn) for arn in sorted(state.listeners))
    used = dict.fromkeys(arn for listener in listeners for arn in _groups_of(listener))
    groups = tuple(_group_route(state, state.target_groups[arn]) for arn in sorted(used) if arn in state.target_groups)
    return Routing(listeners, groups)


def _groups_of(listener: ListenerRoute) -> list[str]:
    forwards = (listener.default, *(rule.forward for rule in listener.rules))
    return [arn for forward in forwards for arn, _ in forward.groups]


def _listener_route(state: State, arn: str) -> ListenerRoute:
    listener = state.listeners[arn]
    rules = sorted((rule for rule in state.rules.values() if rule.listener_arn == arn), key=lambda rule: rule.priority)
    routes = tuple(RuleRoute(rule.paths, rule.hosts, _known(state, rule.forward)) for rule in rules)
    return ListenerRoute(arn, listener.host_port, routes, _known(state, listener.default))


def _known(state: State, forward: Forward) -> Forward:
    return Forward(tuple((arn, weight) for arn, weight in forward.groups if arn in state.target_groups))


def _group_route(state: State, group: TargetGroup) -> GroupRoute:
    targets = tuple(
        TargetRoute(
            id=target.id,
            cluster_arn=state.the_task(target.task_arn).cluster_arn,
            address=target.address,
            port=target.port,
            mode=_MODES.get(target.state, RouteMode.SERVING),
        )
        for target in state.targets_in(group.arn)
    )
    return GroupRoute(group.arn, group.health_check, group.algorithm, group.slow_start, targets)


def route_traffic(state: State, effect: RouteTraffic, now: float) -> None:
    state.routing = effect.routing


# --- coming and going ---


def register_targets(state: State, intent: RegisterTargets, now: float) -> None:
    service = state.services[intent.service_arn]
    for arn in intent.task_arns:
        task = state.tasks[arn]
        items = load_balancers_of(state, service, task.deployment_id)
        item = next(item for item in items if item.target_group_arn == intent.target_group_arn)
        address, port = reached_at(state, task, item)
        target = Target(item.target_group_arn, arn, address, port, now, service_arn=service.arn)
        state.put(replace(target, reason=CHECKING[0], description=CHECKING[1]))
    _tell(state, service, EventType.TARGETS_REGISTERED, "registered", intent, now)


def deregister_targets(state: State, intent: DeregisterTargets, now: float) -> None:
    """ECS tells `deregistered` when it asks for it, and that the connections drain a moment later."""
    service = state.services[intent.service_arn]
    targets = [state.targets[f"{intent.target_group_arn}#{arn}"] for arn in intent.task_arns]
    _tell(state, service, EventType.TARGETS_DEREGISTERED, "deregistered", intent, now)
    if intent.at_once:
        for target in targets:
            forget(state, target, now)
        return
    for target in targets:
        reason, description = LEAVING
        state.put(
            replace(target, state=TargetState.DRAINING, reason=reason, description=description, draining_since=now)
        )
        if task := state.find_task(target.task_arn):
            lifecycle.settle(state, task, now)
    set_id = service.primary.id if service.deployments else ""
    message = f"(service {service.name}, taskSet {set_id}) has begun draining connections on {len(targets)} tasks."
    group = state.target_groups.get(intent.target_group_arn)
    delay = group.deregistration_delay if group else 0
    tasks = list(intent.task_arns)
    state.tell_service(now, service, EventType.TARGETS_DRAINING, message, tasks=tasks, delay=delay)


def _tell(
    state: State,
    service: Service,
    type_: EventType,
    verb: str,
    intent: RegisterTargets | DeregisterTargets,
    now: float,
) -> None:
    message = (
        f"(service {service.name}) {verb} {len(intent.task_arns)} targets in (target-group {intent.target_group_arn})"
    )
    tasks = list(intent.task_arns)
    group = intent.target_group_arn
    state.tell_service(now, service, type_, message, tasks=tasks, targetGroup=group, cause=intent.cause)


def forget_targets(state: State, intent: ForgetTargets, now: float) -> None:
    for key in intent.keys:
        forget(state, state.targets[key], now)


def forget(state: State, target: Target, now: float) -> None:
    """The target leaves its group at once. Its task goes on: to its stop signal, or without what it was healthy by."""
    state.drop(target)
    if task := state.find_task(target.task_arn):
        task = lifecycle.settle(state, task, now)
        lifecycle.lose_health(state, task, now)


# --- what the balancer says ---


def target_checked(state: State, fact: TargetChecked, now: float) -> None:
    """A draining target stays so; a late answer about somebody else who had that address changes nothing."""
    target = next((one for one in state.targets_in(fact.target_group_arn) if one.id == fact.target_id), None)
    if target is None or target.address != fact.address or target.state is TargetState.DRAINING:
        return
    reached = TargetState.HEALTHY if fact.passed else TargetState.UNHEALTHY
    reason, description = ("", "") if fact.passed else (fact.reason, fact.description)
    if (target.state, target.reason, target.description) == (reached, reason, description):
        return
    was = target.state
    state.put(replace(target, state=reached, reason=reason, description=description))
    task = state.find_task(target.task_arn)
    if task is None or was is reached:
        return
    if reached is TargetState.UNHEALTHY:
        lifecycle.lose_health(state, task, now)
    state.emit(
        now,
        EventType.TARGET_HEALTH_CHANGED,
        f"target {short(target.task_arn)} is {reached}" + (f": {description}" if description else ""),
        cluster=task.cluster_arn,
        service=task.service_arn or "",
        task=task.arn,
        state=reached,
        reason=reason or None,
        description=description or None,
        targetGroup=target.target_group_arn,
        after=now - target.registered_at if was is TargetState.INITIAL else None,
    )


def balancer_up(state: State, fact: BalancerUp, now: float) -> None:
    if not state.balancer_up:
        state.balancer_up, state.balancer_reason = True, ""
        ports = sorted(listener.host_port for listener in state.listeners.values())
        said = ", ".join(f"127.0.0.1:{port}" for port in ports) or "nothing"
        state.emit(now, EventType.BALANCER_UP, f"the load balancer listens on {said}", ports=ports)


def balancer_lost(state: State, fact: BalancerLost, now: float) -> None:
    if state.balancer_up or state.balancer_reason != fact.reason:
        state.balancer_up, state.balancer_reason = False, fact.reason
        message = f"the load balancer is not there, it is brought back: {fact.reason}"
        state.emit(now, EventType.BALANCER_LOST, message, reason=fact.reason)
