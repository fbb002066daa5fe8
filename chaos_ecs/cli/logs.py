"""`logs`: what containers print, of a task, or of all tasks a service has, in the order of time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any

import typer

from chaos_ecs.cli import completion, find
from chaos_ecs.cli.client import Controller, state
from chaos_ecs.cli.look import Follow
from chaos_ecs.cli.output import as_json
from chaos_ecs.cli.parts import shell_of
from chaos_ecs.cli.shell import Shell
from chaos_ecs.cli.snapshot import Snapshot, Task, name_of
from chaos_ecs.errors import ChaosEcsError

_EVERY_SECONDS = 0.5
_GONE = "a container is kept for its logs for an hour after its end, and the newest 50 only"


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
    since: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Only what is newer: 90s, 5m, 1h or an ISO time; of ended tasks too."),
    ] = None,
    container: Annotated[str | None, typer.Option(help="Only this container, where a task has several.")] = None,
) -> None:
    """Show what the containers print.

    \b
    chaos-ecs logs web --follow
    chaos-ecs logs web --since 5m
    chaos-ecs logs 7f3a9c --container sidecar --tail 10
    """
    shell = shell_of(ctx)
    controller, snapshot, cluster = shell.look()
    task, service = _chosen(snapshot, cluster, name)
    from_ = None if since is None else find.moment(since, snapshot.at)
    reader = _Logs(shell, controller, task, service, container, tail, from_, snapshot.at)
    reader.must_have_container(snapshot)
    if reader.read(snapshot) + reader.read_last_words(snapshot) == 0 and not follow:
        until_now = " yet" if reader.is_live(snapshot) else ""
        shell.say(f"{name} has printed nothing" + (until_now if since is None else " since then"))
    reader.tail = None  # of who comes later every line is new
    try:
        while follow and reader.is_live(snapshot):
            shell.sleep(_EVERY_SECONDS)
            snapshot = state(controller)
            reader.read(snapshot)
    except KeyboardInterrupt:
        return


def _chosen(snapshot: Snapshot, cluster: str, name: str) -> tuple[str, str]:
    """The ARN of a task, or else of a service, be it one that was deleted while its tasks are on record."""
    try:
        found = find.service_or_task(snapshot, cluster, name)
    except ChaosEcsError:
        deleted = [item.service for item in snapshot.tasks_in(cluster) if name_of(item.service) == name_of(name)]
        if not deleted:
            raise
        return "", deleted[0]
    return (found.arn, "") if isinstance(found, Task) else ("", found.arn)


@dataclass
class _Logs:
    """Reads the logs of one task, or of all tasks a service has and gets. `from_`: only what is newer; `began_at`: what
    ends from then on is read too, however short it lived."""

    shell: Shell
    controller: Controller
    task: str
    service: str
    container: str | None
    tail: int | None
    from_: float | None
    began_at: float
    _since: dict[str, Any] = field(default_factory=dict)  # by task ARN: where its next reading begins
    _ended: set[str] = field(default_factory=set)

    @property
    def _arn(self) -> str:
        return self.service or self.task

    def is_live(self, snapshot: Snapshot) -> bool:
        """Whether more may come."""
        if self.service:
            service = snapshot.service(self.service)
            return service is not None and service.status != "INACTIVE"
        task = snapshot.task(self.task)
        return task is not None and not task.is_stopped

    def must_have_container(self, snapshot: Snapshot) -> None:
        """Raises E-NO-CONTAINER where none of the tasks has the one that is wanted."""
        known = self._known(snapshot)
        names = list(dict.fromkeys(item.name for task in known for item in task.containers))
        if self.container is not None and names and self.container not in names:
            who = name_of(self.service) if self.service else known[0].short
            what, why = f"{who} has no container {self.container}", f"it has {', '.join(names)}"
            raise ChaosEcsError("E-NO-CONTAINER", what, why, f"chaos-ecs logs {who} --container {names[0]}", 3)

    def read(self, snapshot: Snapshot) -> int:
        """Prints what is new, oldest first; answers how many lines. A task that has ended is read once more, for its
        last words."""
        from_ = self.began_at if self.from_ is None else self.from_
        chosen = [
            task
            for task in self._known(snapshot)
            if task.arn not in self._ended
            and (self.task or not task.is_stopped or task.arn in self._since or (task.stopped_at or 0) >= from_)
        ]
        return self._print(chosen)

    def read_last_words(self, snapshot: Snapshot) -> int:
        """Of a service that has no task that prints, as one that crashes again and again, those of the newest."""
        known = self._known(snapshot)
        ended = [task for task in known if task.is_stopped and any(one.runtime_id for one in task.containers)]
        silent = [task for task in known if self._since.get(task.arn)] == []
        if not self.service or self.from_ is not None or not silent or not ended:
            return 0
        newest = max(ended, key=lambda task: task.stopped_at or 0)
        told = self._print([newest])
        if told:
            self.shell.say(f"these are the last words of {newest.short}: {newest.stopped_reason or 'it ended'}")
        return told

    def _known(self, snapshot: Snapshot) -> list[Task]:
        found = [item for item in snapshot.tasks if (item.service if self.service else item.arn) == self._arn]
        if self.task or self.container is None:
            return found
        return [task for task in found if any(one.name == self.container for one in task.containers)] or found

    def _print(self, tasks: list[Task]) -> int:
        lines: list[tuple[float, Task, dict[str, Any]]] = []
        gone = []
        for task in tasks:
            new = self._new_lines(task)
            lines += [(line["at"], task, line) for line in new or ()]
            gone += [task.short] if new is None else []
        for at, task, line in sorted(lines, key=lambda item: item[0]):
            self.shell.tell(self._text(at, task, line))
        if gone:
            self.shell.say(f"the logs of {find.some(gone)} are gone: {_GONE}")
        return len(lines)

    def _new_lines(self, task: Task) -> list[dict[str, Any]] | None:
        """None where they are gone. Raises E-NO-LOGS for the one task that was asked for."""
        if task.is_stopped:
            self._ended.add(task.arn)
        if not any(item.runtime_id for item in task.containers):
            return []
        first = task.arn not in self._since
        try:
            answer = self.controller.own(
                "GetTaskLogs",
                cluster=task.cluster,
                task=task.arn,
                container=self.container,
                since=self.from_ if first else self._since[task.arn],
                tail=self.tail if first else None,
            )
        except ChaosEcsError as error:
            if error.code != "ResourceNotFoundException" or not task.is_stopped:
                raise
            if not first:
                return []  # its container went between two readings: what it said was told
            if self.service:
                return None
            what = f"The logs of {task.short} are gone"
            raise ChaosEcsError("E-NO-LOGS", what, _GONE, "why it stopped: chaos-ecs ps --all") from error
        self._since[task.arn] = answer.get("nextSince")
        lines: list[dict[str, Any]] = answer["lines"]
        return lines

    def _text(self, at: float, task: Task, line: dict[str, Any]) -> str:
        if self.shell.json:
            parts = {"at": at, "task": task.arn, "container": line.get("container"), "message": line["message"]}
            return as_json(parts)
        container = f" {line['container']}" if len(task.containers) > 1 and self.container is None else ""
        if self.task and not container:
            return str(line["message"])
        return f"{task.short}{container} | {line['message']}"
