"""One client's connection: how long it may keep the server waiting, and what it is told when it speaks no HTTP.

uvicorn reads and writes; what it leaves open is here: a request's head that never ends, an answer that nobody reads, a
client that closes its half before it is answered, more connections than there are file descriptors for. `tend` is to be
called every second. Never here: what a request means.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle
from uvicorn.server import ServerState

from chaos_ecs.api.auth import LARGEST_BODY_BYTES
from chaos_ecs.api.errors import Refused
from chaos_ecs.api.exchange import JSON, refused

GIVE_UP = "give_up"
"""Where a request's ASGI scope, in its `state`, has what ends its connection."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a client may ask for. An idle connection is kept for `keep_alive_seconds`, as uvicorn counts it."""

    head_within_seconds: float = 20.0  # from its first byte
    body_within_seconds: float = 30.0
    send_within_seconds: float = 30.0
    close_within_seconds: float = 5.0
    keep_alive_seconds: int = 75
    connections: int = 1000
    ahead_bytes: int = LARGEST_BODY_BYTES  # of requests that are sent before the one before them is answered
    discarded_bytes: int = 16 * LARGEST_BODY_BYTES  # read of a body that is too large, so that its sender hears why


def affordable(limits: Limits) -> Limits:
    """With no more connections than a quarter of the files that this process may open: the engine needs some too, and
    there may be three doors."""
    if sys.platform == "win32":
        return limits
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return limits if soft == resource.RLIM_INFINITY else replace(limits, connections=min(limits.connections, soft // 4))


class Connection(H11Protocol):
    """`new_request_id` numbers what is answered here, without a request that could be read."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        limits: Limits,
        new_request_id: Callable[[], str],
    ) -> None:
        super().__init__(config, server_state, {**app_state, GIVE_UP: self.give_up}, _loop)
        self._limits = limits
        self._new_request_id = new_request_id
        self._idle_since: float | None = None  # None: a request is under way
        self._head_since: float | None = None
        self._closing_since: float | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._idle_since = self.loop.time()
        super().connection_made(transport)
        if len(self.connections) > self._limits.connections:
            self._make_room()

    def data_received(self, data: bytes) -> None:
        if self._idle_since is not None and self._head_since is None:
            self._head_since = self.loop.time()
        super().data_received(data)
        if len(self.conn.trailing_data[0]) > self._limits.ahead_bytes:
            self.give_up()  # uvicorn takes in more with every request that it answers

    def eof_received(self) -> bool | None:  # type: ignore[override]
        """Who has asked and then closed its half is answered; what else ends there is over."""
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is None or cycle.more_body or cycle.response_started:
            return None
        cycle.keep_alive = False
        return True

    def handle_events(self) -> None:
        super().handle_events()
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is not None and not cycle.response_complete:
            self._idle_since = self._head_since = None

    def on_response_complete(self) -> None:
        self._idle_since, self._head_since = self.loop.time(), None
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """In the form of every other refusal. Where an answer is under way already, there is nothing left to say."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            refusal = Refused(400, "MalformedHttpRequestException", "The request is no HTTP that can be read.")
            answer = refused(refusal, self._new_request_id(), JSON).answer()
            headers = {**answer.headers, "content-length": str(len(answer.body)), "connection": "close"}
            head = h11.Response(status_code=answer.status, headers=list(headers.items()), reason=b"Bad Request")
            for event in (head, h11.Data(data=answer.body), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def give_up(self) -> None:
        """Ends it now, whatever has not been read yet: uvicorn would wait for ever to send that."""
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is not None:
            cycle.disconnected = True
        self.transport.abort()

    def tend(self) -> None:
        """Closes what has kept the server waiting for too long."""
        now = self.loop.time()
        if self.transport.is_closing():
            if self._closing_since is None:
                self._closing_since = now
            elif now - self._closing_since > self._limits.close_within_seconds:
                self.give_up()
        elif self._is_late(now):
            self.transport.close()

    def _is_late(self, now: float) -> bool:
        if self._head_since is not None:
            return now - self._head_since > self._limits.head_within_seconds
        return self._idle_since is not None and now - self._idle_since > self._limits.keep_alive_seconds

    def _make_room(self) -> None:
        """The one that has been idle for longest gives way; where all are at work, the new one."""
        others = [one for one in self.connections if isinstance(one, Connection) and not one.transport.is_closing()]
        idle = [(one._idle_since, one) for one in others if one._idle_since is not None and one is not self]
        oldest = min(idle, key=lambda pair: pair[0], default=(0.0, self))[1]
        oldest.give_up()
