"""A schedule as the state snapshot and DescribeSchedule have it: a frozen value. Never here: fetching and wording."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Waiting:
    """A due time whose RunTask call was not accepted yet."""

    scheduled_time: float
    next_try_at: float
    attempts: int
    reason: str


@dataclass(frozen=True, slots=True)
class Schedule:
    """Times in seconds since the epoch. DescribeSchedule alone tells `started_by`, `waiting` and `dead_letters`."""

    name: str
    arn: str
    group: str
    expression: str
    timezone: str
    is_enabled: bool
    next_due_at: float | None
    last_ran_at: float | None
    cluster: str
    task_definition: str
    count: int
    window_minutes: int
    start_date: float | None
    end_date: float | None
    runs: int
    missed: int
    dropped: int
    retrying: int
    reason: str
    started_by: str = ""
    waiting: Sequence[Waiting] = ()
    dead_letters: Sequence[Mapping[str, Any]] = ()  # newest first
    raw: Mapping[str, Any] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """Its name, with its group where that is not the default one."""
        return self.name if self.group == "default" else f"{self.group}/{self.name}"

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Schedule:
        """The schedule in a JSON object of either."""
        return cls(
            name=raw["name"],
            arn=raw["arn"],
            group=raw["group"],
            expression=raw["expression"],
            timezone=raw["timezone"],
            is_enabled=raw["state"] == "ENABLED",
            next_due_at=raw.get("nextDueAt"),
            last_ran_at=raw.get("lastRanAt"),
            cluster=raw["cluster"],
            task_definition=raw["taskDefinition"].rsplit("/", 1)[-1],
            count=raw["count"],
            window_minutes=raw["windowMinutes"],
            start_date=raw.get("startDate"),
            end_date=raw.get("endDate"),
            runs=raw["runs"],
            missed=raw["missed"],
            dropped=raw["dropped"],
            retrying=raw["retrying"],
            reason=raw.get("reason") or "",
            started_by=raw.get("startedBy") or "",
            waiting=tuple(
                Waiting(item["scheduledTime"], item["nextTryAt"], item["attempts"], item.get("reason") or "")
                for item in raw.get("open") or ()
            ),
            dead_letters=tuple(raw.get("deadLetters") or ()),
            raw=raw,
        )
