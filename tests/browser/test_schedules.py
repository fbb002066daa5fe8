"""Schedules on the page: made, told, paused and deleted there; the real aws CLI and the engine say whether it is so."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
from playwright.sync_api import Browser, Locator

from tests.browser.conftest import Tab, address, container_of, opened_tab, task_of
from tests.builders import eventually
from tests.e2e.conftest import Room, opened_room

pytestmark = [pytest.mark.docker, pytest.mark.slow]

BASE = "arn:aws:ecs:us-east-1:123456789012"
TARGET = {
    "Arn": f"{BASE}:cluster/my-cluster",
    "RoleArn": "arn:aws:iam::123456789012:role/ecsEventsRole",
    "EcsParameters": {"TaskDefinitionArn": f"{BASE}:task-definition/batch-job"},
}
USUAL = {"RetryPolicy": {"MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 185}}
EVERY_MINUTE = "every-minute"


def row(tab: Tab, name: str = EVERY_MINUTE) -> Locator:
    return tab.page.locator("#schedule-list li").filter(has_text=name)


def create(room: Room, name: str, expression: str, *options: str, definition: str = "batch-job", **more: Any) -> None:
    ecs = {"TaskDefinitionArn": f"{BASE}:task-definition/{definition}"}
    target = json.dumps({**TARGET, "EcsParameters": ecs, **more})
    wished = ("--schedule-expression", expression, "--flexible-time-window", "Mode=OFF", "--target", target)
    room.scheduler("create-schedule", "--name", name, *wished, *options)


def get(room: Room, name: str = EVERY_MINUTE) -> Any:
    return room.scheduler("get-schedule", "--name", name)


def seconds_left(tab: Tab, name: str = EVERY_MINUTE) -> int:
    told = re.search(r" in (\d+):(\d\d), at \d\d:\d\d:\d\d\.", row(tab, name).locator(".next").inner_text())
    assert told, row(tab, name).inner_text()
    return 60 * int(told[1]) + int(told[2])


def test_every_minute_makes_a_schedule_whose_task_says_so_and_ends_by_itself(room: Room, tab: Tab) -> None:
    assert not tab.page.locator("#schedules").is_visible()
    assert not tab.page.locator("#clock").is_visible(), "an ordinary clock is not worth a word"
    tab.press("Every minute")
    row(tab).filter(has_text="ENABLED").filter(
        has_text=re.compile(r"Runs: 1; the last, 0:\d\d ago: RUNNING")
    ).wait_for()
    first = seconds_left(tab)
    assert 40 <= first <= 60
    tile = tab.page.locator("#standalone-tiles .tile").filter(has_text="by schedule every-minute")
    task = task_of(tile)  # the first run is at once, as on AWS
    assert "by schedule every-minute" in str(tile.get_attribute("aria-label"))
    eventually(lambda: 1 <= first - seconds_left(tab) < 20, within=5)  # nothing was loaded anew
    known = get(room)
    assert (known["State"], known["ScheduleExpression"]) == ("ENABLED", "rate(1 minute)")
    assert known["Target"] == TARGET | USUAL
    (told,) = room.aws("describe-tasks", "--cluster", "my-cluster", "--tasks", task)["tasks"]
    assert told["startedBy"] == "chronos-schedule/every-minute"
    row(tab).filter(has_text=re.compile(r"Runs: 1; the last, \d:\d\d ago: FINISHED")).wait_for(timeout=30_000)
    assert container_of(room, task)["State"]["ExitCode"] == 0


def test_a_schedule_is_paused_resumed_and_deleted_and_its_task_runs_on(room: Room, tab: Tab) -> None:
    tab.press("Every minute")
    row(tab).get_by_text("ENABLED").wait_for()
    task, made = task_of(tab.page.locator("#standalone-tiles .tile")), get(room)
    row(tab).get_by_role("button", name="Pause").click()
    row(tab).get_by_text("PAUSED").wait_for()
    row(tab).get_by_text("Starts no batch-job while it is paused.").wait_for()
    known = get(room)
    differs = {name for name in known.keys() | made.keys() if known.get(name) != made.get(name)}
    assert (known["State"], differs) == ("DISABLED", {"State", "LastModificationDate"})
    row(tab).get_by_role("button", name="Resume").click()
    row(tab).get_by_text("ENABLED").wait_for()
    assert (get(room)["State"], seconds_left(tab) <= 60) == ("ENABLED", True)
    tab.press("Every minute")  # once more is one more
    row(tab, "every-minute-2").get_by_text("ENABLED").wait_for()
    last = row(tab, "every-minute-2")
    last.get_by_role("button", name="Delete").click()
    last.get_by_role("button", name="Delete every-minute-2? Press again").click()
    last.wait_for(state="detached")
    assert tab.page.evaluate("() => document.activeElement.id") == "every-minute", "the focus is not lost"
    row(tab).get_by_role("button", name="Delete").click()
    row(tab).get_by_role("button", name="Delete every-minute? Press again").click()
    tab.page.locator("#schedules").wait_for(state="hidden")
    assert room.scheduler("list-schedules")["Schedules"] == []
    eventually(lambda: container_of(room, task)["State"]["Status"] == "exited", within=30)
    assert container_of(room, task)["State"]["ExitCode"] == 0, "nobody has stopped what it had started"


def test_what_is_refused_is_told_with_its_reason_and_so_is_what_is_given_up(room: Room, tab: Tab) -> None:
    create(room, "patient", "rate(1 hour)", definition="no-such")
    create(room, "hasty", "rate(1 hour)", definition="no-such", RetryPolicy={"MaximumRetryAttempts": 0})
    create(room, "once", "at(2099-01-01T02:00:00)", "--schedule-expression-timezone", "Europe/Berlin")
    create(room, "failing", "rate(1 hour)", definition="db-migrate", Input=json.dumps(FAILING))
    row(tab, "patient").filter(has_text="RETRYING").get_by_text("Refused, tried again (1): ").wait_for()
    assert "TaskDefinition" in row(tab, "patient").locator(".why").inner_text(), "what RunTask has said"
    row(tab, "hasty").filter(has_text="ENABLED").get_by_text("Given up: 1.").wait_for()
    row(tab, "hasty").get_by_text("Has not run yet.").wait_for()
    once = row(tab, "once")
    once.get_by_text(re.compile(r"Starts batch-job in [\d,]+ days, at \d+ \w+ \d{4}, \d\d:\d\d:\d\d\.")).wait_for()
    assert once.locator(".expression").inner_text() == "at(2099-01-01T02:00:00) Europe/Berlin"
    row(tab, "failing").filter(has_text="FAILED").wait_for()
    names = tab.page.locator("#schedule-list .name").all_inner_texts()
    assert names == ["failing", "hasty", "once", "patient"], "in their order, whatever is due"


FAILING = {"containerOverrides": [{"name": "db-migrate", "environment": [{"name": "FAIL", "value": "1"}]}]}


@pytest.fixture
def pressed(tmp_path: Path, engine_client: docker.APIClient) -> Iterator[Room]:
    """A room on the simulator, whose clock is pressed."""
    for room in opened_room(tmp_path, engine_client):
        room.ok("controller", "start", "--simulate", "--clock", "x60")
        yield room


def test_a_pressed_clock_is_told_and_what_counts_down_goes_with_it(browser: Browser, pressed: Room) -> None:
    with opened_tab(browser, address(pressed)) as tab:
        assert tab.page.locator("#clock").inner_text() == "Clock x60: a minute passes in 1.0 s"
        create(pressed, "minutely", "rate(1 minute)")
        create(pressed, "hourly", "rate(1 hour)")
        runs = row(tab, "minutely").get_by_text(re.compile(r"Runs: ([3-9]|\d\d)\b"))
        runs.wait_for()
        before = seconds_left(tab, "hourly")
        tab.page.wait_for_timeout(1_000)
        gone = before - seconds_left(tab, "hourly")
        assert 30 <= gone <= 120, f"a second is a minute here, and not {gone} s"
        assert seconds_left(tab, "minutely") <= 61
