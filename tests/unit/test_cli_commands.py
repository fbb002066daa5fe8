"""Command lines against a fake controller: exit codes, what goes to stdout and what to stderr."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chaos_ecs.errors import ChaosEcsError
from tests.unit.fake_controller import (
    CLUSTER,
    FakeController,
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

WEB_TASKS = [a_task("7f3a9c", "web"), a_task("c9d550", "web"), a_task("e41b07", "web")]


def a_room(**changes: Any) -> FakeController:
    """A controller with service web at 3 of 3."""
    return FakeController(a_state(services=[a_service()], tasks=WEB_TASKS, **changes))


def dying(controller: FakeController, digits: str, *, service: str, exit_code: int = 137) -> None:
    """KillTasks hits this task; its service, if it has one, gets a new task and recovers at once."""

    def kill(members: dict[str, Any]) -> dict[str, Any]:
        if members.get("dryRun"):
            return {"victims": [task_arn(digits)], "dryRun": True}
        tasks = [
            stopped(task, exit_code) if task["arn"] == task_arn(digits) else task for task in controller.state["tasks"]
        ]
        told = [event("TASK_STOPPED", number=11, service=service, task=digits, exitCode=exit_code, noticedAfter=0.1)]
        if service:
            tasks.append(a_task("aaaaaa", service, fills=task_arn(digits)))
            new: dict[str, Any] = {"service": service, "task": "aaaaaa", "fills": task_arn(digits)}
            told += [
                event("TASK_CREATED", number=12, decidedAfter=0.2, **new),
                event("TASK_RUNNING", number=13, runningAfter=0.4, **new),
                event("SERVICE_RECOVERED", number=14, service=service, seconds=0.4),
            ]
        controller.state = {**controller.state, "tasks": tasks}
        controller.tell(*told)
        return {"victims": [task_arn(digits)]}

    controller.answers["KillTasks"] = kill


# --- everywhere ---


def test_without_a_command_the_state_and_three_next_commands_are_told() -> None:
    terminal = Terminal(a_room())
    assert terminal.run() == 0
    assert "web" in terminal.out.getvalue()
    assert terminal.out.getvalue().count("\n  chaos-ecs ") == 3
    assert "chaos-ecs kill web" in terminal.out.getvalue()


def test_without_a_command_and_without_a_controller_nothing_is_started() -> None:
    terminal = Terminal(None)
    assert terminal.run() == 0
    assert "the controller is not running" in terminal.out.getvalue()
    assert terminal.out.getvalue().count("\n  chaos-ecs ") == 3


@pytest.mark.parametrize(
    "arguments",
    [
        ("pss",),
        ("ps", "--al"),
        ("service", "scale", "web"),
        ("service", "scale", "web", "-1"),
        ("kill", "--count", "0"),
    ],
)
def test_a_command_line_that_cannot_be_understood_is_exit_code_2(arguments: tuple[str, ...]) -> None:
    assert Terminal(a_room()).run(*arguments) == 2


def test_a_mistyped_command_and_option_are_answered_with_what_was_meant(capsys: pytest.CaptureFixture[str]) -> None:
    Terminal(a_room()).run("pss")
    Terminal(a_room()).run("ps", "--al")
    said = capsys.readouterr().err
    assert "Did you mean 'ps'?" in said
    assert "--all" in said


def test_an_error_says_what_happened_why_and_the_next_command() -> None:
    controller = a_room()
    controller.answers["UpdateService"] = refusing("InvalidParameterException", "desiredCount is wrong")
    terminal = Terminal(controller)
    assert terminal.run("service", "scale", "web", "5") == 1
    assert terminal.err.getvalue() == (
        "InvalidParameterException: it was refused\n  why:  desiredCount is wrong\n  next: chaos-ecs ps\n"
    )
    assert terminal.out.getvalue() == ""


def test_an_error_is_json_where_the_result_would_have_been() -> None:
    terminal = Terminal(a_room())
    assert terminal.run("task", "describe", "ffff", "--json") == 3
    said = json.loads(terminal.err.getvalue())
    assert (said["v"], said["exitCode"], said["error"]["code"]) == (1, 3, "E-NO-TASK")


def test_debug_lets_the_error_out() -> None:
    with pytest.raises(ChaosEcsError):
        Terminal(a_room()).run("task", "describe", "ffff", "--debug")


def test_a_wrong_setting_is_a_usage_error() -> None:
    terminal = Terminal(a_room())
    terminal.shell.environment = {"CHAOS_ECS_PORT": "many"}
    assert terminal.run("ps") == 2
    assert "CHAOS_ECS_PORT" in terminal.err.getvalue()


def test_the_options_that_are_good_everywhere_may_stand_anywhere() -> None:
    for arguments in (("--json", "ps"), ("ps", "--json"), ("--cluster", "my-cluster", "ps", "--json")):
        terminal = Terminal(a_room())
        assert terminal.run(*arguments) == 0
        assert len(json.loads(terminal.out.getvalue())["tasks"]) == 3


# --- looking ---


def test_ps_lists_running_tasks_and_with_all_why_the_others_stopped() -> None:
    ended = stopped(a_task("a1b2c3"), 1, stoppedReason="Essential container in task exited")
    controller = FakeController(a_state(tasks=[a_task("7f3a9c", "web", host_port=49153), ended]))
    terminal = Terminal(controller)
    terminal.run("ps")
    assert terminal.out.getvalue() == (
        "TASK    SERVICE  STATUS   TASK DEFINITION  UP     PORTS\n"
        "7f3a9c  web      RUNNING  web-server:1     00:59  127.0.0.1:49153\n"
    )
    terminal = Terminal(controller)
    terminal.run("ps", "--all")
    assert "1     EssentialContainerExited: Essential container in task exited" in terminal.out.getvalue()


def test_an_empty_list_says_why_and_what_to_type_and_leaves_stdout_empty() -> None:
    for arguments in (("ps",), ("service", "ls")):
        terminal = Terminal(FakeController(a_state()))
        assert terminal.run(*arguments) == 0
        assert terminal.out.getvalue() == ""
        assert "Try: chaos-ecs service up" in terminal.err.getvalue()


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (("service", "describe", "nothing"), 3, "ServiceNotFoundException: Service not found"),
        (("--cluster", "nowhere", "ps"), 1, "ClusterNotFoundException: Cluster not found"),
        (("task", "stop", "ffffffff"), 3, "There is no task ffffffff"),
        (("logs", "ffffffff"), 3, "There is no service and no task ffffffff"),
    ],
)
def test_what_is_not_there_is_an_error_that_says_what_is(arguments: tuple[str, ...], code: int, text: str) -> None:
    terminal = Terminal(a_room())
    assert terminal.run(*arguments) == code
    assert text in terminal.err.getvalue()


def test_events_are_plain_lines_or_json_objects_one_a_line() -> None:
    controller = a_room()
    controller.tell(
        event("SERVICE_CREATED", number=1, service="web", desiredCount=3),
        event("SERVICE_CREATED", number=2, service="worker", desiredCount=1),
        event("SERVICE_STEADY", number=3, service="web", runningCount=3),
    )
    terminal = Terminal(controller)
    assert terminal.run("events", "web") == 0
    assert [line.split()[1] for line in terminal.out.getvalue().splitlines()] == ["CREATED", "STEADY"]
    terminal = Terminal(controller)
    terminal.run("events", "--json", "--tail", "2")
    objects = [json.loads(line) for line in terminal.out.getvalue().splitlines()]
    assert [(item["v"], item["number"]) for item in objects] == [(1, 2), (1, 3)]


# --- services ---


def bringing_up(controller: FakeController, *, port: int | None = None) -> None:
    """CreateService answers, and the service is steady at once; its task definition maps `port`."""
    mapped = [{"containerPort": port}] if port else []
    described = {"revision": 1, "containerDefinitions": [{"name": "web-server", "portMappings": mapped}]}
    controller.answers["DescribeTaskDefinition"] = {"taskDefinition": described}
    controller.answers["EnsureServiceLoadBalancer"] = {"targetGroupArn": "tg", "hostPort": 8480}
    controller.answers["RemoveServiceLoadBalancer"] = {}

    def create(members: dict[str, Any]) -> dict[str, Any]:
        made = a_service(members["serviceName"], desiredCount=members["desiredCount"], runningCount=3)
        controller.state = {**controller.state, "services": [made]}
        controller.tell(event("SERVICE_STEADY", number=1, service=members["serviceName"], runningCount=3))
        return {"service": {"serviceArn": made["arn"]}}

    controller.answers["CreateService"] = create


def test_service_up_creates_waits_for_the_steady_state_and_returns_in_a_pipe() -> None:
    controller = FakeController(a_state())
    bringing_up(controller)
    terminal = Terminal(controller)
    assert terminal.run("service", "up", "--desired", "3") == 0
    assert terminal.out.getvalue() == "web 3/3 STEADY\n"
    assert "waiting for the steady state of web" in terminal.err.getvalue()
    assert " STEADY service=web" in terminal.err.getvalue()
    wished = {"cluster": CLUSTER, "serviceName": "web", "taskDefinition": "web-server:1", "desiredCount": 3}
    assert controller.calls[1:] == [("CreateService", wished)]


def test_service_up_puts_what_has_a_port_behind_the_load_balancer_and_says_where_it_answers() -> None:
    controller = FakeController(a_state())
    bringing_up(controller, port=8080)
    terminal = Terminal(controller)
    options = ("--desired", "3", "--lb-port", "9000", "--health-check-path", "/health")
    assert terminal.run("service", "up", *options) == 0
    asked = {"cluster": CLUSTER, "service": "web", "port": 9000, "healthCheckPath": "/health"}
    assert controller.calls[1] == ("EnsureServiceLoadBalancer", asked)
    place = {"targetGroupArn": "tg", "containerName": "web-server", "containerPort": 8080}
    assert controller.calls[2][1]["loadBalancers"] == [place]
    assert "simulator" not in terminal.err.getvalue()
    assert "web will answer at http://127.0.0.1:8480: load balancer chaos-ecs, port 8080" in terminal.err.getvalue()


def test_service_up_without_a_load_balancer_makes_none() -> None:
    controller = FakeController(a_state())
    bringing_up(controller, port=8080)
    assert Terminal(controller).run("service", "up", "--no-lb") == 0
    assert [operation for operation, _ in controller.calls] == ["CreateService"]


def test_a_load_balancer_for_what_has_no_port_is_refused_with_what_to_type() -> None:
    controller = FakeController(a_state())
    bringing_up(controller)
    terminal = Terminal(controller)
    assert terminal.run("service", "up", "worker", "--lb") == 1
    assert "E-NO-PORT" in terminal.err.getvalue()
    assert "chaos-ecs service up worker --lb --container-port 8080" in terminal.err.getvalue()


def test_a_refused_service_leaves_no_load_balancer_behind() -> None:
    group = {"arn": "tg", "name": "web", "targets": []}
    controller = FakeController(a_state(targetGroups=[group]))
    bringing_up(controller, port=8080)
    controller.answers["CreateService"] = refusing("InvalidParameterException", "no")
    assert Terminal(controller).run("service", "up") == 1
    assert controller.calls[-1] == ("RemoveServiceLoadBalancer", {"cluster": CLUSTER, "service": "web"})


def test_lb_on_a_service_that_exists_is_an_update_and_no_lb_takes_it_away() -> None:
    controller = a_room()
    bringing_up(controller, port=8080)
    controller.answers["UpdateService"] = {}
    assert Terminal(controller).run("service", "up", "web", "--lb") == 0
    assert controller.calls[-1][1]["loadBalancers"][0]["targetGroupArn"] == "tg"
    controller.state = a_state(services=[a_service(targetGroups=["tg"])], targetGroups=[{**GROUP}])
    assert Terminal(controller).run("service", "up", "web", "--no-lb") == 0
    assert controller.calls[-2] == (
        "UpdateService",
        {"cluster": CLUSTER, "service": service_arn("web"), "loadBalancers": []},
    )
    assert controller.calls[-1][0] == "RemoveServiceLoadBalancer"


GROUP = {"arn": "tg", "name": "web", "targets": [
    {"taskArn": task_arn(digits), "address": address, "port": 8080, "state": state, "reason": reason}
    for digits, address, state, reason in (
        ("7f3a9c", "10.0.0.1", "unhealthy", "Target.Timeout"), ("c9d550", "10.0.0.2", "healthy", ""),
    )
]}  # fmt: skip
BALANCER = {"arn": "lb", "name": "chaos-ecs", "listeners": [{"port": 80, "hostPort": 8480, "targetGroups": ["tg"]}]}


def a_balanced_room(**service: Any) -> FakeController:
    """Service web behind the load balancer, one of its two targets unhealthy."""
    web = a_service(targetGroups=["tg"], **service)
    return FakeController(a_state(services=[web], tasks=WEB_TASKS, loadBalancers=[BALANCER], targetGroups=[GROUP]))


def test_lb_status_shows_urls_and_every_target_with_its_reason() -> None:
    terminal = Terminal(a_balanced_room())
    assert terminal.run("lb", "status") == 0
    assert terminal.out.getvalue() == (
        "LISTENER               LOAD BALANCER  AWS PORT  TARGET GROUP       SERVICE\n"
        "http://127.0.0.1:8480  chaos-ecs      80        web (1/2 healthy)  web\n"
        "\n"
        "TARGET GROUP  TASK    ADDRESS        STATE      REQUESTS  REASON\n"
        "web           7f3a9c  10.0.0.1:8080  unhealthy  -         Target.Timeout\n"
        "web           c9d550  10.0.0.2:8080  healthy    -         -\n"
    )


def test_lb_status_without_a_load_balancer_says_what_to_type() -> None:
    terminal = Terminal(a_room())
    assert terminal.run("lb", "status") == 0
    assert terminal.out.getvalue() == ""
    assert "Try: chaos-ecs service up" in terminal.err.getvalue()


def test_service_describe_tells_the_load_balancer_its_targets_and_who_is_protected() -> None:
    controller = a_balanced_room()
    controller.state["tasks"] = [{**WEB_TASKS[0], "protectedUntil": controller.state["at"] + 600}]
    controller.answers["DescribeServices"] = {"services": [{}]}
    terminal = Terminal(controller)
    terminal.run("service", "describe", "web")
    assert "load balancer    http://127.0.0.1:8480\ntargets          web: 1/2 healthy\n" in terminal.out.getvalue()
    assert "protected        7f3a9c for 10m00s" in terminal.out.getvalue()
    assert "unhealthy  -         Target.Timeout" in terminal.out.getvalue()


def test_a_service_that_waits_for_its_targets_says_so_when_it_is_too_late() -> None:
    controller = a_balanced_room(steady=False)
    controller.answers["UpdateService"] = {}
    terminal = Terminal(controller)
    assert terminal.run("service", "scale", "web", "4", "--timeout", "0.01s") == 124
    assert "1/2 targets are healthy (Target.Timeout)" in terminal.err.getvalue()


def test_service_down_takes_the_listener_and_the_target_group_with_it() -> None:
    controller = a_balanced_room()
    controller.answers["RemoveServiceLoadBalancer"] = {}

    def delete(members: dict[str, Any]) -> dict[str, Any]:
        controller.state = a_state(services=[a_service(status="INACTIVE")])
        return {}

    controller.answers["DeleteService"] = delete
    assert Terminal(controller).run("service", "down", "web") == 0
    assert [operation for operation, _ in controller.calls] == ["DeleteService", "RemoveServiceLoadBalancer"]


def test_service_up_of_a_service_that_exists_updates_it_and_says_so() -> None:
    controller = a_room()
    controller.answers["UpdateService"] = {}
    terminal = Terminal(controller)
    assert terminal.run("service", "up", "web", "--desired", "5") == 0
    assert "service web exists: desired 3 -> 5" in terminal.err.getvalue()
    wished = {"cluster": CLUSTER, "service": service_arn("web"), "desiredCount": 5}
    assert controller.calls == [("UpdateService", wished)]


def test_service_up_with_nothing_to_change_changes_nothing() -> None:
    controller = a_room()
    terminal = Terminal(controller)
    assert terminal.run("service", "up", "web", "--desired", "3") == 0
    assert controller.calls == []
    assert "nothing to change" in terminal.err.getvalue()


def test_service_up_makes_a_cluster_that_is_missing_and_says_so() -> None:
    controller = FakeController(a_state(clusters=[]))

    def create(members: dict[str, Any]) -> dict[str, Any]:
        controller.state = a_state()
        return {}

    controller.answers["CreateCluster"] = create
    bringing_up(controller)
    terminal = Terminal(controller)
    assert terminal.run("service", "up", "--detach") == 0
    assert "created cluster my-cluster" in terminal.err.getvalue()
    assert "watch it: chaos-ecs watch" in terminal.err.getvalue()


def test_an_image_is_registered_under_the_services_name_unless_it_is_there_already() -> None:
    container = {"name": "api", "image": "nginx:1", "memory": 128, "essential": True, "environment": [], "cpu": 0}
    controller = FakeController(a_state())
    bringing_up(controller)
    controller.answers["DescribeTaskDefinition"] = refusing("ClientException", "Unable to describe task definition.")
    controller.answers["RegisterTaskDefinition"] = {"taskDefinition": {"revision": 1}}
    assert Terminal(controller).run("service", "up", "api", "--image", "nginx:1", "--detach") == 0
    assert [operation for operation, _ in controller.calls] == [
        "DescribeTaskDefinition",
        "RegisterTaskDefinition",
        "DescribeTaskDefinition",
        "CreateService",
    ]
    assert controller.calls[-1][1]["taskDefinition"] == "api:1"
    controller.state = a_state()
    controller.answers["DescribeTaskDefinition"] = {
        "taskDefinition": {"revision": 1, "containerDefinitions": [container]}
    }
    controller.calls.clear()
    assert Terminal(controller).run("service", "up", "api", "--image", "nginx:1", "--detach") == 0
    assert "RegisterTaskDefinition" not in [operation for operation, _ in controller.calls]


def test_a_service_that_does_not_get_steady_in_time_is_exit_code_124_with_its_reason() -> None:
    throttle = {"level": 2, "nextStartAt": 0, "reason": "CannotPullContainerError: manifest unknown"}
    controller = FakeController(a_state(services=[a_service(steady=False, runningCount=0, throttle=throttle)]))
    controller.answers["UpdateService"] = {}
    terminal = Terminal(controller)
    assert terminal.run("service", "scale", "web", "4", "--timeout", "0.01s") == 124
    assert "CannotPullContainerError: manifest unknown" in terminal.err.getvalue()
    assert "next: chaos-ecs service describe web" in terminal.err.getvalue()


def test_service_down_waits_until_the_tasks_are_gone_and_counts_them() -> None:
    controller = a_room()

    def delete(members: dict[str, Any]) -> dict[str, Any]:
        gone = [stopped(task, 0) for task in controller.state["tasks"]]
        controller.state = a_state(services=[a_service(status="INACTIVE")], tasks=gone)
        return {}

    controller.answers["DeleteService"] = delete
    terminal = Terminal(controller)
    assert terminal.run("service", "down", "web") == 0
    assert terminal.out.getvalue() == "web deleted, 3 tasks stopped: 7f3a9c c9d550 e41b07\n"
    assert controller.calls[0][1]["force"] is True


def test_service_down_dry_run_touches_nothing() -> None:
    controller = a_room()
    terminal = Terminal(controller)
    assert terminal.run("service", "down", "web", "--dry-run") == 0
    assert controller.calls == []
    assert "7f3a9c" in terminal.out.getvalue()


def test_a_count_below_zero_is_refused_as_that_and_not_as_an_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert Terminal(a_room()).run("service", "scale", "web", "-30") == 2
    assert "-30 is too low for DESIRED: it is 0 or more." in capsys.readouterr().err


def test_service_describe_lists_what_runs_first_and_only_the_newest_that_stopped() -> None:
    ended = [stopped(a_task(f"{n:06x}", "web", number=n), stoppedAt=1_790_000_000.0 + n) for n in range(1, 9)]
    controller = FakeController(a_state(services=[a_service()], tasks=[*ended, *WEB_TASKS]))
    controller.answers["DescribeServices"] = {"services": [{}]}
    terminal = Terminal(controller)
    terminal.run("service", "describe", "web")
    rows = terminal.out.getvalue().splitlines()
    first = next(number for number, row in enumerate(rows) if row.startswith("TASK "))
    shown = [row.split()[0] for row in rows[first + 1 : first + 9]]
    assert shown == ["7f3a9c", "c9d550", "e41b07", "000008", "000007", "000006", "000005", "000004"]
    assert rows[first + 9] == "and 3 more that stopped: chaos-ecs ps --all"


def test_service_ls_has_the_url_of_what_is_behind_a_load_balancer() -> None:
    terminal = Terminal(a_balanced_room())
    terminal.run("service", "ls")
    head, row = terminal.out.getvalue().splitlines()
    assert (head.split()[-1], row.split()[-1]) == ("URL", "http://127.0.0.1:8480")
    bare = Terminal(a_room())
    bare.run("service", "ls")
    assert "URL" not in bare.out.getvalue()


def test_lb_status_says_which_cluster_where_there_are_several() -> None:
    other = CLUSTER.replace("my-cluster", "lab")
    services = [a_service(targetGroups=["tg"]), a_service("api", clusterArn=other, targetGroups=["tg2"])]
    listeners = [*BALANCER["listeners"], {"port": 81, "hostPort": 8481, "targetGroups": ["tg2"]}]
    groups = [GROUP, {"arn": "tg2", "name": "api", "targets": []}]
    balancers = [{**BALANCER, "listeners": listeners}]
    terminal = Terminal(FakeController(a_state(services=services, targetGroups=groups, loadBalancers=balancers)))
    terminal.run("lb", "status")
    head, web, api = terminal.out.getvalue().splitlines()[:3]
    assert head.split()[-2:] == ["CLUSTER", "SERVICE"]
    assert (web.split()[-2:], api.split()[-2:]) == (["my-cluster", "web"], ["lab", "api"])


def test_lb_port_of_a_service_that_has_a_listener_is_said_and_asked_for() -> None:
    controller = a_balanced_room()
    bringing_up(controller, port=8080)
    controller.answers["UpdateService"] = {}
    terminal = Terminal(controller)
    assert terminal.run("service", "up", "web", "--lb-port", "9000") == 0
    assert "service web exists: with a load balancer, port 9000" in terminal.err.getvalue()
    asked = next(members for name, members in controller.calls if name == "EnsureServiceLoadBalancer")
    assert asked["port"] == 9000


@pytest.mark.parametrize(
    ("previous", "why"), [(9000, "that port is taken by another program"), (None, "the first listener of all is there")]
)
def test_a_listener_that_is_elsewhere_than_asked_for_is_told_plainly(previous: int | None, why: str) -> None:
    controller = a_balanced_room()
    moved = {"port": 9000, "hostPort": 8484, "targetGroups": ["tg"]}
    controller.state["loadBalancers"] = [{**BALANCER, "listeners": [moved]}]
    bringing_up(controller, port=8080)

    def update(members: dict[str, Any]) -> dict[str, Any]:
        if previous:
            controller.tell(event("LISTENER_MOVED", port=9000, hostPort=8484, previousHostPort=previous))
        return {}

    controller.answers["UpdateService"] = update
    terminal = Terminal(controller)
    assert terminal.run("service", "up", "web", "--lb-port", "9000") == 0
    told = f"web: the listener's port is 9000, on this machine http://127.0.0.1:8484: {why}"
    assert told in terminal.err.getvalue()


def test_service_up_waits_for_the_standby_that_was_asked_for() -> None:
    controller = FakeController(a_state(services=[a_service(standby={"desired": 1, "ready": 0, "memory": None})]))
    controller.answers["SetStandby"] = {}
    terminal = Terminal(controller)
    assert terminal.run("service", "up", "web", "--standby", "1", "--timeout", "0.01s") == 124
    assert "0 of 1 standby tasks are ready" in terminal.err.getvalue()
    detached = Terminal(controller)
    assert detached.run("service", "up", "web", "--standby", "1", "--detach") == 0
    assert "+1 standby (0 ready)" in detached.out.getvalue()


# --- another cluster, another region ---


def test_hints_name_the_cluster_that_this_command_named() -> None:
    lab = CLUSTER.replace("my-cluster", "lab")
    cluster = {"arn": lab, "name": "lab", "region": "us-east-1", "status": "ACTIVE"}
    controller = FakeController(a_state(clusters=[cluster], services=[a_service(clusterArn=lab)]))
    controller.answers["UpdateService"] = {}
    terminal = Terminal(controller)
    assert terminal.run("--cluster", "lab", "service", "scale", "web", "3") == 0
    assert "chaos-ecs --cluster lab kill web   |   chaos-ecs --cluster lab watch" in terminal.err.getvalue()
    missing = Terminal(controller)
    assert missing.run("--cluster", "lab", "service", "describe", "nothing", "--json") == 3
    assert json.loads(missing.err.getvalue())["error"]["next"] == "chaos-ecs --cluster lab service ls"
    usual = Terminal(a_room())
    usual.run("--cluster", "my-cluster", "service", "describe", "nothing")
    assert "next: chaos-ecs service ls" in usual.err.getvalue()


def test_a_cluster_in_another_region_is_told_as_that() -> None:
    terminal = Terminal(a_room())
    terminal.shell.environment = {"CHAOS_ECS_REGION": "eu-west-1"}
    assert terminal.run("ps") == 1
    assert "E-REGION: Cluster my-cluster is not in eu-west-1" in terminal.err.getvalue()
    assert "it is in us-east-1; CHAOS_ECS_REGION says eu-west-1" in terminal.err.getvalue()


# --- kill ---


def test_a_bare_kill_names_its_victim_kills_it_by_id_and_tells_the_measured_recovery() -> None:
    controller = a_room()
    dying(controller, "7f3a9c", service="web")
    terminal = Terminal(controller)
    assert terminal.run("kill") == 0
    picked, killed = (members for operation, members in controller.calls if operation == "KillTasks")
    assert picked == {"cluster": CLUSTER, "signal": "SIGKILL", "dryRun": True}
    assert killed == {"cluster": CLUSTER, "tasks": [task_arn("7f3a9c")], "signal": "SIGKILL"}
    assert terminal.err.getvalue().startswith("killing 7f3a9c, a task of service web\n")
    assert terminal.out.getvalue() == (
        "7f3a9c -> aaaaaa  noticed after 0.10s, decided 0.20s, running 0.40s\nservice web RECOVERED IN 0.4 s\n"
    )


def test_a_killed_standalone_task_is_still_gone() -> None:
    controller = FakeController(a_state(tasks=[a_task("77aa01")]))
    dying(controller, "77aa01", service="")
    terminal = Terminal(controller)
    assert terminal.run("kill", "77aa01", "--watch-gap", "0.01") == 0
    assert "77aa01 STILL GONE 0.01s later, replacements: 0\n" in terminal.out.getvalue()
    assert "A standalone task has no manager." in terminal.err.getvalue()


def test_kill_as_json_has_the_figures_as_numbers() -> None:
    controller = a_room()
    dying(controller, "7f3a9c", service="web")
    terminal = Terminal(controller)
    assert terminal.run("kill", "web", "--json") == 0
    result = json.loads(terminal.out.getvalue())
    assert result["recoveries"] == [{"service": service_arn("web"), "seconds": 0.4}]
    assert (result["v"], result["replacements"], result["victims"][0]["exitCode"]) == (1, 1, 137)


def test_a_dry_run_names_the_victims_and_kills_none() -> None:
    controller = a_room()
    dying(controller, "7f3a9c", service="web")
    terminal = Terminal(controller)
    assert terminal.run("kill", "web", "--dry-run") == 0
    assert terminal.out.getvalue() == "would kill 7f3a9c, a task of service web\n"
    assert [members["dryRun"] for _, members in controller.calls] == [True]


def test_nothing_to_kill_is_exit_code_3() -> None:
    controller = a_room()
    controller.answers["KillTasks"] = {"victims": []}
    terminal = Terminal(controller)
    assert terminal.run("kill", "--standalone") == 3
    assert "no standalone task is RUNNING" in terminal.err.getvalue()


def test_kill_all_asks_in_a_terminal_and_a_no_is_exit_code_5() -> None:
    controller = a_room()
    controller.answers["KillTasks"] = {"victims": [task_arn("7f3a9c"), task_arn("c9d550")]}
    terminal = Terminal(controller, asks=True, read_answer=lambda: "n")
    assert terminal.run("kill", "--all") == 5
    assert "Kill 2 tasks? [y/N]" in terminal.err.getvalue()
    assert len(controller.calls) == 1


def test_a_signal_that_a_task_survives_is_told_as_such() -> None:
    controller = FakeController(a_state(tasks=[a_task("77aa01")]))
    controller.answers["KillTasks"] = {"victims": [task_arn("77aa01")]}
    terminal = Terminal(controller)
    assert terminal.run("kill", "77aa01", "--signal", "HUP", "--watch-gap", "0.01") == 0
    assert terminal.out.getvalue() == "77aa01 STILL RUNNING: it does not end on HUP\n"


# --- run-task ---


def running_to(controller: FakeController, end: dict[str, Any]) -> None:
    def start(members: dict[str, Any]) -> dict[str, Any]:
        controller.state = a_state(tasks=[end])
        arn = end["arn"]
        return {"tasks": [{"taskArn": arn, "taskDefinitionArn": "x/batch-job:1"}], "failures": []}

    controller.answers["RunTask"] = start
    controller.answers["GetTaskLogs"] = {"lines": [{"at": 1.0, "container": "app", "message": "last words"}]}


@pytest.mark.parametrize(
    ("end", "code", "told"),
    [
        (stopped(a_task("a1b2c3"), 0), 0, "exit 0"),
        (stopped(a_task("a1b2c3"), 3), 3, "exit 3"),
        (stopped(a_task("a1b2c3"), None, stopCode="TaskFailedToStart"), 125, "TaskFailedToStart"),
    ],
)
def test_run_task_exits_with_the_containers_own_code_or_125(end: dict[str, Any], code: int, told: str) -> None:
    controller = FakeController(a_state())
    running_to(controller, end)
    terminal = Terminal(controller)
    assert terminal.run("run-task", "batch-job") == code
    assert terminal.out.getvalue() == f"a1b2c3 STOPPED {told}\n"


def test_a_task_that_failed_is_told_with_its_last_words_and_what_to_do() -> None:
    controller = FakeController(a_state())
    running_to(controller, stopped(a_task("a1b2c3"), 1))
    terminal = Terminal(controller)
    terminal.run("run-task", "db-migrate")
    assert "why: last words\nNobody will retry it." in terminal.err.getvalue()


def test_run_task_quietly_without_waiting_prints_ids_only() -> None:
    controller = FakeController(a_state())
    running_to(controller, a_task("a1b2c3"))
    terminal = Terminal(controller)
    assert terminal.run("run-task", "batch-job", "--no-wait", "-q") == 0
    assert (terminal.out.getvalue(), terminal.err.getvalue()) == ("a1b2c3\n", "")


def test_command_and_environment_become_overrides_of_the_first_container() -> None:
    controller = FakeController(a_state())
    running_to(controller, a_task("a1b2c3"))
    controller.answers["DescribeTaskDefinition"] = {"taskDefinition": {"containerDefinitions": [{"name": "app"}]}}
    Terminal(controller).run("run-task", "batch-job", "--command", "batch 3", "--env", "A=b=c", "--no-wait")
    override = {"name": "app", "command": ["batch", "3"], "environment": [{"name": "A", "value": "b=c"}]}
    assert controller.calls[-1][1]["overrides"] == {"containerOverrides": [override]}


def test_a_task_that_was_not_placed_is_an_engine_trouble() -> None:
    controller = FakeController(a_state())
    controller.answers["RunTask"] = {"tasks": [], "failures": [{"arn": CLUSTER, "reason": "AGENT"}]}
    terminal = Terminal(controller)
    assert terminal.run("run-task", "batch-job") == 4
    assert "AGENT" in terminal.err.getvalue()


@pytest.mark.parametrize("arguments", [("run-task", "x", "--env", "FAIL"), ("run-task", "x", "--command", "'")])
def test_options_that_make_no_sense_are_usage_errors(arguments: tuple[str, ...]) -> None:
    assert Terminal(FakeController(a_state())).run(*arguments) == 2


# --- the controller goes away ---


def test_a_view_whose_controller_is_gone_says_that_nobody_replaces_tasks_now() -> None:
    controller = a_room()

    def die(members: dict[str, Any]) -> dict[str, Any]:
        controller.is_dead = True
        return {}

    controller.answers["UpdateService"] = die
    waits: list[float] = []
    terminal = Terminal(controller, sleep=waits.append)
    assert terminal.run("service", "scale", "web", "5") == 1
    assert "controller stopped, nobody replaces tasks now" in terminal.err.getvalue()
    assert "next: chaos-ecs controller start" in terminal.err.getvalue()
    assert waits
