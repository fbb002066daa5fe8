"""Tasks on container instances: where they go, what is told when there is no room, engines that fall silent."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest

from chaos_ecs.core.arns import service_arn
from chaos_ecs.core.balancing import TargetState
from chaos_ecs.core.container_instances import ContainerInstanceStatus
from chaos_ecs.core.deploying import DeploymentConfiguration, RolloutState
from chaos_ecs.core.instance_messages import DeregisterContainerInstance, PutAttributes
from chaos_ecs.core.messages import (
    Command,
    CreateCluster,
    CreateService,
    DeleteService,
    EventType,
    RunTask,
    SetStandby,
    StopTask,
    UpdateService,
)
from chaos_ecs.core.model import HealthCheck, HealthStatus, PortMapping, ServiceStatus, StopCode
from chaos_ecs.sim.engine import Behaviour, demo_behaviour
from chaos_ecs.sim.simulation import Simulation
from tests.builders import (
    CLUSTER,
    WEB,
    a_container,
    a_schedule,
    a_simulation,
    a_target_group,
    behind,
    definition_arn,
    registered,
    running,
    service_messages,
    the_service,
)
from tests.sim.hosts import (
    a_host,
    a_placed_service,
    activate,
    check_hosts,
    drain,
    host,
    hosted,
    name_of_host,
    shares,
    told,
    zones,
)

API = service_arn(CLUSTER, "api")
NO_PLACE = "was unable to place a task because no container instance met all of its requirements."


def scale(simulation: Simulation, count: int, arn: str = WEB) -> None:
    simulation.submit(UpdateService(arn, desired_count=count)).result(0)
    simulation.advance(10)


def big(simulation: Simulation, memory: int = 1024) -> str:
    return registered(simulation, a_container("web-server", memory=memory), family="big")


# --- where they go ---


def test_six_tasks_are_two_in_each_zone_and_three_of_them_one_in_each() -> None:
    simulation = hosted("a1 a2 b1 c1")
    a_placed_service(simulation, 6)
    simulation.advance(10)
    assert zones(simulation) == {"a": 2, "b": 2, "c": 2}
    scale(simulation, 3)
    assert zones(simulation) == {"a": 1, "b": 1, "c": 1}
    scale(simulation, 9)
    assert zones(simulation) == {"a": 3, "b": 3, "c": 3}


def test_binpack_fills_one_after_the_other_and_empties_the_fullest_last() -> None:
    simulation = hosted("a1 b1 c1", memory=4096)
    a_placed_service(simulation, 6, definition=big(simulation), strategies=(("binpack", "memory"),))
    simulation.advance(10)
    assert shares(simulation) == {"a1": 4, "b1": 2}
    scale(simulation, 4)
    assert shares(simulation) == {"a1": 4}


def test_distinct_instances_hold_one_each_and_the_rest_wait() -> None:
    simulation = hosted("a1 b1 c1")
    a_placed_service(simulation, 4, constraints=(("distinctInstance", ""),))
    simulation.advance(10)
    assert shares(simulation) == {"a1": 1, "b1": 1, "c1": 1}
    assert len(told(simulation, EventType.SERVICE_NOT_PLACED)) == 1
    a_host(simulation, "d1")
    simulation.advance(10)
    assert shares(simulation) == {"a1": 1, "b1": 1, "c1": 1, "d1": 1}


def test_a_constraint_is_kept_and_what_meets_it_later_is_used() -> None:
    simulation = hosted("a1 b1")
    a_host(simulation, "c1", attributes=(("stack", "prod"),))
    a_placed_service(simulation, 2, constraints=(("memberOf", "attribute:stack == prod"),))
    simulation.advance(10)
    assert shares(simulation) == {"c1": 2}
    simulation.submit(PutAttributes(((host(simulation, "a1").arn, "stack", "prod"),))).result(0)
    scale(simulation, 4)
    assert shares(simulation) == {"a1": 2, "c1": 2}


def test_fargate_tasks_and_other_clusters_are_not_placed() -> None:
    simulation = hosted("a1")
    a_placed_service(simulation, 2, arn=API, launch_type="FARGATE", definition=definition_arn("worker"))
    other = CLUSTER.replace("my-cluster", "other")
    simulation.submit(CreateCluster(other)).result(0)
    simulation.submit(RunTask(other, definition_arn("worker"))).result(0)
    simulation.advance(10)
    assert {task.container_instance_arn for task in simulation.state.tasks.values()} == {""}


def test_what_ran_before_there_were_container_instances_goes_first() -> None:
    simulation = a_simulation()
    a_placed_service(simulation, 3)
    simulation.advance(10)
    for name in ("a1", "b1"):
        a_host(simulation, name)
    scale(simulation, 5)
    assert shares(simulation) == {"": 3, "a1": 1, "b1": 1}
    scale(simulation, 2)
    assert shares(simulation) == {"a1": 1, "b1": 1}


# --- no room ---


def test_a_full_cluster_is_told_once_and_room_is_used_as_soon_as_it_is_there() -> None:
    simulation = hosted("a1", memory=2048)
    a_placed_service(simulation, 1, arn=API, definition=big(simulation))
    a_placed_service(simulation, 3, definition=big(simulation))
    simulation.advance(60)
    assert shares(simulation) == {"a1": 1}
    (message,) = told(simulation, EventType.SERVICE_NOT_PLACED)
    (event,) = [event for event in simulation.events if event.type is EventType.SERVICE_NOT_PLACED]
    assert event.data["reason"] == "RESOURCE:MEMORY"
    assert "has insufficient memory available" in message
    assert sum(NO_PLACE in line for line in service_messages(simulation)) == 1
    simulation.submit(UpdateService(API, desired_count=0)).result(0)
    simulation.advance(1)
    assert len([task for task in simulation.state.live_tasks_of(WEB) if task.is_wanted]) == 2
    assert len(told(simulation, EventType.SERVICE_NOT_PLACED)) == 1
    a_host(simulation, "b1", memory=1024)
    simulation.advance(5)
    assert shares(simulation) == {"a1": 2, "b1": 1}
    assert the_service(simulation).steady
    assert not the_service(simulation).unplaced


def test_another_reason_is_told_anew() -> None:
    simulation = hosted("a1", memory=512)
    a_placed_service(simulation, 1, definition=big(simulation))
    simulation.advance(30)
    a_host(simulation, "b1", memory=4096, cpu=64)
    hungry = registered(simulation, a_container("web-server", memory=1024, cpu=128), family="hungry")
    simulation.submit(UpdateService(WEB, desired_count=0)).result(0)
    simulation.submit(UpdateService(WEB, desired_count=1, task_definition_arn=hungry)).result(0)
    simulation.advance(30)
    assert next(("memory" in line, "CPU" in line) for line in told(simulation, EventType.SERVICE_NOT_PLACED)) == (
        True,
        False,
    )
    assert len(told(simulation, EventType.SERVICE_NOT_PLACED)) == 2


def test_two_services_planned_in_one_step_share_the_room_there_is() -> None:
    simulation = hosted("a1 b1", memory=2048)
    definition = big(simulation)
    a_placed_service(simulation, 0, definition=definition)
    a_placed_service(simulation, 0, arn=API, definition=definition)
    for arn in (WEB, API):
        without_waiting(simulation, UpdateService(arn, desired_count=4))
    simulation.advance(20)
    assert len(running(simulation)) + len(running(simulation, API)) == 4


def without_waiting(simulation: Simulation, command: Command) -> None:
    """For the next step, together with what else is due then."""
    assert simulation.controller
    simulation.controller.request(lambda state: command, lambda state, now, events: None)


def test_a_schedule_and_a_service_in_one_step_share_the_room_there_is() -> None:
    simulation = hosted("a1", memory=1024)
    registered(simulation, a_container("batch-job", memory=1024), family="batch-job")
    a_schedule(simulation)
    a_placed_service(simulation, 0, definition=big(simulation))
    simulation.advance(59.99)
    simulation.clock.advance_to(simulation.began_at + 60.5)
    without_waiting(simulation, UpdateService(WEB, desired_count=1))
    simulation.advance(5)
    assert len([task for task in simulation.state.tasks.values() if not task.is_stopped]) == 1


def test_a_sick_task_makes_room_for_its_replacement_where_there_is_no_other() -> None:
    """It would else keep the only place for ever."""
    simulation = hosted("a1", memory=1024)
    check = HealthCheck(("CMD", "true"), interval=5, retries=1)
    definition = registered(simulation, a_container("web-server", memory=1024, health_check=check), family="checked")
    a_placed_service(simulation, 1, definition=definition)
    simulation.advance(20)
    (task,) = running(simulation)
    runtime_id = task.containers[0].runtime_id
    assert runtime_id
    simulation.engine.set_health(runtime_id, HealthStatus.UNHEALTHY)
    simulation.advance(60)
    assert [one.arn for one in running(simulation)] != [task.arn]
    assert len(running(simulation)) == 1


def test_a_standby_without_a_place_waits_in_silence() -> None:
    simulation = hosted("a1", memory=1024)
    a_placed_service(simulation, 1, definition=big(simulation))
    simulation.submit(SetStandby(WEB, 1)).result(0)
    simulation.advance(30)
    assert not simulation.state.standbys_of(WEB)
    assert not told(simulation, EventType.SERVICE_NOT_PLACED)
    a_host(simulation, "b1", memory=1024)
    simulation.advance(20)
    assert [task.is_ready_standby for task in simulation.state.standbys_of(WEB)] == [True]


# --- engines of their own ---


def on_engines(names: str, *, seed: int = 1, **arguments: object) -> Simulation:
    """Each container instance stands for a further engine of its name."""
    simulation = a_simulation(seed, **arguments)
    simulation.after_step = lambda: check_hosts(simulation.state)
    for name in names.split():
        a_host(simulation, name, engine=name)
    simulation.advance(1)
    return simulation


def test_a_silence_shorter_than_the_limit_costs_nothing() -> None:
    simulation = on_engines("a1 b1")
    a_placed_service(simulation, 4)
    simulation.advance(10)
    kept = {task.arn for task in running(simulation)}
    simulation.further.known["a1"].up = False
    simulation.advance(simulation.pace.instance_lost - 1)
    simulation.further.known["a1"].up = True
    simulation.advance(20)
    assert {task.arn for task in running(simulation)} == kept
    assert len(told(simulation, EventType.INSTANCE_DISCONNECTED)) == 1
    assert len(told(simulation, EventType.INSTANCE_CONNECTED)) >= 1
    assert not told(simulation, EventType.INSTANCE_LOST)


def test_a_longer_one_moves_the_services_tasks_and_ends_the_standalone_ones() -> None:
    simulation = on_engines("a1 b1")
    a_placed_service(simulation, 4)
    simulation.submit(RunTask(CLUSTER, definition_arn("worker"), 2)).result(0)
    simulation.advance(10)
    lost = list(simulation.state.tasks_on(host(simulation, "a1").arn))
    assert len(lost) == 3
    simulation.further.known["a1"].up = False
    simulation.advance(simulation.pace.instance_lost + 20)
    assert shares(simulation) == {"b1": 4}
    assert the_service(simulation).steady
    standalone = [task for task in simulation.state.tasks.values() if task.service_arn is None]
    assert len(standalone) == 2
    assert sum(task.is_running for task in standalone) == 1
    ended = simulation.state.tasks[lost[0].arn]
    instance_id = host(simulation, "a1").ec2_instance_id
    assert (ended.stop_code, ended.stopped_reason) == (
        StopCode.TERMINATION_NOTICE,
        f"Host EC2 (instance {instance_id}) terminated.",
    )


def test_one_that_comes_back_is_cleared_and_used_again() -> None:
    simulation = on_engines("a1 b1")
    a_placed_service(simulation, 4)
    simulation.advance(10)
    simulation.further.known["a1"].up = False
    simulation.advance(simulation.pace.instance_lost + 20)
    assert len(simulation.further.known["a1"].running()) == 2
    simulation.further.known["a1"].up = True
    simulation.advance(10)
    assert not simulation.further.known["a1"].running()
    scale(simulation, 6)
    assert shares(simulation) == {"a1": 2, "b1": 4}


def test_losing_it_is_no_failure_of_the_version_and_slows_nothing_down() -> None:
    slow = Behaviour(pull_seconds=60)
    simulation = on_engines(
        "a1 b1", behaviour=lambda program: slow if program.image == "slow:1" else demo_behaviour(program)
    )
    limits = DeploymentConfiguration(circuit_breaker_enable=True, circuit_breaker_rollback=True)
    a_placed_service(simulation, 4, limits=limits)
    simulation.advance(10)
    definition = registered(simulation, a_container("web-server", image="slow:1"), family="slow")
    simulation.submit(UpdateService(WEB, task_definition_arn=definition)).result(0)
    simulation.advance(5)
    for _ in range(3):
        simulation.further.known["a1"].up = False
        simulation.advance(simulation.pace.instance_lost + 1)
        simulation.further.known["a1"].up = True
        simulation.advance(1)
    assert (the_service(simulation).primary.failed_tasks, the_service(simulation).throttle.level) == (0, 0)
    simulation.advance(200)
    assert the_service(simulation).primary.rollout_state is RolloutState.COMPLETED
    assert the_service(simulation).task_definition_arn == definition


def test_deregistered_while_it_is_silent_it_leaves_nothing_behind() -> None:
    simulation = on_engines("a1 b1")
    a_placed_service(simulation, 4)
    simulation.advance(10)
    arn = host(simulation, "a1").arn
    simulation.further.known["a1"].up = False
    simulation.advance(1)
    simulation.submit(DeregisterContainerInstance(arn, force=True)).result(0)
    simulation.advance(20)
    assert simulation.state.container_instances[arn].status is ContainerInstanceStatus.INACTIVE
    assert "a1" not in simulation.state.engines
    assert shares(simulation) == {"b1": 4}
    simulation.further.known["a1"].up = True
    a_host(simulation, "a2", engine="a1")
    simulation.advance(10)
    assert not simulation.further.known["a1"].containers


def test_deregistered_it_is_cleared_of_ended_containers_before_its_engine_is_left() -> None:
    simulation = on_engines("a1 b1")
    a_placed_service(simulation, 4)
    simulation.advance(10)
    simulation.submit(DeregisterContainerInstance(host(simulation, "a1").arn, force=True)).result(0)
    simulation.advance(20)
    assert "a1" not in simulation.state.engines
    assert not simulation.further.known["a1"].containers


def test_deregistered_and_silent_before_its_tasks_have_stopped() -> None:
    stubborn = Behaviour(stops_after_seconds=None)
    simulation = on_engines("a1 b1", behaviour=lambda program: stubborn)
    a_placed_service(simulation, 2)
    simulation.advance(10)
    arn = host(simulation, "a1").arn
    simulation.submit(DeregisterContainerInstance(arn, force=True)).result(0)
    simulation.advance(1)
    simulation.further.known["a1"].up = False
    simulation.advance(simulation.pace.instance_lost + 5)
    assert simulation.state.container_instances[arn].status is ContainerInstanceStatus.INACTIVE
    assert shares(simulation) == {"b1": 2}


@pytest.mark.parametrize("up_again", [False, True])
def test_a_controller_that_begins_anew_hears_an_engine_before_it_gives_it_up(up_again: bool) -> None:
    simulation = on_engines("a1 b1")
    a_placed_service(simulation, 4)
    simulation.advance(10)
    kept = {task.arn for task in running(simulation)}
    simulation.further.known["a1"].up = False
    simulation.advance(1)
    simulation.crash()
    simulation.advance(60)
    simulation.further.known["a1"].up = up_again
    simulation.restart()
    simulation.advance(20)
    assert len(running(simulation)) == 4
    assert ({task.arn for task in running(simulation)} == kept) is up_again
    assert bool(told(simulation, EventType.INSTANCE_LOST)) is not up_again


def test_a_service_is_deleted_though_its_standby_was_lost_with_its_engine() -> None:
    simulation = on_engines("a1")
    a_placed_service(simulation, 1)
    simulation.submit(SetStandby(WEB, 1)).result(0)
    simulation.advance(10)
    assert simulation.state.standbys_of(WEB)
    simulation.further.known["a1"].up = False
    simulation.advance(simulation.pace.instance_lost + 5)
    simulation.submit(DeleteService(WEB, force=True)).result(0)
    simulation.advance(20)
    assert the_service(simulation).status is ServiceStatus.INACTIVE


def test_a_standby_on_a_silent_engine_takes_nobodys_place() -> None:
    simulation = on_engines("a1")
    a_placed_service(simulation, 1)
    simulation.advance(5)
    a_host(simulation, "b1", engine="b1")
    drain(simulation, "a1")
    simulation.submit(SetStandby(WEB, 1)).result(0)
    simulation.advance(20)
    activate(simulation, "a1")
    (standby,) = simulation.state.standbys_of(WEB)
    name = name_of_host(simulation, standby)
    simulation.further.known[name].up = False
    simulation.advance(1)
    (task,) = running(simulation)
    simulation.submit(StopTask(task.arn)).result(0)
    simulation.advance(simulation.pace.instance_lost - 2)
    assert standby.arn not in simulation.state.tasks


def test_its_image_on_the_way_to_one_engine_holds_up_no_other() -> None:
    slow = Behaviour(pull_seconds=20)
    simulation = on_engines("a1 b1", behaviour=lambda program: slow)
    definition = registered(simulation, a_container("web-server", image="slow:1"), family="slow")
    a_placed_service(simulation, 2, definition=definition)
    simulation.advance(25)
    assert shares(simulation) == {"a1": 1, "b1": 1}


def test_targets_on_a_lost_engine_are_gone_from_their_group() -> None:
    simulation = on_engines("a1 b1")
    group = a_target_group(simulation)
    web = a_container("web-server", port_mappings=(PortMapping(8080),))
    definition = registered(simulation, web, family="balanced")
    simulation.submit(CreateService(WEB, CLUSTER, definition, 2, load_balancers=behind(group))).result(0)
    simulation.advance(30)
    assert len(simulation.state.targets_in(group)) == 2
    simulation.further.known["a1"].up = False
    simulation.advance(40)
    healthy = [t for t in simulation.state.targets_in(group) if t.state is TargetState.HEALTHY]
    assert len(healthy) == 2
    assert shares(simulation) == {"b1": 2}


# --- crashes ---


@pytest.mark.parametrize("points", range(0, 72, 3))
def test_a_crash_at_any_point_books_nothing_twice(points: int) -> None:
    simulation = on_engines("a1 b1", seed=points)
    a_host(simulation, "c1", memory=512)
    simulation.crash_after(points)
    until_done(simulation, lambda: a_crashing_service(simulation), lambda: WEB in simulation.state.services)
    simulation.advance(2)
    simulation.crash_after(points // 2)
    until_done(simulation, lambda: drain(simulation, "b1"), lambda: not host(simulation, "b1").is_active)
    simulation.advance(5)
    simulation.restart()
    simulation.fuse.left = None
    simulation.advance(60)
    assert set(shares(simulation)) <= {"a1", "c1"}
    assert (len(running(simulation)), the_service(simulation).steady) == (6, True)
    for name, engine in {"": simulation.engine, **simulation.further.known}.items():
        there = [container.seen.task_arn for container in engine.running()]
        assert len(there) == len(set(there))
        assert {simulation.state.engine_of(simulation.state.the_task(arn)) for arn in there} <= {name}


def until_done(simulation: Simulation, act: Callable[[], None], is_done: Callable[[], bool]) -> None:
    """Asks until it is on record: the answer may be lost to a crash."""
    while not is_done():
        with suppress(TimeoutError):
            act()
        simulation.advance(0.5)
        simulation.restart()


def a_crashing_service(simulation: Simulation) -> None:
    simulation.submit(CreateService(WEB, CLUSTER, definition_arn("web-server"), 6)).result(0)


def test_that_a_service_has_no_room_is_told_once_though_its_starts_are_slowed_down_meanwhile() -> None:
    simulation = hosted("a1", memory=256, behaviour=lambda program: Behaviour(cannot_start="no such program"))
    definition = registered(simulation, a_container("web-server", memory=100), family="broken")
    a_placed_service(simulation, 4, definition=definition)
    simulation.advance(60)
    assert the_service(simulation).throttle.level > 0
    assert len(told(simulation, EventType.SERVICE_NOT_PLACED)) == 1
