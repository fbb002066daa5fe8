"""Every command that the page shows is one that runs as it stands, and does to real containers what its button does."""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from docker.errors import NotFound

from chaos_ecs.chaos.fault import Scope
from chaos_ecs.cli.chaos.fault_options import INJECTABLE
from tests.browser.conftest import Tab, container_of
from tests.builders import eventually
from tests.e2e.conftest import BIN, Room

pytestmark = [pytest.mark.docker, pytest.mark.slow]

OF_THE_TASK = ("CHAOS_ECS_TASK_", "ECS_CONTAINER_METADATA_URI")
RUN_A_TASK = {
    "#run-task": "SECONDS_TO_WORK",
    "#run-failing": "FAIL",
    "[data-try=migrate]": "--task-definition migrate:1",
    "[data-try=batch]": "--task-definition batch:1",
    "[data-try=train]": "--task-definition train:1",
    "[data-runs=task]": "FARGATE",
}
"""What the command of each button has, and no other's."""

MAKE_A_SERVICE = {
    "#deploy-service": "--service-name web ",
    "[data-try=web]": "--service-name web-2",
    "[data-try=api]": "--service-name api",
    "[data-try=worker]": "feed",
    "[data-runs=service]": "--service-name my-web-app",
}
STEADY = "#services .block[data-condition=STEADY]"
SERVICES = {"web", "web-2", "database", "api", "queue", "worker", "my-web-app"}
FILL_IN = """() => {
  const texts = { duration: "PT10M", timeout: "PT20S", signal: "SIGINT", reason: "it's a test", processName: "sleep",
    path: "/tmp", sources: "10.0.0.1, 10.0.0.2", exceptSources: "10.0.0.9", rate: "2mbit", burst: "64kbit",
    latency: "100ms", az: "b", durationBeforeInterruption: "PT3M", to: "web", network: "bridge",
    operations: "CreateListener, DeleteListener" }
  const number = ({ value, min, max }) => (value === min ? max : min)
  const other = (input) => input.options?.[input.options.length - 1].value ?? texts[input.name] ?? number(input)
  for (const input of document.querySelectorAll("#fault-parameters [name]")) input.value = other(input)
}"""


def run_in_a_shell(room: Room, script: str, *, ends: Container[int] = (0,)) -> str:
    """As a learner who has pasted it, with what `aws-env` says, once for all. Answers what was said."""
    if "AWS_ACCESS_KEY_ID" not in room.environment:
        room.environment.update(room.aws_environment())
    command = ["bash", "-euc", f"set -o pipefail; {script}"]
    environment = room.environment | {"PATH": f"{BIN}:{os.environ['PATH']}"}
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode in ends, ran
    return ran.stdout or ran.stderr


def shown(tab: Tab, words: str) -> str:
    """The command of the last action, once these words are in it."""
    return tab.page.locator("#aws-command").filter(has_text=words).inner_text()


@contextmanager
def held(tab: Tab, operation: str) -> Iterator[Callable[[], Any]]:
    """What the page asks for meanwhile does not arrive. Yields what tells the next request."""
    asked: list[Any] = []
    is_held, path = True, f"/{operation}?"

    def next_one() -> Any:
        eventually(lambda: tab.page.title() and asked, within=30)
        return asked.pop(0)

    tab.page.route(lambda url: path in url, lambda one: asked.append(one.request) if is_held else one.fallback())
    yield next_one
    is_held = False  # the route stays, for its end would let go what is held


def copies(room: Room, *, everything: bool = False) -> Counter[tuple[str, ...]]:
    """The containers of tasks, those that run or all, by what makes them alike."""
    found: Counter[tuple[str, ...]] = Counter()
    for one in room.containers(everything=everything):
        with suppress(NotFound):  # the engine lists one a moment before it knows it
            config = room.client.inspect_container(one["Id"])["Config"]
            if "chaos-ecs.family" in config["Labels"]:
                alike = sorted(item for item in config["Env"] if not item.startswith(OF_THE_TASK))
                found[(*(config["Cmd"] or [config["Image"]]), *alike)] += 1
    return found


def services_there(room: Room) -> set[str]:
    arns = room.aws("list-services", "--cluster", "my-cluster")["serviceArns"]
    return {arn.rpartition("/")[2] for arn in arns}


def a_steady_service(tab: Tab) -> None:
    tab.page.locator("#deploy-service").click()
    tab.page.locator(STEADY).wait_for()


@pytest.mark.usefixtures("workload_images")
def test_the_command_of_each_button_that_runs_a_task_runs_another_one_like_it(room: Room, tab: Tab) -> None:
    assert json.loads(run_in_a_shell(room, shown(tab, "list-tasks"))) == {"taskArns": []}, "the command at first"
    commands = []
    for button, words in RUN_A_TASK.items():
        tab.page.locator(button).click()
        commands.append(shown(tab, words))
    assert commands[-1] == tab.page.locator("#how-task").inner_text()
    eventually(lambda: copies(room, everything=True).total() == len(commands) + 1, within=20)  # and the database
    made = copies(room, everything=True)
    room.ok("service", "down", "database")  # what two of them lean on: the first of the two makes it
    eventually(lambda: services_there(room) == set(), within=30)
    for command in commands:
        run_in_a_shell(room, command)
    eventually(lambda: copies(room, everything=True) == made + made, within=20)


def test_the_command_of_a_kill_stops_the_very_tasks(room: Room, tab: Tab) -> None:
    def stopped_by(*buttons: str) -> list[str]:
        """The tasks that the command stops while the page's own kill is held."""
        with held(tab, "KillTasks") as next_one:
            for button in buttons:
                tab.page.locator(button).first.click()
            victims: list[str] = next_one().post_data_json["tasks"]
        run_in_a_shell(room, shown(tab, "stop-task"))
        told = room.aws("describe-tasks", "--cluster", "my-cluster", "--tasks", *victims)["tasks"]
        assert [one["stopCode"] for one in told] == ["UserInitiated"] * len(victims)
        eventually(lambda: not any(container_of(room, task)["State"]["Running"] for task in victims), within=15)
        tab.expect_running(3)
        return victims

    a_steady_service(tab)
    stopped = [*stopped_by("#services .tile"), *stopped_by("#kill-both"), *stopped_by(*["#services .kill-all"] * 2)]
    assert len(set(stopped)) == 1 + 2 + 3
    eventually(lambda: copies(room).total() == 3, within=15)  # the standalone one stays gone


@pytest.mark.usefixtures("workload_images")
def test_the_script_of_each_button_that_makes_a_service_makes_it_from_nothing(room: Room, tab: Tab) -> None:
    how, scripts = tab.page.locator("#how-service").inner_text(), []
    for button, words in MAKE_A_SERVICE.items():
        tab.page.locator(button).click()
        scripts.append(shown(tab, words))
        tab.page.locator(STEADY).nth(len(scripts) - 1).wait_for(timeout=60_000)  # so the next one is not overtaken
    assert how == scripts[-1]
    tab.page.locator(STEADY).nth(len(SERVICES) - 1).wait_for(timeout=60_000)
    tab.page.locator("#standalone-tiles .tile").filter(has_text="FINISHED").wait_for(timeout=30_000)
    eventually(lambda: copies(room).total() == 15, within=10)  # the engine lists one a moment after it told its end
    made = copies(room)
    assert services_there(room) == SERVICES
    for name in sorted(SERVICES):
        room.ok("service", "down", name)
    eventually(lambda: not copies(room) and services_there(room) == set(), within=60)
    for script in scripts:
        run_in_a_shell(room, script)
    tab.page.locator(STEADY).nth(len(SERVICES) - 1).wait_for(timeout=60_000)
    tab.page.locator("#standalone-tiles .tile").filter(has_text="FINISHED").nth(1).wait_for(timeout=30_000)
    eventually(lambda: copies(room) == made, within=20)


def test_the_commands_of_schedules_make_pause_resume_and_delete_them(room: Room, tab: Tab) -> None:
    def known() -> dict[str, tuple[Any, ...]]:
        names = [one["Name"] for one in room.scheduler("list-schedules")["Schedules"]]
        told = [room.scheduler("get-schedule", "--name", name) for name in names]
        return {one["Name"]: (one["State"], one["ScheduleExpression"], one["Target"]) for one in told}

    tab.page.locator("#every-minute").click()
    create = shown(tab, "create-schedule")
    row = tab.page.locator("#schedule-list li")
    row.filter(has_text="ENABLED").wait_for()
    made = known()
    row.get_by_role("button", name="Pause").click()
    pause = shown(tab, "DISABLED")
    row.get_by_role("button", name="Resume").click()
    resume = shown(tab, "ENABLED")
    row.get_by_role("button", name="Delete").click()
    row.get_by_role("button", name="Delete every-minute? Press again").click()
    delete = shown(tab, "delete-schedule")
    row.wait_for(state="detached")
    assert known() == {}
    run_in_a_shell(room, create)
    assert known() == made
    run_in_a_shell(room, pause)
    assert [state for state, *_ in known().values()] == ["DISABLED"]
    run_in_a_shell(room, resume)
    assert known() == made
    run_in_a_shell(room, delete)
    assert known() == {}
    tab.page.locator("#schedules").wait_for(state="hidden")


def test_the_command_of_a_pause_says_all_of_a_schedule_again(room: Room, tab: Tab) -> None:
    target = {"Arn": tab.page.evaluate("JSON.parse(document.querySelector('#boot').textContent).about.clusterArn")}
    base = target["Arn"].replace(":cluster/my-cluster", "")
    target |= {"RoleArn": "arn:aws:iam::123456789012:role/it-s-mine", "Input": '{"containerOverrides": []}'}
    target["EcsParameters"] = {"TaskDefinitionArn": f"{base}:task-definition/batch-job", "TaskCount": 2}
    room.scheduler("create-schedule-group", "--name", "jobs")
    room.scheduler(
        *("create-schedule", "--name", "nightly", "--group-name", "jobs", "--schedule-expression", "cron(0 2 * * ? *)"),
        *("--schedule-expression-timezone", "Europe/Berlin", "--end-date", "2099-01-01T00:00:00Z"),
        *("--flexible-time-window", "Mode=FLEXIBLE,MaximumWindowInMinutes=5", "--description", 'it\'s "mine"'),
        *("--target", json.dumps(target)),
    )
    where = ("get-schedule", "--name", "nightly", "--group-name", "jobs")
    made = room.scheduler(*where)
    row = tab.page.locator("#schedule-list li").filter(has_text="jobs/nightly")
    row.get_by_role("button", name="Pause").click()
    row.filter(has_text="PAUSED").wait_for()
    paused = room.scheduler(*where)
    command = shown(tab, "DISABLED")
    row.get_by_role("button", name="Resume").click()
    row.filter(has_text="ENABLED").wait_for()
    assert room.scheduler(*where) | {"LastModificationDate": 0} == made | {"LastModificationDate": 0}
    run_in_a_shell(room, command)
    assert room.scheduler(*where) | {"LastModificationDate": 0} == paused | {"LastModificationDate": 0}
    assert paused | {"State": "ENABLED", "LastModificationDate": 0} == made | {"LastModificationDate": 0}
    row.get_by_role("button", name="Delete").click()
    row.get_by_role("button", name="Delete jobs/nightly? Press again").click()
    row.wait_for(state="detached")


def test_the_command_of_a_change_changes_the_service_as_its_button_did(room: Room, tab: Tab) -> None:
    def runs_only(text: str) -> None:
        eventually(lambda: [(text in about, n) for about, n in copies(room).items()] == [(True, 3)], within=15)

    a_steady_service(tab)
    block = tab.page.locator("#services .block")
    outcome = block.locator(".outcome")
    for button, before, after in (("more", 3, 4), ("less", 4, 3)):
        block.locator(f".{button}").click()
        tab.expect_running(after)
        room.aws("update-service", "--cluster", "my-cluster", "--service", "web", "--desired-count", str(before))
        tab.expect_running(before)
        run_in_a_shell(room, shown(tab, f"--desired-count {after}"))
        tab.expect_running(after)
    block.locator(".version").click()
    outcome.get_by_text("web-server:2 is live").wait_for(timeout=30_000)
    run_in_a_shell(room, shown(tab, "register-task-definition"))
    outcome.get_by_text("web-server:3 is live").wait_for(timeout=30_000)
    runs_only("VERSION=v2")
    block.locator(".broken").click()
    outcome.get_by_text("web-server:4 FAILED").wait_for(timeout=30_000)
    before_it = copies(room, everything=True)
    run_in_a_shell(room, shown(tab, "HEALTH"))
    outcome.get_by_text("web-server:5 FAILED").filter(has_text="web-server:3 is live").wait_for(timeout=30_000)
    assert any("HEALTH=500" in about for about in copies(room, everything=True) - before_it)
    runs_only("VERSION=v2")
    block.locator(".delete").click()
    block.locator(".delete").click()
    tab.page.locator("#no-service").wait_for(timeout=30_000)
    eventually(lambda: room.ok("lb", "status", "--json").json["targetGroups"] == [], within=15)
    assert "delete-target-group" in tab.page.locator("#aws-remark").inner_text(), "which the command does not do"
    command = shown(tab, "delete-service")
    a_steady_service(tab)
    run_in_a_shell(room, command)
    eventually(lambda: not copies(room), within=15)


def inject(tab: Tab, fault: str, target: str) -> str:
    """Its command, with each parameter something else than the default. Also of what is impossible here."""
    choose = "(menu, value) => { menu.value = value; menu.dispatchEvent(new Event('change')) }"
    tab.page.locator("#fault-name").evaluate(choose, fault)
    tab.page.locator("#fault-target").evaluate(choose, target)
    tab.page.evaluate(FILL_IN)
    tab.press("Inject", within="#fault-form")
    return shown(tab, f"chaos inject {fault}")


def test_the_command_of_each_fault_of_the_menu_hits_the_same_in_the_same_way(room: Room, tab: Tab) -> None:
    def said_by_button(request: Any) -> Any:
        body = request.post_data_json | {"dryRun": True, "seed": 7}
        told = tab.page.request.post(request.url, data=body, headers=request.headers).json()
        return "nobody" if told.get("victims") == [] else told.get("message") or told | {"v": 1, "seed": 7}

    def said_by_command(command: str, options: str) -> Any:
        told = json.loads(
            run_in_a_shell(room, f"{command} --dry-run --json {options}", ends=(0, 1, 3, 5))
        )  # not 2: usage
        if "error" in told:
            return "nobody" if told["error"]["what"] == "There is nobody to hit" else told["error"]["why"]
        return told | {"seed": 7}

    a_steady_service(tab)
    tab.page.locator("#run-task").click()
    tab.expect_running(1, "standalone")
    room.ok("instance", "add", "--count", "4")  # for faults that hit those
    menu = tab.page.locator("#fault-name option").evaluate_all("all => all.map(one => one.value)")
    scopes = list(dict.fromkeys(fault.scope for fault in INJECTABLE))  # the menu has a group for each
    assert menu == [fault.name for scope in scopes for fault in INJECTABLE if fault.scope is scope]
    seeds = {fault.name: "--seed 7" for fault in INJECTABLE if fault.scope in (Scope.TASKS, Scope.INSTANCES)}
    with held(tab, "InjectFault") as next_one:
        for fault, target in [("pause", "standalone:"), ("pause", "all:web"), *((name, "one:web") for name in menu)]:
            command = inject(tab, fault, target)
            assert said_by_button(next_one()) == said_by_command(command, seeds.get(fault, "")), command


def test_the_commands_of_faults_and_of_their_undo_work_on_real_tasks(room: Room, tab: Tab) -> None:
    def paused() -> int:
        return sum("(Paused)" in one["Status"] for one in room.containers())

    def stopped() -> int:
        return sum(one["stoppedReason"] == "it's a test" for one in room.ok("ps", "--all", "--json").json["tasks"])

    tab.page.locator("#run-task").click(click_count=2)
    tab.expect_running(2, "standalone")
    command = inject(tab, "pause", "standalone:")
    eventually(lambda: paused() == 1, within=15)
    run_in_a_shell(room, command)
    assert paused() == 2
    undo = tab.page.locator("#open-faults li").filter(has_text="ACTIVE").get_by_role("button")
    undo.nth(1).wait_for()
    with held(tab, "UndoFaults") as next_one:
        undo.first.click()
        next_one()
        run_in_a_shell(room, shown(tab, "chaos undo flt-"))
    assert paused() == 1
    undo.nth(1).wait_for(state="detached")
    undo.first.click()
    eventually(lambda: paused() == 0, within=15)
    command = inject(tab, "stop-task", "standalone:")
    eventually(lambda: stopped() == 1, within=15)
    run_in_a_shell(room, command)
    eventually(lambda: stopped() == 2, within=15)


def test_the_command_of_a_chaos_run_hits_what_the_button_hits(room: Room, tab: Tab) -> None:
    def seeds() -> list[int]:
        return [one["seed"] for one in room.ok("chaos", "status", "--all", "--json").json["faults"]]

    a_steady_service(tab)
    tab.page.locator("#chaos-run").click()
    command = shown(tab, "chaos run web")
    eventually(seeds, within=30)
    tab.page.locator("#chaos-run").click()
    run_in_a_shell(room, f"timeout --signal=INT 12 {command}", ends=(124,))
    assert seeds()[0] == seeds()[1]
    controls = [one for one in room.ok("ps", "--all", "--json").json["tasks"] if not one["serviceArn"]]
    assert [one["exitCode"] for one in controls] == [137, 137]
