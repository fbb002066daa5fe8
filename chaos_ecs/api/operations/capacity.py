"""Capacity providers: API_DescribeCapacityProviders, and those that would make some of one's own.

FARGATE and FARGATE_SPOT are there in every region. There is nothing here that another could be made of: no Auto
Scaling group, no managed instances (decision 076).
"""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

from chaos_ecs.api import identifiers
from chaos_ecs.api.call import Call
from chaos_ecs.api.operations.cluster_members import CAPACITY_PROVIDERS, UNKNOWN_PROVIDER, members_of
from chaos_ecs.api.operations.members import identifiers_of, missing, tags_of, wants
from chaos_ecs.api.paging import page
from chaos_ecs.core.arns import capacity_provider_arn
from chaos_ecs.core.errors import ClientException, InvalidParameterException, UnsupportedFeatureException
from chaos_ecs.core.state import State

DESCRIBE_LIMIT = 100
PAGE = 10

_Answer = Future[dict[str, Any]]


def describe_capacity_providers(call: Call) -> _Answer:
    """The capacity providers that are named, or all; with a cluster, those of it. What is not there is a failure
    MISSING. Raises InvalidParameterException and ClusterNotFoundException (API_DescribeCapacityProviders)."""
    params = call.params
    asked = identifiers_of(params, "capacityProviders", DESCRIBE_LIMIT)
    named = [identifiers.capacity_provider(call.region, name) for name in asked]
    tags = wants(params, "TAGS")

    def answer(state: State, now: float) -> dict[str, Any]:
        known = list(CAPACITY_PROVIDERS)
        if "cluster" in params:
            cluster = identifiers.known_cluster(state, call.region, params["cluster"])
            known = members_of(state.clusters[cluster]).get("capacityProviders", [])
        found = [(name, _view(call.region, name, tags=tags)) for name in known if not named or name in named]
        unknown = [capacity_provider_arn(call.region, name) for name in named if name not in known]
        return {
            **page(params, "capacityProviders", sorted(found, key=lambda item: item[0]), size=PAGE, largest=PAGE),
            "failures": [missing(arn) for arn in unknown],
        }

    return call.ask(answer)


def create_capacity_provider(call: Call) -> _Answer:
    """Never: raises UnsupportedFeatureException, after InvalidParameterException for what ECS would refuse as well
    (API_CreateCapacityProvider)."""
    name = call.params["name"]
    if not identifiers.NAME.fullmatch(name) or name.lower().startswith(("aws", "ecs", "fargate")):
        raise InvalidParameterException(
            "The specified capacity provider name is invalid. Up to 255 letters, numbers, underscores and hyphens are "
            'allowed, and the name can\'t be prefixed with "aws", "ecs", or "fargate".'
        )
    tags_of(call.params)
    if ("autoScalingGroupProvider" in call.params) == ("managedInstancesProvider" in call.params):
        raise InvalidParameterException("Specify either autoScalingGroupProvider or managedInstancesProvider.")
    raise UnsupportedFeatureException(
        "chaos-ecs has no Auto Scaling groups and no managed instances to make a capacity provider of. FARGATE and "
        "FARGATE_SPOT are there."
    )


def update_capacity_provider(call: Call) -> _Answer:
    """Never: raises InvalidParameterException, since nobody can have made one (API_UpdateCapacityProvider)."""
    raise InvalidParameterException(_refusal(call, call.params["name"]))


def delete_capacity_provider(call: Call) -> _Answer:
    """Never: raises ClientException, as ECS does for one that is not there (API_DeleteCapacityProvider)."""
    raise ClientException(_refusal(call, call.params["capacityProvider"]))


def _refusal(call: Call, named: str) -> str:
    name = identifiers.capacity_provider(call.region, named)
    if name in CAPACITY_PROVIDERS:
        return f"The capacity provider {name} is managed by Amazon ECS and cannot be changed or deleted."
    return UNKNOWN_PROVIDER


def _view(region: str, name: str, *, tags: bool) -> dict[str, Any]:
    return {
        "capacityProviderArn": capacity_provider_arn(region, name),
        "name": name,
        "status": "ACTIVE",
        "type": name,
        "tags": [] if tags else None,
    }
