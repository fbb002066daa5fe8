"""The wall clock, behind `ports.Clock`."""

from __future__ import annotations

import time


class WallClock:
    def now(self) -> float:
        """Seconds since the epoch, by this machine."""
        return time.time()
