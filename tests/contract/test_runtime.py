"""What a Runtime promises, held against the simulator and Docker alike."""

from __future__ import annotations

import uuid

import pytest

from chaos_ecs.core import arns
from chaos_ecs.core.messages import (
    ContainerGone,
    ContainerSeen,
    EngineConnected,
    EngineLost,
    PauseContainer,
    PullStarted,
    PullStopped,
    RemoveContainer,
    ResumeContainer,
    RunState,
    SignalContainer,
    StartContainer,
    StartFailed,
    StartUnknown,
)
from chaos_ecs.core.model import Container, ContainerDefinition, HealthCheck, HealthStatus, PortMapping, Task
from chaos_ecs.errors import ChaosEcsError
from tests.builders import CLUSTER, a_container, definition_arn
from tests.contract.worlds import (
    World,
    a_free_port,
    await_fact,
    await_running,
    containers_now,
    execute,
    told,
)


def a_task(*names: str) -> Task:
    """A task of its own, with containers of these names."""
    arn = arns.task_arn(CLUSTER, uuid.uuid4().hex)  # two sessions may share an engine
    containers = tuple(Container(name, arns.container_arn(arn, name), "") for name in names or ("app",))
    return Task(arn, CLUSTER, definition_arn("contract"), "family:contract", containers, 1, 0.0)


def start(task: Task, definition: ContainerDefinition | None = None) -> StartContainer:
    return StartContainer(task, definition or a_container(), "because the test wants it")


def signal(seen: ContainerSeen, name: str | None) -> SignalContainer:
    return SignalContainer(seen.task_arn, seen.name, seen.runtime_id, name, "because the test wants it")


def running(world: World, definition: ContainerDefinition | None = None) -> ContainerSeen:
    """A container that runs, of a task of its own."""
    task = a_task()
    execute(world, start(task, definition))
    return await_running(world, task.arn)


def connected(world: World) -> list[EngineConnected]:
    """Of the engine where containers are started."""
    return [fact for fact in told(world, EngineConnected) if fact.host == world.host]


def test_the_first_fact_is_a_connection_with_all_there_is(world: World) -> None:
    await_fact(world, EngineConnected)
    assert isinstance(world.facts[0], EngineConnected)
    assert world.facts[0].containers == ()


def test_a_started_container_runs_with_its_port_on_localhost_only(world: World) -> None:
    seen = running(world, a_container(port_mappings=(PortMapping(8080),)))
    (binding,) = seen.bindings
    assert (binding.container_port, binding.protocol, binding.bind_ip) == (8080, "tcp", "127.0.0.1")
    assert binding.host_port > 1023
    assert seen.started_at is not None
    assert (seen.exit_code, seen.finished_at) == (None, None)


def test_an_image_that_is_here_is_not_pulled(world: World) -> None:
    running(world)
    seen = running(world)
    assert PullStarted(seen.task_arn, "app") not in world.facts
    assert world.facts.index(PullStopped(seen.task_arn, "app")) < world.facts.index(seen)


@pytest.mark.parametrize(("role", "exit_code"), [("batch", 0), ("flaky", 1)])
def test_a_container_that_ends_tells_its_exit_code(world: World, role: str, exit_code: int) -> None:
    seen = running(world, a_container(command=(role,), environment=(("SECONDS_TO_WORK", "1"),)))
    ended = await_fact(world, ContainerSeen, runtime_id=seen.runtime_id, state=RunState.EXITED)
    assert ended.exit_code == exit_code
    assert ended.started_at == seen.started_at
    assert seen.started_at is not None
    assert ended.finished_at is not None
    assert 0.9 < ended.finished_at - seen.started_at < 10


def test_a_container_killed_from_outside_exits_137(world: World) -> None:
    seen = running(world)
    world.kill(seen.runtime_id)
    ended = await_fact(world, ContainerSeen, runtime_id=seen.runtime_id, state=RunState.EXITED)
    assert ended.exit_code == 137
    assert not ended.oom_killed
    assert ended.bindings == ()


def test_a_container_removed_from_outside_is_gone(world: World) -> None:
    seen = running(world)
    world.remove(seen.runtime_id)
    await_fact(world, ContainerGone, task_arn=seen.task_arn, name="app", runtime_id=seen.runtime_id)
    assert containers_now(world) == ()


def test_an_image_nobody_has_fails_the_start_with_the_agents_name_for_it(world: World) -> None:
    task = a_task()
    execute(world, start(task, a_container(image="chaos-ecs/no-such:1")))
    failed = await_fact(world, StartFailed, task_arn=task.arn)
    assert failed.error == "CannotPullContainerError"
    assert "no-such" in failed.message


def test_a_program_that_does_not_exist_fails_the_start_and_leaves_nothing(world: World) -> None:
    task = a_task()
    execute(world, start(task, a_container(entry_point=("/no/such/program",))))
    failed = await_fact(world, StartFailed, task_arn=task.arn)
    assert failed.error == "CannotStartContainerError"
    assert "/no/such/program" in failed.message
    assert "http" not in failed.message
    assert told(world, ContainerSeen) == []
    assert containers_now(world) == ()


def test_a_port_that_is_taken_fails_the_start(world: World) -> None:
    definition = a_container(port_mappings=(PortMapping(8080, a_free_port()),))
    running(world, definition)
    task = a_task()
    execute(world, start(task, definition))
    failed = await_fact(world, StartFailed, task_arn=task.arn)
    assert failed.error == "CannotStartContainerError"
    assert "port is already allocated" in failed.message


def test_a_start_asked_for_twice_makes_one_container(world: World) -> None:
    task = a_task()
    execute(world, start(task), start(task))
    first = await_running(world, task.arn)
    execute(world, start(task))
    world.advance_until(lambda: told(world, ContainerSeen).count(first) > 1)
    assert {seen.runtime_id for seen in told(world, ContainerSeen)} == {first.runtime_id}
    assert [seen.runtime_id for seen in containers_now(world)] == [first.runtime_id]


def test_a_container_that_has_ended_is_never_started_again(world: World) -> None:
    task = a_task()
    execute(world, start(task))
    seen = await_running(world, task.arn)
    world.kill(seen.runtime_id)
    ended = await_fact(world, ContainerSeen, runtime_id=seen.runtime_id, state=RunState.EXITED)
    execute(world, start(task))
    world.advance_until(lambda: told(world, ContainerSeen).count(ended) > 1)
    (left,) = containers_now(world)
    assert (left.runtime_id, left.state) == (seen.runtime_id, RunState.EXITED)


def test_the_containers_of_one_task_are_told_apart_by_name(world: World) -> None:
    task = a_task("app", "sidecar")
    execute(world, *(start(task, a_container(name)) for name in ("app", "sidecar")))
    app, sidecar = await_running(world, task.arn, "app"), await_running(world, task.arn, "sidecar")
    assert app.runtime_id != sidecar.runtime_id


def test_a_new_runtime_finds_what_an_old_one_started(world: World) -> None:
    seen = running(world, a_container(port_mappings=(PortMapping(8080),)))
    assert containers_now(world) == (seen,)


def test_a_death_while_nobody_looked_is_in_the_first_listing(world: World) -> None:
    seen = running(world)
    world.runtime.close()
    world.kill(seen.runtime_id)

    def exited() -> bool:
        (now,) = containers_now(world)
        return (now.runtime_id, now.state, now.exit_code) == (seen.runtime_id, RunState.EXITED, 137)

    world.advance_until(exited)


def test_the_stop_signal_is_honoured(world: World) -> None:
    seen = running(world)
    execute(world, signal(seen, None))
    ended = await_fact(world, ContainerSeen, runtime_id=seen.runtime_id, state=RunState.EXITED)
    assert ended.exit_code == 0


def test_a_sigkill_ends_with_137(world: World) -> None:
    seen = running(world)
    execute(world, signal(seen, "SIGKILL"))
    ended = await_fact(world, ContainerSeen, runtime_id=seen.runtime_id, state=RunState.EXITED)
    assert ended.exit_code == 137


def test_a_removed_container_is_gone_running_or_not(world: World) -> None:
    alive, dead = running(world), running(world)
    world.kill(dead.runtime_id)
    await_fact(world, ContainerSeen, runtime_id=dead.runtime_id, state=RunState.EXITED)
    for seen in (alive, dead):
        execute(world, RemoveContainer(seen.task_arn, seen.name, seen.runtime_id, "because the test wants it"))
        await_fact(world, ContainerGone, runtime_id=seen.runtime_id)
    assert containers_now(world) == ()


def test_a_paused_container_runs_on_frozen_and_can_be_resumed(world: World) -> None:
    seen = running(world)
    execute(world, PauseContainer(seen.task_arn, seen.name, seen.runtime_id, "it is warm"))
    assert await_fact(world, ContainerSeen, paused=True).state is RunState.RUNNING
    execute(world, ResumeContainer(seen.task_arn, seen.name, seen.runtime_id, "it is needed"))
    world.advance_until(lambda: not told(world, ContainerSeen)[-1].paused)
    assert told(world, ContainerSeen)[-1].state is RunState.RUNNING


def test_a_frozen_container_can_be_removed(world: World) -> None:
    seen = running(world)
    execute(world, PauseContainer(seen.task_arn, seen.name, seen.runtime_id, "it is warm"))
    await_fact(world, ContainerSeen, paused=True)
    execute(world, RemoveContainer(seen.task_arn, seen.name, seen.runtime_id, "it is not needed"))
    assert await_fact(world, ContainerGone).runtime_id == seen.runtime_id


def test_whoever_asks_about_a_container_that_is_not_there_is_told_so(world: World) -> None:
    nobody = "f" * 64
    execute(world, SignalContainer(a_task().arn, "app", nobody, "SIGKILL", "because the test wants it"))
    assert await_fact(world, ContainerGone).runtime_id == nobody


def test_a_container_restarted_behind_our_back_has_ended_first(world: World) -> None:
    seen = running(world)
    world.restart(seen.runtime_id)
    world.advance_until(lambda: told(world, ContainerSeen)[-1].started_at != seen.started_at)
    before, ended, again = told(world, ContainerSeen)[-3:]
    assert before == seen
    assert (ended.state, ended.started_at) == (RunState.EXITED, seen.started_at)
    assert ended.exit_code is not None
    assert again.state is RunState.RUNNING
    assert again.runtime_id == seen.runtime_id


def test_a_health_check_of_the_task_definition_is_told(world: World) -> None:
    check = HealthCheck(("CMD-SHELL", "true"), interval=1)
    seen = running(world, a_container(health_check=check))
    assert seen.health_status is HealthStatus.UNKNOWN
    await_fact(world, ContainerSeen, runtime_id=seen.runtime_id, health_status=HealthStatus.HEALTHY)


def test_a_health_check_that_always_fails_is_told_when_its_retries_have_failed(world: World) -> None:
    check = HealthCheck(("CMD-SHELL", "exit 1"), interval=1, retries=2)
    seen = running(world, a_container(health_check=check))
    assert seen.health_status is HealthStatus.UNKNOWN
    begun = world.clock.now()
    await_fact(world, ContainerSeen, runtime_id=seen.runtime_id, health_status=HealthStatus.UNHEALTHY)
    assert 1.5 < world.clock.now() - begun < 10


def test_the_same_is_not_told_twice(world: World) -> None:
    seen = running(world)
    world.kill(seen.runtime_id)
    await_fact(world, ContainerSeen, runtime_id=seen.runtime_id, state=RunState.EXITED)
    world.remove(seen.runtime_id)
    await_fact(world, ContainerGone, runtime_id=seen.runtime_id)
    states = [fact.state for fact in told(world, ContainerSeen) if fact.runtime_id == seen.runtime_id]
    assert states == sorted(states, key=[RunState.CREATED, RunState.RUNNING, RunState.EXITED].index)


def test_logs_are_lines_with_their_times_newer_than_asked(world: World) -> None:
    seen = running(world, a_container(command=("migrate",)))
    await_fact(world, ContainerSeen, runtime_id=seen.runtime_id, state=RunState.EXITED)
    lines = world.runtime.logs(seen.runtime_id, 0.0, None)
    assert len(lines) > 1
    assert [at for at, _ in lines] == sorted(at for at, _ in lines)
    assert list(world.runtime.logs(seen.runtime_id, 0.0, 1)) == list(lines[-1:])
    assert list(world.runtime.logs(seen.runtime_id, lines[0][0], None)) == list(lines[1:])
    assert list(world.runtime.logs(seen.runtime_id, lines[-1][0], None)) == []


def test_logs_of_a_container_that_is_gone_are_refused(world: World) -> None:
    await_fact(world, EngineConnected, host=world.host)
    with pytest.raises(ChaosEcsError) as caught:
        world.runtime.logs("0" * 64, 0.0, None)
    assert caught.value.code == "E-NO-CONTAINER"


def test_an_engine_that_goes_is_told_once_and_its_return_with_all_there_is(fragile_world: World) -> None:
    world = fragile_world
    seen = running(world)
    world.engine_goes()
    await_fact(world, EngineLost)
    world.kill(seen.runtime_id)
    world.engine_returns()
    world.advance_until(lambda: len(connected(world)) == 2)
    assert len(told(world, EngineLost)) == 1
    world.advance_until(lambda: _newest(world, seen.runtime_id).state is RunState.EXITED)


def test_a_start_while_the_engine_is_away_is_unknown_and_may_be_asked_for_again(fragile_world: World) -> None:
    world = fragile_world
    running(world)
    world.engine_goes()
    await_fact(world, EngineLost)
    task = a_task()
    execute(world, start(task))
    await_fact(world, StartUnknown, task_arn=task.arn)
    world.engine_returns()
    world.advance_until(lambda: len(connected(world)) == 2)
    execute(world, start(task))
    await_running(world, task.arn)


def _newest(world: World, runtime_id: str) -> ContainerSeen:
    """The last that was said of a container, by itself or in a listing."""
    said = [
        seen
        for fact in world.facts
        for seen in (fact.containers if isinstance(fact, EngineConnected) else (fact,))
        if isinstance(seen, ContainerSeen) and seen.runtime_id == runtime_id
    ]
    return said[-1]
