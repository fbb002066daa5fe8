"""What a probe of a hypothesis asks: `http` (GET and HEAD), and `chaos-ecs` (healthy-count, steady, availability).

Refused are the toolkit's `process` and `python`: a file that one is given must not run programs. Never here: which
answers are well (see `hypothesis.py`), and when it is asked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from chaos_ecs.cli.chaos.marked import Member
from chaos_ecs.cli.health import healthy_tasks
from chaos_ecs.cli.snapshot import Service, Snapshot

CAUSES_NO_HARM = ("GET", "HEAD")
BODY_BYTES = 100_000
_TIMEOUT_SECONDS = 5.0
_WINDOW_SECONDS = 10.0
_LONGEST_WINDOW = 60.0  # the controller's client tells so many seconds
FUNCTIONS = ("healthy-count", "steady", "availability")


class Kind(StrEnum):
    """What a provider answers with, in words."""

    HTTP = "a status and a body"
    NUMBER = "a number"
    TRUTH = "true or false"


class NotKnownError(Exception):
    """A probe has no answer: why, as a sentence."""


class Sight(Protocol):
    """What a probe may look at. `cluster` is the ARN of the one that is meant where none is named."""

    cluster: str

    def look(self) -> Snapshot: ...


class Provider(Protocol):
    @property
    def kind(self) -> Kind: ...

    def ask(self, sight: Sight) -> Any:
        """Raises NotKnownError."""
        ...


@dataclass(frozen=True, slots=True)
class Http:
    url: str
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    timeout: float = _TIMEOUT_SECONDS
    kind: Kind = Kind.HTTP

    def ask(self, sight: Sight) -> dict[str, Any]:
        """Straight to the address: a proxy of the environment would answer in its place."""
        from http.client import HTTPException
        from urllib import request
        from urllib.error import HTTPError

        opener = request.build_opener(request.ProxyHandler({}))
        asked = request.Request(self.url, method=self.method, headers=dict(self.headers))  # noqa: S310
        try:
            with opener.open(asked, timeout=self.timeout) as answer:
                return _told(answer.status, dict(answer.headers.items()), answer.read(BODY_BYTES))
        except HTTPError as refused:
            with refused:
                return _told(refused.code, dict(refused.headers.items()), refused.read(BODY_BYTES))
        except TimeoutError:
            raise NotKnownError(f"{self.url} did not answer within {self.timeout:g} s") from None
        except (OSError, HTTPException) as error:
            reason = getattr(error, "reason", error)
            why = getattr(reason, "strerror", None) or str(reason) or type(error).__name__
            raise NotKnownError(f"{self.url} cannot be reached: {why}") from None


def _told(status: int, headers: dict[str, str], body: bytes) -> dict[str, Any]:
    return {"status": status, "headers": headers, "body": body.decode("utf-8", "replace")}


@dataclass(frozen=True, slots=True)
class HealthyCount:
    """How many tasks of a service are healthy."""

    service: str
    kind: Kind = Kind.NUMBER

    def ask(self, sight: Sight) -> int:
        snapshot = sight.look()
        return len(healthy_tasks(snapshot, _service(snapshot, sight.cluster, self.service)))


@dataclass(frozen=True, slots=True)
class Steady:
    """Whether a service is in a steady state."""

    service: str
    kind: Kind = Kind.TRUTH

    def ask(self, sight: Sight) -> bool:
        return _service(sight.look(), sight.cluster, self.service).steady


@dataclass(frozen=True, slots=True)
class Availability:
    """The share of the controller's own requests that were answered, in percent, over the last seconds."""

    service: str
    over: float = _WINDOW_SECONDS
    kind: Kind = Kind.NUMBER

    def ask(self, sight: Sight) -> float:
        snapshot = sight.look()
        client = _service(snapshot, sight.cluster, self.service).client
        if client is None:
            raise NotKnownError(
                f"nobody sends requests to {self.service}: it is behind no load balancer, or the client is off"
            )
        since = snapshot.at - self.over
        counted = [(ok, failed) for at, ok, failed in client.per_second if at + 1 > since]
        answered, failed = sum(ok for ok, _ in counted), sum(bad for _, bad in counted)
        if not answered + failed:
            raise NotKnownError(f"the client has asked {self.service} nothing in the last {self.over:g} s")
        return round(100 * answered / (answered + failed), 3)


def _service(snapshot: Snapshot, cluster: str, name: str) -> Service:
    found = snapshot.service_named(cluster, name)
    if found is None:
        known = ", ".join(item.name for item in snapshot.services_in(cluster)) or "none"
        raise NotKnownError(f"there is no service {name}; services: {known}")
    return found


# --- from a file ---


def provider_of(member: Member) -> Provider:
    type_ = member.needed("type", "Write type: http, or type: chaos-ecs")
    match type_.text():
        case "http":
            return _http(member)
        case "chaos-ecs":
            return _ours(member)
        case "process" | "python" as refused:
            why = f"a {refused} provider is refused: a file that one is given must not run programs"
            raise type_.refusal(why, "Write type: http, or type: chaos-ecs; Chaos Toolkit itself runs such files")
        case _:
            type_.one_of(("http", "chaos-ecs"))
            raise AssertionError("unreachable")


def _http(member: Member) -> Http:
    members = member.members(("type", "url", "method", "headers", "timeout"))
    url = member.needed("url", "Write url: http://127.0.0.1:8480/")
    if not re.fullmatch(r"https?://[^\s/]+\S*", url.text()):
        raise url.refusal("it is no http URL", "Write url: http://127.0.0.1:8480/")
    method = "GET"
    if "method" in members:
        method = members["method"].text().upper()
        if method not in CAUSES_NO_HARM:
            raise members["method"].refusal(
                f"a probe asks and changes nothing: {method} is refused", "Write method: GET"
            )
    headers = tuple(members["headers"].texts().items()) if "headers" in members else ()
    timeout = members["timeout"].number() if "timeout" in members else _TIMEOUT_SECONDS
    if not 0 < timeout <= 60:
        raise members["timeout"].refusal("it must be more than 0 and at most 60 seconds", "Write timeout: 5")
    return Http(url.text(), method, headers, timeout)


def _ours(member: Member) -> Provider:
    member.members(("type", "func", "arguments"))
    function = member.needed("func", "Write func: healthy-count").one_of(FUNCTIONS)
    arguments = member.needed("arguments", "Write arguments: {service: web}")
    known = ("service", "over") if function == "availability" else ("service",)
    members = arguments.members(known)
    service = arguments.needed("service", "Write service: web").text()
    if function == "healthy-count":
        return HealthyCount(service)
    if function == "steady":
        return Steady(service)
    over = members["over"].seconds() if "over" in members else _WINDOW_SECONDS
    if not 1 <= over <= _LONGEST_WINDOW:
        raise members["over"].refusal("the client remembers from 1 to 60 seconds", "Write over: PT10S")
    return Availability(service, over)
