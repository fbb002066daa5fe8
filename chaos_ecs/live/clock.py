"""The wall clock, behind `ports.Clock`."""

from __future__ import annotations

import time
from collections.abc import Callable

from chaos_ecs.ports import LONGEST_NAP_SECONDS


class WallClock:
    def now(self) -> float:
        """Seconds since the epoch, by this machine."""
        return time.time()

    def wait(self, pause: Callable[[float], object], until: float | None) -> None:
        left = LONGEST_NAP_SECONDS if until is None else until - self.now()
        pause(min(LONGEST_NAP_SECONDS, max(0.0, left)))
