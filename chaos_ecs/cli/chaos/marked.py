"""Files that people write, YAML or JSON, as values that know where they stand: what is wrong is refused by its line.

Never here: what the members mean (see `experiment_file.py`, `gameday_file.py`). Nothing in a file is ever carried out:
scalars are text, numbers, true, false and null as in YAML 1.2, and that is all there is (decision 062).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from chaos_ecs.chaos import parameters
from chaos_ecs.chaos.fault import LONGEST_SECONDS
from chaos_ecs.errors import ChaosEcsError

MOST_BYTES = 1_000_000
MOST_VALUES = 20_000
_DEEPEST = 40
_SHOWN = 60  # letters of a value in a refusal
_TAGS = "tag:yaml.org,2002:"

Value = None | bool | int | float | str


class _Loader(yaml.SafeLoader):
    """Scalars as YAML 1.2 has them: `no` and `12:30` are text, and `010` is no eight."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012  # the library's own


_Loader.add_implicit_resolver(f"{_TAGS}null", re.compile(r"^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""])
_Loader.add_implicit_resolver(f"{_TAGS}bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))
_Loader.add_implicit_resolver(f"{_TAGS}int", re.compile(r"^[-+]?(?:0|[1-9][0-9]{0,17})$"), list("-+0123456789"))
_Loader.add_implicit_resolver(
    f"{_TAGS}float",
    re.compile(r"^[-+]?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]{1,3})?$"),
    list("-+0123456789"),
)


@dataclass(frozen=True, slots=True)
class Member:
    """A value of a file. `path` is how it is reached (actions.slow.parameters), `written` how a scalar stands there."""

    file: str
    path: str
    line: int
    value: Value | tuple[Member, ...] | dict[str, Member]
    written: str = ""

    def refusal(self, why: str, fix: str) -> ChaosEcsError:
        """What is wrong with it, and what to write instead: exit code 2."""
        where = f"{self.file}, line {self.line}" + (f": {self.path}" if self.path else "")
        return ChaosEcsError("E-FILE", where, why, fix, 2)

    @property
    def plain(self) -> Any:
        """The value without its places, for JSON."""
        if isinstance(self.value, dict):
            return {name: member.plain for name, member in self.value.items()}
        if isinstance(self.value, tuple):
            return [member.plain for member in self.value]
        return self.value

    @property
    def name(self) -> str:
        return self.path.rpartition(".")[2]

    def members(self, known: Sequence[str] = ()) -> dict[str, Member]:
        """Its members, those that are null left out. With `known` any other name is refused."""
        if not isinstance(self.value, dict):
            raise self.refusal(f"it must have members, and is {self._said}", f"Write {self.name or 'NAME'}: {{...}}")
        for name, member in self.value.items():
            if known and name not in known:
                meant = get_close_matches(name, known, n=1)
                fix = f"Did you mean {meant[0]}?" if meant else f"Leave it out. There are: {', '.join(known)}"
                raise member.refusal(f"there is no member {name} here", fix)
        return {name: member for name, member in self.value.items() if member.value is not None}

    def needed(self, name: str, fix: str) -> Member:
        """The member of this name, which must be there."""
        found = self.members().get(name)
        if found is None:
            raise self.refusal(f"it lacks the member {name}", fix)
        return found

    def items(self) -> tuple[Member, ...]:
        if not isinstance(self.value, tuple):
            raise self.refusal(f"it must be a list, and is {self._said}", f"Write {self.name}: [...]")
        return self.value

    def text(self) -> str:
        """Its words; a number is taken as it is written."""
        if isinstance(self.value, (dict, tuple)) or self.value is None or not self.written.strip():
            raise self.refusal(f"it must be text, and is {self._said}", f"Write {self.name}: some words")
        return self.written

    def texts(self) -> dict[str, str]:
        """Members that are all text."""
        return {name: member.text() for name, member in self.members().items()}

    def number(self) -> float:
        if isinstance(self.value, bool) or not isinstance(self.value, (int, float)):
            raise self.refusal(f"it must be a number, and is {self._said}", f"Write {self.name}: 3, without quotes")
        return self.value

    def whole(self, least: int, most: int) -> int:
        if isinstance(self.value, bool) or not isinstance(self.value, int) or not least <= self.value <= most:
            wanted = f"a whole number from {least} to {most}"
            raise self.refusal(f"it must be {wanted}, and is {self._said}", f"Write {self.name}: {max(least, 1)}")
        return self.value

    def flag(self) -> bool:
        if not isinstance(self.value, bool):
            raise self.refusal(f"it must be true or false, and is {self._said}", f"Write {self.name}: true")
        return self.value

    def seconds(self) -> float:
        """Of PT30S, 30s, 2m."""
        try:
            found = parameters.seconds(self.text())
        except ValueError:
            raise self.refusal(f"it is no duration: {self._said}", f"Write {self.name}: PT30S, or 30s") from None
        if not 0 < found <= LONGEST_SECONDS:
            raise self.refusal("it must be more than nothing, and 12 h at most", f"Write {self.name}: PT30S")
        return found

    def one_of(self, known: Sequence[str]) -> str:
        text = self.text()
        if text not in known:
            meant = get_close_matches(text, known, n=1) or [known[0]]
            why = f"there is no {text[:_SHOWN]} here; there are: {', '.join(known)}"
            raise self.refusal(why, f"Did you mean {meant[0]}?")
        return text

    @property
    def _said(self) -> str:
        if isinstance(self.value, dict):
            return "a mapping of members"
        if isinstance(self.value, tuple):
            return "a list"
        return f"'{self.written[:_SHOWN]}'" if self.written else "empty"


def read(path: Path, shown: str) -> tuple[str, Member]:
    """The text of a file, and what it says. `shown` is how people named it. Raises ChaosEcsError (exit code 2)."""
    hint = "Name a file of YAML or JSON"
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except OSError as error:
        why = error.strerror or str(error)
        raise ChaosEcsError("E-FILE", f"Cannot read {shown}", why, hint, 2) from error
    if len(raw) > MOST_BYTES:
        raise ChaosEcsError("E-FILE", f"{shown} is too large", f"it has more than {MOST_BYTES:,} bytes", hint, 2)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        why = f"byte {error.start} is not UTF-8"
        raise ChaosEcsError("E-FILE", f"{shown} is no text", why, "Save it as UTF-8", 2) from error
    return text, parsed(text, shown)


def parsed(text: str, shown: str) -> Member:
    """What a text says; its outermost value has members. Raises ChaosEcsError (exit code 2)."""
    if text.lstrip().startswith("{"):
        text = text.replace("\t", " ")  # JSON may be indented so, YAML not; inside its strings a tab is an escape
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise _broken(error, shown) from error
    except RecursionError:
        raise ChaosEcsError("E-FILE", f"{shown} goes too deep", "nobody writes that", "Write less", 2) from None
    if node is None:
        raise ChaosEcsError("E-FILE", f"{shown} is empty", "it says nothing", "chaos-ecs help experiments", 2)
    found = _Walk(shown).member(node, "", 0)
    found.members()
    return found


def _broken(error: yaml.YAMLError, shown: str) -> ChaosEcsError:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    where = f"{shown}, line {mark.line + 1}, column {mark.column + 1}" if mark else shown
    hint = "Correct that line: members are indented by spaces, and a value with : or ? in it stands in quotes"
    return ChaosEcsError("E-FILE", where, f"it is neither YAML nor JSON: {problem}", hint, 2)


class _Walk:
    """From the library's nodes to members, no more of them than a person would write."""

    def __init__(self, shown: str) -> None:
        self._shown = shown
        self._left = MOST_VALUES

    def member(self, node: yaml.Node, path: str, depth: int) -> Member:
        line = node.start_mark.line + 1
        place = Member(self._shown, path, line, None)
        self._left -= 1
        if self._left < 0 or depth > _DEEPEST:
            raise place.refusal(f"the file has more than {MOST_VALUES:,} values, or they go too deep", "Write less")
        if isinstance(node, yaml.MappingNode):
            return Member(self._shown, path, line, self._mapping(node, path, depth))
        if isinstance(node, yaml.SequenceNode):
            items = (self.member(item, f"{path}[{index}]", depth + 1) for index, item in enumerate(node.value))
            return Member(self._shown, path, line, tuple(items))
        return self._scalar(node, place)

    def _mapping(self, node: yaml.MappingNode, path: str, depth: int) -> dict[str, Member]:
        found: dict[str, Member] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise Member(self._shown, path, line, None).refusal("a name must be text", "Write NAME: value")
            name = _sound(key.value)
            where = f"{path}.{name}" if path else name
            member = self.member(value, where, depth + 1)
            if name in found:
                place = Member(self._shown, where, line, None)
                raise place.refusal(f"it stands here twice, first in line {found[name].line}", "Keep one of them")
            # The line of the name, for what goes on below it.
            found[name] = Member(self._shown, where, line, member.value, member.written)
        return found

    def _scalar(self, node: yaml.Node, place: Member) -> Member:
        text, kind = _sound(node.value), node.tag.removeprefix(_TAGS)
        value: Value
        match kind:
            case "str":
                value = text
            case "null":
                value, text = None, ""
            case "bool":
                value = text.lower() == "true"
            case "int":
                value = int(text)
            case "float":
                value = float(text)
            case _:
                raise place.refusal(f"the tag {node.tag[:_SHOWN]} is not read here", "Leave the tag out")
        return Member(place.file, place.path, place.line, value, text)


def _sound(text: str) -> str:
    """JSON writes what is beyond 16 bits as two halves."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
