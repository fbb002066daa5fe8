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

import docker

from chaos_ecs.core.opening import DEMO_IMAGE
from tests.builders import eventually

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
    def __init__(self, *, live_restore: bool) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="engine-"))  # short: a socket's path has 107 characters
        self.address = f"unix://{self.folder}/docker.sock"
        self._namespace = self.folder.name
        self.live_restore = live_restore
        self._log = (self.folder / "log").open("ab")
        self._containerd: subprocess.Popen[bytes] | None = None
        self._dockerd: subprocess.Popen[bytes] | None = None

    def open(self) -> None:
        """Starts it for the first time."""
        subprocess.run(["ip", "netns", "add", self._namespace], check=True)
        subprocess.run(["ip", "-n", self._namespace, "link", "set", "lo", "up"], check=True)
        # A containerd that dockerd starts goes down with it, and the next dockerd may wait for it in vain.
        self._containerd = self._spawn(
            *("containerd", "--address", f"{self.folder}/containerd.sock"),
            *("--root", f"{self.folder}/containerd", "--state", f"{self.folder}/containerd-state"),
        )
        eventually((self.folder / "containerd.sock").exists, within=UP_WITHIN_SECONDS)
        self.start()

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

    def close(self) -> None:
        """Removes its containers, ends what was started, and takes every mount and file away."""
        with contextlib.suppress(AssertionError):
            if self._dockerd is None or self._dockerd.poll() is not None:
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


@contextlib.contextmanager
def private_engine(source: docker.APIClient, *, live_restore: bool) -> Iterator[PrivateEngine]:
    """One that runs and has the demo image."""
    engine = PrivateEngine(live_restore=live_restore)
    try:
        engine.open()
        engine.load_image(source)
        yield engine
    finally:
        engine.close()
