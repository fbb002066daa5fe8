"""Task definitions: registering, the rules ECS checks at registration, and overrides worked in.

Sources: API_RegisterTaskDefinition, API_ContainerDefinition, API_ContainerDependency, API_ContainerOverride.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from chaos_ecs.core.arns import name_of
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

RESERVED_HOST_PORTS = (22, 2375, 2376, 51678, 51679, 51680)
"""API_PortMapping: the ports the ECS agent and Docker keep for themselves."""


def register(state: State, command: RegisterTaskDefinition, now: float) -> None:
    check(command)
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
        registered=command.registered,
        tags=command.tags,
    )
    state.put(Family(command.family_arn, revision))
    state.put(definition)
    message = f"registered {definition.family}:{revision}"
    state.emit(now, EventType.TASK_DEFINITION_REGISTERED, message, taskDefinition=definition.arn)


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
    return replace(
        definition,
        command=override.command if override.command is not None else definition.command,
        environment=tuple(environment.items()),
        cpu=override.cpu if override.cpu is not None else definition.cpu,
        memory=override.memory if override.memory is not None else definition.memory,
        memory_reservation=(
            override.memory_reservation if override.memory_reservation is not None else definition.memory_reservation
        ),
    )


def check(command: RegisterTaskDefinition) -> None:
    """Raises ClientException for what ECS refuses at registration."""
    if not command.containers:
        raise ClientException("Container list cannot be empty.")
    names = [container.name for container in command.containers]
    for container in command.containers:
        _check_container(container, command)
        if names.count(container.name) > 1:
            raise ClientException(f"Duplicate container name '{container.name}'.")
    if not any(container.essential for container in command.containers):
        raise ClientException("Invalid 'essential' setting for container: at least one container must be essential.")
    _check_dependencies(command.containers)


def _check_container(container: ContainerDefinition, command: RegisterTaskDefinition) -> None:
    if not container.name:
        raise ClientException("Container.name should not be null or empty.")
    if not container.image:
        raise ClientException("Container.image should not be null or empty.")
    said = f"Invalid setting for container '{container.name}'."
    if command.memory is None and container.memory is None and container.memory_reservation is None:
        raise ClientException(f"{said} At least one of 'memory' or 'memoryReservation' must be specified.")
    if container.memory is not None and container.memory < 6:
        raise ClientException(f"{said} 'memory' must be at least 6 MiB.")
    if container.cpu < 0:
        raise ClientException(f"{said} 'cpu' must not be negative.")
    if container.memory is not None and (container.memory_reservation or 0) > container.memory:
        raise ClientException(f"{said} 'memory' must be greater than or equal to 'memoryReservation'.")
    _check_ports(container, command.network_mode, said)
    if container.stop_timeout is not None and container.stop_timeout < 0:
        raise ClientException(f"{said} 'stopTimeout' must not be negative.")


def _check_ports(container: ContainerDefinition, network_mode: str, said: str) -> None:
    for mapping in container.port_mappings:
        if not 1 <= mapping.container_port <= 65535 or not 0 <= mapping.host_port <= 65535:
            raise ClientException(f"{said} Ports must be between 1 and 65535 (hostPort 0: the engine picks one).")
        if mapping.host_port in RESERVED_HOST_PORTS:
            raise ClientException(f"{said} hostPort {mapping.host_port} is reserved.")
        if network_mode in ("awsvpc", "host") and mapping.host_port not in (0, mapping.container_port):
            raise ClientException(
                f"{said} When networkMode={network_mode}, the host ports and container ports must match."
            )


def _check_dependencies(containers: Sequence[ContainerDefinition]) -> None:
    by_name = {container.name: container for container in containers}
    for container in containers:
        for dependency in container.depends_on:
            target = by_name.get(dependency.container_name)
            if target is None or target is container:
                raise ClientException(
                    f"Invalid 'dependsOn' setting for container '{container.name}': "
                    f"there is no other container '{dependency.container_name}' in the task definition."
                )
            ends = dependency.condition in (DependencyCondition.COMPLETE, DependencyCondition.SUCCESS)
            if ends and target.essential:
                raise ClientException(
                    f"Invalid 'dependsOn' setting for container '{container.name}': "
                    f"the condition {dependency.condition} cannot be set on the essential container '{target.name}'."
                )
            if dependency.condition is DependencyCondition.HEALTHY and target.health_check is None:
                raise ClientException(
                    f"Invalid 'dependsOn' setting for container '{container.name}': "
                    f"the container '{target.name}' has no health check for the condition HEALTHY."
                )
    _check_no_cycle(by_name)


def _check_no_cycle(by_name: dict[str, ContainerDefinition]) -> None:
    """Takes away, round by round, the containers that wait for nobody left; what remains waits for itself."""
    left = dict(by_name)
    while left:
        free = [
            name
            for name, container in left.items()
            if all(dependency.container_name not in left for dependency in container.depends_on)
        ]
        if not free:
            raise ClientException("Cyclic dependency between containers: " + ", ".join(sorted(left)) + ".")
        for name in free:
            del left[name]
