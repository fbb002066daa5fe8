"""Faults in memory: what `live/faults/` is to Docker. A recipe's symptom is all there is to see of it here.

What is hurt lives in the engine, so it outlives a controller that crashes; a helper's hold ends by itself when its time
is up, whoever is there. Never here: what is hurt (`core/fault_plan.py`).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial

from chaos_ecs.core.fault_messages import (
    FaultEffect,
    FaultFact,
    HitActive,
    HitPrior,
    HitRefused,
    HitUndone,
    InjectHit,
    UndoHit,
)
from chaos_ecs.core.messages import RunState
from chaos_ecs.core.recipe import Means, Recipe, Symptom
from chaos_ecs.sim.engine import SIGKILL_CODE, Hurt, SimEngine

HEALED = "as before (simulated)"
_CODES = {"HUP": 129, "INT": 130, "QUIT": 131, "KILL": SIGKILL_CODE, "USR1": 138, "USR2": 140, "TERM": 143}
"""With which a main process ends whose child a signal has ended, as sh counts them: 128 and the signal's number."""


class SimFaults:
    """`tell` takes what becomes of it; `is_open` says whether the controller that asked still lives."""

    def __init__(self, engine: SimEngine, tell: Callable[[FaultFact], None], is_open: Callable[[], bool]) -> None:
        self._engine = engine
        self._tell = tell
        self._is_open = is_open

    def execute(self, effect: FaultEffect) -> None:
        rng, now = self._engine.rng, self._engine.clock.now()
        key = (effect.fault_id, effect.index)
        slow = isinstance(effect, InjectHit) and effect.recipe.means is Means.HOLD
        seconds = rng.uniform(0.3, 0.6) if slow else rng.uniform(0.01, 0.05)
        at = self._engine.busy_until[key] = max(now, self._engine.busy_until.get(key, now)) + seconds
        act = partial(self._inject, effect) if isinstance(effect, InjectHit) else partial(self._undo, effect)
        self._engine.after(at - now, partial(self._carry_out, act))

    def _carry_out(self, act: Callable[[], FaultFact | None]) -> None:
        """What a crash or an outage meets half-way is done all the same every other time."""
        is_lost = not self._is_open() or not self._engine.up
        if is_lost and (not self._engine.up or self._engine.rng.random() < 0.5):
            return
        fact = act()
        if fact is not None and self._is_open():
            self._tell(fact)

    def _inject(self, effect: InjectHit) -> FaultFact | None:
        key = (effect.fault_id, effect.index)
        if key in self._engine.hurts:
            return HitActive(*key, f"{effect.recipe.symptom or 'hurt'} (simulated)")
        victim = self._engine.containers.get(effect.runtime_id)
        if victim is None or victim.seen.state is not RunState.RUNNING:
            return HitUndone(*key, "the container is gone, and the fault with it")
        if not effect.prior and effect.recipe.means is not Means.HOLD and not effect.recipe.is_deadly:
            if effect.recipe.means in (Means.FREEZE, Means.STALL) and victim.seen.paused:
                return HitRefused(*key, "it is paused before anything was done: nothing could be told")
            return HitPrior(*key, json.dumps({"address": victim.seen.address}))
        if refusal := self._engine.refuses(effect):
            return HitRefused(*key, refusal)
        if effect.recipe.is_deadly:
            self._end(effect)
            return None
        hurt = Hurt(effect.runtime_id, effect.recipe.symptom, effect.prior)
        self._engine.hurt(key, hurt)
        if effect.recipe.means is Means.HOLD:
            self._engine.after(effect.seconds, partial(self._let_go, key))
        return HitActive(*key, f"{effect.recipe.symptom or 'hurt'} (simulated)")

    def _end(self, effect: InjectHit) -> None:
        if effect.recipe.symptom is Symptom.OUT_OF_MEMORY:
            self._engine.run_out_of_memory(effect.runtime_id)
        else:
            self._engine.end(effect.runtime_id, _code_of(effect.recipe))

    def _undo(self, effect: UndoHit) -> FaultFact | None:
        self._engine.heal((effect.fault_id, effect.index))
        return HitUndone(effect.fault_id, effect.index, HEALED)

    def _let_go(self, key: tuple[str, int]) -> None:
        """A helper whose time is up heals by itself, and says so to whoever listens."""
        if key not in self._engine.hurts:
            return
        self._engine.heal(key)
        if self._is_open() and self._engine.up:
            self._tell(HitUndone(*key, HEALED))


def _code_of(recipe: Recipe) -> int:
    """That of the signal which is the last word of what is done; where it names none, that of SIGKILL."""
    *_, word = " ".join(recipe.do).split() or [""]
    return _CODES.get(word, SIGKILL_CODE)
