"""`apply` for Actions: the plan's wishes are written down here before any of them is carried out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from chaos_ecs.core import history, hits, lifecycle, rollout, tagging
from chaos_ecs.core.arns import container_arn, family_of, short, task_arn
from chaos_ecs.core.container_instances import Needs, Place
from chaos_ecs.core.deploying import Deployment
from chaos_ecs.core.messages import (
    DeactivateService,
    DiscardStandbys,
    EventType,
    FailTask,
    ForgetCluster,
    ForgetService,
    ForgetTask,
    PauseContainer,
    PrepareStandbys,
    RemoveContainer,
    RemoveNetwork,
    ResumeContainer,
    SignalContainer,
    StartContainer,
    StartTasks,
)
from chaos_ecs.core.model import (
    Container,
    Counter,
    Gap,
    Service,
    ServiceStatus,
    StopCode,
    Task,
    TaskDefinition,
    TaskStatus,
)
from chaos_ecs.core.platforms import not_on_aws
from chaos_ecs.core.rooms import needs_of
from chaos_ecs.core.sharing import design_of
from chaos_ecs.core.state import State


def new_task(state: State, cluster: str, definition: TaskDefinition, now: float) -> Task:
    """A task of this definition as it is before anybody says what it is for. Nothing is written down yet."""
    arn = task_arn(cluster, state.new_id())
    return Task(
        arn=arn,
        cluster_arn=cluster,
        task_definition_arn=definition.arn,
        group="",
        containers=_containers(state, arn, definition),
        number=state.next_number("task"),
        created_at=now,
        fault_injection=bool(definition.fault_injection),
    )


def begin_task(state: State, task: Task, cause: str, aws_refuses: str = "") -> Task:
    """PROVISIONING from now on: written down first, started once, never restarted."""
    state.put(task)
    if not task.standby:
        _tell_created(state, task, cause, task.created_at, aws_refuses)
    return task


def _containers(state: State, task: str, definition: TaskDefinition) -> tuple[Container, ...]:
    return tuple(
        Container(member.name, container_arn(task, state.new_uuid()), member.image) for member in definition.containers
    )


def _tell_created(state: State, task: Task, cause: str, now: float, aws_refuses: str = "") -> None:
    state.emit(
        now,
        EventType.TASK_CREATED,
        f"task {short(task.arn)} of {family_of(task.task_definition_arn)}: {cause}{not_on_aws(aws_refuses)}",
        cluster=task.cluster_arn,
        service=task.service_arn or "",
        task=task.arn,
        cause=cause,
        awsRefuses=aws_refuses or None,
        fills=task.fills.task_arn if task.fills else None,
        decidedAfter=now - task.fills.died_at if task.fills else None,
    )


def start_tasks(state: State, intent: StartTasks, now: float) -> None:
    service = state.services[intent.service_arn]
    deployment = next(item for item in service.deployments if item.id == intent.deployment_id)
    gaps = iter(service.gaps)
    tasks = [_promote(state, state.standbys[arn], next(gaps, None), intent.cause, now) for arn in intent.standbys]
    for place in open_places(state, intent.places, intent.count - len(intent.standbys)):
        fills = next(gaps, None)
        tasks.append(service_task(state, service, deployment, now, intent.cause, place, fills=fills))
    service = rollout.unsteady(replace(service, gaps=service.gaps[len(tasks) :]), now)
    state.put(service)
    if not tasks:
        return
    named = " ".join(f"(task {task.id})" for task in tasks)
    state.tell_service(
        now,
        service,
        EventType.SERVICE_TASKS_STARTED,
        f"(service {service.name}) has started {len(tasks)} tasks: {named}.",
        tasks=[task.arn for task in tasks],
        cause=intent.cause,
    )


def open_places(state: State, places: Sequence[Place], count: int) -> list[Place]:
    """Those that are still open: what was decided in the same step, as a fault, may have closed one. For the tasks that
    lose theirs the next plan finds another."""
    if not places:
        return [Place()] * count
    known = state.container_instances
    return [
        place
        for place in places
        if not place.instance_arn or (known[place.instance_arn].is_active and known[place.instance_arn].agent_connected)
    ]


def service_task(
    state: State,
    service: Service,
    deployment: Deployment,
    now: float,
    cause: str,
    place: Place = Place(),
    *,
    fills: Gap | None = None,
    standby: bool = False,
) -> Task:
    definition = state.task_definitions[deployment.task_definition_arn]
    task = replace(
        new_task(state, service.cluster_arn, definition, now),
        group=f"service:{service.name}",
        started_by=deployment.id,
        launch_type=design_of(state, service, deployment.id)[0],
        service_arn=service.arn,
        deployment_id=deployment.id,
        fills=fills,
        standby=standby,
        tags=tagging.of_service_task(service, definition),
        execute_command=service.task_options.execute_command,
        container_instance_arn=place.instance_arn,
        capacity_provider=place.capacity_provider,
        needs=needs_of(definition, attributes=definition.attributes) if place.instance_arn else Needs(),
    )
    return begin_task(state, task, cause)


def _promote(state: State, standby: Task, fills: Gap | None, cause: str, now: float) -> Task:
    """A ready standby becomes a task of its service. Its containers run already and only need to be resumed."""
    task = replace(standby, standby=False, created_at=now, fills=fills)
    state.put(task)
    _tell_created(state, task, f"{cause}; a standby is resumed", now)
    return task


def prepare_standbys(state: State, intent: PrepareStandbys, now: float) -> None:
    service = state.services[intent.service_arn]
    for place in open_places(state, intent.places, intent.count):
        service_task(state, service, service.primary, now, intent.cause, place, standby=True)


def discard_standbys(state: State, intent: DiscardStandbys, now: float) -> None:
    for arn in intent.task_arns:
        lifecycle.begin_stop(state, state.standbys[arn], StopCode.SERVICE_SCHEDULER_INITIATED, intent.cause, now)


def pause_container(state: State, effect: PauseContainer, now: float) -> None:
    task = state.the_task(effect.task_arn)
    lifecycle.put_container(state, task, replace(task.container(effect.name), pause_sent_at=now))


def resume_container(state: State, effect: ResumeContainer, now: float) -> None:
    task = state.the_task(effect.task_arn)
    lifecycle.put_container(state, task, replace(task.container(effect.name), resume_sent_at=now))


def fail_task(state: State, intent: FailTask, now: float) -> None:
    lifecycle.begin_stop(state, state.the_task(intent.task_arn), StopCode.TASK_FAILED_TO_START, intent.reason, now)


def deactivate_service(state: State, intent: DeactivateService, now: float) -> None:
    service = state.services[intent.service_arn]
    service = replace(service, status=ServiceStatus.INACTIVE, deployments=(), deactivated_at=now)
    state.put(service)
    state.emit(
        now,
        EventType.SERVICE_INACTIVE,
        f"service {service.name} is INACTIVE: its last task has stopped",
        cluster=service.cluster_arn,
        service=service.arn,
    )


def forget_service(state: State, intent: ForgetService, now: float) -> None:
    for event in state.events_of(intent.service_arn):
        state.drop(event)
    state.drop(Counter(f"events/{intent.service_arn}", 0))
    history.forget(state, state.services[intent.service_arn])
    state.drop(state.services[intent.service_arn])


def forget_cluster(state: State, intent: ForgetCluster, now: float) -> None:
    state.drop(state.clusters[intent.cluster_arn])


def forget_task(state: State, intent: ForgetTask, now: float) -> None:
    state.drop(state.the_task(intent.task_arn))


def start_container(state: State, effect: StartContainer, now: float) -> None:
    task = state.the_task(effect.task.arn)
    container = task.container(effect.definition.name)
    assert container.is_to_start, f"{container.name} of {task.arn} was to start, and is {container.last_status}"
    container = replace(container, start_requested_at=now)
    task = lifecycle.put_container(state, task, container)
    images = [member.image for member in task.containers]
    lifecycle.advance(state, task, TaskStatus.PENDING, now, f"task {short(task.arn)} is pending", images=images)


def signal_container(state: State, effect: SignalContainer, now: float) -> None:
    task = state.the_task(effect.task_arn)
    container = task.container(effect.name)
    if effect.signal is None:
        sent_at = now if container.stop_sent_at is None else container.stop_sent_at
        container = replace(container, stop_sent=True, stop_sent_at=sent_at)
    elif container.fault_signal == effect.signal and not container.fault_sent:
        container = replace(container, fault_sent=True)
        hits.signal_sent(state, (task.arn, container.name), now)
    else:
        container = replace(container, sigkill_sent_at=now)
    lifecycle.put_container(state, task, container)


def remove_container(state: State, effect: RemoveContainer, now: float) -> None:
    state.strays.pop(effect.runtime_id, None)
    if task := state.find_task(effect.task_arn):
        lifecycle.put_container(state, task, replace(task.container(effect.name), reaped=True))


def remove_network(state: State, effect: RemoveNetwork, now: float) -> None:
    """Nothing to write down: a cluster that is INACTIVE has no network, and removing it twice does no harm."""
