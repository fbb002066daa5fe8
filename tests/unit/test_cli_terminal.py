"""The terminal's own side: keys, sentences for a screen reader, narrow tables, waiting that says so."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from chaos_ecs.cli import awscommand, sentences
from chaos_ecs.cli.awscommand import Action
from chaos_ecs.cli.follow import SIGN_OF_LIFE_SECONDS
from chaos_ecs.cli.livelog import screen_for
from chaos_ecs.cli.output import table
from chaos_ecs.cli.snapshot import Event, Snapshot
from tests.unit.fake_controller import (
    AT,
    CLUSTER,
    FakeController,
    Keys,
    Terminal,
    a_service,
    a_state,
    a_task,
    event,
    refusing,
    service_arn,
    stopped,
    task_arn,
)
from tests.unit.test_cli_log import EVERY_EVENT, KILL_STORY

WEB_TASKS = [a_task("7f3a9c", "web", number=1), a_task("c9d550", "web", number=2), a_task("e41b07", "web", number=3)]


def a_room() -> FakeController:
    controller = FakeController(a_state(services=[a_service()], tasks=WEB_TASKS))
    controller.answers["KillTasks"] = lambda members: {"victims": members.get("tasks") or [task_arn("7f3a9c")]}
    return controller


def at_a_keyboard(controller: FakeController, keys: str, **shell: Any) -> Terminal:
    """A terminal of 80 columns in which these keys are pressed."""
    return Terminal(controller, terminal=True, columns=lambda: 80, keyboard=Keys(keys), **{"dumb": True, **shell})


# --- keys ---


def test_the_view_of_a_kill_listens_to_no_key_and_tells_none() -> None:
    controller = a_room()
    terminal = at_a_keyboard(controller, "", dumb=False)

    def kill(members: Any) -> Any:
        if not members.get("dryRun"):
            gone = stopped(WEB_TASKS[0], 137)
            controller.state = a_state(services=[a_service()], tasks=[gone, *WEB_TASKS[1:]])
        return {"victims": [task_arn("7f3a9c")]}

    controller.answers["KillTasks"] = kill
    assert terminal.run("kill", "7f3a9c") == 0
    assert "Ctrl-C leaves this view (web keeps running)" in terminal.out.getvalue()
    assert "k kill" not in terminal.out.getvalue()


def test_the_view_of_an_end_does_not_say_that_what_ends_keeps_running() -> None:
    controller = a_room()
    hurried = iter(range(0, 10_000, 20)).__next__
    terminal = at_a_keyboard(controller, "", dumb=False, monotonic=hurried)
    controller.answers["DeleteService"] = {}
    assert terminal.run("service", "down", "web") == 124
    assert "Ctrl-C leaves this view; the tasks stop all the same" in terminal.out.getvalue()
    assert "k kill" not in terminal.out.getvalue()


def test_k_kills_one_task_and_q_leaves_the_view() -> None:
    controller = a_room()
    terminal = at_a_keyboard(controller, "kq")
    assert terminal.run("watch") == 0
    assert controller.calls == [("KillTasks", {"cluster": CLUSTER})]
    assert "left the view; everything keeps running" in terminal.err.getvalue()


def test_a_digit_kills_the_task_of_that_row() -> None:
    controller = a_room()
    at_a_keyboard(controller, "2q", dumb=False).run("watch")
    assert controller.calls == [("KillTasks", {"cluster": CLUSTER, "tasks": [task_arn("c9d550")]})]


def test_a_digit_reaches_no_task_whose_row_is_not_drawn() -> None:
    crowd = [a_task(f"{number:06x}", "web", number=number) for number in range(1, 13)]
    controller = FakeController(a_state(services=[a_service(desiredCount=12)], tasks=crowd))
    terminal = at_a_keyboard(controller, "9q", dumb=False)
    terminal.run("watch")
    assert controller.calls == []
    assert "there is no task 9 in the panel" in terminal.out.getvalue()
    assert "1-7 kill that" in terminal.out.getvalue()


def test_where_no_panel_is_drawn_a_digit_kills_nothing() -> None:
    controller = a_room()
    terminal = at_a_keyboard(controller, "2q")
    terminal.run("watch")
    assert controller.calls == []
    assert "no rows are drawn here" in terminal.out.getvalue()


def test_a_digit_without_a_row_kills_nothing_and_says_so() -> None:
    controller = a_room()
    terminal = at_a_keyboard(controller, "9q", dumb=False)
    terminal.run("watch")
    assert controller.calls == []
    assert "there is no task 9" in terminal.out.getvalue()


def test_in_the_view_of_a_service_k_kills_one_of_its_tasks_only() -> None:
    controller = a_room()
    assert at_a_keyboard(controller, "kq").run("service", "up", "web") == 0
    assert controller.calls == [("KillTasks", {"cluster": CLUSTER, "service": service_arn("web")})]


def test_a_shows_the_aws_command_for_the_last_action() -> None:
    terminal = at_a_keyboard(a_room(), "1aq", dumb=False)
    terminal.run("watch")
    shown = terminal.out.getvalue()
    assert f"aws ecs stop-task \\\n    --cluster my-cluster \\\n    --task {'7f3a9c'.ljust(32, '0')} \\\n" in shown
    assert "stop-task is the polite one" in shown


def test_a_without_an_action_says_that_there_is_none() -> None:
    terminal = at_a_keyboard(a_room(), "aq")
    terminal.run("watch")
    assert "nothing was done in this view yet" in terminal.out.getvalue()


def test_what_service_up_did_is_the_first_action() -> None:
    controller = a_room()
    controller.answers["UpdateService"] = {}
    terminal = at_a_keyboard(controller, "aq")
    terminal.run("service", "up", "web", "--desired", "5")
    assert "aws ecs update-service" in terminal.out.getvalue()
    assert "--desired-count 5" in terminal.out.getvalue()


def test_a_question_mark_lists_the_keys() -> None:
    terminal = at_a_keyboard(a_room(), "?q")
    terminal.run("watch")
    assert "k      kill one running task" in terminal.out.getvalue()


def test_a_refused_kill_is_said_and_the_view_goes_on() -> None:
    controller = a_room()
    controller.answers["KillTasks"] = refusing("InvalidParameterException", "there is nothing to kill")
    terminal = at_a_keyboard(controller, "kq")
    assert terminal.run("watch") == 0
    assert "there is nothing to kill" in terminal.out.getvalue()


def test_the_keyboard_is_given_back_on_every_way_out() -> None:
    for controller, arguments in ((a_room(), ("watch",)), (a_room(), ("service", "scale", "web", "4"))):
        terminal = at_a_keyboard(controller, "q")
        controller.answers["UpdateService"] = {}
        terminal.run(*arguments)
        assert isinstance(terminal.shell.keyboard, Keys)
        assert not terminal.shell.keyboard.in_use


def test_the_keyboard_is_given_back_when_the_view_fails() -> None:
    controller = a_room()

    def break_down(members: dict[str, Any]) -> dict[str, Any]:
        raise ZeroDivisionError

    controller.answers["KillTasks"] = break_down
    terminal = at_a_keyboard(controller, "k")
    with pytest.raises(ZeroDivisionError):
        terminal.run("watch")
    assert isinstance(terminal.shell.keyboard, Keys)
    assert not terminal.shell.keyboard.in_use


def test_in_a_pipe_no_key_is_read() -> None:
    terminal = Terminal(a_room(), keyboard=Keys("k"))
    assert terminal.run("service", "up", "web") == 0
    assert terminal.shell.keyboard is not None
    assert not any(name == "KillTasks" for name, _ in a_room().calls)


def test_an_action_is_told_in_the_words_of_the_aws_cli() -> None:
    members = {"cluster": CLUSTER, "serviceName": "it's", "taskDefinition": "web-server", "desiredCount": 3}
    assert awscommand.rows(Action("CreateService", members), "http://127.0.0.1:8481")[1:] == [
        "aws ecs create-service \\",
        "    --cluster my-cluster \\",
        "    --service-name 'it'\"'\"'s' \\",
        "    --task-definition web-server \\",
        "    --desired-count 3 \\",
        "    --endpoint-url http://127.0.0.1:8481",
    ]


def test_the_words_of_a_deployment_can_be_typed_as_they_stand() -> None:
    arn = "arn:aws:ecs:us-east-1:123456789012:service-deployment/my-cluster/web/abc"
    breaker = {"deploymentCircuitBreaker": {"enable": True}}
    members = {"serviceDeploymentArn": arn, "forceNewDeployment": True, "deploymentConfiguration": breaker}
    assert awscommand.rows(Action("UpdateService", members), "http://127.0.0.1:8481")[2:5] == [
        f"    --service-deployment-arn {arn} \\",
        "    --force-new-deployment \\",
        """    --deployment-configuration '{"deploymentCircuitBreaker": {"enable": true}}' \\""",
    ]


# --- sentences for a screen reader ---


def test_a_kill_and_its_recovery_as_sentences() -> None:
    assert sentences.of(KILL_STORY, AT) == [
        "At 41 seconds you killed task b20e41 with SIGKILL. Service web has 2 of 3 tasks.",
        "At 41 seconds task b20e41 of service web stopped with exit code 137.",
        "At 41 seconds new task e41b07 of service web takes the place of b20e41, which is never restarted.",
        "At 41 seconds task e41b07 of service web is pending.",
        "At 42 seconds task e41b07 of service web is running, 1.5 seconds after the death it makes good.",
        "At 42 seconds service web is whole again. Recovery took 1.5 seconds.",
    ]


@pytest.mark.parametrize(("told", "word"), EVERY_EVENT, ids=lambda value: getattr(value, "type", value))
def test_every_event_is_one_sentence_in_plain_ascii(told: Event, word: str) -> None:
    said = sentences.of([told], AT)
    assert len(said) == (1 if word else 0)
    for sentence in said:
        assert sentence.isascii()
        assert sentence.endswith(".")
        assert "None" not in sentence


def test_an_accessible_view_appends_sentences_without_glyphs_boxes_or_escape_codes() -> None:
    terminal = Terminal(a_room(), terminal=True, accessible=True, columns=lambda: 200, keyboard=Keys("1?9q"))
    screen = screen_for(terminal.shell, CLUSTER, AT)
    screen.show(KILL_STORY, Snapshot.of(a_state()))
    assert terminal.run("watch") == 0
    assert terminal.both.isascii()
    assert "\x1b" not in terminal.both
    assert "At 42 seconds service web is whole again. Recovery took 1.5 seconds.\n" in terminal.both
    assert "At 0 seconds key, no rows are drawn here: chaos-ecs kill ID kills one task." in terminal.both


def test_the_option_accessible_gives_sentences_in_a_pipe_too() -> None:
    controller = a_room()
    controller.answers["UpdateService"] = {}
    controller.tell(event("SERVICE_STEADY", number=1, service="web", runningCount=3))
    controller.state = {**controller.state, "number": 0}
    terminal = Terminal(controller)
    terminal.run("service", "scale", "web", "3", "--accessible")
    assert terminal.out.getvalue() == "web 3/3 STEADY\n"


# --- waiting ---


class _Clock:
    """Time that passes by looking at it."""

    def __init__(self, step: float) -> None:
        self.now, self.step = 0.0, step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


@pytest.mark.parametrize("accessible", [False, True])
def test_a_long_wait_gives_a_sign_of_life_and_says_what_it_waits_for(accessible: bool) -> None:
    controller = FakeController(a_state(services=[a_service(steady=False, runningCount=0)]))
    controller.answers["UpdateService"] = {}
    terminal = Terminal(controller, monotonic=_Clock(11.0), accessible=accessible)
    assert terminal.run("service", "scale", "web", "4", "--timeout", "5m") == 124
    said = [line for line in terminal.err.getvalue().splitlines() if "still waiting" in line]
    assert said[0].startswith("still waiting for the steady state of web, ")
    assert said[0].endswith(" of at most 5m00s")
    assert 1 < len(said) <= 300 / SIGN_OF_LIFE_SECONDS


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("service", "up", "web"), "waiting for the steady state of web, at most 2m00s"),
        (("service", "down", "web", "--timeout", "3m"), "waiting for the tasks of web to stop, at most 3m00s"),
        (("kill", "web", "--watch-gap", "0"), "waiting for the recovery of web, at most 1m00s"),
        (("run-task", "batch-job"), "waiting for the end of a1b2c3, as long as it takes"),
    ],
)
def test_every_wait_says_in_a_pipe_what_it_waits_for_and_how_long(arguments: tuple[str, ...], sentence: str) -> None:
    controller = a_room()
    gone = a_state(services=[], tasks=[stopped(a_task("a1b2c3"), 0)])

    def end(members: dict[str, Any]) -> dict[str, Any]:
        if not members.get("dryRun"):
            controller.state = gone
        arn = task_arn("a1b2c3")
        return {"victims": [task_arn("7f3a9c")], "tasks": [{"taskArn": arn, "taskDefinitionArn": "x/batch-job:1"}]}

    controller.answers |= {"DeleteService": end, "KillTasks": end, "RunTask": end}
    terminal = Terminal(controller)
    terminal.run(*arguments)
    assert sentence in terminal.err.getvalue()


# --- narrow ---


def test_narrow_tables_drop_columns_in_the_folding_order_and_fold_the_last_at_its_words() -> None:
    head = ("TASK", "STATUS", "PORTS", "WHY STOPPED")
    body = [("7f3a9c", "STOPPED", "127.0.0.1:49153", "CannotPullContainerError: manifest unknown for it")]
    assert table(head, body, width=50, fold=("PORTS",)) == (
        "TASK    STATUS   WHY STOPPED\n"
        "7f3a9c  STOPPED  CannotPullContainerError:\n"
        "                 manifest unknown for it"
    )


@pytest.mark.parametrize("columns", [100, 80, 60])
@pytest.mark.parametrize("arguments", [("ps", "--all"), ("service", "ls"), (), ("service", "describe", "web")])
def test_tables_never_outgrow_the_terminal(columns: int, arguments: tuple[str, ...]) -> None:
    web = a_service(lastRecoverySeconds=0.4, standby={"desired": 2, "ready": 1, "memory": 256})
    ended = stopped(a_task("a1b2c3"), 1, stoppedReason="CannotPullContainerError: manifest unknown for no-such-image:9")
    controller = FakeController(a_state(services=[web], tasks=[*WEB_TASKS, ended]))
    controller.answers["DescribeServices"] = {"services": [{"deployments": [], "events": []}]}
    terminal = Terminal(controller, terminal=True, columns=lambda: columns)
    assert terminal.run(*arguments) == 0
    rows = [row for row in terminal.out.getvalue().splitlines() if not row.startswith("arn ")]
    assert [row for row in rows if len(row) > columns] == []
    assert "STEADY" in terminal.out.getvalue() or arguments == ("ps", "--all")


def test_in_a_pipe_no_column_is_dropped() -> None:
    terminal = Terminal(a_room(), columns=lambda: 20)
    terminal.run("ps")
    assert "PORTS" in terminal.out.getvalue()


def test_talk_folds_at_its_words_in_a_terminal_and_stays_whole_in_a_pipe() -> None:
    sentence = "a sentence that is longer than twenty columns"
    narrow = Terminal(a_room(), terminal=True, columns=lambda: 20)
    narrow.shell.say(sentence)
    assert narrow.err.getvalue() == "a sentence that is\n  longer than twenty\n  columns\n"
    piped = Terminal(a_room(), columns=lambda: 20)
    piped.shell.say(sentence)
    assert piped.err.getvalue() == sentence + "\n"


@pytest.mark.parametrize("width", [60, 80])
def test_a_command_or_a_path_in_talk_is_never_broken(width: int) -> None:
    undo, run = "chaos-ecs chaos undo flt-b799788549", "chaos-ecs service up web --desired 3 --standby 2 --no-wait"
    path = "/home/a learner/.local/share/chaos-ecs/journals/experiment-1.json"
    terminal = Terminal(a_room(), terminal=True, columns=lambda: width)
    terminal.shell.say(f"watch: chaos-ecs watch   |   what became of it, and end it sooner: {undo}")
    terminal.shell.say(f"there is no service of that name yet, so begin with {run}, then look at it")
    terminal.shell.say(f"journal: {path}")
    terminal.shell.say(f"again, the same victims in the same order: chaos-ecs chaos replay {path.replace(' ', '-')}")
    rows = [row.strip() for row in terminal.err.getvalue().splitlines()]
    assert rows[0] == "watch: chaos-ecs watch"
    assert any(row.endswith(undo) for row in rows)
    assert any(run in row for row in rows)
    assert any(row.endswith(path) for row in rows)
    assert rows[-1] == f"chaos-ecs chaos replay {path.replace(' ', '-')}"


# --- standbys ---


def test_service_up_keeps_standbys_by_our_own_operation() -> None:
    controller = a_room()
    controller.answers["SetStandby"] = {}
    terminal = Terminal(controller)
    assert terminal.run("service", "up", "web", "--standby", "2") == 0
    assert controller.calls == [("SetStandby", {"cluster": CLUSTER, "service": service_arn("web"), "count": 2})]
    assert "service web shall keep 2 standby tasks" in terminal.err.getvalue()


def test_without_the_option_standbys_are_left_as_they_are() -> None:
    controller = a_room()
    Terminal(controller).run("service", "up", "web")
    assert controller.calls == []


def test_standbys_and_their_memory_are_told() -> None:
    web = a_service(standby={"desired": 2, "ready": 1, "memory": 256})
    controller = FakeController(a_state(services=[web], tasks=WEB_TASKS))
    controller.answers["DescribeServices"] = {"services": [{}]}
    terminal = Terminal(controller)
    terminal.run("service", "describe", "web")
    assert "standby          1 of 2 ready, at most 256 MiB of memory; no tasks" in terminal.out.getvalue()
    terminal = Terminal(controller)
    terminal.run("service", "ls")
    assert "+2 standby (1 ready)" in terminal.out.getvalue()


def test_flapping_is_told_and_beats_steady() -> None:
    controller = FakeController(a_state(services=[a_service("crash", flapping={"exits": 9, "seconds": 30})]))
    controller.answers["DescribeServices"] = {"services": [{}]}
    for arguments in (("service", "ls"), ("service", "describe", "crash"), ()):
        terminal = Terminal(controller)
        terminal.run(*arguments)
        assert "FLAPPING" in terminal.out.getvalue()
        assert "STEADY" not in terminal.out.getvalue()
    terminal = Terminal(controller)
    terminal.run("service", "describe", "crash")
    assert "9 exits in 30s, not throttled" in terminal.out.getvalue()


def test_d_tells_an_address_of_the_page_and_leaves_the_view_as_it_is() -> None:
    controller = a_room()
    controller.answers["OpenPage"] = {"token": "once", "expiresInSeconds": 120.0}
    terminal = at_a_keyboard(controller, "dq")
    assert terminal.run("watch") == 0
    told = terminal.out.getvalue()
    assert f"{controller.url}/?token=once\n" in told
    assert "within 120 s: it works once" in told


# --- old consoles ---


class _Cp1252(io.StringIO):
    @property
    def encoding(self) -> str:  # type: ignore[override]
        return "cp1252"


def test_a_console_without_our_glyphs_gets_the_ascii_twin() -> None:
    controller = a_room()
    terminal = at_a_keyboard(controller, "9q")
    terminal.shell.out = _Cp1252()
    terminal.run("watch")
    assert "! KEY" in terminal.shell.out.getvalue()
    assert json.dumps(terminal.shell.out.getvalue()).isascii()
