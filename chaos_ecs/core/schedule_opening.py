"""`apply` for due times that have come: an Invocation is opened, and what was missed is told. Never here: when."""

from __future__ import annotations

from dataclasses import replace

from chaos_ecs.core.messages import EventType
from chaos_ecs.core.schedule_messages import OpenInvocation
from chaos_ecs.core.schedules import Invocation, Schedule, invocation_key
from chaos_ecs.core.state import State


def open_invocation(state: State, intent: OpenInvocation, now: float) -> None:
    schedule = state.schedules[intent.schedule_arn]
    state.put(replace(schedule, considered_until=intent.until, missed=schedule.missed + intent.missed))
    if intent.due is not None:
        at = schedule.invoked_at(intent.due)
        key = invocation_key(schedule.arn, intent.due)
        state.put(Invocation(key, schedule.arn, intent.due, at, max(at, intent.due)))
    if intent.missed:
        _tell_missed(state, schedule, intent, now)


def _tell_missed(state: State, schedule: Schedule, intent: OpenInvocation, now: float) -> None:
    count = f"{'more than ' if intent.is_least else ''}{intent.missed}"
    late = "; the newest is run late" if intent.due is not None else ""
    message = (
        f"schedule {schedule.name} missed {count} due time{'' if intent.missed == 1 else 's'}: {intent.cause}{late}"
    )
    state.emit(
        now,
        EventType.SCHEDULE_MISSED,
        message,
        cluster=schedule.design.target.cluster_arn,
        schedule=schedule.arn,
        name=schedule.name,
        missed=intent.missed,
        isLeast=intent.is_least or None,
        first=intent.first_missed,
        last=intent.last_missed,
        delivered=intent.due,
        cause=intent.cause,
    )
