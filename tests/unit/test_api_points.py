"""What clients of ECS depend on, in one place: whatever else changes, these stay as AWS has them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.model import ListShape, MapShape, Shape, StructureShape

from chaos_ecs.api import protocol
from tests.unit.api_harness import CLUSTER, Harness
from tests.unit.service_calls import described, web

FAR = "eu-west-1"
NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-of-nowhere"], "securityGroups": ["whatever-you-like"]}}


def registered(ecs: Any, **members: Any) -> str:
    told = ecs.register_task_definition(
        family="app", containerDefinitions=[{"name": "a", "image": "chaos-ecs/demo:1", "memory": 64}], **members
    )
    return str(told["taskDefinition"]["taskDefinitionArn"])


# --- regions ---


def test_the_region_of_the_signature_is_the_region_of_everything(api: Harness, ecs: Any) -> None:
    """Services of one name, revisions of one family, tasks: each region counts and keeps its own."""
    far = api.client(FAR)
    for client in (ecs, ecs, far):
        registered(client)
    here, there = web(ecs, taskDefinition="app"), web(far, taskDefinition="app", desiredCount=1)
    assert (here["serviceArn"].split(":")[3], there["serviceArn"].split(":")[3]) == ("us-east-1", FAR)
    assert (here["taskDefinition"][-5:], there["taskDefinition"][-5:]) == ("app:2", "app:1")
    api.simulation.advance(5)
    assert [described(client)["runningCount"] for client in (ecs, far)] == [3, 1]
    tasks = [client.list_tasks(cluster=CLUSTER)["taskArns"] for client in (ecs, far)]
    assert [{arn.split(":")[3] for arn in arns} for arns in tasks] == [{"us-east-1"}, {FAR}]
    (failure,) = far.describe_tasks(cluster=CLUSTER, tasks=[tasks[0][0].rpartition("/")[2]])["failures"]
    assert failure["reason"] == "MISSING"
    ecs.delete_service(cluster=CLUSTER, service="web", force=True)
    api.simulation.advance(5)
    assert (described(ecs)["status"], described(far)["status"]) == ("INACTIVE", "ACTIVE")


# --- the wire ---


def times(shape: Shape | None, value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Every member of an answer that the model calls a timestamp."""
    if isinstance(shape, StructureShape):
        for member, told in value.items():
            yield from times(shape.members[member], told, f"{name}.{member}")
    elif isinstance(shape, ListShape):
        for told in value:
            yield from times(shape.member, told, name)
    elif isinstance(shape, MapShape):
        return
    elif shape is not None and shape.type_name == "timestamp":
        yield name, value


def test_every_timestamp_of_every_answer_is_a_number_of_seconds(api: Harness, ecs: Any) -> None:
    definition = registered(ecs)
    web(ecs, taskDefinition=definition)
    (task,) = ecs.run_task(cluster=CLUSTER, taskDefinition="worker")["tasks"]
    api.simulation.advance(5)
    ecs.stop_task(cluster=CLUSTER, task=task["taskArn"])
    api.simulation.advance(60)
    ecs.deregister_task_definition(taskDefinition=definition)
    asked: dict[str, dict[str, Any]] = {
        "DescribeServices": {"cluster": CLUSTER, "services": ["web"]},
        "DescribeTasks": {"cluster": CLUSTER, "tasks": [task["taskArn"]]},
        "DescribeTaskDefinition": {"taskDefinition": definition},
        "ListServiceDeployments": {"cluster": CLUSTER, "service": "web"},
    }
    found = {}
    for operation, params in asked.items():
        status, body = api.call(operation, params)
        assert status == 200
        model = protocol.ecs()._model.operation_model(operation)
        found.update({f"{operation}{name}": told for name, told in times(model.output_shape, body)})
    assert {name.rpartition(".")[2] for name in found} >= {"createdAt", "startedAt", "stoppedAt", "registeredAt"}
    now = api.simulation.clock.now()
    for name, told in found.items():
        assert isinstance(told, int | float), name
        assert now - 3600 < told <= now, name


@pytest.mark.parametrize(
    ("operation", "body", "code"),
    [
        ("ListClusters", b"{}", None),
        ("ListClusters", b"{", "SerializationException"),
        ("ListClusters", b'{"maxResults": "many"}', "SerializationException"),
        ("CreateService", b"{}", "InvalidParameterException"),
        ("DescribeServices", b'{"services": ["a"], "cluster": "none"}', "ClusterNotFoundException"),
        ("MakeCoffee", b"{}", "UnknownOperationException"),
    ],
)
def test_every_answer_has_a_number_and_every_refusal_aws_own_name(
    api: Harness, operation: str, body: bytes, code: str | None
) -> None:
    target = f"AmazonEC2ContainerServiceV20141113.{operation}"
    response = api.send(body, headers={"X-Amz-Target": target})
    assert len(response.headers["x-amzn-RequestId"]) == 36
    assert (response.status, json.loads(response.body).get("__type")) == ((400, code) if code else (200, None))
    assert response.headers.get("x-amzn-ErrorType") == code


def test_a_bug_before_an_operation_begins_is_an_answer_like_every_other(
    api: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    del api.border._apis
    response = api.send(b"{}", headers={"X-Amz-Target": "AmazonEC2ContainerServiceV20141113.ListClusters"})
    assert (response.status, json.loads(response.body)["__type"]) == (500, "ServerException")
    assert len(response.headers["x-amzn-RequestId"]) == 36
    assert "_apis" not in response.body.decode()
    assert "_apis" in caplog.text


# --- what is answered at once ---


@pytest.mark.parametrize("count", [1, 10])
def test_run_task_answers_before_anything_runs(ecs: Any, count: int) -> None:
    answer = ecs.run_task(cluster=CLUSTER, taskDefinition="worker", count=count)
    assert len(answer["tasks"]) == count
    for task in answer["tasks"]:
        assert task["lastStatus"] in ("PROVISIONING", "PENDING")
        assert task["desiredStatus"] == "RUNNING"
        assert "startedAt" not in task
    assert ecs.describe_clusters(clusters=[CLUSTER])["clusters"][0]["runningTasksCount"] == 0


def test_stop_task_answers_at_once_that_it_is_to_stop(api: Harness, ecs: Any) -> None:
    (task,) = ecs.run_task(cluster=CLUSTER, taskDefinition="worker")["tasks"]
    api.simulation.advance(5)
    told = ecs.stop_task(cluster=CLUSTER, task=task["taskArn"])["task"]
    assert told["desiredStatus"] == "STOPPED"
    assert told["lastStatus"] != "STOPPED"


# --- what stays of what is deleted ---


def test_a_deleted_service_stays_describable_until_another_has_its_name(api: Harness, ecs: Any) -> None:
    first = web(ecs)
    api.simulation.advance(5)
    ecs.delete_service(cluster=CLUSTER, service="web", force=True)
    assert described(ecs)["status"] == "DRAINING"
    api.simulation.advance(5)
    gone = described(ecs)
    assert (gone["status"], gone["runningCount"], gone["serviceArn"]) == ("INACTIVE", 0, first["serviceArn"])
    again = web(ecs, desiredCount=1)
    assert again["deployments"][0]["id"] != first["deployments"][0]["id"]
    assert (described(ecs)["status"], described(ecs)["desiredCount"]) == ("ACTIVE", 1)


def test_a_name_can_be_used_again_while_its_old_service_drains(api: Harness, ecs: Any) -> None:
    web(ecs)
    api.simulation.advance(5)
    ecs.delete_service(cluster=CLUSTER, service="web", force=True)
    assert described(ecs)["status"] == "DRAINING"
    with pytest.raises(ecs.exceptions.InvalidParameterException, match="Unable to Start a service that is still Drain"):
        web(ecs)
    api.simulation.advance(5)
    assert web(ecs)["status"] == "ACTIVE"


def test_a_deleted_cluster_is_described_as_inactive_and_made_again_as_active(ecs: Any) -> None:
    ecs.create_cluster(clusterName="blue")
    ecs.delete_cluster(cluster="blue")
    assert ecs.describe_clusters(clusters=["blue"])["clusters"][0]["status"] == "INACTIVE"
    assert not [arn for arn in ecs.list_clusters()["clusterArns"] if arn.endswith("/blue")]
    assert ecs.create_cluster(clusterName="blue")["cluster"]["status"] == "ACTIVE"
    assert [arn for arn in ecs.list_clusters()["clusterArns"] if arn.endswith("/blue")]


def test_a_familys_revisions_go_on_counting_when_every_one_was_deleted(ecs: Any) -> None:
    arns = [registered(ecs) for _ in range(3)]
    for arn in arns:
        ecs.deregister_task_definition(taskDefinition=arn)
    ecs.delete_task_definitions(taskDefinitions=arns)
    assert registered(ecs).endswith("app:4")


# --- networks that are none here ---


def test_any_subnet_and_security_group_will_do(api: Harness, ecs: Any) -> None:
    definition = registered(ecs, networkMode="awsvpc")
    service = web(ecs, taskDefinition=definition, networkConfiguration=NETWORK)
    assert service["networkConfiguration"]["awsvpcConfiguration"]["securityGroups"] == ["whatever-you-like"]
    answer = ecs.run_task(cluster=CLUSTER, taskDefinition=definition, networkConfiguration=NETWORK)
    assert (len(answer["tasks"]), answer["failures"]) == (1, [])
    api.simulation.advance(5)
    assert described(ecs)["runningCount"] == 3
