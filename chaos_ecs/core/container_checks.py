"""The rules ECS checks for one container at registration: each refusal is a ClientException.

Sources: API_ContainerDefinition, API_LinuxParameters, API_HealthCheck, API_ContainerRestartPolicy, API_PortMapping,
API_SystemControl; Developer Guide, "Task definition parameters for Amazon EC2". AWS's own words where they are known
from people's logs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from chaos_ecs.core.arns import NAME
from chaos_ecs.core.container_settings import ContainerSettings, LinuxParameters, Secret
from chaos_ecs.core.errors import ClientException
from chaos_ecs.core.model import ContainerDefinition, HealthCheck

RESERVED_HOST_PORTS = (22, 2375, 2376, 51678, 51679, 51680)
"""API_PortMapping: the ports the ECS agent and Docker keep for themselves."""

PORT_NAME = re.compile(r"[a-z0-9_][a-z0-9_-]{0,63}")
_PORT_NAMES = "up to 64 lowercase letters, numbers, underscores and hyphens, and begin with no hyphen"
LEAST_MEMORY = 6  # MiB: the engine takes no less
PORTS_IN_RANGES = 100  # of one container: the engine runs a process for each
ENVIRONMENT_FILES = 10
IGNORED_EXIT_CODES = 50
AWSLOGS_OPTIONS = ("awslogs-region", "awslogs-group")

CAPABILITIES = (
    "ALL AUDIT_CONTROL AUDIT_WRITE BLOCK_SUSPEND CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID IPC_LOCK IPC_OWNER "
    "KILL LEASE LINUX_IMMUTABLE MAC_ADMIN MAC_OVERRIDE MKNOD NET_ADMIN NET_BIND_SERVICE NET_BROADCAST NET_RAW SETFCAP "
    "SETGID SETPCAP SETUID SYS_ADMIN SYS_BOOT SYS_CHROOT SYS_MODULE SYS_NICE SYS_PACCT SYS_PTRACE SYS_RAWIO "
    "SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG SYSLOG WAKE_ALARM"
)
TMPFS_OPTIONS = (
    "defaults ro rw suid nosuid dev nodev exec noexec sync async dirsync remount mand nomand atime noatime diratime "
    "nodiratime bind rbind unbindable runbindable private rprivate shared rshared slave rslave relatime norelatime "
    "strictatime nostrictatime mode uid gid nr_inodes nr_blocks mpol"
)
IPC_CONTROLS = (
    "kernel.msgmax kernel.msgmnb kernel.msgmni kernel.sem kernel.shmall kernel.shmmax kernel.shmmni "
    "kernel.shm_rmid_forced"
)

_IMAGE = re.compile(r"[A-Za-z0-9_./:@-]+")  # API_ContainerDefinition.image


def check_container(
    container: ContainerDefinition, others: Sequence[str], network_mode: str, task_memory: int | None
) -> None:
    """Raises ClientException for what ECS refuses of one container; `others` are the names in its task definition."""
    if not container.name:
        raise ClientException("Container.name should not be null or empty.")
    if not NAME.fullmatch(container.name):
        raise ClientException("Container.name contains invalid characters.")
    if not container.image:
        raise ClientException("Container.image should not be null or empty.")
    if not _IMAGE.fullmatch(container.image):
        raise ClientException("Container.image contains invalid characters.")
    said = f"Invalid setting for container '{container.name}'."
    if refusal := size_refusal(container, task_memory, said):
        raise ClientException(refusal)
    _check_ports(container, network_mode, said)
    _check_timeouts(container, said)
    if container.health_check:
        _check_health(container.health_check, said)
    _check_variables(container, said)
    _check_network(container.settings, network_mode)
    _check_neighbours(container, others, said)
    _check_linux(container.settings.linux, said)
    _check_system(container.settings, said)


def _refuse_unless(holds: bool, words: str) -> None:
    if not holds:
        raise ClientException(words)


def size_refusal(container: ContainerDefinition, task_memory: int | None, said: str) -> str:
    """Why no container can have this size, or nothing where one can: as it is registered, or as it is overridden."""
    memory, reservation = container.memory, container.memory_reservation
    if task_memory is None and memory is None and reservation is None:
        return f"{said} At least one of 'memory' or 'memoryReservation' must be specified."
    if memory is not None and memory < LEAST_MEMORY:
        return f"{said} 'memory' must be at least {LEAST_MEMORY} MiB."
    if container.cpu < 0:
        return f"{said} 'cpu' must not be negative."
    if memory is not None and (reservation or 0) > memory:
        return f"{said} 'memory' must be greater than or equal to 'memoryReservation'."
    return ""


def _check_timeouts(container: ContainerDefinition, said: str) -> None:
    for kind, seconds in (("start", container.start_timeout), ("stop", container.stop_timeout)):
        if seconds is not None and seconds < 2:
            raise ClientException(
                f"Granular {kind} timeout on container '{container.name}' must be at least 2 seconds."
            )
    if policy := container.restart_policy:
        in_range = 60 <= policy.attempt_period <= 1800
        _refuse_unless(in_range, f"{said} 'restartAttemptPeriod' must be between 60 and 1800 seconds.")
        few = len(policy.ignored_exit_codes) <= IGNORED_EXIT_CODES
        _refuse_unless(few, f"{said} 'ignoredExitCodes' can have at most {IGNORED_EXIT_CODES} items.")


def _check_health(check: HealthCheck, said: str) -> None:
    kind, *words = check.command or ("",)
    if kind not in ("CMD", "CMD-SHELL") or not words:
        raise ClientException(f"{said} The health check command must begin with CMD or CMD-SHELL, and say what to run.")
    for name, value, least, most in (
        ("interval", check.interval, 5, 300),
        ("timeout", check.timeout, 2, 60),
        ("retries", check.retries, 1, 10),
        ("startPeriod", check.start_period, 0, 300),
    ):
        _refuse_unless(least <= value <= most, f"{said} Health check '{name}' must be between {least} and {most}.")


def _check_ports(container: ContainerDefinition, network_mode: str, said: str) -> None:
    if container.port_mappings and network_mode == "none":
        raise ClientException("Port mappings are not supported when networkMode=none.")
    in_ranges = 0
    for mapping in container.port_mappings:
        ports = mapping.container_ports
        if not 1 <= ports[0] <= ports[-1] <= 65535:
            raise ClientException(f"Invalid 'containerPort' setting for container '{container.name}'.")
        if not 0 <= mapping.host_port <= 65535:
            raise ClientException(f"Invalid 'hostPort' setting for container '{container.name}'.")
        if mapping.name and not PORT_NAME.fullmatch(mapping.name):
            raise ClientException(f"{said} Port mapping name '{mapping.name}' is invalid: use {_PORT_NAMES}.")
        if mapping.host_port in RESERVED_HOST_PORTS:
            raise ClientException(f"{said} hostPort {mapping.host_port} is reserved.")
        if network_mode in ("awsvpc", "host") and mapping.host_port not in (0, mapping.container_port):
            match = "the host ports and container ports in port mappings must match."
            raise ClientException(f"When networkMode={network_mode}, {match}")
        if mapping.last_port:
            in_ranges += len(ports)
            _refuse_unless(not mapping.host_port, f"{said} containerPortRange and hostPort exclude each other.")
            _refuse_unless(network_mode != "host", "containerPortRange is not supported when networkMode=host.")
    few = in_ranges <= PORTS_IN_RANGES
    _refuse_unless(few, f"{said} Ranges of {in_ranges} ports: chaos-ecs publishes at most {PORTS_IN_RANGES}.")


def _check_variables(container: ContainerDefinition, said: str) -> None:
    settings = container.settings
    files = settings.environment_files
    check_environment_files(files, said)
    _check_secrets(settings.secrets, dict(container.environment))
    if settings.log and settings.log.driver == "awslogs":
        lacking = [name for name in AWSLOGS_OPTIONS if not dict(settings.log.options).get(name)]
        _refuse_unless(not lacking, "Log driver awslogs requires options: " + ", ".join(lacking))


def check_environment_files(files: Sequence[str], said: str) -> None:
    """API_ContainerDefinition.environmentFiles: at most ten objects whose names end in .env."""
    few = len(files) <= ENVIRONMENT_FILES
    _refuse_unless(few, "The maximum number of environment files was exceeded. Specify ten or less and try again.")
    for arn in files:
        _refuse_unless(arn.startswith("arn:"), "Invalid arn syntax.")
        is_object = re.fullmatch(r"arn:aws[a-z-]*:s3:::[^/]+/.+", arn) is not None
        _refuse_unless(is_object, f"{said} Environment file '{arn}' is not the ARN of an S3 object.")
        _refuse_unless(arn.endswith(".env"), f"{said} Environment file '{arn}' must have a .env file extension.")


def _check_secrets(secrets: Sequence[Secret], environment: dict[str, str]) -> None:
    seen = dict(environment)
    for secret in secrets:
        if not secret.name or not secret.value_from:
            raise ClientException("A secret needs a name and a valueFrom.")
        if secret.name in seen:
            raise ClientException(
                "The secret name must be unique and not shared with any new or existing environment variables set on "
                f"the container, such as '{secret.name}'."
            )
        seen[secret.name] = ""


def _check_network(settings: ContainerSettings, network_mode: str) -> None:
    """What each network mode does not have (API_ContainerDefinition, member by member)."""
    here = f"supported when networkMode={network_mode}"
    if settings.links and network_mode != "bridge":
        raise ClientException(f"Links are not {here}.")
    if network_mode == "awsvpc":
        mode = f"networkMode={network_mode}."
        connected = not settings.network_disabled
        _refuse_unless(connected, f"Disable Networking is not supported on container when {mode}")
        _refuse_unless(not settings.dns_servers, f"DNS servers are not supported on container when {mode}")
        searched = settings.dns_search_domains
        _refuse_unless(not searched, f"DNS search domains are not supported on container when {mode}")
        _refuse_unless(not settings.extra_hosts, f"Extra hosts are not {here}.")
        _refuse_unless(not settings.hostname, f"The hostname parameter is not {here}.")


def _check_neighbours(container: ContainerDefinition, others: Sequence[str], said: str) -> None:
    settings = container.settings
    named = [("links", link.container_name) for link in settings.links]
    named += [("volumesFrom", one.container_name) for one in settings.volumes_from]
    for member, name in named:
        if name not in others or name == container.name:
            raise ClientException(f"Invalid '{member}' setting. Unknown container: '{name}'")
    for mount in container.mounts:
        _refuse_unless(mount.path.startswith("/"), f"{said} 'containerPath' of a mount point must be absolute.")


def _check_linux(linux: LinuxParameters, said: str) -> None:
    for name in (*linux.added_capabilities, *linux.dropped_capabilities):
        known = name.removeprefix("CAP_") in CAPABILITIES.split()
        _refuse_unless(known, f"{said} '{name}' is not a Linux capability that can be added or dropped.")
    if linux.shared_memory_size is not None and linux.shared_memory_size < 1:
        raise ClientException(f"{said} 'sharedMemorySize' must be at least 1 MiB.")
    if linux.max_swap is not None and linux.max_swap < 0:
        raise ClientException(f"{said} 'maxSwap' must be 0 or a positive integer.")
    if linux.swappiness is not None and not 0 <= linux.swappiness <= 100:
        raise ClientException(f"{said} 'swappiness' must be between 0 and 100.")
    for mount in linux.tmpfs:
        _refuse_unless(mount.path.startswith("/"), f"{said} 'containerPath' of a tmpfs must be absolute.")
        _refuse_unless(mount.size > 0, f"{said} 'size' of a tmpfs must be at least 1 MiB.")
        for option in mount.options:
            known = option.partition("=")[0] in TMPFS_OPTIONS.split()
            _refuse_unless(known, f"{said} '{option}' is not a mount option of a tmpfs.")


def _check_system(settings: ContainerSettings, said: str) -> None:
    for limit in settings.ulimits:
        ordered = limit.soft <= limit.hard or limit.hard == -1
        _refuse_unless(ordered, f"{said} The soft limit of ulimit '{limit.name}' is above its hard limit.")
    for namespace, _ in settings.system_controls:
        known = namespace in IPC_CONTROLS.split() or namespace.startswith(("fs.mqueue.", "net."))
        _refuse_unless(known, f"{said} '{namespace}' is not a namespaced kernel parameter.")
    for label, _ in settings.docker_labels:
        _refuse_unless(label != "", f"{said} A Docker label needs a name.")
