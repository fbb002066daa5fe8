"""`chaos-ecs instance`: ls, add, drain, activate, remove. ECS's own operations, but for `add`: there an agent registers
its machine. Never here: what is said of container instances (see `instance_words.py`), and where tasks go.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from chaos_ecs.cli import completion, find
from chaos_ecs.cli import instance_words as words
from chaos_ecs.cli.client import Controller, state
from chaos_ecs.cli.follow import Follower
from chaos_ecs.cli.instance_view import Instance
from chaos_ecs.cli.line import seconds
from chaos_ecs.cli.livelog import screen_for
from chaos_ecs.cli.output import as_json
from chaos_ecs.cli.parts import Command, Group, shell_of
from chaos_ecs.cli.shell import Shell
from chaos_ecs.cli.snapshot import Snapshot
from chaos_ecs.cli.steady import with_cluster
from chaos_ecs.cli.text import counted
from chaos_ecs.errors import ChaosEcsError

app = typer.Typer(
    cls=Group,
    rich_markup_mode=None,
    help="""Container instances: the machines of a cluster that tasks are placed on.

    \b
    chaos-ecs instance add --count 3
    chaos-ecs instance ls
    chaos-ecs instance drain instance-2
    chaos-ecs help instances
    """,
)

MOST_ADDED = 20
UPDATE_LIMIT = 10
"""UpdateContainerInstancesState takes no more at once."""

Names = Annotated[
    list[str],
    typer.Argument(
        metavar="NAME...",
        help="Container instances, by name, ARN or the first digits of an id.",
        show_default=False,
        autocompletion=completion.instances,
    ),
]
Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="A container instance, by name, ARN or the first digits of its id.",
        show_default=False,
        autocompletion=completion.instances,
    ),
]


@app.command("ls", cls=Command)
def list_instances(
    ctx: typer.Context,
    *,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print names only.")] = False,
) -> None:
    """List the container instances: what each has, what of it is taken, who runs there.

    \b
    chaos-ecs instance ls
    chaos-ecs instance ls -q
    """
    shell = shell_of(ctx)
    _, snapshot, cluster = shell.look()
    chosen = snapshot.instances_in(cluster)
    if shell.json:
        shell.tell(as_json({"containerInstances": [dict(item.raw) for item in chosen]}))
    elif quiet:
        for item in chosen:
            shell.tell(item.name)
    elif chosen:
        shell.tell(words.listing(chosen, width=shell.width))
    else:
        hint = "tasks run on the controller's own engine. Try: chaos-ecs instance add --count 3"
        shell.say(f"No container instances in cluster {shell.cluster_name}: {hint}")


@app.command("add", cls=Command)
def add(
    ctx: typer.Context,
    *,
    name: Annotated[str | None, typer.Argument(help="A name for it (new: instance-1, -2 and so on).")] = None,
    zone: Annotated[
        str | None, typer.Option(metavar="a|b|us-east-1a", help="Its availability zone (new: a, b and c in turn).")
    ] = None,
    cpu: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="ECS's units, 1024 a processor (a slice: 2048).")
    ] = None,
    memory: Annotated[int | None, typer.Option(min=1, metavar="MIB", help="In MiB (a slice: 2048).")] = None,
    count: Annotated[int, typer.Option(min=1, max=MOST_ADDED, help="How many slices.")] = 1,
    engine: Annotated[
        str | None, typer.Option(metavar="CONTEXT|URL", help="A further Docker engine, in place of a slice.")
    ] = None,
    address: Annotated[
        str | None, typer.Option(metavar="IP", help="Where that engine's machine is reached (tcp, ssh: known).")
    ] = None,
    attribute: Annotated[list[str] | None, typer.Option(metavar="K=V", help="May be repeated.")] = None,
    capacity_provider: Annotated[
        str | None, typer.Option(metavar="NAME", help="The cluster's capacity provider that it belongs to.")
    ] = None,
) -> None:
    """Add a container instance: a slice of the own Docker engine, or a further engine.

    \b
    chaos-ecs instance add --count 3
    chaos-ecs instance add big --zone b --cpu 4096 --memory 8192
    chaos-ecs instance add --attribute rack=r1
    chaos-ecs instance add --engine tcp://10.0.0.7:2376
    chaos-ecs instance add --engine other-context --address 10.0.0.8
    """
    shell = shell_of(ctx)
    attributes = _attributes(attribute or [])
    wished: dict[str, Any]
    if count > 1 and (name is not None or engine is not None):
        raise typer.BadParameter("one name, or one engine, is one container instance", param_hint="--count")
    controller, before, cluster = with_cluster(shell)
    wished = {"name": name, "availabilityZone": words.whole_zone(zone, shell.settings.region), "engine": engine}
    wished |= {"cpu": cpu, "memory": memory, "address": address, "capacityProvider": capacity_provider}
    wished |= {"attributes": attributes or None}
    added = [_added(controller, cluster, wished) for _ in range(count)]
    if shell.json:
        shell.tell(as_json({"containerInstances": added}))
        return
    for item in added:
        shell.tell(words.added(item))
    _say_after_add(shell, before, cluster, added)


def _added(controller: Controller, cluster: str, wished: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return controller.own("AddContainerInstance", cluster=cluster, **wished)
    except ChaosEcsError as refusal:
        raise words.not_added(refusal, wished) from refusal


def _say_after_add(shell: Shell, before: Snapshot, cluster: str, added: Sequence[Mapping[str, Any]]) -> None:
    if not before.instances_in(cluster):
        shell.say(words.what_changes(len([task for task in before.tasks_in(cluster) if not task.is_stopped])))
    services = before.services_in(cluster)
    go_on = f"chaos-ecs service scale {services[0].name} 6" if services else "chaos-ecs service up --desired 6"
    shell.say(f"next: {go_on}   |   chaos-ecs instance ls   |   chaos-ecs instance drain {added[0]['name']}")


def _attributes(given: Sequence[str]) -> dict[str, str]:
    """K=V, or K alone. Raises a usage error."""
    found = {}
    for item in given:
        key, _, value = item.partition("=")
        if not key:
            raise typer.BadParameter(f"{item!r} is not NAME=VALUE", param_hint="--attribute")
        found[key] = value
    return found


@app.command("drain", cls=Command)
def drain(
    ctx: typer.Context,
    *,
    names: Names,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Follow until they are empty.")] = True,
    timeout: Annotated[float, typer.Option(parser=find.duration, metavar="TIME", help="Wait so long at most.")] = "5m",  # type: ignore[assignment]
) -> None:
    """Drain container instances: no new tasks come, and those of services move elsewhere.

    \b
    chaos-ecs instance drain instance-1
    chaos-ecs instance drain instance-1 instance-2 --no-wait
    """
    shell = shell_of(ctx)
    room = _room(shell, names)
    _set_status(room, "DRAINING")
    for row in words.moves(room.before, room.cluster, room.chosen):
        shell.say(row)
    if wait and _left(room.before, room):
        _follow_until_empty(shell, room, timeout)
    _tell_status(shell, room)
    if wait:
        named = " ".join(item.name for item in room.chosen)
        shell.say(f"next: chaos-ecs instance activate {named}   |   chaos-ecs instance remove {room.chosen[0].name}")
    else:
        shell.say("watch it: chaos-ecs watch   |   chaos-ecs instance ls")


@app.command("activate", cls=Command)
def activate(ctx: typer.Context, names: Names) -> None:
    """Let new tasks come to drained container instances again.

    \b
    chaos-ecs instance activate instance-1
    """
    shell = shell_of(ctx)
    room = _room(shell, names)
    _set_status(room, "ACTIVE")
    _tell_status(shell, room)
    shell.say("new tasks may come again; what has moved comes back only where a service evens out its zones")


@app.command("remove", cls=Command)
def remove(
    ctx: typer.Context,
    *,
    name: Name,
    force: Annotated[bool, typer.Option("--force", help="Also when tasks run there: they are stopped.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")] = False,
) -> None:
    """Remove a container instance: it is deregistered. A further engine itself is left as it is.

    \b
    chaos-ecs instance remove instance-1
    chaos-ecs instance remove instance-1 --force
    """
    shell = shell_of(ctx, yes=yes)
    room = _room(shell, [name])
    instance = room.chosen[0]
    there = room.before.tasks_on(instance)
    question = f"Stop {counted(len(there), 'task')} and remove {instance.name}?"
    if there and force and not yes and not shell.confirm(question):
        why = "nobody said yes" if not shell.asks else "the answer was no"
        hint = f"chaos-ecs instance remove {instance.name} --force --yes"
        raise ChaosEcsError("E-REFUSED", "Nothing was removed", why, hint, 5)
    try:
        room.controller.ecs(
            "DeregisterContainerInstance", cluster=room.cluster, containerInstance=instance.arn, force=force or None
        )
    except ChaosEcsError as refusal:
        raise words.not_removed(refusal, state(room.controller), instance) from refusal
    if shell.json:
        shell.tell(as_json({"removed": instance.name, "stopped": [task.arn for task in there]}))
        return
    shell.tell(f"{instance.name} is removed" + (f", {counted(len(there), 'task')} stopped" if there else ""))
    for row in words.after_removal(room.before, room.cluster, instance):
        shell.say(row)


# --- parts ---


@dataclass(frozen=True, slots=True)
class _Room:
    """Those that are meant, and the state from before anything was done to them."""

    controller: Controller
    before: Snapshot
    cluster: str
    chosen: Sequence[Instance]


def _room(shell: Shell, names: Sequence[str]) -> _Room:
    controller, snapshot, cluster = shell.look()
    chosen = dict.fromkeys(find.instance(snapshot, cluster, name).arn for name in names)
    known = {item.arn: item for item in snapshot.instances_in(cluster)}
    return _Room(controller, snapshot, cluster, [known[arn] for arn in chosen])


def _set_status(room: _Room, status: str) -> None:
    """Raises ChaosEcsError for the first that is refused."""
    arns = [item.arn for item in room.chosen]
    for first in range(0, len(arns), UPDATE_LIMIT):
        some = arns[first : first + UPDATE_LIMIT]
        answer = room.controller.ecs(
            "UpdateContainerInstancesState", cluster=room.cluster, containerInstances=some, status=status
        )
        for failure in answer.get("failures") or ():
            what = f"Container instance {failure.get('arn')} is not {status}"
            raise ChaosEcsError("E-NO-INSTANCE", what, str(failure.get("reason")), "chaos-ecs instance ls", 3)


def _follow_until_empty(shell: Shell, room: _Room, timeout: float) -> None:
    """Raises E-TIMEOUT (exit 124). Ctrl-C leaves, and the drain goes on."""
    named = " ".join(item.name for item in room.chosen)
    farewell = " Ctrl-C leaves this view; the drain goes on"
    screen = screen_for(shell, room.cluster, room.before.at, farewell=farewell)
    shell.say(f"waiting until {named} has no tasks, at most {seconds(timeout)}; Ctrl-C leaves, the drain goes on")
    follower = Follower(
        shell,
        room.controller,
        screen,
        room.before.number,
        lambda event: event.cluster == room.cluster,
        awaited=f"the last task to leave {named}",
    )
    try:
        is_empty = follower.run(lambda snapshot: not _left(snapshot, room), timeout=timeout)
    except KeyboardInterrupt:
        screen.close()
        shell.say_left(f"left the view; {named} goes on draining. End it: chaos-ecs instance activate {named}")
        raise
    finally:
        screen.close()
    if not is_empty:
        snapshot = state(follower.controller)
        raise words.not_empty(snapshot, _still_there(snapshot, room), timeout)


def _still_there(snapshot: Snapshot, room: _Room) -> list[Instance]:
    """Those of them that are still registered."""
    meant = {item.arn for item in room.chosen}
    return [item for item in snapshot.instances_in(room.cluster) if item.arn in meant]


def _left(snapshot: Snapshot, room: _Room) -> int:
    return sum(len(snapshot.tasks_on(item)) for item in _still_there(snapshot, room))


def _tell_status(shell: Shell, room: _Room) -> None:
    snapshot = state(room.controller)
    now = _still_there(snapshot, room)
    if shell.json:
        shell.tell(as_json({"containerInstances": [dict(item.raw) for item in now]}))
        return
    for item in now:
        shell.tell(words.in_a_line(snapshot, item))
