"""DAEMON services: one task on each container instance that meets the constraints."""

from __future__ import annotations

import pytest

from chaos_ecs.core.arns import service_arn
from chaos_ecs.core.deploying import DeploymentConfiguration, RolloutState
from chaos_ecs.core.instance_messages import DeleteAttributes, DeregisterContainerInstance
from chaos_ecs.core.messages import DeleteService, EventType, RunTask, StopTask, UpdateService
from chaos_ecs.core.model import PortMapping, ServiceStatus
from chaos_ecs.core.placement_rules import Words
from chaos_ecs.sim.simulation import Simulation
from tests.builders import (
    CLUSTER,
    WEB,
    a_container,
    a_simulation,
    definition_arn,
    registered,
    running,
    service_messages,
    the_service,
)
from tests.sim.hosts import a_host, a_placed_service, activate, drain, host, hosted, shares, told

STEP = 0.05
LIMITS = DeploymentConfiguration(0, 100)
API = service_arn(CLUSTER, "api")


def a_daemon(names: str = "a1 b1 c1", *, percent: int = 0, constraints: Words = (), memory: int = 64) -> Simulation:
    simulation = hosted(names)
    definition = registered(simulation, a_container("web-server", memory=memory), family="agent")
    limits = DeploymentConfiguration(percent, 100)
    a_placed_service(simulation, 0, definition=definition, is_daemon=True, limits=limits, constraints=constraints)
    simulation.advance(10)
    return simulation


def test_there_is_one_on_each_container_instance_old_and_new() -> None:
    simulation = a_daemon()
    assert shares(simulation) == {"a1": 1, "b1": 1, "c1": 1}
    assert (the_service(simulation).desired_count, the_service(simulation).steady) == (3, True)
    a_host(simulation, "d1")
    simulation.advance(5)
    assert shares(simulation) == {"a1": 1, "b1": 1, "c1": 1, "d1": 1}
    assert (the_service(simulation).desired_count, the_service(simulation).steady) == (4, True)


def test_what_dies_comes_back_where_it_was() -> None:
    simulation = a_daemon()
    simulation.submit(StopTask(running(simulation)[1].arn)).result(0)
    simulation.advance(5)
    assert shares(simulation) == {"a1": 1, "b1": 1, "c1": 1}


def test_only_those_that_meet_the_constraints_have_one_and_who_meets_them_no_more_loses_it() -> None:
    simulation = hosted("a1")
    for name in ("b1", "c1"):
        a_host(simulation, name, attributes=(("stack", "prod"),))
    constraints = (("memberOf", "attribute:stack == prod"),)
    a_placed_service(simulation, 0, is_daemon=True, limits=LIMITS, constraints=constraints)
    simulation.advance(10)
    assert shares(simulation) == {"b1": 1, "c1": 1}
    simulation.submit(DeleteAttributes(((host(simulation, "b1").arn, "stack"),))).result(0)
    simulation.advance(5)
    assert shares(simulation) == {"c1": 1}
    assert the_service(simulation).desired_count == 1
    assert len(told(simulation, EventType.SERVICE_DAEMON_MISPLACED)) == 1


def test_on_a_draining_one_it_stops_after_the_others() -> None:
    simulation = a_daemon("a1 b1")
    a_placed_service(simulation, 2, arn=API)
    simulation.submit(RunTask(CLUSTER, definition_arn("worker"))).result(0)
    simulation.advance(10)
    (standalone,) = [task for task in simulation.state.tasks.values() if not task.service_arn]
    name = simulation.state.container_instances[standalone.container_instance_arn].name
    other = "b1" if name == "a1" else "a1"
    drain(simulation, name)
    simulation.advance(30)
    assert shares(simulation, API) == {other: 2}
    assert shares(simulation) == {"a1": 1, "b1": 1}
    simulation.submit(StopTask(standalone.arn)).result(0)
    simulation.advance(5)
    assert shares(simulation) == {other: 1}
    assert the_service(simulation).steady
    activate(simulation, name)
    simulation.advance(5)
    assert shares(simulation) == {"a1": 1, "b1": 1}


@pytest.mark.parametrize(("percent", "least"), [(0, 0), (50, 2), (75, 3)])
def test_a_new_version_stops_the_old_ones_as_far_as_the_limit_allows(percent: int, least: int) -> None:
    simulation = a_daemon("a1 b1 c1 d1", percent=percent)
    newer = registered(simulation, a_container("web-server", environment=(("V", "2"),)), family="agent")
    simulation.submit(UpdateService(WEB, task_definition_arn=newer)).result(0)
    fewest = 4
    for _ in range(int(60 / STEP)):
        simulation.advance(STEP)
        fewest = min(fewest, len(running(simulation)))
        wanted = [task.container_instance_arn for task in simulation.state.live_tasks_of(WEB) if task.is_wanted]
        assert len(wanted) == len(set(wanted))
    assert fewest == least
    assert {task.task_definition_arn for task in running(simulation)} == {newer}
    assert shares(simulation) == {"a1": 1, "b1": 1, "c1": 1, "d1": 1}
    assert the_service(simulation).primary.rollout_state is RolloutState.COMPLETED


def test_at_100_percent_nothing_can_move_and_that_is_told() -> None:
    simulation = a_daemon(percent=100)
    newer = registered(simulation, a_container("web-server", environment=(("V", "2"),)), family="agent")
    simulation.submit(UpdateService(WEB, task_definition_arn=newer)).result(0)
    simulation.advance(30)
    assert len(told(simulation, EventType.DEPLOYMENT_STUCK)) == 1
    assert not [task for task in running(simulation) if task.task_definition_arn == newer]


def test_a_new_version_takes_the_room_of_the_old_one_on_a_full_container_instance() -> None:
    simulation = a_daemon("a1 b1", memory=4096)
    newer = registered(simulation, a_container("web-server", memory=4000), family="agent")
    simulation.submit(UpdateService(WEB, task_definition_arn=newer)).result(0)
    simulation.advance(30)
    assert {task.task_definition_arn for task in running(simulation)} == {newer}
    assert not told(simulation, EventType.SERVICE_NOT_PLACED)


def test_a_full_container_instance_is_told_and_used_once_there_is_room() -> None:
    simulation = hosted("a1 b1")
    big = registered(simulation, a_container("web-server", memory=4096), family="big")
    a_placed_service(simulation, 1, arn=API, definition=big)
    simulation.advance(5)
    a_placed_service(simulation, 0, is_daemon=True, limits=LIMITS)
    simulation.advance(30)
    assert len(running(simulation)) == 1
    assert the_service(simulation).desired_count == 2
    assert len(told(simulation, EventType.SERVICE_NOT_PLACED)) == 1
    simulation.submit(UpdateService(API, desired_count=0)).result(0)
    simulation.advance(3)
    assert shares(simulation) == {"a1": 1, "b1": 1}


def test_slices_of_one_engine_share_its_ports_so_only_one_has_a_daemon_that_takes_one() -> None:
    simulation = hosted("a1 b1")
    a_host(simulation, "c1", engine="tcp://far")
    definition = registered(
        simulation, a_container("web-server", port_mappings=(PortMapping(80, 9100),)), family="agent"
    )
    a_placed_service(simulation, 0, definition=definition, is_daemon=True, limits=LIMITS)
    simulation.advance(20)
    assert shares(simulation) == {"a1": 1, "c1": 1}
    assert not [task for task in simulation.state.tasks.values() if task.is_stopped], "nobody starts in vain"
    (message,) = told(simulation, EventType.SERVICE_NOT_PLACED)
    assert "is already using a port required by your task" in message
    drain(simulation, "a1")
    simulation.advance(20)
    assert shares(simulation) == {"b1": 1, "c1": 1}


def test_in_a_cluster_without_container_instances_the_own_engine_is_the_one() -> None:
    simulation = a_simulation()
    a_placed_service(simulation, 0, is_daemon=True, limits=LIMITS)
    simulation.advance(5)
    assert (len(running(simulation)), the_service(simulation).desired_count) == (1, 1)
    a_host(simulation, "a1")
    a_host(simulation, "b1")
    simulation.advance(10)
    assert shares(simulation) == {"a1": 1, "b1": 1}
    for name in ("a1", "b1"):
        simulation.submit(DeregisterContainerInstance(host(simulation, name).arn, force=True)).result(0)
    simulation.advance(10)
    assert shares(simulation) == {"": 1}


def test_it_is_deleted_without_force() -> None:
    simulation = a_daemon()
    simulation.submit(DeleteService(WEB)).result(0)
    simulation.advance(10)
    assert the_service(simulation).status is ServiceStatus.INACTIVE
    assert not simulation.engine.running()


def test_a_lost_engine_takes_its_daemon_and_gets_another_when_it_is_back() -> None:
    simulation = a_simulation()
    for name in ("a1", "b1"):
        a_host(simulation, name, engine=name)
    a_placed_service(simulation, 0, is_daemon=True, limits=LIMITS)
    simulation.advance(10)
    simulation.further.known["a1"].up = False
    simulation.advance(20)
    assert shares(simulation) == {"b1": 1}
    simulation.further.known["a1"].up = True
    simulation.advance(10)
    assert shares(simulation) == {"a1": 1, "b1": 1}
    assert len(simulation.further.known["a1"].running()) == 1
    assert service_messages(simulation)[-1] == "(service web) has reached a steady state."
