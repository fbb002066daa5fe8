"""Which member of which operation is honoured, kept, dropped or refused: `COVERAGE.md` is made of this and the model.

`python -m chaos_ecs.api.coverage` writes the page anew; a test says when that is due, and asks every operation whether
it reads what it is said to honour. Both look at what the page's own botocore had: a newer one may have more, and does
not make the page wrong.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import botocore

from chaos_ecs.api import protocol
from chaos_ecs.api.definition_members import TABLE, Standing
from chaos_ecs.api.operations import ECS_OPERATIONS
from chaos_ecs.api.operations.service_members import ACTED_ON, KEPT, MODELLED

PAGE = Path(__file__).parents[1] / "COVERAGE.md"

Known = Mapping[str, tuple[str, ...]]
"""Operations of ECS, each with the members of its input, in the model's order."""

_HEAD = """# What of ECS's API is here

{here} of {all} operations are here, {refusing} answer only with ECS's own refusal, {absent} answer 501.

Made by `python -m chaos_ecs.api.coverage` from the operations' table, that of a task definition's members, and the
model of botocore {version}. First every operation with its top-level members, then those of a task definition and of
its containers, volumes and overrides.

*Honoured*: checked and acted on. *Kept*: checked, stored and returned by Describe, and no task runs otherwise for it.
*Dropped*: its form is checked, so that tools go on working, and it is neither acted on nor returned. *Refused*:
answered with an error that names it. A member that this botocore's model does not have is dropped with a line in the
log.

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

COVERAGE: Mapping[str, Told] = {
    "CreateCluster": Told(kept=("settings", "configuration")),
    "UpdateCluster": Told(kept=("settings", "configuration")),
    "UpdateClusterSettings": Told(kept=("settings",)),
    "CreateCapacityProvider": Told(
        kept=("autoScalingGroupProvider",),
        refused={"cluster": "", "managedInstancesProvider": ""},
    ),
    "UpdateCapacityProvider": Told(
        kept=("autoScalingGroupProvider",), dropped=("cluster",), refused={"managedInstancesProvider": ""}
    ),
    "DeleteCapacityProvider": Told(dropped=("cluster",)),
    "RegisterTaskDefinition": Told(
        refused={"containerDefinitions": "firelensConfiguration, awsfirelens", "runtimePlatform": "Windows"},
    ),
    "CreateService": Told(
        dropped=("clientToken",),  # the same input again is answered as it is, with a token or without
        refused={"deploymentController": "CODE_DEPLOY, EXTERNAL"},
    ),
    "UpdateService": Told(refused={"deploymentController": "CODE_DEPLOY, EXTERNAL"}),
    "StopServiceDeployment": Told(refused={"stopType": "ABORT"}),
    "CreateTaskSet": _NO_TASK_SETS,
    "DescribeTaskSets": _NO_TASK_SETS,
    "UpdateTaskSet": _NO_TASK_SETS,
    "DeleteTaskSet": _NO_TASK_SETS,
    "UpdateServicePrimaryTaskSet": _NO_TASK_SETS,
    "RunTask": Told(
        dropped=(
            "referenceId",
            "volumeConfigurations",
        ),
    ),
    "StartTask": Told(dropped=("referenceId", "volumeConfigurations")),
    "ExecuteCommand": Told(always_refuses="InvalidParameterException or TargetNotConnectedException: chaos-ecs exec"),
    "RegisterContainerInstance": Told(always_refuses="ClientException: chaos-ecs instance add"),
    "UpdateContainerAgent": Told(always_refuses="NoUpdateAvailableException: there are no agents"),
    "DiscoverPollEndpoint": Told(dropped=("containerInstance", "cluster")),
}


def installed() -> Known:
    """What the model of the installed botocore has."""
    return {name: protocol.ecs().members_of(name) for name in sorted(protocol.ecs().operation_names)}


def named_on(page: str, model: Known) -> Known:
    """What of a model is named on a page: the rest came with a newer botocore. An operation that always refuses has no
    members on its row."""
    rows = {row[1]: row[0] for row in re.finditer(r"^\| `(\w+)` \|.*$", page, re.MULTILINE)}
    named = {*rows, *re.findall(r"`(\w+)`", page.partition(_TAIL)[2])}
    return {
        name: tuple(member for member in members if f"`{member}`" in rows.get(name, ""))
        for name, members in model.items()
        if name in named
    }


def version_of(page: str) -> str:
    """The version of botocore that a page was made with; empty where it does not say."""
    found = re.search(r"botocore ([\d.]+\d)", page)
    return found[1] if found else ""


def is_current(page: str, model: Known) -> bool:
    """Whether a page says what the code says, as far as its own botocore knew."""
    return page == page_of(named_on(page, model), version_of(page))


def kept_by(operation: str, members: tuple[str, ...]) -> tuple[str, ...]:
    """Of the services' operations and of a task definition the code itself says it."""
    if operation == "RegisterTaskDefinition":
        table = TABLE["TaskDefinition"]
        return tuple(name for name in members if name in table and table[name].standing is Standing.STORED)
    if operation in ("CreateService", "UpdateService"):
        return tuple(name for name in members if name in KEPT)
    return COVERAGE.get(operation, Told()).kept


def dropped_by(operation: str, members: tuple[str, ...]) -> tuple[str, ...]:
    told = COVERAGE.get(operation, Told()).dropped
    if operation in ("CreateService", "UpdateService"):
        return tuple(name for name in members if name in told or name not in MODELLED | ACTED_ON | KEPT)
    return told


def honoured_by(operation: str, members: tuple[str, ...]) -> tuple[str, ...]:
    """All that is neither kept only, nor dropped, nor refused as a whole."""
    told = COVERAGE.get(operation, Told())
    whole = [name for name, values in told.refused.items() if not values]
    others = (*kept_by(operation, members), *dropped_by(operation, members), *whole)
    return () if told.always_refuses else tuple(name for name in members if name not in others)


def page_of(known: Known, version: str) -> str:
    """The whole page."""
    absent = sorted(known.keys() - ECS_OPERATIONS.keys())
    refusing = sum(1 for told in COVERAGE.values() if told.always_refuses)
    head = _HEAD.format(
        here=len(ECS_OPERATIONS) - refusing, all=len(known), refusing=refusing, absent=len(absent), version=version
    )
    rows = "".join(_row(operation, known.get(operation, ())) for operation in ECS_OPERATIONS)
    shapes = "".join(_shape_row(shape) for shape in TABLE)
    return f"{head}{rows}{_MEMBERS}{shapes}{_TAIL}{', '.join(f'`{name}`' for name in absent)}.\n"


def _row(operation: str, members: tuple[str, ...]) -> str:
    told = COVERAGE.get(operation, Told())
    if told.always_refuses:
        return f"| `{operation}` | - | - | - | always: {told.always_refuses} |\n"
    refused = [f"`{name}`" + (f" ({values})" if values else "") for name, values in told.refused.items()]
    groups = (honoured_by(operation, members), kept_by(operation, members), dropped_by(operation, members))
    cells = [", ".join(f"`{name}`" for name in group) or "-" for group in groups]
    return f"| `{operation}` | {' | '.join(cells)} | {', '.join(refused) or '-'} |\n"


def _shape_row(shape: str) -> str:
    cells = []
    for standing in Standing:
        found = [(name, member.words) for name, member in TABLE[shape].items() if member.standing is standing]
        cells.append(", ".join(f"`{name}`" + (f" ({words})" if words else "") for name, words in found) or "-")
    return f"| `{shape}` | {' | '.join(cells)} |\n"


if __name__ == "__main__":
    PAGE.write_text(page_of(installed(), botocore.__version__), encoding="utf-8")
