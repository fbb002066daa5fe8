"""How a deployment that moves traffic is told: its stage, whose requests are whose, what it waits for. Pure.

Never here: the rest of the deployment's view (see `deployview.py`), and which stage follows (see `core/shifting.py`).
"""

from __future__ import annotations

from chaos_ecs.cli.deploylines import in_stage
from chaos_ecs.cli.line import seconds
from chaos_ecs.cli.shifts import Pause, Shift

_AWS_MINUTE_SECONDS = 60.0


def stage_row(shift: Shift) -> str:
    """BAKE_TIME: the old tasks run on, so that going back takes no time."""
    return f"{shift.stage}: {in_stage(shift.stage, shift.production)}"


def where(shift: Shift) -> str:
    """In a few words: PAUSED at POST_SCALE_UP, or in stage BAKE_TIME."""
    return f"PAUSED at {shift.pause.stage}" if shift.pause is not None else f"in stage {shift.stage}"


def bake_row(shift: Shift, now: float) -> str:
    """How long it bakes yet, and what a minute is; "" where it does not."""
    if shift.until is None or shift.pause is not None:
        return ""
    left = f"{max(0, round(shift.until - now))} s left"
    if not shift.minutes or not shift.began_at:
        return f"bake: {left}"
    minute = (shift.until - shift.began_at) / shift.minutes
    here = f"1 minute is {minute:.0f} s here, {_AWS_MINUTE_SECONDS:.0f} s on AWS"
    return f"bake: {left} of {shift.minutes:g} min" + ("" if minute >= _AWS_MINUTE_SECONDS else f"; {here}")


def paused_rows(shift: Shift, command: str, now: float) -> list[str]:
    """That it waits for somebody, and what happens if nobody comes; none where it does not. `command` continues it."""
    if shift.pause is None:
        return []
    return [f"PAUSED at {shift.pause.stage}: {command}", f"or with --rollback{_else(shift.pause, now)}"]


def _else(pause: Pause, now: float) -> str:
    if pause.expires_at is None:
        return ""
    does = "rolls back" if pause.timeout_action == "ROLLBACK" else "goes on"
    return f"; by itself it {does} in {seconds(max(0.0, pause.expires_at - now))}"


def is_moving(shift: Shift) -> bool:
    """Whether both revisions may have requests: the weights are worth a bar."""
    return shift.production > 0 or shift.test > 0


def shares(shift: Shift) -> str:
    """In words: new 10%, old 90%, the test listener 100% new."""
    told = f"new {shift.production:g}%, old {100 - shift.production:g}%"
    return told + (f"; test listener: new {shift.test:g}%" if shift.test else "")
