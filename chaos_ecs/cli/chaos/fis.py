"""The calls of AWS FIS that an experiment is run with, as functions. Never here: what a template says."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import quote

from chaos_ecs.cli.client import Answer, Controller
from chaos_ecs.errors import ChaosEcsError

SEED_TAG = "chaos-ecs:seed"
OVER = ("completed", "stopped", "failed", "cancelled")


def create_template(controller: Controller, template: Mapping[str, Any]) -> str:
    """Its id."""
    token = secrets.token_hex(16)
    answer = controller.fis("POST", "/experimentTemplates", {**template, "clientToken": token})
    return str(answer["experimentTemplate"]["id"])


def delete_template(controller: Controller, template_id: str) -> None:
    """Whoever could not make one has none to delete, and whoever has lost the controller cannot."""
    with suppress(ChaosEcsError):
        controller.fis("DELETE", f"/experimentTemplates/{template_id}")


def start(controller: Controller, template_id: str, seed: int, *, preview: bool = False) -> str:
    """The id of the experiment. A preview resolves the targets and skips every action."""
    body = {
        "clientToken": secrets.token_hex(16),
        "experimentTemplateId": template_id,
        "tags": {SEED_TAG: str(seed)},
        "experimentOptions": {"actionsMode": "skip-all" if preview else "run-all"},
    }
    return str(controller.fis("POST", "/experiments", body)["experiment"]["id"])


def get(controller: Controller, experiment_id: str) -> Answer:
    answer: Answer = controller.fis("GET", f"/experiments/{experiment_id}")["experiment"]
    return answer


def stop(controller: Controller, experiment_id: str) -> None:
    """Harmless when it is over, or stops already."""
    try:
        controller.fis("DELETE", f"/experiments/{experiment_id}")
    except ChaosEcsError as refusal:
        if refusal.code != "ValidationException":
            raise


def running(controller: Controller, template_id: str) -> list[str]:
    """The ids of a template's experiments that are not over."""
    answer = controller.fis("GET", "/experiments", query=f"experimentTemplateId={template_id}")
    return [item["id"] for item in answer["experiments"] if item["state"]["status"] not in OVER]


def resolved(controller: Controller, experiment_id: str) -> dict[str, list[str]]:
    """The ARNs of each target, in the order in which they were picked."""
    found: dict[str, list[str]] = {}
    query = ""
    while True:
        answer = controller.fis("GET", f"/experiments/{experiment_id}/resolvedTargets", query=query)
        for item in answer["resolvedTargets"]:
            found.setdefault(item["targetName"], []).append(item["targetInformation"]["resourceArn"])
        token = answer.get("nextToken")
        if not token:
            return found
        query = f"nextToken={quote(token, safe='')}"


def is_over(experiment: Answer) -> bool:
    return experiment["state"]["status"] in OVER
