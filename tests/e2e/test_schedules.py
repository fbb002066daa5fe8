"""EventBridge Scheduler with the real aws CLI: on the simulator's pressed clock, and in real minutes on the engine.

What is measured of a run: the time at which the controller has called RunTask (`at` of SCHEDULE_RAN, the task's
createdAt) and, on the engine, the time at which it has made the container, both against the time that was due.
"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.builders import eventually
from tests.e2e.conftest import Room

CLUSTER = "my-cluster"
BASE = "arn:aws:ecs:us-east-1:123456789012"
ROLE = "arn:aws:iam::123456789012:role/ecsEventsRole"
OFF = ("--flexible-time-window", "Mode=OFF")
STARTED_BY = "chronos-schedule/nightly"
WITHIN_SECONDS = 1.0


def a_target(definition: str = "batch-job", **members: Any) -> tuple[str, str]:
    ecs = {"TaskDefinitionArn": f"{BASE}:task-definition/{definition}"}
    target = {"Arn": f"{BASE}:cluster/{CLUSTER}", "RoleArn": ROLE, "EcsParameters": ecs, **members}
    return "--target", json.dumps(target)


def create(room: Room, expression: str, *options: str, name: str = "nightly") -> None:
    room.scheduler("create-schedule", "--name", name, "--schedule-expression", expression, *OFF, *options)


def in_seconds(wait: float) -> tuple[str, float]:
    """An at() expression of a whole second soon, and that time."""
    at = int(time.time() + wait)
    return f"at({datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%S})", float(at)


def told(room: Room, *types: str) -> list[dict[str, Any]]:
    """The events of these types with what is measured of each, oldest first."""
    lines = [json.loads(line) for line in room.ok("events", "--json").out.splitlines()]
    return [{**event["data"], "at": event["at"]} for event in lines if event["type"] in types]


def runs(room: Room) -> list[dict[str, Any]]:
    return told(room, "SCHEDULE_RAN")


def tasks_of(room: Room) -> list[dict[str, Any]]:
    """All tasks that the schedule has started, as ECS tells them."""
    where = ("--cluster", CLUSTER, "--started-by", STARTED_BY)
    found = [
        arn
        for status in ("RUNNING", "STOPPED")
        for arn in room.aws("list-tasks", *where, "--desired-status", status)["taskArns"]
    ]
    if not found:
        return []
    described = room.aws("describe-tasks", "--cluster", CLUSTER, "--tasks", *found)["tasks"]
    return sorted(described, key=lambda task: moment(task["createdAt"]))


def moment(said: str | float) -> float:
    """A time as the aws CLI prints it: seconds since the epoch (version 1) or ISO 8601 (version 2)."""
    return datetime.fromisoformat(said).timestamp() if isinstance(said, str) else said


def made_by_the_engine_at(room: Room) -> list[float]:
    """When the engine has made the containers of tasks there are, running or not, by its own clock; oldest first."""
    made = [
        datetime.fromisoformat(room.client.inspect_container(one["Id"])["Created"][:26].rstrip("Z") + "+00:00")
        for one in room.containers(everything=True)
        if "chaos-ecs.task" in one["Labels"]
    ]
    return sorted(moment.timestamp() for moment in made)


# --- the pressed clock ---


def test_five_minutes_of_a_pressed_clock_run_six_times_each_at_its_second(room: Room) -> None:
    room.ok("controller", "start", "--simulate", "--clock", "x60")
    began = time.monotonic()
    create(room, "rate(1 minute)", *a_target())
    eventually(lambda: len(runs(room)) >= 6, within=60)
    assert time.monotonic() - began < 60, "five minutes were to pass in seconds"
    first = moment(room.scheduler("get-schedule", "--name", "nightly")["CreationDate"])
    for number, run in enumerate(runs(room)):
        assert run["scheduledTime"] == pytest.approx(first + 60 * number, abs=0.01)
        assert 0 <= run["at"] - run["scheduledTime"] <= WITHIN_SECONDS
        assert len(run["tasks"]) == 1
    assert {task["startedBy"] for task in tasks_of(room)} == {STARTED_BY}


def test_every_view_says_that_the_clock_is_pressed(room: Room) -> None:
    room.ok("controller", "start", "--simulate", "--clock", "x60")
    assert "simulator, clock x60" in room.ok("controller", "status").out
    assert "clock x60" in room.ok("ps").err
    refused = room.run("controller", "run", "--clock", "x60")
    assert (refused.code, "E-CLOCK" in refused.err) == (2, True), refused


# --- real containers ---


@pytest.mark.slow
def test_two_real_minutes_on_the_engine_and_a_restart_between(room: Room) -> None:
    """The first run is at once, as on AWS; then each minute, whoever is the controller by then."""
    room.ok("controller", "start")
    create(room, "rate(1 minute)", *a_target(Input='{"containerOverrides": [{"name": "batch-job"}]}'))
    eventually(lambda: len(runs(room)) == 1, within=10)
    room.ok("controller", "stop")
    room.ok("controller", "start")
    eventually(lambda: len(runs(room)) == 2, within=70, every=0.5)
    room.kill_controller()
    room.ok("controller", "start")
    eventually(lambda: len(runs(room)) == 3, within=70, every=0.5)
    eventually(lambda: len(made_by_the_engine_at(room)) == 3, within=20)
    first = moment(room.scheduler("get-schedule", "--name", "nightly")["CreationDate"])
    due = [run["scheduledTime"] for run in runs(room)]
    assert due == pytest.approx([first, first + 60, first + 120], abs=0.01)
    called = [run["at"] for run in runs(room)]
    late = [at - time_due for at, time_due in zip(called, due, strict=True)]
    made = [at - time_due for at, time_due in zip(made_by_the_engine_at(room), due, strict=True)]
    assert all(0 <= seconds <= WITHIN_SECONDS for seconds in (*late, *made)), (late, made)
    tasks = tasks_of(room)
    assert [moment(task["createdAt"]) for task in tasks] == pytest.approx(called, abs=0.01)
    assert told(room, "SCHEDULE_MISSED", "SCHEDULE_RETRY", "SCHEDULE_DROPPED") == []


def test_a_schedule_that_is_due_once_outlives_its_controller_runs_once_and_deletes_itself(room: Room) -> None:
    room.ok("controller", "start")
    expression, due = in_seconds(12)
    create(room, expression, "--action-after-completion", "DELETE", *a_target())
    room.kill_controller()
    room.ok("controller", "start")
    (run,) = eventually(lambda: runs(room), within=20)
    assert run["scheduledTime"] == due
    assert 0 <= run["at"] - due <= WITHIN_SECONDS
    eventually(lambda: room.aws_raw("get-schedule", "--name", "nightly", service="scheduler").code != 0, within=10)
    (task,) = eventually(lambda: [task for task in tasks_of(room) if task["lastStatus"] == "STOPPED"], within=60)
    assert task["containers"][0]["exitCode"] == 0
    assert len(runs(room)) == 1


def test_what_was_due_once_while_nobody_was_there_runs_late(room: Room) -> None:
    room.ok("controller", "start")
    expression, due = in_seconds(5)
    create(room, expression, *a_target())
    room.kill_controller()
    time.sleep(max(0.0, due + 3 - time.time()))
    room.ok("controller", "start")
    (run,) = eventually(lambda: runs(room), within=20)
    assert run["scheduledTime"] == due
    assert run["lateness"] == pytest.approx(run["at"] - due, abs=0.01)
    assert run["lateness"] >= 3


def test_a_definition_that_is_gone_is_retried_and_then_kept_as_a_dead_letter(room: Room) -> None:
    room.ok("controller", "start")
    container = json.dumps([{"name": "app", "image": "chaos-ecs/demo:1", "memory": 32}])
    made = room.aws("register-task-definition", "--family", "nightly", "--container-definitions", container)
    assert made["taskDefinition"]["revision"] == 1
    expression, _ = in_seconds(10)
    members = {
        "RetryPolicy": {"MaximumRetryAttempts": 2},
        "DeadLetterConfig": {"Arn": "arn:aws:sqs:us-east-1:123456789012:letters"},
    }
    create(room, expression, *a_target("nightly:1", **members))
    room.aws("deregister-task-definition", "--task-definition", "nightly:1")
    (dropped,) = eventually(lambda: told(room, "SCHEDULE_DROPPED"), within=30)
    assert len(told(room, "SCHEDULE_RETRY")) == 2
    assert (dropped["retries"], dropped["condition"]) == (2, "MaximumRetryAttempts")
    described = room.ok("schedule", "describe", "nightly", "--json").json["schedule"]
    letter = described["deadLetters"][0]["attributes"]
    assert letter == dropped["deadLetter"]
    assert letter["ERROR_MESSAGE"] == "TaskDefinition is inactive"
    assert letter["RETRY_ATTEMPTS"] == "2"
    assert (runs(room), tasks_of(room), made_by_the_engine_at(room)) == ([], [], [])


def test_a_retry_that_is_accepted_runs_as_if_it_had_been_the_first(room: Room) -> None:
    room.ok("controller", "start")
    create(room, "rate(1 hour)", *a_target("later"))
    eventually(lambda: told(room, "SCHEDULE_RETRY"), within=10)
    container = json.dumps([{"name": "app", "image": "chaos-ecs/demo:1", "memory": 32, "command": ["batch", "1"]}])
    room.aws("register-task-definition", "--family", "later", "--container-definitions", container)
    (run,) = eventually(lambda: runs(room), within=40)
    assert run["attempt"] > 1
    eventually(lambda: len(made_by_the_engine_at(room)) == 1, within=20)
    assert len(tasks_of(room)) == 1
