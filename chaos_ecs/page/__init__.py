"""The cluster page's plain files, and its texts, which the terminal uses too. Never here: who is shown what."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

FILES = Path(__file__).parent
LANGUAGES = ("en", "de")


@cache
def texts(language: str) -> Mapping[str, str]:
    """By key, in one of LANGUAGES."""
    found: Mapping[str, str] = json.loads((FILES / "texts" / f"{language}.json").read_text(encoding="utf-8"))
    return found


@cache
def questions() -> Sequence[Mapping[str, Any]]:
    """The quiz, in order: each has question and reason (keys of texts), choices, answer, and sometimes what to try."""
    found: Sequence[Mapping[str, Any]] = json.loads((FILES / "quiz.json").read_text(encoding="utf-8"))
    return found
