"""`chaos-ecs chaos faults`: the catalogue, one fault in detail, and what this engine can do of it.

The catalogue is `chaos/catalogue.py`; whether something works here is asked of the controller, which tries it out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from chaos_ecs.chaos import catalogue, parameters
from chaos_ecs.chaos.fault import Fault, Scope
from chaos_ecs.cli import completion
from chaos_ecs.cli.chaos import patiently
from chaos_ecs.cli.chaos.fault_kinds import default_of, example_of, limits_of, named, option_of
from chaos_ecs.cli.output import as_json, table
from chaos_ecs.cli.parts import shell_of
from chaos_ecs.cli.shell import Shell
from chaos_ecs.cli.text import folded

Verdicts = Mapping[str, tuple[str, str]]
"""By a fault's name: works, works by fallback or impossible here; and why, or how else."""

_VICTIMS = {
    Scope.TASKS: "running tasks: by id, a service's, or any",
    Scope.SERVICE: "a service: its deployments",
    Scope.INSTANCES: "container instances: by name, of a zone, or drawn",
    Scope.CONTROL_PLANE: "the control plane; no container is touched",
    Scope.NOTHING: "nobody: it is a step of an experiment, and cannot be injected",
}


def faults(
    ctx: typer.Context,
    *,
    fault: Annotated[
        str | None,
        typer.Argument(
            metavar="[FAULT]", help="One in detail: its name or FIS id.", autocompletion=completion.names_of_faults
        ),
    ] = None,
    judge: Annotated[
        bool, typer.Option("--judge", help="Ask this engine what it can do: some seconds, more the first time.")
    ] = False,
) -> None:
    """List the faults that there are, or show one in detail. Needs no controller, but for --judge.

    \b
    chaos-ecs chaos faults
    chaos-ecs chaos faults network-latency
    chaos-ecs chaos faults --judge
    """
    shell = shell_of(ctx)
    chosen = None if fault is None else named(fault)
    verdicts = judged(shell) if judge else {}
    if shell.json:
        entries = [as_entry(item, verdicts) for item in ([chosen] if chosen else catalogue.FAULTS)]
        shell.tell(as_json({"faults": entries, "notOffered": dict(catalogue.NOT_OFFERED)}))
    elif chosen is not None:
        for row in details(chosen, verdicts, shell.width):
            shell.tell(row)
        if not judge:
            shell.say(f"whether it works here: chaos-ecs chaos faults {chosen.name} --judge")
    else:
        for row in judgements(verdicts, shell.width) if judge else listed(shell.width):
            shell.tell(row)
        shell.say("one in detail: chaos-ecs chaos faults network-latency   |   inject one: chaos-ecs chaos inject")


def judged(shell: Shell) -> Verdicts:
    """What the controller, started if need be, has found out about its engine."""
    told = patiently.ask(shell, shell.controller(), "ListFaults", judge=True)
    return {item["name"]: (item.get("verdict") or "?", item.get("reason") or "") for item in told["faults"]}


def tell_judgements(shell: Shell) -> Verdicts:
    """Which faults work on the controller's engine, as a table where it is not to be JSON; for `doctor --faults`."""
    shell.say("asking the controller which faults work: it tries them out in containers of its own, never on a task")
    verdicts = judged(shell)
    for row in () if shell.json else ("", *judgements(verdicts, shell.width)):
        shell.tell(row)
    return verdicts


# --- rows ---


def listed(width: int | None) -> list[str]:
    """One row a fault, and what is not offered."""
    body = [(fault.name, fault.action_id, catalogue.sentence(fault)) for fault in catalogue.FAULTS]
    told = table(("FAULT", "FIS ID", "WHAT IT DOES"), body, width=width, fold=("FIS ID",))
    return [*told.split("\n"), *_not_offered(width)]


def judgements(verdicts: Verdicts, width: int | None) -> list[str]:
    """One row a fault: whether it works here, and why not, or how else."""
    known = [(fault.name, *verdicts.get(fault.name, ("unknown", ""))) for fault in catalogue.FAULTS]
    told = table(("FAULT", "HERE", "WHY"), [(name, word, why or "-") for name, word, why in known], width=width)
    return [*told.split("\n"), *_not_offered(width)]


def _not_offered(width: int | None) -> list[str]:
    return [
        row
        for name, why in catalogue.NOT_OFFERED.items()
        for row in folded(f"not offered: {name}: {why}", width or 1000, further="  ")
    ]


def details(fault: type[Fault], verdicts: Verdicts, width: int | None) -> list[str]:
    """Name, sentence, whom it hits, its parameters, an example, and whether it works here."""
    room = width or 1000
    rows = [("does", catalogue.sentence(fault)), ("FIS id", fault.action_id), ("hits", _VICTIMS[fault.scope])]
    if fault.fallback:
        rows.append(("else", f"where the engine lacks something, {fault.fallback}"))
    if fault.name in verdicts:
        word, why = verdicts[fault.name]
        rows.append(("here", f"{word}: {why}" if why else word))
    told = [
        fault.name,
        *(row for name, text in rows for row in folded(text, room, first=f"  {name:<7} ", further=" " * 10)),
    ]
    mine = parameters.parameters_of(fault)
    if mine:
        told += [
            "",
            table(("OPTION", "DEFAULT", "LIMITS", "MEANING"), [_parameter(item) for item in mine], width=width),
        ]
    if fault.scope is not Scope.NOTHING:
        told += ["", f"example: {example_of(fault)}"]
    return told


def _parameter(parameter: parameters.Parameter) -> Sequence[str]:
    default = default_of(parameter)
    shown = "(required)" if default is None else default or "-"
    return (option_of(parameter), shown, limits_of(parameter) or "-", parameter.help)


def as_entry(fault: type[Fault], verdicts: Verdicts) -> dict[str, Any]:
    """A fault in the words of ListFaults, and how it is typed."""
    entry = catalogue.entry(fault, *verdicts.get(fault.name, ("", "")))
    options = [option_of(item) for item in parameters.parameters_of(fault)]
    return {
        **entry,
        "example": None if fault.scope is Scope.NOTHING else example_of(fault),
        "parameters": [{**item, "option": option} for item, option in zip(entry["parameters"], options, strict=True)],
    }
