"""`apply` for everything about service auto scaling: Commands, the Fact of a measurement, and the plan's Intents.

Every refusal comes before the first change. Texts as Application Auto Scaling words them. Never here: when to scale
(`scaling.py`).
"""

from __future__ import annotations

from dataclasses import replace

from chaos_ecs.core.arns import ACCOUNT_ID, region_of
from chaos_ecs.core.errors import LimitExceededException, ObjectNotFoundException, ValidationException
from chaos_ecs.core.messages import EventType
from chaos_ecs.core.model import Service, ServiceStatus
from chaos_ecs.core.scaling import (
    ACTIVITIES_KEPT,
    Cooldown,
    Metric,
    Sample,
    ScalableTarget,
    ScalingActivity,
    ScalingPolicy,
)
from chaos_ecs.core.scaling_messages import (
    DeleteScalingPolicy,
    DeregisterScalableTarget,
    ForgetScaling,
    MetricSeen,
    PutScalingPolicy,
    RegisterScalableTarget,
    ScaleService,
)
from chaos_ecs.core.service_commands import TASKS_PER_SERVICE, resized
from chaos_ecs.core.state import State

DIMENSION = "ecs:service:DesiredCount"
POLICIES_PER_TARGET = 50
"""Service quotas of Application Auto Scaling: scaling policies per scalable target."""


def resource_id(service_arn: str) -> str:
    """service/CLUSTER/SERVICE"""
    return service_arn.rsplit(":", 1)[1]


def _place(service_arn: str) -> str:
    return f"service namespace: ecs, resource ID: {resource_id(service_arn)}, scalable dimension: {DIMENSION}"


def register_scalable_target(state: State, command: RegisterScalableTarget, now: float) -> None:
    """API_RegisterScalableTarget: made, or changed in what is named. A desired count out of range is brought in."""
    service = state.services.get(command.service_arn)
    if service is None or service.status is not ServiceStatus.ACTIVE:
        raise ValidationException(f"ECS service doesn't exist: {resource_id(command.service_arn)}")
    if service.placement.is_daemon:
        raise ValidationException(f"{resource_id(service.arn)} is a DAEMON service: it has no desired count to scale.")
    known = state.scalable_targets.get(service.arn)
    least = command.min_capacity if command.min_capacity is not None or known is None else known.min_capacity
    most = command.max_capacity if command.max_capacity is not None or known is None else known.max_capacity
    _check_capacities(least, most)
    assert least is not None
    assert most is not None
    target = known or _new_target(state, service, now)
    target = replace(target, min_capacity=least, max_capacity=most)
    for member in ("role_arn", "scaling_in_suspended", "scaling_out_suspended", "scheduled_scaling_suspended"):
        if (value := getattr(command, member)) is not None:
            target = replace(target, **{member: value})
    state.put(target)
    _tell(state, service, f"service {service.name} is scaled between {least} and {most} tasks", now)
    count = target.clamped(service.desired_count)
    if count != service.desired_count:
        why = f"between {least} and {most} tasks are to run: {service.desired_count} -> {count}"
        _scale(state, target, count, now, cause=why)


def _check_capacities(least: int | None, most: int | None) -> None:
    if least is None or most is None:
        raise ValidationException("Both minimum and maximum capacity are required to register a new scalable target")
    if least < 0:
        raise ValidationException("Minimum capacity must be greater than or equal to 0")
    if most < least:
        raise ValidationException("Maximum capacity cannot be less than minimum capacity")
    if most > TASKS_PER_SERVICE:
        raise ValidationException(f"Maximum capacity cannot be greater than {TASKS_PER_SERVICE}")


def _new_target(state: State, service: Service, now: float) -> ScalableTarget:
    region = region_of(service.arn)
    id_ = f"0{state.new_id()}abc"  # 36 characters, as theirs
    arn = f"arn:aws:application-autoscaling:{region}:{ACCOUNT_ID}:scalable-target/{id_}"
    return ScalableTarget(arn, service.arn, 0, 0, now)


def deregister_scalable_target(state: State, command: DeregisterScalableTarget, now: float) -> None:
    target = state.scalable_targets.get(command.service_arn)
    if target is None:
        raise ObjectNotFoundException(f"No scalable target found for {_place(command.service_arn)}")
    _forget(state, target)
    service = state.services[target.service_arn]
    _tell(state, service, f"service {service.name} is not scaled any more", now)


def put_scaling_policy(state: State, command: PutScalingPolicy, now: float) -> None:
    """API_PutScalingPolicy: one that is there is replaced as a whole, and keeps its ARN."""
    target = _target(state, command.service_arn, "No scalable target registered for")
    known = target.policy(command.name)
    if known is None and len(target.policies) >= POLICIES_PER_TARGET:
        raise LimitExceededException(f"A scalable target can have at most {POLICIES_PER_TARGET} scaling policies")
    if command.target_value <= 0:
        raise ValidationException("Target value must be greater than 0")
    for cooldown in (command.scale_out_cooldown, command.scale_in_cooldown):
        if cooldown is not None and cooldown < 0:
            raise ValidationException("Cooldown must be greater than or equal to 0")
    policy = ScalingPolicy(
        arn=known.arn if known else _policy_arn(state, command),
        name=command.name,
        measure=command.measure,
        target_value=command.target_value,
        created_at=known.created_at if known else now,
        resource_label=command.resource_label,
        scale_out_cooldown=command.scale_out_cooldown,
        scale_in_cooldown=command.scale_in_cooldown,
        disable_scale_in=command.disable_scale_in,
    )
    others = tuple(item for item in target.policies if item.name != command.name)
    state.put(replace(target, policies=(*others, policy)))
    service = state.services[target.service_arn]
    _tell(state, service, f"service {service.name}: policy {policy.name} keeps {_aim(policy)}", now)


def _aim(policy: ScalingPolicy) -> str:
    if policy.measure.metric is Metric.CPU:
        return f"CPU at {policy.target_value:g} %"
    return f"{policy.target_value:g} requests a minute per target"


def _policy_arn(state: State, command: PutScalingPolicy) -> str:
    region = region_of(command.service_arn)
    place = f"resource/ecs/{resource_id(command.service_arn)}:policyName/{command.name}"
    return f"arn:aws:autoscaling:{region}:{ACCOUNT_ID}:scalingPolicy:{state.new_uuid()}:{place}"


def delete_scaling_policy(state: State, command: DeleteScalingPolicy, now: float) -> None:
    refusal = "No scaling policy found for"
    target = _target(state, command.service_arn, refusal)
    if target.policy(command.name) is None:
        raise ObjectNotFoundException(f"{refusal} {_place(command.service_arn)}, policy name: {command.name}")
    state.put(replace(target, policies=tuple(item for item in target.policies if item.name != command.name)))
    service = state.services[target.service_arn]
    _tell(state, service, f"service {service.name}: policy {command.name} is deleted", now)


def _target(state: State, service_arn: str, refusal: str) -> ScalableTarget:
    target = state.scalable_targets.get(service_arn)
    if target is None:
        raise ObjectNotFoundException(f"{refusal} {_place(service_arn)}")
    return target


def metric_seen(state: State, fact: MetricSeen, now: float) -> None:
    """Kept in memory only: after a restart the next measurement is a few seconds away."""
    target = state.scalable_targets.get(fact.service_arn)
    if target and any(policy.measure == fact.measure for policy in target.policies):
        state.samples.setdefault(fact.service_arn, {})[fact.measure] = Sample(fact.value, fact.tasks, now)
        state.touch(fact.service_arn)


def scale_service(state: State, intent: ScaleService, now: float) -> None:
    """Its cooldown is that of the policy that called for it. A scale-out ends a cooldown of scale-in."""
    target = state.scalable_targets[intent.service_arn]
    policy = target.policy(intent.policy_name)
    assert policy is not None, "the plan has just read it"
    before = state.services[intent.service_arn].desired_count
    if intent.desired_count > before:
        seconds = state.pace.scale_out_cooldown if policy.scale_out_cooldown is None else policy.scale_out_cooldown
        if target.out_cooldown is not None and target.out_cooldown.lasts(now):  # broken by a larger scale-out
            before = target.out_cooldown.capacity_before
        target = replace(target, out_cooldown=Cooldown(now, now + seconds, before), in_cooldown=None)
    else:
        seconds = state.pace.scale_in_cooldown if policy.scale_in_cooldown is None else policy.scale_in_cooldown
        target = replace(target, in_cooldown=Cooldown(now, now + seconds, before))
    _scale(state, target, intent.desired_count, now, cause=intent.cause, policy=policy.name)


def _scale(state: State, target: ScalableTarget, count: int, now: float, *, cause: str, policy: str = "") -> None:
    service = state.services[target.service_arn]
    activity = ScalingActivity(
        id=state.new_uuid(),
        at=now,
        description=f"Setting desired count to {count}.",
        cause=f"policy {policy}: {cause}" if policy else cause,
        status_message=f"Successfully set desired count to {count}. Change successfully fulfilled by ecs.",
    )
    state.put(replace(target, scaled_at=now, activities=(activity, *target.activities)[:ACTIVITIES_KEPT]))
    state.put(resized(service, count, now))
    state.emit(
        now,
        EventType.SERVICE_SCALED,
        f"service {service.name}: {cause}",
        cluster=service.cluster_arn,
        service=service.arn,
        desiredCount=count,
        previousDesiredCount=service.desired_count,
        cause=cause,
        policy=policy or None,
    )


def forget_scaling(state: State, intent: ForgetScaling, now: float) -> None:
    _forget(state, state.scalable_targets[intent.service_arn])


def _forget(state: State, target: ScalableTarget) -> None:
    state.samples.pop(target.service_arn, None)
    state.drop(target)


def _tell(state: State, service: Service, message: str, now: float) -> None:
    state.emit(now, EventType.SCALING_CHANGED, message, cluster=service.cluster_arn, service=service.arn)
