"""The glyphs of the live log and their ASCII twins. State is always the word; the glyph only repeats it."""

from __future__ import annotations

from dataclasses import dataclass, replace


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
    bars: str = "▁▂▃▄▅▆▇█"  # none to all; not in WGL4, so they may be missing where all else is there


UNICODE = Symbols()
ASCII = Symbols("*", "o", "#", "x", "!", ">", "=", "-", "...", ".!x")


def choose(encoding: str | None, *, ascii_only: bool) -> Symbols:
    """The glyphs, where the output's encoding has them all; else the twins."""
    if ascii_only:
        return ASCII
    everywhere = "".join(getattr(UNICODE, name) for name in Symbols.__slots__ if name != "bars")
    if not _has(encoding, everywhere):
        return ASCII
    return UNICODE if _has(encoding, UNICODE.bars) else replace(UNICODE, bars=ASCII.bars)


def _has(encoding: str | None, glyphs: str) -> bool:
    try:
        glyphs.encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
