"""State as the wire has it: entities in, camelCase dicts out, as ECS's Describe operations answer.

Defaults are those that ECS fills in. Services and their deployments are in `service_views.py`. Never here: choosing
what is shown (see `operations/`) and JSON (`protocol.py`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from chaos_ecs.api.task_network import attachments, interfaces
from chaos_ecs.core.arns import ACCOUNT_ID, region_of
from chaos_ecs.core.compatibility import compatibilities
from chaos_ecs.core.container_instances import CPU_ARCHITECTURE, ContainerInstance
from chaos_ecs.core.model import (
    Cluster,
    Container,
    ContainerDefinition,
    ContainerOverride,
    HealthStatus,
    PortMapping,
    Service,
    Task,
    TaskDefinition,
    TaskOverride,
)
from chaos_ecs.core.state import State

CREATED_BY = f"arn:aws:iam::{ACCOUNT_ID}:root"
FARGATE_PLATFORM_VERSION = "1.4.0"
FARGATE_STORAGE_GIB = 20

_Pairs = Sequence[tuple[str, str]]


def tag_list(tags: _Pairs) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in tags]


def name_value_list(pairs: _Pairs) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in pairs]


# --- clusters ---


def cluster_view(state: State, cluster: Cluster, include: Sequence[str] = ()) -> dict[str, Any]:
    """API_Cluster; `include` is DescribeClusters' own."""
    tasks = state.tasks_in(cluster.arn)
    services = state.services_in(cluster.arn)
    registered = json.loads(cluster.registered)
    settings = registered.get("settings") or [{"name": "containerInsights", "value": "disabled"}]
    return {
        "clusterArn": cluster.arn,
        "clusterName": cluster.name,
        "status": cluster.status,
        "registeredContainerInstancesCount": len(state.instances_in(cluster.arn)),
        "runningTasksCount": running(tasks),
        "pendingTasksCount": pending(tasks),
        "activeServicesCount": sum(1 for service in services if service.status == "ACTIVE"),
        "statistics": _statistics(tasks, services) if "STATISTICS" in include else [],
        "tags": tag_list(cluster.tags) if "TAGS" in include else [],
        "settings": settings if "SETTINGS" in include else [],
        "configuration": registered.get("configuration") if "CONFIGURATIONS" in include else None,
        "capacityProviders": registered.get("capacityProviders", []),
        "defaultCapacityProviderStrategy": [
            {"base": 0, "weight": 0, **item} for item in registered.get("defaultCapacityProviderStrategy", ())
        ],
        "serviceConnectDefaults": registered.get("serviceConnectDefaults") or None,
    }


def _statistics(tasks: Sequence[Task], services: Sequence[Service]) -> list[dict[str, str]]:
    """API_Cluster.statistics: the counts by launch type."""
    counts = {}
    for launch_type, name in (("EC2", "EC2"), ("FARGATE", "Fargate")):
        own = [task for task in tasks if task.launch_type == launch_type]
        theirs = [service for service in services if service.launch_type == launch_type]
        counts[f"running{name}TasksCount"] = running(own)
        counts[f"pending{name}TasksCount"] = pending(own)
        counts[f"active{name}ServiceCount"] = sum(1 for service in theirs if service.status == "ACTIVE")
        counts[f"draining{name}ServiceCount"] = sum(1 for service in theirs if service.status == "DRAINING")
    return name_value_list([(name, str(count)) for name, count in counts.items()])


# --- task definitions ---


def task_definition_view(definition: TaskDefinition) -> dict[str, Any]:
    """What was registered, with ECS's defaults filled in, and what ECS adds."""
    registered = json.loads(definition.registered)
    containers = registered.get("containerDefinitions") or [
        container_definition_view(container, definition.network_mode) for container in definition.containers
    ]
    return {
        **registered,
        "taskDefinitionArn": definition.arn,
        "family": definition.family,
        "revision": definition.revision,
        "status": definition.status,
        "containerDefinitions": containers,
        "networkMode": definition.network_mode,
        "volumes": registered.get("volumes", [] if registered else volume_list(definition)),
        "placementConstraints": registered.get("placementConstraints", []),
        "requiresAttributes": [
            {"name": name} if value is None else {"name": name, "value": value} for name, value in definition.attributes
        ],
        "compatibilities": compatibilities(definition),
        "cpu": None if definition.cpu is None else str(definition.cpu),
        "memory": None if definition.memory is None else str(definition.memory),
        "registeredAt": definition.registered_at,
        "registeredBy": CREATED_BY,
        "deregisteredAt": definition.deregistered_at,
        "deleteRequestedAt": definition.delete_requested_at,
    }


def container_definition_view(container: ContainerDefinition, network_mode: str) -> dict[str, Any]:
    """The members that the core knows, ECS's defaults filled in; None where nothing was said."""
    same_port = network_mode in ("awsvpc", "host")
    check = container.health_check
    return {
        "name": container.name,
        "image": container.image,
        "cpu": container.cpu,
        "memory": container.memory,
        "memoryReservation": container.memory_reservation,
        "essential": container.essential,
        "portMappings": [_port_mapping_view(mapping, same_port=same_port) for mapping in container.port_mappings],
        "entryPoint": None if container.entry_point is None else list(container.entry_point),
        "command": None if container.command is None else list(container.command),
        "environment": name_value_list(container.environment),
        "mountPoints": [
            {"sourceVolume": mount.volume, "containerPath": mount.path, "readOnly": mount.read_only or None}
            for mount in container.mounts
        ],
        "volumesFrom": [],
        "systemControls": [],
        "dependsOn": [
            {"containerName": dependency.container_name, "condition": dependency.condition}
            for dependency in container.depends_on
        ]
        or None,
        "startTimeout": container.start_timeout,
        "stopTimeout": container.stop_timeout,
        "user": container.user,
        "workingDirectory": container.working_directory,
        "healthCheck": None
        if check is None
        else {
            "command": list(check.command),
            "interval": check.interval,
            "timeout": check.timeout,
            "retries": check.retries,
            "startPeriod": check.start_period or None,
        },
    }


def _port_mapping_view(mapping: PortMapping, *, same_port: bool) -> dict[str, Any]:
    view: dict[str, Any] = {"protocol": mapping.protocol, "name": mapping.name or None}
    if mapping.last_port:
        return {"containerPortRange": f"{mapping.container_port}-{mapping.last_port}", **view}
    host_port = mapping.host_port or (mapping.container_port if same_port else 0)
    return {"containerPort": mapping.container_port, "hostPort": host_port, **view}


def volume_list(definition: TaskDefinition) -> list[dict[str, Any]]:
    """The volumes that tasks share, of a definition that was there from the start."""
    names = dict.fromkeys(mount.volume for container in definition.containers for mount in container.mounts)
    shared = {"scope": "shared", "autoprovision": True}
    return [{"name": name, "dockerVolumeConfiguration": shared} for name in names]


# --- tasks ---


def task_view(
    task: Task, definition: TaskDefinition, instance: ContainerInstance | None = None, *, tags: bool = False
) -> dict[str, Any]:
    """API_Task; `instance` is the container instance that it is on, if that is still known."""
    fargate = task.launch_type == "FARGATE"
    is_cut_off = instance is not None and not instance.agent_connected and not task.is_stopped
    registered = json.loads(task.registered) if task.registered else {}
    return {
        "attachments": attachments(task, definition, registered.get("subnet", "")),
        "attributes": _attributes_of_task(instance),
        "availabilityZone": (instance.availability_zone if instance else "") or f"{region_of(task.arn)}a",
        "capacityProviderName": task.capacity_provider or None,
        "clusterArn": task.cluster_arn,
        "connectivity": "DISCONNECTED" if is_cut_off else "CONNECTED",
        "connectivityAt": (instance.disconnected_at if instance and is_cut_off else None) or task.created_at,
        "containerInstanceArn": task.container_instance_arn or None,
        "containers": [_container_view(task, container, definition) for container in task.containers],
        "cpu": str(task.task_override.cpu or _task_cpu(definition)),
        "createdAt": task.created_at,
        "desiredStatus": task.desired_status,
        "enableExecuteCommand": task.execute_command,
        "executionStoppedAt": task.execution_stopped_at,
        "group": task.group,
        "healthStatus": health_of(task, definition),
        "lastStatus": task.last_status,
        "launchType": task.launch_type,
        "ephemeralStorage": _storage_view(task, definition),
        "memory": str(task.task_override.memory or _task_memory(definition)),
        "overrides": {
            "containerOverrides": [_override_view(container.name, task.overrides) for container in task.containers],
            **_task_override_view(task.task_override),
        },
        "platformVersion": registered.get("platformVersion", FARGATE_PLATFORM_VERSION) if fargate else None,
        "platformFamily": "Linux" if fargate else None,
        "pullStartedAt": task.pull_started_at,
        "pullStoppedAt": task.pull_stopped_at,
        "startedAt": task.started_at,
        "startedBy": task.started_by or None,
        "stopCode": task.stop_code,
        "stoppedAt": task.stopped_at,
        "stoppedReason": task.stopped_reason,
        "stoppingAt": task.stopping_at,
        "tags": tag_list(task.tags) if tags else [],
        "taskArn": task.arn,
        "taskDefinitionArn": task.task_definition_arn,
        "version": task.version,
    }


def _attributes_of_task(instance: ContainerInstance | None) -> list[dict[str, str]]:
    """API_Task.attributes: the architecture that it runs on."""
    architecture = instance.attribute(CPU_ARCHITECTURE) if instance else None
    return name_value_list([(CPU_ARCHITECTURE, architecture)]) if architecture else []


def _container_view(task: Task, container: Container, definition: TaskDefinition) -> dict[str, Any]:
    said = definition.container(container.name)
    return {
        "containerArn": container.arn,
        "taskArn": task.arn,
        "name": container.name,
        "image": container.image,
        "imageDigest": container.image_digest or None,
        "runtimeId": container.runtime_id,
        "lastStatus": container.last_status,
        "exitCode": container.exit_code,
        "reason": container.reason,
        "networkBindings": [
            {
                "bindIP": binding.bind_ip,
                "containerPort": binding.container_port,
                "hostPort": binding.host_port,
                "protocol": binding.protocol,
            }
            for binding in container.bindings
        ],
        "networkInterfaces": interfaces(task, container, definition),
        "healthStatus": container.health_status,
        "cpu": str(said.cpu),
        "memory": None if said.memory is None else str(said.memory),
        "memoryReservation": None if said.memory_reservation is None else str(said.memory_reservation),
    }


def _task_override_view(said: TaskOverride) -> dict[str, Any]:
    return {
        "cpu": None if said.cpu is None else str(said.cpu),
        "memory": None if said.memory is None else str(said.memory),
        "taskRoleArn": said.task_role_arn or None,
        "executionRoleArn": said.execution_role_arn or None,
        "ephemeralStorage": None if said.ephemeral_storage is None else {"sizeInGiB": said.ephemeral_storage},
        "inferenceAcceleratorOverrides": [{"deviceName": name, "deviceType": kind} for name, kind in said.accelerators],
    }


def _storage_view(task: Task, definition: TaskDefinition) -> dict[str, int] | None:
    if (size := task.task_override.ephemeral_storage) is None and task.launch_type == "FARGATE":
        size = json.loads(definition.registered).get("ephemeralStorage", {}).get("sizeInGiB", FARGATE_STORAGE_GIB)
    return None if size is None else {"sizeInGiB": size}


def _override_view(name: str, overrides: Sequence[ContainerOverride]) -> dict[str, Any]:
    override = next((item for item in overrides if item.name == name), ContainerOverride(name))
    return {
        "name": name,
        "command": None if override.command is None else list(override.command),
        "environment": name_value_list(override.environment) or None,
        "environmentFiles": [{"value": arn, "type": "s3"} for arn in override.environment_files] or None,
        "resourceRequirements": [{"type": kind, "value": value or None} for kind, value in override.resources] or None,
        "cpu": override.cpu,
        "memory": override.memory,
        "memoryReservation": override.memory_reservation,
    }


def health_of(task: Task, definition: TaskDefinition) -> HealthStatus:
    """API_Task.healthStatus: by the essential containers that have a health check; without one it is UNKNOWN."""
    checked = [c for c in definition.containers if c.essential and c.health_check is not None]
    told = [task.container(member.name).health_status for member in checked]
    if HealthStatus.UNHEALTHY in told:
        return HealthStatus.UNHEALTHY
    if told and all(status is HealthStatus.HEALTHY for status in told):
        return HealthStatus.HEALTHY
    return HealthStatus.UNKNOWN


def _task_cpu(definition: TaskDefinition) -> int:
    return definition.cpu if definition.cpu is not None else sum(c.cpu for c in definition.containers)


def _task_memory(definition: TaskDefinition) -> int:
    if definition.memory is not None:
        return definition.memory
    return sum(c.memory or c.memory_reservation or 0 for c in definition.containers)


def running(tasks: Sequence[Task]) -> int:
    return sum(1 for task in tasks if task.is_running)


def pending(tasks: Sequence[Task]) -> int:
    return sum(1 for task in tasks if task.is_wanted and not task.is_running)
