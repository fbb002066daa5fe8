"""Operations of our own: a service's place behind the shared load balancer, and its end (see `decisions/047`).

Put together from Elastic Load Balancing's own commands, each of which is harmless when repeated. Only what was made
here is taken away here: a target group says in a tag whose it is.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

from chaos_ecs.api import identifiers
from chaos_ecs.api.call import Call, then
from chaos_ecs.core import arns
from chaos_ecs.core import balancing_messages as b
from chaos_ecs.core.balancing import Forward, Listener, LoadBalancer, TargetGroup, TargetHealthCheck
from chaos_ecs.core.balancing_tags import NAME_LIMIT
from chaos_ecs.core.listeners import CONTROLLER_PORT, find_load_balancer, listeners_of
from chaos_ecs.core.messages import Command
from chaos_ecs.core.state import State
from chaos_ecs.core.target_groups import find_target_group, load_balancers_by_group

SHARED = "chaos-ecs"
"""The one load balancer of a region, with a listener for each service."""

OWNER_TAG = "chaos-ecs:service"
_TARGET_TYPE = "instance"  # what ECS wants with network mode bridge
_HTTP = 80

_Answer = Future[dict[str, Any]]
_Build = Callable[[State], Command | None]


def ensure_service_load_balancer(call: Call) -> _Answer:
    """Target group, load balancer and listener of a service that need not be there yet; what is there stays."""
    wanted = (_target_group, _health_check, _load_balancer, _old_listener, _listener)
    return _in_turn(call, [build(call) for build in wanted], lambda state: _told(state, call))


def remove_service_load_balancer(call: Call) -> _Answer:
    """What was made for a service goes again, the load balancer with its last listener. Harmless without any."""
    return _in_turn(call, [_listener_end(call), _target_group_end(call), _load_balancer_end(call)], lambda state: {})


def _in_turn(call: Call, builds: Sequence[_Build], answer: Callable[[State], dict[str, Any]]) -> _Answer:
    """One command after the other, each built from what the last one left; the first refusal ends it."""
    if not builds:
        return call.ask(lambda state, now: answer(state))
    # A command that is not needed is None, which `request` takes as nothing to do.
    first = call.request(builds[0], lambda state, now, events: None)
    return then(first, lambda _: _in_turn(call, builds[1:], answer))


# --- making ---


def _target_group(call: Call) -> _Build:
    def build(state: State) -> b.CreateTargetGroup | None:
        if _group(state, call) is not None:
            return None
        usual = TargetHealthCheck(interval=state.pace.check_interval, timeout=state.pace.check_timeout)
        return b.CreateTargetGroup(
            region=call.region,
            name=_free_name(state, call),
            port=_HTTP,
            target_type=_TARGET_TYPE,
            health_check=replace(usual, path=call.params.get("healthCheckPath", usual.path)),
            tags=((OWNER_TAG, _service_arn(state, call)),),
        )

    return build


def _health_check(call: Call) -> _Build:
    def build(state: State) -> b.ModifyTargetGroup | None:
        group, path = _the_group(state, call), call.params.get("healthCheckPath")
        if path in (None, group.health_check.path):
            return None
        return b.ModifyTargetGroup(group.arn, replace(group.health_check, path=path))

    return build


def _load_balancer(call: Call) -> _Build:
    def build(state: State) -> b.CreateLoadBalancer | None:
        return None if find_load_balancer(state, call.region, SHARED) else b.CreateLoadBalancer(call.region, SHARED)

    return build


def _old_listener(call: Call) -> _Build:
    """One at another port than the one that is asked for now."""

    def build(state: State) -> b.DeleteListener | None:
        found, port = _listener_of(state, _the_group(state, call)), call.params.get("port")
        return b.DeleteListener(found.arn) if found and port not in (None, found.port) else None

    return build


def _listener(call: Call) -> _Build:
    def build(state: State) -> b.CreateListener | None:
        group, owner = _the_group(state, call), _the_load_balancer(state, call)
        if _listener_of(state, group):
            return None
        port = call.params.get("port") or _free_port(state, owner)
        return b.CreateListener(owner.arn, port, Forward(((group.arn, 1),)))

    return build


def _told(state: State, call: Call) -> dict[str, Any]:
    group, owner = _the_group(state, call), _the_load_balancer(state, call)
    listener = _listener_of(state, group)
    assert listener is not None, "it was made a moment ago"
    return {
        "targetGroupArn": group.arn,
        "loadBalancerArn": owner.arn,
        "listenerArn": listener.arn,
        "port": listener.port,
        "hostPort": listener.host_port,
    }


# --- taking away ---


def _listener_end(call: Call) -> _Build:
    def build(state: State) -> b.DeleteListener | None:
        group = _group(state, call)
        found = _listener_of(state, group) if group else None
        return b.DeleteListener(found.arn) if found else None

    return build


def _target_group_end(call: Call) -> _Build:
    """Not while a listener or a rule that somebody made forwards to it."""

    def build(state: State) -> b.DeleteTargetGroup | None:
        group = _group(state, call)
        return b.DeleteTargetGroup(group.arn) if group and group.arn not in load_balancers_by_group(state) else None

    return build


def _load_balancer_end(call: Call) -> _Build:
    def build(state: State) -> b.DeleteLoadBalancer | None:
        owner = find_load_balancer(state, call.region, SHARED)
        return b.DeleteLoadBalancer(owner.arn) if owner and not listeners_of(state, owner.arn) else None

    return build


# --- finding ---


def _service_arn(state: State, call: Call) -> str:
    cluster = identifiers.known_cluster(state, call.region, call.params.get("cluster"))
    return identifiers.service_arn(cluster, call.params["service"])


def _group(state: State, call: Call) -> TargetGroup | None:
    """The target group that was made for this service."""
    tag = (OWNER_TAG, _service_arn(state, call))
    return next((group for group in state.target_groups.values() if tag in group.tags), None)


def _the_group(state: State, call: Call) -> TargetGroup:
    group = _group(state, call)
    assert group is not None, "it was made a moment ago"
    return group


def _the_load_balancer(state: State, call: Call) -> LoadBalancer:
    found = find_load_balancer(state, call.region, SHARED)
    assert found is not None, "it was made a moment ago"
    return found


def _listener_of(state: State, group: TargetGroup) -> Listener | None:
    """Its own listener: one that forwards to nobody else."""
    found = (item for item in state.listeners.values() if [arn for arn, _ in item.default.groups] == [group.arn])
    return next(found, None)


def _free_name(state: State, call: Call) -> str:
    """The service's name, as far as a target group's name can be that; with a few digits where it is taken.

    Worked example: my_api in two clusters gives my-api and my-api-3f2a9c.
    """
    arn = _service_arn(state, call)
    name = re.sub(r"[^A-Za-z0-9-]", "-", arns.name_of(arn)).strip("-") or "service"
    digits = hashlib.sha256(arn.encode()).hexdigest()[:6]
    if len(name) <= NAME_LIMIT and find_target_group(state, call.region, name) is None:
        return name
    return f"{name[: NAME_LIMIT - 1 - len(digits)].rstrip('-')}-{digits}"


def _free_port(state: State, owner: LoadBalancer) -> int:
    """The same as the port of this machine, so that one number is enough to remember."""
    if not listeners_of(state, owner.arn):
        return owner.host_port
    ports = [listener.port for listener in listeners_of(state, owner.arn)]
    taken = dict.fromkeys([CONTROLLER_PORT, *ports, *(item.host_port for item in state.listeners.values())])
    taken |= dict.fromkeys(item.host_port for item in state.load_balancers.values())
    return next(port for port in range(owner.host_port, 65536) if port not in taken)
