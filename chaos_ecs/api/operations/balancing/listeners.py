"""Listeners: API_CreateListener, API_DescribeListeners, API_ModifyListener, API_DeleteListener."""

from __future__ import annotations

from typing import Any

from chaos_ecs.api.call import Call
from chaos_ecs.api.operations.balancing.members import (
    Answer,
    Params,
    arn_of,
    check_protocol,
    forward_of,
    page,
    refuse_unsupported,
    required,
    tags_of,
    unsupported,
)
from chaos_ecs.api.operations.balancing.views import listener_view
from chaos_ecs.core import balancing_messages as b
from chaos_ecs.core.balancing import Listener
from chaos_ecs.core.errors import ValidationError
from chaos_ecs.core.listeners import find_listener, known_listener, known_load_balancer, listeners_of
from chaos_ecs.core.state import State


def create_listener(call: Call) -> Answer:
    params = call.params
    required(params, "Protocol", "A listener protocol must be specified")
    _check_supported(params)
    command = b.CreateListener(
        load_balancer_arn=arn_of(call.region, "load balancer", params["LoadBalancerArn"]),
        port=required(params, "Port", "A listener port must be specified"),
        default=forward_of(call.region, params["DefaultActions"]),
        tags=tags_of(params),
    )

    def answer(state: State, now: float, events: object) -> dict[str, Any]:
        listener = find_listener(state, command.load_balancer_arn, command.port)
        assert listener is not None
        return {"Listeners": [listener_view(listener)]}

    return call.request(lambda state: command, answer)


def describe_listeners(call: Call) -> Answer:
    """Those of a load balancer, or those named."""
    params = call.params
    if ("LoadBalancerArn" in params) == ("ListenerArns" in params):
        raise ValidationError("You must specify either listener ARNs or a load balancer ARN")

    def answer(state: State, now: float) -> dict[str, Any]:
        found = sorted(_asked_for(state, call), key=_key)
        return page(params, "Listeners", [(_key(listener), listener_view(listener)) for listener in found])

    return call.ask(answer)


def _key(listener: Listener) -> str:
    return f"{listener.load_balancer_arn}:{listener.port:05d}"


def _asked_for(state: State, call: Call) -> list[Listener]:
    if "LoadBalancerArn" in call.params:
        owner = arn_of(call.region, "load balancer", call.params["LoadBalancerArn"])
        return listeners_of(state, known_load_balancer(state, owner).arn)
    arns = dict.fromkeys(arn_of(call.region, "listener", arn) for arn in call.params["ListenerArns"])
    return [known_listener(state, arn) for arn in arns]


def modify_listener(call: Call) -> Answer:
    """Its default action; another port or protocol is refused by name."""
    params = call.params
    arn = arn_of(call.region, "listener", params["ListenerArn"])
    _check_supported(params)
    default = forward_of(call.region, params["DefaultActions"]) if "DefaultActions" in params else None

    def build(state: State) -> b.ModifyListener:
        if params.get("Port") not in (None, known_listener(state, arn).port):
            raise unsupported("Another port for a listener that is there")
        return b.ModifyListener(arn, default)

    return call.request(build, lambda state, now, events: {"Listeners": [listener_view(state.listeners[arn])]})


def delete_listener(call: Call) -> Answer:
    arn = arn_of(call.region, "listener", call.params["ListenerArn"])
    return call.request(lambda state: b.DeleteListener(arn), lambda state, now, events: {})


def _check_supported(params: Params) -> None:
    check_protocol(params)
    refuse_unsupported(params, "Certificates", "SslPolicy", "AlpnPolicy", "MutualAuthentication")
