"""The demo task image on the real engine: each role does its work, and stops at once when told to."""

from __future__ import annotations

import os
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import docker
import pytest

from chaos_ecs.errors import ChaosEcsError
from chaos_ecs.live import engine
from chaos_ecs.live.images import Images

pytestmark = pytest.mark.docker

IMAGE = "chaos-ecs/demo:1"
Answer = TypeVar("Answer")
AT_ONCE_SECONDS = 3.0  # the engine alone needs 0.1; a signal that is ignored costs the ten seconds of its patience


@dataclass
class Bench:
    """Starts containers of the demo image and removes them by its own label."""

    client: docker.APIClient
    session: str = field(default_factory=lambda: uuid4().hex)

    def start(self, *command: str, env: dict[str, str] | None = None, ports: bool = False, image: str = IMAGE) -> str:
        publish = {"8080/tcp": ("127.0.0.1", None)} if ports else None
        made = self.client.create_container(
            image,
            command=list(command),
            environment=env or {},
            labels={"chaos-ecs-test": self.session},
            ports=[8080] if ports else None,
            host_config=self.client.create_host_config(port_bindings=publish),
        )
        container: str = made["Id"]
        self.client.start(container)
        return container

    def ended(self, container: str) -> tuple[int, str]:
        """The exit code and everything it printed."""
        code: int = self.client.wait(container, timeout=30)["StatusCode"]
        return code, self.client.logs(container).decode()

    def remove_all(self) -> None:
        for found in self.client.containers(all=True, filters={"label": f"chaos-ecs-test={self.session}"}):
            self.client.remove_container(found["Id"], force=True)


@pytest.fixture
def bench() -> Iterator[Bench]:
    try:
        client = engine.connect()
    except ChaosEcsError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no Docker engine: {error}")
    Images(client).ensure(IMAGE, lambda: None)
    bench = Bench(client)
    yield bench
    bench.remove_all()
    client.close()


def eventually(check: Callable[[], Answer], within: float) -> Answer:
    """The first answer that is not an exception; the last exception when time is up."""
    give_up = time.monotonic() + within
    while True:
        try:
            return check()
        except (AssertionError, OSError):
            if time.monotonic() > give_up:
                raise


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=2) as answer:
        text: str = answer.read().decode()
    return text


def test_web_tells_its_version_task_and_host_and_that_it_is_healthy(bench: Bench) -> None:
    container = bench.start("web", env={"VERSION": "v7", "CHAOS_ECS_TASK_ID": "7f3a9c"}, ports=True)
    port = bench.client.port(container, 8080)[0]["HostPort"]
    assert eventually(lambda: get(f"http://127.0.0.1:{port}/health"), within=10) == "ok\n"
    assert get(f"http://127.0.0.1:{port}/") == f"version v7\ntask 7f3a9c\nhost {container[:12]}\n"


def test_batch_works_as_long_as_it_is_told_prints_its_progress_and_exits_0(bench: Bench) -> None:
    code, said = bench.ended(bench.start("batch", env={"SECONDS_TO_WORK": "1"}))
    assert code == 0
    assert "1 of 1 seconds (100 %)" in said


def test_migrate_prints_its_steps_and_with_fail_says_why_it_fails(bench: Bench) -> None:
    good, bad = bench.start("migrate"), bench.start("migrate", env={"FAIL": "1"})
    code, said = bench.ended(good)
    assert (code, said.count("step")) == (0, 3)
    code, said = bench.ended(bad)
    assert code == 1
    assert 'relation "users" already exists' in said


def test_flaky_exits_1_after_its_time(bench: Bench) -> None:
    assert bench.ended(bench.start("flaky", "1"))[0] == 1


def test_an_unknown_role_names_the_roles_and_exits_2(bench: Bench) -> None:
    code, said = bench.ended(bench.start("wbe"))
    assert code == 2
    assert "web, worker, batch [SECONDS], migrate, flaky [SECONDS]" in said


def test_seconds_that_are_no_number_are_refused(bench: Bench) -> None:
    assert bench.ended(bench.start("batch", "soon"))[0] == 2


@pytest.mark.parametrize(
    ("role", "exit_code"), [("web", 0), ("worker", 0), ("batch", 143), ("migrate", 143), ("flaky", 143)]
)
def test_every_role_stops_at_once_on_sigterm(bench: Bench, role: str, exit_code: int) -> None:
    container = bench.start(role)
    eventually(lambda: _has_spoken(bench.client, container), within=10)
    began = time.monotonic()
    bench.client.stop(container, timeout=10)
    assert time.monotonic() - began < AT_ONCE_SECONDS
    assert bench.client.inspect_container(container)["State"]["ExitCode"] == exit_code


def _has_spoken(client: docker.APIClient, container: str) -> None:
    assert client.logs(container) != b""


def test_it_is_small_runs_as_nobody_in_particular_and_has_no_root(bench: Bench) -> None:
    image: dict[str, Any] = bench.client.inspect_image(IMAGE)
    assert image["Size"] < 10_000_000
    assert image["Config"]["User"] == "10001:10001"


def test_an_image_that_no_registry_has_fails_with_a_sentence(bench: Bench) -> None:
    with pytest.raises(ChaosEcsError) as caught:
        Images(bench.client).ensure("127.0.0.1:9/no-such-image:9", lambda: None)
    assert "127.0.0.1:9" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_image_that_is_built_again_leaves_no_old_one_behind_once_nobody_uses_it(
    bench: Bench, tmp_path: Path
) -> None:
    name = f"scratch-{bench.session[:12]}"
    label = f"chaos-ecs.image={name}"
    (tmp_path / name).mkdir()
    (tmp_path / name / "Dockerfile").write_text(f"ARG BASE={IMAGE}\nFROM ${{BASE}}\nCOPY word /\n", encoding="utf-8")
    images = Images(bench.client, folder=tmp_path)

    def built_again(word: str) -> int:
        """How many images of this name there are then."""
        (tmp_path / name / "word").write_text(word, encoding="utf-8")
        images.build(name, lambda _: None)
        return len(bench.client.images(filters={"label": label}))

    try:
        assert built_again("one") == 1
        container = bench.start("worker", image=f"chaos-ecs/{name}:1")
        assert built_again("two") == 2  # a container uses the first
        bench.client.remove_container(container, force=True)
        assert built_again("three") == 1
    finally:
        bench.remove_all()
        for image in bench.client.images(filters={"label": label}):
            bench.client.remove_image(image["Id"], force=True)
