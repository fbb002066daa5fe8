"""What services that are scaled are measured by: CPU from Docker's statistics, requests from the balancer's counters.

A Runtime with somebody beside it who looks once in a while, and only while some service has a scaling policy. What to
measure follows from State, which `poll` reads on the loop's thread; reading is done on a thread of its own. Nothing is
decided here: an average goes to the core as a MetricSeen.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from docker import APIClient

from chaos_ecs.core.container_instances import EngineRoom
from chaos_ecs.core.messages import Effect, Fact
from chaos_ecs.core.scaling import MeasuredTask, Metric, Subject, average_cpu, requests_a_minute
from chaos_ecs.core.scaling_messages import MetricSeen
from chaos_ecs.core.scaling_plan import is_measured, subjects
from chaos_ecs.core.state import State
from chaos_ecs.live import engine
from chaos_ecs.ports import Clock, Runtime

NANOSECONDS = 1e9

log = logging.getLogger(__name__)

Requests = Callable[[], Mapping[str, Mapping[str, int]]]
"""Target group ARN -> target id -> requests so far (`HaproxyBalancer.requests`)."""


class CpuReader(Protocol):
    def __call__(self, runtime_id: str) -> float | None:
        """The seconds of CPU a container has used so far; None when the engine cannot tell."""
        ...


class DockerStatistics:
    """Docker's statistics, one shot each: without that the engine waits a second or two for a second look. From any
    thread."""

    def __init__(self, connect: Callable[[], APIClient]) -> None:
        self._connect = connect
        self._lock = threading.Lock()
        self._client: APIClient | None = None

    def __call__(self, runtime_id: str) -> Mapping[str, Any] | None:
        """As the engine tells them; None when it does not."""
        client: APIClient | None = None
        try:
            client = self._connected()
            told: Mapping[str, Any] = client.stats(runtime_id, stream=False, one_shot=True)
        except engine.UNANSWERED as error:
            if client is not None and not engine.has_answered(error):
                self._drop(client)
            log.info("no statistics of container %s: %s", runtime_id[:12], error)
            return None
        return told

    def _connected(self) -> APIClient:
        """Whoever comes while another one connects does so too: an engine that is away must not make them queue."""
        with self._lock:
            if self._client is not None:
                return self._client
        return self._kept(self._connect())

    def _kept(self, made: APIClient) -> APIClient:
        with self._lock:
            kept = self._client = self._client or made
        if kept is not made:
            made.close()
        return kept

    def _drop(self, client: APIClient) -> None:
        """The engine went away: connect again, unless another thread has."""
        with self._lock:
            if self._client is client:
                self._client = None
        client.close()


class DockerCpu:
    """Of Docker's statistics the CPU."""

    def __init__(self, connect: Callable[[], APIClient]) -> None:
        self._read = DockerStatistics(connect)

    def __call__(self, runtime_id: str) -> float | None:
        try:
            told = self._read(runtime_id) or {}
            return float(told["cpu_stats"]["cpu_usage"]["total_usage"]) / NANOSECONDS
        except KeyError:  # it has just ended
            return None


class CpuEverywhere:
    """On whichever engine the container is: `host_of` names a further one, `of_engine` reads there, "" is the own."""

    def __init__(self, host_of: Callable[[str], str], of_engine: Callable[[str], CpuReader]) -> None:
        self._host_of = host_of
        self._of_engine = of_engine
        self._readers: dict[str, CpuReader] = {}

    def __call__(self, runtime_id: str) -> float | None:
        host = self._host_of(runtime_id)
        if host not in self._readers:
            self._readers[host] = self._of_engine(host)
        return self._readers[host](runtime_id)


class Meter:
    """Two looks make an average: this remembers the one before."""

    def __init__(self, read_cpu: CpuReader, requests: Requests, monotonic: Callable[[], float] = time.monotonic):
        self._read_cpu = read_cpu
        self._requests = requests
        self._monotonic = monotonic
        self._cpu: dict[str, tuple[float, float]] = {}  # by runtime id: when, seconds used
        self._counted: tuple[float, Mapping[str, Mapping[str, int]]] | None = None

    def measure(self, found: Sequence[Subject]) -> list[MetricSeen]:
        """The averages since the last time; of what is looked at for the first time there is none yet."""
        told = []
        cpu_before, self._cpu = self._cpu, {}
        counted_before, self._counted = self._counted, None
        for subject in found:
            for measure in subject.measures:
                if measure.metric is Metric.CPU:
                    average = average_cpu(subject.tasks, self._used_cores(subject.tasks, cpu_before))
                else:
                    average = self._requests_of(measure.target_group_arn, counted_before)
                if average is not None:
                    told.append(MetricSeen(subject.service_arn, measure, *average))
        return told

    def _used_cores(
        self, tasks: Sequence[MeasuredTask], before: Mapping[str, tuple[float, float]]
    ) -> Mapping[str, float]:
        """By task id, of those whose containers could all be read twice."""
        used = {}
        for task in tasks:
            each = [self._of_container(runtime_id, before.get(runtime_id)) for runtime_id in task.runtime_ids]
            known = [cores for cores in each if cores is not None]
            if known and len(known) == len(each):
                used[task.id] = sum(known)
        return used

    def _of_container(self, runtime_id: str, before: tuple[float, float] | None) -> float | None:
        seconds = self._read_cpu(runtime_id)
        if seconds is None:
            return None
        now = self._monotonic()
        self._cpu[runtime_id] = (now, seconds)
        if before is None or now <= before[0]:
            return None
        return max(0.0, seconds - before[1]) / (now - before[0])

    def _requests_of(
        self, group: str, before: tuple[float, Mapping[str, Mapping[str, int]]] | None
    ) -> tuple[float, int] | None:
        if self._counted is None:  # one look for all groups
            self._counted = (self._monotonic(), self._requests())
        if before is None:
            return None
        now, counts = self._counted
        return requests_a_minute(before[1].get(group, {}), counts.get(group, {}), now - before[0])


class MeasuredRuntime:
    """Another Runtime, and a Meter for what is scaled. `watch` the controller's State before the loop begins."""

    def __init__(self, runtime: Runtime, meter: Meter, clock: Clock) -> None:
        self._runtime = runtime
        self._meter = meter
        self._clock = clock
        self._wake: Callable[[], None] = lambda: None
        self._state: State | None = None
        self._due = clock.now()
        self._thread: threading.Thread | None = None
        self._facts: deque[Fact] = deque()
        self._bug: Exception | None = None
        self._closed = False

    def watch(self, state: State) -> None:
        self._state = state

    # --- a Runtime ---

    def open(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._runtime.open(wake)

    def poll(self) -> Sequence[Fact]:
        """Raises what our thread raised, which is a bug."""
        if self._bug is not None:
            raise self._bug
        facts = list(self._runtime.poll())
        while self._facts:
            facts.append(self._facts.popleft())
        self._begin_if_due()
        return facts

    def execute(self, effects: Sequence[Effect]) -> None:
        self._runtime.execute(effects)

    def next_fact_at(self) -> float | None:
        inner = self._runtime.next_fact_at()
        if not self._is_wanted():
            return inner
        return self._due if inner is None else min(inner, self._due)

    def logs(self, runtime_id: str, since: float, tail: int | None) -> Sequence[tuple[float, str]]:
        return self._runtime.logs(runtime_id, since, tail)

    def abilities(self) -> Mapping[str, str]:
        return self._runtime.abilities()

    def examine(self, name: str) -> EngineRoom:
        return self._runtime.examine(name)

    def close(self) -> None:
        """Waits for no look that is under way."""
        self._closed = True
        self._runtime.close()

    # --- measuring ---

    def _is_wanted(self) -> bool:
        return self._state is not None and is_measured(self._state)

    def _begin_if_due(self) -> None:
        """At most one look is under way; one that takes longer than its period leaves the next one out."""
        now = self._clock.now()
        if self._state is None or not self._is_wanted():
            return
        period = self._state.pace.metric_period
        if now < self._due <= now + period:  # further away than a period: the clock was set back
            return
        self._due = now + period
        if self._thread is not None and self._thread.is_alive():
            return
        if found := subjects(self._state):
            self._thread = threading.Thread(target=self._look, args=(found,), name="statistics", daemon=True)
            self._thread.start()

    def _look(self, found: Sequence[Subject]) -> None:
        try:
            told = self._meter.measure(found)
        except Exception as error:  # noqa: BLE001 - handed on: a bug must stop the controller, not just this thread
            self._bug = error
            told = []
        if (told or self._bug) and not self._closed:
            self._facts.extend(told)
            self._wake()
