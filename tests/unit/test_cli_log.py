"""The live log's lines: every event in words, at every width, with glyphs and without."""

from __future__ import annotations

from typing import Any

import pytest

from chaos_ecs.cli import layout, plain
from chaos_ecs.cli.line import Line
from chaos_ecs.cli.lines import lines_of
from chaos_ecs.cli.snapshot import Event
from chaos_ecs.cli.symbols import ASCII, UNICODE, Symbols, choose
from tests.unit.fake_controller import AT, event, service_arn, task_arn

KILL_STORY = [
    event("TASK_KILLED", at=41.0, service="web", task="b20e41", signal="SIGKILL", left=2, desiredCount=3),
    event(
        "TASK_STOPPED",
        at=41.1,
        service="web",
        task="b20e41",
        stopCode="EssentialContainerExited",
        stoppedReason="Essential container in task exited",
        exitCode=137,
        reachedRunning=True,
        noticedAfter=0.1,
    ),
    event("TASK_CREATED", at=41.4, service="web", task="e41b07", fills=task_arn("b20e41"), decidedAfter=0.4),
    event("SERVICE_TASKS_STARTED", at=41.4, service="web", tasks=[task_arn("e41b07")], cause="desired 3, 2 there"),
    event("TASK_PENDING", at=41.4, service="web", task="e41b07", images=["busybox:1.37"]),
    event("TASK_ACTIVATING", at=41.4, service="web", task="e41b07"),
    event("TASK_RUNNING", at=42.5, service="web", task="e41b07", fills=task_arn("b20e41"), runningAfter=1.5),
    event(
        "SERVICE_STEADY", at=42.5, service="web", runningCount=3, message="(service web) has reached a steady state."
    ),
    event("SERVICE_RECOVERED", at=42.5, service="web", seconds=1.5, runningCount=3),
]


def shown(events: list[Event], width: int, symbols: Symbols = UNICODE) -> str:
    rows = [row for line in lines_of(events) for row in layout.rows(line, width, symbols, layout.elapsed(line.at - AT))]
    return "\n".join(rows)


def test_a_kill_and_its_recovery_at_100_columns() -> None:
    assert shown(KILL_STORY, 100) == (
        "   41.0s × KILLED     web b20e41  SIGKILL, by you: chaos-ecs kill                        2 of 3 left\n"  # noqa: RUF001
        "   41.1s ■ STOPPED    web b20e41  exit 137  EssentialContainerExited             noticed after 0.10s\n"
        "   41.4s ► STARTED    web e41b07  a NEW task; b20e41 is never restarted          decided after 0.40s\n"
        "   41.4s ○ PENDING    web e41b07  image busybox:1.37\n"
        "   42.5s ● RUNNING    web e41b07                                                  running after 1.5s\n"
        "   42.5s = STEADY     (service web) has reached a steady state.                   RECOVERED IN 1.5 s"
    )


def test_the_same_at_80_columns_in_ascii() -> None:
    assert shown(KILL_STORY, 80, ASCII) == (
        "   41.0s x KILLED     web b20e41  SIGKILL, by you: chaos-ecs kill    2 of 3 left\n"
        "   41.1s # STOPPED    web b20e41  exit 137                   noticed after 0.10s\n"
        "   41.4s > STARTED    web e41b07  a NEW task                 decided after 0.40s\n"
        "   41.4s o PENDING    web e41b07  image busybox:1.37\n"
        "   42.5s * RUNNING    web e41b07                              running after 1.5s\n"
        "   42.5s = STEADY     web 3/3                                 RECOVERED IN 1.5 s"
    )


def test_the_same_at_60_columns_keeps_time_word_id_and_recovery() -> None:
    assert shown(KILL_STORY, 60) == (
        "   41.0s × KILLED     web b20e41  SIGKILL        2 of 3 left\n"  # noqa: RUF001
        "   41.1s ■ STOPPED    web b20e41  exit 137            +0.10s\n"
        "   41.4s ► STARTED    web e41b07  a NEW task          +0.40s\n"
        "   41.4s ○ PENDING    web e41b07  image busybox:1.37\n"
        "   42.5s ● RUNNING    web e41b07          running after 1.5s\n"
        "   42.5s = STEADY     web 3/3             RECOVERED IN 1.5 s"
    )


PULL_FAILED = "CannotPullContainerError: manifest for no-such-image:9 not found: manifest unknown"

# One of every type, with the word it is told by; "" where another line says it already.
SCHEDULES = "arn:aws:scheduler:us-east-1:123456789012:schedule/default"
DUE = AT - 31.0
SCHEDULE_EVENTS: list[tuple[str, str, dict[str, Any]]] = [
    ("CREATED", "SCHEDULE", {"expression": "rate(1 minute)", "timezone": "UTC", "state": "ENABLED"}),
    (
        "UPDATED",
        "UPDATED",
        {"expression": "rate(1 day)", "timezone": "Asia/Tokyo", "state": "DISABLED", "cancelled": 1},
    ),
    ("DELETED", "DELETED", {"cause": "its group is deleted"}),
    ("RAN", "DUE", {"tasks": [task_arn("7f3a9c")], "scheduledTime": DUE, "lateness": 31.0, "attempt": 6}),
    ("RETRY", "RETRY", {"scheduledTime": DUE, "attempt": 4, "nextTryAt": AT + 8, "reason": "Cluster not found."}),
    ("DROPPED", "GAVE UP", {"scheduledTime": DUE, "retries": 185, "reason": "Cluster not found.", "deadLetter": {}}),
    ("MISSED", "MISSED", {"missed": 9, "first": DUE - 600, "last": DUE - 60, "delivered": DUE}),
]

EVERY_EVENT = [
    (event("CLIENT_FAILING", service="web", message="requests fail: 3", failed=3, cause="reset"), "CLIENT"),
    (event("CLIENT_RECOVERED", service="web", seconds=1.2, failed=14, requests=60), "CLIENT"),
    (event("CONTROLLER_STARTED", message="Cluster ready. Waiting for commands..."), "READY"),
    (event("ENGINE_CONNECTED", message="connected to Docker Engine 29.1", containers=0), "ENGINE"),
    (event("ENGINE_LOST", message="the engine does not answer: connection refused", reason="refused"), "ENGINE"),
    (event("CLUSTER_CREATED", message="cluster dev is ACTIVE"), "CREATED"),
    (event("CLUSTER_DELETED", message="cluster dev is INACTIVE"), "ENDED"),
    (event("TASK_DEFINITION_REGISTERED", message="registered web:2", taskDefinition="x/web:2"), "CREATED"),
    (event("TASK_DEFINITION_DEREGISTERED", message="deregistered web:2", taskDefinition="x/web:2"), "ENDED"),
    (event("SERVICE_CREATED", service="web", desiredCount=3, taskDefinition="x/web-server:1"), "CREATED"),
    (event("SERVICE_UPDATED", service="web", desiredCount=5, previousDesiredCount=3), "UPDATED"),
    (event("SERVICE_DELETED", service="web", message="service web is DRAINING: its tasks are stopped"), "DRAINING"),
    (event("SERVICE_INACTIVE", service="web", message="service web is INACTIVE: its last task"), "INACTIVE"),
    (event("SERVICE_TASKS_STARTED", service="web", tasks=[task_arn("7f3a9c")]), ""),
    (event("SERVICE_TASKS_STOPPED", service="web", tasks=[task_arn("7f3a9c")], cause="desired 1"), "STOPPING"),
    (event("SERVICE_THROTTLED", service="web", message="(service web) is unable to start", delay=4), "THROTTLE"),
    (event("SERVICE_FLAPPING", service="web", exits=9, seconds=30), "FLAPPING"),
    (event("STANDBY_READY", service="web", task="7f3a9c", after=0.2), "STANDBY"),
    (event("STANDBY_LOST", service="web", task="7f3a9c", exitCode=1, reason="it ended by itself"), "LOST"),
    (event("TASK_PULLING", service="web", task="7f3a9c", image="busybox:1.37"), "PULLING"),
    (event("SERVICE_STEADY", service="web", runningCount=3, after=3.2, message="(service web) is steady"), "STEADY"),
    (event("SERVICE_RECOVERED", service="web", seconds=3.1), "RECOVERED"),
    (event("DEPLOYMENT_STARTED", service="web", message="service web: web:1 is replaced by web:2"), "DEPLOY"),
    (event("DEPLOYMENT_COMPLETED", service="web"), ""),
    (event("DEPLOYMENT_STAGE", service="web", stage="SCALE_UP", productionPercent=0), "STAGE"),
    (event("DEPLOYMENT_PAUSED", service="web", stage="POST_SCALE_UP"), "PAUSED"),
    (event("DEPLOYMENT_CONTINUED", service="web", stage="POST_SCALE_UP", action="CONTINUE"), "CONTINUED"),
    (event("TASK_CREATED", service="web", task="7f3a9c", cause="desired 3, 0 there"), "STARTED"),
    (event("TASK_CREATED", task="7f3a9c"), "STARTED"),
    (event("TASK_PENDING", service="web", task="7f3a9c", images=["busybox:1.37"]), "PENDING"),
    (event("TASK_ACTIVATING", service="web", task="7f3a9c"), ""),
    (event("TASK_RUNNING", service="web", task="7f3a9c", after=0.4), "RUNNING"),
    (event("TASK_STOPPING", task="7f3a9c"), "STOPPING"),
    (event("TASK_KILLED", task="7f3a9c", signal="SIGKILL"), "KILLED"),
    (event("TASK_STOPPED", task="7f3a9c", exitCode=0, reachedRunning=True, ranFor=3.2), "STOPPED"),
    (event("TASK_STOPPED", service="web", task="7f3a9c", reachedRunning=False, stoppedReason=PULL_FAILED), "STOPPED"),
    (event("FAULT_INJECTED", service="web", message="pause freezes it", fault="flt-1", name="pause"), "FAULT"),
    (event("FAULT_INJECTED", service="web", task="7f3a9c", message="kill sends", fault="flt-1", name="kill"), ""),
    (event("FAULT_ACTIVE", service="web", task="7f3a9c", name="pause", proof="frozen", after=0.2), "IN FORCE"),
    (event("FAULT_INCONCLUSIVE", service="web", task="7f3a9c", name="pause", reason="no effect"), "UNPROVEN"),
    (event("FAULT_UNDONE", service="web", task="7f3a9c", name="pause", proof="answers", lasted=30), "UNDONE"),
    (event("FAULT_STUCK", message="pause cannot be undone yet: no engine", fault="flt-1"), "STUCK"),
    (event("FAULT_ENDED", name="pause", fault="flt-1"), ""),
    (event("EXPERIMENT_STARTED", message="experiment EXP1: lose one", experiment="EXP1"), "EXPERIMENT"),
    (event("EXPERIMENT_ACTION", message="action slow of EXP1 begins", action="slow", status="running"), "ACTION"),
    (event("EXPERIMENT_ENDED", message="experiment EXP1 is completed: x", status="completed"), "EXPERIMENT"),
    (event("SAFETY_LEVER_CHANGED", message="the safety lever is engaged: lunch", status="engaged"), "LEVER"),
    (event("INSTANCE_REGISTERED", name="instance-1", zone="us-east-1a", engine=None), "INSTANCE"),
    (event("INSTANCE_DEREGISTERED", name="instance-1", zone="us-east-1a"), "INSTANCE"),
    (
        event(
            "INSTANCE_STATUS_CHANGED",
            name="instance-1",
            zone="us-east-1a",
            status="DRAINING",
            tasks=[task_arn("7f3a9c")],
        ),
        "DRAINING",
    ),
    (event("INSTANCE_STATUS_CHANGED", name="instance-1", zone="us-east-1a", status="ACTIVE", tasks=[]), "ACTIVE"),
    (event("INSTANCE_CONNECTED", name="instance-1", zone="us-east-1a"), "INSTANCE"),
    (event("INSTANCE_DISCONNECTED", name="instance-1", zone="us-east-1a", reason="its power is off"), "INSTANCE"),
    (event("INSTANCE_LOST", name="instance-1", zone="us-east-1a", tasks=[task_arn("7f3a9c")]), "LOST"),
    (
        event("SERVICE_NOT_PLACED", service="web", message="(service web) was unable to place a task because no room"),
        "NO PLACE",
    ),
    (event("TASK_NOT_PLACED", message="a task of web:1 was not placed: no engine"), "NOT RUN"),
    (event("TASK_HEALTH_CHANGED", service="web", task="7f3a9c", healthStatus="UNHEALTHY"), "UNHEALTHY"),
    (event("STRAY_FOUND", task="7f3a9c", message="container c0ffee carries our label but no task owns it"), "STRAY"),
    (event("WITHOUT_EFFECT", message="app:1: without effect here, and kept on record: taskRoleArn"), "NO EFFECT"),
    (event("CONTAINER_RESTARTED", service="web", task="7f3a9c", container="app", exitCode=1), "RESTARTED"),
    (event("TARGET_GROUP_CREATED", message="target group web: targets are checked at /"), "CREATED"),
    (event("TARGET_GROUP_DELETED", message="target group web is deleted"), "ENDED"),
    (event("LOAD_BALANCER_CREATED", message="load balancer front will answer at http://127.0.0.1:8480/"), "CREATED"),
    (event("LOAD_BALANCER_DELETED", message="load balancer front is deleted"), "ENDED"),
    (event("LISTENER_CREATED", message="load balancer front listens on port 80"), "CREATED"),
    (event("LISTENER_DELETED", message="load balancer front does not listen on port 80 any more"), "ENDED"),
    (event("LISTENER_MOVED", message="port 8480 is taken by another program: load balancer front is at"), "MOVED"),
    (event("TASK_HEALTHY", service="web", task="7f3a9c", after=3.1), "HEALTHY"),
    (event("TASK_UNHEALTHY", service="web", tasks=[task_arn("7f3a9c")], reason="codes: [500]"), "UNHEALTHY"),
    (event("TARGETS_REGISTERED", service="web", tasks=[task_arn("7f3a9c")], targetGroup="x/web"), "LB"),
    (event("TARGETS_DEREGISTERED", service="web", tasks=[task_arn("7f3a9c")], targetGroup="x/web"), "LB"),
    (event("TARGETS_DRAINING", service="web", tasks=[task_arn("7f3a9c")], delay=2), "LB"),
    (event("TARGET_HEALTH_CHANGED", service="web", task="7f3a9c", state="healthy", after=0.4), "LB"),
    (event("TARGET_HEALTH_CHANGED", service="web", task="7f3a9c", state="unhealthy", reason="Target.Timeout"), "LB"),
    (event("BALANCER_UP", message="the load balancer listens on 127.0.0.1:8480", ports=[8480]), "BALANCER"),
    (event("BALANCER_LOST", message="the load balancer is not there, it is brought back: killed"), "BALANCER"),
    (event("DISCOVERY_UP", message="tasks of my-cluster find services by name again"), "NAMES"),
    (event("DISCOVERY_LOST", message="tasks of my-cluster find no service by name: no image"), "NAMES"),
    (event("DEPLOYMENT_FAILED", service="web", failedTasks=3, threshold=3, rollsBack=True), "BREAKER"),
    (event("DEPLOYMENT_FAILED", service="web", failedTasks=3, threshold=3, rollsBack=False), "BREAKER"),
    (event("DEPLOYMENT_ROLLED_BACK", service="web", taskDefinition="x/web:1", name="web:1"), "ROLLBACK"),
    (event("DEPLOYMENT_STUCK", service="web", message="(service web) was unable to stop or start tasks"), "STUCK"),
    (event("SERVICE_ZONES_UNBALANCED", service="web", message="(service web) is not AZ balanced with ..."), "ZONES"),
    (event("SERVICE_ZONES_BALANCED", service="web", message="(service web) is AZ balanced with ..."), "ZONES"),
    (event("SERVICE_DAEMON_MISPLACED", service="web", message="(service web) one or more tasks violate"), "MISPLACED"),
    (event("TASK_PROTECTION_CHANGED", service="web", task="7f3a9c", until=AT + 600), "PROTECTED"),
    (event("TASK_PROTECTION_CHANGED", service="web", task="7f3a9c"), "UNPROTECTED"),
    (event("SERVICE_SCALED", service="web", previousDesiredCount=3, desiredCount=5, cause="cpu 90%"), "SCALED"),
    (event("SCALING_CHANGED", service="web", message="service web scales between 1 and 5 tasks"), "SCALING"),
    *(
        (event(f"SCHEDULE_{type_}", schedule=f"{SCHEDULES}/{name}", name=name, **data), word)
        for name in ("nightly", "a-name-that-is-as-long-as-one-of-aws-may-be-and-that-is-64-of-it")
        for type_, word, data in SCHEDULE_EVENTS
    ),
    (event("SOMETHING_NEWER", service="web", message="a newer controller says so"), "EVENT"),
]


REFUSAL = "Task definition does not support launch_type FARGATE."


@pytest.mark.parametrize("width", [100, 60])
@pytest.mark.parametrize(
    ("told", "words"),
    [
        (event("TASK_CREATED", task="7f3a9c", awsRefuses=REFUSAL), f"AWS would answer: {REFUSAL}"),
        (event("SERVICE_CREATED", service="web", desiredCount=1, awsRefuses=REFUSAL), f"AWS would answer: {REFUSAL}"),
        (event("CONTAINER_RESTARTED", task="7f3a9c", container="app", exitCode=1), "app exited 1: its restart policy"),
    ],
)
def test_what_a_line_is_about_is_folded_and_not_left_out(told: Event, words: str, width: int) -> None:
    assert words in " ".join(shown([told], width).split())


@pytest.mark.parametrize("symbols", [UNICODE, ASCII], ids=["glyphs", "ascii"])
@pytest.mark.parametrize("width", [100, 80, 60, 40])
@pytest.mark.parametrize(("told", "word"), EVERY_EVENT, ids=lambda value: getattr(value, "type", value))
def test_every_event_fits_its_width_and_keeps_its_word_and_id(
    told: Event, word: str, width: int, symbols: Symbols
) -> None:
    text = shown([told], width, symbols)
    if not word:
        assert text == ""
        return
    assert all(len(row) <= width for row in text.splitlines())
    assert text.splitlines()[0][layout.GLYPH + 2 :].startswith(word)
    if told.task and word != "STRAY":
        assert "7f3a9c" in text
    if symbols is ASCII:
        assert text.isascii()


def test_flapping_standbys_and_pulls_have_lines_of_their_own() -> None:
    told = [
        event("SERVICE_FLAPPING", service="crash", exits=9, seconds=30),
        event("STANDBY_READY", service="web", task="7794c9", after=0.2),
        event("STANDBY_LOST", service="web", task="7794c9", exitCode=1, reason="it ended by itself"),
        event("TASK_PULLING", service="web", task="b20e41", image="busybox:1.37"),
    ]
    assert shown(told, 100) == (
        "   00.0s ▲ FLAPPING   crash  9 exits in 30s, not throttled\n"
        "   00.0s ○ STANDBY    web 7794c9  started and paused: waits for a task to die      ready after 0.20s\n"
        "   00.0s ▲ LOST       web 7794c9  the standby: exit 1  it ended by itself\n"
        "   00.0s ○ PULLING    web b20e41  image busybox:1.37 is not here yet: it is fetched or built"
    )


BALANCED = [
    event("TARGETS_REGISTERED", at=1.0, service="web", tasks=[task_arn("e41b07")], targetGroup="x"),
    event("TARGET_HEALTH_CHANGED", at=3.1, service="web", task="e41b07", state="healthy", after=2.1),
    event("TASK_HEALTHY", at=3.1, service="web", task="e41b07", after=3.1),
    event("TARGETS_DEREGISTERED", at=3.2, service="web", tasks=[task_arn("7f3a9c")], targetGroup="x"),
    event("TARGETS_DRAINING", at=3.2, service="web", tasks=[task_arn("7f3a9c")], delay=2),
]


def test_the_load_balancer_is_told_once_each_with_how_long_it_takes_on_aws() -> None:
    assert shown(BALANCED, 100) == (
        "   01.0s ○ LB         web e41b07  registered: its health checks begin\n"
        "   03.1s ● HEALTHY    web e41b07                                  healthy after 3.1s  AWS: up to 30s\n"
        "   03.2s ■ LB         web 7f3a9c  out of rotation; requests under way may finish          at most 2s"
    )


def test_how_long_it_takes_on_aws_is_the_first_to_go() -> None:
    told = [event("TARGETS_DRAINING", service="web", tasks=[task_arn("7f3a9c")], delay=2)]
    assert shown(told, 120).endswith("at most 2s  AWS: 300s")
    assert shown(told, 100).endswith("at most 2s")
    assert shown(BALANCED, 60).splitlines()[1].endswith("healthy after 3.1s")


def test_at_the_pace_of_aws_nothing_is_said_of_aws() -> None:
    told = [
        event("TASK_HEALTHY", service="web", task="7f3a9c", after=45.0),
        event("TARGETS_DRAINING", service="web", tasks=[task_arn("7f3a9c")], delay=300),
        event("SERVICE_THROTTLED", service="web", message="(service web) is unable to start", delay=1620),
    ]
    assert "AWS" not in shown(told, 200)


def test_a_reason_about_nobody_begins_in_its_own_row() -> None:
    told = event("LISTENER_MOVED", message="port 8480 is taken by another program: load balancer front is elsewhere")
    assert shown([told], 60) == (
        "   00.0s ▲ MOVED      port 8480 is taken by another program:\n               load balancer front is elsewhere"
    )


def test_a_listener_keeps_its_url_where_columns_are_scarce() -> None:
    told = event("LISTENER_CREATED", message="load balancer front listens on port 80: here that is ...", hostPort=8480)
    assert shown([told], 60) == "   00.0s ► CREATED    a listener: http://127.0.0.1:8480/"


def test_the_circuit_breaker_says_its_count_and_its_limit() -> None:
    told = event("DEPLOYMENT_FAILED", service="web", failedTasks=3, threshold=3, rollsBack=True)
    assert shown([told], 80) == "   00.0s ▲ BREAKER    web  3 failed tasks, limit 3: TRIGGERED"
    assert "no rollback" in shown([event("DEPLOYMENT_FAILED", failedTasks=3, threshold=3, rollsBack=False)], 100)


def test_every_type_of_event_that_the_controller_tells_is_among_these() -> None:
    from chaos_ecs.core.messages import EventType

    told = {item.type for item, _ in EVERY_EVENT}
    assert {item.value for item in EventType} - told == set()


def test_the_reason_of_a_failed_start_is_folded_and_never_dropped() -> None:
    told = event("TASK_STOPPED", service="worker", task="90aa1f", reachedRunning=False, stoppedReason=PULL_FAILED)
    assert shown([told], 60) == (
        "   00.0s ■ STOPPED    worker 90aa1f    never reached RUNNING\n"
        "               CannotPullContainerError: manifest for\n"
        "               no-such-image:9 not found: manifest unknown"
    )


def test_tasks_of_which_the_same_is_said_at_the_same_moment_share_a_line() -> None:
    ids = ("7f3a9c", "b20e41", "c9d550")
    told = [event("TASK_PENDING", service="web", task=digits, images=["busybox:1.37"]) for digits in ids]
    assert shown(told, 80) == "   00.0s ○ PENDING    web 7f3a9c b20e41 c9d550  image busybox:1.37"


def test_more_ids_than_a_row_has_room_for_go_on_in_the_next() -> None:
    ids = tuple(f"{number:06x}" for number in range(12))
    (told,) = lines_of([event("SERVICE_TASKS_STOPPED", service="web", tasks=[task_arn(item) for item in ids])])
    rows = layout.rows(told, 60, UNICODE, "00.0s")
    assert " ".join(rows).split()[-12:] == list(ids)
    assert all(len(row) <= 60 for row in rows)


@pytest.mark.parametrize(
    ("data", "end"),
    [
        ({"exitCode": 0, "stopCode": "EssentialContainerExited"}, "FINISHED in 3.2s"),
        ({"exitCode": 1, "stopCode": "EssentialContainerExited"}, "FAILED after 3.2s"),
        ({"exitCode": 137, "stopCode": "EssentialContainerExited"}, "KILLED after 3.2s"),
        ({"exitCode": 143, "stopCode": "UserInitiated"}, "STOPPED after 3.2s"),
    ],
)
def test_the_end_of_a_standalone_task_says_what_it_means(data: dict[str, Any], end: str) -> None:
    told = event("TASK_STOPPED", task="a1b2c3", reachedRunning=True, ranFor=3.2, **data)
    assert shown([told], 100).endswith(end)


def test_stopping_is_told_once_with_the_services_cause() -> None:
    told = [
        event("TASK_STOPPING", service="web", task="7f3a9c"),
        event("SERVICE_TASKS_STOPPED", service="web", tasks=[task_arn("7f3a9c")], cause="the service is deleted"),
    ]
    assert shown(told, 80) == "   00.0s ■ STOPPING   web 7f3a9c  the service is deleted"


@pytest.mark.parametrize(
    ("seconds", "text"), [(-1.0, "00.0s"), (3.24, "03.2s"), (65.2, "01:05.2"), (3723.0, "1:02:03")]
)
def test_elapsed_time_is_short_and_never_negative(seconds: float, text: str) -> None:
    assert layout.elapsed(seconds) == text


@pytest.mark.parametrize(
    ("encoding", "ascii_only", "expected"),
    [
        ("utf-8", False, UNICODE),
        ("utf-8", True, ASCII),
        ("cp1252", False, ASCII),
        (None, False, ASCII),
        ("no-such-encoding", False, ASCII),
    ],
)
def test_glyphs_are_used_only_where_the_output_can_show_them(
    encoding: str | None, ascii_only: bool, expected: Symbols
) -> None:
    assert choose(encoding, ascii_only=ascii_only) == expected


def test_the_symbol_of_every_line_exists() -> None:
    for told, _ in EVERY_EVENT:
        for line in lines_of([told]):
            assert hasattr(UNICODE, line.symbol)


def test_a_schedule_says_when_it_was_due_and_how_late_it_ran() -> None:
    def told(**data: Any) -> str:
        return shown([event("SCHEDULE_RAN", name="nightly", scheduledTime=DUE, **data)], 80)

    on_time = told(tasks=[task_arn("7f3a9c")], lateness=0.2)
    assert " ".join(on_time.split()) == "00.0s ► DUE nightly 7f3a9c due at 14:12:49Z on time"
    assert told(tasks=[], lateness=31.4).endswith("31.4s late")


def test_what_a_schedule_started_says_so_in_place_of_run_task() -> None:
    told = event("TASK_CREATED", task="7f3a9c", cause="schedule nightly is due; nobody will replace it")
    assert "schedule nightly is due; nobody will replace it" in shown([told], 100)
    assert "standalone: no service owns it" in shown([event("TASK_CREATED", task="7f3a9c", cause="run-task")], 100)


def test_a_view_can_add_a_line_of_its_own() -> None:
    line = Line(AT + 5.1, "stopped", "STILL GONE", "", ("77aa01",), "5s later, replacements: 0", "+5s: 0")
    assert layout.rows(line, 60, UNICODE, "05.1s") == ["   05.1s ■ STILL GONE 77aa01  5s later, replacements: 0"]
    assert layout.rows(line, 40, UNICODE, "05.1s") == ["   05.1s ■ STILL GONE 77aa01  +5s: 0"]


# --- in a pipe ---


def test_in_a_pipe_an_event_is_one_line_of_key_and_value() -> None:
    killed, stopped, started = (plain.line(item) for item in KILL_STORY[:3])
    assert killed == ("2026-09-21T14:14:01.000Z KILLED service=web task=b20e41 signal=SIGKILL left=2 desiredCount=3")
    assert stopped == (
        "2026-09-21T14:14:01.100Z STOPPED service=web task=b20e41 stopCode=EssentialContainerExited "
        'stoppedReason="Essential container in task exited" exitCode=137 reachedRunning=true noticedAfter=0.100'
    )
    assert started == "2026-09-21T14:14:01.400Z STARTED service=web task=e41b07 fills=b20e41 decidedAfter=0.400"


@pytest.mark.parametrize(("told", "word"), EVERY_EVENT, ids=lambda value: getattr(value, "type", value))
def test_in_a_pipe_every_event_is_exactly_one_line(told: Event, word: str) -> None:
    text = plain.line(told)
    assert "\n" not in text
    assert text.split()[1] == plain.word(told.type)
    assert plain.word(told.type).isupper()


def test_a_message_with_a_line_break_stays_on_its_line_in_a_pipe() -> None:
    told = Event(1, AT, "ENGINE_LOST", data={"reason": "first\nsecond"})
    assert plain.line(told).endswith('reason="first\\nsecond"')
    assert service_arn("web") not in plain.line(told)
