"""What every role needs: words, settings, the end that somebody asks for, patience with what is not there, files that
are whole or not there."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

DATABASE_URL = os.environ.get("DATABASE_URL", "postgresql://app:app@database:5432/app")
DATABASE = f"the database at {urlsplit(DATABASE_URL).hostname}"
TASK = os.environ.get("CHAOS_ECS_TASK_ID", "none")
HOST = socket.gethostname()
DATA = Path("/data")  # a volume, where something is to outlive the task
RETRY_SECONDS = 0.25
STALE_SECONDS = 60.0

T = TypeVar("T")


class StopError(BaseException):
    """Somebody wants the task to end (SIGTERM): raised where it just waits. No library may take it for an error."""


class SettingError(Exception):
    """A command or an environment variable makes no sense: a sentence."""


class MissingError(Exception):
    """What the task depends on did not come: a sentence."""


def say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


def complain(words: str) -> None:
    """Troubles and waiting go to standard error, so that `count` prints nothing but its figures."""
    sys.stderr.write(f"{words}\n")
    sys.stderr.flush()


def number(name: str, default: float) -> float:
    """The environment variable of this name."""
    text = os.environ.get(name, "")
    try:
        value = float(text) if text else default
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise SettingError(f"{name} is '{text}', not a number of 0 or more")
    return value


class Ending:
    """SIGTERM, as seen by the work: `asked` once it came, and a way to wait that it cuts short."""

    def __init__(self) -> None:
        self._told = threading.Event()
        self._may_raise = False
        for ending in (signal.SIGTERM, signal.SIGINT):
            signal.signal(ending, self._tell)

    @property
    def asked(self) -> bool:
        return self._told.is_set()

    def wait(self, seconds: float) -> bool:
        """Waits so long, or until the end is asked for; answers whether it was."""
        return self._told.wait(max(0.0, seconds))

    @contextlib.contextmanager
    def interrupts(self) -> Iterator[None]:
        """Inside, SIGTERM raises StopError at once, whatever is being waited for; outside, it is only noted."""
        self._may_raise = True
        try:
            if self.asked:
                raise StopError
            yield
        finally:
            self._may_raise = False

    def _tell(self, *_: object) -> None:
        self._told.set()
        if self._may_raise:
            self._may_raise = False
            raise StopError


def patiently(what: str, attempt: Callable[[], T], gone: tuple[type[Exception], ...], ending: Ending) -> T:
    """What the attempt answers. While it fails with one of `gone` it is made again, for WAIT_SECONDS at most; what is
    waited for and why is said once for each reason."""
    patience = number("WAIT_SECONDS", 30)
    began, said = time.monotonic(), ""
    while True:
        try:
            with ending.interrupts():
                answer = attempt()
        except gone as error:
            why = first_line(error)
        else:
            if said:
                complain(f"{what} is there after {time.monotonic() - began:.1f} s")
            return answer
        left = began + patience - time.monotonic()
        if left <= 0:
            raise MissingError(f"gave up on {what} after {patience:.0f} s: {why}")
        if why != said:
            complain(f"waits for {what}, {left:.0f} s more at most: {why}")
            said = why
        if ending.wait(min(RETRY_SECONDS, left)):
            raise StopError


def first_line(error: BaseException) -> str:
    """The error as a sentence: what the driver says (SQLAlchemy keeps it in `orig`), without its second thoughts."""
    lines = [line.strip() for line in str(getattr(error, "orig", None) or error).splitlines() if line.strip()]
    return re.sub(r"^\[Errno [^]]*] ", "", lines[0]) if lines else type(error).__name__


@contextlib.contextmanager
def written(path: Path) -> Iterator[Path]:
    """A path to write to, whose content becomes that of `path` all at once when the block ends. Killed before, there is
    no half file under the name that others look for."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for old in path.parent.glob(".*.draft"):  # of those who were killed
        if time.time() - old.stat().st_mtime > STALE_SECONDS:
            old.unlink(missing_ok=True)
    draft = path.with_name(f".{path.name}.{HOST}.draft")
    try:
        yield draft
        with draft.open("rb") as file:
            os.fsync(file.fileno())
        draft.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
    finally:
        draft.unlink(missing_ok=True)
