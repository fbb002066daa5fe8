"""What the engine of the present connection can do: found out when somebody asks, and then known. Never here: how that
is found out (`detect.py`)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future

from docker import APIClient

from chaos_ecs.live.faults.detect import Found


class Findings:
    """From any thread: whoever asks while it is being found out waits for that. What could not be tried is not kept."""

    def __init__(self, find_out: Callable[[APIClient], Found]) -> None:
        self._find_out = find_out
        self._lock = threading.Lock()
        self._asked: tuple[APIClient, Future[Mapping[str, str]]] | None = None

    def on(self, client: APIClient) -> Mapping[str, str]:
        """Raises what finding it out raises."""
        with self._lock:
            is_new = self._asked is None or self._asked[0] is not client
            if self._asked is None or is_new:
                self._asked = (client, Future())
            future = self._asked[1]
        if is_new:
            self._answer(client, future)
        return future.result()

    def _answer(self, client: APIClient, future: Future[Mapping[str, str]]) -> None:
        try:
            found = self._find_out(client)
        except Exception as error:  # noqa: BLE001 - handed to all who wait for it
            self._forget(future)
            future.set_exception(error)
            return
        if not found.tried:
            self._forget(future)
        future.set_result(found.abilities)

    def _forget(self, future: Future[Mapping[str, str]]) -> None:
        """Before it is answered: whoever asks after that asks anew."""
        with self._lock:
            if self._asked is not None and self._asked[1] is future:
                self._asked = None
