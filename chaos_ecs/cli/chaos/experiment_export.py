"""An experiment as a template for AWS FIS, and by name what AWS would refuse of it, or take otherwise. Pure.

Sources: the FIS user guide's actions reference (ids, parameters, durations); the FIS API's model (patterns, lengths).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from chaos_ecs.chaos import parameters
from chaos_ecs.cli.chaos.experiment_file import OURS, ROLE, ExperimentFile

LEAST_SECONDS, MOST_SECONDS = 60.0, 12 * 3600.0
_NAME_LENGTH, _VALUE_LENGTH = 64, 1024
_MOST_ARNS = 5
_SELECTION = re.compile(r"ALL|COUNT\([1-9]\d*\)|PERCENT\((?:[1-9]\d?|100)\)")
_RESOURCE_TYPES = ("aws:ecs:task", "aws:ecs:cluster", "aws:ec2:instance", "aws:ec2:spot-instance", "aws:iam:role")


@dataclass(frozen=True, slots=True)
class Action:
    """An action as AWS has it: the parameters that must be there, those that may be, what its target is called and of
    which type that is. `values`: of some parameters, all that there are."""

    needed: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    target: tuple[str, str] | None = ("Tasks", "aws:ecs:task")
    values: tuple[tuple[str, tuple[str, ...]], ...] = ()


_API_ERROR = Action(
    needed=("duration", "service", "percentage", "operations"),
    target=("Roles", "aws:iam:role"),
    values=(("service", ("ec2", "kinesis")),),
)
_INSTALLS = "installDependencies"
_THROUGH_ECS = (_INSTALLS, "useEcsFaultInjectionEndpoints")
ACTIONS: Mapping[str, Action] = {
    "aws:ec2:send-spot-instance-interruptions": Action(
        ("durationBeforeInterruption",), target=("SpotInstances", "aws:ec2:spot-instance")
    ),
    "aws:ecs:drain-container-instances": Action(
        ("duration", "drainagePercentage"), target=("Clusters", "aws:ecs:cluster")
    ),
    "aws:ecs:stop-task": Action(),
    "aws:ecs:task-cpu-stress": Action(("duration",), ("percent", "workers", _INSTALLS)),
    "aws:ecs:task-io-stress": Action(("duration",), ("percent", "workers", _INSTALLS)),
    "aws:ecs:task-kill-process": Action(
        ("processName",), ("signal", _INSTALLS), values=(("signal", ("SIGTERM", "SIGKILL")),)
    ),
    "aws:ecs:task-network-blackhole-port": Action(
        ("duration", "port", "trafficType"),
        ("protocol", *_THROUGH_ECS),
        values=(("trafficType", ("ingress", "egress")), ("protocol", ("tcp", "udp"))),
    ),
    "aws:ecs:task-network-latency": Action(
        ("duration",), ("delayMilliseconds", "jitterMilliseconds", "flowsPercent", "sources", *_THROUGH_ECS)
    ),
    "aws:ecs:task-network-packet-loss": Action(
        ("duration",), ("lossPercent", "flowsPercent", "sources", *_THROUGH_ECS)
    ),
    "aws:fis:inject-api-internal-error": _API_ERROR,
    "aws:fis:inject-api-throttle-error": _API_ERROR,
    "aws:fis:inject-api-unavailable-error": _API_ERROR,
    "aws:fis:wait": Action(("duration",), target=None),
}
"""Those of AWS's that chaos-ecs has too."""


def as_template(file: ExperimentFile) -> str:
    """JSON, without what is ours."""
    return json.dumps(file.template, indent=2, ensure_ascii=False)


def warnings(file: ExperimentFile) -> list[str]:
    """What is filled in, left out, unknown to AWS or refused by it; one sentence each."""
    template = file.template
    told = [f"{OURS} is left out: AWS FIS has no steady state, no seed and no expectations"] if _has_ours(file) else []
    told += [f"filled in: {name}" for name in file.added if name != "roleArn"]
    for name, action in template["actions"].items():
        told += [f"action {name}: {text}" for text in (*_of_name(name), *_of_action(action))]
    for name, target in template["targets"].items():
        told += [f"target {name}: {text}" for text in (*_of_name(name), *_of_target(target))]
    told += [
        f"the alarm {item.get('value')} is chaos-ecs's own, and CloudWatch has none such: on AWS name one of yours"
        for item in template["stopConditions"]
        if item["source"] != "none"
    ]
    if any(action["actionId"].startswith("aws:ecs:task-") for action in template["actions"].values()):
        told.append("actions aws:ecs:task-* need an SSM agent in the task on AWS: FIS user guide, 'ECS task actions'")
    if template["roleArn"] == ROLE:
        told.append("roleArn is a placeholder: on AWS name the role that FIS shall have")
    return told


def _has_ours(file: ExperimentFile) -> bool:
    return OURS in file.root.members()


def _of_name(name: str) -> Iterator[str]:
    if len(name) > _NAME_LENGTH or re.search(r"\s", name):
        yield f"AWS wants a name without blanks, of {_NAME_LENGTH} letters at most"


# --- actions ---


def _of_action(action: Mapping[str, Any]) -> Iterator[str]:
    action_id = action["actionId"]
    known = ACTIONS.get(action_id)
    if known is None:
        who = ", which chaos-ecs alone has" if action_id.startswith("chaos-ecs:") else ", nor does chaos-ecs"
        yield f"AWS does not know {action_id}{who}"
        return
    yield from _of_parameters(f"AWS's {action_id}", known, action.get("parameters", {}))
    if known.target is not None and known.target[0] not in action.get("targets", {}):
        key, type_ = known.target
        yield f"AWS's {action_id} needs the target {key}, of type {type_}"


def _of_parameters(whose: str, known: Action, given: Mapping[str, str]) -> Iterator[str]:
    there = (*known.needed, *known.optional)
    for name in [name for name in given if name not in there]:
        yield f"{whose} has no parameter {name}: leave it out. Its parameters: {', '.join(there) or 'none'}"
    for name in [name for name in known.needed if name not in given]:
        yield f"{whose} needs the parameter {name}"
    for name, values in known.values:
        if given.get(name, values[0]) not in values:
            yield f"{whose} takes {' or '.join(values)} for {name}, and it is {given[name]}"
    for name, value in given.items():
        if name == "duration":
            yield from _of_duration(value)
        elif len(value) > _VALUE_LENGTH or re.search(r"\s", value):
            yield f"AWS takes no blanks in a parameter, and {_VALUE_LENGTH} letters at most: {name}"


def _of_duration(text: str) -> Iterator[str]:
    try:
        found = parameters.seconds(text)
    except ValueError:
        yield f"'{text}' is no duration"
        return
    if not LEAST_SECONDS <= found <= MOST_SECONDS:
        yield f"AWS wants a duration of PT1M or more, and PT12H at most, and it is {text}"


# --- targets ---


def _of_target(target: Mapping[str, Any]) -> Iterator[str]:
    if target["resourceType"] not in _RESOURCE_TYPES:
        yield f"AWS does not know the resource type {target['resourceType']}"
    if not _SELECTION.fullmatch(target["selectionMode"]):
        yield f"AWS selects by ALL, COUNT(n) or PERCENT(n), and it is {target['selectionMode']}"
    arns = target.get("resourceArns", ())
    if len(arns) > _MOST_ARNS:
        yield f"AWS takes {_MOST_ARNS} resourceArns at most, and there are {len(arns)}"
    if arns:
        yield f"its resourceArns are of tasks here: on AWS name your own ({arns[0]})"
