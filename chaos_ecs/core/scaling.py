"""The nouns of Application Auto Scaling, and the arithmetic of target tracking. Beside `model.py`, the nouns of ECS.

Source: Application Auto Scaling User Guide, "Target tracking scaling policies", and the ECS Developer Guide, "Service
auto scaling". Worked numbers, for a target of 50 %: two tasks at 83 % need ceil(2 x 83 / 50) = 4; four tasks at 20 %
need ceil(4 x 20 / 45) = 2; at 46 %, less than a tenth below, they stay. Never here: State (`scaling_plan.py`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

ACTIVITIES_KEPT = 20
SCALE_IN_BELOW = 0.9
"""Of the target: above that nothing is scaled in, and fewer tasks must come out below it too, or they would be scaled
out again at once. The guide only says that there is a gap; a tenth is usual."""

CPU_UNITS_PER_CORE = 1024


class Metric(StrEnum):
    """API_PredefinedMetricSpecification.PredefinedMetricType: those that can be measured here."""

    CPU = "ECSServiceAverageCPUUtilization"
    REQUESTS = "ALBRequestCountPerTarget"


@dataclass(frozen=True, slots=True)
class Measure:
    """What a service is measured by. `target_group_arn` is empty but for REQUESTS."""

    metric: Metric
    target_group_arn: str = ""


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement: the average of `tasks` tasks. CPU in percent, requests in requests a minute."""

    value: float
    tasks: int
    at: float


@dataclass(frozen=True, slots=True)
class ScalingPolicy:
    arn: str
    name: str
    measure: Measure
    target_value: float
    created_at: float
    resource_label: str = ""  # app/LB/ID/targetgroup/TG/ID, for REQUESTS
    scale_out_cooldown: int | None = None  # seconds; None: the pace's own
    scale_in_cooldown: int | None = None
    disable_scale_in: bool = False


@dataclass(frozen=True, slots=True)
class Cooldown:
    """After a scaling activity: until when, and how many tasks were desired before it."""

    since: float
    until: float
    capacity_before: int

    def lasts(self, now: float) -> bool:
        """Not if the clock was set back behind its beginning: it would last too long."""
        return self.since <= now < self.until


@dataclass(frozen=True, slots=True)
class ScalingActivity:
    id: str
    at: float
    description: str
    cause: str
    status_message: str


@dataclass(frozen=True, slots=True)
class ScalableTarget:
    """The desired count of one service, with everything that scales it."""

    arn: str
    service_arn: str
    min_capacity: int
    max_capacity: int
    created_at: float
    role_arn: str = ""
    scaling_in_suspended: bool = False
    scaling_out_suspended: bool = False
    scheduled_scaling_suspended: bool = False
    policies: tuple[ScalingPolicy, ...] = ()
    activities: tuple[ScalingActivity, ...] = ()  # newest first
    out_cooldown: Cooldown | None = None
    in_cooldown: Cooldown | None = None
    scaled_at: float | None = None  # a sample is used once: what was measured before says nothing of after

    @property
    def key(self) -> str:
        return self.service_arn

    def clamped(self, count: int) -> int:
        return max(self.min_capacity, min(self.max_capacity, count))

    def policy(self, name: str) -> ScalingPolicy | None:
        return next((policy for policy in self.policies if policy.name == name), None)

    def cools_down(self, now: float) -> bool:
        return any(cooldown is not None and cooldown.lasts(now) for cooldown in (self.out_cooldown, self.in_cooldown))


@dataclass(frozen=True, slots=True)
class Wish:
    """What one policy calls for."""

    policy: ScalingPolicy
    sample: Sample
    count: int


def decide(
    target: ScalableTarget, desired: int, samples: Mapping[Measure, Sample], now: float, *, deploying: bool
) -> Wish | None:
    """The one change to make now, None for none: out if any policy says so, in only if all agree, the largest wins.

    A policy without a sample says nothing, and so holds scale-in. While a deployment runs nothing is scaled in.
    """
    outs = [wish for policy in target.policies if (wish := _out(target, policy, desired, samples, now))]
    if outs:
        best = max(outs, key=lambda wish: wish.count)
        return None if target.scaling_out_suspended else best
    if deploying or target.scaling_in_suspended or target.cools_down(now):
        return None
    policies = [policy for policy in target.policies if not policy.disable_scale_in]
    ins = [wish for policy in policies if (wish := _in(target, policy, desired, samples))]
    return max(ins, key=lambda wish: wish.count) if ins and len(ins) == len(policies) else None


def _out(
    target: ScalableTarget, policy: ScalingPolicy, desired: int, samples: Mapping[Measure, Sample], now: float
) -> Wish | None:
    """Proportional to the load of the tasks that were measured: those that still start carry none.

    During the cooldown what was added counts as part of the answer: the same two tasks at 90 % still need four, which
    are on their way; at 150 % they need six, and get them at once.
    """
    sample = samples.get(policy.measure)
    if sample is None or sample.value <= policy.target_value:
        return None
    base = min(sample.tasks, desired)
    if target.out_cooldown is not None and target.out_cooldown.lasts(now):
        base = min(base, target.out_cooldown.capacity_before)
    count = target.clamped(_needed(base, sample.value, policy.target_value))
    return Wish(policy, sample, count) if count > desired else None


def _in(target: ScalableTarget, policy: ScalingPolicy, desired: int, samples: Mapping[Measure, Sample]) -> Wish | None:
    """None where it would be no fewer than there are: this policy does not agree."""
    sample = samples.get(policy.measure)
    aim = policy.target_value * SCALE_IN_BELOW
    if sample is None or sample.value >= aim:
        return None
    count = target.clamped(_needed(desired, sample.value, aim))
    return Wish(policy, sample, count) if count < desired else None


def _needed(tasks: int, value: float, target_value: float) -> int:
    return math.ceil(round(tasks * value / target_value, 6))  # 3 x 50 / 50 is 3, whatever the fractions say


def cause(wish: Wish, desired: int) -> str:
    """For a learner: `CPU 83 % over the target of 50 %: 2 -> 4`."""
    policy = wish.policy
    side = "over" if wish.count > desired else "under"
    value, aim = f"{wish.sample.value:.0f}", f"{policy.target_value:g}"
    if value == aim:
        value = f"{wish.sample.value:.1f}"
    if policy.measure.metric is Metric.CPU:
        said = f"CPU {value} % {side} the target of {aim} %"
    else:
        said = f"{value} requests a minute per target, {side} the target of {aim}"
    return f"{said}: {desired} -> {wish.count}"


# --- measuring: what `live/` and `sim/` share ---


@dataclass(frozen=True, slots=True)
class MeasuredTask:
    """A task whose CPU is to be read. `cores` is its reservation, the whole against which percents are told."""

    id: str
    runtime_ids: tuple[str, ...]
    cores: float


@dataclass(frozen=True, slots=True)
class Subject:
    """A service to measure, and by what."""

    service_arn: str
    measures: tuple[Measure, ...]
    tasks: tuple[MeasuredTask, ...]  # none where CPU is not asked for


def average_cpu(tasks: Sequence[MeasuredTask], used_cores: Mapping[str, float]) -> tuple[float, int] | None:
    """Percent of what the tasks have reserved, and of how many tasks; `used_cores` by task id. None: nobody was read.

    Two tasks with 256 units each (a quarter of a core) that use 0.2 and 0.1 cores: 0.3 / 0.5 = 60 %.
    """
    read = [task for task in tasks if task.id in used_cores]
    reserved = sum(task.cores for task in read)
    if not reserved:
        return None
    return 100 * sum(used_cores[task.id] for task in read) / reserved, len(read)


def requests_a_minute(before: Mapping[str, int], after: Mapping[str, int], seconds: float) -> tuple[float, int] | None:
    """Requests a minute per target, and of how many targets: those that were there both times. None: there are none.

    Two targets that got 10 and 20 requests within 5 s: 30 x 12 / 2 = 180.
    """
    both = [name for name in after if name in before]
    if not both or seconds <= 0:
        return None
    new = sum(max(0, after[name] - before[name]) for name in both)
    return new * 60 / seconds / len(both), len(both)
