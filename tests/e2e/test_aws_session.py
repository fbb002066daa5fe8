"""A whole session of the real aws CLI and of boto3 against the simulator over HTTP. Needs no Docker.

What a learner types, in that order; every answer is looked at, and every waiter and paginator of ECS's client is used.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from botocore import xform_name
from botocore.loaders import Loader

from chaos_ecs.api.operations import ECS_OPERATIONS
from tests.builders import eventually
from tests.e2e.simulated import SOON, Running
from tests.fuzz import Fuzzer

ARN = "arn:aws:ecs:us-east-1:123456789012:"
CONTAINER = {"name": "web", "image": "chaos-ecs/demo:1", "command": ["web"], "memory": 64}
CONTAINERS = json.dumps([CONTAINER])


def _stable(running: Running) -> None:
    """Looked at by hand first: the waiter of the CLI would sleep 15 s after an early look."""

    def is_stable() -> bool:
        (service,) = running.ecs().describe_services(cluster="shop", services=["web"])["services"]
        return len(service["deployments"]) == 1 and service["runningCount"] == service["desiredCount"]

    eventually(is_stable, within=60)
    running.aws("wait", "services-stable", "--cluster", "shop", "--services", "web")


@pytest.mark.slow
@pytest.mark.timeout(600)  # forty times the CLI, which takes a second or more to start
def test_a_session_of_the_aws_cli(running: Running, tmp_path: Path) -> None:
    aws = running.aws
    _a_cluster_and_two_revisions(running)
    created = aws(
        *("create-service", "--cluster", "shop", "--service-name", "web", "--task-definition", "shop-web:1"),
        *("--desired-count", "2", "--propagate-tags", "SERVICE", "--tags", "key=team,value=a"),
    )["service"]
    assert (created["status"], created["desiredCount"], created["runningCount"]) == ("ACTIVE", 2, 0)
    _stable(running)
    scaled = aws("update-service", "--cluster", "shop", "--service", "web", "--desired-count", "3")["service"]
    assert (scaled["desiredCount"], len(scaled["deployments"])) == (3, 1)
    _stable(running)
    updated = aws("update-service", "--cluster", "shop", "--service", "web", "--task-definition", "shop-web")["service"]
    assert [item["status"] for item in updated["deployments"]] == ["PRIMARY", "ACTIVE"]
    assert updated["taskDefinition"] == f"{ARN}task-definition/shop-web:2"
    _stable(running)
    _a_task_of_its_own(running, _with_a_plugin(tmp_path))
    _tags(running, created["serviceArn"])
    _pages(running)
    _the_end(running)


def _a_cluster_and_two_revisions(running: Running) -> None:
    cluster = running.aws("create-cluster", "--cluster-name", "shop", "--capacity-providers", "FARGATE")["cluster"]
    assert (cluster["clusterArn"], cluster["status"]) == (f"{ARN}cluster/shop", "ACTIVE")
    for revision in (1, 2):
        told = running.aws("register-task-definition", "--family", "shop-web", "--container-definitions", CONTAINERS)
        assert told["taskDefinition"]["revision"] == revision
    assert running.aws("describe-task-definition", "--task-definition", "shop-web")["taskDefinition"]["revision"] == 2


def _with_a_plugin(folder: Path) -> str:
    """The CLI asks ECS only where it finds the Session Manager plugin, which is not what is tested."""
    plugin = folder / "session-manager-plugin"
    plugin.write_text("#!/bin/sh\n", encoding="utf-8")
    plugin.chmod(0o755)
    return str(folder)


def _a_task_of_its_own(running: Running, path: str) -> None:
    aws, on = running.aws, ("--cluster", "shop")
    (task,) = aws("run-task", *on, "--task-definition", "shop-web", "--enable-execute-command")["tasks"]
    assert task["lastStatus"] in ("PROVISIONING", "PENDING")
    assert task["desiredStatus"] == "RUNNING"
    arn = task["taskArn"]
    running.ecs().get_waiter("tasks_running").wait(cluster="shop", tasks=[arn], WaiterConfig=SOON)
    aws("wait", "tasks-running", *on, "--tasks", arn)
    execute = ("execute-command", *on, "--task", arn, "--interactive", "--command", "sh")
    refused = aws(*execute, refused=True, path=path)
    assert "TargetNotConnectedException" in refused
    assert "chaos-ecs exec" in refused
    stopped = aws("stop-task", *on, "--task", arn, "--reason", "enough")["task"]
    assert (stopped["desiredStatus"], stopped["stoppedReason"], stopped["stopCode"]) == (
        "STOPPED",
        "enough",
        "UserInitiated",
    )
    running.ecs().get_waiter("tasks_stopped").wait(cluster="shop", tasks=[arn], WaiterConfig=SOON)
    aws("wait", "tasks-stopped", *on, "--tasks", arn)
    assert aws("describe-tasks", *on, "--tasks", arn)["tasks"][0]["lastStatus"] == "STOPPED"


def _tags(running: Running, service: str) -> None:
    aws, on = running.aws, ("--resource-arn", service)
    aws("tag-resource", *on, "--tags", "key=cost,value=1")
    assert aws("list-tags-for-resource", *on)["tags"] == [
        {"key": "team", "value": "a"},
        {"key": "cost", "value": "1"},
    ]
    aws("untag-resource", *on, "--tag-keys", "team")
    assert aws("list-tags-for-resource", *on)["tags"] == [{"key": "cost", "value": "1"}]


def _pages(running: Running) -> None:
    """The CLI reads all pages by itself, or stops where it is told to and hands out a token."""
    aws, on = running.aws, ("--cluster", "shop")
    every = aws("list-tasks", *on)["taskArns"]
    assert aws("list-tasks", *on, "--page-size", "1")["taskArns"] == every
    first = aws("list-tasks", *on, "--max-items", "2")
    rest = aws("list-tasks", *on, "--starting-token", first["NextToken"])
    assert first["taskArns"] + rest["taskArns"] == every
    assert len(every) == 3


def _the_end(running: Running) -> None:
    aws, on = running.aws, ("--cluster", "shop")
    assert "ClusterContainsServicesException" in aws("delete-cluster", *on, refused=True)
    assert "while it is scaled above 0" in aws("delete-service", *on, "--service", "web", refused=True)
    assert aws("delete-service", *on, "--service", "web", "--force")["service"]["status"] == "DRAINING"
    running.ecs().get_waiter("services_inactive").wait(cluster="shop", services=["web"], WaiterConfig=SOON)
    aws("wait", "services-inactive", *on, "--services", "web")
    assert (
        aws("deregister-task-definition", "--task-definition", "shop-web:1")["taskDefinition"]["status"] == "INACTIVE"
    )
    deleted = aws("delete-task-definitions", "--task-definitions", "shop-web:1", "shop-web:2")
    assert [item["status"] for item in deleted["taskDefinitions"]] == ["DELETE_IN_PROGRESS"]
    assert "still in ACTIVE status" in deleted["failures"][0]["reason"]
    assert aws("delete-cluster", *on)["cluster"]["status"] == "INACTIVE"
    assert f"{ARN}cluster/shop" not in aws("list-clusters")["clusterArns"]
    assert aws("describe-clusters", "--clusters", "shop")["clusters"][0]["status"] == "INACTIVE"


# --- boto3 ---


@pytest.mark.slow
def test_every_waiter_of_boto3(running: Running) -> None:
    ecs = running.ecs()
    ours = [name for name in ecs.waiter_names if "daemon" not in name]  # Managed Instances' daemons answer 501
    assert sorted(ours) == ["services_inactive", "services_stable", "tasks_running", "tasks_stopped"]
    ecs.create_service(cluster="my-cluster", serviceName="web", taskDefinition="web-server", desiredCount=2)
    ecs.get_waiter("services_stable").wait(cluster="my-cluster", services=["web"], WaiterConfig=SOON)
    (task,) = ecs.run_task(cluster="my-cluster", taskDefinition="worker")["tasks"]
    named = {"cluster": "my-cluster", "tasks": [task["taskArn"]]}
    ecs.get_waiter("tasks_running").wait(**named, WaiterConfig=SOON)
    ecs.stop_task(cluster="my-cluster", task=task["taskArn"])
    ecs.get_waiter("tasks_stopped").wait(**named, WaiterConfig=SOON)
    ecs.delete_service(cluster="my-cluster", service="web", force=True)
    ecs.get_waiter("services_inactive").wait(cluster="my-cluster", services=["web"], WaiterConfig=SOON)


@pytest.mark.slow
def test_every_paginator_of_boto3(running: Running) -> None:
    """Two at a time, every list ends, and has what it has in one piece."""
    ecs = running.ecs()
    _much_of_everything(ecs)
    asked: dict[str, dict[str, Any]] = {
        "list_account_settings": {"effectiveSettings": True},
        "list_attributes": {"cluster": "my-cluster", "targetType": "container-instance"},
        "list_clusters": {},
        "list_container_instances": {"cluster": "my-cluster"},
        "list_services": {"cluster": "my-cluster"},
        "list_services_by_namespace": {"namespace": "shop"},
        "list_task_definition_families": {},
        "list_task_definitions": {},
        "list_tasks": {"cluster": "my-cluster"},
    }
    there = Loader().load_service_model("ecs", "paginators-1")["pagination"]
    assert {xform_name(name) for name in there if name in ECS_OPERATIONS} == asked.keys()
    for name, params in asked.items():
        paginator = ecs.get_paginator(name)
        (key,) = [expression.expression for expression in paginator.result_keys]
        by_two = list(paginator.paginate(**params, PaginationConfig={"PageSize": 2}))
        whole = paginator.paginate(**params).build_full_result()[key]
        assert [item for page in by_two for item in page.get(key, ())] == whole, name
        assert all(len(page.get(key, ())) <= 2 for page in by_two), name


def _much_of_everything(ecs: Any) -> None:
    connect = {"enabled": True, "namespace": "shop"}
    for number in range(5):
        ecs.create_cluster(clusterName=f"c{number}")
        ecs.create_service(
            cluster="my-cluster",
            serviceName=f"s{number}",
            taskDefinition="worker",
            desiredCount=1,
            serviceConnectConfiguration=connect,
        )


def test_made_up_requests_over_http_are_answered_or_refused(running: Running, caplog: pytest.LogCaptureFixture) -> None:
    """As `make fuzz` has many more without a socket."""
    examples = {name: {"cluster": "my-cluster"} for name in ECS_OPERATIONS}
    fuzzer = Fuzzer(3, examples)
    for _ in range(200):
        operation, body = fuzzer.request()
        status, answer = running.ecs_raw(operation, body)
        assert status in (200, 400), (operation, body, answer)
        json.loads(answer)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
