"""A service's place behind the shared load balancer, as the commands see to it.

One operation of ours makes it and one takes it away (`decisions/047`). Never here: what a load balancer does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chaos_ecs.cli import definitions
from chaos_ecs.cli.client import Controller, state
from chaos_ecs.cli.shell import Shell
from chaos_ecs.cli.snapshot import Service, Snapshot
from chaos_ecs.cli.strategies import Shifting
from chaos_ecs.errors import ChaosEcsError

SIMULATOR = "simulator"
"""What the engine is called where there is none."""
_ROLE = "ecsInfrastructureRoleForLoadBalancers"  # AWS's own name for it; nobody asks for it here

Place = tuple[str, int]
"""A container's name and its port."""


@dataclass(frozen=True, slots=True)
class Balance:
    """What the options say of the load balancer: None means "as it is", or what fits a new service."""

    wanted: bool | None = None
    port: int | None = None
    health_check_path: str | None = None
    shifting: Shifting = field(default_factory=Shifting)

    @property
    def is_plain(self) -> bool:
        return self == Balance()

    @property
    def asks_for_one(self) -> bool:
        """Whether a service that is there gets one, or another; a rolling strategy needs none."""
        return self.wants_two_groups or self != Balance(shifting=self.shifting)

    @property
    def wants_two_groups(self) -> bool:
        """Whether a strategy is asked for that moves requests from one target group to another."""
        return self.shifting.strategy not in (None, "ROLLING")

    def is_on(self, place: Place | None) -> bool:
        """For a new service: on where there is a port to send requests to."""
        return self.wanted if self.wanted is not None else place is not None


def place_of(controller: Controller, definition: str) -> Place | None:
    """The first port that the task definition maps; None where there is none, or nothing that could be deployed."""
    try:
        containers = definitions.describe(controller, definition)["containerDefinitions"]
    except ChaosEcsError as error:
        if error.code != "ClientException":
            raise
        return None
    mapped = ((item["name"], mapping) for item in containers for mapping in item.get("portMappings") or ())
    return next(((str(name), int(mapping["containerPort"])) for name, mapping in mapped), None)


def ensured(
    shell: Shell, controller: Controller, cluster: str, name: str, balance: Balance, place: Place | None
) -> list[dict[str, Any]]:
    """`loadBalancers` for CreateService and UpdateService; where the service is reached is said."""
    if place is None:
        what = f"Service {name} has no port that a load balancer could send requests to"
        why = "its task definition maps no container port"
        raise ChaosEcsError("E-NO-PORT", what, why, f"chaos-ecs service up {name} --lb --container-port 8080", 1)
    container, port = place
    wished: dict[str, Any] = {"cluster": cluster, "service": name, "port": balance.port}
    wished["healthCheckPath"] = balance.health_check_path
    if balance.wants_two_groups:
        wished |= {"alternate": True, "testPort": balance.shifting.test_port}
    made = controller.own("EnsureServiceLoadBalancer", **wished)
    where = f"{_url(made)}: load balancer chaos-ecs, port {port} of its tasks"
    _say_where(shell, controller, name, where, made)
    member = {"targetGroupArn": made["targetGroupArn"], "containerName": container, "containerPort": port}
    if balance.wants_two_groups:
        member["advancedConfiguration"] = _advanced(made, cluster)
    return [member]


def alternated(
    shell: Shell, controller: Controller, service: Service, known: Mapping[str, Any], test_port: int | None
) -> list[dict[str, Any]] | None:
    """`loadBalancers` with a second target group for UpdateService; None where the service has all that is asked for.

    `known` is what DescribeServices answers. Raises E-NO-LOAD-BALANCER, and E-OTHER-LOAD-BALANCER for one that
    somebody made by hand.
    """
    balancers = [dict(item) for item in known.get("loadBalancers") or ()]
    if not balancers:
        what = f"Service {service.name} is behind no load balancer"
        why = "blue-green, canary and linear move requests between two target groups of one"
        hint = f"chaos-ecs service up {service.name} --lb, then deploy again; or: --strategy rolling"
        raise ChaosEcsError("E-NO-LOAD-BALANCER", what, why, hint)
    advanced = balancers[0].get("advancedConfiguration") or {}
    if advanced.get("alternateTargetGroupArn") and test_port is None:
        return None
    asked = {"cluster": service.cluster, "service": service.name, "alternate": True, "testPort": test_port}
    made = controller.own("EnsureServiceLoadBalancer", **asked)
    own = balancers[0].get("targetGroupArn")
    if own not in (made["targetGroupArn"], made["alternateTargetGroupArn"]):
        controller.own("RemoveServiceLoadBalancer", cluster=service.cluster, service=service.name)
        what = f"Service {service.name} has a load balancer that chaos-ecs did not make"
        why = "it does not know which listener is whose, and changes none of them"
        hint = "aws ecs update-service --load-balancers (see its help)"
        raise ChaosEcsError("E-OTHER-LOAD-BALANCER", what, why, hint)
    shell.say(f"{service.name} gets a second target group; it answers at {_url(made)} as before")
    _say_test(shell, service.name, made)
    if advanced.get("testListenerRule") not in (None, made.get("testListenerRule")):
        shell.say("it takes the place of the test listener before")
    return [balancers[0] | {"advancedConfiguration": _advanced(made, service.cluster)}, *balancers[1:]]


def _advanced(made: Mapping[str, Any], cluster: str) -> dict[str, Any]:
    """API_AdvancedConfiguration of what was made; `cluster` (an ARN) says of which account."""
    account = cluster.split(":")[4]
    told = {
        "alternateTargetGroupArn": made["alternateTargetGroupArn"],
        "productionListenerRule": made["productionListenerRule"],
        "testListenerRule": made.get("testListenerRule"),
        "roleArn": f"arn:aws:iam::{account}:role/{_ROLE}",
    }
    return {name: value for name, value in told.items() if value}


def _url(made: Mapping[str, Any], member: str = "hostPort") -> str:
    return f"http://127.0.0.1:{made[member]}"


def _say_where(shell: Shell, controller: Controller, name: str, where: str, made: Mapping[str, Any]) -> None:
    if state(controller).engine == SIMULATOR:
        where += " (on the simulator nobody listens there)"
    shell.say(f"{name} will answer at {where}; if another program has that port, at the next free one")
    _say_test(shell, name, made)


def _say_test(shell: Shell, name: str, made: Mapping[str, Any]) -> None:
    if made.get("testHostPort"):
        shell.say(f"the test listener of {name} will answer at {_url(made, 'testHostPort')}")


def removed(controller: Controller, before: Snapshot, cluster: str, name: str) -> None:
    """What was made for the service goes again; nothing is asked where there is no load balancer at all."""
    if before.load_balancers or before.target_groups:
        controller.own("RemoveServiceLoadBalancer", cluster=cluster, service=name)


def remark(members: dict[str, Any]) -> str:
    """What the aws command of a service behind a load balancer takes for granted."""
    balancers = members.get("loadBalancers")
    if not balancers:
        return ""
    told = "before it: aws elbv2 create-target-group, create-load-balancer, create-listener"
    if "advancedConfiguration" in balancers[0]:
        told = "before it: aws elbv2 create-target-group (a second one); for the test listener create-listener"
    return told
