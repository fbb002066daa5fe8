"""`chaos-ecs chaos report`: what a journal tells, as text, as a page, as a picture, as JSON.

Never here: what a journal says (see `report_view.py`), and the page and the picture (see `report_html.py`,
`report_svg.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from chaos_ecs.cli.chaos import journal_files, scoreview
from chaos_ecs.cli.chaos.journal import ours
from chaos_ecs.cli.chaos.report_view import Activity, Report, brief, timeline
from chaos_ecs.cli.chaos.score import Score
from chaos_ecs.cli.layout import elapsed
from chaos_ecs.cli.line import seconds
from chaos_ecs.cli.output import as_json, table
from chaos_ecs.cli.parts import shell_of
from chaos_ecs.cli.shell import Shell
from chaos_ecs.cli.text import counted
from chaos_ecs.errors import ChaosEcsError

_HEAD = ("AT", "KIND", "NAME", "STATUS", "TOOK", "WHAT CAME OF IT")
_FOLD = ("KIND", "TOOK")


def report(
    ctx: typer.Context,
    *,
    journal: Annotated[
        str | None, typer.Argument(metavar="JOURNAL", help="A file, or the number of a run. Default: the newest.")
    ] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="One page that loads nothing.")] = None,
    svg: Annotated[Path | None, typer.Option(metavar="FILE", help="The timeline alone, for slides.")] = None,
) -> None:
    """Tell what a journal says: figures, every kill, the goal. As text, as a page, or as a picture.

    \b
    chaos-ecs chaos report
    chaos-ecs chaos report 4
    chaos-ecs chaos report --html report.html
    chaos-ecs chaos report journal.json --svg timeline.svg
    """
    shell = shell_of(ctx)
    path = journal_files.find(shell.settings, journal)
    raw = journal_files.read(path)
    told = Report.of(raw)
    if html is not None:
        from chaos_ecs.cli.chaos import report_html

        _write(shell, html, report_html.page(told))
    if svg is not None:
        from chaos_ecs.cli.chaos import report_svg

        _write(shell, svg, report_svg.alone(timeline(told), told.title, figures(told)))
    if shell.json:
        shell.tell(as_json(_as_json(told, path, ours(raw))))
    elif html is None and svg is None:
        for row in rows(told, shell):
            shell.tell(row, fold=shell.accessible)
        shell.say(f"journal: {path}")


def _write(shell: Shell, path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        what, why = f"Cannot write {path}", error.strerror or str(error)
        raise ChaosEcsError("E-FILE", what, why, "Name another file, in a folder that is there") from error
    if shell.json:
        shell.say(f"wrote {path}")
    else:
        shell.tell(f"wrote {path}")


def figures(told: Report) -> list[str]:
    """A run in two lines, for below a picture's title."""
    score = told.score
    if score is None:
        return [f"{told.status}{', deviated' if told.deviated else ''}, lasted {seconds(told.seconds)}"]
    found = score.recovery
    parts = [counted(len(score.strikes), score.plan.noun), f"{score.replaced} replaced"]
    if found.worst is not None:
        parts.append(
            f"recovery {'' if found.p50 is None else f'p50 {seconds(found.p50)}, '}worst {seconds(found.worst)}"
        )
    if score.client is not None:
        parts.append(f"{scoreview.availability(score)} of {score.client.requests:,} requests answered")
    return [" · ".join(parts), f"{scoreview.outcome(score)} · seed {score.plan.seed}"]


# --- as text ---


def rows(told: Report, shell: Shell) -> Iterator[str]:
    """The report line by line."""
    yield f"{told.title}: {told.status}{', deviated' if told.deviated else ''}"
    yield " ".join(_when(told))
    if told.score is not None and shell.accessible:
        yield from scoreview.told(told.score)
        yield from (_strike_sentence(told.score, number) for number in range(len(told.score.strikes)))
        yield _sentence(scoreview.outcome(told.score))
        return
    if told.score is not None:
        yield from scoreview.end_rows(told.score, shell.width, shell.symbols)
        yield scoreview.outcome(told.score)
        yield f"again: {told.score.plan.command()}"
        return
    if told.verdict:
        yield told.verdict
    if told.description:
        yield told.description
    yield from _steady(told)
    for item in told.expectations:
        word = {True: "met", False: "NOT met", None: "NOT MEASURED"}[item.met]
        yield f"expected {item.name}: {item.measured} (wanted: {item.wanted}), {word}"
    for heading, activities in (("what was done", told.activities), ("rollbacks", told.rollbacks)):
        if activities:
            yield f"{heading}:"
            yield table(_HEAD, [_activity(item) for item in activities], width=shell.width, fold=_FOLD)
    yield from (f"{name}: {text}" for name, text in told.facts)


def _when(told: Report) -> Iterator[str]:
    if told.began_at is not None:
        yield datetime.fromtimestamp(told.began_at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC,")
    about = told.score.about if told.score else {}
    yield from (f"{about[name]}," for name in ("engine", "taskDefinition") if about.get(name))
    yield f"lasted {seconds(told.seconds)}"


def _strike_sentence(score: Score, number: int) -> str:
    strike = score.strikes[number]
    whole = "was not whole again" if strike.seconds is None else f"was whole again after {seconds(strike.seconds)}"
    failed = "" if strike.failed is None else f", {counted(strike.failed, 'request')} failed"
    return (
        f"{score.plan.noun.capitalize()} {strike.number} at {elapsed(strike.at)}: {score.plan.service} {whole}{failed}."
    )


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _steady(told: Report) -> Iterator[str]:
    for state in told.steady:
        yield f"steady state {state.when}: {'as it should be' if state.met else 'NOT as it should be'}"
        for probe in state.probes:
            word = {True: "ok", False: "NOT OK", None: "-"}[probe.tolerance_met]
            yield f"  {word:<6}  {probe.name}: {brief(probe.output)}"


def _activity(item: Activity) -> tuple[str, ...]:
    at = "" if item.begin is None else elapsed(item.begin)
    took = "" if item.begin is None or item.end is None else seconds(item.end - item.begin)
    return at, item.kind, item.name, item.status, took, item.trouble or brief(item.output)


def _as_json(told: Report, path: Path, members: object) -> dict[str, object]:
    return {
        "journal": str(path),
        "title": told.title,
        "status": told.status,
        "deviated": told.deviated,
        "start": told.began_at,
        "seconds": told.seconds,
        "steadyStates": {state.when: state.met for state in told.steady},
        "x-chaos-ecs": members or None,
    }
