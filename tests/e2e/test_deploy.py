"""The commands of load balancers and deployments on real containers: up, deploy, a broken deploy, rollback, down."""

from __future__ import annotations

import json
import re
import urllib.request
from typing import Any

from tests.builders import eventually
from tests.e2e.conftest import Room


def page(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as answer:
        told: str = answer.read().decode()
        return told


def up(room: Room, *options: str) -> str:
    """Service web, steady behind the load balancer; its URL."""
    ran = room.ok("service", "up", "web", "--desired", "3", *options)
    found = re.fullmatch(r"web 3/3 STEADY (http://127\.0\.0\.1:\d+)\n", ran.out)
    assert found, ran
    return found[1]


def live(room: Room) -> dict[str, Any]:
    """What `lb status` says, as JSON."""
    told: dict[str, Any] = room.ok("lb", "status", "--json").json
    return told


def asked(room: Room) -> int:
    return int((live(room).get("client") or {}).get("requests", 0))


def test_a_service_is_reached_at_its_url_deployed_and_rolled_back_without_a_failed_request(room: Room) -> None:
    url = up(room)
    eventually(lambda: asked(room) > 0, within=20)
    first = page(url)
    ran = room.ok("service", "deploy", "web", "--env", "VERSION=v2", "--json")
    assert (ran.json["outcome"], ran.json["client"]["failed"]) == ("LIVE", 0)
    assert "v2" in page(url)
    assert first != page(url)
    ran = room.ok("service", "rollback", "web")
    assert "web-server:2 -> web-server:1" in ran.err
    assert ran.out.endswith("exit code 0: rev 1 is live\n")
    assert "v2" not in page(url)
    assert live(room)["client"]["failed"] == 0


def test_a_broken_deploy_is_rolled_back_says_why_and_nobody_outside_notices(room: Room) -> None:
    url = up(room)
    eventually(lambda: asked(room) > 0, within=20)
    before = sorted(one["Id"] for one in room.containers())
    ran = room.run("service", "deploy", "web", "--env", "HEALTH=500")
    assert ran.code == 1, ran
    assert "why rev 2 failed   Health checks failed with these codes: [500]" in ran.out
    assert "last log line" in ran.out
    assert re.search(r"client +\d+ requests +0 failed +100\.00% +<- nobody outside noticed", ran.out), ran.out
    assert ran.out.endswith("exit code 1: the deployment you asked for is NOT live\n")
    eventually(lambda: sorted(one["Id"] for one in room.containers()) == before, within=10)  # docker's list is late
    assert page(url)


def test_blue_green_pauses_with_the_new_revision_behind_the_test_listener_only(room: Room) -> None:
    url = up(room)
    eventually(lambda: asked(room) > 0, within=20)
    options = (
        "--strategy",
        "blue-green",
        "--pause-at",
        "post-test-traffic-shift",
        "--test-port",
        str(int(url.rpartition(":")[2]) + 3),
    )
    ran = room.run("service", "deploy", "web", "--env", "VERSION=v2", *options)
    assert ran.code == 1, ran
    assert ran.out.endswith("exit code 1: rev 2 is paused and not live yet\n")
    found = re.search(r"the test listener of web will answer at (\S+)", ran.err)
    assert found, ran
    eventually(lambda: "v2" in page(found[1]), within=5)
    assert "v2" not in page(url)
    before = live(room)["client"]["failed"]  # the test listener may refuse our client in its first moment
    ran = room.ok("service", "continue", "web")
    assert ran.out.endswith("exit code 0: rev 2 is live\n")
    assert "v2" in page(url)
    assert live(room)["client"]["failed"] == before


def test_service_down_leaves_nothing_of_the_load_balancer(room: Room) -> None:
    url = up(room, "--lb-port", "8480", "--health-check-path", "/health")
    assert page(url)
    room.ok("service", "down", "web")
    told = live(room)
    assert (told["loadBalancers"], told["targetGroups"]) == ([], [])

    def has_gone() -> bool:
        return not [one for one in room.containers(everything=True) if "chaos-ecs.balancer" in one["Labels"]]

    eventually(has_gone, within=30)


def test_the_demo_tells_what_its_client_saw(room: Room) -> None:
    ran = room.ok("demo", "--json")
    measured = json.loads(ran.out.splitlines()[-1])
    assert measured["client"]["requests"] > 5
    assert 0 <= measured["client"]["failed"] < measured["client"]["requests"]
    assert room.containers(everything=True) == []
