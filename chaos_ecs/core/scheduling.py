"""`apply` for what the plan wants of schedules: due times are opened, RunTask is called, refusals retried, given up.

An attempt and all that follows from it is one change of State: a crash comes before it or after it, so no due time runs
twice. Never here: when (`schedule_plan.py`), and whether RunTask accepts a call (`commands.py`).
"""

from __future__ import annotations

from dataclasses import replace

from chaos_ecs.core import commands, schedule_commands
from chaos_ecs.core.errors import EcsError
from chaos_ecs.core.faulting import broken_answers
from chaos_ecs.core.messages import EventType, RunTask
from chaos_ecs.core.run_places import Unplaced
from chaos_ecs.core.schedule_input import run_task_of
from chaos_ecs.core.schedule_messages import (
    CompleteSchedule,
    EmptyScheduleGroup,
    ForgetScheduleGroup,
    InvokeTarget,
)
from chaos_ecs.core.schedules import (
    DEAD_LETTERS_KEPT,
    DeadLetter,
    Invocation,
    Schedule,
    dead_letter_attributes,
    retry_delay,
    utc,
)
from chaos_ecs.core.state import State

ATTEMPTS = "MaximumRetryAttempts"
AGE = "MaximumEventAgeInSeconds"


class _NotAcceptedError(Exception):
    """Why a call was not accepted: the code and the message that a dead-letter event has."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


def invoke_target(state: State, intent: InvokeTarget, now: float) -> None:
    invocation = state.invocations[intent.key]
    schedule = state.schedules[invocation.schedule_arn]
    schedule = replace(schedule, calls=schedule.calls + 1)
    told_before = len(state.events)
    try:
        _call(state, schedule, invocation, now)
    except _NotAcceptedError as refusal:
        _refused(state, schedule, invocation, refusal, now)
        return
    tasks = [event.task_arn for event in state.events[told_before:] if event.type is EventType.TASK_CREATED]
    state.drop(invocation)
    state.put(replace(schedule, runs=schedule.runs + 1, last_ran_at=now))
    state.emit(
        now,
        EventType.SCHEDULE_RAN,
        f"schedule {schedule.name} has started {len(tasks)} task{'' if len(tasks) == 1 else 's'}",
        cluster=schedule.design.target.cluster_arn,
        schedule=schedule.arn,
        name=schedule.name,
        tasks=tasks,
        scheduledTime=invocation.due,
        lateness=max(0.0, now - invocation.invoked_at),
        attempt=invocation.attempts + 1,
        executionId=invocation.execution_id,
    )


def _call(state: State, schedule: Schedule, invocation: Invocation, now: float) -> None:
    """Raises _NotAcceptedError before anything has changed."""
    _break(state, schedule)
    try:
        commands.active_cluster(state, schedule.design.target.cluster_arn)
        command = _read(state, schedule, invocation)
        found = commands.where(state, command)
        if not found.places:
            raise _NotAcceptedError(found.failures[0].reason, _why(state, found.failures[0]))
        commands.run_task(state, command, now)
    except EcsError as refusal:
        raise _NotAcceptedError(refusal.code, refusal.message) from None


def _why(state: State, failure: Unplaced) -> str:
    if failure.instance_arn:
        return failure.message
    return state.engine_reason or "the engine does not answer"


def _read(state: State, schedule: Schedule, invocation: Invocation) -> RunTask:
    """The call, whatever its schedule says: what nobody can read costs that schedule its run, and no other."""
    try:
        return run_task_of(state, schedule, invocation)
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as trouble:
        why = f"The target cannot be read: {type(trouble).__name__}"
        raise _NotAcceptedError("InvalidParameterException", why) from trouble


def _break(state: State, schedule: Schedule) -> None:
    """A fault of the API hits this caller of RunTask too. Of 30 % every third or fourth call of a schedule is broken,
    evenly, as in `api/broken.py`."""
    for broken in broken_answers(state.control_faults):
        hits = broken.service == "ecs" and (not broken.operations or "RunTask" in broken.operations)
        if hits and schedule.calls * broken.percentage // 100 > (schedule.calls - 1) * broken.percentage // 100:
            raise _NotAcceptedError(broken.error, "RunTask was answered with an error")


def _refused(state: State, schedule: Schedule, invocation: Invocation, refusal: _NotAcceptedError, now: float) -> None:
    target = schedule.design.target
    attempts = invocation.attempts + 1
    ends_at = invocation.invoked_at + target.maximum_event_age_seconds
    if attempts > target.maximum_retry_attempts:
        _give_up(state, schedule, invocation, refusal, ATTEMPTS, now)
        return
    if now >= ends_at:
        _give_up(state, schedule, invocation, refusal, AGE, now)
        return
    next_try_at = min(now + retry_delay(attempts), ends_at)
    state.put(schedule)
    state.put(
        replace(
            invocation,
            attempts=attempts,
            tried_at=now,
            next_try_at=next_try_at,
            code=refusal.code,
            message=refusal.message,
        )
    )
    if attempts & (attempts - 1):  # told after 1, 2, 4, 8, ... attempts: a day of refusals would drown all else
        return
    state.emit(
        now,
        EventType.SCHEDULE_RETRY,
        f"schedule {schedule.name}: RunTask was refused: {refusal.message}",
        cluster=target.cluster_arn,
        schedule=schedule.arn,
        name=schedule.name,
        scheduledTime=invocation.due,
        attempt=attempts,
        code=refusal.code,
        reason=refusal.message,
        nextTryAt=next_try_at,
    )


def _give_up(
    state: State, schedule: Schedule, invocation: Invocation, refusal: _NotAcceptedError, condition: str, now: float
) -> None:
    """Kept as a dead letter where there is a DeadLetterConfig, and told as dropped in any case."""
    retries = invocation.attempts
    letter = DeadLetter(invocation.due, now, refusal.code, refusal.message, condition, retries, invocation.execution_id)
    is_kept = bool(schedule.design.target.dead_letter_arn)
    letters = (letter, *schedule.dead_letters)[:DEAD_LETTERS_KEPT] if is_kept else schedule.dead_letters
    state.drop(invocation)
    state.put(replace(schedule, dropped=schedule.dropped + 1, dead_letters=letters))
    where = "kept as a dead letter" if is_kept else "dropped: there is no dead-letter queue"
    state.emit(
        now,
        EventType.SCHEDULE_DROPPED,
        f"schedule {schedule.name} gives up what was due at {utc(invocation.due)} after attempt "
        f"{retries + 1}, {where}: {refusal.message}",
        cluster=schedule.design.target.cluster_arn,
        schedule=schedule.arn,
        name=schedule.name,
        scheduledTime=invocation.due,
        code=refusal.code,
        reason=refusal.message,
        condition=condition,
        retries=retries,
        deadLetter=dict(dead_letter_attributes(schedule, letter)) if is_kept else None,
    )


def complete_schedule(state: State, intent: CompleteSchedule, now: float) -> None:
    schedule_commands.remove(state, state.schedules[intent.schedule_arn], intent.cause, now)


def empty_group(state: State, intent: EmptyScheduleGroup, now: float) -> None:
    for schedule in list(state.schedules.values()):
        if schedule.group_arn == intent.group_arn:
            schedule_commands.remove(state, schedule, intent.cause, now)


def forget_group(state: State, intent: ForgetScheduleGroup, now: float) -> None:
    state.drop(state.schedule_groups[intent.group_arn])
