"""A value that means nothing, for every parameter of every fault, wherever one can be written: exit code 2, four parts,
and never a traceback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos_ecs.chaos import catalogue, parameters
from chaos_ecs.chaos.fault import Fault, Scope
from chaos_ecs.chaos.parameters import Parameter
from chaos_ecs.cli import app, refusals
from chaos_ecs.cli.chaos import gameday_file
from chaos_ecs.cli.shell import Shell
from chaos_ecs.errors import ChaosEcsError
from tests.unit.fake_controller import FakeController, Terminal, a_state
from tests.unit.sim_room import SimRoom

NEEDED = {"port": "8080", "processName": "sleep", "to": "web", "az": "a"}
NONSENSE = {
    "signal": "FOO",
    "sources": "nowhere",
    "exceptSources": "nowhere",
    "rate": "fast",
    "burst": "much",
    "latency": "slow",
    "path": "somewhere",
}
"""Of texts that are not of a list."""
FREE = ("reason", "network", "to", "operations", "processName", "az")
"""Texts of which only the controller can say that they mean nothing."""


def nonsense_for(parameter: Parameter) -> str | None:
    if parameter.kind in ("duration", "number") or parameter.choices:
        return "soon"
    return None if parameter.name in FREE else NONSENSE[parameter.name]


CASES = [
    pytest.param(kind, item, nonsense, id=f"{kind.name} {item.name}")
    for kind in catalogue.FAULTS
    for item in parameters.parameters_of(kind)
    if (nonsense := nonsense_for(item)) is not None
]
each_case = pytest.mark.parametrize(("kind", "parameter", "nonsense"), CASES)
INJECTABLE = [case for case in CASES if case.values[0].scope is not Scope.NOTHING]  # type: ignore[union-attr]
each_injectable = pytest.mark.parametrize(("kind", "parameter", "nonsense"), INJECTABLE)


def needed(kind: type[Fault], parameter: Parameter) -> dict[str, str]:
    """What else must be there."""
    required = [item.name for item in parameters.parameters_of(kind) if item.default is None]
    return {name: NEEDED[name] for name in required if name != parameter.name}


def option_of(kind: type[Fault], name: str) -> str:
    field = next(item.field for item in parameters.parameters_of(kind) if item.name == name)
    return f"--{field.replace('_', '-')}"


def is_refused(code: int, told: str, named: str) -> None:
    assert code == 2, told
    assert f"'{named}'" in told
    assert "Traceback" not in told


@each_injectable
@pytest.mark.parametrize("more", [(), ("--dry-run",)], ids=["for real", "dry run"])
def test_inject_refuses_it_before_anybody_is_asked(
    kind: type[Fault],
    parameter: Parameter,
    nonsense: str,
    more: tuple[str, ...],
    capsys: pytest.CaptureFixture[str],
) -> None:
    controller = FakeController(a_state())
    terminal = Terminal(controller)
    given = needed(kind, parameter) | {parameter.name: nonsense}
    options = [word for name, value in given.items() for word in (option_of(kind, name), value)]
    target = () if kind.scope is Scope.CONTROL_PLANE else ("web",)
    code = terminal.run("chaos", "inject", kind.name, *target, *options, *more)
    named = option_of(kind, parameter.name) if parameter.kind == "number" else nonsense
    is_refused(code, terminal.err.getvalue() + capsys.readouterr().err, named)
    assert (controller.calls, terminal.out.getvalue()) == ([], "")


@each_injectable
@pytest.mark.parametrize("more", [(), ("--dry-run",)], ids=["for real", "dry run"])
def test_a_run_refuses_it_before_anybody_is_asked(
    kind: type[Fault], parameter: Parameter, nonsense: str, more: tuple[str, ...]
) -> None:
    controller = FakeController(a_state())
    terminal = Terminal(controller)
    given = needed(kind, parameter) | {parameter.name: nonsense}
    options = [word for name, value in given.items() for word in ("--set", f"{name}={value}")]
    is_refused(terminal.run("chaos", "run", "web", "--fault", kind.name, *options, *more), terminal.both, nonsense)
    assert controller.calls == []
    assert f"next: chaos-ecs chaos faults {kind.name}" in terminal.both


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimRoom]:
    room = SimRoom(tmp_path_factory.mktemp("room") / "home")
    yield room
    room.close()


@each_case
@pytest.mark.parametrize("more", [(), ("--dry-run",)], ids=["for real", "dry run"])
def test_an_experiments_file_is_refused_by_its_line(
    room: SimRoom, tmp_path: Path, kind: type[Fault], parameter: Parameter, nonsense: str, more: tuple[str, ...]
) -> None:
    key = {Scope.TASKS: ("Tasks", "aws:ecs:task"), Scope.SERVICE: ("Services", "chaos-ecs:service")}.get(kind.scope)
    action = {"actionId": kind.action_id, "parameters": needed(kind, parameter) | {parameter.name: nonsense}}
    targets = {}
    if key is not None:
        action |= {"targets": {key[0]: "whom"}}
        targets = {"whom": {"resourceType": key[1], "selectionMode": "ALL", "parameters": {"service": "web"}}}
    path = tmp_path / "lab.json"
    path.write_text(json.dumps({"description": "x", "targets": targets, "actions": {"hurt": action}}, indent=1))
    room.err.seek(0)
    room.err.truncate()
    is_refused(room.run("chaos", "run", str(path), *more), room.err.getvalue(), nonsense)
    assert "lab.json, line " in room.err.getvalue()
    assert "actions.hurt" in room.err.getvalue()


@each_injectable
def test_a_game_days_file_is_refused_by_its_line(kind: type[Fault], parameter: Parameter, nonsense: str) -> None:
    round_ = {
        "name": "one",
        "brief": "look",
        "fault": kind.name,
        "parameters": needed(kind, parameter) | {parameter.name: nonsense},
        "diagnosis": {"choices": ["a", "b"], "answer": "a"},
    }
    if kind.scope is not Scope.CONTROL_PLANE:
        round_["selection"] = {"service": "web"}
    text = json.dumps({"title": "t", "rounds": [round_]}, indent=1)
    with pytest.raises(ChaosEcsError) as caught:
        gameday_file.parsed(text, "day.json")
    is_refused(caught.value.exit_code, f"{caught.value.what} {caught.value.why}", nonsense)
    line = 1 + text.splitlines().index(next(row for row in text.splitlines() if f'"{parameter.name}": ' in row))
    assert caught.value.what.startswith(f"day.json, line {line}: ")


def test_what_the_core_refuses_where_no_command_looks_is_told_in_four_parts_too() -> None:
    """The last resort: no refusal is ever a traceback, and no bug is ever taken for a refusal."""

    class Refusal(Exception):  # noqa: N818 (as the core names them)
        code = "InvalidParameterException"
        message = "sources 'nowhere' is no address."

    told = refusals.of_the_core(Refusal(), "The command was refused", "chaos-ecs help")
    assert told is not None
    assert (told.code, told.why, told.exit_code) == ("InvalidParameterException", Refusal.message, 2)
    assert refusals.of_the_core(ValueError("a bug"), "", "") is None

    def opener(shell: Shell, *, start: bool) -> None:
        raise Refusal

    terminal = Terminal(None)
    terminal.shell.opener = opener
    assert app.run(("chaos", "status"), terminal.shell) == 2
    assert "why:  sources 'nowhere' is no address." in terminal.err.getvalue()


def test_a_signal_that_nobody_knows_is_a_usage_error_of_kill_too() -> None:
    body = json.dumps({"__type": "InvalidParameterException", "message": "'FOO' is not a signal chaos-ecs sends."})
    assert refusals.of("KillTasks", 400, body.encode()).exit_code == 2


@pytest.mark.parametrize("seed", ["-1", str(2**31)])
def test_a_seed_of_kill_that_the_controller_would_not_take_is_a_usage_error(
    seed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert Terminal(FakeController(a_state())).run("kill", "--seed", seed) == 2
    assert "'--seed'" in capsys.readouterr().err
