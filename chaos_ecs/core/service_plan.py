"""What to do about one service: tasks, deployments, targets, standbys. A part of `plan`: reads State, changes nothing.

How many tasks and which is in `deployment.py`, who is healthy in `health.py`. Never here: single containers
(`plan.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from chaos_ecs.core.backoff import was_set_back
from chaos_ecs.core.balancing import Target, TargetState
from chaos_ecs.core.balancing_messages import DeregisterTargets, ForgetTargets, RegisterTargets
from chaos_ecs.core.deploying import LifecycleStage
from chaos_ecs.core.deployment import Moves, Rollout, breaker_threshold, fallback
from chaos_ecs.core.health import (
    TaskHealth,
    has_health_check,
    is_under_way,
    load_balancers_of,
    reached_at,
    task_health,
    unasked,
    why_unhealthy,
)
from chaos_ecs.core.instance_messages import TellUnplaced
from chaos_ecs.core.messages import (
    DeactivateService,
    DiscardStandbys,
    PrepareStandbys,
    StartTasks,
    StopTasks,
)
from chaos_ecs.core.model import Service, Task, Throttle
from chaos_ecs.core.placement_words import reason_of, unable_to_place
from chaos_ecs.core.placing import Places, chooses_whom, leaving, places_of_service, surplus_of
from chaos_ecs.core.rollout_messages import (
    FailDeployment,
    MarkHealthy,
    MarkRecovered,
    MarkSteady,
    MarkUnhealthy,
    RetireDeployments,
    StopUnhealthy,
    TellStuck,
)
from chaos_ecs.core.sharing import design_of, stand_ins
from chaos_ecs.core.shifting import Moment, next_step
from chaos_ecs.core.state import State
from chaos_ecs.core.todo import Plan
from chaos_ecs.core.zone_plan import moving_task, plan_zones

PLACE_AGAIN_SECONDS = 5.0
"""Room is made by other services' tasks too: what found no place looks again so often."""


def plan_active(state: State, service: Service, now: float, todo: Plan) -> None:
    live = state.live_tasks_of(service.arn)
    plan_targets(state, service, live, now, todo)
    if plan_failure(service, todo):
        return  # what follows from it is for the next step
    look_again = partial(todo.look_again, service.arn)
    rollout = Rollout(
        service,
        live,
        lambda task: task_health(state, service, task, now, look_again),
        now,
        unasked=unasked(state, service, live),
        is_throttled=_is_newest_throttled(state, service, now, todo),
        leaving=leaving(state, live),
        first_to_go=partial(surplus_of, state, service) if chooses_whom(state, service) else None,
        extra=moving_task(service),
    )
    plan_health(state, service, rollout, todo)
    if step := next_step(service, rollout, Moment(now, state.pace.minute, look_again)):
        todo.actions.append(step)
        return  # who is to run at the next stage is for the next step
    moves = rollout.moves()
    if moves.protected_until is not None:
        look_again(moves.protected_until)
    _plan_stops(state, service, rollout, moves, todo)
    promoted = _plan_starts(state, service, rollout, moves, now, todo)
    if moves.stuck and not service.primary.stuck_told:
        todo.actions.append(TellStuck(service.arn, "the deployment configuration leaves no move"))
    plan_retirement(service, live, todo)
    plan_marks(service, rollout, f"desired {service.desired_count}, and as many run", todo)
    _plan_standbys(state, service, promoted, now, todo)
    plan_zones(state, service, rollout, now, todo)


def plan_draining(state: State, service: Service, now: float, todo: Plan) -> None:
    """A deleted service: its tasks end and are not replaced."""
    live = state.live_tasks_of(service.arn)
    plan_targets(state, service, live, now, todo)
    wanted = tuple(task.arn for task in live if task.is_wanted)
    standbys = state.standbys_of(service.arn)
    if doomed := tuple(task.arn for task in standbys if task.is_wanted):
        todo.actions.append(DiscardStandbys(service.arn, doomed, "the service is deleted"))
    if wanted:
        todo.actions.append(StopTasks(service.arn, wanted, scaling(service), "the service is deleted"))
    elif not live and not standbys:
        todo.actions.append(DeactivateService(service.arn, "the service is deleted and its last task has stopped"))


def has_tripped(service: Service) -> bool:
    """Whether the newest deployment has failed as often as its circuit breaker allows (Developer Guide, "deployment
    circuit breaker": it trips when the failure count equals the threshold)."""
    configuration = service.deployment_configuration
    primary = service.primary
    is_past = primary.shift is not None and primary.shift.stage is LifecycleStage.CLEAN_UP
    if not configuration.circuit_breaker_enable or not is_under_way(primary) or is_past:
        return False
    return primary.failed_tasks >= breaker_threshold(configuration, service.desired_count)


def plan_failure(service: Service, todo: Plan) -> bool:
    """Whether its newest deployment is to fail now."""
    tripped = has_tripped(service)
    if tripped:
        todo.actions.append(FailDeployment(service.arn, f"{service.primary.failed_tasks} of its tasks failed in a row"))
    return tripped


def plan_marks(service: Service, rollout: Rollout, steady: str, todo: Plan) -> None:
    """What the service has reached; `steady` says what that is."""
    if service.outage_began_at is not None and rollout.is_recovered and not rollout.is_steady:
        todo.actions.append(MarkRecovered(service.arn, "what died is made good"))
    if not service.steady and rollout.is_steady:
        todo.actions.append(MarkSteady(service.arn, steady))


# --- tasks ---


def plan_health(state: State, service: Service, rollout: Rollout, todo: Plan) -> None:
    """Only of those whose first health anybody waits for: a service without checks has its tasks RUNNING, and that is
    all there is to say, unless their version is on trial."""
    asked = service.load_balancers or is_under_way(service.primary)
    fresh = [
        task for task in rollout.wanted if task.healthy_at is None and rollout.health[task.arn] is TaskHealth.HEALTHY
    ]
    if not asked:
        fresh = [task for task in fresh if has_health_check(state.task_definitions[task.task_definition_arn])]
    bad = [task for task in rollout.wanted if rollout.health[task.arn] is TaskHealth.UNHEALTHY]
    if counted := tuple(task.arn for task in bad if task.unhealthy_at is None):
        todo.actions.append(MarkUnhealthy(service.arn, counted, "their health checks fail"))
    if fresh:
        arns = tuple(task.arn for task in fresh)
        todo.actions.append(MarkHealthy(service.arn, arns, "its checks have passed" if asked else "it runs"))


def _plan_stops(state: State, service: Service, rollout: Rollout, moves: Moves, todo: Plan) -> None:
    sick = [task for task in moves.replaced if rollout.health[task.arn] is TaskHealth.UNHEALTHY]
    left = tuple(task.arn for task in moves.replaced if task not in sick and task.arn in rollout.leaving)
    replaced = tuple(task.arn for task in moves.replaced if task not in sick and task.arn not in left)
    if moves.surplus:
        surplus = tuple(task.arn for task in moves.surplus)
        cause = f"desired {service.desired_count}, more are running"
        todo.actions.append(StopTasks(service.arn, surplus, scaling(service), cause))
    if replaced:
        cause = "a newer deployment takes their place"
        todo.actions.append(StopTasks(service.arn, replaced, scaling(service), cause, replaced))
    if left:  # of whichever deployment: it is to have as many tasks as before
        cause = "they leave their container instance: new ones run elsewhere"
        todo.actions.append(StopTasks(service.arn, left, scaling(service), cause))
    for task in (*moves.unhealthy, *sick):
        in_deployment = task in sick and task.arn not in rollout.leaving
        todo.actions.append(stop_unhealthy(state, service, task, replaced=in_deployment))


def stop_unhealthy(state: State, service: Service, task: Task, *, replaced: bool = False) -> StopUnhealthy:
    """What fails, its load balancer's check or its container's, is said with it."""
    target = why_unhealthy(state, service, task)
    if target is None:
        return StopUnhealthy(service.arn, task.arn, "", "its container health checks fail", replaced=replaced)
    cause, group = "its load balancer health checks fail", target.target_group_arn
    return StopUnhealthy(
        service.arn, task.arn, group, cause, port=target.port, description=target.description, replaced=replaced
    )


def scaling(service: Service) -> str:
    return f"Scaling activity initiated by (deployment {service.primary.id})"


def _plan_starts(
    state: State, service: Service, rollout: Rollout, moves: Moves, now: float, todo: Plan
) -> tuple[str, ...]:
    """Ready standbys first: resuming one takes a tenth of the time of a start. Answers which those are."""
    wanted = sum(task.is_wanted for task in state.live_tasks_of(service.arn))
    cause = f"desired {service.desired_count}, {wanted} there"
    promoted: tuple[str, ...] = ()
    unplaced = reason = ""
    is_slowed = rollout.is_throttled
    for deployment_id, count in moves.starts:
        own = [task for task in rollout.staying(moves) if task.deployment_id == deployment_id]
        ready = _ready_standbys(state, service, deployment_id)
        chosen = stand_ins(design_of(state, service, deployment_id)[1], ready, count, own)
        standbys = tuple(task.arn for task in chosen)
        is_newest = deployment_id == service.primary.id
        waits = is_newest and is_throttled(service.throttle, service, now, todo)
        is_slowed = is_slowed or waits
        missing = 0 if waits else count - len(standbys)
        found = _places(state, todo, service, deployment_id, missing, now, staying=[*own, *chosen])
        if standbys or found.places:
            started = len(standbys) + len(found.places)
            todo.actions.append(StartTasks(service.arn, deployment_id, started, cause, standbys, found.places))
        if found.missing:
            unplaced = unable_to_place(service.name, found.refusals, found.capacity_provider)
            reason = reason_of(found.refusals, found.capacity_provider)
        promoted += standbys
    if unplaced != service.unplaced and (unplaced or not is_slowed):  # who asks for no place has not found one
        why = "there is room for some of its tasks only" if unplaced else "all of its tasks have a place"
        todo.actions.append(TellUnplaced(service.arn, unplaced, why, reason))
    return promoted


def _ready_standbys(state: State, service: Service, deployment_id: str) -> list[Task]:
    """Those that can be resumed now, and may stay where they are."""
    ready = [task for task in state.standbys_of(service.arn) if task.is_ready_standby and state.is_reachable(task)]
    going = leaving(state, ready)
    return [task for task in ready if task.deployment_id == deployment_id and task.arn not in going]


def _places(
    state: State, todo: Plan, service: Service, deployment_id: str, count: int, now: float, *, staying: Sequence[Task]
) -> Places:
    """Where so many more tasks go; what has no place is looked at again. `staying`: those it has already."""
    if not count:
        return Places()
    also = todo.placed.get(service.cluster_arn, ())
    found = places_of_service(state, service, deployment_id, count, staying=staying, also=also)
    todo.note_placed(service, found.needs, (place.instance_arn for place in found.places))
    if found.missing:
        todo.look_again(service.arn, now + PLACE_AGAIN_SECONDS)
    return found


def _is_newest_throttled(state: State, service: Service, now: float, todo: Plan) -> bool:
    """Standbys are ready whatever fails to start."""
    if _ready_standbys(state, service, service.primary.id):
        return False
    return is_throttled(service.throttle, service, now, todo)


def is_throttled(throttle: Throttle, service: Service, now: float, todo: Plan) -> bool:
    if not throttle.level or now >= throttle.next_start_at or was_set_back(throttle.since, now):
        return False
    todo.look_again(service.arn, throttle.next_start_at)
    return True


def plan_retirement(service: Service, live: Sequence[Task], todo: Plan) -> None:
    """What could still be rolled back to stays in the list, with or without tasks."""
    in_use = {task.deployment_id for task in live}
    kept = fallback(service)
    retired = tuple(item.id for item in service.deployments[1:] if item.id not in in_use and item is not kept)
    if retired:
        todo.actions.append(RetireDeployments(service.arn, retired, "none of their tasks is left"))


# --- standbys ---


def _plan_standbys(state: State, service: Service, promoted: tuple[str, ...], now: float, todo: Plan) -> None:
    """As many as asked for, of the newest deployment. New ones only once the service is steady: tasks come first."""
    wanted = [task for task in state.standbys_of(service.arn) if task.is_wanted and task.arn not in promoted]
    going = leaving(state, wanted)
    useful = [task for task in wanted if task.deployment_id == service.primary.id and task.arn not in going]
    surplus = [task for task in wanted if task not in useful] + useful[service.standby_count :]
    if surplus:
        arns = tuple(task.arn for task in surplus)
        todo.actions.append(DiscardStandbys(service.arn, arns, f"{service.standby_count} standbys are enough"))
    missing = service.standby_count - len(useful)
    if missing > 0 and service.steady and not is_throttled(service.standby_throttle, service, now, todo):
        cause = f"{service.standby_count} standbys are to be kept, {len(useful)} there"
        staying = [task for task in state.live_tasks_of(service.arn) if task.is_wanted]  # all there is, as it is steady
        staying += useful
        if places := _places(state, todo, service, service.primary.id, missing, now, staying=staying).places:
            todo.actions.append(PrepareStandbys(service.arn, len(places), cause, places))


# --- targets ---


def plan_targets(state: State, service: Service, live: Sequence[Task], now: float, todo: Plan) -> None:
    """Running tasks join their target groups; those that are to stop drain; what is dead leaves at once, before its
    address can be handed out again."""
    _plan_registering(state, service, live, todo)
    dead: dict[str, list[str]] = {}
    leaving: dict[str, list[str]] = {}
    drained: list[str] = []
    for target in state.targets_of_service(service.arn):
        task = state.find_task(target.task_arn)
        group = target.target_group_arn
        if task is None or group not in state.target_groups or not _answers(state, task, target):
            dead.setdefault(group, []).append(target.task_arn)
        elif target.state is TargetState.DRAINING and _is_drained(state, target, now, todo):
            drained.append(target.key)
        elif target.state is not TargetState.DRAINING and not _belongs(state, service, task, group):
            leaving.setdefault(group, []).append(target.task_arn)
    for targets, at_once, cause in (
        (dead, True, "nothing answers there any more"),
        (leaving, False, "they are about to stop"),
    ):
        for group, arns in targets.items():
            todo.actions.append(DeregisterTargets(service.arn, group, tuple(arns), at_once=at_once, cause=cause))
    if drained:
        todo.actions.append(ForgetTargets(tuple(drained), "their deregistration delay is over"))


def _belongs(state: State, service: Service, task: Task, group: str) -> bool:
    return task.is_wanted and any(
        item.target_group_arn == group for item in load_balancers_of(state, service, task.deployment_id)
    )


def _plan_registering(state: State, service: Service, live: Sequence[Task], todo: Plan) -> None:
    fresh: dict[str, list[str]] = {}
    for task in live:
        known = {target.target_group_arn for target in state.targets_of(task.arn)}
        for item in load_balancers_of(state, service, task.deployment_id) if task.is_running else ():
            group = item.target_group_arn
            if group in state.target_groups and group not in known and reached_at(state, task, item)[0]:
                fresh.setdefault(group, []).append(task.arn)
    for group, arns in fresh.items():
        todo.actions.append(RegisterTargets(service.arn, group, tuple(arns), "they are running"))


def _answers(state: State, task: Task, target: Target) -> bool:
    live = [container for container in task.containers if container.is_live]
    if state.engine_of(task):
        ports = [binding.host_port for container in live for binding in container.bindings]
        return target.port in ports
    return any(container.address == target.address for container in live)


def _is_drained(state: State, target: Target, now: float, todo: Plan) -> bool:
    group = state.target_groups.get(target.target_group_arn)
    since = now if target.draining_since is None else target.draining_since
    ends_at = since + (group.deregistration_delay if group else 0)
    if now >= ends_at or was_set_back(since, now):
        return True
    todo.look_again(target.service_arn, ends_at)
    return False
