"""Members that several operations share: tags, launch types, network configuration, describe limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chaos_ecs.core.arns import name_of
from chaos_ecs.core.errors import EcsError, InvalidParameterException
from chaos_ecs.core.messages import Event, Tags
from chaos_ecs.core.model import TaskDefinition
from chaos_ecs.core.state import State

DEFAULT_LAUNCH_TYPE = "EC2"


def tags_of(params: Mapping[str, Any]) -> Tags:
    tags = {tag.get("key", ""): tag.get("value", "") for tag in params.get("tags", ())}
    if len(tags) < len(params.get("tags", ())):
        raise InvalidParameterException("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
    if "" in tags:
        raise InvalidParameterException("Tag keys can not be blank.")
    return tuple(tags.items())


def wants(params: Mapping[str, Any], field: str) -> bool:
    """Whether `include` names the field."""
    return field in params.get("include", ())


def identifiers_of(params: Mapping[str, Any], name: str, at_most: int) -> list[str]:
    """The things to describe, each once, in the order given. Raises InvalidParameterException past ECS's limit."""
    identifiers = params.get(name, [])
    if len(identifiers) > at_most:
        raise InvalidParameterException(f"{name} can have at most {at_most} items, not {len(identifiers)}.")
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
        raise refusal("Specify either Launch Type or Capacity Provider Strategy, but not both.")
    if strategy:
        return "FARGATE" if strategy[0]["capacityProvider"].startswith("FARGATE") else DEFAULT_LAUNCH_TYPE
    return said or DEFAULT_LAUNCH_TYPE


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
