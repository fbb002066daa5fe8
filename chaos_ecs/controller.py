"""The loop: what happened, what to do and why, write it down, act, tell. The single writer of State.

Knows no adapter: Docker or simulator come in through `ports.py`. Everything a reader or a client wants goes through
`request`, is worked off on the loop's own thread, and so nobody needs a lock.
"""

from __future__ import annotations

import heapq
import logging
import queue
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from chaos_ecs.chaos.experiment import plan_experiments
from chaos_ecs.core.apply import apply
from chaos_ecs.core.backoff import was_set_back
from chaos_ecs.core.balancing_messages import RouteTraffic
from chaos_ecs.core.errors import EcsError
from chaos_ecs.core.messages import Action, Command, Effect, Event, EventType, Fact
from chaos_ecs.core.outbox import Change
from chaos_ecs.core.pace import DEMO, Pace
from chaos_ecs.core.plan import plan
from chaos_ecs.core.state import State
from chaos_ecs.core.todo import Plan
from chaos_ecs.ports import Clock, LoadBalancer, Runtime, Store

EVENTS_KEPT = 10_000
STEPS_IN_A_ROW = 10_000
"""More steps without a pause are a bug: a plan that undoes itself."""

OUT_OF_DATE_KEPT = 1_000
"""Times on the agenda that do not hold any more. Under load many are put off again and again, each for an hour."""

log = logging.getLogger(__name__)
T = TypeVar("T")
Build = Callable[[State], Command | None]
Answer = Callable[[State, float, tuple[Event, ...]], T]
Listener = Callable[[Sequence[Event]], None]
Follower = Callable[[float, Sequence[Change]], None]


@dataclass(frozen=True)
class _Request:
    build: Build
    answer: Answer[Any]
    future: Future[Any]


class Controller:
    def __init__(
        self,
        *,
        clock: Clock,
        runtime: Runtime,
        balancer: LoadBalancer,
        store: Store,
        salt: str,
        pace: Pace = DEMO,
    ) -> None:
        self.clock = clock
        self.runtime = runtime
        self.balancer = balancer
        self.store = store
        self.state = State(salt, pace)
        entities, events = store.load()
        self.state.load(entities)
        self.history: deque[Event] = deque(events, EVENTS_KEPT)
        self.failed: BaseException | None = None
        self._inbox: queue.SimpleQueue[_Request] = queue.SimpleQueue()
        self._taken: list[_Request] = []  # of the step under way
        self._ended = False
        self._last_plan = Plan()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._listeners: list[Listener] = []
        self._followers: list[Follower] = []
        self._due: dict[str, float] = {}
        self._agenda: list[tuple[float, str]] = []  # a heap; an entry that disagrees with _due is out of date
        self._stepped_at = clock.now()
        self._fresh: list[Event] = []
        self.state.events = []
        self.state.emit(clock.now(), EventType.CONTROLLER_STARTED, "Cluster ready. Waiting for commands...")
        self._fresh.extend(self.state.events)

    # --- from any thread ---

    def request(self, build: Build, answer: Answer[T]) -> Future[T]:
        """Builds a Command from State (None: a question only), applies it, and answers once that is on disk.

        The future raises the EcsError of a refused command; nothing has changed then.
        """
        future: Future[T] = Future()
        self._inbox.put(_Request(build, answer, future))
        self.wake()
        if self._ended:
            self._refuse(self._drain())
        return future

    def ask(self, question: Callable[[State, float], T]) -> Future[T]:
        """A question to State, answered between two steps."""
        return self.request(lambda state: None, lambda state, now, events: question(state, now))

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Tells the listener, on the loop's thread, of every batch of new events; call the result to end that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def follow(self, follower: Follower) -> Callable[[], None]:
        """Tells the follower, on the loop's thread, of every change of a step, in order and once it is on disk; call
        the result to end that. To be called within an `ask`, or before `run`."""
        self._followers.append(follower)
        if self.state.outbox is None:
            self.state.outbox = []
        return lambda: self._followers.remove(follower)

    def wake(self) -> None:
        self._wake.set()

    def stop(self) -> None:
        """Ends `run` after the step under way. Containers run on."""
        self._stopping.set()
        self.wake()

    # --- the loop's own thread ---

    def run(self) -> None:
        """Steps until `stop`. A bug ends the loop, loudly: `failed` holds it and every waiting request fails."""
        self.runtime.open(self.wake)
        self.balancer.open(self.wake)
        try:
            while not self._stopping.is_set():
                next_at = self.settle()
                if self._stopping.is_set():  # its wake may have been cleared by a step
                    break
                self.clock.wait(self._wake.wait, next_at)
        except BaseException as error:
            self.failed = error
            raise
        finally:
            self._ended = True
            self._refuse([*self._taken, *self._drain()])
            self.runtime.close()
            self.balancer.close()
            self.store.close()

    def settle(self) -> float | None:
        """Steps until nothing is left to do now; answers when something will be, as far as is known."""
        for _ in range(STEPS_IN_A_ROW):
            if not self.step():
                return self.next_due()
        raise AssertionError(f"the plan does not come to rest:\n{self._last_plan}")

    def step(self) -> bool:
        """One step; answers whether another one may be needed at once."""
        self._wake.clear()
        now = self.clock.now()
        state = self.state
        requests = self._taken = self._drain()
        events, self._fresh = self._fresh, []
        accepted = []
        for request in requests:
            if (told := self._take(request, now)) is not None:
                accepted.append((request, told))
                events.extend(told)
        for fact in (*self.runtime.poll(), *self.balancer.poll()):
            events.extend(self._apply_fact(fact, now))
        due = self._touch_due(now)
        touched, state.touched = state.touched, {}
        touched = self._without_waiting(touched, due, now)
        todo = self._last_plan = plan(state, touched, now)
        plan_experiments(state, touched, now, todo)
        for action in todo.actions:
            events.extend(apply(state, action, now))
        if state.changes or events:
            changes, state.changes = state.changes, {}
            self.store.save([(type_, key, entity) for (type_, key), entity in changes.items()], events)
        self._reschedule(touched, todo.due)
        self._execute(todo.actions)
        self._reply(accepted, now)
        self._tell(events)
        if self.state.outbox is not None:
            self._hand_out(self.state.outbox, now)
        return bool(state.touched or requests)

    def _take(self, request: _Request, now: float) -> tuple[Event, ...] | None:
        """The events of an accepted request; None when it was refused or given up (and answered so).

        Whatever goes wrong while a request is only being understood is its sender's trouble, not the loop's.
        """
        if not request.future.set_running_or_notify_cancel():
            return None
        try:
            command = request.build(self.state)
        except Exception as trouble:  # noqa: BLE001 - handed to whoever asked
            request.future.set_exception(trouble)
            return None
        try:
            return apply(self.state, command, now) if command is not None else ()
        except EcsError as refusal:
            request.future.set_exception(refusal)
            return None

    def _apply_fact(self, fact: Fact, now: float) -> tuple[Event, ...]:
        log.debug("fact: %s", fact)
        return apply(self.state, fact, now)

    def _execute(self, actions: Sequence[Action]) -> None:
        for action in actions:
            log.debug("action: %s", action)
            if isinstance(action, RouteTraffic):
                self.balancer.route(action.routing)
        effects = [action for action in actions if isinstance(action, Effect) and not isinstance(action, RouteTraffic)]
        if effects:
            self.runtime.execute(effects)

    def _reply(self, accepted: Sequence[tuple[_Request, tuple[Event, ...]]], now: float) -> None:
        for request, told in accepted:
            try:
                request.future.set_result(request.answer(self.state, now, told))
            except Exception as trouble:  # noqa: BLE001 - handed to whoever asked
                request.future.set_exception(trouble)

    def _tell(self, events: Sequence[Event]) -> None:
        if not events:
            return
        self.history.extend(events)
        for listener in list(self._listeners):
            listener(events)

    def _hand_out(self, changes: Sequence[Change], now: float) -> None:
        followers = list(self._followers)
        self.state.outbox = [] if followers else None
        for follower in followers if changes else ():
            follower(now, changes)

    def _drain(self) -> list[_Request]:
        requests = []
        with suppress(queue.Empty):
            while True:
                requests.append(self._inbox.get_nowait())
        return requests

    # --- what is due when ---

    def _touch_due(self, now: float) -> dict[str, None]:
        """What is due now, and touched."""
        due: dict[str, None] = {}
        if was_set_back(self._stepped_at, now):  # whatever was due soon is now far in the future
            self.state.touch_all()
        self._stepped_at = now
        while self._agenda and self._agenda[0][0] <= now:
            at, arn = heapq.heappop(self._agenda)
            if self._due.get(arn) == at:
                del self._due[arn]
                self.state.touch(arn)
                due[arn] = None
        return due

    def _without_waiting(self, touched: dict[str, None], due: dict[str, None], now: float) -> dict[str, None]:
        """At the pace of AWS a service is looked at once in a tick: one that was touched in between waits for the next.

        Touched at 103.2 s, a tick of 10 s: it is due at 110 s.
        """
        tick = self.state.pace.tick
        if not tick:
            return touched
        waiting = {arn: None for arn in touched if arn in self.state.services and arn not in due}
        next_tick = (now // tick + 1) * tick
        for arn in waiting:
            if self._due.get(arn, next_tick + tick) > next_tick:
                self._due[arn] = next_tick
                heapq.heappush(self._agenda, (next_tick, arn))
        return {arn: None for arn in touched if arn not in waiting}

    def _reschedule(self, touched: dict[str, None], due: dict[str, float]) -> None:
        for arn in touched:
            if arn not in due:
                self._due.pop(arn, None)
        for arn, at in due.items():
            if self._due.get(arn) != at:
                self._due[arn] = at
                heapq.heappush(self._agenda, (at, arn))
        if len(self._agenda) > OUT_OF_DATE_KEPT + 2 * len(self._due):
            self._agenda = [(at, arn) for arn, at in self._due.items()]
            heapq.heapify(self._agenda)

    def next_due(self) -> float | None:
        while self._agenda and self._due.get(self._agenda[0][1]) != self._agenda[0][0]:
            heapq.heappop(self._agenda)
        times = [self._agenda[0][0]] if self._agenda else []
        told = (self.runtime.next_fact_at(), self.balancer.next_fact_at())
        times += [fact_at for fact_at in told if fact_at is not None]
        return min(times, default=None)

    def _refuse(self, requests: Sequence[_Request]) -> None:
        trouble = RuntimeError("the controller has stopped")
        trouble.__cause__ = self.failed  # such as a full disk, which is nobody's bug
        for request in requests:
            if not request.future.done():
                request.future.set_exception(trouble)
