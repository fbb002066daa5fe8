"""What to do about one DAEMON service: a task on each container instance that is to have one. A part of `plan`: reads
State, changes nothing.

Source: API_CreateService.schedulingStrategy; Developer Guide, "Amazon ECS services" (a daemon starts before the other
tasks of a container instance and stops after them). Worked numbers: six container instances, a new version at 50 %:
three old tasks stop, three new ones start in their places, then the other three. A cluster without container instances
has one place, the controller's own engine, and so one task (decision 085).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from chaos_ecs.core.container_instances import Place
from chaos_ecs.core.daemon_messages import CountHomes, StopMisplaced
from chaos_ecs.core.deploying import RolloutState
from chaos_ecs.core.deployment import Rollout, fallback, lower_limit
from chaos_ecs.core.health import TaskHealth, task_health
from chaos_ecs.core.instance_messages import TellUnplaced
from chaos_ecs.core.messages import StartTasks, StopTasks
from chaos_ecs.core.model import Service, Task
from chaos_ecs.core.placement import daemon_moves
from chaos_ecs.core.placement_words import reason_of, unable_to_place
from chaos_ecs.core.placing import chooses, daemon_moves_apart, leaving, placed_tasks, request_of
from chaos_ecs.core.rollout_messages import TellStuck
from chaos_ecs.core.service_plan import (
    PLACE_AGAIN_SECONDS,
    is_throttled,
    plan_failure,
    plan_health,
    plan_marks,
    plan_retirement,
    plan_targets,
    scaling,
    stop_unhealthy,
)
from chaos_ecs.core.state import State
from chaos_ecs.core.todo import Plan


@dataclass(frozen=True, slots=True)
class Homes:
    """Where a task of the service is to be, and what follows from who is there now."""

    count: int
    starts: tuple[str, ...] = ()  # container instances with room that have none; empty ARN: the own engine
    surplus: tuple[Task, ...] = ()  # a second one, or one that is on no home
    misplaced: tuple[Task, ...] = ()  # on those that do not meet the constraints
    unplaced: str = ""  # ECS's event
    reason: str = ""  # of the closest one, with `unplaced`


def plan_daemon(state: State, service: Service, now: float, todo: Plan) -> None:
    live = state.live_tasks_of(service.arn)
    plan_targets(state, service, live, now, todo)
    if plan_failure(service, todo):
        return
    homes = _homes(state, service, live, todo)
    if homes.count != service.desired_count:
        todo.actions.append(CountHomes(service.arn, homes.count, "container instances have come or gone"))
        return  # what follows from it is for the next step
    look_again = partial(todo.look_again, service.arn)
    rollout = Rollout(
        service,
        live,
        lambda task: task_health(state, service, task, now, look_again),
        now,
        leaving=leaving(state, live),
    )
    plan_health(state, service, rollout, todo)
    _plan_stops(state, service, homes, rollout, todo)
    _plan_starts(state, service, homes, now, todo)
    plan_retirement(service, live, todo)
    plan_marks(service, rollout, f"one on each of {service.desired_count}", todo)


def _homes(state: State, service: Service, live: Sequence[Task], todo: Plan) -> Homes:
    wanted = [task for task in live if task.is_wanted]
    if not chooses(state, service.cluster_arn, service.launch_type):
        here = [task for task in wanted if not task.container_instance_arn]
        gone = tuple(task for task in wanted if task not in here[:1])
        return Homes(1, starts=() if here else ("",), surplus=gone)
    asked = request_of(state, service)
    instances = state.instances_in(service.cluster_arn)
    known = [*placed_tasks(state, service.cluster_arn), *todo.placed.get(service.cluster_arn, ())]
    moves = daemon_moves_apart(asked, instances, known)
    stops = dict.fromkeys(moves.stops)
    homeless = tuple(task for task in wanted if not task.container_instance_arn)
    active = {instance.arn for instance in instances if instance.is_active}
    mine = [task for task in wanted if task.arn in stops and task.container_instance_arn in active]
    doubled = [task for task in mine if _has_another(task, mine, wanted)]
    all_free = daemon_moves(asked, instances, ())
    fit = len(all_free.starts) + len(all_free.refusals)
    ending = {task.container_instance_arn for task in live if not task.is_wanted}  # theirs is the successor's place
    refusals = [refused for refused in moves.refusals if refused.instance_arn not in ending]
    unplaced = (unable_to_place(service.name, refusals), reason_of(refusals)) if refusals else ()
    misplaced = tuple(task for task in mine if task not in doubled)
    return Homes(fit, moves.starts, (*homeless, *doubled), misplaced, *unplaced)


def _has_another(task: Task, going: Sequence[Task], wanted: Sequence[Task]) -> bool:
    return any(other.container_instance_arn == task.container_instance_arn and other not in going for other in wanted)


# --- stops ---


def _plan_stops(state: State, service: Service, homes: Homes, rollout: Rollout, todo: Plan) -> None:
    """What is too many at once; of an older deployment as many as the lower limit allows; on a container instance to
    be left only after the other tasks there."""
    if homes.misplaced:
        arns = tuple(task.arn for task in homes.misplaced)
        todo.actions.append(StopMisplaced(service.arn, arns, "its constraints are not met there any more"))
    _stop(service, homes.surplus, "one task on each container instance is enough", todo)
    going = [*homes.surplus, *homes.misplaced]
    left = [task for task in rollout.wanted if task.arn in rollout.leaving and task not in going]
    _stop(service, [task for task in left if _is_last(state, task)], "nothing else is left beside it", todo)
    staying = [task for task in rollout.wanted if task not in going and task not in left]
    todo.actions += (stop_unhealthy(state, service, task) for task in _sick(service, staying, rollout))
    replaced = _replaced(service, staying, rollout)
    if replaced:
        cause = "a newer deployment takes their place"
        arns = tuple(task.arn for task in replaced)
        todo.actions.append(StopTasks(service.arn, arns, scaling(service), cause, arns))
    elif _is_stuck(service, staying, rollout) and not service.primary.stuck_told:
        todo.actions.append(TellStuck(service.arn, "the deployment configuration leaves no move"))


def _is_stuck(service: Service, staying: Sequence[Task], rollout: Rollout) -> bool:
    """Desired 3 at 100 % are three that may not stop, and there is no room for a fourth."""
    is_failed = service.primary.rollout_state is RolloutState.FAILED
    older = [task for task in staying if task.deployment_id != service.primary.id and not rollout.is_protected(task)]
    return bool(older) and not is_failed and all(rollout.health[task.arn] is TaskHealth.HEALTHY for task in staying)


def _stop(service: Service, tasks: Sequence[Task], cause: str, todo: Plan) -> None:
    if tasks:
        todo.actions.append(StopTasks(service.arn, tuple(task.arn for task in tasks), scaling(service), cause))


def _is_last(state: State, task: Task) -> bool:
    """Whether only daemons are left where it is."""
    there = state.live_tasks_on(task.container_instance_arn)
    owners = (state.services.get(other.service_arn or "") for other in there)
    return all(owner is not None and owner.placement.is_daemon for owner in owners)


def _sick(service: Service, staying: Sequence[Task], rollout: Rollout) -> list[Task]:
    """There is no room for a second one beside it: it stops first. One at a time."""
    newest = [task for task in staying if task.deployment_id == service.primary.id]
    return [task for task in newest if rollout.health[task.arn] is TaskHealth.UNHEALTHY][:1]


def _replaced(service: Service, staying: Sequence[Task], rollout: Rollout) -> list[Task]:
    if service.primary.rollout_state is RolloutState.FAILED:
        return []
    older = [task for task in staying if task.deployment_id != service.primary.id]
    healthy = [task for task in staying if rollout.health[task.arn] is TaskHealth.HEALTHY]
    idle = [task for task in older if task not in healthy]
    spare = max(0, len(healthy) - lower_limit(service))
    serving = sorted((task for task in older if task in healthy), key=rollout.is_protected)
    return [task for task in (*idle, *serving[:spare]) if not rollout.is_protected(task)]


# --- starts ---


def _plan_starts(state: State, service: Service, homes: Homes, now: float, todo: Plan) -> None:
    if homes.unplaced != service.unplaced:
        why = "some container instances have no room for it" if homes.unplaced else "all have room for it"
        todo.actions.append(TellUnplaced(service.arn, homes.unplaced, why, homes.reason))
    if homes.unplaced:
        todo.look_again(service.arn, now + PLACE_AGAIN_SECONDS)
    deployment = service.primary
    if deployment.rollout_state is RolloutState.FAILED:
        known = fallback(service)
        if known is None:
            return
        deployment = known
    elif is_throttled(service.throttle, service, now, todo):
        return
    if not homes.starts:
        return
    places = tuple(Place(arn, _provider(state, arn)) for arn in homes.starts)
    cause = f"{len(places)} of {homes.count} container instances have none"
    todo.actions.append(StartTasks(service.arn, deployment.id, len(places), cause, (), places))
    todo.note_placed(service, request_of(state, service).needs, homes.starts)


def _provider(state: State, instance_arn: str) -> str:
    return state.container_instances[instance_arn].capacity_provider if instance_arn else ""
