"""The nouns of deployments, as ECS has them. Beside `model.py`, which has services and tasks.

Never here: what is due in a deployment (`deployment.py`, `service_plan.py`) and what follows from it (`rollout.py`).
Times are seconds since the epoch; enum values are spelled as on the wire.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from chaos_ecs.core.balancing import ServiceLoadBalancer


class DeploymentStatus(StrEnum):
    PRIMARY = "PRIMARY"
    ACTIVE = "ACTIVE"


class RolloutState(StrEnum):
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class DeploymentConfiguration:
    minimum_healthy_percent: int = 100
    maximum_percent: int = 200
    circuit_breaker_enable: bool = False
    circuit_breaker_rollback: bool = False
    circuit_breaker_reset: bool = True  # resetOnHealthyTask
    circuit_breaker_type: str = "BOUNDED_PERCENT"  # of thresholdConfiguration; or UNBOUNDED_PERCENT, COUNT
    circuit_breaker_value: int = 50


@dataclass(frozen=True, slots=True)
class Deployment:
    id: str
    status: DeploymentStatus
    task_definition_arn: str
    created_at: float
    updated_at: float
    rollout_state: RolloutState = RolloutState.IN_PROGRESS
    rollout_state_reason: str = ""
    desired_count: int = 0  # how many tasks it is to have: those of an older one grow fewer as they are replaced
    failed_tasks: int = 0
    reached_running: bool = False  # whether any of its tasks has been RUNNING: the circuit breaker's second stage
    was_completed: bool = False  # the deployment to roll back to
    stuck_told: bool = False  # that its limits leave no move
    revision_arn: str = ""  # API_ServiceRevision
    image_digests: tuple[tuple[str, str], ...] = ()  # by container: what the first task found, and all later ones run


class ServiceDeploymentStatus(StrEnum):
    PENDING = "PENDING"
    IN_PROGRESS = "IN_PROGRESS"
    SUCCESSFUL = "SUCCESSFUL"
    STOP_REQUESTED = "STOP_REQUESTED"
    STOPPED = "STOPPED"
    ROLLBACK_REQUESTED = "ROLLBACK_REQUESTED"
    ROLLBACK_IN_PROGRESS = "ROLLBACK_IN_PROGRESS"
    ROLLBACK_SUCCESSFUL = "ROLLBACK_SUCCESSFUL"
    ROLLBACK_FAILED = "ROLLBACK_FAILED"


@dataclass(frozen=True, slots=True)
class ServiceRevision:
    """What a deployment rolled out, never changed afterwards (API_ServiceRevision)."""

    arn: str  # arn:aws:ecs:REGION:ACCOUNT:service-revision/CLUSTER/SERVICE/19 digits
    service_arn: str
    cluster_arn: str
    task_definition_arn: str
    created_at: float
    launch_type: str = "EC2"
    load_balancers: tuple[ServiceLoadBalancer, ...] = ()
    registered: str = "{}"  # Service.registered as it was then: never read by the core

    @property
    def key(self) -> str:
        return self.arn


@dataclass(frozen=True, slots=True)
class ServiceDeployment:
    """The history of one deployment (API_ServiceDeployment). The newest few of each service are kept."""

    arn: str  # arn:aws:ecs:REGION:ACCOUNT:service-deployment/CLUSTER/SERVICE/21 characters
    service_arn: str
    cluster_arn: str
    deployment_id: str
    target_revision_arn: str
    source_revision_arns: tuple[str, ...]
    created_at: float
    configuration: DeploymentConfiguration
    status: ServiceDeploymentStatus = ServiceDeploymentStatus.IN_PROGRESS
    status_reason: str = ""
    updated_at: float = 0.0
    finished_at: float | None = None
    stopped_at: float | None = None
    failure_count: int = 0
    threshold: int = 3
    breaker_status: str = "DISABLED"  # or MONITORING, MONITORING_COMPLETE, TRIGGERED
    rollback_reason: str = ""
    rollback_started_at: float | None = None
    rollback_revision_arn: str = ""

    @property
    def key(self) -> str:
        return self.arn
