"""Placement, Service Connect and volume configurations: checked as ECS checks them, in words that it was seen to use.

What is said of placement becomes PlacementWishes, which `core/placing.py` goes by. Source of the words: cdk-preflight's
benches of CreateService and CreateCluster, each a refusal that AWS really gave.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from chaos_ecs.api.operations.members import check_network, check_platform, check_public_address
from chaos_ecs.core.capacity_providers import items_of
from chaos_ecs.core.errors import InvalidParameterException
from chaos_ecs.core.model import TaskDefinition
from chaos_ecs.core.placement_rules import PlacementWishes, Words, constraints_of, strategies_of
from chaos_ecs.core.platforms import FARGATE
from chaos_ecs.core.sharing import said_of

ALIASES_LIMIT = 1

_Params = Mapping[str, Any]


def wishes_of(params: _Params) -> PlacementWishes:
    """What a checked request says of where its tasks go. Raises InvalidParameterException."""
    items = items_of(said_of(params.get("capacityProviderStrategy", ())))
    return PlacementWishes(
        strategies=words(params.get("placementStrategy", ()), "field"),
        constraints=words(params.get("placementConstraints", ()), "expression"),
        providers=tuple((item.provider, item.weight, item.base) for item in items),
        is_daemon=params.get("schedulingStrategy") == "DAEMON",
        rebalances=params.get("availabilityZoneRebalancing", "ENABLED") == "ENABLED",
    )


def words(said: Sequence[_Params], second: str) -> Words:
    """(type, `second`) of each constraint or strategy."""
    return tuple((item.get("type", ""), item.get(second, "")) for item in said)


def check_placement(params: _Params) -> None:
    """Raises InvalidParameterException for a list that is too long, for what contradicts itself, and for an expression
    that cannot be read."""
    constraints_of(words(params.get("placementConstraints", ()), "expression"))
    strategies_of(words(params.get("placementStrategy", ()), "field"))


def check_placing(definition: TaskDefinition | None, params: _Params, launch_type: str) -> None:
    """Whether tasks of a definition can be where the request says, on its launch type. Of a service that is updated,
    `params` are its members as they would be. Raises InvalidParameterException and PlatformUnknownException."""
    check_network(definition, params)
    check_public_address(definition, params, launch_type)
    check_platform(params, launch_type)
    _check_fargate_placement(params, launch_type)
    _check_volumes(params, definition)


def _check_fargate_placement(params: _Params, launch_type: str) -> None:
    """On Fargate there is nothing to choose between."""
    if launch_type != FARGATE:
        return
    for name, told in (("placementConstraints", "constraints"), ("placementStrategy", "strategies")):
        if params.get(name):
            raise InvalidParameterException(f"Placement {told} are not supported with FARGATE launch type.")


def _check_volumes(params: _Params, definition: TaskDefinition | None) -> None:
    """Whether the task definition has every volume that is configured."""
    if definition is None or not params.get("volumeConfigurations"):
        return
    names = [volume.get("name") for volume in json.loads(definition.registered).get("volumes", ())]
    for said in params["volumeConfigurations"]:
        if said["name"] not in names:
            raise InvalidParameterException(
                f"The volume name '{said['name']}' in your request does not have a matching volume in your Task "
                "Definition."
            )


def check_service_connect(params: _Params, definition: TaskDefinition | None, cluster_namespace: str | None) -> None:
    """Whether Service Connect has a namespace, and names ports that the task definition has."""
    said: _Params = params.get("serviceConnectConfiguration", {})
    if not said.get("enabled"):
        return
    if not (said.get("namespace") or cluster_namespace):
        raise InvalidParameterException("Namespace is missing.")
    for service in said.get("services", ()):
        _check_connected(service, definition)


def _check_connected(service: _Params, definition: TaskDefinition | None) -> None:
    aliases: Sequence[_Params] = service.get("clientAliases", ())
    if len(aliases) > ALIASES_LIMIT:
        raise InvalidParameterException(f"{len(aliases)} clientAliases exceeds the max limit of {ALIASES_LIMIT}.")
    if definition is None:
        return
    names = [mapping.name for container in definition.containers for mapping in container.port_mappings]
    if service["portName"] not in names:
        raise InvalidParameterException(
            f"portName({service['portName']}) does not refer to any named PortMapping in the container definitions."
        )
