"""Looking at the engine: what is true is what it says when asked; its events say when to ask.

One event is believed at once, the end of a container's main process (decision 035): the engine answers no question
about such a container before it has taken its network down, and that is a third of what a recovery takes.

Two threads. One connects, takes a complete look, then listens for events until the stream ends. The other looks again
whenever something was heard, and every half minute besides. The stream ends without a word when the engine goes, and
nothing is replayed when it is back, so each connection begins with a complete look.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from docker import APIClient
from docker.errors import APIError, DockerException, NotFound
from docker.types import CancellableStream
from tenacity import (
    RetryCallState,
    RetryError,
    Retrying,
    retry_if_exception_type,
    sleep_using_event,
    stop_when_event_set,
    wait_exponential,
)

from chaos_ecs.core.messages import EngineLost, RunState
from chaos_ecs.errors import ChaosEcsError
from chaos_ecs.live import engine, inspection, labels
from chaos_ecs.live.labels import Home
from chaos_ecs.live.sightings import Look, Sightings

BELT_SECONDS = 30.0  # a look though nothing was heard
FIRST_RETRY_SECONDS = 0.2
LONGEST_RETRY_SECONDS = 2.0
CLOSING_SECONDS = 2.0
AFTER_A_DEATH_SECONDS = 1.0
"""When a container is looked at whose end was told already: its replacement's start has the engine to itself."""

# Everything else an engine tells (exec of health checks, attach, resize) says nothing about a container's state.
_EVENTS = ["start", "die", "oom", "destroy", "pause", "unpause", "health_status", "rename", "restart", "kill", "stop"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Beginning:
    """A connection just made: the open event stream, and all there was after it was opened."""

    client: APIClient
    stream: CancellableStream
    engine: str
    looks: tuple[Look, ...]
    ticket: int


@dataclass(frozen=True, slots=True)
class _Heard:
    """A container to be looked at: not before `due`, on the monotonic clock."""

    due: float
    exit_code: int | None  # of its newest `die`, if that was heard


class Watcher:
    """`on_connect` is called before a new connection is used; `on_bug` gets what should never be raised."""

    def __init__(
        self,
        connect: Callable[[], APIClient],
        home: Home,
        sightings: Sightings,
        *,
        on_connect: Callable[[], None],
        on_bug: Callable[[Exception], None],
    ) -> None:
        self._connect = connect
        self._home = home
        self._sightings = sightings
        self._on_connect = on_connect
        self._on_bug = on_bug
        self._closed = threading.Event()
        self._changed = threading.Condition()  # guards the four below
        self._client: APIClient | None = None
        self._stream: CancellableStream | None = None
        self._lost_told = False
        self._heard_of: dict[str, _Heard] = {}  # by runtime id
        self._out_of_memory: set[str] = set()  # runtime ids: `oom` comes before `die`, which does not say it
        self._threads = [
            threading.Thread(target=self._guarded, args=(job,), name=name, daemon=True)
            for name, job in (("engine-events", self._listen), ("engine-looks", self._look_when_told))
        ]

    @property
    def client(self) -> APIClient | None:
        """None while the engine does not answer."""
        return self._client

    def open(self) -> None:
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        self._closed.set()
        with self._changed:
            stream, client = self._stream, self._client
            self._changed.notify_all()
        if stream is not None:
            _hang_up(stream)  # events have no read timeout
        for thread in self._threads:
            thread.join(CLOSING_SECONDS)
        if client is not None:
            client.close()

    def look_at(self, runtime_id: str, exit_code: int | None = None, *, after: float = 0.0) -> None:
        """Looks at this container, and at the listing, in `after` seconds. Returns at once."""
        with self._changed:
            known = self._heard_of.get(runtime_id)
            if exit_code is None and known is not None:
                exit_code = known.exit_code
            self._heard_of[runtime_id] = _Heard(time.monotonic() + after, exit_code)
            self._changed.notify_all()

    def lose(self, reason: str, client: APIClient | None = None) -> None:
        """A request was not answered: tells EngineLost, and connects again with a complete look. With `client`, only
        if that is still the connection: a late failure of an old one says nothing of the new."""
        with self._changed:
            if client is not None and client is not self._client:
                return
            stream, self._stream, self._client = self._stream, None, None
            if not self._lost_told and not self._closed.is_set():
                self._lost_told = True
                self._sightings.tell(EngineLost(reason))
        if stream is not None:
            _hang_up(stream)

    def _guarded(self, job: Callable[[], None]) -> None:
        try:
            job()
        except Exception as error:  # noqa: BLE001 - handed on: a bug must stop the controller, not just this thread
            self._on_bug(error)

    def _listen(self) -> None:
        while (beginning := self._begin_in_time()) is not None:
            with self._changed:
                self._client, self._stream, self._lost_told = beginning.client, beginning.stream, False
                self._sightings.connected(beginning.engine, beginning.looks, beginning.ticket)
                self._changed.notify_all()
            for event in beginning.stream:
                self._hear(event)
            self.lose("its event stream ended", beginning.client)
            self._closed.wait(FIRST_RETRY_SECONDS)

    def _begin_in_time(self) -> _Beginning | None:
        """Tries until the engine answers; None once closed."""
        tries = Retrying(
            retry=retry_if_exception_type(engine.UNANSWERED),
            wait=wait_exponential(multiplier=FIRST_RETRY_SECONDS, max=LONGEST_RETRY_SECONDS),
            stop=stop_when_event_set(self._closed),
            sleep=sleep_using_event(self._closed),
            before_sleep=self._tell_trouble,
        )
        try:
            return None if self._closed.is_set() else tries(self._begin)
        except RetryError:
            return None

    def _tell_trouble(self, attempt: RetryCallState) -> None:
        error = attempt.outcome.exception() if attempt.outcome else None
        if error is not None:
            self.lose(str(error) if isinstance(error, ChaosEcsError) else engine.why(error))

    def _begin(self) -> _Beginning:
        client = self._connect()
        self._on_connect()
        # The engine sends its header a moment before it begins to listen for us: `since` covers that moment. What it
        # replays besides is harmless. A number loses digits on its way, so it is sent as text.
        since = f"{time.time() - 1:.9f}"
        filters = self._home.filters | {"type": ["container"], "event": _EVENTS}
        stream = client.events(since=since, filters=filters, decode=True)
        try:
            ticket = self._sightings.ticket()
            listed = client.containers(all=True, filters=self._home.filters)
            looks = [self._inspect(client, one["Id"]) for one in listed]
            told = tuple(look for look in looks if look is not None)
            return _Beginning(client, stream, engine.describe(client), told, ticket)
        except engine.UNANSWERED:
            _hang_up(stream)
            raise

    def _hear(self, event: Mapping[str, Any]) -> None:
        actor = event["Actor"]
        marks = actor.get("Attributes") or {}
        starting = self._sightings.is_starting(marks.get(labels.TASK, ""), marks.get(labels.CONTAINER, ""))
        if event["Action"] == "start" and starting:
            return  # whoever starts it looks at it
        code = marks.get("exitCode", "") if event["Action"] == "die" else ""
        exit_code = int(code) if code.isdigit() else None
        if event["Action"] == "oom":
            self._out_of_memory.add(actor["ID"])
        after = 0.0
        if exit_code is not None and labels.HOST_PORTS not in marks:  # a port it named is still taken: look first
            after = AFTER_A_DEATH_SECONDS
            oom_killed = actor["ID"] in self._out_of_memory
            self._sightings.ended(actor["ID"], event["timeNano"] / 1e9, exit_code, oom_killed=oom_killed)
        if event["Action"] == "die":
            self._out_of_memory.discard(actor["ID"])
        self.look_at(actor["ID"], exit_code, after=after)

    def _look_when_told(self) -> None:
        while (wanted := self._await_something_to_look_at()) is not None:
            client, heard_of = wanted
            try:
                self._look(client, heard_of, thorough=not heard_of)
            except engine.UNREACHABLE as error:
                self.lose(engine.why(error), client)

    def _await_something_to_look_at(self) -> tuple[APIClient, dict[str, _Heard]] | None:
        """The containers whose time has come; none of them after half a minute in which nothing was heard. None once
        closed."""
        belt = time.monotonic() + BELT_SECONDS
        with self._changed:
            while not self._closed.is_set():
                now = time.monotonic()
                if self._client is not None:
                    ready = {id_: heard for id_, heard in self._heard_of.items() if heard.due <= now}
                    if ready or now >= belt:
                        self._heard_of = {id_: h for id_, h in self._heard_of.items() if id_ not in ready}
                        return self._client, ready
                dues = [heard.due for heard in self._heard_of.values()] if self._client is not None else []
                self._changed.wait(max(0.0, min([belt, *dues]) - now) if self._client is not None else None)
        return None

    def _look(self, client: APIClient, heard_of: Mapping[str, _Heard], *, thorough: bool) -> None:
        """The containers heard of first: that is what somebody waits for. Then whatever the listing says is new."""
        for runtime_id, heard in heard_of.items():
            self._look_closely(client, runtime_id, heard.exit_code)
        ticket = self._sightings.ticket()
        listed = client.containers(all=True, filters=self._home.filters)
        known = self._sightings.known()
        for one in listed:
            seen = known.get(one["Id"])
            runs = seen is not None and seen.state is RunState.RUNNING
            if seen is None or inspection.differs(one, seen) or (thorough and runs):
                self._look_closely(client, one["Id"])
        self._sightings.listed([one["Id"] for one in listed], ticket)

    def _look_closely(self, client: APIClient, runtime_id: str, exit_code: int | None = None) -> None:
        look = self._inspect(client, runtime_id, exit_code)
        if look is not None:
            self._sightings.report(look)

    def _inspect(self, client: APIClient, runtime_id: str, exit_code: int | None = None) -> Look | None:
        """None when the container is gone, or the engine cannot tell us about it now."""
        ticket = self._sightings.ticket()
        try:
            found = client.inspect_container(runtime_id)
        except NotFound:
            self._sightings.missing(runtime_id)
            return None
        except APIError as error:
            if not engine.has_answered(error):
                raise
            _log.warning("cannot inspect container %s: %s", runtime_id, engine.why(error))
            return None
        seen = inspection.container_seen(found)
        ended_at = inspection.finished_before(found) if seen.state is RunState.RUNNING else None
        return Look(seen, ticket, ended_at, exit_code)


def _hang_up(stream: CancellableStream) -> None:
    """Ends a stream that another thread reads. The SDK looks for its socket in what the reader may just have torn
    down, hence AttributeError; over SSH it cannot."""
    try:
        stream.close()
    except (AttributeError, DockerException, OSError) as error:
        _log.debug("the event stream was already closed, or cannot be: %s", error)
