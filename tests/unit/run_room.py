"""A terminal beside a simulated controller whose time goes in steps: `chaos run` in milliseconds."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from chaos_ecs.api.snapshot import event_view
from chaos_ecs.cli.chaos import journal_files, run, run_course
from chaos_ecs.cli.chaos.journal import ours
from chaos_ecs.cli.chaos.replay import replayed
from chaos_ecs.cli.chaos.run_stage import Tools
from chaos_ecs.cli.chaos.score import Plan
from chaos_ecs.cli.client import state
from chaos_ecs.cli.follow import Follower, Until
from chaos_ecs.cli.snapshot import Event, Snapshot
from tests.unit.api_harness import CLUSTER
from tests.unit.fake_controller import Answer, Terminal
from tests.unit.sim_room import Simulated

STEP_SECONDS = 0.25
SHORT: Answer = {"every": 4.0, "lasts": 14.0, "seed": 42}  # three ticks


class Stepped(Simulated):
    """Time passes while it is followed (see OnVirtualTime), or when a test says so."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.after_step: Callable[[], None] = lambda: None

    def now(self) -> float:
        return self.api.simulation.clock.now()

    def advance(self, seconds: float) -> None:
        self.api.simulation.advance(seconds)
        self.after_step()

    def events(self, after: int, *, follow: bool) -> Iterator[Event]:
        yield from (Event.of(event_view(item)) for item in list(self.api.simulation.events) if item.number > after)

    def standalone(self) -> list[Any]:
        return [task for task in self.api.simulation.state.tasks.values() if not task.service_arn]


class OnVirtualTime(Follower):
    """Follows by letting virtual time pass, in small steps."""

    def run(self, until: Until, *, timeout: float | None = None) -> bool:
        controller = self.controller
        assert isinstance(controller, Stepped)
        assert timeout is not None
        ends_at = controller.now() + timeout
        snapshot = state(controller)
        self.screen.show((), snapshot)
        while not until(snapshot):
            left = ends_at - controller.now()
            if left <= 1e-9:
                return False
            controller.advance(min(left, STEP_SECONDS))
            self._press(snapshot)
            events = list(controller.events(self.after, follow=False))
            self.after = events[-1].number if events else self.after
            self.record(events)
            snapshot = state(controller)
            self.screen.show([event for event in events if self.wanted(event)], snapshot)
        return True

    def _press(self, snapshot: Snapshot) -> None:
        while self.press is not None and not self._inbox.empty():
            self.press(getattr(self._inbox.get(), "name", ""), snapshot)


TOOLS = Tools(follower=OnVirtualTime)


class Room:
    """A terminal beside a simulated controller with a service web."""

    def __init__(self, home: Path, *, seed: int = 1, desired: int = 3, steady: bool = True, **shell: Any) -> None:
        self.controller = Stepped(seed)
        self.controller.ecs(
            "CreateService", cluster=CLUSTER, serviceName="web", taskDefinition="web-server", desiredCount=desired
        )
        self.controller.api.simulation.advance(10 if steady else 0)
        self.controller.calls.clear()
        self.terminal = Terminal(self.controller, **shell)
        self.shell = self.terminal.shell
        self.shell.environment = {"CHAOS_ECS_HOME": str(home)}
        self.shell.monotonic = self.controller.now
        self.home = home

    @property
    def out(self) -> str:
        return self.terminal.out.getvalue()

    @property
    def err(self) -> str:
        return self.terminal.err.getvalue()

    def runs(self, **plan: Any) -> int:
        """`chaos run web` with this plan, its result told; answers the exit code."""
        outcome = run_course.run(self.shell, Plan(**{"service": "web", **SHORT, **plan}), TOOLS)
        run.tell(self.shell, outcome)
        return outcome.score.code

    def ran(self, **plan: Any) -> Answer:
        """The same as JSON, with the exit code in it."""
        self.shell.json = True
        code = self.runs(**plan)
        result: Answer = json.loads(self.out.splitlines()[-1])
        assert result["exitCode"] == code
        return result

    def journal(self, number: int = 1) -> Answer:
        found: Answer = json.loads((self.home / "journals" / f"run-{number}.json").read_text())
        return found

    def replays(self, number: int) -> int:
        path = self.home / "journals" / f"run-{number}.json"
        return replayed(self.shell, path, ours(journal_files.read(path)), TOOLS)
