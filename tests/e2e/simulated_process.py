"""A controller on the simulator as a process of its own, its record in the real database: one that can be killed,
started again and measured.

`python -m tests.e2e.simulated_process FOLDER` is that process. It forgets no container at its end: what ran goes on in
the next one, as real containers do while nobody controls them.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from chaos_ecs.api.server import Server
from chaos_ecs.controller import Controller
from chaos_ecs.core.messages import ContainerSeen, RunState
from chaos_ecs.core.model import Container, ContainerDefinition
from chaos_ecs.core.state import State
from chaos_ecs.live.clock import WallClock
from chaos_ecs.live.store import SqliteStore
from chaos_ecs.sim.balancer import SimBalancer
from chaos_ecs.sim.engine import SimEngine
from chaos_ecs.sim.runtime import SimRuntime
from tests.builders import eventually
from tests.e2e.simulated import KEYS, Endpoint

PORT = "port"
LOG = "controller.log"
LEFT = "left.json"
READY_WITHIN_SECONDS = 60.0


class SimulatedProcess(Endpoint):
    """The process, seen from the test's."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def port(self) -> int:
        return int((self._folder / PORT).read_text())

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        (self._folder / PORT).unlink(missing_ok=True)
        with (self._folder / LOG).open("ab") as output:
            command = [sys.executable, "-m", __spec__.name, str(self._folder)]
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        eventually((self._folder / PORT).exists, within=READY_WITHIN_SECONDS)

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        assert self._process is not None
        self._process.send_signal(number)
        self._process.wait(30)

    def log(self) -> str:
        return (self._folder / LOG).read_text()

    def left(self) -> Any:
        """What the simulated engine still has once the process has ended by SIGTERM."""
        return json.loads((self._folder / LEFT).read_text())

    def memory(self) -> int:
        """Resident, in KB."""
        command = ["ps", "-o", "rss=", "-p", str(self.pid)]
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    def descriptors(self) -> int:
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))

    def threads(self) -> int:
        return len(list(Path(f"/proc/{self.pid}/task").iterdir()))


@contextlib.contextmanager
def started(folder: Path) -> Iterator[SimulatedProcess]:
    process = SimulatedProcess(folder)
    process.start()
    try:
        yield process
    finally:
        process.end()


# --- inside it ---


def _run(folder: Path) -> None:
    clock = WallClock()
    engine = SimEngine(clock, Random(1))
    store = SqliteStore(folder / "state.db")
    runtime, balancer = SimRuntime(engine), SimBalancer(engine)
    controller = Controller(clock=clock, runtime=runtime, balancer=balancer, store=store, salt=os.urandom(8).hex())
    engine.adopt(list(_ran(controller.state)))
    loop = threading.Thread(target=controller.run, name="controller")
    loop.start()
    server = Server(controller, KEYS, port=0, info={"home": "here", "simulated": True, "seed": 1})
    unfinished = folder / f"{PORT}.new"
    unfinished.write_text(str(server.port))
    unfinished.rename(folder / PORT)
    server.run()
    controller.stop()
    loop.join()
    running = [one.seen.task_arn for one in engine.containers.values() if one.seen.state is RunState.RUNNING]
    left = {"running": running, "ports": list(engine._ports), "addresses": list(engine._of_address)}
    (folder / LEFT).write_text(json.dumps(left))


def _ran(state: State) -> Iterator[tuple[ContainerSeen, ContainerDefinition]]:
    for task in (*state.tasks.values(), *state.standbys.values()):
        definitions = {one.name: one for one in state.task_definitions[task.task_definition_arn].containers}
        for container in task.containers:
            if container.is_live:
                yield _seen(task.arn, container), definitions[container.name]


def _seen(task_arn: str, container: Container) -> ContainerSeen:
    assert container.runtime_id is not None
    return ContainerSeen(
        task_arn,
        container.name,
        container.runtime_id,
        RunState.RUNNING,
        started_at=container.started_at,
        paused=container.paused,
        health_status=container.health_status,
        bindings=container.bindings,
        address=container.address,
        image_digest=container.image_digest,
    )


if __name__ == "__main__":
    _run(Path(sys.argv[1]))
