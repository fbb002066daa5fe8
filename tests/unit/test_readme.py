"""README and --help tell the same commands; every setting that is read is told."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

from chaos_ecs.cli.app import app

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def commands(group: Any, *before: str) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        if command.hidden:
            continue
        if hasattr(command, "commands") and name != "inject":  # its commands are the faults: FAULTS.md has them
            yield from commands(command, *before, name)
        else:
            yield (*before, name)


EXISTING = set(commands(typer.main.get_command(app)))


def test_every_command_is_in_the_readme() -> None:
    table = README[README.index("## The commands") : README.index("## The AWS bridge")]
    for words in EXISTING:
        rows = [
            line
            for line in table.splitlines()
            if line.startswith((f"| `chaos-ecs {words[0]} ", f"| `chaos-ecs {words[0]}`"))
        ]
        rows += [line for line in table.splitlines() if len(words) == 1 and f"`{words[0]}`" in line]
        told = rf"`(chaos-ecs )?({' '.join(words)}|{' '.join(words[1:])}|{words[-1]})`"
        assert any(re.search(told, row) for row in rows), " ".join(words)


def test_every_command_in_the_readme_exists() -> None:
    told = set(re.findall(r"chaos-ecs ((?:[a-z][a-z-]*)(?: [a-z][a-z-]*)?)", README))
    known = {words[0] for words in EXISTING}
    for text in told:
        first = text.split()[0]
        assert first in known or first in ("is", "means", "help"), f"README tells of chaos-ecs {text}"


def test_every_setting_is_in_the_readme() -> None:
    source = (ROOT / "chaos_ecs" / "config.py").read_text(encoding="utf-8")
    for name in set(re.findall(r"CHAOS_ECS_[A-Z_]+", source)) - {"CHAOS_ECS_"}:
        assert f"`{name}`" in README, name
