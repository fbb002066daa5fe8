"""What the probes of processor, memory, disk and processes measure, each in one function that answers a code and a
sentence. Where this container shares its victim's processes, process 1 is the victim's; else it is our own."""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

from answers import SHOWS, UNHARMED, UNKNOWN, Answer, mebibytes

VICTIM_ROOT = "/proc/1/root"
_WINDOW_SECONDS = 0.5
_CGROUP = Path("/sys/fs/cgroup")  # ours, in version 1 a folder for each controller
_MIB = 1024**2
SIGNALLED = Path("/tmp/signalled")  # noqa: S108 - nobody else is in this container; a number and a start on each line


def cpu(given: argparse.Namespace) -> Answer:
    """What the load takes, and what a program beside it gets; both in the victim's cgroup."""
    burnt, began = _burnt(), time.monotonic()
    time.sleep(_WINDOW_SECONDS)
    load = 100 * (_burnt() - burnt) / (time.monotonic() - began)
    own, began = time.process_time(), time.monotonic()
    while time.monotonic() - began < _WINDOW_SECONDS:
        pass
    share = 100 * (time.process_time() - own) / (time.monotonic() - began)
    says = f"the load takes {load:.0f} % of a CPU, a program beside it gets {share:.0f} %"
    wanted = min(given.percent * (given.workers or os.cpu_count() or 1), given.most or 10**6)
    return (SHOWS if load >= max(5, 0.25 * wanted) else UNHARMED), says


def _burnt() -> float:
    """Seconds of CPU that this container has taken."""
    version_1 = _CGROUP / "cpuacct/cpuacct.usage"
    if version_1.exists():
        return int(version_1.read_text()) / 1e9
    words = dict(line.split() for line in (_CGROUP / "cpu.stat").read_text().splitlines())
    return int(words["usage_usec"]) / 1e6


def memory(given: argparse.Namespace) -> Answer:
    """How much of its limit the victim uses, the load and what holds it with it; but not this probe."""
    used = _own_memory() - _anonymous(os.getpid()) + _victims_memory()
    says = f"{mebibytes(used)} of {given.limit} MiB are used ({100 * used / (given.limit * _MIB):.0f} %)"
    return (SHOWS if _loads() and used >= 0.9 * given.goal * _MIB else UNHARMED), says


def room_in_memory(given: argparse.Namespace) -> Answer:
    """Not a measurement but a number: the bytes that the victim's processes leave to that goal, less what is spared."""
    return UNHARMED, str(max(_MIB, (given.goal - given.spare) * _MIB - _victims_memory()))


def _own_memory() -> int:
    """Without what was only read from files, which the kernel gives back."""
    version_1 = _CGROUP / "memory/memory.stat"
    text = (version_1 if version_1.exists() else _CGROUP / "memory.stat").read_text()
    words = dict(line.split() for line in text.splitlines())
    names = ("rss", "shmem") if version_1.exists() else ("anon", "shmem")
    return sum(int(words.get(name, 0)) for name in names)


def _victims_memory() -> int:
    return sum(map(_anonymous, victims_processes()))


def _anonymous(process: int) -> int:
    """What it holds that was not read from files; nothing when it is gone."""
    try:
        words = [line.split() for line in Path(f"/proc/{process}/status").read_text().splitlines()]
    except OSError:
        return 0
    return sum(int(word[1]) * 1024 for word in words if word[0] in ("RssAnon:", "RssShmem:"))


def _loads() -> list[int]:
    return [process for process in _our_processes() if _name(process).startswith("stress-ng")]


def disk(_: argparse.Namespace) -> Answer:
    """What the load writes, in the kernel's own account of its processes."""
    loads = _loads()
    before, began = sum(map(_written, loads)), time.monotonic()
    time.sleep(_WINDOW_SECONDS)
    rate = (sum(map(_written, loads)) - before) / (time.monotonic() - began)
    says = (
        f"a load writes {mebibytes(rate)} a second to the container's disk" if loads else "no load writes to the disk"
    )
    return (SHOWS if rate > _MIB else UNHARMED), says


def _written(process: int) -> int:
    try:
        words = dict(line.split(": ") for line in Path(f"/proc/{process}/io").read_text().splitlines())
    except OSError:
        return 0
    return int(words["write_bytes"])


def room_on_disk(given: argparse.Namespace) -> Answer:
    """Not a measurement but a number: that percentage of what is free on the victim's disk, within `most` bytes."""
    free = os.statvfs(VICTIM_ROOT)
    return UNHARMED, str(max(_MIB, min(given.most, free.f_bavail * free.f_frsize * given.percent // 100)))


def file(given: argparse.Namespace) -> Answer:
    """How much of the victim's disk a file takes."""
    folder = Path(given.path).parent
    try:
        free = os.statvfs(f"{VICTIM_ROOT}/{folder}")
    except OSError as error:
        return UNKNOWN, f"{folder} in the container: {error.strerror}"
    left = f"{mebibytes(free.f_bavail * free.f_frsize)} are left there"
    try:
        taken = Path(f"{VICTIM_ROOT}/{given.path}").stat().st_blocks * 512
    except FileNotFoundError:
        return UNHARMED, f"there is no {given.path} in the container, {left}"
    says = f"{given.path} takes {mebibytes(taken)} of the container's disk, {left}"
    return (SHOWS if taken >= given.bytes else UNHARMED), says


def process(given: argparse.Namespace) -> Answer:
    """Whether those of that name are gone that `signal-named` has signalled; before it has, whether there are any."""
    found = named(given.name)
    if not SIGNALLED.exists():
        others = sorted({_name(process) for process in victims_processes()})
        if not found:
            return UNKNOWN, f"no process is named {given.name}; there are: {', '.join(others)}"
        return UNHARMED, f"{given.name} runs as process {_listed(found)}"
    signalled = dict(line.split() for line in SIGNALLED.read_text().splitlines())
    left = [process for process, started in found.items() if signalled.get(str(process)) == started]
    if left:
        return UNHARMED, f"{given.name} still runs as process {_listed(left)}"
    return SHOWS, f"process {_listed(signalled)}, {given.name}, is gone, and process 1, {_name(1)}, goes on"


def named(name: str) -> dict[int, str]:
    """The victim's processes of that name, each with the moment of its start, since numbers are used again."""
    found = {process: _started(process) for process in victims_processes() if _name(process) == name}
    return {process: started for process, started in found.items() if started}


def victims_processes() -> list[int]:
    ours = _our_processes()
    return [process for process in _processes() if process not in ours]


def _our_processes() -> list[int]:
    """All that come from the one that this container began with. Its parent is outside of what can be seen here."""
    parents = {process: _parent(process) for process in _processes()}

    def first(process: int) -> int:
        while parent := parents.get(process, 0):
            process = parent
        return process

    ours = first(os.getpid())
    return [process for process in parents if first(process) == ours]


def _listed(processes: object) -> str:
    return ", ".join(str(process) for process in processes)  # type: ignore[attr-defined]


def _processes() -> list[int]:
    return sorted(int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def _name(process: int) -> str:
    """The program's file name, as `ps` shows it first; the kernel's name where there is none."""
    try:
        first = Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")[0].decode(errors="replace")
        return Path(first).name or Path(f"/proc/{process}/comm").read_text().strip()
    except OSError:
        return ""


def _started(process: int) -> str:
    """Empty when it has ended."""
    fields = _stat(process)
    return "" if not fields or fields[0] in "ZX" else fields[19]


def _parent(process: int) -> int:
    fields = _stat(process)
    return int(fields[1]) if fields else 0


def _stat(process: int) -> list[str]:
    """What /proc says of it after its name; nothing when it is gone."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
