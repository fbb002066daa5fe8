"""Services, their deployments and the history of these as the wire has them: beside `views.py`, with the same rules."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from chaos_ecs.api.strategies import strategy_view
from chaos_ecs.api.views import CREATED_BY, FARGATE_PLATFORM_VERSION, pending, running, tag_list
from chaos_ecs.core.balancing import ServiceLoadBalancer
from chaos_ecs.core.deploying import (
    Deployment,
    DeploymentConfiguration,
    DeploymentStatus,
    DeploymentStrategy,
    HookPause,
    LifecycleStage,
    ServiceDeployment,
    ServiceRevision,
    TrafficShift,
)
from chaos_ecs.core.model import Service, Task
from chaos_ecs.core.state import State

_OF_DEPLOYMENTS = (
    "deploymentConfiguration",
    "serviceConnectConfiguration",
    "volumeConfigurations",
    "vpcLatticeConfigurations",
)
"""Members of CreateService that DescribeServices shows in another place."""

_OF_REVISIONS = (
    "capacityProviderStrategy",
    "networkConfiguration",
    "serviceConnectConfiguration",
    "serviceRegistries",
    "volumeConfigurations",
    "vpcLatticeConfigurations",
)
"""The same members, and those that API_ServiceRevision returns as they were said."""


# --- services ---


def service_view(state: State, service: Service, *, tags: bool = False) -> dict[str, Any]:
    tasks = state.live_tasks_of(service.arn)
    registered = json.loads(service.registered)
    history = state.deployments_of(service.arn)
    return {
        "serviceRegistries": [],
        "placementConstraints": [],
        "placementStrategy": [],
        "schedulingStrategy": "REPLICA",
        "deploymentController": {"type": "ECS"},
        "enableECSManagedTags": False,
        "propagateTags": "NONE",
        "enableExecuteCommand": False,
        **_platform(service.launch_type, "LATEST"),
        **{name: value for name, value in registered.items() if name not in _OF_DEPLOYMENTS},
        "availabilityZoneRebalancing": "ENABLED" if service.placement.rebalances else "DISABLED",
        "serviceArn": service.arn,
        "serviceName": service.name,
        "clusterArn": service.cluster_arn,
        "status": service.status,
        "desiredCount": service.desired_count,
        "runningCount": running(tasks),
        "pendingCount": pending(tasks),
        "launchType": _launch_type(service.launch_type, registered),
        "taskDefinition": service.task_definition_arn,
        "loadBalancers": _load_balancers_view(service.load_balancers),
        "deploymentConfiguration": _deployment_configuration_view(
            service.deployment_configuration, registered.get("deploymentConfiguration", {})
        ),
        "deployments": [_deployment_view(state, service, item, tasks) for item in service.deployments],
        "currentServiceDeployment": history[0].arn if history else None,
        "currentServiceRevisions": [
            _revision_summary(service, arn, tasks)
            for arn in dict.fromkeys(item.revision_arn for item in service.deployments)
            if arn
        ],
        "events": [
            {"id": event.id, "createdAt": event.created_at, "message": event.message}
            for event in state.events_of(service.arn)
        ],
        "createdAt": service.created_at,
        "createdBy": CREATED_BY,
        "healthCheckGracePeriodSeconds": service.health_check_grace_period_seconds,
        "tags": tag_list(service.tags) if tags else None,
    }


def _deployment_view(state: State, service: Service, deployment: Deployment, tasks: Sequence[Task]) -> dict[str, Any]:
    """API_Deployment: the newest one wants what the service wants, an older one what is left for it, with the members
    that it was made with."""
    own = [task for task in tasks if task.deployment_id == deployment.id]
    newest = deployment.status is DeploymentStatus.PRIMARY
    revision = None if newest else state.service_revisions.get(deployment.revision_arn)
    known = revision or service
    registered = json.loads(known.registered)
    return {
        "id": deployment.id,
        "status": deployment.status,
        "taskDefinition": deployment.task_definition_arn,
        "desiredCount": service.desired_count if newest else deployment.desired_count,
        "pendingCount": pending(own),
        "runningCount": running(own),
        "failedTasks": deployment.failed_tasks,
        "createdAt": deployment.created_at,
        "updatedAt": deployment.updated_at,
        "capacityProviderStrategy": registered.get("capacityProviderStrategy"),
        "launchType": _launch_type(known.launch_type, registered),
        **_platform(known.launch_type, _platform_version(registered)),
        "networkConfiguration": registered.get("networkConfiguration"),
        "rolloutState": deployment.rollout_state,
        "rolloutStateReason": deployment.rollout_state_reason,
        "serviceConnectConfiguration": registered.get("serviceConnectConfiguration"),
        "volumeConfigurations": registered.get("volumeConfigurations"),
        "vpcLatticeConfigurations": registered.get("vpcLatticeConfigurations"),
    }


def _deployment_configuration_view(configuration: DeploymentConfiguration, said: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **said,
        **strategy_view(configuration),
        "deploymentCircuitBreaker": _circuit_breaker_view(configuration, said.get("deploymentCircuitBreaker", {})),
        "maximumPercent": configuration.maximum_percent,
        "minimumHealthyPercent": configuration.minimum_healthy_percent,
    }


def _circuit_breaker_view(configuration: DeploymentConfiguration, said: Mapping[str, Any]) -> dict[str, Any]:
    """The two newer members only where they were said or are not ECS's defaults, as older clients know the answer."""
    usual = DeploymentConfiguration()
    threshold = {"type": configuration.circuit_breaker_type, "value": configuration.circuit_breaker_value}
    is_usual = threshold == {"type": usual.circuit_breaker_type, "value": usual.circuit_breaker_value}
    resets = configuration.circuit_breaker_reset
    return {
        "enable": configuration.circuit_breaker_enable,
        "rollback": configuration.circuit_breaker_rollback,
        "resetOnHealthyTask": None if resets and "resetOnHealthyTask" not in said else resets,
        "thresholdConfiguration": None if is_usual and "thresholdConfiguration" not in said else threshold,
    }


def _load_balancers_view(load_balancers: Sequence[ServiceLoadBalancer]) -> list[dict[str, Any]]:
    return [
        {
            "targetGroupArn": item.target_group_arn,
            "containerName": item.container_name,
            "containerPort": item.container_port,
            "advancedConfiguration": _advanced_view(item),
        }
        for item in load_balancers
    ]


def _advanced_view(item: ServiceLoadBalancer) -> dict[str, Any] | None:
    if not item.alternate_target_group_arn:
        return None
    return {
        "alternateTargetGroupArn": item.alternate_target_group_arn,
        "productionListenerRule": item.production_rule_arn,
        "testListenerRule": item.test_rule_arn or None,
        "roleArn": item.role_arn or None,
    }


def _launch_type(launch_type: str, registered: Mapping[str, Any]) -> str | None:
    """None where a capacity provider strategy stands for it."""
    return None if registered.get("capacityProviderStrategy") else launch_type


def _platform(launch_type: str, version: str) -> dict[str, str | None]:
    fargate = launch_type == "FARGATE"
    return {"platformVersion": version if fargate else None, "platformFamily": "Linux" if fargate else None}


def _platform_version(registered: Mapping[str, Any]) -> str:
    """A service keeps LATEST as it was said; its deployments and revisions tell the version that was meant."""
    said: str = registered.get("platformVersion", "LATEST")
    return FARGATE_PLATFORM_VERSION if said == "LATEST" else said


# --- service deployments and revisions ---


def service_deployment_brief(deployment: ServiceDeployment) -> dict[str, Any]:
    """API_ServiceDeploymentBrief."""
    return {
        "serviceDeploymentArn": deployment.arn,
        "serviceArn": deployment.service_arn,
        "clusterArn": deployment.cluster_arn,
        "createdAt": deployment.created_at,
        "startedAt": deployment.created_at,
        "finishedAt": deployment.finished_at,
        "targetServiceRevisionArn": deployment.target_revision_arn,
        "status": deployment.status,
        "statusReason": deployment.status_reason or None,
    }


def _stage_view(deployment: ServiceDeployment) -> str | None:
    """ECS's model has no word here for the one stage before the shift: hooks may be there, but it is not told."""
    stage = deployment.shift.stage if deployment.shift else None
    return None if stage is LifecycleStage.PRE_PRODUCTION_TRAFFIC_SHIFT else stage


def service_deployment_view(state: State, deployment: ServiceDeployment) -> dict[str, Any]:
    """API_ServiceDeployment. Counts of tasks are those of now, nothing for a revision that has left the service."""
    service = state.services[deployment.service_arn]
    tasks = state.live_tasks_of(service.arn)
    return {
        "serviceDeploymentArn": deployment.arn,
        "serviceArn": deployment.service_arn,
        "clusterArn": deployment.cluster_arn,
        "createdAt": deployment.created_at,
        "startedAt": deployment.created_at,
        "updatedAt": deployment.updated_at or deployment.created_at,
        "finishedAt": deployment.finished_at,
        "stoppedAt": deployment.stopped_at,
        "sourceServiceRevisions": [
            _revision_summary(service, arn, tasks) | _weights(state, deployment, arn)
            for arn in deployment.source_revision_arns
        ],
        "targetServiceRevision": _revision_summary(service, deployment.target_revision_arn, tasks)
        | _weights(state, deployment, deployment.target_revision_arn),
        "status": deployment.status,
        "statusReason": deployment.status_reason or None,
        "lifecycleStage": _stage_view(deployment),
        "lifecycleHookDetails": [_pause_view(item) for item in deployment.shift.pauses] if deployment.shift else None,
        "deploymentConfiguration": _deployment_configuration_view(deployment.configuration, {}),
        "rollback": _rollback_view(deployment),
        "deploymentCircuitBreaker": {
            "status": deployment.breaker_status,
            "failureCount": deployment.failure_count,
            "threshold": deployment.threshold,
        },
        "alarms": {"status": "DISABLED"},
    }


def _rollback_view(deployment: ServiceDeployment) -> dict[str, Any] | None:
    if deployment.rollback_started_at is None:
        return None
    return {
        "reason": deployment.rollback_reason,
        "startedAt": deployment.rollback_started_at,
        "serviceRevisionArn": deployment.rollback_revision_arn or None,
    }


def _revision_summary(service: Service, revision_arn: str, tasks: Sequence[Task]) -> dict[str, Any]:
    """API_ServiceRevisionSummary: several deployments can be of one revision, as after a rollback."""
    deployments = [item for item in service.deployments if item.revision_arn == revision_arn]
    ids = [item.id for item in deployments]
    own = [task for task in tasks if task.deployment_id in ids]
    return {
        "arn": revision_arn,
        "requestedTaskCount": sum(
            service.desired_count if item.status is DeploymentStatus.PRIMARY else item.desired_count
            for item in deployments
        ),
        "runningTaskCount": running(own),
        "pendingTaskCount": pending(own),
    }


def _pause_view(pause: HookPause) -> dict[str, Any]:
    """API_DeploymentLifecycleHookDetail."""
    return {
        "hookId": pause.id,
        "targetType": "PAUSE",
        "status": pause.status,
        "expiresAt": pause.expires_at,
        "timeoutAction": pause.timeout_action,
    }


def _weights(state: State, deployment: ServiceDeployment, revision_arn: str) -> dict[str, float]:
    """How much of the traffic a service deployment sends a revision, or did in the end."""
    revision = state.service_revisions.get(deployment.target_revision_arn)
    shift, is_target = deployment.shift, revision_arn == deployment.target_revision_arn
    if deployment.configuration.strategy is DeploymentStrategy.ROLLING or revision is None:
        return {}
    if shift is None:  # the first one of a service has nothing to move traffic from
        return _requested(revision, 100.0, 100.0) if is_target else {}
    if is_target:
        return _requested(revision, shift.production_percent, shift.test_percent)
    if not _is_source(shift, revision_arn):
        return _requested(revision, 0.0, 0.0)
    return _requested(revision, 100 - shift.production_percent, 100 - shift.test_percent)


def _is_source(shift: TrafficShift, revision_arn: str) -> bool:
    """A revision's ARN ends in the digits of the deployment it was made for, which may be gone by now."""
    return revision_arn.rsplit("/", 1)[1] == shift.source_id.rsplit("/", 1)[1]


def _requested(revision: ServiceRevision, production: float, test: float) -> dict[str, float]:
    """The two members of API_ServiceRevisionSummary, of test traffic where there is a rule for it."""
    told = {"requestedProductionTrafficWeight": round(production, 1)}
    if any(item.test_rule_arn for item in revision.load_balancers):
        told["requestedTestTrafficWeight"] = round(test, 1)
    return told


def service_revision_view(state: State, revision: ServiceRevision) -> dict[str, Any]:
    """API_ServiceRevision."""
    registered = json.loads(revision.registered)
    definition = state.task_definitions[revision.task_definition_arn]
    return {
        **{name: registered[name] for name in _OF_REVISIONS if name in registered},
        "serviceRevisionArn": revision.arn,
        "serviceArn": revision.service_arn,
        "clusterArn": revision.cluster_arn,
        "taskDefinition": revision.task_definition_arn,
        "launchType": _launch_type(revision.launch_type, registered),
        **_platform(revision.launch_type, _platform_version(registered)),
        "loadBalancers": _load_balancers_view(revision.load_balancers),
        "containerImages": [
            {"containerName": container.name, "image": container.image} for container in definition.containers
        ],
        "guardDutyEnabled": False,
        "resolvedConfiguration": _resolved_view(revision),
        "createdAt": revision.created_at,
    }


def _resolved_view(revision: ServiceRevision) -> dict[str, Any] | None:
    """API_ResolvedConfiguration: which of two target groups a revision uses; absent where there is but one."""
    if not any(item.alternate_target_group_arn for item in revision.load_balancers):
        return None
    return {
        "loadBalancers": [
            {
                "targetGroupArn": item.target_group_arn,
                "productionListenerRule": item.production_rule_arn or None,
            }
            for item in revision.resolved
        ]
    }
