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
from chaos_ecs.core.arns import default_rule_arn
from chaos_ecs.core.balancing import Forward, Listener, LoadBalancer, TargetGroup, TargetHealthCheck
from chaos_ecs.core.balancing_tags import NAME_LIMIT
from chaos_ecs.core.errors import InvalidParameterException
from chaos_ecs.core.listeners import CONTROLLER_PORT, find_load_balancer, listeners_of
from chaos_ecs.core.messages import Command
from chaos_ecs.core.model import Service, ServiceStatus
from chaos_ecs.core.state import State
from chaos_ecs.core.target_groups import find_target_group, load_balancers_by_group

SHARED = "chaos-ecs"
"""The one load balancer of a region, with a listener for each service."""

OWNER_TAG = "chaos-ecs:service"
ROLE_TAG = "chaos-ecs:role"
"""What a target group or listener is for, beside the first of its kind."""

_PRIMARY, _ALTERNATE = "primary", "alternate"  # of target groups
_PRODUCTION, _TEST = "production", "test"  # of listeners
_PORT_OF = {_PRODUCTION: "port", _TEST: "testPort"}
_ALTERNATE_SUFFIX = "-alternate"
_TARGET_TYPE = "instance"  # what ECS wants with network mode bridge
_HTTP = 80

_Answer = Future[dict[str, Any]]
_Build = Callable[[State], Command | None]


def ensure_service_load_balancer(call: Call) -> _Answer:
    """Target group, load balancer and listener of a service that need not be there yet; what is there stays.

    With `alternate` a second target group, with `testPort` a second listener, for deployments that move traffic. The
    weights are made once and never set again: they are the deployments' business.
    """
    if call.params.get("testPort") is not None and not _wants_alternate(call):
        raise InvalidParameterException("testPort needs alternate: a test listener is for the second target group.")
    builds = [_checked(call), _old_listener(call, _PRODUCTION), _old_listener(call, _TEST)]
    builds += [_target_group(call), _health_check(call, _PRIMARY)]
    if _wants_alternate(call):
        builds += [_alternate(call), _health_check(call, _ALTERNATE)]
    builds += [_load_balancer(call), _listener(call)]
    if call.params.get("testPort") is not None:
        builds.append(_test_listener(call))
    return _in_turn(call, builds, lambda state: _told(state, call))


def remove_service_load_balancer(call: Call) -> _Answer:
    """What was made for a service goes again, the load balancer with its last listener. Harmless without any."""
    ends = [_listener_end(call, _TEST), _listener_end(call, _PRODUCTION)]
    ends += [_target_group_end(call, _ALTERNATE), _target_group_end(call, _PRIMARY), _load_balancer_end(call)]
    return _in_turn(call, ends, lambda state: {})


def _in_turn(call: Call, builds: Sequence[_Build], answer: Callable[[State], dict[str, Any]]) -> _Answer:
    """One command after the other, each built from what the last one left; the first refusal ends it."""
    if not builds:
        return call.ask(lambda state, now: answer(state))
    # A command that is not needed is None, which `request` takes as nothing to do.
    first = call.request(builds[0], lambda state, now, events: None)
    return then(first, lambda _: _in_turn(call, builds[1:], answer))


# --- making ---


def _wants_alternate(call: Call) -> bool:
    return bool(call.params.get("alternate", False))


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


def _alternate(call: Call) -> _Build:
    """Checked as the first one is."""

    def build(state: State) -> b.CreateTargetGroup | None:
        if _group(state, call, _ALTERNATE) is not None:
            return None
        first = _the_group(state, call)
        return b.CreateTargetGroup(
            region=call.region,
            name=_free_name(state, call, _ALTERNATE_SUFFIX),
            port=first.port,
            target_type=first.target_type,
            health_check=first.health_check,
            tags=((OWNER_TAG, _service_arn(state, call)), (ROLE_TAG, _ALTERNATE)),
        )

    return build


def _health_check(call: Call, role: str) -> _Build:
    def build(state: State) -> b.ModifyTargetGroup | None:
        group, path = _the_group(state, call, role), call.params.get("healthCheckPath")
        if path in (None, group.health_check.path):
            return None
        return b.ModifyTargetGroup(group.arn, replace(group.health_check, path=path))

    return build


def _load_balancer(call: Call) -> _Build:
    def build(state: State) -> b.CreateLoadBalancer | None:
        return None if find_load_balancer(state, call.region, SHARED) else b.CreateLoadBalancer(call.region, SHARED)

    return build


def _checked(call: Call) -> _Build:
    """Refuses ports that cannot be had, before anything changes."""

    def build(state: State) -> None:
        ports = []
        for role, member in _PORT_OF.items():
            found, port = _listener_of(state, call, role), call.params.get(member)
            ports.append(port or (found.port if found else None))
            service = _mover(state, default_rule_arn(found.arn)) if found else None
            if found and service and port not in (None, found.port):
                raise InvalidParameterException(
                    f"The {role} port {found.port} can not become {port}: deployments of service {service.name} move "
                    "its traffic."
                )
        if ports[0] is not None and ports[0] == ports[1]:
            raise InvalidParameterException(f"port and testPort must be different: both are {ports[0]}.")

    return build


def _old_listener(call: Call, role: str) -> _Build:
    """One at another port than the one that is asked for now."""

    def build(state: State) -> b.DeleteListener | None:
        found, port = _listener_of(state, call, role), call.params.get(_PORT_OF[role])
        return b.DeleteListener(found.arn) if found and port not in (None, found.port) else None

    return build


def _listener(call: Call) -> _Build:
    def build(state: State) -> b.CreateListener | None:
        group, owner = _the_group(state, call), _the_load_balancer(state, call)
        if _listener_of(state, call, _PRODUCTION):
            return None
        port = call.params.get("port") or _free_port(state, owner, call.params.get("testPort"))
        return b.CreateListener(owner.arn, port, Forward(((group.arn, 1),)))

    return build


def _test_listener(call: Call) -> _Build:
    """To the tasks that serve everybody, until a deployment begins."""

    def build(state: State) -> b.CreateListener | None:
        production, owner = _listener_of(state, call, _PRODUCTION), _the_load_balancer(state, call)
        if _listener_of(state, call, _TEST):
            return None
        assert production is not None, "it was made a moment ago"
        tags = ((OWNER_TAG, _service_arn(state, call)), (ROLE_TAG, _TEST))
        return b.CreateListener(owner.arn, call.params["testPort"], production.default, tags)

    return build


def _told(state: State, call: Call) -> dict[str, Any]:
    group, owner = _the_group(state, call), _the_load_balancer(state, call)
    listener, test = _listener_of(state, call, _PRODUCTION), _listener_of(state, call, _TEST)
    assert listener is not None, "it was made a moment ago"
    alternate = _group(state, call, _ALTERNATE)
    return {
        "targetGroupArn": group.arn,
        "loadBalancerArn": owner.arn,
        "listenerArn": listener.arn,
        "port": listener.port,
        "hostPort": listener.host_port,
        "alternateTargetGroupArn": alternate.arn if alternate else None,
        "productionListenerRule": default_rule_arn(listener.arn),
        "testListenerRule": default_rule_arn(test.arn) if test else None,
        "testHostPort": test.host_port if test else None,
    }


# --- taking away ---


def _listener_end(call: Call, role: str) -> _Build:
    def build(state: State) -> b.DeleteListener | None:
        found = _listener_of(state, call, role)
        return b.DeleteListener(found.arn) if found else None

    return build


def _target_group_end(call: Call, role: str) -> _Build:
    """Not while a listener or a rule that somebody made forwards to it."""

    def build(state: State) -> b.DeleteTargetGroup | None:
        group = _group(state, call, role)
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


def _group(state: State, call: Call, role: str = _PRIMARY) -> TargetGroup | None:
    """The target group that was made for this service, or the alternate one."""
    owner = _service_arn(state, call)
    tags = ((group, dict(group.tags)) for group in state.target_groups.values())
    return next(
        (group for group, has in tags if (has.get(OWNER_TAG), has.get(ROLE_TAG, _PRIMARY)) == (owner, role)), None
    )


def _the_group(state: State, call: Call, role: str = _PRIMARY) -> TargetGroup:
    group = _group(state, call, role)
    assert group is not None, "it was made a moment ago"
    return group


def _the_load_balancer(state: State, call: Call) -> LoadBalancer:
    found = find_load_balancer(state, call.region, SHARED)
    assert found is not None, "it was made a moment ago"
    return found


def _listener_of(state: State, call: Call, role: str) -> Listener | None:
    """The service's own: one that forwards to nobody but its two target groups, in whatever shares. The test listener
    says in a tag that it is that."""
    made = [group.arn for group in (_group(state, call), _group(state, call, _ALTERNATE)) if group]
    for item in state.listeners.values():
        forwards_to = [arn for arn, _ in item.default.groups]
        is_its_own = bool(made) and made[0] in forwards_to and all(arn in made for arn in forwards_to)
        if is_its_own and dict(item.tags).get(ROLE_TAG, _PRODUCTION) == role:
            return item
    return None


def _mover(state: State, rule_arn: str) -> Service | None:
    """The service whose deployments set the weights of a rule."""
    services = (service for service in state.services.values() if service.status is not ServiceStatus.INACTIVE)
    rules = ((one, item) for one in services for item in one.load_balancers)
    return next((one for one, item in rules if rule_arn in (item.production_rule_arn, item.test_rule_arn)), None)


def _free_name(state: State, call: Call, suffix: str = "") -> str:
    """The service's name, as far as a target group's name can be that; with a few digits where it is taken.

    Worked example: my_api in two clusters gives my-api and my-api-3f2a9c; their alternates end in -alternate.
    """
    arn = _service_arn(state, call)
    name = re.sub(r"[^A-Za-z0-9-]", "-", arns.name_of(arn)).strip("-") or "service"
    digits = hashlib.sha256(arn.encode()).hexdigest()[:6]
    if len(name + suffix) <= NAME_LIMIT and find_target_group(state, call.region, name + suffix) is None:
        return name + suffix
    return f"{name[: NAME_LIMIT - 1 - len(digits + suffix)].rstrip('-')}-{digits}{suffix}"


def _free_port(state: State, owner: LoadBalancer, reserved: int | None) -> int:
    """The same as the port of this machine, so that one number is enough to remember."""
    if not listeners_of(state, owner.arn) and owner.host_port != reserved:
        return owner.host_port
    ports = [listener.port for listener in listeners_of(state, owner.arn)]
    taken = dict.fromkeys([CONTROLLER_PORT, reserved, *ports, *(item.host_port for item in state.listeners.values())])
    taken |= dict.fromkeys(item.host_port for item in state.load_balancers.values())
    return next(port for port in range(owner.host_port, 65536) if port not in taken)
