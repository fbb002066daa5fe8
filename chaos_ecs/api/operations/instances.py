"""Container instances: API_ListContainerInstances and the others that name one, and what agents call. Their attributes
are in `attributes.py`, tasks that are started on one in `starting.py`."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

from chaos_ecs.api import identifiers
from chaos_ecs.api.call import Call
from chaos_ecs.api.instance_views import container_instance_view, rooms_in
from chaos_ecs.api.operations.members import identifiers_of, missing, tags_of
from chaos_ecs.api.paging import page
from chaos_ecs.core import instance_messages as i
from chaos_ecs.core.cluster_query import Query, parse
from chaos_ecs.core.container_instances import ContainerInstance, ContainerInstanceStatus
from chaos_ecs.core.errors import ClientException, InvalidParameterException, NoUpdateAvailableException
from chaos_ecs.core.instances import SETTABLE
from chaos_ecs.core.rooms import Room
from chaos_ecs.core.state import State

DESCRIBE_LIMIT = 100
UPDATE_LIMIT = 10
NO_AGENTS = (
    "chaos-ecs serves no ECS agents: a container instance is a part of its own engine, or a further Docker engine. "
    "Type: chaos-ecs instance add"
)

_Answer = Future[dict[str, Any]]


def list_container_instances(call: Call) -> _Answer:
    """The ARNs of those that are not INACTIVE, in order of registration, or of those with a status; `filter` is an
    expression of the cluster query language. Raises ClusterNotFoundException and InvalidParameterException
    (API_ListContainerInstances)."""
    params = call.params
    query = parse(params["filter"]) if params.get("filter") else None
    status = params.get("status")

    def answer(state: State, now: float) -> dict[str, Any]:
        cluster = identifiers.known_cluster(state, call.region, params.get("cluster"))
        rooms = rooms_in(state, cluster)
        found = [
            instance
            for instance in state.instances_in(cluster)
            if status in (None, instance.status) and (query is None or _holds(query, rooms[instance.arn]))
        ]
        return page(params, "containerInstanceArns", [(instance.number, instance.arn) for instance in found])

    return call.ask(answer)


def describe_container_instances(call: Call) -> _Answer:
    """Up to a hundred, for an hour also those that were deregistered; one that is not there is a failure MISSING.
    Raises ClusterNotFoundException and InvalidParameterException (API_DescribeContainerInstances)."""
    named = named_instances(call, DESCRIBE_LIMIT)
    include = call.params.get("include", ())

    def answer(state: State, now: float) -> dict[str, Any]:
        cluster = identifiers.known_cluster(state, call.region, call.params.get("cluster"))
        found, failures = _found(state, cluster, named)
        return {"containerInstances": _views(state, cluster, found, include), "failures": failures}

    return call.ask(answer)


def update_container_instances_state(call: Call) -> _Answer:
    """Up to ten, ACTIVE or DRAINING; a failure for each that is not there any more. Raises ClusterNotFoundException and
    InvalidParameterException (API_UpdateContainerInstancesState)."""
    named = named_instances(call, UPDATE_LIMIT)
    status = ContainerInstanceStatus(call.params["status"])
    if status not in SETTABLE:
        raise InvalidParameterException("Container instance status should be one of [ACTIVE, DRAINING]")
    arns: list[str] = []
    failures: list[dict[str, str]] = []

    def build(state: State) -> i.SetContainerInstanceStatuses:
        cluster = identifiers.known_cluster(state, call.region, call.params.get("cluster"))
        found, unknown = _found(state, cluster, named)
        failures.extend(unknown)
        for instance in found:
            if instance.status in SETTABLE:
                arns.append(instance.arn)
            else:
                failures.append({"arn": instance.arn, "reason": instance.status})
        return i.SetContainerInstanceStatuses(tuple(arns), status)

    def answer(state: State, now: float, events: object) -> dict[str, Any]:
        found = [state.container_instances[arn] for arn in arns]
        cluster = found[0].cluster_arn if found else ""
        return {"containerInstances": _views(state, cluster, found), "failures": failures}

    return call.request(build, answer)


def register_container_instance(call: Call) -> _Answer:
    """Never: raises ClientException (API_RegisterContainerInstance, "for use by the ECS agent only")."""
    tags_of(call.params)

    def answer(state: State, now: float) -> dict[str, Any]:
        identifiers.known_cluster(state, call.region, call.params.get("cluster"))
        raise ClientException(NO_AGENTS)

    return call.ask(answer)


def deregister_container_instance(call: Call) -> _Answer:
    """The container instance, INACTIVE. Raises ClusterNotFoundException, and InvalidParameterException where tasks run
    on it, but for `force`, which stops them (API_DeregisterContainerInstance)."""
    found: list[str] = []

    def build(state: State) -> i.DeregisterContainerInstance:
        found.append(_known(state, call).arn)
        return i.DeregisterContainerInstance(found[0], force=call.params.get("force", False))

    def answer(state: State, now: float, events: object) -> dict[str, Any]:
        (arn,) = found
        return {"containerInstance": container_instance_view(state, state.container_instances[arn], {})}

    return call.request(build, answer)


def update_container_agent(call: Call) -> _Answer:
    """Never: there is no agent to update. Raises ClusterNotFoundException, InvalidParameterException and
    NoUpdateAvailableException (API_UpdateContainerAgent)."""

    def answer(state: State, now: float) -> dict[str, Any]:
        _known(state, call)
        raise NoUpdateAvailableException("There's no update available for this Amazon ECS container agent.")

    return call.ask(answer)


def discover_poll_endpoint(call: Call) -> _Answer:
    """This controller's own address: an agent that asks there is told that none is served
    (API_DiscoverPollEndpoint)."""
    endpoint = f"http://127.0.0.1:{call.surroundings.info['port']}/"
    told = dict.fromkeys(("endpoint", "telemetryEndpoint", "serviceConnectEndpoint"), endpoint)
    return call.ask(lambda state, now: told)


def _holds(query: Query, room: Room) -> bool:
    return query.holds(room.instance, room.groups)


def named_instances(call: Call, at_most: int) -> list[str]:
    """What `containerInstances` names. Raises InvalidParameterException where that is nothing, or too much."""
    named = identifiers_of(call.params, "containerInstances", at_most)
    if not named:
        raise InvalidParameterException("Container instances cannot be empty.")
    return named


def _known(state: State, call: Call) -> ContainerInstance:
    cluster = identifiers.known_cluster(state, call.region, call.params.get("cluster"))
    return identifiers.known_container_instance(state, cluster, call.params["containerInstance"])


def _found(state: State, cluster: str, named: Sequence[str]) -> tuple[list[ContainerInstance], list[dict[str, str]]]:
    """Those that are there, each once, and a failure for each other."""
    known = {name: identifiers.find_container_instance(state, cluster, name) for name in named}
    unknown = [name for name, instance in known.items() if instance is None]
    found = {instance.arn: instance for instance in known.values() if instance}
    return list(found.values()), [missing(identifiers.container_instance_arn(cluster, name)) for name in unknown]


def _views(
    state: State, cluster: str, found: Sequence[ContainerInstance], include: Sequence[str] = ()
) -> list[dict[str, Any]]:
    rooms = rooms_in(state, cluster)
    return [container_instance_view(state, instance, rooms, include) for instance in found]
