"""What was seen of one experiment: its faults, whom they hit, what ended and what was made good. Pure.

Never here: running it (see `experiment_run.py`), and what is made of it (see `expectations.py`, `experiment_words.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from chaos_ecs.cli.chaos.expectations import Finding, Traffic
from chaos_ecs.cli.chaos.experiment_file import ExperimentFile
from chaos_ecs.cli.chaos.fault_view import Fault
from chaos_ecs.cli.chaos.journal import SteadyState
from chaos_ecs.cli.health import is_whole
from chaos_ecs.cli.recovery import Death, Recorder
from chaos_ecs.cli.snapshot import Event, Snapshot, Task, name_of, short

EMPTY = "Target resolution returned empty set"
"""How the reason begins where a target is nobody."""


class Verdict(StrEnum):
    PASSED = "passed"
    DEVIATED = "deviated"  # it ran, and the system is not as it should be
    INCONCLUSIVE = "inconclusive"  # it ran, and what was expected could not be measured
    FAILED = "failed"
    NOTHING_MATCHED = "nothing matched"  # nobody is what a target asks for, so nobody was hit
    STOPPED = "stopped"  # by a stop condition, by the safety lever, by somebody else
    INTERRUPTED = "interrupted"  # Ctrl-C
    NOT_STARTED = "not started"  # the steady state was not met before


@dataclass(frozen=True, slots=True)
class Position:
    """A resource among those that it was picked from: the second of three tasks of web."""

    arn: str
    number: int  # 0: it was not among them a moment before
    of: int
    owner: str  # the name of its service, "" for a standalone task

    @property
    def words(self) -> str:
        if not self.number:
            return name_of(self.arn)
        of = f"of {self.owner}" if self.owner else "standalone"
        return f"{short(self.arn)} {of}, number {self.number} of {self.of}"

    def as_json(self) -> dict[str, Any]:
        return {"arn": self.arn, "number": self.number, "of": self.of, "owner": self.owner}


def positions(
    resolved: Mapping[str, Sequence[str]], targets: Mapping[str, Any], before: Snapshot
) -> dict[str, list[Position]]:
    """Where the resources of each target stood, oldest first: what a seed repeats."""
    return {name: [_position(arn, targets[name], before) for arn in arns] for name, arns in resolved.items()}


def _position(arn: str, target: Mapping[str, Any], before: Snapshot) -> Position:
    task = before.task(arn)
    if task is None:
        return Position(arn, 0, 0, "")
    said = target.get("parameters") or {}
    among = [item.arn for item in _candidates(task, said, before)]
    number = among.index(arn) + 1 if arn in among else 0
    return Position(arn, number, len(among), name_of(task.service))


def _candidates(task: Task, said: Mapping[str, str], before: Snapshot) -> list[Task]:
    """Of its service where one is named, else of its cluster where one is named, else all; in order of creation."""
    running = [item for item in before.tasks if item.is_running]
    if "service" in said:
        return [item for item in running if item.service == task.service]
    return [item for item in running if item.cluster == task.cluster] if "cluster" in said else running


@dataclass
class Story:
    """Takes events in. `services` are ARNs of those that were aimed at, or had a task that was."""

    experiment: str = ""
    faults: dict[str, None] = field(default_factory=dict)
    services: dict[str, None] = field(default_factory=dict)
    recorder: Recorder = field(default_factory=Recorder)
    recovered: dict[str, float] = field(default_factory=dict)  # the longest, by ARN
    owners: dict[str, str] = field(default_factory=dict)  # the service of each task there was before

    def aim(self, arns: Sequence[str]) -> None:
        """These resources are the experiment's targets: tasks, or services."""
        for arn in arns:
            service = arn if ":service/" in arn else self.owners.get(arn, "")
            if service:
                self.services.setdefault(service)

    def take(self, events: Sequence[Event]) -> None:
        for event in events:
            if event.type == "FAULT_INJECTED" and event.get("experiment") == self.experiment:
                self._injected(event)
            elif event.type == "SERVICE_RECOVERED" and event.service in self.services:
                took = float(event.get("seconds") or 0.0)
                self.recovered[event.service] = max(took, self.recovered.get(event.service, 0.0))
            self.recorder.take((event,))

    def _injected(self, event: Event) -> None:
        self.faults.setdefault(str(event.get("fault")))
        for task in event.get("tasks") or ():
            service = self.owners.get(task, event.service)
            if task not in self.recorder.deaths:
                self.recorder.expect(task, service)
            if service:
                self.services.setdefault(service)

    def wants(self, event: Event) -> bool:
        """Whether it is about this experiment."""
        about = event.get("experiment") == self.experiment or event.get("fault") in self.faults
        return about or event.service in self.services or event.task in self.recorder.deaths

    @property
    def deaths(self) -> list[Death]:
        """Of tasks that were hit, and have ended."""
        return [death for death in self.recorder.deaths.values() if death.stopped]

    def is_whole(self, snapshot: Snapshot) -> bool:
        """Whether every service concerned is as it should be."""
        return all(is_whole(snapshot, arn) for arn in self.services)


@dataclass
class Outcome:
    """All that is known of a run when it is over. Times are the controller's."""

    file: ExperimentFile
    seed: int
    cluster: str  # its name
    began_at: float
    ended_at: float = 0.0
    story: Story = field(default_factory=Story)
    told: Mapping[str, Any] = field(default_factory=dict)  # what GetExperiment said last
    faults: Sequence[Fault] = ()
    targets: Mapping[str, Sequence[Position]] = field(default_factory=dict)
    before: SteadyState | None = None
    after: SteadyState | None = None
    traffic: Mapping[str, Traffic | None] = field(default_factory=dict)
    findings: Sequence[Finding] = ()
    verdict: Verdict = Verdict.FAILED
    why: str = ""  # a verdict that is none of the file's
    undone_at: float | None = None  # when it was stopped from here

    @property
    def actions(self) -> Mapping[str, Mapping[str, Any]]:
        """As GetExperiment has them, by name; in the order of the file."""
        told = self.told.get("actions") or {}
        return {name: told[name] for name in self.file.template["actions"] if name in told}

    def fault_of(self, name: str) -> Fault | None:
        """What an action has injected: the fault of its id that was made when it began, and hit its targets."""
        action = self.actions[name]
        aims = [item.arn for target in (action.get("targets") or {}).values() for item in self.targets.get(target, ())]
        for fault in self.faults:
            is_of_then = (fault.raw.get("actionId"), fault.raw.get("createdAt")) == (
                action["actionId"],
                action.get("startTime"),
            )
            hit = [arn for victim in fault.victims for arn in (victim.task, victim.service) if arn]
            if is_of_then and (not aims or any(arn in aims for arn in hit)):
                return fault
        return None


def judged(outcome: Outcome) -> tuple[Verdict, str]:
    """What came of an experiment that is over, and why that is no success. What is not known is never one."""
    state = outcome.told["state"]
    if state["status"] != "completed":
        why = str(state.get("reason") or state["status"])
        if state["status"] != "failed":
            return Verdict.STOPPED, why
        return (Verdict.NOTHING_MATCHED if why.startswith(EMPTY) else Verdict.FAILED), why
    if all(action["state"]["status"] == "skipped" for action in outcome.actions.values()):
        return Verdict.INCONCLUSIVE, "every action was skipped: nobody was hit"
    if outcome.after is not None and not outcome.after.met:
        return Verdict.DEVIATED, "the steady state is not met afterwards"
    missed = [finding.name for finding in outcome.findings if finding.met is False]
    if missed:
        return Verdict.DEVIATED, f"not as expected: {', '.join(missed)}"
    unknown = [finding.name for finding in outcome.findings if finding.met is None]
    if unknown:
        return Verdict.INCONCLUSIVE, f"not measured: {', '.join(unknown)}"
    return Verdict.PASSED, ""
