"""Task scale-in protection: API_UpdateTaskProtection, API_GetTaskProtection."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

from chaos_ecs.api import identifiers
from chaos_ecs.api.call import Call, then
from chaos_ecs.api.operations.members import identifiers_of, missing
from chaos_ecs.core import messages as m
from chaos_ecs.core import rollout_messages as r
from chaos_ecs.core.errors import InvalidParameterException
from chaos_ecs.core.model import Task
from chaos_ecs.core.service_checks import can_be_protected, is_blocked_by_protection, is_protected
from chaos_ecs.core.state import State

UPDATE_LIMIT = 10
GET_LIMIT = 100
DEFAULT_MINUTES = 120
LONGEST_MINUTES = 2880

_NO_SERVICE_TASK = "Only a running task of a service can be protected."
_BLOCKED = (
    "Protected tasks keep a deployment of the service from its end. Unprotect them, or wait until their protection "
    "expires."
)

_Answer = Future[dict[str, Any]]
_Sorted = tuple[list[str], list[dict[str, str]]]


def update_task_protection(call: Call) -> _Answer:
    """The tasks that are protected now, or not any more, and a failure for each that cannot be: looks between two steps
    at which may be, and protects those in the next one. Raises ClusterNotFoundException and InvalidParameterException
    (API_UpdateTaskProtection)."""
    params = call.params
    named = identifiers_of(params, "tasks", UPDATE_LIMIT)
    if not named:
        raise InvalidParameterException("Tasks cannot be empty.")
    enabled = params["protectionEnabled"]
    minutes = params.get("expiresInMinutes", DEFAULT_MINUTES)
    if not 1 <= minutes <= LONGEST_MINUTES:
        raise InvalidParameterException(f"expiresInMinutes must be between 1 and {LONGEST_MINUTES}.")

    def look(state: State, now: float) -> _Sorted:
        return _sorted_out(state, _cluster(call, state), named, now, protecting=enabled)

    def protect(looked: _Sorted) -> _Answer:
        arns, failures = looked

        def build(state: State) -> r.SetTaskProtection | None:
            still = tuple(arn for arn in arns if arn in state.tasks)
            return r.SetTaskProtection(still, enabled, minutes) if still else None

        def answer(state: State, now: float, events: tuple[m.Event, ...]) -> dict[str, Any]:
            tasks = [state.tasks[arn] for arn in arns if arn in state.tasks]
            return {"protectedTasks": [_protection(task, now) for task in tasks], "failures": failures}

        return call.request(build, answer)

    return then(call.ask(look), protect)


def get_task_protection(call: Call) -> _Answer:
    """The protection of the tasks named, or else of the first hundred that the cluster's services have. Raises
    ClusterNotFoundException and InvalidParameterException (API_GetTaskProtection)."""
    named = identifiers_of(call.params, "tasks", GET_LIMIT)

    def answer(state: State, now: float) -> dict[str, Any]:
        cluster = _cluster(call, state)
        wanted = named or [task.arn for task in state.tasks_in(cluster) if can_be_protected(task)][:GET_LIMIT]
        arns, failures = _sorted_out(state, cluster, wanted, now, protecting=False)
        return {"protectedTasks": [_protection(state.tasks[arn], now) for arn in arns], "failures": failures}

    return call.ask(answer)


def _cluster(call: Call, state: State) -> str:
    return identifiers.known_cluster(state, call.region, call.params["cluster"])


def _sorted_out(state: State, cluster: str, named: Sequence[str], now: float, *, protecting: bool) -> _Sorted:
    """Which tasks it can be done to, and why not to the others (API failure reasons)."""
    arns, failures = [], []
    for name in named:
        task = identifiers.find_task(state, cluster, name)
        if task is None:
            failures.append(missing(identifiers.task_arn(cluster, name)))
        elif not can_be_protected(task):
            failures.append({"arn": task.arn, "reason": "TASK_NOT_VALID", "detail": _NO_SERVICE_TASK})
        elif protecting and _is_blocked(state, task, now):
            failures.append({"arn": task.arn, "reason": "DEPLOYMENT_BLOCKED", "detail": _BLOCKED})
        else:
            arns.append(task.arn)
    return arns, failures


def _is_blocked(state: State, task: Task, now: float) -> bool:
    """A task that is protected may have its time extended: that blocks nothing new."""
    service = state.services.get(task.service_arn or "")
    return service is not None and not is_protected(task, now) and is_blocked_by_protection(state, service, now)


def _protection(task: Task, now: float) -> dict[str, Any]:
    protected = is_protected(task, now)
    return {
        "taskArn": task.arn,
        "protectionEnabled": protected,
        "expirationDate": task.protected_until if protected else None,
    }
