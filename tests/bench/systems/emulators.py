"""The emulators from PyPI, each a server of its own on 127.0.0.1: ministack, whose ECS starts real containers, and
moto, whose ECS only remembers."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from chaos_ecs.cli.client import HttpController
from chaos_ecs.config import DEFAULT_REGION
from chaos_ecs.errors import ChaosEcsError
from chaos_ecs.live import engine
from chaos_ecs.sigv4 import Credentials
from tests.bench.room import Room, await_port, free_port, program, running_program
from tests.bench.systems.system import MEMORY_MIB, STOP_TIMEOUT_SECONDS, Group, Work

CLUSTER = "bench"
KEYS = Credentials("testing", "testing")  # neither of them looks at the signature
PATIENCE_SECONDS = 300.0
NO_ENGINE = "tcp://127.0.0.1:9"  # the discard port: nobody answers, so its ECS goes without containers


@dataclass(frozen=True)
class EmulatorGroup:
    controller: HttpController
    service: str
    label: str

    def scale(self, count: int) -> None:
        self.controller.ecs("UpdateService", cluster=CLUSTER, service=self.service, desiredCount=count)

    def renew(self) -> None:
        """It replaces at full speed, every time."""


@dataclass(frozen=True)
class Emulator:
    name: str
    room: Room
    controller: HttpController
    port: int

    @contextmanager
    def group(self, work: Work) -> Iterator[Group]:
        service = self.room.unique(work.name)
        container = {
            "name": "app",
            "image": work.image,
            "memory": MEMORY_MIB,
            "stopTimeout": STOP_TIMEOUT_SECONDS,
            "versionConsistency": "disabled",  # or ministack asks a registry, which this machine may not reach
        }
        self.controller.ecs("RegisterTaskDefinition", family=service, containerDefinitions=[container])
        self.controller.ecs(
            "CreateService", cluster=CLUSTER, serviceName=service, taskDefinition=service, desiredCount=0
        )
        label = self.room.own(f"com.amazonaws.ecs.task-definition-family={service}")
        try:
            yield EmulatorGroup(self.controller, service, label)
        finally:
            self._remove(service, label)

    def _remove(self, service: str, label: str) -> None:
        """Its request stops task after task before it answers, so the containers are removed under its hands."""
        asking = threading.Thread(target=self._delete, args=(service,), daemon=True)
        asking.start()
        while asking.is_alive():
            self.room.remove_all(label)
            asking.join(0.5)
        self.room.remove_all(label)

    def _delete(self, service: str) -> None:
        with suppress(ChaosEcsError):  # whatever it says: what counts is that nothing is left
            self.controller.ecs("DeleteService", cluster=CLUSTER, service=service, force=True)


@contextmanager
def ministack(room: Room) -> Iterator[Emulator]:
    """Its tasks are containers."""
    # It knows no Docker contexts, so it is told which engine.
    yield from _ministack(room, engine.addresses(os.environ)[0].text)


@contextmanager
def ministack_without_engine(room: Room) -> Iterator[Emulator]:
    """Its tasks are records only."""
    yield from _ministack(room, NO_ENGINE)


def _ministack(room: Room, engine_address: str) -> Iterator[Emulator]:
    port = free_port()
    settings = {
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "SERVICES": "ecs",
        "LOG_LEVEL": "WARNING",
        "TMPDIR": str(room.folder),
        "DOCKER_HOST": engine_address,
    }
    yield from _served("ministack", [program("ministack")], room, port, settings)


@contextmanager
def moto(room: Room) -> Iterator[Emulator]:
    port = free_port()
    yield from _served("moto", [program("moto_server"), "-H", "127.0.0.1", "-p", str(port)], room, port, {})


def _served(name: str, command: list[str], room: Room, port: int, settings: dict[str, str]) -> Iterator[Emulator]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    environment = {**kept, **settings}
    with running_program(command, folder=room.folder, environment=environment) as process:
        await_port(port, process)
        controller = HttpController(port, KEYS, DEFAULT_REGION, patience=PATIENCE_SECONDS)
        controller.ecs("CreateCluster", clusterName=CLUSTER)
        yield Emulator(name, room, controller, port)
