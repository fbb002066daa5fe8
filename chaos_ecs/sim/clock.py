"""A clock that stands still until somebody moves it, and one that runs faster than the machine's."""

from __future__ import annotations

from collections.abc import Callable

from chaos_ecs.ports import LONGEST_NAP_SECONDS

MOST_OWED_SECONDS = 1.0  # of the machine's: a controller that cannot keep up is not chased for ever


class VirtualClock:
    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self._now = now

    def now(self) -> float:
        return self._now

    def wait(self, pause: Callable[[float], object], until: float | None) -> None:
        """Time does not pass by itself here."""
        pause(LONGEST_NAP_SECONDS)

    def advance_to(self, at: float) -> None:
        """Time never goes back here; what happens when a wall clock does is tested by `jump`."""
        self._now = max(self._now, at)

    def jump(self, seconds: float) -> None:
        self._now += seconds


class PressedClock:
    """`speed` times as fast as the machine's: at 60 a minute passes in a second.

    It moves only while the controller waits, and never beyond what is due next: so everything happens at its time to
    the moment, however slow the machine is. A controller that cannot keep up makes time go more slowly than asked.
    """

    def __init__(self, began_at: float, speed: int, monotonic: Callable[[], float]) -> None:
        self._now = began_at
        self._speed = speed
        self._monotonic = monotonic
        self._looked_at = monotonic()
        self._owed = 0.0  # pressed seconds that have passed and are not shown yet

    def now(self) -> float:
        return self._now

    def wait(self, pause: Callable[[float], object], until: float | None) -> None:
        self._look()
        left = LONGEST_NAP_SECONDS if until is None else (until - self._now - self._owed) / self._speed
        pause(min(LONGEST_NAP_SECONDS, max(0.0, left)))
        self._look()
        step = self._owed if until is None else min(self._owed, max(0.0, until - self._now))
        self._now = until if until is not None and step == until - self._now else self._now + step
        self._owed = min(self._owed - step, self._speed * MOST_OWED_SECONDS)

    def _look(self) -> None:
        looked_at = self._monotonic()
        self._owed += (looked_at - self._looked_at) * self._speed
        self._looked_at = looked_at
