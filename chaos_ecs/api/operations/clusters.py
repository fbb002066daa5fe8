"""Clusters: API_CreateCluster, API_DescribeClusters, API_ListClusters, API_DeleteCluster."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

from chaos_ecs.api import identifiers
from chaos_ecs.api.call import Call
from chaos_ecs.api.operations.members import identifiers_of, missing, sorted_by_name, tags_of, wants
from chaos_ecs.api.paging import page
from chaos_ecs.api.views import cluster_view
from chaos_ecs.core import messages as m
from chaos_ecs.core.arns import region_of
from chaos_ecs.core.errors import InvalidParameterException
from chaos_ecs.core.state import State

DESCRIBE_LIMIT = 100

_Answer = Future[dict[str, Any]]


def create_cluster(call: Call) -> _Answer:
    name = call.params.get("clusterName", identifiers.DEFAULT_CLUSTER)
    if not identifiers.NAME.fullmatch(name):
        raise InvalidParameterException("Invalid cluster name: use 1 to 255 letters, numbers, hyphens and underscores.")
    arn = identifiers.cluster_arn(call.region, name)
    tags = tags_of(call.params)
    return call.request(
        lambda state: m.CreateCluster(arn, tags),
        lambda state, now, events: {"cluster": cluster_view(state, state.clusters[arn], tags=True)},
    )


def describe_clusters(call: Call) -> _Answer:
    """Without names: the default cluster. A deleted one is shown as INACTIVE."""
    named = identifiers_of(call.params, "clusters", DESCRIBE_LIMIT) or [identifiers.DEFAULT_CLUSTER]
    tags = wants(call.params, "TAGS")

    def answer(state: State, now: float) -> dict[str, Any]:
        arns = [identifiers.cluster_arn(call.region, name) for name in named]
        return {
            "clusters": [cluster_view(state, state.clusters[arn], tags=tags) for arn in arns if arn in state.clusters],
            "failures": [missing(arn) for arn in arns if arn not in state.clusters],
        }

    return call.ask(answer)


def list_clusters(call: Call) -> _Answer:
    def answer(state: State, now: float) -> dict[str, Any]:
        arns = [c.arn for c in state.clusters.values() if c.status == "ACTIVE" and region_of(c.arn) == call.region]
        return page(call.params, "clusterArns", sorted_by_name(arns))

    return call.ask(answer)


def delete_cluster(call: Call) -> _Answer:
    arn = identifiers.cluster_arn(call.region, call.params["cluster"])
    return call.request(
        lambda state: m.DeleteCluster(arn),
        lambda state, now, events: {"cluster": cluster_view(state, state.clusters[arn])},
    )
