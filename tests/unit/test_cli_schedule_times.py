"""Coming times, the panel's row of schedules, and words alone: what is shown of schedules beside the lists."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from chaos_ecs.cli import panel
from chaos_ecs.cli.schedules import wish, words
from chaos_ecs.cli.schedules.wish import When
from chaos_ecs.cli.snapshot import Snapshot
from chaos_ecs.cli.symbols import ASCII
from tests.unit.fake_controller import AT, Terminal, a_state
from tests.unit.fake_controller import CLUSTER as CLUSTER_ARN
from tests.unit.schedule_room import ARN, DAILY, Room, a_schedule, refused, run, shown


@pytest.fixture
def room() -> Room:
    return Room()


# --- next ---


def test_the_coming_times_of_a_schedule(room: Room) -> None:
    run(room, "add", "nightly", "--every", "1h")
    room.advance(60)
    assert shown(room, "next", "nightly", "--count", "2") == [
        "UTC                      IN",
        "2027-01-15 09:00 +00:00  59:00",
        "2027-01-15 10:00 +00:00  1:59:00",
    ]
    run(room, "pause", "nightly")
    assert "it is paused" in run(room, "next", "nightly").err.getvalue()


@pytest.mark.parametrize("expression", [("cron(0 2 * * ? *)",), ("0 2 * * ? *",), tuple(DAILY.split())])
def test_the_coming_times_of_an_expression_however_it_is_quoted(room: Room, expression: tuple[str, ...]) -> None:
    told = shown(room, "next", *expression, "--count", "1")
    assert told[1].startswith("2027-01-16 02:00 +00:00")


def test_an_expression_that_is_never_due_again_says_so(room: Room) -> None:
    assert shown(room, "next", "at(2020-01-01T00:00:00)") == ["at(2020-01-01T00:00:00) is never due again"]


def test_ten_times_unless_others_are_asked_for(room: Room) -> None:
    assert len(shown(room, "next", "rate(1 day)")) == 11
    assert refused(room, "next", "rate(1 day)", "--count", "1001")[0] == 2


def test_a_jump_of_the_clocks_is_told_at_the_first_time_after_it(room: Room) -> None:
    told = shown(room, "next", "cron(30 2 ? 3 SUN 2027)", "--timezone", "Europe/Berlin")
    jumps = [row for row in told if "clocks" in row]
    assert jumps == []  # the Sunday of the jump has no 02:30, and there is none after it in March
    told = shown(room, "next", "cron(30 2 26-31 3 ? 2027)", "--timezone", "Europe/Berlin")
    (jump,) = [row for row in told if "clocks" in row]
    assert jump.startswith("2027-03-29 02:30 +02:00")
    assert jump.endswith("the clocks go forward 1 h")


def test_times_stand_in_the_zone_of_the_schedule_and_of_this_machine() -> None:
    autumn = [datetime(2027, 10, day, 9, tzinfo=UTC).timestamp() for day in (30, 31)]
    told = words.coming(autumn, "Europe/Berlin", autumn[0] - 60, here=ZoneInfo("Australia/Lord_Howe"))
    assert told.splitlines() == [
        "Europe/Berlin            here                     IN",
        "2027-10-30 11:00 +02:00  2027-10-30 20:00 +11:00  01:00",
        "2027-10-31 10:00 +01:00  2027-10-31 20:00 +11:00  1 day  the clocks go back 1 h",
    ]
    half = [datetime(2027, 4, day, tzinfo=UTC).timestamp() for day in (3, 4)]
    told = words.coming(half, "Australia/Lord_Howe", half[0], here=ZoneInfo("Australia/Lord_Howe"))
    assert told.splitlines()[-1].endswith("the clocks go back 30 min")
    assert "here" not in told


def test_coming_times_fit_60_columns(room: Room) -> None:
    arguments = ("next", "cron(30 2 26-31 3 ? 2027)", "--timezone", "Europe/Berlin")
    rows = shown(room, *arguments, terminal=True, columns=lambda: 60)
    assert all(len(row) <= 60 for row in rows)
    assert any("forward 1 h" in row for row in rows)


# --- the panel and the overview ---


def in_the_panel(width: int, *schedules: dict[str, Any]) -> list[str]:
    snapshot = Snapshot.of(a_state(schedules=list(schedules)))
    frame = panel.Frame(width, 30, ASCII, now=AT, began_at=AT)
    return [row for row in panel.rows(snapshot, CLUSTER_ARN, frame) if row.startswith(" schedules")]


def test_the_panel_tells_of_schedules_in_one_row_what_needs_help_first() -> None:
    stuck = a_schedule(name="stuck", retrying=3)
    paused = a_schedule(name="paused", state="DISABLED", nextDueAt=None)
    late = a_schedule(name="late", nextDueAt=AT + 7200)
    assert in_the_panel(100, paused, late, a_schedule(), stuck) == [
        " schedules  stuck 3 retrying  nightly in 58s  late in 2:00:00  paused paused"
    ]
    assert in_the_panel(60, paused, late, a_schedule(), stuck) == [
        " schedules  stuck 3 retrying  nightly in 58s  +2 more"
    ]


def test_the_panel_has_no_row_of_schedules_where_there_are_none_in_its_cluster() -> None:
    assert in_the_panel(100) == in_the_panel(100, a_schedule(cluster=f"{CLUSTER_ARN}-other")) == []


def test_the_overview_tells_of_schedules(room: Room) -> None:
    run(room, "add", "nightly", "--every", "1m")
    room.advance(2)
    terminal = Terminal(room)
    assert terminal.run() == 0
    assert "schedules: nightly in 58s" in terminal.out.getvalue()


# --- words alone ---


def test_a_pause_says_everything_again_that_scheduler_told() -> None:
    told = {
        "Arn": ARN,
        "Name": "nightly",
        "CreationDate": 1,
        "ScheduleExpression": "rate(1 day)",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {"Arn": CLUSTER_ARN},
        "Description": "of the night",
        "State": "ENABLED",
    }
    assert wish.replaced(told, state="DISABLED") == {
        "ScheduleExpression": "rate(1 day)",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {"Arn": CLUSTER_ARN},
        "Description": "of the night",
        "State": "DISABLED",
    }


def test_members_that_have_their_default_are_left_out() -> None:
    assert wish.members("nightly", When("rate(1 day)"), {}) == {
        "Name": "nightly",
        "ScheduleExpression": "rate(1 day)",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {},
    }
