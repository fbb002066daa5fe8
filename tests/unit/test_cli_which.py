"""`chaos-ecs which`: the page's question and its quiz in a terminal, in every language that there is."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from chaos_ecs import page
from chaos_ecs.cli.trying import Name
from chaos_ecs.cli.which import Answer, Language
from chaos_ecs.core.events import EventType
from tests.unit.fake_controller import Terminal

RIGHT = [question["choices"].index(question["answer"]) + 1 for question in page.questions()]


def typing(*lines: object, **shell: Any) -> Terminal:
    """A terminal at which these lines are typed, and then no more."""
    terminal = Terminal(None, asks=True, **shell)
    left = [str(line) for line in lines]

    def read() -> str:
        if not left:
            raise EOFError
        return left.pop(0)

    terminal.shell.read_answer = read
    return terminal


@pytest.mark.parametrize(("typed", "card"), [("y", "ECS service"), ("no", "Standalone task"), ("YES", "ECS service")])
def test_the_question_is_asked_and_answered_with_a_reason(typed: str, card: str) -> None:
    terminal = typing("perhaps", typed)
    assert terminal.run("which") == 0
    assert terminal.err.getvalue().count("Is this application meant to run indefinitely?") == 2, "until it is answered"
    first, reason = terminal.out.getvalue().splitlines()[:2]
    assert first == f"Decision: {card}"
    assert len(reason) > 40


def test_without_a_terminal_the_answer_is_an_argument() -> None:
    terminal = Terminal(None)
    assert terminal.run("which", "no") == 0
    assert terminal.out.getvalue().startswith("Decision: Standalone task\n")
    assert "chaos-ecs run-task batch-job" in terminal.err.getvalue()
    terminal = Terminal(None)
    assert terminal.run("which") == 2
    assert "next: chaos-ecs which yes" in terminal.err.getvalue()
    terminal = Terminal(None)
    terminal.run("which", "yes", "--json")
    assert json.loads(terminal.out.getvalue())["decision"] == "service"


def test_who_answers_all_of_the_quiz_right_is_told_so() -> None:
    terminal = typing(*RIGHT)
    assert terminal.run("which", "--quiz") == 0
    assert terminal.out.getvalue() == f"{len(RIGHT)} of {len(RIGHT)} right.\n"
    assert terminal.err.getvalue().count("Right.") == len(RIGHT)


def test_a_wrong_answer_is_put_right_and_what_is_no_answer_is_asked_again() -> None:
    wrong = 2 if RIGHT[0] == 1 else 1
    terminal = typing("9", "", "service", wrong, *RIGHT[1:])
    assert terminal.run("which", "--quiz", "--json") == 0
    assert json.loads(terminal.out.getvalue()) == {"v": 1, "right": len(RIGHT) - 1, "of": len(RIGHT)}
    assert "Not quite: Service." in terminal.err.getvalue()


def test_the_quiz_can_be_left() -> None:
    terminal = typing(RIGHT[0])
    assert terminal.run("which", "--quiz") == 130


@pytest.mark.parametrize("language", list(Language))
def test_every_language_has_the_same_texts_with_the_same_places(language: Language) -> None:
    english, other = page.texts(Language.ENGLISH), page.texts(language)
    assert other.keys() == english.keys()
    places = {key: sorted(re.findall(r"\{\w+\}", text)) for key, text in english.items()}
    assert {key: sorted(re.findall(r"\{\w+\}", text)) for key, text in other.items()} == places
    assert all(text.strip() for text in other.values())


@pytest.mark.parametrize("language", list(Language))
def test_every_event_has_a_word_on_the_page(language: Language) -> None:
    texts = page.texts(language)
    assert [kind for kind in EventType if f"word.{kind}" not in texts] == []


def test_the_quiz_ends_each_case_with_the_real_workload_of_it() -> None:
    terminal = typing(*RIGHT)
    terminal.run("which", "--quiz")
    tries = re.findall(r"^Run it here: chaos-ecs try (\w+)$", terminal.err.getvalue(), re.MULTILINE)
    assert tries == list(Name), "all of them, in their order"


@pytest.mark.parametrize("answer", list(Answer))
def test_the_commands_that_an_answer_suggests_are_commands(answer: Answer) -> None:
    terminal = Terminal(None)
    terminal.run("which", answer)
    suggested = re.findall(r"chaos-ecs ([^|\n]+)", terminal.err.getvalue())
    assert len(suggested) == 3
    for words in suggested:
        assert Terminal(None).run(*words.split(), "--help") == 0
