"""A machine in memory: its files, processes, programs and clock, and every command it was given."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from chaos_ecs.live.machine import Ran

DEBIAN = {"ID": "debian", "VERSION_ID": "12"}


@dataclass
class FakeMachine:
    """`acts` maps the beginning of a command line to what it does; all others end 0 and say nothing."""

    system: str = "Linux"
    os_release: Mapping[str, str] = field(default_factory=lambda: DEBIAN)
    environ: Mapping[str, str] = field(default_factory=dict)
    is_root: bool = True
    is_interactive: bool = False
    user: str = "ada"
    python: tuple[int, int, int] = (3, 12, 1)
    chosen_engine: str = ""
    programs: list[str] = field(default_factory=lambda: ["apt-get", "dpkg-deb"])
    folders: list[str] = field(default_factory=lambda: ["/sys/fs/cgroup/memory"])
    files: dict[str, str] = field(default_factory=dict)
    processes: dict[int, str] = field(default_factory=dict)
    dead_sockets: list[str] = field(default_factory=list)
    unwritable: dict[Path, str] = field(default_factory=dict)
    free: int = 50_000_000_000
    ports: dict[int, str] = field(default_factory=dict)
    acts: dict[str, Callable[[Sequence[str], Path | None], Ran]] = field(default_factory=dict)
    commands: list[str] = field(default_factory=list)
    clock: float = 0.0

    def which(self, program: str) -> str | None:
        return f"/usr/bin/{program}" if program in self.programs else None

    def run(
        self, argv: Sequence[str], *, cwd: Path | None = None, log: Path | None = None, timeout: float | None = None
    ) -> Ran:
        line = " ".join(argv)
        self.commands.append(line)
        if "rm -f " in line:
            self.files.pop(argv[-1], None)
            self.dead_sockets = [path for path in self.dead_sockets if path != argv[-1]]
        for beginning, act in self.acts.items():
            if line.startswith(beginning):
                return act(argv, cwd or log)
        return Ran(0)

    def is_dir(self, path: str) -> bool:
        return path in self.folders

    def read(self, path: str) -> str | None:
        return self.files.get(path)

    def process_name(self, pid: int) -> str | None:
        return self.processes.get(pid)

    def socket_is_dead(self, path: str) -> bool:
        return path in self.dead_sockets

    def make_dir(self, path: Path) -> str | None:
        return self.unwritable.get(path)

    def free_bytes(self, path: Path) -> int:
        return self.free

    def port_holder(self, port: int) -> str | None:
        return self.ports.get(port)

    def now(self) -> float:
        return self.clock

    def sleep(self, seconds: float) -> None:
        self.clock += seconds
