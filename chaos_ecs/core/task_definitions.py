"""Task definitions: registering, the rules ECS checks at registration, and overrides worked in.

Sources: API_RegisterTaskDefinition, API_ContainerDefinition, API_ContainerDependency, API_ContainerOverride.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from chaos_ecs.core.arns import name_of
from chaos_ecs.core.compatibility import check_compatibility
from chaos_ecs.core.container_checks import check_container
from chaos_ecs.core.errors import ClientException, InvalidParameterException
from chaos_ecs.core.messages import DeregisterTaskDefinition, EventType, RegisterTaskDefinition, Tags
from chaos_ecs.core.model import (
    ContainerDefinition,
    ContainerOverride,
    DependencyCondition,
    Family,
    TaskDefinition,
)
from chaos_ecs.core.state import State

MOST_CONTAINERS = 10
"""Developer Guide, "Service quotas": containers in a task definition."""


def register(state: State, command: RegisterTaskDefinition, now: float) -> None:
    check(command)
    put_revision(state, command, now)


def put_revision(state: State, command: RegisterTaskDefinition, now: float) -> None:
    """Registers what was checked already, or what an earlier version took."""
    family = state.families.get(command.family_arn, Family(command.family_arn, 0))
    revision = family.latest_revision + 1
    definition = TaskDefinition(
        arn=f"{command.family_arn}:{revision}",
        family=name_of(command.family_arn),
        revision=revision,
        containers=command.containers,
        registered_at=now,
        network_mode=command.network_mode,
        cpu=command.cpu,
        memory=command.memory,
        fault_injection=command.fault_injection,
        requires=command.requires,
        not_on_fargate=command.not_on_fargate,
        placement_constraints=command.placement_constraints,
        attributes=command.attributes,
        registered=command.registered,
        tags=command.tags,
    )
    state.put(Family(command.family_arn, revision))
    state.put(definition)
    message = f"registered {definition.family}:{revision}"
    state.emit(now, EventType.TASK_DEFINITION_REGISTERED, message, taskDefinition=definition.arn)
    tell_without_effect(state, f"{definition.family}:{revision}", definition.arn, command.without_effect, now)


def tell_without_effect(state: State, what: str, arn: str, members: Tags, now: float) -> None:
    """Names what is on record and changes nothing here, so that nobody believes it does."""
    if not members:
        return
    named = ", ".join(dict.fromkeys(member for member, _ in members))
    message = f"{what}: without effect here, and kept on record: {named}"
    told = [{"member": member, "instead": instead} for member, instead in members]
    state.emit(now, EventType.WITHOUT_EFFECT, message, taskDefinition=arn, members=told)


def deregister(state: State, command: DeregisterTaskDefinition, now: float) -> None:
    definition = state.task_definitions.get(command.arn)
    if definition is None:
        raise ClientException("The specified task definition does not exist.")
    if definition.status != "ACTIVE":
        return
    state.put(replace(definition, status="INACTIVE", deregistered_at=now))
    message = f"deregistered {definition.family}:{definition.revision}"
    state.emit(now, EventType.TASK_DEFINITION_DEREGISTERED, message, taskDefinition=definition.arn)


def latest_active(state: State, family_arn: str) -> TaskDefinition | None:
    """The newest ACTIVE revision: what a family without a revision means."""
    family = state.families.get(family_arn)
    for revision in range(family.latest_revision if family else 0, 0, -1):
        definition = state.task_definitions.get(f"{family_arn}:{revision}")
        if definition and definition.status == "ACTIVE":
            return definition
    return None


def check_network(definition: TaskDefinition | None, *, has_network: bool) -> None:
    """awsvpc needs to be told where; any subnet's name will do here. Raises InvalidParameterException."""
    if definition and definition.network_mode == "awsvpc" and not has_network:
        raise InvalidParameterException(
            "Network Configuration must be provided when networkMode 'awsvpc' is specified."
        )


def tags_of_run(definition: TaskDefinition | None, said: Tags, *, propagates: bool) -> Tags:
    """What a task of RunTask is tagged with: what was said, over its definition's where they are propagated."""
    inherited = definition.tags if definition and propagates else ()
    return tuple({**dict(inherited), **dict(said)}.items())


def overridden(definition: ContainerDefinition, overrides: Sequence[ContainerOverride]) -> ContainerDefinition:
    """The container as it is to run: an override's variables are added, its other members take the place."""
    override = next((item for item in overrides if item.name == definition.name), None)
    if override is None:
        return definition
    environment = dict(definition.environment) | dict(override.environment)
    settings = definition.settings
    if override.environment_files:
        settings = replace(settings, environment_files=override.environment_files)
    return replace(
        definition,
        settings=settings,
        command=override.command if override.command is not None else definition.command,
        environment=tuple(environment.items()),
        cpu=override.cpu if override.cpu is not None else definition.cpu,
        memory=override.memory if override.memory is not None else definition.memory,
        memory_reservation=(
            override.memory_reservation if override.memory_reservation is not None else definition.memory_reservation
        ),
    )


def sized(container: ContainerDefinition, cpu: int | None, memory: int | None) -> ContainerDefinition:
    """The container within the size of its task: what it does not limit itself ends where the task ends (decision 072).

    Worked example: of a task of 512 MiB, a container with memory 128 keeps that, one that says nothing may have 512.
    """
    if cpu is not None:
        container = replace(container, cpu=min(container.cpu or cpu, cpu))
    if memory is not None:
        own = memory if container.memory is None else container.memory
        container = replace(container, memory=min(own, memory))
    return container


def check(command: RegisterTaskDefinition) -> None:
    """Raises ClientException for what ECS refuses at registration."""
    if not command.containers:
        raise ClientException("Container list cannot be empty.")
    if len(command.containers) > MOST_CONTAINERS:
        raise ClientException("Too many containers.")
    names = [container.name for container in command.containers]
    for container in command.containers:
        check_container(container, names, command.network_mode, command.memory)
        if names.count(container.name) > 1:
            raise ClientException("Container names must be unique within a task definition.")
    if not any(container.essential for container in command.containers):
        raise ClientException("Task definition doesn't have any essential container.")
    _check_dependencies(command.containers)
    _check_ports(command)
    _check_total(command)
    check_compatibility(command)


def _check_ports(command: RegisterTaskDefinition) -> None:
    """What containers cannot both have: a port of the machine, or of the network that awsvpc and host make theirs."""
    is_shared = command.network_mode in ("awsvpc", "host")
    taken: dict[tuple[str, int], None] = {}
    names: dict[str, None] = {}
    for mapping in (mapping for container in command.containers for mapping in container.port_mappings):
        for number in mapping.container_ports if is_shared else (mapping.host_port,):
            port = (mapping.protocol, number)
            if number and port in taken:
                raise ClientException(f"{port[0].upper()} host port '{number}' is mapped multiple times in task.")
            taken[port] = None
        if mapping.name and mapping.name in names:
            raise ClientException(f"The port mapping name is already used: '{mapping.name}'.")
        names[mapping.name] = None


def _check_total(command: RegisterTaskDefinition) -> None:
    """API_ContainerDefinition: all that is reserved for containers has room in the task, where that has a size."""
    memory, cpu = command.memory, command.cpu
    reserved = sum(one.memory_reservation or one.memory or 0 for one in command.containers)
    for one in command.containers:
        if memory is not None and (one.memory or 0) > memory:
            raise ClientException(f"The 'memory' setting for container '{one.name}' is greater than for the task.")
    if memory is not None and reserved > memory:
        raise ClientException(
            f"Invalid 'memory' setting for task: its containers reserve {reserved} MiB, the task has {memory}."
        )
    if cpu is not None and (units := sum(one.cpu for one in command.containers)) > cpu:
        raise ClientException(f"Invalid 'cpu' setting for task: its containers have {units} units, the task {cpu}.")


def _check_dependencies(containers: Sequence[ContainerDefinition]) -> None:
    by_name = {container.name: container for container in containers}
    for container in containers:
        for dependency in container.depends_on:
            target = by_name.get(dependency.container_name)
            said = f"Invalid 'dependsOn' setting for container '{container.name}'."
            cannot = f"{said} Cannot depend on container {dependency.container_name} because it"
            if target is None:
                raise ClientException(f"{cannot} does not exist.")
            if target is container:
                raise ClientException(f"{cannot} is the same container.")
            ends = dependency.condition in (DependencyCondition.COMPLETE, DependencyCondition.SUCCESS)
            if ends and target.essential:
                cannot = "with SUCCESS or COMPLETE condition cannot be an essential container."
                raise ClientException(f"{said} A dependency container {cannot}")
            if dependency.condition is DependencyCondition.HEALTHY and target.health_check is None:
                raise ClientException(
                    f"{said} A dependency container with HEALTHY condition must have health check configured."
                )
    _check_no_cycle(by_name)


def _check_no_cycle(by_name: dict[str, ContainerDefinition]) -> None:
    """Takes away, round by round, the containers that wait for nobody left; what remains waits for itself."""
    left = dict(by_name)
    while left:
        free = [
            name
            for name, container in left.items()
            if all(dependency.container_name not in left for dependency in container.waits_for)
        ]
        if not free:
            raise ClientException("Cyclic dependency between containers: " + ", ".join(sorted(left)) + ".")
        for name in free:
            del left[name]
