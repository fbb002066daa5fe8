"""`chaos-ecs service continue`: a deployment that a PAUSE hook holds goes on, or back.

Never here: what a hook is (see `core/stages.py`), and watching (see `deploywatch.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

import typer

from chaos_ecs.cli import deploywatch, find
from chaos_ecs.cli.awscommand import Action
from chaos_ecs.cli.client import Controller, state
from chaos_ecs.cli.deploy import Name, Timeout, Wait
from chaos_ecs.cli.deployview import Story
from chaos_ecs.cli.deploywatch import Watch
from chaos_ecs.cli.parts import YesOption, shell_of
from chaos_ecs.cli.shifts import Shift, pause_of
from chaos_ecs.cli.snapshot import Service, Snapshot
from chaos_ecs.errors import ChaosEcsError

_UNDER_WAY = ("PENDING", "IN_PROGRESS", "STOP_REQUESTED", "ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS")


def continue_(
    ctx: typer.Context,
    *,
    name: Name = "web",
    rollback: Annotated[
        bool, typer.Option("--rollback", help="Go back instead: all requests to the old tasks.")
    ] = False,
    wait: Wait = True,
    timeout: Timeout = None,
    yes: YesOption = False,
) -> None:
    """Let a deployment that is paused go on, and watch it until it is live or rolled back.

    \b
    chaos-ecs service continue web
    chaos-ecs service continue web --rollback
    """
    shell = shell_of(ctx, yes=yes)
    controller, before, cluster = shell.look()
    service = find.service(before, cluster, name)
    record = of_service(controller, service)
    pause, shift = pause_of(record), service.deployments[0].shift if service.deployments else None
    if pause is None:
        raise _nothing_waits(service, record)
    wished = {"serviceDeploymentArn": record["serviceDeploymentArn"], "hookId": pause.hook}
    wished["action"] = "ROLLBACK" if rollback else "CONTINUE"
    controller.ecs("ContinueServiceDeployment", **wished)
    action = Action("ContinueServiceDeployment", wished)
    stage = shift.stage if shift is not None else pause.stage
    if rollback:
        shell.say(f"service {service.name}: {service.task_definition} goes back, at {stage}")
        watch = _back(controller, before, service, action)
    else:
        shell.say(f"service {service.name}: {service.task_definition} goes on after {stage}")
        watch = _on(controller, before, service, record, action)
    raise typer.Exit(deploywatch.followed(shell, watch, timeout, wait=wait))


def of_service(controller: Controller, service: Service) -> Mapping[str, Any]:
    """API_ServiceDeployment of the deployment under way; {} when there is none."""
    told = controller.ecs("DescribeServices", cluster=service.cluster, services=[service.arn])["services"][0]
    return of_arn(controller, told.get("currentServiceDeployment"))


def of_arn(controller: Controller, arn: str | None) -> Mapping[str, Any]:
    """API_ServiceDeployment of this ARN; {} without one."""
    if not arn:
        return {}
    found = controller.ecs("DescribeServiceDeployments", serviceDeploymentArns=[arn])["serviceDeployments"]
    return dict(found[0]) if found else {}


def _nothing_waits(service: Service, record: Mapping[str, Any]) -> ChaosEcsError:
    what = f"No deployment of {service.name} waits to be continued"
    if record.get("status") not in _UNDER_WAY:
        why = "none is under way"
        example = "--env VERSION=v2 --strategy blue-green --pause-at POST_SCALE_UP"
        hint = f"chaos-ecs service deploy {service.name} {example}"
    elif stage := record.get("lifecycleStage"):
        why, hint = f"it is in stage {stage} and goes on by itself", f"chaos-ecs service describe {service.name}"
    else:
        why, hint = "a rolling deployment is under way: it has no stages", f"chaos-ecs service describe {service.name}"
    return ChaosEcsError("E-NOT-PAUSED", what, why, hint, 3)


def _on(controller: Controller, before: Snapshot, service: Service, record: Mapping[str, Any], action: Action) -> Watch:
    newest = service.deployments[0]
    previous = next((item.task_definition for item in service.deployments[1:]), newest.task_definition)
    story = Story(service.arn, newest.id, newest.task_definition, previous, since=service.client)
    shift = newest.shift or Shift.of_record(record)
    story.shift = None if shift is None else replace(shift, pause=None)  # the state was looked at before
    patience = deploywatch.patience(record.get("deploymentConfiguration") or {})
    return Watch(controller, before, service, story, action, patience)


def _back(controller: Controller, before: Snapshot, service: Service, action: Action) -> Watch:
    """What was live before is the newest again, and is what we wait for."""
    now = state(controller).service(service.arn)
    newest = now.deployments[0] if now is not None and now.deployments else service.deployments[0]
    story = Story(service.arn, newest.id, newest.task_definition, service.task_definition, since=service.client)
    return Watch(controller, before, service, story, action)
