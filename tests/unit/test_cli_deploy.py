"""`service deploy` and `service rollback`: what they ask for, how the view tells it, how they end."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chaos_ecs.cli.deploy import way_back
from chaos_ecs.cli.deployview import Outcome, Story
from chaos_ecs.cli.layout import elapsed
from chaos_ecs.cli.layout import rows as layout_rows
from chaos_ecs.cli.panel import Frame
from chaos_ecs.cli.snapshot import Snapshot
from chaos_ecs.cli.symbols import ASCII, UNICODE, Symbols
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
    refusing,
    service_arn,
    stopped,
    task_arn,
)

OLD, NEW = "ecs-svc/1", "ecs-svc/2"
TERMS = "keep 100%, at most 200%, breaker on"
LIMIT = "50% of 3, never below 3"
CODES = "Health checks failed with these codes: [500]"


def a_deployment(id_: str, revision: int, **changes: Any) -> Answer:
    return {
        "id": id_,
        "status": "PRIMARY",
        "taskDefinition": f"web-server:{revision}",
        "rolloutState": "COMPLETED",
        "desiredCount": 3,
        "runningCount": 3,
        "pendingCount": 0,
        "failedTasks": 0,
        "createdAt": AT if id_ == OLD else AT + 60,
        **changes,
    }


OLD_TASKS = [a_task(digits, "web", startedBy=OLD) for digits in ("7f3a9c", "b20e41", "c9d550")]
NEW_TASKS = [
    a_task(digits, "web", startedBy=NEW, taskDefinition="web-server:2") for digits in ("d10c44", "58ab03", "9e7712")
]
UNDER_WAY = [
    a_deployment(NEW, 2, rolloutState="IN_PROGRESS", runningCount=1, pendingCount=2),
    a_deployment(OLD, 1, status="ACTIVE"),
]
LIVE = [a_deployment(NEW, 2), a_deployment(OLD, 1, status="ACTIVE", desiredCount=0, runningCount=0)]
ROLLED_BACK = [a_deployment(OLD, 1)]


def a_moment(deployments: list[Answer], *, at: float = 73.0, **service: Any) -> Answer:
    web = a_service(deployments=deployments, **service)
    return {**a_state(services=[web], tasks=[*OLD_TASKS, *NEW_TASKS]), "at": AT + at}


def a_story(**changes: Any) -> Story:
    return Story(service_arn("web"), NEW, "web-server:2", "web-server:1", LIMIT, TERMS, **changes)


def figures(requests: int, failed: int, **tasks: int) -> Answer:
    by_task = {digits.ljust(32, "0"): {"requests": count, "failed": 0} for digits, count in tasks.items()}
    return {"requests": requests, "failed": failed, "availability": 100.0, "perSecond": [], "tasks": by_task}


ROLLBACK_STORY = [
    event("DEPLOYMENT_STARTED", at=60, service="web", deployment=NEW, taskDefinition="x/web-server:2"),
    event("SERVICE_UPDATED", at=60, service="web", desiredCount=3, previousDesiredCount=3),
    *(event("TASK_RUNNING", at=61.4, service="web", task=item["arn"][-32:-26], after=1.2) for item in NEW_TASKS),
    event("TASK_UNHEALTHY", at=71.6, service="web", tasks=[task_arn("d10c44")], reason=CODES, cause="checks fail"),
    event("DEPLOYMENT_FAILED", at=71.9, service="web", deployment=NEW, failedTasks=3, threshold=3, rollsBack=True),
    event("DEPLOYMENT_ROLLED_BACK", at=71.9, service="web", deployment=OLD, name="web-server:1"),
    event("SERVICE_STEADY", at=73.0, service="web", runningCount=3, after=1.1, message="(service web) is steady."),
]


def told(width: int, symbols: Symbols) -> str:
    """The whole view of a deployment that was rolled back: its log, and its end."""
    story = a_story()
    story.see(Snapshot.of(a_moment(UNDER_WAY, client=figures(0, 0))))
    story.record(ROLLBACK_STORY)
    lines = story.lines(ROLLBACK_STORY, Snapshot.of(a_moment(UNDER_WAY, client=figures(0, 0, **{"7f3a9c": 0}))))
    story.see(Snapshot.of(a_moment(ROLLED_BACK, at=83.0, client=figures(318, 0, **{"7f3a9c": 318}))))
    story.last_line = "config error: DATABASE_URL is not set"
    log = [row for line in lines for row in layout_rows(line, width, symbols, elapsed(line.at - AT - 60))]
    return "\n".join([*log, *story.rows(AT + 83, width - 1, symbols)])


def test_a_rolled_back_deployment_at_80_columns() -> None:
    assert told(80, UNICODE) == (
        "   00.0s ► DEPLOY     web rev 1 -> rev 2  keep 100%, at most 200%, breaker on\n"
        "   01.4s ● RUNNING    rev 2 d10c44 58ab03 9e7712                 started in 1.2s\n"
        "   11.6s ▲ UNHEALTHY  rev 2 d10c44  Health checks failed with these codes: [500]\n"
        "   11.9s ▲ BREAKER    3 failed, limit 3 (50% of 3, never below 3): TRIGGERED\n"
        "   11.9s ► ROLLBACK   web  rev 2 -> rev 1\n"
        "   13.0s = STEADY     (service web) is steady.                        after 1.1s\n"
        " DEPLOYMENT     REV  ROLLOUT    DESIRED  RUNNING  PENDING  FAILED  AGE\n"
        " PRIMARY        1    COMPLETED       3        3        0        0  01:23\n"
        " (rolled back)  2    FAILED          0        0        0        3  00:23\n"
        " why rev 2 failed   Health checks failed with these codes: [500]\n"
        "   last log line    config error: DATABASE_URL is not set\n"
        " rev 1  ████████████████████████████████████████ 100% of requests, last 10 s\n"
        " rev 2                                             0% of requests, last 10 s\n"
        " client  318 requests   0 failed   100.00%   <- nobody outside noticed"
    )


def test_the_same_at_60_columns_in_ascii_keeps_words_ids_and_figures() -> None:
    shown = told(60, ASCII)
    assert shown.isascii()
    assert [row for row in shown.splitlines() if len(row) > 60] == []
    for text in ("UNHEALTHY", "d10c44", "BREAKER", "ROLLBACK", "(rolled back)  2", "100% of requests", "#######"):
        assert text in shown
    assert "limit 3 (50% of 3, never below 3): TRIGGERED" in " ".join(shown.split())


@pytest.mark.parametrize(("width", "height"), [(100, 30), (80, 24), (60, 24), (50, 12)])
def test_the_panel_of_a_deployment_never_outgrows_its_terminal(width: int, height: int) -> None:
    story = a_story()
    rows = story.panel(Snapshot.of(a_moment(UNDER_WAY)), Frame(width, height, UNICODE, AT + 73, AT + 60))
    assert len(rows) <= height - 3
    assert all(len(row) <= width for row in rows)
    assert any("PRIMARY" in row and "IN_PROGRESS" in row for row in rows)
    assert any("ACTIVE" in row for row in rows)
    assert rows[-1].endswith("00:13")


def test_bars_show_the_traffic_of_the_last_seconds_and_not_that_of_before() -> None:
    story = a_story()
    for at, old, new in ((60, 100, 0), (70, 150, 0), (73, 150, 10), (76, 150, 30)):
        counts = {"7f3a9c": old, "d10c44": new}
        story.see(Snapshot.of(a_moment(UNDER_WAY, at=at, client=figures(old + new, 0, **counts))))
    assert story.shares() == [("web-server:1", 0), ("web-server:2", 100)]


@pytest.mark.parametrize(
    ("deployments", "outcome", "verdict"),
    [
        (UNDER_WAY, None, "it goes on"),
        (LIVE, Outcome.LIVE, "exit code 0: rev 2 is live"),
        (ROLLED_BACK, Outcome.ROLLED_BACK, "exit code 1: the deployment you asked for is NOT live"),
        ([a_deployment(OLD, 1, rolloutState="IN_PROGRESS"), UNDER_WAY[0]], None, "it goes on"),
        ([a_deployment(NEW, 2, rolloutState="FAILED"), UNDER_WAY[1]], Outcome.FAILED, "exit code 1: rev 2 failed"),
        ([a_deployment("ecs-svc/3", 3, createdAt=AT + 70)], Outcome.REPLACED, "exit code 1: a newer deployment took"),
        ([], Outcome.GONE, "exit code 1: the service is gone"),
    ],
)
def test_how_it_ends_is_what_the_state_says(deployments: list[Answer], outcome: Outcome | None, verdict: str) -> None:
    story = a_story()
    story.see(Snapshot.of(a_moment(UNDER_WAY)))
    assert story.see(Snapshot.of(a_moment(deployments))) is (outcome is not None)
    assert story.outcome is outcome
    assert story.verdict().startswith(verdict)


# --- the commands ---


def a_room(*, ends_with: list[Answer], events: tuple[Any, ...] = ()) -> FakeController:
    """Service web at revision 1. An update leads to `ends_with` at once."""
    controller = FakeController(a_moment([a_deployment(OLD, 1)], at=60))
    definition = {"revision": 1, "containerDefinitions": [{"name": "web-server", "image": "chaos-ecs/demo:1"}]}
    made = {"deployments": [{"id": NEW, "taskDefinition": "x/web-server:2"}], "desiredCount": 3}
    breaker = {"deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}}

    def update(members: Answer) -> Answer:
        controller.state = a_moment(ends_with)
        if events:
            controller.tell(*events)
        return {"service": {**made, **breaker}}

    controller.answers |= {
        "DescribeTaskDefinition": {"taskDefinition": definition},
        "RegisterTaskDefinition": {"taskDefinition": {"revision": 2}},
        "UpdateService": update,
        "GetTaskLogs": {"lines": [{"message": "config error: no DATABASE_URL"}, {"message": "SIGTERM, stopping"}]},
    }
    return controller


def test_deploy_registers_a_revision_with_the_changes_and_updates_the_service() -> None:
    controller = a_room(ends_with=LIVE)
    terminal = Terminal(controller)
    options = ("--env", "VERSION=v2", "--min-healthy", "50", "--max", "150")
    assert terminal.run("service", "deploy", "web", *options) == 0
    (registered,) = (members for name, members in controller.calls if name == "RegisterTaskDefinition")
    container = registered["containerDefinitions"][0]
    assert (registered["family"], container["environment"]) == ("web-server", [{"name": "VERSION", "value": "v2"}])
    (updated,) = (members for name, members in controller.calls if name == "UpdateService")
    assert updated == {
        "cluster": CLUSTER,
        "service": service_arn("web"),
        "taskDefinition": "web-server:2",
        "deploymentConfiguration": {
            "minimumHealthyPercent": 50,
            "maximumPercent": 150,
            "deploymentCircuitBreaker": {"enable": True, "rollback": True},
        },
    }
    assert "waiting for web-server:2 of web to be live or rolled back, at most 5m00s" in terminal.err.getvalue()
    assert terminal.out.getvalue().endswith("exit code 0: rev 2 is live\n")


def test_a_rolled_back_deploy_is_exit_code_1_and_says_why_and_the_last_words() -> None:
    events = tuple(item for item in ROLLBACK_STORY)
    numbered = tuple(
        type(item)(n, item.at, item.type, item.message, item.cluster, item.service, item.task, item.data)
        for n, item in enumerate(events, 1)
    )
    terminal = Terminal(a_room(ends_with=ROLLED_BACK, events=numbered))
    assert terminal.run("service", "deploy", "web", "--env", "HEALTH=500") == 1
    assert f"why rev 2 failed   {CODES}" in terminal.out.getvalue()
    assert "last log line    config error: no DATABASE_URL" in terminal.out.getvalue()
    assert "next: chaos-ecs logs d10c44" in terminal.err.getvalue()
    assert terminal.out.getvalue().endswith("exit code 1: the deployment you asked for is NOT live\n")
    assert " DEPLOYMENT_FAILED service=web" in terminal.err.getvalue()


def test_a_deploy_that_is_not_over_in_time_is_exit_code_124_with_the_way_back() -> None:
    terminal = Terminal(a_room(ends_with=UNDER_WAY))
    assert terminal.run("service", "deploy", "web", "--force", "--timeout", "0.01s") == 124
    assert "next: chaos-ecs service rollback web" in terminal.err.getvalue()


def test_deploy_as_json_has_the_outcome() -> None:
    terminal = Terminal(a_room(ends_with=LIVE))
    assert terminal.run("service", "deploy", "web", "--force", "--no-circuit-breaker", "--json") == 0
    result = json.loads(terminal.out.getvalue())
    assert (result["v"], result["outcome"], result["asked"]) == (1, "LIVE", "web-server:2")


def test_a_screen_reader_hears_the_end_in_sentences() -> None:
    terminal = Terminal(a_room(ends_with=ROLLED_BACK), terminal=True, accessible=True, columns=lambda: 200)
    assert terminal.run("service", "deploy", "web", "--force") == 1
    assert terminal.both.isascii()
    assert "Revision 2 of service web is not live: it is back at revision 1." in terminal.out.getvalue()
    assert "REV  ROLLOUT" not in terminal.out.getvalue()


def test_deploy_wants_to_know_what_changes_and_a_dry_run_changes_nothing() -> None:
    controller = a_room(ends_with=LIVE)
    assert Terminal(controller).run("service", "deploy", "web") == 2
    terminal = Terminal(controller)
    assert terminal.run("service", "deploy", "web", "--image", "nginx:2", "--dry-run") == 0
    assert "a new revision of web-server:1 with image nginx:2" in terminal.out.getvalue()
    assert controller.calls == []


def test_rollback_stops_the_deployment_under_way_and_is_done_when_the_old_one_is_live() -> None:
    controller = a_room(ends_with=LIVE)
    controller.state = a_moment(UNDER_WAY)
    controller.answers["DescribeServices"] = {"services": [{"currentServiceDeployment": "arn:sd"}]}

    def stop(members: Answer) -> Answer:
        controller.state = a_moment(ROLLED_BACK)
        return {}

    controller.answers["StopServiceDeployment"] = stop
    terminal = Terminal(controller)
    assert terminal.run("service", "rollback", "web") == 0
    assert ("StopServiceDeployment", {"serviceDeploymentArn": "arn:sd", "stopType": "ROLLBACK"}) in controller.calls
    assert "the deployment is stopped" in terminal.err.getvalue()
    assert terminal.out.getvalue().endswith("exit code 0: rev 1 is live\n")


def test_rollback_of_what_is_live_deploys_the_last_other_revision_that_was() -> None:
    controller = a_room(ends_with=LIVE)
    controller.state = a_moment([a_deployment("ecs-svc/0", 3)], taskDefinition="web-server:3")
    revisions = {"r3": "x/web-server:3", "r2": "x/web-server:2", "r1": "x/web-server:1"}
    controller.answers |= {
        "DescribeServices": {"services": [{}]},
        "ListServiceDeployments": {"serviceDeployments": [{"targetServiceRevisionArn": arn} for arn in revisions]},
        "DescribeServiceRevisions": {
            "serviceRevisions": [
                {"serviceRevisionArn": arn, "taskDefinition": name} for arn, name in reversed(revisions.items())
            ]
        },
    }
    terminal = Terminal(controller)
    assert terminal.run("service", "rollback", "web") == 0
    assert "service web: web-server:3 -> web-server:2" in terminal.err.getvalue()


@pytest.mark.parametrize(
    ("history", "way"),
    [
        (["1"], []),
        (["1", "2"], ["1"]),
        (["1", "2", "1"], []),
        (["1", "2", "3", "2"], ["1"]),
        (["1", "2", "1", "4"], ["1"]),
        (["1", "2", "2"], ["1"]),
    ],
)
def test_the_way_back_leaves_out_what_was_taken_back(history: list[str], way: list[str]) -> None:
    assert way_back(history) == way


def test_a_second_rollback_does_not_go_forward_to_what_was_taken_back() -> None:
    controller = a_room(ends_with=LIVE)
    revisions = {"r1": "x/web-server:1", "r2": "x/web-server:2"}
    newest_first = [{"targetServiceRevisionArn": arn} for arn in ("r1", "r2", "r1")]
    described = [{"serviceRevisionArn": arn, "taskDefinition": name} for arn, name in revisions.items()]
    controller.answers |= {
        "DescribeServices": {"services": [{}]},
        "ListServiceDeployments": {"serviceDeployments": newest_first},
        "DescribeServiceRevisions": {"serviceRevisions": described},
    }
    terminal = Terminal(controller)
    assert terminal.run("service", "rollback", "web") == 3
    assert "web-server:1 is the oldest that was ever live; web-server:2 came after it" in terminal.err.getvalue()
    assert "next: chaos-ecs service deploy web --task-definition web-server:2" in terminal.err.getvalue()


def test_rollback_without_a_revision_to_go_back_to_is_exit_code_3() -> None:
    controller = a_room(ends_with=LIVE)
    controller.answers |= {"DescribeServices": {"services": [{}]}, "ListServiceDeployments": {"serviceDeployments": []}}
    terminal = Terminal(controller)
    assert terminal.run("service", "rollback", "web") == 3
    assert "web-server:1 is the only one that was ever live" in terminal.err.getvalue()


def test_logs_that_nobody_has_any_more_are_no_trouble() -> None:
    failed = stopped(a_task("d10c44", "web"), 1)
    ended = event("TASK_STOPPED", number=1, service="web", task="d10c44", reachedRunning=True, exitCode=1)
    controller = a_room(ends_with=ROLLED_BACK, events=(ended,))
    controller.state["tasks"].append(failed)
    controller.answers["GetTaskLogs"] = refusing("ResourceNotFoundException", "gone")
    terminal = Terminal(controller)
    assert terminal.run("service", "deploy", "web", "--force") == 1
    assert "why rev 2 failed   its container ended with exit code 1" in terminal.out.getvalue()
    assert "last log line" not in terminal.out.getvalue()
