"""What a deployment that moves traffic does next: its stages, the steps of its traffic, its hooks. Pure.

Source: Developer Guide, "Amazon ECS blue/green service deployments workflow"; API_DeploymentConfiguration,
API_LinearConfiguration and API_CanaryConfiguration. Worked numbers: CANARY with 10 % sends 10, then 100; LINEAR with
33.3 % sends 33.3, 66.6, 99.9, then 100. Never here: how many tasks run meanwhile (`deployment.py`), and what follows
from a step (`traffic.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from chaos_ecs.core.backoff import was_set_back
from chaos_ecs.core.deploying import DeploymentConfiguration, DeploymentStrategy, LifecycleHook, RolloutState
from chaos_ecs.core.deploying import LifecycleStage as Stage
from chaos_ecs.core.deploying import TrafficShift as Shift
from chaos_ecs.core.deployment import Rollout
from chaos_ecs.core.model import Service
from chaos_ecs.core.rollout_messages import AdvanceShift, EndPause

_WHOLE = 100.0


@dataclass(frozen=True, slots=True)
class Moment:
    """Now, and how long a minute of a deployment configuration takes, in seconds. `look_again` is told the time at
    which an answer will be another though nothing happens."""

    now: float
    minute: float
    look_again: Callable[[float], None]

    def has_come(self, until: float, since: float) -> bool:
        if self.now >= until or was_set_back(since, self.now):
            return True
        self.look_again(until)
        return False


def next_step(service: Service, rollout: Rollout, moment: Moment) -> AdvanceShift | EndPause | None:
    """The step that is due of the newest deployment; None while its stage lasts, or when it moves no traffic."""
    shift = service.primary.shift
    if shift is None or service.primary.rollout_state is not RolloutState.IN_PROGRESS:
        return None
    if shift.pause is not None:
        is_over = moment.has_come(shift.pause.expires_at, shift.pause.began_at)
        return EndPause(service.arn, "nobody continued it in time") if is_over else None
    configuration = service.deployment_configuration
    if (hook := _hook_due(configuration, shift)) is not None:
        return _to(service, shift.stage, shift, "a hook holds it here", hook)
    if not _is_done(configuration, shift, rollout, moment):
        return None
    if shift.stage is Stage.PRODUCTION_TRAFFIC_SHIFT and shift.production_percent < _WHOLE:
        return _to(service, shift.stage, shift, f"{shift.production_percent:g} % went well")
    stage = next_stage(service, shift.stage)
    return None if stage is None else _to(service, stage, shift, f"{shift.stage} is done")


def first_stage(service: Service, *, is_clean: bool) -> Stage:
    """Where a new deployment begins; `is_clean` when no unfinished one is to be undone first."""
    if not is_clean:
        return Stage.RECONCILE_SERVICE
    stage = next_stage(service, Stage.RECONCILE_SERVICE)
    assert stage is not None, "SCALE_UP is never left out"
    return stage


def next_stage(service: Service, stage: Stage) -> Stage | None:
    """The next one at which there is anything to do; None after CLEAN_UP."""
    configuration = service.deployment_configuration
    has_work = {
        Stage.SCALE_UP: True,
        Stage.TEST_TRAFFIC_SHIFT: any(item.test_rule_arn for item in service.load_balancers),
        Stage.PRODUCTION_TRAFFIC_SHIFT: True,
        Stage.BAKE_TIME: configuration.bake_minutes > 0,
        Stage.CLEAN_UP: True,
    }
    later = (one for one in Stage if one.rank > stage.rank)
    return next((one for one in later if has_work.get(one) or _hooks_at(configuration, one)), None)


def _to(service: Service, stage: Stage, shift: Shift, cause: str, hook: LifecycleHook | None = None) -> AdvanceShift:
    production, test = shift.production_percent, shift.test_percent
    if stage is Stage.TEST_TRAFFIC_SHIFT:
        test = _WHOLE
    if stage is Stage.PRODUCTION_TRAFFIC_SHIFT and hook is None:
        production = _share_after(service.deployment_configuration, production)
    return AdvanceShift(service.arn, stage, cause, production, test, hook)


def _share_after(configuration: DeploymentConfiguration, percent: float) -> float:
    match configuration.strategy:
        case DeploymentStrategy.CANARY if percent == 0:
            return configuration.step_percent
        case DeploymentStrategy.LINEAR:
            return min(_WHOLE, round(percent + configuration.step_percent, 1))
        case _:
            return _WHOLE


def _hooks_at(configuration: DeploymentConfiguration, stage: Stage) -> list[LifecycleHook]:
    return [hook for hook in configuration.hooks if stage in hook.stages]


def _hook_due(configuration: DeploymentConfiguration, shift: Shift) -> LifecycleHook | None:
    """The next hook of this stage: several take their turns."""
    done = sum(pause.stage is shift.stage for pause in shift.pauses)
    return next(iter(_hooks_at(configuration, shift.stage)[done:]), None)


def _is_done(configuration: DeploymentConfiguration, shift: Shift, rollout: Rollout, moment: Moment) -> bool:
    """While tasks of the new revision are missing they get no larger share, and the old ones stay. No bake time follows
    the last step."""
    match shift.stage:
        case Stage.RECONCILE_SERVICE:
            return rollout.is_reconciled
        case Stage.SCALE_UP:
            return rollout.is_newest_whole
        case Stage.PRODUCTION_TRAFFIC_SHIFT if shift.production_percent < _WHOLE:
            since, minutes = shift.shifted_at, configuration.step_bake_minutes
        case Stage.BAKE_TIME:
            since, minutes = shift.stage_since, configuration.bake_minutes
        case _:
            return True
    return moment.has_come(since + minutes * moment.minute, since) and rollout.is_newest_whole
