"""Scaling activities: API_DescribeScalingActivities. The newest twenty of each scalable target, newest first."""

from __future__ import annotations

from typing import Any

from chaos_ecs.api.call import Call
from chaos_ecs.api.operations.scaling.members import Answer, check_kind, page, place, targets_in
from chaos_ecs.core.scaling import ScalableTarget, ScalingActivity
from chaos_ecs.core.state import State


def describe_scaling_activities(call: Call) -> Answer:
    """What policies did. Where nothing was scaled, nothing is told: IncludeNotScaledActivities adds none."""
    check_kind(call.params)
    resource = call.params.get("ResourceId")

    def answer(state: State, now: float) -> dict[str, Any]:
        found = [
            (-activity.at, target, activity)
            for target in targets_in(state, call.region, [resource] if resource else [])
            for activity in target.activities
        ]
        found.sort(key=lambda item: (item[0], item[1].service_arn))
        views = [(f"{index:04d}", _view(target, item)) for index, (_, target, item) in enumerate(found)]
        return page(call.params, "ScalingActivities", views)

    return call.ask(answer)


def _view(target: ScalableTarget, activity: ScalingActivity) -> dict[str, Any]:
    return {
        **place(target),
        "ActivityId": activity.id,
        "Description": activity.description,
        "Cause": activity.cause,
        "StartTime": activity.at,
        "EndTime": activity.at,
        "StatusCode": "Successful",
        "StatusMessage": activity.status_message,
    }
