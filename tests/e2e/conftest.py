"""End to end: the installed CLI, the real engine, the real aws CLI and boto3, each test in a state folder of its own.

Whatever a test starts carries that folder's label; its controller is ended and its containers are removed by it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import pytest

from chaos_ecs.errors import ChaosEcsError
from chaos_ecs.live import engine
from tests.builders import eventually
from tests.e2e.simulated import Running, served

BIN = Path(sys.executable).parent
LONG_SECONDS = 180


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Room:
    """A state folder, and what can be done in it."""

    home: Path
    environment: dict[str, str]
    client: docker.APIClient

    def run(self, *arguments: str, **environment: str) -> Ran:
        """The installed chaos-ecs, its output piped."""
        return self._run([str(BIN / "chaos-ecs"), *arguments], environment)

    def ok(self, *arguments: str, **environment: str) -> Ran:
        ran = self.run(*arguments, **environment)
        assert ran.code == 0, ran
        return ran

    def aws(self, *arguments: str) -> Any:
        """The real aws CLI with what `aws-env` says; its JSON answer."""
        ran = self.aws_raw(*arguments)
        assert ran.code == 0, ran
        return json.loads(ran.out) if ran.out.strip() else None

    def aws_raw(self, *arguments: str, service: str = "ecs") -> Ran:
        return self._run([str(BIN / "aws"), service, *arguments], self.aws_environment())

    def tool(self, program: str, *arguments: str, folder: Path | None = None) -> Ran:
        """A program that others wrote, as pip installed it, with what `aws-env` says."""
        path = os.pathsep.join((str(BIN), self.environment.get("PATH", "")))
        return self._run([str(BIN / program), *arguments], {**self.aws_environment(), "PATH": path}, folder)

    def elbv2(self, *arguments: str) -> Any:
        """The same of `aws elbv2`."""
        ran = self.aws_raw(*arguments, service="elbv2")
        assert ran.code == 0, ran
        return json.loads(ran.out) if ran.out.strip() else None

    def scheduler(self, *arguments: str) -> Any:
        """The same of `aws scheduler`."""
        ran = self.aws_raw(*arguments, service="scheduler")
        assert ran.code == 0, ran
        return json.loads(ran.out) if ran.out.strip() else None

    def aws_environment(self) -> dict[str, str]:
        return dict(re.findall(r"^export (\w+)=['\"]?(.*?)['\"]?$", self.ok("aws-env").out, re.MULTILINE))

    def ecs(self, told: Mapping[str, str] | None = None) -> Any:
        """A boto3 client of the controller; `told` is what `aws-env` has said, where many clients are to be had."""
        import boto3

        told = told or self.aws_environment()
        return boto3.client(
            "ecs",
            endpoint_url=told["AWS_ENDPOINT_URL_ECS"],
            region_name=told["AWS_DEFAULT_REGION"],
            aws_access_key_id=told["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=told["AWS_SECRET_ACCESS_KEY"],
        )

    def containers(self, *, everything: bool = False) -> list[dict[str, Any]]:
        """The running containers of this room's tasks; or everything, running or not, the balancer too."""
        home_id = (self.home / "home-id").read_text().strip()
        filters = {"label": [f"chaos-ecs.home={home_id}", *(() if everything else ("chaos-ecs.task",))]}
        found: list[dict[str, Any]] = self.client.containers(all=everything, filters=filters)
        return found

    def controller_pid(self) -> int:
        return int(json.loads((self.home / "controller.json").read_text())["pid"])

    def kill_controller(self) -> None:
        """SIGKILL, and waits until the process is gone."""
        pid = self.controller_pid()
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: not is_alive(pid), within=10)

    def _run(self, command: list[str], environment: dict[str, str], folder: Path | None = None) -> Ran:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=LONG_SECONDS,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return not status.stdout.strip().startswith("Z") and bool(status.stdout.strip())


@pytest.fixture(scope="session")
def engine_client() -> docker.APIClient:
    try:
        return engine.connect()
    except ChaosEcsError as error:
        if os.environ.get("CI"):
            pytest.fail(f"CI must have an engine: {error}")
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def workload_images(engine_client: docker.APIClient, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Built once for all of them: that is no part of the lesson."""
    environment = {**os.environ, "CHAOS_ECS_HOME": str(tmp_path_factory.mktemp("images"))}
    for image in ("balancer", "web", "postgres", "queue", "workloads"):
        subprocess.run(
            [str(BIN / "chaos-ecs"), "images", "build", image], env=environment, check=True, capture_output=True
        )


@pytest.fixture
def room(tmp_path: Path, engine_client: docker.APIClient) -> Iterator[Room]:
    yield from opened_room(tmp_path, engine_client)


def opened_room(tmp_path: Path, client: docker.APIClient, **more: str) -> Iterator[Room]:
    """A room on this engine, with more in its environment; what was made in it is gone afterwards."""
    home = tmp_path / "home"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CHAOS_ECS_"))}
    environment = {**kept, "CHAOS_ECS_HOME": str(home), "NO_COLOR": "1", "HOME": str(tmp_path), **more}
    if "DOCKER_CONFIG" not in environment:
        environment["DOCKER_CONFIG"] = str(Path.home() / ".docker")
    made = Room(home, environment, client)
    yield made
    made.run("controller", "stop")
    made.run("clean", "--yes")
    left = made.containers(everything=True) if (home / "home-id").exists() else []
    shutil.rmtree(home, ignore_errors=True)
    assert left == []


@pytest.fixture
def running() -> Iterator[Running]:
    """A server on a simulated controller; needs no engine."""
    with served() as started:
        yield started
