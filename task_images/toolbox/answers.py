"""What every probe needs: its three answers, how numbers read, and whether what it sees is of this fault."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence

UNHARMED, SHOWS, UNKNOWN = 0, 1, 2
Answer = tuple[int, str]

TAG = os.environ.get("TAG", "")
DEVICE, ADDRESS, GATEWAY = (os.environ.get(name, "") for name in ("DEVICE", "ADDRESS", "GATEWAY"))
QDISC = os.environ.get("NUMBER", "ce00") + ":"
_TABLES = ("filter", "nat")
_STOPPING = ("DROP", "REJECT")


def shows(says: str) -> Answer:
    """The effect, if something of this fault is in place: a peer that died by itself is no proof of ours."""
    if is_in_place():
        return SHOWS, says
    return UNKNOWN, f"{says}, but not for anything that this fault has put in place"


def is_in_place() -> bool:
    """Whether there are rules or a queue of this fault."""
    if any(_run("iptables", "-w", "-t", table, "-n", "-L", f"CECS-{TAG}") for table in _TABLES):
        return True
    return any(f" {QDISC} root" in line for line in _run("tc", "qdisc", "show", "dev", DEVICE))


def stopped_packets() -> int:
    """How many packets this fault's rules have dropped or refused so far."""
    rules = [line.split() for line in _run("iptables", "-w", "-nvxL", f"CECS-{TAG}")]
    return sum(int(rule[0]) for rule in rules if len(rule) > 2 and rule[2] in _STOPPING)


def ms(seconds: float) -> str:
    """0.000042 -> 0.042 ms, 0.4021 -> 402 ms."""
    return f"{seconds * 1000:.2g} ms" if seconds < 0.01 else f"{seconds * 1000:.0f} ms"


def bits(per_second: float) -> str:
    """1_040_000 -> 1.04 Mbit/s."""
    if per_second < 1_000_000:
        return f"{per_second / 1000:.0f} kbit/s"
    return f"{per_second / 1_000_000:.2f} Mbit/s" if per_second < 10_000_000 else f"{per_second / 1_000_000:.0f} Mbit/s"


def mebibytes(count: float) -> str:
    """128 MiB, and from 10 GiB on 78.6 GiB."""
    return f"{count / 1024**3:.1f} GiB" if count >= 10 * 1024**3 else f"{count / 1024**2:.0f} MiB"


def _run(*command: str) -> Sequence[str]:
    """Its lines; none when it fails."""
    ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    return ran.stdout.decode(errors="replace").splitlines() if ran.returncode == 0 else ()
