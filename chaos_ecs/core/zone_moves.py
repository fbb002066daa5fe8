"""`apply` for tasks that move between availability zones. Which of them do is for `zone_plan.py`.

Source: Developer Guide, "Balancing an Amazon ECS service across Availability Zones".
"""

from __future__ import annotations

from dataclasses import replace

from chaos_ecs.core import lifecycle
from chaos_ecs.core.container_instances import Rebalancing
from chaos_ecs.core.intents import open_places, service_task
from chaos_ecs.core.messages import EventType
from chaos_ecs.core.model import StopCode
from chaos_ecs.core.placement_words import (
    started_to_rebalance,
    stopped_to_rebalance,
    zones_balanced,
    zones_not_balanced,
)
from chaos_ecs.core.state import State
from chaos_ecs.core.zone_messages import FinishMove, GiveUpMove, StartMove, TellBalanced


def start_move(state: State, intent: StartMove, now: float) -> None:
    """That the zones are out of balance is told once, however many tasks have to move."""
    service = state.services[intent.service_arn]
    if not open_places(state, [intent.place], 1):
        return
    if service.rebalancing is None:
        message = zones_not_balanced(service.name, dict(intent.zones))
        state.tell_service(now, service, EventType.SERVICE_ZONES_UNBALANCED, message, zones=dict(intent.zones))
    task = service_task(state, service, service.primary, now, intent.cause, intent.place)
    moving = Rebalancing(task.arn, intent.from_zone, intent.to_zone)
    state.put(replace(state.services[service.arn], rebalancing=moving))
    message = started_to_rebalance(service.name, intent.to_zone, [task.id])
    data = {"tasks": [task.arn], "cause": intent.cause, "zone": intent.to_zone}
    state.tell_service(now, service, EventType.SERVICE_TASKS_STARTED, message, **data)


def finish_move(state: State, intent: FinishMove, now: float) -> None:
    service = state.services[intent.service_arn]
    assert service.rebalancing is not None, "planned for a move under way"
    zone = service.rebalancing.from_zone
    state.put(replace(service, rebalancing=Rebalancing()))
    reason = f"Scaling activity initiated by (deployment {service.primary.id})"
    lifecycle.begin_stop(state, state.tasks[intent.task_arn], StopCode.SERVICE_SCHEDULER_INITIATED, reason, now)
    message = stopped_to_rebalance(service.name, zone, [state.tasks[intent.task_arn].id])
    data = {"tasks": [intent.task_arn], "cause": intent.cause, "zone": zone}
    state.tell_service(now, service, EventType.SERVICE_TASKS_STOPPED, message, **data)


def give_up_move(state: State, intent: GiveUpMove, now: float) -> None:
    state.put(replace(state.services[intent.service_arn], rebalancing=None))


def tell_balanced(state: State, intent: TellBalanced, now: float) -> None:
    service = replace(state.services[intent.service_arn], rebalancing=None)
    state.put(service)
    message = zones_balanced(service.name, dict(intent.zones))
    state.tell_service(now, service, EventType.SERVICE_ZONES_BALANCED, message, zones=dict(intent.zones))
