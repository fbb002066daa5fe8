"""What the commands say while a deployment is under way, and that they are silent of it once it is over."""

from __future__ import annotations

from typing import Any

import pytest

from chaos_ecs.cli import panel
from chaos_ecs.cli.snapshot import Snapshot
from chaos_ecs.cli.symbols import UNICODE
from tests.unit.fake_controller import (
    AT,
    CLUSTER,
    Answer,
    FakeController,
    Terminal,
    a_service,
    a_state,
    a_task,
    event,
    stopped,
    task_arn,
)
from tests.unit.test_cli_deploy import NEW_TASKS, ROLLED_BACK, UNDER_WAY, a_deployment, a_moment, figures
from tests.unit.test_cli_deploy import a_room as a_plain_room
from tests.unit.test_cli_shifting import ALTERNATE, BALANCER, CANARY, MADE, PAUSE, TG, a_room, a_story, moving

HOOKS = [{"targetType": "PAUSE", "lifecycleStages": ["POST_SCALE_UP"]}]
NEWEST = "ecs-svc/3"


def talk_of(terminal: Terminal) -> str:
    """What it said, without the folds."""
    return " ".join(terminal.err.getvalue().split())


# --- describe ---


@pytest.mark.parametrize("state", ["COMPLETED", "FAILED"])
def test_describe_ls_and_lb_are_silent_of_the_stage_of_a_deployment_that_is_over(state: str) -> None:
    over = [{**moving(stage="SCALE_UP")[0], "rolloutState": state}, *ROLLED_BACK]
    record = {"status": "ROLLBACK_SUCCESSFUL", "lifecycleStage": "SCALE_UP"}
    for deployments in (over, [ROLLED_BACK[0], over[0]]):
        controller = a_room(currentServiceDeployment="arn:sd")
        controller.answers["DescribeServiceDeployments"] = {"serviceDeployments": [record]}
        controller.state = a_moment(deployments)
        terminal = Terminal(controller)
        for words in (("service", "describe", "web"), ("service", "ls"), ("lb", "status")):
            assert terminal.run(*words) == 0
        assert "SCALE_UP" not in terminal.out.getvalue()
        assert "new 10%" not in terminal.out.getvalue()


# --- scale ---


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"pause": PAUSE}, "(PAUSED at POST_SCALE_UP: chaos-ecs service continue web)"),
        ({}, "(in stage PRODUCTION_TRAFFIC_SHIFT: chaos-ecs service describe web)"),
    ],
)
def test_scale_does_not_wait_for_a_steady_state_while_a_deployment_moves_traffic(changes: Answer, where: str) -> None:
    controller = a_room()
    controller.state = a_moment(moving(**changes), steady=False)
    controller.answers["UpdateService"] = {}
    terminal = Terminal(controller)
    assert terminal.run("service", "scale", "web", "8") == 0
    assert "service web: desired 3 -> 8" in talk_of(terminal)
    assert f"web is scaled; a deployment is under way {where}" in talk_of(terminal)
    assert "waiting for" not in talk_of(terminal)


def test_a_late_service_with_too_many_tasks_and_two_groups_says_it_clearly() -> None:
    groups = [a_group("tg", "web", "healthy"), a_group("tg2", "web-alternate", "unhealthy"), a_group("tg3", "x")]
    web = a_service(targetGroups=["tg", "tg2", "tg3"], steady=False, runningCount=8, desiredCount=4)
    controller = FakeController(a_state(services=[web], targetGroups=groups))
    controller.answers["UpdateService"] = {}
    terminal = Terminal(controller)
    assert terminal.run("service", "scale", "web", "4", "--timeout", "0.01s") == 124
    why = "8 tasks are running, 4 are wanted; web: 1/1 targets are healthy; web-alternate: 0/1 targets are healthy"
    assert why in talk_of(terminal)
    assert "0/0" not in talk_of(terminal)


# --- deploy over another ---


def a_third(controller: FakeController, **told: Any) -> FakeController:
    """An update begins a third deployment, which is live at once."""

    def update(members: Answer) -> Answer:
        controller.state = a_moment([a_deployment(NEWEST, 3, createdAt=AT + 90)])
        made = {"deployments": [{"id": NEWEST, "taskDefinition": "x/web-server:3"}], "desiredCount": 3}
        return {"service": {**made, **told}}

    controller.answers["UpdateService"] = update
    return controller


@pytest.mark.parametrize(
    ("under_way", "where"),
    [
        (moving(stage="POST_SCALE_UP", pause=PAUSE), "PAUSED at POST_SCALE_UP"),
        (moving(stage="BAKE_TIME"), "in stage BAKE_TIME"),
        (UNDER_WAY, "IN_PROGRESS"),
    ],
)
def test_deploy_over_another_says_what_is_given_up_and_counts_from_the_live_revision(
    under_way: list[Answer], where: str
) -> None:
    controller = a_third(a_room())
    controller.state = a_moment(under_way, taskDefinition="web-server:2")
    terminal = Terminal(controller)
    assert terminal.run("service", "deploy", "web", "--force", "--no-wait") == 0
    assert f"the deployment of web-server:2 to web ({where}) is given up for this one" in talk_of(terminal)
    assert terminal.out.getvalue() == "web: web-server:1 -> web-server:3 has begun\n"


def test_deploy_counts_from_the_new_revision_once_it_only_cleans_up() -> None:
    controller = a_third(a_room())
    controller.state = a_moment(moving(stage="CLEAN_UP"), taskDefinition="web-server:2")
    terminal = Terminal(controller)
    assert terminal.run("service", "deploy", "web", "--force", "--no-wait") == 0
    assert "given up" not in talk_of(terminal)
    assert terminal.out.getvalue() == "web: web-server:2 -> web-server:3 has begun\n"


def test_deploy_says_at_which_stage_a_service_that_keeps_its_hooks_will_pause() -> None:
    kept = a_third(a_room(), deploymentConfiguration={**CANARY, "lifecycleHooks": HOOKS})
    terminal = Terminal(kept)
    assert terminal.run("service", "deploy", "web", "--force", "--no-wait") == 0
    assert "web keeps its hooks: the deployment will pause at POST_SCALE_UP" in talk_of(terminal)
    rolling = a_third(a_room(), deploymentConfiguration={"strategy": "ROLLING", "lifecycleHooks": HOOKS})
    terminal = Terminal(rolling)
    terminal.run("service", "deploy", "web", "--force", "--no-wait")
    assert "will pause" not in talk_of(terminal)


# --- the bars ---


def test_bars_say_of_which_seconds_they_are_and_leave_out_revisions_without_any_request() -> None:
    story = a_story()
    other = {**NEW_TASKS[2], "taskDefinition": "web-server:9"}
    for at, old, new in ((60, 100, 0), (66, 200, 0)):
        state = a_moment(UNDER_WAY, at=at, client=figures(old, 0, **{"7f3a9c": old, "d10c44": new, "9e7712": 0}))
        state["tasks"][-1] = other
        story.see(Snapshot.of(state))
    for width in (100, 60, 50):
        bars = [row for row in story.rows(AT + 66, width - 1, UNICODE) if row.startswith(" rev")]
        assert [row.split()[1] for row in bars] == ["1", "2"]
        assert bars[0].endswith(" 100% of requests, last 6 s")
        assert bars[1].endswith(" 0% of requests, last 6 s")
        assert max(len(row) for row in bars) < width


# --- options ---


@pytest.mark.parametrize("word", ["BLUE_GREEN", "blue-green", "bluegreen", "Blue-Green"])
def test_a_strategy_is_known_in_any_case_with_either_dash(word: str) -> None:
    controller = a_room()
    assert Terminal(controller).run("service", "deploy", "web", "--force", "--strategy", word) == 0
    (wished,) = (members for name, members in controller.calls if name == "UpdateService")
    assert wished["deploymentConfiguration"]["strategy"] == "BLUE_GREEN"


def test_a_wrong_strategy_is_refused_with_the_one_that_was_meant(capsys: pytest.CaptureFixture[str]) -> None:
    assert Terminal(a_room()).run("service", "deploy", "web", "--force", "--strategy", "canry") == 2
    said = capsys.readouterr().err
    assert "Value error" not in said
    assert "'canry' is none of rolling, blue-green, canary, linear. Did you mean canary?" in " ".join(said.split())


@pytest.mark.parametrize("command", ["deploy", "up"])
def test_help_says_what_a_test_port_may_cost(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    Terminal(a_room()).run("service", command, "--help")
    said = " ".join(capsys.readouterr().out.split())
    assert "the next four after the balancer's first are spare; any other one" in said
    assert "one or two seconds without service for all" in said


@pytest.mark.parametrize(("rule", "is_said"), [("t2", True), ("t1", False)])
def test_deploy_says_that_another_test_listener_is_replaced(rule: str, is_said: bool) -> None:
    advanced = {"alternateTargetGroupArn": ALTERNATE, "productionListenerRule": "p", "testListenerRule": "t1"}
    controller = a_room(balancers=[{**BALANCER, "advancedConfiguration": advanced}], deploymentConfiguration=CANARY)
    controller.answers["EnsureServiceLoadBalancer"] = {**MADE, "testListenerRule": rule, "testHostPort": 8811}
    terminal = Terminal(controller)
    assert terminal.run("service", "deploy", "web", "--force", "--test-port", "8811", "--no-wait") == 0
    assert ("it takes the place of the test listener before" in talk_of(terminal)) is is_said


# --- groups that wait for their turn ---


def a_group(arn: str, name: str, *states: str) -> Answer:
    targets = [
        {"taskArn": task_arn("7f3a9c"), "address": "10.0.0.1", "port": 8080, "state": state, "reason": ""}
        for state in states
    ]
    return {"arn": arn, "name": name, "targets": targets}


@pytest.mark.parametrize(("states", "told"), [(("healthy",), "targets 1/1"), ((), "targets 0/0")])
def test_a_group_that_waits_for_its_turn_is_left_out_where_another_has_targets(
    states: tuple[str, ...], told: str
) -> None:
    groups = [a_group(TG, "web", *states), a_group(ALTERNATE, "web-alternate")]
    state = a_state(services=[a_service(targetGroups=[TG, ALTERNATE])], targetGroups=groups)
    rows = panel.rows(Snapshot.of(state), CLUSTER, panel.Frame(80, 24, UNICODE, now=AT, began_at=AT))
    assert rows[1].count("targets") == 1
    assert told in rows[1]


# --- hints ---


@pytest.mark.parametrize(("started_at", "is_hinted"), [(None, False), (AT, True)])
def test_no_logs_are_hinted_at_of_a_task_that_never_ran(started_at: float | None, is_hinted: bool) -> None:
    failed = {**stopped(a_task("badbad", "web", taskDefinition="web-server:2"), 1), "startedAt": started_at}
    ended = event("TASK_STOPPED", number=1, service="web", task="badbad", stoppedReason="CannotPullContainerError")
    controller = a_plain_room(ends_with=ROLLED_BACK, events=(ended,))
    update = controller.answers["UpdateService"]

    def and_keep_the_task(members: Answer) -> Answer:
        assert callable(update)
        told = update(members)
        controller.state = {**controller.state, "tasks": [*controller.state["tasks"], failed]}
        return told

    controller.answers["UpdateService"] = and_keep_the_task
    terminal = Terminal(controller)
    assert terminal.run("service", "deploy", "web", "--force") == 1
    assert ("chaos-ecs logs badbad" in talk_of(terminal)) is is_hinted
    assert "chaos-ecs service deploy web --image IMAGE" in talk_of(terminal)
