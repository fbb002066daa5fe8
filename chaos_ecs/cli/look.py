"""`events` and `watch`: what happens, as it happens. Nothing here changes anything."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from chaos_ecs.cli import bridged, completion, find, layout, plain, sentences
from chaos_ecs.cli.client import Controller
from chaos_ecs.cli.endpoint.place import only_here
from chaos_ecs.cli.follow import Follower
from chaos_ecs.cli.lines import lines_of
from chaos_ecs.cli.livelog import screen_for
from chaos_ecs.cli.output import as_json
from chaos_ecs.cli.parts import shell_of
from chaos_ecs.cli.presses import Presses, listening
from chaos_ecs.cli.shell import Shell
from chaos_ecs.cli.snapshot import Event, Snapshot, name_of

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
