"""What Docker is told about a container: an ECS container definition in the words of Docker's create call.

Only translation lives here; no call to the engine (see `starts.py`) and no default of ECS (see `core/`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chaos_ecs.core import arns
from chaos_ecs.core.model import ContainerDefinition, HealthCheck, Mount, Task
from chaos_ecs.live import agent_container, labels
from chaos_ecs.live.labels import Home

MEBIBYTE = 1024 * 1024
CPU_UNITS_PER_CPU = 1024
CPU_PERIOD_MICROSECONDS = 100_000
LEAST_CPU_QUOTA_MICROSECONDS = 1_000  # the kernel takes no less
NANOSECONDS_PER_SECOND = 1_000_000_000
LOCALHOST = "127.0.0.1"

# A learner's task that prints in a loop must not fill the disk.
_LOG_CONFIG = {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "2"}}


def container_config(
    home: Home, task: Task, definition: ContainerDefinition, resolver: str | None = None
) -> dict[str, Any]:
    """The body of POST /containers/create. A member that is absent is left to the image. `resolver` is the address of
    who knows the cluster's names."""
    config: dict[str, Any] = {
        "Image": definition.image,
        "Labels": labels.container_labels(home, task, definition),
        "Hostname": labels.host_name(task),
        "Env": [f"{name}={value}" for name, value in environment(task, definition).items()],
        "Cmd": _listed(definition.command),
        "Entrypoint": _listed(definition.entry_point),
        "User": definition.user,
        "WorkingDir": definition.working_directory,
        "ExposedPorts": {_port(mapping.container_port, mapping.protocol): {} for mapping in definition.port_mappings},
        "Healthcheck": _health_check(definition.health_check),
        "HostConfig": _host_config(home, task, definition, resolver),
    }
    return {member: value for member, value in config.items() if value is not None}


def environment(task: Task, definition: ContainerDefinition) -> dict[str, str]:
    """What tells a task who it is, then what its definition says, which wins."""
    known = {
        "CHAOS_ECS_TASK_ID": task.id,
        "CHAOS_ECS_TASK_ARN": task.arn,
        "CHAOS_ECS_CLUSTER": arns.name_of(task.cluster_arn),
        "CHAOS_ECS_CONTAINER": definition.name,
    }
    if task.service_arn:
        known["CHAOS_ECS_SERVICE"] = arns.name_of(task.service_arn)
    if task.fault_injection:
        known["ECS_AGENT_URI"] = agent_container.uri(task.id)
    return known | dict(definition.environment)


def _host_config(home: Home, task: Task, definition: ContainerDefinition, resolver: str | None) -> dict[str, Any]:
    config: dict[str, Any] = {
        "NetworkMode": labels.network_name(home, task.cluster_arn),
        "PortBindings": _port_bindings(definition),
        "RestartPolicy": {"Name": "no"},  # restarting is the service scheduler's
        "LogConfig": _LOG_CONFIG,
    }
    if resolver:
        config["Dns"] = [resolver]
    if definition.mounts:
        config["Mounts"] = [_mount(home, mount) for mount in definition.mounts]
    return config | _limits(definition)


def _mount(home: Home, mount: Mount) -> dict[str, Any]:
    """A volume without a name is one of the container's own: it is removed with it."""
    kind = "bind" if mount.host_path else "volume"
    source = mount.host_path or (labels.volume_name(home, mount.volume) if mount.volume else "")
    told = {"Type": kind, "Source": source, "Target": mount.path, "ReadOnly": mount.read_only}
    if mount.volume:
        told["VolumeOptions"] = {"Labels": home.labels}  # it is made with its first container, as one of ours
    return told


def _port_bindings(definition: ContainerDefinition) -> Mapping[str, list[dict[str, str]]]:
    bindings: dict[str, list[dict[str, str]]] = {}
    for mapping in definition.port_mappings:
        host_port = str(mapping.host_port) if mapping.host_port else ""  # empty: the engine picks a free one
        port = _port(mapping.container_port, mapping.protocol)
        bindings.setdefault(port, []).append({"HostIp": LOCALHOST, "HostPort": host_port})
    return bindings


def _limits(definition: ContainerDefinition) -> dict[str, int]:
    """Memory and swap are one limit, so that a task over it is killed, not swapped out.

    cpu is a ceiling here (quota), where ECS has shares: a share is only felt on a busy machine, and a learner's is not.
    256 units are 25,000 of every 100,000 microseconds.
    """
    limits: dict[str, int] = {}
    if definition.memory:
        limits |= {"Memory": definition.memory * MEBIBYTE, "MemorySwap": definition.memory * MEBIBYTE}
    if definition.memory_reservation:
        limits["MemoryReservation"] = definition.memory_reservation * MEBIBYTE
    if definition.cpu:
        quota = definition.cpu * CPU_PERIOD_MICROSECONDS // CPU_UNITS_PER_CPU
        limits |= {"CpuPeriod": CPU_PERIOD_MICROSECONDS, "CpuQuota": max(quota, LEAST_CPU_QUOTA_MICROSECONDS)}
    return limits


def _health_check(check: HealthCheck | None) -> dict[str, Any]:
    """Only the task definition's check counts; the image's own is switched off (API_HealthCheck)."""
    if check is None:
        return {"Test": ["NONE"]}
    return {
        "Test": list(check.command),
        "Interval": check.interval * NANOSECONDS_PER_SECOND,
        "Timeout": check.timeout * NANOSECONDS_PER_SECOND,
        "Retries": check.retries,
        "StartPeriod": check.start_period * NANOSECONDS_PER_SECOND,
    }


def _port(container_port: int, protocol: str) -> str:
    return f"{container_port}/{protocol}"


def _listed(words: tuple[str, ...] | None) -> list[str] | None:
    return None if words is None else list(words)
