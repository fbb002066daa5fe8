"""Recipes of faults, carried out on real containers by helpers that are run by hand: the effect is measured by the
helper, seen from outside by the test, and gone without a trace afterwards, whatever ends the helper."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.client import HTTPException
from typing import Any

import docker
import pytest

from chaos_ecs.chaos.fault import EVERYTHING, Abilities, Ability, Fault
from chaos_ecs.chaos.faults import cutting, network, resources
from chaos_ecs.core.recipe import Joins, Means, Recipe
from chaos_ecs.live.images import Images
from chaos_ecs.live.labels import Home
from tests.builders import eventually
from tests.contract.toolbox import MEBIBYTE, Beside, a_victim

pytestmark = pytest.mark.docker

NO_NETEM: Abilities = {**EVERYTHING, Ability.NETEM: "left out by this test"}
NO_CGROUP: Abilities = {**EVERYTHING, Ability.CGROUP: "left out by this test"}
PAGE_BYTES = 100_000


@pytest.fixture(scope="module")
def own_network(engine_client: docker.APIClient, home: Home) -> Iterator[str]:
    """A network as a cluster has one, with Docker's name server."""
    images = Images(engine_client)
    for name in ("demo", "toolbox"):
        images.build(name, lambda _: None)
    name = f"chaos-ecs-test-{uuid.uuid4().hex[:8]}"
    engine_client.create_network(name, labels=home.labels)
    yield name
    engine_client.remove_network(name)


@pytest.fixture(scope="module")
def shared(engine_client: docker.APIClient, home: Home, own_network: str) -> Iterator[Beside]:
    victim = a_victim(engine_client, home, own_network)
    victim.run("sh", "-c", f"head -c {PAGE_BYTES} /dev/zero >/chaos/www{PAGE}", user="root")
    victim.peer = a_victim(engine_client, home, own_network, "worker")
    victim.peers = (victim.peer.address,)
    yield victim
    victim.peer.close()
    victim.close()


@pytest.fixture
def beside(shared: Beside) -> Iterator[Beside]:
    """A web task that answers, another one in its network, and what the tests do beside it."""
    eventually(lambda: answers(shared), within=10)
    yield shared
    shared.tidy()


@pytest.fixture
def mortal(engine_client: docker.APIClient, home: Home, own_network: str) -> Iterator[Beside]:
    """A web task that may die of the test."""
    victim = a_victim(engine_client, home, own_network)
    eventually(lambda: answers(victim), within=10)
    yield victim
    victim.close()


# --- the effect, as seen by others than the helper ---


def answers(victim: Beside) -> bool:
    try:
        return victim.get(timeout=0.5)[0] == 200
    except (OSError, HTTPException):
        return False


def is_refused(victim: Beside) -> bool:
    try:
        victim.get(timeout=0.5)
    except ConnectionRefusedError:
        return True
    return False


def says_nothing(victim: Beside) -> bool:
    try:
        victim.get(timeout=0.5)
    except TimeoutError:
        return True
    return False


def takes(least: float, most: float, path: str = "/health") -> Callable[[Beside], bool]:
    def check(victim: Beside) -> bool:
        seconds = victim.get(path)[1]
        assert least <= seconds <= most, f"{seconds:.3f} s"
        return True

    return check


def is_cut_off_from_its_peer_alone(victim: Beside) -> bool:
    assert victim.peer is not None
    code, _ = victim.peer.run("nc", "-w", "1", victim.address, "8080", "-e", "true")
    return code != 0 and answers(victim)


def knows_no_names(victim: Beside) -> bool:
    return victim.run("timeout", "1", "nslookup", victim.address)[0] != 0


def uses_memory(victim: Beside) -> bool:
    return bool(victim.statistics["memory_stats"]["usage"] > 45 * MEBIBYTE)


def burns(victim: Beside) -> bool:
    """A third of a second of processor time, while the kernel answers a second's worth of questions."""
    first = victim.statistics["cpu_stats"]["cpu_usage"]["total_usage"]
    try:
        return eventually(
            lambda: bool(victim.statistics["cpu_stats"]["cpu_usage"]["total_usage"] - first > 0.33e9), within=1.5
        )
    except AssertionError:
        return False


def has_a_folder_of_the_load(victim: Beside) -> bool:
    return victim.run("sh", "-c", "ls -d /chaos-ecs-io-*/*")[0] == 0


def has_grown(victim: Beside) -> bool:
    """What `docker ps --size` shows."""
    listed = victim.client.containers(filters={"id": victim.id}, size=True)
    return bool(listed[0].get("SizeRw", 0) > 100 * MEBIBYTE)


def loses_a_third(victim: Beside) -> bool:
    """As its peer sees it; replies are not lost, so what is lost was lost on the way in."""
    assert victim.peer is not None
    script = f"import ping; print(ping.ping('{victim.address}', 300).lost)"
    lost = victim.peer.alone("python3", "-c", script, joins=(Joins.NETWORK,))
    return 60 < int(lost) < 120


def is_not(check: Callable[[Beside], bool]) -> Callable[[Beside], bool]:
    return lambda victim: not check(victim)


PAGE = "/page"
HELD: dict[str, tuple[Fault, Abilities, str, Callable[[Beside], bool], Callable[[Beside], bool]]] = {
    "latency": (
        network.NetworkLatency(),
        NO_NETEM,
        r"answers a connection after (3[5-9]|4[0-5])\d ms \(before: .* after \d",
        takes(0.36, 0.8),
        takes(0.0, 0.2),
    ),
    "latency of some addresses": (
        network.NetworkLatency(sources="10.1.2.3,10.2.0.0/16"),
        NO_NETEM,
        r"the container itself answers a connection after (3[5-9]|4[0-5])\d ms",
        takes(0.0, 0.2),
        takes(0.0, 0.2),
    ),
    "latency of some connections": (
        network.NetworkLatency(flows_percent=40),
        NO_NETEM,
        r"answers a connection after (3[5-9]|4[0-5])\d ms",
        lambda victim: {victim.get("/health")[1] > 0.3 for _ in range(16)} == {True, False},
        takes(0.0, 0.2),
    ),
    "loss": (
        network.NetworkPacketLoss(loss_percent=30),
        NO_NETEM,
        r"(4|5|6|7|8)\d of 200 pings to [\d.]+ were lost \(\d+.\d %\) \(before: 0 of 200",
        loses_a_third,
        is_not(loses_a_third),
    ),
    "loss in some connections": (
        network.NetworkPacketLoss(loss_percent=100, flows_percent=50),
        NO_NETEM,
        r"\d+ of 200 pings",
        lambda victim: any(says_nothing(victim) for _ in range(12)) and any(answers(victim) for _ in range(12)),
        lambda victim: all(answers(victim) for _ in range(5)),
    ),
    "blackhole": (
        cutting.NetworkBlackholePort(port=8080),
        EVERYTHING,
        r"TCP port 8080 does not answer within 1 s \(before: TCP port 8080 answers within [\d.]+ ms\)",
        says_nothing,
        answers,
    ),
    "egress blackhole": (
        cutting.NetworkBlackholePort(port=8081, traffic_type="egress"),
        EVERYTHING,
        r"TCP port 8081 of [\d.]+ does not answer within 1 s \(before: ",
        lambda victim: victim.run("timeout", "1", "nc", victim.gateway, "8081")[0] == 143,  # refused otherwise, at once
        lambda victim: victim.run("timeout", "1", "nc", victim.gateway, "8081")[0] == 1,
    ),
    "egress blackhole of datagrams": (
        cutting.NetworkBlackholePort(port=5353, traffic_type="egress", protocol="udp"),
        EVERYTHING,
        r"what is sent to UDP port 5353 of [\d.]+ does not leave, and its sender is told so \(before: ",
        lambda victim: "not permitted" in victim.run("nslookup", "a", f"{victim.gateway}:5353")[1],
        lambda victim: "not permitted" not in victim.run("nslookup", "a", f"{victim.gateway}:5353")[1],
    ),
    "reject": (
        cutting.NetworkReject(port=8080),
        EVERYTHING,
        r"TCP port 8080 refuses at once, within [\d.]+ ms \(before: TCP port 8080 answers",
        is_refused,
        answers,
    ),
    "rate": (
        network.NetworkRate(),
        EVERYTHING,
        r"of 2.00 Mbit/s that it tries to send (1\.[0-4]\d M|\d{3} k)bit/s leave the container \(before: ",
        takes(0.5, 3.0, PAGE),
        takes(0.0, 0.3, PAGE),
    ),
    "partition": (
        cutting.NetworkPartition(to="worker"),
        EVERYTHING,
        r"no ping is answered by [\d.]+, while the gateway [\d.]+ answers \(before: 1 of 1 answer pings",
        is_cut_off_from_its_peer_alone,
        is_not(is_cut_off_from_its_peer_alone),
    ),
    "dns dropped": (
        cutting.DnsFailure(),
        EVERYTHING,
        r"the name server 127.0.0.11 says nothing within 1 s \(before: .* answers within",
        knows_no_names,
        is_not(knows_no_names),
    ),
    "dns refused": (
        cutting.DnsFailure(mode="refuse"),
        EVERYTHING,
        r"a question to the name server 127.0.0.11 is refused within [\d.]+ ms",
        knows_no_names,
        is_not(knows_no_names),
    ),
    "cpu": (
        resources.CpuStress(),
        EVERYTHING,
        r"the load takes \d+ % of a CPU, a program beside it gets \d+ % \(before: the load takes \d %",
        burns,
        is_not(burns),
    ),
    "memory": (
        resources.MemoryStress(),
        EVERYTHING,
        r"(4[6-9]|5\d) MiB of 64 MiB are used \(\d\d %\) \(before: ",
        uses_memory,
        is_not(uses_memory),
    ),
    "io": (
        resources.IoStress(percent=1),
        EVERYTHING,
        r"a load writes \d+ MiB a second to the container's disk \(before: no load",
        has_a_folder_of_the_load,
        is_not(has_a_folder_of_the_load),
    ),
    "disk": (
        resources.DiskFill(),
        EVERYTHING,
        r"/chaos-ecs-fill-\S+ takes 128 MiB of the container's disk, .* \(before: there is no ",
        has_grown,
        is_not(has_grown),
    ),
}


@pytest.mark.parametrize("case", HELD)
def test_a_fault_is_proven_seen_by_others_and_undone_when_it_is_told_to_end(case: str, beside: Beside) -> None:
    fault, abilities, proof, shows, is_over = HELD[case]
    before = beside.traces()
    helper = beside.hold(beside.recipe(fault, abilities=abilities))
    assert re.search(proof, helper.told("active")), helper.everything
    assert shows(beside)
    assert beside.traces() != before
    assert helper.signalled("SIGTERM") == 0, helper.everything
    assert helper.told("undone")
    assert is_over(beside)
    assert beside.traces() == before


def a_short_one(case: str) -> tuple[Fault, Abilities]:
    fault, abilities, *_ = HELD[case]
    if isinstance(fault, network.NetworkLatency):
        return replace(fault, delay_milliseconds=40, jitter_milliseconds=0), abilities
    return fault, abilities


@pytest.mark.parametrize("case", ["reject", "rate", "disk"])
def test_a_fault_ends_by_itself_when_its_time_is_over(case: str, beside: Beside) -> None:
    fault, abilities = a_short_one(case)
    before = beside.traces()
    helper = beside.hold(beside.recipe(fault, abilities=abilities), seconds=0.1)
    assert helper.exit_code == 0, helper.everything
    assert [word["told"] for word in helper.words] == ["active", "undone"]
    assert beside.traces() == before


@pytest.mark.parametrize("case", ["latency", "loss in some connections", "rate", "io", "disk"])
def test_what_a_killed_helper_leaves_is_undone_by_another_and_by_a_third_without_harm(
    case: str, beside: Beside
) -> None:
    fault, abilities = a_short_one(case)
    before = beside.traces()
    recipe = beside.recipe(fault, abilities=abilities)
    killed = beside.hold(recipe)
    killed.told("active")
    killed.signalled("SIGKILL")
    left = beside.traces()
    assert left != before
    assert not any("stress-ng" in line or ".py" in line for line in left)
    for _ in range(2):
        second = beside.hold(recipe, mode="undo", tag=killed.tag)
        assert second.exit_code == 0, second.everything
        assert second.told("undone")
    assert beside.traces() == before


def test_a_load_that_ends_by_itself_ends_the_fault_which_says_so(beside: Beside) -> None:
    before = beside.traces()
    recipe = beside.recipe(resources.CpuStress())
    helper = beside.hold(replace(recipe, background="stress-ng -q --cpu 1 & sleep 3; kill -9 $!; wait $!"))
    helper.told("active")
    assert helper.exit_code == 0, helper.everything
    end = r"after \d s what ran in the background ended by itself with exit code 137; the load takes \d % of a CPU, .*"
    assert re.fullmatch(end, helper.told("undone"))
    assert beside.traces() == before


def test_a_load_that_ends_before_it_shows_is_refused_with_its_exit_code(beside: Beside) -> None:
    recipe = replace(beside.recipe(resources.CpuStress()), background="exit 3", probe_seconds=0.1)
    helper = beside.hold(recipe)
    assert helper.exit_code == 1
    end = "; what ran in the background ended by itself with exit code 3"
    assert re.fullmatch(rf"no effect could be measured: the load takes \d % .*{end}", helper.told("refused"))


# --- what is refused, and what is left alone ---


def test_a_connection_that_was_open_before_is_cut_so_that_it_is_made_anew_and_late(beside: Beside) -> None:
    with beside.connection() as connection:
        helper = beside.hold(beside.recipe(network.NetworkLatency(delay_milliseconds=40), abilities=NO_NETEM))
        helper.told("active")
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
    assert helper.signalled("SIGTERM") == 0


def test_a_port_where_nothing_listens_cannot_be_refused(beside: Beside) -> None:
    helper = beside.hold(beside.recipe(cutting.NetworkReject(port=8081)))
    assert helper.exit_code == 1
    assert helper.told("refused") == "nothing listens on TCP port 8081, so it refuses by itself"


def test_without_an_effect_nothing_counts_as_injected(beside: Beside) -> None:
    recipe = replace(beside.recipe(cutting.NetworkReject(port=8080)), do=("true",), probe_seconds=0.1)
    helper = beside.hold(recipe)
    assert helper.exit_code == 1
    assert re.fullmatch(r"no effect could be measured: TCP port 8080 answers within [\d.]+ ms", helper.told("refused"))


def test_a_peer_that_is_silent_by_itself_is_no_proof(beside: Beside) -> None:
    nobody = beside.address.rpartition(".")[0] + ".250"
    helper = beside.hold(beside.recipe(cutting.NetworkPartition(to="orders"), peers=(nobody,)))
    assert helper.exit_code == 1
    assert helper.told("refused") == (
        f"no ping is answered by {nobody}, while the gateway {beside.gateway} answers, but not for anything that this "
        "fault has put in place"
    )


def test_a_tool_that_fails_is_quoted_and_what_went_before_is_undone(beside: Beside) -> None:
    before = beside.traces()
    recipe = beside.recipe(cutting.NetworkReject(port=8080))
    helper = beside.hold(replace(recipe, do=(*recipe.do, "tc qdisc add dev nosuch root handle 1: netem")))
    assert helper.exit_code == 1
    assert helper.told("refused") == 'Cannot find device "nosuch"'
    assert beside.traces() == before


def test_what_cannot_be_undone_is_told_in_the_words_of_the_tool(beside: Beside) -> None:
    recipe = beside.recipe(cutting.NetworkReject(port=8080))
    helper = beside.hold(replace(recipe, capabilities=()), mode="undo")
    assert helper.exit_code == 2
    assert "Permission denied" in helper.told("stuck")


def test_told_to_end_while_it_still_begins_a_fault_is_undone(beside: Beside) -> None:
    before = beside.traces()
    recipe = beside.recipe(cutting.NetworkReject(port=8080))
    helper = beside.hold(replace(recipe, do=(*recipe.do, "sleep 60")))
    eventually(lambda: "+ sleep 60" in helper.everything, within=10)
    assert helper.signalled("SIGTERM") == 0
    assert helper.told("undone")
    assert beside.traces() == before


def test_a_queue_of_somebody_elses_is_left_alone(beside: Beside) -> None:
    foreign = Recipe(
        means=Means.HOLD,
        do=('tc qdisc add dev "$DEVICE" root handle 77: tbf rate 1gbit burst 1mbit latency 400ms',),
        joins=(Joins.NETWORK,),
        capabilities=("NET_ADMIN",),
    )
    assert beside.hold(foreign, seconds=0).exit_code == 0
    before = beside.traces()
    assert any("tbf 77:" in line for line in before)
    helper = beside.hold(beside.recipe(network.NetworkRate()))
    assert helper.exit_code == 1
    assert re.fullmatch(r"somebody has put a queue of another kind at \w+: it is left alone", helper.told("refused"))
    assert beside.traces() == before
    undo = 'tc qdisc del dev "$DEVICE" root handle 77:'
    assert beside.hold(replace(foreign, do=(undo,)), seconds=0).exit_code == 0


# --- processes ---


def test_a_process_is_killed_by_its_name_and_the_main_process_goes_on(beside: Beside) -> None:
    beside.begin("tail", "-f", "/dev/null")
    fault = resources.KillProcess(process_name="tail", signal="SIGKILL")
    helper = beside.hold(beside.recipe(fault), seconds=0)
    assert helper.exit_code == 0, helper.everything
    proof = r"process (\d+), tail, is gone, and process 1, sh, goes on \(before: tail runs as process \1\)"
    assert re.fullmatch(proof, helper.told("active"))
    assert "tail" not in beside.run("ps")[1]


def test_a_task_whose_main_process_waits_for_the_killed_one_ends_with_it(mortal: Beside) -> None:
    helper = mortal.hold(mortal.recipe(resources.KillProcess(process_name="httpd")), seconds=0)
    assert helper.exit_code == 137  # it shares the processes that all end with the first
    eventually(lambda: not mortal.state["Running"], within=5)
    assert mortal.state["ExitCode"] == 143


def test_a_process_that_is_not_there_is_refused_with_those_that_are(mortal: Beside) -> None:
    helper = mortal.hold(mortal.recipe(resources.KillProcess(process_name="nginx")), seconds=0)
    assert helper.told("refused") == "no process is named nginx; there are: httpd, sh"


# --- lines that are run in the victim itself ---


def test_out_of_memory_kills_the_main_process_and_the_kernel_says_why(mortal: Beside) -> None:
    mortal.sh("set -e", *mortal.recipe(resources.Oom()).do)
    eventually(lambda: not mortal.state["Running"], within=10)
    assert (mortal.state["ExitCode"], mortal.state["OOMKilled"]) == (137, True)


@pytest.mark.parametrize(
    ("fault", "proof"),
    [
        (resources.CpuStress(duration=20.0), r"the load takes ([4-9]\d|\d\d\d) % of a CPU"),
        (resources.MemoryStress(duration=20.0), r"(4[6-9]|5\d) of 64 MiB are used"),
    ],
    ids=["cpu", "memory"],
)
def test_a_load_in_the_victim_itself_shows_and_is_ended(fault: Fault, proof: str, beside: Beside) -> None:
    before = beside.traces()
    recipe = beside.recipe(fault, abilities=NO_CGROUP)
    assert beside.sh(recipe.probe)[0] == 0
    assert beside.sh("set -e", *recipe.do)[0] == 0
    eventually(lambda: re.fullmatch(proof, beside.sh(recipe.probe)[1]), within=recipe.probe_seconds)
    for _ in range(2):
        assert beside.sh(*recipe.undo)[0] == 0
    eventually(lambda: beside.sh(recipe.probe)[0] == 0, within=5)
    assert beside.traces() == before


@pytest.mark.parametrize(
    ("fault", "lifted", "well", "harmed"),
    [
        (
            resources.CpuThrottle(),
            {"CpuQuota": -1},
            r"a program gets \d+ % of a CPU",
            r"a program gets \d\d? % of a CPU",
        ),
        (
            resources.PidsExhaust(),
            {"PidsLimit": -1},
            r"1 of 1 processes could be started",
            r"only 0 of 1 processes could be started",
        ),
        (
            resources.PidsExhaust(limit=20),
            {"PidsLimit": -1},
            r"20 of 20 processes could be started",
            r"only \d+ of 20 processes could be started",
        ),
    ],
    ids=["cpu-throttle", "pids-exhaust", "pids-exhaust to a number"],
)
def test_a_limit_is_felt_by_what_is_run_in_the_victim(
    fault: Fault, lifted: dict[str, int], well: str, harmed: str, beside: Beside
) -> None:
    recipe = beside.recipe(fault)
    code, says = beside.sh(recipe.probe)
    assert code == 0
    assert re.fullmatch(well, says)
    beside.update({name: int(value) for name, _, value in (line.partition("=") for line in recipe.do)})
    try:
        # Without processes to be had, docker exec itself may not come about.
        eventually(lambda: re.fullmatch(harmed, beside.sh(recipe.probe)[1]), within=5)
    finally:
        beside.update(lifted)
    eventually(lambda: beside.sh(recipe.probe)[0] == 0, within=5)


# --- what the engine has ---


def detected(beside: Beside, *capabilities: str) -> dict[str, Any]:
    found = json.loads(beside.alone("python3", "/chaos/detect.py", capabilities=capabilities))
    assert set(found) == {"statistic", "reject", "redirect", "netem", "tbf"}
    assert set(found) <= set(Ability)
    return dict(found)


def test_what_the_kernel_has_is_found_out_in_a_container_of_our_own(beside: Beside) -> None:
    found = detected(beside, "NET_ADMIN")
    netem = found.pop("netem")
    assert found == dict.fromkeys(found, "")
    trial = beside.alone(
        "sh", "-c", "tc qdisc add dev lo root netem delay 0ms 2>&1 || true", capabilities=("NET_ADMIN",)
    )
    assert (netem == "") == (trial == ""), (netem, trial)


def test_without_the_capability_nothing_is_permitted(beside: Beside) -> None:
    assert all(reason.startswith("it is not permitted here (") for reason in detected(beside).values())
