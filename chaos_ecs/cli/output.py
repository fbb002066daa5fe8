"""Results and errors as text: tables, JSON, the four parts of an error. Never here: what to show (the commands)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from chaos_ecs.cli.shell import Shell
from chaos_ecs.errors import ChaosEcsError


def table(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest cell, two spaces apart; the last is not padded."""
    if not body:
        return ""
    widths = [max(len(row[column]) for row in (head, *body)) for column in range(len(head))]
    rendered = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in (head, *body)
    ]
    return "\n".join(rendered)


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
        parts = {"code": error.code, "what": error.what, "why": error.why, "next": error.hint}
        shell.say(as_json({"error": parts, "exitCode": error.exit_code}))
    else:
        shell.say(error_text(error))
