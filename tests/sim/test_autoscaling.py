"""A service that is scaled by what its tasks use, from measurement to a steady state, on a virtual clock."""

from __future__ import annotations

from dataclasses import dataclass

from chaos_ecs.core.arns import load_balancer_arn
from chaos_ecs.core.deploying import RolloutState
from chaos_ecs.core.messages import DeleteService, EventType, UpdateService
from chaos_ecs.core.model import ContainerDefinition, ServiceStatus
from chaos_ecs.core.scaling import Measure, Metric, ScalableTarget
from chaos_ecs.core.scaling_messages import (
    DeleteScalingPolicy,
    DeregisterScalableTarget,
    PutScalingPolicy,
    RegisterScalableTarget,
)
from chaos_ecs.sim.engine import Behaviour
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

CPU = Measure(Metric.CPU)


@dataclass
class Load:
    """CPU in percent of one task, shared by all tasks of the service."""

    percent: float = 0.0

    def behaviour(self, definition: ContainerDefinition) -> Behaviour:
        return Behaviour(shared_cpu_percent=self.percent)


def scaled(
    load: Load, *, desired_count: int = 2, least: int = 1, most: int = 10, cooldowns: tuple[int, int] = (10, 20)
) -> Simulation:
    """A steady service with a policy that keeps CPU at 50 %."""
    simulation = a_simulation(behaviour=load.behaviour)
    a_service(simulation, desired_count=desired_count)
    simulation.advance(2)
    simulation.submit(RegisterScalableTarget(WEB, least, most)).result(0)
    simulation.submit(PutScalingPolicy(WEB, "cpu", CPU, 50.0, "", *cooldowns)).result(0)
    return simulation


def target(simulation: Simulation) -> ScalableTarget:
    return simulation.state.scalable_targets[WEB]


def desired(simulation: Simulation) -> int:
    return the_service(simulation).desired_count


def causes(simulation: Simulation) -> list[str]:
    return [event.data["cause"] for event in simulation.events if event.type is EventType.SERVICE_SCALED]


def test_load_scales_out_and_quiet_scales_in() -> None:
    load = Load(percent=170)
    simulation = scaled(load)
    simulation.advance(8)
    assert desired(simulation) == 4
    assert len(running(simulation)) == 4
    assert the_service(simulation).steady
    simulation.advance(60)
    assert desired(simulation) == 4  # 42 % each is below the target by a tenth, and three could not carry it
    load.percent = 20
    simulation.advance(60)
    assert desired(simulation) == 1
    assert len(running(simulation)) == 1
    assert causes(simulation) == [
        "CPU 85 % over the target of 50 %: 2 -> 4",
        "CPU 5 % under the target of 50 %: 4 -> 1",
    ]


def test_scaling_is_no_deployment_and_is_told_as_activities() -> None:
    simulation = scaled(Load(percent=170))
    before = the_service(simulation).primary
    simulation.advance(8)
    assert the_service(simulation).primary.id == before.id
    assert the_service(simulation).primary.desired_count == 4
    (activity,) = target(simulation).activities
    assert activity.description == "Setting desired count to 4."
    assert activity.cause == "policy cpu: CPU 85 % over the target of 50 %: 2 -> 4"
    told = service_messages(simulation)
    assert told[-1] == "(service web) has reached a steady state."
    assert any(line.startswith("(service web) has started 2 tasks") for line in told[2:])


def test_only_the_newest_twenty_activities_are_kept() -> None:
    load = Load()
    simulation = scaled(load, cooldowns=(0, 0))
    for _ in range(13):
        load.percent = 170
        simulation.advance(10)
        load.percent = 10
        simulation.advance(10)
    newest = target(simulation).activities
    assert len(newest) == 20
    assert len(causes(simulation)) > 20
    assert newest[0].at > newest[-1].at
    assert newest[0].cause.endswith(causes(simulation)[-1])


def test_a_sample_is_acted_on_once() -> None:
    """Without cooldowns, what was measured before a change must not be taken for what follows from it."""
    simulation = scaled(Load(percent=80), desired_count=8, cooldowns=(0, 0))
    simulation.advance(6)  # 10 % of eight tasks call for two
    assert desired(simulation) == 2
    assert causes(simulation) == ["CPU 10 % under the target of 50 %: 8 -> 2"]


def test_a_cooldown_is_served_before_more_is_scaled_in() -> None:
    load = Load(percent=160)
    simulation = scaled(load, desired_count=8)
    simulation.advance(6)
    assert desired(simulation) == 4
    load.percent = 10
    simulation.advance(18)
    assert desired(simulation) == 4
    simulation.advance(8)
    assert desired(simulation) == 1


def test_a_scale_out_ends_a_cooldown_of_scale_in() -> None:
    load = Load(percent=160)
    simulation = scaled(load, desired_count=8, cooldowns=(5, 600))
    simulation.advance(6)
    assert desired(simulation) == 4
    load.percent = 300
    simulation.advance(6)
    assert desired(simulation) == 6
    load.percent = 10
    simulation.advance(12)
    assert desired(simulation) == 1


def test_a_growing_load_breaks_the_cooldown_by_what_the_first_tasks_would_need() -> None:
    load = Load(percent=170)
    simulation = scaled(load, cooldowns=(600, 600))
    simulation.advance(6)
    assert desired(simulation) == 4
    load.percent = 580  # 145 % each: two of them would need six
    simulation.advance(5)
    assert desired(simulation) == 6
    load.percent = 540  # 90 % each: two would need four, and four would need eight
    simulation.advance(20)
    assert desired(simulation) == 6


def test_a_policy_without_cooldowns_of_its_own_has_those_of_the_pace() -> None:
    simulation = scaled(Load(percent=170))
    simulation.submit(PutScalingPolicy(WEB, "cpu", CPU, 50.0)).result(0)
    simulation.advance(8)
    cooldown = target(simulation).out_cooldown
    assert cooldown is not None
    assert cooldown.until - cooldown.since == simulation.state.pace.scale_out_cooldown


def test_registering_brings_the_desired_count_into_the_range() -> None:
    simulation = a_simulation()
    a_service(simulation, desired_count=1)
    simulation.submit(RegisterScalableTarget(WEB, 3, 5)).result(0)
    assert desired(simulation) == 3
    simulation.submit(RegisterScalableTarget(WEB, 1, 2)).result(0)
    assert desired(simulation) == 2
    simulation.advance(5)
    assert len(running(simulation)) == 2
    assert causes(simulation) == [
        "between 3 and 5 tasks are to run: 1 -> 3",
        "between 1 and 2 tasks are to run: 3 -> 2",
    ]


def test_a_count_that_a_user_sets_is_followed() -> None:
    simulation = scaled(Load(percent=96))
    simulation.advance(20)
    assert desired(simulation) == 2
    simulation.submit(UpdateService(WEB, desired_count=1)).result(0)
    simulation.advance(20)
    assert desired(simulation) == 2
    simulation.submit(UpdateService(WEB, desired_count=12)).result(0)
    simulation.advance(40)
    assert desired(simulation) == 3
    assert causes(simulation)[-1] == "CPU 8 % under the target of 50 %: 12 -> 3"


def test_scale_in_waits_for_a_deployment_and_scale_out_does_not() -> None:
    load = Load(percent=40)
    simulation = scaled(load, desired_count=2, cooldowns=(0, 0))
    slow = registered(simulation, a_container("slow", image="no-such"), family="slow")
    load.percent = 190
    simulation.submit(UpdateService(WEB, task_definition_arn=slow)).result(0)
    simulation.advance(1)
    assert the_service(simulation).primary.rollout_state is RolloutState.IN_PROGRESS
    simulation.advance(6)
    assert desired(simulation) > 2
    load.percent = 0
    before = desired(simulation)
    simulation.engine.behaviour = lambda definition: Behaviour(
        cannot_start="broken" if definition.name == "slow" else ""
    )
    simulation.submit(UpdateService(WEB, force_new_deployment=True)).result(0)
    simulation.advance(60)
    assert the_service(simulation).primary.rollout_state is RolloutState.IN_PROGRESS
    assert desired(simulation) == before


def test_requests_scale_a_service_behind_a_target_group() -> None:
    simulation = a_simulation()
    group = a_target_group(simulation)
    a_service(simulation, desired_count=1, load_balancers=behind(group))
    simulation.advance(5)
    balancer = next(iter(simulation.state.load_balancers)).rsplit(":loadbalancer/", 1)[1]
    assert load_balancer_arn("us-east-1", *balancer.split("/")[1:]) in simulation.state.load_balancers
    label = f"{balancer}/{group.rsplit(':', 1)[1]}"
    simulation.submit(RegisterScalableTarget(WEB, 1, 6)).result(0)
    measure = Measure(Metric.REQUESTS, group)
    simulation.submit(PutScalingPolicy(WEB, "requests", measure, 100.0, label)).result(0)
    simulation.balancer.offer(group, 4.6)
    simulation.advance(20)
    assert desired(simulation) == 3
    simulation.advance(60)
    assert len(running(simulation)) == 3
    simulation.balancer.offer(group, 0.5)
    simulation.advance(60)
    assert desired(simulation) == 1
    assert causes(simulation)[0] == "276 requests a minute per target, over the target of 100: 1 -> 3"


def test_without_a_policy_nothing_is_measured_and_nothing_wakes_the_controller() -> None:
    load = Load()
    simulation = a_simulation(behaviour=load.behaviour)
    a_service(simulation)
    simulation.advance(10)
    assert simulation.state.samples == {}
    statistics = simulation.runtime.statistics
    assert statistics is not None
    assert statistics.next_at() is None
    simulation.submit(RegisterScalableTarget(WEB, 1, 5)).result(0)
    simulation.submit(PutScalingPolicy(WEB, "cpu", CPU, 50.0)).result(0)
    assert statistics.next_at() is not None
    simulation.submit(DeregisterScalableTarget(WEB)).result(0)
    count, load.percent = desired(simulation), 500
    simulation.advance(30)
    assert statistics.next_at() is None
    assert simulation.state.samples == {}
    assert desired(simulation) == count


def test_a_deleted_policy_scales_no_more() -> None:
    load = Load()
    simulation = scaled(load, desired_count=1)
    simulation.submit(DeleteScalingPolicy(WEB, "cpu")).result(0)
    load.percent = 500
    simulation.advance(30)
    assert desired(simulation) == 1


def test_a_deleted_service_takes_its_scaling_with_it() -> None:
    simulation = scaled(Load())
    simulation.advance(6)
    assert simulation.state.samples
    simulation.submit(DeleteService(WEB, force=True)).result(0)
    simulation.advance(10)
    assert the_service(simulation).status is ServiceStatus.INACTIVE
    assert simulation.state.scalable_targets == {}
    assert simulation.state.samples == {}


def test_scaling_goes_on_after_a_crash() -> None:
    load = Load(percent=170)
    simulation = scaled(load)
    simulation.advance(8)
    simulation.crash()
    simulation.restart()
    assert simulation.state.samples == {}
    assert len(target(simulation).activities) == 1
    load.percent = 10
    simulation.advance(60)
    assert desired(simulation) == 1


def test_a_measurement_of_long_ago_says_nothing() -> None:
    """The engine is away: its containers' last figures must not scale the service when it is back."""
    simulation = scaled(Load(percent=96))
    simulation.advance(6)
    simulation.engine.up = False
    simulation.advance(30)
    simulation.submit(PutScalingPolicy(WEB, "cpu", CPU, 120.0)).result(0)
    simulation.engine.up = True
    simulation.advance(1)
    assert desired(simulation) == 2
    simulation.advance(6)
    assert desired(simulation) == 1
