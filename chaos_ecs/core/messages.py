"""What crosses the border of the core, as four families of frozen values.

Command: somebody asks; may be refused with an `EcsError` before anything changes.
Fact:    something happened in the world; never refused.
Action:  what the plan wants, with a `cause` a learner understands. An Intent changes only State; an Effect is
         also handed to the Runtime. Both are applied (written down) before any Effect is executed.
Event:   what watchers are told, in ECS's own wording where ECS has one.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from chaos_ecs.core.balancing import ServiceLoadBalancer
from chaos_ecs.core.balancing_messages import BalancingCommand, BalancingFact, BalancingIntent, RouteTraffic
from chaos_ecs.core.container_instances import Place
from chaos_ecs.core.deploying import DeploymentConfiguration
from chaos_ecs.core.discovery_messages import DiscoveryFact, PublishNames
from chaos_ecs.core.events import Event as Event  # noqa: PLC0414 - handed on
from chaos_ecs.core.events import EventType as EventType  # noqa: PLC0414
from chaos_ecs.core.experiment_messages import ExperimentCommand, ExperimentIntent
from chaos_ecs.core.fault_messages import FaultCommand, FaultEffect, FaultFact, FaultIntent
from chaos_ecs.core.instance_messages import InstanceCommand, InstanceEffect, InstanceIntent
from chaos_ecs.core.model import (
    SIGKILL,
    ContainerDefinition,
    ContainerOverride,
    HealthStatus,
    PortBinding,
    Task,
    TaskOptions,
    TaskOverride,
)
from chaos_ecs.core.placement_rules import PlacementWishes, Words
from chaos_ecs.core.resource_messages import ResourceCommand
from chaos_ecs.core.rollout_messages import RolloutCommand, RolloutIntent
from chaos_ecs.core.scaling_messages import ScalingCommand, ScalingFact, ScalingIntent
from chaos_ecs.core.schedule_messages import ScheduleCommand, ScheduleIntent
from chaos_ecs.core.standby_messages import DiscardStandbys as DiscardStandbys  # noqa: PLC0414 - handed on
from chaos_ecs.core.standby_messages import PrepareStandbys as PrepareStandbys  # noqa: PLC0414
from chaos_ecs.core.standby_messages import SetStandby as SetStandby  # noqa: PLC0414

Tags = tuple[tuple[str, str], ...]


# --- Commands -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OpenRegion:
    """First use of a region: puts the seed's cluster and task definitions there. Harmless when repeated."""

    region: str


@dataclass(frozen=True, slots=True)
class CreateCluster:
    arn: str
    tags: Tags = ()
    registered: str = "{}"


@dataclass(frozen=True, slots=True)
class DeleteCluster:
    arn: str


@dataclass(frozen=True, slots=True)
class RegisterTaskDefinition:
    """`family_arn` is the ARN without its revision; the revision is given out by State."""

    family_arn: str
    containers: tuple[ContainerDefinition, ...]
    network_mode: str = "bridge"
    cpu: int | None = None
    memory: int | None = None
    fault_injection: bool | None = None
    requires: tuple[str, ...] = ()
    not_on_fargate: tuple[str, ...] = ()
    without_effect: Tags = ()  # (member, what is so instead): on record, and told at registration
    registered: str = "{}"
    tags: Tags = ()
    placement_constraints: Words = ()
    attributes: tuple[tuple[str, str | None], ...] = ()  # see `TaskDefinition`


@dataclass(frozen=True, slots=True)
class DeregisterTaskDefinition:
    arn: str


@dataclass(frozen=True, slots=True)
class CreateService:
    arn: str
    cluster_arn: str
    task_definition_arn: str
    desired_count: int
    launch_type: str = "EC2"
    deployment_configuration: DeploymentConfiguration = DeploymentConfiguration()
    health_check_grace_period_seconds: int = 0
    load_balancers: tuple[ServiceLoadBalancer, ...] = ()
    client_token: str = ""
    registered: str = "{}"
    tags: Tags = ()
    task_options: TaskOptions = TaskOptions()
    aws_refuses: str = ""  # what AWS would not have taken, in its own words
    placement: PlacementWishes = PlacementWishes()


@dataclass(frozen=True, slots=True)
class UpdateService:
    """A member that is None stays as it is (API_UpdateService)."""

    arn: str
    desired_count: int | None = None
    task_definition_arn: str | None = None
    deployment_configuration: DeploymentConfiguration | None = None
    health_check_grace_period_seconds: int | None = None
    load_balancers: tuple[ServiceLoadBalancer, ...] | None = None
    force_new_deployment: bool = False
    registered: str | None = None  # further members, merged with those that were known; JSON
    launch_type: str | None = None
    task_options: TaskOptions | None = None
    placement: PlacementWishes | None = None


@dataclass(frozen=True, slots=True)
class DeleteService:
    arn: str
    force: bool = False


@dataclass(frozen=True, slots=True)
class RunTask:
    cluster_arn: str
    task_definition_arn: str
    count: int = 1
    started_by: str = ""
    group: str = ""  # empty: family:NAME
    launch_type: str = "EC2"
    overrides: tuple[ContainerOverride, ...] = ()
    task_override: TaskOverride = TaskOverride()
    without_effect: Tags = ()  # (member, what is so instead)
    client_token: str = ""
    tags: Tags = ()
    cause: str = "run-task asked for it; nobody will replace it"
    execute_command: bool = False
    registered: str = ""  # further members, JSON
    aws_refuses: str = ""  # as of CreateService
    placement: PlacementWishes = PlacementWishes()
    instances: tuple[str, ...] = ()  # StartTask's: one task on each of these, whatever the rules of placing say


@dataclass(frozen=True, slots=True)
class StopTask:
    task_arn: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class KillTask:
    """A fault: sends `signal` to the task's essential containers, or to the one named, behind the scheduler's back."""

    task_arn: str
    signal: str = SIGKILL
    container: str = ""
    fault_id: str = ""  # of which it is a part
    is_told: bool = True  # whether watchers are told who did it


Command = (
    OpenRegion
    | CreateCluster
    | DeleteCluster
    | RegisterTaskDefinition
    | DeregisterTaskDefinition
    | CreateService
    | UpdateService
    | DeleteService
    | RunTask
    | StopTask
    | KillTask
    | SetStandby
    | ResourceCommand
    | RolloutCommand
    | BalancingCommand
    | ScalingCommand
    | FaultCommand
    | ExperimentCommand
    | ScheduleCommand
    | InstanceCommand
)

# --- Facts ----------------------------------------------------------------------------------------------------


class RunState(StrEnum):
    """What a listing says of a container. PAUSED counts as running, as it does for the ECS agent."""

    CREATED = "CREATED"
    RUNNING = "RUNNING"
    EXITED = "EXITED"


@dataclass(frozen=True, slots=True)
class ContainerSeen:
    """What a look at one container said. Level-triggered: seeing the same twice changes nothing.

    `finished_at` and `exit_code` are set only when `state` is EXITED. Times are the engine's clock.
    """

    task_arn: str
    name: str
    runtime_id: str
    state: RunState
    started_at: float | None = None
    finished_at: float | None = None
    exit_code: int | None = None
    oom_killed: bool = False
    paused: bool = False
    health_status: HealthStatus = HealthStatus.UNKNOWN
    bindings: tuple[PortBinding, ...] = ()
    address: str = ""  # in its cluster's network, while it runs
    image_digest: str = ""


@dataclass(frozen=True, slots=True)
class ContainerGone:
    """A container known before is in no listing any more: somebody removed it."""

    task_arn: str
    name: str
    runtime_id: str


@dataclass(frozen=True, slots=True)
class PullStarted:
    """The image of a container is not here yet and is being fetched or built."""

    task_arn: str
    name: str


@dataclass(frozen=True, slots=True)
class PullStopped:
    """The image is here (at once, if it was here all along)."""

    task_arn: str
    name: str


@dataclass(frozen=True, slots=True)
class StartFailed:
    """A container could not be started; nothing of it is left. `error` is the agent's name for it, such as
    CannotPullContainerError, CannotCreateContainerError or CannotStartContainerError."""

    task_arn: str
    name: str
    error: str
    message: str


@dataclass(frozen=True, slots=True)
class StartUnknown:
    """The engine went away during a start: whether it happened is for the next listing to say."""

    task_arn: str
    name: str


@dataclass(frozen=True, slots=True)
class EngineConnected:
    """The engine answers, and this is all it has of ours. Whatever is not in it does not exist."""

    engine: str  # as told to the user, such as "Docker Engine 20.10.24"
    containers: tuple[ContainerSeen, ...]
    host: str = ""  # which engine, as `ContainerInstance.engine` has it; empty: the controller's own


@dataclass(frozen=True, slots=True)
class EngineLost:
    reason: str
    host: str = ""  # as of EngineConnected


Fact = (
    ContainerSeen
    | ContainerGone
    | PullStarted
    | PullStopped
    | StartFailed
    | StartUnknown
    | EngineConnected
    | EngineLost
    | DiscoveryFact
    | BalancingFact
    | ScalingFact
    | FaultFact
)

# --- Actions --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StartTasks:
    """Intent: the service gets `count` new tasks of one deployment, the first of them from ready standbys; `places`
    are for the others, one each, where there is anything to choose between."""

    service_arn: str
    deployment_id: str
    count: int
    cause: str
    standbys: tuple[str, ...] = ()
    places: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True)
class StopTasks:
    """Intent: the scheduler ends these tasks of one service; `replaced` of them are not to be replaced in their own
    deployment, because a newer one takes their place."""

    service_arn: str
    task_arns: tuple[str, ...]
    reason: str
    cause: str
    replaced: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FailTask:
    """Intent: a task that can never start all its containers ends with TaskFailedToStart."""

    task_arn: str
    reason: str
    cause: str


@dataclass(frozen=True, slots=True)
class DeactivateService:
    """Intent: a deleted service whose tasks are gone becomes INACTIVE."""

    service_arn: str
    cause: str


@dataclass(frozen=True, slots=True)
class ForgetTask:
    """Intent: a task stopped long ago leaves the record."""

    task_arn: str
    cause: str


@dataclass(frozen=True, slots=True)
class ForgetService:
    """Intent: a service INACTIVE for long leaves the record, and its events with it."""

    service_arn: str
    cause: str


@dataclass(frozen=True, slots=True)
class ForgetCluster:
    """Intent: a cluster INACTIVE for long leaves the record."""

    cluster_arn: str
    cause: str


@dataclass(frozen=True, slots=True)
class StartContainer:
    """Effect: network, image, create, start. `definition` has the overrides worked in already; `image_digest` says
    which image its name meant when the deployment began, for as long as the engine has it.

    Idempotent: the runtime finds a container it made before by task and name, and never starts an exited one.
    """

    task: Task
    definition: ContainerDefinition
    cause: str
    image_digest: str = ""
    engine: str = ""  # of its container instance
    publish_on: str = ""  # the address that its ports are published at; empty: this machine alone


@dataclass(frozen=True, slots=True)
class RestartContainer:
    """Effect: starts a container again that has ended, as its restart policy says."""

    task_arn: str
    name: str
    runtime_id: str
    cause: str


@dataclass(frozen=True, slots=True)
class SignalContainer:
    """Effect: sends a signal and does not wait. `signal` None means the image's own stop signal (SIGTERM)."""

    task_arn: str
    name: str
    runtime_id: str
    signal: str | None
    cause: str


@dataclass(frozen=True, slots=True)
class PauseContainer:
    """Effect: freezes a running container; what is frozen costs memory and no processor time."""

    task_arn: str
    name: str
    runtime_id: str
    cause: str


@dataclass(frozen=True, slots=True)
class ResumeContainer:
    """Effect: a frozen container goes on."""

    task_arn: str
    name: str
    runtime_id: str
    cause: str


@dataclass(frozen=True, slots=True)
class RemoveContainer:
    """Effect: removes a container of ours, running or not. `task_arn` and `name` are empty for a stray. `volumes` are
    those of its task: its last container takes them along."""

    task_arn: str
    name: str
    runtime_id: str
    cause: str
    volumes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RemoveNetwork:
    """Effect: a deleted cluster's network goes."""

    cluster_arn: str
    cause: str


Intent = (
    StartTasks
    | StopTasks
    | PrepareStandbys
    | DiscardStandbys
    | FailTask
    | DeactivateService
    | ForgetTask
    | ForgetService
    | ForgetCluster
    | RolloutIntent
    | BalancingIntent
    | ScalingIntent
    | FaultIntent
    | ExperimentIntent
    | ScheduleIntent
    | InstanceIntent
)
Effect = (
    StartContainer
    | RestartContainer
    | SignalContainer
    | PauseContainer
    | ResumeContainer
    | RemoveContainer
    | RemoveNetwork
    | PublishNames
    | RouteTraffic
    | FaultEffect
    | InstanceEffect
)
Action = Intent | Effect

Message = Command | Fact | Action
