"""The container HAProxy runs in: made, found again, given its configuration, put into networks, removed.

One for each state folder. It stands in Docker's default bridge, which carries its published ports, and in the network
of every cluster that has targets. Each function is a few calls of the engine and decides nothing; they raise the SDK's
exceptions. Never here: what HAProxy is told (`haproxy.py`) and when (`balancer.py`).
"""

from __future__ import annotations

import errno
import re
import socket
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from docker import APIClient
from docker.errors import APIError, NotFound

from chaos_ecs.live import engine, haproxy, labels, own
from chaos_ecs.live.labels import Home

IMAGE = "chaos-ecs/balancer:1"
LOCALHOST = "127.0.0.1"
SPARE_PORTS = 4  # published before anybody asks: a port more is a new container, and that is a gap
_LOOK_AHEAD = 20  # ports, for spare ones that are free
RELOAD_SIGNAL = "SIGUSR2"

_PORT = re.compile(r"127\.0\.0\.1:(\d+)")
_IN_USE = ("already allocated", "already in use", "not available", "forbidden by its access permissions")


class PortTakenError(Exception):
    """Somebody else on this machine listens there."""

    def __init__(self, port: int) -> None:
        super().__init__(f"port {port} is taken")
        self.port = port


@dataclass(frozen=True, slots=True)
class Found:
    """A balancer container as the engine has it. `trouble` is a sentence when it does not serve."""

    id: str
    ports: tuple[int, ...]
    networks: tuple[str, ...]
    trouble: str = ""


def find(client: APIClient, home: Home) -> Found | None:
    """This home's, whatever its state."""
    inspection = own.find(client, home, labels.balancer_name(home))
    if inspection is None:
        return None
    bindings = inspection["HostConfig"].get("PortBindings") or {}
    return Found(
        id=inspection["Id"],
        ports=tuple(int(port.partition("/")[0]) for port in bindings),
        networks=tuple((inspection.get("NetworkSettings") or {}).get("Networks") or {}),
        trouble=_trouble(inspection["State"]),
    )


def make(client: APIClient, home: Home, ports: Collection[int], files: Mapping[str, str]) -> Found:
    """Makes it and starts it. Raises PortTakenError; then none is left."""
    made = client.create_container_from_config(_recipe(home, ports), labels.balancer_name(home))["Id"]
    deliver(client, made, files)
    try:
        client.start(made)
    except APIError as error:
        remove(client, made)
        if port := _port_in(engine.why(error)):
            raise PortTakenError(port) from error
        raise
    return Found(made, tuple(ports), ("bridge",))


def published(listening: Collection[int], taken: Collection[int]) -> tuple[int, ...]:
    """The ports to publish: those of the listeners and the next few above the lowest, but what is taken."""
    spare = (port for port in range(min(listening) + 1, 65536) if port not in listening and port not in taken)
    few = (port for port, _ in zip(spare, range(SPARE_PORTS), strict=False))
    return (*sorted(port for port in listening if port not in taken), *few)


def taken(client: APIClient, listening: Collection[int]) -> dict[int, None]:
    """The ports among the listeners' and those after them that somebody has, as far as can be known without trying:
    other containers', and where the engine is here, other programs'."""
    listed = {port.get("PublicPort") for one in client.containers() for port in one.get("Ports") or ()}
    is_here = engine.address_of(client).startswith(("unix://", "npipe://"))
    asked = sorted({after for port in listening for after in range(port, min(port + _LOOK_AHEAD, 65536))})
    return {port: None for port in asked if port in listed or (is_here and _listens_here(port))}


def _listens_here(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tried:
        if sys.platform != "win32":  # there it would let us have what somebody else has
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((LOCALHOST, port))
        except OSError as error:
            return error.errno == errno.EADDRINUSE
    return False


def deliver(client: APIClient, container_id: str, files: Mapping[str, str]) -> None:
    """Writes files into its folder, started or not."""
    own.deliver(client, container_id, haproxy.FOLDER, files)


def connect(client: APIClient, container_id: str, network: str) -> None:
    """Harmless when it is in that network already; a network that is not there has no targets either."""
    try:
        client.connect_container_to_network(container_id, network)
    except APIError as error:
        words = engine.why(error)
        if not engine.has_answered(error) or not ("already exists" in words or "not found" in words):
            raise


def disconnect(client: APIClient, container_id: str, network: str) -> None:
    try:
        client.disconnect_container_from_network(container_id, network)
    except APIError as error:
        if not engine.has_answered(error):
            raise


def remove(client: APIClient, container_id: str) -> None:
    try:
        client.remove_container(container_id, force=True, v=True)
    except NotFound:
        return
    except APIError as error:
        if error.status_code != 409:  # its removal is under way
            raise


def how_it_ended(client: APIClient, container_id: str) -> str:
    """Why it does not run any more, as a sentence for a person."""
    try:
        return _trouble(client.inspect_container(container_id)["State"]) or "it did not answer"
    except NotFound:
        return "somebody removed its container"


def _trouble(state: Mapping[str, Any]) -> str:
    if state.get("Paused"):
        return "somebody paused its container"
    if state.get("Running"):
        return ""
    if state.get("Status") == "created":
        return "its container was never started"
    why = ", out of memory" if state.get("OOMKilled") else ""
    return f"its container ended with exit code {state.get('ExitCode')}{why}"


def _recipe(home: Home, ports: Collection[int]) -> dict[str, Any]:
    """The body of POST /containers/create."""
    published_ports = {f"{port}/tcp": [{"HostIp": LOCALHOST, "HostPort": str(port)}] for port in ports}
    return {
        "Image": IMAGE,
        "Labels": {**home.labels, labels.BALANCER: "1"},
        "ExposedPorts": {port: {} for port in published_ports},
        "HostConfig": {
            "NetworkMode": "bridge",
            "PortBindings": published_ports,
            "RestartPolicy": {"Name": "no"},  # bringing it back is ours, and told
            "LogConfig": {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "2"}},
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges"],
        },
    }


def _port_in(words: str) -> int | None:
    """The port an engine's refusal to start is about, if it is about one that is taken."""
    found = _PORT.search(words)
    return int(found[1]) if found and any(hint in words for hint in _IN_USE) else None
