"""What holds of every placement on 50 container instances in 3 zones, whatever is there and whatever is asked."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from itertools import count

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from chaos_ecs.core.container_instances import ContainerInstance, ContainerInstanceStatus, Needs, built_in_attributes
from chaos_ecs.core.placement import Placement, place
from chaos_ecs.core.placement_balance import first_to_go, zone_move, zones_of
from chaos_ecs.core.rooms import PlacedTask, PlacementRequest
from tests.builders import CLUSTER
from tests.unit.placing_room import arn_of, ask

HOSTS, ZONES = 50, "abc"
SIZES = (256, 512, 1024, 2048)


@st.composite
def _hosts(draw: st.DrawFn, *, alike: bool = False, well: bool = False) -> list[ContainerInstance]:
    """50 of them, in 3 zones; of different sizes unless they are alike, and some out of order unless all are well."""
    zones = "".join(draw(st.lists(st.sampled_from(ZONES), min_size=HOSTS, max_size=HOSTS)))
    sizes = [1024] * HOSTS if alike else draw(st.lists(st.sampled_from(SIZES), min_size=HOSTS, max_size=HOSTS))
    poorly: dict[int, str] = (
        {}
        if well
        else draw(
            st.dictionaries(
                st.integers(0, HOSTS - 1), st.sampled_from(["DRAINING", "INACTIVE", "offline"]), max_size=20
            )
        )
    )
    return [_host(at, zones[at], sizes[at], poorly.get(at, "")) for at in range(HOSTS)]


def _host(at: int, zone: str, size: int, trouble: str) -> ContainerInstance:
    return ContainerInstance(
        arn=arn_of(f"{zone}{at}"),
        cluster_arn=CLUSTER,
        name=f"{zone}{at}",
        ec2_instance_id=f"i-{at}",
        cpu=size,
        memory=2 * size,
        number=at,
        registered_at=float(at),
        attributes=built_in_attributes(availability_zone=f"us-east-1{zone}", instance_type=f"t3.{size}"),
        status=ContainerInstanceStatus(trouble if trouble.isupper() else "ACTIVE"),
        agent_connected=trouble != "offline",
    )


_STRATEGIES = st.lists(
    st.sampled_from(["spread az", "spread instanceId", "binpack cpu", "binpack memory", "random"]), max_size=3
).map(", ".join)
_CONSTRAINTS = st.lists(
    st.sampled_from(
        [
            "distinctInstance",
            "attribute:ecs.availability-zone in [us-east-1a, us-east-1b]",
            "attribute:ecs.instance-type =~ t3\\.(256|1024)",
            "runningTasksCount < 3",
            "not(task:group == db)",
        ]
    ),
    max_size=2,
    unique=True,
).map("; ".join)


@st.composite
def _requests(draw: st.DrawFn) -> PlacementRequest:
    return ask(
        draw(st.integers(1, 100)),
        by=draw(_STRATEGIES),
        only=draw(_CONSTRAINTS),
        cpu=draw(st.sampled_from((64, 100, 256, 600))),
        mem=draw(st.sampled_from((64, 128, 900))),
        ports=draw(st.sampled_from(("", "", "8080"))),
        seed=draw(st.integers(0, 9)),
    )


@st.composite
def _tasks(draw: st.DrawFn, hosts: Sequence[ContainerInstance]) -> list[PlacedTask]:
    """Some of the service and some of another one, none of them beyond what there is."""
    placed: list[PlacedTask] = []
    for group in ("web", "db"):
        asked = ask(draw(st.integers(0, 30)), group=group, by="random", seed=draw(st.integers(0, 99)), cpu=64, mem=64)
        placed += _as_tasks(place(asked, hosts, placed), asked, placed)
    return placed


@st.composite
def _rooms(draw: st.DrawFn) -> tuple[list[ContainerInstance], list[PlacedTask]]:
    hosts = draw(_hosts())
    return hosts, draw(_tasks(hosts))


def _as_tasks(placement: Placement, asked: PlacementRequest, there: Sequence[PlacedTask]) -> list[PlacedTask]:
    numbers = count(len(there) + 1)
    return [
        PlacedTask(f"{asked.group}-{number}", arn, asked.group, asked.needs, number)
        for arn, number in zip(placement.chosen, numbers, strict=False)
    ]


def _by_host(tasks: Sequence[PlacedTask], group: str = "web") -> Counter[str]:
    return Counter(task.instance_arn for task in tasks if task.group == group)


@settings(max_examples=40, deadline=None)
@given(_rooms(), _requests())
def test_nobody_is_given_more_than_it_has(
    room: tuple[list[ContainerInstance], list[PlacedTask]], asked: PlacementRequest
) -> None:
    hosts, before = room
    placement = place(asked, hosts, before)
    after = [*before, *_as_tasks(placement, asked, before)]
    for host in hosts:
        mine = [task for task in after if task.instance_arn == host.arn]
        ports = [port for task in mine for port in task.needs.ports]
        assert sum(task.needs.cpu for task in mine) <= host.cpu
        assert sum(task.needs.memory for task in mine) <= host.memory
        assert len(ports) == len(dict.fromkeys(ports))
        if not host.is_active or not host.agent_connected:
            assert host.arn not in placement.chosen


@settings(max_examples=40, deadline=None)
@given(_rooms(), _requests())
def test_tasks_stay_out_only_where_everybody_has_a_reason(
    room: tuple[list[ContainerInstance], list[PlacedTask]], asked: PlacementRequest
) -> None:
    """And then one more is refused as well: nothing is left that would have taken it."""
    hosts, before = room
    placement = place(asked, hosts, before)
    assert len(placement.chosen) + placement.missing == asked.count
    if placement.missing:
        asked_hosts = [host.arn for host in hosts if host.is_active]
        assert sorted(refused.instance_arn for refused in placement.refusals) == sorted(asked_hosts)
        again = place(asked, hosts, [*before, *_as_tasks(placement, asked, before)])
        assert again.chosen == ()
    else:
        assert placement.refusals == ()


@settings(max_examples=40, deadline=None)
@given(_rooms(), _requests(), st.randoms(use_true_random=False))
def test_the_same_question_has_the_same_answer(
    room: tuple[list[ContainerInstance], list[PlacedTask]], asked: PlacementRequest, order: object
) -> None:
    hosts, before = room
    shuffled = list(hosts)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    assert place(asked, hosts, before) == place(asked, shuffled, before[::-1])


@settings(max_examples=40, deadline=None)
@given(_hosts(alike=True, well=True), st.integers(1, 100))
def test_zones_differ_by_one_at_most_while_all_have_room(hosts: list[ContainerInstance], wanted: int) -> None:
    asked = ask(wanted)
    after = _as_tasks(place(asked, hosts, []), asked, [])
    zones = zones_of(hosts, after, "web")
    room = {zone: 4 * sum(host.availability_zone == zone for host in hosts) for zone in zones}
    assume(all(zones[zone] < room[zone] for zone in zones))
    assert max(zones.values()) - min(zones.values()) <= 1
    for zone in zones:
        counts = [_by_host(after)[host.arn] for host in hosts if host.availability_zone == zone]
        assert max(counts) - min(counts) <= 1


@settings(max_examples=40, deadline=None)
@given(_hosts(well=True), st.integers(1, 100))
def test_zones_differ_only_by_what_the_smaller_have_no_room_for(hosts: list[ContainerInstance], wanted: int) -> None:
    asked = ask(wanted)
    after = _as_tasks(place(asked, hosts, []), asked, [])
    zones = zones_of(hosts, after, "web")
    room = {zone: sum(host.cpu // 256 for host in hosts if host.availability_zone == zone) for zone in zones}
    fullest = max(zones.values())
    assert all(fullest - zones[zone] <= 1 or zones[zone] == room[zone] for zone in zones)


@settings(max_examples=40, deadline=None)
@given(_hosts(alike=True, well=True), st.integers(1, 100), st.sampled_from(["cpu", "memory"]))
def test_binpack_uses_no_more_than_it_needs(hosts: list[ContainerInstance], wanted: int, field: str) -> None:
    """Four tasks of 256 units fill one: a hundred fill 25."""
    asked = ask(wanted, by=f"binpack {field}")
    assert len(dict.fromkeys(place(asked, hosts, []).chosen)) == math.ceil(wanted / 4)


@settings(max_examples=40, deadline=None)
@given(_hosts(well=True), st.integers(1, 60))
def test_binpack_begins_another_only_when_those_begun_are_full(hosts: list[ContainerInstance], wanted: int) -> None:
    asked = ask(wanted, by="binpack cpu")
    counts = Counter(place(asked, hosts, []).chosen)
    open_ones = [host for host in hosts if 0 < counts[host.arn] < host.cpu // 256]
    assert len(open_ones) <= 1


@settings(max_examples=40, deadline=None)
@given(_rooms(), _requests())
def test_distinct_instance_holds(
    room: tuple[list[ContainerInstance], list[PlacedTask]], asked: PlacementRequest
) -> None:
    hosts, before = room
    apart = ask(asked.count, only="distinctInstance", cpu=asked.needs.cpu, seed=int(asked.seed))
    chosen = place(apart, hosts, before).chosen
    assert len(chosen) == len(dict.fromkeys(chosen))
    assert not _by_host(before).keys() & dict.fromkeys(chosen).keys()


@settings(max_examples=40, deadline=None)
@given(_hosts(alike=True, well=True), st.lists(st.integers(-40, 40), min_size=1, max_size=5))
def test_starting_and_stopping_keeps_the_balance(hosts: list[ContainerInstance], steps: list[int]) -> None:
    """Within what each zone has room for; and nobody has to be moved then."""
    room = min(4 * sum(host.availability_zone == f"us-east-1{zone}" for host in hosts) for zone in ZONES)
    after: list[PlacedTask] = []
    numbers = count(1)
    for step in steps:
        if step > 0:
            asked = ask(min(step, max(0, 3 * room - len(after))))
            chosen = place(asked, hosts, after).chosen
            after += [
                PlacedTask(f"web-{n}", arn, "web", asked.needs, n) for arn, n in zip(chosen, numbers, strict=False)
            ]
        else:
            gone = dict.fromkeys(first_to_go(ask(-step), hosts, after))
            after = [task for task in after if task.arn not in gone]
        zones = zones_of(hosts, after, "web")
        assert not after or room == 0 or max(zones.values()) - min(zones.values()) <= 1
        assert room == 0 or zone_move(ask(), hosts, after) is None


@settings(max_examples=30, deadline=None)
@given(_rooms())
def test_moving_between_zones_comes_to_an_end(room: tuple[list[ContainerInstance], list[PlacedTask]]) -> None:
    hosts, tasks = room
    asked, numbers = ask(cpu=64, mem=64), count(1000)
    for _ in range(100):
        move = zone_move(asked, hosts, tasks)
        if move is None:
            break
        before = zones_of(hosts, tasks, "web")
        fresh = PlacedTask(f"moved-{next(numbers)}", move.start_on, "web", Needs(64, 64), next(numbers))
        tasks = [*(task for task in tasks if task.arn != move.stop), fresh]
        now = zones_of(hosts, tasks, "web")
        assert now[move.from_zone] == before[move.from_zone] - 1
        assert now[move.to_zone] == before[move.to_zone] + 1
    assert zone_move(asked, hosts, tasks) is None
