"""One request on one socket that never blocks, and why it failed in plain words.

Never here: when requests are sent (see `engine.py`). What counts as failed: no whole answer, or one from 500 on. An
answer such as 404 was served: somebody was there and said so.
"""

from __future__ import annotations

import errno
import os
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from chaos_ecs.probe.answer import Answer, NotHttpError

REFUSED = "connection refused"
RESET = "connection reset"
TIMED_OUT = "timed out"
NO_ANSWER = "closed without an answer"
CUT_SHORT = "answer cut short"
NOT_HTTP = "not HTTP"
OVERLOADED = "overloaded"
_READ_BYTES = 65_536
_UNDER_WAY = (errno.EINPROGRESS, errno.EWOULDBLOCK, getattr(errno, "WSAEWOULDBLOCK", errno.EINPROGRESS))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a URL leads, looked up once."""

    family: int
    address: tuple[object, ...]
    request: bytes

    def connects(self, timeout: float) -> str:
        """Why nobody answers a connection, "" when somebody does. Blocks for `timeout` seconds at most."""
        with socket.socket(self.family, socket.SOCK_STREAM) as trial:
            trial.settimeout(timeout)
            try:
                trial.connect(self.address)
            except OSError as error:
                return TIMED_OUT if isinstance(error, TimeoutError) else cause_of(error)
        return ""


def places(url: str, *, keep_alive: bool = False) -> list[Place]:
    """The addresses behind an http URL. Raises ValueError for a URL that is none, OSError for an unknown name."""
    parts = urlsplit(url)
    if parts.scheme != "http":
        raise ValueError(f"{url!r} does not begin with http://, the only thing spoken here")
    if not parts.hostname or "@" in parts.netloc:
        raise ValueError(f"{url!r} names no host")
    if any(ord(character) <= 0x20 or ord(character) > 0x7E for character in url):
        raise ValueError(f"{url!r} has characters that must be percent-encoded")
    port = parts.port or 80  # raises ValueError for a port that is none
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    wish = "keep-alive" if keep_alive else "close"
    request = (
        f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nUser-Agent: chaos-ecs-probe\r\n"
        f"Accept: */*\r\nConnection: {wish}\r\n\r\n"
    ).encode("ascii")
    found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    return [Place(family, address, request) for family, _, _, _, address in found]


def cause_of(error: OSError) -> str:
    """Why a connection failed, in plain words."""
    if isinstance(error, ConnectionRefusedError):
        return REFUSED
    if isinstance(error, (ConnectionResetError, BrokenPipeError, ConnectionAbortedError)):
        return RESET
    return f"cannot connect ({os.strerror(error.errno) if error.errno else error})"


class Exchange:
    """`step` it when its socket is ready, until `is_over`. `cause` is "" when it went well."""

    def __init__(self, place: Place, reused: socket.socket | None = None) -> None:
        self.cause = ""
        self.is_over = False
        self.answer = Answer()
        self._to_send = place.request
        self.socket = reused or socket.socket(place.family, socket.SOCK_STREAM)
        self._connected = reused is not None
        if reused is None:
            self.socket.setblocking(False)
            code = self.socket.connect_ex(place.address)
            if code not in (0, *_UNDER_WAY):
                self._end(cause_of(OSError(code, os.strerror(code))))

    @property
    def wants_to_send(self) -> bool:
        return bool(self._to_send)

    @property
    def may_go_on(self) -> bool:
        """Whether the connection is good for another request."""
        return self.is_over and self.answer.is_whole and not self.answer.closes

    def step(self) -> None:
        try:
            if self._to_send:
                self._send()
            else:
                self._receive()
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._end(cause_of(error))
        except NotHttpError:
            self._end(NOT_HTTP)

    def give_up(self) -> None:
        """Its time is over."""
        self._end(TIMED_OUT)

    def _send(self) -> None:
        if not self._connected:
            if code := self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                raise OSError(code, os.strerror(code))
            self._connected = True
        self._to_send = self._to_send[self.socket.send(self._to_send) :]

    def _receive(self) -> None:
        data = self.socket.recv(_READ_BYTES)
        if data:
            self.answer.feed(data)
        else:
            self.answer.end()
        if self.answer.is_whole:
            self._end(f"HTTP {self.answer.status}" if self.answer.status >= 500 else "")
        elif not data:
            self._end(CUT_SHORT if self.answer.began else NO_ANSWER)

    def _end(self, cause: str) -> None:
        self.cause, self.is_over = cause, True


def is_fresh(connection: socket.socket) -> bool:
    """Whether an idle connection is still open, and nobody has said anything on it unasked."""
    try:
        connection.recv(1, socket.MSG_PEEK)
    except (BlockingIOError, InterruptedError):
        return True
    except OSError:
        return False
    return False
