"""Journals as files, and the scores of game days: for the user alone, each whole or not at all.

Never here: what is in one (see `journal.py`, `run_journal.py`), and who reads it (see `report.py`, `replay.py`).
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from chaos_ecs.config import Settings
from chaos_ecs.errors import ChaosEcsError

_PRIVATE = stat.S_IRUSR | stat.S_IWUSR
_FOLDER_MODE = 0o700
_MOST_BYTES = 64 * 2**20


def folder(settings: Settings) -> Path:
    return settings.home / "journals"


def reserve(place: Path, stem: str) -> tuple[int, Path]:
    """The next number of such a file (run-3.json) and the file, which is empty, and nobody else's from now on: asked
    for before anything is done that is to be kept in it. Raises E-STATE-FOLDER."""
    name = re.compile(rf"{re.escape(stem)}-(\d+)\.json", re.ASCII)
    with _usable(place):
        place.mkdir(parents=True, exist_ok=True, mode=_FOLDER_MODE)
        number = max((int(match[1]) for path in place.iterdir() if (match := name.fullmatch(path.name))), default=0) + 1
        while True:
            path = place / f"{stem}-{number}.json"
            try:
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _PRIVATE))
            except FileExistsError:  # another began at the same moment
                number += 1
            else:
                return number, path


def write(path: Path, journal: Mapping[str, Any]) -> None:
    """Whole or not at all, and for the user alone. Raises E-STATE-FOLDER."""
    unfinished = path.with_suffix(f".{os.getpid()}.new")
    with _usable(path.parent):
        try:
            descriptor = os.open(unfinished, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, _PRIVATE)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(journal, file, indent=1, ensure_ascii=False, default=str)
                file.write("\n")
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)


def forget(path: Path) -> None:
    """The file of what never began. Whatever ended it is to be told, and not that the file stays."""
    with suppress(OSError):
        path.unlink(missing_ok=True)


def newest(settings: Settings) -> Path:
    """The journal that was written last. Raises E-NO-JOURNAL (3) where there is none."""
    place = folder(settings)
    with _usable(place):
        found = [path for path in place.glob("*.json") if path.stat().st_size] if place.is_dir() else []
    if not found:
        why = f"{place} has none"
        raise ChaosEcsError("E-NO-JOURNAL", "There is no journal yet", why, "chaos-ecs chaos run web", 3)
    return max(found, key=lambda path: (path.stat().st_mtime, path.name))


def find(settings: Settings, name: str | None) -> Path:
    """The file that is meant: a path, else the name or the number of a journal in the folder; the newest of None."""
    if name is None:
        return newest(settings)
    place = folder(settings)
    known = (Path(name), place / name, place / f"{name}.json", place / f"run-{name}.json")
    return next((path for path in known if path.is_file()), Path(name))


def read(path: Path) -> dict[str, Any]:
    """A journal, ours or another's in the same schema. Raises E-JOURNAL (2) for what is none."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise _unreadable(path, f"it has more than {_MOST_BYTES // 2**20} MiB")
        journal = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from error
    except ValueError as error:
        raise _unreadable(path, "it is no JSON") from error
    if not isinstance(journal, dict) or not isinstance(journal.get("experiment"), dict):
        raise _unreadable(path, "it has no member experiment")
    return journal


def _unreadable(path: Path, why: str) -> ChaosEcsError:
    hint = "chaos-ecs chaos report (the newest journal of this state folder)"
    return ChaosEcsError("E-JOURNAL", f"{path} is no journal that can be read", why, hint, 2)


@contextmanager
def _usable(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ChaosEcsError(
            "E-STATE-FOLDER",
            f"The folder {place} cannot be used",
            error.strerror or str(error),
            "Make room or set CHAOS_ECS_HOME to a folder you can write to, then try again",
        ) from error
