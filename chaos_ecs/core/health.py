"""When a task counts as healthy, and when it is to be replaced for being unhealthy. Reads State, changes nothing.

Source: API_DeploymentConfiguration (minimumHealthyPercent) and API_CreateService (healthCheckGracePeriodSeconds).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum, auto

from chaos_ecs.core.backoff import was_set_back
from chaos_ecs.core.balancing import ServiceLoadBalancer, Target, TargetState
from chaos_ecs.core.deploying import ALL, Deployment, RolloutState
from chaos_ecs.core.model import HealthStatus, Service, Task, TaskDefinition
from chaos_ecs.core.state import State

LookAgain = Callable[[float], None]
"""Called with the time at which the answer may be another though nothing happens."""


class TaskHealth(Enum):
    PENDING = auto()  # not running yet, or not known yet
    HEALTHY = auto()
    UNHEALTHY = auto()  # a load balancer or a container health check says so, and the grace period is over


def task_health(state: State, service: Service, task: Task, now: float, look_again: LookAgain) -> TaskHealth:
    """The health of a task that is wanted."""
    if not task.is_running:
        return TaskHealth.PENDING
    definition = state.task_definitions[task.task_definition_arn]
    load_balancers = load_balancers_of(state, service, task.deployment_id)
    if not load_balancers and not has_health_check(definition):
        return _settled(state, service, task, now, look_again)
    statuses = _checked_statuses(task, definition)
    states = [target.state for target in targets_of(state, service, task)]
    is_cut_off = not all(reached_at(state, task, item)[0] for item in load_balancers)
    if is_cut_off or HealthStatus.UNHEALTHY in statuses or TargetState.UNHEALTHY in states:
        return _bad(service, task, now, look_again)
    all_good = all(status is HealthStatus.HEALTHY for status in statuses)
    all_serve = len(states) == len(load_balancers) and all(one is TargetState.HEALTHY for one in states)
    return TaskHealth.HEALTHY if all_good and all_serve else TaskHealth.PENDING


def has_health_check(definition: TaskDefinition) -> bool:
    """Whether an essential container has one: only those count."""
    return any(container.essential and container.health_check for container in definition.containers)


def load_balancers_of(state: State, service: Service, deployment_id: str | None) -> tuple[ServiceLoadBalancer, ...]:
    """Where a deployment's tasks are registered: as its own revision says, so that a change of groups is rolled out."""
    deployment = next((item for item in service.deployments if item.id == deployment_id), None)
    revision = state.service_revisions.get(deployment.revision_arn) if deployment else None
    return revision.resolved if revision else service.load_balancers


def unasked(state: State, service: Service, tasks: Iterable[Task]) -> frozenset[str]:
    """The ARNs of those that nobody is sent to: of a service's two target groups one may have no weight."""
    if not any(item.alternate_target_group_arn for item in service.load_balancers):
        return frozenset()
    shift = service.primary.shift
    moved = shift.production_percent if shift else ALL
    source = shift.source_id if shift and moved < ALL else ""
    sides = [item for item in service.deployments if item.id == source or (item is service.primary and moved > 0)]
    asked = {item.target_group_arn for side in sides for item in load_balancers_of(state, service, side.id)}
    return frozenset(
        task.arn
        for task in tasks
        if not any(item.target_group_arn in asked for item in load_balancers_of(state, service, task.deployment_id))
    )


def address_of(task: Task, container_name: str) -> str:
    """Where the container answers; empty when it does not run or is in no network any more."""
    found = next((container for container in task.containers if container.name == container_name), None)
    return found.address if found and found.is_live else ""


def reached_at(state: State, task: Task, item: ServiceLoadBalancer) -> tuple[str, int]:
    """Where the balancer reaches it: at its own address in the cluster's network, or, on a container instance that is
    another engine, at that one's address and the port it has there (Developer Guide, "dynamic host port mapping")."""
    instance = state.container_instances.get(task.container_instance_arn)
    if instance is None or not instance.engine:
        return address_of(task, item.container_name), item.container_port
    found = next((one for one in task.containers if one.name == item.container_name and one.is_live), None)
    ports = [one.host_port for one in found.bindings if one.container_port == item.container_port] if found else []
    return (instance.address, ports[0]) if ports else ("", 0)


def targets_of(state: State, service: Service, task: Task) -> list[Target]:
    """The task's places in the target groups of its own revision."""
    groups = {item.target_group_arn for item in load_balancers_of(state, service, task.deployment_id)}
    return [target for target in state.targets_of(task.arn) if target.target_group_arn in groups]


def why_unhealthy(state: State, service: Service, task: Task) -> Target | None:
    """The target that is unhealthy; None when it was a container health check."""
    found = targets_of(state, service, task)
    return next((target for target in found if target.state is TargetState.UNHEALTHY), None)


def _checked_statuses(task: Task, definition: TaskDefinition) -> list[HealthStatus]:
    checked = [c.name for c in definition.containers if c.essential and c.health_check]
    return [task.container(name).health_status for name in checked]


def _bad(service: Service, task: Task, now: float, look_again: LookAgain) -> TaskHealth:
    """healthCheckGracePeriodSeconds: from its start the scheduler ignores bad checks for so long."""
    grace = service.health_check_grace_period_seconds
    return TaskHealth.UNHEALTHY if _has_run_for(task, grace, now, look_again) else TaskHealth.PENDING


def _settled(state: State, service: Service, task: Task, now: float, look_again: LookAgain) -> TaskHealth:
    """Without any check a task counts as healthy some time after RUNNING: 40 s on AWS.

    At the pace of a workshop it counts at once, but not while its version is on trial: a program that starts and ends
    a moment later would complete its deployment before anybody could see that it is broken.
    """
    seconds = state.pace.settling if is_on_trial(service, task) else state.pace.settling_of_known
    return TaskHealth.HEALTHY if _has_run_for(task, seconds, now, look_again) else TaskHealth.PENDING


def _has_run_for(task: Task, seconds: float, now: float, look_again: LookAgain) -> bool:
    started_at = now if task.started_at is None else task.started_at
    if now >= started_at + seconds or was_set_back(started_at, now):
        return True
    look_again(started_at + seconds)
    return False


def is_on_trial(service: Service, task: Task) -> bool:
    """Whether the task is of a deployment under way that could still fail, or replace another one."""
    primary = service.primary
    if task.deployment_id != primary.id or not is_under_way(primary):
        return False
    return len(service.deployments) > 1 or service.deployment_configuration.circuit_breaker_enable


def is_under_way(deployment: Deployment) -> bool:
    return deployment.rollout_state is RolloutState.IN_PROGRESS
