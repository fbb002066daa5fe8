"""--endpoint: the same suite against moto's server, an ECS API that is not ours, and against our own controller.

What is asserted is what the API says afterwards, asked by boto3, and not what the CLI says of itself.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.builders import eventually
from tests.e2e import elsewhere
from tests.e2e.elsewhere import BIN, FAMILY, Place, There, a_refuser, an_environment, run
from tests.http_servers import a_server, answering

IDS = ("moto", "ours")


@pytest.fixture(scope="module", params=IDS)
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    with getattr(elsewhere, request.param)() as made:
        yield made


@pytest.fixture
def there(place: Place, tmp_path: Path) -> There:
    return place(tmp_path)


def short(arn: str) -> str:
    return arn.rsplit("/", 1)[-1][:6]


# --- where ---


def test_the_banner_names_account_region_cluster_and_keys_and_is_no_part_of_the_result(there: There) -> None:
    task = there.started()
    ran = there.ok("ps", "--json")
    told = json.loads(ran.out)
    assert [item["arn"] for item in told["tasks"]] == [task]
    banner = f"account 123456789012, region us-east-1, cluster {there.cluster}, keys from env"
    assert ran.err.count(banner) == 1
    assert there.url in ran.err


def test_options_of_the_place_stand_before_or_after_the_command(there: There) -> None:
    task = there.started()
    after = run(["ps", "-q", "--cluster", there.cluster, f"--endpoint={there.url}"], there.environment)
    assert (after.code, after.out.strip()) == (0, short(task))
    other = there.run("ps", "--region", "eu-west-3")
    assert (other.code, other.out) == (1, "")  # both APIs keep regions apart: no such cluster there
    assert "region eu-west-3" in other.err


def test_no_cluster_is_guessed(there: There) -> None:
    task = there.started()
    for arguments in (("ps",), ("kill", "--yes"), ("service", "down", "web", "--yes")):
        ran = run(["--endpoint", there.url, *arguments], there.environment | {"CHAOS_ECS_CLUSTER": there.cluster})
        assert ran.code == 2, ran
        assert ran.err.startswith("E-NO-CLUSTER: ")
    assert there.task(task)["desiredStatus"] == "RUNNING"


def test_a_cluster_that_is_not_there_is_refused_with_those_that_are(there: There) -> None:
    ran = run(["--endpoint", there.url, "--cluster", "elsewhere", "ps"], there.environment)
    assert ran.code == 1
    assert "ClusterNotFoundException: " in ran.err
    assert there.cluster in ran.err.partition("why:")[2]


# --- what is run ---


def test_a_service_is_made_listed_described_scaled_and_deleted(there: There) -> None:
    there.ok("service", "up", "web", "--task-definition", FAMILY, "--desired", "2", "--no-wait")
    assert there.service("web")["desiredCount"] == 2
    listed = json.loads(there.ok("service", "ls", "--json").out)["services"]
    assert [(item["name"], item["desiredCount"]) for item in listed] == [("web", 2)]
    told = json.loads(there.ok("service", "describe", "web", "--json").out)["service"]
    assert told["serviceArn"] == there.service("web")["serviceArn"]
    assert f"task definition  {FAMILY}:" in there.ok("service", "describe", "web").out
    there.ok("service", "scale", "web", "3", "--no-wait", "--yes")
    assert there.service("web")["desiredCount"] == 3
    there.ok("service", "down", "web", "--yes")
    assert there.service("web")["status"] in ("DRAINING", "INACTIVE")


def test_a_new_revision_is_registered_and_asked_for(there: There) -> None:
    there.ok("service", "up", "web", "--task-definition", FAMILY, "--no-wait")
    there.run("service", "deploy", "web", "--env", f"CLUSTER={there.cluster}", "--no-wait", "--yes")
    newest = there.ecs.describe_task_definition(taskDefinition=FAMILY)["taskDefinition"]
    assert newest["containerDefinitions"][0]["environment"] == [{"name": "CLUSTER", "value": there.cluster}]
    asked = there.service("web")["taskDefinition"]
    assert asked.rsplit("/", 1)[-1] == f"{FAMILY}:{newest['revision']}"


def test_a_task_is_run_shown_and_its_moments_are_told(there: There) -> None:
    ran = there.ok("run-task", FAMILY, "--no-wait")
    [arn] = there.tasks
    assert ran.out.strip() == short(arn)
    eventually(lambda: "RUNNING" in there.ok("ps").out, within=30)
    assert f"task             {arn.rsplit('/', 1)[-1]}" in there.ok("task", "describe", short(arn)).out
    told = [line.split()[1] for line in there.ok("events").out.splitlines() if f"task={short(arn)}" in line]
    assert told == ["STARTED", "RUNNING"]


def test_run_task_waits_for_the_end_and_ends_with_the_containers_code(there: There) -> None:
    there.ends_soon()
    ran = there.ok("run-task", "batch-job")
    [arn] = there.tasks
    assert ran.out.splitlines()[-1] == f"{short(arn)} STOPPED exit 0"
    assert "DONE." in ran.err


def test_events_are_followed_by_looking_again(there: There) -> None:
    before = there.started()
    following = subprocess.Popen(
        [str(BIN / "chaos-ecs"), *there.options, "events", "--follow"],
        env=there.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert following.stdout is not None
        for task in (before, there.started()):
            told = [following.stdout.readline().split()[1:3] for _ in range(2)]
            assert told == [["STARTED", f"task={short(task)}"], ["RUNNING", f"task={short(task)}"]]
    finally:
        following.send_signal(signal.SIGINT)
        assert following.wait(30) == 0
        if following.stdout is not None:
            following.stdout.close()


# --- what is stopped ---


def test_a_kill_is_stop_task_says_so_and_stops_nothing_without_a_yes(there: There) -> None:
    task = there.started()
    refused = there.run("kill", short(task))
    assert refused.code == 5, refused
    assert there.task(task)["desiredStatus"] == "RUNNING"
    assert f"E-NOT-CONFIRMED: Nothing was changed in cluster {there.cluster} of account 123456789012" in refused.err
    there.ok("kill", short(task), "--dry-run")
    assert there.task(task)["desiredStatus"] == "RUNNING"
    killed = there.ok("kill", short(task), "--yes")
    assert there.task(task)["lastStatus"] == "STOPPED"
    assert "kill is StopTask there: SIGTERM" in killed.err
    assert "not the crash" in killed.err
    assert killed.out.splitlines()[-1].startswith(f"{short(task)} STOPPED")


def test_a_kill_without_a_name_takes_one_task_that_it_names(there: There) -> None:
    tasks = [there.started(), there.started()]
    told = json.loads(there.ok("kill", "--yes", "--json").out)
    [victim] = [item["task"] for item in told["victims"]]
    assert told["operation"] == "StopTask"
    stopped = [arn for arn in tasks if there.task(arn)["desiredStatus"] == "STOPPED"]
    assert stopped == [victim]


CHANGES = (
    ("kill",),
    ("kill", "--standalone", "--all"),
    ("task", "stop", "TASK"),
    ("service", "scale", "web", "5"),
    ("service", "down", "web"),
    ("service", "up", "web", "--desired", "7"),
    ("service", "up", "web", "--env", "A=1"),
    ("service", "deploy", "web", "--env", "A=1"),
    ("service", "deploy", "web", "--force"),
)


def test_nothing_at_all_is_changed_without_a_confirmation(there: There) -> None:
    task = there.started()
    there.ok("service", "up", "web", "--task-definition", FAMILY, "--desired", "0", "--no-wait")
    before = there.all_there_is()
    for change in CHANGES:
        words = [short(task) if word == "TASK" else word for word in change]
        ran = there.run(*words)
        assert (ran.code, ran.out) == (5, ""), (change, ran)
        assert "E-NOT-CONFIRMED" in ran.err
    assert there.all_there_is() == before


def test_a_task_is_stopped_with_its_reason(there: There) -> None:
    task = there.started()
    there.ok("task", "stop", short(task), "--reason", "lesson over", "--yes")
    assert there.task(task)["desiredStatus"] == "STOPPED"
    assert there.task(task)["stoppedReason"] == "lesson over"


@pytest.mark.skipif(sys.platform == "win32", reason="a pty is POSIX")
def test_in_a_terminal_the_clusters_name_is_typed(there: There) -> None:
    from tests.e2e.test_terminal import OnATerminal

    task = there.started()
    environment = {**there.environment, "TERM": "dumb"}
    for typed, code, status in (("y", 5, "RUNNING"), (there.cluster, 0, "STOPPED")):
        terminal = OnATerminal(environment, *there.options, "kill", short(task), columns=200)
        try:
            terminal.sees(
                f"in cluster {there.cluster} of account 123456789012, region us-east-1. Type the cluster's name"
            )
            terminal.press(f"{typed}\n")
            assert terminal.ends() == code, terminal.text
        finally:
            terminal.close()
        assert there.task(task)["desiredStatus"] == status


# --- what is refused ---


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("run-task", "no-such-family"), 125, "ClientException"),
        (("service", "scale", "nothing", "2", "--yes"), 3, "ServiceNotFoundException"),
        (("service", "up", "x", "--task-definition", "no-such-family", "--no-wait"), 1, "ClientException"),
        (("task", "describe", "abcdef"), 3, "E-NO-TASK"),
        (("kill", "abcdef", "--yes"), 3, "E-NO-TASK"),
        (("kill", "--yes"), 3, "E-NOT-FOUND"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_is_refused_in_four_parts(
    there: There, arguments: tuple[str, ...], code: int, said: str
) -> None:
    ran = there.run(*arguments)
    assert ran.code == code, ran
    [first] = [line for line in ran.err.splitlines() if line.startswith(said)]
    assert first.startswith(f"{said}: ")
    assert "\n  why:  " in ran.err
    assert "\n  next: " in ran.err
    assert "Traceback" not in ran.err


def test_what_the_json_of_a_refusal_leads_to_is_the_same_place(there: There) -> None:
    ran = there.run("task", "describe", "abcdef", "--json")
    refusal = json.loads(ran.err.splitlines()[-1])
    assert refusal["exitCode"] == 3
    assert refusal["error"]["next"] == f"chaos-ecs --endpoint {there.url} --cluster {there.cluster} ps --all"


# --- keys, regions, and answers that are none ---

KEYS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": "eu-central-1"}
AWS = ("--endpoint", "aws", "--cluster", "prod")


@pytest.mark.parametrize(
    ("more", "options", "code", "said"),
    [
        ({"AWS_DEFAULT_REGION": ""}, (), 2, "E-NO-REGION"),
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, (), 1, "E-NO-CREDENTIALS"),
        ({"AWS_SECRET_ACCESS_KEY": ""}, (), 1, "E-NO-CREDENTIALS"),
        ({}, ("--profile", "nobody"), 2, "E-NO-PROFILE"),
        ({}, ("--region", "no region!"), 2, "E-NO-REGION"),
        ({"AWS_ENDPOINT_URL_ECS": "http://127.0.0.1:1"}, (), 5, "E-NOT-AWS"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, (), 5, "E-NOT-AWS"),
        ({"AWS_ENDPOINT_URL_STS": "http://127.0.0.1:1"}, (), 5, "E-NOT-AWS"),
    ],
)
def test_with_aws_itself_nothing_is_asked_before_it_is_known_who_asks_whom(
    tmp_path: Path, more: dict[str, str], options: tuple[str, ...], code: int, said: str
) -> None:
    environment = {name: value for name, value in (an_environment(tmp_path) | KEYS | more).items() if value}
    ran = run([*AWS, *options, "kill", "--yes"], environment)
    assert ran.code == code, ran
    assert ran.err.startswith(f"{said}: ")
    assert "\n  next: " in ran.err


def test_a_profile_that_leads_somewhere_else_is_not_taken_for_aws(tmp_path: Path) -> None:
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "config").write_text("[profile local]\nendpoint_url = http://127.0.0.1:1\n")
    ran = run([*AWS, "--profile", "local", "ps"], an_environment(tmp_path) | KEYS)
    assert (ran.code, ran.err.partition(":")[0]) == (5, "E-NOT-AWS"), ran
    assert "http://127.0.0.1:1" in ran.err


@pytest.mark.parametrize(
    ("code", "message", "status", "next_", "tries"),
    [
        ("AccessDeniedException", "User: x is not authorized to perform: ecs:DescribeClusters", 400, "policy", 1),
        ("ExpiredTokenException", "The security token included in the request is expired", 400, "aws sso login", 1),
        ("UnrecognizedClientException", "The security token included in the request is invalid.", 400, "keys", 1),
        ("ThrottlingException", "Rate exceeded", 400, "in a minute", 3),
        ("ServerException", "Service Unavailable. Please try again later.", 500, "in a minute", 3),
    ],
)
def test_a_refusal_is_told_with_what_to_do_and_tried_again_only_where_that_helps(
    tmp_path: Path, code: str, message: str, status: int, next_: str, tries: int
) -> None:
    with a_refuser(code, message, status) as refuser:
        ran = run(["--endpoint", refuser.url, "--cluster", "prod", "ps"], an_environment(tmp_path) | KEYS)
        assert ran.code == 1, ran
        assert ran.err.startswith(f"{code}: DescribeClusters was refused\n  why:  {message}\n  next: ")
        assert next_ in ran.err.partition("next:")[2]
        assert refuser.asked.count("DescribeClusters") == tries


def test_a_place_that_nobody_answers_at_is_told(tmp_path: Path) -> None:
    ran = run(["--endpoint", "http://127.0.0.1:1", "--cluster", "prod", "ps"], an_environment(tmp_path) | KEYS)
    assert (ran.code, ran.err.partition(":")[0]) == (1, "E-ENDPOINT"), ran
    assert "Traceback" not in ran.err


def test_a_place_that_is_no_api_is_told(tmp_path: Path) -> None:
    with a_server(answering(200, "<html>a page</html>")) as url:
        ran = run(["--endpoint", url, "--cluster", "prod", "ps"], an_environment(tmp_path) | KEYS)
        assert (ran.code, ran.err.partition(":")[0]) == (1, "E-ENDPOINT"), ran
        assert "does not answer as AWS does" in ran.err
