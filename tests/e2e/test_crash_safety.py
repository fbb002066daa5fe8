"""The controller killed with SIGKILL at any moment, and the state folder gone bad: containers live on, and what is
desired runs again."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any

import docker
import pytest

from tests.builders import eventually
from tests.e2e.conftest import Room, is_alive, opened_room
from tests.e2e.truth import CLUSTER, assert_none_lost, await_whole

pytestmark = pytest.mark.docker

ROUNDS = int(os.environ.get("ROUNDS", "20"))
SEED = int(os.environ.get("SEED", "20"))
LONGEST_LIFE_SECONDS = 1.0  # of a controller, after it was asked for something
SMALL_DISK_BYTES = 3 << 20


def pass_time(seconds: float) -> None:
    """Not to wait for something, but to be at a moment nobody chose."""
    until = monotonic() + seconds
    eventually(lambda: monotonic() >= until, within=seconds + 5, every=0.005)


def break_something(room: Room, ecs: Any, chance: Random) -> int:
    """Scales the service, and ends some of its tasks, in one of three ways; the count desired from now on."""
    desired_count = chance.randint(1, 6)
    ecs.update_service(cluster=CLUSTER, service="web", desiredCount=desired_count)
    alive = room.containers()
    for one in chance.sample(alive, k=min(len(alive), chance.randint(0, 2))):
        try:
            if chance.random() < 0.3:
                room.client.remove_container(one["Id"], force=True)
            else:
                room.client.kill(one["Id"])
        except docker.errors.APIError as error:
            assert error.status_code in (404, 409), error  # noqa: PT017 - it has ended by itself meanwhile
    if chance.random() < 0.3 and (arns := ecs.list_tasks(cluster=CLUSTER)["taskArns"]):
        ecs.stop_task(cluster=CLUSTER, task=chance.choice(arns))
    return desired_count


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")
def test_a_controller_killed_at_any_moment_leaves_neither_too_many_nor_too_few(room: Room) -> None:
    """Round after round the service is scaled, tasks die, the controller dies amid it all, and another takes over."""
    chance = Random(SEED)
    room.ok("service", "up", "--desired", "3", "--detach")
    await_whole(room, 3)
    desired_count = 3
    for _ in range(ROUNDS):
        room.ok("controller", "start")
        ecs = room.ecs()
        desired_count = break_something(room, ecs, chance)
        pass_time(chance.uniform(0.0, LONGEST_LIFE_SECONDS))
        room.kill_controller()
    room.ok("controller", "start")
    tasks = await_whole(room, desired_count)
    assert_none_lost(room, tasks)


# --- the state folder ---


@pytest.fixture
def small_disk(room: Room) -> Iterator[Path]:
    """The room's state folder on a disk of 3 MB of its own."""
    if sys.platform != "linux" or os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("a small disk needs Linux, root and mount")
    room.home.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK_BYTES}", "tmpfs", str(room.home)], check=True)
    yield room.home
    room.run("controller", "stop")
    room.run("clean", "--yes")
    subprocess.run(["umount", str(room.home)], check=True)


def fill(disk: Path) -> Path:
    """Takes all the room there is left; the file that does."""
    filler = disk / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while file.write(bytes(4096)) == 4096:
            pass
    return filler


def test_a_full_disk_stops_the_controller_with_its_reason_and_room_lets_it_go_on(room: Room, small_disk: Path) -> None:
    room.ok("service", "up", "--desired", "2")
    before = {one["Id"] for one in room.containers()}
    pid = room.controller_pid()
    filler = fill(small_disk)
    assert room.run("kill", "web").code == 1
    eventually(lambda: not is_alive(pid), within=10)
    refused = room.run("ps")
    assert (refused.code, "E-STATE-FOLDER" in refused.err, "No space left" in refused.err) == (1, True, True), refused
    assert "Traceback" not in refused.err
    assert {one["Id"] for one in room.containers()} == before
    filler.unlink()
    room.ok("controller", "start")
    await_whole(room, 2)
    assert {one["Id"] for one in room.containers()} == before


def test_a_read_only_state_folder_is_told_and_nothing_is_harmed(room: Room, small_disk: Path) -> None:
    room.ok("service", "up", "--desired", "2")
    pid = room.controller_pid()
    room.ok("controller", "stop")
    eventually(lambda: not is_alive(pid), within=10)  # its log is open until then
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    refused = room.run("ps")
    assert (refused.code, "E-STATE-FOLDER" in refused.err, "ead-only" in refused.err) == (1, True, True), refused
    assert "Traceback" not in refused.err
    assert len(room.containers()) == 2
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    room.ok("controller", "start")
    await_whole(room, 2)


def damage(room: Room) -> None:
    """The controller stops, and its database comes back as noise."""
    room.ok("controller", "stop")
    database = room.home / "state.db"
    database.write_bytes(Random(1).randbytes(database.stat().st_size))


def test_a_damaged_record_is_refused_and_the_way_named_begins_a_new_one(room: Room) -> None:
    room.ok("service", "up", "--desired", "2")
    damage(room)
    damaged = (room.home / "state.db").read_bytes()
    refused = room.run("ps")
    assert (refused.code, "E-STATE-DAMAGED" in refused.err) == (1, True), refused
    assert "chaos-ecs clean --state" in refused.err
    assert "Traceback" not in refused.err
    assert (room.home / "state.db").read_bytes() == damaged
    assert len(room.containers()) == 2
    room.ok("clean", "--state", "--yes")
    assert room.containers(everything=True) == []
    room.ok("service", "up", "--desired", "1")
    await_whole(room, 1)


def test_with_the_damaged_record_moved_away_what_ran_is_removed_not_left_over(room: Room) -> None:
    """And no new task has an old one's id, by which the new controller could take its container for the new one's."""
    room.ok("service", "up", "--desired", "2")
    old_tasks = {task["taskArn"] for task in await_whole(room, 2)}
    old = {one["Id"] for one in room.containers()}
    damage(room)
    (room.home / "state.db").rename(room.home / "damaged.db")
    room.ok("service", "up", "--desired", "2")
    tasks = await_whole(room, 2)
    assert not old & {one["Id"] for one in room.containers(everything=True)}
    assert not old_tasks & {task["taskArn"] for task in tasks}


def test_a_second_controller_is_refused_and_commands_use_the_first(room: Room) -> None:
    room.ok("controller", "start")
    pid = room.controller_pid()
    refused = room.run("controller", "run")
    assert (refused.code, "E-ALREADY-RUNNING" in refused.err) == (1, True), refused
    room.ok("ps")
    assert (room.controller_pid(), is_alive(pid)) == (pid, True)


def test_commands_that_start_a_controller_at_the_same_moment_share_one(room: Room) -> None:
    with ThreadPoolExecutor(4) as threads:
        ran = [future.result() for future in [threads.submit(room.run, "ps") for _ in range(4)]]
    assert [one.code for one in ran] == [0, 0, 0, 0], ran


def test_two_state_folders_on_one_engine_do_not_see_each_other(
    room: Room, tmp_path: Path, engine_client: docker.APIClient
) -> None:
    (tmp_path / "other").mkdir()
    for other in opened_room(tmp_path / "other", engine_client):
        room.ok("service", "up", "--desired", "2")
        other.ok("service", "up", "--desired", "1")
        assert (len(room.ecs().list_tasks(cluster=CLUSTER)["taskArns"]), len(room.containers())) == (2, 2)
        assert (len(other.ecs().list_tasks(cluster=CLUSTER)["taskArns"]), len(other.containers())) == (1, 1)
        mine, theirs = (networks_of(one) for one in (room, other))
        assert (len(mine), len(theirs), mine & theirs) == (1, 1, set())
        room.ok("clean", "--state", "--yes")
        await_whole(other, 1)
        assert networks_of(other) == theirs


def networks_of(room: Room) -> set[str]:
    """The networks its containers are in."""
    return {name for one in room.containers() for name in one["NetworkSettings"]["Networks"]}
