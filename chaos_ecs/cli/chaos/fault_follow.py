"""Following a fault: until its effect is known, until it is over, until what it took has been made good.

Here lives waiting. Never here: injecting and undoing (see `fault_inject.py`, `fault_status.py`), and wording.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import typer

from chaos_ecs.cli.chaos.fault_view import Fault
from chaos_ecs.cli.client import Controller
from chaos_ecs.cli.follow import Follower
from chaos_ecs.cli.health import is_whole
from chaos_ecs.cli.line import seconds
from chaos_ecs.cli.livelog import screen_for
from chaos_ecs.cli.presses import Presses, listening
from chaos_ecs.cli.recovery import Recorder
from chaos_ecs.cli.shell import Shell
from chaos_ecs.cli.snapshot import Event, Snapshot, name_of
from chaos_ecs.errors import ChaosEcsError

EFFECT_SECONDS = 180.0
"""The controller gives up after a minute; a task may take two to stop."""
END_SECONDS = 60.0  # for undoing, beyond the time that was asked for
RECOVERY_SECONDS = 300.0


def described(controller: Controller, ids: Sequence[str] = (), *, everything: bool = False) -> list[Fault]:
    """Those named, or all that are not over, or with `everything` those too that are."""
    told = controller.own("DescribeFaults", faults=list(ids) or None, all=everything or None)
    return [Fault.of(item) for item in told["faults"]]


@dataclass
class View:
    """A view of faults, by their ids, and of the tasks they hit. A wait that is too long raises E-TIMEOUT (124)."""

    shell: Shell
    follower: Follower
    ids: Sequence[str]
    recorder: Recorder = field(default_factory=Recorder)

    def await_effect(self, name: str) -> None:
        """Until it is known of every victim, or never will be."""

        def is_known(snapshot: Snapshot) -> bool:
            return all(fault.is_decided for fault in self._open(snapshot))

        self._run(f"the effect of {name}", EFFECT_SECONDS, is_known)

    def await_end(self, lasting: float) -> None:
        """Until nothing of them is left. `lasting`: so many seconds were asked for."""
        self._run(f"the end of {' '.join(self.ids)}", lasting + END_SECONDS, lambda seen: not self._open(seen))

    def await_recovery(self) -> None:
        """Until every service that lost a task is whole again."""
        services = sorted({death.service for death in self.recorder.deaths.values() if death.service})

        def are_whole(snapshot: Snapshot) -> bool:
            return all(arn in self.recorder.recovered or is_whole(snapshot, arn) for arn in services)

        if services:
            self._run(f"the recovery of {' '.join(map(name_of, services))}", RECOVERY_SECONDS, are_whole)

    def _open(self, snapshot: Snapshot) -> list[Fault]:
        return [fault for fault in snapshot.faults if fault.id in self.ids]

    def _run(self, what: str, most: float, until: Callable[[Snapshot], bool]) -> None:
        self.follower.awaited = what
        if not self.follower.run(until, timeout=most):
            faults = described(self.follower.controller, self.ids)
            why = "; ".join(dict.fromkeys(text for fault in faults for text in (*fault.troubles, fault.status)))
            hint = f"chaos-ecs chaos status {' '.join(self.ids)}"
            raise ChaosEcsError("E-TIMEOUT", f"Waited {seconds(most)} for {what}", why, hint, 124)


@dataclass(frozen=True, slots=True)
class Farewell:
    """What is said on Ctrl-C: what goes on all the same, and what can be done about it."""

    goes_on: str
    further: str


@contextmanager
def watching(
    shell: Shell, controller: Controller, before: Snapshot, faults: Sequence[Fault], awaited: str, farewell: Farewell
) -> Iterator[View]:
    """A view from the state `before` on. What is `awaited` is said first; Ctrl-C is exit code 130, and ends nothing."""
    ids = [fault.id for fault in faults]
    victims = [victim for fault in faults for victim in fault.victims]
    tasks = {victim.task for victim in victims if victim.task}
    services = {victim.service for victim in victims if victim.service}

    def wanted(event: Event) -> bool:
        return event.get("fault") in ids or event.task in tasks or event.service in services

    screen = screen_for(shell, faults[0].cluster, before.at, keys=True)
    view = View(shell, Follower(shell, controller, screen, before.number, wanted), ids)
    view.follower.record = view.recorder.take
    for victim in victims:
        if victim.task:
            view.recorder.expect(victim.task, victim.service)
    shell.say(f"waiting for {awaited}; Ctrl-C leaves, {farewell.goes_on}")
    try:
        with listening(shell, view.follower, Presses(view.follower, faults[0].cluster)):
            yield view
    except KeyboardInterrupt:
        screen.close()
        shell.say_left(f"left the view, {farewell.goes_on}. {farewell.further}")
        raise typer.Exit(130) from None
    finally:
        screen.close()
