"""`chaos-ecs chaos inject`: finds the victims, tells the plan, injects, and follows until the effect was measured.

Never here: the options, which are made from the catalogue (see `fault_options.py`), and who may be hit (`chaos/`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import typer

from chaos_ecs.chaos.fault import Fault as Kind
from chaos_ecs.chaos.fault import Scope
from chaos_ecs.cli import find
from chaos_ecs.cli.chaos import fault_kinds, fault_plan, patiently
from chaos_ecs.cli.chaos.fault_follow import (
    EFFECT_SECONDS,
    END_SECONDS,
    RECOVERY_SECONDS,
    Farewell,
    View,
    described,
    watching,
)
from chaos_ecs.cli.chaos.fault_plan import Plan
from chaos_ecs.cli.chaos.fault_view import Fault
from chaos_ecs.cli.chaos.fault_words import counted, headline, measured
from chaos_ecs.cli.client import Controller, lost, state
from chaos_ecs.cli.line import seconds
from chaos_ecs.cli.output import as_json
from chaos_ecs.cli.recovery import steps, summary
from chaos_ecs.cli.refusals import FALLBACK, not_found
from chaos_ecs.cli.shell import Shell
from chaos_ecs.cli.snapshot import Service, Snapshot, Task, name_of
from chaos_ecs.cli.text import folded
from chaos_ecs.errors import ChaosEcsError

_LABEL = 6
ADD_INSTANCE = "chaos-ecs instance add"


@dataclass(frozen=True, slots=True)
class Wish:
    """What the command line says: which fault, with which parameters (by FIS's names), whom, and how it is shown."""

    kind: type[Kind]
    parameters: Mapping[str, str]
    victims: Sequence[str] = ()  # by id, or a service
    standalone: bool = False
    pattern: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    min_age: float | None = None
    count: int | None = None
    percent: int | None = None
    all: bool = False
    container: str | None = None
    instances: Sequence[str] = ()  # container instances, by name
    zone: str | None = None
    seed: int | None = None
    force: bool = False
    dry_run: bool = False
    wait: bool = False
    yes: bool = False

    @property
    def asks_for_many(self) -> bool:
        return self.all or self.count is not None or self.percent is not None

    @property
    def is_for_anyone(self) -> bool:
        """Whether nothing at all says whom: any one running task."""
        some = self.victims or self.asks_for_many or self.filters
        return self.kind.scope is Scope.TASKS and not (some or self.hits_instances or self.kind.capacity_provider)

    @property
    def hits_instances(self) -> bool:
        return self.kind.scope is Scope.INSTANCES or bool(self.instances or self.zone)

    @property
    def draws_instances(self) -> bool:
        """Whether a seed picks among them."""
        is_whole = self.parameters.get("drainagePercentage") == "100"
        return bool(self.kind.picks) and not (self.instances or self.all or is_whole)

    @property
    def filters(self) -> bool:
        return self.standalone or bool(self.pattern) or bool(self.tags) or self.min_age is not None


@dataclass(frozen=True, slots=True)
class Aim:
    """Whom to hit: tasks, a service, container instances, or (none of them) whatever passes the filters."""

    tasks: tuple[str, ...] = ()
    service: str | None = None
    instances: tuple[str, ...] = ()


def inject(shell: Shell, wish: Wish) -> None:
    """The whole command. Exit code 1 where the effect is not known, 2 for a value that means nothing, 3 where nothing
    matches."""
    fault_kinds.made(wish.kind, wish.parameters)
    controller, before, cluster = shell.look()
    aim = aimed(wish, before, cluster)
    with _refusals_of(wish):
        answer = patiently.ask(shell, controller, "InjectFault", **_members(wish, aim, cluster), dryRun=True)
    if not answer["victims"]:
        raise _nobody(wish, aim, before, cluster)
    was_drawn = wish.kind.scope is Scope.TASKS and not (aim.tasks or wish.all)
    if wish.hits_instances:
        was_drawn = wish.draws_instances
    running = sum(task.is_running for task in before.tasks_in(cluster))
    plan = Plan.of(answer, before, was_drawn=was_drawn, among=running if wish.is_for_anyone else 0)
    if wish.dry_run:
        _tell_plan(shell, plan, answer, before)
        return
    for row in _rows(shell, plan):
        shell.say(row)
    _must_be_wanted(shell, wish, plan)
    before = state(controller)  # times count from here, not from before the question
    named = Aim(tuple(plan.tasks), None if plan.tasks else aim.service, _instances_of(wish, plan))
    again = Wish(wish.kind, wish.parameters, container=wish.container, force=wish.force, seed=plan.seed)
    with _refusals_of(wish):
        injected = controller.own("InjectFault", **_members(again, named, cluster))
    fault = _followed(shell, controller, before, plan, injected["fault"], wait=wish.wait)
    raise typer.Exit(0 if fault.is_proven else 1)


def _instances_of(wish: Wish, plan: Plan) -> tuple[str, ...]:
    """By what those of the plan are named; a zone's are, by the fault's own parameter."""
    return tuple(plan.instances) if wish.kind.picks else ()


def _followed(
    shell: Shell, controller: Controller, before: Snapshot, plan: Plan, fault_id: str, *, wait: bool
) -> Fault:
    """Until its effect is known, with `wait` until it is over and made good; then that is told."""
    (fault,) = described(controller, [fault_id])
    farewell = Farewell("the fault goes on", f"End it: chaos-ecs chaos undo {fault_id}")
    with watching(shell, controller, before, [fault], _awaited(plan, wait=wait), farewell) as view:
        view.await_effect(fault.name)
        if wait:
            view.await_end(fault.seconds)
        if wait and plan.strikes:
            view.await_recovery()
    (fault,) = described(view.follower.controller, [fault_id])
    _tell(shell, view, fault, state(view.follower.controller).at)
    return fault


def _awaited(plan: Plan, *, wait: bool) -> str:
    """What is waited for, and for how long at most."""
    if not wait:
        return f"the effect of {plan.name}, at most {seconds(EFFECT_SECONDS)}"
    if plan.strikes:
        return f"the effect of {plan.name} and the recovery, at most {seconds(EFFECT_SECONDS + RECOVERY_SECONDS)}"
    return f"the effect of {plan.name} and its end, at most {seconds(EFFECT_SECONDS + plan.seconds + END_SECONDS)}"


def aimed(wish: Wish, snapshot: Snapshot, cluster: str) -> Aim:
    """The victims as tasks or a service. Raises a usage error for what contradicts itself."""
    if wish.hits_instances:
        if wish.victims or wish.filters or wish.container or (wish.instances and wish.asks_for_many):
            raise typer.BadParameter("name container instances, or tasks, not both", param_hint="--instance")
        if not snapshot.instances_in(cluster):
            raise _no_instances(wish, cluster)
        return Aim(instances=tuple(find.instance(snapshot, cluster, name).arn for name in wish.instances))
    hint = "TASK...|SERVICE"
    if wish.kind.scope is Scope.SERVICE:
        return Aim(service=find.service(snapshot, cluster, wish.victims[0]).arn)
    if sum((wish.all, wish.count is not None, wish.percent is not None)) > 1:
        raise typer.BadParameter("say --all, --count or --percent-of-tasks, one of them")
    found = [find.service_or_task(snapshot, cluster, text) for text in wish.victims]
    services = [item for item in found if isinstance(item, Service)]
    if services and len(found) > 1:
        raise typer.BadParameter("name one service, or tasks, not both", param_hint=hint)
    if found and not services and (wish.filters or wish.asks_for_many):
        raise typer.BadParameter("named tasks are all meant: leave out what else says whom", param_hint=hint)
    if services and wish.standalone:
        raise typer.BadParameter("a standalone task is none of a service: leave out one of them", param_hint=hint)
    tasks = tuple(item.arn for item in found if isinstance(item, Task))
    return Aim(tasks, services[0].arn if services else None)


def _no_instances(wish: Wish, cluster: str) -> ChaosEcsError:
    what = f"{wish.kind.name} was refused"
    why = f"cluster {name_of(cluster)} has no container instances: its tasks run on the controller's own engine"
    return ChaosEcsError("E-NO-INSTANCE", what, why, f"{ADD_INSTANCE} --count 2", 3)


def _members(wish: Wish, aim: Aim, cluster: str) -> dict[str, Any]:
    """In the words of InjectFault; None is left out."""
    return {
        "cluster": cluster,
        "name": wish.kind.name,
        "parameters": dict(wish.parameters) or None,
        "tasks": list(aim.tasks) or None,
        "service": aim.service,
        "instances": list(aim.instances) or None,
        "availabilityZone": None if aim.instances else wish.zone,
        "standalone": wish.standalone or None,
        "pattern": wish.pattern or None,
        "tags": dict(wish.tags) or None,
        "minAgeSeconds": wish.min_age,
        "count": wish.count,
        "percent": wish.percent,
        "all": wish.all or None,
        "container": wish.container or None,
        "seed": wish.seed,
        "force": wish.force or None,
    }


@contextmanager
def _refusals_of(wish: Wish) -> Iterator[None]:
    """A refusal is told by the fault's name, with a next command that fits."""
    try:
        yield
    except ChaosEcsError as error:
        if error.code == lost("").code:
            raise
        hint = _hint(wish, error)
        raise ChaosEcsError(error.code, f"{wish.kind.name} was refused", error.why, hint, error.exit_code) from error


def _hint(wish: Wish, error: ChaosEcsError) -> str:
    """The next command after a refusal."""
    again = " ".join((f"chaos-ecs chaos inject {wish.kind.name}", *wish.victims))
    if error.exit_code == 5 and wish.hits_instances:
        more = ADD_INSTANCE if "container instance" in error.why else "chaos-ecs service scale"
        return f"the same with --force, or first: {more}"
    if error.exit_code == 5:
        alone = "its last" in error.why or (wish.victims and not wish.asks_for_many)
        return "the same with --force, or first: chaos-ecs service scale" if alone else f"{again} --count 1"
    return f"chaos-ecs chaos faults {wish.kind.name}" if error.hint == FALLBACK else error.hint


def _nobody(wish: Wish, aim: Aim, snapshot: Snapshot, cluster: str) -> ChaosEcsError:
    if wish.hits_instances:
        why = "no container instance that is ACTIVE and connected fits"
        return not_found("There is nobody to hit", why, "chaos-ecs instance ls")
    if wish.kind.capacity_provider:
        why = f"no RUNNING task that fits is on {wish.kind.capacity_provider}; container instances are named"
        return not_found("There is nobody to hit", why, f"chaos-ecs chaos inject {wish.kind.name} --instance NAME")
    running = [task for task in snapshot.tasks_in(cluster) if task.is_running]
    starting = [task for task in snapshot.tasks_in(cluster) if not task.is_running and not task.is_stopped]
    next_command = "chaos-ecs service up --desired 3"
    why = f"no task of cluster {name_of(cluster)} is RUNNING"
    if aim.service and not any(task.service == aim.service for task in running):
        why = f"no task of service {name_of(aim.service)} is RUNNING"
        next_command = f"chaos-ecs service describe {name_of(aim.service)}"
    elif wish.standalone and all(task.service for task in running):
        why, next_command = "no standalone task is RUNNING", "chaos-ecs run-task worker --no-wait"
    elif running:
        are = "1 task is" if len(running) == 1 else f"{len(running)} tasks are"
        why = f"{are} RUNNING, and what you asked for fits none of them"
        next_command = "chaos-ecs ps"
        if wish.percent is not None:
            why = f"{wish.percent} percent of those that match, rounded down, are none"
            next_command = f"chaos-ecs chaos inject {wish.kind.name} --count 1"
    if starting and not running:
        why += f"; {starting[0].short} is {starting[0].last_status}: try again in a moment"
    return not_found("There is nobody to hit", why, next_command)


# --- the plan ---


def _rows(shell: Shell, plan: Plan) -> list[str]:
    return [
        row
        for label, text in fault_plan.rows(plan)
        for row in folded(text, shell.width or 1000, first=f"{label:<{_LABEL}}", further=" " * _LABEL)
    ]


def _tell_plan(shell: Shell, plan: Plan, answer: Mapping[str, Any], snapshot: Snapshot) -> None:
    if shell.json:
        shell.tell(as_json(dict(answer)))
        return
    lines = fault_plan.lines(plan, snapshot)
    for row in (*_rows(shell, plan), *lines):
        shell.tell(row)
    if sentence := fault_plan.variables(plan, lines):
        shell.say(sentence)
    shell.say("nothing was done: this was a dry run")


def _must_be_wanted(shell: Shell, wish: Wish, plan: Plan) -> None:
    """Asks about several victims, and where the last healthy task may be among them, if somebody can answer."""
    if wish.yes or not shell.asks or not (len(plan.tasks) > 1 or len(plan.instances) > 1 or wish.force):
        return
    if not shell.confirm(f"Hit {counted(plan.victims)} with {plan.name}?"):
        hint = f"chaos-ecs chaos inject {plan.name} --yes"
        raise ChaosEcsError("E-REFUSED", "Nothing was injected", "the answer was no", hint, 5)


# --- the result ---


def _tell(shell: Shell, view: View, fault: Fault, now: float) -> None:
    """What became of it, and the next commands. What a live log has just said is not said again."""
    services = dict.fromkeys(victim.service for victim in fault.victims if victim.service)
    recovered = {arn: view.recorder.recovered[arn] for arn in services if arn in view.recorder.recovered}
    if shell.json:
        told = [{"service": service, "seconds": value} for service, value in recovered.items()]
        shell.tell(as_json({**fault.raw, "recoveries": told}))
        return
    shell.tell(headline(fault, now), fold=True)
    for names, text in measured(fault) if not (shell.is_live and fault.is_proven) else ():
        shell.tell(f"  {names}: {text}", fold=True)
    for death in view.recorder.deaths.values():
        if death.stopped and death.service in recovered:
            shell.tell(steps(death), fold=True)
    for service, value in recovered.items():
        shell.tell(summary(name_of(service), value))
    shell.say(_next(fault))


def _next(fault: Fault) -> str:
    if not fault.is_proven:
        return f"see why: chaos-ecs chaos status {fault.id}   |   what works here: chaos-ecs chaos faults --judge"
    if not fault.is_over:
        return f"watch: chaos-ecs watch   |   end it sooner: chaos-ecs chaos undo {fault.id}"
    if not fault.seconds and not any(victim.service for victim in fault.victims):
        return "it is over, and nobody replaces a standalone task: chaos-ecs ps --all"
    if fault.seconds:
        return f"it is over, nothing of it is left   |   all about it: chaos-ecs chaos status {fault.id}"
    return "it is over, nothing is to be undone   |   what becomes of it: chaos-ecs watch"
