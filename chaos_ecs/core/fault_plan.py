"""What is due in a fault: strike, prove, undo, forget. A part of `plan`: reads State, changes nothing.

Level-triggered like the rest: an effect without an answer is asked for again once the engine is back, and every hit
ends, by its time, by its victim's end or because somebody asked.
"""

from __future__ import annotations

from itertools import islice

from chaos_ecs.core.arns import name_of
from chaos_ecs.core.backoff import was_set_back
from chaos_ecs.core.fault_messages import ForgetFault, InjectHit, SettleHit, UndoHit
from chaos_ecs.core.faulting import STALE_AFTER_SECONDS, Hit, HitStatus, InjectedFault, bad_definition
from chaos_ecs.core.instance_fault_plan import plan_instance_hit
from chaos_ecs.core.lifecycle import without_restart
from chaos_ecs.core.model import SIGKILL, Container, ServiceStatus
from chaos_ecs.core.recipe import Means, Symptom
from chaos_ecs.core.state import State
from chaos_ecs.core.todo import Plan

INJECT_WITHIN_SECONDS = 90.0
"""Images are built within it, and a helper starts in a second; how long an effect may take to show comes on top."""

UNDO_AGAIN_SECONDS = 20.0
STUCK_AGAIN_SECONDS = 3.0
"""An undoing that did not work may have waited for another: a paused task takes no word."""

TAKEN_WITHIN_SECONDS = 10.0
"""A signal that ends a program ends it within this, or the program does not care."""

FLAG_WITHIN_SECONDS = 3.0
"""The kernel's word that memory ran out may come a look after the end."""

ENDED_FAULTS_KEPT = 200


def plan_fault(state: State, fault: InjectedFault, now: float, todo: Plan) -> None:
    for hit in fault.hits:
        if hit.is_over:
            continue
        match hit.recipe.means:
            case Means.CONTROL if hit.instance_arn:
                plan_instance_hit(state, fault, hit, now, todo)
            case Means.CONTROL:
                _plan_control(state, fault, hit, now, todo)
            case Means.SIGNAL:
                _plan_signal(state, fault, hit, now, todo)
            case Means.STOP:
                _plan_stop(state, fault, hit, now, todo)
            case _ if _is_within_reach(state, hit, todo):
                _plan_hit(state, fault, hit, now, todo)


def _is_within_reach(state: State, hit: Hit, todo: Plan) -> bool:
    """Whether the engine its victim is on answers: nobody else can say how it stands. A victim that is over and cannot
    be reached was lost with its container instance, and the hit with it."""
    task = state.find_task(hit.task_arn)
    if task is None or state.is_reachable(task):
        return True
    if task.is_stopped:
        reason = hit.reason or "its victim was lost with its container instance"
        todo.actions.append(SettleHit(hit.fault_id, hit.index, "nobody can look at it any more", reason=reason))
    return False


def plan_forgetting(state: State, todo: Plan) -> None:
    """The newest stay, for whoever asks what was done."""
    surplus = len(state.ended_faults) - ENDED_FAULTS_KEPT
    for fault_id in islice(state.ended_faults, max(0, surplus)):
        todo.actions.append(ForgetFault(fault_id, "it ended long ago"))


# --- what the runtime carries out ---


def _plan_hit(state: State, fault: InjectedFault, hit: Hit, now: float, todo: Plan) -> None:
    victim = victim_of(state, hit)
    is_over = victim is None or victim.is_over
    if is_over and hit.recipe.is_deadly and hit.status is HitStatus.INJECTING:
        _plan_deadly(hit, victim, now, todo)
    elif hit.status is HitStatus.UNDOING:
        patience = STUCK_AGAIN_SECONDS if hit.trouble else UNDO_AGAIN_SECONDS
        if hit.undo_sent_at is None or _is_past(hit.undo_sent_at, patience, now):
            todo.actions.append(_undo(hit, hit.reason or "what was asked for before has not ended it"))
        else:
            todo.look_again(fault.id, hit.undo_sent_at + patience)
    elif why := _why_it_ends(state, fault, hit, now, is_over=is_over):
        todo.actions.append(_undo(hit, why))
    elif hit.sent_at is None:
        todo.actions.append(_inject(fault, hit, now))
    elif hit.status is HitStatus.INJECTING:
        patience = INJECT_WITHIN_SECONDS + hit.recipe.probe_seconds
        if _is_past(hit.sent_at, patience, now):
            reason = f"nothing was heard of it for {patience:.0f} s"
            todo.actions.append(SettleHit(fault.id, hit.index, reason, reason=reason, ends=False))
        else:
            todo.look_again(fault.id, hit.sent_at + patience)
    elif (ends_at := fault.ends_at(hit)) is not None:
        todo.look_again(fault.id, ends_at)


def _why_it_ends(state: State, fault: InjectedFault, hit: Hit, now: float, *, is_over: bool) -> str:
    if is_over:
        return "its victim has ended"
    if fault.undo_asked_at is not None:
        return "somebody asked for it"
    ends_at = fault.ends_at(hit)
    if ends_at is not None and (now >= ends_at or was_set_back(hit.active_at or now, now)):
        return f"its {fault.seconds:g} s are over"
    is_new = hit.sent_at is None and ends_at is None
    if is_new and _is_past(fault.created_at, STALE_AFTER_SECONDS + fault.seconds, now):
        return "its time was over before it took effect"
    task = state.tasks.get(hit.task_arn)
    if hit.recipe.means is Means.FREEZE and task and not task.is_wanted:
        return "its victim is to stop, and what is paused takes no signal"
    return ""


def _inject(fault: InjectedFault, hit: Hit, now: float) -> InjectHit:
    left = fault.seconds if hit.active_at is None else max(0.0, hit.active_at + fault.seconds - now)
    return InjectHit(
        fault.id,
        hit.index,
        fault.cluster_arn,
        hit.task_arn,
        hit.container,
        hit.runtime_id,
        hit.recipe,
        hit.prior,
        left,
        "somebody asked for it" if hit.active_at is None else "whether it still holds is to be seen",
    )


def _undo(hit: Hit, cause: str) -> UndoHit:
    return UndoHit(hit.fault_id, hit.index, hit.task_arn, hit.container, hit.runtime_id, hit.recipe, hit.prior, cause)


def _plan_deadly(hit: Hit, victim: Container | None, now: float, todo: Plan) -> None:
    """The end of its victim is what such a fault is about; out of memory, the kernel has to say so too."""
    cause = "its victim has ended"
    said = (victim.reason or "") if victim else ""
    if hit.recipe.symptom is Symptom.OUT_OF_MEMORY and not said.startswith("OutOfMemory"):
        ended_at = (victim.finished_at if victim else hit.sent_at) or now
        if not _is_past(ended_at, FLAG_WITHIN_SECONDS, now):
            todo.look_again(hit.fault_id, ended_at + FLAG_WITHIN_SECONDS)
            return
        reason = f"its victim ended with {_exit_of(victim)}, and the kernel says nothing of memory"
        todo.actions.append(SettleHit(hit.fault_id, hit.index, cause, reason=reason))
        return
    proof = f"{_exit_of(victim)}{', ' + said if said else ''}"
    todo.actions.append(SettleHit(hit.fault_id, hit.index, cause, proof=proof))


# --- signals, and tasks that are stopped ---


def _plan_signal(state: State, fault: InjectedFault, hit: Hit, now: float, todo: Plan) -> None:
    """The signal itself is planned with its task. Its time is counted from when it has left, not from when somebody
    asked for it: the engine may have been away."""
    victim, signal = victim_of(state, hit), hit.recipe.do[0]
    if victim is None or victim.is_over:
        ended_at = (victim.finished_at if victim else None) or now
        proof = f"{_exit_of(victim)} after {max(0.0, ended_at - (hit.sent_at or now)):.2f} s"
        todo.actions.append(SettleHit(fault.id, hit.index, "the container has ended", proof=proof))
    elif fault.undo_asked_at is not None:
        _settle(hit, f"somebody asked for its end before {signal} had an effect", todo)
    elif hit.sent_at is None:
        if victim.fault_signal is None:
            _settle(hit, f"the engine was away, and a minute later {signal} was not wanted any more", todo)
    elif not _is_past(hit.sent_at, TAKEN_WITHIN_SECONDS, now):
        todo.look_again(fault.id, hit.sent_at + TAKEN_WITHIN_SECONDS)
    elif signal == SIGKILL:
        _settle(hit, f"nothing was heard of its end for {TAKEN_WITHIN_SECONDS:.0f} s after {signal}", todo)
    else:
        why = "a container's main process ignores what it has no handler for"
        _settle(hit, f"it runs on {TAKEN_WITHIN_SECONDS:.0f} s after {signal}: {why}", todo)


def _plan_stop(state: State, fault: InjectedFault, hit: Hit, now: float, todo: Plan) -> None:
    """It has its stopTimeout, and SIGKILL after that, so nothing has to be waited for here."""
    task = state.tasks.get(hit.task_arn)
    if task is None or task.is_stopped:
        after = (task.stopped_at or now) - (hit.sent_at or now) if task else 0.0
        code = task.stop_code if task else "gone"
        proof = f"{code}: {_exit_of(victim_of(state, hit))} after {max(0.0, after):.1f} s"
        todo.actions.append(SettleHit(fault.id, hit.index, "the task has stopped", proof=proof))
    elif fault.undo_asked_at is not None:
        _settle(hit, "somebody asked for its end; a task that is stopping cannot be kept", todo)


def _settle(hit: Hit, reason: str, todo: Plan) -> None:
    """It is over, and what it did is not known."""
    todo.actions.append(SettleHit(hit.fault_id, hit.index, reason, reason=reason))


# --- the control plane ---


def _plan_control(state: State, fault: InjectedFault, hit: Hit, now: float, todo: Plan) -> None:
    if fault.undo_asked_at is not None:
        todo.actions.append(SettleHit(fault.id, hit.index, "somebody asked for it"))
    elif hit.status is HitStatus.INJECTING:
        _plan_deployment(state, hit, now, todo)
    elif now >= (ends_at := fault.ends_at(hit) or now) or was_set_back(hit.active_at or now, now):
        todo.actions.append(SettleHit(fault.id, hit.index, f"its {fault.seconds:g} s are over"))
    else:
        todo.look_again(fault.id, ends_at)


def _plan_deployment(state: State, hit: Hit, now: float, todo: Plan) -> None:
    """One that cannot work has taken effect once a task of it has failed."""
    bad = bad_definition(hit)
    sent_at = now if hit.sent_at is None else hit.sent_at
    service = state.services.get(hit.service_arn)
    if service is None or service.status is not ServiceStatus.ACTIVE:
        _settle(hit, "the service is gone", todo)
    elif proof := _failure_of(state, hit.service_arn, bad):
        todo.actions.append(SettleHit(hit.fault_id, hit.index, "the deployment fails", proof=proof, ends=False))
    elif _is_past(sent_at, INJECT_WITHIN_SECONDS, now):
        _settle(hit, f"no task of {name_of(bad)} has failed yet", todo)
    else:
        todo.look_again(hit.fault_id, sent_at + INJECT_WITHIN_SECONDS)


def _failure_of(state: State, service_arn: str, bad: str) -> str:
    """What has become of a task of the revision that cannot work, as soon as there is one to tell of."""
    for arn in reversed(state.stopped):
        task = state.tasks[arn]
        if task.task_definition_arn == bad:
            return f"a task of {name_of(bad)} ended: {task.stopped_reason}"
    tasks = [task for task in state.live_tasks_of(service_arn) if task.task_definition_arn == bad]
    return f"a task of {name_of(bad)} is unhealthy" if any(task.unhealthy_at for task in tasks) else ""


# --- parts ---


def victim_of(state: State, hit: Hit) -> Container | None:
    """The container that was hit; None when there is none any more, another one has its name, or what was hit ended
    and a restart policy has started it again. While that is due, it has ended."""
    task = state.tasks.get(hit.task_arn)
    found = next((member for member in task.containers if member.name == hit.container), None) if task else None
    if found is None or found.runtime_id != hit.runtime_id:
        return None
    if found.restarts and hit.sent_at is not None and (found.started_at or 0.0) > hit.sent_at:
        return None
    return without_restart(found)


def _exit_of(victim: Container | None) -> str:
    if victim is None:
        return "the container is gone"
    return "no exit code" if victim.exit_code is None else f"exit {victim.exit_code}"


def _is_past(since: float, seconds: float, now: float) -> bool:
    return now >= since + seconds or was_set_back(since, now)
