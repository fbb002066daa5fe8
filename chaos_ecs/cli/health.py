"""How well a service is, as far as the controller tells: what a healthy task is, and a whole service, once. Pure.

The controller's own is `chaos/aiming.py`, `is_healthy`: it sees a container that is paused, and here the fault is seen
that pauses it. Never here: fetching (see `client.py`), and how it is told.
"""

from __future__ import annotations

from chaos_ecs.cli.snapshot import Service, Snapshot, Task

HOLDING = ("pause", "hang", "network-disconnect")
"""Faults whose victims do nothing, or are to be reached by nobody, until they are over."""


def healthy_tasks(snapshot: Snapshot, service: Service) -> list[Task]:
    """Its tasks that serve: RUNNING and meant to, not UNHEALTHY, held by no open fault, and where a load balancer is in
    front of them, healthy in every target group that they are in."""
    held = {
        victim.task
        for fault in snapshot.faults
        for victim in fault.victims
        if fault.name in HOLDING and not victim.is_over
    }
    states: dict[str, list[str]] = {}
    for group in snapshot.groups_of(service):
        for target in group.targets:
            states.setdefault(target.task, []).append(target.state)

    def serves(task: Task) -> bool:
        if not task.is_running or task.health_status == "UNHEALTHY" or task.arn in held:
            return False
        seen = states.get(task.arn, [])
        return all(state == "healthy" for state in seen) if seen else not service.target_groups

    return [task for task in snapshot.live_tasks_of(service.arn) if serves(task)]


def is_whole(snapshot: Snapshot, service: str) -> bool:
    """Whether a service (its ARN) is in a steady state; one that is gone, or none at all, has nothing to come to."""
    found = snapshot.service(service)
    return found is None or not found.is_active or found.steady


def is_starting(snapshot: Snapshot, task: str) -> bool:
    """Whether a task (its ARN) is on its way to RUNNING."""
    found = snapshot.task(task)
    return found is not None and found.last_status in ("PROVISIONING", "PENDING", "ACTIVATING")
