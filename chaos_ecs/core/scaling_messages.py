"""What crosses the border of the core about service auto scaling; families as in `messages.py`, which takes them up."""

from __future__ import annotations

from dataclasses import dataclass

from chaos_ecs.core.scaling import Measure

# --- Commands ---


@dataclass(frozen=True, slots=True)
class RegisterScalableTarget:
    """A member that is None stays as it is; the capacities must be there the first time."""

    service_arn: str
    min_capacity: int | None = None
    max_capacity: int | None = None
    role_arn: str | None = None
    scaling_in_suspended: bool | None = None
    scaling_out_suspended: bool | None = None
    scheduled_scaling_suspended: bool | None = None


@dataclass(frozen=True, slots=True)
class DeregisterScalableTarget:
    """Its policies go with it; the desired count stays what it is."""

    service_arn: str


@dataclass(frozen=True, slots=True)
class PutScalingPolicy:
    """Makes a policy of target tracking, or replaces the one of this name. Cooldowns are seconds, None: the pace's."""

    service_arn: str
    name: str
    measure: Measure
    target_value: float
    resource_label: str = ""
    scale_out_cooldown: int | None = None
    scale_in_cooldown: int | None = None
    disable_scale_in: bool = False


@dataclass(frozen=True, slots=True)
class DeleteScalingPolicy:
    service_arn: str
    name: str


ScalingCommand = RegisterScalableTarget | DeregisterScalableTarget | PutScalingPolicy | DeleteScalingPolicy


# --- Facts ---


@dataclass(frozen=True, slots=True)
class MetricSeen:
    """The average of `tasks` tasks of a service: CPU in percent of their reservation, or requests a minute."""

    service_arn: str
    measure: Measure
    value: float
    tasks: int


ScalingFact = MetricSeen


# --- Actions ---


@dataclass(frozen=True, slots=True)
class ScaleService:
    """Intent: a policy gives the service another desired count."""

    service_arn: str
    desired_count: int
    policy_name: str
    cause: str


@dataclass(frozen=True, slots=True)
class ForgetScaling:
    """Intent: a deleted service is not scaled any more."""

    service_arn: str
    cause: str


ScalingIntent = ScaleService | ForgetScaling
