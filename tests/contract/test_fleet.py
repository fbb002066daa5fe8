"""A fleet keeps a Runtime's promises for containers on its further engine too: `test_runtime.py`'s, on other worlds;
and what it promises besides."""

from __future__ import annotations

import pytest

from chaos_ecs.core.instance_messages import LeaveEngine, UseEngine
from chaos_ecs.core.messages import (
    ContainerGone,
    ContainerSeen,
    EngineConnected,
    EngineLost,
    RunState,
    StartContainer,
    StartFailed,
)
from chaos_ecs.errors import ChaosEcsError
from chaos_ecs.live import engine
from tests.builders import a_container
from tests.contract import test_runtime as promised
from tests.contract.test_runtime import a_task, running, signal
from tests.contract.worlds import FleetDockerWorld, World, await_fact, execute, told


@pytest.fixture
def world(fleet_world: World) -> World:
    return fleet_world


@pytest.fixture
def fragile_world(fragile_fleet_world: World) -> World:
    return fragile_fleet_world


test_what_is_here_is_not_pulled = promised.test_an_image_that_is_here_is_not_pulled
test_an_end_tells_its_code = promised.test_a_container_that_ends_tells_its_exit_code
test_a_kill_is_told = promised.test_a_container_killed_from_outside_exits_137
test_a_removal_is_told = promised.test_a_container_removed_from_outside_is_gone
test_a_program_that_is_missing = promised.test_a_program_that_does_not_exist_fails_the_start_and_leaves_nothing
test_a_start_twice = promised.test_a_start_asked_for_twice_makes_one_container
test_an_ended_one = promised.test_a_container_that_has_ended_is_never_started_again
test_a_new_controller = promised.test_a_new_runtime_finds_what_an_old_one_started
test_a_death_unseen = promised.test_a_death_while_nobody_looked_is_in_the_first_listing
test_a_stop = promised.test_the_stop_signal_is_honoured
test_a_sigkill = promised.test_a_sigkill_ends_with_137
test_removals = promised.test_a_removed_container_is_gone_running_or_not
test_a_pause = promised.test_a_paused_container_runs_on_frozen_and_can_be_resumed
test_nobody = promised.test_whoever_asks_about_a_container_that_is_not_there_is_told_so
test_logs = promised.test_logs_are_lines_with_their_times_newer_than_asked
test_no_logs = promised.test_logs_of_a_container_that_is_gone_are_refused
test_a_gap = promised.test_an_engine_that_goes_is_told_once_and_its_return_with_all_there_is
test_a_start_in_a_gap = promised.test_a_start_while_the_engine_is_away_is_unknown_and_may_be_asked_for_again


def test_each_engine_tells_what_it_has_under_its_name(world: World) -> None:
    own = await_fact(world, EngineConnected, host="")
    there = await_fact(world, EngineConnected, host=world.host)
    assert (own.containers, there.containers) == ((), ())
    assert world.facts.index(own) < world.facts.index(there)


def test_an_engine_that_is_left_is_not_heard_of_again_and_nothing_of_ours_stays_there(world: World) -> None:
    seen = running(world)
    world.runtime.execute([LeaveEngine(world.host, "nobody stands for it")])
    world.advance_until(lambda: not world.engine_has())
    assert [fact for fact in told(world, ContainerGone) if fact.runtime_id == seen.runtime_id] == []


def test_an_engine_that_is_used_twice_is_opened_once(world: World) -> None:
    await_fact(world, EngineConnected, host=world.host)
    world.runtime.execute([UseEngine(world.host, "somebody asked again")])
    running(world)
    assert len(promised.connected(world)) == 1


def test_a_start_for_an_engine_that_is_not_in_use_fails(world: World) -> None:
    await_fact(world, EngineConnected, host=world.host)
    task = a_task()
    world.runtime.execute([StartContainer(task, a_container(), "because the test wants it", engine="tcp://nobody")])
    failed = await_fact(world, StartFailed, task_arn=task.arn)
    assert "tcp://nobody is not in use" in failed.message


def test_an_engine_there_is_none_of_is_lost_by_its_name_and_the_others_go_on(world: World) -> None:
    if not isinstance(world, FleetDockerWorld):
        pytest.skip("in the simulator any name is an engine's")
    world.runtime.execute([UseEngine("unix:///no/engine.sock", "a test")])
    lost = await_fact(world, EngineLost, host="unix:///no/engine.sock")
    assert "Cannot reach Docker at unix:///no/engine.sock" in lost.reason
    running(world)


def test_an_engine_that_says_nothing_any_more_is_lost_though_no_connection_ends(fragile_world: World) -> None:
    world = fragile_world
    if not isinstance(world, FleetDockerWorld):
        pytest.skip("connections are Docker's")
    seen = running(world)
    assert world.relay is not None
    world.relay.hold()
    assert await_fact(world, EngineLost, host=world.host).reason == "no answer within 5 s"
    world.relay.go_on()
    world.advance_until(lambda: len(promised.connected(world)) == 2)
    assert [one.runtime_id for one in promised.connected(world)[-1].containers] == [seen.runtime_id]


def test_another_controller_knows_from_the_listing_where_a_container_is(world: World) -> None:
    seen = running(world)
    world.reopen()
    execute(world, signal(seen, "SIGKILL"))
    ended = await_fact(world, ContainerSeen, runtime_id=seen.runtime_id, state=RunState.EXITED)
    assert ended.exit_code == 137


@pytest.mark.parametrize(
    ("name", "where", "how"),
    [
        ("unix:///no/engine.sock", "unix:///no/engine.sock", "docker --host unix:///no/engine.sock version"),
        ("no-such-context", "the Docker context no-such-context", "docker --context no-such-context version"),
    ],
)
def test_an_engine_that_does_not_answer_is_named_with_what_to_ask_docker(name: str, where: str, how: str) -> None:
    with pytest.raises(ChaosEcsError) as refused:
        engine.named(name).connect()
    assert (refused.value.code, refused.value.what) == ("E-DOCKER-DOWN", f"Cannot reach Docker at {where}")
    assert how in refused.value.hint
