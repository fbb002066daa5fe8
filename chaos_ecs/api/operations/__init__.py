"""The ECS operations that chaos-ecs has, in an explicit table: a name, and one plain function that takes a Call.

An operation that is in the model and not here answers 501 and is named. To add one: a function in the file of its noun,
a line here, and a test of its happy path and of each of its errors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any

from chaos_ecs.api.call import Call
from chaos_ecs.api.operations import (
    account,
    attributes,
    capacity,
    clusters,
    definitions,
    deletions,
    deployments,
    execution,
    instances,
    namespaces,
    protection,
    services,
    starting,
    tags,
    task_sets,
    tasks,
)

Perform = Callable[[Call], "Future[dict[str, Any]]"]

ECS_OPERATIONS: Mapping[str, Perform] = {
    "CreateCluster": clusters.create_cluster,
    "DescribeClusters": clusters.describe_clusters,
    "ListClusters": clusters.list_clusters,
    "DeleteCluster": clusters.delete_cluster,
    "UpdateCluster": clusters.update_cluster,
    "UpdateClusterSettings": clusters.update_cluster_settings,
    "PutClusterCapacityProviders": clusters.put_cluster_capacity_providers,
    "DescribeCapacityProviders": capacity.describe_capacity_providers,
    "CreateCapacityProvider": capacity.create_capacity_provider,
    "UpdateCapacityProvider": capacity.update_capacity_provider,
    "DeleteCapacityProvider": capacity.delete_capacity_provider,
    "RegisterTaskDefinition": definitions.register_task_definition,
    "DescribeTaskDefinition": definitions.describe_task_definition,
    "ListTaskDefinitions": definitions.list_task_definitions,
    "ListTaskDefinitionFamilies": definitions.list_task_definition_families,
    "DeregisterTaskDefinition": definitions.deregister_task_definition,
    "DeleteTaskDefinitions": deletions.delete_task_definitions,
    "CreateService": services.create_service,
    "UpdateService": services.update_service,
    "DescribeServices": services.describe_services,
    "ListServices": services.list_services,
    "ListServicesByNamespace": namespaces.list_services_by_namespace,
    "DeleteService": services.delete_service,
    "ListServiceDeployments": deployments.list_service_deployments,
    "DescribeServiceDeployments": deployments.describe_service_deployments,
    "DescribeServiceRevisions": deployments.describe_service_revisions,
    "StopServiceDeployment": deployments.stop_service_deployment,
    "ContinueServiceDeployment": deployments.continue_service_deployment,
    "CreateTaskSet": task_sets.refuse_task_set,
    "DescribeTaskSets": task_sets.refuse_task_set,
    "UpdateTaskSet": task_sets.refuse_task_set,
    "DeleteTaskSet": task_sets.refuse_task_set,
    "UpdateServicePrimaryTaskSet": task_sets.refuse_task_set,
    "RunTask": tasks.run_task,
    "StartTask": starting.start_task,
    "StopTask": tasks.stop_task,
    "DescribeTasks": tasks.describe_tasks,
    "ListTasks": tasks.list_tasks,
    "UpdateTaskProtection": protection.update_task_protection,
    "GetTaskProtection": protection.get_task_protection,
    "ExecuteCommand": execution.execute_command,
    "ListContainerInstances": instances.list_container_instances,
    "DescribeContainerInstances": instances.describe_container_instances,
    "UpdateContainerInstancesState": instances.update_container_instances_state,
    "RegisterContainerInstance": instances.register_container_instance,
    "DeregisterContainerInstance": instances.deregister_container_instance,
    "UpdateContainerAgent": instances.update_container_agent,
    "DiscoverPollEndpoint": instances.discover_poll_endpoint,
    "PutAttributes": attributes.put_attributes,
    "DeleteAttributes": attributes.delete_attributes,
    "ListAttributes": attributes.list_attributes,
    "TagResource": tags.tag_resource,
    "UntagResource": tags.untag_resource,
    "ListTagsForResource": tags.list_tags_for_resource,
    "PutAccountSetting": account.put_account_setting,
    "PutAccountSettingDefault": account.put_account_setting_default,
    "DeleteAccountSetting": account.delete_account_setting,
    "ListAccountSettings": account.list_account_settings,
}
