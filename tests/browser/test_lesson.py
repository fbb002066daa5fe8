"""The lesson, clicked: what a click does to real containers, what comes back, what stays gone."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from tests.browser.conftest import Tab, container_of, task_of
from tests.builders import eventually
from tests.e2e.conftest import BIN, Room

pytestmark = [pytest.mark.docker, pytest.mark.slow]


def test_a_click_kills_the_very_container_and_a_new_task_takes_its_place(room: Room, tab: Tab) -> None:
    assert "Cluster ready. Waiting for commands..." in tab.page.locator("#log").inner_text()
    tab.page.locator("#deploy-service").click()
    tab.expect_running(3)
    before = {task_of(tile) for tile in tab.running().all()}
    victim = tab.running().first
    task = task_of(victim)
    assert container_of(room, task)["State"]["Running"]
    victim.click()
    tab.page.wait_for_function(
        "before => [...document.querySelectorAll('#services .tile')].some(tile => !before.includes(tile.dataset.task))",
        arg=sorted(before),
    )
    tab.expect_running(3)
    state = container_of(room, task)["State"]
    assert (state["Running"], state["ExitCode"]) == (False, 137), "the container of the tile that was clicked"
    others = before - {task}
    assert all(container_of(room, other)["State"]["Running"] for other in others), "and no other one"
    after = {task_of(tile) for tile in tab.running().all()}
    assert others < after
    assert task not in after
    tab.page.locator("#log").get_by_text("RECOVERED IN").first.wait_for()


def test_a_standalone_task_stays_gone_and_its_tile_says_how_it_ended(room: Room, tab: Tab) -> None:
    tab.page.locator("#run-task").click()
    tab.expect_running(1, "standalone")
    tile = tab.running("standalone").first
    task = task_of(tile)
    tile.click()
    gone = tab.page.locator(f"#standalone-tiles .tile[data-task='{task}'][aria-disabled=true]")
    gone.filter(has_text="137").wait_for()
    assert container_of(room, task)["State"]["ExitCode"] == 137
    tab.page.locator("#standalone-gap").get_by_text("for ever").wait_for()
    assert [one["Labels"]["chaos-ecs.task"] for one in room.containers()] == []


def test_the_keyboard_does_the_whole_lesson(room: Room, tab: Tab) -> None:
    tab.page.locator("#deploy-service").focus()
    tab.page.keyboard.press("Enter")
    tab.expect_running(3)
    tab.running().first.focus()
    tab.page.keyboard.press("ArrowRight")
    focused = "() => document.activeElement.dataset.task ?? ''"
    task = tab.page.evaluate(focused)
    assert task == task_of(tab.running().nth(1))
    tab.page.keyboard.press("Enter")
    eventually(lambda: container_of(room, task)["State"]["Status"] == "exited", within=10)
    tab.expect_running(3)
    heir = tab.page.evaluate(focused)
    assert heir.startswith("arn:"), "the focus is on a tile still"
    assert heir != task


def test_the_same_kill_on_both_sides_shows_both_ends(room: Room, tab: Tab) -> None:
    tab.page.locator("#kill-both").click()  # what is missing is made first
    race = tab.page.locator("#both-race")
    race.get_by_text("whole again after").wait_for()
    race.get_by_text("Replacements: 0. A standalone task has no manager.").wait_for()
    tab.expect_running(3)
    eventually(lambda: len(room.containers()) == 3, within=10)
    killed = [task for task in room.ok("ps", "--all", "--json").json["tasks"] if task["exitCode"] == 137]
    assert sorted(bool(task["serviceArn"]) for task in killed) == [False, True]
    assert {container_of(room, task["arn"])["State"]["ExitCode"] for task in killed} == {137}


# --- commands ---


def run_in_a_shell(room: Room, script: str) -> subprocess.CompletedProcess[str]:
    """As a learner who has pasted it, with what `aws-env` says."""
    environment = {**room.aws_environment(), "PATH": f"{BIN}:/usr/bin:/bin", "HOME": str(room.home)}
    return subprocess.run(
        ["bash", "-eu", "-o", "pipefail", "-c", script],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize(("snippet", "what"), [("how-service", "service"), ("how-task", "task")])
def test_both_commands_of_the_page_are_run_by_the_real_aws_cli_as_they_stand(
    room: Room, tab: Tab, snippet: str, what: str
) -> None:
    ran = run_in_a_shell(room, tab.page.locator(f"#{snippet}").inner_text())
    assert ran.returncode == 0, ran
    if what == "service":
        tab.expect_running(3)
    else:
        tab.expect_running(1, "standalone")


def test_the_run_button_does_what_its_command_says(room: Room, tab: Tab) -> None:
    tab.page.locator("[data-runs=service]").click()
    tab.expect_running(3)
    services: list[dict[str, Any]] = room.ok("service", "ls", "--json").json["services"]
    assert [item["name"] for item in services] == ["my-web-app"]
    tab.page.locator("[data-runs=task]").click()
    tab.expect_running(1, "standalone")


def test_the_command_of_the_last_click_is_one_that_runs(room: Room, tab: Tab) -> None:
    tab.page.locator("#run-task").click()
    tab.expect_running(1, "standalone")
    ran = run_in_a_shell(room, tab.page.locator("#aws-command").inner_text())
    assert ran.returncode == 0, ran
    tab.expect_running(2, "standalone")
    tab.running("standalone").first.click()
    eventually(lambda: len(room.containers()) == 1, within=10)
    assert "aws ecs stop-task" in tab.page.locator("#aws-command").inner_text()


# --- truth ---


def test_without_a_connection_nothing_is_green(room: Room, tab: Tab) -> None:
    tab.page.locator("#run-task").click()
    tab.expect_running(1, "standalone")
    room.kill_controller()
    tab.page.locator("html[data-connection=lost]").wait_for()
    assert "not known to be true" in tab.page.locator("#connection").inner_text()
    tab.complaints.clear()  # the browser says that nobody answers
    room.ok("ps")  # starts a controller that adopts what is there
    tab.page.locator("html[data-connection=live]").wait_for(timeout=30_000)
    tab.expect_running(1, "standalone")
    tab.complaints.clear()


def test_names_with_markup_are_shown_and_not_run(room: Room, tab: Tab) -> None:
    hostile = "<img src=x onerror=document.title='run'>"
    room.ok("run-task", "batch-job", "--no-wait")
    wished = ("--cluster", "my-cluster", "--task-definition", "batch-job:1")
    room.aws("run-task", *wished, "--started-by", "markup", "--group", hostile)
    tab.expect_running(2, "standalone")
    assert tab.page.title() != "run"
    assert tab.page.locator("img").count() == 0
