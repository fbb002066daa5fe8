"""The page for everybody: by axe-core, at 200 %, with little motion, in both languages, for guests."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from tests.browser.conftest import Tab
from tests.e2e.conftest import Room

pytestmark = [pytest.mark.docker, pytest.mark.slow]

SERIOUS = ("serious", "critical")


def serious(tab: Tab) -> list[str]:
    found = Axe().run(tab.page).response["violations"]
    return [f"{item['id']}: {item['nodes'][0]['html']}" for item in found if item["impact"] in SERIOUS]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(room: Room, tab: Tab, scheme: str) -> None:
    tab.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    tab.page.locator("#deploy-service").click()
    tab.page.locator("#run-task").click()
    tab.page.locator("#every-minute").click()
    tab.page.locator("#schedule-list li").wait_for()
    tab.expect_running(3)
    tab.page.locator("#standalone-tiles .tile").filter(has_text="by schedule").wait_for()
    tab.running("standalone").first.wait_for()
    assert serious(tab) == []
    tab.running("standalone").first.click()
    tab.page.locator("#projector").click()
    assert serious(tab) == []


@pytest.mark.parametrize("width", [640, 400, 320])
def test_there_is_no_scrolling_sideways_at_200_percent_or_on_a_phone(tab: Tab, width: int) -> None:
    tab.page.set_viewport_size({"width": width, "height": 800})
    tab.page.locator("#deploy-service").click()
    tab.page.locator("#every-minute").click()
    tab.page.locator("#schedule-list li").wait_for()
    tab.expect_running(3)
    overflow = tab.page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert overflow <= 0


def test_who_wants_little_motion_gets_none(tab: Tab) -> None:
    tab.page.locator("#deploy-service").click()
    tab.expect_running(3)
    blinking = """() => {
      document.querySelector('.tile').dataset.state = 'pending' // which is seen for a moment only
      return document.getAnimations().some((one) => one.animationName === 'blink')
    }"""
    for motion, moves in (("no-preference", True), ("reduce", False)):
        tab.page.emulate_media(reduced_motion=motion)  # type: ignore[arg-type]
        assert tab.page.evaluate(blinking) is moves, motion


def test_the_other_language_is_spoken_and_no_text_is_missing(tab: Tab) -> None:
    tab.page.get_by_role("link", name="Deutsch").click()
    tab.page.locator("html[lang=de][data-connection=live]").wait_for()
    tab.page.locator("#deploy-service").click()
    tab.page.locator("#every-minute").click()
    tab.page.locator("#schedule-list").get_by_text("Startet batch-job in").wait_for()
    tab.page.locator("#services .tile").filter(has_text="LÄUFT").first.wait_for()
    seen = tab.page.locator("body").inner_text()
    assert "Cluster bereit" in seen
    assert (
        re.findall(r"\b(?:event|word|tile|status|label|condition|help|schedules?|use|clock)\.[A-Za-z_.]+", seen) == []
    ), "keys of texts"


def test_guests_have_no_button_that_acts(browser: Browser, room: Room) -> None:
    room.ok("service", "up", "web", "--desired", "1", "--no-lb")
    room.ok("schedule", "add", "nightly", "--cron", "0 2 * * ? *")
    (url,) = room.ok("dashboard", "--no-open", "--share", "--json").json["guestUrls"]
    page = browser.new_page()
    page.goto(url)
    page.locator("html[data-connection=live]").wait_for()
    assert page.locator("#services .tile").count() == 1
    page.locator("#schedule-list li").filter(has_text="nightly").wait_for()
    assert page.locator("#schedules button, #every-minute").count() == 0
    assert not page.locator("#deploy-service").is_visible()
    assert page.locator("button.tile").count() == 0
    page.close()
