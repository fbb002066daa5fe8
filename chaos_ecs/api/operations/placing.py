"""Placement, Service Connect and volume configurations: checked as ECS checks them, in words that it was seen to use.

Nothing here places by them: there is one engine (decision 076). Source of the words: cdk-preflight's benches of
CreateService and CreateCluster, each a refusal that AWS really gave.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from chaos_ecs.api.operations.members import check_network, check_platform, check_public_address
from chaos_ecs.core.errors import InvalidParameterException
from chaos_ecs.core.model import TaskDefinition
from chaos_ecs.core.platforms import FARGATE

CONSTRAINTS_LIMIT, STRATEGIES_LIMIT = 10, 5
"""API_CreateService, API_RunTask, API_RegisterTaskDefinition."""
TOO_MANY_CONSTRAINTS = f"Maximum number of constraints is {CONSTRAINTS_LIMIT}."

ALIASES_LIMIT = 1
BINPACK_FIELDS = ("cpu", "memory")

_Params = Mapping[str, Any]


def check_placement(params: _Params) -> None:
    """Raises InvalidParameterException for a list that is too long, and for what contradicts itself."""
    constraints, strategies = params.get("placementConstraints", ()), params.get("placementStrategy", ())
    if len(constraints) > CONSTRAINTS_LIMIT:
        raise InvalidParameterException(TOO_MANY_CONSTRAINTS)
    if len(strategies) > STRATEGIES_LIMIT:
        raise InvalidParameterException(f"Maximum number of strategies is {STRATEGIES_LIMIT}.")
    for constraint in constraints:
        if constraint.get("type") == "distinctInstance" and constraint.get("expression"):
            raise InvalidParameterException("distinctInstance expression should not be specified.")
    for strategy in strategies:
        field = strategy.get("field", "")
        if strategy.get("type") == "binpack" and field.lower() not in BINPACK_FIELDS:
            raise InvalidParameterException(f"binpack field '{field}' is invalid.")


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
