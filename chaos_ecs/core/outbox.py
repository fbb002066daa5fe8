"""What changed, change by change, for who must miss none: events for other systems (`api/eventbridge.py`).

Pure. Our own Events tell a person what matters; these tell a machine every version of a task. State keeps them
only while somebody follows (`Controller.follow`). A further kind of change is one more class here, one more case in
`changes_of`, and its translation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from chaos_ecs.core.deploying import Deployment
from chaos_ecs.core.events import Event
from chaos_ecs.core.model import Entity, Service, Task, TaskDefinition


@dataclass(frozen=True, slots=True)
class TaskChanged:
    """A task as this version of it was."""

    task: Task
    definition: TaskDefinition


@dataclass(frozen=True, slots=True)
class DeploymentChanged:
    """A deployment that was begun, completed, failed, or is rolled back to."""

    service: Service
    deployment: Deployment


Change = TaskChanged | DeploymentChanged | Event


def numbered(before: Task | None, task: Task) -> Task:
    """The task with the version that it has now: one more for each change that is told (API_Task.version).

    A standby is nobody's task: it has its first version when it takes a task's place.
    """
    if before is None:
        return task
    version = before.version + (not task.standby and not before.standby and _differs(before, task))
    return task if version == task.version else replace(task, version=version)


def _differs(before: Task, task: Task) -> bool:
    """Developer Guide, "Amazon ECS task state change events": the task's own states, and those of its containers."""
    return (
        task.last_status is not before.last_status
        or task.desired_status is not before.desired_status
        or (task.containers is not before.containers and _statuses(task) != _statuses(before))
    )


def _statuses(task: Task) -> list[str]:
    return [container.last_status for container in task.containers]


def changes_of(before: Entity | None, entity: Entity, definition: TaskDefinition | None) -> Iterator[Change]:
    """What is to be told of an entity that took another's place."""
    match entity, before:
        case Task(), Task() | None:
            is_news = before is None or before.standby or entity.version != before.version
            if is_news and not entity.standby and definition is not None:
                yield TaskChanged(entity, definition)
        case Service(), Service() | None:
            told = {_stage(item) for item in before.deployments} if before else set()
            for deployment in entity.deployments:
                if _stage(deployment) not in told:
                    yield DeploymentChanged(entity, deployment)


def _stage(deployment: Deployment) -> tuple[str, str, str]:
    return deployment.id, deployment.rollout_state, deployment.rollout_state_reason
