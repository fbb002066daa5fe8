"""What a client sees: steady requests from a process of their own, each over a new connection, every result kept.

The sending is `chaos-ecs probe`'s engine. `python -m tests.bench.client PORT RATE` asks until its standard input ends,
then prints [at, seconds, cause] of every request as JSON.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from signal import SIG_IGN, SIGINT, signal

from chaos_ecs.probe import exchange
from chaos_ecs.probe.engine import Aim, Engine, Watcher
from chaos_ecs.probe.tally import Result
from tests.bench.observer import NotSeenError

RATE = 200
BEFORE_AND_AFTER_SECONDS = 1.0  # asked before the first thing happens, and after the last
_END_WITHIN_SECONDS = 20.0


@dataclass
class Asked:
    """Filled once the client has ended. `at` is when an answer came, in seconds since the epoch."""

    results: list[Result] = field(default_factory=list)

    @property
    def failed(self) -> int:
        return sum(bool(result.cause) for result in self.results)

    @property
    def causes(self) -> str:
        found = Counter(result.cause for result in self.results if result.cause)
        return ", ".join(f"{count} {cause}" for cause, count in found.most_common())

    @property
    def p99_ms(self) -> float:
        """Nearest-rank, of the requests that were answered."""
        ordered = sorted(result.seconds for result in self.results if not result.cause)
        return ordered[max(0, math.ceil(0.99 * len(ordered)) - 1)] * 1000 if ordered else 0.0


@contextmanager
def steady_requests(port: int) -> Iterator[Asked]:
    """While inside, requests are sent. Raises NotSeenError when far fewer than due were: that measured nothing."""
    asked = Asked()
    command = [sys.executable, "-m", "tests.bench.client", str(port), str(RATE)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    began_at = time.monotonic()
    try:
        time.sleep(2 * BEFORE_AND_AFTER_SECONDS)  # the first of them is for starting it
        yield asked
        time.sleep(BEFORE_AND_AFTER_SECONDS)
        took = time.monotonic() - began_at
        said, _ = process.communicate(timeout=_END_WITHIN_SECONDS)
    finally:
        process.kill()
        process.wait()
    asked.results += [Result(at, seconds, cause) for at, seconds, cause in json.loads(said or "[]")]
    due = (took - 2 * BEFORE_AND_AFTER_SECONDS) * RATE
    if len(asked.results) < 0.8 * due:
        raise NotSeenError(f"the client sent {len(asked.results)} requests, {due:.0f} were due")


def main(port: int, rate: float) -> None:
    signal(SIGINT, SIG_IGN)  # Ctrl-C is for the bench, which then ends our standard input
    results: list[tuple[float, float, str]] = []

    class Keeping(Watcher):
        def ended(self, key: str, result: Result) -> None:
            results.append((result.at, result.seconds, result.cause))

    engine = Engine(Keeping())
    ended = threading.Event()

    def await_end() -> None:
        sys.stdin.read()
        ended.set()
        engine.call(lambda: None)

    threading.Thread(target=await_end, daemon=True).start()
    engine.aim("client", Aim(exchange.places(f"http://127.0.0.1:{port}/")[0], rate))
    engine.run(ended.is_set)
    sys.stdout.write(json.dumps(results))


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
