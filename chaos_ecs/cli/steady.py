"""What the service commands share: bringing a service to what was wished for, and watching it get there.

Never here: options (see `service.py`), and how a service is kept alive (see `core/plan.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from chaos_ecs.cli import balanced, capacity, definitions, instance_words
from chaos_ecs.cli.awscommand import Action
from chaos_ecs.cli.balanced import Balance
from chaos_ecs.cli.client import Controller, state
from chaos_ecs.cli.definitions import Wish
from chaos_ecs.cli.follow import Follower
from chaos_ecs.cli.health import is_whole
from chaos_ecs.cli.line import seconds
from chaos_ecs.cli.livelog import screen_for
from chaos_ecs.cli.look import header
from chaos_ecs.cli.output import as_json
from chaos_ecs.cli.presses import Presses, listening
from chaos_ecs.cli.shell import Shell
from chaos_ecs.cli.snapshot import Event, Service, Snapshot
from chaos_ecs.errors import ChaosEcsError


@dataclass(frozen=True, slots=True)
class View:
    """A service that is being watched; `before` is the state from before the change, where the events begin."""

    controller: Controller
    before: Snapshot
    cluster: str
    arn: str
    name: str
    action: Action | None = None  # what was done, None: there was nothing to change
    standby: int = 0  # so many are waited for too
    port: int | None = None  # of the listener, where somebody asked for one


def brought_up(
    shell: Shell,
    name: str,
    desired: int | None,
    definition: str | None,
    wish: Wish,
    balance: Balance,
    *,
    providers: Sequence[dict[str, Any]] = (),
) -> View:
    """The service as wished for, created or updated, and what was done said."""
    controller, before, cluster = with_cluster(shell)
    known = before.service_named(cluster, name)
    if known is not None and known.is_active:
        action = _update(
            shell,
            controller,
            known,
            desired=desired,
            definition=definition,
            wish=wish,
            balance=balance,
            providers=providers,
        )
        if balance.wanted is False:
            balanced.removed(controller, before, cluster, name)
        return View(controller, before, cluster, known.arn, name, action, port=balance.port)
    family = definition or definitions.DEFAULT
    if not wish.is_plain:
        base = None if wish.image and definition is None else family
        family = definitions.registered(shell, controller, name, wish, base=base)
    count = 1 if desired is None else desired
    wished = {"cluster": cluster, "serviceName": name, "taskDefinition": family, "desiredCount": count}
    alone = balance.wanted is False or shell.place is not None  # a load balancer of ours is no part of the ECS API
    place = None if alone else balanced.place_of(controller, family)
    if providers:
        wished["capacityProviderStrategy"] = [*providers]
    if not balance.shifting.is_plain:
        wished["deploymentConfiguration"] = balance.shifting.configuration({})
    if balance.is_on(place):
        wished["loadBalancers"] = balanced.ensured(shell, controller, cluster, name, balance, place)
    try:
        made = controller.ecs("CreateService", **wished)["service"]
    except ChaosEcsError:
        balanced.removed(controller, state(controller), cluster, name)
        raise
    action = Action("CreateService", wished, balanced.remark(wished))
    return View(controller, before, cluster, made["serviceArn"], name, action, port=balance.port)


def keep_standby(shell: Shell, view: View, count: int) -> View:
    """Keeps so many replacements started and paused. An operation of ours: ECS has none like it."""
    view.controller.own("SetStandby", cluster=view.cluster, service=view.arn, count=count)
    tasks = "1 standby task" if count == 1 else f"{count} standby tasks"
    shell.say(f"service {view.name} shall keep {tasks}: started and paused once the service is steady")
    return replace(view, standby=count)


def with_cluster(shell: Shell) -> tuple[Controller, Snapshot, str]:
    """The chosen cluster, created if there is none of its name, which is then said."""
    controller = shell.controller()
    snapshot = state(controller)
    if shell.chosen(snapshot) is None:
        controller.ecs("CreateCluster", clusterName=shell.cluster_name)
        shell.say(f"created cluster {shell.cluster_name}")
        snapshot = state(controller)
    return controller, snapshot, shell.cluster_arn(snapshot)


def _update(
    shell: Shell,
    controller: Controller,
    known: Service,
    *,
    desired: int | None,
    definition: str | None,
    wish: Wish,
    balance: Balance,
    providers: Sequence[dict[str, Any]],
) -> Action | None:
    changes: dict[str, Any] = {}
    said = []
    if not wish.is_plain:
        shell.agree(f"UpdateService {known.name}")  # before anything is registered for it
        definition = definitions.registered(
            shell, controller, known.name, wish, base=definition or known.task_definition
        )
    if definition not in (None, known.task_definition):
        changes["taskDefinition"] = definition
        said.append(f"task definition {known.task_definition} -> {definition}")
    if desired not in (None, known.desired_count):
        changes["desiredCount"] = desired
        said.append(f"desired {known.desired_count} -> {desired}")
    if other := capacity.change_of(controller, known, providers):
        changes |= other
        said.append(f"deployed anew on {capacity.told(providers)}")
    if not balance.shifting.is_plain:
        told = controller.ecs("DescribeServices", cluster=known.cluster, services=[known.arn])["services"][0]
        configuration = balance.shifting.configuration(told.get("deploymentConfiguration") or {})
        changes["deploymentConfiguration"] = configuration
        said.append(f"strategy {configuration['strategy']}")
    if balance.wanted is False:
        said.append("without a load balancer")
        changes["loadBalancers"] = []
    elif balance.asks_for_one:
        said.append("with a load balancer" if balance.port is None else f"with a load balancer, port {balance.port}")
        place = balanced.place_of(controller, definition or known.task_definition)
        changes["loadBalancers"] = balanced.ensured(shell, controller, known.cluster, known.name, balance, place)
    shell.say(f"service {known.name} exists: {', '.join(said) or 'nothing to change'}")
    if not changes:
        return None
    wished = {"cluster": known.cluster, "service": known.arn, **changes}
    controller.ecs("UpdateService", **wished)
    return Action("UpdateService", wished, balanced.remark(wished))


def await_steady(shell: Shell, view: View, timeout: float, *, follow: bool) -> int:
    """Waits for the steady state, tells it, and with `follow` stays until Ctrl-C. Answers the exit code."""
    shell.say(f"waiting for the steady state of {view.name}, at most {seconds(timeout)}; Ctrl-C leaves, it lives on")
    if follow:
        header(shell, view.controller, view.before)
    screen = screen_for(shell, view.cluster, view.before.at, keys=True)
    seen: list[Event] = []
    follower = Follower(
        shell,
        view.controller,
        screen,
        view.before.number,
        lambda event: event.cluster in ("", view.cluster),
        seen.extend,
    )
    reached = False
    try:
        with listening(shell, follower, Presses(follower, view.cluster, view.arn, view.action)):
            follower.awaited = f"the steady state of {view.name}"
            reached = follower.run(lambda snapshot: _is_there(snapshot, view), timeout=timeout)
            follower.awaited = ""
            if reached and follow:
                follower.run(lambda snapshot: False)
    except KeyboardInterrupt:
        screen.close()
        _say_left(shell, view.name)
        return 0 if reached else 130
    finally:
        screen.close()
    snapshot = state(follower.controller)
    if not reached:
        raise _not_steady(snapshot, view, timeout)
    tell_service(shell, snapshot, view.arn)
    _say_moved(shell, snapshot, view, seen)
    return 0


def _is_there(snapshot: Snapshot, view: View) -> bool:
    """Steady, with the standbys that were asked for."""
    service = snapshot.service(view.arn)
    wanted = 0 if service is None or not service.is_active else min(view.standby, service.standby.desired)
    return is_whole(snapshot, view.arn) and (service is None or service.standby.ready >= wanted)


def _not_steady(snapshot: Snapshot, view: View, timeout: float) -> ChaosEcsError:
    service = snapshot.service(view.arn)
    why = "it is gone" if service is None else _running(service)
    if service is not None and service.throttle:
        why += f"; last reason: {service.throttle.reason}"
    if service is not None and (no_place := instance_words.no_place(snapshot, service)):
        why += f"; no place for the others: {no_place}"
    if service is not None and service.standby.ready < min(view.standby, service.standby.desired):
        why += f"; {service.standby.ready} of {service.standby.desired} standby tasks are ready"
    groups = snapshot.counted_groups_of(service) if service is not None else []
    for group in groups:
        name = f"{group.name}: " if len(groups) > 1 else ""
        why += f"; {name}{group.healthy} targets are healthy"
        why += next((f" ({target.reason})" for target in group.targets if target.reason), "")
    what = f"Service {view.name} has not reached a steady state within {seconds(timeout)}"
    return ChaosEcsError("E-TIMEOUT", what, why, f"chaos-ecs service describe {view.name}", 124)


def _running(service: Service) -> str:
    if service.running_count > service.desired_count:
        return f"{service.running_count} tasks are running, {service.desired_count} are wanted"
    return f"{service.running_count} of {service.desired_count} tasks are running"


def tell_service(shell: Shell, snapshot: Snapshot, arn: str) -> None:
    """The result of a command that changed a service, and the next command."""
    service = snapshot.service(arn)
    if service is None:
        return
    if shell.json:
        shell.tell(as_json({"service": dict(service.raw)}))
        return
    shell.tell(told(service, snapshot.url_of(service)))
    shell.say(f"next: chaos-ecs kill {service.name}   |   chaos-ecs watch   |   chaos-ecs service down {service.name}")


def _say_moved(shell: Shell, snapshot: Snapshot, view: View, seen: Sequence[Event]) -> None:
    """Where it is that the port somebody asked for leads to, and that another program has that port, if so."""
    service = snapshot.service(view.arn)
    listeners = snapshot.listeners_of(service) if service is not None and view.port is not None else []
    for listener in listeners:
        if listener.port == view.port != listener.host_port:
            moved = [event for event in seen if event.type == "LISTENER_MOVED" and event.get("port") == view.port]
            taken = any(event.get("previousHostPort") == view.port for event in moved)
            why = "that port is taken by another program" if taken else "the first listener of all is there"
            shell.say(f"{view.name}: the listener's port is {view.port}, on this machine {listener.url}: {why}")


def told(service: Service, url: str) -> str:
    """A service in one line: web 3/3 STEADY, +1 standby http://127.0.0.1:8480."""
    ready, wanted = service.standby.ready, service.standby.desired
    standby = f", +{wanted} standby" + ("" if ready >= wanted else f" ({ready} ready)") if wanted else ""
    at = f" {url}" if url else ""
    return f"{service.name} {service.running_count}/{service.desired_count} {service.condition}{standby}{at}"


def say_detached(shell: Shell, view: View) -> None:
    snapshot = state(view.controller)
    service = snapshot.service(view.arn)
    if shell.json and service is not None:
        shell.tell(as_json({"service": dict(service.raw)}))
    elif service is not None:
        shell.tell(told(service, snapshot.url_of(service)))
    shell.say(f"watch it: chaos-ecs watch   |   stop it: chaos-ecs service down {view.name}")


def _say_left(shell: Shell, name: str) -> None:
    shell.say_left(f"left the view; {name} keeps running. Stop it: chaos-ecs service down {name}")


def take_down(shell: Shell, controller: Controller, before: Snapshot, service: Service, *, timeout: float) -> None:
    """Deletes the service and follows until its last task is gone. Raises E-TIMEOUT (exit 124)."""
    controller.ecs("DeleteService", cluster=service.cluster, service=service.arn, force=True)
    farewell = " Ctrl-C leaves this view; the tasks stop all the same"
    screen = screen_for(shell, service.cluster, before.at, farewell=farewell)
    shell.say(f"waiting for the tasks of {service.name} to stop, at most {seconds(timeout)}")
    follower = Follower(
        shell,
        controller,
        screen,
        before.number,
        lambda event: event.service == service.arn,
        awaited=f"the tasks of {service.name} to stop",
    )
    try:
        gone = follower.run(lambda snapshot: is_gone(snapshot, service.arn), timeout=timeout)
    finally:
        screen.close()
        if service.target_groups:
            balanced.removed(follower.controller, before, service.cluster, service.name)
    if not gone:
        what = f"Service {service.name} still has tasks after {seconds(timeout)}"
        raise ChaosEcsError("E-TIMEOUT", what, "they are slow to stop", "chaos-ecs ps", 124)


def is_gone(snapshot: Snapshot, arn: str) -> bool:
    service = snapshot.service(arn)
    return (service is None or service.status == "INACTIVE") and not snapshot.live_tasks_of(arn)
