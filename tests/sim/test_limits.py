"""Ten thousand kills in a row: nothing the controller keeps goes on growing."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence
from dataclasses import replace

import pytest

from chaos_ecs.controller import EVENTS_KEPT, OUT_OF_DATE_KEPT
from chaos_ecs.core.messages import Effect, KillTask, RemoveContainer, RunTask, StopTask
from chaos_ecs.core.model import Mount
from chaos_ecs.core.plan import STOPPED_CONTAINERS_KEPT, STOPPED_TASK_KEPT_SECONDS, STOPPED_TASKS_KEPT
from chaos_ecs.sim.runtime import SimRuntime
from chaos_ecs.sim.simulation import Simulation
from tests.builders import CLUSTER, WEB, a_container, a_service, a_simulation, registered, running

KILLS = 10_000


def kill_in_a_row(simulation: Simulation, kills: int) -> None:
    for _ in range(kills):
        simulation.submit(KillTask(running(simulation)[0].arn)).result(0)
        simulation.advance(1)
        simulation.events.clear()


def test_ten_thousand_kills_leave_everything_bounded() -> None:
    simulation = a_simulation()
    a_service(simulation)
    simulation.advance(2)
    kill_in_a_row(simulation, KILLS // 2)
    tracemalloc.start()
    kill_in_a_row(simulation, KILLS // 10)
    halfway = tracemalloc.get_traced_memory()[0]
    kill_in_a_row(simulation, KILLS // 10)
    grown = tracemalloc.get_traced_memory()[0] - halfway
    tracemalloc.stop()
    kill_in_a_row(simulation, KILLS * 3 // 10)
    state, controller = simulation.state, simulation.controller
    assert controller is not None
    assert state.services[WEB].kills == KILLS
    assert len(running(simulation)) == 3
    assert len(state.tasks) <= STOPPED_TASKS_KEPT + 3
    assert len(simulation.engine.containers) <= STOPPED_CONTAINERS_KEPT + 3
    assert len(controller.history) <= EVENTS_KEPT
    entities, events = simulation.store.load()
    assert len(entities) <= STOPPED_TASKS_KEPT + 200
    assert len(events) <= EVENTS_KEPT
    assert len(controller._due) < 20, "what is due goes when its task is forgotten"
    assert len(controller._agenda) < OUT_OF_DATE_KEPT + 100
    assert not state.strays
    assert not state.starting
    assert grown < 2_000_000, f"{grown} bytes more after a thousand further kills"


def test_stopped_tasks_are_forgotten_after_their_hour_though_nothing_else_happens() -> None:
    simulation = a_simulation()
    a_service(simulation)
    simulation.advance(2)
    kill_in_a_row(simulation, 5)
    assert len(simulation.state.stopped) == 5
    simulation.advance(STOPPED_TASK_KEPT_SECONDS - 60)
    assert len(simulation.state.stopped) == 5
    simulation.advance(60)
    assert len(simulation.state.stopped) == 0


def test_a_container_that_goes_takes_the_volumes_of_its_task_along(monkeypatch: pytest.MonkeyPatch) -> None:
    simulation, asked = a_simulation(), list[Effect]()
    mounts = (Mount("/shared", task_volume="scratch"), Mount("/kept", volume="kept"), Mount("/own"))
    writer, reader = (replace(a_container(name), port_mappings=()) for name in ("writer", "reader"))
    definition = registered(simulation, replace(writer, mounts=mounts), reader)
    execute = SimRuntime.execute

    def listened(runtime: SimRuntime, effects: Sequence[Effect]) -> None:
        asked.extend(effects)
        execute(runtime, effects)

    monkeypatch.setattr(SimRuntime, "execute", listened)
    for _ in range(STOPPED_CONTAINERS_KEPT + 1):
        simulation.submit(RunTask(CLUSTER, definition)).result(0)
    simulation.advance(10)
    for arn in tuple(simulation.state.tasks):
        simulation.submit(StopTask(arn)).result(0)
    simulation.advance(60)
    removals = [one for one in asked if isinstance(one, RemoveContainer)]
    assert {(one.name, one.volumes) for one in removals} == {("writer", ("scratch",)), ("reader", ("scratch",))}
