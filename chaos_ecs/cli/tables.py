"""The tables of `ps`, `service ls` and their like: snapshots in, text out. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chaos_ecs.cli.line import clock, seconds
from chaos_ecs.cli.output import table
from chaos_ecs.cli.plain import timestamp
from chaos_ecs.cli.snapshot import Service, Snapshot, Task, name_of

MOST_STOPPED = 5


def of_service(snapshot: Snapshot, service: Service, *, width: int | None = None) -> str:
    """Its tasks: those that live first, oldest first, then the newest that stopped; "" without any."""
    live = snapshot.live_tasks_of(service.arn)
    ended = [task for task in snapshot.tasks if task.service == service.arn and task.is_stopped]
    shown = sorted(ended, key=lambda task: task.stopped_at or 0.0, reverse=True)[:MOST_STOPPED]
    told = tasks(snapshot, [*live, *shown], now=snapshot.at, width=width)
    if len(ended) > len(shown):
        told += f"\nand {len(ended) - len(shown)} more that stopped: chaos-ecs ps --all"
    return told


def tasks(snapshot: Snapshot, chosen: Sequence[Task], *, now: float, width: int | None = None) -> str:
    """One row a task; why it stopped stands in full, as the last column."""
    with_ends = any(task.is_stopped for task in chosen)
    placed = ("INSTANCE", "ZONE") if any(task.instance for task in chosen) else ()
    provided = ("PROVIDER",) if any(task.provider for task in chosen) else ()
    head = ["TASK", "SERVICE", "STATUS", *provided, *placed, "TASK DEFINITION", "UP", "PORTS"]
    body = []
    for task in chosen:
        row = [
            task.short,
            name_of(task.service) or "(standalone)",
            task.last_status,
            *((task.provider or "-",) if provided else ()),
            *((task.instance or "-", task.zone or "-") if placed else ()),
            task.task_definition,
            _up(task, now),
            " ".join(task.published) or "-",
        ]
        body.append([*row, *(_end(task) if with_ends else ())])
    head += ("EXIT", "WHY STOPPED") if with_ends else ()
    return table(head, body, width=width, fold=("PORTS", "TASK DEFINITION", "UP", "ZONE", "SERVICE", "PROVIDER"))


def _up(task: Task, now: float) -> str:
    if task.started_at is None:
        return "-"
    return clock((task.stopped_at or now) - task.started_at)


def _end(task: Task) -> tuple[str, str]:
    if not task.is_stopped:
        return "-", "-"
    code = task.exit_code
    reason = next((item.reason for item in task.containers if item.reason), "") or task.stopped_reason
    why = f"{task.stop_code}: {reason}" if task.stop_code else reason
    return "-" if code is None else str(code), why or "-"


def services(snapshot: Snapshot, chosen: Sequence[Service], *, width: int | None = None) -> str:
    """One row a service; the columns of standbys, stages and URLs are there where one has any."""
    with_standby = any(service.standby.desired for service in chosen)
    with_stage = any(stage_of(service) for service in chosen)
    with_url = any(snapshot.url_of(service) for service in chosen)
    head = ["SERVICE", "CONDITION", "DESIRED", "RUNNING", "PENDING"]
    head += [*(("STAGE",) if with_stage else ()), *(("STANDBY",) if with_standby else ()), "TASK DEFINITION"]
    head += ["KILLS", "LAST RECOVERY", *(("URL",) if with_url else ())]
    body = [
        (
            service.name,
            service.condition,
            str(service.desired_count),
            str(service.running_count),
            str(service.pending_count),
            *((stage_of(service) or "-",) if with_stage else ()),
            *((_standby(service),) if with_standby else ()),
            service.task_definition,
            str(service.kills),
            "-" if service.last_recovery_seconds is None else seconds(service.last_recovery_seconds),
            *((snapshot.url_of(service) or "-",) if with_url else ()),
        )
        for service in chosen
    ]
    fold = ("TASK DEFINITION", "PENDING", "KILLS", "LAST RECOVERY", "STANDBY", "DESIRED")
    return table(head, body, width=width, fold=fold)


def stage_of(service: Service) -> str:
    """How far the deployment under way is that moves traffic: CANARY 10%, BAKE_TIME; "" where none is."""
    shift = service.shift
    if shift is None:
        return ""
    if shift.pause is not None:
        return f"PAUSED {shift.pause.stage}"
    return f"{shift.stage} {shift.production:g}%" if shift.stage == "PRODUCTION_TRAFFIC_SHIFT" else shift.stage


def _standby(service: Service) -> str:
    standby = service.standby
    if not standby.desired:
        return "-"
    ready = "" if standby.ready >= standby.desired else f" ({standby.ready} ready)"
    return f"+{standby.desired} standby{ready}"


def deployments(chosen: Sequence[Mapping[str, Any]], *, width: int | None = None) -> str:
    """As DescribeServices answers them."""
    head = ("DEPLOYMENT", "TASK DEFINITION", "ROLLOUT", "DESIRED", "RUNNING", "PENDING", "FAILED")
    body = [
        (
            str(item.get("status")),
            name_of(str(item.get("taskDefinition"))),
            str(item.get("rolloutState")),
            *(str(item.get(count, 0)) for count in ("desiredCount", "runningCount", "pendingCount", "failedTasks")),
        )
        for item in chosen
    ]
    return table(head, body, width=width, fold=("TASK DEFINITION", "PENDING", "FAILED"))


def containers(task: Task, *, width: int | None = None) -> str:
    """The containers of a task; `runtimeId` is Docker's own id, as in `docker ps`."""
    body = [
        (
            item.name,
            item.image,
            item.runtime_id[:12] or "-",
            "-" if item.exit_code is None else str(item.exit_code),
            " ".join(f"{where}->{port}" for port, where in item.ports) or "-",
            item.reason or "-",
        )
        for item in task.containers
    ]
    return table(
        ("CONTAINER", "IMAGE", "RUNTIME ID", "EXIT", "PORTS", "REASON"), body, width=width, fold=("PORTS", "IMAGE")
    )


def moments(task: Task) -> str:
    """When a task was created, started and stopped, in UTC and counted from its creation."""
    times = (("created", task.created_at), ("started", task.started_at), ("stopped", task.stopped_at))
    body = [
        (name, timestamp(at), "" if name == "created" else f"+{seconds(at - task.created_at)}")
        for name, at in times
        if at is not None
    ]
    return table(("WHEN", "UTC", ""), body)
