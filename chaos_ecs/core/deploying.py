"""The nouns of deployments, as ECS has them. Beside `model.py`, which has services and tasks.

Never here: what is due in a deployment (`deployment.py`, `service_plan.py`) and what follows from it (`rollout.py`).
Times are seconds since the epoch; enum values are spelled as on the wire.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from chaos_ecs.core.balancing import ServiceLoadBalancer
from chaos_ecs.core.ordered import Ordered
from chaos_ecs.core.placement_rules import PlacementWishes


class DeploymentStatus(StrEnum):
    PRIMARY = "PRIMARY"
    ACTIVE = "ACTIVE"


class RolloutState(StrEnum):
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"


class DeploymentStrategy(StrEnum):
    """API_DeploymentConfiguration.strategy. All but the first move traffic between two target groups."""

    ROLLING = "ROLLING"
    BLUE_GREEN = "BLUE_GREEN"
    LINEAR = "LINEAR"
    CANARY = "CANARY"


class LifecycleStage(Ordered):
    """In their order (Developer Guide, "Amazon ECS blue/green service deployments workflow")."""

    RECONCILE_SERVICE = "RECONCILE_SERVICE"  # what an earlier deployment left half done is undone
    PRE_SCALE_UP = "PRE_SCALE_UP"
    SCALE_UP = "SCALE_UP"  # the new revision's tasks start; no requests reach them
    POST_SCALE_UP = "POST_SCALE_UP"
    TEST_TRAFFIC_SHIFT = "TEST_TRAFFIC_SHIFT"  # the test listener's requests go to them
    POST_TEST_TRAFFIC_SHIFT = "POST_TEST_TRAFFIC_SHIFT"
    PRE_PRODUCTION_TRAFFIC_SHIFT = "PRE_PRODUCTION_TRAFFIC_SHIFT"
    PRODUCTION_TRAFFIC_SHIFT = "PRODUCTION_TRAFFIC_SHIFT"  # everybody's requests: at once, or step by step
    POST_PRODUCTION_TRAFFIC_SHIFT = "POST_PRODUCTION_TRAFFIC_SHIFT"
    BAKE_TIME = "BAKE_TIME"  # both revisions run on, so that going back takes no time
    CLEAN_UP = "CLEAN_UP"  # the old revision's tasks stop


ALL = 100.0
"""Percent: when that much has moved nothing is left to be moved."""


class HookAction(StrEnum):
    CONTINUE = "CONTINUE"
    ROLLBACK = "ROLLBACK"


class HookStatus(StrEnum):
    """API_DeploymentLifecycleHookDetail.status, as far as a PAUSE hook has them."""

    AWAITING_ACTION = "AWAITING_ACTION"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"  # told to roll back
    TIMED_OUT = "TIMED_OUT"


@dataclass(frozen=True, slots=True)
class LifecycleHook:
    """API_DeploymentLifecycleHook of target type PAUSE: the deployment waits at these stages until it is continued."""

    stages: tuple[LifecycleStage, ...]
    timeout_minutes: int = 1440
    timeout_action: HookAction = HookAction.ROLLBACK


@dataclass(frozen=True, slots=True)
class HookPause:
    """One hook at one stage of one deployment (API_DeploymentLifecycleHookDetail)."""

    id: str
    stage: LifecycleStage
    began_at: float
    expires_at: float
    timeout_action: HookAction
    status: HookStatus = HookStatus.AWAITING_ACTION


@dataclass(frozen=True, slots=True)
class TrafficShift:
    """How far a deployment that moves traffic has come: its stage, and the percentages its tasks are sent.

    `source_id` is the deployment whose tasks serve meanwhile, and again if it fails; `also_serving` are others in the
    same target groups, of rolling deployments that were overtaken.
    """

    source_id: str
    configuration: DeploymentConfiguration  # that of the service when it began: what is said later is for the next one
    stage: LifecycleStage
    stage_since: float
    production_percent: float = 0.0
    test_percent: float = 0.0
    shifted_at: float = 0.0  # when the last step of production traffic was taken
    pauses: tuple[HookPause, ...] = ()  # those of stages gone by too
    also_serving: tuple[str, ...] = ()

    @property
    def bake_minutes(self) -> int:
        """How many minutes of baking are to pass before its next step."""
        if self.stage is LifecycleStage.BAKE_TIME:
            return self.configuration.bake_minutes
        is_step = self.stage is LifecycleStage.PRODUCTION_TRAFFIC_SHIFT and self.production_percent < ALL
        return self.configuration.step_bake_minutes if is_step else 0

    @property
    def bakes_since(self) -> float:
        return self.stage_since if self.stage is LifecycleStage.BAKE_TIME else self.shifted_at

    @property
    def pause(self) -> HookPause | None:
        """The hook that is waited for."""
        return next((item for item in self.pauses if item.status is HookStatus.AWAITING_ACTION), None)


@dataclass(frozen=True, slots=True)
class DeploymentConfiguration:
    minimum_healthy_percent: int = 100
    maximum_percent: int = 200
    circuit_breaker_enable: bool = False
    circuit_breaker_rollback: bool = False
    circuit_breaker_reset: bool = True  # resetOnHealthyTask
    circuit_breaker_type: str = "BOUNDED_PERCENT"  # of thresholdConfiguration; or UNBOUNDED_PERCENT, COUNT
    circuit_breaker_value: int = 50
    strategy: DeploymentStrategy = DeploymentStrategy.ROLLING
    bake_minutes: int = 0  # bakeTimeInMinutes: after all production traffic has moved
    step_percent: float = 10.0  # stepPercent of LINEAR, canaryPercent of CANARY
    step_bake_minutes: int = 6  # stepBakeTimeInMinutes, canaryBakeTimeInMinutes
    hooks: tuple[LifecycleHook, ...] = ()


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
    shift: TrafficShift | None = None  # of one that moves traffic, until it is completed or given up


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


FINISHED = (
    ServiceDeploymentStatus.SUCCESSFUL,
    ServiceDeploymentStatus.STOPPED,
    ServiceDeploymentStatus.ROLLBACK_SUCCESSFUL,
    ServiceDeploymentStatus.ROLLBACK_FAILED,
)
"""Developer Guide, "View service history": the states of a service deployment that is over."""


@dataclass(frozen=True, slots=True)
class ServiceRevision:
    """What a deployment rolled out, never changed afterwards (API_ServiceRevision)."""

    arn: str  # arn:aws:ecs:REGION:ACCOUNT:service-revision/CLUSTER/SERVICE/19 digits
    service_arn: str
    cluster_arn: str
    task_definition_arn: str
    created_at: float
    launch_type: str = "EC2"
    load_balancers: tuple[ServiceLoadBalancer, ...] = ()  # as they were said
    uses_alternates: bool = False  # its tasks are registered in the alternate target groups
    registered: str = "{}"  # Service.registered as it was then: never read by the core
    placement: PlacementWishes = PlacementWishes()

    @property
    def key(self) -> str:
        return self.arn

    @property
    def resolved(self) -> tuple[ServiceLoadBalancer, ...]:
        """`load_balancers` with the target groups its tasks are registered in first, where there are two of them."""
        return tuple(item.swapped if self.uses_alternates else item for item in self.load_balancers)


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
    shift: TrafficShift | None = None  # Deployment.shift, and how far it came once that is over

    @property
    def key(self) -> str:
        return self.arn
