"""What every command is made of: the shell it gets, the options that are good everywhere, help, "did you mean".

Never here: any one command. Typer vendors Click: never `import click`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from difflib import get_close_matches
from itertools import pairwise
from typing import Annotated, Any

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption
from typer.exceptions import TyperException

from chaos_ecs.cli.shell import Shell

_FLAGS = ("--json", "--ascii", "--accessible", "--no-color", "--debug")
_VALUED = ("--cluster", "--endpoint", "--profile", "--region")
_NEVER_MEANT = ("--force", "--yes")
"""Whoever is told to say these says them; a mistyped word is no reason."""
_NEARNESS = 0.75
EVERYWHERE = "Everywhere: --json --cluster NAME --ascii --accessible --no-color --debug --help"
_EXAMPLES = "\b"
"""Where the examples begin in a docstring; they are printed first, one line each."""


YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing; it asks only with --endpoint.")]


def shell_of(ctx: typer.Context, *, yes: bool = False) -> Shell:
    """The shell that `main` handed in; `yes`: what it would ask is agreed to."""
    shell = ctx.obj
    assert isinstance(shell, Shell)
    return replace(shell, agreed=True) if yes else shell


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


def said(arguments: Sequence[str], option: str) -> str:
    """What --cluster or its like says, "" where it is not there: an error's next command needs it before anything is
    parsed."""
    front = hoisted(arguments)
    for word, following in pairwise([*front, ""]):
        if word == option:
            return following
        if word.startswith(f"{option}="):
            return word.partition("=")[2]
    return ""


def with_suggestion(error: TyperException, options: Sequence[str]) -> TyperException:
    """The usage error of an option that does not exist, now asking for the one that was meant."""
    given = getattr(error, "option_name", None)
    if given is None or not hasattr(error, "possibilities"):
        return error
    safe = {option.removeprefix("--"): option for option in options if option not in _NEVER_MEANT}
    word = str(given).removeprefix("--")
    begun = [name for name in safe if len(word) > 1 and name.startswith(word)]
    meant = [safe[name] for name in begun or get_close_matches(word, list(safe), n=1, cutoff=_NEARNESS)]
    error.possibilities = None
    if meant:
        error.message = f"No such option: {given}. Did you mean {' or '.join(meant)}?"
    return error


def below_zero(error: TyperException, command: Any, args: Sequence[str]) -> TyperException:
    """The usage error of a count that was taken for an option: scale web -3."""
    counts = [item for item in command.params if item.param_type_name == "argument" and _least(item) is not None]
    given = next((word for word in args if re.fullmatch(r"-\d+", word)), None)
    if counts and given is not None and getattr(error, "option_name", None):
        error.message = f"{given} is too low for {str(counts[0].name).upper()}: it is {_least(counts[0])} or more."
    return error


def _least(parameter: Any) -> int | None:
    least: int | None = parameter.min
    return least


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


def _is_read_already(parameter: Any, ctx: Any, value: Any) -> bool:
    """Whether a value is as the command is to get it: not given, or text where text is asked for. Tab reads none."""
    if ctx.resilient_parsing:
        return True
    if value is None:
        return not (parameter.required or parameter.multiple or parameter.nargs != 1)
    asked = getattr(parameter, "type_descriptor", None)  # a Typer without it reads everything itself
    if asked is None or not isinstance(value, str):
        return False
    return asked.annotation is str and asked.parameter_info.parser is None


def _called_back(parameter: Any, ctx: Any, value: Any) -> Any:
    return value if parameter.callback is None else parameter.callback(ctx, parameter, value)


class _Option(TyperOption):
    """An option that needs pydantic only where there is something to read. Typer's own asks it about every value, and
    importing it takes as long as all that `ps` needs."""

    def process_value(self, ctx: Any, value: Any) -> Any:
        if _is_read_already(self, ctx, value):
            return _called_back(self, ctx, value)
        return super().process_value(ctx, value)


class _Argument(TyperArgument):
    """The same of an argument."""

    def process_value(self, ctx: Any, value: Any) -> Any:
        if _is_read_already(self, ctx, value):
            return _called_back(self, ctx, value)
        return super().process_value(ctx, value)


_OURS: dict[type, type] = {TyperOption: _Option, TyperArgument: _Argument}


def _of_ours(parameters: list[Any]) -> list[Any]:
    """The parameters, now of our classes: Typer makes them itself and cannot be told of which class."""
    for parameter in parameters:
        parameter.__class__ = _OURS.get(type(parameter), type(parameter))
    return parameters


class Command(TyperCommand):
    """A command whose help begins with examples and ends with the options that are good everywhere."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "epilog": kwargs.get("epilog") or EVERYWHERE})

    def format_help(self, ctx: Any, formatter: Any) -> None:
        _write_help(self, ctx, formatter)

    def get_params(self, ctx: Any) -> list[Any]:
        return _of_ours(super().get_params(ctx))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        given = list(args)  # the parser takes them out
        try:
            return super().parse_args(ctx, args)
        except TyperException as error:
            raise below_zero(with_suggestion(error, _known_options(self, ctx)), self, given) from None


class Group(TyperGroup):
    """Lists its commands in panels, each under its own heading, in the order of registration."""

    longest_help = 60
    """So many letters of each command's help, at most, stand in the list."""

    topics: Sequence[tuple[str, str]] = ()
    """Pages of `chaos-ecs help`, listed below the commands."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        _write_help(self, ctx, formatter)

    def get_params(self, ctx: Any) -> list[Any]:
        return _of_ours(super().get_params(ctx))

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
            panels.setdefault(heading, []).append((name, command.get_short_help_str(self.longest_help)))
        for heading, rows in panels.items():
            with formatter.section(heading):
                formatter.write_dl(rows)
