"""The end of old revisions: API_DeleteTaskDefinitions."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

from chaos_ecs.api import identifiers
from chaos_ecs.api.call import Call, then
from chaos_ecs.api.operations.members import identifiers_of
from chaos_ecs.api.views import task_definition_view
from chaos_ecs.core import messages as m
from chaos_ecs.core import resource_messages as a
from chaos_ecs.core.arns import family_arn
from chaos_ecs.core.errors import InvalidParameterException
from chaos_ecs.core.state import State

DELETE_LIMIT = 10

INVALID = "The specified task definition identifier is invalid. Specify a valid name or ARN and try again."
UNKNOWN = "The specified task definition does not exist. Specify a valid account, family, revision and try again."
STILL_ACTIVE = "The specified task definition is still in ACTIVE status. Please deregister the target and try again."

_Answer = Future[dict[str, Any]]
_Sorted = tuple[tuple[str, ...], list[dict[str, str]]]


def delete_task_definitions(call: Call) -> _Answer:
    """The revisions, DELETE_IN_PROGRESS, and a failure for each that is ACTIVE or not there. Raises
    InvalidParameterException (API_DeleteTaskDefinitions)."""
    named = identifiers_of(call.params, "taskDefinitions", DELETE_LIMIT)
    if not named:
        raise InvalidParameterException("Task definitions cannot be empty.")

    def delete(looked: _Sorted) -> _Answer:
        arns, failures = looked

        def answer(state: State, now: float, events: tuple[m.Event, ...]) -> dict[str, Any]:
            found = [task_definition_view(state.task_definitions[arn]) for arn in arns]
            return {"taskDefinitions": found, "failures": failures}

        return call.request(lambda state: a.DeleteTaskDefinitions(arns) if arns else None, answer)

    return then(call.ask(lambda state, now: _sorted_out(state, call.region, named)), delete)


def _sorted_out(state: State, region: str, named: list[str]) -> _Sorted:
    arns, failures = [], []
    for name in named:
        arn = _arn_of(region, name)
        definition = state.task_definitions.get(arn or "")
        if arn is None:
            failures.append({"arn": name, "reason": INVALID})
        elif definition is None:
            failures.append({"arn": name, "reason": UNKNOWN})
        elif definition.status == "ACTIVE":
            failures.append({"arn": name, "reason": STILL_ACTIVE})
        else:
            arns.append(arn)
    return tuple(dict.fromkeys(arns)), failures


def _arn_of(region: str, name: str) -> str | None:
    """None for what names no revision of this region."""
    try:
        revision = identifiers.family_revision(region, name)
    except InvalidParameterException:
        return None
    if revision.revision is None:
        return None
    return f"{family_arn(region, revision.family)}:{revision.revision}"
