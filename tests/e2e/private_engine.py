"""A second dockerd that a test may stop, kill and start: its own data, socket, containerd and network namespace.

Only where this can be: Linux, root, with dockerd, containerd and ip installed. It takes nothing from the engine of the
machine but the demo image, and leaves nothing behind.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker

from chaos_ecs.core.opening import DEMO_IMAGE
from tests.builders import eventually

FIRST_LINK, LINKS = 1, 250
LINK_NETWORK = "10.231"  # a link has a network of its own of four addresses: 10.231.N.0/30
DEFAULT_ROUTE = ("route", "add", "default", "via")
NEEDED = ("dockerd", "containerd", "ip", "nsenter", "umount")
SUBNET = "172.29.0.1/16"
UP_WITHIN_SECONDS = 40
DOWN_WITHIN_SECONDS = 30


def why_not() -> str:
    """Why there can be no private engine here, or "" if there can."""
    if sys.platform != "linux":
        return "a private dockerd needs Linux"
    if os.geteuid() != 0:
        return "a private dockerd needs root"
    missing = [name for name in NEEDED if shutil.which(name) is None]
    return f"a private dockerd needs {', '.join(missing)}" if missing else ""


class PrivateEngine:
    """With `reachable` its machine has an address, `host_address`, that this one and its containers reach, and nobody
    else: where published ports are. Its API is at a socket all the same."""

    def __init__(self, *, live_restore: bool, reachable: bool = False) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="engine-"))  # short: a socket's path has 107 characters
        self.address = f"unix://{self.folder}/docker.sock"
        self._namespace = self.folder.name
        self.live_restore = live_restore
        self.link = _a_free_link() if reachable else 0
        self._log = (self.folder / "log").open("ab")
        self._containerd: subprocess.Popen[bytes] | None = None
        self._dockerd: subprocess.Popen[bytes] | None = None

    @property
    def host_address(self) -> str:
        return f"{LINK_NETWORK}.{self.link}.2" if self.link else ""

    def open(self) -> None:
        """Starts it for the first time."""
        subprocess.run(["ip", "netns", "add", self._namespace], check=True)
        self._ip("link", "set", "lo", "up")
        if self.link:
            self._connect()
        self._start_containerd()
        self.start()

    def _ip(self, *words: str) -> None:
        """In its namespace."""
        subprocess.run(["ip", "-n", self._namespace, *words], check=True)

    def _connect(self) -> None:
        """Gives it a link to this machine: `ce-N` here, `out` there."""
        here, near = f"ce-{self.link}", f"{LINK_NETWORK}.{self.link}.1"
        pair = ("link", "add", here, "type", "veth", "peer", "name", "out", "netns", self._namespace)
        subprocess.run(["ip", *pair], check=True)
        subprocess.run(["ip", "addr", "add", f"{near}/30", "dev", here], check=True)
        subprocess.run(["ip", "link", "set", here, "up"], check=True)
        self._ip("addr", "add", f"{self.host_address}/30", "dev", "out")
        self.mend()

    def cut(self) -> None:
        """Nobody reaches its containers: its own end of the link goes down, for the other's end would take the route
        with it, and somebody else would answer."""
        self._ip("link", "set", "out", "down")

    def mend(self) -> None:
        self._ip("link", "set", "out", "up")
        self._ip(*DEFAULT_ROUTE, f"{LINK_NETWORK}.{self.link}.1")

    def _start_containerd(self) -> None:
        # A containerd that dockerd starts goes down with it, and the next dockerd may wait for it in vain.
        self._containerd = self._spawn(
            *("containerd", "--address", f"{self.folder}/containerd.sock"),
            *("--root", f"{self.folder}/containerd", "--state", f"{self.folder}/containerd-state"),
        )
        eventually((self.folder / "containerd.sock").exists, within=UP_WITHIN_SECONDS)

    def load_image(self, source: docker.APIClient) -> None:
        """The demo image, from the engine that has it."""
        self.client().load_image(b"".join(source.get_image(DEMO_IMAGE)))

    def client(self) -> docker.APIClient:
        return docker.APIClient(self.address, version="auto", timeout=30)

    def start(self) -> None:
        command = [
            *("nsenter", f"--net=/run/netns/{self._namespace}", "dockerd"),
            *("--containerd", f"{self.folder}/containerd.sock", "-H", self.address, "--bip", SUBNET),
            *("--data-root", f"{self.folder}/data", "--exec-root", f"{self.folder}/exec"),
            *("--pidfile", f"{self.folder}/dockerd.pid"),
        ]
        self._dockerd = self._spawn(*command, *(["--live-restore"] if self.live_restore else []))
        eventually(self._answers, within=UP_WITHIN_SECONDS)

    def end(self, number: signal.Signals) -> None:
        """Ends dockerd with this signal: SIGTERM stops it (and, without live-restore, its containers)."""
        assert self._dockerd is not None
        self._dockerd.send_signal(number)
        self._dockerd.wait(DOWN_WITHIN_SECONDS)

    def lose_power(self) -> None:
        """As a machine does: dockerd, containerd and every process of its containers are gone at once."""
        assert self._dockerd is not None
        assert self._containerd is not None
        doomed = [int(one["State"]["Pid"]) for one in self._inspected() if one["State"]["Pid"]]
        shims = self._shims()
        for process in (self._dockerd, self._containerd):
            process.kill()
            process.wait(DOWN_WITHIN_SECONDS)
        for pid in (*shims, *doomed):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        eventually(lambda: not self._shims(), within=DOWN_WITHIN_SECONDS)

    def return_power(self) -> None:
        (self.folder / "containerd.sock").unlink(missing_ok=True)
        (self.folder / "dockerd.pid").unlink(missing_ok=True)  # its number may be somebody else's by now
        self._start_containerd()
        self.start()

    def _inspected(self) -> list[dict[str, Any]]:
        client = self.client()
        return [client.inspect_container(one["Id"]) for one in client.containers()]

    def _shims(self) -> list[int]:
        """Of its own containerd only: its socket's path is among their words."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
                if "containerd-shim" in words[0] and f"{self.folder}/containerd.sock" in words:
                    found.append(int(folder.name))
        return found

    def close(self) -> None:
        """Removes its containers, ends what was started, and takes every mount and file away."""
        with contextlib.suppress(AssertionError):
            if self._containerd is not None and self._containerd.poll() is not None:
                self.return_power()
            elif self._dockerd is None or self._dockerd.poll() is not None:
                self.start()
            for one in self.client().containers(all=True):
                self.client().remove_container(one["Id"], force=True)
        for process in (self._dockerd, self._containerd):
            if process is not None:
                process.terminate()
                process.wait(DOWN_WITHIN_SECONDS)
        self._log.close()
        for mounted in self._mounts():
            subprocess.run(["umount", "--lazy", mounted], check=False)
        if self.link:  # goes with the namespace too, but not at once
            subprocess.run(["ip", "link", "delete", f"ce-{self.link}"], check=False)
        subprocess.run(["ip", "netns", "delete", self._namespace], check=False)
        shutil.rmtree(self.folder)

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def _spawn(self, *command: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log, start_new_session=True
        )

    def _answers(self) -> bool:
        assert self._dockerd is not None
        assert self._dockerd.poll() is None, self.log()[-2000:]
        with contextlib.suppress(docker.errors.DockerException, OSError):
            return bool(self.client().ping())
        return False

    def _mounts(self) -> list[str]:
        """Below its folder, the innermost first."""
        listed = Path("/proc/mounts").read_text().splitlines()
        places = [line.split()[1] for line in listed]
        return sorted((place for place in places if place.startswith(f"{self.folder}/")), key=len, reverse=True)


def _a_free_link() -> int:
    """Two sessions may run at once: the first number that no link here has."""
    taken = subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=True).stdout
    return next(number for number in range(FIRST_LINK, LINKS) if f" ce-{number}@" not in taken)


@contextlib.contextmanager
def private_engine(
    source: docker.APIClient, *, live_restore: bool, reachable: bool = False, has_image: bool = True
) -> Iterator[PrivateEngine]:
    """One that runs, and has the demo image unless it is to do without."""
    engine = PrivateEngine(live_restore=live_restore, reachable=reachable)
    try:
        engine.open()
        if has_image:
            engine.load_image(source)
        yield engine
    finally:
        engine.close()
