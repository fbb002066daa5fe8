"""Random trouble on 50 container instances in 3 zones, under many seeds: nothing overbooked, and order in the end."""

from __future__ import annotations

import os

import pytest

from tests.sim.host_monkey import HostMonkey

SEEDS = int(os.environ.get("HOST_SEEDS", "6"))
STEPS = 30


@pytest.mark.parametrize("seed", range(SEEDS))
def test_fifty_container_instances_in_trouble_end_in_order(seed: int) -> None:
    monkey = HostMonkey(seed)
    monkey.run(STEPS)
    monkey.converge()
