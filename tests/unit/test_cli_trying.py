"""`chaos-ecs try`: what is refused before anything is begun. The trials themselves are `tests/e2e/test_try.py`."""

from __future__ import annotations

import pytest

from tests.unit.fake_controller import FakeController, Terminal, a_state


@pytest.mark.parametrize("name", ["web", "api", "worker", "migrate", "batch", "train"])
def test_on_the_simulator_whose_tasks_run_no_program_nothing_is_begun(name: str) -> None:
    controller = FakeController(a_state())
    controller.answers["GetController"] = {"simulated": True}
    terminal = Terminal(controller)
    assert terminal.run("try", name) == 2
    assert "this controller simulates" in terminal.err.getvalue()
    assert [call[0] for call in controller.calls] == ["GetController"]
