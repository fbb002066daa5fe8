"""Schedules in virtual time: what a gap, a clock that is set and a crash do to them."""

from __future__ import annotations

import pytest

from chaos_ecs.core import arns, schedule
from chaos_ecs.core.messages import (
    EventType,
    RegisterTaskDefinition,
)
from chaos_ecs.core.schedule_passed import COUNTED
from chaos_ecs.core.schedules import RunTarget
from tests.builders import CLUSTER, REGION, a_container, a_design, a_schedule, a_simulation
from tests.counting import steps_in
from tests.sim.schedule_looks import MISSING, ran, tasks_of, the_schedule, told


def test_after_a_gap_the_newest_missed_time_is_run_late_and_the_others_are_told() -> None:
    simulation = a_simulation()
    began = simulation.clock.now()
    arn = a_schedule(simulation)
    simulation.advance(30)
    simulation.crash()
    simulation.advance(600)
    simulation.restart()
    (missed,) = told(simulation, EventType.SCHEDULE_MISSED)
    assert missed.data["missed"] == 9
    assert [missed.data[name] - began for name in ("first", "last", "delivered")] == [60, 540, 600]
    assert [event.data["scheduledTime"] - began for event in ran(simulation)] == [0, 600]
    assert ran(simulation)[1].data["lateness"] == 30
    assert the_schedule(simulation, arn).missed == 9
    simulation.advance(30)
    assert [event.data["scheduledTime"] - began for event in ran(simulation)] == [0, 600, 660]


def test_one_missed_time_is_only_late() -> None:
    simulation = a_simulation()
    a_schedule(simulation, a_design("rate(1 hour)"))
    simulation.crash()
    simulation.advance(3700)
    simulation.restart()
    assert ran(simulation)[1].data["lateness"] == 100
    assert not told(simulation, EventType.SCHEDULE_MISSED)


def test_what_is_older_than_its_event_may_be_is_missed() -> None:
    simulation = a_simulation()
    target = RunTarget(CLUSTER, "batch-job", maximum_event_age_seconds=60)
    a_schedule(simulation, a_design("rate(1 hour)", target=target))
    simulation.crash()
    simulation.advance(2 * 3600 + 100)
    simulation.restart()
    (missed,) = told(simulation, EventType.SCHEDULE_MISSED)
    assert missed.data["missed"] == 2
    assert "delivered" not in missed.data
    assert len(ran(simulation)) == 1


def test_a_machine_that_slept_is_a_gap_too() -> None:
    simulation = a_simulation()
    a_schedule(simulation)
    simulation.clock.jump(3600)
    simulation.advance(0)
    assert told(simulation, EventType.SCHEDULE_MISSED)[0].data["missed"] == 59
    assert len(ran(simulation)) == 2


@pytest.mark.parametrize("expression", ["rate(1 minute)", "cron(* * * * ? *)", "cron(* 9 * * ? *)"])
def test_a_gap_of_a_month_takes_a_few_steps_a_due_time_and_its_newest_time_is_found(expression: str) -> None:
    simulation = a_simulation()
    arn = a_schedule(simulation, a_design(expression))
    before = len(ran(simulation))
    simulation.clock.jump(33 * 86400)
    steps = steps_in(schedule, lambda: simulation.advance(0))
    assert steps < 20 * COUNTED, f"{steps} steps"
    (missed,) = told(simulation, EventType.SCHEDULE_MISSED)
    if missed.data.get("isLeast"):
        assert missed.data["missed"] == 2000
        assert "more than 2000 due times" in missed.message
    now = simulation.clock.now()
    delivered = missed.data["delivered"]
    following = the_schedule(simulation, arn).next_due(delivered)
    assert following is not None
    assert delivered <= now < following
    assert the_schedule(simulation, arn).next_due(missed.data["last"]) == delivered
    assert len(ran(simulation)) == before + 1


def test_a_clock_set_back_runs_nothing_twice() -> None:
    simulation = a_simulation()
    a_schedule(simulation)
    simulation.advance(600)
    simulation.clock.jump(-3600)
    simulation.advance(3700)
    times = [event.data["scheduledTime"] for event in ran(simulation)]
    assert len(times) == len(set(times))
    assert len(times) == 12, "and goes on when the hour has passed again"


def test_a_clock_set_back_by_more_than_a_day_does_not_stop_it_for_as_long() -> None:
    simulation = a_simulation()
    a_schedule(simulation)
    simulation.clock.jump(400 * 86400)
    simulation.advance(60)
    simulation.clock.jump(-400 * 86400)
    before = len(ran(simulation))
    simulation.advance(300)
    assert len(ran(simulation)) == before + 5


def test_a_retry_is_not_put_off_by_a_clock_set_back() -> None:
    simulation = a_simulation()
    a_schedule(simulation, a_design("rate(1 day)", target=MISSING))
    simulation.advance(10)
    command = RegisterTaskDefinition(arns.family_arn(REGION, "missing"), (a_container(),))
    simulation.submit(command).result(0)
    simulation.clock.jump(-3600)
    simulation.advance(60)
    assert len(ran(simulation)) == 1


@pytest.mark.parametrize("points", range(24))
def test_a_controller_that_dies_at_any_moment_runs_a_due_time_once(points: int) -> None:
    simulation = a_simulation()
    arn = a_schedule(simulation, a_design("rate(20 minutes)"))
    simulation.advance(1199)
    simulation.crash_after(points)
    simulation.advance(5)
    simulation.fuse.left = None
    simulation.restart()
    simulation.advance(5)
    assert len(tasks_of(simulation)) == the_schedule(simulation, arn).runs == 2
    simulation.advance(1200)
    assert len(tasks_of(simulation)) == the_schedule(simulation, arn).runs == 3
    assert not simulation.state.invocations
