"""Container instances, of which a cluster has none: API_ListContainerInstances and the others that name one,
API_PutAttributes and its kin, API_StartTask, and what agents call.

Every task is placed on the one engine there is (decision 076), so each of these answers as ECS does for a cluster
without instances.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from chaos_ecs.api import identifiers
from chaos_ecs.api.call import Call
from chaos_ecs.api.operations.members import check_network, definition_in, identifiers_of, missing, tags_of
from chaos_ecs.api.operations.task_members import START_STARTED_BY, check_run, overrides_of, task_override_of
from chaos_ecs.api.paging import page
from chaos_ecs.core.commands import check_overrides, usable_definition
from chaos_ecs.core.errors import (
    ClientException,
    InvalidParameterException,
    NoUpdateAvailableException,
    TargetNotFoundException,
)
from chaos_ecs.core.state import State

DESCRIBE_LIMIT = 100
UPDATE_LIMIT = 10
START_LIMIT = 10
ATTRIBUTES_LIMIT = 10
NOT_FOUND = "Referenced container instance {} not found."

_Answer = Future[dict[str, Any]]


def list_container_instances(call: Call) -> _Answer:
    """No ARN. Raises ClusterNotFoundException and InvalidParameterException (API_ListContainerInstances)."""
    return _in_cluster(call, lambda state, cluster: page(call.params, "containerInstanceArns", ()))


def describe_container_instances(call: Call) -> _Answer:
    """A failure MISSING for each that is named. Raises ClusterNotFoundException and InvalidParameterException
    (API_DescribeContainerInstances)."""
    return _all_missing(call, _named(call, DESCRIBE_LIMIT))


def update_container_instances_state(call: Call) -> _Answer:
    """The same (API_UpdateContainerInstancesState)."""
    named = _named(call, UPDATE_LIMIT)
    if call.params["status"] not in ("ACTIVE", "DRAINING"):
        raise InvalidParameterException("Container instance status should be one of [ACTIVE, DRAINING]")
    return _all_missing(call, named)


def register_container_instance(call: Call) -> _Answer:
    """Never: raises ClientException (API_RegisterContainerInstance, "for use by the ECS agent only")."""
    tags_of(call.params)
    return _refused(call, ClientException("chaos-ecs serves no ECS agents: tasks run on the engine it has itself."))


def deregister_container_instance(call: Call) -> _Answer:
    """Never: raises ClusterNotFoundException and InvalidParameterException (API_DeregisterContainerInstance)."""
    return _refused(call, InvalidParameterException(NOT_FOUND.format(call.params["containerInstance"])))


def update_container_agent(call: Call) -> _Answer:
    """Never: raises ClusterNotFoundException and NoUpdateAvailableException (API_UpdateContainerAgent)."""
    return _refused(
        call, NoUpdateAvailableException("There's no update available for this Amazon ECS container agent.")
    )


def discover_poll_endpoint(call: Call) -> _Answer:
    """This controller's own address: an agent that asks there is told that none is served
    (API_DiscoverPollEndpoint)."""
    endpoint = f"http://127.0.0.1:{call.surroundings.info['port']}/"
    told = dict.fromkeys(("endpoint", "telemetryEndpoint", "serviceConnectEndpoint"), endpoint)
    return call.ask(lambda state, now: told)


def put_attributes(call: Call) -> _Answer:
    """Never: raises TargetNotFoundException, after InvalidParameterException and ClusterNotFoundException
    (API_PutAttributes)."""
    return _no_target(call)


def delete_attributes(call: Call) -> _Answer:
    """The same (API_DeleteAttributes)."""
    return _no_target(call)


def list_attributes(call: Call) -> _Answer:
    """No attribute. Raises ClusterNotFoundException and InvalidParameterException (API_ListAttributes)."""
    if "attributeValue" in call.params and "attributeName" not in call.params:
        raise InvalidParameterException("attributeName must be specified with attributeValue.")
    return _in_cluster(call, lambda state, cluster: page(call.params, "attributes", ()))


def start_task(call: Call) -> _Answer:
    """No task, and a failure MISSING for each container instance that is named. Raises InvalidParameterException,
    ClusterNotFoundException and ClientException for what RunTask refuses as well (API_StartTask)."""
    params = call.params
    check_run(params, started_by=START_STARTED_BY)
    tags_of(params)
    named = _named(call, START_LIMIT)
    overrides, task_memory = overrides_of(params), task_override_of(params).memory

    def answer(state: State, cluster: str) -> dict[str, Any]:
        arn = identifiers.task_definition_arn(state, call.region, params["taskDefinition"])
        check_network(definition_in(state, arn), params)
        check_overrides(usable_definition(state, arn), overrides, task_memory)
        return {"tasks": [], "failures": _failures(cluster, named)}

    return _in_cluster(call, answer)


def _named(call: Call, at_most: int) -> list[str]:
    named = identifiers_of(call.params, "containerInstances", at_most)
    if not named:
        raise InvalidParameterException("Container instances cannot be empty.")
    return named


def _all_missing(call: Call, named: Sequence[str]) -> _Answer:
    return _in_cluster(call, lambda state, cluster: {"containerInstances": [], "failures": _failures(cluster, named)})


def _failures(cluster: str, named: Sequence[str]) -> list[dict[str, str]]:
    return [missing(identifiers.container_instance_arn(cluster, name)) for name in named]


def _no_target(call: Call) -> _Answer:
    attributes: Sequence[Mapping[str, Any]] = call.params["attributes"]
    if not attributes:
        raise InvalidParameterException("Attributes cannot be empty.")
    if len(attributes) > ATTRIBUTES_LIMIT:
        raise InvalidParameterException(f"attributes can have at most {ATTRIBUTES_LIMIT} items.")
    target = next((item["targetId"] for item in attributes if "targetId" in item), "")
    return _refused(call, TargetNotFoundException(f"Could not find {target}".rstrip() + "."))


def _refused(call: Call, refusal: Exception) -> _Answer:
    def answer(state: State, cluster: str) -> dict[str, Any]:
        raise refusal

    return _in_cluster(call, answer)


def _in_cluster(call: Call, answer: Callable[[State, str], dict[str, Any]]) -> _Answer:
    return call.ask(
        lambda state, now: answer(state, identifiers.known_cluster(state, call.region, call.params.get("cluster")))
    )
