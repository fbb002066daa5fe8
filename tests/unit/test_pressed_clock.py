"""The simulator's clock that is pressed: how fast it goes, what it never steps over, and where it is told."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from chaos_ecs import config
from chaos_ecs.api.border import Border
from chaos_ecs.cli import panel
from chaos_ecs.cli.panel import Frame
from chaos_ecs.cli.snapshot import Snapshot
from chaos_ecs.cli.symbols import UNICODE
from chaos_ecs.live.clock import WallClock
from chaos_ecs.sim.clock import PressedClock
from tests.unit.api_harness import KEYS, PORT, Harness
from tests.unit.fake_controller import CLUSTER, FakeController, Terminal, a_state

BEGAN = 1_800_000_000.0


@dataclass
class Machine:
    """A machine's monotonic clock; a pause takes as long as it is asked for, and a little longer."""

    at: float = 5.0
    oversleeps: float = 0.0
    asked: list[float] = field(default_factory=list)

    def monotonic(self) -> float:
        return self.at

    def pause(self, seconds: float) -> None:
        self.asked.append(seconds)
        self.at += seconds + self.oversleeps


def test_a_minute_passes_in_a_second_at_sixty() -> None:
    machine = Machine()
    clock = PressedClock(BEGAN, 60, machine.monotonic)
    clock.wait(machine.pause, BEGAN + 60)
    assert machine.asked == [1.0]
    assert clock.now() == BEGAN + 60


def test_it_stands_still_while_the_controller_works_and_never_steps_over_what_is_due() -> None:
    machine = Machine(oversleeps=0.5)
    clock = PressedClock(BEGAN, 60, machine.monotonic)
    clock.wait(machine.pause, BEGAN + 6)
    assert clock.now() == BEGAN + 6, "not the 30 s later that it is by now"
    machine.at += 0.1
    assert clock.now() == BEGAN + 6


def test_what_was_overslept_is_made_good_with_the_next_waits() -> None:
    machine = Machine(oversleeps=0.01)
    clock = PressedClock(BEGAN, 60, machine.monotonic)
    for minute in range(1, 101):
        clock.wait(machine.pause, BEGAN + minute * 60)
    assert clock.now() == BEGAN + 6000
    assert machine.at - 5.0 == pytest.approx(100, abs=0.05)


def test_a_controller_that_cannot_keep_up_makes_time_go_more_slowly_and_is_not_chased() -> None:
    machine = Machine()
    clock = PressedClock(BEGAN, 3600, machine.monotonic)
    machine.at += 100  # it was busy for so long
    clock.wait(machine.pause, BEGAN + 60)
    assert clock.now() == BEGAN + 60
    clock.wait(machine.pause, None)
    assert clock.now() <= BEGAN + 60 + 3600 + 60 * 3600


def test_a_pause_that_ends_sooner_moves_it_only_so_far() -> None:
    machine = Machine()
    clock = PressedClock(BEGAN, 60, machine.monotonic)

    def woken(seconds: float) -> None:
        machine.at += 0.25

    clock.wait(woken, BEGAN + 600)
    assert clock.now() == BEGAN + 15


def test_a_wait_for_what_is_past_goes_on_at_once_and_never_back() -> None:
    machine = Machine()
    clock = PressedClock(BEGAN, 60, machine.monotonic)
    clock.wait(machine.pause, BEGAN - 10)
    assert (machine.asked, clock.now()) == ([0.0], BEGAN)


def test_the_wall_clock_naps_a_minute_at_most() -> None:
    asked: list[float] = []
    clock = WallClock()
    for until in (None, clock.now() + 3600, clock.now() - 5):
        clock.wait(asked.append, until)
    assert asked == [60.0, 60.0, 0.0]


@pytest.mark.parametrize(("told", "speed"), [("x1", 1), ("x60", 60), ("x3600", 3600)])
def test_a_speed_is_an_x_and_a_number(told: str, speed: int) -> None:
    assert config.speed(told) == speed


@pytest.mark.parametrize("told", ["60", "x0", "x3601", "x-1", "x1.5", "X60", "x", "", "x99999"])
def test_any_other_speed_is_refused_by_name(told: str) -> None:
    with pytest.raises(ValueError, match="it is x1 to x3600; at x60 a minute passes in a second"):
        config.speed(told)


# --- where it is told ---


def test_real_containers_cannot_be_pressed(tmp_path: Path) -> None:
    terminal = Terminal(None)
    assert terminal.run("controller", "start", "--clock", "x60") == 2
    assert terminal.err.getvalue().splitlines() == [
        "E-CLOCK: The clock of real containers cannot be pressed (x60)",
        "  why:  what they do takes the time it takes; only the simulator can hurry",
        "  next: chaos-ecs controller start --simulate --clock x60",
    ]
    assert Terminal(None).run("controller", "start", "--simulate", "--clock", "sixty") == 2


def test_the_state_and_the_controller_say_so_and_say_nothing_where_it_is_not() -> None:
    api = Harness()
    assert "clock" not in json.loads(api.get("/state").body)
    assert "clock" not in api.chaos("GetController")
    assert api.simulation.controller is not None
    info = {"home": "/home/ada", "simulated": True, "seed": 1, "clock": "x60"}
    api.border = Border(api.simulation.controller, KEYS, port=PORT, info=info, now=api.border._now, stop=lambda: None)
    assert json.loads(api.get("/state").body)["clock"] == "x60"
    assert api.chaos("GetController")["clock"] == "x60"


def test_every_command_that_looks_says_so() -> None:
    pressed = a_state(clock="x60")
    for words in (("ps",), ("service", "ls"), ("events",)):
        terminal = Terminal(FakeController(pressed))
        assert terminal.run(*words) == 0
        assert terminal.err.getvalue().startswith("clock x60: simulated time, a minute passes in 1 s\n")
        assert "x60" not in terminal.out.getvalue()
    terminal = Terminal(FakeController(pressed))
    terminal.run("ps", "--json")
    assert terminal.err.getvalue() == ""
    terminal = Terminal(FakeController(a_state()))
    terminal.run("ps")
    assert "clock" not in terminal.err.getvalue()


def test_the_panel_counts_pressed_time_and_says_so() -> None:
    snapshot = Snapshot.of(a_state(clock="x60"))
    frame = Frame(60, 20, UNICODE, snapshot.at, snapshot.at - 65)
    last = panel.rows(snapshot, CLUSTER, frame)[-1]
    assert last.endswith(" x60 01:05")
    assert len(last) == 60
    assert not panel.rows(Snapshot.of(a_state()), CLUSTER, frame)[-1].endswith("x1 01:05")
