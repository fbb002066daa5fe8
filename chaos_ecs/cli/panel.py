"""The small pinned panel under the live log: a state snapshot as rows of text. Pure.

Never here: drawing (see `livelog.py`). At most `MOST_ROWS`; services first, each with its tasks by age, so that a
newcomer appears last; what has no room is counted, never silently left out.
"""

from __future__ import annotations

from chaos_ecs.cli.layout import cut
from chaos_ecs.cli.lines import seconds
from chaos_ecs.cli.snapshot import Service, Snapshot, Task, short
from chaos_ecs.cli.symbols import Symbols

MOST_ROWS = 12
LEAST_COLUMNS = 50
LEAST_ROWS = 12
_WIDE = 100
_MOST_DOTS = 10


def fits(width: int, height: int) -> bool:
    """Whether a terminal has room for a panel at all."""
    return width >= LEAST_COLUMNS and height >= LEAST_ROWS


def rows(
    snapshot: Snapshot,
    cluster: str,
    *,
    now: float,
    width: int,
    height: int,
    symbols: Symbols,
    farewell: str = "",
) -> list[str]:
    """The panel of one cluster (its ARN) at `now`, the snapshot's own clock, in seconds. `farewell` says what Ctrl-C
    does where it is not what it does in most views."""
    room = min(MOST_ROWS, height - 3) - 2  # the rule above and the line about Ctrl-C below
    body = _body(snapshot, cluster, now, width, symbols)
    if len(body) > room:
        hidden = len(body) - room + 1
        body = [*body[: room - 1], f"   {symbols.ellipsis} {hidden} more rows: chaos-ecs ps"]
    names = [service.name for service in snapshot.services_in(cluster)]
    ruler = symbols.rule * width
    return [ruler, *(cut(row, width, symbols) for row in body), cut(farewell or _farewell(names), width, symbols)]


def _farewell(names: list[str]) -> str:
    if not names:
        return " Ctrl-C leaves this view"
    return f" Ctrl-C leaves this view ({', '.join(names)} {'keeps' if len(names) == 1 else 'keep'} running)"


def _body(snapshot: Snapshot, cluster: str, now: float, width: int, symbols: Symbols) -> list[str]:
    body = []
    if not snapshot.engine_connected:
        body.append(f" {symbols.attention} the engine does not answer: {snapshot.engine_reason}")
    for service in snapshot.services_in(cluster):
        body += _service(snapshot, service, now, width, symbols)
    standalone = [task for task in snapshot.tasks_in(cluster) if not task.service]
    live = [task for task in standalone if not task.is_stopped]
    if live:
        body.append(f" standalone  {len(live)} running, nobody would replace {'it' if len(live) == 1 else 'them'}")
        body += [_task(task, position, now, width, symbols) for position, task in enumerate(live, 1)]
    elif standalone:
        body.append(f" standalone  none running, {len(standalone)} stopped and not replaced")
    else:
        body.append(" standalone  none yet - try: chaos-ecs run-task batch-job")
    return body


def _service(snapshot: Snapshot, service: Service, now: float, width: int, symbols: Symbols) -> list[str]:
    recovery = service.last_recovery_seconds
    wide = width >= _WIDE
    parts = [
        f" {service.name:<7} {service.condition:<9} {_dots(service, symbols):<3}",
        f"{service.running_count}/{service.desired_count}{' running' if wide else ''}",
    ]
    if wide:
        parts.append(f"{service.task_definition:<14}")
    parts.append(f"kills {service.kills}" if service.kills else "")
    if recovery is not None:
        parts.append(f"{'last recovery' if wide else 'rec'} {seconds(recovery)}")
    if service.throttle:
        parts.append(f"next try {'in ' if wide else ''}{max(0.0, service.throttle.next_start_at - now):.0f}s")
    body = ["  ".join(part for part in parts if part)]
    if service.throttle:
        body.append(f"   last reason  {service.throttle.reason}")
    tasks = snapshot.live_tasks_of(service.arn)
    return body + [_task(task, position, now, width, symbols) for position, task in enumerate(tasks, 1)]


def _dots(service: Service, symbols: Symbols) -> str:
    if service.throttle:
        return symbols.attention
    if service.desired_count > _MOST_DOTS:
        return ""
    running = min(service.running_count, service.desired_count)
    return symbols.running * running + symbols.pending * (service.desired_count - running)


def _task(task: Task, position: int, now: float, width: int, symbols: Symbols) -> str:
    glyph = {"RUNNING": symbols.running, "STOPPING": symbols.stopped}.get(task.last_status, symbols.pending)
    parts = [f"   {position} {task.short}  {glyph} {task.last_status:<8}"]
    if task.health_status not in ("", "UNKNOWN"):
        parts.append(task.health_status.lower())
    wide = width >= _WIDE
    if task.started_at is not None:
        parts.append(f"{'up ' if width > LEAST_COLUMNS + 10 else ''}{clock(now - task.started_at)}")
    if wide:
        parts += [f":{port}" for port in task.host_ports]
    if not task.service:
        parts.append(task.task_definition)
    if task.fills and width > LEAST_COLUMNS + 10:
        parts.append(f"filled the gap left by {short(task.fills)}")
    return "  ".join(parts)


def clock(elapsed_seconds: float) -> str:
    """A duration as a clock shows it: 01:05, 1:02:03."""
    whole = max(0, int(elapsed_seconds))
    if whole < 3600:
        return f"{whole // 60:02d}:{whole % 60:02d}"
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"
