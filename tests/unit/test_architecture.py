"""Imports point towards the core and never out of it; the core asks for no clock, randomness or I/O."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import chaos_ecs

ROOT = Path(chaos_ecs.__file__).parent

ALLOWED = {
    "__init__": (),
    "__main__": ("cli",),
    "errors": (),
    "sigv4": (),
    "config": (),
    "home": ("config", "errors", "sigv4"),
    "core": ("core",),
    "chaos": ("core", "chaos"),
    "ports": ("core",),
    "controller": ("core", "chaos", "ports"),
    "fleet": ("core", "ports", "errors"),
    "probe": ("probe",),
    "page": (),
    "live": ("core", "ports", "errors", "live", "probe", "__init__"),
    "sim": ("core", "chaos", "ports", "controller", "fleet", "errors", "sim"),
    "api": ("core", "chaos", "controller", "errors", "sigv4", "api", "page", "__init__"),
    "cli": ("config", "wiring", "errors", "sigv4", "cli", "probe", "chaos", "page", "__init__"),
    "outgoing": ("api", "controller", "live"),  # a part of wiring
    "wiring": (
        "core",
        "ports",
        "controller",
        "fleet",
        "live",
        "sim",
        "api",
        "config",
        "errors",
        "home",
        "outgoing",
        "__init__",
    ),
}
PURE = ("core", "chaos")
FORBIDDEN_IN_PURE = (
    "os",
    "io",
    "time",
    "datetime",
    "zoneinfo",
    "random",
    "secrets",
    "uuid",
    "socket",
    "threading",
    "logging",
)
ONLY_A_TYPE = {("chaos", "random")}  # Random is handed in; only its name is imported
CALENDARS = Path("core/schedule.py")  # the one pure file with calendars and time zones; it may not ask what time it is


def _modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(ROOT.rglob("*.py")):
        if "task_images" not in path.parts:
            yield path.relative_to(ROOT).with_suffix("").parts[0], path


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names if node.module == "chaos_ecs")


@pytest.mark.parametrize(("part", "path"), list(_modules()), ids=lambda value: str(value).removeprefix(str(ROOT)))
def test_imports_point_towards_the_core(part: str, path: Path) -> None:
    for name in _imports(path):
        if name.startswith("chaos_ecs."):
            target = name.split(".")[1]
            target = target if target in ALLOWED else "__init__"
            assert target in ALLOWED[part], f"{path.relative_to(ROOT)} must not import {name}"


@pytest.mark.parametrize(("part", "path"), [(part, path) for part, path in _modules() if part in PURE])
def test_the_pure_parts_import_the_standard_library_only_and_nothing_of_the_world(part: str, path: Path) -> None:
    for name in _imports(path):
        top = name.split(".")[0]
        if top == "chaos_ecs":
            continue
        assert top in sys.stdlib_module_names, f"{path.relative_to(ROOT)} imports {name}"
        if path.relative_to(ROOT) == CALENDARS and top in {"datetime", "zoneinfo"}:
            continue
        assert top not in FORBIDDEN_IN_PURE or (part, top) in ONLY_A_TYPE, f"{path.relative_to(ROOT)} imports {name}"


def _clocks(source: str) -> Iterator[str]:
    """What asks the machine's clock, or its time zone, which it does where none is named."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr in {"now", "today", "utcnow", "utcfromtimestamp"}:
            yield f"line {node.lineno}: {node.attr}"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            zones = len(node.args) + len(node.keywords) - (node.func.attr == "fromtimestamp")
            if node.func.attr in {"fromtimestamp", "astimezone"} and zones < 1:
                yield f"line {node.lineno}: {node.func.attr} without a time zone"


def test_calendars_ask_no_clock() -> None:
    assert list(_clocks((ROOT / CALENDARS).read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "source",
    ["datetime.now(UTC)", "date.today()", "datetime.utcnow()", "datetime.fromtimestamp(0.0)", "wall.astimezone()"],
)
def test_what_asks_a_clock_is_found(source: str) -> None:
    assert list(_clocks(source))
    assert not list(_clocks("datetime.fromtimestamp(0.0, UTC).astimezone(tz)"))


def test_files_and_functions_keep_the_house_numbers() -> None:
    """Files at most 500 lines, functions at most 50."""
    for _, path in _modules():
        text = path.read_text(encoding="utf-8")
        assert text.count("\n") <= 500, f"{path.relative_to(ROOT)} is too long: split it where a seam is natural"
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                size = (node.end_lineno or node.lineno) - node.lineno + 1
                assert size <= 50, f"{path.relative_to(ROOT)}: {node.name} has {size} lines"
