"""`chaos-ecs probe` against tasks of the demo image, through a published port."""

from __future__ import annotations

import json

import pytest

from tests.builders import eventually
from tests.e2e.conftest import Room

pytestmark = pytest.mark.docker


def port_of(room: Room) -> tuple[str, int]:
    """The id and the port of the one running task."""
    (task,) = [item for item in room.ok("ps", "--json").json["tasks"] if item["lastStatus"] == "RUNNING"]
    return task["id"], task["containers"][0]["bindings"][0]["hostPort"]


def test_a_client_of_the_demo_image_must_see_who_answered_and_its_death(room: Room) -> None:
    room.ok("service", "up", "web", "--desired", "1")
    task, port = port_of(room)
    url = f"http://127.0.0.1:{port}/"
    eventually(lambda: room.run("probe", url, "--for", "0.1s").code == 0, within=10)

    steady = room.ok("probe", url, "--rate", "20", "--for", "2s", "--json")
    summary = json.loads(steady.out.splitlines()[-1])
    assert (summary["requests"], summary["failed"]) == (40, 0)
    assert summary["tasks"] == {task: {"requests": 40, "failed": 0}}

    room.ok("service", "down", "web")
    gone = room.run("probe", url, "--for", "1s")
    assert gone.code == 1
    assert gone.err.startswith("E-NOTHING-LISTENS")
