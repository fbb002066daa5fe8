"""Watching a deployment until it is over, or as far as somebody has to say how it goes on.

Never here: beginning one (see `deploy.py`, `continuing.py`) and how it looks (see `deployview.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chaos_ecs.cli import strategies
from chaos_ecs.cli.awscommand import Action
from chaos_ecs.cli.client import Controller, state
from chaos_ecs.cli.deployview import Outcome, Story
from chaos_ecs.cli.follow import Follower
from chaos_ecs.cli.line import seconds
from chaos_ecs.cli.livelog import Face, screen_for
from chaos_ecs.cli.output import as_json
from chaos_ecs.cli.presses import Presses, listening
from chaos_ecs.cli.shell import Shell
from chaos_ecs.cli.snapshot import Event, Service, Snapshot
from chaos_ecs.errors import ChaosEcsError

_TASKS_SECONDS = 300.0  # for tasks to start and stop
_MINUTE_SECONDS = 60.0  # at most, of a bake time
_LINES_LOOKED_AT = 5  # of a failed task's log, from the end
_WITHOUT_SERVICE = ("BALANCER_", "ENGINE_", "LISTENER_MOVED")


@dataclass(frozen=True, slots=True)
class Watch:
    """A deployment that goes on; `before` is the state from before it, where the events begin. `patience` is how long
    it may take where nobody said so, in seconds."""

    controller: Controller
    before: Snapshot
    service: Service
    story: Story
    action: Action
    patience: float = _TASKS_SECONDS


def patience(configuration: Mapping[str, Any]) -> float:
    """For a service of this deployment configuration: its bake times are long, not late."""
    return _TASKS_SECONDS + strategies.bake_minutes(configuration) * _MINUTE_SECONDS


def followed(shell: Shell, watch: Watch, timeout: float | None, *, wait: bool = True) -> int:
    """Follows it to its end and tells that. Answers the exit code; raises E-TIMEOUT (124).

    Where nobody can watch, a pause is an end too: whoever reads the pipe has to continue it.
    """
    if not wait:
        _tell_begun(shell, watch)
        return 0
    story, service = watch.story, watch.service
    story.ends_paused = not shell.is_live
    story.continue_with = shell.hinted(f"chaos-ecs service continue {service.name}")
    most = watch.patience if timeout is None else timeout
    awaited = f"{story.asked} of {service.name} to be live or rolled back"
    shell.say(f"waiting for {awaited}, at most {seconds(most)}; Ctrl-C leaves, it goes on")
    story.keys = shell.keyboard is not None
    screen = screen_for(shell, service.cluster, watch.before.at, keys=True, face=Face(story.lines, story.panel))
    follower = Follower(
        shell,
        watch.controller,
        screen,
        watch.before.number,
        lambda event: _is_about(event, service),
        story.record,
        awaited,
    )
    presses = Presses(follower, service.cluster, service.arn, watch.action)
    try:
        with listening(shell, follower, presses):
            over = follower.run(story.see, timeout=most)
    except KeyboardInterrupt:
        screen.close()
        _say_left(shell, story, service.name)
        return 130
    finally:
        screen.close()
    if not over:
        raise _too_late(story, service, most)
    _tell_end(shell, follower.controller, watch)
    return 0 if story.outcome is Outcome.LIVE else 1


def _is_about(event: Event, service: Service) -> bool:
    return event.service == service.arn or (not event.service and event.type.startswith(_WITHOUT_SERVICE))


def _say_left(shell: Shell, story: Story, name: str) -> None:
    if story.is_paused:
        shell.say_left(f"left the view; the deployment stays paused. Continue it: chaos-ecs service continue {name}")
    else:
        shell.say_left(f"left the view; the deployment goes on. Undo it: chaos-ecs service rollback {name}")


def _too_late(story: Story, service: Service, timeout: float) -> ChaosEcsError:
    what = f"The deployment of {story.asked} to {service.name} is not over after {seconds(timeout)}"
    hint = f"chaos-ecs service rollback {service.name}"
    if story.is_paused and story.shift is not None:
        why, hint = f"it is paused at {story.shift.stage}", f"chaos-ecs service continue {service.name}"
    elif story.why:
        why = f"its tasks fail: {story.why}"
    elif story.shift is not None:
        why = f"it is in stage {story.shift.stage}; nothing has failed so far"
    else:
        why = "it goes on; nothing has failed so far"
    return ChaosEcsError("E-TIMEOUT", what, why, hint, 124)


def _tell_begun(shell: Shell, watch: Watch) -> None:
    story, name = watch.story, watch.service.name
    if shell.json:
        shell.tell(as_json({"service": name, "asked": story.asked, "previous": story.previous, "outcome": None}))
    else:
        shell.tell(f"{name}: {story.previous} -> {story.asked} has begun")
    shell.say(f"see it: chaos-ecs service describe {name}   |   undo it: chaos-ecs service rollback {name}")


def _tell_end(shell: Shell, controller: Controller, watch: Watch) -> None:
    story = watch.story
    snapshot = state(controller)
    story.see(snapshot)
    if story.outcome not in (Outcome.LIVE, Outcome.PAUSED):
        story.last_line = _last_line(controller, watch.service.cluster, story)
    if shell.json:
        shell.tell(as_json(_as_json(story, snapshot)))
        return
    if shell.accessible:
        for sentence in story.sentences():
            shell.tell(sentence, fold=True)
    else:
        width = shell.width
        for row in story.rows(snapshot.at, None if width is None else width - 1, shell.symbols):
            shell.tell(row)
    shell.say(_next(story, watch.service.name, snapshot))
    shell.tell(story.verdict())


def _last_line(controller: Controller, cluster: str, story: Story) -> str:
    """The last words of the task that failed last; "" when nobody has them any more."""
    for task in reversed(story.failed[-2:]):
        try:
            told = controller.own("GetTaskLogs", cluster=cluster, task=task, tail=_LINES_LOOKED_AT)["lines"]
        except ChaosEcsError:
            continue
        said = [line["message"].strip() for line in told if line["message"].strip()]
        if own := [line for line in said if "SIGTERM" not in line] or said:  # how it was stopped says nothing
            return str(own[-1])
    return ""


def _next(story: Story, name: str, snapshot: Snapshot) -> str:
    if story.outcome is Outcome.LIVE:
        return f"next: chaos-ecs service describe {name}   |   chaos-ecs service rollback {name}"
    if story.outcome is Outcome.PAUSED:
        command = f"chaos-ecs service continue {name}"
        return f"next: {command}   |   {command} --rollback   |   chaos-ecs service describe {name}"
    failed = [task for arn in story.failed if (task := snapshot.task(arn)) is not None]
    ran = [task.short for task in failed if task.started_at is not None]
    logs = f"chaos-ecs logs {ran[-1]}   |   " if ran else ""
    return f"next: {logs}chaos-ecs service deploy {name} --image IMAGE   |   chaos-ecs service describe {name}"


def _as_json(story: Story, snapshot: Snapshot) -> dict[str, Any]:
    service, client, shift = snapshot.service(story.service), story.client(), story.shift
    return {
        "service": dict(service.raw) if service is not None else None,
        "asked": story.asked,
        "previous": story.previous,
        "outcome": story.outcome.value if story.outcome else None,
        "stage": None if shift is None else shift.stage,
        "why": story.why or None,
        "lastLogLine": story.last_line or None,
        "client": None if client is None else {"requests": client.requests, "failed": client.failed},
    }
