"""What crosses the border of the core about faults; families as in `messages.py`, which takes them up.

A hit is named by its fault's id and its place among the fault's hits.
"""

from __future__ import annotations

from dataclasses import dataclass

from chaos_ecs.core.recipe import Recipe

# --- Commands ---


@dataclass(frozen=True, slots=True)
class Aim:
    """A container to be hit, and how; for CONTROL a service, a container instance, or nothing at all."""

    recipe: Recipe
    task_arn: str = ""
    container: str = ""
    service_arn: str = ""
    instance_arn: str = ""


@dataclass(frozen=True, slots=True)
class InjectFault:
    """`aims` are the victims already picked. Refused, before anything is hurt, when one of them cannot be hit."""

    name: str
    action_id: str
    description: str
    cluster_arn: str
    aims: tuple[Aim, ...]
    seconds: float
    parameters: tuple[tuple[str, str], ...] = ()
    seed: int | None = None
    experiment: str = ""
    sealed: bool = False


@dataclass(frozen=True, slots=True)
class UndoFaults:
    """Ends these faults now, whatever time they have left. Harmless when they are over."""

    ids: tuple[str, ...]


FaultCommand = InjectFault | UndoFaults


# --- Facts ---


@dataclass(frozen=True, slots=True)
class HitPrior:
    """Nothing was done yet: this is what undoing is to put back. Asked again, the runtime goes on."""

    fault_id: str
    index: int
    prior: str


@dataclass(frozen=True, slots=True)
class HitActive:
    """The effect was measured on the victim: `proof` is a sentence with before and after."""

    fault_id: str
    index: int
    proof: str


@dataclass(frozen=True, slots=True)
class HitRefused:
    """It could not be injected, or no effect could be measured. Whatever was done may still have to be undone."""

    fault_id: str
    index: int
    reason: str


@dataclass(frozen=True, slots=True)
class HitUndone:
    """Nothing of it is left on the victim, or there is no victim any more."""

    fault_id: str
    index: int
    proof: str


@dataclass(frozen=True, slots=True)
class HitStuck:
    """Undoing did not work; it is asked for again."""

    fault_id: str
    index: int
    trouble: str


FaultFact = HitPrior | HitActive | HitRefused | HitUndone | HitStuck


# --- Actions ---


@dataclass(frozen=True, slots=True)
class InjectHit:
    """Effect: hurts one container, and measures it. Asked for twice it finds what it did the first time, and tells how
    it stands now. `seconds` are those a helper holds on by itself."""

    fault_id: str
    index: int
    cluster_arn: str
    task_arn: str
    container: str
    runtime_id: str
    recipe: Recipe
    prior: str
    seconds: float
    cause: str


@dataclass(frozen=True, slots=True)
class UndoHit:
    """Effect: heals one container. Harmless when it is not hurt, or no more."""

    fault_id: str
    index: int
    task_arn: str
    container: str
    runtime_id: str
    recipe: Recipe
    prior: str
    cause: str


@dataclass(frozen=True, slots=True)
class SettleHit:
    """Intent: what became of a hit can be read off State: its victim has ended, a signal was taken or ignored."""

    fault_id: str
    index: int
    cause: str
    proof: str = ""  # of its effect
    reason: str = ""  # why no effect is known
    ends: bool = True  # nothing is left to undo


@dataclass(frozen=True, slots=True)
class AdvanceHit:
    """Intent: the next stage of a fault of the control plane that has several."""

    fault_id: str
    index: int
    cause: str


@dataclass(frozen=True, slots=True)
class ForgetFault:
    """Intent: a fault that ended long ago leaves the record."""

    fault_id: str
    cause: str


FaultIntent = SettleHit | AdvanceHit | ForgetFault
FaultEffect = InjectHit | UndoHit
