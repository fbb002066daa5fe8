"""Stories in which one trouble must not become another: slow pulls, failing standbys, signals, exit codes, records."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chaos_ecs.core import arns
from chaos_ecs.core.errors import ConflictException, InvalidParameterException
from chaos_ecs.core.messages import (
    DeleteCluster,
    DeleteService,
    KillTask,
    RunTask,
    SetStandby,
    StopTask,
    UpdateService,
)
from chaos_ecs.core.model import (
    ContainerDefinition,
    Dependency,
    DependencyCondition,
    HealthCheck,
    PortMapping,
    StopCode,
)
from chaos_ecs.sim.engine import Behaviour, demo_behaviour
from tests.builders import (
    CLUSTER,
    WEB,
    a_container,
    a_service,
    a_simulation,
    a_standalone_task,
    definition_arn,
    registered,
    running,
    the_service,
)


def test_a_slow_pull_does_not_keep_other_services_from_healing() -> None:
    def behaviour(definition: ContainerDefinition) -> Behaviour:
        return Behaviour(pull_seconds=300.0) if definition.image == "slow:1" else demo_behaviour(definition)

    simulation = a_simulation(behaviour=behaviour)
    a_service(simulation)
    simulation.advance(2)
    a_service(simulation, name="slow", desired_count=12, definition=registered(simulation, a_container(image="slow:1")))
    simulation.advance(2)
    simulation.submit(KillTask(running(simulation)[0].arn)).result(0)
    simulation.advance(2)
    assert len(running(simulation)) == 3


def test_a_faults_signal_that_was_lived_through_is_never_sent_again() -> None:
    deaf = Behaviour(stops_after_seconds=None)
    simulation = a_simulation(behaviour=lambda definition: deaf)
    a_service(simulation, desired_count=1)
    simulation.advance(2)
    simulation.submit(KillTask(running(simulation)[0].arn, "SIGHUP")).result(0)
    for _ in range(3):
        simulation.advance(5)
        simulation.crash()
        simulation.restart()
    simulation.advance(5)
    (container,) = simulation.engine.containers.values()
    assert [line for _, line in container.lines if "SIGHUP" in line] == ["web-server received SIGHUP (simulated)"]


def test_a_standby_that_fails_does_not_slow_down_its_service() -> None:
    simulation = a_simulation()
    definition = registered(simulation, a_container(port_mappings=(PortMapping(8080, 18080),)))
    a_service(simulation, desired_count=1, definition=definition)
    simulation.submit(SetStandby(WEB, 1)).result(0)
    simulation.advance(600)
    assert the_service(simulation).throttle.level == 0
    assert the_service(simulation).primary.failed_tasks == 0
    assert the_service(simulation).standby_throttle.level >= 5, "standbys slow down by themselves"
    simulation.submit(KillTask(running(simulation)[0].arn)).result(0)
    simulation.advance(5)
    assert len(running(simulation)) == 1


def test_a_desired_count_far_too_large_starves_nobody_and_can_be_taken_back() -> None:
    simulation = a_simulation()
    a_service(simulation, desired_count=5000, name="huge")
    simulation.advance(1)
    a_service(simulation, desired_count=2)
    simulation.advance(3)
    assert len(running(simulation)) == 2
    assert len(simulation.state.waiting) <= 20
    simulation.submit(UpdateService(arns.service_arn(CLUSTER, "huge"), desired_count=0)).result(0)
    simulation.advance(5)
    assert len(simulation.engine.running()) == 2
    with pytest.raises(InvalidParameterException, match="less than or equal to 5000"):
        simulation.submit(UpdateService(WEB, desired_count=99_999_999)).result(0)


def test_the_essential_containers_exit_code_speaks_for_the_task() -> None:
    simulation = a_simulation()
    init = a_container("init", command=("migrate",), essential=False)
    main = a_container("main", command=("flaky", "3"), depends_on=(Dependency("init", DependencyCondition.SUCCESS),))
    a_standalone_task(simulation, definition=registered(simulation, init, main))
    simulation.advance(20)
    (ended,) = [event for event in simulation.events if event.type == "TASK_STOPPED"]
    assert ended.data["exitCode"] == 1


def test_tasks_that_end_before_they_are_running_are_slowed_down_whatever_ended_them() -> None:
    simulation = a_simulation()
    database = a_container("db", command=("flaky", "1"), health_check=HealthCheck(("CMD", "true"), interval=30))
    web = a_container("web", depends_on=(Dependency("db", DependencyCondition.HEALTHY),))
    a_service(simulation, desired_count=1, definition=registered(simulation, database, web))
    simulation.advance(120)
    assert len(simulation.state.tasks) <= 8
    assert the_service(simulation).throttle.level >= 5


def test_a_task_that_fails_starts_no_further_container() -> None:
    simulation = a_simulation()
    migrate = a_container("migrate", command=("migrate",), environment=(("FAIL", "1"),), essential=False)
    web = a_container("web", depends_on=(Dependency("migrate", DependencyCondition.SUCCESS),))
    cleanup = a_container("cleanup", essential=False, depends_on=(Dependency("migrate", DependencyCondition.COMPLETE),))
    a_standalone_task(simulation, definition=registered(simulation, migrate, cleanup, web))
    simulation.advance(20)
    (task,) = simulation.state.tasks.values()
    assert task.stop_code is StopCode.TASK_FAILED_TO_START
    assert task.container("cleanup").started_at is None
    assert "STRAY_FOUND" not in {event.type for event in simulation.events}


def test_deleted_services_and_clusters_leave_the_record_after_an_hour() -> None:
    simulation = a_simulation()
    for number in range(20):
        arn = a_service(simulation, name=f"s{number}", desired_count=1)
        simulation.advance(2)
        simulation.submit(DeleteService(arn, force=True)).result(0)
        simulation.advance(2)
    simulation.submit(DeleteCluster(CLUSTER)).result(0)
    simulation.advance(3000)
    assert len(simulation.state.services) == 20
    simulation.advance(1000)
    state = simulation.state
    assert (state.services, state.service_events, state.clusters, state.tasks) == ({}, {}, {}, {})
    assert not [key for key in state.counters if key.startswith("events/")]


def test_stop_timeout_counts_from_the_first_stop_signal_through_every_restart() -> None:
    deaf = Behaviour(stops_after_seconds=None)
    simulation = a_simulation(behaviour=lambda definition: deaf)
    task = a_standalone_task(simulation)
    simulation.advance(2)
    simulation.submit(StopTask(task.arn)).result(0)
    for _ in range(3):
        simulation.advance(9)
        simulation.crash()
        simulation.restart()
    simulation.advance(5)
    assert simulation.state.tasks[task.arn].is_stopped


def test_a_client_token_is_good_in_its_own_cluster_and_as_long_as_any_of_its_tasks_is_on_record() -> None:
    simulation = a_simulation()
    command = RunTask(CLUSTER, definition_arn("worker"), 2, client_token="abc")
    simulation.submit(command).result(0)
    simulation.advance(2)
    first = next(iter(simulation.state.tasks))
    simulation.submit(StopTask(first)).result(0)
    simulation.advance(3700)
    assert len(simulation.state.tasks) == 1
    simulation.submit(command).result(0)
    assert len(simulation.state.tasks) == 1
    with pytest.raises(ConflictException):
        simulation.submit(replace(command, count=3, task_definition_arn=definition_arn("flaky"))).result(0)
