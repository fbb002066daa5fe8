"""Members of clusters, and of whoever is placed by a capacity provider strategy: from the wire, checked, and back.

A cluster keeps what was said of it as JSON (`Cluster.registered`). Sources: API_CreateCluster, API_UpdateCluster,
API_PutClusterCapacityProviders, API_CapacityProviderStrategyItem.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from chaos_ecs.api.operations.account import INSIGHTS, VALUES
from chaos_ecs.core.arns import capacity_provider_arn, region_of
from chaos_ecs.core.capacity_commands import UNKNOWN_PROVIDER
from chaos_ecs.core.capacity_providers import FARGATE_PROVIDERS, items_of
from chaos_ecs.core.errors import InvalidParameterException, ResourceInUseException
from chaos_ecs.core.model import Cluster, ServiceStatus
from chaos_ecs.core.sharing import DEFAULT, NOT_ASSOCIATED, check_associated, said_of
from chaos_ecs.core.state import State

CLUSTER_MEMBERS = (
    "settings",
    "configuration",
    "serviceConnectDefaults",
    "capacityProviders",
    DEFAULT,
)
CLUSTER_PROVIDERS_LIMIT = 20

_Params = Mapping[str, Any]
_Strategy = Sequence[Mapping[str, Any]]


def members_of(cluster: Cluster | None) -> dict[str, Any]:
    """What was said of the cluster."""
    known: dict[str, Any] = json.loads(cluster.registered) if cluster else {}
    return known


def said_of_cluster(params: _Params) -> dict[str, Any]:
    """The members of a request that a cluster keeps. Raises InvalidParameterException."""
    said = {name: params[name] for name in CLUSTER_MEMBERS if name in params}
    check_settings(said.get("settings", ()))
    _check_logging(said.get("configuration", {}).get("executeCommandConfiguration", {}))
    if "serviceConnectDefaults" in said and not said["serviceConnectDefaults"].get("namespace"):
        said["serviceConnectDefaults"] = {}  # API_ClusterServiceConnectDefaultsRequest: an empty string removes it
    return said


def check_settings(settings: Sequence[_Params]) -> None:
    for setting in settings:
        if "name" not in setting or setting.get("value") not in VALUES[INSIGHTS]:
            raise InvalidParameterException(
                f"The value of the cluster setting {INSIGHTS} must be one of {', '.join(VALUES[INSIGHTS])}."
            )


def _check_logging(said: _Params) -> None:
    """API_ExecuteCommandConfiguration, in the words it was seen to be refused with."""
    overrides, target = said.get("logging") == "OVERRIDE", said.get("logConfiguration", {})
    if target and not overrides:
        raise InvalidParameterException("You must set logging to 'OVERRIDE' when you supply a log configuration.")
    if overrides and not (target.get("cloudWatchLogGroupName") or target.get("s3BucketName")):
        raise InvalidParameterException(
            "A CloudWatch log group name or S3 bucket name must be specified when overriding the default log "
            "configuration."
        )


def default_namespace(state: State, cluster_arn: str) -> str | None:
    """The Service Connect namespace of services that name none."""
    namespace: str | None = (
        members_of(state.clusters.get(cluster_arn)).get("serviceConnectDefaults", {}).get("namespace")
    )
    return namespace


def check_providers(state: State, cluster: str, providers: Sequence[str], strategy: _Strategy) -> None:
    """What a cluster, by its ARN, is to be associated with, and what it places by if nobody says anything. Raises
    InvalidParameterException."""
    if len(providers) > CLUSTER_PROVIDERS_LIMIT:
        raise InvalidParameterException("The maximum number of capacity providers per cluster has been exceeded.")
    if len(dict.fromkeys(providers)) < len(providers):
        raise InvalidParameterException("capacityProviders cannot contain duplicates.")
    for name in providers:
        _check_provider(state, cluster, name)
    if any(item.provider not in providers for item in items_of(said_of(strategy))):
        raise InvalidParameterException(NOT_ASSOCIATED)


def _check_provider(state: State, cluster: str, name: str) -> None:
    """One of one's own is ACTIVE, and of no other cluster (API_CreateCluster.capacityProviders)."""
    if name in FARGATE_PROVIDERS:
        return
    known = state.capacity_providers.get(capacity_provider_arn(region_of(cluster), name))
    if known is None:
        raise InvalidParameterException(UNKNOWN_PROVIDER)
    if not known.is_active:
        raise InvalidParameterException(
            f"The specified capacity provider '{name}' is not in an ACTIVE state. Specify a valid capacity provider "
            "and try again."
        )
    other = cluster_with(state, region_of(cluster), name)
    if other is not None and other.arn != cluster:
        raise InvalidParameterException(
            f"The specified capacity provider '{name}' is already associated with cluster: {other.name}. Remove the "
            "capacity provider from the cluster and try again."
        )


def cluster_with(state: State, region: str, name: str) -> Cluster | None:
    """The cluster that is associated with a capacity provider; of one's own there is at most one."""
    active = (item for item in state.clusters.values() if item.status == "ACTIVE" and region_of(item.arn) == region)
    return next((item for item in active if name in members_of(item).get("capacityProviders", ())), None)


def placed(state: State, cluster_arn: str, params: _Params) -> _Params:
    """The request, with the cluster's default strategy where it says neither launch type nor strategy
    (API_RunTask.capacityProviderStrategy). Raises InvalidParameterException for a strategy that cannot be had."""
    cluster = state.clusters.get(cluster_arn)
    strategy = params.get("capacityProviderStrategy", ())
    if strategy and "launchType" not in params:
        check_associated(cluster, items_of(said_of(strategy)))
    default = members_of(cluster).get(DEFAULT)
    if strategy or "launchType" in params or not default:
        return params
    return {**params, "capacityProviderStrategy": default}


def check_unused(state: State, cluster: Cluster, providers: Sequence[str]) -> None:
    """A provider that a service still places by, or that a task is on, cannot be taken away. Raises
    ResourceInUseException (API_PutClusterCapacityProviders)."""
    used = {task.capacity_provider for task in state.tasks_in(cluster.arn) if not task.is_stopped} - {""}
    for service in state.services_in(cluster.arn):
        if service.status is not ServiceStatus.INACTIVE:
            used |= {name for name, _, _ in service.placement.providers}
    if used - {*providers}:
        raise ResourceInUseException("The specified capacity provider is in use and cannot be removed.")
