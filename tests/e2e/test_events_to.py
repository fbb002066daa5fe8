"""Events for other systems, from a real controller: to a file, to a web server with troubles of its own, to a pipe."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.builders import eventually
from tests.e2e.conftest import BIN, Room
from tests.e2e.simulated import Running
from tests.event_receiver import receiving

WITHIN_SECONDS = 90.0

Told = list[dict[str, Any]]


def a_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def in_file(path: Path) -> Told:
    """Without a line that is just being written."""
    return [json.loads(line) for line in path.read_text().rpartition("\n")[0].splitlines()]


def lives(told: Told) -> dict[str, Told]:
    """What was told of each task, each version once."""
    found: dict[str, Told] = {}
    for event in told:
        if event["detail-type"] == "ECS Task State Change":
            versions = found.setdefault(event["detail"]["taskArn"], [])
            if not versions or event["detail"]["version"] > versions[-1]["version"]:
                versions.append(event["detail"])
    return found


def names(told: Told) -> list[str]:
    return [event["detail"]["eventName"] for event in told if "eventName" in event["detail"]]


def targets(room: Room) -> Any:
    return room.ok("controller", "status", "--json").json["eventTargets"]


@pytest.mark.timeout(600)
def test_all_events_arrive_in_order_at_a_file_and_at_a_server_that_is_down_at_first(room: Room, tmp_path: Path) -> None:
    path, port = tmp_path / "events.jsonl", a_port()
    url = f"http://127.0.0.1:{port}/events"
    room.ok("controller", "start", "--simulate", "--events-to", str(path), "--events-to", url)
    room.ok("service", "up", "web", "--desired", "3")
    eventually(lambda: targets(room)[1]["waiting"] >= 10, within=WITHIN_SECONDS)
    assert "refused" in targets(room)[1]["trouble"]
    with receiving(port, lambda number: 500 if number % 4 == 2 else 200) as receiver:
        room.ok("kill", "web", "--yes")
        room.ok("run-task", "batch-job", "--wait")
        room.ok("service", "scale", "web", "1")
        room.ok("service", "down", "web", "--yes")
        eventually(
            lambda: all(versions[-1]["lastStatus"] == "STOPPED" for versions in lives(in_file(path)).values()),
            within=WITHIN_SECONDS,
        )
        eventually(lambda: [one["waiting"] for one in targets(room)] == [0, 0], within=WITHIN_SECONDS)
        told = in_file(path)
        assert receiver.got == told
        assert len(receiver.asked) > len(told), "it answered 500 now and then"
    assert [one["delivered"] for one in targets(room)] == [len(told)] * 2
    found = lives(told)
    assert len(found) == 5
    for versions in found.values():
        assert [detail["version"] for detail in versions] == list(range(1, len(versions) + 1))
        assert versions[-1]["stopCode"]
    assert len({event["id"] for event in told}) == len(told)
    assert {"SERVICE_STEADY_STATE", "SERVICE_DEPLOYMENT_COMPLETED", "TASKS_STOPPED"} <= set(names(told))


def test_what_waits_at_the_end_is_brought_before_the_controller_is_gone(room: Room, tmp_path: Path) -> None:
    """The server comes to itself at the last moment, while the courier waits for its next try."""
    path = tmp_path / "events.jsonl"
    well = threading.Event()
    with receiving(answers=lambda number: 200 if well.is_set() else 503) as receiver:
        room.ok("controller", "start", "--simulate", CHAOS_ECS_EVENTS_TO=f"{path},{receiver.url}")
        room.ok("service", "up", "web", "--desired", "5")
        eventually(lambda: len(receiver.asked) >= 6, within=WITHIN_SECONDS)  # the pauses have grown long
        well.set()
        room.ok("controller", "stop")
        assert receiver.got == in_file(path)
        assert [versions[-1]["lastStatus"] for versions in lives(receiver.got).values()] == ["RUNNING"] * 5


@pytest.mark.parametrize("target", ["ftp://example.org/", "FOLDER", "FOLDER/no/such/file"])
def test_a_bad_target_is_refused_before_anything_starts(room: Room, tmp_path: Path, target: str) -> None:
    told = target.replace("FOLDER", str(tmp_path))
    refused = room.run("controller", "start", "--simulate", "--events-to", told, "--json")
    assert refused.code == 2
    said = json.loads(refused.err.splitlines()[-1])
    assert "E-EVENTS-TO" in json.dumps(said)
    assert told in json.dumps(said)
    assert room.run("controller", "status").code == 3
    refused = room.run("service", "up", "web", CHAOS_ECS_EVENTS_TO=told)
    assert refused.code == 2
    assert "E-EVENTS-TO" in refused.err
    assert room.run("controller", "status").code == 3


def test_a_controller_whose_events_go_elsewhere_has_to_be_stopped_first(room: Room, tmp_path: Path) -> None:
    room.ok("controller", "start", "--simulate")
    refused = room.run("controller", "start", "--simulate", "--events-to", str(tmp_path / "events.jsonl"))
    assert (refused.code, "E-ALREADY-RUNNING" in refused.err) == (1, True)
    room.ok("controller", "start", "--simulate", CHAOS_ECS_EVENTS_TO=str(tmp_path / "events.jsonl"))


def test_a_form_of_the_stream_that_there_is_not_is_refused(running: Running) -> None:
    response = running.get("/events", "follow=0&format=xml")
    assert (response.status, b"format is eventbridge" in response.read()) == (400, True)


def test_events_can_be_piped_without_a_restart(room: Room, tmp_path: Path) -> None:
    room.ok("controller", "start", "--simulate")
    room.ok("service", "up", "web", "--desired", "2")
    path = tmp_path / "piped.jsonl"
    with path.open("wb") as output:
        command = [str(BIN / "chaos-ecs"), "events", "web", "--eventbridge", "--follow"]
        follower = subprocess.Popen(command, env=room.environment, stdout=output, stderr=subprocess.PIPE)
        try:
            eventually(path.read_text, within=WITHIN_SECONDS)
            room.ok("kill", "web", "--yes")
            room.ok("run-task", "batch-job", "--wait")
            eventually(lambda: len(lives(in_file(path))) == 3, within=WITHIN_SECONDS)
            eventually(
                lambda: (
                    sorted(versions[-1]["lastStatus"] for versions in lives(in_file(path)).values())
                    == ["RUNNING", "RUNNING", "STOPPED"]
                ),
                within=WITHIN_SECONDS,
            )
        finally:
            follower.send_signal(signal.SIGINT)
            _, said = follower.communicate(timeout=30)
    assert said == b""
    told = in_file(path)
    assert {event["detail"]["group"] for event in told if "group" in event["detail"]} == {"service:web"}
    assert len({event["id"] for event in told}) == len(told)
    new = next(versions for versions in lives(told).values() if versions[0]["version"] == 1)
    assert [detail["version"] for detail in new] == list(range(1, len(new) + 1))
    listed = room.ok("events", "web", "--eventbridge").out.splitlines()
    assert {json.loads(line)["detail-type"] for line in listed} == {
        "ECS Task State Change",
        "ECS Service Action",
        "ECS Deployment State Change",
    }


@pytest.mark.timeout(600)
def test_real_containers_and_a_controller_that_is_killed(room: Room, tmp_path: Path) -> None:
    """What the dead controller could not tell any more is made good by the next one."""
    path, port = tmp_path / "events.jsonl", a_port()
    room.environment["CHAOS_ECS_EVENTS_TO"] = f"{path},http://127.0.0.1:{port}/"
    room.ok("controller", "start")
    room.ok("service", "up", "web", "--desired", "2")
    room.ok("kill", "web", "--yes")
    eventually(
        lambda: (
            sorted(versions[-1]["lastStatus"] for versions in lives(in_file(path)).values())
            == ["RUNNING", "RUNNING", "STOPPED"]
        ),
        within=WITHIN_SECONDS,
    )
    for versions in lives(in_file(path)).values():
        assert [detail["version"] for detail in versions] == list(range(1, len(versions) + 1))
        assert all(len(container["runtimeId"]) == 64 for container in versions[-1]["containers"])
    killed = next(versions for versions in lives(in_file(path)).values() if versions[-1]["lastStatus"] == "STOPPED")
    assert (killed[-1]["stopCode"], killed[-1]["containers"][0]["exitCode"]) == ("EssentialContainerExited", 137)
    room.kill_controller()
    for container in room.containers():
        room.client.kill(container["Id"])
    with receiving(port) as receiver:  # it hears for the first time of what was before
        room.ok("controller", "start")
        eventually(
            lambda: (
                [
                    sorted(versions[-1]["lastStatus"] for versions in lives(told).values())
                    for told in (in_file(path), receiver.got)
                ]
                == [["RUNNING"] * 2 + ["STOPPED"] * 3] * 2
            ),
            within=WITHIN_SECONDS,
        )
    assert lives(receiver.got)[killed[-1]["taskArn"]][-1] | {"updatedAt": ""} == killed[-1] | {"updatedAt": ""}
    arns = room.aws("list-tasks", "--cluster", "my-cluster")["taskArns"]
    assert len(arns) == 2

    def agrees() -> bool:
        described = room.aws("describe-tasks", "--cluster", "my-cluster", "--tasks", *arns)["tasks"]
        last = {arn: versions[-1]["version"] for arn, versions in lives(in_file(path)).items()}
        return {task["taskArn"]: task["version"] for task in described} == {arn: last[arn] for arn in arns}

    eventually(agrees, within=WITHIN_SECONDS)
