"""The machine we run on, as one parameter: commands, files, processes, time. `doctor` and `install` see no other.

Here live plain questions and acts, each one call of the standard library. Never here: what to conclude from an
answer (`doctor.py`, `install.py`). Tests hand in a fake with the same methods.
"""

from __future__ import annotations

import http.client
import json
import os
import platform
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from docker.context.config import get_current_context_name


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended; `out` is its stdout, `err` its stderr."""

    code: int
    out: str = ""
    err: str = ""

    @property
    def last_words(self) -> str:
        """The last line that says something, for an error message."""
        lines = [line.strip() for line in (self.err or self.out).splitlines() if line.strip()]
        return lines[-1] if lines else f"exit code {self.code}"


class Machine(Protocol):
    """What may be asked of, and done to, the machine."""

    system: str  # as `platform.system()` says: Linux, Darwin, Windows
    os_release: Mapping[str, str]  # /etc/os-release, empty elsewhere
    environ: Mapping[str, str]
    is_root: bool
    is_interactive: bool  # somebody can type a password
    user: str
    python: tuple[int, int, int]
    chosen_engine: str  # DOCKER_HOST or the Docker context that somebody chose; empty: nobody did

    def which(self, program: str) -> str | None: ...

    def run(
        self, argv: Sequence[str], *, cwd: Path | None = None, log: Path | None = None, timeout: float | None = None
    ) -> Ran: ...

    def is_dir(self, path: str) -> bool: ...

    def read(self, path: str) -> str | None: ...

    def process_name(self, pid: int) -> str | None: ...

    def socket_is_dead(self, path: str) -> bool: ...

    def make_dir(self, path: Path) -> str | None: ...

    def free_bytes(self, path: Path) -> int: ...

    def port_holder(self, port: int) -> str | None: ...

    def now(self) -> float: ...

    def sleep(self, seconds: float) -> None: ...


def _os_release() -> Mapping[str, str]:
    try:
        return platform.freedesktop_os_release()
    except OSError:
        return {}


def _chosen_engine() -> str:
    context = os.environ.get("DOCKER_CONTEXT") or get_current_context_name()
    return os.environ.get("DOCKER_HOST") or ("" if context == "default" else f"context {context}")


@dataclass(slots=True)
class ThisMachine:
    """The real one. Every field is read once, when it is made."""

    system: str = field(default_factory=platform.system)
    os_release: Mapping[str, str] = field(default_factory=_os_release)
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    is_root: bool = field(default_factory=lambda: hasattr(os, "geteuid") and os.geteuid() == 0)
    is_interactive: bool = field(default_factory=lambda: sys.stdin is not None and sys.stdin.isatty())
    user: str = field(default_factory=lambda: os.environ.get("USER") or os.environ.get("USERNAME") or "")
    python: tuple[int, int, int] = field(default_factory=lambda: sys.version_info[:3])
    chosen_engine: str = field(default_factory=_chosen_engine)

    def which(self, program: str) -> str | None:
        """Where the program is; the system's own folders count too, though a user's PATH may lack them."""
        found = shutil.which(program)
        if found is None and self.system == "Linux":
            found = shutil.which(program, path="/usr/local/sbin:/usr/sbin:/sbin")
        return found

    def run(
        self, argv: Sequence[str], *, cwd: Path | None = None, log: Path | None = None, timeout: float | None = None
    ) -> Ran:
        """Runs to its end and answers how it ended; 127 where there is no such program, 124 at the time limit.

        With `log`, both its streams are added there: a process it leaves behind keeps writing to the log.
        """
        environ = {**self.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
        stdin = None if argv[0] == "sudo" else subprocess.DEVNULL  # sudo may have to ask for a password
        with ExitStack() as files:
            sink = subprocess.PIPE if log is None else files.enter_context(log.open("ab"))
            try:
                ended = subprocess.run(
                    argv, cwd=cwd, env=environ, stdin=stdin, stdout=sink, stderr=sink, timeout=timeout, check=False
                )
            except subprocess.TimeoutExpired:
                return Ran(124, err=f"{argv[0]} did not end within {timeout} seconds")
            except OSError as error:
                return Ran(127, err=f"{argv[0]}: {error.strerror or error}")
        return Ran(ended.returncode, _text(ended.stdout), _text(ended.stderr))

    def is_dir(self, path: str) -> bool:
        return Path(path).is_dir()

    def read(self, path: str) -> str | None:
        """The file's text, or None where it cannot be read."""
        try:
            return Path(path).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return None

    def process_name(self, pid: int) -> str | None:
        """The name of a live process; None when the number belongs to nobody or to a defunct process. Linux only."""
        stat = self.read(f"/proc/{pid}/stat")  # asked for by the Debian and Ubuntu path of `install.py` alone
        if stat is None:
            return None
        name, _, rest = stat.partition("(")[2].rpartition(")")
        return None if rest.split()[0] in ("Z", "X") else name

    def socket_is_dead(self, path: str) -> bool:
        """Whether a socket file is there that nobody listens on. Linux only."""
        if not os.path.exists(path):
            return False
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asked:
            asked.settimeout(2)
            try:
                asked.connect(path)
            except ConnectionRefusedError:
                return True
            except OSError:
                return False  # not allowed to ask, or busy: somebody is there
        return False

    def make_dir(self, path: Path) -> str | None:
        """Makes the folder and a file in it; answers why it could not, or None when it could."""
        probe = path / f".doctor-{os.getpid()}"
        try:
            path.mkdir(parents=True, exist_ok=True)
            probe.write_text("", encoding="utf-8")
            probe.unlink()
        except OSError as error:
            return error.strerror or str(error)
        return None

    def free_bytes(self, path: Path) -> int:
        """Free space where the path is, or would be."""
        while not path.exists():
            path = path.parent
        return shutil.disk_usage(path).free

    def port_holder(self, port: int) -> str | None:
        """None: the port is free. Otherwise the version of the chaos-ecs that holds it, or "" for a stranger."""
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as asked:
            asked.settimeout(0.5)
            if asked.connect_ex(("127.0.0.1", port)) != 0:
                return None
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=0.5)
        try:
            connection.request("GET", "/health")
            said = json.loads(connection.getresponse().read(10_000))
        except (OSError, http.client.HTTPException, ValueError):
            return ""
        finally:
            connection.close()
        return str(said.get("chaos-ecs", "")) if isinstance(said, dict) else ""

    def now(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def _text(written: bytes | None) -> str:
    return "" if written is None else written.decode("utf-8", errors="replace")
