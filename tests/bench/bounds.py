"""What issue by issue was promised of these figures. The bench says met or missed; it fails nobody for it."""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench import commands, idle, page, reads, recovery, rolling, scaling, simulator, throughput
from tests.bench.figures import Bound, Key
from tests.bench.systems import haproxy

OURS = "chaos-ecs"
SWARM, MINISTACK, MOTO, FLOOR, LOOP = "Docker Swarm", "ministack", "moto", "floor", "bounded loop"
AT_ONCE_MS = 100.0  # what a person takes for at once
IN_FLIGHT = 2.0  # requests that a task is serving when it dies


def bounds() -> Iterator[Bound]:
    yield from _recovery()
    yield from _scaling()
    yield from _cost()
    yield from _balancing()
    yield Bound("a tile ends within 100 ms of its container", page.AFTER_THE_END, OURS, limit=AT_ONCE_MS)


def _recovery() -> Iterator[Bound]:
    yield _than("1 of 3 killed: at most 1.15 x the floor", recovery.ONE_OF_THREE, 1.15, FLOOR)
    yield _than("1 of 3 killed: at most 0.6 x Swarm", recovery.ONE_OF_THREE, 0.6, SWARM)
    yield _than("3 of 3 killed: at most ministack's", recovery.THREE_OF_THREE, 1.0, MINISTACK)
    for peer in (SWARM, MINISTACK):
        against = Key(recovery.ONE_OF_THREE, peer)
        says = f"1 of 3 killed, warm standby: at most 0.15 x {peer}"
        yield Bound(says, recovery.ONE_OF_THREE, recovery.STANDBY, 0.15, against)
    yield _than("10 of 30 killed: at most 0.8 x Swarm", recovery.TEN_OF_THIRTY, 0.8, SWARM)


def _scaling() -> Iterator[Bound]:
    yield _than("0 to 3: at most 0.5 x ministack", scaling.up_name(3), 0.5, MINISTACK)
    yield _than("0 to 50: at most 0.6 x Swarm", scaling.up_name(50), 0.6, SWARM)
    yield _than("0 to 50: at most 1.15 x the bounded loop", scaling.up_name(50), 1.15, LOOP)
    one_stop = Key(scaling.ONE_STOP, OURS)
    yield Bound("10 to 0: at most 1.5 x one task's stop", scaling.TEN_TO_ZERO, OURS, 1.5, one_stop)
    yield Bound(f"10 to 0: the request answers within {AT_ONCE_MS:g} ms", scaling.REQUEST, OURS, limit=AT_ONCE_MS)


def _cost() -> Iterator[Bound]:
    yield Bound("idle with 30 tasks: under 1 % of a core", idle.PROCESSOR, OURS, limit=1.0)
    yield Bound("idle with 30 tasks: under 90 MB", idle.MEMORY, OURS, limit=90.0)
    aws = Key(commands.MEASUREMENT, commands.AWS)
    yield Bound("--help: under 0.5 x aws --version", commands.MEASUREMENT, commands.HELP, 0.5, aws)
    yield Bound("ps: under 0.8 x aws --version", commands.MEASUREMENT, commands.PS, 0.8, aws)
    few, many = simulator.system_name(simulator.FEW), simulator.system_name(simulator.MANY)
    says = f"one kill with {many}: at most 2 x that with {few}"
    yield Bound(says, simulator.MEASUREMENT, many, 2.0, Key(simulator.MEASUREMENT, few))
    for operation in reads.OPERATIONS:
        for clients in reads.CLIENTS:
            measurement = reads.name_of(operation, clients)
            against = Key(measurement, MOTO)
            yield Bound(f"{measurement}: at least 3 x moto", measurement, OURS, 3.0, against, at_least=True)


def _balancing() -> Iterator[Bound]:
    for tasks in throughput.CONTAINERS:
        for connections in throughput.CONNECTIONS:
            measurement = throughput.name_of(tasks, connections)
            says = f"{measurement}: at least 0.9 x by hand"
            yield Bound(says, measurement, OURS, 0.9, Key(measurement, haproxy.NAME), at_least=True)
    for count in rolling.COUNTS:
        named = rolling.deployment_name(count)
        yield Bound(f"{named}: none fails", rolling.failed_name(count), OURS, limit=0.0, worst=True)
        for measurement in (rolling.running_name(count), rolling.completed_name(count)):
            yield _than(f"{measurement}, at most Swarm's", measurement, 1.0, SWARM)
    says = f"{rolling.KILL}: at most {IN_FLIGHT:g} fail"
    yield Bound(says, rolling.KILL_FAILED, OURS, limit=IN_FLIGHT, worst=True)


def _than(says: str, measurement: str, factor: float, peer: str) -> Bound:
    return Bound(says, measurement, OURS, factor, Key(measurement, peer))
