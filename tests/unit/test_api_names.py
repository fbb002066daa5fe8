"""Wherever ECS takes a name it takes the ARN too, and the other way round: one test for every operation."""

from __future__ import annotations

from typing import Any

import pytest

from chaos_ecs.api.operations import ECS_OPERATIONS
from tests.unit.api_harness import CLUSTER, Harness
from tests.unit.ecs_examples import SMALLEST, filled_in, with_everything
from tests.unit.service_calls import ARN

_KINDS = {
    "cluster": "cluster/{}",
    "clusters": "cluster/{}",
    "service": f"service/{CLUSTER}/{{}}",
    "services": f"service/{CLUSTER}/{{}}",
    "taskDefinition": "task-definition/{}",
    "taskDefinitions": "task-definition/{}",
    "capacityProvider": "capacity-provider/{}",
    "task": f"task/{CLUSTER}/{{}}",
    "tasks": f"task/{CLUSTER}/{{}}",
    "containerInstance": f"container-instance/{CLUSTER}/{{}}",
    "containerInstances": f"container-instance/{CLUSTER}/{{}}",
}


def turned(member: str, value: Any) -> Any:
    """A name as its ARN, an ARN as its name."""
    if isinstance(value, list):
        return [turned(member, item) for item in value]
    if value.startswith("arn:"):
        return value.rsplit("/", 1)[1]
    return ARN + _KINDS[member].format(value)


def outcome(api: Harness, operation: str, params: dict[str, Any]) -> tuple[int, Any, set[str]]:
    """What tells two answers apart that ought to be the same: ids and times do not."""
    status, body = api.call(operation, params)
    return status, body.get("__type"), set(body)


@pytest.mark.parametrize(
    ("operation", "member"),
    [(name, member) for name in ECS_OPERATIONS for member in SMALLEST[name] if member in _KINDS],
)
def test_a_name_and_an_arn_mean_the_same(operation: str, member: str) -> None:
    first, second = with_everything(), with_everything()
    said = filled_in(SMALLEST[operation], first)
    other = {**said, member: turned(member, said[member])}
    assert said != other
    assert outcome(first, operation, said) == outcome(second, operation, other)


def test_services_and_tasks_are_known_by_their_old_short_arns_too() -> None:
    api = with_everything()
    ecs = api.client()
    task = next(iter(api.simulation.state.tasks)).rsplit("/", 1)[1]
    assert ecs.describe_services(cluster=CLUSTER, services=[f"{ARN}service/web"])["failures"] == []
    assert ecs.describe_tasks(cluster=CLUSTER, tasks=[f"{ARN}task/{task}"])["failures"] == []
