"""Kill to replacement: how long until as many containers as died have started again, by the engine's own events."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from tests.bench.figures import Figures
from tests.bench.observer import NotSeenError
from tests.bench.room import Room, await_true
from tests.bench.systems.system import Group, System, Work, belongs_to, listed

ONE_OF_THREE = "kill 1 of 3 until replaced"
THREE_OF_THREE = "kill 3 of 3 until replaced"
TEN_OF_THIRTY = "kill 10 of 30 until 30 run"
STANDBY = "chaos-ecs, warm standby"

SETTLED_SECONDS = 0.5  # between the last change and a kill: what the last one set off must not be measured
WITHIN_SECONDS = 60.0


@dataclass(frozen=True)
class Patient:
    """A group that is up, under the name its figures get."""

    name: str
    group: Group
    count: int
    standby: int = 0

    @property
    def sign(self) -> str:
        """The event that says a replacement goes: a standby has started long ago, it is resumed."""
        return "unpause" if self.standby else "start"


def small(room: Room, figures: Figures, systems: Sequence[System], ours: System, *, rounds: int) -> None:
    """1 of 3 and 3 of 3, everybody up side by side, each round in another order."""
    with ExitStack() as stack:
        patients = [Patient(each.name, stack.enter_context(each.group(Work("kill"))), 3) for each in systems]
        warm = stack.enter_context(ours.group(Work("standby", standby=3)))
        patients.append(Patient(STANDBY, warm, 3, standby=3))
        for patient in patients:
            patient.group.scale(patient.count)
        for turn in range(rounds):
            for patient in _rotated(patients, turn):
                _measure(room, figures, ONE_OF_THREE, patient, victims=1)
                _measure(room, figures, THREE_OF_THREE, patient, victims=3)


def large(room: Room, figures: Figures, patients: Sequence[Patient], *, rounds: int) -> None:
    """10 of 30 at once."""
    for turn in range(rounds):
        for patient in _rotated(patients, turn):
            _measure(room, figures, TEN_OF_THIRTY, patient, victims=10)


def _measure(room: Room, figures: Figures, measurement: str, patient: Patient, *, victims: int) -> None:
    """A system that does not come back in time has no figure for this round, and is told as trouble."""
    try:
        figures.add(measurement, patient.name, _once(room, patient, victims) * 1000)
    except NotSeenError as error:
        figures.troubles.append(f"{measurement}, {patient.name}: {error}")


def _once(room: Room, patient: Patient, victims: int) -> float:
    patient.group.renew()
    settle(room, patient)
    room.observer.forget()
    ids = listed(room.client, patient.group.label, status="running")
    pids = room.killer.pids_of(random.sample(ids, victims))
    killed_at = time.monotonic()
    room.killer.kill(pids)
    seen = room.observer.wait(
        victims,
        lambda event: event.action == patient.sign and belongs_to(patient.group.label, event),
        since=killed_at,
        within=WITHIN_SECONDS,
        what=f"{patient.sign} events",
    )
    settle(room, patient)  # new standbys behind the resumed ones, say, must not burden whoever is measured next
    return seen[-1].at - killed_at


def settle(room: Room, patient: Patient) -> None:
    """Returns when all of them run, and all standbys wait. Raises NotSeenError."""
    label = patient.group.label

    def is_complete() -> bool:
        waiting = len(listed(room.client, label, status="paused")) if patient.standby else 0
        return room.running(label) == patient.count and waiting == patient.standby

    await_true(is_complete, within=WITHIN_SECONDS, what=f"{patient.count} running of {patient.name}")
    time.sleep(SETTLED_SECONDS)


def _rotated(patients: Sequence[Patient], turn: int) -> list[Patient]:
    first = turn % len(patients)
    return [*patients[first:], *patients[:first]]
