"""The nouns of ECS, frozen: a change is a new object, and only `apply` puts it into State.

Here live the entities and the facts that can be read off one of them. Never here: rules that look at two
entities (see `plan.py`, `deployment.py`) and the wire's camelCase (see `api/`). Times are seconds since the
epoch, memory is MiB, cpu is ECS's units (1,024 = one vCPU). Enum values are spelled as on the wire.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from chaos_ecs.core.balancing import Listener, LoadBalancer, Rule, ServiceLoadBalancer, Target, TargetGroup
from chaos_ecs.core.capacity_providers import CapacityProvider
from chaos_ecs.core.container_instances import ContainerInstance, Needs, Rebalancing
from chaos_ecs.core.container_settings import ContainerSettings, RestartPolicy
from chaos_ecs.core.deploying import Deployment, DeploymentConfiguration, ServiceDeployment, ServiceRevision
from chaos_ecs.core.experimenting import Experiment, ExperimentTemplate, SafetyLever
from chaos_ecs.core.faulting import InjectedFault
from chaos_ecs.core.ordered import Ordered
from chaos_ecs.core.placement_rules import PlacementWishes, Words
from chaos_ecs.core.scaling import ScalableTarget
from chaos_ecs.core.schedules import Invocation, Schedule, ScheduleGroup

SIGKILL = "SIGKILL"


class DesiredStatus(StrEnum):
    RUNNING = "RUNNING"
    STOPPED = "STOPPED"


class TaskStatus(Ordered):
    """A task only ever moves down this list (Developer Guide, "Task lifecycle"): PROVISIONING is 0, STOPPED is 7."""

    PROVISIONING = "PROVISIONING"
    PENDING = "PENDING"
    ACTIVATING = "ACTIVATING"
    RUNNING = "RUNNING"
    DEACTIVATING = "DEACTIVATING"
    STOPPING = "STOPPING"
    DEPROVISIONING = "DEPROVISIONING"
    STOPPED = "STOPPED"


class ContainerStatus(StrEnum):
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    STOPPED = "STOPPED"


class HealthStatus(StrEnum):
    HEALTHY = "HEALTHY"
    UNHEALTHY = "UNHEALTHY"
    UNKNOWN = "UNKNOWN"


class StopCode(StrEnum):
    TASK_FAILED_TO_START = "TaskFailedToStart"
    ESSENTIAL_CONTAINER_EXITED = "EssentialContainerExited"
    USER_INITIATED = "UserInitiated"
    SERVICE_SCHEDULER_INITIATED = "ServiceSchedulerInitiated"
    SPOT_INTERRUPTION = "SpotInterruption"
    TERMINATION_NOTICE = "TerminationNotice"


class ServiceStatus(StrEnum):
    ACTIVE = "ACTIVE"
    DRAINING = "DRAINING"
    INACTIVE = "INACTIVE"


class DependencyCondition(StrEnum):
    START = "START"
    COMPLETE = "COMPLETE"
    SUCCESS = "SUCCESS"
    HEALTHY = "HEALTHY"


@dataclass(frozen=True, slots=True)
class Cluster:
    arn: str
    name: str
    status: str  # ACTIVE or INACTIVE
    created_at: float
    tags: tuple[tuple[str, str], ...] = ()
    deactivated_at: float | None = None
    registered: str = "{}"  # settings, configuration, capacity providers as they were said; JSON, as `Service` has it

    @property
    def key(self) -> str:
        return self.arn


@dataclass(frozen=True, slots=True)
class AccountSetting:
    """One that somebody has set; what nobody has set has its default (API_ListAccountSettings)."""

    key: str  # REGION/PRINCIPAL_ARN/NAME
    value: str


@dataclass(frozen=True, slots=True)
class TaskOptions:
    """What a service says of the tasks it will start (API_CreateService); those that run keep what they have."""

    propagate_tags: str = "NONE"  # or SERVICE, TASK_DEFINITION
    managed_tags: bool = False
    execute_command: bool = False


@dataclass(frozen=True, slots=True)
class PortMapping:
    container_port: int
    host_port: int = 0  # 0: the engine picks a free one
    protocol: str = "tcp"
    name: str = ""
    last_port: int = 0  # of a containerPortRange that begins with `container_port`

    @property
    def container_ports(self) -> range:
        return range(self.container_port, max(self.container_port, self.last_port) + 1)


@dataclass(frozen=True, slots=True)
class Dependency:
    container_name: str
    condition: DependencyCondition


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """A container health check; durations in seconds, ECS's defaults."""

    command: tuple[str, ...]
    interval: int = 30
    timeout: int = 5
    retries: int = 3
    start_period: int = 0


@dataclass(frozen=True, slots=True)
class Mount:
    """API_MountPoint with the API_Volume it names: a Docker volume that all tasks share (`volume`), one of the task's
    that several of its containers share (`task_volume`), a folder of the engine's machine (`host_path`), or, where none
    is said, a place of the container's own that goes with it."""

    path: str  # in the container
    read_only: bool = False
    volume: str = ""
    host_path: str = ""
    task_volume: str = ""
    driver: str = ""  # of Docker's for volumes; empty: local
    driver_options: tuple[tuple[str, str], ...] = ()
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ContainerDefinition:
    name: str
    image: str
    essential: bool = True
    command: tuple[str, ...] | None = None  # None: what the image says
    entry_point: tuple[str, ...] | None = None
    environment: tuple[tuple[str, str], ...] = ()
    cpu: int = 0
    memory: int | None = None
    memory_reservation: int | None = None
    port_mappings: tuple[PortMapping, ...] = ()
    depends_on: tuple[Dependency, ...] = ()
    stop_timeout: int | None = None
    start_timeout: int | None = None
    health_check: HealthCheck | None = None
    user: str | None = None
    working_directory: str | None = None
    mounts: tuple[Mount, ...] = ()
    version_consistency: bool = True  # all tasks of a deployment run the image that its first task found
    restart_policy: RestartPolicy | None = None
    settings: ContainerSettings = ContainerSettings()

    @property
    def waits_for(self) -> tuple[Dependency, ...]:
        """`dependsOn`, and the containers that links and volumesFrom name: those must have started."""
        if not (self.settings.links or self.settings.volumes_from):
            return self.depends_on
        named = [link.container_name for link in self.settings.links]
        named += [source.container_name for source in self.settings.volumes_from]
        return (*self.depends_on, *(Dependency(name, DependencyCondition.START) for name in dict.fromkeys(named)))


@dataclass(frozen=True, slots=True)
class TaskDefinition:
    arn: str
    family: str
    revision: int
    containers: tuple[ContainerDefinition, ...]
    registered_at: float
    status: str = "ACTIVE"  # ACTIVE, INACTIVE or DELETE_IN_PROGRESS
    network_mode: str = "bridge"
    cpu: int | None = None  # of the whole task
    memory: int | None = None
    fault_injection: bool | None = None  # enableFaultInjection; None where nothing was said
    requires: tuple[str, ...] = ()  # requiresCompatibilities
    not_on_fargate: tuple[str, ...] = ()  # members said that Fargate does not have, but for those of its containers
    registered: str = (
        "{}"  # the request as registered, JSON: returned by DescribeTaskDefinition, never read by the core
    )
    deregistered_at: float | None = None
    tags: tuple[tuple[str, str], ...] = ()
    delete_requested_at: float | None = None
    placement_constraints: Words = ()
    attributes: tuple[tuple[str, str | None], ...] = ()  # that its tasks ask of a container instance

    @property
    def key(self) -> str:
        return self.arn

    def container(self, name: str) -> ContainerDefinition:
        return next(container for container in self.containers if container.name == name)


@dataclass(frozen=True, slots=True)
class Family:
    """The newest revision ever given out for a family: revisions are never re-used (API_DeleteTaskDefinitions)."""

    key: str  # the family's ARN prefix: arn:aws:ecs:REGION:ACCOUNT:task-definition/FAMILY
    latest_revision: int


@dataclass(frozen=True, slots=True)
class ContainerOverride:
    name: str
    command: tuple[str, ...] | None = None
    environment: tuple[tuple[str, str], ...] = ()
    cpu: int | None = None
    memory: int | None = None
    memory_reservation: int | None = None
    environment_files: tuple[str, ...] = ()
    resources: tuple[tuple[str, str], ...] = ()  # (type, value) of resourceRequirements: on record, without effect


@dataclass(frozen=True, slots=True)
class TaskOverride:
    """API_TaskOverride but for its containers. Only cpu and memory have an effect here."""

    cpu: int | None = None
    memory: int | None = None
    ephemeral_storage: int | None = None  # GiB
    task_role_arn: str = ""
    execution_role_arn: str = ""
    accelerators: tuple[tuple[str, str], ...] = ()  # (deviceName, deviceType)


@dataclass(frozen=True, slots=True)
class PortBinding:
    container_port: int
    host_port: int
    protocol: str = "tcp"
    bind_ip: str = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Container:
    """One member of a task. `runtime_id` is Docker's id; the `*_sent` fields are intents already written down."""

    name: str
    arn: str
    image: str
    last_status: ContainerStatus = ContainerStatus.PENDING
    health_status: HealthStatus = HealthStatus.UNKNOWN
    runtime_id: str | None = None
    exit_code: int | None = None
    reason: str | None = None
    bindings: tuple[PortBinding, ...] = ()
    address: str = ""  # in its cluster's network, while it runs
    image_digest: str = ""  # of what it runs, once it has started
    start_requested_at: float | None = None
    started_at: float | None = None
    finished_at: float | None = None
    stop_sent: bool = False
    stop_sent_at: float | None = None  # the first stop signal; SIGKILL follows stopTimeout later
    sigkill_sent_at: float | None = None
    fault_signal: str | None = None  # asked for by a chaos command
    fault_sent: bool = False
    paused: bool = False
    pause_sent_at: float | None = None
    resume_sent_at: float | None = None
    reaped: bool = False  # the Docker container is gone, or was never made
    restarts: int = 0  # how often its restart policy brought it back
    restart_due: bool = False  # it has ended, and its restart policy brings it back: it counts as running meanwhile
    restart_sent_at: float | None = None

    @property
    def is_live(self) -> bool:
        """Whether a Docker container may be running for it, as far as is known."""
        return self.last_status is ContainerStatus.RUNNING

    @property
    def is_to_start(self) -> bool:
        return self.last_status is ContainerStatus.PENDING and self.start_requested_at is None

    @property
    def is_starting(self) -> bool:
        """Whether its start was handed to the runtime and has not been answered."""
        return self.last_status is ContainerStatus.PENDING and self.start_requested_at is not None

    @property
    def is_freezing(self) -> bool:
        """Whether a pause or a resumption was asked for and has not been seen."""
        return self.pause_sent_at is not None or self.resume_sent_at is not None

    @property
    def is_over(self) -> bool:
        return self.last_status is ContainerStatus.STOPPED


@dataclass(frozen=True, slots=True)
class Gap:
    """A hole in a service: a running task that died, waiting for (or filled by) its replacement."""

    task_arn: str
    died_at: float
    noticed_at: float


@dataclass(frozen=True, slots=True)
class Task:
    arn: str
    cluster_arn: str
    task_definition_arn: str
    group: str
    containers: tuple[Container, ...]
    number: int  # order of creation, from State's counter
    created_at: float
    desired_status: DesiredStatus = DesiredStatus.RUNNING
    last_status: TaskStatus = TaskStatus.PROVISIONING
    service_arn: str | None = None
    deployment_id: str | None = None
    started_by: str = ""
    launch_type: str = "EC2"
    fault_injection: bool = False  # it may break its own network by the agent's endpoints (API_RegisterTaskDefinition)
    overrides: tuple[ContainerOverride, ...] = ()
    task_override: TaskOverride = TaskOverride()
    tags: tuple[tuple[str, str], ...] = ()
    client_token: str = ""
    run_count: int = 1  # how many tasks the same RunTask asked for
    version: int = 1
    stop_code: StopCode | None = None
    stopped_reason: str | None = None
    pull_started_at: float | None = None
    pull_stopped_at: float | None = None
    started_at: float | None = None
    stopping_at: float | None = None
    execution_stopped_at: float | None = None
    stopped_at: float | None = None
    killed_at: float | None = None  # a chaos command sent a signal; recovery is counted from here
    fills: Gap | None = None  # the gap this task was started for
    standby: bool = False  # started and paused to take a dead task's place; no task of the service until then
    protected_until: float | None = None  # API_UpdateTaskProtection
    healthy_at: float | None = None  # when it was first healthy, if anybody asked: see `health.py`
    unhealthy_at: float | None = None  # when its health checks first failed, after the grace period
    execute_command: bool = False
    registered: str = ""  # members of the request that DescribeTasks returns, JSON; never read by the core
    container_instance_arn: str = ""  # empty: on the controller's own engine, in a cluster without container instances
    capacity_provider: str = ""
    needs: Needs = Needs()  # what it takes of its container instance

    @property
    def key(self) -> str:
        return self.arn

    @property
    def id(self) -> str:
        return self.arn.rsplit("/", 1)[1]

    @property
    def is_stopped(self) -> bool:
        return self.last_status is TaskStatus.STOPPED

    @property
    def is_wanted(self) -> bool:
        """Whether it counts towards its service: meant to run, and not over yet."""
        return self.desired_status is DesiredStatus.RUNNING and not self.is_stopped

    @property
    def is_running(self) -> bool:
        return self.last_status is TaskStatus.RUNNING and self.desired_status is DesiredStatus.RUNNING

    @property
    def is_ready_standby(self) -> bool:
        """Whether it waits, wholly paused, to be resumed."""
        frozen = all(container.paused or container.is_over for container in self.containers)
        return self.standby and self.is_wanted and frozen

    def container(self, name: str) -> Container:
        return next(container for container in self.containers if container.name == name)


@dataclass(frozen=True, slots=True)
class Throttle:
    """The service throttle logic: `level` rounds in a row never reached RUNNING; no start before `next_start_at`."""

    level: int = 0
    since: float = 0.0
    next_start_at: float = 0.0
    last_reason: str = ""


@dataclass(frozen=True, slots=True)
class Service:
    arn: str
    name: str
    cluster_arn: str
    desired_count: int
    task_definition_arn: str
    deployments: tuple[Deployment, ...]  # PRIMARY first
    created_at: float
    status: ServiceStatus = ServiceStatus.ACTIVE
    launch_type: str = "EC2"
    deployment_configuration: DeploymentConfiguration = DeploymentConfiguration()
    health_check_grace_period_seconds: int = 0
    load_balancers: tuple[ServiceLoadBalancer, ...] = ()
    client_token: str = ""
    tags: tuple[tuple[str, str], ...] = ()
    registered: str = "{}"  # further members of the request, JSON: returned by DescribeServices, never read by the core
    throttle: Throttle = Throttle()
    standby_throttle: Throttle = Throttle()  # standbys that fail slow down only themselves
    deactivated_at: float | None = None
    steady: bool = False
    gaps: tuple[Gap, ...] = ()  # not yet filled, oldest first
    outage_began_at: float | None = None  # the first death since the last steady state
    unsteady_since: float = 0.0  # when it was created, changed or left its steady state
    exits: tuple[float, ...] = ()  # when running tasks ended by themselves, the newest few
    flapping_told_at: float | None = None
    standby_count: int = 0  # how many paused replacements to keep
    kills: int = 0
    last_recovery_seconds: float | None = None
    task_options: TaskOptions = TaskOptions()
    placement: PlacementWishes = PlacementWishes()
    rebalancing: Rebalancing | None = None  # None: its zones are in balance, or nothing is done about it
    unplaced: str = ""  # what was last told of tasks that have no place; empty: all have one

    @property
    def key(self) -> str:
        return self.arn

    @property
    def primary(self) -> Deployment:
        return self.deployments[0]


@dataclass(frozen=True, slots=True)
class ServiceEvent:
    """One line of DescribeServices' `events`: at most the 100 newest are kept per service (API_Service)."""

    key: str  # SERVICE_ARN#SLOT, the slot going round from 0 to 99
    service_arn: str
    number: int
    id: str
    created_at: float
    message: str


@dataclass(frozen=True, slots=True)
class Counter:
    """What State needs to give out ids and numbers that are never given out twice."""

    key: str
    value: int


Entity = (
    Cluster
    | TaskDefinition
    | Family
    | Service
    | ServiceEvent
    | ServiceRevision
    | ServiceDeployment
    | Task
    | Counter
    | TargetGroup
    | LoadBalancer
    | Listener
    | Rule
    | Target
    | ScalableTarget
    | InjectedFault
    | ExperimentTemplate
    | Experiment
    | SafetyLever
    | Schedule
    | ScheduleGroup
    | Invocation
    | AccountSetting
    | ContainerInstance
    | CapacityProvider
)
