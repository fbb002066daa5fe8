"""What ECS refuses at registration, and how overrides are worked in."""

from __future__ import annotations

import pytest

from chaos_ecs.core.errors import ClientException
from chaos_ecs.core.messages import RegisterTaskDefinition
from chaos_ecs.core.model import (
    ContainerDefinition,
    ContainerOverride,
    Dependency,
    DependencyCondition,
    PortMapping,
)
from chaos_ecs.core.task_definitions import check, overridden
from tests.builders import a_container


def depends(on: str, condition: DependencyCondition = DependencyCondition.START) -> tuple[Dependency, ...]:
    return (Dependency(on, condition),)


REFUSED = {
    "Container list cannot be empty": (),
    "At least one of 'memory' or 'memoryReservation' must be specified": (a_container(memory=None),),
    "Container.image should not be null or empty": (a_container(image=""),),
    "Container.image contains invalid characters": (a_container(image="b c"),),
    "Container.name should not be null or empty": (a_container(name=""),),
    "Container names must be unique within a task definition.": (a_container(), a_container()),
    "Task definition doesn't have any essential container.": (a_container(essential=False),),
    "'memory' must be at least 6 MiB": (a_container(memory=4),),
    "hostPort 2375 is reserved": (a_container(port_mappings=(PortMapping(80, 2375),)),),
    "Invalid 'containerPort' setting for container 'app'.": (a_container(port_mappings=(PortMapping(70000),)),),
    "Cannot depend on container db because it does not exist.": (a_container(depends_on=depends("db")),),
    "Cannot depend on container app because it is the same container.": (a_container(depends_on=depends("app")),),
    "Cyclic dependency between containers: app, side": (
        a_container(depends_on=depends("side")),
        a_container("side", depends_on=depends("app")),
    ),
    "A dependency container with SUCCESS or COMPLETE condition cannot be an essential container.": (
        a_container(depends_on=depends("side", DependencyCondition.SUCCESS)),
        a_container("side"),
    ),
    "A dependency container with HEALTHY condition must have health check configured.": (
        a_container(depends_on=depends("side", DependencyCondition.HEALTHY)),
        a_container("side"),
    ),
}


@pytest.mark.parametrize(("text", "containers"), REFUSED.items(), ids=list(REFUSED))
def test_a_bad_task_definition_is_refused_in_words(text: str, containers: tuple[ContainerDefinition, ...]) -> None:
    with pytest.raises(ClientException) as refusal:
        check(RegisterTaskDefinition("family", containers))
    assert text in refusal.value.message


def test_memory_of_the_task_is_enough() -> None:
    check(RegisterTaskDefinition("family", (a_container(memory=None),), memory=512))


def test_an_override_adds_variables_and_replaces_the_command() -> None:
    definition = a_container(environment=(("A", "1"), ("B", "2")))
    override = ContainerOverride("app", command=("batch",), environment=(("B", "3"), ("C", "4")), memory=32)
    result = overridden(definition, (override,))
    assert result.command == ("batch",)
    assert dict(result.environment) == {"A": "1", "B": "3", "C": "4"}
    assert (result.memory, result.cpu) == (32, definition.cpu)


def test_an_override_of_another_container_changes_nothing() -> None:
    assert overridden(a_container(), (ContainerOverride("other", command=("x",)),)) == a_container()
