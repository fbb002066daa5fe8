"""What Tab completes: names of services, schedules and container instances, ids of tasks and faults that are there now.

One file of the state folder is read and one request is made. Nothing is ever started, and nothing is said: where no
controller answers at once there are no names. Never here: how a shell is told of it (Typer's --install-completion).
"""

from __future__ import annotations

import json

import typer

from chaos_ecs.cli.client import HttpController, state
from chaos_ecs.cli.shell import Shell
from chaos_ecs.cli.snapshot import Snapshot
from chaos_ecs.errors import ChaosEcsError

PATIENCE_SECONDS = 0.5
Found = list[tuple[str, str]]


def services(ctx: typer.Context, incomplete: str) -> Found:
    """Services of the cluster, each with how it is."""
    snapshot, cluster = _seen(ctx)
    if snapshot is None:
        return []
    found = [
        (item.name, f"{item.running_count}/{item.desired_count} {item.condition}")
        for item in snapshot.services_in(cluster)
    ]
    return _fitting(found, incomplete)


def tasks(ctx: typer.Context, incomplete: str) -> Found:
    """Tasks of the cluster; those that have stopped after those that run."""
    snapshot, cluster = _seen(ctx)
    if snapshot is None:
        return []
    known = sorted(snapshot.tasks_in(cluster), key=lambda task: task.is_stopped)
    return _fitting([(task.short, f"{task.last_status} {task.task_definition}") for task in known], incomplete)


def running_tasks(ctx: typer.Context, incomplete: str) -> Found:
    return [item for item in tasks(ctx, incomplete) if not item[1].startswith("STOPPED")]


def victims(ctx: typer.Context, incomplete: str) -> Found:
    """What can be killed."""
    return services(ctx, incomplete) + running_tasks(ctx, incomplete)


def faults(ctx: typer.Context, incomplete: str) -> Found:
    """Faults that are open, by their ids, of whatever cluster."""
    snapshot, _ = _seen(ctx)
    known = snapshot.faults if snapshot else ()
    return _fitting([(fault.id, f"{fault.status} {fault.name}") for fault in known], incomplete)


def schedules(ctx: typer.Context, incomplete: str) -> Found:
    """Schedules, whatever cluster they run tasks in."""
    snapshot, _ = _seen(ctx)
    known = snapshot.schedules if snapshot else ()
    return _fitting([(item.label, item.expression) for item in known], incomplete)


def instances(ctx: typer.Context, incomplete: str) -> Found:
    """Container instances of the cluster, each with where and how it is."""
    snapshot, cluster = _seen(ctx)
    known = snapshot.instances_in(cluster) if snapshot else ()
    return _fitting([(item.name, f"{item.zone} {item.status}") for item in known], incomplete)


def names_of_faults(ctx: typer.Context, incomplete: str) -> Found:
    """Those that there are."""
    from chaos_ecs.chaos import catalogue

    return _fitting([(fault.name, catalogue.sentence(fault)) for fault in catalogue.FAULTS], incomplete)


def services_and_tasks(ctx: typer.Context, incomplete: str) -> Found:
    return services(ctx, incomplete) + tasks(ctx, incomplete)


def _fitting(found: Found, incomplete: str) -> Found:
    return [item for item in found if item[0].startswith(incomplete)]


def _seen(ctx: typer.Context) -> tuple[Snapshot | None, str]:
    """The state and the ARN of the chosen cluster; None, whatever the reason."""
    shell = ctx.obj
    if not isinstance(shell, Shell) or ctx.find_root().params.get("endpoint"):
        return None, ""  # nobody who presses Tab wants a call to a real account
    try:
        snapshot = state(_controller(shell))
        name = ctx.find_root().params.get("cluster") or shell.cluster_name
        found = snapshot.cluster(name, shell.settings.region)
    except (ChaosEcsError, OSError, ValueError, KeyError, TypeError):
        return None, ""  # a shell that waits for Tab has no place for words
    return (snapshot, found.arn) if found else (None, "")


def _controller(shell: Shell) -> HttpController:
    from chaos_ecs.sigv4 import Credentials

    settings = shell.settings
    port = int(json.loads(settings.controller_file.read_text())["port"])
    keys = Credentials(**json.loads(settings.credentials.read_text()))
    return HttpController(port, keys, settings.region, patience=PATIENCE_SECONDS)
