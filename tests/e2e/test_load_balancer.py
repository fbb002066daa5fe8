"""A service behind the real balancer, typed with the real aws CLI, while a client goes on asking."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from typing import Any

import pytest

from tests.builders import eventually
from tests.e2e.balanced import CLUSTER, Balanced, a_balanced_service, ask
from tests.e2e.conftest import Room

BREAKER = {"enable": True, "rollback": True}


@pytest.fixture
def balanced(room: Room) -> Balanced:
    return a_balanced_service(room)


def test_requests_reach_every_task_and_the_service_tells_it_in_the_words_of_ecs(balanced: Balanced) -> None:
    group = ("--target-group-arn", balanced.group)
    assert balanced.room.aws_raw("wait", "target-in-service", *group, service="elbv2").code == 0
    answers = {ask(balanced.url).split("task ")[1].split()[0] for _ in range(12)}
    assert len(answers) == 3
    told = balanced.messages()
    assert any(line.endswith(f" targets in (target-group {balanced.group})") for line in told)
    assert told[-1] == "(service web) has reached a steady state."


def test_a_rolling_deployment_loses_no_request(balanced: Balanced) -> None:
    with balanced.under_load():
        balanced.room.aws("update-service", "--cluster", CLUSTER, "--service", "web", "--force-new-deployment")
        balanced.await_completed()
    assert balanced.failed == {}
    assert len(balanced.healthy()) == 3


def test_a_task_that_is_killed_costs_at_most_the_requests_it_was_serving(balanced: Balanced) -> None:
    with balanced.under_load():
        victim = balanced.room.containers()[0]
        pid = balanced.room.client.inspect_container(victim["Id"])["State"]["Pid"]
        os.kill(pid, signal.SIGKILL)
    assert sum(balanced.failed.values()) <= 2, balanced.failed
    eventually(lambda: len(balanced.healthy()) == 3, within=20)


@pytest.mark.parametrize("broken", ["fails its health check", "exits at its start", "has no image"])
def test_a_broken_version_is_rolled_back_and_no_client_notices(balanced: Balanced, broken: str) -> None:
    container: dict[str, Any] = {
        "name": "web-server",
        "image": "chaos-ecs/demo:1",
        "memory": 64,
        "command": ["web"],
        "portMappings": [{"containerPort": 8080}],
    }
    troubles: dict[str, dict[str, Any]] = {
        "fails its health check": {"environment": [{"name": "HEALTH", "value": "500"}]},
        "exits at its start": {"entryPoint": ["/bin/false"]},
        "has no image": {"image": "chaos-ecs/no-such:9"},
    }
    container |= troubles[broken]
    ecs = balanced.room.ecs()
    ecs.register_task_definition(family="web-server", containerDefinitions=[container])
    kept = sorted(balanced.healthy())
    with balanced.under_load():
        ecs.update_service(
            cluster=CLUSTER,
            service="web",
            taskDefinition="web-server",
            deploymentConfiguration={"deploymentCircuitBreaker": BREAKER},
        )

        def rolled_back() -> bool:
            found = balanced.service()
            return found["taskDefinition"].endswith("web-server:1") and len(found["deployments"]) == 1

        eventually(rolled_back, within=60, every=0.2)
    balanced.await_completed()
    assert balanced.failed == {}
    assert sorted(balanced.healthy()) == kept
    told = balanced.messages()
    assert any(line.endswith("deployment failed: tasks failed to start.") for line in told)
    assert any("rolling back to deployment" in line for line in told)
    history = ecs.list_service_deployments(cluster=CLUSTER, service="web")["serviceDeployments"]
    assert history[0]["status"] == "ROLLBACK_SUCCESSFUL"


def test_a_balancer_that_is_killed_comes_back_and_no_task_is_harmed(balanced: Balanced) -> None:
    before = sorted(one["Id"] for one in balanced.room.containers())
    dead = balanced.balancer()
    subprocess.run(["docker", "kill", dead], check=True, capture_output=True)

    def is_back() -> bool:
        with suppress(OSError):
            return balanced.balancer() not in ("", dead) and "task " in ask(balanced.url)
        return False

    eventually(is_back, within=30)
    assert len(balanced.healthy()) == 3
    after = sorted(one["Id"] for one in balanced.room.containers())
    assert after == before
    types = [line.split()[1] for line in balanced.room.ok("events").out.splitlines() if " BALANCER_" in line]
    assert types[-2:] == ["BALANCER_LOST", "BALANCER_UP"]


def test_a_service_that_goes_away_deregisters_its_targets(balanced: Balanced) -> None:
    balanced.room.aws("delete-service", "--cluster", CLUSTER, "--service", "web", "--force")
    targets = balanced.room.elbv2("describe-target-health", "--target-group-arn", balanced.group)
    waiting = [f"Id={one['Target']['Id']},Port=8080" for one in targets["TargetHealthDescriptions"]]
    ran = balanced.room.aws_raw(
        "wait", "target-deregistered", "--target-group-arn", balanced.group, "--targets", *waiting, service="elbv2"
    )
    assert ran.code == 0, ran
    with pytest.raises(OSError, match="503"):
        ask(balanced.url)
    assert balanced.room.ok("clean", "--yes").code == 0
    assert (balanced.room.containers(everything=True), balanced.balancer()) == ([], "")
