"""Our client beside a command: steady requests on a thread of their own; what they came to waits until it is taken.

Never here: sending and timing (see `chaos_ecs/probe/`), and what is made of the answers (see `scoreboard.py`).
"""

from __future__ import annotations

import queue
import threading
import time
from contextlib import suppress
from typing import Protocol

from chaos_ecs.probe.engine import Aim, Engine, Watcher
from chaos_ecs.probe.exchange import places
from chaos_ecs.probe.tally import Result

TIMEOUT_SECONDS = 2.0
_KEY = "client"


class Asks(Protocol):
    """Who asks."""

    def begin(self) -> None:
        """From now on; the times of answers are counted from here."""
        ...

    def taken(self) -> list[Result]:
        """What has ended since this was asked last; `at` in seconds since the beginning."""
        ...

    def end(self) -> None:
        """May be called twice, and without a beginning."""
        ...


class Nobody:
    """Where nobody can be asked."""

    def begin(self) -> None:
        """Nobody asks."""

    def taken(self) -> list[Result]:
        return []

    def end(self) -> None:
        """Nobody asked."""


class Asker:
    """`rate` requests a second to a URL of this machine; one that is not answered in time has failed."""

    def __init__(self, url: str, rate: float, *, timeout: float = TIMEOUT_SECONDS) -> None:
        self._aim = Aim(places(url)[0], rate, timeout)
        self._ended: queue.SimpleQueue[Result] = queue.SimpleQueue()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._engine: Engine | None = None

    def begin(self) -> None:
        self._engine = Engine(_Noting(self._ended, time.monotonic()))
        self._thread = threading.Thread(target=self._run, args=(self._engine,), name="client", daemon=True)
        self._thread.start()

    def taken(self) -> list[Result]:
        found: list[Result] = []
        with suppress(queue.Empty):
            while True:
                found.append(self._ended.get_nowait())
        return found

    def end(self) -> None:
        if self._engine is not None and self._thread is not None:
            self._engine.call(self._over.set)
            self._thread.join()
            self._thread = None

    def _run(self, engine: Engine) -> None:
        try:
            engine.aim(_KEY, self._aim)
            engine.run(self._over.is_set)
        finally:
            engine.close()


class _Noting(Watcher):
    """Puts each answer into a queue, with when it ended on the clock of the run."""

    def __init__(self, ended: queue.SimpleQueue[Result], began_at: float) -> None:
        self._ended = ended
        self._began_at = began_at

    def ended(self, key: str, result: Result) -> None:
        at = time.monotonic() - self._began_at
        self._ended.put(Result(at, result.seconds, result.cause, result.task))
