"""What is said in a game day: the round, its questions, where to look, what it was, and the points. Pure.

Never here: playing it (see `gameday_play.py`).
"""

from __future__ import annotations

from collections.abc import Sequence

from chaos_ecs.chaos.fault import Scope
from chaos_ecs.cli import sentences
from chaos_ecs.cli.chaos.fault_view import Fault
from chaos_ecs.cli.chaos.fault_words import CONTROL_PLANE, effect, named, who
from chaos_ecs.cli.chaos.gameday_file import GameDay, Question, Round
from chaos_ecs.cli.chaos.gameday_score import Marked, RoundScore, Sheet, Truth
from chaos_ecs.cli.line import Line, seconds
from chaos_ecs.cli.lines import lines_of
from chaos_ecs.cli.output import table
from chaos_ecs.cli.snapshot import Event, name_of, short

GIVING_UP = ("0", "g", "give up")
_TELLING = (
    "TASK_STOPPED",
    "TASK_CREATED",
    "TASK_RUNNING",
    "TASK_HEALTHY",
    "TASK_UNHEALTHY",
    "TASK_HEALTH_CHANGED",
    "TARGET_HEALTH_CHANGED",
    "SERVICE_RECOVERED",
    "SERVICE_THROTTLED",
    "SERVICE_FLAPPING",
    "CLIENT_FAILING",
    "CLIENT_RECOVERED",
    "DEPLOYMENT_FAILED",
    "DEPLOYMENT_ROLLED_BACK",
)
"""Types of events that say what a fault has led to."""


# --- before ---


def opening(round_: Round, number: int, count: int) -> list[str]:
    return ["", f"Round {number} of {count}: {round_.name}", *paragraphs(round_.brief)]


def paragraphs(text: str) -> list[str]:
    """One row each: where they are folded is the terminal's business."""
    return [" ".join(part.split()) for part in text.strip().split("\n\n")]


def whom(round_: Round) -> str:
    """What a round needs: a task of service web; a standalone task of worker."""
    if round_.kind.scope is Scope.INSTANCES:
        return "a cluster with container instances"
    service, pattern = round_.selection.get("service"), round_.selection.get("pattern")
    if service:
        return f"service {service}" if round_.kind.scope is Scope.SERVICE else f"a task of service {service}"
    return f"a standalone task of {pattern}" if pattern else "a standalone task"


def start(round_: Round) -> str:
    """The command that starts what it needs."""
    if round_.kind.scope is Scope.INSTANCES:
        return "chaos-ecs instance add"
    service = round_.selection.get("service")
    if service:
        return f"chaos-ecs service up {service} --desired 3"
    return f"chaos-ecs run-task {round_.selection.get('pattern') or 'worker'} --no-wait"


def help_to_look(round_: Round, cluster: str, patience: float) -> list[str]:
    """Where to look, which is the lesson; nothing of what it is."""
    service = round_.selection.get("service") or "web"
    return [
        f"Something is wrong now. You have {seconds(patience)} to find out what. In another terminal:",
        "  chaos-ecs ps   |   chaos-ecs events   |   chaos-ecs probe",
        f"  aws ecs describe-services --cluster {cluster} --services {service}",
        f"  aws ecs describe-tasks --cluster {cluster} --tasks TASK",
    ]


# --- asking ---


def asking(question: Question, *, may_give_up: bool = False) -> list[str]:
    """The question, and its choices by number."""
    rows = [question.ask]
    rows += [f"  {number}  {choice}" for number, choice in enumerate(question.choices, 1)]
    if may_give_up:
        rows.append("  0  I give up")
    rows.append(f"Type a number from 1 to {len(question.choices)}:" if question.choices else "Type a number:")
    return rows


def understood(question: Question, line: str) -> str:
    """The answer: a choice in its own words, or a number; "" for what is neither."""
    if question.choices:
        if line.isascii() and line.isdecimal() and 1 <= int(line) <= len(question.choices):
            return question.choices[int(line) - 1]
        return next((choice for choice in question.choices if choice.lower() == line.lower()), "")
    try:
        float(line.replace(",", "."))
    except ValueError:
        return ""
    return line.replace(",", ".")


def again(question: Question, line: str) -> str:
    wanted = f"a number from 1 to {len(question.choices)}" if question.choices else "a number"
    return f"'{line[:40]}' is not {wanted}. Once more:"


# --- the reveal ---


def revealed(round_: Round, fault: Fault) -> list[str]:
    """What it was."""
    on = named(fault.victims) if fault.victims else CONTROL_PLANE
    rows = [f"It was {fault.name}, on {on}: it {fault.description}."]
    rows += [f"  measured: {who(victim)}: {effect(victim)}" for victim in fault.victims]
    return rows


def timeline(fault: Fault, events: Sequence[Event], answered_at: float | None) -> list[Line]:
    """Injected, in force, noticed, replaced, recovered, diagnosed, undone; oldest first."""
    lines = [*lines_of(_concerning(fault, events)), *_own(fault, answered_at)]
    return sorted(lines, key=lambda line: line.at)


def spoken_timeline(fault: Fault, events: Sequence[Event], answered_at: float | None, began_at: float) -> list[str]:
    """The same as sentences."""
    told = [
        (event.at, sentence) for event in _concerning(fault, events) for sentence in sentences.of([event], began_at)
    ]
    told += [(line.at, sentences.of_line(line, began_at)) for line in _own(fault, answered_at)]
    return [sentence for _, sentence in sorted(told, key=lambda item: item[0])]


def _own(fault: Fault, answered_at: float | None) -> list[Line]:
    """What the events could not say while it was sealed."""
    services = {victim.service for victim in fault.victims if victim.service}
    owner = name_of(next(iter(services))) if len(services) == 1 else ""
    ids = tuple(dict.fromkeys(short(victim.task) for victim in fault.victims if victim.task))
    began_at = float(fault.raw["createdAt"])
    lines = [Line(began_at, "killed", "INJECTED", owner, ids, fault.name, fault.name)]
    for raw in fault.raw["victims"]:
        if raw.get("activeAt") is not None:
            hit = (short(raw["task"]),) if raw.get("task") else ()
            after = f"after {seconds(raw['activeAt'] - began_at)}"
            lines.append(Line(raw["activeAt"], "attention", "IN FORCE", owner, hit, measured=after))
    if answered_at is not None:
        lines.append(Line(answered_at, "running", "DIAGNOSED", detail="your answer"))
    if fault.ended_at is not None:
        lines.append(Line(fault.ended_at, "steady", "OVER", owner, ids, "nothing of it is left"))
    return lines


def _concerning(fault: Fault, events: Sequence[Event]) -> list[Event]:
    tasks = {victim.task for victim in fault.victims if victim.task}
    services = {victim.service for victim in fault.victims if victim.service}
    return [event for event in events if _concerns(event, tasks, services)]


def _concerns(event: Event, tasks: set[str], services: set[str]) -> bool:
    if event.type not in _TELLING:
        return False
    return event.task in tasks or event.service in services or (event.type.startswith("CLIENT_") and not services)


def points(score: RoundScore) -> list[tuple[str, str]]:
    """Each question with what was said and what was true; label and text."""
    rows = [(item.ask, _answer(item, "")) for item in score.predictions]
    if score.diagnosis is not None:
        within = f" after {seconds(score.seconds)}" if score.seconds is not None else ""
        rows.append((score.diagnosis.ask, _answer(score.diagnosis, within)))
    rows.append(("points", f"{score.points} of {score.of}"))
    return rows


def _answer(item: Marked, within: str) -> str:
    said = f"you said {item.said}" if item.said else "you gave no answer"
    if item.right is None:
        return f"{said}; it could not be measured, so it does not count"
    truth = spoken(item.truth)
    word = "RIGHT" if item.right else "WRONG"
    return f"{word}{within}: {said}" + ("" if item.right and item.said == truth else f", it was {truth}")


def spoken(truth: Truth) -> str:
    """A number without digits that say nothing."""
    if isinstance(truth, float):
        return f"{truth:.0f}" if truth == int(truth) else f"{truth:.2f}".rstrip("0").rstrip(".")
    return str(truth)


# --- the end ---


def total(day: GameDay, scores: Sequence[RoundScore], width: int | None) -> str:
    """A row for each round, and the sum."""
    rows = [
        (score.name, "-" if score.void else f"{score.points} of {score.of}", score.void or _word(score))
        for score in scores
    ]
    played, of = sum(score.points for score in scores), sum(score.of for score in scores)
    rows.append(("all", f"{played} of {of}", day.title))
    return table(("ROUND", "POINTS", "DIAGNOSIS"), rows, width=width)


def _word(score: RoundScore) -> str:
    if score.diagnosis is None or not score.diagnosis.said:
        return "none"
    return "right" if score.diagnosis.right else "wrong"


def board(sheets: Sequence[Sheet], width: int | None) -> str:
    """Who has how many points; equal points share a place."""
    rows: list[tuple[str, ...]] = []
    place, before = 0, ("", 0)
    for number, sheet in enumerate(sheets, 1):
        if (sheet.checksum, sheet.points) != before:
            place = number - sum(other.checksum != sheet.checksum for other in sheets[: number - 1])
            before = (sheet.checksum, sheet.points)
        rounds = " ".join(f"{points}/{of}" for _, points, of in sheet.rounds)
        rows.append((str(place), sheet.player, f"{sheet.points} of {sheet.of}", rounds, sheet.title))
    return table(("PLACE", "PLAYER", "POINTS", "ROUNDS", "GAME DAY"), rows, width=width, fold=("ROUNDS",))
