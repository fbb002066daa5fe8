"""A chaos run on a service: hits at its ticks, asks as a client does, keeps the scoreboard and the journal.

Here lives the doing. Never here: options (see `run.py`), what is counted (see `scoreboard.py`) and how it looks (see
`scoreview.py`). Whatever ends it: faults that go on are undone, the control task does not run on, a journal is kept.
"""

from __future__ import annotations

import platform
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from chaos_ecs.cli import faultlines
from chaos_ecs.cli.chaos import journal_files, patiently, run_stage, scoreview
from chaos_ecs.cli.chaos.asker import Asks, Nobody
from chaos_ecs.cli.chaos.politely import ended_as_by_ctrl_c
from chaos_ecs.cli.chaos.run_journal import Scene, journal_of
from chaos_ecs.cli.chaos.run_stage import Stage, Tools
from chaos_ecs.cli.chaos.score import KIND, Plan, Score
from chaos_ecs.cli.chaos.scoreboard import Scoreboard, struck
from chaos_ecs.cli.client import lost, state
from chaos_ecs.cli.line import Line, seconds
from chaos_ecs.cli.lines import lines_of
from chaos_ecs.cli.livelog import Face, screen_for
from chaos_ecs.cli.panel import Frame
from chaos_ecs.cli.refusals import is_busy
from chaos_ecs.cli.shell import Shell
from chaos_ecs.cli.snapshot import Event, Snapshot, short
from chaos_ecs.errors import ChaosEcsError

SAMPLE_SECONDS = 0.5
"""How often it is looked at how many tasks are healthy, besides after every event."""
WHOLE_SECONDS = 60.0
"""How long the end of a run waits for the service to be whole."""
_KEPT_EACH = 100
"""So many ticks are kept one by one, and then each such number: a long journal takes its time to write."""
_SKIPPED = ("ConflictException", "InvalidParameterException", lost("").code)
_SHOWN = (
    "TASK_KILLED",
    "SERVICE_STEADY",
    "SERVICE_RECOVERED",
    "SERVICE_THROTTLED",
    "SERVICE_FLAPPING",
    "SERVICE_SCALED",
)
_SHOWN_FAMILIES = ("FAULT_", "DEPLOYMENT_", "ENGINE_", "BALANCER_")
_NOT_OURS = "not this run's"
_KEYS = ("?      this list", "q      stop the run, as Ctrl-C does; its journal is kept")

USUAL = Tools()


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended, and where its journal is."""

    score: Score
    journal: Path


def run(shell: Shell, plan: Plan, tools: Tools = USUAL) -> Outcome:
    """The whole run. Ctrl-C ends it early, which is an outcome too; troubles are raised once the journal is kept."""
    stage = run_stage.prepared(shell, plan, tools)
    number, path = journal_files.reserve(journal_files.folder(shell.settings), KIND)
    try:
        control = run_stage.started_control(shell, stage, number, tools) if plan.control else ""
    except BaseException:
        journal_files.forget(path)
        raise
    course = _Course(shell, stage, number, path, tools)
    if control:
        course.board.keep_control(control, run_stage.group_of(number))
    return course.performed()


class _Course:
    def __init__(self, shell: Shell, stage: Stage, number: int, path: Path, tools: Tools) -> None:
        self._shell = shell
        self._stage = stage
        self._plan = stage.plan
        self._path = path
        self._asker: Asks = tools.asker(stage.url, stage.plan.rate) if stage.url else Nobody()
        before = state(stage.controller)
        self._zero = shell.monotonic()
        self._began_at = before.at
        self._scene = Scene(platform.platform(), platform.node(), before.at)
        self._phase = ""  # what is waited for after the last tick
        self.board = Scoreboard(
            stage.plan,
            run=number,
            service=stage.service,
            began_at=before.at,
            heard=before.number,
            url=stage.url,
            no_client=stage.no_client,
            about=stage.about,
        )
        face = Face(self._lines, self._panel)
        self._screen = screen_for(shell, stage.service.cluster, before.at, face=face)
        self._follower = tools.follower(
            shell, stage.controller, self._screen, before.number, self._is_shown, self.board.take
        )

    def performed(self) -> Outcome:
        try:
            with ended_as_by_ctrl_c():
                self._perform()
        except KeyboardInterrupt:
            self._leave()
            return self._outcome(interrupted=True)
        except BaseException:
            with suppress(ChaosEcsError):  # a full disk may be the trouble
                self._keep(self._score(), aborted=True)  # first: the terminal may be gone
            self._leave()
            raise
        self._leave()
        return self._outcome(interrupted=False)

    # --- the course of it ---

    @property
    def _now(self) -> float:
        """Seconds since the beginning."""
        return self._shell.monotonic() - self._zero

    def _perform(self) -> None:
        self._say_beginning()
        self._asker.begin()
        with self._listening():
            for tick, due in enumerate(self._plan.ticks(), 1):
                self._until(due)
                if (late := self._now - due) >= self._plan.every:  # nobody wants what was missed all at once
                    self._skip(tick, due, f"the run was held up for {seconds(late)}")
                else:
                    self._hit(tick, due)
                if tick <= _KEPT_EACH or tick % _KEPT_EACH == 0:
                    self._keep(self._score())
            self._until(self._plan.lasts)
            self._heal()
            self._await_whole()
        self._see(state(self._follower.controller))

    def _until(self, offset: float) -> None:
        """Follows up to this moment. Due times are counted from the beginning, so that nothing drifts."""
        while (left := offset - self._now) > 0:
            self._follower.run(self._see, timeout=min(left, SAMPLE_SECONDS))

    def _see(self, snapshot: Snapshot) -> bool:
        """Takes in how it is; answers False, for a loop that asks whether to end."""
        self.board.see(snapshot)
        self.board.ask(self._asker.taken())
        return False

    def _await_whole(self) -> None:
        awaited, until = f"until {self._plan.service} is whole again", self._now + WHOLE_SECONDS
        if not self.board.is_whole:
            self._phase = f"waiting {awaited}"
            self._note("attention", "WAITING", f"{awaited}, at most {seconds(WHOLE_SECONDS)}")
        while (left := until - self._now) > 0 and not self._follower.run(
            self._is_whole, timeout=min(left, SAMPLE_SECONDS)
        ):
            continue

    def _is_whole(self, snapshot: Snapshot) -> bool:
        self._see(snapshot)
        return self.board.is_whole

    def _heal(self) -> None:
        """Ends what goes on: a run leaves nothing behind."""
        if ids := self.board.in_force:
            controller = self._follower.controller
            patiently.ask(self._shell, controller, "UndoFaults", doing=patiently.ENDING, faults=list(ids))

    # --- a tick ---

    def _hit(self, tick: int, due: float) -> None:
        try:
            before = state(self._follower.controller)
            answer = self._follower.controller.own("InjectFault", **self._stage.members(tick))
        except ChaosEcsError as error:
            if error.code not in _SKIPPED and not is_busy(error):
                raise
            self._skip(tick, due, error.why or error.what)
            return
        if not answer["victims"]:
            self._skip(tick, due, f"no task of {self._plan.service} was RUNNING")
            return
        victims = list(dict.fromkeys(item["task"] for item in answer["victims"]))
        told = list(self._follower.controller.events(before.number, follow=False))
        found = struck(
            before,
            told,
            service=self._stage.service.arn,
            fault=answer["fault"],
            name=answer["name"],
            victims=victims,
        )
        assert found is not None, "a fault that was injected is told"
        at, hit = found
        self.board.hit(
            tick,
            due,
            at - self._began_at,
            fault=answer["fault"],
            victims=hit,
            lasts=bool(answer.get("durationSeconds")),
        )
        self._kill_control()

    def _skip(self, tick: int, due: float, reason: str) -> None:
        self.board.skip(tick, due, reason)
        self._note("attention", "SKIPPED", reason)

    def _kill_control(self) -> None:
        control = self.board.control
        if control is None or control.killed_at is not None:
            return
        try:
            self._follower.controller.own("KillTasks", cluster=self._stage.service.cluster, tasks=[control.task])
        except ChaosEcsError as error:
            self.board.drop_control()
            self._note("attention", "CONTROL", f"there is none in this run: {error.why or error.what}")
        else:
            self.board.control_killed(self._now)

    # --- the view ---

    def _say_beginning(self) -> None:
        plan, shell = self._plan, self._shell
        count = len(plan.ticks())
        course = f"{count} {plan.noun}{'' if count == 1 else 's'} on {plan.service}, one every {plan.every:g}s"
        shell.say(f"{course} for {plan.lasts:g}s, seed {plan.seed}; Ctrl-C stops the run")
        if self._stage.url:
            shell.say(f"a client asks {self._stage.url}, {plan.rate:g} requests a second")
        else:
            shell.say(f"no client: {self._stage.no_client}")

    @contextmanager
    def _listening(self) -> Iterator[None]:
        keyboard = self._shell.keyboard
        if keyboard is None or not self._shell.is_live:
            yield
            return
        self._follower.press = self._pressed
        with keyboard.reading(self._follower.put_key):
            yield

    def _pressed(self, key: str, snapshot: Snapshot) -> None:
        if key == "q":
            raise KeyboardInterrupt
        if key == "?":
            self._screen.text(_KEYS)

    def _is_shown(self, event: Event) -> bool:
        control = self.board.control
        ours = event.service in ("", self._stage.service.arn) and event.cluster in ("", self._stage.service.cluster)
        if event.task and not event.service:
            ours = control is not None and event.task == control.task
        shown = event.type in _SHOWN or event.type.startswith(_SHOWN_FAMILIES)
        return ours and shown and not faultlines.is_told_elsewhere(event)

    def _lines(self, events: Sequence[Event], snapshot: Snapshot) -> list[Line]:
        """The live log's lines; that of a kill says which of the run's it is, or that it is none of them."""
        others = {
            short(event.task) for event in events if event.type == "TASK_KILLED" and not self.board.is_mine(event)
        }
        return [self._numbered(line, others) for line in lines_of(events)]

    def _numbered(self, line: Line, others: Collection[str]) -> Line:
        if line.word != "KILLED" or not line.ids:
            return line
        if line.ids[0] in others:
            return replace(line, detail=f"{_NOT_OURS}: somebody else killed it", brief=_NOT_OURS)
        strike = self.board.strike_on(line.ids[0])
        if strike is None:
            return replace(line, detail="the control: a standalone task", brief="the control")
        told = f"{self._plan.noun} {strike.number}"
        place = next(f"{one.position} of {one.of}" for one in strike.victims if short(one.task) == line.ids[0])
        return replace(line, detail=f"{told}: task {place} by age", brief=told)

    def _panel(self, snapshot: Snapshot, frame: Frame) -> list[str]:
        return scoreview.panel_rows(
            self._score(), replace(frame, keys=self._shell.keyboard is not None), phase=self._phase
        )

    def _note(self, symbol: str, word: str, detail: str) -> None:
        at = self._began_at + self._now
        self._screen.note(Line(at, symbol, word, self._plan.service, detail=detail, reason=True))

    # --- the end ---

    def _leave(self) -> None:
        """On every way out. The controller may be gone: then there is nobody who could do it."""
        self._asker.end()
        self.board.ask(self._asker.taken())
        with suppress(ChaosEcsError):
            self._heal()
        with suppress(ChaosEcsError):
            run_stage.stopped_control(self._follower.controller, self._stage, self.board.control)
        self._screen.close()

    def _score(self, *, over: bool = False, interrupted: bool = False) -> Score:
        return self.board.score(self._now, over=over, interrupted=interrupted)

    def _outcome(self, *, interrupted: bool) -> Outcome:
        score = self._score(over=True, interrupted=interrupted)
        self._keep(score)
        return Outcome(score, self._path)

    def _keep(self, score: Score, *, aborted: bool = False) -> None:
        journal_files.write(self._path, journal_of(score, self._scene, aborted=aborted))
