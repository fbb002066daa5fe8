"""`chaos-ecs chaos status`, `undo` and `faults`; what panel, overview, log and refusals say of faults."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import typer.main

from chaos_ecs.chaos import catalogue
from chaos_ecs.cli import completion, panel, refusals, sentences
from chaos_ecs.cli.app import app
from chaos_ecs.cli.chaos import fault_catalogue
from chaos_ecs.cli.snapshot import Snapshot
from chaos_ecs.cli.symbols import UNICODE
from tests.unit.fake_controller import (
    AT,
    CLUSTER,
    Answer,
    FakeController,
    Terminal,
    a_fault,
    a_service,
    a_state,
    a_task,
    a_victim,
    event,
    over,
    task_arn,
)
from tests.unit.sim_room import SimRoom
from tests.unit.test_cli_faults import ID, TWO, WEB_TASKS, holds, in_a_hurry, talk_of
from tests.unit.test_cli_log import shown

# --- status ---


def a_record(*faults: Answer) -> FakeController:
    """A controller that knows these faults; those that are not over are in its state."""
    controller = FakeController(a_state(services=[a_service()], tasks=WEB_TASKS))
    holds(controller, *(fault for fault in faults if not fault["endedAt"]))

    def describe(members: Answer) -> Answer:
        found = [fault for fault in faults if fault["fault"] in (members.get("faults") or ())]
        return {"faults": found or [fault for fault in faults if members.get("all") or not fault["endedAt"]]}

    controller.answers["DescribeFaults"] = describe
    return controller


OLDER = over(a_fault(a_victim("e41b07", "web", proof="exit 137"), fault="flt-aa00000000", name="kill"))


def test_status_is_one_row_a_fault_in_a_pipe() -> None:
    terminal = Terminal(a_record(a_fault(*TWO), OLDER))
    assert terminal.run("chaos", "status") == 0
    assert terminal.out.getvalue() == (
        "FAULT           NAME   STATUS  LEFT  VICTIMS         PROOF\n"
        f"{ID}  pause  ACTIVE  30s   2 tasks of web  7f3a9c c9d550 of web: no answer within 1 s (before: 2 ms)\n"
    )
    assert "chaos-ecs chaos undo --all" in terminal.err.getvalue()
    terminal = Terminal(a_record(a_fault(*TWO), OLDER))
    terminal.run("chaos", "status", "--all")
    assert [row.split()[2] for row in terminal.out.getvalue().splitlines()] == ["STATUS", "ACTIVE", "COMPLETED"]


def test_all_faults_are_told_with_their_time_the_newest_first_and_no_more_than_asked_for() -> None:
    many = [over(a_fault(fault=f"flt-{n:010x}", createdAt=AT + 30 - 50.0 * n)) for n in range(25)]
    many.append(over(a_fault(fault="flt-days", createdAt=AT - 2.5 * 86400)))

    def told(*words: str) -> Terminal:
        terminal = Terminal(a_record(*reversed(many)))
        assert terminal.run("chaos", "status", "--all", *words) == 0
        return terminal

    short = told()
    head, *rows = short.out.getvalue().splitlines()
    assert head.split() == ["FAULT", "NAME", "STATUS", "WHEN", "LEFT", "VICTIMS", "PROOF"]
    assert [row.split()[0] for row in rows] == [fault["fault"] for fault in many[:20]]
    assert [" ".join(row.split()[3:5]) for row in rows[:3]] == ["30s ago", "1m ago", "2m ago"]
    assert "and 6 older ones: chaos-ecs chaos status --all --limit 26" in short.err.getvalue()
    everything = told("--limit", "26").out.getvalue().splitlines()
    assert (len(everything), everything[-1].split()[3]) == (27, "2d")
    assert len(json.loads(told("--json").out.getvalue())["faults"]) == 26
    assert len(json.loads(told("--limit", "3", "--json").out.getvalue())["faults"]) == 3


@pytest.mark.parametrize("width", [60, 80, 100])
def test_in_a_terminal_whom_it_hits_and_its_proof_stand_below_its_row(width: int) -> None:
    long = a_fault(a_victim("7f3a9c", "web"), name="network-blackhole-port", status="INJECTING")
    terminal = Terminal(a_record(long), terminal=True, dumb=True, columns=lambda: width)
    assert terminal.run("chaos", "status") == 0
    assert terminal.out.getvalue().startswith(
        "FAULT           NAME                    STATUS     LEFT\n"
        f"{ID}  network-blackhole-port  INJECTING  30s\n"
        "    7f3a9c of web: no answer within 1 s (before: 2 ms)\n"
    )
    assert max(map(len, terminal.both.splitlines())) <= width


def test_status_without_faults_says_so_with_a_next_command() -> None:
    for words, said in (((), "No fault is open"), (("--all",), "No fault was injected yet")):
        terminal = Terminal(a_record())
        assert terminal.run("chaos", "status", *words) == 0
        assert terminal.out.getvalue() == ""
        assert said in terminal.err.getvalue()
        assert "Try: chaos-ecs chaos inject pause web" in terminal.err.getvalue()


def test_status_of_one_fault_tells_all_of_it_by_the_beginning_of_its_id() -> None:
    stuck = a_victim("c9d550", "web", status="UNDOING", trouble="the engine does not answer")
    controller = a_record(a_fault(TWO[0], stuck, status="UNDOING", seed=42), OLDER)
    for text in ("12ab", "flt-12", ID):
        terminal = Terminal(controller)
        assert terminal.run("chaos", "status", text) == 0
        told = terminal.out.getvalue()
        assert told.startswith(f"{ID} pause UNDOING on 7f3a9c c9d550 of web, 30s left\n")
        assert "  FIS id    chaos-ecs:task-pause\n" in told
        assert "  given     duration=PT30S\n" in told
        assert "  victim    7f3a9c app ACTIVE: no answer within 1 s (before: 2 ms)\n" in told
        assert "c9d550 app UNDOING" in told
        assert "STUCK: the engine does not answer" in told
    terminal = Terminal(controller)
    terminal.run("chaos", "status", "--json")
    assert [item["fault"] for item in json.loads(terminal.out.getvalue())["faults"]] == [ID]


@pytest.mark.parametrize("command", ["status", "undo"])
def test_an_id_that_fits_none_or_several_is_told_with_those_there_are(command: str) -> None:
    controller = a_record(a_fault(TWO[0]), a_fault(TWO[1], fault="flt-12ffffffff"))
    terminal = Terminal(controller)
    assert terminal.run("chaos", command, "99") == 3
    assert f"open faults: {ID}, flt-12ffffffff" in terminal.err.getvalue()
    assert "next: chaos-ecs chaos status --all" in terminal.err.getvalue()
    terminal = Terminal(controller)
    assert terminal.run("chaos", command, "12") == 2
    assert "12 fits 2 faults" in terminal.err.getvalue()


def test_a_sealed_fault_is_told_without_what_it_is() -> None:
    sealed = {"fault": ID, "name": "sealed", "status": "ACTIVE", "createdAt": AT, "victims": []}
    controller = a_record()
    holds(controller, sealed)
    controller.answers["DescribeFaults"] = {"faults": [sealed]}
    terminal = Terminal(controller)
    assert terminal.run("chaos", "status", ID) == 0
    assert terminal.out.getvalue().startswith(f"{ID} sealed ACTIVE\n")
    assert panel_row(controller.state, 80) == f" faults  sealed {ID}  ACTIVE"


# --- undo ---


def undoing(controller: FakeController, *faults: Answer) -> None:
    """UndoFaults ends these at once."""

    def undo(members: Answer) -> Answer:
        holds(controller)
        ended = [over(fault) for fault in faults]
        controller.answers["DescribeFaults"] = {"faults": ended}
        controller.tell(event("FAULT_UNDONE", number=5, fault=ID, name="pause", proof="it answers again", lasted=9.0))
        return {"faults": members.get("faults") or [fault["fault"] for fault in faults]}

    controller.answers["UndoFaults"] = undo


@pytest.mark.parametrize(("words", "asked"), [(("--all",), {"all": True}), (("12ab",), {"faults": [ID]})])
def test_undo_ends_them_and_waits_until_nothing_is_left(words: tuple[str, ...], asked: Answer) -> None:
    fault = a_fault(*TWO)
    controller = a_record(fault)
    undoing(controller, fault)
    terminal = Terminal(controller)
    assert terminal.run("chaos", "undo", *words) == 0
    assert ("UndoFaults", asked) in controller.calls
    assert terminal.out.getvalue() == f"{ID} pause on 2 tasks of web is over, nothing of it is left\n"
    assert f"waiting for the end of {ID}, at most 1m00s" in terminal.err.getvalue()
    assert "FAULT_UNDONE" in terminal.err.getvalue()


def test_undo_all_with_nothing_open_is_done_already() -> None:
    controller = a_record(OLDER)
    controller.answers["UndoFaults"] = {"faults": []}
    terminal = Terminal(controller)
    assert terminal.run("chaos", "undo", "--all") == 0
    assert terminal.err.getvalue() == "no fault is open: there is nothing to undo\n"
    terminal = Terminal(controller)
    assert terminal.run("chaos", "undo", "--all", "--json") == 0
    assert json.loads(terminal.out.getvalue())["faults"] == []


def test_undo_all_means_those_that_are_open_when_it_is_asked_for(tmp_path: Path) -> None:
    """Even one that begins between the first look and the request."""
    room = SimRoom(tmp_path / "home")
    began = []

    def begin() -> None:
        room.controller.on_look = lambda: None
        began.append(room.controller.own("InjectFault", cluster="my-cluster", name="pause", service="web")["fault"])

    room.controller.on_look = begin
    assert room.run("chaos", "undo", "--all") == 0
    assert f"{began[0]} pause on 1 task of web is over, nothing of it is left" in room.out.getvalue()
    assert room.simulation.engine.hurts == {}
    assert room.run("chaos", "undo", "--all") == 0
    assert "no fault is open: there is nothing to undo" in room.err.getvalue()
    room.close()


def test_what_begins_while_others_are_undone_is_told() -> None:
    fault, later = a_fault(*TWO), a_fault(*TWO, fault="flt-bb00000000")
    controller = a_record(fault)
    undoing(controller, fault)
    ended = controller.answers["UndoFaults"]
    assert callable(ended)

    def undo(members: Answer) -> Answer:
        answer = ended(members)
        controller.answers["DescribeFaults"] = lambda asked: {"faults": [over(fault) if asked.get("faults") else later]}
        return answer

    controller.answers["UndoFaults"] = undo
    terminal = Terminal(controller)
    assert terminal.run("chaos", "undo", "--all") == 0
    assert "begun in the meantime: flt-bb00000000   |   chaos-ecs chaos undo --all" in terminal.err.getvalue()


def test_a_fault_that_is_over_needs_no_undoing() -> None:
    terminal = Terminal(a_record(OLDER))
    assert terminal.run("chaos", "undo", "aa00") == 0
    assert terminal.out.getvalue() == "flt-aa00000000 kill on 1 task of web is over, nothing of it is left\n"


def test_what_cannot_be_undone_is_exit_code_1_with_what_is_in_the_way() -> None:
    stuck = a_fault(a_victim("7f3a9c", "web", status="UNDOING", trouble="no answer from Docker"), status="UNDOING")
    controller = a_record(stuck)
    controller.answers["UndoFaults"] = {"faults": [ID]}
    terminal = Terminal(controller, monotonic=in_a_hurry())
    assert terminal.run("chaos", "undo", "--all") == 1
    assert terminal.err.getvalue().endswith(
        "E-STUCK: A fault cannot be undone yet\n"
        f"  why:  {ID} pause: no answer from Docker\n"
        f"  next: chaos-ecs chaos undo {ID} (it is also tried again by itself)\n"
    )


def test_undo_names_faults_or_says_all(capsys: pytest.CaptureFixture[str]) -> None:
    for words in ((), ("12ab", "--all")):
        assert Terminal(a_record(a_fault(*TWO))).run("chaos", "undo", *words) == 2
        assert "name faults, or say --all" in capsys.readouterr().err


def test_undo_says_that_it_starts_the_controller_which_heals() -> None:
    controller = a_record()
    controller.answers["UndoFaults"] = {"faults": []}
    terminal = Terminal(controller)
    terminal.shell.opener = lambda shell, *, start: controller if start else None
    assert terminal.run("chaos", "undo", "--all") == 0
    assert "one is started, which undoes what the last one left behind" in terminal.err.getvalue()


# --- the catalogue ---


def test_the_catalogue_names_every_fault_and_what_nobody_can_have() -> None:
    terminal = Terminal(None)
    assert terminal.run("chaos", "faults") == 0
    rows = terminal.out.getvalue().splitlines()
    assert [row.split()[0] for row in rows[1 : len(catalogue.FAULTS) + 1]] == [item.name for item in catalogue.FAULTS]
    assert rows[-1].startswith("not offered: clock-skew: Linux has no clock of its own")
    assert all(item.action_id in terminal.out.getvalue() for item in catalogue.FAULTS)


def test_one_fault_is_told_with_its_parameters_limits_and_an_example() -> None:
    terminal = Terminal(None)
    assert terminal.run("chaos", "faults", "aws:ecs:task-network-blackhole-port") == 0
    told = terminal.out.getvalue()
    assert re.search(r"--port +\(required\) +1 to 65535 +The port\.\n", told)
    assert re.search(r"--traffic-type +ingress +ingress or egress", told)
    assert re.search(r"--duration +30s +1s to 12h", told)
    assert told.endswith("\nexample: chaos-ecs chaos inject network-blackhole-port web --port 8080\n")
    assert "chaos-ecs chaos faults network-blackhole-port --judge" in terminal.err.getvalue()
    terminal = Terminal(None)
    terminal.run("chaos", "faults", "network-blackhole-port", "--json")
    (entry,) = json.loads(terminal.out.getvalue())["faults"]
    assert {"name": "port", "option": "--port"}.items() <= entry["parameters"][1].items()
    terminal = Terminal(None)
    terminal.run("chaos", "faults", "oom")
    assert re.search(r"--timeout +1m +1s to 1m", terminal.out.getvalue())


@pytest.mark.parametrize(
    ("name", "why"), [("netwrk-latency", "did you mean network-latency?"), ("clock-skew", "Linux")]
)
def test_a_fault_that_there_is_not_is_exit_code_3(name: str, why: str) -> None:
    terminal = Terminal(None)
    assert terminal.run("chaos", "faults", name) == 3
    assert why in terminal.err.getvalue()
    assert "next: chaos-ecs chaos faults" in terminal.err.getvalue()


def judging() -> FakeController:
    controller = FakeController(a_state())
    lacking = {"name": "network-corrupt", "verdict": "impossible here", "reason": "the kernel has no netem"}
    else_ = {"name": "network-latency", "verdict": "works by fallback", "reason": "by a proxy"}
    controller.answers["ListFaults"] = {"faults": [{"name": "pause", "verdict": "works"}, else_, lacking]}
    return controller


def test_judged_the_catalogue_says_what_works_here_and_why_not() -> None:
    controller = judging()
    terminal = Terminal(controller)
    assert terminal.run("chaos", "faults", "--judge") == 0
    assert controller.calls == [("ListFaults", {"judge": True})]
    rows = {row.split()[0]: row.split(maxsplit=1)[1] for row in terminal.out.getvalue().splitlines()}
    assert rows["pause"].startswith("works ")
    assert rows["network-latency"].startswith("works by fallback  by a proxy")
    assert rows["network-corrupt"].startswith("impossible here    the kernel has no netem")
    terminal = Terminal(controller)
    terminal.run("chaos", "faults", "network-latency", "--judge")
    assert "  here    works by fallback: by a proxy\n" in terminal.out.getvalue()


def test_doctor_tells_of_faults_what_the_controller_found_out() -> None:
    terminal = Terminal(judging(), terminal=True, dumb=True, columns=lambda: 80)
    verdicts = fault_catalogue.tell_judgements(terminal.shell)
    assert verdicts["network-corrupt"] == ("impossible here", "the kernel has no netem")
    assert "never on a task" in talk_of(terminal)
    assert "network-corrupt         impossible here    the kernel has no netem\n" in terminal.out.getvalue()
    assert max(map(len, terminal.both.splitlines())) <= 80


# --- panel, overview, log ---


def panel_row(state: Answer, width: int) -> str:
    snapshot = Snapshot.of(state)
    frame = panel.Frame(width, 30, UNICODE, now=AT + 66, began_at=AT, keys=False)
    found = [row.rstrip() for row in panel.rows(snapshot, CLUSTER, frame) if row.startswith(" faults")]
    return found[0] if found else ""


def test_open_faults_have_a_row_in_the_panel_as_full_as_there_is_room() -> None:
    open_ = a_fault(*TWO, name="network-blackhole-port")
    state = a_state(services=[a_service()], tasks=WEB_TASKS, faults=[open_])
    assert panel_row(state, 100) == f" faults  network-blackhole-port {ID} on 2 tasks of web  00:24 left"
    assert panel_row(state, 70) == " faults  network-blackhole-port on 2 tasks of web  00:24 left"
    assert panel_row(state, 50) == " faults  network-blackhole-port  00:24 left"
    more = {**state, "faults": [{**open_, "endsAt": None, "status": "INJECTING"}, OLDER]}
    assert panel_row(more, 60) == " faults  network-blackhole-port  INJECTING  +1 more"
    assert panel_row(a_state(services=[a_service()], tasks=WEB_TASKS), 100) == ""


def test_the_row_of_faults_stays_where_tasks_have_no_room() -> None:
    crowd = [a_task(f"{number:06x}", "web", number=number) for number in range(1, 20)]
    assert panel_row(a_state(services=[a_service()], tasks=crowd, faults=[a_fault(*TWO)]), 80) != ""


def test_without_a_command_open_faults_are_told() -> None:
    terminal = Terminal(a_record(a_fault(*TWO)))
    assert terminal.run() == 0
    assert f"open faults: 1 (pause {ID}); see them: chaos-ecs chaos status" in terminal.out.getvalue()


STORY = [
    event("FAULT_INJECTED", service="web", tasks=[task_arn("7f3a9c"), task_arn("c9d550")], fault=ID,
          name="network-latency", message="network-latency delays the traffic by 200 ms for 30 s"),
    event("FAULT_ACTIVE", at=1.5, service="web", task="7f3a9c", name="network-latency", proof="408 ms", after=1.5),
    event("FAULT_INCONCLUSIVE", at=5, service="web", task="c9d550", name="network-latency", reason="no answer"),
    event("FAULT_UNDONE", at=31.5, service="web", task="7f3a9c", name="network-latency", proof="0.1 ms", lasted=30.0),
    event("FAULT_STUCK", at=32, task="c9d550", fault=ID, message="network-latency cannot be undone yet: no engine"),
    event("FAULT_ENDED", at=40, service="web", status="INCONCLUSIVE", message="pause is over: 0 of 1 took effect"),
    event("FAULT_ENDED", at=41, service="web", status="COMPLETED", message="pause is over: 1 of 1 took effect"),
]  # fmt: skip


def test_a_fault_in_the_live_log_at_100_columns() -> None:
    assert shown(STORY, 100) == (
        "   00.0s × FAULT      web 7f3a9c c9d550                                               flt-12ab34cd56\n"  # noqa: RUF001
        "                      network-latency delays the traffic by 200 ms for 30 s\n"
        "   01.5s ▲ IN FORCE   web 7f3a9c  network-latency: 408 ms                                 after 1.5s\n"
        "   05.0s ▲ UNPROVEN   web c9d550  network-latency: no answer\n"
        "   31.5s = UNDONE     web 7f3a9c  network-latency: 0.1 ms                               lasted 30.0s\n"
        "   32.0s ▲ STUCK      c9d550\n"
        "                      network-latency cannot be undone yet: no engine; it is tried again, or:\n"
        "                      chaos-ecs chaos undo flt-12ab34cd56\n"
        "   40.0s ■ ENDED      web  pause is over: 0 of 1 took effect"
    )


def test_a_fault_as_sentences_for_a_screen_reader() -> None:
    assert sentences.of(STORY, AT) == [
        f"At 0 seconds fault {ID} on tasks 7f3a9c c9d550 of service web: {STORY[0].message}.",
        "At 1 second network-latency takes effect on task 7f3a9c of service web: 408 ms.",
        "At 5 seconds it is not known whether network-latency took effect on task c9d550 of service web: no answer.",
        "At 31 seconds network-latency is undone on task 7f3a9c of service web: 0.1 ms.",
        f"At 32 seconds {STORY[4].message}. It is tried again. The command chaos-ecs chaos undo {ID} tries it now.",
        "At 40 seconds pause is over: 0 of 1 took effect.",
    ]


def test_of_a_sealed_fault_the_log_says_once_that_there_is_one() -> None:
    message = "a sealed fault is at work"
    types = ("FAULT_INJECTED", "FAULT_ACTIVE", "FAULT_UNDONE")
    told = [event(type_, name="sealed", fault=ID, message=message) for type_ in types]
    log = shown(told, 80)
    assert log.count(message) == 1
    assert not {"IN FORCE", "UNDONE"} & set(log.split("  "))
    assert "None" not in log


# --- refusals and completion ---


@pytest.mark.parametrize(
    ("code", "message", "then", "exit_code"),
    [
        ("ConflictException", "Task 7f3a9c is under pause flt-1: chaos-ecs chaos undo flt-1", "chaos undo FAULT", 1),
        ("ResourceNotFoundException", "There is no fault flt-1.", "chaos-ecs chaos status --all", 3),
        ("ServerException", "Try later. This is a fault: chaos-ecs chaos undo --all ends it.", "chaos undo --all", 1),
        ("ThrottlingException", "Rate exceeded. chaos-ecs chaos undo --all ends it.", "chaos undo --all", 1),
        ("InvalidParameterException", "pause cannot be injected on this engine.", "chaos faults --judge", 1),
        ("ServerException", "it broke", "A bug", 1),
    ],
)
def test_a_refusal_about_faults_has_its_next_command(code: str, message: str, then: str, exit_code: int) -> None:
    error = refusals.of("InjectFault", 400, json.dumps({"__type": code, "message": message}).encode())
    assert then in error.hint
    assert error.exit_code == exit_code


def test_tab_offers_the_names_of_faults_and_open_ones_where_a_controller_answers(tmp_path: Path) -> None:
    root: Any = typer.main.get_command(app)
    shell = Terminal(a_record(a_fault(*TWO))).shell
    shell.environment = {"CHAOS_ECS_HOME": str(tmp_path)}
    context = root.make_context("chaos-ecs", [], obj=shell, resilient_parsing=True)
    names = [name for name, _ in completion.names_of_faults(context, "network-r")]
    assert names == ["network-reject", "network-rate", "network-reorder"]
    assert completion.faults(context, "flt") == []  # none answers here, and none is started
