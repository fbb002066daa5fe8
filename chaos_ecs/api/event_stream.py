"""The event stream: what happened, from a number on, then as it happens. Never here: HTTP (see `server.py`).

Each reader has a bounded queue that the controller's thread fills without waiting. A reader that falls behind is cut
off; it resumes with the number of the last event it saw, from the controller's history.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future

import msgspec

from chaos_ecs.api.snapshot import event_view
from chaos_ecs.controller import Controller
from chaos_ecs.core.messages import Event
from chaos_ecs.core.state import State

QUEUE_LIMIT = 2_000
HEARTBEAT_SECONDS = 15.0
HEARTBEAT = b": still here\n\n"
EVENTS_A_CHUNK = 100


class Reader:
    """One watcher. `wake` is called, on the controller's thread, whenever there is something new to look at."""

    def __init__(self, controller: Controller, wake: Callable[[], None], *, limit: int = QUEUE_LIMIT) -> None:
        self._controller = controller
        self._wake = wake
        self._limit = limit
        self._queue: deque[Event] = deque()
        self._end_subscription: Callable[[], None] = lambda: None
        self._closed = False
        self.is_cut_off = False

    def open(self, after: int, *, follow: bool) -> Future[Sequence[Event]]:
        """Events since number `after`, of those still kept; with `follow` all later ones come through `take`.

        Both are settled between two steps, so nothing is told twice and nothing is missed.
        """

        def backlog(state: State, now: float) -> Sequence[Event]:
            if follow and not self._closed:
                self._end_subscription = self._controller.subscribe(self._hear)
            return [event for event in self._controller.history if event.number > after]

        return self._controller.ask(backlog)

    def take(self) -> list[Event]:
        """What was heard since the last call, at most a chunk of it."""
        return [self._queue.popleft() for _ in range(min(EVENTS_A_CHUNK, len(self._queue)))]

    def close(self) -> None:
        """Hears nothing more. To be called where `take` is called, not on the controller's thread."""
        self._closed = True
        end, self._end_subscription = self._end_subscription, lambda: None
        end()

    def _hear(self, events: Sequence[Event]) -> None:
        if self.is_cut_off:
            return
        if len(self._queue) + len(events) > self._limit:
            self.is_cut_off = True
        else:
            self._queue.extend(events)
        self._wake()


def encode(events: Sequence[Event]) -> bytes:
    """As server-sent events (WHATWG HTML): the id is the event's number, the data one JSON object."""
    return b"".join(
        b"id: %d\ndata: %b\n\n" % (event.number, msgspec.json.encode(event_view(event))) for event in events
    )
