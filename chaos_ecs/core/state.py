"""All there is: entities by ARN, indexes derived from them, and what changed since the last save.

Only `apply` and its parts call the writing methods (`put`, `drop`, `emit`, ...); everybody else reads. Indexes keep
a step's cost independent of the cluster's size: what belongs to a service or cluster is never searched for.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping
from typing import Any, TypeVar

from chaos_ecs.core.balancing import Listener, LoadBalancer, Routing, Rule, Target, TargetGroup
from chaos_ecs.core.capacity_providers import CapacityProvider
from chaos_ecs.core.container_instances import ContainerInstance, ContainerInstanceStatus
from chaos_ecs.core.deploying import ServiceDeployment, ServiceRevision
from chaos_ecs.core.experimenting import Experiment, ExperimentTemplate, SafetyLever
from chaos_ecs.core.fault_index import FaultIndex
from chaos_ecs.core.faulting import InjectedFault
from chaos_ecs.core.instance_index import InstanceIndex
from chaos_ecs.core.messages import ContainerSeen, Event
from chaos_ecs.core.model import (
    AccountSetting,
    Cluster,
    Counter,
    Entity,
    Family,
    Service,
    ServiceEvent,
    ServiceStatus,
    Task,
    TaskDefinition,
)
from chaos_ecs.core.outbox import Change, changes_of, numbered
from chaos_ecs.core.pace import DEMO, Pace
from chaos_ecs.core.scaling import Measure, Sample, ScalableTarget
from chaos_ecs.core.schedules import Invocation, Schedule, ScheduleGroup
from chaos_ecs.core.target_index import TargetIndex
from chaos_ecs.core.telling import SERVICE_EVENTS_KEPT, Telling

_K = TypeVar("_K")
_Queue = OrderedDict[_K, None]

Published = tuple[tuple[str, ...], tuple[str, ...]]
"""Names, and the addresses they lead to."""

ROUTING = "routing"
"""Touched like an ARN when the balancer may have to be told something new."""


def _age(entity: Entity) -> float:
    """Indexes are in the order in which things came about."""
    match entity:
        case Task() | Experiment() | ExperimentTemplate() | ContainerInstance():
            return entity.number
        case Target():
            return entity.registered_at
        case ServiceDeployment():
            return entity.created_at
        case InjectedFault():
            return entity.ended_at or entity.created_at
        case Invocation():
            return entity.due
        case _:
            return 0


def _groups_of(service: Service) -> tuple[str, ...]:
    groups = [(item.target_group_arn, item.alternate_target_group_arn) for item in service.load_balancers]
    return tuple(dict.fromkeys(arn for pair in groups for arn in pair if arn))


class State(Telling):
    def __init__(self, salt: str, pace: Pace = DEMO) -> None:
        self.salt, self.pace = salt, pace  # the salt makes two state folders give out different ids
        self.clusters: dict[str, Cluster] = {}
        self.task_definitions: dict[str, TaskDefinition] = {}
        self.families: dict[str, Family] = {}
        self.services: dict[str, Service] = {}
        self.tasks: dict[str, Task] = {}
        self.standbys: dict[str, Task] = {}  # apart from the tasks: no operation of ECS sees them
        self.service_events: dict[str, ServiceEvent] = {}
        self.counters: dict[str, Counter] = {}
        self.service_revisions: dict[str, ServiceRevision] = {}
        self.service_deployments: dict[str, ServiceDeployment] = {}
        self.target_groups: dict[str, TargetGroup] = {}
        self.load_balancers: dict[str, LoadBalancer] = {}
        self.listeners: dict[str, Listener] = {}
        self.rules: dict[str, Rule] = {}
        self.targets: dict[str, Target] = {}  # by TARGET_GROUP_ARN#TASK_ARN
        self.scalable_targets: dict[str, ScalableTarget] = {}  # by the ARN of the service
        self.faults: dict[str, InjectedFault] = {}  # open ones, and the newest of those that ended
        self.experiment_templates: dict[str, ExperimentTemplate] = {}
        self.experiments: dict[str, Experiment] = {}
        self.safety_levers: dict[str, SafetyLever] = {}  # by region; none: disengaged
        self.schedules: dict[str, Schedule] = {}
        self.schedule_groups: dict[str, ScheduleGroup] = {}  # without `default`
        self.invocations: dict[str, Invocation] = {}  # open ones, by SCHEDULE_ARN#DUE
        self.container_instances: dict[str, ContainerInstance] = {}  # INACTIVE ones too, until they are forgotten
        self.capacity_providers: dict[str, CapacityProvider] = {}  # without FARGATE and FARGATE_SPOT
        self.account_settings: dict[str, AccountSetting] = {}  # by REGION/PRINCIPAL_ARN/NAME
        self.touched: dict[str, None] = {}
        self.changes: dict[tuple[type[Entity], str], Entity | None] = {}
        self.events: list[Event] = []
        self.outbox: list[Change] | None = None  # every change of this step, in order; None: nobody follows

        self._begin_what_is_not_kept()
        self._begin_indexes()
        self._tables = self._by_type()

    def _begin_what_is_not_kept(self) -> None:
        """What is found out anew by each controller; none of it is on disk."""
        self.failing_listeners: dict[str, str] = {}  # whose clients are not served now, and why
        self.samples: dict[str, dict[Measure, Sample]] = {}  # the newest, by the ARN of the service

        self.published: dict[str, Published] = {}  # by the ARN of the service
        self.routing: Routing | None = None  # what the balancer was last told, None: nothing yet
        self.balancer_up, self.balancer_reason = False, ""  # whether it is, and why not

        self.engines: dict[str, bool] = {}  # further engines in use, and whether they answer
        self.engines_heard: dict[str, None] = {}  # those that have answered or were found silent, left ones too
        self.engine = self.engine_reason = ""  # the own one's name; why it is not connected
        self.engine_asked = self.engine_connected = False  # asked: the runtime has said something of it
        self.strays: dict[str, ContainerSeen] = {}  # containers of ours that belong to no task, by runtime id
        self.strays_told: dict[str, None] = {}  # the same until they are gone, also while their removal is under way

    def _begin_indexes(self) -> None:
        """What follows from the entities. Queues are emptied at the front, where a plain dict would go on stepping over
        what was there before."""
        self.waiting: _Queue[str] = OrderedDict()  # tasks with a container yet to start, in order of creation
        self.starting: _Queue[tuple[str, str]] = OrderedDict()  # (task, container) handed to the runtime, unanswered
        self.stopped: _Queue[str] = OrderedDict()  # stopped tasks, oldest first
        self.with_logs: _Queue[str] = OrderedDict()  # those of them with a Docker container left, for its logs
        self.tasks_of_token: dict[tuple[str, str], dict[str, None]] = {}  # by cluster and RunTask's clientToken
        self._live_tasks_of_service: dict[str, dict[str, None]] = {}
        self._standbys_of_service: dict[str, dict[str, None]] = {}
        self._tasks_in_cluster: dict[str, dict[str, None]] = {}
        self._services_in_cluster: dict[str, dict[str, None]] = {}
        self._target_index, self._fault_index, self._instance_index = TargetIndex(), FaultIndex(), InstanceIndex()
        self._deployments_of_service: dict[str, dict[str, None]] = {}
        self._invocations_of_schedule: dict[str, dict[str, None]] = {}

    def _by_type(self) -> Mapping[type[Entity], dict[str, Any]]:
        return {
            Cluster: self.clusters,
            TaskDefinition: self.task_definitions,
            Family: self.families,
            Service: self.services,
            ServiceEvent: self.service_events,
            Task: self.tasks,
            Counter: self.counters,
            ServiceRevision: self.service_revisions,
            ServiceDeployment: self.service_deployments,
            TargetGroup: self.target_groups,
            LoadBalancer: self.load_balancers,
            Listener: self.listeners,
            Rule: self.rules,
            Target: self.targets,
            ScalableTarget: self.scalable_targets,
            InjectedFault: self.faults,
            ExperimentTemplate: self.experiment_templates,
            Experiment: self.experiments,
            SafetyLever: self.safety_levers,
            Schedule: self.schedules,
            ScheduleGroup: self.schedule_groups,
            Invocation: self.invocations,
            AccountSetting: self.account_settings,
            ContainerInstance: self.container_instances,
            CapacityProvider: self.capacity_providers,
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

    def instances_in(self, cluster_arn: str) -> list[ContainerInstance]:
        """The cluster's container instances that are not INACTIVE, in the order in which they were registered."""
        known = (self.container_instances[arn] for arn in self._instance_index.in_cluster.get(cluster_arn, ()))
        return [instance for instance in known if instance.status is not ContainerInstanceStatus.INACTIVE]

    def tasks_on(self, instance_arn: str) -> list[Task]:
        """The tasks and standbys that were placed there, stopped ones too, in order of creation."""
        return [self.the_task(arn) for arn in self._instance_index.tasks_on.get(instance_arn, ())]

    def live_tasks_on(self, instance_arn: str) -> list[Task]:
        """Those of them that are not STOPPED."""
        return [task for task in self.tasks_on(instance_arn) if not task.is_stopped]

    def engine_of(self, task: Task) -> str:
        """The engine of its container instance; empty: the controller's own."""
        instance = self.container_instances.get(task.container_instance_arn)
        return instance.engine if instance else ""

    def is_reachable(self, task: Task) -> bool:
        """Whether the engine that it is on answers."""
        engine = self.engine_of(task)
        return self.engines.get(engine, False) if engine else self.engine_connected

    def targets_of(self, task_arn: str) -> list[Target]:
        """The task's places in target groups, draining ones included."""
        return [self.targets[key] for key in self._target_index.of_task.get(task_arn, ())]

    def targets_in(self, target_group_arn: str) -> list[Target]:
        """In the order they were registered."""
        return [self.targets[key] for key in self._target_index.in_group.get(target_group_arn, ())]

    def targets_of_service(self, service_arn: str) -> list[Target]:
        """All targets that are tasks of the service, also in groups it does not use any more."""
        return [self.targets[key] for key in self._target_index.of_service.get(service_arn, ())]

    def services_of(self, target_group_arn: str) -> list[Service]:
        """The services that register their tasks there, and are not INACTIVE."""
        return [self.services[arn] for arn in self._target_index.services_of_group.get(target_group_arn, ())]

    def deployments_of(self, service_arn: str) -> list[ServiceDeployment]:
        """The history of the service's deployments, newest first."""
        return [self.service_deployments[arn] for arn in reversed(self._deployments_of_service.get(service_arn, {}))]

    def invocations_of(self, schedule_arn: str) -> list[Invocation]:
        """What the schedule still wants to run: those that wait for their window or for a retry, oldest first."""
        return [self.invocations[key] for key in self._invocations_of_schedule.get(schedule_arn, ())]

    def faults_of(self, arn: str) -> list[InjectedFault]:
        """The open faults that hit the task, or the container instance as a whole, in the order in which they were
        asked for."""
        return [self.faults[fault_id] for fault_id in self._fault_index.on.get(arn, ())]

    @property
    def control_faults(self) -> tuple[InjectedFault, ...]:
        """The open faults of the control plane. May be read on any thread."""
        return self._fault_index.control

    @property
    def ended_faults(self) -> Collection[str]:
        """The ids of those that are over, oldest first."""
        return self._fault_index.ended

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
        for entity in sorted(entities, key=_age):
            self._table(entity)[entity.key] = entity
            self._index(entity)
        by_end = sorted(self.stopped, key=lambda arn: self.tasks[arn].stopped_at or 0.0)
        self.stopped = OrderedDict.fromkeys(by_end)
        self.with_logs = OrderedDict.fromkeys(arn for arn in by_end if arn in self.with_logs)
        self.touch_all()

    def touch_all(self) -> None:
        for arn in (
            *self.clusters,
            *self.services,
            *self.tasks,
            *self.standbys,
            *self.faults,
            *self.experiments,
            *self.schedules,
            *self.schedule_groups,
            *self.invocations,
            *self.container_instances,
            ROUTING,
        ):
            self.touched[arn] = None

    def touch(self, arn: str) -> None:
        self.touched[arn] = None

    def put(self, entity: Entity) -> None:
        """Adds or replaces; touches it, and whatever follows from it. The version of a task is counted here."""
        if isinstance(entity, Task):
            entity = numbered(self.find_task(entity.arn), entity)
        if self.outbox is not None:
            self._note(self.outbox, entity)
        self._table(entity)[entity.key] = entity
        self.changes[type(entity), entity.key] = entity
        self._index(entity)
        self._touch_after(entity)

    def _touch_after(self, entity: Entity) -> None:
        match entity:
            case Task():
                self._touch_task(entity)
            case InjectedFault():
                self.touch(entity.id)
                self.touch(entity.experiment)
            case Experiment():
                self.touch(entity.id)
            case Service() | Cluster() | Schedule() | ScheduleGroup() | Invocation():
                self.touch(entity.key)
            case ScalableTarget():
                self.touch(entity.service_arn)
            case ContainerInstance():
                self.touch(entity.arn)
                self._touch_faults_on(entity.arn)
                for service in self.services_in(entity.cluster_arn):
                    self.touch(service.arn)
            case TargetGroup() | Listener() | Rule() | Target():
                self._touch_balancing(entity)

    def _touch_task(self, task: Task) -> None:
        self.touch(task.arn)
        if task.service_arn:
            self.touch(task.service_arn)
        self._touch_faults_on(task.arn, task.service_arn or "", task.container_instance_arn)
        self._touch_instance_of(task)

    def drop(self, entity: Entity) -> None:
        self._table(entity).pop(entity.key, None)
        self.changes[type(entity), entity.key] = None
        if isinstance(entity, Service):
            self._services_in_cluster[entity.cluster_arn].pop(entity.arn, None)
            self._deployments_of_service.pop(entity.arn, None)
            self._target_index.put_service(entity.arn, ())
        elif isinstance(entity, ServiceDeployment):
            self._deployments_of_service.get(entity.service_arn, {}).pop(entity.arn, None)
        elif isinstance(entity, TargetGroup | Listener | Rule | Target):
            self._drop_balancing(entity)
        elif isinstance(entity, InjectedFault):
            self._fault_index.remove(entity)
        elif isinstance(entity, Invocation):
            self._invocations_of_schedule.get(entity.schedule_arn, {}).pop(entity.key, None)
        elif isinstance(entity, ContainerInstance):
            self._instance_index.remove(entity)
        elif isinstance(entity, Schedule):
            self._invocations_of_schedule.pop(entity.arn, None)
        elif isinstance(entity, Task):
            self._drop_task(entity)

    def _drop_task(self, entity: Task) -> None:
        if entity.standby:
            self._forget_standby(entity)
        else:
            self.waiting.pop(entity.arn, None)
            self.stopped.pop(entity.arn, None)
            self.with_logs.pop(entity.arn, None)
            self._tasks_in_cluster[entity.cluster_arn].pop(entity.arn, None)
            self._instance_index.remove_task(entity)
            token = (entity.cluster_arn, entity.client_token)
            self.tasks_of_token.get(token, {}).pop(entity.arn, None)
            if not self.tasks_of_token.get(token, True):
                del self.tasks_of_token[token]

    def _note(self, outbox: list[Change], entity: Entity) -> None:
        match entity:
            case Task():
                definition = self.task_definitions.get(entity.task_definition_arn)
                outbox.extend(changes_of(self.find_task(entity.arn), entity, definition))
            case Service():
                outbox.extend(changes_of(self.services.get(entity.arn), entity, None))

    def _table(self, entity: Entity) -> dict[str, Any]:
        return self.standbys if isinstance(entity, Task) and entity.standby else self._tables[type(entity)]

    def _forget_standby(self, standby: Task) -> None:
        self.standbys.pop(standby.arn, None)
        self.waiting.pop(standby.arn, None)
        self._standbys_of_service.get(standby.service_arn or "", {}).pop(standby.arn, None)
        self._instance_index.remove_task(standby)
        self.touch(standby.service_arn or "")

    def _touch_instance_of(self, task: Task) -> None:
        """The container instance; once the task has left it, also those who wait for room."""
        if not task.container_instance_arn:
            return
        self.touch(task.container_instance_arn)
        for service in self.services_in(task.cluster_arn) if task.is_stopped else ():
            if service.unplaced or service.placement.is_daemon:
                self.touch(service.arn)

    def _touch_faults_on(self, *arns: str) -> None:
        for arn in arns:
            for fault_id in self._fault_index.on.get(arn, ()):
                self.touch(fault_id)

    def _touch_balancing(self, entity: TargetGroup | Listener | Rule | Target) -> None:
        """The routing, and whoever's health hangs on it."""
        self.touch(ROUTING)
        if isinstance(entity, Target):
            self.touch(entity.task_arn)
            task = self.find_task(entity.task_arn)
            if task and task.service_arn:
                self.touch(task.service_arn)
        elif isinstance(entity, TargetGroup):
            for service in self.services_of(entity.arn):
                self.touch(service.arn)

    def _drop_balancing(self, entity: TargetGroup | Listener | Rule | Target) -> None:
        if isinstance(entity, Target):
            self._target_index.remove(entity)
        self._touch_balancing(entity)

    def _index(self, entity: Entity) -> None:
        match entity:
            case Service():
                self._services_in_cluster.setdefault(entity.cluster_arn, {})[entity.arn] = None
                is_gone = entity.status is ServiceStatus.INACTIVE
                self._target_index.put_service(entity.arn, () if is_gone else _groups_of(entity))
            case ServiceDeployment():
                self._deployments_of_service.setdefault(entity.service_arn, {})[entity.arn] = None
            case Target():
                self._target_index.add(entity)
            case ContainerInstance():
                self._instance_index.put(entity)
            case InjectedFault():
                self._fault_index.put(entity)
            case Invocation():
                self._invocations_of_schedule.setdefault(entity.schedule_arn, {})[entity.key] = None
            case Task():
                self._index_task(entity)

    def _index_task(self, task: Task) -> None:
        if task.standby:
            self._standbys_of_service.setdefault(task.service_arn or "", {})[task.arn] = None
            self._index_progress(task)
            return
        if task.arn in self.standbys:  # promoted
            self._forget_standby(self.standbys[task.arn])
        self._tasks_in_cluster.setdefault(task.cluster_arn, {})[task.arn] = None
        if task.client_token:
            self.tasks_of_token.setdefault((task.cluster_arn, task.client_token), {})[task.arn] = None
        if task.service_arn:
            live = self._live_tasks_of_service.setdefault(task.service_arn, {})
            if task.is_stopped:
                live.pop(task.arn, None)
            else:
                live[task.arn] = None
        self._index_progress(task)

    def _index_progress(self, task: Task) -> None:
        self._instance_index.put_task(task)
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
