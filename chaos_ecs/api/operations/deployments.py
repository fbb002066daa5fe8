"""The history of deployments: API_ListServiceDeployments, API_DescribeServiceDeployments, API_DescribeServiceRevisions,
API_StopServiceDeployment, API_ContinueServiceDeployment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any

from chaos_ecs.api import identifiers
from chaos_ecs.api.call import Call
from chaos_ecs.api.operations.members import identifiers_of, missing
from chaos_ecs.api.paging import Key, page
from chaos_ecs.api.service_views import service_deployment_brief, service_deployment_view, service_revision_view
from chaos_ecs.core import rollout_messages as r
from chaos_ecs.core.deploying import HookAction, ServiceDeployment
from chaos_ecs.core.errors import InvalidParameterException
from chaos_ecs.core.service_checks import check_continuable, is_stoppable
from chaos_ecs.core.state import State

DESCRIBE_LIMIT = 20
LIST_PAGE = 20
"""API_ListServiceDeployments: 20 at a time where other lists have 100."""

_Answer = Future[dict[str, Any]]
_Params = Mapping[str, Any]


def list_service_deployments(call: Call) -> _Answer:
    """The newest first, as far as they are kept, twenty at a time. Raises ClusterNotFoundException,
    ServiceNotFoundException and InvalidParameterException (API_ListServiceDeployments)."""
    params = call.params

    def answer(state: State, now: float) -> dict[str, Any]:
        cluster = identifiers.known_cluster(state, call.region, params.get("cluster"))
        service = identifiers.known_service(state, cluster, params["service"])
        history = state.deployments_of(service.arn)
        items = [(key, service_deployment_brief(item)) for key, item in _numbered(history) if _fits(item, params)]
        return page(params, "serviceDeployments", items, size=LIST_PAGE, descending=True)

    return call.ask(answer)


def _numbered(history: list[ServiceDeployment]) -> list[tuple[Key, ServiceDeployment]]:
    """Keys that fall: by time, and by age among those of one moment. A digit too few and 9 would come after 10."""
    return [((f"{item.created_at:020.6f}", -place), item) for place, item in enumerate(history)]


def _fits(deployment: ServiceDeployment, params: _Params) -> bool:
    """API_ListServiceDeployments: `status` and `createdAt` narrow the results; both bounds leave themselves out."""
    wanted = params.get("status")
    said = params.get("createdAt", {})
    return (
        (not wanted or deployment.status in wanted)
        and deployment.created_at > said.get("after", float("-inf"))
        and deployment.created_at < said.get("before", float("inf"))
    )


def describe_service_deployments(call: Call) -> _Answer:
    """Up to twenty; one that is not there is a failure MISSING. Raises InvalidParameterException
    (API_DescribeServiceDeployments)."""
    named = _named(call, "serviceDeploymentArns", identifiers.service_deployment_arn)

    def answer(state: State, now: float) -> dict[str, Any]:
        found = {arn: state.service_deployments.get(arn) for arn in named}
        return {
            "serviceDeployments": [service_deployment_view(state, item) for item in found.values() if item],
            "failures": [missing(arn) for arn, item in found.items() if item is None],
        }

    return call.ask(answer)


def describe_service_revisions(call: Call) -> _Answer:
    """The same for revisions (API_DescribeServiceRevisions)."""
    named = _named(call, "serviceRevisionArns", identifiers.service_revision_arn)

    def answer(state: State, now: float) -> dict[str, Any]:
        found = {arn: state.service_revisions.get(arn) for arn in named}
        return {
            "serviceRevisions": [service_revision_view(state, item) for item in found.values() if item],
            "failures": [missing(arn) for arn, item in found.items() if item is None],
        }

    return call.ask(answer)


def _named(call: Call, member: str, arn_of: Callable[[str, str], str]) -> list[str]:
    named = identifiers_of(call.params, member, DESCRIBE_LIMIT)
    if not named:
        raise InvalidParameterException(f"{member} cannot be empty.")
    return [arn_of(call.region, identifier) for identifier in named]


def stop_service_deployment(call: Call) -> _Answer:
    """The ARN of what is now rolled back; one that is being stopped already goes on with that. Raises
    ServiceDeploymentNotFoundException, ConflictException and InvalidParameterException (API_StopServiceDeployment)."""
    arn = identifiers.service_deployment_arn(call.region, call.params["serviceDeploymentArn"])
    if call.params.get("stopType", "ROLLBACK") != "ROLLBACK":
        raise InvalidParameterException("The stopType ABORT is not valid. The valid value is ROLLBACK.")

    def build(state: State) -> r.StopServiceDeployment | None:
        return r.StopServiceDeployment(arn) if is_stoppable(state, arn) else None

    return call.request(build, lambda state, now, events: {"serviceDeploymentArn": arn})


def continue_service_deployment(call: Call) -> _Answer:
    """The ARN of what goes on after a PAUSE hook, or is rolled back. Raises ServiceDeploymentNotFoundException,
    ConflictException and InvalidParameterException (API_ContinueServiceDeployment)."""
    params = call.params
    arn = identifiers.service_deployment_arn(call.region, params["serviceDeploymentArn"])
    hook_id, action = params["hookId"], HookAction(params.get("action", HookAction.CONTINUE))

    def build(state: State) -> r.ContinueServiceDeployment:
        check_continuable(state, arn, hook_id)
        return r.ContinueServiceDeployment(arn, hook_id, action)

    return call.request(build, lambda state, now, events: {"serviceDeploymentArn": arn})
