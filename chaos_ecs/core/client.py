"""The learner's client: which listeners it asks, and `apply` for what it says of them. Never here: requests."""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from chaos_ecs.core.arns import default_rule_arn
from chaos_ecs.core.balancing import Listener, TargetState
from chaos_ecs.core.balancing_messages import ClientFailing, ClientServed
from chaos_ecs.core.messages import EventType
from chaos_ecs.core.model import Service, ServiceStatus
from chaos_ecs.core.state import State


def probed(state: State, already: Container[str]) -> dict[str, int]:
    """The host port of each listener that the client asks, by its ARN: from the first healthy target on, as long as
    an ACTIVE service is behind it. `already` are those it asks now: a target that dies must not silence it."""
    asked = {}
    for arn, listener in state.listeners.items():
        services = [service for service in behind(state, listener) if service.status is ServiceStatus.ACTIVE]
        if services and (arn in already or _is_served(state, listener)):
            asked[arn] = listener.host_port
    return asked


def behind(state: State, listener: Listener) -> list[Service]:
    """The services that answer `GET /` there: those of its default action; none where they only test."""
    default = default_rule_arn(listener.arn)
    found = {
        service.arn: service
        for group_arn, weight in listener.default.groups
        if weight
        for service in state.services_of(group_arn)
        if all(item.test_rule_arn != default for item in service.load_balancers)
    }
    return list(found.values())


def services_behind(state: State) -> dict[str, tuple[str, ...]]:
    """The ARNs of the services behind each listener, by its ARN."""
    return {arn: tuple(service.arn for service in behind(state, listener)) for arn, listener in state.listeners.items()}


def _is_served(state: State, listener: Listener) -> bool:
    return any(
        target.state is TargetState.HEALTHY
        for group_arn, weight in listener.default.groups
        if weight
        for target in state.targets_in(group_arn)
    )


def client_failing(state: State, fact: ClientFailing, now: float) -> None:
    state.failing_listeners[fact.listener_arn] = fact.cause
    message = f"the client's requests fail: {fact.failed} in the last second ({fact.cause})"
    _tell(state, fact.listener_arn, now, EventType.CLIENT_FAILING, message, failed=fact.failed, cause=fact.cause)


def client_served(state: State, fact: ClientServed, now: float) -> None:
    state.failing_listeners.pop(fact.listener_arn, None)
    message = f"the client is served again after {fact.seconds:.1f} s: {fact.failed} of {fact.requests} requests failed"
    figures = {"seconds": fact.seconds, "failed": fact.failed, "requests": fact.requests}
    _tell(state, fact.listener_arn, now, EventType.CLIENT_RECOVERED, message, **figures)


def _tell(state: State, listener_arn: str, now: float, type_: EventType, message: str, **data: Any) -> None:
    """With the service's name where it is one; nothing of a listener that has gone."""
    listener = state.listeners.get(listener_arn)
    if listener is None:
        return
    services = behind(state, listener)
    one = services[0] if len(services) == 1 else None
    state.emit(
        now,
        type_,
        message,
        cluster=one.cluster_arn if one else "",
        service=one.arn if one else "",
        listener=listener_arn,
        hostPort=listener.host_port,
        **data,
    )
