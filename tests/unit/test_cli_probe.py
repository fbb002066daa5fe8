"""`chaos-ecs probe` in a pipe, as JSON, in a terminal and for a screen reader; whom it asks; and the client's line.

Opens sockets to a server of its own on 127.0.0.1.
"""

from __future__ import annotations

import io
import json
import re
from typing import Any

import pytest

from chaos_ecs.cli import clientline, panel
from chaos_ecs.cli.follow import Follower
from chaos_ecs.cli.livelog import SilentScreen
from chaos_ecs.cli.probe import milliseconds
from chaos_ecs.cli.snapshot import Client, Snapshot
from chaos_ecs.cli.symbols import ASCII, UNICODE, choose
from tests.http_servers import a_server, answering, nobody, resetting
from tests.unit.fake_controller import AT, CLUSTER, FakeController, Terminal, a_service, a_state, a_task, event

GROUP = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/0123456789abcdef"


@pytest.fixture(autouse=True)
def memory_only() -> None:
    """Not here: there is nothing to probe in memory."""


FAST = ("--rate", "50", "--for", "0.2s")


# --- the outcome ---


def test_all_answered_is_exit_code_0_and_one_line() -> None:
    terminal = Terminal(None)
    with a_server(answering(body="task 7f3a9c00\n")) as url:
        assert terminal.run("probe", url, *FAST) == 0
    first, task = terminal.out.getvalue().splitlines()
    assert re.fullmatch(
        r"10 requests, 0 failed, 100\.00%, p50 [\d.]+ ms  p95 [\d.]+ ms  p99 [\d.]+ ms  max [\d.]+ ms", first
    )
    assert task == "  task 7f3a9c answered 10"
    assert f"asking {url}, 50 requests a second, for 0.2s" in terminal.err.getvalue()
    assert re.search(r"Z SERVED \d+ answered, 0 failed", terminal.err.getvalue())


def test_a_failure_is_exit_code_1_and_told_with_its_cause() -> None:
    terminal = Terminal(None)
    with a_server(answering(503)) as url:
        assert terminal.run("probe", url, *FAST) == 1
    assert terminal.out.getvalue().startswith("10 requests, 10 failed, 0.00%, p50 -")
    assert "\n  10 failed: HTTP 503\n" in terminal.out.getvalue()
    assert re.search(r"Z FAILING 0 answered, \d+ failed \(HTTP 503\)", terminal.err.getvalue())


def test_a_goal_takes_the_place_of_none_failed() -> None:
    count = iter(range(1000))

    def one_in_ten(connection: Any) -> None:
        (resetting if next(count) == 4 else answering())(connection)

    with a_server(one_in_ten) as url:
        assert Terminal(None).run("probe", url, *FAST, "--slo", "90") == 0
    count = iter(range(1000))
    with a_server(one_in_ten) as url:
        terminal = Terminal(None)
        assert terminal.run("probe", url, *FAST, "--slo", "90.1") == 1
    assert "goal 90.1%: missed" in terminal.out.getvalue()


def test_json_is_an_object_a_second_and_a_summary() -> None:
    terminal = Terminal(None)
    with a_server(answering(body="task 7f3a9c00\n")) as url:
        assert terminal.run("probe", url, "--rate", "20", "--for", "1.5s", "--json") == 0
    *seconds, summary = [json.loads(line) for line in terminal.out.getvalue().splitlines()]
    assert {item["type"] for item in seconds} == {"SECOND"}
    assert sum(item["sent"] for item in seconds) == sum(item["ok"] for item in seconds) == 30
    assert (summary["type"], summary["requests"], summary["failed"], summary["met"]) == ("SUMMARY", 30, 0, True)
    assert summary["tasks"] == {"7f3a9c00": {"requests": 30, "failed": 0}}
    assert 0 < summary["p50"] <= summary["p99"] <= summary["max"] * 1.01


class Utf8(io.StringIO):
    encoding = "utf-8"


@pytest.mark.parametrize(("options", "glyph"), [((), "●"), (("--ascii",), "*")])
def test_a_terminal_gets_the_live_logs_lines_in_glyphs_and_in_ascii(options: tuple[str, ...], glyph: str) -> None:
    terminal = Terminal(None, terminal=True, columns=lambda: 80)
    terminal.shell.out = terminal.out = Utf8()
    with a_server(answering()) as url:
        assert terminal.run(*options, "probe", url, *FAST) == 0
    served = [line for line in terminal.err.getvalue().splitlines() if "SERVED" in line]
    assert served
    assert all(f"s {glyph} SERVED " in line for line in served)
    assert all(len(line) <= 80 for line in terminal.both.splitlines())


def test_a_screen_reader_gets_sentences_and_only_where_something_failed() -> None:
    terminal = Terminal(None, accessible=True, terminal=True, columns=lambda: 200)
    with a_server(answering(503)) as url:
        assert terminal.run("probe", url, *FAST) == 1
    assert "failing, 0 answered, " in terminal.err.getvalue()
    assert "10 requests, 10 failed, 0.00 percent were answered." in terminal.out.getvalue()
    quiet = Terminal(None, accessible=True, terminal=True, columns=lambda: 200)
    with a_server(answering()) as url:
        assert quiet.run("probe", url, *FAST) == 0
    assert "served" not in quiet.err.getvalue()
    assert "Half of the answers came within 0.00 seconds." in quiet.out.getvalue()


class Impatient(io.StringIO):
    """Where somebody presses Ctrl-C at the first line about a second."""

    def write(self, text: str) -> int:
        if "SERVED" in text and "SERVED" not in self.getvalue():
            super().write(text)
            raise KeyboardInterrupt
        return super().write(text)


def test_ctrl_c_ends_it_with_the_summary() -> None:
    terminal = Terminal(None)
    terminal.shell.err = terminal.err = Impatient()
    with a_server(answering()) as url:
        assert terminal.run("probe", url, "--rate", "50") == 0
    assert re.match(r"\d+ requests, 0 failed, 100.00%", terminal.out.getvalue())


# --- whom it asks ---


def a_balanced_room(port: int, *, first: int = 0) -> FakeController:
    """Service web behind the second listener; another one's behind the first."""
    listeners = [
        {"port": 80, "hostPort": first, "targetGroups": ["other"]},
        {"port": 81, "hostPort": port, "targetGroups": [GROUP]},
    ]
    state = a_state(services=[a_service(), a_service("worker")], loadBalancers=[{"arn": "b", "listeners": listeners}])
    controller = FakeController(state)
    controller.answers["DescribeServices"] = lambda members: {
        "services": [{"loadBalancers": [{"targetGroupArn": GROUP}] if "web" in members["services"][0] else []}]
    }
    return controller


def test_it_asks_the_first_listener_or_that_of_a_service() -> None:
    with a_server(answering()) as first, a_server(answering()) as second:
        ports = [int(url.split(":")[2].strip("/")) for url in (first, second)]
        for arguments, url in (((), first), (("web",), second)):
            terminal = Terminal(a_balanced_room(ports[1], first=ports[0]))
            assert terminal.run("probe", *arguments, *FAST) == 0
            assert f"asking {url}" in terminal.err.getvalue()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("worker",), 1, "Service worker is behind no listener"),
        (("nothere",), 3, "Service not found"),
        (("https://localhost/",), 2, "does not begin with http://"),
        (("localhost:port",), 2, "Cannot ask that"),
        (("--timeout", "0s"), 2, "--timeout must be more than 0"),
        (("--rate", "0"), 2, "--rate"),
        (("--for", "soon"), 2, "no duration"),
        ((nobody(),), 1, "Nothing listens at http://127.0.0.1:"),
    ],
)
def test_what_cannot_be_asked_is_told_in_four_parts(
    arguments: tuple[str, ...], code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = Terminal(a_balanced_room(1))
    assert terminal.run("probe", *arguments) == code
    told = terminal.err.getvalue() + capsys.readouterr().err
    assert words in told
    if told.startswith("E-"):
        assert "\n  why:  " in told
        assert "\n  next: " in told


def test_without_a_controller_or_a_listener_there_is_nothing_to_ask() -> None:
    for controller in (None, FakeController(a_state())):
        terminal = Terminal(controller)
        assert terminal.run("probe") == 1
        assert terminal.err.getvalue().startswith("E-NO-LISTENER: There is nothing to ask")


# --- the client's line in other views ---

CLIENT = {
    "requests": 2304,
    "failed": 1,
    "availability": 99.96,
    "perSecond": [{"at": AT + second, "ok": 5, "failed": 1 if second == 33 else 0} for second in range(60)],
    "causes": {"connection reset": 1},
    "p50": 0.003,
    "p99": 0.012,
}


def seen() -> Client:
    client = Snapshot.of(a_state(client=CLIENT)).client
    assert client is not None
    return client


def test_the_clients_line_as_the_terminal_gets_narrower() -> None:
    at = AT + 59
    assert clientline.row(seen(), 100, UNICODE, at) == (
        "client  2,304 requests   1 failed   99.96%   ▁▁▁▁▁▁▁▁▁▁▁▂▁▁▁▁▁▁▁▁  failures, last 60s"
    )
    assert clientline.row(seen(), 79, ASCII, at) == "client  2,304 req   1 failed   99.96%   ...........!........"
    assert clientline.row(seen(), 60, UNICODE, at) == "client  2,304 req   1 failed   99.96%"
    assert clientline.sentence(seen()) == "The client made 2,304 requests, 1 failed: 99.96 percent were answered."


def test_bars_tell_none_some_all_and_nobody_asked() -> None:
    per_second = [(1003.0, 5, 0), (1006.0, 4, 1), (1009.0, 0, 5)]
    assert clientline.sparkline(per_second, ASCII, 1012.0).endswith("  .!x ")
    assert clientline.sparkline(per_second, UNICODE, 1012.0).endswith("  ▁▃█ ")
    assert len(clientline.sparkline((), UNICODE, 1012.0)) == 20


def test_an_old_console_has_glyphs_but_no_bars() -> None:
    glyphs = choose("cp437", ascii_only=False)
    assert glyphs.bars == ASCII.bars or glyphs == ASCII


@pytest.mark.parametrize("height", [30, 12])
def test_the_panel_has_the_clients_line_last_and_never_cuts_it_away(height: int) -> None:
    many = [a_task(f"{number:06x}", "web", number=number) for number in range(20)]
    snapshot = Snapshot.of(a_state(services=[a_service()], tasks=many, client=CLIENT))
    drawn = panel.rows(snapshot, CLUSTER, panel.Frame(100, height, UNICODE, AT + 60, AT))
    assert len(drawn) <= min(panel.MOST_ROWS, height - 3)
    assert drawn[-3].startswith(" client  2,304 requests   1 failed   99.96%   ▁")
    assert "more rows" in drawn[-4]


def test_a_panel_follows_the_client_also_while_nothing_else_happens() -> None:
    class Counting(FakeController):
        def raw_state(self) -> dict[str, Any]:
            self.state = {**self.state, "client": {**CLIENT, "requests": self.state["client"]["requests"] + 1}}
            return super().raw_state()

    terminal = Terminal(None, terminal=True, columns=lambda: 80)
    controller = Counting(a_state(services=[a_service()], client=CLIENT))
    reached = Follower(terminal.shell, controller, SilentScreen(), 0).run(
        lambda snapshot: snapshot.client is not None and snapshot.client.requests >= 2307, timeout=10
    )
    assert reached


def test_the_overview_tells_of_the_client_also_to_a_screen_reader() -> None:
    terminal = Terminal(FakeController(a_state(services=[a_service()], client=CLIENT)))
    assert terminal.run() == 0
    assert "\nclient  2,304 requests   1 failed   99.96%" in terminal.out.getvalue()
    spoken = Terminal(FakeController(a_state(services=[a_service()], client=CLIENT)), accessible=True)
    assert spoken.run() == 0
    assert "The client made 2,304 requests, 1 failed" in spoken.out.getvalue()
    nothing = Terminal(FakeController(a_state(services=[a_service()])))
    assert nothing.run() == 0
    assert "client" not in nothing.out.getvalue()


def test_bursts_are_told_in_the_log() -> None:
    controller = FakeController(a_state(services=[a_service()]))
    message = "the client's requests fail: 3 in the last second (connection refused)"
    controller.tell(
        event("CLIENT_FAILING", service="web", message=message, number=1, failed=3, cause="connection refused"),
        event("CLIENT_RECOVERED", service="web", number=2, seconds=1.2, failed=14, requests=60),
    )
    terminal = Terminal(controller, terminal=True, columns=lambda: 120)
    assert terminal.run("events") == 0
    assert f"CLIENT     web  {message}" in terminal.out.getvalue()
    assert "web  14 of 60 requests failed" in terminal.out.getvalue()
    assert "served again after 1.2s" in terminal.out.getvalue()


def test_latencies_are_told_with_as_many_digits_as_they_need() -> None:
    assert [milliseconds(value) for value in (0.00084, 0.012, 1.204, None)] == ["0.8 ms", "12 ms", "1,204 ms", "-"]


def test_a_length_of_nothing_is_a_usage_error() -> None:
    terminal = Terminal(FakeController(a_state()))
    assert terminal.run("probe", "http://127.0.0.1:1/", "--for", "0") == 2
    assert "--for must be more than 0" in terminal.err.getvalue()
