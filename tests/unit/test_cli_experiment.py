"""`chaos run FILE`, its journal and its replay, on the simulator: what is green, what is not, and what is undone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chaos_ecs.cli import refusals
from chaos_ecs.cli.chaos import experiment
from chaos_ecs.cli.chaos.experiment_file import of_text
from chaos_ecs.cli.chaos.experiment_story import Outcome, Verdict
from chaos_ecs.cli.chaos.experiment_view import ExperimentView
from chaos_ecs.cli.chaos.journal import Activity, SteadyState
from chaos_ecs.cli.lines import lines_of
from chaos_ecs.cli.panel import Frame
from chaos_ecs.cli.snapshot import Snapshot
from chaos_ecs.cli.symbols import UNICODE
from chaos_ecs.errors import ChaosEcsError
from tests.unit import fake_controller as fake
from tests.unit.sim_room import SimRoom

PAUSE_AND_STOP = """\
description: Lose one of three
targets:
  one: {resourceType: "aws:ecs:task", selectionMode: COUNT(1), parameters: {service: web}}
actions:
  slow: {actionId: "chaos-ecs:task-pause", parameters: {duration: PT4S}, targets: {Tasks: one}}
  lose: {actionId: "aws:ecs:stop-task", targets: {Tasks: one}, startAfter: [slow]}
x-chaos-ecs:
  seed: 42
  steady-state-hypothesis:
    title: web is whole
    probes:
      - name: healthy tasks
        provider: {type: chaos-ecs, func: healthy-count, arguments: {service: web}}
        tolerance: 3
      - name: steady
        provider: {type: chaos-ecs, func: steady, arguments: {service: web}}
        tolerance: true
  expect: {recoveredWithin: PT30S}
"""
ALARM = """\
stopConditions:
  - {source: "aws:cloudwatch:alarm", value: "arn:aws:cloudwatch:local:000000000000:alarm:web-healthy-below-3"}
"""


@pytest.fixture
def room(tmp_path: Path) -> Iterator[SimRoom]:
    room = SimRoom(tmp_path / "home")
    yield room
    room.close()


def run(room: SimRoom, text: str, **options: Any) -> int:
    path = room.home.parent / "lab.yaml"
    path.write_text(text)
    return experiment.run_file(room.shell, path, **options)


def journal(room: SimRoom, number: int = 1) -> Any:
    return json.loads((room.home / "journals" / f"experiment-{number}.json").read_text())


def nothing_is_left(room: SimRoom) -> None:
    state = room.simulation.state
    assert room.simulation.engine.hurts == {}
    assert all(fault.is_over for fault in state.faults.values())
    assert state.experiment_templates == {}


def test_an_experiment_that_goes_as_expected_ends_with_0_and_a_journal(room: SimRoom) -> None:
    assert run(room, PAUSE_AND_STOP) == 0
    told = room.out.getvalue()
    assert told.startswith("PASSED Lose one of three\n")
    assert "recoveredWithin  met: web" in told
    kept = journal(room)
    assert (kept["status"], kept["deviated"]) == ("completed", False)
    assert [item["status"] for item in kept["run"]] == ["succeeded", "succeeded"]
    assert kept["steady_states"]["before"]["steady_state_met"] is True
    assert kept["steady_states"]["after"]["steady_state_met"] is True
    ours = kept["x-chaos-ecs"]
    assert (ours["kind"], ours["seed"], ours["verdict"]) == ("experiment", 42, "passed")
    assert ours["file"]["text"] == PAUSE_AND_STOP
    assert ours["recoveries"][0]["seconds"] > 0
    nothing_is_left(room)


def test_the_seed_is_the_tag_of_the_experiment_and_the_command_line_comes_before_the_file(room: SimRoom) -> None:
    assert run(room, PAUSE_AND_STOP, seed=7) == 0
    (found,) = room.simulation.state.experiments.values()
    assert (dict(found.tags)["chaos-ecs:seed"], journal(room)["x-chaos-ecs"]["seed"]) == ("7", 7)


def test_a_steady_state_that_is_not_met_before_injects_nothing(room: SimRoom) -> None:
    assert run(room, PAUSE_AND_STOP.replace("tolerance: 3", "tolerance: 4")) == 1
    assert "steady state before: NOT MET\n  healthy tasks: 3 (wanted: 4)\n" in room.err.getvalue()
    assert "NOT STARTED Lose one of three: healthy tasks: 3 (wanted: 4)\n" in room.out.getvalue()
    assert "nothing was injected: see why with chaos-ecs ps" in room.err.getvalue()
    assert room.simulation.state.experiments == {}
    kept = journal(room)
    assert (kept["status"], kept["run"]) == ("failed", [])
    assert kept["steady_states"]["before"]["steady_state_met"] is False
    nothing_is_left(room)


def test_an_availability_that_was_too_low_a_moment_ago_is_worth_a_second_try(tmp_path: Path) -> None:
    text = PAUSE_AND_STOP.replace("name: healthy tasks", "name: web answers").replace(
        "healthy-count, arguments: {service: web}}", "availability, arguments: {service: web, over: PT10S}}"
    )
    file = of_text(text.replace("tolerance: 3", "tolerance: [99, 100]"), "lab.yaml", "my-cluster")
    outcome = Outcome(file, 1, "my-cluster", 0.0, verdict=Verdict.NOT_STARTED)
    outcome.before = SteadyState(False, [an_answer(97.5, met=False), an_answer(True, met=True)])
    wait = "nothing was injected, because of web answers: over the last 10 s. Wait a few seconds and try again"
    assert experiment.next_steps(outcome, "") == wait
    outcome.before = SteadyState(False, [an_answer(None, met=False, trouble="nobody sends requests to web")])
    outcome.before = SteadyState(False, [*outcome.before.probes, an_answer(False, met=False)])
    assert "see why with chaos-ecs ps" in experiment.next_steps(outcome, "")


def an_answer(output: Any, *, met: bool, trouble: str = "") -> Activity:
    return Activity("probe", "a probe", {}, not trouble, output, 0.0, 0.0, tolerance_met=met, trouble=trouble)


def test_a_recovery_that_takes_too_long_is_a_deviation(room: SimRoom) -> None:
    assert run(room, PAUSE_AND_STOP.replace("PT30S", "PT0.01S")) == 1
    assert "DEVIATED Lose one of three: not as expected: recoveredWithin" in room.out.getvalue()
    assert journal(room)["deviated"] is True


def test_what_could_not_be_measured_is_not_green(room: SimRoom) -> None:
    assert run(room, PAUSE_AND_STOP.replace("recoveredWithin: PT30S", "availability: 50")) == 1
    assert "INCONCLUSIVE Lose one of three: not measured: availability" in room.out.getvalue()
    assert journal(room)["deviated"] is True
    assert journal(room)["x-chaos-ecs"]["expectations"][0]["met"] is None


def test_a_standalone_task_stays_gone_as_expected(room: SimRoom) -> None:
    room.run_task()
    text = PAUSE_AND_STOP.replace("parameters: {service: web}", 'filters: [{path: Group, values: ["family:worker"]}]')
    text = text.replace("recoveredWithin: PT30S", "standaloneReplaced: false")
    assert run(room, text) == 0
    assert "standaloneReplaced  met:" in room.out.getvalue()
    assert "0 replacements 5.0s later" in room.out.getvalue()


def test_an_effect_that_could_not_be_measured_fails_the_run(room: SimRoom) -> None:
    room.simulation.engine.refuses = lambda effect: "no effect could be measured"
    assert run(room, PAUSE_AND_STOP) == 1
    assert "FAILED Lose one of three: Action slow failed: inconclusive" in room.out.getvalue()
    kept = journal(room)
    assert (kept["status"], kept["run"][0]["status"]) == ("failed", "failed")
    assert kept["steady_states"]["after"] is None
    nothing_is_left(room)


def test_an_alarm_stops_the_run_and_its_name_is_told(room: SimRoom) -> None:
    assert run(room, PAUSE_AND_STOP + ALARM) == 1
    assert "STOPPED Lose one of three: Experiment halted by stop condition. Alarm web-healthy-b" in room.out.getvalue()
    assert journal(room)["status"] == "aborted"
    nothing_is_left(room)


def test_nobody_to_hit_ends_with_3(room: SimRoom) -> None:
    text = PAUSE_AND_STOP.replace("parameters: {service: web}", 'filters: [{path: Group, values: ["family:none"]}]')
    assert run(room, text) == 3
    assert "NOTHING MATCHED Lose one of three: Target resolution returned empty set" in room.out.getvalue()
    assert "FAILED" not in room.out.getvalue()
    assert journal(room)["x-chaos-ecs"]["verdict"] == "nothing matched"


def test_an_action_that_was_refused_is_in_the_journal_with_its_reason_and_in_its_report(room: SimRoom) -> None:
    text = PAUSE_AND_STOP.replace("startAfter: [slow]}", "startAfter: [lost]}").replace(
        "  lose:", '  lost: {actionId: "aws:ecs:stop-task", targets: {Tasks: one}, startAfter: [slow]}\n  lose:'
    )
    assert run(room, text) == 1
    lose = journal(room)["run"][-1]
    why = "the task it was aimed at has ended meanwhile"
    assert [item["activity"]["name"] for item in journal(room)["run"]] == ["slow", "lost", "lose"]
    assert lose["status"] == "failed"
    assert lose["exception"][0].startswith(why)
    assert room.run("chaos", "report", str(room.home / "journals" / "experiment-1.json")) == 0
    assert why in room.out.getvalue().partition("what was done:")[2]


def test_every_action_skipped_is_not_green(room: SimRoom) -> None:
    text = PAUSE_AND_STOP.replace("parameters: {service: web}", 'filters: [{path: Group, values: ["family:none"]}]')
    assert run(room, text + "experimentOptions: {emptyTargetResolutionMode: skip}\n") == 1
    assert "INCONCLUSIVE Lose one of three: every action was skipped" in room.out.getvalue()


@pytest.mark.parametrize("trouble", [KeyboardInterrupt, SystemExit, RuntimeError])
def test_whatever_ends_the_view_the_experiment_is_stopped_and_undone(
    room: SimRoom, trouble: type[BaseException]
) -> None:
    def when_it_hurts() -> None:
        if room.simulation.engine.hurts:
            room.controller.on_look = lambda: None
            raise trouble

    room.controller.on_look = when_it_hurts
    if trouble is RuntimeError:
        with pytest.raises(RuntimeError):
            run(room, PAUSE_AND_STOP)
    else:
        assert run(room, PAUSE_AND_STOP) == 130
        kept = journal(room)
        assert (kept["status"], kept["rollbacks"][0]["status"]) == ("interrupted", "succeeded")
        assert kept["x-chaos-ecs"]["actions"]["lose"]["status"] == "cancelled"
    (found,) = room.simulation.state.experiments.values()
    assert found.status == "stopped"
    nothing_is_left(room)


def test_a_controller_that_is_busy_for_a_while_is_no_end_of_an_experiment(room: SimRoom) -> None:
    asked = room.controller.fis
    busy = [refusals.of("GET", 503, b'{"__type": "ServiceUnavailableException", "message": "No answer."}')] * 2

    def sometimes(method: str, path: str, body: Any = None, *, query: str = "") -> Any:
        if method == "GET" and path.count("/") == 2 and busy:
            raise busy.pop()
        return asked(method, path, body, query=query)

    room.controller.fis = sometimes  # type: ignore[method-assign]
    assert run(room, PAUSE_AND_STOP) == 0
    assert busy == []


def test_a_template_that_the_controller_refuses_is_told_by_its_line(room: SimRoom) -> None:
    with pytest.raises(ChaosEcsError) as caught:
        run(room, PAUSE_AND_STOP.replace("PT4S", "soon"))
    assert caught.value.what.endswith("lab.yaml, line 5: actions.slow")
    assert "duration 'soon' is no duration" in caught.value.why
    nothing_is_left(room)


def test_a_dry_run_names_whom_it_would_hit_and_hurts_nobody(room: SimRoom) -> None:
    before = room.running()
    assert run(room, PAUSE_AND_STOP + ALARM, dry_run=True) == 0
    told = room.out.getvalue()
    assert "of 3 (COUNT(1))" in told
    assert "pause freezes all processes for 4 s, target one\n" in told
    assert "target one, after slow" in told
    assert "web-healthy-below-3" in told
    assert "nothing was done" in room.err.getvalue()
    assert (room.running(), room.simulation.state.faults) == (before, {})
    nothing_is_left(room)


def test_a_dry_run_that_finds_nobody_ends_with_3(room: SimRoom) -> None:
    text = PAUSE_AND_STOP.replace("parameters: {service: web}", 'filters: [{path: Group, values: ["family:none"]}]')
    with pytest.raises(ChaosEcsError) as caught:
        run(room, text, dry_run=True)
    assert caught.value.exit_code == 3


def test_a_dry_run_tells_of_a_stop_condition_that_watches_nothing(room: SimRoom) -> None:
    with pytest.raises(ChaosEcsError) as caught:
        run(room, PAUSE_AND_STOP + ALARM.replace("web-", "nosuch-"), dry_run=True)
    assert caught.value.what == "The stop condition nosuch-healthy-below-3 watches nothing"
    assert "there is no service nosuch, so a run would be stopped at once; there are: web" in caught.value.why
    assert (caught.value.exit_code, caught.value.hint) == (3, "chaos-ecs service ls")
    nothing_is_left(room)


def test_a_replay_hits_the_same_position_and_says_so(room: SimRoom) -> None:
    assert run(room, PAUSE_AND_STOP) == 0
    assert experiment.replay(room.shell, room.home / "journals" / "experiment-1.json") == 0
    first, second = (journal(room, number)["x-chaos-ecs"]["targets"]["one"][0] for number in (1, 2))
    assert (first["number"], first["of"]) == (second["number"], second["of"])
    assert "the same as in the journal" in room.err.getvalue()


def test_a_replay_among_other_tasks_says_that_it_is_not_the_same(room: SimRoom) -> None:
    assert run(room, PAUSE_AND_STOP) == 0
    room.controller.ecs("UpdateService", cluster="my-cluster", service="web", desiredCount=5)
    room.advance(10)
    path = room.home / "journals" / "experiment-1.json"
    path.write_text(path.read_text().replace("tolerance: 3", "tolerance: 5"))
    assert experiment.replay(room.shell, path) == 1
    assert "NOT the same: then number" in room.err.getvalue()


def test_a_journal_of_something_else_is_not_replayed(room: SimRoom, tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text(json.dumps({"experiment": {}, "x-chaos-ecs": {"kind": "run"}}))
    with pytest.raises(ChaosEcsError) as caught:
        experiment.replay(room.shell, path)
    assert (caught.value.code, caught.value.exit_code) == ("E-JOURNAL", 2)


def a_file_in_the_way(room: SimRoom) -> Path:
    place = room.home / "journals"
    if place.is_dir():
        for path in place.iterdir():
            path.unlink()
        place.rmdir()
    room.home.mkdir(exist_ok=True)
    place.write_text("a file is in the way")
    return place


def test_a_journal_that_could_not_be_kept_is_said_before_anything_is_done(room: SimRoom) -> None:
    place = a_file_in_the_way(room)
    path = room.home.parent / "lab.yaml"
    path.write_text(PAUSE_AND_STOP)
    assert room.run("chaos", "run", str(path)) == 1
    told = room.err.getvalue()
    assert told.startswith(f"E-STATE-FOLDER: The folder {place} cannot be used\n  why:  ")
    assert "\n  next: Make room or set CHAOS_ECS_HOME" in told
    assert room.simulation.state.faults == {}
    nothing_is_left(room)
    assert room.run("chaos", "run", str(path), "--dry-run") == 0  # which keeps nothing


def test_what_was_measured_is_told_also_when_its_journal_cannot_be_written_any_more(room: SimRoom) -> None:
    def when_it_hurts() -> None:
        if room.simulation.engine.hurts:
            room.controller.on_look = lambda: None
            a_file_in_the_way(room)

    room.controller.on_look = when_it_hurts
    assert run(room, PAUSE_AND_STOP) == 0
    assert "PASSED Lose one of three" in room.out.getvalue()
    assert f"The folder {room.home / 'journals'} cannot be used" in room.err.getvalue()


def test_a_run_that_is_refused_leaves_no_journal(room: SimRoom) -> None:
    with pytest.raises(ChaosEcsError):
        run(room, PAUSE_AND_STOP.replace("PT4S", "soon"))
    assert list((room.home / "journals").iterdir()) == []


def test_the_result_as_json_is_one_object(tmp_path: Path) -> None:
    room = SimRoom(tmp_path / "home", json=True)
    assert run(room, PAUSE_AND_STOP) == 0
    told = json.loads(room.out.getvalue())
    assert (told["v"], told["type"], told["verdict"]) == (1, "EXPERIMENT", "passed")
    assert told["journal"].endswith("experiment-1.json")
    room.close()


def test_export_prints_the_template_on_stdout_and_warns_on_stderr(room: SimRoom) -> None:
    path = room.home.parent / "lab.yaml"
    path.write_text(PAUSE_AND_STOP)
    assert room.run("chaos", "export", str(path)) == 0
    assert "x-chaos-ecs" not in json.loads(room.out.getvalue())
    assert "note: action slow: AWS does not know chaos-ecs:task-pause" in room.err.getvalue()


# --- the view ---


def test_the_panel_has_a_row_for_the_experiment_and_no_more_rows_than_others(room: SimRoom) -> None:
    file = of_text(PAUSE_AND_STOP, "lab.yaml", "my-cluster")
    view = ExperimentView(file, fake.CLUSTER)
    state = fake.a_state(services=[fake.a_service()], tasks=[fake.a_task(f"a{n:05x}", "web") for n in range(12)])
    snapshot = Snapshot.of(state)
    frame = Frame(60, 24, UNICODE, snapshot.at, fake.AT)
    assert view.panel(snapshot, frame)[1] == " experiment  begins"
    slow = {"actionId": "chaos-ecs:task-pause", "parameters": {"duration": "PT4S"}, "startTime": snapshot.at - 2}
    view.told = {
        "state": {"status": "running"},
        "actions": {
            "slow": {**slow, "state": {"status": "running"}},
            "lose": {"actionId": "aws:ecs:stop-task", "state": {"status": "pending"}},
        },
    }
    rows = view.panel(snapshot, frame)
    assert rows[1] == " experiment  running   slow running 2s of 4s   lose pending"
    assert len(rows) <= 12
    assert "Ctrl-C stops the experiment and undoes it" in rows[-1]


def test_the_lines_tell_actions_and_the_end_among_the_others() -> None:
    told = lines_of(
        [
            fake.event("EXPERIMENT_STARTED", message="experiment EXP1: Lose one"),
            fake.event("EXPERIMENT_ACTION", action="slow", status="running", message="action slow of EXP1 begins"),
            fake.event("TASK_RUNNING", service="web", task="7f3a9c"),
            fake.event(
                "EXPERIMENT_ACTION", action="slow", status="failed", message="action slow of EXP1 is failed: no"
            ),
            fake.event("EXPERIMENT_ENDED", status="completed", reason="Experiment completed."),
        ]
    )
    assert [(line.word, line.detail) for line in told] == [
        ("EXPERIMENT", "EXP1: Lose one"),
        ("ACTION", "slow begins"),
        ("RUNNING", ""),
        ("ACTION", "slow failed: no"),
        ("EXPERIMENT", "completed"),
    ]
