"""Our own operations on schedules: what EventBridge Scheduler has no operation for. The model is `chaos-ecs.json`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from itertools import islice
from typing import Any

from chaos_ecs.api.call import Call, then
from chaos_ecs.api.schedule_views import described
from chaos_ecs.core.arns import schedule_arn
from chaos_ecs.core.errors import InvalidParameterException
from chaos_ecs.core.schedule import ScheduleError, check_dates, coming, parse, zone
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
    """A rate that is none yet would begin now, or at its startDate. The times are counted off the controller's thread,
    because there may be a thousand."""
    params = call.params
    if ("name" in params) == ("expression" in params):
        raise InvalidParameterException("Name a schedule, or give an expression.")
    timezone = params.get("timezone", "UTC")
    if "expression" in params:
        _check(params["expression"], timezone, params.get("startDate"), params.get("endDate"))

    def begin(state: State, now: float) -> tuple[dict[str, Any], Iterator[float]]:
        if "name" in params:
            schedule = _schedule(state, call)
            design = schedule.design
            said = {"expression": design.expression, "timezone": design.timezone}
            word = "ENABLED" if design.enabled else "DISABLED"
            return {**said, "state": word, "now": now}, schedule.coming(now)
        times = coming(
            parse(params["expression"]),
            created_at=now,
            timezone=timezone,
            start_date=params.get("startDate"),
            end_date=params.get("endDate"),
        )
        said = {"expression": params["expression"], "timezone": timezone}
        return {**said, "now": now}, times

    count = params.get("count", SHOWN)
    return then(call.ask(begin), lambda begun: call.surroundings.background.submit(_counted, *begun, count))


def _counted(said: Mapping[str, Any], times: Iterator[float], count: int) -> dict[str, Any]:
    return {**said, "times": list(islice(times, count))}


def _schedule(state: State, call: Call) -> Schedule:
    arn = schedule_arn(call.region, call.params.get("group", DEFAULT_GROUP), call.params["name"])
    return known_schedule(state, arn)


def _check(expression: str, timezone: str, start: float | None, end: float | None) -> None:
    """Says what is wrong, which AWS does not."""
    try:
        parse(expression)
        zone(timezone)
        check_dates(start, end)
    except ScheduleError as error:
        raise InvalidParameterException(f"{error} {error.why[:1].upper()}{error.why[1:]}.") from None
