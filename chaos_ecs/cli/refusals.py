"""What a refusal of the API means to a learner: its code and words, and the next command. Here, and nowhere else.

The code and message are the API's own; only the hint is ours. A code without a hint of its own is sent to `ps`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from chaos_ecs.errors import ChaosEcsError

FALLBACK = "chaos-ecs ps"
_NAMING = ("serviceName", "service", "task", "taskDefinition", "family", "clusterName")

_REFUSED = " was refused"
_OURS = {
    "InjectFault": "The fault",
    "KillTasks": "The kill",
    "UndoFaults": "The end of faults",
    "DescribeFaults": "The look at faults",
    "ListFaults": "The look at faults",
    "GetController": "The look at the controller",
    "StopController": "The end of the controller",
    "GET /state": "The look at the state",
    "GET /events": "The look at the events",
}

_END_THE_FAULT = "chaos-ecs chaos undo --all"
_OLDER = "The controller was started before this fault was added: chaos-ecs controller stop, then again"
"""The CLI looks into its own catalogue first, so a controller only says so when its catalogue is another one."""
_DISENGAGE = "aws fis update-safety-lever-state --id default --state status=disengaged,reason=again"

# By the refusal's code, then by a word of its message: the first that matches is told.
_HINTS: tuple[tuple[str, str, str], ...] = (
    ("ClusterNotFoundException", "", "aws ecs create-cluster, or: chaos-ecs service up (it makes the cluster)"),
    ("ServiceNotFoundException", "", "chaos-ecs service ls"),
    ("ServiceNotActiveException", "", "chaos-ecs service up NAME --desired N"),
    ("ClientException", "TaskDefinition", "chaos-ecs run-task batch-job, or: aws ecs list-task-definition-families"),
    ("ThrottlingException", "chaos undo", _END_THE_FAULT),
    ("ServerException", "chaos undo", _END_THE_FAULT),
    ("ServiceUnavailableException", "chaos undo", _END_THE_FAULT),
    ("ServiceUnavailableException", "", "The same again in a moment; whether it is there: chaos-ecs controller status"),
    ("ConflictException", "chaos undo", "chaos-ecs chaos status, then chaos-ecs chaos undo FAULT"),
    ("ConflictException", "safety lever", _DISENGAGE),
    ("ResourceNotFoundException", "fault", "chaos-ecs chaos status --all"),
    ("ResourceNotFoundException", "Schedule group", "aws scheduler create-schedule-group --name GROUP"),
    ("ResourceNotFoundException", "Schedule ", "chaos-ecs schedule ls"),
    ("ConflictException", "Schedule ", "Another name, or first: chaos-ecs schedule rm NAME"),
    ("ValidationException", "'name' failed", "A name of letters, digits, - _ and ., 64 at most"),
    ("ValidationException", "StartDate", "Another --start: it is UTC, and before --end"),
    ("InvalidParameterException", "no service and no task", "chaos-ecs service ls"),
    ("InvalidParameterException", "memory limit", "A task definition with memory: aws ecs register-task-definition"),
    ("InvalidParameterException", "There is no fault", _OLDER),
    ("InvalidParameterException", "on this engine", "chaos-ecs chaos faults --judge"),
    ("InvalidParameterException", "only a RUNNING task", "chaos-ecs ps, and again once it runs"),
    ("ConflictException", "hook", "chaos-ecs service describe NAME (somebody was quicker)"),
    ("ClientException", "Container.image", "Give an image: --image busybox:1.36"),
    ("InvalidParameterException", "Draining", "Wait until its tasks are gone (chaos-ecs service ls), then try again"),
    ("InvalidParameterException", "No Container Instances", "chaos-ecs instance ls, then: chaos-ecs instance add"),
    ("InvalidParameterException", "Task count", "Start at most 10 tasks a call: --count 10"),
    ("InvalidParameterException", "desiredCount", "Give a count of 0 or more: --desired 3"),
    ("InvalidParameterException", "nothing to kill", "chaos-ecs ps"),
    ("InvalidParameterException", "task was not found", "chaos-ecs ps --all"),
    ("InvalidSignatureException", "", "The keys changed: chaos-ecs controller stop, then try again"),
    ("UnrecognizedClientException", "", "The keys changed: chaos-ecs controller stop, then try again"),
    ("ServerException", "", "A bug: see chaos-ecs controller status for the log"),
)

_EXIT_CODES = (
    ("ConflictException", "--force", 5),
    ("ResourceNotFoundException", "There is no fault", 3),
    ("ResourceNotFoundException", "Schedule ", 3),
    ("InvalidParameterException", "is not a signal", 2),
    ("InvalidParameterException", "no service and no task", 3),
    ("InvalidParameterException", "there is nobody to be cut off from", 3),
)


def about(members: Mapping[str, Any]) -> str:
    """What a request is about: the name that a learner typed, where there is one."""
    named = (members.get(name) for name in _NAMING)
    return next((str(value).rsplit("/", 1)[-1] for value in named if isinstance(value, str) and value), "")


def of(operation: str, status: int, body: bytes) -> ChaosEcsError:
    """The error that a command raises for an HTTP answer that is no 200. `operation` may name its object too."""
    try:
        said = json.loads(body)
        code = str(said["__type"]).rsplit("#", 1)[-1]
        message = str(said.get("message") or said.get("Message") or "")
    except (ValueError, KeyError, TypeError):
        code, message = f"HTTP-{status}", body.decode("utf-8", "replace").strip()[:500]
    return ChaosEcsError(code, f"{_asked(operation)}{_REFUSED}", message, hint(code, message), exit_code(code, message))


def _asked(operation: str) -> str:
    """What was asked for, in words: an operation of ECS by its name, which can be looked up; ours by what it does."""
    name, _, rest = operation.partition(" ")
    if rest.startswith("/experiment"):
        return "The experiment"
    return _OURS.get(operation) or _OURS.get(name) or operation


@contextmanager
def told_as(what: str) -> Iterator[None]:
    """What is refused inside is told by this name: network-latency was refused."""
    try:
        yield
    except ChaosEcsError as error:
        if not error.what.endswith(_REFUSED):
            raise
        raise ChaosEcsError(error.code, f"{what}{_REFUSED}", error.why, error.hint, error.exit_code) from error


def exit_code(code: str, message: str) -> int:
    """5 where the same command can be forced, 3 for a fault that there is none of, 2 for a word that means nothing,
    else 1."""
    return next((number for known, word, number in _EXIT_CODES if known == code and word in message), 1)


def is_busy(error: ChaosEcsError) -> bool:
    """Whether the controller had no answer in time, and asking again is right. A fault that says so is none of it."""
    return error.code in ("ServiceUnavailableException", "HTTP-503") and "chaos undo" not in error.why


def hint(code: str, message: str) -> str:
    """The next command to type."""
    return next((text for known, word, text in _HINTS if known == code and word in message), FALLBACK)


def not_found(what: str, why: str, next_command: str) -> ChaosEcsError:
    """Nothing matched: exit code 3."""
    return ChaosEcsError("E-NOT-FOUND", what, why, next_command, 3)


# --- refusals of the pure part, in this process ---


def of_the_core(error: Exception, what: str, next_command: str) -> ChaosEcsError | None:
    """A usage error in place of an EcsError; None for anything else. The CLI does not import the core, and knows such
    a one by its members."""
    code, message = getattr(error, "code", None), getattr(error, "message", None)
    if not isinstance(code, str) or not isinstance(message, str):
        return None
    return ChaosEcsError(code, what, message, next_command, 2)


@contextmanager
def as_usage(what: str, next_command: str) -> Iterator[None]:
    """What the core refuses inside is exit code 2, in four parts."""
    try:
        yield
    except Exception as error:
        told = of_the_core(error, what, next_command)
        if told is None:
            raise
        raise told from error
