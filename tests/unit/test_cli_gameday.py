"""Game days: what a file may say, sealing, points and boards; and a whole one on the simulator."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chaos_ecs.cli.chaos import gameday_file, gameday_words, sealed
from chaos_ecs.cli.chaos.answers import Typed, Written
from chaos_ecs.cli.chaos.expectations import Traffic
from chaos_ecs.cli.chaos.gameday_file import GameDay, Question
from chaos_ecs.cli.chaos.gameday_score import Seen, Sheet, board, first_tries, marked
from chaos_ecs.cli.recovery import Death
from chaos_ecs.errors import ChaosEcsError
from tests.unit.fake_controller import service_arn, task_arn
from tests.unit.sim_room import SimRoom

DAY = """\
title: A day
rounds:
  - name: hang
    brief: |
      Something happens
      to a task.

      Look well.
    fault: pause
    selection: {service: web}
    duration: PT20S
    predictions:
      - {ask: "How many new tasks?", number: true, measure: replacements}
    diagnosis: {choices: [it hangs, it is gone], answer: it hangs}
    lesson: A task that hangs is RUNNING.
"""
KILLS = """\
title: A day of kills
seed: 3
rounds:
  - name: one
    brief: One of web.
    fault: kill
    selection: {service: web, count: 1}
    predictions:
      - {ask: "How many new tasks?", number: true, measure: replacements}
      - {ask: "Which stopCode?", choices: [UserInitiated, EssentialContainerExited], measure: stop-code}
    diagnosis: {choices: [killed, paused], answer: killed}
    lesson: It comes back.
  - name: two
    brief: A standalone one.
    fault: kill
    selection: {standalone: true, pattern: worker}
    predictions:
      - {ask: "Does it come back?", choices: [yes, no], measure: came-back}
    diagnosis: {choices: [killed, paused], answer: killed}
"""


def parsed(text: str) -> GameDay:
    return gameday_file.parsed(text, "day.yaml")


def test_a_round_takes_its_duration_for_its_fault_and_a_seed_of_its_own() -> None:
    (round_,) = parsed(DAY).rounds
    assert round_.parameters == {"duration": "PT22S"}
    assert (round_.kind.name, round_.selection, round_.seconds) == ("pause", {"service": "web"}, 20.0)
    assert round_.diagnosis.ask == "What is wrong?"
    assert round_.seed == parsed(DAY).rounds[0].seed != parsed(DAY.replace("name: hang", "name: other")).rounds[0].seed


@pytest.mark.parametrize(
    ("now", "instead", "where", "why", "fix"),
    [
        ("title: A day\n", "", "line 1", "lacks the member title", "Write title"),
        ("rounds:", "round:", "line 2: round", "no member round", "Did you mean rounds?"),
        ("    fault: pause\n", "", "line 3: rounds[0]", "lacks the member fault", "Write fault: pause"),
        ("fault: pause", "fault: pasue", "line 9: rounds[0].fault", "there is no pasue", "mean pause?"),
        ("fault: pause", "fault: wait", "rounds[0].fault", "there is no wait", "Did you mean"),
        (
            "fault: pause",
            "fault: network-blackhole-port",
            "rounds[0].fault",
            "needs the parameter port",
            "chaos faults",
        ),
        ("duration: PT20S", "duration: long", "line 11: rounds[0].duration", "no duration", "PT30S"),
        ("duration: PT20S", "atLeast: PT2M", "rounds[0].atLeast", "longer than the round", "duration: PT2M"),
        (
            "duration: PT20S",
            "parameters: {duration: PT0S}",
            "line 11: rounds[0].parameters.duration",
            "between 1",
            "pause",
        ),
        ("    selection: {service: web}\n", "", "rounds[0]", "lacks the member selection", "{service: web"),
        ("{service: web}", "{}", "rounds[0].selection", "one of them", "Write selection"),
        ("{service: web}", "{service: web, standalone: true}", "rounds[0].selection", "one of them", "selection"),
        ("{service: web}", "{service: web, count: 0}", "selection.count", "whole number from 1 to 50", "count: 1"),
        ("fault: pause", "fault: agent-disconnect", "rounds[0].selection", "the control plane", "Leave selection out"),
        (", number: true", "", "predictions[0]", "choices, or number", "Write choices"),
        (", measure: replacements", "", "predictions[0]", "measured, or an answer", "Write measure: replacements"),
        ("measure: replacements", "measure: replacement", "measure", "no replacement here", "mean replacements?"),
        ("measure: replacements", "measure: stop-code", "measure", "is no number", "Write choices"),
        ("measure: replacements", "answer: some", "predictions[0].answer", "must be a number", "answer: 3"),
        ("measure: replacements", "measure: replacements, within: 0.5", "within", "factor of 1 or more", "within: 2"),
        ("answer: it hangs", "answer: it sleeps", "diagnosis.answer", "none of the choices", "answer: it hangs"),
        ("[it hangs, it is gone]", "[it hangs]", "diagnosis", "two choices or more", "it is gone"),
        ("    lesson:", "    leson:", "rounds[0].leson", "no member leson", "Did you mean lesson?"),
        (
            "title: A day",
            "title: A day\nactions: {}",
            "line 2: actions",
            "an experiment",
            "chaos-ecs chaos run day.yaml",
        ),
    ],
)
def test_a_bad_game_day_is_refused_by_line_and_member_with_what_to_write(
    now: str, instead: str, where: str, why: str, fix: str
) -> None:
    assert now in DAY
    with pytest.raises(ChaosEcsError) as caught:
        parsed(DAY.replace(now, instead))
    error = caught.value
    assert (error.code, error.exit_code) == ("E-FILE", 2)
    assert where in error.what, error.what
    assert why in error.why, error.why
    assert fix in error.hint, error.hint


def test_two_rounds_of_one_name_are_refused() -> None:
    with pytest.raises(ChaosEcsError, match="two rounds hang"):
        parsed(DAY + DAY.partition("rounds:\n")[2])


# --- sealing ---


def test_what_is_sealed_is_not_read_at_a_glance_and_is_the_same_when_it_is_played() -> None:
    hidden = sealed.sealed(DAY)
    assert "pause" not in hidden
    assert "no encryption" in hidden
    day = parsed(hidden)
    assert (day.is_sealed, day.title, day.checksum) == (True, "A day", parsed(DAY).checksum)
    assert parsed(hidden.replace("\n", "\r\n").replace("\r\n", "\n")).rounds == parsed(DAY).rounds


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda text: text.replace("version 1", "version 9"), "is too new"),
        (lambda text: text.replace("sha256 ", "sha256 0"), "is damaged"),
        (lambda text: text[:-10] + text[-9:], "is damaged"),
        (lambda text: text.replace("sha256 " + text.partition("sha256 ")[2][:4], "sha256 0000"), "is damaged"),
        (lambda text: text.rpartition("\n")[0].rpartition("\n")[0][:-40], "is damaged"),
    ],
)
def test_a_sealed_file_that_is_newer_or_damaged_is_refused(damage: Any, said: str) -> None:
    with pytest.raises(ChaosEcsError) as caught:
        parsed(damage(sealed.sealed(DAY * 3)))
    assert said in caught.value.what
    assert caught.value.exit_code == 2


def test_a_sealed_file_that_unpacks_to_very_much_is_refused() -> None:
    with pytest.raises(ChaosEcsError, match="is damaged"):
        parsed(sealed.sealed("#" * 2_000_000))


# --- points ---

WEB = service_arn("web")
KILLED = Death(task_arn("7f3a9c"), WEB, exit_code=137, stopped=True)
SEEN = Seen([KILLED], started=1, stop_codes=["EssentialContainerExited"], recovery=3.0, traffic=Traffic(100, 4))
NUMBER = {"ask": "How many?"}


@pytest.mark.parametrize(
    ("question", "said", "right"),
    [
        (Question("?", measure="replacements"), "1", True),
        (Question("?", measure="replacements"), "2", False),
        (Question("?", measure="tasks-lost"), "1", True),
        (Question("?", measure="exit-code"), "137", True),
        (Question("?", measure="failed-requests"), "4.0", True),
        (Question("?", measure="availability", within=1.01), "96.5", True),
        (Question("?", measure="recovery-seconds", within=2), "1.5", True),
        (Question("?", measure="recovery-seconds", within=2), "6", True),
        (Question("?", measure="recovery-seconds", within=2), "6.1", False),
        (Question("?", ("yes", "no"), "came-back"), "yes", True),
        (Question("?", ("yes", "no"), "came-back"), "", False),
        (Question("?", ("a", "EssentialContainerExited"), "stop-code"), "EssentialContainerExited", True),
        (Question("?", answer="3"), "3", True),
        (Question("?", answer="3"), "", False),
        (Question("?", ("a", "b"), answer="b"), "b", True),
    ],
)
def test_an_answer_is_held_against_what_was_measured(question: Question, said: str, right: bool) -> None:
    item = marked(question, said, SEEN)
    assert (item.right, item.points, item.of) == (right, int(right), 1)


@pytest.mark.parametrize("measure", ["recovery-seconds", "came-back", "stop-code", "exit-code", "failed-requests"])
def test_what_was_not_measured_counts_neither_for_nor_against(measure: str) -> None:
    item = marked(Question("?", measure=measure), "1", Seen([Death(task_arn("a"), WEB)]))
    assert (item.right, item.points, item.of) == (None, 0, 0)


def sheet(player: str, points: int, at: float = 0.0, checksum: str = "c") -> Sheet:
    return Sheet("A day", checksum, player, at, points, 5, (("one", points, 5),))


def test_a_board_has_the_best_first_equal_points_share_a_place_and_the_first_try_counts() -> None:
    sheets = [sheet("bob", 3), sheet("ada", 3), sheet("eve", 5, at=1), sheet("bob", 5, at=2), sheet("ada", 3)]
    first, later = first_tries(sheets)
    assert later == 1  # the same file named twice is one try
    rows = gameday_words.board(board(first), None).splitlines()
    assert [row.split()[:2] for row in rows[1:]] == [["1", "eve"], ["2", "ada"], ["2", "bob"]]


def test_different_game_days_of_one_title_are_not_compared() -> None:
    rows = gameday_words.board(board([sheet("ada", 1), sheet("bob", 4, checksum="d")]), None).splitlines()
    assert [row.split()[:2] for row in rows[1:]] == [["1", "ada"], ["1", "bob"]]


# --- answers ---


def test_answers_of_a_file_pass_over_remarks_and_end() -> None:
    answers = Written(["# one", "", " yes "])
    assert answers.next(None) == "yes"
    with pytest.raises(EOFError):
        answers.next(None)


def test_typed_answers_come_line_by_line_and_a_late_one_is_not_lost() -> None:
    reader, writer = os.pipe()
    answers = Typed(reader)
    assert answers.next(0.01) is None
    os.write(writer, b"one\ntw")
    assert answers.next(5) == "one"
    os.write(writer, b"o\nthree")
    os.close(writer)
    assert [answers.next(5), answers.next(5)] == ["two", "three"]
    for _ in range(2):
        with pytest.raises(EOFError):
            answers.next(5)
    os.close(reader)


@pytest.mark.parametrize(
    ("question", "line", "said"),
    [
        (Question("?", ("yes", "no")), "2", "no"),
        (Question("?", ("yes", "no")), "YES", "yes"),
        (Question("?", ("yes", "no")), "3", ""),
        (Question("?", ("yes", "no")), "-1", ""),
        (Question("?"), "2,5", "2.5"),
        (Question("?"), "two", ""),
    ],
)
def test_an_answer_is_a_number_of_the_list_its_words_or_a_number(question: Question, line: str, said: str) -> None:
    assert gameday_words.understood(question, line) == said


# --- the whole, on the simulator ---


@pytest.fixture
def room(tmp_path: Path) -> Iterator[SimRoom]:
    room = SimRoom(tmp_path / "home")
    yield room
    room.close()


def play(room: SimRoom, text: str, answers: str, *more: str) -> int:
    day, given = room.home.parent / "day.yaml", room.home.parent / "answers"
    day.write_text(text)
    given.write_text(answers)
    return room.run("chaos", "gameday", str(day), "--answers", str(given), *more)


def score(room: SimRoom, name: str) -> Any:
    return json.loads((room.home / "gameday" / name).read_text())


def test_a_game_day_is_played_revealed_and_scored_by_what_was_measured(room: SimRoom) -> None:
    room.run_task()
    assert play(room, KILLS, "1\n2\n1\n1\nkilled\n", "--player", "ada") == 0
    told = room.out.getvalue()
    assert "It was kill, on" in told
    assert "RECOVERED" in told
    assert "RIGHT: you said 1" in told
    assert "WRONG: you said yes, it was no" in told
    assert "It comes back." in told
    kept = score(room, "a-day-of-kills-1.json")
    assert (kept["player"], kept["points"], kept["of"]) == ("ada", 6, 7)
    assert [item["points"] for item in kept["rounds"]] == [4, 2]
    assert kept["rounds"][0]["fault"]["name"] == "kill"


def test_while_it_is_played_nobody_is_told_what_it_is(room: SimRoom) -> None:
    assert play(room, DAY, "0\n1\n") == 0
    undone = ("FAULT_UNDONE", "FAULT_ENDED")  # once the answer is given
    told = [event for event in room.simulation.events if event.type.startswith("FAULT_") and event.type not in undone]
    assert {event.data["name"] for event in told} == {"sealed"}
    before_the_reveal = room.err.getvalue()
    assert "pause" not in before_the_reveal
    assert room.simulation.engine.hurts == {}


def test_giving_up_and_no_answer_at_all_are_no_points_and_no_trouble(room: SimRoom) -> None:
    assert play(room, DAY, "0\n0\n") == 0
    assert play(room, DAY, "") == 0
    first, second = score(room, "a-day-1.json"), score(room, "a-day-2.json")
    assert (first["points"], first["of"], first["rounds"][0]["diagnosis"]["said"]) == (1, 3, None)
    assert (second["points"], second["of"]) == (0, 3)


def test_the_brief_is_told_as_paragraphs_and_the_result_as_json(tmp_path: Path) -> None:
    room = SimRoom(tmp_path / "home", json=True)
    assert play(room, DAY, "0\n1\n", "--json") == 0
    told = json.loads(room.out.getvalue())
    assert (told["type"], told["points"], told["of"]) == ("GAMEDAY", 3, 3)
    assert "Something happens to a task.\nLook well.\n" in room.err.getvalue()
    room.close()


def test_a_round_whose_effect_could_not_be_measured_does_not_count(room: SimRoom) -> None:
    room.simulation.engine.refuses = lambda effect: "no effect could be measured"
    assert play(room, DAY, "0\n1\n") == 0
    kept = score(room, "a-day-1.json")
    assert (kept["points"], kept["of"], kept["rounds"][0]["void"]) == (0, 0, "no effect could be measured")


def test_who_has_to_be_started_first_is_told_before_the_first_question(room: SimRoom) -> None:
    assert play(room, KILLS, "") == 3
    assert "Round two has nobody to hit" in room.err.getvalue()
    assert "chaos-ecs run-task worker --no-wait" in room.err.getvalue()
    assert room.simulation.state.faults == {}


@pytest.mark.parametrize("trouble", [KeyboardInterrupt, RuntimeError])
def test_whatever_ends_the_game_the_fault_is_undone(room: SimRoom, trouble: type[BaseException]) -> None:
    def when_it_hurts() -> None:
        if room.simulation.engine.hurts:
            room.controller.on_look = lambda: None
            raise trouble

    room.controller.on_look = when_it_hurts
    if trouble is RuntimeError:
        with pytest.raises(RuntimeError):
            play(room, DAY, "0\n1\n")
    else:
        assert play(room, DAY, "0\n1\n") == 130
    (fault,) = room.simulation.state.faults.values()
    assert fault.undo_asked_at is not None
    assert room.simulation.engine.hurts == {}
    assert list((room.home / "gameday").iterdir()) == []


def test_a_score_that_could_not_be_kept_is_said_before_anything_breaks(room: SimRoom) -> None:
    room.run_task()
    room.home.mkdir()
    (room.home / "gameday").write_text("a file is in the way")
    assert play(room, KILLS, "1\n2\n1\n1\nkilled\n") == 1
    told = room.err.getvalue()
    assert told.startswith(f"E-STATE-FOLDER: The folder {room.home / 'gameday'} cannot be used\n  why:  ")
    assert "\n  next: Make room or set CHAOS_ECS_HOME" in told
    assert room.simulation.state.faults == {}


def test_seal_writes_a_file_beside_and_score_merges_files(room: SimRoom, capsys: pytest.CaptureFixture[str]) -> None:
    day = room.home.parent / "day.yaml"
    day.write_text(DAY)
    assert room.run("chaos", "gameday", "seal", str(day)) == 0
    hidden = day.with_name("day.yaml.sealed")
    assert room.out.getvalue() == f"{hidden}\n"
    assert "no encryption" in room.err.getvalue()
    assert room.run("chaos", "gameday", "seal", str(hidden)) == 2
    assert play(room, hidden.read_text(), "0\n1\n", "--player", "ada") == 0
    assert play(room, DAY, "0\n2\n", "--player", "bob") == 0
    files = [str(room.home / "gameday" / f"a-day-{number}.json") for number in (1, 2)]
    room.out.truncate(0)
    assert room.run("chaos", "gameday", "score", *files) == 0
    assert [row.split()[:3] for row in room.out.getvalue().strip("\0").splitlines()[1:]] == [
        ["1", "ada", "3"],
        ["2", "bob", "1"],
    ]
    assert room.run("chaos", "gameday", "score", str(day)) == 2


def test_the_samples_are_listed_by_name(room: SimRoom) -> None:
    assert room.run("chaos", "gameday", "--samples") == 0
    assert "first-game-day    First game day, 3 rounds" in room.out.getvalue()
