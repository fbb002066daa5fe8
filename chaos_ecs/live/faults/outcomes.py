"""How carrying out a recipe may end, for `executor.py` to tell; success is a sentence with what was measured."""

from __future__ import annotations

from chaos_ecs.core.fault_messages import HitUndone, InjectHit, UndoHit

Hit = InjectHit | UndoHit
Key = tuple[str, int]

NOTHING_DONE = "nothing had been done to it yet"
"""Of an undoing without anything on record: what is there was there before, or is somebody else's."""


class RefusedError(Exception):
    """It could not be injected, or no effect could be measured."""


class StuckError(Exception):
    """Undoing did not work; it is asked for again."""


class VictimGoneError(Exception):
    """The container has ended or is no more."""


def harmed_before(how: str) -> RefusedError:
    """What the fault is to do is so already: that proves nothing, and undoing it would undo what somebody else did."""
    return RefusedError(f"{how} before anything was done: nothing could be told")


def key_of(hit: Hit) -> Key:
    return (hit.fault_id, hit.index)


def tag_of(hit: Hit) -> str:
    """What tells apart in the kernel what several faults do to one container."""
    return f"{hit.fault_id}-{hit.index}"


def gone(hit: Hit) -> HitUndone | None:
    """What is told of a hit without a victim. That of a deadly fault is meant to end: whether it was hit is read off
    its end, and not for us to tell."""
    if hit.recipe.is_deadly and isinstance(hit, InjectHit):
        return None
    return HitUndone(*key_of(hit), "the container is gone, and the fault with it")
