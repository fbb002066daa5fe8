"""The nouns of load balancing, as Elastic Load Balancing has them, and what a load balancer is told to do.

Beside `model.py`, which has those of ECS. Never here: rules (`targets.py`), and the words of a real balancer
(`live/haproxy.py`). Durations are seconds; enum values are spelled as on the wire.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum


class TargetState(StrEnum):
    """API_TargetHealth.State."""

    INITIAL = "initial"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    UNUSED = "unused"
    DRAINING = "draining"


@dataclass(frozen=True, slots=True)
class TargetHealthCheck:
    """API_CreateTargetGroup, with the defaults of an Application Load Balancer."""

    path: str = "/"
    interval: int = 30
    timeout: int = 5
    healthy_threshold: int = 5
    unhealthy_threshold: int = 2
    matcher: str = "200"  # codes and ranges, such as 200-299,301


@dataclass(frozen=True, slots=True)
class TargetGroup:
    arn: str
    name: str
    created_at: float
    port: int = 80
    target_type: str = "ip"
    health_check: TargetHealthCheck = TargetHealthCheck()
    deregistration_delay: int = 300
    slow_start: int = 0  # 0: off
    algorithm: str = "round_robin"  # or least_outstanding_requests
    attributes: tuple[tuple[str, str], ...] = ()  # further ones: returned, never read by the core
    vpc_id: str = ""
    tags: tuple[tuple[str, str], ...] = ()

    @property
    def key(self) -> str:
        return self.arn


@dataclass(frozen=True, slots=True)
class LoadBalancer:
    """An Application Load Balancer. All of them are served by one balancer of ours."""

    arn: str
    name: str
    created_at: float
    host_port: int  # of its first listener; further ones get their own
    scheme: str = "internet-facing"
    registered: str = "{}"  # further members of the request, JSON: returned, never read by the core
    tags: tuple[tuple[str, str], ...] = ()

    @property
    def key(self) -> str:
        return self.arn


@dataclass(frozen=True, slots=True)
class Forward:
    """To which target groups, with which weights (0 to 999), requests are forwarded."""

    groups: tuple[tuple[str, int], ...]  # (target group ARN, weight)


@dataclass(frozen=True, slots=True)
class Listener:
    arn: str
    load_balancer_arn: str
    port: int  # as asked for; nobody listens there
    host_port: int  # where clients reach it: 127.0.0.1:HOST_PORT
    default: Forward
    created_at: float
    tags: tuple[tuple[str, str], ...] = ()

    @property
    def key(self) -> str:
        return self.arn


@dataclass(frozen=True, slots=True)
class Rule:
    """Requests whose path or host fits are forwarded elsewhere; `*` and `?` as an ALB takes them."""

    arn: str
    listener_arn: str
    priority: int  # 1 to 50,000, the lowest first
    forward: Forward
    created_at: float
    paths: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()

    @property
    def key(self) -> str:
        return self.arn


@dataclass(frozen=True, slots=True)
class Target:
    """One task in one target group. Keyed by the task, never by its address: that is handed out again at once."""

    target_group_arn: str
    task_arn: str
    address: str
    port: int
    registered_at: float
    state: TargetState = TargetState.INITIAL
    reason: str = "Elb.RegistrationInProgress"
    description: str = "Target registration is in progress"
    draining_since: float | None = None
    service_arn: str = ""  # whose task it is

    @property
    def key(self) -> str:
        return f"{self.target_group_arn}#{self.task_arn}"

    @property
    def id(self) -> str:
        """What a balancer calls it: the task's id, and the port when a task is in a group twice is no case of ours."""
        return self.task_arn.rsplit("/", 1)[1]


@dataclass(frozen=True, slots=True)
class ServiceLoadBalancer:
    """API_LoadBalancer: which container and port of a service's tasks is registered in which target group.

    The rest is API_AdvancedConfiguration: what a deployment that moves traffic needs. Revisions take turns in the two
    target groups; of the two rules, which may be a listener's default, it sets the weights.
    """

    target_group_arn: str
    container_name: str
    container_port: int
    alternate_target_group_arn: str = ""
    production_rule_arn: str = ""
    test_rule_arn: str = ""
    role_arn: str = ""  # returned, never read by the core

    @property
    def swapped(self) -> ServiceLoadBalancer:
        """The same for a revision that uses the other target group; unchanged where there is only one."""
        if not self.alternate_target_group_arn:
            return self
        one, other = self.alternate_target_group_arn, self.target_group_arn
        return replace(self, target_group_arn=one, alternate_target_group_arn=other)


# --- what a balancer is told to do: all of it, every time something of it changes ---


class RouteMode(StrEnum):
    CHECKED = "CHECKED"  # checked, and sent no requests yet
    SERVING = "SERVING"  # checked, and sent requests as long as the checks pass
    DRAINING = "DRAINING"  # sent no new requests; those under way go on


@dataclass(frozen=True, slots=True)
class TargetRoute:
    id: str
    cluster_arn: str  # whose network it is in
    address: str
    port: int
    mode: RouteMode


@dataclass(frozen=True, slots=True)
class GroupRoute:
    arn: str
    health_check: TargetHealthCheck
    algorithm: str
    slow_start: int
    targets: tuple[TargetRoute, ...]  # one that is not here any more is cut off at once


@dataclass(frozen=True, slots=True)
class RuleRoute:
    paths: tuple[str, ...]
    hosts: tuple[str, ...]
    forward: Forward


@dataclass(frozen=True, slots=True)
class ListenerRoute:
    arn: str
    host_port: int
    rules: tuple[RuleRoute, ...]  # in order of priority
    default: Forward


@dataclass(frozen=True, slots=True)
class Routing:
    """Everything the balancer is to do. Without listeners there is nothing to do, and no balancer."""

    listeners: tuple[ListenerRoute, ...] = ()
    groups: tuple[GroupRoute, ...] = ()
