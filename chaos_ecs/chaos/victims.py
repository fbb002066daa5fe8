"""Whom a fault hits: candidates, filters, pick. Pure; the randomness is a `Random` handed in, so a seed repeats it.

Never here: what is done to the victims (see `core/commands.py`, `kill_task`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from random import Random

from chaos_ecs.core.arns import family_of, name_of, short
from chaos_ecs.core.errors import InvalidParameterException
from chaos_ecs.core.model import Task

SEEDS = 2**31
"""A seed is a whole number below it."""

_ID_BEGINNING = re.compile(r"[0-9a-f]{4,32}")

_SIGNAL_NUMBERS = {
    "1": "HUP",
    "2": "INT",
    "3": "QUIT",
    "6": "ABRT",
    "9": "KILL",
    "10": "USR1",
    "12": "USR2",
    "14": "ALRM",
    "15": "TERM",
    "18": "CONT",
    "19": "STOP",
    "20": "TSTP",
}
SIGNALS = (*_SIGNAL_NUMBERS.values(), "WINCH", "SEGV", "BUS", "ILL", "FPE", "PIPE")
"""What a Linux container can be sent, whatever system the controller runs on; numbers are Linux's on x86 and ARM."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Tasks by name, which are all meant; or of those that pass the filters `percent` of a hundred, else `count`, else
    (None) all. `pattern` is a glob on the name of the service, or of the family where there is none."""

    tasks: tuple[str, ...] = ()
    service_arn: str | None = None
    standalone: bool = False
    count: int | None = 1
    percent: int | None = None
    tags: tuple[tuple[str, str], ...] = ()  # all of them
    pattern: str = ""
    min_age: float = 0.0  # seconds since it was RUNNING
    instances: tuple[str, ...] = ()  # container instances by name, ARN or id, where a fault hits those
    zone: str = ""  # only container instances of this zone


def choose(tasks: Sequence[Task], selection: Selection, rng: Random, now: float = 0.0) -> tuple[Task, ...]:
    """The victims among a cluster's tasks, in order of creation; none when nothing matches.

    A percentage is rounded down, as FIS does it (FIS user guide, "Targets"): 50 % of 3 is one, 30 % of 3 is none.

    Raises InvalidParameterException for a named task that is unknown or not RUNNING.
    """
    if selection.tasks:
        victims = {task.arn: task for task in (_named(tasks, name) for name in selection.tasks)}
        return tuple(sorted(victims.values(), key=lambda task: task.number))
    found = [task for task in candidates(tasks) if _passes(task, selection, now)]
    count = selection.count if selection.percent is None else len(found) * selection.percent // 100
    if count is None or count >= len(found):
        return tuple(found)
    return tuple(sorted(rng.sample(found, count), key=lambda task: task.number))


def candidates(tasks: Sequence[Task]) -> list[Task]:
    """Those that run and are meant to, in order of creation: a seed must find them in the same order each time."""
    return sorted((task for task in tasks if task.is_running), key=lambda task: task.number)


def matching(tasks: Sequence[Task], identifier: str) -> list[Task]:
    """The tasks that an ARN, an id, or the first four or more digits of an id can mean."""
    wanted = identifier.rsplit("/", 1)[1] if identifier.startswith("arn:") and "/" in identifier else identifier
    if not _ID_BEGINNING.fullmatch(wanted.lower()):
        return []
    return [
        task
        for task in tasks
        if task.id.startswith(wanted.lower()) and (task.arn == identifier or not identifier.startswith("arn:"))
    ]


def the_one(tasks: Sequence[Task], identifier: str) -> Task | None:
    """The task that is meant, None if there is none. Raises InvalidParameterException when it could be several."""
    found = matching(tasks, identifier)
    if len(found) > 1:
        named = ", ".join(task.id[:12] for task in found[:5])
        raise InvalidParameterException(f"{identifier} could be any of {len(found)} tasks ({named}): give more digits.")
    return found[0] if found else None


def signal_name(text: str) -> str:
    """KILL, SIGKILL or 9, in either case, as SIGKILL. Raises InvalidParameterException for anything unusual."""
    name = text.strip().upper().removeprefix("SIG")
    name = _SIGNAL_NUMBERS.get(name, name)
    if name not in SIGNALS:
        known = ", ".join(SIGNALS)
        raise InvalidParameterException(f"'{text}' is not a signal chaos-ecs sends. Signals: {known}.")
    return f"SIG{name}"


def _named(tasks: Sequence[Task], identifier: str) -> Task:
    task = the_one(tasks, identifier)
    if task is None:
        raise InvalidParameterException(f"The referenced task was not found: {identifier}")
    if not task.is_running:
        wanted = "" if task.is_stopped else f" and its desired status is {task.desired_status}"
        raise InvalidParameterException(
            f"Task {short(task.arn)} is {task.last_status}{wanted}: only a RUNNING task can be killed."
        )
    return task


def _passes(task: Task, selection: Selection, now: float) -> bool:
    if selection.service_arn is not None and task.service_arn != selection.service_arn:
        return False
    if selection.standalone and task.service_arn:
        return False
    if selection.pattern and not fnmatchcase(owner_of(task), selection.pattern):
        return False
    if selection.min_age and now - (task.started_at or now) < selection.min_age:
        return False
    return all(tag in task.tags for tag in selection.tags)


def owner_of(task: Task) -> str:
    """The name of its service, or of its family."""
    return name_of(task.service_arn) if task.service_arn else family_of(task.task_definition_arn)
