"""`plan`: what to do next and why, over the things that were touched or are due. Reads State, changes nothing.

Level-triggered: every call recounts what it looks at, so a missed message costs nothing. A plan needs no order: if B
depends on A, a later step plans B once A was seen. Services are in `service_plan.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import islice

from chaos_ecs.core import lifecycle
from chaos_ecs.core.backoff import was_set_back
from chaos_ecs.core.balancing_messages import RouteTraffic
from chaos_ecs.core.daemon_plan import plan_daemon
from chaos_ecs.core.discovery import plan_names
from chaos_ecs.core.fault_plan import plan_fault, plan_forgetting
from chaos_ecs.core.faulting import hold_the_scheduler, notice_of
from chaos_ecs.core.instance_plan import plan_engines, plan_instance
from chaos_ecs.core.messages import (
    Action,
    DiscardStandbys,
    FailTask,
    ForgetCluster,
    ForgetService,
    ForgetTask,
    PauseContainer,
    RemoveContainer,
    RemoveNetwork,
    ResumeContainer,
    SignalContainer,
    StartContainer,
    StopTasks,
)
from chaos_ecs.core.model import (
    SIGKILL,
    Cluster,
    Container,
    DependencyCondition,
    HealthStatus,
    Service,
    ServiceStatus,
    StopCode,
    Task,
    TaskDefinition,
    TaskStatus,
)
from chaos_ecs.core.restarts import plan_restart
from chaos_ecs.core.scaling_plan import plan_scaling
from chaos_ecs.core.schedule_plan import plan_schedules
from chaos_ecs.core.service_plan import plan_active, plan_draining
from chaos_ecs.core.state import ROUTING, State
from chaos_ecs.core.targets import routing
from chaos_ecs.core.task_definitions import overridden, sized
from chaos_ecs.core.todo import Plan

STARTS_AT_ONCE = 8
"""More do not help: a start costs about 240 ms of CPU, so two cores manage some 8 a second however many are asked."""

ASK_AGAIN_SECONDS = 10
"""A pause, a resumption or a SIGKILL takes milliseconds; one without effect for so long is asked for again."""

REAPING = "reaping"
"""Due like an ARN when the oldest of the stopped tasks is: one time for all of them, not one for each that is forgotten
before its own."""

STOPPED_TASKS_KEPT = 1000
STOPPED_TASK_KEPT_SECONDS = 3600
"""API_DescribeTasks: stopped tasks "appear in the returned results for at least one hour"."""

STOPPED_CONTAINERS_KEPT = 50
"""Docker containers of stopped tasks, kept for their logs: the newest, as long as their task is on record."""


def plan(state: State, touched: Iterable[str], now: float) -> Plan:
    """What to do now about the touched ARNs. While the engine is away nothing could be seen through, and while a fault
    holds the scheduler nothing is decided: then it is about faults alone, and about schedules, another service's."""
    todo = Plan()
    _plan_faults(state, touched, now, todo)
    if state.engine_connected and hold_the_scheduler(state.control_faults):
        for arn in touched:
            if task := state.tasks.get(arn):
                _plan_fault_signals(task, todo)  # whoever breaks things is not held up
    elif state.engine_connected:
        _plan_all(state, touched, now, todo)
    plan_schedules(state, touched, now, todo)  # last: a task that it runs is placed beside those that services start
    return todo


def _plan_all(state: State, touched: Iterable[str], now: float, todo: Plan) -> None:
    for arn in touched:
        _plan_touched(state, arn, now, todo)
    _plan_names(state, touched, now, todo)
    _plan_starts(state, now, todo)
    _plan_reaping(state, now, todo)
    plan_engines(state, todo)
    for seen in state.strays.values():
        cause = "it carries our label but belongs to no task"
        todo.actions.append(RemoveContainer("", "", seen.runtime_id, cause))


def _plan_faults(state: State, touched: Iterable[str], now: float, todo: Plan) -> None:
    for fault_id in touched:
        fault = state.faults.get(fault_id)
        if fault and (state.engine_connected or fault in state.control_faults):
            plan_fault(state, fault, now, todo)
    plan_forgetting(state, todo)


def _plan_touched(state: State, arn: str, now: float, todo: Plan) -> None:
    if arn == ROUTING:
        _plan_routing(state, todo)
    elif service := state.services.get(arn):
        _plan_service(state, service, now, todo)
    elif task := state.find_task(arn):
        if task.is_stopped or state.is_reachable(task):  # else it is looked at again when its engine answers
            _plan_task(state, task, now, todo)
    elif instance := state.container_instances.get(arn):
        plan_instance(state, instance, now, todo)
    elif cluster := state.clusters.get(arn):
        _plan_cluster(cluster, now, todo)


# --- routing, services, clusters ---


def _plan_routing(state: State, todo: Plan) -> None:
    wanted = routing(state)
    if wanted != state.routing:
        todo.actions.append(RouteTraffic(wanted, "targets or listeners are not what they were"))


def _plan_service(state: State, service: Service, now: float, todo: Plan) -> None:
    if service.arn in state.scalable_targets and plan_scaling(state, service, now, todo):
        return  # which tasks follow from another count is for the next step
    if service.status is ServiceStatus.INACTIVE:
        _plan_forgetting(ForgetService(service.arn, "INACTIVE for an hour"), service, now, todo)
    elif service.status is ServiceStatus.DRAINING:
        plan_draining(state, service, now, todo)
    elif service.placement.is_daemon:
        plan_daemon(state, service, now, todo)
    else:
        plan_active(state, service, now, todo)


def _plan_names(state: State, touched: Iterable[str], now: float, todo: Plan) -> None:
    """Whose tasks have changed: at once, whatever the pace at which the scheduler looks at its services."""
    owners = (task.service_arn if (task := state.find_task(arn)) else arn for arn in touched)
    for arn in dict.fromkeys(owners):
        if service := state.services.get(arn or ""):
            plan_names(state, service, now, todo)


def _plan_cluster(cluster: Cluster, now: float, todo: Plan) -> None:
    if cluster.status != "ACTIVE":
        todo.actions.append(RemoveNetwork(cluster.arn, f"cluster {cluster.name} is deleted"))
        _plan_forgetting(ForgetCluster(cluster.arn, "INACTIVE for an hour"), cluster, now, todo)


def _plan_forgetting(intent: ForgetService | ForgetCluster, entity: Service | Cluster, now: float, todo: Plan) -> None:
    """INACTIVE things stay describable for as long as stopped tasks do."""
    forget_at = (entity.deactivated_at or now) + STOPPED_TASK_KEPT_SECONDS
    if now >= forget_at:
        todo.actions.append(intent)
    else:
        todo.look_again(entity.arn, forget_at)


# --- tasks ---


def _plan_task(state: State, task: Task, now: float, todo: Plan) -> None:
    if task.standby and not task.is_wanted:
        _plan_discarding(state, task, todo)
        return
    if task.is_stopped:
        for container in task.containers:
            if container.runtime_id and container.started_at is None and not container.reaped:
                todo.actions.append(_removal(state, task, container, "its task ended before it was started"))
        return
    definition = state.task_definitions[task.task_definition_arn]
    _plan_fault_signals(task, todo)
    plan_restart(task, now, todo)
    if task.is_wanted:
        _plan_freezing(task, definition, now, todo)
    elif not lifecycle.is_draining(state, task):
        _plan_stopping(state, task, definition, now, todo)


def _plan_fault_signals(task: Task, todo: Plan) -> None:
    for container in task.containers:
        if container.is_live and container.fault_signal and not container.fault_sent:
            cause = "a chaos command asked for it"
            todo.actions.append(_signal(task, container, container.fault_signal, cause))


def _plan_discarding(state: State, standby: Task, todo: Plan) -> None:
    _reap(state, standby, standby.stopped_reason or "the standby is not needed", todo)
    if standby.is_stopped:
        todo.actions.append(ForgetTask(standby.arn, "a standby leaves no record"))


def _plan_freezing(task: Task, definition: TaskDefinition, now: float, todo: Plan) -> None:
    """A standby is paused once all of it has started and is healthy; a task that was one is resumed."""
    ready = all(_is_warm(container, definition) for container in task.containers)
    for container in task.containers:
        if container.runtime_id is None or not container.is_live:
            continue
        if task.standby and ready and not container.paused and _may_send(container.pause_sent_at, task, now, todo):
            cause = "it is warm: it waits, paused, for a task to die"
            todo.actions.append(PauseContainer(task.arn, container.name, container.runtime_id, cause))
        is_promoted = not task.standby and task.last_status.rank < TaskStatus.RUNNING.rank
        if is_promoted and container.paused and _may_send(container.resume_sent_at, task, now, todo):
            cause = "it takes the place of a task that died"
            todo.actions.append(ResumeContainer(task.arn, container.name, container.runtime_id, cause))


def _may_send(sent_at: float | None, task: Task, now: float, todo: Plan) -> bool:
    """Whether to ask now: not yet asked, or so long ago without effect that the engine must have refused."""
    if sent_at is None or now >= sent_at + ASK_AGAIN_SECONDS or was_set_back(sent_at, now):
        return True
    todo.look_again(task.arn, sent_at + ASK_AGAIN_SECONDS)
    return False


def _is_warm(container: Container, definition: TaskDefinition) -> bool:
    checked = definition.container(container.name).health_check is not None
    healthy = container.is_live and (not checked or container.health_status is HealthStatus.HEALTHY)
    return healthy or container.is_over


def _plan_stopping(state: State, task: Task, definition: TaskDefinition, now: float, todo: Plan) -> None:
    """Stop signal, then SIGKILL after stopTimeout; dependants first (API_ContainerDependency: reverse order)."""
    for container in task.containers:
        if not container.is_live or container.restart_due or _loses_power(task, container, now, todo):
            continue
        if not container.stop_sent and not _has_live_dependant(task, definition, container):
            todo.actions.append(_signal(task, container, None, task.stopped_reason or ""))
        if container.stop_sent_at is not None:
            _plan_sigkill(state, task, container, definition, now, todo)


def _loses_power(task: Task, container: Container, now: float, todo: Plan) -> bool:
    """Whether its host has lost its power, and SIGKILL is on its way: nobody asks it to stop before that."""
    if task.stop_code is not StopCode.TERMINATION_NOTICE or container.fault_signal != SIGKILL:
        return False
    until = (task.stopping_at or now) + ASK_AGAIN_SECONDS
    if now >= until or was_set_back(task.stopping_at or now, now):
        return False
    todo.look_again(task.arn, until)
    return True


def _plan_sigkill(
    state: State, task: Task, container: Container, definition: TaskDefinition, now: float, todo: Plan
) -> None:
    assert container.stop_sent_at is not None, "the stop signal comes first"
    stop_timeout = definition.container(container.name).stop_timeout
    timeout = min((state.pace.stop_timeout if stop_timeout is None else stop_timeout, *_notices_of(state, task)))
    kill_at = container.stop_sent_at + timeout
    if now < kill_at and not was_set_back(container.stop_sent_at, now):
        todo.look_again(task.arn, kill_at)
    elif _may_send(container.sigkill_sent_at, task, now, todo):
        cause = f"still running {timeout:g} s after its stop signal"
        todo.actions.append(_signal(task, container, SIGKILL, cause))


def _notices_of(state: State, task: Task) -> list[float]:
    """After which its Spot capacity is gone, whatever its stopTimeout says."""
    hits = (hit for fault in state.faults_of(task.arn) for hit in fault.hits if hit.task_arn == task.arn)
    return [notice for hit in hits if (notice := notice_of(hit.recipe)) is not None]


def _has_live_dependant(task: Task, definition: TaskDefinition, container: Container) -> bool:
    return any(
        other.is_live
        and any(item.container_name == container.name for item in definition.container(other.name).waits_for)
        for other in task.containers
    )


def _signal(task: Task, container: Container, signal: str | None, cause: str) -> SignalContainer:
    assert container.runtime_id is not None, "a live container has been seen"
    return SignalContainer(task.arn, container.name, container.runtime_id, signal, cause)


# --- starting containers ---


def _plan_starts(state: State, now: float, todo: Plan) -> None:
    """Hands out the free start slots to waiting tasks, oldest first."""
    pulling = _images_being_pulled(state)
    slots = STARTS_AT_ONCE - sum(1 for image in _images_starting(state) if image not in pulling)
    stopping = [action for action in todo.actions if isinstance(action, StopTasks | DiscardStandbys)]
    doomed = dict.fromkeys(arn for action in stopping for arn in action.task_arns)
    for arn in state.waiting:
        if slots <= 0:
            return
        if arn in doomed:
            continue
        task = state.the_task(arn)
        if not state.is_reachable(task):
            continue
        definition = state.task_definitions[task.task_definition_arn]
        starts: list[Action] = []
        for container in task.containers:
            if container.is_to_start and (state.engine_of(task), container.image) not in pulling:
                starts += _plan_start(state, task, definition, container, now, todo)
        if failure := next((action for action in starts if isinstance(action, FailTask)), None):
            todo.actions.append(failure)
            continue
        todo.actions += starts[:slots]
        slots -= len(starts)


_ImageThere = tuple[str, str]
"""The engine's name, and the image's."""


def _images_starting(state: State) -> list[_ImageThere]:
    """Of the engines that answer: no other takes a slot."""
    starting = [(state.the_task(arn), name) for arn, name in state.starting]
    return [(state.engine_of(task), task.container(name).image) for task, name in starting if state.is_reachable(task)]


def _images_being_pulled(state: State) -> dict[_ImageThere, None]:
    """A start whose image is still on its way works for nobody: it takes no slot, and its like wait for it."""
    pulling: dict[_ImageThere, None] = {}
    for arn, name in state.starting:
        task = state.the_task(arn)
        if task.pull_started_at is not None and task.pull_stopped_at is None:
            pulling[state.engine_of(task), task.container(name).image] = None
    return pulling


def _plan_start(
    state: State, task: Task, definition: TaskDefinition, container: Container, now: float, todo: Plan
) -> list[StartContainer | FailTask]:
    """Starts one container if what it depends on allows it, or fails the task if that can never be."""
    waits_for = definition.container(container.name).waits_for
    for dependency in waits_for:
        other = task.container(dependency.container_name)
        if _is_met(other, dependency.condition):
            continue
        if reason := _never_met(other, dependency.condition, definition, now):
            return [FailTask(task.arn, f"Container '{container.name}' cannot start: {reason}", reason)]
        _wait_for(task, other, definition, todo)
        return []
    member = overridden(definition.container(container.name), task.overrides)
    size = task.task_override
    member = sized(member, size.cpu or definition.cpu, size.memory or definition.memory)
    cause = "its dependencies are met" if waits_for else "a slot is free"
    start = StartContainer(task, member, cause, _pinned_digest(state, task, container.name))
    if instance := state.container_instances.get(task.container_instance_arn):
        start = replace(start, engine=instance.engine, publish_on=instance.address)
    return [start]


def _pinned_digest(state: State, task: Task, name: str) -> str:
    service = state.services.get(task.service_arn or "")
    deployments = service.deployments if service else ()
    pinned = next((item.image_digests for item in deployments if item.id == task.deployment_id), ())
    return dict(pinned).get(name, "")


def _is_met(other: Container, condition: DependencyCondition) -> bool:
    match condition:
        case DependencyCondition.START:
            return other.started_at is not None
        case DependencyCondition.COMPLETE:
            return other.is_over and other.started_at is not None
        case DependencyCondition.SUCCESS:
            return other.is_over and other.exit_code == 0
        case DependencyCondition.HEALTHY:
            return other.is_live and other.health_status is HealthStatus.HEALTHY


def _never_met(other: Container, condition: DependencyCondition, definition: TaskDefinition, now: float) -> str | None:
    """Why the condition can never hold any more, or None while it still may."""
    timeout = definition.container(other.name).start_timeout
    since = other.start_requested_at
    if timeout is not None and since is not None and now >= since + timeout:
        return f"container '{other.name}' was not {condition} within its startTimeout of {timeout} s"
    if not other.is_over:
        return None
    if other.exit_code is None:
        return f"container '{other.name}' did not start: {other.reason}"
    return f"container '{other.name}' exited with code {other.exit_code} before it was {condition}"


def _wait_for(task: Task, other: Container, definition: TaskDefinition, todo: Plan) -> None:
    timeout = definition.container(other.name).start_timeout
    if timeout is not None and other.start_requested_at is not None:
        todo.look_again(task.arn, other.start_requested_at + timeout)


# --- reaping ---


def _plan_reaping(state: State, now: float, todo: Plan) -> None:
    """Oldest first: containers beyond the newest 50 go, records beyond an hour or a thousand go."""
    for arn in islice(state.with_logs, max(0, len(state.with_logs) - STOPPED_CONTAINERS_KEPT)):
        _reap(state, state.tasks[arn], "its task stopped long ago; its logs go with it", todo)
    for index, arn in enumerate(state.stopped):
        task = state.tasks[arn]
        kept_until = (task.stopped_at or now) + STOPPED_TASK_KEPT_SECONDS
        if now < kept_until and len(state.stopped) - index <= STOPPED_TASKS_KEPT:
            todo.look_again(REAPING, kept_until)
            return
        if arn in state.with_logs:
            _reap(state, task, "its task leaves the record", todo)
        todo.actions.append(ForgetTask(arn, "it stopped long ago"))


def _reap(state: State, task: Task, cause: str, todo: Plan) -> None:
    for container in task.containers:
        if container.runtime_id and not container.reaped:
            todo.actions.append(_removal(state, task, container, cause))


def _removal(state: State, task: Task, container: Container, cause: str) -> RemoveContainer:
    assert container.runtime_id is not None, "what was never made cannot be removed"
    members = state.task_definitions[task.task_definition_arn].containers
    mounted = (mount.task_volume for member in members for mount in member.mounts)
    volumes = tuple(dict.fromkeys(volume for volume in mounted if volume))
    return RemoveContainer(task.arn, container.name, container.runtime_id, cause, volumes)
