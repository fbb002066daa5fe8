"""`apply` for tags of load balancing's nouns, and the checks of names and tags that all of them share."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from chaos_ecs.core.balancing import Listener, LoadBalancer, Rule, TargetGroup
from chaos_ecs.core.balancing_messages import AddTags, RemoveTags, Tags
from chaos_ecs.core.errors import (
    DuplicateTagKeys,
    EcsError,
    ListenerNotFound,
    LoadBalancerNotFound,
    RuleNotFound,
    TargetGroupNotFound,
    TooManyTags,
    ValidationError,
)
from chaos_ecs.core.state import State

TAGS_LIMIT = 50
NAME_LIMIT = 32

Tagged = TargetGroup | LoadBalancer | Listener | Rule


def add_tags(state: State, command: AddTags, now: float) -> None:
    check_tags(command.tags)
    changed = []
    for arn in command.arns:
        found = known_tagged(state, arn)
        tags = tuple({**dict(found.tags), **dict(command.tags)}.items())
        check_tags(tags)
        changed.append((found, tags))
    for found, tags in changed:
        _put(state, found, tags)


def remove_tags(state: State, command: RemoveTags, now: float) -> None:
    """A key that is not there is no error."""
    for found in [known_tagged(state, arn) for arn in command.arns]:
        _put(state, found, tuple((key, value) for key, value in found.tags if key not in command.keys))


def _put(state: State, found: Tagged, tags: Tags) -> None:
    if tags != found.tags:
        state.put(replace(found, tags=tags))


def known_tagged(state: State, arn: str) -> Tagged:
    """Whatever of load balancing has this ARN. Raises the error of its kind, ValidationError where it has none."""
    kinds: dict[str, tuple[Mapping[str, Tagged], EcsError]] = {
        "targetgroup": (state.target_groups, TargetGroupNotFound("One or more target groups not found")),
        "loadbalancer": (state.load_balancers, LoadBalancerNotFound(f"Load balancer '{arn}' not found")),
        "listener": (state.listeners, ListenerNotFound("One or more listeners not found")),
        "listener-rule": (state.rules, RuleNotFound("One or more rules not found")),
    }
    kind = arn.split(":", 5)[-1].partition("/")[0]
    if kind not in kinds:
        raise ValidationError(f"'{arn[:200]}' is not a valid ARN")
    table, not_found = kinds[kind]
    if arn not in table:
        raise not_found
    return table[arn]


def check_name(what: str, name: str) -> None:
    """API_CreateTargetGroup and API_CreateLoadBalancer, Name."""
    if len(name) > NAME_LIMIT:
        raise ValidationError(f"{what} '{name[:100]}' cannot be longer than '{NAME_LIMIT}' characters")
    if not re.fullmatch(r"[A-Za-z0-9-]+", name):
        raise ValidationError(
            f"{what} '{name}' can only contain characters that are alphanumeric characters or hyphens(-)"
        )
    if name.startswith("-") or name.endswith("-"):
        raise ValidationError(f"{what} '{name}' cannot begin or end with '-'")


def check_tags(tags: Tags) -> None:
    """ "Tag restrictions" of Elastic Load Balancing: at most 50, each key once."""
    keys = [key for key, _ in tags]
    if len(dict.fromkeys(keys)) < len(keys):
        raise DuplicateTagKeys("A tag key was specified more than once.")
    if len(keys) > TAGS_LIMIT:
        raise TooManyTags(f"The maximum number of tags, {TAGS_LIMIT}, is exceeded.")
