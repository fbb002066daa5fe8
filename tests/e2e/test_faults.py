"""Faults that end a task, break a deployment or the API, and those that this kernel lacks the means for: by command.

The others, which hold for a while, are in `test_faults_survive.py`.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders import eventually
from tests.e2e.conftest import Room
from tests.e2e.truth import CLUSTER, all_tasks, await_whole

pytestmark = pytest.mark.docker


def injected(room: Room, *words: str, code: int = 0) -> dict[str, Any]:
    """The result of `chaos inject`, which must end with this exit code."""
    ran = room.run("--json", "chaos", "inject", *words, "--yes")
    assert ran.code == code, ran
    return ran.json  # type: ignore[no-any-return]


def victim_of(told: dict[str, Any]) -> dict[str, Any]:
    (victim,) = told["victims"]
    return victim  # type: ignore[no-any-return]


def stopped(room: Room, arn: str) -> dict[str, Any]:
    """The task, once it is STOPPED."""

    def check() -> dict[str, Any]:
        (task,) = [one for one in all_tasks(room.ecs()) if one["taskArn"] == arn]
        assert task["lastStatus"] == "STOPPED", task["lastStatus"]
        return task

    return eventually(check, within=60, every=0.2)


def test_a_kill_a_stop_and_memory_that_runs_out_are_proven_and_the_service_recovers(room: Room) -> None:
    room.ok("service", "up", "--desired", "3", "--no-lb")
    proofs = {}
    for name in ("kill", "stop-task", "oom"):
        told = injected(room, name, "web", "--wait")
        assert told["status"] == "COMPLETED", told
        victim = victim_of(told)
        proofs[name] = victim["proof"]
        ended = stopped(room, victim["task"])
        proofs[name + " told by ECS"] = (ended["stopCode"], ended["containers"][0].get("reason", ""))
        await_whole(room, 3)
    assert proofs["kill"].startswith("exit 137 after 0.")
    assert proofs["stop-task"].startswith("UserInitiated: exit 0 after")
    assert proofs["oom"].startswith("exit 137, OutOfMemoryError")
    assert proofs["kill told by ECS"][0] == "EssentialContainerExited"
    assert proofs["stop-task told by ECS"][0] == "UserInitiated"
    assert "OutOfMemoryError" in proofs["oom told by ECS"][1]


def test_a_process_that_is_killed_is_gone_whatever_becomes_of_its_task(room: Room) -> None:
    room.ok("service", "up", "--desired", "2", "--no-lb")
    told = injected(room, "kill-process", "web", "--process-name", "httpd", "--signal", "SIGKILL", "--wait")
    assert told["status"] == "COMPLETED", told
    assert stopped(room, victim_of(told)["task"])["stopCode"] == "EssentialContainerExited"
    await_whole(room, 2)


def test_a_signal_that_is_ignored_is_inconclusive_and_says_why(room: Room) -> None:
    room.ok("service", "up", "--desired", "2", "--no-lb")
    told = injected(room, "kill", "web", "--signal", "HUP", code=1)
    assert told["status"] == "INCONCLUSIVE"
    assert "a container's main process ignores what it has no handler for" in victim_of(told)["reason"]


@pytest.mark.parametrize(
    ("name", "proof"),
    [
        ("image-pull-failure", "CannotPullContainerError"),
        ("crash-loop", "Essential container in task exited"),
        ("failing-health-check", "unhealthy"),
    ],
)
def test_a_deployment_that_cannot_work_is_proven_and_taken_back(room: Room, name: str, proof: str) -> None:
    room.ok("service", "up", "--desired", "2", "--no-lb")
    before = room.ecs().describe_services(cluster=CLUSTER, services=["web"])["services"][0]["taskDefinition"]
    told = injected(room, name, "web", "--duration", "5s")
    assert proof in victim_of(told)["proof"], told
    room.ok("chaos", "undo", "--all")

    def back() -> bool:
        service = room.ecs().describe_services(cluster=CLUSTER, services=["web"])["services"][0]
        assert (service["taskDefinition"], len(service["deployments"])) == (before, 1), service["deployments"]
        return True

    eventually(back, within=60, every=0.5)
    await_whole(room, 2)


@pytest.mark.parametrize(
    ("name", "code"),
    [("api-throttle", "ThrottlingException"), ("api-error", "ServerException"), ("api-unavailable", "503")],
)
def test_the_real_aws_cli_meets_a_broken_api_until_it_is_undone(room: Room, name: str, code: str) -> None:
    room.ok("controller", "start")
    injected(room, name, "--duration", "60s")
    refused = room.aws_raw("list-clusters")
    assert refused.code != 0
    assert code in refused.err or "ServiceUnavailable" in refused.err, refused
    room.ok("chaos", "undo", "--all")
    assert len(room.aws("list-clusters")["clusterArns"]) == 1


def test_what_dies_while_the_agent_is_disconnected_is_replaced_when_it_is_back(room: Room) -> None:
    room.ok("service", "up", "--desired", "3", "--no-lb")
    injected(room, "agent-disconnect", "--duration", "6s")
    told = injected(room, "kill", "web")
    assert told["status"] == "COMPLETED"
    eventually(lambda: len(room.containers()) == 2, within=2)  # the engine itself is a moment behind
    await_whole(room, 3)
    (disconnect,) = [one for one in room.ok("--json", "chaos", "status", "--all").json["faults"]
                     if one["name"] == "agent-disconnect"]  # fmt: skip
    assert disconnect["status"] == "COMPLETED"


@pytest.mark.parametrize("name", ["network-corrupt", "network-duplicate", "network-reorder"])
def test_what_the_kernel_lacks_is_refused_with_its_own_words_or_works(room: Room, name: str) -> None:
    room.ok("service", "up", "--desired", "2", "--no-lb")
    verdicts = {one["name"]: one for one in room.ok("--json", "doctor", "--faults").json["faults"]}
    if verdicts[name]["verdict"] == "works":
        assert injected(room, name, "web", "--duration", "5s")["status"] == "ACTIVE"
        return
    assert verdicts[name]["verdict"] == "impossible here"
    refused = room.run("chaos", "inject", name, "web", "--yes")
    assert refused.code == 1, refused
    assert f"{name} cannot be injected on this engine. It needs the kernel's queue netem" in refused.err
    assert verdicts[name]["reason"] in refused.err
    assert room.ok("--json", "chaos", "status", "--all").json["faults"] == []


def test_the_fallback_of_a_fault_is_told_before_and_by_doctor(room: Room) -> None:
    room.ok("service", "up", "--desired", "2", "--no-lb")
    told = room.ok("doctor", "--faults")
    assert "network-latency" in told.out
    plan = room.ok("chaos", "inject", "network-latency", "web", "--dry-run")
    if "works by fallback" in next(line for line in told.out.splitlines() if "network-latency" in line):
        assert "a proxy in the task's network" in plan.out + plan.err
