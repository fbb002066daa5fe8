"""Help: examples first, topics held to the code, "did you mean", completion of live names."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

import chaos_ecs
from chaos_ecs.cli import completion, topics
from chaos_ecs.cli.app import app
from tests.unit.fake_controller import FakeController, Terminal, a_service, a_state

ROOT = Path(chaos_ecs.__file__).parent


def commands(group: Any, *before: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield before, group
    for name, command in getattr(group, "commands", {}).items():
        yield from commands(command, *before, name)


EVERY = [item for item in commands(typer.main.get_command(app)) if not (item[1].hidden and item[0][-1] == "run")]


def help_of(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> str:
    assert Terminal(FakeController(a_state())).run(*words, "--help") == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("words", [words for words, _ in EVERY], ids=" ".join)
def test_every_help_begins_with_examples_one_line_each(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    shown = help_of(words, capsys)
    assert shown.startswith("Examples:\n  ")
    examples = shown.partition("\n\n")[0].splitlines()[1:]
    assert any("chaos-ecs" in line for line in examples)
    assert all(len(line) <= 80 for line in examples)
    assert shown.index("Examples:") < shown.index("Usage:")
    if words:
        assert any(" ".join(("chaos-ecs", *words)) in line for line in examples)


EXAMPLES = sorted(
    {
        line.strip().partition("   ")[0].partition(" | ")[0]
        for _, command in EVERY
        for line in (command.help or "").partition("\b")[2].splitlines()
        if line.strip().startswith("chaos-ecs")
    }
)


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_uses_commands_and_options_that_exist(example: str) -> None:
    words = example.split()[1:]
    command: Any = typer.main.get_command(app)
    while words and hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    known |= {"--json", "--accessible", "--help"}
    ours = words[: words.index("--")] if "--" in words else words
    for option in (word for word in ours if word.startswith("-")):
        assert option in known, f"{example}: {option}"


# --- topics ---


def test_the_topic_environment_tells_every_variable_that_is_read() -> None:
    read = set(re.findall(r"CHAOS_ECS_[A-Z_]+", (ROOT / "config.py").read_text())) - {"CHAOS_ECS_"}
    shell = (ROOT / "cli" / "shell.py").read_text()
    read |= set(re.findall(r"environment\.get\(\"([A-Z_]+)\"", shell))
    assert {name for name, _ in topics.ENVIRONMENT} == read


def _exit_codes() -> Iterator[int]:
    """The numbers that the code exits with: the fifth argument of a ChaosEcsError, exit_code=, and named codes."""
    for path in sorted(ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "ChaosEcsError":
                given = [*node.args[4:5], *(item.value for item in node.keywords if item.arg == "exit_code")]
                yield from (
                    item.value for item in given if isinstance(item, ast.Constant) and isinstance(item.value, int)
                )


def test_the_topic_exit_codes_tells_every_code_that_is_used_and_no_other() -> None:
    told = {code for code, _, _ in topics.EXIT_CODES}
    elsewhere = {0, 1, 125, 130}  # done, ChaosEcsError's default, tasks.OURS_FAILED, Ctrl-C
    assert set(_exit_codes()) | elsewhere == told


def test_help_tells_topics_and_commands_and_refuses_the_rest() -> None:
    for arguments, part in (
        (("help",), "exit-codes"),
        (("help", "environment"), "CHAOS_ECS_HOME"),
        (("help", "exit-codes"), "124  too late"),
        (("help", "service", "up"), "Usage: chaos-ecs service up"),
    ):
        terminal = Terminal(FakeController(a_state()))
        assert terminal.run(*arguments) == 0
        assert part in terminal.out.getvalue()
    terminal = Terminal(FakeController(a_state()))
    assert terminal.run("help", "nonsense") == 2
    assert "topics: environment, exit-codes" in terminal.err.getvalue()


def test_help_as_json_is_one_object() -> None:
    terminal = Terminal(FakeController(a_state()))
    assert terminal.run("help", "exit-codes", "--json") == 0
    assert json.loads(terminal.out.getvalue())["exitCodes"]["124"].startswith("too late")


# --- did you mean ---


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (("pss",), "Did you mean 'ps'?"),
        (("service", "sacle"), "Did you mean 'scale'?"),
        (("service", "up", "--desird", "3"), "Did you mean --desired?"),
        (("service", "up", "--stand-by", "3"), "Did you mean --standby?"),
        (("ps", "--al"), "Did you mean --all?"),
        (("ps", "--jsn"), "Did you mean --json?"),
        (("--clustr", "a", "ps"), "Did you mean --cluster?"),
    ],
)
def test_a_mistyped_command_or_option_is_answered_with_what_was_meant(
    arguments: tuple[str, ...], meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert Terminal(FakeController(a_state())).run(*arguments) == 2
    assert meant in capsys.readouterr().err


def test_an_option_like_nothing_we_know_gets_no_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    assert Terminal(FakeController(a_state())).run("ps", "--qqqq") == 2
    said = capsys.readouterr().err
    assert "No such option: --qqqq" in said
    assert "Did you mean" not in said


@pytest.mark.parametrize("option", ["--port", "--forc", "--farce", "--yess"])
def test_an_option_is_suggested_where_it_is_near_and_never_one_that_forces(
    option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert Terminal(FakeController(a_state())).run("chaos", "inject", "pause", option) == 2
    said = capsys.readouterr().err
    assert f"No such option: {option}" in said
    assert "Did you mean" not in said


# --- completion ---


def completed(words: str, terminal: Terminal, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> list[str]:
    """What Tab offers, the way bash asks for it."""
    environment = {"CHAOS_ECS_HOME": str(tmp_path)}
    terminal.shell.environment = environment
    command = typer.main.get_command(app)
    context: Any = command.make_context("chaos-ecs", words.split()[:-1], obj=terminal.shell, resilient_parsing=True)
    found = completion.services(context, words.rsplit(maxsplit=1)[-1])
    capsys.readouterr()
    return [name for name, _ in found]


def test_completion_without_a_controller_is_silent_and_starts_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = Terminal(FakeController(a_state(services=[a_service()])))
    assert completed("kill w", terminal, capsys, tmp_path) == []
    assert terminal.both == ""
    assert list(tmp_path.iterdir()) == []


def test_completion_beside_a_damaged_state_folder_is_silent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "controller.json").write_text("{")
    assert completed("kill w", Terminal(None), capsys, tmp_path) == []
