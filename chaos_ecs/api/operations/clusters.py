"""Clusters: API_CreateCluster, API_DescribeClusters, API_ListClusters, API_DeleteCluster, API_UpdateCluster,
API_UpdateClusterSettings, API_PutClusterCapacityProviders."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

from chaos_ecs.api import identifiers
from chaos_ecs.api.call import Call
from chaos_ecs.api.operations.account import INSIGHTS, default_value
from chaos_ecs.api.operations.cluster_members import (
    check_providers,
    check_unused,
    members_of,
    said_of_cluster,
)
from chaos_ecs.api.operations.members import identifiers_of, missing, sorted_by_name, tags_of
from chaos_ecs.api.paging import page
from chaos_ecs.api.views import cluster_view
from chaos_ecs.core import messages as m
from chaos_ecs.core import resource_messages as a
from chaos_ecs.core.arns import region_of
from chaos_ecs.core.commands import active_cluster
from chaos_ecs.core.errors import InvalidParameterException
from chaos_ecs.core.state import State

DESCRIBE_LIMIT = 100
SHOWN = ("SETTINGS", "CONFIGURATIONS", "TAGS")
"""What the answer to a change of a cluster shows; DescribeClusters shows what `include` names."""

_Answer = Future[dict[str, Any]]


def create_cluster(call: Call) -> _Answer:
    """The cluster, ACTIVE at once; one that is there already is answered as it is. Raises InvalidParameterException,
    also where what is asked is not what is there (API_CreateCluster)."""
    name = call.params.get("clusterName", identifiers.DEFAULT_CLUSTER)
    if not identifiers.NAME.fullmatch(name):
        raise InvalidParameterException("Invalid cluster name: use 1 to 255 letters, numbers, hyphens and underscores.")
    arn = identifiers.cluster_arn(call.region, name)
    tags = tags_of(call.params)
    said = said_of_cluster(call.params)

    def build(state: State) -> m.CreateCluster:
        check_providers(state, arn, said.get("capacityProviders", ()), said.get("defaultCapacityProviderStrategy", ()))
        known = state.clusters.get(arn)
        if known and known.status == "ACTIVE":
            members = members_of(known)
            if any(members.get(name) != value for name, value in said.items()) or (tags and tags != known.tags):
                raise InvalidParameterException(
                    "Arguments on this idempotent request are inconsistent with arguments used in previous request(s)."
                )
        insights = {"name": INSIGHTS, "value": default_value(state, call.region, INSIGHTS)}
        return m.CreateCluster(arn, tags, json.dumps({"settings": [insights], **said}))

    return call.request(build, lambda state, now, events: _described(state, arn))


def describe_clusters(call: Call) -> _Answer:
    """Up to a hundred clusters, without names the default one; a deleted one is INACTIVE, one that never was is a
    failure MISSING. Raises InvalidParameterException (API_DescribeClusters)."""
    named = identifiers_of(call.params, "clusters", DESCRIBE_LIMIT) or [identifiers.DEFAULT_CLUSTER]
    include = call.params.get("include", ())

    def answer(state: State, now: float) -> dict[str, Any]:
        arns = [identifiers.cluster_arn(call.region, name) for name in named]
        return {
            "clusters": [cluster_view(state, state.clusters[arn], include) for arn in arns if arn in state.clusters],
            "failures": [missing(arn) for arn in arns if arn not in state.clusters],
        }

    return call.ask(answer)


def list_clusters(call: Call) -> _Answer:
    """The ARNs of the ACTIVE clusters, by name. Raises InvalidParameterException (API_ListClusters)."""

    def answer(state: State, now: float) -> dict[str, Any]:
        arns = [c.arn for c in state.clusters.values() if c.status == "ACTIVE" and region_of(c.arn) == call.region]
        return page(call.params, "clusterArns", sorted_by_name(arns))

    return call.ask(answer)


def delete_cluster(call: Call) -> _Answer:
    """The cluster, INACTIVE. Raises ClusterNotFoundException, ClusterContainsServicesException and
    ClusterContainsTasksException (API_DeleteCluster)."""
    arn = identifiers.cluster_arn(call.region, call.params["cluster"])
    return call.request(lambda state: m.DeleteCluster(arn), lambda state, now, events: _described(state, arn))


def update_cluster(call: Call) -> _Answer:
    """The cluster with other settings, configuration or Service Connect defaults; what is left out stays. Raises
    ClusterNotFoundException and InvalidParameterException (API_UpdateCluster)."""
    return _updated(call, said_of_cluster(call.params))


def update_cluster_settings(call: Call) -> _Answer:
    """The same for settings alone, which must be said (API_UpdateClusterSettings)."""
    if not call.params["settings"]:
        raise InvalidParameterException("Settings cannot be empty.")
    return _updated(call, said_of_cluster(call.params))


def put_cluster_capacity_providers(call: Call) -> _Answer:
    """The cluster with these capacity providers and this default strategy, in place of those before. Raises
    ClusterNotFoundException, InvalidParameterException, and ResourceInUseException where a service still needs one
    (API_PutClusterCapacityProviders)."""
    providers, strategy = call.params["capacityProviders"], call.params["defaultCapacityProviderStrategy"]
    return _updated(call, {"capacityProviders": providers, "defaultCapacityProviderStrategy": strategy})


def _updated(call: Call, said: Mapping[str, Any]) -> _Answer:
    arn = identifiers.cluster_arn(call.region, call.params["cluster"])

    def build(state: State) -> a.UpdateCluster:
        cluster = active_cluster(state, arn)
        if "capacityProviders" in said:
            check_providers(state, arn, said["capacityProviders"], said["defaultCapacityProviderStrategy"])
            check_unused(state, cluster, said["capacityProviders"])
        return a.UpdateCluster(arn, json.dumps({**members_of(cluster), **said}))

    return call.request(build, lambda state, now, events: _described(state, arn))


def _described(state: State, arn: str) -> dict[str, Any]:
    return {"cluster": cluster_view(state, state.clusters[arn], SHOWN)}
