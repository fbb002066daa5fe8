"""Faults on real containers: hurt so that it shows from outside, and healed so that nothing is left, whoever dies."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import docker
import pytest
from docker.errors import NotFound

from chaos_ecs.chaos.fault import Ability
from chaos_ecs.core.fault_messages import (
    HitActive,
    HitPrior,
    HitRefused,
    HitStuck,
    HitUndone,
    InjectHit,
    UndoHit,
)
from chaos_ecs.core.messages import ContainerSeen, EngineConnected, RunState
from chaos_ecs.core.model import PortMapping
from chaos_ecs.core.recipe import Joins, Means, Recipe
from chaos_ecs.live import cleaner, labels
from chaos_ecs.live.engine import Connector
from chaos_ecs.live.faults import helpers
from chaos_ecs.live.faults.outcomes import RefusedError
from chaos_ecs.live.faults.victim import Victim, silence
from chaos_ecs.live.images import Images
from chaos_ecs.live.labels import Home
from chaos_ecs.live.runtime import DockerRuntime
from tests.builders import CLUSTER, a_container, eventually
from tests.contract.test_runtime import running
from tests.contract.worlds import DockerWorld, Relay, World, await_fact, can_relay, execute, told

pytestmark = pytest.mark.docker

BLACKHOLE = Recipe(
    Means.HOLD,
    do=(
        "iptables -w -N CECS-$TAG",
        "iptables -w -A CECS-$TAG -p tcp --dport 8080 -j DROP",
        "iptables -w -I INPUT -j CECS-$TAG",
    ),
    undo=(
        "iptables -w -D INPUT -j CECS-$TAG 2>/dev/null || true",
        "iptables -w -F CECS-$TAG 2>/dev/null || true",
        "iptables -w -X CECS-$TAG 2>/dev/null || true",
    ),
    probe="""python3 -c '
import os, socket
try:
    socket.create_connection((os.environ["ADDRESS"], 8080), 0.3).close()
except OSError as error:
    print("port 8080:", error)
    raise SystemExit(1)
print("port 8080 takes connections")'""",
    joins=(Joins.NETWORK,),
    capabilities=("NET_ADMIN",),
)
FREEZE = Recipe(Means.FREEZE)
STALL = Recipe(Means.STALL)
DETACH = Recipe(Means.DETACH)
SLOW = Recipe(  # of the quota the victim has a file of its own, in each version of cgroups
    Means.LIMIT,
    do=("CpuQuota=10000",),
    probe="""
quota=$(cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us 2>/dev/null || cut -d' ' -f1 /sys/fs/cgroup/cpu.max)
echo "the quota is $quota"; [ "$quota" != 10000 ]""",
)
LITTER = Recipe(
    Means.EXEC,
    do=("touch /tmp/$TAG",),
    undo=("rm -f /tmp/$TAG",),
    probe="if [ -e /tmp/$TAG ]; then echo it is there; exit 1; fi; echo it is not there",
)


@pytest.fixture
def fragile_docker(engine_client: docker.APIClient, home: Home) -> Iterator[DockerWorld]:
    """A world whose engine can go away and return."""
    if not can_relay(engine_client):
        pytest.skip("the engine is not behind a Unix socket here, so nothing can stand in front of it")
    opened = DockerWorld(engine_client, home, Relay(engine_client))
    yield opened
    opened.close()


def web(world: World, cpu: int = 0) -> ContainerSeen:
    """A container with a port that answers."""
    seen = running(world, a_container(port_mappings=(PortMapping(8080),), cpu=cpu))
    eventually(lambda: answers(seen), within=10)
    return seen


def answers(seen: ContainerSeen) -> bool:
    """Whether its port does, as anybody on this machine sees it."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{seen.bindings[0].host_port}/health", timeout=0.5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def a_hit(seen: ContainerSeen, recipe: Recipe, seconds: float = 60.0) -> InjectHit:
    fault_id = f"flt-{uuid.uuid4().hex[:10]}"
    return InjectHit(fault_id, 0, CLUSTER, seen.task_arn, seen.name, seen.runtime_id, recipe, "", seconds, "test")


def undoing(hit: InjectHit, prior: str = "") -> UndoHit:
    prior = prior or hit.prior
    return UndoHit(hit.fault_id, hit.index, hit.task_arn, hit.container, hit.runtime_id, hit.recipe, prior, "test")


def inject(world: World, hit: InjectHit) -> InjectHit:
    """As the core does: what it is told to write down first it writes down, and asks again. The hit as it is then."""
    execute(world, hit)
    if hit.recipe.means is not Means.HOLD and not hit.recipe.is_deadly and not hit.prior:
        hit = replace(hit, prior=await_fact(world, HitPrior, fault_id=hit.fault_id).prior)
        execute(world, hit)
    await_fact(world, HitActive, fault_id=hit.fault_id)
    return hit


def undo(world: World, hit: InjectHit) -> str:
    execute(world, undoing(hit))
    return await_fact(world, HitUndone, fault_id=hit.fault_id).proof


def facts_of(world: World, hit: InjectHit) -> list[str]:
    """The names of all that was told of a hit."""
    kinds = (HitPrior, HitActive, HitRefused, HitUndone, HitStuck)
    return [type(fact).__name__ for fact in world.facts if isinstance(fact, kinds) and fact.fault_id == hit.fault_id]


def inspected(world: DockerWorld, seen: ContainerSeen) -> dict[str, Any]:
    found: dict[str, Any] = world.client.inspect_container(seen.runtime_id)
    return found


def helpers_of(world: DockerWorld) -> list[dict[str, Any]]:
    """All helper containers there are of this home, running or not."""
    marks = [f"{labels.HOME}={world.home.id}", labels.FAULT]
    found = []
    for one in world.client.containers(all=True, filters={"label": marks}):
        with contextlib.suppress(NotFound):  # it goes just now
            found.append(world.client.inspect_container(one["Id"]))
    return found


def rules(world: DockerWorld, seen: ContainerSeen) -> str:
    """The rules for packets in the victim's network, as a container of our own beside it reads them."""
    config = {
        "Image": helpers.IMAGE,
        "Labels": world.home.labels,
        "Entrypoint": ["iptables", "-w", "-S"],
        "Cmd": [],
        "HostConfig": {"NetworkMode": f"container:{seen.runtime_id}", "CapAdd": ["NET_ADMIN"]},
    }
    made = world.client.create_container_from_config(config)["Id"]
    world.client.start(made)
    world.client.wait(made)
    listed: str = world.client.logs(made).decode()
    world.client.remove_container(made, force=True)
    return listed


def assert_nothing_is_left(world: DockerWorld, seen: ContainerSeen) -> None:
    assert answers(seen)
    assert helpers_of(world) == []


# --- HOLD: a helper container ---


def test_a_held_fault_is_measured_shows_from_outside_and_leaves_nothing(docker_world: DockerWorld) -> None:
    seen = web(docker_world)
    hit = inject(docker_world, a_hit(seen, BLACKHOLE))
    assert "(before: port 8080 takes connections)" in await_fact(docker_world, HitActive, fault_id=hit.fault_id).proof
    assert not answers(seen)
    assert f"CECS-{hit.fault_id}-0" in rules(docker_world, seen)
    assert_is_marked_and_may_no_more_than_it_needs(helpers_of(docker_world)[0], hit)
    assert undo(docker_world, hit) == "port 8080 takes connections"
    assert_nothing_is_left(docker_world, seen)
    assert "CECS" not in rules(docker_world, seen)
    assert facts_of(docker_world, hit) == ["HitActive", "HitUndone"]


def assert_is_marked_and_may_no_more_than_it_needs(helper: dict[str, Any], hit: InjectHit) -> None:
    assert helper["Name"] == f"/chaos-ecs-fault-{hit.fault_id}-0"
    assert helper["Config"]["Labels"][labels.FAULT] == hit.fault_id
    assert labels.TASK not in helper["Config"]["Labels"]
    host = helper["HostConfig"]
    assert (host["Privileged"], host["CapDrop"], host["AutoRemove"]) == (False, ["ALL"], False)
    assert [name.removeprefix("CAP_") for name in host["CapAdd"]] == ["NET_ADMIN"]
    assert (host["NetworkMode"], host["PidMode"]) == (f"container:{hit.runtime_id}", "")


def test_a_helper_in_the_victims_cgroup_ends_with_it(docker_world: DockerWorld) -> None:
    """One that outlived it would keep the engine from taking the cgroup down, for ever."""
    seen = web(docker_world)
    count = "import pathlib; print(pathlib.Path('/proc/self/cgroup').read_text())"
    recipe = Recipe(Means.HOLD, do=(f'python3 -c "{count}" >&2',), joins=(Joins.CGROUP,))
    hit = inject(docker_world, a_hit(seen, recipe))
    (helper,) = helpers_of(docker_world)
    assert helper["HostConfig"]["CgroupParent"].endswith(f"/{seen.runtime_id}")
    assert helper["HostConfig"]["PidMode"] == f"container:{seen.runtime_id}"
    docker_world.kill(seen.runtime_id)
    await_fact(docker_world, HitUndone, fault_id=hit.fault_id)
    assert helpers_of(docker_world) == []


def test_a_helper_that_stands_still_with_its_victim_is_not_killed_for_it(docker_world: DockerWorld) -> None:
    seen = running(docker_world)
    hit = inject(docker_world, a_hit(seen, Recipe(Means.HOLD, joins=(Joins.CGROUP,))))
    docker_world.pause(seen.runtime_id)
    execute(docker_world, undoing(hit))
    stuck = await_fact(docker_world, HitStuck, fault_id=hit.fault_id)
    assert stuck.trouble == "it is paused, and so is what joins it"
    docker_world.client.unpause(seen.runtime_id)
    assert undo(docker_world, hit) == "there is nothing to undo"


def test_a_held_fault_ends_by_itself_when_its_time_is_up(docker_world: DockerWorld) -> None:
    seen = web(docker_world)
    hit = inject(docker_world, a_hit(seen, BLACKHOLE, seconds=1.0))
    await_fact(docker_world, HitUndone, fault_id=hit.fault_id)
    assert_nothing_is_left(docker_world, seen)


def test_a_held_fault_whose_load_ends_by_itself_ends_early_and_says_so(docker_world: DockerWorld) -> None:
    seen = web(docker_world)
    hit = inject(docker_world, a_hit(seen, replace(BLACKHOLE, background="sleep 1.5; exit 7")))
    undone = await_fact(docker_world, HitUndone, fault_id=hit.fault_id)
    assert undone.proof.endswith(
        " s what ran in the background ended by itself with exit code 7; port 8080 takes connections"
    )
    assert_nothing_is_left(docker_world, seen)
    assert "CECS" not in rules(docker_world, seen)


def test_a_fault_without_effect_is_refused_and_leaves_nothing(docker_world: DockerWorld) -> None:
    seen = web(docker_world)
    hit = a_hit(seen, replace(BLACKHOLE, do=("true",), probe_seconds=0.3))
    execute(docker_world, hit)
    refused = await_fact(docker_world, HitRefused, fault_id=hit.fault_id)
    assert refused.reason == "no effect could be measured: port 8080 takes connections"
    assert helpers_of(docker_world) == []
    undo(docker_world, hit)
    assert facts_of(docker_world, hit) == ["HitRefused", "HitUndone"]
    assert_nothing_is_left(docker_world, seen)
    assert "CECS" not in rules(docker_world, seen)


def test_a_helper_that_cannot_do_its_work_says_why(docker_world: DockerWorld) -> None:
    hit = a_hit(web(docker_world), replace(BLACKHOLE, capabilities=()))
    execute(docker_world, hit)
    assert "ermi" in await_fact(docker_world, HitRefused, fault_id=hit.fault_id).reason  # permission, permitted
    undo(docker_world, hit)


def test_a_fault_asked_for_twice_is_told_twice_and_done_once(docker_world: DockerWorld) -> None:
    seen = web(docker_world)
    hit = inject(docker_world, a_hit(seen, BLACKHOLE))
    execute(docker_world, hit)
    docker_world.advance_until(lambda: facts_of(docker_world, hit) == ["HitActive", "HitActive"])
    assert len({fact.proof for fact in told(docker_world, HitActive)}) == 1
    assert len(helpers_of(docker_world)) == 1
    undo(docker_world, hit)
    execute(docker_world, undoing(hit))
    docker_world.advance_until(lambda: facts_of(docker_world, hit)[2:] == ["HitUndone", "HitUndone"])
    assert_nothing_is_left(docker_world, seen)


def test_no_undoing_overtakes_what_it_is_to_undo(docker_world: DockerWorld) -> None:
    seen = web(docker_world)
    hit = a_hit(seen, BLACKHOLE)
    execute(docker_world, hit, undoing(hit))
    await_fact(docker_world, HitUndone, fault_id=hit.fault_id)
    assert_nothing_is_left(docker_world, seen)
    execute(docker_world, hit)  # asked late
    docker_world.advance_until(lambda: len(told(docker_world, HitUndone)) == 2)
    assert_nothing_is_left(docker_world, seen)
    assert "CECS" not in rules(docker_world, seen)


def test_what_a_helper_that_was_killed_has_left_is_healed_by_another(docker_world: DockerWorld) -> None:
    seen = web(docker_world)
    hit = inject(docker_world, a_hit(seen, BLACKHOLE))
    (helper,) = helpers_of(docker_world)
    docker_world.kill(helper["Id"])
    undone = await_fact(docker_world, HitUndone, fault_id=hit.fault_id)
    assert undone.proof == "port 8080 takes connections (its helper was killed: undone by another)"
    assert_nothing_is_left(docker_world, seen)
    assert "CECS" not in rules(docker_world, seen)


def test_what_a_helper_that_was_removed_has_left_is_healed_when_it_is_asked_about(docker_world: DockerWorld) -> None:
    seen = web(docker_world)
    hit = inject(docker_world, a_hit(seen, BLACKHOLE))
    (helper,) = helpers_of(docker_world)
    docker_world.reopen()
    docker_world.remove(helper["Id"])
    assert not answers(seen)
    assert undo(docker_world, hit) == "port 8080 takes connections"
    assert_nothing_is_left(docker_world, seen)


def test_the_end_of_a_victim_ends_its_helper(docker_world: DockerWorld) -> None:
    seen = web(docker_world)
    hit = inject(docker_world, a_hit(seen, BLACKHOLE))
    docker_world.remove(seen.runtime_id)
    undone = await_fact(docker_world, HitUndone, fault_id=hit.fault_id)
    assert undone.proof == "the container is gone, and the fault with it"
    assert helpers_of(docker_world) == []


def test_a_victim_that_is_gone_is_not_hurt(docker_world: DockerWorld) -> None:
    seen = web(docker_world)
    docker_world.kill(seen.runtime_id)
    hit = a_hit(seen, BLACKHOLE)
    execute(docker_world, hit)
    await_fact(docker_world, HitUndone, fault_id=hit.fault_id)
    assert facts_of(docker_world, hit) == ["HitUndone"]


def test_after_a_crash_of_the_controller_a_fault_is_found_and_can_be_undone(docker_world: DockerWorld) -> None:
    seen = web(docker_world)
    hit = inject(docker_world, a_hit(seen, BLACKHOLE))
    proof = told(docker_world, HitActive)[0].proof
    docker_world.reopen()
    execute(docker_world, replace(hit, seconds=30.0))
    assert await_fact(docker_world, HitActive, fault_id=hit.fault_id).proof == proof
    assert len(helpers_of(docker_world)) == 1
    undo(docker_world, hit)
    assert_nothing_is_left(docker_world, seen)


def test_a_fault_that_ended_while_no_controller_looked_is_told_from_its_beginning(docker_world: DockerWorld) -> None:
    seen = web(docker_world)
    hit = inject(docker_world, a_hit(seen, BLACKHOLE, seconds=0.5))
    docker_world.runtime.close()
    eventually(lambda: [one["State"]["Running"] for one in helpers_of(docker_world)] == [False], within=10)
    docker_world.reopen()
    execute(docker_world, hit)
    await_fact(docker_world, HitUndone, fault_id=hit.fault_id)
    assert facts_of(docker_world, hit) == ["HitActive", "HitUndone"]
    assert_nothing_is_left(docker_world, seen)


def test_a_refusal_while_no_controller_looked_is_told_and_undone_all_the_same(docker_world: DockerWorld) -> None:
    seen = web(docker_world)
    hit = a_hit(seen, replace(BLACKHOLE, do=("true",), probe_seconds=0.5))
    execute(docker_world, hit)
    eventually(lambda: [one["State"]["Running"] for one in helpers_of(docker_world)] == [True], within=10, every=0.01)
    docker_world.runtime.close()
    eventually(lambda: [one["State"]["Running"] for one in helpers_of(docker_world)] == [False], within=10)
    docker_world.reopen()
    undo(docker_world, hit)
    assert facts_of(docker_world, hit) == ["HitRefused", "HitUndone"]
    assert_nothing_is_left(docker_world, seen)


def test_a_helper_killed_while_no_controller_looked_is_healed_by_the_next(docker_world: DockerWorld) -> None:
    seen = web(docker_world)
    hit = inject(docker_world, a_hit(seen, BLACKHOLE))
    docker_world.runtime.close()
    docker_world.kill(helpers_of(docker_world)[0]["Id"])
    docker_world.reopen()
    execute(docker_world, hit)
    await_fact(docker_world, HitUndone, fault_id=hit.fault_id)
    assert_nothing_is_left(docker_world, seen)


def test_a_helper_nobody_asks_about_is_ended(docker_world: DockerWorld) -> None:
    """The record of its fault is lost."""
    seen = web(docker_world)
    inject(docker_world, a_hit(seen, BLACKHOLE))
    docker_world.runtime.close()
    runtime = DockerRuntime(Connector(30).connect, docker_world.home, Images, leftovers_after=0.5)
    runtime.open(lambda: None)
    eventually(lambda: helpers_of(docker_world) == [], within=10)
    runtime.close()
    assert_nothing_is_left(docker_world, seen)


def test_an_engine_that_was_away_changes_nothing_about_a_fault(fragile_docker: DockerWorld) -> None:
    world = fragile_docker
    seen = web(world)
    hit = inject(world, a_hit(seen, BLACKHOLE))
    world.engine_goes()
    execute(world, hit)
    world.engine_returns()
    world.advance_until(lambda: len(told(world, EngineConnected)) == 2)
    execute(world, hit)
    world.advance_until(lambda: facts_of(world, hit) == ["HitActive", "HitActive"])
    undo(world, hit)
    assert_nothing_is_left(world, seen)


def test_clean_takes_victims_helpers_and_their_network(docker_world: DockerWorld) -> None:
    seen = web(docker_world)
    inject(docker_world, a_hit(seen, BLACKHOLE))
    inject(docker_world, a_hit(seen, Recipe(Means.HOLD, joins=(Joins.CGROUP, Joins.PROCESSES))))
    docker_world.runtime.close()
    assert cleaner.clean(docker_world.client, docker_world.home.id).left == ()
    assert helpers_of(docker_world) == []


# --- FREEZE and STALL ---


def test_a_frozen_container_says_nothing_until_it_goes_on(docker_world: DockerWorld) -> None:
    seen = web(docker_world)
    hit = inject(docker_world, a_hit(seen, FREEZE))
    assert inspected(docker_world, seen)["State"]["Paused"]
    assert not answers(seen)
    proof = told(docker_world, HitActive)[0].proof
    assert proof.startswith("paused, and http://127.0.0.1:")
    assert "says nothing for 1 s (before: " in proof
    docker_world.reopen()
    inject(docker_world, hit)
    assert "answers" in undo(docker_world, hit)
    assert not inspected(docker_world, seen)["State"]["Paused"]
    assert answers(seen)


def test_a_container_without_a_port_is_frozen_on_the_engines_word(docker_world: DockerWorld) -> None:
    seen = running(docker_world, a_container(command=("worker",)))
    hit = inject(docker_world, a_hit(seen, FREEZE))
    assert told(docker_world, HitActive)[0].proof == "paused (it publishes no port on this machine to ask)"
    assert undo(docker_world, hit) == "not paused any more"


def test_a_container_that_did_not_answer_before_is_left_alone(docker_world: DockerWorld) -> None:
    seen = running(docker_world, a_container(command=("worker",), port_mappings=(PortMapping(8080),)))
    for recipe in (FREEZE, STALL):
        hit = a_hit(seen, recipe)
        execute(docker_world, hit)
        reason = await_fact(docker_world, HitRefused, fault_id=hit.fault_id).reason
        assert reason.endswith("before anything was done: nothing could be told")
    assert not inspected(docker_world, seen)["State"]["Paused"]


def refusal(world: World, hit: InjectHit) -> str:
    """Of what is so before anything was done; and the undoing that follows, which leaves it as it is."""
    execute(world, hit)
    reason = await_fact(world, HitRefused, fault_id=hit.fault_id).reason
    assert undo(world, hit) == "nothing had been done to it yet"
    return reason


def test_a_container_that_somebody_has_paused_stays_paused(docker_world: DockerWorld) -> None:
    seen = web(docker_world)
    docker_world.pause(seen.runtime_id)
    for recipe in (FREEZE, STALL):
        reason = refusal(docker_world, a_hit(seen, recipe))
        assert reason == "it is paused before anything was done: nothing could be told"
        assert inspected(docker_world, seen)["State"]["Paused"]


@pytest.mark.parametrize("whom", ["the main process", "a child"])
def test_a_process_that_somebody_has_stopped_stays_stopped(docker_world: DockerWorld, whom: str) -> None:
    seen = web(docker_world)
    if whom == "a child":
        docker_world.inside(seen.runtime_id, "kill -STOP $(pidof httpd)")
    else:
        docker_world.client.kill(seen.runtime_id, "SIGSTOP")
    eventually(lambda: [state[0] for state in states(docker_world, seen)].count("T") == 1, within=5)
    reason = refusal(docker_world, a_hit(seen, STALL))
    assert reason == "1 of 2 processes are stopped (state T) before anything was done: nothing could be told"
    assert [state[0] for state in states(docker_world, seen)].count("T") == 1


def test_a_stalled_container_says_nothing_though_a_child_of_its_main_process_serves(docker_world: DockerWorld) -> None:
    seen = web(docker_world)
    hit = inject(docker_world, a_hit(seen, STALL))
    assert {state[0] for state in states(docker_world, seen)} == {"T"}
    assert not answers(seen)
    assert told(docker_world, HitActive)[0].proof.startswith("2 of 2 processes are stopped (state T), and http://")
    docker_world.reopen()
    inject(docker_world, hit)
    undo(docker_world, hit)
    assert {state[0] for state in states(docker_world, seen)} <= {"S", "R"}
    assert answers(seen)
    assert helpers_of(docker_world) == []


def test_an_errand_of_a_controller_that_was_killed_is_ended_before_anything_else(docker_world: DockerWorld) -> None:
    """Else it might stop what has just gone on."""
    seen = running(docker_world)
    hit = a_hit(seen, STALL)
    leave_an_errand(docker_world, hit)
    undo(docker_world, hit)
    assert helpers_of(docker_world) == []


def test_a_port_that_still_answers_is_no_proof() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        answering = threading.Thread(target=lambda: server.accept()[0].sendall(b"SSH-2.0\r\n"))
        answering.start()
        port = server.getsockname()[1]
        with pytest.raises(
            RefusedError, match=f"no effect could be measured: http://127.0.0.1:{port}/ answers something"
        ):
            silence(Victim("id", False, 1, {}, {}, (port,)), None, within=0.0)
        answering.join()


def leave_an_errand(world: DockerWorld, hit: InjectHit) -> None:
    """As a controller does that is killed in the middle of one."""
    marks = {**world.home.labels, labels.FAULT: hit.fault_id, labels.HIT: str(hit.index)}
    config = {"Image": helpers.IMAGE, "Labels": marks, "Entrypoint": ["sleep", "60"], "Cmd": []}
    made = world.client.create_container_from_config(config, labels.errand_name(hit.fault_id, hit.index))
    world.client.start(made["Id"])


def states(world: DockerWorld, seen: ContainerSeen) -> list[str]:
    return [row[1] for row in world.client.top(seen.runtime_id, "-o pid,stat")["Processes"]]


# --- LIMIT ---


@pytest.mark.parametrize(("cpu", "before"), [(256, 25_000), (0, -1)])
def test_a_setting_is_changed_once_its_value_is_on_record_and_put_back(
    docker_world: DockerWorld, cpu: int, before: int
) -> None:
    seen = web(docker_world, cpu=cpu)
    hit = a_hit(seen, SLOW)
    execute(docker_world, hit)
    prior = await_fact(docker_world, HitPrior, fault_id=hit.fault_id).prior
    assert json.loads(prior) == {"CpuQuota": max(0, before)}
    assert inspected(docker_world, seen)["HostConfig"]["CpuQuota"] == max(0, before)
    hit = inject(docker_world, replace(hit, prior=prior))
    assert inspected(docker_world, seen)["HostConfig"]["CpuQuota"] == 10_000
    assert "the quota is 10000 (before: the quota is" in told(docker_world, HitActive)[0].proof
    docker_world.reopen()
    inject(docker_world, hit)
    assert f"the quota is {before if before > 0 else ''}".strip() in undo(docker_world, hit)
    assert inspected(docker_world, seen)["HostConfig"]["CpuQuota"] == before


def test_a_limit_of_processes_is_lifted_again_where_there_was_none(docker_world: DockerWorld) -> None:
    seen = web(docker_world)
    forks = "trap 'echo no process can be started; exit 1' EXIT; (true); trap - EXIT; echo processes can be started"
    hit = inject(docker_world, a_hit(seen, Recipe(Means.LIMIT, do=("PidsLimit=2",), probe=forks)))
    assert inspected(docker_world, seen)["HostConfig"]["PidsLimit"] == 2
    assert undo(docker_world, hit) == "PidsLimit is unlimited again, and processes can be started"
    assert not inspected(docker_world, seen)["HostConfig"]["PidsLimit"]


def test_a_limit_whose_effect_cannot_be_measured_is_refused_and_put_back(docker_world: DockerWorld) -> None:
    seen = web(docker_world)
    hit = a_hit(seen, replace(SLOW, probe="echo the quota is whatever", probe_seconds=0.2))
    execute(docker_world, hit)
    hit = replace(hit, prior=await_fact(docker_world, HitPrior, fault_id=hit.fault_id).prior)
    execute(docker_world, hit)
    reason = await_fact(docker_world, HitRefused, fault_id=hit.fault_id).reason
    assert reason == "no effect could be measured: the quota is whatever"
    undo(docker_world, hit)
    assert inspected(docker_world, seen)["HostConfig"]["CpuQuota"] == -1


def test_a_limit_that_somebody_has_set_to_the_same_is_left_alone(docker_world: DockerWorld) -> None:
    seen = web(docker_world)
    docker_world.client.update_container(seen.runtime_id, cpu_quota=10_000)
    reason = refusal(docker_world, a_hit(seen, SLOW))
    assert reason == "CpuQuota is 10000 before anything was done: nothing could be told"
    assert inspected(docker_world, seen)["HostConfig"]["CpuQuota"] == 10_000


def test_what_was_never_changed_is_not_put_back(docker_world: DockerWorld) -> None:
    seen = web(docker_world)
    for recipe in (SLOW, DETACH):
        hit = a_hit(seen, recipe)
        execute(docker_world, hit)
        await_fact(docker_world, HitPrior, fault_id=hit.fault_id)
        assert undo(docker_world, hit) == "nothing had been done to it yet"
    assert inspected(docker_world, seen)["HostConfig"]["CpuQuota"] == 0
    assert answers(seen)


# --- DETACH ---


def test_a_detached_container_gets_its_address_and_names_back(docker_world: DockerWorld) -> None:
    seen = web(docker_world)
    hit = inject(docker_world, a_hit(seen, DETACH))
    assert json.loads(hit.prior)["address"] == seen.address
    assert inspected(docker_world, seen)["NetworkSettings"]["Networks"] == {}
    assert not answers(seen)
    assert told(docker_world, HitActive)[0].proof.startswith(f"it has lost its address {seen.address}, and http://")
    await_fact(docker_world, ContainerSeen, runtime_id=seen.runtime_id, address="")
    docker_world.reopen()
    inject(docker_world, hit)
    assert undo(docker_world, hit).startswith(f"it has the address {seen.address} again, and http://")
    back = await_fact(docker_world, ContainerSeen, runtime_id=seen.runtime_id, address=seen.address)
    assert answers(back)  # the engine has given it another port of this machine


def test_a_detached_container_whose_address_was_taken_gets_another(docker_world: DockerWorld) -> None:
    seen = web(docker_world)
    hit = inject(docker_world, a_hit(seen, DETACH))
    assert web(docker_world).address == seen.address
    assert f": {seen.address} was not to be had" in undo(docker_world, hit)


# --- EXEC ---


def test_lines_run_in_the_victim_are_measured_and_undone(docker_world: DockerWorld) -> None:
    seen = web(docker_world)
    hit = inject(docker_world, a_hit(seen, LITTER))
    assert told(docker_world, HitActive)[0].proof == "it is there (before: it is not there)"
    docker_world.reopen()
    inject(docker_world, hit)
    assert undo(docker_world, hit) == "undone, and it is not there"


def test_what_the_lines_would_do_and_somebody_has_done_is_left_alone(docker_world: DockerWorld) -> None:
    seen = web(docker_world)
    hit = a_hit(seen, replace(LITTER, probe=LITTER.probe.replace("$TAG", "litter"), undo=("rm -f /tmp/litter",)))
    docker_world.inside(seen.runtime_id, "touch /tmp/litter")
    assert refusal(docker_world, hit) == "it is there before anything was done: nothing could be told"
    made = docker_world.client.exec_create(seen.runtime_id, ["test", "-e", "/tmp/litter"])
    docker_world.client.exec_start(made)
    assert docker_world.client.exec_inspect(made)["ExitCode"] == 0


def test_the_end_of_a_victim_is_not_for_a_deadly_fault_to_tell(docker_world: DockerWorld) -> None:
    seen = web(docker_world)
    hit = a_hit(seen, Recipe(Means.EXEC, do=("kill 1",), is_deadly=True))
    execute(docker_world, hit)
    await_fact(docker_world, ContainerSeen, runtime_id=seen.runtime_id, state=RunState.EXITED)
    execute(docker_world, hit)  # which tells nothing, before what comes next in the same lane
    execute(docker_world, undoing(hit))
    await_fact(docker_world, HitUndone, fault_id=hit.fault_id)
    assert facts_of(docker_world, hit) == ["HitUndone"]


def test_a_deadly_fault_that_its_victim_survives_is_refused(docker_world: DockerWorld) -> None:
    hit = a_hit(web(docker_world), Recipe(Means.EXEC, do=("echo boo",), is_deadly=True, probe_seconds=0.3))
    execute(docker_world, hit)
    reason = await_fact(docker_world, HitRefused, fault_id=hit.fault_id).reason
    assert reason == "it still runs after 1 s: boo"


# --- what the engine can do ---


def test_what_the_engine_can_do_is_found_out_once_and_leaves_nothing(docker_world: DockerWorld) -> None:
    await_fact(docker_world, EngineConnected)
    assert isinstance(docker_world.runtime, DockerRuntime)
    found = docker_world.runtime.abilities()
    assert found.keys() == {ability.value for ability in Ability}
    assert [found[name] for name in ("helper", "freezer", "pids", "quota", "reject")] == [""] * 5
    assert docker_world.runtime.abilities() is found
    scratch = {"label": [f"{labels.HOME}={docker_world.home.id}", labels.SCRATCH]}
    assert eventually(lambda: docker_world.client.containers(all=True, filters=scratch) == [], within=5)
