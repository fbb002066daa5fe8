"""`chaos-ecs logs` of real containers: several of a task, all tasks of a service, ended ones, in a terminal."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from tests.builders import eventually
from tests.e2e.conftest import Room
from tests.e2e.test_terminal import OnATerminal

pytestmark = [pytest.mark.docker, pytest.mark.slow]

AWSLOGS = {
    "awslogs-group": "/ecs/two",
    "awslogs-region": "eu-west-1",
    "awslogs-stream-prefix": "two",
    "awslogs-create-group": "true",
    "awslogs-datetime-format": "%Y-%m-%d",
    "awslogs-multiline-pattern": "^x",
    "mode": "non-blocking",
    "max-buffer-size": "4m",
}


@pytest.fixture
def two(room: Room) -> list[str]:
    """The short ids of two tasks of a service; each has a container that counts and one that tells the time."""

    def member(name: str, line: str, **more: object) -> dict[str, object]:
        script = f"trap 'exit 0' TERM; i=0; while :; do i=$((i+1)); echo {line}; sleep 0.3; done"
        return {"name": name, "image": "chaos-ecs/demo:1", "memory": 32, "entryPoint": ["sh", "-c", script], **more}

    log = {"logDriver": "awslogs", "options": AWSLOGS}
    containers = [member("main", "count $i", logConfiguration=log), member("side", "now $(date +%s)", essential=False)]
    made = room.aws("register-task-definition", "--family", "two", "--container-definitions", json.dumps(containers))
    assert made["taskDefinition"]["containerDefinitions"][0]["logConfiguration"] == log
    room.ok("service", "up", "two", "--task-definition", "two", "--desired", "2")
    return room.ok("ps", "-q").out.split()


@pytest.fixture
def opened() -> Iterator[list[OnATerminal]]:
    terminals: list[OnATerminal] = []
    yield terminals
    for terminal in terminals:
        terminal.close()


def test_all_containers_of_a_service_are_told_in_order_of_time_or_the_one_that_is_named(
    room: Room, two: list[str]
) -> None:
    def told() -> list[dict[str, object]]:
        lines = [json.loads(line) for line in room.ok("logs", "two", "--json").out.splitlines()]
        assert len({(line["task"], line["container"]) for line in lines}) == 4
        return lines

    lines = eventually(told, within=20)
    times = [float(str(line["at"])) for line in lines]
    assert times == sorted(times)
    assert {str(line["task"]).rsplit("/", 1)[1][:6] for line in lines} == set(two)
    plain = room.ok("logs", "two", "--container", "main", "--tail", "2").out.splitlines()
    assert [re.sub(r"\d+$", "N", line) for line in plain if two[0] in line] == [f"{two[0]} | count N"] * 2
    assert room.ok("logs", two[0], "--container", "main").out.splitlines()[:2] == ["count 1", "count 2"]


def test_of_a_task_that_has_ended_its_lines_are_kept_and_gone_with_its_container(room: Room, two: list[str]) -> None:
    eventually(lambda: "count 3" in room.ok("logs", two[0]).out, within=20)
    ended = {one["Id"] for one in room.containers() if two[0] in one["Labels"]["chaos-ecs.task"]}
    room.aws("stop-task", "--cluster", "my-cluster", "--task", full_id(room, two[0]))
    eventually(lambda: two[0] not in room.ok("ps", "-q").out, within=60)
    assert "count 1\n" in room.ok("logs", two[0], "--container", "main").out
    assert two[0] in room.ok("logs", "two", "--since", "1h", "--container", "main").out
    assert two[0] not in room.ok("logs", "two").out
    for container in ended:
        room.client.remove_container(container, force=True)
    gone = room.run("logs", two[0])
    assert gone.code == 1
    assert f"E-NO-LOGS: The logs of {two[0]} are gone" in gone.err
    assert f"the logs of {two[0]} are gone" in room.ok("logs", "two", "--since", "1h").err


@pytest.mark.parametrize("columns", [100, 60])
def test_followed_in_a_terminal_only_what_is_new_is_told_until_ctrl_c(
    room: Room, two: list[str], opened: list[OnATerminal], columns: int
) -> None:
    eventually(lambda: "count 3" in room.ok("logs", two[0]).out, within=20)
    environment = {**room.environment, "TERM": "xterm"}
    terminal = OnATerminal(environment, "logs", "two", "--follow", "--tail", "0", columns=columns)
    opened.append(terminal)
    for task in two:
        terminal.sees(f"{task} main | count ")
        terminal.sees(f"{task} side | now ")
    assert "| count 1\n" not in terminal.text
    room.client.kill(container(room, two[0], "main"))
    terminal.sees("| count 1\n")  # of the replacement
    terminal.press("\x03")
    assert terminal.ends() == 0
    assert terminal.is_as_before()


def full_id(room: Room, short: str) -> str:
    tasks = json.loads(room.ok("ps", "--json").out)["tasks"]
    return next(str(task["id"]) for task in tasks if str(task["id"]).startswith(short))


def container(room: Room, short: str, name: str) -> str:
    """The engine's id of a task's container."""
    marks = {one["Id"]: one["Labels"] for one in room.containers()}
    return next(
        str(id_)
        for id_, labels in marks.items()
        if f"/{short}" in labels["chaos-ecs.task"] and labels["chaos-ecs.container"] == name
    )
