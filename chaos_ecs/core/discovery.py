"""Service discovery: under which names the tasks of a cluster find a service, and who answers there. Pure.

Every service is found under its own name, NAME and NAME.CLUSTER, and under the names its Service Connect configuration
gives it (API_ServiceConnectService: discoveryName, and dnsName of clientAliases). A name leads to the service's healthy
tasks and to nobody else (Developer Guide, "Service discovery"); while there are none it is unknown. On AWS a service
has a name only where one was configured: here each has one, for there is nobody else whose name it could take.
Tasks on a further engine have no name: a container's address there leads nowhere here (decision 084).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

from chaos_ecs.core.arns import name_of
from chaos_ecs.core.discovery_messages import DiscoveryLost, DiscoveryUp, PublishNames
from chaos_ecs.core.health import TaskHealth, address_of, task_health, unasked
from chaos_ecs.core.messages import EventType
from chaos_ecs.core.model import Service, ServiceStatus, Task, TaskDefinition
from chaos_ecs.core.state import Published, State
from chaos_ecs.core.todo import Plan

_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")
NOTHING: Published = ((), ())


def plan_names(state: State, service: Service, now: float, todo: Plan) -> None:
    """Publishes the service's names anew where something of them has changed."""
    wanted = published(state, service, now, todo)
    if wanted != state.published.get(service.arn, None if service.status is ServiceStatus.ACTIVE else NOTHING):
        cause = f"{len(wanted[1])} of its tasks are healthy" if wanted[0] else "the service is deleted"
        todo.actions.append(PublishNames(service.arn, service.cluster_arn, *wanted, cause))


def publish_names(state: State, effect: PublishNames, now: float) -> None:
    """`apply`: what is in force from now on."""
    if effect.names:
        state.published[effect.service_arn] = (effect.names, effect.addresses)
    else:
        state.published.pop(effect.service_arn, None)


def discovery_up(state: State, fact: DiscoveryUp, now: float) -> None:
    message = f"tasks of {name_of(fact.cluster_arn)} find services by name again"
    state.emit(now, EventType.DISCOVERY_UP, message, cluster=fact.cluster_arn)


def discovery_lost(state: State, fact: DiscoveryLost, now: float) -> None:
    message = f"tasks of {name_of(fact.cluster_arn)} find no service by name: {fact.reason}"
    state.emit(now, EventType.DISCOVERY_LOST, message, cluster=fact.cluster_arn, reason=fact.reason)


def published(state: State, service: Service, now: float, todo: Plan) -> Published:
    """The service's names, and the addresses of its healthy tasks in their order of creation."""
    if service.status is ServiceStatus.INACTIVE:
        return NOTHING
    tasks = state.live_tasks_of(service.arn)
    hidden = unasked(state, service, tasks)

    def look_again(at: float) -> None:
        todo.look_again(service.arn, at)

    found = (
        _address(task, state.task_definitions[task.task_definition_arn])
        for task in tasks
        if task.is_wanted
        and not state.engine_of(task)
        and task.arn not in hidden
        and task_health(state, service, task, now, look_again) is TaskHealth.HEALTHY
    )
    return tuple(_names(service)), tuple(address for address in found if address)


def _names(service: Service) -> Iterator[str]:
    own = service.name.lower()
    wished = (own, f"{own}.{name_of(service.cluster_arn).lower()}", *_configured(service.registered))
    yield from dict.fromkeys(name for name in wished if _NAME.fullmatch(name))


def _configured(registered: str) -> Iterable[str]:
    """Of a Service Connect configuration that is enabled."""
    if "serviceConnectConfiguration" not in registered:  # what most services are spared: reading JSON at every look
        return
    connect = json.loads(registered).get("serviceConnectConfiguration") or {}
    for offered in connect.get("services", ()) if connect.get("enabled") else ():
        aliases = [alias.get("dnsName") for alias in offered.get("clientAliases", ())]
        discovery_name = offered.get("discoveryName") or offered["portName"]
        namespace = (connect.get("namespace") or "").rpartition("/")[2]  # its name, or its ARN
        for name in (discovery_name, f"{discovery_name}.{namespace}" if namespace else None, *aliases):
            if name:
                yield name.lower()


def _address(task: Task, definition: TaskDefinition) -> str:
    """Of the container that listens: the first with a port, or else the first essential one."""
    listening = next((item for item in definition.containers if item.port_mappings), None)
    chosen = listening or next(item for item in definition.containers if item.essential)
    return address_of(task, chosen.name)
