"""What was measured in a round, what was answered, and the points for it. Pure.

A prediction is worth one point, the diagnosis two. What could not be measured counts neither for nor against.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chaos_ecs.cli.chaos.expectations import Traffic
from chaos_ecs.cli.chaos.gameday_file import Question
from chaos_ecs.cli.recovery import Death

KIND = "gameday"
PREDICTION_POINTS = 1
DIAGNOSIS_POINTS = 2
GAVE_UP = ""

Truth = float | str | None


@dataclass(frozen=True, slots=True)
class Seen:
    """What a round's fault has done; `started` counts the new tasks of the services that were hit, `stop_codes` are of
    the tasks that were hit and have ended."""

    deaths: Sequence[Death] = ()
    started: int = 0
    stop_codes: Sequence[str] = ()
    recovery: float | None = None  # the longest
    traffic: Traffic | None = None

    @property
    def replacements(self) -> int:
        """A task that hangs has its successor before it ends: a service's new tasks count, whoever they fill in for."""
        return self.started + sum(len(death.replacements) for death in self.deaths if not death.service)

    def measured(self, measure: str) -> Truth:
        """None where it could not be measured."""
        ended = [death for death in self.deaths if death.stopped]
        match measure:
            case "replacements":
                return float(self.replacements)
            case "tasks-lost":
                return float(len(ended))
            case "recovery-seconds":
                return self.recovery
            case "came-back":
                return ("yes" if self.replacements else "no") if ended else None
            case "stop-code":
                return self.stop_codes[0] if self.stop_codes else None
            case "exit-code":
                codes = [float(death.exit_code) for death in ended if death.exit_code is not None]
                return codes[0] if codes else None
            case "failed-requests":
                return float(self.traffic.failed) if self.traffic else None
            case _:
                return self.traffic.availability if self.traffic and self.traffic.requests else None


@dataclass(frozen=True, slots=True)
class Marked:
    """One answer. `said` is "" where none was given; `truth` None where nothing was measured."""

    ask: str
    said: str
    truth: Truth
    right: bool | None
    points: int
    of: int

    def as_json(self) -> dict[str, Any]:
        return {
            "ask": self.ask,
            "said": self.said or None,
            "truth": self.truth,
            "right": self.right,
            "points": self.points,
            "of": self.of,
        }


def marked(question: Question, said: str, seen: Seen, worth: int = PREDICTION_POINTS) -> Marked:
    """An answer held against what was measured, or against the answer in the file."""
    truth: Truth = seen.measured(question.measure) if question.measure else question.answer
    if not question.choices and isinstance(truth, str):
        truth = float(truth)
    if truth is None:
        return Marked(question.ask, said, None, None, 0, 0)
    right = _is_right(question, said, truth)
    return Marked(question.ask, said, truth, right, worth if right else 0, worth)


def _is_right(question: Question, said: str, truth: float | str) -> bool:
    if not said:
        return False
    if isinstance(truth, str):
        return said.lower() == truth.lower()
    try:
        number = float(said)
    except ValueError:
        return False
    if question.within == 1:
        return round(number, 6) == round(truth, 6)
    return truth / question.within <= number <= truth * question.within


@dataclass(frozen=True, slots=True)
class RoundScore:
    """`void` says why a round does not count."""

    name: str
    predictions: Sequence[Marked] = ()
    diagnosis: Marked | None = None
    seconds: float | None = None  # from the effect to the diagnosis
    void: str = ""
    fault: Mapping[str, Any] = field(default_factory=dict)

    @property
    def all(self) -> list[Marked]:
        return [*self.predictions, *([self.diagnosis] if self.diagnosis else [])]

    @property
    def points(self) -> int:
        return 0 if self.void else sum(item.points for item in self.all)

    @property
    def of(self) -> int:
        return 0 if self.void else sum(item.of for item in self.all)

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "void": self.void or None,
            "predictions": [item.as_json() for item in self.predictions],
            "diagnosis": self.diagnosis.as_json() if self.diagnosis else None,
            "seconds": self.seconds,
            "points": self.points,
            "of": self.of,
            "fault": dict(self.fault),
        }


# --- the board ---


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a score file says, as far as a board needs it."""

    title: str
    checksum: str
    player: str
    at: float
    points: int
    of: int
    rounds: Sequence[tuple[str, int, int]]  # name, points, of

    @classmethod
    def of_json(cls, told: Mapping[str, Any]) -> Sheet:
        """Raises KeyError, TypeError or ValueError for what is none."""
        if told["kind"] != KIND:
            raise ValueError(told["kind"])
        rounds = tuple((str(item["name"]), int(item["points"]), int(item["of"])) for item in told["rounds"])
        return cls(
            title=str(told["title"]),
            checksum=str(told["checksum"]),
            player=str(told["player"]),
            at=float(told["at"]),
            points=sum(points for _, points, _ in rounds),
            of=sum(of for _, _, of in rounds),
            rounds=rounds,
        )


def first_tries(sheets: Sequence[Sheet]) -> tuple[list[Sheet], int]:
    """The first of each player in each game day, and how many later ones are left out: who has seen the answers has no
    second first try."""
    found: dict[tuple[str, str], Sheet] = {}
    for sheet in sorted(sheets, key=lambda item: item.at):
        found.setdefault((sheet.checksum, sheet.player), sheet)
    return list(found.values()), len({(item.checksum, item.player, item.at) for item in sheets}) - len(found)


def board(sheets: Sequence[Sheet]) -> list[Sheet]:
    """By game day, the best first; equal points by name."""
    return sorted(sheets, key=lambda item: (item.title, item.checksum, -item.points, item.player))
