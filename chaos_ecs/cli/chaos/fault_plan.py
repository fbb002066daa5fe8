"""What is about to be done to whom, told before it is done: in a few rows, and on request line by line. Pure.

A plan is the answer of InjectFault's dry run. Never here: carrying it out (see `fault_inject.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chaos_ecs.cli.chaos.fault_view import Victim
from chaos_ecs.cli.chaos.fault_words import named, span, who
from chaos_ecs.cli.snapshot import Snapshot, name_of, short

STRIKES = "it is over, nothing is to be undone: a service replaces what it lost, nobody replaces a standalone task"
_RUNTIME_ID = 12
_WHERE = {"HOLD": ", from a helper container (chaos-ecs/toolbox:1)", "EXEC": ", in it (docker exec)"}

# By means: how a task is hurt, and how it is healed.
_MEANS: dict[str, tuple[str, str]] = {
    "SIGNAL": ("docker kill: a signal, which the scheduler is not told of", STRIKES),
    "STOP": ("StopTask: SIGTERM, and SIGKILL after the task's stopTimeout", STRIKES),
    "FREEZE": ("docker pause: all of it stands still at once", "docker unpause, and it goes on where it stood"),
    "STALL": (
        "SIGSTOP to each of its processes: they stand still, and the engine calls the task running",
        "SIGCONT to each of them, and they go on where they stood",
    ),
    "LIMIT": ("docker update: it gets less from now on", "docker update, with the values from before"),
    "DETACH": (
        "docker network disconnect: it runs on without an address, so nobody reaches it, nor does it reach anybody",
        "docker network connect, with the address it had wherever that is still free",
    ),
    "HOLD": (
        "a helper container of ours joins each task, does it, and measures it",
        "the helper undoes it, also when nobody else is left",
    ),
    "EXEC": ("a few lines of sh in the task's own container", "a few lines of sh, or the end of the task"),
}

_INTERRUPTED = (
    "a Spot interruption: SIGTERM now, SIGKILL after the task's stopTimeout, or when the notice is over",
    STRIKES,
)

# By the first word of what a fault of the control plane does.
_CONTROL: dict[str, tuple[str, str]] = {
    "hold": ("the scheduler is held; no container is touched", "the scheduler goes on"),
    "answer": ("the controller answers so; no container is touched", "it answers as before"),
    "drain": (
        "UpdateContainerInstancesState: DRAINING; the scheduler moves what it may move",
        "UpdateContainerInstancesState: ACTIVE",
    ),
    "power": (
        "SIGKILL to every container on it at once, and its agent is disconnected",
        "it is connected again, and used",
    ),
    "spot": (
        "the notice now; when it is over, SIGKILL to every container on it, and its agent is disconnected",
        "its replacement is connected, and used",
    ),
    "deploy": (
        "UpdateService with a revision that cannot work",
        "UpdateService with the revision before, unless the circuit breaker was quicker",
    ),
}

_VARIABLES = {
    "HOLD": (
        ("$DEVICE", "$NUMBER", "$TAG"),
        "$DEVICE, $NUMBER and $TAG are set where the lines run: the task's interface, and two names of this fault",
    ),
    "DETACH": (
        ("$NETWORK", "$ADDRESS"),
        "$NETWORK is the network of its cluster, and $ADDRESS its address there: docker inspect tells both",
    ),
}
_OTHERS = "-- -1   # in a helper: the others"


@dataclass(frozen=True, slots=True)
class Plan:
    """`seed` picked the victims; `was_drawn` says whether anything was left to a seed at all. `among` so many running
    tasks a victim was picked because nobody was named, 0: somebody was."""

    name: str
    description: str
    seconds: float
    seed: int
    was_drawn: bool
    victims: tuple[Victim, ...]
    recipes: tuple[Mapping[str, Any], ...]  # one a victim
    fallback: str = ""  # how else it is done here
    among: int = 0

    @classmethod
    def of(cls, answer: Mapping[str, Any], snapshot: Snapshot, *, was_drawn: bool, among: int = 0) -> Plan:
        victims = []
        for raw in answer["victims"]:
            task = snapshot.task(raw.get("task") or "")
            victims.append(Victim.of({**raw, "service": task.service if task else raw.get("service")}))
        return cls(
            name=answer["name"],
            description=answer.get("description") or "",
            seconds=float(answer.get("durationSeconds") or 0.0),
            seed=int(answer.get("seed") or 0),
            was_drawn=was_drawn,
            victims=tuple(victims),
            recipes=tuple(answer["victims"]),
            fallback=answer.get("fallback") or "",
            among=among,
        )

    @property
    def tasks(self) -> list[str]:
        """The ARNs of the tasks it hits, each once."""
        return list(dict.fromkeys(victim.task for victim in self.victims if victim.task))

    @property
    def instances(self) -> list[str]:
        """The ARNs of the container instances it hits."""
        return [str(raw["instance"]) for raw in self.recipes if raw.get("instance")]

    @property
    def strikes(self) -> bool:
        """Whether it is over as soon as it has struck."""
        return self.seconds == 0


def rows(plan: Plan) -> list[tuple[str, str]]:
    """Label and text: what, whom, how, until when, by which seed."""
    how, undone = _means(plan.recipes[0])
    told = [("plan", f"{plan.name} {plan.description}"), ("hits", _hits(plan)), ("how", how)]
    foretold = [f"{raw['instanceName']}: {raw['foretold']}" for raw in plan.recipes if raw.get("foretold")]
    told += [("tasks" if not at else "", text) for at, text in enumerate(foretold)]
    if plan.fallback:
        told.append(("here", plan.fallback))
    told.append(("then", STRIKES if plan.strikes else f"after {span(plan.seconds)}, or sooner if you say so: {undone}"))
    if plan.was_drawn:
        told.append(("seed", f"{plan.seed} (--seed {plan.seed} picks the same again)"))
    return told


def _hits(plan: Plan) -> str:
    of = "" if plan.among < 2 else f" {plan.among}"
    return named(plan.victims) + (f": nobody was named, so any one of the{of} running tasks" if plan.among else "")


def _means(recipe: Mapping[str, Any]) -> tuple[str, str]:
    first = (recipe.get("do") or [""])[0]
    if recipe["means"] == "STOP" and len(recipe["do"]) > 1:
        return _INTERRUPTED
    if recipe["means"] == "CONTROL":
        return _CONTROL.get(first, ("no container is touched", "it ends by itself"))
    return _MEANS.get(recipe["means"], (str(recipe["means"]), "it is undone"))


# --- line by line ---


def lines(plan: Plan, snapshot: Snapshot) -> list[str]:
    """The very command lines, to be read or copied; victims that are hurt in the same way stand together."""
    together: dict[str, tuple[list[str], list[tuple[str, str]]]] = {}
    for victim, recipe in zip(plan.victims, plan.recipes, strict=True):
        if recipe["means"] == "CONTROL":
            continue  # nothing is run anywhere
        where = f"{victim.container}{_WHERE.get(recipe['means'], '')}:"
        steps = _steps(victim, recipe, snapshot)
        names, _ = together.setdefault(f"{where} {steps}", ([], steps))
        names.append(f"{who(victim)} {where}")
    return [row for names, steps in together.values() for row in (*names, *_listed(steps))]


def variables(plan: Plan, told: Sequence[str]) -> str:
    """What the variables in these lines stand for, "" where there are none."""
    names, sentence = _VARIABLES.get(plan.recipes[0]["means"], ((), ""))
    return sentence if any(name in line for line in told for name in names) else ""


def _listed(steps: list[tuple[str, str]]) -> list[str]:
    """The label stands in front of the first line that has it."""
    told, before = [], ""
    for label, line in steps:
        told.append(f"  {'' if label == before else label:<6} {line}")
        before = label
    return told


def _steps(victim: Victim, recipe: Mapping[str, Any], snapshot: Snapshot) -> list[tuple[str, str]]:
    do, undo = _do_and_undo(victim, recipe, snapshot)
    if background := recipe.get("background"):
        do = [f"{background} &", *do]
    probe = [recipe["probe"]] if recipe.get("probe") else []
    return [(label, line) for label, part in (("do", do), ("undo", undo), ("probe", probe)) for line in part]


def _do_and_undo(victim: Victim, recipe: Mapping[str, Any], snapshot: Snapshot) -> tuple[list[str], list[str]]:
    """What lies behind the means that are no lines of sh, as one would type it."""
    do, undo = list(recipe.get("do") or ()), list(recipe.get("undo") or ())
    id_ = _runtime_id(victim, snapshot)
    match recipe["means"]:
        case "SIGNAL":
            return [f"docker kill --signal {do[0]} {id_}"], []
        case "STOP" if len(do) > 1:
            return [f"docker kill --signal TERM {id_}", f"docker kill --signal KILL {id_}   # if it still runs"], []
        case "STOP":
            cluster, task = name_of(victim.task.rpartition("/")[0]), name_of(victim.task)
            reason = f' --reason "{do[0]}"' if do else ""
            return [f"aws ecs stop-task --cluster {cluster} --task {task}{reason}"], []
        case "FREEZE":
            return [f"docker pause {id_}"], [f"docker unpause {id_}"]
        case "STALL":
            return [f"docker kill --signal STOP {id_}", f"kill -s STOP {_OTHERS}"], [
                f"docker kill --signal CONT {id_}",
                f"kill -s CONT {_OTHERS}",
            ]
        case "LIMIT":
            return [f"docker update {_flags(do)} {id_}"], [f"docker update (the values from before) {id_}"]
        case "DETACH":
            network = do[0] if do else "$NETWORK"
            return [f"docker network disconnect {network} {id_}"], [
                f"docker network connect --ip $ADDRESS {network} {id_}"
            ]
    return do, undo


def _runtime_id(victim: Victim, snapshot: Snapshot) -> str:
    task = snapshot.task(victim.task)
    found = [item.runtime_id for item in task.containers if item.name == victim.container] if task else []
    return found[0][:_RUNTIME_ID] if found and found[0] else short(victim.task)


def _flags(settings: list[str]) -> str:
    """CpuQuota=10000 -> --cpu-quota 10000."""
    told = []
    for setting in settings:
        name, _, value = setting.partition("=")
        flag = "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name)
        told.append(f"-{flag} {value}")
    return " ".join(told)
