"""What crosses the border of the core about schedules; families as in `messages.py`, which takes them up."""

from __future__ import annotations

from dataclasses import dataclass

from chaos_ecs.core.schedules import ScheduleDesign, Tags

# --- Commands ---


@dataclass(frozen=True, slots=True)
class CreateScheduleGroup:
    arn: str
    tags: Tags = ()
    client_token: str = ""


@dataclass(frozen=True, slots=True)
class DeleteScheduleGroup:
    """Its schedules go with it."""

    arn: str


@dataclass(frozen=True, slots=True)
class TagScheduleGroup:
    """`added` take the place of others of the same key."""

    arn: str
    added: Tags = ()
    removed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CreateSchedule:
    arn: str
    group_arn: str
    design: ScheduleDesign
    client_token: str = ""


@dataclass(frozen=True, slots=True)
class UpdateSchedule:
    """Replaces all that was said of it before (API_UpdateSchedule)."""

    arn: str
    design: ScheduleDesign


@dataclass(frozen=True, slots=True)
class DeleteSchedule:
    arn: str


ScheduleCommand = (
    CreateScheduleGroup | DeleteScheduleGroup | TagScheduleGroup | CreateSchedule | UpdateSchedule | DeleteSchedule
)

# --- Actions ---


@dataclass(frozen=True, slots=True)
class OpenInvocation:
    """Intent: all due times up to `until` are dealt with: `due` is opened (None: none of them), `missed` others are
    told as missed, the first of them at `first_missed`. `is_least`: there were more of them than are counted."""

    schedule_arn: str
    until: float
    due: float | None
    cause: str
    missed: int = 0
    first_missed: float | None = None
    last_missed: float | None = None
    is_least: bool = False


@dataclass(frozen=True, slots=True)
class InvokeTarget:
    """Intent: the RunTask call of an open invocation is made now."""

    key: str
    cause: str


@dataclass(frozen=True, slots=True)
class CompleteSchedule:
    """Intent: a schedule that never comes due again deletes itself."""

    schedule_arn: str
    cause: str


@dataclass(frozen=True, slots=True)
class EmptyScheduleGroup:
    """Intent: the schedules of a group that is DELETING go."""

    group_arn: str
    cause: str


@dataclass(frozen=True, slots=True)
class ForgetScheduleGroup:
    """Intent: a deleted group leaves the record."""

    group_arn: str
    cause: str


ScheduleIntent = OpenInvocation | InvokeTarget | CompleteSchedule | EmptyScheduleGroup | ForgetScheduleGroup
