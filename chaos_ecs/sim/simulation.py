"""The whole system under one seed: the same Controller, an engine in memory, a clock that jumps to what is next.

`crash` ends the controller as SIGKILL would, also between any two writes; `restart` starts a new one on what was
saved. The same seed and the same calls give the same transcript, to the byte.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from random import Random

from chaos_ecs.controller import Controller
from chaos_ecs.core.messages import Command, Effect, Event, Fact
from chaos_ecs.core.model import ContainerDefinition, Entity
from chaos_ecs.core.pace import DEMO, Pace
from chaos_ecs.core.state import State
from chaos_ecs.fleet import Fleet
from chaos_ecs.sim.balancer import SimBalancer
from chaos_ecs.sim.clock import VirtualClock
from chaos_ecs.sim.engine import Behaviour, SimEngine, demo_behaviour
from chaos_ecs.sim.further import FurtherEngines
from chaos_ecs.sim.runtime import SimRuntime
from chaos_ecs.sim.statistics import SimStatistics
from chaos_ecs.sim.store import MemoryStore


class Crash(BaseException):
    """The controller dies here. Not an Exception: nothing in the controller may catch it."""


class Fuse:
    """Blows at the n-th fault point passed; unset, it never does. A point lies before and after every write and act."""

    def __init__(self) -> None:
        self.left: int | None = None

    def pass_point(self) -> None:
        if self.left is None:
            return
        self.left -= 1
        if self.left < 0:
            self.left = None
            raise Crash


class FusedStore:
    def __init__(self, store: MemoryStore, fuse: Fuse) -> None:
        self._store = store
        self._fuse = fuse

    def load(self) -> tuple[Sequence[Entity], Sequence[Event]]:
        return self._store.load()

    def save(self, changes: Iterable[tuple[type[Entity], str, Entity | None]], events: Sequence[Event]) -> None:
        self._fuse.pass_point()
        self._store.save(changes, events)
        self._fuse.pass_point()

    def close(self) -> None:
        self._store.close()


class FusedRuntime(SimRuntime):
    """Its effects are carried out one by one, with a fault point before each."""

    def __init__(self, engine: SimEngine, fuse: Fuse) -> None:
        super().__init__(engine)
        self._fuse = fuse

    def execute(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            self._fuse.pass_point()
            super().execute([effect])

    def poll(self) -> Sequence[Fact]:
        facts = super().poll()
        if facts:
            self._fuse.pass_point()
        return facts


class Simulation:
    def __init__(
        self,
        seed: int,
        behaviour: Callable[[ContainerDefinition], Behaviour] = demo_behaviour,
        pace: Pace = DEMO,
    ) -> None:
        self.seed = seed
        self.pace = pace
        self.clock = VirtualClock()
        self.began_at = self.clock.now()
        self.engine = SimEngine(self.clock, Random(seed), behaviour)
        self.further = FurtherEngines(self.engine, seed)
        self.balancer = SimBalancer(self.engine, self.further.known)
        self.store = MemoryStore()
        self.fuse = Fuse()
        self.events: list[Event] = []
        self.after_step: Callable[[], None] = lambda: None
        self.crashes = 0
        self.controller: Controller | None = None
        self.restart()

    @property
    def state(self) -> State:
        assert self.controller is not None, "the controller is down: call restart() first"
        return self.controller.state

    def submit(self, command: Command) -> Future[None]:
        """Hands a command to the controller; its future has an EcsError when it was refused."""
        assert self.controller is not None, "the controller is down: call restart() first"
        future = self.controller.request(lambda state: command, lambda state, now, events: None)
        self._settle()
        return future

    def advance(self, seconds: float) -> None:
        """Lets virtual time pass, stopping wherever something is due."""
        until = self.clock.now() + seconds
        while True:
            next_at = self._settle()
            if next_at is None or next_at > until:
                break
            self.clock.advance_to(next_at)
        self.clock.advance_to(until)
        self._settle()

    def crash_after(self, points: int) -> None:
        """The controller will die at the given number of fault points from now."""
        self.fuse.left = points

    def crash(self) -> None:
        """The controller dies now, between two steps. Containers run on."""
        if self.controller is None:
            return
        self.crashes += 1
        self.fuse.left = None
        self.controller.runtime.close()
        self.controller.balancer.close()
        self.controller = None

    def restart(self) -> None:
        """A new controller on the old state folder and the old engine."""
        if self.controller is not None:
            return
        self.runtime = runtime = FusedRuntime(self.engine, self.fuse)
        self.controller = Controller(
            clock=self.clock,
            runtime=Fleet(runtime, lambda name: FusedRuntime(self.further.named(name), self.fuse)),
            balancer=self.balancer,
            store=FusedStore(self.store, self.fuse),
            salt=f"simulation {self.seed}",
            pace=self.pace,
        )
        requests = self.balancer.requests
        runtime.statistics = SimStatistics(self.engine, requests, self.controller.state, self.further.known)
        self.controller.subscribe(self.events.extend)
        self.controller.runtime.open(lambda: None)
        self.controller.balancer.open(lambda: None)
        self._settle()

    def transcript(self) -> str:
        """What was told, one line an event, with times from the beginning of the simulation."""
        return "\n".join(
            f"{event.at - self.began_at:10.3f} {event.type} {event.message} {dict(event.data)}" for event in self.events
        )

    def _settle(self) -> float | None:
        """Steps until nothing is left to do now; when something will be. Without a controller only the engine lives."""
        if self.controller is None:
            return self._run_engines()
        try:
            while self.controller.step():
                self.after_step()
        except Crash:
            self.crash()
            return self._run_engines()
        self.after_step()
        return self.controller.next_due()

    def _run_engines(self) -> float | None:
        """What is due there happens, in those that nobody looks at too; when more will be."""
        engines = (self.engine, *self.further.known.values())
        for engine in engines:
            engine.run_due()
        return min((at for engine in engines if (at := engine.next_at()) is not None), default=None)
