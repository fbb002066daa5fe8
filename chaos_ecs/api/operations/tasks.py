"""Tasks: API_RunTask, API_StopTask, API_DescribeTasks, API_ListTasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from chaos_ecs.api import identifiers
from chaos_ecs.api.call import Call
from chaos_ecs.api.coverage import override_without_effect
from chaos_ecs.api.operations.container_members import environment, environment_files
from chaos_ecs.api.operations.members import (
    check_network,
    definition_in,
    identifiers_of,
    launch_type_of,
    missing,
    tags_of,
    wants,
)
from chaos_ecs.api.paging import page
from chaos_ecs.core import messages as m
from chaos_ecs.core.arns import family_of
from chaos_ecs.core.compatibility import task_size
from chaos_ecs.core.errors import InvalidParameterException
from chaos_ecs.core.model import ContainerOverride, Task, TaskOverride
from chaos_ecs.core.state import State

DESCRIBE_LIMIT = 100
STARTED_BY_LIMIT = 128
GROUP_LIMIT = 255

_Answer = Future[dict[str, Any]]
_Params = Mapping[str, Any]


def run_task(call: Call) -> _Answer:
    """Answers at once, with tasks on their way and with failures for those that could not be placed."""
    params = call.params
    if not params["taskDefinition"]:
        raise InvalidParameterException("TaskDefinition can not be blank.")
    _check_lengths(params)
    cluster = identifiers.cluster_arn(call.region, params.get("cluster"))
    launch_type = launch_type_of(params)
    said = params.get("overrides", {})
    overrides = tuple(_override(item) for item in said.get("containerOverrides", ()))
    task_override = _task_override(said)
    tags = dict(tags_of(params))
    token = params.get("clientToken", "")

    def build(state: State) -> m.RunTask:
        arn = identifiers.task_definition_arn(state, call.region, params["taskDefinition"])
        definition = definition_in(state, arn)
        check_network(definition, params)
        inherited = definition.tags if definition and params.get("propagateTags") == "TASK_DEFINITION" else ()
        return m.RunTask(
            cluster_arn=cluster,
            task_definition_arn=arn,
            count=params.get("count", 1),
            started_by=params.get("startedBy", ""),
            group=params.get("group", ""),
            launch_type=launch_type,
            overrides=overrides,
            task_override=task_override,
            without_effect=override_without_effect(said),
            client_token=token,
            tags=tuple({**dict(inherited), **tags}.items()),
        )

    def answer(state: State, now: float, events: tuple[m.Event, ...]) -> dict[str, Any]:
        made = [event.task_arn for event in events if event.type is m.EventType.TASK_CREATED]
        placed = made or list(state.tasks_of_token.get((cluster, token), ()))
        refused = [event for event in events if event.type is m.EventType.TASK_NOT_PLACED]
        return {
            "tasks": [_wire(call, state, state.tasks[arn], tags=True) for arn in placed],
            "failures": [{"arn": cluster, "reason": e.data["reason"], "detail": e.message} for e in refused],
        }

    return call.request(build, answer)


def stop_task(call: Call) -> _Answer:
    found = []

    def build(state: State) -> m.StopTask:
        cluster = identifiers.known_cluster(state, call.region, call.params.get("cluster"))
        found.append(identifiers.known_task(state, cluster, call.params["task"]).arn)
        return m.StopTask(found[0], call.params.get("reason", ""))

    return call.request(
        build, lambda state, now, events: {"task": _wire(call, state, state.tasks[found[0]], tags=False)}
    )


def describe_tasks(call: Call) -> _Answer:
    """Up to a hundred, stopped ones included; one that is not there is a failure, not an error."""
    named = identifiers_of(call.params, "tasks", DESCRIBE_LIMIT)
    if not named:
        raise InvalidParameterException("Tasks cannot be empty.")
    tags = wants(call.params, "TAGS")

    def answer(state: State, now: float) -> dict[str, Any]:
        cluster = identifiers.known_cluster(state, call.region, call.params.get("cluster"))
        tasks, failures = [], []
        for name in named:
            if task := identifiers.find_task(state, cluster, name):
                tasks.append(_wire(call, state, task, tags=tags))
            else:
                failures.append(missing(identifiers.task_arn(cluster, name)))
        return {"tasks": tasks, "failures": failures}

    return call.ask(answer)


def list_tasks(call: Call) -> _Answer:
    """Those meant to run by default, in order of creation. `startedBy` must be the only filter, as ECS has it."""
    params = call.params
    if "startedBy" in params and params.keys() & {"family", "serviceName", "containerInstance", "launchType"}:
        raise InvalidParameterException("cannot specify startedBy with another filter")

    def answer(state: State, now: float) -> dict[str, Any]:
        cluster = identifiers.known_cluster(state, call.region, params.get("cluster"))
        found = _filtered(_considered(state, cluster, params), params)
        return page(params, "taskArns", [(task.number, task.arn) for task in found])

    return call.ask(answer)


def _considered(state: State, cluster: str, params: _Params) -> Sequence[Task]:
    """In order of creation. There are no container instances yet, so none of them has a task."""
    if "containerInstance" in params or "daemonName" in params:
        return ()
    tasks = state.tasks_in(cluster)
    if "serviceName" in params:
        service = identifiers.known_service(state, cluster, params["serviceName"])
        tasks = [task for task in tasks if task.service_arn == service.arn]
    return sorted(tasks, key=lambda task: task.number)


def _filtered(tasks: Sequence[Task], params: _Params) -> list[Task]:
    """API_ListTasks.desiredStatus: no task's desired status is PENDING, so that filter finds none."""
    status = params.get("desiredStatus", "RUNNING")
    family = params.get("family")
    started_by = params.get("startedBy")
    launch_type = params.get("launchType")
    return [
        task
        for task in tasks
        if task.desired_status == status
        and family in (None, family_of(task.task_definition_arn))
        and started_by in (None, task.started_by)
        and launch_type in (None, task.launch_type)
    ]


def _wire(call: Call, state: State, task: Task, *, tags: bool) -> Any:
    return call.surroundings.task_cache.wire(state, task, tags=tags)


# --- from the wire ---


def _override(said: _Params) -> ContainerOverride:
    return ContainerOverride(
        name=said.get("name", ""),
        command=tuple(said["command"]) if "command" in said else None,
        environment=environment(said),
        cpu=said.get("cpu"),
        memory=said.get("memory"),
        memory_reservation=said.get("memoryReservation"),
        environment_files=environment_files(said),
        resources=tuple((item["type"], item["value"]) for item in said.get("resourceRequirements", ())),
    )


def _task_override(said: _Params) -> TaskOverride:
    return TaskOverride(
        cpu=task_size("cpu", said.get("cpu", "")),
        memory=task_size("memory", said.get("memory", "")),
        ephemeral_storage=said.get("ephemeralStorage", {}).get("sizeInGiB"),
        task_role_arn=said.get("taskRoleArn", ""),
        execution_role_arn=said.get("executionRoleArn", ""),
        accelerators=tuple(
            (item.get("deviceName", ""), item.get("deviceType", ""))
            for item in said.get("inferenceAcceleratorOverrides", ())
        ),
    )


def _check_lengths(params: _Params) -> None:
    for name, limit in (("startedBy", STARTED_BY_LIMIT), ("group", GROUP_LIMIT)):
        if len(params.get(name, "")) > limit:
            raise InvalidParameterException(f"{name} can have at most {limit} characters.")
    if params.get("propagateTags") == "SERVICE":
        raise InvalidParameterException("propagateTags SERVICE is for services: RunTask takes TASK_DEFINITION or NONE.")
