"""ECS APIs for --endpoint: moto's server in a process of its own, ours, and one that only refuses."""

from __future__ import annotations

import contextlib
import http.server
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.builders import eventually
from tests.contract.worlds import a_free_port
from tests.e2e.simulated import KEYS, served

BIN = Path(sys.executable).parent
MOTO = BIN.parent / "moto" / "bin" / "moto_server"
FAMILY = "lesson"
REGION = "us-east-1"
_STARTED_WITHIN = 60
_ENDED_WITHIN = 120
_NUMBERS = itertools.count(1)


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


@dataclass(frozen=True)
class There:
    """An ECS API at a URL with a cluster of its own; `ecs` is boto3's client, which looks independently."""

    url: str
    home: Path
    cluster: str
    ecs: Any
    keys: dict[str, str]
    ends_soon: Callable[[], None] = field(default=lambda: None)  # from now on tasks of batch-job end by themselves

    @property
    def environment(self) -> dict[str, str]:
        return an_environment(self.home) | self.keys

    @property
    def options(self) -> tuple[str, ...]:
        return ("--endpoint", self.url, "--cluster", self.cluster)

    def run(self, *arguments: str, **more: str) -> Ran:
        """The installed chaos-ecs without a terminal, with --endpoint and --cluster."""
        return run([*self.options, *arguments], self.environment | more)

    def ok(self, *arguments: str) -> Ran:
        ran = self.run(*arguments)
        assert ran.code == 0, ran
        return ran

    def started(self) -> str:
        """A standalone task that runs; its ARN."""
        arn = str(self.ecs.run_task(cluster=self.cluster, taskDefinition=FAMILY)["tasks"][0]["taskArn"])
        eventually(lambda: self.task(arn)["lastStatus"] == "RUNNING", within=30)
        return arn

    def task(self, arn: str) -> Any:
        return self.ecs.describe_tasks(cluster=self.cluster, tasks=[arn])["tasks"][0]

    @property
    def tasks(self) -> list[str]:
        """The ARNs of all that are listed, those that are meant to run first."""
        listed = [self.ecs.list_tasks(cluster=self.cluster, desiredStatus=word) for word in ("RUNNING", "STOPPED")]
        return [arn for answer in listed for arn in answer["taskArns"]]

    def service(self, name: str) -> Any:
        return self.ecs.describe_services(cluster=self.cluster, services=[name])["services"][0]

    def all_there_is(self) -> dict[str, Any]:
        """What a change would show in: services, tasks, and the revisions of the family."""
        services = self.ecs.list_services(cluster=self.cluster)["serviceArns"]
        tasks = [(arn, self.task(arn)["desiredStatus"]) for arn in self.tasks]
        counted = [(self.service(arn)["desiredCount"], self.service(arn)["status"]) for arn in services]
        revisions = self.ecs.list_task_definitions(familyPrefix=FAMILY)["taskDefinitionArns"]
        return {"services": counted, "tasks": tasks, "revisions": revisions}


def an_environment(home: Path) -> dict[str, str]:
    """Without anybody's keys, and without a look for a role of this machine."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CHAOS_ECS_"))}
    quiet = {"AWS_EC2_METADATA_DISABLED": "true", "NO_COLOR": "1", "HOME": str(home)}
    return {**kept, **quiet, "CHAOS_ECS_HOME": str(home / "state")}


def run(arguments: list[str], environment: dict[str, str]) -> Ran:
    done = subprocess.run(
        [str(BIN / "chaos-ecs"), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=_ENDED_WITHIN,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


# --- who answers ---


Place = Callable[[Path], There]
"""Makes a cluster of its own."""


@contextlib.contextmanager
def moto() -> Iterator[Place]:
    """moto's server; skipped where `make test` has not put it there, failed where CI is set."""
    if not MOTO.exists():
        missing = f"no {MOTO}: make test installs it"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    url = f"http://127.0.0.1:{a_free_port()}"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MOTO_"))}
    process = subprocess.Popen(
        [str(MOTO), "-H", "127.0.0.1", "-p", url.rpartition(":")[2]],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    keys = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": REGION}

    def moving(looks: int) -> None:
        """A task moves one status on, the last of which is STOPPED, after so many looks at it."""
        body = {"model_name": "ecs::task", "transition": {"progression": "manual", "times": looks}}
        request = urllib.request.Request(f"{url}/moto-api/state-manager/set-transition", json.dumps(body).encode())
        request.add_header("Content-Type", "application/json")
        urllib.request.urlopen(request, timeout=20).close()

    def is_there() -> bool:
        assert process.poll() is None, "moto's server ended"
        with contextlib.suppress(OSError):
            moving(1_000_000)
            return True
        return False

    def place(home: Path) -> There:
        moving(1_000_000)
        there = _seeded(url, home, keys, lambda: moving(1))
        short = {"name": "app", "image": "busybox", "memory": 64, "essential": True}
        there.ecs.register_task_definition(family="batch-job", containerDefinitions=[short])
        return there

    try:
        eventually(is_there, within=_STARTED_WITHIN)
        yield place
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


@contextlib.contextmanager
def ours() -> Iterator[Place]:
    """Our own controller, on the simulator."""
    with served() as running:
        keys = {
            "AWS_ACCESS_KEY_ID": KEYS.access_key_id,
            "AWS_SECRET_ACCESS_KEY": KEYS.secret_access_key,
            "AWS_DEFAULT_REGION": REGION,
        }
        yield lambda home: _seeded(f"http://{running.host}", home, keys, lambda: None)


def _seeded(url: str, home: Path, keys: dict[str, str], ends_soon: Callable[[], None]) -> There:
    ecs = boto3.client(
        "ecs",
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
    )
    cluster = f"lab-{next(_NUMBERS)}"
    capacity = [{"capacityProvider": "FARGATE", "weight": 1}]  # moto wants container instances for anything else
    ecs.create_cluster(clusterName=cluster, capacityProviders=["FARGATE"], defaultCapacityProviderStrategy=capacity)
    lasting = {"name": "app", "image": "nginx", "memory": 64, "essential": True}
    ecs.register_task_definition(family=FAMILY, containerDefinitions=[lasting])
    return There(url, home, cluster, ecs, keys, ends_soon)


# --- who only refuses ---


@dataclass
class Refuser:
    """Answers every operation with an error of the API; `asked` is what it was asked, each try."""

    url: str = ""
    status: int = 400
    code: str = ""
    message: str = "it is so"
    asked: list[str] = field(default_factory=list)


@contextlib.contextmanager
def a_refuser(code: str, message: str, status: int) -> Iterator[Refuser]:
    refuser = Refuser(status=status, code=code, message=message)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            refuser.asked.append(str(self.headers.get("X-Amz-Target") or "STS").rpartition(".")[2])
            body = json.dumps({"__type": refuser.code, "message": refuser.message}).encode()
            self.send_response(refuser.status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            """Nothing is printed."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    refuser.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield refuser
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()
