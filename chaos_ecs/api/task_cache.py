"""Tasks as the wire has them, encoded once for each version of a task.

Entities are frozen, so a task that is the same object has the same text. DescribeTasks of 100 tasks is then a hundred
look-ups. Used on the controller's own thread only, so it needs no lock.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Raw

from chaos_ecs.api.views import task_view
from chaos_ecs.core.model import Task
from chaos_ecs.core.state import State

TASKS_KEPT = 5_000
"""About 2 kB each. When it is full it is emptied: rare, and simpler than remembering who was used last."""


class TaskCache:
    def __init__(self, encode: Callable[[dict[str, Any]], Raw]) -> None:
        self._encode = encode
        self._known: dict[tuple[str, bool], tuple[Task, Raw]] = {}

    def wire(self, state: State, task: Task, *, tags: bool) -> Raw:
        """The task as JSON; its tags only where they were asked for."""
        known = self._known.get((task.arn, tags))
        if known and known[0] is task:
            return known[1]
        raw = self._encode(task_view(task, state.task_definitions[task.task_definition_arn], tags=tags))
        if len(self._known) >= TASKS_KEPT:
            self._known.clear()
        self._known[task.arn, tags] = (task, raw)
        return raw
