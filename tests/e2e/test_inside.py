"""Inside the network of a cluster: exec and an interactive task, on real containers, in a real terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.builders import eventually
from tests.e2e.conftest import Room
from tests.e2e.test_terminal import OnATerminal

pytestmark = [pytest.mark.docker, pytest.mark.slow]


@pytest.fixture
def opened() -> Iterator[list[OnATerminal]]:
    terminals: list[OnATerminal] = []
    yield terminals
    for terminal in terminals:
        terminal.close()


def test_a_task_finds_services_by_name_and_nobody_else(room: Room) -> None:
    room.ok("service", "up", "web", "--desired", "2")
    task = room.ok("ps", "-q").out.split()[0]

    def found(name: str) -> set[str]:
        told = room.run("exec", task, "--", "nslookup", "-type=a", name).out.partition("Name:")[2]
        return {line.split()[-1] for line in told.splitlines() if line.startswith("Address:")}

    def addresses() -> set[str]:
        networks = [one["NetworkSettings"]["Networks"] for one in room.containers()]
        return {network["IPAddress"] for one in networks for network in one.values()}

    eventually(lambda: found("web") == addresses(), within=5)
    assert found("web.my-cluster") == addresses()
    assert found("nobody") == set()
    answer = room.ok("exec", task, "--", "wget", "-q", "-O", "-", "http://web:8080/")
    assert "v1" in answer.out
    victim = room.containers()[0]["Id"]
    room.client.kill(victim)
    eventually(lambda: len(addresses()) == 2 and victim not in {one["Id"] for one in room.containers()}, within=20)
    task = room.ok("ps", "-q").out.split()[0]
    eventually(lambda: found("web") == addresses(), within=10)
    assert room.run("exec", task, "--", "sh", "-c", "exit 7").code == 7


def test_an_interactive_task_is_a_shell_with_the_size_of_its_terminal_and_ends_with_it(
    room: Room, opened: list[OnATerminal]
) -> None:
    room.ok("service", "up", "web", "--desired", "1")
    terminal = OnATerminal({**room.environment, "TERM": "xterm"}, "run-task", "--interactive", columns=91, rows=33)
    opened.append(terminal)
    terminal.sees("services have names here")
    terminal.press("stty size; wget -q -O - http://web:8080/health && echo reached\n")
    terminal.sees("33 91")
    terminal.sees("reached")
    terminal.press("sleep 1000\n")
    eventually(lambda: sleeps(room), within=10)  # what comes sooner is read by the shell, as the start of its next line
    terminal.press("\x03")  # ends the sleep, and neither the shell nor us
    terminal.press("echo still here; exit 5\n")
    terminal.sees("still here")
    assert terminal.ends() == 5
    assert terminal.is_as_before()
    told = json.loads(room.ok("ps", "--all", "--json").out)["tasks"]
    eventually(lambda: len(room.containers()) == 1, within=15)
    assert [task["stoppedReason"] for task in told if not task["serviceArn"]] == ["its shell was left"]


def sleeps(room: Room) -> bool:
    tops = [room.client.top(one["Id"])["Processes"] for one in room.containers()]
    return any("sleep 1000" in " ".join(process) for processes in tops for process in processes)
