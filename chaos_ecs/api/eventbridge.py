"""What happened, as Amazon ECS tells Amazon EventBridge: one change in, one event of theirs out, or none. Pure.

Sources: Developer Guide, "Amazon ECS events" and its four pages; EventBridge User Guide, "Events"; which members a
detail has at most, EventBridge's own schemas of `aws.ecs`. Decision 083. `ECS Container Instance State Change` belongs
here too as soon as a container instance is a Change (`core/outbox.py`): a detail and a case in `translated`. Never
here: where events go (`live/event_targets.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import msgspec

from chaos_ecs.api.views import task_view
from chaos_ecs.core.arns import ACCOUNT_ID, region_of
from chaos_ecs.core.backoff import TOLD_FROM_LEVEL
from chaos_ecs.core.deploying import RolloutState
from chaos_ecs.core.events import Event, EventType
from chaos_ecs.core.model import Task
from chaos_ecs.core.outbox import Change, DeploymentChanged, TaskChanged
from chaos_ecs.core.state import State

TASK, SERVICE, DEPLOYMENT = "ECS Task State Change", "ECS Service Action", "ECS Deployment State Change"

TASK_MEMBERS = (
    "attachments",
    "attributes",
    "availabilityZone",
    "capacityProviderName",
    "clusterArn",
    "connectivity",
    "connectivityAt",
    "containerInstanceArn",
    "containers",
    "cpu",
    "createdAt",
    "desiredStatus",
    "executionStoppedAt",
    "group",
    "lastStatus",
    "launchType",
    "memory",
    "overrides",
    "platformVersion",
    "pullStartedAt",
    "pullStoppedAt",
    "startedAt",
    "startedBy",
    "stopCode",
    "stoppedAt",
    "stoppedReason",
    "stoppingAt",
    "taskArn",
    "taskDefinitionArn",
    "updatedAt",
    "version",
)
CONTAINER_MEMBERS = (
    "containerArn",
    "cpu",
    "exitCode",
    "image",
    "imageDigest",
    "lastStatus",
    "memory",
    "memoryReservation",
    "name",
    "networkBindings",
    "networkInterfaces",
    "reason",
    "runtimeId",
    "taskArn",
)

_ACTIONS = {
    EventType.SERVICE_STEADY: ("INFO", "SERVICE_STEADY_STATE"),
    EventType.SERVICE_SCALED: ("INFO", "SERVICE_DESIRED_COUNT_UPDATED"),
    EventType.SERVICE_TASKS_STOPPED: ("INFO", "TASKS_STOPPED"),
    EventType.SERVICE_THROTTLED: ("WARN", "SERVICE_TASK_START_IMPAIRED"),
    EventType.SERVICE_NOT_PLACED: ("ERROR", "SERVICE_TASK_PLACEMENT_FAILURE"),
}
_ACTION_DATA = {
    EventType.SERVICE_SCALED: {"desiredCount": "desiredCount"},
    EventType.SERVICE_TASKS_STOPPED: {"taskArns": "tasks"},
    EventType.SERVICE_NOT_PLACED: {"reason": "reason"},
}
"""Which members of a detail come from which data of our event."""

_ROLLOUTS = {
    RolloutState.IN_PROGRESS: ("INFO", "SERVICE_DEPLOYMENT_IN_PROGRESS"),
    RolloutState.COMPLETED: ("INFO", "SERVICE_DEPLOYMENT_COMPLETED"),
    RolloutState.FAILED: ("ERROR", "SERVICE_DEPLOYMENT_FAILED"),
}


def bodies(at: float, changes: Iterable[Change]) -> list[bytes]:
    """The events as JSON, each in one line, of changes that happened then."""
    told = (translated(change, at) for change in changes)
    return [msgspec.json.encode(event) for event in told if event is not None]


def translated(change: Change, at: float) -> dict[str, Any] | None:
    """The event that EventBridge would get; None for what ECS does not tell it. Our own events know their time."""
    match change:
        case TaskChanged(task=task):
            name = f"{task.arn} {task.created_at} {task.version}"
            return _envelope(TASK, at, task.arn, _task_detail(change, at), name)
        case DeploymentChanged(service=service, deployment=deployment):
            detail = _deployment_detail(change)
            name = f"{deployment.id} {deployment.updated_at} {deployment.rollout_state}"
            return detail and _envelope(DEPLOYMENT, deployment.updated_at, service.arn, detail, name)
        case Event():
            detail = _action_detail(change)
            name = f"{change.service_arn} {change.at} {change.number}"
            return detail and _envelope(SERVICE, change.at, change.service_arn, detail, name)


def known(state: State, events: Sequence[Event]) -> list[tuple[float, Change]]:
    """What can still be told of the past, oldest first, each with its time: these events of ours, the newest version of
    every task, and how each deployment stands."""
    told: list[tuple[float, Change]] = [(event.at, event) for event in events if event.type in _ACTIONS]
    for task in state.tasks.values():
        definition = state.task_definitions[task.task_definition_arn]
        told.append((_changed_at(task), TaskChanged(task, definition)))
    for service in state.services.values():
        told += [(item.updated_at, DeploymentChanged(service, item)) for item in service.deployments]
    return sorted(told, key=lambda item: item[0])


def _changed_at(task: Task) -> float:
    """Near enough: the last of its times that are on record."""
    times = (task.created_at, task.started_at, task.stopping_at, task.execution_stopped_at, task.stopped_at)
    ended = [container.finished_at for container in task.containers]
    return max(time for time in (*times, *ended) if time is not None)


def _envelope(kind: str, at: float, arn: str, detail: Mapping[str, Any], name: str) -> dict[str, Any]:
    """`name` is what makes it another event: told a second time, it has the same id."""
    return {
        "version": "0",
        "id": str(uuid5(NAMESPACE_OID, f"{kind} {name}")),
        "detail-type": kind,
        "source": "aws.ecs",
        "account": ACCOUNT_ID,
        "time": datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": region_of(arn),
        "resources": [arn],
        "detail": detail,
    }


def _task_detail(change: TaskChanged, at: float) -> dict[str, Any]:
    """API_Task, but for what it says of health and what no event has."""
    seen = task_view(change.task, change.definition) | {"updatedAt": at}
    seen["containers"] = [{name: one[name] for name in CONTAINER_MEMBERS if name in one} for one in seen["containers"]]
    detail: dict[str, Any] = _without_none({name: seen[name] for name in TASK_MEMBERS if name in seen})
    detail["attachments"] = [{**item, "type": "eni"} for item in detail["attachments"]]
    if not detail["overrides"].get("inferenceAcceleratorOverrides"):
        detail["overrides"].pop("inferenceAcceleratorOverrides", None)
    return {name: _iso(value) if name.endswith("At") else value for name, value in detail.items()}


def _action_detail(event: Event) -> dict[str, Any] | None:
    """Of what happens to a service: a task that RunTask cannot place is an answer, not an event."""
    if event.type not in _ACTIONS or not event.service_arn:
        return None
    if event.type is EventType.SERVICE_THROTTLED and event.data.get("level") != TOLD_FROM_LEVEL:
        return None  # told once until its cause is gone, as DescribeServices does
    kind, name = _ACTIONS[event.type]
    taken = _ACTION_DATA.get(event.type, {})
    said = {member: event.data[source] for member, source in taken.items() if event.data.get(source) is not None}
    return {"eventType": kind, "eventName": name, "clusterArn": event.cluster_arn, **said, "createdAt": _iso(event.at)}


def _deployment_detail(change: DeploymentChanged) -> dict[str, Any] | None:
    """Without a reason it was not the circuit breaker that failed it, and only that is told as a failure."""
    deployment = change.deployment
    kind, name = _ROLLOUTS[deployment.rollout_state]
    reason = deployment.rollout_state_reason.rstrip(".").replace("tasks failed", "task failed")
    if not reason:
        return None
    return {
        "eventType": kind,
        "eventName": name,
        "deploymentId": deployment.id,
        "updatedAt": _iso(deployment.updated_at),
        "reason": f"{reason}.",
    }


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_none(item) for name, item in value.items() if item is not None}
    return [_without_none(item) for item in value] if isinstance(value, list) else value
