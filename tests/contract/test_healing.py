"""Whatever ends a service's task, exactly one new task takes its place, and the dead one is told by its right cause."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from chaos_ecs.core.facts import OUT_OF_MEMORY, REMOVED, RESTARTED
from chaos_ecs.core.lifecycle import ESSENTIAL_EXITED
from chaos_ecs.core.messages import EventType, StopTask
from chaos_ecs.core.model import ContainerDefinition, StopCode, Task
from chaos_ecs.live import labels
from chaos_ecs.ports import Store
from chaos_ecs.sim.store import MemoryStore
from tests.builders import CLUSTER, a_container
from tests.contract.stage import Stage, runtime_id, staged
from tests.contract.worlds import GREEDY, DockerWorld, World


@pytest.fixture
def stage(world: World) -> Stage:
    """A service of two that runs, in both worlds."""
    return _of_two(world)


@pytest.fixture
def docker_stage(docker_world: DockerWorld) -> Stage:
    return _of_two(docker_world)


def _of_two(world: World, definition: ContainerDefinition | None = None, store: Store | None = None) -> Stage:
    stage = staged(world, store)
    stage.a_service(2, definition)
    stage.await_whole(2)
    return stage


def healed_after(stage: Stage, hurt: Callable[[str], object]) -> Task:
    """Hurts the container of one of the two tasks; that task's record, once the service is whole again."""
    victim, kept = stage.running
    hurt(runtime_id(victim))
    return stage.await_healed(victim, kept)


def assert_essential_exited(dead: Task, exit_code: int | None, reason: str | None = None) -> None:
    assert (dead.stop_code, dead.stopped_reason) == (StopCode.ESSENTIAL_CONTAINER_EXITED, ESSENTIAL_EXITED)
    assert (dead.containers[0].exit_code, dead.containers[0].reason) == (exit_code, reason)


def test_a_task_killed_behind_our_back_is_replaced(stage: Stage) -> None:
    assert_essential_exited(healed_after(stage, stage.world.kill), 137)


def test_a_task_stopped_behind_our_back_is_replaced(stage: Stage) -> None:
    assert_essential_exited(healed_after(stage, stage.world.stop), 0)


def test_a_task_whose_container_was_removed_is_replaced(stage: Stage) -> None:
    """Its exit code is known only if the engine could still be asked between the death and the removal."""
    dead = healed_after(stage, stage.world.remove)
    known = dead.containers[0].exit_code is not None
    assert_essential_exited(dead, 137 if known else None, None if known else REMOVED)
    assert runtime_id(dead) not in stage.world.engine_has()


def test_a_task_stopped_by_its_user_is_replaced(stage: Stage) -> None:
    victim, kept = stage.running
    stage.submit(StopTask(victim.arn, "lunch"))
    dead = stage.await_healed(victim, kept)
    assert (dead.stop_code, dead.stopped_reason) == (StopCode.USER_INITIATED, "lunch")
    assert dead.containers[0].exit_code == 0


@pytest.fixture
def greedy_stage(world: World) -> Stage:
    """Tasks that can be made to run out of memory."""
    return _of_two(world, a_container(entry_point=GREEDY, command=(), memory=16))


def test_a_task_out_of_memory_says_so_and_is_replaced(greedy_stage: Stage) -> None:
    world = greedy_stage.world
    dead = healed_after(greedy_stage, lambda victim: world.exhaust_memory(victim, of_child=False))
    world.advance_until(lambda: greedy_stage.task(dead.arn).containers[0].reason)
    assert_essential_exited(greedy_stage.task(dead.arn), 137, OUT_OF_MEMORY)


def test_a_task_whose_child_ran_out_of_memory_has_ended_by_itself(greedy_stage: Stage) -> None:
    """Docker's flag is set all the same; it does not mean that the main process died of it."""
    world = greedy_stage.world
    dead = healed_after(greedy_stage, lambda victim: world.exhaust_memory(victim, of_child=True))
    assert_essential_exited(dead, 3)
    assert world.ran_out_of_memory(runtime_id(dead))


def test_a_task_whose_container_was_restarted_has_ended_and_the_container_goes(stage: Stage) -> None:
    dead = healed_after(stage, stage.world.restart)
    assert (dead.stop_code, dead.stopped_reason) == (StopCode.ESSENTIAL_CONTAINER_EXITED, ESSENTIAL_EXITED)
    stage.world.advance_until(lambda: runtime_id(dead) not in stage.world.engine_has())


def test_a_task_whose_container_was_restarted_while_no_controller_looked_has_ended_too(world: World) -> None:
    store = MemoryStore()
    stage = _of_two(world, store=store)
    victim, kept = stage.running
    world.runtime.close()
    world.advance(1.1)
    world.restart(runtime_id(victim))
    world.reopen()
    following = staged(world, store)
    dead = following.await_healed(victim, kept)
    assert_essential_exited(dead, None, RESTARTED)
    world.advance_until(lambda: runtime_id(dead) not in world.engine_has())


def test_a_paused_task_is_left_alone(stage: Stage) -> None:
    victim, kept = stage.running
    stage.world.pause(runtime_id(victim))
    stage.world.advance_until(lambda: stage.task(victim.arn).containers[0].paused)
    assert [task.arn for task in stage.await_whole(2)] == [victim.arn, kept.arn]
    assert stage.service_tasks == 2


@pytest.mark.parametrize(("role", "exit_code"), [("batch", 0), ("flaky", 1)])
def test_a_task_that_ends_by_itself_is_replaced_whatever_its_exit_code(world: World, role: str, exit_code: int) -> None:
    stage = staged(world)
    stage.a_service(1, a_container(command=(role,), environment=(("SECONDS_TO_WORK", "1"),)))
    (first,) = stage.await_whole(1)
    assert_essential_exited(stage.await_stopped(first), exit_code)
    (second,) = stage.await_whole(1)
    assert second.arn != first.arn
    assert second.fills is not None
    assert second.fills.task_arn == first.arn
    assert stage.service.throttle.level == 0


def test_tasks_that_cannot_start_are_tried_again_ever_more_slowly(world: World) -> None:
    stage = staged(world)
    stage.a_service(2, a_container(entry_point=("/no/such/program",)))
    stage.world.advance_until(lambda: stage.service.throttle.level >= 2 and len(_dead(stage)) == 4)
    dead = _dead(stage)
    assert {task.stop_code for task in dead} == {StopCode.TASK_FAILED_TO_START}
    assert all("CannotStartContainerError" in (task.stopped_reason or "") for task in dead)
    assert (stage.running, stage.world.engine_has()) == ([], {})


def _dead(stage: Stage) -> list[Task]:
    return [task for task in stage.controller.state.tasks.values() if task.is_stopped]


@pytest.mark.docker
def test_a_network_removed_from_under_the_tasks_is_made_again_by_the_next_start(docker_stage: Stage) -> None:
    """The tasks that were in it run on without one, as a process does whose cable was pulled."""
    world = docker_stage.world
    assert isinstance(world, DockerWorld)
    name = labels.network_name(world.home, CLUSTER)
    world.remove_network(name)
    assert_essential_exited(healed_after(docker_stage, world.kill), 137)
    newest = docker_stage.running[-1]
    assert list(world.client.inspect_container(runtime_id(newest))["NetworkSettings"]["Networks"]) == [name]


@pytest.mark.docker
def test_a_task_whose_container_was_renamed_is_still_ours(docker_stage: Stage) -> None:
    world = docker_stage.world
    assert isinstance(world, DockerWorld)
    victim = docker_stage.running[0]
    world.client.rename(runtime_id(victim), f"renamed-{victim.id}")
    assert docker_stage.await_whole(2)[0].arn == victim.arn
    assert_essential_exited(healed_after(docker_stage, world.kill), 137)


@pytest.mark.docker
def test_a_container_that_the_engine_restarts_by_itself_has_ended_all_the_same(docker_stage: Stage) -> None:
    """`docker update --restart=always`, then its main process ends: the container lives again, its task does not."""
    world = docker_stage.world
    assert isinstance(world, DockerWorld)

    def meddle(victim: str) -> None:
        world.client.update_container(victim, restart_policy={"Name": "always"})
        world.inside(victim, "kill -TERM 1")

    dead = healed_after(docker_stage, meddle)
    assert_essential_exited(dead, 0)
    world.advance_until(lambda: runtime_id(dead) not in world.engine_has())


def test_what_runs_when_the_record_was_lost_is_removed_and_told_once(world: World) -> None:
    """Nothing says what these tasks were for, so they are not adopted: what is desired now starts anew."""
    before = _of_two(world)
    old = world.engine_has()
    world.reopen()
    stage = staged(world)
    stage.a_service(2)
    stage.await_whole(2)
    world.advance_until(lambda: not old.keys() & world.engine_has().keys())
    stage.await_whole(2)
    assert not {task.arn for task in before.running} & {task.arn for task in stage.running}
    told = [event.data["runtimeId"] for event in stage.events if event.type is EventType.STRAY_FOUND]
    assert sorted(told) == sorted(old)
