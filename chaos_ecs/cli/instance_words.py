"""What is said of container instances: values in, text out. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from chaos_ecs.cli.find import some
from chaos_ecs.cli.instance_view import OWN, Instance
from chaos_ecs.cli.line import seconds
from chaos_ecs.cli.output import table
from chaos_ecs.cli.snapshot import Service, Snapshot, Task, name_of
from chaos_ecs.cli.text import counted
from chaos_ecs.errors import ChaosEcsError

_LETTER = 1  # of a zone that is said in short
_MOST_REFUSALS = 5


def listing(chosen: Sequence[Instance], *, width: int | None = None) -> str:
    """One row each. A status and a lost agent are never among the columns that go."""
    head = ["INSTANCE", "ZONE", "STATUS", "AGENT", "CPU", "MEMORY", "RUNNING", "PENDING", "ENGINE"]
    body = [
        (
            item.name,
            item.zone,
            item.status,
            "yes" if item.is_connected else "LOST",
            f"{item.cpu_used}/{item.cpu}",
            f"{item.memory_used}/{item.memory}",
            str(item.running),
            str(item.pending),
            item.engine or OWN,
        )
        for item in chosen
    ]
    return table(head, body, width=width, fold=("ENGINE", "PENDING", "CPU", "MEMORY"))


def row(snapshot: Snapshot, chosen: Sequence[Instance], width: int) -> str:
    """In one row, those that are out of the ordinary first: as many as fit, and how many more."""
    first = sorted(chosen, key=lambda item: item.takes_tasks)
    parts = [_shortly(snapshot, item) for item in first]
    for shown in range(len(parts), 0, -1):
        more = len(parts) - shown
        text = "  ".join([*parts[:shown], *([f"+{more} more"] if more else [])])
        if len(text) <= width:
            return text
    return f"{len(parts)}, see: chaos-ecs instance ls" if parts else ""


def _shortly(snapshot: Snapshot, item: Instance) -> str:
    """instance-1 2, instance-2 DRAINING 1, instance-3 LOST 0: its name and how many tasks it has."""
    word = "" if item.takes_tasks else " LOST" if not item.is_connected else f" {item.status}"
    return f"{item.name}{word} {len(snapshot.tasks_on(item))}"


def spread(tasks: Sequence[Task]) -> str:
    """us-east-1a 2, us-east-1b 2, elsewhere 1: how many in each zone; "" where none is on a container instance."""
    zones: dict[str, int] = {}
    for task in tasks:
        zones[task.zone] = zones.get(task.zone, 0) + 1
    told = [f"{zone} {zones[zone]}" for zone in sorted(zones) if zone]
    if told and "" in zones:
        told.append(f"on no container instance {zones['']}")
    return ", ".join(told)


def whole_zone(zone: str | None, region: str) -> str | None:
    """A zone's whole name of its letter: b -> us-east-1b."""
    return f"{region}{zone.lower()}" if zone is not None and len(zone) == _LETTER else zone


def added(answer: Mapping[str, Any]) -> str:
    """instance-1 in us-east-1a: 2048 cpu units, 2048 MiB, a slice of the own engine."""
    engine = f"engine {answer['engine']}" if answer.get("engine") else "a slice of the own engine"
    size = f"{answer['cpu']} cpu units, {answer['memory']} MiB"
    return f"{answer['name']} in {answer['availabilityZone']}: {size}, {engine}"


def what_changes(running: int) -> str:
    """After the first one of a cluster."""
    if not running:
        return "from now on tasks of launch type EC2 are placed on container instances; a full one takes no more"
    stay = "the task that runs stays where it is" if running == 1 else f"the {running} that run stay where they are"
    return f"from now on tasks of launch type EC2 are placed on container instances; {stay}"


def not_added(refusal: ChaosEcsError, wished: Mapping[str, Any]) -> ChaosEcsError:
    """The refusal with the next command that fits it."""
    engine = str(wished.get("engine") or "")
    look = f"docker --host {engine} version" if "://" in engine else "docker context ls"
    hints = (
        ("no further engine", "chaos-ecs instance add (a slice of it)"),
        ("cannot be used", f"{look}, and again" if engine else "chaos-ecs doctor"),
        ("give its address", f"chaos-ecs instance add --engine {engine} --address IP"),
        ("registered already", "chaos-ecs instance ls"),
        ("named", "chaos-ecs instance ls, and another name"),
        ("availability zone", "chaos-ecs instance add --zone a"),
        ("capacity provider", "chaos-ecs instance add (without --capacity-provider)"),
    )
    hint = next((text for word, text in hints if word in refusal.why), "chaos-ecs instance add --help")
    code = 4 if "Cannot reach" in refusal.why else refusal.exit_code
    return ChaosEcsError(refusal.code, "The container instance was not added", refusal.why, hint, code)


def moves(snapshot: Snapshot, cluster: str, draining: Sequence[Instance]) -> list[str]:
    """What a drain does to each task: those of services move, standalone ones hold it open."""
    tasks = [task for item in draining for task in snapshot.tasks_on(item)]
    if not tasks:
        return [f"{_names(draining)} {_has(draining)} no tasks: nothing moves"]
    rows = []
    daemons = _daemons(snapshot, cluster)
    for service, ids in _by_service(tasks).items():
        if service in daemons:
            ends = "ends" if len(ids) == 1 else "end"
            rows.append(f"service {service}, a DAEMON: {' '.join(ids)} {ends} with the drain")
        else:
            rows.append(f"service {service}: {' '.join(ids)} {_moves(ids)}, once new tasks run elsewhere")
    standalone = [task.short for task in tasks if not task.service]
    if standalone:
        stay = "stays: nobody moves it" if len(standalone) == 1 else "stay: nobody moves them"
        rows.append(f"standalone: {' '.join(standalone)} {stay}, and the drain waits for {_end(standalone)}")
        rows.append(f"  not so long? chaos-ecs task stop {standalone[0]}")
    names = {item.name for item in draining}
    others = [item for item in snapshot.instances_in(cluster) if item.takes_tasks and item.name not in names]
    if not others and len(standalone) < len(tasks):
        rows.append("no other container instance takes tasks: nothing can move. Try: chaos-ecs instance add")
    return rows


def _daemons(snapshot: Snapshot, cluster: str) -> set[str]:
    """The names of its services that have one task on each container instance."""
    return {item.name for item in snapshot.services if item.cluster == cluster and item.raw.get("daemon")}


def _by_service(tasks: Sequence[Task]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for task in tasks:
        if task.service:
            found.setdefault(name_of(task.service), []).append(task.short)
    return found


def _moves(ids: Sequence[str]) -> str:
    return "moves" if len(ids) == 1 else "move"


def _end(ids: Sequence[str]) -> str:
    return "its end" if len(ids) == 1 else "their end"


def _has(chosen: Sequence[Instance]) -> str:
    return "has" if len(chosen) == 1 else "have"


def _names(chosen: Sequence[Instance]) -> str:
    return " ".join(item.name for item in chosen)


def in_a_line(snapshot: Snapshot, item: Instance) -> str:
    """instance-1 DRAINING, 2 tasks."""
    return f"{item.name} {item.status}, {counted(len(snapshot.tasks_on(item)), 'task')}"


def not_empty(snapshot: Snapshot, chosen: Sequence[Instance], timeout: float) -> ChaosEcsError:
    """A drain that has not ended in time, and who holds it open."""
    left = [task for item in chosen for task in snapshot.tasks_on(item)]
    standalone = [task.short for task in left if not task.service]
    parts = [f"service {service} still has {' '.join(ids)} there" for service, ids in _by_service(left).items()]
    if standalone:
        parts.append(f"standalone {' '.join(standalone)}: nobody moves {'it' if len(standalone) == 1 else 'them'}")
    hint = f"chaos-ecs task stop {standalone[0]}" if standalone else "chaos-ecs events, or: chaos-ecs instance add"
    what = f"{_names(chosen)} still {_has(chosen)} {counted(len(left), 'task')} after {seconds(timeout)}"
    return ChaosEcsError("E-TIMEOUT", what, "; ".join(parts) or "the last one has just left", hint, 124)


def not_removed(refusal: ChaosEcsError, snapshot: Snapshot, item: Instance) -> ChaosEcsError:
    """The refusal of DeregisterContainerInstance; where tasks are the reason, by name: exit code 5, --force does it."""
    what = f"{item.name} was not removed"
    there = [task.short for task in snapshot.tasks_on(item)]
    if "running tasks" not in refusal.why:
        return ChaosEcsError(refusal.code, what, refusal.why, "chaos-ecs instance ls", refusal.exit_code)
    hint = f"chaos-ecs instance drain {item.name}, or: chaos-ecs instance remove {item.name} --force"
    return ChaosEcsError(refusal.code, what, f"{refusal.why.rstrip('.')}: {some(there)}", hint, 5)


def after_removal(before: Snapshot, cluster: str, item: Instance) -> list[str]:
    """What becomes of its tasks, and of a cluster that has lost its last one."""
    rows = []
    there = before.tasks_on(item)
    daemons = _daemons(before, cluster)
    services = [name for name in _by_service(there) if name not in daemons]
    if services:
        rows.append(f"service {', '.join(services)} {'replaces' if len(services) == 1 else 'replace'} what was stopped")
    standalone = [task.short for task in there if not task.service]
    if standalone:
        rows.append(f"standalone: nobody replaces {' '.join(standalone)}")
    if len(before.instances_in(cluster)) == 1:
        rows.append("that was the last one: new tasks run on the controller's own engine again")
    return rows


def why_not_placed(snapshot: Snapshot, failures: Sequence[Mapping[str, Any]]) -> str:
    """RunTask's failures, container instance by container instance, in plain words."""
    names = {item.arn: item.name for item in snapshot.instances}
    named = (item for item in failures if item.get("arn") in names)
    told = [f"{names[item['arn']]}: {_plainly(str(item.get('reason')))}" for item in named]
    more = len(told) - _MOST_REFUSALS
    return "; ".join(told[:_MOST_REFUSALS]) + (f" and {more} more" if more > 0 else "")


def no_place(snapshot: Snapshot, service: Service) -> str:
    """the closest, instance-1, has insufficient memory available; "" where all tasks of a service have a place."""
    event = str(service.raw.get("unplaced") or "").partition(_TO_READ)[0].strip()
    found = _CLOSEST.search(event)
    if found is None:
        return event
    names = {name_of(item.arn): item.name for item in snapshot.instances}
    return f"the closest, {names.get(found[1], found[1])}, {found[2].rstrip('.')}"


_TO_READ = "For more information"
_CLOSEST = re.compile(r"closest matching \(container-instance (\w+)\) (.+)")


def _plainly(reason: str) -> str:
    return f"{reason} ({_REASONS[reason]})" if reason in _REASONS else reason


_REASONS = {
    "AGENT": "its agent is not connected",
    "RESOURCE:CPU": "too little cpu is free",
    "RESOURCE:MEMORY": "too little memory is free",
    "RESOURCE:PORTS": "a port of the host is taken",
    "ATTRIBUTE": "it lacks an attribute that the task needs",
}
