"""What an experiment's file expects of the system (`expect`), held against what was measured. Pure.

Each is met, not met, or not measured, which is never taken for met. Never here: measuring (see `experiment_run.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chaos_ecs.cli.chaos.marked import Member
from chaos_ecs.cli.line import seconds
from chaos_ecs.cli.recovery import Death
from chaos_ecs.cli.snapshot import Client, name_of, short
from chaos_ecs.cli.text import counted

_UNKNOWN = "no load balancer, the client is off, or the controller began anew"
NAMES = ("recoveredWithin", "standaloneReplaced", "availability")


@dataclass(frozen=True, slots=True)
class Expected:
    """None: nothing is expected of it."""

    recovered_within: float | None = None
    standalone_replaced: bool | None = None
    availability: float | None = None


@dataclass(frozen=True, slots=True)
class Traffic:
    """What the controller's client saw of a service between two moments."""

    requests: int
    failed: int

    @property
    def availability(self) -> float:
        """In percent, not rounded: 99.996 is less than 100."""
        return 100 * (self.requests - self.failed) / self.requests if self.requests else 0.0


@dataclass(frozen=True, slots=True)
class Measured:
    """`deaths` are tasks that were hit and ended; `recovered` the longest recovery of each service, by ARN; `watched`
    for so many seconds nobody took a standalone task's place; `traffic` by the service's name, None: not measured."""

    deaths: Sequence[Death] = ()
    recovered: Mapping[str, float] = field(default_factory=dict)
    watched: float = 0.0
    traffic: Mapping[str, Traffic | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Finding:
    """One expectation: `met` is None where it could not be measured."""

    name: str
    wanted: str
    measured: str
    met: bool | None

    @property
    def word(self) -> str:
        return {True: "met", False: "NOT MET", None: "NOT MEASURED"}[self.met]

    def as_json(self) -> dict[str, Any]:
        return {"name": self.name, "wanted": self.wanted, "measured": self.measured, "met": self.met}


def expected_of(member: Member) -> Expected:
    """What stands in a file."""
    members = member.members(NAMES)
    share = members["availability"].number() if "availability" in members else None
    if share is not None and not 0 < share <= 100:
        raise members["availability"].refusal("it is a share in percent", "Write availability: 99.9")
    within, replaced = members.get("recoveredWithin"), members.get("standaloneReplaced")
    return Expected(within.seconds() if within else None, replaced.flag() if replaced else None, share)


def findings(expected: Expected, measured: Measured) -> list[Finding]:
    """Each expectation of the file, in the order of NAMES."""
    found = []
    if expected.recovered_within is not None:
        found.append(_recovery(expected.recovered_within, measured))
    if expected.standalone_replaced is not None:
        found.append(_standalone(expected.standalone_replaced, measured))
    if expected.availability is not None:
        found.append(_availability(expected.availability, measured))
    return found


def _recovery(within: float, measured: Measured) -> Finding:
    name, wanted = NAMES[0], f"within {seconds(within)}"
    services = dict.fromkeys((*(death.service for death in measured.deaths if death.service), *measured.recovered))
    if not services:
        return Finding(name, wanted, "no service lost a task, so none had to recover", None)
    told, met = [], True
    for service in services:
        took = measured.recovered.get(service)
        told.append(f"{name_of(service)} {'not yet' if took is None else seconds(took)}")
        met = met and took is not None and took <= within
    return Finding(name, wanted, ", ".join(told), met)


def _standalone(wanted: bool, measured: Measured) -> Finding:
    name, words = NAMES[1], "replaced" if wanted else "not replaced"
    deaths = [death for death in measured.deaths if not death.service]
    if not deaths:
        return Finding(name, words, "no standalone task ended", None)
    told = [
        f"{short(death.task)} {counted(len(death.replacements), 'replacement')} {seconds(measured.watched)} later"
        for death in deaths
    ]
    return Finding(name, words, ", ".join(told), all(bool(death.replacements) is wanted for death in deaths))


def _availability(least: float, measured: Measured) -> Finding:
    name, wanted = NAMES[2], f"{least:g}% or more"
    known = {service: told for service, told in measured.traffic.items() if told is not None and told.requests}
    missing = [service for service in measured.traffic if service not in known]
    if missing or not known:
        who = " ".join(missing) or "the services"
        return Finding(name, wanted, f"what the client saw of {who} is not known: {_UNKNOWN}", None)
    told = [f"{service} {_share(told)}" for service, told in known.items()]
    return Finding(name, wanted, ", ".join(told), all(item.availability >= least for item in known.values()))


def _share(traffic: Traffic) -> str:
    """Never 100% when one failed."""
    share = min(traffic.availability, 99.99) if traffic.failed else 100.0
    return f"{share:.2f}%, {traffic.failed:,} of {traffic.requests:,} requests failed"


def traffic_between(before: Client | None, after: Client | None) -> Traffic | None:
    """None where nobody asked, or where the client began anew in between."""
    if after is None:
        return None
    requests, failed = (before.requests, before.failed) if before else (0, 0)
    if after.requests < requests or after.failed < failed:
        return None
    return Traffic(after.requests - requests, after.failed - failed)
