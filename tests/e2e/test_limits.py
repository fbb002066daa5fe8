"""Kills in a row on real containers: memory, file handles, containers and the database stay within their bounds.

`KILLS=1000` makes the long run; what was measured is printed (`pytest -s`).
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import docker
import pytest

from chaos_ecs.core.plan import STOPPED_CONTAINERS_KEPT
from tests.builders import eventually
from tests.e2e.conftest import Room
from tests.e2e.truth import CLUSTER, await_whole

pytestmark = [pytest.mark.docker, pytest.mark.slow]

KILLS = int(os.environ.get("KILLS", "30"))
DESIRED_COUNT = 8
WARM_UP_KILLS = min(KILLS // 3, 100)

# What a kill may leave for good: its events and its task's record, until the record is full (10,000 events and 1,000
# tasks). The rest is slack for SQLite's and Python's own ways.
DISK_BYTES_A_KILL = 16_384
DISK_BYTES = 4 << 20
RSS_BYTES_A_KILL = 16_384
RSS_BYTES = 16 << 20
HANDLES = 12


@dataclass(frozen=True)
class Measured:
    rss: int
    handles: int
    threads: int
    containers: int
    disk: int


def measured(room: Room) -> Measured:
    """Of the controller's process, its containers, and its state folder."""
    pid = room.controller_pid()
    told = subprocess.run(["ps", "-o", "rss=,nlwp=", "-p", str(pid)], capture_output=True, text=True, check=True)
    rss, threads = told.stdout.split()
    handles = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    disk = sum(file.stat().st_size for file in room.home.iterdir())
    return Measured(int(rss) * 1024, handles, int(threads), len(room.containers(everything=True)), disk)


def kill_in_a_row(room: Room, kills: int) -> None:
    """One after the other, without waiting for the replacement while another task still runs."""
    while kills:
        victim = eventually(room.containers, within=20, every=0.02)[-1]
        try:
            room.client.kill(victim["Id"])
        except docker.errors.APIError as error:
            assert error.status_code in (404, 409), error  # noqa: PT017 - it has ended meanwhile
        else:
            kills -= 1


@pytest.mark.timeout(120 + 2 * KILLS)
@pytest.mark.skipif(sys.platform != "linux", reason="open files are counted in /proc")
def test_kills_in_a_row_leave_nothing_growing(room: Room) -> None:
    room.ok("service", "up", "--desired", str(DESIRED_COUNT), "--no-lb", "--detach")
    await_whole(room, DESIRED_COUNT)
    kill_in_a_row(room, WARM_UP_KILLS)
    await_whole(room, DESIRED_COUNT)
    before = measured(room)
    kills = KILLS - WARM_UP_KILLS
    kill_in_a_row(room, kills)
    tasks = await_whole(room, DESIRED_COUNT)
    after = measured(room)
    sys.stdout.write(f"\n{KILLS} kills, {len(tasks)} tasks in {CLUSTER}\n{before}\n{after}\n")
    assert after.containers <= DESIRED_COUNT + STOPPED_CONTAINERS_KEPT
    assert after.handles <= before.handles + HANDLES
    assert after.threads <= before.threads + HANDLES
    assert after.disk <= before.disk + DISK_BYTES + kills * DISK_BYTES_A_KILL
    assert after.rss <= before.rss + RSS_BYTES + kills * RSS_BYTES_A_KILL
