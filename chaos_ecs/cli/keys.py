"""Single keys of a terminal, without Enter (termios, msvcrt). The terminal is restored on every way out.

Never here: what a key does (see `presses.py`).
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, TextIO

_LOOK_EVERY_SECONDS = 0.1

Put = Callable[[str], None]


class Keyboard(Protocol):
    def reading(self, put: Put) -> AbstractContextManager[None]:
        """While inside, each key that is pressed is given to `put`, on another thread. Ctrl-C stays what it is."""
        ...


def of_this_process(stdin: TextIO | None) -> Keyboard | None:
    """The keyboard, where stdin is a terminal; None in a pipe, in cron, in CI."""
    if stdin is None or not stdin.isatty():
        return None
    if sys.platform == "win32":
        return WindowsKeyboard()
    return PosixKeyboard(stdin.fileno())


@contextmanager
def _on_a_thread(read: Callable[[threading.Event], None]) -> Iterator[None]:
    ended = threading.Event()
    reader = threading.Thread(target=read, args=(ended,), name="keys", daemon=True)
    reader.start()
    try:
        yield
    finally:
        ended.set()
        reader.join()


if sys.platform == "win32":

    class WindowsKeyboard:
        """A console reads single keys as it is: there is nothing to restore."""

        @contextmanager
        def reading(self, put: Put) -> Iterator[None]:
            import msvcrt

            def read(ended: threading.Event) -> None:
                while not ended.wait(_LOOK_EVERY_SECONDS):
                    while msvcrt.kbhit():
                        key = msvcrt.getwch()
                        if key in ("\x00", "\xe0"):
                            msvcrt.getwch()  # the second half of an arrow or a function key
                        else:
                            put(key)

            with _on_a_thread(read):
                yield

else:
    import select
    import signal
    import termios
    import tty

    class PosixKeyboard:
        """Keys of the terminal behind a file descriptor. A process in the background leaves the terminal alone."""

        def __init__(self, descriptor: int) -> None:
            self._descriptor = descriptor

        @contextmanager
        def reading(self, put: Put) -> Iterator[None]:
            if not self._is_ours():
                yield
                return
            before = termios.tcgetattr(self._descriptor)
            with _ending_politely():
                try:
                    tty.setcbreak(self._descriptor, termios.TCSADRAIN)
                    with _on_a_thread(lambda ended: self._read(put, ended)):
                        yield
                finally:
                    if self._is_ours():
                        termios.tcsetattr(self._descriptor, termios.TCSADRAIN, before)

        def _read(self, put: Put, ended: threading.Event) -> None:
            while not ended.is_set():
                ready, _, _ = select.select([self._descriptor], [], [], _LOOK_EVERY_SECONDS)
                if not ready:
                    continue
                if not self._is_ours():
                    ended.wait(_LOOK_EVERY_SECONDS)  # reading now would stop the whole process (SIGTTIN)
                    continue
                try:
                    pressed = os.read(self._descriptor, 64).decode("utf-8", "ignore")
                except OSError:
                    return  # the terminal is gone
                if not pressed:
                    return
                if not pressed.startswith("\x1b"):  # an arrow is one key of several characters, and none of ours
                    for key in pressed:
                        put(key)

        def _is_ours(self) -> bool:
            try:
                return os.tcgetpgrp(self._descriptor) == os.getpgrp()
            except OSError:
                return False

    @contextmanager
    def _ending_politely() -> Iterator[None]:
        """SIGTERM and SIGHUP end the process as an exception does, so that the terminal is restored then too."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def end(number: int, frame: object) -> None:
            raise SystemExit(128 + number)

        before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
