"""The nouns of faults: what was injected, into whom, how far it has come. Frozen, as in `model.py`.

A fault is data. Whoever asks for one (`chaos/`) says beforehand how to hurt each victim and how to heal it
(`recipe.py`), so that it can be undone by a controller that knows nothing of it but what is on disk. Never here: which
faults there are (`chaos/catalogue.py`), and what is due (`fault_plan.py`). Times are seconds since the epoch.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum

from chaos_ecs.core.recipe import Means, Recipe

KEPT_FOR_EVER = 0.0
"""Seconds of a fault that is over as soon as it has struck: there is nothing to undo."""

STALE_AFTER_SECONDS = 60.0
"""Whoever comes back so long after a fault's time does not inject it any more."""


class HitStatus(StrEnum):
    INJECTING = "INJECTING"  # asked for, its effect not seen yet
    ACTIVE = "ACTIVE"  # its effect was measured
    UNDOING = "UNDOING"
    ENDED = "ENDED"


@dataclass(frozen=True, slots=True)
class Hit:
    """One victim of one fault: the `index`th of its hits. `proof` is what was measured of the effect; without it a hit
    that ended is inconclusive, and `reason` says why. `trouble` is why undoing it has not worked yet."""

    fault_id: str
    index: int
    recipe: Recipe
    task_arn: str = ""  # empty: no task but the control plane, or a service
    service_arn: str = ""
    container: str = ""
    instance_arn: str = ""  # a container instance as a whole
    instance_name: str = ""  # as people call it, also when it is forgotten
    runtime_id: str = ""
    status: HitStatus = HitStatus.INJECTING
    prior: str = ""  # what undoing puts back; written down before anything is changed
    sent_at: float | None = None  # when it left for the runtime; None while that is still to come
    active_at: float | None = None
    undo_sent_at: float | None = None
    ended_at: float | None = None
    proof: str = ""
    reason: str = ""
    trouble: str = ""

    @property
    def is_over(self) -> bool:
        return self.status is HitStatus.ENDED

    @property
    def is_proven(self) -> bool:
        return self.active_at is not None


class FaultStatus(StrEnum):
    """Read off its hits, see `InjectedFault.status`."""

    INJECTING = "INJECTING"
    ACTIVE = "ACTIVE"
    UNDOING = "UNDOING"
    COMPLETED = "COMPLETED"  # over, undone, and its effect was measured on every victim
    INCONCLUSIVE = "INCONCLUSIVE"  # over and undone; of some victim it is not known whether it ever took effect


@dataclass(frozen=True, slots=True)
class InjectedFault:
    """A fault somebody asked for, from then on and for a while after its end."""

    id: str
    name: str  # as in the catalogue, such as network-latency
    action_id: str  # as FIS spells it
    description: str
    cluster_arn: str
    hits: tuple[Hit, ...]
    number: int  # order of creation
    created_at: float
    seconds: float = KEPT_FOR_EVER  # from its effect on
    parameters: tuple[tuple[str, str], ...] = ()
    seed: int | None = None  # which picked the victims; None when they were named
    experiment: str = ""  # the id of the experiment it is part of
    sealed: bool = False  # nobody is told what it is before somebody asks for its end: a riddle of a game day
    undo_asked_at: float | None = None
    ended_at: float | None = None

    @property
    def key(self) -> str:
        return self.id

    @property
    def is_over(self) -> bool:
        return self.ended_at is not None

    @property
    def is_secret(self) -> bool:
        """Also when it is over already: what strikes in a moment would give itself away."""
        return self.sealed and self.undo_asked_at is None

    @property
    def is_closed(self) -> bool:
        """It is over, and no secret any more: nobody has anything to ask of it."""
        return self.is_over and not self.is_secret

    @property
    def public_name(self) -> str:
        """For whoever meets it: `pause flt-0123456789`, or a sealed fault."""
        return "a sealed fault" if self.is_secret else f"{self.name} {self.id}"

    @property
    def how_to_end(self) -> str:
        return "Wait for its end." if self.is_secret else f"End that first: chaos-ecs chaos undo {self.id}"

    @property
    def status(self) -> FaultStatus:
        if self.is_over:
            proven = all(hit.is_proven for hit in self.hits)
            return FaultStatus.COMPLETED if proven else FaultStatus.INCONCLUSIVE
        statuses = [hit.status for hit in self.hits]
        if HitStatus.INJECTING in statuses:
            return FaultStatus.INJECTING
        return FaultStatus.ACTIVE if HitStatus.ACTIVE in statuses else FaultStatus.UNDOING

    def ends_at(self, hit: Hit) -> float | None:
        """When the hit is to be undone, if nobody asks before; None while it has no effect yet."""
        return None if hit.active_at is None else hit.active_at + self.seconds


# --- the control plane: the first word of such a recipe's `do`, and what it means ---

HOLD = "hold"  # the scheduler decides nothing
ANSWER = "answer"  # the API answers with an error
DEPLOY = "deploy"  # a service is given a revision that cannot work
DRAIN = "drain"  # a container instance is DRAINING
POWER = "power"  # the power of a container instance fails
SPOT = "spot"  # the same after a notice of so many seconds


@dataclass(frozen=True, slots=True)
class BrokenAnswer:
    """What the API answers with in place of its own answers: an error of this code, to `percentage` of the calls of
    these operations (all, where none is named) of a service."""

    error: str
    service: str
    percentage: int
    operations: tuple[str, ...] = ()
    is_secret: bool = False  # that it is a fault is not told

    @property
    def settings(self) -> tuple[str, ...]:
        """As a recipe has it."""
        return (ANSWER, self.error, self.service, str(self.percentage), ",".join(self.operations))


def broken_answers(faults: tuple[InjectedFault, ...]) -> tuple[BrokenAnswer, ...]:
    """What these faults of the control plane do to the API."""
    return tuple(
        _broken_answer(hit.recipe.do, is_secret=fault.is_secret)
        for fault in faults
        for hit in fault.hits
        if hit.status is HitStatus.ACTIVE and hit.recipe.do[0] == ANSWER
    )


def _broken_answer(do: tuple[str, ...], *, is_secret: bool) -> BrokenAnswer:
    _, error, service, percentage, operations = do
    return BrokenAnswer(error, service, int(percentage), tuple(filter(None, operations.split(","))), is_secret)


def hold_the_scheduler(faults: tuple[InjectedFault, ...]) -> bool:
    """Whether one of these faults of the control plane cuts the scheduler off from what it should decide about."""
    return any(hit.status is HitStatus.ACTIVE and hit.recipe.do[0] == HOLD for fault in faults for hit in fault.hits)


def interruption(reason: str, code: str, notice: float) -> tuple[str, ...]:
    """What is done to a task whose Spot capacity is taken back, as a recipe of STOP has it."""
    return (reason, code, f"{notice:g}")


def notice_of(recipe: Recipe) -> float | None:
    """The seconds from the notice to the end of Spot capacity; None where there is no such thing."""
    if recipe.means is Means.STOP and len(recipe.do) > 2:
        return float(recipe.do[2])
    return float(recipe.do[1]) if recipe.means is Means.CONTROL and recipe.do[0] == SPOT else None


def bad_definition(hit: Hit) -> str:
    """The ARN of the revision that cannot work."""
    return str(json.loads(hit.prior)["bad"])
