"""Who goes when there are too many, and who moves when zones are out of balance; rows as in `test_placement.py`."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from chaos_ecs.core import arns
from chaos_ecs.core.placement_balance import first_to_go, may_rebalance, zone_move, zones_of
from chaos_ecs.core.placement_rules import strategies_of
from chaos_ecs.core.placement_words import (
    started_to_rebalance,
    stopped_to_rebalance,
    zones_balanced,
    zones_not_balanced,
)
from chaos_ecs.core.rooms import PlacedTask, PlacementRequest
from tests.unit.placing_room import ask, instances, names_of, tasks

ZONES = [("spread", "attribute:ecs.availability-zone")]
HOSTS = [("spread", "instanceId")]


class Going(NamedTuple):
    why: str
    there: str
    on_them: str
    asked: PlacementRequest
    gone: str


GOING = [
    Going("the fullest zone gives", "a1 b1", "a1=web,web b1=web", ask(1), "web-2"),
    Going("there the fullest container instance", "a1 a2 b1", "a1=web,web a2=web b1=web", ask(1), "web-2"),
    Going("of equals the youngest", "a1 b1", "b1=web a1=web", ask(1), "web-2"),
    Going("zones give in turn", "a1 b1", "a1=web,web b1=web,web", ask(2), "web-4 web-2"),
    Going("others are not touched", "a1 b1", "a1=db,db,db,web b1=web", ask(2), "web-5 web-4"),
    Going("others do not make a zone fuller", "a1 b1", "a1=db,db,web b1=web,web", ask(1), "web-5"),
    Going("no more than there are", "a1", "a1=web", ask(9), "web-1"),
    Going("those that are to stop already are no choice", "a1 b1", "b1=web a1=web,web~", ask(1), "web-2"),
    Going("none", "a1", "a1=web", ask(0), ""),
    Going("DRAINING gives first", "a1(DRAINING) b1", "a1=web b1=web,web,web", ask(2), "web-1 web-4"),
    Going("and what is gone", "b1", "a1=web b1=web,web", ask(1), "web-1"),
    Going("over hosts alone", "a1 a2 b1", "a1=web,web a2=web b1=web,web", ask(2, by="spread host"), "web-5 web-2"),
    Going("packed: who then has the most left", "a1 b1", "a1=web,db/512 b1=web", ask(1, by="binpack memory"), "web-3"),
    Going("packed by cpu", "a1(cpu=4096) b1", "a1=web b1=web", ask(1, by="binpack cpu"), "web-1"),
    Going("packed: one is emptied", "a1 b1", "a1=web,web,web b1=web,web", ask(2, by="binpack cpu"), "web-5 web-4"),
    Going("zones, then packed", "a1 a2 b1", "a1=web,web a2=web b1=web", ask(1, by="spread az, binpack cpu"), "web-3"),
    Going("anyone, by the seed", "a1 a2 b1", "a1=web a2=web b1=web", ask(2, by="random", seed=3), "web-1 web-2"),
]  # fmt: skip


@pytest.mark.parametrize("row", GOING, ids=[row.why for row in GOING])
def test_those_go_that_leave_the_others_spread_best(row: Going) -> None:
    gone = first_to_go(row.asked, instances(row.there), tasks(row.on_them))
    assert row.gone == names_of(gone)


def test_a_rank_comes_before_the_spread() -> None:
    """Here protected tasks have a rank of their own: the crowded zone gives only what may go."""
    there, on_them = instances("a1 b1"), tasks("a1=web,web,web b1=web")
    protected = [task.arn for task in on_them[:3]]

    def rank(task: PlacedTask) -> bool:
        return task.arn in protected

    assert names_of(first_to_go(ask(2), there, on_them, rank=rank)) == "web-4 web-3"


def test_only_those_go_that_may() -> None:
    there, on_them = instances("a1 b1"), tasks("a1=web,web,web b1=web")
    assert names_of(first_to_go(ask(2), there, on_them, may_go=on_them[2:])) == "web-3 web-4"


class Move(NamedTuple):
    why: str
    there: str
    on_them: str
    asked: PlacementRequest
    moved: str  # task -> container instance


MOVES = [
    Move("three, one and one", "a1 b1 c1", "a1=web,web,web b1=web c1=web", ask(), "web-3 -> b1"),
    Move("two and one are balanced", "a1 b1", "a1=web,web b1=web", ask(), ""),
    Move("two and none are not", "a1 b1", "a1=web,web", ask(), "web-2 -> b1"),
    Move("the emptiest first", "a1 b1 c1", "a1=web,web,web b1=web", ask(), "web-3 -> c1"),
    Move("one zone is always balanced", "a1 a2", "a1=web,web,web", ask(), ""),
    Move("no container instance, nothing to move", "", "", ask(), ""),
    Move("the crowded of the zone gives", "a1 a2 b1", "a1=web a2=web,web", ask(), "web-3 -> b1"),
    Move("the empty of the zone takes", "a1 b1 b2", "a1=web,web,web b1=web", ask(), "web-3 -> b2"),
    Move("others do not count", "a1 b1", "a1=db,db,web b1=web", ask(), ""),
    Move("no room there", "a1 b1(cpu=0)", "a1=web,web", ask(), ""),
    Move("no room there, but elsewhere", "a1 b1(cpu=0) c1", "a1=web,web", ask(), "web-2 -> c1"),
    Move("no room but where it is no better", "a1 b1(cpu=0) c1", "a1=web,web c1=web", ask(), ""),
    Move("a zone nobody answers from takes none", "a1 b1(offline)", "a1=web,web", ask(), ""),
    Move("a DRAINING one is no zone", "a1 b1(DRAINING)", "a1=web,web", ask(), ""),
    Move("what DRAINING has makes no zone full", "a1(DRAINING) a2 b1", "a1=web,web a2=web b1=web", ask(), ""),
    Move("constraints bind", "a1 b1", "a1=web,web", ask(only="attribute:ecs.availability-zone == us-east-1a"), ""),
]


@pytest.mark.parametrize("row", MOVES, ids=[row.why for row in MOVES])
def test_a_task_moves_from_the_fullest_zone_to_the_emptiest(row: Move) -> None:
    move = zone_move(row.asked, instances(row.there), tasks(row.on_them))
    told = f"{names_of([move.stop])} -> {names_of([move.start_on])}" if move else ""
    assert row.moved == told
    if move:
        assert move.from_zone != move.to_zone == f"us-east-1{arns.name_of(move.start_on)[0]}"


def test_moving_ends_with_balance() -> None:
    there, on_them = instances("a1 a2 b1 b2 c1"), tasks("a1=web,web,web a2=web,web,web")
    moves = 0
    while move := zone_move(ask(), there, on_them):
        moves += 1
        assert moves < 10
        (fresh,) = tasks(f"{arns.name_of(move.start_on)}=web")
        stays = [task for task in on_them if task.arn != move.stop]
        on_them = [*stays, PlacedTask(f"moved-{moves}", move.start_on, "web", fresh.needs, 100 + moves)]
    assert zones_of(there, on_them, "web") == {"us-east-1a": 2, "us-east-1b": 2, "us-east-1c": 2}
    assert moves == 4


@pytest.mark.parametrize(
    ("strategies", "maximum_percent", "is_daemon", "expected"),
    [
        ([], 200, False, True),
        (ZONES, 101, False, True),
        (ZONES + HOSTS, 200, False, True),
        (HOSTS + ZONES, 200, False, False),
        ([("binpack", "cpu")], 200, False, False),
        ([], 100, False, False),
        ([], 200, True, False),
    ],
)
def test_services_that_are_spread_over_zones_first_may_be_balanced(
    strategies: list[tuple[str, str]], maximum_percent: int, *, is_daemon: bool, expected: bool
) -> None:
    assert may_rebalance(strategies_of(strategies), maximum_percent, is_daemon=is_daemon) == expected


def test_balancing_is_told_in_ecs_words() -> None:
    zones = zones_of(instances("a1 b1 c1"), tasks("b1=web,web,web a1=web"), "web")
    counts = "3 tasks in us-east-1b, 1 tasks in us-east-1a, 0 tasks in us-east-1c"
    assert zones_balanced("web", zones) == f"(service web) is AZ balanced with {counts}."
    assert zones_not_balanced("web", zones) == (
        f"(service web) is not AZ balanced with {counts}. AZ Rebalancing in progress."
    )
    assert started_to_rebalance("web", "us-east-1c", ["t1"]) == (
        "(service web) has started 1 tasks in us-east-1c to AZ Rebalance: (task t1)."
    )
    assert stopped_to_rebalance("web", "us-east-1b", ["t2", "t3"]) == (
        "(service web) has stopped 2 tasks in us-east-1b to AZ Rebalance: (task t2) (task t3)."
    )
