"""What Docker is told about a container: an ECS container definition in the words of Docker's create call.

Only translation lives here; no call to the engine (see `starts.py`) and no default of ECS (see `core/`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chaos_ecs.core import arns
from chaos_ecs.core.container_settings import Device, LinuxParameters, Tmpfs
from chaos_ecs.core.local_files import LookedUp
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
_LOCAL_LOG = {"max-size": "10m", "max-file": "2"}
_PERMISSIONS = {"read": "r", "write": "w", "mknod": "m"}
_NOTHING = LookedUp()


def container_config(
    home: Home,
    task: Task,
    definition: ContainerDefinition,
    resolver: str | None = None,
    looked_up: LookedUp = _NOTHING,
    *,
    publish_on: str = "",
    has_agent: bool = True,
) -> dict[str, Any]:
    """The body of POST /containers/create. A member that is absent is left to the image. `resolver` is the address of
    who knows the cluster's names, `looked_up` what the definition refers to, `publish_on` the address of the host that
    ports are published at; `has_agent`: whether somebody answers there what a task asks about itself."""
    settings = definition.settings
    ports = _port_bindings(definition, publish_on or LOCALHOST)
    told = environment(task, definition, looked_up, has_agent=has_agent)
    config: dict[str, Any] = {
        "Image": definition.image,
        "Labels": {**dict(settings.docker_labels), **labels.container_labels(home, task, definition)},
        "Hostname": settings.hostname or labels.host_name(task),
        "Env": [f"{name}={value}" for name, value in told.items()],
        "Cmd": _listed(definition.command),
        "Entrypoint": _listed(definition.entry_point),
        "User": definition.user,
        "WorkingDir": definition.working_directory,
        "OpenStdin": settings.interactive or None,
        "Tty": settings.terminal or None,
        "NetworkDisabled": settings.network_disabled or None,
        "ExposedPorts": {port: {} for port in ports},
        "Healthcheck": _health_check(definition.health_check),
        "HostConfig": {"PortBindings": ports, **_host_config(home, task, definition, resolver, looked_up)},
    }
    if settings.links and not settings.network_disabled:
        links = [f"{labels.container_name(task, link.container_name)}:{link.alias}" for link in settings.links]
        network = labels.network_name(home, task.cluster_arn)
        config["NetworkingConfig"] = {"EndpointsConfig": {network: {"Links": links}}}
    return {member: value for member, value in config.items() if value is not None}


def environment(
    task: Task, definition: ContainerDefinition, looked_up: LookedUp = _NOTHING, *, has_agent: bool = True
) -> dict[str, str]:
    """What tells a task who it is, then what its definition says, which wins; the latter's own variables before those
    of its files (API_ContainerDefinition.environmentFiles)."""
    known = {
        "CHAOS_ECS_TASK_ID": task.id,
        "CHAOS_ECS_TASK_ARN": task.arn,
        "CHAOS_ECS_CLUSTER": arns.name_of(task.cluster_arn),
        "CHAOS_ECS_CONTAINER": definition.name,
    }
    if task.service_arn:
        known["CHAOS_ECS_SERVICE"] = arns.name_of(task.service_arn)
    if has_agent and not definition.settings.network_disabled:
        index = [member.name for member in task.containers].index(definition.name)
        known["ECS_CONTAINER_METADATA_URI_V4"] = agent_container.metadata_uri(task.id, index)
    if has_agent and task.fault_injection:
        known["ECS_AGENT_URI"] = agent_container.uri(task.id)
    return known | dict(looked_up.from_files) | dict(definition.environment) | dict(looked_up.secrets)


def _host_config(
    home: Home, task: Task, definition: ContainerDefinition, resolver: str | None, looked_up: LookedUp
) -> dict[str, Any]:
    settings = definition.settings
    sources = [
        labels.container_name(task, one.container_name) + (":ro" if one.read_only else "")
        for one in settings.volumes_from
    ]
    config: dict[str, Any] = {
        "NetworkMode": "none" if settings.network_disabled else labels.network_name(home, task.cluster_arn),
        "RestartPolicy": {"Name": "no"},  # restarting is the service scheduler's
        "LogConfig": _log_config(definition, looked_up),
        "Dns": list(settings.dns_servers) or ([resolver] if resolver else None),
        "DnsSearch": list(settings.dns_search_domains),
        "ExtraHosts": [f"{name}:{address}" for name, address in settings.extra_hosts],
        "Mounts": [_mount(home, task, mount) for mount in definition.mounts],
        "VolumesFrom": sources,
        "Privileged": settings.privileged,
        "ReadonlyRootfs": settings.read_only_root,
        "SecurityOpt": [_security_option(option) for option in settings.security_options],
        "Ulimits": [{"Name": one.name, "Soft": one.soft, "Hard": one.hard} for one in settings.ulimits],
        "Sysctls": dict(settings.system_controls),
        "PidMode": "host" if settings.pid_mode == "host" else None,
        "IpcMode": settings.ipc_mode if settings.ipc_mode in ("host", "none") else None,
    }
    told = {member: value for member, value in config.items() if value}
    return told | _linux(settings.linux) | _limits(definition)


def _linux(linux: LinuxParameters) -> dict[str, Any]:
    """API_LinuxParameters, but for what belongs to the memory's limit."""
    config: dict[str, Any] = {
        "CapAdd": list(linux.added_capabilities),
        "CapDrop": list(linux.dropped_capabilities),
        "Devices": [_device(device) for device in linux.devices],
        "Init": linux.init_process,
        "ShmSize": (linux.shared_memory_size or 0) * MEBIBYTE,
        "Tmpfs": {one.path: _tmpfs_options(one) for one in linux.tmpfs},
    }
    return {member: value for member, value in config.items() if value}


def _device(device: Device) -> dict[str, str]:
    permissions = "".join(_PERMISSIONS[name] for name in device.permissions) or "rwm"
    inside = device.container_path or device.host_path
    return {"PathOnHost": device.host_path, "PathInContainer": inside, "CgroupPermissions": permissions}


def _tmpfs_options(tmpfs: Tmpfs) -> str:
    return ",".join((*tmpfs.options, f"size={tmpfs.size}m"))


def _security_option(option: str) -> str:
    """ECS writes apparmor:PROFILE and label:VALUE, Docker today apparmor=PROFILE."""
    return option if "=" in option else option.replace(":", "=", 1)


def _log_config(definition: ContainerDefinition, looked_up: LookedUp) -> dict[str, Any]:
    """What would go to CloudWatch Logs is kept here, where `chaos-ecs logs` finds it; other drivers are Docker's."""
    log = definition.settings.log
    if log is None or log.driver == "awslogs":
        return {"Type": "json-file", "Config": _LOCAL_LOG}
    said = {**dict(log.options), **looked_up.log_options}
    return {"Type": log.driver, "Config": {**_LOCAL_LOG, **said} if log.driver == "json-file" else said}


def _mount(home: Home, task: Task, mount: Mount) -> dict[str, Any]:
    """A volume without a name is one of the container's own: it is removed with it. One of the task's is removed with
    the last of its containers (`runtime.py`)."""
    kind = "bind" if mount.host_path else "volume"
    marks, source = home.labels, mount.host_path
    if mount.volume:
        source = labels.volume_name(home, mount.volume)
    elif mount.task_volume:
        marks, source = {**marks, labels.TASK: task.arn}, labels.task_volume_name(home, task.arn, mount.task_volume)
    told: dict[str, Any] = {"Type": kind, "Source": source, "Target": mount.path, "ReadOnly": mount.read_only}
    if kind == "volume" and (source or mount.driver):
        options: dict[str, Any] = {"Labels": {**dict(mount.labels), **marks}}  # made with its first container, as ours
        if mount.driver or mount.driver_options:
            options["DriverConfig"] = {"Name": mount.driver or "local", "Options": dict(mount.driver_options)}
        told["VolumeOptions"] = options
    return told


def _port_bindings(definition: ContainerDefinition, host_address: str) -> Mapping[str, list[dict[str, str]]]:
    """Each port of a containerPortRange gets a port of its own, which the engine picks."""
    bindings: dict[str, list[dict[str, str]]] = {}
    if definition.settings.network_disabled:
        return bindings
    for mapping in definition.port_mappings:
        host_port = str(mapping.host_port) if mapping.host_port else ""  # empty: the engine picks a free one
        for number in mapping.container_ports:
            port = f"{number}/{mapping.protocol}"
            bindings.setdefault(port, []).append({"HostIp": host_address, "HostPort": host_port})
    return bindings


def _limits(definition: ContainerDefinition) -> dict[str, int]:
    """Memory and swap are one limit, so that a task over it is killed, not swapped out; unless maxSwap asks for swap.

    cpu is a ceiling here (quota), where ECS has shares: a share is only felt on a busy machine, and a learner's is not.
    256 units are 25,000 of every 100,000 microseconds.
    """
    limits: dict[str, int] = {}
    linux = definition.settings.linux
    if definition.memory:
        swap = definition.memory + (linux.max_swap or 0)
        limits |= {"Memory": definition.memory * MEBIBYTE, "MemorySwap": swap * MEBIBYTE}
    if linux.max_swap is not None and linux.swappiness is not None:
        limits["MemorySwappiness"] = linux.swappiness
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


def _listed(words: tuple[str, ...] | None) -> list[str] | None:
    return None if words is None else list(words)
