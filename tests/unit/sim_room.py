"""The CLI on a simulated controller: command functions run as they are, and virtual time passes while they wait."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from chaos_ecs.api.snapshot import event_view
from chaos_ecs.cli import app, refusals
from chaos_ecs.cli.shell import Shell
from chaos_ecs.cli.snapshot import Event
from tests.unit.api_harness import CLUSTER, TARGETS, Harness
from tests.unit.fake_controller import Answer, FakeController

_STEP_SECONDS = 0.25
_AT_MOST_SECONDS = 5.0
_PATIENCE_SECONDS = 0.2


class Simulated(FakeController):
    """A controller whose cluster is simulated. `on_look` is called at every look at its state."""

    def __init__(self, seed: int = 1) -> None:
        super().__init__({})
        self.api = Harness(seed)
        self.lock = threading.RLock()
        self.on_look: Callable[[], None] = lambda: None

    def ecs(self, operation: str, **members: Any) -> Answer:
        return self._call("ecs", operation, members)

    def scaling(self, operation: str, **members: Any) -> Answer:
        raise NotImplementedError

    def own(self, operation: str, **members: Any) -> Answer:
        return self._call("chaos-ecs", operation, members)

    def fis(self, method: str, path: str, body: Mapping[str, Any] | None = None, *, query: str = "") -> Answer:
        self.calls.append((f"{method} {path.split('/')[1]}", dict(body or {})))
        sent = b"" if body is None else json.dumps(body).encode()
        with self.lock:
            response = self.api.send(sent, method=method, path=path, query=query, service="fis")
        return self._answered(f"{method} {path}", response.status, response.body)

    def scheduler(
        self, operation: str, method: str, path: str, body: Mapping[str, Any] | None = None, *, query: str = ""
    ) -> Answer:
        self.calls.append((operation, dict(body or {})))
        sent = b"" if body is None else json.dumps(body).encode()
        with self.lock:
            response = self.api.send(sent, method=method, path=path, query=query, service="scheduler")
        return self._answered(operation, response.status, response.body)

    def raw_state(self) -> Answer:
        self.on_look()
        with self.lock:
            response = self.api.get("/state")
        return self._answered("GET /state", response.status, response.body)

    def _call(self, service: str, operation: str, members: Mapping[str, Any]) -> Answer:
        given = {name: value for name, value in members.items() if value is not None}
        self.calls.append((operation, given))
        headers = {"X-Amz-Target": f"{TARGETS[service]}.{operation}"}
        with self.lock:
            response = self.api.send(json.dumps(given).encode(), headers=headers, service=service)
        return self._answered(operation, response.status, response.body)

    @staticmethod
    def _answered(operation: str, status: int, body: bytes) -> Answer:
        if status != 200:
            raise refusals.of(operation, status, body)
        answer: Answer = json.loads(body) if body else {}
        return answer


class SimController(Simulated):
    """Whoever follows its events moves time on, from look to look, until something happens."""

    def __init__(self) -> None:
        super().__init__()
        self.closed = False
        self._looked = threading.Event()
        self._readers = 0  # the newest alone moves time on

    def raw_state(self) -> Answer:
        answer = super().raw_state()
        self._looked.set()
        return answer

    def events(self, after: int, *, follow: bool) -> Iterator[Event]:
        """Time stands still between what happened and the look at it; where nobody looks it goes on after a moment."""
        self._readers += follow
        mine = self._readers
        while True:
            with self.lock:
                new = [event for event in self._told() if event.number > after]
            self._looked.clear()
            for event in new:
                after = event.number
                yield event
            if not follow:
                return
            self._looked.wait(_PATIENCE_SECONDS)
            if self.closed or self._readers != mine:
                return
            with self.lock:
                self._go_on(after)

    def _go_on(self, after: int) -> None:
        passed = 0.0
        while passed < _AT_MOST_SECONDS and not any(event.number > after for event in self.api.simulation.events):
            self.api.simulation.advance(_STEP_SECONDS)
            passed += _STEP_SECONDS

    def _told(self) -> list[Event]:
        return [Event.of(event_view(event)) for event in self.api.simulation.events]


class SimRoom:
    """A service of three and what else is asked for, a state folder, and a shell whose output is kept."""

    def __init__(self, home: Path, **shell: Any) -> None:
        self.home = home
        self.controller = SimController()
        self.out, self.err = io.StringIO(), io.StringIO()
        self.shell = Shell(
            environment={"CHAOS_ECS_HOME": str(home), "USER": "ada"},
            out=self.out,
            err=self.err,
            opener=lambda shell, *, start: self.controller,
            monotonic=self.simulation.clock.now,
            sleep=self.advance,
            **shell,
        )
        ecs = self.controller.api.client()
        ecs.create_service(cluster=CLUSTER, serviceName="web", taskDefinition="web-server", desiredCount=3)
        self.advance(5)

    @property
    def simulation(self) -> Any:
        return self.controller.api.simulation

    def advance(self, seconds: float) -> None:
        with self.controller.lock:
            self.simulation.advance(seconds)

    def run_task(self, family: str = "worker") -> None:
        self.controller.api.client().run_task(cluster=CLUSTER, taskDefinition=family)
        self.advance(3)

    def run(self, *arguments: str) -> int:
        return app.run(arguments, self.shell)

    @property
    def both(self) -> str:
        return self.out.getvalue() + self.err.getvalue()

    def running(self) -> list[str]:
        return [task.arn for task in self.simulation.state.tasks.values() if task.is_running]

    def close(self) -> None:
        self.controller.closed = True
