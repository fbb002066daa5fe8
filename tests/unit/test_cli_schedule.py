"""`chaos-ecs schedule` against a real border on a simulated world: what it asks of Scheduler, and what it shows."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from chaos_ecs.cli import completion
from chaos_ecs.cli.schedule_view import Schedule
from chaos_ecs.cli.schedules import wish, words
from chaos_ecs.cli.snapshot import Snapshot
from tests.unit.api_harness import CLUSTER
from tests.unit.fake_controller import AT, Terminal, a_state
from tests.unit.fake_controller import CLUSTER as CLUSTER_ARN
from tests.unit.schedule_room import ARN, DAILY, DEFINITIONS, Room, a_schedule, refused, run, shown


@pytest.fixture
def room() -> Room:
    return Room()


# --- add ---


def test_a_schedule_of_each_minute_runs_at_once_and_then_each_minute(room: Room) -> None:
    assert shown(room, "add", "nightly", "--every", "1m") == ["nightly: rate(1 minute), runs now"]
    room.advance(121)
    assert (len(room.world.tasks), room.get()["ScheduleExpression"]) == (3, "rate(1 minute)")
    assert {task.started_by for task in room.world.tasks.values()} == {"chronos-schedule/nightly"}


def test_all_that_can_be_said_of_a_schedule_is_said_to_scheduler(room: Room) -> None:
    room.api.client(service="scheduler").create_schedule_group(Name="jobs")
    when = ("--cron", DAILY, "--timezone", "Europe/Berlin", "--start", "2027-02-01T00:00:00", "--end", "2027-03-01")
    run(room, "add", "jobs/nightly", *when, "--window", "5m", "--count", "2", "--delete-after", "--command", "batch 3")
    said = room.get(group="jobs")
    assert {name: said[name] for name in ("ScheduleExpression", "ScheduleExpressionTimezone", "GroupName")} == {
        "ScheduleExpression": "cron(0 2 * * ? *)",
        "ScheduleExpressionTimezone": "Europe/Berlin",
        "GroupName": "jobs",
    }
    assert said["FlexibleTimeWindow"] == {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 5}
    assert (said["StartDate"], said["EndDate"]) == (datetime(2027, 2, 1, tzinfo=UTC), datetime(2027, 3, 1, tzinfo=UTC))
    assert said["ActionAfterCompletion"] == "DELETE"
    target = said["Target"]
    assert target["EcsParameters"] == {"TaskDefinitionArn": f"{DEFINITIONS}/batch-job", "TaskCount": 2}
    overrides = {"containerOverrides": [{"name": "batch-job", "command": ["batch", "3"]}]}
    assert json.loads(target["Input"]) == overrides


def test_a_variable_goes_to_the_container(room: Room) -> None:
    run(room, "add", "nightly", "--every", "1h", "--task-definition", "db-migrate", "--env", "FAIL=1")
    room.advance(30)
    (task,) = room.world.tasks.values()
    (override,) = task.overrides
    assert (override.name, override.environment) == ("db-migrate", (("FAIL", "1"),))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--at", "2027-01-15T09:00"), "at(2027-01-15T09:00:00), first in 1:00:00, 2027-01-15 09:00Z"),
        (("--at", "2026-12-24 18:00:00"), "at(2026-12-24T18:00:00), which is past: it never runs"),
        (("--cron", "cron(0 2 * * ? *)"), "cron(0 2 * * ? *), first in 18:00:00, 2027-01-16 02:00Z"),
        (
            ("--at", "2027-01-20T09:00:30", "--timezone", "Europe/Berlin"),
            "at(2027-01-20T09:00:30) Europe/Berlin, first in 5 days, 2027-01-20 08:00:30Z",
        ),
        (("--every", "2 hours", "--window", "15m"), "rate(2 hours), runs now, or within 15 minutes of it"),
        (
            ("--every", "5m", "--start", "2027-01-15T08:10:00Z"),
            "rate(5 minutes), first in 10:00, 2027-01-15 08:10Z",
        ),
    ],
)
def test_the_first_time_is_told(room: Room, arguments: tuple[str, ...], told: str) -> None:
    assert shown(room, "add", "nightly", *arguments) == [f"nightly: {told}"]


def test_add_shows_the_command_of_the_real_aws_cli(room: Room) -> None:
    said = run(room, "add", "nightly", "--every", "1m", "--end", "2027-02-01T00:00:00+01:00").err.getvalue()
    command = said[said.index("aws scheduler") :].splitlines()
    assert command[:4] == [
        "aws scheduler create-schedule \\",
        "    --name nightly \\",
        "    --schedule-expression 'rate(1 minute)' \\",
        "    --end-date 2027-01-31T23:00:00+00:00 \\",
    ]
    assert f'"Arn": "{CLUSTER_ARN}"' in said
    assert f'"TaskDefinitionArn": "{DEFINITIONS}/batch-job"' in said
    assert "chaos-ecs schedule next nightly" in said


def test_the_aws_command_is_never_folded_and_the_result_is_one_line_for_a_pipe(room: Room) -> None:
    narrow = run(room, "add", "nightly", "--every", "1m", terminal=True, columns=lambda: 60)
    assert any(
        line.startswith("    --target '{") and line.endswith("}' \\") for line in narrow.err.getvalue().split("\n")
    )
    assert shown(room, "add", "hourly", "--every", "1h") == ["hourly: rate(1 hour), runs now"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "say when: one of --every"),
        (("--every", "1m", "--cron", DAILY), "say when: one of --every"),
        (("--every", "30s"), "a schedule's shortest rate is a minute"),
        (("--every", "0m"), "'0m' is no rate: 5m, 1h or 1d"),
        (("--every", "1m", "--window", "90s"), "1 to 1440 whole minutes"),
        (("--every", "1m", "--start", "tomorrow"), "'tomorrow' is no date and time"),
        (("--every", "1m", "--start", "2027-02-30"), "'2027-02-30' is no date and time"),
        (("--every", "1m", "--count", "11"), "--count"),
        (("--every", "1m", "--env", "A"), "--env"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(
    room: Room, arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = Terminal(room)
    assert terminal.run("schedule", "add", "nightly", *arguments) == 2
    assert said in capsys.readouterr().err + terminal.both
    assert not room.world.schedules


@pytest.mark.parametrize("name", ["/nightly", "jobs/"])
def test_half_a_name_is_a_usage_error(room: Room, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert Terminal(room).run("schedule", "rm", name) == 2
    assert "names no schedule" in capsys.readouterr().err


def test_an_expression_that_means_nothing_is_refused_with_aws_words_and_the_reason(room: Room) -> None:
    code, said = refused(room, "add", "nightly", "--cron", "0 2 * * ?")
    assert code == 2
    assert "Invalid Schedule Expression cron(0 2 * * ?)" in said
    assert "six fields" in said
    assert 'chaos-ecs schedule next "cron(0 2 * * ? *)"' in said
    code, said = refused(room, "add", "nightly", "--every", "1m", "--timezone", "Berlin")
    assert (code, "IANA name" in said) == (2, True)
    assert not room.world.schedules


def test_what_scheduler_refuses_says_what_to_do(room: Room) -> None:
    run(room, "add", "nightly", "--every", "1h")
    code, said = refused(room, "add", "nightly", "--every", "2h")
    assert (code, "Schedule nightly already exists." in said, "schedule rm NAME" in said) == (1, True, True)
    code, said = refused(room, "add", "jobs/x", "--every", "2h")
    assert (code, "aws scheduler create-schedule-group" in said) == (3, True)
    code, said = refused(room, "add", "a b", "--every", "2h")
    assert (code, "A name of letters, digits" in said) == (1, True)
    code, said = refused(room, "add", "late", "--every", "2h", "--start", "2027-01-01")
    assert (code, "Another --start" in said) == (1, True)


# --- ls and describe ---


def test_the_list_tells_what_is_next_and_what_was(room: Room) -> None:
    assert shown(room, "ls") == []
    assert "schedule add nightly --every 1m" in run(room, "ls").err.getvalue()
    run(room, "add", "nightly", "--every", "1m", "--count", "2")
    run(room, "add", "daily", "--cron", DAILY, "--timezone", "Europe/Berlin")
    room.advance(70)
    assert shown(room, "ls") == [
        "SCHEDULE  NEXT         RUNS  LAST       MISSED  GAVE UP  TASK DEFINITION  WHEN",
        "daily     in 16:58:50  0     -          0       0        batch-job        cron(0 2 * * ? *) Europe/Berlin",
        "nightly   in 50s       2     00:10 ago  0       0        batch-job x2     rate(1 minute)",
    ]


def test_the_list_fits_60_columns_and_never_loses_what_is_next(room: Room) -> None:
    run(room, "add", "a-name-of-some-length", "--cron", DAILY, "--timezone", "America/Argentina/Buenos_Aires")
    room.advance(70)
    rows = shown(room, "ls", terminal=True, columns=lambda: 60)
    assert all(len(row) <= 60 for row in rows)
    assert "in 20:58:50" in rows[1]


def test_a_schedule_of_another_cluster_and_of_a_group_is_named_so(room: Room) -> None:
    room.api.client().create_cluster(clusterName="lab")
    room.api.client(service="scheduler").create_schedule_group(Name="jobs")
    terminal = Terminal(room)
    assert terminal.run("--cluster", "lab", "schedule", "add", "jobs/x", "--every", "1h") == 0
    head, row = shown(room, "ls")
    assert ("CLUSTER" in head, row.startswith("jobs/x "), " lab " in row) == (True, True, True)


def test_schedules_are_shown_though_the_cluster_is_gone(room: Room) -> None:
    run(room, "add", "nightly", "--every", "1m")
    room.advance(30)
    room.api.client().delete_cluster(cluster=CLUSTER)
    room.advance(40)
    assert "1 retrying" in shown(room, "ls")[1]
    assert "ClusterNotFoundException" not in "".join(shown(room, "pause", "nightly"))


def test_describe_tells_all_of_it(room: Room) -> None:
    run(room, "add", "nightly", "--every", "5m", "--window", "2m", "--end", "2027-01-15T08:12:00")
    room.advance(150)
    told = shown(room, "describe", "nightly")
    assert told[:7] == [
        "schedule  nightly",
        f"arn       {ARN}",
        "runs      batch-job, 1 task in my-cluster, startedBy chronos-schedule/nightly",
        "when      rate(5 minutes)",
        "window    any moment of 2 minutes",
        "ends      2027-01-15 08:12Z",
        "state     ENABLED",
    ]
    assert told[7] == "next      in 02:30, 2027-01-15 08:05Z"
    assert told[8].startswith("ran       1 time, last ")
    assert told[-2:] == ["2027-01-15 08:05 +00:00  02:30", "2027-01-15 08:10 +00:00  07:30"]


def test_describe_tells_by_whom_its_tasks_say_they_were_started(room: Room) -> None:
    run(room, "add", "a-name-that-is-longer-than-aws-keeps", "--every", "1m")
    (task,) = room.world.tasks.values()
    assert shown(room, "describe", "a-name-that-is-longer-than-aws-keeps")[2].endswith(f"startedBy {task.started_by}")


def test_describe_shows_what_waits_for_a_retry_and_why(room: Room) -> None:
    run(room, "add", "nightly", "--every", "1h", "--task-definition", "nope")
    room.advance(10)
    told = "\n".join(shown(room, "describe", "nightly"))
    assert "WAITS              TRIED  NEXT   WHY" in told
    assert "2027-01-15 08:00Z  4      in 5s  TaskDefinition not found." in told


def test_describe_shows_dead_letters_with_aws_attributes(room: Room) -> None:
    target = {
        "Arn": CLUSTER_ARN,
        "RoleArn": wish.ROLE,
        "EcsParameters": {"TaskDefinitionArn": f"{DEFINITIONS}/nope"},
        "RetryPolicy": {"MaximumRetryAttempts": 1},
        "DeadLetterConfig": {"Arn": "arn:aws:sqs:us-east-1:123456789012:letters"},
    }
    room.api.client(service="scheduler").create_schedule(
        Name="nightly", ScheduleExpression="rate(1 hour)", FlexibleTimeWindow={"Mode": "OFF"}, Target=target
    )
    room.advance(10)
    told = "\n".join(shown(room, "describe", "nightly"))
    assert "gave up   1: RunTask was refused for too long" in told
    assert "DEAD LETTER           RETRIES  EXHAUSTED" in told
    assert "MaximumRetryAttempts" in told
    assert "TaskDefinition not found." in told
    narrow = shown(room, "describe", "nightly", terminal=True, columns=lambda: 60)
    assert [row for row in narrow if len(row) > 60] == [f"arn       {ARN}"]


def test_of_many_that_wait_the_first_are_shown_and_the_rest_counted() -> None:
    waiting = [{"scheduledTime": AT, "nextTryAt": AT + 9, "attempts": 3, "reason": "gone"}] * 7
    told = words.described(Schedule.of({**a_schedule(), "open": waiting}), (), AT)
    assert sum("gone" in row for row in "\n".join(told).splitlines()) == 5
    assert told[-1] == "and 2 more"


# --- pause, resume, rm ---


def test_a_paused_schedule_keeps_all_that_was_said_and_goes_on(room: Room) -> None:
    run(room, "add", "nightly", "--every", "5m", "--window", "1m", "--count", "3", "--delete-after")
    before = room.get()
    room.advance(61)
    assert shown(room, "pause", "nightly") == ["nightly is paused"]
    room.advance(1000)
    assert room.world.schedules[ARN].runs == 1
    assert shown(room, "describe", "nightly")[5] == "state     DISABLED: paused"
    assert shown(room, "resume", "nightly")[0].startswith("nightly is on again, next in ")
    after = room.get()
    same = ("ScheduleExpression", "FlexibleTimeWindow", "Target", "ActionAfterCompletion", "State")
    assert {name: after[name] for name in same} == {name: before[name] for name in same}
    room.advance(400)
    assert room.world.schedules[ARN].runs == 2


def test_pausing_twice_changes_nothing(room: Room) -> None:
    run(room, "add", "nightly", "--every", "5m")
    run(room, "pause", "nightly")
    modified = room.get()["LastModificationDate"]
    room.advance(5)
    assert shown(room, "pause", "nightly") == ["nightly is paused"]
    assert room.get()["LastModificationDate"] == modified


def test_a_deleted_schedule_is_gone_and_its_tasks_run_on(room: Room) -> None:
    run(room, "add", "nightly", "--every", "5m", "--task-definition", "worker")
    room.advance(5)
    assert shown(room, "rm", "nightly") == ["nightly is deleted; what it has started runs on"]
    assert len([task for task in room.world.tasks.values() if task.is_running]) == 1
    code, said = refused(room, "rm", "nightly")
    assert (code, "Schedule nightly does not exist." in said, "chaos-ecs schedule ls" in said) == (3, True, True)
    assert refused(room, "pause", "nightly")[0] == refused(room, "describe", "nightly")[0] == 3


# --- for programs, and for Tab ---


@pytest.mark.parametrize(
    ("arguments", "key"),
    [
        (("add", "other", "--every", "1h"), "schedule"),
        (("ls",), "schedules"),
        (("describe", "nightly"), "schedule"),
        (("describe", "nightly"), "times"),
        (("pause", "nightly"), "schedule"),
        (("resume", "nightly"), "schedule"),
        (("next", "nightly"), "times"),
        (("next", "rate(1 day)"), "times"),
        (("rm", "nightly"), "deleted"),
    ],
)
def test_every_command_answers_json(room: Room, arguments: tuple[str, ...], key: str) -> None:
    run(room, "add", "nightly", "--every", "1m")
    terminal = run(room, *arguments, "--json")
    answer = json.loads(terminal.out.getvalue())
    assert answer["v"] == 1
    assert key in answer
    assert terminal.err.getvalue() == ""


def test_names_are_completed(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    state = a_state(schedules=[a_schedule(), a_schedule(name="late", group="jobs")])
    monkeypatch.setattr(completion, "_seen", lambda ctx: (Snapshot.of(state), None))
    context: Any = None
    assert completion.schedules(context, "n") == [("nightly", "rate(1 minute)")]
    assert completion.schedules(context, "jobs") == [("jobs/late", "rate(1 minute)")]
