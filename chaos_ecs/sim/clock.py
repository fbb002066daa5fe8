"""A clock that stands still until somebody moves it."""

from __future__ import annotations


class VirtualClock:
    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self._now = now

    def now(self) -> float:
        return self._now

    def advance_to(self, at: float) -> None:
        """Time never goes back here; what happens when a wall clock does is tested by `jump`."""
        self._now = max(self._now, at)

    def jump(self, seconds: float) -> None:
        self._now += seconds
