"""`chaos-ecs service deploy` and `service rollback`: another revision, watched until it is over.

Never here: what a deployment does (see `core/rollout.py`), watching it (see `deploywatch.py`), how it looks (see
`deployview.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, NoReturn

import typer

from chaos_ecs.cli import balanced, completion, definitions, deploywatch, find, shiftview, strategies
from chaos_ecs.cli.awscommand import Action
from chaos_ecs.cli.client import Controller, state
from chaos_ecs.cli.definitions import Wish
from chaos_ecs.cli.deployview import Story
from chaos_ecs.cli.deploywatch import Watch
from chaos_ecs.cli.output import as_json
from chaos_ecs.cli.parts import YesOption, shell_of
from chaos_ecs.cli.shell import Shell
from chaos_ecs.cli.snapshot import Service, Snapshot, name_of
from chaos_ecs.cli.strategies import (
    BakeOption,
    PauseOption,
    PercentOption,
    Shifting,
    StepBakeOption,
    StrategyOption,
    TestPortOption,
)
from chaos_ecs.errors import ChaosEcsError

Name = Annotated[
    str, typer.Argument(help="The service's name.", show_default=False, autocompletion=completion.services)
]
Timeout = Annotated[
    float | None,
    typer.Option(parser=find.duration, metavar="TIME", help="How long to wait: 90s (default: 5m and the bake times)."),
]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Watch it until it is over.")]
Breaker = Annotated[
    bool, typer.Option("--circuit-breaker/--no-circuit-breaker", help="Give up after some failed tasks.")
]
DefinitionOption = Annotated[
    str | None, typer.Option(metavar="FAMILY[:REVISION]", help="One that is there, instead of a new revision.")
]
Rollback = Annotated[bool, typer.Option("--rollback/--no-rollback", help="Go back to the last good revision then.")]


def deploy(
    ctx: typer.Context,
    *,
    name: Name = "web",
    image: Annotated[str | None, typer.Option(help="The new revision's image.")] = None,
    env: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="A variable; may be repeated.")] = None,
    command: Annotated[str | None, typer.Option(help='The container\'s command, quoted: --command "web".')] = None,
    task_definition: DefinitionOption = None,
    force: Annotated[bool, typer.Option("--force", help="New tasks, even if nothing else changes.")] = False,
    strategy: StrategyOption = None,
    percent: PercentOption = None,
    step_bake: StepBakeOption = None,
    bake: BakeOption = None,
    pause_at: PauseOption = None,
    test_port: TestPortOption = None,
    circuit_breaker: Breaker = True,
    rollback: Rollback = True,
    min_healthy: Annotated[int | None, typer.Option(min=0, max=100, help="minimumHealthyPercent.")] = None,
    max_: Annotated[int | None, typer.Option("--max", min=100, help="maximumPercent.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be deployed, and deploy nothing.")] = False,
    wait: Wait = True,
    timeout: Timeout = None,
    yes: YesOption = False,
) -> None:
    """Deploy a new revision of a service, and watch it until it is live or rolled back.

    \b
    chaos-ecs service deploy web --env VERSION=v2
    chaos-ecs service deploy web --image nginx:alpine --max 100 --min-healthy 50
    chaos-ecs service deploy web --env VERSION=v3 --strategy canary --percent 10
    chaos-ecs service deploy web --force --bake 5 --pause-at post-scale-up
    """
    shell = shell_of(ctx, yes=yes)
    controller, before, cluster = shell.look()
    service = find.service(before, cluster, name)
    wish = Wish(image, find.pairs(env or []), definitions.words(command))
    if wish.is_plain and task_definition is None and not force:
        raise typer.BadParameter("say what changes: --image, --env, --command, --task-definition, or --force")
    shifting = Shifting.of(strategy, percent, step_bake, bake, pause_at, test_port)
    known = {} if shifting.is_plain and shell.place is None else _described(controller, service)
    configured = shifting.configuration(known.get("deploymentConfiguration") or {})
    if dry_run:
        _tell_dry(shell, service, wish, task_definition, configured)
        return
    limits = _limits(min_healthy, max_, breaks=circuit_breaker, rolls_back=rollback)
    configured = configured | limits if shell.place is None else _as_it_is_there(known, configured, limits)
    change: dict[str, Any] = {"deploymentConfiguration": configured or None, "forceNewDeployment": force or None}
    change |= _balancers(shell, controller, service, known, shifting)
    change["taskDefinition"] = _revision(shell, controller, service, wish, task_definition or service.task_definition)
    _follow(shell, _begun(shell, controller, before, service, change), timeout, wait=wait)


def rollback(
    ctx: typer.Context,
    *,
    name: Name = "web",
    wait: Wait = True,
    timeout: Timeout = None,
    yes: YesOption = False,
) -> None:
    """Go back to the revision before: stops the deployment under way, or deploys the last one that was live.

    \b
    chaos-ecs service rollback web
    """
    shell = shell_of(ctx, yes=yes)
    controller, before, cluster = shell.look()
    service = find.service(before, cluster, name)
    told = _described(controller, service)
    if _can_be_stopped(service):
        watch = _stopped(shell, controller, before, service, told)
    else:
        previous = _previous(controller, service)
        shell.say(f"service {service.name}: {service.task_definition} -> {previous}")
        configuration = _limits(None, None, breaks=True, rolls_back=True) if shell.place is None else None
        if configuration is not None and (told.get("deploymentConfiguration") or {}).get("lifecycleHooks"):
            shell.say("its pauses are taken away: who goes back does not want to wait")
            configuration["lifecycleHooks"] = []
        change = {"taskDefinition": previous, "deploymentConfiguration": configuration}
        watch = _begun(shell, controller, before, service, change)
    _follow(shell, watch, timeout, wait=wait)


def _follow(shell: Shell, watch: Watch, timeout: float | None, *, wait: bool) -> NoReturn:
    raise typer.Exit(deploywatch.followed(shell, watch, timeout, wait=wait))


def _can_be_stopped(service: Service) -> bool:
    """Whether a deployment is under way that there is a way back from; from CLEAN_UP on there is none."""
    newest = service.deployments[0] if service.deployments else None
    if newest is None or newest.rollout_state != "IN_PROGRESS":
        return False
    return not _is_cleaning_up(service)


def _is_cleaning_up(service: Service) -> bool:
    """Whether the newest revision is as good as live."""
    return service.shift is not None and service.shift.stage == "CLEAN_UP"


# --- beginning ---


def _say_given_up(shell: Shell, service: Service, change: Mapping[str, Any]) -> None:
    """That the deployment under way makes way, where one is and this change is a new one."""
    is_new = change.get("forceNewDeployment") or change["taskDefinition"] != service.task_definition
    if not is_new or not _can_be_stopped(service):
        return
    newest = service.deployments[0]
    where = newest.rollout_state if newest.shift is None else shiftview.where(newest.shift)
    shell.say(f"the deployment of {newest.task_definition} to {service.name} ({where}) is given up for this one")


def _described(controller: Controller, service: Service) -> Mapping[str, Any]:
    told: Mapping[str, Any] = controller.ecs("DescribeServices", cluster=service.cluster, services=[service.arn])
    return dict(told["services"][0])


def _limits(least: int | None, most: int | None, *, breaks: bool, rolls_back: bool) -> dict[str, Any]:
    """The part of deploymentConfiguration that every strategy has."""
    breaker: dict[str, Any] = {"deploymentCircuitBreaker": {"enable": breaks, "rollback": breaks and rolls_back}}
    limits = {"minimumHealthyPercent": least, "maximumPercent": most}
    return breaker | {name: value for name, value in limits.items() if value is not None}


def _as_it_is_there(
    known: Mapping[str, Any], configured: Mapping[str, Any], limits: Mapping[str, Any]
) -> dict[str, Any]:
    """With --endpoint nothing of somebody's service changes but what was asked for: our circuit breaker is on unless
    somebody says no, theirs is as it is. {} where nothing of it changes."""
    breaker = limits["deploymentCircuitBreaker"]
    said = {name: value for name, value in limits.items() if value is not breaker}
    if not (breaker["enable"] and breaker["rollback"]):
        said["deploymentCircuitBreaker"] = breaker
    kept = dict(known.get("deploymentConfiguration") or {})
    return {**kept, **configured, **said} if configured or said else {}


def _revision(shell: Shell, controller: Controller, service: Service, wish: Wish, base: str) -> str:
    """`base` with what was wished for, as a new revision."""
    if wish.is_plain:
        return base
    shell.agree(f"UpdateService {service.name}")  # before anything is registered for it
    return definitions.registered(shell, controller, base.partition(":")[0], wish, base=base, anew=True)


def _balancers(
    shell: Shell, controller: Controller, service: Service, known: Mapping[str, Any], shifting: Shifting
) -> dict[str, Any]:
    """`loadBalancers` for UpdateService, where the strategy wants two target groups and the service has one."""
    if shifting.is_plain or not shifting.moves_traffic(known.get("deploymentConfiguration") or {}):
        return {}
    balancers = balanced.alternated(shell, controller, service, known, shifting.test_port)
    return {"loadBalancers": balancers} if balancers is not None else {}


def _begun(
    shell: Shell, controller: Controller, before: Snapshot, service: Service, change: Mapping[str, Any]
) -> Watch:
    _say_given_up(shell, service, change)
    wished = {"cluster": service.cluster, "service": service.arn, **change}
    told = controller.ecs("UpdateService", **wished)["service"]
    newest = told["deployments"][0]
    asked = name_of(newest["taskDefinition"])
    if service.deployments and newest["id"] == service.deployments[0].id:
        what = f"Service {service.name} has {asked} already"
        why = "limits, strategy and circuit breaker are set as asked, but there is nothing to roll out"
        raise ChaosEcsError("E-NOTHING-NEW", what, why, f"chaos-ecs service deploy {service.name} --force")
    stages = strategies.pauses(told.get("deploymentConfiguration") or {})
    if stages and "lifecycleHooks" not in (change["deploymentConfiguration"] or {}):
        shell.say(f"{service.name} keeps its hooks: the deployment will pause at {', '.join(stages)}")
    live = service.task_definition if _is_cleaning_up(service) else service.live
    story = Story(service.arn, newest["id"], asked, live, since=service.client)
    story.limit, story.terms = _limit(told), _terms(told)
    action = Action("UpdateService", wished, balanced.remark(wished))
    patience = deploywatch.patience(told.get("deploymentConfiguration") or {})
    return Watch(controller, before, service, story, action, patience)


def _stopped(
    shell: Shell, controller: Controller, before: Snapshot, service: Service, told: Mapping[str, Any]
) -> Watch:
    """StopServiceDeployment: what was live before is the newest again, and is what we wait for."""
    wished = {"serviceDeploymentArn": told["currentServiceDeployment"], "stopType": "ROLLBACK"}
    controller.ecs("StopServiceDeployment", **wished)
    now = state(controller).service(service.arn)
    newest = now.deployments[0] if now is not None and now.deployments else service.deployments[0]
    shell.say(
        f"service {service.name}: the deployment is stopped, {service.task_definition} -> {newest.task_definition}"
    )
    story = Story(service.arn, newest.id, newest.task_definition, service.task_definition, since=service.client)
    return Watch(controller, before, service, story, Action("StopServiceDeployment", wished))


def _previous(controller: Controller, service: Service) -> str:
    """The revision that was live before the current one. Raises E-NO-REVISION when none is on record."""
    listed = controller.ecs(
        "ListServiceDeployments", cluster=service.cluster, service=service.arn, status=["SUCCESSFUL"]
    )["serviceDeployments"]
    arns = [item["targetServiceRevisionArn"] for item in listed]
    wished = list(dict.fromkeys(arns))
    found = controller.ecs("DescribeServiceRevisions", serviceRevisionArns=wished)["serviceRevisions"] if arns else []
    by_arn = {item["serviceRevisionArn"]: name_of(item["taskDefinition"]) for item in found}
    history = [by_arn[arn] for arn in reversed(arns) if arn in by_arn]
    way = way_back([*history, service.task_definition])
    if way:
        return way[-1]
    what = f"Service {service.name} has no revision to go back to"
    others = [name for name in reversed(history) if name != service.task_definition]
    if others:
        why = f"{service.task_definition} is the oldest that was ever live; {others[0]} came after it"
        hint = f"chaos-ecs service deploy {service.name} --task-definition {others[0]}"
    else:
        why = f"{service.task_definition} is the only one that was ever live"
        hint = f"chaos-ecs service deploy {service.name} --env VERSION=v2"
    raise ChaosEcsError("E-NO-REVISION", what, why, hint, 3)


def way_back(history: Sequence[str]) -> list[str]:
    """The revisions before the one that is live now, the nearest last; `history` is what was live, oldest first.

    Worked example: 1, 2, 1 is a way back from 2, so that nothing is before 1; 1, 2, 3, 2 leaves 1. Going forward
    again to what was taken back needs its name.
    """
    way: list[str] = []
    for name in history:
        if name in way:
            del way[way.index(name) :]
        way.append(name)
    return way[:-1]


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
    if moving := strategies.terms(configuration):
        return moving
    least, most = configuration.get("minimumHealthyPercent", 100), configuration.get("maximumPercent", 200)
    return f"keep {least}%, at most {most}%, breaker {'on' if breaker.get('enable') else 'off'}"


def _tell_dry(
    shell: Shell, service: Service, wish: Wish, definition: str | None, configured: Mapping[str, Any]
) -> None:
    base = definition or service.task_definition
    changes = [f"image {wish.image}"] if wish.image else []
    changes += [f"{name}={value}" for name, value in wish.environment]
    changes += [f"command {' '.join(wish.command)}"] if wish.command is not None else []
    what = f"a new revision of {base} with {', '.join(changes)}" if changes else base
    if shell.json:
        told = {"service": service.name, "base": base, "changes": changes}
        shell.tell(as_json({**told, "deploymentConfiguration": configured, "dryRun": True}))
    else:
        how = f" ({moving})" if (moving := strategies.terms(configured)) else ""
        shell.tell(f"{service.name} would get {what}; its {service.running_count} tasks would be replaced{how}")
