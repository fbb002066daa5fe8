"""Faults on the simulator: struck, measured, undone in time, by hand, and by whoever comes after a crash."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chaos_ecs.core.deploying import DeploymentConfiguration
from chaos_ecs.core.errors import ConflictException, EcsError, InvalidParameterException, ResourceNotFoundException
from chaos_ecs.core.fault_messages import Aim, InjectFault, UndoFaults
from chaos_ecs.core.fault_plan import ENDED_FAULTS_KEPT
from chaos_ecs.core.faulting import ANSWER, DEPLOY, HOLD, FaultStatus, HitStatus, InjectedFault, broken_answers
from chaos_ecs.core.messages import DeleteService, EventType, KillTask, StopTask
from chaos_ecs.core.model import ContainerDefinition, HealthStatus, StopCode, Task
from chaos_ecs.core.recipe import Means, Recipe, Symptom
from chaos_ecs.core.task_definitions import latest_active
from chaos_ecs.sim.engine import Behaviour, demo_behaviour
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
    registered,
    running,
    the_service,
)

PAUSE = Recipe(Means.FREEZE, symptom=Symptom.FROZEN)
SILENCE = Recipe(Means.HOLD, do=("drop",), undo=("keep",), symptom=Symptom.SILENT)
THROTTLE = Recipe(Means.LIMIT, do=("CpuQuota=1000",))
CUT = Recipe(Means.DETACH, symptom=Symptom.CUT_OFF)
OOM = Recipe(Means.EXEC, symptom=Symptom.OUT_OF_MEMORY, is_deadly=True)
KILL = Recipe(Means.SIGNAL, do=("SIGKILL",), is_deadly=True)
RUNTIMES = {"pause": PAUSE, "silence": SILENCE, "throttle": THROTTLE, "cut": CUT}
SECONDS = 30.0


def a_web(simulation: Simulation, desired_count: int = 3) -> list[Task]:
    a_service(simulation, desired_count=desired_count)
    simulation.advance(5)
    return running(simulation)


def inject(simulation: Simulation, recipe: Recipe, *tasks: Task, seconds: float = SECONDS, name: str = "") -> str:
    """Injects it into the first container of each task; the fault's id."""
    aims = tuple(Aim(recipe, task.arn, task.containers[0].name) for task in tasks)
    known = set(simulation.state.faults)
    simulation.submit(InjectFault(name or recipe.means, "chaos-ecs:x", "hurts", CLUSTER, aims, seconds)).result(0)
    return next(iter(set(simulation.state.faults) - known))


def the(simulation: Simulation, fault_id: str) -> InjectedFault:
    return simulation.state.faults[fault_id]


def told(simulation: Simulation, fault_id: str) -> list[EventType]:
    return [event.type for event in simulation.events if event.data.get("fault") == fault_id]


def hurt(simulation: Simulation) -> int:
    """How many containers the world itself holds hurt."""
    return len(simulation.engine.hurts)


@pytest.mark.parametrize("kind", RUNTIMES)
def test_a_fault_takes_effect_and_is_undone_when_its_time_is_over(kind: str) -> None:
    simulation = a_simulation()
    (victim, *_) = a_web(simulation)
    fault_id = inject(simulation, RUNTIMES[kind], victim)
    simulation.advance(2)
    assert (the(simulation, fault_id).status, hurt(simulation)) == (FaultStatus.ACTIVE, 1)
    assert the(simulation, fault_id).hits[0].proof
    simulation.advance(SECONDS + 2)
    assert (the(simulation, fault_id).status, hurt(simulation)) == (FaultStatus.COMPLETED, 0)
    assert told(simulation, fault_id) == [
        EventType.FAULT_INJECTED,
        EventType.FAULT_ACTIVE,
        EventType.FAULT_UNDONE,
        EventType.FAULT_ENDED,
    ]


@pytest.mark.parametrize("kind", RUNTIMES)
def test_a_fault_is_undone_as_soon_as_somebody_asks(kind: str) -> None:
    simulation = a_simulation()
    (victim, *_) = a_web(simulation)
    fault_id = inject(simulation, RUNTIMES[kind], victim)
    simulation.advance(2)
    simulation.submit(UndoFaults((fault_id,))).result(0)
    simulation.advance(1)
    assert (the(simulation, fault_id).is_over, hurt(simulation)) == (True, 0)


@pytest.mark.parametrize("kind", RUNTIMES)
def test_an_undoing_right_behind_its_injection_does_not_overtake_it(kind: str) -> None:
    simulation = a_simulation()
    (victim, *_) = a_web(simulation)
    fault_id = inject(simulation, RUNTIMES[kind], victim)
    simulation.submit(UndoFaults((fault_id,))).result(0)
    simulation.advance(5)
    assert (the(simulation, fault_id).is_over, hurt(simulation)) == (True, 0)


@pytest.mark.parametrize("kind", RUNTIMES)
@pytest.mark.parametrize("points", range(14))
def test_a_controller_that_crashes_at_any_point_leaves_nothing_hurt(kind: str, points: int) -> None:
    simulation = a_simulation(points)
    (victim, *_) = a_web(simulation)
    aims = (Aim(RUNTIMES[kind], victim.arn, victim.containers[0].name),)
    simulation.crash_after(points)
    simulation.submit(InjectFault("x", "chaos-ecs:x", "hurts", CLUSTER, aims, SECONDS))
    simulation.advance(3)
    simulation.crash()
    simulation.advance(SECONDS * 3)
    simulation.restart()
    simulation.advance(10)
    assert hurt(simulation) == 0
    assert all(fault.is_over for fault in simulation.state.faults.values())
    assert len(running(simulation)) == 3


def test_a_controller_that_comes_back_in_time_lets_the_fault_go_on_to_its_end() -> None:
    simulation = a_simulation()
    (victim, *_) = a_web(simulation)
    fault_id = inject(simulation, PAUSE, victim)
    simulation.advance(2)
    simulation.crash()
    simulation.advance(5)
    simulation.restart()
    simulation.advance(5)
    assert (the(simulation, fault_id).status, hurt(simulation)) == (FaultStatus.ACTIVE, 1)
    simulation.advance(SECONDS)
    assert (the(simulation, fault_id).status, hurt(simulation)) == (FaultStatus.COMPLETED, 0)


def test_a_helper_lets_go_though_no_controller_is_left_and_the_next_one_records_it() -> None:
    simulation = a_simulation()
    (victim, *_) = a_web(simulation)
    fault_id = inject(simulation, SILENCE, victim)
    simulation.advance(2)
    simulation.crash()
    simulation.advance(SECONDS + 1)
    assert hurt(simulation) == 0
    simulation.restart()
    simulation.advance(2)
    assert the(simulation, fault_id).status is FaultStatus.COMPLETED


def test_an_engine_that_goes_away_in_the_middle_is_asked_again_when_it_is_back() -> None:
    simulation = a_simulation()
    (victim, *_) = a_web(simulation)
    fault_id = inject(simulation, PAUSE, victim)
    simulation.engine.up = False
    simulation.advance(SECONDS * 2)
    assert not the(simulation, fault_id).is_over
    simulation.engine.up = True
    simulation.advance(SECONDS * 2)
    assert (the(simulation, fault_id).is_over, hurt(simulation)) == (True, 0)


def test_what_an_undoing_puts_back_is_written_down_before_anything_is_changed() -> None:
    simulation = a_simulation()
    (victim, *_) = a_web(simulation)
    address = victim.containers[0].address
    fault_id = inject(simulation, CUT, victim)
    while not the(simulation, fault_id).hits[0].prior:
        assert hurt(simulation) == 0
        simulation.advance(0.005)
    simulation.advance(1)
    assert (hurt(simulation), simulation.state.tasks[victim.arn].containers[0].address) == (1, "")
    simulation.advance(SECONDS + 2)
    assert simulation.state.tasks[victim.arn].containers[0].address == address


def test_a_fault_without_an_effect_is_inconclusive_and_undone_all_the_same() -> None:
    simulation = a_simulation()
    simulation.engine.refuses = lambda effect: "no effect could be measured"
    (victim, *_) = a_web(simulation)
    fault_id = inject(simulation, SILENCE, victim)
    simulation.advance(3)
    fault = the(simulation, fault_id)
    assert (fault.status, fault.hits[0].reason) == (FaultStatus.INCONCLUSIVE, "no effect could be measured")
    assert EventType.FAULT_INCONCLUSIVE in told(simulation, fault_id)


def test_an_effect_that_is_told_while_it_is_being_undone_counts() -> None:
    simulation = a_simulation()
    (victim, *_) = a_web(simulation)
    fault_id = inject(simulation, SILENCE, victim)
    simulation.submit(UndoFaults((fault_id,))).result(0)
    assert the(simulation, fault_id).hits[0].status is HitStatus.UNDOING
    simulation.advance(5)
    assert (the(simulation, fault_id).status, hurt(simulation)) == (FaultStatus.COMPLETED, 0)


def test_one_victim_without_an_effect_makes_the_whole_fault_inconclusive() -> None:
    simulation = a_simulation()
    simulation.engine.refuses = lambda effect: "no" if effect.index else ""
    one, other, _ = a_web(simulation)
    fault_id = inject(simulation, SILENCE, one, other)
    simulation.advance(SECONDS + 5)
    assert [hit.is_proven for hit in the(simulation, fault_id).hits] == [True, False]
    assert the(simulation, fault_id).status is FaultStatus.INCONCLUSIVE


@pytest.mark.parametrize("kind", RUNTIMES)
def test_a_victim_that_dies_in_the_middle_ends_the_fault_and_is_replaced(kind: str) -> None:
    simulation = a_simulation()
    (victim, *_) = a_web(simulation)
    fault_id = inject(simulation, RUNTIMES[kind], victim)
    simulation.advance(2)
    simulation.submit(KillTask(victim.arn)).result(0)
    simulation.advance(5)
    assert (the(simulation, fault_id).is_over, hurt(simulation)) == (True, 0)
    assert len(running(simulation)) == 3


def test_a_paused_task_that_is_to_stop_is_resumed_first_because_it_takes_no_signal() -> None:
    simulation = a_simulation()
    (victim, *_) = a_web(simulation)
    fault_id = inject(simulation, PAUSE, victim)
    simulation.advance(2)
    simulation.submit(StopTask(victim.arn)).result(0)
    simulation.advance(2)
    assert (the(simulation, fault_id).is_over, simulation.state.tasks[victim.arn].is_stopped) == (True, True)


def test_the_same_fault_twice_on_one_container_is_refused() -> None:
    simulation = a_simulation()
    (victim, *_) = a_web(simulation)
    first = inject(simulation, PAUSE, victim)
    with pytest.raises(ConflictException, match=f"under FREEZE {first} already. End that first: chaos-ecs chaos undo"):
        inject(simulation, PAUSE, victim)
    inject(simulation, SILENCE, victim)  # another kind is another matter
    simulation.advance(SECONDS + 5)
    assert hurt(simulation) == 0


def test_a_victim_that_does_not_run_is_refused_and_nobody_is_hurt() -> None:
    simulation = a_simulation()
    victim, other, _ = a_web(simulation)
    simulation.submit(StopTask(victim.arn)).result(0)
    simulation.advance(1)
    with pytest.raises(InvalidParameterException, match="is STOPPED: there is nothing to hit"):
        inject(simulation, PAUSE, other, victim)
    assert (simulation.state.faults, hurt(simulation)) == ({}, 0)


def test_an_unknown_fault_cannot_be_undone() -> None:
    with pytest.raises(ResourceNotFoundException, match="There is no fault flt-1"):
        a_simulation().submit(UndoFaults(("flt-1",))).result(0)


# --- signals, stops, memory ---


def test_a_kill_is_proven_by_the_exit_code_of_its_victim() -> None:
    simulation = a_simulation()
    (victim, *_) = a_web(simulation)
    fault_id = inject(simulation, KILL, victim, seconds=0)
    simulation.advance(5)
    fault = the(simulation, fault_id)
    assert (fault.status, fault.hits[0].proof.startswith("exit 137 after 0.0")) == (FaultStatus.COMPLETED, True)
    assert simulation.state.tasks[victim.arn].stop_code is StopCode.ESSENTIAL_CONTAINER_EXITED
    assert len(running(simulation)) == 3


def test_a_signal_that_a_program_ignores_is_inconclusive_and_says_why() -> None:
    def behaviour(definition: ContainerDefinition) -> Behaviour:
        return replace(demo_behaviour(definition), stops_after_seconds=None)

    simulation = a_simulation(behaviour=behaviour)
    (victim, *_) = a_web(simulation)
    fault_id = inject(simulation, replace(KILL, do=("SIGTERM",)), victim, seconds=0)
    simulation.advance(15)
    fault = the(simulation, fault_id)
    assert fault.status is FaultStatus.INCONCLUSIVE
    assert "it runs on 10 s after SIGTERM" in fault.hits[0].reason


def test_a_signal_that_waited_for_the_engine_is_counted_from_when_it_left() -> None:
    simulation = a_simulation()
    (victim, *_) = a_web(simulation)
    simulation.engine.up = False
    simulation.advance(1)
    fault_id = inject(simulation, KILL, victim, seconds=0)
    simulation.advance(20)
    assert not the(simulation, fault_id).is_over
    simulation.engine.up = True
    simulation.advance(5)
    fault = the(simulation, fault_id)
    assert (fault.status, fault.hits[0].proof[:13]) == (FaultStatus.COMPLETED, "exit 137 afte")


def test_a_signal_that_waited_for_too_long_is_not_sent_any_more() -> None:
    simulation = a_simulation()
    (victim, *_) = a_web(simulation)
    simulation.engine.up = False
    simulation.advance(1)
    fault_id = inject(simulation, KILL, victim, seconds=0)
    simulation.advance(100)
    simulation.engine.up = True
    simulation.advance(30)
    fault = the(simulation, fault_id)
    assert (fault.status, "the engine was away" in fault.hits[0].reason) == (FaultStatus.INCONCLUSIVE, True)
    assert simulation.state.tasks[victim.arn].is_running


def test_a_signal_that_has_not_left_is_taken_back_by_an_undoing() -> None:
    simulation = a_simulation()
    (victim, *_) = a_web(simulation)
    simulation.engine.up = False
    simulation.advance(1)
    fault_id = inject(simulation, KILL, victim, seconds=0)
    simulation.submit(UndoFaults((fault_id,))).result(0)
    simulation.engine.up = True
    simulation.advance(20)
    assert the(simulation, fault_id).status is FaultStatus.INCONCLUSIVE
    assert simulation.state.tasks[victim.arn].is_running


def test_an_undoing_ends_a_stop_at_once_though_the_task_takes_its_time() -> None:
    def behaviour(definition: ContainerDefinition) -> Behaviour:
        return replace(demo_behaviour(definition), stops_after_seconds=None)

    simulation = a_simulation(behaviour=behaviour)
    (victim, *_) = a_web(simulation)
    fault_id = inject(simulation, Recipe(Means.STOP), victim, seconds=0)
    simulation.submit(UndoFaults((fault_id,))).result(0)
    simulation.advance(1)
    fault = the(simulation, fault_id)
    assert (fault.is_over, "cannot be kept" in fault.hits[0].reason) == (True, True)


def test_what_was_measured_stays_proven_though_it_did_not_hold() -> None:
    simulation = a_simulation()
    (victim, *_) = a_web(simulation)
    fault_id = inject(simulation, SILENCE, victim)
    simulation.advance(2)
    simulation.engine.refuses = lambda effect: "its load ended"
    simulation.engine.hurts.clear()
    simulation.crash()
    simulation.restart()
    simulation.advance(5)
    assert the(simulation, fault_id).status is FaultStatus.COMPLETED
    assert EventType.FAULT_INCONCLUSIVE not in told(simulation, fault_id)
    (undone,) = [event for event in simulation.events if event.type is EventType.FAULT_UNDONE]
    assert "is undone before its time, because its load ended" in undone.message


def test_two_settings_of_one_container_can_be_limited_but_not_the_same_one_twice() -> None:
    simulation = a_simulation()
    (victim, *_) = a_web(simulation)
    inject(simulation, THROTTLE, victim)
    inject(simulation, Recipe(Means.LIMIT, do=("PidsLimit=1",)), victim, name="pids")
    with pytest.raises(ConflictException, match="under LIMIT"):
        inject(simulation, THROTTLE, victim)
    simulation.advance(SECONDS + 5)
    assert hurt(simulation) == 0


def test_a_sealed_fault_is_not_told_to_whoever_runs_into_it() -> None:
    simulation = a_simulation()
    (victim, *_) = a_web(simulation)
    aims = (Aim(PAUSE, victim.arn, victim.containers[0].name),)
    sealed = InjectFault("pause", "chaos-ecs:x", "hurts", CLUSTER, aims, SECONDS, sealed=True)
    simulation.submit(sealed).result(0)
    with pytest.raises(ConflictException) as caught:
        inject(simulation, PAUSE, victim)
    assert caught.value.message.endswith("is under a sealed fault already. Wait for its end.")


def test_a_stopped_task_is_told_with_its_stop_code() -> None:
    simulation = a_simulation()
    (victim, *_) = a_web(simulation)
    fault_id = inject(simulation, Recipe(Means.STOP, do=("for the lesson",)), victim, seconds=0)
    simulation.advance(5)
    assert the(simulation, fault_id).hits[0].proof.startswith("UserInitiated: exit 0 after 0.0")
    assert simulation.state.tasks[victim.arn].stopped_reason == "for the lesson"


def test_memory_that_runs_out_is_proven_by_the_kernels_own_word() -> None:
    simulation = a_simulation()
    (victim, *_) = a_web(simulation)
    fault_id = inject(simulation, OOM, victim, seconds=0)
    simulation.advance(5)
    fault = the(simulation, fault_id)
    assert fault.status is FaultStatus.COMPLETED
    assert fault.hits[0].proof == "exit 137, OutOfMemoryError: Container killed due to memory usage"


def test_a_standalone_task_that_is_killed_stays_gone() -> None:
    simulation = a_simulation()
    task = a_standalone_task(simulation)
    simulation.advance(2)
    fault_id = inject(simulation, KILL, task, seconds=0)
    simulation.advance(20)
    assert the(simulation, fault_id).status is FaultStatus.COMPLETED
    assert [other.arn for other in simulation.state.tasks.values()] == [task.arn]


# --- what others see ---


def test_a_silent_target_is_unhealthy_and_replaced_start_first() -> None:
    simulation = a_simulation()
    group = a_target_group(simulation)
    a_service(simulation, load_balancers=behind(group))
    simulation.advance(10)
    (victim, *_) = running(simulation)
    inject(simulation, SILENCE, victim, seconds=300)
    simulation.advance(40)
    assert simulation.state.tasks[victim.arn].is_stopped
    assert len(running(simulation)) == 3
    assert hurt(simulation) == 0


# --- the control plane ---


def control(simulation: Simulation, *do: str, service: str = "", seconds: float = SECONDS) -> str:
    known = set(simulation.state.faults)
    aim = Aim(Recipe(Means.CONTROL, do=do), service_arn=service)
    simulation.submit(InjectFault(do[0], "chaos-ecs:x", "hurts", CLUSTER, (aim,), seconds)).result(0)
    return next(iter(set(simulation.state.faults) - known))


def test_while_the_scheduler_is_held_what_dies_stays_dead_and_heals_when_it_is_over() -> None:
    simulation = a_simulation()
    (victim, *_) = a_web(simulation)
    fault_id = control(simulation, HOLD)
    inject(simulation, KILL, victim, seconds=0)
    simulation.advance(SECONDS - 2)
    assert (len(running(simulation)), the(simulation, fault_id).status) == (2, FaultStatus.ACTIVE)
    simulation.advance(10)
    assert (len(running(simulation)), the(simulation, fault_id).status) == (3, FaultStatus.COMPLETED)


def test_a_hold_outlives_a_crash_and_ends_in_time() -> None:
    simulation = a_simulation()
    a_web(simulation)
    fault_id = control(simulation, HOLD)
    simulation.crash()
    simulation.restart()
    simulation.advance(SECONDS + 5)
    assert the(simulation, fault_id).status is FaultStatus.COMPLETED


def test_a_broken_api_is_told_by_state_and_comes_to_its_end_though_the_engine_is_away() -> None:
    simulation = a_simulation()
    control(simulation, ANSWER, "ThrottlingException", "ecs", "50", "ListTasks,RunTask")
    (broken,) = broken_answers(simulation.state.control_faults)
    assert (broken.error, broken.percentage, broken.operations) == ("ThrottlingException", 50, ("ListTasks", "RunTask"))
    simulation.engine.up = False
    simulation.advance(SECONDS + 1)
    assert broken_answers(simulation.state.control_faults) == ()


@pytest.mark.parametrize(
    ("what", "said"),
    [("image", "CannotPullContainerError"), ("crash", "Essential container in task exited"), ("health", "unhealthy")],
)
def test_a_deployment_that_cannot_work_is_proven_by_its_first_failure_and_undone(what: str, said: str) -> None:
    def behaviour(definition: ContainerDefinition) -> Behaviour:
        if definition.entry_point:
            return Behaviour(runs_seconds=1.0, exit_code=1)
        return Behaviour() if not definition.health_check else replace(Behaviour(), health=HealthStatus.UNHEALTHY)

    simulation = a_simulation(behaviour=lambda d: demo_behaviour(d) if "no-such" in d.image else behaviour(d))
    a_service(simulation)
    simulation.advance(5)
    good = [task.arn for task in running(simulation)]
    fault_id = control(simulation, DEPLOY, what, service=WEB)
    simulation.advance(20)
    fault = the(simulation, fault_id)
    assert (fault.status, said in fault.hits[0].proof) == (FaultStatus.ACTIVE, True), fault
    simulation.advance(SECONDS + 60)
    assert the(simulation, fault_id).status is FaultStatus.COMPLETED
    assert the_service(simulation).primary.task_definition_arn.endswith("web-server:1")
    assert [item.status for item in simulation.state.task_definitions.values() if item.revision == 2] == ["INACTIVE"]
    assert [task.arn for task in running(simulation)] == good, "who served all the time is not replaced by the undoing"
    assert the_service(simulation).steady


def test_a_deployment_that_the_circuit_breaker_rolled_back_is_left_as_it_is() -> None:
    limits = DeploymentConfiguration(circuit_breaker_enable=True, circuit_breaker_rollback=True)
    simulation = a_simulation()
    a_service(simulation, limits=limits)
    simulation.advance(5)
    fault_id = control(simulation, DEPLOY, "image", service=WEB, seconds=60)
    simulation.advance(120)
    assert the(simulation, fault_id).status is FaultStatus.COMPLETED
    deployments = simulation.state.deployments_of(WEB)
    assert len(deployments) == 2, "the first, and the bad one that was rolled back: none more"


def test_a_revision_that_cannot_work_is_never_what_its_family_means_afterwards() -> None:
    simulation = a_simulation()
    a_service(simulation)
    simulation.advance(5)
    fault_id = control(simulation, DEPLOY, "image", service=WEB)
    bad = the_service(simulation).primary.task_definition_arn
    simulation.submit(DeleteService(WEB, force=True)).result(0)
    simulation.advance(5)
    fault = the(simulation, fault_id)
    assert (fault.status, fault.hits[0].reason) == (FaultStatus.INCONCLUSIVE, "the service is gone")
    assert simulation.state.task_definitions[bad].status == "INACTIVE"
    newest = latest_active(simulation.state, bad.rpartition(":")[0])
    assert newest is not None
    assert newest.revision == 1


def test_the_newest_ended_faults_are_kept_and_no_more() -> None:
    simulation = a_simulation()
    for _ in range(ENDED_FAULTS_KEPT + 5):
        fault_id = control(simulation, ANSWER, "ThrottlingException", "ecs", "1", "")
        simulation.submit(UndoFaults((fault_id,))).result(0)
    simulation.advance(1)
    assert len(simulation.state.faults) == ENDED_FAULTS_KEPT
    assert fault_id in simulation.state.faults


def test_a_refused_fault_changes_nothing() -> None:
    simulation = a_simulation()
    before = dict(simulation.state.faults)
    for command in (
        InjectFault("x", "chaos-ecs:x", "hurts", CLUSTER, (), 1),
        InjectFault("x", "chaos-ecs:x", "hurts", CLUSTER, (Aim(PAUSE, "arn:none", "app"),), 1),
        InjectFault("x", "chaos-ecs:x", "hurts", CLUSTER, (Aim(Recipe(Means.CONTROL, do=(DEPLOY, "image"))),), 1),
    ):
        with pytest.raises(EcsError):
            simulation.submit(command).result(0)
    assert simulation.state.faults == before


def test_a_hit_is_told_once_however_often_it_is_said() -> None:
    simulation = a_simulation()
    (victim, *_) = a_web(simulation)
    fault_id = inject(simulation, SILENCE, victim)
    simulation.advance(2)
    simulation.engine.up = False
    simulation.advance(1)
    simulation.engine.up = True
    simulation.advance(2)
    assert told(simulation, fault_id).count(EventType.FAULT_ACTIVE) == 1
    assert the(simulation, fault_id).hits[0].status is HitStatus.ACTIVE


def test_of_two_containers_the_one_that_is_named_is_killed() -> None:
    simulation = a_simulation()
    definition = registered(simulation, a_container("app"), a_container("side", essential=False), family="pair")
    a_service(simulation, definition=definition, desired_count=1)
    simulation.advance(5)
    (task,) = running(simulation)
    aim = Aim(KILL, task.arn, "side")
    simulation.submit(InjectFault("kill", "chaos-ecs:x", "kills", CLUSTER, (aim,), 0)).result(0)
    simulation.advance(2)
    assert [member.exit_code for member in simulation.state.tasks[task.arn].containers] == [None, 137]
    assert simulation.state.tasks[task.arn].is_running
