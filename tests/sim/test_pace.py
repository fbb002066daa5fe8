"""At the pace of AWS: the waits of the real scheduler, on a virtual clock."""

from __future__ import annotations

from chaos_ecs.core.balancing import TargetState
from chaos_ecs.core.deploying import DeploymentConfiguration, RolloutState
from chaos_ecs.core.messages import KillTask, UpdateService
from chaos_ecs.core.model import TaskStatus
from chaos_ecs.core.pace import AWS
from chaos_ecs.sim.simulation import Simulation
from tests.builders import WEB, a_service, a_simulation, a_target_group, behind, running, the_service

TICK = 10.0


def on_aws() -> Simulation:
    return a_simulation(pace=AWS)


def test_the_scheduler_looks_at_a_service_every_ten_seconds() -> None:
    simulation = on_aws()
    a_service(simulation)
    simulation.advance(60)
    victim = running(simulation)[0]
    simulation.advance(3 - simulation.clock.now() % TICK + TICK)  # three seconds after a tick
    simulation.submit(KillTask(victim.arn)).result(0)
    simulation.advance(6.5)
    assert len(running(simulation)) == 2
    simulation.advance(1)
    assert len(running(simulation)) == 3


def test_a_task_without_checks_counts_as_healthy_forty_seconds_after_it_runs() -> None:
    simulation = on_aws()
    a_service(simulation)
    simulation.advance(12)
    assert len(running(simulation)) == 3
    simulation.advance(30)
    assert not the_service(simulation).steady
    simulation.advance(20)
    assert the_service(simulation).steady


def test_targets_drain_for_five_minutes_before_their_task_is_told_to_stop() -> None:
    simulation = on_aws()
    group = a_target_group(simulation)
    a_service(simulation, load_balancers=behind(group))
    simulation.advance(120)
    simulation.submit(UpdateService(WEB, desired_count=2)).result(0)
    simulation.advance(TICK + 1)
    (leaving,) = [task for task in simulation.state.live_tasks_of(WEB) if not task.is_wanted]
    simulation.advance(285)
    assert simulation.state.tasks[leaving.arn].last_status is TaskStatus.DEACTIVATING
    assert TargetState.DRAINING in {target.state for target in simulation.state.targets_in(group)}
    simulation.advance(30)
    assert simulation.state.tasks[leaving.arn].is_stopped


def test_a_rolling_deployment_takes_minutes() -> None:
    simulation = on_aws()
    a_service(simulation, limits=DeploymentConfiguration(100, 200))
    simulation.advance(120)
    simulation.submit(UpdateService(WEB, force_new_deployment=True)).result(0)
    simulation.advance(40)
    assert the_service(simulation).primary.rollout_state is RolloutState.IN_PROGRESS
    simulation.advance(60)
    assert the_service(simulation).primary.rollout_state is RolloutState.COMPLETED
