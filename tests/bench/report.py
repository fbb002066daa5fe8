"""What a run leaves: a table and the promises on the screen, the same with every sample as JSON on disk."""

from __future__ import annotations

import json
import platform
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from chaos_ecs import __version__
from tests.bench.figures import Figures, Verdict

_WORDS = {True: "met", False: "MISSED", None: "not measured"}


def show_table(console: Console, figures: Figures) -> None:
    table = Table("measurement", "of", *[_right(name) for name in ("median", "min", "max")], "unit", _right("n"))
    before = ""
    for key, samples, unit in figures.rows():
        if before and key.measurement != before:
            table.add_section()
        shown = [f"{value:.4g}" if value < 1000 else f"{value:.0f}" for value in _span(samples)]
        said = "" if key.measurement == before else key.measurement
        table.add_row(said, key.system, *shown, unit, str(len(samples)))
        before = key.measurement
    console.print(table)


def show_verdicts(console: Console, verdicts: Sequence[Verdict]) -> None:
    for each in verdicts:
        line = f"{_WORDS[each.met]:<12}  {each.bound.says}: {each.figure}"
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def write(path: Path, figures: Figures, verdicts: Sequence[Verdict], machine: dict[str, Any]) -> None:
    said = {
        "v": 1,
        "chaosEcs": __version__,
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": {"system": platform.platform(), "python": platform.python_version(), **machine},
        "figures": figures.as_json(),
        "troubles": figures.troubles,
        "bounds": [{"says": each.bound.says, "met": each.met, "figure": each.figure} for each in verdicts],
    }
    path.write_text(json.dumps(said, indent=1) + "\n")


def _span(samples: Sequence[float]) -> tuple[float, float, float]:
    return statistics.median(samples), min(samples), max(samples)


def _right(name: str) -> Any:
    from rich.table import Column

    return Column(name, justify="right")
