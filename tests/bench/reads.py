"""Requests a second for DescribeTasks of 100 tasks and ListTasks: raw signed HTTP, kept alive, each client a process.

No system has containers here (ours simulates, moto and ministack only remember), so this is the API alone. The client
is this module too: `python -m tests.bench.reads` reads its orders from standard input.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPConnection

from chaos_ecs.cli.client import ECS, HttpController
from chaos_ecs.config import DEFAULT_REGION
from chaos_ecs.sigv4 import Credentials, sign
from tests.bench.figures import Figures
from tests.bench.room import await_true

OPERATIONS = ("DescribeTasks", "ListTasks")
CLIENTS = (1, 8)
TASKS = 100
READY = "ready"
LEAD_SECONDS = 0.3
"""Until all of them begin: by then each has read when."""
STARTING = ("PROVISIONING", "PENDING", "ACTIVATING")


@dataclass(frozen=True)
class Target:
    """A server with a service of 100 tasks."""

    name: str
    port: int
    keys: Credentials
    bodies: dict[str, str]


def name_of(operation: str, clients: int) -> str:
    return f"{operation} of {TASKS}, {clients} client{'s' if clients > 1 else ''}"


def target(name: str, controller: HttpController, port: int, keys: Credentials, cluster: str) -> Target:
    """Puts 100 tasks there: ten times RunTask of ten, the most that one request may ask for. FARGATE, because moto
    would want container instances registered first."""
    container = {"name": "app", "image": "chaos-ecs/demo:1", "memory": 64}
    controller.ecs("RegisterTaskDefinition", family="reads", containerDefinitions=[container])
    for _ in range(TASKS // 10):
        controller.ecs("RunTask", cluster=cluster, taskDefinition="reads", count=10, launchType="FARGATE")

    def arns() -> list[str]:
        listed: list[str] = controller.ecs("ListTasks", cluster=cluster)["taskArns"]
        return listed

    def all_started() -> bool:
        """Not "all RUNNING": moto moves a task on at every look, past RUNNING too."""
        told = controller.ecs("DescribeTasks", cluster=cluster, tasks=arns())["tasks"]
        return len(told) == TASKS and not any(task["lastStatus"] in STARTING for task in told)

    await_true(all_started, within=120, what=f"{TASKS} tasks of {name}")
    bodies = {
        "DescribeTasks": json.dumps({"cluster": cluster, "tasks": arns()}),
        "ListTasks": json.dumps({"cluster": cluster}),
    }
    return Target(name, port, keys, bodies)


def measure(figures: Figures, targets: Sequence[Target], *, rounds: int, seconds: float) -> None:
    for operation in OPERATIONS:
        for clients in CLIENTS:
            for _ in range(rounds):
                for each in targets:
                    rate = _rate(each, operation, clients, seconds)
                    figures.add(name_of(operation, clients), each.name, rate, "requests/s")


def _rate(where: Target, operation: str, clients: int, seconds: float) -> float:
    """All clients start at one moment, once every one of them is ready, and count what was answered until another."""
    orders = json.dumps(
        {
            "port": where.port,
            "keys": [where.keys.access_key_id, where.keys.secret_access_key],
            "operation": operation,
            "body": where.bodies[operation],
        }
    )
    command = [sys.executable, "-m", "tests.bench.reads"]
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(clients)
    ]
    for process in processes:
        _tell(process, orders)
    for process in processes:
        assert _hear(process) == READY
    begin = time.time() + LEAD_SECONDS
    for process in processes:
        _tell(process, json.dumps([begin, begin + seconds]))
    answered = 0
    for process in processes:
        answered += int(_hear(process))
        process.communicate()
    return answered / seconds


def _tell(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{line}\n")
    process.stdin.flush()


def _hear(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def _client() -> None:
    orders = json.loads(sys.stdin.readline())
    body = orders["body"].encode()
    headers = sign(
        "POST",
        "/",
        "",
        {
            "Host": f"127.0.0.1:{orders['port']}",
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": f"{ECS}.{orders['operation']}",
        },
        body,
        credentials=Credentials(*orders["keys"]),
        region=DEFAULT_REGION,
        service="ecs",
        now=time.time(),
    )
    connection = HTTPConnection("127.0.0.1", orders["port"], timeout=60)
    sys.stdout.write(f"{READY}\n")
    sys.stdout.flush()
    begin, end = json.loads(sys.stdin.readline())
    time.sleep(max(0.0, begin - time.time()))
    answered = 0
    while time.time() < end:
        connection.request("POST", "/", body, headers)
        response = connection.getresponse()
        said = response.read()
        assert response.status == 200, said
        answered += 1
    sys.stdout.write(f"{answered}\n")


if __name__ == "__main__":
    _client()
