"""`chaos-ecs chaos gameday`: play one, seal one, and put the scores of many players together.

Here live the commands and the score file. Never here: how a round goes (see `gameday_play.py`), and wording.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from chaos_ecs import __version__
from chaos_ecs.cli.chaos import experiment_file, gameday_file, gameday_score, journal_files, sealed
from chaos_ecs.cli.chaos import gameday_words as words
from chaos_ecs.cli.chaos.answers import Answers, Typed, Written
from chaos_ecs.cli.chaos.gameday_file import GameDay, Round
from chaos_ecs.cli.chaos.gameday_play import Play, Reveal
from chaos_ecs.cli.chaos.gameday_score import KIND, RoundScore, Sheet
from chaos_ecs.cli.chaos.politely import ended_as_by_ctrl_c
from chaos_ecs.cli.chaos.rows import labelled, prose
from chaos_ecs.cli.client import Controller, state
from chaos_ecs.cli.lazily import Entry, LazyGroup
from chaos_ecs.cli.livelog import LinesScreen
from chaos_ecs.cli.output import as_json
from chaos_ecs.cli.parts import shell_of
from chaos_ecs.cli.shell import Shell
from chaos_ecs.errors import ChaosEcsError


class GameDays(LazyGroup):
    """A word that is none of the commands is a file to play."""

    entries = (
        Entry("play", "chaos.gameday:play", "Play a game day: find out what is wrong."),
        Entry("seal", "chaos.gameday:seal", "Hide a game day from a glance, to hand it out."),
        Entry("score", "chaos.gameday:score", "Put the scores of many players together."),
    )

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            args = ["play", *args]
        return super().resolve_command(ctx, args)


app = typer.Typer(cls=GameDays, rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def gameday(
    ctx: typer.Context,
    *,
    samples: Annotated[bool, typer.Option("--samples", help="List those that come with chaos-ecs.")] = False,
) -> None:
    """Game days: something breaks, and you find out what. A file alone is played; nothing at all lists the samples.

    \b
    chaos-ecs chaos gameday play first-game-day
    chaos-ecs chaos gameday play friday.yaml.sealed
    chaos-ecs chaos gameday seal friday.yaml
    chaos-ecs chaos gameday score team-a.json team-b.json
    """
    if ctx.invoked_subcommand is not None:
        return
    shell = shell_of(ctx)
    found = [(name, gameday_file.read(name)) for name in experiment_file.samples("rounds")]
    if shell.json:
        shell.tell(as_json({"samples": [{"name": name, "title": day.title} for name, day in found]}))
        return
    for row in labelled(shell, [(name, f"{day.title}, {len(day.rounds)} rounds") for name, day in found]):
        shell.tell(row)
    shell.say(f"play one: chaos-ecs chaos gameday {found[0][0]}" if found else "none")
    if not samples:
        shell.say("or a file of your own: chaos-ecs chaos gameday FILE   |   chaos-ecs chaos gameday --help")


def play(
    ctx: typer.Context,
    *,
    file: Annotated[str, typer.Argument(metavar="FILE", help="A game day, sealed or not, or the name of a sample.")],
    answers: Annotated[
        str | None,
        typer.Option("--answers", metavar="FILE", help="The answers, one a line, in the order they are asked."),
    ] = None,
    player: Annotated[str, typer.Option("--player", help="The name on the score board. Default: yours here.")] = "",
) -> None:
    """Play a game day. Something breaks without a word; predict, look, diagnose, and see what it was.

    \b
    chaos-ecs chaos gameday play first-game-day
    chaos-ecs chaos gameday play friday.yaml.sealed --player ada
    """
    shell = shell_of(ctx)
    day = gameday_file.read(file)
    lines = _answers(shell, answers)
    controller, _, cluster = shell.look()
    stem = re.sub(r"[^a-z0-9]+", "-", day.title.lower()).strip("-")[:60] or KIND
    _, path = journal_files.reserve(shell.settings.home / "gameday", stem)
    shell.say(f"{day.title}: {len(day.rounds)} rounds. Ctrl-C ends it and undoes what is broken.")
    if not day.is_sealed:
        shell.say("this file is not sealed: whoever reads it knows the answers")
    began_at = state(controller).at

    def told(now: Controller, round_: Round, reveal: Reveal) -> None:
        if not shell.json:
            _reveal(shell, now, round_, reveal)

    game = Play(shell, controller, day, cluster, lines, told)
    try:
        with ended_as_by_ctrl_c():
            game.play()
    except KeyboardInterrupt:
        journal_files.forget(path)
        shell.say_left("left the game: what was broken is undone, and nothing is written to the score board")
        raise typer.Exit(130) from None
    except BaseException:
        journal_files.forget(path)
        raise
    sheet = _score(day, game.scores, player or _login(shell), began_at)
    _finish(shell, day, game.scores, sheet, path)


def seal(
    ctx: typer.Context,
    *,
    file: Annotated[str, typer.Argument(metavar="FILE", help="A game day.")],
) -> None:
    """Hide a game day from a glance. Written to FILE.sealed; it is no encryption.

    \b
    chaos-ecs chaos gameday seal friday.yaml
    """
    shell = shell_of(ctx)
    path = experiment_file.found(file) or Path(file)
    text = gameday_file.contents(path)
    day = gameday_file.parsed(text, file)  # what cannot be played is not handed out
    if day.is_sealed:
        raise ChaosEcsError(
            "E-FILE",
            f"{file} is sealed already",
            "sealing twice hides nothing more",
            f"chaos-ecs chaos gameday {file}",
            2,
        )
    hidden = (
        Path(f"{path.name}.sealed") if path.parent == experiment_file.SAMPLES else path.with_name(f"{path.name}.sealed")
    )
    try:
        hidden.write_text(sealed.sealed(text), encoding="utf-8")
    except OSError as error:
        raise ChaosEcsError(
            "E-FILE", f"Cannot write {hidden}", error.strerror or str(error), "Make room, or write elsewhere"
        ) from error
    shell.tell(as_json({"sealed": str(hidden), "checksum": day.checksum}) if shell.json else str(hidden))
    shell.say("it hides the scenario from a glance; it is no encryption, and whoever wants to read it can")
    shell.say(f"hand it out, and: chaos-ecs chaos gameday {hidden}")


def score(
    ctx: typer.Context,
    *,
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Score files of players.")],
) -> None:
    """Put the scores of many players together. The first try of each counts.

    \b
    chaos-ecs chaos gameday score ada.json bob.json
    """
    shell = shell_of(ctx)
    sheets, later = gameday_score.first_tries([_sheet(Path(file)) for file in files])
    board = gameday_score.board(sheets)
    if shell.json:
        told = [
            {
                "player": item.player,
                "title": item.title,
                "checksum": item.checksum,
                "points": item.points,
                "of": item.of,
            }
            for item in board
        ]
        shell.tell(as_json({"scores": told, "laterTriesLeftOut": later}))
        return
    shell.tell(words.board(board, shell.width))
    if later:
        shell.say(f"{later} later tries are left out: the first of each player counts")
    if len({(item.title, item.checksum) for item in board}) > len({item.title for item in board}):
        shell.say("note: there are different game days of the same title; they are not compared with each other")


# --- playing ---


def _answers(shell: Shell, file: str | None) -> Answers:
    if file is not None:
        try:
            return Written(Path(file).read_text(encoding="utf-8").splitlines())
        except OSError as error:
            why = error.strerror or str(error)
            raise ChaosEcsError(
                "E-FILE", f"Cannot read {file}", why, "Name a file with one answer a line", 2
            ) from error
    try:
        return Typed(sys.stdin.fileno())
    except (OSError, ValueError, AttributeError):  # no stdin, or one that is none of the system's
        return Written(())


def _login(shell: Shell) -> str:
    return shell.environment.get("USER") or shell.environment.get("USERNAME") or "somebody"


def _reveal(shell: Shell, controller: Controller, round_: Round, reveal: Reveal) -> None:
    """What it was, how it went, and what the answers are worth."""
    shell.tell("")
    for row in words.revealed(round_, reveal.fault):
        shell.tell(row, fold=True)
    began_at = float(reveal.fault.raw["createdAt"])
    events = list(controller.events(reveal.events_after, follow=False))
    if shell.accessible:
        for sentence in words.spoken_timeline(reveal.fault, events, reveal.answered_at, began_at):
            shell.tell(sentence, fold=True)
    else:
        screen = LinesScreen(shell.symbols, began_at, shell.tell, shell.width)
        for line in words.timeline(reveal.fault, events, reveal.answered_at):
            screen.note(line)
    for row in labelled(shell, words.points(reveal.score)):
        shell.tell(row)
    for paragraph in words.paragraphs(round_.lesson):
        for row in prose(shell, paragraph):
            shell.tell(row)


def _score(day: GameDay, scores: Sequence[RoundScore], player: str, at: float) -> dict[str, Any]:
    """What a score file says."""
    return {
        "kind": KIND,
        "version": __version__,
        "title": day.title,
        "checksum": day.checksum,
        "player": player,
        "at": at,
        "rounds": [item.as_json() for item in scores],
        "points": sum(item.points for item in scores),
        "of": sum(item.of for item in scores),
    }


def _finish(shell: Shell, day: GameDay, scores: Sequence[RoundScore], told: dict[str, Any], path: Path) -> None:
    """The result; it is told also where it cannot be written any more, which then is the error."""
    if shell.json:
        shell.tell(as_json({"type": "GAMEDAY", **told, "file": str(path)}))
    else:
        shell.tell("")
        shell.tell(words.total(day, scores, shell.width))
    journal_files.write(path, told)
    shell.say(f"score of {told['player']}: {path}")
    shell.say(f"with those of others: chaos-ecs chaos gameday score {path} FILE...")


def _sheet(path: Path) -> Sheet:
    hint = "Name the files that chaos-ecs chaos gameday FILE writes"
    try:
        return Sheet.of_json(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ChaosEcsError("E-FILE", f"Cannot read {path}", error.strerror or str(error), hint, 2) from error
    except (ValueError, KeyError, TypeError) as error:
        raise ChaosEcsError(
            "E-FILE", f"{path} is no score file", "it is not one that chaos-ecs wrote", hint, 2
        ) from error
