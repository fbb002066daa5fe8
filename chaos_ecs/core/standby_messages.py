"""What crosses the border of the core about standbys; families as in `messages.py`, which hands them on."""

from __future__ import annotations

from dataclasses import dataclass

from chaos_ecs.core.container_instances import Place


@dataclass(frozen=True, slots=True)
class SetStandby:
    """Not an ECS operation: how many warm standbys to keep for a service."""

    service_arn: str
    count: int


@dataclass(frozen=True, slots=True)
class PrepareStandbys:
    """Intent: the service gets `count` more standbys of its newest deployment; `places` as of StartTasks."""

    service_arn: str
    count: int
    cause: str
    places: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True)
class DiscardStandbys:
    """Intent: these standbys are not needed any more. They serve nobody, so they go without a stop signal."""

    service_arn: str
    task_arns: tuple[str, ...]
    cause: str
