"""The HTTP server: Starlette and uvicorn around `border.py`, on 127.0.0.1 if nobody asks for more.

Never here: what a request means. The controller's loop runs on a thread of its own; this one has asyncio's.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from types import FrameType, MappingProxyType
from typing import Any
from urllib.parse import parse_qs

import uvicorn
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chaos_ecs.api import event_stream
from chaos_ecs.api.auth import LARGEST_BODY_BYTES, Request, check_signed, check_source
from chaos_ecs.api.border import Border
from chaos_ecs.api.client_view import Figures, nobody
from chaos_ecs.api.connections import GIVE_UP, Connection, Limits, affordable
from chaos_ecs.api.errors import Refused, guests_only_look, our_bug, too_large, too_late, too_slow
from chaos_ecs.api.exchange import JSON, Exchange, Response, refused
from chaos_ecs.api.listening import EVERY_ADDRESS, bind, bind_afar, own_address
from chaos_ecs.controller import Controller
from chaos_ecs.sigv4 import Credentials

ANSWER_WITHIN_SECONDS = 30.0
STOP_WITHIN_SECONDS = 3
LIMITS = Limits()
TICKS_A_SECOND = 10  # uvicorn's


@dataclass(frozen=True, slots=True)
class Door:
    """By which socket a request comes in: the one for guests has a port, the one of `--listen` is afar."""

    guest_port: int | None = None
    is_afar: bool = False


LOOPBACK = Door()

log = logging.getLogger(__name__)


# --- ASGI ---


class Exchanges:
    """Every request that is answered once: the operations, the snapshot, the health check, and refusals."""

    def __init__(self, border: Border, door: Door = LOOPBACK, limits: Limits = LIMITS) -> None:
        self._border = border
        self._door = door
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            body = await _read_body(scope, receive, self._limits)
        except Refused as refusal:  # what is still to come of it is not waited for
            exchange = self._border.refuse(_request(scope, b"", self._door), refusal)
            response = _last(exchange)
        else:
            if body is None:
                return
            response = await self._answer(self._border.begin(_request(scope, body, self._door)))
        await _respond(scope, send, response, self._limits)

    async def _answer(self, exchange: Exchange) -> Response:
        answered = asyncio.Event()
        loop = asyncio.get_running_loop()
        exchange.future.add_done_callback(lambda _: _call_on(loop, answered.set))
        try:
            async with asyncio.timeout(ANSWER_WITHIN_SECONDS):
                await answered.wait()
        except TimeoutError:
            exchange.future.cancel()
            return exchange.refuse(too_late(ANSWER_WITHIN_SECONDS))
        return exchange.answer()


_FORMATS: Mapping[str, event_stream.Source] = {"": event_stream.OURS, "eventbridge": event_stream.BRIDGE}


class EventStream:
    """`GET /events?after=N&follow=0|1&format=eventbridge`, as server-sent events."""

    def __init__(self, border: Border, door: Door = LOOPBACK, limits: Limits = LIMITS) -> None:
        self._border = border
        self._limits = limits
        self._door = door
        self._closing = asyncio.Event()
        self._awake: dict[asyncio.Event, None] = {}

    def end_all(self) -> None:
        """The server stops: streams end after what they have; call it on the event loop."""
        self._closing.set()
        for awake in list(self._awake):
            awake.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = _request(scope, b"", self._door)
        request_id = self._border.new_request_id()
        try:
            after, follow, source = self._admit(request)
        except Refused as refusal:
            await _respond(scope, send, refused(refusal, request_id, JSON).answer(), self._limits)
            return
        loop = asyncio.get_running_loop()
        awake = asyncio.Event()
        self._awake[awake] = None
        reader = event_stream.Reader(self._border.controller, lambda: _call_on(loop, awake.set), source=source)
        gone = asyncio.create_task(_wait_for_disconnect(receive, awake))
        try:
            try:
                async with asyncio.timeout(ANSWER_WITHIN_SECONDS):
                    backlog = await asyncio.wrap_future(reader.open(after, follow=follow))
            except TimeoutError:
                late = refused(too_late(ANSWER_WITHIN_SECONDS), request_id, JSON).answer()
                await _respond(scope, send, late, self._limits)
                return
            await self._send(send, _event_stream_start(request_id))
            for first in range(0, len(backlog), event_stream.EVENTS_A_CHUNK):
                await self._send_part(send, source.encode(backlog[first : first + event_stream.EVENTS_A_CHUNK]))
            if follow:
                await self._follow(reader, awake, gone, send)
            await self._send(send, {"type": "http.response.body", "body": b""})
        except TimeoutError:
            _give_up(scope)  # nobody reads
        finally:
            reader.close()
            gone.cancel()
            del self._awake[awake]

    def _admit(self, request: Request) -> tuple[int, bool, event_stream.Source]:
        """After which event, whether to go on with what happens, and in what form. Raises Refused."""
        check_source(request, self._border.port)
        if request.method != "GET":
            raise Refused(405, "MethodNotAllowedException", f"/events does not take {request.method}.")
        self._border.admit_reader(request)
        query = parse_qs(request.query)
        after = request.headers.get("last-event-id") or query.get("after", ["0"])[-1]
        follow = query.get("follow", ["1"])[-1]
        if not (after.isascii() and after.isdecimal() and len(after) < 19) or follow not in ("0", "1"):
            raise Refused(400, "InvalidParameterException", "after is the number of an event, follow is 0 or 1.")
        form = query.get("format", [""])[-1]
        if form not in _FORMATS:
            raise Refused(400, "InvalidParameterException", "format is eventbridge, or not there.")
        return int(after), follow == "1", _FORMATS[form]

    async def _follow(
        self, reader: event_stream.Reader, awake: asyncio.Event, gone: asyncio.Task[None], send: Send
    ) -> None:
        while True:
            awake.clear()
            while events := reader.take():
                await self._send_part(send, reader.source.encode(events))
            if gone.done() or self._closing.is_set() or reader.is_cut_off:
                return
            try:
                await asyncio.wait_for(awake.wait(), event_stream.HEARTBEAT_SECONDS)
            except TimeoutError:
                await self._send_part(send, event_stream.HEARTBEAT)

    async def _send_part(self, send: Send, body: bytes) -> None:
        await self._send(send, {"type": "http.response.body", "body": body, "more_body": True})

    async def _send(self, send: Send, message: Message) -> None:
        """Raises TimeoutError when the other side does not read."""
        await asyncio.wait_for(send(message), self._limits.send_within_seconds)


def _give_up(scope: Scope) -> None:
    """The other side does not read: what is left is never sent."""
    scope["state"][GIVE_UP]()


def _event_stream_start(request_id: str) -> Message:
    headers = {"content-type": "text/event-stream", "cache-control": "no-store", "x-amzn-RequestId": request_id}
    return {"type": "http.response.start", "status": 200, "headers": _encoded(headers)}


async def _wait_for_disconnect(receive: Receive, awake: asyncio.Event) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    awake.set()


def _call_on(loop: asyncio.AbstractEventLoop, do: Callable[[], object]) -> None:
    """From the controller's thread; a server that has ended by then does not need it any more."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(do)


async def _read_body(scope: Scope, receive: Receive, limits: Limits) -> bytes | None:
    """The body, cut just above the limit; None when the client went away. Raises Refused where it has no end."""
    announced = dict(scope["headers"]).get(b"content-length", b"0")
    if int(announced) > limits.discarded_bytes:
        raise too_large(LARGEST_BODY_BYTES)
    try:
        async with asyncio.timeout(limits.body_within_seconds):
            return await _read_parts(receive, limits.discarded_bytes)
    except TimeoutError:
        raise too_slow(limits.body_within_seconds) from None


async def _read_parts(receive: Receive, most: int) -> bytes | None:
    parts: list[bytes] = []
    kept = size = 0
    while size <= most:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        part = message.get("body", b"")
        size += len(part)
        if kept <= LARGEST_BODY_BYTES:
            parts.append(part)
            kept += len(part)
        if not message.get("more_body", False):
            return b"".join(parts)
    raise too_large(LARGEST_BODY_BYTES)


def _request(scope: Scope, body: bytes, door: Door) -> Request:
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    raw_path: bytes = scope.get("raw_path") or scope["path"].encode()
    return Request(
        scope["method"],
        raw_path.partition(b"?")[0].decode("latin-1"),
        scope["query_string"].decode("latin-1"),
        headers,
        body,
        door.guest_port,
        door.is_afar,
    )


async def _respond(scope: Scope, send: Send, response: Response, limits: Limits) -> None:
    """The whole answer; given up where the other side does not read it."""
    headers = {**response.headers, "content-length": str(len(response.body))}
    try:
        async with asyncio.timeout(limits.send_within_seconds):
            await send({"type": "http.response.start", "status": response.status, "headers": _encoded(headers)})
            await send({"type": "http.response.body", "body": response.body})
    except TimeoutError:
        _give_up(scope)


def _last(exchange: Exchange) -> Response:
    """Its answer, after which the connection is closed: what is still to come by it is not read."""
    return replace(exchange, headers={**exchange.headers, "connection": "close"}).answer()


def _encoded(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]


class App:
    """`/events` streams; everything else is one exchange, refusals of unknown paths included. From afar, and at the
    guests' door, who may not ask is refused before anything is read of a body. A bug is answered as all else is."""

    def __init__(self, border: Border, stream: EventStream, door: Door, limits: Limits) -> None:
        self._border = border
        self._door = door
        self._limits = limits
        exchanges = Exchanges(border, door, limits)
        self._routes: ASGIApp = Router([Route("/events", stream)], redirect_slashes=False, default=exchanges)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_begun = False

        async def begin(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            self._check_head(scope)
            await self._routes(scope, receive, begin)
        except Refused as refusal:
            exchange = self._border.refuse(_request(scope, b"", self._door), refusal)
            await _respond(scope, send, _last(exchange), self._limits)
        except Exception:
            request_id = self._border.new_request_id()
            log.exception("request %s met a bug", request_id)
            if has_begun:  # half an answer is not to be taken for a whole one
                _give_up(scope)
            else:
                await _respond(scope, send, _last(refused(our_bug(), request_id, JSON)), self._limits)

    def _check_head(self, scope: Scope) -> None:
        """Raises Refused where a request is not worth its body."""
        if self._door.is_afar:
            check_signed(_request(scope, b"", self._door))
        headers = dict(scope["headers"])
        has_body = b"transfer-encoding" in headers or int(headers.get(b"content-length", b"0")) > 0
        if self._door.guest_port is not None and has_body:
            raise guests_only_look()


# --- the process ---


class _Uvicorn(uvicorn.Server):
    """Leaves signals alone, and ends when `is_over` says so."""

    def __init__(self, config: uvicorn.Config, is_over: Callable[[], bool], end_streams: Callable[[], None]) -> None:
        super().__init__(config)
        self._is_over = is_over
        self._end_streams = end_streams

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def on_tick(self, counter: int) -> bool:
        if counter % TICKS_A_SECOND == 0:
            for connection in list(self.server_state.connections):
                if isinstance(connection, Connection):
                    connection.tend()
        return self._is_over() or await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._end_streams()
        await super().shutdown(sockets)


class Server:
    """The controller's server, bound when it is made and serving while `run` runs.

    `info` is what GetController tells besides: home, simulated, seed. `client` is what our own client saw. `port` is
    the port really taken. With `listen`, an address of this machine, it serves there too, but nothing without a
    signature; `listen` then is that address and port.
    """

    def __init__(
        self,
        controller: Controller,
        credentials: Credentials,
        *,
        port: int,
        before: int = 0,
        info: Mapping[str, Any],
        client: Figures = nobody,
        page: Mapping[str, str] = MappingProxyType({}),
        limits: Limits = LIMITS,
        listen: str = "",
    ) -> None:
        self._limits = affordable(limits)
        self._controller = controller
        self._client = client
        self._credentials = credentials
        self._info = info
        self._page = page
        self._socket = bind(port, before=before)
        self._afar = bind_afar(self._socket.getsockname()[1], listen) if listen else None
        self._stopping = threading.Event()
        self._guests: asyncio.Task[None] | None = None
        self._guest_port = 0
        self.port: int = self._socket.getsockname()[1]
        self.listen = ":".join(map(str, self._afar.getsockname())) if self._afar else ""

    def run(self) -> None:
        """Serves until `stop`, StopController, SIGINT or SIGTERM, or the end of the controller's loop by a bug.

        Signals are only heard where it runs on the main thread. Whether the loop has failed is for the caller to see.
        """
        with _signals_call(self.stop):
            asyncio.run(self._serve())

    def stop(self) -> None:
        """Ends `run` soon; from any thread or a signal handler."""
        self._stopping.set()

    async def _serve(self) -> None:
        border = Border(
            self._controller,
            self._credentials,
            port=self.port,
            info={**self._info, **({"listen": self.listen} if self.listen else {})},
            now=time.time,
            stop=self.stop,
            client=self._client,
            page=self._page,
            share=lambda: self._share(border),
        )
        try:
            afar = [self._serve_on(border, self._afar, Door(is_afar=True))] if self._afar else []
            await asyncio.gather(self._serve_on(border, self._socket), *afar)
            if self._guests:
                await self._guests
        finally:
            border.close()
            for listener in filter(None, (self._socket, self._afar)):
                listener.close()

    async def _serve_on(self, border: Border, listener: socket.socket, door: Door = LOOPBACK) -> None:
        stream = EventStream(border, door, self._limits)
        protocol = partial(Connection, limits=self._limits, new_request_id=border.new_request_id)
        config = uvicorn.Config(
            App(border, stream, door, self._limits),
            http=protocol,  # type: ignore[arg-type] # called as the class is
            access_log=False,
            log_config=None,
            lifespan="off",
            server_header=False,
            timeout_keep_alive=self._limits.keep_alive_seconds,
            timeout_graceful_shutdown=STOP_WITHIN_SECONDS,
            ws="none",
        )
        with listener:
            await _Uvicorn(config, self._is_over, stream.end_all).serve(sockets=[listener])

    def _share(self, border: Border) -> list[str]:
        """Opens the door for guests, on the event loop's thread; answers its addresses. Raises ChaosEcsError."""
        if self._guests is None:
            listener = bind(self.port + 1, EVERY_ADDRESS)
            port = self._guest_port = listener.getsockname()[1]
            serving = self._serve_on(border, listener, Door(guest_port=port))
            self._guests = asyncio.get_running_loop().create_task(serving)
        return [f"http://{own_address()}:{self._guest_port}"]

    def _is_over(self) -> bool:
        return self._stopping.is_set() or self._controller.failed is not None


@contextlib.contextmanager
def _signals_call(stop: Callable[[], None]) -> Iterator[None]:
    """SIGINT and SIGTERM end the server, not the process: what comes after it still has to be done."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, frame: FrameType | None) -> None:
        stop()

    numbers = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGBREAK") if hasattr(signal, name)]
    before = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
