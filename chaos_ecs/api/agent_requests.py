"""What a task asks of the ECS agent, which task that is, and what the agent says to a question that makes no sense.

Paths, bodies, their order of checking and all texts are the agent's own, those of Go's JSON decoder included (sources:
amazon-ecs-agent, ecs-agent/tmds/handlers/fault/v1; ECS developer guide, "fault injection endpoints"). Never here: what
a task may ask for, and what is done about it (`agent_faults.py`, `task_metadata.py`).
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from chaos_ecs.chaos.catalogue import named
from chaos_ecs.chaos.parameters import parameters_of
from chaos_ecs.core.arns import task_arn
from chaos_ecs.core.errors import EcsError
from chaos_ecs.core.model import Task
from chaos_ecs.core.state import State
from chaos_ecs.errors import ChaosEcsError

BLACKHOLE, LATENCY, LOSS = "network-blackhole-port", "network-latency", "network-packet-loss"
INTERNAL = "internal error"

_PATH = re.compile(rf"/api/(?P<task>[^/]*)/fault/v1/(?P<fault>{BLACKHOLE}|{LATENCY}|{LOSS})/(?P<way>start|stop|status)")
_MISSING = "required parameter {} is missing"
_INVALID = "invalid value {} for parameter {}"
_LISTS = {"SourcesToFilter": "[]*string"}
_SOME = {"Sources": "[]*string", **_LISTS, "FlowsPercent": "int"}
_SHAPES: Mapping[str, tuple[str, Mapping[str, str]]] = {
    BLACKHOLE: (
        "NetworkBlackholePortRequest",
        {"Port": "uint16", "Protocol": "string", "TrafficType": "string", **_LISTS},
    ),
    LATENCY: ("NetworkLatencyRequest", {"DelayMilliseconds": "uint64", "JitterMilliseconds": "uint64", **_SOME}),
    LOSS: ("NetworkPacketLossRequest", {"LossPercent": "uint64", **_SOME}),
}
log = logging.getLogger(__name__)

_LARGEST = {"uint16": 2**16 - 1, "uint64": 2**64 - 1, "int": 2**63 - 1}

Answer = tuple[int, Mapping[str, Any]]
"""Status and body."""


@dataclass(frozen=True, slots=True)
class AgentRequest:
    """As it came in: from this address, to that address of the agent's."""

    method: str
    path: str
    body: str
    source: str
    agent: str = ""


class AgentRefusal(Exception):  # noqa: N818 - an answer, not an error of ours
    """What the agent answers in place of a status."""

    def __init__(self, status: int, error: str) -> None:
        super().__init__(error)
        self.status = status
        self.error = error


def refused(request: AgentRequest, error: BaseException) -> Answer:
    """The status and the body. The agent says no more than that it failed; the log says why."""
    if isinstance(error, AgentRefusal):
        return error.status, {"Error": error.error}
    if isinstance(error, EcsError | ChaosEcsError):
        log.warning("%s is refused: %s", request.path, error)
    else:
        log.error("%s was not answered", request.path, exc_info=error)
    return 500, {"Error": INTERNAL}


def task_named(state: State, task_id: str) -> Task | None:
    """The task of this id, in whatever cluster."""
    found = (state.tasks.get(task_arn(cluster, task_id)) for cluster in state.clusters)
    return next((task for task in found if task is not None), None)


def is_asked_by(task: Task, request: AgentRequest) -> bool:
    """Whether a container of the task asks: nobody else is told of it, nor may break anything of it."""
    return any(member.is_live and member.address == request.source for member in task.containers)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a path asks for."""

    task_id: str
    fault: str
    way: str

    @property
    def request_type(self) -> str:
        """As the agent's errors call it."""
        return f"{'check status' if self.way == 'status' else self.way} {self.fault}"

    @property
    def has_body(self) -> bool:
        """A black hole is known by its port; of the others there is one at most."""
        return self.fault == BLACKHOLE or self.way == "start"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Parameters of the catalogue's fault, but for the addresses: those it is about (none: all), and those spared."""

    parameters: Mapping[str, str]
    sources: tuple[str, ...] = ()
    spared: tuple[str, ...] = ()


def asked_by(request: AgentRequest) -> Asked:
    """Raises AgentRefusal."""
    found = _PATH.fullmatch(request.path.partition("?")[0])
    if found is None:
        raise AgentRefusal(404, "404 page not found")
    if request.method != "POST":
        raise AgentRefusal(405, "405 method not allowed")
    return Asked(found["task"], found["fault"], found["way"])


def wanted(asked: Asked, body: str) -> Wanted:
    """Raises AgentRefusal for the first thing that is wrong with the body."""
    if not asked.has_body:
        return Wanted({})
    given = _decoded(asked.fault, body)
    _CHECKS[asked.fault](given)
    _check_limits(asked.fault, given)
    lists = {name: tuple(given.pop(name, None) or ()) for name in ("Sources", "SourcesToFilter")}
    parameters = {name[0].lower() + name[1:]: str(value) for name, value in given.items() if value is not None}
    return Wanted(parameters, lists["Sources"], lists["SourcesToFilter"])


def _check_black_hole(given: dict[str, Any]) -> None:
    _check_given(given, "Port", "Protocol", "TrafficType")
    for name, choices in (("Protocol", ("tcp", "udp")), ("TrafficType", ("ingress", "egress"))):
        if given[name] not in choices:
            raise AgentRefusal(400, _INVALID.format(given[name], name))
    _check_addresses(given, "SourcesToFilter")


def _check_latency(given: dict[str, Any]) -> None:
    _check_given(given, "DelayMilliseconds", "JitterMilliseconds")
    if not given["DelayMilliseconds"] and not given["JitterMilliseconds"]:
        raise AgentRefusal(400, "required either DelayMilliseconds or JitterMilliseconds to be non-zero")
    _check_sources(given)
    given["DelayMilliseconds"] = max(1, given["DelayMilliseconds"])  # ours is never none at all


def _check_loss(given: dict[str, Any]) -> None:
    _check_given(given, "LossPercent")
    if not 0 < given["LossPercent"] <= 100:
        raise AgentRefusal(400, _INVALID.format(given["LossPercent"], "LossPercent"))
    _check_sources(given)


def _check_sources(given: Mapping[str, Any]) -> None:
    if not given.get("Sources"):
        raise AgentRefusal(400, _MISSING.format("Sources"))
    _check_addresses(given, "Sources")
    _check_addresses(given, "SourcesToFilter")
    percent = given.get("FlowsPercent")
    if percent is not None and not 0 < percent <= 100:
        raise AgentRefusal(400, _INVALID.format(percent, "flowsPercent"))


def _check_given(given: Mapping[str, Any], *names: str) -> None:
    for name in names:
        if given.get(name) in (None, ""):
            raise AgentRefusal(400, _MISSING.format(name))


def _check_addresses(given: Mapping[str, Any], name: str) -> None:
    for source in given.get(name) or ():
        if not _is_address(source or ""):
            raise AgentRefusal(400, _INVALID.format(source or "", name))


def _check_limits(fault: str, given: Mapping[str, Any]) -> None:
    """Where the catalogue takes less than the agent, such as a delay of hours."""
    for parameter in parameters_of(named(fault)):
        name = parameter.name[0].upper() + parameter.name[1:]
        value = given.get(name)
        if isinstance(value, int) and not parameter.least <= value <= parameter.most:
            raise AgentRefusal(400, _INVALID.format(value, name))


_CHECKS: Mapping[str, Callable[[dict[str, Any]], None]] = {
    BLACKHOLE: _check_black_hole,
    LATENCY: _check_latency,
    LOSS: _check_loss,
}


def _is_address(text: str) -> bool:
    """An address, or a CIDR block, of IPv4 or IPv6."""
    address, slash, bits = text.partition("/")
    try:
        found = ip_address(address)
    except ValueError:
        return False
    is_block = bits.isascii() and bits.isdecimal() and len(bits) < 4 and int(bits) <= found.max_prefixlen
    return "%" not in address and (is_block or not slash)


# --- as Go decodes JSON into a struct ---


class _Number(str):
    """As it was written: what does not fit is told with it."""

    __slots__ = ()


_DECODER = json.JSONDecoder(parse_int=_Number, parse_float=_Number, strict=True)


def _decoded(fault: str, body: str) -> dict[str, Any]:
    """The members known, in whatever case they are written. Raises AgentRefusal for the first that does not fit."""
    struct, members = _SHAPES[fault]
    text = body.lstrip(" \t\r\n")
    if not text:
        raise AgentRefusal(400, "required request body is missing")
    try:
        found, _ = _DECODER.raw_decode(text)  # what follows the first value is not looked at
    except ValueError as error:
        raise AgentRefusal(400, _syntax(text, error)) from None
    except RecursionError:
        raise AgentRefusal(400, "exceeded max depth") from None
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise AgentRefusal(400, f"json: cannot unmarshal {_kind(found)} into Go value of type types.{struct}")
    known = {name.lower(): name for name in members}
    given = [(known[name.lower()], value) for name, value in found.items() if name.lower() in known]
    return {name: _value(value, members[name], f"{struct}.{name}") for name, value in given}


def _syntax(text: str, error: ValueError) -> str:
    at = error.pos if isinstance(error, json.JSONDecodeError) else 0
    if at >= len(text) or "Unterminated" in str(error):
        return "unexpected EOF"
    return f"invalid character '{text[at]}' looking for beginning of value"


def _value(value: Any, kind: str, where: str) -> Any:
    if value is None:
        return None
    if kind == "[]*string":
        if not isinstance(value, list):
            raise _misfit(_kind(value), where, kind)
        return [_value(item, "string", where) for item in value]
    if kind == "string":
        if isinstance(value, _Number) or not isinstance(value, str):
            raise _misfit(_kind(value), where, kind)
        return value
    if not isinstance(value, _Number):
        raise _misfit(_kind(value), where, kind)
    is_signed = kind == "int" and value.startswith("-")
    digits = value[1:] if is_signed else value
    if not digits.isdecimal() or len(digits) > 20 or int(digits) > _LARGEST[kind]:
        raise _misfit(f"number {value}", where, kind)
    return int(value)


def _misfit(what: str, where: str, kind: str) -> AgentRefusal:
    return AgentRefusal(400, f"json: cannot unmarshal {what} into Go struct field {where} of type {kind}")


def _kind(value: Any) -> str:
    kinds: Iterable[tuple[type, str]] = (
        (bool, "bool"),
        (_Number, "number"),
        (str, "string"),
        (list, "array"),
        (dict, "object"),
    )
    return next((name for kind, name in kinds if isinstance(value, kind)), "number")  # NaN and Infinity
