"""What `clean` says at its end: what went, what stays and of what kind."""

from __future__ import annotations

import json

from chaos_ecs.cli.system import tell_cleaned
from chaos_ecs.live.cleaner import Cleaned
from tests.unit.fake_controller import FakeController, Terminal, a_state

STUCK = "network chaos-ecs-old: it has active endpoints"


def told(cleaned: Cleaned, **shell: bool) -> Terminal:
    terminal = Terminal(FakeController(a_state()), **shell)
    tell_cleaned(terminal.shell, cleaned, forgot=False)
    return terminal


def test_what_stays_is_counted_by_its_kind_and_named() -> None:
    terminal = told(Cleaned(3, 0, 0, ("container a: busy", "network b: it has active endpoints"), 0))
    assert terminal.out.getvalue() == ("removed 3 containers, 0 networks, 0 volumes; 2 left (1 container, 1 network)\n")
    assert "left: network b: it has active endpoints" in terminal.err.getvalue()


def test_nothing_left_is_nothing_more_to_say() -> None:
    assert told(Cleaned(1, 1, 0, (), 0)).both == "removed 1 container, 1 network, 0 volumes; 0 left\n"


def test_what_the_engine_keeps_of_folders_that_are_no_more_is_told_and_is_nobodys_fault() -> None:
    terminal = told(Cleaned(0, 0, 0, (), 0, 0, (STUCK, STUCK.replace("old", "older"))))
    assert "0 left\n" in terminal.out.getvalue()
    assert "the engine keeps 2 (2 networks) of state folders that are no more:" in terminal.err.getvalue()
    assert STUCK in terminal.err.getvalue()
    assert json.loads(told(Cleaned(0, 0, 0, (), 0, 0, (STUCK,)), json=True).out.getvalue())["stuck"] == [STUCK]
