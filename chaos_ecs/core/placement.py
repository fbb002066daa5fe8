"""Where tasks go. Pure: the same request, container instances and tasks give the same answer, chance included.

The order is ECS's (Developer Guide, "How Amazon ECS places tasks on container instances"): who has the cpu, memory and
ports; of those, who meets the constraints; of those, whom the strategies prefer, one after the other. What is asked is
a `PlacementRequest`; what is there are ContainerInstances and PlacedTasks of one cluster (`rooms.py`). The sentences
that follow are in `placement_words.py`, who goes when there are too many in `placement_balance.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from chaos_ecs.core.container_instances import ContainerInstance
from chaos_ecs.core.ordered import Ordered
from chaos_ecs.core.placement_rules import ConstraintType, Strategy, StrategyType
from chaos_ecs.core.rooms import PlacedTask, PlacementRequest, Room, Shares, drawn, least, rooms_of


class Reason(Ordered):
    """Why a container instance cannot take a task, as RunTask's failures say it; in the order it is looked at."""

    AGENT = "AGENT"
    CPU = "RESOURCE:CPU"
    MEMORY = "RESOURCE:MEMORY"
    PORTS = "RESOURCE:PORTS"
    ATTRIBUTE = "ATTRIBUTE"
    MEMBER_OF = "MemberOf placement constraint unsatisfied."
    DISTINCT_INSTANCE = "DistinctInstance placement constraint unsatisfied."


@dataclass(frozen=True, slots=True)
class Refusal:
    instance_arn: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the tasks go, one ARN for each that is placed, in turn; and why the others are not."""

    chosen: tuple[str, ...] = ()
    missing: int = 0
    refusals: tuple[Refusal, ...] = ()  # of each container instance, when none could take the next; the closest first


@dataclass(frozen=True, slots=True)
class DaemonMoves:
    """What a DAEMON service lacks and has too much: container instances to start on, tasks to stop."""

    starts: tuple[str, ...] = ()
    stops: tuple[str, ...] = ()
    refusals: tuple[Refusal, ...] = ()  # of container instances that should have one and cannot


def place(request: PlacementRequest, instances: Iterable[ContainerInstance], tasks: Iterable[PlacedTask]) -> Placement:
    """The container instances that the request's tasks go to, as many as there is room for."""
    rooms = list(rooms_of(instances, tasks).values())
    shares = Shares(request.steps, rooms, request.group)
    asked = [room for room in rooms if _is_asked(room.instance, request)]
    free = [room for room in asked if refusal(request, room) is None]
    prefers = _preferences(request.steps, shares)
    chosen: list[str] = []
    while free and len(chosen) < request.count:
        room = _preferred(free, prefers, request, len(chosen))
        room.take(request.needs, request.group)
        shares.add(room, 1)
        chosen.append(room.instance.arn)
        if refusal(request, room) is not None:  # nobody else's answer changes by it
            free.remove(room)
    missing = request.count - len(chosen)
    refusals = _closest_first(request, asked) if missing else ()
    return Placement(tuple(chosen), missing, refusals)


def refusal(request: PlacementRequest, room: Room) -> Reason | None:
    """Why one more task cannot go there; None where it can."""
    needs = request.needs
    if not room.instance.agent_connected:
        return Reason.AGENT
    if needs.cpu > room.cpu:
        return Reason.CPU
    if needs.memory > room.memory:
        return Reason.MEMORY
    if any(port in room.ports for port in needs.ports):
        return Reason.PORTS
    if reason := unfit(request, room):
        return reason
    is_apart = any(constraint.type is ConstraintType.DISTINCT_INSTANCE for constraint in request.constraints)
    return Reason.DISTINCT_INSTANCE if is_apart and request.group in room.groups else None


def unfit(request: PlacementRequest, room: Room) -> Reason | None:
    """Why it is not one of those that the task may be on, however much room it has."""
    for name, wanted in request.needs.attributes:
        value = room.instance.attribute(name)
        if value is None or wanted not in (None, value):
            return Reason.ATTRIBUTE
    queries = (constraint.query for constraint in request.constraints)
    if all(query is None or query.holds(room.instance, room.groups) for query in queries):
        return None
    return Reason.MEMBER_OF


def daemon_moves(
    request: PlacementRequest, instances: Iterable[ContainerInstance], tasks: Iterable[PlacedTask]
) -> DaemonMoves:
    """One task on each ACTIVE container instance that meets the constraints; none where they are not met any more.

    What cannot be reached stays as it is. API_CreateService.schedulingStrategy.
    """
    tasks = list(tasks)
    starts: list[str] = []
    stops: list[str] = []
    refusals: list[Refusal] = []
    rooms = rooms_of(instances, tasks)
    for arn, room in rooms.items():
        mine = sorted(_daemons_on(arn, request, tasks), key=lambda task: task.number)
        is_home = _is_asked(room.instance, request) and unfit(request, room) is None
        stops += [task.arn for task in (mine[1:] if is_home else mine)]
        if not is_home or mine:
            continue
        if reason := refusal(request, room):
            refusals.append(Refusal(arn, reason))
        else:
            starts.append(arn)
    return DaemonMoves(tuple(starts), tuple(stops), tuple(refusals))


def _daemons_on(arn: str, request: PlacementRequest, tasks: Sequence[PlacedTask]) -> list[PlacedTask]:
    return [task for task in tasks if task.instance_arn == arn and task.group == request.group and task.is_wanted]


def _is_asked(instance: ContainerInstance, request: PlacementRequest) -> bool:
    return instance.is_active and request.capacity_provider in ("", instance.capacity_provider)


def _preferences(steps: Sequence[Strategy], shares: Shares) -> list[Callable[[Room], int] | None]:
    """One for each strategy, to be as small as possible; None where chance decides."""
    preferences: list[Callable[[Room], int] | None] = []
    level = 0
    for step in steps:
        match step.type:
            case StrategyType.SPREAD:
                preferences.append(partial(shares.of, level))
                level += 1
            case StrategyType.BINPACK:
                preferences.append((lambda room: room.cpu) if step.field == "cpu" else (lambda room: room.memory))
            case StrategyType.RANDOM:
                preferences.append(None)
    return preferences


def _preferred(
    free: Sequence[Room], prefers: Sequence[Callable[[Room], int] | None], request: PlacementRequest, turn: int
) -> Room:
    """Whom the strategies leave; of several that are alike the one that was registered first."""
    for preference in prefers:
        if preference is None:
            return drawn(free, request.seed, turn)
        free = least(free, preference)
    return free[0]


def _closest_first(request: PlacementRequest, asked: Iterable[Room]) -> tuple[Refusal, ...]:
    """The closest passed the most of what is looked at; of several that lack the same, it has the most left."""

    def distance(found: tuple[Room, Reason]) -> tuple[int, int]:
        room, reason = found
        left = room.cpu if reason is Reason.CPU else room.memory if reason is Reason.MEMORY else 0
        return (-reason.rank, -left)

    refused = [(room, reason) for room in asked if (reason := refusal(request, room))]
    return tuple(Refusal(room.instance.arn, reason) for room, reason in sorted(refused, key=distance))
