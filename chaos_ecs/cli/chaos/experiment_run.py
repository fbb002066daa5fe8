"""An experiment from its beginning to its end: the steady state, the faults, the recovery, the steady state again.

Whatever happens here, what was injected is undone: at its own end, at Ctrl-C, and when this program fails. Were it
killed, the controller still ends every fault in its time. Never here: what a file may say, and what is told of a run.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field

from chaos_ecs.chaos import catalogue
from chaos_ecs.cli.chaos import experiment_words as words
from chaos_ecs.cli.chaos import fis, patiently
from chaos_ecs.cli.chaos.expectations import Measured, findings, traffic_between
from chaos_ecs.cli.chaos.experiment_file import ExperimentFile
from chaos_ecs.cli.chaos.experiment_story import Outcome, Story, Verdict, judged, positions
from chaos_ecs.cli.chaos.experiment_view import ExperimentView
from chaos_ecs.cli.chaos.fault_follow import EFFECT_SECONDS, described
from chaos_ecs.cli.chaos.journal import SteadyState
from chaos_ecs.cli.chaos.politely import ended_as_by_ctrl_c
from chaos_ecs.cli.client import Controller, state
from chaos_ecs.cli.follow import Follower, Until
from chaos_ecs.cli.line import Line, seconds
from chaos_ecs.cli.livelog import Face, Screen, screen_for
from chaos_ecs.cli.refusals import is_busy
from chaos_ecs.cli.shell import Shell
from chaos_ecs.cli.snapshot import Snapshot, name_of
from chaos_ecs.errors import ChaosEcsError

GAP_SECONDS = 5.0
"""So long somebody has to take a standalone task's place."""
RECOVERY_SECONDS = 120.0
STOP_SECONDS = 120.0


@dataclass
class Run:
    """One run of a file. `cluster` is the ARN of the one whose state is drawn; `before` the state it began in."""

    shell: Shell
    controller: Controller
    file: ExperimentFile
    seed: int
    cluster: str
    before: Snapshot
    outcome: Outcome = field(init=False)
    story: Story = field(init=False)
    _view: ExperimentView = field(init=False)
    _screen: Screen = field(init=False)
    _follower: Follower = field(init=False)

    def __post_init__(self) -> None:
        self.story = Story(owners={task.arn: task.service for task in self.before.tasks})
        self.outcome = Outcome(self.file, self.seed, name_of(self.cluster), self.before.at, story=self.story)
        self._view = ExperimentView(self.file, self.cluster)
        face = Face(self._view.lines, self._view.panel)
        self._screen = screen_for(self.shell, self.cluster, self.before.at, face=face)
        self._follower = Follower(
            self.shell, self.controller, self._screen, self.before.number, self.story.wants, self.story.take
        )

    def look(self) -> Snapshot:
        return state(self._now)

    @property
    def _now(self) -> Controller:
        """The controller that answers now: one that was started anew may be another."""
        return self._follower.controller

    def perform(self) -> Outcome:
        """All of it. Raises ChaosEcsError for what is refused before anything was injected."""
        try:
            template_id = fis.create_template(self.controller, self.file.template)
        except ChaosEcsError as refusal:
            raise self.file.located(refusal) if refusal.code == "ValidationException" else refusal from None
        try:
            self._perform(template_id)
        finally:
            fis.delete_template(self._now, template_id)
        return self.outcome

    def _perform(self, template_id: str) -> None:
        outcome = self.outcome
        outcome.before = self._asked("before")
        if outcome.before and not outcome.before.met:
            outcome.verdict, outcome.ended_at = Verdict.NOT_STARTED, self.look().at
            outcome.why = self._missed(outcome.before)
            return
        if any(catalogue.named(action["actionId"]).needs for action in self.file.template["actions"].values()):
            patiently.ask(self.shell, self._now, "ListFaults", judge=True)  # it is known from then on
        self._begin_here()
        with ended_as_by_ctrl_c(), self._without_echo():
            try:
                self.story.experiment = fis.start(self._now, template_id, self.seed)
                self._follow()
                self._settle()
                outcome.verdict, outcome.why = judged(outcome)
            except (KeyboardInterrupt, SystemExit):
                outcome.verdict, outcome.why = Verdict.INTERRUPTED, "Ctrl-C"
                self._stop(template_id, "Ctrl-C")
            except ChaosEcsError as error:
                if not self.story.experiment:
                    raise  # it was refused
                outcome.verdict, outcome.why = Verdict.FAILED, str(error)
                self._stop(template_id, str(error))
            except BaseException:
                self._stop(template_id, "a bug of chaos-ecs")
                raise
            finally:
                self._screen.close()
                self._collect()

    def _without_echo(self) -> AbstractContextManager[None]:
        """What is typed into the view would break its panel: ^C too."""
        keyboard = self.shell.keyboard if self.shell.draws else None
        return keyboard.reading(lambda key: None) if keyboard else nullcontext()

    def _begin_here(self) -> None:
        """What is measured counts from now on."""
        self.before = self.look()
        self.story.owners |= {task.arn: task.service for task in self.before.tasks}
        self._follower.after = self.before.number

    # --- the steps ---

    def _asked(self, when: str) -> SteadyState | None:
        hypothesis = self.file.hypothesis
        if hypothesis is None:
            return None
        asked = hypothesis.ask(self)
        self.shell.say(f"steady state {when}: {'met' if asked.met else 'NOT MET'}")
        for sentence in hypothesis.sentences(asked):
            self.shell.say(f"  {sentence}")
        return asked

    def _missed(self, asked: SteadyState) -> str:
        """Which probes of the steady state were not met: web answers: 98.2 (wanted: from 99 to 100)."""
        hypothesis = self.file.hypothesis
        assert hypothesis is not None
        told = zip(hypothesis.sentences(asked), asked.probes, strict=True)
        return "; ".join(sentence for sentence, activity in told if not activity.tolerance_met)

    def _follow(self) -> None:
        """Until the experiment is over. Raises E-TIMEOUT when that takes longer than its actions can."""
        most = words.longest(self.file) + EFFECT_SECONDS * len(self.file.template["actions"])
        what = f"the end of {self.story.experiment}"
        self.shell.say(f"waiting for {what}, at most {seconds(most)}; Ctrl-C stops it and undoes what it did")
        self._await(what, most, self._is_over)

    def _is_over(self, snapshot: Snapshot) -> bool:
        try:
            told = fis.get(self._now, self.story.experiment)
        except ChaosEcsError as error:
            if not is_busy(error):
                raise
            return False
        if not self.outcome.targets and told["state"]["status"] not in ("pending", "initiating"):
            resolved = fis.resolved(self._now, self.story.experiment)
            self.outcome.targets = positions(resolved, self.file.template["targets"], self.before)
            self.story.aim([arn for arns in resolved.values() for arn in arns])
        self.outcome.told = self._view.told = told
        return fis.is_over(told)

    def _settle(self) -> None:
        """What the file expects is measured, and the steady state is asked for again."""
        outcome, expected = self.outcome, self.file.expected
        if outcome.told["state"]["status"] != "completed":
            return
        most = max(RECOVERY_SECONDS, 2 * (expected.recovered_within or 0.0))
        services = " ".join(sorted(name_of(arn) for arn in self.story.services))
        if services:
            self._note(f"for {services} to be whole, at most {seconds(most)}")
            with _not_in_time():
                self._await(f"{services} to be whole", most, self.story.is_whole)
        watched = 0.0
        if expected.standalone_replaced is not None and any(not death.service for death in self.story.deaths):
            watched = GAP_SECONDS
            self._note(f"{seconds(watched)} for a task in the place of the standalone one")
            self._follower.watch(watched)
        self._measure_traffic()
        measured = Measured(self.story.deaths, self.story.recovered, watched, outcome.traffic)
        outcome.findings = findings(expected, measured)
        window = self.file.hypothesis.window if self.file.hypothesis else 0.0
        if window:
            self._note(f"{seconds(window)} more: so long the probes of the steady state look back")
            self._follower.watch(window)
        self._screen.close()
        outcome.after = self._asked("after")

    def _measure_traffic(self) -> None:
        """What the client saw of each service concerned, or of all where none was, while the experiment ran."""
        now = self.look()
        if not self.story.services:
            self.outcome.traffic = {"all services": traffic_between(self.before.client, now.client)}
            return
        seen = {}
        for arn in self.story.services:
            then, service = self.before.service(arn), now.service(arn)
            seen[name_of(arn)] = traffic_between(then.client if then else None, service.client if service else None)
        self.outcome.traffic = seen

    def _stop(self, template_id: str, why: str) -> None:
        """Nothing of it is left when this returns; what is not undone by then is named."""
        self._screen.close()
        try:
            running = fis.running(self._now, template_id)
            if not running:
                return
            self.shell.say_left(f"{why}: the experiment is stopped, and what it did is undone")
            self.story.experiment = running[0]
            fis.stop(self._now, self.story.experiment)
            self.outcome.undone_at = self.look().at
            with _not_in_time():
                self._await(f"the end of {self.story.experiment}", STOP_SECONDS, self._is_over)
            self._undo_the_rest()
        except (ChaosEcsError, KeyboardInterrupt) as error:
            why = str(error) or "Ctrl-C"
            left = f"it could not be undone from here ({why}): every fault ends by itself in its time"
            self.shell.say(f"{left}. See: chaos-ecs chaos status   |   chaos-ecs chaos undo --all")

    def _undo_the_rest(self) -> None:
        left = [fault.id for fault in self.look().faults if fault.raw.get("experiment") == self.story.experiment]
        if left:
            patiently.ask(self.shell, self._now, "UndoFaults", doing=patiently.ENDING, faults=left)
            self.shell.say(f"still being undone: {' '.join(left)}   |   chaos-ecs chaos status")

    def _note(self, what: str) -> None:
        """What is waited for, in the view."""
        self._screen.note(Line(self.look().at, "pending", "WAITING", detail=what, reason=True))

    def _await(self, what: str, most: float, until: Until) -> None:
        self._follower.awaited = what
        if not self._follower.run(until, timeout=most):
            hint = "chaos-ecs chaos status, and chaos-ecs events"
            raise ChaosEcsError("E-TIMEOUT", f"Waited {seconds(most)} for {what}", "it did not happen", hint, 124)

    def _collect(self) -> None:
        """The faults as they ended, for the journal; a controller that is gone tells none."""
        try:
            everything = described(self._now, everything=True)
            self.outcome.ended_at = self.look().at
        except ChaosEcsError:
            self.outcome.ended_at = self.outcome.ended_at or self.before.at
            return
        self.outcome.faults = [item for item in everything if item.raw.get("experiment") == self.story.experiment]


@contextmanager
def _not_in_time() -> Iterator[None]:
    """A wait that is too long ends; what came of it is measured all the same."""
    try:
        yield
    except ChaosEcsError as error:
        if error.code != "E-TIMEOUT":
            raise
