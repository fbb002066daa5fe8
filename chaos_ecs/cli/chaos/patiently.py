"""Asking what may take long: what an engine can do is found out in containers, and an image may have to be built first.

Never here: what is asked, and what is made of the answer.
"""

from __future__ import annotations

from threading import Timer
from typing import Any

from chaos_ecs.cli.client import Answer, Controller, lost
from chaos_ecs.cli.shell import Shell
from chaos_ecs.errors import ChaosEcsError

SAY_AFTER_SECONDS = 1.0
_TRIES = 5
"""Each ends when the connection's patience does; the same question asked again waits for the same answer."""


def ask(shell: Shell, controller: Controller, operation: str, **members: Any) -> Answer:
    """The answer of one of our own operations that may be asked twice. A wait is said, and a controller that lives is
    waited for. Raises what the operation does, and E-CONTROLLER-LOST when there is none any more."""
    timer = Timer(SAY_AFTER_SECONDS, shell.say, [_WAITING])
    timer.daemon = True
    timer.start()
    try:
        for _ in range(_TRIES - 1):
            try:
                return controller.own(operation, **members)
            except ChaosEcsError as error:
                if error.code != lost("").code:
                    raise
            controller.raw_state()  # raises when it is gone
        return controller.own(operation, **members)
    finally:
        timer.cancel()


_WAITING = (
    "finding out what this engine can do, in containers of our own: some seconds, and some minutes the first time, "
    "when chaos-ecs/toolbox:1 is built"
)
