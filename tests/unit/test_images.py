"""Where images come from, on an engine in memory: built or pulled only when missing, and by one at a time."""

from __future__ import annotations

import io
import tarfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import docker
import pytest
import requests

from chaos_ecs.errors import ChaosEcsError
from chaos_ecs.live.images import Built, ImageError, Images, Listed, cleaned, context_tar, task_images_folder
from chaos_ecs.live.machine import Ran
from tests.unit.fake_machine import FakeMachine

NO_HOST = "dial tcp: lookup registry.example: no such host"


class FakeEngine:
    """What Images needs of docker.APIClient. `registry` holds what can be pulled; None says not a word."""

    def __init__(self, here: Sequence[str] = (), registry: Sequence[str] | None = ()) -> None:
        self.images_here: dict[str, dict[str, Any]] = {name: {"Config": {"Labels": None}} for name in here}
        self.untagged: list[str] = []  # ids of images of ours that have lost their tag
        self.in_use: list[str] = []
        self.registry = registry
        self.acts: list[str] = []
        self.context: dict[str, str] = {}  # of the last build
        self.gone = False
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.base_url = "http://engine"

    def get_adapter(self, _url: str) -> None:
        return None

    def inspect_image(self, image: str) -> Mapping[str, Any]:
        if self.gone:
            raise requests.exceptions.ConnectionError("connection refused")
        if image not in self.images_here:
            raise docker.errors.ImageNotFound(f"no such image: {image}")
        return {"Id": f"id of {image}", "Size": 2_000_000, "RepoTags": [image], **self.images_here[image]}

    def images(self, filters: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        if "dangling" in filters:
            assert filters["dangling"] is True
            assert str(filters["label"]).startswith("chaos-ecs.image="), "what is not ours is left alone"
            return [{"Id": id_, "RepoTags": None} for id_ in self.untagged]
        assert filters == {"label": "chaos-ecs.image"}
        return [{"RepoTags": [name], "Size": 2_000_000} for name in self.images_here] + [{"RepoTags": None, "Size": 1}]

    def pull(self, repository: str, **more: Any) -> Iterator[Mapping[str, Any]]:
        image = f"{repository}:{more['tag']}"
        self.acts.append(f"pull {image}")
        if self.registry is None:
            threading.Event().wait(30)
        self.may_go_on.wait(10)
        yield {"status": "Pulling"}
        if image in (self.registry or ()):
            self.images_here[image] = {"Config": {"Labels": None}}
        else:
            yield {"error": NO_HOST}

    def build(self, **more: Any) -> Iterator[Mapping[str, Any]]:
        self.acts.append(f"build {more['tag']} from {more['buildargs']['BASE']} {more['buildargs']['VERSION']}")
        with tarfile.open(fileobj=more["fileobj"]) as tar:
            self.context = {entry.name: tar.extractfile(entry).read().decode() for entry in tar}  # type: ignore[union-attr]
        if before := self.images_here.get(more["tag"]):
            self.untagged.append(before["Id"])
        self.images_here[more["tag"]] = {"Config": {"Labels": more["labels"]}, "Id": f"build {len(self.acts)}"}
        yield {"stream": "Step 1"}

    def import_image_from_data(self, data: bytes, repository: str, tag: str, changes: Sequence[str]) -> None:
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            names = tar.getnames()
        self.acts.append(f"import {repository}:{tag} {' '.join(names)}")
        self.images_here[f"{repository}:{tag}"] = {"Config": {"Labels": {}}}

    def remove_image(self, image: str, noprune: bool) -> None:
        if image in self.in_use:
            conflict = requests.Response()
            conflict.status_code = 409
            raise docker.errors.APIError("conflict", conflict, "image is being used by running container")
        self.untagged.remove(image)
        self.acts.append(f"remove {image}")

    def version(self) -> Mapping[str, Any]:
        return {"Arch": "amd64"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    demo = tmp_path / "task_images" / "demo"
    demo.mkdir(parents=True)
    (demo / "Dockerfile").write_text("ARG BASE=busybox:1.37\nFROM ${BASE}\n", encoding="utf-8")
    (demo / "entry.sh").write_text("#!/bin/sh\n", encoding="utf-8")
    return demo.parent


def images_on(engine: FakeEngine, folder: Path, machine: FakeMachine | None = None) -> Images:
    return Images(engine, machine=machine or FakeMachine(programs=[]), folder=folder, registry_patience=0.05)


def a_debian_with_busybox_static(lists_are_here: bool = True) -> FakeMachine:
    """apt-get download works at once, or only with package lists that were fetched into our own folder."""

    def download(argv: Sequence[str], folder: Path | None) -> Ran:
        if argv[-1] == "update":
            return Ran(0)
        if not lists_are_here and not any(word.startswith("-oDir::State::lists=") for word in argv):
            return Ran(100, err="E: Unable to locate package busybox-static")
        assert folder is not None
        (folder / "busybox-static_1.37_amd64.deb").write_bytes(b"")
        return Ran(0)

    def unpack(argv: Sequence[str], _folder: Path | None) -> Ran:
        program = Path(argv[-1]) / "bin" / "busybox"
        program.parent.mkdir(parents=True)
        program.write_bytes(b"ELF")
        machine.acts[f"{program} --list"] = lambda _argv, _folder: Ran(0, "busybox\nhttpd\nsh\n")
        return Ran(0)

    machine = FakeMachine()
    machine.acts = {
        "dpkg --print-architecture": lambda _argv, _folder: Ran(0, "amd64\n"),
        "apt-get": download,
        "dpkg-deb": unpack,
    }
    return machine


def test_an_image_that_is_here_is_neither_pulled_nor_built(folder: Path) -> None:
    engine = FakeEngine(here=["nginx:1", "chaos-ecs/demo:1"])
    told: list[str] = []
    for image in engine.images_here:
        images_on(engine, folder).ensure(image, lambda: told.append("pull"))
    assert (engine.acts, told) == ([], [])


def test_an_image_of_others_is_told_of_and_pulled(folder: Path) -> None:
    engine = FakeEngine(registry=["nginx:latest"])
    told: list[list[str]] = []
    images_on(engine, folder).ensure("nginx:latest", lambda: told.append(list(engine.acts)))
    assert told == [[]]  # before it began
    assert engine.acts == ["pull nginx:latest"]


def test_an_image_that_was_removed_meanwhile_is_fetched_again(folder: Path) -> None:
    engine = FakeEngine(registry=["nginx:1"])
    images = images_on(engine, folder)
    images.ensure("nginx:1", lambda: None)
    del engine.images_here["nginx:1"]
    images.ensure("nginx:1", lambda: None)
    assert engine.acts == ["pull nginx:1"] * 2


def test_one_of_ours_is_built_on_its_base_and_its_tag_is_its_version(folder: Path) -> None:
    engine = FakeEngine(here=["busybox:1.37"])
    images_on(engine, folder).ensure("chaos-ecs/demo:2", lambda: None)
    assert engine.acts == ["build chaos-ecs/demo:2 from busybox:1.37 v2"]


def test_the_base_is_pulled_when_it_is_not_here(folder: Path) -> None:
    engine = FakeEngine(registry=["busybox:1.37"])
    images_on(engine, folder).ensure("chaos-ecs/demo:1", lambda: None)
    assert engine.acts == ["pull busybox:1.37", "build chaos-ecs/demo:1 from busybox:1.37 v1"]


@pytest.mark.parametrize("lists_are_here", [True, False])
def test_without_a_registry_the_base_is_made_from_a_package(folder: Path, lists_are_here: bool) -> None:
    engine = FakeEngine()
    images_on(engine, folder, a_debian_with_busybox_static(lists_are_here)).ensure("chaos-ecs/demo:1", lambda: None)
    assert engine.acts == [
        "pull busybox:1.37",
        "import chaos-ecs/base:busybox bin etc root tmp bin/busybox etc/passwd etc/group bin/httpd bin/sh",
        "build chaos-ecs/demo:1 from chaos-ecs/base:busybox v1",
    ]


def test_a_base_that_was_made_once_is_used_without_asking_a_registry(folder: Path) -> None:
    engine = FakeEngine(here=["chaos-ecs/base:busybox"])
    images_on(engine, folder).ensure("chaos-ecs/demo:1", lambda: None)
    assert engine.acts == ["build chaos-ecs/demo:1 from chaos-ecs/base:busybox v1"]


def test_a_registry_that_says_nothing_is_not_waited_for_long(folder: Path) -> None:
    engine = FakeEngine(registry=None)
    with pytest.raises(ImageError, match="busybox:1.37: no registry answered within"):
        images_on(engine, folder).ensure("chaos-ecs/demo:1", lambda: None)


def test_a_package_for_another_processor_is_refused(folder: Path) -> None:
    machine = a_debian_with_busybox_static()
    machine.acts["dpkg --print-architecture"] = lambda _argv, _folder: Ran(0, "arm64\n")
    with pytest.raises(ChaosEcsError, match="runs amd64 images and this machine's packages are for arm64"):
        images_on(FakeEngine(), folder, machine).ensure("chaos-ecs/demo:1", lambda: None)


def test_a_failed_pull_says_what_the_engine_said(folder: Path) -> None:
    with pytest.raises(ImageError) as caught:
        images_on(FakeEngine(), folder).ensure("nope:9", lambda: None)
    assert str(caught.value) == NO_HOST


@pytest.mark.parametrize("image", ["chaos-ecs/demo", "chaos-ecs/demo:latest", "chaos-ecs/nope:1", "chaos-ecs/demo:0"])
def test_a_name_of_ours_is_never_asked_of_a_registry(folder: Path, image: str) -> None:
    engine = FakeEngine()
    with pytest.raises(ImageError, match="none of the images of chaos-ecs: chaos-ecs/demo:1"):
        images_on(engine, folder).ensure(image, lambda: None)
    assert engine.acts == []


def test_an_engine_that_is_gone_is_no_fault_of_the_image(folder: Path) -> None:
    engine = FakeEngine()
    engine.gone = True
    with pytest.raises(ChaosEcsError) as caught:
        images_on(engine, folder).ensure("nginx:1", lambda: None)
    assert (caught.value.code, caught.value.exit_code) == ("E-DOCKER-DOWN", 4)


@pytest.mark.parametrize("registry", [["nginx:1"], []])
def test_many_who_need_one_image_share_one_pull_and_its_outcome(folder: Path, registry: Sequence[str]) -> None:
    engine = FakeEngine(registry=registry)
    images = images_on(engine, folder)
    engine.may_go_on.clear()
    told = threading.Semaphore(0)

    def need() -> str:
        try:
            images.ensure("nginx:1", told.release)
        except ImageError as error:
            return str(error)
        return "here"

    with ThreadPoolExecutor(8) as pool:
        needs = [pool.submit(need) for _ in range(8)]
        for _ in needs:
            assert told.acquire(timeout=5)  # each was told that it waits
        engine.may_go_on.set()
        assert [need.result(5) for need in needs] == ["here" if registry else NO_HOST] * 8
    if registry:
        assert engine.acts == ["pull nginx:1"]


def test_a_build_tells_its_steps_and_a_second_one_has_nothing_to_do(folder: Path) -> None:
    engine = FakeEngine(here=["busybox:1.37"])
    images = images_on(engine, folder)
    said: list[str] = []
    assert images.build("demo", said.append) == Built("chaos-ecs/demo:1", 2_000_000, was_there=False)
    assert said == ["building chaos-ecs/demo:1 from busybox:1.37"]
    assert images.build("demo", said.append).was_there
    assert len(engine.acts) == 1


def test_a_changed_file_builds_the_image_again_and_drops_the_old_one(folder: Path) -> None:
    engine = FakeEngine(here=["busybox:1.37"])
    images = images_on(engine, folder)
    images.ensure("chaos-ecs/demo:1", lambda: None)
    (folder / "demo" / "entry.sh").write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    images.ensure("chaos-ecs/demo:1", lambda: None)
    built = "build chaos-ecs/demo:1 from busybox:1.37 v1"
    assert engine.acts == [built, built, "remove build 1"]


def test_whether_an_image_is_here_and_current_is_told_without_building_it(folder: Path) -> None:
    engine = FakeEngine(here=["busybox:1.37"])
    images = images_on(engine, folder)
    assert not images.is_here("chaos-ecs/demo:1")
    assert engine.acts == []
    images.ensure("chaos-ecs/demo:1", lambda: None)
    assert images.is_here("chaos-ecs/demo:1")
    (folder / "demo" / "entry.sh").write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    assert not images.is_here("chaos-ecs/demo:1")
    assert len(engine.acts) == 1


def test_an_old_image_that_a_container_still_uses_is_dropped_after_a_later_build(folder: Path) -> None:
    engine = FakeEngine(here=["busybox:1.37"])
    images = images_on(engine, folder)
    built = "build chaos-ecs/demo:1 from busybox:1.37 v1"
    images.ensure("chaos-ecs/demo:1", lambda: None)
    engine.in_use = ["build 1"]
    for said in ("once", "twice"):
        (folder / "demo" / "entry.sh").write_text(f"echo {said}\n", encoding="utf-8")
        images.ensure("chaos-ecs/demo:1", lambda: None)
        engine.in_use = []
    assert engine.acts == [built, built, built, "remove build 1", "remove build 2"]


def test_an_unknown_name_cannot_be_built_and_the_known_ones_are_named(folder: Path) -> None:
    with pytest.raises(ImageError, match="no task image named nope; known: demo"):
        images_on(FakeEngine(), folder).build("nope", lambda _: None)


def test_the_list_has_what_is_built_and_what_could_be(folder: Path) -> None:
    assert images_on(FakeEngine(), folder).listing() == [Listed("chaos-ecs/demo:1", None)]
    podman = FakeEngine(here=["localhost/chaos-ecs/demo:2"])
    assert images_on(podman, folder).listing() == [Listed("chaos-ecs/demo:2", 2_000_000)]


def test_the_context_is_the_same_from_a_windows_checkout_and_leaves_the_readme_out(tmp_path: Path) -> None:
    for name, ending in (("unix", b"\n"), ("windows", b"\r\n")):
        (tmp_path / name / "www").mkdir(parents=True)
        (tmp_path / name / "www" / "run.sh").write_bytes(b"#!/bin/sh" + ending)
        (tmp_path / name / "README.md").write_bytes(name.encode())
    context = context_tar(tmp_path / "unix")
    assert context == context_tar(tmp_path / "windows")
    with tarfile.open(fileobj=io.BytesIO(context)) as tar:
        assert [(entry.name, entry.mode) for entry in tar.getmembers()] == [("www/run.sh", 0o755)]


def test_what_python_compiled_in_the_folder_is_no_part_of_the_context(folder: Path) -> None:
    before = context_tar(folder / "demo")
    (folder / "demo" / "__pycache__").mkdir()
    (folder / "demo" / "__pycache__" / "entry.cpython-311.pyc").write_bytes(b"code")
    assert context_tar(folder / "demo") == before


def test_a_build_that_asks_for_it_is_told_whom_this_machine_trusts_and_stays_the_same_image(folder: Path) -> None:
    machine = FakeMachine(programs=[], files={"/etc/ssl/certs/ca-certificates.crt": "the system's"})
    engine = FakeEngine(here=["busybox:1.37"])
    images_on(engine, folder, machine).ensure("chaos-ecs/demo:1", lambda: None)
    assert sorted(engine.context) == ["Dockerfile", "entry.sh"]
    with (folder / "demo" / "Dockerfile").open("a", encoding="utf-8") as file:
        file.write("COPY entry.sh host-certificates.pe[m] /build/\n")
    images_on(engine, folder, machine).ensure("chaos-ecs/demo:1", lambda: None)
    assert engine.context["host-certificates.pem"] == "the system's"
    machine.environ, machine.files["/ours.pem"] = {"SSL_CERT_FILE": "/ours.pem"}, "ours"
    images_on(engine, folder, machine).ensure("chaos-ecs/demo:1", lambda: None)
    assert engine.context["host-certificates.pem"] == "the system's", (
        "others' certificates are no reason to build again"
    )
    (folder / "demo" / "entry.sh").write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    images_on(engine, folder, machine).ensure("chaos-ecs/demo:1", lambda: None)
    assert engine.context["host-certificates.pem"] == "ours"


def test_the_engines_message_becomes_one_sentence() -> None:
    assert cleaned("Error response from daemon: manifest for x:9\nnot found.") == "manifest for x:9 not found"


def test_the_demo_image_is_found_and_has_no_step_that_runs_on_one_processor_only() -> None:
    lines = (task_images_folder() / "demo" / "Dockerfile").read_text(encoding="utf-8").splitlines()
    steps = {line.split()[0] for line in lines if line[:1].isalpha()}
    assert steps == {"ARG", "FROM", "COPY", "ENV", "USER", "ENTRYPOINT", "CMD"}
