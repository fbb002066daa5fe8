"""chaos-ecs itself, as a user has it: a controller in a process of its own, spoken to through its API."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from chaos_ecs import wiring
from chaos_ecs.cli.client import HttpController
from chaos_ecs.config import DEFAULT_CLUSTER, Settings
from chaos_ecs.errors import ChaosEcsError
from chaos_ecs.sigv4 import Credentials
from tests.bench.room import Room, await_true, free_port
from tests.bench.systems.system import MEMORY_MIB, STOP_TIMEOUT_SECONDS, Group, Work, listed


@dataclass(frozen=True)
class OurGroup:
    controller: HttpController
    service: str
    label: str

    def scale(self, count: int) -> None:
        self.controller.ecs("UpdateService", cluster=DEFAULT_CLUSTER, service=self.service, desiredCount=count)

    def renew(self) -> None:
        """Nothing slows down: a task that ran is replaced at full speed."""


@dataclass(frozen=True)
class Ours:
    room: Room
    controller: HttpController
    settings: Settings
    pid: int
    keys: Credentials
    port: int
    name: str = "chaos-ecs"

    @contextmanager
    def group(self, work: Work) -> Iterator[Group]:
        """A service of this controller, `work.standby` warm standbys behind it."""
        service = self.room.unique(work.name)
        container = {
            "name": "app",
            "image": work.image,
            "memory": MEMORY_MIB,
            "stopTimeout": STOP_TIMEOUT_SECONDS,
        }
        self.controller.ecs("RegisterTaskDefinition", family=service, containerDefinitions=[container])
        told = self.controller.ecs(
            "CreateService",
            cluster=DEFAULT_CLUSTER,
            serviceName=service,
            taskDefinition=service,
            desiredCount=0,
        )
        label = self.room.own(f"chaos-ecs.service={told['service']['serviceArn']}")
        if work.standby:
            self.controller.own("SetStandby", cluster=DEFAULT_CLUSTER, service=service, count=work.standby)
        try:
            yield OurGroup(self.controller, service, label)
        finally:
            self.controller.ecs("DeleteService", cluster=DEFAULT_CLUSTER, service=service, force=True)
            await_true(lambda: not self._alive(label), within=120, what=f"the end of {service}")

    def _alive(self, label: str) -> list[str]:
        return [*listed(self.room.client, label, status="running"), *listed(self.room.client, label, status="paused")]


@contextmanager
def started(room: Room, *, simulate: bool = False) -> Iterator[Ours]:
    """A controller in a state folder of its own; it, its containers and its folder are gone afterwards."""
    home = room.folder / ("home-simulated" if simulate else "home")
    settings = Settings(home=home, port=free_port())
    info, _ = wiring.start_controller_process(settings, simulate=simulate, seed=1 if simulate else None)
    room.own(f"chaos-ecs.home={wiring.prepare_home(settings)}")
    try:
        keys = wiring.credentials(settings)
        yield Ours(room, HttpController(info.port, keys, settings.region), settings, info.pid, keys, info.port)
    finally:
        _stop(settings, home)


def _stop(settings: Settings, home: Path) -> None:
    if info := wiring.running_controller(settings):
        try:
            HttpController(info.port, wiring.credentials(settings), settings.region).own("StopController")
        except ChaosEcsError as error:
            if error.code != "E-CONTROLLER-LOST":  # it was quicker to end than to answer
                raise
        await_true(lambda: not (home / "controller.json").exists(), within=60, what="the controller's end")
    wiring.clean(settings)
