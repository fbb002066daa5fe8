"""The journal of an experiment, in Chaos Toolkit's schema, so that its `chaos report` and other tools read it.

Everything of ours that the schema has no place for is in the one member `x-chaos-ecs`. Pure: times are handed in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

SCHEMA_OF = "1.44.0"
"""The version of chaostoolkit-lib whose journals these are like: readers choose their template by it."""
OURS = "x-chaos-ecs"
"""The member that the schema does not know."""


@dataclass(frozen=True, slots=True)
class Activity:
    """Something that was done or asked. `kind` is action or probe; times are seconds since the epoch."""

    kind: str
    name: str
    provider: Mapping[str, Any]
    succeeded: bool
    output: Any
    start: float
    end: float
    tolerance: Any = None
    tolerance_met: bool | None = None  # None: nothing was expected of it
    trouble: str = ""

    def as_json(self) -> dict[str, Any]:
        activity = {"type": self.kind, "name": self.name, "provider": dict(self.provider)}
        if self.tolerance is not None:
            activity["tolerance"] = self.tolerance
        told: dict[str, Any] = {
            "activity": activity,
            "output": self.output,
            "start": time_of(self.start),
            "status": "succeeded" if self.succeeded else "failed",
            "end": time_of(self.end),
            "duration": round(self.end - self.start, 6),
        }
        if self.tolerance_met is not None:
            told["tolerance_met"] = self.tolerance_met
        if self.trouble:
            told["exception"] = [f"{self.trouble}\n"]
        return told


@dataclass(frozen=True, slots=True)
class SteadyState:
    """The probes of a hypothesis, asked once."""

    met: bool
    probes: Sequence[Activity]

    def as_json(self) -> dict[str, Any]:
        return {"steady_state_met": self.met, "probes": [probe.as_json() for probe in self.probes]}


@dataclass(frozen=True, slots=True)
class Journal:
    """`status` is completed, failed, interrupted or aborted; `deviated`: the steady state was not met afterwards.
    `ours` is what `x-chaos-ecs` holds: seed, victims, recoveries, client, expectations."""

    title: str
    description: str
    platform: str
    node: str
    start: float
    end: float
    status: str
    deviated: bool = False
    hypothesis: Mapping[str, Any] | None = None
    method: Sequence[Mapping[str, Any]] = ()
    before: SteadyState | None = None
    after: SteadyState | None = None
    run: Sequence[Activity] = ()
    rollbacks: Sequence[Activity] = ()
    ours: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        experiment: dict[str, Any] = {
            "version": "1.0.0",
            "title": self.title,
            "description": self.description,
            "tags": ["chaos-ecs"],
            "contributions": {},
            "method": list(self.method),
            "rollbacks": [],
        }
        if self.hypothesis is not None:
            experiment["steady-state-hypothesis"] = dict(self.hypothesis)
        return {
            "chaoslib-version": SCHEMA_OF,
            "platform": self.platform,
            "node": self.node,
            "experiment": experiment,
            "start": time_of(self.start),
            "status": self.status,
            "deviated": self.deviated,
            "steady_states": {
                "before": self.before.as_json() if self.before else None,
                "after": self.after.as_json() if self.after else None,
                "during": [],
            },
            "run": [activity.as_json() for activity in self.run],
            "rollbacks": [activity.as_json() for activity in self.rollbacks],
            "end": time_of(self.end),
            "duration": round(self.end - self.start, 6),
            OURS: dict(self.ours),
        }


def ours(journal: Mapping[str, Any]) -> Mapping[str, Any]:
    """What only we write; nothing where another wrote it."""
    found = journal.get(OURS)
    return found if isinstance(found, dict) else {}


def time_of(at: float) -> str:
    """ISO 8601 in UTC, as the toolkit writes it."""
    return datetime.fromtimestamp(at, UTC).isoformat()
