"""A service that burns CPU on a real engine is scaled out, and scaled in once it is idle."""

from __future__ import annotations

from typing import Any

from tests.builders import eventually
from tests.e2e.conftest import Room

CLUSTER = "my-cluster"
BURNS_UNTIL_TOLD = "trap 'exit 0' TERM; while :; do [ ! -e /tmp/idle ] || sleep 0.2; done"


def a_burner(room: Room) -> Any:
    """A service of one task that uses all it may: an eighth of a core."""
    ecs = room.ecs()
    container = {
        "name": "app",
        "image": "chaos-ecs/demo:1",
        "entryPoint": ["sh", "-c"],
        "command": [BURNS_UNTIL_TOLD],
        "cpu": 128,
        "memory": 32,
    }
    ecs.register_task_definition(family="burner", containerDefinitions=[container])
    ecs.create_service(cluster=CLUSTER, serviceName="web", taskDefinition="burner", desiredCount=1)
    return ecs


def make_idle(room: Room) -> None:
    for container in room.containers():
        command = room.client.exec_create(container["Id"], ["touch", "/tmp/idle"])
        room.client.exec_start(command["Id"])


def test_a_burner_scales_out_and_an_idle_service_scales_in(room: Room) -> None:
    ecs = a_burner(room)

    def counts() -> tuple[int, int]:
        service = ecs.describe_services(cluster=CLUSTER, services=["web"])["services"][0]
        return service["desiredCount"], service["runningCount"]

    eventually(lambda: counts() == (1, 1), within=60)
    quick = ("--scale-out-cooldown", "1s", "--scale-in-cooldown", "1s")
    room.ok("service", "autoscale", "web", "--min", "1", "--max", "3", "--cpu", "50", *quick)
    eventually(lambda: counts() == (3, 3), within=60, every=0.5)
    make_idle(room)
    eventually(lambda: counts() == (1, 1), within=60, every=0.5)
    told = room.ok("service", "autoscale", "web", "--json").json
    causes = [activity["Cause"] for activity in reversed(told["activities"])]
    assert causes[0].startswith("policy cpu: CPU ")
    assert " over the target of 50 %: 1 -> " in causes[0]
    percent = int(causes[0].split("CPU ")[1].split(" %")[0])
    assert 70 <= percent <= 130, "it uses all of its reservation, which is its ceiling here"
    assert " under the target of 50 %: " in causes[-1]
    room.ok("service", "autoscale", "web", "--off")
    assert counts()[0] == 1
