"""What the controller costs while nothing happens: processor time over a while, and memory."""

from __future__ import annotations

import subprocess
import time

from tests.bench.figures import Figures
from tests.bench.room import program

PROCESSOR = "idle with 30 tasks: processor"
MEMORY = "idle with 30 tasks: memory"
_ASK = """
import psutil, sys
process = psutil.Process(int(sys.argv[1]))
times = process.cpu_times()
print(times.user + times.system, process.memory_info().rss)
"""


def measure(figures: Figures, system: str, pid: int, *, seconds: float) -> None:
    """Percent of one core, and MB of 10**6 bytes."""
    before, _ = _usage(pid)
    started_at = time.monotonic()
    time.sleep(seconds)
    after, memory = _usage(pid)
    figures.add(PROCESSOR, system, 100 * (after - before) / (time.monotonic() - started_at), "% of a core")
    figures.add(MEMORY, system, memory / 1e6, "MB")


def _usage(pid: int) -> tuple[float, int]:
    """Processor seconds and bytes; psutil is in the bench's own environment, not in ours."""
    done = subprocess.run([program("python"), "-c", _ASK, str(pid)], capture_output=True, text=True, check=True)
    seconds, memory = done.stdout.split()
    return float(seconds), int(memory)
