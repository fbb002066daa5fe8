"""Docker Swarm on this engine alone: restart delay 0, no published ports, the default bridge."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from docker import types

from tests.bench.room import Room
from tests.bench.systems.system import MARK, MEMORY_MIB, STOP_TIMEOUT_SECONDS, Group, Work

NANOSECONDS = 1_000_000_000


@dataclass(frozen=True)
class SwarmGroup:
    room: Room
    service_id: str
    label: str

    def scale(self, count: int) -> None:
        seen = self.room.client.inspect_service(self.service_id)
        spec = seen["Spec"]
        self.room.client.update_service(
            self.service_id,
            version=seen["Version"]["Index"],
            name=spec["Name"],
            labels=spec["Labels"],
            task_template=spec["TaskTemplate"],
            mode={"Replicated": {"Replicas": count}},
        )

    def renew(self) -> None:
        """With restart delay 0 no kill slows the next replacement down."""


class Swarm:
    name = "Docker Swarm"

    def __init__(self, room: Room) -> None:
        self._room = room

    @contextmanager
    def group(self, work: Work) -> Iterator[Group]:
        client = self._room.client
        name = self._room.unique(work.name)
        label = self._room.own(f"{MARK}={name}")
        made = client.create_service(
            _template(work, name), name=name, labels={MARK: name}, mode=types.ServiceMode("replicated", replicas=0)
        )
        try:
            yield SwarmGroup(self._room, made["ID"], label)
        finally:
            client.remove_service(made["ID"])
            self._room.remove_all(label)


def _template(work: Work, name: str) -> Any:
    container = types.ContainerSpec(
        work.image, labels={MARK: name}, stop_grace_period=STOP_TIMEOUT_SECONDS * NANOSECONDS
    )
    return types.TaskTemplate(
        container,
        resources=types.Resources(mem_limit=MEMORY_MIB * 1024 * 1024),
        restart_policy=types.RestartPolicy(condition="any", delay=0),
    )


@contextmanager
def started(room: Room) -> Iterator[Swarm]:
    """Uses the Swarm that is there, or makes one for the run and leaves it afterwards."""
    was_active = room.client.info()["Swarm"]["LocalNodeState"] == "active"
    if not was_active:
        room.client.init_swarm(advertise_addr="127.0.0.1", listen_addr="127.0.0.1")
    try:
        yield Swarm(room)
    finally:
        if not was_active:
            room.client.leave_swarm(force=True)
