"""What crosses the border of the core about services whose tasks are spread over availability zones anew."""

from __future__ import annotations

from dataclasses import dataclass

from chaos_ecs.core.container_instances import Place

Zones = tuple[tuple[str, int], ...]
"""How many tasks of a service each zone has."""


@dataclass(frozen=True, slots=True)
class StartMove:
    """Intent: a task is started in the emptiest zone, for one of the fullest."""

    service_arn: str
    place: Place
    from_zone: str
    to_zone: str
    zones: Zones
    cause: str


@dataclass(frozen=True, slots=True)
class FinishMove:
    """Intent: that task is healthy, so one of the fullest zone stops."""

    service_arn: str
    task_arn: str
    cause: str


@dataclass(frozen=True, slots=True)
class GiveUpMove:
    """Intent: something else comes first; what was started is a task like the others."""

    service_arn: str
    cause: str


@dataclass(frozen=True, slots=True)
class TellBalanced:
    """Intent: the zones are as even as they can be."""

    service_arn: str
    zones: Zones
    cause: str


ZoneIntent = StartMove | FinishMove | GiveUpMove | TellBalanced
