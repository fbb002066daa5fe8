"""Work of one lane in the order it came, lanes side by side: no undoing overtakes what it is to undo.

Each piece of work names the workers that do it, so that what may wait long (hurting) does not hold up what may not
(healing) in other lanes.
"""

from __future__ import annotations

import threading
from collections import deque
from functools import partial

from chaos_ecs.live.faults.outcomes import Key
from chaos_ecs.live.workers import Job, Workers


class Lanes:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[Key, deque[tuple[Workers, Job]]] = {}
        """A lane is there as long as it has work; the first is under way."""

    def submit(self, key: Key, job: Job, workers: Workers) -> None:
        with self._lock:
            if key in self._waiting:
                self._waiting[key].append((workers, job))
                return
            self._waiting[key] = deque([(workers, job)])
        workers.submit(partial(self._work, key))

    def _work(self, key: Key) -> None:
        try:
            _, job = self._waiting[key][0]
            job()
        finally:
            with self._lock:
                lane = self._waiting[key]
                lane.popleft()
                if not lane:
                    del self._waiting[key]
            if lane:
                workers, _ = lane[0]
                workers.submit(partial(self._work, key))
