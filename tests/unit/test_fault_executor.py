"""What becomes of a fault when the engine says no, or nothing at all; and in which order effects are carried out."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest
import requests
from docker.errors import APIError, NotFound

from chaos_ecs.core.fault_messages import (
    HitActive,
    HitPrior,
    HitRefused,
    HitStuck,
    HitUndone,
    InjectHit,
    UndoHit,
)
from chaos_ecs.core.recipe import Means, Recipe
from chaos_ecs.live.faults import helpers
from chaos_ecs.live.faults.executor import AT_ONCE, FaultExecutor
from chaos_ecs.live.faults.helpers import Toolbox, Word
from chaos_ecs.live.faults.lanes import Lanes
from chaos_ecs.live.labels import Home
from chaos_ecs.live.workers import Workers
from tests.builders import CLUSTER

FREEZE = Recipe(Means.FREEZE)
NEW = InjectHit("flt-1", 0, CLUSTER, "arn", "app", "victim", FREEZE, "", 30.0, "test")
HIT = replace(NEW, prior="null")  # it has no port whose answer could be on record
UNDOING = UndoHit("flt-1", 0, "arn", "app", "victim", FREEZE, HIT.prior, "test")
WITHIN_SECONDS = 5.0


class FakeEngine:
    """One container, which can be paused; `trouble` is raised when somebody tries."""

    base_url = "http+docker://elsewhere"

    def __init__(self, trouble: Exception | None = None) -> None:
        self.trouble = trouble
        self.runs = True
        self.paused = False

    def get_adapter(self, _: str) -> object:
        return object()

    def inspect_container(self, runtime_id: str) -> dict[str, Any]:
        if runtime_id != "victim":
            raise NotFound("no such container")
        state = {"Running": self.runs, "Paused": self.paused, "Pid": 1}
        return {"Id": runtime_id, "State": state, "HostConfig": {}, "NetworkSettings": {}}

    def pause(self, _: str) -> None:
        self._set_paused(True)

    def unpause(self, _: str) -> None:
        self._set_paused(False)

    def _set_paused(self, paused: bool) -> None:
        if self.trouble is not None:
            raise self.trouble
        self.paused = paused


class Bench:
    """The executor on such an engine, and all that comes of it: facts, and why a connection was given up."""

    def __init__(self, engine: FakeEngine, *, away_for: int = 0) -> None:
        """`away_for` so many effects the engine is not there."""
        self._engine = engine
        self._away_for = away_for
        self._told: list[object] = []
        self._changed = threading.Condition()
        toolbox = Toolbox(Home("home", "/nowhere"), _no_images)
        self.executor = FaultExecutor(toolbox, self, self._tell, self._tell)  # type: ignore[arg-type]
        self.executor.open()

    @property
    def client(self) -> FakeEngine | None:
        self._away_for -= 1
        return self._engine if self._away_for < 0 else None

    def lose(self, reason: str, _: object) -> None:
        self._tell(reason)

    def look_at(self, _: str) -> None:
        raise AssertionError("nothing changed that the engine would not tell")

    def after(self, *effects: InjectHit | UndoHit, tells: int = 0) -> list[object]:
        """What was told, once there is something for each of them, or so much."""
        for effect in effects:
            self.executor.execute(effect)
        with self._changed:
            wanted = tells or len(effects)
            assert self._changed.wait_for(lambda: len(self._told) == wanted, WITHIN_SECONDS), self._told
        self.executor.close()
        return self._told

    def _tell(self, what: object) -> None:
        with self._changed:
            self._told.append(what)
            self._changed.notify_all()


def _no_images(_: object) -> Any:
    raise AssertionError("no helper is needed")


def a_refusal() -> APIError:
    response = requests.Response()
    response.status_code = 500
    return APIError("no", response=response, explanation="the freezer is not there")


def test_what_was_measured_is_told() -> None:
    assert Bench(FakeEngine()).after(HIT, UNDOING) == [
        HitActive("flt-1", 0, "paused (it publishes no port on this machine to ask)"),
        HitUndone("flt-1", 0, "not paused any more"),
    ]


def test_before_anything_is_done_it_is_put_on_record_that_nobody_has_done_it() -> None:
    engine = FakeEngine()
    assert Bench(engine).after(NEW) == [HitPrior("flt-1", 0, HIT.prior)]
    assert not engine.paused


def test_what_somebody_else_has_paused_is_refused_and_stays_paused() -> None:
    engine = FakeEngine()
    engine.paused = True
    refused, undone = Bench(engine).after(NEW, replace(UNDOING, prior=""))
    assert refused == HitRefused("flt-1", 0, "it is paused before anything was done: nothing could be told")
    assert undone == HitUndone("flt-1", 0, "nothing had been done to it yet")
    assert engine.paused


def test_what_the_controller_had_paused_before_it_crashed_is_its_own() -> None:
    engine = FakeEngine()
    engine.paused = True
    assert Bench(engine).after(HIT, UNDOING) == [
        HitActive("flt-1", 0, "paused (it publishes no port on this machine to ask)"),
        HitUndone("flt-1", 0, "not paused any more"),
    ]
    assert not engine.paused


def test_what_the_engine_refuses_is_told_in_its_words() -> None:
    engine = FakeEngine(a_refusal())
    assert Bench(engine).after(HIT) == [HitRefused("flt-1", 0, "the freezer is not there")]
    engine.paused = True
    assert Bench(engine).after(UNDOING) == [HitStuck("flt-1", 0, "the freezer is not there")]


def test_of_an_engine_that_does_not_answer_nothing_is_told_but_that() -> None:
    lost = FakeEngine(requests.exceptions.ConnectionError("connection reset by peer"))
    assert Bench(lost).after(HIT) == ["connection reset by peer"]


def test_what_is_asked_while_the_engine_is_away_is_passed_over() -> None:
    told = Bench(FakeEngine(), away_for=1).after(HIT, UNDOING, tells=1)
    assert told == [HitUndone("flt-1", 0, "not paused any more")]


@pytest.mark.parametrize("effect", [HIT, UNDOING])
def test_a_fault_ends_with_its_victim(effect: InjectHit | UndoHit) -> None:
    engine = FakeEngine()
    engine.runs = False
    assert Bench(engine).after(effect) == [HitUndone("flt-1", 0, "the container is gone, and the fault with it")]
    unknown = replace(effect, runtime_id="another")
    assert Bench(engine).after(unknown) == [HitUndone("flt-1", 0, "the container is gone, and the fault with it")]


def test_a_victim_that_ends_while_it_is_hurt_is_gone_and_no_trouble() -> None:
    class Dying(FakeEngine):
        def pause(self, _: str) -> None:
            self.runs = False
            raise a_refusal()

    assert Bench(Dying()).after(HIT) == [HitUndone("flt-1", 0, "the container is gone, and the fault with it")]


def test_what_is_over_does_not_begin_anew() -> None:
    engine = FakeEngine()
    *_, undone, again = Bench(engine).after(HIT, UNDOING, HIT)
    assert undone == again
    assert not engine.paused


def test_an_undoing_waits_for_no_injection_but_its_own() -> None:
    class Slow(FakeEngine):
        """Pausing takes as long as it likes."""

        at_last = threading.Event()

        def pause(self, _: str) -> None:
            assert self.at_last.wait(WITHIN_SECONDS * 2)

    engine = Slow()
    bench = Bench(engine)
    for number in range(2 * AT_ONCE):
        bench.executor.execute(replace(HIT, fault_id=f"slow-{number}"))
    try:
        assert bench.after(UNDOING) == [HitUndone("flt-1", 0, "not paused any more")]
    finally:
        engine.at_last.set()


def test_a_lane_does_its_work_in_order_and_does_not_hold_up_others() -> None:
    bugs: list[Exception] = []
    workers = Workers("test", 2, bugs.append)
    workers.open()
    lanes, done, others, all_done = Lanes(), list[str](), threading.Event(), threading.Event()

    def first() -> None:
        assert others.wait(WITHIN_SECONDS)
        done.append("first")
        raise ValueError("a bug")

    lanes.submit(("one", 0), first, workers)
    lanes.submit(("one", 0), lambda: done.append("second"), workers)
    lanes.submit(("one", 0), all_done.set, workers)
    lanes.submit(("other", 0), lambda: done.append("other"), workers)
    lanes.submit(("other", 0), others.set, workers)
    assert all_done.wait(WITHIN_SECONDS)
    workers.close()
    assert done == ["other", "first", "second"]
    assert [str(bug) for bug in bugs] == ["a bug"]


def test_the_words_of_a_helper_are_read_whatever_pieces_they_come_in_and_whatever_else_comes() -> None:
    pieces = [
        b'{"told": "act',
        b'ive", "says": "slow"}\nnoise\n{"told": "x", "says": "y"}\n[1]\n',
        b'{"told": "undone"',
    ]
    said = list(helpers.read([*pieces, b', "says": "quick"}\n']))
    assert said == [Word("active", "slow"), Word("undone", "quick")]
    assert [word.is_last for word in said] == [False, True]
