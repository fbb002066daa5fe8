"""Every other button of the page, pressed: the engine, the CLI and the real aws CLI say whether it did its work."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from chaos_ecs.core.opening import _DEFINITIONS
from tests.browser.conftest import Tab, container_of, task_of
from tests.builders import eventually
from tests.e2e.conftest import Room

pytestmark = [pytest.mark.docker, pytest.mark.slow]

LIGHT, DARK = "rgb(243, 244, 246)", "rgb(13, 17, 23)"
KILLS = "TASK_(KILLED|STOPPED)|SERVICE_(RECOVERED|THROTTLED|FLAPPING)|CLIENT_|FAULT_"
DEPLOYS = "DEPLOYMENT_|SERVICE_(CREATED|UPDATED|DELETED|INACTIVE|STEADY|SCALED)|TASK_DEFINITION_REGISTERED"
LINES, CLIPBOARD = "#log p:visible", "() => navigator.clipboard.readText()"


def environment(room: Room, task: str) -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in container_of(room, task)["Config"]["Env"])


def tasks_there(room: Room) -> set[str]:
    """Whose container runs."""
    return {one["Labels"]["chaos-ecs.task"] for one in room.containers()}


def versions(room: Room) -> list[str]:
    return sorted(environment(room, task)["VERSION"] for task in tasks_there(room))


def paused(room: Room) -> set[str]:
    return {task for task in tasks_there(room) if container_of(room, task)["State"]["Paused"]}


def record(room: Room, *types: str) -> list[dict[str, Any]]:
    """What happened, as the CLI tells it; or only events of these types."""
    told = [json.loads(line) for line in room.ok("events", "--json").out.splitlines()]
    return [event for event in told if not types or event["type"] in types]


def described(room: Room) -> dict[str, Any]:
    """The service web, as the real aws CLI has it."""
    return dict(room.aws("describe-services", "--cluster", "my-cluster", "--services", "web")["services"][0])


def a_steady_service(tab: Tab) -> None:
    tab.page.locator("#deploy-service").click()
    tab.expect_running(3)
    tab.page.locator(".block[data-condition=STEADY]").wait_for()


def test_a_new_version_replaces_every_container_and_a_broken_one_is_rolled_back(room: Room, tab: Tab) -> None:
    a_steady_service(tab)
    first = tasks_there(room)
    assert versions(room) == ["v1"] * 3
    tab.press("Deploy v2")
    strip, outcome = tab.page.locator(".rollout:has(.old):has(.new) code"), tab.page.locator(".outcome")
    strip.first.wait_for()
    assert strip.all_inner_texts() == ["web-server:1", "web-server:2"]
    outcome.get_by_text("web-server:2 is live.").wait_for()
    eventually(lambda: versions(room) == ["v2"] * 3, within=15)
    second = tasks_there(room)
    assert {container_of(room, task)["State"]["Status"] for task in first} == {"exited"}
    tab.page.get_by_role("button", name="Deploy v3").wait_for()
    tab.press("Deploy broken")
    strip.first.wait_for()
    assert strip.all_inner_texts() == ["web-server:2", "web-server:3"]
    eventually(lambda: "broken" in versions(room), within=15)
    outcome.get_by_text("was rolled back").wait_for(timeout=60_000)
    (failure,) = record(room, "DEPLOYMENT_FAILED")
    figures = "{failedTasks} failed tasks (limit {threshold})".format(**failure["data"])
    assert outcome.inner_text() == f"web-server:3 FAILED after {figures} and was rolled back. web-server:2 is live."
    eventually(lambda: versions(room) == ["v2"] * 3, within=15)
    assert tasks_there(room) == second, "those that were there before"
    assert described(room)["taskDefinition"].endswith("task-definition/web-server:2")


def test_every_quick_press_on_plus_and_minus_counts(room: Room, tab: Tab) -> None:
    a_steady_service(tab)
    for button, presses, count in (("One task more for web", 3, 6), ("One task fewer for web", 5, 1)):
        tab.page.get_by_role("button", name=button).click(click_count=presses)
        tab.expect_running(count)
        eventually(lambda count=count: len(room.containers()) == count, within=15)  # type: ignore[misc]
        assert described(room)["desiredCount"] == count
        assert tab.page.locator(".counts .desired").inner_text() == str(count)
    assert [event["data"]["desiredCount"] for event in record(room, "SERVICE_UPDATED")] == [4, 5, 6, 5, 4, 3, 2, 1]


def test_kill_all_and_delete_ask_first_and_then_leave_nothing_out(room: Room, tab: Tab) -> None:
    a_steady_service(tab)
    first = tasks_there(room)
    tab.press("Kill all")
    tab.press("Kill all 3 of web? Press again")
    eventually(lambda: all(container_of(room, task)["State"]["ExitCode"] == 137 for task in first), within=10)
    tab.expect_running(3)
    second = tasks_there(room)
    tab.press("Delete")
    tab.page.get_by_role("button", name="Delete web? Press again").wait_for()
    tab.page.get_by_role("button", name="Delete", exact=True).wait_for()  # it does not ask for long
    assert described(room)["status"] == "ACTIVE"
    assert (tasks_there(room), len(second | first)) == (second, 6)
    tab.press("Delete")
    tab.press("Delete web? Press again")
    tab.page.locator("#no-service").wait_for(timeout=45_000)
    eventually(lambda: room.elbv2("describe-load-balancers")["LoadBalancers"] == [], within=20)
    assert room.elbv2("describe-target-groups")["TargetGroups"] == []
    assert room.containers() == []
    assert described(room)["status"] == "INACTIVE"


def test_a_failing_task_ends_with_its_exit_code_and_nobody_starts_it_again(room: Room, tab: Tab) -> None:
    tab.page.locator("#run-failing").click()
    tile = tab.page.locator(".tile[aria-disabled=true]").filter(has_text="exit 1").filter(has_text="FAILED")
    container = container_of(room, task_of(tile))
    assert (container["State"]["ExitCode"], container["State"]["Status"], container["RestartCount"]) == (1, "exited", 0)
    assert environment(room, task_of(tile))["FAIL"] == "1"
    assert len(record(room, "TASK_CREATED")) == 1


def test_a_fault_of_the_menu_hits_real_containers_until_it_is_undone(room: Room, tab: Tab) -> None:
    room.ok("service", "up", "worker", "--task-definition", "worker", "--desired", "1", "--no-lb")
    tab.expect_running(1)
    tab.page.locator("#run-task").click()
    tab.expect_running(1, "standalone")
    every, lone = tasks_there(room), task_of(tab.running("standalone").first)
    opened = tab.page.locator("#open-faults li").filter(has_text="ACTIVE").filter(has_text="pause")
    tab.page.locator("#fault-name").select_option("pause")
    tab.page.locator("#fault-parameters [name=duration]").fill("PT10M")
    for target, hit in (("standalone:", {lone}), ("all:worker", every)):
        tab.page.locator("#fault-target").select_option(target)
        tab.press("Inject")
        eventually(lambda hit=hit: paused(room) == hit, within=15)  # type: ignore[misc]
        opened.nth(len(hit) - 1).get_by_text("paused").wait_for()
    told = room.ok("chaos", "status", "--json").json["faults"]
    assert [(one["name"], one["status"], one["durationSeconds"]) for one in told] == [("pause", "ACTIVE", 600.0)] * 2
    opened.filter(has_text=lone.split("/")[-1][:6]).get_by_role("button", name="Undo pause").click()
    opened.nth(1).wait_for(state="detached")
    assert paused(room) == every - {lone}
    opened.get_by_role("button", name="Undo pause").click()
    tab.page.locator("#no-faults").wait_for()
    assert (paused(room), tasks_there(room)) == (set(), every)


def test_the_score_of_a_chaos_run_is_what_the_record_says_and_a_second_press_ends_it(room: Room, tab: Tab) -> None:
    tab.press("Chaos run 60 s")  # the service that it hits is made first
    tab.page.wait_for_function("() => document.querySelector('#score dd')?.textContent.startsWith('2')", timeout=40_000)
    tab.press("Stop the run")
    tab.page.get_by_role("button", name="Chaos run 60 s").wait_for()
    tab.page.locator("#score-says").get_by_text("Over: 2 kills, 2 recoveries").wait_for(timeout=30_000)
    score = dict(row.inner_text().split("\n") for row in tab.page.locator("#score div").all())
    killed = [(event["task"], event["service"]) for event in record(room, "TASK_KILLED")]
    hit = {task for task, service in killed if service}
    (control,) = {task for task, _ in killed} - hit
    assert {container_of(room, task)["State"]["ExitCode"] for task, _ in killed} == {137}
    recovered = [event["data"]["seconds"] for event in record(room, "SERVICE_RECOVERED")]
    assert (len(hit), score["Kills"].split()[0], score["Recoveries"]) == (2, "2", f"{len(recovered)} of 2")
    assert score["Recovery, worst"] == f"{max(recovered):.1f} s"
    assert score["Control, standalone"].startswith(f"{control.split('/')[-1][:6]} replaced: NEVER")
    failed, asked = map(int, score["Failed requests"].split(" of "))
    (web,) = room.ok("service", "ls", "--json").json["services"]
    assert (failed, 0 < asked <= web["client"]["requests"]) == (web["client"]["failed"], True)
    assert len(tasks_there(room) - hit - {control}) == len(room.containers()) == 3


def expect_log(room: Room, tab: Tab, pattern: str) -> None:
    """All events of the record whose type is one of these, in their order, and no other."""

    def is_so() -> bool:
        types = tab.page.locator(LINES).evaluate_all("lines => lines.map(line => line.dataset.type)")
        return bool(types == [one["type"] for one in record(room) if re.match(pattern, one["type"])])

    eventually(is_so, within=10)


def test_the_log_shows_what_its_buttons_say_and_holds_on_when_paused(room: Room, tab: Tab) -> None:
    a_steady_service(tab)
    tab.running().first.click()
    tab.page.locator("#log").get_by_text("RECOVERED IN").wait_for()
    tab.press("Kills")
    expect_log(room, tab, KILLS)
    tab.press("Deploys")
    expect_log(room, tab, DEPLOYS)
    tab.press("All", within="#log-panel")
    expect_log(room, tab, "")
    tab.press("Pause")
    before, button = tab.page.locator(LINES).count(), tab.page.locator("#log-pause")
    tab.page.locator("#run-failing").click()
    tab.page.locator("#standalone-tiles .tile").filter(has_text="exit 1").wait_for()
    eventually(lambda: button.inner_text() == f"Go on ({len(record(room)) - before} new)", within=10)
    assert tab.page.locator(LINES).count() == before < len(record(room))
    button.click()
    button.get_by_text("Pause").wait_for()
    expect_log(room, tab, "")


def test_copy_puts_into_the_clipboard_what_is_shown(room: Room, tab: Tab) -> None:
    tab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])  # as a browser does for a press
    tab.page.locator("#run-task").click()
    tab.expect_running(1, "standalone")
    tab.press("Deploys")
    line = "line => [...line.children].map(part => part.textContent).filter(Boolean).join('  ')"
    shown = {"#log-copy": "\n".join(tab.page.locator(LINES).evaluate_all(f"lines => lines.map({line})"))}
    assert shown["#log-copy"].count("REGISTERED") == tab.page.locator(LINES).count() == len(_DEFINITIONS)
    for name in ("how-service", "how-task", "aws-command"):
        shown[f"[data-copies={name}]"] = str(tab.page.locator(f"#{name}").text_content())
    assert shown["[data-copies=aws-command]"].startswith("aws ecs run-task ")
    for button, text in shown.items():
        tab.page.locator(button).click()
        eventually(lambda text=text: tab.page.evaluate(CLIPBOARD) == text, within=5)  # type: ignore[misc]
        tab.page.locator("#answer").get_by_text("Copied.").wait_for()


def predict(tab: Tab, side: str, answer: str) -> str:
    """Clicks a task and answers what will happen. Its ARN."""
    task = task_of(tab.running(side).first)
    tab.page.locator(f".tile[data-task='{task}']").click()
    tab.page.locator("#predict-what").get_by_text(task.split("/")[-1][:6]).wait_for()
    tab.press(answer, within="#predict-dialog")
    tab.page.locator("#predict-dialog").wait_for(state="hidden")
    return task


def test_predictions_are_asked_before_a_kill_and_scored_after_it(room: Room, tab: Tab) -> None:
    new, same, gone = "A new task takes its place", "The same task is started again", "It stays gone"
    a_steady_service(tab)
    for count in (1, 2):
        tab.page.locator("#run-task").click()
        tab.expect_running(count, "standalone")
    tab.press("Challenge")
    for side in ("service", "standalone"):
        assert container_of(room, predict(tab, side, "Do not kill it"))["State"]["Running"]
    killed = []
    for side, answer, verdict, right, of in (
        ("service", same, "Wrong. A new task with a new id", 0, 1),
        ("service", new, "Right. A new task with a new id", 1, 2),
        ("standalone", gone, "Right. It is still gone after 5 seconds", 2, 3),
        ("standalone", new, "Wrong. It is still gone after 5 seconds", 2, 4),
    ):
        killed.append(predict(tab, side, answer))
        said = re.compile(f"^{verdict}.* {right} of {of} right so far")
        tab.page.locator("#prediction").get_by_text(said).wait_for()
        assert container_of(room, killed[-1])["State"]["ExitCode"] == 137
        tab.expect_running(3)
    tab.press("Challenge")
    killed.append(task_of(tab.running().first))
    tab.running().first.click()
    eventually(lambda: container_of(room, killed[-1])["State"]["ExitCode"] == 137, within=10)
    assert [event["task"] for event in record(room, "TASK_KILLED")] == killed


@pytest.mark.usefixtures("workload_images")
def test_the_question_is_decided_with_a_reason_and_the_quiz_is_scored_to_its_end(room: Room, tab: Tab) -> None:
    yes, no = ("Yes", "ECS service", "replace what dies"), ("No", "Standalone task", "exit 0 is success")
    for answer, decided, why in (yes, no):
        tab.press(answer, within="#which")
        tab.page.locator("#decision").get_by_text(why).wait_for()
        assert tab.page.locator("#decision .decision").inner_text() == f"Decision: {decided}"
    tab.press("Ask me about seven cases")
    service, task, schedule = "Service", "Standalone task", "Standalone task on a schedule"
    right = (service, service, service, schedule, task, schedule, "Nobody")
    given = (task, service, service, service, task, schedule, "The ECS agent")
    quiz = tab.page.locator("#quiz")
    for place, (answer, choice) in enumerate(zip(right, given, strict=True), 1):
        quiz.get_by_text(f"Question {place} of 7").wait_for()
        tab.press(choice, within="#quiz")
        assert quiz.locator("strong").inner_text() == ("Right." if choice == answer else f"Not quite: {answer}.")
        quiz.get_by_role("button", name=answer, exact=True).dispatch_event("click")  # too late
        runs = quiz.get_by_role("button", name="Run it here")
        assert runs.count() == (place != 4)
        if place == 3:
            runs.click()
        tab.press("Next question" if place < 7 else "How did I do?", within="#quiz")
    quiz.get_by_text("4 of 7 right.").wait_for()
    tab.expect_running(3)
    families = {one["Labels"]["chaos-ecs.family"] for one in room.containers()}
    assert {"queue:1", "queue-worker:1"} == families
    tab.press("Once more")
    quiz.get_by_text("Question 1 of 7").wait_for()


def looks(tab: Tab) -> list[str]:
    """Its ground, the size of its type, its language."""
    style = "getComputedStyle(document.body).backgroundColor, getComputedStyle(document.documentElement).fontSize"
    return list(tab.page.evaluate(f"() => [{style}, document.documentElement.lang]"))


def test_theme_projector_and_language_are_as_chosen_and_stay_so(tab: Tab) -> None:
    assert looks(tab) == [LIGHT, "16px", "en"]
    tab.press("Dark")
    assert looks(tab) == [DARK, "16px", "en"]
    tab.page.get_by_role("link", name="Deutsch").click()
    tab.page.locator("html[lang=de][data-connection=live]").wait_for()
    assert looks(tab) == [DARK, "16px", "de"]
    tab.press("Beamer")
    assert looks(tab)[1] == "24px"
    tab.page.reload()
    tab.page.locator("html[lang=de][data-connection=live]").wait_for()
    assert looks(tab)[1:] == ["24px", "de"]
    tab.press("Beamer")
    tab.press("Hell")
    tab.page.get_by_role("link", name="English").click()
    tab.page.locator("html[lang=en][data-connection=live] [aria-current]").get_by_text("English").wait_for()
    assert looks(tab) == [LIGHT, "16px", "en"]


def test_help_turns_single_keys_off_and_on(room: Room, tab: Tab) -> None:
    a_steady_service(tab)
    dialog, keys = tab.page.locator("#help-dialog"), tab.page.locator("#single-keys")
    tab.press("Help")
    keys.uncheck()
    tab.press("Close")
    tab.page.reload()
    tab.page.locator("html[data-connection=live]").wait_for()
    tab.expect_running(3)
    tab.running().first.focus()
    for key in ("2", "?"):
        tab.page.keyboard.press(key)
    assert not dialog.is_visible()
    tab.press("Help")
    assert not keys.is_checked()
    keys.check()
    tab.press("Close")
    tab.running().first.focus()
    third = task_of(tab.running().nth(2))
    tab.page.keyboard.press("3")
    eventually(lambda: container_of(room, third)["State"]["ExitCode"] == 137, within=10)
    assert [event["task"] for event in record(room, "TASK_KILLED")] == [third]
    tab.page.keyboard.press("?")
    dialog.wait_for()
