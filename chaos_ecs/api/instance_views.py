"""Container instances as the wire has them: beside `views.py`, with the same rules."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from chaos_ecs.api.views import pending, running, tag_list
from chaos_ecs.core.container_instances import Attributes, ContainerInstance, Port
from chaos_ecs.core.placing import instances_there, placed_tasks, sharing_ports
from chaos_ecs.core.rooms import Room, rooms_of
from chaos_ecs.core.state import State

Rooms = dict[str, Room]
"""By the container instance's ARN: what is left of each."""


def rooms_in(state: State, cluster: str) -> Rooms:
    """Of all that are not INACTIVE, as placing sees them."""
    known = placed_tasks(state, cluster)
    return rooms_of(sharing_ports(instances_there(state, cluster), known), known)


def container_instance_view(
    state: State, instance: ContainerInstance, rooms: Rooms, include: Sequence[str] = ()
) -> dict[str, Any]:
    """API_ContainerInstance; `include` is DescribeContainerInstances' own."""
    room = rooms.get(instance.arn) or Room(instance)  # nothing is placed on an INACTIVE one any more
    tasks = [task for task in state.tasks_on(instance.arn) if not task.standby]
    return {
        "containerInstanceArn": instance.arn,
        "ec2InstanceId": instance.ec2_instance_id,
        "capacityProviderName": instance.capacity_provider or None,
        "version": instance.version,
        "versionInfo": {"agentVersion": instance.agent_version} if instance.agent_version else {},
        "remainingResources": _resources(room.cpu, room.memory, room.ports),
        "registeredResources": _resources(instance.cpu, instance.memory, instance.reserved_ports),
        "status": instance.status,
        "agentConnected": room.instance.agent_connected,
        "runningTasksCount": running(tasks),
        "pendingTasksCount": pending(tasks),
        "agentUpdateStatus": None,
        "attributes": attribute_list(instance.attributes),
        "registeredAt": instance.registered_at,
        "attachments": [],
        "tags": tag_list(instance.tags) if "TAGS" in include else [],
        "healthStatus": _health(room.instance) if "CONTAINER_INSTANCE_HEALTH" in include else None,
    }


def attribute_list(attributes: Attributes, target: str = "") -> list[dict[str, str]]:
    """API_Attribute, with the ARN of what has them where there is a `target`. One without a value only is there."""
    of = {"targetId": target} if target else {}
    return [{"name": name, **({"value": value} if value else {}), **of} for name, value in attributes]


def _resources(cpu: int, memory: int, ports: Iterable[Port]) -> list[dict[str, Any]]:
    """API_Resource: of ports those that are taken."""
    taken = sorted(dict.fromkeys(ports))
    tcp, udp = ([str(port) for port, protocol in taken if protocol == wanted] for wanted in ("tcp", "udp"))
    return [
        _resource("CPU", "INTEGER", integerValue=cpu),
        _resource("MEMORY", "INTEGER", integerValue=memory),
        _resource("PORTS", "STRINGSET", stringSetValue=tcp),
        _resource("PORTS_UDP", "STRINGSET", stringSetValue=udp),
    ]


def _resource(name: str, type_: str, **value: Any) -> dict[str, Any]:
    return {"name": name, "type": type_, "doubleValue": 0.0, "longValue": 0, "integerValue": 0, **value}


def _health(instance: ContainerInstance) -> dict[str, Any]:
    """API_ContainerInstanceHealthStatus: whether its engine answers. Of one that is not there nothing is known."""
    status = "OK" if instance.agent_connected else "INSUFFICIENT_DATA"
    runtime = {"type": "CONTAINER_RUNTIME", "status": status, "lastStatusChange": instance.disconnected_at}
    return {"overallStatus": status, "details": [runtime]}
