"""A program beside a container's own, with this terminal: `docker exec`, which knows of sizes, Ctrl-C and consoles."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from chaos_ecs.errors import ChaosEcsError
from chaos_ecs.live import further

NO_PROGRAM = 127
"""What `docker exec` exits with for a program that the container does not have; 126 for one that cannot run."""


def run_inside(runtime_id: str, words: Sequence[str], *, terminal: bool, reads: bool, home: Path) -> int:
    """Runs it and answers its exit code. `terminal`: it gets one, as a shell for a person wants; `reads`: it gets our
    stdin; `home`: the state folder, which knows of further engines. Raises E-DOCKER-DOWN, E-NO-CONTAINER, and
    E-NO-DOCKER-CLI where the program `docker` is missing."""
    program = shutil.which("docker")
    if program is None:
        what, why = "The program docker is missing", "a terminal in a container is its work; the engine itself answers"
        raise ChaosEcsError("E-NO-DOCKER-CLI", what, why, "install Docker's command line, then try again", 4)
    engine_words = further.found_on(runtime_id, home)
    ways = [*(["--interactive"] if reads else []), *(["--tty"] if terminal else [])]
    return subprocess.run([program, *engine_words, "exec", *ways, runtime_id, *words], check=False).returncode
