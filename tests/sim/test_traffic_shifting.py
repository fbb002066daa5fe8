"""Blue/green, canary and linear deployments as a service's owner and its clients see them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chaos_ecs.core.apply import apply
from chaos_ecs.core.arns import default_rule_arn
from chaos_ecs.core.balancing import Forward, RouteMode
from chaos_ecs.core.balancing_messages import CreateListener, ModifyListener
from chaos_ecs.core.client import probed
from chaos_ecs.core.deploying import (
    DeploymentConfiguration,
    DeploymentStrategy,
    HookAction,
    HookStatus,
    LifecycleHook,
    LifecycleStage,
    RolloutState,
    ServiceDeploymentStatus,
)
from chaos_ecs.core.errors import ConflictException, InvalidParameterException, ServiceNotActiveException
from chaos_ecs.core.messages import DeleteService, EventType, KillTask, UpdateService
from chaos_ecs.core.model import TaskStatus
from chaos_ecs.core.plan import plan
from chaos_ecs.core.rollout_messages import (
    AdvanceShift,
    ContinueServiceDeployment,
    SetTaskProtection,
    StopServiceDeployment,
)
from chaos_ecs.core.traffic import weights
from chaos_ecs.sim.simulation import Simulation
from tests.builders import (
    WEB,
    a_container,
    a_second_target_group,
    a_service,
    a_simulation,
    a_target_group,
    behind,
    registered,
    running,
    the_service,
)

MINUTE = 5.0  # a minute of bake time at the pace of a workshop


def shifting(strategy: DeploymentStrategy, **members: object) -> DeploymentConfiguration:
    return DeploymentConfiguration(strategy=strategy, **members)  # type: ignore[arg-type]


BLUE_GREEN = shifting(DeploymentStrategy.BLUE_GREEN, bake_minutes=2)
CANARY = shifting(DeploymentStrategy.CANARY, step_percent=10.0, step_bake_minutes=1)


def a_steady_service(limits: DeploymentConfiguration, desired_count: int = 3) -> Simulation:
    simulation = a_simulation()
    group = a_target_group(simulation)
    pair = a_second_target_group(simulation, group)
    a_service(simulation, desired_count=desired_count, limits=limits, load_balancers=(pair,))
    simulation.advance(5)
    assert the_service(simulation).steady
    return simulation


def deploy(simulation: Simulation, health: str = "200") -> str:
    container = a_container("web-server", environment=(("HEALTH", health),))
    definition = registered(simulation, container, family="web-server")
    simulation.submit(UpdateService(WEB, task_definition_arn=definition)).result(0)
    return definition


def stage(simulation: Simulation) -> LifecycleStage | None:
    shift = the_service(simulation).primary.shift
    return shift.stage if shift else None


def until_stage(simulation: Simulation, wanted: LifecycleStage | None, within: float = 60.0) -> None:
    for _ in range(int(within / 0.05)):
        if stage(simulation) is wanted:
            return
        simulation.advance(0.05)
    raise AssertionError(f"not {wanted} within {within} s, but {stage(simulation)}")


def shares(simulation: Simulation) -> dict[str, float]:
    """What each revision's running tasks are sent of the requests to the load balancer, in percent."""
    routing = simulation.state.routing
    assert routing is not None
    forward = routing.listeners[0].default
    whole = sum(weight for _, weight in forward.groups)
    told: dict[str, float] = {}
    for arn, weight in forward.groups:
        group = next(one for one in routing.groups if one.arn == arn)
        ids = {target.id for target in group.targets if target.mode is RouteMode.SERVING}
        for definition in {task.task_definition_arn for task in running(simulation) if task.id in ids}:
            told[definition] = told.get(definition, 0.0) + 100 * weight / whole
    return told


def asked(simulation: Simulation) -> set[str]:
    """The ids of the targets that requests go to: those in service, in groups with any weight."""
    routing = simulation.state.routing
    assert routing is not None
    weighted = [arn for arn, weight in routing.listeners[0].default.groups if weight]
    groups = [group for group in routing.groups if group.arn in weighted]
    return {target.id for group in groups for target in group.targets if target.mode is RouteMode.SERVING}


def served_by(simulation: Simulation, definition: str) -> float:
    return shares(simulation).get(definition, 0.0)


def stages_told(simulation: Simulation) -> list[tuple[str, float]]:
    told = [event for event in simulation.events if event.type is EventType.DEPLOYMENT_STAGE]
    return [(event.data["stage"], event.data["productionPercent"]) for event in told]


def record(simulation: Simulation) -> str:
    return simulation.state.deployments_of(WEB)[0].arn


# --- the stages ---


def test_a_first_deployment_has_all_requests_and_no_stages() -> None:
    simulation = a_steady_service(BLUE_GREEN)
    assert shares(simulation) == {the_service(simulation).task_definition_arn: 100.0}
    assert stages_told(simulation) == []


def test_blue_green_starts_all_new_tasks_beside_the_old_ones_and_moves_everybody_at_once() -> None:
    simulation = a_steady_service(BLUE_GREEN)
    old = the_service(simulation).task_definition_arn
    new = deploy(simulation)
    simulation.advance(0.3)
    assert stage(simulation) is LifecycleStage.SCALE_UP
    assert (served_by(simulation, old), served_by(simulation, new)) == (100.0, 0.0)
    until_stage(simulation, LifecycleStage.BAKE_TIME)
    assert len(running(simulation)) == 6
    simulation.advance(0.1)
    assert (served_by(simulation, old), served_by(simulation, new)) == (0.0, 100.0)
    simulation.advance(2 * MINUTE - 1)
    assert len(running(simulation)) == 6, "both run while it bakes"
    simulation.advance(10)
    assert {task.task_definition_arn for task in running(simulation)} == {new}
    assert the_service(simulation).primary.rollout_state is RolloutState.COMPLETED
    assert len(the_service(simulation).deployments) == 1
    assert stages_told(simulation) == [
        ("SCALE_UP", 0.0),
        ("PRODUCTION_TRAFFIC_SHIFT", 100.0),
        ("BAKE_TIME", 100.0),
        ("CLEAN_UP", 100.0),
    ]
    assert simulation.state.deployments_of(WEB)[0].status is ServiceDeploymentStatus.SUCCESSFUL


def test_revisions_take_turns_in_the_two_target_groups() -> None:
    simulation = a_steady_service(BLUE_GREEN)
    used = []
    for _ in range(3):
        used.append({target.target_group_arn for target in simulation.state.targets_of_service(WEB)})
        new = deploy(simulation)
        simulation.advance(60)
        assert shares(simulation) == {new: 100.0}
    assert used[0] == used[2] != used[1]
    assert [len(groups) for groups in used] == [1, 1, 1]


def test_a_canary_gets_its_share_bakes_and_then_gets_the_rest() -> None:
    simulation = a_steady_service(CANARY)
    old = the_service(simulation).task_definition_arn
    new = deploy(simulation)
    until_stage(simulation, LifecycleStage.PRODUCTION_TRAFFIC_SHIFT)
    simulation.advance(0.1)
    assert shares(simulation) == {old: 90.0, new: 10.0}
    simulation.advance(MINUTE - 0.5)
    assert served_by(simulation, new) == 10.0
    simulation.advance(0.6)
    assert served_by(simulation, new) == 100.0


@pytest.mark.parametrize(("step", "told"), [(50.0, [50.0, 100.0]), (33.3, [33.3, 66.6, 99.9, 100.0]), (100.0, [100.0])])
def test_a_linear_deployment_moves_step_by_step(step: float, told: list[float]) -> None:
    simulation = a_steady_service(shifting(DeploymentStrategy.LINEAR, step_percent=step, step_bake_minutes=1))
    new = deploy(simulation)
    simulation.advance(60)
    assert [percent for stage, percent in stages_told(simulation) if stage == "PRODUCTION_TRAFFIC_SHIFT"] == told
    assert shares(simulation) == {new: 100.0}
    assert the_service(simulation).steady


@pytest.mark.parametrize(
    ("percent", "expected"), [(0.0, (0, 100)), (10.0, (10, 90)), (33.3, (333, 667)), (0.1, (1, 999)), (100.0, (100, 0))]
)
def test_percentages_are_the_weights_of_two_target_groups(percent: float, expected: tuple[int, int]) -> None:
    assert weights(percent) == expected


def test_a_service_that_is_to_run_nothing_goes_through_the_stages_too() -> None:
    simulation = a_steady_service(CANARY, desired_count=0)
    deploy(simulation)
    simulation.advance(20)
    assert stages_told(simulation)[-1] == ("CLEAN_UP", 100.0)
    assert the_service(simulation).primary.rollout_state is RolloutState.COMPLETED


def test_the_limits_of_a_rolling_deployment_do_not_hold_it_up() -> None:
    tight = shifting(DeploymentStrategy.BLUE_GREEN, minimum_healthy_percent=100, maximum_percent=100)
    simulation = a_steady_service(tight)
    new = deploy(simulation)
    simulation.advance(20)
    assert shares(simulation) == {new: 100.0}
    assert the_service(simulation).steady


def test_a_new_service_has_all_requests_whatever_its_rule_said_before() -> None:
    simulation = a_simulation()
    group = a_target_group(simulation)
    pair = a_second_target_group(simulation, group)
    listener = next(iter(simulation.state.listeners))
    halves = Forward(((pair.alternate_target_group_arn, 1), (group, 1)))
    simulation.submit(ModifyListener(listener, halves)).result(0)
    a_service(simulation, limits=BLUE_GREEN, load_balancers=(pair,))
    simulation.advance(5)
    assert shares(simulation) == {the_service(simulation).task_definition_arn: 100.0}


def test_requests_to_the_test_listener_reach_the_new_tasks_first_and_the_client_is_not_sent_there() -> None:
    simulation = a_simulation()
    group = a_target_group(simulation)
    pair = a_second_target_group(simulation, group)
    balancer = next(iter(simulation.state.load_balancers))
    simulation.submit(CreateListener(balancer, 9000, Forward(((group, 1),)))).result(0)
    test = next(arn for arn, one in simulation.state.listeners.items() if one.port == 9000)
    pair = replace(pair, test_rule_arn=default_rule_arn(test))
    hook = LifecycleHook((LifecycleStage.POST_TEST_TRAFFIC_SHIFT,))
    limits = shifting(DeploymentStrategy.BLUE_GREEN, hooks=(hook,))
    a_service(simulation, limits=limits, load_balancers=(pair,))
    simulation.advance(5)
    (production,) = (arn for arn in simulation.state.listeners if arn != test)
    assert list(probed(simulation.state, ())) == [production]
    used = {target.target_group_arn for target in simulation.state.targets_of_service(WEB)}
    deploy(simulation)
    until_stage(simulation, LifecycleStage.POST_TEST_TRAFFIC_SHIFT)
    tested = {arn for arn, weight in simulation.state.listeners[test].default.groups if weight}
    assert tested.isdisjoint(used)
    assert {
        arn for arn, weight in simulation.state.listeners[_other(simulation, test)].default.groups if weight
    } == used
    simulation.submit(ContinueServiceDeployment(record(simulation), hook_id(simulation))).result(0)
    simulation.advance(20)
    assert {
        arn for arn, weight in simulation.state.listeners[_other(simulation, test)].default.groups if weight
    } == tested


def _other(simulation: Simulation, listener: str) -> str:
    return next(arn for arn in simulation.state.listeners if arn != listener)


# --- what goes wrong ---


def test_a_version_that_fails_its_checks_never_gets_a_request_and_is_rolled_back() -> None:
    breaker = shifting(DeploymentStrategy.BLUE_GREEN, circuit_breaker_enable=True)
    simulation = a_steady_service(breaker)
    old = the_service(simulation).task_definition_arn
    kept = {task.arn for task in running(simulation)}
    new = deploy(simulation, health="500")
    most = 0.0
    for _ in range(1200):
        simulation.advance(0.05)
        most = max(most, served_by(simulation, new))
    assert most == 0.0
    assert {task.arn for task in running(simulation)} == kept
    assert shares(simulation) == {old: 100.0}
    assert simulation.state.deployments_of(WEB)[0].status is ServiceDeploymentStatus.ROLLBACK_SUCCESSFUL
    assert stage(simulation) is None


def test_rolling_back_while_it_bakes_takes_no_start_of_a_task() -> None:
    simulation = a_steady_service(BLUE_GREEN)
    old = the_service(simulation).task_definition_arn
    kept = {task.arn for task in running(simulation)}
    deploy(simulation)
    until_stage(simulation, LifecycleStage.BAKE_TIME)
    simulation.submit(StopServiceDeployment(record(simulation))).result(0)
    simulation.advance(0.1)
    assert served_by(simulation, old) == 100.0
    simulation.advance(20)
    assert {task.arn for task in running(simulation)} == kept
    assert the_service(simulation).steady
    assert simulation.state.deployments_of(WEB)[0].status is ServiceDeploymentStatus.ROLLBACK_SUCCESSFUL


def test_there_is_no_way_back_once_the_old_tasks_stop() -> None:
    simulation = a_steady_service(BLUE_GREEN)
    deploy(simulation)
    until_stage(simulation, LifecycleStage.CLEAN_UP)
    with pytest.raises(ConflictException):
        simulation.submit(StopServiceDeployment(record(simulation))).result(0)
    newer = deploy(simulation)
    for _ in range(100):
        assert len(asked(simulation)) >= 3
        simulation.advance(0.05)
    simulation.advance(60)
    assert shares(simulation) == {newer: 100.0}


def test_a_task_that_dies_on_either_side_is_replaced_by_its_own_version() -> None:
    simulation = a_steady_service(BLUE_GREEN)
    old = the_service(simulation).task_definition_arn
    new = deploy(simulation)
    until_stage(simulation, LifecycleStage.BAKE_TIME)
    for definition in (old, new):
        victim = next(task for task in running(simulation) if task.task_definition_arn == definition)
        simulation.submit(KillTask(victim.arn)).result(0)
    simulation.advance(2)
    assert sorted(task.task_definition_arn for task in running(simulation)) == [old] * 3 + [new] * 3


def test_no_old_task_is_replaced_any_more_when_the_old_ones_are_about_to_stop() -> None:
    simulation = a_steady_service(BLUE_GREEN)
    old = the_service(simulation).task_definition_arn
    deploy(simulation)
    until_stage(simulation, LifecycleStage.BAKE_TIME)
    victim = next(task for task in running(simulation) if task.task_definition_arn == old)
    simulation.state.put(replace(victim, last_status=TaskStatus.STOPPED))
    early, late = (plan(simulation.state, (WEB,), simulation.clock.now() + after) for after in (0.0, 2 * MINUTE))
    assert "StartTasks" in [type(action).__name__ for action in early.actions]
    assert "StartTasks" not in [type(action).__name__ for action in late.actions]


def test_while_new_tasks_are_missing_they_get_no_larger_share() -> None:
    simulation = a_steady_service(CANARY)
    new = deploy(simulation)
    until_stage(simulation, LifecycleStage.PRODUCTION_TRAFFIC_SHIFT)
    simulation.advance(MINUTE - 0.1)
    for task in running(simulation):
        if task.task_definition_arn == new:
            simulation.engine.signal(task.containers[0].runtime_id or "", "SIGKILL")
    simulation.advance(0.2)
    assert stages_told(simulation)[-1] == ("PRODUCTION_TRAFFIC_SHIFT", 10.0)
    simulation.advance(20)
    assert shares(simulation) == {new: 100.0}


def test_scaling_while_traffic_moves_scales_both_sides() -> None:
    simulation = a_steady_service(BLUE_GREEN)
    old = the_service(simulation).task_definition_arn
    new = deploy(simulation)
    until_stage(simulation, LifecycleStage.BAKE_TIME)
    for count in (4, 1):
        simulation.submit(UpdateService(WEB, desired_count=count)).result(0)
        simulation.advance(4)
        assert sorted(task.task_definition_arn for task in running(simulation)) == [old] * count + [new] * count
        assert [one.desired_count for one in the_service(simulation).deployments] == [count, count]


def test_a_newer_deployment_undoes_a_half_done_one_first() -> None:
    simulation = a_steady_service(CANARY)
    old = the_service(simulation).task_definition_arn
    half_done = deploy(simulation)
    until_stage(simulation, LifecycleStage.PRODUCTION_TRAFFIC_SHIFT)
    newest = deploy(simulation)
    simulation.advance(0.05)
    assert stage(simulation) is LifecycleStage.RECONCILE_SERVICE
    assert served_by(simulation, old) == 100.0
    until_stage(simulation, LifecycleStage.SCALE_UP)
    assert half_done not in {task.task_definition_arn for task in running(simulation)}
    simulation.advance(60)
    assert shares(simulation) == {newest: 100.0}


def test_a_rolling_deployment_that_overtakes_a_canary_sends_everybody_back_first() -> None:
    simulation = a_steady_service(CANARY)
    old = the_service(simulation).task_definition_arn
    deploy(simulation)
    until_stage(simulation, LifecycleStage.PRODUCTION_TRAFFIC_SHIFT)
    simulation.submit(UpdateService(WEB, deployment_configuration=DeploymentConfiguration())).result(0)
    rolled = deploy(simulation)
    simulation.advance(0.05)
    assert served_by(simulation, old) == 100.0
    for _ in range(200):
        assert len(asked(simulation)) >= 3
        simulation.advance(0.05)
    simulation.advance(10)
    assert shares(simulation) == {rolled: 100.0}
    assert the_service(simulation).steady


def test_failures_are_not_counted_any_more_once_the_old_tasks_stop() -> None:
    breaker = shifting(DeploymentStrategy.BLUE_GREEN, circuit_breaker_enable=True, circuit_breaker_reset=False)
    simulation = a_steady_service(breaker)
    simulation.submit(SetTaskProtection(tuple(task.arn for task in running(simulation)), True, 1)).result(0)
    new = deploy(simulation)
    until_stage(simulation, LifecycleStage.CLEAN_UP)
    for task in running(simulation):
        if task.task_definition_arn == new:
            simulation.engine.set_serves(task.containers[0].runtime_id or "", "503")
    simulation.advance(30)
    assert the_service(simulation).primary.failed_tasks >= 3
    simulation.advance(120)
    assert the_service(simulation).primary.rollout_state is RolloutState.COMPLETED
    assert shares(simulation) == {new: 100.0}


def test_a_rolling_service_can_become_one_that_moves_traffic_and_back() -> None:
    simulation = a_simulation()
    group = a_target_group(simulation)
    pair = a_second_target_group(simulation, group)
    single = (type(pair)(group, pair.container_name, pair.container_port),)
    a_service(simulation, load_balancers=single)
    simulation.advance(5)
    simulation.submit(UpdateService(WEB, deployment_configuration=BLUE_GREEN, load_balancers=(pair,))).result(0)
    simulation.advance(60)
    assert [name for name, _ in stages_told(simulation)][-1] == "CLEAN_UP"
    assert the_service(simulation).steady
    new = deploy(simulation)
    simulation.submit(UpdateService(WEB, deployment_configuration=DeploymentConfiguration())).result(0)
    simulation.advance(60)
    rolled = deploy(simulation)
    simulation.advance(60)
    assert new != rolled
    assert shares(simulation) == {rolled: 100.0}
    assert the_service(simulation).steady


def kill_the_new(simulation: Simulation) -> None:
    newest = the_service(simulation).primary.id
    for task in running(simulation):
        if task.deployment_id == newest:
            simulation.engine.signal(task.containers[0].runtime_id or "", "SIGKILL")


@pytest.mark.parametrize("stage", [LifecycleStage.POST_SCALE_UP, LifecycleStage.POST_PRODUCTION_TRAFFIC_SHIFT])
@pytest.mark.parametrize("trouble", ["new tasks die", "scaled out"])
def test_what_happens_while_it_is_paused_is_made_good_before_it_goes_on(stage: LifecycleStage, trouble: str) -> None:
    hooks = (LifecycleHook((stage,)),)
    simulation = a_steady_service(shifting(DeploymentStrategy.BLUE_GREEN, hooks=hooks))
    deploy(simulation)
    until_stage(simulation, stage)
    simulation.advance(1)
    if trouble == "scaled out":
        simulation.submit(UpdateService(WEB, desired_count=20)).result(0)
    else:
        kill_the_new(simulation)
        simulation.advance(0.06)
    before = stages_told(simulation)
    simulation.submit(ContinueServiceDeployment(record(simulation), hook_id(simulation))).result(0)
    for _ in range(200):
        if stages_told(simulation) != before:
            live = [t for t in running(simulation) if t.deployment_id == the_service(simulation).primary.id]
            assert len(live) == the_service(simulation).desired_count, stages_told(simulation)[-1]
        before = stages_told(simulation)
        simulation.advance(0.05)
    assert the_service(simulation).primary.rollout_state is RolloutState.COMPLETED


def test_the_live_version_stays_what_it_is_however_often_others_are_rolled_back() -> None:
    simulation = a_steady_service(shifting(DeploymentStrategy.BLUE_GREEN))
    live = deploy(simulation)
    simulation.advance(30)
    for _ in range(25):
        deploy(simulation)
        simulation.advance(0.3)
        simulation.submit(StopServiceDeployment(record(simulation))).result(0)
        simulation.advance(8)
        assert shares(simulation) == {live: 100.0}
    assert the_service(simulation).steady


def test_a_service_whose_first_canary_was_rolled_back_rolls_as_before() -> None:
    simulation = a_simulation()
    group = a_target_group(simulation)
    pair = a_second_target_group(simulation, group)
    a_service(simulation, load_balancers=behind(group))
    simulation.advance(5)
    change = UpdateService(WEB, deployment_configuration=CANARY, load_balancers=(pair,), force_new_deployment=True)
    simulation.submit(change).result(0)
    until_stage(simulation, LifecycleStage.PRODUCTION_TRAFFIC_SHIFT)
    simulation.submit(StopServiceDeployment(record(simulation))).result(0)
    simulation.advance(10)
    service = the_service(simulation)
    assert service.load_balancers == behind(group)
    assert service.deployment_configuration.strategy is DeploymentStrategy.ROLLING


def test_a_new_version_that_does_not_start_takes_no_room_from_the_one_that_serves() -> None:
    simulation = a_steady_service(CANARY, desired_count=10)
    container = a_container("web-server", image="no-such-image:9")
    definition = registered(simulation, container, family="web-server")
    simulation.submit(UpdateService(WEB, task_definition_arn=definition)).result(0)
    simulation.advance(30)
    simulation.submit(KillTask(running(simulation)[0].arn)).result(0)
    simulation.advance(2)
    assert len(running(simulation)) == 10


@pytest.mark.parametrize("stage", [LifecycleStage.PRODUCTION_TRAFFIC_SHIFT, LifecycleStage.BAKE_TIME])
def test_a_clock_that_is_set_back_makes_it_bake_anew_and_nothing_else(stage: LifecycleStage) -> None:
    limits = shifting(DeploymentStrategy.CANARY, step_percent=10.0, step_bake_minutes=1, bake_minutes=1)
    simulation = a_steady_service(limits)
    deploy(simulation)
    until_stage(simulation, stage)
    now = simulation.clock.now() - 3600
    (again,) = plan(simulation.state, (WEB,), now).actions
    assert isinstance(again, AdvanceShift)
    assert (again.stage, again.anew) == (stage, True)
    apply(simulation.state, again, now)
    assert not [
        one for one in plan(simulation.state, (WEB,), now + MINUTE - 1).actions if isinstance(one, AdvanceShift)
    ]
    (on,) = (one for one in plan(simulation.state, (WEB,), now + MINUTE).actions if isinstance(one, AdvanceShift))
    assert not on.anew


def test_another_configuration_is_for_the_next_deployment() -> None:
    simulation = a_steady_service(CANARY)
    deploy(simulation)
    until_stage(simulation, LifecycleStage.PRODUCTION_TRAFFIC_SHIFT)
    simulation.submit(UpdateService(WEB, deployment_configuration=DeploymentConfiguration())).result(0)
    simulation.advance(MINUTE - 1)
    assert stages_told(simulation)[-1] == ("PRODUCTION_TRAFFIC_SHIFT", 10.0)
    simulation.advance(2)
    assert stages_told(simulation)[-1] == ("CLEAN_UP", 100.0)


def test_old_tasks_that_are_protected_hold_it_up_and_nothing_is_wrong() -> None:
    simulation = a_steady_service(BLUE_GREEN)
    old = tuple(task.arn for task in running(simulation))
    simulation.submit(SetTaskProtection(old, True, 10)).result(0)
    deploy(simulation)
    until_stage(simulation, LifecycleStage.CLEAN_UP)
    simulation.advance(60)
    assert not [event for event in simulation.events if event.type is EventType.DEPLOYMENT_STUCK]
    simulation.advance(600)
    assert the_service(simulation).steady


@pytest.mark.parametrize("strategy", list(DeploymentStrategy))
def test_a_recovery_is_over_when_the_dead_task_is_made_good_and_not_when_the_deployment_is(
    strategy: DeploymentStrategy,
) -> None:
    hook = LifecycleHook((LifecycleStage.POST_SCALE_UP,))
    moving = shifting(strategy, bake_minutes=1, hooks=(hook,))
    simulation = a_steady_service(DeploymentConfiguration() if strategy is DeploymentStrategy.ROLLING else moving)
    image = {"image": "no-such-image:9"} if strategy is DeploymentStrategy.ROLLING else {}
    definition = registered(simulation, a_container("web-server", **image), family="web-server")
    simulation.submit(UpdateService(WEB, task_definition_arn=definition)).result(0)
    simulation.advance(5)
    began = len(simulation.events)
    simulation.submit(KillTask(running(simulation)[0].arn)).result(0)
    simulation.advance(3)
    told = [event for event in simulation.events[began:] if event.type is EventType.SERVICE_RECOVERED]
    assert [event.data["seconds"] < 2 for event in told] == [True]
    assert the_service(simulation).primary.rollout_state is RolloutState.IN_PROGRESS
    assert the_service(simulation).last_recovery_seconds == told[0].data["seconds"]


# --- hooks ---


def paused(action: HookAction = HookAction.ROLLBACK, minutes: int = 60) -> Simulation:
    hook = LifecycleHook((LifecycleStage.POST_SCALE_UP,), minutes, action)
    simulation = a_steady_service(shifting(DeploymentStrategy.BLUE_GREEN, hooks=(hook,)))
    deploy(simulation)
    until_stage(simulation, LifecycleStage.POST_SCALE_UP)
    simulation.advance(20)
    assert stage(simulation) is LifecycleStage.POST_SCALE_UP
    return simulation


def hook_id(simulation: Simulation) -> str:
    shift = the_service(simulation).primary.shift
    assert shift is not None
    assert shift.pause is not None
    return shift.pause.id


def test_a_hook_holds_the_deployment_until_it_is_continued() -> None:
    simulation = paused()
    told = next(event for event in simulation.events if event.type is EventType.DEPLOYMENT_PAUSED)
    assert told.data["hookId"] == hook_id(simulation)
    id_ = hook_id(simulation)
    simulation.submit(ContinueServiceDeployment(record(simulation), id_)).result(0)
    simulation.advance(20)
    assert the_service(simulation).primary.rollout_state is RolloutState.COMPLETED
    history = simulation.state.deployments_of(WEB)[0].shift
    assert history is not None
    assert [pause.status for pause in history.pauses] == [HookStatus.SUCCEEDED]
    with pytest.raises(InvalidParameterException):
        simulation.submit(ContinueServiceDeployment(record(simulation), id_)).result(0)


def test_a_paused_deployment_can_be_told_to_roll_back() -> None:
    simulation = paused()
    command = ContinueServiceDeployment(record(simulation), hook_id(simulation), HookAction.ROLLBACK)
    simulation.submit(command).result(0)
    simulation.advance(20)
    assert simulation.state.deployments_of(WEB)[0].status is ServiceDeploymentStatus.ROLLBACK_SUCCESSFUL
    assert len(running(simulation)) == 3


@pytest.mark.parametrize(
    ("action", "status"),
    [
        (HookAction.CONTINUE, ServiceDeploymentStatus.SUCCESSFUL),
        (HookAction.ROLLBACK, ServiceDeploymentStatus.ROLLBACK_SUCCESSFUL),
    ],
)
def test_a_hook_that_nobody_answers_does_what_it_says(action: HookAction, status: ServiceDeploymentStatus) -> None:
    simulation = paused(action, minutes=6)
    simulation.advance(6 * MINUTE)
    assert simulation.state.deployments_of(WEB)[0].status is status


def test_a_deleted_service_has_nothing_to_continue() -> None:
    simulation = paused()
    command = ContinueServiceDeployment(record(simulation), hook_id(simulation), HookAction.ROLLBACK)
    simulation.submit(DeleteService(WEB, force=True)).result(0)
    with pytest.raises(ServiceNotActiveException):
        simulation.submit(command).result(0)


def test_a_paused_deployment_survives_a_restart_of_the_controller() -> None:
    simulation = paused()
    simulation.crash()
    simulation.restart()
    simulation.advance(5)
    simulation.submit(ContinueServiceDeployment(record(simulation), hook_id(simulation))).result(0)
    simulation.advance(20)
    assert the_service(simulation).primary.rollout_state is RolloutState.COMPLETED
