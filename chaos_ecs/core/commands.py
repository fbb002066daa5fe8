"""`apply` for Commands on clusters and tasks: check everything, then change State. Those on services are in
`service_commands.py`.

Every refusal comes before the first change. Sources: the API reference's page of each operation; texts as AWS words
them (docs of `core/errors.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from chaos_ecs.core import lifecycle
from chaos_ecs.core.arns import name_of, region_of, short
from chaos_ecs.core.compatibility import check_fargate_size, check_launch_type
from chaos_ecs.core.container_checks import LEAST_MEMORY, check_environment_files, size_refusal
from chaos_ecs.core.container_instances import Needs
from chaos_ecs.core.errors import (
    ClientException,
    ClusterContainsContainerInstancesException,
    ClusterContainsServicesException,
    ClusterContainsTasksException,
    ClusterNotFoundException,
    ConflictException,
    InvalidParameterException,
)
from chaos_ecs.core.intents import begin_task, new_task
from chaos_ecs.core.messages import (
    CreateCluster,
    DeleteCluster,
    EventType,
    KillTask,
    RunTask,
    StopTask,
)
from chaos_ecs.core.model import (
    SIGKILL,
    Cluster,
    ContainerDefinition,
    ContainerOverride,
    ServiceStatus,
    StopCode,
    Task,
    TaskDefinition,
)
from chaos_ecs.core.platforms import FARGATE
from chaos_ecs.core.run_places import RunPlaces, needs_of_run, places_of_run
from chaos_ecs.core.state import State
from chaos_ecs.core.task_definitions import overridden, tell_without_effect

RUN_TASK_LIMIT = 10
"""API_RunTask: "You can specify up to 10 tasks for each call"."""


# --- clusters ---


def create_cluster(state: State, command: CreateCluster, now: float) -> None:
    """API_CreateCluster: creating a cluster that is there answers with it and changes nothing. What is asked besides
    is for the caller to compare."""
    known = state.clusters.get(command.arn)
    if known and known.status == "ACTIVE":
        return
    name = name_of(command.arn)
    state.put(Cluster(command.arn, name, "ACTIVE", now, command.tags, registered=command.registered))
    state.emit(now, EventType.CLUSTER_CREATED, f"cluster {name} is ACTIVE", cluster=command.arn)


def delete_cluster(state: State, command: DeleteCluster, now: float) -> None:
    cluster = active_cluster(state, command.arn)
    if any(service.status is not ServiceStatus.INACTIVE for service in state.services_in(cluster.arn)):
        raise ClusterContainsServicesException("The Cluster cannot be deleted while Services are active.")
    if state.instances_in(cluster.arn):
        raise ClusterContainsContainerInstancesException(
            "The Cluster cannot be deleted while Container Instances are active or draining."
        )
    if any(not task.is_stopped for task in state.tasks_in(cluster.arn)):
        raise ClusterContainsTasksException("The Cluster cannot be deleted while Tasks are active.")
    state.put(replace(cluster, status="INACTIVE", deactivated_at=now))
    state.emit(now, EventType.CLUSTER_DELETED, f"cluster {cluster.name} is INACTIVE", cluster=cluster.arn)


def active_cluster(state: State, arn: str) -> Cluster:
    """The cluster, or ClusterNotFoundException when it is unknown or deleted."""
    cluster = state.clusters.get(arn)
    if cluster is None:
        raise ClusterNotFoundException("Cluster not found.")
    if cluster.status != "ACTIVE":
        raise ClusterNotFoundException("The referenced cluster was inactive.")
    return cluster


def usable_definition(state: State, arn: str) -> TaskDefinition:
    definition = state.task_definitions.get(arn)
    if definition is None:
        raise ClientException("TaskDefinition not found.")
    if definition.status != "ACTIVE":
        raise ClientException("TaskDefinition is inactive")
    return definition


# --- tasks ---


def run_task(state: State, command: RunTask, now: float) -> None:
    """API_RunTask: standalone tasks. What cannot be placed is told as a failure, not raised."""
    definition = _checked_run(state, command)
    if command.client_token and (known := state.tasks_of_token.get((command.cluster_arn, command.client_token))):
        _check_same_run(state, [state.tasks[arn] for arn in known], command)
        return
    found = places_of_run(state, command, definition)
    for failure in found.failures:
        state.emit(
            now,
            EventType.TASK_NOT_PLACED,
            failure.message,
            cluster=command.cluster_arn,
            reason=failure.reason,
            instance=failure.instance_arn or None,
        )
    if not found.places:
        return
    what = f"run-task of {name_of(definition.arn)}"
    tell_without_effect(state, what, definition.arn, command.without_effect, now)
    for place in found.places:
        task = replace(
            new_task(state, command.cluster_arn, definition, now),
            group=command.group or f"family:{definition.family}",
            started_by=command.started_by,
            launch_type=command.launch_type,
            overrides=command.overrides,
            task_override=command.task_override,
            client_token=command.client_token,
            run_count=command.count,
            tags=command.tags,
            execute_command=command.execute_command,
            registered=command.registered,
            container_instance_arn=place.instance_arn,
            capacity_provider=place.capacity_provider,
            needs=needs_of_run(definition, command) if place.instance_arn else Needs(),
        )
        begin_task(state, task, command.cause, command.aws_refuses)


def where(state: State, command: RunTask) -> RunPlaces:
    """Where its tasks would go, if it came now. Raises what it would be refused with; nothing changes."""
    return places_of_run(state, command, _checked_run(state, command))


def _checked_run(state: State, command: RunTask) -> TaskDefinition:
    active_cluster(state, command.cluster_arn)
    definition = usable_definition(state, command.task_definition_arn)
    if command.count > RUN_TASK_LIMIT:
        raise InvalidParameterException("Task count can not be greater than 10.")
    if command.count < 1:
        raise InvalidParameterException("Task count must be at least 1.")
    check_launch_type(definition, command.launch_type)
    _check_task_override(definition, command)
    check_overrides(definition, command.overrides, command.task_override.memory)
    return definition


def check_overrides(
    definition: TaskDefinition, overrides: Sequence[ContainerOverride], task_memory: int | None
) -> None:
    """API_ContainerOverride: each is for a container that there is, and leaves it one that could be registered."""
    for override in overrides:
        if not any(container.name == override.name for container in definition.containers):
            raise InvalidParameterException(
                f"Override for container named {override.name} is not a container in the TaskDefinition."
            )
        said = f"Invalid override for container '{override.name}'."
        check_environment_files(override.environment_files, said)
        container = overridden(definition.container(override.name), overrides)
        if refusal := size_refusal(container, task_memory or definition.memory, said):
            raise InvalidParameterException(refusal)


def _check_task_override(definition: TaskDefinition, command: RunTask) -> None:
    """API_TaskOverride: another size must be one that the launch type has."""
    size = command.task_override
    for name, value, least in (("cpu", size.cpu, 1), ("memory", size.memory, LEAST_MEMORY)):
        if value is not None and value < least:
            raise InvalidParameterException(f"Invalid '{name}' setting for task.")
    is_other = command.launch_type == FARGATE and (size.cpu or size.memory)
    refusal = check_fargate_size(size.cpu or definition.cpu, size.memory or definition.memory) if is_other else ""
    if refusal:
        raise InvalidParameterException(refusal)


def _check_same_run(state: State, tasks: list[Task], command: RunTask) -> None:
    """API_RunTask, "Ensuring idempotency": a token used before answers with its tasks, if the request is the same."""
    first = tasks[0]
    if (first.task_definition_arn, first.overrides, first.task_override, first.run_count) != (
        command.task_definition_arn,
        command.overrides,
        command.task_override,
        command.count,
    ):
        raise ConflictException("The client token was used before with other parameters.", [task.arn for task in tasks])


def stop_task(state: State, command: StopTask, now: float) -> None:
    task = _known_task(state, command.task_arn)
    lifecycle.begin_stop(state, task, StopCode.USER_INITIATED, command.reason or "Task stopped by user", now)


def kill_task(state: State, command: KillTask, now: float) -> None:
    """A fault, not an ECS operation: the containers are hit and the scheduler has to find out by itself."""
    task = _known_task(state, command.task_arn)
    must_be_disengaged(state, task.cluster_arn)
    definition = state.task_definitions[task.task_definition_arn]
    hit = [container for container in task.containers if container.is_live]
    if not hit:
        raise InvalidParameterException(f"Task {short(task.arn)} is {task.last_status}: there is nothing to kill.")
    containers = tuple(
        replace(container, fault_signal=command.signal, fault_sent=False)
        if container in hit and _is_meant(definition.container(container.name), command)
        else container
        for container in task.containers
    )
    killed_at = now if command.signal == SIGKILL else task.killed_at
    state.put(replace(task, containers=containers, killed_at=killed_at))
    service = state.services.get(task.service_arn or "")
    left = desired_count = None
    if service:
        state.put(replace(service, kills=service.kills + 1))
        left = sum(1 for other in state.live_tasks_of(service.arn) if other.is_running and not other.killed_at)
        desired_count = service.desired_count
    if not command.is_told:
        return
    state.emit(
        now,
        EventType.TASK_KILLED,
        f"task {short(task.arn)} is sent {command.signal}",
        cluster=task.cluster_arn,
        service=task.service_arn or "",
        task=task.arn,
        signal=command.signal,
        fault=command.fault_id or None,
        left=left,
        desiredCount=desired_count,
    )


def must_be_disengaged(state: State, cluster: str) -> None:
    """Raises ConflictException while the safety lever of the cluster's region is engaged."""
    lever = state.safety_levers.get(region_of(cluster))
    if lever and lever.engaged:
        raise ConflictException(f"The safety lever is engaged, so nothing is injected: {lever.reason}")


def _is_meant(container: ContainerDefinition, command: KillTask) -> bool:
    return container.name == command.container if command.container else container.essential


def _known_task(state: State, arn: str) -> Task:
    task = state.tasks.get(arn)
    if task is None:
        raise InvalidParameterException("The referenced task was not found.")
    return task
