"""A victim as the engine shows it, and what can be measured on it from outside. They raise the SDK's exceptions."""

from __future__ import annotations

import json
import socket
import struct
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
import urllib3
from docker import APIClient
from docker.errors import NotFound

from chaos_ecs.live import engine
from chaos_ecs.live.faults.outcomes import RefusedError, VictimGoneError, harmed_before
from chaos_ecs.live.recipe import LOCALHOST
from chaos_ecs.probe.exchange import places

T = TypeVar("T")
ANSWER_SECONDS = 1.0
_EVERY_SECONDS = 0.1
_OURS = (LOCALHOST, "0.0.0.0", "")  # noqa: S104 - where the engine may say that a port of this machine leads
_FRAME = struct.Struct(">BxxxL")  # stream, length: how the engine wraps the output of an exec
_KEPT_BYTES = 4096
_LONGEST_WORDS = 2000
_NOT_RUN = (126, 127)  # there is no sh, or what it was to run


@dataclass(frozen=True, slots=True)
class Victim:
    """A container that runs, as it was when it was looked at. `ports` are the TCP ones it has on this machine."""

    id: str
    paused: bool
    pid: int  # of its main process, as the engine counts
    settings: Mapping[str, Any]  # its HostConfig
    networks: Mapping[str, Mapping[str, Any]]
    ports: tuple[int, ...]


def look(client: APIClient, runtime_id: str) -> Victim:
    """Raises VictimGoneError when it does not run."""
    try:
        found = client.inspect_container(runtime_id)
    except NotFound as error:
        raise VictimGoneError from error
    state = found["State"]
    if not state.get("Running"):
        raise VictimGoneError
    network = found.get("NetworkSettings") or {}
    return Victim(
        id=found["Id"],
        paused=bool(state.get("Paused")),
        pid=int(state.get("Pid") or 0),
        settings=found["HostConfig"],
        networks=network.get("Networks") or {},
        ports=tuple(_ports(network.get("Ports") or {})) if _is_here(client) else (),
    )


def _ports(ports: Mapping[str, Any]) -> Iterator[int]:
    for port, published in sorted(ports.items()):
        for one in published or ():
            if port.endswith("/tcp") and one.get("HostIp", "") in _OURS and one.get("HostPort"):
                yield int(one["HostPort"])


def _is_here(client: APIClient) -> bool:
    """Whether the ports of the engine are ours too."""
    address = engine.address_of(client)
    return address.startswith(("unix://", "npipe://")) or urlsplit(address).hostname in (LOCALHOST, "localhost")


# --- asking a port ---


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one request. Any word counts: not everything that listens speaks HTTP."""

    port: int
    came: bool
    says: str


def ask(port: int) -> Answer:
    """One request; a second is what it is given in all."""
    url = f"http://{LOCALHOST}:{port}/"
    begun = time.monotonic()
    try:
        with socket.create_connection((LOCALHOST, port), ANSWER_SECONDS) as connection:
            connection.settimeout(max(0.01, begun + ANSWER_SECONDS - time.monotonic()))
            connection.sendall(places(url)[0].request)
            head = connection.recv(64)
    except TimeoutError:
        return Answer(port, False, f"{url} says nothing for {ANSWER_SECONDS:g} s")
    except OSError as error:
        return Answer(port, False, f"{url}: {engine.why(error)}")
    after = f"after {1000 * (time.monotonic() - begun):.0f} ms"
    if not head:
        return Answer(port, False, f"{url} hangs up {after}")
    version, _, rest = head.decode("latin-1").partition(" ")
    return Answer(port, True, f"{url} answers {rest[:3] if version.startswith('HTTP/') else 'something'} {after}")


def answers(victim: Victim) -> Answer | None:
    """Of its first port that answers; None where it has none to ask. Raises RefusedError when none answers."""
    said = []
    for port in victim.ports:
        answer = ask(port)
        if answer.came:
            return answer
        said.append(answer.says)
    if said:
        raise harmed_before("; ".join(said))
    return None


def noted(answer: Answer | None) -> str:
    """To be put on record, and to be read by `recalled`."""
    return json.dumps(asdict(answer) if answer else None)


def recalled(note: str) -> Answer | None:
    found = json.loads(note)
    return Answer(**found) if found else None


def silence(victim: Victim, before: Answer | None, within: float) -> str:
    """That what answered `before` says nothing now, as the end of a sentence. Raises RefusedError when it does not."""
    port = before.port if before else next(iter(victim.ports), 0)
    if not port:
        return " (it publishes no port on this machine to ask)"
    answer = eventually(lambda: ask(port), lambda answer: not answer.came, within)
    if answer.came:
        raise RefusedError(f"no effect could be measured: {answer.says}")
    return f", and {answer.says}" + (f" (before: {before.says})" if before else "")


def voice(victim: Victim, within: float) -> str:
    """What its first port says, after some time if need be, as the end of a sentence: well or not, nothing is done to
    it any more."""
    if not victim.ports:
        return ""
    answer = eventually(lambda: ask(victim.ports[0]), lambda answer: answer.came, within)
    return f", and {answer.says}"


def eventually(look_: Callable[[], T], is_it: Callable[[T], bool], within: float) -> T:
    """Looks until it is so, or the time is over; the last look."""
    until = time.monotonic() + within
    while not is_it(seen := look_()) and time.monotonic() < until:
        time.sleep(_EVERY_SECONDS)
    return seen


# --- running sh in it ---


@dataclass(frozen=True, slots=True)
class Ran:
    """`code` is None when it did not end in time, or could not be run at all; `says` its last line."""

    code: int | None
    says: str


def run(client: APIClient, runtime_id: str, script: str, *, within: float, tag: str) -> Ran:
    """A script of sh in the victim, as whoever the victim runs as."""
    made = client.exec_create(runtime_id, ["/bin/sh", "-c", script], environment={"TAG": tag})["Id"]
    try:
        output = _output_of(client, made, within)
    except (requests.exceptions.ReadTimeout, urllib3.exceptions.ReadTimeoutError):
        return Ran(None, f"it did not end within {within:g} s")
    lines = output.decode(errors="replace").strip().splitlines()
    last = lines[-1].strip()[-_LONGEST_WORDS:] if lines else "it said nothing"
    code = client.exec_inspect(made)["ExitCode"]
    return Ran(None if code in _NOT_RUN else code, last)


def _output_of(client: APIClient, exec_id: str, within: float) -> bytes:
    """Both streams as they came. Not by the SDK's `exec_start`: its reader knows no limit of time, and may miss what
    comes together with the answer's head."""
    until = time.monotonic() + within
    url = client._url("/exec/{0}/start", exec_id)
    response = client._post(url, json={"Detach": False, "Tty": False}, stream=True, timeout=within)
    output = b""
    with response:
        client._raise_for_status(response)
        while head := response.raw.read(_FRAME.size):
            output = output[-_KEPT_BYTES:] + response.raw.read(_FRAME.unpack(head)[1])
            if time.monotonic() > until:
                raise requests.exceptions.ReadTimeout
    return output
