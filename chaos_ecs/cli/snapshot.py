"""What the controller tells, as frozen values: one event, and the state snapshot of `GET /state`.

Here live only what can be read off one of them. Never here: fetching (see `client.py`) and wording (see `lines.py`).
Members that a newer controller adds are ignored; members that are null become None or "".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chaos_ecs.cli.chaos.fault_view import Fault
from chaos_ecs.cli.instance_view import Instance, published_at
from chaos_ecs.cli.schedule_view import Schedule
from chaos_ecs.cli.shifts import Shift

SHORT = 6
"""Hexadecimal digits of a task's id that people see and type."""


def name_of(arn: str) -> str:
    """The last part of an ARN: a name, a task's id, FAMILY:REVISION."""
    return arn.rsplit("/", 1)[-1]


def short(task_arn: str) -> str:
    """The six digits by which a task is shown everywhere."""
    return name_of(task_arn)[:SHORT]


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the event stream; `at` in seconds since the epoch; the three names are ARNs or ""."""

    number: int
    at: float
    type: str
    message: str = ""
    cluster: str = ""
    service: str = ""
    task: str = ""
    data: Mapping[str, Any] | None = None

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Event:
        """The event in a JSON object of the stream."""
        return cls(
            number=raw["number"],
            at=raw["at"],
            type=raw["type"],
            message=raw.get("message") or "",
            cluster=raw.get("cluster") or "",
            service=raw.get("service") or "",
            task=raw.get("task") or "",
            data=raw.get("data") or {},
        )

    def get(self, name: str) -> Any:
        """A member of `data`, None where it is not known."""
        return (self.data or {}).get(name)

    def as_json(self) -> dict[str, Any]:
        """The object as the stream has it, for NDJSON."""
        return {
            "v": 1,
            "number": self.number,
            "at": self.at,
            "type": self.type,
            "message": self.message,
            "cluster": self.cluster,
            "service": self.service,
            "task": self.task,
            "data": dict(self.data or {}),
        }


@dataclass(frozen=True, slots=True)
class Container:
    name: str
    image: str
    runtime_id: str
    exit_code: int | None
    reason: str
    ports: tuple[tuple[int, str], ...]  # (container port, where it is reached: 127.0.0.1:33021)


@dataclass(frozen=True, slots=True)
class Task:
    arn: str
    cluster: str
    service: str  # ARN, "" for a standalone task
    task_definition: str  # FAMILY:REVISION
    last_status: str
    desired_status: str
    health_status: str
    number: int
    created_at: float
    started_at: float | None
    stopped_at: float | None
    stop_code: str
    stopped_reason: str
    fills: str  # the ARN of the task whose place it takes, or ""
    started_by: str  # the deployment that made it, of a task of a service
    protected_until: float | None
    containers: tuple[Container, ...]
    raw: Mapping[str, Any]

    @property
    def id(self) -> str:
        return name_of(self.arn)

    @property
    def short(self) -> str:
        return short(self.arn)

    @property
    def is_stopped(self) -> bool:
        return self.last_status == "STOPPED"

    @property
    def is_running(self) -> bool:
        return self.last_status == "RUNNING" and self.desired_status == "RUNNING"

    @property
    def exit_code(self) -> int | None:
        """That of the essential container which ended first, as the controller says: it speaks for the task."""
        code: int | None = self.raw.get("exitCode")
        return code

    @property
    def instance(self) -> str:
        """The name of the container instance that it is on, "" where it is on none."""
        return self.raw.get("instance") or ""

    @property
    def zone(self) -> str:
        return self.raw.get("zone") or ""

    @property
    def provider(self) -> str:
        """Its capacity provider, "" where it has none."""
        return self.raw.get("capacityProvider") or ""

    @property
    def published(self) -> tuple[str, ...]:
        return tuple(where for item in self.containers for _, where in item.ports)


@dataclass(frozen=True, slots=True)
class Throttle:
    level: int
    next_start_at: float
    reason: str


@dataclass(frozen=True, slots=True)
class Standby:
    """Replacements that are started and paused; `memory` in MiB, None where a container has no limit."""

    desired: int = 0
    ready: int = 0
    memory: int | None = None


@dataclass(frozen=True, slots=True)
class Flapping:
    """Tasks that reach RUNNING and end: so many within so many seconds."""

    exits: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Client:
    """What the controller's own client saw through the load balancer. `availability` in percent, None before the first
    request; `per_second` is (at, answered, failed), oldest first; `tasks` is requests by the id of who answered."""

    requests: int
    failed: int
    availability: float | None
    per_second: tuple[tuple[float, int, int], ...] = ()
    tasks: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Target:
    """A task in a target group; `state` and `reason` as DescribeTargetHealth has them."""

    task: str  # ARN
    address: str
    port: int
    state: str
    reason: str


@dataclass(frozen=True, slots=True)
class TargetGroup:
    arn: str
    name: str
    targets: tuple[Target, ...]

    @property
    def healthy(self) -> str:
        """2/3: how many of them are. A target that leaves does not count either way."""
        staying = [target.state for target in self.targets if target.state != "draining"]
        return f"{staying.count('healthy')}/{len(staying)}"


@dataclass(frozen=True, slots=True)
class Listener:
    """`host_port` is where it is reached on 127.0.0.1, `port` what was asked for."""

    port: int
    host_port: int
    target_groups: tuple[str, ...]  # ARNs

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.host_port}"


@dataclass(frozen=True, slots=True)
class LoadBalancer:
    arn: str
    name: str
    listeners: tuple[Listener, ...]


@dataclass(frozen=True, slots=True)
class Deployment:
    """A deployment that ECS still lists; `task_definition` is FAMILY:REVISION."""

    id: str
    status: str
    task_definition: str
    rollout_state: str
    desired_count: int
    running_count: int
    pending_count: int
    failed_tasks: int
    created_at: float
    shift: Shift | None = None  # of one that moves traffic


@dataclass(frozen=True, slots=True)
class Service:
    arn: str
    name: str
    cluster: str
    status: str
    desired_count: int
    running_count: int
    pending_count: int
    task_definition: str
    steady: bool
    throttle: Throttle | None
    kills: int
    last_recovery_seconds: float | None
    standby: Standby
    flapping: Flapping | None
    target_groups: tuple[str, ...]  # ARNs
    deployments: tuple[Deployment, ...]
    client: Client | None  # what our client saw of it, None: nobody asks
    raw: Mapping[str, Any]

    @property
    def is_active(self) -> bool:
        return self.status == "ACTIVE"

    @property
    def shift(self) -> Shift | None:
        """How far the newest deployment is; None where it is over, or moves no traffic."""
        newest = self.deployments[0] if self.deployments else None
        return newest.shift if newest is not None and newest.rollout_state == "IN_PROGRESS" else None

    @property
    def live(self) -> str:
        """FAMILY:REVISION of the newest deployment that is completed; where none is, of the newest."""
        done = (item.task_definition for item in self.deployments if item.rollout_state == "COMPLETED")
        return next(done, self.task_definition)

    @property
    def condition(self) -> str:
        """One word for a learner: DRAINING or INACTIVE, THROTTLED, FLAPPING (however many run at
        this moment), STEADY, or CHANGING on the way there."""
        if not self.is_active:
            return self.status
        if self.throttle:
            return "THROTTLED"
        if self.flapping:
            return "FLAPPING"
        return "STEADY" if self.steady else "CHANGING"


@dataclass(frozen=True, slots=True)
class Cluster:
    arn: str
    name: str
    region: str
    status: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything at one moment. `number` is that of the newest event it contains."""

    number: int
    at: float
    engine_connected: bool
    engine: str
    engine_reason: str
    clusters: tuple[Cluster, ...]
    services: tuple[Service, ...]
    tasks: tuple[Task, ...]
    client: Client | None = None  # None: nobody asks, because there is no listener with a service behind it
    load_balancers: tuple[LoadBalancer, ...] = ()
    target_groups: tuple[TargetGroup, ...] = ()
    faults: tuple[Fault, ...] = ()  # those that are not over
    schedules: tuple[Schedule, ...] = ()
    instances: tuple[Instance, ...] = ()  # of all clusters, in the order in which they were registered
    speed: int = 1  # so many times as fast as ours does the simulator's clock run

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Snapshot:
        """The snapshot in the answer of `GET /state`; tasks in order of their creation."""
        engine = raw.get("engine") or {}
        is_here = bool(engine.get("connected"))
        return cls(
            number=raw["number"],
            at=raw["at"],
            engine_connected=is_here,
            engine=engine.get("name") or "",
            engine_reason=engine.get("reason") or "",
            clusters=tuple(
                Cluster(item["arn"], item["name"], item.get("region") or "", item["status"]) for item in raw["clusters"]
            ),
            services=tuple(_service(item) for item in raw["services"]),
            tasks=tuple(sorted((_task(item) for item in raw["tasks"]), key=lambda task: task.number)),
            client=_client(raw.get("client")),
            load_balancers=tuple(_load_balancer(item) for item in raw.get("loadBalancers") or ()),
            target_groups=tuple(_target_group(item) for item in raw.get("targetGroups") or ()),
            faults=tuple(Fault.of(item) for item in raw.get("faults") or ()),
            schedules=tuple(Schedule.of(item) for item in raw.get("schedules") or ()),
            instances=tuple(Instance.of(item, is_here) for item in raw.get("containerInstances") or ()),
            speed=int(str(raw.get("clock") or "x1").removeprefix("x")),
        )

    def cluster(self, name: str, region: str) -> Cluster | None:
        """The ACTIVE cluster of this name."""
        found = (item for item in self.clusters if (item.name, item.region, item.status) == (name, region, "ACTIVE"))
        return next(found, None)

    def services_in(self, cluster: str) -> list[Service]:
        """Services of a cluster (its ARN) that are not INACTIVE, by name."""
        found = [item for item in self.services if item.cluster == cluster and item.status != "INACTIVE"]
        return sorted(found, key=lambda service: service.name)

    def service_named(self, cluster: str, name: str) -> Service | None:
        return next((item for item in self.services_in(cluster) if item.name == name), None)

    def service(self, arn: str) -> Service | None:
        return next((item for item in self.services if item.arn == arn), None)

    def task(self, arn: str) -> Task | None:
        return next((item for item in self.tasks if item.arn == arn), None)

    def tasks_in(self, cluster: str) -> list[Task]:
        return [item for item in self.tasks if item.cluster == cluster]

    def instances_in(self, cluster: str) -> list[Instance]:
        """Container instances of a cluster (its ARN)."""
        return [item for item in self.instances if item.cluster == cluster]

    def tasks_on(self, instance: Instance) -> list[Task]:
        """Tasks on a container instance that have not stopped, oldest first."""
        there = (item for item in self.tasks_in(instance.cluster) if item.instance == instance.name)
        return [item for item in there if not item.is_stopped]

    def live_tasks_of(self, service: str) -> list[Task]:
        """Tasks of a service (its ARN) that have not stopped, oldest first."""
        return [item for item in self.tasks if item.service == service and not item.is_stopped]

    def groups_of(self, service: Service) -> list[TargetGroup]:
        """The target groups that its tasks are registered in."""
        return [group for group in self.target_groups if group.arn in service.target_groups]

    def counted_groups_of(self, service: Service) -> list[TargetGroup]:
        """Those whose targets are worth a figure: one that waits for its turn has none."""
        groups = self.groups_of(service)
        return [group for group in groups if group.healthy != "0/0"] or groups[:1]

    def listeners_of(self, service: Service) -> list[Listener]:
        """The listeners that lead to it."""
        listeners = (listener for item in self.load_balancers for listener in item.listeners)
        return [item for item in listeners if any(arn in service.target_groups for arn in item.target_groups)]

    def url_of(self, service: Service) -> str:
        """Where it is reached, "" without a load balancer."""
        return next((listener.url for listener in self.listeners_of(service)), "")


def _service(raw: Mapping[str, Any]) -> Service:
    throttle, flapping, standby = raw.get("throttle"), raw.get("flapping"), raw.get("standby") or {}
    return Service(
        arn=raw["arn"],
        name=raw["name"],
        cluster=raw["clusterArn"],
        status=raw["status"],
        desired_count=raw["desiredCount"],
        running_count=raw["runningCount"],
        pending_count=raw["pendingCount"],
        task_definition=raw["taskDefinition"],
        steady=bool(raw["steady"]),
        throttle=Throttle(throttle["level"], throttle["nextStartAt"], throttle["reason"]) if throttle else None,
        kills=raw.get("kills") or 0,
        last_recovery_seconds=raw.get("lastRecoverySeconds"),
        standby=Standby(standby.get("desired") or 0, standby.get("ready") or 0, standby.get("memory")),
        flapping=Flapping(flapping["exits"], flapping["seconds"]) if flapping else None,
        target_groups=tuple(raw.get("targetGroups") or ()),
        deployments=tuple(_deployment(item) for item in raw.get("deployments") or ()),
        client=_client(raw.get("client")),
        raw=raw,
    )


def _client(raw: Mapping[str, Any] | None) -> Client | None:
    if raw is None:
        return None
    per_second = tuple((item["at"], item["ok"], item["failed"]) for item in raw.get("perSecond") or ())
    tasks = {id_: told["requests"] for id_, told in (raw.get("tasks") or {}).items()}
    return Client(raw["requests"], raw["failed"], raw.get("availability"), per_second, tasks)


def _deployment(raw: Mapping[str, Any]) -> Deployment:
    return Deployment(
        id=raw["id"],
        status=raw["status"],
        task_definition=raw["taskDefinition"],
        rollout_state=raw["rolloutState"],
        desired_count=raw["desiredCount"],
        running_count=raw["runningCount"],
        pending_count=raw["pendingCount"],
        failed_tasks=raw["failedTasks"],
        created_at=raw["createdAt"],
        shift=Shift.of_state(raw.get("shift")),
    )


def _load_balancer(raw: Mapping[str, Any]) -> LoadBalancer:
    listeners = tuple(
        Listener(item["port"], item["hostPort"], tuple(item["targetGroups"])) for item in raw["listeners"]
    )
    return LoadBalancer(raw["arn"], raw.get("name") or "", listeners)


def _target_group(raw: Mapping[str, Any]) -> TargetGroup:
    targets = tuple(
        Target(item["taskArn"], item["address"], item["port"], item["state"], item.get("reason") or "")
        for item in raw["targets"]
    )
    return TargetGroup(raw["arn"], raw["name"], targets)


def _task(raw: Mapping[str, Any]) -> Task:
    return Task(
        arn=raw["arn"],
        cluster=raw["clusterArn"],
        service=raw.get("serviceArn") or "",
        task_definition=raw["taskDefinition"],
        last_status=raw["lastStatus"],
        desired_status=raw["desiredStatus"],
        health_status=raw.get("healthStatus") or "",
        number=raw["number"],
        created_at=raw["createdAt"],
        started_at=raw.get("startedAt"),
        stopped_at=raw.get("stoppedAt"),
        stop_code=raw.get("stopCode") or "",
        stopped_reason=raw.get("stoppedReason") or "",
        fills=raw.get("fills") or "",
        started_by=raw.get("startedBy") or "",
        protected_until=raw.get("protectedUntil"),
        containers=_containers(raw.get("containers") or ()),
        raw=raw,
    )


def _containers(raw: Sequence[Mapping[str, Any]]) -> tuple[Container, ...]:
    return tuple(
        Container(
            name=item["name"],
            image=item["image"],
            runtime_id=item.get("runtimeId") or "",
            exit_code=item.get("exitCode"),
            reason=item.get("reason") or "",
            ports=tuple((port["containerPort"], published_at(port)) for port in item.get("bindings") or ()),
        )
        for item in raw
    )
