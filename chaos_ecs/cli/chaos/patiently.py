"""Asking what may take long: what an engine can do is found out in containers, and an image may have to be built first.

Only what may be asked twice. Never here: what is asked, and what is made of the answer.
"""

from __future__ import annotations

from threading import Timer
from typing import Any

from chaos_ecs.cli.client import Answer, Controller, lost
from chaos_ecs.cli.line import seconds
from chaos_ecs.cli.refusals import is_busy
from chaos_ecs.cli.shell import Shell
from chaos_ecs.errors import ChaosEcsError

SAY_AFTER_SECONDS = 1.0
MOST_SECONDS = 600.0
_SIGN_OF_LIFE_SECONDS = 10.0  # at most so often
_PAUSE_SECONDS = 0.5

FINDING_OUT = "finding out what this engine can do, in containers of our own"
_FIRST_TIME = "some seconds, and some minutes the first time, when chaos-ecs/toolbox:1 is built"
ENDING = "asking for the end of faults"


def ask(shell: Shell, controller: Controller, operation: str, *, doing: str = FINDING_OUT, **members: Any) -> Answer:
    """The answer of one of our own operations. A wait is said; a controller that lives, and has no answer yet, is asked
    again, and the same question waits for the same answer.

    Raises what the operation does, E-CONTROLLER-LOST when there is no controller any more, and E-TIMEOUT (124).
    """
    timer = Timer(SAY_AFTER_SECONDS, shell.say, [f"{doing}: {_FIRST_TIME}" if doing == FINDING_OUT else doing])
    timer.daemon = True
    timer.start()
    began_at = told_at = shell.monotonic()
    try:
        while True:
            try:
                return controller.own(operation, **members)
            except ChaosEcsError as error:
                now = shell.monotonic()
                _must_go_on(controller, error, doing, now - began_at)
            if now - told_at >= _SIGN_OF_LIFE_SECONDS:
                told_at = now
                shell.say(f"still {doing}, {seconds(now - began_at)} of at most {seconds(MOST_SECONDS)}")
            shell.sleep(_PAUSE_SECONDS)
    finally:
        timer.cancel()


def _must_go_on(controller: Controller, error: ChaosEcsError, doing: str, waited: float) -> None:
    """Raises where asking again leads to nothing."""
    if not is_busy(error) and error.code != lost("").code:
        raise error
    if waited >= MOST_SECONDS:
        what = f"Waited {seconds(MOST_SECONDS)}, {doing}"
        raise ChaosEcsError("E-TIMEOUT", what, error.why, "chaos-ecs controller status", 124) from error
    if not is_busy(error):
        try:
            controller.raw_state()  # raises when it is gone
        except ChaosEcsError as gone:
            if not is_busy(gone):
                raise
