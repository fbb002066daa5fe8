"""What the live log and the sentences say of faults: asked for, in force, undone. Pure, and a part of `lines.py` and
`sentences.py`. Never here: a fault's state (see `fault_words.py`)."""

from __future__ import annotations

from collections.abc import Callable

from chaos_ecs.cli.line import Line, seconds
from chaos_ecs.cli.snapshot import Event, name_of, short

TOLD_BY_THE_TASK = ("kill", "stop-task")
"""Faults that the lines about their victims say all of: KILLED, STOPPED."""
SEALED = "sealed"
"""The name of a fault that is a riddle until it is over: it is told once that there is one."""


def is_told_elsewhere(event: Event) -> bool:
    """Whether other lines say the same: those about tasks, or those of this fault that came before."""
    name = str(event.get("name"))
    match event.type:
        case "FAULT_INJECTED":
            return name in TOLD_BY_THE_TASK
        case "FAULT_ACTIVE" | "FAULT_UNDONE":
            return name in (*TOLD_BY_THE_TASK, SEALED)
        case "FAULT_INCONCLUSIVE":
            return name == SEALED
        case "FAULT_ENDED":
            return str(event.get("status")) != "INCONCLUSIVE"
    return False


def _about(event: Event) -> tuple[str, tuple[str, ...]]:
    tasks = event.get("tasks") or ((event.task,) if event.task else ())
    owner = name_of(event.service) or ", ".join(event.get("instances") or ())
    return owner, tuple(short(task) for task in tasks)


def _named(event: Event, text: str) -> str:
    """network-latency: 201 ms (before: 0.1 ms)."""
    return f"{event.get('name')}: {event.get(text)}"


def _injected(event: Event) -> Line:
    who, ids = _about(event)
    return Line(event.at, "killed", "FAULT", who, ids, event.message, event.get("name"), reason=True,
                measured=str(event.get("fault") or ""))  # fmt: skip


def _active(event: Event) -> Line:
    who, ids = _about(event)
    after = seconds(event.get("after"))
    return Line(event.at, "attention", "IN FORCE", who, ids, _named(event, "proof"), event.get("name"), reason=True,
                measured=f"after {after}", measured_brief=f"+{after}")  # fmt: skip


def _inconclusive(event: Event) -> Line:
    who, ids = _about(event)
    return Line(event.at, "attention", "UNPROVEN", who, ids, _named(event, "reason"), reason=True)


def _undone(event: Event) -> Line:
    who, ids = _about(event)
    lasted = seconds(event.get("lasted"))
    return Line(event.at, "steady", "UNDONE", who, ids, _named(event, "proof"), event.get("name"), reason=True,
                measured=f"lasted {lasted}", measured_brief=lasted)  # fmt: skip


def _stuck(event: Event) -> Line:
    who, ids = _about(event)
    detail = f"{event.message}; it is tried again, or: chaos-ecs chaos undo {event.get('fault')}"
    return Line(event.at, "attention", "STUCK", who, ids, detail, reason=True)


def _ended(event: Event) -> Line:
    who, ids = _about(event)
    return Line(event.at, "stopped", "ENDED", who, ids, event.message, reason=True)


WORDING: dict[str, Callable[[Event], Line]] = {
    "FAULT_INJECTED": _injected,
    "FAULT_ACTIVE": _active,
    "FAULT_INCONCLUSIVE": _inconclusive,
    "FAULT_UNDONE": _undone,
    "FAULT_STUCK": _stuck,
    "FAULT_ENDED": _ended,
}


# --- for a screen reader ---


def _whom(event: Event) -> str:
    """On task 7f3a9c of service web; on tasks 7f3a9c e41b07; "" where no task is hit."""
    who, ids = _about(event)
    if event.get("instances"):
        return f" on container instance {who}"
    owner = f" of service {who}" if who else ""
    if not ids:
        return f" on service {who}" if who else ""
    return f" on task{'' if len(ids) == 1 else 's'} {' '.join(ids)}{owner}"


def _injected_sentence(event: Event) -> str:
    return f"fault {event.get('fault')}{_whom(event)}: {event.message}"


def _active_sentence(event: Event) -> str:
    return f"{event.get('name')} takes effect{_whom(event)}: {event.get('proof')}"


def _inconclusive_sentence(event: Event) -> str:
    return f"it is not known whether {event.get('name')} took effect{_whom(event)}: {event.get('reason')}"


def _undone_sentence(event: Event) -> str:
    return f"{event.get('name')} is undone{_whom(event)}: {event.get('proof')}"


def _stuck_sentence(event: Event) -> str:
    return f"{event.message}. It is tried again. The command chaos-ecs chaos undo {event.get('fault')} tries it now"


SENTENCES: dict[str, Callable[[Event], str]] = {
    "FAULT_INJECTED": _injected_sentence,
    "FAULT_ACTIVE": _active_sentence,
    "FAULT_INCONCLUSIVE": _inconclusive_sentence,
    "FAULT_UNDONE": _undone_sentence,
    "FAULT_STUCK": _stuck_sentence,
}
"""Without a full stop at their end."""
