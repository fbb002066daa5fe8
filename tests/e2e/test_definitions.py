"""One task definition with most of what there is, on real containers: its parts find each other, and it is told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.builders import eventually
from tests.e2e.conftest import Room

pytestmark = [pytest.mark.docker, pytest.mark.slow]

CLUSTER = "my-cluster"
IMAGE = {"image": "chaos-ecs/demo:1", "memory": 32}
TOKEN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/app-AbCdEf:token::"
SCRIPT = """
echo "token=$TOKEN colour=$COLOUR"
echo "note=$(cat /shared/note)"
echo "store=$(wget -q -O /dev/null http://store:8080/ && echo found)"
echo "open=$(ulimit -n)"
echo "name=$(wget -q -O - $ECS_CONTAINER_METADATA_URI_V4)"
echo "task=$(wget -q -O - $ECS_CONTAINER_METADATA_URI_V4/task)"
echo "stats=$(wget -q -O - $ECS_CONTAINER_METADATA_URI_V4/stats)"
"""


def sh(script: str) -> dict[str, Any]:
    return {**IMAGE, "user": "0", "entryPoint": ["/bin/sh", "-c"], "command": [script]}


PREPARE = {
    **sh("echo ready > /shared/note"),
    "name": "prepare",
    "essential": False,
    "mountPoints": [{"sourceVolume": "scratch", "containerPath": "/shared"}],
}
DB = {
    **IMAGE,
    "name": "db",
    "command": ["web"],
    "essential": False,
    "healthCheck": {"command": ["CMD", "true"], "interval": 5},
}
APP = {
    **sh(SCRIPT),
    "name": "app",
    "dependsOn": [
        {"containerName": "prepare", "condition": "SUCCESS"},
        {"containerName": "db", "condition": "HEALTHY"},
    ],
    "links": ["db:store"],
    "mountPoints": [{"sourceVolume": "scratch", "containerPath": "/shared", "readOnly": True}],
    "secrets": [{"name": "TOKEN", "valueFrom": TOKEN}],
    "environmentFiles": [{"value": "arn:aws:s3:::config/app.env", "type": "s3"}],
    "ulimits": [{"name": "nofile", "softLimit": 99, "hardLimit": 100}],
    "logConfiguration": {
        "logDriver": "awslogs",
        "options": {"awslogs-group": "app", "awslogs-region": "us-east-1"},
    },
}


def register(room: Room, family: str, *containers: dict[str, Any], flags: tuple[str, ...] = ()) -> Any:
    said = ("--family", family, "--container-definitions", json.dumps(containers))
    return room.aws("register-task-definition", *said, *flags)["taskDefinition"]


def keep(room: Room, path: str, text: str) -> None:
    file = room.home / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def test_the_parts_of_a_task_find_each_other_and_what_is_kept_here(room: Room) -> None:
    room.ok("images", "build", "toolbox")
    room.ok("controller", "start")
    role = ("--execution-role-arn", "arn:aws:iam::123456789012:role/reads-secrets")
    register(room, "whole", PREPARE, DB, APP, flags=("--volumes", json.dumps([{"name": "scratch"}]), *role))
    (task,) = room.aws("run-task", "--cluster", CLUSTER, "--task-definition", "whole")["tasks"]

    def stopped() -> Any:
        (now,) = room.aws("describe-tasks", "--cluster", CLUSTER, "--tasks", task["taskArn"])["tasks"]
        return now if now["lastStatus"] == "STOPPED" else None

    ended = eventually(stopped, within=30, every=0.5)
    refused = "ResourceInitializationError: failed to download env files: there is no file s3/config/app.env"
    assert ended["stoppedReason"].startswith(refused)

    keep(room, "s3/config/app.env", "COLOUR=blue\n")
    keep(room, "secrets/prod/app", '{"token": "t0ken"}')
    (task,) = room.aws("run-task", "--cluster", CLUSTER, "--task-definition", "whole")["tasks"]
    ended = eventually(stopped, within=60, every=0.5)
    assert ended["stoppedReason"] == "Essential container in task exited", ended
    (app,) = [one for one in ended["containers"] if one["name"] == "app"]
    told = room.ok("logs", task["taskArn"].rsplit("/", 1)[1]).out
    for line in ("token=t0ken colour=blue", "note=ready", "store=found", "open=99"):
        assert line in told
    assert '"Name":"app"' in told
    assert f'"TaskARN":"{task["taskArn"]}"' in told
    assert f'"id":"{app["runtimeId"]}"' in told, "the statistics are those of the container that asks"
    assert "t0ken" not in json.dumps(ended)
    room.ok("clean", "--state", "--yes")
    assert [one for one in room.client.volumes()["Volumes"] or () if str(room.home) in str(one["Labels"])] == []
