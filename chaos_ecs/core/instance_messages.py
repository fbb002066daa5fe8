"""What crosses the border of the core about container instances; families as in `messages.py`, which takes them up."""

from __future__ import annotations

from dataclasses import dataclass

from chaos_ecs.core.container_instances import Attributes, ContainerInstanceStatus
from chaos_ecs.core.daemon_messages import DaemonIntent
from chaos_ecs.core.zone_messages import ZoneIntent

# --- Commands ---


@dataclass(frozen=True, slots=True)
class RegisterContainerInstance:
    """`attributes` are all it has, built-in ones too. What `engine` and `address` mean says `ContainerInstance`."""

    cluster_arn: str
    name: str
    cpu: int
    memory: int
    attributes: Attributes = ()
    engine: str = ""
    address: str = ""
    capacity_provider: str = ""
    agent_version: str = ""
    tags: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class SetContainerInstanceStatuses:
    """ACTIVE or DRAINING, all of them or none (API_UpdateContainerInstancesState)."""

    arns: tuple[str, ...]
    status: ContainerInstanceStatus


@dataclass(frozen=True, slots=True)
class DeregisterContainerInstance:
    """With `force` its tasks are stopped, without it there may be none (API_DeregisterContainerInstance)."""

    arn: str
    force: bool = False


@dataclass(frozen=True, slots=True)
class PutAttributes:
    """(container instance, name, value)."""

    attributes: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class DeleteAttributes:
    """(container instance, name)."""

    attributes: tuple[tuple[str, str], ...]


InstanceCommand = (
    RegisterContainerInstance
    | SetContainerInstanceStatuses
    | DeregisterContainerInstance
    | PutAttributes
    | DeleteAttributes
)

# --- Actions ---


@dataclass(frozen=True, slots=True)
class LoseContainerInstance:
    """Intent: its engine has not answered for so long that its tasks are over."""

    arn: str
    cause: str


@dataclass(frozen=True, slots=True)
class ForgetContainerInstance:
    """Intent: one that is deregistered and has nothing left leaves the record."""

    arn: str
    cause: str


@dataclass(frozen=True, slots=True)
class TellUnplaced:
    """Intent: tasks of the service have no place; `message` is ECS's event, empty when all have one again. `reason` is
    what RunTask's failures would say of the closest container instance."""

    service_arn: str
    message: str
    cause: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class UseEngine:
    """Effect: begins to use a further engine. Its word is EngineConnected or EngineLost, with `host`."""

    engine: str
    cause: str


@dataclass(frozen=True, slots=True)
class LeaveEngine:
    """Effect: an engine that no container instance stands for any more is not looked at again."""

    engine: str
    cause: str


InstanceIntent = LoseContainerInstance | ForgetContainerInstance | TellUnplaced | ZoneIntent | DaemonIntent
InstanceEffect = UseEngine | LeaveEngine
