"""What a learner typed, as something that exists: a task by its first digits, a service by its name, a duration.

Never here: options and commands. What is not found is an error that says what there is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

import typer

from chaos_ecs.cli.instance_view import Instance
from chaos_ecs.cli.snapshot import Service, Snapshot, Task, name_of
from chaos_ecs.errors import ChaosEcsError

_NAMES_SHOWN = 10
_FEWEST_DIGITS = 4
_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}


def some(names: Sequence[str]) -> str:
    """The first ten, and how many more there are: a hint, not a listing."""
    more = len(names) - _NAMES_SHOWN
    return ", ".join(names[:_NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")


def service(snapshot: Snapshot, cluster: str, name: str) -> Service:
    """The service of this name or ARN in the cluster (its ARN)."""
    found = snapshot.service_named(cluster, name_of(name))
    if found is None:
        known = some([item.name for item in snapshot.services_in(cluster)]) or "none yet"
        why = f"there is no {name} in cluster {name_of(cluster)}; its services: {known}"
        raise ChaosEcsError("ServiceNotFoundException", "Service not found", why, "chaos-ecs service ls", 3)
    return found


def task(snapshot: Snapshot, cluster: str, text: str) -> Task:
    """The task whose id begins with `text` (or whose ARN it is); among several, the one that has not stopped."""
    found = _tasks(snapshot, cluster, text)
    if not found:
        live = [item.short for item in snapshot.tasks_in(cluster) if not item.is_stopped]
        why = f"running tasks of cluster {name_of(cluster)}: {some(live) or 'none'}"
        raise ChaosEcsError("E-NO-TASK", f"There is no task {text}", why, "chaos-ecs ps --all", 3)
    if len(found) > 1:
        why = f"it could be {', '.join(item.id[:12] for item in found)}"
        raise ChaosEcsError("E-AMBIGUOUS", f"{text} fits {len(found)} tasks", why, "Type more of its id", 2)
    return found[0]


def instance(snapshot: Snapshot, cluster: str, text: str) -> Instance:
    """The container instance of this name or ARN, else the one whose id begins with `text`."""
    known = snapshot.instances_in(cluster)
    found = [item for item in known if text in (item.name, item.arn)]
    digits = name_of(text).lower()
    if not found and len(digits) >= _FEWEST_DIGITS:
        found = [item for item in known if item.id.startswith(digits)]
    if not found:
        names = some([item.name for item in known])
        why = f"container instances of cluster {name_of(cluster)}: {names or 'none yet'}"
        hint = "chaos-ecs instance ls" if names else "chaos-ecs instance add"
        raise ChaosEcsError("E-NO-INSTANCE", f"There is no container instance {text}", why, hint, 3)
    if len(found) > 1:
        why = f"it could be {', '.join(item.name for item in found)}"
        raise ChaosEcsError("E-AMBIGUOUS", f"{text} fits {len(found)} container instances", why, "Type its name", 2)
    return found[0]


def service_or_task(snapshot: Snapshot, cluster: str, text: str) -> Service | Task:
    """The service of this name, else the task of this id."""
    named = snapshot.service_named(cluster, name_of(text))
    if named is not None:
        return named
    if _tasks(snapshot, cluster, text):
        return task(snapshot, cluster, text)
    services = some([item.name for item in snapshot.services_in(cluster)]) or "none"
    live = some([item.short for item in snapshot.tasks_in(cluster) if not item.is_stopped]) or "none"
    what = f"There is no service and no task {text}"
    raise ChaosEcsError("E-NO-TASK", what, f"services: {services}; running tasks: {live}", "chaos-ecs ps", 3)


def _tasks(snapshot: Snapshot, cluster: str, text: str) -> Sequence[Task]:
    digits = name_of(text).lower()
    if len(digits) < _FEWEST_DIGITS:
        return ()
    found = [item for item in snapshot.tasks_in(cluster) if item.id.startswith(digits)]
    live = [item for item in found if not item.is_stopped]
    return live or found


def duration(text: str) -> float:
    """Seconds in "90", "90s", "2m", "1h"; raises a usage error."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text.strip())
    if match is None:
        raise typer.BadParameter(f"{text!r} is no duration: write 90s, 2m or 1h")
    return float(match[1]) * _UNITS[match[2]]


def moment(text: str, now: float) -> float:
    """Seconds since the epoch: of "5m", so long before `now`; of an ISO time, without a zone that of this machine."""
    if re.fullmatch(r"\d+(?:\.\d+)?[smh]?", text.strip()):
        return now - duration(text)
    try:
        return datetime.fromisoformat(text.strip()).astimezone().timestamp()
    except (ValueError, OverflowError) as error:
        examples = "write 90s, 5m, 1h, or a time such as 2026-11-29T15:04:05Z"
        raise typer.BadParameter(f"{text!r} is no time: {examples}") from error


def pairs(values: Sequence[str]) -> list[tuple[str, str]]:
    """The K=V of --env; raises a usage error."""
    for value in values:
        if not value.partition("=")[1] or not value.partition("=")[0]:
            raise typer.BadParameter(f"{value!r} is not NAME=VALUE", param_hint="--env")
    return [(name, value) for name, _, value in (item.partition("=") for item in values)]
