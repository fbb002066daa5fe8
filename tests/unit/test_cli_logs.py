"""`logs`: which tasks and containers are read, from when on, and what is said where nothing is there."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from chaos_ecs.cli import find
from chaos_ecs.errors import ChaosEcsError
from tests.unit.fake_controller import AT, FakeController, Terminal, a_service, a_state, a_task, stopped, task_arn

WEB = a_task("7f3a9c", "web"), a_task("c9d550", "web")
GONE = ChaosEcsError("ResourceNotFoundException", "GetTaskLogs was refused", "not there any more", "chaos-ecs ps")


class Printing(FakeController):
    """`spoken`: by the first digits of a task, what it prints, (at, message) each; None: that is gone. `asked`: the
    members of each reading."""

    def __init__(self, state: dict[str, Any], **spoken: list[tuple[float, str]] | None) -> None:
        super().__init__(state)
        self.spoken = {task_arn(digits.lstrip("t")): lines for digits, lines in spoken.items()}
        self.asked: list[dict[str, Any]] = []
        self.answers["GetTaskLogs"] = self._lines

    def _lines(self, members: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(members)
        spoken = self.spoken.get(members["task"], [])
        if spoken is None:
            raise GONE
        since = members["since"] or 0
        new = [{"at": at, "container": "app", "message": text} for at, text in spoken if at > since]
        return {"lines": new, "nextSince": new[-1]["at"] if new else since}


def of_web(*tasks: dict[str, Any], **spoken: list[tuple[float, str]] | None) -> Printing:
    return Printing(a_state(services=[a_service()], tasks=list(tasks), at=AT), **spoken)


def ended(digits: str, at: float, **more: Any) -> dict[str, Any]:
    return stopped(a_task(digits, "web"), 1, stoppedAt=AT + at, **more)


def test_logs_of_a_service_name_the_task_of_each_line_in_order_of_time() -> None:
    terminal = Terminal(of_web(*WEB, t7f3a9c=[(2.0, "second")], tc9d550=[(1.0, "first")]))
    assert terminal.run("logs", "web") == 0
    assert terminal.out.getvalue() == "c9d550 | first\n7f3a9c | second\n"


def test_since_is_so_long_ago_or_a_time_and_takes_in_who_has_ended_since_then() -> None:
    tasks = (WEB[0], ended("aaaa11", -100.0), ended("bbbb22", -10.0))
    lines = {"t7f3a9c": [(AT - 90, "old"), (AT - 1, "new")], "taaaa11": [(AT - 101, "long ago")]}
    controller = of_web(*tasks, **lines, tbbbb22=[(AT - 10, "last words")])
    terminal = Terminal(controller)
    assert terminal.run("logs", "web", "--since", "1m") == 0
    assert terminal.out.getvalue() == "bbbb22 | last words\n7f3a9c | new\n"
    assert {members["since"] for members in controller.asked} == {AT - 60}
    terminal = Terminal(controller)
    assert terminal.run("logs", "web", "--since", datetime.fromtimestamp(AT - 5, UTC).isoformat()) == 0
    assert terminal.out.getvalue() == "7f3a9c | new\n"
    terminal = Terminal(controller)
    assert terminal.run("logs", "web", "--since", "0s") == 0
    assert "web has printed nothing since then" in terminal.err.getvalue()


def test_what_is_no_time_is_refused_with_what_would_be(capsys: pytest.CaptureFixture[str]) -> None:
    assert Terminal(of_web(*WEB)).run("logs", "web", "--since", "yesterday") == 2
    assert "'yesterday' is no time: write 90s, 5m, 1h" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["2026-09-21T14:00:00Z", "2026-09-21T16:00:00+02:00", "2026-09-21 14:00Z"])
def test_a_time_with_a_zone_is_that_moment(text: str) -> None:
    assert find.moment(text, AT) == datetime(2026, 9, 21, 14, tzinfo=UTC).timestamp()


def test_a_service_that_crashes_again_and_again_tells_the_last_words_of_its_newest_task() -> None:
    why = "Essential container in task exited"
    tasks = (ended("aaaa11", -9.0, stoppedReason=why), ended("bbbb22", -8.0, stoppedReason=why))
    controller = of_web(*tasks, taaaa11=[(AT, "older")], tbbbb22=[(AT, "no DATABASE_URL")])
    terminal = Terminal(controller)
    assert terminal.run("logs", "web") == 0
    assert terminal.out.getvalue() == "bbbb22 | no DATABASE_URL\n"
    assert terminal.err.getvalue() == f"these are the last words of bbbb22: {why}\n"


def test_of_a_deleted_service_too() -> None:
    controller = Printing(a_state(tasks=[ended("aaaa11", 1.0)]), taaaa11=[(AT, "bye")])
    terminal = Terminal(controller)
    assert terminal.run("logs", "web") == 0
    assert terminal.out.getvalue() == "aaaa11 | bye\n"


def test_one_container_of_several_is_named_and_one_that_is_not_there_is_refused() -> None:
    side = {**WEB[0]["containers"][0], "name": "side"}
    task = {**WEB[0], "containers": [WEB[0]["containers"][0], side]}
    controller = of_web(task, t7f3a9c=[(1.0, "here")])
    terminal = Terminal(controller)
    assert terminal.run("logs", "web", "--container", "side") == 0
    assert [members["container"] for members in controller.asked] == ["side"]
    assert terminal.out.getvalue() == "7f3a9c | here\n"
    assert Terminal(controller).run("logs", "7f3a9c") == 0
    terminal = Terminal(controller)
    assert terminal.run("logs", "7f3a9c", "--container", "nobody") == 3
    assert "7f3a9c has no container nobody" in terminal.err.getvalue()
    assert "it has app, side" in terminal.err.getvalue()


def test_logs_that_went_with_their_container_are_said_so() -> None:
    tasks = (WEB[0], ended("aaaa11", -10.0), ended("bbbb22", -9.0))
    controller = of_web(*tasks, t7f3a9c=[(AT - 1, "here")], taaaa11=None, tbbbb22=None)
    terminal = Terminal(controller)
    assert terminal.run("logs", "aaaa11") == 1
    assert "E-NO-LOGS: The logs of aaaa11 are gone" in terminal.err.getvalue()
    assert "chaos-ecs ps --all" in terminal.err.getvalue()
    terminal = Terminal(controller)
    assert terminal.run("logs", "web", "--since", "1m") == 0
    assert terminal.out.getvalue() == "7f3a9c | here\n"
    assert "the logs of aaaa11, bbbb22 are gone" in terminal.err.getvalue()


def test_followed_a_task_that_begins_and_ends_between_two_looks_is_told() -> None:
    controller = of_web(WEB[0], t7f3a9c=[(AT, "hello")], tbbbb22=[(AT + 1, "crashed at once")])
    looks = iter(([WEB[0], ended("bbbb22", 1.5)],))

    def sleep(seconds: float) -> None:
        tasks = next(looks, None)
        if tasks is None:
            raise KeyboardInterrupt
        controller.state = a_state(services=[a_service()], tasks=tasks, at=AT + 2)

    terminal = Terminal(controller, sleep=sleep)
    assert terminal.run("logs", "web", "--follow", "--tail", "1") == 0
    assert terminal.out.getvalue() == "7f3a9c | hello\nbbbb22 | crashed at once\n"
    tails = {members["task"]: members["tail"] for members in controller.asked if members["since"] is None}
    assert tails == {task_arn("7f3a9c"): 1, task_arn("bbbb22"): None}  # of who comes later every line is new
