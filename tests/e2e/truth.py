"""What the record says against what the engine runs: nothing too few, too many, lost or left over."""

from __future__ import annotations

import json
from typing import Any

from tests.builders import eventually
from tests.e2e.conftest import Room

CLUSTER = "my-cluster"


def all_tasks(ecs: Any) -> list[dict[str, Any]]:
    """DescribeTasks of all there are, running and stopped."""
    found: list[dict[str, Any]] = []
    for status in ("RUNNING", "STOPPED"):
        for page in ecs.get_paginator("list_tasks").paginate(cluster=CLUSTER, desiredStatus=status):
            if page["taskArns"]:
                found += ecs.describe_tasks(cluster=CLUSTER, tasks=page["taskArns"])["tasks"]
    return found


def await_whole(room: Room, desired_count: int, *, service: str = "web", within: float = 60) -> list[dict[str, Any]]:
    """Waits until exactly as many tasks of the service run as are desired, the engine runs just these, and every
    container of ours belongs to a task on record; all tasks then."""
    ecs = room.ecs()

    def check() -> list[dict[str, Any]]:
        tasks = all_tasks(ecs)
        running = [task for task in tasks if task["lastStatus"] == "RUNNING" and task["group"] == f"service:{service}"]
        assert len(running) == desired_count, [(t["lastStatus"], t.get("stoppedReason")) for t in tasks]
        assert ecs.describe_services(cluster=CLUSTER, services=[service])["services"][0]["runningCount"] == len(running)
        wanted = {task["containers"][0]["runtimeId"] for task in tasks if task["lastStatus"] == "RUNNING"}
        assert {one["Id"] for one in room.containers()} == wanted
        known = {task["containers"][0].get("runtimeId") for task in tasks}
        helpers = ("chaos-ecs.balancer", "chaos-ecs.resolver", "chaos-ecs.agent")
        ours = [one for one in room.containers(everything=True) if not any(label in one["Labels"] for label in helpers)]
        nobodys = [one["Names"] for one in ours if one["Id"] not in known]
        assert nobodys == []
        return tasks

    return eventually(check, within=within, every=0.1)


def assert_none_lost(room: Room, tasks: list[dict[str, Any]]) -> None:
    """Whatever task was ever told as created is on record, and each that does not run says how it ended."""
    told = [json.loads(line) for line in room.ok("events", "--json").out.splitlines()]
    created = {event["task"] for event in told if event["type"] == "TASK_CREATED"}
    assert created == {task["taskArn"] for task in tasks}
    for task in tasks:
        if task["lastStatus"] != "RUNNING":
            assert (task["lastStatus"], bool(task["stopCode"]), bool(task["stoppedReason"])) == ("STOPPED", True, True)
