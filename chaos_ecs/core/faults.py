"""`apply` for faults: asked for, struck, measured, undone. What is due next is in `fault_plan.py`.

A fault's hits are checked all together before the first of them changes anything. From then on it ends, whatever
happens: what is not known of a hit makes it inconclusive, never forgotten.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from chaos_ecs.core import commands, control_faults
from chaos_ecs.core.arns import short
from chaos_ecs.core.errors import ConflictException, InvalidParameterException, ResourceNotFoundException
from chaos_ecs.core.fault_messages import (
    Aim,
    ForgetFault,
    HitActive,
    HitPrior,
    HitRefused,
    HitStuck,
    HitUndone,
    InjectFault,
    InjectHit,
    SettleHit,
    UndoFaults,
    UndoHit,
)
from chaos_ecs.core.faulting import Hit, HitStatus, InjectedFault
from chaos_ecs.core.messages import EventType, KillTask, StopTask
from chaos_ecs.core.recipe import Means, Recipe
from chaos_ecs.core.state import State

VICTIMS_LIMIT = 50
SEALED = "sealed"
ONE_AT_A_TIME = (Means.FREEZE, Means.STALL, Means.LIMIT, Means.DETACH)
"""Two of the same on one container would each put back what the other has done."""


# --- Commands ---


def inject_fault(state: State, command: InjectFault, now: float) -> None:
    commands.must_be_disengaged(state, command.cluster_arn)
    if not command.aims:
        raise InvalidParameterException("There is no victim: nothing was injected.")
    if len(command.aims) > VICTIMS_LIMIT:
        raise InvalidParameterException(f"{len(command.aims)} victims are more than the {VICTIMS_LIMIT} at once.")
    hits = tuple(_checked(state, command, aim) for aim in command.aims)
    fault = InjectedFault(
        id=f"flt-{state.new_id()[:10]}",
        name=command.name,
        action_id=command.action_id,
        description=command.description,
        cluster_arn=command.cluster_arn,
        hits=hits,
        number=state.next_number("fault"),
        created_at=now,
        seconds=command.seconds,
        parameters=command.parameters,
        seed=command.seed,
        experiment=command.experiment,
        sealed=command.sealed,
    )
    state.put(fault)
    victims = list(dict.fromkeys(hit.task_arn for hit in hits if hit.task_arn))
    _tell(
        state,
        fault,
        now,
        EventType.FAULT_INJECTED,
        f"{fault.name} {fault.description}",
        tasks=victims,
        seconds=fault.seconds,
        seed=fault.seed,
        experiment=fault.experiment or None,
    )
    for index, hit in enumerate(hits):
        _strike(state, fault.id, index, hit, now)


def _checked(state: State, command: InjectFault, aim: Aim) -> Hit:
    """The hit, before anything is changed. Raises for what cannot be hit."""
    hit = Hit(aim.recipe, aim.task_arn, aim.service_arn, aim.container)
    if aim.recipe.means is Means.CONTROL:
        control_faults.check(state, command, aim)
        return hit
    task = state.tasks.get(aim.task_arn)
    if task is None:
        raise InvalidParameterException("The referenced task was not found.")
    container = next((member for member in task.containers if member.name == aim.container), None)
    if container is None:
        raise InvalidParameterException(f"Task {short(task.arn)} has no container '{aim.container}'.")
    if not task.is_running or not container.is_live or container.runtime_id is None:
        raise InvalidParameterException(f"Task {short(task.arn)} is {task.last_status}: there is nothing to hit.")
    if other := _in_the_way(state, command.name, aim):
        raise ConflictException(
            f"Task {short(task.arn)} is under {other.name} {other.id} already. End that first: "
            f"chaos-ecs chaos undo {other.id}"
        )
    return replace(hit, service_arn=task.service_arn or "", runtime_id=container.runtime_id)


def _in_the_way(state: State, name: str, aim: Aim) -> InjectedFault | None:
    """What holds the same container in a way that cannot be had twice."""
    for fault in state.faults_of(aim.task_arn):
        for hit in fault.hits:
            if hit.container != aim.container or hit.is_over or hit.task_arn != aim.task_arn:
                continue
            if hit.recipe.means is aim.recipe.means and _excludes(hit.recipe, aim.recipe, fault.name == name):
                return fault
    return None


def _excludes(known: Recipe, other: Recipe, is_same_fault: bool) -> bool:
    if other.means in ONE_AT_A_TIME:
        return True
    differs = other.coexists and other.do != known.do
    return is_same_fault and bool(other.undo) and not differs


def _strike(state: State, fault_id: str, index: int, hit: Hit, now: float) -> None:
    """What is done by changing State alone; the rest the plan hands to the runtime."""
    match hit.recipe.means:
        case Means.SIGNAL:
            is_told = not state.faults[fault_id].sealed
            kill = KillTask(hit.task_arn, hit.recipe.do[0], hit.container, fault_id, is_told)
            commands.kill_task(state, kill, now)
            put_hit(state, fault_id, index, replace(hit, sent_at=now), now)
        case Means.STOP:
            reason = hit.recipe.do[0] if hit.recipe.do else ""
            commands.stop_task(state, StopTask(hit.task_arn, reason), now)
            put_hit(state, fault_id, index, replace(hit, sent_at=now), now)
        case Means.CONTROL:
            put_hit(state, fault_id, index, control_faults.begin(state, hit, now), now)


def undo_faults(state: State, command: UndoFaults, now: float) -> None:
    for fault_id in command.ids:
        if fault_id not in state.faults:
            raise ResourceNotFoundException(f"There is no fault {fault_id}.")
    for fault_id in command.ids:
        fault = state.faults[fault_id]
        if not fault.is_over and fault.undo_asked_at is None:
            state.put(replace(fault, undo_asked_at=now))


# --- Facts ---


def hit_prior(state: State, fact: HitPrior, now: float) -> None:
    hit = _open_hit(state, fact.fault_id, fact.index)
    if hit and hit.status is HitStatus.INJECTING and not hit.prior:
        put_hit(state, fact.fault_id, fact.index, replace(hit, prior=fact.prior, sent_at=None), now)


def hit_active(state: State, fact: HitActive, now: float) -> None:
    """What took effect has done so, though its undoing was asked for before that was told."""
    hit = _open_hit(state, fact.fault_id, fact.index)
    if hit and not hit.is_proven:
        _prove(state, fact.fault_id, fact.index, hit, fact.proof, now)


def hit_refused(state: State, fact: HitRefused, now: float) -> None:
    hit = _open_hit(state, fact.fault_id, fact.index)
    if hit and hit.status in (HitStatus.INJECTING, HitStatus.ACTIVE):
        _give_up(state, fact.fault_id, fact.index, hit, fact.reason, now)


def hit_undone(state: State, fact: HitUndone, now: float) -> None:
    hit = _open_hit(state, fact.fault_id, fact.index)
    if hit:
        _end(state, fact.fault_id, fact.index, hit, fact.proof, now)


def hit_stuck(state: State, fact: HitStuck, now: float) -> None:
    hit = _open_hit(state, fact.fault_id, fact.index)
    if hit is None:
        return
    sent_at = now if hit.undo_sent_at is None else hit.undo_sent_at
    stuck = replace(hit, status=HitStatus.UNDOING, undo_sent_at=sent_at, trouble=fact.trouble)
    put_hit(state, fact.fault_id, fact.index, stuck, now)
    if hit.trouble != fact.trouble:
        message = f"{state.faults[fact.fault_id].name} cannot be undone yet: {fact.trouble}"
        _tell_hit(state, fact.fault_id, hit, now, EventType.FAULT_STUCK, message, trouble=fact.trouble)


# --- Actions ---


def inject_hit(state: State, effect: InjectHit, now: float) -> None:
    hit = state.faults[effect.fault_id].hits[effect.index]
    put_hit(state, effect.fault_id, effect.index, replace(hit, sent_at=now), now)


def undo_hit(state: State, effect: UndoHit, now: float) -> None:
    hit = state.faults[effect.fault_id].hits[effect.index]
    undoing = replace(hit, status=HitStatus.UNDOING, undo_sent_at=now)
    put_hit(state, effect.fault_id, effect.index, undoing, now)


def settle_hit(state: State, intent: SettleHit, now: float) -> None:
    hit = _open_hit(state, intent.fault_id, intent.index)
    assert hit is not None, f"hit {intent.index} of {intent.fault_id} is over"
    if intent.proof:
        _prove(state, intent.fault_id, intent.index, hit, intent.proof, now)
    elif intent.reason:
        _give_up(state, intent.fault_id, intent.index, hit, intent.reason, now)
    hit = _open_hit(state, intent.fault_id, intent.index)
    if intent.ends and hit is not None:
        is_control = hit.recipe.means is Means.CONTROL
        proof = control_faults.end(state, hit, now) if is_control else intent.cause
        _end(state, intent.fault_id, intent.index, hit, proof, now)


def forget_fault(state: State, intent: ForgetFault, now: float) -> None:
    state.drop(state.faults[intent.fault_id])


# --- parts ---


def put_hit(state: State, fault_id: str, index: int, hit: Hit, now: float) -> None:
    """Stores the hit; a fault whose last hit has ended is over."""
    fault = state.faults[fault_id]
    fault = replace(fault, hits=(*fault.hits[:index], hit, *fault.hits[index + 1 :]))
    ends = all(other.is_over for other in fault.hits)
    state.put(replace(fault, ended_at=now) if ends else fault)
    if ends:
        _tell_end(state, state.faults[fault_id], now)


def _open_hit(state: State, fault_id: str, index: int) -> Hit | None:
    """The hit a late word is about; None when nobody waits for it any more."""
    fault = state.faults.get(fault_id)
    if fault is None or index >= len(fault.hits) or fault.hits[index].is_over:
        return None
    return fault.hits[index]


def _prove(state: State, fault_id: str, index: int, hit: Hit, proof: str, now: float) -> None:
    status = HitStatus.UNDOING if hit.status is HitStatus.UNDOING else HitStatus.ACTIVE
    put_hit(state, fault_id, index, replace(hit, status=status, active_at=now, proof=proof), now)
    fault = state.faults[fault_id]
    message = f"{fault.name} takes effect: {proof}"
    after = now - fault.created_at
    _tell_hit(state, fault_id, hit, now, EventType.FAULT_ACTIVE, message, proof=proof, after=after)


def _give_up(state: State, fault_id: str, index: int, hit: Hit, reason: str, now: float) -> None:
    put_hit(state, fault_id, index, replace(hit, status=HitStatus.UNDOING, reason=reason), now)
    message = f"{state.faults[fault_id].name} is inconclusive: {reason}"
    _tell_hit(state, fault_id, hit, now, EventType.FAULT_INCONCLUSIVE, message, reason=reason)


def _end(state: State, fault_id: str, index: int, hit: Hit, proof: str, now: float) -> None:
    reason = hit.reason
    if not hit.is_proven and not reason:
        reason = "it ended before its effect could be measured"
    if hit.is_proven and hit.recipe.means not in (Means.SIGNAL, Means.STOP) and not hit.recipe.is_deadly:
        lasted = now - (hit.active_at or now)
        message = f"{state.faults[fault_id].name} is undone: {proof}"
        _tell_hit(state, fault_id, hit, now, EventType.FAULT_UNDONE, message, proof=proof, lasted=lasted)
    ended = replace(hit, status=HitStatus.ENDED, ended_at=now, reason=reason, trouble="")
    put_hit(state, fault_id, index, ended, now)


def _tell_end(state: State, fault: InjectedFault, now: float) -> None:
    proven = sum(hit.is_proven for hit in fault.hits)
    message = f"{fault.name} is over: {proven} of {len(fault.hits)} took effect"
    reasons = list(dict.fromkeys(hit.reason for hit in fault.hits if not hit.is_proven))
    after = now - fault.created_at
    status = fault.status.value
    _tell(state, fault, now, EventType.FAULT_ENDED, message, status=status, after=after, proven=proven, reasons=reasons)


def _tell(state: State, fault: InjectedFault, now: float, type_: EventType, message: str, **data: Any) -> None:
    """About all its victims: the service or task they have in common."""
    services = list(dict.fromkeys(hit.service_arn for hit in fault.hits))
    tasks = list(dict.fromkeys(hit.task_arn for hit in fault.hits))
    service = services[0] if len(services) == 1 else ""
    task = tasks[0] if len(tasks) == 1 else ""
    _emit(state, fault, now, type_, message, service=service, task=task, victims=len(fault.hits), **data)


def _tell_hit(state: State, fault_id: str, hit: Hit, now: float, type_: EventType, message: str, **data: Any) -> None:
    fault = state.faults[fault_id]
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
    """Of a sealed fault nobody is told more than that something happens, before it is over."""
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
