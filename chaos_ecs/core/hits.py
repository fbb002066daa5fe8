"""What becomes of one hit of a fault, and how it is told: the parts that `faults.py` and others write State with.

Never here: what is due (`fault_plan.py`), and why (`faults.py`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from chaos_ecs.core import lifecycle
from chaos_ecs.core.fault_messages import AdvanceHit, FaultFact, InjectHit, SettleHit, UndoHit
from chaos_ecs.core.faulting import STALE_AFTER_SECONDS, Hit, HitStatus, InjectedFault
from chaos_ecs.core.messages import EventType
from chaos_ecs.core.recipe import STATE_ALONE, Means
from chaos_ecs.core.state import State

SEALED = "sealed"


def put_hit(state: State, hit: Hit, now: float) -> None:
    """Stores the hit; a fault whose last hit has ended is over."""
    fault = state.faults[hit.fault_id]
    fault = replace(fault, hits=(*fault.hits[: hit.index], hit, *fault.hits[hit.index + 1 :]))
    ends = all(other.is_over for other in fault.hits)
    state.put(replace(fault, ended_at=now) if ends else fault)
    if ends:
        _tell_end(state, state.faults[fault.id], now)


def open_hit(state: State, word: FaultFact) -> Hit | None:
    """The hit a late word is about; None when nobody waits for it any more."""
    fault = state.faults.get(word.fault_id)
    if fault is None or word.index >= len(fault.hits) or fault.hits[word.index].is_over:
        return None
    return fault.hits[word.index]


def the_hit(state: State, action: InjectHit | UndoHit | SettleHit | AdvanceHit) -> Hit:
    """The hit that was just planned for."""
    hit = state.faults[action.fault_id].hits[action.index]
    assert not hit.is_over, f"hit {action.index} of {action.fault_id} is over"
    return hit


def prove(state: State, hit: Hit, proof: str, now: float) -> None:
    """What was proven before is only told anew to whoever looks."""
    if hit.is_proven:
        put_hit(state, replace(hit, proof=proof), now)
        return
    status = HitStatus.UNDOING if hit.status is HitStatus.UNDOING else HitStatus.ACTIVE
    put_hit(state, replace(hit, status=status, active_at=now, proof=proof), now)
    fault = state.faults[hit.fault_id]
    message = f"{fault.name} takes effect: {proof}"
    tell_hit(state, hit, now, EventType.FAULT_ACTIVE, message, proof=proof, after=now - fault.created_at)


def give_up(state: State, hit: Hit, reason: str, now: float) -> None:
    """What was measured stays proven, though it does not hold to its end: its undoing tells why."""
    put_hit(state, replace(hit, status=HitStatus.UNDOING, reason=reason), now)
    if not hit.is_proven:
        message = f"{state.faults[hit.fault_id].name} is inconclusive: {reason}"
        tell_hit(state, hit, now, EventType.FAULT_INCONCLUSIVE, message, reason=reason)


def end(state: State, hit: Hit, proof: str, now: float) -> None:
    reason = hit.reason
    if not hit.is_proven and not reason:
        reason = "it ended before its effect could be measured"
    if hit.is_proven and hit.recipe.means not in (Means.SIGNAL, Means.STOP) and not hit.recipe.is_deadly:
        lasted = now - (hit.active_at or now)
        early = f" before its time, because {reason}" if reason else ""
        message = f"{state.faults[hit.fault_id].name} is undone{early}: {proof}"
        tell_hit(state, hit, now, EventType.FAULT_UNDONE, message, proof=proof, lasted=lasted)
    put_hit(state, replace(hit, status=HitStatus.ENDED, ended_at=now, reason=reason, trouble=""), now)


# --- signals, which leave with their task ---


def engine_is_back(state: State, now: float) -> None:
    """Each open hit is looked for by what is asked again: what holds tells so, what does not is healed. A signal that
    has waited too long for the engine is not sent any more."""
    for fault in [found for found in state.faults.values() if not found.is_over]:
        hits = tuple(
            hit if hit.is_over or hit.recipe.means in STATE_ALONE else replace(hit, sent_at=None, undo_sent_at=None)
            for hit in fault.hits
        )
        state.put(replace(fault, hits=hits))
        if now >= fault.created_at + STALE_AFTER_SECONDS:
            take_back_signals(state, fault)


def take_back_signals(state: State, fault: InjectedFault) -> None:
    for hit in fault.hits:
        if hit.recipe.means is Means.SIGNAL and hit.sent_at is None and not hit.is_over:
            _take_back_signal(state, hit)


def signal_sent(state: State, container: tuple[str, str], now: float) -> None:
    """A signal that a fault asked for has left for a container (its task's ARN, its name): what it does is looked for
    from now on."""
    for fault in state.faults_of(container[0]):
        for hit in fault.hits:
            if hit.recipe.means is Means.SIGNAL and (hit.task_arn, hit.container) == container and not hit.is_over:
                put_hit(state, replace(hit, sent_at=now), now)


def _take_back_signal(state: State, hit: Hit) -> None:
    task = state.tasks.get(hit.task_arn)
    container = task.container(hit.container) if task else None
    if task and container and not container.fault_sent:
        task = lifecycle.put_container(state, task, replace(container, fault_signal=None))
        state.put(replace(task, killed_at=None))


# --- telling ---


def _tell_end(state: State, fault: InjectedFault, now: float) -> None:
    proven = sum(hit.is_proven for hit in fault.hits)
    message = f"{fault.name} is over: {proven} of {len(fault.hits)} took effect"
    reasons = list(dict.fromkeys(hit.reason for hit in fault.hits if not hit.is_proven))
    after = now - fault.created_at
    status = fault.status.value
    tell(state, fault, now, EventType.FAULT_ENDED, message, status=status, after=after, proven=proven, reasons=reasons)


def tell(state: State, fault: InjectedFault, now: float, type_: EventType, message: str, **data: Any) -> None:
    """About all its victims: the service or task they have in common."""
    services = list(dict.fromkeys(hit.service_arn for hit in fault.hits))
    tasks = list(dict.fromkeys(hit.task_arn for hit in fault.hits))
    service = services[0] if len(services) == 1 else ""
    task = tasks[0] if len(tasks) == 1 else ""
    if instances := [hit.instance_name for hit in fault.hits if hit.instance_name]:
        data |= {"instances": instances}
    _emit(state, fault, now, type_, message, service=service, task=task, victims=len(fault.hits), **data)


def tell_hit(state: State, hit: Hit, now: float, type_: EventType, message: str, **data: Any) -> None:
    fault = state.faults[hit.fault_id]
    if hit.instance_name:
        data |= {"instances": [hit.instance_name]}
    _emit(state, fault, now, type_, message, service=hit.service_arn, task=hit.task_arn, **data)


def _emit(
    state: State,
    fault: InjectedFault,
    now: float,
    type_: EventType,
    message: str,
    *,
    service: str,
    task: str,
    **data: Any,
) -> None:
    """Of a sealed fault nobody is told more than that something happens, before its end is asked for."""
    if fault.is_secret:
        state.emit(now, type_, "a sealed fault is at work", fault=fault.id, name=SEALED)
        return
    state.emit(
        now,
        type_,
        message,
        cluster=fault.cluster_arn,
        service=service,
        task=task,
        fault=fault.id,
        name=fault.name,
        **data,
    )
