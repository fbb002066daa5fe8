"""Calls that make, describe and refuse services, through boto3 or raw: for the tests of the services' API."""

from __future__ import annotations

from typing import Any

from chaos_ecs.core.balancing import Forward, Listener, Rule, TargetGroup
from tests.unit.api_harness import Harness

ARN = "arn:aws:ecs:us-east-1:123456789012:"
ELB = "arn:aws:elasticloadbalancing:us-east-1:123456789012:"


def web(ecs: Any, **members: Any) -> dict[str, Any]:
    params = {"cluster": "my-cluster", "serviceName": "web", "taskDefinition": "web-server:1", "desiredCount": 3}
    service: dict[str, Any] = ecs.create_service(**(params | members))["service"]
    return service


FARGATE_NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-1"], "assignPublicIp": "ENABLED"}}


def fit_for_fargate(ecs: Any, family: str) -> str:
    """Registers the same containers as a family that Fargate can run; its name."""
    said = ecs.describe_task_definition(taskDefinition=family)["taskDefinition"]["containerDefinitions"]
    for container in said:
        for mapping in container["portMappings"]:
            mapping.pop("hostPort")
    ecs.register_task_definition(
        family=f"{family}-fargate",
        containerDefinitions=said,
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="256",
        memory="512",
    )
    return f"{family}-fargate"


def described(ecs: Any, name: str = "web") -> dict[str, Any]:
    (service,) = ecs.describe_services(cluster="my-cluster", services=[name])["services"]
    assert isinstance(service, dict)
    return service


def target_group(api: Harness, name: str, *, forwarded_by: str = "listener") -> str:
    """A target group that a listener or a rule forwards to, or nobody; its ARN."""
    arn = f"{ELB}targetgroup/{name}/0123456789abcdef"
    forward = Forward(((arn, 1),))
    state = api.simulation.state
    state.put(TargetGroup(arn, name, created_at=0))
    if forwarded_by == "listener":
        state.put(Listener(f"{ELB}listener/app/{name}/1/2", f"{ELB}loadbalancer/app/{name}/1", 80, 8480, forward, 0))
    elif forwarded_by == "rule":
        state.put(Rule(f"{ELB}listener-rule/app/{name}/1/2/3", f"{ELB}listener/app/other/1/2", 1, forward, 0))
    return arn


def balanced(group: str, container: str = "web-server", port: int = 8080) -> list[dict[str, Any]]:
    """A service's loadBalancers."""
    return [{"targetGroupArn": group, "containerName": container, "containerPort": port}]


def creating(**members: Any) -> tuple[str, dict[str, Any]]:
    params = {"cluster": "my-cluster", "serviceName": "new", "taskDefinition": "web-server:1", "desiredCount": 1}
    return "CreateService", {name: value for name, value in (params | members).items() if value != "left out"}


def updating(**members: Any) -> tuple[str, dict[str, Any]]:
    return "UpdateService", {"cluster": "my-cluster", "service": "web", **members}


def breaker(**members: Any) -> dict[str, Any]:
    """A deploymentConfiguration."""
    return {"deploymentCircuitBreaker": {"enable": True, "rollback": True, **members}}


def deployment_ids(service: dict[str, Any]) -> list[str]:
    return [deployment["id"] for deployment in service["deployments"]]
