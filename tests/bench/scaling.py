"""From nothing to N running, and from ten to nothing with tasks that take two seconds to stop."""

from __future__ import annotations

import time
from collections.abc import Sequence

from tests.bench.figures import Figures
from tests.bench.observer import NotSeenError
from tests.bench.recovery import SETTLED_SECONDS, Patient, settle
from tests.bench.room import Room
from tests.bench.systems.system import STUBBORN_IMAGE, System, Work, belongs_to

WITHIN_SECONDS = 180.0
ONE_STOP = "one task that takes 2 s to stop"
TEN_TO_ZERO = "10 to 0 running, each takes 2 s to stop"
REQUEST = "10 to 0, the request itself"


def up_name(count: int) -> str:
    return f"0 to {count} running"


def up(room: Room, figures: Figures, systems: Sequence[System], *, count: int, rounds: int) -> None:
    """The time from the request to the last `start` event, of a new group every round."""
    for turn in range(rounds):
        first = turn % len(systems)
        for system in [*systems[first:], *systems[:first]]:
            try:
                figures.add(up_name(count), system.name, _up_once(room, system, count) * 1000)
            except NotSeenError as error:
                figures.troubles.append(f"{up_name(count)}, {system.name}: {error}")


def _up_once(room: Room, system: System, count: int) -> float:
    with system.group(Work(f"up{count}")) as group:
        time.sleep(SETTLED_SECONDS)
        room.observer.forget()
        asked_at = time.monotonic()
        group.scale(count)
        seen = room.observer.wait(
            count,
            lambda event: event.action == "start" and belongs_to(group.label, event),
            since=asked_at,
            within=WITHIN_SECONDS,
            what="start events",
        )
        return seen[-1].at - asked_at


def down(room: Room, figures: Figures, systems: Sequence[System], *, rounds: int) -> None:
    """Ten tasks and, for comparison, one: from the request to the last `die` event."""
    for _ in range(rounds):
        for system in systems:
            try:
                took, request = _down_once(room, system, 10)
                figures.add(TEN_TO_ZERO, system.name, took * 1000)
                figures.add(REQUEST, system.name, request * 1000)
                figures.add(ONE_STOP, system.name, _down_once(room, system, 1)[0] * 1000)
            except NotSeenError as error:
                figures.troubles.append(f"{TEN_TO_ZERO}, {system.name}: {error}")


def _down_once(room: Room, system: System, count: int) -> tuple[float, float]:
    """Until the last has died, and until the request was answered."""
    with system.group(Work(f"down{count}", image=STUBBORN_IMAGE)) as group:
        group.scale(count)
        settle(room, Patient(system.name, group, count))
        room.observer.forget()
        asked_at = time.monotonic()
        group.scale(0)
        answered_at = time.monotonic()
        seen = room.observer.wait(
            count,
            lambda event: event.action == "die" and belongs_to(group.label, event),
            since=asked_at,
            within=WITHIN_SECONDS,
            what="die events",
        )
        return seen[-1].at - asked_at, answered_at - asked_at
