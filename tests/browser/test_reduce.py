"""What the page makes of snapshots and events: its pure module, in a browser, without a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Route

import chaos_ecs

PAGE = Path(chaos_ecs.__file__).parent / "page"
WEB = "arn:aws:ecs:us-east-1:123456789012:service/my-cluster/web"

Ask = Callable[..., Any]


@pytest.fixture(scope="module")
def ask(browser: Browser) -> Iterator[Ask]:
    """Evaluates a function of the module (`reduce`) and what it is given; maps come back as lists of pairs."""
    page = browser.new_page()

    def serve(route: Route) -> None:
        name = route.request.url.rpartition("/")[2]
        if name:
            route.fulfill(body=(PAGE / name).read_text(encoding="utf-8"), content_type="text/javascript")
        else:
            route.fulfill(body="<!doctype html>", content_type="text/html")

    page.route("http://page.test/**", serve)
    page.goto("http://page.test/")

    def evaluated(function: str, *given: Any) -> Any:
        plain = "(name, value) => value instanceof Map ? [...value] : value"
        return page.evaluate(
            f"async given => JSON.parse(JSON.stringify("
            f"({function})(await import('http://page.test/reduce.js'), ...given) ?? null, {plain}))",
            list(given),
        )

    yield evaluated
    page.close()


def a_task(name: str, **members: Any) -> dict[str, Any]:
    told = {
        "arn": f"task/{name}",
        "serviceArn": WEB,
        "lastStatus": "RUNNING",
        "number": 1,
        "fills": None,
        "exitCode": None,
    }
    return {**told, "stopCode": None, "desiredStatus": "RUNNING", **members}


def a_snapshot(*tasks: dict[str, Any], number: int = 10) -> dict[str, Any]:
    services = [{"arn": WEB, "name": "web", "status": "ACTIVE", "steady": True, "deployments": [], "desiredCount": 3}]
    return {"number": number, "at": 100.0, "tasks": list(tasks), "services": services, "engine": {"connected": True}}


def an_event(type_: str, number: int, *, task: str = "", at: float = 101.0, **data: Any) -> dict[str, Any]:
    told = {"type": type_, "number": number, "at": at, "service": WEB, "task": f"task/{task}" if task else ""}
    return {**told, "cluster": "my-cluster", "message": "", "data": data}


AFTER = "(reduce, snapshot, events) => Object.fromEntries(reduce.merged(snapshot, events, null).tasks)"


def test_a_task_that_stopped_says_how(ask: Ask) -> None:
    stopped = an_event(
        "TASK_STOPPED", 11, task="a", exitCode=137, stopCode="EssentialContainerExited", stoppedReason="x"
    )
    told = ask(AFTER, a_snapshot(a_task("a"), a_task("b")), [stopped])
    assert (told["task/a"]["lastStatus"], told["task/a"]["exitCode"]) == ("STOPPED", 137)
    assert told["task/b"]["lastStatus"] == "RUNNING"


def test_what_the_snapshot_knows_already_is_not_told_twice(ask: Ask) -> None:
    old = an_event("TASK_STOPPED", 10, task="a", exitCode=1)
    assert ask(AFTER, a_snapshot(a_task("a"), number=10), [old])["task/a"]["lastStatus"] == "RUNNING"


def test_a_task_never_goes_back_up_its_life(ask: Ask) -> None:
    events = [an_event("TASK_STOPPED", 11, task="a", exitCode=0), an_event("TASK_RUNNING", 12, task="a")]
    assert ask(AFTER, a_snapshot(a_task("a")), events)["task/a"]["lastStatus"] == "STOPPED"


def test_a_new_task_is_there_before_any_snapshot_has_it(ask: Ask) -> None:
    events = [an_event("TASK_CREATED", 11, task="new", fills="task/a"), an_event("TASK_RUNNING", 12, task="new")]
    told = ask(AFTER, a_snapshot(a_task("a", lastStatus="STOPPED")), events)
    assert (told["task/new"]["lastStatus"], told["task/new"]["fills"]) == ("RUNNING", "task/a")


def test_a_newcomer_takes_the_place_of_the_one_it_fills(ask: Ask) -> None:
    gone = a_task("b", lastStatus="STOPPED")
    tasks = [a_task("a", number=1), gone, a_task("c", number=3), a_task("d", number=4, fills="task/b")]
    placed = "(reduce, tasks, before) => reduce.placed(tasks, before, 3, true)"
    assert ask(placed, tasks, ["task/a", "task/b", "task/c"]) == ["task/a", "task/d", "task/c"]


@pytest.mark.parametrize(
    ("members", "killed", "word"),
    [
        ({"exitCode": 137, "stopCode": "EssentialContainerExited"}, False, "killed"),
        ({"exitCode": 143, "stopCode": "UserInitiated"}, False, "stopped"),
        ({"exitCode": 0, "stopCode": "EssentialContainerExited"}, False, "finished"),
        ({"exitCode": 1, "stopCode": "EssentialContainerExited"}, False, "failed"),
        ({"exitCode": None, "stopCode": "TaskFailedToStart"}, False, "failed"),
        ({"exitCode": 0, "stopCode": "EssentialContainerExited"}, True, "killed"),
    ],
)
def test_each_end_has_its_word(ask: Ask, members: dict[str, Any], killed: bool, word: str) -> None:
    function = "(reduce, task, killed) => reduce.ending(task, new Map(killed))"
    assert ask(function, a_task("a", **members), [["task/a", 1.0]] if killed else []) == word


PULLING = (
    "(reduce, snapshot, events) => reduce.pulledFor(snapshot.tasks[0], reduce.merged(snapshot, events, null).pulling)"
)


@pytest.mark.parametrize(("number", "status"), [(9, "PENDING"), (11, "PROVISIONING")])
def test_who_waits_for_an_image_is_known_from_events_alone(ask: Ask, number: int, status: str) -> None:
    pulling = an_event("TASK_PULLING", number, task="a", image="x:1")
    assert ask(PULLING, a_snapshot(a_task("a", lastStatus=status)), [pulling]) == "x:1"
    assert ask(PULLING, a_snapshot(a_task("a", lastStatus=status)), []) == ""
    assert ask(PULLING, a_snapshot(a_task("a", lastStatus="ACTIVATING")), [pulling]) == ""


def a_schedule(**members: Any) -> dict[str, Any]:
    told = {"name": "every-minute", "state": "ENABLED", "nextDueAt": 60.0, "lastRanAt": 50.0, "retrying": 0}
    return {**told, **members}


@pytest.mark.parametrize(
    ("members", "word"),
    [
        ({}, "ENABLED"),
        ({"state": "DISABLED", "retrying": 1}, "PAUSED"),
        ({"retrying": 2}, "RETRYING"),
        ({"nextDueAt": None}, "OVER"),
    ],
)
def test_each_state_of_a_schedule_has_its_word(ask: Ask, members: dict[str, Any], word: str) -> None:
    assert ask("(reduce, schedule) => reduce.scheduleState(schedule)", a_schedule(**members)) == word


@pytest.mark.parametrize(
    ("tasks", "word"),
    [
        ([{"lastStatus": "RUNNING"}], "runs"),
        ([{"lastStatus": "STOPPED", "exitCode": 0}], "finished"),
        ([{"lastStatus": "STOPPED", "exitCode": 0}, {"lastStatus": "STOPPED", "exitCode": 1}], "failed"),
        ([{"lastStatus": "STOPPED", "exitCode": 0, "createdAt": 40.0}], ""),  # an earlier run
        ([{"lastStatus": "STOPPED", "exitCode": 0, "startedBy": "me"}], ""),
        ([{"lastStatus": "STOPPED", "exitCode": 0, "startedBy": "chronos-schedule/every-hour"}], ""),
        ([{"lastStatus": "STOPPED", "exitCode": 0, "startedBy": "chronos-schedule/every-mi"}], "finished"),  # cut
    ],
)
def test_the_last_run_of_a_schedule_went_as_the_worst_of_its_tasks(
    ask: Ask, tasks: list[dict[str, Any]], word: str
) -> None:
    usual = {"startedBy": "chronos-schedule/every-minute", "createdAt": 50.0}
    given = [a_task(f"t{place}", **{**usual, **members}) for place, members in enumerate(tasks)]
    function = "(reduce, schedule, tasks) => reduce.lastRun(schedule, tasks, new Map())"
    assert ask(function, a_schedule(), given) == word


def test_a_gap_is_open_until_the_service_has_recovered_and_then_as_long_as_it_says(ask: Ask) -> None:
    function = "(reduce, events, now) => reduce.gapsOf(events, events[0].service, now, 0)"
    killed = an_event("TASK_KILLED", 1, task="a", at=50.0)
    assert ask(function, [killed], 53.0)["open"] == {"from": 50.0, "until": 53.0, "seconds": 3.0, "open": True}
    recovered = an_event("SERVICE_RECOVERED", 2, at=50.5, seconds=0.5)
    told = ask(function, [killed, recovered], 60.0)
    assert (told["open"], [gap["seconds"] for gap in told["gaps"]], told["kills"]) == (None, [0.5], [50.0])


def test_shares_are_those_of_the_last_seconds(ask: Ask) -> None:
    older = {"tasks": {"a": {"requests": 100, "failed": 0}}}
    newer = {"tasks": {"a": {"requests": 110, "failed": 1}, "b": {"requests": 30, "failed": 0}}}
    told = dict(ask("(reduce, older, newer) => reduce.shares(older, newer)", older, newer))
    assert (told["a"]["requests"], told["a"]["failed"], told["a"]["percent"], told["b"]["percent"]) == (10, 1, 25, 75)


def test_a_percentile_is_one_of_the_values(ask: Ask) -> None:
    function = "(reduce, values, percent) => reduce.percentile(values, percent)"
    assert ask(function, [5, 1, 3], 50) == 3
    assert ask(function, [5, 1, 3], 95) == 5
    assert ask(function, [], 50) is None


def an_instance(name: str, zone: str, **members: Any) -> dict[str, Any]:
    told = {"arn": f"instance/{name}", "name": name, "zone": zone, "clusterArn": "my-cluster", "status": "ACTIVE"}
    return {**told, "agentConnected": True, "running": 0, **members}


def test_container_instances_are_told_by_zone_each_with_the_tasks_that_live_on_it(ask: Ask) -> None:
    known = [an_instance("two", "b"), an_instance("one", "a"), an_instance("three", "b", clusterArn="other")]
    tasks = [
        a_task("1", clusterArn="my-cluster", instance="one"),
        a_task("2", clusterArn="my-cluster", instance="two"),
        a_task("3", clusterArn="my-cluster", instance="two", lastStatus="STOPPED"),
        a_task("4", clusterArn="my-cluster"),
    ]
    told = ask(
        "(reduce, known, tasks) => reduce.byZone(known, new Map(tasks.map((task) => [task.arn, task])).values(), "
        "'my-cluster').map(([zone, on]) => [zone, on.map(([item, tasks]) => [item.name, tasks.map((t) => t.arn)])])",
        known,
        tasks,
    )
    assert told == [["a", [["one", ["task/1"]]]], ["b", [["two", ["task/2"]]]]]


INSTANCES = (
    "(reduce, snapshot, events) => {const merged = reduce.merged(snapshot, events, null);"
    "return (merged.containerInstances ?? [])"
    ".map((item) => [item.name, item.zone, reduce.instanceState(item, merged.engine)])}"
)


def test_events_of_container_instances_are_seen_before_the_next_snapshot(ask: Ask) -> None:
    def told(*events: dict[str, Any]) -> Any:
        one = an_instance("one", "a")
        return ask(INSTANCES, {**a_snapshot(), "containerInstances": [one]}, list(events))

    assert told(an_event("ENGINE_LOST", 11)) == [["one", "a", "LOST"]]
    named: dict[str, Any] = {"instance": "instance/one", "name": "one", "zone": "a"}
    assert told(an_event("INSTANCE_STATUS_CHANGED", 11, status="DRAINING", tasks=[], **named)) == [
        ["one", "a", "DRAINING"]
    ]
    lost = an_event("INSTANCE_DISCONNECTED", 11, reason="x", **named)
    assert told(lost) == [["one", "a", "LOST"]]
    assert told(lost, an_event("INSTANCE_CONNECTED", 12, **named)) == [["one", "a", "ACTIVE"]]
    assert told(an_event("INSTANCE_DEREGISTERED", 11, **named)) == []
    new: dict[str, Any] = {"instance": "instance/two", "name": "two", "zone": "b"}
    assert told(an_event("INSTANCE_REGISTERED", 11, **new)) == [["one", "a", "ACTIVE"], ["two", "b", "ACTIVE"]]
