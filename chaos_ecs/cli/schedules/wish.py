"""What the options of `schedule add` mean, as members of CreateSchedule. Never here: whether an expression is right."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import typer

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/ecsEventsRole"
"""AWS wants one; here any will do."""
DEFAULT_GROUP = "default"
_KIND = "task-definition"
_UNITS = {"m": "minute", "h": "hour", "d": "day"}
_EVERY = re.compile(r"([0-9]{1,9})\s*(m|h|d|minutes?|hours?|days?)")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?)?(Z|[+-][0-9]{2}:[0-9]{2})?")


@dataclass(frozen=True, slots=True)
class When:
    """When a schedule is due. `start` and `end` in seconds since the epoch; `window` in minutes, 0: none."""

    expression: str
    timezone: str = "UTC"
    start: float | None = None
    end: float | None = None
    window: int = 0
    deletes_itself: bool = False


def expression(every: str | None, cron: str | None, at: str | None) -> str:
    """The one of the three that was given, as Scheduler writes it; raises a usage error.

    Worked examples: --every 5m -> rate(5 minutes); --cron "0 2 * * ? *" -> cron(0 2 * * ? *).
    """
    given = [value for value in (every, cron, at) if value is not None]
    if len(given) != 1:
        raise typer.BadParameter("say when: one of --every 5m, --cron '0 2 * * ? *', --at 2026-12-24T18:00:00")
    if every is not None:
        return _rate(every)
    if cron is not None:
        return cron if cron.startswith("cron(") else f"cron({cron})"
    assert at is not None
    return at if at.startswith("at(") else f"at({_with_seconds(at)})"


def _rate(every: str) -> str:
    match = _EVERY.fullmatch(every.strip())
    if match is None or not int(match[1]):
        why = "a schedule's shortest rate is a minute" if re.fullmatch(r"[0-9]+\s*s.*", every) else "5m, 1h or 1d"
        raise typer.BadParameter(f"{every!r} is no rate: {why}", param_hint="--every")
    value, unit = int(match[1]), _UNITS[match[2][0]]
    return f"rate({value} {unit}{'' if value == 1 else 's'})"


def _with_seconds(at: str) -> str:
    text = at.strip().replace(" ", "T")
    return f"{text}:00" if re.fullmatch(r"[0-9-]+T[0-9]{2}:[0-9]{2}", text) else text


def named(text: str) -> tuple[str, str]:
    """Group and name: nightly, or jobs/nightly; raises a usage error where one of them is empty."""
    group, _, name = text.partition("/") if "/" in text else (DEFAULT_GROUP, "/", text)
    if not group or not name:
        raise typer.BadParameter(f"{text!r} names no schedule: NAME, or GROUP/NAME")
    return group, name


def moment(text: str) -> float:
    """A date and time, UTC where no offset is given, in seconds since the epoch; raises a usage error."""
    if _MOMENT.fullmatch(text.strip()):
        try:
            found = datetime.fromisoformat(text.strip())
        except ValueError:
            pass
        else:
            return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    raise typer.BadParameter(f"{text!r} is no date and time: write 2026-12-24T18:00:00 (UTC)")


def iso(at: float) -> str:
    """As the AWS CLI takes it: 2026-12-24T18:00:00+00:00."""
    return datetime.fromtimestamp(at, UTC).isoformat()


def minutes(seconds: float | None) -> int:
    """A window in whole minutes; raises a usage error."""
    if seconds is None:
        return 0
    if seconds % 60 or not 60 <= seconds <= 1440 * 60:
        raise typer.BadParameter("a window has 1 to 1440 whole minutes: --window 5m", param_hint="--window")
    return round(seconds / 60)


def target(cluster: str, definition: str, count: int, overrides: Mapping[str, Any] | None) -> dict[str, Any]:
    """API_Target that runs tasks in a cluster (its ARN). `definition`: FAMILY, which is its newest revision whenever
    that is, FAMILY:REVISION or an ARN of either."""
    arn = definition if definition.startswith("arn:") else f"{cluster.partition(':cluster/')[0]}:{_KIND}/{definition}"
    ecs: dict[str, Any] = {"TaskDefinitionArn": arn}
    if count != 1:
        ecs["TaskCount"] = count
    told: dict[str, Any] = {"Arn": cluster, "RoleArn": ROLE, "EcsParameters": ecs}
    if overrides is not None:
        import json

        told["Input"] = json.dumps(overrides)
    return told


def members(name: str, when: When, to: Mapping[str, Any]) -> dict[str, Any]:
    """The members of CreateSchedule; what has its default is left out. Times in seconds."""
    group, short = named(name)
    window: dict[str, Any] = {"Mode": "FLEXIBLE" if when.window else "OFF"}
    if when.window:
        window["MaximumWindowInMinutes"] = when.window
    told = {
        "Name": short,
        "GroupName": None if group == DEFAULT_GROUP else group,
        "ScheduleExpression": when.expression,
        "ScheduleExpressionTimezone": None if when.timezone == "UTC" else when.timezone,
        "StartDate": when.start,
        "EndDate": when.end,
        "FlexibleTimeWindow": window,
        "Target": dict(to),
        "ActionAfterCompletion": "DELETE" if when.deletes_itself else None,
    }
    return {key: value for key, value in told.items() if value is not None}


_REPLACED = (
    "ScheduleExpression",
    "ScheduleExpressionTimezone",
    "StartDate",
    "EndDate",
    "Description",
    "KmsKeyArn",
    "FlexibleTimeWindow",
    "Target",
    "ActionAfterCompletion",
    "GroupName",
)


def replaced(told: Mapping[str, Any], *, state: str) -> dict[str, Any]:
    """The body of an UpdateSchedule that changes the state and nothing else: all else must be said again."""
    return {**{name: told[name] for name in _REPLACED if name in told}, "State": state}


def looks_like_an_expression(words: Sequence[str]) -> bool:
    """Whether that is an expression rather than the name of a schedule."""
    return len(words) > 1 or "(" in words[0]
