"""The loop itself: requests from other threads, what goes wrong in them, and what watchers are told."""

from __future__ import annotations

import threading

import pytest

from chaos_ecs.core.messages import CreateService, OpenRegion, StopTask
from chaos_ecs.sim.simulation import Simulation
from tests.builders import CLUSTER, REGION, WEB, a_service, a_simulation, definition_arn


def test_a_question_that_cannot_be_understood_fails_alone() -> None:
    simulation = a_simulation()
    assert simulation.controller is not None
    broken = simulation.controller.request(lambda state: 1 / 0, lambda state, now, events: None)  # type: ignore[arg-type,return-value]
    fine = simulation.controller.ask(lambda state, now: len(state.clusters))
    simulation.advance(0)
    with pytest.raises(ZeroDivisionError):
        broken.result(0)
    assert fine.result(0) == 1


def test_an_answer_is_given_only_after_the_change_is_saved() -> None:
    simulation = a_simulation()
    assert simulation.controller is not None
    saved: list[bool] = []

    def answer(state: object, now: float, events: object) -> None:
        saved.append(any(getattr(entity, "arn", "") == WEB for entity in simulation.store.load()[0]))

    command = CreateService(WEB, CLUSTER, definition_arn("web-server"), 1)
    simulation.controller.request(lambda state: command, answer)
    simulation.advance(0)
    assert saved == [True]


def test_requests_of_many_threads_are_all_answered() -> None:
    simulation = Simulation(1)
    controller = simulation.controller
    assert controller is not None
    runner = threading.Thread(target=controller.run)
    runner.start()
    try:
        controller.request(lambda state: OpenRegion(REGION), lambda *_: None).result(5)
        futures = [controller.ask(lambda state, now: len(state.clusters)) for _ in range(200)]
        assert [future.result(5) for future in futures] == [1] * 200
    finally:
        controller.stop()
        runner.join(5)
    assert not runner.is_alive()


def test_a_bug_while_applying_ends_the_loop_loudly_and_leaves_nobody_waiting() -> None:
    simulation = Simulation(1)
    controller = simulation.controller
    assert controller is not None
    future = controller.request(lambda state: 42, lambda *_: None)  # type: ignore[arg-type,return-value]
    with pytest.raises(KeyError):
        controller.run()
    assert isinstance(controller.failed, KeyError)
    with pytest.raises(RuntimeError, match="the controller has stopped"):
        future.result(0)


def test_watchers_are_told_events_in_order_and_by_growing_number() -> None:
    simulation = a_simulation()
    a_service(simulation)
    simulation.advance(2)
    numbers = [event.number for event in simulation.events]
    assert numbers == sorted(numbers)
    assert len(set(numbers)) == len(numbers)


def test_event_numbers_go_on_after_a_crash() -> None:
    simulation = a_simulation()
    a_service(simulation)
    simulation.advance(2)
    last = simulation.events[-1].number
    simulation.crash()
    simulation.restart()
    assert simulation.events[-1].number > last
    assert simulation.controller is not None
    assert [event.number for event in simulation.controller.history] == sorted(
        event.number for event in simulation.controller.history
    )


def test_stopping_a_stopped_task_again_changes_nothing() -> None:
    simulation = a_simulation()
    a_service(simulation)
    simulation.advance(2)
    victim = next(iter(simulation.state.tasks))
    simulation.submit(StopTask(victim, "first")).result(0)
    simulation.advance(2)
    simulation.submit(StopTask(victim, "second")).result(0)
    assert simulation.state.tasks[victim].stopped_reason == "first"
