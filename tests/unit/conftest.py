"""Unit tests touch memory only: sockets, sleeping and the wall clock are taken away."""

from __future__ import annotations

import socket
import time
from typing import Any

import pytest

from tests.unit.api_harness import Harness


def _refuse(*arguments: object, **named: object) -> None:
    raise AssertionError("unit tests open no sockets and never sleep")


@pytest.fixture(autouse=True)
def memory_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket.socket, "connect", _refuse)
    monkeypatch.setattr(socket.socket, "bind", _refuse)
    monkeypatch.setattr(time, "sleep", _refuse)


@pytest.fixture
def api() -> Harness:
    return Harness()


@pytest.fixture
def ecs(api: Harness) -> Any:
    return api.client()
