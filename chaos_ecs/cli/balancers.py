"""`chaos-ecs lb`: the load balancers, where they listen and whom they send requests to. Changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import typer

from chaos_ecs.cli import clientline, shiftview
from chaos_ecs.cli.output import as_json, table
from chaos_ecs.cli.parts import Command, Group, shell_of
from chaos_ecs.cli.shell import Shell
from chaos_ecs.cli.snapshot import Listener, Service, Snapshot, TargetGroup, name_of, short

app = typer.Typer(
    cls=Group,
    rich_markup_mode=None,
    help="""Load balancers: they send requests to healthy tasks.

    \b
    chaos-ecs lb status
    """,
)


@app.callback()
def group() -> None:
    """Keeps `lb` a group while it has one command."""


@app.command("status", cls=Command)
def status(ctx: typer.Context) -> None:
    """Show listeners with their URLs, and the state of every target.

    \b
    chaos-ecs lb status
    chaos-ecs lb status --json
    """
    shell = shell_of(ctx)
    controller, snapshot, _ = shell.look()
    if shell.json:
        raw = controller.raw_state()
        lists = {name: raw.get(name) or [] for name in ("loadBalancers", "targetGroups")}
        shell.tell(as_json({**lists, "client": raw.get("client")}))
    elif snapshot.load_balancers or snapshot.target_groups:
        for row in rows(snapshot, shell):
            shell.tell(row)
    else:
        shell.say("No load balancers yet. Try: chaos-ecs service up --desired 3 (behind one where there is a port)")


def rows(snapshot: Snapshot, shell: Shell) -> list[str]:
    """Listeners, then targets, then what the client saw."""
    width = shell.width
    told = listeners(snapshot, width=width).splitlines()
    told += [row for service in snapshot.services if (row := _moving(service))]
    if targets_told := targets(snapshot, snapshot.target_groups, width=width):
        told += ["", *targets_told.splitlines()]
    if snapshot.client is not None:
        told += ["", clientline.row(snapshot.client, width or 100, shell.symbols, snapshot.at)]
    return told


def listeners(snapshot: Snapshot, *, width: int | None) -> str:
    """One row a listener; the cluster's column is there where services of several are behind them."""
    behind = {listener: _behind(snapshot, listener) for item in snapshot.load_balancers for listener in item.listeners}
    clusters = {service.cluster for services in behind.values() for service in services}
    body = [
        (
            listener.url,
            balancer.name,
            str(listener.port),
            _groups(snapshot, listener),
            *((_named(service.cluster for service in behind[listener]),) if len(clusters) > 1 else ()),
            _named(service.arn for service in behind[listener]),
        )
        for balancer in snapshot.load_balancers
        for listener in balancer.listeners
    ]
    with_cluster = ("CLUSTER",) if len(clusters) > 1 else ()
    head = ["LISTENER", "LOAD BALANCER", "AWS PORT", "TARGET GROUP", *with_cluster, "SERVICE"]
    none = ["-"] * (len(head) - 2)
    body += [("-", balancer.name, *none) for balancer in snapshot.load_balancers if not balancer.listeners]
    return table(head, body, width=width, fold=("AWS PORT", "LOAD BALANCER", "TARGET GROUP"))


def _moving(service: Service) -> str:
    """Whose requests are whose while a deployment moves them: the listener leads to two target groups then."""
    shift = service.shift
    return "" if shift is None else f"{service.name} moves its requests, {shift.stage}: {shiftview.shares(shift)}"


def _named(arns: Iterable[str]) -> str:
    return " ".join(dict.fromkeys(name_of(arn) for arn in arns)) or "-"


def _groups(snapshot: Snapshot, listener: Listener) -> str:
    named = [group for group in snapshot.target_groups if group.arn in listener.target_groups]
    return " ".join(f"{group.name} ({group.healthy} healthy)" for group in named) or "-"


def _behind(snapshot: Snapshot, listener: Listener) -> list[Service]:
    return [item for item in snapshot.services if _is_behind(item, listener) and item.status != "INACTIVE"]


def _is_behind(service: Service, listener: Listener) -> bool:
    return any(arn in service.target_groups for arn in listener.target_groups)


def targets(snapshot: Snapshot, groups: Sequence[TargetGroup], *, width: int | None) -> str:
    """One row a target; the requests that it answered, where they are known."""
    body = [
        (
            group.name,
            short(target.task),
            f"{target.address}:{target.port}",
            target.state,
            _requests(snapshot, name_of(target.task)),
            target.reason or "-",
        )
        for group in groups
        for target in group.targets
    ]
    head = ("TARGET GROUP", "TASK", "ADDRESS", "STATE", "REQUESTS", "REASON")
    return table(head, body, width=width, fold=("ADDRESS", "REQUESTS", "TARGET GROUP"))


def _requests(snapshot: Snapshot, task_id: str) -> str:
    by_task = snapshot.client.tasks if snapshot.client else {}
    return next((f"{count:,}" for id_, count in by_task.items() if id_ and task_id.startswith(id_)), "-")
