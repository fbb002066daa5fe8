"""`chaos run` and `chaos replay` on simulated controllers: victims, journals, the control, skipped ticks, the views."""

from __future__ import annotations

import io
import json
import stat
from pathlib import Path
from typing import Any

import pytest

from chaos_ecs.cli import refusals
from chaos_ecs.cli.chaos import run
from chaos_ecs.cli.chaos.replay import compared, rows
from chaos_ecs.cli.chaos.score import Plan, Score, Skip, Strike, Victim
from chaos_ecs.errors import ChaosEcsError
from tests.unit.api_harness import CLUSTER
from tests.unit.fake_controller import Answer, FakeController, Keys, Terminal, a_service, a_state
from tests.unit.run_room import Room

SERVICE = "arn:aws:ecs:us-east-1:123456789012:service/my-cluster/web"


def places(result: Answer) -> list[tuple[int, int]]:
    return [(victim["position"], victim["of"]) for kill in result["kills"] for victim in kill["victims"]]


# --- the same seed ---


def test_the_same_seed_hits_the_same_victims_in_the_same_order_in_every_room(tmp_path: Path) -> None:
    first, second = (Room(tmp_path / str(seed), seed=seed).ran(lasts=34.0) for seed in (1, 2))
    assert places(first) == places(second)
    assert len(places(first)) == 8
    assert {of for _, of in places(first)} == {3}
    ids = [[kill["victims"][0]["task"] for kill in result["kills"]] for result in (first, second)]
    assert ids[0] != ids[1]
    assert places(Room(tmp_path / "3").ran(lasts=34.0, seed=43)) != places(first)


def test_a_run_kills_at_its_ticks_and_every_kill_is_made_good(tmp_path: Path) -> None:
    room = Room(tmp_path)
    result = room.ran(seed=7)
    assert [(kill["due"], kill["at"]) for kill in result["kills"]] == [(4, 4), (8, 8), (12, 12)]
    assert all(0 < kill["seconds"] < 3 and len(kill["replacements"]) == 1 for kill in result["kills"])
    assert (result["recovered"], result["slo"], result["exitCode"], result["skipped"]) == (True, None, 0, [])
    assert result["weakest"]["healthy"] == 2
    injected = [members for operation, members in room.controller.calls if operation == "InjectFault"]
    assert [members["seed"] for members in injected[1:]] == [Plan("web", seed=7).seed_of(tick) for tick in (1, 2, 3)]
    assert all((members["name"], members["count"]) == ("kill", 1) for members in injected)


def test_several_at_a_time_and_another_fault_with_its_parameters(tmp_path: Path) -> None:
    room = Room(tmp_path, desired=4)
    two = room.ran(count=2)
    assert [len(kill["victims"]) for kill in two["kills"]] == [2, 2, 2]
    paused = room.ran(fault="pause", parameters={"duration": "1s"})
    assert all(kill["seconds"] >= 1 and kill["replacements"] == [] for kill in paused["kills"])
    assert (paused["fault"], paused["parameters"], paused["exitCode"]) == ("pause", {"duration": "1s"}, 0)


def test_a_fault_that_goes_on_is_undone_at_the_end(tmp_path: Path) -> None:
    room = Room(tmp_path)
    assert room.ran(every=9.0, lasts=12.0, fault="pause")["recovered"]
    assert room.controller.own("DescribeFaults")["faults"] == []
    assert "UndoFaults" in [operation for operation, _ in room.controller.calls]


def test_a_dry_run_tells_who_would_be_hit_and_hits_nobody(tmp_path: Path) -> None:
    room = Room(tmp_path)
    assert room.terminal.run("chaos", "run", "web", "--every", "4s", "--for", "14s", "--seed", "42", "--dry-run") == 0
    rows = room.out.splitlines()
    assert "For real: chaos-ecs chaos run web --every 4s --for 14s --seed 42" in room.err
    assert room.controller.standalone() == []
    assert not (tmp_path / "journals").exists()
    hit = places(room.ran())
    due = ("04.0s", "08.0s", "12.0s")
    expected = zip(due, hit, strict=True)
    assert rows == [f"{i:>3} {at}  kill task {p} of {of} by age" for i, (at, (p, of)) in enumerate(expected, 1)]


# --- what others do ---


def test_a_kill_of_somebody_else_is_told_as_none_of_the_runs(tmp_path: Path) -> None:
    room = Room(tmp_path, terminal=True, dumb=True, columns=lambda: 120)
    controller, killed = room.controller, list[str]()
    began_at = controller.now()

    def somebody() -> None:
        if controller.now() > began_at + 6 and not killed:
            killed.append(controller.own("KillTasks", cluster=CLUSTER, service=SERVICE, count=1)["victims"][0])

    controller.after_step = somebody
    assert room.runs() == 0
    assert room.out.count("not this run's: somebody else killed it") == 1
    assert room.out.count("the control: a standalone task") == 1
    assert " others     1 more death was not this run's: see chaos-ecs events" in room.out
    assert room.journal()["x-chaos-ecs"]["otherDeaths"] == 1


# --- the control ---


def test_the_control_is_killed_with_the_first_kill_and_never_replaced(tmp_path: Path) -> None:
    room = Room(tmp_path)
    result = room.ran()
    (task,) = room.controller.standalone()
    assert (task.started_by, task.group, task.is_stopped) == ("chaos-run", "chaos-run:1", True)
    assert (result["control"]["task"], result["control"]["replacements"]) == (task.arn, 0)
    assert result["control"]["killedAt"] == 4
    assert task.task_definition_arn.endswith(":task-definition/web-server:1")


def test_without_a_control_no_task_is_started(tmp_path: Path) -> None:
    room = Room(tmp_path)
    assert room.ran(control=False)["control"] is None
    assert room.controller.standalone() == []


def test_a_control_that_somebody_replaces_is_exit_code_1_and_said_loudly(tmp_path: Path) -> None:
    room = Room(tmp_path)
    controller = room.controller

    def somebody() -> None:
        dead = [task for task in controller.standalone() if task.is_stopped]
        if dead and len(controller.standalone()) == 1:
            controller.ecs("RunTask", cluster=CLUSTER, taskDefinition="web-server", group=dead[0].group)

    controller.after_step = somebody
    assert room.runs() == 1
    assert "REPLACED 1 time: A BUG OF CHAOS-ECS" in room.out
    assert "exit code 1: THE CONTROL WAS REPLACED" in room.out


def test_a_control_that_ends_by_itself_is_none(tmp_path: Path) -> None:
    room = Room(tmp_path)
    controller = room.controller

    def end_it() -> None:
        for task in controller.standalone():
            if task.is_running:
                controller.ecs("StopTask", cluster=CLUSTER, task=task.arn)

    controller.after_step = end_it
    with pytest.raises(ChaosEcsError, match="cannot be had"):
        room.runs()
    controller.after_step = lambda: None
    began_at = controller.now()
    controller.after_step = lambda: end_it() if controller.now() > began_at + 2 else None
    assert room.ran()["control"] is None
    assert "CONTROL web there is none in this run: " in room.err


# --- what is refused, skipped, not recovered ---


def test_a_tick_that_would_take_the_last_healthy_task_is_skipped_and_is_no_error(tmp_path: Path) -> None:
    room = Room(tmp_path, desired=2)
    room.controller.own("InjectFault", cluster=CLUSTER, name="agent-disconnect", parameters={"duration": "20s"})
    result = room.ran(control=False)
    assert [kill["tick"] for kill in result["kills"]] == [1]
    assert [item["tick"] for item in result["skipped"]] == [2, 3]
    assert "its last healthy task" in result["skipped"][0]["reason"]
    assert "SKIPPED web Service web would lose its last healthy task" in room.err
    assert "WAITING web until web is whole again, at most 1m00s" in room.err
    assert (result["recovered"], result["exitCode"]) == (True, 0)
    assert result["kills"][0]["seconds"] > 10


def test_a_tick_at_which_the_controller_is_too_busy_is_skipped(tmp_path: Path) -> None:
    room = Room(tmp_path)
    asked = room.controller.own
    busy = [refusals.of("InjectFault", 503, b'{"__type": "ServiceUnavailableException", "message": "No answer."}')]

    def sometimes(operation: str, **members: Any) -> Answer:
        if operation == "InjectFault" and not members.get("dryRun") and busy:
            raise busy.pop()
        return asked(operation, **members)

    room.controller.own = sometimes  # type: ignore[method-assign]
    result = room.ran(control=False)
    assert (len(result["kills"]), [item["reason"] for item in result["skipped"]]) == (2, ["No answer."])


def test_with_force_the_last_healthy_task_is_hit_too(tmp_path: Path) -> None:
    result = Room(tmp_path, desired=1).ran(force=True)
    assert len(result["kills"]) == 3
    assert result["weakest"]["healthy"] == 0


def test_a_service_that_is_not_whole_after_a_minute_is_exit_code_1(tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.controller.own("InjectFault", cluster=CLUSTER, name="agent-disconnect", parameters={"duration": "10m"})
    result = room.ran(every=4.0, lasts=6.0, control=False)
    assert (result["recovered"], result["kills"][0]["wholeAt"], result["exitCode"]) == (False, None, 1)
    assert result["lastedSeconds"] == pytest.approx(66, abs=1)
    journal = room.journal()
    assert (journal["status"], journal["deviated"]) == ("failed", True)
    assert journal["steady_states"]["after"]["steady_state_met"] is False


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("nothere",), 3, "Service not found"),
        (("web", "--fault", "no-such"), 3, "There is no fault no-such"),
        (("web", "--seed", "-1"), 2, "'--seed'"),
        (("web", "--seed", str(2**31)), 2, "'--seed'"),
        (("web", "--fault", "pause", "--set", "speed=1"), 2, "pause has no parameter speed"),
        (("web", "--fault", "agent-disconnect"), 2, "hits no tasks"),
        (("web", "--slo", "99.9"), 2, "A goal of 99.9% cannot be measured"),
        (("web", "--set", "duration"), 2, "is not NAME=VALUE"),
        (("web", "--every", "5s", "--for", "5s"), 2, "it must be shorter than --for"),
        (("web", "--every", "0s"), 2, "it must be shorter than --for"),
        (("web", "--every", "0.001s"), 2, "more than 2,000 times"),
    ],
)
def test_what_would_fail_at_every_tick_is_refused_before_anything_begins(
    tmp_path: Path, words: tuple[str, ...], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    room = Room(tmp_path)
    assert room.terminal.run("chaos", "run", *words) == code
    assert said in " ".join((room.err + capsys.readouterr().err).split())
    assert room.controller.standalone() == []
    assert not (tmp_path / "journals").exists()


@pytest.mark.parametrize(("desired", "code", "said"), [(1, 5, "say --force"), (0, 1, "desires no task")])
def test_a_service_with_nothing_to_spare_is_refused_before_anything_begins(
    tmp_path: Path, desired: int, code: int, said: str
) -> None:
    room = Room(tmp_path, desired=desired)
    assert room.terminal.run("chaos", "run", "web") == code
    assert said in room.err
    assert "InjectFault" not in room.err
    assert desired == 0 or "ConflictException: kill on web was refused\n" in room.err
    assert room.controller.standalone() == []


def test_a_service_that_is_not_steady_yet_is_waited_for_and_that_is_said(tmp_path: Path) -> None:
    room = Room(tmp_path, steady=False)
    result = room.ran()
    assert "waiting for the steady state of web, at most 1m00s" in room.err
    assert result["healthy"][0] == [0, 3]


def test_a_control_that_cannot_run_leaves_neither_a_task_nor_a_journal(tmp_path: Path) -> None:
    room = Room(tmp_path)
    asked = room.controller.ecs

    def without_run_task(operation: str, **members: Any) -> Answer:
        if operation == "RunTask":
            return {"tasks": [], "failures": [{"reason": "RESOURCE:MEMORY"}]}
        return asked(operation, **members)

    room.controller.ecs = without_run_task  # type: ignore[method-assign]
    with pytest.raises(ChaosEcsError, match="RESOURCE:MEMORY"):
        room.runs()
    assert list((tmp_path / "journals").iterdir()) == []


def test_ticks_that_a_run_was_too_late_for_are_not_made_up_for(tmp_path: Path) -> None:
    room = Room(tmp_path)
    held_up: list[float] = []

    def hold_up() -> None:
        if room.controller.now() > began_at + 5 and not held_up:
            held_up.append(9.0)
            room.controller.api.simulation.advance(9)

    began_at = room.controller.now()
    room.controller.after_step = hold_up
    result = room.ran(lasts=18.0, control=False)
    assert [kill["tick"] for kill in result["kills"]] == [1, 3, 4]
    assert result["skipped"] == [{"tick": 2, "due": 8, "reason": "the run was held up for 6.2s"}]


# --- the journal ---


def test_a_journal_is_written_for_the_user_alone_and_its_path_is_told(tmp_path: Path) -> None:
    room = Room(tmp_path)
    assert room.runs() == 0
    path = tmp_path / "journals" / "run-1.json"
    assert f"journal: {path}" in room.err
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [item.name for item in path.parent.iterdir()] == ["run-1.json"]
    again = room.ran()
    assert (again["run"], again["journal"]) == (2, str(path.with_name("run-2.json")))


def test_a_journal_that_could_not_be_kept_is_said_before_anything_is_done(tmp_path: Path) -> None:
    room = Room(tmp_path)
    (tmp_path / "journals").write_text("a file is in the way")
    assert room.terminal.run("chaos", "run", "web") == 1
    assert f"E-STATE-FOLDER: The folder {tmp_path / 'journals'} cannot be used\n  why:  " in room.err
    assert "\n  next: Make room or set CHAOS_ECS_HOME" in room.err
    assert room.controller.standalone() == []
    assert not any(members.get("dryRun") is None for name, members in room.controller.calls if name == "InjectFault")


def test_a_journal_has_what_chaos_toolkits_report_reads(tmp_path: Path) -> None:
    """The members that chaostoolkit-reporting 0.18 touches, which made a report of such a journal."""
    room = Room(tmp_path)
    result = room.ran(seed=5)
    journal = room.journal()
    assert (journal["status"], journal["deviated"], journal["chaoslib-version"]) == ("completed", False, "1.44.0")
    experiment = journal["experiment"]
    assert {"title", "description", "tags", "contributions", "method"} <= experiment.keys()
    assert all({"type", "name", "provider"} <= activity.keys() for activity in experiment["method"])
    assert len({activity["name"] for activity in experiment["method"]}) == 3
    assert {"platform", "node", "start", "end", "duration"} <= journal.keys()
    assert experiment["steady-state-hypothesis"]["title"] == "web has 3 healthy tasks"
    for when in ("before", "after"):
        (probe,) = journal["steady_states"][when]["probes"]
        assert journal["steady_states"][when]["steady_state_met"] is True
        assert (probe["activity"]["name"], probe["tolerance_met"]) == ("healthy tasks", True)
        assert probe["activity"]["tolerance"]["pattern"] == '"runningCount": 3,'
    assert len(journal["run"]) == len(experiment["method"]) == 3
    for item, kill in zip(journal["run"], result["kills"], strict=True):
        assert (item["status"], item["activity"]["type"]) == ("succeeded", "action")
        provider = item["activity"]["provider"]
        seed = Plan("web", seed=5).seed_of(kill["tick"])
        assert (provider["type"], provider["path"]) == ("process", "chaos-ecs")
        assert provider["arguments"] == f"--cluster my-cluster chaos inject kill web --seed {seed} --yes"
        assert item["duration"] == pytest.approx(kill["seconds"], abs=0.01)
        assert item["start"] < item["end"]
        assert "output" in item
    assert Score.of(journal["x-chaos-ecs"]).plan.seed == 5


def test_a_journal_on_the_way_counts_as_interrupted(tmp_path: Path) -> None:
    room = Room(tmp_path)
    kept: list[Answer] = []

    def look() -> None:
        path = tmp_path / "journals" / "run-1.json"
        if path.exists() and path.stat().st_size:
            kept.append(room.journal())

    room.controller.after_step = look
    room.runs()
    assert {journal["status"] for journal in kept} == {"interrupted"}
    assert max(len(journal["run"]) for journal in kept) == 3


def test_a_controller_that_breaks_down_ends_the_run_and_the_journal_tells_what_was(tmp_path: Path) -> None:
    room = Room(tmp_path)
    asked, hits = room.controller.own, []

    def breaking(operation: str, **members: Any) -> Answer:
        if operation == "InjectFault" and "dryRun" not in members:
            hits.append(members)
        if len(hits) == 2:
            raise refusals.of(operation, 500, b'{"__type": "ServerException", "message": "a bug"}')
        return asked(operation, **members)

    room.controller.own = breaking  # type: ignore[method-assign]
    with pytest.raises(ChaosEcsError, match="a bug"):
        room.runs()
    assert (room.journal()["status"], len(room.journal()["run"])) == ("aborted", 1)


# --- leaving early ---


def test_q_stops_the_run_with_its_summary_its_journal_and_exit_code_130(tmp_path: Path) -> None:
    room = Room(tmp_path, terminal=True, dumb=True, columns=lambda: 80, keyboard=Keys("?q"))
    assert room.runs() == 130
    assert "q      stop the run, as Ctrl-C does" in room.out
    assert "(stopped early)" in room.out
    assert "exit code 130: stopped early, after 0.25s of 14s" in room.out
    assert room.journal()["status"] == "interrupted"
    (control,) = room.controller.standalone()
    assert control.desired_status == "STOPPED", "a control that was not killed is stopped"


# --- views ---


def test_a_pipe_gets_one_line_an_event_and_the_score_as_the_result(tmp_path: Path) -> None:
    room = Room(tmp_path)
    assert room.runs() == 0
    assert "3 kills on web, one every 4s for 14s, seed 42; Ctrl-C stops the run" in room.err
    assert "no client: the controller is simulated, so nobody answers requests" in room.err
    assert room.err.count(" KILLED service=web") == room.err.count(" RECOVERED service=web") == 3
    assert "FAULT_" not in room.err
    shown = room.out.splitlines()
    assert shown[0] == " CHAOS RUN 1   web desired 3   kill   14.0s, every 4s"
    assert sum(row.endswith("s") and "###" in row for row in shown) == 3
    assert shown[-1] == "exit code 0: web is whole again"


def test_a_screen_reader_gets_sentences_only(tmp_path: Path) -> None:
    room = Room(tmp_path, terminal=True, accessible=True, columns=lambda: 200)
    assert room.runs() == 0
    assert "you killed task" in room.terminal.both
    assert "is whole again. Recovery took" in room.terminal.both
    assert "3 kills, one every 4.0 seconds, 3 replaced." in room.out
    assert "###" not in room.terminal.both
    assert "─" not in room.terminal.both


class Utf8(io.StringIO):
    encoding = "utf-8"


@pytest.mark.parametrize("is_ascii", [False, True])
def test_a_terminal_gets_the_scoreboard_below_the_kills(tmp_path: Path, is_ascii: bool) -> None:
    room = Room(tmp_path, terminal=True, columns=lambda: 80, keyboard=Keys(""), ascii=is_ascii)
    room.shell.out = room.terminal.out = Utf8()
    assert room.runs() == 0
    assert all(
        text in room.out
        for text in (
            "CHAOS RUN 1   web desired 3",
            "q stops",
            "replaced: NEVER",
            "kill 1: task ",
            "of 3 by age",
            "the control",
        )
    )
    assert "RECOVERED IN" in room.out
    assert room.out.isascii() is is_ascii


# --- files ---


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("web", False),
        ("experiment.yaml", True),
        ("a.yml", True),
        ("x.json", True),
        ("arn:aws:ecs:x/web", False),
        ("lose-one", True),
    ],
)
def test_a_service_and_an_experiment_are_told_apart(target: str, expected: bool) -> None:
    assert run.is_file(target) is expected


def test_a_file_of_any_name_is_meant_where_it_is_there(tmp_path: Path) -> None:
    (tmp_path / "experiment").write_text("")
    assert run.is_file(str(tmp_path / "experiment"))
    assert not run.is_file(str(tmp_path / "other"))
    assert not run.is_file(str(tmp_path))


# --- replay ---


def test_a_journal_replays_the_same_victims_in_the_same_order(tmp_path: Path) -> None:
    room = Room(tmp_path)
    first = room.ran()
    assert room.replays(1) == 0
    again = json.loads(room.out.splitlines()[-1])
    assert again["replay"] == {"of": first["journal"], "same": 3, "ticks": 3, "differences": []}
    assert (again["run"], again["seed"], places(again)) == (2, 42, places(first))
    room.shell.json = False
    assert room.replays(1) == 0
    assert room.out.endswith("same victims in the same order: 3 of 3\n")
    assert "replaying run-1.json: chaos-ecs chaos run web --every 4s --for 14s --seed 42" in room.err


def test_a_run_of_another_cluster_replays_there(tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.controller.ecs("CreateCluster", clusterName="lab")
    room.controller.ecs("CreateService", cluster="lab", serviceName="web", taskDefinition="web-server", desiredCount=3)
    room.controller.advance(10)
    room.shell.cluster = "lab"
    assert room.ran(service="arn:aws:ecs:us-east-1:123456789012:service/lab/web")["service"] == "web"
    room.shell.cluster = ""
    assert room.replays(1) == 0
    journal = room.journal(2)
    assert journal["x-chaos-ecs"]["cluster"] == "lab"
    assert all(":task/lab/" in kill["victims"][0]["task"] for kill in journal["x-chaos-ecs"]["kills"])


def test_a_replay_that_hits_others_is_exit_code_1_and_says_where(tmp_path: Path) -> None:
    room = Room(tmp_path)
    assert room.runs() == 0
    path, journal = tmp_path / "journals" / "run-1.json", room.journal()
    position = journal["x-chaos-ecs"]["kills"][1]["victims"][0]["position"]
    journal["x-chaos-ecs"]["kills"][1]["victims"][0]["position"] = position % 3 + 1
    path.write_text(json.dumps(journal))
    assert room.replays(1) == 1
    assert "NOT the same victims in the same order: 2 of 3 are the same" in room.out
    assert f"  tick 2: task {position % 3 + 1}/3 then, task {position}/3 now" in room.out


def a_score(*positions: int | None, interrupted: bool = False) -> Score:
    """A tick each; None was skipped."""
    strikes = tuple(
        Strike(tick, tick, tick, tick, "f", (Victim("t", position, 3),))
        for tick, position in enumerate(positions, 1)
        if position
    )
    skips = tuple(Skip(tick, tick, "") for tick, position in enumerate(positions, 1) if not position)
    return Score(Plan("web"), 1, 3, 60.0, strikes, skips, interrupted=interrupted)


def test_runs_are_compared_tick_by_tick() -> None:
    assert compared(a_score(1, 2, None), a_score(1, 2, None)).is_same
    assert rows(compared(a_score(1, 2), a_score(1, None))) == [
        "NOT the same victims in the same order: 1 of 2 are the same",
        "  tick 2: task 2/3 then, nobody now",
    ]
    assert not compared(a_score(1, None), a_score(1, 3)).is_same
    stopped = compared(a_score(1, 2, 3), a_score(1, 2, interrupted=True))
    assert (stopped.is_same, stopped.same, stopped.ticks) == (True, 2, 2)
    many = rows(compared(a_score(*[1] * 20), a_score(*[2] * 20)))
    assert (len(many), many[-1]) == (12, "  and 10 more")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "it is no JSON"),
        ("[]", "it has no member experiment"),
        ('{"experiment": {}}', "it is no journal of a chaos run"),
        ('{"experiment": {}, "x-chaos-ecs": {"kind": "run"}}', "it is no journal of a chaos run"),
    ],
)
def test_what_is_no_journal_of_a_run_is_not_replayed(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "journal.json").write_text(text)
    terminal = Terminal(FakeController(a_state(services=[a_service()])))
    terminal.shell.environment = {"CHAOS_ECS_HOME": str(tmp_path)}
    assert terminal.run("chaos", "replay", str(tmp_path / "journal.json")) == 2
    assert said in terminal.err.getvalue()
