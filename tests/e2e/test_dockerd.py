"""dockerd stopped, killed and started under the controller, with containers that die meanwhile."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from random import Random
from time import monotonic

import docker
import pytest

from tests.builders import eventually
from tests.e2e.conftest import Room, opened_room
from tests.e2e.private_engine import PrivateEngine, private_engine, why_not
from tests.e2e.truth import CLUSTER, assert_none_lost, await_whole

pytestmark = [
    pytest.mark.docker,
    pytest.mark.slow,
    pytest.mark.skipif(bool(why_not()), reason=why_not() or "it can be"),
]

RESTARTS = 5


@pytest.fixture(params=[False, True], ids=["plain", "live-restore"])
def engine(request: pytest.FixtureRequest, engine_client: docker.APIClient) -> Iterator[PrivateEngine]:
    with private_engine(engine_client, live_restore=request.param) as opened:
        yield opened


@pytest.fixture
def private_room(tmp_path: Path, engine: PrivateEngine) -> Iterator[Room]:
    yield from opened_room(tmp_path, engine.client(), DOCKER_HOST=engine.address)


def main_process(room: Room, runtime_id: str) -> int:
    return int(room.client.inspect_container(runtime_id)["State"]["Pid"])


def test_a_service_is_whole_again_after_each_of_five_ends_of_dockerd(private_room: Room, engine: PrivateEngine) -> None:
    """SIGTERM and SIGKILL by turns; each time a container dies while nobody can see it, and none is lost."""
    room = private_room
    room.ok("service", "up", "--desired", "3", "--detach")
    tasks = await_whole(room, 3)
    for number in range(RESTARTS):
        running = {task["taskArn"] for task in tasks if task["lastStatus"] == "RUNNING"}
        victim = next(task for task in tasks if task["lastStatus"] == "RUNNING")
        pid = main_process(room, victim["containers"][0]["runtimeId"])
        engine.end(signal.SIGKILL if number % 2 else signal.SIGTERM)
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            assert not number % 2  # dockerd stopped it on its way out
        engine.start()
        tasks = await_whole(room, 3)
        (dead,) = [task for task in tasks if task["taskArn"] == victim["taskArn"]]
        assert (dead["lastStatus"], dead["stopCode"]) == ("STOPPED", "EssentialContainerExited")
        adopted = {task["taskArn"] for task in tasks if task["lastStatus"] == "RUNNING"} & running
        assert len(adopted) == (2 if engine.live_restore else 0)
    assert_none_lost(room, tasks)


def test_dockerd_killed_while_tasks_start_leaves_neither_too_many_nor_too_few(
    private_room: Room, engine: PrivateEngine
) -> None:
    """Some starts are asked for, some have made a container, some run unanswered: each is found or asked for again."""
    room = private_room
    moments = Random(1)
    room.ok("service", "up", "--desired", "1", "--detach")
    await_whole(room, 1)
    ecs = room.ecs()
    for desired_count in (7, 2, 6):
        ecs.update_service(cluster=CLUSTER, service="web", desiredCount=desired_count)
        after = monotonic() + moments.uniform(0.0, 0.8)
        eventually(lambda ends=after: monotonic() >= ends, within=2, every=0.01)  # type: ignore[misc]
        engine.end(signal.SIGKILL)
        engine.start()
        tasks = await_whole(room, desired_count)
    assert_none_lost(room, tasks)
