"""`exec`, and what `run-task --interactive` does: a program of yours inside a task's container, on its network."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Annotated, Any

import typer

from chaos_ecs.cli import find
from chaos_ecs.cli.client import Controller, state
from chaos_ecs.cli.definitions import DEMO_IMAGE, MEMORY_MIB, Wish, describe, family_of_image, registered_as
from chaos_ecs.cli.follow import Follower
from chaos_ecs.cli.livelog import screen_for
from chaos_ecs.cli.parts import shell_of
from chaos_ecs.cli.shell import Shell
from chaos_ecs.cli.snapshot import Container, Snapshot, Task, name_of, short
from chaos_ecs.cli.tasks import OURS_FAILED, Run, started
from chaos_ecs.errors import ChaosEcsError

SHELL = ("/bin/sh",)
TOOLBOX_SHELL = ("/bin/bash",)
START_SECONDS = 120.0
_KILLED = 137  # what runs inside ends so with its container
_TOLD_SECONDS = 2.0  # the controller hears of a container's end a moment after us
_EVERY_SECONDS = 0.1
_OF_ITS_WORK = ("command", "healthCheck", "portMappings", "dependsOn")

# Waits for its SIGTERM, as process 1 must to hear it, and for nothing else.
_WAITS = ("/bin/sh", "-c", "trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done")


def exec_(
    ctx: typer.Context,
    *,
    task: Annotated[
        str, typer.Argument(metavar="TASK|SERVICE", show_default=False, help="A task's id; of a service one that runs.")
    ],
    command: Annotated[
        list[str] | None, typer.Argument(metavar="[-- COMMAND...]", help="Program and arguments (default: /bin/sh).")
    ] = None,
    container: Annotated[str | None, typer.Option(help="Which container, where the task has several.")] = None,
    toolbox: Annotated[
        bool, typer.Option("--toolbox", help="In a container of ours beside it: for images without a shell.")
    ] = False,
) -> None:
    """Run a program inside a task, by default a shell. Exits with its code.

    \b
    chaos-ecs exec web
    chaos-ecs exec 7f3a9c -- nslookup web
    chaos-ecs exec 7f3a9c --toolbox -- ss -tlnp
    """
    shell = shell_of(ctx)
    controller, snapshot, cluster = shell.look()
    chosen = _chosen(snapshot, cluster, task)
    inner = _container_of(chosen, container)
    words = tuple(command or (TOOLBOX_SHELL if toolbox else SHELL))
    if toolbox and not command:
        shell.say(f"beside {chosen.short}: its network and its processes are here, its files in /proc/1/root")
    with _hang_up_raises():
        code = run_inside(shell, controller, chosen, inner, words, toolbox=toolbox)
    raise typer.Exit(code)


def _chosen(snapshot: Snapshot, cluster: str, text: str) -> Task:
    """The task of this id, or of the service of this name the first that runs."""
    found = find.service_or_task(snapshot, cluster, text)
    if isinstance(found, Task):
        return found
    running = [item for item in snapshot.tasks_in(cluster) if item.service == found.arn and item.is_running]
    if not running:
        raise ChaosEcsError("E-NOT-RUNNING", f"No task of {found.name} runs", "", "chaos-ecs ps --all", 3)
    return running[0]


def run_inside(
    shell: Shell,
    controller: Controller,
    task: Task,
    container: Container,
    words: tuple[str, ...],
    *,
    toolbox: bool = False,
) -> int:
    """Runs it with this terminal; its exit code. Raises E-NO-PROGRAM, and E-TASK-ENDED where the task went with it."""
    _check_real(controller)
    is_person = shell.terminal and shell.keyboard is not None
    try:
        reads, home = not sys.stdin.closed, shell.settings.home
        code = shell.inside(container.runtime_id, words, terminal=is_person, reads=reads, home=home, toolbox=toolbox)
    except ChaosEcsError as error:
        if error.code != "E-NO-PROGRAM":
            raise
        raise ChaosEcsError(error.code, error.what, error.why, _other_ways(task, container), error.exit_code) from error
    if code != 0:
        _must_run_still(shell, controller, task, container, code)
    return code


def _other_ways(task: Task, container: Container) -> str:
    into = f"chaos-ecs exec {task.short}"
    if len(task.containers) > 1:
        into += f" --container {container.name}"
    return f"{into} --toolbox   |   {into} -- PROGRAM"


def _must_run_still(shell: Shell, controller: Controller, task: Task, container: Container, code: int) -> None:
    """Raises E-TASK-ENDED with the program's code where it was not the program that ended, but what it ran in."""
    until = shell.monotonic() + (_TOLD_SECONDS if code == _KILLED else 0.0)
    while (why := _why_ended(state(controller).task(task.arn), container)) is None:
        if shell.monotonic() >= until:
            return
        shell.sleep(_EVERY_SECONDS)
    again = f"chaos-ecs exec {name_of(task.service)}" if task.service else "chaos-ecs ps --all"
    raise ChaosEcsError("E-TASK-ENDED", f"{task.short} ended while you were inside", why, again, code)


def _why_ended(task: Task | None, container: Container) -> str | None:
    """None while it runs."""
    if task is None:
        return "it is not there any more"
    if task.is_stopped or task.desired_status == "STOPPED":
        return task.stopped_reason or f"it is {task.last_status}"
    codes = [item.exit_code for item in task.containers if item.name == container.name and item.exit_code is not None]
    return f"its container {container.name} ended with exit code {codes[0]}" if codes else None


def _check_real(controller: Controller) -> None:
    if controller.own("GetController").get("simulated"):
        why = "this controller simulates: its tasks are no containers"
        raise ChaosEcsError("E-SIMULATED", "There is nothing to go into", why, "chaos-ecs controller stop", 2)


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


def interactive(shell: Shell, family: str | None, wish: Wish) -> int:
    """A standalone task on the cluster's network that only waits, a shell in it, and its end when you leave. It is made
    as the task definition says (`family`), or of an image alone."""
    controller, before, cluster = shell.look()
    _check_real(controller)
    run = started(controller, before, cluster, _waiting(shell, controller, family, wish))
    arn = run.tasks[0]
    try:
        with _hang_up_raises():
            task = _running(shell, run)
            shell.say(f"inside {task.short}, a task of {shell.cluster_name}; exit ends the task")
            shell.say(_who_has_names(before, cluster))
            return run_inside(shell, controller, task, _container_of(task, None), tuple(wish.command or SHELL))
    finally:
        controller.ecs("StopTask", cluster=cluster, task=arn, reason="its shell was left")
        shell.say(f"{short(arn)} is stopped: a standalone task, nobody replaces it")


def _waiting(shell: Shell, controller: Controller, family: str | None, wish: Wish) -> str:
    """A task definition whose container is like another's but for its work: FAMILY:REVISION."""
    if family is None or wish.image is not None:
        image = wish.image or f"{DEMO_IMAGE}:1"
        name = f"shell-{family_of_image(image)}"
        container: dict[str, Any] = {"name": name, "image": image, "memory": MEMORY_MIB, "essential": True}
        more: dict[str, Any] = {}
    else:
        known = describe(controller, family)
        name, more = f"shell-{known['family']}", {"volumes": known.get("volumes") or []}
        first = known["containerDefinitions"][0]
        container = {member: value for member, value in first.items() if member not in _OF_ITS_WORK}
    container["entryPoint"] = list(_WAITS)
    return registered_as(shell, controller, name, [container], replace(wish, image=None, command=None), more)


def _who_has_names(before: Snapshot, cluster: str) -> str:
    names = [service.name for service in before.services_in(cluster) if service.is_active]
    if names:
        return f"services have names here: {', '.join(names)}"
    return "no service is here yet, and one that is made later is not found from this task"


@contextmanager
def _hang_up_raises() -> Iterator[None]:
    """A window that is closed ends us like any other end: what is to be put away is. Once: a closed window hangs up
    twice, as its shell does too, and the second must not cut the putting away. Whoever said `nohup` stays."""

    def end(number: int, frame: object) -> None:
        for each in numbers:
            signal.signal(each, signal.SIG_IGN)
        raise SystemExit(128 + number)

    known = [getattr(signal, name) for name in ("SIGHUP", "SIGTERM") if hasattr(signal, name)]
    numbers = [number for number in known if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, end) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            if signal.getsignal(number) == end:  # once hung up they stay ignored: we are about to end
                signal.signal(number, handler)


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
