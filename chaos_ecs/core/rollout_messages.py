"""What crosses the border of the core about deployments; families as in `messages.py`, which takes them up."""

from __future__ import annotations

from dataclasses import dataclass

from chaos_ecs.core.deploying import HookAction, LifecycleHook, LifecycleStage

# --- Commands ---


@dataclass(frozen=True, slots=True)
class StopServiceDeployment:
    """The deployment under way is stopped and rolled back to the last completed one (API_StopServiceDeployment)."""

    service_deployment_arn: str


@dataclass(frozen=True, slots=True)
class ContinueServiceDeployment:
    """A deployment that a PAUSE hook holds goes on, or is rolled back (API_ContinueServiceDeployment)."""

    service_deployment_arn: str
    hook_id: str
    action: HookAction = HookAction.CONTINUE


@dataclass(frozen=True, slots=True)
class SetTaskProtection:
    """These tasks of services are not chosen by scale-in and deployments (API_UpdateTaskProtection)."""

    task_arns: tuple[str, ...]
    enabled: bool
    expires_in_minutes: int = 120


RolloutCommand = StopServiceDeployment | ContinueServiceDeployment | SetTaskProtection


# --- Actions ---


@dataclass(frozen=True, slots=True)
class StopUnhealthy:
    """Intent: a task that fails its health checks ends. `target_group_arn` is empty when it was a container's check,
    else `port` and `description` are those of the target; `replaced` as in StopTasks."""

    service_arn: str
    task_arn: str
    target_group_arn: str
    cause: str
    port: int = 0
    description: str = ""
    replaced: bool = False


@dataclass(frozen=True, slots=True)
class MarkHealthy:
    """Intent: these tasks are healthy for the first time: they count as started successfully."""

    service_arn: str
    task_arns: tuple[str, ...]
    cause: str


@dataclass(frozen=True, slots=True)
class MarkUnhealthy:
    """Intent: these tasks fail their health checks for the first time: their deployment's failures are counted."""

    service_arn: str
    task_arns: tuple[str, ...]
    cause: str


@dataclass(frozen=True, slots=True)
class FailDeployment:
    """Intent: the circuit breaker has tripped; the service rolls back, if it is to and there is something to go to."""

    service_arn: str
    cause: str


@dataclass(frozen=True, slots=True)
class TellStuck:
    """Intent: the deployment configuration leaves no move: said once for each deployment."""

    service_arn: str
    cause: str


@dataclass(frozen=True, slots=True)
class MarkRecovered:
    """Intent: what died is made good, though a deployment goes on."""

    service_arn: str
    cause: str


@dataclass(frozen=True, slots=True)
class MarkSteady:
    """Intent: the service has reached a steady state; its newest deployment is completed."""

    service_arn: str
    cause: str


@dataclass(frozen=True, slots=True)
class AdvanceShift:
    """Intent: the newest deployment goes to this stage of its life cycle, or takes its next step there: from now on its
    tasks are sent so much of the traffic. `hook` is the one that holds it there."""

    service_arn: str
    stage: LifecycleStage
    cause: str
    production_percent: float
    test_percent: float
    hook: LifecycleHook | None = None
    anew: bool = False  # its bake time begins again


@dataclass(frozen=True, slots=True)
class EndPause:
    """Intent: nobody continued the deployment in time; what its hook says for that case is done."""

    service_arn: str
    cause: str


@dataclass(frozen=True, slots=True)
class RetireDeployments:
    """Intent: replaced deployments without tasks leave the service's list."""

    service_arn: str
    deployment_ids: tuple[str, ...]
    cause: str


RolloutIntent = (
    StopUnhealthy
    | MarkHealthy
    | MarkUnhealthy
    | FailDeployment
    | TellStuck
    | MarkRecovered
    | MarkSteady
    | AdvanceShift
    | EndPause
    | RetireDeployments
)
