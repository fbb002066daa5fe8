"""Races between looks at one container, which no real engine provokes on demand."""

from __future__ import annotations

from dataclasses import replace

from chaos_ecs.core.messages import ContainerGone, ContainerSeen, EngineConnected, RunState
from chaos_ecs.core.model import HealthStatus
from chaos_ecs.live.sightings import Look, Sightings

CREATED = ContainerSeen("task", "app", "id-1", RunState.CREATED)
RUNNING = replace(CREATED, state=RunState.RUNNING, started_at=10.0)
EXITED = replace(RUNNING, state=RunState.EXITED, finished_at=12.0, exit_code=0)
AGAIN = replace(RUNNING, started_at=20.0)
GONE = ContainerGone("task", "app", "id-1")


def sightings() -> Sightings:
    return Sightings(lambda: None)


def test_the_same_answer_is_told_once() -> None:
    seen = sightings()
    seen.report(Look(RUNNING, 1))
    seen.report(Look(RUNNING, 2))
    assert seen.drain() == [RUNNING]


def test_who_asks_for_it_again_is_answered_again() -> None:
    seen = sightings()
    seen.report(Look(RUNNING, 1))
    seen.report(Look(RUNNING, 2), again=True)
    assert seen.drain() == [RUNNING, RUNNING]


def test_an_exit_is_never_taken_back_whichever_question_was_asked_first() -> None:
    for late_ticket in (1, 3):
        seen = sightings()
        seen.report(Look(EXITED, 2))
        seen.report(Look(RUNNING, late_ticket))
        assert seen.drain() == [EXITED]


def test_of_two_answers_about_one_run_the_younger_question_counts() -> None:
    healthy = replace(RUNNING, health_status=HealthStatus.HEALTHY)
    seen = sightings()
    seen.report(Look(healthy, 2))
    seen.report(Look(RUNNING, 1))
    assert seen.drain() == [healthy]


def test_a_restart_is_told_as_an_exit_and_a_new_run() -> None:
    seen = sightings()
    seen.report(Look(RUNNING, 1))
    seen.report(Look(AGAIN, 2, ended_at=15.0, exit_code=143))
    assert seen.drain() == [RUNNING, replace(EXITED, finished_at=15.0, exit_code=143), AGAIN]


def test_a_container_that_has_exited_and_runs_again_is_not_told_to_exit_twice() -> None:
    seen = sightings()
    seen.report(Look(EXITED, 1))
    seen.report(Look(AGAIN, 2, ended_at=12.0))
    assert seen.drain() == [EXITED, AGAIN]


def test_an_end_that_an_event_tells_is_told_at_once_and_not_again_by_the_look_that_follows() -> None:
    seen = sightings()
    seen.report(Look(RUNNING, 1))
    seen.ended("id-1", 12.0, 0, oom_killed=False)
    seen.report(Look(replace(EXITED, finished_at=12.003), 2))
    assert seen.drain() == [RUNNING, EXITED]


def test_a_look_that_knows_more_of_an_end_than_its_event_is_told() -> None:
    seen = sightings()
    seen.report(Look(RUNNING, 1))
    seen.ended("id-1", 12.0, 137, oom_killed=False)
    known_better = replace(EXITED, finished_at=12.003, exit_code=137, oom_killed=True)
    seen.report(Look(known_better, 2))
    assert seen.drain()[-1] == known_better


def test_a_late_event_does_not_end_a_later_run() -> None:
    seen = sightings()
    seen.report(Look(AGAIN, 1))
    seen.ended("id-1", 15.0, 137, oom_killed=False)
    seen.ended("id-2", 25.0, 137, oom_killed=False)
    assert seen.drain() == [AGAIN]


def test_what_a_listing_lacks_is_gone_and_told_once() -> None:
    seen = sightings()
    seen.report(Look(RUNNING, 1))
    seen.listed([], 2)
    seen.listed([], 3)
    seen.missing("id-1")
    assert seen.drain() == [RUNNING, GONE]


def test_a_container_made_after_the_listing_was_asked_for_is_not_gone() -> None:
    seen = sightings()
    seen.report(Look(RUNNING, 2))
    seen.listed([], 1)
    assert seen.drain() == [RUNNING]


def test_a_late_answer_does_not_bring_a_gone_container_back() -> None:
    seen = sightings()
    seen.report(Look(RUNNING, 1))
    seen.gone(GONE)
    seen.report(Look(EXITED, 2))
    assert seen.drain() == [RUNNING, GONE]


def test_who_asked_about_a_container_that_is_not_there_is_always_answered() -> None:
    seen = sightings()
    seen.gone(GONE)
    seen.gone(GONE)
    assert seen.drain() == [GONE, GONE]


def test_a_container_being_started_is_not_told_before_it_runs() -> None:
    seen = sightings()
    assert seen.begin_start("task", "app")
    seen.report(Look(CREATED, 1))
    seen.report(Look(RUNNING, 2))
    assert seen.drain() == [RUNNING]


def test_a_start_under_way_is_not_begun_twice() -> None:
    seen = sightings()
    assert seen.begin_start("task", "app")
    assert not seen.begin_start("task", "app")
    seen.end_start("task", "app")
    assert seen.begin_start("task", "app")


def test_a_connection_tells_all_there_is_with_what_was_seen_after_it_was_asked() -> None:
    younger = replace(RUNNING, runtime_id="id-2")
    seen = sightings()
    seen.report(Look(younger, 5))
    seen.connected("an engine", [Look(RUNNING, 4)], 3)
    assert seen.drain() == [younger, EngineConnected("an engine", (RUNNING, younger))]


def test_a_connection_does_not_take_back_an_exit_seen_meanwhile() -> None:
    seen = sightings()
    seen.report(Look(EXITED, 5))
    seen.connected("an engine", [Look(RUNNING, 4)], 3)
    assert seen.drain() == [EXITED, EngineConnected("an engine", (EXITED,))]


def test_what_went_while_the_engine_was_away_is_not_in_the_next_connection() -> None:
    seen = sightings()
    seen.report(Look(RUNNING, 1))
    seen.connected("an engine", [], 2)
    seen.listed([], 3)
    assert seen.drain() == [RUNNING, EngineConnected("an engine", ())]


def test_a_restart_while_the_engine_was_away_is_an_exit_in_the_connection_and_a_run_after_it() -> None:
    seen = sightings()
    seen.report(Look(RUNNING, 1))
    seen.connected("an engine", [Look(AGAIN, 3, ended_at=15.0)], 2)
    ended = replace(EXITED, finished_at=15.0, exit_code=None)
    assert seen.drain() == [RUNNING, EngineConnected("an engine", (ended,)), AGAIN]


def test_the_controller_is_woken_for_news_only() -> None:
    woken: list[int] = []
    seen = Sightings(lambda: woken.append(1))
    seen.report(Look(RUNNING, 1))
    seen.report(Look(RUNNING, 2))
    seen.listed(["id-1"], 3)
    assert woken == [1]
