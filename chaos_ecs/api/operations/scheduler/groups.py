"""Schedule groups and their tags: Scheduler API reference, CreateScheduleGroup, TagResource and their like."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

from chaos_ecs.api.call import Call
from chaos_ecs.api.operations.scheduler.members import page, tags_of
from chaos_ecs.core import schedule_messages as e
from chaos_ecs.core.arns import name_of, region_of, schedule_group_arn
from chaos_ecs.core.errors import ResourceNotFoundException
from chaos_ecs.core.schedule_commands import known_group
from chaos_ecs.core.schedules import DEFAULT_GROUP, ScheduleGroup
from chaos_ecs.core.state import State

_Answer = Future[dict[str, Any]]


def create_schedule_group(call: Call) -> _Answer:
    arn = schedule_group_arn(call.region, call.params["Name"])
    command = e.CreateScheduleGroup(arn, tags_of(call.params.get("Tags", ())), call.params.get("ClientToken", ""))
    return call.request(lambda state: command, lambda state, now, events: {"ScheduleGroupArn": arn})


def delete_schedule_group(call: Call) -> _Answer:
    command = e.DeleteScheduleGroup(schedule_group_arn(call.region, call.params["Name"]))
    return call.request(lambda state: command, lambda state, now, events: {})


def get_schedule_group(call: Call) -> _Answer:
    arn = schedule_group_arn(call.region, call.params["Name"])
    return call.ask(lambda state, now: _view(known_group(state, arn)))


def list_schedule_groups(call: Call) -> _Answer:
    """`default` among them."""
    prefix = call.params.get("NamePrefix", "")

    def answer(state: State, now: float) -> dict[str, Any]:
        default = known_group(state, schedule_group_arn(call.region, DEFAULT_GROUP))
        there = [group for group in state.schedule_groups.values() if region_of(group.arn) == call.region]
        found = sorted((group.name, _view(group)) for group in (default, *there) if group.name.startswith(prefix))
        return page(call.params, "ScheduleGroups", found)

    return call.ask(answer)


def tag_resource(call: Call) -> _Answer:
    command = e.TagScheduleGroup(_group_arn(call), added=tags_of(call.params["Tags"]))
    return call.request(lambda state: command, lambda state, now, events: {})


def untag_resource(call: Call) -> _Answer:
    command = e.TagScheduleGroup(_group_arn(call), removed=tuple(call.params["TagKeys"]))
    return call.request(lambda state: command, lambda state, now, events: {})


def list_tags_for_resource(call: Call) -> _Answer:
    arn = _group_arn(call)

    def answer(state: State, now: float) -> dict[str, Any]:
        return {"Tags": [{"Key": key, "Value": value} for key, value in known_group(state, arn).tags]}

    return call.ask(answer)


def _group_arn(call: Call) -> str:
    """Only groups have tags; the model's pattern says so."""
    arn: str = call.params["ResourceArn"]
    if arn != schedule_group_arn(call.region, name_of(arn)):
        raise ResourceNotFoundException(f"Schedule group {name_of(arn)} does not exist.")
    return arn


def _view(group: ScheduleGroup) -> dict[str, Any]:
    """Nobody made `default`, so no time is told of it."""
    return {
        "Arn": group.arn,
        "Name": group.name,
        "State": group.state,
        "CreationDate": group.created_at or None,
        "LastModificationDate": group.modified_at or None,
    }
