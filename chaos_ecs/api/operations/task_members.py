"""Members of RunTask and StartTask, from the wire: overrides, lengths, and what excludes what."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from chaos_ecs.api.operations.container_members import environment, environment_files
from chaos_ecs.api.operations.definition_checks import storage_refusal
from chaos_ecs.api.operations.placing import check_placement
from chaos_ecs.api.task_network import subnet_of
from chaos_ecs.core.compatibility import task_size
from chaos_ecs.core.errors import InvalidParameterException
from chaos_ecs.core.model import ContainerOverride, TaskOverride

LIMITS = {"group": 255, "referenceId": 1024, "clientToken": 64}
RUN_STARTED_BY, START_STARTED_BY = 128, 36
"""The longest startedBy: API_RunTask, API_StartTask."""

OVERRIDES_LIMIT = 8192
"""API_RunTask.overrides: "A total of 8192 characters are allowed for overrides"."""

_Params = Mapping[str, Any]


def check_run(params: _Params, *, started_by: int = RUN_STARTED_BY) -> None:
    """Raises InvalidParameterException for what ECS refuses before it looks at what is there."""
    if not params["taskDefinition"]:
        raise InvalidParameterException("TaskDefinition can not be blank.")
    check_placement(params)
    for name, limit in {**LIMITS, "startedBy": started_by}.items():
        if len(params.get(name, "")) > limit:
            raise InvalidParameterException(f"{name} can have at most {limit} characters.")
    if params.get("propagateTags") == "SERVICE":
        raise InvalidParameterException("propagateTags SERVICE is for services: RunTask takes TASK_DEFINITION or NONE.")
    if refused := storage_refusal(params.get("overrides", {})):
        raise InvalidParameterException(refused)
    if len(json.dumps(params.get("overrides", {}), separators=(",", ":"))) > OVERRIDES_LIMIT:
        raise InvalidParameterException(f"Overrides can have at most {OVERRIDES_LIMIT} characters.")


def overrides_of(params: _Params) -> tuple[ContainerOverride, ...]:
    return tuple(_override(item) for item in params.get("overrides", {}).get("containerOverrides", ()))


def task_override_of(params: _Params) -> TaskOverride:
    """Those of the task itself (API_TaskOverride)."""
    said = params.get("overrides", {})
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


def registered(params: _Params) -> str:
    """What DescribeTasks returns and nothing here acts on: a platform version other than the newest, and the subnet."""
    version = params.get("platformVersion", "LATEST")
    told = subnet_of(params) | ({} if version == "LATEST" else {"platformVersion": version})
    return json.dumps(told) if told else ""


def _override(said: _Params) -> ContainerOverride:
    return ContainerOverride(
        name=said.get("name", ""),
        command=tuple(said["command"]) if "command" in said else None,
        environment=environment(said),
        cpu=said.get("cpu"),
        memory=said.get("memory"),
        memory_reservation=said.get("memoryReservation"),
        environment_files=environment_files(said),
        resources=tuple((item["type"], item.get("value", "")) for item in said.get("resourceRequirements", ())),
    )
