"""The Runtime on a SimEngine: what `live/runtime.py` is to Docker. Facts come with small, seeded delays."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from chaos_ecs.core.container_instances import EngineRoom
from chaos_ecs.core.discovery_messages import PublishNames
from chaos_ecs.core.fault_messages import InjectHit, UndoHit
from chaos_ecs.core.local_files import ERROR, MissingError, look_up
from chaos_ecs.core.messages import (
    ContainerGone,
    ContainerSeen,
    Effect,
    EngineConnected,
    EngineLost,
    Fact,
    PauseContainer,
    PullStarted,
    PullStopped,
    RemoveContainer,
    RestartContainer,
    ResumeContainer,
    RunState,
    SignalContainer,
    StartContainer,
    StartFailed,
    StartUnknown,
)
from chaos_ecs.errors import ChaosEcsError
from chaos_ecs.sim.engine import SimContainer, SimEngine
from chaos_ecs.sim.faults import SimFaults
from chaos_ecs.sim.statistics import SimStatistics

ENGINE_NAME = "simulator"

_OnContainer = RestartContainer | SignalContainer | PauseContainer | ResumeContainer | RemoveContainer


class SimRuntime:
    """`name` is what the engine is called to the user."""

    def __init__(self, engine: SimEngine, name: str = ENGINE_NAME) -> None:
        self.engine = engine
        self._name = name
        self.open_for_facts = False
        self._facts: list[Fact] = []
        self._pulled: set[str] = set()
        self._starting: dict[tuple[str, str], None] = {}
        self._ended: dict[str, list[ContainerSeen]] = {}  # ends of runs not told yet
        self._connected: bool | None = None  # not looked at yet
        self._names: dict[str, PublishNames] = {}  # by the ARN of the service
        self._faults = SimFaults(engine, self._tell, lambda: self.open_for_facts)
        self.statistics: SimStatistics | None = None  # what measures services that are scaled

    # --- the port ---

    def open(self, wake: Callable[[], None]) -> None:
        self.open_for_facts = True
        self.engine.changed = self._changed
        self.engine.gone = self._gone

    def poll(self) -> Sequence[Fact]:
        self.engine.run_due()
        self._look_at_engine()
        facts, self._facts = self._facts, []
        return [*facts, *self.statistics.facts()] if self.statistics else facts

    def execute(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            match effect:
                case StartContainer():
                    self._start(effect)
                case RestartContainer():
                    self._do(effect, partial(self._start_again, effect))
                case SignalContainer():
                    self._do(effect, partial(self.engine.signal, effect.runtime_id, effect.signal or "SIGTERM"))
                case PauseContainer():
                    self._do(effect, partial(self.engine.freeze, effect.runtime_id, True))
                case ResumeContainer():
                    self._do(effect, partial(self.engine.freeze, effect.runtime_id, False))
                case RemoveContainer():
                    self._do(effect, partial(self.engine.remove, effect.runtime_id))
                case PublishNames():
                    self._names[effect.service_arn] = effect
                case InjectHit() | UndoHit():
                    self._faults.execute(effect)
                case _:
                    pass  # there are no networks to remove in memory

    def next_fact_at(self) -> float | None:
        if self._facts or self.engine.up != self._connected:
            return self.engine.clock.now()
        times = [self.engine.next_at(), self.statistics.next_at() if self.statistics else None]
        return min((at for at in times if at is not None), default=None)

    def logs(self, runtime_id: str, since: float, tail: int | None) -> Sequence[tuple[float, str]]:
        container = self.engine.containers.get(runtime_id)
        if container is None:
            raise ChaosEcsError(
                "E-NO-CONTAINER", "No logs", "the container is not there any more", "chaos-ecs ps --all"
            )
        lines = [line for line in container.lines if line[0] > since]
        return lines if tail is None else lines[-tail:] if tail else []

    def abilities(self) -> Mapping[str, str]:
        """In memory everything can be done."""
        return {}

    def examine(self, name: str) -> EngineRoom:
        """Every engine is as large as two processors and 4 GiB; a further one has an address of its own."""
        if not self.engine.up:
            what, why = f"The engine {name} does not answer", "the simulated engine is stopped"
            raise ChaosEcsError("E-DOCKER-DOWN", what, why, "Start it, then try again", 4)
        digest = hashlib.sha256(self.engine.id.encode()).digest()
        address = f"192.0.2.{1 + digest[0] % 254}" if name else ""  # of those that are nobody's (RFC 5737)
        return EngineRoom(name or self._name, 2048, 4096, address=address, id=self.engine.id)

    def close(self) -> None:
        """From here on nothing is heard or asked any more; what is under way in the engine goes on or is lost."""
        self.open_for_facts = False
        self.engine.changed = self.engine.gone = lambda container: None

    def resolve(self, cluster_arn: str, name: str) -> frozenset[str]:
        """The addresses to which a name leads in a cluster."""
        published = [one for one in self._names.values() if one.cluster_arn == cluster_arn and name in one.names]
        return frozenset(address for one in published for address in one.addresses)

    # --- asking the engine ---

    def _do(self, effect: _OnContainer, act: Callable[[], None]) -> None:
        """Asks the engine for something a moment from now; a crash or an engine gone by then loses it. Whoever asks
        about a container that is not there is told so."""

        def ask() -> None:
            if not self.open_for_facts:
                return
            if not self.engine.up:
                self._connected = None  # noticed by asking, though the engine may be back before the next look
            elif effect.runtime_id in self.engine.containers:
                act()
            else:
                self._facts.append(ContainerGone(effect.task_arn, effect.name, effect.runtime_id))

        self.engine.after(self.engine.rng.uniform(0.001, 0.01), ask)

    def _start_again(self, effect: RestartContainer) -> None:
        if failure := self.engine.start_again(effect.runtime_id):
            self._facts.append(StartFailed(effect.task_arn, effect.name, "CannotStartContainerError", failure))

    def _start(self, effect: StartContainer) -> None:
        key = (effect.task.arn, effect.definition.name)
        if key in self._starting:
            return
        self._starting[key] = None
        behaviour = self.engine.behaviour(effect.definition)
        wait = 0.0
        if effect.definition.image not in self._pulled and (behaviour.pull_seconds or behaviour.cannot_pull):
            self._facts.append(PullStarted(*key))
            wait = behaviour.pull_seconds
        if behaviour.cannot_pull:
            failure = StartFailed(*key, "CannotPullContainerError", behaviour.cannot_pull)
            self.engine.after(0.3, lambda: self._answer(key, failure))
            return
        self.engine.after(wait, lambda: self._create(effect, key))

    def _create(self, effect: StartContainer, key: tuple[str, str]) -> None:
        if self._is_lost(key):
            return
        self._pulled.add(effect.definition.image)
        self._facts.append(PullStopped(*key))
        try:
            look_up(effect.definition, self.engine.read)
        except MissingError as missing:
            self._answer(key, StartFailed(*key, ERROR, str(missing)))
            return
        container = self.engine.find(*key) or self.engine.create(
            effect.task.arn, effect.definition, effect.image_digest, effect.publish_on
        )
        runtime_id = container.seen.runtime_id
        if container.seen.state is not RunState.CREATED:
            self._answer(key, container.seen)
            return
        self.engine.after(self.engine.rng.uniform(0.15, 0.35), lambda: self._run(runtime_id, key))

    def _run(self, runtime_id: str, key: tuple[str, str]) -> None:
        if self._is_lost(key):
            return
        if failure := self.engine.start(runtime_id):
            self.engine.discard(runtime_id)
            self._answer(key, StartFailed(*key, "CannotStartContainerError", failure))
        else:
            self._answer(key, self.engine.containers[runtime_id].seen)

    def _is_lost(self, key: tuple[str, str]) -> bool:
        """Whether a start under way is cut off: by a crash (half of those reach the engine all the same), or
        because the engine is away."""
        if not self.open_for_facts:
            return self.engine.rng.random() < 0.5 or not self.engine.up
        if not self.engine.up:
            self._answer(key, StartUnknown(*key))
            return True
        return False

    def _answer(self, key: tuple[str, str], fact: Fact) -> None:
        self._starting.pop(key, None)
        if self.open_for_facts:
            self._facts.append(fact)

    # --- hearing of it ---

    def _tell(self, fact: Fact) -> None:
        self._facts.append(fact)

    def _changed(self, container: SimContainer) -> None:
        """Told a moment later, and then as it is by then: a listing never says what was."""
        runtime_id = container.seen.runtime_id
        if container.seen.state is RunState.EXITED:
            self._ended.setdefault(runtime_id, []).append(container.seen)

        def tell() -> None:
            now_there = self.engine.containers.get(runtime_id)
            if self._hears and now_there:
                for ended in self._ended.pop(runtime_id, []):
                    if ended.started_at != now_there.seen.started_at:
                        self._facts.append(ended)  # restarted behind our back: its end is told first
                self._facts.append(now_there.seen)

        self.engine.after(self.engine.rng.uniform(0.005, 0.05), tell)

    def _gone(self, container: SimContainer) -> None:
        fact = ContainerGone(container.seen.task_arn, container.seen.name, container.seen.runtime_id)

        def tell() -> None:
            if self._hears:
                self._facts.append(fact)

        self.engine.after(self.engine.rng.uniform(0.005, 0.05), tell)

    @property
    def _hears(self) -> bool:
        return self.open_for_facts and self.engine.up and bool(self._connected)

    def _look_at_engine(self) -> None:
        if self.engine.up == self._connected:
            return
        self._connected = self.engine.up
        if self.engine.up:
            listing: tuple[ContainerSeen, ...] = tuple(c.seen for c in self.engine.containers.values())
            self._facts.append(EngineConnected(self._name, listing))
        else:
            self._facts.append(EngineLost("the simulated engine is stopped"))
