"""A live controller in this process, with its server: for what is asked of it that no command asks for yet."""

from __future__ import annotations

import contextlib
import shutil
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from chaos_ecs import wiring
from chaos_ecs.api.server import Server
from chaos_ecs.config import Settings
from chaos_ecs.controller import Controller
from chaos_ecs.core.messages import Command, Event, OpenRegion
from chaos_ecs.core.state import State
from tests.builders import REGION, eventually
from tests.e2e.simulated import KEYS, Endpoint

PATIENCE_SECONDS = 30


@dataclass
class Hosted(Endpoint):
    settings: Settings
    home_id: str
    controller: Controller
    server: Server
    events: list[Event] = field(default_factory=list)

    @property
    def port(self) -> int:
        return self.server.port

    @property
    def state(self) -> State:
        """To be looked at while nothing happens, or for a moment's view."""
        return self.controller.state

    def submit(self, command: Command) -> None:
        self.controller.request(lambda state: command, lambda state, now, events: None).result(PATIENCE_SECONDS)

    def told(self, type_: str) -> list[Event]:
        return [event for event in list(self.events) if event.type == type_]


@contextlib.contextmanager
def hosted(folder: Path) -> Iterator[Hosted]:
    """On the engine of this machine; what it made there and on others is gone afterwards."""
    settings = Settings(home=folder, port=0, probe_rate=0.0)
    home_id = wiring.prepare_home(settings)
    try:
        with _running(settings, home_id) as one:
            yield one
    finally:
        left = wiring.clean(settings).left
        shutil.rmtree(folder, ignore_errors=True)
    assert left == ()


@contextlib.contextmanager
def _running(settings: Settings, home_id: str) -> Iterator[Hosted]:
    made = wiring._live_controller(settings, home_id)
    controller = made.controller
    threads = [threading.Thread(target=controller.run, name="controller")]
    threads[0].start()
    server = Server(controller, KEYS, port=0, info={"home": str(settings.home), "simulated": False, "seed": None})
    threads.append(threading.Thread(target=server.run, name="server"))
    threads[1].start()
    one = Hosted(settings, home_id, controller, server)
    controller.subscribe(one.events.extend)
    try:
        eventually(lambda: one.state.engine_asked, within=PATIENCE_SECONDS)
        one.submit(OpenRegion(REGION))
        yield one
    finally:
        server.stop()
        controller.stop()
        for thread in threads:
            thread.join(PATIENCE_SECONDS)
        made.release()


@dataclass
class Asked:
    """When, in whole or not, by which task, and after how long."""

    at: float
    ok: bool
    host: str
    seconds: float
    trouble: str = ""


class Client:
    """Goes on asking a listener, `rate` new connections a second from four threads."""

    def __init__(self, url: str, rate: float = 40.0) -> None:
        self._url = url
        self._pause = 4 / rate
        self._ended = threading.Event()
        self.asked: list[Asked] = []
        self._threads = [threading.Thread(target=self._go_on, name="client", daemon=True) for _ in range(4)]

    def __enter__(self) -> Client:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join(15)

    def since(self, at: float) -> list[Asked]:
        return [one for one in list(self.asked) if one.at >= at]

    def hosts(self, at: float) -> set[str]:
        """Who has answered since then: the names of containers."""
        return {one.host for one in self.since(at) if one.ok}

    def _go_on(self) -> None:
        while not self._ended.wait(self._pause):
            at, began = time.time(), time.monotonic()
            try:
                with urllib.request.urlopen(self._url, timeout=10) as answer:
                    text = answer.read().decode()
                host = next(line.split()[1] for line in text.splitlines() if line.startswith("host "))
                self.asked.append(Asked(at, True, host, time.monotonic() - began))
            except (OSError, urllib.error.URLError) as error:
                self.asked.append(Asked(at, False, "", time.monotonic() - began, str(error)))


def wait_for(check: Callable[[], object], within: float = 60) -> None:
    """Longer than `eventually`'s usual pause: the loop under test shares this process."""
    eventually(check, within=within, every=0.1)
