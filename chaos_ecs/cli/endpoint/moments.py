"""What happened, read off what is: every moment that one look at a cluster tells, each with a name of its own. Pure.

The ECS API has no stream of events, but its answers keep times: of a task when it was created, started and stopped, of
a service its newest 100 sentences, of a deployment its beginning and end. Two looks tell the same moment by the same
name, so whoever keeps the names tells each moment once, and no look is compared with the one before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from chaos_ecs.cli.endpoint.seen import Seen, containers
from chaos_ecs.cli.snapshot import Event, name_of

Key = tuple[str, ...]
_TASK = re.compile(r"\(task ([0-9a-f-]+)\)")

# A service's sentence by what is in it: the type by which the live log tells it.
_SENTENCES = (
    ("has reached a steady state", "SERVICE_STEADY"),
    ("was unable to", "SERVICE_THROTTLED"),
    ("is unable to consistently start", "SERVICE_THROTTLED"),
    (" has started ", "SERVICE_TASKS_STARTED"),
    ("has stopped", "SERVICE_TASKS_STOPPED"),
)
_OTHER = "SERVICE_EVENT"
_ENDS = {"COMPLETED": "DEPLOYMENT_COMPLETED", "FAILED": "DEPLOYMENT_FAILED"}


def moments(seen: Seen) -> list[tuple[Key, Event]]:
    """All that is known, oldest first. A moment without a time of its own gets that of the look."""
    told = [item for task in seen.tasks for item in _of_task(seen, task)]
    told += [item for service in seen.services for item in _of_service(seen, service)]
    return sorted(told, key=lambda item: item[1].at)


def _of_task(seen: Seen, task: Mapping[str, Any]) -> Iterator[tuple[Key, Event]]:
    arn, service = str(task["taskArn"]), seen.service_of(task)
    created, started, status = task["createdAt"], task.get("startedAt"), str(task.get("lastStatus"))

    def told(type_: str, at: float | None, name: str = "", **data: Any) -> tuple[Key, Event]:
        when = seen.at if at is None else at
        return (arn, type_, name), Event(0, when, type_, "", seen.cluster_arn, service, arn, data)

    yield told("TASK_CREATED", created)
    if started is not None or status == "RUNNING":
        after = None if started is None else started - created
        yield told("TASK_RUNNING", started, after=after)
    health = str(task.get("healthStatus") or "UNKNOWN")
    if health != "UNKNOWN" and status == "RUNNING":
        yield told("TASK_HEALTH_CHANGED", None, health, healthStatus=health)
    if task.get("desiredStatus") == "STOPPED" and status != "STOPPED":
        yield told("TASK_STOPPING", task.get("stoppingAt"))
    if status == "STOPPED":
        yield told("TASK_STOPPED", task.get("stoppedAt"), **_end(seen, task))


def _end(seen: Seen, task: Mapping[str, Any]) -> dict[str, Any]:
    started, stopped = task.get("startedAt"), task.get("stoppedAt")
    reasons = (str(item["reason"]) for item in containers(task) if item.get("reason"))
    return {
        "stopCode": task.get("stopCode"),
        "stoppedReason": task.get("stoppedReason"),
        "exitCode": seen.exit_code_of(task),
        "reason": next(reasons, None),
        "reachedRunning": started is not None or task.get("stopCode") != "TaskFailedToStart",
        "ranFor": None if started is None or stopped is None else stopped - started,
    }


def _of_service(seen: Seen, service: Mapping[str, Any]) -> Iterator[tuple[Key, Event]]:
    arn, name, status = str(service["serviceArn"]), str(service["serviceName"]), str(service["status"])

    def told(key: Key, type_: str, at: float | None, message: str, /, **data: Any) -> tuple[Key, Event]:
        when = seen.at if at is None else at
        return (arn, *key), Event(0, when, type_, message, seen.cluster_arn, arn, "", data)

    for item in service.get("events") or ():
        message = str(item["message"])
        type_ = next((type_ for words, type_ in _SENTENCES if words in message), _OTHER)
        yield told((str(item["id"]),), type_, item["createdAt"], message, **_data(seen, type_, message))
    for item in service.get("deployments") or ():
        id_, definition = str(item["id"]), str(item["taskDefinition"])
        data = {"deployment": id_, "taskDefinition": definition}
        begun = f"service {name}: the deployment of {name_of(definition)} begins"
        yield told((id_, "begun"), "DEPLOYMENT_STARTED", item["createdAt"], begun, **data)
        if (end := _ENDS.get(str(item.get("rolloutState")))) is not None:
            data |= {"failedTasks": item.get("failedTasks")} if end == "DEPLOYMENT_FAILED" else {}
            yield told((id_, end), end, item.get("updatedAt"), str(item.get("rolloutStateReason") or ""), **data)
    if status == "DRAINING":
        yield told((status,), "SERVICE_DELETED", None, f"service {name} is DRAINING")
    if status == "INACTIVE":
        yield told((status,), "SERVICE_INACTIVE", None, f"service {name} is INACTIVE")


def _data(seen: Seen, type_: str, message: str) -> dict[str, Any]:
    """What the live log puts beside ECS's sentence; how many ran when it was steady, nobody tells afterwards."""
    if type_ == "SERVICE_STEADY":
        return {}
    if type_ in ("SERVICE_TASKS_STARTED", "SERVICE_TASKS_STOPPED"):
        here = seen.cluster_arn.replace(":cluster/", ":task/", 1)
        return {"tasks": [f"{here}/{id_}" for id_ in _TASK.findall(message)]}
    return {"message": message}
