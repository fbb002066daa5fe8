"""`ports.Runtime` on Docker: hands each effect to a worker thread, and each thing seen to `poll`.

Nothing is decided here. Starts are in `starts.py`, looking in `watcher.py`, what counts as news in `sightings.py`, and
faults in `faults/`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from docker import APIClient
from docker.errors import NotFound

from chaos_ecs.core.container_instances import EngineRoom
from chaos_ecs.core.discovery_messages import PublishNames
from chaos_ecs.core.fault_messages import InjectHit, UndoHit
from chaos_ecs.core.messages import (
    ContainerGone,
    Effect,
    Fact,
    PauseContainer,
    RemoveContainer,
    RemoveNetwork,
    RestartContainer,
    ResumeContainer,
    SignalContainer,
    StartContainer,
    StartFailed,
    StartUnknown,
)
from chaos_ecs.errors import ChaosEcsError
from chaos_ecs.live import engine, inspection, labels
from chaos_ecs.live.discovery import Discovery
from chaos_ecs.live.faults import detect
from chaos_ecs.live.faults.executor import LEFTOVERS_AFTER_SECONDS, FaultExecutor
from chaos_ecs.live.faults.findings import Findings
from chaos_ecs.live.faults.helpers import Toolbox
from chaos_ecs.live.labels import Home
from chaos_ecs.live.networks import Networks
from chaos_ecs.live.sightings import Sightings
from chaos_ecs.live.starts import CANNOT_START, ImagesPort, Starter
from chaos_ecs.live.watcher import Watcher
from chaos_ecs.live.workers import Workers

START_WORKERS = 64  # eight may start at once (`starts.py`); the others wait for images, one image eight at most
SIGNAL_WORKERS = 8  # SIGKILL returns only when the process is gone, up to 10 s
REMOVE_WORKERS = 4
DEFAULT_STOP_SIGNAL = "SIGTERM"

_log = logging.getLogger(__name__)


class DockerRuntime:
    """`connect` opens the engine (see `engine.Connector`) and `images_of` gives what brings images to it."""

    def __init__(
        self,
        connect: Callable[[], APIClient],
        home: Home,
        images_of: Callable[[APIClient], ImagesPort],
        *,
        leftovers_after: float = LEFTOVERS_AFTER_SECONDS,
    ) -> None:
        self._wake: Callable[[], None] = lambda: None
        self._connect = connect
        self._home = home
        self._bug: Exception | None = None
        self._sightings = Sightings(self._wake_controller)
        self._networks = Networks(home)
        self._watcher = Watcher(
            connect, home, self._sightings, on_connect=self._begin_connection, on_bug=self._stop_loudly
        )
        self._discovery = Discovery(
            lambda: self._watcher.client, home, images_of, self._networks, self._sightings.tell, self._stop_loudly
        )
        self._starter = Starter(home, images_of, self._networks, self._sightings, self._discovery.server_for)
        self._toolbox = Toolbox(home, images_of)
        self._faults = FaultExecutor(
            self._toolbox,
            self._watcher,
            self._sightings.tell,
            self._stop_loudly,
            leftovers_after=leftovers_after,
        )
        self._findings = Findings(lambda client: detect.abilities(client, home, self._toolbox.images_on(client)))
        self._starts = Workers("start", START_WORKERS, self._stop_loudly)
        self._signals = Workers("signal", SIGNAL_WORKERS, self._stop_loudly)
        self._removals = Workers("remove", REMOVE_WORKERS, self._stop_loudly)

    def open(self, wake: Callable[[], None]) -> None:
        """`wake` is called from our threads and must return at once."""
        self._wake = wake
        for workers in (self._starts, self._signals, self._removals):
            workers.open()
        self._faults.open()
        self._discovery.open()
        self._watcher.open()

    def poll(self) -> Sequence[Fact]:
        """Raises what one of our threads raised, which is a bug."""
        if self._bug is not None:
            raise self._bug
        facts = self._sightings.drain()
        self._faults.noticed(facts)
        return facts

    def execute(self, effects: Sequence[Effect]) -> None:  # noqa: C901 - a table
        for effect in effects:
            match effect:
                case StartContainer():
                    if self._sightings.begin_start(effect.task.arn, effect.definition.name):
                        self._starts.submit(partial(self._start, effect))
                case RestartContainer():
                    self._starts.submit(partial(self._restart, effect))
                case SignalContainer():
                    self._signals.submit(partial(self._signal, effect))
                case PauseContainer() | ResumeContainer():
                    self._signals.submit(partial(self._freeze, effect))
                case RemoveContainer():
                    self._removals.submit(partial(self._remove, effect))
                case PublishNames():
                    self._discovery.publish(effect)
                case RemoveNetwork():
                    self._discovery.forget(effect.cluster_arn)
                    self._removals.submit(partial(self._remove_network, effect))
                case InjectHit() | UndoHit():
                    self._faults.execute(effect)

    def next_fact_at(self) -> float | None:
        return None

    def logs(self, runtime_id: str, since: float, tail: int | None) -> Sequence[tuple[float, str]]:
        """Both streams in the order they were written. Raises E-NO-CONTAINER and E-DOCKER-DOWN."""
        client = self._watcher.client
        if client is None:
            raise engine.down("the engine", "the connection is lost")
        # The engine counts `tail` before it looks at `since`, so it is asked for one of them only.
        asked = {"since": int(since)} if since >= 1 else {"tail": "all" if tail is None else tail}
        try:
            output = client.logs(runtime_id, timestamps=True, **asked)
        except NotFound as error:
            reason = "the container is not there any more"
            raise ChaosEcsError("E-NO-CONTAINER", "No logs", reason, "chaos-ecs ps --all") from error
        except engine.UNREACHABLE as error:
            raise engine.down(engine.address_of(client), engine.why(error)) from error
        lines = [line for line in inspection.log_lines(output) if line[0] > since]
        return lines if tail is None else lines[max(0, len(lines) - tail) :]

    def abilities(self) -> Mapping[str, str]:
        """Why each of `chaos/fault.py`'s Ability is missing on this engine, an empty string where it is there. Found
        out once for each connection, in a few seconds; again, where nothing to try it on was to be had. Raises
        ChaosEcsError when the engine is gone."""
        client = self._watcher.client
        if client is None:
            raise engine.down("the engine", "the connection is lost")
        return self._findings.on(client)

    def examine(self, name: str) -> EngineRoom:
        """This engine's, which is called `name` if it is a further one; opened for this where it is not in use. Raises
        ChaosEcsError."""
        if (client := self._watcher.client) is not None:
            return engine.room_of(client, further=bool(name))
        client = self._connect()
        try:
            return engine.room_of(client, further=bool(name))
        finally:
            client.close()

    def close(self) -> None:
        """Waits for no worker: a start cut off here is found by its name later."""
        for workers in (self._starts, self._signals, self._removals):
            workers.close()
        self._faults.close()
        self._discovery.close()
        self._watcher.close()

    def _wake_controller(self) -> None:
        self._wake()

    def _begin_connection(self) -> None:
        self._networks.doubt_all()
        self._faults.connected()

    def _stop_loudly(self, error: Exception) -> None:
        self._bug = self._bug or error
        self._wake()

    def _start(self, effect: StartContainer) -> None:
        client = self._watcher.client
        outcome = self._starter.start(client, effect)
        self._sightings.end_start(effect.task.arn, effect.definition.name)  # first: the answer may be a new start
        if isinstance(outcome, StartUnknown) and client is not None:
            self._watcher.lose("a start was not answered", client)
        if outcome is not None:
            self._sightings.tell(outcome)

    def _restart(self, effect: RestartContainer) -> None:
        """The look that follows answers; what the engine refuses is told as a start that failed."""
        client = self._watcher.client
        if client is None:
            return  # asked for again after the next EngineConnected
        try:
            client.start(effect.runtime_id)
        except NotFound:
            self._sightings.gone(ContainerGone(effect.task_arn, effect.name, effect.runtime_id))
        except engine.UNREACHABLE as error:
            if not engine.has_answered(error):
                self._watcher.lose(engine.why(error), client)
                return
            self._sightings.tell(StartFailed(effect.task_arn, effect.name, CANNOT_START, engine.why(error)))
        else:
            self._watcher.look_at(effect.runtime_id)

    def _signal(self, effect: SignalContainer) -> None:
        client = self._watcher.client
        if client is None:
            return  # asked for again after the next EngineConnected
        try:
            client.kill(effect.runtime_id, effect.signal or _stop_signal(client, effect.runtime_id))
        except NotFound:
            self._sightings.gone(ContainerGone(effect.task_arn, effect.name, effect.runtime_id))
        except engine.UNREACHABLE as error:  # 409: it has ended by itself, and the look will say so
            self._look_again(client, effect, effect.runtime_id, error)

    def _freeze(self, effect: PauseContainer | ResumeContainer) -> None:
        """The look that follows answers; without waiting for the engine to tell its event."""
        client = self._watcher.client
        if client is None:
            return  # asked for again after the next EngineConnected
        try:
            if isinstance(effect, PauseContainer):
                client.pause(effect.runtime_id)
            else:
                client.unpause(effect.runtime_id)
        except NotFound:
            self._sightings.gone(ContainerGone(effect.task_arn, effect.name, effect.runtime_id))
        except engine.UNREACHABLE as error:  # 409: it is so already, or has ended, and the look will say so
            self._look_again(client, effect, effect.runtime_id, error)
        else:
            self._watcher.look_at(effect.runtime_id)

    def _remove(self, effect: RemoveContainer) -> None:
        client = self._watcher.client
        if client is None:
            return
        try:
            client.remove_container(effect.runtime_id, force=True, v=True)
        except NotFound:
            _log.debug("container %s was removed already", effect.runtime_id)
        except engine.UNREACHABLE as error:  # 409: its removal is under way, and the look will say so
            self._look_again(client, effect, effect.runtime_id, error)
            return
        self._sightings.gone(ContainerGone(effect.task_arn, effect.name, effect.runtime_id))
        for volume in effect.volumes:
            self._remove_volume(client, labels.task_volume_name(self._home, effect.task_arn, volume))

    @staticmethod
    def _remove_volume(client: APIClient, name: str) -> None:
        """One of a task alone (API_DockerVolumeConfiguration.scope)."""
        try:
            client.remove_volume(name)
        except NotFound:
            _log.debug("volume %s was removed already", name)
        except engine.UNREACHABLE as error:  # 409: another container of the task has it still
            _log.info("volume %s stays: %s", name, engine.why(error))

    def _remove_network(self, effect: RemoveNetwork) -> None:
        client = self._watcher.client
        if client is None:
            return
        try:
            self._networks.remove(client, effect.cluster_arn)
        except engine.UNREACHABLE as error:  # 403: a container of somebody else is in it
            if not engine.has_answered(error):
                self._watcher.lose(engine.why(error), client)
            _log.warning("the network of %s stays: %s", effect.cluster_arn, engine.why(error))

    def _look_again(self, client: APIClient, effect: Effect, runtime_id: str, error: BaseException) -> None:
        _log.info("%s: %s", effect, engine.why(error))
        if engine.has_answered(error):
            self._watcher.look_at(runtime_id)
        else:
            self._watcher.lose(engine.why(error), client)


def _stop_signal(client: APIClient, runtime_id: str) -> str:
    """What the image asks to be stopped with (STOPSIGNAL), else SIGTERM. Raises the SDK's exceptions."""
    return client.inspect_container(runtime_id)["Config"].get("StopSignal") or DEFAULT_STOP_SIGNAL
