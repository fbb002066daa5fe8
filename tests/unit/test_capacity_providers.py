"""Base and weight: how many tasks go to which provider, and from which they go again."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos_ecs.core.capacity_providers import StrategyItem, items_of, share_out, take_back
from chaos_ecs.core.errors import InvalidParameterException

SEVERAL_BASES = (
    "There are multiple capacity providers in the specified capacity provider strategy with a base value defined."
)
MIXED = (
    "A capacity provider strategy cannot contain a mix of capacity providers using Auto Scaling groups and Fargate "
    "providers. Specify one or the other and try again."
)


def strategy(text: str) -> tuple[StrategyItem, ...]:
    """`FARGATE:1+2 FARGATE_SPOT:3`: weights 1 and 3, a base of 2."""
    found = re.findall(r"(\w+):(\d*)\+?(\d*)", text)
    return items_of([(name, int(weight) if weight else None, int(base or 0)) for name, weight, base in found])


def running(text: str) -> dict[str, int]:
    return {name: int(count) for name, count in (part.split("=") for part in text.split())}


def told(shared: tuple[tuple[str, int], ...]) -> str:
    return " ".join(f"{name}={count}" for name, count in shared)


GIVEN = [
    ("FARGATE:1", 3, "", "FARGATE=3"),
    ("FARGATE:", 3, "", "FARGATE=3"),  # the only one needs no weight
    ("a:1 b:1", 4, "", "a=2 b=2"),
    ("a:1 b:1", 3, "", "a=2 b=1"),  # the first, where both are due
    ("a:1 b:4", 5, "", "a=1 b=4"),  # the reference's own example
    ("a:1 b:4", 1, "", "b=1"),
    ("a:1 b:4", 10, "", "a=2 b=8"),
    ("a:1 b:1", 2, "a=4", "b=2"),  # what runs already counts
    ("a:1 b:1", 10, "a=2", "a=4 b=6"),
    ("a:1 b:1 c:2", 8, "", "a=2 b=2 c=4"),
    ("a:1+2 b:3", 10, "", "a=4 b=6"),  # base first, then the weights share out what is above it
    ("a:1+2 b:3", 2, "", "a=2"),
    ("a:1+2 b:3", 1, "", "a=1"),
    ("a:1+2 b:3", 3, "a=2", "a=1 b=2"),
    ("a:1+2 b:3", 4, "a=2", "a=1 b=3"),
    ("a:1+2 b:3", 5, "a=1", "a=2 b=3"),
    ("a:1 b:0+2", 5, "", "a=3 b=2"),  # weight 0: its base, and no more
    ("a:1 b:0", 3, "", "a=3"),
    ("FARGATE:1+1 FARGATE_SPOT:1", 5, "", "FARGATE=3 FARGATE_SPOT=2"),
    ("FARGATE:1 FARGATE_SPOT:3", 4, "other=7", "FARGATE=1 FARGATE_SPOT=3"),
    ("a:1+100000 b:1", 50000, "", "a=50000"),
    ("a:1 b:1", 0, "", ""),
]

TAKEN = [
    ("a:1 b:1", 1, "a=2 b=2", "b=1"),
    ("a:1 b:1", 2, "a=3 b=1", "a=2"),
    ("a:1 b:4", 5, "a=2 b=8", "a=1 b=4"),
    ("a:1+2 b:3", 4, "a=3 b=3", "a=1 b=3"),  # the base goes last
    ("a:1+2 b:3", 5, "a=3 b=3", "a=2 b=3"),
    ("a:1 b:1", 2, "a=1 b=1 old=1", "b=1 old=1"),  # first what the strategy does not know
    ("a:1 b:0+1", 2, "a=2 b=2", "a=1 b=1"),  # weight 0 above its base
    ("a:1 b:1", 9, "a=1 b=1", "a=1 b=1"),
]


@pytest.mark.parametrize(("said", "count", "there", "expected"), GIVEN)
def test_tasks_are_shared_out_by_base_and_weight(said: str, count: int, there: str, expected: str) -> None:
    assert expected == told(share_out(strategy(said), count, running(there)))


@pytest.mark.parametrize(("said", "count", "there", "expected"), TAKEN)
def test_tasks_go_from_who_is_above_its_share(said: str, count: int, there: str, expected: str) -> None:
    assert expected == told(take_back(strategy(said), count, running(there)))


@pytest.mark.parametrize(
    ("said", "refusal"),
    [
        (
            [("a", 1, 1), ("b", 1, 1)],
            SEVERAL_BASES,
        ),
        (
            [("a", 0, 1), ("b", None, None)],
            "There are no capacity providers in the capacity provider strategy with a weight value greater than zero.",
        ),
        ([("a", 1, 0), ("a", 1, 0)], "A capacity provider strategy cannot contain duplicate capacity providers."),
        (
            [(f"p{number}", 1, 0) for number in range(21)],
            "A capacity provider strategy can contain a maximum of 20 capacity providers.",
        ),
        (
            [("FARGATE", 1, 0), ("fleet", 1, 0)],
            MIXED,
        ),
        ([("a", 1001, 0)], "The weight of a capacity provider must be between 0 and 1000."),
        ([("a", 1, 100_001)], "The base of a capacity provider must be between 0 and 100000."),
    ],
)
def test_a_strategy_that_shares_out_nothing_sensible_is_refused(
    said: list[tuple[str, int | None, int | None]], refusal: str
) -> None:
    with pytest.raises(InvalidParameterException) as refused:
        items_of(said)
    assert refused.value.message == refusal


_WEIGHTS = st.lists(st.integers(1, 9), min_size=1, max_size=5)


@given(_WEIGHTS, st.integers(0, 20), st.integers(0, 60), st.integers(0, 60))
def test_it_makes_no_difference_whether_tasks_come_at_once_or_in_turn(
    weights: list[int], base: int, first: int, then: int
) -> None:
    items = tuple(StrategyItem(str(number), weight, 0 if number else base) for number, weight in enumerate(weights))
    so_far = dict(share_out(items, first, {}))
    for name, count in share_out(items, then, so_far):
        so_far[name] = so_far.get(name, 0) + count
    assert so_far == dict(share_out(items, first + then, {}))


@given(_WEIGHTS, st.integers(0, 20), st.integers(0, 200))
def test_every_task_is_placed_and_nobody_is_a_whole_share_ahead(weights: list[int], base: int, count: int) -> None:
    items = tuple(StrategyItem(str(number), weight, 0 if number else base) for number, weight in enumerate(weights))
    given_out = dict(share_out(items, count, {}))
    assert sum(given_out.values()) == count
    assert given_out.get("0", 0) >= min(base, count)
    above = [given_out.get(item.provider, 0) - min(item.base, count) for item in items]
    for mine, item in zip(above, items, strict=True):
        for theirs, other in zip(above, items, strict=True):
            assert (mine - 1) * other.weight <= (theirs + 1) * item.weight


@given(_WEIGHTS, st.integers(0, 20), st.integers(0, 60), st.integers(0, 60))
def test_what_is_taken_back_leaves_the_same_shares(weights: list[int], base: int, stays: int, goes: int) -> None:
    items = tuple(StrategyItem(str(number), weight, 0 if number else base) for number, weight in enumerate(weights))
    has = dict(share_out(items, stays + goes, {}))
    taken = dict(take_back(items, goes, has))
    left = {name: count - taken.get(name, 0) for name, count in has.items() if count > taken.get(name, 0)}
    assert left == dict(share_out(items, stays, {}))
