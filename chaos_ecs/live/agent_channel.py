"""Talking to the agent's container: attached to its standard input and output, lines of JSON both ways.

Only the engine's API is used, so it also works where the engine is another machine's, and where no network leads from a
container to us. One thread reads, one writes. Never here: what is asked and answered (`agent.py`).
"""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from docker import APIClient

SOCKET_SECONDS = 5.0
_FRAME = struct.Struct(">BxxxL")  # stream, length: how the engine wraps what a container says
_STDOUT = 1
_LARGEST_FRAME_BYTES = 1024 * 1024


class AgentChannelError(OSError):
    """The channel is of no use any more: the agent, its container or the engine does not answer."""


@dataclass(frozen=True, slots=True)
class AgentCall:
    """A request as it reached the agent, and by which number it is answered."""

    number: int
    method: str
    path: str
    body: str
    source: str  # the address it came from
    agent: str  # and the one of the agent's it went to


class AgentChannel:
    """Raises AgentChannelError, OSError and the SDK's exceptions."""

    def __init__(self, client: APIClient, container_id: str) -> None:
        self._stream: Any = client.attach_socket(container_id, params={"stdin": 1, "stdout": 1, "stream": 1})
        self._socket: Any = getattr(self._stream, "_sock", self._stream)
        self._socket.settimeout(SOCKET_SECONDS)
        self._raw = b""
        self.is_over = False
        self._send({"hello": True})

    def calls(self) -> Iterator[AgentCall]:
        """Each as it comes, until the channel ends. Lines that are none are left out."""
        said = b""
        while True:
            *lines, said = (said + self._read_frame()).split(b"\n")
            yield from (call for line in lines if (call := _call(line)) is not None)

    def answer(self, number: int, status: int, body: Mapping[str, Any]) -> None:
        self._send({"number": number, "status": status, "body": dict(body)})

    def keep(self) -> None:
        """Says that somebody is still here."""
        self._socket.sendall(b"\n")

    def close(self) -> None:
        self.is_over = True
        with suppress(OSError, AttributeError):  # a named pipe has no such thing: there the reader finds out by itself
            self._socket.shutdown(socket.SHUT_RDWR)
        with suppress(OSError):  # it was closed from the other side
            self._socket.close()
            self._stream.close()

    def _send(self, what: Mapping[str, Any]) -> None:
        self._socket.sendall(json.dumps(what).encode() + b"\n")

    def _read_frame(self) -> bytes:
        stream, length = _FRAME.unpack(self._read(_FRAME.size))
        if stream != _STDOUT or length > _LARGEST_FRAME_BYTES:  # what came together with the answer's head is lost
            raise AgentChannelError("the engine's stream is out of step")
        return self._read(length)

    def _read(self, count: int) -> bytes:
        while len(self._raw) < count:
            try:
                received = self._socket.recv(65536)
            except TimeoutError:  # nobody asks anything
                if self.is_over:
                    raise
                continue
            if not received:
                raise AgentChannelError("its container ended, or the engine hung up")
            self._raw += received
        wanted, self._raw = self._raw[:count], self._raw[count:]
        return wanted


def _call(line: bytes) -> AgentCall | None:
    try:
        said = json.loads(line)
        texts = [str(said[name]) for name in ("method", "path", "body", "source", "agent")]
        return AgentCall(int(said["number"]), *texts)
    except (ValueError, TypeError, KeyError):
        return None
