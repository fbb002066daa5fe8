"""Targets: API_DescribeTargetHealth. They come and go with the tasks of services, and in no other way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chaos_ecs.api.call import Call
from chaos_ecs.api.operations.balancing.members import Answer, Params, arn_of
from chaos_ecs.core.balancing import Target, TargetGroup, TargetState
from chaos_ecs.core.errors import OperationNotPermitted
from chaos_ecs.core.state import State
from chaos_ecs.core.target_groups import health_told, known_target_group, load_balancers_by_group


def describe_target_health(call: Call) -> Answer:
    """Every target of the group, or those asked for; one that is not there is `unused`, not an error."""
    arn = arn_of(call.region, "target group", call.params["TargetGroupArn"])

    def answer(state: State, now: float) -> dict[str, Any]:
        group = known_target_group(state, arn)
        targets = state.targets_in(arn)
        in_use = arn in load_balancers_by_group(state)
        asked = call.params.get("Targets")
        if asked:
            told = [_one_asked_for(group, targets, item, in_use=in_use) for item in asked]
        else:
            told = [_description(target, in_use=in_use) for target in targets]
        return {"TargetHealthDescriptions": told}

    return call.ask(answer)


def register_targets(call: Call) -> Answer:
    return _refused(call, "registered")


def deregister_targets(call: Call) -> Answer:
    return _refused(call, "deregistered")


def _refused(call: Call, done: str) -> Answer:
    arn_of(call.region, "target group", call.params["TargetGroupArn"])
    raise OperationNotPermitted(
        f"Targets are {done} by services here: create a service with --load-balancers, and its tasks come and go by "
        "themselves."
    )


def _one_asked_for(group: TargetGroup, targets: Sequence[Target], asked: Params, *, in_use: bool) -> dict[str, Any]:
    """An address may be handed out again while the target that had it drains: the newer one is meant."""
    port = asked.get("Port")
    found = [target for target in targets if target.address == asked["Id"] and port in (None, target.port)]
    if found:
        return _description(found[-1], in_use=in_use)
    return {
        "Target": {"Id": asked["Id"], "Port": port or group.port},
        "TargetHealth": {
            "State": TargetState.UNUSED,
            "Reason": "Target.NotRegistered",
            "Description": "Target is not registered to the target group",
        },
    }


def _description(target: Target, *, in_use: bool) -> dict[str, Any]:
    state, reason, description = health_told(target, in_use=in_use)
    return {
        "Target": {"Id": target.address, "Port": target.port},
        "HealthCheckPort": str(target.port),
        "TargetHealth": {"State": state, "Reason": reason or None, "Description": description or None},
    }
