"""What the page shows is true, and for nobody else: traffic, ends, tabs, nobody to tell, other pages of the browser."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from time import monotonic
from urllib.parse import urlsplit

import docker
import pytest
from playwright.sync_api import BrowserContext, Page, Request

from tests.browser.conftest import Tab, address, container_of, task_of
from tests.builders import eventually
from tests.contract.worlds import Relay, a_free_port, can_relay
from tests.e2e.conftest import Room, opened_room
from tests.http_servers import a_server, answering

pytestmark = [pytest.mark.docker, pytest.mark.slow]


@pytest.fixture
def relay(engine_client: docker.APIClient) -> Iterator[Relay]:
    if not can_relay(engine_client):
        pytest.skip("the engine has no socket on this machine")
    with closing(Relay(engine_client)) as made:
        yield made


@pytest.fixture
def room(request: pytest.FixtureRequest, tmp_path: Path, engine_client: docker.APIClient) -> Iterator[Room]:
    """Its controller has a port of its own, to come back to; between it and the engine is the test's relay, if any."""
    relay = {"DOCKER_HOST": request.getfixturevalue("relay").address} if "relay" in request.fixturenames else {}
    yield from opened_room(tmp_path, engine_client, CHAOS_ECS_PORT=str(a_free_port()), **relay)


def kill_outside(room: Room, task: str, signal: str = "SIGKILL") -> None:
    """As `docker kill` does: neither the page nor the controller is asked."""
    room.client.kill(container_of(room, task)["Id"], signal)


def restart_controller(room: Room, tab: Tab) -> None:
    room.ok("ps")  # starts one that adopts what is there
    tab.page.locator("html[data-connection=live]").wait_for()
    tab.complaints.clear()  # the browser says that nobody answered


def short(task: str) -> str:
    return task.rpartition("/")[2][:6]


SHARES = """() => Object.fromEntries([...document.querySelectorAll('#services .tile:has(.share:not([hidden]))')]
  .map((tile) => [tile.dataset.task, tile.querySelector('.share').textContent]))"""
NONSENSE = """() => new MutationObserver(() => {
  if (/%, -|, 0 tasks answered. [1-9]/.test(document.querySelector('#services').textContent)) document.title = 'odd'
}).observe(document.querySelector('#services'), {subtree: true, childList: true})"""
SICK = "sed -i '2i case $HTTP_USER_AGENT in *probe*) HEALTH=500 ;; esac' /chaos/www/cgi-bin/index.cgi"


def await_shares(tab: Tab) -> dict[str, str]:
    """Three tiles with about a third of the requests each, all of them together."""

    def check() -> dict[str, str]:
        found: dict[str, str] = tab.page.evaluate(SHARES)
        percents = [int(text.partition(" ")[0]) for text in found.values()]
        assert (len(percents), min(percents, default=0) >= 20, 98 <= sum(percents) <= 102) == (3, True, True), found
        return found

    return eventually(check, within=20)


def test_each_tile_tells_its_share_of_the_requests_and_its_failures_whoever_is_killed(room: Room, tab: Tab) -> None:
    tab.page.locator("#deploy-service").click()
    tab.expect_running(3)
    sick, killed = (task_of(tile) for tile in tab.running().all()[:2])
    made = room.client.exec_create(container_of(room, sick)["Id"], ["/bin/sh", "-c", SICK], user="0")
    room.client.exec_start(made["Id"])  # health checks are answered as if all were well
    before = await_shares(tab)
    kill_outside(room, killed)
    eventually(lambda: killed not in tab.page.evaluate(SHARES), within=5)
    after = await_shares(tab)
    (heir,) = set(after) - set(before)
    assert f"for {short(killed)}" in tab.page.locator(f"[data-task='{heir}']").inner_text()
    assert re.search(r"[1-9]\d* of \d+ failed", tab.page.locator("#services .traffic").inner_text())
    tab.page.evaluate(NONSENSE)
    room.kill_controller()
    restart_controller(room, tab)  # it counts from nothing
    failures = tab.page.locator(".share:visible").filter(has_text=re.compile(r"%, [1-9]\d* failed"))
    tab.page.locator(f"[data-task='{sick}']").filter(has=failures).wait_for()
    assert (failures.count(), tab.page.title() == "odd") == (1, False)


def test_an_end_is_told_with_its_exit_code_and_its_reason_whoever_ended_it(room: Room, tab: Tab) -> None:
    room.ok("service", "up", "web", "--desired", "3", "--no-lb")
    room.ok("run-task", "batch-job", "--no-wait", "--env", "SECONDS_TO_WORK=60")
    tab.expect_running(3)
    tab.expect_running(1, "standalone")
    killed, finished, stopped = (task_of(tile) for tile in tab.running().all())
    alone = task_of(tab.running("standalone").first)
    kill_outside(room, killed)
    kill_outside(room, alone)
    kill_outside(room, finished, "SIGTERM")  # it ends with a code of its own
    room.aws("stop-task", "--cluster", "my-cluster", "--task", stopped, "--reason", "by hand")
    assert room.run("run-task", "db-migrate", "--env", "FAIL=1").code == 1
    exited = "Essential container in task exited"
    ends = ("KILLED", f"exit 137 · {exited}"), ("FINISHED", f"exit 0 · {exited}"), ("STOPPED", "exit 0 · by hand")
    for task, (word, end) in zip((killed, finished, stopped), ends, strict=True):
        line = tab.page.locator("#services .gone li").filter(has_text=short(task))
        line.get_by_text(end, exact=True).wait_for()
        assert line.locator(".word").inner_text() == word
        known = room.ecs().describe_tasks(cluster="my-cluster", tasks=[task])["tasks"][0]
        assert end == f"exit {known['containers'][0]['exitCode']} · {known['stoppedReason']}"
    for name in (f"task {short(alone)}, killed, exit 137, {exited}, stays gone", f"failed, exit 1, {exited}"):
        tab.page.locator("#standalone-tiles").get_by_role("button", name=name).wait_for()


HIDE = """(told) => { Object.defineProperty(document, 'hidden', {configurable: true, get: () => told})
  document.dispatchEvent(new Event('visibilitychange')) }"""


class Asked:
    """What the pages of a browser ask from now on, and which of them have an event stream open."""

    def __init__(self, context: BrowserContext) -> None:
        self.requests: list[Request] = []
        self._context = context
        context.on("request", lambda request: self.requests.append(request))  # noqa: PLW0108 - it wants a function

    def streams(self) -> list[Page]:
        self._context.pages[-1].title()  # while a page is asked, playwright tells what has happened
        opened = [one for one in self.requests if one.url.endswith("follow=1") and not one.failure]
        return [one.frame.page for one in opened if not one.frame.page.is_closed()]


def await_gone(page: Page, task: str) -> None:
    """The events tell of it, and the state."""
    for where in ("#log [data-type=TASK_STOPPED]", "#services .gone li"):
        page.locator(where).filter(has_text=short(task)).wait_for()


def held(room: Room) -> list[int]:
    """How many files and threads the controller has; nothing where nobody tells."""
    places = [Path(f"/proc/{room.controller_pid()}/{kind}") for kind in ("fd", "task")]
    return [len(list(place.iterdir())) for place in places if place.exists()]


def test_ten_reloads_and_another_tab_cost_no_more_than_one_tab_and_its_event_stream(room: Room, tab: Tab) -> None:
    asked = Asked(tab.page.context)
    before = held(room)
    for _ in range(10):
        tab.page.reload()
        eventually(lambda: asked.streams() == [tab.page], within=5)
    second = tab.page.context.new_page()
    second.goto(tab.page.url)
    second.locator("html[data-connection=live]").wait_for()
    eventually(lambda: all(now <= was + 3 for now, was in zip(held(room), before, strict=True)), within=10)
    room.ok("service", "up", "web", "--desired", "3", "--no-lb")
    tab.expect_running(3)
    clicked, killed = (task_of(tile) for tile in tab.running().all()[:2])
    tab.page.locator(f"[data-task='{clicked}']").click()
    for page in (tab.page, second):
        await_gone(page, clicked)
    eventually(lambda: asked.streams() == [tab.page], within=5)
    tab.page.close()
    eventually(lambda: asked.streams() == [second], within=5)
    kill_outside(room, killed)
    await_gone(second, killed)


def test_a_hidden_tab_asks_nothing_and_catches_up_when_it_is_seen(room: Room, tab: Tab) -> None:
    """It is told that it is hidden: under playwright Chromium hides none, not behind another one, and not minimised."""
    asked = Asked(tab.page.context)
    tab.page.reload()
    eventually(lambda: asked.streams() == [tab.page], within=5)
    tab.page.locator("#deploy-service").click()
    tab.page.locator(".share:visible").nth(2).wait_for()  # there is a client, of whom a tab that is seen asks often
    victim = task_of(tab.running().first)
    tab.page.evaluate(HIDE, True)
    eventually(lambda: asked.streams() == [], within=5)
    asked.requests.clear()
    until = monotonic() + 2.5
    kill_outside(room, victim)
    eventually(lambda: len(room.containers()) == 3 and tab.page.title() and monotonic() > until, within=10)
    assert asked.requests == []
    tab.page.evaluate(HIDE, False)
    await_gone(tab.page, victim)
    tab.expect_running(3)
    eventually(lambda: asked.streams() == [tab.page], within=5)


GREENS = r"""() => [...document.querySelectorAll('#cluster *')].filter((part) => {
  const isGrey = (one) => one && (getComputedStyle(one).filter.includes('grayscale') || isGrey(one.parentElement))
  const numbers = (name) => getComputedStyle(part)[name].match(/\d+/g)?.map(Number) ?? []
  const isGreen = ([red, green, blue]) => green > red && green > blue
  const names = ['color', 'backgroundColor', 'borderTopColor', 'borderLeftColor', 'fill']
  return part.checkVisibility() && !isGrey(part) && names.map(numbers).some(isGreen)
}).map((part) => part.outerHTML)"""


def expect_no_green(tab: Tab) -> None:
    eventually(lambda: tab.page.evaluate(GREENS) == [], within=5)
    assert ["not known now" in text for text in tab.page.locator(".tile").all_inner_texts()] == [True] * 4
    assert "not known now" in tab.page.locator("#schedule-list li").inner_text()


def test_without_an_engine_or_a_connection_nothing_is_green(room: Room, tab: Tab, relay: Relay) -> None:
    room.ok("schedule", "add", "nightly", "--cron", "0 2 * * ? *")
    tab.page.locator("#deploy-service").click()
    tab.page.locator("#run-task").click()
    tab.expect_running(3)
    tab.expect_running(1, "standalone")
    tab.page.locator("[data-condition=STEADY]").wait_for()
    tab.page.locator("#schedule-list [role=status]").get_by_text("ENABLED").wait_for()
    assert len(tab.page.evaluate(GREENS)) >= 5
    try:
        relay.close()
        tab.page.locator("#problem").get_by_text("The container engine does not answer").wait_for()
        expect_no_green(tab)
    finally:
        relay.open()
    tab.page.locator("#problem").wait_for(state="hidden")
    tab.expect_running(3)
    room.kill_controller()
    tab.page.locator("html[data-connection=lost]").wait_for()
    assert "not known to be true" in tab.page.locator("#connection").inner_text()
    expect_no_green(tab)
    restart_controller(room, tab)
    tab.expect_running(3)


def test_names_with_markup_are_shown_and_not_run(room: Room, tab: Tab) -> None:
    hostile = "</script><img src=x onerror=document.title='run'>"
    told = room.aws("run-task", "--cluster", "my-cluster", "--task-definition", "batch-job:1", "--group", hostile)
    room.aws("stop-task", "--cluster", "my-cluster", "--task", told["tasks"][0]["taskArn"], "--reason", hostile)
    for where in ("#standalone-tiles", "#log"):
        tab.page.locator(where).get_by_text(hostile).wait_for()
    assert (tab.page.title() == "run", tab.page.locator("img").count()) == (False, 0)


ACT, BODY, TYPE = "/page/do/ecs/DeleteCluster", '{"cluster": "spare"}', "application/json"
TRIES = """async ([page, act, body, type, invitation]) => {
  const make = (tag, more) => document.body.appendChild(Object.assign(document.createElement(tag), more))
  const frames = [{src: page}, {src: invitation}, {name: 'answer'}].map((more) => make('iframe', more))
  const form = make('form', {method: 'post', action: page + act, enctype: 'text/plain', target: 'answer'})
  form.append(make('input', {name: body.replace('}', ', "x": "'), value: '"}'})), form.submit()
  while (frames.some((frame) => frame.contentDocument)) await new Promise((done) => setTimeout(done, 20))
  const read = (path, more) => fetch(page + path, {credentials: 'include', ...more}).then((told) => told.text())
  const come = (from) => new Promise((on, off) => Object.assign(from, {onload: on, onmessage: on, onerror: off}))
  const tried = await Promise.allSettled([
    read('/state'), read('/state', {mode: 'no-cors'}), come(make('script', {src: page + '/page/cluster.js'})),
    come(make('img', {src: page + '/state'})), come(new EventSource(page + '/events', {withCredentials: true})),
    read(act, {method: 'POST', body, headers: {'content-type': type}}), read(act, {method: 'POST', body}),
  ])
  return tried.map(({value}) => value ?? '')
}"""


def test_other_pages_of_the_same_browser_read_nothing_do_nothing_and_frame_nothing(room: Room, tab: Tab) -> None:
    page = tab.page.url[:-1]
    room.aws("create-cluster", "--cluster-name", "spare")
    with a_server(answering(body="<!doctype html><body>", headers="Content-Type: text/html\r\n")) as site:
        for origin in (site, site.replace("127.0.0.1", "localhost")):
            stranger = tab.page.context.new_page()
            stranger.goto(origin)
            asked = Asked(tab.page.context)
            assert stranger.evaluate(TRIES, [page, ACT, BODY, TYPE, address(room)]) == [""] * 7
            assert all(frame.evaluate("location.href").startswith("chrome-error:") for frame in stranger.frames[1:])
            sent = [one for one in asked.requests if one.frame in stranger.frames[1:]]
            assert ["cookie" in one.all_headers() for one in sent] == [origin == site] * 3, "ports are no sites"
            stranger.close()
    assert room.aws("describe-clusters", "--clusters", "spare")["clusters"][0]["status"] == "ACTIVE"
    itself = {"Origin": page, "Content-Type": TYPE}
    assert tab.page.request.post(page + ACT, data=BODY, headers=itself).status == 401, "any port is sent the cookie"
    key = {"x-chaos-ecs-act": tab.page.evaluate("localStorage.getItem('chaos-ecs.act')")}
    assert tab.page.request.post(page + ACT, data=BODY, headers=itself | key).ok, "it may"


def test_nobody_comes_in_by_another_name_or_without_an_invitation(room: Room, tab: Tab) -> None:
    port = urlsplit(tab.page.url).port or 0
    here, mine = f"Host: 127.0.0.1:{port}", "Cookie: {name}={value}".format(**tab.page.context.cookies()[0])

    def status(*lines: str) -> int:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall("\r\n".join([*lines, "Connection: close", "", ""]).encode())
            code, _, rest = connection.makefile().read().removeprefix("HTTP/1.1 ").partition(" ")
        assert code == "200" or "set-cookie" not in rest.lower()
        return int(code)

    look = "GET /state HTTP/1.1"
    assert status(look, here, mine) == 200
    assert status(look, here) == status(look, here, f"{mine}0") == status(look, here, mine, "Host: evil.example") == 400
    assert status("GET /state HTTP/1.0", mine) == 403, "no name at all"
    invitation = f"GET /?{urlsplit(address(room)).query} HTTP/1.1"
    for name in (f"evil.example:{port}", f"127.0.0.1:{port + 1}", "127.0.0.1", f"127.0.0.1:{port}.evil.example"):
        act = (f"POST {ACT} HTTP/1.1", f"Origin: http://{name}", f"Content-Type: {TYPE}", "Content-Length: 0")
        for lines in ([look], ["GET /events HTTP/1.1"], [invitation], act):
            assert status(*lines, f"Host: {name}", mine) == 403, (name, lines)
    assert [status(f"GET /{query} HTTP/1.1", here) for query in ("", "?token=", "?token=guessed")] == [401] * 3
    assert [status(invitation, here) for _ in range(2)] == [200, 401], "it is good once"


def test_a_second_tab_hears_each_event_once_however_slowly_it_is_told_the_state(room: Room, tab: Tab) -> None:
    other = tab.page.context.new_page()
    other.add_init_script("""const ask = window.fetch
      const late = (answer) => new Promise((resolve) => setTimeout(() => resolve(answer), 400))
      window.fetch = (what, how) => what === '/state' ? ask(what, how).then(late) : ask(what, how)""")
    other.goto(tab.page.url)
    other.locator("html[data-connection=live]").wait_for()
    tab.page.locator("#deploy-service").click()
    tab.expect_running(3)
    tab.running().first.click()
    tab.page.locator(".block[data-condition=STEADY]").wait_for()
    tab.page.locator("#log").get_by_text("RECOVERED IN").wait_for()
    lines = "() => [...document.querySelectorAll('#log p')].map((line) => line.dataset.type)"
    eventually(lambda: other.evaluate(lines) == tab.page.evaluate(lines), within=10)
