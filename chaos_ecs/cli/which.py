"""`chaos-ecs which`: service or standalone task? The questions of the cluster page, in a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

import typer

from chaos_ecs.cli.output import as_json
from chaos_ecs.cli.parts import shell_of
from chaos_ecs.cli.shell import Shell
from chaos_ecs.errors import ChaosEcsError
from chaos_ecs.page import questions, texts

_NEXT = {"yes": "chaos-ecs service up --desired 3", "no": "chaos-ecs run-task batch-job"}
_REAL = {"yes": "chaos-ecs try web", "no": "chaos-ecs try batch"}
_YES = ("y", "yes", "j", "ja", "1")
_NO = ("n", "no", "nein", "2")


class Language(StrEnum):
    ENGLISH = "en"
    GERMAN = "de"


class Answer(StrEnum):
    YES = "yes"
    NO = "no"


def which(
    ctx: typer.Context,
    *,
    answer: Annotated[Answer | None, typer.Argument(metavar="[yes|no]", help="Does it run indefinitely?")] = None,
    quiz: Annotated[bool, typer.Option("--quiz", help="Seven cases, one after the other.")] = False,
    language: Annotated[Language, typer.Option("--lang", help="In which language.")] = Language.ENGLISH,
) -> None:
    """Service or standalone task? Asks, and says why.

    \b
    chaos-ecs which
    chaos-ecs which yes
    chaos-ecs which --quiz --lang de
    """
    shell = shell_of(ctx)
    said = texts(language)
    if quiz:
        _quiz(shell, said)
        return
    given = answer or _asked(shell, said)
    side = "service" if given is Answer.YES else "standalone"
    if shell.json:
        shell.tell(as_json({"decision": side, "reason": said[f"which.{given}"], "next": _NEXT[given]}))
        return
    shell.tell(f"{said['which.decision']} {said[f'{side}.card']}")
    shell.tell(said[f"which.{given}"], fold=True)
    shell.say(f"next: {_NEXT[given]}   |   a real one: {_REAL[given]}   |   chaos-ecs which --quiz")


def _asked(shell: Shell, said: Mapping[str, str]) -> Answer:
    """From whoever sits there. Raises E-USAGE where nobody does."""
    while shell.asks:
        shell.say(said["which.question"])
        line = _line(shell, f"[{said['yes']}/{said['no']}]")
        if line in _YES:
            return Answer.YES
        if line in _NO:
            return Answer.NO
    why = "nobody is here to ask"
    raise ChaosEcsError("E-USAGE", said["which.question"], why, "chaos-ecs which yes, or: chaos-ecs which no", 2)


def _line(shell: Shell, prompt: str) -> str:
    """What is typed. Raises KeyboardInterrupt where there is no more."""
    shell.say(prompt)
    try:
        return shell.read_answer().strip().lower()
    except EOFError:
        raise KeyboardInterrupt from None


# --- the quiz ---


def _quiz(shell: Shell, said: Mapping[str, str]) -> None:
    """Asks all of them, and tells the score; Ctrl-C or the end of what is typed ends it early."""
    asked = questions()
    right = 0
    for number, question in enumerate(asked, 1):
        shell.say(said["quiz.number"].format(n=number, of=len(asked)))
        right += _case(shell, said, question)
    score = said["quiz.score"].format(right=right, of=len(asked))
    shell.tell(as_json({"right": right, "of": len(asked)}) if shell.json else score)


def _case(shell: Shell, said: Mapping[str, str], question: Mapping[str, Any]) -> bool:
    choices = question["choices"]
    shell.say(said[question["question"]])
    for place, choice in enumerate(choices, 1):
        shell.say(f"  {place}  {said[f'choice.{choice}']}")
    chosen = ""
    while not chosen:
        line = _line(shell, f"[1-{len(choices)}]")
        if line.isdecimal() and 1 <= int(line) <= len(choices):
            chosen = choices[int(line) - 1]
    is_right = bool(chosen == question["answer"])
    answer = said[f"choice.{question['answer']}"]
    verdict = said["quiz.right"] if is_right else said["quiz.wrong"].format(answer=answer)
    shell.say(f"{verdict} {said[question['reason']]}")
    if "try" in question:
        shell.say(f"{said['quiz.try']}: chaos-ecs try {question['try']}")
    shell.say()
    return is_right
