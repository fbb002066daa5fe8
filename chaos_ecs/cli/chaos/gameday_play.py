"""A game day as it is played: each round is told, predicted, injected without a word, diagnosed, undone and revealed.

What was injected is undone whatever happens here. Never here: what a file may say, points, and how it is told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chaos_ecs.cli.chaos import gameday_words as words
from chaos_ecs.cli.chaos import patiently
from chaos_ecs.cli.chaos.answers import Answers
from chaos_ecs.cli.chaos.expectations import traffic_between
from chaos_ecs.cli.chaos.fault_follow import EFFECT_SECONDS, described
from chaos_ecs.cli.chaos.fault_view import Fault
from chaos_ecs.cli.chaos.gameday_file import GameDay, Question, Round
from chaos_ecs.cli.chaos.gameday_score import DIAGNOSIS_POINTS, GAVE_UP, RoundScore, Seen, marked
from chaos_ecs.cli.client import Controller, state
from chaos_ecs.cli.follow import Follower
from chaos_ecs.cli.health import is_whole
from chaos_ecs.cli.line import seconds
from chaos_ecs.cli.livelog import SilentScreen
from chaos_ecs.cli.recovery import Recorder
from chaos_ecs.cli.refusals import not_found
from chaos_ecs.cli.shell import Shell
from chaos_ecs.cli.snapshot import Event, Snapshot, name_of
from chaos_ecs.errors import ChaosEcsError

UNDO_SECONDS = 120.0
RECOVERY_SECONDS = 60.0
_MOST_TRIES = 5
_LOOK_EVERY_SECONDS = 0.2


@dataclass
class Reveal:
    """What a round was, once it is over."""

    fault: Fault
    events_after: int  # the number of the newest event before it began
    answered_at: float | None
    score: RoundScore


@dataclass
class _Going:
    """A round under way: `services` are the ARNs of those that are hit, `fault_id` is what is done to them."""

    round: Round
    predicted: Sequence[str]
    before: Snapshot
    fault_id: str
    recorder: Recorder
    services: Sequence[str]
    follower: Follower
    started: int = 0  # tasks of these services, since

    def take(self, events: Sequence[Event]) -> None:
        self.recorder.take(events)
        self.started += sum(event.type == "TASK_CREATED" and event.service in self.services for event in events)


@dataclass
class Play:
    """`cluster` is the ARN of the one that is played in; `told` is called with each round when it is over."""

    shell: Shell
    controller: Controller
    day: GameDay
    cluster: str
    answers: Answers
    told: Callable[[Controller, Round, Reveal], None]
    scores: list[RoundScore] = field(default_factory=list)
    _open: str = ""  # the id of the fault that is not over

    def play(self) -> None:
        """All rounds. Ctrl-C and failures undo what is open, and go on up."""
        voids = {item.name: self._why_void(item) for item in self.day.rounds}
        for number, round_ in enumerate(self.day.rounds, 1):
            for row in words.opening(round_, number, len(self.day.rounds)):
                self.shell.say(row)
            if voids[round_.name]:
                self._void(round_, voids[round_.name])
                continue
            try:
                self._round(round_)
            finally:
                self._undo_at_the_end()
            if number < len(self.day.rounds):
                self._rest()

    def _void(self, round_: Round, why: str) -> None:
        self.scores.append(RoundScore(round_.name, void=why))
        self.shell.say(f"this round does not count: {why}")

    def _why_void(self, round_: Round) -> str:
        """Why a round cannot be played on this engine, "" when it can. Raises where somebody has to be started."""
        try:
            answer = patiently.ask(self.shell, self.controller, "InjectFault", **self._members(round_), dryRun=True)
        except ChaosEcsError as refusal:
            if "on this engine" in refusal.why:
                return "what it needs cannot be had on this engine (chaos-ecs chaos faults --judge)"
            raise
        if not answer["victims"] and round_.selection:
            who = words.whom(round_)
            raise not_found(f"Round {round_.name} has nobody to hit", f"it needs {who}, RUNNING", words.start(round_))
        return ""

    def _members(self, round_: Round) -> dict[str, Any]:
        """In the words of InjectFault. A round says whom it hits: nobody is spared."""
        return {
            "cluster": self.cluster,
            "name": round_.kind.name,
            "parameters": dict(round_.parameters) or None,
            **round_.selection,
            "seed": round_.seed,
            "force": True,
        }

    # --- a round ---

    def _round(self, round_: Round) -> None:
        predicted = [self._asked(question, None) for question in round_.predictions]
        before = state(self.controller)
        answer = self.controller.own("InjectFault", **self._members(round_), sealed=True)
        if not answer.get("fault"):
            self._void(round_, "nobody was left to be hit")
            return
        self._open = str(answer["fault"])
        recorder, services = _expected(answer, before)
        follower = Follower(self.shell, self.controller, SilentScreen(), before.number)
        going = _Going(round_, predicted, before, self._open, recorder, services, follower)
        follower.record = going.take
        self.shell.say("a fault is being injected: a moment")
        if not follower.run(self._is_decided, timeout=EFFECT_SECONDS):
            self._void(round_, "its effect could not be seen in time")
            return
        (fault,) = described(follower.controller, [self._open])
        if fault.status == "INCONCLUSIVE":
            self._void(round_, "no effect could be measured")
            return
        began = self.shell.monotonic()
        answered, at = self._diagnosed(going)
        left = round_.least - (self.shell.monotonic() - began)
        if left > 0:
            self.shell.say(f"it goes on for {seconds(left)}, so that what was predicted can happen")
            follower.watch(left)
        self._undo(follower)
        follower.run(lambda seen: all(is_whole(seen, arn) for arn in services), timeout=RECOVERY_SECONDS)
        self._reveal(going, answered, at)

    def _is_decided(self, snapshot: Snapshot) -> bool:
        found = next((fault for fault in snapshot.faults if fault.id == self._open), None)
        return found is None or found.status != "INJECTING"

    def _diagnosed(self, going: _Going) -> tuple[str, float | None]:
        """The answer, and when it was given; GAVE_UP and None when the time was over."""
        for row in words.help_to_look(going.round, name_of(self.cluster), going.round.seconds):
            self.shell.say(row)
        said = self._asked(going.round.diagnosis, going.round.seconds, may_give_up=True)
        return said, state(going.follower.controller).at if said else None

    def _reveal(self, going: _Going, answered: str, at: float | None) -> None:
        self.controller = going.follower.controller
        (fault,) = described(self.controller, [going.fault_id])
        seen = _seen(going, state(self.controller))
        active = min((item["activeAt"] for item in fault.raw["victims"] if item.get("activeAt")), default=None)
        asked = zip(going.round.predictions, going.predicted, strict=True)
        score = RoundScore(
            name=going.round.name,
            predictions=[marked(question, said, seen) for question, said in asked],
            diagnosis=marked(going.round.diagnosis, answered, seen, DIAGNOSIS_POINTS),
            seconds=None if at is None or active is None else max(0.0, at - active),
            fault=fault.raw,
        )
        self.scores.append(score)
        self.told(self.controller, going.round, Reveal(fault, going.before.number, at, score))

    # --- undoing ---

    def _undo(self, follower: Follower) -> None:
        """Until nothing of it is left, and no seal on it. Raises E-TIMEOUT."""
        if not self._is_over(state(follower.controller)):
            self.shell.say("the fault is being undone")
        self._ask_for_its_end(follower.controller)
        if not follower.run(self._is_over, timeout=UNDO_SECONDS):
            what, hint = f"Waited {seconds(UNDO_SECONDS)} for the end of the fault", "chaos-ecs chaos undo --all"
            raise ChaosEcsError("E-TIMEOUT", what, "it cannot be undone yet", hint, 124)

    def _ask_for_its_end(self, controller: Controller) -> None:
        patiently.ask(self.shell, controller, "UndoFaults", doing=patiently.ENDING, faults=[self._open])

    def _is_over(self, snapshot: Snapshot) -> bool:
        return all(fault.id != self._open for fault in snapshot.faults)

    def _undo_at_the_end(self) -> None:
        """Whatever happened: harmless when it is over."""
        if not self._open:
            return
        try:
            if not self._is_over(state(self.controller)):
                self.shell.say_left("the fault is being undone")
            self._ask_for_its_end(self.controller)
            if not self._is_over(state(self.controller)):
                ends_at = self.shell.monotonic() + UNDO_SECONDS
                while not self._is_over(state(self.controller)) and self.shell.monotonic() < ends_at:
                    self.shell.sleep(_LOOK_EVERY_SECONDS)
        except (ChaosEcsError, KeyboardInterrupt) as error:
            why = str(error) or "Ctrl-C"
            self.shell.say(f"it is not undone yet ({why}), and ends by itself: chaos-ecs chaos status")
        self._open = ""

    # --- asking ---

    def _rest(self) -> None:
        """People need a moment; programs do not."""
        if self.shell.asks:
            self.shell.say("Enter: the next round")
            try:
                self.answers.next(None)
            except EOFError:
                return

    def _asked(self, question: Question, patience: float | None, *, may_give_up: bool = False) -> str:
        """What is answered: a choice in its own words, a number as it was written, or GAVE_UP."""
        for row in words.asking(question, may_give_up=may_give_up):
            self.shell.say(row)
        ends_at = None if patience is None else self.shell.monotonic() + patience
        for _ in range(_MOST_TRIES):
            try:
                line = self.answers.next(None if ends_at is None else max(0.0, ends_at - self.shell.monotonic()))
            except EOFError:
                self.shell.say("there is no answer any more")
                return GAVE_UP
            if line is None:
                self.shell.say("the time is over")
                self._take_the_late_line()
                return GAVE_UP
            if may_give_up and line.lower() in words.GIVING_UP:
                return GAVE_UP
            said = words.understood(question, line)
            if said:
                return said
            self.shell.say(words.again(question, line))
        return GAVE_UP

    def _take_the_late_line(self) -> None:
        """So that what is typed too late does not answer the next question."""
        if self.shell.asks:
            self.shell.say("Enter: see what it was")
            try:
                self.answers.next(None)
            except EOFError:
                return


def _expected(answer: Mapping[str, Any], before: Snapshot) -> tuple[Recorder, list[str]]:
    """Who is hit, so that what becomes of them is noted from the beginning on, and the ARNs of their services."""
    recorder = Recorder()
    services: dict[str, None] = {}
    for victim in answer["victims"]:
        task = before.task(victim.get("task") or "")
        service = task.service if task else victim.get("service") or ""
        if task is not None:
            recorder.expect(task.arn, service)
        if service:
            services[service] = None
    return recorder, list(services)


def _seen(going: _Going, now: Snapshot) -> Seen:
    deaths = list(going.recorder.deaths.values())
    ended = (now.task(death.task) for death in deaths if death.stopped)
    then, after = going.before.client, now.client
    if going.services:
        was, is_ = going.before.service(going.services[0]), now.service(going.services[0])
        then, after = (was.client if was else None), (is_.client if is_ else None)
    took = [going.recorder.recovered[arn] for arn in going.services if arn in going.recorder.recovered]
    return Seen(
        deaths=deaths,
        started=going.started,
        stop_codes=[task.stop_code for task in ended if task is not None],
        recovery=max(took, default=None),
        traffic=traffic_between(then, after),
    )
