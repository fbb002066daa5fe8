"""Rolling limits and what follows from them for one service: how many tasks to start, which to stop.

Source: API_DeploymentConfiguration. Worked numbers: desired 4 at 100/200 % gives limits 4 and 8: four new ones start,
then four old ones stop. Desired 4 at 50/100 % gives 2 and 4: two old ones stop, two new ones start, twice.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from chaos_ecs.core.model import Service, Task, TaskStatus

BATCH = 10
"""Tasks started in one go, as many as one RunTask call can; the next batch follows in the next step."""


PENDING_LIMIT = 20
"""Tasks of one service that wait for their start: more are made as these come to run. Eight start at once, so it is
enough to keep every slot busy, and a desired count of 5,000 neither fills the record nor keeps others waiting."""


@dataclass(frozen=True, slots=True)
class Moves:
    start: int = 0
    surplus: tuple[Task, ...] = ()  # of the newest deployment, above the desired count
    replaced: tuple[Task, ...] = ()  # of older deployments


def lower_limit(service: Service) -> int:
    """Healthy tasks a deployment must leave: rounded up. Desired 2 at 75 % is 2."""
    return math.ceil(service.desired_count * service.deployment_configuration.minimum_healthy_percent / 100)


def upper_limit(service: Service) -> int:
    """Tasks a deployment may have in all: rounded down. Desired 3 at 125 % is 3."""
    return math.floor(service.desired_count * service.deployment_configuration.maximum_percent / 100)


def moves(service: Service, live_tasks: Sequence[Task]) -> Moves:
    """The next moves, from the tasks that are not STOPPED."""
    wanted = [task for task in live_tasks if task.is_wanted]
    newest = [task for task in wanted if task.deployment_id == service.primary.id]
    older = [task for task in wanted if task.deployment_id != service.primary.id]
    if len(newest) > service.desired_count:
        return Moves(surplus=_youngest(newest, len(newest) - service.desired_count))
    # An older task that is not running serves nobody: it may go at once. A running one may go only above the limit.
    running = sum(1 for task in wanted if task.is_running)
    idle = [task for task in older if not task.is_running]
    serving = [task for task in older if task.is_running]
    spare = max(0, running - lower_limit(service))
    replaced = (*idle, *serving[:spare])
    start = min(service.desired_count - len(newest), upper_limit(service) - len(wanted))
    if not older:
        start = service.desired_count - len(newest)
    room = PENDING_LIMIT - sum(1 for task in wanted if not task.is_running)
    return Moves(start=max(0, min(BATCH, room, start)), replaced=tuple(replaced))


def is_steady(service: Service, live_tasks: Sequence[Task]) -> bool:
    """The desired number of tasks of the newest deployment run, no more are wanted, and no older one is left.

    A task of the newest deployment that is still stopping (scaled in, stopped by a user) does not count either way.
    """
    wanted = [task for task in live_tasks if task.is_wanted]
    return len(wanted) == service.desired_count and all(
        task.deployment_id == service.primary.id and (task.is_running or not task.is_wanted) for task in live_tasks
    )


def _youngest(tasks: Sequence[Task], count: int) -> tuple[Task, ...]:
    """Whom scaling in takes: those that run nothing yet, then the youngest; oldest tasks stay."""
    ranked = sorted(tasks, key=lambda task: (task.last_status is TaskStatus.RUNNING, -task.number))
    return tuple(ranked[:count])
