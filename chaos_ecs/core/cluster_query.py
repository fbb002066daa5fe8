"""The cluster query language: what a memberOf constraint says of container instances, parsed once and then asked often.

Source: Developer Guide, "Cluster query language". A comparison holds where the subject has a value that compares so:
`attribute:stack != prod` asks for the attribute (the guide: "the instances with the custom attribute stack unless the
attribute value is prod"), and `task:group != web` for a task of another group. `not(...)` is the true opposite, as the
guide's anti-affinity `not(task:group == database)` has it. Patterns are `patterns.py`'s: nobody can write a slow one.
"""

from __future__ import annotations

import calendar
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Never

from chaos_ecs.core.container_instances import ContainerInstance
from chaos_ecs.core.errors import InvalidParameterException
from chaos_ecs.core.patterns import LARGEST_PATTERN, Pattern, PatternError

LONGEST_EXPRESSION = 2000
"""API_PlacementConstraint.expression."""

DEEPEST_NESTING = 20

Groups = Mapping[str, int]
"""How many tasks of each group a container instance has, by the group's name."""

_EQUAL = ("==", "!=")
_ORDER = (">", ">=", "<", "<=")
_LIST = ("in", "!in")
_PATTERN = ("=~", "!~")
_EXISTS = ("exists", "!exists")
_OPERATORS: dict[str, tuple[str, ...]] = {
    "agentConnected": (*_EQUAL, *_LIST, *_PATTERN),
    "agentVersion": (*_EQUAL, *_ORDER),
    "attribute": (*_EQUAL, *_ORDER, *_LIST, *_PATTERN, *_EXISTS),
    "ec2InstanceId": (*_EQUAL, *_LIST, *_PATTERN),
    "registeredAt": (*_EQUAL, *_ORDER),
    "runningTasksCount": (*_EQUAL, *_ORDER),
    "task:group": (*_EQUAL, *_LIST, *_PATTERN, *_EXISTS),
}
"""Which subjects there are, and how each may be compared."""

_SPELLINGS = {
    "equals": "==",
    "not_equals": "!=",
    "greater_than": ">",
    "greater_than_equal": ">=",
    "less_than": "<",
    "less_than_equal": "<=",
    "not_exists": "!exists",
    "not_in": "!in",
    "matches": "=~",
    "not_matches": "!~",
}
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_ASKS_TASKS = ("task:group", "runningTasksCount")

_SUBJECT = re.compile(r"[A-Za-z0-9_./\\:-]+")
_OPERATOR = re.compile(r"==|!=|=~|!~|>=|<=|>|<|!?[a-z_]+")
_ATTRIBUTE_NAME = re.compile(r"[A-Za-z0-9_./\\-]{1,128}")
_LITERAL = re.compile(r"(?:(?!&&|\|\|)[^\s()\[\],'\"])+")
_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d):(\d\d)(Z|[+-]\d\d:\d\d)?)?", re.ASCII)
_NUMBER = re.compile(r"-?\d{1,18}(\.\d{1,18})?", re.ASCII)
_VERSION = re.compile(r"\d{1,9}(\.\d{1,9}){0,9}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Comparison:
    """`subject operator [argument]`; what it compares with is ready to be compared."""

    subject: str
    operator: str
    name: str = ""  # of an attribute
    argument: str | float | tuple[int, ...] = ""
    listed: tuple[str, ...] = ()
    pattern: Pattern | None = None

    def holds(self, instance: ContainerInstance, groups: Groups) -> bool:
        values = list(self._values(instance, groups))
        if self.operator in _EXISTS:
            return bool(values) == (self.operator == "exists")
        return any(self._compares(value) for value in values)

    @property
    def asks_tasks(self) -> bool:
        """Whether what it says changes with the tasks that a container instance has."""
        return self.subject in _ASKS_TASKS

    def _values(self, instance: ContainerInstance, groups: Groups) -> Iterator[str | float | tuple[int, ...]]:
        match self.subject:
            case "attribute":
                yield from (value for name, value in instance.attributes if name == self.name)
            case "task:group":
                yield from groups
            case "runningTasksCount":
                yield float(sum(groups.values()))
            case "registeredAt":
                yield float(int(instance.registered_at))
            case "agentConnected":
                yield str(instance.agent_connected).lower()
            case "ec2InstanceId":
                yield instance.ec2_instance_id
            case "agentVersion" if version := _version(instance.agent_version.removeprefix("v")):
                yield version

    def _compares(self, value: str | float | tuple[int, ...]) -> bool:
        if self.pattern:
            return self.pattern.matches(str(value)) == (self.operator == "=~")
        if self.operator in _LIST:
            return (value in self.listed) == (self.operator == "in")
        argument = self.argument
        if self.subject == "attribute" and self.operator in _ORDER:
            one, other = _number(value), _number(argument)
            if one is not None and other is not None:
                value, argument = one, other
        return _COMPARE[self.operator](value, argument)


@dataclass(frozen=True, slots=True)
class Not:
    part: Query

    def holds(self, instance: ContainerInstance, groups: Groups) -> bool:
        return not self.part.holds(instance, groups)

    @property
    def asks_tasks(self) -> bool:
        return self.part.asks_tasks


@dataclass(frozen=True, slots=True)
class All:
    parts: tuple[Query, ...]

    def holds(self, instance: ContainerInstance, groups: Groups) -> bool:
        return all(part.holds(instance, groups) for part in self.parts)

    @property
    def asks_tasks(self) -> bool:
        return any(part.asks_tasks for part in self.parts)


@dataclass(frozen=True, slots=True)
class Either:
    parts: tuple[Query, ...]

    def holds(self, instance: ContainerInstance, groups: Groups) -> bool:
        return any(part.holds(instance, groups) for part in self.parts)

    @property
    def asks_tasks(self) -> bool:
        return any(part.asks_tasks for part in self.parts)


Query = Comparison | Not | All | Either


def parse(expression: str) -> Query:
    """The expression, ready to be asked. Raises InvalidParameterException that says where it goes wrong."""
    if len(expression) > LONGEST_EXPRESSION:
        raise InvalidParameterException(
            f"Invalid constraint expression: it has {len(expression)} characters, and {LONGEST_EXPRESSION} is the most."
        )
    return _Parser(expression).parse()


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else None


def _version(text: str) -> tuple[int, ...]:
    """1.14.5 as numbers that compare, zeros at its end left out; nothing where it is no version."""
    numbers = [int(part) for part in text.split(".")] if _VERSION.fullmatch(text) else []
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def _time(text: str) -> float | None:
    """Seconds since the epoch of one of the guide's four date formats; UTC where no offset is said."""
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    is_date = year and 1 <= month <= 12 and 1 <= day <= calendar.monthrange(year, month)[1]
    if not is_date or hour > 23 or minute > 59 or second > 59:
        return None
    zone = found[7] if found[7] and found[7] != "Z" else "+00:00"
    offset = int(zone[1:3]) * 3600 + int(zone[4:]) * 60
    seconds = calendar.timegm((year, month, day, hour, minute, second))
    return float(seconds + offset if zone[0] == "-" else seconds - offset)


class _Parser:
    """`or` of `and` of terms; a term is a comparison, a `not` of one, or parentheses."""

    def __init__(self, source: str) -> None:
        self.source, self.at, self.depth = source, 0, 0
        self.steps_for_patterns = LARGEST_PATTERN**2  # a character, at worst: many patterns are no slower than one

    def parse(self) -> Query:
        query = self._either()
        if self.at < len(self.source):
            self._refuse("'and' or 'or' is expected")
        return query

    def _either(self) -> Query:
        parts = [self._all()]
        while self._skip("||") or self._word("or"):
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def _all(self) -> Query:
        parts = [self._term()]
        while self._skip("&&") or self._word("and"):
            parts.append(self._term())
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _term(self) -> Query:
        is_turned = False
        while self._skip("!") or self._word("not"):
            is_turned = not is_turned
        term = self._in_parentheses() if self._skip("(") else self._comparison()
        return Not(term) if is_turned else term

    def _in_parentheses(self) -> Query:
        self.depth += 1
        if self.depth > DEEPEST_NESTING:
            self._refuse("parentheses are nested too deeply")
        query = self._either()
        if not self._skip(")"):
            self._refuse("')' is expected")
        self.depth -= 1
        return query

    def _comparison(self) -> Query:
        begins_at = self._spaces()
        said = self._take(_SUBJECT, "a subject is expected")
        subject, name = ("attribute", said[10:]) if said.startswith("attribute:") else (said, "")
        if said == "attribute" or subject not in _OPERATORS:
            self._refuse(f"there is no subject '{said}'", begins_at)
        if subject == "attribute" and not _ATTRIBUTE_NAME.fullmatch(name):
            self._refuse(f"'{name}' is no name of an attribute", begins_at)
        return self._compared(subject, name)

    def _compared(self, subject: str, name: str) -> Query:
        begins_at = self._spaces()
        said = self._take(_OPERATOR, "an operator is expected")
        sign = _SPELLINGS.get(said, said)
        if sign not in _OPERATORS["attribute"]:
            self._refuse(f"there is no operator '{said}'", begins_at)
        if sign not in _OPERATORS[subject]:
            self._refuse(f"'{said}' is no operator for {subject}", begins_at)
        if sign in _EXISTS:
            return Comparison(subject, sign, name)
        if sign in _LIST:
            return Comparison(subject, sign, name, listed=self._list())
        if sign in _PATTERN:
            return Comparison(subject, sign, name, pattern=self._pattern())
        return Comparison(subject, sign, name, self._value_for(subject))

    def _value_for(self, subject: str) -> str | float | tuple[int, ...]:
        begins_at = self._spaces()
        text = self._literal()
        match subject:
            case "runningTasksCount":
                value: str | float | tuple[int, ...] | None = _number(text)
            case "registeredAt":
                value = _time(text)
            case "agentVersion":
                value = _version(text) or None
            case _:
                value = text
        if value is None:
            self._refuse(f"'{text}' cannot be compared with {subject}", begins_at)
        return value

    def _list(self) -> tuple[str, ...]:
        if not self._skip("["):
            self._refuse("'[' is expected")
        values = [self._literal()]
        while self._skip(","):
            values.append(self._literal())
        if not self._skip("]"):
            self._refuse("',' or ']' is expected")
        return tuple(values)

    def _literal(self) -> str:
        self._spaces()
        return self._quoted() or self._take(_LITERAL, "a value is expected")

    def _pattern(self) -> Pattern:
        begins_at = self._spaces()
        source = self._quoted() or self._bare_pattern()
        try:
            pattern = Pattern(source)
        except PatternError as error:
            self._refuse(f"'{source}' is not supported as a pattern: {error}", begins_at)
        self.steps_for_patterns -= pattern.size**2
        if self.steps_for_patterns < 0:
            self._refuse("its patterns are too large", begins_at)
        return pattern

    def _bare_pattern(self) -> str:
        """Up to a space, a logical operator, or a parenthesis that does not belong to it."""
        begins_at, depth = self.at, 0
        while self.at < len(self.source):
            char = self.source[self.at]
            depth += (char == "(") - (char == ")")
            if char.isspace() or depth < 0 or self.source.startswith(("&&", "||"), self.at):
                break
            self.at += 2 if char == "\\" else 1
        self.at = min(self.at, len(self.source))
        if self.at == begins_at:
            self._refuse("a pattern is expected")
        return self.source[begins_at : self.at]

    def _quoted(self) -> str:
        """What stands in quotes, empty where no quote begins here."""
        quote = self.source[self.at : self.at + 1]
        if quote not in ("'", '"'):
            return ""
        end = self.source.find(quote, self.at + 1)
        if end < 0:
            self._refuse(f"{quote} is not closed")
        text = self.source[self.at + 1 : end]
        if not text:
            self._refuse("a value is expected")
        self.at = end + 1
        return text

    def _take(self, pattern: re.Pattern[str], otherwise: str) -> str:
        self._spaces()
        found = pattern.match(self.source, self.at)
        if found is None:
            self._refuse(otherwise)
        self.at = found.end()
        return found[0]

    def _skip(self, sign: str) -> bool:
        self._spaces()
        found = self.source.startswith(sign, self.at)
        self.at += len(sign) if found else 0
        return found

    def _word(self, word: str) -> bool:
        self._spaces()
        end = self.at + len(word)
        is_whole = not _SUBJECT.match(self.source, end)
        return is_whole and self._skip(word)

    def _spaces(self) -> int:
        while self.source[self.at : self.at + 1].isspace():
            self.at += 1
        return self.at

    def _refuse(self, why: str, at: int | None = None) -> Never:
        place = f"at character {(self.at if at is None else at) + 1}"
        raise InvalidParameterException(f"Invalid constraint expression '{self.source}': {why}, {place}.")
