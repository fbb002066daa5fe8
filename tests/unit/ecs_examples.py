"""For every operation of ECS that is here: a small valid request, and one with all that it honours.

`{task}`, `{service_deployment}` and the like stand for what the room of `with_everything` has.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.unit.api_harness import CLUSTER, Harness, add_instance
from tests.unit.service_calls import ARN

INSTANCES = "instances"
INSTANCE = f"{ARN}container-instance/{INSTANCES}/0123"
"""A cluster that has one, and one that is not there."""
CONTAINER = {"name": "main", "image": "chaos-ecs/demo:1", "memory": 32}
NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}
SPOT = [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]
TAGS = [{"key": "k", "value": "v"}]
PAGE: Mapping[str, Any] = {"maxResults": 5, "nextToken": ""}
TASK_SET = {"cluster": CLUSTER, "service": "web"}

SMALLEST: Mapping[str, Mapping[str, Any]] = {
    "CreateCluster": {},
    "DescribeClusters": {},
    "ListClusters": {},
    "DeleteCluster": {"cluster": "spare"},
    "UpdateCluster": {"cluster": CLUSTER},
    "UpdateClusterSettings": {"cluster": CLUSTER, "settings": [{"name": "containerInsights", "value": "enabled"}]},
    "PutClusterCapacityProviders": {
        "cluster": CLUSTER,
        "capacityProviders": ["FARGATE"],
        "defaultCapacityProviderStrategy": [],
    },
    "DescribeCapacityProviders": {},
    "CreateCapacityProvider": {"name": "new", "autoScalingGroupProvider": {"autoScalingGroupArn": "group-2"}},
    "UpdateCapacityProvider": {"name": "mine", "autoScalingGroupProvider": {}},
    "DeleteCapacityProvider": {"capacityProvider": "mine"},
    "RegisterTaskDefinition": {"family": "new", "containerDefinitions": [CONTAINER]},
    "DescribeTaskDefinition": {"taskDefinition": "worker"},
    "ListTaskDefinitions": {},
    "ListTaskDefinitionFamilies": {},
    "DeregisterTaskDefinition": {"taskDefinition": "worker:1"},
    "DeleteTaskDefinitions": {"taskDefinitions": ["worker:1"]},
    "CreateService": {"cluster": CLUSTER, "serviceName": "new", "taskDefinition": "worker", "desiredCount": 1},
    "UpdateService": {"cluster": CLUSTER, "service": "web"},
    "DescribeServices": {"cluster": CLUSTER, "services": ["web"]},
    "ListServices": {"cluster": CLUSTER},
    "ListServicesByNamespace": {"namespace": "shop"},
    "DeleteService": {"cluster": CLUSTER, "service": "web", "force": True},
    "ListServiceDeployments": {"cluster": CLUSTER, "service": "web"},
    "DescribeServiceDeployments": {"serviceDeploymentArns": ["{service_deployment}"]},
    "DescribeServiceRevisions": {"serviceRevisionArns": ["{service_revision}"]},
    "StopServiceDeployment": {"serviceDeploymentArn": "{service_deployment}"},
    "ContinueServiceDeployment": {"serviceDeploymentArn": "{service_deployment}", "hookId": "hook"},
    "CreateTaskSet": {**TASK_SET, "taskDefinition": "worker"},
    "DescribeTaskSets": TASK_SET,
    "UpdateTaskSet": {**TASK_SET, "taskSet": "ecs-svc/1", "scale": {"value": 50, "unit": "PERCENT"}},
    "DeleteTaskSet": {**TASK_SET, "taskSet": "ecs-svc/1"},
    "UpdateServicePrimaryTaskSet": {**TASK_SET, "primaryTaskSet": "ecs-svc/1"},
    "RunTask": {"cluster": CLUSTER, "taskDefinition": "worker"},
    "StartTask": {"cluster": INSTANCES, "taskDefinition": "worker", "containerInstances": ["{instance}"]},
    "StopTask": {"cluster": CLUSTER, "task": "{task}"},
    "DescribeTasks": {"cluster": CLUSTER, "tasks": ["{task}"]},
    "ListTasks": {"cluster": CLUSTER},
    "UpdateTaskProtection": {"cluster": CLUSTER, "tasks": ["{task}"], "protectionEnabled": True},
    "GetTaskProtection": {"cluster": CLUSTER},
    "ExecuteCommand": {"cluster": CLUSTER, "task": "{task}", "command": "sh", "interactive": True},
    "ListContainerInstances": {"cluster": INSTANCES},
    "DescribeContainerInstances": {"cluster": INSTANCES, "containerInstances": ["{instance}"]},
    "UpdateContainerInstancesState": {
        "cluster": INSTANCES,
        "containerInstances": ["{instance}"],
        "status": "DRAINING",
    },
    "RegisterContainerInstance": {"cluster": INSTANCES},
    "DeregisterContainerInstance": {"cluster": INSTANCES, "containerInstance": "{instance}"},
    "UpdateContainerAgent": {"cluster": INSTANCES, "containerInstance": "{instance}"},
    "DiscoverPollEndpoint": {},
    "PutAttributes": {"cluster": INSTANCES, "attributes": [{"name": "a", "targetId": "{instance}"}]},
    "DeleteAttributes": {"cluster": INSTANCES, "attributes": [{"name": "a", "targetId": "{instance}"}]},
    "ListAttributes": {"cluster": INSTANCES, "targetType": "container-instance"},
    "TagResource": {"resourceArn": "{task}", "tags": TAGS},
    "UntagResource": {"resourceArn": "{task}", "tagKeys": ["k"]},
    "ListTagsForResource": {"resourceArn": "{task}"},
    "PutAccountSetting": {"name": "containerInsights", "value": "enabled"},
    "PutAccountSettingDefault": {"name": "containerInsights", "value": "enabled"},
    "DeleteAccountSetting": {"name": "containerInsights"},
    "ListAccountSettings": {},
}

WHOLE: Mapping[str, Mapping[str, Any]] = {
    "CreateCluster": {
        "clusterName": "new",
        "tags": TAGS,
        "capacityProviders": ["FARGATE"],
        "defaultCapacityProviderStrategy": [{"capacityProvider": "FARGATE", "weight": 1}],
        "serviceConnectDefaults": {"namespace": "shop"},
    },
    "DescribeClusters": {"clusters": [CLUSTER], "include": ["TAGS"]},
    "ListClusters": PAGE,
    "UpdateCluster": {"serviceConnectDefaults": {"namespace": "shop"}},
    "DescribeCapacityProviders": {"cluster": CLUSTER, "capacityProviders": ["FARGATE"], "include": ["TAGS"], **PAGE},
    "CreateCapacityProvider": {"tags": TAGS},
    "RegisterTaskDefinition": {
        "networkMode": "bridge",
        "volumes": [],
        "cpu": "256",
        "memory": "512",
        "enableFaultInjection": True,
        "tags": TAGS,
    },
    "DescribeTaskDefinition": {"include": ["TAGS"]},
    "ListTaskDefinitions": {"familyPrefix": "worker", "status": "ACTIVE", "sort": "DESC", **PAGE},
    "ListTaskDefinitionFamilies": {"familyPrefix": "worker", "status": "ACTIVE", **PAGE},
    "CreateService": {
        "clientToken": "token",
        "capacityProviderStrategy": SPOT,
        "deploymentConfiguration": {"maximumPercent": 150},
        "deploymentController": {"type": "ECS"},
        "schedulingStrategy": "REPLICA",
        "healthCheckGracePeriodSeconds": 1,
        "loadBalancers": [],
        "networkConfiguration": NETWORK,
        "propagateTags": "SERVICE",
        "enableECSManagedTags": True,
        "serviceConnectConfiguration": {"enabled": False},
        "tags": TAGS,
    },
    "UpdateService": {
        "desiredCount": 2,
        "taskDefinition": "worker",
        "capacityProviderStrategy": SPOT,
        "deploymentConfiguration": {"maximumPercent": 150},
        "deploymentController": {"type": "ECS"},
        "healthCheckGracePeriodSeconds": 1,
        "forceNewDeployment": True,
        "loadBalancers": [],
        "propagateTags": "SERVICE",
        "enableECSManagedTags": True,
        "serviceConnectConfiguration": {"enabled": False},
    },
    "DescribeServices": {"include": ["TAGS"]},
    "ListServices": {
        "launchType": "EC2",
        "schedulingStrategy": "REPLICA",
        "resourceManagementType": "CUSTOMER",
        **PAGE,
    },
    "ListServicesByNamespace": PAGE,
    "ListServiceDeployments": {"status": ["IN_PROGRESS"], "createdAt": {"after": 1}, **PAGE},
    "StopServiceDeployment": {"stopType": "ROLLBACK"},
    "ContinueServiceDeployment": {"action": "CONTINUE"},
    "RunTask": {
        "capacityProviderStrategy": SPOT,
        "count": 1,
        "enableECSManagedTags": True,
        "group": "g",
        "networkConfiguration": NETWORK,
        "overrides": {"containerOverrides": [{"name": "worker", "command": ["batch"]}]},
        "platformVersion": "LATEST",
        "propagateTags": "TASK_DEFINITION",
        "referenceId": "r",
        "startedBy": "ada",
        "tags": TAGS,
        "clientToken": "token",
    },
    "StartTask": {
        "group": "g",
        "networkConfiguration": NETWORK,
        "overrides": {},
        "propagateTags": "NONE",
        "referenceId": "r",
        "startedBy": "ada",
        "tags": TAGS,
    },
    "StopTask": {"reason": "because"},
    "DescribeTasks": {"include": ["TAGS"]},
    "ListTasks": {"family": "worker", "serviceName": "web", "desiredStatus": "RUNNING", "launchType": "EC2", **PAGE},
    "UpdateTaskProtection": {"expiresInMinutes": 5},
    "GetTaskProtection": {"tasks": ["{task}"]},
    "ExecuteCommand": {"container": "web-server"},
    "ListContainerInstances": {"filter": "agentConnected == true", "status": "ACTIVE", **PAGE},
    "DescribeContainerInstances": {"include": ["TAGS", "CONTAINER_INSTANCE_HEALTH"]},
    "DeregisterContainerInstance": {"force": True},
    "ListAttributes": {"attributeName": "a", "attributeValue": "b", **PAGE},
    "PutAccountSetting": {"principalArn": "arn:aws:iam::123456789012:root"},
    "DeleteAccountSetting": {"principalArn": "arn:aws:iam::123456789012:root"},
    "ListAccountSettings": {
        "name": "containerInsights",
        "value": "enabled",
        "principalArn": "arn:aws:iam::123456789012:root",
        "effectiveSettings": True,
        **PAGE,
    },
}


def with_everything() -> Harness:
    """A service web of two whose namespace is shop, a cluster without anything, one that was deleted, one that has a
    container instance, and a capacity provider mine."""
    api = Harness()
    web = {
        "cluster": CLUSTER,
        "serviceName": "web",
        "taskDefinition": "web-server",
        "desiredCount": 2,
        "serviceConnectConfiguration": {"enabled": True, "namespace": "shop"},
    }
    for operation, params in (
        ("CreateService", web),
        ("CreateCluster", {"clusterName": "spare"}),
        ("CreateCluster", {"clusterName": "gone"}),
        ("DeleteCluster", {"cluster": "gone"}),
        ("CreateCapacityProvider", {"name": "mine", "autoScalingGroupProvider": {"autoScalingGroupArn": "group"}}),
        ("CreateCluster", {"clusterName": INSTANCES}),
    ):
        status, body = api.call(operation, params)
        assert status == 200, body
    add_instance(api, "a1", cluster=INSTANCES)
    api.simulation.advance(5)
    return api


def filled_in(value: Any, api: Harness) -> Any:
    """A request with the names of what is really there."""
    state = api.simulation.state
    there: Mapping[str, Mapping[str, object]] = {
        "{task}": state.tasks,
        "{service_deployment}": state.service_deployments,
        "{service_revision}": state.service_revisions,
        "{instance}": state.container_instances,
    }
    return named(value, {name: next(iter(table)) for name, table in there.items()})


def named(value: Any, names: Mapping[str, str]) -> Any:
    """A request with these names for what stands for them."""
    if isinstance(value, Mapping):
        return {name: named(item, names) for name, item in value.items()}
    if isinstance(value, list):
        return [named(item, names) for item in value]
    return names.get(value, value) if isinstance(value, str) else value
