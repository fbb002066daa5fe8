"""`chaos-ecs chaos status` and `chaos undo`: the faults that are open, and their end. Never here: injecting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from chaos_ecs.cli import completion
from chaos_ecs.cli.chaos import patiently
from chaos_ecs.cli.chaos.fault_follow import END_SECONDS, Farewell, described, watching
from chaos_ecs.cli.chaos.fault_view import Fault, Victim
from chaos_ecs.cli.chaos.fault_words import counted, effect, headline, measured, span, who
from chaos_ecs.cli.client import Controller, state
from chaos_ecs.cli.line import seconds
from chaos_ecs.cli.output import as_json, table
from chaos_ecs.cli.parts import shell_of
from chaos_ecs.cli.plain import timestamp
from chaos_ecs.cli.refusals import not_found
from chaos_ecs.cli.shell import Shell
from chaos_ecs.cli.snapshot import Snapshot, name_of
from chaos_ecs.cli.text import folded
from chaos_ecs.errors import ChaosEcsError

_PREFIX = "flt-"
_INDENT = "    "
_NEWEST_SHOWN = 20
_UNITS = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"), (0, ""))

Ids = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="FAULT",
        help="By the first digits of its id.",
        show_default=False,
        autocompletion=completion.faults,
    ),
]


def status(
    ctx: typer.Context,
    *,
    faults: Ids = None,
    all_: Annotated[bool, typer.Option("--all", "-a", help="Those too that are over, the newest first.")] = False,
    limit: Annotated[int | None, typer.Option(min=1, metavar="N", help="With --all, so many (20).")] = None,
) -> None:
    """Show the faults that are open. Whom they hit, and what was measured; with an id: all that is known of it.

    \b
    chaos-ecs chaos status
    chaos-ecs chaos status --all --limit 50
    chaos-ecs chaos status flt-12ab
    """
    shell = shell_of(ctx)
    controller = shell.controller()
    named = list(faults or ())
    known = described(controller, everything=all_ or bool(named))
    chosen = [_named(known, text) for text in named] or known
    older = 0
    if all_ and not named and (limit or not shell.json):  # who reads JSON gets all of it, as it is kept
        chosen, older = _newest(chosen, limit or _NEWEST_SHOWN)
    now = state(controller).at
    if shell.json:
        shell.tell(as_json({"faults": [dict(fault.raw) for fault in chosen]}))
    elif named:
        for fault in chosen:
            for row in _details(fault, now, shell.width):
                shell.tell(row)
    elif chosen:
        shell.tell(listed(chosen, now, shell.width, with_time=all_))
        if older:
            shell.say(f"and {older} older ones: chaos-ecs chaos status --all --limit {len(chosen) + older}")
        if not all(fault.is_over for fault in chosen):
            shell.say("end them: chaos-ecs chaos undo --all")
    else:
        shell.say(
            "No fault was injected yet."
            if all_
            else "No fault is open. Those that are over: chaos-ecs chaos status --all"
        )
        shell.say("Try: chaos-ecs chaos inject pause web   |   which there are: chaos-ecs chaos faults")


def _newest(faults: Sequence[Fault], limit: int) -> tuple[list[Fault], int]:
    """The newest first, and how many older ones are left out."""
    found = sorted(faults, key=lambda fault: -float(fault.raw.get("createdAt") or 0.0))
    return found[:limit], max(0, len(found) - limit)


def undo(
    ctx: typer.Context,
    *,
    faults: Ids = None,
    all_: Annotated[bool, typer.Option("--all", help="All that are open.")] = False,
) -> None:
    """End faults now, and wait until nothing of them is left. Exit code 1 when one cannot be undone yet.

    \b
    chaos-ecs chaos undo --all
    chaos-ecs chaos undo flt-12ab
    """
    shell = shell_of(ctx)
    named = list(faults or ())
    if bool(named) == all_:
        raise typer.BadParameter("name faults, or say --all", param_hint="FAULT")
    if shell.running_controller() is None:
        shell.say("no controller runs: one is started, which undoes what the last one left behind")
    controller = shell.controller()
    if all_:
        _undo_all(shell, controller)
        return
    known = described(controller, everything=True)
    chosen = [_named(known, text) for text in named]
    waiting = [fault.id for fault in chosen if not fault.is_over]
    if waiting:
        before = state(controller)
        _ask(shell, controller, faults=waiting)
        controller = _followed(shell, controller, before, waiting)
    _tell_undone(shell, described(controller, [fault.id for fault in chosen]))


def _undo_all(shell: Shell, controller: Controller) -> None:
    """Which are open is for the controller to say, at the moment it is asked to end them."""
    before = state(controller)
    ids = _ask(shell, controller, all=True)
    if not ids:
        shell.say("no fault is open: there is nothing to undo")
        _tell_undone(shell, [])
        return
    controller = _followed(shell, controller, before, ids)
    _tell_undone(shell, described(controller, ids))
    if more := [fault.id for fault in described(controller)]:
        shell.say(f"begun in the meantime: {' '.join(more)}   |   chaos-ecs chaos undo --all")


def _named(known: Sequence[Fault], text: str) -> Fault:
    """The fault whose id begins so, with or without flt-."""
    found = [fault for fault in known if fault.id.removeprefix(_PREFIX).startswith(text.removeprefix(_PREFIX))]
    if not found:
        ids = ", ".join(fault.id for fault in known if not fault.is_over) or "none"
        raise not_found(f"There is no fault {text}", f"open faults: {ids}", "chaos-ecs chaos status --all")
    if len(found) > 1:
        why = f"it could be {', '.join(fault.id for fault in found[:5])}"
        raise ChaosEcsError("E-AMBIGUOUS", f"{text} fits {len(found)} faults", why, "Type more of its id", 2)
    return found[0]


# --- undoing ---


def _ask(shell: Shell, controller: Controller, **which: Any) -> list[str]:
    """Asks for the end of these, or of all; answers their ids."""
    answer = patiently.ask(shell, controller, "UndoFaults", doing=patiently.ENDING, **which)
    return list(answer["faults"])


def _followed(shell: Shell, controller: Controller, before: Snapshot, ids: Sequence[str]) -> Controller:
    """Follows until nothing of them is left; answers the controller that was there at the end.

    Raises E-TIMEOUT, or E-STUCK with what is in the way.
    """
    names = ids[0] if len(ids) == 1 else f"{len(ids)} faults"
    awaited = f"the end of {names}, at most {seconds(END_SECONDS)}"
    farewell = Farewell("undoing goes on", "How far it is: chaos-ecs chaos status")
    with watching(shell, controller, before, described(controller, ids), awaited, farewell) as view:
        try:
            view.await_end(0.0)
        except ChaosEcsError as late:
            stuck = [fault for fault in described(view.follower.controller, view.ids) if fault.troubles]
            if late.exit_code != 124 or not stuck:
                raise
            raise _stuck(stuck) from late
    return view.follower.controller


def _stuck(stuck: Sequence[Fault]) -> ChaosEcsError:
    why = "; ".join(f"{fault.id} {fault.name}: {trouble}" for fault in stuck for trouble in fault.troubles)
    hint = f"chaos-ecs chaos undo {' '.join(fault.id for fault in stuck)} (it is also tried again by itself)"
    return ChaosEcsError("E-STUCK", "A fault cannot be undone yet", why, hint)


def _tell_undone(shell: Shell, faults: Sequence[Fault]) -> None:
    if shell.json:
        shell.tell(as_json({"faults": [dict(fault.raw) for fault in faults]}))
        return
    for fault in faults:
        shell.tell(f"{fault.id} {fault.name} on {counted(fault.victims)} is over, nothing of it is left", fold=True)


# --- rows ---


def listed(faults: Sequence[Fault], now: float, width: int | None, *, with_time: bool = False) -> str:
    """One row a fault in a pipe; in a terminal whom it hits, and what was measured, stand below it. `with_time`: also
    how long ago it was injected."""
    with_cluster = len({fault.cluster for fault in faults}) > 1
    when = ["WHEN"] if with_time else []
    head = ["FAULT", "NAME", "STATUS", *when, "LEFT", *(["CLUSTER"] if with_cluster else [])]
    rows = [_row(fault, now, with_cluster=with_cluster, with_time=with_time) for fault in faults]
    if width is None:
        known = [(counted(fault.victims), "; ".join(map(": ".join, measured(fault)))) for fault in faults]
        return table([*head, "VICTIMS", "PROOF"], [[*row, *more] for row, more in zip(rows, known, strict=True)])
    title, *shown = table(head, rows).split("\n")
    below = [[row, *_proofs(fault, width)] for row, fault in zip(shown, faults, strict=True)]
    return "\n".join([title, *(line for lines in below for line in lines)])


def _row(fault: Fault, now: float, *, with_cluster: bool, with_time: bool) -> list[str]:
    left = fault.left(now)
    when = [_ago(fault, now)] if with_time else []
    cluster = [name_of(fault.cluster) or "-"] if with_cluster else []
    return [fault.id, fault.name, fault.status, *when, "-" if left is None else span(left), *cluster]


def _ago(fault: Fault, now: float) -> str:
    """45s ago, 12m ago, 3h ago, 2d ago; - where it is not known."""
    began_at = fault.raw.get("createdAt")
    if not isinstance(began_at, int | float):
        return "-"
    passed = max(0, int(now - began_at))
    size, unit = next(item for item in _UNITS if passed >= item[0])
    return f"{passed // size}{unit} ago" if size else "0s ago"


def _proofs(fault: Fault, width: int) -> list[str]:
    return [
        line
        for names, text in measured(fault)
        for line in folded(f"{names}: {text}", width, first=_INDENT, further=_INDENT + "  ")
    ]


def _details(fault: Fault, now: float, width: int | None) -> list[str]:
    """All that is known of one fault."""
    raw = fault.raw
    moments = [("injected", raw.get("createdAt")), ("ends", fault.ends_at), ("ended", fault.ended_at)]
    rows = [("does", fault.description), ("FIS id", str(raw.get("actionId") or "-"))]
    rows += [(name, f"{at if isinstance(at, str) else timestamp(at)}") for name, at in moments if at]
    if fault.seconds:
        rows.append(("lasts", span(fault.seconds)))
    if raw.get("parameters"):
        rows.append(("given", ", ".join(f"{name}={value}" for name, value in raw["parameters"].items() if value)))
    if raw.get("seed") is not None:
        rows.append(("seed", str(raw["seed"])))
    room = width or 1000
    told = folded(headline(fault, now), room, further="  ")
    told += [row for name, text in rows for row in folded(text, room, first=f"  {name:<9} ", further=" " * 12)]
    return [*told, *(row for victim in fault.victims for row in _victim(victim, room))]


def _victim(victim: Victim, room: int) -> list[str]:
    container = f" {victim.container}" if victim.container else ""
    text = f"{who(victim)}{container} {victim.status}: {effect(victim)}"
    return folded(text, room, first="  victim    ", further=" " * 12)
