"""Events for a pipe: one line each, `TIME WORD key=value`, nothing folded, nothing cut. Pure.

Never here: the sentences of the live log (see `lines.py`).
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from chaos_ecs.cli.snapshot import Event, name_of, short

_PREFIXES = ("TASK_DEFINITION_", "SERVICE_TASKS_", "SERVICE_", "TASK_")

# What the short word would not say, or would say of two things.
_WORDS = {
    "SERVICE_TASKS_STARTED": "STARTING",
    "SERVICE_TASKS_STOPPED": "STOPPING",
    "TASK_CREATED": "STARTED",
    "TASK_NOT_PLACED": "NOT_PLACED",
    "TASK_HEALTH_CHANGED": "HEALTH",
}
_ARNS = ("taskDefinition", "fills")


def word(event_type: str) -> str:
    """The word for an event's type, such as KILLED or STEADY."""
    if event_type in _WORDS:
        return _WORDS[event_type]
    prefix = next((item for item in _PREFIXES if event_type.startswith(item)), "")
    return event_type.removeprefix(prefix)


def line(event: Event) -> str:
    """The event as one line."""
    parts = [timestamp(event.at), word(event.type)]
    if event.service:
        parts.append(f"service={name_of(event.service)}")
    if event.task:
        parts.append(f"task={short(event.task)}")
    elif event.cluster and not event.service:
        parts.append(f"cluster={name_of(event.cluster)}")
    data = event.data or {}
    parts += [f"{name}={_value(name, value)}" for name, value in data.items() if value is not None]
    if not data and not event.service and not event.task:
        parts.append(f"message={_value('message', event.message)}")
    return " ".join(parts)


def timestamp(at: float) -> str:
    """UTC to the millisecond, as in 2026-09-14T09:12:41.034Z."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _value(name: str, value: Any) -> str:
    if name == "tasks":
        return ",".join(short(item) for item in value)
    if name == "images":
        return ",".join(value)
    if name in _ARNS:
        return short(value) if name == "fills" else name_of(value)
    if isinstance(value, str) and value.startswith("arn:"):
        return value.rpartition(":")[2]
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, str):
        return value if value and not any(character in value for character in ' "=\n') else json.dumps(value)
    return json.dumps(value)
