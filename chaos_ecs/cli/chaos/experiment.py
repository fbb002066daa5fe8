"""`chaos-ecs chaos run FILE`, `chaos export` and the replay of a journal: a file, and what becomes of it.

Here live the commands. Never here: what a file may say (`experiment_file.py`), and running it (`experiment_run.py`).
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from chaos_ecs.chaos import alarms
from chaos_ecs.chaos.victims import SEEDS
from chaos_ecs.cli.chaos import (
    experiment_export,
    experiment_file,
    experiment_journal,
    experiment_words,
    fis,
    journal_files,
)
from chaos_ecs.cli.chaos.experiment_file import ExperimentFile
from chaos_ecs.cli.chaos.experiment_run import Run
from chaos_ecs.cli.chaos.experiment_story import EMPTY, Outcome, Position, Verdict, positions
from chaos_ecs.cli.chaos.providers import Availability
from chaos_ecs.cli.chaos.rows import labelled
from chaos_ecs.cli.client import Controller, state
from chaos_ecs.cli.find import some
from chaos_ecs.cli.output import as_json
from chaos_ecs.cli.parts import shell_of
from chaos_ecs.cli.refusals import not_found
from chaos_ecs.cli.shell import Shell
from chaos_ecs.cli.snapshot import Snapshot
from chaos_ecs.errors import ChaosEcsError

PREVIEW_SECONDS = 20.0
_LOOK_EVERY_SECONDS = 0.1


def run_file(shell: Shell, path: str | Path, *, seed: int | None = None, dry_run: bool = False) -> int:
    """Runs the experiment in a file, or the sample of that name. Answers the exit code: 0 passed, 1 not, 3 nobody was
    there to be hit, 130 Ctrl-C."""
    file = experiment_file.read(str(path), shell.cluster_name)
    chosen = _seed(seed, file)
    if dry_run:
        _preview(shell, file, chosen)
        return 0
    return _exit_code(_performed(shell, file, chosen))


def replay(shell: Shell, journal_path: str | Path) -> int:
    """Runs the experiment of a journal again, with its seed, and says whether it hit the same. Answers the exit code: 1
    where it did not, else that of the run."""
    kept = experiment_journal.kept(Path(journal_path))
    shell = replace(shell, cluster=shell.cluster or kept.cluster)
    file = experiment_file.of_text(kept.text, kept.shown, shell.cluster_name)
    outcome = _performed(shell, file, kept.seed)
    same = _compare(shell, kept.targets, outcome.targets)
    return _exit_code(outcome) or (0 if same else 1)


def export(
    ctx: typer.Context,
    *,
    file: Annotated[str, typer.Argument(metavar="FILE", help="An experiment, or the name of a sample.")],
) -> None:
    """Print an experiment as a template for AWS FIS. What AWS does not know is named on stderr.

    \b
    chaos-ecs chaos export lose-one.yaml > template.json
    aws fis create-experiment-template --cli-input-json file://template.json
    """
    shell = shell_of(ctx)
    found = experiment_file.read(file, shell.cluster_name)
    shell.tell(experiment_export.as_template(found))
    for warning in experiment_export.warnings(found):
        shell.say(f"note: {warning}")


def _seed(given: int | None, file: ExperimentFile) -> int:
    """That of the command line, else of the file, else one that is drawn, and told."""
    if given is not None:
        return given
    return file.seed if file.seed is not None else secrets.randbelow(SEEDS)


def _exit_code(outcome: Outcome) -> int:
    if outcome.verdict is Verdict.PASSED:
        return 0
    if outcome.verdict is Verdict.INTERRUPTED:
        return 130
    return 3 if outcome.verdict is Verdict.NOTHING_MATCHED else 1


# --- running ---


def _performed(shell: Shell, file: ExperimentFile, seed: int) -> Outcome:
    """The run, its journal and its result."""
    controller, before, cluster = shell.look()
    _, path = journal_files.reserve(journal_files.folder(shell.settings), experiment_journal.KIND)
    shell.say(f"{file.title}: {file.shown}, seed {seed}")
    try:
        outcome = Run(shell, controller, file, seed, cluster, before).perform()
    except BaseException:
        journal_files.forget(path)
        raise
    journal = str(path)
    try:
        journal_files.write(path, experiment_journal.journal_of(outcome).as_json())
    except ChaosEcsError as error:  # what was measured is told all the same
        shell.say(f"{error}. {error.hint}")
        journal = ""
    _tell(shell, outcome, journal)
    return outcome


def _tell(shell: Shell, outcome: Outcome, journal: str) -> None:
    if shell.json:
        shell.tell(as_json(experiment_words.as_result(outcome, journal)))
        return
    shell.tell(experiment_words.headline(outcome), fold=True)
    for row in labelled(shell, experiment_words.result(outcome)):
        shell.tell(row)
    if journal:
        shell.say(f"journal: {journal}")
    shell.say(next_steps(outcome, journal))


def next_steps(outcome: Outcome, journal: str) -> str:
    """What to type after this outcome."""
    match outcome.verdict:
        case Verdict.NOT_STARTED:
            return _why_not_started(outcome)
        case Verdict.NOTHING_MATCHED:
            return "nobody was hit: see who runs with chaos-ecs ps   |   chaos-ecs service ls"
        case Verdict.PASSED:
            return f"again: chaos-ecs chaos replay {journal}" if journal else "again: chaos-ecs chaos run FILE"
        case _:
            return "see why: chaos-ecs events   |   chaos-ecs chaos status --all"


def _why_not_started(outcome: Outcome) -> str:
    """What was wrong a while ago is not to be seen any more, and passes."""
    hypothesis, asked = outcome.file.hypothesis, outcome.before
    missed = hypothesis.missed(asked) if hypothesis and asked else []
    windows = {probe.name: probe.provider.over for probe in missed if isinstance(probe.provider, Availability)}
    if windows:
        over = f"{' and '.join(windows)}: over the last {max(windows.values()):g} s"
        return f"nothing was injected, because of {over}. Wait a few seconds and try again"
    return "nothing was injected: see why with chaos-ecs ps   |   chaos-ecs service ls"


def _compare(shell: Shell, then: Mapping[str, Any], now: Mapping[str, Sequence[Position]]) -> bool:
    """Whether the same seed picked the same positions; told either way."""
    same = True
    for name in dict.fromkeys((*then, *now)):
        was = [(item.get("number"), item.get("of")) for item in then.get(name, ())]
        is_ = [(item.number, item.of) for item in now.get(name, ())]
        same = same and was == is_
        word = "the same as in the journal" if was == is_ else f"NOT the same: then {_numbers(was)}"
        shell.say(f"target {name}: {_numbers(is_)}, {word}")
    if not same:
        shell.say("a seed picks the same positions as long as the same number of tasks runs")
    return same


def _numbers(found: Sequence[tuple[Any, Any]]) -> str:
    return ", ".join(f"number {number} of {of}" for number, of in found) or "nobody"


# --- trying it out ---


def _preview(shell: Shell, file: ExperimentFile, seed: int) -> None:
    """Asks the controller whom it would hit: FIS's actions mode skip-all, which hurts nobody."""
    controller, before, _ = shell.look()
    try:
        template_id = fis.create_template(controller, file.template)
    except ChaosEcsError as refusal:
        raise file.located(refusal) if refusal.code == "ValidationException" else refusal from None
    try:
        experiment_id = fis.start(controller, template_id, seed, preview=True)
        told = _awaited(shell, controller, experiment_id)
        resolved = fis.resolved(controller, experiment_id)
    finally:
        fis.delete_template(controller, template_id)
    targets = positions(resolved, file.template["targets"], before)
    status, reason = told["state"]["status"], str(told["state"].get("reason") or "")
    if status == "failed" and reason.startswith(EMPTY):
        raise not_found("There is nobody to hit", reason, "chaos-ecs ps")
    _must_be_watched(file, before)
    if shell.json:
        found = {name: [item.as_json() for item in items] for name, items in targets.items()}
        sentences = {name: experiment_words.sentence(file, name) for name in file.template["actions"]}
        shell.tell(as_json({"type": "PREVIEW", "seed": seed, "targets": found, "actions": sentences, "dryRun": True}))
        return
    for row in labelled(shell, experiment_words.plan(file, targets, seed)):
        shell.tell(row)
    for name in file.added:
        shell.say(f"filled in: {name}")
    shell.say("nothing was done: this was a dry run")


def _must_be_watched(file: ExperimentFile, before: Snapshot) -> None:
    """Raises what would stop a run at once: a stop condition about a service that there is none of."""
    there = [service.name for service in before.services if service.is_active]
    for condition in file.template["stopConditions"]:
        if condition["source"] == "none":
            continue
        watched = alarms.alarm(str(condition["value"]))
        if watched.service not in there:
            why = f"there is no service {watched.service}, so a run would be stopped at once; there are: {some(there)}"
            raise not_found(f"The stop condition {watched.name} watches nothing", why, "chaos-ecs service ls")


def _awaited(shell: Shell, controller: Controller, experiment_id: str) -> Mapping[str, Any]:
    ends_at = shell.monotonic() + PREVIEW_SECONDS
    while not fis.is_over(told := fis.get(controller, experiment_id)):
        if shell.monotonic() > ends_at:
            what = f"Waited {PREVIEW_SECONDS:g} s for the targets"
            raise ChaosEcsError("E-TIMEOUT", what, "the controller is busy", "chaos-ecs controller status", 124)
        state(controller)
        shell.sleep(_LOOK_EVERY_SECONDS)
    return told
