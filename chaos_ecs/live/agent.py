"""The ECS agent of tasks: what they ask about themselves, or to break their own network, goes to the controller, its
answers to them.

A Runtime with somebody beside it who sees which tasks are started, and sees to it that the agent's container is in
their clusters' networks, and is brought back when it dies. Its image is built for tasks that may break their network;
the others have an agent where the image is here. Requests are read on one thread, everything else is done on
a second one, and nothing of it while `execute` or `poll` wait. What a request means is not known here: who answers is
handed in.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any

from docker import APIClient

from chaos_ecs.core.container_instances import EngineRoom
from chaos_ecs.core.messages import Effect, Fact, RemoveNetwork, StartContainer
from chaos_ecs.core.model import Task
from chaos_ecs.core.state import State
from chaos_ecs.errors import ChaosEcsError
from chaos_ecs.live import agent_container as container
from chaos_ecs.live import engine, labels
from chaos_ecs.live.agent_channel import AgentCall, AgentChannel
from chaos_ecs.live.faults import helpers
from chaos_ecs.live.labels import Home
from chaos_ecs.live.retries import pause_after
from chaos_ecs.live.starts import ImagesPort
from chaos_ecs.ports import Runtime

KEEP_SECONDS = 2.0  # the agent gives us up after three silences
FIRST_RETRY_SECONDS = 0.1
LONGEST_RETRY_SECONDS = 5.0
FIRST_MADE_AGAIN_SECONDS = 0.25  # one that cannot be made, or dies at once, must not be made all the time
LONGEST_MADE_AGAIN_SECONDS = 60.0
IMAGE_LOOK_SECONDS = 5.0  # where it is not here, somebody may build it: one call of the engine
CLOSING_SECONDS = 2.0

Answer = tuple[int, Mapping[str, Any]]
Answering = Callable[[AgentCall], Future[Answer]]
"""Must return at once, and its future have no exception."""

log = logging.getLogger(__name__)


class AgentRelay:
    """`serve` before the loop begins; without it there is no agent. `connect` opens the engine (see
    `engine.Connector`) and `images_of` gives what brings images to it."""

    def __init__(
        self,
        runtime: Runtime,
        connect: Callable[[], APIClient],
        home: Home,
        images_of: Callable[[APIClient], ImagesPort],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._runtime = runtime
        self._connect = connect
        self._home = home
        self._images_of = images_of
        self._monotonic = monotonic
        self._wake: Callable[[], None] = lambda: None
        self._answering: Answering | None = None
        self._bug: Exception | None = None
        self._thread = threading.Thread(target=self._guarded, args=(self._work,), name="agent", daemon=True)
        self._changed = threading.Condition()  # guards the five below
        self._clusters: dict[str, bool] = {}  # whose networks it is to be in; some task there may break its own
        self._answers: deque[tuple[AgentChannel, int, Answer]] = deque()
        self._has_news = True
        self._channel: AgentChannel | None = None
        self._closed = False
        # The rest is the worker's own.
        self._client: APIClient | None = None
        self._look_at = math.inf  # whatever happens until then
        self._tried_at = -math.inf  # to make it: when that had ended
        self._tried_lately = 0
        self._failures = 0
        self._awaits_image = self._has_told_of_image = False
        self._trouble = ""  # told already

    def serve(self, state: State, answering: Answering) -> None:
        """Answers the tasks there are in this State, and those that will be started."""
        self._answering = answering
        for task in state.tasks.values():
            if not task.is_stopped:
                self._note(task)

    # --- a Runtime ---

    def open(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._runtime.open(wake)
        if self._answering is not None:
            self._thread.start()

    def poll(self) -> Sequence[Fact]:
        """Raises what one of our threads raised, which is a bug."""
        if self._bug is not None:
            raise self._bug
        return self._runtime.poll()

    def execute(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            match effect:
                case StartContainer():
                    with self._changed:
                        self._expect(effect.task)
                case RemoveNetwork():
                    with self._changed:
                        self._clusters.pop(effect.cluster_arn, None)
        self._runtime.execute(effects)

    def _expect(self, task: Task) -> None:
        """Where it is in the cluster's network already, a start costs a look only for a task that may break its own."""
        if task.cluster_arn not in self._clusters or task.fault_injection:
            self._note(task)
            self._tell_news()

    def _note(self, task: Task) -> None:
        self._clusters[task.cluster_arn] = self._clusters.get(task.cluster_arn, False) or task.fault_injection

    def next_fact_at(self) -> float | None:
        return self._runtime.next_fact_at()

    def logs(self, runtime_id: str, since: float, tail: int | None) -> Sequence[tuple[float, str]]:
        return self._runtime.logs(runtime_id, since, tail)

    def abilities(self) -> Mapping[str, str]:
        return self._runtime.abilities()

    def examine(self, name: str) -> EngineRoom:
        return self._runtime.examine(name)

    def close(self) -> None:
        """The container runs on; the next controller finds it by its name."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(CLOSING_SECONDS)
        self._runtime.close()

    # --- the worker ---

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - handed on: a bug must stop the controller, not just this thread
            self._bug = error
            self._wake()

    def _work(self) -> None:
        while (clusters := self._next()) is not None:
            self._attend(clusters)
        self._hang_up()

    def _next(self) -> dict[str, bool] | None:
        """Waits until there is something to do, and answers for which clusters; None once closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._has_news or self._answers, self._pause())
            return None if self._closed else dict(self._clusters)

    def _pause(self) -> float | None:
        """Seconds until there is something to do; None: only when called."""
        keep = math.inf if self._channel is None else KEEP_SECONDS
        pause = min(keep, max(0.0, self._look_at - self._monotonic()))
        return None if pause == math.inf else pause

    def _attend(self, clusters: Mapping[str, bool]) -> None:
        with self._changed:
            looks, self._has_news = self._has_news or self._monotonic() >= self._look_at, False
        try:
            if looks:
                again = self._look(clusters)
                self._look_at = math.inf if again is None else self._monotonic() + again
            self._speak()
        except engine.UNANSWERED as error:
            self._lose(str(error) if isinstance(error, ChaosEcsError) else engine.why(error))

    def _look(self, clusters: Mapping[str, bool]) -> float | None:
        """Sees to it that it is in all networks it is to be in. Seconds until the next look, or None."""
        if self._client is None:
            self._client = self._connect()
        if self._awaits_image and clusters and not self._has_image(self._client, clusters):
            return IMAGE_LOOK_SECONDS
        found = self._found(self._client, clusters)
        networks = [labels.network_name(self._home, cluster) for cluster in clusters]
        if found is None and networks:
            if (rest := self._rest()) > 0:
                return rest
            if not self._has_image(self._client, clusters):
                return IMAGE_LOOK_SECONDS
            found = self._made(self._client, networks)
        if found is not None and self._channel is None:
            self._listen(self._client, found.id)
        return self._joined(self._client, found, networks)

    def _found(self, client: APIClient, clusters: Mapping[str, bool]) -> container.Found | None:
        found = container.find(client, self._home)
        if found is not None and not (found.serves and clusters):
            log.info("the agent of tasks %s", "does not serve them" if clusters else "is not needed any more")
            self._hang_up()
            helpers.remove(client, found.id)
            return None
        return found

    def _joined(self, client: APIClient, found: container.Found | None, networks: Sequence[str]) -> float | None:
        """Networks of tasks that are just being started come soon."""
        missing = [network for network in networks if found is None or network not in found.networks]
        joined = [found is not None and self._joins(client, found.id, network) for network in missing]
        if all(joined):
            self._failures = 0
            return None
        return self._again()

    def _again(self) -> float:
        self._failures += 1
        return pause_after(self._failures, first=FIRST_RETRY_SECONDS, longest=LONGEST_RETRY_SECONDS)

    def _joins(self, client: APIClient, container_id: str, network: str) -> bool:
        return container.is_to_stay(client, network) and container.connect(client, container_id, network)

    def _has_image(self, client: APIClient, clusters: Mapping[str, bool]) -> bool:
        """Whether its image is here, or is to be built. Nobody's machine is to build behind their back what no task
        has asked for."""
        self._awaits_image = not any(clusters.values()) and not self._images_of(client).is_here(container.IMAGE)
        if self._awaits_image and not self._has_told_of_image:
            self._has_told_of_image = True
            build = "chaos-ecs images build toolbox"
            log.warning("the task metadata endpoint needs the image %s: %s", container.IMAGE, build)
        return not self._awaits_image

    def _made(self, client: APIClient, networks: Sequence[str]) -> container.Found | None:
        """A new one, in the first network that is there already."""
        first = next((network for network in networks if container.is_to_stay(client, network)), None)
        if first is None:
            return None
        try:
            self._images_of(client).ensure(container.IMAGE, lambda: None)
            return container.make(client, self._home, first)
        finally:
            self._tried_at, self._tried_lately = self._monotonic(), self._tried_lately + 1

    def _rest(self) -> float:
        """Seconds until it may be made again."""
        first, longest = FIRST_MADE_AGAIN_SECONDS, LONGEST_MADE_AGAIN_SECONDS
        passed = self._monotonic() - self._tried_at
        if passed > 2 * longest:  # it has lived: one that cannot be made is tried sooner than that
            self._tried_lately = 0
        return pause_after(self._tried_lately + 1, first=first, longest=longest) - passed

    def _listen(self, client: APIClient, container_id: str) -> None:
        channel = AgentChannel(client, container_id)
        self._trouble = ""
        with self._changed:
            self._channel = channel
        reader = threading.Thread(
            target=self._guarded, args=(partial(self._hear, channel),), name="agent-calls", daemon=True
        )
        reader.start()

    def _speak(self) -> None:
        """Answers, or else says that we are here. What was asked of another container is not answered by this one."""
        with self._changed:
            channel = self._channel
            answers, self._answers = self._answers, deque()
        if channel is None:
            return
        for asked_by, number, (status, body) in answers:
            if asked_by is channel:
                channel.answer(number, status, body)
        if not answers:
            channel.keep()

    def _lose(self, reason: str) -> None:
        self._hang_up()
        client, self._client = self._client, None
        if client is not None:
            client.close()
        self._look_at = self._monotonic() + self._again()
        if reason != self._trouble:
            self._trouble = reason
            log.warning("tasks cannot reach their agent: %s", reason)

    def _hang_up(self) -> None:
        with self._changed:
            channel, self._channel = self._channel, None
        if channel is not None:
            channel.close()

    # --- the reader ---

    def _hear(self, channel: AgentChannel) -> None:
        assert self._answering is not None
        try:
            for call in channel.calls():
                self._answering(call).add_done_callback(partial(self._take, channel, call.number))
        except engine.UNREACHABLE as error:
            log.debug("the agent is not heard any more: %s", engine.why(error))
        with self._changed:
            if self._channel is channel:
                self._channel = None
                channel.close()
                self._tell_news()

    def _take(self, channel: AgentChannel, number: int, future: Future[Answer]) -> None:
        with self._changed:
            self._answers.append((channel, number, future.result()))
            self._changed.notify_all()

    def _tell_news(self) -> None:
        self._has_news = True
        self._changed.notify_all()
