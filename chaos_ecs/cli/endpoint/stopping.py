"""What `kill` is where the ECS API is all there is: StopTask, which is no crash, and is told so.

Never here: the kill on the own controller (see `cli/kill.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random, SystemRandom

from chaos_ecs.cli.client import state
from chaos_ecs.cli.find import some
from chaos_ecs.cli.follow import Follower
from chaos_ecs.cli.health import is_whole
from chaos_ecs.cli.kill import Choice, nothing_to_kill, role
from chaos_ecs.cli.line import seconds
from chaos_ecs.cli.livelog import screen_for
from chaos_ecs.cli.output import as_json
from chaos_ecs.cli.shell import Shell
from chaos_ecs.cli.snapshot import Snapshot, Task, name_of
from chaos_ecs.errors import ChaosEcsError

_REASON = "a StopTask by hand, from the kill of chaos-ecs"
_DIFFERENCE = (
    "kill is StopTask there: SIGTERM, 30 s (its stopTimeout) later SIGKILL, and stopCode UserInitiated.",
    "ECS knows of it and drains the task first. It is not the crash that chaos-ecs makes on its own controller.",
)


def stop_instead(shell: Shell, before: Snapshot, cluster: str, choice: Choice, *, dry_run: bool, timeout: float) -> int:
    """Names the victims, asks, stops them, and follows until they are gone and their services whole. Exit code."""
    victims = _picked(before, cluster, choice)
    for sentence in _DIFFERENCE:
        shell.say(sentence)
    if dry_run:
        _tell_dry(shell, victims)
        return 0
    shell.agree(f"StopTask {some([task.short for task in victims])}")
    api = shell.there()
    screen = screen_for(shell, cluster, before.at)
    arns = [task.arn for task in victims]
    services = list(dict.fromkeys(task.service for task in victims if task.service))
    follower = Follower(
        shell, api, screen, before.number, lambda event: event.task in arns or event.service in services
    )
    follower.awaited = f"the end of {some([task.short for task in victims])}" + (", and what follows" * bool(services))
    try:
        for task in victims:
            shell.say(f"stopping {task.short}, {role(task)}")
            api.ecs("StopTask", cluster=cluster, task=task.arn, reason=_REASON)
        shell.say(f"waiting for {follower.awaited}, at most {seconds(timeout)}")
        began_at = shell.monotonic()
        over = follower.run(lambda snapshot: _is_over(snapshot, arns, services), timeout=timeout)
        took = shell.monotonic() - began_at
    finally:
        screen.close()
    _tell(shell, state(api), victims, services, over=over, took=took)
    return 0 if over else 1


def _picked(snapshot: Snapshot, cluster: str, choice: Choice) -> list[Task]:
    """Tasks by name; else, of those that run and match, so many at random. Nothing that matches is exit code 3."""
    if choice.tasks:
        named = [task for arn in choice.tasks if (task := snapshot.task(arn)) is not None]
        if ended := next((task for task in named if task.desired_status == "STOPPED"), None):
            why = f"it is {ended.last_status}, desired STOPPED"
            raise ChaosEcsError("E-NO-TASK", f"{ended.short} does not run", why, "chaos-ecs ps", 3)
        return named
    found = [
        task
        for task in snapshot.tasks_in(cluster)
        if task.is_running
        and (choice.service is None or task.service == choice.service)
        and not (choice.standalone and task.service)
    ]
    if not found:
        raise nothing_to_kill(snapshot, cluster, choice)
    if choice.all:
        return found
    random = SystemRandom() if choice.seed is None else Random(choice.seed)
    return sorted(random.sample(found, min(choice.count or 1, len(found))), key=lambda task: task.number)


def _is_over(snapshot: Snapshot, tasks: Sequence[str], services: Sequence[str]) -> bool:
    gone = all((task := snapshot.task(arn)) is None or task.is_stopped for arn in tasks)
    return gone and all(is_whole(snapshot, service) for service in services)


def _tell_dry(shell: Shell, victims: Sequence[Task]) -> None:
    if shell.json:
        tasks = [{"task": task.arn, "service": task.service or None} for task in victims]
        shell.tell(as_json({"operation": "StopTask", "victims": tasks, "dryRun": True}))
        return
    for task in victims:
        shell.tell(f"would stop {task.short}, {role(task)}")


def _tell(
    shell: Shell, after: Snapshot, victims: Sequence[Task], services: Sequence[str], *, over: bool, took: float
) -> None:
    ended = [after.task(task.arn) or task for task in victims]
    if shell.json:
        told = [
            {
                "task": task.arn,
                "service": task.service or None,
                "lastStatus": task.last_status,
                "stopCode": task.stop_code or None,
                "exitCode": task.exit_code,
            }
            for task in ended
        ]
        shell.tell(as_json({"operation": "StopTask", "victims": told, "over": over, "seconds": round(took, 1)}))
        return
    for task in ended:
        code = "" if task.exit_code is None else f", exit {task.exit_code}"
        stop_code = f" {task.stop_code}" if task.stop_code else ""
        shell.tell(f"{task.short} {task.last_status}{stop_code}{code}")
    for service in services:
        known = after.service(service)
        counts = "is gone" if known is None else f"{known.running_count}/{known.desired_count} {known.condition}"
        shell.tell(f"{name_of(service)} {counts} {seconds(took)} after StopTask")
    if any(not task.service for task in victims):
        shell.say("A standalone task has no manager: nobody replaces it, there as here.")
