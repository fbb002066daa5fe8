"""`run-task`, `task stop|describe` and `ps`. Never here: killing (see `kill.py`), logs (see `look.py`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from chaos_ecs.cli import completion, definitions, find, instance_words, tables
from chaos_ecs.cli.capacity import CAPACITY, CapacityOption, strategy_of
from chaos_ecs.cli.client import Controller, state
from chaos_ecs.cli.definitions import Wish
from chaos_ecs.cli.endpoint.place import only_here
from chaos_ecs.cli.follow import Follower
from chaos_ecs.cli.line import seconds
from chaos_ecs.cli.livelog import screen_for
from chaos_ecs.cli.output import as_json
from chaos_ecs.cli.parts import Command, Group, YesOption, shell_of
from chaos_ecs.cli.shell import Shell
from chaos_ecs.cli.snapshot import Snapshot, Task, name_of, short
from chaos_ecs.cli.text import counted
from chaos_ecs.errors import ChaosEcsError

app = typer.Typer(
    cls=Group,
    rich_markup_mode=None,
    help="""Single tasks.

    \b
    chaos-ecs task describe 7f3a9c
    chaos-ecs task stop 7f3a9c --reason "no longer needed"
    """,
)
DEFAULT_FAMILY = "batch-job"
OURS_FAILED = 125
"""As `docker run`: the trouble is ours, not the container's."""

TaskId = Annotated[
    str,
    typer.Argument(
        metavar="TASK", help="The first digits of its id.", show_default=False, autocompletion=completion.tasks
    ),
]


def run_task(
    ctx: typer.Context,
    *,
    family: Annotated[
        str | None, typer.Argument(help="Task definition, FAMILY or FAMILY:REVISION (default: batch-job).")
    ] = None,
    image: Annotated[str | None, typer.Option(help="Container image; a task definition is registered for it.")] = None,
    count: Annotated[int, typer.Option(help="How many tasks, 10 at most.")] = 1,
    env: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="A variable; may be repeated.")] = None,
    command: Annotated[str | None, typer.Option(help='The command, quoted: --command "batch 3".')] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Follow to the end.")] = True,
    capacity_provider: CapacityOption = None,
    interactive: Annotated[bool, typer.Option("--interactive", "-i", help="A shell in it; it ends with you.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print ids only.")] = False,
    timeout: Annotated[
        float | None, typer.Option(parser=find.duration, metavar="TIME", help="Wait so long at most.")
    ] = None,
) -> None:
    """Run standalone tasks: nobody replaces them. Exits with the container's own code.

    \b
    chaos-ecs run-task batch-job
    chaos-ecs run-task db-migrate --env FAIL=1
    chaos-ecs run-task --image busybox:1.36 --command "echo hello"
    chaos-ecs run-task worker --capacity-provider FARGATE_SPOT
    chaos-ecs run-task --interactive
    chaos-ecs run-task api --interactive
    """
    shell = shell_of(ctx)
    wish, providers = Wish(image, find.pairs(env or []), definitions.words(command)), strategy_of(capacity_provider)
    if interactive:
        from chaos_ecs.cli import inside

        if shell.place is not None:
            raise only_here(shell.place, "run-task --interactive", "a shell needs this machine's own Docker engine")
        if providers:
            raise typer.BadParameter("is not for a shell, whose task is on the own engine", param_hint=CAPACITY)
        if count != 1 or not wait or quiet or timeout is not None:
            raise typer.BadParameter("is one task, in the foreground, as long as you stay", param_hint="--interactive")
        raise typer.Exit(inside.interactive(shell, family, wish))
    run = start(shell, family, count, wish, providers)
    if wait:
        raise typer.Exit(_follow_to_the_end(shell, run, timeout, quiet=quiet))
    _tell_started(shell, run, quiet=quiet)


@app.command("stop", cls=Command)
def stop(
    ctx: typer.Context,
    *,
    task: TaskId,
    reason: Annotated[str | None, typer.Option(help="Kept with the task as its stoppedReason.")] = None,
    yes: YesOption = False,
) -> None:
    """Stop a task politely: its stop signal first, SIGKILL after its stopTimeout.

    \b
    chaos-ecs task stop 7f3a9c
    chaos-ecs task stop 7f3a9c --reason "no longer needed"
    """
    shell = shell_of(ctx, yes=yes)
    controller, snapshot, cluster = shell.look()
    chosen = find.task(snapshot, cluster, task)
    stopped = controller.ecs("StopTask", cluster=cluster, task=chosen.arn, reason=reason)["task"]
    if shell.json:
        shell.tell(as_json({"task": stopped}))
        return
    shell.tell(f"{chosen.short} {stopped['lastStatus']}, desired {stopped['desiredStatus']}")
    shell.say(_who_replaces(snapshot, chosen))


@app.command("describe", cls=Command)
def describe(ctx: typer.Context, task: TaskId) -> None:
    """Show a task: its life so far, its containers and why it stopped.

    \b
    chaos-ecs task describe 7f3a9c
    """
    shell = shell_of(ctx)
    controller, snapshot, cluster = shell.look()
    chosen = find.task(snapshot, cluster, task)
    told = controller.ecs("DescribeTasks", cluster=cluster, tasks=[chosen.arn])["tasks"]
    if shell.json:
        shell.tell(as_json({"task": told[0] if told else dict(chosen.raw)}))
    else:
        shell.tell(_described(snapshot, chosen, shell.width))


def ps(
    ctx: typer.Context,
    *,
    all_: Annotated[bool, typer.Option("--all", "-a", help="Stopped tasks too, with why they stopped.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print ids only.")] = False,
) -> None:
    """List the tasks of the cluster.

    \b
    chaos-ecs ps
    chaos-ecs ps --all
    chaos-ecs ps -q
    """
    shell = shell_of(ctx)
    _, snapshot, cluster = shell.look()
    chosen = [task for task in snapshot.tasks_in(cluster) if all_ or not task.is_stopped]
    if shell.json:
        shell.tell(as_json({"tasks": [dict(task.raw) for task in chosen]}))
    elif quiet:
        for task in chosen:
            shell.tell(task.short)
    elif chosen:
        shell.tell(tables.tasks(snapshot, chosen, now=snapshot.at, width=shell.width))
    else:
        hint = "chaos-ecs service up --desired 3, or: chaos-ecs run-task batch-job"
        shell.say(f"No {'' if all_ else 'running '}tasks in cluster {shell.cluster_name}. Try: {hint}")


# --- run-task, step by step ---


@dataclass(frozen=True, slots=True)
class Run:
    """Standalone tasks that were started; `before` is the state from before, where their events begin."""

    controller: Controller
    before: Snapshot
    cluster: str
    definition: str
    tasks: tuple[str, ...]  # ARNs


def start(shell: Shell, family: str | None, count: int, wish: Wish, providers: Sequence[dict[str, Any]] = ()) -> Run:
    """Starts standalone tasks; refused or not placed is a ChaosEcsError."""
    controller, before, cluster = shell.look()
    definition = family or DEFAULT_FAMILY
    if wish.image is not None:
        own = (family or definitions.family_of_image(wish.image)).partition(":")[0]
        definition = definitions.registered(shell, controller, own, Wish(wish.image), base=family)
    overridden = None
    if wish.environment or wish.command is not None:
        overridden = overrides(definitions.describe(controller, definition), wish)
    more = {"capacityProviderStrategy": [*providers]} if providers else {}
    return started(controller, before, cluster, definition, count, overridden, **more)


def started(
    controller: Controller,
    before: Snapshot,
    cluster: str,
    definition: str,
    count: int = 1,
    overridden: dict[str, Any] | None = None,
    **more: Any,
) -> Run:
    """Asks for them; refused or not placed is a ChaosEcsError."""
    try:
        answer = controller.ecs(
            "RunTask", cluster=cluster, taskDefinition=definition, count=count, overrides=overridden, **more
        )
    except ChaosEcsError as refusal:
        raise _never_ran(refusal) from refusal
    tasks = answer["tasks"]
    if len(tasks) < count:
        raise _never_ran(_not_placed(before, count, answer))
    return Run(
        controller, before, cluster, name_of(tasks[0]["taskDefinitionArn"]), tuple(item["taskArn"] for item in tasks)
    )


def _never_ran(error: ChaosEcsError) -> ChaosEcsError:
    """As `docker run` has it: 125 is ours, every other code the container's own."""
    code = OURS_FAILED if error.exit_code == 1 else error.exit_code
    return ChaosEcsError(error.code, error.what, error.why, error.hint, code)


def overrides(definition: dict[str, Any], wish: Wish) -> dict[str, Any]:
    """For the first container: that is the one a learner means."""
    override: dict[str, Any] = {"name": definition["containerDefinitions"][0]["name"]}
    if wish.command is not None:
        override["command"] = list(wish.command)
    if wish.environment:
        override["environment"] = [{"name": name, "value": value} for name, value in wish.environment]
    return {"containerOverrides": [override]}


def _not_placed(before: Snapshot, count: int, answer: dict[str, Any]) -> ChaosEcsError:
    """Why some have no place, container instance by container instance; those that have one run."""
    failures, ids = answer.get("failures") or [], [short(item["taskArn"]) for item in answer["tasks"]]
    missing = count - len(ids)
    what = f"{missing} of {counted(count, 'task')} {'was' if missing == 1 else 'were'} not placed"
    why = instance_words.why_not_placed(before, failures)
    if not why:
        why = next((str(item.get("detail") or item.get("reason")) for item in failures), "unknown")
    if all(item.get("reason") == "AGENT" and ":cluster/" in str(item.get("arn")) for item in failures):
        return ChaosEcsError("E-NOT-PLACED", what, why, "chaos-ecs doctor", 4)
    if ids:
        why = f"{why.rstrip('.')}. Started all the same: {' '.join(ids)}"
    return ChaosEcsError("E-NOT-PLACED", what, why, "chaos-ecs instance ls, then: chaos-ecs instance add")


def _tell_started(shell: Shell, run: Run, *, quiet: bool) -> None:
    if shell.json:
        snapshot = state(run.controller)
        shell.tell(as_json({"tasks": [dict(task.raw) for arn in run.tasks if (task := snapshot.task(arn))]}))
        return
    for arn in run.tasks:
        shell.tell(short(arn))
    if not quiet:
        shell.say(f"standalone: nobody replaces it. Watch: chaos-ecs logs {short(run.tasks[0])} -f")


def _follow_to_the_end(shell: Shell, run: Run, timeout: float | None, *, quiet: bool) -> int:
    """Follows until the last of the tasks has stopped; answers the exit code for the command."""
    screen = screen_for(shell, run.cluster, run.before.at, quiet=quiet)
    awaited = f"the end of {' '.join(short(arn) for arn in run.tasks)}"
    if not quiet:
        most = "as long as it takes" if timeout is None else f"at most {seconds(timeout)}"
        shell.say(f"waiting for {awaited}, {most}; Ctrl-C leaves, it goes on")
    follower = Follower(
        shell, run.controller, screen, run.before.number, lambda event: event.task in run.tasks, awaited=awaited
    )
    try:
        ended = follower.run(lambda snapshot: all(has_ended(snapshot, arn) for arn in run.tasks), timeout=timeout)
    except KeyboardInterrupt:
        screen.close()
        ids = " ".join(short(arn) for arn in run.tasks)
        shell.say_left(f"left the view; {ids} goes on. Stop it: chaos-ecs task stop {short(run.tasks[0])}")
        raise
    finally:
        screen.close()
    if not ended:
        what = f"{short(run.tasks[0])} has not ended in time"
        raise ChaosEcsError("E-TIMEOUT", what, "it is still running", f"chaos-ecs logs {short(run.tasks[0])} -f", 124)
    snapshot = state(follower.controller)
    return _tell_ends(shell, run, [task for arn in run.tasks if (task := snapshot.task(arn))], quiet=quiet)


def has_ended(snapshot: Snapshot, arn: str) -> bool:
    task = snapshot.task(arn)
    return task is None or task.is_stopped


def exit_code_of(task: Task) -> int:
    """What `run-task` exits with for this end: the container's own code, 125 when it never ran."""
    if task.exit_code is not None:
        return task.exit_code
    return OURS_FAILED


def _tell_ends(shell: Shell, run: Run, ended: Sequence[Task], *, quiet: bool) -> int:
    codes = [exit_code_of(task) for task in ended]
    code = next((code for code in codes if code != 0), 0)
    if shell.json:
        shell.tell(as_json({"tasks": [dict(task.raw) for task in ended], "exitCode": code}))
        return code
    for task, own in zip(ended, codes, strict=True):
        end = task.stop_code if task.exit_code is None else f"exit {own}"
        shell.tell(task.short if quiet else f"{task.short} STOPPED {end}")
    if quiet:
        return code
    failed = next((task for task in ended if exit_code_of(task) != 0), None)
    if failed is None:
        shell.say("DONE. A finished task is success, nothing to replace.")
    else:
        _say_failed(shell, run, failed)
    return code


def _say_failed(shell: Shell, run: Run, task: Task) -> None:
    shell.say(f"why: {_why(shell, run, task)}")
    shell.say("Nobody will retry it. You decide:")
    shell.say(f"  chaos-ecs logs {task.short}")
    shell.say(f"  chaos-ecs run-task {run.definition.partition(':')[0]}     (run it again)")


def _why(shell: Shell, run: Run, task: Task) -> str:
    """The container's last words, or ECS's reason where it said nothing."""
    reason = next((item.reason for item in task.containers if item.reason), "") or task.stopped_reason
    if task.exit_code is None or shell.place is not None:  # there its logs are at CloudWatch, if anywhere
        return reason
    try:
        said = run.controller.own("GetTaskLogs", cluster=run.cluster, task=task.arn, tail=1)["lines"]
    except ChaosEcsError as error:
        return f"{reason} (no logs: {error})"
    return said[-1]["message"] if said else reason


# --- words ---


def _who_replaces(snapshot: Snapshot, task: Task) -> str:
    service = snapshot.service(task.service)
    if service is None:
        return "a standalone task: nobody replaces it"
    return f"service {service.name} replaces it. See: chaos-ecs watch"


def _described(snapshot: Snapshot, task: Task, width: int | None) -> str:
    owner = name_of(task.service) if task.service else "none: a standalone task, nobody replaces it"
    lines = [
        f"task             {task.id}",
        f"arn              {task.arn}",
        f"service          {owner}",
        f"task definition  {task.task_definition}",
        f"status           {task.last_status}, desired {task.desired_status}",
    ]
    if task.provider:
        lines.append(f"capacity         of {task.provider}")
    if task.instance:
        lines.append(f"instance         {task.instance} in {task.zone}")
    if task.fills:
        lines.append(f"takes the place  of {short(task.fills)}, which is never restarted")
    if task.stop_code or task.stopped_reason:
        lines.append(f"stopped          {task.stop_code}: {task.stopped_reason}")
    lines += ["", tables.containers(task, width=width)]
    lines += ["", tables.moments(task)]
    return "\n".join(lines)
