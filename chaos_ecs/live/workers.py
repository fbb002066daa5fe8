"""A few threads that take work from a queue: what keeps `execute` from ever blocking.

Not concurrent.futures: its threads hold up the end of the process until a pull is done, and ours may be cut off
anywhere, as after `kill -9`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue

Job = Callable[[], None]


class Workers:
    """`count` threads; `on_bug` gets whatever a job raises, which no job should."""

    def __init__(self, name: str, count: int, on_bug: Callable[[Exception], None]) -> None:
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._on_bug = on_bug
        self._closed = False
        self._threads = [
            threading.Thread(target=self._work, name=f"{name}-{number}", daemon=True) for number in range(count)
        ]

    def open(self) -> None:
        for thread in self._threads:
            thread.start()

    def submit(self, job: Job) -> None:
        self._jobs.put(job)

    def close(self) -> None:
        """Work not yet begun is dropped; work under way is left to itself."""
        self._closed = True
        for _ in self._threads:
            self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            if self._closed:
                continue
            try:
                job()
            except Exception as error:  # noqa: BLE001 - handed on: a bug must stop the controller, not just this thread
                self._on_bug(error)
