"""How long whole commands take, from starting the process to its end, interleaved with `aws --version`."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from tests.bench.figures import Figures
from tests.bench.systems.ours import Ours

MEASUREMENT = "whole command"
HELP = "chaos-ecs --help"
PS = "chaos-ecs ps"
AWS = "aws --version"


def measure(figures: Figures, ours: Ours, *, rounds: int) -> None:
    """`ps` asks the controller that runs. The first, uncounted round warms the disk's cache."""
    folder = Path(sys.executable).parent
    environment = {**os.environ, "CHAOS_ECS_HOME": str(ours.settings.home)}
    for turn in range(rounds + 1):
        for command in (HELP, PS, AWS):
            name, *arguments = command.split()
            started_at = time.monotonic()
            subprocess.run([str(folder / name), *arguments], env=environment, capture_output=True, check=True)
            if turn:
                figures.add(MEASUREMENT, command, (time.monotonic() - started_at) * 1000)
