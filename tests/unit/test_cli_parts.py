"""The CLI's small parts: server-sent events, refusals, environments, names as typed."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
import typer

from chaos_ecs.cli import awsenv, definitions, find, refusals, sse
from chaos_ecs.cli.output import table
from chaos_ecs.cli.parts import hoisted
from chaos_ecs.cli.recovery import Recorder
from chaos_ecs.cli.snapshot import Snapshot
from chaos_ecs.errors import ChaosEcsError
from tests.unit.fake_controller import (
    CLUSTER,
    FakeController,
    Terminal,
    a_service,
    a_state,
    a_task,
    event,
    service_arn,
    stopped,
    task_arn,
)


def test_server_sent_events_are_read_with_ids_comments_and_several_data_lines() -> None:
    lines = [": still here\n", "\n", "id: 7\n", "data: {\n", "data: }\r\n", "\n", "id:8\n", "data:x\n", "\n"]
    assert list(sse.messages(lines)) == [("7", "{\n}"), ("8", "x")]


def test_a_message_that_the_end_of_the_stream_cuts_off_is_not_told() -> None:
    assert list(sse.messages(["id: 1\n", "data: whole\n", "\n", "id: 2\n", "data: ha"])) == [("1", "whole")]


@pytest.mark.parametrize(
    ("code", "message", "hint"),
    [
        ("ClusterNotFoundException", "Cluster not found.", "create-cluster"),
        ("ServiceNotFoundException", "Service not found.", "chaos-ecs service ls"),
        ("ClientException", "TaskDefinition not found.", "list-task-definition-families"),
        ("InvalidParameterException", "Unable to Start a service that is still Draining.", "Wait until"),
        ("SomethingElse", "", "chaos-ecs ps"),
    ],
)
def test_a_refusal_keeps_its_code_and_words_and_gets_a_next_command(code: str, message: str, hint: str) -> None:
    error = refusals.of("RunTask batch", 400, json.dumps({"__type": f"x#{code}", "message": message}).encode())
    assert (error.code, error.why, error.exit_code) == (code, message, 1)
    assert hint in error.hint
    assert error.what == "RunTask batch was refused"


@pytest.mark.parametrize(
    ("operation", "said"),
    [
        ("POST /experiments", "The experiment was refused"),
        ("POST /experimentTemplates", "The experiment was refused"),
        ("InjectFault web", "The fault was refused"),
        ("KillTasks", "The kill was refused"),
        ("CreateService web", "CreateService web was refused"),
    ],
)
def test_a_refusal_names_what_was_asked_and_no_operation_of_ours(operation: str, said: str) -> None:
    assert refusals.of(operation, 400, b'{"__type": "X", "message": "no"}').what == said


def test_an_answer_that_is_no_json_is_told_with_its_status() -> None:
    error = refusals.of("GET /state", 502, b"<html>bad gateway")
    assert (error.code, error.why) == ("HTTP-502", "<html>bad gateway")


def test_a_request_is_named_by_what_the_learner_typed() -> None:
    assert refusals.about({"cluster": "c", "taskDefinition": "no-such-family"}) == "no-such-family"
    assert refusals.about({"service": service_arn("web")}) == "web"
    assert refusals.about({"count": 1}) == ""


@pytest.mark.parametrize(
    ("shell", "expected"),
    [
        ("bash", "unset AWS_PROFILE\nunset AWS_DEFAULT_PROFILE\nexport NAME='it'\\''s'"),
        ("fish", "set -e AWS_PROFILE\nset -e AWS_DEFAULT_PROFILE\nset -gx NAME 'it\\'s'"),
        (
            "powershell",
            "\n".join(
                (
                    "Remove-Item Env:AWS_PROFILE -ErrorAction SilentlyContinue",
                    "Remove-Item Env:AWS_DEFAULT_PROFILE -ErrorAction SilentlyContinue",
                    "$Env:NAME = 'it''s'",
                )
            ),
        ),
        ("cmd", 'set "AWS_PROFILE="\nset "AWS_DEFAULT_PROFILE="\nset "NAME=it\'s"'),
    ],
)
def test_the_environment_in_the_words_of_each_shell(shell: str, expected: str) -> None:
    assert awsenv.script(shell, {"NAME": "it's"}).partition("\n")[2] == expected
    assert "aws-env" in awsenv.how_to_use(shell)


def test_a_shell_that_is_not_known_is_a_usage_error() -> None:
    with pytest.raises(ChaosEcsError) as caught:
        awsenv.script("tcsh", {})
    assert caught.value.exit_code == 2
    assert "bash, fish, powershell, cmd" in caught.value.why


def test_only_what_we_have_is_sent_to_us() -> None:
    values = awsenv.variables("http://127.0.0.1:8481", "KEY", "SECRET", "us-east-1")
    assert values["AWS_ENDPOINT_URL_ECS"] == "http://127.0.0.1:8481"
    assert values["AWS_ENDPOINT_URL_FIS"] == "http://127.0.0.1:8481"
    assert "AWS_ENDPOINT_URL" not in values
    assert values["AWS_PAGER"] == ""


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["ps", "--json"], ["--json", "ps"]),
        (["ps", "--cluster", "a", "--all"], ["--cluster", "a", "ps", "--all"]),
        (["ps", "--cluster=a"], ["--cluster=a", "ps"]),
        (["logs", "--", "--json"], ["logs", "--", "--json"]),
        (["ps", "--cluster"], ["--cluster", "ps"]),
    ],
)
def test_options_that_are_good_everywhere_move_to_the_front(given: list[str], expected: list[str]) -> None:
    assert hoisted(given) == expected


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("90s", 90), ("2m", 120), ("1h", 3600), ("0.5s", 0.5)])
def test_durations_are_read_as_people_write_them(text: str, seconds: float) -> None:
    assert find.duration(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-1s", "1d"])
def test_a_duration_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        find.duration(text)


def test_a_task_is_found_by_its_first_digits_and_the_live_one_is_meant() -> None:
    snapshot = Snapshot.of(a_state(tasks=[stopped(a_task("7f3a9c01")), a_task("7f3a9c02")]))
    assert find.task(snapshot, CLUSTER, "7F3A9C").id.startswith("7f3a9c02")
    assert find.task(snapshot, CLUSTER, task_arn("7f3a9c01")).is_stopped


def test_digits_that_fit_several_tasks_are_refused_with_their_names() -> None:
    snapshot = Snapshot.of(a_state(tasks=[a_task("7f3a01"), a_task("7f3a02")]))
    with pytest.raises(ChaosEcsError) as caught:
        find.task(snapshot, CLUSTER, "7f3a")
    assert caught.value.exit_code == 2
    assert "7f3a01" in caught.value.why


def test_a_services_name_comes_before_a_tasks_digits() -> None:
    snapshot = Snapshot.of(a_state(services=[a_service("cafe")], tasks=[a_task("cafe01")]))
    assert find.service_or_task(snapshot, CLUSTER, "cafe") == snapshot.services[0]
    assert find.service_or_task(snapshot, CLUSTER, "cafe01") == snapshot.tasks[0]


@pytest.mark.parametrize(
    ("image", "family"),
    [
        ("busybox:1.37", "busybox"),
        ("docker.io/library/nginx", "nginx"),
        ("localhost:5000/my.app@sha256:0", "my-app"),
    ],
)
def test_an_image_gets_a_family_name_of_its_own(image: str, family: str) -> None:
    assert definitions.family_of_image(image) == family


def test_a_table_is_as_wide_as_its_widest_cells() -> None:
    assert table(("A", "LONG"), [("wide", "x")]) == "A     LONG\nwide  x"
    assert table(("A",), []) == ""


def test_the_recorder_puts_a_death_and_its_replacement_side_by_side() -> None:
    recorder = Recorder()
    recorder.expect(task_arn("b20e41"), service_arn("web"))
    new: dict[str, Any] = {"service": "web", "task": "e41b07", "fills": task_arn("b20e41")}
    recorder.take(
        [
            event("TASK_STOPPED", service="web", task="b20e41", exitCode=137, noticedAfter=0.1),
            event("TASK_STOPPED", service="web", task="c9d550", exitCode=0),
            event("TASK_CREATED", decidedAfter=0.4, **new),
            event("TASK_RUNNING", runningAfter=1.5, **new),
            event("SERVICE_RECOVERED", service="web", seconds=1.5),
        ]
    )
    (death,) = recorder.deaths.values()
    assert (death.noticed_after, death.decided_after, death.running_after) == (0.1, 0.4, 1.5)
    assert (death.exit_code, death.replacements) == (137, [task_arn("e41b07")])
    assert recorder.recovered == {service_arn("web"): 1.5}


class _Cp1252(io.StringIO):
    @property
    def encoding(self) -> str:  # type: ignore[override]
        return "cp1252"


def test_an_old_console_never_makes_a_command_fail() -> None:
    terminal = Terminal(FakeController(a_state()))
    terminal.shell.out = _Cp1252()
    terminal.shell.tell("● 日本")
    assert terminal.shell.out.getvalue() == "? ??\n"
