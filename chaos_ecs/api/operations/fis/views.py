"""Templates and experiments as FIS tells them. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from chaos_ecs.core.experimenting import (
    ActionSpec,
    Design,
    Experiment,
    ExperimentTemplate,
    Pairs,
    StopCondition,
    TargetSpec,
)

SINGLE_ACCOUNT = "single-account"


def template_view(template: ExperimentTemplate) -> dict[str, Any]:
    return {
        **template_summary(template),
        **_design_view(template.design),
        "actions": {action.name: _action_view(action) for action in template.design.actions},
        "targetAccountConfigurationsCount": 0,
    }


def template_summary(template: ExperimentTemplate) -> dict[str, Any]:
    return {
        "id": template.id,
        "arn": template.arn,
        "description": template.design.description,
        "creationTime": template.created_at,
        "lastUpdateTime": template.updated_at,
        "tags": dict(template.tags),
    }


def experiment_view(experiment: Experiment) -> dict[str, Any]:
    return {
        **_design_view(experiment.design),
        **experiment_summary(experiment),
        "actions": {
            run.name: {
                **_action_view(experiment.spec(run.name)),
                "state": {"status": run.status, "reason": run.reason or None},
                "startTime": run.started_at,
                "endTime": run.ended_at,
            }
            for run in experiment.actions
        },
        "startTime": experiment.started_at,
        "endTime": experiment.ended_at,
        "targetAccountConfigurationsCount": 0,
    }


def experiment_summary(experiment: Experiment) -> dict[str, Any]:
    return {
        "id": experiment.id,
        "arn": experiment.arn,
        "experimentTemplateId": experiment.template_id,
        "state": _state(experiment),
        "creationTime": experiment.created_at,
        "tags": dict(experiment.tags),
        "experimentOptions": {
            "accountTargeting": SINGLE_ACCOUNT,
            "emptyTargetResolutionMode": _empty_mode(experiment.design),
            "actionsMode": _mode(experiment),
        },
    }


def _state(experiment: Experiment) -> dict[str, Any]:
    return {"status": experiment.status, "reason": experiment.reason or None}


def _mode(experiment: Experiment) -> str:
    return "skip-all" if experiment.skips_actions else "run-all"


def _empty_mode(design: Design) -> str:
    return "skip" if design.skips_empty_targets else "fail"


def _design_view(design: Design) -> dict[str, Any]:
    return {
        "targets": {target.name: _target_view(target) for target in design.targets},
        "stopConditions": [_condition_view(condition) for condition in design.stop_conditions],
        "roleArn": design.role_arn or None,
        "experimentOptions": {
            "accountTargeting": SINGLE_ACCOUNT,
            "emptyTargetResolutionMode": _empty_mode(design),
        },
        **json.loads(design.registered),
    }


def _target_view(target: TargetSpec) -> dict[str, Any]:
    return {
        "resourceType": target.resource_type,
        "resourceArns": list(target.resource_arns) or None,
        "resourceTags": _map(target.resource_tags),
        "filters": [{"path": path, "values": list(values)} for path, values in target.filters] or None,
        "selectionMode": target.selection_mode,
        "parameters": _map(target.parameters),
    }


def _action_view(action: ActionSpec) -> dict[str, Any]:
    return {
        "actionId": action.action_id,
        "description": action.description or None,
        "parameters": dict(action.parameters),
        "targets": dict(action.targets),
        "startAfter": list(action.start_after) or None,
    }


def _condition_view(condition: StopCondition) -> dict[str, Any]:
    return {"source": condition.source, "value": condition.value or None}


def _map(pairs: Pairs) -> dict[str, str] | None:
    return dict(pairs) or None


def resolved_view(target: TargetSpec, arns: Sequence[str]) -> list[dict[str, Any]]:
    """One entry a resource (API_ResolvedTarget)."""
    return [
        {
            "resourceType": target.resource_type,
            "targetName": target.name,
            "targetInformation": {"resourceArn": arn, **dict(target.parameters)},
        }
        for arn in arns
    ]
