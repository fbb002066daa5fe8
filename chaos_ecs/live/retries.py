"""How long to wait before something is tried again that has failed."""

from __future__ import annotations

_MOST_DOUBLINGS = 32  # failures go on for as long as an engine is away, and 2.0 ** 1024 is an error


def pause_after(failures: int, *, first: float, longest: float) -> float:
    """Seconds, after so many failures in a row: 0.2, 0.4, 0.8, ... and never more than the longest."""
    return min(longest, first * 2.0 ** min(failures - 1, _MOST_DOUBLINGS))
