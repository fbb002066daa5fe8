"""The learner's client inside the controller: a LoadBalancer with a client in front of it that never stops asking.

Requests are sent and timed by a child process (`chaos_ecs.probe.child`), so that a busy controller does not lengthen
the latencies it measures; it is there only while there is something to ask. Counting, and telling the loop of bursts
of failures, happens here. Which listeners are asked follows from State, which `poll` reads on the loop's thread.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from chaos_ecs.core import client
from chaos_ecs.core.balancing import Routing
from chaos_ecs.core.balancing_messages import ClientFailing, ClientServed
from chaos_ecs.core.messages import Fact
from chaos_ecs.core.state import State
from chaos_ecs.ports import LoadBalancer
from chaos_ecs.probe.bursts import Bursts, Failing
from chaos_ecs.probe.settling import Settling
from chaos_ecs.probe.tally import Result, Tally

TIMEOUT_SECONDS = 2.0
_AGAIN_AFTER_SECONDS = 1.0
_END_WITHIN_SECONDS = 2.0
CHILD = (sys.executable, "-m", "chaos_ecs.probe.child")

log = logging.getLogger(__name__)


class ProbedBalancer:
    """Another LoadBalancer, and `rate` requests a second to each of its listeners that has a service behind it.

    `watch` the controller's State before the loop begins; without it, or at rate 0, nobody is asked. `command` starts
    the child.
    """

    def __init__(self, balancer: LoadBalancer, rate: float, *, command: Sequence[str] = CHILD) -> None:
        self._balancer = balancer
        self._rate = rate
        self._command = list(command)
        self._state: State | None = None
        self._wake: Callable[[], None] = lambda: None
        self._lock = threading.Lock()  # over all below
        self._aims: dict[str, str] = {}  # URL by listener ARN
        self._total = Tally()
        self._tallies: dict[str, Tally] = {}
        self._bursts: dict[str, Bursts] = {}
        self._settling: dict[str, Settling] = {}
        self._facts: deque[Fact] = deque()
        self._child: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self._closing = threading.Event()

    # --- a LoadBalancer ---

    def open(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._balancer.open(wake)

    def poll(self) -> Sequence[Fact]:
        facts = list(self._balancer.poll())
        if self._state is not None and self._rate:
            ports = client.probed(self._state, self._aims)
            self._follow({arn: f"http://127.0.0.1:{port}/" for arn, port in ports.items()})
        with self._lock:
            facts += self._facts
            self._facts.clear()
        return facts

    def route(self, routing: Routing) -> None:
        self._balancer.route(routing)

    def next_fact_at(self) -> float | None:
        return self._balancer.next_fact_at()

    def close(self) -> None:
        self._closing.set()
        self._follow({})
        child, reader = self._child, self._reader
        if reader is not None:
            reader.join(_END_WITHIN_SECONDS)
            if reader.is_alive() and child is not None:
                child.kill()
        self._balancer.close()

    # --- the client ---

    def watch(self, state: State) -> None:
        """Reads from now on in this State which listeners there are."""
        self._state = state

    def figures(self) -> dict[str, Any]:
        """What the client has seen: in all since the controller began, and of each listener that is asked now. From
        any thread."""
        with self._lock:
            if not self._aims:
                return {"total": None, "listeners": {}}
            of_each = {arn: self._tallies[arn].figures() for arn in self._aims}
            return {"total": self._total.figures(), "listeners": of_each}

    def _follow(self, aims: Mapping[str, str]) -> None:
        with self._lock:
            if aims == self._aims:
                return
            self._aims = dict(aims)
            self._tallies = {arn: self._tallies.get(arn) or Tally() for arn in aims}
            self._bursts = {arn: self._bursts.get(arn) or Bursts() for arn in aims}
            self._settling = {arn: self._settling.get(arn) or Settling() for arn in aims}
            if self._reader is not None:
                self._tell_child()
            elif aims:
                self._reader = threading.Thread(target=self._run, name="prober", daemon=True)
                self._reader.start()

    def _run(self) -> None:
        """One child after the other, as long as there is something to ask."""
        while child := self._next_child():
            assert child.stdout is not None
            with child.stdout:
                for line in child.stdout:
                    self._hear(line)
            code = child.wait()
            if code:
                log.warning("the client's process ended with exit code %s", code)
                self._closing.wait(_AGAIN_AFTER_SECONDS)

    def _next_child(self) -> subprocess.Popen[str] | None:
        with self._lock:
            self._child = None
            if not self._aims:
                self._reader = None
                return None
        child = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            bufsize=1,
            **_without_window(),
        )
        with self._lock:
            self._child = child
            self._tell_child()
        return child

    def _tell_child(self) -> None:
        """What it is to do; the end of its stdin, where that is nothing. One that has just died is followed by
        another, which is told then."""
        if self._child is None or self._child.stdin is None:
            return
        with suppress(OSError, ValueError):
            if self._aims:
                order = {"aims": self._aims, "rate": self._rate, "timeout": TIMEOUT_SECONDS}
                self._child.stdin.write(json.dumps(order) + "\n")
                self._child.stdin.flush()
            else:
                self._child.stdin.close()

    def _hear(self, line: str) -> None:
        arn, at, seconds, cause, task = json.loads(line)
        result = Result(at, seconds, cause, task)
        with self._lock:
            if arn not in self._aims:
                return  # it was under way when its listener went
            if not self._settling[arn].counts(result):
                return
            self._total.record(result)
            self._tallies[arn].record(result)
            told = self._bursts[arn].take(result)
            for news in told:
                if isinstance(news, Failing):
                    self._facts.append(ClientFailing(arn, news.failed, news.cause))
                else:
                    self._facts.append(ClientServed(arn, news.seconds, news.failed, news.requests))
        if told:
            self._wake()


def _without_window() -> dict[str, Any]:
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NO_WINDOW}
    return {}
