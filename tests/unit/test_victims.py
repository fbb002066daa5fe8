"""Candidates, filters, pick: whom a fault hits, and that a seed repeats it."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos_ecs.chaos.victims import Selection, choose, signal_name
from chaos_ecs.core import arns
from chaos_ecs.core.errors import InvalidParameterException
from chaos_ecs.core.model import DesiredStatus, Task, TaskStatus
from tests.builders import CLUSTER, WEB, definition_arn


def a_task(number: int, **members: object) -> Task:
    defaults: dict[str, object] = {"last_status": TaskStatus.RUNNING, "service_arn": WEB, "group": "service:web"}
    return Task(
        arn=arns.task_arn(CLUSTER, f"{number:04x}{'0' * 28}"),
        cluster_arn=CLUSTER,
        task_definition_arn=definition_arn("web-server"),
        containers=(),
        number=number,
        created_at=float(number),
        **(defaults | members),  # type: ignore[arg-type]
    )


TASKS = [a_task(number) for number in range(1, 6)]
STANDALONE = a_task(6, service_arn=None)
STOPPED = a_task(7, last_status=TaskStatus.STOPPED, desired_status=DesiredStatus.STOPPED)
STOPPING = a_task(8, desired_status=DesiredStatus.STOPPED)
PENDING = a_task(9, last_status=TaskStatus.PENDING)
ALL = [*TASKS, STANDALONE, STOPPED, STOPPING, PENDING]


def numbers(selection: Selection, seed: int = 1, tasks: list[Task] = ALL) -> list[int]:
    return [task.number for task in choose(tasks, selection, Random(seed))]


def test_one_running_task_is_picked_if_nothing_is_said() -> None:
    picked = {numbers(Selection(), seed)[0] for seed in range(100)}
    assert picked == {1, 2, 3, 4, 5, 6}


def test_all_means_every_running_task() -> None:
    assert numbers(Selection(count=None)) == [1, 2, 3, 4, 5, 6]


def test_more_than_there_are_is_all_there_are() -> None:
    assert numbers(Selection(count=99)) == [1, 2, 3, 4, 5, 6]


def test_a_service_keeps_the_others_out() -> None:
    assert numbers(Selection(service_arn=WEB, count=None)) == [1, 2, 3, 4, 5]


def test_standalone_keeps_the_tasks_of_services_out() -> None:
    assert numbers(Selection(standalone=True, count=None)) == [6]


def test_nothing_that_matches_is_nobody() -> None:
    assert numbers(Selection(service_arn=arns.service_arn(CLUSTER, "other"), count=None)) == []


def test_named_tasks_are_all_meant_whatever_the_count() -> None:
    names = (TASKS[3].arn, TASKS[0].id, "0003", TASKS[0].id)
    assert numbers(Selection(tasks=names, count=1)) == [1, 3, 4]


@pytest.mark.parametrize(
    ("task", "said"),
    [(STOPPED, "is STOPPED"), (PENDING, "is PENDING"), (STOPPING, "is RUNNING and its desired status is STOPPED")],
)
def test_a_named_task_that_does_not_run_is_refused_with_its_state(task: Task, said: str) -> None:
    with pytest.raises(InvalidParameterException, match=said):
        numbers(Selection(tasks=(task.id,)))


@pytest.mark.parametrize(
    "name",
    ["ffff", "000", "web", "", "0001" + "1" * 28, f"arn:aws:ecs:eu-west-1:123456789012:task/my-cluster/{TASKS[0].id}"],
)
def test_a_name_that_means_no_task_is_refused(name: str) -> None:
    with pytest.raises(InvalidParameterException, match="The referenced task was not found"):
        numbers(Selection(tasks=(name,)))


def test_digits_that_could_mean_several_tasks_are_refused_and_the_tasks_named() -> None:
    twins = [replace(TASKS[0], arn=arns.task_arn(CLUSTER, "abcd" + digit * 28)) for digit in "12"]
    with pytest.raises(InvalidParameterException, match="any of 2 tasks .abcd11111111, abcd22222222.: give more"):
        numbers(Selection(tasks=("abcd",)), tasks=twins)


@given(seed=st.integers(0, 2**31 - 1), count=st.integers(1, 6), rotation=st.integers(0, 8))
def test_a_seed_repeats_the_pick_in_whatever_order_the_tasks_come(seed: int, count: int, rotation: int) -> None:
    wanted = Selection(count=count)
    picked = numbers(wanted, seed)
    assert len(picked) == count
    assert picked == sorted(picked)
    assert picked == numbers(wanted, seed, ALL[rotation:] + ALL[:rotation])


@pytest.mark.parametrize("text", ["KILL", "SIGKILL", "sigkill", "9", " kill "])
def test_a_signal_is_known_by_name_and_number(text: str) -> None:
    assert signal_name(text) == "SIGKILL"


@pytest.mark.parametrize("text", ["", "SIG", "BANANA", "99", "-9", "SIGSIGKILL"])
def test_an_unusual_signal_is_refused(text: str) -> None:
    with pytest.raises(InvalidParameterException, match="is not a signal"):
        signal_name(text)
