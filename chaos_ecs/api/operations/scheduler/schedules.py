"""Schedules: Scheduler API reference, CreateSchedule and what gets, replaces, lists and deletes them."""

from __future__ import annotations

import json
from concurrent.futures import Future
from typing import Any

from chaos_ecs.api.call import Call
from chaos_ecs.api.operations.scheduler.members import design_of, page
from chaos_ecs.core import schedule_messages as e
from chaos_ecs.core.arns import name_of, region_of, schedule_arn, schedule_group_arn
from chaos_ecs.core.schedule_commands import known_group, known_schedule
from chaos_ecs.core.schedules import DEFAULT_GROUP, Schedule
from chaos_ecs.core.state import State

_Answer = Future[dict[str, Any]]


def create_schedule(call: Call) -> _Answer:
    group = call.params.get("GroupName", DEFAULT_GROUP)
    arn = schedule_arn(call.region, group, call.params["Name"])
    design = design_of(call.region, call.params)
    token = call.params.get("ClientToken", "")
    command = e.CreateSchedule(arn, schedule_group_arn(call.region, group), design, token)
    return call.request(lambda state: command, lambda state, now, events: {"ScheduleArn": arn})


def update_schedule(call: Call) -> _Answer:
    """API_UpdateSchedule: "if you do not set an optional field in your request, that field will be set to its
    system-default value after the update". A client token changes nothing: the same twice is the same once."""
    arn = named(call)
    command = e.UpdateSchedule(arn, design_of(call.region, call.params))
    return call.request(lambda state: command, lambda state, now, events: {"ScheduleArn": arn})


def delete_schedule(call: Call) -> _Answer:
    command = e.DeleteSchedule(named(call))
    return call.request(lambda state: command, lambda state, now, events: {})


def get_schedule(call: Call) -> _Answer:
    arn = named(call)
    return call.ask(lambda state, now: _view(known_schedule(state, arn)))


def list_schedules(call: Call) -> _Answer:
    """By group and name."""
    params = call.params
    prefix, wanted, group = params.get("NamePrefix", ""), params.get("State"), params.get("GroupName")

    def answer(state: State, now: float) -> dict[str, Any]:
        if group is not None:
            known_group(state, schedule_group_arn(call.region, group))
        found = [
            (f"{name_of(schedule.group_arn)}/{schedule.name}", _summary(schedule))
            for schedule in state.schedules.values()
            if region_of(schedule.arn) == call.region
            and group in (None, name_of(schedule.group_arn))
            and schedule.name.startswith(prefix)
            and wanted in (None, _state_of(schedule))
        ]
        return page(params, "Schedules", sorted(found, key=lambda item: item[0]))

    return call.ask(answer)


def named(call: Call) -> str:
    """The ARN that Name and GroupName mean."""
    return schedule_arn(call.region, call.params.get("GroupName", DEFAULT_GROUP), call.params["Name"])


def _state_of(schedule: Schedule) -> str:
    return "ENABLED" if schedule.design.enabled else "DISABLED"


def _summary(schedule: Schedule) -> dict[str, Any]:
    return {
        "Arn": schedule.arn,
        "Name": schedule.name,
        "GroupName": name_of(schedule.group_arn),
        "State": _state_of(schedule),
        "CreationDate": schedule.created_at,
        "LastModificationDate": schedule.modified_at,
        "Target": {"Arn": schedule.design.target.cluster_arn},
    }


def _view(schedule: Schedule) -> dict[str, Any]:
    """What was said of it, and what the summary has."""
    registered: dict[str, Any] = json.loads(schedule.design.registered)
    return {**_summary(schedule), **registered}
