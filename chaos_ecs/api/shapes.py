"""Walks over the shapes of a service model, compiled once into closures: parse an input, check an output.

Ours and not botocore's validator, because that one misses enums, refuses members it does not know (a learner's `aws`
may be newer than our botocore), and takes as long as all the rest of a request. Never here: HTTP, or what a member
means.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.model import Shape
from msgspec import Raw

log = logging.getLogger(__name__)

Walk = Callable[[Any], Any]

_INTEGER_LIMITS = {"integer": 2**31, "long": 2**63}
_KINDS = {"integer": "an Integer", "long": "a Long", "boolean": "a Boolean", "double": "a Double", "float": "a Float"}


@dataclass
class BadMember(Exception):  # noqa: N818 (what is bad about it is in `words`)
    """A member that the model does not allow. `path` grows on its way out, from the member to the whole request."""

    words: str
    problem: str  # type, missing or value
    path: tuple[str, ...] = ()

    def inside(self, name: str) -> BadMember:
        return BadMember(self.words, self.problem, (name, *self.path))

    @property
    def where(self) -> str:
        """The member's place, such as `containerDefinitions[0].image`."""
        return "".join(part if part.startswith("[") else f".{part}" for part in self.path).removeprefix(".")


class OutputError(AssertionError):
    """An answer that the model does not allow: not the client's fault."""


class Compiler:
    """One way of walking; compiles every shape once."""

    def __init__(
        self, by_type: Mapping[str, Callable[[Compiler, Shape], Walk]], *, checks_patterns: bool = False
    ) -> None:
        self._by_type = by_type
        self.checks_patterns = checks_patterns
        self._known: dict[str, Walk] = {}

    def walk(self, shape: Shape) -> Walk:
        if shape.name not in self._known:
            name = shape.name
            self._known[name] = self._late(name)  # for a shape that is met again inside itself
            self._known[name] = self._by_type[shape.type_name](self, shape)
        return self._known[shape.name]

    def _late(self, name: str) -> Walk:
        def walk(value: Any) -> Any:
            return self._known[name](value)

        return walk


# --- parsing what was sent ---


def input_compiler(*, checks_patterns: bool = False) -> Compiler:
    """Compiles walks that answer with the input as validated, or raise BadMember. Patterns are checked where the
    service does so: ECS's model has none."""
    return Compiler(
        {
            "structure": _parse_structure,
            "list": _parse_list,
            "map": _parse_map,
            "string": _parse_string,
            "integer": _parse_integer,
            "long": _parse_integer,
            "double": _parse_number,
            "float": _parse_number,
            "timestamp": _parse_number,
            "boolean": _parse_boolean,
        },
        checks_patterns=checks_patterns,
    )


def _parse_structure(compiler: Compiler, shape: Shape) -> Walk:
    if shape.metadata.get("document"):
        return lambda value: value
    members = {name: compiler.walk(member) for name, member in shape.members.items()}
    lists = {name for name, member in shape.members.items() if member.type_name == "list"}
    required = tuple(shape.required_members)

    def parse(value: Any) -> Any:
        if not isinstance(value, dict):
            raise BadMember(f"{_token(value)} can not be converted to a structure", "type")
        parsed = {}
        for name, item in value.items():
            if item is None:
                continue
            if name not in members:
                log.debug("%s has no member %s in this botocore's model: dropped", shape.name, name)
                continue
            try:
                parsed[name] = members[name](item)
            except BadMember as bad:
                raise bad.inside(name) from None
        for name in required:
            if name not in parsed:
                raise BadMember("cannot be empty." if name in lists else "can not be blank.", "missing", (name,))
        return parsed

    return parse


def _parse_list(compiler: Compiler, shape: Shape) -> Walk:
    member = compiler.walk(shape.member)
    in_range = _range_check(shape, "length")

    def parse(value: Any) -> Any:
        if not isinstance(value, list):
            raise BadMember(f"{_token(value)} can not be converted to a list", "type")
        in_range(value, len(value))
        parsed = []
        for index, item in enumerate(value):
            try:
                parsed.append(member(item))
            except BadMember as bad:
                raise bad.inside(f"[{index}]") from None
        return parsed

    return parse


def _parse_map(compiler: Compiler, shape: Shape) -> Walk:
    key, member = compiler.walk(shape.key), compiler.walk(shape.value)
    in_range = _range_check(shape, "length")

    def parse(value: Any) -> Any:
        if not isinstance(value, dict):
            raise BadMember(f"{_token(value)} can not be converted to a map", "type")
        in_range(value, len(value))
        parsed = {}
        for name, item in value.items():
            try:
                parsed[key(name)] = member(item)
            except BadMember as bad:
                raise bad.inside(f"[{name}]") from None
        return parsed

    return parse


def _parse_string(compiler: Compiler, shape: Shape) -> Walk:
    in_range = _range_check(shape, "length")
    allowed = tuple(shape.metadata.get("enum", ()))
    told = shape.metadata.get("pattern") if compiler.checks_patterns else None
    pattern = re.compile(told) if told else None

    def parse(value: Any) -> Any:
        if not isinstance(value, str):
            raise BadMember(f"{_token(value)} can not be converted to a String", "type")
        in_range(value, len(value))
        if pattern and not pattern.fullmatch(value):
            raise _constraint(value, f"Member must satisfy regular expression pattern: {told}")
        if allowed and value not in allowed:
            raise _constraint(value, f"Member must satisfy enum value set: [{', '.join(allowed)}]")
        return value

    return parse


def _parse_integer(compiler: Compiler, shape: Shape) -> Walk:
    in_range = _range_check(shape, "value")
    limit = _INTEGER_LIMITS[shape.type_name]
    kind = _KINDS[shape.type_name]

    def parse(value: Any) -> Any:
        whole = value
        if isinstance(value, float) and value.is_integer():
            whole = int(value)
        if isinstance(whole, bool) or not isinstance(whole, int) or not -limit <= whole < limit:
            raise BadMember(f"{_token(value)} can not be converted to {kind}", "type")
        in_range(whole, whole)
        return whole

    return parse


def _parse_number(compiler: Compiler, shape: Shape) -> Walk:
    in_range = _range_check(shape, "value")

    def parse(value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise BadMember(f"{_token(value)} can not be converted to {_KINDS.get(shape.type_name, 'a Date')}", "type")
        in_range(value, value)
        return value

    return parse


def _parse_boolean(compiler: Compiler, shape: Shape) -> Walk:
    def parse(value: Any) -> Any:
        if not isinstance(value, bool):
            raise BadMember(f"{_token(value)} can not be converted to a Boolean", "type")
        return value

    return parse


def _range_check(shape: Shape, what: str) -> Callable[[Any, float], None]:
    """`min` and `max` are the model's; AWS words a length and a value differently."""
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    said = "have length" if what == "length" else "have value"

    def check(value: Any, size: float) -> None:
        if low is not None and size < low:
            raise _constraint(value, f"Member must {said} greater than or equal to {low}")
        if high is not None and size > high:
            raise _constraint(value, f"Member must {said} less than or equal to {high}")

    return check


def _constraint(value: Any, constraint: str) -> BadMember:
    told = str(value) if len(str(value)) <= 100 else f"{str(value)[:100]}..."
    return BadMember(f"Value '{told}' failed to satisfy constraint: {constraint}", "value")


def _token(value: Any) -> str:
    """A JSON value by the name that AWS's parser has for it."""
    if value is None:
        return "NULL_VALUE"
    if isinstance(value, bool):
        return "TRUE_VALUE" if value else "FALSE_VALUE"
    if isinstance(value, str):
        return "STRING_VALUE"
    if isinstance(value, int | float):
        return "NUMBER_VALUE"
    return "START_ARRAY" if isinstance(value, list) else "START_OBJECT"


# --- checking what is answered ---


def output_compiler() -> Compiler:
    """Compiles walks that answer with the output, members that are None left out, or raise OutputError.

    A `Raw` passes as it is: it was walked and encoded before.
    """
    return Compiler(
        {
            "structure": _check_structure,
            "list": _check_list,
            "map": _check_map,
            "string": _check_string,
            "integer": _checks(int),
            "long": _checks(int),
            "double": _checks(int, float),
            "float": _checks(int, float),
            "timestamp": _round_timestamp,
            "boolean": _checks(bool),
        }
    )


def _check_structure(compiler: Compiler, shape: Shape) -> Walk:
    if shape.metadata.get("document"):
        return lambda value: value
    members = {name: compiler.walk(member) for name, member in shape.members.items()}

    def check(value: Any) -> Any:
        if type(value) is Raw:
            return value
        checked = {}
        for name, item in value.items():
            if item is None:
                continue
            if name not in members:
                raise OutputError(f"{shape.name} has no member {name}")
            checked[name] = members[name](item)
        return checked

    return check


def _check_list(compiler: Compiler, shape: Shape) -> Walk:
    member = compiler.walk(shape.member)
    return lambda value: [member(item) for item in value]


def _check_map(compiler: Compiler, shape: Shape) -> Walk:
    member = compiler.walk(shape.value)
    return lambda value: {name: member(item) for name, item in value.items()}


def _check_string(compiler: Compiler, shape: Shape) -> Walk:
    allowed = tuple(shape.metadata.get("enum", ()))

    def check(value: Any) -> Any:
        if not isinstance(value, str) or (allowed and value not in allowed):
            raise OutputError(f"{value!r} is no {shape.name}")
        return value

    return check


def _round_timestamp(compiler: Compiler, shape: Shape) -> Walk:
    """To milliseconds, as AWS has them."""
    is_number = _checks(int, float)(compiler, shape)
    return lambda value: round(is_number(value), 3)


def _checks(*types: type) -> Callable[[Compiler, Shape], Walk]:
    def compile_check(compiler: Compiler, shape: Shape) -> Walk:
        def check(value: Any) -> Any:
            if type(value) not in types:
                raise OutputError(f"{value!r} is no {shape.name}")
            return value

        return check

    return compile_check
