"""Tags, settings, capacity providers, old revisions, and operations on what is not here: through real boto3."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chaos_ecs.api import protocol
from chaos_ecs.api.call import Call
from chaos_ecs.api.operations import ECS_OPERATIONS
from chaos_ecs.core.errors import InvalidParameterException
from tests.unit.api_harness import CLUSTER, REGION, Harness
from tests.unit.service_calls import ARN, described, web

TAGS = [{"key": "team", "value": "a"}, {"key": "cost", "value": "1"}]


def registered(ecs: Any, **members: Any) -> str:
    container = {"name": "main", "image": "chaos-ecs/demo:1", "command": ["worker"], "memory": 32}
    answer = ecs.register_task_definition(family="tagged", containerDefinitions=[container], **members)
    arn: str = answer["taskDefinition"]["taskDefinitionArn"]
    return arn


def tags_of(ecs: Any, arn: str) -> dict[str, str]:
    return {tag["key"]: tag["value"] for tag in ecs.list_tags_for_resource(resourceArn=arn)["tags"]}


def task_tags(ecs: Any, service: str) -> list[dict[str, str]]:
    arns = ecs.list_tasks(cluster=CLUSTER, serviceName=service)["taskArns"]
    tasks = ecs.describe_tasks(cluster=CLUSTER, tasks=arns, include=["TAGS"])["tasks"]
    return [{tag["key"]: tag["value"] for tag in task["tags"]} for task in tasks]


# --- tags ---


def test_clusters_services_tasks_and_definitions_are_tagged_and_untagged(api: Harness, ecs: Any) -> None:
    service = web(ecs)["serviceArn"]
    task = ecs.run_task(cluster=CLUSTER, taskDefinition="worker")["tasks"][0]["taskArn"]
    for arn in (f"{ARN}cluster/{CLUSTER}", service, task, registered(ecs)):
        ecs.tag_resource(resourceArn=arn, tags=TAGS)
        ecs.tag_resource(resourceArn=arn, tags=[{"key": "cost", "value": "2"}])
        assert tags_of(ecs, arn) == {"team": "a", "cost": "2"}
        ecs.untag_resource(resourceArn=arn, tagKeys=["team", "never there"])
        assert tags_of(ecs, arn) == {"cost": "2"}
    told = ecs.describe_tasks(cluster=CLUSTER, tasks=[task], include=["TAGS"])["tasks"][0]
    assert told["tags"] == [{"key": "cost", "value": "2"}]


def test_a_resource_has_fifty_tags_at_most_and_reserved_ones_do_not_count(ecs: Any) -> None:
    arn = f"{ARN}cluster/{CLUSTER}"
    ecs.tag_resource(resourceArn=arn, tags=[{"key": f"k{number}", "value": ""} for number in range(50)])
    ecs.tag_resource(resourceArn=arn, tags=[{"key": "k7", "value": "again"}])
    with pytest.raises(ecs.exceptions.LimitExceededException, match="at most 50 tags"):
        ecs.tag_resource(resourceArn=arn, tags=[{"key": "one more", "value": ""}])


def test_tags_of_a_deleted_cluster_are_refused_in_ecs_own_words(ecs: Any) -> None:
    ecs.create_cluster(clusterName="gone")
    ecs.delete_cluster(cluster="gone")
    with pytest.raises(ecs.exceptions.InvalidParameterException, match="The specified cluster is inactive. Specify"):
        ecs.list_tags_for_resource(resourceArn=f"{ARN}cluster/gone")


def test_a_service_hands_its_tags_on_to_the_tasks_that_it_starts(api: Harness, ecs: Any) -> None:
    web(ecs, desiredCount=1, tags=TAGS, propagateTags="SERVICE", enableECSManagedTags=True)
    api.simulation.advance(3)
    managed = {"aws:ecs:clusterName": CLUSTER, "aws:ecs:serviceName": "web"}
    assert task_tags(ecs, "web") == [{"team": "a", "cost": "1", **managed}]


def test_or_the_tags_of_its_task_definition_from_an_update_on(api: Harness, ecs: Any) -> None:
    definition = registered(ecs, tags=[{"key": "from", "value": "definition"}])
    web(ecs, desiredCount=1, taskDefinition=definition, tags=TAGS)
    api.simulation.advance(3)
    assert task_tags(ecs, "web") == [{}]
    ecs.update_service(cluster=CLUSTER, service="web", propagateTags="TASK_DEFINITION", desiredCount=2)
    api.simulation.advance(3)
    assert task_tags(ecs, "web") == [{}, {"from": "definition"}]
    assert len(described(ecs)["deployments"]) == 1


def test_a_standalone_task_takes_over_the_tags_it_is_told_to(ecs: Any) -> None:
    definition = registered(ecs, tags=[{"key": "from", "value": "definition"}])
    told = ecs.run_task(
        cluster=CLUSTER,
        taskDefinition=definition,
        propagateTags="TASK_DEFINITION",
        enableECSManagedTags=True,
        tags=TAGS,
    )["tasks"][0]["tags"]
    assert {tag["key"] for tag in told} == {"from", "team", "cost", "aws:ecs:clusterName"}


# --- clusters ---


def test_a_cluster_keeps_what_it_is_told_and_shows_what_is_asked(ecs: Any) -> None:
    configuration = {"executeCommandConfiguration": {"logging": "NONE"}}
    created = ecs.create_cluster(
        clusterName="blue",
        settings=[{"name": "containerInsights", "value": "enhanced"}],
        configuration=configuration,
        capacityProviders=["FARGATE"],
        defaultCapacityProviderStrategy=[{"capacityProvider": "FARGATE", "weight": 1}],
        serviceConnectDefaults={"namespace": "shop"},
    )["cluster"]
    assert created["settings"] == [{"name": "containerInsights", "value": "enhanced"}]
    (plain,) = ecs.describe_clusters(clusters=["blue"])["clusters"]
    assert (plain["settings"], plain["statistics"], plain["capacityProviders"]) == ([], [], ["FARGATE"])
    assert plain["defaultCapacityProviderStrategy"] == [{"capacityProvider": "FARGATE", "weight": 1, "base": 0}]
    (full,) = ecs.describe_clusters(clusters=["blue"], include=["SETTINGS", "CONFIGURATIONS", "STATISTICS"])["clusters"]
    assert full["configuration"] == configuration
    assert {"name": "runningFargateTasksCount", "value": "0"} in full["statistics"]


def test_an_update_of_a_cluster_changes_what_it_names(ecs: Any) -> None:
    ecs.create_cluster(clusterName="blue", serviceConnectDefaults={"namespace": "shop"})
    off = ecs.update_cluster_settings(cluster="blue", settings=[{"name": "containerInsights", "value": "enabled"}])
    assert off["cluster"]["settings"] == [{"name": "containerInsights", "value": "enabled"}]
    assert off["cluster"]["serviceConnectDefaults"] == {"namespace": "shop"}
    updated = ecs.update_cluster(cluster="blue", serviceConnectDefaults={"namespace": ""})["cluster"]
    assert "serviceConnectDefaults" not in updated


def test_creating_a_cluster_again_with_other_members_is_not_idempotent(ecs: Any) -> None:
    ecs.create_cluster(clusterName="blue", tags=TAGS)
    assert ecs.create_cluster(clusterName="blue")["cluster"]["tags"] == TAGS
    with pytest.raises(ecs.exceptions.InvalidParameterException, match="Arguments on this idempotent request"):
        ecs.create_cluster(clusterName="blue", capacityProviders=["FARGATE"])


def test_new_clusters_have_container_insights_as_the_account_has_it(ecs: Any) -> None:
    ecs.put_account_setting_default(name="containerInsights", value="enabled")
    created = ecs.create_cluster(clusterName="blue")["cluster"]
    assert created["settings"] == [{"name": "containerInsights", "value": "enabled"}]


# --- capacity providers ---


def test_two_capacity_providers_are_there_and_others_are_missing(ecs: Any) -> None:
    told = ecs.describe_capacity_providers(capacityProviders=["FARGATE", f"{ARN}capacity-provider/mine"])
    assert [item["name"] for item in told["capacityProviders"]] == ["FARGATE"]
    assert told["failures"] == [{"arn": f"{ARN}capacity-provider/mine", "reason": "MISSING"}]
    first = ecs.describe_capacity_providers(maxResults=1, include=["TAGS"])
    second = ecs.describe_capacity_providers(maxResults=1, nextToken=first["nextToken"])
    names = [item["name"] for answer in (first, second) for item in answer["capacityProviders"]]
    assert names == ["FARGATE", "FARGATE_SPOT"]


def test_who_says_nothing_is_placed_by_the_clusters_default_strategy(api: Harness, ecs: Any) -> None:
    strategy = [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]
    ecs.put_cluster_capacity_providers(
        cluster=CLUSTER, capacityProviders=["FARGATE", "FARGATE_SPOT"], defaultCapacityProviderStrategy=strategy
    )
    assert web(ecs)["capacityProviderStrategy"] == strategy
    assert ecs.run_task(cluster=CLUSTER, taskDefinition="worker")["tasks"][0]["launchType"] == "FARGATE"
    told = ecs.run_task(cluster=CLUSTER, taskDefinition="worker", launchType="EC2")["tasks"][0]
    assert told["launchType"] == "EC2"
    with pytest.raises(ecs.exceptions.ResourceInUseException, match="in use and cannot be removed"):
        ecs.put_cluster_capacity_providers(
            cluster=CLUSTER, capacityProviders=["FARGATE"], defaultCapacityProviderStrategy=[]
        )


def test_a_strategy_of_another_cluster_is_refused(ecs: Any) -> None:
    ecs.create_cluster(clusterName="bare")
    strategy = [{"capacityProvider": "FARGATE", "weight": 1}]
    with pytest.raises(ecs.exceptions.InvalidParameterException, match="not associated with the cluster"):
        ecs.run_task(cluster="bare", taskDefinition="worker", capacityProviderStrategy=strategy)
    with pytest.raises(ecs.exceptions.InvalidParameterException, match="not associated with the cluster"):
        web(ecs, cluster="bare", capacityProviderStrategy=strategy)


# --- task definitions ---


def test_deleted_revisions_are_gone_from_lists_and_never_given_out_again(ecs: Any) -> None:
    first = registered(ecs)
    ecs.deregister_task_definition(taskDefinition=first)
    told = ecs.delete_task_definitions(taskDefinitions=[first, "worker:1", "tagged", "tagged:9", "tagged:x"])
    assert [item["status"] for item in told["taskDefinitions"]] == ["DELETE_IN_PROGRESS"]
    assert told["taskDefinitions"][0]["deleteRequestedAt"]
    assert [(item["arn"], item["reason"][:45]) for item in told["failures"]] == [
        ("worker:1", "The specified task definition is still in ACT"),
        ("tagged", "The specified task definition identifier is i"),
        ("tagged:9", "The specified task definition does not exist."),
        ("tagged:x", "The specified task definition identifier is i"),
    ]
    assert ecs.list_task_definitions(status="DELETE_IN_PROGRESS")["taskDefinitionArns"] == [first]
    assert ecs.list_task_definitions(status="INACTIVE")["taskDefinitionArns"] == []
    assert ecs.describe_task_definition(taskDefinition=first)["taskDefinition"]["status"] == "DELETE_IN_PROGRESS"
    assert registered(ecs).endswith("tagged:2")
    with pytest.raises(ClientError, match="TaskDefinition is inactive"):
        ecs.run_task(cluster=CLUSTER, taskDefinition=first)


def test_a_service_of_a_deleted_revision_goes_on_and_can_be_scaled(api: Harness, ecs: Any) -> None:
    arn = registered(ecs)
    web(ecs, taskDefinition=arn, desiredCount=1)
    ecs.deregister_task_definition(taskDefinition=arn)
    ecs.delete_task_definitions(taskDefinitions=[arn])
    ecs.update_service(cluster=CLUSTER, service="web", desiredCount=2)
    api.simulation.advance(5)
    assert described(ecs)["runningCount"] == 2


# --- account settings ---


@pytest.mark.parametrize("operation", ["PutAccountSetting", "PutAccountSettingDefault", "DeleteAccountSetting"])
def test_a_setting_that_only_a_newer_botocore_has_is_refused_by_name(api: Harness, operation: str) -> None:
    params = {"name": "moonPhase", "value": "full"}  # past the model, which does not have it yet
    with pytest.raises(InvalidParameterException, match="The setting moonPhase is not known"):
        ECS_OPERATIONS[operation](Call(api.border._surroundings, REGION, params))


def test_every_setting_of_the_installed_botocore_is_taken_or_refused(api: Harness) -> None:
    for name in protocol.ecs()._model.shape_for("SettingName").metadata["enum"]:
        for value in ("enabled", "on", "7", "blocking"):
            status, body = api.call("PutAccountSettingDefault", {"name": name, "value": value})
            assert status in (200, 400), body
        assert api.call("DeleteAccountSetting", {"name": name})[0] in (200, 400)


def test_account_settings_are_set_shown_and_deleted(ecs: Any) -> None:
    user = "arn:aws:iam::123456789012:user/ada"
    assert ecs.list_account_settings()["settings"] == []
    ecs.put_account_setting_default(name="awsvpcTrunking", value="enabled")
    ecs.put_account_setting(name="awsvpcTrunking", value="disabled", principalArn=user)
    assert [item["value"] for item in ecs.list_account_settings(principalArn=user)["settings"]] == ["disabled"]
    gone = ecs.delete_account_setting(name="awsvpcTrunking", principalArn=user)["setting"]
    assert gone == {"name": "awsvpcTrunking", "value": "disabled", "principalArn": user, "type": "user"}
    effective = ecs.list_account_settings(principalArn=user, effectiveSettings=True, name="awsvpcTrunking")
    assert [item["value"] for item in effective["settings"]] == ["enabled"]


def test_effective_settings_come_ten_at_a_time(ecs: Any) -> None:
    pages = list(ecs.get_paginator("list_account_settings").paginate(effectiveSettings=True))
    assert [len(page["settings"]) for page in pages] == [10, 1]


# --- what is not here ---


def test_a_new_cluster_has_no_container_instances(ecs: Any) -> None:
    arn = f"{ARN}container-instance/{CLUSTER}/0123"
    assert ecs.list_container_instances(cluster=CLUSTER)["containerInstanceArns"] == []
    missing = [{"arn": arn, "reason": "MISSING"}]
    assert ecs.describe_container_instances(cluster=CLUSTER, containerInstances=["0123"])["failures"] == missing
    draining = ecs.update_container_instances_state(cluster=CLUSTER, containerInstances=[arn], status="DRAINING")
    assert draining["failures"] == missing
    started = ecs.start_task(cluster=CLUSTER, taskDefinition="worker", containerInstances=["0123"])
    (failure,) = started["failures"]
    assert (started["tasks"], failure["arn"], failure["reason"]) == ([], arn, "MISSING")
    assert ecs.list_attributes(cluster=CLUSTER, targetType="container-instance")["attributes"] == []
    assert ecs.discover_poll_endpoint()["endpoint"] == "http://127.0.0.1:8481/"


def test_execute_command_says_what_ecs_says_and_what_to_type_here(api: Harness, ecs: Any) -> None:
    def refusal(**members: Any) -> ClientError:
        task = ecs.run_task(cluster=CLUSTER, taskDefinition="worker", **members)["tasks"][0]["taskArn"]
        api.simulation.advance(3)
        with pytest.raises(ClientError) as caught:
            ecs.execute_command(cluster=CLUSTER, task=task, interactive=True, command="sh")
        return caught.value

    plain, enabled = refusal(), refusal(enableExecuteCommand=True)
    assert plain.response["Error"]["Code"] == "InvalidParameterException"
    assert "execute command was not enabled when the task was run" in str(plain)
    assert enabled.response["Error"]["Code"] == "TargetNotConnectedException"
    assert "chaos-ecs exec " in str(enabled)


def test_execute_command_into_what_has_ended_says_what_it_is_and_why(api: Harness, ecs: Any) -> None:
    member = {"image": "chaos-ecs/demo:1", "memory": 32}
    pair = [{**member, "name": "main", "command": ["web"]}, {**member, "name": "side", "essential": False}]
    ecs.register_task_definition(family="pair", containerDefinitions=pair)
    started = ecs.run_task(cluster=CLUSTER, taskDefinition="pair", enableExecuteCommand=True)
    task = started["tasks"][0]["taskArn"]
    api.simulation.advance(3)
    side = next(one for one in api.simulation.state.tasks[task].containers if one.name == "side")
    api.simulation.engine.signal(str(side.runtime_id), "SIGKILL")
    api.simulation.advance(1)

    def refusal(container: str) -> ClientError:
        with pytest.raises(ClientError) as caught:
            ecs.execute_command(cluster=CLUSTER, task=task, container=container, interactive=True, command="sh")
        return caught.value

    assert refusal("side").response["Error"]["Code"] == "TargetNotConnectedException"
    assert "side isn't running: it ended with exit code 137" in str(refusal("side"))
    assert "--container main opens a shell" in str(refusal("main"))
    ecs.stop_task(cluster=CLUSTER, task=task, reason="enough")
    api.simulation.advance(60)
    assert refusal("main").response["Error"]["Code"] == "InvalidParameterException"
    assert "isn't running: it is STOPPED (enough)" in str(refusal("main"))


def test_tasks_tell_whether_execute_command_is_enabled(api: Harness, ecs: Any) -> None:
    web(ecs, desiredCount=1, enableExecuteCommand=True)
    api.simulation.advance(3)
    arns = ecs.list_tasks(cluster=CLUSTER, serviceName="web")["taskArns"]
    assert ecs.describe_tasks(cluster=CLUSTER, tasks=arns)["tasks"][0]["enableExecuteCommand"] is True


def test_services_are_listed_by_the_namespace_they_name(ecs: Any) -> None:
    arn = web(ecs, serviceConnectConfiguration={"enabled": True, "namespace": "shop"})["serviceArn"]
    web(ecs, serviceName="other", serviceConnectConfiguration={"enabled": False, "namespace": "shop"})
    assert ecs.list_services_by_namespace(namespace="shop")["serviceArns"] == [arn]
    with pytest.raises(ecs.exceptions.NamespaceNotFoundException):
        ecs.list_services_by_namespace(namespace="nowhere")


# --- what AWS would not take ---


def test_fargate_without_awsvpc_runs_and_an_event_says_what_aws_would_answer(api: Harness, ecs: Any) -> None:
    web(ecs, launchType="FARGATE")
    said = "(service web) runs here, but AWS would answer: Task definition does not support launch_type FARGATE."
    assert described(ecs)["events"][-1]["message"] == said
    ecs.run_task(cluster=CLUSTER, taskDefinition="worker", launchType="FARGATE")
    told = [event.data.get("awsRefuses") for event in api.simulation.events if event.type == "TASK_CREATED"]
    assert told[-1] == "Task definition does not support launch_type FARGATE."
    api.simulation.advance(5)
    assert described(ecs)["runningCount"] == 3


def test_ec2_that_is_asked_for_by_name_runs_and_an_event_says_that_aws_would_find_no_instance(
    api: Harness, ecs: Any
) -> None:
    web(ecs, serviceName="unsaid")
    assert "AWS would answer" not in str(described(ecs, "unsaid")["events"])
    web(ecs, launchType="EC2")
    told = "(service web) runs here, but AWS would answer: No Container Instances were found in your cluster."
    assert described(ecs)["events"][-1]["message"] == told
    api.simulation.advance(5)
    assert described(ecs)["runningCount"] == 3


def test_a_platform_version_is_for_fargate_and_has_to_exist(ecs: Any) -> None:
    with pytest.raises(ecs.exceptions.InvalidParameterException, match="must be null when specifying an EC2"):
        web(ecs, platformVersion="LATEST")
    with pytest.raises(ecs.exceptions.PlatformUnknownException):
        ecs.run_task(cluster=CLUSTER, taskDefinition="worker", launchType="FARGATE", platformVersion="9.9.9")
    assert web(ecs, launchType="FARGATE", platformVersion="1.4.0")["platformVersion"] == "1.4.0"


def test_settings_of_a_region_are_its_own(api: Harness, ecs: Any) -> None:
    ecs.put_account_setting(name="awsvpcTrunking", value="enabled")
    assert api.client("eu-west-1").list_account_settings()["settings"] == []
    assert json.loads(api.simulation.state.clusters[f"{ARN}cluster/{CLUSTER}"].registered)["capacityProviders"]


def test_awsvpc_without_a_network_is_refused_in_ecs_own_words(ecs: Any) -> None:
    definition = registered(ecs, networkMode="awsvpc")
    for launch_type in ("EC2", "FARGATE"):
        with pytest.raises(ClientError, match="Network Configuration must be provided when networkMode 'awsvpc' is sp"):
            ecs.run_task(cluster=CLUSTER, taskDefinition=definition, launchType=launch_type)
        with pytest.raises(ClientError, match="Network Configuration must be provided when networkMode 'awsvpc' is sp"):
            web(ecs, taskDefinition=definition, launchType=launch_type)
    network = {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}
    web(ecs, taskDefinition=definition, launchType="FARGATE", networkConfiguration=network)
    assert not any("AWS would answer" in event["message"] for event in described(ecs)["events"])


def test_launch_type_ec2_is_placed_on_the_engine_as_every_other(api: Harness, ecs: Any) -> None:
    assert web(ecs, launchType="EC2")["launchType"] == "EC2"
    api.simulation.advance(5)
    assert described(ecs)["runningCount"] == 3


def test_a_client_token_that_was_used_otherwise_names_the_tasks_it_started(api: Harness, ecs: Any) -> None:
    said = {"cluster": CLUSTER, "taskDefinition": "worker", "clientToken": "once"}
    first = ecs.run_task(**said)["tasks"]
    assert [task["taskArn"] for task in ecs.run_task(**said)["tasks"]] == [task["taskArn"] for task in first]
    status, body = api.call("RunTask", {**said, "count": 2})
    assert (status, body["__type"]) == (400, "ConflictException")
    assert body["resourceIds"] == [task["taskArn"] for task in first]


def test_a_task_tells_the_overrides_and_the_platform_version_it_was_started_with(ecs: Any) -> None:
    overrides = {"cpu": "256", "memory": "512", "taskRoleArn": "arn:aws:iam::123456789012:role/other"}
    told = ecs.run_task(
        cluster=CLUSTER, taskDefinition="worker", launchType="FARGATE", platformVersion="1.3.0", overrides=overrides
    )["tasks"][0]
    assert {name: told["overrides"][name] for name in overrides} == overrides
    assert told["platformVersion"] == "1.3.0"
