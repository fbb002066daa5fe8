"""Container instances, and Spot, in a room: written into its state between two controllers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from chaos_ecs.core.instances import register
from chaos_ecs.core.model import Service
from chaos_ecs.core.placement_rules import PlacementWishes
from chaos_ecs.core.state import State
from chaos_ecs.live.store import SqliteStore
from tests.e2e.conftest import Room
from tests.instances import slice_of_own_engine


@contextmanager
def between_controllers(room: Room) -> Iterator[State]:
    """The state of a room whose controller is stopped; what is changed in it the next one finds."""
    room.ok("controller", "stop")
    store = SqliteStore(room.home / "state.db")
    try:
        entities, _ = store.load()
        state = State("test")
        state.load(entities)
        yield state
        store.save([(kind, key, entity) for (kind, key), entity in state.changes.items()], [])
    finally:
        store.close()


def add_slices(room: Room, *names: str) -> None:
    """Slices of the room's engine; a1 is in zone a."""
    with between_controllers(room) as state:
        for name in names:
            register(state, slice_of_own_engine(name), 0.0)


def move_to_spot(room: Room, service_arn: str) -> None:
    """All tasks that the service starts from now on are on FARGATE_SPOT."""
    with between_controllers(room) as state:
        service: Service = state.services[service_arn]
        wishes = PlacementWishes(providers=(("FARGATE_SPOT", 1, 0),))
        state.put(replace(service, launch_type="FARGATE", placement=wishes))
