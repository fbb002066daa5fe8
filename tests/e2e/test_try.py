"""`chaos-ecs try`: the six workloads on real containers, each killed as its lesson says; nothing is left of them."""

from __future__ import annotations

import re
from time import monotonic

import pytest

from tests.e2e.conftest import Ran, Room

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.usefixtures("workload_images")]

UNDER_SECONDS = 60.0  # from images that are there


def tried(room: Room, name: str, *options: str) -> Ran:
    began_at = monotonic()
    ran = room.ok(*options, "try", name)
    assert monotonic() - began_at < UNDER_SECONDS
    return ran


def assert_nothing_is_left(room: Room) -> None:
    room.ok("clean", "--state", "--yes")
    label = {"label": f"chaos-ecs.home-path={room.home}"}
    assert room.client.containers(all=True, filters=label) == []
    assert room.client.networks(filters=label) == []
    assert (room.client.volumes(filters=label)["Volumes"] or []) == []


def test_web_heals(room: Room) -> None:
    ran = tried(room, "web")
    assert "service web RECOVERED IN" in ran.out + ran.err
    assert "A web server is a SERVICE" in ran.out
    assert_nothing_is_left(room)


def test_the_api_outlives_its_database(room: Room) -> None:
    ran = tried(room, "api")
    assert "service database RECOVERED IN" in ran.out + ran.err
    killed = [task for task in room.ok("ps", "--all", "--json").json["tasks"] if task["exitCode"] == 137]
    assert [task["serviceArn"].rpartition("/")[2] for task in killed] == ["database"], "nobody else was hurt"
    answers = re.findall(r"^ +GET http://127\.0\.0\.1:\d+(/\w+)  (\d+) *(.*)$", ran.err, re.MULTILINE)
    assert ("/live", "200", "") in answers
    assert any((path, status, why[:10]) == ("/ready", "503", "database: ") for path, status, why in answers), ran.err
    assert answers[-1] == ("/ready", "200", "")
    assert re.search(r"[1-9]\d* of \d+ answers of /ready were 503, and (\d+) of \1 of /live were 200\. ", ran.out)
    assert "API tasks replaced: 0." in ran.out
    room.ok("service", "down", "api")
    again = room.ok("--json", "try", "api").json
    assert again["workload"] == "api"
    assert "API tasks replaced: 0." in again["lesson"][0], "those of the service before it are not its own"
    assert_nothing_is_left(room)


def test_the_worker_loses_no_message(room: Room) -> None:
    ran = tried(room, "worker")
    assert re.search(r"^   \w+  received m-\d+ ", ran.err, re.MULTILINE), "killed with a message in its hands"
    assert re.search(r"^Sent 8, done 8, twice \d, lost 0\.$", ran.out, re.MULTILINE)
    assert_nothing_is_left(room)


def test_a_migration_that_was_killed_has_done_nothing_and_the_next_one_does_all(room: Room) -> None:
    told = tried(room, "migrate").err
    assert re.findall(r"revision: (\w+)", told) == ["none", "none", "0003"]
    told = tried(room, "migrate").err
    assert re.findall(r"revision: (\w+)", told) == ["0003", "none", "0003"], "the second time it begins anew"
    assert_nothing_is_left(room)


def test_a_batch_in_another_cluster_writes_a_whole_report_or_none(room: Room) -> None:
    room.ok("controller", "start")
    room.aws("create-cluster", "--cluster-name", "other")
    told = tried(room, "batch", "--cluster", "other").err
    assert "$ chaos-ecs --cluster other run-task batch" in told
    assert room.ok("ps", "--all", "-q").out == "", "nothing of it is in my-cluster"
    assert len(re.findall(r"report in /data/reports/\S+\.csv", told)) == 1, "the one that was not killed"
    assert re.search(r"reports/\S+\.csv  91 lines\n.*batch: 1 report$", told, re.MULTILINE), "a whole one"
    assert_nothing_is_left(room)


def test_training_goes_on_from_its_checkpoint_and_only_when_it_is_asked(room: Room) -> None:
    told = tried(room, "train").err
    assert "replacements: 0" in told
    assert re.search(r"resumes at (7\d|8\d) %", told)
    tasks = room.ok("ps", "--all", "--json").json["tasks"]
    assert sorted(task["exitCode"] for task in tasks) == [0, 137]
    assert_nothing_is_left(room)
