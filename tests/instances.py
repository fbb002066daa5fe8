"""Container instances of tests: slices of the controller's own engine, named by their zone and number: a1, b1."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chaos_ecs.core.container_instances import ContainerInstance, built_in_attributes
from chaos_ecs.core.instance_messages import RegisterContainerInstance
from chaos_ecs.core.model import Task
from chaos_ecs.core.state import State
from tests.builders import CLUSTER, REGION


def slice_of_own_engine(name: str, **members: Any) -> RegisterContainerInstance:
    """`a1` is in zone a; two processors, 2 GiB."""
    attributes = built_in_attributes(availability_zone=f"{REGION}{name[0]}", instance_type="t3.small")
    more = tuple(members.pop("attributes", ()))
    return RegisterContainerInstance(CLUSTER, name, 2048, 2048, (*attributes, *more), **members)


def register(submit: Callable[[Any], Any], *names: str, **members: Any) -> None:
    for name in names:
        submit(slice_of_own_engine(name, **members)).result(5)


def instance(state: State, name: str) -> ContainerInstance:
    return next(found for found in state.container_instances.values() if found.name == name)


def wanted_on(state: State, name: str) -> list[Task]:
    """The tasks that are to run there, in order of creation."""
    return [task for task in state.tasks_on(instance(state, name).arn) if task.is_wanted and not task.standby]
