"""The glyphs of the live log and their ASCII twins. State is always the word; the glyph only repeats it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Symbols:
    """From WGL4, the set that old Windows fonts have too."""

    running: str = "●"
    pending: str = "○"
    stopped: str = "■"
    killed: str = "×"  # noqa: RUF001 (the multiplication sign is meant)
    attention: str = "▲"
    begun: str = "►"
    steady: str = "="
    rule: str = "─"
    ellipsis: str = "…"


UNICODE = Symbols()
ASCII = Symbols("*", "o", "#", "x", "!", ">", "=", "-", "...")


def choose(encoding: str | None, *, ascii_only: bool) -> Symbols:
    """The glyphs, where the output's encoding has them all; else the twins."""
    if ascii_only:
        return ASCII
    wanted = "".join(getattr(UNICODE, name) for name in Symbols.__slots__)
    try:
        wanted.encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return UNICODE
