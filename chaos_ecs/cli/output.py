"""Results and errors as text: tables, JSON, the four parts of an error. Never here: what to show (the commands)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from chaos_ecs.cli.shell import Shell
from chaos_ecs.cli.text import folded
from chaos_ecs.errors import ChaosEcsError

_GAP = "  "
_LEAST_TEXT = 20  # columns: narrower than this, a last column of text goes below its row instead


def table(
    head: Sequence[str], body: Sequence[Sequence[str]], *, width: int | None = None, fold: Sequence[str] = ()
) -> str:
    """Columns as wide as their widest cell, two spaces apart; the last is not padded.

    In `width` columns those named in `fold` are dropped, in that order, until the rest fits, the last column being
    folded at its words. Nothing is dropped without `width`: in a pipe.
    """
    if not body:
        return ""
    rows = [tuple(head), *(tuple(row) for row in body)]
    for name in fold:
        *others, last = _widths(rows)
        word = max(len(word) for row in rows for word in row[-1].split() or ("",))
        if width is None or sum(others) + min(last, max(word, _LEAST_TEXT)) + len(_GAP) * len(others) <= width:
            break
        if name in rows[0]:
            dropped = rows[0].index(name)
            rows = [row[:dropped] + row[dropped + 1 :] for row in rows]
    widths = _widths(rows)
    return "\n".join(line for row in rows for line in _row(row, widths, width))


def _widths(rows: Sequence[Sequence[str]]) -> list[int]:
    return [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]


def _row(row: Sequence[str], widths: Sequence[int], width: int | None) -> list[str]:
    text = _GAP.join(cell.ljust(wide) for cell, wide in zip(row, widths, strict=True)).rstrip()
    if width is None or len(text) <= width:
        return [text]
    before = _GAP.join(cell.ljust(wide) for cell, wide in zip(row[:-1], widths[:-1], strict=True)) + _GAP
    longest = max(map(len, row[-1].split()), default=0)
    if width - len(before) >= max(_LEAST_TEXT, longest):
        return folded(row[-1], width, first=before, further=" " * len(before))
    return [*folded(before.rstrip(), width), *folded(row[-1], width, first="    ", further="    ")]


def as_json(result: Mapping[str, Any]) -> str:
    """One object on one line, with its version; what JSON has no word for (enums, paths) as text."""
    return json.dumps({"v": 1, **result}, default=str, ensure_ascii=False)


def error_text(error: ChaosEcsError) -> str:
    """Code, what happened, why, and the next command."""
    lines = [f"{error.code}: {error.what}"]
    if error.why:
        lines.append(f"  why:  {error.why}")
    if error.hint:
        lines.append(f"  next: {error.hint}")
    return "\n".join(lines)


def show_error(shell: Shell, error: ChaosEcsError) -> None:
    """On stderr, for people; as JSON where the result would have been JSON."""
    if shell.json:
        parts = {"code": error.code, "what": error.what, "why": error.why, "next": shell.hinted(error.hint)}
        shell.say(as_json({"error": parts, "exitCode": error.exit_code}))
    else:
        shell.say(error_text(error))
