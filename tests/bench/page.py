"""The cluster page in a real browser: how long after its container a tile changes, and how smooth many tiles are.

The container's end is the engine's event, as it arrives in this process; the tile's change is what a MutationObserver
of the page saw. Both are put on this machine's wall clock.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Page, sync_playwright

from tests.bench.figures import Figures
from tests.bench.room import Room, await_true
from tests.bench.systems.ours import Ours
from tests.bench.systems.system import Work
from tests.browser.conftest import ALONE, NAMES

FIRST_CHANGE = "page: click to the tile's first change"
AFTER_THE_END = "page: end of the container to its tile's end"
FRAME = "page: 95 % of the frames, 300 tiles, 50 events a second"
LATE_FRAMES = "page: frames over 34 ms, 300 tiles, 50 events a second"

EVENTS = "page: events while 300 tiles are drawn"

TILES = 300
EVENTS_A_SECOND = 50
_TASK_EVENTS = 4.0  # that a task which is killed and replaced makes

WATCH = """arn => {
  const find = () => document.querySelector(`#services .tile[data-task="${arn}"]`)
  const wall = () => performance.timeOrigin + performance.now()
  const seen = window.seen = { clicked: null, changed: null, ended: null }
  find().addEventListener("click", () => { seen.clicked = wall() }, { capture: true, once: true })
  const before = find().dataset.state
  new MutationObserver((_, observer) => {
    const tile = find()
    if (seen.changed === null && tile?.dataset.state !== before) seen.changed = wall()
    if (!tile || tile.textContent.includes("137")) { seen.ended = wall(); observer.disconnect() }
  }).observe(document.body, { subtree: true, childList: true, attributes: true })
}"""

FRAMES = """seconds => new Promise((done) => {
  const taken = []
  const until = performance.now() + seconds * 1000
  let last = performance.now()
  const next = (now) => {
    taken.push(now - last)
    last = now
    if (now < until) requestAnimationFrame(next)
    else done(taken)
  }
  requestAnimationFrame(next)
})"""


@contextmanager
def opened(we: Ours) -> Iterator[Page]:
    """The page of this controller, live."""
    chromium = next(filter(None, map(shutil.which, NAMES)), None)
    if chromium is None:
        raise FileNotFoundError("no Chromium is installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(ALONE))
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(f"{we.controller.url}/?token={we.controller.own('OpenPage')['token']}")
        page.locator("html[data-connection=live]").wait_for()
        yield page
        browser.close()


def kills(room: Room, figures: Figures, we: Ours, *, rounds: int) -> None:
    """One task of three, clicked."""
    with we.group(Work("page")) as group, opened(we) as page:
        group.scale(3)
        for _ in range(rounds):
            running = page.locator("#services .tile:not([aria-disabled=true])").filter(has_text="RUNNING")
            running.nth(2).wait_for()
            page.wait_for_timeout(700)
            tile = running.first
            arn = str(tile.get_attribute("data-task"))
            page.evaluate(WATCH, arn)
            since = time.monotonic()
            to_wall = time.time() - since
            tile.click()
            page.wait_for_function("() => window.seen.ended !== null")
            (end,) = room.observer.wait(
                1,
                lambda seen, arn=arn: seen.action == "die" and seen.attributes.get("chaos-ecs.task") == arn,  # type: ignore[misc]
                since=since,
                within=10.0,
            )
            seen = page.evaluate("() => window.seen")
            figures.add(FIRST_CHANGE, we.name, seen["changed"] - seen["clicked"])
            figures.add(AFTER_THE_END, we.name, seen["ended"] - (end.at + to_wall) * 1000)


def smoothness(figures: Figures, we: Ours, *, seconds: float) -> None:
    """On the simulator: kills so often that their events and those of the replacements are about fifty a second."""
    with we.group(Work("tiles")) as group, opened(we) as page:
        group.scale(TILES)
        count = "() => document.querySelectorAll('#services .tile:not([aria-disabled=true])').length"
        await_true(lambda: page.evaluate(count) >= TILES, within=60, what=f"{TILES} tiles")
        page.evaluate(
            "every => { window.killer = setInterval(() => document.querySelector("
            "'#services .tile:not([aria-disabled=true])')?.click(), every) }",
            1000 * _TASK_EVENTS / EVENTS_A_SECOND,
        )
        before = we.controller.raw_state()["number"]
        frames = sorted(page.evaluate(FRAMES, seconds))
        events = we.controller.raw_state()["number"] - before
        page.evaluate("() => clearInterval(window.killer)")
        figures.add(EVENTS, we.name, events / seconds, "a second")
        figures.add(FRAME, we.name, frames[int(len(frames) * 0.95)])
        figures.add(LATE_FRAMES, we.name, 100 * sum(frame > 34 for frame in frames) / len(frames), "%")
