"""DAEMON services, and availability zone rebalancing: what ECS refuses of them, and what holds where nothing is said.

The refusals are ECS's, as people have published them (kayac/ecspresso 20 and 402, aws/aws-cdk 2209,
aws/containers-roadmap 692); those about FARGATE, deployment strategies and the strategies of placement are ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from chaos_ecs.api.operations.placing import wishes_of
from chaos_ecs.core.deploying import DeploymentConfiguration, DeploymentStrategy
from chaos_ecs.core.errors import InvalidParameterException
from chaos_ecs.core.placement_balance import may_rebalance
from chaos_ecs.core.placement_rules import PlacementWishes, strategies_of
from chaos_ecs.core.platforms import FARGATE

_THE_DAEMON = "The daemon scheduling strategy does not support"
_REBALANCING = "AvailabilityZoneRebalancing does not support"
_ZONE = "ecs.availability-zone"

_Params = Mapping[str, Any]


def is_daemon(members: _Params) -> bool:
    return members.get("schedulingStrategy") == "DAEMON"


def usual_configuration(members: _Params) -> DeploymentConfiguration:
    """API_DeploymentConfiguration: of a DAEMON service 0 and 100 %, where nothing is said."""
    usual = DeploymentConfiguration()
    return replace(usual, minimum_healthy_percent=0, maximum_percent=100) if is_daemon(members) else usual


def check_daemon(params: _Params, configuration: DeploymentConfiguration) -> None:
    """Of a request for a DAEMON service. Raises InvalidParameterException."""
    if params.get("desiredCount") is not None:
        raise InvalidParameterException(
            f"{_THE_DAEMON} a desired count for services. Remove the desired count value and try again"
        )
    if params.get("placementStrategy"):
        raise InvalidParameterException(
            f"{_THE_DAEMON} placement strategies. Remove the placement strategy and try again"
        )
    if configuration.maximum_percent > 100:
        raise InvalidParameterException(
            f"{_THE_DAEMON} values above 100 for maximumPercent on a deployment configuration. Change the "
            "maximumPercent value to 100, and try again"
        )
    if configuration.strategy is not DeploymentStrategy.ROLLING:
        raise InvalidParameterException(f"{_THE_DAEMON} the deployment strategy {configuration.strategy}.")


def check_daemon_is_placed(members: _Params, launch_type: str) -> None:
    """`members` with the cluster's default strategy. Raises InvalidParameterException."""
    if members.get("capacityProviderStrategy"):
        raise InvalidParameterException(
            "Specifying a capacity provider strategy is not supported when you create a service using the DAEMON "
            "scheduling strategy."
        )
    if launch_type == FARGATE:
        raise InvalidParameterException(f"{_THE_DAEMON} the launch type FARGATE.")


def service_wishes(members: _Params, configuration: DeploymentConfiguration) -> PlacementWishes:
    """What a service says of where its tasks go. Rebalancing that nobody asked for is off where it cannot be; where it
    was asked for that is refused. Raises InvalidParameterException."""
    wishes = wishes_of(members)
    refusal = _why_not_rebalanced(wishes, configuration)
    said = members.get("availabilityZoneRebalancing")
    if said == "ENABLED" and refusal:
        raise InvalidParameterException(f"{_REBALANCING} {refusal}")
    return replace(wishes, rebalances=said != "DISABLED" and not refusal)


def _why_not_rebalanced(wishes: PlacementWishes, configuration: DeploymentConfiguration) -> str:
    """Developer Guide, "Balancing an Amazon ECS service across Availability Zones"; empty where it can be."""
    if wishes.is_daemon:
        return "the DAEMON scheduling strategy"
    if configuration.maximum_percent <= 100:
        return "maximumPercent <= 100"
    if any(_ZONE in expression for _, expression in wishes.constraints):
        return f"{_ZONE} in a placement constraint"
    if not may_rebalance(strategies_of(wishes.strategies), configuration.maximum_percent):
        return f"a placement strategy that does not begin with spread by attribute:{_ZONE}"
    return ""
