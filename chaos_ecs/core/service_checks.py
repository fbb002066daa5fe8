"""What a service may be told about its load balancers and its deployments under way: raises an EcsError, or is silent.

Reads State and changes nothing; called where a Command is built, so a refused request never becomes one. Texts as users
of ECS have published them; the source is named where the wording is ours.
"""

from __future__ import annotations

from collections.abc import Iterable

from chaos_ecs.core.balancing import Forward, ServiceLoadBalancer
from chaos_ecs.core.deploying import (
    FINISHED,
    DeploymentConfiguration,
    DeploymentStrategy,
    HookStatus,
    ServiceDeploymentStatus,
)
from chaos_ecs.core.errors import (
    ConflictException,
    InvalidParameterException,
    ServiceDeploymentNotFoundException,
    ServiceNotActiveException,
)
from chaos_ecs.core.listeners import listener_of_default_rule
from chaos_ecs.core.model import Service, ServiceStatus, Task, TaskDefinition
from chaos_ecs.core.state import State
from chaos_ecs.core.target_groups import load_balancers_by_group

# --- load balancers ---


def check_containers(definition: TaskDefinition, load_balancers: Iterable[ServiceLoadBalancer]) -> None:
    """Whether the task definition has every container and port that is to be registered."""
    for item in load_balancers:
        container = next((c for c in definition.containers if c.name == item.container_name), None)
        if container is None:
            raise InvalidParameterException(
                f"The container {item.container_name} does not exist in the task definition."
            )
        if all(item.container_port not in mapping.container_ports for mapping in container.port_mappings):
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


def check_shifting(
    state: State, configuration: DeploymentConfiguration, load_balancers: Iterable[ServiceLoadBalancer]
) -> None:
    """Whether everything is there that a strategy needs to move traffic: for each load balancer two target groups, and
    rules that forward to nobody else.

    Source: API_AdvancedConfiguration; Developer Guide, "Application Load Balancer resources for blue/green, linear, and
    canary deployments". The alternate target group need not be forwarded to yet: ECS sees to it. Texts are ours.
    """
    items, strategy = list(load_balancers), configuration.strategy
    if strategy is not DeploymentStrategy.ROLLING and not items:
        raise InvalidParameterException(f"The deployment strategy {strategy} requires a load balancer here.")
    for item in items:
        if item.alternate_target_group_arn:
            _check_pair(state, item)
        elif strategy is not DeploymentStrategy.ROLLING:
            raise InvalidParameterException(
                f"The deployment strategy {strategy} requires advancedConfiguration for each load balancer: "
                f"{item.target_group_arn} has none."
            )
    groups = [arn for item in items for arn in (item.target_group_arn, item.alternate_target_group_arn) if arn]
    if len(dict.fromkeys(groups)) < len(groups):
        raise InvalidParameterException("targetGroupArn and alternateTargetGroupArn must all be different.")
    rules = [arn for item in items for arn in (item.production_rule_arn, item.test_rule_arn) if arn]
    if len(dict.fromkeys(rules)) < len(rules):
        raise InvalidParameterException("productionListenerRule and testListenerRule must all be different.")


def _check_pair(state: State, item: ServiceLoadBalancer) -> None:
    pair = (item.target_group_arn, item.alternate_target_group_arn)
    if pair[1] not in state.target_groups:
        raise InvalidParameterException(
            f"The specified target group does not exist. alternateTargetGroupArn: {pair[1]}"
        )
    owners = dict.fromkeys(owner for arn in pair for owner in load_balancers_by_group(state).get(arn, ()))
    for member, arn in (("productionListenerRule", item.production_rule_arn), ("testListenerRule", item.test_rule_arn)):
        if not arn:
            continue
        owner, forward = _rule_named(state, member, arn)
        owners[owner] = None
        if others := [group for group, _ in forward.groups if group not in pair]:
            raise InvalidParameterException(
                f"The {member} {arn} forwards to target groups other than the two of the load balancer: {others[0]}"
            )
    if len(owners) > 1:
        raise InvalidParameterException("Both target groups and their listener rules must be of one load balancer.")


def _rule_named(state: State, member: str, arn: str) -> tuple[str, Forward]:
    """The load balancer and the forward action of a rule, which may be the default rule of a listener."""
    if rule := state.rules.get(arn):
        return state.listeners[rule.listener_arn].load_balancer_arn, rule.forward
    if listener := listener_of_default_rule(state, arn):
        return listener.load_balancer_arn, listener.default
    if arn in state.listeners:
        raise InvalidParameterException(f"The {member} {arn} is a listener: give the ARN of one of its rules.")
    raise InvalidParameterException(f"The specified listener rule does not exist. {member}: {arn}")


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


def check_continuable(state: State, service_deployment_arn: str, hook_id: str) -> None:
    """Whether a lifecycle hook of a service deployment can be continued or rolled back.

    Raises ServiceDeploymentNotFoundException, InvalidParameterException for a hook that waits for nobody, and
    ServiceNotActiveException. Source: API_ContinueServiceDeployment, whose errors have no ConflictException; the texts
    are ours.
    """
    deployment = state.service_deployments.get(service_deployment_arn)
    if deployment is None:
        raise ServiceDeploymentNotFoundException("Service deployment not found.")
    pauses = deployment.shift.pauses if deployment.shift else ()
    pause = next((item for item in pauses if item.id == hook_id), None)
    if pause is None:
        raise InvalidParameterException(f"The service deployment has no lifecycle hook with the hookId {hook_id}.")
    if pause.status is not HookStatus.AWAITING_ACTION or deployment.status is not ServiceDeploymentStatus.IN_PROGRESS:
        raise InvalidParameterException(
            f"The lifecycle hook {hook_id} is not awaiting an action: its status is {pause.status}, that of the "
            f"service deployment {deployment.status}."
        )
    if state.services[deployment.service_arn].status is not ServiceStatus.ACTIVE:
        raise ServiceNotActiveException("Service was not ACTIVE.")


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
