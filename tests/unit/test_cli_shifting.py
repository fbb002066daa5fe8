"""Blue/green, linear and canary in the CLI: what is asked for, how the view tells it, pauses, refusals."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chaos_ecs.cli import sentences
from chaos_ecs.cli.deploylines import in_stage
from chaos_ecs.cli.deployview import Outcome, Story
from chaos_ecs.cli.layout import elapsed, rows
from chaos_ecs.cli.lines import lines_of
from chaos_ecs.cli.panel import Frame
from chaos_ecs.cli.shifts import Shift
from chaos_ecs.cli.snapshot import Event, Snapshot
from chaos_ecs.cli.strategies import PAUSABLE, Shifting, StrategyName, bake_minutes
from chaos_ecs.cli.symbols import ASCII, UNICODE
from chaos_ecs.errors import ChaosEcsError
from tests.unit.fake_controller import (
    AT,
    CLUSTER,
    Answer,
    FakeController,
    Terminal,
    a_service,
    a_state,
    event,
    service_arn,
)
from tests.unit.test_cli_deploy import LIVE, NEW, NEW_TASKS, OLD, OLD_TASKS, ROLLED_BACK, UNDER_WAY, a_deployment

TG, ALTERNATE = "arn:tg/web", "arn:tg/web-alternate"
RULE, TEST_RULE = "arn:rule/production", "arn:rule/test"
ROLE = "arn:aws:iam::123456789012:role/ecsInfrastructureRoleForLoadBalancers"
MADE = {
    "targetGroupArn": TG,
    "alternateTargetGroupArn": ALTERNATE,
    "productionListenerRule": RULE,
    "hostPort": 8480,
}
BALANCER = {"targetGroupArn": TG, "containerName": "web", "containerPort": 8080}
CANARY = {
    "strategy": "CANARY",
    "bakeTimeInMinutes": 1,
    "canaryConfiguration": {"canaryPercent": 10.0, "canaryBakeTimeInMinutes": 1},
}
PAUSE = {"hookId": "h1", "stage": "POST_SCALE_UP", "expiresAt": AT + 7200, "timeoutAction": "ROLLBACK"}


def a_shift(stage: str = "PRODUCTION_TRAFFIC_SHIFT", **changes: Any) -> Answer:
    """As in the state snapshot."""
    return {
        "strategy": "CANARY",
        "stage": stage,
        "stageSince": AT + 60,
        "productionPercent": 10.0,
        "testPercent": 0.0,
        "bakeMinutes": 0,
        "until": None,
        "pause": None,
        **changes,
    }


def moving(**changes: Any) -> list[Answer]:
    return [{**UNDER_WAY[0], "shift": a_shift(**changes)}, UNDER_WAY[1]]


def a_moment(deployments: list[Answer], *, at: float = 73.0, **service: Any) -> Answer:
    web = a_service(deployments=deployments, **service)
    return {**a_state(services=[web], tasks=[*OLD_TASKS, *NEW_TASKS]), "at": AT + at}


def a_story(**changes: Any) -> Story:
    return Story(service_arn("web"), NEW, "web-server:2", "web-server:1", **changes)


def a_stage(stage: str, *, at: float, percent: float = 0.0, minutes: float = 0, until: float | None = None) -> Event:
    return event(
        "DEPLOYMENT_STAGE",
        at=at,
        service="web",
        deployment=NEW,
        stage=stage,
        strategy="CANARY",
        productionPercent=percent,
        testPercent=0.0,
        bakeMinutes=minutes,
        until=None if until is None else AT + until,
    )


BAKING = a_stage("PRODUCTION_TRAFFIC_SHIFT", at=60, percent=10.0, minutes=1, until=65)
PAUSED = event(
    "DEPLOYMENT_PAUSED", at=60, service="web", deployment=NEW, stage="POST_SCALE_UP", hookId="h1",
    expiresAt=AT + 7260, timeoutAction="ROLLBACK",
)  # fmt: skip
CONTINUED = event(
    "DEPLOYMENT_CONTINUED", at=62, service="web", deployment=NEW, stage="POST_SCALE_UP", action="CONTINUE",
    status="SUCCEEDED",
)  # fmt: skip


def shown(told: Event, width: int) -> str:
    (line,) = lines_of([told])
    return "\n".join(rows(line, width, UNICODE, elapsed(line.at - AT - 60)))


# --- the live log ---


def test_a_stage_is_told_in_ecs_word_and_plain_words_with_its_bake_time_here_and_on_aws() -> None:
    assert shown(BAKING, 100) == (
        "   00.0s ► STAGE      web  PRODUCTION_TRAFFIC_SHIFT: 10% to the new tasks     bakes 5.0s  AWS: 1 min"
    )
    assert shown(BAKING, 80).startswith("   00.0s ► STAGE      PRODUCTION_TRAFFIC_SHIFT 10%  ")
    assert shown(BAKING, 60) == "   00.0s ► STAGE      PRODUCTION_TRAFFIC_SHIFT 10%      5.0s"


def test_at_the_pace_of_aws_a_bake_time_is_not_compared_with_itself() -> None:
    slow = a_stage("BAKE_TIME", at=60, percent=100.0, minutes=1, until=120)
    assert "AWS" not in shown(slow, 200)


def test_a_pause_names_the_command_that_continues_it_at_every_width() -> None:
    for width in (100, 80, 60):
        told = shown(PAUSED, width)
        assert "chaos-ecs service continue web" in " ".join(told.split())
        assert max(len(row) for row in told.splitlines()) <= width
    assert "rolls back in 120m00s" in shown(PAUSED, 100)


def test_who_ended_a_pause_is_told() -> None:
    assert "goes on after POST_SCALE_UP: it was told so" in shown(CONTINUED, 100)
    late = event("DEPLOYMENT_CONTINUED", service="web", stage="POST_SCALE_UP", action="ROLLBACK", status="TIMED_OUT")
    assert "rolls back after POST_SCALE_UP: nobody continued it in time" in shown(late, 120)


def test_a_screen_reader_hears_stage_bake_time_and_pause() -> None:
    (said,) = sentences.of([BAKING], AT + 60)
    assert "is in stage PRODUCTION_TRAFFIC_SHIFT: 10 percent to the new tasks." in said
    assert said.endswith("It bakes for 5.0 seconds, on AWS for 1 minute.")
    (said,) = sentences.of([PAUSED], AT + 60)
    assert "is paused at POST_SCALE_UP. The command chaos-ecs service continue web continues it." in said


def test_every_stage_has_plain_words() -> None:
    from chaos_ecs.core.deploying import LifecycleStage

    told = [in_stage(stage, 10) for stage in LifecycleStage]
    assert "the deployment goes on" not in told


# --- the view ---


def test_the_panel_tells_stage_countdown_and_whose_requests_are_whose() -> None:
    story = a_story()
    story.record([BAKING])
    frame = Frame(100, 30, UNICODE, AT + 63, AT + 60)
    told = story.panel(Snapshot.of(a_moment(moving(until=AT + 65, bakeMinutes=1), at=63)), frame)
    assert " PRODUCTION_TRAFFIC_SHIFT: 10% to the new tasks" in told
    assert " bake: 2 s left of 1 min; 1 minute is 5 s here, 60 s on AWS" in told
    assert " requests: new 10%, old 90%" in told


def test_a_later_step_of_a_linear_one_is_counted_from_its_own_beginning() -> None:
    story = a_story()
    story.record([a_stage("PRODUCTION_TRAFFIC_SHIFT", at=70, percent=20.0, minutes=1, until=75)])
    later = Snapshot.of(a_moment(moving(until=AT + 75, bakeMinutes=1, productionPercent=20.0)))
    assert " bake: 2 s left of 1 min; 1 minute is 5 s here, 60 s on AWS" in story.panel(
        later, Frame(100, 30, UNICODE, AT + 73, AT + 60)
    )


@pytest.mark.parametrize(("width", "height"), [(100, 30), (80, 24), (60, 24), (50, 12)])
def test_a_paused_panel_fits_and_begins_with_what_there_is_to_do(width: int, height: int) -> None:
    held = moving(stage="POST_SCALE_UP", productionPercent=0.0, pause=PAUSE)
    story = a_story(continue_with="chaos-ecs service continue web")
    told = story.panel(Snapshot.of(a_moment(held)), Frame(width, height, ASCII, AT + 73, AT + 60))
    assert len(told) <= height - 3
    assert all(len(row) <= width for row in told)
    text = " ".join(" ".join(told).split())
    assert "PAUSED at POST_SCALE_UP: chaos-ecs service continue web" in text


def test_an_event_of_another_deployment_says_nothing_of_this_one() -> None:
    story = a_story()
    story.record([event("DEPLOYMENT_STAGE", service="web", deployment=OLD, stage="BAKE_TIME")])
    assert story.shift is None


def test_a_pause_is_an_end_only_where_nobody_watches() -> None:
    held = Snapshot.of(a_moment(moving(stage="POST_SCALE_UP", pause=PAUSE)))
    watched, piped = a_story(), a_story(ends_paused=True)
    assert (watched.see(held), watched.is_paused) == (False, True)
    assert (piped.see(held), piped.outcome) == (True, Outcome.PAUSED)
    assert piped.verdict() == "exit code 1: rev 2 is paused and not live yet"
    assert piped.see(Snapshot.of(a_moment(LIVE)))
    assert piped.outcome is Outcome.LIVE


def test_ecs_own_record_says_how_far_it_is() -> None:
    record = {
        "lifecycleStage": "POST_SCALE_UP",
        "targetServiceRevision": {"requestedProductionTrafficWeight": 0.0, "requestedTestTrafficWeight": 100.0},
        "lifecycleHookDetails": [
            {"hookId": "h0", "status": "SUCCEEDED"},
            {"hookId": "h1", "status": "AWAITING_ACTION", "expiresAt": AT, "timeoutAction": "CONTINUE"},
        ],
    }
    shift = Shift.of_record(record)
    assert shift is not None
    assert shift.pause is not None
    assert (shift.test, shift.pause.hook, shift.pause.timeout_action) == (100.0, "h1", "CONTINUE")
    assert Shift.of_record({}) is None


# --- options ---


def test_options_become_the_deployment_configuration() -> None:
    told = Shifting.of(StrategyName.CANARY, pause_at=["post-scale-up"]).configuration({})
    assert told == {**CANARY, "lifecycleHooks": [{"targetType": "PAUSE", "lifecycleStages": ["POST_SCALE_UP"]}]}
    linear = Shifting.of(StrategyName.LINEAR, 25, 2, 0).configuration({})
    assert linear["linearConfiguration"] == {"stepPercent": 25, "stepBakeTimeInMinutes": 2}
    assert (linear["bakeTimeInMinutes"], linear["lifecycleHooks"]) == (0, [])
    assert Shifting.of(StrategyName.ROLLING).configuration(CANARY) == {"strategy": "ROLLING", "lifecycleHooks": []}


def test_without_a_strategy_only_what_is_said_changes() -> None:
    told = Shifting.of(None, 30).configuration(CANARY)
    assert told == {
        "strategy": "CANARY",
        "canaryConfiguration": {"canaryPercent": 30, "canaryBakeTimeInMinutes": 1},
    }
    assert Shifting().configuration(CANARY) == {}


@pytest.mark.parametrize(
    ("shifting", "known", "what"),
    [
        ((StrategyName.CANARY, 0.0), {}, "--percent 0 is out of range"),
        ((StrategyName.CANARY, 101.0), {}, "--percent 101 is out of range"),
        ((StrategyName.CANARY, 2.33), {}, "--percent 2.33 is out of range"),
        ((StrategyName.LINEAR, 2.9), {}, "--percent 2.9 is out of range"),
        ((StrategyName.BLUE_GREEN, 10.0), {}, "--percent does not go with the strategy blue-green"),
        ((StrategyName.ROLLING, None, None, 5), {}, "--bake does not go with the strategy rolling"),
        ((None, 10.0), {}, "--percent does not go with the strategy rolling"),
        ((None, 1.0), {"strategy": "LINEAR"}, "--percent 1 is out of range"),
    ],
)
def test_what_does_not_fit_is_a_usage_error_with_a_next_command(shifting: Any, known: Answer, what: str) -> None:
    with pytest.raises(ChaosEcsError) as caught:
        Shifting.of(*shifting).configuration(known)
    assert (caught.value.code, caught.value.what, caught.value.exit_code) == ("E-USAGE", what, 2)
    assert caught.value.hint.startswith("chaos-ecs service deploy")


@pytest.mark.parametrize("stage", ["SCALE_UP", "TEST_TRAFFIC_SHIFT", "PRODUCTION_TRAFFIC_SHIFT", "BAKE_TIME", "lunch"])
def test_a_stage_that_cannot_pause_is_refused_with_those_that_can(stage: str) -> None:
    terminal = Terminal(a_room())
    assert terminal.run("service", "deploy", "web", "--force", "--strategy", "canary", "--pause-at", stage) == 2
    assert f"E-USAGE: A deployment cannot pause at {stage}" in terminal.err.getvalue()
    assert all(name in terminal.err.getvalue() for name in PAUSABLE)


def test_how_long_a_deployment_bakes() -> None:
    assert bake_minutes(CANARY) == 2
    quarter = {"strategy": "LINEAR", "linearConfiguration": {"stepPercent": 25.0, "stepBakeTimeInMinutes": 2}}
    assert bake_minutes(quarter) == 6
    assert bake_minutes({"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 3}) == 3
    assert bake_minutes({}) == 0


# --- the commands ---


def a_room(
    *, balancers: list[Answer] | None = None, ends_with: list[Answer] | None = None, **told: Any
) -> FakeController:
    """Service web at revision 1 behind one target group; an update leads to `ends_with` at once."""
    controller = FakeController(a_moment([a_deployment(OLD, 1)], at=60))
    service = {"loadBalancers": [BALANCER] if balancers is None else balancers, **told}

    def update(members: Answer) -> Answer:
        controller.state = a_moment(LIVE if ends_with is None else ends_with)
        made = {"deployments": [{"id": NEW, "taskDefinition": "x/web-server:2"}], "desiredCount": 3}
        return {"service": {**made, "deploymentConfiguration": members["deploymentConfiguration"]}}

    controller.answers |= {
        "DescribeServices": {"services": [service]},
        "EnsureServiceLoadBalancer": MADE,
        "RemoveServiceLoadBalancer": {},
        "UpdateService": update,
    }
    return controller


def update_of(controller: FakeController) -> Answer:
    (members,) = (members for name, members in controller.calls if name == "UpdateService")
    return members


def test_a_canary_gives_the_service_a_second_target_group_and_a_configuration() -> None:
    controller = a_room()
    terminal = Terminal(controller)
    assert terminal.run("service", "deploy", "web", "--force", "--strategy", "canary", "--test-port", "8810") == 0
    asked = {"cluster": CLUSTER, "service": "web", "alternate": True, "testPort": 8810}
    assert ("EnsureServiceLoadBalancer", asked) in controller.calls
    advanced = {"alternateTargetGroupArn": ALTERNATE, "productionListenerRule": RULE, "roleArn": ROLE}
    wished = update_of(controller)
    assert wished["loadBalancers"] == [{**BALANCER, "advancedConfiguration": advanced}]
    breaker = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}
    assert wished["deploymentConfiguration"] == {**CANARY, "lifecycleHooks": [], **breaker}
    assert "web gets a second target group; it answers at http://127.0.0.1:8480 as before" in terminal.err.getvalue()
    assert "at most 7m00s" in terminal.err.getvalue()  # two bake times of a minute are no delay


def test_a_service_that_has_two_target_groups_keeps_them() -> None:
    has = {**BALANCER, "advancedConfiguration": {"alternateTargetGroupArn": ALTERNATE, "productionListenerRule": RULE}}
    controller = a_room(balancers=[has])
    assert Terminal(controller).run("service", "deploy", "web", "--force", "--strategy", "blue-green") == 0
    assert "loadBalancers" not in update_of(controller)
    assert "EnsureServiceLoadBalancer" not in [name for name, _ in controller.calls]


def test_a_plain_deploy_says_nothing_of_strategies() -> None:
    controller = a_room()
    Terminal(controller).run("service", "deploy", "web", "--force")
    assert set(update_of(controller)["deploymentConfiguration"]) == {"deploymentCircuitBreaker"}


def test_a_service_without_a_load_balancer_is_told_how_to_get_one() -> None:
    controller = a_room(balancers=[])
    terminal = Terminal(controller)
    assert terminal.run("service", "deploy", "web", "--force", "--strategy", "canary") == 1
    assert "E-NO-LOAD-BALANCER: Service web is behind no load balancer" in terminal.err.getvalue()
    assert "next: chaos-ecs service up web --lb" in terminal.err.getvalue()
    assert "UpdateService" not in [name for name, _ in controller.calls]


def test_a_load_balancer_that_somebody_made_is_left_alone() -> None:
    controller = a_room(balancers=[{**BALANCER, "targetGroupArn": "arn:tg/by-hand"}])
    terminal = Terminal(controller)
    assert terminal.run("service", "deploy", "web", "--force", "--strategy", "canary") == 1
    assert "E-OTHER-LOAD-BALANCER" in terminal.err.getvalue()
    assert controller.calls[-1][0] == "RemoveServiceLoadBalancer"


def test_in_a_pipe_a_pause_ends_the_command_with_exit_code_1_and_what_to_type() -> None:
    held = moving(stage="POST_SCALE_UP", productionPercent=0.0, pause=PAUSE)
    terminal = Terminal(a_room(ends_with=held))
    options = ("--strategy", "blue-green", "--pause-at", "POST_SCALE_UP")
    assert terminal.run("service", "deploy", "web", "--force", *options) == 1
    assert "PAUSED at POST_SCALE_UP: chaos-ecs service continue web" in terminal.out.getvalue()
    assert terminal.out.getvalue().endswith("exit code 1: rev 2 is paused and not live yet\n")
    assert "next: chaos-ecs service continue web   |   " in terminal.err.getvalue()


def test_deploy_without_waiting_says_how_to_see_it_and_is_exit_code_0() -> None:
    terminal = Terminal(a_room(ends_with=moving()))
    assert terminal.run("service", "deploy", "web", "--force", "--strategy", "canary", "--no-wait") == 0
    assert terminal.out.getvalue() == "web: web-server:1 -> web-server:2 has begun\n"


def test_a_timeout_names_the_stage_and_a_paused_one_the_way_on() -> None:
    terminal = Terminal(a_room(ends_with=moving()))
    assert terminal.run("service", "deploy", "web", "--force", "--timeout", "0.01s") == 124
    assert "it is in stage PRODUCTION_TRAFFIC_SHIFT; nothing has failed so far" in terminal.err.getvalue()
    held = Terminal(a_room(ends_with=moving(pause=PAUSE)), terminal=True, dumb=True, columns=lambda: 100)
    assert held.run("service", "deploy", "web", "--force", "--timeout", "0.01s") == 124
    assert "next: chaos-ecs service continue web" in held.err.getvalue()


def a_paused_room(*, ends_with: list[Answer], action: str) -> FakeController:
    controller = a_room(currentServiceDeployment="arn:sd")
    controller.state = a_moment(moving(stage="POST_SCALE_UP", pause=PAUSE), taskDefinition="web-server:2")
    record = {
        "serviceDeploymentArn": "arn:sd",
        "status": "IN_PROGRESS",
        "lifecycleStage": "POST_SCALE_UP",
        "lifecycleHookDetails": [{"hookId": "h1", "status": "AWAITING_ACTION"}],
        "deploymentConfiguration": CANARY,
    }

    def go_on(members: Answer) -> Answer:
        assert members == {"serviceDeploymentArn": "arn:sd", "hookId": "h1", "action": action}
        controller.state = a_moment(ends_with)
        return {}

    controller.answers |= {
        "DescribeServiceDeployments": {"serviceDeployments": [record]},
        "ContinueServiceDeployment": go_on,
    }
    return controller


def test_continue_answers_the_hook_that_waits_and_follows_to_the_end() -> None:
    terminal = Terminal(a_paused_room(ends_with=LIVE, action="CONTINUE"))
    assert terminal.run("service", "continue", "web") == 0
    assert "web-server:2 goes on after POST_SCALE_UP" in terminal.err.getvalue()
    assert terminal.out.getvalue().endswith("exit code 0: rev 2 is live\n")


def test_continue_with_rollback_is_done_when_the_old_revision_is_live() -> None:
    terminal = Terminal(a_paused_room(ends_with=ROLLED_BACK, action="ROLLBACK"))
    assert terminal.run("service", "continue", "web", "--rollback") == 0
    assert terminal.out.getvalue().endswith("exit code 0: rev 1 is live\n")


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (None, "none is under way"),
        ({"status": "SUCCESSFUL", "lifecycleStage": "CLEAN_UP"}, "none is under way"),
        ({"status": "IN_PROGRESS", "lifecycleStage": "BAKE_TIME"}, "it is in stage BAKE_TIME and goes on by itself"),
        ({"status": "IN_PROGRESS"}, "a rolling deployment is under way: it has no stages"),
    ],
)
def test_continue_where_nothing_waits_is_exit_code_3_and_says_why(record: Answer | None, why: str) -> None:
    controller = a_room(currentServiceDeployment="arn:sd" if record else None)
    controller.answers["DescribeServiceDeployments"] = {"serviceDeployments": [record] if record else []}
    terminal = Terminal(controller)
    assert terminal.run("service", "continue", "web") == 3
    assert "E-NOT-PAUSED: No deployment of web waits to be continued" in terminal.err.getvalue()
    assert why in terminal.err.getvalue()
    assert "next: chaos-ecs service d" in terminal.err.getvalue()


def test_rollback_of_a_service_with_pauses_does_not_wait_for_anybody() -> None:
    configuration = {**CANARY, "lifecycleHooks": [{"targetType": "PAUSE", "lifecycleStages": ["POST_SCALE_UP"]}]}
    controller = a_room(deploymentConfiguration=configuration)
    controller.answers |= {
        "ListServiceDeployments": {"serviceDeployments": [{"targetServiceRevisionArn": "r0"}]},
        "DescribeServiceRevisions": {"serviceRevisions": [{"serviceRevisionArn": "r0", "taskDefinition": "x/web:0"}]},
    }
    assert Terminal(controller).run("service", "rollback", "web") == 0
    assert update_of(controller)["deploymentConfiguration"]["lifecycleHooks"] == []


# --- looking ---


def test_describe_ls_and_lb_status_tell_the_stage_and_the_shares() -> None:
    group = {"arn": TG, "name": "web", "targets": []}
    balancer = {
        "arn": "lb",
        "name": "chaos-ecs",
        "listeners": [{"port": 8480, "hostPort": 8480, "targetGroups": [TG, ALTERNATE]}],
    }
    controller = a_room(deploymentConfiguration=CANARY)
    controller.state = a_moment(moving(), targetGroups=[TG, ALTERNATE])
    controller.state |= {"targetGroups": [group], "loadBalancers": [balancer]}
    terminal = Terminal(controller)
    terminal.run("service", "describe", "web")
    terminal.run("service", "ls")
    terminal.run("lb", "status")
    told = terminal.out.getvalue()
    assert "strategy         CANARY 10%, step bake 1 min, bake 1 min\n" in told
    assert "stage            PRODUCTION_TRAFFIC_SHIFT: 10% to the new tasks\n" in told
    assert "requests         new 10%, old 90%\n" in told
    assert "PRODUCTION_TRAFFIC_SHIFT 10%  web-server:1" in told  # a column of `ls`
    assert "web moves its requests, PRODUCTION_TRAFFIC_SHIFT: new 10%, old 90%\n" in told


def test_service_up_with_a_strategy_makes_two_target_groups_from_the_start() -> None:
    controller = FakeController(a_state())
    container = {"name": "web", "portMappings": [{"containerPort": 8080}]}
    controller.answers |= {
        "DescribeTaskDefinition": {"taskDefinition": {"revision": 1, "containerDefinitions": [container]}},
        "EnsureServiceLoadBalancer": {**MADE, "testListenerRule": TEST_RULE, "testHostPort": 8810},
    }

    def create(members: Answer) -> Answer:
        controller.state = a_state(services=[a_service()])
        return {"service": {"serviceArn": service_arn("web")}}

    controller.answers["CreateService"] = create
    terminal = Terminal(controller)
    assert terminal.run("service", "up", "web", "--strategy", "canary", "--test-port", "8810", "--detach") == 0
    wished = controller.calls[-1][1]
    assert wished["deploymentConfiguration"] == {**CANARY, "lifecycleHooks": []}
    assert wished["loadBalancers"][0]["advancedConfiguration"]["testListenerRule"] == TEST_RULE
    assert "the test listener of web will answer at http://127.0.0.1:8810" in terminal.err.getvalue()


def test_the_stage_is_in_the_json_of_a_deploy() -> None:
    terminal = Terminal(a_room(ends_with=moving(pause=PAUSE)))
    assert terminal.run("service", "deploy", "web", "--force", "--json") == 1
    told = json.loads(terminal.out.getvalue())
    assert (told["outcome"], told["stage"]) == ("PAUSED", "PRODUCTION_TRAFFIC_SHIFT")
