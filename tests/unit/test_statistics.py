"""Averages from two looks, and when is looked: the live meter without an engine."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests
from docker.errors import NotFound

from chaos_ecs.core.balancing_messages import BalancerUp
from chaos_ecs.core.scaling import Measure, MeasuredTask, Metric, Subject
from chaos_ecs.core.scaling_messages import MetricSeen, PutScalingPolicy, RegisterScalableTarget
from chaos_ecs.live.statistics import DockerCpu, DockerStatistics, MeasuredRuntime, Meter
from chaos_ecs.sim.runtime import SimRuntime
from tests.builders import WEB, a_service, a_simulation

CPU = Measure(Metric.CPU)
REQUESTS = Measure(Metric.REQUESTS, "arn:group")


@dataclass
class World:
    """What could be read now."""

    at: float = 100.0
    used: dict[str, float] = field(default_factory=dict)  # seconds of CPU by runtime id
    served: dict[str, dict[str, int]] = field(default_factory=dict)
    reads: int = 0

    def cpu(self, runtime_id: str) -> float | None:
        self.reads += 1
        return self.used.get(runtime_id)

    def requests(self) -> Mapping[str, Mapping[str, int]]:
        return self.served

    def meter(self) -> Meter:
        return Meter(self.cpu, self.requests, lambda: self.at)


def service(*tasks: MeasuredTask, measures: tuple[Measure, ...] = (CPU,)) -> list[Subject]:
    return [Subject("arn:service", measures, tasks)]


ONE, TWO = MeasuredTask("one", ("a", "b"), 0.5), MeasuredTask("two", ("c",), 0.5)


def test_cpu_is_the_average_of_tasks_that_could_be_read_twice() -> None:
    world = World(used={"a": 10.0, "b": 1.0, "c": 5.0})
    meter = world.meter()
    assert meter.measure(service(ONE, TWO)) == []
    world.at, world.used = 105.0, {"a": 11.0, "b": 1.5, "c": 5.5}
    (seen,) = meter.measure(service(ONE, TWO))
    assert (seen.service_arn, seen.measure, seen.tasks) == ("arn:service", CPU, 2)
    assert seen.value == pytest.approx(40.0)  # (0.3 + 0.1) of 1.0 cores
    world.at, world.used = 110.0, {"a": 11.0, "c": 6.75}
    (seen,) = meter.measure(service(ONE, TWO))
    assert seen.tasks == 1
    assert seen.value == pytest.approx(50.0)
    world.at, world.used = 115.0, {"a": 11.0, "b": 2.0}
    assert meter.measure(service(ONE, TWO)) == []


def test_requests_are_counted_between_two_looks_and_asked_for_once() -> None:
    world = World(served={"arn:group": {"one": 10, "two": 20}})
    meter = world.meter()
    assert meter.measure(service(measures=(REQUESTS,))) == []
    world.at, world.served = 105.0, {"arn:group": {"one": 20, "two": 40}}
    assert meter.measure(service(measures=(REQUESTS,))) == [MetricSeen("arn:service", REQUESTS, 180.0, 2)]
    world.at, world.served = 110.0, {}
    assert meter.measure(service(measures=(REQUESTS,))) == []


class Engine:
    """Of docker's client only what is asked for statistics."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.opened = 0

    def connect(self) -> Any:
        self.opened += 1
        return self

    def close(self) -> None: ...

    def stats(self, runtime_id: str, *, stream: bool, one_shot: bool) -> Any:
        assert one_shot
        assert not stream
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def test_an_engine_that_cannot_tell_is_no_trouble_and_is_connected_again() -> None:
    engine = Engine({"cpu_stats": {"cpu_usage": {"total_usage": 2_500_000_000}}})
    read = DockerCpu(engine.connect)
    assert read("a" * 64) == 2.5
    engine.answer = NotFound("no such container", response=_response(404))
    assert read("a" * 64) is None
    engine.answer = {"cpu_stats": {}}
    assert read("a" * 64) is None
    assert engine.opened == 1
    engine.answer = requests.exceptions.ConnectionError("gone")
    assert read("a" * 64) is None
    engine.answer = {"cpu_stats": {"cpu_usage": {"total_usage": 0}}}
    assert read("a" * 64) == 0
    assert engine.opened == 2


class Connections:
    """Each connection is one of its own; as many threads as there are go through `meet` together."""

    def __init__(self, threads: int) -> None:
        self.meet = threading.Barrier(threads)
        self.answer: Any = {}
        self.open: list[Connection] = []

    def connect(self) -> Any:
        self.open.append(made := Connection(self))
        self.meet.wait(10)
        return made


class Connection(Engine):
    def __init__(self, world: Connections) -> None:
        self.world = world

    def stats(self, *_: Any, **__: Any) -> Any:
        assert self in self.world.open, "it is closed"
        answer = self.world.answer
        self.world.meet.wait(10)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self) -> None:
        if self in self.world.open:
            self.world.open.remove(self)


def test_threads_that_read_at_once_share_one_connection_and_leave_none_behind() -> None:
    world = Connections(4)
    read = DockerStatistics(world.connect)
    with ThreadPoolExecutor(4) as threads:
        for told in ({"read": "now"}, requests.exceptions.ConnectionError("gone"), {"read": "later"}):
            world.answer = told
            answers = list(threads.map(read, ["a" * 64] * 4))
            assert answers == [told if isinstance(told, dict) else None] * 4
            assert len(world.open) == isinstance(told, dict)


def _response(status: int) -> requests.Response:
    response = requests.Response()
    response.status_code = status
    return response


def looked(runtime: MeasuredRuntime) -> threading.Thread:
    """The newest look, which is over then."""
    assert runtime._thread is not None
    runtime._thread.join(5)
    return runtime._thread


def test_it_looks_only_while_something_is_scaled_and_once_in_a_period() -> None:
    simulation = a_simulation()
    a_service(simulation)
    simulation.advance(2)
    world, woken = World(), []
    runtime = MeasuredRuntime(SimRuntime(simulation.engine), world.meter(), simulation.clock)
    runtime.open(lambda: woken.append(1))
    runtime.watch(simulation.state)
    simulation.clock.jump(100)
    runtime.poll()
    assert world.reads == 0
    assert runtime.next_fact_at() is None or runtime.next_fact_at() != runtime._due
    simulation.submit(RegisterScalableTarget(WEB, 1, 5)).result(0)
    simulation.submit(PutScalingPolicy(WEB, "cpu", CPU, 50.0)).result(0)
    world.used = dict.fromkeys(simulation.engine.containers, 1.0)
    runtime.poll()
    look = looked(runtime)
    assert world.reads == 3
    runtime.poll()
    assert looked(runtime) is look  # no other has begun
    simulation.clock.jump(simulation.state.pace.metric_period)
    world.at += 5.0
    world.used = dict.fromkeys(simulation.engine.containers, 2.0)
    runtime.poll()
    assert looked(runtime) is not look
    assert woken
    facts = [fact for fact in runtime.poll() if isinstance(fact, MetricSeen)]
    (seen,) = facts
    assert seen.tasks == 3
    assert seen.value == pytest.approx(20.0)


def test_a_bug_of_its_thread_stops_the_loop_loudly() -> None:
    simulation = a_simulation()
    a_service(simulation)
    simulation.submit(RegisterScalableTarget(WEB, 1, 5)).result(0)
    simulation.submit(PutScalingPolicy(WEB, "cpu", CPU, 50.0)).result(0)
    simulation.advance(2)

    def broken(runtime_id: str) -> float:
        raise ZeroDivisionError

    runtime = MeasuredRuntime(SimRuntime(simulation.engine), Meter(broken, dict), simulation.clock)
    runtime.watch(simulation.state)
    runtime.poll()
    looked(runtime)
    with pytest.raises(ZeroDivisionError):
        runtime.poll()


def test_what_it_does_not_measure_goes_through() -> None:
    class Inner(SimRuntime):
        def poll(self) -> Any:
            return [BalancerUp()]

    simulation = a_simulation()
    runtime = MeasuredRuntime(Inner(simulation.engine), World().meter(), simulation.clock)
    assert runtime.poll() == [BalancerUp()]
