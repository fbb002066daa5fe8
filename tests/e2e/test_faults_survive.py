"""Whoever is killed in the middle of a fault, it ends: by itself, or by the next `chaos undo --all`; without a trace.

Faults of all kinds hold at once, each on a task of its own. Then the command, the controller or both are killed with
SIGKILL, and every victim is compared with what it was: processes, limits, addresses, packet rules, files.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any

import docker
import pytest

from tests.builders import eventually
from tests.e2e.conftest import BIN, Room
from tests.e2e.truth import await_whole

pytestmark = [
    pytest.mark.docker,
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows"),
]

FAULTS: dict[str, tuple[str, ...]] = {
    "pause": (),
    "hang": (),
    "cpu-throttle": (),
    "pids-exhaust": (),
    "network-disconnect": (),
    "network-blackhole-port": ("--port", "8080"),
    "network-reject": ("--port", "8080"),
    "network-latency": (),
    "network-packet-loss": ("--loss-percent", "50"),
    "network-rate": (),
    "network-partition": ("--to", "other"),
    "dns-failure": (),
    "disk-fill": (),
    "cpu-stress": (),
    "memory-stress": (),
    "io-stress": (),
}
BY_THE_ENGINE = ("pause", "hang", "cpu-throttle", "pids-exhaust", "network-disconnect")
"""Those that nobody ends but a controller; the others are held by a helper container, which lets go by itself."""

CONTROL = ("api-throttle", "agent-disconnect")
ALONE = ("cpu-throttle",)
"""Injected first: on a busy machine nobody could tell a task that is throttled."""

LOADS = ("cpu-stress", "memory-stress", "io-stress")
"""Injected last, for the others' sake."""

# Rules and chains of any table but the empty ones that iptables leaves; queues without the name of their interface,
# which is another one when a network was left and joined again.
LOOK = r"""
iptables-save | grep -E '^-A|^:.* - ' | sed 's/\[[0-9]*:[0-9]*\]//'
tc qdisc show | sed 's/ dev [a-z0-9]*//' | sort
"""


def trace(client: docker.APIClient, container: str) -> dict[str, Any]:
    """All that a fault could have changed of a container."""
    seen = client.inspect_container(container)
    (network,) = seen["NetworkSettings"]["Networks"].values()
    states = [row[1][0] for row in client.top(container, ps_args="-o pid,stat")["Processes"]]
    limits = seen["HostConfig"]
    return {
        "paused": seen["State"]["Paused"],
        "stopped": "T" in states,
        "quota": max(0, limits["CpuQuota"]),
        "pids": max(0, limits["PidsLimit"] or 0),
        "address": network["IPAddress"],
        "rules": rules_of(client, container),
        "files": sorted(one["Path"] for one in client.diff(container) or () if one["Path"].count("/") < 3),
    }


def rules_of(client: docker.APIClient, container: str) -> str:
    """Packet rules and queues, as a container of our own sees them there."""
    config = client.create_host_config(network_mode=f"container:{container}", cap_add=["NET_ADMIN"])
    looker = client.create_container(
        "chaos-ecs/toolbox:1", entrypoint=["/bin/sh", "-c", LOOK], host_config=config, labels=["chaos-ecs-test"]
    )["Id"]
    try:
        client.start(looker)
        client.wait(looker)
        return str(client.logs(looker).decode())
    finally:
        client.remove_container(looker, force=True)


def traces(room: Room, victims: dict[str, str]) -> dict[str, dict[str, Any]]:
    with ThreadPoolExecutor(4) as threads:
        return dict(zip(victims, threads.map(lambda one: trace(room.client, one), victims.values()), strict=True))


def helpers(room: Room) -> list[str]:
    home_id = (room.home / "home-id").read_text().strip()
    filters = {"label": [f"chaos-ecs.home={home_id}", "chaos-ecs.fault"]}
    return [one["State"] for one in room.client.containers(all=True, filters=filters)]


def faults(room: Room) -> dict[str, Any]:
    """Every fault there was, by name."""
    return {one["name"]: one for one in room.ok("--json", "chaos", "status", "--all").json["faults"]}


def prepared(room: Room, names: Sequence[str]) -> dict[str, str]:
    """A task for each fault; their containers' ids."""
    room.ok("service", "up", "other", "--desired", "1", "--no-lb", "--detach")
    room.ok("service", "up", "web", "--desired", str(len(names)), "--no-lb", "--detach")
    await_whole(room, len(names))
    found = [one for one in room.containers() if one["Labels"]["chaos-ecs.service"].endswith("/web")]
    return {name: one["Id"] for name, one in zip(names, found, strict=True)}


def task_of(room: Room, container: str) -> str:
    return str(room.client.inspect_container(container)["Config"]["Labels"]["chaos-ecs.task"]).rpartition("/")[2]


Command = subprocess.Popen[bytes]


def inject_all(room: Room, victims: dict[str, str], seconds: int, control: Sequence[str] = ()) -> list[Command]:
    """Commands that follow their faults to the end, once all of these are in force."""
    aims = {name: [task_of(room, container), *FAULTS[name]] for name, container in victims.items()}
    waves = (
        {name: aim for name, aim in aims.items() if name in ALONE},
        {name: aim for name, aim in aims.items() if name not in (*ALONE, *LOADS)},
        {name: aims.get(name, []) for name in (*LOADS, *control) if name in aims or name in control},
    )
    commands: dict[str, Command] = {}
    for wave in waves:
        for name, aim in wave.items():
            commands[name] = _injecting(room, name, aim, seconds)
        eventually(partial(_in_force, room, commands), within=60, every=0.5)
    return list(commands.values())


def _injecting(room: Room, name: str, aim: Sequence[str], seconds: int) -> Command:
    words = ["--json", "chaos", "inject", name, *aim, "--duration", f"{seconds}s", "--wait", "--yes"]
    return subprocess.Popen(
        [str(BIN / "chaos-ecs"), *words],
        env=room.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _in_force(room: Room, commands: Mapping[str, Command]) -> bool:
    told = faults(room)
    unproven = [one for one in told.values() if one["status"] == "INCONCLUSIVE"]
    if unproven:
        pytest.fail(str(unproven))
    assert {name for name, one in told.items() if one["status"] == "ACTIVE"} == set(commands), {
        name: one["status"] for name, one in told.items()
    }
    return True


def kill(commands: Sequence[Command]) -> None:
    for command in commands:
        with suppress(ProcessLookupError):
            os.kill(command.pid, signal.SIGKILL)
        command.wait()


def await_helpers_to_let_go(room: Room) -> None:
    """Nobody tells them to."""

    def check() -> bool:
        assert set(helpers(room)) == {"exited"}, helpers(room)
        return True

    eventually(check, within=60, every=0.5)


def check_undone_by_a_word(room: Room, victims: dict[str, str], before: dict[str, dict[str, Any]]) -> None:
    undone = room.ok("chaos", "undo", "--all")
    assert "Traceback" not in undone.err
    assert traces(room, victims) == before
    assert helpers(room) == []
    assert room.ok("--json", "chaos", "status").json["faults"] == []


@pytest.mark.timeout(300)
def test_with_the_command_killed_every_fault_ends_in_time_and_leaves_no_trace(room: Room) -> None:
    victims = prepared(room, list(FAULTS))
    before = traces(room, victims)
    kill(inject_all(room, victims, 40, CONTROL))

    def all_over() -> bool:
        statuses = {name: one["status"] for name, one in faults(room).items()}
        assert set(statuses.values()) == {"COMPLETED"}, statuses
        return True

    eventually(all_over, within=80, every=0.5)
    assert traces(room, victims) == before
    assert helpers(room) == []


@pytest.mark.timeout(300)
def test_with_all_of_us_killed_helpers_let_go_by_themselves_and_the_rest_is_undone_by_a_word(room: Room) -> None:
    victims = prepared(room, list(FAULTS))
    before = traces(room, victims)
    commands = inject_all(room, victims, 40, CONTROL)
    room.kill_controller()
    kill(commands)
    await_helpers_to_let_go(room)
    held = {name: container for name, container in victims.items() if name not in BY_THE_ENGINE}
    assert traces(room, held) == {name: before[name] for name in held}
    check_undone_by_a_word(room, victims, before)


@pytest.mark.timeout(200)
def test_with_only_the_controller_killed_what_it_held_is_undone_by_a_word(room: Room) -> None:
    victims = prepared(room, [*BY_THE_ENGINE, "network-reject"])
    before = traces(room, victims)
    commands = inject_all(room, victims, 15)
    room.kill_controller()
    await_helpers_to_let_go(room)
    check_undone_by_a_word(room, victims, before)
    kill(commands)
