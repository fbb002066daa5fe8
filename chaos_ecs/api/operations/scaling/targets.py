"""Scalable targets: API_RegisterScalableTarget, API_DescribeScalableTargets, API_DeregisterScalableTarget."""

from __future__ import annotations

from typing import Any

from chaos_ecs.api.call import Call
from chaos_ecs.api.operations.scaling.members import Answer, check_kind, page, place, service_arn, targets_in
from chaos_ecs.core import scaling_messages as s
from chaos_ecs.core.arns import ACCOUNT_ID
from chaos_ecs.core.scaling import ScalableTarget
from chaos_ecs.core.state import State

ROLE_ARN = (
    f"arn:aws:iam::{ACCOUNT_ID}:role/aws-service-role/ecs.application-autoscaling.amazonaws.com/"
    "AWSServiceRoleForApplicationAutoScaling_ECSService"
)
"""The service-linked role that Application Auto Scaling uses for ECS where none is named."""


def register_scalable_target(call: Call) -> Answer:
    """Made, or changed: a member that is left out stays as it is. Tags are taken and forgotten."""
    params = call.params
    arn = service_arn(call.region, params)
    suspended = params.get("SuspendedState", {})
    command = s.RegisterScalableTarget(
        arn,
        min_capacity=params.get("MinCapacity"),
        max_capacity=params.get("MaxCapacity"),
        role_arn=params.get("RoleARN"),
        scaling_in_suspended=suspended.get("DynamicScalingInSuspended"),
        scaling_out_suspended=suspended.get("DynamicScalingOutSuspended"),
        scheduled_scaling_suspended=suspended.get("ScheduledScalingSuspended"),
    )
    return call.request(
        lambda state: command, lambda state, now, events: {"ScalableTargetARN": state.scalable_targets[arn].arn}
    )


def describe_scalable_targets(call: Call) -> Answer:
    """All of the region, or of the named services; one that has none is left out."""
    check_kind(call.params)

    def answer(state: State, now: float) -> dict[str, Any]:
        found = targets_in(state, call.region, call.params.get("ResourceIds", ()))
        return page(call.params, "ScalableTargets", [(target.service_arn, _view(target)) for target in found])

    return call.ask(answer)


def deregister_scalable_target(call: Call) -> Answer:
    arn = service_arn(call.region, call.params)
    return call.request(lambda state: s.DeregisterScalableTarget(arn), lambda state, now, events: {})


def _view(target: ScalableTarget) -> dict[str, Any]:
    return {
        **place(target),
        "MinCapacity": target.min_capacity,
        "MaxCapacity": target.max_capacity,
        "RoleARN": target.role_arn or ROLE_ARN,
        "CreationTime": target.created_at,
        "SuspendedState": {
            "DynamicScalingInSuspended": target.scaling_in_suspended,
            "DynamicScalingOutSuspended": target.scaling_out_suspended,
            "ScheduledScalingSuspended": target.scheduled_scaling_suspended,
        },
        "ScalableTargetARN": target.arn,
    }
