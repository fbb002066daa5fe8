"""What the live log and the sentences say of experiments and of the safety lever. Pure."""

from __future__ import annotations

from collections.abc import Callable

from chaos_ecs.cli.line import Line
from chaos_ecs.cli.snapshot import Event

_BAD = ("failed", "stopped", "cancelled")


def _started(event: Event) -> Line:
    return Line(event.at, "begun", "EXPERIMENT", detail=event.message.removeprefix("experiment "), reason=True)


def _action(event: Event) -> Line:
    status, name = str(event.get("status")), str(event.get("action"))
    if status == "running":
        return Line(event.at, "begun", "ACTION", detail=f"{name} begins")
    symbol = "attention" if status in _BAD else "steady"
    why = event.message.partition(": ")[2]
    told = f"{name} {status}" + (f": {why}" if why and status != "completed" else "")
    return Line(event.at, symbol, "ACTION", detail=told, reason=True)


def _ended(event: Event) -> Line:
    status = str(event.get("status"))
    told = status + (f": {event.get('reason')}" if status != "completed" else "")
    symbol = "steady" if status == "completed" else "attention"
    return Line(event.at, symbol, "EXPERIMENT", detail=told, reason=True)


def _lever(event: Event) -> Line:
    symbol = "attention" if event.get("status") == "engaged" else "steady"
    return Line(event.at, symbol, "LEVER", detail=event.message, reason=True)


WORDING: dict[str, Callable[[Event], Line]] = {
    "EXPERIMENT_STARTED": _started,
    "EXPERIMENT_ACTION": _action,
    "EXPERIMENT_ENDED": _ended,
    "SAFETY_LEVER_CHANGED": _lever,
}
