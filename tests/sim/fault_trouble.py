"""The monkey's faults: drawn from a seed of their own, and what must hold of them."""

from __future__ import annotations

from random import Random

from chaos_ecs.core.fault_messages import Aim, InjectFault, UndoFaults
from chaos_ecs.core.faulting import ANSWER, HOLD, hold_the_scheduler
from chaos_ecs.core.messages import Command
from chaos_ecs.core.recipe import Means, Recipe, Symptom
from chaos_ecs.sim.simulation import Simulation
from tests.builders import CLUSTER

LONGEST_SECONDS = 30.0
RECIPES = (
    Recipe(Means.FREEZE, symptom=Symptom.FROZEN),
    Recipe(Means.STALL, symptom=Symptom.SILENT),
    Recipe(Means.HOLD, do=("drop",), undo=("keep",), symptom=Symptom.SILENT),
    Recipe(Means.HOLD, do=("refuse",), undo=("keep",), symptom=Symptom.REFUSES),
    Recipe(Means.LIMIT, do=("CpuQuota=1000",)),
    Recipe(Means.DETACH, symptom=Symptom.CUT_OFF),
    Recipe(Means.EXEC, symptom=Symptom.OUT_OF_MEMORY, is_deadly=True),
    Recipe(Means.SIGNAL, do=("SIGKILL",), is_deadly=True),
    Recipe(Means.STOP),
)
CONTROL = (
    Recipe(Means.CONTROL, do=(HOLD,)),
    Recipe(Means.CONTROL, do=(ANSWER, "ThrottlingException", "ecs", "50", "")),
)


class FaultTrouble:
    def __init__(self, seed: int, simulation: Simulation) -> None:
        self._rng = Random(f"faults {seed}")
        self._simulation = simulation
        simulation.engine.refuses = lambda effect: "no effect" if self._rng.random() < 0.1 else ""

    def act(self) -> None:
        """Somebody injects a fault, or undoes some, perhaps while the controller dies."""
        if self._simulation.controller is None or self._rng.random() < 0.6:
            return
        if self._rng.random() < 0.1:
            self._simulation.crash_after(self._rng.randrange(30))
        self._simulation.submit(self._draw())

    def _draw(self) -> Command:
        state = self._simulation.state
        open_ones = [fault_id for fault_id, fault in state.faults.items() if not fault.is_over]
        if open_ones and self._rng.random() < 0.2:
            return UndoFaults((self._rng.choice(open_ones),))
        seconds = self._rng.choice((1.0, 5.0, LONGEST_SECONDS))
        if self._rng.random() < 0.15:
            aims: tuple[Aim, ...] = (Aim(self._rng.choice(CONTROL)),)
        else:
            recipe = self._rng.choice(RECIPES)
            tasks = [task for task in state.tasks.values() if not task.is_stopped]
            chosen = self._rng.sample(tasks, min(len(tasks), self._rng.choice((1, 1, 2))))
            aims = tuple(Aim(recipe, task.arn, self._rng.choice(task.containers).name) for task in chosen)
        return InjectFault("trouble", "chaos-ecs:trouble", "hurts", CLUSTER, aims, seconds)

    # --- what must hold ---

    def is_held(self) -> bool:
        """Whether the scheduler is cut off now: then nothing it should see to is seen to."""
        return hold_the_scheduler(self._simulation.state.control_faults)

    def wrong(self) -> str:
        """What the world holds that the record says is over; "" when all is well."""
        for fault_id, index in self._simulation.engine.hurts:
            fault = self._simulation.state.faults.get(fault_id)
            if fault is None or fault.hits[index].is_over:
                return f"{fault_id} {index} holds, and is told as over"
        return ""

    def left(self) -> str:
        """The same once everything has had its time."""
        open_ones = [fault for fault in self._simulation.state.faults.values() if not fault.is_over]
        if open_ones:
            return f"not over: {open_ones[0]}"
        return f"still hurt: {self._simulation.engine.hurts}" if self._simulation.engine.hurts else ""
