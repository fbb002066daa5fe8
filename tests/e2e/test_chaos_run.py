"""`chaos run` on real containers behind the real balancer: availability, the same victims again, the control."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.balanced import LISTENS_TO_CTRL_C
from tests.e2e.conftest import BIN, Room

pytestmark = [pytest.mark.docker, pytest.mark.slow]


@pytest.fixture
def web(room: Room) -> Room:
    """A room with a service web of three behind a listener."""
    room.ok("service", "up", "web", "--desired", "3")
    return room


def ran(room: Room, *words: str) -> dict[str, Any]:
    """The result of `chaos WORDS`, which must end well."""
    result: dict[str, Any] = room.ok("chaos", *words, "--json").json
    return result


def places(result: dict[str, Any]) -> list[tuple[int, int]]:
    return [(victim["position"], victim["of"]) for kill in result["kills"] for victim in kill["victims"]]


def containers_of(room: Room, task: str) -> list[dict[str, Any]]:
    """Every container of a task that the engine knows, running or not."""
    found: list[dict[str, Any]] = room.client.containers(all=True, filters={"label": f"chaos-ecs.task={task}"})
    return found


def must_be_gone(room: Room, control: str) -> None:
    """One container, ended, never started again; and no task in its place."""
    (container,) = containers_of(room, control)
    assert container["State"] == "exited"
    assert room.client.inspect_container(container["Id"])["RestartCount"] == 0
    tasks = room.ok("ps", "--all", "--json").json["tasks"]
    (own,) = [task for task in tasks if not task["serviceArn"]]
    assert (own["arn"], own["lastStatus"], own["exitCode"]) == (control, "STOPPED", 137)


def test_the_same_seed_hits_the_same_victims_in_the_same_order_and_a_journal_replays(web: Room) -> None:
    first = ran(web, "run", "web", "--every", "3s", "--for", "20s", "--seed", "42")
    assert [kill["due"] for kill in first["kills"]] == [3, 6, 9, 12, 15, 18]
    assert all(kill["at"] - kill["due"] < 1 for kill in first["kills"])
    assert {of for _, of in places(first)} == {3}
    must_be_gone(web, first["control"]["task"])

    again = ran(web, "replay", "1")
    assert places(again) == places(first)
    assert (again["replay"]["same"], again["replay"]["ticks"]) == (6, 6)


def test_a_kill_every_five_seconds_leaves_a_client_999_of_1000_answers_and_the_control_stays_gone(web: Room) -> None:
    words = ("--every", "5s", "--for", "60s", "--seed", "42", "--slo", "99.9", "--rate", "50")
    result = ran(web, "run", "web", *words)
    client = result["client"]
    told = {name: client[name] for name in ("requests", "failed", "availability", "causes")}
    assert client["requests"] >= 2950, told
    assert client["availability"] >= 99.9, told
    assert (result["slo"], result["recovered"], len(result["kills"]), result["skipped"]) == ("met", True, 11, [])
    assert result["recovery"]["n"] == 11
    assert result["weakest"]["healthy"] >= 1
    assert result["control"]["replacements"] == 0
    must_be_gone(web, result["control"]["task"])
    assert len([item for item in web.containers() if item["State"] == "running"]) == 3

    page = web.home / "report.html"
    assert web.ok("chaos", "report", "--html", str(page)).out == f"wrote {page}\n"
    assert "PASSED: goal met" in page.read_text()


def test_ctrl_c_ends_a_run_with_its_summary_and_its_journal_and_leaves_nothing_behind(web: Room) -> None:
    command = [str(BIN / "chaos-ecs"), "chaos", "run", "web", "--every", "2s", "--for", "5m", "--fault", "pause"]
    process = subprocess.Popen(
        [sys.executable, "-c", LISTENS_TO_CTRL_C, *command],
        env=web.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert any("FAULT_ACTIVE" in line for line in process.stderr), "a task is paused"
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 130, out
    assert "exit code 130: stopped early" in out
    journal = json.loads((Path(web.home) / "journals" / "run-1.json").read_text())
    assert journal["status"] == "interrupted"
    assert web.run("chaos", "undo", "--all").code in (0, 3)
    assert not [item for item in web.containers(everything=True) if item["Status"].endswith("(Paused)")]
