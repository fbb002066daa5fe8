"""Placement asked of State: who is there, what a service or a RunTask wants, and where its tasks go. Pure.

`placement.py` answers; here its question is put together. A cluster without container instances has one place, the
controller's own engine, and there is nothing to choose (decision 076); so has the launch type FARGATE.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial

from chaos_ecs.core.capacity_providers import share_out
from chaos_ecs.core.container_instances import ContainerInstance, Needs, Place
from chaos_ecs.core.model import Service, Task, TaskDefinition
from chaos_ecs.core.placement import DaemonMoves, Placement, Reason, Refusal, daemon_moves, place
from chaos_ecs.core.placement_balance import first_to_go
from chaos_ecs.core.placement_rules import (
    Constraint,
    PlacementWishes,
    Strategy,
    Words,
    constraints_of,
    strategies_of,
)
from chaos_ecs.core.platforms import EC2
from chaos_ecs.core.rooms import PlacedTask, PlacementRequest, needs_of
from chaos_ecs.core.sharing import counted, design_of, has_own_providers, strategy_of, surplus_by_provider
from chaos_ecs.core.state import State


@dataclass(frozen=True, slots=True)
class Places:
    """`places` one for each task that has one. Of the others: why none could be found, and on which provider."""

    places: tuple[Place, ...] = ()
    missing: int = 0
    refusals: tuple[Refusal, ...] = ()
    capacity_provider: str = ""
    needs: Needs = Needs()  # of each


def chooses(state: State, cluster_arn: str, launch_type: str) -> bool:
    """Whether tasks of this launch type are placed on container instances there."""
    return launch_type == EC2 and bool(state.instances_in(cluster_arn))


def instances_there(state: State, cluster_arn: str) -> list[ContainerInstance]:
    """Those of the cluster that are not INACTIVE. While the controller's own engine does not answer, its slices cannot
    be reached either."""
    known = state.instances_in(cluster_arn)
    if state.engine_connected:
        return known
    return [instance if instance.engine else replace(instance, agent_connected=False) for instance in known]


def placed_tasks(state: State, cluster_arn: str) -> list[PlacedTask]:
    """All that take room on the cluster's container instances, standbys too."""
    return [
        PlacedTask(task.arn, task.container_instance_arn, task.group, task.needs, task.number, task.is_wanted)
        for instance in state.instances_in(cluster_arn)
        for task in state.live_tasks_on(instance.arn)
    ]


def request(
    definition: TaskDefinition, group: str, wishes: PlacementWishes, *, is_service: bool, needs: Needs | None = None
) -> PlacementRequest:
    """For one task; `needs` where overrides make it another size."""
    return PlacementRequest(
        needs=needs or needs_of(definition, attributes=definition.attributes),
        group=group,
        is_service=is_service,
        strategies=_strategies(wishes.strategies),
        constraints=_constraints((*wishes.constraints, *definition.placement_constraints)),
    )


def request_of(state: State, service: Service) -> PlacementRequest:
    """For one more task of its newest deployment."""
    definition = state.task_definitions[service.task_definition_arn]
    return request(definition, f"service:{service.name}", service.placement, is_service=True)


@lru_cache(maxsize=256)
def _strategies(words: Words) -> tuple[Strategy, ...]:
    return strategies_of(words)


@lru_cache(maxsize=256)
def _constraints(words: Words) -> tuple[Constraint, ...]:
    return constraints_of(words)


def places_for(
    state: State,
    cluster_arn: str,
    launch_type: str,
    wishes: PlacementWishes,
    wanted: PlacementRequest,
    *,
    running: dict[str, int],
    also: Sequence[PlacedTask] = (),
) -> Places:
    """Where `wanted.count` tasks go. `running` is how many each capacity provider has of those that they join; `also`
    are tasks that were given a place in the same plan."""
    items = strategy_of(wishes)
    shares = share_out(items, wanted.count, running) if items else (("", wanted.count),)
    if not chooses(state, cluster_arn, launch_type) and not has_own_providers(wishes):
        return Places(
            tuple(Place("", provider) for provider, count in shares for _ in range(count)), needs=wanted.needs
        )
    known = [*placed_tasks(state, cluster_arn), *also]
    instances = instances_there(state, cluster_arn)
    found = Places(needs=wanted.needs)
    for provider, count in shares:
        asked = replace(wanted, count=count, capacity_provider=provider, seed=len(known))
        placement = place_apart(asked, instances, known)
        fresh = [
            PlacedTask(f"{cluster_arn}#{len(known) + at}", arn, asked.group, asked.needs)
            for at, arn in enumerate(placement.chosen)
        ]
        known += fresh
        found = Places(
            (*found.places, *(Place(arn, provider) for arn in placement.chosen)),
            found.missing + placement.missing,
            placement.refusals or found.refusals,
            provider if placement.missing else found.capacity_provider,
            wanted.needs,
        )
    return found


def place_apart(
    wanted: PlacementRequest, instances: Sequence[ContainerInstance], known: Sequence[PlacedTask]
) -> Placement:
    """`place`, but for one thing: slices of one engine share its ports. A task that names ports of the host takes
    them from all slices, so such tasks are placed one after the other."""
    if not wanted.needs.ports or len({instance.engine for instance in instances}) == len(instances):
        return place(wanted, instances, known)
    known, chosen = list(known), list[str]()
    for turn in range(wanted.count):
        one = place(replace(wanted, count=1, seed=f"{wanted.seed}/{turn}"), sharing_ports(instances, known), known)
        if one.missing:
            return Placement(tuple(chosen), wanted.count - turn, one.refusals)
        chosen += one.chosen
        known.append(PlacedTask(f"#{turn}", one.chosen[0], wanted.group, wanted.needs))
    return Placement(tuple(chosen))


def daemon_moves_apart(
    wanted: PlacementRequest, instances: Sequence[ContainerInstance], known: Sequence[PlacedTask]
) -> DaemonMoves:
    """`daemon_moves`, but for the same thing: of slices of one engine the first gets a task that names ports."""
    if not wanted.needs.ports:
        return daemon_moves(wanted, instances, known)
    moves = daemon_moves(wanted, sharing_ports(instances, known), known)
    engines = {instance.arn: instance.engine for instance in instances}
    firsts: dict[str, str] = {}
    for arn in moves.starts:
        firsts.setdefault(engines[arn], arn)
    starts = tuple(firsts.values())
    others = (Refusal(arn, Reason.PORTS) for arn in moves.starts if arn not in starts)
    return replace(moves, starts=starts, refusals=(*moves.refusals, *others))


def sharing_ports(instances: Sequence[ContainerInstance], known: Sequence[PlacedTask]) -> list[ContainerInstance]:
    """As if each had reserved what tasks on its engine have taken, on whichever slice."""
    engines = {instance.arn: instance.engine for instance in instances}
    taken: dict[str, tuple[tuple[int, str], ...]] = {}
    for task in known:
        engine = engines.get(task.instance_arn)
        if engine is not None:
            taken[engine] = (*taken.get(engine, ()), *task.needs.ports)
    return [
        replace(instance, reserved_ports=(*instance.reserved_ports, *taken.get(instance.engine, ())))
        for instance in instances
    ]


def places_of_service(
    state: State,
    service: Service,
    deployment_id: str,
    count: int,
    *,
    staying: Sequence[Task] = (),
    also: Sequence[PlacedTask] = (),
) -> Places:
    """Where `count` more tasks of a deployment go. `staying` are those it has that count for its capacity providers'
    shares."""
    deployment = next(item for item in service.deployments if item.id == deployment_id)
    definition = state.task_definitions[deployment.task_definition_arn]
    launch_type, wishes = design_of(state, service, deployment_id)
    wanted = replace(request(definition, f"service:{service.name}", wishes, is_service=True), count=count)
    return places_for(state, service.cluster_arn, launch_type, wishes, wanted, running=counted(staying), also=also)


def leaving(state: State, tasks: Sequence[Task]) -> frozenset[str]:
    """The ARNs of those whose container instance is to be left: DRAINING, or deregistered."""
    known = state.container_instances
    return frozenset(
        task.arn
        for task in tasks
        if task.container_instance_arn
        and (task.container_instance_arn not in known or not known[task.container_instance_arn].is_active)
    )


def chooses_whom(state: State, service: Service) -> bool:
    """Whether it matters which of its tasks scaling in takes."""
    return chooses(state, service.cluster_arn, service.launch_type) or bool(service.placement.providers)


def surplus_of(
    state: State, service: Service, tasks: Sequence[Task], count: int, rank: Callable[[Task], tuple[bool, ...]]
) -> list[Task]:
    """Which `count` of these tasks of one deployment scaling in takes, so that what stays is shared out and spread as
    its strategies say."""
    _, wishes = design_of(state, service, tasks[0].deployment_id if tasks else None)
    choose = partial(_least_spread, state, service, rank)
    if not wishes.providers:
        return choose(tasks, count, ())
    return surplus_by_provider(wishes, tasks, count, rank, choose)


def _least_spread(
    state: State,
    service: Service,
    rank: Callable[[Task], tuple[bool, ...]],
    tasks: Sequence[Task],
    count: int,
    gone: Sequence[Task],
) -> list[Task]:
    """Those on no container instance go first, the youngest of them."""
    homeless = [task for task in tasks if not task.container_instance_arn]
    homeless = sorted(homeless, key=lambda task: (*rank(task), -task.number))[:count]
    by_arn = {task.arn: task for task in tasks if task.container_instance_arn}
    count -= len(homeless)
    left = dict.fromkeys(task.arn for task in gone)
    known = [task for task in placed_tasks(state, service.cluster_arn) if task.arn not in left]
    chosen = first_to_go(
        replace(request_of(state, service), count=count),
        state.instances_in(service.cluster_arn),
        known,
        may_go=[task for task in known if task.arn in by_arn],
        rank=lambda task: rank(by_arn[task.arn]),
    )
    return [*homeless, *(by_arn[arn] for arn in chosen)]
