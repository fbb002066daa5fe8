"""The history of deployments and task protection through real boto3, on the simulator."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chaos_ecs.core.balancing import ServiceLoadBalancer
from chaos_ecs.core.deploying import (
    DeploymentConfiguration,
    ServiceDeployment,
    ServiceDeploymentStatus,
    ServiceRevision,
)
from chaos_ecs.core.model import HealthStatus, Task
from tests.unit.api_harness import Harness
from tests.unit.service_calls import ARN, ELB, described, web

CLUSTER = f"{ARN}cluster/my-cluster"
SERVICE = f"{ARN}service/my-cluster/web"
DEPLOYMENT = f"{ARN}service-deployment/my-cluster/web/"
REVISION = f"{ARN}service-revision/my-cluster/web/"
ONCE = {"MaxAttempts": 1}


def arns(ecs: Any, **filters: Any) -> list[str]:
    """What ListServiceDeployments answers, on one page."""
    answer = ecs.list_service_deployments(cluster="my-cluster", service="web", **filters)
    return [item["serviceDeploymentArn"] for item in answer["serviceDeployments"]]


def past(api: Harness, id_: str, created_at: float = 0.0, **members: Any) -> str:
    """A service deployment of `web` in the record, over by default; its ARN."""
    defaults: dict[str, Any] = {
        "arn": f"{DEPLOYMENT}{id_}",
        "service_arn": SERVICE,
        "cluster_arn": CLUSTER,
        "deployment_id": f"ecs-svc/{id_}",
        "target_revision_arn": f"{REVISION}1",
        "source_revision_arns": (),
        "created_at": created_at,
        "configuration": DeploymentConfiguration(),
        "status": ServiceDeploymentStatus.SUCCESSFUL,
    }
    deployment = ServiceDeployment(**(defaults | members))
    api.simulation.state.put(deployment)
    return deployment.arn


def rolling(api: Harness, ecs: Any, desired_count: int = 2) -> dict[str, Any]:
    """A service that runs, and whose second deployment has just begun."""
    web(ecs, desiredCount=desired_count)
    api.simulation.advance(5)
    service: dict[str, Any] = ecs.update_service(cluster="my-cluster", service="web", forceNewDeployment=True)[
        "service"
    ]
    return service


# --- lists ---


def test_every_deployment_of_a_service_is_in_its_history_newest_first(api: Harness, ecs: Any) -> None:
    service = rolling(api, ecs)
    newest, oldest = ecs.list_service_deployments(cluster="my-cluster", service=SERVICE)["serviceDeployments"]
    assert (newest["status"], oldest["status"]) == ("IN_PROGRESS", "SUCCESSFUL")
    assert newest["serviceDeploymentArn"].startswith(DEPLOYMENT)
    assert (newest["serviceArn"], newest["clusterArn"]) == (SERVICE, CLUSTER)
    assert newest["targetServiceRevisionArn"].startswith(REVISION)
    assert oldest["finishedAt"] >= oldest["startedAt"] >= oldest["createdAt"]
    assert "finishedAt" not in newest
    assert service["currentServiceDeployment"] == newest["serviceDeploymentArn"]
    api.simulation.advance(20)
    assert ecs.list_service_deployments(cluster="my-cluster", service="web")["serviceDeployments"][0]["status"] == (
        "SUCCESSFUL"
    )


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({}, ["c", "b", "a"]),
        ({"status": []}, ["c", "b", "a"]),
        ({"status": ["STOPPED", "ROLLBACK_FAILED"]}, ["b"]),
        ({"createdAt": {"after": 100}}, ["c", "b"]),
        ({"createdAt": {"before": 1000}}, ["b", "a"]),
        ({"createdAt": {"after": 100, "before": 1000}, "status": ["STOPPED"]}, ["b"]),
        ({"createdAt": {"after": 1000}}, []),
    ],
)
def test_the_history_can_be_narrowed(api: Harness, ecs: Any, filters: Any, found: list[str]) -> None:
    web(ecs, desiredCount=0)
    for known in api.simulation.state.deployments_of(SERVICE):
        api.simulation.state.drop(known)
    past(api, "a", created_at=100)
    past(api, "b", created_at=900, status=ServiceDeploymentStatus.STOPPED)
    past(api, "c", created_at=1000)
    assert arns(ecs, **filters) == [f"{DEPLOYMENT}{id_}" for id_ in found]


def test_the_history_comes_twenty_at_a_time_also_when_it_all_began_at_once(api: Harness, ecs: Any) -> None:
    web(ecs, desiredCount=0)
    for known in api.simulation.state.deployments_of(SERVICE):
        api.simulation.state.drop(known)
    made = [past(api, f"{number}", created_at=100 + number // 30) for number in range(45)]
    shown: list[str] = []
    sizes: list[int] = []
    token: dict[str, str] = {}
    while True:
        answer = ecs.list_service_deployments(cluster="my-cluster", service="web", **token)
        sizes.append(len(answer["serviceDeployments"]))
        shown += [item["serviceDeploymentArn"] for item in answer["serviceDeployments"]]
        if "nextToken" not in answer:
            break
        token = {"nextToken": answer["nextToken"]}
    assert sizes == [20, 20, 5]
    assert shown == made[::-1]
    assert len(arns(ecs, maxResults=100)) == 45


# --- descriptions ---


def test_a_service_deployment_is_described_with_its_breaker_and_both_revisions(api: Harness, ecs: Any) -> None:
    configuration = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}, "maximumPercent": 150}
    web(ecs, desiredCount=2, deploymentConfiguration=configuration)
    api.simulation.advance(5)
    service = ecs.update_service(cluster="my-cluster", service="web", forceNewDeployment=True)["service"]
    (described_one,) = ecs.describe_service_deployments(serviceDeploymentArns=arns(ecs)[:1])["serviceDeployments"]
    assert described_one["status"] == "IN_PROGRESS"
    assert described_one["deploymentCircuitBreaker"] == {"status": "MONITORING", "failureCount": 0, "threshold": 3}
    assert described_one["deploymentConfiguration"]["maximumPercent"] == 150
    assert described_one["deploymentConfiguration"]["deploymentCircuitBreaker"] == {"enable": True, "rollback": True}
    (source,) = described_one["sourceServiceRevisions"]
    assert (source["requestedTaskCount"], source["runningTaskCount"], source["pendingTaskCount"]) == (2, 2, 0)
    assert described_one["targetServiceRevision"]["requestedTaskCount"] == 2
    assert "rollback" not in described_one
    current = [revision["arn"] for revision in service["currentServiceRevisions"]]
    assert current == [described_one["targetServiceRevision"]["arn"], source["arn"]]


def test_a_rollback_is_told_with_its_reason_and_where_it_goes(api: Harness, ecs: Any) -> None:
    web(ecs, desiredCount=0)
    arn = past(
        api,
        "bad",
        status=ServiceDeploymentStatus.ROLLBACK_IN_PROGRESS,
        status_reason="Service deployment rolled back.",
        breaker_status="TRIGGERED",
        failure_count=3,
        rollback_reason="because",
        rollback_started_at=1000.0,
        rollback_revision_arn=f"{REVISION}7",
    )
    (told,) = ecs.describe_service_deployments(serviceDeploymentArns=[arn])["serviceDeployments"]
    assert told["rollback"]["reason"] == "because"
    assert told["rollback"]["startedAt"].timestamp() == 1000
    assert told["rollback"]["serviceRevisionArn"] == f"{REVISION}7"
    assert told["deploymentCircuitBreaker"] == {"status": "TRIGGERED", "failureCount": 3, "threshold": 3}
    assert told["statusReason"] == "Service deployment rolled back."


def test_a_revision_is_described_as_it_was_rolled_out(api: Harness, ecs: Any) -> None:
    web(ecs, desiredCount=0)
    revision = ServiceRevision(
        arn=f"{REVISION}7",
        service_arn=SERVICE,
        cluster_arn=CLUSTER,
        task_definition_arn=f"{ARN}task-definition/web-server:1",
        created_at=1000.0,
        launch_type="FARGATE",
        load_balancers=(ServiceLoadBalancer(f"{ELB}targetgroup/blue/1", "web-server", 8080),),
        registered='{"networkConfiguration": {"awsvpcConfiguration": {"subnets": ["a"]}}, "platformVersion": "1.3.0"}',
    )
    api.simulation.state.put(revision)
    (told,) = ecs.describe_service_revisions(serviceRevisionArns=[revision.arn])["serviceRevisions"]
    assert told.pop("createdAt").timestamp() == 1000
    assert told == {
        "serviceRevisionArn": revision.arn,
        "serviceArn": SERVICE,
        "clusterArn": CLUSTER,
        "taskDefinition": f"{ARN}task-definition/web-server:1",
        "launchType": "FARGATE",
        "platformVersion": "1.3.0",
        "platformFamily": "Linux",
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["a"]}},
        "loadBalancers": [
            {
                "targetGroupArn": f"{ELB}targetgroup/blue/1",
                "containerName": "web-server",
                "containerPort": 8080,
            }
        ],
        "containerImages": [{"containerName": "web-server", "image": "chaos-ecs/demo:1"}],
        "guardDutyEnabled": False,
    }


def test_a_revision_keeps_what_its_service_forgets(api: Harness, ecs: Any) -> None:
    network = {"awsvpcConfiguration": {"subnets": ["first"]}}
    web(ecs, networkConfiguration=network)
    (revision,) = described(ecs)["currentServiceRevisions"]
    ecs.update_service(
        cluster="my-cluster", service="web", networkConfiguration={"awsvpcConfiguration": {"subnets": ["second"]}}
    )
    (told,) = ecs.describe_service_revisions(serviceRevisionArns=[revision["arn"]])["serviceRevisions"]
    assert told["networkConfiguration"] == network


def test_what_is_not_in_the_history_is_a_failure_and_no_error(ecs: Any) -> None:
    for answer, arn in (
        (ecs.describe_service_deployments(serviceDeploymentArns=[f"{DEPLOYMENT}x"]), f"{DEPLOYMENT}x"),
        (ecs.describe_service_revisions(serviceRevisionArns=[f"{REVISION}x"]), f"{REVISION}x"),
    ):
        assert answer["failures"] == [{"arn": arn, "reason": "MISSING"}]


# --- stopping ---


def test_stopping_a_deployment_rolls_the_service_back(api: Harness, ecs: Any) -> None:
    first = web(ecs, desiredCount=2)["deployments"][0]["id"]
    api.simulation.advance(5)
    ecs.update_service(cluster="my-cluster", service="web", forceNewDeployment=True)
    (newest, _) = arns(ecs)
    assert ecs.stop_service_deployment(serviceDeploymentArn=newest)["serviceDeploymentArn"] == newest
    api.simulation.advance(20)
    ecs.get_waiter("services_stable").wait(cluster="my-cluster", services=["web"], WaiterConfig=ONCE)
    assert [deployment["id"] for deployment in described(ecs)["deployments"]] == [first]
    (told,) = ecs.describe_service_deployments(serviceDeploymentArns=[newest])["serviceDeployments"]
    assert told["status"] == "ROLLBACK_SUCCESSFUL"


@pytest.mark.parametrize(
    "status",
    [
        ServiceDeploymentStatus.STOP_REQUESTED,
        ServiceDeploymentStatus.ROLLBACK_REQUESTED,
        ServiceDeploymentStatus.ROLLBACK_IN_PROGRESS,
    ],
)
def test_stopping_what_is_being_stopped_changes_nothing(
    api: Harness, ecs: Any, status: ServiceDeploymentStatus
) -> None:
    web(ecs, desiredCount=0)
    arn = past(api, "x", status=status)
    before = dict(api.simulation.state.service_deployments)
    assert ecs.stop_service_deployment(serviceDeploymentArn=arn, stopType="ROLLBACK")["serviceDeploymentArn"] == arn
    assert api.simulation.state.service_deployments == before


@pytest.mark.parametrize(
    ("operation", "params", "code", "said"),
    [
        (
            "StopServiceDeployment",
            {"serviceDeploymentArn": f"{DEPLOYMENT}nothing"},
            "ServiceDeploymentNotFoundException",
            "not found",
        ),
        ("StopServiceDeployment", {"serviceDeploymentArn": f"{DEPLOYMENT}over"}, "ConflictException", "SUCCESSFUL"),
        (
            "StopServiceDeployment",
            {"serviceDeploymentArn": f"{DEPLOYMENT}over", "stopType": "ABORT"},
            "InvalidParameterException",
            "The valid value is ROLLBACK",
        ),
        ("StopServiceDeployment", {"serviceDeploymentArn": "web"}, "InvalidParameterException", "Invalid identifier"),
        ("StopServiceDeployment", {"serviceDeploymentArn": SERVICE}, "InvalidParameterException", "service-deployment"),
        ("ListServiceDeployments", {"service": "other"}, "ServiceNotFoundException", "Service not found."),
        ("ListServiceDeployments", {"service": "web", "cluster": "x"}, "ClusterNotFoundException", "Cluster not found"),
        ("ListServiceDeployments", {"service": "web", "maxResults": 101}, "InvalidParameterException", "1 and 100"),
        ("ListServiceDeployments", {"service": "web", "status": ["DONE"]}, "InvalidParameterException", "enum"),
        ("ListServiceDeployments", {"service": "web", "nextToken": "x"}, "InvalidParameterException", "Invalid token"),
        ("DescribeServiceDeployments", {"serviceDeploymentArns": []}, "InvalidParameterException", "cannot be empty"),
        (
            "DescribeServiceDeployments",
            {"serviceDeploymentArns": [f"{DEPLOYMENT}{number}" for number in range(21)]},
            "InvalidParameterException",
            "at most 20",
        ),
        (
            "DescribeServiceDeployments",
            {"serviceDeploymentArns": [f"{ARN}service-deployment/x"]},
            "InvalidParameterException",
            "Invalid identifier",
        ),
        ("DescribeServiceRevisions", {"serviceRevisionArns": []}, "InvalidParameterException", "cannot be empty"),
        (
            "DescribeServiceRevisions",
            {"serviceRevisionArns": [f"{DEPLOYMENT}1"]},
            "InvalidParameterException",
            "Expected: service-revision",
        ),
        (
            "UpdateTaskProtection",
            {"tasks": [], "protectionEnabled": True},
            "InvalidParameterException",
            "Tasks cannot be empty.",
        ),
        (
            "UpdateTaskProtection",
            {"tasks": list("abcdefghijk"), "protectionEnabled": True},
            "InvalidParameterException",
            "at most 10",
        ),
        (
            "UpdateTaskProtection",
            {"tasks": ["a"], "protectionEnabled": True, "expiresInMinutes": 0},
            "InvalidParameterException",
            "between 1 and 2880",
        ),
        (
            "UpdateTaskProtection",
            {"tasks": ["a"], "protectionEnabled": True, "expiresInMinutes": 2881},
            "InvalidParameterException",
            "between 1 and 2880",
        ),
        ("UpdateTaskProtection", {"tasks": ["a"]}, "InvalidParameterException", "ProtectionEnabled can not be blank"),
        ("GetTaskProtection", {"cluster": "nowhere"}, "ClusterNotFoundException", "Cluster not found."),
    ],
)
def test_bad_input_is_refused_and_nothing_changes(
    api: Harness, ecs: Any, operation: str, params: Any, code: str, said: str
) -> None:
    web(ecs, desiredCount=0)
    past(api, "over")
    before = (dict(api.simulation.state.service_deployments), dict(api.simulation.state.services))
    named = {"cluster": "my-cluster"} if "service" in params or "tasks" in params else {}
    status, body = api.call(operation, named | params)
    assert (status, body["__type"]) == (400, code)
    assert said in body["message"]
    assert (api.simulation.state.service_deployments, api.simulation.state.services) == before


# --- protection ---


def tasks_of_web(api: Harness) -> list[Task]:
    return [task for task in api.simulation.state.live_tasks_of(SERVICE) if task.is_wanted]


def test_a_protected_task_says_until_when_and_the_next_call_resets_it(api: Harness, ecs: Any) -> None:
    web(ecs, desiredCount=2)
    api.simulation.advance(5)
    one, other = tasks_of_web(api)
    for minutes, told in (({}, 120), ({"expiresInMinutes": 2880}, 2880), ({"expiresInMinutes": 1}, 1)):
        answer = ecs.update_task_protection(cluster="my-cluster", tasks=[one.id], protectionEnabled=True, **minutes)
        (protected,) = answer["protectedTasks"]
        assert (protected["taskArn"], protected["protectionEnabled"]) == (one.arn, True)
        left = protected["expirationDate"].timestamp() - api.simulation.clock.now()
        assert left == pytest.approx(told * 60, abs=1)
    seen = ecs.get_task_protection(cluster="my-cluster", tasks=[one.arn, other.arn])["protectedTasks"]
    assert [task["protectionEnabled"] for task in seen] == [True, False]
    assert "expirationDate" not in seen[1]
    api.simulation.advance(61)
    (expired,) = ecs.get_task_protection(cluster="my-cluster", tasks=[one.arn])["protectedTasks"]
    assert expired == {"taskArn": one.arn, "protectionEnabled": False}


def test_protection_can_be_taken_back(api: Harness, ecs: Any) -> None:
    web(ecs, desiredCount=1)
    api.simulation.advance(5)
    (task,) = tasks_of_web(api)
    ecs.update_task_protection(cluster="my-cluster", tasks=[task.id], protectionEnabled=True)
    answer = ecs.update_task_protection(cluster="my-cluster", tasks=[task.id], protectionEnabled=False)
    assert answer["protectedTasks"] == [{"taskArn": task.arn, "protectionEnabled": False}]


def test_scaling_in_passes_over_a_protected_task(api: Harness, ecs: Any) -> None:
    web(ecs, desiredCount=3)
    api.simulation.advance(5)
    youngest = tasks_of_web(api)[-1]
    ecs.update_task_protection(cluster="my-cluster", tasks=[youngest.id], protectionEnabled=True)
    ecs.update_service(cluster="my-cluster", service="web", desiredCount=1)
    api.simulation.advance(20)
    assert [task.arn for task in tasks_of_web(api)] == [youngest.arn]


def test_without_names_the_tasks_of_all_services_are_told(api: Harness, ecs: Any) -> None:
    web(ecs, desiredCount=2)
    ecs.run_task(cluster="my-cluster", taskDefinition="batch-job:1")
    answer = ecs.get_task_protection(cluster="my-cluster")
    assert {task["taskArn"] for task in answer["protectedTasks"]} == {task.arn for task in tasks_of_web(api)}
    assert answer["failures"] == []


@pytest.mark.parametrize("operation", ["update", "get"])
def test_what_can_not_be_protected_is_a_failure_with_ecs_reason(api: Harness, ecs: Any, operation: str) -> None:
    web(ecs, desiredCount=1)
    api.simulation.advance(5)
    (good,) = tasks_of_web(api)
    alone = ecs.run_task(cluster="my-cluster", taskDefinition="worker:1")["tasks"][0]["taskArn"]
    nothing = "0" * 32
    named = [alone, nothing, good.id]
    if operation == "update":
        answer = ecs.update_task_protection(cluster="my-cluster", tasks=named, protectionEnabled=True)
    else:
        answer = ecs.get_task_protection(cluster="my-cluster", tasks=named)
    assert [(failure["arn"], failure["reason"]) for failure in answer["failures"]] == [
        (alone, "TASK_NOT_VALID"),
        (f"{ARN}task/my-cluster/{nothing}", "MISSING"),
    ]
    assert [task["taskArn"] for task in answer["protectedTasks"]] == [good.arn]


def test_nothing_more_is_protected_while_protection_blocks_a_deployment(api: Harness, ecs: Any) -> None:
    web(ecs, desiredCount=2)
    api.simulation.advance(5)
    old = tasks_of_web(api)[0]
    ecs.update_task_protection(cluster="my-cluster", tasks=[old.id], protectionEnabled=True)
    ecs.update_service(cluster="my-cluster", service="web", forceNewDeployment=True)
    api.simulation.advance(30)
    assert len(described(ecs)["deployments"]) == 2, "the protected task keeps the old one"
    new = next(task for task in tasks_of_web(api) if task.arn != old.arn)
    answer = ecs.update_task_protection(cluster="my-cluster", tasks=[new.id, old.id], protectionEnabled=True)
    assert [(failure["arn"], failure["reason"]) for failure in answer["failures"]] == [(new.arn, "DEPLOYMENT_BLOCKED")]
    assert [task["taskArn"] for task in answer["protectedTasks"]] == [old.arn]
    ecs.update_task_protection(cluster="my-cluster", tasks=[old.id], protectionEnabled=False)
    api.simulation.advance(20)
    assert len(described(ecs)["deployments"]) == 1


def test_a_stopped_task_can_not_be_protected(api: Harness, ecs: Any) -> None:
    web(ecs, desiredCount=1)
    api.simulation.advance(5)
    (task,) = tasks_of_web(api)
    ecs.stop_task(cluster="my-cluster", task=task.id)
    answer = ecs.update_task_protection(cluster="my-cluster", tasks=[task.id], protectionEnabled=True)
    assert [failure["reason"] for failure in answer["failures"]] == ["TASK_NOT_VALID"]


# --- the health of tasks ---


@pytest.mark.parametrize(
    ("checked", "unchecked", "told"),
    [
        ("HEALTHY", "UNKNOWN", "HEALTHY"),
        ("UNHEALTHY", "HEALTHY", "UNHEALTHY"),
        ("UNKNOWN", "HEALTHY", "UNKNOWN"),
    ],
)
def test_a_tasks_health_is_that_of_its_checked_essential_containers(
    api: Harness, ecs: Any, checked: str, unchecked: str, told: str
) -> None:
    check = {"command": ["CMD-SHELL", "true"]}
    image = {"image": "chaos-ecs/demo:1", "command": ["web"], "memory": 64}
    ecs.register_task_definition(
        family="pair",
        containerDefinitions=[
            {"name": "a", **image, "healthCheck": check},
            {"name": "b", **image},
            {"name": "side", **image, "essential": False, "healthCheck": check},
        ],
    )
    arn = ecs.run_task(cluster="my-cluster", taskDefinition="pair")["tasks"][0]["taskArn"]
    api.simulation.advance(5)
    task = api.simulation.state.tasks[arn]
    health = {"a": checked, "b": unchecked, "side": "UNHEALTHY"}
    containers = tuple(replace(item, health_status=HealthStatus(health[item.name])) for item in task.containers)
    api.simulation.state.put(replace(task, containers=containers))
    (described_task,) = ecs.describe_tasks(cluster="my-cluster", tasks=[arn])["tasks"]
    assert described_task["healthStatus"] == told
