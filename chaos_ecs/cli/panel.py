"""The small pinned panel under the live log: a state snapshot as rows of text. Pure.

Never here: drawing (see `drawing.py`). At most `MOST_ROWS`; services first, each with its tasks by age, so that a
newcomer appears last; what has no room is counted, never silently left out. When columns are scarce: first ports and
task definitions go, then sentences shorten; a state word and a task's id stay.
"""

from __future__ import annotations

from dataclasses import dataclass

from chaos_ecs.cli import clientline, instance_words
from chaos_ecs.cli.chaos import fault_words
from chaos_ecs.cli.layout import cut
from chaos_ecs.cli.line import clock, seconds
from chaos_ecs.cli.schedules import words
from chaos_ecs.cli.snapshot import Service, Snapshot, Task, short
from chaos_ecs.cli.symbols import Symbols

MOST_ROWS = 12
LEAST_COLUMNS = 50
LEAST_ROWS = 12
_WIDE = 100
_SENTENCES = 80
_MOST_DOTS = 10
_MOST_KEYS = 9
_LONGEST_NAME = 20
_FRAME_ROWS = 3  # the rule above, the rule below, and the row of keys


@dataclass(frozen=True, slots=True)
class Frame:
    """What surrounds the state: where it is drawn, and what the last row says. `now` is the snapshot's own clock, in
    seconds. `farewell` says what Ctrl-C does where it is not what it does in most views."""

    width: int
    height: int
    symbols: Symbols
    now: float
    began_at: float
    keys: bool = False
    farewell: str = ""


def fits(width: int, height: int) -> bool:
    """Whether a terminal has room for a panel at all."""
    return width >= LEAST_COLUMNS and height >= LEAST_ROWS


def numbered(snapshot: Snapshot, cluster: str) -> list[Task]:
    """The tasks of a cluster (its ARN) in the panel's order: the first is 1."""
    of_services = [task for service in snapshot.services_in(cluster) for task in snapshot.live_tasks_of(service.arn)]
    return of_services + [task for task in snapshot.tasks_in(cluster) if not task.service and not task.is_stopped]


def head_of(task: Task, position: int) -> str:
    """How a task's row begins: by that a view knows which of them stand there."""
    return f"{position:>4} {task.short} "


def rows(snapshot: Snapshot, cluster: str, frame: Frame) -> list[str]:
    """The panel of one cluster (its ARN)."""
    width, symbols = frame.width, frame.symbols
    below = [*_instances(snapshot, cluster, frame), *_schedules(snapshot, cluster, frame), *_faults(snapshot, frame)]
    if snapshot.client:
        below.append(f" {clientline.row(snapshot.client, width - 1, symbols, frame.now)}")
    room = min(MOST_ROWS, frame.height - 3) - _FRAME_ROWS - len(below)
    body = _body(snapshot, cluster, frame)
    if len(body) > room:
        hidden = len(body) - room + 1
        body = [*body[: room - 1], f"   {symbols.ellipsis} {hidden} more rows: chaos-ecs ps"]
    ruler = symbols.rule * width
    heads = [head_of(task, position) for position, task in enumerate(numbered(snapshot, cluster), 1)]
    tasks = sum(row.startswith(tuple(heads)) for row in body)
    last = _last_row(snapshot, cluster, tasks, frame)
    return [ruler, *(cut(row, width, symbols) for row in (*body, *below)), ruler, last]


def _last_row(snapshot: Snapshot, cluster: str, tasks: int, frame: Frame) -> str:
    """The keys, or what Ctrl-C does; the time since the view began stands at the right edge. `tasks`: so many rows."""
    names = [service.name for service in snapshot.services_in(cluster)]
    told = frame.farewell or (_keys(names, tasks, frame.width) if frame.keys else _farewell(names))
    pressed = f"x{snapshot.speed} " if snapshot.speed > 1 else ""
    elapsed = pressed + clock(frame.now - frame.began_at)
    left = cut(told, frame.width - len(elapsed) - 2, frame.symbols)
    return left.ljust(frame.width - len(elapsed)) + elapsed


def _keys(names: list[str], tasks: int, width: int) -> str:
    last = min(tasks, _MOST_KEYS)
    row = {0: "", 1: "  1 kill that"}.get(last, f"  1-{last} kill that")
    if width < _SENTENCES:
        return f" k kill{row.replace(' kill that', '')}  d page  a aws  ? help  q leave"
    keep = f" ({', '.join(names)} {'keeps' if len(names) == 1 else 'keep'} running)" if names else ""
    return f" k kill one{row}  d page  a aws command  ? help  q leave{keep}"


def _farewell(names: list[str]) -> str:
    if not names:
        return " Ctrl-C leaves this view"
    return f" Ctrl-C leaves this view ({', '.join(names)} {'keeps' if len(names) == 1 else 'keep'} running)"


def _body(snapshot: Snapshot, cluster: str, frame: Frame) -> list[str]:
    body = []
    if not snapshot.engine_connected:
        body.append(f" {frame.symbols.attention} the engine does not answer: {snapshot.engine_reason}")
    number = 1
    for service in snapshot.services_in(cluster):
        tasks = snapshot.live_tasks_of(service.arn)
        body += _service(snapshot, service, frame)
        body += [_task(task, position, frame) for position, task in enumerate(tasks, number)]
        number += len(tasks)
    standalone = [task for task in snapshot.tasks_in(cluster) if not task.service]
    live = [task for task in standalone if not task.is_stopped]
    if live:
        body.append(f" standalone  {len(live)} running, nobody would replace {'it' if len(live) == 1 else 'them'}")
        body += [_task(task, position, frame) for position, task in enumerate(live, number)]
    elif standalone:
        body.append(f" standalone  none running, {len(standalone)} stopped and not replaced")
    else:
        body.append(" standalone  none yet - try: chaos-ecs run-task batch-job")
    return body


def _instances(snapshot: Snapshot, cluster: str, frame: Frame) -> list[str]:
    """The cluster's container instances, in one row; like the faults never among those that have no room."""
    told = instance_words.row(snapshot, snapshot.instances_in(cluster), frame.width - 12)
    return [f" instances  {told}"] if told else []


def _schedules(snapshot: Snapshot, cluster: str, frame: Frame) -> list[str]:
    """Those that run tasks in the cluster, in one row; like the faults never among those that have no room."""
    told = words.row([item for item in snapshot.schedules if item.cluster == cluster], frame.now, frame.width - 12)
    return [f" schedules  {told}"] if told else []


def _faults(snapshot: Snapshot, frame: Frame) -> list[str]:
    """Those that are open, of whatever cluster, in one row; it is never among those that have no room."""
    if not snapshot.faults:
        return []
    left = snapshot.faults[0].left(frame.now)
    told = fault_words.row(snapshot.faults, "" if left is None else f"{clock(left)} left", frame.width - 9)
    return [f" faults  {told}"]


def _service(snapshot: Snapshot, service: Service, frame: Frame) -> list[str]:
    name = cut(service.name, _LONGEST_NAME, frame.symbols)
    head = f" {name:<7} {service.condition:<9} "
    body = [head + _figures(snapshot, service, frame, len(head))]
    if service.throttle:
        body.append(f"   last reason  {service.throttle.reason}")
        if frame.width >= _SENTENCES:
            body.append(f"   next step    chaos-ecs service describe {service.name}")
    if no_place := instance_words.no_place(snapshot, service):
        body.append(f"   no place     {no_place}")
    if service.flapping:
        exits = f"{service.flapping.exits} exits in {service.flapping.seconds:g}s"
        body.append(f"   FLAPPING     {exits}, not throttled" + (": it reaches RUNNING" if _says(frame) else ""))
    return body


def _figures(snapshot: Snapshot, service: Service, frame: Frame, before: int) -> str:
    """The counts of a service, as full as the row has room for after `before` columns."""
    fullest = 3 if frame.width >= _WIDE else 2 if _says(frame) else 1
    told = ""
    for fullness in range(fullest, -1, -1):
        told = "  ".join(_parts(snapshot, service, frame, fullness))
        if before + len(told) <= frame.width:
            break
    return told


def _parts(snapshot: Snapshot, service: Service, frame: Frame, fullness: int) -> list[str]:
    """3: everything; 2: without the task definition; 1: in short; 0: only counts and what is out of the ordinary."""
    says, standby, recovery = fullness >= 2, service.standby, service.last_recovery_seconds
    running = f"{service.running_count}/{service.desired_count}{' running' if says else ''}"
    parts = [f"{_dots(service, frame.symbols):<3}", running, *_balanced(snapshot, service, fullness)]
    if standby.desired:
        ready = "" if standby.ready >= standby.desired or not fullness else f" ({standby.ready} ready)"
        parts.append(f"+{standby.desired} standby{ready}")
    if fullness == 3:
        parts.append(f"{service.task_definition:<14}")
    if service.kills and fullness:
        parts.append(f"kills {service.kills}")
    if recovery is not None:
        parts.append(f"{'last recovery' if says else 'rec'} {seconds(recovery)}")
    if service.throttle:
        left = max(0.0, service.throttle.next_start_at - frame.now)
        parts.append(f"next try {'in ' if says else ''}{left:.0f}s")
    return parts


def _balanced(snapshot: Snapshot, service: Service, fullness: int) -> list[str]:
    """How many of its targets are healthy, and where it is reached. A target that leaves counts no more."""
    word, remark = ("targets" if fullness >= 2 else "lb"), (" healthy" if fullness == 3 else "")
    parts = [f"{word} {group.healthy}{remark}" for group in snapshot.counted_groups_of(service)]
    url = snapshot.url_of(service)
    if url:
        parts.append(url if fullness == 3 else f":{url.rpartition(':')[2]}")
    return parts


def _says(frame: Frame) -> bool:
    return frame.width >= _SENTENCES


def _dots(service: Service, symbols: Symbols) -> str:
    if service.throttle or service.flapping:
        return symbols.attention
    if service.desired_count > _MOST_DOTS:
        return ""
    running = min(service.running_count, service.desired_count)
    return symbols.running * running + symbols.pending * (service.desired_count - running)


def _task(task: Task, position: int, frame: Frame) -> str:
    symbols = frame.symbols
    glyph = {"RUNNING": symbols.running, "STOPPING": symbols.stopped}.get(task.last_status, symbols.pending)
    parts = [f"{head_of(task, position)} {glyph} {task.last_status:<8}"]
    if task.health_status not in ("", "UNKNOWN"):
        parts.append(task.health_status.lower())
    if task.started_at is not None:
        parts.append(f"{'up ' if _says(frame) else ''}{clock(frame.now - task.started_at)}")
    if task.instance:
        parts.append(f"{task.instance} {task.zone}" if frame.width >= _WIDE else task.instance)
    if frame.width >= _WIDE:
        parts += [where.removeprefix("127.0.0.1") for where in task.published]
    if not task.service:
        parts.append(task.task_definition)
    if task.fills and _says(frame):
        parts.append(f"filled the gap left by {short(task.fills)}")
    return "  ".join(parts)
