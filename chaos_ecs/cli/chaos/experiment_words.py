"""What is said of an experiment: what is about to be done to whom, and what came of it. Pure.

Never here: its events (see `experimentlines.py`), and its panel (see `experiment_view.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chaos_ecs.chaos import parameters
from chaos_ecs.chaos.fault import Fault
from chaos_ecs.cli.chaos import fault_kinds
from chaos_ecs.cli.chaos.experiment_file import ExperimentFile
from chaos_ecs.cli.chaos.experiment_story import Outcome, Position, Verdict
from chaos_ecs.cli.chaos.fault_words import counted, measured
from chaos_ecs.cli.chaos.journal import SteadyState
from chaos_ecs.cli.line import seconds
from chaos_ecs.cli.snapshot import name_of

Row = tuple[str, str]
_POSITIONS_SHOWN = 5


def fault_of(action: Mapping[str, Any]) -> Fault:
    """The fault of an action that the controller has taken."""
    kind = fault_kinds.named(action["actionId"])
    known = {item.name for item in parameters.parameters_of(kind)}
    given = {name: text for name, text in action.get("parameters", {}).items() if name in known}
    return fault_kinds.made(kind, given)


def longest(file: ExperimentFile) -> float:
    """Seconds that its actions last, those that wait for others after them."""
    actions = file.template["actions"]

    def ends_after(name: str) -> float:
        begins = max((ends_after(other) for other in actions[name].get("startAfter", ())), default=0.0)
        return begins + fault_of(actions[name]).seconds

    return max(ends_after(name) for name in actions)


# --- before ---


def plan(file: ExperimentFile, targets: Mapping[str, Sequence[Position]], seed: int) -> list[Row]:
    """Whom it would hit, and each action in a sentence."""
    told: list[Row] = [("what", file.title)]
    for name, target in file.template["targets"].items():
        told.append((f"target {name}", _picked(targets.get(name, ()), target["selectionMode"])))
    told += [(f"action {name}", sentence(file, name)) for name in file.template["actions"]]
    told += [("stops when", _condition(item)) for item in file.template["stopConditions"] if item["source"] != "none"]
    if file.hypothesis is not None:
        told += [
            ("steady state", f"{probe.name}: {probe.tolerance.words}, before and after")
            for probe in file.hypothesis.probes
        ]
    told += [("expected", f"{name}: {text}") for name, text in _expected(file)]
    told.append(("seed", f"{seed}: as long as the same tasks run, it picks the same"))
    return told


def _picked(found: Sequence[Position], mode: str) -> str:
    if not found:
        return f"nobody: no running task is left of what it asks for, {mode}"
    more = len(found) - _POSITIONS_SHOWN
    named = "; ".join(position.words for position in found[:_POSITIONS_SHOWN])
    return f"{named}{f'; and {more} more' if more > 0 else ''} ({mode})"


def sentence(file: ExperimentFile, name: str) -> str:
    """What an action does, to which target, after which others."""
    action = file.template["actions"][name]
    fault = fault_of(action)
    target = "".join(f", target {target}" for target in (action.get("targets") or {}).values())
    after = f", after {' and '.join(action['startAfter'])}" if action.get("startAfter") else ""
    return f"{fault.name} {fault.describe()}{target}{after}"


def _condition(condition: Mapping[str, Any]) -> str:
    return str(condition.get("value") or "").rpartition(":alarm:")[2] or str(condition["source"])


def _expected(file: ExperimentFile) -> list[Row]:
    expected, told = file.expected, []
    if expected.recovered_within is not None:
        told.append(("recoveredWithin", seconds(expected.recovered_within)))
    if expected.standalone_replaced is not None:
        told.append(("standaloneReplaced", str(expected.standalone_replaced).lower()))
    if expected.availability is not None:
        told.append(("availability", f"{expected.availability:g}% or more"))
    return told


# --- after ---


def headline(outcome: Outcome) -> str:
    """The one line that stays: PASSED Lose one of three tasks of web."""
    why = f": {outcome.why}" if outcome.why and outcome.verdict is not Verdict.PASSED else ""
    return f"{outcome.verdict.upper()} {outcome.file.title}{why}"


def result(outcome: Outcome) -> list[Row]:
    """What was done, what was measured, what was expected."""
    told = [(name, _done(outcome, name)) for name in outcome.actions]
    told += _steady("before", outcome, outcome.before) + _steady("after", outcome, outcome.after)
    told += [
        (finding.name, f"{finding.word}: {finding.measured} (wanted: {finding.wanted})") for finding in outcome.findings
    ]
    if not any(finding.name == "recoveredWithin" for finding in outcome.findings):
        told += [("recovered", f"{name_of(arn)} {seconds(took)}") for arn, took in outcome.story.recovered.items()]
    if not any(finding.name == "availability" for finding in outcome.findings):
        told += [
            ("client", f"{name}: {traffic.failed:,} of {traffic.requests:,} requests failed")
            for name, traffic in outcome.traffic.items()
            if traffic is not None and traffic.requests
        ]
    told.append(("seed", str(outcome.seed)))
    return told


def _done(outcome: Outcome, name: str) -> str:
    """completed, 7f3a9c of web: what was measured."""
    state = outcome.actions[name]["state"]
    fault = outcome.fault_of(name)
    if fault is None:
        why = state.get("reason") or ""
        return f"{state['status']}: {why}" if why and state["status"] != "completed" else str(state["status"])
    told = "; ".join(text for _, text in measured(fault))
    return f"{state['status']} on {counted(fault.victims)}: {told}"


def _steady(when: str, outcome: Outcome, asked: SteadyState | None) -> list[Row]:
    hypothesis = outcome.file.hypothesis
    if hypothesis is None or asked is None:
        return []
    word = "met" if asked.met else "NOT MET"
    return [(f"steady {when}", f"{word}: {'; '.join(hypothesis.sentences(asked))}")]


def as_result(outcome: Outcome, journal: str) -> dict[str, Any]:
    """The outcome for programs."""
    return {
        "type": "EXPERIMENT",
        "experiment": outcome.story.experiment or None,
        "title": outcome.file.title,
        "file": outcome.file.shown,
        "seed": outcome.seed,
        "verdict": outcome.verdict,
        "why": outcome.why or None,
        "targets": {name: [item.as_json() for item in found] for name, found in outcome.targets.items()},
        "actions": {name: dict(action["state"]) for name, action in outcome.actions.items()},
        "steadyState": {
            "before": outcome.before.met if outcome.before else None,
            "after": outcome.after.met if outcome.after else None,
        },
        "recoveries": [{"service": arn, "seconds": took} for arn, took in outcome.story.recovered.items()],
        "client": client_figures(outcome),
        "expectations": [finding.as_json() for finding in outcome.findings],
        "journal": journal,
    }


def client_figures(outcome: Outcome) -> dict[str, Any]:
    """By service; null where nobody asked."""
    return {
        name: None
        if traffic is None
        else {
            "requests": traffic.requests,
            "failed": traffic.failed,
            "availability": round(traffic.availability, 4) if traffic.requests else None,
        }
        for name, traffic in outcome.traffic.items()
    }
