"""`exec` and `run-task --interactive`: which container a program is run in, and what is refused before one is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from chaos_ecs import wiring
from chaos_ecs.errors import ChaosEcsError
from chaos_ecs.live import inside
from tests.unit.fake_controller import FakeController, Terminal, a_service, a_state, a_task, stopped, task_arn

WEB = a_task("7f3a9c", "web")


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, tuple[str, ...], bool]]:
    """(container, words, terminal) of each program that was run; it exits with 3, `nothing` with 127."""
    calls: list[tuple[str, tuple[str, ...], bool]] = []

    def run(runtime_id: str, words: Sequence[str], *, terminal: bool, reads: bool) -> int:
        calls.append((runtime_id, tuple(words), terminal))
        return 127 if words[0] == "nothing" else 3

    monkeypatch.setattr(wiring, "run_inside", run)
    return calls


def a_room(*tasks: Any) -> FakeController:
    controller = FakeController(a_state(services=[a_service()], tasks=list(tasks or (WEB,))))
    controller.answers["GetController"] = {"simulated": False}
    return controller


def test_a_shell_by_default_or_what_follows_the_dashes_and_its_exit_code_is_ours(ran: list[Any]) -> None:
    assert Terminal(a_room()).run("exec", "7f3a9c") == 3
    assert Terminal(a_room()).run("exec", "7f3a9c", "--", "ls", "--json", "/") == 3
    container = "c0ffee" * 8
    assert ran == [(container, ("/bin/sh",), False), (container, ("ls", "--json", "/"), False)]


def test_a_program_that_the_image_lacks_is_said_so(ran: list[Any]) -> None:
    terminal = Terminal(a_room())
    assert terminal.run("exec", "7f3a9c", "--", "nothing") == 127
    assert "is there a nothing in chaos-ecs/demo:1?" in terminal.err.getvalue()
    assert "chaos-ecs exec 7f3a9c -- PROGRAM" in terminal.err.getvalue()


def test_of_several_containers_the_one_that_is_named(ran: list[Any]) -> None:
    side = {**WEB["containers"][0], "name": "side", "runtimeId": "51de" * 16}
    task = {**WEB, "containers": [WEB["containers"][0], side]}
    Terminal(a_room(task)).run("exec", "7f3a9c", "--container", "side")
    assert [call[0] for call in ran] == ["51de" * 16]
    terminal = Terminal(a_room(task))
    assert terminal.run("exec", "7f3a9c", "--container", "nobody") == 3
    assert "it has app, side" in terminal.err.getvalue()


def test_what_does_not_run_and_what_is_simulated_is_refused_before_anything_is_run(ran: list[Any]) -> None:
    terminal = Terminal(a_room(stopped(WEB, 137)))
    assert terminal.run("exec", "7f3a9c") == 3
    assert "7f3a9c does not run" in terminal.err.getvalue()
    controller = a_room()
    controller.answers["GetController"] = {"simulated": True}
    terminal = Terminal(controller)
    assert terminal.run("exec", "7f3a9c") == 2
    assert "simulates" in terminal.err.getvalue()
    assert ran == []


def test_without_the_docker_program_the_refusal_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ChaosEcsError, match="docker"):
        inside.run_inside("c0ffee", ("sh",), terminal=False, reads=False)


def test_an_interactive_task_waits_for_us_and_is_stopped_when_its_shell_is_left(ran: list[Any]) -> None:
    controller = a_room()
    lone = a_task("31f0aa")
    controller.answers["RegisterTaskDefinition"] = {"taskDefinition": {"revision": 1}}
    controller.answers["StopTask"] = {"task": {}}

    def run_task(members: Any) -> Any:
        controller.state = a_state(services=[a_service()], tasks=[WEB, lone])
        return {"tasks": [{"taskArn": task_arn("31f0aa"), "taskDefinitionArn": "x/shell-demo:1"}], "failures": []}

    controller.answers["RunTask"] = run_task
    terminal = Terminal(controller)
    assert terminal.run("run-task", "--interactive", "--image", "busybox:1.36", "--env", "WHO=me") == 3
    asked = dict(controller.calls)
    (container,) = asked["RegisterTaskDefinition"]["containerDefinitions"]
    assert container["image"] == "busybox:1.36"
    assert container["environment"] == [{"name": "WHO", "value": "me"}]
    assert asked["StopTask"]["task"] == task_arn("31f0aa")
    assert [call[1] for call in ran] == [("/bin/sh",)]
    assert "services have names here" in terminal.err.getvalue()
