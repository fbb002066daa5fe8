"""What crosses the border of the core about DAEMON services."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CountHomes:
    """Intent: so many container instances are to have a task of the service: that is its desired count now."""

    service_arn: str
    count: int
    cause: str


@dataclass(frozen=True, slots=True)
class StopMisplaced:
    """Intent: container instances do not meet the service's constraints any more: its tasks on them stop."""

    service_arn: str
    task_arns: tuple[str, ...]
    cause: str


DaemonIntent = CountHomes | StopMisplaced
