"""`apply` for Commands on load balancers, listeners and rules, and for a port that somebody else has.

Every refusal comes before the first change. Sources: API_CreateLoadBalancer, API_CreateListener, API_CreateRule,
"Condition types for listener rules". The ports of this machine are ours: `decisions/044`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain

from chaos_ecs.core.arns import default_rule_arn, listener_arn, load_balancer_arn, region_of, rule_arn
from chaos_ecs.core.balancing import Forward, Listener, LoadBalancer, Rule
from chaos_ecs.core.balancing_messages import (
    CreateListener,
    CreateLoadBalancer,
    CreateRule,
    DeleteListener,
    DeleteLoadBalancer,
    DeleteRule,
    HostPortTaken,
    ModifyListener,
    ModifyRule,
)
from chaos_ecs.core.balancing_tags import check_name, check_tags
from chaos_ecs.core.errors import (
    DuplicateListener,
    DuplicateLoadBalancerName,
    InvalidConfigurationRequest,
    ListenerNotFound,
    LoadBalancerNotFound,
    PriorityInUse,
    RuleNotFound,
    TargetGroupAssociationLimit,
    TargetGroupNotFound,
    ValidationError,
)
from chaos_ecs.core.messages import EventType
from chaos_ecs.core.state import State
from chaos_ecs.core.target_groups import load_balancers_by_group

FIRST_HOST_PORT = 8480
CONTROLLER_PORT = 8481
"""Where the controller itself listens unless told otherwise: given to no listener that did not ask for it."""

LOWEST_OWN_PORT = 1024
"""Ports below need rights that a container engine may not have; a listener that names one gets another."""

LARGEST_PRIORITY = 50_000
GROUPS_OF_AN_ACTION = 5
LARGEST_WEIGHT = 999
VALUES_OF_A_RULE = 5
WILDCARDS_OF_A_RULE = 5
_PATH = re.compile(r"[A-Za-z0-9_.$/~\"'@:+&*?-]{1,128}")
_HOST = re.compile(r"[A-Za-z0-9_.*?-]{1,128}")
"""Condition types for listener rules: what a path and a host pattern may contain."""


# --- load balancers ---


def create_load_balancer(state: State, command: CreateLoadBalancer, now: float) -> None:
    """API_CreateLoadBalancer: repeated with the same settings it changes nothing."""
    check_name("The load balancer name", command.name)
    if command.name.startswith("internal-"):
        raise ValidationError(f"The load balancer name '{command.name}' cannot begin with 'internal-'")
    check_tags(command.tags)
    known = find_load_balancer(state, command.region, command.name)
    if known:
        if (known.scheme, known.registered) != (command.scheme, command.registered):
            raise DuplicateLoadBalancerName(
                f"A load balancer with the same name '{command.name}' exists, but with different settings"
            )
        return
    host_port = _free_host_port(state, FIRST_HOST_PORT)
    arn = load_balancer_arn(command.region, command.name, state.new_id()[:16])
    made = LoadBalancer(arn, command.name, now, host_port, command.scheme, command.registered, command.tags)
    state.put(made)
    told = f"load balancer {made.name} will answer at {url_of(host_port)} once it has a listener"
    state.emit(now, EventType.LOAD_BALANCER_CREATED, told, loadBalancer=arn, hostPort=host_port)


def delete_load_balancer(state: State, command: DeleteLoadBalancer, now: float) -> None:
    """API_DeleteLoadBalancer: its listeners and their rules go with it. One that is not there is no error."""
    found = state.load_balancers.get(command.arn)
    if found is None:
        return
    for listener in listeners_of(state, found.arn):
        _drop_listener(state, listener)
    state.drop(found)
    state.emit(now, EventType.LOAD_BALANCER_DELETED, f"load balancer {found.name} is deleted", loadBalancer=found.arn)


# --- listeners ---


def create_listener(state: State, command: CreateListener, now: float) -> None:
    """API_CreateListener: repeated with the same settings it changes nothing."""
    owner = known_load_balancer(state, command.load_balancer_arn)
    check_tags(command.tags)
    if not 1 <= command.port <= 65535:
        raise ValidationError(f"The listener port '{command.port}' must be between '1' and '65535'")
    _check_forward(state, command.default, owner)
    known = find_listener(state, owner.arn, command.port)
    if known:
        if known.default != command.default:
            raise DuplicateListener(f"A listener already exists on this port for this load balancer '{owner.arn}'")
        return
    host_port = _host_port_for(state, owner, command.port)
    arn = listener_arn(owner.arn, state.new_id()[:16])
    state.put(Listener(arn, owner.arn, command.port, host_port, command.default, now, command.tags))
    state.emit(
        now,
        EventType.LISTENER_CREATED,
        f"load balancer {owner.name} listens on port {command.port}: here that is {url_of(host_port)}",
        loadBalancer=owner.arn,
        listener=arn,
        port=command.port,
        hostPort=host_port,
    )


def modify_listener(state: State, command: ModifyListener, now: float) -> None:
    listener = known_listener(state, command.arn)
    if command.default is None or command.default == listener.default:
        return
    owner = state.load_balancers[listener.load_balancer_arn]
    _check_forward(state, command.default, owner)
    state.put(replace(listener, default=command.default))


def delete_listener(state: State, command: DeleteListener, now: float) -> None:
    listener = known_listener(state, command.arn)
    owner = state.load_balancers[listener.load_balancer_arn]
    _drop_listener(state, listener)
    told = f"load balancer {owner.name} does not listen on port {listener.port} any more"
    state.emit(now, EventType.LISTENER_DELETED, told, loadBalancer=owner.arn, listener=listener.arn, port=listener.port)


def host_port_taken(state: State, fact: HostPortTaken, now: float) -> None:
    """The listener moves on to the next free port; its load balancer's address with it, if that is where it was."""
    listener = state.listeners.get(fact.listener_arn)
    if listener is None or listener.host_port != fact.host_port:
        return
    host_port = _find_host_port(state, fact.host_port + 1, fact.others)
    if host_port is None:
        return
    owner = state.load_balancers[listener.load_balancer_arn]
    state.put(replace(listener, host_port=host_port))
    if owner.host_port == fact.host_port:
        state.put(replace(owner, host_port=host_port))
    state.emit(
        now,
        EventType.LISTENER_MOVED,
        f"port {fact.host_port} is taken by another program: load balancer {owner.name} is at {url_of(host_port)}",
        loadBalancer=owner.arn,
        listener=listener.arn,
        port=listener.port,
        hostPort=host_port,
        previousHostPort=fact.host_port,
    )


# --- rules ---


def create_rule(state: State, command: CreateRule, now: float) -> None:
    listener = known_listener(state, command.listener_arn)
    check_tags(command.tags)
    if not 1 <= command.priority <= LARGEST_PRIORITY:
        raise ValidationError(f"Rule priority '{command.priority}' must be between '1' and '{LARGEST_PRIORITY}'")
    _check_conditions(command.paths, command.hosts)
    _check_forward(state, command.forward, state.load_balancers[listener.load_balancer_arn])
    if find_rule(state, listener.arn, command.priority):
        raise PriorityInUse(f"Priority '{command.priority}' is currently in use")
    arn = rule_arn(listener.arn, state.new_id()[:16])
    state.put(
        Rule(arn, listener.arn, command.priority, command.forward, now, command.paths, command.hosts, command.tags)
    )


def modify_rule(state: State, command: ModifyRule, now: float) -> None:
    rule = known_rule(state, command.arn)
    changed = replace(
        rule,
        forward=rule.forward if command.forward is None else command.forward,
        paths=rule.paths if command.paths is None else command.paths,
        hosts=rule.hosts if command.hosts is None else command.hosts,
    )
    _check_conditions(changed.paths, changed.hosts)
    owner = state.load_balancers[state.listeners[rule.listener_arn].load_balancer_arn]
    _check_forward(state, changed.forward, owner)
    if changed != rule:
        state.put(changed)


def delete_rule(state: State, command: DeleteRule, now: float) -> None:
    state.drop(known_rule(state, command.arn))


# --- reading ---


def find_load_balancer(state: State, region: str, name: str) -> LoadBalancer | None:
    """The load balancer of that name: there is one a region."""
    named = (found for found in state.load_balancers.values() if found.name == name)
    return next((found for found in named if region_of(found.arn) == region), None)


def known_load_balancer(state: State, arn: str) -> LoadBalancer:
    found = state.load_balancers.get(arn)
    if found is None:
        raise LoadBalancerNotFound(f"Load balancer '{arn}' not found")
    return found


def listeners_of(state: State, load_balancer: str) -> list[Listener]:
    return [listener for listener in state.listeners.values() if listener.load_balancer_arn == load_balancer]


def find_listener(state: State, load_balancer: str, port: int) -> Listener | None:
    return next((listener for listener in listeners_of(state, load_balancer) if listener.port == port), None)


def known_listener(state: State, arn: str) -> Listener:
    found = state.listeners.get(arn)
    if found is None:
        raise ListenerNotFound("One or more listeners not found")
    return found


def listener_of_default_rule(state: State, rule: str) -> Listener | None:
    """The listener whose default rule has this ARN: it is no entity of its own."""
    return next((found for found in state.listeners.values() if default_rule_arn(found.arn) == rule), None)


def rules_of(state: State, listener: str) -> list[Rule]:
    """In the order in which they are tried; the default rule, which comes last, is not among them."""
    found = [rule for rule in state.rules.values() if rule.listener_arn == listener]
    return sorted(found, key=lambda rule: rule.priority)


def find_rule(state: State, listener: str, priority: int) -> Rule | None:
    return next((rule for rule in rules_of(state, listener) if rule.priority == priority), None)


def known_rule(state: State, arn: str) -> Rule:
    found = state.rules.get(arn)
    if found is None:
        raise RuleNotFound("One or more rules not found")
    return found


def dns_name_of(load_balancer: LoadBalancer) -> str:
    """A DNSName that works here: with the port, so that `curl http://$DNSName/` reaches the first listener."""
    return f"127.0.0.1:{load_balancer.host_port}"


def url_of(host_port: int) -> str:
    return f"http://127.0.0.1:{host_port}/"


# --- checks and ports ---


def _check_forward(state: State, forward: Forward, owner: LoadBalancer) -> None:
    arns = [arn for arn, _ in forward.groups]
    if not 1 <= len(arns) <= GROUPS_OF_AN_ACTION:
        raise ValidationError(f"A forward action must have 1 to {GROUPS_OF_AN_ACTION} target groups, not {len(arns)}")
    if len(dict.fromkeys(arns)) < len(arns):
        raise ValidationError("A forward action must name each target group once")
    for arn, weight in forward.groups:
        if arn not in state.target_groups or region_of(arn) != region_of(owner.arn):
            raise TargetGroupNotFound("One or more target groups not found")
        if not 0 <= weight <= LARGEST_WEIGHT:
            raise ValidationError(f"Target group weight '{weight}' must be between '0' and '{LARGEST_WEIGHT}'")
    used = load_balancers_by_group(state)
    if elsewhere := [arn for arn in arns if any(other != owner.arn for other in used.get(arn, ()))]:
        raise TargetGroupAssociationLimit(
            f"The following target groups cannot be associated with more than one load balancer: {', '.join(elsewhere)}"
        )


def _check_conditions(paths: tuple[str, ...], hosts: tuple[str, ...]) -> None:
    """Nothing gets further than here that a balancer's configuration could take for more than a pattern."""
    values = (*paths, *hosts)
    if not values:
        raise ValidationError("A condition must be specified")
    if len(values) > VALUES_OF_A_RULE:
        raise ValidationError(f"A rule can have at most {VALUES_OF_A_RULE} condition values, not {len(values)}")
    wildcards = sum(value.count("*") + value.count("?") for value in values)
    if wildcards > WILDCARDS_OF_A_RULE:
        raise ValidationError(f"A rule can have at most {WILDCARDS_OF_A_RULE} wildcards, not {wildcards}")
    for what, pattern, told in (("path-pattern", _PATH, paths), ("host-header", _HOST, hosts)):
        for value in told:
            if not pattern.fullmatch(value):
                raise ValidationError(
                    f"Condition value '{value[:128]}' is not a valid {what}: it is too long or contains a character "
                    "that is not allowed"
                )


def _host_port_for(state: State, owner: LoadBalancer, port: int) -> int:
    """The load balancer's own for its first listener; then the one that was asked for, if it can be had."""
    if all(listener.host_port != owner.host_port for listener in listeners_of(state, owner.arn)):
        return owner.host_port
    if port >= LOWEST_OWN_PORT and port not in _host_ports(state):
        return port
    return _free_host_port(state, FIRST_HOST_PORT)


def _free_host_port(state: State, first: int) -> int:
    found = _find_host_port(state, first)
    if found is None:
        raise InvalidConfigurationRequest("No port of this machine is left for another listener.")
    return found


def _find_host_port(state: State, first: int, others: Sequence[int] = ()) -> int | None:
    """The next port that is not given out or among `others`, from `first` to the highest, then from the lowest."""
    taken = {**_host_ports(state), CONTROLLER_PORT: None, **dict.fromkeys(others)}
    upward = chain(range(first, 65536), range(FIRST_HOST_PORT, first))
    return next((port for port in upward if port not in taken), None)


def _host_ports(state: State) -> dict[int, None]:
    """What is given out already, the reserved ones included."""
    reserved = [item.host_port for item in state.load_balancers.values()]
    return dict.fromkeys([*reserved, *(listener.host_port for listener in state.listeners.values())])


def _drop_listener(state: State, listener: Listener) -> None:
    for rule in rules_of(state, listener.arn):
        state.drop(rule)
    state.drop(listener)
