"""Our own operations: killing, logs, the controller. Called as any signed client calls them."""

from __future__ import annotations

from typing import Any

import pytest

from chaos_ecs import __version__
from tests.builders import WEB
from tests.unit.api_harness import CLUSTER, Harness, running, with_tasks


@pytest.fixture
def api() -> Harness:
    return with_tasks()


def kill(api: Harness, **params: Any) -> dict[str, Any]:
    return api.chaos("KillTasks", cluster=CLUSTER, **params)


def was_killed(api: Harness, arn: str) -> bool:
    return api.simulation.state.tasks[arn].killed_at is not None


def test_one_task_is_killed_and_its_service_recovers(api: Harness) -> None:
    before = running(api)
    answer = kill(api, service="web")
    (victim,) = answer["victims"]
    assert victim in before
    api.simulation.advance(5)
    after = running(api)
    assert len(after) == 3
    assert len(set(after) - set(before)) == 1
    stopped = api.simulation.state.tasks[victim]
    assert (stopped.last_status, stopped.containers[0].exit_code) == ("STOPPED", 137)


def test_the_same_seed_picks_the_same_victim(api: Harness) -> None:
    drawn = kill(api, dryRun=True)
    repeated = kill(api, dryRun=True, seed=drawn["seed"])
    assert repeated == drawn


def test_a_dry_run_changes_nothing(api: Harness) -> None:
    before = dict(api.simulation.state.tasks)
    answer = kill(api, all=True, dryRun=True)
    assert (len(answer["victims"]), answer["dryRun"]) == (4, True)
    assert api.simulation.state.tasks == before


def test_all_of_a_service_are_killed_in_one_go(api: Harness) -> None:
    before = running(api)
    assert kill(api, service=WEB, all=True)["victims"] == before
    assert all(was_killed(api, arn) for arn in before)
    assert not was_killed(api, running(api, None)[0])
    api.simulation.advance(10)
    assert len(running(api)) == 3


def test_a_killed_standalone_task_stays_gone(api: Harness) -> None:
    (standalone,) = running(api, None)
    assert kill(api, standalone=True)["victims"] == [standalone]
    api.simulation.advance(60)
    assert running(api, None) == []


def test_named_tasks_are_all_killed(api: Harness) -> None:
    first, second, _ = running(api)
    named = [first.rsplit("/", 1)[1][:6], second]
    assert kill(api, tasks=named, count=1)["victims"] == [first, second]


def test_nothing_that_matches_is_no_error(api: Harness) -> None:
    kill(api, standalone=True)
    api.simulation.advance(5)
    assert kill(api, standalone=True)["victims"] == []


def test_another_signal_is_sent_as_asked(api: Harness) -> None:
    (victim,) = kill(api, service="web", signal="term")["victims"]
    api.simulation.advance(5)
    assert api.simulation.state.tasks[victim].containers[0].exit_code == 0
    assert not was_killed(api, victim)


@pytest.mark.parametrize(
    ("params", "code", "said"),
    [
        ({"cluster": "nowhere"}, "ClusterNotFoundException", "Cluster not found."),
        ({"service": "nothing"}, "ServiceNotFoundException", "Service not found."),
        ({"service": "web", "standalone": True}, "InvalidParameterException", "but not both"),
        ({"tasks": ["abcd"], "service": "web"}, "InvalidParameterException", "but not both"),
        ({"tasks": ["ffff"]}, "InvalidParameterException", "The referenced task was not found: ffff"),
        ({"signal": "BANANA"}, "InvalidParameterException", "not a signal"),
        ({"count": 0}, "InvalidParameterException", "value greater than or equal to 1"),
        ({"count": "3"}, "SerializationException", "count"),
        ({"seed": 2**70}, "SerializationException", "seed"),
    ],
)
def test_bad_input_is_refused_and_nobody_is_hurt(api: Harness, params: dict[str, Any], code: str, said: str) -> None:
    before = dict(api.simulation.state.tasks)
    status, body = api.call("KillTasks", {"cluster": CLUSTER, **params}, service="chaos-ecs")
    assert (status, body["__type"]) == (400, code)
    assert said in body["message"]
    assert api.simulation.state.tasks == before


def test_a_stopped_task_cannot_be_killed_and_its_state_is_told(api: Harness) -> None:
    victim = running(api)[0]
    kill(api, tasks=[victim])
    api.simulation.advance(5)
    status, body = api.call("KillTasks", {"cluster": CLUSTER, "tasks": [victim]}, service="chaos-ecs")
    assert (status, body["__type"]) == (400, "InvalidParameterException")
    assert "is STOPPED" in body["message"]


# --- logs ---


def logs(api: Harness, task: str, **params: Any) -> dict[str, Any]:
    return api.chaos("GetTaskLogs", cluster=CLUSTER, task=task, **params)


def test_a_tasks_lines_are_told_with_their_container_and_time(api: Harness) -> None:
    (task,) = running(api, None)
    answer = logs(api, task.rsplit("/", 1)[1][:6])
    (line,) = answer["lines"]
    assert (line["container"], line["message"]) == ("worker", "worker started (simulated)")
    assert answer["nextSince"] == line["at"]


def test_lines_told_before_are_not_told_again(api: Harness) -> None:
    task = running(api)[0]
    since = logs(api, task)["nextSince"]
    assert logs(api, task, since=since) == {"lines": [], "nextSince": since}
    kill(api, tasks=[task])
    api.simulation.advance(1)
    assert [line["message"] for line in logs(api, task, since=since)["lines"]] == [
        "web-server exited with code 137 (simulated)"
    ]


def test_whoever_wants_no_old_line_goes_on_after_the_newest(api: Harness) -> None:
    task = running(api)[0]
    answer = logs(api, task, tail=0)
    assert answer == {"lines": [], "nextSince": logs(api, task)["nextSince"]}
    assert logs(api, task, since=answer["nextSince"])["lines"] == []


def test_the_lines_of_several_containers_are_in_order_of_time(api: Harness) -> None:
    ecs = api.client()
    member = {"image": "chaos-ecs/demo:1", "memory": 32}
    ecs.register_task_definition(
        family="pair",
        containerDefinitions=[
            {**member, "name": "main", "command": ["web"]},
            {**member, "name": "side", "command": ["batch"], "essential": False},
        ],
    )
    task = ecs.run_task(cluster=CLUSTER, taskDefinition="pair")["tasks"][0]["taskArn"]
    assert logs(api, task) == {"lines": [], "nextSince": 0.0}
    api.simulation.advance(30)
    lines = logs(api, task)["lines"]
    assert [line["at"] for line in lines] == sorted(line["at"] for line in lines)
    assert {line["container"] for line in lines} == {"main", "side"}
    assert logs(api, task, tail=1)["lines"] == lines[-1:]
    assert logs(api, task, tail=0)["lines"] == []
    assert {line["container"] for line in logs(api, task, container="side")["lines"]} == {"side"}


def test_logs_of_a_container_that_is_gone_are_not_found(api: Harness) -> None:
    (task,) = running(api, None)
    container = api.simulation.state.tasks[task].containers[0]
    api.simulation.engine.remove(str(container.runtime_id))
    status, body = api.call("GetTaskLogs", {"cluster": CLUSTER, "task": task}, service="chaos-ecs")
    assert (status, body["__type"]) == (400, "ResourceNotFoundException")
    assert "not there any more" in body["message"]


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"task": "ffff"}, "The referenced task was not found."),
        ({}, "Task can not be blank."),
        ({"task": "x", "tail": -1}, "greater than or equal to 0"),
    ],
)
def test_logs_of_nothing_are_refused(api: Harness, params: dict[str, Any], said: str) -> None:
    status, body = api.call("GetTaskLogs", {"cluster": CLUSTER, **params}, service="chaos-ecs")
    assert (status, body["__type"]) == (400, "InvalidParameterException")
    assert said in body["message"]


def test_logs_of_a_container_that_the_task_does_not_have_are_refused(api: Harness) -> None:
    params = {"cluster": CLUSTER, "task": running(api)[0], "container": "other"}
    assert "has no container 'other'" in api.call("GetTaskLogs", params, service="chaos-ecs")[1]["message"]


# --- the controller ---


def test_the_controller_says_what_it_is(api: Harness) -> None:
    told = api.chaos("GetController")
    assert (told["version"], told["home"], told["simulated"], told["seed"]) == (
        __version__,
        "/home/ada/chaos-ecs",
        True,
        1,
    )
    assert (told["engine"], told["engineConnected"], told["engineReason"]) == ("simulator", True, "")
    assert told["port"] == api.border.port
    assert told["startedAt"] > 1_700_000_000


def test_the_controller_says_why_the_engine_is_away(api: Harness) -> None:
    api.simulation.engine.up = False
    api.simulation.advance(1)
    told = api.chaos("GetController")
    assert (told["engineConnected"], told["engineReason"]) == (False, "the simulated engine is stopped")


def test_the_controller_stops_when_it_is_asked_to(api: Harness) -> None:
    assert api.chaos("StopController") == {}
    assert api.stopped
