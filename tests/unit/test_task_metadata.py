"""The task metadata endpoint: what a task is told about itself, and who is told nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from typing import Any

import pytest

from chaos_ecs.api.agent_requests import AgentRequest
from chaos_ecs.api.task_metadata import LOOKS, MOST_WAITING, Statistics, TaskMetadata
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
        self.timers = 0
        self.begin(Inline(), self.count)

    def begin(self, background: Executor, statistics: Statistics) -> None:
        controller = self.api.simulation.controller
        assert controller is not None
        self.metadata = TaskMetadata(controller, statistics, background, self.after)

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        self.timers += 1
        self.api.simulation.engine.after(seconds, act)

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


def a_broken_engine(runtime_id: str) -> Mapping[str, Any]:
    raise TypeError(f"nobody expected this of {runtime_id}")


class Later(Inline):
    """Says what it ran into as an executor does: in the future."""

    def submit(self, act: Callable[..., Any], /, *values: Any, **named: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(act(*values, **named))
        except TypeError as error:
            future.set_exception(error)
        return future


class ShutDown(Executor):
    def submit(self, act: Callable[..., Any], /, *values: Any, **named: Any) -> Future[Any]:
        raise RuntimeError("cannot schedule new futures after shutdown")


class CutShort(Executor):
    """Was shut down before it came to this."""

    def submit(self, act: Callable[..., Any], /, *values: Any, **named: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.cancel()
        future.set_running_or_notify_cancel()
        return future


@pytest.mark.parametrize("background", [Later(), ShutDown(), CutShort()])
def test_statistics_that_cannot_be_had_are_answered_as_an_error_and_not_never(room: Room, background: Executor) -> None:
    room.begin(background, a_broken_engine)
    assert room.ask("/stats") == (500, {"Error": "internal error"})
    assert room.ask()[0] == 200


class Early:
    """A task whose containers are being started: no address of theirs is known."""

    def __init__(self, room: Room) -> None:
        self.room = room
        (made,) = room.api.client().run_task(cluster=CLUSTER, taskDefinition="told")["tasks"]
        self.arn = made["taskArn"]
        self.let_pass(0)
        assert [one.address for one in self.task.containers] == ["", ""]

    @property
    def task(self) -> Task:
        return self.room.api.simulation.state.tasks[self.arn]

    def asked_from(self, source: str) -> Future[tuple[int, Mapping[str, Any]]]:
        answer = self.room.metadata.answer(AgentRequest("GET", f"/v4/{self.task.id}-0", "", source))
        self.let_pass(0)
        return answer

    def let_pass(self, seconds: float) -> None:
        self.room.api.simulation.advance(seconds)


def test_who_asks_before_the_engine_has_told_of_it_waits_and_is_answered_once_it_has(room: Room) -> None:
    after = Early(room)
    after.let_pass(10)
    address = after.task.containers[0].address
    twin = Room()  # the same again: there the address is known beforehand
    early = Early(twin)
    answer, stranger = early.asked_from(address), early.asked_from("10.9.9.9")
    assert not answer.done()
    assert not stranger.done()
    early.let_pass(10)
    assert early.task.containers[0].address == address
    status, told = answer.result(0)
    assert (status, told["Name"], told["Networks"][0]["IPv4Addresses"]) == (200, "app", [address])
    assert stranger.result(0)[0] == 404, "it was nobody's after all"


def test_however_many_wait_there_is_one_timer_and_no_more_than_some_wait_for_one_task(room: Room) -> None:
    early = Early(room)
    answers = [early.asked_from("10.9.9.9") for _ in range(MOST_WAITING + 1)]
    assert [answer.done() for answer in answers] == [False] * MOST_WAITING + [True]
    assert answers[-1].result(0)[0] == 404
    assert room.timers == 1
    early.let_pass(10)
    assert [answer.result(0)[0] for answer in answers] == [404] * len(answers)
    assert room.timers <= LOOKS


def test_a_controller_that_stops_leaves_nobody_waiting(room: Room) -> None:
    answer = Early(room).asked_from("10.9.9.9")
    assert room.api.simulation.controller is not None
    room.api.simulation.controller.stop()
    room.api.simulation.controller.run()
    room.api.simulation.clock.jump(10)
    room.api.simulation.engine.run_due()
    assert answer.result(0) == (500, {"Error": "internal error"})


def test_a_task_is_found_by_its_id_in_whatever_cluster(room: Room) -> None:
    ecs = room.api.client()
    ecs.create_cluster(clusterName="other")
    (made,) = ecs.run_task(cluster="other", taskDefinition="told")["tasks"]
    room.api.simulation.advance(10)
    task = room.api.simulation.state.tasks[made["taskArn"]]
    status, told = room.ask(f"/v4/{task.id}-0/task", source=task.containers[0].address)
    assert (status, told["TaskARN"]) == (200, task.arn)
