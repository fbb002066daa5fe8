"""A Store in memory. It outlives the controller that wrote to it, so a crash in the simulator keeps what was saved."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

from chaos_ecs.core.messages import Event
from chaos_ecs.core.model import Entity

EVENTS_KEPT = 10_000


class MemoryStore:
    def __init__(self) -> None:
        self._entities: dict[tuple[type[Entity], str], Entity] = {}
        self._events: deque[Event] = deque(maxlen=EVENTS_KEPT)

    def load(self) -> tuple[Sequence[Entity], Sequence[Event]]:
        return list(self._entities.values()), list(self._events)

    def save(self, changes: Iterable[tuple[type[Entity], str, Entity | None]], events: Sequence[Event]) -> None:
        for type_, key, entity in changes:
            if entity is None:
                self._entities.pop((type_, key), None)
            else:
                self._entities[type_, key] = entity
        self._events.extend(events)

    def close(self) -> None:
        """Nothing to close."""
