"""A service behind a load balancer: registration, draining, death, bad health, roll back, and a balancer that dies."""

from __future__ import annotations

from chaos_ecs.core.balancing import RouteMode, TargetState
from chaos_ecs.core.balancing_messages import DeleteTargetGroup, ModifyTargetGroupAttributes
from chaos_ecs.core.deploying import DeploymentConfiguration, RolloutState
from chaos_ecs.core.messages import EventType, KillTask, StopTask, UpdateService
from chaos_ecs.core.model import Task, TaskStatus
from chaos_ecs.sim.simulation import Simulation
from tests.builders import (
    WEB,
    a_container,
    a_service,
    a_simulation,
    a_target_group,
    behind,
    registered,
    running,
    service_messages,
    the_service,
)

BREAKER = DeploymentConfiguration(circuit_breaker_enable=True, circuit_breaker_rollback=True)


def balanced(*, desired_count: int = 3, delay: int = 2, grace: int = 0) -> tuple[Simulation, str]:
    """A steady service behind a target group of that deregistration delay; the group's ARN."""
    simulation = a_simulation()
    group = a_target_group(simulation)
    attribute = ("deregistration_delay.timeout_seconds", str(delay))
    simulation.submit(ModifyTargetGroupAttributes(group, (attribute,))).result(0)
    a_service(simulation, desired_count=desired_count, load_balancers=behind(group), limits=BREAKER, grace=grace)
    simulation.advance(5)
    assert the_service(simulation).steady
    return simulation, group


def deploy(simulation: Simulation, *, health: str = "200") -> None:
    container = a_container("web-server", environment=(("HEALTH", health),))
    definition = registered(simulation, container, family="web-server")
    simulation.submit(UpdateService(WEB, task_definition_arn=definition)).result(0)


def states(simulation: Simulation, group: str) -> dict[str, TargetState]:
    return {target.task_arn: target.state for target in simulation.state.targets_in(group)}


def serving(simulation: Simulation) -> set[str]:
    """The ids of those the balancer was told to send requests to."""
    routing = simulation.state.routing
    assert routing is not None
    return {t.id for group in routing.groups for t in group.targets if t.mode is RouteMode.SERVING}


def ids(tasks: list[Task]) -> set[str]:
    return {task.id for task in tasks}


def test_a_service_registers_its_tasks_and_is_steady_when_they_are_healthy() -> None:
    simulation = a_simulation()
    group = a_target_group(simulation)
    a_service(simulation, load_balancers=behind(group))
    simulation.advance(0.45)
    assert len(running(simulation)) == 3
    assert not the_service(simulation).steady
    simulation.advance(4)
    assert set(states(simulation, group).values()) == {TargetState.HEALTHY}
    assert serving(simulation) == ids(running(simulation))
    told = service_messages(simulation)
    registrations = [line for line in told if " registered " in line]
    assert registrations
    assert all(line.endswith(f" targets in (target-group {group})") for line in registrations)
    assert told[-1] == "(service web) has reached a steady state."


def test_a_version_that_fails_its_checks_for_ever_takes_no_room_from_the_one_that_serves() -> None:
    simulation, _ = balanced()
    simulation.submit(UpdateService(WEB, deployment_configuration=DeploymentConfiguration())).result(0)
    old = ids(running(simulation))
    deploy(simulation, health="500")
    simulation.advance(20)
    victim = next(task for task in running(simulation) if task.id in old)
    simulation.submit(KillTask(victim.arn)).result(0)
    simulation.advance(3)
    kept = [task for task in running(simulation) if task.task_definition_arn == victim.task_definition_arn]
    assert len(kept) == 3


def test_a_dead_target_is_out_at_once_and_its_replacement_joins() -> None:
    simulation, group = balanced()
    victim = running(simulation)[0]
    simulation.submit(KillTask(victim.arn)).result(0)
    while simulation.engine.find(victim.arn, "web-server").seen.exit_code is None:  # type: ignore[union-attr]
        simulation.advance(0.005)
    simulation.advance(0.06)
    assert victim.id not in serving(simulation)
    assert victim.arn not in states(simulation, group)
    simulation.advance(5)
    assert serving(simulation) == ids(running(simulation))
    assert len(serving(simulation)) == 3
    assert the_service(simulation).last_recovery_seconds is not None


def test_scaling_in_drains_first_and_sends_the_stop_signal_after_the_deregistration_delay() -> None:
    simulation, group = balanced(delay=10)
    began = simulation.clock.now()
    simulation.submit(UpdateService(WEB, desired_count=2)).result(0)
    (leaving,) = [task for task in simulation.state.live_tasks_of(WEB) if not task.is_wanted]
    assert leaving.last_status is TaskStatus.DEACTIVATING
    assert states(simulation, group)[leaving.arn] is TargetState.DRAINING
    assert leaving.id not in serving(simulation)
    simulation.advance(9.5)
    assert simulation.state.tasks[leaving.arn].last_status is TaskStatus.DEACTIVATING
    simulation.advance(2)
    stopped = simulation.state.tasks[leaving.arn]
    assert stopped.is_stopped
    assert 10 <= (stopped.execution_stopped_at or 0) - began < 10.5
    told = service_messages(simulation)
    at = next(i for i, line in enumerate(told) if "has stopped 1 running tasks" in line)
    assert told[at + 1] == f"(service web) deregistered 1 targets in (target-group {group})"
    assert told[at + 2].startswith("(service web, taskSet ecs-svc/")
    assert told[at + 2].endswith(") has begun draining connections on 1 tasks.")


def test_a_task_that_a_user_stops_gets_its_signal_at_once() -> None:
    """The lesson of the 502: nobody waits for the connections of a task that is stopped by hand."""
    simulation, _ = balanced(delay=60)
    victim = running(simulation)[0]
    simulation.submit(StopTask(victim.arn)).result(0)
    simulation.advance(2)
    assert simulation.state.tasks[victim.arn].is_stopped
    simulation.advance(5)
    assert len(serving(simulation)) == 3


def test_a_rolling_deployment_never_has_fewer_healthy_targets_than_before() -> None:
    simulation, _ = balanced()
    deploy(simulation)
    least = 3
    for _ in range(200):
        simulation.advance(0.05)
        least = min(least, len(serving(simulation)))
    assert least == 3
    assert the_service(simulation).primary.rollout_state is RolloutState.COMPLETED
    assert len(the_service(simulation).deployments) == 1


def test_a_version_that_fails_its_target_health_checks_is_rolled_back_and_never_sees_a_request() -> None:
    simulation, _ = balanced()
    old = ids(running(simulation))
    deploy(simulation, health="500")
    seen: set[str] = set()
    for _ in range(1200):
        simulation.advance(0.05)
        seen |= serving(simulation) - old
        if the_service(simulation).steady and simulation.state.deployments_of(WEB)[0].rollback_revision_arn:
            break
    service = the_service(simulation)
    assert service.steady
    assert service.task_definition_arn.endswith("web-server:1")
    assert ids(running(simulation)) == old
    told = service_messages(simulation)
    sick = [line for line in told if "is unhealthy in (target-group" in line]
    assert len(sick) >= 3
    assert sick[0].endswith("due to (reason Health checks failed with these codes: [500]).")
    assert any(line.endswith("deployment failed: tasks failed to start.") for line in told)
    reasons = {task.stopped_reason for task in simulation.state.tasks.values() if task.is_stopped}
    assert any(str(reason).startswith("Task failed ELB health checks in (target-group ") for reason in reasons)


def test_a_target_that_turns_bad_is_replaced_before_it_stops() -> None:
    simulation, _ = balanced()
    victim = running(simulation)[0]
    simulation.engine.set_serves(victim.containers[0].runtime_id or "", "503")
    least = 3
    for _ in range(600):
        simulation.advance(0.05)
        least = min(least, len(running(simulation)))
    assert least == 3
    assert victim.arn not in {task.arn for task in running(simulation)}
    assert len(serving(simulation)) == 3
    assert the_service(simulation).steady


def test_within_the_grace_period_a_bad_target_is_left_alone() -> None:
    simulation, group = balanced(grace=60)
    victim = running(simulation)[0]
    simulation.engine.set_serves(victim.containers[0].runtime_id or "", "503")
    simulation.advance(30)
    assert states(simulation, group)[victim.arn] is TargetState.UNHEALTHY
    assert victim.arn in {task.arn for task in running(simulation)}
    simulation.advance(60)
    assert victim.arn not in {task.arn for task in running(simulation)}


def test_a_balancer_that_dies_comes_back_with_all_targets_and_no_task_is_harmed() -> None:
    simulation, group = balanced()
    before = ids(running(simulation))
    simulation.balancer.kill()
    simulation.advance(10)
    assert ids(running(simulation)) == before
    assert set(states(simulation, group).values()) == {TargetState.HEALTHY}
    types = [event.type for event in simulation.events]
    assert types.index(EventType.BALANCER_LOST) > types.index(EventType.BALANCER_UP)
    assert types[-1] is EventType.BALANCER_UP


def test_a_controller_that_crashes_finds_its_targets_again() -> None:
    simulation, group = balanced()
    victim = running(simulation)[0]
    simulation.crash()
    simulation.engine.signal(victim.containers[0].runtime_id or "", "SIGKILL")
    simulation.advance(1)
    simulation.restart()
    simulation.advance(10)
    assert len(serving(simulation)) == 3
    assert serving(simulation) == ids(running(simulation))
    assert set(states(simulation, group).values()) == {TargetState.HEALTHY}


def test_a_target_group_that_goes_takes_its_targets_and_leaves_the_tasks() -> None:
    simulation, _ = balanced()
    other = a_target_group(simulation, "other", port=8481)
    simulation.submit(UpdateService(WEB, load_balancers=behind(other))).result(0)
    simulation.advance(20)
    assert len(running(simulation)) == 3
    assert set(states(simulation, other).values()) == {TargetState.HEALTHY}
    lone = a_target_group(simulation, "lone", port=8490)
    for arn in [arn for arn, one in simulation.state.listeners.items() if one.default.groups[0][0] == lone]:
        simulation.state.drop(simulation.state.listeners[arn])
    simulation.submit(DeleteTargetGroup(lone)).result(0)
    assert lone not in simulation.state.target_groups


def test_a_change_of_target_groups_is_rolled_out_and_the_old_tasks_serve_where_they_were() -> None:
    simulation, group = balanced()
    other = a_target_group(simulation, "other", port=8481)
    simulation.submit(UpdateService(WEB, load_balancers=behind(other))).result(0)
    simulation.advance(0.2)
    assert len([state for state in states(simulation, group).values() if state is TargetState.HEALTHY]) == 3
    simulation.advance(20)
    assert states(simulation, group) == {}
    assert set(states(simulation, other).values()) == {TargetState.HEALTHY}


def test_a_task_that_is_cut_off_from_its_network_is_replaced() -> None:
    simulation, _ = balanced()
    victim = running(simulation)[0]
    simulation.engine.disconnect(victim.containers[0].runtime_id or "")
    simulation.advance(10)
    assert victim.arn not in {task.arn for task in running(simulation)}
    assert len(serving(simulation)) == 3
    assert the_service(simulation).steady
