"""The wall clock is set an hour forward or back, or the laptop sleeps for an hour: nothing waits for the lost hour."""

from __future__ import annotations

import pytest

from chaos_ecs.core.messages import KillTask, OpenRegion, StopTask
from chaos_ecs.core.model import ContainerDefinition, StopCode
from chaos_ecs.core.pace import DEMO
from chaos_ecs.sim.engine import Behaviour, demo_behaviour
from chaos_ecs.sim.simulation import Simulation
from tests.builders import (
    REGION,
    WEB,
    a_container,
    a_service,
    a_simulation,
    a_standalone_task,
    registered,
    running,
    the_service,
)

HOUR = 3600.0
JUMPS = [pytest.param(HOUR, id="forward"), pytest.param(-HOUR, id="back")]


def stubborn(definition: ContainerDefinition) -> Behaviour:
    """The demo's programs, but none heeds the stop signal."""
    return Behaviour(stops_after_seconds=None) if definition.name == "stubborn" else demo_behaviour(definition)


def jumped(simulation: Simulation, seconds: float) -> None:
    """The clock is set; the controller is woken by its next nap's end at the latest."""
    simulation.clock.jump(seconds)
    simulation.advance(60)


@pytest.mark.parametrize("seconds", JUMPS)
def test_a_task_killed_around_a_jump_of_the_clock_is_replaced(seconds: float) -> None:
    simulation = a_simulation()
    a_service(simulation)
    simulation.advance(2)
    victim = running(simulation)[0]
    jumped(simulation, seconds)
    assert running(simulation)[0].arn == victim.arn
    simulation.submit(KillTask(victim.arn)).result(0)
    simulation.advance(5)
    assert len(running(simulation)) == 3
    assert victim.arn not in {task.arn for task in running(simulation)}
    dead = simulation.state.tasks[victim.arn]
    assert dead.stop_code is StopCode.ESSENTIAL_CONTAINER_EXITED
    recovered = [event for event in simulation.events if event.type == "SERVICE_RECOVERED"]
    assert 0 <= recovered[-1].data["seconds"] < 5


@pytest.mark.parametrize("seconds", JUMPS)
def test_a_task_that_ignores_its_stop_signal_is_killed_in_time_whatever_the_clock_does(seconds: float) -> None:
    simulation = Simulation(1, stubborn)
    definition = registered(_opened(simulation), a_container("stubborn"))
    task = a_standalone_task(simulation, definition=definition)
    simulation.advance(2)
    simulation.submit(StopTask(task.arn)).result(0)
    simulation.advance(1)
    jumped(simulation, seconds)
    simulation.advance(DEMO.stop_timeout)
    assert simulation.state.tasks[task.arn].is_stopped


@pytest.mark.parametrize("seconds", JUMPS)
def test_a_throttled_service_is_tried_again_in_time_whatever_the_clock_does(seconds: float) -> None:
    simulation = a_simulation()
    definition = registered(simulation, a_container(image="no-such:1"))
    a_service(simulation, desired_count=1, definition=definition)
    simulation.advance(10)
    level = the_service(simulation).throttle.level
    assert level >= 3
    jumped(simulation, seconds)
    simulation.advance(60)
    assert the_service(simulation, WEB).throttle.level > level


def _opened(simulation: Simulation) -> Simulation:
    simulation.submit(OpenRegion(REGION)).result(0)
    return simulation
