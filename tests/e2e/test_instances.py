"""Container instances as a learner meets them: the commands, word for word, on a simulated controller."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest

from chaos_ecs.cli.app import run
from chaos_ecs.cli.client import HttpController
from chaos_ecs.cli.shell import Shell
from tests.builders import eventually
from tests.e2e.simulated import KEYS, Running, served

ZONES = ["us-east-1a", "us-east-1b", "us-east-1c"]


@pytest.fixture
def running() -> Iterator[Running]:
    with served() as started:
        yield started


class Learner:
    """Types commands at the controller, and reads what they print."""

    def __init__(self, running: Running) -> None:
        self._running = running
        self.said = ""

    def types(self, words: str, *, code: int = 0) -> str:
        """What the command prints; what it says besides is `said`."""
        out, err = io.StringIO(), io.StringIO()

        def open_(shell: Shell, *, start: bool) -> HttpController:
            return HttpController(self._running.port, KEYS, "us-east-1")

        ended = run(words.split(), Shell(environment={}, out=out, err=err, opener=open_))
        self.said = err.getvalue()
        assert ended == code, (words, out.getvalue(), self.said)
        return out.getvalue()

    def tasks(self) -> list[dict[str, Any]]:
        told: list[dict[str, Any]] = json.loads(self.types("ps --json"))["tasks"]
        return [task for task in told if task["desiredStatus"] == "RUNNING"]

    def spread(self) -> list[int]:
        """How many running tasks each container instance has, in their order."""
        told = json.loads(self.types("instance ls --json"))["containerInstances"]
        return [item["running"] for item in told]


def test_three_slices_are_filled_evenly_drained_used_again_and_removed(running: Running) -> None:
    ada = Learner(running)
    added = ada.types("instance add --count 3").splitlines()
    assert [line.split(":")[0] for line in added] == [f"instance-{n + 1} in {ZONES[n]}" for n in range(3)]
    assert "from now on tasks of launch type EC2 are placed on container instances" in ada.said

    ada.types("service up --desired 6 --no-lb")
    assert ada.spread() == [2, 2, 2]
    assert sorted(task["zone"] for task in ada.tasks()) == [zone for zone in ZONES for _ in range(2)]
    assert ada.types("ps").count("instance-2  us-east-1b") == 2

    before = {task["arn"] for task in ada.tasks() if task["instance"] == "instance-1"}
    assert ada.types("instance drain instance-1") == "instance-1 DRAINING, 0 tasks\n"
    assert "once new tasks run elsewhere" in ada.said
    assert ada.spread() == [0, 3, 3]
    assert not before & {task["arn"] for task in ada.tasks()}

    assert ada.types("instance activate instance-1").startswith("instance-1 ACTIVE, ")
    ada.types("service scale web 9")
    eventually(lambda: ada.spread() == [3, 3, 3], within=30)

    ada.types("instance remove instance-2", code=5)
    assert "Found running tasks on the instance: " in ada.said
    assert ada.spread() == [3, 3, 3]
    ada.types("instance remove instance-2 --force", code=5)
    assert "nobody said yes" in ada.said
    assert ada.types("instance remove instance-2 --force --yes") == "instance-2 is removed, 3 tasks stopped\n"
    eventually(lambda: sum(ada.spread()) == 9, within=30)
    assert ada.types("instance ls -q") == "instance-1\ninstance-3\n"


def test_a_standalone_task_holds_the_drain_open_until_it_is_stopped(running: Running) -> None:
    ada = Learner(running)
    ada.types("instance add only")
    task = ada.types("run-task batch-job --env SECONDS_TO_WORK=600 --no-wait").split()[0]
    eventually(lambda: ada.spread() == [1], within=30)
    ada.types("instance drain only --timeout 0.5s", code=124)
    assert f"standalone: {task} stays: nobody moves it, and the drain waits for its end" in ada.said
    assert f"next: chaos-ecs task stop {task}" in ada.said
    ada.types("run-task batch-job --no-wait", code=125)
    assert "No Container Instances were found in your cluster." in ada.said
    ada.types(f"task stop {task}")
    assert ada.types("instance drain only") == "only DRAINING, 0 tasks\n"


def test_a_task_that_is_too_large_for_what_is_free_is_told_with_the_next_command(running: Running) -> None:
    ada = Learner(running)
    ada.types("instance add small --memory 128")
    ada.types("run-task batch-job --count 10 --no-wait", code=125)
    assert "small: RESOURCE:MEMORY (too little memory is free)" in ada.said
    assert "next: chaos-ecs instance ls, then: chaos-ecs instance add" in ada.said
