"""What the live log and the sentences say of schedules. Pure, and a part of `lines.py` and `sentences.py`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from chaos_ecs.cli.line import Line, seconds
from chaos_ecs.cli.snapshot import Event, short
from chaos_ecs.cli.text import counted

_ON_TIME_SECONDS = 1.0


def _name(event: Event) -> str:
    return str(event.get("name") or "")


def _due(event: Event, member: str = "scheduledTime") -> str:
    """A due time, 02:00:00Z."""
    at = event.get(member)
    return "?" if at is None else datetime.fromtimestamp(at, UTC).strftime("%H:%M:%SZ")


def _said(event: Event) -> str:
    zone = event.get("timezone")
    on = f"{event.get('expression')}{'' if zone in (None, 'UTC') else f' {zone}'}"
    return on if event.get("state") != "DISABLED" else f"{on}, paused"


def _lateness(event: Event) -> str:
    late = float(event.get("lateness") or 0.0)
    return "on time" if late < _ON_TIME_SECONDS else f"{seconds(late)} late"


# --- lines ---


def _created(event: Event) -> Line:
    return Line(event.at, "begun", "SCHEDULE", _name(event), detail=_said(event))


def _updated(event: Event) -> Line:
    cancelled = event.get("cancelled")
    told = _said(event) + (f"; {counted(cancelled, 'run')} cancelled" if cancelled else "")
    return Line(event.at, "begun", "UPDATED", _name(event), detail=told)


def _deleted(event: Event) -> Line:
    return Line(event.at, "stopped", "DELETED", _name(event), detail=f"the schedule: {event.get('cause')}")


def _ran(event: Event) -> Line:
    ids = tuple(short(task) for task in event.get("tasks") or ())
    late = _lateness(event)
    return Line(event.at, "begun", "DUE", _name(event), ids, f"due at {_due(event)}", "", measured=late)


def _retry(event: Event) -> Line:
    wait = float(event.get("nextTryAt") or event.at) - event.at
    told = f"RunTask was refused: {event.get('reason')}"
    return Line(event.at, "attention", "RETRY", _name(event), detail=told, reason=True,
                measured=f"again in {seconds(wait)}")  # fmt: skip


def _dropped(event: Event) -> Line:
    where = "a dead letter" if event.get("deadLetter") else "dropped"
    told = f"due at {_due(event)}, {where} after {_retries(event)}: {event.get('reason')}"
    return Line(event.at, "attention", "GAVE UP", _name(event), detail=told, reason=True)


def _retries(event: Event) -> str:
    count = int(event.get("retries") or 0)
    return f"{count} retr{'y' if count == 1 else 'ies'}"


def _missed(event: Event) -> Line:
    told = f"{_missed_times(event)} from {_due(event, 'first')} to {_due(event, 'last')}"
    told += "; the newest is run late" if event.get("delivered") is not None else ""
    return Line(event.at, "attention", "MISSED", _name(event), detail=told, reason=True)


def _missed_times(event: Event) -> str:
    least = "more than " if event.get("isLeast") else ""
    return f"{least}{counted(event.get('missed'), 'due time')}"


WORDING: dict[str, Callable[[Event], Line]] = {
    "SCHEDULE_CREATED": _created,
    "SCHEDULE_UPDATED": _updated,
    "SCHEDULE_DELETED": _deleted,
    "SCHEDULE_RAN": _ran,
    "SCHEDULE_RETRY": _retry,
    "SCHEDULE_DROPPED": _dropped,
    "SCHEDULE_MISSED": _missed,
}

# --- sentences ---


def _created_sentence(event: Event) -> str:
    return f"schedule {_name(event)} is made: {_said(event)}."


def _updated_sentence(event: Event) -> str:
    return f"schedule {_name(event)} is changed: {_said(event)}."


def _deleted_sentence(event: Event) -> str:
    return f"schedule {_name(event)} is deleted: {event.get('cause')}."


def _ran_sentence(event: Event) -> str:
    tasks = counted(len(event.get("tasks") or ()), "task")
    return f"schedule {_name(event)} was due at {_due(event)} and has started {tasks}, {_lateness(event)}."


def _retry_sentence(event: Event) -> str:
    wait = float(event.get("nextTryAt") or event.at) - event.at
    return f"schedule {_name(event)} could not run: {event.get('reason')} It tries again in {wait:.0f} seconds."


def _dropped_sentence(event: Event) -> str:
    kept = " It is kept as a dead letter." if event.get("deadLetter") else ""
    return f"schedule {_name(event)} gives up what was due at {_due(event)}, after {_retries(event)}.{kept}"


def _missed_sentence(event: Event) -> str:
    late = " The newest is run late." if event.get("delivered") is not None else ""
    return f"schedule {_name(event)} missed {_missed_times(event)}.{late}"


SENTENCES: dict[str, Callable[[Event], str]] = {
    "SCHEDULE_CREATED": _created_sentence,
    "SCHEDULE_UPDATED": _updated_sentence,
    "SCHEDULE_DELETED": _deleted_sentence,
    "SCHEDULE_RAN": _ran_sentence,
    "SCHEDULE_RETRY": _retry_sentence,
    "SCHEDULE_DROPPED": _dropped_sentence,
    "SCHEDULE_MISSED": _missed_sentence,
}
