"""Faults that end a task, or only take time: the first ones to teach with."""

from __future__ import annotations

from dataclasses import dataclass

from chaos_ecs.chaos.fault import Fault, Scope, Victim, duration, text
from chaos_ecs.chaos.victims import signal_name
from chaos_ecs.core.errors import InvalidParameterException
from chaos_ecs.core.recipe import Means, Recipe, Symptom

_DEADLY = ("SIGKILL", "SIGTERM", "SIGINT", "SIGQUIT", "SIGABRT", "SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE")

_WITHOUT_END = ("SIGSTOP", "SIGTSTP")


@dataclass(frozen=True, kw_only=True)
class Kill(Fault):
    """A signal to the main process, behind the scheduler's back: it has to find out by itself."""

    name = "kill"
    action_id = "chaos-ecs:task-kill"

    signal: str = text("The signal, by name or number.", default="SIGKILL")

    def __post_init__(self) -> None:
        if signal_name(self.signal) in _WITHOUT_END:
            raise InvalidParameterException(
                f"signal '{self.signal}' stops the task's processes for good. Inject hang: that does it, and ends."
            )

    def describe(self) -> str:
        return f"sends {signal_name(self.signal)} to the main process"

    def recipe(self, victim: Victim) -> Recipe:
        signal = signal_name(self.signal)
        symptom = Symptom.ENDS if signal in _DEADLY else Symptom.NONE
        return Recipe(Means.SIGNAL, do=(signal,), symptom=symptom, is_deadly=True)


@dataclass(frozen=True, kw_only=True)
class StopTask(Fault):
    """The polite end: SIGTERM, and SIGKILL after the task's stopTimeout, as aws ecs stop-task has it."""

    name = "stop-task"
    action_id = "aws:ecs:stop-task"

    reason: str = text("What the task's stoppedReason says.", default="Stopped by a fault")

    def describe(self) -> str:
        return "stops the task as a user would"

    def recipe(self, victim: Victim) -> Recipe:
        return Recipe(Means.STOP, do=(self.reason,), symptom=Symptom.ENDS, is_deadly=True)


@dataclass(frozen=True, kw_only=True)
class Wait(Fault):
    """Nothing is done for a while: a step of an experiment."""

    name = "wait"
    action_id = "aws:fis:wait"
    scope = Scope.NOTHING

    duration: float = duration()

    def describe(self) -> str:
        return f"waits for {self.seconds:g} s"
