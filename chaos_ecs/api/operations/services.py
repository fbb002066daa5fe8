"""Services: API_CreateService, API_UpdateService, API_DescribeServices, API_ListServices, API_DeleteService."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from chaos_ecs.api import identifiers
from chaos_ecs.api.call import Call
from chaos_ecs.api.operations.members import (
    definition_in,
    has_network,
    identifiers_of,
    launch_type_of,
    missing,
    sorted_by_name,
    tags_of,
    wants,
)
from chaos_ecs.api.operations.service_members import (
    check_supported,
    deployment_configuration,
    grace_period,
    load_balancers,
    merged,
    registered,
    starts_deployment,
)
from chaos_ecs.api.paging import page
from chaos_ecs.api.service_views import service_view
from chaos_ecs.core import messages as m
from chaos_ecs.core.balancing import ServiceLoadBalancer
from chaos_ecs.core.deploying import DeploymentConfiguration
from chaos_ecs.core.errors import InvalidParameterException
from chaos_ecs.core.service_checks import check_containers, check_shifting, check_target_groups
from chaos_ecs.core.state import State
from chaos_ecs.core.task_definitions import check_network

DESCRIBE_LIMIT = 10
LIST_PAGE = 10
"""API_ListServices: 10 at a time where other lists have 100."""

_Answer = Future[dict[str, Any]]
_Params = Mapping[str, Any]


def create_service(call: Call) -> _Answer:
    params = call.params
    if not identifiers.NAME.fullmatch(params["serviceName"]):
        raise InvalidParameterException("Invalid service name: use 1 to 255 letters, numbers, hyphens and underscores.")
    for member in ("taskDefinition", "desiredCount"):
        if params.get(member) in (None, ""):
            raise InvalidParameterException(f"{member[:1].upper()}{member[1:]} can not be blank.")
    check_supported(params)
    cluster = identifiers.cluster_arn(call.region, params.get("cluster"))
    arn = identifiers.service_arn(cluster, params["serviceName"])
    launch_type = launch_type_of(params)
    balancers = load_balancers(params) or ()
    tags = tags_of(params)
    members = json.dumps(registered(params), sort_keys=True)
    configuration = deployment_configuration(params, DeploymentConfiguration())

    def build(state: State) -> m.CreateService:
        definition = identifiers.task_definition_arn(state, call.region, params["taskDefinition"])
        check_network(definition_in(state, definition), has_network=has_network(params))
        _check_load_balancers(state, definition, balancers)
        check_shifting(state, configuration, balancers)
        return m.CreateService(
            arn=arn,
            cluster_arn=cluster,
            task_definition_arn=definition,
            desired_count=params["desiredCount"],
            launch_type=launch_type,
            deployment_configuration=configuration,
            health_check_grace_period_seconds=grace_period(params) or 0,
            load_balancers=balancers,
            client_token=params.get("clientToken", ""),
            registered=members,
            tags=tags,
        )

    return call.request(build, lambda state, now, events: _described(state, arn))


def update_service(call: Call) -> _Answer:
    """A member that is left out stays as it is. Which members start a new deployment: `service_members.py`."""
    params = call.params
    check_supported(params)
    balancers = load_balancers(params)
    found = []

    def build(state: State) -> m.UpdateService:
        cluster = identifiers.known_cluster(state, call.region, params.get("cluster"))
        service = identifiers.known_service(state, cluster, params["service"])
        found.append(service.arn)
        named = params.get("taskDefinition")
        definition = identifiers.task_definition_arn(state, call.region, named) if named else None
        configuration = deployment_configuration(params, service.deployment_configuration)
        forced = starts_deployment(service, params)
        said = service.load_balancers if balancers is None else balancers
        if balancers is not None or definition:
            _check_load_balancers(state, definition or service.task_definition_arn, said)
        if definition or forced or "deploymentConfiguration" in params:
            check_shifting(state, configuration, said)
        return m.UpdateService(
            arn=service.arn,
            desired_count=params.get("desiredCount"),
            task_definition_arn=definition,
            deployment_configuration=configuration,
            health_check_grace_period_seconds=grace_period(params),
            load_balancers=balancers,
            force_new_deployment=forced,
            registered=json.dumps(merged(service, params), sort_keys=True),
        )

    return call.request(build, lambda state, now, events: _described(state, found[0]))


def _check_load_balancers(state: State, definition_arn: str, balancers: Sequence[ServiceLoadBalancer]) -> None:
    """A definition that is not there is for the command to refuse."""
    if definition := definition_in(state, definition_arn):
        check_containers(definition, balancers)
        check_target_groups(state, balancers)


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
