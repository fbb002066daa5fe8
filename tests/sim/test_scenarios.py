"""Whole stories on the simulator: what a learner does, and what the state and the events say then."""

from __future__ import annotations

import pytest

from chaos_ecs.core import arns
from chaos_ecs.core.deploying import RolloutState
from chaos_ecs.core.errors import (
    ClientException,
    ClusterContainsServicesException,
    ClusterNotFoundException,
    ConflictException,
    EcsError,
    InvalidParameterException,
    ServiceNotActiveException,
    ServiceNotFoundException,
)
from chaos_ecs.core.messages import (
    Command,
    CreateService,
    DeleteCluster,
    DeleteService,
    DeregisterTaskDefinition,
    KillTask,
    RunTask,
    StopTask,
    UpdateService,
)
from chaos_ecs.core.model import (
    ContainerOverride,
    Dependency,
    DependencyCondition,
    DesiredStatus,
    HealthCheck,
    HealthStatus,
    PortMapping,
    ServiceStatus,
    StopCode,
    TaskStatus,
)
from chaos_ecs.sim.engine import Behaviour, demo_behaviour
from tests.builders import (
    CLUSTER,
    WEB,
    a_container,
    a_service,
    a_simulation,
    a_standalone_task,
    definition_arn,
    registered,
    running,
    service_messages,
    the_service,
)


def told(simulation: object, type_: str) -> list[dict[str, object]]:
    return [dict(event.data) for event in simulation.events if event.type == type_]  # type: ignore[attr-defined]


# --- services heal ---


def test_a_service_starts_its_desired_count_and_reaches_a_steady_state() -> None:
    simulation = a_simulation()
    service = a_service(simulation, desired_count=3)
    simulation.advance(2)
    assert len(running(simulation)) == 3
    assert the_service(simulation).primary.rollout_state is RolloutState.COMPLETED
    messages = service_messages(simulation)
    assert messages[0].startswith("(service web) has started 3 tasks: (task ")
    assert messages[-2] == f"(service web) (deployment {the_service(simulation).primary.id}) deployment completed."
    assert messages[-1] == "(service web) has reached a steady state."
    assert service == WEB


def test_a_killed_task_is_replaced_by_a_new_one_and_the_recovery_is_measured() -> None:
    simulation = a_simulation()
    a_service(simulation)
    simulation.advance(2)
    victim = running(simulation)[0]
    simulation.submit(KillTask(victim.arn)).result(0)
    simulation.advance(2)
    dead = simulation.state.tasks[victim.arn]
    assert (dead.last_status, dead.stop_code) == (TaskStatus.STOPPED, StopCode.ESSENTIAL_CONTAINER_EXITED)
    assert dead.stopped_reason == "Essential container in task exited"
    assert dead.containers[0].exit_code == 137
    assert victim.arn not in {task.arn for task in running(simulation)}
    assert len(running(simulation)) == 3
    newcomer = running(simulation)[-1]
    assert newcomer.fills is not None
    assert newcomer.fills.task_arn == victim.arn
    (recovered,) = told(simulation, "SERVICE_RECOVERED")
    assert 0.1 < float(str(recovered["seconds"])) < 1.0
    assert the_service(simulation).kills == 1


@pytest.mark.parametrize("exit_code", [0, 1])
def test_a_service_replaces_a_task_that_ends_by_itself_whatever_its_exit_code(exit_code: int) -> None:
    ends = Behaviour(runs_seconds=5, exit_code=exit_code)
    simulation = a_simulation(behaviour=lambda definition: ends)
    a_service(simulation, desired_count=1)
    simulation.advance(30)
    starts = [event for event in simulation.events if event.type == "TASK_RUNNING"]
    assert len(starts) >= 5, "replaced at full speed: what reached RUNNING is never throttled"
    assert not told(simulation, "SERVICE_THROTTLED")
    assert told(simulation, "SERVICE_FLAPPING") == [{"exits": 5, "seconds": 30}]


def test_kills_do_not_make_a_service_flap() -> None:
    simulation = a_simulation()
    a_service(simulation)
    for _ in range(8):
        simulation.advance(2)
        simulation.submit(KillTask(running(simulation)[0].arn)).result(0)
    simulation.advance(2)
    assert not told(simulation, "SERVICE_FLAPPING")


def test_an_image_that_has_to_be_fetched_is_told() -> None:
    simulation = a_simulation()
    a_standalone_task(simulation, definition=registered(simulation, a_container(image="somebody/else:1")))
    simulation.advance(3)
    assert told(simulation, "TASK_PULLING") == [{"image": "somebody/else:1"}]


def test_stop_task_on_a_services_task_is_user_initiated_and_the_task_is_replaced() -> None:
    simulation = a_simulation()
    a_service(simulation)
    simulation.advance(2)
    victim = running(simulation)[1]
    simulation.submit(StopTask(victim.arn, "to see what happens")).result(0)
    assert simulation.state.tasks[victim.arn].desired_status is DesiredStatus.STOPPED
    simulation.advance(2)
    stopped = simulation.state.tasks[victim.arn]
    assert (stopped.stop_code, stopped.stopped_reason) == (StopCode.USER_INITIATED, "to see what happens")
    assert len(running(simulation)) == 3


def test_a_container_removed_from_the_engine_is_replaced_though_its_exit_code_is_lost() -> None:
    simulation = a_simulation()
    a_service(simulation)
    simulation.advance(2)
    victim = running(simulation)[0]
    simulation.engine.remove(str(victim.containers[0].runtime_id))
    simulation.advance(2)
    dead = simulation.state.tasks[victim.arn].containers[0]
    assert dead.exit_code is None
    assert "removed" in str(dead.reason)
    assert len(running(simulation)) == 3


def test_out_of_memory_is_told_by_its_name() -> None:
    simulation = a_simulation()
    a_service(simulation)
    simulation.advance(2)
    victim = running(simulation)[0]
    simulation.engine.run_out_of_memory(str(victim.containers[0].runtime_id))
    simulation.advance(1)
    reason = simulation.state.tasks[victim.arn].containers[0].reason
    assert reason == "OutOfMemoryError: Container killed due to memory usage"


def test_a_container_restarted_behind_our_back_ends_its_task_and_is_taken_away() -> None:
    simulation = a_simulation()
    a_service(simulation)
    simulation.advance(2)
    victim = running(simulation)[0]
    runtime_id = str(victim.containers[0].runtime_id)
    simulation.engine.restart(runtime_id)
    simulation.advance(2)
    assert simulation.state.tasks[victim.arn].is_stopped
    assert runtime_id not in simulation.engine.containers
    assert len(running(simulation)) == 3


# --- standalone tasks stay gone ---


def test_a_standalone_task_runs_to_its_end_and_is_not_replaced() -> None:
    simulation = a_simulation()
    task = a_standalone_task(simulation)
    assert task.last_status in (TaskStatus.PROVISIONING, TaskStatus.PENDING, TaskStatus.ACTIVATING)
    simulation.advance(30)
    ended = simulation.state.tasks[task.arn]
    assert (ended.last_status, ended.containers[0].exit_code) == (TaskStatus.STOPPED, 0)
    assert (ended.group, ended.started_by, ended.service_arn) == ("family:batch-job", "", None)
    assert list(simulation.state.tasks) == [task.arn]


def test_a_killed_standalone_task_stays_gone() -> None:
    simulation = a_simulation()
    task = a_standalone_task(simulation)
    simulation.advance(2)
    simulation.submit(KillTask(task.arn)).result(0)
    simulation.advance(60)
    dead = simulation.state.tasks[task.arn]
    assert (dead.last_status, dead.containers[0].exit_code) == (TaskStatus.STOPPED, 137)
    assert list(simulation.state.tasks) == [task.arn]
    assert simulation.engine.running() == []


def test_a_task_carries_all_its_time_stamps_in_order() -> None:
    simulation = a_simulation()
    task = a_standalone_task(simulation)
    simulation.advance(30)
    ended = simulation.state.tasks[task.arn]
    times = [
        ended.created_at,
        ended.pull_started_at,
        ended.pull_stopped_at,
        ended.started_at,
        ended.execution_stopped_at,
        ended.stopping_at,
        ended.stopped_at,
    ]
    assert None not in times
    assert times == sorted(times, key=lambda at: at or 0.0)


def test_run_task_answers_a_used_client_token_with_the_same_task() -> None:
    simulation = a_simulation()
    command = RunTask(CLUSTER, definition_arn("batch-job"), client_token="abc")
    simulation.submit(command).result(0)
    simulation.submit(command).result(0)
    assert len(simulation.state.tasks) == 1
    with pytest.raises(ConflictException):
        simulation.submit(RunTask(CLUSTER, definition_arn("worker"), client_token="abc")).result(0)


def test_overrides_reach_the_container() -> None:
    simulation = a_simulation()
    override = ContainerOverride("db-migrate", environment=(("FAIL", "1"),))
    simulation.submit(RunTask(CLUSTER, definition_arn("db-migrate"), overrides=(override,))).result(0)
    simulation.advance(10)
    (task,) = simulation.state.tasks.values()
    assert task.containers[0].exit_code == 1


# --- scaling, updating, deleting ---


def test_scaling_in_stops_the_youngest_and_says_why() -> None:
    simulation = a_simulation()
    a_service(simulation)
    simulation.advance(2)
    oldest = running(simulation)[0]
    simulation.submit(UpdateService(WEB, desired_count=1)).result(0)
    simulation.advance(2)
    assert [task.arn for task in running(simulation)] == [oldest.arn]
    stopped = [task for task in simulation.state.tasks.values() if task.is_stopped]
    assert {task.stop_code for task in stopped} == {StopCode.SERVICE_SCHEDULER_INITIATED}
    assert stopped[0].stopped_reason == (
        f"Scaling activity initiated by (deployment {the_service(simulation).primary.id})"
    )
    assert any("has stopped 2 running tasks" in message for message in service_messages(simulation))


def test_a_new_task_definition_replaces_every_task_without_going_below_the_desired_count() -> None:
    simulation = a_simulation()
    a_service(simulation)
    simulation.advance(2)
    fewest = [3]
    simulation.after_step = lambda: fewest.append(len(running(simulation)))
    newer = registered(simulation, a_container(), family="web-server")
    simulation.submit(UpdateService(WEB, task_definition_arn=newer)).result(0)
    assert [item.status for item in the_service(simulation).deployments] == ["PRIMARY", "ACTIVE"]
    simulation.advance(5)
    assert {task.task_definition_arn for task in running(simulation)} == {newer}
    assert len(the_service(simulation).deployments) == 1
    assert min(fewest) == 3


def test_a_stop_signal_that_is_ignored_is_followed_by_sigkill_after_stop_timeout() -> None:
    deaf = Behaviour(stops_after_seconds=None)
    simulation = a_simulation(behaviour=lambda definition: deaf)
    definition = registered(simulation, a_container(stop_timeout=7))
    task = a_standalone_task(simulation, definition=definition)
    simulation.advance(2)
    simulation.submit(StopTask(task.arn)).result(0)
    simulation.advance(6.5)
    assert simulation.state.tasks[task.arn].last_status is TaskStatus.STOPPING
    simulation.advance(1)
    ended = simulation.state.tasks[task.arn]
    assert (ended.last_status, ended.containers[0].exit_code) == (TaskStatus.STOPPED, 137)
    assert ended.stopped_reason == "Task stopped by user"


def test_a_deleted_service_drains_becomes_inactive_and_its_name_can_be_used_again() -> None:
    simulation = a_simulation()
    a_service(simulation)
    simulation.advance(2)
    simulation.submit(DeleteService(WEB, force=True)).result(0)
    assert the_service(simulation).status is ServiceStatus.DRAINING
    with pytest.raises(InvalidParameterException, match="still Draining"):
        a_service(simulation)
    simulation.advance(2)
    assert the_service(simulation).status is ServiceStatus.INACTIVE
    assert simulation.engine.running() == []
    a_service(simulation, desired_count=1)
    simulation.advance(2)
    assert len(running(simulation)) == 1


# --- starts that fail ---


def test_a_missing_image_fails_the_task_by_name_and_the_service_backs_off() -> None:
    simulation = a_simulation()
    definition = registered(simulation, a_container(image="no-such-image:9"))
    a_service(simulation, desired_count=2, definition=definition)
    simulation.advance(60)
    failed = [task for task in simulation.state.tasks.values() if task.is_stopped]
    assert {task.stop_code for task in failed} == {StopCode.TASK_FAILED_TO_START}
    assert str(failed[0].stopped_reason).startswith("CannotPullContainerError: ")
    assert len(failed) <= 14, "rounds at 0, 1, 3, 7, 15 and 31 seconds"
    assert "(service web) is unable to consistently start tasks successfully." in service_messages(simulation)
    assert the_service(simulation).primary.failed_tasks == len(failed)


def test_a_new_task_definition_ends_the_back_off_at_once() -> None:
    simulation = a_simulation()
    definition = registered(simulation, a_container(image="no-such-image:9"))
    a_service(simulation, desired_count=1, definition=definition)
    simulation.advance(100)
    simulation.submit(UpdateService(WEB, task_definition_arn=definition_arn("web-server"))).result(0)
    simulation.advance(2)
    assert len(running(simulation)) == 1


def test_a_host_port_in_use_is_a_container_that_cannot_start() -> None:
    simulation = a_simulation()
    definition = registered(simulation, a_container(port_mappings=(PortMapping(8080, 18080),)))
    a_standalone_task(simulation, definition=definition)
    simulation.advance(2)
    second = a_standalone_task(simulation, definition=definition)
    simulation.advance(2)
    failed = simulation.state.tasks[second.arn]
    assert failed.stop_code is StopCode.TASK_FAILED_TO_START
    assert "port is already allocated" in str(failed.stopped_reason)
    assert failed.containers[0].exit_code is None


# --- several containers ---


def test_a_task_is_running_when_all_its_containers_have_started_in_the_order_asked() -> None:
    simulation = a_simulation()
    side = a_container("side", command=("worker",), essential=False)
    main = a_container("main", depends_on=(Dependency("side", DependencyCondition.START),))
    task = a_standalone_task(simulation, definition=registered(simulation, main, side))
    simulation.advance(2)
    ready = simulation.state.tasks[task.arn]
    assert ready.last_status is TaskStatus.RUNNING
    assert (ready.container("side").started_at or 0) <= (ready.container("main").started_at or 0)


def test_the_end_of_an_essential_container_ends_the_others() -> None:
    simulation = a_simulation()
    definition = registered(simulation, a_container("main"), a_container("side", essential=False))
    task = a_standalone_task(simulation, definition=definition)
    simulation.advance(2)
    simulation.engine.signal(str(simulation.state.tasks[task.arn].container("main").runtime_id), "SIGKILL")
    simulation.advance(2)
    ended = simulation.state.tasks[task.arn]
    assert ended.last_status is TaskStatus.STOPPED
    assert (ended.container("main").exit_code, ended.container("side").exit_code) == (137, 0)


def test_the_end_of_a_container_that_is_not_essential_ends_nothing() -> None:
    simulation = a_simulation()
    side = a_container("side", command=("migrate",), essential=False)
    task = a_standalone_task(simulation, definition=registered(simulation, a_container("main"), side))
    simulation.advance(10)
    assert simulation.state.tasks[task.arn].last_status is TaskStatus.RUNNING


def test_a_dependency_that_must_succeed_and_fails_ends_the_task() -> None:
    simulation = a_simulation()
    setup = a_container("setup", command=("migrate",), environment=(("FAIL", "1"),), essential=False)
    main = a_container("main", depends_on=(Dependency("setup", DependencyCondition.SUCCESS),))
    task = a_standalone_task(simulation, definition=registered(simulation, main, setup))
    simulation.advance(10)
    ended = simulation.state.tasks[task.arn]
    assert ended.stop_code is StopCode.TASK_FAILED_TO_START
    assert "container 'setup' exited with code 1" in str(ended.stopped_reason)
    assert ended.container("main").started_at is None


def test_a_dependency_that_is_not_ready_within_its_start_timeout_ends_the_task() -> None:
    sick = Behaviour(health=HealthStatus.UNHEALTHY)
    simulation = a_simulation(behaviour=lambda definition: sick)
    database = a_container("db", health_check=HealthCheck(("CMD", "true"), interval=5), start_timeout=20)
    main = a_container("main", depends_on=(Dependency("db", DependencyCondition.HEALTHY),))
    task = a_standalone_task(simulation, definition=registered(simulation, main, database))
    simulation.advance(19)
    assert not simulation.state.tasks[task.arn].is_stopped
    simulation.advance(3)
    ended = simulation.state.tasks[task.arn]
    assert ended.is_stopped
    assert "was not HEALTHY within its startTimeout of 20 s" in str(ended.stopped_reason)


# --- the engine and the controller fail ---


def test_a_controller_that_was_killed_adopts_what_runs_and_starts_nothing_twice() -> None:
    simulation = a_simulation()
    a_service(simulation)
    simulation.advance(2)
    before = {task.arn for task in running(simulation)}
    simulation.crash()
    simulation.advance(5)
    simulation.restart()
    simulation.advance(2)
    assert {task.arn for task in running(simulation)} == before
    assert len(simulation.engine.containers) == 3


def test_a_task_that_died_while_the_controller_was_down_is_recorded_and_replaced() -> None:
    simulation = a_simulation()
    a_service(simulation)
    simulation.advance(2)
    victim = running(simulation)[0]
    simulation.crash()
    simulation.engine.signal(str(victim.containers[0].runtime_id), "SIGKILL")
    simulation.advance(30)
    simulation.restart()
    simulation.advance(2)
    dead = simulation.state.tasks[victim.arn]
    assert (dead.last_status, dead.containers[0].exit_code) == (TaskStatus.STOPPED, 137)
    assert dead.execution_stopped_at is not None
    assert dead.stopped_at is not None
    assert 29 < dead.stopped_at - dead.execution_stopped_at < 31
    assert len(running(simulation)) == 3


def test_an_engine_that_went_away_and_came_back_is_reconciled() -> None:
    simulation = a_simulation()
    a_service(simulation)
    simulation.advance(2)
    simulation.engine.up = False
    simulation.advance(1)
    victim = running(simulation)[0]
    simulation.engine.remove(str(victim.containers[0].runtime_id))
    simulation.submit(UpdateService(WEB, desired_count=5)).result(0)
    simulation.advance(10)
    simulation.engine.up = True
    simulation.advance(5)
    assert len(running(simulation)) == 5
    assert simulation.state.tasks[victim.arn].is_stopped


def test_without_an_engine_run_task_places_nothing_and_says_why() -> None:
    simulation = a_simulation()
    simulation.engine.up = False
    simulation.advance(1)
    simulation.submit(RunTask(CLUSTER, definition_arn("batch-job"), 2)).result(0)
    assert simulation.state.tasks == {}
    assert [data["reason"] for data in told(simulation, "TASK_NOT_PLACED")] == ["AGENT", "AGENT"]


def test_a_container_with_our_label_that_belongs_to_no_task_is_removed() -> None:
    simulation = a_simulation()
    stray = simulation.engine.create(arns.task_arn(CLUSTER, "f" * 32), a_container())
    simulation.engine.start(stray.seen.runtime_id)
    simulation.advance(1)
    assert simulation.engine.containers == {}
    assert told(simulation, "STRAY_FOUND")


def test_no_more_than_eight_starts_are_under_way_at_once() -> None:
    simulation = a_simulation()
    most = [0]
    simulation.after_step = lambda: most.append(len(simulation.state.starting))
    a_service(simulation, desired_count=30)
    simulation.advance(5)
    assert len(running(simulation)) == 30
    assert max(most) == 8


# --- limits ---


def test_stopped_tasks_leave_the_record_and_their_containers_the_engine() -> None:
    ends = Behaviour(runs_seconds=0.5, exit_code=1)
    simulation = a_simulation(behaviour=lambda definition: ends)
    a_service(simulation, desired_count=2)
    simulation.advance(600)
    made = sum(event.type == "TASK_RUNNING" for event in simulation.events)
    assert made > 1200
    assert len(simulation.state.tasks) <= 1002
    assert len(simulation.engine.containers) <= 60
    assert len(simulation.state.events_of(WEB)) == 100


def test_a_stopped_task_stays_describable_for_an_hour() -> None:
    simulation = a_simulation()
    task = a_standalone_task(simulation)
    simulation.advance(3600)
    assert task.arn in simulation.state.tasks
    simulation.advance(60)
    assert task.arn not in simulation.state.tasks
    assert simulation.engine.containers == {}


# --- refusals ---

UNKNOWN_CLUSTER = arns.cluster_arn("us-east-1", "nowhere")
REFUSED: dict[str, tuple[Command, type[EcsError], str]] = {
    "create in an unknown cluster": (
        CreateService(arns.service_arn(UNKNOWN_CLUSTER, "x"), UNKNOWN_CLUSTER, definition_arn("worker"), 1),
        ClusterNotFoundException,
        "Cluster not found.",
    ),
    "create with a negative count": (
        CreateService(arns.service_arn(CLUSTER, "x"), CLUSTER, definition_arn("worker"), -1),
        InvalidParameterException,
        "desiredCount",
    ),
    "create from an unknown definition": (
        CreateService(arns.service_arn(CLUSTER, "x"), CLUSTER, definition_arn("nothing"), 1),
        ClientException,
        "TaskDefinition not found.",
    ),
    "create a service twice": (
        CreateService(WEB, CLUSTER, definition_arn("worker"), 1),
        InvalidParameterException,
        "Creation of service was not idempotent.",
    ),
    "update an unknown service": (
        UpdateService(arns.service_arn(CLUSTER, "x"), desired_count=1),
        ServiceNotFoundException,
        "Service not found.",
    ),
    "update to a negative count": (UpdateService(WEB, desired_count=-2), InvalidParameterException, "desiredCount"),
    "delete a service above 0": (
        DeleteService(WEB),
        InvalidParameterException,
        "The service cannot be stopped while it is scaled above 0.",
    ),
    "delete a cluster with services": (
        DeleteCluster(CLUSTER),
        ClusterContainsServicesException,
        "The Cluster cannot be deleted while Services are active.",
    ),
    "run eleven tasks": (
        RunTask(CLUSTER, definition_arn("worker"), 11),
        InvalidParameterException,
        "Task count can not be greater than 10.",
    ),
    "run no task": (RunTask(CLUSTER, definition_arn("worker"), 0), InvalidParameterException, "at least 1"),
    "override an unknown container": (
        RunTask(CLUSTER, definition_arn("worker"), overrides=(ContainerOverride("x"),)),
        InvalidParameterException,
        "not a container in the TaskDefinition",
    ),
    "stop an unknown task": (
        StopTask(arns.task_arn(CLUSTER, "0" * 32)),
        InvalidParameterException,
        "The referenced task was not found.",
    ),
    "kill an unknown task": (
        KillTask(arns.task_arn(CLUSTER, "0" * 32)),
        InvalidParameterException,
        "The referenced task was not found.",
    ),
}


@pytest.mark.parametrize(("command", "error", "text"), REFUSED.values(), ids=list(REFUSED))
def test_a_refused_command_changes_nothing(command: Command, error: type[EcsError], text: str) -> None:
    simulation = a_simulation()
    a_service(simulation)
    simulation.advance(2)
    before = (dict(simulation.state.services), dict(simulation.state.tasks), dict(simulation.state.clusters))
    with pytest.raises(error) as refusal:
        simulation.submit(command).result(0)
    assert text in refusal.value.message
    after = (dict(simulation.state.services), dict(simulation.state.tasks), dict(simulation.state.clusters))
    assert before == after


def test_a_deregistered_definition_starts_nothing_new() -> None:
    simulation = a_simulation()
    simulation.submit(DeregisterTaskDefinition(definition_arn("worker"))).result(0)
    with pytest.raises(ClientException, match="TaskDefinition is inactive"):
        simulation.submit(RunTask(CLUSTER, definition_arn("worker"))).result(0)


def test_a_service_that_is_draining_cannot_be_updated() -> None:
    simulation = a_simulation()
    a_service(simulation)
    simulation.submit(DeleteService(WEB, force=True)).result(0)
    with pytest.raises(ServiceNotActiveException, match="Service was not ACTIVE."):
        simulation.submit(UpdateService(WEB, desired_count=1)).result(0)


def test_the_demo_images_roles_are_known_to_the_simulator() -> None:
    assert demo_behaviour(a_container(command=("batch",))).runs_seconds == 10.0
