"""Where tasks go, by tables: a row is what is there, what is asked, and where the tasks went or why they did not.

How rows are written stands in `placing_room.py`: a container instance has 1,024 units and MiB, a task takes 256 of
each, and the letter of a name is its zone.
"""

from __future__ import annotations

from typing import NamedTuple, get_args

import msgspec
import pytest

from chaos_ecs.core.container_instances import AVAILABILITY_ZONE, OS_TYPE, RESERVED_PORTS, Needs
from chaos_ecs.core.errors import InvalidParameterException
from chaos_ecs.core.model import (
    ContainerDefinition,
    ContainerOverride,
    Entity,
    PortMapping,
    TaskDefinition,
    TaskOverride,
)
from chaos_ecs.core.placement import daemon_moves, place
from chaos_ecs.core.placement_rules import constraints_of, strategies_of
from chaos_ecs.core.placement_words import unable_to_place
from chaos_ecs.core.rooms import PlacementRequest, needs_of
from tests.builders import CLUSTER, definition_arn
from tests.unit.placing_room import arn_of, ask, instances, names_of, tasks, told

MEMBER_OF = "MemberOf placement constraint unsatisfied."
DISTINCT = "DistinctInstance placement constraint unsatisfied."
PROD = "attribute:stack == prod"
ZONE = "attribute:ecs.availability-zone"
RACKS = "spread attribute:rack"
BOTH = f"spread az, {RACKS}"
APART = "a1 DISTINCT_INSTANCE, b1 DISTINCT_INSTANCE"
ONE_EACH = "distinctInstance"
MIXED = "a1 DISTINCT_INSTANCE, b1 MEMBER_OF"
NO_MEMBER = "a1 MEMBER_OF, b1 MEMBER_OF"


class Row(NamedTuple):
    why: str
    there: str
    on_them: str
    asked: PlacementRequest
    chosen: str
    refusals: str = ""  # the closest first


PLACED = [
    # --- what ECS does when nobody says how ---
    Row("one task goes to the first of equals", "a1 a2 b1", "", ask(), "a1"),
    Row("a service's tasks go to each zone in turn", "a1 a2 b1 c1", "", ask(3), "a1 b1 c1"),
    Row("and within a zone to the emptiest", "a1 a2 b1", "", ask(4), "a1 b1 a2 b1"),
    Row("the zone with the fewest of the service", "a1 b1", "a1=web", ask(), "b1"),
    Row("other services do not count", "a1 b1", "a1=db,db,db", ask(), "a1"),
    Row("three zones, one of them crowded", "a1 b1 c1", "a1=web,web b1=web", ask(4), "c1 b1 c1 a1"),
    Row("a task about to stop is counted no more", "a1 b1", "a1=web~ b1=web", ask(), "a1"),
    Row("but it still takes its room", "a1(cpu=256) b1(cpu=256)", "a1=web~ b1=web", ask(), "", "a1 CPU, b1 CPU"),
    Row("where one zone is full the others take all", "a1(cpu=256) b1", "", ask(4), "a1 b1 b1 b1"),
    Row("standalone tasks: none twice before all have one", "a1 a2 b1", "", ask(4, standalone=True), "b1 a2 a1 b1"),
    Row("standalone tasks: spread within their group", "a1 a2 b1", "a1=web a2=web", ask(standalone=True), "b1"),
    # --- resources ---
    Row("as many as fit by cpu", "a1", "", ask(5), "a1 a1 a1 a1", "a1 CPU"),
    Row("as many as fit by memory", "a1(mem=512)", "", ask(3), "a1 a1", "a1 MEMORY"),
    Row("exactly what is left", "a1", "a1=db/768", ask(), "a1"),
    Row("one unit too much", "a1", "a1=db/768", ask(cpu=257), "", "a1 CPU"),
    Row("one MiB too much", "a1", "a1=db/768", ask(mem=257), "", "a1 MEMORY"),
    Row("a task that takes nothing always fits", "a1(cpu=0 mem=0)", "", ask(2, cpu=0, mem=0), "a1 a1"),
    Row("larger than any", "a1 b1", "", ask(cpu=2048), "", "a1 CPU, b1 CPU"),
    Row("the fuller is passed by", "a1 b1", "a1=db/1000", ask(2), "b1 b1"),
    Row("cpu is looked at before memory", "a1", "a1=db/1000", ask(), "", "a1 CPU"),
    Row("the closest lacks the least", "a1 b1", "a1=db/1000 b1=db/900", ask(), "", "b1 CPU, a1 CPU"),
    Row("memory lacking is closer than cpu", "a1(cpu=0) b1(mem=0)", "", ask(), "", "b1 MEMORY, a1 CPU"),
    # --- ports ---
    Row("a port but once", "a1 b1", "", ask(3, ports="80"), "a1 b1", "a1 PORTS, b1 PORTS"),
    Row("another has it", "a1 b1", "a1=db!80", ask(ports="80"), "b1"),
    Row("another has another", "a1", "a1=db!81", ask(ports="80"), "a1"),
    Row("until it is STOPPED", "a1", "a1=web!80~", ask(ports="80"), "", "a1 PORTS"),
    Row("one of two is taken", "a1", "a1=db!81", ask(ports="80 81"), "", "a1 PORTS"),
    Row("the agent's own", "a1", "", ask(ports="51678"), "", "a1 PORTS"),
    # --- who is asked at all ---
    Row("no container instance", "", "", ask(2), ""),
    Row("DRAINING takes none", "a1(DRAINING) b1", "", ask(3), "b1 b1 b1"),
    Row("what DRAINING has is to go, and is not counted", "a1(DRAINING) a2 b1", "a1=web,web b1=web", ask(), "a2"),
    Row("nobody but DRAINING: as if there were none", "a1(DRAINING)", "", ask(), ""),
    Row("nor DEREGISTERING, REGISTERING, INACTIVE", "a1(DEREGISTERING) b1(REGISTERING) c1(INACTIVE)", "", ask(), ""),
    Row("nor one whose agent is gone", "a1(offline) b1", "", ask(2), "b1 b1"),
    Row("that is a reason of its own", "a1(offline)", "", ask(), "", "a1 AGENT"),
    Row("and the farthest", "a1(offline) b1(cpu=0)", "", ask(), "", "b1 CPU, a1 AGENT"),
    Row("what a lost agent had still counts", "a1(offline) a2 b1", "a1=web", ask(), "b1"),
    # --- attributes the task asks for ---
    Row("an architecture", "a1(arch=arm64) b1", "", ask(attributes=(("ecs.cpu-architecture", "x86_64"),)), "b1"),
    Row("an ability", "a1 b1(gpu=)", "", ask(attributes=(("gpu", None),)), "b1"),
    Row("nobody has it", "a1", "", ask(attributes=(("gpu", None),)), "", "a1 ATTRIBUTE"),
    # --- spread ---
    Row("over container instances", "a1 a2 b1", "", ask(4, by="spread instanceId"), "a1 a2 b1 a1"),
    Row("host is the same", "a1 a2 b1", "a1=web", ask(2, by="spread host"), "a2 b1"),
    Row("over zones alone: the emptiest within", "a1 a2 b1", "a1=web b1=web", ask(by="spread az"), "a2"),
    Row("over an attribute", "a1(rack=1) a2(rack=1) b1(rack=2)", "", ask(3, by=RACKS), "a1 b1 a2"),
    Row("those without it share one place", "a1 a2 b1(rack=2)", "", ask(3, by=RACKS), "a1 b1 a2"),
    Row("racks within zones", "a1(rack=1) a2(rack=2) b1(rack=1)", "a1=web", ask(3, by=BOTH), "b1 a2 b1"),
    Row("a rack of another zone is another", "a1(rack=1) b1(rack=1) b2(rack=2)", "a1=web", ask(by=BOTH), "b1"),
    # --- binpack ---
    Row("the one with the least memory left", "a1 b1", "b1=db", ask(3, by="binpack memory"), "b1 b1 b1"),
    Row("then the next", "a1 b1", "b1=db", ask(5, by="binpack memory"), "b1 b1 b1 a1 a1"),
    Row("the smallest that has room", "a1 a2(mem=512) a3(mem=128)", "", ask(by="binpack memory"), "a2"),
    Row("by cpu it is another", "a1(cpu=512) b1(mem=512)", "", ask(by="binpack cpu"), "a1"),
    Row("by memory the other", "a1(cpu=512) b1(mem=512)", "", ask(by="binpack memory"), "b1"),
    Row("what others take counts", "a1 b1", "b1=db/512", ask(by="binpack cpu"), "b1"),
    Row("zones first, then packed", "a1 a2 b1 b2", "", ask(6, by="spread az, binpack memory"), "a1 b1 a1 b1 a1 b1"),
    Row("packed first: zones only between equals", "a1 b1", "", ask(2, by="binpack memory, spread az"), "a1 a1"),
    Row("cpu, and between equals memory", "a1 b1(mem=512)", "", ask(by="binpack cpu, binpack memory"), "b1"),
    # --- random ---
    Row("anywhere, by the seed", "a1 a2 b1 c1", "", ask(4, by="random", seed=1), "c1 c1 c1 a2"),
    Row("another seed, another place", "a1 a2 b1 c1", "", ask(4, by="random", seed=2), "a1 a1 a2 a2"),
    Row("zones first, then anywhere", "a1 a2 a3 b1", "", ask(4, by="spread az, random", seed=4), "a2 b1 b1 a1"),
    Row("chance goes only where there is room", "a1(cpu=0) b1", "", ask(2, by="random"), "b1 b1"),
    # --- distinctInstance ---
    Row("each on another", "a1 a2 b1", "", ask(3, only=ONE_EACH), "a1 b1 a2"),
    Row("no more than there are", "a1 b1", "", ask(3, only=ONE_EACH), "a1 b1", APART),
    Row("of the same group only", "a1", "a1=db", ask(only=ONE_EACH), "a1"),
    Row("those that are there count", "a1 b1", "a1=web", ask(2, only=ONE_EACH), "b1", APART),
    Row("one about to stop does not", "a1", "a1=web~", ask(only=ONE_EACH), "a1"),
    Row("packing gives way", "a1 b1", "a1=web", ask(by="binpack memory", only=ONE_EACH), "b1"),
    # --- memberOf ---
    Row("a zone", "a1 b1 c1", "", ask(2, only=f"{ZONE} == us-east-1b"), "b1 b1"),
    Row("a family of types", "a1(type=t2.micro) b1", "", ask(only="attribute:ecs.instance-type =~ t2.*"), "a1"),
    Row("an attribute of one's own", "a1 b1(stack=prod)", "", ask(only=PROD), "b1"),
    Row("nobody is a member", "a1", "", ask(only="attribute:stack exists"), "", "a1 MEMBER_OF"),
    Row("all constraints bind", "a1(stack=prod) b1", "", ask(2, only=f"{PROD}; {ONE_EACH}"), "a1", MIXED),
    Row("two that exclude each other", "a1 b1(stack=prod)", "", ask(only=f"{PROD}; not({PROD})"), "", NO_MEMBER),
    Row("beside another service", "a1 b1", "b1=db", ask(2, only="task:group == db"), "b1 b1"),
    Row("away from another service", "a1 b1", "a1=db", ask(2, only="not(task:group == db)"), "b1 b1"),
    Row("few tasks only, these too", "a1 b1", "a1=db", ask(4, only="runningTasksCount < 2"), "a1 b1 b1", NO_MEMBER),
    Row("no member is nearer than no room", "a1(cpu=0) b1", "", ask(only=PROD), "", "b1 MEMBER_OF, a1 CPU"),
    Row("while members have room", "a1(stack=prod cpu=512) b1", "", ask(3, only=PROD), "a1 a1", "b1 MEMBER_OF, a1 CPU"),
    # --- capacity providers ---
    Row("only those of the provider", "a1 b1(cp=fleet) c1(cp=spot)", "", ask(2, cp="fleet"), "b1 b1"),
    Row("spread within the provider", "a1(cp=fleet) b1(cp=fleet) c1", "", ask(3, cp="fleet"), "a1 b1 a1"),
    Row("full, whatever others have", "a1 b1(cp=fleet cpu=256)", "", ask(2, cp="fleet"), "b1", "b1 CPU"),
    Row("a provider without any", "a1", "", ask(cp="fleet"), ""),
    Row("launch type EC2 may use all", "a1 b1(cp=fleet)", "", ask(2), "a1 b1"),
]  # fmt: skip


@pytest.mark.parametrize("row", PLACED, ids=[row.why for row in PLACED])
def test_tasks_go_where_ecs_would_place_them(row: Row) -> None:
    placement = place(row.asked, instances(row.there), tasks(row.on_them))
    assert (row.chosen, row.refusals) == (names_of(placement.chosen), told(placement.refusals))
    assert len(placement.chosen) + placement.missing == row.asked.count


def test_the_table_is_as_large_as_it_says() -> None:
    assert len(PLACED) >= 60
    assert len({row.why for row in PLACED}) == len(PLACED)


def test_the_order_in_which_things_are_told_changes_nothing() -> None:
    for row in PLACED:
        there, on_them = instances(row.there), tasks(row.on_them)
        assert place(row.asked, there, on_them) == place(row.asked, there[::-1], on_them[::-1]), row.why


# --- DAEMON ---


class Daemon(NamedTuple):
    why: str
    there: str
    on_them: str
    only: str
    starts: str
    stops: str = ""
    refusals: str = ""


DAEMONS = [
    Daemon("one on each", "a1 a2 b1", "", "", "a1 a2 b1"),
    Daemon("where there is none yet", "a1 a2 b1", "a2=web", "", "a1 b1"),
    Daemon("others are none", "a1", "a1=db", "", "a1"),
    Daemon("not on DRAINING, and what is there goes", "a1(DRAINING) b1", "a1=web", "", "b1", "web-1"),
    Daemon("one that cannot be reached is left alone", "a1(offline) b1", "a1=web", "", "b1"),
    Daemon("nothing can be started there", "a1(offline)", "", "", "", "", "a1 AGENT"),
    Daemon("members only", "a1(stack=prod) b1", "", PROD, "a1"),
    Daemon("no member any more: it goes", "a1(stack=prod) b1", "b1=web", PROD, "a1", "web-1"),
    Daemon("the oldest of two stays", "a1", "a1=web,web", "", "", "web-2"),
    Daemon("without room none is started", "a1(cpu=0) b1", "", "", "b1", "", "a1 CPU"),
    Daemon("one about to stop is none", "a1", "a1=web~", "", "a1"),
    Daemon("a task for each needs no distinctInstance", "a1 b1", "a1=web", "distinctInstance", "b1"),
]


@pytest.mark.parametrize("row", DAEMONS, ids=[row.why for row in DAEMONS])
def test_a_daemon_service_has_one_task_on_each(row: Daemon) -> None:
    moves = daemon_moves(ask(only=row.only), instances(row.there), tasks(row.on_them))
    assert (row.starts, row.stops, row.refusals) == (
        names_of(moves.starts),
        names_of(moves.stops),
        told(moves.refusals),
    )


# --- words ---


@pytest.mark.parametrize(
    ("there", "asked", "expected"),
    [
        ("a1", ask(cpu=2048), "has insufficient CPU units available."),
        ("a1", ask(mem=2048), "has insufficient memory available."),
        ("a1", ask(ports="22"), "is already using a port required by your task."),
        ("a1(offline)", ask(), 'encountered error "AGENT".'),
        ("a1", ask(attributes=(("gpu", None),)), "is missing an attribute required by your task."),
        ("a1", ask(only=PROD), f'encountered error "{MEMBER_OF}".'),
        ("a1", ask(2, only=ONE_EACH), f'encountered error "{DISTINCT}".'),
    ],
)
def test_a_service_is_told_in_ecs_words_what_the_closest_lacks(
    there: str, asked: PlacementRequest, expected: str
) -> None:
    placement = place(asked, instances(there), [])
    assert unable_to_place("web", placement.refusals) == (
        "(service web) was unable to place a task because no container instance met all of its requirements. "
        f"The closest matching (container-instance a1) {expected} "
        "For more information, see the Troubleshooting section of the Amazon ECS Developer Guide."
    )


@pytest.mark.parametrize(("provider", "expected"), [("", "cluster"), ("fleet", "capacity provider")])
def test_a_service_is_told_that_there_is_nothing_to_place_on(provider: str, expected: str) -> None:
    placement = place(ask(cp=provider), instances("a1(DRAINING)"), [])
    assert unable_to_place("web", placement.refusals, provider) == (
        "(service web) was unable to place a task because no container instance met all of its requirements. "
        f"Reason: No Container Instances were found in your {expected}. "
        "For more information, see the Troubleshooting section of the Amazon ECS Developer Guide."
    )


def test_each_container_instance_that_was_asked_has_its_reason() -> None:
    there = instances("a1(cpu=300) a2(offline) b1(mem=1) b2 b3 c1(gpu= stack=prod) c2(gpu=)")
    asked = ask(2, standalone=True, ports="80", attributes=(("gpu", None),), only=f"distinctInstance; {PROD}")
    placement = place(asked, there, tasks("b2=db!80"))
    assert sorted((refused.instance_arn, str(refused.reason)) for refused in placement.refusals) == [
        (arn_of("a1"), "ATTRIBUTE"),
        (arn_of("a2"), "AGENT"),
        (arn_of("b1"), "RESOURCE:MEMORY"),
        (arn_of("b2"), "RESOURCE:PORTS"),
        (arn_of("b3"), "ATTRIBUTE"),
        (arn_of("c1"), "RESOURCE:PORTS"),
        (arn_of("c2"), MEMBER_OF),
    ]
    assert (names_of(placement.chosen), placement.missing) == ("c1", 1)


# --- rules, as they are said ---


@pytest.mark.parametrize(
    ("said", "refusal"),
    [
        ([("spread", "zone")], "spread field 'zone' is invalid."),
        ([("spread", "")], "spread field '' is invalid."),
        ([("spread", "attribute:")], "spread field 'attribute:' is invalid."),
        ([("binpack", "disk")], "binpack field 'disk' is invalid."),
        ([("nearest", "")], "Placement strategy type 'nearest' is invalid."),
        ([("random", "")] * 6, "Maximum number of strategies is 5."),
    ],
)
def test_a_strategy_that_is_none_is_refused(said: list[tuple[str, str]], refusal: str) -> None:
    with pytest.raises(InvalidParameterException) as refused:
        strategies_of(said)
    assert refused.value.message == refusal


@pytest.mark.parametrize(
    ("said", "refusal"),
    [
        ([("distinctInstance", "a == b")], "distinctInstance expression should not be specified."),
        ([("distinctInstance", "")] * 11, "Maximum number of constraints is 10."),
        ([("nearTo", "")], "Placement constraint type 'nearTo' is invalid."),
        ([("memberOf", "")], "Invalid constraint expression '': a subject is expected, at character 1."),
    ],
)
def test_a_constraint_that_is_none_is_refused(said: list[tuple[str, str]], refusal: str) -> None:
    with pytest.raises(InvalidParameterException) as refused:
        constraints_of(said)
    assert refused.value.message == refusal


def test_the_field_of_binpack_may_be_written_large() -> None:
    assert strategies_of([("binpack", "CPU")]) == strategies_of([("binpack", "cpu")])


# --- what a task takes ---


def a_definition(*containers: ContainerDefinition, **members: object) -> TaskDefinition:
    return TaskDefinition(definition_arn("app"), "app", 1, containers, 0.0, **members)  # type: ignore[arg-type]


APP = ContainerDefinition("app", "app:1", cpu=100, memory=128, port_mappings=(PortMapping(80, 8080), PortMapping(81)))
LOG = ContainerDefinition("log", "log:1", cpu=10, memory=512, memory_reservation=256)


@pytest.mark.parametrize(
    ("definition", "expected"),
    [
        (a_definition(APP, LOG), Needs(110, 384, ((8080, "tcp"),))),
        (a_definition(APP, LOG, cpu=512, memory=1024), Needs(512, 1024, ((8080, "tcp"),))),
        (a_definition(APP, network_mode="host"), Needs(100, 128, ((80, "tcp"), (81, "tcp")))),
        (a_definition(APP, network_mode="awsvpc"), Needs(100, 128)),
    ],
)
def test_a_task_takes_what_its_definition_says(definition: TaskDefinition, expected: Needs) -> None:
    assert needs_of(definition) == expected


def test_overrides_change_what_a_task_takes() -> None:
    assert needs_of(a_definition(APP, LOG), [ContainerOverride("app", cpu=200)]).cpu == 210
    assert needs_of(a_definition(APP, LOG), task_override=TaskOverride(cpu=64, memory=99)) == Needs(
        64, 99, ((8080, "tcp"),)
    )


# --- the container instance itself ---


def test_a_container_instance_tells_its_id_zone_and_attributes() -> None:
    (found,) = instances("a1(stack=prod)")
    assert found.arn == f"{CLUSTER.replace(':cluster/', ':container-instance/')}/a1"
    assert (found.id, found.key, found.availability_zone) == ("a1", found.arn, "us-east-1a")
    assert [found.attribute(name) for name in (AVAILABILITY_ZONE, OS_TYPE, "stack", "none")] == [
        "us-east-1a",
        "linux",
        "prod",
        None,
    ]
    assert [port for port, _ in found.reserved_ports] == list(RESERVED_PORTS)


def test_a_container_instance_can_be_kept_as_it_is() -> None:
    (found,) = instances("a1(stack=prod DRAINING offline cp=fleet)")
    assert type(found) in get_args(Entity)
    assert msgspec.json.decode(msgspec.json.encode(found), type=type(found)) == found
