"""When a service's tasks move between availability zones, one at a time. A part of `plan`: State is only read.

Worked example: 3 and 3 tasks, and a third zone comes back. One is started there; once it is healthy one of a fullest
zone stops; 3, 2 and 1 are still two apart, so another moves, and 2, 2 and 2 is told.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from chaos_ecs.core.container_instances import Place, Rebalancing
from chaos_ecs.core.deployment import Rollout, upper_limit
from chaos_ecs.core.health import TaskHealth
from chaos_ecs.core.model import Service, Task
from chaos_ecs.core.placement_balance import ZoneMove, may_rebalance, to_leave_zone, zone_move, zones_of
from chaos_ecs.core.placement_rules import strategies_of
from chaos_ecs.core.placing import chooses, placed_tasks, request_of
from chaos_ecs.core.rooms import PlacedTask, PlacementRequest
from chaos_ecs.core.service_checks import is_protected
from chaos_ecs.core.state import State
from chaos_ecs.core.todo import Plan
from chaos_ecs.core.zone_messages import FinishMove, GiveUpMove, StartMove, TellBalanced

LOOK_AGAIN_SECONDS = 5.0
"""Room in the emptier zone is made by others too."""


def moving_task(service: Service) -> str:
    """The ARN of the task that is started for one in another zone; empty: none is."""
    return service.rebalancing.task_arn if service.rebalancing else ""


def plan_zones(state: State, service: Service, rollout: Rollout, now: float, todo: Plan) -> None:
    """Only a steady service's tasks move: whatever else changes it comes first."""
    move = service.rebalancing
    if not _may_move(state, service):
        if move:
            todo.actions.append(GiveUpMove(service.arn, "its tasks are not to move between zones any more"))
    elif move and move.task_arn:
        _plan_move(state, service, move, rollout, now, todo)
    elif service.steady and rollout.is_steady:
        _plan_next(state, service, now, todo)


def _may_move(state: State, service: Service) -> bool:
    """The upper limit has to leave room for one more: desired 1 at 150 % has none."""
    wishes = service.placement
    return (
        wishes.rebalances
        and chooses(state, service.cluster_arn, service.launch_type)
        and may_rebalance(
            strategies_of(wishes.strategies),
            service.deployment_configuration.maximum_percent,
            is_daemon=wishes.is_daemon,
        )
        and upper_limit(service) > service.desired_count
    )


def _plan_move(state: State, service: Service, move: Rebalancing, rollout: Rollout, now: float, todo: Plan) -> None:
    task = state.tasks.get(move.task_arn)
    health = rollout.health.get(move.task_arn, TaskHealth.UNHEALTHY)
    if task is None or health is TaskHealth.UNHEALTHY or task.arn in rollout.leaving or not rollout.is_steady:
        todo.actions.append(GiveUpMove(service.arn, "something else comes first"))
    elif health is TaskHealth.HEALTHY:
        _plan_finish(state, service, move, now, todo)


def _plan_finish(state: State, service: Service, move: Rebalancing, now: float, todo: Plan) -> None:
    going = _in_zone(state, service, move.from_zone, state.tasks[move.task_arn].capacity_provider, now)
    if going is None:
        todo.actions.append(GiveUpMove(service.arn, "nothing is left in the fullest zone"))
    elif is_protected(going, now):
        todo.look_again(service.arn, going.protected_until or now)
    else:
        cause = f"another runs in {move.to_zone} now"
        todo.actions.append(FinishMove(service.arn, going.arn, cause))


def _plan_next(state: State, service: Service, now: float, todo: Plan) -> None:
    wanted = request_of(state, service)
    zones = zones_of(state.instances_in(service.cluster_arn), _counted(state, service), wanted.group)
    if not zones or max(zones.values()) - min(zones.values()) < 2:
        if service.rebalancing:
            todo.actions.append(TellBalanced(service.arn, tuple(zones.items()), "no zone has two more than another"))
        return
    todo.look_again(service.arn, now + LOOK_AGAIN_SECONDS)
    also = todo.placed.get(service.cluster_arn, ())
    if move := _next_move(state, service, wanted, also, now):
        cause = f"{zones[move.from_zone]} tasks in {move.from_zone}, {zones[move.to_zone]} in {move.to_zone}"
        place = Place(move.start_on, state.tasks[move.stop].capacity_provider)
        told = tuple(zones.items())
        todo.actions.append(StartMove(service.arn, place, move.from_zone, move.to_zone, told, cause))
        todo.note_placed(service, wanted.needs, [move.start_on])


def _next_move(
    state: State, service: Service, wanted: PlacementRequest, also: Sequence[PlacedTask], now: float
) -> ZoneMove | None:
    """Of one capacity provider's tasks at a time, so that each keeps its share; `also` are tasks that were given a
    place in the same plan. None where ports of the host are asked for on slices of one engine: they share them."""
    instances = state.instances_in(service.cluster_arn)
    if wanted.needs.ports and len({instance.engine for instance in instances}) < len(instances):
        return None
    known = [*_counted(state, service), *also]
    for provider in dict.fromkeys(task.capacity_provider for task in state.live_tasks_of(service.arn)):
        move = zone_move(
            replace(wanted, capacity_provider=provider), instances, known, rank=_rank(state, provider, now)
        )
        victim = state.tasks[move.stop] if move else None
        if victim and victim.capacity_provider == provider and not is_protected(victim, now):
            return move
    return None


def _counted(state: State, service: Service) -> list[PlacedTask]:
    """Standbys take room, and serve nobody in any zone."""
    return [
        replace(placed, is_wanted=placed.is_wanted and placed.arn not in state.standbys)
        for placed in placed_tasks(state, service.cluster_arn)
    ]


def _in_zone(state: State, service: Service, zone: str, provider: str, now: float) -> Task | None:
    """Whom of the zone's tasks of one capacity provider scaling in would take."""
    instances, known = state.instances_in(service.cluster_arn), _counted(state, service)
    found = to_leave_zone(zone, request_of(state, service), instances, known, _rank(state, provider, now))
    task = state.tasks[found[0]] if found else None
    return task if task and task.capacity_provider == provider else None


def _rank(state: State, provider: str, now: float) -> Callable[[PlacedTask], tuple[bool, bool]]:
    """Those of the capacity provider first, protected ones last."""

    def rank(placed: PlacedTask) -> tuple[bool, bool]:
        task = state.tasks.get(placed.arn)
        return (task is None or task.capacity_provider != provider, task is not None and is_protected(task, now))

    return rank
