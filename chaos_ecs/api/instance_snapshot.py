"""Container instances in the snapshot of `GET /state`: what each has, what of it is taken, and where a task is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chaos_ecs.core.container_instances import ContainerInstance, ContainerInstanceStatus
from chaos_ecs.core.model import Task, TaskStatus

Hosts = Mapping[str, ContainerInstance]
"""By their ARNs."""
WAITING = (TaskStatus.PROVISIONING, TaskStatus.PENDING, TaskStatus.ACTIVATING)


def instance_views(hosts: Hosts, tasks: Sequence[Task], standbys: Sequence[Task]) -> dict[str, Any]:
    """Nothing where there are none: most lessons begin without. Deregistered ones are not told; standbys take room, and
    count for nothing else."""
    shown = [host for host in hosts.values() if host.status is not ContainerInstanceStatus.INACTIVE]
    if not shown:
        return {}
    on: dict[str, list[Task]] = {}
    taking: dict[str, list[Task]] = {}
    for task in tasks:
        if task.container_instance_arn and not task.is_stopped:
            on.setdefault(task.container_instance_arn, []).append(task)
    for task in (*tasks, *standbys):
        if task.container_instance_arn and not task.is_stopped:
            taking.setdefault(task.container_instance_arn, []).append(task)
    return {"containerInstances": [_instance(host, on.get(host.arn, ()), taking.get(host.arn, ())) for host in shown]}


def where(task: Task, hosts: Hosts) -> dict[str, Any]:
    """The container instance of a task, by its name, and its zone; its capacity provider. What it has none of is left
    out."""
    host = hosts.get(task.container_instance_arn)
    there = {"instance": host.name, "zone": host.availability_zone} if host else {}
    return there | ({"capacityProvider": task.capacity_provider} if task.capacity_provider else {})


def _instance(host: ContainerInstance, on: Sequence[Task], taking: Sequence[Task]) -> dict[str, Any]:
    return {
        "arn": host.arn,
        "name": host.name,
        "clusterArn": host.cluster_arn,
        "zone": host.availability_zone,
        "status": host.status,
        "agentConnected": host.agent_connected,
        "cpu": host.cpu,
        "memory": host.memory,
        "cpuUsed": sum(task.needs.cpu for task in taking),
        "memoryUsed": sum(task.needs.memory for task in taking),
        "running": sum(task.last_status is TaskStatus.RUNNING for task in on),
        "pending": sum(task.last_status in WAITING for task in on),
        "engine": host.engine,
    }
