"""What is counted: in total for ever, and by the second for ten minutes. Pure; one thread at a time.

An answer counts in the second in which it came, a request that is sent in the second in which it was sent. Latencies
are those of requests that did not fail; percentiles are nearest-rank.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

SECONDS_KEPT = 600
SECONDS_SHOWN = 60
TASKS_KEPT = 200
CAUSES_KEPT = 50
_BUCKET = math.log(1.01)  # a latency is kept to within half of 1 %
_SHORTEST_SECONDS = 1e-6
_NEARLY_ALL = 99.99


@dataclass(frozen=True, slots=True)
class Result:
    """How one request ended. `at` is when, in seconds since the epoch; `cause` why it failed, "" when it did not."""

    at: float
    seconds: float
    cause: str = ""
    task: str = ""


@dataclass(slots=True)
class Second:
    """`at` is its beginning, whole seconds since the epoch. Latencies in seconds, None where nothing was answered."""

    at: int
    sent: int = 0
    ok: int = 0
    failed: int = 0
    causes: dict[str, int] = field(default_factory=dict)
    tasks: dict[str, int] = field(default_factory=dict)
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None
    max: float | None = None


def percentile(ordered: Sequence[float], percent: float) -> float | None:
    """Nearest-rank, of values in ascending order; None of nothing."""
    if not ordered:
        return None
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)]


def availability(requests: int, failed: int) -> float | None:
    """In percent, with two digits; 100 means that none failed. None before the first request."""
    if not requests:
        return None
    rounded = round((requests - failed) * 100 / requests, 2)
    return min(rounded, _NEARLY_ALL) if failed else rounded


class Tally:
    """Counts results; its memory does not grow with them."""

    def __init__(self) -> None:
        self.ok = 0
        self.failed = 0
        self.longest: float | None = None
        self.causes: dict[str, int] = {}
        self.tasks: dict[str, list[int]] = {}  # by id: answered, and of these failed; the longest silent goes first
        self._seconds: deque[Second] = deque(maxlen=SECONDS_KEPT)
        self._latencies: list[float] = []  # of the newest second
        self._buckets: dict[int, int] = {}

    @property
    def requests(self) -> int:
        """Those that have ended, well or not."""
        return self.ok + self.failed

    @property
    def availability(self) -> float | None:
        return availability(self.requests, self.failed)

    def sent(self, at: float) -> None:
        self._second(at).sent += 1

    def record(self, result: Result) -> None:
        second = self._second(result.at)
        if result.cause:
            self.failed += 1
            second.failed += 1
            second.causes[result.cause] = second.causes.get(result.cause, 0) + 1
            cause = result.cause if result.cause in self.causes or len(self.causes) < CAUSES_KEPT else "other"
            self.causes[cause] = self.causes.get(cause, 0) + 1
        else:
            self.ok += 1
            second.ok += 1
            self._measure(result.seconds)
        if result.task:
            second.tasks[result.task] = second.tasks.get(result.task, 0) + 1
            answered, failed = self.tasks.pop(result.task, (0, 0))
            self.tasks[result.task] = [answered + 1, failed + bool(result.cause)]
            if len(self.tasks) > TASKS_KEPT:
                del self.tasks[next(iter(self.tasks))]

    def percentile(self, percent: float) -> float | None:
        """Over everything, in seconds, to within half of 1 %."""
        rank, seen = math.ceil(percent / 100 * self.ok), 0
        for bucket in sorted(self._buckets):
            seen += self._buckets[bucket]
            if seen >= rank:
                return _SHORTEST_SECONDS * math.exp((bucket + 0.5) * _BUCKET)
        return None

    def seconds(self, newest: int = SECONDS_KEPT) -> list[Second]:
        """The newest so many in which something happened, oldest first; the last of them may go on."""
        self._close()
        return list(islice(self._seconds, max(0, len(self._seconds) - newest), None))

    def figures(self) -> dict[str, Any]:
        """What `GET /state` tells of it (see ARCHITECTURE.md)."""
        newest = self.seconds(SECONDS_SHOWN)
        return {
            "requests": self.requests,
            "failed": self.failed,
            "availability": self.availability,
            "perSecond": [{"at": item.at, "ok": item.ok, "failed": item.failed} for item in newest],
            "causes": dict(self.causes),
            "tasks": {task: {"requests": told[0], "failed": told[1]} for task, told in self.tasks.items()},
            "p50": self.percentile(50),
            "p99": self.percentile(99),
        }

    def _measure(self, seconds: float) -> None:
        self._latencies.append(seconds)
        self.longest = max(seconds, self.longest or 0.0)
        bucket = int(math.log(max(seconds, _SHORTEST_SECONDS) / _SHORTEST_SECONDS) / _BUCKET)
        self._buckets[bucket] = self._buckets.get(bucket, 0) + 1

    def _second(self, at: float) -> Second:
        """The second of this moment: the newest one, which a late result never goes back behind."""
        whole = int(at)
        if not self._seconds or whole > self._seconds[-1].at:
            self._close()
            self._latencies.clear()
            self._seconds.append(Second(whole))
        return self._seconds[-1]

    def _close(self) -> None:
        if not self._latencies:
            return
        second, ordered = self._seconds[-1], sorted(self._latencies)
        second.p50, second.p95, second.p99 = (percentile(ordered, percent) for percent in (50, 95, 99))
        second.max = ordered[-1]


def most_first(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """The greatest count first; equal ones by name."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
