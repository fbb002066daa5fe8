"""The journal of a chaos run: its score in Chaos Toolkit's schema. Pure: where and when are handed in.

The experiment in it is one that the toolkit can run: its actions and probes are our own command lines.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import Any

from chaos_ecs.cli.chaos.journal import Activity, Journal, SteadyState
from chaos_ecs.cli.chaos.score import Score, Strike
from chaos_ecs.cli.text import counted

_PATH = "chaos-ecs"


@dataclass(frozen=True, slots=True)
class Scene:
    """Where a run takes place, and when it began (seconds since the epoch)."""

    platform: str
    node: str
    began_at: float


def journal_of(score: Score, scene: Scene, *, aborted: bool = False) -> dict[str, Any]:
    """`aborted`: our own trouble ended it. A run that is not over counts as interrupted, so that a journal that was
    kept on the way says the truth when nobody writes another."""
    plan = score.plan
    status = "aborted" if aborted else "interrupted" if score.interrupted or not score.over else "completed"
    deviated = status == "completed" and score.code != 0
    told = Journal(
        title=f"{plan.service} survives a {plan.noun} every {plan.every:g} s for {plan.lasts:g} s",
        description=_description(score),
        platform=scene.platform,
        node=scene.node,
        start=scene.began_at,
        end=scene.began_at + score.lasted,
        status="failed" if deviated else status,
        deviated=deviated,
        hypothesis=_hypothesis(score),
        method=[
            {"type": "action", "name": _name(score, strike), "provider": _hit(score, strike)}
            for strike in score.strikes
        ],
        before=_before(score, scene),
        after=_after(score, scene) if score.over else None,
        run=[_activity(score, strike, scene) for strike in score.strikes],
        ours={"v": 1, **score.as_json()},
    )
    return told.as_json()


def _description(score: Score) -> str:
    plan = score.plan
    whom = "one task" if plan.count == 1 else f"{plan.count} tasks"
    said = [
        f"Every {plan.every:g} s {whom} of service {plan.service} is hit with {plan.fault} (seed {plan.seed}).",
        f"It is made good when {score.desired} {'task is' if score.desired == 1 else 'tasks are'} healthy again.",
    ]
    if plan.goal is not None:
        said.append(f"{plan.goal:g} % of a client's requests must be answered.")
    if plan.control:
        said.append("A standalone task is killed with the first, and must stay gone.")
    return " ".join(said)


def _name(score: Score, strike: Strike) -> str:
    return f"{score.plan.fault} {strike.number}"


def _hit(score: Score, strike: Strike) -> dict[str, Any]:
    """The command that does the same."""
    plan = score.plan
    words = ["chaos", "inject", plan.fault, plan.service]
    for name, value in plan.parameters.items():
        words += [_option(name), value]
    if plan.count != 1:
        words += ["--count", str(plan.count)]
    words += ["--seed", str(plan.seed_of(strike.tick)), *(["--force"] if plan.force else []), "--yes"]
    return _command(score, words)


def _option(parameter: str) -> str:
    """delayMilliseconds -> --delay-milliseconds, as `chaos inject` has it."""
    return "--" + re.sub(r"(?<=[a-z])([A-Z])", r"-\1", parameter).lower()


def _command(score: Score, words: list[str]) -> dict[str, Any]:
    cluster = ["--cluster", score.plan.cluster] if score.plan.cluster else []
    return {"type": "process", "path": _PATH, "arguments": shlex.join([*cluster, *words])}


def _activity(score: Score, strike: Strike, scene: Scene) -> Activity:
    """From the hit to the moment in which all was whole again."""
    begin = scene.began_at + strike.at
    ended = strike.at if strike.whole_at is None else strike.whole_at
    return Activity(
        kind="action",
        name=_name(score, strike),
        provider=_hit(score, strike),
        succeeded=not strike.unproven,
        output={
            "victims": [f"{victim.task} ({victim.position} of {victim.of})" for victim in strike.victims],
            "recoverySeconds": None if strike.seconds is None else round(strike.seconds, 3),
            "failedRequests": strike.failed,
        },
        start=begin,
        end=max(begin, scene.began_at + ended),
        trouble=strike.unproven,
    )


# --- the steady state ---


def _hypothesis(score: Score) -> dict[str, Any]:
    probes = [_whole(score), *([_answered(score)] if score.plan.goal is not None else [])]
    title = f"{score.plan.service} has {counted(score.desired, 'healthy task')}"
    if score.plan.goal is not None:
        title += f", and {score.plan.goal:g} % of the requests are answered"
    return {"title": title, "probes": probes}


def _whole(score: Score) -> dict[str, Any]:
    return {
        "type": "probe",
        "name": "healthy tasks",
        "tolerance": _prints(f'"runningCount": {score.desired},'),
        "provider": _command(score, ["service", "describe", score.plan.service, "--json"]),
    }


def _prints(text: str) -> dict[str, str]:
    """As the toolkit has it for a command: what its output must have in it."""
    return {"type": "regex", "pattern": text.replace(".", r"\."), "target": "stdout"}


def _answered(score: Score) -> dict[str, Any]:
    plan = score.plan
    words = ["probe", plan.service, "--rate", f"{plan.rate:g}", "--for", "10s", "--slo", f"{plan.goal:g}"]
    return {
        "type": "probe",
        "name": "availability",
        "tolerance": _prints(f"goal {plan.goal:g}%: met"),
        "provider": _command(score, words),
    }


def _before(score: Score, scene: Scene) -> SteadyState:
    found = score.healthy[0][1] if score.healthy else score.desired
    probe = _asked(_whole(score), found, scene.began_at, met=found >= score.desired)
    return SteadyState(probe.tolerance_met is True, [probe])


def _after(score: Score, scene: Scene) -> SteadyState:
    at = scene.began_at + score.lasted
    found = score.healthy[-1][1] if score.healthy else 0
    probes = [_asked(_whole(score), found, at, met=not score.open and found >= score.desired)]
    if score.plan.goal is not None:
        answered = score.client.availability if score.client else None
        probes.append(_asked(_answered(score), answered, at, met=score.met is True))
    return SteadyState(all(probe.tolerance_met for probe in probes), probes)


def _asked(probe: dict[str, Any], output: Any, at: float, *, met: bool) -> Activity:
    return Activity(
        kind="probe",
        name=probe["name"],
        provider=probe["provider"],
        succeeded=True,
        output=output,
        start=at,
        end=at,
        tolerance=probe["tolerance"],
        tolerance_met=met,
    )
