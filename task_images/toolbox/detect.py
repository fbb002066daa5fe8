"""Which tools this engine's kernel has for us: one JSON object, each ability with why it is missing, or "".

To be run in a container of our own with a network of its own and CAP_NET_ADMIN: it tries each tool for real, on the
loopback interface, and leaves the rest to the end of that container.
"""

from __future__ import annotations

import json
import subprocess
import sys

_QDISC = "tc qdisc replace dev lo root handle ce00: "
_RULE = "iptables -w -I INPUT -p tcp --dport 9 "
TRIALS = {
    "statistic": _RULE + "-m statistic --mode random --probability 0.5 -j DROP",
    "reject": _RULE + "-j REJECT --reject-with tcp-reset",
    "redirect": "iptables -w -t nat -I PREROUTING -p tcp --dport 9 -j REDIRECT --to-ports 9",
    "netem": _QDISC + "netem delay 0ms",
    "tbf": _QDISC + "tbf rate 1mbit burst 32kbit latency 400ms",
}
MEANING = {  # what the tools and the kernel say, for those who do not speak to kernels
    "Specified qdisc kind is unknown": "the kernel has no such queue",
    "Specified qdisc not found": "the kernel has no such queue",
    "No such file or directory": "the kernel has no such queue",
    "Operation not supported": "the kernel does not support it",
    "Operation not permitted": "it is not permitted here",
    "Permission denied": "it is not permitted here",
    "No chain/target/match by that name": "the kernel has no such match or target",
    "missing kernel module": "the kernel has no such match or target",
}


def reason(command: str) -> str:
    """Why it cannot be used, with the tool's own words; "" when it can."""
    ran = subprocess.run(command.split(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    if ran.returncode == 0:
        return ""
    lines = [line.strip() for line in ran.stderr.decode(errors="replace").splitlines() if line.strip()]
    words = " ".join(lines[:2]).removeprefix("Error: ").rstrip(".") or f"exit code {ran.returncode}"
    meaning = next((meaning for known, meaning in MEANING.items() if known in words), "")
    return f"{meaning} ({words})" if meaning else words


if __name__ == "__main__":
    sys.stdout.write(json.dumps({ability: reason(command) for ability, command in TRIALS.items()}) + "\n")
