"""What is said of a fault: whom it hits, how it stands, what was measured. Pure.

Never here: its events (see `faultlines.py`, `sentences.py`), and what is about to be done (see `fault_plan.py`).
"""

from __future__ import annotations

from collections.abc import Sequence

from chaos_ecs.cli.chaos.fault_view import Fault, Victim
from chaos_ecs.cli.line import seconds
from chaos_ecs.cli.snapshot import name_of, short

CONTROL_PLANE = "the control plane"
_STANDALONE = "standalone"


def named(victims: Sequence[Victim]) -> str:
    """Each by its id: 7f3a9c e41b07 of web, 191af8 (standalone); or: service web; or: the control plane."""
    parts = [f"container instance {name}" for name in _instances(victims)]
    for service, ids in _by_service(victims).items():
        if not ids:
            parts.append(f"service {name_of(service)}" if service else CONTROL_PLANE)
        else:
            parts.append(f"{' '.join(ids)} of {name_of(service)}" if service else f"{' '.join(ids)} ({_STANDALONE})")
    return ", ".join(parts)


def counted(victims: Sequence[Victim]) -> str:
    """How many: 2 tasks of web, 1 standalone task; or: service web; or: the control plane."""
    instances = _instances(victims)
    parts = [f"{len(instances)} container instance{'' if len(instances) == 1 else 's'}"] if instances else []
    for service, ids in _by_service(victims).items():
        tasks = f"task{'' if len(ids) == 1 else 's'}"
        if not ids:
            parts.append(f"service {name_of(service)}" if service else CONTROL_PLANE)
        else:
            parts.append(
                f"{len(ids)} {tasks} of {name_of(service)}" if service else f"{len(ids)} {_STANDALONE} {tasks}"
            )
    return ", ".join(parts)


def who(victim: Victim) -> str:
    """7f3a9c, web, container instance a1, or the control plane."""
    return short(victim.task) or name_of(victim.service) or victim.instance_name or CONTROL_PLANE


def headline(fault: Fault, now: float) -> str:
    """flt-12ab34cd56 network-latency ACTIVE on 7f3a9c of web, 24s left."""
    left = fault.left(now)
    told = f"{fault.id} {fault.name} {fault.status}" + (f" on {named(fault.victims)}" if fault.victims else "")
    return told if left is None else f"{told}, {span(left)} left"


def row(faults: Sequence[Fault], left: str, width: int) -> str:
    """Those that are open in one row of a panel: the oldest, as full as there is room for, and how many more."""
    first, more = faults[0], len(faults) - 1
    rest = f"  {left or first.status}" + (f"  +{more} more" if more else "")
    whom = f" on {counted(first.victims)}" if first.victims else ""
    told = [f"{first.name} {first.id}{whom}{rest}", f"{first.name}{whom}{rest}", f"{first.name}{rest}"]
    return next((text for text in told if len(text) <= width), told[-1])


def measured(fault: Fault) -> list[tuple[str, str]]:
    """Who, and what is known of the effect; victims of which the same is to be said stand together."""
    told: dict[str, list[Victim]] = {}
    for victim in fault.victims:
        told.setdefault(effect(victim), []).append(victim)
    return [(named(victims), text) for text, victims in told.items()]


def effect(victim: Victim) -> str:
    """What was measured, else why nothing was; and what is in the way of undoing it."""
    known = victim.proof or (f"no effect known: {victim.reason}" if victim.reason else "not measured yet")
    return f"{known}; STUCK: {victim.trouble}" if victim.trouble else known


def span(value: float) -> str:
    """A time that is left or asked for, in whole seconds where it is none less: 0.5s, 24s, 1m05s."""
    if value < 60:
        return f"{value:.1f}s" if value < 1 else f"{value:.0f}s"
    return seconds(value)


def _instances(victims: Sequence[Victim]) -> list[str]:
    """The names of the container instances that are hit as a whole."""
    return [victim.instance_name for victim in victims if victim.instance_name]


def _by_service(victims: Sequence[Victim]) -> dict[str, list[str]]:
    """The short ids of the tasks, each once, by the ARN of their service."""
    found: dict[str, list[str]] = {}
    for victim in victims:
        if victim.instance_name:
            continue
        ids = found.setdefault(victim.service, [])
        if victim.task and short(victim.task) not in ids:
            ids.append(short(victim.task))
    return found
