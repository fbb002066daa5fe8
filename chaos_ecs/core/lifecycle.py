"""How a task moves down its life (Developer Guide, "Task lifecycle"), and what its service is told on the way.

Part of `apply`: these functions change State. They never decide what should happen next; that is `plan.py`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from chaos_ecs.core import backoff, history
from chaos_ecs.core.arns import short
from chaos_ecs.core.deploying import RolloutState
from chaos_ecs.core.health import is_on_trial
from chaos_ecs.core.messages import EventType
from chaos_ecs.core.model import (
    Container,
    ContainerStatus,
    DesiredStatus,
    Gap,
    Service,
    ServiceStatus,
    StopCode,
    Task,
    TaskDefinition,
    TaskStatus,
    Throttle,
)
from chaos_ecs.core.state import State

ESSENTIAL_EXITED = "Essential container in task exited"

_TOLD = {
    TaskStatus.PENDING: EventType.TASK_PENDING,
    TaskStatus.ACTIVATING: EventType.TASK_ACTIVATING,
    TaskStatus.RUNNING: EventType.TASK_RUNNING,
    TaskStatus.STOPPING: EventType.TASK_STOPPING,
    TaskStatus.STOPPED: EventType.TASK_STOPPED,
}


def put_container(state: State, task: Task, container: Container) -> Task:
    """The task with one container replaced, as stored."""
    containers = tuple(container if other.name == container.name else other for other in task.containers)
    changed = replace(task, containers=containers)
    state.put(changed)
    return changed


def advance(state: State, task: Task, status: TaskStatus, now: float, message: str, **data: Any) -> Task:
    """Moves the task down to `status`; a task never moves up, so a late fact changes nothing."""
    if status.rank <= task.last_status.rank:
        return task
    task = replace(task, last_status=status)
    state.put(task)
    if (told := _TOLD.get(status)) and not task.standby:
        state.emit(now, told, message, cluster=task.cluster_arn, service=task.service_arn or "", task=task.arn, **data)
    return task


def begin_stop(state: State, task: Task, code: StopCode, reason: str, now: float, died_at: float | None = None) -> Task:
    """The task is to end. `died_at` is when it stopped serving, if that was before now; the first reason stays."""
    if task.desired_status is DesiredStatus.STOPPED:
        return task
    was_running = task.last_status is TaskStatus.RUNNING
    task = replace(
        task,
        containers=tuple(
            container if container.restart_sent_at is not None else without_restart(container)
            for container in task.containers
        ),
        desired_status=DesiredStatus.STOPPED,
        stop_code=code,
        stopped_reason=reason,
        stopping_at=now,
    )
    state.put(task)
    if task.service_arn and was_running:
        _open_gap(state, state.services[task.service_arn], task, now if died_at is None else died_at, now)
    return settle(state, task, now)


def without_restart(container: Container) -> Container:
    """What ended and was to be started again stays ended: its task is to stop, or the engine refused. Not where the
    engine was asked already: that run is on its way, and is stopped when it is there."""
    if not container.restart_due:
        return container
    return replace(container, restart_due=False, restart_sent_at=None, last_status=ContainerStatus.STOPPED)


def settle(state: State, task: Task, now: float) -> Task:
    """Reads the task's status off its containers: RUNNING when all have started, STOPPED when all are over."""
    if task.is_stopped:
        return task
    if task.desired_status is DesiredStatus.RUNNING:
        if any(container.started_at for container in task.containers):
            task = advance(state, task, TaskStatus.ACTIVATING, now, f"task {short(task.arn)} is starting")
        if not task.standby and all(_serves(container) for container in task.containers):
            task = _reach_running(state, task, now)
        return _stop_if_essential_exited(state, task, now)
    if is_draining(state, task):
        return advance(state, task, TaskStatus.DEACTIVATING, now, f"task {short(task.arn)} is draining")
    if any(container.is_live or container.is_starting for container in task.containers):
        return advance(state, task, TaskStatus.STOPPING, now, f"task {short(task.arn)} is stopping")
    return _finish(state, task, now)


def is_draining(state: State, task: Task) -> bool:
    """Whether its stop signal waits until it has left its target groups (Developer Guide, "load balancer connection
    draining"). A task that a user stops gets the signal at once, which is why its clients see errors."""
    return task.stop_code is StopCode.SERVICE_SCHEDULER_INITIATED and bool(state.targets_of(task.arn))


def _serves(container: Container) -> bool:
    """Whether it has come as far as RUNNING asks: started and not frozen, or over already."""
    return container.is_over or (container.started_at is not None and not container.paused)


def _stop_if_essential_exited(state: State, task: Task, now: float) -> Task:
    definition = state.task_definitions[task.task_definition_arn]
    over = [c for c in task.containers if c.is_over and c.started_at and definition.container(c.name).essential]
    if not over:
        return task
    died_at = min(container.finished_at or now for container in over)
    if task.killed_at is not None and (task.started_at or 0.0) <= task.killed_at <= died_at:
        died_at = task.killed_at
    return begin_stop(state, task, StopCode.ESSENTIAL_CONTAINER_EXITED, ESSENTIAL_EXITED, now, died_at)


def _reach_running(state: State, task: Task, now: float) -> Task:
    if task.last_status is TaskStatus.RUNNING:
        return task
    task = replace(task, started_at=now)
    measured: dict[str, Any] = {"after": now - task.created_at}
    if task.fills:
        measured |= {
            "fills": task.fills.task_arn,
            "decidedAfter": task.created_at - task.fills.died_at,
            "runningAfter": now - task.fills.died_at,
        }
    task = advance(state, task, TaskStatus.RUNNING, now, f"task {short(task.arn)} is running", **measured)
    if task.service_arn:
        service = state.services[task.service_arn]
        deployments = tuple(
            replace(deployment, reached_running=True) if deployment.id == task.deployment_id else deployment
            for deployment in service.deployments
        )
        is_newest = task.deployment_id == service.primary.id
        throttle = Throttle() if is_newest else service.throttle
        state.put(replace(service, throttle=throttle, deployments=deployments))
    return task


def lose_health(state: State, task: Task, now: float) -> None:
    """The task is unhealthy: its service is not steady until it is well again or replaced."""
    service = state.services.get(task.service_arn or "")
    if service is None or not service.steady or not task.is_running:
        return
    began_at = now if service.outage_began_at is None else service.outage_began_at
    state.put(replace(service, steady=False, unsteady_since=now, outage_began_at=began_at))


def _open_gap(state: State, service: Service, task: Task, died_at: float, now: float) -> None:
    """A running task of the service is lost to it: what `RECOVERED` is measured from."""
    if service.status is not ServiceStatus.ACTIVE or task.stop_code is StopCode.SERVICE_SCHEDULER_INITIATED:
        return
    if task.stop_code is StopCode.ESSENTIAL_CONTAINER_EXITED and task.killed_at is None:
        service = _count_exit(state, service, now)
        if task.healthy_at is None and is_on_trial(service, task):  # it never served: nothing is lost
            state.put(replace(service, steady=False))
            return
    began_at = died_at if service.outage_began_at is None else min(service.outage_began_at, died_at)
    gap = Gap(task.arn, died_at, now)
    state.put(
        replace(
            service,
            gaps=(*service.gaps, gap)[-max(1, service.desired_count) :],
            outage_began_at=began_at,
            steady=False,
            unsteady_since=now if service.steady else service.unsteady_since,
        )
    )


def _count_exit(state: State, service: Service, now: float) -> Service:
    """A crash loop is never slowed down (Developer Guide, "Service throttle logic"), but it is told."""
    service = replace(service, exits=(*service.exits, now)[-backoff.FLAPPING_EXITS * 2 :])
    exits = backoff.recent_exits(service, now)
    told_at = service.flapping_told_at
    if exits < backoff.FLAPPING_EXITS or (told_at is not None and now - told_at < backoff.FLAPPING_SECONDS):
        return service
    state.emit(
        now,
        EventType.SERVICE_FLAPPING,
        f"service {service.name} is flapping: its tasks ended {exits} times within {backoff.FLAPPING_SECONDS} s; "
        "what reached RUNNING is replaced at full speed, not throttled",
        cluster=service.cluster_arn,
        service=service.arn,
        exits=exits,
        seconds=backoff.FLAPPING_SECONDS,
    )
    return replace(service, flapping_told_at=now)


def _finish(state: State, task: Task, now: float) -> Task:
    """STOPPED, by way of DEPROVISIONING: nothing of the task runs any more."""
    ended = [container.finished_at for container in task.containers if container.finished_at]
    containers = tuple(container if container.is_over else _never_started(container) for container in task.containers)
    task = replace(task, containers=containers, execution_stopped_at=max(ended) if ended else None, stopped_at=now)
    reached_running = task.started_at is not None
    deciding = deciding_container(task, state.task_definitions[task.task_definition_arn])
    task = advance(state, task, TaskStatus.DEPROVISIONING, now, "")
    service = state.services.get(task.service_arn or "")
    if service and task.standby:
        _slow_down_standbys(state, service, task, now)
    elif service:
        _count_failure(state, service, task, now)
    if service and task.standby and task.stop_code is not StopCode.SERVICE_SCHEDULER_INITIATED:
        _tell_standby_lost(state, task, deciding, now)
    left = [other for other in state.live_tasks_of(service.arn) if other.is_running] if service else None
    return advance(
        state,
        task,
        TaskStatus.STOPPED,
        now,
        f"task {short(task.arn)} stopped: {task.stopped_reason}",
        stopCode=task.stop_code,
        stoppedReason=task.stopped_reason,
        exitCode=deciding.exit_code,
        reason=deciding.reason,
        reachedRunning=reached_running,
        ranFor=(task.execution_stopped_at or now) - task.started_at if task.started_at is not None else None,
        noticedAfter=_noticed_after(task),
        left=len(left) if left is not None else None,
        desiredCount=service.desired_count if service else None,
    )


def deciding_container(task: Task, definition: TaskDefinition) -> Container:
    """Whose end speaks for the task: the essential container that ended first, else one that says a reason."""
    ended = [c for c in task.containers if c.is_over and definition.container(c.name).essential]
    if ran := [container for container in ended if container.finished_at is not None]:
        return min(ran, key=lambda container: container.finished_at or 0.0)
    return next((c for c in (*ended, *task.containers) if c.reason), task.containers[0])


def _tell_standby_lost(state: State, task: Task, container: Container, now: float) -> None:
    why = container.reason or task.stopped_reason
    state.emit(
        now,
        EventType.STANDBY_LOST,
        f"standby {short(task.arn)} is lost: {why}",
        cluster=task.cluster_arn,
        service=task.service_arn or "",
        task=task.arn,
        exitCode=container.exit_code,
        reason=why,
    )


def _never_started(container: Container) -> Container:
    """Over before it began. Should the engine make it all the same (a start under way in a crash), it is a stray."""
    return replace(container, last_status=ContainerStatus.STOPPED, reaped=container.runtime_id is None)


def _noticed_after(task: Task) -> float | None:
    """From the death (or the kill command) to the moment the controller knew of it."""
    if task.stop_code is not StopCode.ESSENTIAL_CONTAINER_EXITED or task.stopping_at is None:
        return None
    died_at = task.killed_at if task.killed_at is not None else task.execution_stopped_at
    return None if died_at is None else max(0.0, task.stopping_at - died_at)


_NO_FAILURE = (StopCode.USER_INITIATED, StopCode.SERVICE_SCHEDULER_INITIATED, StopCode.TERMINATION_NOTICE)
"""Neither its version nor its service is to blame: somebody stopped it, or its host went away under it."""


def _slow_down_standbys(state: State, service: Service, standby: Task, now: float) -> None:
    if standby.started_at is None and standby.stop_code not in _NO_FAILURE:
        reason = standby.stopped_reason or ""
        slower = backoff.after_failed_start(service.standby_throttle, standby.created_at, now, reason)
        state.put(replace(service, standby_throttle=slower))


def _count_failure(state: State, service: Service, task: Task, now: float) -> None:
    """A task that ended by itself before it was healthy fails its deployment (`failedTasks`); one that never reached
    RUNNING also slows down its service."""
    if task.stop_code in _NO_FAILURE:
        return
    if task.healthy_at is None and task.unhealthy_at is None:
        service = count_failed_task(state, service, task, now)
    if task.started_at is None:
        _slow_down(state, service, task, now)


def count_failed_task(state: State, service: Service, task: Task, now: float) -> Service:
    """API_Deployment.failedTasks: not counted any more once the deployment is completed."""
    deployments = tuple(
        replace(deployment, failed_tasks=deployment.failed_tasks + 1, updated_at=now)
        if deployment.id == task.deployment_id and deployment.rollout_state is RolloutState.IN_PROGRESS
        else deployment
        for deployment in service.deployments
    )
    service = replace(service, deployments=deployments)
    state.put(service)
    history.note_failures(state, service, now)
    return service


def _slow_down(state: State, service: Service, task: Task, now: float) -> None:
    """The throttle goes up, of a service whose newest deployment does not start: what an older one does is past."""
    if task.deployment_id != service.primary.id:
        return
    reason = task.stopped_reason or ""
    throttle = backoff.after_failed_start(service.throttle, task.created_at, now, reason)
    service = replace(service, throttle=throttle)
    risen = throttle.level > state.services[service.arn].throttle.level
    state.put(service)
    if not risen or throttle.level < backoff.TOLD_FROM_LEVEL:
        return
    message = f"(service {service.name}) is unable to consistently start tasks successfully."
    data: dict[str, Any] = {
        "level": throttle.level,
        "delay": backoff.delay_seconds(throttle.level),
        "nextStartAt": throttle.next_start_at,
        "reason": reason,
    }
    if throttle.level == backoff.TOLD_FROM_LEVEL:  # ECS tells the same text once until its cause is gone
        state.tell_service(now, service, EventType.SERVICE_THROTTLED, message, **data)
    else:
        state.emit(now, EventType.SERVICE_THROTTLED, message, cluster=service.cluster_arn, service=service.arn, **data)
