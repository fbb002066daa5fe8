"""When schedule expressions are due: by a table from Quartz, AWS's documents and GNU date, and by properties.

How the table was made stands at its top (`data/schedule_expressions.tsv`); no row's times come from our own code. The
properties ask a second, slow implementation that knows one thing only: whether a minute on the clock matches.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chaos_ecs.core import schedule
from chaos_ecs.core.schedule import (
    BEFORE_ALL,
    MONTHS,
    WEEKDAYS,
    At,
    Cron,
    DaysOfMonth,
    DaysOfWeek,
    LastDay,
    LastOfWeekday,
    LastWeekday,
    NearestWeekday,
    NthWeekday,
    Rate,
    ScheduleError,
    check_dates,
    coming,
    next_due,
    parse,
    zone,
)
from tests.counting import steps_in

DATA = Path(__file__).parent / "data"
NOW = datetime(2025, 1, 1, tzinfo=UTC).timestamp()


class Row(NamedTuple):
    expression: str
    timezone: str
    created: str
    start: str
    end: str
    after: str
    expected: str
    source: str


def _lines(name: str) -> Iterator[list[str]]:
    lines = (DATA / name).read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines if not line.startswith("#")]
    yield from rows[1:]


ROWS = [Row(*line) for line in _lines("schedule_expressions.tsv")]
REFUSALS = [(expression, why) for _, expression, why in _lines("schedule_refusals.tsv")]


def _at(text: str) -> float | None:
    return None if text == "-" else datetime.fromisoformat(text).timestamp()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.expression} {row.timezone} {row.after}")
def test_a_schedule_is_due_when_the_sources_say(row: Row) -> None:
    after = _at(row.after)
    created = _at(row.created)
    if created is None:
        created = after
    assert created is not None
    times = coming(
        parse(row.expression),
        BEFORE_ALL if after is None else after,
        created_at=created,
        timezone=row.timezone,
        start_date=_at(row.start),
        end_date=_at(row.end),
    )
    expected = row.expected.split()
    given = [datetime.fromtimestamp(due, ZoneInfo(row.timezone)) for due in islice(times, len(expected))]
    said = [datetime.fromisoformat(text) for text in expected if text != "-"]
    assert [time.isoformat() for time in given] == [time.isoformat() for time in said]


def test_the_table_is_as_large_as_it_should_be() -> None:
    recurring = [row for row in ROWS if row.expression.startswith(("cron", "rate"))]
    assert len(recurring) >= 240
    assert sum("aws" in row.source for row in recurring) >= 20  # clocks put back
    assert len(REFUSALS) >= 100


@pytest.mark.parametrize(("expression", "why"), REFUSALS, ids=[repr(expression) for expression, _ in REFUSALS])
def test_what_is_no_expression_is_refused_in_aws_words_and_ours_say_why(expression: str, why: str) -> None:
    with pytest.raises(ScheduleError) as refusal:
        parse(expression)
    assert str(refusal.value) == f"Invalid Schedule Expression {expression}."
    assert why in refusal.value.why


def test_an_expression_longer_than_the_api_takes_is_refused() -> None:
    parse(f"rate({'1' * 242} minutes)")
    with pytest.raises(ScheduleError, match="Invalid Schedule Expression"):
        parse(f"rate({'1' * 243} minutes)")


def test_what_was_parsed_can_be_told() -> None:
    assert parse("rate(5 minutes)") == Rate(5, "minute")
    assert parse("at(2026-12-24T18:00:00)") == At(datetime.fromisoformat("2026-12-24T18:00:00"))
    assert parse("cron(0/20 22-1 ? jan,7 Fri#2 2030-2031)") == Cron(
        minutes=(0, 20, 40),
        hours=(0, 1, 22, 23),
        days=NthWeekday(weekday=6, nth=2),
        months=(1, 7),
        years=(2030, 2031),
        written=("0/20", "22-1", "?", "jan,7", "Fri#2", "2030-2031"),
    )
    days = {
        text: parse(f"cron(0 0 {text} *)") for text in ("1,15 * ?", "L * ?", "LW * ?", "15W * ?", "? * L", "? * 6L")
    }
    assert [cron.days for cron in days.values() if isinstance(cron, Cron)] == [
        DaysOfMonth((1, 15)),
        LastDay(),
        LastWeekday(),
        NearestWeekday(15),
        DaysOfWeek((7,)),
        LastOfWeekday(6),
    ]


def test_a_rate_runs_at_once_and_then_at_its_interval() -> None:
    rate = parse("rate(5 minutes)")
    assert next_due(rate, BEFORE_ALL, created_at=NOW) == NOW
    assert next_due(rate, NOW, created_at=NOW) == NOW + 300
    assert next_due(rate, NOW + 299.9, created_at=NOW) == NOW + 300


def test_nothing_is_due_before_the_schedule_was_there() -> None:
    created_at = NOW + 30
    assert next_due(parse("cron(* * * * ? *)"), BEFORE_ALL, created_at=created_at) == NOW + 60
    assert next_due(parse("cron(* * * * ? *)"), BEFORE_ALL, created_at=NOW) == NOW
    assert next_due(parse("at(2025-01-01T00:00:29)"), BEFORE_ALL, created_at=created_at) is None
    assert next_due(parse("at(2025-01-01T00:00:30)"), BEFORE_ALL, created_at=created_at) == created_at


def test_the_last_minute_of_2199_is_the_last() -> None:
    end = datetime(2199, 12, 31, 23, 59, tzinfo=UTC).timestamp()
    assert list(islice(coming(parse("cron(* * * * ? *)"), end - 90, created_at=NOW), 5)) == [end - 60, end]
    assert next_due(parse("rate(1 minute)"), 1e300, created_at=NOW) is None
    assert next_due(parse(f"rate({'9' * 240} days)"), NOW, created_at=NOW) is None


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Mars/Olympus",
        "europe/berlin",
        "localtime",
        "posixrules",
        "../etc",
        "/etc/passwd",
        "America",
        "Europe//Berlin",
        "U\0TC",
    ],
)
def test_what_is_no_time_zone_is_refused(name: str) -> None:
    with pytest.raises(ScheduleError, match="Invalid Schedule Expression Timezone"):
        zone(name)


# --- properties ---

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "America/Havana")
NEAR_CHANGES = [
    datetime(2025, *day, tzinfo=UTC) for day in ((3, 8), (3, 29), (4, 5), (7, 1), (10, 4), (10, 25), (11, 1))
]


def _items(low: int, high: int, *, wraps: bool = True) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    pair = st.tuples(number, number).filter(lambda pair: wraps or pair[0] <= pair[1])
    step = st.integers(1, high - low if high < 100 else 60)
    return st.one_of(
        number.map(str),
        pair.map(lambda pair: f"{pair[0]}-{pair[1]}"),
        st.tuples(number, step).map(lambda pair: f"{pair[0]}/{pair[1]}"),
        st.tuples(pair, step).map(lambda pair: f"{pair[0][0]}-{pair[0][1]}/{pair[1]}"),
        step.map(lambda step: f"*/{step}"),
    )


def _field(low: int, high: int, *, wraps: bool = True) -> st.SearchStrategy[str]:
    return st.just("*") | st.lists(_items(low, high, wraps=wraps), min_size=1, max_size=3).map(",".join)


weekday = st.integers(1, 7).map(str) | st.sampled_from(WEEKDAYS)
numbered = st.integers(1, 7)
day_fields = st.one_of(
    _field(1, 31).map(lambda text: (text, "?")),
    st.sampled_from([("L", "?"), ("LW", "?"), ("?", "L"), ("?", "*"), ("?", "FRI-MON"), ("?", "SAT-SUN,tue")]),
    st.integers(1, 31).map(lambda day: (f"{day}W", "?")),
    st.lists(weekday, min_size=1, max_size=3).map(lambda days: ("?", ",".join(days))),
    st.tuples(numbered, numbered).map(lambda pair: ("?", f"{pair[0]}-{pair[1]}")),
    weekday.map(lambda day: ("?", f"{day}L")),
    st.tuples(weekday, st.integers(1, 5)).map(lambda pair: ("?", f"{pair[0]}#{pair[1]}")),
)
months = _field(1, 12) | st.sampled_from(["JAN", "nov-FEB", "MAR,OCT", "2", "APR-NOV"])


@st.composite
def crons(draw: st.DrawFn, *, hourly: bool = False) -> str:
    minutes = draw(_field(0, 59))
    hours = draw(_field(0, 23))
    day_of_month, day_of_week = ("*", "?") if hourly and draw(st.booleans()) else draw(day_fields)
    month = "*" if hourly else draw(months)
    year = draw(st.just("*") | st.just("*") | _field(1970, 2199, wraps=False))
    return f"cron({minutes} {hours} {day_of_month} {month} {day_of_week} {year if not hourly else '*'})"


def _matches(text: str, value: int, low: int, high: int, names: tuple[str, ...] = ()) -> bool:
    """Whether a list of values, ranges and steps has that value in it, told from the text alone."""
    size = high - low + 1
    for item in text.upper().split(","):
        span, _, step = item.partition("/")
        first, _, last = span.partition("-")
        begin, end = (names.index(t) + 1 if t in names else int(t) if t.isdigit() else low for t in (first, last))
        if span == "*" or (step and not last):
            end = high
        elif not last:
            end = begin
        if (value - begin) % size <= (end - begin) % size and (value - begin) % size % int(step or 1) == 0:
            return True
    return False


def _day_matches(day_of_month: str, day_of_week: str, day: date) -> bool:
    last = calendar.monthrange(day.year, day.month)[1]
    weekdays = [n for n in range(1, last + 1) if calendar.weekday(day.year, day.month, n) < 5]
    number = day.isoweekday() % 7 + 1  # 1 is Sunday
    if day_of_week == "?":
        if day_of_month in {"L", "LW"}:
            return day.day == (last if day_of_month == "L" else weekdays[-1])
        if day_of_month.endswith("W"):
            wanted = int(day_of_month[:-1])
            return wanted <= last and day.day == min(weekdays, key=lambda n: abs(n - wanted))
        return _matches(day_of_month, day.day, 1, 31)
    if day_of_week == "L":
        return number == 7
    if special := re.fullmatch(r"(\w+?)(L|#(\d))", day_of_week):
        in_place = day.day > last - 7 if special[2] == "L" else (day.day - 1) // 7 + 1 == int(special[3])
        return in_place and _matches(special[1], number, 1, 7, WEEKDAYS)
    return _matches(day_of_week, number, 1, 7, WEEKDAYS)


def _fires(expression: str, wall: datetime) -> bool:
    """Whether what the clock shows matches, and is shown for the first time."""
    minutes, hours, day_of_month, month, day_of_week, year = expression[5:-1].split()
    return (
        not wall.fold
        and not wall.second
        and _matches(minutes, wall.minute, 0, 59)
        and _matches(hours, wall.hour, 0, 23)
        and _matches(month, wall.month, 1, 12, MONTHS)
        and _matches(year, wall.year, 1970, 2199)
        and _day_matches(day_of_month, day_of_week, wall.date())
    )


@settings(max_examples=40, deadline=None)
@given(crons(hourly=True), st.sampled_from(ZONES), st.sampled_from(NEAR_CHANGES), st.integers(0, 2 * 86400))
@example("cron(30 2 * * ? *)", "Europe/Berlin", datetime(2025, 3, 29, tzinfo=UTC), 86400)
@example("cron(30 2 * * ? *)", "Europe/Berlin", datetime(2025, 10, 26, tzinfo=UTC), 0)
@example("cron(15-45/5 1 * * ? *)", "Australia/Lord_Howe", datetime(2025, 4, 5, tzinfo=UTC), 13 * 3600)
def test_no_minute_is_passed_over_and_none_is_made_up(expression: str, name: str, day: datetime, seconds: int) -> None:
    """Minute by minute for a day, around the days on which clocks change."""
    after = day.timestamp() + seconds
    due = next_due(parse(expression), after, created_at=after, timezone=name)
    minute = after - after % 60
    minutes = (minute + 60 * n for n in range(1, 24 * 60))
    first = next((at for at in minutes if _fires(expression, datetime.fromtimestamp(at, ZoneInfo(name)))), None)
    assert due == first or (first is None and (due is None or due >= minute + 24 * 3600))


@settings(max_examples=60, deadline=None)
@given(crons(), st.integers(-40_000_000, 7_300_000_000), st.sampled_from(ZONES))
@example("cron(0 0 L DEC ? *)", int(NOW), "UTC")
@example("cron(59 23 ? * 1#5 */4)", int(NOW), "America/New_York")
def test_what_is_due_matches_its_expression_and_no_day_between_does(expression: str, begin: int, name: str) -> None:
    due = next_due(parse(expression), begin, created_at=begin - 1, timezone=name)
    where = ZoneInfo(name)
    day = datetime.fromtimestamp(begin, where).date()
    end = day + timedelta(days=400)
    if due is not None:
        wall = datetime.fromtimestamp(due, where)
        assert due > begin
        assert 1970 <= wall.year <= 2199
        assert _fires(expression, wall)
        end = min(end, wall.date())
    _, _, day_of_month, month, day_of_week, year = expression[5:-1].split()
    while (day := day + timedelta(days=1)) < end:
        assert not (
            1970 <= day.year <= 2199
            and _matches(year, day.year, 1970, 2199)
            and _matches(month, day.month, 1, 12, MONTHS)
            and _day_matches(day_of_month, day_of_week, day)
            and any(_fires(expression, wall) for wall in _minutes_of(day, where))
        ), day


def _minutes_of(day: date, where: ZoneInfo) -> Iterator[datetime]:
    begin = datetime(day.year, day.month, day.day, tzinfo=where).timestamp()
    yield from (wall for n in range(26 * 60) if (wall := datetime.fromtimestamp(begin + 60 * n, where)).date() == day)


rates = st.tuples(st.integers(1, 5000), st.sampled_from(["minute", "minutes", "hour", "hours", "day", "days"]))
expressions = crons() | rates.map(lambda rate: f"rate({rate[0]} {rate[1]})") | st.just("at(2025-06-01T12:00:00)")
instants = st.floats(-1e9, 8e9)


@settings(max_examples=60, deadline=None)
@given(expressions, instants, st.floats(0, 1e9), instants, st.sampled_from(ZONES))
def test_who_asks_later_is_told_no_earlier_time(
    expression: str, after: float, later: float, created_at: float, name: str
) -> None:
    parsed = parse(expression)
    first = next_due(parsed, after, created_at=created_at, timezone=name)
    second = next_due(parsed, after + later, created_at=created_at, timezone=name)
    assert first is None or first > after
    assert first is None or first >= created_at
    assert second is None or (first is not None and first <= second)


@settings(deadline=None)
@given(rates, st.floats(0, 4e9), st.floats(0, 4e9))
def test_a_rate_keeps_to_its_anchor_and_leaves_none_out(rate: tuple[int, str], anchor: float, after: float) -> None:
    parsed = parse(f"rate({rate[0]} {rate[1]})")
    assert isinstance(parsed, Rate)
    due = next_due(parsed, after, created_at=0.0, start_date=anchor)
    assert due is not None
    runs = (due - anchor) / parsed.seconds
    assert runs == pytest.approx(round(runs), abs=1e-6)
    assert due > after
    assert due == anchor or due - parsed.seconds <= after + 1e-5


@settings(max_examples=60, deadline=None)
@given(instants, instants, crons())
def test_nothing_is_due_outside_of_start_date_and_end_date(start: float, end: float, expression: str) -> None:
    due = next_due(parse(expression), BEFORE_ALL, created_at=0.0, start_date=start, end_date=end)
    assert due is None or start <= due <= end


characters = st.text(alphabet="cronateminuhdys()0123456789 *,-/?LW#:TJANSUFRI\t\n\u0665\u017f", max_size=40)


@settings(max_examples=300, deadline=None)
@given(st.text() | characters | characters.map(lambda text: f"cron({text})") | characters.map("rate({})".format))
@example("rate(" + "9" * 300 + " days)")
@example("at(0000-01-01T00:00:00)")
@example("cron(0 9 ? * #3 *)")
def test_any_text_is_an_expression_or_refused(text: str) -> None:
    try:
        next_due(parse(text), NOW, created_at=NOW)
    except ScheduleError as error:
        refusal = error
    else:
        return
    assert str(refusal) == f"Invalid Schedule Expression {text}."
    assert refusal.why


@settings(deadline=None)
@given(st.text(max_size=60) | st.sampled_from(sorted(ZONES)))
@example("Europe/" + "x" * 300)
def test_any_text_is_a_time_zone_or_refused(text: str) -> None:
    try:
        key = zone(text).key
    except ScheduleError as refusal:
        key = text if refusal.why else ""
    assert key == text


@settings(deadline=None)
@given(rates, st.floats(-1e300, 1e300), st.floats(0, 8e9))
@example((1, "minute"), -1e18, 1.8e9)
@example((1, "minute"), -1e17, 1.8e9)
def test_a_rate_of_any_start_date_goes_on(rate: tuple[int, str], start: float, after: float) -> None:
    parsed = parse(f"rate({rate[0]} {rate[1]})")
    due = next_due(parsed, after, created_at=1.8e9, start_date=start)
    assert due is None or due > after


@pytest.mark.parametrize("expression", ["cron(* * * * ? *)", "cron(59 23 ? * 2-6 *)", "cron(0 0 L * ? *)"])
@pytest.mark.parametrize("hour", [0, 12, 23])
def test_a_look_takes_a_few_steps_at_any_time_of_any_day_of_any_year(expression: str, hour: int) -> None:
    parsed = parse(expression)
    for year in (1970, 2030, 2198):
        after = datetime(year, 12, 28, hour, 58, 30, tzinfo=UTC).timestamp()
        look = partial(next_due, parsed, after, created_at=0.0, timezone="Europe/Berlin")
        assert steps_in(schedule, look) < 150


def test_an_expression_that_never_fires_is_known_as_such_soon() -> None:
    """Each minute of the hour over which the clocks jump: the worst found."""
    look = partial(next_due, parse("cron(* 2 ? 3 1L *)"), NOW, created_at=NOW, timezone="Europe/Berlin")
    assert look() is None
    assert steps_in(schedule, look) < 20_000


@pytest.mark.parametrize("at", [-1e18, -1e5, 7.3e9, 1e300])
def test_a_date_outside_of_the_calendar_is_refused(at: float) -> None:
    for dates in ((at, None), (None, at)):
        with pytest.raises(ScheduleError, match="is not within the years 1970 to 2199"):
            check_dates(*dates)
    check_dates(0.0, 7.2e9)
