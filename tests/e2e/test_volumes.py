"""A task definition's volumes on real containers: what one task writes, the next one reads."""

from __future__ import annotations

import json

import pytest

from tests.e2e.conftest import Room

pytestmark = [pytest.mark.docker, pytest.mark.slow]

SHARED = [{"name": "kept", "dockerVolumeConfiguration": {"scope": "shared", "autoprovision": True}}]


def define(room: Room, family: str, *words: str, read_only: bool = False, volume: str = "kept") -> None:
    container = {
        "name": family,
        "image": "chaos-ecs/demo:1",
        "memory": 32,
        "user": "0",
        "entryPoint": ["/bin/sh", "-c"],
        "command": [" ".join(words)],
        "mountPoints": [{"sourceVolume": volume, "containerPath": "/kept", "readOnly": read_only}],
    }
    wished = ("--family", family, "--container-definitions", json.dumps([container]))
    room.aws("register-task-definition", *wished, "--volumes", json.dumps(SHARED))


def test_a_shared_volume_outlives_its_task_and_goes_with_the_clean_up(room: Room) -> None:
    define(room, "write", "echo remembered > /kept/file")
    define(room, "read", "cat /kept/file", read_only=True)
    define(room, "overwrite", "echo lost > /kept/file", read_only=True)
    room.ok("run-task", "write")
    read = room.ok("run-task", "read", "-q").out.strip()
    assert "remembered" in room.ok("logs", read).out
    assert room.run("run-task", "overwrite").code == 1, "read-only"
    volumes = room.client.volumes(filters={"label": "chaos-ecs.home"})["Volumes"] or []
    (ours,) = [one for one in volumes if one["Labels"]["chaos-ecs.home-path"] == str(room.home)]
    assert ours["Name"].endswith("-kept")
    told = room.aws("describe-task-definition", "--task-definition", "read")["taskDefinition"]
    assert told["volumes"][0]["name"] == told["containerDefinitions"][0]["mountPoints"][0]["sourceVolume"] == "kept"
    room.ok("clean", "--state", "--yes")
    left = room.client.volumes(filters={"name": ours["Name"]})["Volumes"] or []
    assert left == []


def test_a_volume_that_is_not_there_is_refused_in_ecs_words(room: Room) -> None:
    with pytest.raises(AssertionError, match="Unknown volume 'other'"):
        define(room, "lost", "true", volume="other")
