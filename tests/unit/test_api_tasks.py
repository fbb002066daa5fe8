"""Tasks through real boto3, on the simulator: run, stop, describe, list, and the errors of each."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import WaiterError

from tests.unit.api_harness import CLUSTER, Harness
from tests.unit.service_calls import FARGATE_NETWORK, fit_for_fargate

ARN = "arn:aws:ecs:us-east-1:123456789012:"
ONCE = {"MaxAttempts": 1}


def run(ecs: Any, **members: Any) -> list[dict[str, Any]]:
    answer = ecs.run_task(**({"cluster": CLUSTER, "taskDefinition": "batch-job:1"} | members))
    assert answer["failures"] == []
    tasks: list[dict[str, Any]] = answer["tasks"]
    return tasks


def described(ecs: Any, task: str, **members: Any) -> dict[str, Any]:
    (found,) = ecs.describe_tasks(cluster=CLUSTER, tasks=[task], **members)["tasks"]
    assert isinstance(found, dict)
    return found


def test_the_seeds_task_is_answered_on_its_way(ecs: Any) -> None:
    (task,) = run(ecs, count=1, launchType="FARGATE")
    assert task["lastStatus"] in ("PROVISIONING", "PENDING")
    assert (task["desiredStatus"], task["launchType"], task["group"]) == ("RUNNING", "FARGATE", "family:batch-job")
    assert task["taskArn"].startswith(f"{ARN}task/my-cluster/")
    assert (task["connectivity"], task["availabilityZone"], task["attachments"]) == ("CONNECTED", "us-east-1a", [])
    assert task["containers"][0]["lastStatus"] == "PENDING"


def test_a_task_runs_to_its_end_and_stays_describable(api: Harness, ecs: Any) -> None:
    (task,) = run(ecs)
    api.simulation.advance(2)
    running = described(ecs, task["taskArn"])
    assert (running["lastStatus"], running["containers"][0]["lastStatus"]) == ("RUNNING", "RUNNING")
    assert len(running["containers"][0]["runtimeId"]) == 64
    assert "exitCode" not in running["containers"][0]
    ecs.get_waiter("tasks_running").wait(cluster=CLUSTER, tasks=[task["taskArn"]], WaiterConfig=ONCE)
    api.simulation.advance(20)
    stopped = described(ecs, task["taskArn"])
    assert (stopped["lastStatus"], stopped["stopCode"]) == ("STOPPED", "EssentialContainerExited")
    assert stopped["stoppedReason"] == "Essential container in task exited"
    assert stopped["containers"][0]["exitCode"] == 0
    assert stopped["createdAt"] <= stopped["startedAt"] <= stopped["executionStoppedAt"] <= stopped["stoppedAt"]
    assert stopped["version"] > task["version"]
    ecs.get_waiter("tasks_stopped").wait(cluster=CLUSTER, tasks=[task["taskArn"]], WaiterConfig=ONCE)


def test_a_resource_may_be_overridden_without_saying_how_much(api: Harness) -> None:
    wanted = [{"type": "GPU"}, {"type": "GPU", "value": "1"}]
    overrides = {"containerOverrides": [{"name": "batch-job", "resourceRequirements": wanted}]}
    status, told = api.call("RunTask", {"cluster": CLUSTER, "taskDefinition": "batch-job", "overrides": overrides})
    assert status == 200, told
    assert told["tasks"][0]["overrides"]["containerOverrides"][0]["resourceRequirements"] == wanted


def test_the_running_waiter_fails_for_what_is_gone(ecs: Any) -> None:
    with pytest.raises(WaiterError, match="MISSING"):
        ecs.get_waiter("tasks_running").wait(cluster=CLUSTER, tasks=["0" * 32], WaiterConfig=ONCE)


def test_published_ports_are_told(api: Harness, ecs: Any) -> None:
    (task,) = run(ecs, taskDefinition="web-server")
    api.simulation.advance(2)
    (binding,) = described(ecs, task["taskArn"])["containers"][0]["networkBindings"]
    assert (binding["bindIP"], binding["containerPort"], binding["protocol"]) == ("127.0.0.1", 8080, "tcp")
    assert binding["hostPort"] > 1024


def test_overrides_reach_the_container_and_are_told(api: Harness, ecs: Any) -> None:
    environment = [{"name": "SECONDS", "value": "1"}]
    override = {"name": "batch-job", "environment": environment, "command": ["batch"], "memory": 48}
    (task,) = run(ecs, overrides={"containerOverrides": [override]}, startedBy="ada", group="night")
    assert task["overrides"]["containerOverrides"] == [override]
    assert (task["startedBy"], task["group"]) == ("ada", "night")
    stored = api.simulation.state.tasks[task["taskArn"]].overrides
    assert (stored[0].environment, stored[0].memory) == ((("SECONDS", "1"),), 48)


def test_tags_are_the_requests_and_on_demand_the_definitions(ecs: Any) -> None:
    ecs.register_task_definition(
        family="tagged",
        containerDefinitions=[{"name": "a", "image": "chaos-ecs/demo:1", "memory": 32}],
        tags=[{"key": "from", "value": "definition"}, {"key": "both", "value": "definition"}],
    )
    (task,) = run(
        ecs, taskDefinition="tagged", propagateTags="TASK_DEFINITION", tags=[{"key": "both", "value": "request"}]
    )
    tags = {tag["key"]: tag["value"] for tag in task["tags"]}
    assert tags == {"from": "definition", "both": "request"}
    assert described(ecs, task["taskArn"])["tags"] == []
    assert described(ecs, task["taskArn"], include=["TAGS"])["tags"] == task["tags"]


def test_a_client_token_runs_its_tasks_once(ecs: Any) -> None:
    first = run(ecs, count=2, clientToken="same")
    second = run(ecs, count=2, clientToken="same")
    assert [task["taskArn"] for task in first] == [task["taskArn"] for task in second]
    with pytest.raises(ecs.exceptions.ConflictException):
        run(ecs, count=3, clientToken="same")


def test_without_an_engine_a_task_is_a_failure_and_no_error(api: Harness, ecs: Any) -> None:
    ecs.list_clusters()
    api.simulation.engine.up = False
    api.simulation.advance(1)
    answer = ecs.run_task(cluster=CLUSTER, taskDefinition="batch-job", count=2)
    assert answer["tasks"] == []
    assert [failure["reason"] for failure in answer["failures"]] == ["AGENT", "AGENT"]
    assert "simulated engine is stopped" in answer["failures"][0]["detail"]


def test_a_stopped_task_says_who_and_why_at_once(api: Harness, ecs: Any) -> None:
    (task,) = run(ecs)
    api.simulation.advance(2)
    stopped = ecs.stop_task(cluster=CLUSTER, task=task["taskArn"], reason="enough")["task"]
    assert (stopped["desiredStatus"], stopped["stopCode"], stopped["stoppedReason"]) == (
        "STOPPED",
        "UserInitiated",
        "enough",
    )
    api.simulation.advance(2)
    assert described(ecs, task["taskArn"])["lastStatus"] == "STOPPED"


@pytest.mark.parametrize("digits", [4, 6, 12, 32])
def test_a_task_is_known_by_its_first_digits(ecs: Any, digits: int) -> None:
    (task,) = run(ecs)
    id_ = task["taskArn"].rsplit("/", 1)[1]
    assert described(ecs, id_[:digits])["taskArn"] == task["taskArn"]


def test_tasks_that_are_not_there_are_failures_and_no_error(ecs: Any) -> None:
    (task,) = run(ecs)
    elsewhere = f"{ARN}task/other/{'1' * 32}"
    answer = ecs.describe_tasks(cluster=CLUSTER, tasks=[task["taskArn"], "f" * 32, elsewhere, "?"])
    assert [found["taskArn"] for found in answer["tasks"]] == [task["taskArn"]]
    assert answer["failures"] == [
        {"arn": f"{ARN}task/my-cluster/{'f' * 32}", "reason": "MISSING"},
        {"arn": elsewhere, "reason": "MISSING"},
        {"arn": f"{ARN}task/my-cluster/?", "reason": "MISSING"},
    ]


def test_a_tasks_answer_follows_every_change_of_it(api: Harness, ecs: Any) -> None:
    """What was encoded for an earlier version is not told again."""
    (task,) = run(ecs)
    seen = []
    for _ in range(60):
        api.simulation.advance(0.25)
        status = described(ecs, task["taskArn"])["lastStatus"]
        stored = api.simulation.state.tasks[task["taskArn"]]
        assert status == stored.last_status
        if status not in seen:
            seen.append(status)
    assert seen[-2:] == ["RUNNING", "STOPPED"]


def test_lists_show_what_is_meant_to_run_unless_told_otherwise(api: Harness, ecs: Any) -> None:
    ecs.create_service(cluster=CLUSTER, serviceName="web", taskDefinition="web-server", desiredCount=2)
    (batch,) = run(ecs, startedBy="ada", launchType="FARGATE")
    (stopped,) = run(ecs, taskDefinition="worker")
    api.simulation.advance(2)
    ecs.stop_task(cluster=CLUSTER, task=stopped["taskArn"])

    def listed(**filters: Any) -> list[str]:
        arns: list[str] = ecs.list_tasks(cluster=CLUSTER, **filters)["taskArns"]
        return arns

    assert len(listed()) == 3
    assert len(listed(serviceName="web")) == 2
    assert listed(family="batch-job") == listed(startedBy="ada") == listed(launchType="FARGATE") == [batch["taskArn"]]
    assert listed(desiredStatus="STOPPED") == [stopped["taskArn"]]
    assert listed(desiredStatus="PENDING") == listed(containerInstance="i") == listed(family="web") == []


def test_pages_of_tasks_miss_none_and_repeat_none(api: Harness, ecs: Any) -> None:
    for _ in range(3):
        run(ecs, count=10, taskDefinition="worker")
    pages = list(ecs.get_paginator("list_tasks").paginate(cluster=CLUSTER, PaginationConfig={"PageSize": 7}))
    arns = [arn for page in pages for arn in page["taskArns"]]
    assert [len(page["taskArns"]) for page in pages] == [7, 7, 7, 7, 2]
    assert arns == list(api.simulation.state.tasks)


def running(**members: Any) -> tuple[str, dict[str, Any]]:
    return "RunTask", {"cluster": CLUSTER, "taskDefinition": "batch-job:1", **members}


@pytest.mark.parametrize(
    ("call", "code", "said"),
    [
        (running(count=11), "InvalidParameterException", "Task count can not be greater than 10."),
        (running(count=0), "InvalidParameterException", "at least 1"),
        (running(count=-1), "InvalidParameterException", "at least 1"),
        (running(count="2"), "SerializationException", "count: STRING_VALUE"),
        (running(cluster="nowhere"), "ClusterNotFoundException", "Cluster not found."),
        (running(taskDefinition=None), "InvalidParameterException", "TaskDefinition can not be blank."),
        (running(taskDefinition=""), "InvalidParameterException", "TaskDefinition can not be blank."),
        (running(taskDefinition="nothing"), "ClientException", "TaskDefinition not found."),
        (running(taskDefinition="web-server:x"), "InvalidParameterException", "Invalid revision number. Number: x"),
        (running(launchType="NOWHERE"), "InvalidParameterException", "enum value set"),
        (running(propagateTags="SERVICE"), "InvalidParameterException", "propagateTags"),
        (running(startedBy="x" * 129), "InvalidParameterException", "at most 128"),
        (running(group="x" * 256), "InvalidParameterException", "at most 255"),
        (running(overrides={"containerOverrides": [{"name": "x"}]}), "InvalidParameterException", "named x"),
        (running(overrides={"containerOverrides": {}}), "SerializationException", "overrides.containerOverrides"),
        (
            running(launchType="EC2", capacityProviderStrategy=[{"capacityProvider": "x"}]),
            "InvalidParameterException",
            "Specifying both a launch type",
        ),
        (("StopTask", {"cluster": CLUSTER, "task": "0" * 32}), "InvalidParameterException", "task was not found."),
        (("StopTask", {"cluster": CLUSTER}), "InvalidParameterException", "Task can not be blank."),
        (("StopTask", {"task": "abc"}), "ClusterNotFoundException", "Cluster not found."),
        (("DescribeTasks", {"cluster": CLUSTER, "tasks": []}), "InvalidParameterException", "Tasks cannot be empty."),
        (("DescribeTasks", {"cluster": CLUSTER, "tasks": ["a"] * 101}), "InvalidParameterException", "at most 100"),
        (("DescribeTasks", {"cluster": "nowhere", "tasks": ["a"]}), "ClusterNotFoundException", "not found"),
        (
            ("DescribeTasks", {"cluster": CLUSTER, "tasks": ["arn:aws:s3:::x"]}),
            "InvalidParameterException",
            "Invalid identifier",
        ),
        (("ListTasks", {"cluster": CLUSTER, "serviceName": "no"}), "ServiceNotFoundException", "Service not found."),
        (
            ("ListTasks", {"cluster": CLUSTER, "startedBy": "a", "family": "b"}),
            "InvalidParameterException",
            "startedBy",
        ),
        (("ListTasks", {"cluster": CLUSTER, "desiredStatus": "DEAD"}), "InvalidParameterException", "enum value set"),
        (("ListTasks", {"cluster": CLUSTER, "nextToken": "ImEi"}), "InvalidParameterException", "Invalid token."),
        (("ListTasks", {}), "ClusterNotFoundException", "Cluster not found."),
    ],
)
def test_bad_input_is_refused_and_nothing_changes(
    api: Harness, ecs: Any, call: tuple[str, dict[str, Any]], code: str, said: str
) -> None:
    run(ecs, taskDefinition="worker")
    before = dict(api.simulation.state.tasks)
    status, body = api.call(*call)
    assert (status, body["__type"]) == (400, code)
    assert said in body["message"]
    assert api.simulation.state.tasks == before


def test_an_awsvpc_task_has_a_network_interface_as_long_as_it_runs(api: Harness, ecs: Any) -> None:
    family = fit_for_fargate(ecs, "web-server")
    network = {"awsvpcConfiguration": {"subnets": ["subnet-1", "subnet-2"]}}
    (made,) = ecs.run_task(cluster=CLUSTER, taskDefinition=family, launchType="FARGATE", networkConfiguration=network)[
        "tasks"
    ]
    (attachment,) = made["attachments"]
    assert (attachment["type"], attachment["status"]) == ("ElasticNetworkInterface", "PRECREATED")
    assert attachment["details"] == [{"name": "subnetId", "value": "subnet-1"}]

    api.simulation.advance(10)
    (task,) = api.simulation.state.tasks.values()
    (now,) = ecs.describe_tasks(cluster=CLUSTER, tasks=[made["taskArn"]])["tasks"]
    told = {one["name"]: one["value"] for one in now["attachments"][0]["details"]}
    assert (now["attachments"][0]["id"], now["attachments"][0]["status"]) == (attachment["id"], "ATTACHED")
    assert told["privateIPv4Address"] == task.containers[0].address
    assert told["networkInterfaceId"].startswith("eni-")
    (interface,) = now["containers"][0]["networkInterfaces"]
    assert interface == {"attachmentId": attachment["id"], "privateIpv4Address": task.containers[0].address}

    ecs.stop_task(cluster=CLUSTER, task=made["taskArn"])
    api.simulation.advance(60)
    (gone,) = ecs.describe_tasks(cluster=CLUSTER, tasks=[made["taskArn"]])["tasks"]
    assert (gone["lastStatus"], gone["attachments"][0]["status"]) == ("STOPPED", "DELETED")


def test_a_task_of_another_network_mode_has_none(api: Harness, ecs: Any) -> None:
    (made,) = ecs.run_task(cluster=CLUSTER, taskDefinition="web-server")["tasks"]
    api.simulation.advance(10)
    (now,) = ecs.describe_tasks(cluster=CLUSTER, tasks=[made["taskArn"]])["tasks"]
    assert (now["attachments"], now["containers"][0]["networkInterfaces"]) == ([], [])


@pytest.mark.parametrize(("of_definition", "override", "size"), [(None, None, 20), (30, None, 30), (30, 40, 40)])
def test_a_fargate_task_tells_its_storage(ecs: Any, of_definition: int | None, override: int | None, size: int) -> None:
    storage = {"ephemeralStorage": {"sizeInGiB": of_definition}} if of_definition else {}
    ecs.register_task_definition(
        family="stored",
        containerDefinitions=[{"name": "app", "image": "chaos-ecs/demo:1"}],
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="256",
        memory="512",
        **storage,
    )
    (task,) = ecs.run_task(
        cluster=CLUSTER,
        taskDefinition="stored",
        launchType="FARGATE",
        networkConfiguration=FARGATE_NETWORK,
        overrides={"ephemeralStorage": {"sizeInGiB": override}} if override else {},
    )["tasks"]
    assert task["ephemeralStorage"] == {"sizeInGiB": size}
