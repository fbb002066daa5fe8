"""Several engines in the simulator: what goes where, what one that dies takes along, what it finds when it is back."""

from __future__ import annotations

from contextlib import suppress

import pytest

from chaos_ecs.core.balancing import ServiceLoadBalancer
from chaos_ecs.core.container_instances import AVAILABILITY_ZONE, ContainerInstance, ContainerInstanceStatus
from chaos_ecs.core.faulting import FaultStatus
from chaos_ecs.core.instance_messages import DeregisterContainerInstance, RegisterContainerInstance
from chaos_ecs.core.messages import EventType, RunTask, StopTask, UpdateService
from chaos_ecs.core.model import ContainerDefinition, StopCode, Task
from chaos_ecs.core.placement_rules import PlacementWishes
from chaos_ecs.core.plan import STARTS_AT_ONCE
from chaos_ecs.errors import ChaosEcsError
from chaos_ecs.sim.engine import Behaviour, SimEngine
from chaos_ecs.sim.simulation import Simulation
from tests.builders import (
    CLUSTER,
    WEB,
    a_container,
    a_service,
    a_simulation,
    a_target_group,
    behind,
    registered,
    running,
)
from tests.sim.test_faults import PAUSE, SILENCE, inject

FAR = "tcp://far"
SPREAD = PlacementWishes(strategies=(("spread", f"attribute:{AVAILABILITY_ZONE}"),))
GRACE = 5.0


def two_zones(seed: int = 1, **arguments: object) -> Simulation:
    """A slice of the own engine in zone a, and another engine in zone b."""
    simulation = a_simulation(seed, **arguments)
    room = simulation.runtime.examine("")
    for name, engine, address in (("near", "", ""), ("far", FAR, "192.0.2.9")):
        attributes = ((AVAILABILITY_ZONE, f"us-east-1{'a' if not engine else 'b'}"),)
        simulation.submit(
            RegisterContainerInstance(CLUSTER, name, room.cpu * 8, room.memory * 8, attributes, engine, address)
        ).result(0)
    simulation.advance(1)
    return simulation


def far(simulation: Simulation) -> SimEngine:
    return simulation.further.named(FAR)


def the_instance(simulation: Simulation, name: str = "far") -> ContainerInstance:
    return next(item for item in simulation.state.instances_in(CLUSTER) if item.name == name)


def a_spread_service(simulation: Simulation, load_balancers: tuple[ServiceLoadBalancer, ...] = ()) -> None:
    a_service(simulation, desired_count=4, load_balancers=load_balancers)
    simulation.advance(15)


def on(simulation: Simulation, name: str) -> list[Task]:
    return [task for task in running(simulation) if task.container_instance_arn == the_instance(simulation, name).arn]


def counts(simulation: Simulation) -> tuple[int, int]:
    return len(on(simulation, "near")), len(on(simulation, "far"))


def standalone(simulation: Simulation, count: int = 2) -> list[Task]:
    definition = registered(simulation, a_container(), family="alone")
    simulation.submit(RunTask(CLUSTER, definition, count, placement=SPREAD)).result(0)
    simulation.advance(5)
    return [task for task in simulation.state.tasks.values() if task.group == "family:alone"]


def engines_run_what_the_record_says(simulation: Simulation) -> bool:
    """Nothing too few, too many, or on the wrong one."""
    live = [task for task in simulation.state.tasks.values() if task.is_running]
    by_engine = {
        engine: [t.containers[0].runtime_id or "" for t in live if simulation.state.engine_of(t) == engine]
        for engine in ("", FAR)
    }
    there = {"": simulation.engine, FAR: far(simulation)}
    return all(
        sorted(by_engine[name]) == sorted(c.seen.runtime_id for c in engine.running()) for name, engine in there.items()
    )


def test_a_service_is_spread_over_two_engines_and_each_runs_its_own_tasks() -> None:
    simulation = two_zones()
    a_spread_service(simulation)
    assert counts(simulation) == (2, 2)
    assert (len(simulation.engine.running()), len(far(simulation).running())) == (2, 2)
    assert engines_run_what_the_record_says(simulation)


def test_tasks_of_another_engine_are_targets_at_its_address_and_pass_their_checks() -> None:
    simulation = two_zones()
    a_spread_service(simulation, load_balancers=behind(a_target_group(simulation)))
    targets = {target.task_arn: target for target in simulation.state.targets.values()}
    for task in on(simulation, "far"):
        (binding,) = task.containers[0].bindings
        assert (targets[task.arn].address, targets[task.arn].port) == ("192.0.2.9", binding.host_port)
        assert binding.bind_ip == "192.0.2.9"
    assert {target.state.value for target in targets.values()} == {"healthy"}
    assert len(targets) == 4


def test_a_name_leads_to_the_tasks_of_the_own_engine_only() -> None:
    simulation = two_zones()
    a_spread_service(simulation)
    _, published = simulation.state.published[WEB]
    assert published == tuple(task.containers[0].address for task in on(simulation, "near"))
    assert simulation.runtime.resolve(CLUSTER, "web") == frozenset(published)


def test_what_an_engine_that_dies_ran_is_replaced_on_the_other_and_standalone_tasks_are_not() -> None:
    simulation = two_zones()
    a_spread_service(simulation)
    alone = standalone(simulation)
    lost = [task.arn for task in on(simulation, "far")]
    (its,) = [task for task in alone if task.container_instance_arn == the_instance(simulation).arn]
    far(simulation).lose_power()
    simulation.advance(GRACE + 10)
    assert counts(simulation) == (4, 0)
    said = f"Host EC2 (instance {the_instance(simulation).ec2_instance_id}) terminated."
    for arn in (*lost, its.arn):
        task = simulation.state.tasks[arn]
        assert (task.is_stopped, task.stopped_reason) == (True, said)
    assert len([task for task in simulation.state.tasks.values() if task.group == "family:alone"]) == 2


def test_an_engine_that_dies_while_a_task_leaves_its_target_group_is_lost_once() -> None:
    simulation = two_zones()
    a_spread_service(simulation, load_balancers=behind(a_target_group(simulation)))
    far(simulation).up = False
    simulation.advance(GRACE - 1)
    simulation.submit(UpdateService(WEB, desired_count=1)).result(0)
    simulation.advance(GRACE + 10)
    assert [event.type for event in simulation.events].count(EventType.INSTANCE_LOST) == 1
    assert counts(simulation) == (1, 0)


def test_an_engine_that_is_back_is_used_again_and_what_ran_there_is_removed() -> None:
    """Its containers live on while nobody hears of it: when it is back, their tasks are long over."""
    simulation = two_zones()
    a_spread_service(simulation)
    far(simulation).up = False
    simulation.advance(GRACE + 10)
    assert (counts(simulation), len(far(simulation).running())) == ((4, 0), 2)
    far(simulation).up = True
    simulation.advance(5)
    assert far(simulation).running() == []
    simulation.submit(UpdateService(WEB, desired_count=8)).result(0)
    simulation.advance(20)
    assert counts(simulation) == (4, 4)
    assert engines_run_what_the_record_says(simulation)
    types = [event.type for event in simulation.events]
    order = [EventType.INSTANCE_DISCONNECTED, EventType.INSTANCE_LOST, EventType.INSTANCE_CONNECTED]
    assert [kind for kind in types if kind in order][-3:] == order


def test_an_engine_that_is_silent_for_a_moment_loses_nothing() -> None:
    simulation = two_zones()
    a_spread_service(simulation)
    before = [task.arn for task in running(simulation)]
    far(simulation).up = False
    simulation.advance(GRACE - 1)
    far(simulation).up = True
    simulation.advance(20)
    assert [task.arn for task in running(simulation)] == before
    assert engines_run_what_the_record_says(simulation)


def test_a_task_that_dies_while_its_engine_is_silent_is_replaced_when_it_is_back() -> None:
    simulation = two_zones()
    a_spread_service(simulation)
    victim = on(simulation, "far")[0]
    far(simulation).up = False
    far(simulation).end(victim.containers[0].runtime_id or "", 1)
    simulation.advance(1)
    far(simulation).up = True
    simulation.advance(20)
    assert simulation.state.tasks[victim.arn].containers[0].exit_code == 1
    assert counts(simulation) == (2, 2)


def test_what_is_found_on_an_engine_that_is_back_is_removed_though_the_own_one_was_away_meanwhile() -> None:
    """Both are silent, long enough for the other engine's tasks to be given up; that one comes back first."""
    simulation = two_zones()
    a_spread_service(simulation)
    far(simulation).up = False
    simulation.advance(GRACE + 10)
    simulation.engine.up = False
    simulation.advance(1)
    far(simulation).up = True
    simulation.advance(2)
    assert len(far(simulation).running()) == 2
    simulation.engine.up = True
    simulation.advance(5)
    assert engines_run_what_the_record_says(simulation)
    assert counts(simulation) == (4, 0)


@pytest.mark.parametrize("returns", [True, False])
def test_a_fault_on_an_engine_goes_there_and_is_over_when_its_victim_is_lost(returns: bool) -> None:
    simulation = two_zones()
    a_spread_service(simulation)
    victim = on(simulation, "far")[0]
    fault_id = inject(simulation, SILENCE, victim, seconds=60.0)
    simulation.advance(2)
    assert (len(far(simulation).hurts), len(simulation.engine.hurts)) == (1, 0)
    far(simulation).up = False
    simulation.advance(GRACE - 2)
    assert simulation.state.faults[fault_id].status is FaultStatus.ACTIVE
    simulation.advance(0 if returns else 20)
    far(simulation).up = True
    simulation.advance(80)
    fault = simulation.state.faults[fault_id]
    assert fault.is_over
    assert fault.hits[0].reason == ("" if returns else "its victim was lost with its container instance")
    assert len(far(simulation).hurts) == 0


def test_a_fault_is_not_said_to_be_undone_by_a_new_controller_that_cannot_see_its_victim() -> None:
    simulation = two_zones()
    a_spread_service(simulation)
    fault_id = inject(simulation, PAUSE, on(simulation, "far")[0], seconds=3.0)
    simulation.advance(2)
    simulation.crash()
    far(simulation).up = False
    simulation.advance(3)
    simulation.restart()
    simulation.advance(1)
    assert not simulation.state.faults[fault_id].is_over
    assert len(far(simulation).hurts) == 1
    far(simulation).up = True
    simulation.advance(5)
    assert (simulation.state.faults[fault_id].is_over, len(far(simulation).hurts)) == (True, 0)


def test_starts_that_hang_on_an_engine_that_went_away_hold_up_no_start_on_another() -> None:
    simulation = two_zones()
    only_far = PlacementWishes(constraints=(("memberOf", f"attribute:{AVAILABILITY_ZONE} == us-east-1b"),))
    far(simulation).after = lambda seconds, do: None  # type: ignore[method-assign]
    definition = registered(simulation, a_container(), family="alone")
    simulation.submit(RunTask(CLUSTER, definition, STARTS_AT_ONCE, placement=only_far)).result(0)
    far(simulation).up = False
    a_service(simulation, desired_count=2)
    simulation.advance(GRACE - 1)
    assert counts(simulation) == (2, 0)


def test_logs_and_stops_go_to_the_engine_where_the_container_is() -> None:
    simulation = two_zones()
    alone = standalone(simulation)
    (its,) = [task for task in alone if task.container_instance_arn == the_instance(simulation).arn]
    assert simulation.controller is not None
    runtime_id = its.containers[0].runtime_id or ""
    assert simulation.controller.runtime.logs(runtime_id, 0, None)[0][1].endswith("started (simulated)")
    simulation.submit(StopTask(its.arn)).result(0)
    simulation.advance(5)
    assert simulation.state.tasks[its.arn].is_stopped
    assert (len(far(simulation).running()), len(simulation.engine.running())) == (0, 1)


def test_a_slow_pull_on_one_engine_holds_up_no_start_on_another() -> None:
    def behaviour(definition: ContainerDefinition) -> Behaviour:
        return Behaviour()

    simulation = two_zones(behaviour=behaviour)
    far(simulation).behaviour = lambda definition: Behaviour(pull_seconds=60.0)
    a_service(simulation, desired_count=2, definition=registered(simulation, a_container()))
    simulation.advance(1)
    simulation.submit(UpdateService(WEB, desired_count=4)).result(0)
    simulation.advance(5)
    assert counts(simulation) == (2, 0)
    simulation.advance(70)
    assert counts(simulation) == (2, 2)


def test_an_engine_nobody_stands_for_is_left() -> None:
    simulation = two_zones()
    a_spread_service(simulation)
    simulation.submit(DeregisterContainerInstance(the_instance(simulation).arn, force=True)).result(0)
    simulation.advance(40)
    assert FAR not in simulation.state.engines
    assert len(on(simulation, "near")) == 4
    assert far(simulation).containers == {}


def test_of_a_deregistered_container_instance_nobody_hears_when_its_engine_comes_and_goes_for_another() -> None:
    simulation = two_zones()
    first = the_instance(simulation)
    simulation.submit(DeregisterContainerInstance(first.arn)).result(0)
    again = RegisterContainerInstance(CLUSTER, "again", first.cpu, first.memory, first.attributes, FAR, first.address)
    simulation.submit(again).result(0)
    simulation.advance(2)
    far(simulation).up = False
    simulation.advance(2)
    far(simulation).up = True
    simulation.advance(2)
    types = (EventType.INSTANCE_DISCONNECTED, EventType.INSTANCE_CONNECTED)
    told = [(event.type, event.data["name"]) for event in simulation.events if event.type in types]
    assert told == [
        (EventType.INSTANCE_CONNECTED, "far"),
        (EventType.INSTANCE_CONNECTED, "again"),
        (EventType.INSTANCE_DISCONNECTED, "again"),
        (EventType.INSTANCE_CONNECTED, "again"),
    ]


def test_who_deregisters_one_whose_engine_is_silent_has_stopped_its_tasks() -> None:
    """As on one that answers: the stop code says that a user asked for it, not that the host went away."""
    simulation = two_zones()
    standalone(simulation)
    (task,) = [task for task in simulation.state.tasks.values() if simulation.state.engine_of(task) == FAR]
    far(simulation).up = False
    simulation.advance(1)
    simulation.submit(DeregisterContainerInstance(the_instance(simulation).arn, force=True)).result(0)
    stopped = simulation.state.tasks[task.arn]
    assert (stopped.is_stopped, stopped.stop_code) == (True, StopCode.USER_INITIATED)


@pytest.mark.parametrize("returns", [True, False])
def test_a_controller_that_dies_before_an_engine_is_cleared_leaves_nothing_there_either(returns: bool) -> None:
    """One that does not answer is asked once, and left."""
    simulation = two_zones()
    arn = the_instance(simulation).arn
    for task in standalone(simulation):
        simulation.submit(StopTask(task.arn)).result(0)
    simulation.advance(3)
    assert far(simulation).containers
    simulation.crash_after(2)  # the intent is stored, and not carried out
    with suppress(BaseException):
        simulation.submit(DeregisterContainerInstance(arn)).result(0)
    simulation.crash()
    far(simulation).up = returns
    simulation.restart()
    simulation.advance(60)
    assert simulation.state.container_instances[arn].status is ContainerInstanceStatus.INACTIVE
    assert FAR not in simulation.state.engines
    assert bool(far(simulation).containers) is not returns


def test_an_engine_with_nothing_on_it_is_left_at_once() -> None:
    simulation = two_zones()
    simulation.submit(DeregisterContainerInstance(the_instance(simulation).arn)).result(0)
    assert FAR not in simulation.state.engines


def test_an_engine_that_is_left_while_it_is_silent_is_not_waited_for_and_can_be_used_again() -> None:
    simulation = two_zones()
    a_spread_service(simulation)
    far(simulation).up = False
    simulation.advance(1)
    simulation.submit(DeregisterContainerInstance(the_instance(simulation).arn, force=True)).result(0)
    simulation.advance(5)
    assert FAR not in simulation.state.engines
    far(simulation).up = True
    room, attributes = simulation.runtime.examine(""), ((AVAILABILITY_ZONE, "us-east-1b"),)
    command = RegisterContainerInstance(CLUSTER, "again", room.cpu, room.memory, attributes, FAR, "192.0.2.9")
    simulation.submit(command).result(0)
    simulation.advance(5)
    assert far(simulation).running() == []
    assert the_instance(simulation, "again").agent_connected


@pytest.mark.parametrize("seed", range(25))
def test_a_controller_that_dies_anywhere_finds_both_engines_as_they_are(seed: int) -> None:
    """Crashes between any two effects, an engine that loses its power or is only silent: in the end each engine runs
    what the record says, and the service is whole."""
    simulation = two_zones(seed)
    a_spread_service(simulation)
    for number in range(4):
        simulation.crash_after(3 + (seed * 7 + number * 5) % 23)
        if number % 2:
            far(simulation).lose_power()
        else:
            far(simulation).up = False
        simulation.advance(1 + seed % 9)
        simulation.restart()
        far(simulation).up = True
        simulation.advance(2)
        simulation.restart()
    simulation.fuse.left = None
    simulation.restart()
    simulation.advance(60)
    assert sum(counts(simulation)) == 4
    assert engines_run_what_the_record_says(simulation)


def test_the_same_seed_tells_the_same_story() -> None:
    def told(seed: int) -> str:
        simulation = two_zones(seed)
        a_spread_service(simulation)
        far(simulation).lose_power()
        simulation.advance(30)
        return simulation.transcript()

    assert told(3) == told(3)
    assert told(3) != told(4)


def test_an_engine_is_refused_under_a_second_name() -> None:
    simulation = two_zones()
    assert simulation.controller is not None
    fleet = simulation.controller.runtime
    assert fleet.examine("tcp://other").address.startswith("192.0.2.")
    simulation.further.named("alias").id = FAR
    simulation.further.named("self").id = simulation.engine.id
    for name in ("alias", "self"):
        with pytest.raises(ChaosEcsError, match="that is the engine chaos-ecs uses already") as refused:
            fleet.examine(name)
        assert refused.value.code == "E-ENGINE-USED"


def test_an_engine_that_does_not_answer_cannot_be_examined() -> None:
    simulation = two_zones()
    assert simulation.controller is not None
    simulation.further.named("down").up = False
    with pytest.raises(ChaosEcsError) as refused:
        simulation.controller.runtime.examine("down")
    assert (refused.value.code, bool(refused.value.hint)) == ("E-DOCKER-DOWN", True)
