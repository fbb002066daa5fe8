"""Our own operations on schedules: what EventBridge Scheduler has no operation for. The model is `chaos-ecs.json`."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from itertools import islice
from typing import Any

from chaos_ecs.api.call import Call
from chaos_ecs.api.schedule_views import described
from chaos_ecs.core.arns import schedule_arn
from chaos_ecs.core.errors import InvalidParameterException
from chaos_ecs.core.schedule import ScheduleError, coming, parse, zone
from chaos_ecs.core.schedule_commands import known_schedule
from chaos_ecs.core.schedules import DEFAULT_GROUP, Schedule
from chaos_ecs.core.state import State

SHOWN = 10

_Answer = Future[dict[str, Any]]


def describe_schedule(call: Call) -> _Answer:
    def answer(state: State, now: float) -> dict[str, Any]:
        schedule = _schedule(state, call)
        return {"schedule": described(schedule, state.invocations_of(schedule.arn))}

    return call.ask(answer)


def preview_schedule(call: Call) -> _Answer:
    """A rate that is none yet would begin now, or at its startDate."""
    params = call.params
    if ("name" in params) == ("expression" in params):
        raise InvalidParameterException("Name a schedule, or give an expression.")
    timezone = params.get("timezone", "UTC")
    if "expression" in params:
        _check(params["expression"], timezone)

    def answer(state: State, now: float) -> dict[str, Any]:
        count = params.get("count", SHOWN)
        if "name" in params:
            schedule = _schedule(state, call)
            design = schedule.design
            said = {"expression": design.expression, "timezone": design.timezone}
            word = "ENABLED" if design.enabled else "DISABLED"
            return {**said, "state": word, "now": now, "times": list(islice(_coming(schedule, now), count))}
        times = coming(
            parse(params["expression"]),
            created_at=now,
            timezone=timezone,
            start_date=params.get("startDate"),
            end_date=params.get("endDate"),
        )
        said = {"expression": params["expression"], "timezone": timezone}
        return {**said, "now": now, "times": list(islice(times, count))}

    return call.ask(answer)


def _coming(schedule: Schedule, now: float) -> Iterator[float]:
    after: float | None = now
    while after is not None and (after := schedule.next_due(after)) is not None:
        yield after


def _schedule(state: State, call: Call) -> Schedule:
    arn = schedule_arn(call.region, call.params.get("group", DEFAULT_GROUP), call.params["name"])
    return known_schedule(state, arn)


def _check(expression: str, timezone: str) -> None:
    """Says what is wrong, which AWS does not."""
    try:
        parse(expression)
        zone(timezone)
    except ScheduleError as error:
        raise InvalidParameterException(f"{error} {error.why[:1].upper()}{error.why[1:]}.") from None
