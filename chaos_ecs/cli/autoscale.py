"""`chaos-ecs service autoscale`: a service that is scaled by CPU or by requests. One more client of Application Auto
Scaling; `aws application-autoscaling` does the same. Never here: when to scale (see `core/scaling.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from chaos_ecs.cli import completion, find
from chaos_ecs.cli.client import Controller
from chaos_ecs.cli.output import as_json, table
from chaos_ecs.cli.parts import shell_of
from chaos_ecs.cli.shell import Shell
from chaos_ecs.cli.snapshot import Service, Snapshot, name_of
from chaos_ecs.errors import ChaosEcsError

CPU = "ECSServiceAverageCPUUtilization"
REQUESTS = "ALBRequestCountPerTarget"
LEAST, MOST = 1, 10  # of a service that is scaled for the first time
_ACTIVITIES_SHOWN = 5

Name = Annotated[
    str, typer.Argument(help="The service's name.", show_default=False, autocompletion=completion.services)
]
Cooldown = Annotated[float | None, typer.Option(parser=find.duration, metavar="TIME", help="Wait so long after one.")]


@dataclass(frozen=True, slots=True)
class _Scaled:
    """A service, and how it is asked for in Application Auto Scaling."""

    controller: Controller
    snapshot: Snapshot
    service: Service

    @property
    def resource(self) -> str:
        return f"service/{name_of(self.service.cluster)}/{self.service.name}"

    def call(self, operation: str, **members: Any) -> dict[str, Any]:
        dimension = {"ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount"}
        return self.controller.scaling(operation, **dimension, **members)

    def target(self) -> Mapping[str, Any] | None:
        """The scalable target, None when the service is not scaled."""
        found = self.call("DescribeScalableTargets", ResourceIds=[self.resource])["ScalableTargets"]
        return found[0] if found else None


def autoscale(
    ctx: typer.Context,
    *,
    name: Name = "web",
    min_: Annotated[int | None, typer.Option("--min", min=0, help=f"Never fewer tasks (new: {LEAST}).")] = None,
    max_: Annotated[int | None, typer.Option("--max", min=0, help=f"Never more tasks (new: {MOST}).")] = None,
    cpu: Annotated[
        float | None, typer.Option(min=0.1, metavar="PERCENT", help="Keep CPU there, in percent of the reservation.")
    ] = None,
    requests: Annotated[
        float | None, typer.Option(min=0.1, metavar="N", help="Keep so many requests a minute per task.")
    ] = None,
    scale_in_cooldown: Cooldown = None,
    scale_out_cooldown: Cooldown = None,
    off: Annotated[bool, typer.Option("--off", help="Scale it no more; the desired count stays.")] = False,
) -> None:
    """Scale a service by its CPU or its requests, or show how it is scaled.

    \b
    chaos-ecs service autoscale web --min 1 --max 10 --cpu 50
    chaos-ecs service autoscale web --requests 100 --scale-in-cooldown 1m
    chaos-ecs service autoscale web
    chaos-ecs service autoscale web --off
    """
    shell = shell_of(ctx)
    wanted = {CPU: cpu, REQUESTS: requests}
    policies = {metric: value for metric, value in wanted.items() if value is not None}
    _check(policies, off, (min_, max_, scale_in_cooldown, scale_out_cooldown))
    controller, snapshot, cluster = shell.look()
    scaled = _Scaled(controller, snapshot, find.service(snapshot, cluster, name))
    if off:
        _end(shell, scaled)
        return
    labels = {metric: _label(snapshot, scaled.service) for metric in policies if metric == REQUESTS}
    target = scaled.target()
    if policies or min_ is not None or max_ is not None:
        _register(scaled, target, min_, max_)
    for metric, value in policies.items():
        _put(scaled, metric, value, labels.get(metric), (scale_out_cooldown, scale_in_cooldown))
    _show(shell, scaled)


def _check(policies: Mapping[str, float], off: bool, others: tuple[float | None, ...]) -> None:
    if off and (policies or any(value is not None for value in others)):
        raise typer.BadParameter("it goes with no other option", param_hint="--off")
    if not policies and any(value is not None for value in others[2:]):
        raise typer.BadParameter("they belong to a policy: --cpu or --requests", param_hint="cooldowns")


def _register(scaled: _Scaled, target: Mapping[str, Any] | None, least: int | None, most: int | None) -> None:
    if target is None:
        least = min(LEAST, MOST if most is None else most) if least is None else least
        most = max(MOST, least) if most is None else most
    scaled.call("RegisterScalableTarget", ResourceId=scaled.resource, MinCapacity=least, MaxCapacity=most)


def _put(
    scaled: _Scaled, metric: str, value: float, label: str | None, cooldowns: tuple[float | None, float | None]
) -> None:
    out, in_ = (None if seconds is None else round(seconds) for seconds in cooldowns)
    specification = {"PredefinedMetricType": metric, "ResourceLabel": label}
    configuration = {"TargetValue": value, "ScaleOutCooldown": out, "ScaleInCooldown": in_}
    scaled.call(
        "PutScalingPolicy",
        ResourceId=scaled.resource,
        PolicyName="cpu" if metric == CPU else "requests",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            **_said(configuration),
            "PredefinedMetricSpecification": _said(specification),
        },
    )


def _said(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def _label(snapshot: Snapshot, service: Service) -> str:
    """app/LB/ID/targetgroup/TG/ID of the service's first target group that a listener leads to."""
    for balancer in snapshot.load_balancers:
        for listener in balancer.listeners:
            for group in listener.target_groups:
                if group in service.target_groups:
                    return f"{balancer.arn.partition(':loadbalancer/')[2]}/{group.rsplit(':', 1)[1]}"
    raise ChaosEcsError(
        "E-NO-LOAD-BALANCER",
        f"Requests to {service.name} cannot be counted",
        "it is behind no load balancer",
        f"chaos-ecs service autoscale {service.name} --cpu 50",
    )


def _end(shell: Shell, scaled: _Scaled) -> None:
    if scaled.target() is not None:
        scaled.call("DeregisterScalableTarget", ResourceId=scaled.resource)
    if shell.json:
        shell.tell(as_json({"service": scaled.service.name, "target": None, "policies": [], "activities": []}))
    else:
        shell.tell(f"{scaled.service.name} is not scaled any more, desired {scaled.service.desired_count}")


def _show(shell: Shell, scaled: _Scaled) -> None:
    name, target = scaled.service.name, scaled.target()
    policies = scaled.call("DescribeScalingPolicies", ResourceId=scaled.resource)["ScalingPolicies"]
    activities = scaled.call("DescribeScalingActivities", ResourceId=scaled.resource)["ScalingActivities"]
    if shell.json:
        told = {"service": name, "target": target, "policies": policies, "activities": activities}
        shell.tell(as_json(told))
    elif target is None:
        shell.say(f"{name} is not scaled. Try: chaos-ecs service autoscale {name} --min 1 --max 10 --cpu 50")
    else:
        shell.tell(_told(name, target, policies, activities, shell.width))


def _told(
    name: str,
    target: Mapping[str, Any],
    policies: list[Mapping[str, Any]],
    activities: list[Mapping[str, Any]],
    width: int | None,
) -> str:
    parts = [f"{name} is scaled between {target['MinCapacity']} and {target['MaxCapacity']} tasks"]
    rows = [_row(policy) for policy in policies]
    if rows:
        parts.append(table(("POLICY", "COOLDOWN OUT", "IN", "KEEPS"), rows, width=width, fold=("COOLDOWN OUT", "IN")))
    else:
        parts.append("nothing scales it yet: add --cpu 50, or --requests 100")
    newest = [
        (datetime.fromtimestamp(item["StartTime"], UTC).strftime("%H:%M:%SZ"), item["Cause"])
        for item in activities[:_ACTIVITIES_SHOWN]
    ]
    if newest:
        parts.append(table(("SCALED", "newest first"), newest, width=width))
    return "\n\n".join(parts)


def _row(policy: Mapping[str, Any]) -> tuple[str, str, str, str]:
    configuration = policy["TargetTrackingScalingPolicyConfiguration"]
    value = configuration["TargetValue"]
    metric = configuration["PredefinedMetricSpecification"]["PredefinedMetricType"]
    keeps = f"CPU at {value:g} %" if metric == CPU else f"{value:g} requests a minute per task"
    out, in_ = (_seconds(configuration.get(member)) for member in ("ScaleOutCooldown", "ScaleInCooldown"))
    return policy["PolicyName"], out, "never" if configuration.get("DisableScaleIn") else in_, keeps


def _seconds(cooldown: int | None) -> str:
    return "default" if cooldown is None else f"{cooldown}s"
