"""--endpoint in memory: who may go there, what one look tells, what happened, the gate, botocore's errors."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
from botocore import exceptions
from botocore.parsers import ResponseParserError

from chaos_ecs.cli import completion, plain, sentences, topics
from chaos_ecs.cli.app import app
from chaos_ecs.cli.endpoint import place as places
from chaos_ecs.cli.endpoint import seen as looking
from chaos_ecs.cli.endpoint import troubles
from chaos_ecs.cli.endpoint.api import EcsApi
from chaos_ecs.cli.endpoint.moments import moments
from chaos_ecs.cli.endpoint.opening import Gate
from chaos_ecs.cli.endpoint.place import Place
from chaos_ecs.cli.endpoint.seen import Seen, state_of
from chaos_ecs.cli.line import Line
from chaos_ecs.cli.lines import lines_of
from chaos_ecs.cli.parts import hoisted
from chaos_ecs.cli.shell import Shell, open_controller
from chaos_ecs.cli.snapshot import Snapshot
from chaos_ecs.errors import ChaosEcsError
from tests.unit.fake_controller import FakeController, Terminal, a_state

BASE = "arn:aws:ecs:eu-central-1:210987654321"
CLUSTER = {"clusterArn": f"{BASE}:cluster/prod", "clusterName": "prod", "status": "ACTIVE"}
WEB = f"{BASE}:service/prod/web"
DEFINITION = f"{BASE}:task-definition/web:7"
AWS = Place("aws", "work", "eu-central-1")
AT = 1_790_000_000.0
THERE = ("--endpoint", "aws", "--cluster", "prod")

Raw = dict[str, Any]


def arn(digits: str) -> str:
    return f"{BASE}:task/prod/{digits.ljust(32, '0')}"


def a_task(digits: str, group: str = "service:web", **changes: Any) -> Raw:
    """As DescribeTasks answers it."""
    return {
        "taskArn": arn(digits),
        "clusterArn": CLUSTER["clusterArn"],
        "taskDefinitionArn": DEFINITION,
        "group": group,
        "lastStatus": "RUNNING",
        "desiredStatus": "RUNNING",
        "createdAt": AT,
        "startedAt": AT + 40,
        "containers": [a_container()],
        **changes,
    }


def a_container(name: str = "app", **changes: Any) -> Raw:
    return {"name": name, "image": "nginx", "lastStatus": "RUNNING", **changes}


def a_service(**changes: Any) -> Raw:
    """As DescribeServices answers it: 2 of 2, steady."""
    return {
        "serviceArn": WEB,
        "serviceName": "web",
        "clusterArn": CLUSTER["clusterArn"],
        "status": "ACTIVE",
        "desiredCount": 2,
        "runningCount": 2,
        "pendingCount": 0,
        "taskDefinition": DEFINITION,
        "deployments": [a_deployment()],
        "events": [],
        **changes,
    }


def a_deployment(**changes: Any) -> Raw:
    return {
        "id": "ecs-svc/1",
        "status": "PRIMARY",
        "taskDefinition": DEFINITION,
        "rolloutState": "COMPLETED",
        "desiredCount": 2,
        "runningCount": 2,
        "pendingCount": 0,
        "createdAt": AT - 9,
        "updatedAt": AT + 90,
        **changes,
    }


OPENED: list[FakeApi] = []


@pytest.fixture(autouse=True)
def over() -> Iterator[None]:
    """Whoever follows looks again and again, here without a pause, and nobody tells its thread that we are done."""
    yield
    while OPENED:
        OPENED.pop().is_over = True


class FakeApi:
    """An ECS API with one cluster; writes its calls down."""

    def __init__(self, *tasks: Raw, services: tuple[Raw, ...] = (), page: int = 1000) -> None:
        self.tasks, self.services, self.page = list(tasks), list(services), page
        self.calls: list[tuple[str, Raw]] = []
        self.is_over = False
        OPENED.append(self)

    def __call__(self, operation: str, members: Raw) -> Raw:
        if self.is_over:
            raise ChaosEcsError("E-OVER", "The test is over", "a thread that follows goes on looking", "")
        self.calls.append((operation, members))
        handler: Callable[[Raw], Raw] = getattr(self, f"on_{operation}", lambda members: {})
        return handler(members)

    @property
    def asked(self) -> list[str]:
        return [operation for operation, _ in self.calls]

    def on_DescribeClusters(self, members: Raw) -> Raw:  # noqa: N802 - an operation's name
        return {"clusters": [CLUSTER] if members["clusters"] == ["prod"] else []}

    def on_ListClusters(self, members: Raw) -> Raw:  # noqa: N802
        return {"clusterArns": [f"{BASE}:cluster/prod", f"{BASE}:cluster/staging"]}

    def on_ListServices(self, members: Raw) -> Raw:  # noqa: N802
        return {"serviceArns": [item["serviceArn"] for item in self.services if item["status"] == "ACTIVE"]}

    def on_DescribeServices(self, members: Raw) -> Raw:  # noqa: N802
        return {"services": [item for item in self.services if item["serviceArn"] in members["services"]]}

    def on_ListTasks(self, members: Raw) -> Raw:  # noqa: N802
        found = [item["taskArn"] for item in self.tasks if item["desiredStatus"] == members["desiredStatus"]]
        first = int(members["nextToken"] or 0)
        more = first + self.page < len(found)
        return {"taskArns": found[first : first + self.page], "nextToken": str(first + self.page) if more else None}

    def on_DescribeTasks(self, members: Raw) -> Raw:  # noqa: N802
        assert len(members["tasks"]) <= 100
        return {"tasks": [item for item in self.tasks if item["taskArn"] in members["tasks"]]}

    def on_DescribeTaskDefinition(self, members: Raw) -> Raw:  # noqa: N802
        containers = [{"name": "app", "essential": True}, {"name": "log-router", "essential": False}]
        return {"taskDefinition": {"containerDefinitions": containers, "family": "web", "revision": 7}}

    def on_UpdateService(self, members: Raw) -> Raw:  # noqa: N802
        newer = a_deployment(id="ecs-svc/2", rolloutState="IN_PROGRESS")
        return {"service": a_service(deployments=[newer, a_deployment(status="ACTIVE")])}


def no(what: str) -> None:
    raise ChaosEcsError("E-NOT-CONFIRMED", "Nothing was changed", what, "The same with --yes", 5)


def an_api(fake: FakeApi, agree: Callable[[str], None] = no, *, cluster: str = "prod") -> EcsApi:
    return EcsApi(AWS, cluster, fake, agree, patience=0.0)


def at_a_terminal(fake: FakeApi, agree: Callable[[str], None] = no, **more: Any) -> Terminal:
    """A terminal whose --endpoint is there already."""
    terminal = Terminal(None, **more)
    terminal.shell.opener = open_controller
    terminal.shell.there_ = an_api(fake, agree)
    return terminal


def the_state(*tasks: Raw, services: tuple[Raw, ...] = (), **essentials: Any) -> Snapshot:
    return Snapshot.of(state_of(Seen(AT + 100, CLUSTER, services, tasks, essentials), 3))


# --- the options ---


@pytest.mark.parametrize(
    ("endpoint", "profile", "region", "options"),
    [
        ("aws", "", "", "--endpoint aws"),
        ("aws", "work", "eu-west-1", "--endpoint aws --profile work --region eu-west-1"),
        ("http://127.0.0.1:8481/", "", "", "--endpoint http://127.0.0.1:8481"),
        ("https://ecs.example.test", "", "", "--endpoint https://ecs.example.test"),
    ],
)
def test_a_place_is_aws_or_an_address(endpoint: str, profile: str, region: str, options: str) -> None:
    found = places.of(endpoint, profile, region)
    assert found is not None
    assert found.options == options


@pytest.mark.parametrize(
    ("endpoint", "profile", "region"),
    [("AWS", "", ""), ("localhost", "", ""), ("ftp://x", "", ""), ("http://", "", ""), ("http://x:0", "", ""),
     ("http://x:port", "", ""), ("", "work", ""), ("", "", "eu-west-1")],
)  # fmt: skip
def test_what_is_no_place_is_a_usage_error(endpoint: str, profile: str, region: str) -> None:
    with pytest.raises(ChaosEcsError) as refused:
        places.of(endpoint, profile, region)
    assert (refused.value.code, refused.value.exit_code) == ("E-USAGE", 2)
    assert refused.value.hint == "chaos-ecs --endpoint aws --cluster NAME ps"


def test_options_of_the_place_may_follow_the_command() -> None:
    words = ["kill", "web", "--endpoint", "aws", "--region=eu-west-1", "--yes", "--profile", "work"]
    assert hoisted(words) == ["--endpoint", "aws", "--region=eu-west-1", "--profile", "work", "kill", "web", "--yes"]


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("watch",),
        ("logs", "abcdef"),
        ("exec", "abcdef"),
        ("chaos", "inject", "pause"),
        ("schedule", "ls"),
        ("lb", "ls"),
        ("clean", "--yes"),
        ("controller", "stop"),
        ("demo",),
        ("aws-env",),
        ("kill", "--signal", "SIGTERM", "--yes"),
        ("service", "up", "web", "--lb"),
        ("service", "up", "web", "--no-lb"),
        ("service", "up", "web", "--strategy", "canary"),
        ("service", "up", "web", "--standby", "1"),
        ("run-task", "--interactive"),
        ("events", "--eventbridge"),
    ],
    ids=" ".join,
)
def test_what_is_more_than_the_ecs_api_is_refused_before_any_call(arguments: tuple[str, ...]) -> None:
    fake = FakeApi()
    terminal = at_a_terminal(fake, lambda what: None)
    assert terminal.run(*THERE, *arguments) == 2
    said = terminal.err.getvalue()
    assert said.startswith("E-ONLY-HERE: ")
    assert "\n  why:  " in said
    assert said.rstrip().endswith("chaos-ecs --endpoint aws --cluster NAME ps; or without --endpoint")
    assert fake.calls == []


def test_help_of_a_command_needs_no_account(capsys: pytest.CaptureFixture[str]) -> None:
    assert Terminal(None).run("--endpoint", "aws", "kill", "--help") == 0
    assert "chaos-ecs kill web" in capsys.readouterr().out


def test_the_topic_tells_every_command_that_goes_there() -> None:
    told = dict(topics.ENDPOINT)["commands"]
    assert set(places.COMMANDS) - {"help"} == set(told.partition(";")[0].split(", "))
    terminal = Terminal(FakeController(a_state()))
    assert terminal.run("help", "endpoint") == 0
    assert "--endpoint aws" in terminal.out.getvalue()


def test_tab_asks_neither_an_account_nor_the_controller_that_is_here(tmp_path: Path) -> None:
    (tmp_path / "controller.json").write_text('{"port": 8481}')
    (tmp_path / "credentials.json").write_text('{"access_key_id": "a", "secret_access_key": "b"}')
    terminal = at_a_terminal(fake := FakeApi(services=(a_service(),)))
    terminal.shell.environment = {"CHAOS_ECS_HOME": str(tmp_path)}
    command = typer.main.get_command(app)
    context: Any = command.make_context("chaos-ecs", [*THERE, "kill"], obj=terminal.shell, resilient_parsing=True)
    assert completion.services(context, "w") == []  # a socket would be refused, which is told by an error here
    assert fake.calls == []


def test_hints_are_commands_that_can_be_typed_there() -> None:
    shell = Shell({}, io.StringIO(), io.StringIO(), cluster="prod", place=Place("aws", "work"))
    there = "chaos-ecs --endpoint aws --profile work --cluster prod"
    assert shell.hinted("chaos-ecs ps | chaos-ecs watch") == f"{there} ps | {there} events --follow"
    assert shell.hinted("chaos-ecs logs 7f3a9c -f") == f"{there} task describe 7f3a9c"


# --- one look ---


@pytest.mark.parametrize(
    ("codes", "essential", "expected"),
    [
        ({"app": 0}, ("app",), 0),
        ({"app": 3}, ("app",), 3),
        ({"app": None}, ("app",), None),
        ({"app": 0, "log-router": 143}, ("app",), 0),
        ({"app": 1, "log-router": 143}, ("app",), 1),
        ({"app": 0, "other": 137}, ("app", "other"), 137),
        ({"app": None, "log-router": 143}, ("app",), None),
        ({"app": 7}, None, 7),
    ],
)
def test_the_essential_container_speaks_for_its_task(
    codes: dict[str, int | None], essential: tuple[str, ...] | None, expected: int | None
) -> None:
    task = a_task("7f3a9c", containers=[a_container(name, exitCode=code) for name, code in codes.items()])
    known = {} if essential is None else {DEFINITION: essential}
    assert Seen(AT, CLUSTER, (), (task,), known).exit_code_of(task) == expected


@pytest.mark.parametrize(
    ("changes", "steady"),
    [
        ({}, True),
        ({"runningCount": 1}, False),
        ({"runningCount": 3}, False),
        ({"pendingCount": 1}, False),
        ({"status": "DRAINING"}, False),
        ({"deployments": [a_deployment(rolloutState="IN_PROGRESS")]}, False),
        ({"deployments": [a_deployment(), a_deployment(id="ecs-svc/0", status="ACTIVE")]}, False),
        ({"deployments": []}, True),
    ],
)
def test_a_service_is_steady_when_nothing_is_on_its_way(changes: Raw, steady: bool) -> None:
    assert looking.is_steady(a_service(**changes)) is steady


def test_a_look_is_the_snapshot_that_the_commands_read() -> None:
    newer, alone = a_task("aaaaaa", createdAt=AT + 5), a_task("bbbbbb", "family:batch", createdAt=AT + 1)
    snapshot = the_state(newer, alone, services=(a_service(),))
    cluster = snapshot.clusters[0]
    assert (cluster.name, cluster.region) == ("prod", "eu-central-1")
    assert [(task.short, task.service, task.task_definition) for task in snapshot.tasks] == [
        ("bbbbbb", "", "web:7"),
        ("aaaaaa", WEB, "web:7"),
    ]
    service = snapshot.services[0]
    assert (service.condition, service.task_definition, service.kills) == ("STEADY", "web:7", 0)


def test_a_port_is_told_where_the_api_says_it_is_bound_not_on_this_machine() -> None:
    bound: Raw = {"bindIP": "0.0.0.0", "containerPort": 8080, "hostPort": 32768, "protocol": "tcp"}
    there = a_task("aaaaaa", containers=[a_container("app", networkBindings=[bound])])
    terminal = at_a_terminal(FakeApi(there))
    terminal.run("--endpoint", "aws", "--cluster", "prod", "ps")
    assert "0.0.0.0:32768" in terminal.out.getvalue()


def test_a_task_of_a_service_that_is_gone_is_still_no_standalone_one() -> None:
    assert the_state(a_task("aaaaaa")).tasks[0].service == WEB


def test_all_pages_are_read_and_tasks_described_a_hundred_at_a_time() -> None:
    fake = FakeApi(*(a_task(f"{number:06x}") for number in range(250)), page=100)
    assert len(an_api(fake).raw_state()["tasks"]) == 250
    assert fake.asked.count("ListTasks") == 4  # three pages, and the stopped ones
    assert fake.asked.count("DescribeTasks") == 3


def test_a_definition_is_asked_for_once_and_only_where_two_containers_have_ended() -> None:
    ended = [a_container("app", exitCode=0), a_container("log-router", exitCode=143)]
    stopped: Raw = {"lastStatus": "STOPPED", "desiredStatus": "STOPPED", "containers": ended}
    fake = FakeApi(a_task("aaaaaa"), a_task("bbbbbb", **stopped), a_task("cccccc", **stopped))
    api = an_api(fake)
    api.raw_state()
    assert {task["exitCode"] for task in api.raw_state()["tasks"]} == {None, 0}
    assert fake.asked.count("DescribeTaskDefinition") == 1


def test_a_cluster_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(ChaosEcsError) as refused:
        an_api(FakeApi(), cluster="nope").raw_state()
    assert refused.value.code == "ClusterNotFoundException"
    assert refused.value.why.endswith("only: prod, staging")


# --- what happened ---

STOPPED: Raw = {"lastStatus": "STOPPED", "desiredStatus": "STOPPED", "stoppedAt": AT + 100, "stopCode": "UserInitiated"}


@pytest.mark.parametrize(
    ("task", "told"),
    [
        (a_task("a", lastStatus="PENDING", startedAt=None), ["TASK_CREATED"]),
        (a_task("a"), ["TASK_CREATED", "TASK_RUNNING"]),
        (a_task("a", startedAt=None), ["TASK_CREATED", "TASK_RUNNING"]),
        (a_task("a", healthStatus="HEALTHY"), ["TASK_CREATED", "TASK_RUNNING", "TASK_HEALTH_CHANGED"]),
        (a_task("a", lastStatus="DEACTIVATING", desiredStatus="STOPPED", stoppingAt=AT + 50),
         ["TASK_CREATED", "TASK_RUNNING", "TASK_STOPPING"]),
        (a_task("a", **STOPPED), ["TASK_CREATED", "TASK_RUNNING", "TASK_STOPPED"]),
        (a_task("a", **{**STOPPED, "startedAt": None, "stopCode": "TaskFailedToStart"}),
         ["TASK_CREATED", "TASK_STOPPED"]),
    ],
)  # fmt: skip
def test_the_moments_of_a_task_are_those_that_it_has_reached(task: Raw, told: list[str]) -> None:
    found = [event for _, event in moments(Seen(AT + 500, CLUSTER, (), (task,)))]
    assert [event.type for event in found] == told
    assert {event.service for event in found} == {WEB}
    assert found[-1].get("reachedRunning") in (None, "TASK_RUNNING" in told)


@pytest.mark.parametrize(
    ("message", "type_", "words"),
    [
        ("(service web) has reached a steady state.", "SERVICE_STEADY", "STEADY"),
        ("(service web) has started 1 tasks: (task 7f3a9c).", "SERVICE_TASKS_STARTED", None),
        ("(service web) has stopped 1 running tasks: (task 7f3a9c).", "SERVICE_TASKS_STOPPED", "STOPPING"),
        ("(service web) was unable to place a task because no container instance met all of its requirements.",
         "SERVICE_THROTTLED", "THROTTLE"),
        ("(service web) is unable to consistently start tasks successfully.", "SERVICE_THROTTLED", "THROTTLE"),
        ("(service web) registered 1 targets in (target-group x)", "SERVICE_EVENT", "EVENT"),
    ],
)  # fmt: skip
def test_a_services_sentences_are_told_by_our_lines(message: str, type_: str, words: str | None) -> None:
    service = a_service(events=[{"id": "1", "createdAt": AT, "message": message}], deployments=[])
    [(_, event)] = moments(Seen(AT, CLUSTER, (service,), ()))
    assert (event.type, event.message, event.at) == (type_, message, AT)
    lines = lines_of([event])
    assert [line.word for line in lines] == ([] if words is None else [words])
    assert all(line.reason and line.detail == message for line in lines if words == "EVENT")


@pytest.mark.parametrize(
    ("rollout", "told"),
    [("IN_PROGRESS", []), ("COMPLETED", ["DEPLOYMENT_COMPLETED"]), ("FAILED", ["DEPLOYMENT_FAILED"])],
)
def test_a_deployment_begins_and_ends(rollout: str, told: list[str]) -> None:
    service = a_service(deployments=[a_deployment(rolloutState=rollout)])
    found = [event for _, event in moments(Seen(AT, CLUSTER, (service,), ()))]
    assert [event.type for event in found] == ["DEPLOYMENT_STARTED", *told]
    assert found[0].message == "service web: the deployment of web:7 begins"


def test_no_form_of_a_moment_tells_a_figure_that_the_api_does_not() -> None:
    """Ours know how many ran and how long it took; what is not known is left out, and never written as None."""
    said = ("has reached a steady state.", "has started 1 tasks.", "says more.")
    service = a_service(
        status="DRAINING",
        deployments=[a_deployment(rolloutState="FAILED")],
        events=[{"id": text, "createdAt": AT, "message": f"(service web) {text}"} for text in said],
    )
    undated: Raw = {**STOPPED, "startedAt": None, "stoppedAt": None}
    tasks = (a_task("a", startedAt=None), a_task("b", **undated), a_task("c", "family:batch", **undated))
    events = [event for _, event in moments(Seen(AT, CLUSTER, (service,), tasks))]
    told = [*sentences.of_day(events), *map(plain.line, events), *map(repr, map(whole, lines_of(events)))]
    assert [row for row in told if "None" in row or "?" in row] == []


def whole(line: Line) -> tuple[str, ...]:
    return line.word, line.who, line.detail, line.brief or "", line.measured, line.measured_brief or ""


def test_every_moment_is_told_once_however_often_it_is_looked_at() -> None:
    fake = FakeApi(a_task("7f3a9c"), services=(a_service(),))
    api = an_api(fake)
    first = list(api.events(0, follow=False))
    api.raw_state()
    assert list(api.events(0, follow=False)) == first
    assert [event.number for event in first] == list(range(1, len(first) + 1))
    fake.tasks[0] = a_task("7f3a9c", **STOPPED)
    api.raw_state()
    [end] = api.events(len(first), follow=False)
    assert (end.type, end.get("stopCode"), end.get("ranFor")) == ("TASK_STOPPED", "UserInitiated", 60)


def test_following_looks_again_until_something_is_new() -> None:
    fake = FakeApi(a_task("7f3a9c"))
    api = an_api(fake)
    known = len(api.raw_state() and list(api.events(0, follow=False)))
    following: Iterator[Any] = api.events(known, follow=True)
    fake.tasks.append(a_task("c9d550", createdAt=AT + 7))
    assert [next(following).task for _ in range(2)] == [arn("c9d550")] * 2


def test_a_service_that_is_deleted_is_told_though_it_is_listed_no_more() -> None:
    fake = FakeApi(services=(a_service(),))
    api = an_api(fake)
    api.raw_state()
    fake.services[0] = a_service(status="INACTIVE")
    state = api.raw_state()
    assert [item["status"] for item in state["services"]] == ["INACTIVE"]
    assert list(api.events(0, follow=False))[-1].type == "SERVICE_INACTIVE"


# --- the gate ---


@pytest.mark.parametrize("operation", ["StopTask", "UpdateService", "DeleteService", "CreateCluster", "PutAttributes"])
def test_what_changes_is_not_called_without_a_yes(operation: str) -> None:
    fake = FakeApi()
    with pytest.raises(ChaosEcsError) as refused:
        an_api(fake).ecs(operation, cluster="prod", service="web")
    assert refused.value.why == f"{operation} web"
    assert fake.calls == []


@pytest.mark.parametrize(
    "operation", ["DescribeTasks", "ListTasks", "RunTask", "CreateService", "RegisterTaskDefinition"]
)
def test_what_reads_or_begins_something_new_asks_nobody(operation: str) -> None:
    fake = FakeApi()
    an_api(fake).ecs(operation, cluster="prod", desiredStatus="RUNNING", nextToken=None, tasks=[])
    assert fake.asked == [operation]


@pytest.mark.parametrize(
    ("asks", "agreed", "typed", "passes"),
    [
        (True, False, "prod", True),
        (True, False, " prod ", True),
        (True, False, "y", False),
        (True, False, "yes", False),
        (True, False, "", False),
        (True, False, "PROD", False),
        (False, False, "prod", False),
        (False, True, "", True),
        (True, True, "", True),
    ],
)
def test_the_clusters_name_opens_the_gate_and_so_does_yes(asks: bool, agreed: bool, typed: str, passes: bool) -> None:
    err = io.StringIO()
    shell = Shell({}, io.StringIO(), err, asks=asks, agreed=agreed, cluster="prod", read_answer=lambda: typed)
    gate = Gate(shell, AWS, "cluster prod of account 210987654321, region eu-central-1")
    if passes:
        gate.pass_("StopTask 7f3a9c")
        gate.pass_("StopTask c9d550")
    else:
        with pytest.raises(ChaosEcsError) as refused:
            gate.pass_("StopTask 7f3a9c")
        assert refused.value.exit_code == 5
        assert "cluster prod of account 210987654321" in refused.value.what
    question = "StopTask 7f3a9c in cluster prod of account 210987654321, region eu-central-1. Type the cluster's name"
    assert err.getvalue().count(question) == (asks and not agreed)


def test_a_deployment_is_agreed_to_before_a_revision_is_registered_for_it() -> None:
    fake = FakeApi(services=(a_service(),))
    terminal = at_a_terminal(fake)
    assert terminal.run(*THERE, "service", "deploy", "web", "--env", "A=1", "--no-wait") == 5
    assert set(fake.asked) <= {"DescribeClusters", "ListServices", "DescribeServices", "ListTasks"}


CONFIGURED = {"maximumPercent": 150, "deploymentCircuitBreaker": {"enable": False, "rollback": False}}


@pytest.mark.parametrize(
    ("options", "configuration"),
    [
        ((), None),
        (("--max", "200"), {**CONFIGURED, "maximumPercent": 200}),
        (("--no-rollback",), {**CONFIGURED, "deploymentCircuitBreaker": {"enable": True, "rollback": False}}),
    ],
)
def test_a_deployment_there_changes_no_configuration_that_nobody_asked_for(
    options: tuple[str, ...], configuration: Raw | None
) -> None:
    fake = FakeApi(services=(a_service(deploymentConfiguration=CONFIGURED),))
    terminal = at_a_terminal(fake, lambda what: None)
    assert terminal.run(*THERE, "service", "deploy", "web", "--force", "--no-wait", *options) == 0, terminal.both
    [members] = [members for operation, members in fake.calls if operation == "UpdateService"]
    assert members.get("deploymentConfiguration") == configuration
    assert members["forceNewDeployment"] is True


# --- kill ---


def test_a_kill_names_the_difference_asks_and_stops() -> None:
    fake = FakeApi(a_task("7f3a9c", "family:batch"))
    asked: list[str] = []

    def stop(members: Raw) -> Raw:
        fake.tasks[0] = a_task("7f3a9c", "family:batch", **STOPPED)
        return {"task": {}}

    fake.on_StopTask = stop  # type: ignore[attr-defined]
    terminal = at_a_terminal(fake, asked.append)
    assert terminal.run(*THERE, "kill", "7f3a", "--json") == 0
    assert asked[0] == "StopTask 7f3a9c"
    assert "SIGTERM, 30 s (its stopTimeout) later SIGKILL, and stopCode UserInitiated" in terminal.err.getvalue()
    told = json.loads(terminal.out.getvalue())
    assert (told["operation"], told["over"]) == ("StopTask", True)
    assert [(item["task"], item["stopCode"]) for item in told["victims"]] == [(arn("7f3a9c"), "UserInitiated")]


@pytest.mark.parametrize(
    ("options", "victims"),
    [
        (("7f3a", "c9d5"), {"7f3a9c", "c9d550"}),
        (("--standalone",), {"e41b07"}),
        (("--all",), {"7f3a9c", "c9d550", "e41b07"}),
        (("web", "--count", "2"), {"7f3a9c", "c9d550"}),
    ],
)
def test_the_victims_are_those_that_run_and_match(options: tuple[str, ...], victims: set[str]) -> None:
    tasks = (a_task("7f3a9c"), a_task("c9d550"), a_task("e41b07", "family:batch"), a_task("0dead0", **STOPPED))
    terminal = at_a_terminal(FakeApi(*tasks, services=(a_service(),)))
    assert terminal.run(*THERE, "kill", *options, "--dry-run") == 0
    assert {line.split()[2].strip(",") for line in terminal.out.getvalue().splitlines()} == victims


def test_the_same_seed_picks_the_same_victim() -> None:
    tasks = tuple(a_task(f"{number:06x}") for number in range(20))
    told = []
    for _ in range(2):
        terminal = at_a_terminal(FakeApi(*tasks, services=(a_service(),)))
        terminal.run(*THERE, "kill", "--seed", "7", "--dry-run")
        told.append(terminal.out.getvalue())
    assert told[0] == told[1] != ""


# --- botocore's errors ---


def refused(code: str, message: str, status: int = 400) -> exceptions.ClientError:
    answer = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return exceptions.ClientError(answer, "DescribeClusters")


@pytest.mark.parametrize(
    ("error", "code", "part", "exit_code"),
    [
        (refused("ExpiredTokenException", "expired"), "ExpiredTokenException", "aws sso login --profile work", 1),
        (refused("ExpiredToken", "expired"), "ExpiredToken", "aws sso login --profile work", 1),
        (refused("InvalidClientTokenId", "no"), "InvalidClientTokenId", "get-caller-identity --profile work", 1),
        (refused("AccessDeniedException", "not authorized"), "AccessDeniedException", "policy", 1),
        (refused("ThrottlingException", "Rate exceeded"), "ThrottlingException", "in a minute", 1),
        (refused("ClusterNotFoundException", "Cluster not found."), "ClusterNotFoundException", "list-clusters", 1),
        (refused("ClientException", "TaskDefinition not found."), "ClientException", "list-task-definitions", 1),
        (refused("InvalidParameterException", "Network Configuration must be provided when networkMode 'awsvpc'"),
         "InvalidParameterException", "--network-configuration", 1),
        (refused("500", "<html><title>500</title> Internal</html>", 500), "HTTP-500", "chaos-ecs ps", 1),
        (exceptions.NoCredentialsError(), "E-NO-CREDENTIALS", "--profile", 1),
        (exceptions.PartialCredentialsError(provider="env", cred_var="x"), "E-NO-CREDENTIALS", "--profile", 1),
        (exceptions.CredentialRetrievalError(provider="x", error_msg="y"), "E-NO-CREDENTIALS", "aws sso login", 1),
        (exceptions.UnauthorizedSSOTokenError(), "E-EXPIRED", "aws sso login --profile work", 1),
        (exceptions.TokenRetrievalError(provider="sso", error_msg="y"), "E-EXPIRED", "aws sso login", 1),
        (exceptions.SSOTokenLoadError(error_msg="y"), "E-EXPIRED", "aws sso login", 1),
        (exceptions.ProfileNotFound(profile="x"), "E-NO-PROFILE", "list-profiles", 2),
        (exceptions.NoRegionError(), "E-NO-REGION", "--region", 2),
        (exceptions.InvalidRegionError(region_name="x"), "E-NO-REGION", "--region", 2),
        (exceptions.EndpointConnectionError(endpoint_url="x"), "E-ENDPOINT", "network", 1),
        (exceptions.ConnectTimeoutError(endpoint_url="x"), "E-ENDPOINT", "network", 1),
        (exceptions.ReadTimeoutError(endpoint_url="x"), "E-ENDPOINT", "network", 1),
        (exceptions.SSLError(endpoint_url="x", error="y"), "E-ENDPOINT", "network", 1),
        (exceptions.ParamValidationError(report="Unknown parameter"), "E-USAGE", "help", 2),
        (exceptions.DataNotFoundError(data_path="x"), "E-ENDPOINT", "--debug", 1),
        (ResponseParserError("invalid XML"), "E-ENDPOINT", "network", 1),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)  # fmt: skip
def test_every_trouble_of_botocores_is_told_in_four_parts(
    error: Exception, code: str, part: str, exit_code: int
) -> None:
    told = troubles.told(error, "DescribeClusters", AWS)
    assert told is not None
    assert (told.code, told.exit_code) == (code, exit_code)
    assert part in told.hint
    assert told.what
    assert told.why
    assert "<" not in told.why
    assert "{" not in told.what + told.hint


def test_what_is_no_trouble_of_botocores_is_left_alone() -> None:
    assert troubles.told(ValueError("a bug"), "DescribeClusters", AWS) is None


def test_what_botocore_stumbles_over_at_an_address_is_no_api() -> None:
    told = troubles.told(KeyError("GetCallerIdentityResult"), "GetCallerIdentity", Place("http://127.0.0.1:1"))
    assert told is not None
    assert told.code == "E-ENDPOINT"
