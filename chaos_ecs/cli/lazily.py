"""Commands that are imported when they run: a list of commands knows their names and one line of each, no more.

Here live the list and the import. Never here: which commands there are (see `app.py`). A list (`--help`, Tab, "did you
mean") asks `get_command` and gets a `Listed`; whoever runs one, or reads `commands`, gets the command itself.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import typer
import typer.main
from typer.core import TyperCommand

from chaos_ecs.cli.parts import Command, Group


@dataclass(frozen=True)
class Entry:
    """A command of the list. `place` is MODULE:NAME in `chaos_ecs.cli`, of a function or of a Typer with commands of
    its own; `help` is the first sentence of its help, which a test compares; `panel` is the heading in the list."""

    name: str
    place: str
    help: str
    panel: str | None = None
    hidden: bool = False

    def imported(self) -> Any:
        """The command, as if it had been registered with an app in the usual way."""
        module, _, name = self.place.partition(":")
        found = getattr(import_module(f"chaos_ecs.cli.{module}"), name)
        app = typer.Typer(rich_markup_mode=None)
        if isinstance(found, typer.Typer):
            app.add_typer(found, name=self.name, rich_help_panel=self.panel)
        else:
            app.command(self.name, cls=Command, hidden=self.hidden, rich_help_panel=self.panel)(found)
        return typer.main.get_group(app).commands[self.name]


class Commands(MutableMapping[str, Any]):
    """Commands by name; the one that is asked for is imported then, once."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._entries = {entry.name: entry for entry in entries}
        self._imported: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._imported:
            self._imported[name] = self._entries[name].imported()
        return self._imported[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self._imported[name] = command

    def __delitem__(self, name: str) -> None:
        self._entries.pop(name, None)
        self._imported.pop(name, None)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys((*self._entries, *self._imported)))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def listed(self, name: str) -> Any:
        """The command as lists need it, which imports nothing; None when there is none of that name."""
        entry = self._entries.get(name)
        return self._imported.get(name) if entry is None else Listed(entry, self)


class Listed(TyperCommand):
    """A command that says what it is, and turns into the real one as soon as it is to do something."""

    def __init__(self, entry: Entry, commands: Commands) -> None:
        super().__init__(entry.name, help=entry.help, hidden=entry.hidden, rich_help_panel=entry.panel)
        self._commands = commands

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        return self._commands[str(self.name)].make_context(info_name, args, parent, **extra)


class LazyGroup(Group):
    """A group whose commands are `entries`, in that order."""

    entries: Sequence[Entry] = ()

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._listed = Commands(self.entries)
        self.commands = self._listed

    def list_commands(self, ctx: Any) -> list[str]:
        return list(self.commands)  # Typer's own looks at every command for that

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        return self._listed.listed(cmd_name)
