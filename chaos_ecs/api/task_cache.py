"""Tasks as the wire has them, encoded once for each version of a task.

Entities are frozen, so a task that is the same object has the same text. DescribeTasks of 100 tasks is then a hundred
look-ups. Used on the controller's own thread only, so it needs no lock.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Raw

from chaos_ecs.api.views import task_view
from chaos_ecs.core.container_instances import ContainerInstance
from chaos_ecs.core.model import Task
from chaos_ecs.core.state import State

LEAST_KEPT = 200


class TaskCache:
    """Holds at most twice what is on record, so tasks that have left it are no burden for long."""

    def __init__(self, encode: Callable[[dict[str, Any]], Raw]) -> None:
        self._encode = encode
        self._known: dict[tuple[str, bool], tuple[Task, ContainerInstance | None, Raw]] = {}
        self._most = LEAST_KEPT

    def __len__(self) -> int:
        return len(self._known)

    def wire(self, state: State, task: Task, *, tags: bool) -> Raw:
        """The task as JSON; its tags only where they were asked for."""
        known = self._known.get((task.arn, tags))
        instance = state.container_instances.get(task.container_instance_arn)
        if known and known[0] is task and known[1] is instance:
            return known[2]
        raw = self._encode(task_view(task, state.task_definitions[task.task_definition_arn], instance, tags=tags))
        if len(self._known) >= self._most:
            self._forget(state)
        self._known[task.arn, tags] = (task, instance, raw)
        return raw

    def _forget(self, state: State) -> None:
        """The next time comes when there is twice as much: on average one look for each task that is added."""
        self._known = {key: known for key, known in self._known.items() if state.tasks.get(key[0]) is known[0]}
        self._most = max(LEAST_KEPT, 2 * len(self._known))
