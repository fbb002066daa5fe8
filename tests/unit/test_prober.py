"""The client: what counts as failed and under which name, a rate that nothing slows down, figures, bursts.

The only unit tests that open sockets, to a server of their own on 127.0.0.1: what a client sees is a matter of sockets.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable

import pytest

from chaos_ecs.probe.answer import Answer, NotHttpError
from chaos_ecs.probe.bursts import Bursts, Failing, Served
from chaos_ecs.probe.engine import Aim, Engine, Watcher
from chaos_ecs.probe.exchange import places
from chaos_ecs.probe.settling import Settling
from chaos_ecs.probe.tally import SECONDS_KEPT, TASKS_KEPT, Result, Tally, availability, percentile
from tests.http_servers import Behave, a_server, answering, closing, nobody, resetting, saying

AT = 1_790_000_000


@pytest.fixture(autouse=True)
def memory_only() -> None:
    """Not here."""


class Seen(Watcher):
    def __init__(self) -> None:
        self.sent_at: list[float] = []
        self.results: list[Result] = []

    def sent(self, key: str, at: float) -> None:
        self.sent_at.append(at)

    def ended(self, key: str, result: Result) -> None:
        self.results.append(result)

    @property
    def causes(self) -> list[str]:
        return [result.cause for result in self.results]


def asked(url: str, most: int = 1, **aim: object) -> Seen:
    """What came of so many requests."""
    seen = Seen()
    engine = Engine(seen)
    keep_alive = bool(aim.get("keep_alive"))
    engine.aim("it", Aim(places(url, keep_alive=keep_alive)[0], **{"rate": 200.0, **aim}), most=most)  # type: ignore[arg-type]
    engine.run(lambda: engine.is_done, tick=0.1)
    engine.close()
    return seen


# --- from when on it counts ---


@pytest.mark.parametrize(
    ("results", "counted"),
    [
        ([(0.0, "HTTP 503"), (0.2, "HTTP 503"), (0.3, ""), (0.4, "HTTP 503")], [0.3, 0.4]),
        ([(0.0, ""), (0.1, "HTTP 503")], [0.0, 0.1]),
        ([(0.0, "HTTP 503"), (0.9, "HTTP 503"), (1.0, "HTTP 503"), (1.1, "")], [1.0, 1.1]),
    ],
)
def test_requests_count_from_the_first_answer_on_or_after_a_second(
    results: list[tuple[float, str]], counted: list[float]
) -> None:
    settling = Settling()
    told = [Result(AT + at, 0.01, cause) for at, cause in results]
    assert [result.at - AT for result in told if settling.counts(result)] == pytest.approx(counted)


# --- what failed, and why ---


@pytest.mark.parametrize(
    ("behave", "cause"),
    [
        (answering(200), ""),
        (answering(404), ""),
        (answering(500), "HTTP 500"),
        (answering(502), "HTTP 502"),
        (answering(503), "HTTP 503"),
        (answering(504), "HTTP 504"),
        (closing, "closed without an answer"),
        (resetting, "connection reset"),
        (saying("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhal"), "answer cut short"),
        (saying("HTTP/1.1 200 OK\r\nContent-"), "answer cut short"),
        (saying("SSH-2.0-OpenSSH_9.2\r\n\r\n"), "not HTTP"),
        (saying("HTTP/1.0 200 OK\r\n\r\nuntil the end"), ""),
        (saying("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"), ""),
        (saying("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab"), "answer cut short"),
        (saying("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"), "HTTP 503"),
    ],
)
def test_each_end_of_a_request_is_counted_under_its_name(behave: Behave, cause: str) -> None:
    with a_server(behave) as url:
        assert asked(url, 3).causes == [cause] * 3


def test_nobody_there_is_refused() -> None:
    assert asked(nobody(), 3).causes == ["connection refused"] * 3


def test_an_answer_that_comes_too_late_has_timed_out_after_the_timeout() -> None:
    hold = threading.Event()
    with a_server(answering(after=lambda: hold.wait(5))) as url:
        seen = asked(url, 2, timeout=0.2)
    hold.set()
    assert seen.causes == ["timed out", "timed out"]
    assert all(0.19 <= result.seconds < 0.4 for result in seen.results)


def test_a_latency_is_the_time_to_the_whole_answer() -> None:
    pause = threading.Event()
    with a_server(answering(after=lambda: pause.wait(0.15))) as url:
        assert 0.15 <= asked(url).results[0].seconds < 0.3


def test_who_answered_is_read_from_the_header_or_from_the_demo_images_body() -> None:
    with a_server(answering(headers="X-Chaos-Ecs-Task: 7f3a9c01\r\n")) as url:
        assert asked(url).results[0].task == "7f3a9c01"
    with a_server(answering(body="version v1\ntask 0b77de02\nhost web\n")) as url:
        assert asked(url).results[0].task == "0b77de02"
    with a_server(answering(body="hello task force\n")) as url:
        assert asked(url).results[0].task == ""


# --- the open loop ---


def test_a_server_that_takes_a_second_does_not_lower_the_rate() -> None:
    pause = threading.Event()
    with a_server(answering(after=lambda: pause.wait(1.0))) as url:
        seen = asked(url, 41, rate=40.0)
    assert seen.causes == [""] * 41
    assert seen.sent_at[-1] - seen.sent_at[0] == pytest.approx(1.0, abs=0.1)


def test_due_times_do_not_drift() -> None:
    """Each request is sent a little late; the last one must not be late by the sum of all that."""
    with a_server(answering()) as url:
        seen = asked(url, 201, rate=200.0)
    assert seen.sent_at[-1] - seen.sent_at[0] == pytest.approx(1.0, abs=0.05)


def test_a_request_without_room_is_overloaded_at_once() -> None:
    hold = threading.Event()
    with a_server(answering(after=lambda: hold.wait(5))) as url:
        seen = asked(url, 6, timeout=0.3, under_way_limit=4)
    hold.set()
    assert sorted(seen.causes) == ["overloaded"] * 2 + ["timed out"] * 4
    assert seen.causes[:2] == ["overloaded"] * 2


def test_what_a_sleeping_machine_missed_is_not_made_up_for() -> None:
    now = [100.0]
    seen = Seen()
    engine = Engine(seen, monotonic=lambda: now[0])
    with a_server(answering()) as url:
        engine.aim("it", Aim(places(url)[0], rate=10.0, timeout=1e9))
        engine.turn(0.0)
        now[0] += 3600.0
        engine.turn(0.0)
    engine.close()
    assert len(seen.sent_at) <= 3


def test_requests_are_in_step_with_nothing_that_happens_at_full_seconds() -> None:
    """Ten a second, looked at every millisecond of four seconds: each tenth has one, somewhere in it."""
    now = [100.0]
    seen = Seen()
    engine = Engine(seen, monotonic=lambda: now[0])
    with a_server(answering()) as url:
        engine.aim("it", Aim(places(url)[0], rate=10.0, timeout=1e9))
        for milliseconds in range(4000):
            now[0] = 100.0 + milliseconds / 1000
            engine.turn(0.0)
    engine.close()
    tenths = [divmod((at - seen.sent_at[0]) * 10 + 1e-6, 1) for at in seen.sent_at]
    assert [tenth for tenth, _ in tenths] == list(range(40))
    phases = sorted(phase for _, phase in tenths)
    assert max(b - a for a, b in itertools.pairwise([*phases, 1.0])) < 0.1


def test_a_connection_is_new_for_each_request_unless_it_is_to_be_kept() -> None:
    connections: dict[int, None] = {}

    def behave(connection: object) -> None:
        connections[id(connection)] = None
        kept.append(connection)
        answering()(connection)  # type: ignore[arg-type]

    kept: list[object] = []
    with a_server(behave, keep_alive=True) as url:
        assert asked(url, 5, rate=50.0).causes == [""] * 5
        assert len(connections) == 5
        connections.clear()
        assert asked(url, 5, rate=50.0, keep_alive=True).causes == [""] * 5
        assert len(connections) == 1


def test_a_kept_connection_that_the_server_has_closed_is_no_failure() -> None:
    with a_server(answering()) as url:  # closes after each answer without saying so
        assert asked(url, 5, rate=50.0, keep_alive=True).causes == [""] * 5


# --- URLs ---


@pytest.mark.parametrize(
    "url", ["https://localhost/", "ftp://localhost/", "http://", "http://localhost:port/", "http://localhost/a b"]
)
def test_a_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError):
        places(url)


def test_path_and_query_are_asked_for_as_they_are() -> None:
    assert places("http://127.0.0.1:9/a/b?c=d")[0].request.startswith(b"GET /a/b?c=d HTTP/1.1\r\nHost: 127.0.0.1:9\r\n")


# --- answers, byte by byte ---


@pytest.mark.parametrize(
    "text",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n7;a=b\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nTrailer: x\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\n",
    ],
)
def test_an_answer_is_whole_at_its_last_byte_and_not_before(text: bytes) -> None:
    answer = Answer()
    for number, byte in enumerate(text, 1):
        answer.feed(bytes([byte]))
        assert answer.is_whole == (number == len(text)), text[:number]


def test_a_head_without_end_is_no_answer() -> None:
    answer = Answer()
    with pytest.raises(NotHttpError):
        answer.feed(b"x" * 100_000)


# --- figures ---


def counted(*results: Result) -> Tally:
    tally = Tally()
    for result in results:
        tally.record(result)
    return tally


def test_one_failure_in_2304_is_99_point_96_percent() -> None:
    tally = counted(*[Result(AT, 0.003)] * 2303, Result(AT, 2.0, "timed out", "7f3a9c"))
    figures = tally.figures()
    assert (figures["requests"], figures["failed"], figures["availability"]) == (2304, 1, 99.96)
    assert figures["causes"] == {"timed out": 1}
    assert figures["tasks"] == {"7f3a9c": {"requests": 1, "failed": 1}}
    assert figures["p50"] == pytest.approx(0.003, rel=0.01)


def test_a_hundred_percent_means_that_none_failed() -> None:
    assert availability(1_000_000, 1) == 99.99
    assert availability(1_000_000, 0) == 100.0
    assert availability(3, 3) == 0.0
    assert availability(0, 0) is None


def test_percentiles_are_nearest_rank() -> None:
    values = [float(number) for number in range(1, 101)]
    assert [percentile(values, percent) for percent in (50, 95, 99, 100)] == [50.0, 95.0, 99.0, 100.0]
    assert percentile([7.0], 50) == 7.0
    assert percentile([], 50) is None


def test_percentiles_of_everything_are_right_to_a_percent() -> None:
    tally = counted(*(Result(AT + number, number / 1000) for number in range(1, 1001)))
    assert tally.percentile(50) == pytest.approx(0.5, rel=0.01)
    assert tally.percentile(99) == pytest.approx(0.99, rel=0.01)
    assert tally.longest == 1.0


def test_every_second_has_its_own_figures() -> None:
    tally = Tally()
    for at, cause in ((0.1, ""), (0.2, ""), (1.1, "HTTP 503"), (1.9, "")):
        tally.sent(AT + at)
        tally.record(Result(AT + at, 0.01 if at < 1 else 0.03, cause, "7f3a9c"))
    first, second = tally.seconds()
    assert (first.at, first.sent, first.ok, first.failed, first.p99) == (AT, 2, 2, 0, 0.01)
    assert (second.ok, second.failed, second.causes, second.max) == (1, 1, {"HTTP 503": 1}, 0.03)
    assert tally.figures()["perSecond"] == [
        {"at": AT, "ok": 2, "failed": 0},
        {"at": AT + 1, "ok": 1, "failed": 1},
    ]


def test_memory_does_not_grow_with_the_requests() -> None:
    tally = counted(*(Result(AT + number, 0.001, f"cause {number}", f"task {number}") for number in range(5000)))
    assert tally.requests == 5000
    assert len(tally.seconds()) == SECONDS_KEPT
    assert len(tally.figures()["perSecond"]) == 60
    assert len(tally.tasks) == TASKS_KEPT
    assert len(tally.causes) <= 51
    assert sum(tally.causes.values()) == 5000


# --- bursts ---


def told(*results: tuple[float, str]) -> list[Failing | Served]:
    bursts = Bursts()
    return [news for at, cause in results for news in bursts.take(Result(at, 0.01, cause))]


REFUSED = "connection refused"


def test_three_failures_are_told_at_once_and_their_end_after_a_quiet_second() -> None:
    assert told((0.0, ""), (0.2, REFUSED), (0.4, "timed out"), (0.6, REFUSED)) == [Failing(3, REFUSED)]
    end = told((0.2, REFUSED), (0.4, REFUSED), (0.6, ""), (0.8, REFUSED), (1.0, ""), (1.2, ""), (1.8, ""), (2.0, ""))
    assert end == [Failing(3, REFUSED), Served(0.8, 3, 4)]


def test_a_single_failure_is_told_together_with_its_end() -> None:
    assert told((0.0, REFUSED), (0.2, "")) == []
    assert told((0.0, REFUSED), (0.2, ""), (0.6, ""), (1.0, "")) == [Failing(1, REFUSED), Served(0.2, 1, 1)]


def test_an_outage_that_goes_on_is_told_once() -> None:
    assert told(*((number / 5, REFUSED) for number in range(100))) == [Failing(3, REFUSED)]


def test_the_next_burst_is_told_anew() -> None:
    one: Callable[[float], list[tuple[float, str]]] = lambda at: [(at, REFUSED), (at + 0.2, ""), (at + 1.2, "")]  # noqa: E731
    assert len(told(*one(0), *one(10))) == 4
