"""The four seams between deciding and the world. `live/` and `sim/` implement them; contract tests hold both to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from chaos_ecs.core.balancing import Routing
from chaos_ecs.core.container_instances import EngineRoom
from chaos_ecs.core.messages import Effect, Event, Fact
from chaos_ecs.core.model import Entity

LONGEST_NAP_SECONDS = 60.0
"""The wall clock may jump, and a laptop sleeps."""


class Clock(Protocol):
    def now(self) -> float:
        """Seconds since the epoch."""
        ...

    def wait(self, pause: Callable[[float], object], until: float | None) -> None:
        """Calls `pause` with the seconds, those of the person who waits, until it is that time; LONGEST_NAP_SECONDS at
        most. `pause` may come back sooner."""
        ...


class Runtime(Protocol):
    """What runs containers. Its first fact is EngineConnected or EngineLost."""

    def open(self, wake: Callable[[], None]) -> None:
        """Begins to look at the world; `wake` is called from any thread whenever `poll` has something."""
        ...

    def poll(self) -> Sequence[Fact]:
        """What was seen since the last call, oldest first. Never blocks, never raises for the world's reasons."""
        ...

    def execute(self, effects: Sequence[Effect]) -> None:
        """Begins to carry them out and returns at once; every outcome comes back from `poll` as a Fact."""
        ...

    def next_fact_at(self) -> float | None:
        """When `poll` will have something though nobody calls `wake` (the simulator knows); else None."""
        ...

    def logs(self, runtime_id: str, since: float, tail: int | None) -> Sequence[tuple[float, str]]:
        """(time, line) of a container, newer than `since`, oldest first, at most the last `tail`. May block; any
        thread. Raises ChaosEcsError when the container or the engine is gone."""
        ...

    def abilities(self) -> Mapping[str, str]:
        """What faults may need of the engine and its kernel (`chaos/fault.py`, Ability): why each is missing, "" where
        it is there. Found out once, in containers of our own. May block; any thread. Raises ChaosEcsError."""
        ...

    def examine(self, name: str) -> EngineRoom:
        """What an engine has, the own one for "", before anything is placed there. May block; any thread. Raises
        ChaosEcsError when it does not answer."""
        ...

    def close(self) -> None:
        """Stops looking. Containers run on."""
        ...


class LoadBalancer(Protocol):
    """What carries requests to targets and checks their health: one for everything. See `core/balancing.py`."""

    def open(self, wake: Callable[[], None]) -> None:
        """Begins to look; `wake` is called from any thread whenever `poll` has something."""
        ...

    def poll(self) -> Sequence[Fact]:
        """What was seen since the last call, oldest first. Never blocks, never raises for the world's reasons."""
        ...

    def route(self, routing: Routing) -> None:
        """All it is to do from now on. Begins to do it and returns at once; one that dies is brought back to it."""
        ...

    def next_fact_at(self) -> float | None:
        """As `Runtime.next_fact_at`."""
        ...

    def close(self) -> None:
        """Stops looking. The balancer runs on, and does what it was last told."""
        ...


class Store(Protocol):
    """Keeps State and the event log over restarts. One writer."""

    def load(self) -> tuple[Sequence[Entity], Sequence[Event]]:
        """All entities, and the newest events, oldest first."""
        ...

    def save(self, changes: Iterable[tuple[type[Entity], str, Entity | None]], events: Sequence[Event]) -> None:
        """All or nothing: for each (type, key) the entity as it is now, None when it is gone; events are added."""
        ...

    def close(self) -> None: ...
