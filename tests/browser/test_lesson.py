"""The lesson, clicked: what a click does to real containers, what comes back, what stays gone."""

from __future__ import annotations

import pytest
from playwright.sync_api import Route

from tests.browser.conftest import Tab, address, container_of, task_of
from tests.builders import eventually
from tests.e2e.conftest import Room

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


def test_a_page_of_which_a_part_did_not_come_is_loaded_anew(room: Room, tab: Tab) -> None:
    """As when the engine adds a network interface meanwhile: the browser drops what it has asked for."""
    page = tab.page.context.new_page()
    lost: list[str] = []

    def lose(route: Route) -> None:
        lost.append(route.request.url)
        route.abort() if len(lost) == 1 else route.continue_()

    page.route("**/page/log.js", lose)
    page.goto(address(room))
    page.locator("html[data-connection=live]").wait_for()
    assert len(lost) == 2
    page.locator("#run-task").click()
    page.locator("#standalone-tiles .tile").filter(has_text="RUNNING").wait_for()
