"""What a client calls a thing, and what State calls it: names, ids and ARNs in, ARNs and entities out.

ECS takes a short name or a full ARN wherever it asks for a resource. Ours also takes the first digits of a task's id,
because that is what people copy from the live log.
"""

from __future__ import annotations

from dataclasses import dataclass

from chaos_ecs.chaos.victims import the_one
from chaos_ecs.core import arns
from chaos_ecs.core.commands import active_cluster
from chaos_ecs.core.container_instances import ContainerInstance
from chaos_ecs.core.errors import InvalidParameterException, ServiceNotFoundException
from chaos_ecs.core.instances import registered_instance
from chaos_ecs.core.model import Service, Task
from chaos_ecs.core.state import State
from chaos_ecs.core.task_definitions import latest_active

DEFAULT_CLUSTER = "default"
"""API_RunTask and others: "If you do not specify a cluster, the default cluster is assumed"."""

NAME = arns.NAME

LEAST_DIGITS = 6
"""Of a container instance's id."""


_TAGGED_KINDS = {
    "cluster": 1,
    "service": 2,
    "task": 2,
    "container-instance": 2,
    "task-definition": 1,
    "capacity-provider": 1,
    "task-set": 3,
}
"""What can have tags, and how many parts its ARN has in the long format."""


@dataclass(frozen=True, slots=True)
class FamilyRevision:
    """A task definition as named: `revision` None means the newest ACTIVE one."""

    family: str
    revision: int | None


def cluster_arn(region: str, identifier: str | None) -> str:
    """The ARN that a cluster's name or ARN means in this region."""
    (name,) = _parts(region, identifier or DEFAULT_CLUSTER, "cluster", 1)
    return arns.cluster_arn(region, name)


def known_cluster(state: State, region: str, identifier: str | None) -> str:
    """The ARN of an ACTIVE cluster. Raises ClusterNotFoundException."""
    return active_cluster(state, cluster_arn(region, identifier)).arn


def service_arn(cluster: str, identifier: str) -> str:
    """The ARN that a service's name or ARN means, seen from this cluster."""
    *cluster_name, name = _parts(arns.region_of(cluster), identifier, "service", 2)
    if cluster_name and cluster_name != [arns.name_of(cluster)]:
        return identifier
    return arns.service_arn(cluster, name)


def find_service(state: State, cluster: str, identifier: str) -> Service | None:
    """The service of this cluster, whatever its status."""
    service = state.services.get(service_arn(cluster, identifier))
    return service if service and service.cluster_arn == cluster else None


def known_service(state: State, cluster: str, identifier: str) -> Service:
    service = find_service(state, cluster, identifier)
    if service is None:
        raise ServiceNotFoundException("Service not found.")
    return service


def task_arn(cluster: str, identifier: str) -> str:
    """The ARN that a task's id or ARN means, seen from this cluster."""
    *cluster_name, task_id = _parts(arns.region_of(cluster), identifier, "task", 2)
    if cluster_name and cluster_name != [arns.name_of(cluster)]:
        return identifier
    return arns.task_arn(cluster, task_id)


def find_task(state: State, cluster: str, identifier: str) -> Task | None:
    """The task of this cluster, by ARN, id or the first digits of its id.

    Raises InvalidParameterException when the digits could mean several tasks.
    """
    task = state.tasks.get(task_arn(cluster, identifier))
    if task:
        return task if task.cluster_arn == cluster else None
    if identifier.startswith("arn:") or len(identifier) >= 32:
        return None
    return the_one(state.tasks_in(cluster), identifier)


def known_task(state: State, cluster: str, identifier: str) -> Task:
    task = find_task(state, cluster, identifier)
    if task is None:
        raise InvalidParameterException("The referenced task was not found.")
    return task


def container_instance_arn(cluster: str, identifier: str) -> str:
    """The ARN that a container instance's id or ARN means, seen from this cluster."""
    if identifier.startswith("arn:"):
        _parts(arns.region_of(cluster), identifier, "container-instance", 2)
        return identifier
    return arns.container_instance_arn(cluster, identifier)


def find_container_instance(state: State, cluster: str, identifier: str) -> ContainerInstance | None:
    """The container instance of this cluster, by ARN, id, the name that it was given here, or the first six digits of
    its id and more: a name such as a1 must not find another once it is gone. Raises InvalidParameterException when the
    digits could mean several."""
    found = state.container_instances.get(container_instance_arn(cluster, identifier))
    if found:
        return found if found.cluster_arn == cluster else None
    known = [] if identifier.startswith("arn:") else state.instances_in(cluster)
    if named := [instance for instance in known if instance.name == identifier]:
        return named[0]
    is_long = len(identifier) >= LEAST_DIGITS
    begun = [instance for instance in known if is_long and instance.id.startswith(identifier)]
    if len(begun) > 1:
        raise InvalidParameterException(f"{identifier} could be any of {len(begun)} container instances.")
    return begun[0] if begun else None


def known_container_instance(state: State, cluster: str, identifier: str) -> ContainerInstance:
    """The same, but for those that were deregistered. Raises InvalidParameterException."""
    found = find_container_instance(state, cluster, identifier)
    return registered_instance(state, found.arn if found else identifier)


def capacity_provider(region: str, identifier: str) -> str:
    """The name that a capacity provider's name or ARN means."""
    (name,) = _parts(region, identifier, "capacity-provider", 1)
    return name


def resource_arn(region: str, identifier: str) -> str:
    """An ARN of something that can have tags (API_TagResource.resourceArn). Raises InvalidParameterException."""
    kind = identifier.split(":", 5)[-1].partition("/")[0]
    if not identifier.startswith("arn:") or kind not in _TAGGED_KINDS:
        raise InvalidParameterException(f"Invalid identifier: {identifier}")
    parts = _parts(region, identifier, kind, 4)
    if len(parts) < _TAGGED_KINDS[kind]:
        raise InvalidParameterException("Long arn format must be used for tagging operations")
    return identifier


def service_deployment_arn(region: str, identifier: str) -> str:
    """Service deployments have no short name: only an ARN of this region will do."""
    return _full_arn(region, identifier, "service-deployment")


def service_revision_arn(region: str, identifier: str) -> str:
    """The same for a service revision."""
    return _full_arn(region, identifier, "service-revision")


def family_revision(region: str, identifier: str) -> FamilyRevision:
    """FAMILY, FAMILY:REVISION or an ARN of either, taken apart."""
    (named,) = _parts(region, identifier, "task-definition", 1)
    family, colon, revision = named.partition(":")
    if not colon:
        return FamilyRevision(family, None)
    if not revision.isdecimal() or not revision.isascii() or len(revision) > 9:
        raise InvalidParameterException(f"Invalid revision number. Number: {revision}")
    return FamilyRevision(family, int(revision))


def task_definition_arn(state: State, region: str, identifier: str) -> str:
    """The ARN of the revision that is meant; whether there is one is for the reader to see."""
    named = family_revision(region, identifier)
    family = arns.family_arn(region, named.family)
    if named.revision is not None:
        return f"{family}:{named.revision}"
    latest = latest_active(state, family)
    return latest.arn if latest else family


def _full_arn(region: str, identifier: str, kind: str) -> str:
    """KIND/CLUSTER/SERVICE/ID, as a whole."""
    if not identifier.startswith("arn:") or len(_parts(region, identifier, kind, 3)) < 3:
        raise InvalidParameterException(f"Invalid identifier: {identifier}")
    return identifier


def _parts(region: str, identifier: str, kind: str, at_most: int) -> list[str]:
    """The parts after KIND/ of an ARN of ours, or the short name alone. Raises InvalidParameterException."""
    if not identifier.startswith("arn:"):
        return [identifier]
    pieces = identifier.split(":", 5)
    if len(pieces) < 6 or pieces[2] != "ecs":
        raise InvalidParameterException(f"Invalid identifier: {identifier}")
    _, _, _, its_region, account, resource = pieces
    if account != arns.ACCOUNT_ID:
        raise InvalidParameterException(f"Identifier is for {account}. Your accountId is {arns.ACCOUNT_ID}")
    if its_region != region:
        raise InvalidParameterException(f"Identifier is for {its_region}. The request is signed for {region}")
    its_kind, *parts = resource.split("/")
    if its_kind != kind or not 1 <= len(parts) <= at_most or not all(parts):
        raise InvalidParameterException(f"Unexpected resource type. Expected: {kind}. Actual: {its_kind}")
    return parts
