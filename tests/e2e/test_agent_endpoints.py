"""The ECS agent's fault endpoints from inside real tasks: they break their own network, nobody else's, and heal it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException
from typing import Any

import pytest

from tests.asking import ask
from tests.builders import eventually
from tests.e2e.conftest import Room

pytestmark = pytest.mark.docker

CLUSTER = "my-cluster"
WEB = {"name": "app", "image": "chaos-ecs/demo:1", "memory": 64, "command": ["web"]}
WEB |= {"portMappings": [{"containerPort": 8080}]}

HOLE = {"Port": 8080, "Protocol": "tcp", "TrafficType": "ingress"}
SLOW = {"DelayMilliseconds": 300, "JitterMilliseconds": 0, "Sources": ["0.0.0.0/0"]}
LOST = {"LossPercent": 100, "Sources": ["0.0.0.0/0"]}
RUNNING, NOT_RUNNING, STOPPED = ({"Status": word} for word in ("running", "not-running", "stopped"))


class Inside:
    """A task of this family that runs, from within and from outside."""

    def __init__(self, room: Room, family: str, *flags: str) -> None:
        self.room = room
        definition = ("--family", family, "--container-definitions", json.dumps([WEB]))
        room.aws("register-task-definition", *definition, *flags)
        self._ecs = room.ecs()
        (task,) = self._ecs.run_task(cluster=CLUSTER, taskDefinition=family)["tasks"]
        self.arn = task["taskArn"]
        self.id = self.arn.rsplit("/", 1)[1]
        container = eventually(self._container, within=60)
        self.container = container["runtimeId"]
        self.port = container["networkBindings"][0]["hostPort"]
        eventually(lambda: self.get() < 1, within=10)

    def _container(self) -> Any:
        (task,) = self._ecs.describe_tasks(cluster=CLUSTER, tasks=[self.arn])["tasks"]
        return task["lastStatus"] == "RUNNING" and task["containers"][0]

    def get(self, timeout: float = 5) -> float:
        """How long a request from outside takes."""
        began = time.monotonic()
        connection = HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request("GET", "/")
            assert connection.getresponse().status == 200
        finally:
            connection.close()
        return time.monotonic() - began

    def is_silent(self) -> bool:
        try:
            self.get(timeout=1)
        except TimeoutError:
            return True
        except (OSError, HTTPException):
            return False
        return False

    def sh(self, line: str) -> tuple[int, str]:
        made = self.room.client.exec_create(self.container, ["/bin/sh", "-c", line])["Id"]
        output = self.room.client.exec_start(made).decode()
        return int(self.room.client.exec_inspect(made)["ExitCode"]), output.strip()

    def asks(self, path: str, body: Any = None, *, task_id: str = "") -> tuple[int, dict[str, str]]:
        """As soon as it may ask again."""
        uri = f"http://ecs-agent:51679/api/{task_id or self.id}"

        def check() -> tuple[int, dict[str, str]]:
            try:
                answer = ask(self.room.client, self.container, f"/fault/v1/{path}", body, uri=uri)
            except ConnectionError as error:
                raise AssertionError(str(error)) from error
            assert answer[0] != 429
            return answer

        return eventually(check, within=20, every=0.3)


def is_quick(task: Inside) -> Callable[[], bool]:
    return lambda: task.get() < 0.2


def test_a_task_breaks_its_own_port_and_heals_it_though_the_controller_is_killed_in_between(room: Room) -> None:
    room.ok("controller", "start")
    brave, shy = Inside(room, "brave", "--enable-fault-injection"), Inside(room, "shy")

    post = f"wget -q -O - --post-data='{json.dumps(HOLE)}' $ECS_AGENT_URI/fault/v1/network-blackhole-port/"
    assert brave.sh(f"{post}start") == (0, '{"Status":"running"}')
    assert brave.is_silent()
    assert shy.get() < 1

    assert shy.sh("echo $ECS_AGENT_URI") == (0, "")
    said = f"enableFaultInjection is not enabled for task: {shy.arn}"
    assert shy.asks("network-blackhole-port/start", HOLE) == (400, {"Error": said})
    assert shy.asks("network-blackhole-port/stop", HOLE, task_id=brave.id)[0] == 404
    assert brave.asks("network-blackhole-port/start", HOLE, task_id=shy.id)[0] == 404

    room.kill_controller()
    assert brave.is_silent()
    room.ok("controller", "start")
    assert brave.asks("network-blackhole-port/status", HOLE) == (200, RUNNING)
    assert brave.sh(f"{post}status")[0] != 0  # too soon: 429
    assert brave.asks("network-blackhole-port/stop", HOLE) == (200, STOPPED)
    assert brave.get() < 1

    (told,) = room.ok("--json", "chaos", "status", "--all").json["faults"]
    assert (told["experiment"], told["status"]) == ("ecs-agent", "COMPLETED")
    room.ok("controller", "stop")
    room.ok("clean", "--yes")
    assert room.containers(everything=True) == []
    assert (
        room.client.networks(filters={"label": f"chaos-ecs.home={(room.home / 'home-id').read_text().strip()}"}) == []
    )


def test_a_task_that_is_slow_or_loses_everything_can_still_end_that(room: Room) -> None:
    room.ok("controller", "start")
    brave = Inside(room, "brave", "--enable-fault-injection")

    assert brave.asks("network-latency/status") == (200, NOT_RUNNING)
    assert brave.asks("network-latency/start", SLOW) == (200, RUNNING)
    assert brave.get() >= 0.5
    assert brave.asks("network-latency/stop") == (200, STOPPED)
    eventually(is_quick(brave), within=5)

    assert brave.asks("network-packet-loss/start", LOST) == (200, RUNNING)
    assert brave.is_silent()
    assert brave.asks("network-packet-loss/status") == (200, RUNNING)
    assert brave.asks("network-packet-loss/stop") == (200, STOPPED)
    eventually(is_quick(brave), within=5)
