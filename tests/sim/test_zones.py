"""Availability zone rebalancing: a steady service whose zones differ by two or more moves one task at a time."""

from __future__ import annotations

import pytest

from chaos_ecs.core.deploying import DeploymentConfiguration
from chaos_ecs.core.messages import SetStandby, StopTask, UpdateService
from chaos_ecs.core.model import TaskStatus
from chaos_ecs.core.placement_rules import Words
from chaos_ecs.core.rollout_messages import SetTaskProtection
from chaos_ecs.sim.simulation import Simulation
from tests.builders import WEB, a_container, registered, running, service_messages, the_service
from tests.sim.hosts import a_host, a_placed_service, drain, hosted, name_of_host, zones

STEP = 0.05


def out_of_balance(names: str = "a1 b1", count: int = 6, *, wait: bool = True, **members: object) -> Simulation:
    """Steady over these container instances when a third zone comes back."""
    simulation = hosted(names)
    a_placed_service(simulation, count, rebalances=True, **members)  # type: ignore[arg-type]
    simulation.advance(10)
    a_host(simulation, "c1")
    if wait:
        simulation.advance(60)
    return simulation


def rebalancing(simulation: Simulation) -> list[str]:
    return [message for message in service_messages(simulation) if "AZ" in message]


def test_a_zone_that_comes_back_gets_its_share_and_all_of_it_is_told() -> None:
    simulation = out_of_balance()
    assert zones(simulation) == {"a": 2, "b": 2, "c": 2}
    said = rebalancing(simulation)
    counted = "3 tasks in us-east-1a, 3 tasks in us-east-1b, 0 tasks in us-east-1c"
    assert said[0] == f"(service web) is not AZ balanced with {counted}. AZ Rebalancing in progress."
    assert [message.split()[3] for message in said[1:-1]] == ["started", "stopped", "started", "stopped"]
    assert "has started 1 tasks in us-east-1c to AZ Rebalance: (task " in said[1]
    counted = "2 tasks in us-east-1a, 2 tasks in us-east-1b, 2 tasks in us-east-1c"
    assert said[-1] == f"(service web) is AZ balanced with {counted}."
    assert the_service(simulation).steady


def test_one_is_healthy_before_another_goes_and_one_moves_at_a_time() -> None:
    simulation = out_of_balance(wait=False)
    for _ in range(int(40 / STEP)):
        simulation.advance(STEP)
        assert 6 <= len(running(simulation)) <= 7
        assert len([task for task in simulation.state.live_tasks_of(WEB) if task.is_wanted]) <= 7
    assert zones(simulation) == {"a": 2, "b": 2, "c": 2}


@pytest.mark.parametrize(
    ("strategies", "maximum"), [((("binpack", "memory"),), 200), ((("spread", "instanceId"),), 200), ((), 100)]
)
def test_nothing_moves_where_ecs_moves_nothing(strategies: Words, maximum: int) -> None:
    limits = DeploymentConfiguration(50, maximum)
    simulation = out_of_balance(strategies=strategies, limits=limits)
    assert "c" not in zones(simulation)
    assert not rebalancing(simulation)


def test_a_service_that_does_not_want_it_is_left_as_it_is() -> None:
    simulation = hosted("a1 b1")
    a_placed_service(simulation, 6)
    simulation.advance(10)
    a_host(simulation, "c1")
    simulation.advance(60)
    assert zones(simulation) == {"a": 3, "b": 3}


def test_without_room_in_the_emptier_zone_it_waits_in_silence() -> None:
    simulation = hosted("a1 b1")
    definition = registered(simulation, a_container("web-server", memory=1024), family="big")
    a_placed_service(simulation, 6, rebalances=True, definition=definition)
    simulation.advance(10)
    a_host(simulation, "c1", memory=512)
    simulation.advance(60)
    assert zones(simulation) == {"a": 3, "b": 3}
    assert not rebalancing(simulation)
    a_host(simulation, "c2", memory=2048)
    simulation.advance(60)
    assert zones(simulation) == {"a": 2, "b": 2, "c": 2}


def test_a_death_in_the_middle_of_a_move_comes_first_and_no_task_is_too_many() -> None:
    simulation = out_of_balance(wait=False)
    while not any("started 1 tasks in" in message for message in service_messages(simulation)):
        simulation.advance(STEP)
    simulation.submit(StopTask(running(simulation)[0].arn)).result(0)
    for _ in range(int(60 / STEP)):
        simulation.advance(STEP)
        assert len([task for task in simulation.state.live_tasks_of(WEB) if task.is_wanted]) <= 7
    assert zones(simulation) == {"a": 2, "b": 2, "c": 2}
    assert the_service(simulation).steady


def test_a_deployment_in_the_middle_of_a_move_comes_first() -> None:
    simulation = out_of_balance(wait=False)
    simulation.advance(0.3)
    newer = registered(simulation, a_container("web-server", environment=(("V", "2"),)), family="placed")
    simulation.submit(UpdateService(WEB, task_definition_arn=newer)).result(0)
    simulation.advance(120)
    assert {task.task_definition_arn for task in running(simulation)} == {newer}
    assert zones(simulation) == {"a": 2, "b": 2, "c": 2}
    assert the_service(simulation).steady


def test_a_drain_in_the_middle_of_a_move_comes_first() -> None:
    simulation = out_of_balance(wait=False)
    simulation.advance(0.3)
    drain(simulation, "c1")
    simulation.advance(60)
    assert zones(simulation) == {"a": 3, "b": 3}
    assert the_service(simulation).steady


def test_a_protected_task_is_not_moved() -> None:
    simulation = hosted("a1 b1")
    a_placed_service(simulation, 6, rebalances=True)
    simulation.advance(10)
    kept = tuple(task.arn for task in running(simulation) if name_of_host(simulation, task) == "a1")
    simulation.submit(SetTaskProtection(kept, True, expires_in_minutes=60)).result(0)
    a_host(simulation, "c1")
    simulation.advance(60)
    assert {simulation.state.tasks[arn].last_status for arn in kept} == {TaskStatus.RUNNING}
    assert zones(simulation)["a"] == 3


def test_a_standby_is_nobody_in_its_zone() -> None:
    simulation = hosted("a1 b1")
    a_placed_service(simulation, 2, rebalances=True)
    simulation.submit(SetStandby(WEB, 4)).result(0)
    simulation.advance(30)
    assert zones(simulation) == {"a": 1, "b": 1}
    assert not rebalancing(simulation)
    a_host(simulation, "c1")
    simulation.advance(30)
    assert not rebalancing(simulation)


@pytest.mark.parametrize("points", range(0, 40, 2))
def test_a_crash_at_any_point_of_it_leaves_nothing_over(points: int) -> None:
    simulation = out_of_balance(wait=False)
    simulation.crash_after(points)
    simulation.advance(5)
    simulation.restart()
    simulation.advance(60)
    assert zones(simulation) == {"a": 2, "b": 2, "c": 2}
    assert len(simulation.engine.running()) == 6
