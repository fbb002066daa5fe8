"""`chaos-ecs chaos run`: hits a service again and again, and tells the score; or runs an experiment file.

Here live the options and the result. Never here: the run (see `run_course.py`), experiments (see `experiment.py`).
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Annotated, Any

import typer

from chaos_ecs.chaos.victims import SEEDS
from chaos_ecs.cli import completion, find
from chaos_ecs.cli.chaos import run_course, run_stage, scoreview
from chaos_ecs.cli.chaos.run_course import Outcome
from chaos_ecs.cli.chaos.run_stage import Tools
from chaos_ecs.cli.chaos.score import Plan
from chaos_ecs.cli.layout import elapsed
from chaos_ecs.cli.output import as_json
from chaos_ecs.cli.parts import shell_of
from chaos_ecs.cli.shell import Shell

EXPERIMENTS = (".json", ".yaml", ".yml")
_SAMPLES = Path(__file__).parent / "samples"
_HIGHEST_RATE = 1000.0
_LONGEST_SECONDS = 24 * 3600.0
_MOST_TICKS = 2_000


What = Annotated[
    str,
    typer.Argument(
        metavar="SERVICE|FILE", help="Or an experiment: a file, or a sample.", autocompletion=completion.services
    ),
]
Every = Annotated[float, typer.Option(parser=find.duration, metavar="TIME", help="From one to the next.")]
Lasts = Annotated[
    float, typer.Option("--for", parser=find.duration, metavar="TIME", help="How long, without the last recovery.")
]
Seed = Annotated[
    int | None, typer.Option(min=0, max=SEEDS - 1, help="The same seed hits the same victims in the same order.")
]
Goal = Annotated[
    float | None, typer.Option(min=0, max=100, help="Percent of requests that must be answered: the goal.")
]
FaultName = Annotated[str, typer.Option(help="What they are hit with.", autocompletion=completion.names_of_faults)]
Parameters = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A parameter of the fault; may be repeated.")
]
Count = Annotated[int, typer.Option(min=1, help="How many tasks at a time.")]
Rate = Annotated[float, typer.Option(min=0.1, max=_HIGHEST_RATE, help="The client's requests a second.")]


def run(
    ctx: typer.Context,
    *,
    what: What,
    every: Every = "5s",  # type: ignore[assignment]
    for_: Lasts = "60s",  # type: ignore[assignment]
    seed: Seed = None,
    slo: Goal = None,
    fault: FaultName = "kill",
    set_: Parameters = None,
    count: Count = 1,
    rate: Rate = 20.0,
    force: Annotated[bool, typer.Option("--force", help="The last healthy task too.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell who would be hit, and hit nobody.")] = False,
    no_control: Annotated[bool, typer.Option("--no-control", help="Without the standalone task.")] = False,
) -> None:
    """Hit a service again and again, and tell the score; or run an experiment. Ctrl-C stops it: exit code 130.

    \b
    chaos-ecs chaos run web
    chaos-ecs chaos run web --every 5s --for 60s --seed 42 --slo 99.9
    chaos-ecs chaos run web --fault pause --set duration=3s
    chaos-ecs chaos run experiment.yaml
    """
    shell = shell_of(ctx)
    if is_file(what):
        from chaos_ecs.cli.chaos import experiment  # it reads YAML, which a run does not need

        raise typer.Exit(experiment.run_file(shell, Path(what), seed=seed, dry_run=dry_run))
    _must_have_ticks(every, for_)
    plan = Plan(
        service=what,
        cluster=shell.cluster_name,
        fault=fault,
        parameters=_parameters(set_ or []),
        count=count,
        seed=secrets.randbelow(SEEDS) if seed is None else seed,
        every=every,
        lasts=for_,
        goal=slo,
        rate=rate,
        force=force,
        control=not no_control,
    )
    if dry_run:
        preview(shell, plan)
        return
    outcome = run_course.run(shell, plan)
    tell(shell, outcome)
    raise typer.Exit(outcome.score.code)


def _must_have_ticks(every: float, lasts: float) -> None:
    """Raises a usage error where nothing would be hit, or no end of it."""
    if not 0 < every < lasts <= _LONGEST_SECONDS:
        raise typer.BadParameter("it must be shorter than --for, or nothing is hit", param_hint="--every")
    if lasts / every > _MOST_TICKS:
        raise typer.BadParameter(f"that would hit more than {_MOST_TICKS:,} times", param_hint="--every")


def is_file(text: str) -> bool:
    """Whether an experiment is meant: a file, or a sample. A service's name has neither a dot nor a slash in it."""
    is_bare = os.sep not in text and "." not in text
    if is_bare:
        return (_SAMPLES / f"{text}.yaml").is_file()
    return text.endswith(EXPERIMENTS) or Path(text).is_file()


def _parameters(values: list[str]) -> dict[str, str]:
    found = {}
    for value in values:
        name, equals, text = value.partition("=")
        if not name or not equals:
            raise typer.BadParameter(f"{value!r} is not NAME=VALUE", param_hint="--set")
        found[name] = text
    return found


# --- the result ---


def preview(shell: Shell, plan: Plan, tools: Tools = run_course.USUAL) -> None:
    """Who would be hit at each tick, if the service is whole then."""
    stage = run_stage.prepared(shell, plan, tools)
    ticks = run_stage.previewed(stage)
    if shell.json:
        shell.tell(as_json({**stage.plan.as_json(), "ticks": ticks, "dryRun": True}))
        return
    for tick in ticks:
        places = ", ".join(map(str, tick["positions"]))
        shell.tell(f"{tick['tick']:>3} {elapsed(tick['due'])}  {plan.fault} task {places} of {tick['of']} by age")
    shell.say(f"nothing was done: this was a dry run. For real: {stage.plan.command()}")


def tell(shell: Shell, outcome: Outcome, **more: Any) -> None:
    """The score; as JSON with what else there is to say of it."""
    score = outcome.score
    if shell.json:
        told = {**score.as_json(), **more, "journal": str(outcome.journal), "exitCode": score.code}
        shell.tell(as_json(told))
        return
    if shell.accessible:
        for sentence in scoreview.told(score):
            shell.tell(sentence, fold=True)
    else:
        for row in scoreview.end_rows(score, shell.width, shell.symbols):
            shell.tell(row)
    shell.tell(scoreview.verdict(score), fold=True)
    shell.say(f"journal: {outcome.journal}")
    shell.say(f"next: chaos-ecs chaos report --html report.html   |   chaos-ecs chaos replay {score.run}")
