"""`apply` for what somebody asks of EventBridge Scheduler: groups, their tags, schedules.

Every refusal comes before the first change, in Scheduler's words. Sources: the API reference's page of each operation;
sentences as public records of AWS's answers have them (localstack's validated snapshots, cdk-preflight's measurements).
Never here: what a request may say by itself (`api/operations/scheduler/`).
"""

from __future__ import annotations

from dataclasses import replace

from chaos_ecs.core import schedule_opening
from chaos_ecs.core.arns import name_of
from chaos_ecs.core.errors import (
    ConflictException,
    ResourceNotFoundException,
    ServiceQuotaExceededException,
    ValidationException,
)
from chaos_ecs.core.messages import EventType
from chaos_ecs.core.schedule_messages import (
    CreateSchedule,
    CreateScheduleGroup,
    DeleteSchedule,
    DeleteScheduleGroup,
    TagScheduleGroup,
    UpdateSchedule,
)
from chaos_ecs.core.schedule_passed import passed
from chaos_ecs.core.schedules import DEFAULT_GROUP, Schedule, ScheduleGroup
from chaos_ecs.core.state import State

GROUPS_LIMIT = 500
"""User Guide, "Quotas": schedule groups per account; here per controller."""
TAGS_LIMIT = 50
OLDEST_START_SECONDS = 300
"""Two users of AWS report its refusal, of CreateSchedule; no document has it."""


# --- groups ---


def create_group(state: State, command: CreateScheduleGroup, now: float) -> None:
    """A client token that was used before answers with its group (API_CreateScheduleGroup)."""
    name = name_of(command.arn)
    _must_not_be_default(name)
    known = state.schedule_groups.get(command.arn)
    if known:
        if command.client_token and known.client_token == command.client_token and known.tags == command.tags:
            return
        raise ConflictException(f"Schedule group {name} already exists.")
    if len(state.schedule_groups) >= GROUPS_LIMIT:
        raise ServiceQuotaExceededException(f"There are at most {GROUPS_LIMIT} schedule groups.")
    _check_tags(command.tags)
    state.put(ScheduleGroup(command.arn, name, now, now, tags=command.tags, client_token=command.client_token))


def delete_group(state: State, command: DeleteScheduleGroup, now: float) -> None:
    """DELETING until the plan has seen to its schedules; deleting it again changes nothing."""
    _must_not_be_default(name_of(command.arn))
    group = known_group(state, command.arn)
    if group.state == "ACTIVE":
        state.put(replace(group, state="DELETING", modified_at=now))


def tag_group(state: State, command: TagScheduleGroup, now: float) -> None:
    _must_not_be_default(name_of(command.arn))
    group = known_group(state, command.arn)
    tags = {key: value for key, value in group.tags if key not in command.removed} | dict(command.added)
    _check_tags(tuple(tags.items()))
    state.put(replace(group, tags=tuple(tags.items()), modified_at=now))


def known_group(state: State, arn: str) -> ScheduleGroup:
    """The group; `default` is there without having been made. Raises ResourceNotFoundException."""
    if name_of(arn) == DEFAULT_GROUP:
        return ScheduleGroup(arn, DEFAULT_GROUP, 0.0, 0.0)
    group = state.schedule_groups.get(arn)
    if group is None:
        raise ResourceNotFoundException(f"Schedule group {name_of(arn)} does not exist.")
    return group


def _must_not_be_default(name: str) -> None:
    if name == DEFAULT_GROUP:
        raise ValidationException(f"This operation cannot be performed on schedule group {DEFAULT_GROUP}.")


def _check_tags(tags: tuple[tuple[str, str], ...]) -> None:
    if len(tags) > TAGS_LIMIT:
        raise ValidationException(f"A resource has at most {TAGS_LIMIT} tags.")


# --- schedules ---


def create_schedule(state: State, command: CreateSchedule, now: float) -> None:
    """Its cluster and its task definition need not be there (AWS does not look either). A client token that was used
    before answers with its schedule, if all else is the same."""
    name = name_of(command.arn)
    group = known_group(state, command.group_arn)
    if group.state != "ACTIVE":
        raise ConflictException(f"Schedule group {group.name} is being deleted.")
    if known := state.schedules.get(command.arn):
        same_token = command.client_token and known.client_token == command.client_token
        if same_token and known.design == command.design:
            return
        raise ConflictException(f"Schedule {name} already exists.")
    start = command.design.start_date
    if start is not None and start < now - OLDEST_START_SECONDS:
        raise ValidationException("The StartDate you specify cannot be earlier than 5 minutes ago.")
    token = command.client_token
    schedule = Schedule(command.arn, name, command.group_arn, command.design, now, now, client_token=token)
    state.put(schedule)
    design = command.design
    on = f"{design.expression} {design.timezone}" if design.enabled else f"{design.expression}, DISABLED"
    _tell(state, schedule, EventType.SCHEDULE_CREATED, f"schedule {name}: {on}", now)


def update_schedule(state: State, command: UpdateSchedule, now: float) -> None:
    """What was due until now stays dealt with: an update runs nothing again, and catches up with nothing.

    A rate goes on in the steps it has, which begin with the schedule's creation or its StartDate.
    """
    schedule = known_schedule(state, command.arn)
    if schedule.design.enabled and (opened := passed(schedule, now)):  # due at this very moment, or in a gap
        schedule_opening.open_invocation(state, opened, now)
        schedule = state.schedules[command.arn]
    updated = replace(schedule, design=command.design, modified_at=now, considered_until=now)
    cancelled = 0
    if not command.design.enabled:
        cancelled = _end_invocations(state, updated)
        updated = replace(updated, cancelled=updated.cancelled + cancelled)
    state.put(updated)
    word = "ENABLED" if command.design.enabled else "DISABLED"
    message = f"schedule {schedule.name}: {command.design.expression} {command.design.timezone}, {word}"
    _tell(state, updated, EventType.SCHEDULE_UPDATED, message, now, cancelled=cancelled or None)


def delete_schedule(state: State, command: DeleteSchedule, now: float) -> None:
    remove(state, known_schedule(state, command.arn), "somebody deleted it", now)


def remove(state: State, schedule: Schedule, cause: str, now: float) -> None:
    """It goes, with what it still wanted to run."""
    cancelled = _end_invocations(state, schedule)
    state.drop(schedule)
    message = f"schedule {schedule.name} is deleted: {cause}"
    _tell(state, schedule, EventType.SCHEDULE_DELETED, message, now, cause=cause, cancelled=cancelled or None)


def known_schedule(state: State, arn: str) -> Schedule:
    schedule = state.schedules.get(arn)
    if schedule is None:
        raise ResourceNotFoundException(f"Schedule {name_of(arn)} does not exist.")
    return schedule


def _end_invocations(state: State, schedule: Schedule) -> int:
    open_ones = state.invocations_of(schedule.arn)
    for invocation in open_ones:
        state.drop(invocation)
    return len(open_ones)


def _tell(
    state: State,
    schedule: Schedule,
    type_: EventType,
    message: str,
    now: float,
    *,
    cause: str | None = None,
    cancelled: int | None = None,
) -> None:
    design = schedule.design
    state.emit(
        now,
        type_,
        message,
        cluster=design.target.cluster_arn,
        schedule=schedule.arn,
        name=schedule.name,
        expression=design.expression,
        timezone=design.timezone,
        state="ENABLED" if design.enabled else "DISABLED",
        startDate=design.start_date,
        endDate=design.end_date,
        cause=cause,
        cancelled=cancelled,
    )
