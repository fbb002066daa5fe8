"""Label and text, the texts below each other, in whatever room there is. Never here: what they say."""

from __future__ import annotations

from collections.abc import Sequence

from chaos_ecs.cli.shell import Shell
from chaos_ecs.cli.text import folded

_WIDEST_LABEL = 18
_NARROW = 70
_NO_LIMIT = 10_000


def labelled(shell: Shell, rows: Sequence[tuple[str, str]]) -> list[str]:
    """As columns; where there is no room for them a long label has a row of its own. As sentences for who listens."""
    width = shell.width or _NO_LIMIT
    if shell.accessible:
        sentences = (f"{label}{'' if label.endswith(('?', '.')) else ':'} {text}" for label, text in rows)
        return [row for sentence in sentences for row in folded(sentence, width, further="  ")]
    if not rows:
        return []
    wide = 4 if width < _NARROW else min(_WIDEST_LABEL, max(len(label) for label, _ in rows)) + 2
    indent = "  " + " " * wide
    told = []
    for label, text in rows:
        if len(label) + 2 > wide:
            told += folded(label, width, first="  ", further="    ")
            told += folded(text, width, first=indent, further=indent)
        else:
            told += folded(text, width, first=f"  {label:<{wide}}", further=indent)
    return told


def prose(shell: Shell, text: str) -> list[str]:
    """A paragraph, folded at its words in a terminal; as it is in a pipe."""
    return folded(text, shell.width or _NO_LIMIT)
