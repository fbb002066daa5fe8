"""The event stream: what happened, from a number on, then as it happens. Never here: HTTP (see `server.py`).

Told are our own events (OURS), or those that Amazon ECS would send to EventBridge (BRIDGE).

Each reader has a bounded queue that the controller's thread fills without waiting. A reader that falls behind is cut
off; it resumes with the number of the last event it saw, from the controller's history.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, Protocol

import msgspec

from chaos_ecs.api import eventbridge
from chaos_ecs.api.snapshot import event_view
from chaos_ecs.controller import Controller
from chaos_ecs.core.messages import Event
from chaos_ecs.core.outbox import Change
from chaos_ecs.core.state import State

QUEUE_LIMIT = 2_000
HEARTBEAT_SECONDS = 15.0
HEARTBEAT = b": still here\n\n"
EVENTS_A_CHUNK = 100


Hear = Callable[[Sequence[Any]], None]


class Source(Protocol):
    """What a reader is told. All but `encode` is called on the controller's thread."""

    def listen(self, controller: Controller, hear: Hear) -> Callable[[], None]:
        """Tells `hear` of what is new; the result ends that."""
        ...

    def past(self, state: State, events: Sequence[Event]) -> Sequence[Any]:
        """What is told of the past: of these events of ours, and of how everything is."""
        ...

    def encode(self, items: Sequence[Any]) -> bytes:
        """As server-sent events (WHATWG HTML)."""
        ...


class Ours:
    def listen(self, controller: Controller, hear: Hear) -> Callable[[], None]:
        return controller.subscribe(hear)

    def past(self, state: State, events: Sequence[Event]) -> Sequence[Event]:
        return events

    def encode(self, items: Sequence[Event]) -> bytes:
        return encode(items)


class Bridge:
    """Each item is a change with its time. The id is the number of an event of ours, so only they have one."""

    def listen(self, controller: Controller, hear: Hear) -> Callable[[], None]:
        return controller.follow(lambda at, changes: hear([(at, change) for change in changes]))

    def past(self, state: State, events: Sequence[Event]) -> Sequence[tuple[float, Change]]:
        return eventbridge.known(state, events)

    def encode(self, items: Sequence[tuple[float, Change]]) -> bytes:
        return b"".join(_bridged(at, change) for at, change in items)


def _bridged(at: float, change: Change) -> bytes:
    number = b"id: %d\n" % change.number if isinstance(change, Event) else b""
    return b"".join(b"%bdata: %b\n\n" % (number, body) for body in eventbridge.bodies(at, [change]))


OURS, BRIDGE = Ours(), Bridge()


class Reader:
    """One watcher. `wake` is called, on the controller's thread, whenever there is something new to look at."""

    def __init__(
        self, controller: Controller, wake: Callable[[], None], *, limit: int = QUEUE_LIMIT, source: Source = OURS
    ) -> None:
        self.source = source
        self._controller = controller
        self._wake = wake
        self._limit = limit
        self._queue: deque[Any] = deque()
        self._end_subscription: Callable[[], None] = lambda: None
        self._closed = False
        self.is_cut_off = False

    def open(self, after: int, *, follow: bool) -> Future[Sequence[Any]]:
        """Events since number `after`, of those still kept; with `follow` all later ones come through `take`.

        Both are settled between two steps, so nothing is told twice and nothing is missed.
        """

        def backlog(state: State, now: float) -> Sequence[Any]:
            if follow and not self._closed:
                self._end_subscription = self.source.listen(self._controller, self._hear)
            return self.source.past(state, [event for event in self._controller.history if event.number > after])

        return self._controller.ask(backlog)

    def take(self) -> list[Any]:
        """What was heard since the last call, at most a chunk of it."""
        return [self._queue.popleft() for _ in range(min(EVENTS_A_CHUNK, len(self._queue)))]

    def close(self) -> None:
        """Hears nothing more. To be called where `take` is called, not on the controller's thread."""
        self._closed = True
        end, self._end_subscription = self._end_subscription, lambda: None
        end()

    def _hear(self, events: Sequence[Any]) -> None:
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
