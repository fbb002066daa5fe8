"""Talking to HAProxy: one long-lived `docker exec` of socat on its admin socket, a command and its answer at a time.

Only Docker's API is used, so it also works where the engine is another machine's; and no network leads to the socket.
One thread only. Never here: what to say (`haproxy.py`).
"""

from __future__ import annotations

import struct
from typing import Any

from docker import APIClient

from chaos_ecs.live import haproxy

ANSWER_SECONDS = 5.0
_PROMPT = b"\n> "
_FRAME = struct.Struct(">BxxxL")  # stream, length: how the engine wraps the output of an exec
_STDOUT = 1


class ChannelError(OSError):
    """The channel is of no use any more: HAProxy, its container or the engine does not answer."""


class AdminChannel:
    """Raises ChannelError and the SDK's exceptions."""

    def __init__(self, client: APIClient, container_id: str) -> None:
        command = ["socat", "-", f"UNIX-CONNECT:{haproxy.ADMIN_SOCKET}"]
        made = client.exec_create(container_id, command, stdin=True, stdout=True, stderr=True)
        self._stream: Any = client.exec_start(made["Id"], socket=True)
        self._socket: Any = getattr(self._stream, "_sock", self._stream)
        self._socket.settimeout(ANSWER_SECONDS)
        self._raw = b""
        self._said = b""
        try:
            self.ask("prompt")
        except ChannelError:
            self.close()
            raise

    def ask(self, command: str) -> str:
        """HAProxy's answer, without the empty line at its end."""
        try:
            self._socket.sendall(command.encode() + b"\n")
            while not self._said.endswith(_PROMPT):
                self._read_frame()
        except OSError as error:
            raise ChannelError(str(error) or type(error).__name__) from error
        answer, self._said = self._said.removesuffix(_PROMPT), b""
        return answer.decode(errors="replace").strip("\n")

    def close(self) -> None:
        try:
            self._socket.close()
            self._stream.close()
        except OSError:
            return  # it was closed from the other side

    def _read_frame(self) -> None:
        stream, length = _FRAME.unpack(self._read(_FRAME.size))
        content = self._read(length)
        if stream != _STDOUT:
            raise ChannelError(content.decode(errors="replace").strip())
        self._said += content

    def _read(self, count: int) -> bytes:
        while len(self._raw) < count:
            received = self._socket.recv(65536)
            if not received:
                raise ChannelError("the admin channel has ended")
            self._raw += received
        wanted, self._raw = self._raw[:count], self._raw[count:]
        return wanted
