"""A real browser on the real page, its tasks real containers. Headless Chromium; each test has its own state folder.

A machine without Chromium skips these tests and says so; where CHAOS_ECS_NEEDS_BROWSER is set they fail.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, sync_playwright

from tests.e2e.conftest import Room, engine_client, room, workload_images

__all__ = ["engine_client", "room", "workload_images"]

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
ALONE = (
    "--no-sandbox",  # CI is root, in a sandbox of its own
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
WITHIN_MILLISECONDS = 15_000.0


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        if os.environ.get("CHAOS_ECS_NEEDS_BROWSER"):
            pytest.fail("no Chromium is installed: apt-get install chromium")
        pytest.skip("no Chromium is installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(ALONE))
        yield browser
        browser.close()


@dataclass
class Tab:
    """The page in a tab of its own, and what a person looks for on it."""

    page: Page
    complaints: list[str]

    def tiles(self, side: str = "service") -> Locator:
        """Those that can be killed."""
        where = "#services" if side == "service" else "#standalone-tiles"
        return self.page.locator(f"{where} .tile:not([aria-disabled=true])")

    def running(self, side: str = "service") -> Locator:
        return self.tiles(side).filter(has_text="RUNNING")

    def expect_running(self, count: int, side: str = "service") -> None:
        self.running(side).nth(count - 1).wait_for(timeout=WITHIN_MILLISECONDS)
        self.page.wait_for_function(
            "([where, count]) => [...document.querySelectorAll(where)].filter(tile =>"
            " tile.textContent.includes('RUNNING')).length === count",
            arg=[f"{'#services' if side == 'service' else '#standalone-tiles'} .tile:not([aria-disabled=true])", count],
            timeout=WITHIN_MILLISECONDS,
        )

    def press(self, name: str, *, within: str = "body") -> None:
        """A button, by its name as it is read aloud."""
        self.page.locator(within).get_by_role("button", name=name, exact=True).first.click()


def task_of(tile: Locator) -> str:
    """The ARN of a tile's task."""
    return str(tile.get_attribute("data-task"))


def container_of(room: Room, task: str) -> dict[str, Any]:
    """The container of a task as the engine has it, running or not."""
    (found,) = room.client.containers(all=True, filters={"label": f"chaos-ecs.task={task}"})
    return dict(room.client.inspect_container(found["Id"]))


def address(room: Room) -> str:
    told = room.ok("dashboard", "--no-open").out.strip()
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?token=\S+", told), told
    return told


@pytest.fixture
def tab(browser: Browser, room: Room) -> Iterator[Tab]:
    """The page of a new room, opened as `chaos-ecs dashboard` says."""
    with opened_tab(browser, address(room)) as tab:
        yield tab


@contextmanager
def opened_tab(browser: Browser, url: str) -> Iterator[Tab]:
    """The page in a browser of its own. It must not complain to the console."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, permissions=["clipboard-read"])
    context.set_default_timeout(WITHIN_MILLISECONDS)
    complaints: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        is_ours = "ERR_NETWORK_CHANGED" not in message.text  # whenever the engine adds an interface to this machine
        if message.type in ("error", "warning") and is_ours:
            complaints.append(message.text)

    page = context.new_page()
    page.on("console", hear)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(url)
    page.locator("html[data-connection=live]").wait_for()
    yield Tab(page, complaints)
    context.close()
    assert complaints == []
