"""Where a task definition can run: what Fargate has not, which sizes it has, and what a launch type asks for.

Sources: Developer Guide, "Task definition differences for Fargate" and "Task size"; API_RegisterTaskDefinition (cpu,
memory, requiresCompatibilities). The words are AWS's, as published in people's logs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from chaos_ecs.core.container_checks import LEAST_MEMORY
from chaos_ecs.core.container_settings import ContainerSettings
from chaos_ecs.core.errors import ClientException, InvalidParameterException
from chaos_ecs.core.messages import RegisterTaskDefinition
from chaos_ecs.core.model import ContainerDefinition, TaskDefinition
from chaos_ecs.core.platforms import FARGATE, NOT_ON_FARGATE

GPU = "gpu"
EC2_CPU = range(128, 196608 + 1)  # of a task, in units
FARGATE_LOG_DRIVERS = ("awslogs", "splunk", "awsfirelens")
_GIB = 1024
_NUMBER = r"([0-9]{0,6}\.?[0-9]{1,6})\s*"
_UNITS_OF = {"cpu": re.compile(_NUMBER + "vcpu"), "memory": re.compile(_NUMBER + "gb")}  # 1,024 each
FARGATE_SIZES: dict[int, tuple[int, ...]] = {
    256: (512, 1024, 2048),
    512: tuple(range(1 * _GIB, 4 * _GIB + 1, _GIB)),
    1024: tuple(range(2 * _GIB, 8 * _GIB + 1, _GIB)),
    2048: tuple(range(4 * _GIB, 16 * _GIB + 1, _GIB)),
    4096: tuple(range(8 * _GIB, 30 * _GIB + 1, _GIB)),
    8192: tuple(range(16 * _GIB, 60 * _GIB + 1, 4 * _GIB)),
    16384: tuple(range(32 * _GIB, 120 * _GIB + 1, 8 * _GIB)),
    32768: (60 * _GIB, 120 * _GIB, 244 * _GIB),
}
"""Memory in MiB that each cpu of a task can be paired with."""

_Definition = RegisterTaskDefinition | TaskDefinition


def task_size(name: str, text: str) -> int | None:
    """A task's cpu or memory, a string on the wire: "256" or "0.25 vCPU", "512" or "0.5 GB"; None where it is empty."""
    text = text.strip().lower()
    if not text:
        return None
    in_units = _UNITS_OF[name].fullmatch(text)
    size = round(float(in_units[1]) * 1024) if in_units else int(text) if re.fullmatch("[0-9]{1,9}", text) else 0
    if size < 1:
        raise ClientException(f"Invalid '{name}' setting for task.")
    return size


def check_compatibility(command: RegisterTaskDefinition) -> None:
    """Raises ClientException where the definition cannot run on what it requires."""
    if command.memory is not None and command.memory < LEAST_MEMORY:
        raise ClientException("Invalid 'memory' setting for task.")
    if FARGATE in command.requires:
        if refusal := next(_refusals(command), None):
            raise ClientException(refusal)
    elif command.cpu is not None and command.cpu not in EC2_CPU:
        raise ClientException("Invalid 'cpu' setting for task.")


def compatibilities(definition: TaskDefinition) -> list[str]:
    """`compatibilities` of API_TaskDefinition: the launch types that could run it, whatever it requires."""
    fits = next(_refusals(definition), None) is None
    return ["EC2", FARGATE] if fits else ["EC2"]


def check_launch_type(definition: TaskDefinition, launch_type: str) -> None:
    """Raises InvalidParameterException where the launch type cannot run the definition (API_RunTask, launchType).

    A definition that requires nothing may leave out what Fargate asks for, network mode and size: the lessons' own do.
    What Fargate has not is refused in any case.
    """
    refusals = _refusals(definition) if definition.requires else _lacking(definition)
    if launch_type == FARGATE and next(refusals, None):
        raise InvalidParameterException(NOT_ON_FARGATE)


def check_fargate_size(cpu: int | None, memory: int | None) -> str:
    """Why Fargate has no such size, or nothing where it has."""
    for name, value in (("cpu", cpu), ("memory", memory)):
        if value is None:
            return f"Fargate requires that '{name}' be defined at the task level."
    if memory not in FARGATE_SIZES.get(cpu or 0, ()):
        return (
            f"No Fargate configuration exists for given values: {cpu} CPU, {memory} memory. "
            "See the Amazon ECS documentation for the valid values."
        )
    return ""


def _refusals(definition: _Definition) -> Iterator[str]:
    """Why Fargate cannot run it, in the order ECS finds out."""
    if definition.network_mode != "awsvpc":
        yield "Fargate only supports network mode 'awsvpc'."
    if refusal := check_fargate_size(definition.cpu, definition.memory):
        yield refusal
    yield from _lacking(definition)


def _lacking(definition: _Definition) -> Iterator[str]:
    """The same, but for the network mode and for a size that is not said."""
    refusal = check_fargate_size(definition.cpu, definition.memory)
    if refusal and definition.cpu and definition.memory:
        yield refusal
    yield from _of_their_own_words(definition)
    for member in (*definition.not_on_fargate, *_members_not_on_fargate(definition.containers)):
        yield f"Fargate compatible task definitions do not support {member}"
    for container in definition.containers:
        for kind, seconds in (("start", container.start_timeout), ("stop", container.stop_timeout)):
            if seconds is not None and seconds > 120:
                words = f"must have a container {kind} timeout of less than 120 seconds."
                yield f"Tasks using the Fargate launch type {words}"
        log = container.settings.log
        if log and log.driver not in FARGATE_LOG_DRIVERS:
            yield f"{log.driver} is not a valid log driver. Must be one of [{','.join(FARGATE_LOG_DRIVERS)}]"


def _of_their_own_words(definition: _Definition) -> Iterator[str]:
    if GPU in definition.not_on_fargate:
        yield "Tasks using the Fargate launch type do not support GPU resource requirements."
    for settings in (container.settings for container in definition.containers):
        if settings.privileged:
            yield "Fargate requires that the 'privileged' setting be 'false'."
        if settings.pid_mode == "host":
            only = "The supported value for pidMode is 'task'."
            yield f"Tasks using the Fargate launch type do not support pidMode 'host'. {only}"
        for name in settings.linux.added_capabilities:
            if name.removeprefix("CAP_") != "SYS_PTRACE":
                yield f"{name} is not allowed on Fargate."


def _members_not_on_fargate(containers: Sequence[ContainerDefinition]) -> Iterator[str]:
    for container in containers:
        settings = container.settings
        said = _said(settings)
        yield from (member for member, is_said in said.items() if is_said)


def _said(settings: ContainerSettings) -> dict[str, bool]:
    linux = settings.linux
    return {
        "disableNetworking": settings.network_disabled,
        "dnsSearchDomains": bool(settings.dns_search_domains),
        "dnsServers": bool(settings.dns_servers),
        "dockerSecurityOptions": bool(settings.security_options),
        "extraHosts": bool(settings.extra_hosts),
        "links": bool(settings.links),
        "ipcMode": bool(settings.ipc_mode),
        "devices": bool(linux.devices),
        "sharedMemorySize": linux.shared_memory_size is not None,
        "tmpfs": bool(linux.tmpfs),
        "maxSwap": linux.max_swap is not None,
        "swappiness": linux.swappiness is not None,
    }
