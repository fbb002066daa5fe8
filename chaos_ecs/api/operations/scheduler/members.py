"""What a request says of a schedule, checked as AWS checks it before it looks at what is there; and pages.

Sources of the sentences: localstack's snapshots of AWS's answers, cdk-preflight's measurements of 2026-09-07. Those of
a time zone, of a date and of a target that is not run here are ours.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from chaos_ecs.api import paging
from chaos_ecs.api.operations.members import has_network, launch_type
from chaos_ecs.api.operations.placing import wishes_of
from chaos_ecs.core.arns import ACCOUNT_ID
from chaos_ecs.core.errors import InvalidParameterException, ValidationException
from chaos_ecs.core.placement_rules import PlacementWishes
from chaos_ecs.core.schedule import ScheduleError, check_dates, parse, zone
from chaos_ecs.core.schedules import (
    MAXIMUM_EVENT_AGE_SECONDS,
    MAXIMUM_RETRY_ATTEMPTS,
    RunTarget,
    ScheduleDesign,
    Tags,
)

Params = Mapping[str, Any]

_ARN = re.compile(r"arn:(aws[a-z-]*):([a-z0-9-]+):([a-z0-9-]*):([0-9]*):(.+)")
_CLUSTER = re.compile(r"cluster/[A-Za-z0-9_-]{1,255}")
_DEFINITION = re.compile(r"task-definition/[A-Za-z0-9_-]{1,255}(:[0-9]{1,9})?")
_OTHERS = (
    "EventBridgeParameters",
    "EventBridgePutEventsV2Parameters",
    "EventBridgePutRawEventsParameters",
    "KinesisParameters",
    "SageMakerPipelineParameters",
    "SqsParameters",
)
_NAMING = ("Name", "GroupName", "ClientToken")


def design_of(region: str, params: Params) -> ScheduleDesign:
    """All of it: what is left out has its default, in an update too. Raises ValidationException."""
    expression, timezone = params["ScheduleExpression"], params.get("ScheduleExpressionTimezone", "UTC")
    start, end = params.get("StartDate"), params.get("EndDate")
    _check_times(expression, timezone, start, end)
    if start is not None and end is not None and start >= end:
        raise ValidationException("The StartDate you specify must come before the EndDate.")
    window = _window(params["FlexibleTimeWindow"])
    target = _target(region, params["Target"])
    return ScheduleDesign(
        expression=expression,
        target=target,
        timezone=timezone,
        start_date=start,
        end_date=end,
        window_minutes=window,
        enabled=params.get("State", "ENABLED") == "ENABLED",
        deletes_itself=params.get("ActionAfterCompletion") == "DELETE",
        registered=_registered(params),
    )


def _check_times(expression: str, timezone: str, start: float | None, end: float | None) -> None:
    """Raises ValidationException: AWS does not say what is wrong with an expression."""
    try:
        parse(expression)
        zone(timezone)
        check_dates(start, end)
    except ScheduleError as error:
        raise ValidationException(str(error)) from None


def _window(said: Params) -> int:
    """Minutes, 0: OFF."""
    minutes: int | None = said.get("MaximumWindowInMinutes")
    if said["Mode"] == "OFF":
        if minutes is not None:
            raise _window_refusal("must not be provided", "OFF")
        return 0
    if minutes is None:
        raise _window_refusal("must be provided", "FLEXIBLE")
    return minutes


def _window_refusal(what: str, mode: str) -> ValidationException:
    return ValidationException(f"MaximumWindowInMinutes {what} when FlexibleTimeWindowMode is set to {mode}.")


def _target(region: str, said: Params) -> RunTarget:
    cluster = _cluster(region, said["Arn"])
    for name in _OTHERS:
        if name in said:
            raise ValidationException(f"Parameters {name} not supported for the target.")
    if "EcsParameters" not in said:
        raise ValidationException("Parameters EcsParameters must be specified.")
    ecs, retry = said["EcsParameters"], said.get("RetryPolicy", {})
    _check_input(said.get("Input", ""))
    return RunTarget(
        cluster_arn=cluster,
        task_definition=_task_definition(ecs["TaskDefinitionArn"]),
        count=ecs.get("TaskCount", 1),
        launch_type=_launch_type(ecs),
        takes_default="LaunchType" not in ecs,
        group=ecs.get("Group", ""),
        tags=_task_tags(ecs.get("Tags", ())),
        propagates_tags=ecs.get("PropagateTags") == "TASK_DEFINITION",
        has_network=has_network(ecs, "NetworkConfiguration"),
        input=said.get("Input", ""),
        maximum_retry_attempts=retry.get("MaximumRetryAttempts", MAXIMUM_RETRY_ATTEMPTS),
        maximum_event_age_seconds=retry.get("MaximumEventAgeInSeconds", MAXIMUM_EVENT_AGE_SECONDS),
        dead_letter_arn=said.get("DeadLetterConfig", {}).get("Arn", ""),
        placement=_wishes(ecs),
    )


def _wishes(ecs: Params) -> PlacementWishes:
    """Where its tasks go, as RunTask takes it. An expression that cannot be read is for RunTask to refuse."""
    names = ("CapacityProviderStrategy", "PlacementConstraints", "PlacementStrategy")
    try:
        return wishes_of({f"{name[0].lower()}{name[1:]}": ecs.get(name, ()) for name in names})
    except InvalidParameterException as refusal:
        raise ValidationException(refusal.message) from None


def _cluster(region: str, arn: str) -> str:
    """Target.Arn, which for RunTask is the ARN of a cluster."""
    found = _ARN.fullmatch(arn)
    if found is None:
        raise ValidationException("Provided Arn is not in correct format.")
    _, service, its_region, account, resource = found.groups()
    if service != "ecs" or not _CLUSTER.fullmatch(resource):
        raise ValidationException(
            f"Only ECS targets are run here (RunTask; Target.Arn is the ARN of a cluster), and {arn} is none."
        )
    if its_region != region:
        raise ValidationException(f"The target ARN provided does not match the current region {region}.")
    if account != ACCOUNT_ID:
        raise ValidationException(f"The target ARN is of account {account}. There is one account here: {ACCOUNT_ID}.")
    return arn


def _task_definition(named: str) -> str:
    """As named: FAMILY is taken too. Whether it is there is for later to see, but an ARN must be one that can be."""
    if named.startswith("arn:"):
        found = _ARN.fullmatch(named)
        if found is None or found[2] != "ecs" or not _DEFINITION.fullmatch(found[5]):
            raise ValidationException(f"TaskDefinitionArn {named[:100]} is not the ARN of a task definition.")
    return named


def _launch_type(ecs: Params) -> str:
    said = ecs.get("LaunchType")
    found = launch_type(said, ecs.get("CapacityProviderStrategy", ()), ValidationException)
    if said == "FARGATE" and not has_network(ecs, "NetworkConfiguration"):
        raise ValidationException(
            "Parameter NetworkConfiguration must be specified for the target when launch type is FARGATE."
        )
    return found


def _task_tags(said: Sequence[Mapping[str, str]]) -> Tags:
    """The model has a list of maps, and no document says of what: {"key", "value"} is a tag, as of RunTask; of any
    other map each entry is one."""
    tags: dict[str, str] = {}
    for item in said:
        if set(item) in ({"key", "value"}, {"key"}):
            tags[item["key"]] = item.get("value", "")
        else:
            tags |= item
    return tuple(tags.items())


def _check_input(text: str) -> None:
    """JSON, once the context attributes are filled in; whether it makes sense is for RunTask to say."""
    try:
        msgspec.json.decode(re.sub(r"<aws\.scheduler\.[a-z-]+>", "0", text) if text else "{}")
    except (ValueError, RecursionError):
        raise ValidationException("JSON syntax error in input for the target.") from None


def _registered(params: Params) -> str:
    """What GetSchedule answers with: all that was said, with the defaults that AWS fills in."""
    target = dict(params["Target"])
    retry = target.get("RetryPolicy", {})
    target["RetryPolicy"] = {
        "MaximumEventAgeInSeconds": MAXIMUM_EVENT_AGE_SECONDS,
        "MaximumRetryAttempts": MAXIMUM_RETRY_ATTEMPTS,
        **retry,
    }
    defaults = {"ScheduleExpressionTimezone": "UTC", "State": "ENABLED", "ActionAfterCompletion": "NONE"}
    said = {name: value for name, value in params.items() if name not in _NAMING}
    return json.dumps({**defaults, **said, "Target": target})


def tags_of(said: Sequence[Mapping[str, str]]) -> Tags:
    return tuple({tag["Key"]: tag["Value"] for tag in said}.items())


def page(params: Params, name: str, items: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """The page that NextToken and MaxResults ask for; `items` are (key, value), sorted by key."""
    asked = {"maxResults": params.get("MaxResults", paging.LARGEST_PAGE), "nextToken": params.get("NextToken")}
    found = paging.page(asked, name, items, refusal=ValidationException)
    return {name: found[name], "NextToken": found["nextToken"]}
