"""What is said of schedules and of their coming times: values in, text out. Pure, but for the zone of this machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from zoneinfo import ZoneInfo

from chaos_ecs.cli.line import clock
from chaos_ecs.cli.output import table
from chaos_ecs.cli.schedule_view import Schedule
from chaos_ecs.cli.snapshot import name_of
from chaos_ecs.cli.text import counted, folded

_DAY_SECONDS = 86400
_MOST_WAITING = 5


def when(expression: str, timezone: str) -> str:
    return expression if timezone == "UTC" else f"{expression} {timezone}"


def left(at: float, now: float) -> str:
    """How long it is until then: 58s, 14:02, 3 days."""
    wait = max(0.0, at - now)
    if wait < 60:
        return f"in {wait:.0f}s"
    return f"in {clock(wait)}" if wait < _DAY_SECONDS else f"in {counted(int(wait // _DAY_SECONDS), 'day')}"


def told(schedule: Schedule, now: float) -> str:
    """What is next of a schedule."""
    if not schedule.is_enabled:
        return "paused"
    if schedule.retrying:
        return f"{schedule.retrying} retrying"
    return "never" if schedule.next_due_at is None else left(schedule.next_due_at, now)


def row(chosen: Sequence[Schedule], now: float, width: int) -> str:
    """In one row: what waits for a retry first, then by what is due next; as many as fit, and how many more."""
    if not chosen:
        return ""
    first = sorted(chosen, key=lambda item: (not item.is_enabled, not item.retrying, item.next_due_at or 1e12))
    parts = [f"{item.label} {told(item, now)}" for item in first]
    for shown in range(len(parts), 1, -1):
        text = _joined(parts, shown)
        if len(text) <= width:
            return text
    return _joined(parts, 1)


def _joined(parts: Sequence[str], shown: int) -> str:
    more = len(parts) - shown
    return "  ".join([*parts[:shown], *([f"+{more} more"] if more else [])])


def listing(chosen: Sequence[Schedule], now: float, cluster: str, *, width: int | None = None) -> str:
    """One row a schedule; the cluster stands there where one runs its tasks in another than `cluster` (a name)."""
    elsewhere = any(name_of(schedule.cluster) != cluster for schedule in chosen)
    head = ["SCHEDULE", "NEXT", "RUNS", "LAST", "MISSED", "GAVE UP", *(["CLUSTER"] if elsewhere else [])]
    head += ["TASK DEFINITION", "WHEN"]
    body = [
        [
            schedule.label,
            told(schedule, now),
            str(schedule.runs),
            "-" if schedule.last_ran_at is None else f"{clock(now - schedule.last_ran_at)} ago",
            str(schedule.missed),
            str(schedule.dropped),
            *([name_of(schedule.cluster)] if elsewhere else []),
            schedule.task_definition + (f" x{schedule.count}" if schedule.count > 1 else ""),
            when(schedule.expression, schedule.timezone),
        ]
        for schedule in chosen
    ]
    return table(head, body, width=width, fold=("TASK DEFINITION", "LAST", "MISSED", "GAVE UP", "CLUSTER", "RUNS"))


def described(schedule: Schedule, times: Sequence[float], now: float, *, width: int | None = None) -> list[str]:
    """All of it: what it runs, when, what waits and what was given up."""
    tasks = f"{schedule.task_definition}, {counted(schedule.count, 'task')} in {schedule.cluster.rpartition('/')[2]}"
    rows = [
        ("schedule", schedule.label),
        ("arn", schedule.arn),
        ("runs", f"{tasks}, startedBy {schedule.started_by}"),
        ("when", when(schedule.expression, schedule.timezone)),
        ("window", f"any moment of {counted(schedule.window_minutes, 'minute')}" if schedule.window_minutes else ""),
        ("begins", "" if schedule.start_date is None else utc(schedule.start_date)),
        ("ends", "" if schedule.end_date is None else utc(schedule.end_date)),
        ("state", "ENABLED" if schedule.is_enabled else "DISABLED: paused"),
        ("next", "" if not schedule.is_enabled else _next(schedule, now)),
        ("ran", _ran(schedule, now)),
        ("missed", f"{schedule.missed}: nobody was there, or the machine slept" if schedule.missed else ""),
        ("gave up", f"{schedule.dropped}: RunTask was refused for too long" if schedule.dropped else ""),
    ]
    lines = [
        line
        for name, text in rows
        if text
        for line in folded(text, width or 1000, first=f"{name:<10}", further=" " * 10)
    ]
    lines += _waiting(schedule, now, width)
    lines += _letters(schedule, width)
    return [*lines, "", coming(times, schedule.timezone, now, width=width)] if times else lines


def _next(schedule: Schedule, now: float) -> str:
    if schedule.next_due_at is None:
        return "never again"
    return f"{left(schedule.next_due_at, now)}, {utc(schedule.next_due_at)}"


def _ran(schedule: Schedule, now: float) -> str:
    times = counted(schedule.runs, "time")
    return times if schedule.last_ran_at is None else f"{times}, last {clock(now - schedule.last_ran_at)} ago"


def _waiting(schedule: Schedule, now: float, width: int | None) -> list[str]:
    rows = [
        (
            utc(item.scheduled_time),
            str(item.attempts),
            left(item.next_try_at, now),
            item.reason or "waits for its moment of the window",
        )
        for item in schedule.waiting[:_MOST_WAITING]
    ]
    if not rows:
        return []
    told = ["", table(("WAITS", "TRIED", "NEXT", "WHY"), rows, width=width, fold=("TRIED",))]
    more = len(schedule.waiting) - _MOST_WAITING
    return [*told, f"and {more} more"] if more > 0 else told


def _letters(schedule: Schedule, width: int | None) -> list[str]:
    """Dead letters with AWS's attributes; there is no queue here to read them from."""
    rows = []
    for letter in schedule.dead_letters:
        said: Mapping[str, str] = letter["attributes"]
        why = f"{said['ERROR_CODE']}: {said['ERROR_MESSAGE']}"
        rows.append((said["SCHEDULED_TIME"], said["RETRY_ATTEMPTS"], said["EXHAUSTED_RETRY_CONDITION"], why))
    head = ("DEAD LETTER", "RETRIES", "EXHAUSTED", "WHY")
    return ["", table(head, rows, width=width, fold=("EXHAUSTED", "RETRIES"))] if rows else []


# --- coming times ---


def utc(at: float) -> str:
    return _shown(at, UTC).removesuffix(" +00:00") + "Z"


def coming(
    times: Sequence[float], timezone: str, now: float, *, width: int | None = None, here: tzinfo | None = None
) -> str:
    """One row a time: on the clocks of the schedule's zone with their offset, and on this machine's where they differ.

    A jump of the clocks is told at the first time after it. `here` is the zone of this machine.
    """
    zone = ZoneInfo(timezone)
    shown = [_shown(at, zone) for at in times]
    local = [_shown(at, here) for at in times]
    jumps = _jumps(times, zone)
    differs = shown != local
    head = (timezone, *(("here",) if differs else ()), "IN", "")
    rows = [
        (shown[i], *((local[i],) if differs else ()), left(times[i], now).removeprefix("in "), jumps[i])
        for i in range(len(times))
    ]
    if not any(jumps):
        head, rows = head[:-1], [row[:-1] for row in rows]
    return table(head, rows, width=width, fold=("here", "IN"))


def _shown(at: float, zone: tzinfo | None) -> str:
    """2027-03-28 03:30 +02:00; with seconds where there are any. None: the zone of this machine."""
    moment = datetime.fromtimestamp(at, UTC).astimezone(zone)
    offset = moment.strftime("%z")
    text = moment.strftime("%Y-%m-%d %H:%M:%S" if moment.second else "%Y-%m-%d %H:%M")
    return f"{text} {offset[:3]}:{offset[3:5]}"


def _jumps(times: Sequence[float], zone: tzinfo) -> list[str]:
    """What the clocks did between a time and the one before it."""
    offsets = [datetime.fromtimestamp(at, UTC).astimezone(zone).utcoffset() or timedelta() for at in times]
    return ["", *(_jump((after - before) // timedelta(minutes=1)) for before, after in pairwise(offsets))]


def _jump(minutes: int) -> str:
    """Worked example: 60 -> the clocks go forward 1 h."""
    if not minutes:
        return ""
    word, size = "forward" if minutes > 0 else "back", abs(minutes)
    return f"the clocks go {word} {size} min" if size % 60 else f"the clocks go {word} {size // 60} h"
