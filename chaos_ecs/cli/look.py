"""`logs`, `events` and `watch`: what happens, as it happens. Nothing here changes anything."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from chaos_ecs.cli import bridged, completion, find, layout, plain, sentences
from chaos_ecs.cli.client import Controller, state
from chaos_ecs.cli.endpoint.place import only_here
from chaos_ecs.cli.follow import Follower
from chaos_ecs.cli.lines import lines_of
from chaos_ecs.cli.livelog import screen_for
from chaos_ecs.cli.output import as_json
from chaos_ecs.cli.parts import shell_of
from chaos_ecs.cli.presses import Presses, listening
from chaos_ecs.cli.shell import Shell
from chaos_ecs.cli.snapshot import Event, Service, Snapshot, Task, name_of
from chaos_ecs.errors import ChaosEcsError

_LOGS_EVERY_SECONDS = 0.5

Follow = Annotated[bool, typer.Option("--follow", "-f", help="Stay, until Ctrl-C.")]


def watch(ctx: typer.Context) -> None:
    """Watch the cluster: every event, and the state in a panel below. Ctrl-C leaves.

    \b
    chaos-ecs watch
    chaos-ecs watch --accessible
    chaos-ecs watch --json | head
    """
    shell = shell_of(ctx)
    controller, snapshot, cluster = shell.look()
    header(shell, controller, snapshot)
    screen = screen_for(shell, cluster, snapshot.at, result=True, keys=True)
    follower = Follower(shell, controller, screen, snapshot.number, lambda event: event.cluster in ("", cluster))
    try:
        with listening(shell, follower, Presses(follower, cluster)):
            follower.run(lambda snapshot: False)
    except KeyboardInterrupt:
        screen.close()
        shell.say_left("left the view; everything keeps running")
    finally:
        screen.close()


def events(
    ctx: typer.Context,
    *,
    service: Annotated[
        str | None, typer.Argument(help="Only this service's.", autocompletion=completion.services)
    ] = None,
    follow: Follow = False,
    tail: Annotated[int | None, typer.Option(min=0, help="Only the newest so many.")] = None,
    eventbridge: Annotated[
        bool, typer.Option("--eventbridge", help="As JSON lines that Amazon ECS would send to EventBridge.")
    ] = False,
) -> None:
    """Show what happened, oldest first.

    \b
    chaos-ecs events
    chaos-ecs events web --tail 20
    chaos-ecs events --follow --json
    chaos-ecs events --follow --eventbridge | jq .detail.lastStatus
    """
    shell = shell_of(ctx)
    if eventbridge and shell.place is not None:
        raise only_here(shell.place, "events --eventbridge", "Amazon ECS sends them to EventBridge itself")
    controller, snapshot, cluster = shell.look()
    wanted = _of(snapshot, cluster, service)
    if eventbridge:
        bridged.tell(shell, controller, cluster, service, follow=follow, tail=tail)
        return
    told = list(controller.events(0, follow=False))
    chosen = [event for event in told if wanted(event)]
    show = _event_writer(shell)
    show(chosen if tail is None else chosen[len(chosen) - min(tail, len(chosen)) :])
    if not follow:
        if not chosen:
            shell.say("No events yet. Try: chaos-ecs service up --desired 3")
        return
    screen = _ListScreen(show)
    after = told[-1].number if told else snapshot.number
    try:
        Follower(shell, controller, screen, after, wanted).run(lambda snapshot: False)
    except KeyboardInterrupt:
        return


def logs(
    ctx: typer.Context,
    *,
    name: Annotated[
        str,
        typer.Argument(
            metavar="TASK|SERVICE",
            help="A task's first digits, or a service.",
            autocompletion=completion.services_and_tasks,
        ),
    ],
    follow: Follow = False,
    tail: Annotated[int | None, typer.Option(min=0, help="Only the last so many lines of each task.")] = None,
) -> None:
    """Show what the containers print.

    \b
    chaos-ecs logs web --follow
    chaos-ecs logs 7f3a9c --tail 10
    """
    shell = shell_of(ctx)
    controller, snapshot, cluster = shell.look()
    chosen = find.service_or_task(snapshot, cluster, name)
    reader = _Logs(shell, controller, chosen, tail)
    if reader.read(snapshot) == 0 and not follow:
        shell.say(f"{name} has printed nothing" + (" yet" if reader.is_live(snapshot) else ""))
    try:
        while follow and reader.is_live(snapshot):
            shell.sleep(_LOGS_EVERY_SECONDS)
            snapshot = state(controller)
            reader.read(snapshot)
    except KeyboardInterrupt:
        return


def header(shell: Shell, controller: Controller, snapshot: Snapshot) -> None:
    """One line that says what is watched, where."""
    from chaos_ecs import __version__

    engine = snapshot.engine if snapshot.engine_connected else f"no engine: {snapshot.engine_reason}"
    parts = [f"chaos-ecs {__version__}", f"cluster {shell.cluster_name}", engine, controller.url]
    room = shell.width or 1000
    while len(" | ".join(parts)) > room and len(parts) > 2:
        parts.pop(0 if len(parts) == 4 else 1)
    shell.say(" | ".join(parts))


# --- events ---


def _of(snapshot: Snapshot, cluster: str, service: str | None) -> Callable[[Event], bool]:
    """Which events: of the cluster, or of one service, be it one that was deleted."""
    if service is None:
        return lambda event: event.cluster in ("", cluster)
    known = {name_of(item.service) for item in snapshot.tasks if item.service}
    if service not in known:
        find.service(snapshot, cluster, service)
    return lambda event: event.cluster == cluster and name_of(event.service) == service


def _event_writer(shell: Shell) -> Callable[[Sequence[Event]], None]:
    def write(events: Sequence[Event]) -> None:
        for row in _rows(shell, events):
            shell.tell(row)

    return write


def _rows(shell: Shell, events: Sequence[Event]) -> list[str]:
    """JSON where asked for, plain lines in a pipe; in a terminal the live log's own lines with the time of day."""
    if shell.json:
        return [as_json(event.as_json()) for event in events]
    if not shell.terminal:
        return [plain.line(event) for event in events]
    if shell.accessible:
        return sentences.of_day(events)
    width = shell.width or 100
    rows = []
    for line in lines_of(events):
        time = datetime.fromtimestamp(line.at, UTC).astimezone().strftime("%H:%M:%S")
        rows += layout.rows(line, width, shell.symbols, time)
    return rows


@dataclass(frozen=True)
class _ListScreen:
    """Events only, no panel."""

    write: Callable[[Sequence[Event]], None]

    def show(self, events: Sequence[Event], snapshot: Snapshot) -> None:
        self.write(events)

    def note(self, line: Any) -> None:
        self.write([Event(0, line.at, line.word, line.detail)])

    def text(self, rows: Sequence[str]) -> None:
        """Events only."""

    def wait(self, sentence: str) -> None:
        """Events only."""

    def draws(self, start: str) -> bool:
        return False

    def close(self) -> None:
        """Nothing is held."""


# --- logs ---


@dataclass
class _Logs:
    """Reads the logs of one task, or of all tasks a service has and gets."""

    shell: Shell
    controller: Controller
    chosen: Service | Task
    tail: int | None
    _since: dict[str, Any] = field(default_factory=dict)  # by task ARN: where its next reading begins
    _ended: dict[str, bool] = field(default_factory=dict)

    def is_live(self, snapshot: Snapshot) -> bool:
        """Whether more may come."""
        if isinstance(self.chosen, Service):
            service = snapshot.service(self.chosen.arn)
            return service is not None and service.status != "INACTIVE"
        task = snapshot.task(self.chosen.arn)
        return task is not None and not task.is_stopped

    def read(self, snapshot: Snapshot) -> int:
        """Prints what is new, oldest first; answers how many lines."""
        lines: list[tuple[float, Task, dict[str, Any]]] = []
        for task in self._tasks(snapshot):
            lines += [(line["at"], task, line) for line in self._new_lines(task)]
        for at, task, line in sorted(lines, key=lambda item: item[0]):
            self.shell.tell(self._text(at, task, line))
        return len(lines)

    def _tasks(self, snapshot: Snapshot) -> list[Task]:
        """A task that has ended is read once more, for its last words."""
        if isinstance(self.chosen, Service):
            arn = self.chosen.arn
            known = [task for task in snapshot.tasks if task.service == arn]
            chosen = [task for task in known if not task.is_stopped or task.arn in self._since]
        else:
            chosen = [task for task in snapshot.tasks if task.arn == self.chosen.arn]
        return [task for task in chosen if task.arn not in self._ended]

    def _new_lines(self, task: Task) -> list[dict[str, Any]]:
        if task.is_stopped:
            self._ended[task.arn] = True
        if not any(item.runtime_id for item in task.containers):
            return []
        first = task.arn not in self._since
        try:
            answer = self.controller.own(
                "GetTaskLogs",
                cluster=task.cluster,
                task=task.arn,
                since=self._since.get(task.arn),
                tail=self.tail if first else None,
            )
        except ChaosEcsError:
            if task.is_stopped and not first:
                return []  # its container went between two readings: what it said was told
            raise
        self._since[task.arn] = answer.get("nextSince")
        lines: list[dict[str, Any]] = answer["lines"]
        return lines

    def _text(self, at: float, task: Task, line: dict[str, Any]) -> str:
        if self.shell.json:
            parts = {"at": at, "task": task.arn, "container": line.get("container"), "message": line["message"]}
            return as_json(parts)
        container = f" {line['container']}" if len(task.containers) > 1 else ""
        if isinstance(self.chosen, Task) and not container:
            return str(line["message"])
        return f"{task.short}{container} | {line['message']}"
