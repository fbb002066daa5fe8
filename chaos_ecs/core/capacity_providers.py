"""Capacity providers, and strategies: how many tasks each provider is to have, by base and weight.

Sources: API_CapacityProvider, API_CapacityProviderStrategyItem. First the base is filled, then the weights share out
what is above it: each task goes to the provider that is furthest behind its share, the first of the strategy where
several are. Nothing is rounded, so asking for 1 ten times answers the same as asking for 10.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from chaos_ecs.core.errors import InvalidParameterException

FARGATE_PROVIDERS = ("FARGATE", "FARGATE_SPOT")
LARGEST_BASE, LARGEST_WEIGHT = 100_000, 1_000
STRATEGY_LIMIT = 20

Shared = tuple[tuple[str, int], ...]
"""How many tasks for which provider, in the order of the strategy; those with none are left out."""


class UpdateStatus(StrEnum):
    """API_CapacityProvider.updateStatus: those that stay; nothing takes its time here."""

    UPDATE_COMPLETE = "UPDATE_COMPLETE"
    DELETE_COMPLETE = "DELETE_COMPLETE"
    DELETE_FAILED = "DELETE_FAILED"


@dataclass(frozen=True, slots=True)
class CapacityProvider:
    """One of one's own: container instances that were registered with its name."""

    arn: str
    created_at: float
    number: int  # order of creation, from State's counter
    auto_scaling_group: str  # as it was named: there is none here
    status: str = "ACTIVE"  # or INACTIVE
    update_status: UpdateStatus | None = None
    update_reason: str = ""
    registered: str = "{}"  # autoScalingGroupProvider, JSON: returned, never read by the core
    tags: tuple[tuple[str, str], ...] = ()

    @property
    def key(self) -> str:
        return self.arn

    @property
    def name(self) -> str:
        return self.arn.rsplit("/", 1)[1]

    @property
    def is_active(self) -> bool:
        return self.status == "ACTIVE"


@dataclass(frozen=True, slots=True)
class StrategyItem:
    provider: str
    weight: int = 0
    base: int = 0


def items_of(said: Sequence[tuple[str, int | None, int | None]]) -> tuple[StrategyItem, ...]:
    """(provider, weight, base) as on the wire, None where nothing is said. Raises InvalidParameterException.

    A single provider without a weight has weight 1: it is what its tasks are for.
    """
    weight = 1 if len(said) == 1 else 0
    items = tuple(
        StrategyItem(name, weight if said_weight is None else said_weight, base or 0)
        for name, said_weight, base in said
    )
    _check(items)
    return items


def share_out(strategy: Sequence[StrategyItem], count: int, running: Mapping[str, int]) -> Shared:
    """To which providers `count` more tasks go, given how many tasks of the service each has.

    Worked example: base 2 on FARGATE, weights 1 and 3; of ten tasks FARGATE gets 2 + 2, FARGATE_SPOT 6.
    """
    has = {item.provider: running.get(item.provider, 0) for item in strategy}
    given = dict.fromkeys(has, 0)
    for item in strategy:
        fill = min(count, max(0, item.base - has[item.provider]))
        _give(given, has, item.provider, fill)
        count -= fill
    weighted = [item for item in strategy if item.weight > 0]
    for _ in range(count if weighted else 0):
        nearest = min(weighted, key=lambda item: _behind(item, has[item.provider], 1))
        _give(given, has, nearest.provider, 1)
    return _shared(given)


def take_back(
    strategy: Sequence[StrategyItem],
    count: int,
    running: Mapping[str, int],
    may_go: Mapping[str, int] | None = None,
) -> Shared:
    """From which providers `count` tasks go when there are too many: what the strategy does not know first, then
    whoever is furthest above its share, and the base last. `may_go`: how many of each can be chosen; None: all."""
    weights = {item.provider: item for item in strategy}
    has = {name: tasks for name, tasks in running.items() if tasks > 0}
    taken = {**dict.fromkeys(weights, 0), **dict.fromkeys(has, 0)}
    left = dict(has if may_go is None else may_go)
    for _ in range(min(count, sum(left.values()))):
        name = max((name for name in reversed(taken) if left.get(name)), key=lambda name: _surplus(weights, name, has))
        has[name] -= 1
        left[name] -= 1
        taken[name] += 1
    return _shared(taken)


def _surplus(weights: Mapping[str, StrategyItem], name: str, has: Mapping[str, int]) -> tuple[int, float]:
    item = weights.get(name)
    if item is None:
        return (2, 0.0)
    above = has[name] - item.base
    if above <= 0:
        return (0, float(has[name]))
    return (2, 1.0) if item.weight == 0 else (1, _behind(item, has[name], 0))


def _behind(item: StrategyItem, has: int, more: int) -> float:
    """How many tasks above its base it has for each unit of its weight, with `more` of them."""
    return (max(0, has - item.base) + more) / item.weight


def _give(given: dict[str, int], has: dict[str, int], name: str, count: int) -> None:
    given[name] += count
    has[name] += count


def _shared(counts: Mapping[str, int]) -> Shared:
    return tuple((name, count) for name, count in counts.items() if count)


def _check(items: Sequence[StrategyItem]) -> None:
    names = [item.provider for item in items]
    if len(items) > STRATEGY_LIMIT:
        raise InvalidParameterException(
            f"A capacity provider strategy can contain a maximum of {STRATEGY_LIMIT} capacity providers."
        )
    if len(dict.fromkeys(names)) < len(names):
        raise InvalidParameterException("A capacity provider strategy cannot contain duplicate capacity providers.")
    if any(name in FARGATE_PROVIDERS for name in names) and any(name not in FARGATE_PROVIDERS for name in names):
        raise InvalidParameterException(
            "A capacity provider strategy cannot contain a mix of capacity providers using Auto Scaling groups and "
            "Fargate providers. Specify one or the other and try again."
        )
    if any(not 0 <= item.weight <= LARGEST_WEIGHT for item in items):
        raise InvalidParameterException(f"The weight of a capacity provider must be between 0 and {LARGEST_WEIGHT}.")
    if any(not 0 <= item.base <= LARGEST_BASE for item in items):
        raise InvalidParameterException(f"The base of a capacity provider must be between 0 and {LARGEST_BASE}.")
    if sum(item.base > 0 for item in items) > 1:
        raise InvalidParameterException(
            "There are multiple capacity providers in the specified capacity provider strategy with a base value "
            "defined."
        )
    if items and all(item.weight == 0 for item in items):
        raise InvalidParameterException(
            "There are no capacity providers in the capacity provider strategy with a weight value greater than zero."
        )
