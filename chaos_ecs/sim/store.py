"""A Store in memory. It outlives the controller that wrote to it, so a crash in the simulator keeps what was saved.

It refuses what a file could not keep, such as half a surrogate pair, so that a simulation finds it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

import msgspec

from chaos_ecs.core.messages import Event
from chaos_ecs.core.model import Entity

EVENTS_KEPT = 10_000

_encode = msgspec.json.Encoder().encode


class MemoryStore:
    def __init__(self) -> None:
        self._entities: dict[tuple[type[Entity], str], Entity] = {}
        self._events: deque[Event] = deque(maxlen=EVENTS_KEPT)

    def load(self) -> tuple[Sequence[Entity], Sequence[Event]]:
        return list(self._entities.values()), list(self._events)

    def save(self, changes: Iterable[tuple[type[Entity], str, Entity | None]], events: Sequence[Event]) -> None:
        changes = list(changes)
        _encode(([key for _, key, _ in changes], [entity for _, _, entity in changes], events))
        for type_, key, entity in changes:
            if entity is None:
                self._entities.pop((type_, key), None)
            else:
                self._entities[type_, key] = entity
        self._events.extend(events)

    def close(self) -> None:
        """Nothing to close."""
