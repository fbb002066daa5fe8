"""What may be said of where tasks go: strategies, which are wishes, and constraints, which bind. From words, checked.

Sources: API_PlacementStrategy, API_PlacementConstraint; Developer Guide, "Use strategies to define Amazon ECS task
placement". The refusals are ECS's, as far as somebody has published them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from chaos_ecs.core.cluster_query import Query, parse
from chaos_ecs.core.container_instances import AVAILABILITY_ZONE
from chaos_ecs.core.errors import InvalidParameterException

CONSTRAINTS_LIMIT, STRATEGIES_LIMIT = 10, 5
"""API_CreateService, API_RunTask: with those of the task definition."""

INSTANCE_ID = "instanceId"
ATTRIBUTE = "attribute:"
LONGEST_ATTRIBUTE_NAME = 128


class StrategyType(StrEnum):
    SPREAD = "spread"
    BINPACK = "binpack"
    RANDOM = "random"


class ConstraintType(StrEnum):
    DISTINCT_INSTANCE = "distinctInstance"
    MEMBER_OF = "memberOf"


@dataclass(frozen=True, slots=True)
class Strategy:
    """`field` is `instanceId` or `attribute:NAME` of spread, `cpu` or `memory` of binpack, empty of random."""

    type: StrategyType
    field: str = ""


@dataclass(frozen=True, slots=True)
class Constraint:
    type: ConstraintType
    query: Query | None = None  # of memberOf


Words = tuple[tuple[str, str], ...]
"""(type, field or expression), as they were said and checked."""


@dataclass(frozen=True, slots=True)
class PlacementWishes:
    """What a service or a RunTask says of where its tasks go; kept as it was said."""

    strategies: Words = ()
    constraints: Words = ()  # without the task definition's
    providers: tuple[tuple[str, int, int], ...] = ()  # (capacity provider, weight, base)
    is_daemon: bool = False
    rebalances: bool = False  # between availability zones


SPREAD_ZONES = Strategy(StrategyType.SPREAD, ATTRIBUTE + AVAILABILITY_ZONE)
SPREAD_INSTANCES = Strategy(StrategyType.SPREAD, INSTANCE_ID)
RANDOM = Strategy(StrategyType.RANDOM)

DEFAULT_OF_SERVICES = (SPREAD_ZONES, SPREAD_INSTANCES)
"""API_UpdateService: the zone with the fewest tasks of the service, there the container instance with the fewest."""

DEFAULT_OF_STANDALONE = (SPREAD_INSTANCES, RANDOM)
"""RunTask spreads at random, and tries that no container instance gets more than its share."""


def strategies_of(said: Sequence[tuple[str, str]]) -> tuple[Strategy, ...]:
    """(type, field) as on the wire, in their order. Raises InvalidParameterException."""
    if len(said) > STRATEGIES_LIMIT:
        raise InvalidParameterException(f"Maximum number of strategies is {STRATEGIES_LIMIT}.")
    return tuple(_strategy(kind, field) for kind, field in said)


def _strategy(kind: str, field: str) -> Strategy:
    match kind:
        case StrategyType.SPREAD:
            known = INSTANCE_ID if field in (INSTANCE_ID, "host") else field
            name = known.removeprefix(ATTRIBUTE)
            if known != INSTANCE_ID and (name == known or not 0 < len(name) <= LONGEST_ATTRIBUTE_NAME):
                raise InvalidParameterException(f"spread field '{field}' is invalid.")
            return Strategy(StrategyType.SPREAD, known)
        case StrategyType.BINPACK:
            if field.lower() not in ("cpu", "memory"):
                raise InvalidParameterException(f"binpack field '{field}' is invalid.")
            return Strategy(StrategyType.BINPACK, field.lower())
        case StrategyType.RANDOM:
            return RANDOM
    raise InvalidParameterException(f"Placement strategy type '{kind}' is invalid.")


def constraints_of(said: Sequence[tuple[str, str]]) -> tuple[Constraint, ...]:
    """(type, expression) as on the wire, those of the task definition among them. Raises InvalidParameterException."""
    if len(said) > CONSTRAINTS_LIMIT:
        raise InvalidParameterException(f"Maximum number of constraints is {CONSTRAINTS_LIMIT}.")
    return tuple(_constraint(kind, expression) for kind, expression in said)


def _constraint(kind: str, expression: str) -> Constraint:
    match kind:
        case ConstraintType.DISTINCT_INSTANCE:
            if expression:
                raise InvalidParameterException("distinctInstance expression should not be specified.")
            return Constraint(ConstraintType.DISTINCT_INSTANCE)
        case ConstraintType.MEMBER_OF:
            return Constraint(ConstraintType.MEMBER_OF, parse(expression))
    raise InvalidParameterException(f"Placement constraint type '{kind}' is invalid.")
