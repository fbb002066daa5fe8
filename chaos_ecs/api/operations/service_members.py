"""Members of CreateService and UpdateService, from the wire: deployment configuration, load balancers, and the rest.

What would change how a service behaves and cannot be had here is refused by name, never taken and forgotten.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from chaos_ecs.api.operations.placing import check_placement
from chaos_ecs.api.strategies import STRATEGY_MEMBERS, with_strategy
from chaos_ecs.core.balancing import ServiceLoadBalancer
from chaos_ecs.core.capacity_providers import items_of
from chaos_ecs.core.deploying import DeploymentConfiguration
from chaos_ecs.core.errors import InvalidParameterException, UnsupportedFeatureException
from chaos_ecs.core.model import Service
from chaos_ecs.core.sharing import said_of

TARGET_GROUPS_PER_SERVICE = 5
"""Service quotas of Amazon ECS: target groups per service."""

ACTED_ON = frozenset(
    {
        "availabilityZoneRebalancing",
        "capacityProviderStrategy",
        "deploymentConfiguration",
        "deploymentController",
        "enableECSManagedTags",
        "enableExecuteCommand",
        "networkConfiguration",
        "placementConstraints",
        "placementStrategy",
        "platformVersion",
        "propagateTags",
        "schedulingStrategy",
        "serviceConnectConfiguration",
    }
)
"""Members that are kept as they were said, and that something here acts on besides."""

KEPT = frozenset(
    {
        "serviceRegistries",
        "volumeConfigurations",
        "vpcLatticeConfigurations",
    }
)
"""Members that are kept as they were said, and that nothing here acts on. DescribeServices has a place for each."""

MODELLED = frozenset(
    {
        "cluster",
        "service",
        "serviceName",
        "taskDefinition",
        "desiredCount",
        "clientToken",
        "forceNewDeployment",
        "launchType",
        "loadBalancers",
        "healthCheckGracePeriodSeconds",
        "tags",
    }
)
_MODELLED_OF_DEPLOYMENTS = STRATEGY_MEMBERS | {"minimumHealthyPercent", "maximumPercent"}
_DEPLOYING = (
    "networkConfiguration",
    "platformVersion",
    "serviceRegistries",
    "serviceConnectConfiguration",
    "volumeConfigurations",
    "vpcLatticeConfigurations",
)
"""API_UpdateService, member by member: these start a new deployment when they differ from what was known."""

FORCE = (
    "When switching from launch type to capacity provider strategy on an existing service, or making a change to a "
    "capacity provider strategy on a service that is already using one, you must force a new deployment."
)

_TOKEN = re.compile(r"[!-~]{0,36}")
"""API_CreateService.clientToken."""

_PERCENT_TYPES = ("BOUNDED_PERCENT", "UNBOUNDED_PERCENT")

_Params = Mapping[str, Any]
log = logging.getLogger(__name__)


def check_supported(params: _Params) -> None:
    """Raises UnsupportedFeatureException for what chaos-ecs has not got, InvalidParameterException for what ECS refuses
    before it looks at what is there."""
    if not _TOKEN.fullmatch(params.get("clientToken", "")):
        raise InvalidParameterException("clientToken can have at most 36 characters, all of them printable ASCII.")
    check_placement(params)
    said = params.get("deploymentConfiguration", {})
    controller = params.get("deploymentController", {}).get("type", "ECS")
    for told, is_supported in (
        (f"The deployment controller {controller}", controller == "ECS"),
        ("deploymentConfiguration.alarms", not said.get("alarms", {}).get("enable")),
        ("deploymentConfiguration.earlySuccessCriteria", not said.get("earlySuccessCriteria", {}).get("enable")),
    ):
        if not is_supported:
            raise UnsupportedFeatureException(f"{told} is not supported by chaos-ecs yet.")


def deployment_configuration(params: _Params, known: DeploymentConfiguration) -> DeploymentConfiguration:
    """What is said, over what is known. Raises InvalidParameterException for limits that ECS refuses."""
    said = params.get("deploymentConfiguration", {})
    configuration = replace(
        known,
        minimum_healthy_percent=said.get("minimumHealthyPercent", known.minimum_healthy_percent),
        maximum_percent=said.get("maximumPercent", known.maximum_percent),
    )
    if configuration.minimum_healthy_percent > 100:
        raise InvalidParameterException("minimumHealthyPercent must be at most 100.")
    if configuration.minimum_healthy_percent < 0:
        raise InvalidParameterException("minimumHealthyPercent must be at least 0.")
    if configuration.maximum_percent < 100:
        raise InvalidParameterException("maximumPercent must be at least 100.")
    configuration = with_strategy(said, configuration)
    if "deploymentCircuitBreaker" not in said:
        return configuration
    return _with_circuit_breaker(configuration, said["deploymentCircuitBreaker"])


def _with_circuit_breaker(configuration: DeploymentConfiguration, said: _Params) -> DeploymentConfiguration:
    """Said as a whole: a member that is left out has its default again, whatever it was before."""
    usual = DeploymentConfiguration()
    threshold = said.get("thresholdConfiguration", {})
    type_ = threshold.get("type", usual.circuit_breaker_type)
    value = threshold.get("value", usual.circuit_breaker_value)
    if type_ in _PERCENT_TYPES and not 1 <= value <= 100:
        raise InvalidParameterException(f"thresholdConfiguration.value must be between 1 and 100 for {type_}.")
    if value < 1:
        raise InvalidParameterException(f"thresholdConfiguration.value must be at least 1 for {type_}.")
    return replace(
        configuration,
        circuit_breaker_enable=said["enable"],
        circuit_breaker_rollback=said["rollback"],
        circuit_breaker_reset=said.get("resetOnHealthyTask", usual.circuit_breaker_reset),
        circuit_breaker_type=type_,
        circuit_breaker_value=value,
    )


def load_balancers(params: _Params) -> tuple[ServiceLoadBalancer, ...] | None:
    """What is to be registered where; None when nothing is said of it, () when it is to end."""
    if "loadBalancers" not in params:
        return None
    items = params["loadBalancers"]
    if len(items) > TARGET_GROUPS_PER_SERVICE:
        raise InvalidParameterException(f"loadBalancers can have at most {TARGET_GROUPS_PER_SERVICE} items.")
    found = tuple(dict.fromkeys(_load_balancer(item) for item in items))
    if len({item.target_group_arn for item in found}) < len(found):
        raise UnsupportedFeatureException("Two ports of a task in one target group are not supported by chaos-ecs yet.")
    return found


def _load_balancer(item: _Params) -> ServiceLoadBalancer:
    if item.get("loadBalancerName") and item.get("targetGroupArn"):
        raise InvalidParameterException("loadBalancerName and targetGroupArn cannot both be specified.")
    if item.get("loadBalancerName"):
        raise UnsupportedFeatureException(
            f"The load balancer {item['loadBalancerName']}: Classic Load Balancers (loadBalancerName) are not "
            "supported by chaos-ecs. Use targetGroupArn."
        )
    for member in ("targetGroupArn", "containerName", "containerPort"):
        if item.get(member) in (None, ""):
            raise InvalidParameterException(f"loadBalancers.{member} can not be blank.")
    found = ServiceLoadBalancer(item["targetGroupArn"], item["containerName"], item["containerPort"])
    return _with_advanced(found, item["advancedConfiguration"]) if item.get("advancedConfiguration") else found


def _with_advanced(balancer: ServiceLoadBalancer, said: _Params) -> ServiceLoadBalancer:
    """API_AdvancedConfiguration. A role is needed of AWS, not of us: taken and returned."""
    for member in ("alternateTargetGroupArn", "productionListenerRule"):
        if not said.get(member):
            raise InvalidParameterException(f"loadBalancers.advancedConfiguration.{member} can not be blank.")
    return replace(
        balancer,
        alternate_target_group_arn=said["alternateTargetGroupArn"],
        production_rule_arn=said["productionListenerRule"],
        test_rule_arn=said.get("testListenerRule", ""),
        role_arn=said.get("roleArn", ""),
    )


def grace_period(params: _Params) -> int | None:
    """API_CreateService: 0 to 2,147,483,647 s, which is also the most that an integer of the wire can be."""
    seconds: int | None = params.get("healthCheckGracePeriodSeconds")
    if seconds is not None and seconds < 0:
        raise InvalidParameterException("healthCheckGracePeriodSeconds must be between 0 and 2147483647.")
    return seconds


# --- members that are kept as they were said ---


def registered(params: _Params) -> dict[str, Any]:
    """Members that DescribeServices returns as they were said. What is in none of the sets above, such as a member of a
    newer botocore, is dropped: DescribeServices may have no place for it."""
    for name in sorted(params.keys() - MODELLED - ACTED_ON - KEPT):
        log.debug("%s is dropped, nothing here knows it", name)
    kept = {name: value for name, value in params.items() if name in ACTED_ON or name in KEPT}
    if "deploymentConfiguration" in kept:
        said = kept["deploymentConfiguration"]
        kept["deploymentConfiguration"] = {
            name: value for name, value in said.items() if name not in _MODELLED_OF_DEPLOYMENTS
        }
    return kept


def merged(service: Service, params: _Params) -> dict[str, Any]:
    """The same of a service that is updated: what is said, over what is known."""
    known: dict[str, Any] = json.loads(service.registered)
    said = registered(params)
    if "deploymentConfiguration" in said:
        configuration = known.get("deploymentConfiguration", {})
        said["deploymentConfiguration"] = {**configuration, **said["deploymentConfiguration"]}
    return {**known, **said}


def check_strategy_change(service: Service, params: _Params) -> None:
    """Another capacity provider strategy is for new tasks: ECS has it deployed by force, in these words."""
    known = said_of(json.loads(service.registered).get("capacityProviderStrategy", ()))
    said = said_of(params.get("capacityProviderStrategy", ()))
    is_other = "capacityProviderStrategy" in params and items_of(said) != items_of(known)
    if is_other and not params.get("forceNewDeployment", False):
        raise InvalidParameterException(FORCE)


def starts_deployment(
    service: Service, params: _Params, wanted: _Params, balancers: tuple[ServiceLoadBalancer, ...] | None
) -> bool:
    """Whether an update is a new deployment for another reason than its task definition; `wanted` is what `merged`
    made of it, `balancers` what `load_balancers` did."""
    if params.get("forceNewDeployment", False):
        return True
    if balancers is not None and balancers != service.load_balancers:
        return True
    known = json.loads(service.registered)
    return any(_told(known, name) != _told(wanted, name) for name in _DEPLOYING)


def _told(members: _Params, name: str) -> Any:
    """Nothing said means the same as an empty list, and as the newest platform version."""
    return members.get(name) or ("LATEST" if name == "platformVersion" else None)
