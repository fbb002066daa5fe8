"""Where the answers of a game day come from: a file, or whoever types, with a time limit.

A thread of its own reads the descriptor, and holds no lock of Python's streams: the program can end while it waits.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Iterable
from typing import Protocol


class Answers(Protocol):
    """Lines, one an answer."""

    def next(self, patience: float | None) -> str | None:
        """The next line without blanks around it; None when `patience` seconds are over. Raises EOFError when there
        will be none."""
        ...


class Written:
    """Answers that stand in a file already: one a line, empty ones and those that begin with # passed over."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]

    def next(self, patience: float | None) -> str | None:
        if not self._lines:
            raise EOFError
        return self._lines.pop(0)


class Typed:
    """Answers from a terminal or a pipe."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._reader: threading.Thread | None = None

    def next(self, patience: float | None) -> str | None:
        if self._reader is None:
            self._reader = threading.Thread(target=self._read, name="answers", daemon=True)
            self._reader.start()
        try:
            line = self._lines.get(timeout=patience)
        except queue.Empty:
            return None
        if line is None:
            self._lines.put(None)  # for whoever asks again
            raise EOFError
        return line.strip()

    def _read(self) -> None:
        kept = b""
        while True:
            try:
                read = os.read(self._descriptor, 4096)
            except OSError:
                read = b""
            *lines, kept = (kept + read).split(b"\n")
            for line in lines:
                self._lines.put(line.decode("utf-8", "replace"))
            if not read:
                if kept:
                    self._lines.put(kept.decode("utf-8", "replace"))
                self._lines.put(None)
                return
