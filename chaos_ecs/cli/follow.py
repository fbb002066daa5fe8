"""Following the event stream until something is true: the loop under every view.

Here lives waiting. Never here: what is waited for (the commands) and what is shown (the screens). What is true is what
the state snapshot says; the events only say when to look. Reading happens on a thread of its own, so that the view
can tick, and end, while the stream is silent.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from chaos_ecs.cli import refusals
from chaos_ecs.cli.client import Controller, lost, state
from chaos_ecs.cli.line import Line, seconds
from chaos_ecs.cli.livelog import Screen
from chaos_ecs.cli.shell import Shell
from chaos_ecs.cli.snapshot import Event, Snapshot
from chaos_ecs.errors import ChaosEcsError

TICK_SECONDS = 1.0
"""How often the panel's clocks move while nothing happens."""
_TOGETHER_SECONDS = 0.03  # events this close are shown together
_CATCH_UP_SECONDS = 2.0  # for events that the snapshot has seen and the stream has not brought yet
_RETRY_SECONDS = 0.5
_RETRIES_IN_A_PIPE = 10
SIGN_OF_LIFE_SECONDS = 30.0
"""At most so often does a view that draws nothing say that it still waits."""

Until = Callable[[Snapshot], bool]


def _ignore(events: Sequence[Event]) -> None:
    """For views that measure nothing."""


def _everything(event: Event) -> bool:
    return True


def _gone(at: float) -> tuple[Line, Line]:
    """What a view says when its controller is gone."""
    return (
        Line(at, "attention", "CONTROLLER", detail="controller stopped, nobody replaces tasks now", reason=True),
        Line(at, "begun", "NEXT", detail="in another terminal: chaos-ecs controller start", reason=True),
    )


@dataclass(frozen=True, slots=True)
class _Key:
    """A key that was pressed in the view's terminal."""

    name: str


@dataclass
class Follower:
    """One view of the stream, from event number `after` on; may be run several times in a row.

    `wanted` says which events are shown; `record` is told all of them; `press` does what a key stands for; `awaited`
    is what a long wait says it waits for.
    """

    shell: Shell
    controller: Controller
    screen: Screen
    after: int
    wanted: Callable[[Event], bool] = _everything
    record: Callable[[Sequence[Event]], None] = _ignore
    awaited: str = ""
    press: Callable[[str, Snapshot], None] | None = None
    _inbox: queue.SimpleQueue[Event | ChaosEcsError | _Key | None] = field(default_factory=queue.SimpleQueue)
    _pressed: list[str] = field(default_factory=list)
    _reader: threading.Thread | None = None
    _snapshot: Snapshot | None = None
    _looked_at: float = 0.0

    def run(self, until: Until, *, timeout: float | None = None) -> bool:
        """Follows until `until` is true of the state (answers True) or `timeout` seconds are over (False).

        Raises E-CONTROLLER-LOST when the controller is gone for good.
        """
        self._start()
        began_at = told_at = self.shell.monotonic()
        ends_at = None if timeout is None else self.shell.monotonic() + timeout
        snapshot = self._look()
        self.screen.show((), snapshot)
        while not until(snapshot):
            left = None if ends_at is None else ends_at - self.shell.monotonic()
            if left is not None and left <= 0:
                return False
            seen = self.after
            snapshot = self._step(TICK_SECONDS if left is None else min(left, TICK_SECONDS), snapshot)
            now = self.shell.monotonic()
            if self.after != seen:
                told_at = now
            elif now - told_at >= SIGN_OF_LIFE_SECONDS:
                told_at = now
                self._say_waiting(now - began_at, timeout)
        self._catch_up(snapshot)
        return True

    def watch(self, seconds: float) -> Snapshot:
        """Follows for so many seconds and answers the state at the end."""
        self.run(lambda snapshot: False, timeout=seconds)
        return self._look()

    def put_key(self, key: str) -> None:
        """A key was pressed. May be called from any thread."""
        self._inbox.put(_Key(key))

    def _say_waiting(self, waited: float, timeout: float | None) -> None:
        most = "" if timeout is None else f" of at most {seconds(timeout)}"
        if self.awaited:
            self.screen.wait(f"still waiting for {self.awaited}, {seconds(waited)}{most}")
        elif self.shell.accessible:
            self.screen.wait(f"Nothing new for {SIGN_OF_LIFE_SECONDS:.0f} seconds; still watching.")

    def _step(self, patience: float, snapshot: Snapshot) -> Snapshot:
        events = self._take(patience)
        pressed, self._pressed = self._pressed, []
        for key in pressed:
            if self.press is not None:
                self.press(key, self._aged(snapshot))
        if events or (snapshot.client is not None and self.shell.draws):  # the client's figures change without events
            snapshot = self._look()
        shown = [event for event in events if self.wanted(event)]
        self.screen.show(shown, self._aged(snapshot))
        return snapshot

    def _catch_up(self, snapshot: Snapshot) -> None:
        """Shows the events that led to this state, where the stream is a moment behind."""
        ends_at = self.shell.monotonic() + _CATCH_UP_SECONDS
        while self.after < snapshot.number and (left := ends_at - self.shell.monotonic()) > 0:
            events = self._take(left)
            if not events and self._reader is None:
                return
            self.screen.show([event for event in events if self.wanted(event)], self._aged(snapshot))

    def _take(self, patience: float) -> list[Event]:
        """The events that come within `patience` seconds, with those right behind the first; recorded already."""
        taken: list[Event] = []
        while True:
            try:
                item = self._inbox.get(timeout=_TOGETHER_SECONDS if taken else max(0.0, patience))
            except queue.Empty:
                break
            if isinstance(item, ChaosEcsError):
                self._reader = None
                self._await_controller(item)
            elif item is None:
                self._reader = None
                break
            elif isinstance(item, _Key):
                self._pressed.append(item.name)
                break
            elif item.number > self.after:
                self.after = item.number
                taken.append(item)
        self.record(taken)
        return taken

    def _start(self) -> None:
        if self._reader is None:
            self._reader = threading.Thread(target=self._read, args=(self.controller, self.after), daemon=True)
            self._reader.start()

    def _read(self, controller: Controller, after: int) -> None:
        try:
            for event in controller.events(after, follow=True):
                self._inbox.put(event)
        except ChaosEcsError as error:
            self._inbox.put(error)
        else:
            self._inbox.put(None)

    def _look(self) -> Snapshot:
        """How it is; as it was at the last look, where the controller is too busy to answer."""
        try:
            snapshot = state(self.controller)
        except ChaosEcsError as error:
            if refusals.is_busy(error) and self._snapshot is not None:
                self.screen.wait(f"the controller is busy: {error.why}")
                return self._aged(self._snapshot)
            if error.code != lost("").code:
                raise
            self._await_controller(error)
            return self._look()
        self._snapshot, self._looked_at = snapshot, self.shell.monotonic()
        return snapshot

    def _aged(self, snapshot: Snapshot) -> Snapshot:
        """The snapshot as of now: its clocks go on while nothing happens."""
        return replace(snapshot, at=snapshot.at + (self.shell.monotonic() - self._looked_at) * snapshot.speed)

    def _await_controller(self, error: ChaosEcsError) -> None:
        """Says that nobody replaces tasks now, and waits for a controller: for ever in a terminal, where Ctrl-C ends
        it, and some seconds in a pipe. Raises the error that told of it when none comes."""
        if error.code != lost("").code:
            raise error
        at = self._aged(self._snapshot).at if self._snapshot else 0.0
        told = False
        tries = 0
        while (found := self.shell.running_controller()) is None or not self._is_fine(found):
            if not told:
                told = True
                for line in _gone(at):
                    self.screen.note(line)
                self.screen.close()  # a panel would go on showing what is not known any more
            tries += 1
            if not self.shell.is_live and tries > _RETRIES_IN_A_PIPE:
                raise error
            self.shell.sleep(_RETRY_SECONDS)
        self.controller = found
        if state(found).number < self.after:
            self.after = 0  # a simulator that was started anew counts from the beginning
        if told:
            self.screen.note(Line(at, "begun", "READY", detail="a controller answers again"))
        self._reader = None
        self._start()

    @staticmethod
    def _is_fine(controller: Controller) -> bool:
        try:
            controller.raw_state()
        except ChaosEcsError:
            return False
        return True
