"""What a service may be told about its load balancers and its deployments under way: raises an EcsError, or is silent.

Reads State and changes nothing; called where a Command is built, so a refused request never becomes one. Texts as users
of ECS have published them; the source is named where the wording is ours.
"""

from __future__ import annotations

from collections.abc import Iterable

from chaos_ecs.core.balancing import Forward, ServiceLoadBalancer
from chaos_ecs.core.deploying import ServiceDeploymentStatus
from chaos_ecs.core.errors import ConflictException, InvalidParameterException, ServiceDeploymentNotFoundException
from chaos_ecs.core.model import Service, Task, TaskDefinition
from chaos_ecs.core.state import State

FINISHED = (
    ServiceDeploymentStatus.SUCCESSFUL,
    ServiceDeploymentStatus.STOPPED,
    ServiceDeploymentStatus.ROLLBACK_SUCCESSFUL,
    ServiceDeploymentStatus.ROLLBACK_FAILED,
)
"""Developer Guide, "View service history": the states of a service deployment that is over."""


# --- load balancers ---


def check_containers(definition: TaskDefinition, load_balancers: Iterable[ServiceLoadBalancer]) -> None:
    """Whether the task definition has every container and port that is to be registered."""
    for item in load_balancers:
        container = next((c for c in definition.containers if c.name == item.container_name), None)
        if container is None:
            raise InvalidParameterException(
                f"The container {item.container_name} does not exist in the task definition."
            )
        if all(mapping.container_port != item.container_port for mapping in container.port_mappings):
            raise InvalidParameterException(
                f"The container {item.container_name} did not have a container port {item.container_port} defined."
            )


def check_target_groups(state: State, load_balancers: Iterable[ServiceLoadBalancer]) -> None:
    """Whether every target group is there and a listener or a rule forwards to it.

    Wording of the first: ours; nobody has published what ECS says of a group that is not there today.
    """
    for item in load_balancers:
        arn = item.target_group_arn
        if arn not in state.target_groups:
            raise InvalidParameterException(f"The specified target group does not exist. targetGroupArn: {arn}")
        if not _is_forwarded_to(state, arn):
            raise InvalidParameterException(
                f"The target group with targetGroupArn {arn} does not have an associated load balancer."
            )


def _is_forwarded_to(state: State, target_group_arn: str) -> bool:
    forwards: list[Forward] = [listener.default for listener in state.listeners.values()]
    forwards += [rule.forward for rule in state.rules.values()]
    return any(target_group_arn == arn for forward in forwards for arn, _ in forward.groups)


# --- deployments ---


def is_stoppable(state: State, service_deployment_arn: str) -> bool:
    """Whether a service deployment is to be rolled back now; False: it is being stopped already.

    Raises ServiceDeploymentNotFoundException, and ConflictException for one that is over. Source: Developer Guide,
    "Stopping Amazon ECS service deployments"; the texts are ours.
    """
    deployment = state.service_deployments.get(service_deployment_arn)
    if deployment is None:
        raise ServiceDeploymentNotFoundException("Service deployment not found.")
    if deployment.status in FINISHED:
        raise ConflictException(f"The service deployment is {deployment.status} and can not be stopped any more.")
    return deployment.status in (ServiceDeploymentStatus.PENDING, ServiceDeploymentStatus.IN_PROGRESS)


# --- protection ---


def is_protected(task: Task, now: float) -> bool:
    """API_UpdateTaskProtection: until its time is over."""
    return task.protected_until is not None and task.protected_until > now


def can_be_protected(task: Task) -> bool:
    """API_UpdateTaskProtection: tasks of services only; one that is ending would gain nothing."""
    return task.service_arn is not None and task.is_wanted


def is_blocked_by_protection(state: State, service: Service, now: float) -> bool:
    """Whether nothing but protected tasks keeps a deployment from its end: the newest has all of its tasks running,
    and all that is left of older ones is protected. Then ECS protects no further task (API failure reasons,
    DEPLOYMENT_BLOCKED).
    """
    wanted = [task for task in state.live_tasks_of(service.arn) if task.is_wanted]
    older = [task for task in wanted if task.deployment_id != service.primary.id]
    newest = [task for task in wanted if task.deployment_id == service.primary.id and task.is_running]
    return bool(older) and len(newest) >= service.desired_count and all(is_protected(task, now) for task in older)
