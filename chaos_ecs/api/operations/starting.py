"""API_StartTask: tasks on container instances that the caller names."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

from chaos_ecs.api import identifiers
from chaos_ecs.api.call import Call
from chaos_ecs.api.definition_members import override_without_effect
from chaos_ecs.api.operations.instances import named_instances
from chaos_ecs.api.operations.members import DEFAULT_LAUNCH_TYPE, definition_in, tags_of
from chaos_ecs.api.operations.placing import check_placing
from chaos_ecs.api.operations.task_members import (
    START_STARTED_BY,
    check_run,
    overrides_of,
    registered,
    task_override_of,
)
from chaos_ecs.api.operations.tasks import ran
from chaos_ecs.core import messages as m
from chaos_ecs.core.state import State
from chaos_ecs.core.tagging import managed
from chaos_ecs.core.task_definitions import tags_of_run

START_LIMIT = 10


def start_task(call: Call) -> Future[dict[str, Any]]:
    """A task on each of up to ten container instances, and a failure for each that is not there or cannot take it:
    MISSING, INACTIVE, AGENT, RESOURCE or ATTRIBUTE. Raises InvalidParameterException, ClusterNotFoundException and
    ClientException for what RunTask refuses as well (API_StartTask)."""
    params = call.params
    check_run(params, started_by=START_STARTED_BY)
    tags, propagates = tags_of(params), params.get("propagateTags") == "TASK_DEFINITION"
    named = named_instances(call, START_LIMIT)
    overrides, task_override = overrides_of(params), task_override_of(params)

    def build(state: State) -> m.RunTask:
        cluster = identifiers.known_cluster(state, call.region, params.get("cluster"))
        arn = identifiers.task_definition_arn(state, call.region, params["taskDefinition"])
        definition = definition_in(state, arn)
        check_placing(definition, params, DEFAULT_LAUNCH_TYPE)
        own = managed(cluster) if params.get("enableECSManagedTags") else ()
        return m.RunTask(
            cluster_arn=cluster,
            task_definition_arn=arn,
            count=len(named),
            started_by=params.get("startedBy", ""),
            group=params.get("group", ""),
            overrides=overrides,
            task_override=task_override,
            without_effect=override_without_effect(params.get("overrides", {})),
            tags=tuple({**dict(tags_of_run(definition, tags, propagates=propagates)), **dict(own)}.items()),
            cause="start-task asked for it; nobody will replace it",
            execute_command=params.get("enableExecuteCommand", False),
            registered=registered(params),
            instances=tuple(_instance(state, cluster, name) for name in named),
        )

    return call.request(build, lambda state, now, events: ran(call, state, events))


def _instance(state: State, cluster: str, name: str) -> str:
    found = identifiers.find_container_instance(state, cluster, name)
    return found.arn if found else identifiers.container_instance_arn(cluster, name)
