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
from chaos_ecs.core.deploying import ALL, DeploymentConfiguration, DeploymentStrategy, LifecycleHook, RolloutState
from chaos_ecs.core.deploying import LifecycleStage as Stage
from chaos_ecs.core.deploying import TrafficShift as Shift
from chaos_ecs.core.deployment import Rollout
from chaos_ecs.core.model import Service
from chaos_ecs.core.rollout_messages import AdvanceShift, EndPause


@dataclass(frozen=True, slots=True)
class Moment:
    """Now, and how long a minute of a deployment configuration takes, in seconds. `look_again` is told the time at
    which an answer will be another though nothing happens."""

    now: float
    minute: float
    look_again: Callable[[float], None]

    def has_come(self, until: float) -> bool:
        if self.now >= until:
            return True
        self.look_again(until)
        return False


def next_step(service: Service, rollout: Rollout, moment: Moment) -> AdvanceShift | EndPause | None:
    """The step that is due of the newest deployment; None while its stage lasts, or when it moves no traffic."""
    shift = service.primary.shift
    if shift is None or service.primary.rollout_state is not RolloutState.IN_PROGRESS:
        return None
    if shift.pause is not None:
        is_over = moment.has_come(shift.pause.expires_at)
        return EndPause(service.arn, "nobody continued it in time") if is_over else None
    if (hook := _hook_due(shift)) is not None:
        return _to(service, shift.stage, shift, "a hook holds it here", hook)
    if shift.bake_minutes and was_set_back(shift.bakes_since, moment.now):
        share = shift.production_percent, shift.test_percent
        return AdvanceShift(service.arn, shift.stage, "the clock was set back: it bakes anew", *share, anew=True)
    if not _is_done(shift, rollout, moment):
        return None
    if shift.stage is Stage.PRODUCTION_TRAFFIC_SHIFT and shift.production_percent < ALL:
        return _to(service, shift.stage, shift, f"{shift.production_percent:g} % went well")
    stage = next_stage(service, shift.configuration, shift.stage)
    return None if stage is None else _to(service, stage, shift, f"{shift.stage} is done")


def first_stage(service: Service, *, is_clean: bool) -> Stage:
    """Where a new deployment begins; `is_clean` when no unfinished one is to be undone first."""
    if not is_clean:
        return Stage.RECONCILE_SERVICE
    stage = next_stage(service, service.deployment_configuration, Stage.RECONCILE_SERVICE)
    assert stage is not None, "SCALE_UP is never left out"
    return stage


def next_stage(service: Service, configuration: DeploymentConfiguration, stage: Stage) -> Stage | None:
    """The next one at which there is anything to do; None after CLEAN_UP."""
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
        test = ALL
    if stage is Stage.PRODUCTION_TRAFFIC_SHIFT and hook is None:
        production = _share_after(shift.configuration, production)
    return AdvanceShift(service.arn, stage, cause, production, test, hook)


def _share_after(configuration: DeploymentConfiguration, percent: float) -> float:
    match configuration.strategy:
        case DeploymentStrategy.CANARY if percent == 0:
            return configuration.step_percent
        case DeploymentStrategy.LINEAR:
            return min(ALL, round(percent + configuration.step_percent, 1))
        case _:
            return ALL


def _hooks_at(configuration: DeploymentConfiguration, stage: Stage) -> list[LifecycleHook]:
    return [hook for hook in configuration.hooks if stage in hook.stages]


def _hook_due(shift: Shift) -> LifecycleHook | None:
    """The next hook of this stage: several take their turns."""
    done = sum(pause.stage is shift.stage for pause in shift.pauses)
    return next(iter(_hooks_at(shift.configuration, shift.stage)[done:]), None)


def _is_done(shift: Shift, rollout: Rollout, moment: Moment) -> bool:
    """From SCALE_UP on nothing goes further while tasks of the new revision are missing: they get no larger share, and
    the old ones stay. No bake time follows the last step."""
    if shift.stage is Stage.RECONCILE_SERVICE:
        return rollout.is_reconciled
    if shift.bake_minutes and not moment.has_come(shift.bakes_since + shift.bake_minutes * moment.minute):
        return False
    return shift.stage.rank < Stage.SCALE_UP.rank or rollout.is_newest_whole
