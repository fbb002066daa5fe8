"""Engines beside the controller's own, as many as are asked for."""

from __future__ import annotations

from random import Random

from chaos_ecs.sim.engine import SimEngine


class FurtherEngines:
    """Each has a seed of its own, made of `seed` and its name; programs behave there as on the own engine. One that was
    left goes on, and is found again."""

    def __init__(self, own: SimEngine, seed: int) -> None:
        self._own = own
        self._seed = seed
        self.known: dict[str, SimEngine] = {}

    def named(self, name: str) -> SimEngine:
        """Made when it is first asked for: any name is an engine's."""
        if name not in self.known:
            random = Random(f"{self._seed} {name}")  # text, so that it is the same in every process
            made = SimEngine(self._own.clock, random, self._own.behaviour, id=name)
            made.read = self._own.read
            self.known[name] = made
        return self.known[name]
