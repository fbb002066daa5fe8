"""Members that several operations of Application Auto Scaling share: what is scaled, and pages."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from chaos_ecs.api import paging
from chaos_ecs.api.paging import Key
from chaos_ecs.core import arns
from chaos_ecs.core.errors import InvalidNextTokenException, InvalidParameterException, ValidationException
from chaos_ecs.core.scaling import ScalableTarget
from chaos_ecs.core.scaling_commands import DIMENSION, resource_id
from chaos_ecs.core.state import State

NAMESPACE = "ecs"
LARGEST_PAGE = 50
"""API_DescribeScalableTargets and the other lists: MaxResults is 1 to 50, and 50 when nothing is said."""

Answer = Future[dict[str, Any]]
Params = Mapping[str, Any]

_RESOURCE_ID = re.compile(r"service/([A-Za-z0-9_-]{1,255})/([A-Za-z0-9_-]{1,255})")


def service_arn(region: str, params: Params) -> str:
    """The ARN of the service that is to be scaled. Raises ValidationException for anything else that AWS scales."""
    check_kind(params)
    return arn_of(region, params["ResourceId"])


def arn_of(region: str, resource: str) -> str:
    """service/my-cluster/web -> the service's ARN."""
    found = _RESOURCE_ID.fullmatch(resource)
    if found is None:
        raise ValidationException(f"Unsupported service namespace, resource type or scalable dimension: {resource}")
    return arns.service_arn(arns.cluster_arn(region, found[1]), found[2])


def check_kind(params: Params) -> None:
    namespace, dimension = params["ServiceNamespace"], params.get("ScalableDimension", DIMENSION)
    if namespace != NAMESPACE:
        raise unsupported(f"The service namespace {namespace}")
    if dimension != DIMENSION:
        raise unsupported(f"The scalable dimension {dimension}")


def unsupported(what: str) -> ValidationException:
    return ValidationException(f"{what} is not supported by chaos-ecs.")


def targets_in(state: State, region: str, resources: Sequence[str]) -> list[ScalableTarget]:
    """Those of a region, or of these services; one that is not there is left out, as AWS does."""
    wanted = [arn_of(region, resource) for resource in resources]
    return [
        target
        for arn, target in sorted(state.scalable_targets.items())
        if arns.region_of(arn) == region and (not wanted or arn in wanted)
    ]


def place(target: ScalableTarget) -> dict[str, Any]:
    """The members that say what is scaled."""
    return {
        "ServiceNamespace": NAMESPACE,
        "ResourceId": resource_id(target.service_arn),
        "ScalableDimension": DIMENSION,
    }


def page(params: Params, name: str, items: Sequence[tuple[Key, Any]]) -> dict[str, Any]:
    """The page that NextToken and MaxResults ask for; `items` are (key, value), sorted by key."""
    wanted = params.get("MaxResults", LARGEST_PAGE)
    if not 1 <= wanted <= LARGEST_PAGE:
        raise ValidationException(f"MaxResults must be between 1 and {LARGEST_PAGE}")
    asked = {"maxResults": wanted, "nextToken": params.get("NextToken")}
    try:
        found = paging.page(asked, name, items)
    except InvalidParameterException as refusal:
        raise InvalidNextTokenException(refusal.message) from None
    return {name: found[name], "NextToken": found["nextToken"]}
