"""A container instance is DRAINING: what moves, within which limits, and what stays."""

from __future__ import annotations

import pytest

from chaos_ecs.core.arns import service_arn
from chaos_ecs.core.container_instances import ContainerInstanceStatus
from chaos_ecs.core.deploying import DeploymentConfiguration, DeploymentStrategy, RolloutState
from chaos_ecs.core.errors import InvalidParameterException
from chaos_ecs.core.instance_messages import DeregisterContainerInstance
from chaos_ecs.core.messages import CreateService, EventType, RunTask, SetStandby, UpdateService
from chaos_ecs.core.model import TaskStatus
from chaos_ecs.core.placement_rules import PlacementWishes
from chaos_ecs.core.rollout_messages import SetTaskProtection
from chaos_ecs.sim.engine import Behaviour, demo_behaviour
from chaos_ecs.sim.simulation import Simulation
from tests.builders import (
    CLUSTER,
    WEB,
    a_container,
    a_second_target_group,
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

STEP = 0.05
STUCK = "was unable to stop or start tasks during a deployment because of the service deployment configuration."
NO_PLACE = "was unable to place a task because no container instance met all of its requirements."


def fewest(simulation: Simulation, seconds: float, *, most: int | None = None) -> int:
    """The fewest running tasks that were seen in that time; never more than `most` are wanted."""
    seen = len(running(simulation))
    for _ in range(int(seconds / STEP)):
        simulation.advance(STEP)
        seen = min(seen, len(running(simulation)))
        wanted = [task for task in simulation.state.live_tasks_of(WEB) if task.is_wanted]
        assert most is None or len(wanted) <= most, f"{len(wanted)} are wanted"
    return seen


@pytest.mark.parametrize(
    ("percents", "least", "most"), [((100, 200), 6, 12), ((50, 100), 3, 6), ((100, 150), 6, 9), ((0, 100), 0, 6)]
)
def test_its_running_tasks_are_replaced_within_the_limits(percents: tuple[int, int], least: int, most: int) -> None:
    simulation = hosted("a1 b1 c1")
    a_placed_service(simulation, 6, limits=DeploymentConfiguration(*percents))
    simulation.advance(10)
    assert shares(simulation) == {"a1": 2, "b1": 2, "c1": 2}
    drain(simulation, "a1")
    assert fewest(simulation, 30, most=most) >= least
    assert shares(simulation) == {"b1": 3, "c1": 3}
    assert the_service(simulation).steady
    assert service_messages(simulation)[-1] == "(service web) has reached a steady state."
    assert told(simulation, EventType.INSTANCE_STATUS_CHANGED) == ["container instance a1 is DRAINING, 2 tasks on it"]


def test_the_new_ones_come_before_the_old_ones_go_and_all_of_it_is_told() -> None:
    simulation = hosted("a1 b1")
    a_placed_service(simulation, 2)
    simulation.advance(10)
    before = len(service_messages(simulation))
    drain(simulation, "a1")
    simulation.advance(20)
    started, stopped, steady = service_messages(simulation)[before:]
    assert "has started 1 tasks" in started
    assert "has stopped 1 running tasks" in stopped
    assert "steady state" in steady


def test_a_pending_task_is_stopped_at_once() -> None:
    simulation = hosted("a1 b1", behaviour=lambda program: Behaviour(pull_seconds=30))
    slow = registered(simulation, a_container("slow", image="slow:1"))
    a_placed_service(simulation, 2, definition=slow)
    simulation.advance(5)
    (victim,) = [t for t in simulation.state.live_tasks_of(WEB) if name_of_host(simulation, t) == "a1"]
    drain(simulation, "a1")
    assert not simulation.state.tasks[victim.arn].is_wanted
    assert len([task for task in simulation.state.live_tasks_of(WEB) if task.is_wanted]) == 2
    simulation.advance(120)
    assert shares(simulation) == {"b1": 2}


def test_a_standalone_task_is_left_alone_and_holds_the_drain_open() -> None:
    simulation = hosted("a1")
    simulation.submit(RunTask(CLUSTER, definition_arn("worker"))).result(0)
    simulation.advance(5)
    (task,) = simulation.state.tasks.values()
    a_host(simulation, "b1")
    drain(simulation, "a1")
    simulation.advance(60)
    assert simulation.state.tasks[task.arn].is_running
    with pytest.raises(InvalidParameterException, match="Found running tasks on the instance"):
        simulation.submit(DeregisterContainerInstance(host(simulation, "a1").arn)).result(0)
    simulation.submit(RunTask(CLUSTER, definition_arn("worker"))).result(0)
    assert name_of_host(simulation, list(simulation.state.tasks.values())[-1]) == "b1"


def test_one_that_is_active_again_half_way_keeps_what_it_still_has() -> None:
    simulation = hosted("a1 b1")
    a_placed_service(simulation, 4, limits=DeploymentConfiguration(100, 125))
    simulation.advance(10)
    kept = {task.arn for task in running(simulation) if name_of_host(simulation, task) == "a1"}
    drain(simulation, "a1")
    while len(running(simulation)) + len(told(simulation, EventType.SERVICE_TASKS_STOPPED)) < 5:
        simulation.advance(STEP)
    activate(simulation, "a1")
    assert fewest(simulation, 30) >= 4
    assert the_service(simulation).steady
    assert len(kept & {task.arn for task in running(simulation)}) >= 1
    assert len(running(simulation)) == 4


def test_the_desired_one_at_100_percent_is_stuck_and_told_each_time() -> None:
    simulation = hosted("a1 b1")
    a_placed_service(simulation, 1, limits=DeploymentConfiguration(100, 100))
    simulation.advance(10)
    (home,) = shares(simulation)
    for round_ in (1, 2):
        drain(simulation, home)
        assert fewest(simulation, 30) == 1
        assert sum(STUCK in message for message in service_messages(simulation)) == round_
        activate(simulation, home)
        simulation.advance(5)
        assert service_messages(simulation)[-1] == "(service web) has reached a steady state."
    simulation.submit(UpdateService(WEB, deployment_configuration=DeploymentConfiguration(100, 200))).result(0)
    drain(simulation, home)
    assert fewest(simulation, 30) == 1
    assert home not in shares(simulation)


def test_with_no_place_left_nothing_stops_below_the_limit_and_it_is_told_once() -> None:
    simulation = hosted("a1 b1")
    a_placed_service(simulation, 4, limits=DeploymentConfiguration(50, 200))
    simulation.advance(10)
    drain(simulation, "a1 b1")
    assert fewest(simulation, 60) == 2
    assert sum(NO_PLACE in message for message in service_messages(simulation)) == 1
    a_host(simulation, "c1")
    simulation.advance(20)
    assert shares(simulation) == {"c1": 4}
    assert the_service(simulation).steady


def test_a_running_task_that_is_not_healthy_yet_stays_while_it_is_needed() -> None:
    """RUNNING, but its load balancer has not looked yet: not PENDING, and there is no other."""
    simulation = hosted("a1")
    group = a_target_group(simulation)
    a_balanced_service(simulation, group, 1)
    while not running(simulation):
        simulation.advance(STEP)
    (task,) = running(simulation)
    drain(simulation, "a1")
    simulation.advance(30)
    assert simulation.state.tasks[task.arn].is_running
    a_host(simulation, "b1")
    assert fewest(simulation, 40) == 1
    assert shares(simulation) == {"b1": 1}


def a_balanced_service(simulation: Simulation, group: str, count: int, **members: object) -> None:
    command = CreateService(
        WEB,
        CLUSTER,
        registered(simulation, a_container("web-server"), family="balanced"),
        count,
        load_balancers=behind(group),
        placement=PlacementWishes(),
        **members,  # type: ignore[arg-type]
    )
    simulation.submit(command).result(0)


def test_requests_find_a_healthy_target_all_the_while() -> None:
    simulation = hosted("a1 b1 c1")
    group = a_target_group(simulation)
    a_balanced_service(simulation, group, 3)
    simulation.advance(30)
    drain(simulation, "a1")
    for _ in range(int(40 / STEP)):
        simulation.advance(STEP)
        healthy = [target for target in simulation.state.targets_in(group) if target.state.value == "healthy"]
        assert len(healthy) >= 3
    assert shares(simulation) == {"b1": 2, "c1": 1} or shares(simulation) == {"b1": 1, "c1": 2}


def test_a_protected_task_stays_until_its_protection_ends() -> None:
    simulation = hosted("a1 b1")
    a_placed_service(simulation, 2)
    simulation.advance(10)
    (kept,) = [task for task in running(simulation) if name_of_host(simulation, task) == "a1"]
    simulation.submit(SetTaskProtection((kept.arn,), True, expires_in_minutes=1)).result(0)
    drain(simulation, "a1")
    simulation.advance(30)
    assert simulation.state.tasks[kept.arn].is_running
    assert shares(simulation) == {"a1": 1, "b1": 2}
    simulation.advance(60)
    assert shares(simulation) == {"b1": 2}


def test_a_standby_on_it_is_replaced_and_takes_nobodys_place() -> None:
    simulation = hosted("a1")
    a_placed_service(simulation, 1)
    simulation.submit(SetStandby(WEB, 1)).result(0)
    simulation.advance(10)
    a_host(simulation, "b1")
    (standby,) = simulation.state.standbys_of(WEB)
    assert standby.is_ready_standby
    drain(simulation, "a1")
    assert fewest(simulation, 40) == 1
    (other,) = simulation.state.standbys_of(WEB)
    assert name_of_host(simulation, other) == "b1"
    assert shares(simulation) == {"b1": 1}
    assert standby.arn not in simulation.state.tasks


def test_a_deployment_under_way_and_a_drain_end_both() -> None:
    simulation = hosted("a1 b1 c1")
    a_placed_service(simulation, 6, limits=DeploymentConfiguration(100, 150))
    simulation.advance(10)
    newer = registered(simulation, a_container("web-server", environment=(("V", "2"),)), family="placed")
    simulation.submit(UpdateService(WEB, task_definition_arn=newer)).result(0)
    simulation.advance(1)
    drain(simulation, "a1")
    assert fewest(simulation, 60, most=9) >= 6
    assert zones(simulation).keys() == {"b", "c"}
    assert {task.task_definition_arn for task in running(simulation)} == {newer}
    assert the_service(simulation).primary.rollout_state is RolloutState.COMPLETED


def test_a_broken_deployment_does_not_let_a_drain_shrink_what_serves() -> None:
    simulation = hosted("a1 b1 c1", behaviour=broken)
    a_placed_service(simulation, 6)
    simulation.advance(10)
    bad = registered(simulation, a_container("web-server", image="crashes:1"), family="placed")
    simulation.submit(UpdateService(WEB, task_definition_arn=bad)).result(0)
    simulation.advance(20)
    for name, other in (("a1", "a2"), ("b1", "b2"), ("c1", "c2")):
        a_host(simulation, other)
        drain(simulation, name)
        simulation.advance(40)
    good = [task for task in running(simulation) if task.task_definition_arn != bad]
    assert len(good) == 6
    assert {name_of_host(simulation, task) for task in good} == {"a2", "b2", "c2"}


def broken(program: object) -> Behaviour:
    if program.image == "crashes:1":  # type: ignore[attr-defined]
        return Behaviour(runs_seconds=0.5, exit_code=1)
    return demo_behaviour(program)  # type: ignore[arg-type]


@pytest.mark.parametrize("strategy", [DeploymentStrategy.BLUE_GREEN, DeploymentStrategy.CANARY])
@pytest.mark.parametrize("after_seconds", [0, 5, 8, 12, 20])
def test_while_traffic_moves_neither_side_falls_below_its_limit(
    strategy: DeploymentStrategy, after_seconds: int
) -> None:
    simulation = hosted("a1 b1 c1")
    group = a_target_group(simulation)
    pair = a_second_target_group(simulation, group)
    limits = DeploymentConfiguration(
        100, 200, strategy=strategy, bake_minutes=1, step_percent=20.0, step_bake_minutes=2
    )
    command = CreateService(
        WEB,
        CLUSTER,
        registered(simulation, a_container("web-server"), family="shifted"),
        3,
        load_balancers=(pair,),
        deployment_configuration=limits,
    )
    simulation.submit(command).result(0)
    simulation.advance(40)
    newer = registered(simulation, a_container("web-server", environment=(("V", "2"),)), family="shifted")
    simulation.submit(UpdateService(WEB, task_definition_arn=newer)).result(0)
    simulation.advance(after_seconds)
    drain(simulation, "a1")
    for _ in range(int(120 / 0.1)):
        simulation.advance(0.1)
        check_sides(simulation)
    assert zones(simulation).keys() == {"b", "c"}
    assert {task.task_definition_arn for task in running(simulation)} == {newer}
    assert the_service(simulation).primary.rollout_state is RolloutState.COMPLETED


def check_sides(simulation: Simulation) -> None:
    """Whoever is sent requests has three healthy targets."""
    (listener,) = simulation.state.listeners.values()
    for group, weight in listener.default.groups:
        healthy = [target for target in simulation.state.targets_in(group) if target.state.value == "healthy"]
        assert not weight or len(healthy) >= 3, f"{len(healthy)} healthy with {weight} % of the requests"


def test_the_drained_one_can_be_deregistered_and_leaves_the_record() -> None:
    simulation = hosted("a1 b1")
    a_placed_service(simulation, 2)
    simulation.advance(10)
    arn = host(simulation, "a1").arn
    drain(simulation, "a1")
    simulation.advance(20)
    simulation.submit(DeregisterContainerInstance(arn)).result(0)
    simulation.advance(1)
    assert arn not in simulation.state.container_instances
    assert shares(simulation) == {"b1": 2}


def test_forced_out_its_tasks_are_stopped_and_replaced() -> None:
    simulation = hosted("a1 b1")
    a_placed_service(simulation, 2)
    simulation.submit(RunTask(CLUSTER, definition_arn("worker"))).result(0)
    simulation.advance(10)
    arn = host(simulation, "a1").arn
    doomed = [task.arn for task in simulation.state.tasks_on(arn)]
    simulation.submit(DeregisterContainerInstance(arn, force=True)).result(0)
    assert simulation.state.container_instances[arn].status is ContainerInstanceStatus.INACTIVE
    simulation.advance(20)
    assert arn not in simulation.state.container_instances
    assert {simulation.state.tasks[one].last_status for one in doomed} == {TaskStatus.STOPPED}
    assert shares(simulation) == {"b1": 2}


def test_another_service_in_the_cluster_is_not_touched() -> None:
    simulation = hosted("a1 b1")
    a_placed_service(simulation, 2)
    fargate = service_arn(CLUSTER, "fargate")
    a_placed_service(simulation, 1, arn=fargate, definition=definition_arn("worker"), launch_type="FARGATE")
    simulation.advance(10)
    kept = [task.arn for task in running(simulation, fargate)]
    drain(simulation, "a1 b1")
    simulation.advance(30)
    assert [task.arn for task in running(simulation, fargate)] == kept
    check_hosts(simulation.state)
