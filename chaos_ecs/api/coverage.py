"""Which member of which operation is honoured, kept, dropped or refused: `COVERAGE.md` is made of this and the model.

`python -m chaos_ecs.api.coverage` writes the page anew; a test says when that is due, and asks every operation whether
it reads what it is said to honour.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from chaos_ecs.api import protocol
from chaos_ecs.api.definition_members import TABLE, Standing
from chaos_ecs.api.operations import ECS_OPERATIONS
from chaos_ecs.api.operations.service_members import ACTED_ON, MODELLED, NOT_RETURNED

PAGE = Path(__file__).parents[1] / "COVERAGE.md"

_HEAD = """# What of ECS's API is here

Made by `python -m chaos_ecs.api.coverage` from the operations' table, that of a task definition's members, and
botocore's model. First every operation with its top-level members, then those of a task definition and of its
containers, volumes and overrides.

*Honoured*: checked and acted on. *Kept*: stored and returned by Describe, nothing here acts on it. *Dropped*: its form
is checked, so that tools go on working, and it is neither acted on nor returned. *Refused*: answered with an error that
names it. A member that the model of this botocore does not have is dropped with a line in the log.

| Operation | Honoured | Kept | Dropped | Refused |
|---|---|---|---|---|
"""
_MEMBERS = """
## The members of a task definition

What is kept is named in an event when it is registered, or when it is said in the overrides of RunTask, with the words
that stand here behind it.

| Shape | Honoured | Kept | Refused |
|---|---|---|---|
"""
_TAIL = """
## What is not there

Operations that answer 501 `NotImplementedException` and are named in it:

"""


@dataclass(frozen=True, slots=True)
class Told:
    """Members that are not simply honoured. `refused` has the values that are, or "" for the whole member."""

    kept: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)
    always_refuses: str = ""  # the error that the operation always ends with; then its members are only checked


_NO_TASK_SETS = Told(always_refuses="InvalidParameterException: no service here has an external deployment controller")
_NO_INSTANCES = Told(always_refuses="TargetNotFoundException: there are no container instances")
_NO_AGENTS = "serves no ECS agents"

COVERAGE: Mapping[str, Told] = {
    "CreateCluster": Told(kept=("settings", "configuration")),
    "UpdateCluster": Told(kept=("settings", "configuration")),
    "UpdateClusterSettings": Told(kept=("settings",)),
    "CreateCapacityProvider": Told(always_refuses="UnsupportedFeatureException: FARGATE and FARGATE_SPOT are there"),
    "UpdateCapacityProvider": Told(always_refuses="InvalidParameterException: nobody can have made one"),
    "DeleteCapacityProvider": Told(always_refuses="ClientException: nobody can have made one"),
    "RegisterTaskDefinition": Told(
        refused={"containerDefinitions": "firelensConfiguration, awsfirelens", "runtimePlatform": "Windows"},
    ),
    "CreateService": Told(
        dropped=("clientToken",),  # the same input again is answered as it is, with a token or without
        refused={"schedulingStrategy": "DAEMON", "deploymentController": "CODE_DEPLOY, EXTERNAL"},
    ),
    "UpdateService": Told(refused={"deploymentController": "CODE_DEPLOY, EXTERNAL"}),
    "StopServiceDeployment": Told(refused={"stopType": "ABORT"}),
    "CreateTaskSet": _NO_TASK_SETS,
    "DescribeTaskSets": _NO_TASK_SETS,
    "UpdateTaskSet": _NO_TASK_SETS,
    "DeleteTaskSet": _NO_TASK_SETS,
    "UpdateServicePrimaryTaskSet": _NO_TASK_SETS,
    "RunTask": Told(
        kept=("enableExecuteCommand", "networkConfiguration"),
        dropped=(
            "placementConstraints",
            "placementStrategy",
            "referenceId",
            "volumeConfigurations",
        ),
    ),
    "StartTask": Told(
        dropped=(
            "enableECSManagedTags",
            "enableExecuteCommand",
            "group",
            "networkConfiguration",
            "overrides",
            "propagateTags",
            "referenceId",
            "startedBy",
            "tags",
            "volumeConfigurations",
        )
    ),
    "ExecuteCommand": Told(always_refuses="InvalidParameterException or TargetNotConnectedException: chaos-ecs exec"),
    "ListContainerInstances": Told(dropped=("filter", "status")),
    "DescribeContainerInstances": Told(dropped=("include",)),
    "RegisterContainerInstance": Told(always_refuses=f"ClientException: chaos-ecs {_NO_AGENTS}"),
    "DeregisterContainerInstance": Told(always_refuses="InvalidParameterException: not found"),
    "UpdateContainerAgent": Told(always_refuses="NoUpdateAvailableException"),
    "DiscoverPollEndpoint": Told(dropped=("containerInstance", "cluster")),
    "PutAttributes": _NO_INSTANCES,
    "DeleteAttributes": _NO_INSTANCES,
}


def members_of(operation: str) -> list[str]:
    """The members of an operation's input, as the model has them."""
    return list(protocol.ecs().members_of(operation))


def kept_by(operation: str) -> tuple[str, ...]:
    """Of the services' operations and of a task definition the code itself says it."""
    if operation == "RegisterTaskDefinition":
        table = TABLE["TaskDefinition"]
        return tuple(name for name in members_of(operation) if table[name].standing is Standing.STORED)
    if operation in ("CreateService", "UpdateService"):
        acted_on = MODELLED | ACTED_ON | NOT_RETURNED
        return tuple(name for name in members_of(operation) if name not in acted_on)
    return COVERAGE.get(operation, Told()).kept


def dropped_by(operation: str) -> tuple[str, ...]:
    told = COVERAGE.get(operation, Told()).dropped
    if operation in ("CreateService", "UpdateService"):
        return tuple(name for name in members_of(operation) if name in NOT_RETURNED or name in told)
    return told


def honoured_by(operation: str) -> tuple[str, ...]:
    """All that is neither kept only, nor dropped, nor refused as a whole."""
    told = COVERAGE.get(operation, Told())
    whole = [name for name, values in told.refused.items() if not values]
    others = (*kept_by(operation), *dropped_by(operation), *whole)
    return () if told.always_refuses else tuple(name for name in members_of(operation) if name not in others)


def page() -> str:
    """The whole page."""
    rows = "".join(_row(operation) for operation in ECS_OPERATIONS)
    absent = [f"`{name}`" for name in sorted(protocol.ecs().operation_names - ECS_OPERATIONS.keys())]
    shapes = "".join(_shape_row(shape) for shape in TABLE)
    return f"{_HEAD}{rows}{_MEMBERS}{shapes}{_TAIL}{', '.join(absent)}.\n"


def _row(operation: str) -> str:
    told = COVERAGE.get(operation, Told())
    if told.always_refuses:
        return f"| `{operation}` | - | - | - | always: {told.always_refuses} |\n"
    refused = [f"`{name}`" + (f" ({values})" if values else "") for name, values in told.refused.items()]
    groups = (honoured_by(operation), kept_by(operation), dropped_by(operation))
    cells = [", ".join(f"`{name}`" for name in group) or "-" for group in groups]
    return f"| `{operation}` | {' | '.join(cells)} | {', '.join(refused) or '-'} |\n"


def _shape_row(shape: str) -> str:
    cells = []
    for standing in Standing:
        found = [(name, member.words) for name, member in TABLE[shape].items() if member.standing is standing]
        cells.append(", ".join(f"`{name}`" + (f" ({words})" if words else "") for name, words in found) or "-")
    return f"| `{shape}` | {' | '.join(cells)} |\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
