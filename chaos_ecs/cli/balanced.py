"""A service's place behind the shared load balancer, as the commands see to it.

One operation of ours makes it and one takes it away (`decisions/047`). Never here: what a load balancer does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chaos_ecs.cli import definitions
from chaos_ecs.cli.client import Controller, state
from chaos_ecs.cli.shell import Shell
from chaos_ecs.cli.snapshot import Snapshot
from chaos_ecs.errors import ChaosEcsError

SIMULATOR = "simulator"
"""What the engine is called where there is none."""

Place = tuple[str, int]
"""A container's name and its port."""


@dataclass(frozen=True, slots=True)
class Balance:
    """What the options say of the load balancer: None means "as it is", or what fits a new service."""

    wanted: bool | None = None
    port: int | None = None
    health_check_path: str | None = None

    @property
    def is_plain(self) -> bool:
        return self.wanted is None and self.port is None and self.health_check_path is None

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
    made = controller.own(
        "EnsureServiceLoadBalancer",
        cluster=cluster,
        service=name,
        port=balance.port,
        healthCheckPath=balance.health_check_path,
    )
    url = f"http://127.0.0.1:{made['hostPort']}"
    where = f"{url}: load balancer chaos-ecs, port {port} of its tasks"
    if state(controller).engine == SIMULATOR:
        where += " (on the simulator nobody listens there)"
    shell.say(f"{name} will answer at {where}; if another program has that port, at the next free one")
    return [{"targetGroupArn": made["targetGroupArn"], "containerName": container, "containerPort": port}]


def removed(controller: Controller, before: Snapshot, cluster: str, name: str) -> None:
    """What was made for the service goes again; nothing is asked where there is no load balancer at all."""
    if before.load_balancers or before.target_groups:
        controller.own("RemoveServiceLoadBalancer", cluster=cluster, service=name)


def remark(members: dict[str, Any]) -> str:
    """What the aws command of a service behind a load balancer takes for granted."""
    if not members.get("loadBalancers"):
        return ""
    return "before it: aws elbv2 create-target-group, create-load-balancer, create-listener"
