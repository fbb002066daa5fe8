"""The nouns of EventBridge Scheduler, frozen, and what can be read off one of them. Beside `model.py`, those of ECS.

Sources: the Scheduler API reference; its User Guide, "Managing targets", "Configuring a schedule's dead-letter queue".
When an expression is due says `schedule.py`, what follows `schedule_plan.py`. Times are seconds since the epoch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from chaos_ecs.core.placement_rules import PlacementWishes
from chaos_ecs.core.schedule import BEFORE_ALL, At, Expression, coming, next_due, parse

DEFAULT_GROUP = "default"
MAXIMUM_RETRY_ATTEMPTS = 185
MAXIMUM_EVENT_AGE_SECONDS = 86400
"""What GetSchedule tells of a schedule that says nothing of it."""

STARTED_BY_LENGTH = 36
"""Tasks on AWS carry `chronos-schedule/NAME` in startedBy, cut after so many characters. Seen in public logs of
DescribeTasks (chronos-schedule/gold-coast-data-lak); in no document of AWS."""

FIRST_RETRY_SECONDS = 1
LONGEST_RETRY_SECONDS = 488
"""AWS says "exponential backoff" and no numbers. After 1, 2, 4, ... 256 s each further one after 488 s: so 185 of them
take 86,399 s, and both of AWS's limits are met at once."""

DEAD_LETTERS_KEPT = 20

Tags = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class RunTarget:
    """API_Target with its EcsParameters: the RunTask call that an invocation makes. `task_definition` and `input` are
    as they were written: what they mean is looked up when the schedule is due."""

    cluster_arn: str
    task_definition: str
    count: int = 1
    launch_type: str = "EC2"
    takes_default: bool = False  # without a strategy the cluster's own: no launch type was given
    group: str = ""
    tags: Tags = ()
    propagates_tags: bool = False  # PropagateTags TASK_DEFINITION
    has_network: bool = False  # NetworkConfiguration was given
    input: str = ""
    maximum_retry_attempts: int = MAXIMUM_RETRY_ATTEMPTS
    maximum_event_age_seconds: int = MAXIMUM_EVENT_AGE_SECONDS
    dead_letter_arn: str = ""
    placement: PlacementWishes = PlacementWishes()


@dataclass(frozen=True, slots=True)
class ScheduleDesign:
    """All that CreateSchedule and UpdateSchedule say of a schedule."""

    expression: str
    target: RunTarget
    timezone: str = "UTC"
    start_date: float | None = None
    end_date: float | None = None
    window_minutes: int = 0  # FlexibleTimeWindow; 0: OFF
    enabled: bool = True
    deletes_itself: bool = False  # ActionAfterCompletion DELETE
    registered: str = "{}"  # the request, JSON: returned by GetSchedule, never read by the core


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An invocation that was given up, with the attributes of AWS's dead-letter event."""

    due: float
    at: float
    code: str
    message: str
    condition: str  # MaximumRetryAttempts or MaximumEventAgeInSeconds
    retries: int
    execution_id: str


@dataclass(frozen=True, slots=True)
class Schedule:
    """`considered_until` is the last due time that was dealt with, or from when on they count; None: none yet.

    Every due time is dealt with once: it is opened as an Invocation, or counted as missed. So the numbers add up:
    opened due times are `runs`, `dropped`, `cancelled` and the Invocations that are there.
    """

    arn: str
    name: str
    group_arn: str
    design: ScheduleDesign
    created_at: float
    modified_at: float
    client_token: str = ""
    considered_until: float | None = None
    last_ran_at: float | None = None
    runs: int = 0
    calls: int = 0  # of RunTask, refused ones too
    missed: int = 0
    dropped: int = 0
    cancelled: int = 0  # open ones that ended when it was disabled
    dead_letters: tuple[DeadLetter, ...] = ()  # newest first, where there is a DeadLetterConfig

    @property
    def key(self) -> str:
        return self.arn

    @property
    def has_begun(self) -> bool:
        """Whether it was ever due."""
        return bool(self.runs or self.missed or self.dropped)

    def next_due(self, after: float | None = None) -> float | None:
        """When it is due next, later than `after` (None: than what was dealt with), enabled or not."""
        since = self.considered_until if after is None else after
        return _next_due(self.design.expression, since, self.created_at, *_limits(self.design))

    def coming(self, after: float) -> Iterator[float]:
        """All times at which it is due later than `after`, enabled or not: for whoever wants more than one."""
        expression, (timezone, start, end) = expression_of(self.design.expression), _limits(self.design)
        return coming(expression, after, created_at=self.created_at, timezone=timezone, start_date=start, end_date=end)

    def invoked_at(self, due: float) -> float:
        """When that due time is to be invoked: then, or at a moment of its flexible window, which is drawn without
        dice. EndDate is "the date, in UTC, before which the schedule can invoke its target" (API_CreateSchedule)."""
        seconds = self.design.window_minutes * 60
        if not seconds:
            return due
        drawn = hashlib.blake2b(f"{self.arn}/{self.created_at}/{due}".encode(), digest_size=4).digest()
        at = due + int(int.from_bytes(drawn) / 2**32 * seconds)
        end = self.design.end_date
        is_once = isinstance(expression_of(self.design.expression), At)  # of which EndDate is ignored
        return at if end is None or is_once else max(due, min(at, end))


@dataclass(frozen=True, slots=True)
class Invocation:
    """A due time whose RunTask call was not accepted yet: it waits for its window, or for a retry."""

    key: str  # SCHEDULE_ARN#DUE
    schedule_arn: str
    due: float
    invoked_at: float  # from when the age of the event counts
    next_try_at: float
    attempts: int = 0
    tried_at: float | None = None
    code: str = ""  # of the last refusal
    message: str = ""

    @property
    def execution_id(self) -> str:
        """Of the next attempt: 16 hexadecimal digits, as AWS has them ("for each attempted invocation")."""
        return hashlib.blake2b(f"{self.key}/{self.attempts}".encode(), digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True)
class ScheduleGroup:
    """`default` is none of these: it is always there, and nothing can be done to it."""

    arn: str
    name: str
    created_at: float
    modified_at: float
    state: str = "ACTIVE"  # or DELETING
    tags: Tags = ()
    client_token: str = ""

    @property
    def key(self) -> str:
        return self.arn


def invocation_key(schedule_arn: str, due: float) -> str:
    return f"{schedule_arn}#{due!r}"


def retry_delay(attempts: int) -> int:
    """The wait after so many attempts: 1, 2, 4, ... 256, then 488 seconds."""
    return min(LONGEST_RETRY_SECONDS, FIRST_RETRY_SECONDS << min(attempts - 1, 9))


def started_by(name: str) -> str:
    """Task.startedBy of what a schedule runs."""
    return f"chronos-schedule/{name}"[:STARTED_BY_LENGTH]


def utc(at: float) -> str:
    """2022-03-22T18:59:43Z, as Scheduler writes times.

    Days to dates by the civil calendar: years begin in March, so a leap day is the last of its year.
    """
    days, second = divmod(int(at // 1), 86400)
    era, day_of_era = divmod(days + 719468, 146097)  # 400 years each, from 0000-03-01
    year = (day_of_era - day_of_era // 1460 + day_of_era // 36524 - day_of_era // 146096) // 365
    day_of_year = day_of_era - (365 * year + year // 4 - year // 100)
    month = (5 * day_of_year + 2) // 153  # 0: March
    day = day_of_year - (153 * month + 2) // 5 + 1
    calendar_year = year + era * 400 + (month >= 10)
    hour, minute = second // 3600, second // 60 % 60
    return f"{calendar_year:04d}-{(month + 2) % 12 + 1:02d}-{day:02d}T{hour:02d}:{minute:02d}:{second % 60:02d}Z"


def dead_letter_attributes(schedule: Schedule, letter: DeadLetter) -> Mapping[str, str]:
    """User Guide, "Retrieve the dead-letter event": the attributes of the SQS message, which here is kept instead."""
    return {
        "ERROR_CODE": letter.code,
        "ERROR_MESSAGE": letter.message,
        "EXECUTION_ID": letter.execution_id,
        "EXHAUSTED_RETRY_CONDITION": letter.condition,
        "IS_PAYLOAD_TRUNCATED": "false",
        "RETRY_ATTEMPTS": str(letter.retries),
        "SCHEDULED_TIME": utc(letter.due),
        "SCHEDULE_ARN": schedule.arn,
        "TARGET_ARN": schedule.design.target.cluster_arn,
    }


def _limits(design: ScheduleDesign) -> tuple[str, float | None, float | None]:
    return design.timezone, design.start_date, design.end_date


@lru_cache(maxsize=4096)
def _next_due(
    expression: str, since: float | None, created_at: float, timezone: str, start: float | None, end: float | None
) -> float | None:
    """Kept, because every look at the state asks again."""
    return next_due(
        expression_of(expression),
        BEFORE_ALL if since is None else since,
        created_at=created_at,
        timezone=timezone,
        start_date=start,
        end_date=end,
    )


@lru_cache(maxsize=1024)
def expression_of(text: str) -> Expression:
    """What an expression that was taken says."""
    return parse(text)
