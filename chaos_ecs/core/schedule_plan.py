"""What is due of schedules: due times to open, calls to make, what completes. A part of `plan`: changes nothing.

Scheduler is another service than ECS: it goes on while the engine is away, where its calls are refused and retried.
What was missed (the controller was down, the machine slept) is told, and its newest run late: decision 068.
"""

from __future__ import annotations

from collections.abc import Iterable

from chaos_ecs.core.backoff import was_set_back
from chaos_ecs.core.schedule_messages import (
    CompleteSchedule,
    EmptyScheduleGroup,
    ForgetScheduleGroup,
    InvokeTarget,
    OpenInvocation,
)
from chaos_ecs.core.schedule_passed import passed
from chaos_ecs.core.schedules import Invocation, Schedule, ScheduleGroup
from chaos_ecs.core.state import State
from chaos_ecs.core.todo import Plan

FARTHEST_SET_BACK_SECONDS = 86400.0
"""A due time that was dealt with stays so when the clock is set back, so that nothing runs twice. By more than a day,
what was dealt with lies in a future that was never real, and would stop a schedule for as long."""

DELETING_SECONDS = 1.0
"""AWS's groups are DELETING for a while, and tools wait for its end."""


def plan_schedules(state: State, touched: Iterable[str], now: float, todo: Plan) -> None:
    for key in touched:
        if schedule := state.schedules.get(key):
            _plan_schedule(state, schedule, now, todo)
        elif invocation := state.invocations.get(key):
            _plan_invocation(state, invocation, now, todo)
        elif group := state.schedule_groups.get(key):
            _plan_group(state, group, now, todo)


def _plan_schedule(state: State, schedule: Schedule, now: float, todo: Plan) -> None:
    if not schedule.design.enabled or _is_going(state, schedule):
        return
    since = schedule.considered_until
    if since is not None and since > now + FARTHEST_SET_BACK_SECONDS:
        todo.actions.append(OpenInvocation(schedule.arn, now, None, "the clock was set back by more than a day"))
        return
    if opened := passed(schedule, now):
        todo.actions.append(opened)
    elif (due := schedule.next_due()) is not None:
        todo.look_again(schedule.arn, due)
    elif schedule.design.deletes_itself and schedule.has_begun and not state.invocations_of(schedule.arn):
        todo.actions.append(CompleteSchedule(schedule.arn, "it never comes due again"))


def _is_going(state: State, schedule: Schedule) -> bool:
    """Whether this step deletes it, with its group."""
    group = state.schedule_groups.get(schedule.group_arn)
    return group is not None and group.state != "ACTIVE"


def _plan_invocation(state: State, invocation: Invocation, now: float, todo: Plan) -> None:
    """Nothing is called before the engine was asked: a call would be refused for no reason but our own beginning."""
    if not state.engine_asked or _is_going(state, state.schedules[invocation.schedule_arn]):
        return
    waits_since = invocation.due if invocation.tried_at is None else invocation.tried_at
    if invocation.next_try_at > now and not was_set_back(waits_since, now):
        todo.look_again(invocation.key, invocation.next_try_at)
        return
    cause = f"attempt {invocation.attempts + 1}: it was refused before" if invocation.attempts else "it is due"
    todo.actions.append(InvokeTarget(invocation.key, cause))


def _plan_group(state: State, group: ScheduleGroup, now: float, todo: Plan) -> None:
    if group.state == "ACTIVE":
        return
    if any(schedule.group_arn == group.arn for schedule in state.schedules.values()):
        todo.actions.append(EmptyScheduleGroup(group.arn, "its group is deleted"))
    ends_at = group.modified_at + DELETING_SECONDS
    if now >= ends_at or was_set_back(group.modified_at, now):
        todo.actions.append(ForgetScheduleGroup(group.arn, "its schedules are gone"))
    else:
        todo.look_again(group.arn, ends_at)
