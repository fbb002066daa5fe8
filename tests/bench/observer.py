"""One listener on the engine's event stream, the clock that every system is measured with.

The moment is the event's arrival here, on this process's monotonic clock: the engine's own may be another machine's.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import docker


class NotSeenError(Exception):
    """What was waited for did not happen in time."""


@dataclass(frozen=True)
class Seen:
    """An event of a container."""

    at: float
    action: str
    container_id: str
    attributes: Mapping[str, str]


class Observer:
    def __init__(self, client: docker.APIClient) -> None:
        self._changed = threading.Condition()
        self._seen: list[Seen] = []
        self._stream = client.events(decode=True, filters={"type": ["container"]})
        self._thread = threading.Thread(target=self._listen, name="observer", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stream.close()

    def wait(
        self, count: int, of: Callable[[Seen], bool], *, since: float, within: float, what: str = "events"
    ) -> list[Seen]:
        """The first `count` events after `since` that are of the kind asked for. Raises NotSeenError."""
        until = time.monotonic() + within
        with self._changed:
            while True:
                found = [seen for seen in self._seen if seen.at >= since and of(seen)]
                if len(found) >= count:
                    return found[:count]
                if not self._changed.wait(until - time.monotonic()) and time.monotonic() >= until:
                    raise NotSeenError(f"saw {len(found)} of {count} {what} within {within:g} s")

    def forget(self) -> None:
        """Drops what was seen: before a round, nothing of the last one counts."""
        with self._changed:
            self._seen.clear()

    def _listen(self) -> None:
        for event in self._stream:
            at = time.monotonic()
            actor = event.get("Actor", {})
            seen = Seen(at, event.get("Action", ""), actor.get("ID", ""), actor.get("Attributes", {}))
            with self._changed:
                self._seen.append(seen)
                self._changed.notify_all()
