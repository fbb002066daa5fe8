"""Commands are imported when they run: lists say the same without them, and short commands import little."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
import typer
import typer.main

from chaos_ecs.cli.app import Root, app
from chaos_ecs.cli.lazily import Entry
from chaos_ecs.cli.parts import Command, Group
from tests.unit.fake_controller import FakeController, Terminal, a_state

WITHOUT_A_LIMIT = 1000


@pytest.mark.parametrize("entry", Root.entries, ids=lambda entry: entry.name)
def test_a_list_says_of_a_command_what_its_own_help_begins_with(entry: Entry) -> None:
    root: Any = typer.main.get_command(app)
    listed, command = root.get_command(None, entry.name), root.commands[entry.name]
    assert listed.get_short_help_str(WITHOUT_A_LIMIT) == command.get_short_help_str(WITHOUT_A_LIMIT)
    assert listed.name == command.name


def test_the_list_names_every_command_but_help_whose_topics_it_tells(capsys: pytest.CaptureFixture[str]) -> None:
    assert Terminal(FakeController(a_state())).run("--help") == 0
    rows = [row.split("  ")[1] for row in capsys.readouterr().out.splitlines() if row.startswith("  ")]
    assert {entry.name for entry in Root.entries} - set(rows) == {"help"}
    assert "help exit-codes" in rows


_AFTERWARDS = """
import sys
from tests.unit.fake_controller import FakeController, Terminal, a_service, a_state, a_task
Terminal(FakeController(a_state(services=[a_service()], tasks=[a_task("7f3a9c01")]))).run(*sys.argv[1:])
print(*sorted(sys.modules), file=sys.stderr)
"""
SLOW = {"asyncio", "botocore", "docker", "msgspec", "pydantic", "requests", "rich", "starlette", "uvicorn"}


def imported_by(*arguments: str, **environment: str) -> set[str]:
    """The modules that a new process has after this command line."""
    command = [sys.executable, "-c", _AFTERWARDS, *arguments]
    ended = subprocess.run(command, capture_output=True, check=True, text=True, env={**os.environ, **environment})
    return set(ended.stderr.splitlines()[-1].split())


def commands_among(modules: set[str]) -> set[str]:
    return modules & {f"chaos_ecs.cli.{entry.place.partition(':')[0]}" for entry in Root.entries}


@pytest.mark.parametrize("arguments", [("--help",), ("pss",)], ids=" ".join)
def test_help_and_a_command_that_does_not_exist_import_no_command(arguments: tuple[str, ...]) -> None:
    modules = imported_by(*arguments)
    assert modules & SLOW == set()
    assert commands_among(modules) == {"chaos_ecs.cli.topics"}  # the list tells the topics


@pytest.mark.parametrize(
    ("typed", "word", "imported"), [("", "1", set()), ("kill w", "2", {"chaos_ecs.cli.kill"})], ids=["names", "live"]
)
def test_tab_imports_the_command_that_is_typed_and_nothing_slow(typed: str, word: str, imported: set[str]) -> None:
    modules = imported_by(_CHAOS_ECS_COMPLETE="complete_bash", COMP_WORDS=f"chaos-ecs {typed}", COMP_CWORD=word)
    assert modules & SLOW == set()
    assert commands_among(modules) == {"chaos_ecs.cli.topics"} | imported


@pytest.mark.parametrize(
    "arguments", [("ps",), ("ps", "--cluster", "my-cluster"), ("service", "ls"), ("events",)], ids=" ".join
)
def test_what_shows_a_table_imports_nothing_slow(arguments: tuple[str, ...]) -> None:
    assert imported_by(*arguments) & SLOW == set()


# --- values that need no reading ---


def _given(*arguments: str) -> dict[str, Any] | int:
    """What a command of each kind of parameter gets; the exit code when it is refused."""
    got: dict[str, Any] = {}
    small = typer.Typer(cls=Group, rich_markup_mode=None, add_completion=False)

    @small.callback()
    def root(where: str = "here") -> None:
        got["where"] = where

    @small.command(cls=Command)
    def do(
        name: str,
        note: str | None = None,
        times: int = 1,
        words: list[str] | None = None,
        upper: str | None = typer.Option(None, parser=str.upper),
        checked: str | None = typer.Option(None, callback=lambda value: f"<{value}>"),
    ) -> None:
        got.update(name=name, note=note, times=times, words=words, upper=upper, checked=checked)

    try:
        small(args=list(arguments), standalone_mode=True)
    except SystemExit as ended:
        return got if ended.code == 0 else int(ended.code or 0)
    return got


NOTHING = {"where": "here", "name": "a", "note": None, "times": 1, "words": None, "upper": None, "checked": "<None>"}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("do", "a"), NOTHING),
        (("--where", "there", "do", "a"), {**NOTHING, "where": "there"}),
        (("do", "a", "--note", ""), {**NOTHING, "note": ""}),
        (("do", "a", "--note", "\udcff"), {**NOTHING, "note": "\udcff"}),
        (("do", "a", "--note", "naïve 日本"), {**NOTHING, "note": "naïve 日本"}),
        (("do", "a", "--times", "3", "--words", "x", "--words", "y"), {**NOTHING, "times": 3, "words": ["x", "y"]}),
        (("do", "a", "--upper", "b", "--checked", "c"), {**NOTHING, "upper": "B", "checked": "<c>"}),
        (("do",), 2),
        (("do", "a", "--times", "many"), 2),
    ],
)
def test_a_command_gets_each_value_as_typer_reads_it(arguments: tuple[str, ...], expected: Any) -> None:
    assert _given(*arguments) == expected


def test_a_command_that_is_asked_for_twice_is_one() -> None:
    root: Any = typer.main.get_command(app)
    assert root.commands["ps"] is root.commands["ps"]
    assert root.get_command(None, "nonsense") is None
    assert Terminal(FakeController(a_state())).run("ps", "--all") == 0
