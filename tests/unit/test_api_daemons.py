"""DAEMON services and availability zone rebalancing, by boto3."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.sim.hosts import a_host
from tests.unit.api_harness import CLUSTER, Harness

SPREAD_ZONES = [{"type": "spread", "field": "attribute:ecs.availability-zone"}]


@pytest.fixture
def room() -> Harness:
    harness = Harness()
    harness.client().list_clusters()
    for name in ("a1", "b1", "c1"):
        a_host(harness.simulation, name)
    return harness


def create(room: Harness, **members: Any) -> dict[str, Any]:
    said = {"cluster": CLUSTER, "serviceName": "agent", "taskDefinition": "web-server", **members}
    answer: dict[str, Any] = room.client().create_service(**said)["service"]
    return answer


def described(room: Harness) -> dict[str, Any]:
    answer: dict[str, Any] = room.client().describe_services(cluster=CLUSTER, services=["agent"])["services"][0]
    return answer


def refusal(call: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call()
    assert caught.value.response["Error"]["Code"] in ("InvalidParameterException", "ValidationException")
    message: str = caught.value.response["Error"]["Message"]
    return message


def test_a_daemon_counts_the_container_instances_and_is_listed_by_its_strategy(room: Harness) -> None:
    service = create(room, schedulingStrategy="DAEMON")
    limits = service["deploymentConfiguration"]
    assert (limits["minimumHealthyPercent"], limits["maximumPercent"]) == (0, 100)
    assert service["availabilityZoneRebalancing"] == "DISABLED"
    create(room, serviceName="web", desiredCount=1)
    room.simulation.advance(10)
    service = described(room)
    assert (service["schedulingStrategy"], service["desiredCount"], service["runningCount"]) == ("DAEMON", 3, 3)
    ecs = room.client()
    for strategy, count in (("DAEMON", 1), ("REPLICA", 1)):
        assert len(ecs.list_services(cluster=CLUSTER, schedulingStrategy=strategy)["serviceArns"]) == count
    assert len(ecs.list_services(cluster=CLUSTER)["serviceArns"]) == 2


def test_the_same_request_again_is_answered_though_the_count_is_another(room: Harness) -> None:
    create(room, schedulingStrategy="DAEMON")
    room.simulation.advance(10)
    assert create(room, schedulingStrategy="DAEMON")["desiredCount"] == 3


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ({"desiredCount": 2}, "support a desired count for services. Remove the desired count value and try again"),
        ({"placementStrategy": SPREAD_ZONES}, "placement strategies. Remove the placement strategy and try again"),
        ({"deploymentConfiguration": {"maximumPercent": 200}}, "Change the maximumPercent value to 100, and try again"),
        ({"launchType": "FARGATE"}, "FARGATE"),
        (
            {"capacityProviderStrategy": [{"capacityProvider": "FARGATE"}]},
            "strategy is not supported",
        ),
        ({"availabilityZoneRebalancing": "ENABLED"}, "AvailabilityZoneRebalancing does not support"),
    ],
)
def test_what_ecs_refuses_of_a_daemon(room: Harness, members: dict[str, Any], told: str) -> None:
    if "FARGATE" in str(members):
        members = members | {"networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}}
    assert told in refusal(lambda: create(room, schedulingStrategy="DAEMON", **members))


def test_an_update_may_not_scale_it_and_a_scaling_target_neither(room: Harness) -> None:
    create(room, schedulingStrategy="DAEMON")
    ecs, scaling = room.client(), room.client(service="application-autoscaling")
    what = {"ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount"}
    target = {**what, "ResourceId": f"service/{CLUSTER}/agent", "MinCapacity": 1, "MaxCapacity": 2}
    assert "DAEMON" in refusal(lambda: scaling.register_scalable_target(**target))
    assert "desired count" in refusal(lambda: ecs.update_service(cluster=CLUSTER, service="agent", desiredCount=2))
    ecs.update_service(cluster=CLUSTER, service="agent", forceNewDeployment=True)
    room.simulation.advance(30)
    assert [item["status"] for item in described(room)["deployments"]] == ["PRIMARY"]


def test_rebalancing_is_on_where_nothing_is_said_and_it_can_be(room: Harness) -> None:
    assert create(room, desiredCount=1)["availabilityZoneRebalancing"] == "ENABLED"
    limits = {"minimumHealthyPercent": 0, "maximumPercent": 100}
    for name, members, told in (
        ("tight", {"deploymentConfiguration": limits}, "DISABLED"),
        ("packed", {"placementStrategy": [{"type": "binpack", "field": "memory"}]}, "DISABLED"),
        ("spread", {"placementStrategy": SPREAD_ZONES}, "ENABLED"),
        ("off", {"availabilityZoneRebalancing": "DISABLED"}, "DISABLED"),
    ):
        assert create(room, serviceName=name, desiredCount=1, **members)["availabilityZoneRebalancing"] == told


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ({"deploymentConfiguration": {"minimumHealthyPercent": 0, "maximumPercent": 100}}, "maximumPercent <= 100"),
        ({"placementStrategy": [{"type": "binpack", "field": "memory"}]}, "does not begin with spread"),
        (
            {"placementConstraints": [{"type": "memberOf", "expression": "attribute:ecs.availability-zone == a"}]},
            "ecs.availability-zone in a placement constraint",
        ),
    ],
)
def test_rebalancing_that_is_asked_for_is_refused_where_it_cannot_be(
    room: Harness, members: dict[str, Any], told: str
) -> None:
    asked = {"desiredCount": 1, "availabilityZoneRebalancing": "ENABLED", **members}
    assert told in refusal(lambda: create(room, **asked))


def test_an_update_gives_a_daemon_no_capacity_providers_either(room: Harness) -> None:
    ecs = room.client()
    ecs.put_cluster_capacity_providers(
        cluster=CLUSTER, capacityProviders=["FARGATE"], defaultCapacityProviderStrategy=[]
    )
    create(room, schedulingStrategy="DAEMON")
    strategy = [{"capacityProvider": "FARGATE"}]
    told = refusal(
        lambda: ecs.update_service(
            cluster=CLUSTER, service="agent", capacityProviderStrategy=strategy, forceNewDeployment=True
        )
    )
    assert "capacity provider strategy is not supported" in told


def test_rebalancing_is_switched_off_and_on_by_an_update_without_a_deployment(room: Harness) -> None:
    create(room, desiredCount=1)
    ecs = room.client()
    for said in ("DISABLED", "ENABLED"):
        answer = ecs.update_service(cluster=CLUSTER, service="agent", availabilityZoneRebalancing=said)["service"]
        assert answer["availabilityZoneRebalancing"] == said
        assert len(answer["deployments"]) == 1


@pytest.mark.parametrize(("said", "moves"), [("ENABLED", True), ("DISABLED", False)])
def test_a_zone_that_comes_back_gets_tasks_only_where_that_is_wanted(said: str, moves: bool) -> None:
    room = Harness()
    room.client().list_clusters()
    a_host(room.simulation, "a1")
    create(room, desiredCount=4, availabilityZoneRebalancing=said)
    room.simulation.advance(10)
    a_host(room.simulation, "b1")
    room.simulation.advance(60)
    assert any("is AZ balanced" in event["message"] for event in described(room)["events"]) is moves
    assert (described(room)["runningCount"], described(room)["desiredCount"]) == (4, 4)
