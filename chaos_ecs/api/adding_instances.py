"""AddContainerInstance, an operation of our own: ECS has none for it, because there an agent registers its machine.

The engine is examined first, off the controller's thread; what is left out follows from what it has and from what the
cluster has already. Where tasks go then is `core/placing.py`'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from ipaddress import ip_address
from itertools import count
from typing import Any

from chaos_ecs.api import identifiers
from chaos_ecs.api.call import Call, then
from chaos_ecs.api.operations.attributes import check_name, check_value
from chaos_ecs.api.operations.cluster_members import members_of
from chaos_ecs.core import container_instances as ci
from chaos_ecs.core.arns import name_of, region_of
from chaos_ecs.core.container_instances import ContainerInstance, ContainerInstanceStatus, EngineRoom
from chaos_ecs.core.errors import ClientException, InvalidParameterException
from chaos_ecs.core.instance_messages import RegisterContainerInstance
from chaos_ecs.core.messages import Event, EventType
from chaos_ecs.core.state import State
from chaos_ecs.errors import ChaosEcsError

ZONES = "abc"
"""Of a region, those that are filled in turn; any letter up to MOST_ZONES may be named."""
MOST_ZONES = "abcdef"
SLICE_CPU = SLICE_MEMORY = 2048
"""Of a slice of the own engine. What slices promise together may be more than the machine has, so that three of them
fit on a laptop: ECS reserves, it does not measure."""
LEAST, MOST_CPU, MOST_MEMORY = 128, 1_966_080, 33_554_432
"""The largest machine of EC2 has 1920 processors and 32 TiB."""
ARCHITECTURES = {"aarch64": "arm64", "amd64": "x86_64"}

_SMALL = (("nano", 512), ("micro", 1024), ("small", 2048), ("medium", 4096))  # of two processors
_LARGE = (("large", 2), *((f"{size}xlarge" if size > 1 else "xlarge", 4 * size) for size in (1, 2, 4, 8, 12, 16, 24)))
_FAMILIES = {"arm64": ("t4g", "m6g")}

_Answer = Future[dict[str, Any]]
_Params = Mapping[str, Any]


def add_container_instance(call: Call) -> _Answer:
    """Registers it, of an engine that answers. Raises ClientException where it does not, or is in use already."""
    params, engine = call.params, call.params.get("engine", "")
    _check(params)

    def register(room: EngineRoom) -> _Answer:
        return call.request(
            lambda state: _command(state, call, room),
            lambda state, now, events: _added(state, events),
        )

    examined = call.surroundings.background.submit(_examined, call.surroundings.controller.runtime.examine, engine)
    return then(examined, register)


def _examined(examine: Any, engine: str) -> EngineRoom:
    try:
        room: EngineRoom = examine(engine)
    except ChaosEcsError as error:
        raise ClientException(f"The engine{f' {engine}' if engine else ''} cannot be used: {error}") from error
    return room


# --- refusals ---


def _check(params: _Params) -> None:
    name = params.get("name")
    if name is not None and not identifiers.NAME.fullmatch(name):
        raise InvalidParameterException(
            "Invalid container instance name: use 1 to 255 letters, numbers, hyphens and underscores."
        )
    for member, most in (("cpu", MOST_CPU), ("memory", MOST_MEMORY)):
        if not LEAST <= params.get(member, LEAST) <= most:
            raise InvalidParameterException(f"{member} must be between {LEAST} and {most}.")
    if params.get("address") and not params.get("engine"):
        raise InvalidParameterException("address goes with engine: tasks on the own engine have addresses themselves.")
    for attribute, value in params.get("attributes", {}).items():
        _check_attribute(attribute, value)


def _check_attribute(name: str, value: str) -> None:
    check_name(name)
    if ci.is_built_in(name):
        raise InvalidParameterException(f"Attribute name {name} is reserved.")
    check_value(name, value)


def _check_engine(state: State, engine: str) -> None:
    for known in state.container_instances.values():
        if engine and known.engine == engine and known.status is not ContainerInstanceStatus.INACTIVE:
            where = f"{known.name} of cluster {name_of(known.cluster_arn)}"
            raise ClientException(f"The engine {engine} is registered already, as container instance {where}.")


def _address(params: _Params, room: EngineRoom) -> str:
    """Where a further engine's machine is reached; the own one's tasks have addresses of their own."""
    if not params.get("engine"):
        return ""
    address: str = params.get("address") or room.address
    if not address:
        raise InvalidParameterException(
            f"The address of {params['engine']} does not follow from where the engine is: give its address."
        )
    try:
        ip_address(address)
    except ValueError:
        raise InvalidParameterException(f"{address} is not an IP address: give its address.") from None
    return address


def _provider(state: State, cluster: str, params: _Params) -> str:
    provider: str = params.get("capacityProvider", "")
    if not provider:
        return ""
    provider = identifiers.capacity_provider(region_of(cluster), provider)
    known = members_of(state.clusters[cluster]).get("capacityProviders", ())
    if provider.startswith("FARGATE") or provider not in known:
        raise InvalidParameterException(
            f"The capacity provider {provider} has no container instances in cluster {name_of(cluster)}."
        )
    return provider


# --- what is left out ---


def _command(state: State, call: Call, room: EngineRoom) -> RegisterContainerInstance:
    params, engine = call.params, call.params.get("engine", "")
    cluster = identifiers.known_cluster(state, call.region, params.get("cluster"))
    known = state.instances_in(cluster)
    _check_engine(state, engine)
    size = _size(params, room)
    architecture = ARCHITECTURES.get(room.architecture, room.architecture)
    built_in = ci.built_in_attributes(
        availability_zone=_zone(params, call.region, known),
        instance_type=params.get("instanceType") or instance_type(size, architecture),
        cpu_architecture=architecture,
    )
    return RegisterContainerInstance(
        cluster_arn=cluster,
        name=params.get("name") or _free_name(known),
        cpu=size.cpu,
        memory=size.memory,
        attributes=(*built_in, *params.get("attributes", {}).items()),
        engine=engine,
        address=_address(params, room),
        capacity_provider=_provider(state, cluster, params),
        tags=tuple(params.get("tags", {}).items()),
    )


@dataclass(frozen=True, slots=True)
class _Size:
    cpu: int
    memory: int


def _size(params: _Params, room: EngineRoom) -> _Size:
    """A slice is the same on every machine; a further engine offers all that it has."""
    usual = _Size(room.cpu, room.memory) if params.get("engine") else _Size(SLICE_CPU, SLICE_MEMORY)
    return _Size(params.get("cpu", usual.cpu), params.get("memory", usual.memory))


def _zone(params: _Params, region: str, known: Sequence[ContainerInstance]) -> str:
    """The one that is named; else that of the region's with the fewest container instances."""
    named: str | None = params.get("availabilityZone")
    if named is not None:
        if named not in [f"{region}{letter}" for letter in MOST_ZONES]:
            first, last = f"{region}{MOST_ZONES[0]}", f"{region}{MOST_ZONES[-1]}"
            raise InvalidParameterException(f"Invalid availability zone: {named}. Use one of {first} to {last}.")
        return named
    there = [instance.availability_zone for instance in known]
    return min((f"{region}{letter}" for letter in ZONES), key=there.count)


def _free_name(known: Iterable[ContainerInstance]) -> str:
    taken = {instance.name for instance in known}
    return next(name for number in count(1) if (name := f"instance-{number}") not in taken)


def instance_type(size: _Size, architecture: str) -> str:
    """The smallest of EC2's general purpose types that has this much.

    Worked example: 2048 units and 2048 MiB -> t3.small; 4096 and 4096 -> m5.xlarge.
    """
    small, large = _FAMILIES.get(architecture, ("t3", "m5"))
    types = [(f"{small}.{name}", 2048, memory) for name, memory in _SMALL]
    types += [(f"{large}.{name}", cores * 1024, cores * 4096) for name, cores in _LARGE]
    fitting = (name for name, cpu, memory in types if cpu >= size.cpu and memory >= size.memory)
    return next(fitting, types[-1][0])


def _added(state: State, events: Sequence[Event]) -> dict[str, Any]:
    arn = next(event.data["instance"] for event in events if event.type is EventType.INSTANCE_REGISTERED)
    instance = state.container_instances[arn]
    return {
        "containerInstanceArn": instance.arn,
        "name": instance.name,
        "cpu": instance.cpu,
        "memory": instance.memory,
        "availabilityZone": instance.availability_zone,
        "engine": instance.engine,
    }
