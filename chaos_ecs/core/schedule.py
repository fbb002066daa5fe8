"""EventBridge Scheduler's schedule expressions: rate(5 minutes), cron(0 9 ? * MON-FRI *), at(2026-12-24T18:00:00).

Sources: the Scheduler User Guide, "Schedule types in EventBridge Scheduler"; API_CreateSchedule; the EventBridge User
Guide's cron examples. AWS's cron is Quartz's without seconds, and less: taken is what Quartz takes and AWS's table
lists, so that what runs here runs there (`decisions/067-schedule-expressions.md`). Never here: what a schedule starts,
and the clock. This is the one pure module that may import `datetime` and `zoneinfo`, for calendars only.

    >>> cron = parse("cron(30 2 * * ? *)")
    >>> next_due(cron, after, created_at=created_at, timezone="Europe/Berlin")
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

FIRST_YEAR, LAST_YEAR = 1970, 2199
LONGEST_EXPRESSION = 256
BEFORE_ALL = -math.inf
"""An `after` for what has never run yet."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST = -86400.0  # the year 1970 begins somewhere
_LATEST = datetime(LAST_YEAR + 1, 1, 2, tzinfo=UTC).timestamp()  # and 2199 has ended everywhere

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
"""Numbered from 1: 1 is SUN, 7 is SAT."""


class ScheduleError(ValueError):
    """A refusal: its text is AWS's, which does not say what is wrong; `why` does."""

    def __init__(self, message: str, why: str) -> None:
        super().__init__(message)
        self.why = why


# --- what an expression says ---


@dataclass(frozen=True, slots=True)
class Rate:
    """rate(5 minutes). A day is 24 hours, whatever the clocks do."""

    value: int
    unit: str  # minute, hour or day

    @property
    def seconds(self) -> int:
        return self.value * {"minute": 60, "hour": 3600, "day": 86400}[self.unit]


@dataclass(frozen=True, slots=True)
class At:
    """at(yyyy-mm-ddThh:mm:ss), on the clocks of the schedule's time zone."""

    wall: datetime  # naive


@dataclass(frozen=True, slots=True)
class DaysOfMonth:
    """1,15 or 10-20 or *. The 31st of a shorter month is skipped."""

    days: tuple[int, ...]

    def of(self, year: int, month: int) -> tuple[int, ...]:
        last = monthrange(year, month)[1]
        return tuple(day for day in self.days if day <= last)


@dataclass(frozen=True, slots=True)
class LastDay:
    """L"""

    def of(self, year: int, month: int) -> tuple[int, ...]:
        return (monthrange(year, month)[1],)


@dataclass(frozen=True, slots=True)
class LastWeekday:
    """LW: the last Monday to Friday."""

    def of(self, year: int, month: int) -> tuple[int, ...]:
        last = monthrange(year, month)[1]
        return (last - max(0, _weekday(year, month, last) - 4),)


@dataclass(frozen=True, slots=True)
class NearestWeekday:
    """15W: Saturday the 15th becomes Friday the 14th, Sunday the 15th Monday the 16th, never in another month.

    1W on a Saturday is Monday the 3rd. A month without that day is skipped: 31W never runs in April.
    """

    day: int

    def of(self, year: int, month: int) -> tuple[int, ...]:
        last = monthrange(year, month)[1]
        if self.day > last:
            return ()
        weekday = _weekday(year, month, self.day)
        if weekday == 5:
            return (self.day - 1 if self.day > 1 else 3,)
        if weekday == 6:
            return (self.day + 1 if self.day < last else last - 2,)
        return (self.day,)


@dataclass(frozen=True, slots=True)
class DaysOfWeek:
    """MON-FRI or 2,4 or *. L alone is SAT."""

    weekdays: tuple[int, ...]

    def of(self, year: int, month: int) -> tuple[int, ...]:
        last = monthrange(year, month)[1]
        first = _weekday(year, month, 1)
        return tuple(day for day in range(1, last + 1) if (first + day) % 7 + 1 in self.weekdays)


@dataclass(frozen=True, slots=True)
class LastOfWeekday:
    """6L: the last Friday."""

    weekday: int

    def of(self, year: int, month: int) -> tuple[int, ...]:
        return DaysOfWeek((self.weekday,)).of(year, month)[-1:]


@dataclass(frozen=True, slots=True)
class NthWeekday:
    """6#3: the third Friday. A month without a fifth is skipped."""

    weekday: int
    nth: int

    def of(self, year: int, month: int) -> tuple[int, ...]:
        return DaysOfWeek((self.weekday,)).of(year, month)[self.nth - 1 : self.nth]


Days = DaysOfMonth | LastDay | LastWeekday | NearestWeekday | DaysOfWeek | LastOfWeekday | NthWeekday


@dataclass(frozen=True, slots=True)
class Cron:
    """cron(minutes hours day-of-month month day-of-week year). `days` is the one of the two that is not ?."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: Days
    months: tuple[int, ...]
    years: tuple[int, ...]
    written: tuple[str, ...]  # the six fields, as they were


Expression = Rate | Cron | At


def _weekday(year: int, month: int, day: int) -> int:
    """Python's: 0 is Monday, 6 is Sunday."""
    return date(year, month, day).weekday()


# --- from text ---


@dataclass(frozen=True, slots=True)
class _Field:
    """One of the six, and what may stand in it. Steps above `longest_step` are refused, as Quartz refuses them."""

    name: str
    low: int
    high: int
    longest_step: int
    names: tuple[str, ...] = ()


_MINUTES = _Field("minutes", 0, 59, 59)
_HOURS = _Field("hours", 0, 23, 23)
_DAY_OF_MONTH = _Field("day-of-month", 1, 31, 31)
_MONTH = _Field("month", 1, 12, 12, MONTHS)
_DAY_OF_WEEK = _Field("day-of-week", 1, 7, 0, WEEKDAYS)  # AWS's table lists no / here
_YEAR = _Field("year", FIRST_YEAR, LAST_YEAR, LAST_YEAR)

_RATE = re.compile(r"rate\(([0-9]+) (minute|hour|day)s?\)")
_AT = re.compile(r"at\(([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})\)")
_CRON = re.compile(r"cron\((\S+(?:[ \t]+\S+)*)\)")
_ITEM = re.compile(r"(?:\*|([0-9]+|[A-Z]+)(?:-([0-9]+|[A-Z]+))?)(?:/([0-9]+))?")
_ZONE = re.compile(r"[A-Z][A-Za-z0-9_+/-]{0,49}")

_FORMS = "an expression is rate(value unit), cron(fields) or at(yyyy-mm-ddThh:mm:ss)"
_SIX = "a cron expression consists of six fields: minutes hours day-of-month month day-of-week year"
_ONE_QUESTION = (
    "you can't use values or * in both the Day-of-month and Day-of-week fields: if you use them in one, you must use ? "
    "in the other"
)


class _RefusalError(Exception):
    """Why; `parse` knows the expression."""


def parse(expression: str) -> Expression:
    """What an expression says. Raises ScheduleError in AWS's words, whatever the text."""
    try:
        return _parsed(expression)
    except _RefusalError as refused:
        raise ScheduleError(f"Invalid Schedule Expression {expression}.", str(refused)) from None


def _parsed(expression: str) -> Expression:
    if len(expression) > LONGEST_EXPRESSION or not expression.isascii():
        raise _RefusalError(f"an expression has at most {LONGEST_EXPRESSION} characters, all of them ASCII")
    if expression.startswith("rate("):
        return _rate(expression)
    if expression.startswith("cron("):
        return _cron(expression)
    if expression.startswith("at("):
        return _at(expression)
    raise _RefusalError(_FORMS)


def _rate(expression: str) -> Rate:
    """Singular and plural as one likes: API_CreateSchedule lists both. EventBridge rules are stricter."""
    match = _RATE.fullmatch(expression)
    if not match:
        raise _RefusalError("a rate is rate(value unit): one blank, and minute, minutes, hour, hours, day or days")
    value = int(match[1])
    if not value:
        raise _RefusalError("the value of a rate is a positive number")
    return Rate(value, match[2])


def _at(expression: str) -> At:
    match = _AT.fullmatch(expression)
    if not match:
        raise _RefusalError("a one-time schedule is at(yyyy-mm-ddThh:mm:ss), without zone and fractions of seconds")
    try:
        return At(datetime.fromisoformat(match[1]))
    except ValueError:
        raise _RefusalError(f"{match[1]} is no date and time") from None


def _cron(expression: str) -> Cron:
    match = _CRON.fullmatch(expression)
    written = tuple(match[1].split()) if match else ()
    if len(written) != 6:
        raise _RefusalError(f"{_SIX}; these are {len(written)}" if match else _SIX)
    minutes, hours, day_of_month, month, day_of_week, year = (text.upper() for text in written)
    if (day_of_month == "?") == (day_of_week == "?"):
        raise _RefusalError(
            _ONE_QUESTION if day_of_week != "?" else "only one of Day-of-month and Day-of-week can be ?"
        )
    return Cron(
        minutes=_values(_MINUTES, minutes),
        hours=_values(_HOURS, hours),
        days=_days_of_month(day_of_month) if day_of_week == "?" else _days_of_week(day_of_week),
        months=_values(_MONTH, month),
        years=_values(_YEAR, year),
        written=written,
    )


def _days_of_month(text: str) -> Days:
    if text == "L":
        return LastDay()
    if text == "LW":
        return LastWeekday()
    if match := re.fullmatch(r"([0-9]+)W", text):
        return NearestWeekday(_number(_DAY_OF_MONTH, match[1]))
    if "L" in text or "W" in text:
        raise _RefusalError(f"{_DAY_OF_MONTH.name}: L, LW and a day with W stand alone, so {text} is not valid")
    return DaysOfMonth(_values(_DAY_OF_MONTH, text))


def _days_of_week(text: str) -> Days:
    if text == "L":
        return DaysOfWeek((7,))
    if match := re.fullmatch(r"([0-9]+|[A-Z]{3})L", text):
        return LastOfWeekday(_number(_DAY_OF_WEEK, match[1]))
    if match := re.fullmatch(r"([0-9]+|[A-Z]{3})#([0-9]+)", text):
        if match[2] not in {"1", "2", "3", "4", "5"}:
            raise _RefusalError(f"{_DAY_OF_WEEK.name}: a number from 1 to 5 follows #, so {text} is not valid")
        return NthWeekday(_number(_DAY_OF_WEEK, match[1]), int(match[2]))
    if "#" in text:
        raise _RefusalError(
            "if you use a '#' character, you can define only one expression in the day-of-week field, "
            f"so {text} is not valid"
        )
    return DaysOfWeek(_values(_DAY_OF_WEEK, text))


def _values(field: _Field, text: str) -> tuple[int, ...]:
    """The numbers that a list of values, ranges and steps stands for, in order.

    22-2 in the hours is 22,23,0,1,2, and FRI-MON is 6,7,1,2: AWS's guide has such a range among its examples.
    """
    numbers: list[int] = []
    for item in text.split(","):
        match = _ITEM.fullmatch(item)
        if not match:
            raise _RefusalError(f"{field.name}: {item or 'nothing'} is not valid here")
        first, last, step = match.groups()
        numbers += _item(field, item, first, last, step)
    return tuple(sorted(set(numbers)))


def _item(field: _Field, item: str, first: str | None, last: str | None, step: str | None) -> Iterator[int]:
    """One element of a list. A step after a name is refused: Quartz takes it, and forgets it."""
    if first and last and first.isalpha() != last.isalpha():
        raise _RefusalError(f"{field.name}: two names or two numbers make a range, so {item} is not valid")
    if first and first.isalpha() and step:
        raise _RefusalError(f"{field.name}: a step follows a number or *, so {item} is not valid")
    stride = _step(field, step) if step else 1
    low = _number(field, first) if first else field.low
    if last:
        high = _number(field, last)
    else:
        high = low if first and not step else field.high
    size = field.high - field.low + 1
    if high < low and field is _YEAR:
        raise _RefusalError(f"{field.name}: {item} ends before it begins")
    if high < low:
        high += size
    return (field.low + (number - field.low) % size for number in range(low, high + 1, stride))


def _step(field: _Field, text: str) -> int:
    if not field.longest_step:
        raise _RefusalError(f"{field.name}: the / wildcard is not valid here")
    step = int(text)
    if not 1 <= step <= field.longest_step:
        raise _RefusalError(f"{field.name}: an increment of {text} is not within 1-{field.longest_step}")
    return step


def _number(field: _Field, text: str) -> int:
    if text in field.names:
        return field.names.index(text) + 1
    if text.isdigit() and len(text) <= len(str(field.high)) and field.low <= int(text) <= field.high:
        return int(text)
    names = f" or {field.names[0]}-{field.names[-1]}" if field.names else ""
    raise _RefusalError(f"{field.name}: {text} is not within {field.low}-{field.high}{names}")


# --- time zones ---


def zone(timezone: str) -> ZoneInfo:
    """The time zone of an IANA name. Raises ScheduleError; the wording is ours, AWS's is not documented.

    Names of files that are no time zones, of this machine (`localtime`) or of nowhere, are refused too.
    """
    try:
        if _ZONE.fullmatch(timezone):
            return ZoneInfo(timezone)
    except (KeyError, ValueError, OSError):
        pass
    raise ScheduleError(
        f"Invalid Schedule Expression Timezone {timezone}.", "a time zone is an IANA name, such as Europe/Berlin or UTC"
    )


def check_dates(start: float | None, end: float | None) -> None:
    """Raises ScheduleError for a StartDate or an EndDate that no calendar here has; the wording is ours."""
    for name, at in (("StartDate", start), ("EndDate", end)):
        if at is not None and not _EARLIEST < at < _LATEST:
            raise ScheduleError(
                f"The {name} you specify is not within the years {FIRST_YEAR} to {LAST_YEAR}.",
                "dates are seconds since 1970",
            )


# --- when it is due ---


def next_due(
    expression: Expression,
    after: float,
    *,
    created_at: float,
    timezone: str = "UTC",
    start_date: float | None = None,
    end_date: float | None = None,
) -> float | None:
    """When the schedule is due for the first time later than `after`, in epoch seconds; None: never again.

    Nothing is due before the schedule was created. A rate begins at its StartDate, or at once, so the first run of
    one comes with BEFORE_ALL. A one-time schedule ignores StartDate and EndDate; one in the past never runs. AWS
    invokes anywhere between :00 and :59 of the minute; here a cron is due at :00.
    """
    times = coming(
        expression, after, created_at=created_at, timezone=timezone, start_date=start_date, end_date=end_date
    )
    return next(times, None)


def coming(
    expression: Expression,
    after: float = BEFORE_ALL,
    *,
    created_at: float,
    timezone: str = "UTC",
    start_date: float | None = None,
    end_date: float | None = None,
) -> Iterator[float]:
    """All times at which it is due later than `after`, in order; there may be millions."""
    if isinstance(expression, At):
        due = _instant(expression.wall, zone(timezone))
        if due is not None and due > after and due >= created_at:
            yield due
        return
    anchor = created_at if start_date is None else max(start_date, _EARLIEST)  # floats of long ago have no minutes
    begin = max(created_at, anchor)
    if max(after, begin) >= _LATEST:
        return
    if isinstance(expression, Rate):
        times = _times_of_rate(expression.seconds, after, begin, anchor)
    else:
        earliest = max(after, begin - 1, _EARLIEST)
        times = _times_of_cron(expression, max(math.floor(earliest) + 1, math.ceil(begin)), zone(timezone))
    for due in times:
        if due >= _LATEST or (end_date is not None and due > end_date):
            return
        assert due > after, f"{expression}: {due} does not follow {after}"  # or whoever counts would never end
        yield due
        after = due


def _times_of_rate(seconds: int, after: float, begin: float, anchor: float) -> Iterator[float]:
    """rate(5 minutes) anchored at 12:00: 12:00, 12:05, ... Clocks that are put forward or back change nothing."""
    count = math.ceil((begin - anchor) / seconds)
    if after >= anchor:
        count = max(count, math.floor((after - anchor) / seconds) + 1)
    if (due := anchor + count * seconds) <= after or due < begin:  # fractions are rounded
        count += 1
    while True:
        yield anchor + count * seconds
        count += 1


def _times_of_cron(cron: Cron, earliest: int, tz: ZoneInfo) -> Iterator[float]:
    """From `earliest` on. What came before is stepped over by year, day and hour: at every look somebody waits."""
    begin = (_EPOCH + timedelta(seconds=earliest)).astimezone(tz)
    for day in _dates(cron, begin.date()):
        is_first = day == begin.date()
        for hour in _since(cron.hours, begin.hour if is_first else 0):
            minutes = _since(cron.minutes, begin.minute if is_first and hour == begin.hour else 0)
            if len(minutes) > 1 and _is_skipped(day, hour, minutes, tz):
                continue
            for minute in minutes:
                due = _instant(datetime(day.year, day.month, day.day, hour, minute), tz)  # noqa: DTZ001
                if due is not None and due >= earliest:
                    yield due


def _is_skipped(day: date, hour: int, minutes: tuple[int, ...], tz: ZoneInfo) -> bool:
    """Whether the clocks jump over all of them, which they do where they jump over the first and the last."""
    ends = (minutes[0], minutes[-1])
    return all(_instant(datetime.combine(day, time(hour, minute)), tz) is None for minute in ends)


def _dates(cron: Cron, begin: date) -> Iterator[date]:
    for year in _since(cron.years, begin.year):
        for month in _since(cron.months, begin.month if year == begin.year else 1):
            is_first = (year, month) == (begin.year, begin.month)
            for number in _since(cron.days.of(year, month), begin.day if is_first else 1):
                yield date(year, month, number)


def _since(numbers: tuple[int, ...], first: int) -> tuple[int, ...]:
    """Those of them, which are in order, that are not before the first one."""
    return numbers[bisect_left(numbers, first) :]


def _instant(wall: datetime, tz: ZoneInfo) -> float | None:
    """When the clocks of a time zone show that; None: they never do.

    Scheduler User Guide, "Daylight savings time": "When time shifts forward in the Spring, if a cron expression falls
    on a non-existent date and time, your schedule invocation is skipped. When time shifts backwards in the Fall, your
    schedule runs only once and does not repeat its invocation", and its example: once "before the shift occurs", which
    is `fold=0`. What an at() that falls into the gap does is not documented; it is skipped likewise.
    """
    before, after = wall.replace(tzinfo=tz, fold=0), wall.replace(tzinfo=tz, fold=1)
    offset_before, offset_after = before.utcoffset(), after.utcoffset()
    assert offset_before is not None
    assert offset_after is not None
    return None if offset_before < offset_after else before.timestamp()
