"""Engines beside the own one: how they are named, which are remembered, and how images come to them."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from chaos_ecs.core.model import PortMapping
from chaos_ecs.live import further, recipe
from chaos_ecs.live.images import ImageError, Images
from chaos_ecs.live.statistics import CpuEverywhere, CpuReader
from tests.builders import a_container
from tests.unit.fake_machine import FakeMachine
from tests.unit.test_images import FakeEngine
from tests.unit.test_live_translation import HOME, a_task

MINE = "mine:1"
DEMO = "chaos-ecs/demo:1"


class SavingEngine(FakeEngine):
    """One that images are carried from and to."""

    def __init__(self, *here: str, registry: tuple[str, ...] = ()) -> None:
        super().__init__(here, registry)
        self.breaks = False
        self.carried = 0

    def get_image(self, image: str) -> Iterator[bytes]:
        self.acts.append(f"save {image}")
        yield image.encode()
        if self.breaks:
            raise requests.exceptions.ConnectionError("connection reset")

    def load_image(self, pieces: Iterator[bytes]) -> Iterator[Mapping[str, Any]]:
        self.may_go_on.wait(10)
        image = b"".join(pieces).decode()
        self.acts.append(f"load {image}")
        labels = {"chaos-ecs.image": "demo"} if image.startswith("chaos-ecs/") else None
        self.images_here[image] = {"Config": {"Labels": labels}}
        yield {"stream": "Loaded"}

    def close(self) -> None:
        """As APIClient has it."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    demo = tmp_path / "task_images" / "demo"
    demo.mkdir(parents=True)
    (demo / "Dockerfile").write_text("ARG BASE=busybox:1.37\nFROM ${BASE}\n", encoding="utf-8")
    return demo.parent


def carried(own: FakeEngine, there: FakeEngine, folder: Path) -> further.CarriedImages:
    def images_of(client: Any) -> Images:
        return Images(client, machine=FakeMachine(programs=[]), folder=folder, registry_patience=0.05)

    return further.Carrier(lambda: own, images_of).images_on(there)


def test_what_the_own_engine_has_is_carried_over_once_for_all_who_need_it(folder: Path) -> None:
    own, there = SavingEngine(MINE), SavingEngine()
    images = carried(own, there, folder)
    there.may_go_on.clear()
    told: list[str] = []
    with ThreadPoolExecutor(4) as threads:
        waiting = [threads.submit(images.ensure, MINE, lambda: told.append("pull")) for _ in range(4)]
        threading.Timer(0.05, there.may_go_on.set).start()
        for one in waiting:
            one.result(10)
    assert (own.acts, there.acts) == ([f"save {MINE}"], [f"load {MINE}"])
    assert set(told) == {"pull"}


def test_what_is_there_already_is_neither_carried_nor_told_of(folder: Path) -> None:
    own, there = SavingEngine(MINE), SavingEngine(MINE)
    carried(own, there, folder).ensure(MINE, lambda: pytest.fail("nothing is brought"))
    assert (own.acts, there.acts) == ([], [])


def test_whoever_comes_when_another_has_just_brought_it_does_not_bring_it_again(folder: Path) -> None:
    own, there = SavingEngine(MINE), SavingEngine(MINE)
    images = carried(own, there, folder)
    further.Carrier(lambda: own, Images).carry(MINE, there, images)
    assert (own.acts, there.acts) == ([], [])


def test_what_the_own_engine_has_not_the_other_one_pulls(folder: Path) -> None:
    own, there = SavingEngine(), SavingEngine(registry=(MINE,))
    carried(own, there, folder).ensure(MINE, lambda: None)
    assert (own.acts, there.acts) == ([], [f"pull {MINE}"])


def test_one_of_ours_is_built_on_the_own_engine_and_carried(folder: Path) -> None:
    own, there = SavingEngine("busybox:1.37"), SavingEngine()
    carried(own, there, folder).ensure(DEMO, lambda: None)
    assert [act.split()[0] for act in own.acts] == ["build", "save"]
    assert there.acts == [f"load {DEMO}"]


def test_an_own_engine_that_breaks_off_is_the_images_fault_and_not_the_other_engines(folder: Path) -> None:
    own, there = SavingEngine(MINE), SavingEngine()
    own.breaks = True
    with pytest.raises(ImageError, match="mine:1 could not be carried over from the own engine: connection reset"):
        carried(own, there, folder).ensure(MINE, lambda: None)
    assert there.images_here == {}


def test_an_engine_is_remembered_until_nothing_of_ours_is_there(tmp_path: Path) -> None:
    assert list(further.remembered(tmp_path)) == []
    for name in ("tcp://b", "box", "tcp://b"):
        further.remember(tmp_path, name)
    assert list(further.remembered(tmp_path)) == ["tcp://b", "box"]
    further.forget(tmp_path, "tcp://b")
    assert list(further.remembered(tmp_path)) == ["box"]
    (tmp_path / further.FILE).write_text("half a fi")
    assert list(further.remembered(tmp_path)) == []


def test_cpu_is_read_where_the_container_is() -> None:
    hosts = {"b1": "tcp://b", "b2": "tcp://b"}
    opened: list[str] = []

    def of_engine(name: str) -> CpuReader:
        opened.append(name)
        return lambda runtime_id: 2.0 if name else 1.0

    read = CpuEverywhere(lambda runtime_id: hosts.get(runtime_id, ""), of_engine)
    assert [read(runtime_id) for runtime_id in ("a1", "b1", "b2", "a1")] == [1.0, 2.0, 2.0, 1.0]
    assert opened == ["", "tcp://b"]


def test_ports_are_published_at_the_instances_address_and_nobody_is_named_who_would_not_answer() -> None:
    definition = a_container(port_mappings=(PortMapping(8080),))
    near = recipe.container_config(HOME, a_task(), definition)
    far = recipe.container_config(HOME, a_task(), definition, publish_on="192.0.2.9", has_agent=False)
    addresses = [config["HostConfig"]["PortBindings"]["8080/tcp"][0]["HostIp"] for config in (near, far)]
    assert addresses == ["127.0.0.1", "192.0.2.9"]
    named = [[one for one in config["Env"] if one.startswith("ECS_")] != [] for config in (near, far)]
    assert named == [True, False]
