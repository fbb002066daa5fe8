"""What a schedule says to its target, as one RunTask call: overrides, context attributes, the task definition.

Source: Scheduler User Guide, "Using templated targets" (for ECS, Input is API_TaskOverride as JSON) and "Adding context
attributes". Never here: whether the call is accepted (`commands.py`), and when it is made (`scheduling.py`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from chaos_ecs.core.arns import family_arn, region_of
from chaos_ecs.core.compatibility import task_size
from chaos_ecs.core.errors import ClientException, InvalidParameterException
from chaos_ecs.core.messages import RunTask
from chaos_ecs.core.model import ContainerOverride, TaskOverride
from chaos_ecs.core.placement_rules import PlacementWishes
from chaos_ecs.core.schedules import Invocation, RunTarget, Schedule, started_by, utc
from chaos_ecs.core.sharing import check_associated, default_of, launch_type_with, strategy_of
from chaos_ecs.core.state import State
from chaos_ecs.core.task_definitions import check_network, latest_active, tags_of_run

_INTEGERS = range(-(2**31), 2**31)
"""Smithy's integer, which cpu and memory of API_ContainerOverride are."""


def run_task_of(state: State, schedule: Schedule, invocation: Invocation) -> RunTask:
    """The call that an attempt makes. Raises EcsError for what RunTask would refuse to read."""
    target = schedule.design.target
    arn = _definition_arn(state, target.cluster_arn, target.task_definition)
    definition = state.task_definitions.get(arn)
    check_network(definition, has_network=target.has_network)
    overrides, task_override = _overrides(filled_in(target.input, schedule, invocation) if target.input else "{}")
    launch_type, placement = _placed(state, target)
    return RunTask(
        cluster_arn=target.cluster_arn,
        task_definition_arn=arn,
        count=target.count,
        started_by=started_by(schedule.name),
        group=target.group,
        launch_type=launch_type,
        overrides=overrides,
        task_override=task_override,
        tags=tags_of_run(definition, target.tags, propagates=target.propagates_tags),
        placement=placement,
        cause=f"schedule {schedule.name} is due; nobody will replace it",
    )


def _placed(state: State, target: RunTarget) -> tuple[str, PlacementWishes]:
    """Launch type and wishes: with the capacity providers that were said, or else the cluster's (API_RunTask)."""
    cluster, wishes = state.clusters.get(target.cluster_arn), target.placement
    check_associated(cluster, strategy_of(wishes))
    default = default_of(cluster) if target.takes_default and not wishes.providers else ()
    if not default:
        return target.launch_type, wishes
    providers = tuple((item.provider, item.weight, item.base) for item in default)
    return launch_type_with(default[0].provider), replace(wishes, providers=providers)


def filled_in(text: str, schedule: Schedule, invocation: Invocation) -> str:
    """The Input with its context attributes replaced by what they stand for."""
    attributes = {
        "<aws.scheduler.schedule-arn>": schedule.arn,
        "<aws.scheduler.scheduled-time>": utc(invocation.due),
        "<aws.scheduler.execution-id>": invocation.execution_id,
        "<aws.scheduler.attempt-number>": str(invocation.attempts + 1),
    }
    for name, value in attributes.items():
        text = text.replace(name, value)
    return text


def _definition_arn(state: State, cluster_arn: str, named: str) -> str:
    """The revision that FAMILY, FAMILY:REVISION or an ARN of either means in the cluster's region now."""
    region = region_of(cluster_arn)
    prefix = family_arn(region, "")
    if named.startswith("arn:") and not named.startswith(prefix):
        return named  # of another region, or of no task definition: it is not there
    family, _, revision = named.removeprefix(prefix).partition(":")
    arn = family_arn(region, family)
    if revision:
        return f"{arn}:{revision}"
    latest = latest_active(state, arn)
    return latest.arn if latest else arn


def _overrides(text: str) -> tuple[tuple[ContainerOverride, ...], TaskOverride]:
    """Members that are not known here are passed over, as everywhere."""
    try:
        said = json.loads(text)
        json.dumps(said, ensure_ascii=False).encode()  # half a surrogate pair is no text, and could not be kept
    except (ValueError, RecursionError):  # or a context attribute stood where it breaks the JSON
        raise InvalidParameterException("JSON syntax error in input for the target.") from None
    if not isinstance(said, dict):
        raise _wrong("it is no object")
    overrides = said.get("containerOverrides") or []
    if not isinstance(overrides, list) or not all(isinstance(item, dict) for item in overrides):
        raise _wrong("containerOverrides is no list of objects")
    size = TaskOverride(cpu=_size(said, "cpu"), memory=_size(said, "memory"))
    return tuple(_override(item) for item in overrides), size


def _size(said: Mapping[str, Any], name: str) -> int | None:
    text = said.get(name) or ""
    if not isinstance(text, str):
        raise _wrong(f"{name} is no string")
    try:
        return task_size(name, text)
    except ClientException as error:
        raise InvalidParameterException(str(error)) from None


def _override(said: Mapping[str, Any]) -> ContainerOverride:
    command, environment = said.get("command"), said.get("environment") or []
    if command is not None and not _is_list_of(command, str):
        raise _wrong("command is no list of strings")
    if not _is_list_of(environment, dict) or not all(isinstance(item.get("name"), str) for item in environment):
        raise _wrong("environment is no list of name and value")
    return ContainerOverride(
        name=str(said.get("name") or ""),
        command=tuple(command) if command is not None else None,
        environment=tuple((item["name"], str(item.get("value") or "")) for item in environment),
        cpu=_whole(said, "cpu"),
        memory=_whole(said, "memory"),
        memory_reservation=_whole(said, "memoryReservation"),
    )


def _whole(said: Mapping[str, Any], name: str) -> int | None:
    value = said.get(name)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value not in _INTEGERS):
        raise _wrong(f"{name} is no whole number")
    return value


def _is_list_of(value: object, kind: type) -> bool:
    return isinstance(value, list) and all(isinstance(item, kind) for item in value)


def _wrong(why: str) -> InvalidParameterException:
    return InvalidParameterException(f"The Input of the target is no TaskOverride: {why}.")
