"""Tags of ECS's nouns: which a new task gets from whom, and `apply` for TagResource and UntagResource.

Sources: API_TagResource, API_CreateService.propagateTags, Developer Guide, "Tagging Amazon ECS resources".
"""

from __future__ import annotations

from dataclasses import replace

from chaos_ecs.core.arns import name_of
from chaos_ecs.core.capacity_providers import CapacityProvider
from chaos_ecs.core.container_instances import ContainerInstance
from chaos_ecs.core.errors import InvalidParameterException, LimitExceededException, ResourceNotFoundException
from chaos_ecs.core.model import Cluster, Service, Task, TaskDefinition
from chaos_ecs.core.resource_messages import TagResource, UntagResource
from chaos_ecs.core.state import State

TAGS_PER_RESOURCE = 50
"""API_TagResource: "Maximum number of tags per resource - 50"; those that AWS reserves do not count."""
RESERVED = "aws:"

Tags = tuple[tuple[str, str], ...]
Tagged = Cluster | Service | Task | TaskDefinition | ContainerInstance | CapacityProvider

_CALLED = {ContainerInstance: "container instance", CapacityProvider: "capacity provider"}


def of_service_task(service: Service, definition: TaskDefinition) -> Tags:
    """What a task that a service starts is tagged with: the service's tags, its definition's or none, and ECS's own."""
    options = service.task_options
    inherited = {"SERVICE": service.tags, "TASK_DEFINITION": definition.tags}.get(options.propagate_tags, ())
    own = tuple((key, value) for key, value in inherited if not is_reserved(key))
    return own + (managed(service.cluster_arn, service.name) if options.managed_tags else ())


def managed(cluster_arn: str, service_name: str = "") -> Tags:
    """The tags that enableECSManagedTags adds (Developer Guide, "Amazon ECS-managed tags")."""
    cluster = (("aws:ecs:clusterName", name_of(cluster_arn)),)
    return (("aws:ecs:serviceName", service_name), *cluster) if service_name else cluster


def is_reserved(key: str) -> bool:
    return key.lower().startswith(RESERVED)


def find_tagged(state: State, arn: str) -> Tagged:
    """Whatever has this ARN. Raises ResourceNotFoundException, InvalidParameterException for what was deleted."""
    found: Tagged | None = (
        state.clusters.get(arn)
        or state.services.get(arn)
        or state.tasks.get(arn)
        or state.task_definitions.get(arn)
        or state.container_instances.get(arn)
        or state.capacity_providers.get(arn)
    )
    if found is None:
        raise ResourceNotFoundException("The specified resource wasn't found.")
    if isinstance(found, Cluster | Service | ContainerInstance | CapacityProvider) and found.status == "INACTIVE":
        kind = _CALLED.get(type(found), type(found).__name__.lower())
        raise InvalidParameterException(f"The specified {kind} is inactive. Specify an active {kind} and try again.")
    return found


def tag_resource(state: State, command: TagResource, now: float) -> None:
    found = find_tagged(state, command.arn)
    tags = {**dict(found.tags), **dict(command.tags)}
    if sum(1 for key in tags if not is_reserved(key)) > TAGS_PER_RESOURCE:
        raise LimitExceededException(f"A resource can have at most {TAGS_PER_RESOURCE} tags.")
    _put(state, found, tuple(tags.items()))


def untag_resource(state: State, command: UntagResource, now: float) -> None:
    """A key that is not there is no error."""
    found = find_tagged(state, command.arn)
    _put(state, found, tuple((key, value) for key, value in found.tags if key not in command.keys))


def _put(state: State, found: Tagged, tags: Tags) -> None:
    if tags != found.tags:
        state.put(replace(found, tags=tags))
