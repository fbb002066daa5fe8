"""`chaos-ecs kill`: picks, names, kills and then shows what becomes of it. Never here: who may be hit (`chaos/`).

A kill is a fault, not StopTask: the signal goes to the container, and the service scheduler has to find out by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from chaos_ecs.chaos.victims import SEEDS
from chaos_ecs.cli import completion, find
from chaos_ecs.cli.client import Controller, state
from chaos_ecs.cli.endpoint.place import only_here
from chaos_ecs.cli.follow import Follower
from chaos_ecs.cli.health import is_starting, is_whole
from chaos_ecs.cli.line import Line, seconds
from chaos_ecs.cli.livelog import Screen, screen_for
from chaos_ecs.cli.output import as_json
from chaos_ecs.cli.parts import shell_of
from chaos_ecs.cli.recovery import Recorder, steps, summary
from chaos_ecs.cli.refusals import not_found
from chaos_ecs.cli.shell import Shell
from chaos_ecs.cli.snapshot import Event, Service, Snapshot, Task, name_of, short
from chaos_ecs.errors import ChaosEcsError

SIGKILL = "SIGKILL"
START_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Choice:
    """What the options say of the victims, in the words of KillTasks."""

    tasks: tuple[str, ...] = ()
    service: str | None = None
    standalone: bool = False
    all: bool = False
    count: int | None = None
    signal: str = SIGKILL
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Killed:
    """Victims that were hit, and what was measured until their services recovered."""

    victims: tuple[Task, ...]
    recorder: Recorder
    recovered: bool  # whether all services concerned were steady again in time
    signal: str


def kill(
    ctx: typer.Context,
    *,
    whom: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TASK...|SERVICE]", help="None: any one running task.", autocompletion=completion.victims
        ),
    ] = None,
    signal: Annotated[str, typer.Option(help="The signal that is sent.")] = SIGKILL,
    count: Annotated[int | None, typer.Option(min=1, help="So many tasks, picked at random.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="All that match.")] = False,
    standalone: Annotated[bool, typer.Option("--standalone", help="Standalone tasks only.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Name the victims, and kill none.")] = False,
    seed: Annotated[
        int | None, typer.Option(min=0, max=SEEDS - 1, help="The same seed picks the same victims.")
    ] = None,
    watch_gap: Annotated[float, typer.Option(min=0, metavar="SECONDS", help="How long to look for a replacement.")] = 5,
    timeout: Annotated[float, typer.Option(parser=find.duration, metavar="TIME", help="For the recovery.")] = "1m",  # type: ignore[assignment]
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")] = False,
) -> None:
    """Kill a task and see what becomes of it. Without a name: one running task, named before it is killed.

    \b
    chaos-ecs kill              one running task
    chaos-ecs kill web          one task of service web: it recovers
    chaos-ecs kill 7f3a9c       this task
    chaos-ecs kill --standalone a standalone task: it stays gone
    """
    shell = shell_of(ctx, yes=yes)
    if shell.place is not None and not _is_deadly(signal):
        raise only_here(shell.place, f"A kill with {signal}", "the ECS API sends no signals; it has StopTask")
    controller, before, cluster = shell.look()
    choice = Choice((), None, standalone, all_, count, signal, seed)
    choice = _aimed(choice, before, cluster, whom or [])
    if shell.place is not None:
        from chaos_ecs.cli.endpoint import stopping

        raise typer.Exit(stopping.stop_instead(shell, before, cluster, choice, dry_run=dry_run, timeout=timeout))
    before = _awaited_start(shell, controller, before, choice)
    victims = pick(controller, before, cluster, choice)
    if dry_run:
        _tell_victims(shell, victims)
        return
    if all_ and len(victims) > 1 and not yes and shell.asks and not shell.confirm(f"Kill {len(victims)} tasks?"):
        raise ChaosEcsError("E-REFUSED", "Nothing was killed", "the answer was no", "chaos-ecs kill --all --yes", 5)
    killed = hit(shell, controller, before, victims, signal=signal, gap=watch_gap, timeout=timeout)
    _tell(shell, killed, watch_gap)
    raise typer.Exit(0 if killed.recovered else 1)


def _aimed(choice: Choice, snapshot: Snapshot, cluster: str, whom: Sequence[str]) -> Choice:
    """The choice with its victims: one service, or any number of tasks."""
    found = [find.service_or_task(snapshot, cluster, text) for text in whom]
    services = [item for item in found if isinstance(item, Service)]
    if services and len(found) > 1:
        raise typer.BadParameter("name one service, or tasks, not both", param_hint="TASK...|SERVICE")
    if found and (choice.standalone or (not services and (choice.all or choice.count))):
        raise typer.BadParameter("named tasks need no --all, --count or --standalone", param_hint="TASK...|SERVICE")
    named = tuple(item.arn for item in found if isinstance(item, Task))
    service = services[0].arn if services else None
    return Choice(named, service, choice.standalone, choice.all, choice.count, choice.signal, choice.seed)


def _awaited_start(shell: Shell, controller: Controller, before: Snapshot, choice: Choice) -> Snapshot:
    """A task named right behind its run-task may not run yet: this waits until it does, and says so."""
    early = [arn for arn in choice.tasks if is_starting(before, arn)]
    if not early:
        return before
    names = " ".join(short(arn) for arn in early)
    shell.say(f"waiting until {names} runs, at most {seconds(START_SECONDS)}: there is nothing to kill before")
    follower = Follower(shell, controller, screen_for(shell, "", before.at, quiet=True), before.number)
    follower.run(lambda snapshot: not any(is_starting(snapshot, arn) for arn in early), timeout=START_SECONDS)
    return state(controller)


def pick(controller: Controller, snapshot: Snapshot, cluster: str, choice: Choice) -> list[Task]:
    """The victims, by a dry run of KillTasks. Nothing that matches is exit code 3."""
    answer = controller.own(
        "KillTasks",
        cluster=cluster,
        tasks=list(choice.tasks) or None,
        service=choice.service,
        standalone=choice.standalone or None,
        all=choice.all or None,
        count=choice.count,
        signal=choice.signal,
        seed=choice.seed,
        dryRun=True,
    )
    victims = [task for arn in answer["victims"] if (task := snapshot.task(arn)) is not None]
    if not victims:
        raise nothing_to_kill(snapshot, cluster, choice)
    return victims


def nothing_to_kill(snapshot: Snapshot, cluster: str, choice: Choice) -> ChaosEcsError:
    matching = [task for task in snapshot.tasks_in(cluster) if not task.is_stopped]
    next_command = "chaos-ecs service up --desired 3"
    where = f"no task of cluster {name_of(cluster)} is RUNNING"
    if choice.standalone:
        matching = [task for task in matching if not task.service]
        where, next_command = "no standalone task is RUNNING", "chaos-ecs run-task worker --no-wait"
    elif choice.service:
        matching = [task for task in matching if task.service == choice.service]
        where, next_command = f"no task of service {name_of(choice.service)} is RUNNING", "chaos-ecs ps --all"
    if matching:
        where += f"; {matching[0].short} is {matching[0].last_status}: try again in a moment"
    return not_found("There is nothing to kill", where, next_command)


def hit(
    shell: Shell,
    controller: Controller,
    before: Snapshot,
    victims: Sequence[Task],
    *,
    signal: str = SIGKILL,
    gap: float,
    timeout: float,
    screen: Screen | None = None,
) -> Killed:
    """Names the victims, kills them, and follows: until their services are steady again, and where a standalone task
    is among them for `gap` seconds more, in which its replacements are counted."""
    cluster = victims[0].cluster
    for task in victims:
        shell.say(f"killing {task.short}, {role(task)}")
    recorder = Recorder()
    for task in victims:
        recorder.expect(task.arn, task.service)
    screen = screen or screen_for(shell, cluster, before.at)
    services = {task.service for task in victims if task.service}
    arns = {task.arn for task in victims}

    def wanted(event: Event) -> bool:
        return event.task in arns or event.service in services

    follower = Follower(shell, controller, screen, before.number, wanted, recorder.take)
    if services:
        names = " ".join(sorted(name_of(service) for service in services))
        follower.awaited = f"the recovery of {names}"
        shell.say(f"waiting for {follower.awaited}, at most {seconds(timeout)}")
    else:
        follower.awaited = "the end of what was killed"
    try:
        controller.own("KillTasks", cluster=cluster, tasks=sorted(arns), signal=signal)
        recovered = _follow(follower, screen, victims, recorder, signal, gap=gap, timeout=timeout)
    finally:
        screen.close()
    return Killed(tuple(victims), recorder, recovered, signal)


def role(task: Task) -> str:
    if task.service:
        return f"a task of service {name_of(task.service)}"
    return f"a standalone task of {task.task_definition}"


def _follow(
    follower: Follower,
    screen: Screen,
    victims: Sequence[Task],
    recorder: Recorder,
    signal: str,
    *,
    gap: float,
    timeout: float,
) -> bool:
    """Whether everything that should come back came back within `timeout` seconds."""
    deadly = _is_deadly(signal)
    dead = follower.run(
        lambda snapshot: all(_is_over(snapshot, task.arn) for task in victims),
        timeout=timeout if deadly else gap,
    )
    if not dead and not deadly:
        return True  # it took the signal and lives: nothing to recover from
    recovered = follower.run(
        lambda snapshot: all(
            task.service in recorder.recovered or is_whole(snapshot, task.service) for task in victims
        ),
        timeout=timeout,
    )
    standalone = [task for task in victims if not task.service]
    if standalone and gap > 0:
        after = follower.watch(gap)
        _note_still_gone(screen, after, standalone, gap)
    return recovered


def _is_deadly(signal: str) -> bool:
    return signal.upper().removeprefix("SIG") in ("KILL", "9")


def _is_over(snapshot: Snapshot, arn: str) -> bool:
    task = snapshot.task(arn)
    return task is None or task.is_stopped


def replacements(snapshot: Snapshot, victims: Sequence[Task]) -> int:
    """How many tasks were started in the victims' place."""
    arns = {task.arn for task in victims}
    return sum(1 for task in snapshot.tasks if task.fills in arns)


def _note_still_gone(screen: Screen, after: Snapshot, victims: Sequence[Task], gap: float) -> None:
    count = replacements(after, victims)
    ids = tuple(task.short for task in victims)
    screen.note(
        Line(
            after.at, "stopped", "STILL GONE", "", ids, f"{gap:g}s later, replacements: {count}", f"+{gap:g}s: {count}"
        )
    )


# --- the result ---


def _tell_victims(shell: Shell, victims: Sequence[Task]) -> None:
    if shell.json:
        tasks = [{"task": task.arn, "service": task.service or None} for task in victims]
        shell.tell(as_json({"victims": tasks, "dryRun": True}))
        return
    for task in victims:
        shell.tell(f"would kill {task.short}, {role(task)}")


def _tell(shell: Shell, killed: Killed, gap: float) -> None:
    if shell.json:
        shell.tell(as_json(as_result(killed)))
        return
    survivors = [death for death in killed.recorder.deaths.values() if not death.stopped]
    for death in survivors:
        shell.tell(f"{short(death.task)} STILL RUNNING: it does not end on {killed.signal}")
    if not survivors:
        _tell_services(shell, killed)
        _tell_standalone(shell, killed, gap)


def _tell_services(shell: Shell, killed: Killed) -> None:
    for death in killed.recorder.deaths.values():
        if death.service:
            shell.tell(steps(death), fold=True)
    for service in dict.fromkeys(task.service for task in killed.victims if task.service):
        if service in killed.recorder.recovered:
            shell.tell(summary(name_of(service), killed.recorder.recovered[service]))
        else:
            name = name_of(service)
            shell.tell(f"service {name} has NOT recovered yet. See why: chaos-ecs service describe {name}", fold=True)


def _tell_standalone(shell: Shell, killed: Killed, gap: float) -> None:
    standalone = [task for task in killed.victims if not task.service]
    if not standalone:
        return
    count = sum(len(killed.recorder.deaths[task.arn].replacements) for task in standalone)
    ids = " ".join(task.short for task in standalone)
    shell.tell(f"{ids} STILL GONE {seconds(gap)} later, replacements: {count}")
    shell.say("A standalone task has no manager.")
    _, snapshot, cluster = shell.look()
    services = [item.name for item in snapshot.services_in(cluster) if item.is_active]
    compared = f"chaos-ecs kill {services[0]}" if services else "chaos-ecs service up --desired 3"
    shell.say(f"compare: {compared}   (a service recovers)")


def as_result(killed: Killed) -> dict[str, Any]:
    """The outcome as JSON: seconds as numbers, null where unknown."""
    return {
        "signal": killed.signal,
        "victims": [death.as_json() for death in killed.recorder.deaths.values()],
        "recoveries": [{"service": service, "seconds": value} for service, value in killed.recorder.recovered.items()],
        "recovered": killed.recovered,
        "replacements": killed.recorder.replacements,
    }
