"""Tasks: API_RunTask, API_StopTask, API_DescribeTasks, API_ListTasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from chaos_ecs.api import identifiers
from chaos_ecs.api.call import Call
from chaos_ecs.api.definition_members import override_without_effect
from chaos_ecs.api.operations.cluster_members import placed
from chaos_ecs.api.operations.members import (
    definition_in,
    identifiers_of,
    launch_type_of,
    missing,
    refused_by_aws,
    tags_of,
    wants,
)
from chaos_ecs.api.operations.placing import check_placing, wishes_of
from chaos_ecs.api.operations.task_members import check_run, overrides_of, registered, task_override_of
from chaos_ecs.api.paging import page
from chaos_ecs.core import messages as m
from chaos_ecs.core.arns import family_of
from chaos_ecs.core.errors import InvalidParameterException
from chaos_ecs.core.model import Task
from chaos_ecs.core.state import State
from chaos_ecs.core.tagging import managed
from chaos_ecs.core.task_definitions import tags_of_run

DESCRIBE_LIMIT = 100

_Answer = Future[dict[str, Any]]
_Params = Mapping[str, Any]


def run_task(call: Call) -> _Answer:
    """Answers at once, with tasks on their way and with failures for those that could not be placed. Raises
    ClusterNotFoundException, ClientException, InvalidParameterException, PlatformUnknownException, and
    ConflictException for a client token that was used otherwise (API_RunTask)."""
    params = call.params
    check_run(params)
    cluster = identifiers.cluster_arn(call.region, params.get("cluster"))
    launch_type_of(params)
    overrides, task_override = overrides_of(params), task_override_of(params)
    tags, propagates = tags_of(params), params.get("propagateTags") == "TASK_DEFINITION"
    token = params.get("clientToken", "")

    def build(state: State) -> m.RunTask:
        said = placed(state, cluster, params)
        launch_type = launch_type_of(said)
        arn = identifiers.task_definition_arn(state, call.region, params["taskDefinition"])
        definition = definition_in(state, arn)
        check_placing(definition, params, launch_type)
        own = managed(cluster) if params.get("enableECSManagedTags") else ()
        return m.RunTask(
            cluster_arn=cluster,
            task_definition_arn=arn,
            count=params.get("count", 1),
            started_by=params.get("startedBy", ""),
            group=params.get("group", ""),
            launch_type=launch_type,
            overrides=overrides,
            task_override=task_override,
            without_effect=override_without_effect(params.get("overrides", {})),
            client_token=token,
            tags=tuple({**dict(tags_of_run(definition, tags, propagates=propagates)), **dict(own)}.items()),
            execute_command=params.get("enableExecuteCommand", False),
            registered=registered(params),
            aws_refuses=refused_by_aws(state, cluster, definition, launch_type, params),
            placement=wishes_of(said),
        )

    def answer(state: State, now: float, events: tuple[m.Event, ...]) -> dict[str, Any]:
        return ran(call, state, events, list(state.tasks_of_token.get((cluster, token), ())))

    return call.request(build, answer)


def ran(call: Call, state: State, events: Sequence[m.Event], known: Sequence[str] = ()) -> dict[str, Any]:
    """What RunTask and StartTask answer; `known` are the tasks of a request that was answered before."""
    made = [event.task_arn for event in events if event.type is m.EventType.TASK_CREATED]
    refused = [event for event in events if event.type is m.EventType.TASK_NOT_PLACED]
    return {
        "tasks": [_wire(call, state, state.tasks[arn], tags=True) for arn in made or known],
        "failures": [_failure(event) for event in refused],
    }


def _failure(event: m.Event) -> dict[str, str]:
    """Of the container instance that refused, or of the cluster whose engine is away."""
    arn = event.data.get("instance", event.cluster_arn)
    return {"arn": arn, "reason": event.data["reason"], "detail": event.message}


def stop_task(call: Call) -> _Answer:
    """The task, with the desired status STOPPED at once. Raises ClusterNotFoundException and InvalidParameterException
    (API_StopTask)."""
    found = []

    def build(state: State) -> m.StopTask:
        cluster = identifiers.known_cluster(state, call.region, call.params.get("cluster"))
        found.append(identifiers.known_task(state, cluster, call.params["task"]).arn)
        return m.StopTask(found[0], call.params.get("reason", ""))

    return call.request(
        build, lambda state, now, events: {"task": _wire(call, state, state.tasks[found[0]], tags=False)}
    )


def describe_tasks(call: Call) -> _Answer:
    """Up to a hundred, stopped ones included; one that is not there is a failure MISSING. Raises
    ClusterNotFoundException and InvalidParameterException (API_DescribeTasks)."""
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
    """The ARNs of those meant to run, if nothing else is said, in order of creation; `startedBy` has to stand alone.
    Raises ClusterNotFoundException, ServiceNotFoundException and InvalidParameterException (API_ListTasks)."""
    params = call.params
    if "startedBy" in params and params.keys() & {"family", "serviceName", "containerInstance", "launchType"}:
        raise InvalidParameterException("cannot specify startedBy with another filter")

    def answer(state: State, now: float) -> dict[str, Any]:
        cluster = identifiers.known_cluster(state, call.region, params.get("cluster"))
        found = _filtered(_considered(state, cluster, params), params)
        return page(params, "taskArns", [(task.number, task.arn) for task in found])

    return call.ask(answer)


def _considered(state: State, cluster: str, params: _Params) -> Sequence[Task]:
    """In order of creation. There are no managed daemons here, so none of them has a task."""
    if "daemonName" in params:
        return ()
    tasks = state.tasks_in(cluster)
    if "containerInstance" in params:
        named = params["containerInstance"]
        instance = identifiers.find_container_instance(state, cluster, named)
        arn = instance.arn if instance else identifiers.container_instance_arn(cluster, named)
        tasks = [task for task in tasks if task.container_instance_arn == arn]
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
