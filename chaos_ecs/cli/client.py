"""How the commands speak to the controller: signed HTTP to 127.0.0.1. The only module of the CLI that does.

Never here: rendering, and starting the controller (see `shell.py`). `http.client` is imported late: `--help` needs none
of this.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from chaos_ecs.cli import refusals, sse
from chaos_ecs.cli.snapshot import Event, Snapshot
from chaos_ecs.errors import ChaosEcsError

if TYPE_CHECKING:
    from http.client import HTTPConnection, HTTPResponse

    from chaos_ecs.sigv4 import Credentials

ECS = "AmazonEC2ContainerServiceV20141113"
OURS = "ChaosEcsV1"
SCALING = "AnyScaleFrontendService"
ANSWER_WITHIN_SECONDS = 60.0
"""The server beats every few seconds on an idle event stream, so this holds there too."""

Answer = dict[str, Any]


class Controller(Protocol):
    """What a command may ask of the controller. Refusals and troubles are ChaosEcsErrors."""

    @property
    def url(self) -> str: ...

    def ecs(self, operation: str, **members: Any) -> Answer:
        """An operation of the ECS API."""
        ...

    def scaling(self, operation: str, **members: Any) -> Answer:
        """An operation of Application Auto Scaling."""
        ...

    def fis(self, method: str, path: str, body: Mapping[str, Any] | None = None, *, query: str = "") -> Answer:
        """An operation of AWS FIS, which method and path name."""
        ...

    def scheduler(
        self, operation: str, method: str, path: str, body: Mapping[str, Any] | None = None, *, query: str = ""
    ) -> Answer:
        """An operation of EventBridge Scheduler, likewise; `operation` is how a refusal is told."""
        ...

    def own(self, operation: str, **members: Any) -> Answer:
        """One of chaos-ecs's own operations."""
        ...

    def raw_state(self) -> Answer:
        """The state snapshot as the controller wrote it."""
        ...

    def events(self, after: int, *, follow: bool) -> Iterator[Event]:
        """Events with a higher number. With `follow` it never ends by itself: a lost connection raises E-STREAM."""
        ...

    def bridged(self, *, follow: bool) -> Iterator[Answer]:
        """What is known of the past and, with `follow`, what happens, as Amazon ECS would send it to EventBridge."""
        ...


def state(controller: Controller) -> Snapshot:
    """The state snapshot, typed."""
    return Snapshot.of(controller.raw_state())


class HttpController:
    """A controller on a port of this machine. Each call has its own connection, so any thread may call."""

    def __init__(self, port: int, keys: Credentials, region: str, *, patience: float = ANSWER_WITHIN_SECONDS) -> None:
        self._patience = patience
        self._port = port
        self._keys = keys
        self._region = region

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def ecs(self, operation: str, **members: Any) -> Answer:
        return self._call("ecs", f"{ECS}.{operation}", operation, members)

    def scaling(self, operation: str, **members: Any) -> Answer:
        return self._call("application-autoscaling", f"{SCALING}.{operation}", operation, members)

    def fis(self, method: str, path: str, body: Mapping[str, Any] | None = None, *, query: str = "") -> Answer:
        return self._rest(method, path, body, query, scope="fis", operation=f"{method} {path}")

    def scheduler(
        self, operation: str, method: str, path: str, body: Mapping[str, Any] | None = None, *, query: str = ""
    ) -> Answer:
        return self._rest(method, path, body, query, scope="scheduler", operation=operation)

    def own(self, operation: str, **members: Any) -> Answer:
        return self._call("chaos-ecs", f"{OURS}.{operation}", operation, members)

    def raw_state(self) -> Answer:
        return self._answer("GET", "/state", "", {}, b"", scope="chaos-ecs", operation="GET /state")

    def events(self, after: int, *, follow: bool) -> Iterator[Event]:
        for data in self._stream(f"after={after}&follow={int(follow)}"):
            yield Event.of(json.loads(data))
        if follow:
            raise lost("the event stream ended")

    def bridged(self, *, follow: bool) -> Iterator[Answer]:
        for data in self._stream(f"after=0&follow={int(follow)}&format=eventbridge"):
            yield json.loads(data)
        if follow:
            raise lost("the event stream ended")

    def _stream(self, query: str) -> Iterator[str]:
        from http.client import HTTPException

        connection, response = self._send("GET", "/events", query, {}, b"", scope="chaos-ecs")
        try:
            if response.status != 200:
                raise refusals.of("GET /events", response.status, response.read())
            lines = (line.decode("utf-8") for line in response)
            for _, data in sse.messages(lines):
                yield data
        except (OSError, HTTPException) as error:
            raise lost(str(error) or type(error).__name__) from error
        finally:
            connection.close()

    def _rest(
        self, method: str, path: str, body: Mapping[str, Any] | None, query: str, *, scope: str, operation: str
    ) -> Answer:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        sent = b"" if body is None else json.dumps(body).encode()
        return self._answer(method, path, query, headers, sent, scope=scope, operation=operation)

    def _call(self, scope: str, target: str, operation: str, members: Mapping[str, Any]) -> Answer:
        body = json.dumps({name: value for name, value in members.items() if value is not None}).encode()
        headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": target}
        named = f"{operation} {refusals.about(members)}".strip()
        return self._answer("POST", "/", "", headers, body, scope=scope, operation=named)

    def _answer(
        self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes, *, scope: str, operation: str
    ) -> Answer:
        from http.client import HTTPException

        connection, response = self._send(method, path, query, headers, body, scope=scope)
        try:
            said = response.read()
        except (OSError, HTTPException) as error:
            raise lost(str(error) or type(error).__name__) from error
        finally:
            connection.close()
        if response.status != 200:
            raise refusals.of(operation, response.status, said)
        answer: Answer = json.loads(said) if said else {}
        return answer

    def _send(
        self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes, *, scope: str
    ) -> tuple[HTTPConnection, HTTPResponse]:
        from http.client import HTTPConnection, HTTPException

        from chaos_ecs import sigv4

        host = f"127.0.0.1:{self._port}"
        signed = sigv4.sign(
            method,
            path,
            query,
            {**headers, "Host": host, "User-Agent": "chaos-ecs-cli"},
            body,
            credentials=self._keys,
            region=self._region,
            service=scope,
            now=time.time(),
        )
        connection = HTTPConnection("127.0.0.1", self._port, timeout=self._patience)
        try:
            connection.request(method, f"{path}?{query}" if query else path, body or None, signed)
            return connection, connection.getresponse()
        except (OSError, HTTPException) as error:
            connection.close()
            raise lost(str(error) or type(error).__name__) from error


def lost(why: str) -> ChaosEcsError:
    """The controller does not answer any more."""
    return ChaosEcsError(
        "E-CONTROLLER-LOST",
        "The controller does not answer, nobody replaces tasks now",
        why,
        "chaos-ecs controller start",
    )
