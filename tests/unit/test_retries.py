"""What keeps trying while an engine is away does so for as long as it takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from docker import APIClient

from chaos_ecs.core.container_instances import EngineRoom
from chaos_ecs.core.messages import Effect, Fact
from chaos_ecs.core.state import State
from chaos_ecs.live import engine
from chaos_ecs.live.agent import AgentRelay
from chaos_ecs.live.balancer import HaproxyBalancer
from chaos_ecs.live.labels import Home
from chaos_ecs.live.retries import pause_after

HOME = Home("home", "/nowhere")
FAILURES = 5000  # the engine is away for a night: 2.0 ** 1024 is an OverflowError


class NoRuntime:
    """Has nothing to do and nothing to tell."""

    def open(self, wake: Callable[[], None]) -> None: ...
    def poll(self) -> Sequence[Fact]:
        return ()

    def execute(self, effects: Sequence[Effect]) -> None: ...
    def next_fact_at(self) -> float | None:
        return None

    def logs(self, runtime_id: str, since: float, tail: int | None) -> Sequence[tuple[float, str]]:
        return ()

    def abilities(self) -> Mapping[str, str]:
        return {}

    def examine(self, name: str) -> EngineRoom:
        raise AssertionError("nobody asks")

    def close(self) -> None: ...


def _is_away() -> APIClient:
    raise engine.down("unix:///nowhere", "nobody answers")


def _no_images(_: object) -> Any:
    raise AssertionError("no image is needed")


def an_agent() -> AgentRelay:
    relay = AgentRelay(NoRuntime(), _is_away, HOME, _no_images)
    relay.serve(State(""), lambda call: pytest.fail(f"nobody can ask: {call}"))
    return relay


def a_balancer() -> HaproxyBalancer:
    return HaproxyBalancer(_is_away, HOME, _no_images)


def test_each_pause_is_twice_as_long_as_the_one_before_up_to_the_longest() -> None:
    pauses = [pause_after(failures, first=0.2, longest=5.0) for failures in (1, 2, 3, 5, 6, FAILURES)]
    assert pauses == [0.2, 0.4, 0.8, 3.2, 5.0, 5.0]


@pytest.mark.parametrize("made", [an_agent, a_balancer])
def test_an_engine_that_is_away_for_long_stops_nobody(made: Callable[[], AgentRelay | HaproxyBalancer]) -> None:
    keeper = made()
    keeper._failures = FAILURES
    keeper.open(lambda: None)
    keeper.close()
    assert keeper.poll() == ([] if isinstance(keeper, HaproxyBalancer) else ())
