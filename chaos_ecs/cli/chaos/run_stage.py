"""What a chaos run needs before it begins: a service that is steady, a fault that can be had, a client, a control task.

Each is waited for, and what is waited for is said. Never here: the run itself (see `run_course.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from chaos_ecs.cli import find, refusals
from chaos_ecs.cli.chaos import fault_kinds, patiently
from chaos_ecs.cli.chaos.asker import Asker, Asks
from chaos_ecs.cli.chaos.score import Control, Plan
from chaos_ecs.cli.client import Controller, state
from chaos_ecs.cli.follow import Follower
from chaos_ecs.cli.health import is_starting, is_whole
from chaos_ecs.cli.line import seconds
from chaos_ecs.cli.livelog import SilentScreen
from chaos_ecs.cli.shell import Shell
from chaos_ecs.cli.snapshot import Service, Snapshot, short
from chaos_ecs.errors import ChaosEcsError

STEADY_SECONDS = 60.0
CONTROL_SECONDS = 30.0
STARTED_BY = "chaos-run"


@dataclass(frozen=True, slots=True)
class Tools:
    """Who asks as a client does, and who follows the events: on a test's virtual time, another one."""

    asker: Callable[[str, float], Asks] = Asker
    follower: type[Follower] = Follower


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a run takes place. Without a `url` there is no client, for the reason `no_client`."""

    plan: Plan
    controller: Controller
    service: Service
    url: str
    no_client: str
    about: Mapping[str, Any]

    def members(self, tick: int) -> dict[str, Any]:
        """The n-th tick in the words of InjectFault; None is left out."""
        plan = self.plan
        return {
            "cluster": self.service.cluster,
            "name": plan.fault,
            "parameters": dict(plan.parameters) or None,
            "service": self.service.arn,
            "count": plan.count,
            "seed": plan.seed_of(tick),
            "force": plan.force or None,
        }


def prepared(shell: Shell, plan: Plan, tools: Tools) -> Stage:
    """The stage, once the service is steady. Nothing has been hit, and nothing started."""
    fault_kinds.made(fault_kinds.named(plan.fault), plan.parameters)
    controller, snapshot, cluster = shell.look()
    service = find.service(snapshot, cluster, plan.service)
    if not service.desired_count:
        hint = f"chaos-ecs service scale {service.name} 3"
        raise ChaosEcsError(
            "E-NOTHING-TO-HIT", f"Service {service.name} desires no task", "its desired count is 0", hint
        )
    if not service.steady:
        snapshot = _steady(shell, controller, snapshot, service, tools)
        service = find.service(snapshot, cluster, service.arn)
    told = controller.own("GetController")
    url, no_client = _place_of_client(snapshot, service, simulated=bool(told.get("simulated")))
    if plan.goal is not None and not url:
        what = f"A goal of {plan.goal:g}% cannot be measured"
        raise ChaosEcsError("E-NO-LISTENER", what, no_client, f"chaos-ecs chaos run {service.name} without --slo", 2)
    about = {
        "version": told.get("version"),
        "engine": told.get("engine"),
        "simulated": bool(told.get("simulated")),
        "taskDefinition": service.live,
        "pace": told.get("pace"),
    }
    named = replace(plan, service=service.name, cluster=shell.cluster_name)
    stage = Stage(named, controller, service, url, no_client, about)
    _must_hit_tasks(shell, stage)
    return stage


def _steady(shell: Shell, controller: Controller, snapshot: Snapshot, service: Service, tools: Tools) -> Snapshot:
    awaited = f"the steady state of {service.name}"
    shell.say(f"waiting for {awaited}, at most {seconds(STEADY_SECONDS)}: a run begins with a service that is whole")
    follower = tools.follower(shell, controller, SilentScreen(), snapshot.number, awaited=awaited)

    if not follower.run(lambda seen: is_whole(seen, service.arn), timeout=STEADY_SECONDS):
        what = f"Service {service.name} has not reached a steady state within {seconds(STEADY_SECONDS)}"
        hint = f"chaos-ecs service describe {service.name}"
        raise ChaosEcsError("E-TIMEOUT", what, "nothing was hit", hint, 124)
    return state(controller)


def _place_of_client(snapshot: Snapshot, service: Service, *, simulated: bool) -> tuple[str, str]:
    """Where it asks, else why there is none."""
    url = snapshot.url_of(service)
    if simulated:
        return "", "the controller is simulated, so nobody answers requests"
    return (f"{url}/", "") if url else ("", f"{service.name} is behind no listener")


def _must_hit_tasks(shell: Shell, stage: Stage) -> None:
    """Raises what would refuse every single tick: an unknown fault, a parameter, a service of one task."""
    with refusals.told_as(f"{stage.plan.fault} on {stage.plan.service}"):
        answer = patiently.ask(shell, stage.controller, "InjectFault", **stage.members(1), dryRun=True)
    if not any(item.get("task") for item in answer["victims"]):
        why = f"{stage.plan.fault} hits no tasks, and a run tells of the tasks it hit"
        raise ChaosEcsError("E-USAGE", f"{stage.plan.fault} is no fault for a run", why, "chaos-ecs chaos faults", 2)


def previewed(stage: Stage) -> list[dict[str, Any]]:
    """For each tick the places of those it would hit now."""
    told = []
    for tick, due in enumerate(stage.plan.ticks(), 1):
        answer = stage.controller.own("InjectFault", **stage.members(tick), dryRun=True)
        tasks = [task.arn for task in state(stage.controller).live_tasks_of(stage.service.arn) if task.is_running]
        hit = dict.fromkeys(item["task"] for item in answer["victims"])
        places = [tasks.index(task) + 1 for task in hit if task in tasks]
        told.append({"tick": tick, "due": due, "positions": places, "of": len(tasks)})
    return told


# --- the control ---


def group_of(run: int) -> str:
    """The group of the control task, and of nobody else."""
    return f"{STARTED_BY}:{run}"


def started_control(shell: Shell, stage: Stage, run: int, tools: Tools) -> str:
    """The ARN of a standalone task of the service's own task definition, once it runs."""
    service = stage.service
    described = stage.controller.ecs("DescribeServices", cluster=service.cluster, services=[service.arn])["services"]
    before = state(stage.controller)
    answer = stage.controller.ecs(
        "RunTask",
        cluster=service.cluster,
        taskDefinition=service.live,
        startedBy=STARTED_BY,
        group=group_of(run),
        networkConfiguration=described[0].get("networkConfiguration") if described else None,
    )
    if not answer.get("tasks"):
        why = ", ".join(str(item.get("detail") or item.get("reason")) for item in answer.get("failures") or ())
        raise _no_control(service, why)
    arn = str(answer["tasks"][0]["taskArn"])
    awaited = f"the control task {short(arn)}"
    shell.say(f"waiting for {awaited} to run, at most {seconds(CONTROL_SECONDS)}: a standalone task of {service.live}")
    follower = tools.follower(shell, stage.controller, SilentScreen(), before.number, awaited=awaited)
    try:
        follower.run(lambda seen: not is_starting(seen, arn), timeout=CONTROL_SECONDS)
        task = state(stage.controller).task(arn)
        if task is None or not task.is_running:
            why = "it does not run" if task is None else task.stopped_reason or f"it is {task.last_status}"
            raise _no_control(service, why)
    except BaseException:
        with suppress(ChaosEcsError):
            stopped_control(stage.controller, stage, Control(arn))
        raise
    return arn


def _no_control(service: Service, why: str) -> ChaosEcsError:
    what = f"The control, a standalone task of {service.live}, cannot be had"
    return ChaosEcsError("E-NO-CONTROL", what, why, f"chaos-ecs chaos run {service.name} --no-control")


def stopped_control(controller: Controller, stage: Stage, control: Control | None) -> None:
    """What was not killed is stopped: a run leaves nothing behind."""
    if control is None:
        return
    task = state(controller).task(control.task)
    if task is not None and not task.is_stopped:
        controller.ecs("StopTask", cluster=stage.service.cluster, task=control.task, reason="the chaos run is over")
