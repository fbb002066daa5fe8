"""ECS Exec: API_ExecuteCommand, which ends in a refusal here (decision 077)."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

from chaos_ecs.api import identifiers
from chaos_ecs.api.call import Call
from chaos_ecs.core.arns import short
from chaos_ecs.core.errors import InvalidParameterException, TargetNotConnectedException
from chaos_ecs.core.model import Task
from chaos_ecs.core.state import State

NOT_ENABLED = (
    "The execute command failed because execute command was not enabled when the task was run or the execute command "
    "agent isn't running. Wait and try again or run a new task with execute command enabled and try again."
)
FAILED = "The execute command failed due to an internal error. Try again later."


def execute_command(call: Call) -> Future[dict[str, Any]]:
    """Never: raises ClusterNotFoundException, InvalidParameterException for what ECS would refuse as well, and else
    TargetNotConnectedException, which names what does the same here (API_ExecuteCommand)."""
    params = call.params
    if not params["interactive"]:
        raise InvalidParameterException("Interactive is the only mode supported currently.")
    if not params["command"]:
        raise InvalidParameterException("Command can not be blank.")

    def answer(state: State, now: float) -> dict[str, Any]:
        cluster = identifiers.known_cluster(state, call.region, params.get("cluster"))
        task = identifiers.known_task(state, cluster, params["task"])
        container = _container(task, params.get("container"))
        if not task.execute_command:
            raise InvalidParameterException(f"{NOT_ENABLED} {_instead(task, container)}")
        if not task.is_running:
            why = f" ({task.stopped_reason})" if task.stopped_reason else ""
            raise InvalidParameterException(
                f"The execute command failed because the task isn't running: it is {task.last_status}{why}."
            )
        ended = next((one for one in task.containers if one.name == container and one.exit_code is not None), None)
        if ended is not None:
            raise TargetNotConnectedException(
                f"{FAILED} (The container {container} isn't running: it ended with exit code {ended.exit_code}.)"
            )
        raise TargetNotConnectedException(f"{FAILED} {_instead(task, container)}")

    return call.ask(answer)


def _container(task: Task, named: str | None) -> str:
    names = [container.name for container in task.containers]
    if named is None and len(names) > 1:
        raise InvalidParameterException("The container name must be specified for a task with several containers.")
    if named is not None and named not in names:
        raise InvalidParameterException(f"The container {named} does not exist in the task.")
    return named or names[0]


def _instead(task: Task, container: str) -> str:
    option = f" --container {container}" if len(task.containers) > 1 else ""
    return f"(There is no Session Manager here: chaos-ecs exec {short(task.arn)}{option} opens a shell.)"
