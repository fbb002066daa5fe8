"""Services: API_CreateService, API_UpdateService, API_DescribeServices, API_ListServices, API_DeleteService."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from chaos_ecs.api import identifiers
from chaos_ecs.api.call import Call
from chaos_ecs.api.operations.cluster_members import default_namespace, placed
from chaos_ecs.api.operations.members import (
    definition_in,
    identifiers_of,
    launch_type_of,
    missing,
    refused_by_aws,
    sorted_by_name,
    tags_of,
    task_options,
    wants,
)
from chaos_ecs.api.operations.placing import check_placing, check_service_connect
from chaos_ecs.api.operations.scheduling_strategy import (
    check_daemon,
    check_daemon_is_placed,
    is_daemon,
    service_wishes,
    usual_configuration,
)
from chaos_ecs.api.operations.service_members import (
    check_strategy_change,
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
from chaos_ecs.core.errors import InvalidParameterException
from chaos_ecs.core.model import TaskDefinition
from chaos_ecs.core.service_checks import check_containers, check_shifting, check_target_groups
from chaos_ecs.core.state import State

DESCRIBE_LIMIT = 10
LIST_PAGE = 10
"""API_ListServices: 10 at a time where other lists have 100."""

_Answer = Future[dict[str, Any]]
_Params = Mapping[str, Any]


def create_service(call: Call) -> _Answer:
    """The service, ACTIVE with nothing running yet; the same again is answered as it is. Raises
    ClusterNotFoundException, ClientException, InvalidParameterException, PlatformUnknownException and
    UnsupportedFeatureException (API_CreateService)."""
    params = call.params
    if not identifiers.NAME.fullmatch(params["serviceName"]):
        raise InvalidParameterException("Invalid service name: use 1 to 255 letters, numbers, hyphens and underscores.")
    check_supported(params)
    for member in ("taskDefinition",) if is_daemon(params) else ("taskDefinition", "desiredCount"):
        if params.get(member) in (None, ""):
            raise InvalidParameterException(f"{member[:1].upper()}{member[1:]} can not be blank.")
    cluster = identifiers.cluster_arn(call.region, params.get("cluster"))
    arn = identifiers.service_arn(cluster, params["serviceName"])
    launch_type_of(params)
    balancers = load_balancers(params) or ()
    tags = tags_of(params)
    configuration = deployment_configuration(params, usual_configuration(params))
    if is_daemon(params):
        check_daemon(params, configuration)

    def build(state: State) -> m.CreateService:
        said = placed(state, cluster, params)
        launch_type, members = launch_type_of(said), registered(said)
        if is_daemon(params):
            check_daemon_is_placed(said, launch_type)
        definition = identifiers.task_definition_arn(state, call.region, params["taskDefinition"])
        known = definition_in(state, definition)
        check_placing(known, params, launch_type)
        check_service_connect(params, known, default_namespace(state, cluster))
        _check_load_balancers(state, known, balancers)
        check_shifting(state, configuration, balancers)
        return m.CreateService(
            arn=arn,
            cluster_arn=cluster,
            task_definition_arn=definition,
            desired_count=params.get("desiredCount", 0),
            launch_type=launch_type,
            deployment_configuration=configuration,
            health_check_grace_period_seconds=grace_period(params) or 0,
            load_balancers=balancers,
            client_token=params.get("clientToken", ""),
            registered=json.dumps(members, sort_keys=True),
            tags=tags,
            task_options=task_options(members),
            aws_refuses=refused_by_aws(state, cluster, known, launch_type, params),
            placement=service_wishes(said, configuration),
        )

    return call.request(build, lambda state, now, events: _described(state, arn))


def update_service(call: Call) -> _Answer:
    """The service with what is said; a member that is left out stays (`service_members.py`: which deploy).
    Raises ServiceNotFoundException, ServiceNotActiveException, and what CreateService does (API_UpdateService)."""
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
        members = merged(service, params)
        if is_daemon(members):
            check_daemon(params, configuration)
        forced = starts_deployment(service, params, members, balancers)
        said = service.load_balancers if balancers is None else balancers
        known = definition_in(state, definition or service.task_definition_arn)
        if balancers is not None or definition:
            _check_load_balancers(state, known, said)
        if definition or forced or "deploymentConfiguration" in params:
            check_shifting(state, configuration, said)
        launch_type = _launch_type(state, cluster, params)
        if is_daemon(members):
            check_daemon_is_placed(params, launch_type or service.launch_type)
        check_strategy_change(service, params)
        check_placing(known, members, launch_type or service.launch_type)
        check_service_connect(params, known, default_namespace(state, cluster))
        return m.UpdateService(
            arn=service.arn,
            desired_count=params.get("desiredCount"),
            task_definition_arn=definition,
            deployment_configuration=configuration,
            health_check_grace_period_seconds=grace_period(params),
            load_balancers=balancers,
            force_new_deployment=forced,
            registered=json.dumps(members, sort_keys=True),
            launch_type=launch_type,
            task_options=task_options(members),
            placement=service_wishes(members, configuration),
        )

    return call.request(build, lambda state, now, events: _described(state, found[0]))


def _launch_type(state: State, cluster: str, params: _Params) -> str | None:
    """What another capacity provider strategy stands for; None where the launch type stays. An empty one takes the
    strategy away and leaves the launch type that its providers had (aws/containers-roadmap, issue 838)."""
    if not params.get("capacityProviderStrategy"):
        return None
    return launch_type_of(placed(state, cluster, params))


def _check_load_balancers(
    state: State, definition: TaskDefinition | None, balancers: Sequence[ServiceLoadBalancer]
) -> None:
    """A definition that is not there is for the command to refuse."""
    if definition:
        check_containers(definition, balancers)
        check_target_groups(state, balancers)


def describe_services(call: Call) -> _Answer:
    """Up to ten, DRAINING and INACTIVE ones included; one that is not there is a failure MISSING. Raises
    ClusterNotFoundException and InvalidParameterException (API_DescribeServices)."""
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
    """The ARNs of ACTIVE services, ten at a time: one that is being deleted is described but not listed. Raises
    ClusterNotFoundException and InvalidParameterException (API_ListServices)."""
    launch_type = call.params.get("launchType")
    strategy = call.params.get("schedulingStrategy")
    managed_by = call.params.get("resourceManagementType", "CUSTOMER")

    def answer(state: State, now: float) -> dict[str, Any]:
        cluster = identifiers.known_cluster(state, call.region, call.params.get("cluster"))
        arns = [
            service.arn
            for service in state.services_in(cluster)
            if service.status == "ACTIVE"
            and launch_type in (None, service.launch_type)
            and strategy in (None, "DAEMON" if service.placement.is_daemon else "REPLICA")
            and managed_by == "CUSTOMER"
        ]
        return page(call.params, "serviceArns", sorted_by_name(arns), size=LIST_PAGE)

    return call.ask(answer)


def delete_service(call: Call) -> _Answer:
    """The service, DRAINING until its tasks have stopped. Raises ClusterNotFoundException, ServiceNotFoundException,
    and InvalidParameterException without `force` while it is scaled above 0 (API_DeleteService)."""
    found = []

    def build(state: State) -> m.DeleteService:
        cluster = identifiers.known_cluster(state, call.region, call.params.get("cluster"))
        service = identifiers.known_service(state, cluster, call.params["service"])
        found.append(service.arn)
        return m.DeleteService(service.arn, force=call.params.get("force", False))

    return call.request(build, lambda state, now, events: _described(state, found[0]))


def _described(state: State, arn: str) -> dict[str, Any]:
    return {"service": service_view(state, state.services[arn], tags=True)}
