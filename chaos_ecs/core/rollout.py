"""`apply` for what moves a service's deployments on: stops, health, completion, failure, roll back.

Sources: API_Deployment, API_DeploymentCircuitBreaker; Developer Guide, "deployment circuit breaker"; texts of events as
published traces have them. Never here: which of it is due (`service_plan.py`, `deployment.py`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from chaos_ecs.core import history, lifecycle, traffic
from chaos_ecs.core.arns import name_of, short
from chaos_ecs.core.deploying import Deployment, DeploymentStatus, DeploymentStrategy, RolloutState
from chaos_ecs.core.deployment import breaker_threshold, fallback
from chaos_ecs.core.messages import EventType, StopTasks
from chaos_ecs.core.model import Service, StopCode, Task, TaskStatus, Throttle
from chaos_ecs.core.rollout_messages import (
    FailDeployment,
    MarkHealthy,
    MarkRecovered,
    MarkSteady,
    MarkUnhealthy,
    RetireDeployments,
    StopUnhealthy,
    TellStuck,
)
from chaos_ecs.core.state import State

BREAKER = "ECS deployment circuit breaker"
STUCK = (
    "was unable to stop or start tasks during a deployment because of the service deployment configuration. "
    "Update the minimumHealthyPercent or maximumPercent value and try again."
)


# --- stops ---


def stop_tasks(state: State, intent: StopTasks, now: float) -> None:
    service = state.services[intent.service_arn]
    tasks = [state.tasks[arn] for arn in intent.task_arns]
    running = [task for task in tasks if task.last_status.rank >= TaskStatus.RUNNING.rank]
    state.put(unsteady(_without(service, [state.tasks[arn] for arn in intent.replaced]), now))
    for task in tasks:
        lifecycle.begin_stop(state, task, StopCode.SERVICE_SCHEDULER_INITIATED, intent.reason, now)
    service = state.services[service.arn]
    if running:
        message = f"(service {service.name}) has stopped {len(running)} running tasks: {_named(running)}."
        _tell_stopped(state, service, message, intent, now)
    if pending := len(tasks) - len(running):
        _tell_stopped(state, service, f"(service {service.name}) stopped {pending} pending tasks.", intent, now)


def unsteady(service: Service, now: float) -> Service:
    """Its tasks change: that it is steady is to be told anew."""
    return replace(service, steady=False, unsteady_since=now) if service.steady else service


def _without(service: Service, tasks: list[Task]) -> Service:
    """Older deployments are to have so many tasks fewer."""
    deployments = []
    for deployment in service.deployments:
        going = sum(task.deployment_id == deployment.id for task in tasks if deployment is not service.primary)
        deployments.append(replace(deployment, desired_count=max(0, deployment.desired_count - going)))
    return replace(service, deployments=tuple(deployments))


def _named(tasks: list[Task]) -> str:
    return " ".join(f"(task {task.id})" for task in tasks)


def _tell_stopped(state: State, service: Service, message: str, intent: StopTasks, now: float) -> None:
    tasks = list(intent.task_arns)
    state.tell_service(now, service, EventType.SERVICE_TASKS_STOPPED, message, tasks=tasks, cause=intent.cause)


def stop_unhealthy(state: State, intent: StopUnhealthy, now: float) -> None:
    """The event of ECS is written at the stop, not when the check failed."""
    service, task = state.services[intent.service_arn], state.tasks[intent.task_arn]
    if intent.replaced:
        service = _without(service, [task])
        state.put(service)
    data: dict[str, Any] = {"tasks": [task.arn], "cause": intent.cause}
    if intent.target_group_arn:
        where = f"(target-group {intent.target_group_arn})"
        why = f"is unhealthy in {where} due to (reason {intent.description})."
        message = f"(service {service.name}) (task {task.id}) (port {intent.port}) {why}"
        reason = f"Task failed ELB health checks in {where}"
        data["reason"] = intent.description
    else:
        message = f"(service {service.name}) (task {task.id}) failed container health checks."
        reason = "Task failed container health checks"
    state.tell_service(now, service, EventType.TASK_UNHEALTHY, message, **data)
    lifecycle.begin_stop(state, task, StopCode.SERVICE_SCHEDULER_INITIATED, reason, now)


# --- health and completion ---


def mark_healthy(state: State, intent: MarkHealthy, now: float) -> None:
    """One good task clears the count of failures, unless `resetOnHealthyTask` is off (API_DeploymentCircuitBreaker)."""
    service = state.services[intent.service_arn]
    told = bool(service.load_balancers)
    healthy = [state.tasks[arn] for arn in intent.task_arns]
    for task in healthy:
        state.put(replace(task, healthy_at=now))
        if told:
            _tell_healthy(state, service, task, now)
    if service.deployment_configuration.circuit_breaker_reset:
        ids = {task.deployment_id for task in healthy}
        deployments = tuple(replace(d, failed_tasks=0) if d.id in ids else d for d in service.deployments)
        if deployments != service.deployments:
            service = replace(service, deployments=deployments)
            state.put(service)
            history.note_failures(state, service, now)


def mark_unhealthy(state: State, intent: MarkUnhealthy, now: float) -> None:
    """Each failed health check counts (Developer Guide, "deployment circuit breaker", stage 2): when it is found, not
    when the task is stopped, which may have to wait for room."""
    service = state.services[intent.service_arn]
    for arn in intent.task_arns:
        task = replace(state.tasks[arn], unhealthy_at=now)
        state.put(task)
        service = lifecycle.count_failed_task(state, service, task, now)


def _tell_healthy(state: State, service: Service, task: Task, now: float) -> None:
    state.emit(
        now,
        EventType.TASK_HEALTHY,
        f"task {short(task.arn)} is healthy",
        cluster=task.cluster_arn,
        service=service.arn,
        task=task.arn,
        after=now - (task.fills.died_at if task.fills else task.created_at),
        fills=task.fills.task_arn if task.fills else None,
    )


def mark_steady(state: State, intent: MarkSteady, now: float) -> None:
    service = state.services[intent.service_arn]
    primary = service.primary
    outage_seconds = None if service.outage_began_at is None else now - service.outage_began_at
    completed = primary.rollout_state is RolloutState.IN_PROGRESS
    primary = replace(primary, stuck_told=False)
    if completed:
        primary = replace(
            primary,
            rollout_state=RolloutState.COMPLETED,
            rollout_state_reason=f"ECS deployment {primary.id} completed.",
            was_completed=True,
            failed_tasks=0,
            updated_at=now,
            shift=None,
        )
    after = now - service.unsteady_since
    service = replace(
        service,
        deployments=(primary, *service.deployments[1:]),
        steady=True,
        gaps=(),
        outage_began_at=None,
        last_recovery_seconds=service.last_recovery_seconds if outage_seconds is None else outage_seconds,
    )
    state.put(service)
    if completed:
        history.complete(state, service, now)
        message = f"(service {service.name}) (deployment {primary.id}) deployment completed."
        state.tell_service(now, service, EventType.DEPLOYMENT_COMPLETED, message, deployment=primary.id)
    running = service.desired_count
    message = f"(service {service.name}) has reached a steady state."
    state.tell_service(now, service, EventType.SERVICE_STEADY, message, runningCount=running, after=after)
    if outage_seconds is not None:
        _tell_recovered(state, service, outage_seconds, now)


def mark_recovered(state: State, intent: MarkRecovered, now: float) -> None:
    """The rest of a deployment is no part of a recovery, however long it bakes."""
    service = state.services[intent.service_arn]
    assert service.outage_began_at is not None, "only planned when something died"
    seconds = now - service.outage_began_at
    state.put(replace(service, outage_began_at=None, last_recovery_seconds=seconds))
    _tell_recovered(state, service, seconds, now)


def _tell_recovered(state: State, service: Service, seconds: float, now: float) -> None:
    state.emit(
        now,
        EventType.SERVICE_RECOVERED,
        f"service {service.name} recovered in {seconds:.1f} s",
        cluster=service.cluster_arn,
        service=service.arn,
        seconds=seconds,
        runningCount=service.desired_count,
    )


def retire_deployments(state: State, intent: RetireDeployments, now: float) -> None:
    service = state.services[intent.service_arn]
    kept = tuple(item for item in service.deployments if item.id not in intent.deployment_ids)
    state.put(replace(service, deployments=kept))


def tell_stuck(state: State, intent: TellStuck, now: float) -> None:
    service = state.services[intent.service_arn]
    primary = replace(service.primary, stuck_told=True)
    state.put(unsteady(replace(service, deployments=(primary, *service.deployments[1:])), now))
    state.tell_service(now, service, EventType.DEPLOYMENT_STUCK, f"(service {service.name}) {STUCK}")


# --- failure and roll back ---


def fail_deployment(state: State, intent: FailDeployment, now: float) -> None:
    """With nothing to roll back to the deployment stalls: no new tasks, what serves goes on serving. One that moves
    traffic is always rolled back: some of the requests may be going to the tasks that fail."""
    service = state.services[intent.service_arn]
    configuration = service.deployment_configuration
    rolls_back = configuration.circuit_breaker_rollback or service.primary.shift is not None
    target = fallback(service) if rolls_back else None
    history.fail(state, service, now, rolls_back_to=target)
    why = f"{BREAKER}: tasks failed to start."
    failed = replace(service.primary, rollout_state=RolloutState.FAILED, rollout_state_reason=why, updated_at=now)
    state.put(replace(service, deployments=(failed, *service.deployments[1:]), steady=False))
    service = state.services[service.arn]
    message = f"(service {service.name}) (deployment {failed.id}) deployment failed: tasks failed to start."
    state.tell_service(
        now,
        service,
        EventType.DEPLOYMENT_FAILED,
        message,
        deployment=failed.id,
        taskDefinition=failed.task_definition_arn,
        failedTasks=failed.failed_tasks,
        threshold=breaker_threshold(configuration, service.desired_count),
        rollsBack=target is not None,
    )
    if target is not None:
        roll_back(state, service, target, f"{BREAKER}: rolling back to deploymentId {target.id}", now)


def roll_back(state: State, service: Service, target: Deployment, why: str, now: float) -> None:
    """The completed deployment is PRIMARY again, keeps its tasks and has all requests; the others are ACTIVE until
    their tasks are gone."""
    traffic.send_back(state, service.primary)
    again = replace(
        target,
        status=DeploymentStatus.PRIMARY,
        rollout_state=RolloutState.IN_PROGRESS,
        rollout_state_reason=why,
        desired_count=service.desired_count,
        failed_tasks=0,
        updated_at=now,
        shift=None,
    )
    others = tuple(
        replace(item, status=DeploymentStatus.ACTIVE, updated_at=now, shift=None)
        for item in service.deployments
        if item.id != target.id
    )
    revision = state.service_revisions.get(target.revision_arn)
    load_balancers = revision.load_balancers if revision else service.load_balancers
    configuration = service.deployment_configuration
    if not any(item.alternate_target_group_arn for item in load_balancers):  # there is nothing to move traffic between
        configuration = replace(configuration, strategy=DeploymentStrategy.ROLLING, hooks=())
    service = replace(
        service,
        deployments=(again, *others),
        task_definition_arn=target.task_definition_arn,
        load_balancers=load_balancers,
        deployment_configuration=configuration,
        registered=revision.registered if revision else service.registered,
        launch_type=revision.launch_type if revision else service.launch_type,
        placement=revision.placement if revision else service.placement,
        throttle=Throttle(),
        steady=False,
        unsteady_since=now,
    )
    state.put(service)
    state.tell_service(
        now,
        service,
        EventType.DEPLOYMENT_ROLLED_BACK,
        f"(service {service.name}) rolling back to deployment {target.id}.",
        deployment=target.id,
        taskDefinition=target.task_definition_arn,
        name=name_of(target.task_definition_arn),
    )


def stopped(state: State, service: Service, now: float, *, by: str) -> None:
    """API_StopServiceDeployment with ROLLBACK, or a lifecycle hook; works without a circuit breaker."""
    target = fallback(service)
    assert target is not None, "checked by the command; what moves traffic has a deployment to move it from"
    history.request_rollback(state, service, target, now, by=by)
    failed = replace(service.primary, rollout_state=RolloutState.FAILED, rollout_state_reason="", updated_at=now)
    service = replace(service, deployments=(failed, *service.deployments[1:]))
    roll_back(state, service, target, f"ECS deployment {target.id} in progress.", now)
