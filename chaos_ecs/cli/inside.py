"""`exec`, and what `run-task --interactive` does: a program of yours inside a task's container, on its network."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from chaos_ecs import wiring
from chaos_ecs.cli import find
from chaos_ecs.cli.client import Controller, state
from chaos_ecs.cli.definitions import MEMORY_MIB, family_of_image
from chaos_ecs.cli.follow import Follower
from chaos_ecs.cli.livelog import screen_for
from chaos_ecs.cli.parts import shell_of
from chaos_ecs.cli.shell import Shell
from chaos_ecs.cli.snapshot import Container, Task, short
from chaos_ecs.cli.tasks import OURS_FAILED, Run, TaskId, started
from chaos_ecs.errors import ChaosEcsError

SHELL = ("/bin/sh",)
DEMO_IMAGE = "chaos-ecs/demo:1"
NO_PROGRAM = (126, 127)  # `docker exec`: it cannot run, or is not there
START_SECONDS = 120.0

# Waits for its SIGTERM, as process 1 must to hear it, and for nothing else.
_WAITS = ("/bin/sh", "-c", "trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done")


def exec_(
    ctx: typer.Context,
    *,
    task: TaskId,
    command: Annotated[
        list[str] | None, typer.Argument(metavar="[-- COMMAND...]", help="Program and arguments (default: /bin/sh).")
    ] = None,
    container: Annotated[str | None, typer.Option(help="Which container, where the task has several.")] = None,
) -> None:
    """Run a program inside a task, by default a shell. Exits with its code.

    \b
    chaos-ecs exec 7f3a9c
    chaos-ecs exec 7f3a9c -- nslookup web
    """
    shell = shell_of(ctx)
    controller, snapshot, cluster = shell.look()
    chosen = find.task(snapshot, cluster, task)
    code = run_inside(shell, controller, chosen, _container_of(chosen, container), tuple(command or SHELL))
    raise typer.Exit(code)


def run_inside(shell: Shell, controller: Controller, task: Task, container: Container, words: tuple[str, ...]) -> int:
    """Runs it with this terminal; its exit code. A program that is not there is said so."""
    if controller.own("GetController").get("simulated"):
        why = "this controller simulates: its tasks are no containers"
        raise ChaosEcsError("E-SIMULATED", "There is nothing to go into", why, "chaos-ecs controller stop", 2)
    is_person = shell.terminal and shell.keyboard is not None
    code = wiring.run_inside(container.runtime_id, words, terminal=is_person, reads=not sys.stdin.closed)
    if code in NO_PROGRAM:
        shell.say(f"exit {code}: is there a {words[0]} in {container.image}?")
        shell.say(f"another one: chaos-ecs exec {task.short} -- PROGRAM")
    return code


def _container_of(task: Task, name: str | None) -> Container:
    """The one named, or the first that runs. Raises E-NOT-RUNNING and E-NO-CONTAINER."""
    names = ", ".join(item.name for item in task.containers)
    found = [item for item in task.containers if name in (None, item.name)]
    if not found:
        raise ChaosEcsError("E-NO-CONTAINER", f"{task.short} has no container {name}", f"it has {names}", "", 3)
    live = [item for item in found if item.runtime_id and item.exit_code is None and not task.is_stopped]
    if not live:
        why = f"it is {task.last_status}; a program can only be run beside one that runs"
        raise ChaosEcsError("E-NOT-RUNNING", f"{task.short} does not run", why, "chaos-ecs ps", 3)
    return live[0]


# --- a task to look around in ---


def interactive(
    shell: Shell, image: str | None, command: Sequence[str] | None, environment: Sequence[tuple[str, str]]
) -> int:
    """A standalone task on the cluster's network that only waits, a shell in it, and its end when you leave."""
    controller, before, cluster = shell.look()
    family = f"shell-{family_of_image(image or DEMO_IMAGE)}"
    definition = {
        "name": family,
        "image": image or DEMO_IMAGE,
        "memory": MEMORY_MIB,
        "essential": True,
        "entryPoint": list(_WAITS),
        "environment": [{"name": name, "value": value} for name, value in environment],
    }
    made = controller.ecs("RegisterTaskDefinition", family=family, containerDefinitions=[definition])["taskDefinition"]
    run = started(controller, before, cluster, f"{family}:{made['revision']}")
    arn = run.tasks[0]
    try:
        task = _running(shell, run)
        shell.say(f"inside {task.short}, a task of {shell.cluster_name}: services have names here; exit ends the task")
        return run_inside(shell, controller, task, _container_of(task, None), tuple(command or SHELL))
    finally:
        controller.ecs("StopTask", cluster=cluster, task=arn, reason="its shell was left")
        shell.say(f"{short(arn)} is stopped: a standalone task, nobody replaces it")


def _running(shell: Shell, run: Run) -> Task:
    """The task once it runs. Raises what has become of it instead."""
    arn = run.tasks[0]
    screen = screen_for(shell, run.cluster, run.before.at)
    shell.say(f"waiting for {short(arn)} to run, at most {START_SECONDS:.0f} s; Ctrl-C leaves and stops it")
    follower = Follower(shell, run.controller, screen, run.before.number, lambda event: event.task == arn)
    try:
        follower.run(
            lambda snapshot: (task := snapshot.task(arn)) is None or task.is_running or task.is_stopped,
            timeout=START_SECONDS,
        )
    finally:
        screen.close()
    task = state(run.controller).task(arn)
    if task is None or not task.is_running:
        why = (task and task.stopped_reason) or "it was not there in time"
        raise ChaosEcsError("E-NOT-RUNNING", f"{short(arn)} does not run", why, "chaos-ecs ps --all", OURS_FAILED)
    return task
