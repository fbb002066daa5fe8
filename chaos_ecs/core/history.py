"""`apply` for what stays on record of deployments: service revisions and service deployments.

Sources: API_ServiceDeployment, API_ServiceRevision; Developer Guide, "View service history using service deployments".
ECS keeps 90 days; we keep the newest few of each service. Never here: what a deployment does (`rollout.py`).
"""

from __future__ import annotations

from dataclasses import replace

from chaos_ecs.core.deploying import (
    FINISHED,
    Deployment,
    DeploymentStrategy,
    HookStatus,
    ServiceDeployment,
    ServiceDeploymentStatus,
    ServiceRevision,
    TrafficShift,
)
from chaos_ecs.core.deployment import breaker_threshold, fallback
from chaos_ecs.core.model import Service
from chaos_ecs.core.state import State

KEPT = 20
"""Service deployments of one service that stay on record, with their revisions."""

_BREAKER = "Deployment circuit breaker: the deployment failed"


def begin(state: State, service: Service, now: float) -> Service:
    """The newest deployment has just been made: its revision and its record. One under way before it is stopped."""
    for record in state.deployments_of(service.arn):
        if record.status not in FINISHED:
            reason = "A newer deployment took its place."
            _stop(state, record, now, reason)
    revision = _new_revision(state, service, now)
    sources = tuple(item.revision_arn for item in service.deployments[1:] if item.revision_arn)
    configuration = service.deployment_configuration
    record = ServiceDeployment(
        arn=f"{_beside(service.arn, 'service-deployment')}/{state.new_id()[:21]}",
        service_arn=service.arn,
        cluster_arn=service.cluster_arn,
        deployment_id=service.primary.id,
        target_revision_arn=revision.arn,
        source_revision_arns=sources,
        created_at=now,
        configuration=configuration,
        updated_at=now,
        threshold=breaker_threshold(configuration, service.desired_count),
        breaker_status="MONITORING" if configuration.circuit_breaker_enable else "DISABLED",
    )
    state.put(revision)
    state.put(record)
    _forget_oldest(state, service)
    primary = replace(service.primary, revision_arn=revision.arn)
    return replace(service, deployments=(primary, *service.deployments[1:]))


def _stop(state: State, record: ServiceDeployment, now: float, reason: str) -> None:
    _put(
        state,
        record,
        now,
        status=ServiceDeploymentStatus.STOPPED,
        status_reason=reason,
        stopped_at=now,
        breaker_status=_no_longer(record),
    )


def _no_longer(record: ServiceDeployment) -> str:
    return "MONITORING_COMPLETE" if record.breaker_status == "MONITORING" else record.breaker_status


def _new_revision(state: State, service: Service, now: float) -> ServiceRevision:
    number = service.primary.id.rsplit("/", 1)[1]
    return ServiceRevision(
        arn=f"{_beside(service.arn, 'service-revision')}/{number}",
        service_arn=service.arn,
        cluster_arn=service.cluster_arn,
        task_definition_arn=service.primary.task_definition_arn,
        created_at=now,
        launch_type=service.launch_type,
        load_balancers=service.load_balancers,
        uses_alternates=_uses_alternates(state, service),
        registered=service.registered,
        placement=service.placement,
    )


def _uses_alternates(state: State, service: Service) -> bool:
    """Revisions of a service with two target groups take turns; a rolling deployment stays where the one before is."""
    source = fallback(service) or next(iter(service.deployments[1:]), None)
    known = state.service_revisions.get(source.revision_arn) if source else None
    used = {item.target_group_arn for item in known.resolved} if known else set()
    pairs = [item for item in service.load_balancers if item.alternate_target_group_arn]
    if service.deployment_configuration.strategy is DeploymentStrategy.ROLLING or fallback(service) is None:
        return any(item.alternate_target_group_arn in used for item in pairs)
    return any(item.target_group_arn in used for item in pairs)


def _beside(service_arn: str, kind: str) -> str:
    return service_arn.replace(":service/", f":{kind}/", 1)


def _forget_oldest(state: State, service: Service) -> None:
    """But those of revisions that tasks still run of: the one that is live may be older than twenty rollbacks."""
    used = {deployment.revision_arn for deployment in service.deployments}
    for record in state.deployments_of(service.arn)[KEPT:]:
        if record.target_revision_arn not in used:
            _forget(state, record)


def forget(state: State, service: Service) -> None:
    """The service leaves the record, or another of its name begins anew."""
    for record in state.deployments_of(service.arn):
        _forget(state, record)


def _forget(state: State, record: ServiceDeployment) -> None:
    """A revision is made with its service deployment and goes with it."""
    if revision := state.service_revisions.get(record.target_revision_arn):
        state.drop(revision)
    state.drop(record)


def complete(state: State, service: Service, now: float) -> None:
    """The newest deployment is completed, or the one that was rolled back to."""
    record = _newest(state, service)
    if record is None or record.status in FINISHED:
        return
    if record.rollback_revision_arn:
        _put(state, record, now, status=ServiceDeploymentStatus.ROLLBACK_SUCCESSFUL, finished_at=now)
    else:
        _put(
            state,
            record,
            now,
            status=ServiceDeploymentStatus.SUCCESSFUL,
            finished_at=now,
            breaker_status=_no_longer(record),
            failure_count=0,
        )


def fail(state: State, service: Service, now: float, *, rolls_back_to: Deployment | None) -> None:
    """The circuit breaker has tripped; a deployment that was being rolled back to has nothing to go back to itself."""
    record = _newest(state, service)
    if record and record.rollback_revision_arn:
        _put(state, record, now, status=ServiceDeploymentStatus.ROLLBACK_FAILED, finished_at=now)
    elif record:
        rolls_back = rolls_back_to is not None
        _put(
            state,
            record,
            now,
            status=ServiceDeploymentStatus.ROLLBACK_IN_PROGRESS if rolls_back else ServiceDeploymentStatus.STOPPED,
            status_reason=_BREAKER + ".",
            stopped_at=None if rolls_back else now,
            failure_count=service.primary.failed_tasks,
            breaker_status="TRIGGERED",
            rollback_reason=f"{_BREAKER}." if rolls_back else "",
            rollback_started_at=now if rolls_back else None,
            rollback_revision_arn=rolls_back_to.revision_arn if rolls_back_to else "",
            shift=_shifted_back(record),
        )


def request_rollback(state: State, service: Service, target: Deployment, now: float, *, by: str = "user") -> None:
    """A user stops the newest deployment (API_StopServiceDeployment), or a lifecycle hook does."""
    if record := _newest(state, service):
        _put(
            state,
            record,
            now,
            status=ServiceDeploymentStatus.ROLLBACK_IN_PROGRESS,
            status_reason=f"Stopped by {by}: rolling back.",
            rollback_reason=f"Service deployment ROLLBACK requested by {by}.",
            rollback_started_at=now,
            rollback_revision_arn=target.revision_arn,
            shift=_shifted_back(record),
        )


def _shifted_back(record: ServiceDeployment) -> TrafficShift | None:
    """It keeps the stage in which it ended; nobody is sent to its tasks any more, and no hook waits."""
    if record.shift is None:
        return None
    pauses = tuple(
        replace(pause, status=HookStatus.FAILED) if pause.status is HookStatus.AWAITING_ACTION else pause
        for pause in record.shift.pauses
    )
    return replace(record.shift, production_percent=0.0, test_percent=0.0, pauses=pauses)


def note_failures(state: State, service: Service, now: float) -> None:
    record = _newest(state, service)
    is_meant = record is not None and record.deployment_id == service.primary.id
    if record and is_meant and record.status not in FINISHED and record.failure_count != service.primary.failed_tasks:
        _put(state, record, now, failure_count=service.primary.failed_tasks)


def note_shift(state: State, service: Service, now: float) -> None:
    """How far the traffic has moved stays on record when the deployment is over."""
    record = _newest(state, service)
    if record and record.deployment_id == service.primary.id:
        _put(state, record, now, shift=service.primary.shift)


def _newest(state: State, service: Service) -> ServiceDeployment | None:
    return next(iter(state.deployments_of(service.arn)), None)


def _put(state: State, record: ServiceDeployment, now: float, **members: object) -> None:
    state.put(replace(record, updated_at=now, **members))  # type: ignore[arg-type]
