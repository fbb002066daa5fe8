"""Members that several operations share: tags, launch types, network configuration, describe limits."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from chaos_ecs.core import task_definitions
from chaos_ecs.core.arns import name_of
from chaos_ecs.core.errors import EcsError, InvalidParameterException, PlatformUnknownException
from chaos_ecs.core.messages import Event, Tags
from chaos_ecs.core.model import TaskDefinition, TaskOptions
from chaos_ecs.core.platforms import FARGATE, aws_refuses
from chaos_ecs.core.sharing import launch_type_with, said_of
from chaos_ecs.core.state import State
from chaos_ecs.core.tagging import is_reserved

DEFAULT_LAUNCH_TYPE = "EC2"

PLATFORM_VERSIONS = ("LATEST", "1.4.0", "1.3.0", "1.2.0", "1.1.0", "1.0.0")
"""Developer Guide, "Fargate platform versions for Linux"."""

_CALLED = {"services": "service names"}
"""What ECS calls a list that is too long, as users have published it."""

_NETWORK_LIMITS = {"subnets": 16, "securityGroups": 5}
"""API_AwsVpcConfiguration."""

_TAG_PUNCTUATION = "_.:/=+-@"


def tags_of(params: Mapping[str, Any]) -> Tags:
    tags = {tag.get("key", ""): tag.get("value", "") for tag in params.get("tags", ())}
    if len(tags) < len(params.get("tags", ())):
        raise InvalidParameterException("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
    if "" in tags:
        raise InvalidParameterException("Tag keys can not be blank.")
    for key, value in tags.items():
        if is_reserved(key) or is_reserved(value):
            raise InvalidParameterException("Tags that begin with 'aws:' are reserved for Amazon Web Services use.")
        if not (_is_taggable(key) and _is_taggable(value)):
            raise InvalidParameterException(
                "Tag keys and values can have letters, numbers, spaces, and the characters + - = . _ : / @."
            )
    return tuple(tags.items())


def _is_taggable(text: str) -> bool:
    """The model's pattern of TagKey and TagValue, whose \\p{L}, \\p{Z} and \\p{N} Python's `re` does not have."""
    return all(char in _TAG_PUNCTUATION or unicodedata.category(char)[0] in "LZN" for char in text)


def task_options(registered: Mapping[str, Any]) -> TaskOptions:
    """What a service says of its tasks to come."""
    return TaskOptions(
        propagate_tags=registered.get("propagateTags", "NONE"),
        managed_tags=registered.get("enableECSManagedTags", False),
        execute_command=registered.get("enableExecuteCommand", False),
    )


def wants(params: Mapping[str, Any], field: str) -> bool:
    """Whether `include` names the field."""
    return field in params.get("include", ())


def identifiers_of(params: Mapping[str, Any], name: str, at_most: int) -> list[str]:
    """The things to describe, each once, in the order given. Raises InvalidParameterException past ECS's limit."""
    identifiers = params.get(name, [])
    if len(identifiers) > at_most:
        raise InvalidParameterException(f"{_CALLED.get(name, name)} can have at most {at_most} items.")
    return list(dict.fromkeys(identifiers))


def missing(arn: str) -> dict[str, str]:
    """API failure reasons: what is described and not there is no error."""
    return {"arn": arn, "reason": "MISSING"}


def launch_type_of(params: Mapping[str, Any]) -> str:
    return launch_type(params.get("launchType"), params.get("capacityProviderStrategy", ()))


def launch_type(
    said: str | None,
    strategy: Sequence[Mapping[str, Any]],
    refusal: type[EcsError] = InvalidParameterException,
) -> str:
    """EC2 where nothing is said; a capacity provider strategy stands for the launch type its first provider has."""
    if strategy and said:
        raise refusal(
            "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again."
        )
    if strategy:
        return launch_type_with(said_of(strategy)[0][0])
    return said or DEFAULT_LAUNCH_TYPE


def check_platform(params: Mapping[str, Any], launch_type: str) -> None:
    """API_RunTask.platformVersion: only for Fargate, and only one that there is."""
    version = params.get("platformVersion")
    if version is None:
        return
    if launch_type != FARGATE:
        raise InvalidParameterException(
            f"The platform version must be null when specifying an {launch_type} launch type."
        )
    if version not in PLATFORM_VERSIONS:
        raise PlatformUnknownException("The specified platform does not exist.")


def refused_by_aws(
    state: State, cluster: str, definition: TaskDefinition | None, launch_type: str, params: Mapping[str, Any]
) -> str:
    """What AWS would answer to what is run here all the same; empty where it would run it too."""
    lacks_instances = params.get("launchType") == "EC2" and not state.instances_in(cluster)
    return aws_refuses(definition, launch_type, has_network=has_network(params), lacks_instances=lacks_instances)


def check_network(definition: TaskDefinition | None, params: Mapping[str, Any]) -> None:
    """awsvpc needs to be told where; any subnet's name will do here."""
    task_definitions.check_network(definition, has_network=has_network(params))
    said = params.get("networkConfiguration", {}).get("awsvpcConfiguration")
    if said:
        if not said["subnets"]:
            raise InvalidParameterException("subnets can not be empty.")
        for name, limit in _NETWORK_LIMITS.items():
            if len(said.get(name, ())) > limit:
                raise InvalidParameterException(f"{name} can have at most {limit} items.")


def check_public_address(definition: TaskDefinition | None, params: Mapping[str, Any], launch_type: str) -> None:
    """API_AwsVpcConfiguration.assignPublicIp: a container instance of EC2 has the public address itself."""
    said = params.get("networkConfiguration", {}).get("awsvpcConfiguration", {})
    is_awsvpc = definition is not None and definition.network_mode == "awsvpc"
    if is_awsvpc and said.get("assignPublicIp") == "ENABLED" and launch_type != FARGATE:
        raise InvalidParameterException("Assign public IP is not supported for this launch type.")


def has_network(params: Mapping[str, Any], member: str = "networkConfiguration") -> bool:
    """Whether it is said where an awsvpc task is to be."""
    return bool(params.get(member, {}).get("awsvpcConfiguration"))


def named_in(events: Sequence[Event], event_type: str, member: str) -> list[str]:
    """What a command made, as its own events tell: their `data` member of that name."""
    return [event.data[member] for event in events if event.type == event_type]


def sorted_by_name(arns: Sequence[str]) -> list[tuple[str, str]]:
    return sorted((name_of(arn), arn) for arn in arns)


def definition_in(state: State, arn: str) -> TaskDefinition | None:
    return state.task_definitions.get(arn)
