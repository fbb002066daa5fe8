"""Alarms that stop an experiment: what CloudWatch would watch, read off State.

An alarm's ARN is AWS's (`arn:aws:cloudwatch:REGION:ACCOUNT:alarm:NAME`, any region and account), and its name says what
is watched: `web-healthy-below-2` (fewer than two healthy tasks), `web-client-failing` (the client's requests fail).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from chaos_ecs.chaos.aiming import is_healthy
from chaos_ecs.core.client import behind
from chaos_ecs.core.errors import ValidationException
from chaos_ecs.core.model import Service, ServiceStatus
from chaos_ecs.core.state import State

KINDS = "SERVICE-healthy-below-N and SERVICE-client-failing"
_ARN = re.compile(r"arn:aws:cloudwatch:[a-z0-9-]*:\d*:alarm:(?P<name>.+)")
_HEALTHY = re.compile(r"(?P<service>[A-Za-z0-9_-]+)-healthy-below-(?P<count>\d{1,4})")
_CLIENT = re.compile(r"(?P<service>[A-Za-z0-9_-]+)-client-failing")


@dataclass(frozen=True, slots=True)
class Alarm:
    """`healthy_below` None: it is about the client's requests."""

    name: str
    service: str
    healthy_below: int | None = None


def alarm(arn: str) -> Alarm:
    """What an alarm's ARN means. Raises ValidationException for one that nobody here watches."""
    found = _ARN.fullmatch(arn)
    if found is None:
        raise ValidationException(f"The stop condition value {arn[:100]} is not the ARN of a CloudWatch alarm.")
    name = found["name"]
    if told := _HEALTHY.fullmatch(name):
        return Alarm(name, told["service"], int(told["count"]))
    if told := _CLIENT.fullmatch(name):
        return Alarm(name, told["service"])
    raise ValidationException(f"There is no alarm {name[:100]} here. The alarms of chaos-ecs are named {KINDS}.")


def why_in_alarm(state: State, watched: Alarm, clusters: Collection[str]) -> str:
    """What is wrong with a service of this name in one of these clusters (ARNs), as a sentence; "" while all is well.

    Without such a service nothing is well: a stop condition that cannot be watched must not be passed over.
    """
    found = [service for service in state.services.values() if service.cluster_arn in clusters]
    services = [one for one in found if one.name == watched.service and one.status is ServiceStatus.ACTIVE]
    if not services:
        return f"there is no service {watched.service} to be watched"
    return next(filter(None, (_why(state, watched, service) for service in services)), "")


def _why(state: State, watched: Alarm, service: Service) -> str:
    if watched.healthy_below is None:
        cause = _failing(state, service)
        return f"the client's requests to {service.name} fail: {cause}" if cause else ""
    healthy = sum(is_healthy(state, task) for task in state.live_tasks_of(service.arn))
    if healthy >= watched.healthy_below:
        return ""
    tasks = "task" if healthy == 1 else "tasks"
    return f"{service.name} has {healthy} healthy {tasks}, fewer than {watched.healthy_below}"


def _failing(state: State, service: Service) -> str:
    for arn, cause in state.failing_listeners.items():
        listener = state.listeners.get(arn)
        if listener and any(found.arn == service.arn for found in behind(state, listener)):
            return cause or "failed"
    return ""
