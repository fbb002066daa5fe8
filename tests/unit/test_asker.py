"""The client beside a command: it asks steadily, on its own thread, and times are counted from its beginning.

Opens sockets to a server of its own on 127.0.0.1.
"""

from __future__ import annotations

import threading

import pytest

from chaos_ecs.cli.chaos.asker import Asker, Nobody
from chaos_ecs.probe.tally import Result
from tests.builders import eventually
from tests.http_servers import a_server, answering, nobody


@pytest.fixture(autouse=True)
def memory_only() -> None:
    """Not here: there is nothing to ask in memory."""


def asked(url: str, count: int) -> list[Result]:
    """The first answers, and what came after; the client has ended."""
    asker = Asker(url, 100.0)
    found: list[Result] = []

    def enough() -> bool:
        found.extend(asker.taken())
        return len(found) >= count

    asker.begin()
    eventually(enough, within=10)
    asker.end()
    asker.end()
    return [*found, *asker.taken()]


def test_answers_wait_until_they_are_taken_with_the_seconds_since_the_beginning() -> None:
    with a_server(answering(body="task 7f3a9c00\n")) as url:
        answers = asked(url, 20)
    assert {answer.cause for answer in answers} == {""}
    assert {answer.task for answer in answers} == {"7f3a9c00"}
    times = [answer.at for answer in answers]
    assert times == sorted(times)
    assert 0 <= times[0] < 1
    assert times[19] >= 0.18


def test_what_is_not_served_has_failed() -> None:
    with a_server(answering(503)) as url:
        assert {answer.cause for answer in asked(url, 3)} == {"HTTP 503"}
    assert {answer.cause for answer in asked(nobody(), 3)} == {"connection refused"}


def test_its_thread_ends_with_it() -> None:
    with a_server(answering()) as url:
        asked(url, 1)
    assert "client" not in [thread.name for thread in threading.enumerate()]


def test_where_nobody_can_be_asked_nothing_comes() -> None:
    nobody_asks = Nobody()
    nobody_asks.begin()
    assert nobody_asks.taken() == []
    nobody_asks.end()
    Asker("http://127.0.0.1:1/", 1.0).end()
