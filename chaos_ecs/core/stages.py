"""`apply` for deployments that move traffic: their stages and hooks.

Never here: which step is due (`shifting.py`), the weights of rules (`traffic.py`), and what every deployment has
(`rollout.py`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from chaos_ecs.core import history, rollout, shifting, traffic
from chaos_ecs.core.deploying import (
    Deployment,
    DeploymentStrategy,
    HookAction,
    HookPause,
    HookStatus,
    LifecycleHook,
    LifecycleStage,
    TrafficShift,
)
from chaos_ecs.core.deployment import fallback
from chaos_ecs.core.messages import EventType
from chaos_ecs.core.model import Service
from chaos_ecs.core.rollout_messages import AdvanceShift, ContinueServiceDeployment, EndPause
from chaos_ecs.core.service_checks import check_continuable
from chaos_ecs.core.state import State

_TOLD = {
    LifecycleStage.RECONCILE_SERVICE: "tasks of an unfinished deployment stop first",
    LifecycleStage.SCALE_UP: "new tasks start beside the old ones, no requests reach them",
    LifecycleStage.TEST_TRAFFIC_SHIFT: "requests to the test listener go to the new tasks",
    LifecycleStage.BAKE_TIME: "the old tasks stay, so that going back takes no time",
    LifecycleStage.CLEAN_UP: "the old tasks stop",
}


# --- beginning ---


def begin(state: State, service: Service, now: float) -> Service:
    """The newest deployment has just been made. It moves traffic if its strategy is such and there are tasks to move
    it from; all requests go to those first, wherever an overtaken deployment had sent them."""
    source = fallback(service)
    strategy = service.deployment_configuration.strategy
    if (
        strategy is DeploymentStrategy.ROLLING
        or source is None
        or not any(item.alternate_target_group_arn for item in service.load_balancers)
    ):
        traffic.settle(state, service.primary)
        return service
    others = [item for item in service.deployments[1:] if item is not source]
    also_serving = tuple(item.id for item in others if _groups_of(state, item) == _groups_of(state, source))
    stage = shifting.first_stage(service, is_clean=len(others) == len(also_serving))
    configuration = service.deployment_configuration
    shift = TrafficShift(source.id, configuration, stage, stage_since=now, also_serving=also_serving)
    return _told(state, _with(state, service, shift, now), shift, now)


def _groups_of(state: State, deployment: Deployment) -> set[str]:
    revision = state.service_revisions.get(deployment.revision_arn)
    return {item.target_group_arn for item in revision.resolved} if revision else set()


# --- steps ---


def advance_shift(state: State, intent: AdvanceShift, now: float) -> None:
    service = state.services[intent.service_arn]
    known = service.primary.shift
    assert known is not None, "only planned for a deployment that moves traffic"
    is_step = known.production_percent != intent.production_percent
    shift = replace(
        known,
        stage=intent.stage,
        stage_since=known.stage_since if known.stage is intent.stage and not intent.anew else now,
        production_percent=intent.production_percent,
        test_percent=intent.test_percent,
        shifted_at=now if is_step or intent.anew else known.shifted_at,
    )
    if intent.hook is not None:
        pause = _pause(state, intent.hook, intent.stage, now)
        shift = replace(shift, pauses=(*shift.pauses, pause))
        service = _with(state, service, shift, now)
        _tell_paused(state, service, pause, now)
        return
    _told(state, _with(state, service, shift, now), shift, now)


def _with(state: State, service: Service, shift: TrafficShift, now: float) -> Service:
    """The weights first: whoever sees the stage sees what goes with it."""
    if revision := state.service_revisions.get(service.primary.revision_arn):
        traffic.send(state, revision, shift.production_percent, shift.test_percent)
    is_cleaning = shift.stage is LifecycleStage.CLEAN_UP  # from here on there is no way back
    completed = service.primary.was_completed or is_cleaning
    primary = replace(service.primary, shift=shift, was_completed=completed, updated_at=now)
    service = replace(service, deployments=(primary, *service.deployments[1:]))
    state.put(service)
    history.note_shift(state, service, now)
    return service


def _told(state: State, service: Service, shift: TrafficShift, now: float) -> Service:
    primary = service.primary
    said = _TOLD.get(shift.stage, "")
    if shift.stage is LifecycleStage.PRODUCTION_TRAFFIC_SHIFT:
        said = f"{shift.production_percent:g} % of the requests go to the new tasks"
    told = f"(service {service.name}) (deployment {primary.id}) is in stage {shift.stage}"
    data: dict[str, Any] = {
        "deployment": primary.id,
        "stage": shift.stage,
        "strategy": shift.configuration.strategy,
        "taskDefinition": primary.task_definition_arn,
        "productionPercent": shift.production_percent,
        "testPercent": shift.test_percent,
        "bakeMinutes": shift.bake_minutes,
        "until": now + shift.bake_minutes * state.pace.minute if shift.bake_minutes else None,
    }
    state.tell_service(now, service, EventType.DEPLOYMENT_STAGE, f"{told}: {said}." if said else f"{told}.", **data)
    return service


# --- hooks ---


def _pause(state: State, hook: LifecycleHook, stage: LifecycleStage, now: float) -> HookPause:
    expires_at = now + hook.timeout_minutes * state.pace.minute
    return HookPause(state.new_id(), stage, now, expires_at, hook.timeout_action)


def _tell_paused(state: State, service: Service, pause: HookPause, now: float) -> None:
    record = state.deployments_of(service.arn)[0]
    state.tell_service(
        now,
        service,
        EventType.DEPLOYMENT_PAUSED,
        f"(service {service.name}) (deployment {service.primary.id}) is paused at {pause.stage} until it is continued.",
        deployment=service.primary.id,
        stage=pause.stage,
        hookId=pause.id,
        serviceDeployment=record.arn,
        expiresAt=pause.expires_at,
        timeoutAction=pause.timeout_action,
    )


def continue_service_deployment(state: State, command: ContinueServiceDeployment, now: float) -> None:
    """API_ContinueServiceDeployment."""
    check_continuable(state, command.service_deployment_arn, command.hook_id)
    record = state.service_deployments[command.service_deployment_arn]
    service = state.services[record.service_arn]
    is_going_on = command.action is HookAction.CONTINUE
    _end_pause(state, service, HookStatus.SUCCEEDED if is_going_on else HookStatus.FAILED, command.action, now)


def end_pause(state: State, intent: EndPause, now: float) -> None:
    service = state.services[intent.service_arn]
    pause = service.primary.shift.pause if service.primary.shift else None
    assert pause is not None, "only planned for a deployment that is paused"
    _end_pause(state, service, HookStatus.TIMED_OUT, pause.timeout_action, now)


def _end_pause(state: State, service: Service, status: HookStatus, action: HookAction, now: float) -> None:
    shift = service.primary.shift
    assert shift is not None
    ended = tuple(
        replace(pause, status=status) if pause.status is HookStatus.AWAITING_ACTION else pause for pause in shift.pauses
    )
    service = _with(state, service, replace(shift, pauses=ended), now)
    how = "its time is up" if status is HookStatus.TIMED_OUT else "it was told so"
    goes = "goes on" if action is HookAction.CONTINUE else "rolls back"
    told = f"(service {service.name}) (deployment {service.primary.id}) {goes} after {shift.stage}: {how}."
    data = {"deployment": service.primary.id, "stage": shift.stage, "action": action, "status": status}
    state.tell_service(now, service, EventType.DEPLOYMENT_CONTINUED, told, **data)
    if action is HookAction.ROLLBACK:
        rollout.stopped(state, service, now, by="lifecycle hook")
