"""`chaos-ecs chaos replay`: a run again from its journal, and whether the same victims were hit in the same order.

Never here: the run itself (see `run_course.py`), and experiments (see `experiment.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from chaos_ecs.cli.chaos import journal_files, run, run_course
from chaos_ecs.cli.chaos.journal import ours
from chaos_ecs.cli.chaos.run_stage import Tools
from chaos_ecs.cli.chaos.score import KIND, Score, Strike
from chaos_ecs.cli.chaos.scoreview import places
from chaos_ecs.cli.parts import shell_of
from chaos_ecs.cli.shell import Shell
from chaos_ecs.errors import ChaosEcsError

_DIFFERENCES_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Comparison:
    """How many of `ticks` hit the same positions, and in words which did not."""

    same: int
    ticks: int
    differences: tuple[str, ...]

    @property
    def is_same(self) -> bool:
        return not self.differences


def replay(
    ctx: typer.Context,
    *,
    journal: Annotated[
        str | None, typer.Argument(metavar="JOURNAL", help="A file, or the number of a run. Default: the newest.")
    ] = None,
) -> None:
    """Run the same again from its journal, and compare the victims. Exit code 1 where they differ.

    \b
    chaos-ecs chaos replay 4
    chaos-ecs chaos replay journal.json
    """
    shell = shell_of(ctx)
    path = journal_files.find(shell.settings, journal)
    told = ours(journal_files.read(path))
    if told and told.get("kind") != KIND:
        from chaos_ecs.cli.chaos import experiment  # it reads YAML, which a run does not need

        raise typer.Exit(experiment.replay(shell, path))
    raise typer.Exit(replayed(shell, path, told))


def replayed(shell: Shell, path: Path, told: Mapping[str, Any], tools: Tools = run_course.USUAL) -> int:
    """Runs again what `told`, our member of the journal at `path`, says. Answers the exit code."""
    try:
        before = Score.of(told)
    except (KeyError, TypeError, ValueError) as error:
        what, why = f"{path} cannot be replayed", "it is no journal of a chaos run"
        raise ChaosEcsError("E-JOURNAL", what, why, "chaos-ecs chaos replay (the newest run)", 2) from error
    shell = replace(shell, cluster=shell.cluster or before.plan.cluster)
    shell.say(f"replaying {path.name}: {before.plan.command()}")
    outcome = run_course.run(shell, before.plan, tools)
    found = compared(before, outcome.score)
    run.tell(shell, outcome, replay=_as_json(found, str(path)))
    if not shell.json:
        for row in rows(found):
            shell.tell(row, fold=True)
    code = outcome.score.code
    return code if code == 130 or found.is_same else 1


def compared(before: Score, after: Score) -> Comparison:
    """Tick by tick, by position: ids are new each time. Ticks that a run stopped before are left out."""
    then, now = _by_tick(before), _by_tick(after)
    reached = min(_last(before), _last(after)) if after.interrupted else _last(before)
    differences = []
    same = 0
    for tick in range(1, reached + 1):
        first, second = then.get(tick), now.get(tick)
        if (None if first is None else first.positions) == (None if second is None else second.positions):
            same += 1
        else:
            differences.append(f"tick {tick}: {_hit(first)} then, {_hit(second)} now")
    return Comparison(same, reached, tuple(differences))


def _last(score: Score) -> int:
    """The last tick that was come to."""
    return max([*_by_tick(score), *(item.tick for item in score.skips)], default=0)


def _by_tick(score: Score) -> dict[int, Strike]:
    return {strike.tick: strike for strike in score.strikes}


def _hit(strike: Strike | None) -> str:
    return "nobody" if strike is None else f"task {places(strike)}"


def rows(found: Comparison) -> list[str]:
    """What was found, for people."""
    if found.is_same:
        return [f"same victims in the same order: {found.same} of {found.ticks}"]
    told = [f"NOT the same victims in the same order: {found.same} of {found.ticks} are the same"]
    told += [f"  {difference}" for difference in found.differences[:_DIFFERENCES_SHOWN]]
    if len(found.differences) > _DIFFERENCES_SHOWN:
        told.append(f"  and {len(found.differences) - _DIFFERENCES_SHOWN} more")
    return told


def _as_json(found: Comparison, path: str) -> dict[str, Any]:
    return {"of": path, "same": found.same, "ticks": found.ticks, "differences": list(found.differences)}
