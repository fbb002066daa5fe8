"""What crosses the border of the core about load balancing; families as in `messages.py`, which takes them up."""

from __future__ import annotations

from dataclasses import dataclass

from chaos_ecs.core.balancing import Forward, Routing, TargetHealthCheck

Tags = tuple[tuple[str, str], ...]


# --- Commands: the part of Elastic Load Balancing that `elbv2` offers here ---


@dataclass(frozen=True, slots=True)
class CreateTargetGroup:
    """Harmless when repeated with the same settings (API_CreateTargetGroup)."""

    region: str
    name: str
    port: int = 80
    target_type: str = "ip"
    health_check: TargetHealthCheck = TargetHealthCheck()
    vpc_id: str = ""
    tags: Tags = ()


@dataclass(frozen=True, slots=True)
class ModifyTargetGroup:
    arn: str
    health_check: TargetHealthCheck


@dataclass(frozen=True, slots=True)
class ModifyTargetGroupAttributes:
    """Each pair is a key of API_TargetGroupAttribute and its value, as text."""

    arn: str
    attributes: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class DeleteTargetGroup:
    arn: str


@dataclass(frozen=True, slots=True)
class CreateLoadBalancer:
    region: str
    name: str
    scheme: str = "internet-facing"
    registered: str = "{}"
    tags: Tags = ()


@dataclass(frozen=True, slots=True)
class DeleteLoadBalancer:
    """Its listeners and their rules go with it. One that is not there is no error (API_DeleteLoadBalancer)."""

    arn: str


@dataclass(frozen=True, slots=True)
class CreateListener:
    load_balancer_arn: str
    port: int
    default: Forward
    tags: Tags = ()


@dataclass(frozen=True, slots=True)
class ModifyListener:
    arn: str
    default: Forward | None = None


@dataclass(frozen=True, slots=True)
class DeleteListener:
    arn: str


@dataclass(frozen=True, slots=True)
class CreateRule:
    listener_arn: str
    priority: int
    forward: Forward
    paths: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    tags: Tags = ()


@dataclass(frozen=True, slots=True)
class ModifyRule:
    """A member that is None stays as it is."""

    arn: str
    forward: Forward | None = None
    paths: tuple[str, ...] | None = None
    hosts: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class DeleteRule:
    arn: str


@dataclass(frozen=True, slots=True)
class AddTags:
    """To target groups, load balancers, listeners and rules; a key that is there gets the new value."""

    arns: tuple[str, ...]
    tags: Tags


@dataclass(frozen=True, slots=True)
class RemoveTags:
    arns: tuple[str, ...]
    keys: tuple[str, ...]


BalancingCommand = (
    CreateTargetGroup
    | ModifyTargetGroup
    | ModifyTargetGroupAttributes
    | DeleteTargetGroup
    | CreateLoadBalancer
    | DeleteLoadBalancer
    | CreateListener
    | ModifyListener
    | DeleteListener
    | CreateRule
    | ModifyRule
    | DeleteRule
    | AddTags
    | RemoveTags
)


# --- Facts ---


@dataclass(frozen=True, slots=True)
class TargetChecked:
    """What the balancer thinks of a target, told when that changes: its health checks have passed, or failed as often
    as the threshold says. A target that was just registered has passed with its first good check.

    `reason` and `description` are API_TargetHealth's, such as Target.ResponseCodeMismatch and "Health checks failed
    with these codes: [503]"; empty when it passed. `address` is what was checked: a late answer is known by it.
    """

    target_group_arn: str
    target_id: str
    address: str
    passed: bool
    reason: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class BalancerUp:
    """The balancer runs and does what it was last told."""


@dataclass(frozen=True, slots=True)
class BalancerLost:
    """The balancer does not run; it is being brought back. `reason` is a sentence for a person. Told once, until
    BalancerUp or another reason."""

    reason: str


@dataclass(frozen=True, slots=True)
class HostPortTaken:
    """Somebody else listens on the port that was meant for this listener; `others` are known to be taken too."""

    listener_arn: str
    host_port: int
    others: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ClientFailing:
    """The requests of our own client to this listener fail: so many by now, most of them for `cause`. Told once, until
    ClientServed."""

    listener_arn: str
    failed: int
    cause: str


@dataclass(frozen=True, slots=True)
class ClientServed:
    """They are answered again, `seconds` after the first that failed; `failed` of `requests` did in between."""

    listener_arn: str
    seconds: float
    failed: int
    requests: int


BalancingFact = TargetChecked | BalancerUp | BalancerLost | HostPortTaken | ClientFailing | ClientServed


# --- Actions ---


@dataclass(frozen=True, slots=True)
class RegisterTargets:
    """Intent: running tasks of a service join its target group."""

    service_arn: str
    target_group_arn: str
    task_arns: tuple[str, ...]
    cause: str


@dataclass(frozen=True, slots=True)
class DeregisterTargets:
    """Intent: these targets begin to drain, or leave at once when nothing answers there any more."""

    service_arn: str
    target_group_arn: str
    task_arns: tuple[str, ...]
    at_once: bool
    cause: str


@dataclass(frozen=True, slots=True)
class ForgetTargets:
    """Intent: targets whose deregistration delay is over are unused, and leave their group."""

    keys: tuple[str, ...]
    cause: str


@dataclass(frozen=True, slots=True)
class RouteTraffic:
    """Effect, carried out by the LoadBalancer: all it is to do from now on."""

    routing: Routing
    cause: str


BalancingIntent = RegisterTargets | DeregisterTargets | ForgetTargets
