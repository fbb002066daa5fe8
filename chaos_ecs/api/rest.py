"""REST-JSON, driven by a service model: method and path name the operation. For AWS FIS and EventBridge Scheduler.

Source: Smithy, "AWS restJson1 protocol", and of that what both need: members in the path, in the query and in a JSON
body; a model that needs more is refused when it is loaded. Times are epoch seconds, an error's name is in
`x-amzn-ErrorType` and its status is the model's. Never here: what an operation does (see `operations/`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any
from urllib.parse import parse_qs, unquote

import msgspec
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel

from chaos_ecs.api import protocol
from chaos_ecs.api.auth import Request
from chaos_ecs.api.errors import Refused, serialization
from chaos_ecs.api.shapes import BadMember, Walk, input_compiler, output_compiler

# AWS, "Common Error Types": JSON services answer 400 to these.
_FORBIDDEN = (
    "MissingAuthenticationTokenException",
    "UnrecognizedClientException",
    "InvalidSignatureException",
    "IncompleteSignatureException",
)

_TEMPLATE = re.compile(r"(/([\w-]+|\{\w+\}))+")
_LABEL = re.compile(r"\{(\w+)\}")
_INTEGER = re.compile(r"-?[0-9]{1,19}")
_CAPITAL = re.compile(r"(?:^|(?<=\.))[A-Z]")


class Operation:
    """One operation of a model: how to read its input and write its output."""

    def __init__(self, model: OperationModel, path: re.Pattern[str], parse: Walk, check: Walk) -> None:
        self.name: str = model.name
        self._path = path
        self._parse = parse
        self._check = check
        self._labels: dict[str, str] = {}  # by member, as are those below
        self._queried: dict[str, tuple[str, Callable[[list[str]], Any]]] = {}
        for name, member in model.input_shape.members.items():
            match member.serialization.get("location"):
                case "uri":
                    self._labels[name] = member.serialization["name"]
                case "querystring":
                    self._queried[name] = (member.serialization["name"], _READERS[member.type_name])
        self._has_body = len(self._labels) + len(self._queried) < len(model.input_shape.members)

    def parse(self, request: Request) -> dict[str, Any]:
        """The validated input. Raises Refused."""
        sent = protocol.decode(request.body) if self._has_body else {}
        if isinstance(sent, dict):
            sent |= self._in_path(request.path) | self._in_query(request.query)
        return self.parse_members(sent)

    def parse_members(self, sent: Any) -> dict[str, Any]:
        """The same of all members together, wherever they come from. Raises Refused."""
        try:
            parsed: dict[str, Any] = self._parse(sent)
        except BadMember as bad:
            raise _refused(bad) from None
        return parsed

    def serialise(self, output: dict[str, Any]) -> bytes:
        """The answer's body. Raises OutputError for what the model does not have."""
        return msgspec.json.encode(self._check(output))

    def _in_path(self, path: str) -> dict[str, str]:
        found = self._path.fullmatch(path)
        if found is None:
            raise AssertionError(f"{path} is not of {self.name}")
        try:
            return {name: unquote(found[label], errors="strict") for name, label in self._labels.items()}
        except UnicodeDecodeError:
            raise serialization("The path is not percent-encoded UTF-8.") from None

    def _in_query(self, query: str) -> dict[str, Any]:
        try:
            values = parse_qs(query, keep_blank_values=True, errors="strict")
        except UnicodeDecodeError:
            raise serialization("The query is not percent-encoded UTF-8.") from None
        return {name: read(values[key]) for name, (key, read) in self._queried.items() if key in values}


class Api:
    """A service by its model. Operations are compiled when they are first used."""

    def __init__(self, description: dict[str, Any], *, checks_patterns: bool = False) -> None:
        _check_supported(description)
        self._model = ServiceModel(description)
        self.signing_name: str = self._model.signing_name
        self.operation_names = frozenset(self._model.operation_names)
        self._routes = _routes(description["operations"])
        self._statuses = dict.fromkeys(_FORBIDDEN, 403) | {
            name: shape["error"]["httpStatusCode"]
            for name, shape in description["shapes"].items()
            if shape.get("exception")
        }
        exceptions = [shape for shape in description["shapes"].values() if shape.get("exception")]
        self._capital = any("Message" in shape["members"] for shape in exceptions)  # how it spells an error's message
        self._inputs = input_compiler(checks_patterns=checks_patterns)
        self._outputs = output_compiler()
        self._operations: dict[str, Operation] = {}

    def operation(self, name: str) -> Operation:
        """The operation of that name, which must be in `operation_names`."""
        if name not in self._operations:
            model = self._model.operation_model(name)
            parse, check = self._inputs.walk(model.input_shape), self._outputs.walk(model.output_shape)
            self._operations[name] = Operation(model, self._routes[name][1], parse, check)
        return self._operations[name]

    def has(self, path: str) -> bool:
        """Whether any operation is at this path."""
        return any(pattern.fullmatch(path) for _, pattern in self._routes.values())

    def named_in(self, request: Request) -> str:
        """The operation that a request asks for. Raises Refused for what is not in the model."""
        for name, (method, pattern) in self._routes.items():
            if method == request.method and pattern.fullmatch(request.path):
                return name
        at = request.path[:100]
        if self.has(request.path):
            raise Refused(405, "MethodNotAllowedException", f"{at} does not take {request.method}.")
        raise Refused(404, "UnknownOperationException", f"There is no operation at {at}.")

    def refuse(self, refusal: Refused, request_id: str) -> tuple[Refused, bytes]:
        """A refusal as this service says it, and the body of its answer."""
        status = self._statuses.get(refusal.code, refusal.status)
        said = Refused(status, refusal.code, refusal.message)
        body = {"__type": said.code, "Message" if self._capital else "message": said.message}
        return said, msgspec.json.encode(body)


@cache
def fis() -> Api:
    """AWS Fault Injection Service, from botocore's own model."""
    return Api(Loader().load_service_model("fis", "service-2"))


@cache
def scheduler() -> Api:
    """Amazon EventBridge Scheduler, from botocore's own model."""
    return Api(Loader().load_service_model("scheduler", "service-2"), checks_patterns=True)


def _check_supported(description: Mapping[str, Any]) -> None:
    """What this codec does not have must not be passed over in silence."""
    service, shapes = description["metadata"]["serviceId"], description["shapes"]
    if description["metadata"]["protocol"] != "rest-json":
        raise AssertionError(f"{service} does not speak REST-JSON in this botocore")
    for name, operation in description["operations"].items():
        http = operation["http"]
        if http.get("responseCode", 200) != 200 or not _TEMPLATE.fullmatch(http["requestUri"]):
            raise AssertionError(f"{service}: {name} has a path or a status of a kind that is not read here")
    for name, shape in shapes.items():
        members = shape.get("members", {}).values()
        if "payload" in shape or not all(_is_read(member, shapes[member["shape"]]["type"]) for member in members):
            raise AssertionError(f"{service}: {name} has a member in a place that is not read here")


def _is_read(member: Mapping[str, object], kind: str) -> bool:
    place = member.get("location")
    if place == "querystring":
        return kind in _READERS
    return place == "uri" or (place is None and "locationName" not in member)


def _routes(operations: Mapping[str, Any]) -> dict[str, tuple[str, re.Pattern[str]]]:
    """Method and path by operation. Fixed parts come before labels, because `{` sorts after letters and digits."""
    in_order = sorted(operations.items(), key=lambda item: str(item[1]["http"]["requestUri"]))
    return {
        name: (operation["http"]["method"], re.compile(_LABEL.sub(r"(?P<\1>[^/]+)", operation["http"]["requestUri"])))
        for name, operation in in_order
    }


def _whole(values: list[str]) -> Any:
    """What does not look like a number stays the string that it is, for the model's walk to refuse."""
    return int(values[0]) if _INTEGER.fullmatch(values[0]) else values[0]


_READERS: Mapping[str, Callable[[list[str]], Any]] = {
    "string": lambda values: values[0],
    "integer": _whole,
    "list": lambda values: values,
}
"""How a member of the query is read from all that was given for it, by its type."""


def _refused(bad: BadMember) -> Refused:
    """Worded as AWS's validator does."""
    if bad.problem == "type":
        return serialization(f"{bad.where}: {bad.words}" if bad.where else bad.words)
    null = "Value null failed to satisfy constraint: Member must not be null"
    words = null if bad.problem == "missing" else bad.words
    where = _CAPITAL.sub(lambda found: found[0].lower(), bad.where)  # AWS: at 'target.roleArn'
    told = words.replace(" failed to satisfy", f" at '{where}' failed to satisfy", 1)
    return Refused(400, "ValidationException", f"1 validation error detected: {told}")
