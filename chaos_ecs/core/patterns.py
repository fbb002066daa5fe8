"""Patterns of the cluster query language's `=~`: a subset of Java's, matched in a time that the text's length bounds.

A pattern comes from a client, and Python's `re` goes back and forth: `(a+)+b` on thirty letters takes minutes. Here a
pattern becomes the automaton of its positions (Glushkov, 1961): one position for each character that can be matched,
and for each of them which may follow. A text is read once, from left to right, with the set of positions reached so
far, so the time is at most LARGEST_PATTERN steps a character and nobody can write a pattern that takes longer.

What cannot be had this way is refused: back references, looking ahead and behind, flags, possessive quantifiers.
The whole text has to match, as `t2.*` in the Developer Guide's examples tells.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

LARGEST_PATTERN = 250
"""Positions, after `{m,n}` is written out; a value of an attribute has 128 characters."""

DEEPEST_NESTING = 20

_SHORTHANDS: dict[str, Callable[[str], bool]] = {
    "d": lambda char: char in "0123456789",
    "w": lambda char: char.isascii() and (char.isalnum() or char == "_"),
    "s": lambda char: char in " \t\n\x0b\f\r",
}
_QUANTIFIERS = {"*": (0, None), "+": (1, None), "?": (0, 1)}

_Range = tuple[int, int | None]


class PatternError(ValueError):
    """Why a text is no pattern here."""


@dataclass(frozen=True, slots=True)
class _Char:
    """One character; `accepts` says which."""

    accepts: Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class _Sequence:
    parts: tuple[_Node, ...]


@dataclass(frozen=True, slots=True)
class _Choice:
    parts: tuple[_Node, ...]


@dataclass(frozen=True, slots=True)
class _Repeat:
    part: _Node
    least: int
    most: int | None  # None: as often as one likes


_Node = _Char | _Sequence | _Choice | _Repeat


@dataclass(frozen=True, slots=True)
class _Fragment:
    """A part of the automaton: sets of positions are the bits of a number."""

    first: int
    last: int
    may_be_empty: bool


class Pattern:
    """A pattern that is ready to be matched. Raises PatternError."""

    def __init__(self, source: str) -> None:
        root = _Parser(source).parse()
        self.size = _size(root)
        if self.size > LARGEST_PATTERN:
            raise PatternError("the pattern is too large")
        self._accepts: list[Callable[[str], bool]] = []
        self._follow: list[int] = []
        self._whole = self._build(root)
        self._accepting: dict[str, int] = {}  # by character: the positions that take it

    def matches(self, text: str) -> bool:
        """Whether the whole text is of the pattern."""
        if not text:
            return self._whole.may_be_empty
        reached = self._whole.first & self._taking(text[0])
        for char in text[1:]:
            reached = self._after(reached) & self._taking(char)
            if not reached:
                return False
        return bool(reached & self._whole.last)

    def _taking(self, char: str) -> int:
        if char not in self._accepting:
            self._accepting[char] = sum(1 << at for at, accepts in enumerate(self._accepts) if accepts(char))
        return self._accepting[char]

    def _after(self, reached: int) -> int:
        following = 0
        while reached:
            lowest = reached & -reached
            following |= self._follow[lowest.bit_length() - 1]
            reached ^= lowest
        return following

    def _build(self, node: _Node) -> _Fragment:
        match node:
            case _Char():
                self._accepts.append(node.accepts)
                self._follow.append(0)
                bit = 1 << (len(self._follow) - 1)
                return _Fragment(bit, bit, may_be_empty=False)
            case _Sequence():
                return self._joined([self._build(part) for part in node.parts])
            case _Choice():
                return _either([self._build(part) for part in node.parts])
            case _Repeat():
                return self._repeated(node)

    def _joined(self, fragments: list[_Fragment]) -> _Fragment:
        first, last, may_be_empty = 0, 0, True
        for fragment in fragments:
            self._lead(last, fragment.first)
            first |= fragment.first if may_be_empty else 0
            last = fragment.last | (last if fragment.may_be_empty else 0)
            may_be_empty = may_be_empty and fragment.may_be_empty
        return _Fragment(first, last, may_be_empty)

    def _repeated(self, node: _Repeat) -> _Fragment:
        copies = [self._build(node.part) for _ in range(max(node.least, node.most or 1))]
        if node.most is None:
            self._lead(copies[-1].last, copies[-1].first)
        optional = [
            _Fragment(one.first, one.last, one.may_be_empty or at >= node.least) for at, one in enumerate(copies)
        ]
        return self._joined(optional)

    def _lead(self, positions: int, to: int) -> None:
        while positions:
            lowest = positions & -positions
            self._follow[lowest.bit_length() - 1] |= to
            positions ^= lowest


def _either(fragments: list[_Fragment]) -> _Fragment:
    first = last = 0
    for fragment in fragments:
        first, last = first | fragment.first, last | fragment.last
    return _Fragment(first, last, any(fragment.may_be_empty for fragment in fragments))


def _size(node: _Node) -> int:
    """How many nodes there are once repetitions are written out; no more is counted than is needed to refuse it."""
    match node:
        case _Char():
            return 1
        case _Sequence() | _Choice():
            return 1 + sum(_size(part) for part in node.parts)
        case _Repeat():
            return 1 + max(node.least, node.most or 1) * _size(node.part)


class _Parser:
    """Reads one pattern: choices of sequences of repeated characters and groups."""

    def __init__(self, source: str) -> None:
        self.source, self.at, self.depth = source, 0, 0

    def parse(self) -> _Node:
        node = self._choice()
        if self.at < len(self.source):
            raise PatternError("')' closes nothing")
        return node

    def _choice(self) -> _Node:
        parts = [self._sequence()]
        while self._skip("|"):
            parts.append(self._sequence())
        return parts[0] if len(parts) == 1 else _Choice(tuple(parts))

    def _sequence(self) -> _Node:
        parts: list[_Node] = []
        while self.at < len(self.source) and self.source[self.at] not in "|)":
            if self._skip("^"):
                self._refuse_unless(not parts and not self.depth, "'^' can stand at the beginning only")
            elif self._skip("$"):
                self._refuse_unless(self.at == len(self.source), "'$' can stand at the end only")
            else:
                parts.append(self._repeated(self._one()))
        return _Sequence(tuple(parts))

    def _one(self) -> _Node:
        char = self._next()
        match char:
            case "(":
                return self._group()
            case "[":
                return _Char(self._character_class())
            case ".":
                return _Char(lambda char: char not in "\n\r")
            case "\\":
                return _Char(self._escaped())
            case "*" | "+" | "?" | "{":
                raise PatternError(f"'{char}' repeats nothing")
        return _Char(char.__eq__)

    def _group(self) -> _Node:
        self.depth += 1
        self._refuse_unless(self.depth <= DEEPEST_NESTING, "groups are nested too deeply")
        if self._skip("?"):
            self._refuse_unless(self._skip(":"), "'(?' is supported as '(?:' only")
        node = self._choice()
        self._refuse_unless(self._skip(")"), "'(' is not closed")
        self.depth -= 1
        return node

    def _repeated(self, node: _Node) -> _Node:
        found = self._quantifier()
        if found is None:
            return node
        self._skip("?")  # as few as possible or as many: the same, where the whole text has to match
        twice = self.at < len(self.source) and self.source[self.at] in "*+?{"
        self._refuse_unless(not twice, "a quantifier follows another")
        return _Repeat(node, *found) if found != (0, 0) else _Sequence(())

    def _quantifier(self) -> _Range | None:
        char = self.source[self.at : self.at + 1]
        if char in _QUANTIFIERS:
            self.at += 1
            return _QUANTIFIERS[char]
        return self._counted() if self._skip("{") else None

    def _counted(self) -> _Range:
        end = self.source.find("}", self.at)
        least, comma, most = self.source[self.at : max(end, self.at)].partition(",")
        numbers = [number for number in (least, most) if number]
        is_number = all(number.isascii() and number.isdecimal() and len(number) < 5 for number in numbers)
        self._refuse_unless(end >= 0 and bool(least) and is_number, "'{' is no number of repetitions")
        self.at = end + 1
        found = (int(least), (int(most) if most else None) if comma else int(least))
        self._refuse_unless(found[1] is None or found[0] <= found[1], "'{' counts backwards")
        return found

    def _escaped(self) -> Callable[[str], bool]:
        char = self._next()
        if char in _SHORTHANDS:
            return _SHORTHANDS[char]
        if char.lower() in _SHORTHANDS:
            positive = _SHORTHANDS[char.lower()]
            return lambda other: not positive(other)
        self._refuse_unless(not char.isalnum(), f"'\\{char}' is not supported")
        return char.__eq__

    def _character_class(self) -> Callable[[str], bool]:
        negated = self._skip("^")
        self._refuse_unless(not self.source.startswith("]", self.at), "'[]' is empty")
        parts: list[Callable[[str], bool]] = []
        while not self._skip("]"):
            parts.append(self._class_part())
        if negated:
            return lambda char: not any(part(char) for part in parts)
        return lambda char: any(part(char) for part in parts)

    def _class_part(self) -> Callable[[str], bool]:
        char = self._next()
        self._refuse_unless(char != "[" and not self.source.startswith("&&", self.at - 1), "classes cannot be nested")
        if char == "\\":
            return self._escaped()
        if self.source[self.at : self.at + 1] != "-" or self.source[self.at + 1 : self.at + 2] in ("]", ""):
            return char.__eq__
        self.at += 1
        last = self._next()
        self._refuse_unless(last not in "\\[" and char <= last, f"'{char}-{last}' is no range")
        return lambda other: char <= other <= last

    def _next(self) -> str:
        self._refuse_unless(self.at < len(self.source), "it ends too early")
        self.at += 1
        return self.source[self.at - 1]

    def _skip(self, char: str) -> bool:
        found = self.source.startswith(char, self.at)
        self.at += found
        return found

    def _refuse_unless(self, is_fine: bool, why: str) -> None:
        if not is_fine:
            raise PatternError(why)
