"""Capacity providers of one's own through real boto3: made, associated, placed by, changed and deleted."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from chaos_ecs.core.capacity_commands import KEPT_INACTIVE
from chaos_ecs.core.container_instances import built_in_attributes
from chaos_ecs.core.instance_messages import RegisterContainerInstance
from chaos_ecs.core.messages import EventType
from tests.builders import CLUSTER as CLUSTER_ARN
from tests.unit.api_harness import CLUSTER, Harness
from tests.unit.service_calls import ARN, described, web

MINE = [{"capacityProvider": "mine", "weight": 1}]
TAGS = [{"key": "team", "value": "a"}]
DEFAULT_SCALING = {
    "status": "DISABLED",
    "targetCapacity": 100,
    "minimumScalingStepSize": 1,
    "maximumScalingStepSize": 10000,
    "instanceWarmupPeriod": 300,
}


def made(ecs: Any, name: str = "mine", **members: Any) -> dict[str, Any]:
    group = {"autoScalingGroupArn": f"arn:aws:autoscaling:group/{name}", **members.pop("group", {})}
    answer: dict[str, Any] = ecs.create_capacity_provider(name=name, autoScalingGroupProvider=group, **members)
    found: dict[str, Any] = answer["capacityProvider"]
    return found


def associated(ecs: Any, *names: str, cluster: str = CLUSTER, default: Any = ()) -> dict[str, Any]:
    answer = ecs.put_cluster_capacity_providers(
        cluster=cluster, capacityProviders=[*names], defaultCapacityProviderStrategy=[*default]
    )
    found: dict[str, Any] = answer["cluster"]
    return found


def shown(ecs: Any, name: str = "mine") -> dict[str, Any]:
    (found,) = ecs.describe_capacity_providers(capacityProviders=[name])["capacityProviders"]
    return dict(found)


def add_instance(api: Harness, name: str, provider: str = "mine") -> None:
    attributes = built_in_attributes(availability_zone="us-east-1a", instance_type="t3.medium")
    command = RegisterContainerInstance(CLUSTER_ARN, name, 2048, 2048, attributes, capacity_provider=provider)
    api.simulation.submit(command).result(0)


def tasks(ecs: Any) -> list[dict[str, Any]]:
    arns = ecs.list_tasks(cluster=CLUSTER)["taskArns"]
    found: list[dict[str, Any]] = ecs.describe_tasks(cluster=CLUSTER, tasks=arns)["tasks"]
    return found


# --- made, changed, deleted ---


def test_what_is_left_out_has_ecs_defaults(ecs: Any) -> None:
    provider = made(ecs, tags=TAGS)
    assert provider == {
        "capacityProviderArn": f"{ARN}capacity-provider/mine",
        "name": "mine",
        "status": "ACTIVE",
        "type": "EC2_AUTOSCALING",
        "autoScalingGroupProvider": {
            "autoScalingGroupArn": "arn:aws:autoscaling:group/mine",
            "managedScaling": DEFAULT_SCALING,
            "managedTerminationProtection": "DISABLED",
            "managedDraining": "ENABLED",
        },
        "tags": TAGS,
    }
    assert shown(ecs) == {name: value for name, value in provider.items() if name != "tags"}
    names = [item["name"] for item in ecs.describe_capacity_providers()["capacityProviders"]]
    assert names == ["FARGATE", "FARGATE_SPOT", "mine"]


def test_a_capacity_provider_is_of_its_region(api: Harness, ecs: Any) -> None:
    made(ecs)
    other = api.client("eu-west-1")
    assert [item["name"] for item in other.describe_capacity_providers()["capacityProviders"]] == [
        "FARGATE",
        "FARGATE_SPOT",
    ]
    made(other, tags=TAGS)
    assert shown(ecs)["capacityProviderArn"].startswith(ARN)


def test_an_update_changes_what_it_names(ecs: Any) -> None:
    made(ecs, group={"managedScaling": {"status": "ENABLED", "targetCapacity": 90}, "managedDraining": "DISABLED"})
    updated = ecs.update_capacity_provider(
        name="mine", autoScalingGroupProvider={"managedScaling": {"maximumScalingStepSize": 5}}
    )["capacityProvider"]
    assert updated["updateStatus"] == "UPDATE_COMPLETE"
    group = shown(ecs)["autoScalingGroupProvider"]
    assert group["managedScaling"] == {
        **DEFAULT_SCALING,
        "status": "ENABLED",
        "targetCapacity": 90,
        "maximumScalingStepSize": 5,
    }
    assert (group["autoScalingGroupArn"], group["managedDraining"]) == ("arn:aws:autoscaling:group/mine", "DISABLED")


def test_what_has_no_effect_here_is_told_with_what_there_is_instead(api: Harness, ecs: Any) -> None:
    made(ecs, "plain")
    made(ecs, group={"managedScaling": {"status": "ENABLED"}, "managedTerminationProtection": "ENABLED"})
    ecs.update_capacity_provider(name="mine", autoScalingGroupProvider={"managedDraining": "ENABLED"})
    told = [event for event in api.simulation.events if event.type == EventType.WITHOUT_EFFECT]
    assert [event.message for event in told] == [
        "capacity provider mine: without effect here, and kept on record: managedScaling, managedTerminationProtection",
        "capacity provider mine: without effect here, and kept on record: managedDraining",
    ]
    assert told[0].data["members"][0]["member"] == "managedScaling"
    assert "chaos-ecs instance add" in told[0].data["members"][0]["instead"]


def test_one_that_a_cluster_has_is_not_deleted_and_says_why(ecs: Any) -> None:
    made(ecs)
    associated(ecs, "FARGATE", "mine")
    failed = ecs.delete_capacity_provider(capacityProvider=f"{ARN}capacity-provider/mine")["capacityProvider"]
    assert (failed["status"], failed["updateStatus"]) == ("ACTIVE", "DELETE_FAILED")
    assert failed["updateStatusReason"] == (
        "The capacity provider cannot be deleted because it is associated with cluster: my-cluster. Remove the "
        "capacity provider from the cluster and try again."
    )
    associated(ecs, "FARGATE")
    deleted = ecs.delete_capacity_provider(capacityProvider="mine")["capacityProvider"]
    assert (deleted["status"], deleted["updateStatus"]) == ("INACTIVE", "DELETE_COMPLETE")
    assert "updateStatusReason" not in deleted


def test_a_deleted_cluster_has_none(ecs: Any) -> None:
    made(ecs)
    ecs.create_cluster(clusterName="blue", capacityProviders=["mine"])
    ecs.delete_cluster(cluster="blue")
    assert ecs.delete_capacity_provider(capacityProvider="mine")["capacityProvider"]["status"] == "INACTIVE"


def test_a_deleted_one_is_described_by_name_only_and_its_name_is_free(ecs: Any) -> None:
    made(ecs)
    ecs.delete_capacity_provider(capacityProvider="mine")
    assert shown(ecs)["status"] == "INACTIVE"
    assert len(ecs.describe_capacity_providers()["capacityProviders"]) == 2
    with pytest.raises(ecs.exceptions.InvalidParameterException, match="'mine' is not in an ACTIVE state"):
        associated(ecs, "mine")
    with pytest.raises(ecs.exceptions.ClientException, match="does not exist"):
        ecs.delete_capacity_provider(capacityProvider="mine")
    with pytest.raises(ecs.exceptions.InvalidParameterException, match="does not exist"):
        ecs.update_capacity_provider(name="mine", autoScalingGroupProvider={})
    assert made(ecs)["status"] == "ACTIVE"
    assert "updateStatus" not in shown(ecs)


def test_of_deleted_ones_the_newest_are_remembered(api: Harness, ecs: Any) -> None:
    for number in range(KEPT_INACTIVE + 2):
        made(ecs, f"p{number}")
        ecs.delete_capacity_provider(capacityProvider=f"p{number}")
    assert len(api.simulation.state.capacity_providers) == KEPT_INACTIVE
    assert f"{ARN}capacity-provider/p1" not in api.simulation.state.capacity_providers


def test_tags_come_and_go(ecs: Any) -> None:
    arn = made(ecs)["capacityProviderArn"]
    ecs.tag_resource(resourceArn=arn, tags=TAGS)
    assert ecs.list_tags_for_resource(resourceArn=arn)["tags"] == TAGS
    assert ecs.describe_capacity_providers(capacityProviders=[arn], include=["TAGS"])["capacityProviders"][0][
        "tags"
    ] == (TAGS)
    ecs.untag_resource(resourceArn=arn, tagKeys=["team"])
    assert ecs.list_tags_for_resource(resourceArn=arn)["tags"] == []
    ecs.delete_capacity_provider(capacityProvider=arn)
    with pytest.raises(ecs.exceptions.InvalidParameterException, match="specified capacity provider is inactive"):
        ecs.tag_resource(resourceArn=arn, tags=TAGS)


def test_they_are_there_after_a_restart(api: Harness, ecs: Any) -> None:
    made(ecs, tags=TAGS)
    before = dict(api.simulation.state.capacity_providers)
    api.simulation.crash()
    api.simulation.restart()
    assert api.simulation.state.capacity_providers == before != {}


# --- clusters ---


def test_a_cluster_is_associated_when_it_is_made_or_later_and_no_other_one_may_be(ecs: Any) -> None:
    made(ecs)
    blue = ecs.create_cluster(
        clusterName="blue", capacityProviders=["mine"], defaultCapacityProviderStrategy=MINE, tags=TAGS
    )["cluster"]
    assert blue["capacityProviders"] == ["mine"]
    found = ecs.describe_capacity_providers(cluster="blue")["capacityProviders"]
    assert [item["name"] for item in found] == ["mine"]
    with pytest.raises(ecs.exceptions.InvalidParameterException, match="already associated with cluster: blue"):
        associated(ecs, "mine")
    assert associated(ecs, "mine", cluster="blue", default=MINE)["defaultCapacityProviderStrategy"] == [
        {"capacityProvider": "mine", "weight": 1, "base": 0}
    ]


def test_a_strategy_has_one_kind_of_providers_and_a_cluster_may_have_both(ecs: Any) -> None:
    made(ecs)
    associated(ecs, "FARGATE", "mine")
    both = [{"capacityProvider": "FARGATE", "weight": 1}, *MINE]
    mixed = "mix of capacity providers using Auto Scaling groups and Fargate providers"
    with pytest.raises(ecs.exceptions.InvalidParameterException, match=mixed):
        associated(ecs, "FARGATE", "mine", default=both)
    with pytest.raises(ecs.exceptions.InvalidParameterException, match=mixed):
        web(ecs, capacityProviderStrategy=both)


def test_what_a_service_or_a_task_needs_stays_with_the_cluster(api: Harness, ecs: Any) -> None:
    made(ecs)
    associated(ecs, "FARGATE", "mine")
    add_instance(api, "one")
    web(ecs, desiredCount=0, capacityProviderStrategy=MINE)
    with pytest.raises(ecs.exceptions.ResourceInUseException, match="in use and cannot be removed"):
        associated(ecs, "FARGATE")
    ecs.delete_service(cluster=CLUSTER, service="web", force=True)
    api.simulation.advance(30)
    (task,) = ecs.run_task(cluster=CLUSTER, taskDefinition="web-server", capacityProviderStrategy=MINE)["tasks"]
    with pytest.raises(ecs.exceptions.ResourceInUseException, match="in use and cannot be removed"):
        associated(ecs, "FARGATE")
    ecs.stop_task(cluster=CLUSTER, task=task["taskArn"])
    api.simulation.advance(60)
    assert associated(ecs, "FARGATE")["capacityProviders"] == ["FARGATE"]


# --- tasks ---


def test_tasks_are_on_the_providers_container_instances_and_say_so(api: Harness, ecs: Any) -> None:
    made(ecs)
    associated(ecs, "mine", default=MINE)
    add_instance(api, "other", provider="")
    add_instance(api, "one")
    service = web(ecs, desiredCount=2)
    assert service["capacityProviderStrategy"] == MINE
    assert "launchType" not in service
    api.simulation.advance(10)
    assert [(task["launchType"], task["capacityProviderName"]) for task in tasks(ecs)] == [("EC2", "mine")] * 2
    names = {item.arn: item.name for item in api.simulation.state.instances_in(CLUSTER_ARN)}
    placed = api.simulation.state.tasks.values()
    assert {names[task.container_instance_arn] for task in placed} == {"one"}


def test_a_task_without_a_strategy_tells_no_provider(ecs: Any) -> None:
    (task,) = ecs.run_task(cluster=CLUSTER, taskDefinition="worker")["tasks"]
    assert "capacityProviderName" not in task


def test_a_run_for_which_the_provider_has_nothing_is_refused(ecs: Any) -> None:
    made(ecs)
    associated(ecs, "mine")
    with pytest.raises(ecs.exceptions.InvalidParameterException, match="were found in your capacity provider"):
        ecs.run_task(cluster=CLUSTER, taskDefinition="worker", capacityProviderStrategy=MINE)


def test_another_strategy_is_a_new_deployment_and_the_same_again_is_none(api: Harness, ecs: Any) -> None:
    made(ecs)
    associated(ecs, "FARGATE", "FARGATE_SPOT", "mine")
    add_instance(api, "one")
    spot = [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]
    web(ecs, desiredCount=2, capacityProviderStrategy=spot)
    api.simulation.advance(10)
    (before,) = described(ecs)["deployments"]
    same = [{"capacityProvider": f"{ARN}capacity-provider/FARGATE_SPOT", "base": 0}]
    ecs.update_service(cluster=CLUSTER, service="web", capacityProviderStrategy=same)
    assert [item["id"] for item in described(ecs)["deployments"]] == [before["id"]]
    ecs.update_service(cluster=CLUSTER, service="web", capacityProviderStrategy=MINE, forceNewDeployment=True)
    newest, older = described(ecs)["deployments"]
    assert (newest["capacityProviderStrategy"], older["capacityProviderStrategy"]) == (MINE, spot)
    assert (newest.get("platformFamily"), older["platformFamily"]) == (None, "Linux")
    api.simulation.advance(120)
    found = Counter((task["launchType"], task["capacityProviderName"]) for task in tasks(ecs))
    assert found == {("EC2", "mine"): 2}
    assert described(ecs)["capacityProviderStrategy"] == MINE
