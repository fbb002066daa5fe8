"""The steady-state hypothesis of an experiment, in Chaos Toolkit's spelling: probes, each with what it may answer.

Tolerances are meant as they are there: a number, true or false, text, a list, `range` and `regex`; `jsonpath` and
`probe` are refused.
Never here: when it is asked (see `experiment_run.py`).
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chaos_ecs.cli.chaos.journal import Activity, SteadyState
from chaos_ecs.cli.chaos.marked import Member
from chaos_ecs.cli.chaos.providers import Availability, Kind, NotKnownError, Provider, Sight, provider_of

LATEST_ANSWER_SECONDS = 2.0
"""So long the controller's own client waits for an answer."""
_TARGETS = ("status", "body")
FIXES = {
    Kind.HTTP: "Write tolerance: 200, or {type: regex, pattern: ok, target: body}",
    Kind.NUMBER: "Write tolerance: 3, or {type: range, range: [2, 3]}",
    Kind.TRUTH: "Write tolerance: true",
}


@dataclass(frozen=True, slots=True)
class Tolerance:
    """`raw` is what stands in the file; `target` the member of an answer that is looked at."""

    raw: Any
    target: str = ""
    pattern: re.Pattern[str] | None = None
    least: float | None = None
    most: float | None = None

    def is_met(self, output: Any) -> bool:
        value = output[self.target] if self.target else output
        if self.pattern is not None:
            return self.pattern.search(str(value)) is not None
        if self.least is not None and self.most is not None:
            return bool(self.least <= value <= self.most)
        if isinstance(self.raw, list):
            return value in self.raw
        return bool(value == self.raw)

    @property
    def words(self) -> str:
        """What is wanted: from 99 to 100; status 200; a body like /ok/."""
        of = f"{self.target} " if self.target else ""
        if self.pattern is not None:
            return f"{of}like /{self.pattern.pattern}/"
        if self.least is not None:
            return f"{of}from {self.least:g} to {self.most:g}"
        if isinstance(self.raw, list):
            return f"{of}one of {', '.join(str(item) for item in self.raw)}"
        return f"{of}{str(self.raw).lower() if isinstance(self.raw, bool) else self.raw}"


@dataclass(frozen=True, slots=True)
class Probe:
    name: str
    provider: Provider
    tolerance: Tolerance
    raw: Mapping[str, Any]  # as it stands in the file

    def ask(self, sight: Sight, monotonic: Callable[[], float] = time.monotonic) -> Activity:
        """Asks once. Times are the controller's."""
        began_at, began = sight.look().at, monotonic()
        output, trouble = None, ""
        try:
            output = self.provider.ask(sight)
        except NotKnownError as error:
            trouble = str(error)
        return Activity(
            kind="probe",
            name=self.name,
            provider=self.raw["provider"],
            succeeded=not trouble,
            output=output,
            start=began_at,
            end=began_at + monotonic() - began,
            tolerance=self.raw["tolerance"],
            tolerance_met=not trouble and self.tolerance.is_met(output),
            trouble=trouble,
        )

    def sentence(self, asked: Activity) -> str:
        """What was answered and what was wanted: healthy tasks: 3 (wanted: 3)."""
        output = asked.output
        if isinstance(output, dict):
            output = f"{self.tolerance.target or 'status'} {_brief(output[self.tolerance.target or 'status'])}"
        elif isinstance(output, bool):
            output = str(output).lower()
        return f"{self.name}: {asked.trouble or output} (wanted: {self.tolerance.words})"


def _brief(value: Any) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= 40 else f"{text[:37]}..."


@dataclass(frozen=True, slots=True)
class Hypothesis:
    title: str
    probes: Sequence[Probe]
    raw: Mapping[str, Any]

    def ask(self, sight: Sight) -> SteadyState:
        """Every probe once, also where one has failed already: all of them are worth knowing."""
        asked = [probe.ask(sight) for probe in self.probes]
        return SteadyState(all(bool(activity.tolerance_met) for activity in asked), asked)

    def sentences(self, asked: SteadyState) -> list[str]:
        return [probe.sentence(activity) for probe, activity in zip(self.probes, asked.probes, strict=True)]

    def missed(self, asked: SteadyState) -> list[Probe]:
        """Those that answered, and not as they should."""
        told = zip(self.probes, asked.probes, strict=True)
        return [probe for probe, found in told if not found.tolerance_met and not found.trouble]

    @property
    def window(self) -> float:
        """For how many seconds its probes can still see what was wrong before everything was well: over so many they
        measure, in whole ones, and the last answers come late. 0 where none of them looks back."""
        over = [probe.provider.over for probe in self.probes if isinstance(probe.provider, Availability)]
        return max(over) + 1.0 + LATEST_ANSWER_SECONDS if over else 0.0


def hypothesis_of(member: Member) -> Hypothesis:
    """What stands in a file."""
    members = member.members(("title", "probes"))
    title = members["title"].text() if "title" in members else "steady state"
    listed = member.needed("probes", "Write probes: [...], or leave the hypothesis out").items()
    if not listed:
        raise members["probes"].refusal("it has no probe", "Write a probe, or leave the hypothesis out")
    return Hypothesis(title, [_probe(item) for item in listed], member.plain)


def _probe(member: Member) -> Probe:
    members = member.members(("type", "name", "provider", "tolerance"))
    if "type" in members:
        members["type"].one_of(("probe",))
    name = member.needed("name", "Write name: web answers").text()
    provider = provider_of(member.needed("provider", "Write provider: {type: http, url: ...}"))
    tolerance = tolerance_of(member.needed("tolerance", FIXES[provider.kind]), provider.kind)
    return Probe(name, provider, tolerance, member.plain)


# --- tolerances ---


def tolerance_of(member: Member, kind: Kind) -> Tolerance:
    """Of what stands in a file. A tolerance that this kind of answer can never meet is refused."""
    raw = member.plain
    if isinstance(raw, dict):
        return _described(member, kind)
    if isinstance(raw, list):
        return _listed(member, kind)
    fits: dict[Kind, tuple[type, ...]] = {Kind.HTTP: (int, str), Kind.NUMBER: (int, float), Kind.TRUTH: (bool,)}
    if not isinstance(raw, fits[kind]) or (isinstance(raw, bool) and kind is not Kind.TRUTH):
        raise member.refusal(f"this probe answers with {kind}: {member.written} can never be met", FIXES[kind])
    if kind is Kind.HTTP:
        return Tolerance(raw, "body" if isinstance(raw, str) else "status")
    return Tolerance(raw)


def _listed(member: Member, kind: Kind) -> Tolerance:
    """As the toolkit: one of them; of a number two are the ends of a range."""
    numbers = [item.number() for item in member.items()]
    if not numbers or kind is Kind.TRUTH:
        raise member.refusal(f"this probe answers with {kind}", FIXES[kind])
    if kind is Kind.NUMBER and len(numbers) == 2:
        return Tolerance(member.plain, least=numbers[0], most=numbers[1])
    return Tolerance(member.plain, "status" if kind is Kind.HTTP else "")


def _described(member: Member, kind: Kind) -> Tolerance:
    members = member.members(("type", "range", "pattern", "target", "path", "expect", "count", "name", "provider"))
    type_ = member.needed("type", "Write type: range, or type: regex").text()
    if type_ not in ("range", "regex"):
        why = f"a tolerance of type {type_} is not supported: range and regex are"
        raise members["type"].refusal(why, "Write type: range, or type: regex")
    target = _target(member, members, kind, "status" if type_ == "range" else "body")
    if type_ == "range":
        ends = [item.number() for item in member.needed("range", "Write range: [99, 100]").items()]
        if len(ends) != 2 or ends[0] > ends[1]:
            raise members["range"].refusal("it must be two numbers, the lower one first", "Write range: [99, 100]")
        return Tolerance(member.plain, target, least=ends[0], most=ends[1])
    pattern = member.needed("pattern", "Write pattern: 'ok'")
    try:
        return Tolerance(member.plain, target, re.compile(pattern.text()))
    except re.error as error:
        raise pattern.refusal(f"it is no regular expression: {error}", "Write pattern: 'ok'") from error


def _target(member: Member, members: Mapping[str, Member], kind: Kind, default: str) -> str:
    if kind is Kind.TRUTH or (kind is Kind.NUMBER and default == "body"):
        raise member.refusal(f"this probe answers with {kind}", FIXES[kind])
    if kind is Kind.NUMBER:
        return ""
    given = members.get("target")
    target = given.one_of(_TARGETS) if given else default
    if target != default and default == "status":
        raise members["target"].refusal("a range is one of numbers, and a body is text", "Write target: status")
    return target
