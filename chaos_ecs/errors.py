"""Troubles of our own world (Docker down, port taken), told in four parts; ECS's refusals are in `core/errors.py`."""

from __future__ import annotations


class ChaosEcsError(Exception):
    """`code` such as E-DOCKER-DOWN, `what` happened, `why` probably, and `hint`: the next command to type.

    `exit_code` is the CLI's (`chaos-ecs help exit-codes`): 1 failed, 4 no engine, 5 refused, 124 timeout.
    """

    def __init__(self, code: str, what: str, why: str, hint: str, exit_code: int = 1) -> None:
        super().__init__(f"{what}: {why}" if why else what)
        self.code = code
        self.what = what
        self.why = why
        self.hint = hint
        self.exit_code = exit_code
