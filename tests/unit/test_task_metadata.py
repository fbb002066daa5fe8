"""The task metadata endpoint: what a task is told about itself, and who is told nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from chaos_ecs.api.agent_requests import AgentRequest
from chaos_ecs.api.task_metadata import TaskMetadata
from chaos_ecs.core.model import Task
from tests.unit.api_harness import CLUSTER, Harness
from tests.unit.test_agent_faults import Inline

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
        self.cpu = 0
        simulation = self.api.simulation
        assert simulation.controller is not None
        self.metadata = TaskMetadata(simulation.controller, self.count, Inline(), simulation.engine.after)

    def count(self, runtime_id: str) -> Mapping[str, Any]:
        """More each time."""
        self.cpu += 100
        return {"id": runtime_id, "read": f"at {self.cpu}", "cpu_stats": {"cpu_usage": {"total_usage": self.cpu}}}

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
        ({"method": "POST"}, 405, "405 method not allowed"),
    ],
)
def test_whoever_asks_for_something_else_is_refused(room: Room, what: dict[str, Any], status: int, words: str) -> None:
    answered, told = room.ask(**what)
    assert answered == status
    assert words in told["Error"]


def test_statistics_are_the_engines_with_those_of_the_last_time_in_them(room: Room) -> None:
    app, side = room.task.containers
    status, first = room.ask("/stats")
    assert (status, first["id"], "precpu_stats" in first) == (200, app.runtime_id, False)
    second = room.ask("/stats")[1]
    assert (second["precpu_stats"], second["preread"]) == (first["cpu_stats"], first["read"])
    whole = room.ask("/task/stats")[1]
    assert list(whole) == [app.runtime_id, side.runtime_id]
    assert whole[str(app.runtime_id)]["precpu_stats"] == second["cpu_stats"]


def test_who_asks_before_the_engine_has_told_of_it_waits_for_that(room: Room) -> None:
    ecs = room.api.client()
    (made,) = ecs.run_task(cluster=CLUSTER, taskDefinition="told")["tasks"]
    room.api.simulation.advance(0)
    early = next(task for task in room.api.simulation.state.tasks.values() if task.arn == made["taskArn"])
    assert [one.address for one in early.containers] == ["", ""]
    answer = room.metadata.answer(AgentRequest("GET", f"/v4/{early.id}-0", "", "10.9.9.9"))
    room.api.simulation.advance(0)
    assert not answer.done()
    room.api.simulation.advance(10)
    assert answer.result(0)[0] == 404, "it was nobody's after all"
