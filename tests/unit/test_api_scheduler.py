"""EventBridge Scheduler with boto3 in-process: every operation, and what runs because of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from chaos_ecs.core import schedule
from chaos_ecs.core.arns import cluster_arn
from tests.counting import steps_in
from tests.unit.api_harness import CLUSTER, REGION, add_instance
from tests.unit.scheduler_room import ARN, DEFINITION, OFF, QUEUE, ROLE, Room, a_target, ecs, said, wish


@pytest.fixture
def room() -> Room:
    return Room()


# --- schedules ---


def test_a_schedule_of_each_minute_runs_real_tasks_that_ecs_lists_by_who_started_them(room: Room) -> None:
    arn = room.create()
    assert arn == "arn:aws:scheduler:us-east-1:123456789012:schedule/default/nightly"
    room.api.simulation.advance(125)
    listed = room.ecs.list_tasks(cluster=CLUSTER, startedBy="chronos-schedule/nightly", desiredStatus="STOPPED")
    running = room.ecs.list_tasks(cluster=CLUSTER, startedBy="chronos-schedule/nightly")
    arns = listed["taskArns"] + running["taskArns"]
    assert len(arns) == 3
    tasks = room.ecs.describe_tasks(cluster=CLUSTER, tasks=arns)["tasks"]
    assert {(task["group"], task["startedBy"]) for task in tasks} == {("family:batch-job", "chronos-schedule/nightly")}


def test_get_tells_what_was_said_and_the_defaults_of_the_rest(room: Room) -> None:
    arn = room.create()
    told = room.get()
    created = told.pop("CreationDate")
    assert created == told.pop("LastModificationDate")
    assert created == datetime.fromtimestamp(room.api.simulation.clock.now(), UTC)
    assert told == {
        "Arn": arn,
        "Name": "nightly",
        "GroupName": "default",
        "ScheduleExpression": "rate(1 minute)",
        "ScheduleExpressionTimezone": "UTC",
        "State": "ENABLED",
        "ActionAfterCompletion": "NONE",
        "FlexibleTimeWindow": OFF,
        "Target": a_target(RetryPolicy={"MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 185}),
    }


EVERYTHING: dict[str, Any] = {
    "TaskDefinitionArn": DEFINITION,
    "TaskCount": 2,
    "LaunchType": "FARGATE",
    "Group": "night",
    "PlatformVersion": "LATEST",
    "PropagateTags": "TASK_DEFINITION",
    "ReferenceId": "r1",
    "EnableECSManagedTags": True,
    "EnableExecuteCommand": False,
    "Tags": [{"key": "team", "value": "a"}, {"stage": "test"}],
    "NetworkConfiguration": {
        "awsvpcConfiguration": {"Subnets": ["subnet-1"], "SecurityGroups": ["sg-1"], "AssignPublicIp": "ENABLED"}
    },
    "PlacementConstraints": [{"type": "memberOf", "expression": "attribute:x == y"}],
    "PlacementStrategy": [{"type": "spread", "field": "host"}],
}


def test_everything_that_can_be_said_is_kept_and_told_again(room: Room) -> None:
    start, end = datetime(2027, 2, 1, tzinfo=UTC), datetime(2028, 2, 1, tzinfo=UTC)
    members: dict[str, Any] = {
        "Description": "reports",
        "ScheduleExpression": "cron(0 2 ? * MON-FRI *)",
        "ScheduleExpressionTimezone": "Europe/Berlin",
        "StartDate": start,
        "EndDate": end,
        "State": "DISABLED",
        "KmsKeyArn": "arn:aws:kms:us-east-1:123456789012:key/1",
        "FlexibleTimeWindow": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15},
        "ActionAfterCompletion": "DELETE",
        "Target": {
            "Arn": ARN,
            "RoleArn": ROLE,
            "Input": json.dumps({"containerOverrides": [{"name": "batch-job", "command": ["batch"]}]}),
            "RetryPolicy": {"MaximumEventAgeInSeconds": 60, "MaximumRetryAttempts": 0},
            "DeadLetterConfig": {"Arn": QUEUE},
            "EcsParameters": EVERYTHING,
        },
    }
    room.create(**members)
    told = room.get()
    assert {name: told[name] for name in members} == members


def test_what_is_said_of_the_task_is_what_is_run(room: Room) -> None:
    room.create(Target={**a_target(), "EcsParameters": EVERYTHING})
    (first, second) = room.ecs.list_tasks(cluster=CLUSTER)["taskArns"]
    told = room.ecs.describe_tasks(cluster=CLUSTER, tasks=[first, second], include=["TAGS"])["tasks"]
    assert {(task["group"], task["launchType"]) for task in told} == {("night", "FARGATE")}
    assert told[0]["tags"] == [{"key": "team", "value": "a"}, {"key": "stage", "value": "test"}]


def test_a_strategy_stands_for_its_launch_type(room: Room) -> None:
    strategy = [{"capacityProvider": "FARGATE_SPOT", "weight": 1, "base": 0}]
    room.create(Target=ecs(CapacityProviderStrategy=strategy))
    (arn,) = room.ecs.list_tasks(cluster=CLUSTER)["taskArns"]
    assert room.ecs.describe_tasks(cluster=CLUSTER, tasks=[arn])["tasks"][0]["launchType"] == "FARGATE"
    both = room.refused(name="both", Target=ecs(CapacityProviderStrategy=strategy, LaunchType="EC2"))
    assert both[1:] == (
        "ValidationException",
        "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again.",
    )


def test_where_its_tasks_go_is_as_it_says(room: Room) -> None:
    there = {name: add_instance(room.api, name, attributes={"stack": name}) for name in ("a1", "a2")}
    constraints = [{"type": "memberOf", "expression": "attribute:stack == a2"}]
    room.create(Target=ecs(PlacementConstraints=constraints))
    (arn,) = room.ecs.list_tasks(cluster=CLUSTER)["taskArns"]
    (task,) = room.ecs.describe_tasks(cluster=CLUSTER, tasks=[arn])["tasks"]
    assert task["containerInstanceArn"] == there["a2"]
    nothing = [{"capacityProvider": name, "weight": 0} for name in ("FARGATE", "FARGATE_SPOT")]
    assert room.refused(name="nothing", Target=ecs(CapacityProviderStrategy=nothing))[1] == "ValidationException"


@pytest.mark.parametrize(
    ("said", "default", "told"),
    [
        ({"CapacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT"}]}, [], ("FARGATE", "FARGATE_SPOT")),
        ({}, [{"capacityProvider": "FARGATE", "weight": 1}], ("FARGATE", "FARGATE")),
        ({"LaunchType": "EC2"}, [{"capacityProvider": "FARGATE", "weight": 1}], ("EC2", None)),
        ({}, [], ("EC2", None)),
    ],
)
def test_tasks_are_on_the_capacity_provider_of_the_schedule_or_else_of_the_cluster(
    room: Room, said: dict[str, Any], default: list[Any], told: tuple[str, str | None]
) -> None:
    room.ecs.put_cluster_capacity_providers(
        cluster=CLUSTER, capacityProviders=["FARGATE", "FARGATE_SPOT"], defaultCapacityProviderStrategy=default
    )
    room.create(Target=ecs(**said))
    arns = room.ecs.list_tasks(cluster=CLUSTER)["taskArns"]
    (task,) = room.ecs.describe_tasks(cluster=CLUSTER, tasks=arns)["tasks"]
    assert (task["launchType"], task.get("capacityProviderName")) == told


def test_a_schedule_for_a_provider_that_its_cluster_has_not_is_tried_and_dropped(room: Room) -> None:
    room.ecs.put_cluster_capacity_providers(
        cluster=CLUSTER, capacityProviders=["FARGATE"], defaultCapacityProviderStrategy=[]
    )
    target = ecs(CapacityProviderStrategy=[{"capacityProvider": "FARGATE_SPOT"}])
    room.create(Target={**target, "RetryPolicy": {"MaximumRetryAttempts": 0}})
    room.api.simulation.advance(5)
    (dropped, *_) = [event for event in room.api.simulation.events if event.type == "SCHEDULE_DROPPED"]
    assert "not associated with the cluster" in dropped.data["reason"]
    assert room.ecs.list_tasks(cluster=CLUSTER)["taskArns"] == []


def test_an_update_sets_what_it_does_not_say_to_its_default(room: Room) -> None:
    room.create(Description="x", ScheduleExpressionTimezone="Asia/Tokyo", ActionAfterCompletion="DELETE")
    room.api.simulation.advance(10)
    room.scheduler.update_schedule(**wish(ScheduleExpression="rate(2 minutes)", State="DISABLED"))
    told = room.get()
    assert "Description" not in told
    assert (told["ScheduleExpressionTimezone"], told["ActionAfterCompletion"]) == ("UTC", "NONE")
    assert (told["ScheduleExpression"], told["State"]) == ("rate(2 minutes)", "DISABLED")
    assert (told["LastModificationDate"] - told["CreationDate"]).total_seconds() == 10
    room.scheduler.update_schedule(**wish())
    assert room.get()["State"] == "ENABLED"


def test_the_same_request_with_its_token_makes_one_schedule(room: Room) -> None:
    assert room.create(ClientToken="token-1") == room.create(ClientToken="token-1")
    code = said(lambda: room.create(ClientToken="token-1", ScheduleExpression="rate(5 minutes)"))
    assert code == (409, "ConflictException", "Schedule nightly already exists.")
    assert room.refused() == (409, "ConflictException", "Schedule nightly already exists.")


def test_a_schedule_that_is_not_there_is_told_so_by_every_operation(room: Room) -> None:
    expected = (404, "ResourceNotFoundException", "Schedule none does not exist.")
    scheduler = room.scheduler
    assert said(lambda: scheduler.get_schedule(Name="none")) == expected
    assert said(lambda: scheduler.delete_schedule(Name="none")) == expected
    assert said(lambda: scheduler.update_schedule(**wish("none"))) == expected
    room.create()
    assert said(lambda: scheduler.get_schedule(Name="nightly", GroupName="other"))[1] == "ResourceNotFoundException"
    assert room.refused(GroupName="other") == (404, "ResourceNotFoundException", "Schedule group other does not exist.")
    with pytest.raises(scheduler.exceptions.ResourceNotFoundException):
        scheduler.get_schedule(Name="none")


def test_a_deleted_schedule_is_gone_and_runs_no_more(room: Room) -> None:
    room.create()
    room.scheduler.delete_schedule(Name="nightly", ClientToken="x")
    assert room.scheduler.list_schedules()["Schedules"] == []
    before = len(room.api.simulation.state.tasks)
    room.api.simulation.advance(120)
    assert len(room.api.simulation.state.tasks) == before


# --- lists ---


def names(answer: dict[str, Any]) -> list[str]:
    return [item["Name"] for item in answer["Schedules"]]


def test_schedules_are_listed_by_group_prefix_and_state_and_in_pages(room: Room) -> None:
    scheduler = room.scheduler
    scheduler.create_schedule_group(Name="jobs")
    for number in range(5):
        state = "DISABLED" if number % 2 else "ENABLED"
        room.create(f"n{number}", State=state, ScheduleExpression="rate(1 day)")
    room.create("in-jobs", GroupName="jobs", ScheduleExpression="rate(1 day)")
    assert names(scheduler.list_schedules()) == ["n0", "n1", "n2", "n3", "n4", "in-jobs"]
    assert names(scheduler.list_schedules(GroupName="jobs")) == ["in-jobs"]
    assert names(scheduler.list_schedules(NamePrefix="n", State="DISABLED")) == ["n1", "n3"]
    pages = scheduler.get_paginator("list_schedules").paginate(PaginationConfig={"PageSize": 4})
    assert [names(page) for page in pages] == [["n0", "n1", "n2", "n3"], ["n4", "in-jobs"]]
    (first, *_) = scheduler.list_schedules()["Schedules"]
    assert set(first) == {"Arn", "Name", "GroupName", "State", "CreationDate", "LastModificationDate", "Target"}
    assert first["Target"] == {"Arn": ARN}
    assert said(lambda: scheduler.list_schedules(GroupName="none"))[1] == "ResourceNotFoundException"
    assert said(lambda: scheduler.list_schedules(NextToken="nonsense"))[1:] == ("ValidationException", "Invalid token.")


def test_regions_do_not_see_each_other(room: Room) -> None:
    room.create()
    there = room.api.client(region="eu-west-1", service="scheduler")
    assert there.list_schedules()["Schedules"] == []
    assert said(lambda: there.get_schedule(Name="nightly"))[1] == "ResourceNotFoundException"


# --- groups ---


def test_the_default_group_is_always_there_and_cannot_be_touched(room: Room) -> None:
    scheduler = room.scheduler
    told = scheduler.get_schedule_group(Name="default")
    assert (told["Name"], told["State"]) == ("default", "ACTIVE")
    expected = (400, "ValidationException", "This operation cannot be performed on schedule group default.")
    assert said(lambda: scheduler.create_schedule_group(Name="default")) == expected
    assert said(lambda: scheduler.delete_schedule_group(Name="default")) == expected


def test_a_group_is_made_listed_tagged_and_deleted_with_its_schedules(room: Room) -> None:
    scheduler = room.scheduler
    arn = scheduler.create_schedule_group(Name="jobs", Tags=[{"Key": "a", "Value": "1"}])["ScheduleGroupArn"]
    assert said(lambda: scheduler.create_schedule_group(Name="jobs"))[:2] == (409, "ConflictException")
    scheduler.tag_resource(ResourceArn=arn, Tags=[{"Key": "b/c", "Value": "2"}, {"Key": "d", "Value": "3"}])
    scheduler.untag_resource(ResourceArn=arn, TagKeys=["a", "d"])
    assert scheduler.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "b/c", "Value": "2"}]
    assert [group["Name"] for group in scheduler.list_schedule_groups()["ScheduleGroups"]] == ["default", "jobs"]
    assert [group["Name"] for group in scheduler.list_schedule_groups(NamePrefix="j")["ScheduleGroups"]] == ["jobs"]
    room.create("in-jobs", GroupName="jobs")
    assert room.get("in-jobs", GroupName="jobs")["GroupName"] == "jobs"
    scheduler.delete_schedule_group(Name="jobs")
    assert scheduler.get_schedule_group(Name="jobs")["State"] == "DELETING"
    assert names(scheduler.list_schedules()) == []
    assert said(lambda: room.create("late", GroupName="jobs"))[:2] == (409, "ConflictException")
    room.api.simulation.advance(2)
    gone = said(lambda: scheduler.get_schedule_group(Name="jobs"))
    assert gone == (404, "ResourceNotFoundException", "Schedule group jobs does not exist.")
    assert said(lambda: scheduler.list_tags_for_resource(ResourceArn=arn))[1] == "ResourceNotFoundException"


def test_the_same_group_with_its_token_is_made_once(room: Room) -> None:
    for _ in range(2):
        room.scheduler.create_schedule_group(Name="jobs", ClientToken="t1")
    assert len(room.api.simulation.state.schedule_groups) == 1


def test_there_is_a_limit_to_groups(room: Room) -> None:
    for number in range(500):
        room.scheduler.create_schedule_group(Name=f"g{number}")
    assert said(lambda: room.scheduler.create_schedule_group(Name="more"))[:2] == (402, "ServiceQuotaExceededException")


# --- our own ---


def test_the_state_tells_schedules_and_nothing_of_them_while_there_are_none(room: Room) -> None:
    assert "schedules" not in json.loads(room.api.get("/state").body)
    arn = room.create(Target=ecs(TaskCount=2))
    room.api.simulation.advance(30)
    now = room.api.simulation.clock.now()
    (told,) = json.loads(room.api.get("/state").body)["schedules"]
    assert told == {
        "name": "nightly",
        "arn": arn,
        "group": "default",
        "expression": "rate(1 minute)",
        "timezone": "UTC",
        "state": "ENABLED",
        "nextDueAt": now + 30,
        "lastRanAt": now - 30,
        "cluster": ARN,
        "taskDefinition": DEFINITION,
        "count": 2,
        "windowMinutes": 0,
        "startDate": None,
        "endDate": None,
        "runs": 1,
        "missed": 0,
        "dropped": 0,
        "retrying": 0,
        "reason": None,
        "createdAt": now - 30,
    }


def test_what_waits_for_a_retry_is_described_with_why(room: Room) -> None:
    room.create(Target={**a_target(), "Arn": cluster_arn(REGION, "later")}, ScheduleExpression="rate(1 day)")
    began = room.api.simulation.clock.now()
    room.api.simulation.advance(5)
    told = room.api.chaos("DescribeSchedule", name="nightly", group="default")["schedule"]
    assert told["open"] == [
        {"scheduledTime": began, "nextTryAt": began + 7, "attempts": 3, "code": "ClusterNotFoundException",
         "reason": "Cluster not found."}
    ]  # fmt: skip
    assert (told["retrying"], told["reason"]) == (1, "Cluster not found.")


def test_the_coming_times_of_a_schedule_and_of_an_expression_are_told(room: Room) -> None:
    room.create(ScheduleExpression="rate(1 hour)")
    now = room.api.simulation.clock.now()
    told = room.api.chaos("PreviewSchedule", name="nightly", count=2)
    assert told == {"expression": "rate(1 hour)", "timezone": "UTC", "state": "ENABLED", "now": now,
                    "times": [now + 3600, now + 7200]}  # fmt: skip
    wished = room.api.chaos("PreviewSchedule", expression="cron(30 2 * * ? *)", timezone="Europe/Berlin")
    assert len(wished["times"]) == 10
    assert datetime.fromtimestamp(wished["times"][0], UTC).strftime("%H:%M") == "01:30"
    assert room.api.chaos("PreviewSchedule", expression="at(2020-01-01T00:00:00)")["times"] == []


@pytest.mark.parametrize("asked", [{"name": "nightly"}, {"expression": "cron(0/7 * * * ? *)"}])
def test_coming_times_are_not_counted_on_the_controllers_thread(room: Room, asked: dict[str, str]) -> None:
    room.create(ScheduleExpression="cron(0/5 * * * ? *)")
    told: dict[str, Any] = {}
    steps = steps_in(schedule, lambda: told.update(room.api.chaos("PreviewSchedule", count=1000, **asked)))
    assert len(told["times"]) == 1000
    assert steps < 1000


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, "Name a schedule, or give an expression."),
        ({"name": "x", "expression": "rate(1 day)"}, "Name a schedule, or give an expression."),
        (
            {"expression": "cron(0 1 * * * *)"},
            (
                "Invalid Schedule Expression cron(0 1 * * * *). You can't use values or * in both the Day-of-month and "
                "Day-of-week fields: if you use them in one, you must use ? in the other."
            ),
        ),
        (
            {"expression": "rate(1 day)", "timezone": "Berlin"},
            "Invalid Schedule Expression Timezone Berlin. A time zone is an IANA name, such as Europe/Berlin or UTC.",
        ),
    ],
)
def test_ours_says_what_is_wrong_with_an_expression(room: Room, params: dict[str, Any], message: str) -> None:
    status, body = room.api.call("PreviewSchedule", params, service="chaos-ecs")
    assert (status, body["__type"], body["message"]) == (400, "InvalidParameterException", message)


def test_an_error_has_its_message_where_the_model_of_scheduler_has_it(room: Room) -> None:
    response = room.api.send(method="GET", path="/schedules/none", service="scheduler")
    assert response.status == 404
    assert json.loads(response.body) == {
        "__type": "ResourceNotFoundException",
        "Message": "Schedule none does not exist.",
    }
    assert response.headers["x-amzn-ErrorType"] == "ResourceNotFoundException"
