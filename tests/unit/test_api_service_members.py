"""What a service is told besides its tasks: load balancers, circuit breaker, and members that are kept and returned."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.api_harness import Harness
from tests.unit.service_calls import (
    ARN,
    ELB,
    balanced,
    creating,
    deployment_ids,
    described,
    target_group,
    updating,
    web,
)

# --- the circuit breaker ---


@pytest.mark.parametrize(
    ("breaker", "shown"),
    [
        ({"enable": True, "rollback": False}, {"enable": True, "rollback": False}),
        (
            {"enable": True, "rollback": True, "resetOnHealthyTask": False},
            {"enable": True, "rollback": True, "resetOnHealthyTask": False},
        ),
        (
            {"enable": True, "rollback": True, "thresholdConfiguration": {"type": "COUNT", "value": 500}},
            {"enable": True, "rollback": True, "thresholdConfiguration": {"type": "COUNT", "value": 500}},
        ),
        (
            {"enable": True, "rollback": True, "thresholdConfiguration": {"type": "BOUNDED_PERCENT", "value": 50}},
            {"enable": True, "rollback": True, "thresholdConfiguration": {"type": "BOUNDED_PERCENT", "value": 50}},
        ),
    ],
)
def test_a_circuit_breaker_is_returned_as_it_was_said(ecs: Any, breaker: Any, shown: Any) -> None:
    service = web(ecs, desiredCount=0, deploymentConfiguration={"deploymentCircuitBreaker": breaker})
    assert service["deploymentConfiguration"]["deploymentCircuitBreaker"] == shown


def test_a_circuit_breaker_that_is_said_again_forgets_its_threshold(api: Harness, ecs: Any) -> None:
    once = {"enable": True, "rollback": True, "thresholdConfiguration": {"type": "COUNT", "value": 7}}
    web(ecs, desiredCount=0, deploymentConfiguration={"deploymentCircuitBreaker": once})
    again = {"enable": True, "rollback": False}
    ecs.update_service(cluster="my-cluster", service="web", deploymentConfiguration={"deploymentCircuitBreaker": again})
    assert described(ecs)["deploymentConfiguration"]["deploymentCircuitBreaker"] == again
    configuration = api.simulation.state.services[f"{ARN}service/my-cluster/web"].deployment_configuration
    assert (configuration.circuit_breaker_type, configuration.circuit_breaker_value) == ("BOUNDED_PERCENT", 50)


def test_alarms_that_are_switched_off_are_taken(ecs: Any) -> None:
    alarms = {"alarmNames": [], "enable": False, "rollback": False}
    service = web(ecs, desiredCount=0, deploymentConfiguration={"alarms": alarms})
    assert service["deploymentConfiguration"]["alarms"] == alarms


# --- load balancers ---


@pytest.mark.parametrize("forwarded_by", ["listener", "rule"])
def test_a_service_tells_where_its_tasks_are_registered(api: Harness, ecs: Any, forwarded_by: str) -> None:
    group = target_group(api, "blue", forwarded_by=forwarded_by)
    service = web(ecs, desiredCount=0, loadBalancers=balanced(group), healthCheckGracePeriodSeconds=30)
    assert service["loadBalancers"] == balanced(group)
    assert service["healthCheckGracePeriodSeconds"] == 30


def test_a_balanced_service_is_stable_once_its_targets_are_healthy(api: Harness, ecs: Any) -> None:
    group = target_group(api, "blue")
    web(ecs, desiredCount=2, loadBalancers=balanced(group))
    api.simulation.advance(60)
    ecs.get_waiter("services_stable").wait(cluster="my-cluster", services=["web"], WaiterConfig={"MaxAttempts": 1})
    service = described(ecs)
    assert service["deployments"][0]["rolloutState"] == "COMPLETED"
    assert f"(service web) registered 1 targets in (target-group {group})" in [e["message"] for e in service["events"]]


def test_other_target_groups_are_a_new_deployment_and_the_same_ones_are_not(api: Harness, ecs: Any) -> None:
    blue, green = target_group(api, "blue"), target_group(api, "green")
    first = deployment_ids(web(ecs, loadBalancers=balanced(blue)))
    for groups, is_new in (([blue], False), ([blue, green], True), ([], True)):
        wanted = [item for group in groups for item in balanced(group)]
        before = deployment_ids(described(ecs))
        updated = ecs.update_service(cluster="my-cluster", service="web", loadBalancers=wanted)["service"]
        assert updated["loadBalancers"] == wanted
        assert (deployment_ids(updated)[0] != before[0]) is is_new
    assert first[0] not in deployment_ids(described(ecs))[:1]


def test_a_definition_without_the_registered_port_is_refused(api: Harness, ecs: Any) -> None:
    web(ecs, loadBalancers=balanced(target_group(api, "blue")))
    status, body = api.call(*updating(taskDefinition="worker:1"))
    assert (status, body["message"]) == (400, "The container web-server does not exist in the task definition.")


@pytest.mark.parametrize("operation", ["CreateService", "UpdateService"])
@pytest.mark.parametrize(
    ("balancer", "code", "said"),
    [
        (
            {"containerName": "nobody"},
            "InvalidParameterException",
            "The container nobody does not exist in the task definition.",
        ),
        (
            {"containerPort": 81},
            "InvalidParameterException",
            "The container web-server did not have a container port 81 defined.",
        ),
        (
            {"targetGroupArn": f"{ELB}targetgroup/unused/0123456789abcdef"},
            "InvalidParameterException",
            "unused/0123456789abcdef does not have an associated load balancer.",
        ),
        (
            {"targetGroupArn": f"{ELB}targetgroup/nothing/0123456789abcdef"},
            "InvalidParameterException",
            "The specified target group does not exist.",
        ),
        ({"loadBalancerName": "old"}, "InvalidParameterException", "cannot both be specified."),
        ({"loadBalancerName": "old", "targetGroupArn": ""}, "UnsupportedFeatureException", "loadBalancerName"),
        (
            {"advancedConfiguration": {"alternateTargetGroupArn": "a"}},
            "InvalidParameterException",
            "loadBalancers.advancedConfiguration.productionListenerRule can not be blank.",
        ),
        ({"targetGroupArn": ""}, "InvalidParameterException", "loadBalancers.targetGroupArn can not be blank."),
        ({"containerName": ""}, "InvalidParameterException", "loadBalancers.containerName can not be blank."),
        ({"containerPort": None}, "InvalidParameterException", "loadBalancers.containerPort can not be blank."),
    ],
)
def test_load_balancers_that_ecs_refuses(
    api: Harness, ecs: Any, operation: str, balancer: Any, code: str, said: str
) -> None:
    blue = target_group(api, "blue")
    target_group(api, "unused", forwarded_by="nobody")
    web(ecs, desiredCount=0)
    before = dict(api.simulation.state.services)
    call = creating if operation == "CreateService" else updating
    status, body = api.call(*call(loadBalancers=[balanced(blue)[0] | balancer]))
    assert (status, body["__type"]) == (400, code)
    assert said in body["message"]
    assert api.simulation.state.services == before


# --- members of an update ---


@pytest.mark.parametrize(
    ("member", "value", "deploys"),
    [
        ("networkConfiguration", {"awsvpcConfiguration": {"subnets": ["subnet-2"]}}, True),
        ("platformVersion", "1.3.0", True),
        ("serviceRegistries", [{"registryArn": "arn:aws:servicediscovery:x"}], True),
        ("placementConstraints", [{"type": "distinctInstance"}], False),
        ("placementStrategy", [{"type": "spread", "field": "host"}], False),
        ("enableExecuteCommand", True, False),
        ("enableECSManagedTags", True, False),
        ("propagateTags", "SERVICE", False),
        ("availabilityZoneRebalancing", "DISABLED", False),
        ("healthCheckGracePeriodSeconds", 60, False),
    ],
)
def test_an_update_is_kept_and_starts_a_deployment_only_where_ecs_does(
    ecs: Any, member: str, value: Any, deploys: bool
) -> None:
    before = deployment_ids(web(ecs, launchType="FARGATE" if member == "platformVersion" else "EC2"))
    updated = ecs.update_service(cluster="my-cluster", service="web", **{member: value})["service"]
    assert updated[member] == value
    assert (deployment_ids(updated)[0] != before[0]) is deploys
    again = ecs.update_service(cluster="my-cluster", service="web", **{member: value})["service"]
    assert deployment_ids(again)[0] == deployment_ids(updated)[0]
    assert described(ecs)[member] == value


def test_an_empty_list_takes_placement_constraints_away(ecs: Any) -> None:
    web(ecs, desiredCount=0, placementConstraints=[{"type": "distinctInstance"}], enableExecuteCommand=True)
    ecs.update_service(cluster="my-cluster", service="web", placementConstraints=[])
    assert described(ecs)["placementConstraints"] == []
    assert described(ecs)["enableExecuteCommand"] is True


def test_each_deployment_tells_its_own_counts(api: Harness, ecs: Any) -> None:
    web(ecs, desiredCount=2)
    api.simulation.advance(5)
    service = ecs.update_service(cluster="my-cluster", service="web", forceNewDeployment=True)["service"]
    new, old = service["deployments"]
    assert (new["status"], new["desiredCount"], new["runningCount"], new["rolloutState"]) == (
        "PRIMARY",
        2,
        0,
        "IN_PROGRESS",
    )
    assert (old["status"], old["runningCount"], old["failedTasks"]) == ("ACTIVE", 2, 0)
    assert new["rolloutStateReason"] == f"ECS deployment {new['id']} in progress."
