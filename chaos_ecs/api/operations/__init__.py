"""The ECS operations that chaos-ecs has, in an explicit table: a name, and one plain function that takes a Call.

An operation that is in the model and not here answers 501 and is named. To add one: a function in the file of its noun,
a line here, and a test of its happy path and of each of its errors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any

from chaos_ecs.api.call import Call
from chaos_ecs.api.operations import clusters, definitions, deployments, protection, services, tasks

Perform = Callable[[Call], "Future[dict[str, Any]]"]

ECS_OPERATIONS: Mapping[str, Perform] = {
    "CreateCluster": clusters.create_cluster,
    "DescribeClusters": clusters.describe_clusters,
    "ListClusters": clusters.list_clusters,
    "DeleteCluster": clusters.delete_cluster,
    "RegisterTaskDefinition": definitions.register_task_definition,
    "DescribeTaskDefinition": definitions.describe_task_definition,
    "ListTaskDefinitions": definitions.list_task_definitions,
    "ListTaskDefinitionFamilies": definitions.list_task_definition_families,
    "DeregisterTaskDefinition": definitions.deregister_task_definition,
    "CreateService": services.create_service,
    "UpdateService": services.update_service,
    "DescribeServices": services.describe_services,
    "ListServices": services.list_services,
    "DeleteService": services.delete_service,
    "ListServiceDeployments": deployments.list_service_deployments,
    "DescribeServiceDeployments": deployments.describe_service_deployments,
    "DescribeServiceRevisions": deployments.describe_service_revisions,
    "StopServiceDeployment": deployments.stop_service_deployment,
    "ContinueServiceDeployment": deployments.continue_service_deployment,
    "RunTask": tasks.run_task,
    "StopTask": tasks.stop_task,
    "DescribeTasks": tasks.describe_tasks,
    "ListTasks": tasks.list_tasks,
    "UpdateTaskProtection": protection.update_task_protection,
    "GetTaskProtection": protection.get_task_protection,
}
