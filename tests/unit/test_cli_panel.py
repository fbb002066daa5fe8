"""The pinned panel: a state as rows, at every width, cut to the terminal's height."""

from __future__ import annotations

import pytest

from chaos_ecs.cli import panel
from chaos_ecs.cli.snapshot import Snapshot
from chaos_ecs.cli.symbols import ASCII, UNICODE, Symbols
from tests.unit.fake_controller import AT, CLUSTER, a_service, a_state, a_task, stopped, task_arn

THREE = [
    a_task("7f3a9c", "web", number=1, host_port=49153),
    a_task("c9d550", "web", number=2, host_port=49155),
    a_task("e41b07", "web", number=3, host_port=49161, startedAt=AT + 42, fills=task_arn("b20e41")),
]
WEB = a_service(kills=1, lastRecoverySeconds=3.1)
WORKER = a_service(
    "worker",
    desiredCount=1,
    runningCount=0,
    steady=False,
    throttle={"level": 3, "nextStartAt": AT + 84, "reason": "CannotPullContainerError: manifest unknown"},
)


def rows(
    state: dict[str, object], width: int, height: int = 30, symbols: Symbols = UNICODE, *, keys: bool = True
) -> str:
    snapshot = Snapshot.of(state)
    frame = panel.Frame(width, height, symbols, now=AT + 66, began_at=AT - 1, keys=keys)
    drawn = panel.rows(snapshot, CLUSTER, frame)
    return "\n".join(row.rstrip() for row in drawn)


def test_a_steady_and_a_throttled_service_at_100x30() -> None:
    assert rows(a_state(services=[WEB, WORKER], tasks=THREE), 100) == (
        f"{'─' * 100}\n"
        " web     STEADY    ●●●  3/3 running  web-server:1    kills 1  last recovery 3.1s\n"
        "   1 7f3a9c  ● RUNNING   up 01:05  :49153\n"
        "   2 c9d550  ● RUNNING   up 01:05  :49155\n"
        "   3 e41b07  ● RUNNING   up 00:24  :49161  filled the gap left by b20e41\n"
        " worker  THROTTLED ▲    0/1 running  web-server:1    next try in 18s\n"
        "   last reason  CannotPullContainerError: manifest unknown\n"
        "   next step    chaos-ecs service describe worker\n"
        " standalone  none yet - try: chaos-ecs run-task batch-job\n"
        f"{'─' * 100}\n"
        " k kill one  1-3 kill that  d page  a aws command  ? help  q leave (web, worker keep running)  01:07"
    )


def test_at_80x24_ports_and_task_definitions_are_dropped_first() -> None:
    assert rows(a_state(services=[WEB, WORKER], tasks=THREE), 80, 24) == (
        f"{'─' * 80}\n"
        " web     STEADY    ●●●  3/3 running  kills 1  last recovery 3.1s\n"
        "   1 7f3a9c  ● RUNNING   up 01:05\n"
        "   2 c9d550  ● RUNNING   up 01:05\n"
        "   3 e41b07  ● RUNNING   up 00:24  filled the gap left by b20e41\n"
        " worker  THROTTLED ▲    0/1 running  next try in 18s\n"
        "   last reason  CannotPullContainerError: manifest unknown\n"
        "   next step    chaos-ecs service describe worker\n"
        " standalone  none yet - try: chaos-ecs run-task batch-job\n"
        f"{'─' * 80}\n"
        " k kill one  1-3 kill that  d page  a aws command  ? help  q leave (web,…  01:07"
    )


def test_at_60_columns_sentences_shorten_too_in_glyphs_and_in_ascii() -> None:
    at_60 = (
        f"{'-' * 60}\n"
        " web     STEADY    ***  3/3  kills 1  rec 3.1s\n"
        "   1 7f3a9c  * RUNNING   01:05\n"
        "   2 c9d550  * RUNNING   01:05\n"
        "   3 e41b07  * RUNNING   00:24\n"
        " worker  THROTTLED !    0/1  next try 18s\n"
        "   last reason  CannotPullContainerError: manifest unknown\n"
        " standalone  none yet - try: chaos-ecs run-task batch-job\n"
        f"{'-' * 60}\n"
        " k kill  1-3  d page  a aws  ? help  q leave           01:07"
    )
    assert rows(a_state(services=[WEB, WORKER], tasks=THREE), 60, 24, ASCII) == at_60
    with_glyphs = at_60.replace("-" * 60, "─" * 60).replace("***", "●●●").replace("* R", "● R").replace("!", "▲")
    assert rows(a_state(services=[WEB, WORKER], tasks=THREE), 60, 24) == with_glyphs


def test_standbys_are_told_and_flapping_beats_steady() -> None:
    web = a_service(kills=1, lastRecoverySeconds=0.09, standby={"desired": 2, "ready": 1, "memory": 256})
    crash = a_service("crash", desiredCount=1, runningCount=1, flapping={"exits": 9, "seconds": 30})
    assert rows(a_state(services=[crash, web]), 80, 24).splitlines()[1:4] == [
        " crash   FLAPPING  ▲    1/1 running",
        "   FLAPPING     9 exits in 30s, not throttled: it reaches RUNNING",
        " web     STEADY    ●●●  3/3  +2 standby (1 ready)  kills 1  rec 0.09s",
    ]


BALANCED = {
    "services": [a_service(kills=1, lastRecoverySeconds=3.1, targetGroups=["tg"])],
    "tasks": THREE,
    "loadBalancers": [{"arn": "lb", "name": "chaos-ecs", "listeners": [
        {"port": 8480, "hostPort": 8480, "targetGroups": ["tg"]}]}],
    "targetGroups": [{"arn": "tg", "name": "web", "targets": [
        {"taskArn": task_arn(digits), "address": "10.0.0.1", "port": 8080, "state": state, "reason": ""}
        for digits, state in (("7f3a9c", "healthy"), ("c9d550", "initial"), ("000000", "draining"))]}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("width", "row"),
    [
        (
            140,
            (
                " web     STEADY    ●●●  3/3 running  targets 1/2 healthy  http://127.0.0.1:8480  web-server:1    "
                "kills 1  last recovery 3.1s"
            ),
        ),
        (100, " web     STEADY    ●●●  3/3 running  targets 1/2  :8480  kills 1  last recovery 3.1s"),
        (60, " web     STEADY    ●●●  3/3  lb 1/2  :8480  rec 3.1s"),
    ],
)
def test_a_service_behind_a_load_balancer_tells_its_healthy_targets_and_its_url(width: int, row: str) -> None:
    assert rows(a_state(**BALANCED), width).splitlines()[1] == row


def test_the_numbers_of_the_rows_go_on_through_all_services_to_the_standalone_tasks() -> None:
    state = a_state(services=[a_service("api"), a_service("web")], tasks=[*THREE, a_task("aaaa01", "api", number=9)])
    state["tasks"].append(a_task("77aa01", number=10))
    drawn = rows(state, 80)
    numbered = [task.short for task in panel.numbered(Snapshot.of(state), CLUSTER)]
    assert numbered == ["aaaa01", "7f3a9c", "c9d550", "e41b07", "77aa01"]
    for position, digits in enumerate(numbered, 1):
        assert f"   {position} {digits}" in drawn
    assert "1-5 kill that" in drawn


def test_a_very_long_name_never_pushes_the_state_word_out_of_a_row() -> None:
    drawn = rows(a_state(services=[a_service("w" * 200)]), 50)
    assert " STEADY " in drawn.splitlines()[1]


@pytest.mark.parametrize("width", [100, 80, 60, 50])
@pytest.mark.parametrize("height", [30, 24, 12])
def test_the_panel_never_outgrows_its_terminal_and_counts_what_it_hides(width: int, height: int) -> None:
    many = [a_task(f"{number:06x}", "web", number=number) for number in range(40)]
    drawn = rows(a_state(services=[a_service(desiredCount=40, runningCount=40)], tasks=many), width, height, keys=False)
    lines = drawn.splitlines()
    assert len(lines) <= min(panel.MOST_ROWS, height - 3)
    assert all(len(line) <= width for line in lines)
    assert "more rows: chaos-ecs ps" in drawn
    assert lines[-1].startswith(" Ctrl-C leaves")
    assert lines[-1].endswith("01:07")


def test_standalone_tasks_stand_under_a_heading_of_their_own() -> None:
    drawn = rows(a_state(tasks=[a_task("77aa01"), stopped(a_task("a1b2c3"))]), 80)
    assert " standalone  1 running, nobody would replace it\n   1 77aa01  ● RUNNING   up 01:05  batch-job:1" in drawn


def test_standalone_tasks_that_are_over_are_counted() -> None:
    assert " standalone  none running, 1 stopped and not replaced" in rows(
        a_state(tasks=[stopped(a_task("a1b2c3"))]), 80
    )


def test_a_lost_engine_is_said_first() -> None:
    lost = {"connected": False, "name": "", "reason": "connection refused"}
    assert rows(a_state(engine=lost), 80).splitlines()[1] == " ▲ the engine does not answer: connection refused"


@pytest.mark.parametrize(("width", "height", "fits"), [(50, 12, True), (49, 30, False), (100, 11, False)])
def test_a_terminal_that_is_too_small_gets_no_panel(width: int, height: int, fits: bool) -> None:
    assert panel.fits(width, height) is fits
