"""Services through real boto3, on the simulator: the answers of a learner's day, waiters, and errors."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import WaiterError

from chaos_ecs.core.errors import InvalidParameterException
from chaos_ecs.core.messages import UpdateService
from tests.unit.api_harness import Harness
from tests.unit.service_calls import ARN, FARGATE_NETWORK, breaker, creating, described, fit_for_fargate, updating, web

ONCE = {"MaxAttempts": 1}
NO_NETWORK = "Network Configuration must be provided when networkMode 'awsvpc' is specified."
SPOT = [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]


def test_a_new_service_is_answered_with_nothing_running_yet(ecs: Any) -> None:
    service = web(ecs)
    assert service["serviceArn"] == f"{ARN}service/my-cluster/web"
    assert (service["status"], service["desiredCount"], service["runningCount"]) == ("ACTIVE", 3, 0)
    (deployment,) = service["deployments"]
    assert (deployment["status"], deployment["rolloutState"], deployment["desiredCount"]) == (
        "PRIMARY",
        "IN_PROGRESS",
        3,
    )
    assert deployment["id"].startswith("ecs-svc/")
    assert service["schedulingStrategy"] == "REPLICA"


def test_the_seeds_service_reaches_its_steady_state(api: Harness, ecs: Any) -> None:
    web(ecs)
    api.simulation.advance(5)
    service = described(ecs)
    assert (service["runningCount"], service["pendingCount"]) == (3, 0)
    assert service["deployments"][0]["rolloutState"] == "COMPLETED"
    messages = [event["message"] for event in service["events"]]
    assert messages[0] == "(service web) has reached a steady state."
    assert messages[-1].startswith("(service web) has started 3 tasks: (task ")
    ecs.get_waiter("services_stable").wait(cluster="my-cluster", services=["web"], WaiterConfig=ONCE)


def test_a_service_is_named_by_name_or_arn(ecs: Any) -> None:
    arn = web(ecs)["serviceArn"]
    answer = ecs.describe_services(cluster=f"{ARN}cluster/my-cluster", services=[arn, "web", f"{ARN}service/web"])
    assert {service["serviceArn"] for service in answer["services"]} == {arn}


def test_a_service_of_another_cluster_is_missing_here(ecs: Any) -> None:
    ecs.create_cluster(clusterName="other")
    arn = web(ecs)["serviceArn"]
    answer = ecs.describe_services(cluster="other", services=[arn, "web"])
    assert answer["services"] == []
    assert answer["failures"] == [
        {"arn": arn, "reason": "MISSING"},
        {"arn": f"{ARN}service/other/web", "reason": "MISSING"},
    ]
    with pytest.raises(ecs.exceptions.ServiceNotFoundException):
        ecs.update_service(cluster="other", service=arn, desiredCount=0)


def test_an_update_of_the_definition_has_both_deployments_at_once(api: Harness, ecs: Any) -> None:
    web(ecs)
    api.simulation.advance(5)
    ecs.register_task_definition(
        family="web-server", containerDefinitions=[{"name": "web", "image": "chaos-ecs/demo:1", "memory": 64}]
    )
    updated = ecs.update_service(cluster="my-cluster", service="web", taskDefinition="web-server")["service"]
    assert [deployment["status"] for deployment in updated["deployments"]] == ["PRIMARY", "ACTIVE"]
    assert updated["taskDefinition"] == f"{ARN}task-definition/web-server:2"
    assert [deployment["desiredCount"] for deployment in updated["deployments"]] == [3, 3]
    api.simulation.advance(20)
    assert len(described(ecs)["deployments"]) == 1


def test_an_update_of_the_count_is_no_deployment(api: Harness, ecs: Any) -> None:
    before = web(ecs)["deployments"][0]["id"]
    after = ecs.update_service(cluster="my-cluster", service="web", desiredCount=1)["service"]
    assert after["desiredCount"] == 1
    assert [deployment["id"] for deployment in after["deployments"]] == [before]


def test_an_update_keeps_what_it_does_not_name(ecs: Any) -> None:
    web(ecs, deploymentConfiguration={"maximumPercent": 150, "minimumHealthyPercent": 50})
    breaker = {"enable": True, "rollback": True}
    updated = ecs.update_service(
        cluster="my-cluster", service="web", deploymentConfiguration={"deploymentCircuitBreaker": breaker}
    )["service"]
    configuration = updated["deploymentConfiguration"]
    assert (configuration["maximumPercent"], configuration["minimumHealthyPercent"]) == (150, 50)
    assert configuration["deploymentCircuitBreaker"] == breaker


def test_what_nothing_here_acts_on_is_returned_all_the_same(ecs: Any) -> None:
    network = {"awsvpcConfiguration": {"subnets": ["subnet-1"], "assignPublicIp": "ENABLED"}}
    service = web(ecs, launchType="FARGATE", networkConfiguration=network, enableExecuteCommand=True)
    assert (service["launchType"], service["platformFamily"]) == ("FARGATE", "Linux")
    assert service["networkConfiguration"] == network
    assert service["deployments"][0]["networkConfiguration"] == network
    assert service["enableExecuteCommand"] is True


def test_a_capacity_provider_strategy_stands_for_the_launch_type(ecs: Any) -> None:
    service = web(ecs, capacityProviderStrategy=[{"capacityProvider": "FARGATE_SPOT", "weight": 1}])
    assert service["capacityProviderStrategy"] == [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]
    assert "launchType" not in service


def test_creating_the_same_again_answers_with_what_is_there(ecs: Any) -> None:
    assert web(ecs)["deployments"][0]["id"] == web(ecs)["deployments"][0]["id"]
    with pytest.raises(ecs.exceptions.InvalidParameterException, match="Creation of service was not idempotent"):
        web(ecs, desiredCount=4)


def test_tags_are_shown_only_where_they_were_asked_for(ecs: Any) -> None:
    web(ecs, tags=[{"key": "k", "value": "v"}])
    assert "tags" not in described(ecs)
    answer = ecs.describe_services(cluster="my-cluster", services=["web"], include=["TAGS"])
    assert answer["services"][0]["tags"] == [{"key": "k", "value": "v"}]


def test_a_deleted_service_drains_goes_inactive_and_its_name_is_free_again(api: Harness, ecs: Any) -> None:
    web(ecs)
    api.simulation.advance(5)
    with pytest.raises(ecs.exceptions.InvalidParameterException, match="while it is scaled above 0"):
        ecs.delete_service(cluster="my-cluster", service="web")
    deleted = ecs.delete_service(cluster="my-cluster", service="web", force=True)["service"]
    assert (deleted["status"], deleted["desiredCount"]) == ("DRAINING", 0)
    assert ecs.list_services(cluster="my-cluster")["serviceArns"] == []
    with pytest.raises(ecs.exceptions.ServiceNotActiveException):
        ecs.update_service(cluster="my-cluster", service="web", desiredCount=1)
    api.simulation.advance(5)
    assert described(ecs)["status"] == "INACTIVE"
    ecs.get_waiter("services_inactive").wait(cluster="my-cluster", services=["web"], WaiterConfig=ONCE)
    assert web(ecs)["status"] == "ACTIVE"


def test_the_waiters_fail_for_a_service_that_was_never_there(ecs: Any) -> None:
    for name in ("services_stable", "services_inactive"):
        with pytest.raises(WaiterError, match="MISSING"):
            ecs.get_waiter(name).wait(cluster="my-cluster", services=["nothing"], WaiterConfig=ONCE)


def test_services_are_listed_ten_at_a_time(ecs: Any) -> None:
    names = [f"s{number:02d}" for number in range(23)]
    for name in names:
        web(ecs, serviceName=name, desiredCount=0)
    pages = list(ecs.get_paginator("list_services").paginate(cluster="my-cluster"))
    assert [len(page["serviceArns"]) for page in pages] == [10, 10, 3]
    assert [arn.rsplit("/", 1)[1] for page in pages for arn in page["serviceArns"]] == names
    assert len(ecs.list_services(cluster="my-cluster", maxResults=100)["serviceArns"]) == 23


def test_services_are_listed_by_launch_type(ecs: Any) -> None:
    web(ecs, desiredCount=0)
    web(ecs, desiredCount=0, serviceName="far", launchType="FARGATE")
    assert ecs.list_services(cluster="my-cluster", launchType="FARGATE")["serviceArns"] == [
        f"{ARN}service/my-cluster/far"
    ]
    assert ecs.list_services(cluster="my-cluster", schedulingStrategy="DAEMON")["serviceArns"] == []


@pytest.mark.parametrize(
    ("call", "code", "said"),
    [
        (creating(cluster="nowhere"), "ClusterNotFoundException", "Cluster not found."),
        (creating(cluster="left out"), "ClusterNotFoundException", "Cluster not found."),
        (creating(serviceName="left out"), "InvalidParameterException", "ServiceName can not be blank."),
        (creating(serviceName="no/slash"), "InvalidParameterException", "Invalid service name"),
        (creating(taskDefinition="left out"), "InvalidParameterException", "TaskDefinition can not be blank."),
        (creating(desiredCount="left out"), "InvalidParameterException", "DesiredCount can not be blank."),
        (creating(desiredCount=-1), "InvalidParameterException", "desiredCount must be greater than or equal to 0"),
        (creating(desiredCount="3"), "SerializationException", "desiredCount: STRING_VALUE"),
        (creating(desiredCount=2**40), "SerializationException", "desiredCount: NUMBER_VALUE"),
        (creating(taskDefinition="nothing"), "ClientException", "TaskDefinition not found."),
        (creating(taskDefinition="web-server:9"), "ClientException", "TaskDefinition not found."),
        (creating(launchType="CLOUD"), "InvalidParameterException", "enum value set: [EC2, FARGATE"),
        (
            creating(launchType="EC2", capacityProviderStrategy=[{"capacityProvider": "FARGATE"}]),
            "InvalidParameterException",
            "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again.",
        ),
        (creating(schedulingStrategy="DAEMON"), "InvalidParameterException", "does not support a desired count"),
        (creating(deploymentController={"type": "CODE_DEPLOY"}), "UnsupportedFeatureException", "CODE_DEPLOY"),
        (creating(deploymentConfiguration={"strategy": "CANARY"}), "InvalidParameterException", "a load balancer"),
        (creating(deploymentConfiguration={"maximumPercent": 99}), "InvalidParameterException", "maximumPercent"),
        (
            creating(deploymentConfiguration={"minimumHealthyPercent": -1}),
            "InvalidParameterException",
            "minimumHealthy",
        ),
        (
            creating(deploymentConfiguration=breaker(thresholdConfiguration={"type": "COUNT", "value": 0})),
            "InvalidParameterException",
            "at least 1",
        ),
        (
            creating(deploymentConfiguration=breaker(thresholdConfiguration={"type": "BOUNDED_PERCENT", "value": 0})),
            "InvalidParameterException",
            "between 1 and 100",
        ),
        (
            creating(
                deploymentConfiguration=breaker(thresholdConfiguration={"type": "UNBOUNDED_PERCENT", "value": 101})
            ),
            "InvalidParameterException",
            "between 1 and 100",
        ),
        (
            creating(deploymentConfiguration=breaker(thresholdConfiguration={"type": "OFTEN", "value": 1})),
            "InvalidParameterException",
            "enum value set: [COUNT",
        ),
        (
            updating(deploymentConfiguration=breaker(thresholdConfiguration={"type": "COUNT"})),
            "InvalidParameterException",
            "value can not be blank",
        ),
        (
            creating(deploymentConfiguration={"deploymentCircuitBreaker": {"enable": True}}),
            "InvalidParameterException",
            "rollback can not be blank",
        ),
        (
            creating(deploymentConfiguration={"alarms": {"alarmNames": ["a"], "enable": True, "rollback": True}}),
            "UnsupportedFeatureException",
            "deploymentConfiguration.alarms is not supported",
        ),
        (
            updating(deploymentConfiguration={"lifecycleHooks": [{"hookTargetArn": "a"}]}),
            "UnsupportedFeatureException",
            "lifecycleHooks of target type AWS_LAMBDA are not supported",
        ),
        (creating(healthCheckGracePeriodSeconds=-1), "InvalidParameterException", "between 0 and 2147483647"),
        (
            creating(deploymentConfiguration={"deploymentCircuitBreaker": {}}),
            "InvalidParameterException",
            "enable can not be blank",
        ),
        (updating(desiredCount=-1), "InvalidParameterException", "desiredCount"),
        (updating(taskDefinition="nothing"), "ClientException", "TaskDefinition not found."),
        (updating(service="other"), "ServiceNotFoundException", "Service not found."),
        (updating(cluster="nowhere"), "ClusterNotFoundException", "Cluster not found."),
        (updating(forceNewDeployment="yes"), "SerializationException", "forceNewDeployment"),
        (("DescribeServices", {"cluster": "my-cluster"}), "InvalidParameterException", "Services cannot be empty."),
        (
            ("DescribeServices", {"cluster": "my-cluster", "services": []}),
            "InvalidParameterException",
            "Services cannot be empty.",
        ),
        (
            ("DescribeServices", {"cluster": "my-cluster", "services": list("abcdefghijk")}),
            "InvalidParameterException",
            "at most 10",
        ),
        (("DescribeServices", {"cluster": "nowhere", "services": ["a"]}), "ClusterNotFoundException", "not found"),
        (("ListServices", {"cluster": "my-cluster", "maxResults": 101}), "InvalidParameterException", "1 and 100"),
        (("ListServices", {}), "ClusterNotFoundException", "Cluster not found."),
        (("DeleteService", {"cluster": "my-cluster", "service": "x"}), "ServiceNotFoundException", "not found"),
        (("DeleteService", {"cluster": "my-cluster"}), "InvalidParameterException", "Service can not be blank."),
    ],
)
def test_bad_input_is_refused_and_nothing_changes(
    api: Harness, ecs: Any, call: tuple[str, dict[str, Any]], code: str, said: str
) -> None:
    web(ecs)
    before = dict(api.simulation.state.services)
    status, body = api.call(*call)
    assert (status, body["__type"]) == (400, code)
    assert said in body["message"]
    assert api.simulation.state.services == before


def test_awsvpc_needs_a_network_configuration(api: Harness, ecs: Any) -> None:
    ecs.register_task_definition(
        family="vpc",
        networkMode="awsvpc",
        containerDefinitions=[{"name": "a", "image": "chaos-ecs/demo:1", "memory": 64}],
    )
    for operation, params in (creating(taskDefinition="vpc"), ("RunTask", creating(taskDefinition="vpc")[1])):
        status, body = api.call(operation, params)
        assert (status, body["__type"], body["message"]) == (400, "InvalidParameterException", NO_NETWORK)
    web(ecs, taskDefinition="vpc", networkConfiguration={"awsvpcConfiguration": {"subnets": ["any"]}})


@pytest.mark.parametrize(
    ("made", "updated", "said"),
    [
        (
            {},
            {"taskDefinition": "vpc"},
            "Network Configuration must be provided when networkMode 'awsvpc' is specified.",
        ),
        (
            {"networkConfiguration": FARGATE_NETWORK},
            {"taskDefinition": "vpc"},
            "Assign public IP is not supported for this launch type.",
        ),
        (
            {"placementStrategy": [{"type": "random"}]},
            {"capacityProviderStrategy": SPOT, "forceNewDeployment": True},
            "Placement strategies are not supported with FARGATE launch type.",
        ),
        (
            {"volumeConfigurations": [{"name": "data"}], "taskDefinition": "data"},
            {"taskDefinition": "worker"},
            "The volume name 'data' in your request does not have a matching volume in your Task Definition.",
        ),
    ],
)
def test_an_update_is_held_to_what_the_service_was_told_before(
    api: Harness, ecs: Any, made: dict[str, Any], updated: dict[str, Any], said: str
) -> None:
    container = {"name": "a", "image": "chaos-ecs/demo:1", "memory": 64}
    ecs.register_task_definition(family="vpc", networkMode="awsvpc", containerDefinitions=[container])
    ecs.register_task_definition(
        family="data",
        volumes=[{"name": "data", "configuredAtLaunch": True}],
        containerDefinitions=[container | {"mountPoints": [{"sourceVolume": "data", "containerPath": "/data"}]}],
    )
    status, body = api.call(*creating(**(made | {"serviceName": "web"})))
    assert status == 200, body
    before = dict(api.simulation.state.services)
    status, body = api.call(*updating(**updated))
    assert (status, body.get("__type"), body.get("message")) == (400, "InvalidParameterException", said)
    assert api.simulation.state.services == before


def test_an_update_to_awsvpc_takes_the_network_that_the_service_has(ecs: Any) -> None:
    network = {"awsvpcConfiguration": {"subnets": ["any"]}}
    ecs.register_task_definition(
        family="vpc",
        networkMode="awsvpc",
        containerDefinitions=[{"name": "a", "image": "chaos-ecs/demo:1", "memory": 64}],
    )
    web(ecs, networkConfiguration=network)
    updated = ecs.update_service(cluster="my-cluster", service="web", taskDefinition="vpc")["service"]
    assert updated["taskDefinition"].endswith("/vpc:1")
    assert updated["networkConfiguration"] == network


# --- the launch type of an update ---


def privileged(ecs: Any) -> None:
    ecs.register_task_definition(
        family="privileged",
        containerDefinitions=[{"name": "a", "image": "chaos-ecs/demo:1", "memory": 64, "privileged": True}],
    )


def test_a_definition_that_fargate_cannot_run_is_not_moved_there(api: Harness, ecs: Any) -> None:
    privileged(ecs)
    web(ecs, taskDefinition="privileged")
    before = dict(api.simulation.state.services)
    status, body = api.call(*updating(capacityProviderStrategy=SPOT, forceNewDeployment=True))
    assert (status, body.get("message")) == (400, "Task definition does not support launch_type FARGATE.")
    assert api.simulation.state.services == before


def test_the_launch_type_that_a_service_leaves_does_not_count(api: Harness, ecs: Any) -> None:
    privileged(ecs)
    web(ecs, launchType="FARGATE")
    arn, definition = f"{ARN}service/my-cluster/web", f"{ARN}task-definition/privileged:1"
    with pytest.raises(InvalidParameterException):
        api.simulation.submit(UpdateService(arn, task_definition_arn=definition)).result(0)
    api.simulation.submit(UpdateService(arn, task_definition_arn=definition, launch_type="EC2")).result(0)
    assert described(ecs)["launchType"] == "EC2"


@pytest.mark.parametrize("launch_type", ["EC2", "FARGATE"])
def test_an_empty_strategy_leaves_the_launch_type_of_its_providers(ecs: Any, launch_type: str) -> None:
    web(ecs, launchType=launch_type)
    forced = {"cluster": "my-cluster", "service": "web", "forceNewDeployment": True}
    ecs.update_service(**forced, capacityProviderStrategy=SPOT)
    assert "launchType" not in described(ecs)
    updated = ecs.update_service(**forced, capacityProviderStrategy=[])["service"]
    assert (updated["launchType"], updated["capacityProviderStrategy"]) == ("FARGATE", [])


@pytest.mark.parametrize("operation", ["CreateService", "RunTask"])
def test_a_public_address_is_for_fargate(api: Harness, ecs: Any, operation: str) -> None:
    family = fit_for_fargate(ecs, "web-server")
    call = creating(taskDefinition=family, networkConfiguration=FARGATE_NETWORK)[1]
    if operation == "RunTask":
        call = {name: call[name] for name in ("cluster", "taskDefinition", "networkConfiguration")}
    status, body = api.call(operation, call)
    assert (status, body["__type"]) == (400, "InvalidParameterException")
    assert body["message"] == "Assign public IP is not supported for this launch type."
    assert api.call(operation, call | {"launchType": "FARGATE"})[0] == 200


def test_the_wire_has_epoch_numbers_in_milliseconds(api: Harness, ecs: Any) -> None:
    web(ecs)
    status, body = api.call("DescribeServices", {"cluster": "my-cluster", "services": ["web"]})
    created_at = body["services"][0]["createdAt"]
    assert status == 200
    assert created_at == round(api.simulation.state.services[f"{ARN}service/my-cluster/web"].created_at, 3)
    assert json.dumps(created_at) == str(created_at)
