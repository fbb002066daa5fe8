"""The record cannot be written any more: the controller ends, says why, and touches no container."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence

import pytest

from chaos_ecs.controller import Controller
from chaos_ecs.core.messages import Event, OpenRegion, StopTask
from chaos_ecs.core.model import Entity
from chaos_ecs.errors import ChaosEcsError
from chaos_ecs.sim.store import MemoryStore
from tests.builders import no_balancer
from tests.contract.stage import Stage, runtime_id, staged
from tests.contract.worlds import SimWorld, World


class FillingStore(MemoryStore):
    """A disk that is full from one moment on."""

    full = False

    def save(self, changes: Iterable[tuple[type[Entity], str, Entity | None]], events: Sequence[Event]) -> None:
        if self.full:
            raise ChaosEcsError("E-STATE-UNWRITABLE", "Cannot use state.db", "database or disk is full", "make room")
        super().save(changes, events)


def test_a_full_disk_ends_the_controller_with_its_reason_and_containers_run_on(world: World) -> None:
    store = FillingStore()
    stage = staged(world, store)
    stage.a_service(2)
    victim = stage.await_whole(2)[0]
    before = world.engine_runs()
    store.full = True
    with pytest.raises(ChaosEcsError, match="disk is full"):
        stage.submit(StopTask(victim.arn))
    assert world.engine_runs() == before


def test_whoever_waits_for_an_answer_when_the_disk_is_full_is_told_that() -> None:
    store = FillingStore()
    stage = staged(SimWorld(), store)
    store.full = True
    asked = stage.controller.request(lambda state: OpenRegion("eu-west-1"), lambda state, now, events: None)
    with pytest.raises(ChaosEcsError, match="disk is full") as caught:
        stage.controller.run()
    with pytest.raises(RuntimeError, match="the controller has stopped") as told:
        asked.result(0)
    assert told.value.__cause__ is caught.value


def test_with_room_on_the_disk_again_the_next_controller_goes_on_where_the_record_ends(world: World) -> None:
    store = FillingStore()
    stage = staged(world, store)
    stage.a_service(2)
    victim, kept = stage.await_whole(2)
    store.full = True
    world.kill(runtime_id(victim))
    with pytest.raises(ChaosEcsError, match="disk is full"):
        world.advance_until(lambda: stage.controller.settle() and False)
    store.full = False
    world.reopen()
    following = Controller(
        clock=world.clock, runtime=world.runtime, balancer=no_balancer(), store=store, salt=uuid.uuid4().hex
    )
    world.pump = following.settle
    Stage(world, following, []).await_healed(victim, kept)
