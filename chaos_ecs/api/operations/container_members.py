"""Container definitions from the wire: API_ContainerDefinition in the core's words.

Lists that are empty say the same as none. Never here: rules of ECS (`core/container_checks.py`), and what has no effect
(`definition_members.py`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from chaos_ecs.core.container_settings import (
    ContainerSettings,
    Device,
    Link,
    LinuxParameters,
    LogConfiguration,
    RestartPolicy,
    Secret,
    Tmpfs,
    Ulimit,
    VolumesFrom,
)
from chaos_ecs.core.errors import ClientException
from chaos_ecs.core.model import (
    ContainerDefinition,
    Dependency,
    DependencyCondition,
    HealthCheck,
    Mount,
    PortMapping,
)

_Params = Mapping[str, Any]
_RANGE = re.compile(r"([0-9]{1,5})-([0-9]{1,5})")


def container_definitions(params: _Params) -> tuple[ContainerDefinition, ...]:
    """All containers of a RegisterTaskDefinition, what the task says of them worked in."""
    said = params["containerDefinitions"]
    mounted = [dict.fromkeys(point.get("sourceVolume") for point in _list(one, "mountPoints")) for one in said]
    counted = Counter(name for names in mounted for name in names)
    volumes = _Volumes(params.get("volumes", ()), {name for name, count in counted.items() if count > 1})
    return tuple(_container_definition(one, params, volumes) for one in said)


def _container_definition(said: _Params, task: _Params, volumes: _Volumes) -> ContainerDefinition:
    check, policy = said.get("healthCheck"), said.get("restartPolicy", {})
    return ContainerDefinition(
        name=said.get("name", ""),
        image=said.get("image", ""),
        essential=said.get("essential", True),
        command=_words(said, "command"),
        entry_point=_words(said, "entryPoint"),
        environment=environment(said),
        cpu=said.get("cpu", 0),
        memory=said.get("memory"),
        memory_reservation=said.get("memoryReservation"),
        port_mappings=tuple(_port_mapping(item, said) for item in _list(said, "portMappings")),
        depends_on=tuple(
            Dependency(item["containerName"], DependencyCondition(item["condition"]))
            for item in _list(said, "dependsOn")
        ),
        stop_timeout=said.get("stopTimeout"),
        start_timeout=said.get("startTimeout"),
        health_check=_health_check(check) if check else None,
        version_consistency=said.get("versionConsistency") != "disabled",
        user=said.get("user"),
        working_directory=said.get("workingDirectory"),
        mounts=tuple(volumes.mount(item) for item in _list(said, "mountPoints")),
        restart_policy=_restart_policy(policy) if policy.get("enabled") else None,
        settings=_settings(said, task),
    )


def environment(said: _Params) -> tuple[tuple[str, str], ...]:
    """Variables; of one that is named twice, the last counts. Raises ClientException for one without a name."""
    pairs = {item.get("name", ""): item.get("value", "") for item in said.get("environment", ())}
    if "" in pairs:
        raise ClientException(
            f"Invalid setting for container '{said.get('name', '')}'. An environment variable needs a name."
        )
    return tuple(pairs.items())


def environment_files(said: _Params) -> tuple[str, ...]:
    return tuple(item["value"] for item in _list(said, "environmentFiles"))


class _Volumes:
    """API_Volume by name; `common` are those that several containers of the task have."""

    def __init__(self, said: Sequence[_Params], common: set[str | None]) -> None:
        self._said = {item.get("name", ""): item for item in said}
        self._common = common

    def mount(self, said: _Params) -> Mount:
        """Raises ClientException for a volume that the task definition does not have."""
        name = said.get("sourceVolume", "")
        if name not in self._said:
            raise ClientException(f"Unknown volume '{name}'.")
        volume = self._said[name]
        docker = volume.get("dockerVolumeConfiguration", {})
        shared = name if docker.get("scope") == "shared" else _file_system(volume)
        host_path = volume.get("host", {}).get("sourcePath", "")
        return Mount(
            path=said.get("containerPath", ""),
            read_only=said.get("readOnly", False),
            volume=shared,
            host_path=host_path,
            task_volume=name if name in self._common and not shared and not host_path else "",
            driver=docker.get("driver", ""),
            driver_options=tuple(docker.get("driverOpts", {}).items()),
            labels=tuple(docker.get("labels", {}).items()),
        )


def _file_system(volume: _Params) -> str:
    """The name of the Docker volume that stands in for a file system of AWS, if that is what the volume is."""
    for kind, member, id_ in (
        ("efs", "efsVolumeConfiguration", "fileSystemId"),
        ("fsx", "fsxWindowsFileServerVolumeConfiguration", "fileSystemId"),
        ("s3files", "s3filesVolumeConfiguration", "fileSystemArn"),
    ):
        if said := volume.get(member):
            named = f"{kind}-{said[id_].rsplit('/', 1)[-1]}/{said.get('rootDirectory', '')}"
            return re.sub(r"[^A-Za-z0-9_.-]+", "-", named).rstrip("-")
    return ""


def _settings(said: _Params, task: _Params) -> ContainerSettings:
    return ContainerSettings(
        linux=_linux(said.get("linuxParameters", {})),
        privileged=said.get("privileged", False),
        read_only_root=said.get("readonlyRootFilesystem", False),
        network_disabled=said.get("disableNetworking", False) or task.get("networkMode") == "none",
        pid_mode=task.get("pidMode", ""),
        ipc_mode=task.get("ipcMode", ""),
        interactive=said.get("interactive", False),
        terminal=said.get("pseudoTerminal", False),
        hostname=said.get("hostname", ""),
        links=tuple(_link(item) for item in _list(said, "links")),
        extra_hosts=tuple((item["hostname"], item["ipAddress"]) for item in _list(said, "extraHosts")),
        dns_servers=tuple(_list(said, "dnsServers")),
        dns_search_domains=tuple(_list(said, "dnsSearchDomains")),
        docker_labels=tuple(said.get("dockerLabels", {}).items()),
        security_options=tuple(_list(said, "dockerSecurityOptions")),
        ulimits=tuple(Ulimit(one["name"], one["softLimit"], one["hardLimit"]) for one in _list(said, "ulimits")),
        system_controls=tuple(
            (item.get("namespace", ""), item.get("value", "")) for item in _list(said, "systemControls")
        ),
        volumes_from=tuple(
            VolumesFrom(item.get("sourceContainer", ""), item.get("readOnly", False))
            for item in _list(said, "volumesFrom")
        ),
        secrets=_secrets(said, "secrets"),
        environment_files=environment_files(said),
        log=_log(said["logConfiguration"]) if said.get("logConfiguration") else None,
    )


def _linux(said: _Params) -> LinuxParameters:
    capabilities = said.get("capabilities", {})
    return LinuxParameters(
        added_capabilities=tuple(_list(capabilities, "add")),
        dropped_capabilities=tuple(_list(capabilities, "drop")),
        devices=tuple(
            Device(one["hostPath"], one.get("containerPath", ""), tuple(_list(one, "permissions")))
            for one in _list(said, "devices")
        ),
        init_process=said.get("initProcessEnabled"),
        shared_memory_size=said.get("sharedMemorySize"),
        tmpfs=tuple(
            Tmpfs(one["containerPath"], one["size"], tuple(_list(one, "mountOptions"))) for one in _list(said, "tmpfs")
        ),
        max_swap=said.get("maxSwap"),
        swappiness=said.get("swappiness"),
    )


def _link(said: str) -> Link:
    """NAME, or NAME:INTERNALNAME."""
    name, _, alias = said.partition(":")
    return Link(name, alias or name)


def _log(said: _Params) -> LogConfiguration:
    options = tuple(said.get("options", {}).items())
    return LogConfiguration(said["logDriver"], options, _secrets(said, "secretOptions"))


def _secrets(said: _Params, member: str) -> tuple[Secret, ...]:
    return tuple(Secret(item["name"], item["valueFrom"]) for item in _list(said, member))


def _restart_policy(said: _Params) -> RestartPolicy:
    default = RestartPolicy()
    period = said.get("restartAttemptPeriod", default.attempt_period)
    return RestartPolicy(tuple(_list(said, "ignoredExitCodes")), period)


def _port_mapping(said: _Params, container: _Params) -> PortMapping:
    of = f"setting for container '{container.get('name', '')}'."
    first, last = said.get("containerPort", 0), 0
    if range_ := said.get("containerPortRange"):
        matched = _RANGE.fullmatch(range_)
        if first:
            raise ClientException(f"Invalid {of} Specify either one port or a range, not both.")
        if matched is None or int(matched[2]) < int(matched[1]):
            raise ClientException(f"Invalid 'containerPortRange' {of}")
        first, last = int(matched[1]), int(matched[2])
    elif "containerPort" not in said:
        raise ClientException(f"Invalid 'containerPort' {of}")
    return PortMapping(first, said.get("hostPort", 0), said.get("protocol", "tcp"), said.get("name", ""), last)


def _health_check(said: _Params) -> HealthCheck:
    """ECS's defaults where nothing is said: every 30 s, 5 s each, 3 retries, no start period."""
    default = HealthCheck(())
    return HealthCheck(
        command=tuple(said["command"]),
        interval=said.get("interval", default.interval),
        timeout=said.get("timeout", default.timeout),
        retries=said.get("retries", default.retries),
        start_period=said.get("startPeriod", default.start_period),
    )


def _list(said: _Params, name: str) -> Sequence[Any]:
    found: Sequence[Any] = said.get(name, ())
    return found


def _words(said: _Params, name: str) -> tuple[str, ...] | None:
    """An empty list says the same as none: what the image says."""
    return tuple(said[name]) if said.get(name) else None
