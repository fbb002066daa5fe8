"""EventBridge Scheduler with boto3 in-process: every refusal of a request."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from chaos_ecs.core.arns import cluster_arn
from tests.unit.api_harness import CLUSTER
from tests.unit.scheduler_room import ARN, DEFINITION, QUEUE, ROLE, Room, a_target, ecs, wish


@pytest.fixture
def room() -> Room:
    return Room()


@pytest.mark.parametrize(
    "expression",
    ["cron(0 1 * * * *)", "cron(7 20 * * NOT *)", "cron()", "rate(10 seconds)", "rate()", "at(2021-12-31T23:59:59Z)",
     " rate(10 minutes)", "cron(71 8 1 * ? *)", "every minute"],
)  # fmt: skip
def test_an_expression_that_means_nothing_is_refused_in_awss_words(room: Room, expression: str) -> None:
    told = room.refused(ScheduleExpression=expression)
    assert told == (400, "ValidationException", f"Invalid Schedule Expression {expression}.")


def test_a_time_in_the_past_is_taken_as_aws_does(room: Room) -> None:
    room.create(ScheduleExpression="at(2022-12-31T23:59:59)")
    room.api.simulation.advance(120)
    assert room.ecs.list_tasks(cluster=CLUSTER)["taskArns"] == []


HERE = "1 validation error detected: Value"


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"ScheduleExpressionTimezone": "Mars/Olympus"}, "Invalid Schedule Expression Timezone Mars/Olympus."),
        (
            {"StartDate": datetime(2028, 1, 1, tzinfo=UTC), "EndDate": datetime(2028, 1, 1, tzinfo=UTC)},
            "The StartDate you specify must come before the EndDate.",
        ),
        (
            {"StartDate": datetime(2026, 1, 1, tzinfo=UTC)},
            "The StartDate you specify cannot be earlier than 5 minutes ago.",
        ),
        (
            {"FlexibleTimeWindow": {"Mode": "FLEXIBLE"}},
            "MaximumWindowInMinutes must be provided when FlexibleTimeWindowMode is set to FLEXIBLE.",
        ),
        (
            {"FlexibleTimeWindow": {"Mode": "OFF", "MaximumWindowInMinutes": 5}},
            "MaximumWindowInMinutes must not be provided when FlexibleTimeWindowMode is set to OFF.",
        ),
        ({"Target": {**a_target(), "Arn": "my-cluster"}}, "Provided Arn is not in correct format."),
        (
            {"Target": {**a_target(), "Arn": "arn:aws:lambda:us-east-1:123456789012:function:x"}},
            (
                "Only ECS targets are run here (RunTask; Target.Arn is the ARN of a cluster), and "
                "arn:aws:lambda:us-east-1:123456789012:function:x is none."
            ),
        ),
        (
            {"Target": {**a_target(), "Arn": "arn:aws:scheduler:::aws-sdk:ecs:updateService"}},
            (
                "Only ECS targets are run here (RunTask; Target.Arn is the ARN of a cluster), and "
                "arn:aws:scheduler:::aws-sdk:ecs:updateService is none."
            ),
        ),
        (
            {"Target": {**a_target(), "Arn": cluster_arn("eu-west-1", CLUSTER)}},
            "The target ARN provided does not match the current region us-east-1.",
        ),
        (
            {"Target": {**a_target(), "Arn": "arn:aws:ecs:us-east-1:999999999999:cluster/x"}},
            "The target ARN is of account 999999999999. There is one account here: 123456789012.",
        ),
        ({"Target": {"Arn": ARN, "RoleArn": ROLE}}, "Parameters EcsParameters must be specified."),
        (
            {"Target": {**a_target(), "SqsParameters": {"MessageGroupId": "x"}}},
            "Parameters SqsParameters not supported for the target.",
        ),
        (
            {"Target": ecs(LaunchType="FARGATE")},
            "Parameter NetworkConfiguration must be specified for the target when launch type is FARGATE.",
        ),
        (
            {"Target": ecs(LaunchType="FARGATE", NetworkConfiguration={})},
            "Parameter NetworkConfiguration must be specified for the target when launch type is FARGATE.",
        ),
        ({"Target": a_target(Input='{"containerOverrides": [}')}, "JSON syntax error in input for the target."),
        ({"Target": a_target(Input='["\\ud800 "]')}, "JSON syntax error in input for the target."),
        ({"Target": a_target(Input="[" * 100_000)}, "JSON syntax error in input for the target."),
        (
            {"name": "a/b"},
            (
                f"{HERE} 'a/b' at 'name' failed to satisfy constraint: "
                "Member must satisfy regular expression pattern: [0-9a-zA-Z-_.]+"
            ),
        ),
        (
            {"name": "x" * 65},
            (
                f"{HERE} '{'x' * 65}' at 'name' failed to satisfy constraint: "
                "Member must have length less than or equal to 64"
            ),
        ),
        (
            {"Target": {**a_target(), "RoleArn": "nobody"}},
            (
                f"{HERE} 'nobody' at 'target.roleArn' failed to satisfy constraint: "
                r"Member must satisfy regular expression pattern: arn:aws[a-z-]*:iam::\d{12}:role\/[\w+=,.@\/-]+"
            ),
        ),
    ],
)
def test_what_cannot_be_is_refused(room: Room, members: dict[str, Any], message: str) -> None:
    assert room.refused(**members) == (400, "ValidationException", message)
    assert room.scheduler.list_schedules()["Schedules"] == []


def test_the_context_attributes_may_stand_where_json_has_a_number(room: Room) -> None:
    room.create(Target=a_target(Input='{"attempt": <aws.scheduler.attempt-number>}'))
    room.api.simulation.advance(1)
    assert len(room.ecs.list_tasks(cluster=CLUSTER)["taskArns"]) == 1


def test_a_definition_and_a_cluster_that_are_not_there_are_refused_only_when_it_is_due(room: Room) -> None:
    target = {**a_target(DeadLetterConfig={"Arn": QUEUE}, RetryPolicy={"MaximumRetryAttempts": 2}), "EcsParameters": {
        "TaskDefinitionArn": "arn:aws:ecs:us-east-1:123456789012:task-definition/later:7"}}  # fmt: skip
    room.create(Target=target, ScheduleExpression="rate(1 day)")
    room.api.simulation.advance(10)
    told = room.api.chaos("DescribeSchedule", name="nightly")["schedule"]
    assert (told["runs"], told["dropped"], told["retrying"]) == (0, 1, 0)
    (letter,) = told["deadLetters"]
    assert letter["attributes"]["ERROR_MESSAGE"] == "TaskDefinition not found."
    assert letter["attributes"]["RETRY_ATTEMPTS"] == "2"
    assert letter["attributes"]["TARGET_ARN"] == ARN


@pytest.mark.parametrize(
    "named",
    [
        "arn:aws",
        "arn:",
        "arn:aws:ecs:us-east-1:123456789012:cluster/batch-job",
        "arn:aws:ecs:us-east-1:123456789012:task-definition/batch-job:abc",
        "arn:aws:ecs:us-east-1:123456789012:task-definition/a/b",
        "arn:aws:lambda:us-east-1:123456789012:task-definition/batch-job",
    ],
)
def test_an_arn_that_is_none_of_a_task_definition_is_refused_before_it_is_due(room: Room, named: str) -> None:
    told = room.refused(Target=a_target(EcsParameters={"TaskDefinitionArn": named}))
    assert told == (400, "ValidationException", f"TaskDefinitionArn {named} is not the ARN of a task definition.")


@pytest.mark.parametrize("named", ["batch-job", "batch-job:1", f"{DEFINITION}:1"])
def test_a_definition_may_be_named_by_its_family_too(room: Room, named: str) -> None:
    room.create(Target=a_target(EcsParameters={"TaskDefinitionArn": named}))
    assert len(room.ecs.list_tasks(cluster=CLUSTER)["taskArns"]) == 1


def sent(room: Room, method: str, body: bytes) -> tuple[int, str]:
    """Status and message, of a body that boto3 would not send."""
    answer = room.api.send(body, method=method, path="/schedules/nightly", service="scheduler")
    return answer.status, json.loads(answer.body).get("Message", "")


@pytest.mark.parametrize("at", [-1e18, -1e6, 7.3e9, 1e300])
@pytest.mark.parametrize("member", ["StartDate", "EndDate"])
def test_a_date_that_no_calendar_has_is_refused_also_by_an_update(room: Room, member: str, at: float) -> None:
    room.create()
    said = {name: value for name, value in {**wish(), member: at}.items() if name != "Name"}
    expected = (400, f"The {member} you specify is not within the years 1970 to 2199.")
    assert sent(room, "PUT", json.dumps(said).encode()) == expected
    status, body = room.api.call(
        "PreviewSchedule",
        {"expression": "rate(1 day)", f"{member[:1].lower()}{member[1:]}": at},
        service="chaos-ecs",
    )
    assert (status, body["__type"]) == (400, "InvalidParameterException")
    assert body["message"].startswith(expected[1])


def test_half_a_surrogate_pair_is_refused_at_the_border(room: Room) -> None:
    said = {name: value for name, value in wish(Description="\ud800 ").items() if name != "Name"}
    status, message = sent(room, "POST", json.dumps(said).encode())
    assert (status, message.startswith("The request body is not valid JSON")) == (400, True)
