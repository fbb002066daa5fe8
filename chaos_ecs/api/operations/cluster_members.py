"""Members of clusters, and of whoever is placed by a capacity provider strategy: from the wire, checked, and back.

A cluster keeps what was said of it as JSON (`Cluster.registered`). Sources: API_CreateCluster, API_UpdateCluster,
API_PutClusterCapacityProviders, API_CapacityProviderStrategyItem.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from chaos_ecs.api.operations.account import INSIGHTS, VALUES
from chaos_ecs.core.errors import InvalidParameterException, ResourceInUseException
from chaos_ecs.core.model import Cluster, ServiceStatus
from chaos_ecs.core.state import State

CLUSTER_MEMBERS = (
    "settings",
    "configuration",
    "serviceConnectDefaults",
    "capacityProviders",
    "defaultCapacityProviderStrategy",
)
CAPACITY_PROVIDERS = ("FARGATE", "FARGATE_SPOT")
"""Those that are there without being created; there are no others here yet."""

STRATEGY_LIMIT = 20
CLUSTER_PROVIDERS_LIMIT = 20

UNKNOWN_PROVIDER = "The specified capacity provider does not exist. Specify a valid name or ARN and try again."
NOT_ASSOCIATED = (
    "The specified capacity provider strategy cannot contain a capacity provider that is not associated with the "
    "cluster. Associate the capacity provider with the cluster or specify a valid capacity provider and try again."
)

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


def check_providers(providers: Sequence[str], strategy: _Strategy) -> None:
    """What a cluster is to be associated with, and what it places by if nobody says anything."""
    if len(providers) > CLUSTER_PROVIDERS_LIMIT:
        raise InvalidParameterException(f"capacityProviders can have at most {CLUSTER_PROVIDERS_LIMIT} items.")
    if len(dict.fromkeys(providers)) < len(providers):
        raise InvalidParameterException("capacityProviders cannot contain duplicates.")
    if any(name not in CAPACITY_PROVIDERS for name in providers):
        raise InvalidParameterException(UNKNOWN_PROVIDER)
    check_strategy(providers, strategy)


def check_strategy(providers: Sequence[str], strategy: _Strategy) -> None:
    """Whether a strategy names providers of its cluster only, each once, and at most one base."""
    if not strategy:
        return
    if len(strategy) > STRATEGY_LIMIT:
        raise InvalidParameterException(
            f"A capacity provider strategy can contain a maximum of {STRATEGY_LIMIT} capacity providers."
        )
    names = [item["capacityProvider"] for item in strategy]
    if len(dict.fromkeys(names)) < len(names):
        raise InvalidParameterException("A capacity provider strategy cannot contain duplicate capacity providers.")
    if any(name not in providers for name in names):
        raise InvalidParameterException(NOT_ASSOCIATED)
    if sum(1 for item in strategy if item.get("base")) > 1:
        raise InvalidParameterException(
            "There are multiple capacity providers in the specified capacity provider strategy with a base value "
            "defined."
        )
    if all(item.get("weight", 1 if len(strategy) == 1 else 0) == 0 for item in strategy):
        raise InvalidParameterException(
            "There are no capacity providers in the capacity provider strategy with a weight value greater than zero."
        )


def placed(state: State, cluster_arn: str, params: _Params) -> _Params:
    """The request, with the cluster's default strategy where it says neither launch type nor strategy
    (API_RunTask.capacityProviderStrategy). Raises InvalidParameterException for a strategy that cannot be had."""
    known = members_of(state.clusters.get(cluster_arn))
    strategy = params.get("capacityProviderStrategy", ())
    if strategy and "launchType" not in params:
        check_strategy(known.get("capacityProviders", ()), strategy)
    default = known.get("defaultCapacityProviderStrategy")
    if strategy or "launchType" in params or not default:
        return params
    return {**params, "capacityProviderStrategy": default}


def check_unused(state: State, cluster: Cluster, providers: Sequence[str]) -> None:
    """A provider that a service still places by cannot be taken away. Raises ResourceInUseException."""
    for service in state.services_in(cluster.arn):
        strategy = json.loads(service.registered).get("capacityProviderStrategy", ())
        if service.status is not ServiceStatus.INACTIVE and any(
            item["capacityProvider"] not in providers for item in strategy
        ):
            raise ResourceInUseException("The specified capacity provider is in use and cannot be removed.")
