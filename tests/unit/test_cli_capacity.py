"""`--capacity-provider` of `service up` and `run-task`, and where views say whose capacity a task is on."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.fake_controller import Terminal
from tests.unit.sim_room import Simulated

SPOT = {"capacityProvider": "FARGATE_SPOT", "weight": 1, "base": 0}


@pytest.fixture
def room() -> Simulated:
    room = Simulated()
    room.api.client().list_clusters()
    return room


def run(room: Simulated, *arguments: str) -> Terminal:
    terminal = Terminal(room)
    assert terminal.run(*arguments) == 0, terminal.both
    room.api.simulation.advance(5)
    return terminal


def asked(room: Simulated, operation: str) -> list[dict[str, Any]]:
    return [members for name, members in room.calls if name == operation]


def test_a_service_is_brought_up_on_the_providers_that_are_named(room: Simulated) -> None:
    options = ("--capacity-provider", "FARGATE:1:2", "--capacity-provider", "FARGATE_SPOT:3")
    run(room, "service", "up", "--desired", "10", "--no-lb", "--detach", *options)
    (created,) = asked(room, "CreateService")
    assert created["capacityProviderStrategy"] == [
        {"capacityProvider": "FARGATE", "weight": 1, "base": 2},
        {"capacityProvider": "FARGATE_SPOT", "weight": 3, "base": 0},
    ]
    shown = run(room, "ps").out.getvalue()
    head, *rows = shown.splitlines()
    assert "PROVIDER" in head
    assert [sum(f" {name} " in row for row in rows) for name in ("FARGATE", "FARGATE_SPOT")] == [4, 6]
    described = run(room, "service", "describe", "web").out.getvalue()
    assert "capacity         FARGATE weight 1 base 2, FARGATE_SPOT weight 3\n" in described


def test_another_strategy_is_deployed_and_the_same_is_left_alone(room: Simulated) -> None:
    up = ("service", "up", "--task-definition", "worker:1", "--detach")
    run(room, *up)
    first = run(room, *up, "--capacity-provider", "FARGATE_SPOT")
    assert "service web exists: deployed anew on FARGATE_SPOT weight 1" in first.err.getvalue()
    (updated,) = asked(room, "UpdateService")
    assert (updated["capacityProviderStrategy"], updated["forceNewDeployment"]) == ([SPOT], True)
    again = run(room, *up, "--capacity-provider", "FARGATE_SPOT")
    assert "service web exists: nothing to change" in again.err.getvalue()
    assert len(asked(room, "UpdateService")) == 1


def test_a_task_is_run_on_the_provider_and_says_so(room: Simulated) -> None:
    started = run(room, "run-task", "worker", "--capacity-provider", "FARGATE_SPOT", "--no-wait")
    (ran,) = asked(room, "RunTask")
    assert ran["capacityProviderStrategy"] == [SPOT]
    described = run(room, "task", "describe", started.out.getvalue().strip()).out.getvalue()
    assert "capacity         of FARGATE_SPOT\n" in described


def test_who_names_none_says_none(room: Simulated) -> None:
    run(room, "service", "up", "--no-lb", "--detach")
    run(room, "run-task", "worker", "--no-wait")
    assert "capacityProviderStrategy" not in {**asked(room, "CreateService")[0], **asked(room, "RunTask")[0]}
    assert "PROVIDER" not in run(room, "ps").out.getvalue()
    assert "capacity " not in run(room, "service", "describe", "web").out.getvalue()


@pytest.mark.parametrize("said", ["", ":1", "FARGATE:x", "FARGATE:-1", "FARGATE:1:2:3", "FARGATE:"])
def test_what_is_no_provider_is_a_usage_error(room: Simulated, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    for command in (("service", "up"), ("run-task", "worker")):
        terminal = Terminal(room)
        assert terminal.run(*command, "--capacity-provider", said) == 2
        assert "NAME:WEIGHT:BASE" in capsys.readouterr().err
    assert room.calls == []


def test_what_ecs_refuses_of_a_strategy_is_told_in_its_words(room: Simulated) -> None:
    terminal = Terminal(room)
    assert terminal.run("run-task", "worker", "--capacity-provider", "nobodys") == 125
    assert "not associated with the cluster" in terminal.err.getvalue()


def test_a_shell_in_a_task_is_on_the_own_engine(room: Simulated, capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal(room)
    assert terminal.run("run-task", "worker", "-i", "--capacity-provider", "FARGATE_SPOT") == 2
    assert "is not for a shell" in capsys.readouterr().err
