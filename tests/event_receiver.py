"""A web server that events are sent to: it keeps what it takes, and fails as a test wants."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Receiver(ThreadingHTTPServer):
    """Keeps the bodies it answers with 2xx. `answers` is asked for the status of each request, by its number; it may
    wait. Each answer has so many `answer_bytes`."""

    daemon_threads = True

    def __init__(self, port: int = 0, answers: Callable[[int], int] = lambda number: 200) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.answers = answers
        self.answer_bytes = 0
        self.asked: list[tuple[str, str | None]] = []
        self.got: list[Any] = []
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/events?from=here"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.server.lock:
            self.server.asked.append((self.path, self.headers["Content-Type"]))
            status = self.server.answers(len(self.server.asked))
            if 200 <= status < 300:
                self.server.got.append(json.loads(body))
        self.send_response(status)
        self.send_header("Content-Length", str(self.server.answer_bytes))
        self.end_headers()
        self.wfile.write(bytes(self.server.answer_bytes))

    def log_message(self, *told: object) -> None:
        """Nothing on the test's output."""


@contextmanager
def receiving(port: int = 0, answers: Callable[[int], int] = lambda number: 200) -> Iterator[Receiver]:
    receiver = Receiver(port, answers)
    thread = threading.Thread(target=receiver.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.shutdown()
        receiver.server_close()
