"""`apply` for Commands on services: create, update, delete, stop a deployment, protect tasks, keep standbys.

As `commands.py`, which has those on clusters and tasks: every refusal comes before the first change.
"""

from __future__ import annotations

from dataclasses import replace

from chaos_ecs.core import history, rollout, stages, traffic
from chaos_ecs.core.arns import name_of, short
from chaos_ecs.core.commands import active_cluster, usable_definition
from chaos_ecs.core.compatibility import check_launch_type
from chaos_ecs.core.deploying import Deployment, DeploymentStatus, LifecycleStage, RolloutState
from chaos_ecs.core.deployment import fallback
from chaos_ecs.core.errors import (
    ConflictException,
    InvalidParameterException,
    ServiceDeploymentNotFoundException,
    ServiceNotActiveException,
    ServiceNotFoundException,
)
from chaos_ecs.core.messages import CreateService, DeleteService, EventType, SetStandby, UpdateService
from chaos_ecs.core.model import Service, ServiceStatus, Throttle
from chaos_ecs.core.platforms import not_on_aws
from chaos_ecs.core.rollout_messages import SetTaskProtection, StopServiceDeployment
from chaos_ecs.core.state import State

STANDBY_LIMIT = 10
"""A standby costs the memory of a task and serves nobody: enough for everything to die at once, and no more."""

TASKS_PER_SERVICE = 5000
"""Service quotas of Amazon ECS: tasks per service."""


def create_service(state: State, command: CreateService, now: float) -> None:
    active_cluster(state, command.cluster_arn)
    definition = usable_definition(state, command.task_definition_arn)
    check_launch_type(definition, command.launch_type)
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
        deployments=(_new_deployment(state, definition.arn, command.desired_count, now),),
        created_at=now,
        launch_type=command.launch_type,
        deployment_configuration=command.deployment_configuration,
        health_check_grace_period_seconds=command.health_check_grace_period_seconds,
        load_balancers=command.load_balancers,
        client_token=command.client_token,
        registered=command.registered,
        tags=command.tags,
        unsteady_since=now,
        task_options=command.task_options,
        placement=command.placement,
    )
    for event in state.events_of(service.arn):  # of an earlier service of this name
        state.drop(event)
    history.forget(state, service)
    service = history.begin(state, service, now)
    state.put(service)
    traffic.settle(state, service.primary)
    state.emit(
        now,
        EventType.SERVICE_CREATED,
        f"service {service.name}: keep {service.desired_count} tasks of {name_of(definition.arn)} running"
        + not_on_aws(command.aws_refuses),
        cluster=service.cluster_arn,
        service=service.arn,
        desiredCount=service.desired_count,
        taskDefinition=definition.arn,
        awsRefuses=command.aws_refuses or None,
    )
    if command.aws_refuses:
        state.note_service(now, service, f"(service {service.name}) runs here{not_on_aws(command.aws_refuses)}")


def _is_same(service: Service, command: CreateService) -> bool:
    return (
        service.task_definition_arn,
        command.desired_count if service.placement.is_daemon else service.desired_count,
        service.launch_type,
        service.deployment_configuration,
        service.load_balancers,
        service.registered,
    ) == (
        command.task_definition_arn,
        command.desired_count,
        command.launch_type,
        command.deployment_configuration,
        command.load_balancers,
        command.registered,
    )


def _check_desired_count(count: int) -> None:
    if count < 0:
        raise InvalidParameterException("desiredCount must be greater than or equal to 0")
    if count > TASKS_PER_SERVICE:
        raise InvalidParameterException(f"desiredCount must be less than or equal to {TASKS_PER_SERVICE}")


def _new_deployment(state: State, definition_arn: str, desired_count: int, now: float) -> Deployment:
    id_ = state.new_deployment_id()
    return Deployment(
        id_,
        DeploymentStatus.PRIMARY,
        definition_arn,
        now,
        now,
        rollout_state_reason=f"ECS deployment {id_} in progress.",
        desired_count=desired_count,
    )


def update_service(state: State, command: UpdateService, now: float) -> None:
    """API_UpdateService, member by member: a new definition or force makes a new deployment, a count does not."""
    service = _active_service(state, command.arn)
    definition_arn = command.task_definition_arn or service.task_definition_arn
    load_balancers = service.load_balancers if command.load_balancers is None else command.load_balancers
    deploys = (
        command.force_new_deployment
        or definition_arn != service.task_definition_arn
        or load_balancers != service.load_balancers
    )
    launch_type = command.launch_type or service.launch_type
    if deploys:
        check_launch_type(usable_definition(state, definition_arn), launch_type)
    elif launch_type != service.launch_type and definition_arn in state.task_definitions:
        check_launch_type(state.task_definitions[definition_arn], launch_type)
    desired_count = service.desired_count if command.desired_count is None else command.desired_count
    _check_desired_count(desired_count)
    previous = service
    grace = command.health_check_grace_period_seconds
    service = replace(
        service,
        deployment_configuration=command.deployment_configuration or service.deployment_configuration,
        health_check_grace_period_seconds=service.health_check_grace_period_seconds if grace is None else grace,
        load_balancers=load_balancers,
        registered=service.registered if command.registered is None else command.registered,
        launch_type=launch_type,
        task_options=command.task_options or service.task_options,
        placement=command.placement or service.placement,
    )
    if deploys or desired_count != previous.desired_count:
        service = resized(service, desired_count, now)
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


def resized(service: Service, desired_count: int, now: float) -> Service:
    """With another desired count, by its user or by a scaling policy: no deployment (API_UpdateService)."""
    counted = (service.primary.id, service.primary.shift.source_id if service.primary.shift else "")
    deployments = tuple(
        replace(item, desired_count=desired_count) if item.id in counted else item for item in service.deployments
    )
    return replace(
        service,
        desired_count=desired_count,
        steady=False,
        unsteady_since=now,
        gaps=service.gaps[:desired_count],
        deployments=deployments,
    )


def _begin_deployment(state: State, service: Service, definition_arn: str, now: float) -> Service:
    replaced = tuple(
        replace(item, status=DeploymentStatus.ACTIVE, updated_at=now, shift=None) for item in service.deployments
    )
    primary = _new_deployment(state, definition_arn, service.desired_count, now)
    state.emit(
        now,
        EventType.DEPLOYMENT_STARTED,
        f"service {service.name}: {name_of(service.task_definition_arn)} is replaced by {name_of(definition_arn)}",
        cluster=service.cluster_arn,
        service=service.arn,
        deployment=primary.id,
        taskDefinition=definition_arn,
    )
    service = replace(service, deployments=(primary, *replaced), throttle=Throttle())
    service = history.begin(state, replace(service, task_definition_arn=definition_arn), now)
    return stages.begin(state, service, now)


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
    if service.placement.is_daemon and command.count:
        raise InvalidParameterException("A service with the scheduling strategy DAEMON keeps no standbys.")
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
    if service.desired_count > 0 and not command.force and not service.placement.is_daemon:
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


def stop_service_deployment(state: State, command: StopServiceDeployment, now: float) -> None:
    """API_StopServiceDeployment with ROLLBACK: back to the last completed deployment."""
    record = state.service_deployments.get(command.service_deployment_arn)
    if record is None:
        raise ServiceDeploymentNotFoundException("The service deployment doesn't exist.")
    service = _active_service(state, record.service_arn)
    is_newest = service.primary.id == record.deployment_id
    if not is_newest or service.primary.rollout_state is not RolloutState.IN_PROGRESS or record.rollback_revision_arn:
        raise ConflictException("The service deployment is not in progress.")
    if service.primary.shift and service.primary.shift.stage is LifecycleStage.CLEAN_UP:
        raise ConflictException("The service deployment is in stage CLEAN_UP and can not be rolled back any more.")
    if fallback(service) is None:
        raise ConflictException("There is no completed service deployment to roll back to.")
    rollout.stopped(state, service, now, by="user")


def set_task_protection(state: State, command: SetTaskProtection, now: float) -> None:
    """API_UpdateTaskProtection: every call sets the time anew. Whose tasks may be is for the caller to see."""
    until = now + command.expires_in_minutes * 60 if command.enabled else None
    for arn in command.task_arns:
        task = state.tasks[arn]
        state.put(replace(task, protected_until=until))
        said = "protected from scale-in and deployments" if until else "not protected any more"
        state.emit(
            now,
            EventType.TASK_PROTECTION_CHANGED,
            f"task {short(arn)} is {said}",
            cluster=task.cluster_arn,
            service=task.service_arn or "",
            task=arn,
            until=until,
        )
