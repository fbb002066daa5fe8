"""The agent's own program, where requests wait for a controller: `task_images/toolbox/agent.py` without its sockets."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from chaos_ecs.live.images import task_images_folder

NO_ANSWER = (500, {"Error": "internal error"})


def _program() -> Any:
    spec = importlib.util.spec_from_file_location("toolbox_agent", task_images_folder() / "toolbox" / "agent.py")
    assert spec is not None
    assert spec.loader is not None
    program = sys.modules["toolbox_agent"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)
    return program


AGENT = _program()


class Room:
    """A desk, tasks that ask at it, and what it has told the controller."""

    def __init__(self, output: pytest.CaptureFixture[str], threads: ThreadPoolExecutor) -> None:
        self._output, self._threads = output, threads
        self._told: list[dict[str, Any]] = []
        self.desk = AGENT.Desk(silence=5.0, patience=5.0)

    def ask(self, path: str) -> Future[Any]:
        """Once it waits."""
        waits = len(self.desk._open)
        future = self._threads.submit(self.desk.ask, {"path": path})
        _wait_until(lambda: len(self.desk._open) > waits or future.done())
        return future

    def hear(self, **said: Any) -> None:
        self.desk.hear(json.dumps(said) if said else "\n")

    @property
    def told(self) -> list[tuple[int, str]]:
        self._told += [json.loads(line) for line in self._output.readouterr().out.splitlines()]
        return [(one["number"], one["path"]) for one in self._told]


def _wait_until(check: Any) -> None:
    for _ in range(1000):
        if check():
            return
        AGENT.threading.Event().wait(0.005)
    raise AssertionError


@pytest.fixture
def room(capsys: pytest.CaptureFixture[str]) -> Iterator[Room]:
    with ThreadPoolExecutor(4) as threads:
        yield Room(capsys, threads)


def test_a_request_is_told_to_the_controller_and_its_answer_to_whoever_asked(room: Room) -> None:
    room.hear(hello=True)
    one, other = room.ask("/one"), room.ask("/other")
    assert room.told == [(1, "/one"), (2, "/other")]
    room.hear(number=2, status=409, body={"Error": "no"})
    room.hear(number=1, status=200, body={"Status": "running"})
    assert (one.result(5), other.result(5)) == ((200, {"Status": "running"}), (409, {"Error": "no"}))


def test_what_is_asked_before_there_is_a_controller_waits_for_it(room: Room) -> None:
    early = room.ask("/early")
    assert room.told == []
    room.hear(hello=True)
    assert room.told == [(1, "/early")]
    room.hear(number=1, status=200, body={})
    assert early.result(5) == (200, {})


def test_what_another_controller_was_told_has_no_answer(room: Room) -> None:
    room.hear(hello=True)
    lost = room.ask("/lost")
    room.hear(hello=True)
    assert lost.result(5) == NO_ANSWER
    assert room.told == [(1, "/lost")]


def test_a_controller_that_says_nothing_any_more_is_not_waited_for(room: Room) -> None:
    room.desk = AGENT.Desk(silence=0.1, patience=60.0)
    room.hear(hello=True)
    lost = room.ask("/lost")
    assert lost.result(5) == NO_ANSWER
    late = room.ask("/late")
    assert len(room.told) == 1
    room.hear()  # it was only slow
    room.hear(hello=True)
    _wait_until(lambda: len(room.told) == 2)
    assert late.result(5) == NO_ANSWER


def test_nobody_waits_for_ever_for_a_controller_that_does_not_come(room: Room) -> None:
    room.desk = AGENT.Desk(silence=0.1, patience=0.2)
    assert room.ask("/never").result(5) == NO_ANSWER
    assert room.told == []


@pytest.mark.parametrize("line", ["{", "[]", "[7]", "7", '{"number": 1}', '{"number": "x"}', "\n"])
def test_a_line_that_makes_no_sense_ends_nothing(room: Room, line: str) -> None:
    room.hear(hello=True)
    waits = room.ask("/x")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", iter([line]))
        AGENT.listen(room.desk)
    assert not waits.done()
    room.hear(number=1, status=200, body={})
    assert waits.result(5) == (200, {})
