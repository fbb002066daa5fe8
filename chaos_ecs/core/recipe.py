"""How one container is hurt, how that is measured, how it is healed: what a fault says, and the runtime carries out.

Frozen, and all that is kept of a fault's doing. Never here: who is hit, and how far it has come (`faulting.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Means(StrEnum):
    """What carries a recipe out. The first three are the scheduler's own business, the others the runtime's."""

    SIGNAL = "SIGNAL"  # `do` is the signal: as `chaos-ecs kill`
    STOP = "STOP"  # StopTask
    CONTROL = "CONTROL"  # something of the control plane, as `name` says: nothing is done to a container
    FREEZE = "FREEZE"  # docker pause
    STALL = "STALL"  # SIGSTOP to all its processes, SIGCONT to undo it
    LIMIT = "LIMIT"  # docker update: `do` are settings NAME=VALUE, whose values before are put back
    DETACH = "DETACH"  # docker network disconnect, and connect with the same address
    HOLD = "HOLD"  # a helper container of ours joins the victim, runs `do`, holds on, runs `undo`
    EXEC = "EXEC"  # `do` and `undo` are run in the victim itself, as `docker exec`


STATE_ALONE = (Means.SIGNAL, Means.STOP, Means.CONTROL)
"""Carried out by changing State: what follows from that is planned as always."""


class Joins(StrEnum):
    """Which of the victim's a helper container shares."""

    NETWORK = "NETWORK"
    PROCESSES = "PROCESSES"
    CGROUP = "CGROUP"  # what it uses counts as the victim's


class Symptom(StrEnum):
    """What becomes of a victim, as far as others see it: what the simulator does in place of the real thing."""

    NONE = ""
    FROZEN = "frozen"  # as if time stood still: paused
    SILENT = "silent"  # takes connections, or not even those, and says nothing
    REFUSES = "refuses"  # says no at once
    CUT_OFF = "cut off"  # has no address
    ENDS = "ends"  # its main process ends, with exit code 137
    OUT_OF_MEMORY = "out of memory"  # the same, and the kernel says why


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one container is hurt and healed.

    `probe` is one line of sh that measures the effect where the recipe is carried out and prints a sentence: exit code
    0 says unharmed, 1 that the effect shows, anything else that it cannot be told. It is run before `do`, after it, and
    after `undo`. Each line of `undo` must be harmless when it is run twice, or without `do`.
    """

    means: Means
    do: tuple[str, ...] = ()
    undo: tuple[str, ...] = ()
    probe: str = ""
    probe_seconds: float = 5.0  # how long the effect may take to show
    background: str = ""  # HOLD: a line of sh that runs as long as the fault is held
    joins: tuple[Joins, ...] = ()
    capabilities: tuple[str, ...] = ()  # HOLD: without CAP_
    symptom: Symptom = Symptom.NONE
    is_deadly: bool = False  # the victim's end is the effect
    coexists: bool = False  # with another one of its fault on the same container, as long as that does something else

    @property
    def settings(self) -> dict[str, str]:
        """Of a LIMIT: what it sets, and to what."""
        return dict(line.split("=", 1) for line in self.do) if self.means is Means.LIMIT else {}
