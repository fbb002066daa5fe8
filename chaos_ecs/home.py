"""The state folder: made for its user alone, with an id and keys of its own; and how a file is written there."""

from __future__ import annotations

import json
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from chaos_ecs.config import Settings
from chaos_ecs.errors import ChaosEcsError
from chaos_ecs.sigv4 import Credentials

_PROBE_BYTES = 65536  # more than a controller's first words; what a file system may hide in a small file's own record


def prepare_home(settings: Settings) -> str:
    """Makes the state folder, for the user alone, and answers with its id. Raises ChaosEcsError when it cannot."""
    with usable(settings):
        settings.home.mkdir(parents=True, exist_ok=True)
        if not settings.home_id_file.exists():
            write_private(settings.home_id_file, secrets.token_hex(8), only_once=True)
        return settings.home_id_file.read_text().strip()


@contextmanager
def usable(settings: Settings) -> Iterator[None]:
    """Tells as E-STATE-FOLDER what the system says no to: a full disk, a read-only one, somebody else's folder."""
    try:
        yield
    except OSError as error:
        raise ChaosEcsError(
            "E-STATE-FOLDER",
            f"Cannot use the state folder {settings.home}",
            error.strerror or str(error),
            "Make room or set CHAOS_ECS_HOME to a folder you can write to, then try again",
        ) from error


def must_be_writable(settings: Settings) -> None:
    """Raises E-STATE-FOLDER when nothing can be written: then nobody could leave a word about why, either."""
    probe = settings.home / f"probe.{os.getpid()}"
    with usable(settings):
        try:
            probe.write_bytes(bytes(_PROBE_BYTES))
        finally:
            probe.unlink(missing_ok=True)


def credentials(settings: Settings) -> Credentials:
    """The keys that requests are signed with; made on first use and readable by the user alone."""
    prepare_home(settings)
    with usable(settings):
        if not settings.credentials.exists():
            made = Credentials("CHAOSECS" + secrets.token_hex(6).upper(), secrets.token_urlsafe(30))
            write_private(settings.credentials, json.dumps(asdict(made)), only_once=True)
    return Credentials(**json.loads(settings.credentials.read_text()))


def write_private(path: Path, text: str, *, only_once: bool = False) -> None:
    """Whole or not at all, and never readable by others, not even for a moment. With `only_once` the first of two
    commands that begin at the same moment wins, and both go on with what it wrote."""
    unfinished = path.with_suffix(f".{os.getpid()}.new")
    descriptor = os.open(unfinished, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, stat.S_IRUSR | stat.S_IWUSR)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        if only_once:
            _link_once(unfinished, path)
        else:
            unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _link_once(unfinished: Path, path: Path) -> None:
    try:
        os.link(unfinished, path)
    except FileExistsError:
        return
    except OSError:  # a file system without hard links
        if not path.exists():
            unfinished.replace(path)
