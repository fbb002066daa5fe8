"""The demo's four steps, its figures and its clean-up, in whatever controller it is given.

Each step says the command a learner would type. Never here: which controller (see `demo.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from chaos_ecs.cli import balanced, clientline, definitions, tasks
from chaos_ecs.cli.balanced import Balance
from chaos_ecs.cli.client import Controller, state
from chaos_ecs.cli.definitions import Wish
from chaos_ecs.cli.follow import Follower
from chaos_ecs.cli.health import is_whole
from chaos_ecs.cli.kill import Choice, Killed, hit, pick
from chaos_ecs.cli.line import seconds
from chaos_ecs.cli.livelog import Screen, demo_screen
from chaos_ecs.cli.output import table
from chaos_ecs.cli.recovery import steps, summary
from chaos_ecs.cli.shell import Shell
from chaos_ecs.cli.snapshot import Event, Snapshot, short
from chaos_ecs.cli.steady import brought_up, is_gone
from chaos_ecs.errors import ChaosEcsError

SERVICE = "demo-web"
DESIRED = 3
GAP_SECONDS = 5.0
_SHORT_WORK = ("SECONDS_TO_WORK", "3")
STEP_WITHIN_SECONDS = 120.0
"""Generous: the first start builds the task image."""


@dataclass
class Tour:
    """One run of the demo. `made` are the ARNs of all it started, replacements too; `measured` what it tells."""

    shell: Shell
    write: Callable[[str], None]
    controller: Controller
    cluster: str
    began_at: float
    made: dict[str, None] = field(default_factory=dict)
    measured: dict[str, Any] = field(default_factory=dict)
    _rows: list[tuple[str, str]] = field(default_factory=list)

    def run(self) -> None:
        """The four steps and the table. Raises E-TIMEOUT when a step does not get there."""
        self._service_up()
        self._service_task_killed()
        self._task_to_its_end()
        self._standalone_task_killed()
        self._tell_requests()
        self.write("")
        self.write("What was measured")
        for row in table(("WHAT", "RESULT"), self._rows).splitlines():
            self.write(f"   {row}")

    def take_down(self) -> None:
        """Deletes the service and stops what still runs of the demo; harmless when there is nothing."""
        self._say("Clean-up", f"chaos-ecs service down {SERVICE}")
        snapshot = state(self.controller)
        service = snapshot.service_named(self.cluster, SERVICE)
        if service is not None:
            self.controller.ecs("DeleteService", cluster=self.cluster, service=service.arn, force=True)
        for arn in self.made:
            task = snapshot.task(arn)
            if task is not None and not task.service and not task.is_stopped:
                self.controller.ecs("StopTask", cluster=self.cluster, task=arn, reason="the demo ends")
        if service is not None:
            arn = service.arn
            try:
                self._follow(snapshot, lambda now: is_gone(now, arn) and self._all_stopped(now), "everything to stop")
            finally:
                balanced.removed(self.controller, snapshot, self.cluster, SERVICE)

    # --- the steps ---

    def _service_up(self) -> None:
        self._say(f"1. A service of {DESIRED} tasks", f"chaos-ecs service up {SERVICE} --desired {DESIRED}")
        view = brought_up(self.shell, SERVICE, DESIRED, definitions.DEFAULT, Wish(), Balance())
        after = self._follow(view.before, lambda now: is_whole(now, view.arn), "the steady state")
        took = after.at - view.before.at
        self.measured["steadyAfter"] = took
        self._rows.append((f"service of {DESIRED} tasks, steady after", seconds(took)))

    def _service_task_killed(self) -> None:
        self._say("2. One of them is killed", f"chaos-ecs kill {SERVICE}")
        before = state(self.controller)
        service = before.service_named(self.cluster, SERVICE)
        killed = self._kill(before, Choice(service=service.arn if service else None), gap=0)
        self.measured["serviceTaskKilled"] = [death.as_json() for death in killed.recorder.deaths.values()]
        for death in killed.recorder.deaths.values():
            self.write(f"   {steps(death)}")
            self._rows.append(("task of the service killed: noticed after", seconds(death.noticed_after)))
            self._rows.append(("   a new task decided after", seconds(death.decided_after)))
            self._rows.append(("   the new task running after", seconds(death.running_after)))
        for value in killed.recorder.recovered.values():
            self.write(f"   {summary(SERVICE, value)}")
            self.measured["recoveredSeconds"] = value
            self._rows.append(("   service recovered in", seconds(value)))

    def _tell_requests(self) -> None:
        """What our own client saw of the service all along; nothing where there is none, as on the simulator."""
        service = state(self.controller).service_named(self.cluster, SERVICE)
        seen = service.client if service is not None else None
        if seen is None or not seen.requests:
            return
        self.write("")
        self.write(f"All along, requests went to the service. {clientline.sentence(seen)}")
        self.measured["client"] = {"requests": seen.requests, "failed": seen.failed, "availability": seen.availability}
        told = f"{seen.requests:,}, {seen.failed:,} failed, {clientline.percent(seen.availability)} answered"
        self._rows.append(("requests to the service all along", told))

    def _task_to_its_end(self) -> None:
        self._say("3. A standalone task runs to its end", f"chaos-ecs run-task batch-job --env {'='.join(_SHORT_WORK)}")
        run = tasks.start(self.shell, "batch-job", 1, Wish(environment=(_SHORT_WORK,)))
        after = self._follow_tasks(run, lambda now: tasks.has_ended(now, run.tasks[0]), "its end")
        task = after.task(run.tasks[0])
        code = tasks.exit_code_of(task) if task else tasks.OURS_FAILED
        self.write("   It is done: success, nothing to replace.")
        self.measured["standaloneExitCode"] = code
        self._rows.append(("standalone task, ran to its end with", f"exit code {code}"))

    def _standalone_task_killed(self) -> None:
        self._say("4. A standalone task is killed", "chaos-ecs run-task worker, then: chaos-ecs kill --standalone")
        run = tasks.start(self.shell, "worker", 1, Wish())
        before = self._follow_tasks(run, lambda now: _is_running(now, run.tasks[0]), "it to run")
        killed = self._kill(before, Choice(tasks=run.tasks), gap=GAP_SECONDS)
        self.write(f"   {short(run.tasks[0])} STILL GONE: a standalone task has no manager.")
        self.measured["standaloneReplacements"] = killed.recorder.replacements
        count = str(killed.recorder.replacements)
        self._rows.append((f"standalone task killed: replacements within {seconds(GAP_SECONDS)}", count))

    # --- how ---

    def _say(self, title: str, command: str) -> None:
        self.write("")
        self.write(title)
        self.write(f"$ {command}")

    def _kill(self, before: Snapshot, choice: Choice, *, gap: float) -> Killed:
        victims = pick(self.controller, before, self.cluster, choice)
        screen = self._screen()
        killed = hit(self.shell, self.controller, before, victims, gap=gap, timeout=STEP_WITHIN_SECONDS, screen=screen)
        for death in killed.recorder.deaths.values():
            self.made.update(dict.fromkeys(death.replacements))
        if not killed.recovered:
            raise _too_late("the recovery")
        return killed

    def _follow_tasks(self, run: tasks.Run, until: Callable[[Snapshot], bool], awaited: str) -> Snapshot:
        self.made.update(dict.fromkeys(run.tasks))
        return self._follow(run.before, until, awaited)

    def _follow(self, before: Snapshot, until: Callable[[Snapshot], bool], awaited: str) -> Snapshot:
        """Follows what concerns the demo until it is so; answers the state then. Raises E-TIMEOUT."""
        screen = self._screen()
        follower = Follower(
            self.shell, self.controller, screen, before.number, self._is_ours, self._note_tasks, awaited
        )
        try:
            reached = follower.run(until, timeout=STEP_WITHIN_SECONDS)
        finally:
            screen.close()
        if not reached:
            raise _too_late(awaited)
        return state(self.controller)

    def _screen(self) -> Screen:
        return demo_screen(self.shell, self.cluster, self.began_at, self.write)

    def _is_ours(self, event: Event) -> bool:
        return event.service.endswith(f"/{SERVICE}") or event.task in self.made

    def _note_tasks(self, events: Sequence[Event]) -> None:
        for event in events:
            if event.type == "TASK_CREATED" and event.service.endswith(f"/{SERVICE}"):
                self.made[event.task] = None

    def _all_stopped(self, snapshot: Snapshot) -> bool:
        return all(tasks.has_ended(snapshot, arn) for arn in self.made)


def _is_running(snapshot: Snapshot, arn: str) -> bool:
    task = snapshot.task(arn)
    return task is not None and (task.is_running or task.is_stopped)


def _too_late(awaited: str) -> ChaosEcsError:
    what = f"The demo waited {seconds(STEP_WITHIN_SECONDS)} for {awaited} in vain"
    return ChaosEcsError("E-TIMEOUT", what, "the engine is slow, or a task cannot start", "chaos-ecs doctor", 124)
