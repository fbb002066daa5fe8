"""`chaos-ecs service deploy` and `service rollback`: another revision, watched until it is over.

Never here: what a deployment does (see `core/rollout.py`) and how it looks (see `deployview.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from chaos_ecs.cli import completion, definitions, find
from chaos_ecs.cli.awscommand import Action
from chaos_ecs.cli.client import Controller, state
from chaos_ecs.cli.definitions import Wish
from chaos_ecs.cli.deployview import Outcome, Story
from chaos_ecs.cli.follow import Follower
from chaos_ecs.cli.lines import seconds
from chaos_ecs.cli.livelog import Face, screen_for
from chaos_ecs.cli.output import as_json
from chaos_ecs.cli.parts import shell_of
from chaos_ecs.cli.presses import Presses, listening
from chaos_ecs.cli.shell import Shell
from chaos_ecs.cli.snapshot import Event, Service, Snapshot, name_of
from chaos_ecs.errors import ChaosEcsError

_LINES_LOOKED_AT = 5  # of a failed task's log, from the end
_WITHOUT_SERVICE = ("BALANCER_", "ENGINE_", "LISTENER_MOVED")

Name = Annotated[
    str, typer.Argument(help="The service's name.", show_default=False, autocompletion=completion.services)
]
Timeout = Annotated[float, typer.Option(parser=find.duration, metavar="TIME", help="How long to wait: 90s, 2m, 1h.")]
Breaker = Annotated[
    bool, typer.Option("--circuit-breaker/--no-circuit-breaker", help="Give up after some failed tasks.")
]
Rollback = Annotated[bool, typer.Option("--rollback/--no-rollback", help="Go back to the last good revision then.")]


@dataclass(frozen=True, slots=True)
class _Watch:
    """A deployment that was begun; `before` is the state from before it, where the events begin."""

    controller: Controller
    before: Snapshot
    service: Service
    story: Story
    action: Action


def deploy(
    ctx: typer.Context,
    *,
    name: Name = "web",
    image: Annotated[str | None, typer.Option(help="The new revision's image.")] = None,
    env: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="A variable; may be repeated.")] = None,
    command: Annotated[str | None, typer.Option(help='The container\'s command, quoted: --command "web".')] = None,
    task_definition: Annotated[
        str | None, typer.Option(metavar="FAMILY[:REVISION]", help="One that is there, instead of a new revision.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="New tasks, even if nothing else changes.")] = False,
    circuit_breaker: Breaker = True,
    rollback: Rollback = True,
    min_healthy: Annotated[int | None, typer.Option(min=0, max=100, help="minimumHealthyPercent.")] = None,
    max_: Annotated[int | None, typer.Option("--max", min=100, help="maximumPercent.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be deployed, and deploy nothing.")] = False,
    timeout: Timeout = "5m",  # type: ignore[assignment]  # Typer parses defaults too
) -> None:
    """Deploy a new revision of a service, and watch it until it is live or rolled back.

    \b
    chaos-ecs service deploy web --env VERSION=v2
    chaos-ecs service deploy web --env HEALTH=500
    chaos-ecs service deploy web --image nginx:alpine --min-healthy 50 --max 100
    chaos-ecs service deploy web --force
    """
    shell = shell_of(ctx)
    controller, before, cluster = shell.look()
    service = find.service(before, cluster, name)
    wish = Wish(image, find.pairs(env or []), definitions.words(command))
    if wish.is_plain and task_definition is None and not force:
        raise typer.BadParameter("say what changes: --image, --env, --command, --task-definition, or --force")
    if dry_run:
        _tell_dry(shell, service, wish, task_definition)
        return
    base = task_definition or service.task_definition
    if not wish.is_plain:
        base = definitions.registered(shell, controller, base.partition(":")[0], wish, base=base, anew=True)
    limits = {"minimumHealthyPercent": min_healthy, "maximumPercent": max_}
    breaker = {"enable": circuit_breaker, "rollback": circuit_breaker and rollback}
    configuration: dict[str, Any] = {name: value for name, value in limits.items() if value is not None}
    configuration["deploymentCircuitBreaker"] = breaker
    change: dict[str, Any] = {"taskDefinition": base, "deploymentConfiguration": configuration}
    if force:
        change["forceNewDeployment"] = True
    watch = _begun(controller, before, service, change)
    raise typer.Exit(_followed(shell, watch, timeout))


def rollback(
    ctx: typer.Context,
    *,
    name: Name = "web",
    timeout: Timeout = "5m",  # type: ignore[assignment]
) -> None:
    """Go back to the revision before: stops the deployment under way, or deploys the last one that was live.

    \b
    chaos-ecs service rollback web
    """
    shell = shell_of(ctx)
    controller, before, cluster = shell.look()
    service = find.service(before, cluster, name)
    told = controller.ecs("DescribeServices", cluster=cluster, services=[service.arn])["services"][0]
    if service.deployments and service.deployments[0].rollout_state == "IN_PROGRESS":
        watch = _stopped(shell, controller, before, service, told)
    else:
        previous = _previous(controller, service)
        shell.say(f"service {service.name}: {service.task_definition} -> {previous}")
        breaker = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}
        change = {"taskDefinition": previous, "deploymentConfiguration": breaker}
        watch = _begun(controller, before, service, change)
    raise typer.Exit(_followed(shell, watch, timeout))


# --- beginning ---


def _begun(controller: Controller, before: Snapshot, service: Service, change: Mapping[str, Any]) -> _Watch:
    wished = {"cluster": service.cluster, "service": service.arn, **change}
    told = controller.ecs("UpdateService", **wished)["service"]
    newest = told["deployments"][0]
    asked = name_of(newest["taskDefinition"])
    if service.deployments and newest["id"] == service.deployments[0].id:
        what = f"Service {service.name} has {asked} already"
        why = "limits and circuit breaker are set as asked, but there is nothing to roll out"
        raise ChaosEcsError("E-NOTHING-NEW", what, why, f"chaos-ecs service deploy {service.name} --force")
    story = Story(service.arn, newest["id"], asked, service.task_definition, since=service.client)
    story.limit, story.terms = _limit(told), _terms(told)
    return _Watch(controller, before, service, story, Action("UpdateService", wished))


def _stopped(
    shell: Shell, controller: Controller, before: Snapshot, service: Service, told: Mapping[str, Any]
) -> _Watch:
    """StopServiceDeployment: what was live before is the newest again, and is what we wait for."""
    wished = {"serviceDeploymentArn": told["currentServiceDeployment"], "stopType": "ROLLBACK"}
    controller.ecs("StopServiceDeployment", **wished)
    now = state(controller).service(service.arn)
    newest = now.deployments[0] if now is not None and now.deployments else service.deployments[0]
    shell.say(
        f"service {service.name}: the deployment is stopped, {service.task_definition} -> {newest.task_definition}"
    )
    story = Story(service.arn, newest.id, newest.task_definition, service.task_definition, since=service.client)
    return _Watch(controller, before, service, story, Action("StopServiceDeployment", wished))


def _previous(controller: Controller, service: Service) -> str:
    """The newest revision that was live and is not the current one. Raises E-NO-REVISION when none is on record."""
    listed = controller.ecs(
        "ListServiceDeployments", cluster=service.cluster, service=service.arn, status=["SUCCESSFUL"]
    )["serviceDeployments"]
    arns = list(dict.fromkeys(item["targetServiceRevisionArn"] for item in listed))
    found = controller.ecs("DescribeServiceRevisions", serviceRevisionArns=arns)["serviceRevisions"] if arns else []
    by_arn = {item["serviceRevisionArn"]: name_of(item["taskDefinition"]) for item in found}
    names = [by_arn[arn] for arn in arns if arn in by_arn]
    previous = next((name for name in names if name != service.task_definition), None)
    if previous is None:
        what = f"Service {service.name} has no revision to go back to"
        why = f"{service.task_definition} is the only one that was ever live"
        raise ChaosEcsError("E-NO-REVISION", what, why, f"chaos-ecs service deploy {service.name} --env VERSION=v2", 3)
    return previous


def _limit(told: Mapping[str, Any]) -> str:
    """Why the circuit breaker has the limit that it has (API_DeploymentCircuitBreaker)."""
    breaker = told.get("deploymentConfiguration", {}).get("deploymentCircuitBreaker", {})
    threshold = breaker.get("thresholdConfiguration") or {"type": "BOUNDED_PERCENT", "value": 50}
    if threshold["type"] == "COUNT":
        return "as set"
    share = f"{threshold['value']}% of {told.get('desiredCount')}"
    return share if threshold["type"] == "UNBOUNDED_PERCENT" else f"{share}, never below 3"


def _terms(told: Mapping[str, Any]) -> str:
    configuration = told.get("deploymentConfiguration", {})
    breaker = configuration.get("deploymentCircuitBreaker", {})
    least, most = configuration.get("minimumHealthyPercent", 100), configuration.get("maximumPercent", 200)
    return f"keep {least}%, at most {most}%, breaker {'on' if breaker.get('enable') else 'off'}"


def _tell_dry(shell: Shell, service: Service, wish: Wish, definition: str | None) -> None:
    base = definition or service.task_definition
    changes = [f"image {wish.image}"] if wish.image else []
    changes += [f"{name}={value}" for name, value in wish.environment]
    changes += [f"command {' '.join(wish.command)}"] if wish.command is not None else []
    what = f"a new revision of {base} with {', '.join(changes)}" if changes else base
    if shell.json:
        shell.tell(as_json({"service": service.name, "base": base, "changes": changes, "dryRun": True}))
    else:
        shell.tell(f"{service.name} would get {what}; its {service.running_count} tasks would be replaced")


# --- watching ---


def _followed(shell: Shell, watch: _Watch, timeout: float) -> int:
    """Follows it to its end and tells that. Answers the exit code; raises E-TIMEOUT (124)."""
    story, service = watch.story, watch.service
    awaited = f"{story.asked} of {service.name} to be live or rolled back"
    shell.say(f"waiting for {awaited}, at most {seconds(timeout)}; Ctrl-C leaves, it goes on")
    story.keys = shell.keyboard is not None
    screen = screen_for(shell, service.cluster, watch.before.at, face=Face(story.lines, story.panel))
    follower = Follower(
        shell,
        watch.controller,
        screen,
        watch.before.number,
        lambda event: _is_about(event, service),
        story.record,
        awaited,
    )
    try:
        with listening(shell, follower, Presses(follower, service.cluster, service.arn, watch.action)):
            over = follower.run(story.see, timeout=timeout)
    except KeyboardInterrupt:
        screen.close()
        shell.say_left(f"left the view; the deployment goes on. Undo it: chaos-ecs service rollback {service.name}")
        return 130
    finally:
        screen.close()
    if not over:
        raise _too_late(story, service, timeout)
    _tell_end(shell, follower.controller, watch)
    return 0 if story.outcome is Outcome.LIVE else 1


def _is_about(event: Event, service: Service) -> bool:
    return event.service == service.arn or (not event.service and event.type.startswith(_WITHOUT_SERVICE))


def _too_late(story: Story, service: Service, timeout: float) -> ChaosEcsError:
    what = f"The deployment of {story.asked} to {service.name} is not over after {seconds(timeout)}"
    why = f"its tasks fail: {story.why}" if story.why else "it goes on; nothing has failed so far"
    return ChaosEcsError("E-TIMEOUT", what, why, f"chaos-ecs service rollback {service.name}", 124)


def _tell_end(shell: Shell, controller: Controller, watch: _Watch) -> None:
    story = watch.story
    snapshot = state(controller)
    story.see(snapshot)
    if story.outcome is not Outcome.LIVE:
        story.last_line = _last_line(controller, watch.service.cluster, story)
    if shell.json:
        shell.tell(as_json(_as_json(story, snapshot)))
        return
    if shell.accessible:
        for sentence in story.sentences():
            shell.tell(sentence, fold=True)
    else:
        width = shell.width
        for row in story.rows(snapshot.at, None if width is None else width - 1, shell.symbols):
            shell.tell(row)
    shell.say(_next(story, watch.service.name))
    shell.tell(story.verdict())


def _last_line(controller: Controller, cluster: str, story: Story) -> str:
    """The last words of the task that failed last; "" when nobody has them any more."""
    for task in reversed(story.failed[-2:]):
        try:
            told = controller.own("GetTaskLogs", cluster=cluster, task=task, tail=_LINES_LOOKED_AT)["lines"]
        except ChaosEcsError:
            continue
        said = [line["message"].strip() for line in told if line["message"].strip()]
        if own := [line for line in said if "SIGTERM" not in line] or said:  # how it was stopped says nothing
            return str(own[-1])
    return ""


def _next(story: Story, name: str) -> str:
    if story.outcome is Outcome.LIVE:
        return f"next: chaos-ecs service describe {name}   |   chaos-ecs service rollback {name}"
    logs = f"chaos-ecs logs {name_of(story.failed[-1])[:6]}   |   " if story.failed else ""
    return f"next: {logs}chaos-ecs service deploy {name} --image IMAGE   |   chaos-ecs service describe {name}"


def _as_json(story: Story, snapshot: Snapshot) -> dict[str, Any]:
    service, client = snapshot.service(story.service), story.client()
    return {
        "service": dict(service.raw) if service is not None else None,
        "asked": story.asked,
        "previous": story.previous,
        "outcome": story.outcome.value if story.outcome else None,
        "why": story.why or None,
        "lastLogLine": story.last_line or None,
        "client": None if client is None else {"requests": client.requests, "failed": client.failed},
    }
