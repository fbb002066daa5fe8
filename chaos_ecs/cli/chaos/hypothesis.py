"""The steady-state hypothesis of an experiment, in Chaos Toolkit's spelling: probes, each with what it may answer.

Never here: when it is asked (see `experiment_run.py`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chaos_ecs.cli.chaos.journal import Activity, SteadyState
from chaos_ecs.cli.chaos.marked import Member
from chaos_ecs.cli.chaos.providers import Availability, NotKnownError, Provider, Sight, provider_of
from chaos_ecs.cli.chaos.tolerances import FIXES, Tolerance, tolerance_of


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

    @property
    def window(self) -> float:
        """Over how many seconds its probes measure, at most: so long nothing may have been wrong."""
        return max(
            (probe.provider.over for probe in self.probes if isinstance(probe.provider, Availability)), default=0
        )


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
