"""Members that several operations of Elastic Load Balancing share: ARNs, tags, actions, pages."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from chaos_ecs.core.arns import ACCOUNT_ID
from chaos_ecs.core.balancing import Forward
from chaos_ecs.core.errors import InvalidConfigurationRequest, ValidationError
from chaos_ecs.core.messages import Tags

LARGEST_PAGE = 400
"""API_DescribeTargetGroups and the other lists: PageSize is 1 to 400."""

Answer = Future[dict[str, Any]]
Params = Mapping[str, Any]

_RESOURCES = {
    "target group": r"targetgroup/[A-Za-z0-9-]{1,32}/[0-9a-f]{16}",
    "load balancer": r"loadbalancer/app/[A-Za-z0-9-]{1,32}/[0-9a-f]{16}",
    "listener": r"listener/app/[A-Za-z0-9-]{1,32}/[0-9a-f]{16}/[0-9a-f]{16}",
    "listener rule": r"listener-rule/app/[A-Za-z0-9-]{1,32}/[0-9a-f]{16}/[0-9a-f]{16}/[0-9a-f]{16}",
}


def arn_of(region: str, kind: str, arn: str) -> str:
    """The ARN, which must be one of this kind, region and account. Whether there is such a thing, State says."""
    prefix = f"arn:aws:elasticloadbalancing:{region}:{ACCOUNT_ID}:"
    if not re.fullmatch(re.escape(prefix) + _RESOURCES[kind], arn):
        raise ValidationError(f"'{arn[:200]}' is not a valid {kind} ARN")
    return arn


def any_arn(region: str, arn: str) -> str:
    """The ARN of whatever of load balancing this region has."""
    prefix = f"arn:aws:elasticloadbalancing:{region}:{ACCOUNT_ID}:"
    if not any(re.fullmatch(re.escape(prefix) + resource, arn) for resource in _RESOURCES.values()):
        raise ValidationError(f"'{arn[:200]}' is not a valid ARN")
    return arn


def tags_of(params: Params) -> Tags:
    return tuple((tag["Key"], tag.get("Value", "")) for tag in params.get("Tags", ()))


def refuse_unsupported(params: Params, *names: str) -> None:
    """What would change how requests are carried is refused by name, not taken and forgotten."""
    for name in names:
        if params.get(name):
            raise unsupported(name)


def unsupported(what: str) -> InvalidConfigurationRequest:
    return InvalidConfigurationRequest(f"{what} is not supported by chaos-ecs yet.")


def check_protocol(params: Params, member: str = "Protocol") -> None:
    """HTTP, or nothing said: all that our load balancer speaks."""
    if params.get(member, "HTTP") != "HTTP":
        raise unsupported(f"The protocol {params[member]} ({member})")


def required(params: Params, name: str, told: str) -> Any:
    """A member that the model leaves open and Elastic Load Balancing does not."""
    if name not in params:
        raise ValidationError(told)
    return params[name]


def forward_of(region: str, actions: Sequence[Params]) -> Forward:
    """The one action that is supported, in both spellings (API_Action)."""
    for action in actions:
        if action["Type"] != "forward":
            raise unsupported(f"The action type '{action['Type']}'")
    if len(actions) != 1:
        raise ValidationError(f"There must be exactly one forward action, not {len(actions)}")
    (action,) = actions
    configuration = action.get("ForwardConfig", {})
    if configuration.get("TargetGroupStickinessConfig", {}).get("Enabled"):
        raise unsupported("TargetGroupStickinessConfig")
    named = configuration.get("TargetGroups", [])
    groups = [(_group_arn(region, item), item.get("Weight", 1)) for item in named]
    if "TargetGroupArn" in action:
        alone = _group_arn(region, action)
        if groups and [arn for arn, _ in groups] != [alone]:
            raise ValidationError("TargetGroupArn and ForwardConfig must name the same target group")
        groups = groups or [(alone, 1)]
    return Forward(tuple(groups))


def _group_arn(region: str, item: Params) -> str:
    if "TargetGroupArn" not in item:
        raise ValidationError("A target group ARN must be specified")
    return arn_of(region, "target group", item["TargetGroupArn"])


def page(params: Params, name: str, items: Sequence[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    """The page that Marker and PageSize ask for, as {name: values, NextMarker}. `items` are (key, value) by key.

    A marker says after which key to go on, so what comes and goes between two pages neither repeats nor skips the rest.
    """
    rest = list(items)
    if marker := params.get("Marker"):
        after = _key_in(marker)
        rest = [item for item in rest if item[0] > after]
    size = params.get("PageSize", LARGEST_PAGE)
    shown = rest[:size]
    more = base64.urlsafe_b64encode(shown[-1][0].encode()).decode() if len(rest) > size else None
    return {name: [value for _, value in shown], "NextMarker": more}


def _key_in(marker: str) -> str:
    try:
        return base64.b64decode(marker.encode(), altchars=b"-_", validate=True).decode()
    except ValueError:  # UnicodeDecodeError and binascii's are such
        raise ValidationError("The specified marker is invalid") from None
