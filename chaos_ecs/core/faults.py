"""`apply` for faults: asked for, struck, measured, undone. What is due next is in `fault_plan.py`.

A fault's hits are checked all together before the first of them changes anything. From then on it ends, whatever
happens: what is not known of a hit makes it inconclusive, never forgotten.
"""

from __future__ import annotations

from dataclasses import replace

from chaos_ecs.core import commands, control_faults, hits, instance_faults, lifecycle
from chaos_ecs.core.arns import short
from chaos_ecs.core.errors import ConflictException, InvalidParameterException, ResourceNotFoundException
from chaos_ecs.core.fault_messages import (
    AdvanceHit,
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
from chaos_ecs.core.model import StopCode
from chaos_ecs.core.recipe import Means, Recipe
from chaos_ecs.core.state import State

VICTIMS_LIMIT = 50
ONE_AT_A_TIME = (Means.FREEZE, Means.STALL, Means.DETACH)
"""Two of the same on one container would each put back what the other has done; of LIMIT two of the same setting."""


# --- Commands ---


def inject_fault(state: State, command: InjectFault, now: float) -> None:
    commands.must_be_disengaged(state, command.cluster_arn)
    if not command.aims:
        raise InvalidParameterException("There is no victim: nothing was injected.")
    if len(command.aims) > VICTIMS_LIMIT:
        raise InvalidParameterException(f"{len(command.aims)} victims are more than the {VICTIMS_LIMIT} at once.")
    checked = [_checked(state, command, aim, index) for index, aim in enumerate(command.aims)]
    fault_id = f"flt-{state.new_id()[:10]}"
    fault = InjectedFault(
        id=fault_id,
        name=command.name,
        action_id=command.action_id,
        description=command.description,
        cluster_arn=command.cluster_arn,
        hits=tuple(replace(hit, fault_id=fault_id) for hit in checked),
        number=state.next_number("fault"),
        created_at=now,
        seconds=command.seconds,
        parameters=command.parameters,
        seed=command.seed,
        experiment=command.experiment,
        sealed=command.sealed,
    )
    state.put(fault)
    victims = list(dict.fromkeys(hit.task_arn for hit in checked if hit.task_arn))
    hits.tell(
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
    for hit in fault.hits:
        _strike(state, hit, now)


def _checked(state: State, command: InjectFault, aim: Aim, index: int) -> Hit:
    """The hit, before anything is changed. Raises for what cannot be hit."""
    hit = Hit("", index, aim.recipe, aim.task_arn, aim.service_arn, aim.container)
    if aim.recipe.means is Means.CONTROL:
        if aim.instance_arn:
            instance = instance_faults.check(state, aim)
            return replace(hit, instance_arn=instance.arn, instance_name=instance.name)
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
        raise ConflictException(f"Task {short(task.arn)} is under {other.public_name} already. {other.how_to_end}")
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
    if other.means is Means.LIMIT:
        return bool(known.settings.keys() & other.settings.keys())
    differs = other.coexists and other.do != known.do
    return is_same_fault and bool(other.undo) and not differs


def _strike(state: State, hit: Hit, now: float) -> None:
    """What is done by changing State alone; the rest the plan hands to the runtime."""
    match hit.recipe.means:
        case Means.SIGNAL:
            is_told = not state.faults[hit.fault_id].sealed
            kill = KillTask(hit.task_arn, hit.recipe.do[0], hit.container, hit.fault_id, is_told)
            commands.kill_task(state, kill, now)
        case Means.STOP:
            _stop(state, hit, now)
            hits.put_hit(state, replace(hit, sent_at=now), now)
        case Means.CONTROL:
            begin = instance_faults.begin if hit.instance_arn else control_faults.begin
            hits.put_hit(state, begin(state, hit, now), now)


def _stop(state: State, hit: Hit, now: float) -> None:
    """As a user, or, where the recipe says another code, as whoever takes the task's capacity."""
    reason, *more = hit.recipe.do or ("",)
    if more:
        lifecycle.begin_stop(state, state.tasks[hit.task_arn], StopCode(more[0]), reason, now)
    else:
        commands.stop_task(state, StopTask(hit.task_arn, reason), now)


def undo_faults(state: State, command: UndoFaults, now: float) -> None:
    for fault_id in command.ids:
        if fault_id not in state.faults:
            raise ResourceNotFoundException(f"There is no fault {fault_id}.")
    for fault_id in command.ids:
        fault = state.faults[fault_id]
        if fault.undo_asked_at is None and not fault.is_closed:
            state.put(replace(fault, undo_asked_at=now))
            hits.take_back_signals(state, fault)


# --- Facts ---


def hit_prior(state: State, fact: HitPrior, now: float) -> None:
    hit = hits.open_hit(state, fact)
    if hit and hit.status is HitStatus.INJECTING and not hit.prior:
        hits.put_hit(state, replace(hit, prior=fact.prior, sent_at=None), now)


def hit_active(state: State, fact: HitActive, now: float) -> None:
    """What took effect has done so, though its undoing was asked for before that was told."""
    hit = hits.open_hit(state, fact)
    if hit and not hit.is_proven:
        hits.prove(state, hit, fact.proof, now)


def hit_refused(state: State, fact: HitRefused, now: float) -> None:
    hit = hits.open_hit(state, fact)
    if hit and hit.status in (HitStatus.INJECTING, HitStatus.ACTIVE):
        hits.give_up(state, hit, fact.reason, now)


def hit_undone(state: State, fact: HitUndone, now: float) -> None:
    hit = hits.open_hit(state, fact)
    if hit:
        hits.end(state, hit, fact.proof, now)


def hit_stuck(state: State, fact: HitStuck, now: float) -> None:
    hit = hits.open_hit(state, fact)
    if hit is None:
        return
    sent_at = now if hit.undo_sent_at is None else hit.undo_sent_at
    hits.put_hit(state, replace(hit, status=HitStatus.UNDOING, undo_sent_at=sent_at, trouble=fact.trouble), now)
    if hit.trouble != fact.trouble:
        message = f"{state.faults[hit.fault_id].name} cannot be undone yet: {fact.trouble}"
        hits.tell_hit(state, hit, now, EventType.FAULT_STUCK, message, trouble=fact.trouble)


# --- Actions ---


def inject_hit(state: State, effect: InjectHit, now: float) -> None:
    hits.put_hit(state, replace(hits.the_hit(state, effect), sent_at=now), now)


def undo_hit(state: State, effect: UndoHit, now: float) -> None:
    hits.put_hit(state, replace(hits.the_hit(state, effect), status=HitStatus.UNDOING, undo_sent_at=now), now)


def settle_hit(state: State, intent: SettleHit, now: float) -> None:
    hit = hits.the_hit(state, intent)
    if intent.proof:
        hits.prove(state, hit, intent.proof, now)
    elif intent.reason:
        hits.give_up(state, hit, intent.reason, now)
    hit = hits.the_hit(state, intent)
    if not intent.ends:
        return
    if hit.recipe.means is not Means.CONTROL:
        told = intent.cause
    elif hit.instance_arn:
        told = instance_faults.end(state, hit, now)
    else:
        told = control_faults.end(state, hit, now)
    hits.end(state, hit, told, now)


def advance_hit(state: State, intent: AdvanceHit, now: float) -> None:
    hits.put_hit(state, instance_faults.advance(state, hits.the_hit(state, intent), now), now)


def forget_fault(state: State, intent: ForgetFault, now: float) -> None:
    state.drop(state.faults[intent.fault_id])
