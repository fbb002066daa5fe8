"""What an operation is handed, and how it answers: a `Call` in, a Future out.

Operations never wait: they ask the controller, whose loop answers between two steps, and what needs several answers
is put together with `then`. So the border works the same under a server's event loop and in a test that steps the
controller by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError, Executor, Future
from dataclasses import dataclass
from typing import Any, TypeVar

from chaos_ecs.api.page.sessions import Sessions
from chaos_ecs.api.task_cache import TaskCache
from chaos_ecs.controller import Answer, Build, Controller
from chaos_ecs.core.state import State

A = TypeVar("A")
B = TypeVar("B")


@dataclass(frozen=True)
class Surroundings:
    """What operations need besides the request: the same for all of them."""

    controller: Controller
    task_cache: TaskCache
    background: Executor  # for what may block, such as reading logs
    info: Mapping[str, Any]  # what GetController tells and the controller does not know; a function is asked for it
    stop: Callable[[], None]
    sessions: Sessions  # of the cluster page
    share: Callable[[], Sequence[str]]  # opens a door for guests; its addresses


@dataclass(frozen=True)
class Call:
    """One call of an operation: its validated input and the region it was signed for."""

    surroundings: Surroundings
    region: str
    params: Mapping[str, Any]

    def ask(self, question: Callable[[State, float], A]) -> Future[A]:
        """A question to State, answered between two steps."""
        return self.surroundings.controller.ask(question)

    def request(self, build: Build, answer: Answer[A]) -> Future[A]:
        """A Command, built from State, and the answer once it is on disk."""
        return self.surroundings.controller.request(build, answer)


def done(value: A) -> Future[A]:
    """An answer that is there already."""
    future: Future[A] = Future()
    future.set_result(value)
    return future


def then(first: Future[A], go_on: Callable[[A], Future[B]]) -> Future[B]:
    """The answer of what `go_on` begins once the first one is there. `go_on` runs on the answering thread: it must
    not block."""
    result: Future[B] = Future()
    result.set_running_or_notify_cancel()

    def begin(finished: Future[A]) -> None:
        if error := finished.exception():
            result.set_exception(error)
            return
        try:
            second = go_on(finished.result())
        except Exception as trouble:  # noqa: BLE001 (handed on to whoever waits for the answer)
            result.set_exception(trouble)
            return
        second.add_done_callback(finish)

    def finish(finished: Future[B]) -> None:
        if finished.cancelled():  # by an executor that is shut down
            result.set_exception(CancelledError())
        elif error := finished.exception():
            result.set_exception(error)
        else:
            result.set_result(finished.result())

    first.add_done_callback(begin)
    return result


def all_settled(futures: list[Future[A]]) -> Future[list[Future[A]]]:
    """The same futures, once every one of them is done, well or not. They must be answered on one thread."""
    result: Future[list[Future[A]]] = Future()
    result.set_running_or_notify_cancel()
    waiting = [len(futures)]

    def count(_: Future[A]) -> None:
        waiting[0] -= 1
        if not waiting[0]:
            result.set_result(futures)

    for future in futures:
        future.add_done_callback(count)
    if not futures:
        result.set_result([])
    return result
