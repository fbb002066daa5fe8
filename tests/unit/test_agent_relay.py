"""When the agent of tasks is made, what its image has to do with it, and how often the engine is asked for that."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from docker.errors import NotFound

from chaos_ecs.core.messages import RemoveNetwork, StartContainer
from chaos_ecs.core.state import State
from chaos_ecs.live.agent import AgentRelay
from chaos_ecs.live.images import ImageError
from chaos_ecs.live.labels import Home
from tests.builders import CLUSTER, a_container, a_simulation, a_standalone_task, registered
from tests.unit.test_retries import NoRuntime

HOME = Home("abcdef123456", "/nowhere")
NEEDED = "the task metadata endpoint needs the image chaos-ecs/toolbox:1: chaos-ecs images build toolbox"


class Socket:
    """Whoever reads waits until it is closed."""

    def __init__(self) -> None:
        self.closed = threading.Event()

    def recv(self, size: int) -> bytes:
        self.closed.wait()
        return b""

    def shutdown(self, how: int) -> None:
        self.closed.set()

    def close(self) -> None:
        self.closed.set()

    def settimeout(self, seconds: float) -> None: ...
    def sendall(self, what: bytes) -> None: ...


class World:
    """The engine, whoever brings images to it, and the time; `calls` are the engine's."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.calls: list[float] = []
        self.clients = self.made = 0
        self.agent: dict[str, Any] | None = None
        self.network_is_there = True
        self.has_tag = self.is_current = False
        self.builds: list[tuple[float, float]] = []
        self.build: Callable[[], None] = self.built

    # --- the engine ---

    def connect(self) -> Any:
        self.clients += 1
        return self

    def close(self) -> None:
        self.clients -= 1

    def inspect_image(self, image: str) -> dict[str, Any]:
        self._asked()
        if not self.has_tag:
            raise NotFound(image)
        return {}

    def inspect_container(self, name: str) -> dict[str, Any]:
        self._asked()
        if self.agent is None:
            raise NotFound(name)
        return self.agent

    def inspect_network(self, name: str) -> dict[str, Any]:
        self._asked()
        if not self.network_is_there:
            raise NotFound(name)
        return {"Name": name, "Labels": {}, "Containers": {"a task": {}}, "IPAM": {"Config": []}, "Options": {}}

    def create_container_from_config(self, config: dict[str, Any], name: str) -> dict[str, str]:
        self._asked()
        self.made += 1
        networks = {"Networks": config["NetworkingConfig"]["EndpointsConfig"]}
        self.agent = {"Id": "agent", "State": {"Running": True}, "Config": config, "NetworkSettings": networks}
        return {"Id": "agent"}

    def start(self, container: str) -> None: ...

    def attach_socket(self, *_: Any, **__: Any) -> Socket:
        return Socket()

    def _asked(self) -> None:
        self.calls.append(self.now)
        self.now += 0.01

    # --- images ---

    def is_here(self, image: str) -> bool:
        self._asked()
        return self.has_tag and self.is_current

    def ensure(self, image: str, on_pull: Callable[[], None]) -> None:
        if not (self.has_tag and self.is_current):
            began = self.now
            self.now += 100  # as a build takes
            self.builds.append((began, self.now))
            self.build()

    def built(self) -> None:
        self.has_tag = self.is_current = True

    def fails(self) -> None:
        raise ImageError("no space left on device")


class Bench:
    """The relay's worker, stepped by hand."""

    def __init__(self) -> None:
        self.world = World()
        world: Any = self.world
        self.relay = AgentRelay(NoRuntime(), world.connect, HOME, lambda client: world, lambda: self.world.now)
        self.relay.serve(State(""), lambda call: pytest.fail(f"nobody asks: {call}"))

    def start(self, *, may: bool = False, cluster: str = CLUSTER) -> None:
        """A task, which may break its network or not."""
        simulation = a_simulation()
        task = a_standalone_task(simulation, definition=registered(simulation, a_container()))
        task = replace(task, cluster_arn=cluster, fault_injection=may)
        self.relay.execute([StartContainer(task, a_container(), "because the test wants it")])
        self.let_pass(0)

    def let_pass(self, seconds: float) -> None:
        until = self.world.now + seconds
        while self.relay._has_news or self._next_at() <= until:
            if not self.relay._has_news:
                self.world.now = max(self.world.now, self._next_at())
            self.relay._attend(dict(self.relay._clusters))
        self.world.now = max(self.world.now, until)

    def _next_at(self) -> float:
        pause = self.relay._pause()
        return float("inf") if pause is None else self.world.now + pause


@pytest.fixture
def bench(caplog: pytest.LogCaptureFixture) -> Iterator[Bench]:
    caplog.set_level(logging.INFO, "chaos_ecs.live.agent")
    bench = Bench()
    yield bench
    bench.relay._hang_up()


@pytest.mark.parametrize("is_stale", [False, True])
def test_nothing_is_built_for_a_task_that_has_not_asked_for_it_and_the_log_says_once_what_is_missing(
    bench: Bench, caplog: pytest.LogCaptureFixture, is_stale: bool
) -> None:
    bench.world.has_tag = is_stale
    bench.start()
    bench.let_pass(3600)
    bench.start(cluster=CLUSTER + "2")
    assert (bench.world.builds, bench.world.made) == ([], 0)
    assert [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING] == [NEEDED]


def test_an_agent_comes_some_seconds_after_its_image_for_which_the_engine_is_asked_little(bench: Bench) -> None:
    bench.start()
    bench.world.calls.clear()
    bench.let_pass(600)
    gaps = [later - earlier for earlier, later in zip(bench.world.calls, bench.world.calls[1:], strict=False)]
    assert min(gaps) >= 5
    bench.world.built()
    bench.let_pass(5)
    assert bench.world.made == 1
    bench.world.calls.clear()
    bench.let_pass(600)
    assert bench.world.calls == [], "once it is there nothing is asked"


def test_nobody_looks_for_an_image_that_no_cluster_needs_any_more(bench: Bench) -> None:
    bench.start()
    bench.relay.execute([RemoveNetwork(CLUSTER, "because the test wants it")])
    bench.let_pass(10)
    bench.world.calls.clear()
    bench.let_pass(600)
    assert bench.world.calls == []


def test_it_is_built_at_once_for_a_task_that_may_break_its_network_also_while_others_do_without(bench: Bench) -> None:
    bench.start()
    assert bench.world.made == 0
    bench.start(may=True)
    assert (len(bench.world.builds), bench.world.made) == (1, 1)


def test_a_build_that_fails_is_told_once_and_tried_less_and_less_often(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.world.build = bench.world.fails
    bench.start(may=True)
    bench.let_pass(3600)
    rests = [began - ended for (_, ended), (began, _) in zip(bench.world.builds, bench.world.builds[1:], strict=False)]
    assert rests == sorted(rests), "from the end of one to the beginning of the next"
    assert rests[-1] >= 60
    assert bench.world.clients <= 1, "no connection is left behind"
    (told,) = [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING]
    assert "no space left on device" in told
    bench.world.build = bench.world.built
    bench.let_pass(200)
    assert bench.world.made == 1


def test_a_network_that_is_still_to_come_is_looked_for_less_and_less_often(bench: Bench) -> None:
    bench.world.built()
    bench.world.network_is_there = False
    bench.start()
    bench.let_pass(60)
    bench.world.calls.clear()
    bench.let_pass(60)
    assert len({round(at) for at in bench.world.calls}) <= 13
    bench.world.network_is_there = True
    bench.let_pass(5)
    assert bench.world.made == 1
