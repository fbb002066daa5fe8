"""Reaching the Docker engine: which one, how, and what to tell the user when none answers.

Every way of opening Docker goes through here. Never here: what to do with the engine (see `runtime.py`) and how to
install one (see `doctor.py`).
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from docker import APIClient
from docker.constants import DEFAULT_NPIPE, DEFAULT_UNIX_SOCKET
from docker.context import ContextAPI
from docker.context.config import get_current_context_name
from docker.errors import APIError, DockerException
from docker.utils import kwargs_from_env

from chaos_ecs.core.container_instances import EngineRoom
from chaos_ecs.errors import ChaosEcsError

DOWN = "E-DOCKER-DOWN"
CONNECTIONS = 40  # more than our threads, so that no request waits for a connection
CHOSEN_SECONDS = 10.0  # for a further engine to answer, which may be far away
PROBE_SECONDS = 5.0  # for a well-known socket nobody asked for: a stopped virtual machine must not hold us up

# What says that the engine did not answer, as against answering "no" (APIError, which is a RequestException too).
UNREACHABLE: tuple[type[BaseException], ...] = (
    requests.exceptions.RequestException,
    urllib3.exceptions.HTTPError,
    DockerException,
    OSError,
)
if sys.platform == "win32":  # a named pipe that went away raises an error of its own (docker/docker-py#2562)
    import pywintypes

    UNREACHABLE = (*UNREACHABLE, pywintypes.error)

UNANSWERED: tuple[type[BaseException], ...] = (ChaosEcsError, *UNREACHABLE)  # the same, before and after translation

_GATEWAY_ERRORS = (502, 503, 504)  # Docker Desktop's proxy answers these when its virtual machine does not


@dataclass(frozen=True, slots=True)
class Address:
    """One place an engine may answer. `parameters` are APIClient's."""

    text: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


def connect(timeout: float = 60) -> APIClient:
    """A client of the engine that the Docker CLI would talk to, or else of the first well-known one that answers.

    `timeout` is per request, in seconds. Raises E-DOCKER-DOWN.
    """
    return Connector(timeout).connect()


def named(name: str, timeout: float = 60) -> Connector:
    """For a further engine: `name` is a Docker context's, or the URL of a host (unix://, tcp://, ssh://)."""
    return Connector(timeout, chosen=name)


def cli_words(name: str) -> tuple[str, str]:
    """How Docker's command line is told the same."""
    return ("--host", name) if "://" in name else ("--context", name)


class Connector:
    """Opens the engine, and after the first time only that same one: another engine knows nothing of our tasks."""

    def __init__(self, timeout: float = 60, environment: Mapping[str, str] | None = None, *, chosen: str = "") -> None:
        self._timeout = timeout
        self._environment = os.environ if environment is None else environment
        self._chosen = chosen  # see `named`
        self._address: Address | None = None

    def connect(self) -> APIClient:
        """Raises E-DOCKER-DOWN, which names what the Docker CLI would have used."""
        if self._chosen:
            return self._connect_chosen()
        trouble: list[ChaosEcsError] = []
        for position, address in enumerate([self._address] if self._address else addresses(self._environment)):
            try:
                client = _open(address, self._timeout if position == 0 else min(self._timeout, PROBE_SECONDS))
            except ChaosEcsError as error:
                trouble.append(error)
                continue
            client.timeout = self._timeout
            self._address = address
            return client
        raise trouble[0]

    def _connect_chosen(self) -> APIClient:
        try:
            self._address = self._address or _address_named(self._chosen, self._environment)
            client = _open(self._address, min(self._timeout, CHOSEN_SECONDS))
        except ChaosEcsError as error:
            hint = f"Start that engine, or see what Docker says: docker {' '.join(cli_words(self._chosen))} version"
            raise ChaosEcsError(DOWN, error.what, error.why, hint, error.exit_code) from error
        client.timeout = self._timeout
        return client


def _address_named(name: str, environment: Mapping[str, str]) -> Address:
    if "://" in name:
        return Address(name, {"base_url": name})
    with unreachable(f"the Docker context {name}"):
        if name == "default":
            text = DEFAULT_NPIPE if sys.platform == "win32" else DEFAULT_UNIX_SOCKET.removeprefix("http+")
            return Address(text, {"base_url": text})
        parameters = ContextAPI.kwargs_from_context(name, environment=environment)
    if not parameters:
        raise down(f"the Docker context {name}", "there is no such context")
    return Address(parameters["base_url"], parameters)


def addresses(environment: Mapping[str, str]) -> Sequence[Address]:
    """Where to look, best first. Whoever chose (DOCKER_HOST, DOCKER_CONTEXT, `docker context use`) gets just that.

    Raises E-DOCKER-DOWN when the chosen context cannot be read.
    """
    with unreachable("the Docker context"):
        chosen = kwargs_from_env(environment=environment)
        if "base_url" in chosen:
            return [Address(chosen["base_url"], chosen)]
        name = environment.get("DOCKER_CONTEXT") or get_current_context_name()
        if name != "default":
            parameters = ContextAPI.kwargs_from_context(name, environment=environment)
            if not parameters:
                raise down(f"the Docker context {name}", "there is no such context")
            return [Address(parameters["base_url"], parameters)]
    default = DEFAULT_NPIPE if sys.platform == "win32" else DEFAULT_UNIX_SOCKET.removeprefix("http+")
    return [Address(text, {"base_url": text}) for text in (default, *_well_known(environment))]


def _well_known(environment: Mapping[str, str]) -> Iterator[str]:
    """Sockets of engines that are here, but that the Docker CLI was not told of."""
    if sys.platform == "win32":
        yield "npipe:////./pipe/dockerDesktopLinuxEngine"
        yield "npipe:////./pipe/podman-machine-default"
        return
    home = Path(environment.get("HOME") or Path.home())
    run = environment.get("XDG_RUNTIME_DIR")
    places = [
        home / ".docker/run/docker.sock",  # Docker Desktop
        home / ".docker/desktop/docker.sock",  # Docker Desktop on Linux
        home / ".colima/default/docker.sock",
        home / ".config/colima/default/docker.sock",
        home / ".rd/docker.sock",  # Rancher Desktop
        home / ".orbstack/run/docker.sock",
        *([Path(run) / "docker.sock", Path(run) / "podman/podman.sock"] if run else []),  # rootless
        home / ".local/share/containers/podman/machine/podman.sock",
        Path("/run/podman/podman.sock"),
    ]
    for place in places:
        if os.path.exists(place):  # unlike Path.exists, no error where we may not look
            yield f"unix://{place}"


def _open(address: Address, timeout: float) -> APIClient:
    with unreachable(address.text):
        return APIClient(version="auto", timeout=timeout, max_pool_size=CONNECTIONS, **address.parameters)


def address_of(client: APIClient) -> str:
    """Where the client talks to, as the Docker CLI would write it, such as unix:///var/run/docker.sock."""
    adapter = client.get_adapter(client.base_url)
    if socket_path := getattr(adapter, "socket_path", ""):
        return f"unix://{socket_path}"
    if pipe := getattr(adapter, "npipe_path", ""):
        return f"npipe://{pipe}"
    return str(client.base_url)


def describe(client: APIClient) -> str:
    """Which engine answers, such as "Docker Engine 20.10.24 amd64"; with its address if that is not the usual one.

    Raises E-DOCKER-DOWN.
    """
    with unreachable(address_of(client)):
        version = client.version()
    components = [component.get("Name", "") for component in version.get("Components") or []]
    name = next((component for component in components if "Podman" in component), "Docker Engine")
    product = (version.get("Platform") or {}).get("Name") or ""
    inside = f" ({product.split(' (')[0]})" if "Desktop" in product else ""
    address = address_of(client)
    usual = address in (DEFAULT_UNIX_SOCKET.removeprefix("http+"), DEFAULT_NPIPE)
    return f"{name} {version['Version']} {version['Arch']}{inside}" + ("" if usual else f" at {address}")


def room_of(client: APIClient, *, further: bool = False) -> EngineRoom:
    """Its processors, memory and id; of a further one where its machine is reached too. Raises E-DOCKER-DOWN."""
    with unreachable(address_of(client)):
        told = client.info()
    return EngineRoom(
        describe(client),
        int(told["NCPU"]) * 1024,
        int(told["MemTotal"]) // 2**20,
        told.get("Architecture") or "x86_64",
        host_address(client) if further else "",
        _identity(told),
    )


def _identity(told: Mapping[str, Any]) -> str:
    """An engine's ID alone will not do: machines made from one image share it, and so do two engines of Docker 20.10 on
    one machine, which keep it in /etc/docker/key.json."""
    return " ".join(str(told[name]) for name in ("ID", "Name", "DockerRootDir") if told.get(name))


def host_address(client: APIClient) -> str:
    """The IP address of the machine it is reached at over a network; empty where that does not say it."""
    adapter = client.get_adapter(client.base_url)
    host = getattr(adapter, "ssh_host", "") or urlsplit(str(client.base_url)).hostname or ""
    if getattr(adapter, "socket_path", "") or getattr(adapter, "npipe_path", ""):
        return ""
    host = host.removeprefix("ssh://").rpartition("@")[2].partition(":")[0]
    try:
        return socket.gethostbyname(host)
    except OSError:  # a name that only SSH knows
        return ""


@contextmanager
def unreachable(address: str) -> Iterator[None]:
    """Turns whatever Docker raises inside into E-DOCKER-DOWN."""
    try:
        yield
    except UNREACHABLE as error:
        raise down(address, why(error)) from error


def down(address: str, reason: str) -> ChaosEcsError:
    return ChaosEcsError(DOWN, f"Cannot reach Docker at {address}", reason, "chaos-ecs doctor --fix", 4)


def has_answered(error: BaseException) -> bool:
    """Whether the engine itself said no, so that what was asked surely did not happen."""
    return isinstance(error, APIError) and error.status_code not in _GATEWAY_ERRORS


def why(error: BaseException) -> str:
    """The engine's or the system's own words in an exception, without the layers of HTTP around them."""
    answer = next((cause for cause in _causes(error) if isinstance(cause, APIError) and cause.explanation), None)
    if answer is not None:
        return str(answer.explanation).removeprefix("Error response from daemon: ").strip()
    system = next((cause for cause in _causes(error) if isinstance(cause, OSError) and cause.strerror), None)
    if system is not None and system.strerror:
        return system.strerror[0].lower() + system.strerror[1:]
    return str(error).strip().split("\n", 1)[0] or type(error).__name__


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The exception and what it was raised from, or made from: requests hands the cause on as an argument."""
    waiting: list[BaseException] = [error]
    seen: list[BaseException] = []
    while waiting:
        found = waiting.pop(0)
        if any(found is other for other in seen):
            continue
        seen.append(found)
        yield found
        linked = [found.__cause__, found.__context__, *found.args, getattr(found, "reason", None)]
        waiting += [other for other in linked if isinstance(other, BaseException)]
