"""One does the work, the others wait for it: for what several threads need at the same moment."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future


class Once:
    """By key. Any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: dict[str, Future[None]] = {}

    def do(self, key: str, act: Callable[[], None]) -> None:
        """Acts, or waits for the one who does already; both see the same outcome."""
        with self._lock:
            running = self._under_way.get(key)
            mine: Future[None] = Future()
            if running is None:
                self._under_way[key] = mine
        if running is not None:
            return running.result()
        try:
            act()
            mine.set_result(None)
        except BaseException as error:
            mine.set_exception(error)
            raise
        finally:
            with self._lock:
                del self._under_way[key]
