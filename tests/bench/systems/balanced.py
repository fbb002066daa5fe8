"""A service of ours behind our load balancer, made through the ECS and Elastic Load Balancing APIs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from botocore.session import Session

from chaos_ecs import wiring
from chaos_ecs.config import DEFAULT_CLUSTER
from tests.bench.room import Room, await_true
from tests.bench.systems.haproxy import PORT
from tests.bench.systems.ours import Ours
from tests.bench.systems.system import IMAGE, MEMORY_MIB, listed

WITHIN_SECONDS = 120.0
DEMO: dict[str, Any] = {"image": IMAGE, "command": ["web"]}


@dataclass(frozen=True)
class OurService:
    """`label` is that of its tasks' containers."""

    we: Ours
    service: str
    label: str
    elbv2: Any
    group: str
    balancer_arn: str

    @property
    def name(self) -> str:
        return self.we.name

    @property
    def port(self) -> int:
        """The listener's, on 127.0.0.1."""
        told = self.elbv2.describe_load_balancers(LoadBalancerArns=[self.balancer_arn])
        return int(told["LoadBalancers"][0]["DNSName"].rpartition(":")[2])

    def deploy(self) -> None:
        """Asks for new tasks in place of all the old ones."""
        self.we.controller.ecs("UpdateService", cluster=DEFAULT_CLUSTER, service=self.service, forceNewDeployment=True)

    def is_completed(self) -> bool:
        told = self.we.controller.ecs("DescribeServices", cluster=DEFAULT_CLUSTER, services=[self.service])
        deployments = told["services"][0]["deployments"]
        return len(deployments) == 1 and deployments[0]["rolloutState"] == "COMPLETED"

    def healthy(self) -> int:
        told = self.elbv2.describe_target_health(TargetGroupArn=self.group)["TargetHealthDescriptions"]
        return sum(target["TargetHealth"]["State"] == "healthy" for target in told)

    def await_healthy(self, count: int) -> None:
        """Raises NotSeenError when there are not so many in time."""
        await_true(
            lambda: self.is_completed() and self.healthy() == count,
            within=WITHIN_SECONDS,
            what=f"{count} healthy targets of {self.service}",
        )

    def containers(self) -> list[str]:
        return listed(self.we.room.client, self.label, status="running")

    def network(self) -> str:
        """The one that all its tasks are in."""
        return next(iter(self._networks(self.containers()[0])))

    def addresses(self) -> list[str]:
        return [self.address_of(each) for each in self.containers()]

    def address_of(self, container: str) -> str:
        return str(self._networks(container)[self.network()]["IPAddress"])

    def balancer(self) -> str:
        """Its container's id."""
        home = wiring.prepare_home(self.we.settings)
        filters = {"label": [f"chaos-ecs.home={home}", "chaos-ecs.balancer"]}
        return str(self.we.room.client.containers(filters=filters)[0]["Id"])

    def _networks(self, container: str) -> dict[str, Any]:
        found: dict[str, Any] = self.we.room.client.inspect_container(container)["NetworkSettings"]["Networks"]
        return found


@contextmanager
def service(room: Room, we: Ours, *, count: int, container: dict[str, Any] | None = None) -> Iterator[OurService]:
    """A service of `count` healthy tasks; it, its listener and its target group are gone afterwards."""
    name = room.unique("web")
    elbv2 = Session().create_client(
        "elbv2",
        region_name=we.settings.region,
        endpoint_url=we.controller.url,
        aws_access_key_id=we.keys.access_key_id,
        aws_secret_access_key=we.keys.secret_access_key,
    )
    group, balancer = _listener(elbv2, name)
    _register(we, name, container or DEMO)
    target = {"targetGroupArn": group, "containerName": "app", "containerPort": PORT}
    told = we.controller.ecs(
        "CreateService",
        cluster=DEFAULT_CLUSTER,
        serviceName=name,
        taskDefinition=name,
        desiredCount=count,
        loadBalancers=[target],
    )
    label = room.own(f"chaos-ecs.service={told['service']['serviceArn']}")
    made = OurService(we, name, label, elbv2, group, balancer)
    try:
        made.await_healthy(count)
        yield made
    finally:
        we.controller.ecs("DeleteService", cluster=DEFAULT_CLUSTER, service=name, force=True)
        elbv2.delete_load_balancer(LoadBalancerArn=balancer)
        elbv2.delete_target_group(TargetGroupArn=group)
        await_true(lambda: not made.containers(), within=WITHIN_SECONDS, what=f"the end of {name}")


def _register(we: Ours, family: str, container: dict[str, Any]) -> None:
    definition = {"name": "app", "memory": MEMORY_MIB, "portMappings": [{"containerPort": PORT}], **container}
    we.controller.ecs("RegisterTaskDefinition", family=family, containerDefinitions=[definition])


def _listener(elbv2: Any, name: str) -> tuple[str, str]:
    """The ARNs of a target group, and of a load balancer that forwards everything to it."""
    group = elbv2.create_target_group(Name=name, Protocol="HTTP", Port=PORT, VpcId="vpc-1", TargetType="ip")
    group_arn = str(group["TargetGroups"][0]["TargetGroupArn"])
    made = elbv2.create_load_balancer(Name=name, Subnets=["subnet-1", "subnet-2"])
    balancer_arn = str(made["LoadBalancers"][0]["LoadBalancerArn"])
    action = {"Type": "forward", "TargetGroupArn": group_arn}
    elbv2.create_listener(LoadBalancerArn=balancer_arn, Protocol="HTTP", Port=80, DefaultActions=[action])
    return group_arn, balancer_arn
