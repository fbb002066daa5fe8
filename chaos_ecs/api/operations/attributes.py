"""Attributes of container instances: API_PutAttributes, API_DeleteAttributes, API_ListAttributes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from chaos_ecs.api import identifiers
from chaos_ecs.api.call import Call
from chaos_ecs.api.instance_views import attribute_list
from chaos_ecs.api.paging import page
from chaos_ecs.core import instance_messages as i
from chaos_ecs.core.errors import InvalidParameterException, TargetNotFoundException
from chaos_ecs.core.state import State

ATTRIBUTES_LIMIT = 10
"""API_PutAttributes: "You can specify up to 10 custom attributes in a single call"."""

_NAME = re.compile(r"[A-Za-z0-9_./\\-]{1,128}")
_VALUE = re.compile(r"(?! )[A-Za-z0-9_.@/\\: -]{1,128}(?<! )")
"""API_Attribute."""

_Answer = Future[dict[str, Any]]
_Said = Mapping[str, Any]


def put_attributes(call: Call) -> _Answer:
    """The attributes, each with its container instance. Raises ClusterNotFoundException, TargetNotFoundException,
    AttributeLimitExceededException, and InvalidParameterException, also for those that ECS has set itself
    (API_PutAttributes)."""
    attributes = _attributes(call)
    for item in attributes:
        check_value(item["name"], item.get("value", ""))
    found: list[str] = []

    def build(state: State) -> i.PutAttributes:
        found.extend(_targets(state, call))
        said = zip(found, attributes, strict=True)
        return i.PutAttributes(tuple((arn, item["name"], item.get("value", "")) for arn, item in said))

    return call.request(build, lambda state, now, events: _told(found, attributes))


def delete_attributes(call: Call) -> _Answer:
    """The same for taking them away, whatever their values are; one that is not there is no error
    (API_DeleteAttributes)."""
    attributes = _attributes(call)
    found: list[str] = []

    def build(state: State) -> i.DeleteAttributes:
        found.extend(_targets(state, call))
        return i.DeleteAttributes(tuple((arn, item["name"]) for arn, item in zip(found, attributes, strict=True)))

    return call.request(build, lambda state, now, events: _told(found, attributes))


def list_attributes(call: Call) -> _Answer:
    """Those of all container instances of the cluster, one by one; of one name, and of one value of it, where they are
    said. Raises ClusterNotFoundException and InvalidParameterException (API_ListAttributes)."""
    params = call.params
    name, value = params.get("attributeName"), params.get("attributeValue")
    if value is not None and name is None:
        raise InvalidParameterException("attributeName must be specified with attributeValue.")

    def answer(state: State, now: float) -> dict[str, Any]:
        cluster = identifiers.known_cluster(state, call.region, params.get("cluster"))
        found = [
            (f"{instance.number:012}/{item['name']}", item)
            for instance in state.instances_in(cluster)
            for item in attribute_list(instance.attributes, instance.arn)
            if name in (None, item["name"]) and value in (None, item.get("value", ""))
        ]
        return page(params, "attributes", sorted(found, key=lambda keyed: keyed[0]))

    return call.ask(answer)


def check_name(name: str) -> None:
    """Raises InvalidParameterException for what cannot be an attribute's name."""
    if not _NAME.fullmatch(name):
        raise InvalidParameterException(
            f"Invalid attribute name '{name}': use 1 to 128 letters, numbers and the characters - _ . / \\"
        )


def check_value(name: str, value: str) -> None:
    """The same of its value; an attribute without one only is there."""
    if value and not _VALUE.fullmatch(value):
        raise InvalidParameterException(
            f"The value of the attribute {name} must have 1 to 128 letters, numbers and the characters "
            "- _ . @ / \\ : and spaces, none of them at either end."
        )


def _attributes(call: Call) -> Sequence[_Said]:
    attributes: Sequence[_Said] = call.params["attributes"]
    if not attributes:
        raise InvalidParameterException("Attributes cannot be empty.")
    if len(attributes) > ATTRIBUTES_LIMIT:
        raise InvalidParameterException(f"attributes can have at most {ATTRIBUTES_LIMIT} items.")
    for item in attributes:
        check_name(item["name"])
        is_short = not item.get("targetId", "arn:").startswith("arn:")
        if is_short and "targetType" not in item:
            raise InvalidParameterException("targetType must be specified with the short form of a targetId.")
    return attributes


def _targets(state: State, call: Call) -> list[str]:
    """The container instance of each attribute. Raises TargetNotFoundException."""
    cluster = identifiers.known_cluster(state, call.region, call.params.get("cluster"))
    arns = []
    for item in call.params["attributes"]:
        target = item.get("targetId", "")
        found = identifiers.find_container_instance(state, cluster, target) if target else None
        if found is None:
            raise TargetNotFoundException(f"Could not find {target}".rstrip() + ".")
        arns.append(found.arn)
    return arns


def _told(arns: Sequence[str], attributes: Sequence[_Said]) -> dict[str, Any]:
    said = zip(arns, attributes, strict=True)
    return {
        "attributes": [
            view for arn, item in said for view in attribute_list(((item["name"], item.get("value", "")),), arn)
        ]
    }
