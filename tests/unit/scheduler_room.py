"""A room with boto3 clients of EventBridge Scheduler and ECS on one simulated controller, and wishes to send."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from chaos_ecs.core.arns import cluster_arn
from tests.unit.api_harness import CLUSTER, REGION, Harness

ARN = cluster_arn(REGION, CLUSTER)
ROLE = "arn:aws:iam::123456789012:role/scheduler"
QUEUE = "arn:aws:sqs:us-east-1:123456789012:letters"
OFF = {"Mode": "OFF"}
DEFINITION = "arn:aws:ecs:us-east-1:123456789012:task-definition/batch-job"


class Room:
    def __init__(self) -> None:
        self.api = Harness()
        self.scheduler = self.api.client(service="scheduler")
        self.ecs = self.api.client()
        self.ecs.list_clusters()

    def create(self, name: str = "nightly", **members: Any) -> str:
        arn: str = self.scheduler.create_schedule(**wish(name, **members))["ScheduleArn"]
        return arn

    def refused(self, **members: Any) -> tuple[int, str, str]:
        """Status, code and message of a CreateSchedule that is refused."""
        return said(lambda: self.create(**members))

    def get(self, name: str = "nightly", **members: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self.scheduler.get_schedule(Name=name, **members)
        del answer["ResponseMetadata"]
        return answer


def wish(name: str = "nightly", **members: Any) -> dict[str, Any]:
    return {
        "Name": name,
        "ScheduleExpression": "rate(1 minute)",
        "FlexibleTimeWindow": OFF,
        "Target": a_target(),
        **members,
    }


def a_target(**members: Any) -> dict[str, Any]:
    return {"Arn": ARN, "RoleArn": ROLE, "EcsParameters": {"TaskDefinitionArn": DEFINITION}, **members}


def ecs(**members: Any) -> dict[str, Any]:
    return a_target(EcsParameters={"TaskDefinitionArn": DEFINITION, **members})


def said(call: Any) -> tuple[int, str, str]:
    with pytest.raises(ClientError) as caught:
        call()
    answer = caught.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"], answer["Error"]["Message"]
