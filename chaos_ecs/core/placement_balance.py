"""Whom scaling in takes so that what stays is spread, and which task moves when zones are out of balance.

Sources: API_UpdateService (how the scheduler stops tasks); Developer Guide, "Use strategies to define Amazon ECS task
placement" (binpack and scale-in) and "Balancing an Amazon ECS service across Availability Zones".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from chaos_ecs.core.container_instances import ContainerInstance
from chaos_ecs.core.placement import place
from chaos_ecs.core.placement_rules import SPREAD_INSTANCES, SPREAD_ZONES, Strategy, StrategyType
from chaos_ecs.core.rooms import PlacedTask, PlacementRequest, Room, Shares, drawn, rooms_of

Rank = Callable[[PlacedTask], Any]
"""The smallest go first, whatever the strategies say: those that serve nobody yet, and protected ones last."""


@dataclass(frozen=True, slots=True)
class ZoneMove:
    """A task to start, and once that is healthy another to stop."""

    start_on: str  # the ARN of a container instance
    to_zone: str
    stop: str  # the ARN of a task
    from_zone: str


def _alike(task: PlacedTask) -> int:
    return 0


def first_to_go(
    request: PlacementRequest,
    instances: Iterable[ContainerInstance],
    tasks: Sequence[PlacedTask],
    *,
    may_go: Sequence[PlacedTask] | None = None,
    rank: Rank = _alike,
) -> tuple[str, ...]:
    """`request.count` tasks of the group, or of those of it that `may_go`, to stop so that what stays is spread best.

    Those on container instances that are not ACTIVE go first: they are to go anyway. Of several that are alike the
    youngest goes.
    """
    rooms = rooms_of(instances, tasks)
    shares = Shares(request.steps, rooms.values(), request.group)
    pool = [task for task in (tasks if may_go is None else may_go) if task.group == request.group and task.is_wanted]
    gone: list[str] = []
    for _, alike in groupby(sorted(pool, key=rank), key=rank):
        stacks = _stacked(alike)
        while stacks and len(gone) < request.count:
            youngest = [stack[-1] for stack in stacks.values()]
            task = _next_to_go(youngest, rooms, shares, request, len(gone))
            stacks[task.instance_arn].pop()
            if not stacks[task.instance_arn]:
                del stacks[task.instance_arn]
            gone.append(task.arn)
            if room := rooms.get(task.instance_arn):
                room.give_back(task.needs, task.group)
                shares.add(room, -1)
    return tuple(gone)


def _stacked(tasks: Iterable[PlacedTask]) -> dict[str, list[PlacedTask]]:
    """By container instance, the youngest on top: those below it are not asked about, however many there are."""
    stacks: dict[str, list[PlacedTask]] = {}
    for task in sorted(tasks, key=_age):
        stacks.setdefault(task.instance_arn, []).append(task)
    return stacks


def _age(task: PlacedTask) -> tuple[int, str]:
    return (task.number, task.arn)


def _next_to_go(
    pool: Sequence[PlacedTask], rooms: dict[str, Room], shares: Shares, request: PlacementRequest, turn: int
) -> PlacedTask:
    leaving = [task for task in pool if not _is_staying(task, rooms)]
    if leaving:
        return max(leaving, key=_age)
    level = 0
    for step in request.steps:
        if step.type is StrategyType.RANDOM:
            return drawn(pool, request.seed, turn)
        if step.type is StrategyType.SPREAD:
            counts = [-shares.of(level, rooms[task.instance_arn]) for task in pool]
            level += 1
        else:
            counts = [-_left_after(task, rooms, step) for task in pool]
        smallest = min(counts)
        pool = [task for task, count in zip(pool, counts, strict=True) if count == smallest]
    return max(pool, key=_age)


def _is_staying(task: PlacedTask, rooms: dict[str, Room]) -> bool:
    room = rooms.get(task.instance_arn)
    return room is not None and room.instance.is_active


def _left_after(task: PlacedTask, rooms: dict[str, Room], step: Strategy) -> int:
    room = rooms[task.instance_arn]
    return room.cpu + task.needs.cpu if step.field == "cpu" else room.memory + task.needs.memory


def zones_of(instances: Iterable[ContainerInstance], tasks: Iterable[PlacedTask], group: str) -> dict[str, int]:
    """How many tasks of the group each zone has that has ACTIVE container instances, by the zones' names."""
    zones: dict[str, int] = {}
    for room in rooms_of(instances, tasks).values():
        if room.instance.is_active:
            zone = room.instance.availability_zone
            zones[zone] = zones.get(zone, 0) + room.groups.get(group, 0)
    return dict(sorted(zones.items()))


def may_rebalance(strategies: Sequence[Strategy], maximum_percent: int, *, is_daemon: bool = False) -> bool:
    """Whether a service's tasks may move between zones: only where those are what they are spread over first, and
    where there may be one task more for a while."""
    comes_first = not strategies or strategies[0] == SPREAD_ZONES
    return comes_first and maximum_percent > 100 and not is_daemon


def zone_move(
    request: PlacementRequest,
    instances: Iterable[ContainerInstance],
    tasks: Sequence[PlacedTask],
    *,
    rank: Rank = _alike,
) -> ZoneMove | None:
    """The next task to move from the fullest zone to the emptiest that has a place for it; None where no zone has two
    more than such a one.

    Worked example: 3, 1 and 1 tasks: one moves, and then there are 2, 2 and 1.
    """
    instances = list(instances)
    zones = zones_of(instances, tasks, request.group)
    if not zones:
        return None
    fullest = max(zones, key=lambda zone: zones[zone])
    going = to_leave_zone(fullest, request, instances, tasks, rank)
    for zone in sorted(zones, key=lambda zone: zones[zone]):
        if zones[fullest] - zones[zone] < 2:
            return None
        there = [instance for instance in instances if instance.availability_zone == zone]
        if chosen := place(replace(request, count=1), there, tasks).chosen:
            return ZoneMove(chosen[0], zone, going[0], fullest)
    return None


def to_leave_zone(
    zone: str,
    request: PlacementRequest,
    instances: Sequence[ContainerInstance],
    tasks: Sequence[PlacedTask],
    rank: Rank,
) -> tuple[str, ...]:
    """Whom of the zone's tasks scaling in would take."""
    there = [instance for instance in instances if instance.is_active and instance.availability_zone == zone]
    arns = dict.fromkeys(instance.arn for instance in there)
    mine = [task for task in tasks if task.instance_arn in arns]
    spread = PlacementRequest(request.needs, request.group, strategies=(SPREAD_INSTANCES,))
    return first_to_go(spread, there, mine, rank=rank)
