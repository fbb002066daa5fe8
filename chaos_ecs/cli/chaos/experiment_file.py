"""An experiment's file: a FIS template as AWS takes it, and in `x-chaos-ecs` what FIS has no word for.

Lenient where AWS needs what there is not here: roleArn, clientToken, stopConditions and the target's cluster may be
left out, and a duration may be 30s where FIS has PT30S. Checked here is what can be seen in the file alone; what an
action's parameters may be is the controller's to say, and its refusal is put beside the line that it is about. Never
here: running it (see `experiment_run.py`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chaos_ecs.chaos import catalogue
from chaos_ecs.chaos.parameters import iso, parameters_of, seconds
from chaos_ecs.chaos.victims import SEEDS
from chaos_ecs.cli.chaos import marked
from chaos_ecs.cli.chaos.expectations import Expected, expected_of
from chaos_ecs.cli.chaos.hypothesis import Hypothesis, hypothesis_of
from chaos_ecs.cli.chaos.marked import Member
from chaos_ecs.errors import ChaosEcsError

OURS = "x-chaos-ecs"
SAMPLES = Path(__file__).parent / "samples"
ROLE = "arn:aws:iam::000000000000:role/chaos-ecs"
"""Stands where a template must name a role and there is none to name."""

_TOLD_BY_AWS = ("id", "arn", "creationTime", "lastUpdateTime", "targetAccountConfigurationsCount")
"""What get-experiment-template adds: left out when it is made again."""
_STORED = ("tags", "logConfiguration", "experimentReportConfiguration", "experimentOptions")
_KNOWN = ("description", "targets", "actions", "stopConditions", "roleArn", "clientToken", *_STORED, OURS)
_TARGET = ("resourceType", "resourceArns", "resourceTags", "filters", "selectionMode", "parameters")
_ACTION = ("actionId", "description", "parameters", "targets", "startAfter")
_ABOUT = re.compile(r"(?P<kind>Action|Target) (?P<name>[^\s:]+)")
_HELP = "chaos-ecs help experiments"


@dataclass(frozen=True, slots=True)
class ExperimentFile:
    """`template` is what CreateExperimentTemplate takes but for its token; `added` what was filled in, in words."""

    shown: str  # as people named it
    text: str
    template: dict[str, Any]
    seed: int | None
    hypothesis: Hypothesis | None
    expected: Expected
    added: tuple[str, ...]
    root: Member

    @property
    def title(self) -> str:
        return str(self.template["description"])

    def located(self, refusal: ChaosEcsError) -> ChaosEcsError:
        """The API's refusal of the template, now with the line that it is about."""
        message = str(refusal.why)
        found = _ABOUT.search(message)
        member = self.root
        if found:
            part = self.root.members().get(f"{found['kind'].lower()}s")
            member = (part.members().get(found["name"]) if part else None) or self.root
        hint = "chaos-ecs chaos faults   (which there are, and their parameters)"
        located = member.refusal(message, hint if found and found["kind"] == "Action" else _HELP)
        located.code = refusal.code
        return located


def found(text: str) -> Path | None:
    """The file of this name, or the sample that comes with chaos-ecs; None when it is neither."""
    path = Path(text)
    if path.is_file():
        return path
    sample = SAMPLES / f"{text.removesuffix('.yaml')}.yaml"
    return sample if re.fullmatch(r"[a-z0-9-]+(\.yaml)?", text) and sample.is_file() else None


def read(text: str, cluster: str) -> ExperimentFile:
    """The experiment in the file (or sample) of this name. Raises ChaosEcsError: exit code 2."""
    path = found(text)
    if path is None:
        known = ", ".join(samples("actions")) or "none"
        raise ChaosEcsError(
            "E-FILE", f"There is no file {text}", f"samples that come with chaos-ecs: {known}", _HELP, 2
        )
    written, root = marked.read(path, text if path == Path(text) else path.name)
    return parsed(written, root, cluster)


def of_text(text: str, shown: str, cluster: str) -> ExperimentFile:
    """The experiment that a journal kept."""
    return parsed(text, marked.parsed(text, shown), cluster)


def samples(member: str) -> list[str]:
    """The names of those samples that have this member: `actions` or `rounds`."""
    paths = sorted(SAMPLES.glob("*.yaml"))
    return [path.stem for path in paths if member in marked.read(path, path.name)[1].members()]


def parsed(text: str, root: Member, cluster: str) -> ExperimentFile:
    """`cluster` stands where a target names none."""
    root = _unwrapped(root)
    members = root.members()
    if "rounds" in members:
        raise members["rounds"].refusal("this is a game day, no experiment", f"chaos-ecs chaos gameday {root.file}")
    if "method" in members:
        why = "this is an experiment of Chaos Toolkit, which chaos-ecs does not run"
        raise members["method"].refusal(why, 'eval "$(chaos-ecs aws-env)", then let Chaos Toolkit itself run it')
    root.members((*_KNOWN, *_TOLD_BY_AWS))
    added: list[str] = []
    template: dict[str, Any] = {
        "description": root.needed("description", "Write description: Lose one of three tasks").text(),
        "targets": _targets(members.get("targets"), cluster, added),
        "actions": _actions(root.needed("actions", "Write actions: {lose: {actionId: aws:ecs:stop-task, ...}}")),
        "stopConditions": _stop_conditions(members.get("stopConditions"), added),
        "roleArn": members["roleArn"].text() if "roleArn" in members else ROLE,
        **{name: members[name].plain for name in _STORED if name in members},
    }
    if "roleArn" not in members:
        added.append("roleArn")
    ours = members[OURS].members(("seed", "steady-state-hypothesis", "expect")) if OURS in members else {}
    return ExperimentFile(
        shown=root.file,
        text=text,
        template=template,
        seed=ours["seed"].whole(0, SEEDS - 1) if "seed" in ours else None,
        hypothesis=hypothesis_of(ours["steady-state-hypothesis"]) if "steady-state-hypothesis" in ours else None,
        expected=expected_of(ours["expect"]) if "expect" in ours else Expected(),
        added=tuple(added),
        root=root,
    )


def _unwrapped(root: Member) -> Member:
    """As `aws fis get-experiment-template` prints it, all is in one member."""
    members = root.members()
    return members["experimentTemplate"] if list(members) == ["experimentTemplate"] else root


def _targets(member: Member | None, cluster: str, added: list[str]) -> dict[str, Any]:
    return {name: _target(item, cluster, added) for name, item in member.members().items()} if member else {}


def _target(member: Member, cluster: str, added: list[str]) -> dict[str, Any]:
    members = member.members(_TARGET)
    target: dict[str, Any] = {
        "resourceType": member.needed("resourceType", "Write resourceType: aws:ecs:task").text(),
        "selectionMode": member.needed("selectionMode", "Write selectionMode: COUNT(1)").text(),
    }
    if "resourceArns" in members:
        target["resourceArns"] = [item.text() for item in members["resourceArns"].items()]
    if "resourceTags" in members:
        target["resourceTags"] = members["resourceTags"].texts()
    if "filters" in members:
        target["filters"] = [_filter(item) for item in members["filters"].items()]
    parameters = members["parameters"].texts() if "parameters" in members else {}
    if "cluster" not in parameters and (parameters or not {"resourceArns", "resourceTags", "filters"} & set(members)):
        parameters = {"cluster": cluster, **parameters}
        added.append(f"cluster of target {member.name}: {cluster}")
    return {**target, "parameters": parameters} if parameters else target


def _filter(member: Member) -> dict[str, Any]:
    member.members(("path", "values"))
    values = member.needed("values", "Write values: [...]").items()
    return {
        "path": member.needed("path", "Write path: Group").text(),
        "values": [item.text() for item in values],
    }


def _actions(member: Member) -> dict[str, Any]:
    actions = {name: _action(item) for name, item in member.members().items()}
    if not actions:
        raise member.refusal("there is no action", "Write actions: {lose: {actionId: aws:ecs:stop-task, ...}}")
    return actions


def _action(member: Member) -> dict[str, Any]:
    members = member.members(_ACTION)
    action: dict[str, Any] = {"actionId": member.needed("actionId", "Write actionId: aws:ecs:stop-task").text()}
    if "description" in members:
        action["description"] = members["description"].text()
    if "parameters" in members:
        action["parameters"] = _as_fis_writes(action["actionId"], members["parameters"].texts())
    if "targets" in members:
        action["targets"] = members["targets"].texts()
    if "startAfter" in members:
        action["startAfter"] = [item.text() for item in members["startAfter"].items()]
    return action


def _as_fis_writes(action_id: str, parameters: dict[str, str]) -> dict[str, str]:
    """The parameters of an action, durations among them as PT30S."""
    known = next((kind for kind in catalogue.FAULTS if action_id in (kind.name, kind.action_id)), None)
    durations = [item.name for item in parameters_of(known) if item.kind == "duration"] if known else ["duration"]
    return {name: _iso(value) if name in durations else value for name, value in parameters.items()}


def _iso(written: str) -> str:
    """30s -> PT30S. What is no duration stays: the controller refuses it, and is told beside its line."""
    if written.startswith("P"):
        return written
    try:
        return iso(seconds(written))
    except ValueError:
        return written


def _stop_conditions(member: Member | None, added: list[str]) -> list[dict[str, str]]:
    if member is None:
        added.append("stopConditions")
        return [{"source": "none"}]
    return [_stop_condition(item) for item in member.items()] or [{"source": "none"}]


def _stop_condition(member: Member) -> dict[str, str]:
    members = member.members(("source", "value"))
    source = member.needed("source", "Write source: none, or source: aws:cloudwatch:alarm").text()
    return {"source": source, "value": members["value"].text()} if "value" in members else {"source": source}
