"""`apply` for Facts: what a look at the engine says becomes what State knows. Facts are never refused.

Everything is level-triggered: the same look twice changes nothing, and a missed one is made good by the next.
"""

from __future__ import annotations

from dataclasses import replace

from chaos_ecs.core import hits, instances, lifecycle, restarts
from chaos_ecs.core.arns import short
from chaos_ecs.core.messages import (
    ContainerGone,
    ContainerSeen,
    EngineConnected,
    EngineLost,
    EventType,
    PullStarted,
    PullStopped,
    RunState,
    StartFailed,
    StartUnknown,
)
from chaos_ecs.core.model import (
    SIGKILL,
    Container,
    ContainerStatus,
    HealthStatus,
    StopCode,
    Task,
    TaskStatus,
    Throttle,
)
from chaos_ecs.core.state import State

OUT_OF_MEMORY = "OutOfMemoryError: Container killed due to memory usage"
REMOVED = "CannotInspectContainerError: the container was removed from the engine"
RESTARTED = "the container was restarted while no controller looked; its exit code is lost"
SIGKILLED = 137


def container_seen(state: State, seen: ContainerSeen, now: float) -> None:  # noqa: C901 - one case after another
    task = state.find_task(seen.task_arn)
    container = _member(task, seen.name)
    if task is None or container is None or not _is_ours(container, seen):
        _note_stray(state, seen, now)
        return
    if seen.state is RunState.CREATED:  # its start answers for it, or the next plan starts or removes it
        if container.last_status is ContainerStatus.PENDING:
            lifecycle.put_container(state, task, replace(container, runtime_id=seen.runtime_id))
        return
    if container.last_status is ContainerStatus.PENDING:
        task, container = _started(state, task, container, seen, now)
    if restarts.is_next_run(container, seen):
        task, container = restarts.next_run(state, task, container, seen, now)
    if container.restart_due:
        return  # a look at the run that has ended: known
    if seen.state is RunState.EXITED and not container.is_over:
        _exited(state, task, container, seen, now)
    elif seen.state is RunState.EXITED and _ran_out_of_memory(seen) and not container.reason:
        lifecycle.put_container(state, state.the_task(task.arn), replace(container, reason=OUT_OF_MEMORY))
    elif seen.state is RunState.RUNNING and _is_another_run(container, seen):
        _restarted(state, task, container, seen, now)
    elif seen.state is RunState.RUNNING:
        _look_at_running(state, task, container, seen, now)


def _is_another_run(container: Container, seen: ContainerSeen) -> bool:
    """Both times are the engine's, so the same run has the same one; the second is for an engine that gave none."""
    known = container.started_at
    return known is not None and seen.started_at is not None and seen.started_at > known + 1.0


def _restarted(state: State, task: Task, container: Container, seen: ContainerSeen, now: float) -> None:
    """Somebody started the container anew while no controller looked. Its task has ended: only a restart policy
    starts a container again."""
    ended = replace(container, last_status=ContainerStatus.STOPPED, finished_at=now, reason=RESTARTED, bindings=())
    lifecycle.settle(state, lifecycle.put_container(state, state.the_task(task.arn), ended), now)
    _note_stray(state, seen, now)


def _member(task: Task | None, name: str) -> Container | None:
    return next((container for container in task.containers if container.name == name), None) if task else None


def _is_ours(container: Container, seen: ContainerSeen) -> bool:
    """Whether this Docker container is the one the task means. An ended task's must not come to life again."""
    if container.last_status is ContainerStatus.PENDING:
        return True
    if container.runtime_id != seen.runtime_id:
        return False
    if container.is_over:
        return seen.state is RunState.EXITED or (seen.state is RunState.CREATED and container.started_at is None)
    return True


def _note_stray(state: State, seen: ContainerSeen, now: float) -> None:
    """Told once; to be removed at each look that still finds it."""
    state.strays[seen.runtime_id] = seen
    if seen.runtime_id in state.strays_told:
        return
    state.strays_told[seen.runtime_id] = None
    state.emit(
        now,
        EventType.STRAY_FOUND,
        f"container {seen.runtime_id[:12]} carries our label but belongs to no task: it is removed",
        task=seen.task_arn,
        runtimeId=seen.runtime_id,
    )


def _started(state: State, task: Task, container: Container, seen: ContainerSeen, now: float) -> tuple[Task, Container]:
    container = replace(
        container,
        runtime_id=seen.runtime_id,
        last_status=ContainerStatus.RUNNING,
        started_at=seen.started_at or now,
        start_requested_at=container.start_requested_at or now,
        bindings=seen.bindings,
        address=seen.address,
        image_digest=seen.image_digest,
    )
    task = lifecycle.put_container(state, task, container)
    _pin_image(state, task, container)
    return lifecycle.settle(state, task, now), container


def _pin_image(state: State, task: Task, container: Container) -> None:
    """Developer Guide, "Container image resolution": the first task of a deployment fixes what a tag means for all."""
    service = state.services.get(task.service_arn or "")
    definition = state.task_definitions[task.task_definition_arn].container(container.name)
    if service is None or not container.image_digest or not definition.version_consistency:
        return
    deployments = tuple(
        replace(item, image_digests=(*item.image_digests, (container.name, container.image_digest)))
        if item.id == task.deployment_id and container.name not in dict(item.image_digests)
        else item
        for item in service.deployments
    )
    if deployments != service.deployments:
        state.put(replace(service, deployments=deployments))


def _exited(state: State, task: Task, container: Container, seen: ContainerSeen, now: float) -> None:
    task = state.the_task(task.arn)
    finished_at = min(now, max(seen.finished_at or now, container.started_at or 0.0))
    container = replace(container, reason=OUT_OF_MEMORY if _ran_out_of_memory(seen) else container.reason)
    if restarts.is_due(state, task, container, seen, finished_at):
        restarts.begin(state, task, container, seen, finished_at, now)
        return
    container = replace(
        container,
        last_status=ContainerStatus.STOPPED,
        exit_code=seen.exit_code,
        finished_at=finished_at,
        bindings=(),
    )
    lifecycle.settle(state, lifecycle.put_container(state, task, container), now)


def _ran_out_of_memory(seen: ContainerSeen) -> bool:
    """Only when the main process itself was killed: Docker's flag is also set when a child of it was, and the
    container then ends by itself with another code. The flag may come a look later than the end."""
    return seen.oom_killed and seen.exit_code == SIGKILLED


def _look_at_running(state: State, task: Task, container: Container, seen: ContainerSeen, now: float) -> None:
    looks = (container.bindings, container.health_status, container.paused, container.address)
    if looks == (seen.bindings, seen.health_status, seen.paused, seen.address):
        return
    changed = container.health_status is not seen.health_status
    task = lifecycle.put_container(
        state,
        state.the_task(task.arn),
        _now_looks(container, seen),
    )
    is_ready_now = state.the_task(task.arn).is_ready_standby and not looks[2]
    task = lifecycle.settle(state, task, now)
    if is_ready_now:
        service = state.services[task.service_arn or ""]
        state.put(replace(service, standby_throttle=Throttle()))
        _tell_standby_ready(state, task, now)
    definition = state.task_definitions[task.task_definition_arn]
    if changed and seen.health_status is HealthStatus.UNHEALTHY and definition.container(seen.name).essential:
        lifecycle.lose_health(state, task, now)
    if changed:
        state.emit(
            now,
            EventType.TASK_HEALTH_CHANGED,
            f"container {container.name} of task {short(task.arn)} is {seen.health_status}",
            cluster=task.cluster_arn,
            service=task.service_arn or "",
            task=task.arn,
            healthStatus=seen.health_status,
        )


def _tell_standby_ready(state: State, task: Task, now: float) -> None:
    state.emit(
        now,
        EventType.STANDBY_READY,
        f"standby {short(task.arn)} is started and paused",
        cluster=task.cluster_arn,
        service=task.service_arn or "",
        task=task.arn,
        after=now - task.created_at,
    )


def _now_looks(container: Container, seen: ContainerSeen) -> Container:
    """A pause or a resumption that was asked for is answered once the container looks so."""
    return replace(
        container,
        bindings=seen.bindings,
        address=seen.address,
        health_status=seen.health_status,
        paused=seen.paused,
        pause_sent_at=None if seen.paused else container.pause_sent_at,
        resume_sent_at=container.resume_sent_at if seen.paused else None,
    )


def container_gone(state: State, fact: ContainerGone, now: float) -> None:
    """Somebody removed the container: its exit code is lost, its end is not."""
    state.strays.pop(fact.runtime_id, None)
    state.strays_told.pop(fact.runtime_id, None)
    task = state.find_task(fact.task_arn)
    container = _member(task, fact.name)
    if task is None or container is None or container.runtime_id != fact.runtime_id:
        return
    if container.is_over:
        lifecycle.put_container(state, task, replace(container, reaped=True))
        return
    if container.last_status is ContainerStatus.PENDING:  # made, not started: its start makes another or fails
        lifecycle.put_container(state, task, replace(container, runtime_id=None))
        return
    container = replace(
        container,
        last_status=ContainerStatus.STOPPED,
        finished_at=now,
        restart_due=False,
        reason=REMOVED,
        reaped=True,
        bindings=(),
        health_status=HealthStatus.UNKNOWN,
    )
    lifecycle.settle(state, lifecycle.put_container(state, task, container), now)


def pull_started(state: State, fact: PullStarted, now: float) -> None:
    task = state.find_task(fact.task_arn)
    if task is None or task.pull_started_at is not None:
        return
    state.put(replace(task, pull_started_at=now))
    image = task.container(fact.name).image
    if not task.standby:
        state.emit(
            now,
            EventType.TASK_PULLING,
            f"image {image} is not here yet: it is fetched or built",
            cluster=task.cluster_arn,
            service=task.service_arn or "",
            task=task.arn,
            image=image,
        )


def pull_stopped(state: State, fact: PullStopped, now: float) -> None:
    task = state.find_task(fact.task_arn)
    if task is None or task.is_stopped:
        return
    task = replace(task, pull_started_at=task.pull_started_at or now, pull_stopped_at=now)
    state.put(task)
    if task.is_wanted:
        lifecycle.advance(state, task, TaskStatus.ACTIVATING, now, f"task {short(task.arn)} is starting")


def start_failed(state: State, fact: StartFailed, now: float) -> None:
    task = state.find_task(fact.task_arn)
    container = _member(task, fact.name)
    if task and container and container.restart_due:
        ended = replace(lifecycle.without_restart(container), reason=f"{fact.error}: {fact.message}"[:1024])
        lifecycle.settle(state, lifecycle.put_container(state, task, ended), now)
        return
    if task is None or container is None or container.last_status is not ContainerStatus.PENDING:
        return
    reason = f"{fact.error}: {fact.message}"[:1024]  # API_Container: reason is at most 1,024 characters here
    container = replace(container, last_status=ContainerStatus.STOPPED, reason=reason, finished_at=None, reaped=True)
    task = lifecycle.put_container(state, task, container)
    if state.task_definitions[task.task_definition_arn].container(fact.name).essential:
        task = lifecycle.begin_stop(state, task, StopCode.TASK_FAILED_TO_START, reason, now)
    lifecycle.settle(state, state.the_task(task.arn), now)


def start_unknown(state: State, fact: StartUnknown, now: float) -> None:
    """Asked again once the engine is back; the runtime finds what was made by its name."""
    task = state.find_task(fact.task_arn)
    container = _member(task, fact.name)
    if task and container and container.is_starting:
        task = lifecycle.put_container(state, task, replace(container, start_requested_at=None))
        lifecycle.settle(state, task, now)


def engine_connected(state: State, fact: EngineConnected, now: float) -> None:
    """The whole truth at once, after a start or a gap: adopt what matches, end what is missing, ask again for what
    was asked before the gap (each request is idempotent). A further engine's is about the tasks that are on it."""
    if fact.host:
        instances.engine_answers(state, fact.host, now)
    else:
        state.engine, state.engine_connected, state.engine_reason = fact.engine, True, ""
        state.engine_asked = True
        state.emit(now, EventType.ENGINE_CONNECTED, f"connected to {fact.engine}", containers=len(fact.containers))
        if not state.engines:  # else some may be on another one; to remove what is not there does no harm
            state.strays.clear()
            state.strays_told.clear()
    present = {seen.runtime_id: seen for seen in fact.containers}
    answered = {(seen.task_arn, seen.name) for seen in fact.containers if seen.state is not RunState.CREATED}
    for seen in _without_left_behind(state, fact, now):
        container_seen(state, seen, now)
    for arn, task in [*state.tasks.items(), *state.standbys.items()]:
        for member in task.containers if state.engine_of(task) == fact.host else ():
            if member.runtime_id and member.runtime_id not in present and not (member.is_over and member.reaped):
                container_gone(state, ContainerGone(arn, member.name, member.runtime_id), now)
            elif member.reaped and member.runtime_id in present:  # its removal was lost
                lifecycle.put_container(state, state.the_task(arn), replace(member, reaped=False))
            container = state.the_task(arn).container(member.name)
            if container.last_status is ContainerStatus.PENDING and (arn, member.name) not in answered:
                _ask_again(state, arn, replace(container, start_requested_at=None), now)
            elif container.stop_sent or container.fault_sent or container.is_freezing or container.restart_due:
                _ask_again(state, arn, container, now)
    hits.engine_is_back(state, now)
    state.touch_all()


def _without_left_behind(state: State, fact: EngineConnected, now: float) -> list[ContainerSeen]:
    """All but what belongs to tasks of another engine: the container instance they were on was forgotten while this
    one was silent. That is stray."""
    mine = []
    for seen in fact.containers:
        owner = state.find_task(seen.task_arn)
        if owner and state.engine_of(owner) != fact.host:
            _note_stray(state, seen, now)
        else:
            mine.append(seen)
    return mine


def _ask_again(state: State, task_arn: str, container: Container, now: float) -> None:
    """What does no harm when it comes twice is asked for again. A fault's signal is not, unless it is SIGKILL: a
    process that lived through SIGHUP would get it again at every restart."""
    task = state.the_task(task_arn)
    if task.is_stopped:
        return
    container = replace(
        container if task.is_wanted else lifecycle.without_restart(container),  # this look would have seen its next run
        stop_sent=False,
        sigkill_sent_at=None,
        fault_sent=container.fault_sent and container.fault_signal != SIGKILL,
        pause_sent_at=None,
        resume_sent_at=None,
        restart_sent_at=None,
    )
    lifecycle.settle(state, lifecycle.put_container(state, task, container), now)


def engine_lost(state: State, fact: EngineLost, now: float) -> None:
    if fact.host:
        instances.engine_is_silent(state, fact.host, fact.reason, now)
        return
    told = state.engine_asked and not state.engine_connected
    state.engine_asked, state.engine_connected, state.engine_reason = True, False, fact.reason
    if not told:
        state.emit(now, EventType.ENGINE_LOST, f"the engine does not answer: {fact.reason}", reason=fact.reason)
