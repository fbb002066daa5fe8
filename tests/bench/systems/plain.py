"""Containers made by hand, without a manager: the floor's, the bounded loop's and those of `--restart=always`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from docker import APIClient

from tests.bench.room import Room, await_true, running_program
from tests.bench.systems.system import MARK, MEMORY_MIB, Group, Work

HANDS = 8
PROJECT = Path(__file__).parents[3]


def create_and_start(client: APIClient, label: str, *, network: str, image: str, restart: bool = False) -> None:
    """One container like those of all the other systems."""
    key, _, value = label.partition("=")
    config = client.create_host_config(
        network_mode=network,
        mem_limit=f"{MEMORY_MIB}m",
        memswap_limit=f"{MEMORY_MIB}m",
        restart_policy={"Name": "always"} if restart else None,
    )
    made = client.create_container(image, labels={key: value}, host_config=config)
    client.start(made["Id"])


@dataclass
class PlainGroup:
    room: Room
    label: str
    image: str
    restart: bool
    _count: int = field(default=0, init=False)

    def scale(self, count: int) -> None:
        """A bounded loop: eight threads that create and start."""
        assert self._count == 0, "made by hand, it only grows from nothing"
        self._count = count
        with ThreadPoolExecutor(HANDS) as hands:
            list(hands.map(lambda _: self._start_one(), range(count)))

    def renew(self) -> None:
        """`--restart=always` doubles its delay with every death of the same container; the others have none."""
        if self.restart:
            self.room.remove_all(self.label)
            count, self._count = self._count, 0
            self.scale(count)

    def _start_one(self) -> None:
        room = self.room
        create_and_start(room.client, self.label, network=room.network, image=self.image, restart=self.restart)


class Loop:
    """Eight threads of create and start, and nobody who watches."""

    name = "bounded loop"

    def __init__(self, room: Room) -> None:
        self._room = room

    @contextmanager
    def group(self, work: Work) -> Iterator[Group]:
        with _plain_group(self._room, work, restart=False) as made:
            yield made


class RestartAlways:
    """The engine's own restart policy."""

    name = "--restart=always"

    def __init__(self, room: Room) -> None:
        self._room = room

    @contextmanager
    def group(self, work: Work) -> Iterator[Group]:
        with _plain_group(self._room, work, restart=True) as made:
            yield made


class Floor:
    """The least that anybody can do: a script of its own process that answers `die` with create and start."""

    name = "floor"

    def __init__(self, room: Room) -> None:
        self._room = room

    @contextmanager
    def group(self, work: Work) -> Iterator[Group]:
        room = self._room
        with _plain_group(room, work, restart=False) as made:
            command = [sys.executable, "-m", "tests.bench.floor", made.label, room.network, work.image]
            ready = room.folder / f"floor-{len(room.labels)}.ready"
            with running_program([*command, str(ready)], folder=room.folder, environment=_environment()):
                await_true(ready.exists, within=30, what="the floor script")
                yield made


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(PROJECT)}


@contextmanager
def _plain_group(room: Room, work: Work, *, restart: bool) -> Iterator[PlainGroup]:
    label = room.own(f"{MARK}={room.unique(work.name)}")
    try:
        yield PlainGroup(room, label, work.image, restart)
    finally:
        room.remove_all(label)
