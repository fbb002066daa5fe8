"""What the ECS API answers, as the state snapshot that the commands read. Pure.

Never here: asking (see `api.py`), and what happened in between (see `moments.py`). What the ECS API does not tell is
absent: kills, recoveries, throttles, whose place a task takes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chaos_ecs.cli.snapshot import name_of

Answer = Mapping[str, Any]
_OF_SERVICE = "service:"


@dataclass(frozen=True, slots=True)
class Seen:
    """One cluster at one moment, as DescribeClusters, DescribeServices and DescribeTasks answer; times in seconds.

    `essentials` is the names of the essential containers by task definition (ARN), of those that were asked for.
    """

    at: float
    cluster: Answer
    services: Sequence[Answer] = ()
    tasks: Sequence[Answer] = ()
    essentials: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def cluster_arn(self) -> str:
        return str(self.cluster["clusterArn"])

    def service_of(self, task: Answer) -> str:
        """The ARN of the service whose task it is; "" for a standalone task. DescribeTasks has the name alone."""
        group = str(task.get("group") or "")
        if not group.startswith(_OF_SERVICE):
            return ""
        name = group.removeprefix(_OF_SERVICE)
        known = (str(item["serviceArn"]) for item in self.services if item["serviceName"] == name)
        return next(known, f"{self.cluster_arn.replace(':cluster/', ':service/', 1)}/{name}")

    def exit_code_of(self, task: Answer) -> int | None:
        """That of an essential container: the first that is not 0, else 0; None where none has ended with a code.

        Worked example: app (essential) 0 and log-router 143, which was told to stop after it  ->  0.
        """
        codes = {item["name"]: item["exitCode"] for item in containers(task) if item.get("exitCode") is not None}
        essential = self.essentials.get(str(task.get("taskDefinitionArn")), tuple(codes))
        ended = [int(codes[name]) for name in essential if name in codes]
        return next((code for code in ended if code != 0), 0 if ended else None)


def containers(task: Answer) -> Sequence[Answer]:
    found: Sequence[Answer] = task.get("containers") or ()
    return found


def state_of(seen: Seen, number: int) -> dict[str, Any]:
    """In the form of `GET /state`; `number` is that of the newest event that it contains."""
    arn = seen.cluster_arn
    by_age = sorted(seen.tasks, key=lambda task: (task["createdAt"], str(task["taskArn"])))
    return {
        "v": 1,
        "number": number,
        "at": seen.at,
        "engine": {"connected": True, "name": "the ECS API", "reason": ""},
        "clusters": [
            {
                "arn": arn,
                "name": seen.cluster["clusterName"],
                "region": arn.split(":")[3],
                "status": seen.cluster["status"],
            }
        ],
        "services": [_service(item) for item in seen.services],
        "tasks": [_task(seen, item, position) for position, item in enumerate(by_age, start=1)],
    }


def _service(raw: Answer) -> dict[str, Any]:
    deployments = raw.get("deployments") or ()
    return {
        "arn": raw["serviceArn"],
        "name": raw["serviceName"],
        "clusterArn": raw["clusterArn"],
        "status": raw["status"],
        "desiredCount": raw["desiredCount"],
        "runningCount": raw["runningCount"],
        "pendingCount": raw["pendingCount"],
        "taskDefinition": name_of(str(raw["taskDefinition"])),
        "steady": is_steady(raw),
        "createdAt": raw.get("createdAt"),
        "deployments": [_deployment(item) for item in deployments],
    }


def is_steady(raw: Answer) -> bool:
    """Whether all that are wanted run, none is on its way, and no deployment is under way."""
    deployments = raw.get("deployments") or ()
    counted = raw["runningCount"] == raw["desiredCount"] and not raw["pendingCount"]
    done = all(item.get("rolloutState") in (None, "COMPLETED") for item in deployments)
    return raw["status"] == "ACTIVE" and counted and done and len(deployments) <= 1


def _deployment(raw: Answer) -> dict[str, Any]:
    return {
        "id": raw["id"],
        "status": raw["status"],
        "taskDefinition": name_of(str(raw["taskDefinition"])),
        "rolloutState": raw.get("rolloutState") or "",
        "desiredCount": raw["desiredCount"],
        "runningCount": raw["runningCount"],
        "pendingCount": raw["pendingCount"],
        "failedTasks": raw.get("failedTasks") or 0,
        "createdAt": raw["createdAt"],
    }


def _task(seen: Seen, raw: Answer, number: int) -> dict[str, Any]:
    arn = str(raw["taskArn"])
    as_they_are = ("lastStatus", "desiredStatus", "healthStatus", "createdAt", "startedAt", "stoppedAt", "stopCode")
    return {
        "arn": arn,
        "id": name_of(arn),
        "clusterArn": raw["clusterArn"],
        "serviceArn": seen.service_of(raw) or None,
        "taskDefinition": name_of(str(raw["taskDefinitionArn"])),
        "group": raw.get("group") or "",
        "startedBy": raw.get("startedBy") or "",
        **{name: raw.get(name) for name in as_they_are},
        "stoppedReason": raw.get("stoppedReason"),
        "exitCode": seen.exit_code_of(raw),
        "number": number,
        "capacityProvider": raw.get("capacityProviderName"),
        "containers": [_container(item) for item in containers(raw)],
    }


def _container(raw: Answer) -> dict[str, Any]:
    bindings = [item for item in raw.get("networkBindings") or () if item.get("hostPort")]
    return {
        "name": raw.get("name") or "",
        "image": raw.get("image") or "",
        "runtimeId": raw.get("runtimeId"),
        "lastStatus": raw.get("lastStatus"),
        "exitCode": raw.get("exitCode"),
        "reason": raw.get("reason"),
        "bindings": [{name: item[name] for name in ("containerPort", "hostPort", "bindIP")} for item in bindings],
    }
