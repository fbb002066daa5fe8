"""The AWS Query protocol, driven by a service model: form-encoded requests in, XML out. For Elastic Load Balancing.

Source: Smithy, "AWS Query protocol". `Action` and `Version` name the operation; lists are `Name.member.N`, maps
`Name.entry.N.key`; times are ISO 8601. Never here: what an operation does (see `operations/balancing/`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import parse_qsl

from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel, Shape

from chaos_ecs.api.auth import Request
from chaos_ecs.api.errors import Refused
from chaos_ecs.api.shapes import BadMember, Compiler, Walk, input_compiler, output_compiler

FORM = "application/x-www-form-urlencoded"
CONTENT_TYPE = "text/xml"
DEEPEST = 32

# AWS, "Common Error Types" of query APIs: what JSON services call otherwise, or answer with another status.
_SAID_AS = {
    "MissingAuthenticationTokenException": (403, "MissingAuthenticationToken"),
    "UnrecognizedClientException": (403, "InvalidClientTokenId"),
    "InvalidSignatureException": (403, "SignatureDoesNotMatch"),
    "IncompleteSignatureException": (400, "IncompleteSignature"),
    "AccessDeniedException": (403, "AccessDenied"),
    "ServerException": (500, "InternalFailure"),
}

# Refused on their way in: XML 1.0 cannot carry them, so no answer could show them again.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#13;"})

_INTEGER = re.compile(r"-?[0-9]{1,19}")
_NUMBER = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?([eE][-+]?[0-9]{1,3})?")
_INDEX = re.compile(r"[0-9]{1,6}")

Tree = dict[str, Any]
"""A request's fields, nested along the dots of their names; the leaves are strings."""


def is_query(request: Request) -> bool:
    """Whether a POST of `/` is meant for this protocol."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == FORM and "x-amz-target" not in request.headers


class Operation:
    """One operation of a model: how to read its input and write its output."""

    def __init__(self, model: OperationModel, read: Walk, parse: Walk, write: Callable[[Any], str]) -> None:
        self.name: str = model.name
        self._read = read
        self._parse = parse
        self._write = write
        self._namespace: str = model.metadata["xmlNamespace"]
        self._wrapper: str = model.output_shape.serialization["resultWrapper"]

    def parse(self, tree: Tree) -> dict[str, Any]:
        """The validated input. Raises Refused."""
        try:
            parsed: dict[str, Any] = self._parse(self._read(tree))
        except BadMember as bad:
            raise _refused(bad) from None
        return parsed

    def serialise(self, output: dict[str, Any], request_id: str) -> bytes:
        """The answer's body. Raises OutputError for what the model does not have."""
        return (
            f'<{self.name}Response xmlns="{self._namespace}"><{self._wrapper}>{self._write(output)}</{self._wrapper}>'
            f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{self.name}Response>"
        ).encode()


class Api:
    """A service by its model. Operations are compiled when they are first used."""

    def __init__(self, description: dict[str, Any]) -> None:
        self._model = ServiceModel(description)
        if self._model.metadata["protocol"] != "query":
            raise AssertionError(f"{self._model.metadata['serviceId']} does not speak AWS Query in this botocore")
        self.signing_name: str = self._model.signing_name
        self.version: str = self._model.metadata["apiVersion"]
        self.operation_names = frozenset(self._model.operation_names)
        self._readers = _reader_compiler()
        self._inputs = input_compiler()
        self._outputs = output_compiler()
        self._writers = _writer_compiler()
        self._operations: dict[str, Operation] = {}

    def operation(self, name: str) -> Operation:
        """The operation of that name, which must be in `operation_names`."""
        if name not in self._operations:
            model = self._model.operation_model(name)
            check, write = self._outputs.walk(model.output_shape), self._writers.walk(model.output_shape)
            self._operations[name] = Operation(
                model,
                self._readers.walk(model.input_shape),
                self._inputs.walk(model.input_shape),
                lambda output: str(write(check(output))),
            )
        return self._operations[name]

    def named_in(self, tree: Tree) -> str:
        """The operation that a request asks for. Raises Refused for one that is not in the model."""
        action, version = _text_of(tree, "Action"), _text_of(tree, "Version")
        if not action:
            raise Refused(400, "MissingAction", "The request is missing an action parameter.")
        if action not in self.operation_names or version != self.version:
            asked = f"{action[:100]} for version {version[:20] or 'NO_VERSION'}"
            raise Refused(400, "InvalidAction", f"Could not find operation {asked}")
        return action


@cache
def elbv2() -> Api:
    """Elastic Load Balancing v2, from botocore's own model.

    Two lower limits are the core's to check, because they hang on the pace (`decisions/043`).
    """
    description = Loader().load_service_model("elbv2", "service-2")
    for name in ("HealthCheckIntervalSeconds", "HealthCheckTimeoutSeconds"):
        description["shapes"][name]["min"] = 1
    return Api(description)


def decode(body: bytes) -> Tree:
    """The fields of a form. Raises Refused."""
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict")
    except ValueError:  # UnicodeDecodeError is one
        raise _malformed("The request body is not a form of percent-encoded UTF-8.") from None
    tree: Tree = {}
    for name, value in pairs:
        if _NOT_XML.search(name) or _NOT_XML.search(value):
            raise _malformed("The request has a character that XML cannot carry.")
        *path, last = name.split(".", DEEPEST)
        place = tree
        for part in path:
            place = place.setdefault(part, {})
            if not isinstance(place, dict):
                raise _malformed(f"{name[:100]} is said to be a value and a structure.")
        if isinstance(place.get(last), dict):
            raise _malformed(f"{name[:100]} is said to be a value and a structure.")
        place[last] = value
    return tree


def refuse(refusal: Refused, request_id: str) -> tuple[Refused, bytes]:
    """A refusal as this protocol says it, and the body of its answer."""
    status, code = _SAID_AS.get(refusal.code, (refusal.status, refusal.code))
    said = Refused(status, code, refusal.message)
    blamed = "Sender" if status < 500 else "Receiver"
    body = (
        f'<ErrorResponse xmlns="http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"><Error><Type>{blamed}</Type>'
        f"<Code>{_escape(code)}</Code><Message>{_escape(said.message)}</Message></Error>"
        f"<RequestId>{request_id}</RequestId></ErrorResponse>"
    )
    return said, body.encode()


def _refused(bad: BadMember) -> Refused:
    """Worded as AWS's validator does; a place is `tags.1.member.key`."""
    parts = [f"{int(part[1:-1]) + 1}.member" if part.startswith("[") else part for part in bad.path]
    where = ".".join(part[:1].lower() + part[1:] for part in parts)
    if bad.problem == "missing":
        told = f"Value null at '{where}' failed to satisfy constraint: Member must not be null"
    elif bad.problem == "type":
        return _malformed(f"{where}: {bad.words}" if where else bad.words)
    else:
        told = bad.words.replace(" failed to satisfy", f" at '{where}' failed to satisfy", 1)
    return Refused(400, "ValidationError", f"1 validation error detected: {told}")


def _malformed(message: str) -> Refused:
    return Refused(400, "MalformedInput", message)


def _text_of(tree: Tree, name: str) -> str:
    value = tree.get(name, "")
    return value if isinstance(value, str) else ""


# --- reading: a tree of strings becomes what the model's shapes are walked with ---


def _reader_compiler() -> Compiler:
    """What does not look like its type stays the string that it is, for the next walk to refuse."""
    return Compiler(
        {
            "structure": _read_structure,
            "list": _read_list,
            "map": _read_map,
            "string": _read_as(None, str),
            "timestamp": _read_as(None, str),
            "integer": _read_as(_INTEGER, int),
            "long": _read_as(_INTEGER, int),
            "double": _read_as(_NUMBER, float),
            "float": _read_as(_NUMBER, float),
            "boolean": _read_as(re.compile("true|false"), lambda text: text == "true"),
        }
    )


def _read_structure(compiler: Compiler, shape: Shape) -> Walk:
    members = {name: compiler.walk(member) for name, member in shape.members.items()}

    def read(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {name: members[name](item) for name, item in value.items() if name in members}

    return read


def _read_list(compiler: Compiler, shape: Shape) -> Walk:
    """An empty list is sent as a name without a value."""
    member = compiler.walk(shape.member)
    return lambda value: [] if value == "" else _numbered(value, "member", member)


def _read_map(compiler: Compiler, shape: Shape) -> Walk:
    member = compiler.walk(shape.value)

    def read(value: Any) -> Any:
        entries = {} if value == "" else _numbered(value, "entry", lambda item: item)
        if not isinstance(entries, list) or not all(isinstance(item, dict) for item in entries):
            return value if entries else {}
        return {_text_of(item, "key"): member(item.get("value", "")) for item in entries}

    return read


def _numbered(value: Any, name: str, member: Walk) -> Any:
    """`{name: {"1": a, "2": b}}` as a list in the order of its numbers; anything else as it is."""
    items = value.get(name) if isinstance(value, dict) else None
    if not isinstance(items, dict) or not all(_INDEX.fullmatch(index) for index in items):
        return value
    return [member(items[index]) for index in sorted(items, key=int)]


def _read_as(pattern: re.Pattern[str] | None, convert: Callable[[str], Any]) -> Callable[[Compiler, Shape], Walk]:
    def read(value: Any) -> Any:
        if isinstance(value, str) and (pattern is None or pattern.fullmatch(value)):
            return convert(value)
        return value

    return lambda compiler, shape: read


# --- writing: what was checked against the model becomes XML ---


def _writer_compiler() -> Compiler:
    """Compiles walks that answer with the content of the element, as a string."""
    return Compiler(
        {
            "structure": _write_structure,
            "list": _write_list,
            "map": _write_map,
            "string": _writes(_escape),
            "integer": _writes(str),
            "long": _writes(str),
            "double": _writes(repr),
            "float": _writes(repr),
            "timestamp": _writes(_iso),
            "boolean": _writes(lambda value: "true" if value else "false"),
        }
    )


def _write_structure(compiler: Compiler, shape: Shape) -> Walk:
    members = {
        name: (member.serialization.get("name", name), compiler.walk(member)) for name, member in shape.members.items()
    }

    def write(value: dict[str, Any]) -> str:
        return "".join(f"<{tag}>{walk(value[name])}</{tag}>" for name, (tag, walk) in members.items() if name in value)

    return write


def _write_list(compiler: Compiler, shape: Shape) -> Walk:
    member = compiler.walk(shape.member)
    return lambda value: "".join(f"<member>{member(item)}</member>" for item in value)


def _write_map(compiler: Compiler, shape: Shape) -> Walk:
    member = compiler.walk(shape.value)
    return lambda value: "".join(
        f"<entry><key>{_escape(name)}</key><value>{member(item)}</value></entry>" for name, item in value.items()
    )


def _writes(convert: Callable[[Any], str]) -> Callable[[Compiler, Shape], Walk]:
    return lambda compiler, shape: convert


def _escape(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text).translate(_ESCAPES)


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
