"""Service Connect's namespaces: API_ListServicesByNamespace."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

from chaos_ecs.api.call import Call
from chaos_ecs.api.operations.cluster_members import default_namespace
from chaos_ecs.api.paging import page
from chaos_ecs.core.arns import region_of
from chaos_ecs.core.errors import NamespaceNotFoundException
from chaos_ecs.core.model import Service, ServiceStatus
from chaos_ecs.core.state import State

PAGE = 10


def list_services_by_namespace(call: Call) -> Future[dict[str, Any]]:
    """The ARNs of the ACTIVE services whose Service Connect configuration is in a namespace, ten at a time. Raises
    NamespaceNotFoundException for one that no service and no cluster here names (API_ListServicesByNamespace). A
    namespace is named by its name or its ARN; nobody here could tell which belong together."""
    wanted = call.params["namespace"]

    def answer(state: State, now: float) -> dict[str, Any]:
        named = {s.arn: _namespace(state, s) for s in state.services.values() if region_of(s.arn) == call.region}
        clusters = [c for c in state.clusters.values() if region_of(c.arn) == call.region]
        defaults = [default_namespace(state, c.arn) for c in clusters]
        if wanted not in (*named.values(), *defaults):
            raise NamespaceNotFoundException("The specified namespace wasn't found.")
        arns = sorted(arn for arn, name in named.items() if name == wanted)
        active = [(arn, arn) for arn in arns if state.services[arn].status is ServiceStatus.ACTIVE]
        return page(call.params, "serviceArns", active, size=PAGE)

    return call.ask(answer)


def _namespace(state: State, service: Service) -> str | None:
    """What the service says, or else its cluster's default; None where Service Connect is off."""
    said: Mapping[str, Any] = json.loads(service.registered).get("serviceConnectConfiguration", {})
    if not said.get("enabled"):
        return None
    return said.get("namespace") or default_namespace(state, service.cluster_arn)
