"""A container with a restart policy runs again within its task; see `core/restarts.py`."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chaos_ecs.core.container_settings import RestartPolicy
from chaos_ecs.core.messages import EventType, KillTask, RunState, RunTask, StopTask
from chaos_ecs.core.model import Container, ContainerDefinition, ContainerStatus, StopCode, Task, TaskStatus
from chaos_ecs.sim.engine import Behaviour
from chaos_ecs.sim.simulation import Simulation
from tests.builders import CLUSTER, a_container, a_simulation, registered

POLICY = RestartPolicy(ignored_exit_codes=(3,), attempt_period=60)


def a_task(simulation: Simulation, *containers: ContainerDefinition) -> str:
    simulation.submit(RunTask(CLUSTER, registered(simulation, *containers))).result(0)
    (arn,) = simulation.state.tasks
    return arn


def running_for(seconds: float, exit_code: int = 1, *, policy: RestartPolicy | None = POLICY) -> tuple[Simulation, str]:
    """A task whose container ends by itself after so long."""
    simulation = a_simulation(behaviour=lambda definition: Behaviour(runs_seconds=seconds, exit_code=exit_code))
    return simulation, a_task(simulation, a_container(restart_policy=policy))


def the_container(simulation: Simulation, arn: str) -> Container:
    return simulation.state.tasks[arn].containers[0]


def the_task(simulation: Simulation, arn: str) -> Task:
    return simulation.state.tasks[arn]


def told(simulation: Simulation) -> list[int]:
    return [event.data["restarts"] for event in simulation.events if event.type is EventType.CONTAINER_RESTARTED]


def test_a_container_that_ran_long_enough_runs_again_and_its_task_goes_on() -> None:
    simulation, arn = running_for(61)
    simulation.advance(200)
    assert told(simulation) == [1, 2, 3]
    task, container = the_task(simulation, arn), the_container(simulation, arn)
    assert task.last_status is TaskStatus.RUNNING
    assert (container.last_status, container.restarts, container.exit_code) == (ContainerStatus.RUNNING, 3, None)
    assert len(simulation.engine.containers) == 1
    assert "ended with code 1 after 61 s: its restart policy starts it again" in "".join(
        event.message for event in simulation.events
    )


@pytest.mark.parametrize(
    ("seconds", "exit_code", "policy"),
    [(59, 1, POLICY), (61, 3, POLICY), (61, 1, None)],
    ids=["ran too briefly", "an ignored exit code", "no policy"],
)
def test_a_container_stays_ended_otherwise(seconds: float, exit_code: int, policy: RestartPolicy | None) -> None:
    simulation, arn = running_for(seconds, exit_code, policy=policy)
    simulation.advance(100)
    assert told(simulation) == []
    task = the_task(simulation, arn)
    assert (task.last_status, task.stop_code) == (TaskStatus.STOPPED, StopCode.ESSENTIAL_CONTAINER_EXITED)
    assert task.containers[0].exit_code == exit_code


def test_an_exit_code_of_zero_is_made_good_too() -> None:
    simulation, _ = running_for(61, 0)
    simulation.advance(70)
    assert told(simulation) == [1]


def test_a_second_run_that_is_too_short_ends_the_task() -> None:
    lasts = iter((61.0, 10.0))
    simulation = a_simulation(behaviour=lambda definition: Behaviour())
    arn = a_task(simulation, a_container(restart_policy=POLICY))
    simulation.advance(1)
    for seconds in lasts:
        simulation.advance(seconds)
        simulation.engine.end(the_container(simulation, arn).runtime_id or "", 1)
        simulation.advance(2)
    assert told(simulation) == [1]
    assert the_task(simulation, arn).last_status is TaskStatus.STOPPED


def test_a_task_that_is_stopped_is_not_brought_back() -> None:
    simulation = a_simulation()
    arn = a_task(simulation, a_container(restart_policy=POLICY))
    simulation.advance(100)
    simulation.submit(StopTask(arn)).result(0)
    simulation.advance(40)
    assert told(simulation) == []
    assert the_task(simulation, arn).last_status is TaskStatus.STOPPED


def test_a_stop_that_overtakes_a_restart_ends_the_run_that_was_on_its_way() -> None:
    simulation, arn = running_for(61)
    simulation.advance(60)
    for _ in range(3000):
        if the_container(simulation, arn).restart_sent_at is not None:
            break
        simulation.advance(0.001)
    simulation.submit(StopTask(arn)).result(0)
    assert the_task(simulation, arn).last_status is TaskStatus.STOPPING, "a run of it is about to begin"
    simulation.advance(40)
    task = the_task(simulation, arn)
    assert (task.last_status, task.stop_code) == (TaskStatus.STOPPED, StopCode.USER_INITIATED)
    assert [one.seen.state for one in simulation.engine.containers.values()] == [RunState.EXITED], "kept for its logs"
    assert not [event for event in simulation.events if event.type is EventType.STRAY_FOUND]


def test_a_stop_after_a_restart_that_the_engine_lost_ends_too() -> None:
    simulation, arn = running_for(61)
    simulation.engine.start_again = lambda runtime_id: ""  # type: ignore[method-assign]
    simulation.advance(65)
    assert the_container(simulation, arn).restart_sent_at is not None
    simulation.submit(StopTask(arn)).result(0)
    simulation.advance(1)
    simulation.engine.up = False
    simulation.advance(5)
    simulation.engine.up = True
    simulation.advance(5)
    assert the_task(simulation, arn).last_status is TaskStatus.STOPPED


def test_a_kill_is_made_good_by_the_policy_and_the_task_lives() -> None:
    simulation = a_simulation()
    arn = a_task(simulation, a_container(restart_policy=POLICY))
    simulation.advance(100)
    simulation.submit(KillTask(arn)).result(0)
    simulation.advance(2)
    assert told(simulation) == [1]
    assert the_task(simulation, arn).is_running


@pytest.mark.parametrize("points", range(1, 9))
def test_a_restart_survives_a_crash_at_any_point(points: int) -> None:
    simulation, arn = running_for(61)
    simulation.advance(60)
    simulation.crash_after(points)
    simulation.advance(5)
    simulation.crash()  # where it was not that many points
    simulation.restart()
    simulation.advance(35)
    container = the_container(simulation, arn)
    assert (container.restarts, container.restart_due, container.last_status) == (1, False, ContainerStatus.RUNNING)
    assert the_task(simulation, arn).is_running


def test_an_engine_that_refuses_the_restart_ends_the_container() -> None:
    simulation = a_simulation(behaviour=lambda definition: Behaviour(runs_seconds=61, exit_code=1))
    port = a_container(restart_policy=POLICY)
    arn = a_task(simulation, replace(port, port_mappings=()))
    simulation.advance(60)
    runtime_id = the_container(simulation, arn).runtime_id or ""
    simulation.engine.start_again = lambda runtime_id: "no space left on device"  # type: ignore[method-assign]
    simulation.advance(5)
    container = the_container(simulation, arn)
    assert (container.runtime_id, container.last_status) == (runtime_id, ContainerStatus.STOPPED)
    assert container.reason == "CannotStartContainerError: no space left on device"
    assert the_task(simulation, arn).last_status is TaskStatus.STOPPED
