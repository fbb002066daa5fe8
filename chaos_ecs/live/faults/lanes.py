"""Work of one lane in the order it came, lanes side by side: no undoing overtakes what it is to undo."""

from __future__ import annotations

import threading
from collections import deque
from functools import partial

from chaos_ecs.live.faults.outcomes import Key
from chaos_ecs.live.workers import Job, Workers


class Lanes:
    def __init__(self, workers: Workers) -> None:
        self._workers = workers
        self._lock = threading.Lock()
        self._waiting: dict[Key, deque[Job]] = {}  # a lane is there as long as it has work; the first is under way

    def submit(self, key: Key, job: Job) -> None:
        with self._lock:
            if key in self._waiting:
                self._waiting[key].append(job)
                return
            self._waiting[key] = deque([job])
        self._workers.submit(partial(self._work, key))

    def _work(self, key: Key) -> None:
        try:
            self._waiting[key][0]()
        finally:
            with self._lock:
                lane = self._waiting[key]
                lane.popleft()
                if not lane:
                    del self._waiting[key]
            if lane:
                self._workers.submit(partial(self._work, key))
