"""Services: API_CreateService, API_UpdateService, API_DescribeServices, API_ListServices, API_DeleteService."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

from chaos_ecs.api import identifiers
from chaos_ecs.api.call import Call
from chaos_ecs.api.operations.members import (
    check_network,
    definition_in,
    identifiers_of,
    launch_type_of,
    missing,
    sorted_by_name,
    tags_of,
    wants,
)
from chaos_ecs.api.paging import page
from chaos_ecs.api.views import service_view
from chaos_ecs.core import messages as m
from chaos_ecs.core.errors import InvalidParameterException, UnsupportedFeatureException
from chaos_ecs.core.model import DeploymentConfiguration
from chaos_ecs.core.state import State

DESCRIBE_LIMIT = 10
LIST_PAGE = 10
"""API_ListServices: 10 at a time where other lists have 100."""

_MODELLED = frozenset(
    {
        "cluster",
        "serviceName",
        "taskDefinition",
        "desiredCount",
        "clientToken",
        "launchType",
        "healthCheckGracePeriodSeconds",
        "tags",
    }
)
_NOT_RETURNED = frozenset({"role", "monitoring", "gatewayConnectors"})

_Answer = Future[dict[str, Any]]
_Params = Mapping[str, Any]
log = logging.getLogger(__name__)


def create_service(call: Call) -> _Answer:
    params = call.params
    if not identifiers.NAME.fullmatch(params["serviceName"]):
        raise InvalidParameterException("Invalid service name: use 1 to 255 letters, numbers, hyphens and underscores.")
    for member in ("taskDefinition", "desiredCount"):
        if params.get(member) in (None, ""):
            raise InvalidParameterException(f"{member[:1].upper()}{member[1:]} can not be blank.")
    _check_supported(params)
    cluster = identifiers.cluster_arn(call.region, params.get("cluster"))
    arn = identifiers.service_arn(cluster, params["serviceName"])
    launch_type = launch_type_of(params)
    tags = tags_of(params)

    def build(state: State) -> m.CreateService:
        definition = identifiers.task_definition_arn(state, call.region, params["taskDefinition"])
        check_network(definition_in(state, definition), params)
        return m.CreateService(
            arn=arn,
            cluster_arn=cluster,
            task_definition_arn=definition,
            desired_count=params["desiredCount"],
            launch_type=launch_type,
            deployment_configuration=_deployment_configuration(params, DeploymentConfiguration()),
            health_check_grace_period_seconds=params.get("healthCheckGracePeriodSeconds", 0),
            client_token=params.get("clientToken", ""),
            registered=json.dumps(_registered(params), sort_keys=True),
            tags=tags,
        )

    return call.request(build, lambda state, now, events: _described(state, arn))


def update_service(call: Call) -> _Answer:
    params = call.params
    _check_supported(params)
    found = []

    def build(state: State) -> m.UpdateService:
        cluster = identifiers.known_cluster(state, call.region, params.get("cluster"))
        service = identifiers.known_service(state, cluster, params["service"])
        found.append(service.arn)
        named = params.get("taskDefinition")
        configuration = service.deployment_configuration
        return m.UpdateService(
            arn=service.arn,
            desired_count=params.get("desiredCount"),
            task_definition_arn=identifiers.task_definition_arn(state, call.region, named) if named else None,
            deployment_configuration=_deployment_configuration(params, configuration),
            health_check_grace_period_seconds=params.get("healthCheckGracePeriodSeconds"),
            force_new_deployment=params.get("forceNewDeployment", False),
        )

    return call.request(build, lambda state, now, events: _described(state, found[0]))


def describe_services(call: Call) -> _Answer:
    """Up to ten, DRAINING and INACTIVE ones included; one that is not there is a failure, not an error."""
    named = identifiers_of(call.params, "services", DESCRIBE_LIMIT)
    if not named:
        raise InvalidParameterException("Services cannot be empty.")
    tags = wants(call.params, "TAGS")

    def answer(state: State, now: float) -> dict[str, Any]:
        cluster = identifiers.known_cluster(state, call.region, call.params.get("cluster"))
        found = {name: identifiers.find_service(state, cluster, name) for name in named}
        return {
            "services": [service_view(state, service, tags=tags) for service in found.values() if service],
            "failures": [
                missing(identifiers.service_arn(cluster, name)) for name, service in found.items() if service is None
            ],
        }

    return call.ask(answer)


def list_services(call: Call) -> _Answer:
    """ACTIVE services only: one that is being deleted is described but not listed."""
    launch_type = call.params.get("launchType")
    strategy = call.params.get("schedulingStrategy", "REPLICA")

    def answer(state: State, now: float) -> dict[str, Any]:
        cluster = identifiers.known_cluster(state, call.region, call.params.get("cluster"))
        arns = [
            service.arn
            for service in state.services_in(cluster)
            if service.status == "ACTIVE" and launch_type in (None, service.launch_type) and strategy == "REPLICA"
        ]
        return page(call.params, "serviceArns", sorted_by_name(arns), size=LIST_PAGE)

    return call.ask(answer)


def delete_service(call: Call) -> _Answer:
    found = []

    def build(state: State) -> m.DeleteService:
        cluster = identifiers.known_cluster(state, call.region, call.params.get("cluster"))
        service = identifiers.known_service(state, cluster, call.params["service"])
        found.append(service.arn)
        return m.DeleteService(service.arn, force=call.params.get("force", False))

    return call.request(build, lambda state, now, events: _described(state, found[0]))


def _described(state: State, arn: str) -> dict[str, Any]:
    return {"service": service_view(state, state.services[arn], tags=True)}


# --- from the wire ---


def _check_supported(params: _Params) -> None:
    """What would change how the service behaves is refused by name, not taken and forgotten."""
    strategy = params.get("deploymentConfiguration", {}).get("strategy", "ROLLING")
    controller = params.get("deploymentController", {}).get("type", "ECS")
    for told, is_supported in (
        (f"The scheduling strategy {params.get('schedulingStrategy')}", params.get("schedulingStrategy") != "DAEMON"),
        (f"The deployment controller {controller}", controller == "ECS"),
        (f"The deployment strategy {strategy}", strategy == "ROLLING"),
    ):
        if not is_supported:
            raise UnsupportedFeatureException(f"{told} is not supported by chaos-ecs yet.")


def _deployment_configuration(params: _Params, known: DeploymentConfiguration) -> DeploymentConfiguration:
    """What is said, over what is known. Raises InvalidParameterException for limits that ECS refuses."""
    said = params.get("deploymentConfiguration", {})
    breaker = said.get("deploymentCircuitBreaker", {})
    configuration = replace(
        known,
        minimum_healthy_percent=said.get("minimumHealthyPercent", known.minimum_healthy_percent),
        maximum_percent=said.get("maximumPercent", known.maximum_percent),
        circuit_breaker_enable=breaker.get("enable", known.circuit_breaker_enable),
        circuit_breaker_rollback=breaker.get("rollback", known.circuit_breaker_rollback),
    )
    if not 0 <= configuration.minimum_healthy_percent <= 100:
        raise InvalidParameterException("minimumHealthyPercent must be between 0 and 100.")
    if configuration.maximum_percent < 100:
        raise InvalidParameterException("maximumPercent must be at least 100.")
    return configuration


def _registered(params: _Params) -> dict[str, Any]:
    """Members that DescribeServices returns and nothing here acts on."""
    for name in sorted(_NOT_RETURNED & params.keys()):
        log.debug("CreateService: %s is dropped, DescribeServices has no place for it", name)
    return {name: value for name, value in params.items() if name not in _MODELLED and name not in _NOT_RETURNED}
