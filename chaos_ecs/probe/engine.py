"""Requests at a steady rate, on one thread, whatever becomes of them.

The loop is open: the next request is sent when it is due, not when the last one was answered, because that is what a
crowd of clients does. Each is due at some moment of its own pause since the beginning, so they never drift, and are in
step with nothing: not with another client, nor with whoever kills a task at every full second. A request that finds too
many under way fails at once as "overloaded". After a pause of the whole machine what is missed is skipped.
"""

from __future__ import annotations

import math
import queue
import selectors
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from chaos_ecs.probe import exchange
from chaos_ecs.probe.exchange import Exchange, Place
from chaos_ecs.probe.tally import Result

UNDER_WAY_LIMIT = 64
SKIPPED_AFTER_SECONDS = 1.0
_IDLE_KEPT = 8
_GOLDEN = (math.sqrt(5) - 1) / 2  # its multiples lie as evenly between whole numbers as can be, and never repeat


@dataclass(frozen=True, slots=True)
class Aim:
    """What is asked, how often (a second), and for how long an answer is waited for (seconds)."""

    place: Place
    rate: float = 10.0
    timeout: float = 2.0
    keep_alive: bool = False
    under_way_limit: int = UNDER_WAY_LIMIT


class Watcher:
    """Is told of every request; `at` in seconds since the epoch. A base with nothing to say."""

    def sent(self, key: str, at: float) -> None:
        """A request was sent, or was due and found no room."""

    def ended(self, key: str, result: Result) -> None:
        """A request has ended."""


class _Stream:
    def __init__(self, key: str, aim: Aim, now: float, most: int | None) -> None:
        self.key = key
        self.aim = aim
        self.most = most  # None: for ever
        self.began_at = now
        self.count = 0
        self.under_way: dict[Exchange, float] = {}  # with when it began; the first is the oldest
        self.idle: list[socket.socket] = []

    @property
    def due_at(self) -> float:
        if self.most is not None and self.count >= self.most:
            return math.inf
        return self.began_at + (self.count + self.count * _GOLDEN % 1.0) / self.aim.rate

    def skip_missed(self, now: float) -> None:
        if now - self.due_at > SKIPPED_AFTER_SECONDS:
            self.count = int((now - self.began_at) * self.aim.rate)


class Engine:
    """Aims by key; `run` sends until `until` says so. Only `call` and `wake` may be used from another thread."""

    def __init__(self, watcher: Watcher, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._watcher = watcher
        self._now = monotonic
        self._epoch = time.time() - monotonic()  # so that a wall clock that is set does not bend a second
        self._streams: dict[str, _Stream] = {}
        self._selector = selectors.DefaultSelector()
        self._calls: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._awake, self._waker = socket.socketpair()
        self._awake.setblocking(False)
        self._waker.setblocking(False)
        self._selector.register(self._awake, selectors.EVENT_READ)

    def aim(self, key: str, aim: Aim, *, most: int | None = None) -> None:
        """Begins to send requests there, the first of them at once; ends by itself after `most`."""
        self.leave(key)
        self._streams[key] = _Stream(key, aim, self._now(), most)

    @property
    def is_done(self) -> bool:
        """Whether nothing is to be sent any more, and nothing is under way."""
        return all(stream.due_at == math.inf and not stream.under_way for stream in self._streams.values())

    def leave(self, key: str) -> None:
        """Sends no more; what is under way is dropped, and not told."""
        stream = self._streams.pop(key, None)
        if stream:
            for one in list(stream.under_way):
                self._close(one)
            for connection in stream.idle:
                connection.close()

    def call(self, do: Callable[[], None]) -> None:
        """Does it on the engine's own thread, soon."""
        self._calls.put(do)
        with suppress(OSError):  # full: it is awake already
            self._waker.send(b".")

    def run(self, until: Callable[[], bool], *, tick: float = 1.0) -> None:
        """Sends and listens until `until` is true; that is asked at every turn, and every `tick` seconds."""
        while not until():
            self.turn(tick)

    def close(self) -> None:
        for key in list(self._streams):
            self.leave(key)
        self._selector.close()
        self._awake.close()
        self._waker.close()

    def turn(self, at_most: float) -> None:
        """Sends what is due, then waits for what comes next, at most so many seconds."""
        now = self._now()
        for stream in list(self._streams.values()):
            stream.skip_missed(now)
            while stream.due_at <= now:
                stream.count += 1
                self._send(stream)
        next_due = min((stream.due_at for stream in self._streams.values()), default=now + at_most)
        self._listen(max(0.0, min(at_most, next_due - self._now())))

    def _listen(self, patience: float) -> None:
        now = self._now()
        ends = [next(iter(s.under_way.values())) + s.aim.timeout for s in self._streams.values() if s.under_way]
        ready = self._selector.select(max(0.0, min([patience, *(end - now for end in ends)])))
        for key, _ in ready:
            if key.data is None:
                self._take_calls()
                continue
            stream, one = key.data
            if one in stream.under_way:
                self._step(stream, one)
        self._expire()

    def _take_calls(self) -> None:
        with suppress(BlockingIOError):
            self._awake.recv(4096)
        with suppress(queue.Empty):
            while True:
                self._calls.get_nowait()()

    def _send(self, stream: _Stream) -> None:
        now = self._now()
        self._watcher.sent(stream.key, self._epoch + now)
        if len(stream.under_way) >= stream.aim.under_way_limit:
            self._watcher.ended(stream.key, Result(self._epoch + now, 0.0, exchange.OVERLOADED))
            return
        try:
            one = Exchange(stream.aim.place, self._idle_of(stream))
        except OSError as error:  # such as no file handle left
            self._watcher.ended(stream.key, Result(self._epoch + now, 0.0, exchange.cause_of(error)))
            return
        stream.under_way[one] = now
        if one.is_over:
            self._end(stream, one)
        else:
            self._selector.register(one.socket, selectors.EVENT_WRITE, (stream, one))

    def _idle_of(self, stream: _Stream) -> socket.socket | None:
        while stream.idle:
            connection = stream.idle.pop()
            if exchange.is_fresh(connection):
                return connection
            connection.close()
        return None

    def _step(self, stream: _Stream, one: Exchange) -> None:
        was_sending = one.wants_to_send
        one.step()
        if one.is_over:
            self._end(stream, one)
        elif was_sending and not one.wants_to_send:
            self._selector.modify(one.socket, selectors.EVENT_READ, (stream, one))

    def _expire(self) -> None:
        for stream in self._streams.values():
            limit = self._now() - stream.aim.timeout
            for one, began_at in list(stream.under_way.items()):
                if began_at > limit:
                    break
                one.give_up()
                self._end(stream, one)

    def _end(self, stream: _Stream, one: Exchange) -> None:
        now = self._now()
        began_at = stream.under_way.pop(one)
        if stream.aim.keep_alive and one.may_go_on and len(stream.idle) < _IDLE_KEPT:
            self._selector.unregister(one.socket)
            stream.idle.append(one.socket)
        else:
            self._close(one)
        self._watcher.ended(stream.key, Result(self._epoch + now, now - began_at, one.cause, one.answer.task))

    def _close(self, one: Exchange) -> None:
        with suppress(KeyError, ValueError):  # one that failed to connect was never registered
            self._selector.unregister(one.socket)
        one.socket.close()
