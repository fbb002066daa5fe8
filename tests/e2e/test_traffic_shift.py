"""Blue/green and canary deployments typed with the real aws CLI, while a client goes on asking the real balancer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.builders import eventually
from tests.e2e.balanced import CLUSTER, Balanced, a_balanced_service, ask
from tests.e2e.conftest import Room

CANARY = {
    "strategy": "CANARY",
    "canaryConfiguration": {"canaryPercent": 20, "canaryBakeTimeInMinutes": 1},
    "bakeTimeInMinutes": 1,
}
PAUSED = {
    "strategy": "BLUE_GREEN",
    "bakeTimeInMinutes": 0,
    "lifecycleHooks": [{"targetType": "PAUSE", "lifecycleStages": ["POST_PRODUCTION_TRAFFIC_SHIFT"]}],
}


class Shifting:
    """The service `web` with a second target group, and versions of it."""

    def __init__(self, subject: Balanced) -> None:
        self.subject = subject
        self.room = subject.room
        second = self.room.elbv2(
            *("create-target-group", "--name", "web-2", "--protocol", "HTTP", "--port", "8080", "--vpc-id", "vpc-1"),
            *("--target-type", "ip", "--health-check-interval-seconds", "5"),
        )["TargetGroups"][0]["TargetGroupArn"]
        balancer = self.room.elbv2("describe-load-balancers", "--names", "web")["LoadBalancers"][0]["LoadBalancerArn"]
        listener = self.room.elbv2("describe-listeners", "--load-balancer-arn", balancer)["Listeners"][0]["ListenerArn"]
        rules = self.room.elbv2("describe-rules", "--listener-arn", listener)["Rules"]
        self.listener = listener
        self.load_balancers = [
            {
                "targetGroupArn": subject.group,
                "containerName": "web-server",
                "containerPort": 8080,
                "advancedConfiguration": {
                    "alternateTargetGroupArn": second,
                    "productionListenerRule": next(rule["RuleArn"] for rule in rules if rule["IsDefault"]),
                    "roleArn": "arn:aws:iam::123456789012:role/ecsInfrastructureRole",
                },
            }
        ]

    def deploy(self, version: str, configuration: dict[str, Any]) -> None:
        described = self.room.aws("describe-task-definition", "--task-definition", "web-server:1")["taskDefinition"]
        (container,) = described["containerDefinitions"]
        container["environment"] = [{"name": "VERSION", "value": version}]
        words = ("--family", "web-server", "--container-definitions", json.dumps([container]))
        definition = self.room.aws("register-task-definition", *words)["taskDefinition"]["taskDefinitionArn"]
        self.room.aws(
            *("update-service", "--cluster", CLUSTER, "--service", "web", "--task-definition", definition),
            *("--deployment-configuration", json.dumps(configuration)),
            *("--load-balancers", json.dumps(self.load_balancers)),
        )

    def newest(self) -> dict[str, Any]:
        listed = self.room.aws("list-service-deployments", "--cluster", CLUSTER, "--service", "web")
        arn = listed["serviceDeployments"][0]["serviceDeploymentArn"]
        told = self.room.aws("describe-service-deployments", "--service-deployment-arns", arn)
        found: dict[str, Any] = told["serviceDeployments"][0]
        return found

    def weights(self) -> list[int]:
        (rule,) = self.room.elbv2("describe-rules", "--listener-arn", self.listener)["Rules"]
        return sorted(group["Weight"] for group in rule["Actions"][0]["ForwardConfig"]["TargetGroups"])

    def answers(self, count: int = 100) -> dict[str, int]:
        """How many of so many requests each version answered."""
        told = [ask(self.subject.url) for _ in range(count)]
        return {version: sum(version in line for line in told) for version in ("blue", "green")}


@pytest.fixture
def shifting(room: Room) -> Shifting:
    subject = Shifting(a_balanced_service(room))
    subject.deploy("blue", {"strategy": "ROLLING"})
    subject.subject.await_completed()
    return subject


def test_a_canary_gets_its_share_then_everybody_and_loses_no_request(shifting: Shifting) -> None:
    with shifting.subject.under_load():
        shifting.deploy("green", CANARY)
        eventually(lambda: shifting.weights() == [20, 80], within=30, every=0.2)
        green = shifting.answers()["green"]
        assert 5 <= green <= 40, green
        told = shifting.newest()
        assert (told["status"], told["lifecycleStage"]) == ("IN_PROGRESS", "PRODUCTION_TRAFFIC_SHIFT")
        assert told["targetServiceRevision"]["requestedProductionTrafficWeight"] == 20.0
        shifting.subject.await_completed()
    assert shifting.subject.failed == {}, shifting.subject.asked
    assert shifting.answers(20) == {"blue": 0, "green": 20}
    assert shifting.newest()["status"] == "SUCCESSFUL"


def test_a_paused_blue_green_deployment_rolls_back_at_once_and_loses_no_request(shifting: Shifting) -> None:
    with shifting.subject.under_load():
        shifting.deploy("green", PAUSED)
        eventually(lambda: shifting.newest().get("lifecycleHookDetails"), within=30, every=0.2)
        assert shifting.answers(20) == {"blue": 0, "green": 20}
        told = shifting.newest()
        (hook,) = told["lifecycleHookDetails"]
        assert hook["status"] == "AWAITING_ACTION"
        shifting.room.aws(
            *("continue-service-deployment", "--service-deployment-arn", told["serviceDeploymentArn"]),
            *("--hook-id", hook["hookId"], "--action", "ROLLBACK"),
        )
        assert shifting.answers(20) == {"blue": 20, "green": 0}
        shifting.subject.await_completed()
    assert shifting.subject.failed == {}, shifting.subject.asked
    assert shifting.newest()["status"] == "ROLLBACK_SUCCESSFUL"
