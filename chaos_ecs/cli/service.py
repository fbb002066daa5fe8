"""`chaos-ecs service`: up, ls, describe, scale, down. Never here: how a service is kept alive (see `core/plan.py`)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from chaos_ecs.cli import (
    autoscale,
    balancers,
    capacity,
    completion,
    continuing,
    definitions,
    deploy,
    find,
    instance_words,
    shiftview,
    strategies,
    tables,
)
from chaos_ecs.cli.awscommand import Action
from chaos_ecs.cli.balanced import Balance
from chaos_ecs.cli.capacity import CapacityOption, strategy_of
from chaos_ecs.cli.definitions import Wish
from chaos_ecs.cli.endpoint.place import only_here
from chaos_ecs.cli.line import seconds
from chaos_ecs.cli.output import as_json, table
from chaos_ecs.cli.parts import Command, Group, YesOption, shell_of
from chaos_ecs.cli.shell import Shell
from chaos_ecs.cli.snapshot import Service, Snapshot
from chaos_ecs.cli.steady import View, await_steady, brought_up, keep_standby, say_detached, take_down
from chaos_ecs.cli.strategies import (
    BakeOption,
    PercentOption,
    Shifting,
    StepBakeOption,
    StrategyOption,
    TestPortOption,
)
from chaos_ecs.cli.text import counted, folded

app = typer.Typer(
    cls=Group,
    rich_markup_mode=None,
    help="""Services: they keep their desired count of tasks running.

    \b
    chaos-ecs service up --desired 3
    chaos-ecs service scale web 5
    chaos-ecs service down web
    """,
)

Name = Annotated[
    str, typer.Argument(help="The service's name.", show_default=False, autocompletion=completion.services)
]
Timeout = Annotated[float, typer.Option(parser=find.duration, metavar="TIME", help="How long to wait: 90s, 2m, 1h.")]
StandbyOption = Annotated[
    int | None, typer.Option(min=0, metavar="K", help="Replacements kept started and paused (new: 0).")
]
DefinitionOption = Annotated[str | None, typer.Option(metavar="FAMILY[:REVISION]", help="(new: web-server:1)")]
ContainerPortOption = Annotated[
    int | None,
    typer.Option("--container-port", "--port", min=1, max=65535, help="Where the container serves HTTP."),
]
LoadBalancerOption = Annotated[
    bool | None, typer.Option("--lb/--no-lb", help="Behind the load balancer (new: where there is a port).")
]
ListenerOption = Annotated[
    int | None,
    typer.Option(min=1, max=65535, help="The listener's port; the first listener of all answers at 8480."),
]
_EVENTS_SHOWN = 10


@app.command("up", cls=Command)
def up(
    ctx: typer.Context,
    *,
    name: Annotated[str, typer.Argument(help="The service's name.", autocompletion=completion.services)] = "web",
    desired: Annotated[int | None, typer.Option(min=0, help="How many tasks to keep running (new: 1).")] = None,
    standby: StandbyOption = None,
    image: Annotated[str | None, typer.Option(help="Container image; a task definition is registered for it.")] = None,
    task_definition: DefinitionOption = None,
    env: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="A variable; may be repeated.")] = None,
    command: Annotated[str | None, typer.Option(help='The container\'s command, quoted: --command "web".')] = None,
    container_port: ContainerPortOption = None,
    capacity_provider: CapacityOption = None,
    lb: LoadBalancerOption = None,
    lb_port: ListenerOption = None,
    health_check_path: Annotated[str | None, typer.Option(metavar="PATH", help="What is checked (new: /).")] = None,
    strategy: StrategyOption = None,
    percent: PercentOption = None,
    step_bake: StepBakeOption = None,
    bake: BakeOption = None,
    test_port: TestPortOption = None,
    detach: Annotated[bool, typer.Option("--detach", help="Return once the service is created.")] = False,
    wait: Annotated[bool | None, typer.Option("--wait/--no-wait", help="Wait for the steady state.")] = None,
    timeout: Timeout = "2m",  # type: ignore[assignment]  # Typer parses defaults too
    yes: YesOption = False,
) -> None:
    """Create a service, or change the one of this name, and watch it.

    \b
    chaos-ecs service up --desired 3
    chaos-ecs service up --desired 3 --standby 1
    chaos-ecs service up --desired 3 --strategy canary
    chaos-ecs service up --desired 3 --capacity-provider FARGATE_SPOT
    chaos-ecs service up api --image nginx:alpine --port 80 --detach
    """
    shell = shell_of(ctx, yes=yes)
    wish = Wish(image, find.pairs(env or []), definitions.words(command), container_port)
    balance = Balance(lb, lb_port, health_check_path, Shifting.of(strategy, percent, step_bake, bake, None, test_port))
    if lb is False and balance != Balance(False):
        raise typer.BadParameter("options of a load balancer want one", param_hint="--no-lb")
    if shell.place is not None and not (balance.is_plain and standby is None):
        why = "the ECS API leaves load balancers to another service, and has no standbys"
        raise only_here(shell.place, "What --standby, --strategy and the options of a load balancer ask for", why)
    view = brought_up(shell, name, desired, task_definition, wish, balance, providers=strategy_of(capacity_provider))
    if standby is not None:
        view = keep_standby(shell, view, standby)
    if not (wait if wait is not None else not detach):
        say_detached(shell, view)
        return
    raise typer.Exit(await_steady(shell, view, timeout, follow=shell.is_live and not detach))


@app.command("scale", cls=Command)
def scale(
    ctx: typer.Context,
    *,
    name: Name,
    desired: Annotated[int, typer.Argument(min=0, help="How many tasks to keep running.")],
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for the steady state.")] = True,
    timeout: Timeout = "2m",  # type: ignore[assignment]
    yes: YesOption = False,
) -> None:
    """Change a service's desired count.

    \b
    chaos-ecs service scale web 5
    chaos-ecs service scale web 0 --no-wait
    """
    shell = shell_of(ctx, yes=yes)
    controller, snapshot, cluster = shell.look()
    service = find.service(snapshot, cluster, name)
    change = {"cluster": cluster, "service": service.arn, "desiredCount": desired}
    controller.ecs("UpdateService", **change)
    shell.say(f"service {service.name}: desired {service.desired_count} -> {desired}")
    view = View(controller, snapshot, cluster, service.arn, service.name, Action("UpdateService", change))
    if service.shift is not None:
        _say_under_way(shell, service)
    elif wait:
        raise typer.Exit(await_steady(shell, view, timeout, follow=False))
    say_detached(shell, view)


def _say_under_way(shell: Shell, service: Service) -> None:
    """Why nobody waits for the steady state: it comes when the deployment is over."""
    assert service.shift is not None, "a deployment that moves traffic is under way"
    command = "describe" if service.shift.pause is None else "continue"
    where = f"{shiftview.where(service.shift)}: chaos-ecs service {command} {service.name}"
    shell.say(f"{service.name} is scaled; a deployment is under way ({where})")


app.command("autoscale", cls=Command)(autoscale.autoscale)


@app.command("down", cls=Command)
def down(
    ctx: typer.Context,
    *,
    name: Name,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would stop, and stop nothing.")] = False,
    timeout: Timeout = "2m",  # type: ignore[assignment]
    yes: YesOption = False,
) -> None:
    """Delete a service and wait until its tasks are gone.

    \b
    chaos-ecs service down web
    chaos-ecs service down web --dry-run
    """
    shell = shell_of(ctx, yes=yes)
    controller, snapshot, cluster = shell.look()
    service = find.service(snapshot, cluster, name)
    ids = [task.short for task in snapshot.live_tasks_of(service.arn)]
    if dry_run:
        _tell_down(shell, service.name, ids, dry_run=True)
        return
    shell.agree(f"DeleteService {service.name}, which stops {counted(len(ids), 'task')},")
    take_down(shell, controller, snapshot, service, timeout=timeout)
    _tell_down(shell, service.name, ids, dry_run=False)


@app.command("ls", cls=Command)
def ls(ctx: typer.Context) -> None:
    """List the services of the cluster.

    \b
    chaos-ecs service ls
    chaos-ecs service ls --json
    """
    shell = shell_of(ctx)
    _, snapshot, cluster = shell.look()
    services = snapshot.services_in(cluster)
    if shell.json:
        shell.tell(as_json({"services": [dict(item.raw) for item in services]}))
    elif services:
        shell.tell(tables.services(snapshot, services, width=shell.width))
    else:
        shell.say(f"No services in cluster {shell.cluster_name} yet. Try: chaos-ecs service up --desired 3")


@app.command("describe", cls=Command)
def describe(ctx: typer.Context, name: Name) -> None:
    """Show a service: its counts, its tasks and what ECS told of it.

    \b
    chaos-ecs service describe web
    """
    shell = shell_of(ctx)
    controller, snapshot, cluster = shell.look()
    service = find.service(snapshot, cluster, name)
    told = controller.ecs("DescribeServices", cluster=cluster, services=[service.arn])["services"][0]
    if shell.json:
        shell.tell(as_json({"service": told}))
    else:
        shell.tell(shell.hinted(_described(snapshot, service, told, shell.width)))


def _tell_down(shell: Shell, name: str, ids: list[str], *, dry_run: bool) -> None:
    if shell.json:
        shell.tell(as_json({"service": name, "tasks": ids, "dryRun": dry_run}))
        return
    verb = "would be deleted, with" if dry_run else "deleted,"
    stopped = "to stop" if dry_run else "stopped"
    shell.tell(f"{name} {verb} {counted(len(ids), 'task')} {stopped}" + (f": {' '.join(ids)}" if ids else ""))


app.command("deploy", cls=Command)(deploy.deploy)
app.command("rollback", cls=Command)(deploy.rollback)
app.command("continue", cls=Command)(continuing.continue_)


def _described(snapshot: Snapshot, service: Service, told: dict[str, Any], width: int | None) -> str:
    lines = [
        f"service          {service.name}",
        f"arn              {service.arn}",
        f"status           {service.status}, {service.condition}",
        f"desired          {service.desired_count}",
        f"running          {service.running_count}, pending {service.pending_count}",
        f"task definition  {service.task_definition}",
        f"kills            {service.kills}"
        + (
            "" if service.last_recovery_seconds is None else f", last recovery {seconds(service.last_recovery_seconds)}"
        ),
    ]
    lines += _columns([("capacity", capacity.told(told.get("capacityProviderStrategy") or ()))], width)
    lines += _columns([("placed", instance_words.spread(snapshot.live_tasks_of(service.arn)))], width)
    lines += _conditions(snapshot, service, width)
    lines += _deploying(service, told, snapshot.at, width)
    lines += _balanced(snapshot, service, width)
    lines += ["", tables.deployments(told.get("deployments") or [], width=width)]
    if tasks := tables.of_service(snapshot, service, width=width):
        lines += ["", tasks]
    events = [
        (datetime.fromtimestamp(item["createdAt"], UTC).strftime("%H:%M:%SZ"), item["message"])
        for item in (told.get("events") or [])[:_EVENTS_SHOWN]
    ]
    if events:
        lines += ["", table(("EVENT", "newest first"), events, width=width)]
    return "\n".join(lines)


def _deploying(service: Service, told: dict[str, Any], now: float, width: int | None) -> list[str]:
    """The strategy where it is not the usual one, and how far the deployment under way has come."""
    terms = strategies.terms(told.get("deploymentConfiguration") or {})
    shift = service.shift
    rows = [("strategy", terms)]
    if shift is not None:
        rows += [("stage", shiftview.stage_row(shift)), ("requests", shiftview.shares(shift))]
        rows += [("", shiftview.bake_row(shift, now))]
        rows += [("", row) for row in shiftview.paused_rows(shift, f"chaos-ecs service continue {service.name}", now)]
    return _columns(rows, width)


def _columns(rows: Sequence[tuple[str, str]], width: int | None) -> list[str]:
    """Names and what is said of them; without those of which nothing is."""
    told = ((name, text) for name, text in rows if text)
    return [line for name, text in told for line in folded(text, width or 1000, first=f"{name:<17}", further=" " * 17)]


def _balanced(snapshot: Snapshot, service: Service, width: int | None) -> list[str]:
    """Where it is reached and what its targets are; which tasks are protected."""
    lines = [f"load balancer    {listener.url}" for listener in snapshot.listeners_of(service)]
    lines += [
        f"targets          {group.name}: {group.healthy} healthy" for group in snapshot.counted_groups_of(service)
    ]
    for task in snapshot.live_tasks_of(service.arn):
        if task.protected_until is not None and task.protected_until > snapshot.at:
            left = seconds(task.protected_until - snapshot.at)
            lines.append(f"protected        {task.short} for {left}: scale-in and deployments leave it alone")
    if targets := balancers.targets(snapshot, snapshot.groups_of(service), width=width):
        lines += ["", targets]
    return lines


def _conditions(snapshot: Snapshot, service: Service, width: int | None) -> list[str]:
    """What is out of the ordinary: standbys, throttling, flapping."""
    rows = []
    if service.standby.desired or service.standby.ready:
        memory = (
            "memory without a limit"
            if service.standby.memory is None
            else f"at most {service.standby.memory} MiB of memory"
        )
        ready = f"{service.standby.ready} of {service.standby.desired} ready"
        rows.append(("standby", f"{ready}, {memory}; no tasks of the service until one dies"))
    if service.throttle:
        rows.append(("throttled", service.throttle.reason))
    if no_place := instance_words.no_place(snapshot, service):
        rows.append(("no place", no_place))
    if service.flapping:
        exits = f"{service.flapping.exits} exits in {service.flapping.seconds:g}s"
        rows.append(("flapping", f"{exits}, not throttled: what reaches RUNNING is replaced at full speed"))
    return _columns(rows, width)
