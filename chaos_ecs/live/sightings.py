"""What has been reported of the engine's containers, so that nothing is told twice and nothing is ever taken back.

Several threads look at the same containers: the watcher, and each worker that has just started one. Their looks
overlap, so a look takes a ticket before it asks the engine; an answer never overrules one to a younger question.
Here is the only lock between them, and the outbox `poll` drains. No call to the engine is made here.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from chaos_ecs.core.messages import ContainerGone, ContainerSeen, EngineConnected, Fact, RunState

REMEMBERED_GONE = 4096  # ids are never given out again; a late answer comes within seconds

_ORDER = {RunState.CREATED: 0, RunState.RUNNING: 1, RunState.EXITED: 2}


@dataclass(frozen=True, slots=True)
class Look:
    """One answer of the engine about one container. `ended_at` and `exit_code` are those of the run before this one,
    for a container that was started again; the code is known only if its `die` event was heard."""

    seen: ContainerSeen
    ticket: int
    ended_at: float | None = None
    exit_code: int | None = None


class Sightings:
    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._lock = threading.Lock()
        self._ticket = 0
        self._known: dict[str, Look] = {}
        self._gone: dict[str, None] = {}  # ids in the order they went, the oldest forgotten first
        self._starting: dict[tuple[str, str], None] = {}
        self._outbox: deque[Fact] = deque()

    def ticket(self) -> int:
        """To be taken before the engine is asked."""
        with self._lock:
            self._ticket += 1
            return self._ticket

    def known(self) -> dict[str, ContainerSeen]:
        """The last report of each container, by runtime id."""
        with self._lock:
            return {runtime_id: look.seen for runtime_id, look in self._known.items()}

    def begin_start(self, task_arn: str, name: str) -> bool:
        """False when that container's start is under way already."""
        with self._lock:
            if (task_arn, name) in self._starting:
                return False
            self._starting[task_arn, name] = None
            return True

    def end_start(self, task_arn: str, name: str) -> None:
        with self._lock:
            self._starting.pop((task_arn, name), None)

    def is_starting(self, task_arn: str, name: str) -> bool:
        with self._lock:
            return (task_arn, name) in self._starting

    def tell(self, fact: Fact) -> None:
        """For what is no container's state."""
        with self._lock:
            self._outbox.append(fact)
        self._wake()

    def report(self, look: Look, *, again: bool = False) -> None:
        """Tells what is new in it, if anything; with `again` what is known is told once more if there is no news."""
        with self._lock:
            news = self._take(look)
            known = self._known.get(look.seen.runtime_id)
            if again and not news and known is not None:
                news = [known.seen]
            self._outbox.extend(news)
        if news:
            self._wake()

    def gone(self, fact: ContainerGone) -> None:
        """Told however often: whoever asked about a container that is not there waits for this answer."""
        with self._lock:
            self._forget(fact.runtime_id)
            self._outbox.append(fact)
        self._wake()

    def ended(self, runtime_id: str, at: float, exit_code: int, *, oom_killed: bool) -> None:
        """The engine said by itself that a run ended; a later look fills in what it did not say. A late event, which
        speaks of a run before the known one, is passed over."""
        with self._lock:
            known = self._known.get(runtime_id)
            if known is None or known.seen.state is not RunState.RUNNING or at < (known.seen.started_at or at):
                return
            seen = replace(
                known.seen,
                state=RunState.EXITED,
                finished_at=at,
                exit_code=exit_code,
                oom_killed=oom_killed,
                paused=False,
                bindings=(),
                address="",
            )
            self._known[runtime_id] = replace(known, seen=seen)
            self._outbox.append(seen)
        self._wake()

    def missing(self, runtime_id: str) -> None:
        """The engine knows no such container: told once, and only if it was reported before."""
        with self._lock:
            news = self._lose([runtime_id])
            self._outbox.extend(news)
        if news:
            self._wake()

    def listed(self, runtime_ids: Iterable[str], ticket: int) -> None:
        """A complete listing: known containers that are not in it are gone, unless they came after it was asked."""
        present = dict.fromkeys(runtime_ids)
        with self._lock:
            absent = [i for i, look in self._known.items() if i not in present and look.ticket < ticket]
            news = self._lose(absent)
            self._outbox.extend(news)
        if news:
            self._wake()

    def connected(self, engine: str, looks: Iterable[Look], ticket: int) -> None:
        """Tells EngineConnected with all there is: the looks just made, and what was reported after they began."""
        with self._lock:
            told: dict[str, ContainerSeen] = {}
            later: list[Fact] = []
            for look in looks:
                news = self._take(look, also_starting=True)
                runtime_id = look.seen.runtime_id
                if runtime_id in self._known:
                    told[runtime_id] = news[0] if news else self._known[runtime_id].seen
                later += news[1:]
            self._lose([i for i, look in self._known.items() if i not in told and look.ticket < ticket])
            for runtime_id, look in self._known.items():
                told.setdefault(runtime_id, look.seen)
            self._outbox.append(EngineConnected(engine, tuple(told.values())))
            self._outbox.extend(later)
        self._wake()

    def drain(self) -> list[Fact]:
        with self._lock:
            facts = list(self._outbox)
            self._outbox.clear()
            return facts

    def _take(self, look: Look, also_starting: bool = False) -> list[ContainerSeen]:
        """What is new in a look. A start under way answers for its container itself until it has begun to run."""
        seen = look.seen
        if seen.runtime_id in self._gone:
            return []
        waits = seen.state is RunState.CREATED and (seen.task_arn, seen.name) in self._starting
        if waits and not also_starting:
            return []
        known = self._known.get(seen.runtime_id)
        if known is None:
            self._known[seen.runtime_id] = look
            return [seen]
        if _age(seen) < _age(known.seen) or (_age(seen) == _age(known.seen) and look.ticket < known.ticket):
            return []
        if seen == known.seen or _ended_alike(seen, known.seen):
            self._known[seen.runtime_id] = replace(look, seen=known.seen)
            return []
        self._known[seen.runtime_id] = look
        return [*_end_of_the_run_before(known.seen, look), seen]

    def _lose(self, runtime_ids: Iterable[str]) -> list[ContainerGone]:
        lost = [self._known[runtime_id].seen for runtime_id in runtime_ids if runtime_id in self._known]
        for seen in lost:
            self._forget(seen.runtime_id)
        return [ContainerGone(seen.task_arn, seen.name, seen.runtime_id) for seen in lost]

    def _forget(self, runtime_id: str) -> None:
        self._known.pop(runtime_id, None)
        self._gone[runtime_id] = None
        if len(self._gone) > REMEMBERED_GONE:
            del self._gone[next(iter(self._gone))]


def _age(seen: ContainerSeen) -> tuple[float, int]:
    """A container's life moves on in this order: started later, then further in that run."""
    return (seen.started_at or 0.0, _ORDER[seen.state])


def _ended_alike(seen: ContainerSeen, known: ContainerSeen) -> bool:
    """The end that an event told and the one an inspection tells differ by the milliseconds between them."""
    return known.state is RunState.EXITED and replace(seen, finished_at=known.finished_at) == known


def _end_of_the_run_before(known: ContainerSeen, look: Look) -> list[ContainerSeen]:
    """Somebody restarted the container behind our back: the run that was reported has ended, whatever runs now."""
    if known.state is not RunState.RUNNING or look.seen.started_at == known.started_at:
        return []
    ended = replace(known, state=RunState.EXITED, finished_at=look.ended_at, exit_code=look.exit_code)
    return [replace(ended, bindings=(), address="")]
