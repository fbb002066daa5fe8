"""What every command is made of: the shell it gets, the options that are good everywhere, help in groups.

Never here: any one command. Typer vendors Click: never `import click`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from chaos_ecs.cli.shell import Shell

EVERYWHERE = "Everywhere: --json --cluster NAME --ascii --no-color --debug --help"
_FLAGS = ("--json", "--ascii", "--no-color", "--debug")
_VALUED = ("--cluster",)


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


class Command(TyperCommand):
    """A command whose help ends with the options that are good everywhere."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "epilog": kwargs.get("epilog") or EVERYWHERE})


class Group(TyperGroup):
    """Lists its commands in panels, each under its own heading, in the order of registration."""

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
