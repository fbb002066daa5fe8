"""A room where the real workloads run, and what their tests ask for: tasks, their containers, answers over HTTP."""

from __future__ import annotations

import json
import urllib.request
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.error import HTTPError

from tests.builders import eventually
from tests.contract.workloads import Running
from tests.e2e.conftest import Room
from tests.e2e.truth import CLUSTER, all_tasks

ALONE = {"minimumHealthyPercent": 0, "maximumPercent": 100}
PATIENCE_SECONDS = 30.0

Task = dict[str, Any]


@dataclass(frozen=True)
class Workshop:
    room: Room

    @cached_property
    def ecs(self) -> Any:
        return self.room.ecs()

    # --- services ---

    def needs(self, family: str) -> Running:
        """A service of one task that others find by its name; its container, once it is healthy."""
        self.ecs.create_service(
            cluster=CLUSTER,
            serviceName=family,
            taskDefinition=family,
            desiredCount=1,
            deploymentConfiguration=ALONE,
        )
        eventually(lambda: [task["healthStatus"] for task in self.running(family)] == ["HEALTHY"], PATIENCE_SECONDS)
        return self.container(self.running(family)[0]["taskArn"])

    def running(self, service: str) -> list[Task]:
        """Oldest first."""
        found = [task for task in self.tasks_of(service) if task["lastStatus"] == "RUNNING"]
        return sorted(found, key=lambda task: (task["createdAt"], task["taskArn"]))

    def tasks_of(self, service: str) -> list[Task]:
        """Those that have stopped, too."""
        return [task for task in all_tasks(self.ecs) if task["group"] == f"service:{service}"]

    # --- standalone tasks ---

    def start(self, family: str, command: str = "", **environment: Any) -> str:
        """A standalone task that runs on; its ARN."""
        override: dict[str, Any] = {
            "name": family,
            "environment": [{"name": name, "value": str(value)} for name, value in environment.items()],
        }
        if command:
            override["command"] = command.split()
        made = self.ecs.run_task(cluster=CLUSTER, taskDefinition=family, overrides={"containerOverrides": [override]})
        return str(made["tasks"][0]["taskArn"])

    def run(self, family: str, command: str = "", **environment: Any) -> str:
        """To its end, which is success; what it printed."""
        arn = self.start(family, command, **environment)
        assert self.exit_code(arn) == 0, self.container(arn).output
        return self.container(arn).output

    def exit_code(self, arn: str) -> int:
        """Waited for."""
        task = eventually(lambda: found if (found := self.task(arn))["lastStatus"] == "STOPPED" else None, 60)
        assert task is not None
        return int(task["containers"][0]["exitCode"])

    def tasks_from(self, family: str) -> list[Task]:
        """All that were ever run as standalone tasks."""
        return [task for task in all_tasks(self.ecs) if task["group"] == f"family:{family}"]

    def task(self, arn: str) -> Task:
        found: Task = self.ecs.describe_tasks(cluster=CLUSTER, tasks=[arn])["tasks"][0]
        return found

    def container(self, arn: str) -> Running:
        """Of a task that runs or has stopped; waits for one that starts."""
        found = eventually(lambda: self.task(arn)["containers"][0].get("runtimeId"), PATIENCE_SECONDS, every=0.02)
        return Running(self.room.client, str(found))


def asked(url: str, body: object = None) -> tuple[int, dict[str, Any]]:
    """Status and answer, whatever the status."""
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(url, data, timeout=5) as answer:
            return answer.status, json.loads(answer.read())
    except HTTPError as error:
        return error.code, json.loads(error.read())
