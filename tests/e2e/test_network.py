"""Inside the network of a cluster: names lead to healthy tasks only, soon after a change, and nobody else gets in."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from tests.builders import eventually
from tests.e2e.conftest import Room
from tests.e2e.truth import await_whole

pytestmark = [pytest.mark.docker, pytest.mark.slow]

WITHIN_SECONDS = 2.0
CHECKED = {"command": ["CMD-SHELL", "test ! -e /tmp/sick"], "interval": 5, "timeout": 2, "retries": 1}


def define(room: Room) -> None:
    """A web server that is unhealthy while it has a file."""
    port = {"containerPort": 8080, "name": "http"}
    web = {"name": "app", "image": "chaos-ecs/demo:1", "memory": 64, "portMappings": [port], "healthCheck": CHECKED}
    room.aws("register-task-definition", "--family", "checked", "--container-definitions", json.dumps([web]))


def asker(room: Room, cluster: str = "my-cluster") -> str:
    """A standalone task that does nothing but be asked from; its container."""
    task = room.ok("--cluster", cluster, "run-task", "worker", "--no-wait", "-q").out.strip()
    (one,) = eventually(lambda: [one for one in room.containers() if f"-worker-{task}" in one["Names"][0]], within=20)
    return str(one["Id"])


def said(room: Room, container: str, *words: str) -> str:
    made = room.client.exec_create(container, list(words))
    return str(room.client.exec_start(made["Id"]).decode())


def found(room: Room, container: str, name: str) -> set[str]:
    told = said(room, container, "nslookup", "-type=a", name).partition("Name:")[2]
    return {line.split()[-1] for line in told.splitlines() if line.startswith("Address:")}


def addresses(room: Room, *, but: str = "") -> set[str]:
    """Of the running tasks of services."""
    ours = [one for one in room.containers() if "-worker-" not in one["Names"][0] and one["Id"] != but]
    return {network["IPAddress"] for one in ours for network in one["NetworkSettings"]["Networks"].values()}


def leads(room: Room, container: str, name: str) -> bool:
    return found(room, container, name) == addresses(room)


def is_gone(room: Room, container: str, address: str) -> bool:
    return address not in found(room, container, "web")


def health(room: Room, container: str) -> str:
    return str(room.client.inspect_container(container)["State"]["Health"]["Status"])


def all_healthy(room: Room) -> bool:
    return all(health(room, one["Id"]) == "healthy" for one in room.containers() if "-web-" in one["Names"][0])


def seconds_until(check: Callable[[], Any]) -> float:
    began_at = time.monotonic()
    eventually(check, within=15)
    return time.monotonic() - began_at


def test_a_name_follows_the_healthy_tasks_within_two_seconds(room: Room) -> None:
    room.ok("controller", "start")
    define(room)
    room.ok("service", "up", "web", "--task-definition", "checked", "--desired", "3", "--no-lb")
    task = asker(room)
    eventually(partial(leads, room, task, "web"), within=15)
    took = []
    for _ in range(3):
        victim = next(one for one in room.containers() if "-web-" in one["Names"][0])
        (gone,) = addresses(room) - addresses(room, but=victim["Id"])
        room.client.kill(victim["Id"])
        took.append(seconds_until(partial(is_gone, room, task, gone)))
        await_whole(room, 3, within=30)
        eventually(partial(all_healthy, room), within=15)
        took.append(seconds_until(partial(leads, room, task, "web")))
    sick = next(one for one in room.containers() if "-web-" in one["Names"][0])
    (gone,) = addresses(room) - addresses(room, but=sick["Id"])
    said(room, sick["Id"], "touch", "/tmp/sick")
    eventually(lambda: health(room, sick["Id"]) == "unhealthy", within=15)
    took.append(seconds_until(partial(is_gone, room, task, gone)))
    room.ok("service", "scale", "web", "1")
    took.append(seconds_until(lambda: leads(room, task, "web") and len(addresses(room)) == 1))
    room.ok("service", "down", "web")
    took.append(seconds_until(lambda: found(room, task, "web") == set()))
    assert max(took) < WITHIN_SECONDS, took


def test_aliases_of_service_connect_lead_to_the_service(room: Room) -> None:
    room.ok("controller", "start")
    define(room)
    offered = {"portName": "http", "discoveryName": "shop", "clientAliases": [{"port": 8080, "dnsName": "shop.local"}]}
    connect = {"enabled": True, "namespace": "inner", "services": [offered]}
    wished = ("--service-name", "web", "--task-definition", "checked", "--desired-count", "1")
    room.aws(
        "create-service", "--cluster", "my-cluster", *wished, "--service-connect-configuration", json.dumps(connect)
    )
    await_whole(room, 1, within=60)
    task = asker(room)
    for name in ("shop.local", "shop", "shop.inner", "web"):
        eventually(partial(leads, room, task, name), within=15)
    assert "v1" in said(room, task, "wget", "-q", "-O", "-", "http://shop.local:8080/")


def test_nobody_gets_in_whom_nothing_was_published_for(room: Room) -> None:
    room.ok("service", "up", "web", "--desired", "1", "--no-lb")
    inside = asker(room)
    room.aws("create-cluster", "--cluster-name", "other")
    outside = asker(room, "other")
    (address,) = addresses(room)
    asked = ("timeout", "2", "wget", "-q", "-O", "-", f"http://{address}:8080/")
    assert "v1" in said(room, inside, *asked)
    assert "v1" not in said(room, outside, *asked)
    assert found(room, outside, "web") == set()
    published = [port["IP"] for one in room.containers(everything=True) for port in one["Ports"] if "IP" in port]
    assert set(published) <= {"127.0.0.1"}, "from other machines nothing is reached"
