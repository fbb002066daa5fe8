"""The worlds as fixtures. Docker's are labelled with a home of this session, and cleaned up by that label."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from chaos_ecs.errors import ChaosEcsError
from chaos_ecs.live import cleaner
from chaos_ecs.live.engine import connect
from chaos_ecs.live.labels import Home
from tests.contract.worlds import DockerWorld, FleetDockerWorld, FleetSimWorld, Relay, SimWorld, World, can_relay

BOTH = ["sim", pytest.param("docker", marks=pytest.mark.docker)]


FLEETS = ["fleet-sim", pytest.param("fleet-docker", marks=pytest.mark.docker)]


@pytest.fixture(scope="session")
def engine_client() -> docker.APIClient:
    """The engine the Docker CLI would use; without one its tests are skipped, in CI failed."""
    try:
        return connect(30)
    except ChaosEcsError as error:
        if os.environ.get("CI"):
            pytest.fail(f"no Docker in CI: {error}")
        pytest.skip(f"no Docker: {error}")


@pytest.fixture(scope="session")
def home(engine_client: docker.APIClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A state folder of this session; what was labelled with it is gone afterwards."""
    ours = Home(uuid.uuid4().hex, str(tmp_path_factory.mktemp("home")))
    yield ours
    assert cleaner.clean(engine_client, ours.id).left == ()


@pytest.fixture(params=BOTH)
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    yield from _opened(request, fragile=False)


@pytest.fixture(params=BOTH)
def fragile_world(request: pytest.FixtureRequest) -> Iterator[World]:
    """A world whose engine can go away and return."""
    yield from _opened(request, fragile=True)


@pytest.fixture
def docker_world(engine_client: docker.APIClient, home: Home) -> Iterator[DockerWorld]:
    """For what only Docker has: networks, limits, signals of an image."""
    opened = DockerWorld(engine_client, home)
    yield opened
    opened.close()


@pytest.fixture(params=FLEETS)
def fleet_world(request: pytest.FixtureRequest) -> Iterator[World]:
    """A world whose containers are on a further engine of a fleet."""
    yield from _opened(request, fragile=False)


@pytest.fixture(params=FLEETS)
def fragile_fleet_world(request: pytest.FixtureRequest) -> Iterator[World]:
    yield from _opened(request, fragile=True)


def _opened(request: pytest.FixtureRequest, *, fragile: bool) -> Iterator[World]:
    opened: World
    is_fleet = request.param.startswith("fleet-")
    if request.param.endswith("sim"):
        opened = FleetSimWorld() if is_fleet else SimWorld()
    else:
        client = request.getfixturevalue("engine_client")
        if fragile and not can_relay(client):
            pytest.skip("the engine is not behind a Unix socket here, so nothing can stand in front of it")
        of_docker = FleetDockerWorld if is_fleet else DockerWorld
        opened = of_docker(client, request.getfixturevalue("home"), Relay(client) if fragile else None)
    yield opened
    opened.close()


@pytest.fixture
def state_file(tmp_path: Path) -> Path:
    return tmp_path / "home" / "state.db"
