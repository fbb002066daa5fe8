"""What an engine can do is found out once, and kept as long as it was found out at all."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from chaos_ecs.errors import ChaosEcsError
from chaos_ecs.live import engine
from chaos_ecs.live.faults import detect
from chaos_ecs.live.faults.detect import Found
from chaos_ecs.live.faults.findings import Findings
from chaos_ecs.live.images import ImageError
from chaos_ecs.live.labels import Home

WITHIN_SECONDS = 5.0
HERE: Any = object()
LATER: Any = object()
ALL = Found({"helper": ""})


class Trials:
    """What came of each; the last is what comes of all that follow."""

    def __init__(self, *outcomes: Found | Exception) -> None:
        self._outcomes = list(outcomes)
        self.count = 0

    def __call__(self, _: object) -> Found:
        self.count += 1
        outcome = self._outcomes.pop(0) if len(self._outcomes) > 1 else self._outcomes[0]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


class Offline:
    """Brings no image."""

    def is_here(self, image: str) -> bool:
        return False

    def ensure(self, image: str, on_pull: Callable[[], None]) -> None:
        raise ImageError(f"{image}: no registry answered")


class NoContainers:
    """An engine on which nothing is made, since there is no image."""

    base_url = "http+docker://elsewhere"

    def get_adapter(self, _: str) -> object:
        return object()


def test_what_was_found_out_is_known_as_long_as_the_connection_lasts() -> None:
    trials = Trials(ALL)
    findings = Findings(trials)
    assert findings.on(HERE) is findings.on(HERE)
    assert trials.count == 1
    findings.on(LATER)
    assert trials.count == 2


def test_whoever_asks_while_it_is_found_out_waits_for_that() -> None:
    begun, may_end, trials = threading.Event(), threading.Event(), Trials(ALL)

    def slow(client: object) -> Found:
        begun.set()
        assert may_end.wait(WITHIN_SECONDS)
        return trials(client)

    findings = Findings(slow)
    with ThreadPoolExecutor(4) as threads:
        asked = [threads.submit(findings.on, HERE) for _ in range(4)]
        assert begun.wait(WITHIN_SECONDS)
        may_end.set()
        assert [future.result(WITHIN_SECONDS) for future in asked] == [ALL.abilities] * 4
    assert trials.count == 1


def test_what_could_not_be_tried_is_tried_again_when_somebody_asks() -> None:
    trials = Trials(Found({"helper": "no network"}, tried=False), ALL)
    findings = Findings(trials)
    assert [findings.on(HERE), findings.on(HERE)] == [{"helper": "no network"}, {"helper": ""}]


def test_an_engine_that_is_gone_is_asked_again() -> None:
    findings = Findings(Trials(engine.down("unix:///nowhere", "gone"), ALL))
    with pytest.raises(ChaosEcsError, match="gone"):
        findings.on(HERE)
    assert findings.on(HERE) == ALL.abilities


def test_without_an_image_nothing_was_tried() -> None:
    found = detect.abilities(NoContainers(), Home("home", "/nowhere"), Offline())
    assert not found.tried
    assert found.abilities == dict.fromkeys(detect.NAMES, f"{detect.VICTIM_IMAGE}: no registry answered")
