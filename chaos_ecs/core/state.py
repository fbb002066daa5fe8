"""All there is: entities by ARN, indexes derived from them, and what changed since the last save.

Only `apply` and its parts call the writing methods (`put`, `drop`, `emit`, ...); everybody else reads. Indexes keep
a step's cost independent of the cluster's size: what belongs to a service or cluster is never searched for.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any

from chaos_ecs.core.messages import ContainerSeen, Event, EventType
from chaos_ecs.core.model import (
    Cluster,
    Counter,
    Entity,
    Family,
    Service,
    ServiceEvent,
    Task,
    TaskDefinition,
)

SERVICE_EVENTS_KEPT = 100
"""API_Service: "The event stream for your service. A maximum of 100 of the latest events are displayed."""


class State:
    def __init__(self, salt: str) -> None:
        self.salt = salt  # makes two state folders give out different ids
        self.clusters: dict[str, Cluster] = {}
        self.task_definitions: dict[str, TaskDefinition] = {}
        self.families: dict[str, Family] = {}
        self.services: dict[str, Service] = {}
        self.tasks: dict[str, Task] = {}
        self.standbys: dict[str, Task] = {}  # apart from the tasks: no operation of ECS sees them
        self.service_events: dict[str, ServiceEvent] = {}
        self.counters: dict[str, Counter] = {}

        self.engine = ""
        self.engine_reason = ""  # why it is not connected
        self.engine_asked = False  # whether the runtime has said anything of it yet
        self.engine_connected = False
        self.strays: dict[str, ContainerSeen] = {}  # containers of ours that belong to no task, by runtime id
        self.strays_told: dict[str, None] = {}  # the same until they are gone, also while their removal is under way

        self.touched: dict[str, None] = {}
        self.changes: dict[tuple[type[Entity], str], Entity | None] = {}
        self.events: list[Event] = []

        # Queues: emptied at the front, where a plain dict would go on stepping over what was there before.
        self.waiting: OrderedDict[str, None] = (
            OrderedDict()
        )  # tasks with a container yet to start, in order of creation
        self.starting: OrderedDict[tuple[str, str], None] = (
            OrderedDict()
        )  # (task, container) handed to the runtime, not yet answered
        self.stopped: OrderedDict[str, None] = OrderedDict()  # stopped tasks, oldest first
        self.with_logs: OrderedDict[str, None] = (
            OrderedDict()
        )  # those of them that still have a Docker container, for its logs
        self.tasks_of_token: dict[tuple[str, str], dict[str, None]] = {}  # by cluster and RunTask's clientToken
        self._live_tasks_of_service: dict[str, dict[str, None]] = {}
        self._standbys_of_service: dict[str, dict[str, None]] = {}
        self._tasks_in_cluster: dict[str, dict[str, None]] = {}
        self._services_in_cluster: dict[str, dict[str, None]] = {}
        self._tables: Mapping[type[Entity], dict[str, Any]] = {
            Cluster: self.clusters,
            TaskDefinition: self.task_definitions,
            Family: self.families,
            Service: self.services,
            ServiceEvent: self.service_events,
            Task: self.tasks,
            Counter: self.counters,
        }

    # --- reading ---

    def live_tasks_of(self, service_arn: str) -> list[Task]:
        """The service's tasks that are not STOPPED, in order of creation."""
        return [self.tasks[arn] for arn in self._live_tasks_of_service.get(service_arn, ())]

    def standbys_of(self, service_arn: str) -> list[Task]:
        """The service's standbys, warming up or ready, in order of creation."""
        return [self.standbys[arn] for arn in self._standbys_of_service.get(service_arn, ())]

    def find_task(self, arn: str) -> Task | None:
        """A task or a standby: for those who follow containers."""
        return self.tasks.get(arn) or self.standbys.get(arn)

    def the_task(self, arn: str) -> Task:
        """The same, for an ARN that is known to be there."""
        task = self.find_task(arn)
        assert task is not None, arn
        return task

    def tasks_in(self, cluster_arn: str) -> list[Task]:
        return [self.tasks[arn] for arn in self._tasks_in_cluster.get(cluster_arn, ())]

    def services_in(self, cluster_arn: str) -> list[Service]:
        return [self.services[arn] for arn in self._services_in_cluster.get(cluster_arn, ())]

    def events_of(self, service_arn: str) -> list[ServiceEvent]:
        """The service's events, newest first."""
        slots = (f"{service_arn}#{slot}" for slot in range(SERVICE_EVENTS_KEPT))
        kept = [self.service_events[key] for key in slots if key in self.service_events]
        return sorted(kept, key=lambda event: -event.number)

    def region_is_open(self, region: str) -> bool:
        return f"region/{region}" in self.counters

    # --- writing ---

    def load(self, entities: Iterable[Entity]) -> None:
        """Takes what a Store kept. Everything is touched, nothing is changed."""
        for entity in sorted(entities, key=lambda entity: entity.number if isinstance(entity, Task) else 0):
            self._table(entity)[entity.key] = entity
            self._index(entity)
        by_end = sorted(self.stopped, key=lambda arn: self.tasks[arn].stopped_at or 0.0)
        self.stopped = OrderedDict.fromkeys(by_end)
        self.with_logs = OrderedDict.fromkeys(arn for arn in by_end if arn in self.with_logs)
        self.touch_all()

    def touch_all(self) -> None:
        for arn in (*self.clusters, *self.services, *self.tasks, *self.standbys):
            self.touched[arn] = None

    def touch(self, arn: str) -> None:
        self.touched[arn] = None

    def put(self, entity: Entity) -> None:
        """Adds or replaces; touches it, and the service of a task."""
        self._table(entity)[entity.key] = entity
        self.changes[type(entity), entity.key] = entity
        self._index(entity)
        if isinstance(entity, Task):
            self.touch(entity.arn)
            if entity.service_arn:
                self.touch(entity.service_arn)
        elif isinstance(entity, Service | Cluster):
            self.touch(entity.arn)

    def drop(self, entity: Entity) -> None:
        self._table(entity).pop(entity.key, None)
        self.changes[type(entity), entity.key] = None
        if isinstance(entity, Service):
            self._services_in_cluster[entity.cluster_arn].pop(entity.arn, None)
        elif isinstance(entity, Task) and entity.standby:
            self._forget_standby(entity)
        elif isinstance(entity, Task):
            self.waiting.pop(entity.arn, None)
            self.stopped.pop(entity.arn, None)
            self.with_logs.pop(entity.arn, None)
            self._tasks_in_cluster[entity.cluster_arn].pop(entity.arn, None)
            token = (entity.cluster_arn, entity.client_token)
            self.tasks_of_token.get(token, {}).pop(entity.arn, None)
            if not self.tasks_of_token.get(token, True):
                del self.tasks_of_token[token]

    def emit(
        self,
        now: float,
        type_: EventType,
        message: str,
        *,
        cluster: str = "",
        service: str = "",
        task: str = "",
        **data: Any,
    ) -> None:
        """Tells the watchers. A `data` member that is None is left out."""
        told = {name: value for name, value in data.items() if value is not None}
        self.events.append(Event(self.next_number("event"), now, type_, message, cluster, service, task, told))

    def tell_service(self, now: float, service: Service, type_: EventType, message: str, **data: Any) -> None:
        """An event in ECS's own words: kept in DescribeServices' list too."""
        number = self.next_number(f"events/{service.arn}")
        key = f"{service.arn}#{number % SERVICE_EVENTS_KEPT}"
        self.put(ServiceEvent(key, service.arn, number, self.new_uuid(), now, message))
        self.emit(now, type_, message, cluster=service.cluster_arn, service=service.arn, **data)

    def next_number(self, key: str) -> int:
        counter = self.counters.get(key)
        value = counter.value + 1 if counter else 1
        self.put(Counter(key, value))
        return value

    def new_id(self) -> str:
        """32 hexadecimal digits, replayed by the same salt and history."""
        number = self.next_number("id")
        return hashlib.blake2b(f"{self.salt}/{number}".encode(), digest_size=16).hexdigest()

    def new_uuid(self) -> str:
        hexadecimal = self.new_id()
        return "-".join((hexadecimal[:8], hexadecimal[8:12], hexadecimal[12:16], hexadecimal[16:20], hexadecimal[20:]))

    def new_deployment_id(self) -> str:
        """`ecs-svc/` and 19 decimal digits, as ECS has them."""
        return f"ecs-svc/{int(self.new_id(), 16) % 9 * 10**18 + 10**18 + int(self.new_id(), 16) % 10**18:019d}"

    def _table(self, entity: Entity) -> dict[str, Any]:
        return self.standbys if isinstance(entity, Task) and entity.standby else self._tables[type(entity)]

    def _forget_standby(self, standby: Task) -> None:
        self.standbys.pop(standby.arn, None)
        self.waiting.pop(standby.arn, None)
        self._standbys_of_service.get(standby.service_arn or "", {}).pop(standby.arn, None)
        self.touch(standby.service_arn or "")

    def _index(self, entity: Entity) -> None:
        if isinstance(entity, Service):
            self._services_in_cluster.setdefault(entity.cluster_arn, {})[entity.arn] = None
        elif isinstance(entity, Task) and entity.standby:
            self._standbys_of_service.setdefault(entity.service_arn or "", {})[entity.arn] = None
            self._index_progress(entity)
        elif isinstance(entity, Task):
            if entity.arn in self.standbys:  # promoted
                self._forget_standby(self.standbys[entity.arn])
            self._tasks_in_cluster.setdefault(entity.cluster_arn, {})[entity.arn] = None
            if entity.client_token:
                self.tasks_of_token.setdefault((entity.cluster_arn, entity.client_token), {})[entity.arn] = None
            if entity.service_arn:
                live = self._live_tasks_of_service.setdefault(entity.service_arn, {})
                if entity.is_stopped:
                    live.pop(entity.arn, None)
                else:
                    live[entity.arn] = None
            self._index_progress(entity)

    def _index_progress(self, task: Task) -> None:
        for container in task.containers:
            if container.is_starting:
                self.starting[task.arn, container.name] = None
            else:
                self.starting.pop((task.arn, container.name), None)
        if task.is_wanted and any(c.is_to_start for c in task.containers):
            self.waiting[task.arn] = None
        else:
            self.waiting.pop(task.arn, None)
        if task.is_stopped and not task.standby:
            self.stopped[task.arn] = None
            if any(container.runtime_id and not container.reaped for container in task.containers):
                self.with_logs[task.arn] = None
            else:
                self.with_logs.pop(task.arn, None)
