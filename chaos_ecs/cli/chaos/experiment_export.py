"""An experiment as a template that AWS FIS takes, and what AWS would not make of it. Pure."""

from __future__ import annotations

import json
from typing import Any

from chaos_ecs.chaos import catalogue, parameters
from chaos_ecs.cli.chaos.experiment_file import OURS, ROLE, ExperimentFile

LEAST_SECONDS = 60.0
"""The FIS user guide's actions reference: durations from one minute to 12 hours."""


def as_template(file: ExperimentFile) -> str:
    """JSON, without what is ours."""
    return json.dumps(file.template, indent=2, ensure_ascii=False)


def warnings(file: ExperimentFile) -> list[str]:
    """What is filled in, left out, or unknown to AWS; one sentence each."""
    template = file.template
    told = [f"{OURS} is left out: AWS FIS has no steady state, no seed and no expectations"] if _has_ours(file) else []
    told += [f"filled in: {name}" for name in file.added if name != "roleArn"]
    for name, action in template["actions"].items():
        told += _of_action(name, action)
    for name, target in template["targets"].items():
        if target["resourceType"].startswith("chaos-ecs:"):
            told.append(f"target {name}: AWS does not know {target['resourceType']}")
    told += [
        f"the alarm {item['value']} is chaos-ecs's own: on AWS name one of CloudWatch's"
        for item in template["stopConditions"]
        if ":cloudwatch:local:" in item.get("value", "")
    ]
    if template["roleArn"] == ROLE:
        told.append("roleArn is a placeholder: on AWS name the role that FIS shall have")
    return told


def _has_ours(file: ExperimentFile) -> bool:
    return OURS in file.root.members()


def _of_action(name: str, action: dict[str, Any]) -> list[str]:
    action_id = action["actionId"]
    if action_id.startswith("chaos-ecs:"):
        return [f"action {name}: AWS does not know {action_id}, which chaos-ecs alone has"]
    if all(fault.action_id != action_id for fault in catalogue.FAULTS):
        return [f"action {name}: chaos-ecs does not know {action_id}"]
    duration = action.get("parameters", {}).get("duration")
    try:
        short = duration is not None and parameters.seconds(duration) < LEAST_SECONDS
    except ValueError:
        return [f"action {name}: '{duration}' is no duration"]
    return [f"action {name}: AWS wants a duration of PT1M or more, and it is {duration}"] if short else []
