"""Kills processes as a crash would: SIGKILL from outside, which the engine only notices afterwards.

`docker kill` will not do: the engine takes it for a wish and `--restart=always` stays down. A helper container that
sees the engine's processes does it, so this works where the engine lives in a virtual machine too.
"""

from __future__ import annotations

from typing import Any

from docker import APIClient

from tests.bench.systems.system import IMAGE, MARK

_READY = b"ready"


class Killer:
    """Its shell reads lines of process ids. One line costs well under a millisecond."""

    def __init__(self, client: APIClient, run: str) -> None:
        self._client = client
        made = client.create_container(
            IMAGE,
            entrypoint=["/bin/sh", "-c", "echo ready; while read -r pids; do kill -9 $pids; done"],
            user="0:0",
            stdin_open=True,
            labels={MARK: run},
            host_config=client.create_host_config(pid_mode="host", network_mode="none"),
        )
        self._id: str = made["Id"]
        attached: Any = client.attach_socket(self._id, params={"stdin": 1, "stdout": 1, "stream": 1})
        self._keep = attached  # its owner: collected, it would close the socket
        self._socket: Any = getattr(attached, "_sock", attached)
        client.start(self._id)
        said = b""
        while _READY not in said:
            said += self._socket.recv(64)

    def pids_of(self, container_ids: list[str]) -> list[int]:
        return [int(self._client.inspect_container(each)["State"]["Pid"]) for each in container_ids]

    def kill(self, pids: list[int]) -> None:
        """All of them at once."""
        self._socket.sendall((" ".join(map(str, pids)) + "\n").encode())

    def close(self) -> None:
        self._client.remove_container(self._id, force=True)
