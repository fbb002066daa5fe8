"""Small web servers on 127.0.0.1 that behave as badly as a test wants."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Behave = Callable[[socket.socket], None]
"""Does something with one connection whose request has been read; it is closed afterwards."""


@contextmanager
def a_server(behave: Behave, *, keep_alive: bool = False) -> Iterator[str]:
    """Answers its URL. With `keep_alive` a connection is asked again and again."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)

    def serve(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            while read_request(connection):
                behave(connection)
                if not keep_alive:
                    return

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def read_request(connection: socket.socket) -> bytes:
    """The head of a request, b"" when there is none."""
    said = b""
    while b"\r\n\r\n" not in said:
        more = connection.recv(4096)
        if not more:
            return b""
        said += more
    return said


def answering(
    status: int = 200, body: str = "hello\n", *, headers: str = "", after: Callable[[], object] = lambda: None
) -> Behave:
    """`after` is called first: it may wait."""
    text = f"HTTP/1.1 {status} It is so\r\nContent-Length: {len(body)}\r\n{headers}\r\n{body}".encode()

    def behave(connection: socket.socket) -> None:
        after()
        connection.sendall(text)

    return behave


def saying(text: str) -> Behave:
    """These bytes, then the end."""
    return lambda connection: connection.sendall(text.encode())


def closing(connection: socket.socket) -> None:
    """No answer at all."""


def resetting(connection: socket.socket) -> None:
    """RST instead of an answer."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def nobody() -> str:
    """A URL where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return f"http://127.0.0.1:{taken.getsockname()[1]}/"
