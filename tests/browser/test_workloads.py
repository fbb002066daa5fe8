"""The use cases' buttons: the real workloads on real containers, as what they should be; what is shown meanwhile."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable, Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import docker
import pytest
from playwright.sync_api import Locator

from tests.browser.conftest import Tab, container_of, task_of
from tests.builders import eventually
from tests.contract.worlds import can_relay
from tests.e2e.conftest import Room

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.usefixtures("workload_images")]

ONE_AT_MOST = (0, 100)


def try_it(tab: Tab, use: str) -> None:
    tab.page.locator(f"[data-try={use}]").click()


def block(tab: Tab, service: str) -> Locator:
    return tab.page.locator("#services .block").filter(has=tab.page.get_by_role("heading", name=service, exact=True))


def await_steady(tab: Tab, service: str, count: int) -> list[str]:
    """Its tasks, once there are so many and the page calls it steady."""
    block(tab, service).and_(tab.page.locator("[data-condition=STEADY]")).wait_for(timeout=60_000)
    running = block(tab, service).locator(".tile").filter(has_text="RUNNING")
    eventually(lambda: tab.page.title() and running.count() == count, within=20)
    return [task_of(tile) for tile in running.all()]


def services(room: Room) -> dict[str, tuple[str, int, bool]]:
    """Task definition, desired count and whether a balancer is in front of it, as the real aws CLI has each of them."""
    names = room.aws("list-services", "--cluster", "my-cluster")["serviceArns"]
    told = room.aws("describe-services", "--cluster", "my-cluster", "--services", *names)["services"]
    return {one["serviceName"]: (family(one), one["desiredCount"], bool(one["loadBalancers"])) for one in told}


def family(one: dict[str, Any]) -> str:
    return str(one["taskDefinition"]).rpartition("/")[2]


def limits(room: Room, service: str) -> tuple[int, int]:
    told = room.aws("describe-services", "--cluster", "my-cluster", "--services", service)["services"][0]
    said = told["deploymentConfiguration"]
    return said["minimumHealthyPercent"], said["maximumPercent"]


def ended(tab: Tab, definition: str) -> Locator:
    return tab.page.locator("#standalone-tiles .tile[aria-disabled=true]").filter(has_text=definition)


def logged(room: Room, task: str) -> str:
    return bytes(room.client.logs(container_of(room, task)["Id"])).decode()


def asked(room: Room, name: str) -> Callable[[str], tuple[int, str]]:
    """What asks a service through the load balancer."""
    (found,) = [one for one in room.ok("service", "ls", "--json").json["services"] if one["name"] == name]
    balancers = json.loads(room.ok("lb", "status", "--json").out)["loadBalancers"]
    listeners = [listener for balancer in balancers for listener in balancer["listeners"]]
    ports = [one["hostPort"] for one in listeners if set(one["targetGroups"]) & set(found["targetGroups"])]

    def ask(path: str) -> tuple[int, str]:
        try:
            with urlopen(f"http://127.0.0.1:{ports[0]}{path}", timeout=5) as answer:
                return int(answer.status), answer.read().decode()
        except HTTPError as error:
            return error.code, error.read().decode()

    return ask


def test_the_web_server_is_nginx_behind_the_balancer_and_heals(room: Room, tab: Tab) -> None:
    try_it(tab, "web")
    before = await_steady(tab, "web", 3)
    assert services(room) == {"web": ("web:1", 3, True)}
    assert {container_of(room, task)["Config"]["Image"] for task in before} == {"chaos-ecs/web:1"}
    code, body = asked(room, "web")("/")
    assert (code, "version v1" in body) == (200, True)
    block(tab, "web").locator(".tile").first.click()
    tab.page.locator("#log").get_by_text("RECOVERED IN").wait_for()
    after = await_steady(tab, "web", 3)
    assert len(set(before) & set(after)) == 2


def test_a_version_of_the_real_web_server_is_one_and_a_broken_one_is_broken(room: Room, tab: Tab) -> None:
    try_it(tab, "web")
    await_steady(tab, "web", 3)
    outcome = block(tab, "web").locator(".outcome")
    tab.press("Deploy v2", within="#services")
    outcome.get_by_text("web:2 is live.").wait_for(timeout=60_000)
    assert "version v2" in asked(room, "web")("/")[1]
    tab.press("Deploy broken", within="#services")
    outcome.get_by_text(re.compile(r"^web:3 FAILED .* was rolled back\. web:2 is live\.$")).wait_for(timeout=90_000)
    assert "version v2" in asked(room, "web")("/")[1]


def test_the_api_has_a_database_of_one_task_and_outlives_its_death(room: Room, tab: Tab) -> None:
    try_it(tab, "api")
    first = await_steady(tab, "api", 2)
    (database,) = await_steady(tab, "database", 1)
    assert services(room) == {"database": ("database:1", 1, False), "api": ("api:1", 2, True)}
    assert limits(room, "database") == ONE_AT_MOST
    (group,) = room.elbv2("describe-target-groups")["TargetGroups"]
    assert group["HealthCheckPath"] == "/live"
    ask = asked(room, "api")
    eventually(lambda: ask("/ready")[0] == 200, within=20)
    block(tab, "database").locator(".tile").click()
    eventually(lambda: ask("/ready")[0] == 503, within=10)
    assert ask("/live")[0] == 200
    eventually(lambda: ask("/ready")[0] == 200, within=30)
    assert await_steady(tab, "api", 2) == first, "nobody has replaced it for what its database did"
    assert await_steady(tab, "database", 1) != [database]
    assert container_of(room, database)["State"]["ExitCode"] == 137


def test_the_worker_has_a_queue_and_something_to_do_and_no_balancer(room: Room, tab: Tab) -> None:
    try_it(tab, "worker")
    await_steady(tab, "queue", 1)
    await_steady(tab, "worker", 2)
    assert services(room) == {"queue": ("queue:1", 1, False), "worker": ("queue-worker:1", 2, False)}
    assert limits(room, "queue") == ONE_AT_MOST
    feed = ended(tab, "queue-worker:1").filter(has_text="FINISHED")
    feed.wait_for(timeout=30_000)
    assert container_of(room, task_of(feed))["Config"]["Cmd"] == ["feed", "8"]

    def figures() -> tuple[int, ...]:
        (task,) = room.ok("run-task", "queue-worker", "--command", "count", "--json").json["tasks"]
        told = json.loads(logged(room, task["arn"]).splitlines()[-1])
        return tuple(told[name] for name in ("sent", "distinct", "left"))

    eventually(lambda: figures() == (8, 8, 0), within=60)
    try_it(tab, "worker")  # again: the queue is there already
    await_steady(tab, "worker-2", 2)
    assert set(services(room)) == {"queue", "worker", "worker-2"}


def test_the_three_that_end_are_standalone_tasks_and_the_database_is_made_once(room: Room, tab: Tab) -> None:
    for use in ("migrate", "batch", "train"):  # at once: two of them lean on the database that none has made yet
        try_it(tab, use)
    tasks = {}
    for use in ("migrate", "batch", "train"):
        tile = ended(tab, f"{use}:1").filter(has_text="FINISHED").filter(has_text="exit 0")
        tile.wait_for(timeout=60_000)
        tasks[use] = task_of(tile)
    assert services(room) == {"database": ("database:1", 1, False)}
    assert limits(room, "database") == ONE_AT_MOST
    for use, task in tasks.items():
        assert container_of(room, task)["Config"]["Cmd"] == [use]
    assert "report in /data/reports/" in logged(room, tasks["batch"])
    assert "0003" in logged(room, tasks["migrate"])
    events = [json.loads(line) for line in room.ok("events", "--json").out.splitlines()]
    assert [one["type"] for one in events].count("SERVICE_CREATED") == 1
    standalone = [one for one in events if one["type"] == "TASK_CREATED" and not one["service"]]
    assert len(standalone) == 3, "nobody starts them again"


def test_each_use_case_says_what_happens_when_it_is_killed(tab: Tab) -> None:
    for item in tab.page.locator("#uses li").all():
        assert item.locator(".quiet").inner_text().startswith("Killed")
    tab.page.get_by_role("link", name="Deutsch").click()
    tab.page.locator("html[lang=de][data-connection=live]").wait_for()
    told = tab.page.locator("#uses .quiet").all_inner_texts()
    assert ["etötet" in one for one in told] == [True] * 6


@pytest.fixture
def registry(engine_client: docker.APIClient) -> Iterator[str]:
    """One that takes the engine's call and says nothing, until it is closed."""
    if not can_relay(engine_client):
        pytest.skip("the engine is on another machine")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        yield f"127.0.0.1:{silent.getsockname()[1]}"


def test_a_task_whose_image_is_not_here_says_that_it_is_pulled(room: Room, tab: Tab, registry: str) -> None:
    image = f"{registry}/nobody:1"
    containers = json.dumps([{"name": "late", "image": image, "memory": 32}])
    room.aws("register-task-definition", "--family", "late", "--container-definitions", containers)
    room.aws("run-task", "--cluster", "my-cluster", "--task-definition", "late")
    tile = tab.page.locator("#standalone-tiles .tile").filter(has_text="PULLING")
    tile.get_by_text(f"{image} is not here yet: it is built or fetched, once").wait_for()
    assert "pulling" in str(tile.get_attribute("aria-label"))
    tab.page.reload()  # whoever comes later sees it too
    tile.get_by_text(image).wait_for()
    tab.page.locator("#log [data-type=TASK_PULLING]").get_by_text(image).wait_for()


def test_what_leans_on_a_service_waits_until_that_runs_and_says_so(room: Room, tab: Tab, registry: str) -> None:
    containers = json.dumps([{"name": "database", "image": f"{registry}/nobody:1", "memory": 32}])
    room.aws("register-task-definition", "--family", "database", "--container-definitions", containers)
    where = ("--cluster", "my-cluster", "--service-name", "database", "--desired-count", "1")
    room.aws("create-service", *where, "--task-definition", "database:2")
    block(tab, "database").locator(".tile").filter(has_text="PULLING").wait_for()
    try_it(tab, "migrate")
    tab.page.locator("#answer").get_by_text("This leans on service database. Waiting until it runs...").wait_for()
    said = tab.page.locator("#aws-command").inner_text()
    assert said == "aws ecs wait services-stable \\\n  --cluster my-cluster --services database"
    tab.page.wait_for_timeout(6_000)  # longer than other answers stand
    assert tab.page.locator("#answer").inner_text().startswith("This leans on service database.")
    assert tab.page.locator("#standalone-tiles .tile").count() == 0
    room.aws("update-service", "--cluster", "my-cluster", "--service", "database", "--desired-count", "0")
    block(tab, "database").locator(".desired").get_by_text("0").wait_for()
    try_it(tab, "batch")
    why = "Refused: service database, which it leans on, does not run; see why on its tiles"
    tab.page.locator("#answer").get_by_text(why).wait_for()
    room.aws("update-service", "--cluster", "my-cluster", "--service", "database", "--desired-count", "1")
    room.aws("update-service", "--cluster", "my-cluster", "--service", "database", "--task-definition", "database:1")
    ended(tab, "migrate:1").filter(has_text="FINISHED").wait_for(timeout=60_000)
    assert len(tab.page.locator("#standalone-tiles .tile").all()) == 1
