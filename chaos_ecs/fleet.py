"""A Runtime made of several: the controller's own engine, and those that container instances stand for (decision 084).

Here lives which engine an effect goes to and whose a fact is. Never here: how an engine is reached (`live/further.py`),
and when one is used or left (`core/instance_plan.py`). Both worlds use it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from chaos_ecs.core.container_instances import EngineRoom
from chaos_ecs.core.discovery_messages import DiscoveryFact, PublishNames
from chaos_ecs.core.fault_messages import InjectHit, UndoHit
from chaos_ecs.core.instance_messages import LeaveEngine, UseEngine
from chaos_ecs.core.messages import (
    ContainerGone,
    ContainerSeen,
    Effect,
    EngineConnected,
    EngineLost,
    Fact,
    PauseContainer,
    RemoveContainer,
    RemoveNetwork,
    RestartContainer,
    ResumeContainer,
    SignalContainer,
    StartContainer,
    StartFailed,
)
from chaos_ecs.errors import ChaosEcsError
from chaos_ecs.ports import Runtime

OWN = ""
NO_CONTAINER = "E-NO-CONTAINER"
NOT_USED = "CannotStartContainerError"

_AT_ONCE = 0.0  # a time that has passed


class Fleet:
    """`open_engine` gives the Runtime of a further engine by its name, not opened yet, and does not wait for it."""

    def __init__(self, own: Runtime, open_engine: Callable[[str], Runtime]) -> None:
        self._own = own
        self._open_engine = open_engine
        self._wake: Callable[[], None] = lambda: None
        self._engines: dict[str, Runtime] = {}  # the further ones in use, by name
        self._silent: dict[str, None] = {}  # those of them that do not answer
        self._leaving: list[tuple[Runtime, dict[str, None]]] = []  # left, and what is still to be removed from each
        self._host_of: dict[str, str] = {}  # runtime id -> the further engine that it was seen on
        self._told: list[Fact] = []

    def open(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._own.open(wake)

    def poll(self) -> Sequence[Fact]:
        """The own engine's facts first, as they are."""
        told, self._told = self._told, []
        facts = [*self._own.poll(), *told]
        for name, engine in self._engines.items():
            facts += [fact for one in engine.poll() for fact in self._heard(name, one)]
        self._leaving = [left for left in self._leaving if not _is_empty(*left)]
        return facts

    def execute(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            match effect:
                case UseEngine():
                    self._use(effect.engine)
                case LeaveEngine():
                    self._leave(effect.engine)
                case StartContainer():
                    self._start(effect)
                case RemoveNetwork():
                    for engine in (self._own, *self._engines.values()):
                        engine.execute([effect])
                case PublishNames():
                    self._own.execute([effect])
                case (
                    RestartContainer()
                    | SignalContainer()
                    | PauseContainer()
                    | ResumeContainer()
                    | RemoveContainer()
                    | InjectHit()
                    | UndoHit()
                ):
                    self._that_has(effect.runtime_id).execute([effect])

    def next_fact_at(self) -> float | None:
        if self._told:
            return _AT_ONCE
        times = [engine.next_fact_at() for engine in self._all()]
        return min((at for at in times if at is not None), default=None)

    def logs(self, runtime_id: str, since: float, tail: int | None) -> Sequence[tuple[float, str]]:
        """As the engine that has the container. What no engine has may be on one that has not answered yet."""
        try:
            return self._that_has(runtime_id).logs(runtime_id, since, tail)
        except ChaosEcsError as error:
            silent = ", ".join(list(self._silent))
            if error.code != NO_CONTAINER or not silent:
                raise
            why = f"no engine that answers has the container, and {silent} does not answer"
            raise ChaosEcsError(NO_CONTAINER, "No logs", why, "chaos-ecs instance ls") from error

    def abilities(self) -> Mapping[str, str]:
        return self._own.abilities()

    def examine(self, name: str) -> EngineRoom:
        """Refuses, as E-ENGINE-USED, an engine that is in use under another name: the same containers would count
        twice."""
        room = self._room(name)
        for other in (OWN, *list(self._engines)) if name else ():
            with suppress(_UnknownError):
                if other != name and room.id and self._id_of(other) == room.id:
                    uses = f"uses already as {other}" if other else "uses already: its own"
                    why = f"that is the engine chaos-ecs {uses}"
                    hint = "Name another engine, or leave the engine out for a slice of the own one"
                    raise ChaosEcsError("E-ENGINE-USED", f"{name} is no further engine", why, hint, 2)
        return room

    def host_of(self, runtime_id: str) -> str:
        """The further engine that has this container; empty: the own one, or nobody knows it. Any thread."""
        return self._host_of.get(runtime_id, OWN)

    def close(self) -> None:
        for engine in self._all():
            engine.close()

    # --- inside ---

    def _all(self) -> Iterator[Runtime]:
        yield self._own
        yield from self._engines.values()
        yield from (engine for engine, _ in self._leaving)

    def _that_has(self, runtime_id: str) -> Runtime:
        """The own one for what was seen nowhere else: it says that it has no such container."""
        return self._engines.get(self.host_of(runtime_id), self._own)

    def _start(self, effect: StartContainer) -> None:
        engine = self._engines.get(effect.engine) if effect.engine else self._own
        if engine is not None:
            engine.execute([effect])
            return
        message = f"the engine {effect.engine} is not in use"
        self._tell(StartFailed(effect.task.arn, effect.definition.name, NOT_USED, message))

    def _use(self, name: str) -> None:
        if name in self._engines:
            return
        try:
            engine = self._open_engine(name)
        except ChaosEcsError as error:
            self._tell(EngineLost(str(error), name))
            return
        self._engines[name], self._silent[name] = engine, None
        engine.open(self._wake)

    def _leave(self, name: str) -> None:
        """What stopped tasks have left there is removed first, where it answers; nothing else is heard of it."""
        engine, is_silent = self._engines.pop(name, None), name in self._silent
        self._silent.pop(name, None)
        ids = {runtime_id: None for runtime_id, host in self._host_of.items() if host == name}
        self._host_of = {runtime_id: host for runtime_id, host in self._host_of.items() if host != name}
        if engine is not None and is_silent:
            engine.close()
        elif engine is not None:
            engine.execute([RemoveContainer("", "", runtime_id, "its engine is left") for runtime_id in ids])
            self._leaving.append((engine, ids))
            self._wake()

    def _tell(self, fact: Fact) -> None:
        self._told.append(fact)
        self._wake()

    def _heard(self, name: str, fact: Fact) -> Iterator[Fact]:
        """A further engine's fact as the core is to hear it; nothing of names, which lead to the own engine only."""
        match fact:
            case EngineConnected():
                self._silent.pop(name, None)
                others = {runtime_id: host for runtime_id, host in self._host_of.items() if host != name}
                self._host_of = others | {seen.runtime_id: name for seen in fact.containers}
                yield replace(fact, host=name)
            case EngineLost():
                self._silent[name] = None
                yield replace(fact, host=name)
            case ContainerSeen():
                self._host_of[fact.runtime_id] = name
                yield fact
            case ContainerGone():
                self._host_of.pop(fact.runtime_id, None)
                yield fact
            case _ if not isinstance(fact, DiscoveryFact):
                yield fact

    def _room(self, name: str) -> EngineRoom:
        if not name:
            return self._own.examine(name)
        return (self._engines.get(name) or self._open_engine(name)).examine(name)

    def _id_of(self, name: str) -> str:
        try:
            return self._room(name).id
        except ChaosEcsError as error:
            raise _UnknownError from error


class _UnknownError(Exception):
    """An engine that does not answer cannot be told from another."""


def _is_empty(engine: Runtime, ids: dict[str, None]) -> bool:
    """Whether an engine that is left has nothing of ours any more, or does not say so: it is closed then."""
    for fact in engine.poll():
        if isinstance(fact, ContainerGone):
            ids.pop(fact.runtime_id, None)
        elif isinstance(fact, EngineLost):
            ids.clear()
    if not ids:
        engine.close()
    return not ids
