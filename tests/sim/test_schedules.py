"""Schedules in virtual time: what runs when, and what becomes of it when they are changed or deleted."""

from __future__ import annotations

from chaos_ecs.core import arns
from chaos_ecs.core.errors import ConflictException, ResourceNotFoundException, ValidationException
from chaos_ecs.core.messages import (
    EventType,
    RegisterTaskDefinition,
)
from chaos_ecs.core.schedule_messages import (
    CreateSchedule,
    CreateScheduleGroup,
    DeleteSchedule,
    DeleteScheduleGroup,
    TagScheduleGroup,
    UpdateSchedule,
)
from chaos_ecs.core.schedules import RunTarget, ScheduleDesign, utc
from tests.builders import CLUSTER, REGION, a_container, a_design, a_schedule, a_simulation, definition_arn
from tests.sim.schedule_looks import MISSING, ran, refused, tasks_of, the_schedule, told, updated

# --- running ---


def test_a_rate_runs_at_once_and_then_in_its_steps_to_the_moment() -> None:
    simulation = a_simulation()
    began = simulation.clock.now()
    a_schedule(simulation)
    simulation.advance(300)
    assert [event.data["scheduledTime"] - began for event in ran(simulation)] == [0, 60, 120, 180, 240, 300]
    assert [event.at - began for event in ran(simulation)] == [0, 60, 120, 180, 240, 300]
    assert {event.data["lateness"] for event in ran(simulation)} == {0.0}
    assert len(tasks_of(simulation)) == 6


def test_its_task_is_a_standalone_one_that_says_who_started_it() -> None:
    simulation = a_simulation()
    target = RunTarget(CLUSTER, "batch-job", count=2, group="night", launch_type="FARGATE", tags=(("team", "a"),))
    a_schedule(simulation, a_design("rate(1 hour)", target=target), name="a-name-that-is-longer-than-aws-keeps")
    tasks = tasks_of(simulation)
    assert len(tasks) == 2
    assert {task.started_by for task in tasks} == {"chronos-schedule/a-name-that-is-long"}
    assert {(task.group, task.launch_type, task.tags) for task in tasks} == {("night", "FARGATE", (("team", "a"),))}
    assert {task.service_arn for task in tasks} == {None}
    created = told(simulation, EventType.TASK_CREATED)
    assert created[0].data["cause"] == "schedule a-name-that-is-longer-than-aws-keeps is due; nobody will replace it"
    assert ran(simulation)[0].data["tasks"] == [task.arn for task in tasks]


def test_a_task_that_fails_is_not_run_again_before_its_next_time() -> None:
    simulation = a_simulation()
    a_schedule(simulation, a_design(target=RunTarget(CLUSTER, "flaky")))
    simulation.advance(59)
    (task,) = tasks_of(simulation)
    assert task.is_stopped
    assert not told(simulation, EventType.SCHEDULE_RETRY)


def test_a_run_that_takes_longer_than_the_pause_goes_on_beside_the_next_one() -> None:
    simulation = a_simulation()
    a_schedule(simulation, a_design(target=RunTarget(CLUSTER, "worker")))
    simulation.advance(125)
    assert len([task for task in tasks_of(simulation) if task.is_running]) == 3


def test_the_newest_active_revision_is_looked_up_at_every_run() -> None:
    simulation = a_simulation()
    a_schedule(simulation)
    command = RegisterTaskDefinition(arns.family_arn(REGION, "batch-job"), (a_container("batch-job"),))
    simulation.submit(command).result(0)
    simulation.advance(60)
    revisions = [task.task_definition_arn for task in tasks_of(simulation)]
    assert revisions == [definition_arn("batch-job", 1), definition_arn("batch-job", 2)]


def test_input_is_the_overrides_with_the_context_attributes_filled_in() -> None:
    simulation = a_simulation()
    text = (
        '{"containerOverrides": [{"name": "batch-job", "command": ["batch", "3"], "memory": 48, "environment": ['
        '{"name": "ARN", "value": "<aws.scheduler.schedule-arn>"},'
        '{"name": "AT", "value": "<aws.scheduler.scheduled-time>"},'
        '{"name": "ID", "value": "<aws.scheduler.execution-id>"},'
        '{"name": "TRY", "value": "<aws.scheduler.attempt-number>"}]}]}'
    )
    arn = a_schedule(simulation, a_design(target=RunTarget(CLUSTER, "batch-job:1", input=text)))
    (override,) = tasks_of(simulation)[0].overrides
    assert (override.command, override.memory) == (("batch", "3"), 48)
    said = dict(override.environment)
    assert (said["ARN"], said["AT"], said["TRY"]) == (arn, utc(simulation.clock.now()), "1")
    assert len(said["ID"]) == 16
    assert said["ID"] == ran(simulation)[0].data["executionId"]


def test_tags_of_the_definition_are_propagated_where_that_is_said() -> None:
    simulation = a_simulation()
    family = arns.family_arn(REGION, "tagged")
    simulation.submit(RegisterTaskDefinition(family, (a_container(),), tags=(("a", "1"), ("b", "1")))).result(0)
    target = RunTarget(CLUSTER, "tagged", propagates_tags=True, tags=(("b", "2"),))
    a_schedule(simulation, a_design(target=target))
    assert tasks_of(simulation)[0].tags == (("a", "1"), ("b", "2"))


def test_one_time_runs_once_and_a_schedule_that_is_to_delete_itself_is_gone_then() -> None:
    simulation = a_simulation()
    at = f"at({utc(simulation.clock.now() + 90).removesuffix('Z')})"
    stays = a_schedule(simulation, a_design(at), name="stays")
    goes = a_schedule(simulation, a_design(at, deletes_itself=True), name="goes")
    simulation.advance(3600)
    assert sorted(event.data["schedule"] for event in ran(simulation)) == [goes, stays]
    assert set(simulation.state.schedules) == {stays}
    (deleted,) = told(simulation, EventType.SCHEDULE_DELETED)
    assert deleted.data["cause"] == "it never comes due again"


def test_a_time_in_the_past_is_taken_and_never_runs() -> None:
    simulation = a_simulation()
    arn = a_schedule(simulation, a_design("at(2020-01-01T00:00:00)", deletes_itself=True))
    simulation.advance(3600)
    assert not ran(simulation)
    assert arn in simulation.state.schedules


def test_nothing_is_due_before_the_start_or_after_the_end() -> None:
    simulation = a_simulation()
    now = simulation.clock.now()
    arn = a_schedule(simulation, a_design(start_date=now + 100, end_date=now + 230, deletes_itself=True))
    simulation.advance(3600)
    assert [event.data["scheduledTime"] - now for event in ran(simulation)] == [100, 160, 220]
    assert arn not in simulation.state.schedules


def test_a_flexible_window_draws_a_moment_of_its_own_for_each_time_and_the_same_again() -> None:
    moments = []
    for _ in range(2):
        simulation = a_simulation()
        began = simulation.clock.now()
        a_schedule(simulation, a_design("rate(1 hour)", window_minutes=10))
        simulation.advance(5 * 3600)
        moments.append([event.at - began for event in ran(simulation)])
        assert {event.data["lateness"] for event in ran(simulation)} == {0.0}
    assert moments[0] == moments[1]
    offsets = [at - index * 3600 for index, at in enumerate(moments[0])]
    assert all(0 <= offset < 600 for offset in offsets)
    assert len(set(offsets)) >= 4


def test_two_schedules_of_one_window_do_not_run_at_one_moment() -> None:
    simulation = a_simulation()
    for name in ("one", "two"):
        a_schedule(simulation, a_design("rate(1 hour)", window_minutes=1440), name=name)
    simulation.advance(86400)
    first = {event.data["schedule"]: event.at for event in reversed(ran(simulation))}
    assert len(set(first.values())) == 2


# --- pausing, changing, deleting ---


def test_a_disabled_schedule_never_runs_and_catches_up_with_nothing() -> None:
    simulation = a_simulation()
    arn = a_schedule(simulation)
    updated(simulation, arn, enabled=False)
    simulation.advance(600)
    assert len(ran(simulation)) == 1
    updated(simulation, arn, enabled=True)
    assert len(ran(simulation)) == 1
    simulation.advance(60)
    assert len(ran(simulation)) == 2
    assert not told(simulation, EventType.SCHEDULE_MISSED)


def test_disabling_and_deleting_end_what_waits_for_its_window_or_its_retry() -> None:
    simulation = a_simulation()
    paused = a_schedule(simulation, a_design("rate(1 hour)", window_minutes=30), name="paused")
    deleted = a_schedule(simulation, a_design("rate(1 hour)", target=MISSING), name="deleted")
    assert len(simulation.state.invocations) == 2
    updated(simulation, paused, enabled=False)
    simulation.submit(DeleteSchedule(deleted)).result(0)
    assert not simulation.state.invocations
    assert told(simulation, EventType.SCHEDULE_UPDATED)[0].data["cancelled"] == 1
    assert told(simulation, EventType.SCHEDULE_DELETED)[0].data["cancelled"] == 1
    simulation.advance(3599)
    assert not ran(simulation)


def test_an_update_replaces_everything_and_runs_nothing_again() -> None:
    simulation = a_simulation()
    began = simulation.clock.now()
    arn = a_schedule(simulation, a_design(timezone="Europe/Berlin"))
    simulation.advance(30)
    simulation.submit(UpdateSchedule(arn, a_design("rate(2 minutes)"))).result(0)
    assert the_schedule(simulation, arn).design.timezone == "UTC"
    simulation.advance(300)
    assert [event.data["scheduledTime"] - began for event in ran(simulation)] == [0, 120, 240]


def test_what_comes_due_in_the_moment_of_an_update_is_run_and_what_came_before_is_told() -> None:
    simulation = a_simulation()
    arn = a_schedule(simulation)
    simulation.clock.jump(185)
    updated(simulation, arn, expression="rate(1 day)")
    assert len(ran(simulation)) == 2
    assert told(simulation, EventType.SCHEDULE_MISSED)[0].data["missed"] == 2


def test_what_is_not_there_and_what_is_there_already_is_refused() -> None:
    simulation = a_simulation()
    arn = a_schedule(simulation)
    group = arns.schedule_group_arn(REGION, "default")
    assert str(refused(simulation, CreateSchedule(arn, group, a_design()))) == "Schedule nightly already exists."
    unknown = arns.schedule_arn(REGION, "default", "none")
    for command in (UpdateSchedule(unknown, a_design()), DeleteSchedule(unknown)):
        error = refused(simulation, command)
        assert isinstance(error, ResourceNotFoundException)
        assert str(error) == "Schedule none does not exist."
    nowhere = CreateSchedule(arns.schedule_arn(REGION, "g", "x"), arns.schedule_group_arn(REGION, "g"), a_design())
    assert str(refused(simulation, nowhere)) == "Schedule group g does not exist."


def test_a_client_token_makes_one_schedule_of_two_same_requests() -> None:
    simulation = a_simulation()
    arn, group = arns.schedule_arn(REGION, "default", "x"), arns.schedule_group_arn(REGION, "default")
    for _ in range(2):
        simulation.submit(CreateSchedule(arn, group, a_design(), "token")).result(0)
    assert len(told(simulation, EventType.SCHEDULE_CREATED)) == 1
    other = refused(simulation, CreateSchedule(arn, group, a_design("rate(2 minutes)"), "token"))
    assert isinstance(other, ConflictException)


# --- groups ---


def test_a_deleted_group_takes_its_schedules_along_and_is_deleting_for_a_moment() -> None:
    simulation = a_simulation()
    group = arns.schedule_group_arn(REGION, "jobs")
    simulation.submit(CreateScheduleGroup(group, (("a", "1"),))).result(0)
    arn = arns.schedule_arn(REGION, "jobs", "nightly")
    simulation.submit(CreateSchedule(arn, group, a_design())).result(0)
    other = a_schedule(simulation)
    simulation.submit(DeleteScheduleGroup(group)).result(0)
    assert simulation.state.schedule_groups[group].state == "DELETING"
    assert set(simulation.state.schedules) == {other}
    assert isinstance(refused(simulation, CreateSchedule(arn, group, a_design())), ConflictException)
    simulation.advance(2)
    assert not simulation.state.schedule_groups
    simulation.submit(CreateScheduleGroup(group)).result(0)


def test_the_step_that_deletes_a_group_does_not_run_its_schedules() -> None:
    """Both are touched in one step: a schedule that is due, and the group that takes it along."""
    simulation = a_simulation()
    group, arn = arns.schedule_group_arn(REGION, "jobs"), arns.schedule_arn(REGION, "jobs", "nightly")
    simulation.submit(CreateScheduleGroup(group)).result(0)
    simulation.submit(CreateSchedule(arn, group, a_design(target=MISSING))).result(0)
    simulation.clock.jump(61)
    simulation.submit(DeleteScheduleGroup(group)).result(0)
    assert not simulation.state.schedules
    assert not simulation.state.invocations


def test_nothing_can_be_done_to_the_default_group() -> None:
    simulation = a_simulation()
    arn = arns.schedule_group_arn(REGION, "default")
    for command in (CreateScheduleGroup(arn), DeleteScheduleGroup(arn), TagScheduleGroup(arn, (("a", "b"),))):
        error = refused(simulation, command)
        assert isinstance(error, ValidationException)
        assert str(error) == "This operation cannot be performed on schedule group default."


# --- parts ---


def test_times_are_written_as_scheduler_writes_them() -> None:
    from datetime import UTC, datetime, timedelta

    moment = datetime(1999, 12, 25, 23, 59, 58, tzinfo=UTC)
    for _ in range(3000):
        assert utc(moment.timestamp()) == moment.strftime("%Y-%m-%dT%H:%M:%SZ")
        moment += timedelta(days=17, hours=5, minutes=1, seconds=1)


def test_a_design_that_says_nothing_has_the_defaults_of_aws() -> None:
    design = ScheduleDesign("rate(1 minute)", RunTarget(CLUSTER, "x"))
    assert (design.timezone, design.enabled, design.deletes_itself, design.window_minutes) == ("UTC", True, False, 0)
    assert (design.target.maximum_retry_attempts, design.target.maximum_event_age_seconds) == (185, 86400)
