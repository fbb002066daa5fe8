"""A log line in so many columns. Never folded away: the time, the word, the ids, "RECOVERED IN". Pure.

Columns: time 8, glyph 1, word 11, then whom and what, and what was measured at the right edge. When columns
are scarce: how long it takes on AWS goes, the sentence shortens, then the measured part, then the service's name
goes, then the sentence.
"""

from __future__ import annotations

import textwrap

from chaos_ecs.cli.line import Line
from chaos_ecs.cli.symbols import Symbols

TIME = 8
WORD = 11
GLYPH = TIME + 1
PREFIX = GLYPH + 1 + 1 + WORD
_INDENT = " " * PREFIX
_REASON_ROWS = 4
_GAP = 2


def elapsed(seconds: float) -> str:
    """The time since a view began: 03.2s, 01:05.2, 1:02:03."""
    tenths = int(round(max(0.0, seconds), 3) * 10 + 0.001)
    whole, tenth = divmod(tenths, 10)
    if whole < 60:
        return f"{whole:02d}.{tenth}s"
    if whole < 3600:
        return f"{whole // 60:02d}:{whole % 60:02d}.{tenth}"
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def rows(line: Line, width: int, symbols: Symbols, time: str) -> list[str]:
    """The line in rows of at most `width` columns; `time` is what stands in front."""
    head = f"{time:>{TIME}} {getattr(symbols, line.symbol)} {line.word:<{WORD}}"
    if line.reason and not (line.who or line.ids or line.measured):
        return _prose(head, line.detail, width, symbols)
    ids, more_ids = _split_ids(line, width)
    candidates = _candidates(line, ids)
    for text, measured in candidates:
        if row := _fit(head + text, measured, width):
            return [row, *more_ids, *_folded(line, text, width, symbols)]
    text, measured = candidates[-1]
    below = [measured.rjust(width)] if measured else []
    return [cut((head + text).rstrip(), width, symbols), *more_ids, *below, *_folded(line, text, width, symbols)]


def cut(text: str, width: int, symbols: Symbols) -> str:
    """The text, or its beginning with an ellipsis."""
    if len(text) <= width:
        return text
    return text[: max(0, width - len(symbols.ellipsis))].rstrip() + symbols.ellipsis


def _candidates(line: Line, ids: tuple[str, ...]) -> list[tuple[str, str]]:
    """What may stand in one row, the fullest first. A reason that does not fit goes below as a whole."""
    brief = line.detail if line.brief is None else line.brief
    shortest = line.measured if line.measured_brief is None else line.measured_brief
    named, bare = _subject(line.who, ids), " ".join(ids) or line.who
    briefly = [named, bare] if line.reason else [_join(named, brief), _join(bare, brief), bare or brief]
    texts = [(text, measured) for text in briefly for measured in (line.measured, shortest)]
    full = _join(named, line.detail)
    with_aws = [(full, "  ".join(part for part in (line.measured, line.aws) if part))] if line.aws else []
    return [*with_aws, (full, line.measured), *texts]


def _subject(who: str, ids: tuple[str, ...]) -> str:
    return " ".join((who, *ids)) if who else " ".join(ids)


def _join(subject: str, detail: str) -> str:
    return f"{subject}  {detail}" if subject and detail else subject or detail


def _fit(left: str, right: str, width: int) -> str:
    """Both, the second at the right edge; "" when they do not fit."""
    left = left.rstrip()
    if not right:
        return left if len(left) <= width else ""
    if len(left) + _GAP + len(right) > width:
        return ""
    return left + " " * (width - len(left) - len(right)) + right


def _split_ids(line: Line, width: int) -> tuple[tuple[str, ...], list[str]]:
    """The ids for the first row, and rows for those it has no room for."""
    room = width - PREFIX
    per_row = max(1, (room - (len(line.who) + 1 if line.who else 0)) // 7)
    rest = line.ids[per_row:]
    per_further_row = max(1, (room + 1) // 7)
    chunks = [rest[i : i + per_further_row] for i in range(0, len(rest), per_further_row)]
    return line.ids[:per_row], [_INDENT + " ".join(chunk) for chunk in chunks]


def _folded(line: Line, shown: str, width: int, symbols: Symbols) -> list[str]:
    """A reason that the row had no room for, indented below it, in a few rows at most."""
    if not line.reason or line.detail in shown:
        return []
    return _prose(" " * min(PREFIX, width // 4), line.detail, width, symbols)


def _prose(first: str, text: str, width: int, symbols: Symbols) -> list[str]:
    """A reason in a few rows at most, the first of which begins with `first`."""
    return textwrap.wrap(
        text,
        width,
        initial_indent=first,
        subsequent_indent=" " * min(PREFIX, width // 4),
        break_on_hyphens=False,
        max_lines=_REASON_ROWS,
        placeholder=f" {symbols.ellipsis}",
    )
