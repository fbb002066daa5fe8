"""Requests a second through our balancer, beside the same HAProxy configured by hand in front of the same tasks.

The load generator is `wrk`, where it is installed. Twice: in front of the demo image's web role, whose httpd forks for
every request and is the bottleneck itself, and in front of tasks that answer at once, where it is the balancer.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from typing import Any

from chaos_ecs.live import balancer_container
from tests.bench.figures import Figures
from tests.bench.observer import NotSeenError
from tests.bench.room import Room, await_true
from tests.bench.systems import balanced, haproxy
from tests.bench.systems.ours import Ours

TASKS = 3
_ANSWERING = """defaults
    mode http
    timeout connect 1s
    timeout client 60s
    timeout server 60s
frontend web
    bind :8080
    http-request return status 200 content-type text/plain string quick
"""
DEMO, QUICK = "demo's tasks", "tasks that answer at once"
CONTAINERS: Mapping[str, dict[str, Any]] = {
    DEMO: balanced.DEMO,
    QUICK: {
        "image": balancer_container.IMAGE,
        "entryPoint": ["/bin/sh", "-c", 'printf %s "$CONFIG" > /tmp/web.cfg; exec haproxy -db -f /tmp/web.cfg'],
        "environment": [{"name": "CONFIG", "value": _ANSWERING}],
    },
}
KEPT, NEW = "kept alive", "one connection each"
CONNECTIONS: Mapping[str, list[str]] = {KEPT: [], NEW: ["-H", "Connection: close"]}
_WRK = ["wrk", "--threads", "2", "--connections", "8", "--latency"]  # httpd queues 9; a SYN more waits 1 s
_RATE = re.compile(r"^Requests/sec:\s+([\d.]+)", re.MULTILINE)
_P99 = re.compile(r"^\s+99%\s+([\d.]+)(us|ms|s|m)\s*$", re.MULTILINE)
_TROUBLE = re.compile(r"^\s+(Socket errors: .*|Non-2xx or 3xx responses: .*)$", re.MULTILINE)
_MILLISECONDS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}


def name_of(tasks: str, connections: str) -> str:
    return f"balancing {tasks}, {connections}"


def p99_name_of(tasks: str, connections: str) -> str:
    return f"{name_of(tasks, connections)}: p99"


def measure(room: Room, figures: Figures, we: Ours, *, rounds: int, seconds: float) -> None:
    """In turns, each round in another order."""
    if shutil.which(_WRK[0]) is None:
        figures.troubles.append("balancing, requests a second: there is no wrk (on Debian: apt-get install wrk)")
        return
    for tasks, container in CONTAINERS.items():
        with (
            balanced.service(room, we, count=TASKS, container=container) as ours,
            haproxy.started(room, haproxy.static(ours.addresses()), ours.network()) as port,
        ):
            ports = [(ours.name, ours.port), (haproxy.NAME, port)]
            for _, each in ports:
                await_true(lambda each=each: _answers(each), within=30, what=f"an answer at port {each}")  # type: ignore[misc]
            before = sorted(ours.containers())
            for connections in CONNECTIONS:
                for _ in range(rounds):
                    for system, asked in ports:
                        _once(figures, system, asked, tasks=tasks, connections=connections, seconds=seconds)
                    ports.reverse()
            if sorted(ours.containers()) != before:
                figures.troubles.append(f"balancing {tasks}: tasks were replaced under the load, both had fewer")


def _once(figures: Figures, system: str, port: int, *, tasks: str, connections: str, seconds: float) -> None:
    command = [*_WRK, "--duration", f"{seconds:g}s", *CONNECTIONS[connections], f"http://127.0.0.1:{port}/health"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    for trouble in _TROUBLE.findall(said):
        figures.troubles.append(f"{name_of(tasks, connections)}, {system}: {trouble}")
    rate, p99 = _RATE.search(said), _P99.search(said)
    if rate is None or p99 is None:
        raise NotSeenError(f"wrk said nothing that can be read: {said!r}")
    figures.add(name_of(tasks, connections), system, float(rate[1]), "requests/s")
    figures.add(p99_name_of(tasks, connections), system, float(p99[1]) * _MILLISECONDS[p99[2]])


def _answers(port: int) -> bool:
    command = [_WRK[0], "-t1", "-c1", "-d1s", f"http://127.0.0.1:{port}/health"]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return _RATE.search(said) is not None and "Non-2xx" not in said and "Requests/sec:      0.00" not in said
