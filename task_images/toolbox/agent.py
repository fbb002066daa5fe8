"""The ECS agent as tasks reach it over HTTP: hands each request to the controller, and hands its answer back.

A request is a line of JSON on standard output, an answer one on standard input; the controller is attached to both.
What a request means, and whether it may be made, is the controller's to say, never decided here. See README.md.
"""

from __future__ import annotations

import itertools
import json
import signal
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT = 51679  # the ECS agent's own for tasks
LARGEST_BODY_BYTES = 64 * 1024
AT_ONCE = 64
READ_SECONDS = 5.0
ANSWER_SECONDS = 60.0
LOOKS_A_SILENCE = 10

Answer = tuple[int, Mapping[str, str]]
NO_ANSWER: Answer = (500, {"Error": "internal error"})


@dataclass
class Waiting:
    """A request without an answer yet; `told` once a controller has been given it."""

    request: dict[str, str]
    since: float
    told: bool = False
    answer: Answer = NO_ANSWER
    is_over: threading.Event = field(default_factory=threading.Event)

    def end(self, answer: Answer) -> None:
        self.answer = answer
        self.is_over.set()


class Desk:
    """Whoever asks waits here for the controller. Called by many threads.

    One that says nothing for `silence` seconds is gone (it says something every two); another one must come within
    `patience`.
    """

    def __init__(self, silence: float = 7.0, patience: float = 10.0) -> None:
        self._silence, self._patience = silence, patience
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._open: dict[int, Waiting] = {}
        self._heard_at = float("-inf")

    def ask(self, request: dict[str, str]) -> Answer:
        waiting = Waiting(request, time.monotonic())
        with self._lock:
            number = next(self._numbers)
            self._open[number] = waiting
            if self._is_heard:
                self._tell(number, waiting)
        while not waiting.is_over.wait(self._silence / LOOKS_A_SILENCE) and self._may_come(waiting):
            pass
        with self._lock:
            del self._open[number]
        return waiting.answer

    def hear(self, line: str) -> None:
        """An answer, the hello of a controller, or an empty line: it is still there."""
        said: dict = dict(json.loads(line)) if line.strip() else {}
        with self._lock:
            self._heard_at = time.monotonic()
            if "hello" in said:
                self._begin_anew()
            elif waiting := self._open.get(said.get("number", 0)):
                waiting.end((said["status"], said["body"]))

    @property
    def _is_heard(self) -> bool:
        return time.monotonic() - self._heard_at < self._silence

    def _may_come(self, waiting: Waiting) -> bool:
        passed = time.monotonic() - waiting.since
        with self._lock:
            return self._is_heard and passed < ANSWER_SECONDS if waiting.told else passed < self._patience

    def _begin_anew(self) -> None:
        """What the controller before was told, this one knows nothing of."""
        for number, waiting in self._open.items():
            if waiting.told:
                waiting.end(NO_ANSWER)
            else:
                self._tell(number, waiting)

    def _tell(self, number: int, waiting: Waiting) -> None:
        waiting.told = True
        sys.stdout.write(json.dumps({"number": number, **waiting.request}) + "\n")
        sys.stdout.flush()


class Handler(BaseHTTPRequestHandler):
    desk = Desk()
    room = threading.BoundedSemaphore(AT_ONCE)
    timeout = READ_SECONDS
    server_version, sys_version = "Amazon-ECS-Agent", ""

    def relay(self) -> None:
        if not self.room.acquire(blocking=False):
            self.respond(503, {"Error": "too many requests at once"})
            return
        try:
            self.respond(*self.answer())
        finally:
            self.room.release()

    def answer(self) -> Answer:
        length = self.headers.get("Content-Length", "0").strip()
        if self.headers.get("Transfer-Encoding") or not length.isdecimal():
            return 411, {"Error": "a body needs a Content-Length"}
        if int(length) > LARGEST_BODY_BYTES:
            return 413, {"Error": f"the body is over {LARGEST_BODY_BYTES} bytes"}
        return self.desk.ask(
            {
                "method": self.command,
                "path": self.path,
                "body": self.rfile.read(int(length)).decode(errors="replace"),
                "source": self.client_address[0],
                "agent": self.connection.getsockname()[0],
            }
        )

    def respond(self, status: int, body: Mapping[str, str]) -> None:
        content = json.dumps(body, separators=(",", ":")).encode() if body else b""
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *values: object) -> None:  # noqa: A002 - the name it has in http.server
        sys.stderr.write(f"{self.client_address[0]} {format % values}\n")


for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
    setattr(Handler, f"do_{method}", Handler.relay)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = AT_ONCE


def listen(desk: Desk) -> None:
    """Until standard input ends, which nobody can begin anew: then another agent must."""
    for line in sys.stdin:
        try:
            desk.hear(line)
        except (ValueError, TypeError, KeyError) as error:
            sys.stderr.write(f"what the controller says makes no sense: {error!r}\n")


def main() -> None:
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, lambda *_: sys.exit(0))
    server = Server(("0.0.0.0", PORT), Handler)  # noqa: S104 - in the networks of clusters
    threading.Thread(target=server.serve_forever, daemon=True).start()
    listen(Handler.desk)


if __name__ == "__main__":
    main()
