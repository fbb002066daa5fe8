"""Names that come one after the other: what the life of a task and the stages of a deployment have in common."""

from __future__ import annotations

from enum import StrEnum


class Ordered(StrEnum):
    """An enum whose members know their place in it: the first is 0."""

    rank: int

    def __init__(self, name: str) -> None:
        self.rank = len(type(self).__members__)
