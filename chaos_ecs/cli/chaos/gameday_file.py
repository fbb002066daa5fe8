"""A game day's file: rounds, each with a fault that is not told, what is asked about it, and the lesson.

Checked here is what can be seen in the file alone. Never here: playing it (see `gameday_play.py`).
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from chaos_ecs.chaos import catalogue, parameters
from chaos_ecs.chaos.fault import Fault, Scope
from chaos_ecs.chaos.victims import SEEDS
from chaos_ecs.cli.chaos import experiment_file, fault_kinds, marked, sealed
from chaos_ecs.cli.chaos.marked import Member
from chaos_ecs.errors import ChaosEcsError

MEASURES = {
    "replacements": "how many new tasks were started in the place of those that were lost",
    "tasks-lost": "how many of the tasks that were hit have ended",
    "recovery-seconds": "how long until the service was whole again",
    "came-back": "yes or no: whether somebody took the place of what was lost",
    "stop-code": "the stopCode of the task that was hit",
    "exit-code": "the exit code of the task that was hit",
    "failed-requests": "how many requests of the client failed",
    "availability": "the percent of the client's requests that were answered",
}
_COUNTED = ("replacements", "tasks-lost", "recovery-seconds", "exit-code", "failed-requests", "availability")
_ROUND = (
    *("name", "brief", "fault", "parameters", "selection", "duration", "atLeast"),
    *("predictions", "diagnosis", "lesson"),
)
_HELP = "chaos-ecs help experiments"
_WITHIN = 1.0
_MARGIN_SECONDS = 2.0  # a fault outlasts the time for its diagnosis


@dataclass(frozen=True, slots=True)
class Question:
    """`choices` are empty where a number is asked for; `within` is the factor by which that may be wrong. The truth is
    what is measured, or (measure "") the `answer`."""

    ask: str
    choices: tuple[str, ...] = ()
    measure: str = ""
    answer: str = ""
    within: float = _WITHIN


@dataclass(frozen=True, slots=True)
class Round:
    """`parameters` by FIS's names; `selection` in the words of InjectFault; `seconds` are for the diagnosis; the fault
    lasts `least` of them also where it is found at once, so that what was predicted can happen."""

    name: str
    brief: str
    kind: type[Fault]
    parameters: Mapping[str, str]
    selection: Mapping[str, object]
    seconds: float
    least: float
    predictions: Sequence[Question]
    diagnosis: Question
    lesson: str
    seed: int


@dataclass(frozen=True, slots=True)
class GameDay:
    shown: str
    title: str
    rounds: Sequence[Round]
    checksum: str
    is_sealed: bool


def read(text: str) -> GameDay:
    """The game day in the file (or sample) of this name, sealed or not. Raises ChaosEcsError: exit code 2."""
    path = experiment_file.found(text)
    if path is None:
        known = ", ".join(experiment_file.samples("rounds")) or "none"
        what = f"There is no file {text}"
        raise ChaosEcsError("E-FILE", what, f"samples that come with chaos-ecs: {known}", _HELP, 2)
    return parsed(contents(path), text if path == Path(text) else path.name)


def contents(path: Path) -> str:
    """The text of a file. Raises ChaosEcsError."""
    try:
        raw = path.read_bytes()[: 2 * marked.MOST_BYTES]
        return raw.decode("utf-8-sig").replace("\r\n", "\n")
    except OSError as error:
        raise ChaosEcsError("E-FILE", f"Cannot read {path}", error.strerror or str(error), _HELP, 2) from error
    except UnicodeDecodeError as error:
        raise ChaosEcsError("E-FILE", f"{path} is no text", "it is not UTF-8", "Save it as UTF-8", 2) from error


def parsed(text: str, shown: str) -> GameDay:
    is_sealed = sealed.is_sealed(text)
    text = sealed.unsealed(text, shown) if is_sealed else text
    root = marked.parsed(text, shown)
    members = root.members()
    if "actions" in members:
        raise members["actions"].refusal("this is an experiment, no game day", f"chaos-ecs chaos run {shown}")
    root.members(("title", "seed", "rounds"))
    title = root.needed("title", "Write title: First game day").text()
    seed = members["seed"].whole(0, SEEDS - 1) if "seed" in members else 0
    listed = root.needed("rounds", "Write rounds: [...]").items()
    rounds = [_round(item, seed) for item in listed]
    if not rounds:
        raise members["rounds"].refusal("there is no round", "Write a round, with fault and diagnosis")
    for index, item in enumerate(rounds):
        if item.name in [other.name for other in rounds[:index]]:
            raise listed[index].refusal(f"there are two rounds {item.name}", "Give each a name of its own")
    return GameDay(shown, title, rounds, sealed.checksum(text), is_sealed)


def _round(member: Member, seed: int) -> Round:
    members = member.members(_ROUND)
    name = member.needed("name", "Write name: the-quiet-one").text()
    kind = _fault(member.needed("fault", "Write fault: pause"))
    seconds = members["duration"].seconds() if "duration" in members else 60.0
    least = members["atLeast"].seconds() if "atLeast" in members else 0.0
    if least > seconds:
        why = f"it is longer than the round's duration of {seconds:g} s"
        raise members["atLeast"].refusal(why, f"Write duration: {parameters.iso(least)}, or less here")
    given = members["parameters"].texts() if "parameters" in members else {}
    if "duration" not in given and any(item.name == "duration" for item in parameters.parameters_of(kind)):
        given = {**given, "duration": parameters.iso(seconds + _MARGIN_SECONDS)}
    _check_parameters(kind, given, members.get("parameters") or members["fault"])
    predictions = members["predictions"].items() if "predictions" in members else ()
    return Round(
        name=name,
        brief=member.needed("brief", "Write brief: what the learner is told").text(),
        kind=kind,
        parameters=given,
        selection=_selection(member, kind),
        seconds=seconds,
        least=least,
        predictions=[_prediction(item) for item in predictions],
        diagnosis=_diagnosis(member.needed("diagnosis", "Write diagnosis: {ask, choices, answer}")),
        lesson=members["lesson"].text() if "lesson" in members else "",
        seed=zlib.crc32(f"{seed}/{name}".encode()) % SEEDS,
    )


def _fault(member: Member) -> type[Fault]:
    names = {fault.action_id: fault.name for fault in catalogue.FAULTS}
    text = names.get(member.text(), member.text())
    known = [fault.name for fault in catalogue.FAULTS if fault.scope is not Scope.NOTHING]
    if text not in known:
        member.one_of(known)
    return catalogue.named(text)


def _check_parameters(kind: type[Fault], given: Mapping[str, str], member: Member) -> None:
    """What the catalogue refuses is told by the line of the parameter that it names."""
    try:
        fault_kinds.made(kind, given)
    except ChaosEcsError as refusal:
        named = member.members() if isinstance(member.value, dict) else {}
        where = next((item for name, item in named.items() if name in refusal.why), member)
        raise where.refusal(refusal.why, f"{refusal.hint}   (its parameters)") from None


def _selection(member: Member, kind: type[Fault]) -> dict[str, object]:
    members = member.members()
    if kind.scope is Scope.CONTROL_PLANE:
        if "selection" in members:
            why = f"{kind.name} hits the control plane: there is nobody to select"
            raise members["selection"].refusal(why, "Leave selection out")
        return {}
    if kind.scope is Scope.INSTANCES:
        return _instances(members["selection"], kind) if "selection" in members else {}
    return _of_tasks(member.needed("selection", "Write selection: {service: web, count: 1}"), kind)


def _of_tasks(chosen: Member, kind: type[Fault]) -> dict[str, object]:
    """Tasks of a service, or standalone ones; or a service as a whole."""
    found = chosen.members(("service", "standalone", "pattern", "count", "all"))
    told: dict[str, object] = {}
    if "service" in found:
        told["service"] = found["service"].text()
    if "standalone" in found:
        told["standalone"] = found["standalone"].flag()
    if bool(told.get("service")) == bool(told.get("standalone")):
        raise chosen.refusal("it names a service, or standalone: true, one of them", "Write selection: {service: web}")
    if "pattern" in found:
        told["pattern"] = found["pattern"].text()
    if kind.scope is Scope.SERVICE:
        return {"service": told["service"]} if "service" in told else _needs_service(chosen, kind)
    if "all" in found and found["all"].flag():
        told["all"] = True
    elif "count" in found:
        told["count"] = found["count"].whole(1, 50)
    return told


def _instances(chosen: Member, kind: type[Fault]) -> dict[str, object]:
    """Container instances by name, or of a zone, or so many; whatever the kind can be chosen by."""
    spelled = {"instances": "instances", "zone": "availabilityZone", "count": "count"}
    if not kind.picks:
        raise chosen.refusal(f"{kind.name} has no selection: its parameters say all", "Leave selection out")
    found = chosen.members(tuple(spelled[name] for name in kind.picks))
    told: dict[str, object] = {}
    if "instances" in found:
        told["instances"] = [item.text() for item in found["instances"].items()]
    if "availabilityZone" in found:
        told["availabilityZone"] = found["availabilityZone"].text()
    if "count" in found:
        told["count"] = found["count"].whole(1, 50)
    return told


def _needs_service(chosen: Member, kind: type[Fault]) -> dict[str, object]:
    raise chosen.refusal(f"{kind.name} is aimed at a service", "Write selection: {service: web}")


# --- questions ---


def _prediction(member: Member) -> Question:
    members = member.members(("ask", "choices", "number", "measure", "answer", "within"))
    ask = member.needed("ask", "Write ask: How many new tasks will be started?").text()
    wants_number = "number" in members and members["number"].flag()
    choices = tuple(item.text() for item in members["choices"].items()) if "choices" in members else ()
    if wants_number == bool(choices):
        raise member.refusal("it has choices, or number: true, one of them", "Write choices: ['yes', 'no']")
    measure = members["measure"].one_of(list(MEASURES)) if "measure" in members else ""
    answer = members["answer"].text() if "answer" in members else ""
    if bool(measure) == bool(answer):
        fix = f"Write measure: {next(iter(MEASURES))}, or answer: ..."
        raise member.refusal("the truth is either measured, or an answer that you give", fix)
    if wants_number and measure and measure not in _COUNTED:
        raise members["measure"].refusal(f"{measure} is no number", "Write choices, and leave number out")
    if wants_number and answer:
        members["answer"].number()
    if choices and answer and answer not in choices:
        raise members["answer"].refusal("it is none of the choices", f"Write answer: {choices[0]}")
    within = members["within"].number() if "within" in members else _WITHIN
    if within < 1:
        raise members["within"].refusal("it is a factor of 1 or more", "Write within: 2   (half to twice as much)")
    return Question(ask, choices, measure, answer, within)


def _diagnosis(member: Member) -> Question:
    member.members(("ask", "choices", "answer"))
    choices = tuple(item.text() for item in member.needed("choices", "Write choices: [...]").items())
    if len(choices) < 2:
        raise member.refusal("there must be two choices or more", "Write choices: ['it hangs', 'it is gone']")
    answer = member.needed("answer", f"Write answer: {choices[0]}")
    if answer.text() not in choices:
        raise answer.refusal("it is none of the choices", f"Write answer: {choices[0]}")
    ask = member.members().get("ask")
    return Question(ask.text() if ask else "What is wrong?", choices, answer=answer.text())
