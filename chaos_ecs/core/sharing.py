"""Capacity provider strategies asked of State: which strategy a deployment has, whose standbys may stand in, and from
which providers scaling in takes. Pure.

`capacity_providers.py` answers; here its question is put together, as `placing.py` does for places. A deployment shares
out its own tasks only: those that it replaces are to go, and counted they would change what is left.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from chaos_ecs.core.capacity_providers import FARGATE_PROVIDERS, StrategyItem, items_of, share_out, take_back
from chaos_ecs.core.errors import InvalidParameterException
from chaos_ecs.core.model import Cluster, Service, Task
from chaos_ecs.core.placement_rules import PlacementWishes
from chaos_ecs.core.platforms import EC2, FARGATE
from chaos_ecs.core.state import State

DEFAULT = "defaultCapacityProviderStrategy"
NOT_ASSOCIATED = (
    "The specified capacity provider strategy cannot contain a capacity provider that is not associated with the "
    "cluster. Associate the capacity provider with the cluster or specify a valid capacity provider and try again."
)

Rank = Callable[[Task], tuple[bool, ...]]
Choose = Callable[[Sequence[Task], int, Sequence[Task]], list[Task]]
"""So many of these tasks, given those that are chosen already."""


def strategy_of(wishes: PlacementWishes) -> tuple[StrategyItem, ...]:
    return tuple(StrategyItem(*item) for item in wishes.providers)


def has_own_providers(wishes: PlacementWishes) -> bool:
    """Whether tasks go to container instances of capacity providers, and nowhere else."""
    return any(name not in FARGATE_PROVIDERS for name, _, _ in wishes.providers)


def default_of(cluster: Cluster | None) -> tuple[StrategyItem, ...]:
    """The strategy of those who say neither strategy nor launch type."""
    return items_of(said_of(_known(cluster, DEFAULT)))


def said_of(strategy: Iterable[Mapping[str, Any]]) -> list[tuple[str, int | None, int | None]]:
    """A strategy of the wire, for `items_of`: the name of each provider, its weight and base where they are said."""
    return [(item["capacityProvider"].rpartition("/")[2], item.get("weight"), item.get("base")) for item in strategy]


def check_associated(cluster: Cluster | None, strategy: Iterable[StrategyItem]) -> None:
    """Whether the cluster has every capacity provider of the strategy. Raises InvalidParameterException."""
    known = _known(cluster, "capacityProviders")
    if any(item.provider not in known for item in strategy):
        raise InvalidParameterException(NOT_ASSOCIATED)


def _known(cluster: Cluster | None, member: str) -> list[Any]:
    found: list[Any] = json.loads(cluster.registered).get(member, []) if cluster else []
    return found


def launch_type_with(provider: str) -> str:
    """What a strategy with this capacity provider stands for: Fargate's are never mixed with others."""
    return FARGATE if provider in FARGATE_PROVIDERS else EC2


def design_of(state: State, service: Service, deployment_id: str | None) -> tuple[str, PlacementWishes]:
    """Launch type and wishes of a deployment's tasks: an older one gets back what died of it where it was."""
    if deployment_id == service.primary.id:
        return service.launch_type, service.placement
    arn = next((item.revision_arn for item in service.deployments if item.id == deployment_id), "")
    revision = state.service_revisions.get(arn)
    return (revision.launch_type, revision.placement) if revision else (service.launch_type, service.placement)


def counted(tasks: Iterable[Task]) -> dict[str, int]:
    """How many each capacity provider has of them."""
    return dict(Counter(task.capacity_provider for task in tasks))


def stand_ins(wishes: PlacementWishes, ready: Sequence[Task], count: int, staying: Iterable[Task]) -> list[Task]:
    """At most `count` of the ready standbys, each for a task that its own capacity provider is due."""
    if not wishes.providers:
        return list(ready[:count])
    due = dict(share_out(strategy_of(wishes), count, counted(staying)))
    chosen = []
    for standby in ready:
        if due.get(standby.capacity_provider, 0):
            due[standby.capacity_provider] -= 1
            chosen.append(standby)
    return chosen


def surplus_by_provider(
    wishes: PlacementWishes, tasks: Sequence[Task], count: int, rank: Rank, choose: Choose
) -> list[Task]:
    """Which `count` of the tasks go: those with the smallest rank, whatever the strategy says; of those that are alike
    so many of each provider that what stays is nearest to its share."""
    strategy, chosen = strategy_of(wishes), list[Task]()
    has = counted(tasks)
    for _, group in groupby(sorted(tasks, key=rank), key=rank):
        alike = list(group)
        for name, taken in take_back(strategy, count - len(chosen), has, counted(alike)):
            chosen += choose([task for task in alike if task.capacity_provider == name], taken, chosen)
            has[name] -= taken
    return chosen
