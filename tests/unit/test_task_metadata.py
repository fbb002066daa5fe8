"""The task metadata endpoint: what a task is told about itself, and who is told nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from chaos_ecs.api.agent_requests import AgentRequest
from chaos_ecs.api.task_metadata import TaskMetadata
from chaos_ecs.core.model import Task
from tests.unit.api_harness import CLUSTER, Harness

APP = {
    "name": "app",
    "image": "chaos-ecs/demo:1",
    "memory": 64,
    "portMappings": [{"containerPort": 8080}],
    "dockerLabels": {"team": "a"},
    "healthCheck": {"command": ["CMD", "true"], "interval": 5},
    "restartPolicy": {"enabled": True},
}
SIDE = {"name": "side", "image": "chaos-ecs/demo:1", "memory": 32, "command": ["worker"], "essential": False}
LABELS = "com.amazonaws.ecs."


class Room:
    def __init__(self) -> None:
        self.api = Harness()
        ecs = self.api.client()
        ecs.register_task_definition(
            family="told", containerDefinitions=[APP, SIDE], cpu="512", memory="256", enableFaultInjection=True
        )
        ecs.run_task(cluster=CLUSTER, taskDefinition="told", tags=[{"key": "team", "value": "a"}])
        self.api.simulation.advance(10)
        assert self.api.simulation.controller is not None
        self.metadata = TaskMetadata(self.api.simulation.controller)

    @property
    def task(self) -> Task:
        (task,) = self.api.simulation.state.tasks.values()
        return task

    def ask(
        self, path: str = "", *, method: str = "GET", source: str = "", index: int = 0
    ) -> tuple[int, Mapping[str, Any]]:
        whole = path if path.startswith("/") and "v4" in path else f"/v4/{self.task.id}-{index}{path}"
        answer = self.metadata.answer(AgentRequest(method, whole, "", source or self.task.containers[0].address))
        self.api.simulation.advance(0)
        return answer.result(0)


@pytest.fixture
def room() -> Room:
    return Room()


def test_a_container_is_told_about_itself(room: Room) -> None:
    status, told = room.ask()
    container = room.task.containers[0]
    assert status == 200
    assert (told["Name"], told["DockerId"], told["ContainerARN"]) == ("app", container.runtime_id, container.arn)
    assert (told["DesiredStatus"], told["KnownStatus"], told["Type"]) == ("RUNNING", "RUNNING", "NORMAL")
    assert told["Labels"]["team"] == "a"
    assert told["Labels"][f"{LABELS}task-definition-family"] == "told"
    assert told["Labels"][f"{LABELS}task-definition-version"] == "1"
    assert told["Ports"][0]["ContainerPort"] == 8080
    assert told["Networks"] == [{"NetworkMode": "bridge", "IPv4Addresses": [container.address]}]
    assert (told["Limits"], told["RestartCount"], told["Health"]) == (
        {"CPU": 2, "Memory": 64},
        0,
        {"status": "HEALTHY"},
    )
    assert told["StartedAt"].endswith("Z")


def test_the_task_is_told_with_all_its_containers(room: Room) -> None:
    status, told = room.ask("/task", index=1)
    assert status == 200
    assert (told["TaskARN"], told["Family"], told["Revision"]) == (room.task.arn, "told", "1")
    assert (told["Limits"], told["LaunchType"], told["KnownStatus"]) == ({"CPU": 0.5, "Memory": 256}, "EC2", "RUNNING")
    assert [one["Name"] for one in told["Containers"]] == ["app", "side"]
    assert told["FaultInjectionEnabled"] is True
    assert "TaskTags" not in told
    assert room.ask("/taskWithTags")[1]["TaskTags"] == {"team": "a"}


@pytest.mark.parametrize(
    ("what", "status", "words"),
    [
        ({"path": "/v4/other-0"}, 404, "no endpoint other-0"),
        ({"index": 2}, 404, "no endpoint"),
        ({"source": "10.9.9.9"}, 404, "no endpoint"),
        ({"path": "/nothing"}, 404, "404 page not found"),
        ({"path": "/stats"}, 404, "statistics of single containers are not kept here"),
        ({"path": "/task/stats"}, 404, "statistics of single containers are not kept here"),
        ({"method": "POST"}, 405, "405 method not allowed"),
    ],
)
def test_whoever_asks_for_something_else_is_refused(room: Room, what: dict[str, Any], status: int, words: str) -> None:
    answered, told = room.ask(**what)
    assert answered == status
    assert words in told["Error"]
