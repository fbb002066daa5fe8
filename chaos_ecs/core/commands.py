"""`apply` for Commands on clusters, services and tasks: check everything, then change State.

Every refusal comes before the first change. Sources: the API reference's page of each operation; texts as AWS words
them (docs of `core/errors.py`).
"""

from __future__ import annotations

from dataclasses import replace

from chaos_ecs.core import lifecycle, task_definitions
from chaos_ecs.core.arns import cluster_arn, family_arn, name_of, short
from chaos_ecs.core.errors import (
    ClientException,
    ClusterContainsServicesException,
    ClusterContainsTasksException,
    ClusterNotFoundException,
    ConflictException,
    InvalidParameterException,
    ServiceNotActiveException,
    ServiceNotFoundException,
)
from chaos_ecs.core.intents import create_task
from chaos_ecs.core.messages import (
    CreateCluster,
    CreateService,
    DeleteCluster,
    DeleteService,
    EventType,
    KillTask,
    OpenRegion,
    RegisterTaskDefinition,
    RunTask,
    SetStandby,
    StopTask,
    UpdateService,
)
from chaos_ecs.core.model import (
    Cluster,
    ContainerDefinition,
    Deployment,
    DeploymentStatus,
    PortMapping,
    Service,
    ServiceStatus,
    StopCode,
    Task,
    TaskDefinition,
    Throttle,
)
from chaos_ecs.core.state import State

RUN_TASK_LIMIT = 10
"""API_RunTask: "You can specify up to 10 tasks for each call"."""

STANDBY_LIMIT = 10
"""A standby costs the memory of a task and serves nobody: enough for everything to die at once, and no more."""

TASKS_PER_SERVICE = 5000
"""Service quotas of Amazon ECS: tasks per service."""

SEED_CLUSTER = "my-cluster"
DEMO_IMAGE = "chaos-ecs/demo:1"
_WEB_PORT = PortMapping(container_port=8080)
_SEED_DEFINITIONS = (
    ContainerDefinition("web-server", DEMO_IMAGE, command=("web",), memory=64, port_mappings=(_WEB_PORT,)),
    ContainerDefinition("worker", DEMO_IMAGE, command=("worker",), memory=32),
    ContainerDefinition("batch-job", DEMO_IMAGE, command=("batch",), memory=32),
    ContainerDefinition("db-migrate", DEMO_IMAGE, command=("migrate",), memory=32),
    ContainerDefinition("flaky", DEMO_IMAGE, command=("flaky",), memory=32),
)


def open_region(state: State, command: OpenRegion, now: float) -> None:
    """What the lesson's two aws commands need is there from the start: a cluster, web-server:1 and batch-job:1."""
    if state.region_is_open(command.region):
        return
    state.next_number(f"region/{command.region}")
    create_cluster(state, CreateCluster(cluster_arn(command.region, SEED_CLUSTER)), now)
    for container in _SEED_DEFINITIONS:
        family = family_arn(command.region, container.name)
        task_definitions.register(state, RegisterTaskDefinition(family, (container,)), now)


# --- clusters ---


def create_cluster(state: State, command: CreateCluster, now: float) -> None:
    """API_CreateCluster: creating a cluster that is there answers with it and changes nothing."""
    known = state.clusters.get(command.arn)
    if known and known.status == "ACTIVE":
        return
    name = name_of(command.arn)
    state.put(Cluster(command.arn, name, "ACTIVE", now, command.tags))
    state.emit(now, EventType.CLUSTER_CREATED, f"cluster {name} is ACTIVE", cluster=command.arn)


def delete_cluster(state: State, command: DeleteCluster, now: float) -> None:
    cluster = active_cluster(state, command.arn)
    if any(service.status is not ServiceStatus.INACTIVE for service in state.services_in(cluster.arn)):
        raise ClusterContainsServicesException("The Cluster cannot be deleted while Services are active.")
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


def _usable_definition(state: State, arn: str) -> TaskDefinition:
    definition = state.task_definitions.get(arn)
    if definition is None:
        raise ClientException("TaskDefinition not found.")
    if definition.status != "ACTIVE":
        raise ClientException("TaskDefinition is inactive")
    return definition


# --- services ---


def create_service(state: State, command: CreateService, now: float) -> None:
    active_cluster(state, command.cluster_arn)
    definition = _usable_definition(state, command.task_definition_arn)
    _check_desired_count(command.desired_count)
    known = state.services.get(command.arn)
    if known and known.status is ServiceStatus.DRAINING:
        raise InvalidParameterException("Unable to Start a service that is still Draining.")
    if known and known.status is ServiceStatus.ACTIVE:
        if _is_same(known, command):
            return
        raise InvalidParameterException("Creation of service was not idempotent.")
    service = Service(
        arn=command.arn,
        name=name_of(command.arn),
        cluster_arn=command.cluster_arn,
        desired_count=command.desired_count,
        task_definition_arn=definition.arn,
        deployments=(_new_deployment(state, definition.arn, now),),
        created_at=now,
        launch_type=command.launch_type,
        deployment_configuration=command.deployment_configuration,
        health_check_grace_period_seconds=command.health_check_grace_period_seconds,
        client_token=command.client_token,
        registered=command.registered,
        tags=command.tags,
        unsteady_since=now,
    )
    for event in state.events_of(service.arn):  # of an earlier service of this name
        state.drop(event)
    state.put(service)
    state.emit(
        now,
        EventType.SERVICE_CREATED,
        f"service {service.name}: keep {service.desired_count} tasks of {name_of(definition.arn)} running",
        cluster=service.cluster_arn,
        service=service.arn,
        desiredCount=service.desired_count,
        taskDefinition=definition.arn,
    )


def _is_same(service: Service, command: CreateService) -> bool:
    return (
        service.task_definition_arn,
        service.desired_count,
        service.launch_type,
        service.deployment_configuration,
        service.registered,
    ) == (
        command.task_definition_arn,
        command.desired_count,
        command.launch_type,
        command.deployment_configuration,
        command.registered,
    )


def _check_desired_count(count: int) -> None:
    if count < 0:
        raise InvalidParameterException("desiredCount must be greater than or equal to 0")
    if count > TASKS_PER_SERVICE:
        raise InvalidParameterException(f"desiredCount must be less than or equal to {TASKS_PER_SERVICE}")


def _new_deployment(state: State, definition_arn: str, now: float) -> Deployment:
    id_ = state.new_deployment_id()
    reason = f"ECS deployment {id_} in progress."
    return Deployment(id_, DeploymentStatus.PRIMARY, definition_arn, now, now, rollout_state_reason=reason)


def update_service(state: State, command: UpdateService, now: float) -> None:
    """API_UpdateService, member by member: a new definition or force makes a new deployment, a count does not."""
    service = _active_service(state, command.arn)
    definition_arn = command.task_definition_arn or service.task_definition_arn
    deploys = command.force_new_deployment or definition_arn != service.task_definition_arn
    if deploys:
        _usable_definition(state, definition_arn)
    desired_count = service.desired_count if command.desired_count is None else command.desired_count
    _check_desired_count(desired_count)
    previous = service
    grace = command.health_check_grace_period_seconds
    service = replace(
        service,
        desired_count=desired_count,
        deployment_configuration=command.deployment_configuration or service.deployment_configuration,
        health_check_grace_period_seconds=service.health_check_grace_period_seconds if grace is None else grace,
    )
    if deploys or desired_count != previous.desired_count:
        service = replace(service, steady=False, unsteady_since=now, gaps=service.gaps[:desired_count])
    if deploys:
        service = _begin_deployment(state, service, definition_arn, now)
    state.put(service)
    state.emit(
        now,
        EventType.SERVICE_UPDATED,
        f"service {service.name}: keep {desired_count} tasks of {name_of(definition_arn)} running",
        cluster=service.cluster_arn,
        service=service.arn,
        desiredCount=desired_count,
        previousDesiredCount=previous.desired_count,
        taskDefinition=definition_arn,
    )


def _begin_deployment(state: State, service: Service, definition_arn: str, now: float) -> Service:
    replaced = tuple(replace(item, status=DeploymentStatus.ACTIVE, updated_at=now) for item in service.deployments)
    primary = _new_deployment(state, definition_arn, now)
    state.emit(
        now,
        EventType.DEPLOYMENT_STARTED,
        f"service {service.name}: {name_of(service.task_definition_arn)} is replaced by {name_of(definition_arn)}",
        cluster=service.cluster_arn,
        service=service.arn,
        deployment=primary.id,
        taskDefinition=definition_arn,
    )
    return replace(service, deployments=(primary, *replaced), task_definition_arn=definition_arn, throttle=Throttle())


def _active_service(state: State, arn: str) -> Service:
    service = state.services.get(arn)
    if service is None:
        raise ServiceNotFoundException("Service not found.")
    if service.status is not ServiceStatus.ACTIVE:
        raise ServiceNotActiveException("Service was not ACTIVE.")
    return service


def set_standby(state: State, command: SetStandby, now: float) -> None:
    service = _active_service(state, command.service_arn)
    if not 0 <= command.count <= STANDBY_LIMIT:
        raise InvalidParameterException(f"The number of standbys must be from 0 to {STANDBY_LIMIT}.")
    if command.count == service.standby_count:
        return
    state.put(replace(service, standby_count=command.count))
    state.emit(
        now,
        EventType.SERVICE_UPDATED,
        f"service {service.name}: keep {command.count} standbys started and paused",
        cluster=service.cluster_arn,
        service=service.arn,
        desiredCount=service.desired_count,
        previousDesiredCount=service.desired_count,
        taskDefinition=service.task_definition_arn,
        standbyCount=command.count,
    )


def delete_service(state: State, command: DeleteService, now: float) -> None:
    """API_DeleteService: DRAINING until its tasks have stopped, then INACTIVE; describable all the while."""
    service = state.services.get(command.arn)
    if service is None:
        raise ServiceNotFoundException("Service not found.")
    if service.status is not ServiceStatus.ACTIVE:
        return
    if service.desired_count > 0 and not command.force:
        raise InvalidParameterException("The service cannot be stopped while it is scaled above 0.")
    state.put(
        replace(service, status=ServiceStatus.DRAINING, desired_count=0, steady=False, gaps=(), outage_began_at=None)
    )
    state.emit(
        now,
        EventType.SERVICE_DELETED,
        f"service {service.name} is DRAINING: its tasks are stopped and not replaced",
        cluster=service.cluster_arn,
        service=service.arn,
    )


# --- tasks ---


def run_task(state: State, command: RunTask, now: float) -> None:
    """API_RunTask: standalone tasks. What cannot be placed is told as a failure, not raised."""
    active_cluster(state, command.cluster_arn)
    definition = _usable_definition(state, command.task_definition_arn)
    if command.count > RUN_TASK_LIMIT:
        raise InvalidParameterException("Task count can not be greater than 10.")
    if command.count < 1:
        raise InvalidParameterException("Task count must be at least 1.")
    for override in command.overrides:
        if not any(container.name == override.name for container in definition.containers):
            raise InvalidParameterException(
                f"Override for container named {override.name} is not a container in the TaskDefinition."
            )
    if command.client_token and (known := state.tasks_of_token.get((command.cluster_arn, command.client_token))):
        _check_same_run(state, [state.tasks[arn] for arn in known], command)
        return
    if not state.engine_connected:
        for _ in range(command.count):
            message = f"a task of {name_of(definition.arn)} was not placed: {state.engine_reason}"
            state.emit(now, EventType.TASK_NOT_PLACED, message, cluster=command.cluster_arn, reason="AGENT")
        return
    for _ in range(command.count):
        create_task(
            state,
            cluster=command.cluster_arn,
            definition=definition,
            now=now,
            cause="run-task asked for it; nobody will replace it",
            group=command.group or f"family:{definition.family}",
            started_by=command.started_by,
            launch_type=command.launch_type,
            overrides=command.overrides,
            client_token=command.client_token,
            run_count=command.count,
            tags=command.tags,
        )


def _check_same_run(state: State, tasks: list[Task], command: RunTask) -> None:
    """API_RunTask, "Ensuring idempotency": a token used before answers with its tasks, if the request is the same."""
    first = tasks[0]
    if (first.task_definition_arn, first.overrides, first.run_count) != (
        command.task_definition_arn,
        command.overrides,
        command.count,
    ):
        raise ConflictException("The client token was used before with other parameters.")


def stop_task(state: State, command: StopTask, now: float) -> None:
    task = _known_task(state, command.task_arn)
    lifecycle.begin_stop(state, task, StopCode.USER_INITIATED, command.reason or "Task stopped by user", now)


def kill_task(state: State, command: KillTask, now: float) -> None:
    """A fault, not an ECS operation: the containers are hit and the scheduler has to find out by itself."""
    task = _known_task(state, command.task_arn)
    definition = state.task_definitions[task.task_definition_arn]
    hit = [container for container in task.containers if container.is_live]
    if not hit:
        raise InvalidParameterException(f"Task {short(task.arn)} is {task.last_status}: there is nothing to kill.")
    containers = tuple(
        replace(container, fault_signal=command.signal, fault_sent=False)
        if container in hit and definition.container(container.name).essential
        else container
        for container in task.containers
    )
    killed_at = now if command.signal == "SIGKILL" else task.killed_at
    state.put(replace(task, containers=containers, killed_at=killed_at))
    service = state.services.get(task.service_arn or "")
    left = desired_count = None
    if service:
        state.put(replace(service, kills=service.kills + 1))
        left = sum(1 for other in state.live_tasks_of(service.arn) if other.is_running and not other.killed_at)
        desired_count = service.desired_count
    state.emit(
        now,
        EventType.TASK_KILLED,
        f"task {short(task.arn)} is sent {command.signal}",
        cluster=task.cluster_arn,
        service=task.service_arn or "",
        task=task.arn,
        signal=command.signal,
        left=left,
        desiredCount=desired_count,
    )


def _known_task(state: State, arn: str) -> Task:
    task = state.tasks.get(arn)
    if task is None:
        raise InvalidParameterException("The referenced task was not found.")
    return task
