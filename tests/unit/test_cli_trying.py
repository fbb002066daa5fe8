"""`chaos-ecs try`: what is refused before anything is begun. The trials themselves are `tests/e2e/test_try.py`."""

from __future__ import annotations

import pytest

from tests.unit.fake_controller import FakeController, Terminal, a_service, a_state


@pytest.mark.parametrize("name", ["web", "api", "worker", "migrate", "batch", "train"])
def test_on_the_simulator_whose_tasks_run_no_program_nothing_is_begun(name: str) -> None:
    controller = FakeController(a_state())
    controller.answers["GetController"] = {"simulated": True}
    terminal = Terminal(controller)
    assert terminal.run("try", name) == 2
    assert "this controller simulates" in terminal.err.getvalue()
    assert [call[0] for call in controller.calls] == ["GetController"]


@pytest.mark.parametrize(("name", "taken"), [("web", "web"), ("api", "api"), ("batch", "database")])
def test_a_service_of_ones_own_with_the_same_name_is_let_be(name: str, taken: str) -> None:
    own = {**a_service(taken), "taskDefinition": "mine:3"}
    controller = FakeController(a_state(services=[own]))
    controller.answers["GetController"] = {"simulated": False}
    terminal = Terminal(controller)
    assert terminal.run("try", name) == 5
    assert f"There is a service {taken} already" in terminal.err.getvalue()
    assert f"chaos-ecs service down {taken}" in terminal.err.getvalue()
    assert {call[0] for call in controller.calls} <= {"GetController"}
