"""Random trouble under many seeds: safety after every step, convergence once it ends, replay to the byte."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.sim.monkey import Monkey

SEEDS = int(os.environ.get("SEEDS", "200"))
STEPS = 40


@pytest.mark.parametrize("block", range(0, SEEDS, 20))
def test_every_service_converges_after_random_trouble(block: int) -> None:
    for seed in range(block, min(block + 20, SEEDS)):
        monkey = Monkey(seed)
        monkey.run(STEPS)
        monkey.converge()


def test_the_monkey_really_makes_trouble() -> None:
    """A monkey that never crashes the controller would prove nothing."""
    monkeys = [Monkey(seed) for seed in range(20)]
    for monkey in monkeys:
        monkey.run(STEPS)
        monkey.converge()
    assert sum(monkey.simulation.crashes for monkey in monkeys) >= 20
    told = "\n".join(monkey.simulation.transcript() for monkey in monkeys)
    for kind in ("TASK_KILLED", "SERVICE_RECOVERED", "SERVICE_THROTTLED", "ENGINE_LOST", "STRAY_FOUND"):
        assert kind in told
    for kind in ("SCHEDULE_RAN", "SCHEDULE_MISSED", "SCHEDULE_DROPPED", "SCHEDULE_RETRY", "SCHEDULE_DELETED"):
        assert kind in told


@pytest.mark.parametrize("seed", [7, 79])
def test_the_same_seed_gives_the_same_log_to_the_byte(seed: int) -> None:
    program = (
        "from tests.sim.monkey import Monkey\n"
        f"monkey = Monkey({seed})\n"
        "monkey.run(40)\n"
        "monkey.converge()\n"
        "print(monkey.simulation.transcript())\n"
    )
    logs = [
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            check=True,
        ).stdout
        for hash_seed in ("0", "1234")
    ]
    assert logs[0] == logs[1]
    assert logs[0].count(b"\n") > 50
