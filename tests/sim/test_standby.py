"""Warm standbys: started, healthy, paused, and no task of the service until one dies."""

from __future__ import annotations

import pytest

from chaos_ecs.core.errors import InvalidParameterException
from chaos_ecs.core.messages import DeleteService, KillTask, SetStandby, UpdateService
from chaos_ecs.core.model import HealthCheck, ServiceStatus
from chaos_ecs.sim.simulation import Simulation
from tests.builders import CLUSTER, WEB, a_container, a_service, a_simulation, registered, running, the_service


def with_standbys(count: int = 2, desired_count: int = 3, **arguments: object) -> Simulation:
    simulation = a_simulation(**arguments)  # type: ignore[arg-type]
    a_service(simulation, desired_count=desired_count)
    simulation.submit(SetStandby(WEB, count)).result(0)
    simulation.advance(3)
    return simulation


def ready(simulation: Simulation) -> list[str]:
    return [task.arn for task in simulation.state.standbys_of(WEB) if task.is_ready_standby]


def test_standbys_are_started_and_paused_once_the_service_is_steady() -> None:
    simulation = with_standbys(2)
    assert len(ready(simulation)) == 2
    paused = [c for c in simulation.engine.running() if c.seen.paused]
    assert len(paused) == 2
    assert len(simulation.engine.running()) == 5


def test_a_standby_is_no_task_of_the_service() -> None:
    simulation = with_standbys(2)
    assert len(simulation.state.tasks_in(CLUSTER)) == 3
    assert len(simulation.state.live_tasks_of(WEB)) == 3
    assert not set(ready(simulation)) & set(simulation.state.tasks)
    told = {event.task_arn for event in simulation.events if event.type in ("TASK_CREATED", "TASK_RUNNING")}
    assert not told & set(ready(simulation))


def test_a_dead_task_is_made_good_by_a_standby_and_a_new_standby_is_made_behind_it() -> None:
    simulation = with_standbys(1)
    (standby,) = ready(simulation)
    victim = running(simulation)[0]
    simulation.submit(KillTask(victim.arn)).result(0)
    simulation.advance(3)
    assert standby in {task.arn for task in running(simulation)}
    assert simulation.state.tasks[standby].fills is not None
    assert len(ready(simulation)) == 1
    assert ready(simulation) != [standby]
    recovered = [event for event in simulation.events if event.type == "SERVICE_RECOVERED"]
    assert float(recovered[-1].data["seconds"]) < 0.15, "resumed, not started: a start alone takes 0.15 s here"


def test_more_deaths_than_standbys_are_made_good_by_both() -> None:
    simulation = with_standbys(1)
    for victim in running(simulation):
        simulation.engine.signal(str(victim.containers[0].runtime_id), "SIGKILL")
    simulation.advance(3)
    assert len(running(simulation)) == 3
    assert len(ready(simulation)) == 1


def test_a_standby_that_dies_is_replaced_and_the_service_does_not_notice() -> None:
    simulation = with_standbys(1)
    (standby,) = ready(simulation)
    before = {task.arn for task in running(simulation)}
    container = simulation.state.standbys[standby].containers[0]
    simulation.engine.signal(str(container.runtime_id), "SIGKILL")
    simulation.advance(3)
    assert {task.arn for task in running(simulation)} == before
    assert len(ready(simulation)) == 1
    assert ready(simulation) != [standby]
    assert len(simulation.engine.containers) == 4
    assert sum(event.type == "STANDBY_LOST" for event in simulation.events) == 1


def test_standbys_are_adopted_after_a_crash() -> None:
    simulation = with_standbys(2)
    before = ready(simulation)
    simulation.crash()
    simulation.restart()
    simulation.advance(3)
    assert ready(simulation) == before
    assert len(simulation.engine.containers) == 5


@pytest.mark.parametrize("points", range(12))
def test_a_crash_at_any_point_of_a_promotion_leaves_the_right_number(points: int) -> None:
    simulation = with_standbys(1)
    simulation.engine.signal(str(running(simulation)[0].containers[0].runtime_id), "SIGKILL")
    simulation.crash_after(points)
    simulation.advance(1)
    simulation.restart()
    simulation.advance(5)
    assert len(running(simulation)) == 3
    assert len(ready(simulation)) == 1
    assert len(simulation.engine.running()) == 4
    assert sum(c.seen.paused for c in simulation.engine.running()) == 1


def test_fewer_standbys_go_without_a_stop_signal_and_leave_nothing() -> None:
    simulation = with_standbys(3)
    simulation.submit(SetStandby(WEB, 0)).result(0)
    simulation.advance(2)
    assert simulation.state.standbys == {}
    assert len(simulation.engine.containers) == 3
    assert "STANDBY_LOST" not in {event.type for event in simulation.events}


def test_a_deployment_brings_standbys_of_the_new_revision() -> None:
    simulation = with_standbys(1)
    newer = registered(simulation, a_container(), family="web-server")
    simulation.submit(UpdateService(WEB, task_definition_arn=newer)).result(0)
    simulation.advance(5)
    (standby,) = ready(simulation)
    assert simulation.state.standbys[standby].task_definition_arn == newer
    assert len(simulation.engine.running()) == 4


def test_a_deleted_service_takes_its_standbys_with_it() -> None:
    simulation = with_standbys(2)
    simulation.submit(DeleteService(WEB, force=True)).result(0)
    simulation.advance(2)
    assert the_service(simulation).status is ServiceStatus.INACTIVE
    assert simulation.engine.running() == []
    assert simulation.state.standbys == {}


def test_a_standby_with_a_health_check_is_paused_only_when_it_is_healthy() -> None:
    simulation = a_simulation()
    checked = a_container(health_check=HealthCheck(("CMD", "true"), interval=5))
    a_service(simulation, desired_count=1, definition=registered(simulation, checked))
    simulation.submit(SetStandby(WEB, 1)).result(0)
    simulation.advance(9)  # after five seconds the service is steady, and its standby is made
    assert ready(simulation) == []
    simulation.advance(4)
    assert len(ready(simulation)) == 1


def test_a_task_that_somebody_paused_is_left_paused() -> None:
    simulation = with_standbys(1)
    victim = running(simulation)[0]
    simulation.engine.freeze(str(victim.containers[0].runtime_id), True)
    simulation.advance(5)
    assert simulation.engine.containers[str(victim.containers[0].runtime_id)].seen.paused


@pytest.mark.parametrize("count", [-1, 11])
def test_a_number_of_standbys_out_of_range_is_refused(count: int) -> None:
    simulation = with_standbys(1)
    with pytest.raises(InvalidParameterException, match="from 0 to 10"):
        simulation.submit(SetStandby(WEB, count)).result(0)
    assert the_service(simulation).standby_count == 1
