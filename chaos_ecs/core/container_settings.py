"""What of a container definition is passed on to whatever runs it, and means nothing to the scheduler.

Frozen values, and nothing is decided here: the rules for them are in `container_checks.py`, Docker's words for them in
`live/recipe.py`. Sources: API_ContainerDefinition, API_LinuxParameters. Sizes are in MiB.
"""

from __future__ import annotations

from dataclasses import dataclass

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Device:
    """API_Device. No permissions said: all of them."""

    host_path: str
    container_path: str = ""  # empty: the same
    permissions: tuple[str, ...] = ()  # read, write, mknod


@dataclass(frozen=True, slots=True)
class Tmpfs:
    path: str
    size: int
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LinuxParameters:
    """API_LinuxParameters. `swappiness` counts only where `max_swap` is said."""

    added_capabilities: tuple[str, ...] = ()
    dropped_capabilities: tuple[str, ...] = ()
    devices: tuple[Device, ...] = ()
    init_process: bool | None = None
    shared_memory_size: int | None = None
    tmpfs: tuple[Tmpfs, ...] = ()
    max_swap: int | None = None
    swappiness: int | None = None


@dataclass(frozen=True, slots=True)
class Ulimit:
    name: str
    soft: int
    hard: int


@dataclass(frozen=True, slots=True)
class VolumesFrom:
    container_name: str
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """`links`: a container of the same task, and the name it is to be found by."""

    container_name: str
    alias: str


@dataclass(frozen=True, slots=True)
class Secret:
    """API_Secret: a variable, and where its value is kept. The value itself is never on record."""

    name: str
    value_from: str


@dataclass(frozen=True, slots=True)
class LogConfiguration:
    driver: str
    options: Pairs = ()
    secret_options: tuple[Secret, ...] = ()


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """API_ContainerRestartPolicy, of one that is enabled."""

    ignored_exit_codes: tuple[int, ...] = ()
    attempt_period: int = 300


@dataclass(frozen=True, slots=True)
class ContainerSettings:
    """`secrets` and `environment_files` are references: whoever starts the container looks them up (decision 073)."""

    linux: LinuxParameters = LinuxParameters()
    privileged: bool = False
    read_only_root: bool = False
    network_disabled: bool = False  # also where the task's networkMode is none
    pid_mode: str = ""  # of the whole task: host or task
    ipc_mode: str = ""  # of the whole task: host, task or none
    interactive: bool = False
    terminal: bool = False
    hostname: str = ""
    links: tuple[Link, ...] = ()
    extra_hosts: Pairs = ()  # (name, address)
    dns_servers: tuple[str, ...] = ()
    dns_search_domains: tuple[str, ...] = ()
    docker_labels: Pairs = ()
    security_options: tuple[str, ...] = ()
    ulimits: tuple[Ulimit, ...] = ()
    system_controls: Pairs = ()
    volumes_from: tuple[VolumesFrom, ...] = ()
    secrets: tuple[Secret, ...] = ()
    environment_files: tuple[str, ...] = ()  # ARNs of objects; the first that has a variable counts
    log: LogConfiguration | None = None
