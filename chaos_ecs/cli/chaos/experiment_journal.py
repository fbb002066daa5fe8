"""The journal of an experiment: what is written of a run, where, and what is read of it to run it again.

It holds the whole file, so that it needs nothing else. Never here: the schema (see `journal.py`).
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chaos_ecs import __version__
from chaos_ecs.cli.chaos import experiment_words as words
from chaos_ecs.cli.chaos import journal_files
from chaos_ecs.cli.chaos.experiment_story import Outcome, Verdict
from chaos_ecs.cli.chaos.journal import Activity, Journal, ours
from chaos_ecs.errors import ChaosEcsError

KIND = "experiment"
_STATUS = {
    Verdict.PASSED: "completed",
    Verdict.DEVIATED: "completed",
    Verdict.INCONCLUSIVE: "completed",
    Verdict.FAILED: "failed",
    Verdict.NOTHING_MATCHED: "failed",
    Verdict.STOPPED: "aborted",
    Verdict.INTERRUPTED: "interrupted",
    Verdict.NOT_STARTED: "failed",
}
_DEVIATED = (Verdict.DEVIATED, Verdict.INCONCLUSIVE)
"""An effect that is not known is none: a reader of the schema must not take it for a success."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What a journal keeps of a run, to run it again."""

    text: str
    shown: str
    seed: int
    cluster: str
    targets: Mapping[str, Any]


def journal_of(outcome: Outcome) -> Journal:
    file = outcome.file
    return Journal(
        title=file.title,
        description=f"{file.shown}, run by chaos-ecs {__version__}",
        platform=platform.platform(),
        node=platform.node(),
        start=outcome.began_at,
        end=outcome.ended_at,
        status=_STATUS[outcome.verdict],
        deviated=outcome.verdict in _DEVIATED,
        hypothesis=file.hypothesis.raw if file.hypothesis else None,
        method=[
            {"type": "action", "name": name, "provider": _provider(action)}
            for name, action in file.template["actions"].items()
        ],
        before=outcome.before,
        after=outcome.after,
        run=[_activity(outcome, name) for name, action in outcome.actions.items() if _was_tried(action)],
        rollbacks=_rollbacks(outcome),
        ours=_ours(outcome),
    )


def _provider(action: Mapping[str, Any]) -> dict[str, Any]:
    """In the words of the schema's readers: func and arguments."""
    arguments = {**action.get("parameters", {}), **action.get("targets", {})}
    return {"type": "fis", "func": action["actionId"], "arguments": arguments}


def _was_tried(action: Mapping[str, Any]) -> bool:
    """Whether it began, or was refused before it could: that is what came of it, too."""
    return bool(action.get("startTime")) or action["state"]["status"] == "failed"


def _activity(outcome: Outcome, name: str) -> Activity:
    action, fault = outcome.actions[name], outcome.fault_of(name)
    succeeded = action["state"]["status"] == "completed"
    ended_at = action.get("endTime") or outcome.ended_at
    return Activity(
        kind="action",
        name=name,
        provider=_provider(outcome.file.template["actions"][name]),
        succeeded=succeeded,
        output=dict(fault.raw) if fault else dict(action["state"]),
        start=action.get("startTime") or ended_at,
        end=ended_at,
        trouble="" if succeeded else str(action["state"].get("reason") or action["state"]["status"]),
    )


def _rollbacks(outcome: Outcome) -> list[Activity]:
    if outcome.undone_at is None:
        return []
    provider = {"type": "fis", "func": "StopExperiment"}
    undone = not any(not fault.is_over for fault in outcome.faults)
    end = max(outcome.ended_at, outcome.undone_at)
    return [Activity("action", "stop the experiment", provider, undone, outcome.told, outcome.undone_at, end)]


def _ours(outcome: Outcome) -> dict[str, Any]:
    told = words.as_result(outcome, "")
    left_out = ("type", "title", "file", "journal")
    return {
        "kind": KIND,
        "version": __version__,
        **{name: value for name, value in told.items() if name not in left_out},
        "cluster": outcome.cluster,
        "file": {"name": outcome.file.shown, "text": outcome.file.text},
        "victims": [death.as_json() for death in outcome.story.recorder.deaths.values()],
        "faults": [dict(fault.raw) for fault in outcome.faults],
    }


def kept(path: Path) -> Kept:
    """What a journal says of its run. Raises ChaosEcsError (exit code 2) where it is none of an experiment."""
    told = ours(journal_files.read(path))
    try:
        if told["kind"] != KIND:
            raise ValueError(told["kind"])
        file = told["file"]
        return Kept(
            str(file["text"]), str(file["name"]), int(told["seed"]), str(told["cluster"]), dict(told["targets"])
        )
    except (KeyError, TypeError, ValueError) as error:
        why, hint = "it is not one that chaos-ecs wrote of an experiment", "chaos-ecs chaos run FILE   (writes one)"
        raise ChaosEcsError("E-JOURNAL", f"{path} cannot be run again", why, hint, 2) from error
