"""What a controller listens on: this machine alone, and what somebody asked for. On the simulator but for one test."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest

from chaos_ecs.api.connections import Limits
from chaos_ecs.api.listening import bind_afar
from chaos_ecs.errors import ChaosEcsError
from tests.builders import eventually
from tests.e2e.conftest import Room
from tests.e2e.simulated import KEYS, Running, served

ANOTHER = "127.0.0.2"
"""In the place of an address that others reach: Linux has it, and nobody else gets there."""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, and needs a second address")


@pytest.fixture
def opened() -> Iterator[Running]:
    with served(listen=ANOTHER) as running:
        yield running


def listening(pid: int) -> list[str]:
    """The addresses and ports on which a process accepts TCP connections, in the order of their numbers."""
    inodes = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            inodes.add(str(descriptor.readlink()).removeprefix("socket:[").removesuffix("]"))
        except OSError:  # closed meanwhile
            continue
    found = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            local, state, inode = fields[1], fields[3], fields[9]
            if state == "0A" and inode in inodes:
                address, _, port = local.rpartition(":")
                octets = reversed(bytes.fromhex(address)[:4])
                found.append(f"{'.'.join(map(str, octets)) if table == 'tcp' else 'ipv6'}:{int(port, 16)}")
    return sorted(found)


def ask(address: str, path: str, headers: dict[str, str] | None = None, method: str = "GET") -> tuple[int, Any]:
    host, _, port = address.partition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=60)
    connection.request(method, path, headers=headers or {})
    response = connection.getresponse()
    assert response.getheader("x-amzn-RequestId")
    return response.status, json.loads(response.read())


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/health"),
        ("GET", "/state"),
        ("GET", "/events"),
        ("POST", "/events"),
        ("POST", "/"),
        ("GET", "/page/app.js"),
        ("OPTIONS", "*"),
    ],
)
def test_beyond_loopback_nothing_is_answered_without_a_signature(opened: Running, method: str, path: str) -> None:
    status, told = ask(opened.server.listen, path, method=method)
    assert (status, told["__type"]) == (400, "MissingAuthenticationTokenException")


def head_alone(address: str, path: str, how: str) -> tuple[int, str, str | None]:
    """What is answered to a request whose body never comes: status, code, and what becomes of the connection."""
    host, _, port = address.partition(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(f"POST {path} HTTP/1.1\r\nHost: {address}\r\n{how}\r\n\r\n".encode())
        response = http.client.HTTPResponse(connection)
        response.begin()
        return response.status, json.loads(response.read())["__type"], response.getheader("connection")


ANNOUNCED = pytest.mark.parametrize("how", ["Content-Length: 1000", "Transfer-Encoding: chunked"])
NOT_WAITED_FOR = Limits(body_within_seconds=600)


@ANNOUNCED
@pytest.mark.parametrize("path", ["/", "/events"])
def test_beyond_loopback_nothing_is_read_of_who_does_not_sign(path: str, how: str) -> None:
    with served(NOT_WAITED_FOR, listen=ANOTHER) as opened:
        told = head_alone(opened.server.listen, path, how)
    assert told == (400, "MissingAuthenticationTokenException", "close")


@ANNOUNCED
@pytest.mark.parametrize("path", ["/", "/events", "/page/do/ecs/StopTask"])
def test_no_body_is_read_at_the_door_for_guests(path: str, how: str) -> None:
    with served(NOT_WAITED_FOR) as running:
        (url,) = running.chaos("OpenPage", share=True)["guestUrls"]
        port = urlsplit(url).port
        assert head_alone(f"127.0.0.1:{port}", path, how) == (403, "AccessDeniedException", "close")
        assert ask(f"127.0.0.1:{port}", "/state")[0] == 401


def test_beyond_loopback_boto3_is_served_with_the_keys_and_with_no_others(opened: Running) -> None:
    def ecs(secret: str) -> Any:
        return boto3.client(
            "ecs",
            region_name="us-east-1",
            endpoint_url=f"http://{opened.server.listen}",
            aws_access_key_id=KEYS.access_key_id,
            aws_secret_access_key=secret,
        )

    assert ecs(KEYS.secret_access_key).list_clusters()["clusterArns"]
    with pytest.raises(Exception, match="InvalidSignatureException"):
        ecs("guessed").list_clusters()


def test_who_opens_it_is_told_where_and_who_does_not_is_told_nothing(opened: Running, running: Running) -> None:
    assert opened.chaos("GetController")["listen"] == opened.server.listen
    assert opened.server.listen.startswith(f"{ANOTHER}:")
    assert "listen" not in running.chaos("GetController")


def test_an_address_that_is_not_this_machines_is_told_with_what_to_do() -> None:
    with pytest.raises(ChaosEcsError, match=r"Cannot listen on 192\.0\.2\.1") as caught:
        bind_afar(8481, "192.0.2.1")
    assert caught.value.code == "E-LISTEN"
    assert "0.0.0.0" in caught.value.hint


class Home:
    """A state folder and the CLI in it."""

    def __init__(self, folder: Path) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CHAOS_ECS_")}
        self._environment = {**kept, "CHAOS_ECS_HOME": str(folder)}

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "chaos_ecs", *arguments]
        return subprocess.run(command, env=self._environment, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    room = Home(tmp_path / "room")
    yield room
    room.run("controller", "stop")


def test_a_controller_listens_on_this_machine_alone(home: Home) -> None:
    assert home.run("controller", "start", "--simulate").returncode == 0
    status = json.loads(home.run("--json", "controller", "status").stdout)
    assert listening(status["pid"]) == [f"127.0.0.1:{status['port']}"]


def test_who_asks_for_an_address_gets_that_one_and_is_told_what_it_means(home: Home) -> None:
    started = home.run("controller", "start", "--simulate", "--listen", ANOTHER)
    assert started.returncode == 0, started
    status = json.loads(home.run("--json", "controller", "status").stdout)
    assert listening(status["pid"]) == [f"127.0.0.1:{status['port']}", status["listen"]]
    said = " ".join(started.stderr.split())
    assert f"open to the network at http://{status['listen']}: to whoever has its keys, and unencrypted" in said
    assert f"http://{status['listen']}, signed requests only" in home.run("controller", "status").stdout
    assert home.run("controller", "start", "--simulate", "--listen", ANOTHER).returncode == 0
    other = home.run("controller", "start", "--simulate", "--listen", "127.0.0.3")
    assert other.returncode != 0
    assert "E-ALREADY-RUNNING" in other.stderr
    assert home.run("controller", "stop").returncode == 0
    eventually(lambda: not Path(f"/proc/{status['pid']}").exists(), within=60)


@pytest.mark.parametrize("address", ["here", "::", "10.0.0", "10.0.0.1:8481", ""])
def test_what_is_no_address_is_refused_before_anything_starts(home: Home, address: str) -> None:
    refused = home.run("controller", "start", "--simulate", "--listen", address)
    assert refused.returncode == 2
    assert home.run("controller", "status").returncode == 3


def test_tasks_and_their_load_balancer_are_reached_from_this_machine_alone(room: Room) -> None:
    room.ok("service", "up", "web", "--desired", "1")
    room.aws("run-task", "--cluster", "my-cluster", "--task-definition", "web-server")

    def published() -> list[dict[str, Any]]:
        ports = [port for one in room.containers(everything=True) for port in one["Ports"] if "PublicPort" in port]
        return ports if len({port["PublicPort"] for port in ports}) > 2 else []

    assert {port["IP"] for port in eventually(published, within=120)} == {"127.0.0.1"}
    port = json.loads(room.ok("--json", "controller", "status").out)["port"]
    assert listening(room.controller_pid()) == [f"127.0.0.1:{port}"]
