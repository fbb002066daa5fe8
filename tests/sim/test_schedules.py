"""Schedules in virtual time: what runs when, what is retried and given up, what a crash, a gap and a clock do to it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chaos_ecs.core import arns
from chaos_ecs.core.errors import ConflictException, EcsError, ResourceNotFoundException, ValidationException
from chaos_ecs.core.messages import (
    CreateCluster,
    DeregisterTaskDefinition,
    Event,
    EventType,
    RegisterTaskDefinition,
)
from chaos_ecs.core.model import Task
from chaos_ecs.core.schedule_messages import (
    CreateSchedule,
    CreateScheduleGroup,
    DeleteSchedule,
    DeleteScheduleGroup,
    TagScheduleGroup,
    UpdateSchedule,
)
from chaos_ecs.core.schedules import RunTarget, Schedule, ScheduleDesign, utc
from chaos_ecs.sim.simulation import Simulation
from tests.builders import CLUSTER, REGION, a_container, a_design, a_schedule, a_simulation, definition_arn

QUEUE = "arn:aws:sqs:us-east-1:123456789012:letters"
MISSING = RunTarget(CLUSTER, "missing")


def told(simulation: Simulation, type_: EventType) -> list[Event]:
    return [event for event in simulation.events if event.type is type_]


def ran(simulation: Simulation) -> list[Event]:
    return told(simulation, EventType.SCHEDULE_RAN)


def the_schedule(simulation: Simulation, arn: str) -> Schedule:
    return simulation.state.schedules[arn]


def tasks_of(simulation: Simulation) -> list[Task]:
    """What schedules have started, in order."""
    found = [task for task in simulation.state.tasks.values() if task.started_by.startswith("chronos-schedule/")]
    return sorted(found, key=lambda task: task.number)


def updated(simulation: Simulation, arn: str, **members: Any) -> None:
    design = replace(the_schedule(simulation, arn).design, **members)
    simulation.submit(UpdateSchedule(arn, design)).result(0)


def refused(simulation: Simulation, command: Any) -> EcsError:
    error = simulation.submit(command).exception(0)
    assert isinstance(error, EcsError)
    return error


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


# --- refusals ---


def test_a_refused_call_is_retried_ever_more_slowly_until_its_attempts_are_used_up() -> None:
    simulation = a_simulation()
    began = simulation.clock.now()
    target = replace(MISSING, maximum_retry_attempts=4, dead_letter_arn=QUEUE)
    arn = a_schedule(simulation, a_design("rate(1 day)", target=target))
    simulation.advance(3600)
    retries = told(simulation, EventType.SCHEDULE_RETRY)
    assert [(event.at - began, event.data["attempt"]) for event in retries] == [(0, 1), (1, 2), (7, 4)]
    assert retries[0].data["code"] == "ClientException"
    assert retries[0].data["reason"] == "TaskDefinition not found."
    (dropped,) = told(simulation, EventType.SCHEDULE_DROPPED)
    assert dropped.at - began == 15
    assert (dropped.data["condition"], dropped.data["retries"]) == ("MaximumRetryAttempts", 4)
    (letter,) = the_schedule(simulation, arn).dead_letters
    attributes = dropped.data["deadLetter"]
    assert attributes == {
        "ERROR_CODE": "ClientException",
        "ERROR_MESSAGE": "TaskDefinition not found.",
        "EXECUTION_ID": letter.execution_id,
        "EXHAUSTED_RETRY_CONDITION": "MaximumRetryAttempts",
        "IS_PAYLOAD_TRUNCATED": "false",
        "RETRY_ATTEMPTS": "4",
        "SCHEDULED_TIME": utc(began),
        "SCHEDULE_ARN": arn,
        "TARGET_ARN": CLUSTER,
    }


def test_by_default_the_last_of_185_retries_comes_a_day_later() -> None:
    simulation = a_simulation()
    began = simulation.clock.now()
    arn = a_schedule(simulation, a_design("rate(7 days)", target=MISSING))
    simulation.advance(2 * 86400)
    (dropped,) = told(simulation, EventType.SCHEDULE_DROPPED)
    assert dropped.at - began == 86399
    assert dropped.data["retries"] == 185
    assert "deadLetter" not in dropped.data, "there is no dead-letter queue"
    assert not the_schedule(simulation, arn).dead_letters
    assert len(told(simulation, EventType.SCHEDULE_RETRY)) == 8, "told after 1, 2, 4, ... 128 attempts"


def test_a_call_is_given_up_when_its_event_is_too_old() -> None:
    simulation = a_simulation()
    began = simulation.clock.now()
    a_schedule(simulation, a_design("rate(1 day)", target=replace(MISSING, maximum_event_age_seconds=60)))
    simulation.advance(3600)
    (dropped,) = told(simulation, EventType.SCHEDULE_DROPPED)
    assert dropped.at - began == 60, "tried once more at the very end"
    assert dropped.data["condition"] == "MaximumEventAgeInSeconds"


def test_without_retries_the_first_refusal_is_the_last() -> None:
    simulation = a_simulation()
    a_schedule(simulation, a_design("rate(1 day)", target=replace(MISSING, maximum_retry_attempts=0)))
    assert told(simulation, EventType.SCHEDULE_DROPPED)[0].data["retries"] == 0
    assert not told(simulation, EventType.SCHEDULE_RETRY)


def test_a_definition_that_comes_later_ends_the_retries_and_the_lateness_is_told() -> None:
    simulation = a_simulation()
    a_schedule(simulation, a_design("rate(1 day)", target=MISSING))
    simulation.advance(20)
    command = RegisterTaskDefinition(arns.family_arn(REGION, "missing"), (a_container(),))
    simulation.submit(command).result(0)
    simulation.advance(60)
    (event,) = ran(simulation)
    assert (event.data["lateness"], event.data["attempt"]) == (31, 6)
    assert len(tasks_of(simulation)) == 1


@pytest.mark.parametrize(
    ("target", "code", "reason"),
    [
        (RunTarget(arns.cluster_arn(REGION, "none"), "batch-job"), "ClusterNotFoundException", "Cluster not found."),
        (RunTarget(CLUSTER, "batch-job", input='{"containerOverrides": [{"name": "x"}]}'), "InvalidParameterException",
         "Override for container named x is not a container in the TaskDefinition."),
        (RunTarget(CLUSTER, "batch-job", input="[]"), "InvalidParameterException",
         "The Input of the target is no TaskOverride: it is no object."),
        (RunTarget(CLUSTER, "batch-job", input='{"containerOverrides": [{"name": "batch-job", "cpu": "1"}]}'),
         "InvalidParameterException", "The Input of the target is no TaskOverride: cpu is no whole number."),
        (RunTarget(CLUSTER, "arn:aws:ecs:eu-west-1:123456789012:task-definition/batch-job:1"), "ClientException",
         "TaskDefinition not found."),
    ],
)  # fmt: skip
def test_what_run_task_would_refuse_is_refused_when_it_is_due(target: RunTarget, code: str, reason: str) -> None:
    simulation = a_simulation()
    a_schedule(simulation, a_design(target=target))
    (retry,) = told(simulation, EventType.SCHEDULE_RETRY)
    assert (retry.data["code"], retry.data["reason"]) == (code, reason)
    assert not tasks_of(simulation)


def test_an_inactive_definition_is_refused_and_a_cluster_that_comes_later_is_found() -> None:
    simulation = a_simulation()
    a_schedule(simulation, a_design("rate(1 hour)", target=RunTarget(CLUSTER, "batch-job:1")), name="inactive")
    simulation.submit(DeregisterTaskDefinition(definition_arn("batch-job"))).result(0)
    later = arns.cluster_arn(REGION, "later")
    a_schedule(simulation, a_design("rate(1 day)", target=RunTarget(later, "worker")), name="later")
    simulation.submit(CreateCluster(later)).result(0)
    simulation.advance(3600)
    assert [task.cluster_arn for task in tasks_of(simulation)] == [CLUSTER, later]
    assert told(simulation, EventType.SCHEDULE_RETRY)[-1].data["reason"] == "TaskDefinition is inactive"


def test_while_the_engine_is_away_calls_are_refused_and_every_one_of_them_is_retried() -> None:
    simulation = a_simulation()
    a_schedule(simulation)
    simulation.engine.up = False
    simulation.advance(150)
    assert told(simulation, EventType.SCHEDULE_RETRY)[-1].data["code"] == "AGENT"
    assert len(simulation.state.invocations) == 2
    simulation.engine.up = True
    simulation.advance(300)
    times = [event.data["scheduledTime"] for event in ran(simulation)]
    assert len(times) == len(set(times)) == 8, "none is lost, none runs twice"
    assert not told(simulation, EventType.TASK_NOT_PLACED)


# --- gaps and clocks ---


def test_after_a_gap_the_newest_missed_time_is_run_late_and_the_others_are_told() -> None:
    simulation = a_simulation()
    began = simulation.clock.now()
    arn = a_schedule(simulation)
    simulation.advance(30)
    simulation.crash()
    simulation.advance(600)
    simulation.restart()
    (missed,) = told(simulation, EventType.SCHEDULE_MISSED)
    assert missed.data["missed"] == 9
    assert [missed.data[name] - began for name in ("first", "last", "delivered")] == [60, 540, 600]
    assert [event.data["scheduledTime"] - began for event in ran(simulation)] == [0, 600]
    assert ran(simulation)[1].data["lateness"] == 30
    assert the_schedule(simulation, arn).missed == 9
    simulation.advance(30)
    assert [event.data["scheduledTime"] - began for event in ran(simulation)] == [0, 600, 660]


def test_one_missed_time_is_only_late() -> None:
    simulation = a_simulation()
    a_schedule(simulation, a_design("rate(1 hour)"))
    simulation.crash()
    simulation.advance(3700)
    simulation.restart()
    assert ran(simulation)[1].data["lateness"] == 100
    assert not told(simulation, EventType.SCHEDULE_MISSED)


def test_what_is_older_than_its_event_may_be_is_missed() -> None:
    simulation = a_simulation()
    target = RunTarget(CLUSTER, "batch-job", maximum_event_age_seconds=60)
    a_schedule(simulation, a_design("rate(1 hour)", target=target))
    simulation.crash()
    simulation.advance(2 * 3600 + 100)
    simulation.restart()
    (missed,) = told(simulation, EventType.SCHEDULE_MISSED)
    assert missed.data["missed"] == 2
    assert "delivered" not in missed.data
    assert len(ran(simulation)) == 1


def test_a_machine_that_slept_is_a_gap_too() -> None:
    simulation = a_simulation()
    a_schedule(simulation)
    simulation.clock.jump(3600)
    simulation.advance(0)
    assert told(simulation, EventType.SCHEDULE_MISSED)[0].data["missed"] == 59
    assert len(ran(simulation)) == 2


@pytest.mark.parametrize("expression", ["rate(1 minute)", "cron(* * * * ? *)", "cron(* 9 * * ? *)"])
def test_a_gap_of_a_month_does_not_hold_the_loop_up_and_its_newest_time_is_found(expression: str) -> None:
    simulation = a_simulation()
    arn = a_schedule(simulation, a_design(expression))
    before = len(ran(simulation))
    simulation.clock.jump(33 * 86400)
    simulation.advance(0)
    (missed,) = told(simulation, EventType.SCHEDULE_MISSED)
    if missed.data.get("isLeast"):
        assert missed.data["missed"] == 2000
        assert "more than 2000 due times" in missed.message
    now = simulation.clock.now()
    delivered = missed.data["delivered"]
    following = the_schedule(simulation, arn).next_due(delivered)
    assert following is not None
    assert delivered <= now < following
    assert the_schedule(simulation, arn).next_due(missed.data["last"]) == delivered
    assert len(ran(simulation)) == before + 1


def test_a_clock_set_back_runs_nothing_twice() -> None:
    simulation = a_simulation()
    a_schedule(simulation)
    simulation.advance(600)
    simulation.clock.jump(-3600)
    simulation.advance(3700)
    times = [event.data["scheduledTime"] for event in ran(simulation)]
    assert len(times) == len(set(times))
    assert len(times) == 12, "and goes on when the hour has passed again"


def test_a_clock_set_back_by_more_than_a_day_does_not_stop_it_for_as_long() -> None:
    simulation = a_simulation()
    a_schedule(simulation)
    simulation.clock.jump(400 * 86400)
    simulation.advance(60)
    simulation.clock.jump(-400 * 86400)
    before = len(ran(simulation))
    simulation.advance(300)
    assert len(ran(simulation)) == before + 5


def test_a_retry_is_not_put_off_by_a_clock_set_back() -> None:
    simulation = a_simulation()
    a_schedule(simulation, a_design("rate(1 day)", target=MISSING))
    simulation.advance(10)
    command = RegisterTaskDefinition(arns.family_arn(REGION, "missing"), (a_container(),))
    simulation.submit(command).result(0)
    simulation.clock.jump(-3600)
    simulation.advance(60)
    assert len(ran(simulation)) == 1


@pytest.mark.parametrize("points", range(24))
def test_a_controller_that_dies_at_any_moment_runs_a_due_time_once(points: int) -> None:
    simulation = a_simulation()
    arn = a_schedule(simulation, a_design("rate(20 minutes)"))
    simulation.advance(1199)
    simulation.crash_after(points)
    simulation.advance(5)
    simulation.fuse.left = None
    simulation.restart()
    simulation.advance(5)
    assert len(tasks_of(simulation)) == the_schedule(simulation, arn).runs == 2
    simulation.advance(1200)
    assert len(tasks_of(simulation)) == the_schedule(simulation, arn).runs == 3
    assert not simulation.state.invocations


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
