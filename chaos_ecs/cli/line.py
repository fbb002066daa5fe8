"""One line of the live log, before it has columns; and how its figures are written. Pure.

Never here: what is said of which event (see `lines.py`, `deploylines.py`), and columns (see `layout.py`).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """`symbol` names a field of Symbols. `brief` and `measured_brief` stand in where columns are scarce; a `reason`
    is never dropped but folded. `who` and `ids` are a service's name and the short ids of tasks. `aws` is how long the
    same takes on AWS, the first to go."""

    at: float
    symbol: str
    word: str
    who: str = ""
    ids: tuple[str, ...] = ()
    detail: str = ""
    brief: str | None = None
    reason: bool = False
    measured: str = ""
    measured_brief: str | None = None
    aws: str = ""


def seconds(value: float | None) -> str:
    """A measured time for people: 0.06s, 3.1s, 2m05s."""
    if value is None:
        return "?"
    if value < 1:
        return f"{value:.2f}s"
    if value < 60:
        return f"{value:.1f}s"
    return f"{int(value) // 60}m{int(value) % 60:02d}s"


def clock(elapsed_seconds: float) -> str:
    """A duration as a clock shows it: 01:05, 1:02:03."""
    whole = max(0, int(elapsed_seconds))
    if whole < 3600:
        return f"{whole // 60:02d}:{whole % 60:02d}"
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def recovered_in(value: float) -> str:
    return f"RECOVERED IN {value:.1f} s"
