"""New tasks in place of all the old ones, and one task killed, while 200 requests a second come: what a client lost."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from chaos_ecs.live.admin_channel import AdminChannel
from chaos_ecs.live.haproxy import SHOW_STAT
from tests.bench.client import RATE, steady_requests
from tests.bench.figures import Figures
from tests.bench.observer import NotSeenError
from tests.bench.room import Room, await_true
from tests.bench.systems.balanced import OurService
from tests.bench.systems.system import belongs_to

WITHIN_SECONDS = 120.0
SETTLED_SECONDS = 2.0
COUNTS = (3, 10)
_LOOK_EVERY_SECONDS = 0.005

KILL = f"kill 1 of 3 under {RATE} requests/s"
KILL_FAILED = f"{KILL}: failed"
KILL_LAST = f"{KILL}: the last one sent to it"
KILL_SLOWEST = f"{KILL}: slowest answer"


class Deployable(Protocol):
    """A service that answers at a port of 127.0.0.1."""

    @property
    def name(self) -> str: ...
    @property
    def label(self) -> str: ...
    @property
    def port(self) -> int: ...

    def deploy(self) -> None:
        """Asks for new tasks in place of all the old ones; returns when the request is answered."""
        ...

    def is_completed(self) -> bool:
        """Whether the system says that the deployment asked for last is done."""
        ...


def deployment_name(count: int) -> str:
    return f"deployment of {count} under {RATE} requests/s"


def failed_name(count: int) -> str:
    return f"{deployment_name(count)}: failed"


def running_name(count: int) -> str:
    return f"{deployment_name(count)}: all new ones run"


def completed_name(count: int) -> str:
    return f"{deployment_name(count)}: completed"


def p99_name(count: int) -> str:
    return f"{deployment_name(count)}: p99"


def deployments(
    room: Room,
    figures: Figures,
    systems: Sequence[Deployable],
    *,
    count: int,
    rounds: int,
    say: Callable[[str], None],
) -> None:
    """In turns, each round in another order. `say` is told why requests failed."""
    for turn in range(rounds):
        first = turn % len(systems)
        for system in [*systems[first:], *systems[:first]]:
            try:
                causes = _deployment(room, figures, system, count)
                if causes:
                    say(f"  {deployment_name(count)}, {system.name}: failed: {causes}")
            except NotSeenError as error:
                figures.troubles.append(f"{deployment_name(count)}, {system.name}: {error}")


def _deployment(room: Room, figures: Figures, system: Deployable, count: int) -> str:
    """Why requests failed, "" when none did."""
    await_true(lambda: room.running(system.label) == count, within=WITHIN_SECONDS, what=f"{count} running")
    time.sleep(SETTLED_SECONDS)
    with steady_requests(system.port) as asked:
        room.observer.forget()
        asked_at = time.monotonic()
        system.deploy()
        seen = room.observer.wait(
            count,
            lambda event: event.action == "start" and belongs_to(system.label, event),
            since=asked_at,
            within=WITHIN_SECONDS,
            what="start events",
        )
        await_true(system.is_completed, within=WITHIN_SECONDS, what="the end of the deployment")
        completed_at = time.monotonic()
    figures.add(running_name(count), system.name, (seen[-1].at - asked_at) * 1000)
    figures.add(completed_name(count), system.name, (completed_at - asked_at) * 1000)
    figures.add(failed_name(count), system.name, asked.failed, f"of {RATE}/s")
    figures.add(p99_name(count), system.name, asked.p99_ms)
    return asked.causes


def kills(room: Room, figures: Figures, ours: OurService, *, rounds: int, say: Callable[[str], None]) -> None:
    for _ in range(rounds):
        try:
            causes = _kill(room, figures, ours)
            if causes:
                say(f"  {KILL}: failed: {causes}")
        except NotSeenError as error:
            figures.troubles.append(f"{KILL}, {ours.name}: {error}")


def _kill(room: Room, figures: Figures, ours: OurService) -> str:
    count = len(ours.containers())
    ours.await_healthy(count)
    time.sleep(SETTLED_SECONDS)
    victim = random.choice(ours.containers())
    pids = room.killer.pids_of([victim])
    with _watched(room, ours, victim) as chosen, steady_requests(ours.port) as asked:
        killed_at = time.monotonic()
        room.killer.kill(pids)
        ours.await_healthy(count)
    last = max(chosen, default=0.0)
    if not last:
        raise NotSeenError("no request was ever sent to the task that was killed")
    figures.add(KILL_FAILED, ours.name, asked.failed, f"of {RATE}/s")
    figures.add(KILL_LAST, ours.name, max(0.0, last - killed_at) * 1000)
    figures.add(KILL_SLOWEST, ours.name, max(result.seconds for result in asked.results) * 1000)
    return asked.causes


@contextmanager
def _watched(room: Room, ours: OurService, container: str) -> Iterator[list[float]]:
    """The moments when HAProxy had chosen this container's server for a request: it counts them, and is asked all the
    time. A moment is at most a look later than the choice."""
    channel = AdminChannel(room.client, ours.balancer())
    address = ours.address_of(container)
    ended = threading.Event()
    moments: list[float] = []

    def look() -> None:
        names: set[str] = set()
        before = 0
        while not ended.wait(_LOOK_EVERY_SECONDS):
            rows = _rows(channel.ask(SHOW_STAT))
            # By name from the first look on: the address may be another container's soon.
            names = names or {row["svname"] for row in rows if row["addr"].rpartition(":")[0] == address}
            now = sum(int(row["lbtot"] or 0) for row in rows if row["svname"] in names)
            if now > before:
                moments.append(time.monotonic())
            before = now

    looking = threading.Thread(target=look, name="balancer's counters", daemon=True)
    looking.start()
    try:
        yield moments
    finally:
        ended.set()
        looking.join()
        channel.close()


def _rows(said: str) -> list[dict[str, str]]:
    """Of an answer to `show stat`."""
    header, *lines = said.removeprefix("# ").strip().splitlines()
    columns = header.split(",")
    return [dict(zip(columns, line.split(","), strict=False)) for line in lines if line]
