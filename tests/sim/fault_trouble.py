"""The monkey's faults: drawn from a seed of their own, and what must hold of them."""

from __future__ import annotations

from random import Random

from chaos_ecs.core.control_faults import NO_SUCH_IMAGE
from chaos_ecs.core.fault_messages import Aim, InjectFault, UndoFaults
from chaos_ecs.core.faulting import ANSWER, DEPLOY, HOLD, hold_the_scheduler
from chaos_ecs.core.messages import Command
from chaos_ecs.core.model import ServiceStatus
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
    Recipe(Means.SIGNAL, do=("SIGKILL",), symptom=Symptom.ENDS, is_deadly=True),
    Recipe(Means.SIGNAL, do=("SIGTERM",), symptom=Symptom.ENDS, is_deadly=True),
    Recipe(Means.STOP),
)
DEPLOYS = (Recipe(Means.CONTROL, do=(DEPLOY, "image")), Recipe(Means.CONTROL, do=(DEPLOY, "crash")))
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
        aims: tuple[Aim, ...]
        seconds = self._rng.choice((1.0, 5.0, LONGEST_SECONDS))
        services = [service for service in state.services.values() if service.status is ServiceStatus.ACTIVE]
        if services and self._rng.random() < 0.05:
            aims = (Aim(self._rng.choice(DEPLOYS), service_arn=self._rng.choice(services).arn),)
        elif self._rng.random() < 0.15:
            aims = (Aim(self._rng.choice(CONTROL)),)
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
        """What the world holds that the record says is over, and what is told as proven and is not so; "" when all is
        well."""
        for fault_id, index in self._simulation.engine.hurts:
            fault = self._simulation.state.faults.get(fault_id)
            if fault is None or fault.hits[index].is_over:
                return f"{fault_id} {index} holds, and is told as over"
        seen = [container.seen for container in self._simulation.engine.running()]
        live = {(one.runtime_id, one.started_at) for one in seen}  # what somebody has started again is another matter
        for fault in self._simulation.state.faults.values():
            for hit in fault.hits:
                task = self._simulation.state.tasks.get(hit.task_arn) if hit.recipe.is_deadly else None
                victim = task.container(hit.container) if task and hit.is_proven else None
                began_later = victim and victim.restarts and (victim.started_at or 0) > (hit.active_at or 0)
                if victim and not began_later and (hit.runtime_id, victim.started_at) in live:
                    return f"{fault.id} {hit.index} is told as deadly, and its victim runs"
        return ""

    def undo_deployments(self) -> None:
        """A deployment that cannot fail, because nobody starts a task for it, is waited for for minutes."""
        state = self._simulation.state
        deploys = (fault for fault in state.control_faults if any(hit.recipe in DEPLOYS for hit in fault.hits))
        self._simulation.submit(UndoFaults(tuple(fault.id for fault in deploys)))

    def left(self) -> str:
        """The same once everything has had its time."""
        open_ones = [fault for fault in self._simulation.state.faults.values() if not fault.is_over]
        if open_ones:
            return f"not over: {open_ones[0]}"
        for definition in self._simulation.state.task_definitions.values():
            if definition.containers[0].image == NO_SUCH_IMAGE and definition.status == "ACTIVE":
                return f"still ACTIVE: {definition.arn}"
        return f"still hurt: {self._simulation.engine.hurts}" if self._simulation.engine.hurts else ""
