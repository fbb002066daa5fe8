"""The cost of one kill in the simulator, in a world of 100 services and in one of 10,000, ten tasks each.

`python -m tests.bench.simulator ROUNDS` prints it as JSON: a process of its own, for its hundred thousand tasks.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time

from chaos_ecs.core import arns
from chaos_ecs.core.messages import KillTask
from chaos_ecs.sim.simulation import Simulation
from tests.bench.figures import Figures
from tests.builders import CLUSTER, a_service, a_simulation, running

MEASUREMENT = "simulator: one kill"
FEW, MANY = 100, 10_000
TASKS = 10


def system_name(services: int) -> str:
    return f"{services:,} services"


def measure(figures: Figures, *, rounds: int) -> None:
    command = [sys.executable, "-m", "tests.bench.simulator", str(rounds)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    for services, costs in json.loads(done.stdout).items():
        for cost in costs:
            figures.add(MEASUREMENT, system_name(int(services)), cost)


def main(rounds: int) -> None:
    worlds = {services: _world(services) for services in (FEW, MANY)}
    costs: dict[int, list[float]] = {services: [] for services in worlds}
    for turn in range(rounds):
        for services, world in worlds.items():
            costs[services].append(_cost(world, f"s{turn % FEW}"))
    sys.stdout.write(json.dumps(costs))


def _world(services: int) -> Simulation:
    world = a_simulation()
    for number in range(services):
        a_service(world, desired_count=TASKS, name=f"s{number}")
    world.advance(services * 2 + 50)  # eight starts at once: ten tasks are up in two virtual seconds
    world.events.clear()
    return world


def _cost(world: Simulation, service: str) -> float:
    """Milliseconds from the command to ten running tasks again; virtual time costs nothing."""
    arn = arns.service_arn(CLUSTER, service)
    victim = running(world, arn)[0]
    started_at = time.perf_counter()
    world.submit(KillTask(victim.arn)).result(0)
    world.advance(2)
    cost = (time.perf_counter() - started_at) * 1000
    assert len(running(world, arn)) == TASKS, "the killed task was replaced"
    return cost


if __name__ == "__main__":
    main(int(sys.argv[1]))
