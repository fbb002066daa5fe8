"""`python -m tests.browser.screenshots [FOLDER]`: the README's pictures of the cluster page, from the running page.

On the simulator, so that they need no engine and look the same everywhere but for ids and times.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.browser.conftest import ALONE, NAMES

BIN = Path(sys.executable).parent
HERE = Path(__file__).parent / "screenshots"


def take(folder: Path) -> None:
    chromium = next(filter(None, map(shutil.which, NAMES)), None)
    if chromium is None:
        sys.exit("no Chromium is installed")
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as home, _a_simulated_cluster(home) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(ALONE))
        page = browser.new_page(viewport={"width": 1280, "height": 800}, color_scheme="light")
        page.goto(address)
        _pictures(page, folder)
        browser.close()


@contextmanager
def _a_simulated_cluster(home: str) -> Iterator[str]:
    """The address of its page."""

    def told(*words: str) -> str:
        environment = {**os.environ, "CHAOS_ECS_HOME": home}
        return subprocess.run(
            [str(BIN / "chaos-ecs"), *words], env=environment, check=True, capture_output=True, text=True
        ).stdout

    told("controller", "start", "--simulate", "--seed", "7")
    try:
        yield told("dashboard", "--no-open").strip()
    finally:
        told("controller", "stop")


def _pictures(page: Page, folder: Path) -> None:
    """A service that has just recovered beside a standalone task that has not."""
    page.locator("html[data-connection=live]").wait_for()
    page.locator("#deploy-service").click()
    page.locator("#run-task").click()
    page.locator("#services .tile").filter(has_text="RUNNING").nth(2).wait_for()
    page.wait_for_timeout(4_000)  # for something to be seen of the last minute
    page.locator("#kill-both").click()
    page.locator("#both-race").get_by_text("whole again").wait_for()
    page.wait_for_timeout(2_000)
    page.evaluate("() => document.activeElement.blur()")
    page.mouse.move(0, 0)
    page.screenshot(path=folder / "light.png")
    page.emulate_media(color_scheme="dark")
    page.screenshot(path=folder / "dark.png")
    page.emulate_media(color_scheme="light")
    page.locator("#projector").click()
    page.mouse.move(0, 0)
    page.wait_for_timeout(500)
    page.screenshot(path=folder / "projector.png")


if __name__ == "__main__":
    take(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
