"""The Debian base of the balancer without a registry: made by mmdebstrap of the machine's own packages."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from chaos_ecs.errors import ChaosEcsError
from chaos_ecs.live.images import Images
from chaos_ecs.live.machine import Ran
from tests.unit.fake_machine import FakeMachine
from tests.unit.test_images import FakeEngine

DEBIAN = {"ID": "debian", "VERSION_ID": "12", "VERSION_CODENAME": "bookworm"}
SOURCES = "/etc/apt/sources.list.d/debian.sources"
TOOLS = ("apt-get", "dpkg-deb")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    balancer = tmp_path / "task_images" / "balancer"
    balancer.mkdir(parents=True)
    (balancer / "Dockerfile").write_text("ARG BASE=debian:bookworm-slim\nFROM ${BASE}\n", encoding="utf-8")
    return balancer.parent


def a_debian(*programs: str, is_root: bool = True) -> FakeMachine:
    machine = FakeMachine(os_release=DEBIAN, programs=[*TOOLS, *programs], is_root=is_root)
    machine.files = {SOURCES: "Types: deb\n"}

    def bootstrap(argv: Sequence[str], _folder: Path | None) -> Ran:
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as tar:
            tar.addfile(tarfile.TarInfo("etc/debian_version"))
        next(Path(word) for word in argv if word.endswith(".tar")).write_bytes(packed.getvalue())
        return Ran(0)

    machine.acts = {"dpkg --print-architecture": lambda _argv, _folder: Ran(0, "amd64\n"), "mmdebstrap": bootstrap}
    return machine


def built(machine: FakeMachine, folder: Path, engine: FakeEngine | None = None) -> list[str]:
    engine = engine or FakeEngine()
    Images(engine, machine=machine, folder=folder, registry_patience=0.05).build("balancer", lambda _: None)
    return engine.acts


def test_without_a_registry_the_base_is_made_of_the_systems_own_packages(folder: Path) -> None:
    machine = a_debian("mmdebstrap")
    assert built(machine, folder) == [
        "pull debian:bookworm-slim",
        "import chaos-ecs/base:debian etc/debian_version",
        "build chaos-ecs/balancer:1 from chaos-ecs/base:debian v1",
    ]
    (made,) = [line for line in machine.commands if line.startswith("mmdebstrap")]
    assert " bookworm " in made
    assert made.endswith(SOURCES)


def test_a_registry_that_answers_spares_all_that(folder: Path) -> None:
    machine = a_debian()
    engine = FakeEngine(registry=["debian:bookworm-slim"])
    assert built(machine, folder, engine)[-1] == "build chaos-ecs/balancer:1 from debian:bookworm-slim v1"
    assert machine.commands == []


def test_root_gets_mmdebstrap_installed_first(folder: Path) -> None:
    machine = a_debian()
    built(machine, folder)
    installs = [line for line in machine.commands if "install" in line]
    assert installs == ["apt-get -qq install -y --no-install-recommends mmdebstrap"]


def test_whoever_is_not_root_is_told_what_to_install(folder: Path) -> None:
    with pytest.raises(ChaosEcsError, match="mmdebstrap is not installed") as refused:
        built(a_debian(is_root=False), folder)
    assert refused.value.hint == "sudo apt-get install mmdebstrap"


def test_a_mirror_that_fails_is_told_in_its_own_words(folder: Path) -> None:
    machine = a_debian("mmdebstrap")
    machine.acts["mmdebstrap"] = lambda _argv, _folder: Ran(1, err="E: setup failed: no such mirror")
    with pytest.raises(ChaosEcsError, match="no such mirror") as refused:
        built(machine, folder)
    assert "docker load" in refused.value.hint
