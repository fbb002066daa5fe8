"""Reads what `core/local_files.py` names from the state folder. Nothing outside it is ever read, by no link either."""

from __future__ import annotations

from pathlib import Path

LARGEST_BYTES = 1024 * 1024


def read(home: str, path: str) -> str | None:
    """The text of a file below the state folder `home`; None where there is none that can be read."""
    root = Path(home).resolve()
    try:
        file = (root / path).resolve()
        if not file.is_relative_to(root) or not file.is_file() or file.stat().st_size > LARGEST_BYTES:
            return None
        return file.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return None
