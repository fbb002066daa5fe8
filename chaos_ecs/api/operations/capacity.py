"""Capacity providers: API_CreateCapacityProvider, API_UpdateCapacityProvider, API_DeleteCapacityProvider,
API_DescribeCapacityProviders.

FARGATE and FARGATE_SPOT are there in every region. One of one's own has the container instances that are registered
with its name: there are no Auto Scaling groups here, so what is said of one is kept and told to be without effect.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

from chaos_ecs.api import identifiers
from chaos_ecs.api.call import Call
from chaos_ecs.api.operations.cluster_members import cluster_with, members_of
from chaos_ecs.api.operations.members import identifiers_of, missing, tags_of, wants
from chaos_ecs.api.paging import page
from chaos_ecs.api.views import tag_list
from chaos_ecs.core import resource_messages as a
from chaos_ecs.core.arns import capacity_provider_arn
from chaos_ecs.core.capacity_commands import active_provider
from chaos_ecs.core.capacity_providers import FARGATE_PROVIDERS, CapacityProvider
from chaos_ecs.core.errors import ClientException, InvalidParameterException, UnsupportedFeatureException
from chaos_ecs.core.state import State

DESCRIBE_LIMIT = 100
PAGE = 10

_SCALING = {
    "status": "DISABLED",
    "targetCapacity": 100,
    "minimumScalingStepSize": 1,
    "maximumScalingStepSize": 10_000,
    "instanceWarmupPeriod": 300,
}
_GROUP = {"managedTerminationProtection": "DISABLED", "managedDraining": "ENABLED"}
"""ECS's defaults, as terraform-provider-aws has met them on AWS (capacity_provider_test.go)."""

_INSTEAD = {
    "managedScaling": "no container instance is added or taken away: chaos-ecs instance add and remove do it",
    "managedTerminationProtection": "there is no Auto Scaling group that could terminate a container instance",
    "managedDraining": "nothing but you and faults terminates container instances: chaos-ecs instance drain",
}
"""What there is in place of a member that is ENABLED."""

_Answer = Future[dict[str, Any]]
_Params = Mapping[str, Any]


def describe_capacity_providers(call: Call) -> _Answer:
    """The capacity providers that are named, deleted ones too, or all that are ACTIVE; with a cluster, those of it.
    What is not there is a failure MISSING. Raises InvalidParameterException and ClusterNotFoundException
    (API_DescribeCapacityProviders)."""
    params = call.params
    asked = identifiers_of(params, "capacityProviders", DESCRIBE_LIMIT)
    named = [identifiers.capacity_provider(call.region, name) for name in asked]
    tags = wants(params, "TAGS")

    def answer(state: State, now: float) -> dict[str, Any]:
        known = _known(state, call.region)
        if "cluster" in params:
            cluster = identifiers.known_cluster(state, call.region, params["cluster"])
            theirs = members_of(state.clusters[cluster]).get("capacityProviders", [])
            known = {name: provider for name, provider in known.items() if name in theirs}
        chosen = named or [name for name, provider in known.items() if provider is None or provider.is_active]
        found = [(name, _view(call.region, name, known[name], tags=tags)) for name in chosen if name in known]
        unknown = [capacity_provider_arn(call.region, name) for name in chosen if name not in known]
        return {
            **page(params, "capacityProviders", sorted(found, key=lambda item: item[0]), size=PAGE, largest=PAGE),
            "failures": [missing(arn) for arn in unknown],
        }

    return call.ask(answer)


def _known(state: State, region: str) -> dict[str, CapacityProvider | None]:
    """By name; None for what there is to know of those that are there by themselves."""
    prefix = capacity_provider_arn(region, "")
    own = {known.name: known for arn, known in state.capacity_providers.items() if arn.startswith(prefix)}
    return {**dict.fromkeys(FARGATE_PROVIDERS), **own}


def create_capacity_provider(call: Call) -> _Answer:
    """The capacity provider, ACTIVE at once and of no cluster yet. Raises InvalidParameterException, ClientException
    where its name or Auto Scaling group is taken, and UnsupportedFeatureException for managed instances
    (API_CreateCapacityProvider)."""
    params = call.params
    name = params["name"]
    if not identifiers.NAME.fullmatch(name) or name.lower().startswith(("aws", "ecs", "fargate")):
        raise InvalidParameterException(
            "The specified capacity provider name is invalid. Up to 255 letters, numbers, underscores and hyphens are "
            'allowed, and the name can\'t be prefixed with "aws", "ecs", or "fargate".'
        )
    tags = tags_of(params)
    if ("autoScalingGroupProvider" in params) == ("managedInstancesProvider" in params):
        raise InvalidParameterException("Specify either autoScalingGroupProvider or managedInstancesProvider.")
    _refuse_managed_instances(params)
    said = params["autoScalingGroupProvider"]
    if not said["autoScalingGroupArn"]:
        raise InvalidParameterException("autoScalingGroupArn can not be blank.")
    if "cluster" in params:
        raise InvalidParameterException("cluster can not be specified with autoScalingGroupProvider.")
    command = a.CreateCapacityProvider(
        arn=capacity_provider_arn(call.region, name),
        auto_scaling_group=said["autoScalingGroupArn"],
        registered=_merged({}, said),
        tags=tags,
        without_effect=_without_effect(said),
    )
    return call.request(lambda state: command, lambda state, now, events: _described(call.region, state, command.arn))


def update_capacity_provider(call: Call) -> _Answer:
    """The capacity provider with what is said; what is left out stays. Raises InvalidParameterException, and
    UnsupportedFeatureException for managed instances (API_UpdateCapacityProvider)."""
    params = call.params
    arn = _own_arn(call, params["name"], InvalidParameterException)
    _refuse_managed_instances(params)
    said = params.get("autoScalingGroupProvider")
    if said is None:
        raise InvalidParameterException("Specify either autoScalingGroupProvider or managedInstancesProvider.")

    def build(state: State) -> a.UpdateCapacityProvider:
        known = active_provider(state, arn, InvalidParameterException)
        return a.UpdateCapacityProvider(arn, _merged(json.loads(known.registered), said), _without_effect(said))

    return call.request(build, lambda state, now, events: _described(call.region, state, arn))


def delete_capacity_provider(call: Call) -> _Answer:
    """The capacity provider, INACTIVE; where a cluster has it, as it was and DELETE_FAILED, which ECS does not refuse
    either. Raises ClientException for one that is not there or is Amazon's (API_DeleteCapacityProvider)."""
    arn = _own_arn(call, call.params["capacityProvider"], ClientException)

    def build(state: State) -> a.DeleteCapacityProvider:
        cluster = cluster_with(state, call.region, active_provider(state, arn, ClientException).name)
        return a.DeleteCapacityProvider(arn, cluster.name if cluster else "")

    return call.request(build, lambda state, now, events: _described(call.region, state, arn))


def _own_arn(call: Call, named: str, refusal: type[ClientException] | type[InvalidParameterException]) -> str:
    name = identifiers.capacity_provider(call.region, named)
    if name in FARGATE_PROVIDERS:
        raise refusal(f"The capacity provider {name} is managed by Amazon ECS and cannot be changed or deleted.")
    return capacity_provider_arn(call.region, name)


def _refuse_managed_instances(params: _Params) -> None:
    if "managedInstancesProvider" in params:
        raise UnsupportedFeatureException(
            "chaos-ecs has no managed instances to make a capacity provider of. Use autoScalingGroupProvider, and "
            "register container instances with its name."
        )


def _merged(known: _Params, said: _Params) -> str:
    """autoScalingGroupProvider as Describe returns it. Raises InvalidParameterException."""
    scaling = {**_SCALING, **known.get("managedScaling", {}), **said.get("managedScaling", {})}
    if scaling["minimumScalingStepSize"] > scaling["maximumScalingStepSize"]:
        raise InvalidParameterException(
            "managedScaling.minimumScalingStepSize can not be greater than maximumScalingStepSize."
        )
    return json.dumps({**_GROUP, **known, **said, "managedScaling": scaling})


def _without_effect(said: _Params) -> tuple[tuple[str, str], ...]:
    """Those of the members that would do something on AWS."""
    enabled = {**said, "managedScaling": said.get("managedScaling", {}).get("status")}
    return tuple((name, instead) for name, instead in _INSTEAD.items() if enabled.get(name) == "ENABLED")


def _described(region: str, state: State, arn: str) -> dict[str, Any]:
    provider = state.capacity_providers[arn]
    return {"capacityProvider": _view(region, provider.name, provider, tags=True)}


def _view(region: str, name: str, provider: CapacityProvider | None, *, tags: bool) -> dict[str, Any]:
    if provider is None:
        arn = capacity_provider_arn(region, name)
        return {
            "capacityProviderArn": arn,
            "name": name,
            "status": "ACTIVE",
            "type": name,
            "tags": [] if tags else None,
        }
    return {
        "capacityProviderArn": provider.arn,
        "name": provider.name,
        "status": provider.status,
        "type": "EC2_AUTOSCALING",
        "autoScalingGroupProvider": json.loads(provider.registered),
        "updateStatus": provider.update_status,
        "updateStatusReason": provider.update_reason or None,
        "tags": tag_list(provider.tags) if tags else None,
    }
