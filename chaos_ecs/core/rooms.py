"""How much room container instances have, given the tasks on them. Nouns of placing, and the arithmetic of room.

Never here: which of them is chosen (`placement.py`) and who goes first (`placement_balance.py`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from chaos_ecs.core.container_instances import ContainerInstance, Needs, Port
from chaos_ecs.core.model import ContainerDefinition, ContainerOverride, TaskDefinition, TaskOverride
from chaos_ecs.core.placement_rules import (
    ATTRIBUTE,
    DEFAULT_OF_SERVICES,
    DEFAULT_OF_STANDALONE,
    SPREAD_INSTANCES,
    Constraint,
    Strategy,
    StrategyType,
)
from chaos_ecs.core.task_definitions import overridden

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class PlacedTask:
    """A task that is on a container instance until it is STOPPED."""

    arn: str
    instance_arn: str
    group: str
    needs: Needs = Needs()
    number: int = 0  # order of creation
    is_wanted: bool = True  # one that is to stop takes its room, and is counted no more


@dataclass(frozen=True, slots=True)
class PlacementRequest:
    """Tasks to place, all alike: `count` copies of one task definition for one service or RunTask."""

    needs: Needs
    group: str  # those of the same group are spread, and kept apart by distinctInstance
    count: int = 1
    is_service: bool = False
    strategies: tuple[Strategy, ...] = ()
    constraints: tuple[Constraint, ...] = ()  # the task definition's too
    capacity_provider: str = ""  # only its container instances; empty: all of the cluster
    seed: int | str = 0  # what is left to chance follows from it

    @property
    def steps(self) -> tuple[Strategy, ...]:
        """The strategies to go by: where none is said ECS's own, and after a spread the least used of its share."""
        said = self.strategies or (DEFAULT_OF_SERVICES if self.is_service else DEFAULT_OF_STANDALONE)
        ends_with_share = said[-1].type is StrategyType.SPREAD and said[-1] != SPREAD_INSTANCES
        return (*said, SPREAD_INSTANCES) if ends_with_share else said


def needs_of(
    definition: TaskDefinition,
    overrides: Sequence[ContainerOverride] = (),
    task_override: TaskOverride | None = None,
    attributes: tuple[tuple[str, str | None], ...] = (),
) -> Needs:
    """What a task of the definition takes: the task's size, or where it has none that of its containers together.

    Worked example: containers of 128 MiB, and of 512 with a reservation of 256, take 384 MiB (API_ContainerDefinition:
    a reservation is what is subtracted, where there is one).
    """
    override = task_override or TaskOverride()
    containers = [overridden(container, overrides) for container in definition.containers]
    cpu = override.cpu or definition.cpu or sum(container.cpu for container in containers)
    memory = override.memory or definition.memory
    memory = memory or sum(container.memory_reservation or container.memory or 0 for container in containers)
    ports = (port for container in containers for port in _host_ports(container, definition.network_mode))
    return Needs(cpu, memory, tuple(dict.fromkeys(ports)), attributes)


def _host_ports(container: ContainerDefinition, network_mode: str) -> Iterable[Port]:
    for mapping in container.port_mappings:
        if network_mode == "host":
            yield from ((port, mapping.protocol) for port in mapping.container_ports)
        elif network_mode == "bridge" and mapping.host_port:
            yield (mapping.host_port, mapping.protocol)


class Room:
    """What is left of one container instance. The only thing of placing that changes, and only inside one question."""

    __slots__ = ("cpu", "groups", "instance", "memory", "ports")

    def __init__(self, instance: ContainerInstance) -> None:
        self.instance = instance
        self.cpu, self.memory = instance.cpu, instance.memory
        self.ports: dict[Port, None] = dict.fromkeys(instance.reserved_ports)
        self.groups: dict[str, int] = {}  # of wanted tasks

    def take(self, needs: Needs, group: str, *, is_wanted: bool = True) -> None:
        self.cpu -= needs.cpu
        self.memory -= needs.memory
        self.ports.update(dict.fromkeys(needs.ports))
        if is_wanted:
            self.groups[group] = self.groups.get(group, 0) + 1

    def give_back(self, needs: Needs, group: str) -> None:
        self.cpu += needs.cpu
        self.memory += needs.memory
        for port in needs.ports:
            self.ports.pop(port, None)
        self.groups[group] -= 1
        if not self.groups[group]:
            del self.groups[group]

    def value_of(self, field: str) -> str:
        """That of a spread strategy's field; container instances without the attribute share the empty one."""
        if field.startswith(ATTRIBUTE):
            return self.instance.attribute(field.removeprefix(ATTRIBUTE)) or ""
        return self.instance.arn


def rooms_of(instances: Iterable[ContainerInstance], tasks: Iterable[PlacedTask]) -> dict[str, Room]:
    """By the container instance's ARN, in order of registration. Tasks whose container instance is gone take none."""
    ordered = sorted(instances, key=lambda instance: (instance.number, instance.arn))
    rooms = {instance.arn: Room(instance) for instance in ordered}
    for task in tasks:
        if room := rooms.get(task.instance_arn):
            room.take(task.needs, task.group, is_wanted=task.is_wanted)
    return rooms


class Shares:
    """How many tasks of a group each value of the spread strategies has; one level within the other.

    Worked example: spread over zones, then over racks: rack r1 of zone a and rack r1 of zone b are two. What is on a
    container instance that is not ACTIVE is to go, and is not counted.
    """

    def __init__(self, steps: Sequence[Strategy], rooms: Iterable[Room], group: str) -> None:
        fields = [step.field for step in steps if step.type is StrategyType.SPREAD]
        self._values: dict[str, list[tuple[str, ...]]] = {}
        self._counts: dict[tuple[str, ...], int] = {}
        for room in rooms:
            values = [room.value_of(field) for field in fields]
            prefixes = [tuple(values[: level + 1]) for level in range(len(values))]
            self._values[room.instance.arn] = prefixes
            if room.instance.is_active:
                self.add(room, room.groups.get(group, 0))

    def of(self, level: int, room: Room) -> int:
        return self._counts.get(self._values[room.instance.arn][level], 0)

    def add(self, room: Room, count: int) -> None:
        for prefix in self._values[room.instance.arn]:
            self._counts[prefix] = self._counts.get(prefix, 0) + count


def least(candidates: Sequence[_T], key: Callable[[_T], int]) -> list[_T]:
    """Those with the smallest key, in the order they had."""
    keys = [key(candidate) for candidate in candidates]
    smallest = min(keys)
    return [candidate for candidate, own in zip(candidates, keys, strict=True) if own == smallest]


def drawn(candidates: Sequence[_T], seed: int | str, turn: int) -> _T:
    """One of them, the same for the same seed and turn."""
    digest = hashlib.blake2b(f"{seed}/{turn}".encode(), digest_size=8).digest()
    return candidates[int.from_bytes(digest, "big") % len(candidates)]
