"""What a LoadBalancer promises, held against the simulator and HAProxy alike; and what only real requests show."""

from __future__ import annotations

import contextlib
import csv
import http.client
import socket
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from chaos_ecs.core import arns
from chaos_ecs.core.balancing import Forward, RouteMode, Routing, RuleRoute
from chaos_ecs.core.balancing_messages import BalancerLost, BalancerUp, HostPortTaken, TargetChecked
from chaos_ecs.core.messages import ContainerSeen, EngineConnected, StartContainer
from chaos_ecs.core.model import Container, Task
from chaos_ecs.live import cleaner, haproxy, labels
from chaos_ecs.live.balancer import HaproxyBalancer
from chaos_ecs.live.balancer_container import IMAGE
from chaos_ecs.sim.balancer import SimBalancer
from tests.builders import CLUSTER, a_container, definition_arn, eventually
from tests.contract.balancers import (
    GROUP,
    LISTENER,
    Load,
    Stand,
    a_group,
    a_routing,
    a_stand,
    a_target,
    get,
    serving,
    task_of,
)
from tests.contract.worlds import DockerWorld, SimWorld, World, a_free_port, await_fact, await_running

OTHER = GROUP.replace("/web/", "/other/")


@pytest.fixture
def stand(world: World) -> Iterator[Stand]:
    opened = a_stand(world)
    yield opened
    opened.close()


@pytest.fixture
def docker_stand(docker_world: DockerWorld) -> Iterator[Stand]:
    opened = a_stand(docker_world)
    yield opened
    opened.close()


def running(
    world: World, count: int = 1, environment: tuple[tuple[str, str], ...] = (), **more: Any
) -> list[ContainerSeen]:
    """Web tasks that run, all started at once."""
    await_fact(world, EngineConnected)
    tasks = []
    for _ in range(count):
        arn = arns.task_arn(CLUSTER, uuid.uuid4().hex)
        container = Container("app", arns.container_arn(arn, "app"), "")
        tasks.append(Task(arn, CLUSTER, definition_arn("contract"), "family:contract", (container,), 1, 0.0))
    definition = a_container(environment=environment, **more)
    world.runtime.execute([StartContainer(task, definition, "the test wants it") for task in tasks])
    return [await_running(world, task.arn) for task in tasks]


def id_of(seen: ContainerSeen) -> str:
    return seen.task_arn.rsplit("/", 1)[1]


def test_a_running_container_tells_its_address_and_an_ended_one_has_none(world: World) -> None:
    (seen,) = running(world)
    assert seen.address.count(".") == 3
    world.kill(seen.runtime_id)
    assert await_fact(world, ContainerSeen, runtime_id=seen.runtime_id, exit_code=137).address == ""


def test_a_registered_target_that_answers_is_told_as_healthy_within_half_a_second(stand: Stand) -> None:
    (seen,) = running(stand.world)
    port = a_free_port()
    stand.balancer.route(a_routing(port, a_group()))
    stand.await_fact(BalancerUp)
    before = stand.world.clock.now()
    stand.balancer.route(a_routing(port, a_group(a_target(seen), check=replace(a_group().health_check, interval=30))))
    checked = stand.await_fact(TargetChecked)
    assert checked == TargetChecked(GROUP, id_of(seen), seen.address, True)
    assert stand.world.clock.now() - before < 0.5


def test_a_target_that_answers_500_is_told_as_unhealthy_with_that_code(stand: Stand) -> None:
    (seen,) = running(stand.world, environment=(("HEALTH", "500"),))
    stand.balancer.route(a_routing(a_free_port(), a_group(a_target(seen))))
    checked = stand.await_fact(TargetChecked)
    assert (checked.passed, checked.reason) == (False, "Target.ResponseCodeMismatch")
    assert checked.description == "Health checks failed with these codes: [500]"


def test_a_code_that_the_matcher_names_is_a_good_answer(stand: Stand) -> None:
    (seen,) = running(stand.world, environment=(("HEALTH", "404"),))
    check = replace(a_group().health_check, matcher="200-299,404")
    stand.balancer.route(a_routing(a_free_port(), a_group(a_target(seen), check=check)))
    assert stand.await_fact(TargetChecked).passed


def test_a_target_where_nothing_listens_fails_no_sooner_than_its_groups_pace_allows(stand: Stand) -> None:
    (seen,) = running(stand.world)
    stand.balancer.route(a_routing(a_free_port(), a_group()))
    stand.await_fact(BalancerUp)
    before = stand.world.clock.now()
    stand.balancer.route(stand_at_another_port(seen))
    checked = stand.await_fact(TargetChecked)
    assert (checked.reason, checked.description) == ("Target.FailedHealthChecks", "Health checks failed")
    assert 1.0 <= stand.world.clock.now() - before < 3.0


def stand_at_another_port(seen: ContainerSeen) -> Routing:
    return a_routing(a_free_port(), a_group(a_target(seen, port=9999)))


def test_a_serving_target_that_hangs_is_told_as_unhealthy_with_a_timeout_and_as_healthy_again(stand: Stand) -> None:
    (seen,) = running(stand.world)
    port = a_free_port()
    stand.balancer.route(a_routing(port, a_group(a_target(seen))))
    stand.await_fact(TargetChecked, passed=True)
    stand.balancer.route(serving(port, seen))
    stand.world.pause(seen.runtime_id)
    checked = stand.await_fact(TargetChecked, passed=False)
    assert (checked.reason, checked.description) == ("Target.Timeout", "Request timed out")
    stand.world.runtime.poll()
    unpause(stand.world, seen.runtime_id)
    stand.await_fact(TargetChecked, passed=True)


def unpause(world: World, runtime_id: str) -> None:
    if isinstance(world, SimWorld):
        world.engine.freeze(runtime_id, False)
    else:
        assert isinstance(world, DockerWorld)
        world.client.unpause(runtime_id)


def test_of_a_draining_or_removed_target_nothing_is_told_any_more(stand: Stand) -> None:
    drains, goes = running(stand.world, 2)
    port = a_free_port()
    stand.balancer.route(serving(port, drains, goes))
    stand.await_fact(TargetChecked, passed=True)
    stand.await_fact(TargetChecked, passed=True)
    stand.balancer.route(a_routing(port, a_group(a_target(drains, RouteMode.DRAINING))))
    stand.world.kill(drains.runtime_id)
    stand.world.kill(goes.runtime_id)
    stand.facts.clear()
    assert stand.quietly(4) == []


def test_a_killed_balancer_is_told_and_comes_back_with_all_its_targets(stand: Stand) -> None:
    found = running(stand.world, 2)
    stand.balancer.route(serving(a_free_port(), *found))
    stand.await_fact(BalancerUp)
    stand.kill()
    assert stand.await_fact(BalancerLost).reason == "its container ended with exit code 137"
    stand.await_fact(BalancerUp)
    stand.world.pause(found[1].runtime_id)
    assert stand.await_fact(TargetChecked, passed=False).target_id == id_of(found[1])


def test_an_engine_that_goes_is_told_and_what_happened_meanwhile_when_it_is_back(fragile_world: World) -> None:
    stand = a_stand(fragile_world)
    (seen,) = running(fragile_world)
    stand.balancer.route(serving(a_free_port(), seen))
    stand.await_fact(TargetChecked, passed=True)
    stand.facts.clear()
    fragile_world.engine_goes()
    stand.await_fact(BalancerLost)
    fragile_world.pause(seen.runtime_id)
    fragile_world.engine_returns()
    stand.await_fact(BalancerUp)
    stand.await_fact(TargetChecked, passed=False)
    stand.close()


def test_a_port_that_somebody_else_has_is_told_and_another_one_serves(stand: Stand) -> None:
    with taken_port(stand.world) as port:
        stand.balancer.route(a_routing(port, a_group()))
        told = stand.await_fact(HostPortTaken)
        assert (told.listener_arn, told.host_port) == (LISTENER, port)
        stand.balancer.route(a_routing(a_free_port(), a_group()))
        stand.quietly(2)
        assert not [fact for fact in stand.facts if isinstance(fact, HostPortTaken | BalancerLost)]


@contextlib.contextmanager
def taken_port(world: World) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        if isinstance(world, SimWorld):
            assert world.engine.take_port(port)
        yield port


def test_the_next_controller_is_told_again_what_is_true(stand: Stand) -> None:
    (seen,) = running(stand.world)
    routing = serving(a_free_port(), seen)
    stand.balancer.route(routing)
    stand.await_fact(TargetChecked, passed=True)
    stand.reopen()
    stand.balancer.route(routing)
    stand.await_fact(BalancerUp)
    stand.await_fact(TargetChecked, passed=True)


def test_shares_follow_the_weights_and_nothing_is_loaded_anew_for_them(stand: Stand) -> None:
    found = running(stand.world, 2)
    port = a_free_port()
    routing = weighted(port, found, 100, 0)
    stand.balancer.route(routing)
    stand.await_fact(BalancerUp)
    before = processes(stand)
    steps = ((100, 0), (90, 10), (50, 50), (0, 100))
    shares = [asked(stand, port, weighted(port, found, *weights)) for weights in steps]
    assert all(sum(share) >= 900 for share in shares), shares
    assert (shares[0][1], shares[3][0]) == (0, 0)
    assert 60 <= shares[1][1] <= 150
    assert 400 <= shares[2][1] <= 600
    assert processes(stand) == before


def weighted(port: int, found: list[ContainerSeen], *weights: int) -> Routing:
    """A group for each target, and a listener that shares requests out among them."""
    arns = (GROUP, OTHER)
    groups = (a_group(a_target(seen, RouteMode.SERVING), arn=arn) for seen, arn in zip(found, arns, strict=True))
    routing = a_routing(port, *groups)
    forward = Forward(tuple(zip(arns, weights, strict=True)))
    return replace(routing, listeners=(replace(routing.listeners[0], default=forward),))


def asked(stand: Stand, port: int, routing: Routing) -> tuple[int, int]:
    """How many of about 1,000 requests, 200 a second, the first and the second group got; the weights change while they
    are asked, and none may fail."""
    if isinstance(stand.balancer, SimBalancer):
        stand.balancer.offer(LISTENER, 200)
        stand.balancer.route(routing)
        before = counted(stand.balancer)
        stand.quietly(5)
        first, second = (after - then for after, then in zip(counted(stand.balancer), before, strict=True))
        return first, second
    with Load(port) as load:
        stand.balancer.route(routing)
        stand.quietly(0.2)
        at = time.monotonic()
        stand.quietly(5)
    assert load.failures == []
    tasks = Counter(task for sent, task in load.answers if sent > at)
    first, second = (tasks[group.targets[0].id] for group in routing.groups)
    return first, second


def counted(balancer: SimBalancer) -> list[int]:
    requests = balancer.requests()
    return [sum(requests[arn].values()) for arn in (GROUP, OTHER)]


def processes(stand: Stand) -> list[str]:
    """The ids of HAProxy's: a configuration that is loaded anew is another process."""
    if not isinstance(stand.world, DockerWorld):
        return []
    top = stand.world.client.top(container_id(stand))
    return sorted(row[top["Titles"].index("PID")] for row in top["Processes"] if "haproxy" in row[-1])


# --- requests, through Docker ---


def up(stand: Stand, routing: Routing) -> None:
    stand.balancer.route(routing)
    stand.await_fact(BalancerUp)


@pytest.mark.docker
def test_three_targets_get_requests_in_turn(docker_stand: Stand) -> None:
    found = running(docker_stand.world, 3)
    port = a_free_port()
    up(docker_stand, serving(port, *found))
    answered = Counter(task_of(get(port)) for _ in range(30))
    assert answered == {id_of(seen): 10 for seen in found}


@pytest.mark.docker
def test_rules_choose_by_path_and_host_in_order_of_priority(docker_stand: Stand) -> None:
    first, second = running(docker_stand.world, 2)
    port = a_free_port()
    groups = (
        a_group(a_target(first, RouteMode.SERVING)),
        a_group(a_target(second, RouteMode.SERVING), arn=OTHER),
    )
    rules = (
        RuleRoute(("/no/*",), (), Forward(((OTHER, 0),))),
        RuleRoute(("/?/x.y*", "/it's/*"), (), Forward(((OTHER, 1),))),
        RuleRoute((), ("*.Example.com",), Forward(((OTHER, 1),))),
    )
    up(docker_stand, a_routing(port, *groups, rules=rules))
    assert task_of(get(port)) == id_of(first)
    assert task_of(get(port, "/", "WWW.example.com:80")) == id_of(second)
    assert get(port, "/no/1")[0] == 503
    for path, by in (("/a/x.y", second), ("/it's/1", second), ("/a/xzy", first), ("/ab/x.y", first)):
        assert get(port, path)[0] == 404  # the demo has no such page; who said so is in the counters
        assert requests_of(docker_stand, by) > 0
    assert (requests_of(docker_stand, first), requests_of(docker_stand, second)) == (3, 3)


def requests_of(stand: Stand, seen: ContainerSeen) -> int:
    assert isinstance(stand.balancer, HaproxyBalancer)
    balancer = stand.balancer
    counted: list[int] = []

    def steady() -> bool:
        counted.append(sum(group.get(id_of(seen), 0) for group in balancer.requests().values()))
        return len(counted) > 6 and counted[-1] == counted[-6]

    eventually(steady, within=10, every=0.1)
    return counted[-1]


@pytest.mark.docker
def test_weights_share_requests_among_groups(docker_stand: Stand) -> None:
    first, second = running(docker_stand.world, 2)
    port = a_free_port()
    groups = (
        a_group(a_target(first, RouteMode.SERVING)),
        a_group(a_target(second, RouteMode.SERVING), arn=OTHER),
    )
    routing = a_routing(port, *groups)
    listener = replace(routing.listeners[0], default=Forward(((GROUP, 3), (OTHER, 1))))
    up(docker_stand, replace(routing, listeners=(listener,)))
    answered = Counter(task_of(get(port)) for _ in range(400))
    assert 250 < answered[id_of(first)] < 350


@pytest.mark.docker
def test_without_any_weight_the_answer_is_503_and_with_one_of_999_it_is_the_groups(docker_stand: Stand) -> None:
    found = running(docker_stand.world, 2)
    port = a_free_port()
    up(docker_stand, weighted(port, found, 0, 0))
    assert get(port)[0] == 503
    docker_stand.balancer.route(weighted(port, found, 0, 1))
    eventually(lambda: get(port)[0] == 200, within=2)
    docker_stand.balancer.route(weighted(port, found, 999, 0))
    eventually(lambda: task_of(get(port)) == id_of(found[0]), within=2)
    assert {task_of(get(port)) for _ in range(30)} == {id_of(found[0])}
    docker_stand.balancer.route(weighted(port, found, 0, 0))
    eventually(lambda: get(port)[0] == 503, within=2)


@pytest.mark.docker
def test_weights_hold_over_a_new_configuration(docker_stand: Stand) -> None:
    found = running(docker_stand.world, 2)
    port = a_port_with_free_ones_after_it()
    up(docker_stand, weighted(port, found, 1, 0))
    routing = weighted(port, found, 0, 1)
    docker_stand.balancer.route(routing)
    eventually(lambda: task_of(get(port)) == id_of(found[1]), within=2)
    further = replace(routing.listeners[0], arn=f"{LISTENER}1", host_port=port + 1)
    docker_stand.balancer.route(replace(routing, listeners=(*routing.listeners, further)))
    await_answer(port + 1)
    assert {task_of(get(each)) for each in (port, port + 1) for _ in range(10)} == {id_of(found[1])}


@pytest.mark.docker
def test_all_traffic_moves_to_a_group_that_has_just_come_while_the_other_goes_and_no_request_is_lost(
    docker_stand: Stand,
) -> None:
    found = running(docker_stand.world, 2)
    port = a_free_port()
    full = weighted(port, found, 1, 0)
    up(docker_stand, replace(full, groups=(full.groups[0], a_group(arn=OTHER))))
    moved = weighted(port, found, 0, 1)
    with Load(port) as load:
        docker_stand.quietly(0.5)
        docker_stand.balancer.route(replace(moved, groups=(a_group(), moved.groups[1])))
        docker_stand.quietly(0.5)
    assert load.failures == []
    assert load.answers[-1][1] == id_of(found[1])


@pytest.mark.docker
def test_connections_to_targets_that_came_by_command_are_used_again(docker_stand: Stand) -> None:
    world = docker_stand.world
    assert isinstance(world, DockerWorld)
    answering = (
        "defaults\n mode http\n timeout connect 1s\n timeout client 60s\n timeout server 60s\n"
        "frontend web\n bind :8080\n http-request return status 200 content-type text/plain string 'task 1 '\n"
    )
    script = 'printf "%b" "$CONFIG" > /tmp/web.cfg; exec haproxy -db -f /tmp/web.cfg'
    (seen,) = running(
        world,
        environment=(("CONFIG", answering),),
        image=IMAGE,
        entry_point=("/bin/sh", "-c", script),
        command=(),
    )
    port = a_free_port()
    up(docker_stand, a_routing(port, a_group()))
    docker_stand.balancer.route(serving(port, seen))
    eventually(lambda: get(port)[0] == 200, within=2)
    kept = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    for _ in range(20):
        kept.request("GET", "/")
        assert kept.getresponse().read()
    kept.close()
    told = inside(world, container_id(docker_stand), f"echo '{haproxy.SHOW_STAT}' | socat - {haproxy.ADMIN_SOCKET}")
    rows = csv.DictReader(told.removeprefix("# ").splitlines())
    assert sum(int(row["reuse"] or 0) for row in rows) >= 15


@pytest.mark.docker
def test_without_targets_the_answer_is_503_and_with_only_unhealthy_ones_it_is_theirs(docker_stand: Stand) -> None:
    (sick,) = running(docker_stand.world, environment=(("HEALTH", "418"),))
    port = a_free_port()
    up(docker_stand, a_routing(port, a_group()))
    assert get(port)[0] == 503
    docker_stand.balancer.route(a_routing(port, a_group(a_target(sick))))
    docker_stand.await_fact(TargetChecked, passed=False)
    assert get(port)[0] == 503
    docker_stand.balancer.route(serving(port, sick))
    eventually(lambda: get(port)[0] == 418, within=2)


@pytest.mark.docker
def test_an_unhealthy_target_gets_nothing_while_a_healthy_one_is_there(docker_stand: Stand) -> None:
    (well,) = running(docker_stand.world)
    (sick,) = running(docker_stand.world, environment=(("HEALTH", "500"),))
    port = a_free_port()
    up(docker_stand, serving(port, well, sick))
    docker_stand.await_fact(TargetChecked, passed=False)
    assert {get(port)[0] for _ in range(10)} == {200}
    other = a_group(arn=OTHER)
    routing = serving(port, well, sick)
    with Load(port) as load:  # also not for a moment after a reload, when HAProxy begins anew
        rules = (RuleRoute(("/o/*",), (), Forward(((OTHER, 1),))),)
        docker_stand.balancer.route(a_routing(port, *routing.groups, other, rules=rules))
        docker_stand.quietly(1)
    assert load.failures == []


@pytest.mark.docker
@pytest.mark.parametrize("healthy", [True, False])
def test_who_still_asks_the_process_before_a_reload_gets_the_healthy_target_or_any_if_there_is_none(
    docker_stand: Stand, healthy: bool
) -> None:
    (well,) = running(docker_stand.world, environment=() if healthy else (("HEALTH", "418"),))
    (sick,) = running(docker_stand.world, environment=(("HEALTH", "418"),))
    port = a_free_port()
    up(docker_stand, serving(port, well, sick))
    for _ in range(1 if healthy else 2):
        docker_stand.await_fact(TargetChecked, passed=False)
    kept = [http.client.HTTPConnection("127.0.0.1", port, timeout=5) for _ in range(8)]
    before = [asked_over(connection) for connection in kept]
    other = a_group(arn=OTHER)
    rules = (RuleRoute(("/o/*",), (), Forward(((OTHER, 1),))),)
    docker_stand.balancer.route(a_routing(port, *serving(port, well, sick).groups, other, rules=rules))
    docker_stand.quietly(1)
    after = [asked_over(connection) for connection in kept]
    assert set(before + after) == {200 if healthy else 418}


def asked_over(kept: http.client.HTTPConnection) -> int:
    kept.request("GET", "/")
    answer = kept.getresponse()
    answer.read()
    return answer.status


@pytest.mark.docker
def test_no_request_reaches_a_removed_target_and_none_is_lost(docker_stand: Stand) -> None:
    stays, goes = running(docker_stand.world, 2)
    port = a_free_port()
    up(docker_stand, serving(port, stays, goes))
    with Load(port) as load:
        docker_stand.quietly(1)
        at = time.monotonic()
        docker_stand.balancer.route(serving(port, stays))
        docker_stand.quietly(1)
    assert load.failures == []
    assert id_of(goes) in {task for sent, task in load.answers if sent < at}
    assert id_of(goes) not in {task for sent, task in load.answers if sent > at + 0.1}


@pytest.mark.docker
def test_a_draining_target_ends_what_is_under_way_and_gets_nothing_new(docker_stand: Stand) -> None:
    stays, drains = running(docker_stand.world, 2)
    port = a_free_port()
    up(docker_stand, serving(port, stays, drains))
    targets = (a_target(stays, RouteMode.SERVING), a_target(drains, RouteMode.DRAINING))
    with Load(port) as load:
        docker_stand.quietly(0.5)
        at = time.monotonic()
        docker_stand.balancer.route(a_routing(port, a_group(*targets)))
        docker_stand.quietly(1)
    assert load.failures == []
    assert id_of(drains) not in {task for sent, task in load.answers if sent > at + 0.1}


@pytest.mark.docker
def test_a_killed_target_costs_no_request_but_those_it_was_answering(docker_stand: Stand) -> None:
    stays, dies = running(docker_stand.world, 2)
    port = a_free_port()
    up(docker_stand, serving(port, stays, dies))
    with Load(port) as load:
        docker_stand.quietly(0.5)
        docker_stand.world.kill(dies.runtime_id)
        await_fact(docker_stand.world, ContainerSeen, runtime_id=dies.runtime_id, exit_code=137)
        docker_stand.balancer.route(serving(port, stays))
        docker_stand.quietly(1)
    assert len(load.failures) <= load.at_once
    assert all("502" in failure for failure in load.failures), load.failures


@pytest.mark.docker
def test_a_new_listener_is_loaded_under_load_and_no_request_is_lost(docker_stand: Stand) -> None:
    found = running(docker_stand.world, 2)
    port = a_port_with_free_ones_after_it()
    routing = serving(port, *found)
    up(docker_stand, routing)
    with Load(port) as load:
        docker_stand.quietly(0.5)
        for number in range(1, 4):  # spare ports, so the container stays
            further = replace(routing.listeners[0], arn=f"{LISTENER}{number}", host_port=port + number)
            docker_stand.balancer.route(replace(routing, listeners=(*routing.listeners, further)))
            await_answer(port + number)
    assert load.failures == []
    assert len(load.answers) > 100


def a_port_with_free_ones_after_it() -> int:
    """Below those that the system gives to whoever opens a connection: there the next one is often in use."""
    return next(port for port in range(20_000, 30_000, 10) if all(is_free(port + number) for number in range(5)))


def is_free(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
        return True
    return False


def await_answer(port: int) -> None:
    """Docker accepts on a spare port, and then finds that nobody is behind it."""

    def answers() -> bool:
        with contextlib.suppress(OSError, http.client.HTTPException):
            return get(port)[0] == 200
        return False

    eventually(answers, within=5)


@pytest.mark.docker
def test_the_next_controller_takes_the_balancer_over_and_no_request_is_lost(docker_stand: Stand) -> None:
    found = running(docker_stand.world, 2)
    port = a_free_port()
    up(docker_stand, serving(port, *found))
    before = container_id(docker_stand)
    with Load(port) as load:
        docker_stand.reopen()
        up(docker_stand, serving(port, found[0]))
        docker_stand.quietly(0.5)
    assert load.failures == []
    assert container_id(docker_stand) == before
    assert {task_of(get(port)) for _ in range(6)} == {id_of(found[0])}


def container_id(stand: Stand) -> str:
    assert isinstance(stand.world, DockerWorld)
    return str(stand.world.client.inspect_container(labels.balancer_name(stand.world.home))["Id"])


@pytest.mark.docker
def test_without_listeners_the_balancer_goes_and_its_clusters_network_can_be_removed(docker_stand: Stand) -> None:
    world = docker_stand.world
    assert isinstance(world, DockerWorld)
    (seen,) = running(world)
    port = a_free_port()
    up(docker_stand, serving(port, seen))
    network = labels.network_name(world.home, CLUSTER)
    assert container_id(docker_stand) in world.client.inspect_network(network)["Containers"]
    docker_stand.balancer.route(a_routing(port, a_group()))
    eventually(lambda: container_id(docker_stand) not in world.client.inspect_network(network)["Containers"], within=5)
    docker_stand.balancer.route(Routing())
    name = labels.balancer_name(world.home)
    eventually(lambda: not world.client.containers(all=True, filters={"name": name}), within=5)
    assert not [fact for fact in docker_stand.facts if isinstance(fact, BalancerLost)]


@pytest.mark.docker
@pytest.mark.parametrize(
    ("act", "reason"),
    [("remove", "its container"), ("pause", "somebody paused its container")],
)
def test_a_balancer_that_somebody_took_away_is_told_with_its_reason_and_made_anew(
    docker_stand: Stand, act: str, reason: str
) -> None:
    world = docker_stand.world
    (seen,) = running(world)
    port = a_free_port()
    up(docker_stand, serving(port, seen))
    getattr(world, act)(container_id(docker_stand))
    assert reason in docker_stand.await_fact(BalancerLost).reason
    docker_stand.await_fact(BalancerUp)
    assert task_of(get(port)) == id_of(seen)


@pytest.mark.docker
def test_clean_takes_the_balancer_too(docker_stand: Stand) -> None:
    world = docker_stand.world
    assert isinstance(world, DockerWorld)
    up(docker_stand, a_routing(a_free_port(), a_group()))
    planned = cleaner.plan(world.client, world.home.id)
    assert ("container", labels.balancer_name(world.home)) in {(item.kind, item.name) for item in planned.items}


@pytest.mark.docker
def test_no_task_can_reach_the_admin_socket(docker_stand: Stand) -> None:
    world = docker_stand.world
    assert isinstance(world, DockerWorld)
    (seen,) = running(world)
    port = a_free_port()
    up(docker_stand, serving(port, seen))
    inspection = world.client.inspect_container(labels.balancer_name(world.home))
    assert inspection["Mounts"] == []
    network = labels.network_name(world.home, CLUSTER)
    address = inspection["NetworkSettings"]["Networks"][network]["IPAddress"]
    listening = inside(world, container_id(docker_stand), "cat /proc/net/tcp /proc/net/tcp6 /proc/net/unix")
    sockets = [line.split()[1] for line in listening.splitlines() if line.split()[3:4] == ["0A"]]
    dns = "0B00007F:"  # 127.0.0.11, the engine's own
    assert [int(one.split(":")[1], 16) for one in sockets if not one.startswith(dns)] == [port]
    assert haproxy.ADMIN_SOCKET in listening
    script = f"printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 2 {address} {port}; ls {haproxy.ADMIN_SOCKET} 2>&1"
    answer = inside(world, seen.runtime_id, script)
    assert "200 OK" in answer  # it reaches the listener, as in a network of its own
    assert "No such file" in answer


def inside(world: DockerWorld, container: str, script: str) -> str:
    made = world.client.exec_create(container, ["/bin/sh", "-c", script])
    return str(world.client.exec_start(made["Id"]).decode(errors="replace"))
