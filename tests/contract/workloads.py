"""Containers of the workload images, in a network of their own, for `test_workload_images.py`."""

from __future__ import annotations

import io
import json
import tarfile
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import docker

from chaos_ecs.live.images import Images
from chaos_ecs.live.labels import Home
from tests.builders import eventually

PATIENCE_SECONDS = 30.0
DATABASE, QUEUE, WEB, WORKLOADS = (f"chaos-ecs/{name}:1" for name in ("postgres", "queue", "web", "workloads"))


@dataclass
class Room:
    """A network, and what runs in it. Without one the containers have no network at all."""

    client: docker.APIClient
    home: Home
    network: str = "none"
    running: list[Running] = field(default_factory=list)
    volumes: list[str] = field(default_factory=list)

    def start(self, image: str, *command: str, alias: str = "", volume: str = "", **environment: Any) -> Running:
        """`alias` is its name in the network, `volume` what it has as /data."""
        Images(self.client).ensure(image, lambda: None)
        networks = {"EndpointsConfig": {self.network: {"Aliases": [alias]}}} if alias else None
        body = {
            "Image": image,
            "Cmd": list(command) or None,
            "Labels": self.home.labels,
            "Env": [f"{name}={value}" for name, value in environment.items()],
            "HostConfig": {"NetworkMode": self.network, "Binds": [f"{volume}:/data"] if volume else []},
            "NetworkingConfig": networks,
        }
        made = Running(self.client, str(self.client.create_container_from_config(body)["Id"]))
        self.running.append(made)
        self.client.start(made.id)
        return made

    def run(self, *command: str, volume: str = "", **environment: Any) -> Running:
        """A role of the workloads, to its end."""
        made = self.start(WORKLOADS, *command, volume=volume, **environment)
        self.client.wait(made.id, timeout=PATIENCE_SECONDS)
        return made

    def database(self, alias: str = "database", volume: str = "") -> Running:
        """Once it answers."""
        made = self.start(DATABASE, alias=alias, volume=volume)
        eventually(lambda: made.run("pg_isready", "-q")[0] == 0, within=PATIENCE_SECONDS)
        return made

    def tally(self, jobs: Mapping[str, Any]) -> dict[str, int]:
        """What became of the messages."""
        found: dict[str, int] = json.loads(self.run("count", **jobs).output)
        return found

    def schema(self) -> list[str]:
        return self.run("migrate", "status").output.splitlines()

    def volume(self) -> str:
        name = str(self.client.create_volume(f"chaos-ecs-test-{uuid.uuid4().hex[:8]}", labels=self.home.labels)["Name"])
        self.volumes.append(name)
        return name

    def tidy(self) -> None:
        while self.running:
            self.client.remove_container(self.running.pop().id, force=True, v=True)
        while self.volumes:
            self.client.remove_volume(self.volumes.pop())


@dataclass
class Running:
    client: docker.APIClient
    id: str

    @property
    def output(self) -> str:
        return str(self.client.logs(self.id).decode())

    @property
    def exit_code(self) -> int:
        """Waited for."""
        return int(self.client.wait(self.id, timeout=PATIENCE_SECONDS)["StatusCode"])

    @property
    def user(self) -> str:
        """Of process 1, as the kernel sees it."""
        return str(self.client.top(self.id, "-eo pid,uid")["Processes"][0][1])

    def files(self, path: str) -> dict[str, bytes]:
        """What is in a folder of it, even when it has ended."""
        packed = b"".join(self.client.get_archive(self.id, path)[0])
        with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
            return {Path(one.name).name: tar.extractfile(one).read() for one in tar if one.isfile()}  # type: ignore[union-attr]

    def reports(self) -> list[str]:
        """Those that have a name of their own, not what is still written."""
        try:
            return [name for name in self.files("/data/reports") if not name.startswith(".")]
        except docker.errors.NotFound:
            return []

    def says(self, words: str) -> None:
        def check() -> bool:
            assert words in self.output, self.output
            return True

        eventually(check, within=PATIENCE_SECONDS)

    def kill(self) -> None:
        self.client.kill(self.id)
        self.client.wait(self.id, timeout=PATIENCE_SECONDS)

    def stop(self) -> float:
        """As `docker stop`, with the signal of its image; answers the seconds it took."""
        began = time.monotonic()
        self.client.stop(self.id, timeout=20)
        return time.monotonic() - began

    def run(self, *command: str, user: str = "") -> tuple[int, str]:
        """In the container."""
        made = self.client.exec_create(self.id, list(command), user=user)["Id"]
        output = self.client.exec_start(made).decode()
        return int(self.client.exec_inspect(made)["ExitCode"] or 0), output

    def sql(self, statement: str) -> str:
        code, output = self.run("psql", "-Atqc", statement)
        assert code == 0, output
        return output.strip()

    @property
    def address(self) -> str:
        networks: Mapping[str, Any] = self.client.inspect_container(self.id)["NetworkSettings"]["Networks"]
        return str(next(iter(networks.values()))["IPAddress"])

    def is_told(self, name: str, address: str) -> None:
        """What the name means from now on."""
        code, output = self.run("sh", "-c", f"echo {address} {name} >/etc/hosts", user="root")
        assert code == 0, output

    def connection(self, port: int = 8080) -> HTTPConnection:
        return HTTPConnection(self.address, port, timeout=PATIENCE_SECONDS)

    def half_a_request(self) -> HTTPConnection:
        """Its second half is an empty line."""
        connection = self.connection()
        connection.connect()
        connection.send(b"GET / HTTP/1.1\r\nHost: web\r\n")
        return connection

    def refuses_connections(self) -> bool:
        try:
            self.connection().connect()
        except OSError:
            return True
        return False

    def answers(self, path: str, within: float = PATIENCE_SECONDS) -> None:
        """Waits until it does, with 200."""

        def check() -> bool:
            try:
                return self.ask(path).status == 200
            except OSError as error:
                raise AssertionError(f"{error}; {self.output}") from error

        eventually(check, within=within)

    def ask(self, path: str, body: object = None, port: int = 8080) -> Answer:
        connection = self.connection(port)
        began = time.monotonic()
        try:
            connection.request("GET" if body is None else "POST", path, None if body is None else json.dumps(body))
            response = connection.getresponse()
            text = response.read().decode()
            return Answer(response.status, text, time.monotonic() - began)
        finally:
            connection.close()


@dataclass(frozen=True)
class Answer:
    status: int
    text: str
    seconds: float


@contextmanager
def meanwhile(act: Any) -> Iterator[None]:
    """Something that is done on another thread, and has ended when the block has."""
    thread = threading.Thread(target=act)
    thread.start()
    try:
        yield
    finally:
        thread.join()
