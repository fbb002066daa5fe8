"""`exec` and `run-task --interactive`: which container a program is run in, and what is refused before one is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from chaos_ecs.errors import ChaosEcsError
from chaos_ecs.live import inside
from tests.unit.fake_controller import FakeController, Terminal, a_service, a_state, a_task, stopped, task_arn

WEB = a_task("7f3a9c", "web")


@dataclass
class Programs:
    """Stands for the engine: (container, words, terminal) of each program that was run. It exits with 3; `nothing` is
    not there, `late` is a shell whose last line was a slip, `killed` ends with its container after `meanwhile`."""

    calls: list[tuple[str, tuple[str, ...], bool]] = field(default_factory=list)
    toolbox: list[bool] = field(default_factory=list)
    meanwhile: Callable[[], None] = lambda: None
    now: float = 0.0

    def run(
        self, runtime_id: str, words: Sequence[str], *, terminal: bool, reads: bool, home: Path, toolbox: bool
    ) -> int:
        self.calls.append((runtime_id, tuple(words), terminal))
        self.toolbox.append(toolbox)
        if words[0] == "nothing":
            raise ChaosEcsError("E-NO-PROGRAM", "There is no nothing in chaos-ecs/demo:1", "nor in its PATH", "", 127)
        self.meanwhile()
        return {"late": 127, "killed": 137}.get(words[0], 3)

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def on(self, controller: FakeController) -> Terminal:
        return Terminal(controller, inside=self.run, monotonic=lambda: self.now, sleep=self.sleep)


@pytest.fixture
def ran() -> Programs:
    return Programs()


def a_room(*tasks: Any) -> FakeController:
    controller = FakeController(a_state(services=[a_service()], tasks=list(tasks or (WEB,))))
    controller.answers["GetController"] = {"simulated": False}
    return controller


def test_a_shell_by_default_or_what_follows_the_dashes_and_its_exit_code_is_ours(ran: Programs) -> None:
    assert ran.on(a_room()).run("exec", "7f3a9c") == 3
    assert ran.on(a_room()).run("exec", "7f3a9c", "--", "ls", "--json", "/") == 3
    container = "c0ffee" * 8
    assert ran.calls == [(container, ("/bin/sh",), False), (container, ("ls", "--json", "/"), False)]


def test_of_a_service_the_first_task_that_runs(ran: Programs) -> None:
    assert ran.on(a_room()).run("exec", "web", "--", "ls") == 3
    assert ran.calls == [("c0ffee" * 8, ("ls",), False)]
    terminal = ran.on(a_room(stopped(WEB, 137)))
    assert terminal.run("exec", "web") == 3
    assert "No task of web runs" in terminal.err.getvalue()


def test_a_program_that_the_image_lacks_is_said_so_with_two_ways_on(ran: Programs) -> None:
    terminal = ran.on(a_room())
    assert terminal.run("exec", "7f3a9c", "--", "nothing") == 127
    told = terminal.err.getvalue()
    assert "E-NO-PROGRAM: There is no nothing in chaos-ecs/demo:1" in told
    assert "chaos-ecs exec 7f3a9c --toolbox" in told
    assert "chaos-ecs exec 7f3a9c -- PROGRAM" in told
    side = {**WEB["containers"][0], "name": "side", "runtimeId": "51de" * 16}
    terminal = ran.on(a_room({**WEB, "containers": [WEB["containers"][0], side]}))
    assert terminal.run("exec", "7f3a9c", "--container", "side", "--", "nothing") == 127
    assert "chaos-ecs exec 7f3a9c --container side --toolbox" in terminal.err.getvalue()


def test_a_slip_in_a_shells_last_line_is_no_missing_program(ran: Programs) -> None:
    terminal = ran.on(a_room())
    assert terminal.run("exec", "7f3a9c", "--", "late") == 127
    assert terminal.err.getvalue() == ""


def test_the_toolbox_is_a_shell_of_ours_beside_the_container(ran: Programs) -> None:
    terminal = ran.on(a_room())
    assert terminal.run("exec", "7f3a9c", "--toolbox") == 3
    assert ran.calls == [("c0ffee" * 8, ("/bin/bash",), False)]
    assert ran.toolbox == [True]
    assert "its files in /proc/1/root" in terminal.err.getvalue()
    assert ran.on(a_room()).run("exec", "7f3a9c") == 3
    assert ran.toolbox == [True, False]


def test_a_task_that_ends_while_one_is_inside_says_why_and_where_to_go(ran: Programs) -> None:
    controller = a_room()
    why = "Essential container in task exited"

    def ends() -> None:
        controller.state = a_state(services=[a_service()], tasks=[stopped(WEB, 137, stoppedReason=why)])

    ran.meanwhile = ends
    terminal = ran.on(controller)
    assert terminal.run("exec", "7f3a9c", "--", "killed") == 137
    assert "E-TASK-ENDED: 7f3a9c ended while you were inside" in terminal.err.getvalue()
    assert why in terminal.err.getvalue()
    assert "chaos-ecs exec web" in terminal.err.getvalue()


def test_a_program_that_is_killed_alone_says_nothing_of_its_task(ran: Programs) -> None:
    terminal = ran.on(a_room())
    assert terminal.run("exec", "7f3a9c", "--", "killed") == 137
    assert terminal.err.getvalue() == ""
    assert ran.now >= 1  # the controller had time to hear of it


def test_of_several_containers_the_one_that_is_named(ran: Programs) -> None:
    side = {**WEB["containers"][0], "name": "side", "runtimeId": "51de" * 16}
    task = {**WEB, "containers": [WEB["containers"][0], side]}
    ran.on(a_room(task)).run("exec", "7f3a9c", "--container", "side")
    assert [call[0] for call in ran.calls] == ["51de" * 16]
    terminal = ran.on(a_room(task))
    assert terminal.run("exec", "7f3a9c", "--container", "nobody") == 3
    assert "it has app, side" in terminal.err.getvalue()


def test_what_does_not_run_and_what_is_simulated_is_refused_before_anything_is_run(ran: Programs) -> None:
    terminal = ran.on(a_room(stopped(WEB, 137)))
    assert terminal.run("exec", "7f3a9c") == 3
    assert "7f3a9c does not run" in terminal.err.getvalue()
    controller = a_room()
    controller.answers["GetController"] = {"simulated": True}
    terminal = ran.on(controller)
    assert terminal.run("exec", "7f3a9c") == 2
    assert "simulates" in terminal.err.getvalue()
    assert ran.calls == []


def test_without_the_docker_program_the_refusal_names_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ChaosEcsError, match="docker"):
        inside.run_inside("c0ffee", ("sh",), terminal=False, reads=False, home=tmp_path)


def for_interactive(controller: FakeController, *known: dict[str, Any]) -> FakeController:
    """Its answers to `run-task --interactive`; `known`: the task definitions there are."""
    lone = a_task("31f0aa")

    def described(members: Any) -> Any:
        found = [one for one in known if one["family"] == members["taskDefinition"]]
        if not found:
            raise ChaosEcsError("ClientException", "Unable to describe task definition.", "", "")
        return {"taskDefinition": found[0]}

    def run_task(members: Any) -> Any:
        controller.state = a_state(services=[a_service()], tasks=[WEB, lone])
        return {"tasks": [{"taskArn": task_arn("31f0aa"), "taskDefinitionArn": "x/shell-demo:1"}], "failures": []}

    controller.answers["DescribeTaskDefinition"] = described
    controller.answers["RegisterTaskDefinition"] = {"taskDefinition": {"revision": 1}}
    controller.answers["RunTask"] = run_task
    controller.answers["StopTask"] = {"task": {}}
    return controller


def test_an_interactive_task_waits_for_us_and_is_stopped_when_its_shell_is_left(ran: Programs) -> None:
    controller = for_interactive(a_room())
    terminal = ran.on(controller)
    assert terminal.run("run-task", "--interactive", "--image", "busybox:1.36", "--env", "WHO=me") == 3
    asked = dict(controller.calls)
    (container,) = asked["RegisterTaskDefinition"]["containerDefinitions"]
    assert container["image"] == "busybox:1.36"
    assert container["environment"] == [{"name": "WHO", "value": "me"}]
    assert asked["StopTask"]["task"] == task_arn("31f0aa")
    assert [call[1] for call in ran.calls] == [("/bin/sh",)]
    assert "services have names here: web" in terminal.err.getvalue()


def test_an_interactive_task_of_a_definition_is_like_its_tasks_but_for_their_work(ran: Programs) -> None:
    api = {
        "name": "api",
        "image": "chaos-ecs/workloads:1",
        "memory": 192,
        "command": ["api"],
        "portMappings": [{"containerPort": 8080}],
        "environment": [{"name": "A", "value": "1"}],
    }
    controller = for_interactive(a_room(), {"family": "api", "revision": 1, "containerDefinitions": [api]})
    assert ran.on(controller).run("run-task", "api", "--interactive") == 3
    made = dict(controller.calls)["RegisterTaskDefinition"]
    (container,) = made["containerDefinitions"]
    assert made["family"] == "shell-api"
    assert (container["image"], container["environment"]) == (api["image"], api["environment"])
    assert "command" not in container
    assert "portMappings" not in container


def test_the_same_interactive_task_again_registers_nothing(ran: Programs) -> None:
    controller = for_interactive(a_room())
    ran.on(controller).run("run-task", "--interactive")
    made = dict(controller.calls)["RegisterTaskDefinition"]
    again = for_interactive(a_room(), {**made, "revision": 1})
    assert ran.on(again).run("run-task", "--interactive") == 3
    assert "RegisterTaskDefinition" not in dict(again.calls)


@pytest.mark.parametrize("option", [("--count", "2"), ("--no-wait",), ("--quiet",), ("--timeout", "5s")])
def test_what_an_interactive_task_cannot_be_is_refused(ran: Programs, option: tuple[str, ...]) -> None:
    controller = a_room()
    assert ran.on(controller).run("run-task", "--interactive", *option) == 2
    assert controller.calls == []


def test_a_simulated_interactive_task_is_refused_before_it_is_made(ran: Programs) -> None:
    controller = for_interactive(a_room())
    controller.answers["GetController"] = {"simulated": True}
    assert ran.on(controller).run("run-task", "--interactive") == 2
    assert "RunTask" not in dict(controller.calls)
