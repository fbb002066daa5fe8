"""The network interface of an awsvpc task, as DescribeTasks has it: what scripts read a task's address from.

Here each container has an address of its own (decision 071): the attachment's is that of the first. Sources: API_Task,
API_Attachment; Developer Guide, "task networking".
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any
from uuid import UUID

from chaos_ecs.core.model import Container, Task, TaskDefinition, TaskStatus


def subnet_of(params: Mapping[str, Any]) -> dict[str, str]:
    """What of a request's networkConfiguration its tasks remember."""
    subnets = params.get("networkConfiguration", {}).get("awsvpcConfiguration", {}).get("subnets", ())
    return {"subnet": subnets[0]} if subnets else {}


def attachments(task: Task, definition: TaskDefinition, subnet: str) -> list[dict[str, Any]]:
    if definition.network_mode != "awsvpc":
        return []
    address = next((one.address for one in task.containers if one.address), "")
    details = {"subnetId": subnet}
    if address:
        details |= {"networkInterfaceId": f"eni-{_digest(task)[:17]}", "privateIPv4Address": address}
    told = [{"name": name, "value": value} for name, value in details.items() if value]
    return [{"id": _id(task), "type": "ElasticNetworkInterface", "status": _status(task, address), "details": told}]


def interfaces(task: Task, container: Container, definition: TaskDefinition) -> list[dict[str, str]]:
    if definition.network_mode != "awsvpc" or not container.address:
        return []
    return [{"attachmentId": _id(task), "privateIpv4Address": container.address}]


def _status(task: Task, address: str) -> str:
    if task.last_status is TaskStatus.STOPPED:
        return "DELETED"
    return "ATTACHED" if address else "PRECREATED"


def _id(task: Task) -> str:
    return str(UUID(_digest(task)[:32]))


def _digest(task: Task) -> str:
    return sha256(f"eni of {task.arn}".encode()).hexdigest()
