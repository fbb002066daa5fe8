"""Task sets: API_CreateTaskSet and its kin.

They are for services with an EXTERNAL deployment controller, which CreateService refuses here; so every one of them
answers what ECS answers for any other service.
"""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

from chaos_ecs.api import identifiers
from chaos_ecs.api.call import Call
from chaos_ecs.core.errors import InvalidParameterException
from chaos_ecs.core.state import State

NOT_EXTERNAL = (
    "Amazon ECS only supports task set management on services configured to use external deployment controllers."
)


def refuse_task_set(call: Call) -> Future[dict[str, Any]]:
    """Never: raises ClusterNotFoundException, ServiceNotFoundException, then InvalidParameterException
    (API_CreateTaskSet, API_DescribeTaskSets, API_UpdateTaskSet, API_DeleteTaskSet, API_UpdateServicePrimaryTaskSet)."""

    def answer(state: State, now: float) -> dict[str, Any]:
        cluster = identifiers.known_cluster(state, call.region, call.params["cluster"])
        identifiers.known_service(state, cluster, call.params["service"])
        raise InvalidParameterException(NOT_EXTERNAL)

    return call.ask(answer)
