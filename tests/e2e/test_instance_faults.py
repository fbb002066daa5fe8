"""Faults of container instances on real containers, behind the real balancer, while a client goes on asking."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.builders import eventually
from tests.e2e.balanced import CLUSTER, Balanced
from tests.e2e.conftest import Room

pytestmark = [pytest.mark.docker, pytest.mark.slow]

AWSVPC = ("--network-configuration", "awsvpcConfiguration={subnets=[subnet-1]}")
LISTENS_ON = (
    "trap 'echo SIGTERM, goes on for a moment; sleep 6; echo finished; exit 0' TERM; "
    "httpd -f -p 8080 -h /chaos/www & while :; do wait; done"
)
"""A web server as one writes it for Spot: told to stop it serves on until nobody is sent to it any more."""


def balanced(room: Room, *more: str, desired_count: int, entry: str = "") -> Balanced:
    """`web` behind a listener, with `more` that create-service is told; `entry`: of a definition that suits Fargate."""
    group = room.elbv2(
        *("create-target-group", "--name", "web", "--protocol", "HTTP", "--port", "8080", "--vpc-id", "vpc-1"),
        *("--target-type", "ip", "--health-check-interval-seconds", "5"),
    )["TargetGroups"][0]["TargetGroupArn"]
    told = room.elbv2("create-load-balancer", "--name", "web", "--subnets", "subnet-1")["LoadBalancers"][0]
    room.elbv2(
        *("create-listener", "--load-balancer-arn", told["LoadBalancerArn"], "--protocol", "HTTP", "--port", "80"),
        *("--default-actions", f"Type=forward,TargetGroupArn={group}"),
    )
    definition = "web-server:1"
    if entry:
        container = {
            "name": "web-server",
            "image": "chaos-ecs/demo:1",
            "memory": 64,
            "entryPoint": ["/bin/sh", "-c", entry],
            "portMappings": [{"containerPort": 8080}],
        }
        room.ecs().register_task_definition(
            family="finishing",
            containerDefinitions=[container],
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu="256",
            memory="512",
        )
        definition = "finishing:1"
    room.aws(
        *("create-service", "--cluster", CLUSTER, "--service-name", "web", "--task-definition", definition),
        *("--desired-count", str(desired_count), *more),
        *("--load-balancers", f"targetGroupArn={group},containerName=web-server,containerPort=8080"),
    )
    subject = Balanced(room, group, 0)
    described = room.elbv2("describe-load-balancers", "--names", "web")["LoadBalancers"][0]
    subject.port = int(described["DNSName"].rpartition(":")[2])
    eventually(lambda: len(subject.healthy()) == desired_count, within=120, every=0.5)
    return subject


@pytest.fixture
def subject(room: Room) -> Balanced:
    """Four tasks of `web` on two slices in two zones, and a standalone task on one of them."""
    for name in ("a1", "b1"):
        room.ok("instance", "add", name, "--zone", name[0])
    made = balanced(room, desired_count=4)
    assert there(made) == {"a1": "2 service tasks move", "b1": "2 service tasks move"}
    room.aws("run-task", "--cluster", CLUSTER, "--task-definition", "worker")
    eventually(lambda: standalone(made)["lastStatus"] == "RUNNING", within=60, every=0.3)
    return made


def tasks(subject: Balanced) -> list[dict[str, Any]]:
    """Those that run, and those that have stopped."""
    ecs = subject.room.ecs()
    arns = [
        arn
        for status in ("RUNNING", "STOPPED")
        for arn in ecs.list_tasks(cluster=CLUSTER, desiredStatus=status)["taskArns"]
    ]
    found: list[dict[str, Any]] = ecs.describe_tasks(cluster=CLUSTER, tasks=arns)["tasks"] if arns else []
    return found


def standalone(subject: Balanced) -> dict[str, Any]:
    return next(task for task in tasks(subject) if task["group"] != "service:web")


def there(subject: Balanced) -> dict[str, str]:
    """What a drain of each would do, by its name: who is on it."""
    told = inject(subject, "drain-instance", "--instance", "a1", "--instance", "b1", "--force", "--dry-run")
    return {victim["instanceName"]: victim["foretold"] for victim in told["victims"]}


def home(subject: Balanced) -> tuple[str, str]:
    """The name of the one with the standalone task, and of the other."""
    found = there(subject)
    (here,) = [name for name, told in found.items() if "1 standalone task" in told]
    return here, "b1" if here == "a1" else "a1"


def lost(subject: Balanced) -> dict[str, int]:
    """Requests by cause; those that the client itself could not send on a busy machine are nobody's fault."""
    return {cause: count for cause, count in subject.failed.items() if cause != "overloaded"}


def inject(subject: Balanced, *words: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(subject.room.ok("chaos", "inject", *words, "--yes", "--json").out)
    return told


def fault(subject: Balanced, id_: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(subject.room.ok("chaos", "status", id_, "--json").out)["faults"][0]
    return found


def proof(subject: Balanced, id_: str) -> str:
    return str(fault(subject, id_)["victims"][0]["proof"])


def test_a_drain_moves_the_service_without_a_lost_request_and_leaves_the_standalone_task(subject: Balanced) -> None:
    here, other = home(subject)
    alone = standalone(subject)["taskArn"]
    with subject.under_load():
        id_ = inject(subject, "drain-instance", "--instance", here, "--duration", "10m")["fault"]
        eventually(
            lambda: "2 of 2 service tasks moved, 1 standalone task stays" in proof(subject, id_), within=120, every=0.5
        )
        assert there(subject) == {here: "1 standalone task stays", other: "4 service tasks move"}
        undone = json.loads(subject.room.ok("chaos", "undo", id_, "--json").out)["faults"][0]
    assert lost(subject) == {}
    assert (undone["status"], undone["victims"][0]["instanceName"]) == ("COMPLETED", here)
    assert (standalone(subject)["taskArn"], standalone(subject)["lastStatus"]) == (alone, "RUNNING")
    stopped = [task for task in tasks(subject) if task["lastStatus"] == "STOPPED"]
    assert {task["stopCode"] for task in stopped} == {"ServiceSchedulerInitiated"}
    events = subject.room.ok("events").out
    assert "status=DRAINING" in next(row for row in events.splitlines() if "INSTANCE_STATUS_CHANGED" in row)
    assert "it is ACTIVE again, 2 of 2 service tasks moved, 1 standalone task stays" in events


def test_a_zone_without_power_loses_its_tasks_at_once_and_is_used_again_afterwards(subject: Balanced) -> None:
    here, other = home(subject)
    alone = standalone(subject)["taskArn"]
    with subject.under_load():
        id_ = inject(subject, "az-power-interruption", "--az", here[0], "--duration", "10m")["fault"]
        eventually(lambda: len(subject.healthy()) == 4, within=120, every=0.3)
    # ECS loses what was being answered there, and what is sent there before somebody notices
    assert sum(lost(subject).values()) <= subject.asked["requests"] / 50, subject.failed
    assert "has no power: 2 service tasks and 1 standalone task ended" in proof(subject, id_)
    assert there(subject) == {here: "nothing runs on it", other: "4 service tasks move"}
    dead = [task for task in tasks(subject) if task["lastStatus"] == "STOPPED"]
    assert len(dead) == 3
    assert alone in [task["taskArn"] for task in dead]
    assert {task["stopCode"] for task in dead} == {"TerminationNotice"}
    assert all(task["stoppedReason"].startswith("Host EC2 (instance i-") for task in dead)
    assert {container["exitCode"] for task in dead for container in task["containers"]} == {137}
    with subject.under_load():
        subject.room.ok("chaos", "undo", id_)
        subject.room.aws("update-service", "--cluster", CLUSTER, "--service", "web", "--desired-count", "6")
        eventually(lambda: len(subject.healthy()) == 6, within=120, every=0.3)
    assert lost(subject) == {}
    assert "service task" in there(subject)[here]
    assert "standalone" not in "".join(there(subject).values()), "nobody replaces a standalone task"


def test_a_controller_that_is_killed_in_a_power_failure_gives_the_power_back(subject: Balanced) -> None:
    here, _ = home(subject)
    id_ = inject(subject, "instance-stop", "--instance", here, "--duration", "5s")["fault"]
    subject.room.kill_controller()
    eventually(lambda: fault(subject, id_)["status"] == "COMPLETED", within=60, every=0.5)
    subject.room.aws("update-service", "--cluster", CLUSTER, "--service", "web", "--desired-count", "6")
    eventually(lambda: "service task" in there(subject)[here], within=60, every=0.5)


def test_a_spot_interruption_of_tasks_that_finish_costs_no_request(room: Room) -> None:
    spot = ("--capacity-provider-strategy", "capacityProvider=FARGATE_SPOT,weight=1", *AWSVPC)
    subject = balanced(room, *spot, desired_count=3, entry=LISTENS_ON)
    with subject.under_load():
        told = inject(subject, "spot-interruption", "web", "--notice", "30s")
        victim = told["victims"][0]["task"]
        eventually(lambda: fault(subject, told["fault"])["status"] == "COMPLETED", within=60, every=0.5)
        eventually(lambda: len(subject.healthy()) == 3, within=60, every=0.3)
    assert lost(subject) == {}
    (gone,) = [task for task in tasks(subject) if task["taskArn"] == victim]
    assert (gone["stopCode"], gone["stoppedReason"]) == ("SpotInterruption", "Your Spot Task was interrupted.")
    assert gone["containers"][0]["exitCode"] == 0
    assert proof(subject, told["fault"]).startswith("SpotInterruption: exit 0 after ")
    lines = room.ok("logs", victim.rpartition("/")[2]).out
    assert "SIGTERM, goes on for a moment" in lines
    assert "finished" in lines
    again = inject(subject, "spot-interruption", "--count", "3", "--force", "--dry-run")
    assert len(again["victims"]) == 3, "what came in its place is on Spot too"
