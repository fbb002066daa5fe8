"""moto's SQS and nothing else of moto, on PORT. What it knows is in memory: whoever kills it empties the queues.

Here lives how it is served: one request at a time, and /health. Never here: what a request means, which is moto's.
"""

from __future__ import annotations

import io
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from moto.moto_server.werkzeug_app import MotoRequestHandler, create_backend_app
from moto.sqs.models import Queue
from werkzeug.serving import make_server

PORT = int(os.environ.get("PORT", "9324"))
LOOK_EVERY_SECONDS = 0.1  # while somebody waits for a message
IDLE_SECONDS = 60.0  # then a connection is closed on which nobody asks anything

# moto's queues are lists, and its threads change them at will: one sends while another deletes, and what was sent may
# be lost. So requests take turns.
TURN = threading.Lock()

Environ = dict[str, Any]
Application = Callable[[Environ, Any], Iterable[bytes]]


class Handler(MotoRequestHandler):
    timeout = IDLE_SECONDS

    def log_request(self, *_: object) -> None:
        """Workers that wait ask all the time: nothing worth a line."""


def wait_for_messages(_queue: Queue, _timeout: int) -> None:
    """In place of moto's own: lets the others have their turn, and sees a message that has become visible again."""
    TURN.release()
    try:
        time.sleep(LOOK_EVERY_SECONDS)
    finally:
        TURN.acquire()


def in_turn(application: Application) -> Application:
    def answer(environ: Environ, start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/health":
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [b"ok\n"]
        # All of it is read before the turn begins: a client that stops half-way must not stop the others.
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        with TURN:
            return application({**environ, "wsgi.input": io.BytesIO(body)}, start_response)

    return answer


def sqs() -> Application:
    Queue.wait_for_messages = wait_for_messages  # type: ignore[method-assign, assignment]
    return in_turn(create_backend_app("sqs"))


def main() -> None:
    server = make_server("0.0.0.0", PORT, sqs(), threaded=True, request_handler=Handler)  # noqa: S104 - for other tasks
    sys.stdout.write(f"queue {socket.gethostname()}: SQS answers on port {PORT}\n")
    server.serve_forever()
