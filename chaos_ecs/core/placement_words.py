"""What ECS says of placing: the service's events. RunTask's failures are in `run_places.py`.

Sources: DescribeServices' examples in the API's model; events and failures that people have published (see
`decisions/081-placement.md`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from chaos_ecs.core.arns import name_of
from chaos_ecs.core.placement import Reason, Refusal
from chaos_ecs.core.platforms import NO_INSTANCES

NO_PROVIDER_INSTANCES = "No Container Instances were found in your capacity provider."
_TROUBLESHOOTING = "For more information, see the Troubleshooting section of the Amazon ECS Developer Guide."

_CLOSEST = {
    Reason.CPU: "has insufficient CPU units available",
    Reason.MEMORY: "has insufficient memory available",
    Reason.PORTS: "is already using a port required by your task",
    Reason.ATTRIBUTE: "is missing an attribute required by your task",
}


def unable_to_place(service_name: str, refusals: Sequence[Refusal], capacity_provider: str = "") -> str:
    """The event of a service some task of which has no place: of the closest container instance, the first of them."""
    if refusals:
        nearest = refusals[0]
        what = _CLOSEST.get(nearest.reason, f'encountered error "{nearest.reason}"')
        reason = f"The closest matching (container-instance {name_of(nearest.instance_arn)}) {what}."
    else:
        reason = f"Reason: {reason_of((), capacity_provider)}"
    return (
        f"(service {service_name}) was unable to place a task because no container instance met all of its "
        f"requirements. {reason} {_TROUBLESHOOTING}"
    )


def reason_of(refusals: Sequence[Refusal], capacity_provider: str = "") -> str:
    """Why the closest container instance cannot take it: the `reason` of SERVICE_TASK_PLACEMENT_FAILURE."""
    if refusals:
        return str(refusals[0].reason)
    return NO_PROVIDER_INSTANCES if capacity_provider else NO_INSTANCES


def zones_balanced(service_name: str, zones: Mapping[str, int]) -> str:
    return f"(service {service_name}) is AZ balanced with {_counted(zones)}."


def zones_not_balanced(service_name: str, zones: Mapping[str, int]) -> str:
    return f"(service {service_name}) is not AZ balanced with {_counted(zones)}. AZ Rebalancing in progress."


def started_to_rebalance(service_name: str, zone: str, task_ids: Sequence[str]) -> str:
    return f"(service {service_name}) has started {_moved(zone, task_ids)}"


def stopped_to_rebalance(service_name: str, zone: str, task_ids: Sequence[str]) -> str:
    return f"(service {service_name}) has stopped {_moved(zone, task_ids)}"


def _moved(zone: str, task_ids: Sequence[str]) -> str:
    named = " ".join(f"(task {task_id})" for task_id in task_ids)
    return f"{len(task_ids)} tasks in {zone} to AZ Rebalance: {named}."


def _counted(zones: Mapping[str, int]) -> str:
    """The fullest zone first."""
    ordered = sorted(zones.items(), key=lambda zone: (-zone[1], zone[0]))
    return ", ".join(f"{count} tasks in {zone}" for zone, count in ordered)
