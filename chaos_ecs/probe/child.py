"""The engine as a process of its own, for the controller: `python -m chaos_ecs.probe.child`.

A line on stdin is all it is to do from now on: {"aims": {KEY: URL}, "rate": 5, "timeout": 2}. A line on stdout is one
request that ended: [KEY, AT, SECONDS, CAUSE, TASK]. When stdin ends, so does it: it never outlives its controller.
"""

from __future__ import annotations

import json
import signal
import sys
import threading
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, TextIO

from chaos_ecs.probe.engine import Aim, Engine, Watcher
from chaos_ecs.probe.exchange import places
from chaos_ecs.probe.tally import Result

_TICK_SECONDS = 60.0


class _Writer(Watcher):
    def __init__(self, out: TextIO, over: threading.Event) -> None:
        self._out = out
        self._over = over

    def ended(self, key: str, result: Result) -> None:
        line = json.dumps([key, result.at, result.seconds, result.cause, result.task])
        try:
            self._out.write(line + "\n")
            self._out.flush()
        except OSError:  # nobody listens any more
            self._over.set()


class _Orders:
    """Does what the lines say, and leaves alone what stays as it was."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._aims: dict[str, tuple[str, float, float]] = {}

    def follow(self, order: Mapping[str, Any]) -> None:
        wanted = {key: (url, float(order["rate"]), float(order["timeout"])) for key, url in order["aims"].items()}
        for key in [key for key in self._aims if key not in wanted]:
            self._engine.leave(key)
        for key, aim in wanted.items():
            if self._aims.get(key) != aim:
                url, rate, timeout = aim
                self._engine.aim(key, Aim(places(url)[0], rate, timeout))
        self._aims = wanted


def serve(orders: Iterable[str], out: TextIO) -> None:
    """Until the orders end, or nobody reads what is written."""
    over = threading.Event()
    engine = Engine(_Writer(out, over))
    follower = _Orders(engine)

    def read() -> None:
        for line in orders:
            engine.call(partial(follower.follow, json.loads(line)))
        engine.call(over.set)

    threading.Thread(target=read, name="orders", daemon=True).start()
    engine.run(over.is_set, tick=_TICK_SECONDS)
    engine.close()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the controller; it ends our stdin
    serve(sys.stdin, sys.stdout)
