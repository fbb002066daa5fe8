"""Where a run takes place: the engine, the observer, the killer, a folder; and the proof that nothing is left of it."""

from __future__ import annotations

import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from docker import APIClient
from docker.errors import APIError, NotFound

from chaos_ecs.live import engine
from tests.bench.killer import Killer
from tests.bench.observer import NotSeenError, Observer
from tests.bench.systems.system import IMAGE, MARK, STUBBORN_IMAGE, STUBBORN_SCRIPT, listed

_LOOK_EVERY_SECONDS = 0.05
_HANDS = 8


@dataclass
class Room:
    """`labels` grows with every group that was made: what is searched for at the end."""

    client: APIClient
    observer: Observer
    killer: Killer
    folder: Path
    network: str
    run: str
    labels: list[str] = field(default_factory=list)

    def unique(self, name: str) -> str:
        """A name that no other run of the bench on this engine has."""
        return f"{name}-{self.run}-{len(self.labels)}"

    def own(self, label: str) -> str:
        self.labels.append(label)
        return label

    def running(self, label: str) -> int:
        return len(listed(self.client, label, status="running"))

    def remove_all(self, label: str) -> None:
        """Removes a label's containers without asking them, until a listing shows none."""
        await_true(lambda: self._removed(label), within=120, what=f"removal of {label}")

    def _removed(self, label: str) -> bool:
        found = listed(self.client, label)
        with ThreadPoolExecutor(_HANDS) as hands:
            list(hands.map(self._remove, found))
        return not found

    def _remove(self, container_id: str) -> None:
        with suppress(NotFound):  # somebody else removed it first: that is what we wanted
            try:
                self.client.remove_container(container_id, force=True, v=True)
            except APIError as error:
                if error.status_code != 409:  # its removal is under way
                    raise


@contextmanager
def opened() -> Iterator[Room]:
    """A room on the engine that the Docker CLI would use; what was made in it is gone afterwards."""
    with ExitStack() as stack:
        client = engine.connect()
        stack.callback(client.close)
        folder = Path(tempfile.mkdtemp(prefix="chaos-ecs-bench-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        run = secrets.token_hex(3)
        network = f"{MARK}-{run}"
        client.create_network(network, driver="bridge", labels={MARK: run})
        stack.callback(_remove_network, client, network)
        _commit_stubborn_image(client)
        stack.callback(client.remove_image, STUBBORN_IMAGE, force=True)
        killer = Killer(client, run)
        stack.callback(killer.close)
        observer = Observer(engine.connect())
        stack.callback(observer.close)
        yield Room(client, observer, killer, folder, network, run)


def _remove_network(client: APIClient, network: str) -> None:
    """dockerd 20.10 now and then keeps the endpoint of a container that died while it was starting, and then refuses
    until it is restarted. What was measured must not be lost over that; `leftovers` names the network."""

    def removed() -> bool:
        with suppress(APIError):
            client.remove_network(network)
        return not client.networks(names=[network])

    with suppress(NotSeenError):
        await_true(removed, within=10, what=f"removal of {network}")


def leftovers(room: Room) -> list[str]:
    """What a new listing still finds of a run: containers, networks, images, Swarm services, by name."""
    client = engine.connect()
    try:
        labels = [*room.labels, f"{MARK}={room.run}"]
        found = [each for label in labels for each in listed(client, label)]
        found += [each["Name"] for label in labels for each in client.networks(filters={"label": [label]})]
        found += [tag for image in client.images(name=STUBBORN_IMAGE) for tag in image["RepoTags"]]
        if client.info()["Swarm"]["LocalNodeState"] == "active":
            services = client.services(filters={"label": [MARK]})
            found += [each["Spec"]["Name"] for each in services if room.run in each["Spec"]["Name"]]
        return found
    finally:
        client.close()


def _commit_stubborn_image(client: APIClient) -> None:
    made = client.create_container(IMAGE, labels={MARK: "image"})
    try:
        repository, _, tag = STUBBORN_IMAGE.partition(":")
        words = ", ".join('"' + each + '"' for each in ("/bin/sh", "-c", STUBBORN_SCRIPT))
        client.commit(made["Id"], repository, tag, changes=[f"ENTRYPOINT [{words}]", "CMD []", f"LABEL {MARK}="])
    finally:
        client.remove_container(made["Id"], force=True)


def await_true(check: Callable[[], object], *, within: float, what: str) -> None:
    """Asks until the answer is true. Raises NotSeenError."""
    until = time.monotonic() + within
    while not check():
        if time.monotonic() >= until:
            raise NotSeenError(f"{what}: not within {within:g} s")
        time.sleep(_LOOK_EVERY_SECONDS)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def program(name: str) -> str:
    """A program of the bench's own virtual environment, which `make bench` fills with the peers."""
    folder, ending = ("Scripts", ".exe") if sys.platform == "win32" else ("bin", "")
    return str(Path(sys.prefix) / "bench" / folder / (name + ending))


@contextmanager
def running_program(
    command: list[str], *, folder: Path, environment: dict[str, str]
) -> Iterator[subprocess.Popen[str]]:
    """A process in the background, ended by its id afterwards; its talk goes into a file in the folder."""
    with open(folder / f"{Path(command[0]).name}.log", "a") as log:
        process = _started(command, folder, environment, log)
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _started(command: list[str], folder: Path, environment: dict[str, str], log: IO[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, text=True
    )


def await_port(port: int, process: subprocess.Popen[str], *, within: float = 60) -> None:
    """Returns once somebody listens there. Raises NotSeenError, at once when the process has ended."""

    def listens() -> bool:
        if process.poll() is not None:
            raise NotSeenError(f"the server for port {port} ended with exit code {process.returncode}")
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    await_true(listens, within=within, what=f"port {port}")
