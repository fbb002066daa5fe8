"""What the live log says of container instances, and of tasks that have no place. Pure, and a part of `lines.py`."""

from __future__ import annotations

from collections.abc import Callable

from chaos_ecs.cli.line import Line
from chaos_ecs.cli.snapshot import Event, short
from chaos_ecs.cli.text import counted


def _name(event: Event) -> str:
    return str(event.get("name") or "")


def _registered(event: Event) -> Line:
    engine = f", engine {event.get('engine')}" if event.get("engine") else ""
    brief = f"registered in {event.get('zone')}"
    return Line(event.at, "begun", "INSTANCE", _name(event), detail=brief + engine, brief=brief)


def _deregistered(event: Event) -> Line:
    return Line(event.at, "stopped", "INSTANCE", _name(event), detail="deregistered")


def _status_changed(event: Event) -> Line:
    status, tasks = str(event.get("status") or ""), event.get("tasks") or ()
    there = f"{counted(len(tasks), 'task')} on it"
    if status == "DRAINING":
        detail = f"{there}: no new ones come, those of services move"
        return Line(event.at, "attention", status, _name(event), detail=detail, brief=there)
    return Line(event.at, "steady", status, _name(event), detail="new tasks may be placed on it", brief=there)


def _connected(event: Event) -> Line:
    return Line(event.at, "steady", "INSTANCE", _name(event), detail="its agent is connected", brief="connected")


def _disconnected(event: Event) -> Line:
    why = f"its agent is disconnected: {event.get('reason') or 'nobody knows why'}"
    return Line(event.at, "attention", "INSTANCE", _name(event), detail=why, reason=True)


def _lost(event: Event) -> Line:
    ids = tuple(short(task) for task in event.get("tasks") or ())
    detail = "its tasks are over: services start new ones elsewhere" if ids else "it had no tasks"
    return Line(event.at, "attention", "LOST", _name(event), ids, detail, reason=True)


def _service_not_placed(event: Event) -> Line:
    return Line(event.at, "attention", "NO PLACE", detail=event.message, reason=True)


def _task_not_placed(event: Event) -> Line:
    return Line(event.at, "attention", "NOT RUN", detail=event.message, reason=True)


WORDING: dict[str, Callable[[Event], Line]] = {
    "INSTANCE_REGISTERED": _registered,
    "INSTANCE_DEREGISTERED": _deregistered,
    "INSTANCE_STATUS_CHANGED": _status_changed,
    "INSTANCE_CONNECTED": _connected,
    "INSTANCE_DISCONNECTED": _disconnected,
    "INSTANCE_LOST": _lost,
    "SERVICE_NOT_PLACED": _service_not_placed,
    "TASK_NOT_PLACED": _task_not_placed,
}


def _status_sentence(event: Event) -> str:
    there = f"It has {counted(len(event.get('tasks') or ()), 'task')}"
    return f"container instance {_name(event)} is {str(event.get('status')).lower()}. {there}"


def _lost_sentence(event: Event) -> str:
    tasks = event.get("tasks") or ()
    return f"container instance {_name(event)} is lost, and {counted(len(tasks), 'task')} with it"


SENTENCES: dict[str, Callable[[Event], str]] = {
    "INSTANCE_STATUS_CHANGED": _status_sentence,
    "INSTANCE_LOST": _lost_sentence,
}
"""Without a full stop at their end. Of the others the controller's own words are sentences."""
