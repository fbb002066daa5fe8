"""The scoreboard's arithmetic, and its rows at 100, 80 and 60 columns; all of it pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chaos_ecs.cli.chaos import scoreview
from chaos_ecs.cli.chaos.score import Asked, Control, Plan, Score, Skip, Strike, Victim
from chaos_ecs.cli.chaos.scoreboard import Scoreboard, struck
from chaos_ecs.cli.panel import Frame
from chaos_ecs.cli.snapshot import Snapshot
from chaos_ecs.cli.symbols import ASCII, UNICODE
from chaos_ecs.probe.tally import Result
from tests.unit.fake_controller import (
    AT,
    Answer,
    a_service,
    a_state,
    a_task,
    event,
    service_arn,
    stopped,
    task_arn,
)

TASKS = ("aaaa01", "bbbb02", "cccc03")
GROUP = "arn:group"


def a_moment(at: float, *dead: str, number: int = 0, steady: bool | None = None, **more: Any) -> Snapshot:
    """Service web of three at this second; `dead` have stopped. Steady while none has, if nothing is said."""
    tasks = [stopped(a_task(digits, "web"), 137) if digits in dead else a_task(digits, "web") for digits in TASKS]
    tasks += more.pop("tasks", [])
    web = a_service(steady=not dead if steady is None else steady, **more.pop("service", {}))
    return Snapshot.of({**a_state(services=[web], tasks=tasks, **more), "at": AT + at, "number": number})


def a_board(plan: Plan | None = None, **more: Any) -> Scoreboard:
    service = a_moment(0).services[0]
    return Scoreboard(plan or Plan("web", seed=42), run=4, service=service, began_at=AT, heard=0, **more)


def killed(board: Scoreboard, digits: str, at: float, *, tick: int = 1) -> None:
    board.hit(tick, at, at, fault=f"flt-{digits}", victims=[Victim(task_arn(digits), 1, 3)])


def died(digits: str, at: float, number: int = 1) -> Any:
    return event("TASK_STOPPED", at=at, number=number, service="web", task=digits, exitCode=137)


def recovered(at: float, number: int = 2) -> Any:
    return event("SERVICE_RECOVERED", at=at, number=number, service="web", seconds=1.0, runningCount=3)


# --- the plan ---


def test_ticks_are_multiples_of_every_before_the_end_and_never_drift() -> None:
    assert Plan("web", every=5, lasts=60).ticks() == tuple(range(5, 60, 5))
    assert Plan("web", every=0.1, lasts=0.35).ticks() == (0.1, 0.2, 0.3)
    assert Plan("web", every=0.1, lasts=100).ticks()[-1] == 99.9
    assert Plan("web", every=5, lasts=5).ticks() == ()


def test_the_seed_of_a_tick_follows_from_the_seed_and_its_number_alone() -> None:
    one, other = Plan("web", seed=42, every=5), Plan("api", seed=42, every=2, count=2)
    assert [one.seed_of(tick) for tick in range(1, 9)] == [other.seed_of(tick) for tick in range(1, 9)]
    assert one.seed_of(1) == 636930518  # whatever Python, whatever machine
    assert len({Plan("web", seed=seed).seed_of(tick) for seed in range(50) for tick in range(1, 50)}) == 50 * 49


def test_a_plan_is_the_same_after_a_journal_and_says_its_command() -> None:
    plan = Plan("web", "lab", "pause", {"duration": "3s"}, 2, 7, 2.5, 30, 99.95, 50, force=True, control=False)
    assert Plan.of(plan.as_json()) == plan
    assert plan.command() == (
        "chaos-ecs chaos run web --every 2.5s --for 30s --seed 7 --slo 99.95 --fault pause --set duration=3s --count 2 "
        "--rate 50 --force --no-control --cluster lab"
    )
    assert Plan("web", seed=1).command() == "chaos-ecs chaos run web --every 5s --for 60s --seed 1"


# --- recoveries ---


def test_a_recovery_is_from_the_kill_to_the_moment_in_which_all_is_whole() -> None:
    board = a_board()
    killed(board, "aaaa01", 5.0)
    board.take(
        [died("aaaa01", 5.1), event("TASK_CREATED", at=5.2, service="web", task="dddd", fills=task_arn("aaaa01"))]
    )
    assert (board.is_whole, board.score(6).replaced, len(board.score(6).open)) == (False, 0, 1)
    board.take([recovered(8.1)])
    assert (board.score(9).replaced, len(board.score(9).open)) == (1, 0)
    (strike,) = board.score(9).strikes
    assert (board.is_whole, round(strike.seconds or 0, 6), strike.replacements) == (True, 3.1, (task_arn("dddd"),))


def test_overlapping_kills_count_each_from_its_own_kill_to_the_same_moment() -> None:
    board = a_board()
    killed(board, "aaaa01", 5.0)
    board.take([died("aaaa01", 5.1)])
    killed(board, "bbbb02", 7.0, tick=2)
    board.take([died("bbbb02", 7.1), recovered(9.0)])
    first, second = board.score(10).strikes
    assert (first.seconds, second.seconds, first.overlaps, second.overlaps) == (4.0, 2.0, (), (1,))


def test_a_recovery_that_is_told_before_the_victim_has_died_is_not_its_own() -> None:
    board = a_board()
    killed(board, "aaaa01", 5.0)
    board.take([died("aaaa01", 5.1)])
    killed(board, "bbbb02", 7.0, tick=2)
    board.take([recovered(7.01), died("bbbb02", 7.2)])
    first, second = board.score(8).strikes
    assert first.whole_at == pytest.approx(7.01)
    assert second.whole_at is None


def test_what_no_event_tells_the_state_tells_once_all_events_up_to_it_were_heard() -> None:
    board = a_board()
    killed(board, "aaaa01", 5.0)
    board.take([died("aaaa01", 5.1, number=7)])
    board.see(a_moment(6.0, number=9))
    assert not board.is_whole, "event 9 may tell the moment itself"
    board.take([event("TASK_RUNNING", at=5.9, number=9, service="web", task="dddd")])
    board.see(a_moment(6.5, number=9, steady=False))
    assert not board.is_whole, "not steady"
    board.see(a_moment(7.0, number=9))
    assert board.score(8).strikes[0].whole_at == 7.0


def test_a_fault_that_lasts_is_made_good_after_its_end_and_can_be_ended() -> None:
    board = a_board(Plan("web", fault="pause"))
    board.hit(1, 5, 5, fault="flt-1", victims=[Victim(task_arn("aaaa01"), 1, 3)], lasts=True)
    fault = {"fault": "flt-1", "name": "pause", "status": "ACTIVE", "victims": []}
    board.see(a_moment(6, faults=[fault]))
    assert (board.in_force, board.is_whole) == (("flt-1",), False)
    board.take([event("FAULT_ENDED", at=8, number=1, fault="flt-1", status="COMPLETED")])
    board.see(a_moment(8.2, number=1))
    assert board.in_force == ()
    assert board.score(9).strikes[0].seconds == pytest.approx(3.2)


def test_a_fault_without_proof_makes_the_run_inconclusive() -> None:
    board = a_board()
    killed(board, "aaaa01", 5.0)
    reasons = ["it takes the signal and lives"]
    board.take([event("FAULT_ENDED", at=9, fault="flt-aaaa01", status="INCONCLUSIVE", reasons=reasons)])
    board.see(a_moment(9.1, number=1))
    score = board.score(20, over=True)
    assert (score.strikes[0].unproven, score.open, score.code) == (reasons[0], (), 1)
    assert scoreview.verdict(score) == "exit code 1: inconclusive: no effect was measured of 1 of 1 faults"


@pytest.mark.parametrize(
    ("times", "p50", "p95", "worst"),
    [
        ((), None, None, None),
        ((3.1, 2.9, 3.0, 3.3), None, None, 3.3),
        ((5.0, 1.0, 3.0, 2.0, 4.0), 3.0, 5.0, 5.0),
        (tuple(range(1, 21)), 10, 19, 20),
    ],
)
def test_percentiles_are_nearest_rank_and_none_under_five(
    times: tuple[float, ...], p50: float | None, p95: float | None, worst: float | None
) -> None:
    strikes = tuple(a_strike(number, 0.0, float(took)) for number, took in enumerate(times, 1))
    found = a_score(strikes=strikes).recovery
    assert (found.n, found.p50, found.p95, found.worst) == (len(times), p50, p95, worst)


# --- who is healthy ---


def test_the_weakest_moment_is_the_first_with_the_fewest_healthy_tasks() -> None:
    board = a_board()
    board.see(a_moment(0))
    board.see(a_moment(5.0, "aaaa01"))
    board.see(a_moment(6.0, "aaaa01", "bbbb02"))
    board.see(a_moment(7.0, "aaaa01", "bbbb02"))
    board.see(a_moment(8.0))
    score = board.score(9)
    assert score.healthy == ((0.0, 3), (5.0, 2), (6.0, 1), (8.0, 3))
    assert score.weakest is not None
    assert (score.weakest.healthy, score.weakest.at) == (1, 6.0)


def test_a_service_that_is_gone_has_no_healthy_task() -> None:
    board = a_board()
    board.see(Snapshot.of({**a_state(), "at": AT + 3}))
    assert board.score(4).healthy == ((3.0, 0),)


# --- the client ---


def test_failed_requests_are_counted_for_every_kill_that_was_open_while_they_were_under_way() -> None:
    board = a_board(url="http://127.0.0.1:1/")
    killed(board, "aaaa01", 5.0)
    board.take([died("aaaa01", 5.1), recovered(6.0)])
    answers = [
        Result(4.9, 0.1, "connection reset"),  # before
        Result(5.5, 0.1, "connection reset"),
        Result(5.6, 0.1),
        Result(7.9, 2.0, "timed out"),  # sent at 5.9, before all was whole
        Result(8.5, 2.0, "timed out"),  # sent after
    ]
    board.ask(answers)
    score = board.score(9)
    assert score.strikes[0].failed == 2
    assert score.client is not None
    assert (score.client.requests, score.client.failed, score.client.availability) == (5, 4, 20.0)
    assert score.client.seconds[4:9] == ((0, 1), (1, 1), (0, 0), (0, 1), (0, 1))


def test_without_a_client_nothing_is_said_of_requests() -> None:
    board = a_board(no_client="web is behind no listener")
    killed(board, "aaaa01", 5.0)
    score = board.score(6)
    assert (score.client, score.strikes[0].failed) == (None, None)
    assert " client     none: web is behind no listener" in scoreview.figure_rows(score, 100)


@pytest.mark.parametrize(
    ("requests", "failed", "goal", "shown", "met"),
    [
        (4118, 3, 99.9, "99.92%", True),
        (3000, 3, 99.9, "99.90%", True),
        (2999, 3, 99.9, "99.89%", False),  # 99.8999 % must not look like 99.90 %
        (100_000, 4, 99.995, "99.996%", True),
        (100, 0, 100, "100.00%", True),
        (0, 0, 50, "-", False),
    ],
)
def test_the_goal_is_held_against_what_was_answered_not_against_what_is_shown(
    requests: int, failed: int, goal: float, shown: str, met: bool
) -> None:
    score = a_score(plan=replace(PLAN, goal=goal), client=Asked("u", requests, failed))
    assert (scoreview.availability(score), score.met) == (shown, met)


# --- the control ---


def test_a_control_that_is_replaced_is_our_bug_and_said_loudly() -> None:
    board = a_board()
    board.keep_control(task_arn("31f0aa"), "chaos-run:4")
    board.control_killed(5.0)
    killed(board, "aaaa01", 5.0)
    board.take([died("aaaa01", 5.1), recovered(6.0)])
    other = a_task("00aa00", group="chaos-run:3", startedBy="chaos-run")
    board.see(a_moment(6.5, tasks=[other]))
    assert board.score(7, over=True).code == 0, "another run's control is none of ours"
    board.see(a_moment(7.0, tasks=[a_task("00bb00", fills=task_arn("31f0aa"))]))
    board.see(a_moment(8.0))
    score = board.score(9, over=True)
    assert (score.code, score.control_was_replaced) == (1, True)
    assert "THE CONTROL WAS REPLACED" in scoreview.verdict(score)
    assert scoreview.control_rows(score, 80) == [
        " CONTROL  standalone task 31f0aa  REPLACED 1 time: A BUG OF CHAOS-ECS"
    ]
    assert replace(score, interrupted=True).code == 1
    copied = a_board()
    copied.keep_control(task_arn("31f0aa"), "chaos-run:4")
    copied.control_killed(5.0)
    copied.see(a_moment(7.0, tasks=[a_task("00bb00", group="chaos-run:4")]))
    assert copied.score(9).control_was_replaced


# --- whom a seed hits ---


def test_the_place_of_a_victim_is_counted_at_the_moment_of_the_strike() -> None:
    before = a_moment(5.0, "aaaa01")
    told = [
        event("TASK_CREATED", at=5.0, number=10, service="web", task="dddd04", fills=task_arn("aaaa01")),
        event("TASK_RUNNING", at=5.0, number=11, service="web", task="dddd04"),
        event("TASK_STOPPING", at=5.0, number=12, service="web", task="bbbb02"),
        event("TASK_RUNNING", at=5.0, number=13, service="api", task="ffff09"),
        event("FAULT_INJECTED", at=5.1, number=14, service="web", fault="flt-1"),
        event("TASK_STOPPED", at=5.2, number=15, service="web", task="cccc03"),
    ]
    victims = [task_arn("dddd04")]
    found = struck(before, told, service=service_arn("web"), fault="flt-1", name="kill", victims=victims)
    assert found == (AT + 5.1, (Victim(task_arn("dddd04"), 2, 2),))
    assert struck(before, told, service=service_arn("web"), fault="flt-2", name="kill", victims=victims) is None


def test_who_is_under_such_a_fault_already_could_not_have_been_hit() -> None:
    def place(name: str, *ended: Any) -> tuple[int, int]:
        open_ = {"fault": "flt-0", "name": "pause", "status": "ACTIVE", "victims": [{"task": task_arn("aaaa01")}]}
        told = [*ended, event("FAULT_INJECTED", at=5.1, number=14, service="web", fault="flt-1")]
        found = struck(
            a_moment(5.0, faults=[open_]),
            told,
            service=service_arn("web"),
            fault="flt-1",
            name=name,
            victims=[task_arn("bbbb02")],
        )
        assert found is not None
        return found[1][0].position, found[1][0].of

    assert place("pause") == (1, 2)
    assert place("pause", event("FAULT_ENDED", at=5.0, number=13, fault="flt-0")) == (2, 3)
    assert place("kill") == (2, 3)


# --- deaths of others ---


def test_deaths_that_somebody_else_caused_are_counted_and_told_apart() -> None:
    board = a_board()
    killed(board, "aaaa01", 5.0)
    mine = event("TASK_KILLED", at=5.0, service="web", task="aaaa01", fault="flt-aaaa01")
    theirs = event("TASK_KILLED", at=5.5, service="web", task="bbbb02")
    scaled_in = event("TASK_STOPPED", at=6, service="web", task="cccc03", stopCode="ServiceSchedulerInitiated")
    other_service = event("TASK_STOPPED", at=6, service="api", task="ffff09", exitCode=137)
    board.take([mine, died("aaaa01", 5.1), theirs, died("bbbb02", 5.6), scaled_in, other_service])
    assert (board.is_mine(mine), board.is_mine(theirs)) == (True, False)
    score = board.score(9, over=True)
    assert score.others == 1
    assert " others     1 more death was not this run's: see chaos-ecs events" in scoreview.figure_rows(score, 80)
    assert "1 more death was not this run's." in scoreview.told(score)
    assert scoreview.others(replace(score, others=3)) == "3 more deaths were not this run's"
    assert Score.of(score.as_json()).others == 1


def test_a_victim_under_a_fault_that_somebody_else_kills_is_their_death() -> None:
    board = a_board(Plan("web", fault="pause"))
    board.hit(1, 5, 5, fault="flt-1", victims=[Victim(task_arn("aaaa01"), 1, 3)], lasts=True)
    board.take([event("TASK_KILLED", at=6, service="web", task="aaaa01", fault="flt-9"), died("aaaa01", 6.1)])
    assert board.score(7).others == 1


# --- exit codes and verdicts ---

PLAN = Plan("web", seed=42, goal=99.9)


def a_strike(number: int, at: float, took: float | None, **more: Any) -> Strike:
    digits = f"{number:06x}"
    made = (task_arn("ffff"),) if took is not None else ()
    whole = None if took is None else at + took
    return Strike(number, number, at, at, "flt", (Victim(task_arn(digits), 2, 3),), (), made, whole, 0, **more)


def a_score(**more: Any) -> Score:
    defaults: dict[str, Any] = {
        "plan": PLAN,
        "run": 4,
        "desired": 3,
        "lasted": 60.0,
        "strikes": (a_strike(1, 5.0, 3.1),),
        "healthy": ((0.0, 3), (5.0, 2), (8.1, 3)),
        "client": Asked("u", 4118, 3),
        "over": True,
    }
    return Score(**{**defaults, **more})


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        ({}, 0, "goal met (99.92% answered, 99.90% wanted), web is whole again"),
        ({"plan": Plan("web")}, 0, "web is whole again"),
        ({"client": Asked("u", 100, 1)}, 1, "goal MISSED (99.00% answered, 99.90% wanted), web is whole again"),
        ({"strikes": (a_strike(1, 5, None),), "plan": Plan("web")}, 1, "web is NOT whole again"),
        ({"strikes": ()}, 1, "nothing was hit, so nothing is shown"),
        ({"interrupted": True, "lasted": 12.0}, 130, "stopped early, after 12.0s of 60s"),
    ],
)
def test_the_exit_code_says_what_the_verdict_says(more: Answer, code: int, said: str) -> None:
    score = a_score(**more)
    assert (score.code, scoreview.verdict(score)) == (code, f"exit code {code}: {said}")


def test_a_score_is_the_same_after_a_journal() -> None:
    score = a_score(
        skips=(Skip(9, 45.0, "its last healthy task"),),
        control=Control(task_arn("31f0aa"), 5.0),
        client=Asked("u", 2, 1, {"reset": 1}, 0.1, 0.2, ((1, 0), (0, 1))),
        balanced=True,
        about={"engine": "Docker Engine 29.1", "pace": "demo"},
    )
    assert Score.of(score.as_json()) == score


# --- rows ---

STRIKES = (*(a_strike(number, 5.0 * number, 3.0 + number / 10) for number in range(1, 8)),)
OPEN = replace(a_strike(8, 40.0, None), overlaps=(7,), failed=2)
SECONDS = tuple((95, 1) if second in (10, 40) else (0, 95) if second == 41 else (96, 0) for second in range(43))
UNDER_WAY = a_score(
    lasted=43.0,
    strikes=(*STRIKES, OPEN),
    healthy=((0.0, 3), (5.0, 2), (8.1, 3), (40.0, 2), (40.5, 1)),
    client=Asked("u", 4118, 3, seconds=SECONDS),
    control=Control(task_arn("31f0aa"), 5.0),
    balanced=True,
    over=False,
)


def drawn(width: int, height: int, score: Score = UNDER_WAY, **more: Any) -> list[str]:
    return scoreview.panel_rows(score, Frame(width, height, UNICODE, AT, AT, keys=True), **more)


def test_the_scoreboard_at_80_columns() -> None:
    rule = "─" * 80
    assert drawn(80, 24) == [
        rule,
        " CHAOS RUN 4   web desired 3   43s of 60s  [##################.......]  q stops",
        rule,
        " kills      8      replaced 7      recovering 1   weakest moment 1 of 3 healthy",
        " recovery   p50 3.4s   p95 3.7s   worst 3.7s     (n=7: kill -> 3 healthy again)",
        " client     4,118 requests   3 failed   99.92%   goal 99.90%  MET so far",
        rule,
        "  # at     task     place recovery                      failed requests",
        "  8 40.0s  000008   2/3   ############# 3.0s so far     2   <- while 7 open",
        "  7 35.0s  000007   2/3   ################ 3.7s         0",
        "  6 30.0s  000006   2/3   ################ 3.6s         0",
        "  5 25.0s  000005   2/3   ############### 3.5s          0",
        " seconds  ..........!.............................!x.   . ok ! some x all fail",
        " healthy  3333322223333333333333333333333333333333111   healthy tasks in the LB",
        rule,
        " CONTROL  standalone task 31f0aa  killed at 05.0s   replaced: NEVER (38s so far)",
        " --seed 42: the same victims in the same order in every room, so scores compare",
    ]


@pytest.mark.parametrize(("width", "height"), [(100, 30), (80, 24), (60, 24), (60, 12), (50, 12), (200, 60)])
def test_the_scoreboard_fits_and_keeps_what_matters(width: int, height: int) -> None:
    for score in (UNDER_WAY, a_score(strikes=(), client=None, no_client="nobody answers", over=False, lasted=1.0)):
        rows = drawn(width, height, score)
        assert all(len(row) <= width for row in rows)
        assert len(rows) <= height - 3
        shown = "\n".join(rows)
        assert all(word in shown for word in ("RUN 4", "q stops", "kills", "recovery", "client", "healthy"))
    shown = "\n".join(drawn(width, height))
    assert "99.92%" in shown
    assert "replaced: NEVER" in shown
    assert ("  8 40.0s  000008" in shown) is (height > 12), "of a tiny panel the table is left out"


TWO_CAUSES = Asked("u", 4118, 5, {"timed out": 1, "HTTP 502": 4})


def test_why_requests_failed_stands_beside_how_many() -> None:
    score = a_score(client=Asked("u", 4118, 4, {"HTTP 502": 4}))
    assert scoreview.figure_rows(score, 100)[-1] == (
        " client     4,118 requests   4 failed (HTTP 502)   availability 99.90%   goal 99.90%  MET"
    )
    assert scoreview.figure_rows(score, 80)[-1].startswith(" client     4,118 requests   4 failed (HTTP 502)   99.90%")
    assert scoreview.failures(TWO_CAUSES) == "5 failed (4 HTTP 502, 1 timed out)"
    assert "5 failed (4 HTTP 502, 1 timed out)" in " ".join(scoreview.told(a_score(client=TWO_CAUSES)))


def test_where_causes_have_no_room_beside_they_stand_below() -> None:
    assert scoreview.figure_rows(a_score(client=TWO_CAUSES), 60)[-2:] == [
        " client  4,118 req  5 failed  99.87%  goal 99.90%  MISSED",
        " failed     4 HTTP 502, 1 timed out",
    ]
    many = Asked("u", 4118, 50, {f"HTTP 50{digit}": 10 - digit for digit in range(10)})
    assert scoreview.causes(many) == "10 HTTP 500, 9 HTTP 501, 8 HTTP 502, 28 others"


@pytest.mark.parametrize(("width", "height"), [(100, 30), (80, 24), (60, 24), (60, 12), (50, 12)])
def test_causes_and_deaths_of_others_push_nothing_out_of_the_scoreboard(width: int, height: int) -> None:
    rows = drawn(width, height, replace(UNDER_WAY, client=TWO_CAUSES, others=3))
    assert len(rows) <= height - 3
    assert all(len(row) <= width for row in rows)
    assert "replaced: NEVER" in "\n".join(rows)


def test_a_goal_is_met_or_missed_so_far_while_the_run_goes_on() -> None:
    assert scoreview.goal_word(UNDER_WAY) == "MET so far"
    missed = Asked("u", 100, 1)
    assert scoreview.goal_word(replace(UNDER_WAY, client=missed)) == "MISSED so far"
    assert scoreview.goal_word(replace(UNDER_WAY, client=missed, over=True)) == "MISSED"
    assert scoreview.goal_word(replace(UNDER_WAY, client=Asked("u"))) == "", "nobody has asked yet"


def test_what_is_not_whole_at_the_end_is_neither_replaced_nor_recovering() -> None:
    started = replace(OPEN, replacements=(task_arn("ffff"),))
    row = scoreview.figure_rows(replace(UNDER_WAY, strikes=(*STRIKES, started), over=True), 100)[0]
    assert row.startswith(" kills      8      replaced 7      not whole 1 ")


def test_a_control_that_was_never_killed_is_told_so_at_the_end() -> None:
    score = a_score(strikes=(), control=Control(task_arn("fbbd8b")))
    told = [" CONTROL  standalone task fbbd8b  was not killed: nothing was hit"]
    assert scoreview.control_rows(score, 80) == told
    assert scoreview.control_rows(replace(score, over=False), 80)[0].endswith("is killed with the first")


def test_a_fault_that_leaves_every_task_healthy_has_no_recovery_and_says_so() -> None:
    slow = a_score(plan=Plan("web", fault="network-latency"), healthy=((0.0, 3),))
    assert "(n=1: fault -> over; never below 3 healthy)" in scoreview.figure_rows(slow, 100)[1]
    assert "(n=1: never below 3 healthy)" in scoreview.figure_rows(slow, 80)[1]
    assert "there were never fewer than 3 healthy tasks" in " ".join(scoreview.told(slow))
    dipped = replace(slow, healthy=((0.0, 3), (5.0, 2), (8.0, 3)))
    assert "(n=1: fault -> over, 3 healthy again)" in scoreview.figure_rows(dipped, 100)[1]
    assert "(n=1: kill -> 3 healthy again)" in scoreview.figure_rows(a_score(healthy=((0.0, 3),)), 100)[1]


def test_a_longer_run_has_several_seconds_to_a_character_and_says_so() -> None:
    long = replace(UNDER_WAY, plan=replace(PLAN, lasts=600.0), lasted=43.0)
    assert drawn(80, 24, long)[-5] == " seconds  .!..!   each 9s: . ok ! some x all fail"


def test_the_wait_for_the_last_recovery_is_said_in_the_title() -> None:
    title = drawn(80, 24, phase="waiting until web is whole again")[1]
    assert title.startswith(" CHAOS RUN 4   web desired 3   waiting until web is whole again")


def test_the_end_tells_every_kill_the_oldest_first_and_what_was_skipped() -> None:
    reason = "Service web would lose its last healthy task: nobody would be served. Take fewer."
    score = replace(UNDER_WAY, over=True, lasted=62.0, skips=(Skip(9, 45.0, reason),))
    rows = scoreview.end_rows(score, None, ASCII)
    numbers = [row.split()[0] for row in rows if row[:3].strip() in {*"12345678", "-"} and row[0] == " "]
    assert numbers == ["1", "2", "3", "4", "5", "6", "7", "8", "-"]
    assert "  - 45.0s    skipped: Service web would lose its last healthy task" in rows
    assert any("skipped 1" in row for row in rows)
    assert any(row.startswith("  8 40.0s    000008   2/3") and "22.0s not whole" in row for row in rows)
    narrow = scoreview.end_rows(score, 60, ASCII)
    assert all(len(row) <= 60 for row in narrow)
    assert "          each 2s: . ok ! some x all fail" in narrow


def test_many_kills_are_cut_in_a_terminal_and_never_in_a_pipe() -> None:
    strikes = tuple(a_strike(number, float(number), 0.5) for number in range(1, 201))
    score = a_score(strikes=strikes, lasted=202.0)
    assert "      and 161 more in the journal" in scoreview.end_rows(score, 80, UNICODE)
    assert sum("000" in row for row in scoreview.end_rows(score, None, UNICODE)) == 200


def test_several_victims_share_a_row() -> None:
    strike = replace(STRIKES[0], victims=(Victim(task_arn("aaaa01"), 1, 3), Victim(task_arn("cccc03"), 3, 3)))
    assert scoreview.kill_rows(a_score(strikes=(strike,)), 80, 5)[1].startswith("  1 05.0s    aaaa01+1 1,3/3 ####")


def test_a_screen_reader_is_told_the_same() -> None:
    assert scoreview.told(replace(UNDER_WAY, over=True)) == [
        "Chaos run 4 of service web lasted 43.0 seconds: 8 kills, one every 5.0 seconds, 7 replaced.",
        "Half of the recoveries took 3.4 seconds or less. The longest recovery took 3.7 seconds.",
        "At the weakest moment 1 of 3 tasks were healthy.",
        "The client made 4,118 requests, 3 failed: 99.92 percent.",
        "The standalone control task 31f0aa was killed too, and never replaced.",
        "The seed was 42.",
    ]
