"""Scaling policies: API_PutScalingPolicy, API_DescribeScalingPolicies, API_DeleteScalingPolicy: target tracking."""

from __future__ import annotations

import re
from typing import Any

from chaos_ecs.api.call import Call
from chaos_ecs.api.operations.scaling.members import (
    Answer,
    Params,
    check_kind,
    page,
    place,
    service_arn,
    targets_in,
    unsupported,
)
from chaos_ecs.core import scaling_messages as s
from chaos_ecs.core.arns import load_balancer_arn, target_group_arn
from chaos_ecs.core.errors import ValidationException
from chaos_ecs.core.scaling import Measure, Metric, ScalableTarget, ScalingPolicy
from chaos_ecs.core.state import State

TARGET_TRACKING = "TargetTrackingScaling"

_LABEL = re.compile(r"app/([A-Za-z0-9-]{1,32})/([0-9a-f]{16})/targetgroup/([A-Za-z0-9-]{1,32})/([0-9a-f]{16})")


def put_scaling_policy(call: Call) -> Answer:
    """A policy of this name that is there is replaced. No CloudWatch stands behind it, so it has no alarms."""
    params = call.params
    arn = service_arn(call.region, params)
    configuration = _configuration(params)
    metric, label = _metric(configuration)

    def build(state: State) -> s.PutScalingPolicy:
        return s.PutScalingPolicy(
            service_arn=arn,
            name=params["PolicyName"],
            measure=Measure(metric, _target_group(state, call.region, arn, label) if label else ""),
            target_value=configuration["TargetValue"],
            resource_label=label,
            scale_out_cooldown=configuration.get("ScaleOutCooldown"),
            scale_in_cooldown=configuration.get("ScaleInCooldown"),
            disable_scale_in=configuration.get("DisableScaleIn", False),
        )

    def answer(state: State, now: float, events: object) -> dict[str, Any]:
        policy = state.scalable_targets[arn].policy(params["PolicyName"])
        assert policy is not None
        return {"PolicyARN": policy.arn, "Alarms": []}

    return call.request(build, answer)


def _configuration(params: Params) -> Params:
    """That of target tracking. Every other kind of policy is refused by name."""
    kind = params.get("PolicyType", "StepScaling")  # API_PutScalingPolicy: what is meant where nothing is said
    if kind != TARGET_TRACKING:
        raise unsupported(f"The policy type {kind} (use {TARGET_TRACKING})")
    for member in ("StepScalingPolicyConfiguration", "PredictiveScalingPolicyConfiguration"):
        if member in params:
            raise ValidationException(f"{member} cannot be specified for the policy type {kind}")
    configuration: Params = params.get("TargetTrackingScalingPolicyConfiguration", {})
    if not configuration:
        raise ValidationException("TargetTrackingScalingPolicyConfiguration must be specified")
    if "CustomizedMetricSpecification" in configuration:
        raise unsupported("A CustomizedMetricSpecification")
    if "PredefinedMetricSpecification" not in configuration:
        raise ValidationException("A PredefinedMetricSpecification must be specified")
    return configuration


def _metric(configuration: Params) -> tuple[Metric, str]:
    specification = configuration["PredefinedMetricSpecification"]
    name, label = specification["PredefinedMetricType"], specification.get("ResourceLabel", "")
    if name not in list(Metric):
        raise unsupported(f"The predefined metric {name}")
    if name == Metric.REQUESTS and not label:
        raise ValidationException(f"You must specify a resource label for the metric {name}")
    if name == Metric.CPU and label:
        raise ValidationException(f"A resource label cannot be specified for the metric {name}")
    return Metric(name), label


def _target_group(state: State, region: str, arn: str, label: str) -> str:
    """The ARN of the target group in app/LB/ID/targetgroup/TG/ID, which must be the service's. A service that is not
    there is for the command to refuse."""
    found = _LABEL.fullmatch(label)
    if found is None:
        raise ValidationException(f"Invalid resource label: {label}. It is app/LB/ID/targetgroup/TARGET-GROUP/ID")
    group, balancer = target_group_arn(region, found[3], found[4]), load_balancer_arn(region, found[1], found[2])
    if group not in state.target_groups or balancer not in state.load_balancers:
        raise ValidationException(f"The target group or load balancer in the resource label {label} does not exist")
    service = state.services.get(arn)
    if service and group not in [item.target_group_arn for item in service.load_balancers]:
        raise ValidationException(f"The target group in the resource label {label} is not one of the service's")
    return group


def describe_scaling_policies(call: Call) -> Answer:
    check_kind(call.params)
    resource, names = call.params.get("ResourceId"), call.params.get("PolicyNames", ())

    def answer(state: State, now: float) -> dict[str, Any]:
        targets = targets_in(state, call.region, [resource] if resource else [])
        views = [
            (f"{target.service_arn}#{policy.name}", _view(target, policy))
            for target in targets
            for policy in sorted(target.policies, key=lambda policy: policy.name)
            if not names or policy.name in names or policy.arn in names
        ]
        return page(call.params, "ScalingPolicies", sorted(views, key=lambda view: view[0]))

    return call.ask(answer)


def delete_scaling_policy(call: Call) -> Answer:
    arn = service_arn(call.region, call.params)
    command = s.DeleteScalingPolicy(arn, call.params["PolicyName"])
    return call.request(lambda state: command, lambda state, now, events: {})


def _view(target: ScalableTarget, policy: ScalingPolicy) -> dict[str, Any]:
    metric = {"PredefinedMetricType": policy.measure.metric.value}
    if policy.resource_label:
        metric["ResourceLabel"] = policy.resource_label
    configuration = {
        "TargetValue": policy.target_value,
        "PredefinedMetricSpecification": metric,
        "ScaleOutCooldown": policy.scale_out_cooldown,
        "ScaleInCooldown": policy.scale_in_cooldown,
        "DisableScaleIn": policy.disable_scale_in,
    }
    return {
        **place(target),
        "PolicyARN": policy.arn,
        "PolicyName": policy.name,
        "PolicyType": TARGET_TRACKING,
        "TargetTrackingScalingPolicyConfiguration": {
            name: value for name, value in configuration.items() if value is not None
        },
        "Alarms": [],
        "CreationTime": policy.created_at,
    }
