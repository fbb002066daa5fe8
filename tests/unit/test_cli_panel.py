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


def rows(state: dict[str, object], width: int, height: int = 30, symbols: Symbols = UNICODE) -> str:
    snapshot = Snapshot.of(state)
    drawn = panel.rows(snapshot, CLUSTER, now=AT + 66, width=width, height=height, symbols=symbols)
    return "\n".join(row.rstrip() for row in drawn)


def test_a_steady_and_a_throttled_service_at_100_columns() -> None:
    assert rows(a_state(services=[WEB, WORKER], tasks=THREE), 100) == (
        f"{'─' * 100}\n"
        " web     STEADY    ●●●  3/3 running  web-server:1    kills 1  last recovery 3.1s\n"
        "   1 7f3a9c  ● RUNNING   up 01:05  :49153\n"
        "   2 c9d550  ● RUNNING   up 01:05  :49155\n"
        "   3 e41b07  ● RUNNING   up 00:24  :49161  filled the gap left by b20e41\n"
        " worker  THROTTLED ▲    0/1 running  web-server:1    next try in 18s\n"
        "   last reason  CannotPullContainerError: manifest unknown\n"
        " standalone  none yet - try: chaos-ecs run-task batch-job\n"
        " Ctrl-C leaves this view (web, worker keep running)"
    )


def test_at_60_columns_ports_definitions_and_sentences_go() -> None:
    assert rows(a_state(services=[WEB, WORKER], tasks=THREE), 60, symbols=ASCII) == (
        f"{'-' * 60}\n"
        " web     STEADY    ***  3/3  kills 1  rec 3.1s\n"
        "   1 7f3a9c  * RUNNING   01:05\n"
        "   2 c9d550  * RUNNING   01:05\n"
        "   3 e41b07  * RUNNING   00:24\n"
        " worker  THROTTLED !    0/1  next try 18s\n"
        "   last reason  CannotPullContainerError: manifest unknown\n"
        " standalone  none yet - try: chaos-ecs run-task batch-job\n"
        " Ctrl-C leaves this view (web, worker keep running)"
    )


@pytest.mark.parametrize("width", [100, 80, 60, 50])
@pytest.mark.parametrize("height", [30, 24, 12])
def test_the_panel_never_outgrows_its_terminal_and_counts_what_it_hides(width: int, height: int) -> None:
    many = [a_task(f"{number:06x}", "web", number=number) for number in range(40)]
    drawn = rows(a_state(services=[a_service(desiredCount=40, runningCount=40)], tasks=many), width, height)
    lines = drawn.splitlines()
    assert len(lines) <= min(panel.MOST_ROWS, height - 3)
    assert all(len(line) <= width for line in lines)
    assert "more rows: chaos-ecs ps" in drawn
    assert lines[-1].startswith(" Ctrl-C leaves")


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
