"""Deployments as a service's owner sees them: rolling, overtaken, broken, rolled back, stuck, stopped by hand."""

from __future__ import annotations

import pytest

from chaos_ecs.core.deploying import DeploymentConfiguration, DeploymentStatus, RolloutState, ServiceDeploymentStatus
from chaos_ecs.core.errors import ConflictException
from chaos_ecs.core.messages import EventType, KillTask, UpdateService
from chaos_ecs.core.model import HealthCheck, HealthStatus
from chaos_ecs.core.rollout_messages import SetTaskProtection, StopServiceDeployment
from chaos_ecs.sim.engine import Behaviour, demo_behaviour
from chaos_ecs.sim.simulation import Simulation
from tests.builders import (
    WEB,
    a_container,
    a_service,
    a_simulation,
    definition_arn,
    registered,
    running,
    service_messages,
    the_service,
)

BREAKER = DeploymentConfiguration(circuit_breaker_enable=True, circuit_breaker_rollback=True)
NO_ROLLBACK = DeploymentConfiguration(circuit_breaker_enable=True)


def behaviour(definition: object) -> Behaviour:
    image = definition.image  # type: ignore[attr-defined]
    if image == "crashes:1":
        return Behaviour(runs_seconds=0.5, exit_code=1)
    if image == "sick:1":
        return Behaviour(health=HealthStatus.UNHEALTHY)
    return demo_behaviour(definition)  # type: ignore[arg-type]


def a_steady_service(limits: DeploymentConfiguration = BREAKER, desired_count: int = 3) -> Simulation:
    simulation = a_simulation(behaviour=behaviour)
    a_service(simulation, limits=limits, desired_count=desired_count)
    simulation.advance(5)
    assert the_service(simulation).primary.rollout_state is RolloutState.COMPLETED
    return simulation


def deploy(simulation: Simulation, image: str, **members: object) -> str:
    definition = registered(simulation, a_container("web-server", image=image, **members), family="web-server")
    simulation.submit(UpdateService(WEB, task_definition_arn=definition)).result(0)
    return definition


def records(simulation: Simulation) -> list[ServiceDeploymentStatus]:
    """The history of the service's deployments, newest first."""
    return [record.status for record in simulation.state.deployments_of(WEB)]


BROKEN = {
    "its image is missing": ("no-such-image:9", {}),
    "it ends right after its start": ("crashes:1", {}),
    "it fails its health check": ("sick:1", {"health_check": HealthCheck(("CMD", "true"), interval=5, retries=1)}),
}


@pytest.mark.parametrize("why", BROKEN)
def test_a_broken_version_trips_the_breaker_and_the_service_rolls_back_untouched(why: str) -> None:
    image, members = BROKEN[why]
    simulation = a_steady_service()
    kept = {task.arn for task in running(simulation)}
    first = the_service(simulation).primary
    deploy(simulation, image, **members)
    broken = the_service(simulation).primary
    simulation.advance(90)
    service = the_service(simulation)
    assert (service.primary.id, service.task_definition_arn) == (first.id, first.task_definition_arn)
    assert service.primary.rollout_state is RolloutState.COMPLETED
    assert {task.arn for task in running(simulation)} == kept
    assert len(service.deployments) == 1
    told = service_messages(simulation)
    failed = f"(service web) (deployment {broken.id}) deployment failed: tasks failed to start."
    at = told.index(failed)
    assert told[at + 1] == f"(service web) rolling back to deployment {first.id}."
    assert told[-2:] == [
        f"(service web) (deployment {first.id}) deployment completed.",
        "(service web) has reached a steady state.",
    ]
    assert records(simulation)[0] is ServiceDeploymentStatus.ROLLBACK_SUCCESSFUL
    record = simulation.state.deployments_of(WEB)[0]
    assert (record.failure_count, record.threshold, record.breaker_status) == (3, 3, "TRIGGERED")


def test_a_version_that_never_served_is_no_outage_to_recover_from() -> None:
    simulation = a_steady_service()
    deploy(simulation, "crashes:1")
    simulation.advance(90)
    assert records(simulation)[0] is ServiceDeploymentStatus.ROLLBACK_SUCCESSFUL
    assert not [event for event in simulation.events if event.type is EventType.SERVICE_RECOVERED]
    assert the_service(simulation).last_recovery_seconds is None


def test_the_failed_deployment_is_active_and_failed_until_its_tasks_are_gone() -> None:
    simulation = a_steady_service()
    simulation.submit(UpdateService(WEB, desired_count=1)).result(0)
    simulation.advance(5)
    sick = HealthCheck(("CMD", "true"), interval=5, retries=1)
    deploy(simulation, "sick:1", health_check=sick, stop_timeout=20)
    seen: set[tuple[DeploymentStatus, RolloutState, str]] = set()
    for _ in range(1200):
        simulation.advance(0.05)
        seen |= {
            (one.status, one.rollout_state, one.rollout_state_reason) for one in the_service(simulation).deployments
        }
    why = "ECS deployment circuit breaker: tasks failed to start."
    assert (DeploymentStatus.ACTIVE, RolloutState.FAILED, why) in seen
    first = the_service(simulation).primary.id
    rolling = f"ECS deployment circuit breaker: rolling back to deploymentId {first}"
    assert (DeploymentStatus.PRIMARY, RolloutState.IN_PROGRESS, rolling) in seen


def test_without_rollback_a_failed_deployment_stalls_and_the_old_tasks_serve_on() -> None:
    simulation = a_steady_service(NO_ROLLBACK)
    old = {task.arn for task in running(simulation)}
    deploy(simulation, "no-such-image:9")
    simulation.advance(200)
    service = the_service(simulation)
    assert service.primary.rollout_state is RolloutState.FAILED
    assert {task.arn for task in running(simulation)} == old
    started = len(simulation.state.tasks)
    simulation.submit(KillTask(next(iter(old)))).result(0)
    simulation.advance(10)
    assert len(running(simulation)) == 3, "what dies of the version that works is replaced by its own"
    assert len(simulation.state.tasks) == started + 1


def test_without_a_breaker_a_broken_deployment_tries_for_ever_and_the_old_one_serves() -> None:
    simulation = a_steady_service(DeploymentConfiguration())
    deploy(simulation, "no-such-image:9")
    simulation.advance(300)
    service = the_service(simulation)
    assert service.primary.rollout_state is RolloutState.IN_PROGRESS
    assert service.primary.failed_tasks > 3
    assert len(running(simulation)) == 3


def test_a_first_deployment_that_fails_has_nothing_to_roll_back_to() -> None:
    simulation = a_simulation(behaviour=behaviour)
    definition = registered(simulation, a_container(image="crashes:1"))
    a_service(simulation, limits=BREAKER, definition=definition)
    simulation.advance(60)
    assert the_service(simulation).primary.rollout_state is RolloutState.FAILED
    assert running(simulation) == []
    started = len(simulation.state.tasks)
    simulation.advance(60)
    assert len(simulation.state.tasks) == started
    assert records(simulation) == [ServiceDeploymentStatus.STOPPED]


def test_one_good_task_clears_the_count_of_failures() -> None:
    simulation = a_steady_service()
    deploy(simulation, "chaos-ecs/demo:1")
    simulation.advance(0.6)
    for _ in range(2):
        victim = next(task for task in running(simulation) if task.deployment_id == the_service(simulation).primary.id)
        simulation.submit(KillTask(victim.arn)).result(0)
        simulation.advance(0.6)
    assert the_service(simulation).primary.failed_tasks == 2
    simulation.advance(20)
    assert the_service(simulation).primary.failed_tasks == 0
    assert records(simulation)[0] is ServiceDeploymentStatus.SUCCESSFUL


def test_a_task_of_the_old_version_that_dies_during_a_deployment_is_replaced_by_its_own_version() -> None:
    simulation = a_steady_service(DeploymentConfiguration())
    old = definition_arn("web-server")
    deploy(simulation, "no-such-image:9")
    simulation.advance(30)
    victim = running(simulation)[0]
    simulation.submit(KillTask(victim.arn)).result(0)
    simulation.advance(5)
    assert [task.task_definition_arn for task in running(simulation)] == [old, old, old]
    assert victim.arn not in {task.arn for task in running(simulation)}


def test_a_newer_deployment_overtakes_one_that_never_worked() -> None:
    simulation = a_steady_service(DeploymentConfiguration())
    deploy(simulation, "no-such-image:9")
    simulation.advance(30)
    good = deploy(simulation, "chaos-ecs/demo:1")
    simulation.advance(20)
    assert {task.task_definition_arn for task in running(simulation)} == {good}
    assert len(the_service(simulation).deployments) == 1
    assert records(simulation) == [
        ServiceDeploymentStatus.SUCCESSFUL,
        ServiceDeploymentStatus.STOPPED,
        ServiceDeploymentStatus.SUCCESSFUL,
    ]


def test_limits_that_leave_no_move_are_told_once_in_the_words_of_ecs() -> None:
    simulation = a_steady_service(DeploymentConfiguration(100, 100), desired_count=2)
    deploy(simulation, "chaos-ecs/demo:1")
    simulation.advance(60)
    stuck = [line for line in service_messages(simulation) if "was unable to stop or start tasks during" in line]
    assert len(stuck) == 1
    assert stuck[0].startswith("(service web) was unable")
    assert the_service(simulation).primary.rollout_state is RolloutState.IN_PROGRESS
    room = DeploymentConfiguration(50, 100)
    simulation.submit(UpdateService(WEB, deployment_configuration=room)).result(0)
    simulation.advance(30)
    assert the_service(simulation).primary.rollout_state is RolloutState.COMPLETED


def test_a_deployment_can_be_stopped_and_rolled_back_by_hand() -> None:
    simulation = a_steady_service(DeploymentConfiguration())
    first = the_service(simulation).primary
    deploy(simulation, "no-such-image:9")
    simulation.advance(10)
    record = simulation.state.deployments_of(WEB)[0]
    simulation.submit(StopServiceDeployment(record.arn)).result(0)
    simulation.advance(20)
    assert the_service(simulation).primary.id == first.id
    assert records(simulation)[0] is ServiceDeploymentStatus.ROLLBACK_SUCCESSFUL
    with pytest.raises(ConflictException):
        simulation.submit(StopServiceDeployment(record.arn)).result(0)


def test_force_new_deployment_replaces_every_task_with_the_same_definition() -> None:
    simulation = a_steady_service()
    old = {task.arn for task in running(simulation)}
    simulation.submit(UpdateService(WEB, force_new_deployment=True)).result(0)
    simulation.advance(20)
    assert not old & {task.arn for task in running(simulation)}
    assert {task.task_definition_arn for task in running(simulation)} == {definition_arn("web-server")}


def test_a_protected_task_survives_scaling_in_until_its_protection_ends() -> None:
    simulation = a_steady_service()
    protected = running(simulation)[2].arn
    simulation.submit(SetTaskProtection((protected,), True, 10)).result(0)
    simulation.submit(UpdateService(WEB, desired_count=1)).result(0)
    simulation.advance(60)
    assert [task.arn for task in running(simulation)] == [protected]
    simulation.submit(UpdateService(WEB, desired_count=0)).result(0)
    simulation.advance(60)
    assert [task.arn for task in running(simulation)] == [protected]
    simulation.advance(600)
    assert running(simulation) == []


def test_an_unhealthy_container_is_replaced_before_it_is_stopped() -> None:
    simulation = a_simulation()
    checked = a_container(health_check=HealthCheck(("CMD", "true"), interval=5))
    a_service(simulation, definition=registered(simulation, checked), desired_count=2)
    simulation.advance(20)
    victim, kept = running(simulation)
    simulation.engine.set_health(victim.containers[0].runtime_id or "", HealthStatus.UNHEALTHY)
    least = 2
    for _ in range(400):
        simulation.advance(0.05)
        least = min(least, len(running(simulation)))
    assert least == 2
    assert victim.arn not in {task.arn for task in running(simulation)}
    told = service_messages(simulation)
    assert f"(service web) (task {victim.id}) failed container health checks." in told
    assert simulation.state.tasks[victim.arn].stopped_reason == "Task failed container health checks"
    assert kept.arn in {task.arn for task in running(simulation)}
    assert told[-1] == "(service web) has reached a steady state."


def digests(simulation: Simulation) -> set[str]:
    return {task.containers[0].image_digest for task in running(simulation)}


def test_all_tasks_of_a_deployment_run_the_image_that_its_first_one_found() -> None:
    simulation = a_steady_service()
    (first,) = digests(simulation)
    simulation.engine.build("chaos-ecs/demo:1")
    simulation.submit(KillTask(running(simulation)[0].arn)).result(0)
    simulation.submit(UpdateService(WEB, desired_count=5)).result(0)
    simulation.advance(10)
    assert len(running(simulation)) == 5
    assert digests(simulation) == {first}
    simulation.submit(UpdateService(WEB, force_new_deployment=True)).result(0)
    simulation.advance(20)
    (second,) = digests(simulation)
    assert second != first


def test_without_version_consistency_every_task_runs_what_the_tag_means_now() -> None:
    simulation = a_simulation()
    definition = registered(simulation, a_container(version_consistency=False))
    a_service(simulation, definition=definition)
    simulation.advance(5)
    simulation.engine.build("chaos-ecs/demo:1")
    simulation.submit(UpdateService(WEB, desired_count=4)).result(0)
    simulation.advance(5)
    assert len(digests(simulation)) == 2
