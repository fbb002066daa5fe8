"""`chaos report`: what journals say, ours and others', as text, as a page, as a picture, as JSON."""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from chaos_ecs.cli.chaos import journal_files, report_html, report_svg
from chaos_ecs.cli.chaos.journal import Activity, Journal, SteadyState
from chaos_ecs.cli.chaos.report import figures
from chaos_ecs.cli.chaos.report_view import Report, Span, Timeline, brief, lanes, timeline
from chaos_ecs.cli.chaos.run_journal import Scene, journal_of
from chaos_ecs.cli.chaos.score import Asked, Control, Plan, Score, Skip, Strike, Victim
from tests.unit.fake_controller import AT, Answer, FakeController, Terminal, a_service, a_state, service_arn, task_arn

SCENE = Scene("Linux", "a host", AT)
NASTY = "<script>alert('1')</script>"
SVG = "{http://www.w3.org/2000/svg}"


def a_strike(number: int, at: float, took: float | None) -> Strike:
    whole = None if took is None else at + took
    victims = (Victim(task_arn(f"{number:06x}"), 2, 3),)
    return Strike(number, number, at, at, "flt", victims, (), (task_arn("ffff"),), whole, 0)


def a_score(**more: Any) -> Score:
    seconds = tuple((18, 2) if second == 10 else (0, 20) if second == 11 else (20, 0) for second in range(60))
    defaults: Answer = {
        "plan": Plan("web", seed=42, goal=99.9, every=10.0),
        "run": 4,
        "desired": 3,
        "lasted": 60.0,
        "strikes": (a_strike(1, 10.0, 2.0), a_strike(2, 20.0, 15.0), replace(a_strike(3, 30.0, None), overlaps=(2,))),
        "skips": (Skip(4, 40.0, "its last healthy task"),),
        "healthy": ((0.0, 3), (10.0, 2), (12.0, 3), (20.0, 2), (30.0, 1)),
        "client": Asked("http://127.0.0.1:8480/", 1200, 22, {"connection reset": 22}, seconds=seconds),
        "control": Control(task_arn("31f0aa"), 10.0),
        "over": True,
        "about": {"engine": "Docker Engine 29.1", "taskDefinition": "web-server:1"},
    }
    return Score(**{**defaults, **more})


def a_report(score: Score | None = None) -> Report:
    return Report.of(journal_of(score or a_score(), SCENE))


def an_experiment(**more: Any) -> Answer:
    """The journal of an experiment of another kind, in the same schema."""
    slow = Activity("action", "slow", {"type": "python"}, True, "ok", AT + 5, AT + 15)
    failed = Activity("action", NASTY, {"type": "python"}, False, None, AT + 8, AT + 9, trouble="it broke")
    probe = Activity("probe", "answers", {"type": "http"}, True, {"status": 200}, AT + 1, AT + 2, 200, True)
    undo = Activity("action", "undo", {"type": "python"}, True, None, AT + 20, AT + 21)
    journal = Journal(
        title="Lose a task",
        description="Does web answer?",
        platform="Linux",
        node="host",
        start=AT,
        end=AT + 21,
        status="failed",
        deviated=True,
        hypothesis={"title": "web answers"},
        before=SteadyState(True, [probe]),
        after=SteadyState(False, [replace(probe, tolerance_met=False)]),
        run=[probe, slow, failed],
        rollbacks=[undo],
        ours={
            "kind": "experiment",
            "seed": 7,
            "verdict": "deviated",
            "why": "the steady state is not met",
            "targets": {"one-web": [{"arn": task_arn("7f3a9c"), "number": 2, "of": 3, "owner": "web"}], "other": []},
            "actions": {"slow": {"status": "completed"}, "lose": {"status": "cancelled", "reason": "it was stopped"}},
            "recoveries": [{"service": service_arn("web"), "seconds": 0.541}],
            "expectations": [
                {"name": "recoveredWithin", "wanted": "within 15.0s", "measured": "web 0.54s", "met": True},
                {"name": "availability", "wanted": "99%", "measured": NASTY, "met": False},
                {"name": "standaloneReplaced", "wanted": "not replaced", "measured": "none ended", "met": None},
            ],
        },
    )
    return {**journal.as_json(), **more}


# --- a page ---


class Page(HTMLParser):
    """Reads a page; complains about what is not closed."""

    EMPTY = ("meta", "rect", "path", "circle", "br")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == [], self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.EMPTY or (tag != "meta" and not (self.get_starttag_text() or "").endswith("/>")):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


PAGES = {
    "a run": a_report(),
    "a good run": a_report(a_score(strikes=(a_strike(1, 10.0, 2.0),), skips=(), client=Asked("u", 10, 0))),
    "without a client": a_report(a_score(client=None, no_client="nobody answers", control=None)),
    "nothing hit": a_report(a_score(strikes=(), skips=(), healthy=())),
    "an experiment": Report.of(an_experiment()),
    "hardly anything": Report.of({"experiment": {}}),
    "nonsense": Report.of(
        {"experiment": {"title": None}, "run": [3, {"activity": 4}], "steady_states": 5, "x-chaos-ecs": {"kind": "run"}}
    ),
}


@pytest.mark.parametrize("report", PAGES.values(), ids=PAGES.keys())
def test_a_page_is_whole_and_loads_nothing(report: Report) -> None:
    text = report_html.page(report)
    page = Page(text)
    assert "http://" not in text
    assert "https://" not in text
    assert "url(" not in text.replace("url(#failed)", "")
    assert not {tag for tag, _ in page.tags} & {"script", "link", "img", "iframe", "object", "embed", "base"}
    assert not [attrs for _, attrs in page.tags if {"src", "href", "onload", "onclick"} & attrs.keys()]
    (policy,) = [attrs["content"] for tag, attrs in page.tags if tag == "meta" and "http-equiv" in attrs]
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"


def test_a_page_is_for_light_and_dark_for_print_and_for_phones() -> None:
    text = report_html.page(a_report())
    assert "@media screen and (prefers-color-scheme:dark)" in text
    assert "@media print" in text
    assert "@media (max-width:640px)" in text
    assert 'content="width=device-width,initial-scale=1"' in text
    for name in {*re.findall(r"var\(--(\w+)\)", text)}:
        assert len(re.findall(rf"--{name}:#", text)) == 2, f"{name} has a colour for light and one for dark"


def test_a_page_tells_figures_kills_the_goal_and_how_to_do_it_again() -> None:
    told = Page(report_html.page(a_report())).text
    assert "web survives a kill every 10 s for 60 s" in told
    assert "NOT PASSED: goal MISSED (98.16% answered, 99.90% wanted), web is NOT whole again" in told
    assert "22 of 1,200 requests failed (connection reset); goal 99.90% MISSED" in told
    assert "Control replaced NEVER standalone task 31f0aa, killed at 10.0s" in told
    assert "Weakest moment 1 of 3" in told
    assert "hit while 2 was open" in told
    assert "skipped: its last healthy task" in told
    assert "connection reset 22" in told
    assert "chaos-ecs chaos run web --every 10s --for 60s --seed 42 --slo 99.9" in told
    assert "before healthy tasks 3 yes" in told
    assert "after healthy tasks 1 NO" in told


def test_texts_of_a_journal_are_escaped() -> None:
    score = a_score(
        plan=Plan(NASTY, seed=1),
        about={"engine": NASTY},
        client=Asked(NASTY, 1, 1, {NASTY: 1}, seconds=((0, 1),)),
        skips=(Skip(4, 40.0, NASTY),),
        strikes=(replace(a_strike(1, 1.0, 2.0), victims=(Victim(NASTY, 1, 3),), unproven=NASTY),),
    )
    for text in (
        report_html.page(a_report(score)),
        report_html.page(Report.of(an_experiment(platform=NASTY, status=NASTY))),
        report_svg.alone(timeline(a_report(score)), NASTY, [NASTY]),
    ):
        assert "<script" not in text
        assert "&lt;script&gt;" in text


def test_an_experiments_page_tells_what_the_journal_has() -> None:
    told = Page(report_html.page(Report.of(an_experiment()))).text
    assert "DEVIATED: the steady state is not met" in told
    assert "recoveredWithin within 15.0s web 0.54s yes" in told
    assert f"availability 99% {NASTY} NO" in told
    assert "standaloneReplaced not replaced none ended not measured" in told
    assert (
        "target one-web number 2 of 3 of web (7f3a9c) target other nobody action lose cancelled: it was stopped" in told
    )
    assert "recovery of web 0.54s" in told
    foreign = Page(report_html.page(Report.of(an_experiment(**{"x-chaos-ecs": None})))).text
    assert "FAILED, DEVIATED" in foreign
    assert "Steady state: web answers" in told
    assert "05.0s action slow succeeded 10.0s ok" in told
    assert f"08.0s action {NASTY} failed 1.0s it broke" in told
    assert "Rollbacks at kind name status took what came of it 20.0s action undo succeeded" in told
    assert "seed 7" in told


# --- a picture ---


def elements(text: str, name: str, kind: str) -> list[Any]:
    root = ET.fromstring(text.encode())
    return [item for item in root.iter(f"{SVG}{name}") if kind in (item.get("class") or "").split()]


def test_a_picture_is_to_scale() -> None:
    text = report_svg.alone(timeline(a_report()), "a title", ["figures"])
    bars = elements(text, "rect", "p-span")[:3]
    scale = (936 - 104) / 60
    found = {float(bar.get("x")): float(bar.get("width")) for bar in bars}
    assert found == {
        round(104 + 10 * scale, 1): round(2 * scale, 1),
        round(104 + 20 * scale, 1): round(15 * scale, 1),
        round(104 + 30 * scale, 1): round(30 * scale, 1),
    }
    (step,) = elements(text, "path", "p-step")
    points = [pair.split() for pair in step.get("d").removeprefix("M").split("L")]
    heights = {float(x): float(y) for x, y in points}
    assert heights[104] < heights[round(104 + 20 * scale, 1)] < heights[936], "fewer are lower"
    failing = elements(text, "rect", "p-bad")[:2]
    assert [float(item.get("x")) for item in failing] == [round(104 + at * scale, 1) for at in (10, 11)]


def test_a_picture_says_by_shape_and_words_what_it_says_by_colour() -> None:
    text = report_svg.alone(timeline(a_report()), "a title", [])
    assert len(elements(text, "path", "p-cross")) == 3 + 1 + 1, "kills, the control, the legend"
    assert len(elements(text, "rect", "p-open")) == 1
    assert len(elements(text, "circle", "p-skip")) == 2, "the skipped tick, the legend"
    words = " ".join(item.text or "" for item in ET.fromstring(text.encode()).iter(f"{SVG}text"))
    assert all(word in words for word in ("killed", "until all is whole again", "answered", "failed", "skipped"))
    assert "killed at 10.0s, never replaced" in words
    root = ET.fromstring(text.encode())
    described = root.find(f"{SVG}desc")
    assert described is not None
    assert described.text == (
        "A timeline of 1m00s with 3 kills. The longest lasted 15.0s. At the weakest moment 1 of 3 tasks were healthy. "
        "22 of 1,200 requests failed."
    )


def test_a_picture_alone_has_fixed_colours_and_a_ground_of_its_own() -> None:
    text = report_svg.alone(timeline(a_report()), "a title", figures(a_report()))
    assert "var(" not in text
    assert len(elements(text, "rect", "p-card")) == 1
    words = [item.text for item in ET.fromstring(text.encode()).iter(f"{SVG}text")]
    assert words[:3] == [
        "a title",
        "3 kills · 2 replaced · recovery worst 15.0s · 98.16% of 1,200 requests answered",
        "goal MISSED (98.16% answered, 99.90% wanted), web is NOT whole again · seed 42",
    ]


def test_a_long_run_has_a_small_picture() -> None:
    strikes = tuple(a_strike(number, 5.0 * number, 2.0) for number in range(1, 700))
    seconds = tuple((20, int(second % 7 == 0)) for second in range(3600))
    score = a_score(strikes=strikes, lasted=3600.0, client=Asked("u", 72000, 500, seconds=seconds))
    text = report_svg.alone(timeline(a_report(score)), "a title", [])
    assert len(text) < 500_000
    assert len(elements(text, "rect", "p-ok")) <= 401


def test_overlapping_spans_are_in_lanes_of_their_own() -> None:
    spans = [Span(0, 5, "", ""), Span(3, 6, "", ""), Span(5.5, None, "", ""), Span(7, 8, "", ""), Span(9, 10, "", "")]
    assert lanes(spans, 0.5) == [0, 1, 0, 1, 1]
    shown = report_svg.alone(Timeline(10.0, "kills", "killed", "until", "other", tuple(spans)), "a title", [])
    assert len({bar.get("y") for bar in elements(shown, "rect", "p-span")[:5]}) == 2


# --- the command ---


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    """A terminal in whose state folder two runs are kept; the first was written last."""
    terminal = Terminal(FakeController(a_state(services=[a_service()])))
    terminal.shell.environment = {"CHAOS_ECS_HOME": str(tmp_path)}
    for run, at in ((1, 2_000), (2, 1_000)):
        number, path = journal_files.reserve(journal_files.folder(terminal.shell.settings), "run")
        assert number == run
        journal_files.write(path, journal_of(a_score(run=run), SCENE))
        os.utime(path, (at, at))
    return terminal


def test_without_a_name_the_newest_journal_is_told(terminal: Terminal, tmp_path: Path) -> None:
    assert terminal.run("chaos", "report") == 0
    rows = terminal.out.getvalue().splitlines()
    assert rows[0] == "web survives a kill every 10 s for 60 s: failed, deviated"
    assert rows[1].endswith("UTC, Docker Engine 29.1, web-server:1, lasted 1m00s")
    assert rows[2].startswith(" CHAOS RUN 1   web desired 3")
    assert sum("##" in row or row.startswith("  -") for row in rows) == 4
    assert "exit code" not in terminal.out.getvalue()
    assert rows[-1] == "again: chaos-ecs chaos run web --every 10s --for 60s --seed 42 --slo 99.9"
    assert terminal.err.getvalue() == f"journal: {tmp_path}/journals/run-1.json\n"


@pytest.mark.parametrize("name", ["2", "run-2", "run-2.json"])
def test_a_journal_is_found_by_its_number_and_by_its_name(terminal: Terminal, name: str) -> None:
    assert terminal.run("chaos", "report", name) == 0
    assert " CHAOS RUN 2   web" in terminal.out.getvalue()


def test_a_page_and_a_picture_are_written(terminal: Terminal, tmp_path: Path) -> None:
    page, picture = tmp_path / "report.html", tmp_path / "timeline.svg"
    assert terminal.run("chaos", "report", "--html", str(page), "--svg", str(picture)) == 0
    assert terminal.out.getvalue() == f"wrote {page}\nwrote {picture}\n"
    assert page.read_text().startswith("<!doctype html>")
    assert ET.fromstring(picture.read_text().encode()).tag == f"{SVG}svg"


def test_a_report_as_json_is_one_object(terminal: Terminal) -> None:
    assert terminal.run("chaos", "report", "--json") == 0
    told = json.loads(terminal.out.getvalue())
    assert (told["status"], told["steadyStates"]) == ("failed", {"before": True, "after": False})
    assert told["x-chaos-ecs"]["slo"] == "missed"


def test_a_screen_reader_gets_sentences(terminal: Terminal) -> None:
    terminal.shell.accessible = True
    assert terminal.run("chaos", "report") == 0
    told = terminal.out.getvalue()
    assert "Kill 2 at 20.0s: web was whole again after 15.0s, 0 requests failed." in told
    assert "###" not in told


def test_the_journal_of_an_experiment_is_told_as_far_as_it_has_the_members(tmp_path: Path) -> None:
    path = tmp_path / "journal.json"
    path.write_text(json.dumps(an_experiment()))
    terminal = Terminal(None)
    terminal.shell.environment = {"CHAOS_ECS_HOME": str(tmp_path)}
    assert terminal.run("chaos", "report", str(path)) == 0
    told = terminal.out.getvalue()
    assert "Lose a task: failed, deviated" in told
    assert "steady state after: NOT as it should be\n  NOT OK  answers: status: 200" in told
    assert "05.0s  action  slow" in told
    assert "it broke" in told
    assert "rollbacks:" in told
    assert "expected standaloneReplaced: none ended (wanted: not replaced), NOT MEASURED" in told
    assert "recovery of web: 0.54s" in told
    assert "action lose: cancelled: it was stopped" in told
    assert "action slow: " not in told


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("nothere.json",), 2, "No such file or directory"),
        (("--html", "/nowhere/report.html"), 1, "Cannot write /nowhere/report.html"),
    ],
)
def test_what_cannot_be_read_or_written_is_told_in_four_parts(
    terminal: Terminal, words: tuple[str, ...], code: int, said: str
) -> None:
    assert terminal.run("chaos", "report", *words) == code
    assert said in terminal.err.getvalue()
    assert "\n  next: " in terminal.err.getvalue()


def test_without_any_journal_it_says_how_to_get_one(tmp_path: Path) -> None:
    terminal = Terminal(None)
    terminal.shell.environment = {"CHAOS_ECS_HOME": str(tmp_path)}
    assert terminal.run("chaos", "report") == 3
    assert "next: chaos-ecs chaos run web" in terminal.err.getvalue()


def test_the_next_number_is_one_more_than_the_highest_of_its_own_kind(tmp_path: Path) -> None:
    for name in ("run-2.json", "run-9.txt", "run-x.json", "experiment-7.json", "my-run-8.json", "run-\u0663.json"):
        (tmp_path / name).touch()
    assert journal_files.reserve(tmp_path, "run") == (3, tmp_path / "run-3.json")
    assert journal_files.reserve(tmp_path, "experiment") == (8, tmp_path / "experiment-8.json")
    assert journal_files.reserve(tmp_path / "new", "run") == (1, tmp_path / "new" / "run-1.json")


def test_a_file_that_a_killed_run_left_empty_is_no_journal(terminal: Terminal) -> None:
    journal_files.reserve(journal_files.folder(terminal.shell.settings), "run")
    assert journal_files.newest(terminal.shell.settings).name == "run-1.json"
    assert journal_files.reserve(journal_files.folder(terminal.shell.settings), "run")[0] == 4


def test_outputs_are_told_in_a_short_line() -> None:
    assert brief(None) == "-"
    assert brief(99.5) == "99.5"
    assert brief({"status": 0, "stdout": "first\nlast\n\n", "stderr": "much"}) == "exit 0: last"
    assert brief({"victims": ["a", "b"], "recoverySeconds": 0.8, "failedRequests": None}) == (
        "victims: a, b, recoverySeconds: 0.8"
    )
    fault = {"fault": "flt-1", "victims": [{"task": task_arn("7f3a9c"), "proof": "exit 137"}, {"task": None}]}
    assert brief(fault) == "7f3a9c exit 137"
    assert len(brief("x" * 1000)) == 143
