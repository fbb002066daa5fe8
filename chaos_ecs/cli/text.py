"""Prose in so many columns. Pure."""

from __future__ import annotations

import textwrap


def counted(count: object, noun: str) -> str:
    """1 task, 3 tasks; of what is not known: None tasks."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def folded(text: str, width: int, *, first: str = "", further: str = "") -> list[str]:
    """The text in rows of `width` columns, folded at its words. A word that is too long is left whole, for copying."""
    return textwrap.wrap(
        text,
        max(width, 1),
        initial_indent=first,
        subsequent_indent=further,
        break_on_hyphens=False,
        break_long_words=False,
        drop_whitespace=True,
    ) or [first.rstrip()]
