"""A journal as a report needs it, whoever wrote it: frozen values, and what of them a picture shows. Pure.

Members that are not there leave their part of a report out. Never here: reading files (see `journal_files.py`), and how
a report looks (see `report.py`, `report_html.py`, `report_svg.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from chaos_ecs.cli.chaos.journal import ours
from chaos_ecs.cli.chaos.score import KIND, Asked, Control, Score
from chaos_ecs.cli.line import seconds
from chaos_ecs.cli.snapshot import name_of, short

_LONGEST_OUTPUT = 140


@dataclass(frozen=True, slots=True)
class Activity:
    """Something that was done or asked; `begin` and `end` in seconds since the beginning, None where unknown."""

    kind: str
    name: str
    status: str
    begin: float | None
    end: float | None
    output: Any = None
    tolerance_met: bool | None = None
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class SteadyState:
    when: str
    met: bool
    probes: tuple[Activity, ...]


@dataclass(frozen=True, slots=True)
class Expectation:
    """What was wanted, and what was measured; `met` None: it could not be."""

    name: str
    wanted: str
    measured: str
    met: bool | None


@dataclass(frozen=True, slots=True)
class Report:
    """`score` is that of a chaos run, None for other experiments, of which ours say a `verdict`; `seconds` is how long
    it lasted; `facts` are what else we know of it, each with its name."""

    title: str
    description: str
    status: str
    deviated: bool
    began_at: float | None
    seconds: float
    platform: str
    node: str
    hypothesis: str
    steady: tuple[SteadyState, ...]
    activities: tuple[Activity, ...]
    rollbacks: tuple[Activity, ...]
    score: Score | None
    seed: int | None
    verdict: str = ""
    expectations: tuple[Expectation, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()

    @property
    def is_good(self) -> bool:
        if self.score is not None:
            return self.score.code == 0
        return self.status == "completed" and not self.deviated

    @classmethod
    def of(cls, journal: Mapping[str, Any]) -> Report:
        experiment, told = journal["experiment"], ours(journal)
        began_at = _moment(journal.get("start"))
        states = journal.get("steady_states") or {}
        return cls(
            title=_text(experiment.get("title")) or "an experiment",
            description=_text(experiment.get("description")),
            status=_text(journal.get("status")) or "unknown",
            deviated=bool(journal.get("deviated")),
            began_at=began_at,
            seconds=_number(journal.get("duration")) or 0.0,
            platform=_text(journal.get("platform")),
            node=_text(journal.get("node")),
            hypothesis=_text(_mapping(experiment.get("steady-state-hypothesis")).get("title")),
            steady=tuple(
                _steady(when, states[when], began_at)
                for when in ("before", "after")
                if isinstance(states, dict) and isinstance(states.get(when), dict)
            ),
            activities=_activities(journal.get("run"), began_at),
            rollbacks=_activities(journal.get("rollbacks"), began_at),
            score=_score(told),
            seed=told.get("seed") if isinstance(told.get("seed"), int) else None,
            verdict=": ".join(part for part in (_text(told.get("verdict")).upper(), _text(told.get("why"))) if part),
            expectations=tuple(_expectation(item) for item in _dicts(told.get("expectations"))),
            facts=(*_targets(told), *_not_begun(told, journal.get("run")), *_recoveries(told)),
        )


def _expectation(raw: Mapping[str, Any]) -> Expectation:
    return Expectation(
        _text(raw.get("name")), _text(raw.get("wanted")), _text(raw.get("measured")), _flag(raw.get("met"))
    )


def _targets(told: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Who was hit: target one-web: number 2 of 3 of web (5632b8)."""
    for name, found in _mapping(told.get("targets")).items():
        places = [
            f"number {item.get('number')} of {item.get('of')} of {item.get('owner')} ({short(_text(item.get('arn')))})"
            for item in _dicts(found)
        ]
        yield f"target {name}", "; ".join(places) or "nobody"


def _not_begun(told: Mapping[str, Any], run: Any) -> Iterator[tuple[str, str]]:
    """Actions that `run` says nothing of: action lose: cancelled."""
    begun = {_text(_mapping(item.get("activity")).get("name")) for item in _dicts(run)}
    for name, state in _mapping(told.get("actions")).items():
        if name not in begun:
            why = (_text(_mapping(state).get(member)) for member in ("status", "reason"))
            yield f"action {name}", ": ".join(part for part in why if part)


def _recoveries(told: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for item in _dicts(told.get("recoveries")):
        took = _number(item.get("seconds"))
        if took is not None:
            yield f"recovery of {name_of(_text(item.get('service')))}", seconds(took)


def _score(told: Mapping[str, Any]) -> Score | None:
    """None for what is no run of ours, or of a version that wrote other members."""
    if told.get("kind") != KIND:
        return None
    try:
        return Score.of(told)
    except (KeyError, TypeError, ValueError):
        return None


def _steady(when: str, raw: Mapping[str, Any], began_at: float | None) -> SteadyState:
    return SteadyState(when, bool(raw.get("steady_state_met")), _activities(raw.get("probes"), began_at))


def _activities(raw: Any, began_at: float | None) -> tuple[Activity, ...]:
    return tuple(_activity(item, began_at) for item in _dicts(raw))


def _activity(raw: Mapping[str, Any], began_at: float | None) -> Activity:
    about = _mapping(raw.get("activity"))
    begin, end = _moment(raw.get("start")), _moment(raw.get("end"))
    trouble = raw.get("exception")
    return Activity(
        kind=_text(about.get("type")),
        name=_text(about.get("name")),
        status=_text(raw.get("status")),
        begin=None if begin is None or began_at is None else begin - began_at,
        end=None if end is None or began_at is None else end - began_at,
        output=raw.get("output"),
        tolerance_met=_flag(raw.get("tolerance_met")),
        trouble=" ".join(map(str, trouble)).strip() if isinstance(trouble, list) else _text(trouble),
    )


def brief(output: Any) -> str:
    """What an activity answered, in one short line; of a command the last that it printed."""
    if output is None or output == "":
        return "-"
    if isinstance(output, dict) and (proofs := _proofs(output)):
        told = proofs
    elif isinstance(output, dict) and isinstance(output.get("stdout"), str):
        printed = [line for line in output["stdout"].splitlines() if line.strip()] or [""]
        told = f"exit {output.get('status')}: {printed[-1]}"
    elif isinstance(output, dict):
        told = ", ".join(f"{name}: {_listed(value)}" for name, value in output.items() if value is not None)
    else:
        told = f"{output:.6g}" if isinstance(output, float) else _listed(output)
    told = " ".join(told.split())
    return told if len(told) <= _LONGEST_OUTPUT else f"{told[:_LONGEST_OUTPUT]}..."


def _proofs(fault: Mapping[str, Any]) -> str:
    """What was measured of a fault, by victim: 5632b8 exit 137 after 0.1 s."""
    known = [(item, item.get("proof") or item.get("reason")) for item in _dicts(fault.get("victims"))]
    return "; ".join(f"{short(_text(item.get('task')))} {said}".strip() for item, said in known if said)


def _listed(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _dicts(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _moment(value: Any) -> float | None:
    """Seconds since the epoch; a time without a zone is UTC, as the toolkit means it."""
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


# --- the timeline ---


@dataclass(frozen=True, slots=True)
class Span:
    """What lasted: a kill until all was whole, an action. `end` None: it had not ended when the journal did. The
    `label` stands beside it where there is room, the `tip` tells who."""

    begin: float
    end: float | None
    label: str
    tip: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """What a picture draws to scale, in seconds since the beginning. `moments` are probes and skipped ticks; `mark`,
    `until` and `other` say what a span's beginning, its end, and a moment are."""

    seconds: float
    name: str  # of the spans: kills, actions
    mark: str
    until: str
    other: str
    spans: tuple[Span, ...] = ()
    moments: tuple[tuple[float, str], ...] = ()
    desired: int = 0
    healthy: tuple[tuple[float, int], ...] = ()
    client: Asked | None = None
    control: Control | None = None


def timeline(report: Report) -> Timeline:
    score = report.score
    if score is None:
        return _of_activities(report)
    spans = tuple(
        Span(
            strike.at,
            strike.whole_at,
            "",
            f"{score.plan.noun} {strike.number}: {', '.join(short(victim.task) for victim in strike.victims)}",
        )
        for strike in score.strikes
    )
    return Timeline(
        seconds=max(score.lasted, *(span.end or span.begin for span in spans), 1.0),
        name=f"{score.plan.noun}s",
        mark="killed" if score.plan.fault == "kill" else "hit",
        until="until all is whole again",
        other="skipped",
        spans=spans,
        moments=tuple((item.due, f"skipped: {item.reason}") for item in score.skips),
        desired=score.desired,
        healthy=score.healthy,
        client=score.client,
        control=score.control,
    )


def _of_activities(report: Report) -> Timeline:
    known = [item for item in report.activities if item.begin is not None]
    spans = tuple(
        Span(item.begin or 0.0, item.end, item.name, f"{item.name}: {item.status}")
        for item in known
        if item.kind == "action"
    )
    moments = tuple((item.begin or 0.0, f"{item.name}: {item.status}") for item in known if item.kind != "action")
    ends = [value for item in known for value in (item.begin, item.end) if value is not None]
    whole = max([report.seconds, *ends, 1.0])
    return Timeline(whole, "actions", "begun", "until its end", "probe", spans, moments)


def lanes(spans: Sequence[Span], gap: float) -> list[int]:
    """For each span the lane in which it meets no other: the first that is free, `gap` seconds after the last."""
    free_at: list[float] = []
    found = []
    for span in spans:
        lane = next((index for index, at in enumerate(free_at) if at <= span.begin), len(free_at))
        end = max(span.begin, span.end if span.end is not None else float("inf")) + gap
        if lane == len(free_at):
            free_at.append(end)
        else:
            free_at[lane] = end
        found.append(lane)
    return found
