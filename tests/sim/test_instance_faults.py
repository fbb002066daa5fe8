"""Faults of container instances on the simulator: what moves, what dies, what comes back, and whatever crashes."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import pytest

from chaos_ecs.chaos import catalogue, parameters
from chaos_ecs.chaos.aiming import Order, aimed
from chaos_ecs.chaos.victims import Selection
from chaos_ecs.core.container_instances import ContainerInstanceStatus
from chaos_ecs.core.deploying import DeploymentConfiguration
from chaos_ecs.core.errors import ConflictException, EcsError, InvalidParameterException
from chaos_ecs.core.fault_messages import UndoFaults
from chaos_ecs.core.faulting import FaultStatus, HitStatus, InjectedFault
from chaos_ecs.core.instance_faults import SPOT_DRAINING
from chaos_ecs.core.instance_messages import DeregisterContainerInstance, SetContainerInstanceStatuses
from chaos_ecs.core.messages import CreateService, EventType, RunTask
from chaos_ecs.core.model import StopCode, Task
from chaos_ecs.core.placement_rules import PlacementWishes
from chaos_ecs.sim.engine import Behaviour, SimEngine
from chaos_ecs.sim.simulation import Simulation
from tests.builders import (
    CLUSTER,
    WEB,
    a_container,
    a_service,
    a_simulation,
    a_standalone_task,
    a_target_group,
    behind,
    definition_arn,
    registered,
    running,
    service_messages,
    the_service,
)
from tests.instances import instance, register, wanted_on

FAR = "tcp://far"
DRAINING, ACTIVE = ContainerInstanceStatus.DRAINING, ContainerInstanceStatus.ACTIVE


def a_fleet(
    *names: str, desired_count: int = 4, seed: int = 1, attributes: tuple[tuple[str, str], ...] = ()
) -> Simulation:
    """Container instances, a service of four on them, and a standalone task."""
    simulation = a_simulation(seed)
    register(simulation.submit, *(names or ("a1", "b1")), attributes=attributes)
    a_service(simulation, desired_count=desired_count)
    simulation.advance(5)
    simulation.submit(RunTask(CLUSTER, definition_arn("worker"))).result(0)
    simulation.advance(5)
    return simulation


def order(name: str, *, forced: bool = False, given: dict[str, str] | None = None, **selection: object) -> Order:
    chosen = Selection(**selection)  # type: ignore[arg-type]
    return Order(parameters.made(catalogue.named(name), given or {}), CLUSTER, chosen, forced=forced)


def inject(simulation: Simulation, wanted: Order, seed: int = 1) -> str:
    """The fault's id."""
    known = set(simulation.state.faults)
    simulation.submit(aimed(simulation.state, wanted, Random(seed), simulation.clock.now())).result(0)
    return next(iter(set(simulation.state.faults) - known))


def stop(simulation: Simulation, *names: str, seconds: str = "60s") -> str:
    return inject(simulation, order("instance-stop", forced=True, given={"duration": seconds}, instances=names))


def drain(simulation: Simulation, *names: str, seconds: str = "60s") -> str:
    return inject(simulation, order("drain-instance", given={"duration": seconds}, instances=names))


def the(simulation: Simulation, fault_id: str) -> InjectedFault:
    return simulation.state.faults[fault_id]


def proof(simulation: Simulation, fault_id: str) -> str:
    return the(simulation, fault_id).hits[0].proof


def told(simulation: Simulation, fault_id: str) -> list[EventType]:
    return [event.type for event in simulation.events if event.data.get("fault") == fault_id]


def undone(simulation: Simulation) -> str:
    """The newest sentence of an undoing."""
    return next(event for event in reversed(simulation.events) if event.type is EventType.FAULT_UNDONE).data["proof"]  # type: ignore[no-any-return]


def the_standalone(simulation: Simulation) -> Task:
    return next(task for task in simulation.state.tasks.values() if not task.service_arn)


def home(simulation: Simulation) -> tuple[str, str]:
    """The names of the standalone task's container instance, and of the other one."""
    at = the_standalone(simulation).container_instance_arn
    names = {found.arn: found.name for found in simulation.state.container_instances.values()}
    (other,) = [name for arn, name in names.items() if arn != at]
    return names[at], other


# --- drained ---


def test_a_drained_instance_keeps_its_standalone_task_and_its_service_tasks_move() -> None:
    simulation = a_fleet()
    here, there = home(simulation)
    fault_id = drain(simulation, here)
    fault = the(simulation, fault_id)
    assert (fault.status, instance(simulation.state, here).status) == (FaultStatus.ACTIVE, DRAINING)
    assert "DRAINING: 0 of 2 service tasks moved, 1 standalone task stays" in proof(simulation, fault_id)
    simulation.advance(50)
    assert (len(running(simulation)), len(wanted_on(simulation.state, there))) == (4, 4)
    assert wanted_on(simulation.state, here) == [the_standalone(simulation)]
    assert the_standalone(simulation).is_running
    assert "2 of 2 service tasks moved, 1 standalone task stays" in proof(simulation, fault_id)
    simulation.advance(15)
    assert the(simulation, fault_id).status is FaultStatus.COMPLETED
    assert instance(simulation.state, here).status is ACTIVE
    assert undone(simulation) == "it is ACTIVE again, 2 of 2 service tasks moved, 1 standalone task stays"
    assert told(simulation, fault_id) == [
        EventType.FAULT_INJECTED,
        EventType.FAULT_ACTIVE,
        EventType.FAULT_UNDONE,
        EventType.FAULT_ENDED,
    ]


def test_a_drain_stays_within_what_the_service_allows() -> None:
    """100 and 200 percent: at no time fewer than desired, and none is stopped before its replacement runs."""
    simulation = a_fleet()
    drain(simulation, "a1")
    for _ in range(100):
        simulation.advance(0.5)
        assert len(running(simulation)) >= 4


def test_what_somebody_else_has_drained_or_deregistered_is_left_as_it_is() -> None:
    simulation = a_fleet()
    fault_id = drain(simulation, "a1")
    simulation.submit(SetContainerInstanceStatuses((instance(simulation.state, "a1").arn,), ACTIVE)).result(0)
    simulation.submit(UndoFaults((fault_id,))).result(0)
    simulation.advance(1)
    assert "by somebody else's word" in undone(simulation)
    fault_id = drain(simulation, "b1", seconds="600s")
    simulation.advance(30)
    arn = instance(simulation.state, "b1").arn
    simulation.submit(DeregisterContainerInstance(arn, force=True)).result(0)
    simulation.advance(30)
    assert the(simulation, fault_id).is_over
    assert undone(simulation) == "the container instance is not there any more"


def test_who_is_draining_already_is_refused() -> None:
    simulation = a_fleet()
    simulation.submit(SetContainerInstanceStatuses((instance(simulation.state, "a1").arn,), DRAINING)).result(0)
    with pytest.raises(InvalidParameterException, match="Container instance a1 is DRAINING already"):
        inject(simulation, order("drain-instance", forced=True, instances=("a1",)))


# --- without power ---


def test_power_off_ends_all_tasks_at_once_and_the_services_are_replaced_elsewhere() -> None:
    simulation = a_fleet()
    here, there = home(simulation)
    victims = [task.arn for task in wanted_on(simulation.state, here)]
    alone = the_standalone(simulation).arn
    fault_id = stop(simulation, here)
    simulation.advance(2)
    dead = [simulation.state.tasks[arn] for arn in victims]
    assert {task.last_status for task in dead} == {"STOPPED"}
    assert {task.stop_code for task in dead} == {StopCode.TERMINATION_NOTICE}
    id_ = instance(simulation.state, here).ec2_instance_id
    assert {task.stopped_reason for task in dead} == {f"Host EC2 (instance {id_}) terminated."}
    assert {task.containers[0].exit_code for task in dead} == {137}, "nobody asked them to stop first"
    assert the(simulation, fault_id).status is FaultStatus.ACTIVE
    assert "has no power: 2 service tasks and 1 standalone task ended" in proof(simulation, fault_id)
    simulation.advance(20)
    assert (len(running(simulation)), len(wanted_on(simulation.state, there))) == (4, 4)
    assert not instance(simulation.state, here).agent_connected
    simulation.advance(45)
    assert (the(simulation, fault_id).status, undone(simulation)) == (FaultStatus.COMPLETED, "its power is on")
    assert instance(simulation.state, here).agent_connected
    assert simulation.state.tasks[alone].is_stopped
    assert [task for task in simulation.state.tasks.values() if not task.service_arn and not task.is_stopped] == []


def test_an_instance_that_is_back_is_used_again() -> None:
    simulation = a_fleet()
    stop(simulation, "a1", seconds="20s")
    simulation.advance(30)
    a_service(simulation, desired_count=2, name="api")
    simulation.advance(10)
    assert [task.group for task in wanted_on(simulation.state, "a1") if task.is_running] == ["service:api"]


def test_an_empty_instance_without_power_is_proven_too() -> None:
    simulation = a_simulation()
    register(simulation.submit, "a1", "b1")
    fault_id = stop(simulation, "b1")
    simulation.advance(1)
    assert "nothing ran on it" in proof(simulation, fault_id)


def test_a_task_that_is_being_started_there_dies_as_soon_as_it_is_there() -> None:
    simulation = a_simulation(behaviour=lambda definition: Behaviour(pull_seconds=5.0))
    register(simulation.submit, "a1")
    task = a_standalone_task(simulation, definition=definition_arn("worker"))
    simulation.advance(1)
    fault_id = stop(simulation, "a1", seconds="300s")
    simulation.advance(1)
    assert the(simulation, fault_id).status is FaultStatus.INJECTING, "not all has ended"
    simulation.advance(60)
    task = simulation.state.tasks[task.arn]
    assert task.is_stopped
    assert the(simulation, fault_id).status is FaultStatus.ACTIVE
    assert task.containers[0].exit_code == 137


def on_two_engines() -> Simulation:
    """A slice in zone a and a further engine in zone b, with two tasks of `web` each."""
    simulation = a_simulation()
    register(simulation.submit, "a1")
    register(simulation.submit, "b1", engine=FAR, address="192.0.2.9")
    simulation.advance(1)
    a_service(simulation, desired_count=4)
    simulation.advance(15)
    assert len(far(simulation).running()) == 2
    return simulation


def far(simulation: Simulation) -> SimEngine:
    return simulation.further.named(FAR)


def test_the_containers_on_a_further_engine_are_killed_likewise_and_it_is_used_again() -> None:
    simulation = on_two_engines()
    fault_id = stop(simulation, "b1", seconds="30s")
    simulation.advance(3)
    assert (list(far(simulation).running()), the(simulation, fault_id).status) == ([], FaultStatus.ACTIVE)
    simulation.advance(20)
    assert (len(running(simulation)), wanted_on(simulation.state, "b1")) == (4, [])
    simulation.advance(20)
    a_service(simulation, desired_count=2, name="api")
    simulation.advance(10)
    assert "service:api" in {task.group for task in wanted_on(simulation.state, "b1")}


@pytest.mark.parametrize("is_late", [False, True])
def test_an_engine_that_falls_silent_before_the_kill_is_heard_loses_its_tasks_all_the_same(is_late: bool) -> None:
    simulation = on_two_engines()
    victims = [task.arn for task in wanted_on(simulation.state, "b1")]
    far(simulation).up = is_late
    fault_id = stop(simulation, "b1", seconds="600s")
    far(simulation).up = False
    simulation.advance(60)
    assert all(simulation.state.tasks[arn].is_stopped for arn in victims)
    assert the(simulation, fault_id).status is FaultStatus.ACTIVE
    far(simulation).up = True
    simulation.advance(10)
    assert not instance(simulation.state, "b1").agent_connected, "its power is off still"
    assert list(far(simulation).running()) == []
    simulation.submit(UndoFaults((fault_id,))).result(0)
    simulation.advance(5)
    assert instance(simulation.state, "b1").agent_connected


def test_what_has_no_power_and_is_out_of_reach_too_is_over_at_once() -> None:
    simulation = a_fleet()
    here, _ = home(simulation)
    state = simulation.state
    state.put(replace(instance(state, here), engine="tcp://10.0.0.7:2376"))
    state.engines["tcp://10.0.0.7:2376"] = False
    victims = [task.arn for task in wanted_on(state, here)]
    stop(simulation, here)
    assert {state.tasks[arn].stop_code for arn in victims} == {StopCode.TERMINATION_NOTICE}
    assert all(state.tasks[arn].is_stopped for arn in victims)


def test_a_zone_without_power_takes_all_that_are_in_it() -> None:
    simulation = a_fleet("a1", "a2", "b1", "b2", desired_count=8)
    wanted = order("az-power-interruption", given={"az": "a"})
    fault_id = inject(simulation, wanted)
    simulation.advance(30)
    assert sorted(hit.instance_name for hit in the(simulation, fault_id).hits) == ["a1", "a2"]
    assert {hit.status for hit in the(simulation, fault_id).hits} == {HitStatus.ACTIVE}
    assert len(running(simulation)) == 8
    assert len([*wanted_on(simulation.state, "b1"), *wanted_on(simulation.state, "b2")]) >= 8
    simulation.submit(UndoFaults((fault_id,))).result(0)
    simulation.advance(2)
    assert all(found.agent_connected for found in simulation.state.container_instances.values())


def test_two_faults_of_power_do_not_hold_one_instance_but_a_drained_one_may_lose_its_power() -> None:
    simulation = a_fleet()
    drained = drain(simulation, "a1", seconds="30s")
    power = stop(simulation, "a1", seconds="90s")
    with pytest.raises(ConflictException, match="Container instance a1 is under instance-stop"):
        stop(simulation, "a1")
    simulation.advance(40)
    assert the(simulation, drained).is_over
    assert instance(simulation.state, "a1").is_off, "the end of the drain does not give it power"
    simulation.advance(60)
    assert the(simulation, power).is_over
    assert instance(simulation.state, "a1").agent_connected


@pytest.mark.parametrize("kind", ["drain-instance", "instance-stop"])
@pytest.mark.parametrize("points", range(12))
def test_a_controller_that_crashes_at_any_point_leaves_every_instance_as_it_was(kind: str, points: int) -> None:
    simulation = a_fleet(seed=points)
    wanted = order(kind, forced=True, given={"duration": "20s"}, instances=("a1",))
    command = aimed(simulation.state, wanted, Random(1), simulation.clock.now())
    simulation.crash_after(points)
    simulation.submit(command)
    simulation.advance(3)
    simulation.crash()
    simulation.advance(90)
    simulation.restart()
    simulation.advance(60)
    assert all(fault.is_over for fault in simulation.state.faults.values())
    found = instance(simulation.state, "a1")
    assert (found.status, found.is_off, found.agent_connected) == (ACTIVE, False, True)
    assert len(running(simulation)) == 4


def test_while_the_scheduler_is_held_the_tasks_die_all_the_same() -> None:
    simulation = a_fleet()
    inject(simulation, order("agent-disconnect", given={"duration": "120s"}))
    victims = [task.arn for task in wanted_on(simulation.state, "a1")]
    stop(simulation, "a1", seconds="30s")
    simulation.advance(5)
    assert all(simulation.state.tasks[arn].is_stopped for arn in victims)
    assert len(running(simulation)) == 4 - sum(simulation.state.tasks[arn].service_arn == WEB for arn in victims)


# --- Spot ---


def a_spot_service(simulation: Simulation, desired_count: int = 3, definition: str = "", **more: object) -> None:
    wishes = PlacementWishes(providers=(("FARGATE_SPOT", 1, 0),))
    command = CreateService(WEB, CLUSTER, definition or definition_arn("web-server"), desired_count,
                            launch_type="FARGATE", placement=wishes)  # fmt: skip
    simulation.submit(replace(command, **more)).result(0)  # type: ignore[arg-type]
    simulation.advance(5)


def test_a_spot_task_is_asked_to_stop_at_the_notice_and_another_is_started_on_spot() -> None:
    simulation = a_simulation(behaviour=lambda definition: Behaviour(stops_after_seconds=4.0))
    a_spot_service(simulation)
    victim = running(simulation)[0]
    fault_id = inject(simulation, order("spot-interruption", tasks=(victim.arn,)))
    simulation.advance(0.5)
    victim = simulation.state.tasks[victim.arn]
    assert (victim.desired_status, victim.stop_code) == ("STOPPED", StopCode.SPOT_INTERRUPTION)
    assert victim.stopped_reason == "Your Spot Task was interrupted."
    assert victim.containers[0].is_live, "it has its time"
    simulation.advance(10)
    assert len(running(simulation)) == 3
    assert {task.capacity_provider for task in running(simulation)} == {"FARGATE_SPOT"}
    fault = the(simulation, fault_id)
    assert (fault.status, fault.seconds) == (FaultStatus.COMPLETED, 0)
    assert proof(simulation, fault_id).startswith("SpotInterruption: exit 0 after 4")


@pytest.mark.parametrize(("notice", "stop_timeout", "killed_after"), [("120s", 20, 20), ("10s", 60, 10)])
def test_a_spot_task_that_does_not_listen_is_killed_after_its_stop_timeout_or_with_the_notice(
    notice: str, stop_timeout: int, killed_after: int
) -> None:
    simulation = a_simulation(behaviour=lambda definition: Behaviour(stops_after_seconds=None))
    a_spot_service(simulation, definition=registered(simulation, a_container(stop_timeout=stop_timeout)))
    victim = running(simulation)[0]
    given = {"durationBeforeInterruption": notice}
    inject(simulation, order("spot-interruption", given=given, tasks=(victim.arn,)))
    simulation.advance(killed_after - 1)
    assert not simulation.state.tasks[victim.arn].is_stopped
    simulation.advance(2)
    assert simulation.state.tasks[victim.arn].containers[0].exit_code == 137


def test_only_tasks_on_fargate_spot_have_capacity_that_is_taken_back() -> None:
    simulation = a_fleet()
    task = running(simulation)[0]
    with pytest.raises(InvalidParameterException, match="is not on FARGATE_SPOT"):
        inject(simulation, order("spot-interruption", tasks=(task.arn,)))
    assert aimed(simulation.state, order("spot-interruption", count=None), Random(1), 0).aims == ()


def test_a_spot_instance_dies_after_its_notice_and_its_replacement_comes() -> None:
    simulation = a_fleet()
    wanted = order("spot-interruption", forced=True, instances=("a1",),
                   given={"durationBeforeInterruption": "20s", "duration": "40s"})  # fmt: skip
    fault_id = inject(simulation, wanted)
    simulation.advance(18)
    assert the(simulation, fault_id).status is FaultStatus.INJECTING
    assert instance(simulation.state, "a1").status is ACTIVE, "draining at the notice is off unless asked for"
    assert len(wanted_on(simulation.state, "a1")) >= 2
    simulation.advance(5)
    assert instance(simulation.state, "a1").is_off
    assert the(simulation, fault_id).status is FaultStatus.ACTIVE
    simulation.advance(45)
    assert (the(simulation, fault_id).status, instance(simulation.state, "a1").agent_connected) == (
        FaultStatus.COMPLETED,
        True,
    )


def test_a_spot_instance_told_to_drain_has_moved_its_service_tasks_before_it_dies() -> None:
    simulation = a_fleet(attributes=((SPOT_DRAINING, "true"),))
    given = {"durationBeforeInterruption": "60s", "duration": "30s"}
    fault_id = inject(simulation, order("spot-interruption", given=given, instances=("a1",), forced=True))
    assert instance(simulation.state, "a1").status is DRAINING
    for _ in range(130):
        simulation.advance(0.5)
        assert len(running(simulation)) >= 4
    assert "nothing ran on it" in proof(simulation, fault_id)
    simulation.advance(40)
    found = instance(simulation.state, "a1")
    assert (found.status, found.is_off) == (ACTIVE, False)


def test_a_notice_that_is_taken_back_harms_nobody() -> None:
    simulation = a_fleet()
    fault_id = inject(simulation, order("spot-interruption", instances=("a1",)))
    simulation.advance(5)
    simulation.submit(UndoFaults((fault_id,))).result(0)
    simulation.advance(200)
    assert (the(simulation, fault_id).status, len(running(simulation))) == (FaultStatus.INCONCLUSIVE, 4)
    assert not instance(simulation.state, "a1").is_off


# --- the safety rules ---


@pytest.mark.parametrize("name", ["drain-instance", "instance-stop"])
def test_the_last_active_instance_is_spared_unless_forced(name: str) -> None:
    simulation = a_simulation()
    register(simulation.submit, "a1")
    with pytest.raises(ConflictException, match="my-cluster would lose its last ACTIVE container instance"):
        inject(simulation, order(name, instances=("a1",)))
    assert inject(simulation, order(name, instances=("a1",), forced=True))


def test_chance_takes_at_most_half_of_the_instances() -> None:
    simulation = a_simulation()
    register(simulation.submit, "a1", "b1", "c1", "a2", "b2")
    with pytest.raises(ConflictException, match="3 of its 5 ACTIVE container instances, more than half"):
        inject(simulation, order("drain-instance", given={"drainagePercentage": "60"}))
    fault_id = inject(simulation, order("drain-instance", given={"drainagePercentage": "50"}))
    assert len(the(simulation, fault_id).hits) == 2, "rounded down, as FIS does"


def test_the_same_seed_drains_the_same_instances() -> None:
    def drained(seed: int) -> list[str]:
        simulation = a_simulation()
        register(simulation.submit, "a1", "b1", "c1", "a2", "b2", "c2")
        fault_id = inject(simulation, order("drain-instance", given={"drainagePercentage": "50"}), seed)
        return [hit.instance_name for hit in the(simulation, fault_id).hits]

    assert drained(7) == drained(7)
    assert len({tuple(drained(seed)) for seed in range(8)}) > 1


def test_a_service_that_is_on_one_instance_only_is_spared_unless_forced() -> None:
    simulation = a_simulation()
    register(simulation.submit, "a1")
    a_service(simulation, desired_count=2)
    simulation.advance(5)
    register(simulation.submit, "b1")
    with pytest.raises(ConflictException, match="Service web would lose all 2 of its healthy tasks"):
        inject(simulation, order("instance-stop", instances=("a1",)))
    assert drain(simulation, "a1"), "which moves, and loses nobody"


@pytest.mark.parametrize(
    ("name", "given", "selection", "said"),
    [
        ("instance-stop", {}, {"instances": ("z9",)}, "There is no container instance z9. There are: a1, b1."),
        (
            "drain-instance",
            {},
            {"zone": "q"},
            "No container instance is in zone q. They are in: us-east-1a, us-east-1b",
        ),
        ("az-power-interruption", {"az": "us-west-2a"}, {}, "No container instance is in zone us-west-2a"),
    ],
)
def test_what_does_not_exist_is_refused_by_its_name(
    name: str, given: dict[str, str], selection: dict[str, Any], said: str
) -> None:
    simulation = a_simulation()
    register(simulation.submit, "a1", "b1")
    with pytest.raises(InvalidParameterException, match=said):
        inject(simulation, order(name, given=given, **selection))


def test_a_cluster_without_container_instances_has_none_to_hit() -> None:
    with pytest.raises(EcsError, match="Cluster my-cluster has no container instances"):
        inject(a_simulation(), order("drain-instance"))


# --- its targets ---


def test_the_targets_of_a_drained_instance_leave_after_their_replacements_are_healthy() -> None:
    simulation = a_simulation()
    register(simulation.submit, "a1", "b1")
    group = a_target_group(simulation)
    limits = DeploymentConfiguration()
    a_service(simulation, desired_count=4, load_balancers=behind(group), limits=limits)
    simulation.advance(30)
    drain(simulation, "a1")
    for _ in range(100):
        simulation.advance(0.5)
        healthy = [target for target in simulation.state.targets_in(group) if target.state == "healthy"]
        assert len(healthy) >= 4
    assert wanted_on(simulation.state, "a1") == []
    assert any("has stopped" in line for line in service_messages(simulation))
    assert the_service(simulation).steady
