"""What our own client saw, in one line: for a glance (panel, overview) and as a sentence. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from chaos_ecs.cli.snapshot import Client
from chaos_ecs.cli.symbols import Symbols

_BARS = 20
_LAST_SECONDS = 60
_SENTENCES = 80
_SPARKLINE = 64  # columns: narrower than this, figures only


def row(client: Client, width: int, symbols: Symbols, now: float) -> str:
    """requests, failed, availability, and the failures of the last minute, as far as there is room."""
    word = "requests" if width >= _SENTENCES else "req"
    parts = [f"client  {client.requests:,} {word}", f"{client.failed:,} failed", percent(client.availability)]
    if width >= _SPARKLINE:
        told = f"  failures, last {_LAST_SECONDS}s" if width >= _SENTENCES else ""
        parts.append(sparkline(client.per_second, symbols, now) + told)
    return "   ".join(parts)


def sentence(client: Client) -> str:
    """The same for a screen reader."""
    if not client.requests:
        return "The client has made no request yet."
    failed = "none failed" if not client.failed else f"{client.failed:,} failed"
    return f"The client made {client.requests:,} requests, {failed}: {client.availability:.2f} percent were answered."


def percent(availability: float | None) -> str:
    """99.96%, and a dash before the first request."""
    return "-" if availability is None else f"{availability:.2f}%"


def sparkline(per_second: Sequence[tuple[float, int, int]], symbols: Symbols, now: float) -> str:
    """One bar for every few seconds up to `now`, higher where a greater part failed; blank where nobody asked."""
    each = _LAST_SECONDS // _BARS
    first = int(now) - _LAST_SECONDS + 1
    ok, failed = [0] * _BARS, [0] * _BARS
    for at, good, bad in per_second:
        bar = (int(at) - first) // each
        if 0 <= bar < _BARS:
            ok[bar] += good
            failed[bar] += bad
    return "".join(_bar(good, bad, symbols.bars) for good, bad in zip(ok, failed, strict=True))


def _bar(ok: int, failed: int, bars: str) -> str:
    """The lowest bar: none failed; the highest: all; every one between: some."""
    if not ok + failed:
        return " "
    if not failed:
        return bars[0]
    if not ok:
        return bars[-1]
    return bars[1 + int(failed / (ok + failed) * (len(bars) - 2))]
