"""What `clean` says at its end: what went, what stays and of what kind."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import pytest
from docker import APIClient
from docker.errors import APIError
from requests import Response

from chaos_ecs.cli.output import error_text
from chaos_ecs.cli.system import held, must_be_wanted, tell_cleaned
from chaos_ecs.errors import ChaosEcsError
from chaos_ecs.live import cleaner, labels
from chaos_ecs.live.cleaner import Cleaned, Item, Plan
from tests.unit.fake_controller import FakeController, Terminal, a_state

STUCK = "network chaos-ecs-old: it has active endpoints"


def told(cleaned: Cleaned, **shell: bool) -> Terminal:
    terminal = Terminal(FakeController(a_state()), **shell)
    tell_cleaned(terminal.shell, cleaned, forgot=False)
    return terminal


def test_what_stays_is_counted_by_its_kind_and_named() -> None:
    terminal = told(Cleaned(3, 0, 0, ("container a: busy", "network b: it has active endpoints"), 0))
    assert terminal.out.getvalue() == ("removed 3 containers, 0 networks, 0 volumes; 2 left (1 container, 1 network)\n")
    assert "left: network b: it has active endpoints" in terminal.err.getvalue()


def test_nothing_left_is_nothing_more_to_say() -> None:
    assert told(Cleaned(1, 1, 0, (), 0)).both == "removed 1 container, 1 network, 0 volumes; 0 left\n"


def test_what_the_engine_keeps_of_folders_that_are_no_more_is_told_and_is_nobodys_fault() -> None:
    terminal = told(Cleaned(0, 0, 0, (), 0, 0, (STUCK, STUCK.replace("old", "older"))))
    assert "0 left\n" in terminal.out.getvalue()
    assert "the engine keeps 2 (2 networks) of state folders that are no more:" in terminal.err.getvalue()
    assert STUCK in terminal.err.getvalue()
    assert "a restart of Docker frees a network that nobody is in any more" in " ".join(terminal.err.getvalue().split())
    assert json.loads(told(Cleaned(0, 0, 0, (), 0, 0, (STUCK,)), json=True).out.getvalue())["stuck"] == [STUCK]


# --- a network that the engine keeps for somebody who is no more ---


class Engine:
    """One with a network of ours, which it refuses to remove so many times; `listed` are the containers in it."""

    base_url = "http+docker://fake"

    def __init__(self, *, refusals: int, listed: Sequence[str] = ()) -> None:
        self._refusals = refusals
        self._listed = listed
        self._networks = ["chaos-ecs-web"]

    def get_adapter(self, url: str) -> object:
        return object()

    def containers(self, **_: object) -> list[dict[str, object]]:
        return []

    def volumes(self, **_: object) -> dict[str, object]:
        return {}

    def networks(self, **_: object) -> list[dict[str, object]]:
        return [{"Id": name, "Name": name, "Labels": {labels.HOME: "home"}} for name in self._networks]

    def inspect_network(self, network: str) -> dict[str, object]:
        return {"Containers": dict.fromkeys(self._listed)}

    def remove_volume(self, volume: str) -> None:
        raise AssertionError(volume)

    def remove_network(self, network: str) -> None:
        if self._refusals:
            self._refusals -= 1
            answer = Response()
            answer.status_code = 403
            raise APIError("403", answer, f"error while removing network: network {network} has active endpoints")
        self._networks.remove(network)


def cleaned_on(engine: Engine) -> Cleaned:
    return cleaner.clean(cast("APIClient", engine), "home")


def test_a_network_that_is_free_a_moment_later_goes_with_the_same_clean() -> None:
    cleaned = cleaned_on(Engine(refusals=1))
    assert (cleaned.networks, cleaned.left, cleaned.held) == (1, (), ())


def test_a_network_with_nobody_in_it_that_the_engine_keeps_is_told_with_what_to_do() -> None:
    cleaned = cleaned_on(Engine(refusals=9))
    assert (len(cleaned.left), cleaned.held) == (1, ("chaos-ecs-web",))
    text = error_text(held(cleaned.held))
    assert text.startswith(
        "E-NETWORK-HELD: The engine cannot let go of the network chaos-ecs-web\n  why:  it counts a "
    )
    assert "next: Restart Docker" in text
    assert "chaos-ecs clean" in text
    assert json.loads(told(cleaned, json=True).out.getvalue())["held"] == ["chaos-ecs-web"]


def test_a_network_with_somebody_in_it_is_no_fault_of_the_engine() -> None:
    cleaned = cleaned_on(Engine(refusals=9, listed=["stranger"]))
    assert (len(cleaned.left), cleaned.held) == (1, ())


# --- the state ---

AGAIN = "chaos-ecs clean --state --yes"


def refused(home: Path, *items: Item, forget: bool = True) -> ChaosEcsError:
    terminal = Terminal(FakeController(a_state()))
    terminal.shell.environment = {"CHAOS_ECS_HOME": str(home)}
    with pytest.raises(ChaosEcsError) as caught:
        must_be_wanted(terminal.shell, Plan(items, 0), AGAIN, forget=forget, yes=False)
    return caught.value


def test_with_nobody_to_ask_what_would_go_is_named_with_the_same_command_and_a_yes(tmp_path: Path) -> None:
    alone = refused(tmp_path)
    assert alone.why == f"it would forget the state in {tmp_path}, and nobody is here to ask"
    assert (alone.hint, alone.exit_code) == (AGAIN, 5)
    both = refused(tmp_path, Item("container", "a", "web", "home"))
    assert both.why.startswith("it would remove 1 container, 0 networks, 0 volumes and forget the state in ")
    assert "state" not in refused(tmp_path, Item("container", "a", "web", "home"), forget=False).why


def test_what_is_kept_beside_a_forgotten_state_is_said(tmp_path: Path) -> None:
    def said(**shell: bool) -> str:
        terminal = Terminal(FakeController(a_state()), **shell)
        terminal.shell.environment = {"CHAOS_ECS_HOME": str(tmp_path)}
        tell_cleaned(terminal.shell, Cleaned(0, 0, 0, (), 0), forgot=True)
        return terminal.both

    assert "are kept" not in said()
    for name in ("journals", "gameday"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "one.json").write_text("{}")
    kept = [str(tmp_path / name) for name in ("journals", "gameday")]
    assert f"journals and scores of game days are kept, in {' and '.join(kept)}\n" in said()
    assert json.loads(said(json=True))["kept"] == kept
