"""Faults as our own operations and the snapshot tell them. Pure."""

from __future__ import annotations

from typing import Any

from chaos_ecs.core.faulting import Hit, InjectedFault
from chaos_ecs.core.recipe import Recipe


def fault_view(fault: InjectedFault) -> dict[str, Any]:
    """A fault as DescribeFaults and the snapshot have it. A sealed one says nothing before its end is asked for."""
    if fault.is_secret:
        return {
            "fault": fault.id,
            "name": "sealed",
            "status": fault.status,
            "createdAt": fault.created_at,
            "endedAt": fault.ended_at,
            "victims": [],
        }
    ends = [ends_at for hit in fault.hits if not hit.is_over and (ends_at := fault.ends_at(hit)) is not None]
    return {
        "fault": fault.id,
        "name": fault.name,
        "actionId": fault.action_id,
        "description": fault.description,
        "cluster": fault.cluster_arn,
        "status": fault.status,
        "durationSeconds": fault.seconds,
        "parameters": dict(fault.parameters),
        "seed": fault.seed,
        "experiment": fault.experiment or None,
        "createdAt": fault.created_at,
        "endsAt": max(ends, default=None),
        "endedAt": fault.ended_at,
        "victims": [_hit_view(hit) for hit in fault.hits],
    }


def _hit_view(hit: Hit) -> dict[str, Any]:
    return {
        "task": hit.task_arn or None,
        "service": hit.service_arn or None,
        "container": hit.container or None,
        "instance": hit.instance_arn or None,
        "instanceName": hit.instance_name or None,
        "status": hit.status,
        "proof": hit.proof or None,
        "reason": hit.reason or None,
        "trouble": hit.trouble or None,
        "activeAt": hit.active_at,
        "endedAt": hit.ended_at,
    }


def recipe_view(recipe: Recipe) -> dict[str, Any]:
    """What is done and undone, to be read before it is."""
    return {
        "means": recipe.means,
        "do": list(recipe.do),
        "undo": list(recipe.undo),
        "probe": recipe.probe or None,
        "background": recipe.background or None,
    }
