"""What every command is made of: the shell it gets, the options that are good everywhere, help, "did you mean".

Never here: any one command. Typer vendors Click: never `import click`.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.exceptions import TyperException

from chaos_ecs.cli.shell import Shell

_FLAGS = ("--json", "--ascii", "--accessible", "--no-color", "--debug")
_VALUED = ("--cluster",)
EVERYWHERE = "Everywhere: --json --cluster NAME --ascii --accessible --no-color --debug --help"
_EXAMPLES = "\b"
"""Where the examples begin in a docstring; they are printed first, one line each."""


def shell_of(ctx: typer.Context) -> Shell:
    """The shell that `main` handed in."""
    shell = ctx.obj
    assert isinstance(shell, Shell)
    return shell


def hoisted(arguments: Sequence[str]) -> list[str]:
    """The arguments with the options that are good everywhere in front, where the parser wants them.

    Worked example: ps --json --cluster a  ->  --json --cluster a ps. What follows `--` is left alone.
    """
    front: list[str] = []
    rest: list[str] = []
    waiting = list(arguments)
    while waiting:
        argument = waiting.pop(0)
        if argument == "--":
            rest += [argument, *waiting]
            break
        if argument in _FLAGS or argument.startswith(tuple(f"{name}=" for name in _VALUED)):
            front.append(argument)
        elif argument in _VALUED:
            front += [argument, *waiting[:1]]
            waiting = waiting[1:]
        else:
            rest.append(argument)
    return front + rest


def with_suggestion(error: TyperException, options: Sequence[str]) -> TyperException:
    """The usage error of an option that does not exist, now asking for the one that was meant."""
    given = getattr(error, "option_name", None)
    if given is None or not hasattr(error, "possibilities"):
        return error
    begun = [option for option in options if len(str(given)) > len("--a") and option.startswith(str(given))]
    meant = list(dict.fromkeys(begun)) or get_close_matches(str(given), options, n=1)
    error.possibilities = None
    if meant:
        error.message = f"No such option: {given}. Did you mean {' or '.join(meant)}?"
    return error


def _known_options(command: Any, ctx: Any) -> list[str]:
    own = [name for parameter in command.get_params(ctx) for name in (*parameter.opts, *parameter.secondary_opts)]
    return [name for name in (*own, *_FLAGS, *_VALUED) if name.startswith("--")]


def _write_help(command: Any, ctx: Any, formatter: Any) -> None:
    """Examples first, then usage, what it does, options, and what is good everywhere."""
    text, _, examples = (command.help or "").partition(_EXAMPLES)
    if examples:
        with formatter.section("Examples"):
            for line in examples.strip("\n").splitlines():
                formatter.write(f"  {line.strip()}\n")
        formatter.write("\n")
    command.format_usage(ctx, formatter)
    if text.strip():
        formatter.write("\n")
        with formatter.indentation():
            formatter.write_text(" ".join(text.split()))
    command.format_options(ctx, formatter)
    command.format_epilog(ctx, formatter)


class Command(TyperCommand):
    """A command whose help begins with examples and ends with the options that are good everywhere."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "epilog": kwargs.get("epilog") or EVERYWHERE})

    def format_help(self, ctx: Any, formatter: Any) -> None:
        _write_help(self, ctx, formatter)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except TyperException as error:
            raise with_suggestion(error, _known_options(self, ctx)) from None


class Group(TyperGroup):
    """Lists its commands in panels, each under its own heading, in the order of registration."""

    topics: Sequence[tuple[str, str]] = ()
    """Pages of `chaos-ecs help`, listed below the commands."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        _write_help(self, ctx, formatter)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except TyperException as error:
            raise with_suggestion(error, _known_options(self, ctx)) from None

    def format_options(self, ctx: Any, formatter: Any) -> None:
        super().format_options(ctx, formatter)  # and the commands, see `format_commands`
        if self.topics:
            with formatter.section("Help topics"):
                formatter.write_dl([(f"help {name}", text) for name, text in self.topics])

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        panels: dict[str, list[tuple[str, str]]] = {}
        for name in self.list_commands(ctx):
            command = self.get_command(ctx, name)
            if command is None or command.hidden:
                continue
            panel = getattr(command, "rich_help_panel", None)
            heading = panel if isinstance(panel, str) else "Commands"
            panels.setdefault(heading, []).append((name, command.get_short_help_str(60)))
        for heading, rows in panels.items():
            with formatter.section(heading):
                formatter.write_dl(rows)
