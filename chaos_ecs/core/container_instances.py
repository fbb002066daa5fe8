"""The noun of the EC2 launch type: a container instance, its attributes, and what of it is taken already at the start.

Never here: where a task goes (`placement.py`). Sources: API_ContainerInstance; Developer Guide, "Amazon ECS container
instance attributes". Memory is MiB, cpu is ECS's units.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

AVAILABILITY_ZONE = "ecs.availability-zone"
INSTANCE_TYPE = "ecs.instance-type"
OS_TYPE = "ecs.os-type"
OS_FAMILY = "ecs.os-family"
CPU_ARCHITECTURE = "ecs.cpu-architecture"
AMI_ID = "ecs.ami-id"
SUBNET_ID = "ecs.subnet-id"
VPC_ID = "ecs.vpc-id"

BUILT_IN = ("ecs.", "com.amazonaws.")
"""How the names of attributes begin that ECS and its agent set, and nobody else."""

CUSTOM_ATTRIBUTES = 10
"""AttributeLimitExceededException: the most for each resource."""

RESERVED_PORTS = (22, 2375, 2376, 51678, 51679)
"""API_PortMapping: for SSH, Docker and the agent."""

Attributes = tuple[tuple[str, str], ...]
Port = tuple[int, str]
"""A port of the host and its protocol."""


class ContainerInstanceStatus(StrEnum):
    """API_ContainerInstance.status."""

    REGISTERING = "REGISTERING"
    REGISTRATION_FAILED = "REGISTRATION_FAILED"
    ACTIVE = "ACTIVE"
    DRAINING = "DRAINING"
    DEREGISTERING = "DEREGISTERING"
    INACTIVE = "INACTIVE"


@dataclass(frozen=True, slots=True)
class Needs:
    """What a task takes of its container instance."""

    cpu: int = 0
    memory: int = 0
    ports: tuple[Port, ...] = ()
    attributes: tuple[tuple[str, str | None], ...] = ()  # it asks for; None: whatever its value is


@dataclass(frozen=True, slots=True)
class EngineRoom:
    """What an engine has to offer as a container instance. `address` is where its machine is reached, if that follows
    from where the engine is; empty for the controller's own."""

    name: str  # as told to the user
    cpu: int
    memory: int
    architecture: str = "x86_64"
    address: str = ""
    id: str = ""  # its own, whatever it is called and however it is reached; empty where it does not tell


@dataclass(frozen=True, slots=True)
class Place:
    """Where a task goes. Without a container instance: the controller's own engine."""

    instance_arn: str = ""
    capacity_provider: str = ""


@dataclass(frozen=True, slots=True)
class Rebalancing:
    """A service whose zones are out of balance: it is told once. `task_arn` is started to take another's place."""

    task_arn: str = ""
    from_zone: str = ""
    to_zone: str = ""


@dataclass(frozen=True, slots=True)
class ContainerInstance:
    """A host that tasks are placed on: a Docker engine, or a slice of one."""

    arn: str
    cluster_arn: str
    name: str
    ec2_instance_id: str
    cpu: int
    memory: int
    number: int  # order of registration, from State's counter
    registered_at: float
    attributes: Attributes = ()  # built-in ones and one's own; the value of one that only is there is empty
    status: ContainerInstanceStatus = ContainerInstanceStatus.ACTIVE
    agent_connected: bool = True
    agent_version: str = ""
    capacity_provider: str = ""  # empty: registered by itself
    engine: str = (
        ""  # which engine it stands for, as `live/` and `sim/` name it; empty: a slice of the controller's own
    )
    address: str = ""  # where the ports of its tasks are reached; empty: by their own addresses, on the own engine
    disconnected_at: float | None = None  # since when its agent is not connected
    deregistered_at: float | None = None
    is_off: bool = False  # a fault has taken its power: it does not come back before that is over
    reserved_ports: tuple[Port, ...] = tuple((port, "tcp") for port in RESERVED_PORTS)
    tags: tuple[tuple[str, str], ...] = ()
    version: int = 1

    @property
    def key(self) -> str:
        return self.arn

    @property
    def id(self) -> str:
        return self.arn.rsplit("/", 1)[1]

    @property
    def availability_zone(self) -> str:
        return self.attribute(AVAILABILITY_ZONE) or ""

    @property
    def is_active(self) -> bool:
        """Whether new tasks may come to it, and those it has are to stay."""
        return self.status is ContainerInstanceStatus.ACTIVE

    def attribute(self, name: str) -> str | None:
        """Its value, None where it has no such attribute."""
        return next((value for known, value in self.attributes if known == name), None)


def is_built_in(name: str) -> bool:
    return name.startswith(BUILT_IN)


def built_in_attributes(
    *,
    availability_zone: str,
    instance_type: str,
    ami_id: str = "",
    cpu_architecture: str = "x86_64",
    subnet_id: str = "",
    vpc_id: str = "",
) -> Attributes:
    """What ECS sets by itself on every Linux container instance; what is empty is left out."""
    attributes = {
        AMI_ID: ami_id,
        AVAILABILITY_ZONE: availability_zone,
        CPU_ARCHITECTURE: cpu_architecture,
        INSTANCE_TYPE: instance_type,
        OS_FAMILY: "LINUX",
        OS_TYPE: "linux",
        SUBNET_ID: subnet_id,
        VPC_ID: vpc_id,
    }
    return tuple((name, value) for name, value in attributes.items() if value)
