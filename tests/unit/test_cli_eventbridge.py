"""`events --eventbridge` and what `controller status` says of targets, against a fake controller."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chaos_ecs.cli.client import lost
from chaos_ecs.config import read
from tests.unit.fake_controller import CLUSTER, FakeController, Terminal, a_service, a_state, a_task

PLACE = CLUSTER.rpartition(":")[0]


def told(id_: str, resource: str = "service/my-cluster/web", **detail: Any) -> dict[str, Any]:
    return {"id": id_, "detail-type": "ECS ...", "resources": [f"{PLACE}:{resource}"], "detail": detail}


ONE = told("1")
TWO = told("2", "task/my-cluster/7f3a9c", group="service:web")
OTHER = told("3", "task/my-cluster/c9d550", group="family:batch-job")
ELSEWHERE = told("4", "task/lab/c9d550", group="service:web")


def a_room(*looks: list[Any]) -> FakeController:
    controller = FakeController(a_state(services=[a_service()], tasks=[a_task("7f3a9c", "web")]))
    controller.bridge = list(looks)
    return controller


def shown(terminal: Terminal) -> list[str]:
    return [json.loads(line)["id"] for line in terminal.out.getvalue().splitlines()]


def test_the_events_of_the_cluster_are_lines_of_json_as_they_came_and_nothing_else() -> None:
    terminal = Terminal(a_room([ONE, TWO, OTHER, ELSEWHERE]))
    assert terminal.run("events", "--eventbridge") == 0
    assert [json.loads(line) for line in terminal.out.getvalue().splitlines()] == [ONE, TWO, OTHER]
    assert terminal.err.getvalue() == ""


def test_of_a_service_its_own_and_those_of_its_tasks_are_shown() -> None:
    terminal = Terminal(a_room([ONE, TWO, OTHER, ELSEWHERE]))
    assert terminal.run("events", "web", "--eventbridge") == 0
    assert shown(terminal) == ["1", "2"]


def test_the_newest_so_many_are_shown() -> None:
    terminal = Terminal(a_room([ONE, TWO, OTHER]))
    assert terminal.run("events", "--eventbridge", "--tail", "1") == 0
    assert shown(terminal) == ["3"]


def test_a_follower_tells_each_event_once_and_goes_on_with_the_next_controller() -> None:
    looks = ([ONE], [ONE, TWO, lost("it ended")], [lost("nobody")], [ONE, TWO, OTHER, KeyboardInterrupt()])
    terminal = Terminal(a_room(*looks), sleep=lambda seconds: None)
    assert terminal.run("events", "--eventbridge", "--follow") == 0
    assert shown(terminal) == ["1", "2", "3"]


def test_a_follower_ends_when_no_controller_comes() -> None:
    terminal = Terminal(a_room([ONE], *([lost("nobody")] for _ in range(30))), sleep=lambda seconds: None)
    assert terminal.run("events", "--eventbridge", "--follow") == 1
    assert "E-CONTROLLER-LOST" in terminal.err.getvalue()


def test_the_status_has_a_line_for_each_target() -> None:
    controller = a_room()
    fine = {"target": "/tmp/events.jsonl", "delivered": 7, "waiting": 0, "dropped": 0, "refused": 0, "trouble": ""}
    bad = {**fine, "target": "http://127.0.0.1:9/", "waiting": 10_001, "dropped": 3, "trouble": "Connection refused"}
    controller.answers["GetController"] = {"engineConnected": True, "engine": "x", "eventTargets": [fine, bad]}
    terminal = Terminal(controller)
    assert terminal.run("controller", "status") == 0
    lines = [line for line in terminal.out.getvalue().splitlines() if line.startswith("events to")]
    assert lines == [
        "events to     /tmp/events.jsonl: 7 delivered",
        "events to     http://127.0.0.1:9/: 7 delivered, 10001 waiting, 3 dropped (Connection refused)",
    ]


def test_targets_are_told_apart_by_commas_and_files_are_told_by_their_whole_path(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    said = "a.jsonl, http://127.0.0.1:9000/x,a.jsonl"
    found = read({"CHAOS_ECS_EVENTS_TO": said, "CHAOS_ECS_HOME": str(tmp_path)}).events_to
    assert found == (str(tmp_path / "a.jsonl"), "http://127.0.0.1:9000/x")


def test_without_the_setting_events_go_nowhere(tmp_path: Path) -> None:
    assert read({"CHAOS_ECS_HOME": str(tmp_path)}).events_to == ()
