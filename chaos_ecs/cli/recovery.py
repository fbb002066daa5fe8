"""What a view measured: kills, deaths, replacements and recoveries, collected from the events it saw. Pure.

The figures are the controller's own (ARCHITECTURE, event data); here they are only put side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from chaos_ecs.cli.line import recovered_in, seconds
from chaos_ecs.cli.snapshot import Event, short


@dataclass
class Death:
    """A task that was hit, and what came of it; times in seconds since the kill, None while unknown."""

    task: str
    service: str
    noticed_after: float | None = None
    decided_after: float | None = None
    running_after: float | None = None
    exit_code: int | None = None
    stopped: bool = False
    replacements: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return {
            "task": self.task,
            "service": self.service or None,
            "exitCode": self.exit_code,
            "stopped": self.stopped,
            "noticedAfter": self.noticed_after,
            "decidedAfter": self.decided_after,
            "runningAfter": self.running_after,
            "replacements": self.replacements,
        }


@dataclass
class Recorder:
    """Takes the events of a view in and keeps what concerns its victims (ARNs)."""

    deaths: dict[str, Death] = field(default_factory=dict)
    recovered: dict[str, float] = field(default_factory=dict)  # by service ARN: the last, in seconds

    def expect(self, task: str, service: str) -> None:
        """This task is about to be hit."""
        self.deaths[task] = Death(task, service)

    def take(self, events: Sequence[Event]) -> None:
        for event in events:
            if event.type == "SERVICE_RECOVERED":
                self.recovered[event.service] = event.get("seconds") or 0.0
            elif event.type == "TASK_STOPPED" and event.task in self.deaths:
                death = self.deaths[event.task]
                death.stopped, death.exit_code = True, event.get("exitCode")
                death.noticed_after = event.get("noticedAfter")
            elif (death_filled := self.deaths.get(event.get("fills") or "")) is not None:
                self._filled(death_filled, event)

    @staticmethod
    def _filled(death: Death, event: Event) -> None:
        if event.type == "TASK_CREATED":
            death.replacements.append(event.task)
            death.decided_after = event.get("decidedAfter")
        elif event.type == "TASK_RUNNING":
            death.running_after = event.get("runningAfter")

    @property
    def replacements(self) -> int:
        return sum(len(death.replacements) for death in self.deaths.values())


def steps(death: Death) -> str:
    """How one death was made good, step by step."""
    if not death.replacements:
        return f"{short(death.task)}  noticed after {seconds(death.noticed_after)}, no replacement"
    return (
        f"{short(death.task)} -> {short(death.replacements[-1])}  noticed after {seconds(death.noticed_after)}, "
        f"decided {seconds(death.decided_after)}, running {seconds(death.running_after)}"
    )


def summary(name: str, recovered_seconds: float) -> str:
    """The one sentence that stays: service web RECOVERED IN 0.4 s."""
    return f"service {name} {recovered_in(recovered_seconds)}"
