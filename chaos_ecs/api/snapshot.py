"""Everything at one moment, and events, as `GET /state` and `GET /events` have them (see ARCHITECTURE.md).

Taken in two parts: `take` copies references between two steps, `render` turns them into dicts on another thread, so a
large State never keeps the loop waiting.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chaos_ecs.api.fault_views import fault_view
from chaos_ecs.api.instance_snapshot import Hosts, instance_views, where
from chaos_ecs.api.schedule_views import schedule_view
from chaos_ecs.api.views import health_of
from chaos_ecs.core.arns import name_of, region_of
from chaos_ecs.core.backoff import FLAPPING_EXITS, FLAPPING_SECONDS, TOLD_FROM_LEVEL, recent_exits
from chaos_ecs.core.balancing import Listener, LoadBalancer, Rule, Target, TargetGroup
from chaos_ecs.core.deploying import Deployment, DeploymentStatus
from chaos_ecs.core.faulting import InjectedFault
from chaos_ecs.core.lifecycle import deciding_container
from chaos_ecs.core.listeners import dns_name_of
from chaos_ecs.core.messages import Event
from chaos_ecs.core.model import Cluster, Container, Service, Task, TaskDefinition
from chaos_ecs.core.schedules import Invocation, Schedule
from chaos_ecs.core.state import State
from chaos_ecs.core.target_groups import health_told, load_balancers_by_group

VERSION = 1
STOPPED_TASKS_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Moment:
    """Frozen entities of one moment; `number` is that of the newest event they contain."""

    number: int
    at: float
    engine: dict[str, Any]
    clusters: Sequence[Cluster]
    services: Sequence[Service]
    tasks: Sequence[Task]
    standbys: Sequence[Task]
    definitions: dict[str, TaskDefinition]
    balancing: Balancing
    minute: float  # how long one of a bake time takes, in seconds
    faults: Sequence[InjectedFault]  # those that are not over
    schedules: Sequence[tuple[Schedule, Sequence[Invocation]]]  # each with what waits of it
    hosts: Hosts  # container instances, deregistered ones too: their last tasks name them


@dataclass(frozen=True, slots=True)
class Balancing:
    """What a moment has of load balancing; `used` are the target groups that something forwards to."""

    load_balancers: Sequence[LoadBalancer]
    listeners: Sequence[Listener]
    rules: Sequence[Rule]
    target_groups: Sequence[TargetGroup]
    targets: Sequence[Target]
    used: Mapping[str, object]


def take(state: State, now: float) -> Moment:
    newest_stopped = _newest_stopped(state)
    tasks = [task for task in state.tasks.values() if not task.is_stopped or task.arn in newest_stopped]
    standbys = list(state.standbys.values())
    counter = state.counters.get("event")
    return Moment(
        number=counter.value if counter else 0,
        at=now,
        engine={
            "connected": state.engine_connected,
            "name": state.engine,
            "reason": "" if state.engine_connected else state.engine_reason,
        },
        clusters=list(state.clusters.values()),
        services=list(state.services.values()),
        tasks=tasks,
        standbys=standbys,
        definitions={
            task.task_definition_arn: state.task_definitions[task.task_definition_arn] for task in (*tasks, *standbys)
        },
        balancing=Balancing(
            load_balancers=list(state.load_balancers.values()),
            listeners=list(state.listeners.values()),
            rules=list(state.rules.values()),
            target_groups=list(state.target_groups.values()),
            targets=list(state.targets.values()),
            used=load_balancers_by_group(state),
        ),
        minute=state.pace.minute,
        faults=[fault for fault in state.faults.values() if not fault.is_over],
        schedules=[(item, state.invocations_of(item.arn)) for item in state.schedules.values()],
        hosts=dict(state.container_instances),
    )


def _newest_stopped(state: State) -> dict[str, None]:
    """So many of services, and so many standalone ones: a crash loop must not push out what nobody replaces."""
    shown: dict[str, None] = {}
    left = {True: STOPPED_TASKS_SHOWN, False: STOPPED_TASKS_SHOWN}  # by whether it was a service's
    for arn in reversed(state.stopped):
        of_service = state.tasks[arn].service_arn is not None
        if left[of_service]:
            left[of_service] -= 1
            shown[arn] = None
    return shown


def render(moment: Moment) -> dict[str, Any]:
    running: dict[str, int] = {}  # by service, and by deployment
    pending: dict[str, int] = {}
    for task in moment.tasks:
        if task.service_arn and task.is_wanted:
            counts = running if task.is_running else pending
            counts[task.service_arn] = counts.get(task.service_arn, 0) + 1
            deployment = task.deployment_id or ""
            counts[deployment] = counts.get(deployment, 0) + 1
    return {
        "v": VERSION,
        "number": moment.number,
        "at": moment.at,
        "engine": moment.engine,
        "clusters": [_cluster(cluster) for cluster in moment.clusters],
        "services": [
            _service(service, running.get(service.arn, 0), pending.get(service.arn, 0))
            | {"standby": _standby(service, moment), "flapping": _flapping(service, moment.at)}
            | {
                "deployments": [
                    _deployment(service, item, running, pending) | _shift(item, moment) for item in service.deployments
                ]
            }
            for service in moment.services
        ],
        "tasks": [
            _task(task, moment.definitions[task.task_definition_arn]) | where(task, moment.hosts)
            for task in moment.tasks
        ],
        **instance_views(moment.hosts, moment.tasks, moment.standbys),
        **_balancing(moment.balancing),
        **({"faults": [fault_view(fault) for fault in moment.faults]} if moment.faults else {}),
        **({"schedules": [schedule_view(*item) for item in moment.schedules]} if moment.schedules else {}),
    }


def _balancing(there: Balancing) -> dict[str, Any]:
    """Nothing where there is nothing: most lessons begin without a load balancer."""
    told: dict[str, Any] = {}
    targets: dict[str, list[Target]] = {}
    for target in there.targets:
        targets.setdefault(target.target_group_arn, []).append(target)
    if there.load_balancers:
        told["loadBalancers"] = [_load_balancer(item, there) for item in there.load_balancers]
    if there.target_groups:
        told["targetGroups"] = [
            _target_group(group, targets.get(group.arn, ()), in_use=group.arn in there.used)
            for group in there.target_groups
        ]
    return told


def _load_balancer(item: LoadBalancer, there: Balancing) -> dict[str, Any]:
    return {
        "name": item.name,
        "arn": item.arn,
        "dnsName": dns_name_of(item),
        "listeners": [
            {
                "port": listener.port,
                "hostPort": listener.host_port,
                "targetGroups": _forwarded_to(listener, there.rules),
            }
            for listener in there.listeners
            if listener.load_balancer_arn == item.arn
        ],
    }


def _forwarded_to(listener: Listener, rules: Sequence[Rule]) -> list[str]:
    """The target groups of its default action and of its rules, each once."""
    forwards = [listener.default, *(rule.forward for rule in rules if rule.listener_arn == listener.arn)]
    return list(dict.fromkeys(arn for forward in forwards for arn, _ in forward.groups))


def _target_group(group: TargetGroup, targets: Sequence[Target], *, in_use: bool) -> dict[str, Any]:
    return {
        "name": group.name,
        "arn": group.arn,
        "targets": [_target(target, in_use=in_use) for target in targets],
    }


def _target(target: Target, *, in_use: bool) -> dict[str, Any]:
    state, reason, _ = health_told(target, in_use=in_use)
    return {
        "taskArn": target.task_arn,
        "address": target.address,
        "port": target.port,
        "state": state,
        "reason": reason,
    }


def _cluster(cluster: Cluster) -> dict[str, Any]:
    return {
        "arn": cluster.arn,
        "name": cluster.name,
        "region": region_of(cluster.arn),
        "status": cluster.status,
    }


def _service(service: Service, running_count: int, pending_count: int) -> dict[str, Any]:
    throttle = service.throttle
    return {
        "arn": service.arn,
        "name": service.name,
        "clusterArn": service.cluster_arn,
        "status": service.status,
        "desiredCount": service.desired_count,
        "runningCount": running_count,
        "pendingCount": pending_count,
        "taskDefinition": name_of(service.task_definition_arn),
        "steady": service.steady,
        "throttle": {"level": throttle.level, "nextStartAt": throttle.next_start_at, "reason": throttle.last_reason}
        if throttle.level >= TOLD_FROM_LEVEL
        else None,
        "kills": service.kills,
        "lastRecoverySeconds": service.last_recovery_seconds,
        "createdAt": service.created_at,
        "targetGroups": _groups_of(service),
        **({"unplaced": service.unplaced} if service.unplaced else {}),
        **({"daemon": True} if service.placement.is_daemon else {}),
    }


def _groups_of(service: Service) -> list[str]:
    """The target groups its tasks are registered in, those of revisions to come included."""
    pairs = ((item.target_group_arn, item.alternate_target_group_arn) for item in service.load_balancers)
    return [arn for pair in pairs for arn in pair if arn]


def _deployment(
    service: Service, deployment: Deployment, running: Mapping[str, int], pending: Mapping[str, int]
) -> dict[str, Any]:
    """As DescribeServices has it: the newest wants what the service wants, an older one what is left for it."""
    newest = deployment.status is DeploymentStatus.PRIMARY
    return {
        "id": deployment.id,
        "status": deployment.status,
        "taskDefinition": name_of(deployment.task_definition_arn),
        "rolloutState": deployment.rollout_state,
        "desiredCount": service.desired_count if newest else deployment.desired_count,
        "runningCount": running.get(deployment.id, 0),
        "pendingCount": pending.get(deployment.id, 0),
        "failedTasks": deployment.failed_tasks,
        "createdAt": deployment.created_at,
    }


def _shift(deployment: Deployment, moment: Moment) -> dict[str, Any]:
    """How far a deployment that moves traffic has come, and until when it bakes; nothing of others."""
    shift = deployment.shift
    if shift is None:
        return {}
    minutes = shift.bake_minutes
    return {
        "shift": {
            "strategy": shift.configuration.strategy,
            "stage": shift.stage,
            "stageSince": shift.stage_since,
            "productionPercent": shift.production_percent,
            "testPercent": shift.test_percent,
            "bakeMinutes": minutes,
            "until": shift.bakes_since + minutes * moment.minute if minutes else None,
            "pause": {
                "hookId": shift.pause.id,
                "stage": shift.pause.stage,
                "expiresAt": shift.pause.expires_at,
                "timeoutAction": shift.pause.timeout_action,
            }
            if shift.pause
            else None,
        }
    }


def _standby(service: Service, moment: Moment) -> dict[str, Any]:
    """`memory` is what the standbys may take at the most, in MiB; None where a container has no limit."""
    there = [task for task in moment.standbys if task.service_arn == service.arn and task.is_wanted]
    limits = [
        container.memory for task in there for container in moment.definitions[task.task_definition_arn].containers
    ]
    return {
        "desired": service.standby_count,
        "ready": sum(task.is_ready_standby for task in there),
        "memory": None if None in limits else sum(limit or 0 for limit in limits),
    }


def _flapping(service: Service, now: float) -> dict[str, Any] | None:
    exits = recent_exits(service, now)
    return {"exits": exits, "seconds": FLAPPING_SECONDS} if exits >= FLAPPING_EXITS else None


def _task(task: Task, definition: TaskDefinition) -> dict[str, Any]:
    return {
        "arn": task.arn,
        "id": task.id,
        "clusterArn": task.cluster_arn,
        "serviceArn": task.service_arn,
        "taskDefinition": name_of(task.task_definition_arn),
        "group": task.group,
        "startedBy": task.started_by,
        "lastStatus": task.last_status,
        "desiredStatus": task.desired_status,
        "healthStatus": health_of(task, definition),
        "createdAt": task.created_at,
        "startedAt": task.started_at,
        "stoppedAt": task.stopped_at,
        "stopCode": task.stop_code,
        "stoppedReason": task.stopped_reason,
        "exitCode": deciding_container(task, definition).exit_code,
        "fills": task.fills.task_arn if task.fills else None,
        "protectedUntil": task.protected_until,
        "number": task.number,
        "containers": [_container(container) for container in task.containers],
    }


def _container(container: Container) -> dict[str, Any]:
    return {
        "name": container.name,
        "image": container.image,
        "runtimeId": container.runtime_id,
        "lastStatus": container.last_status,
        "exitCode": container.exit_code,
        "reason": container.reason,
        "bindings": [
            {"containerPort": one.container_port, "hostPort": one.host_port, "bindIP": one.bind_ip}
            for one in container.bindings
        ],
    }


def event_view(event: Event) -> dict[str, Any]:
    return {
        "v": VERSION,
        "number": event.number,
        "at": event.at,
        "type": event.type,
        "message": event.message,
        "cluster": event.cluster_arn,
        "service": event.service_arn,
        "task": event.task_arn,
        "data": event.data,
    }
