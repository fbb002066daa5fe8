"""`apply` for DAEMON services. Which container instances get a task is for `daemon_plan.py`."""

from __future__ import annotations

from chaos_ecs.core.daemon_messages import CountHomes, StopMisplaced
from chaos_ecs.core.messages import EventType, StopTasks
from chaos_ecs.core.rollout import stop_tasks
from chaos_ecs.core.service_commands import resized
from chaos_ecs.core.state import State

VIOLATED = "one or more tasks violate placement constraints."


def count_homes(state: State, intent: CountHomes, now: float) -> None:
    state.put(resized(state.services[intent.service_arn], intent.count, now))


def stop_misplaced(state: State, intent: StopMisplaced, now: float) -> None:
    service = state.services[intent.service_arn]
    message = f"(service {service.name}) {VIOLATED}"
    state.tell_service(now, service, EventType.SERVICE_DAEMON_MISPLACED, message, tasks=list(intent.task_arns))
    reason = f"Scaling activity initiated by (deployment {service.primary.id})"
    stop_tasks(state, StopTasks(service.arn, intent.task_arns, reason, intent.cause), now)
