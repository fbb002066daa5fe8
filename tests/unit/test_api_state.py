"""The snapshot and the events, as ARCHITECTURE.md lists them, and readers that come late, resume or fall behind."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chaos_ecs.api.event_stream import EVENTS_A_CHUNK, Reader, encode
from chaos_ecs.api.snapshot import STOPPED_TASKS_SHOWN
from chaos_ecs.core.messages import Event, EventType
from tests.unit.api_harness import CLUSTER, Harness, with_tasks


@pytest.fixture
def api() -> Harness:
    return with_tasks(startedBy="ada")


def snapshot(api: Harness) -> dict[str, Any]:
    response = api.get("/state")
    assert (response.status, response.headers["content-type"]) == (200, "application/json")
    told: dict[str, Any] = json.loads(response.body)
    return told


def test_a_snapshot_has_the_members_of_the_architecture_page(api: Harness) -> None:
    told = snapshot(api)
    assert sorted(told) == ["at", "clusters", "engine", "number", "services", "tasks", "v"]
    assert told["engine"] == {"connected": True, "name": "simulator", "reason": ""}
    assert told["clusters"] == [
        {
            "arn": "arn:aws:ecs:us-east-1:123456789012:cluster/my-cluster",
            "name": "my-cluster",
            "region": "us-east-1",
            "status": "ACTIVE",
        }
    ]
    (service,) = told["services"]
    assert set(service) == {
        "arn", "name", "clusterArn", "status", "desiredCount", "runningCount", "pendingCount", "taskDefinition",
        "steady", "throttle", "kills", "lastRecoverySeconds", "createdAt", "standby", "flapping", "targetGroups",
        "deployments",
    }  # fmt: skip
    assert (service["runningCount"], service["steady"], service["throttle"]) == (3, True, None)
    assert service["taskDefinition"] == "web-server:1"
    task = told["tasks"][-1]
    assert set(task) == {
        "arn", "id", "clusterArn", "serviceArn", "taskDefinition", "group", "startedBy", "lastStatus", "desiredStatus",
        "healthStatus", "createdAt", "startedAt", "stoppedAt", "stopCode", "stoppedReason", "exitCode", "fills",
        "protectedUntil", "number", "containers",
    }  # fmt: skip
    assert (task["serviceArn"], task["startedBy"], task["lastStatus"]) == (None, "ada", "RUNNING")
    assert set(task["containers"][0]) == {
        "name", "image", "runtimeId", "lastStatus", "exitCode", "reason", "bindings",
    }  # fmt: skip
    assert told["tasks"][0]["containers"][0]["bindings"][0]["containerPort"] == 8080


def test_standbys_are_in_no_list_but_their_memory_is_told(api: Harness) -> None:
    api.chaos("SetStandby", cluster=CLUSTER, service="web", count=2)
    api.simulation.advance(3)
    told = snapshot(api)
    (service,) = told["services"]
    assert service["standby"] == {"desired": 2, "ready": 2, "memory": 128}
    assert len([task for task in told["tasks"] if task["serviceArn"] == service["arn"]]) == 3
    ecs = api.client()
    assert len(ecs.list_tasks(cluster=CLUSTER, serviceName="web")["taskArns"]) == 3
    assert ecs.describe_services(cluster=CLUSTER, services=["web"])["services"][0]["runningCount"] == 3


def test_a_snapshots_number_is_that_of_the_newest_event(api: Harness) -> None:
    assert snapshot(api)["number"] == api.simulation.events[-1].number


def test_a_replacement_names_the_task_whose_place_it_takes(api: Harness) -> None:
    (victim,) = api.chaos("KillTasks", cluster=CLUSTER, service="web")["victims"]
    api.simulation.advance(5)
    told = snapshot(api)
    assert [task["fills"] for task in told["tasks"] if task["fills"]] == [victim]
    assert (told["services"][0]["kills"], told["services"][0]["lastRecoverySeconds"] > 0) == (1, True)


def test_a_throttled_service_says_until_when_and_why(api: Harness) -> None:
    ecs = api.client()
    ecs.register_task_definition(
        family="bad", containerDefinitions=[{"name": "a", "image": "no-such-image:1", "memory": 32}]
    )
    ecs.create_service(cluster=CLUSTER, serviceName="bad", taskDefinition="bad", desiredCount=1)
    api.simulation.advance(10)
    throttle = snapshot(api)["services"][1]["throttle"]
    assert throttle["level"] >= 2
    assert throttle["nextStartAt"] > api.simulation.clock.now()
    assert "no-such-image" in throttle["reason"]


def test_a_service_says_that_its_tasks_have_no_place_for_as_long_as_that_is_so(api: Harness) -> None:
    api.chaos("AddContainerInstance", cluster=CLUSTER, memory=600)
    ecs = api.client()
    containers = [{"name": "a", "image": "chaos-ecs/demo:1", "memory": 512}]
    ecs.register_task_definition(family="big", containerDefinitions=containers)
    ecs.create_service(cluster=CLUSTER, serviceName="big", taskDefinition="big", desiredCount=2)
    api.simulation.advance(10)
    assert "has insufficient memory available" in snapshot(api)["services"][1]["unplaced"]
    api.chaos("AddContainerInstance", cluster=CLUSTER, memory=600)
    api.simulation.advance(60)
    assert "unplaced" not in snapshot(api)["services"][1]


def test_a_snapshot_has_every_live_task_and_the_newest_stopped_ones(api: Harness) -> None:
    ecs = api.client()
    arns = []
    for _ in range(21):
        tasks = ecs.run_task(cluster=CLUSTER, taskDefinition="db-migrate", count=10)["tasks"]
        arns += [task["taskArn"] for task in tasks]
        api.simulation.advance(10)
    told = snapshot(api)["tasks"]
    stopped = [task["arn"] for task in told if task["lastStatus"] == "STOPPED"]
    assert len(stopped) == STOPPED_TASKS_SHOWN
    assert set(stopped) == set(arns[-STOPPED_TASKS_SHOWN:])
    assert sum(1 for task in told if task["lastStatus"] == "RUNNING") == 4


def test_a_snapshot_needs_a_signature_for_our_own_service(api: Harness) -> None:
    assert api.send(method="GET", path="/state", service="ecs").status == 400


# --- events ---


class Watcher:
    def __init__(self, api: Harness, after: int = 0, *, follow: bool = True, limit: int = 1000) -> None:
        assert api.simulation.controller is not None
        self.woken = 0
        self.reader = Reader(api.simulation.controller, self._wake, limit=limit)
        backlog = self.reader.open(after, follow=follow)
        api.simulation.advance(0)
        self.backlog = [event.number for event in backlog.result(0)]

    def _wake(self) -> None:
        self.woken += 1

    def heard(self) -> list[int]:
        return [event.number for event in self.reader.take()]


def test_a_reader_gets_what_was_and_then_what_happens_without_a_gap(api: Harness) -> None:
    watcher = Watcher(api)
    assert watcher.heard() == []
    api.chaos("KillTasks", cluster=CLUSTER, service="web")
    api.simulation.advance(5)
    heard = watcher.heard()
    assert watcher.woken > 0
    assert watcher.backlog + heard == [event.number for event in api.simulation.events]
    assert watcher.backlog + heard == list(range(1, heard[-1] + 1))


def test_a_reader_resumes_after_the_last_event_it_saw(api: Harness) -> None:
    newest = api.simulation.events[-1].number
    assert Watcher(api, newest - 2).backlog == [newest - 1, newest]
    assert Watcher(api, newest).backlog == []


def test_a_reader_that_does_not_follow_hears_nothing_more(api: Harness) -> None:
    watcher = Watcher(api, follow=False)
    api.chaos("KillTasks", cluster=CLUSTER)
    assert (watcher.heard(), watcher.woken) == ([], 0)


def test_a_reader_that_falls_behind_is_cut_off_and_can_resume(api: Harness) -> None:
    watcher = Watcher(api, limit=5)
    api.chaos("KillTasks", cluster=CLUSTER, all=True)
    api.simulation.advance(5)
    assert watcher.reader.is_cut_off
    heard = watcher.heard()
    assert len(heard) <= 5
    last = (watcher.backlog + heard)[-1]
    missed = Watcher(api, last).backlog
    assert watcher.backlog + heard + missed == [event.number for event in api.simulation.events]


def test_a_closed_reader_is_forgotten(api: Harness) -> None:
    watcher = Watcher(api)
    watcher.reader.close()
    watcher.reader.close()
    api.chaos("KillTasks", cluster=CLUSTER)
    assert watcher.heard() == []


def test_a_reader_takes_a_chunk_at_a_time(api: Harness) -> None:
    watcher = Watcher(api)
    for _ in range(8):
        api.client().run_task(cluster=CLUSTER, taskDefinition="db-migrate", count=10)
        api.simulation.advance(5)
    assert len(watcher.heard()) == EVENTS_A_CHUNK
    assert len(watcher.heard()) > 0


def test_an_event_is_one_line_of_json_under_its_number() -> None:
    event = Event(7, 1.5, EventType.TASK_RUNNING, "task 0a1b2c\nis RUNNING", "c", "s", "t", {"after": 0.25})
    assert encode([event, event]).decode() == 2 * (
        'id: 7\ndata: {"v":1,"number":7,"at":1.5,"type":"TASK_RUNNING","message":"task 0a1b2c\\nis RUNNING",'
        '"cluster":"c","service":"s","task":"t","data":{"after":0.25}}\n\n'
    )
