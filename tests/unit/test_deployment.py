"""Rolling limits and the next moves of a service, by the examples of API_DeploymentConfiguration."""

from __future__ import annotations

import pytest

from chaos_ecs.core.deployment import is_steady, lower_limit, moves, upper_limit
from chaos_ecs.core.model import (
    Deployment,
    DeploymentConfiguration,
    DeploymentStatus,
    DesiredStatus,
    Service,
    Task,
    TaskStatus,
)

NEW, OLD = "ecs-svc/2", "ecs-svc/1"


def service(desired: int, minimum: int = 100, maximum: int = 200, deployments: tuple[str, ...] = (NEW,)) -> Service:
    made = tuple(Deployment(id_, DeploymentStatus.PRIMARY, "web:1", 0.0, 0.0) for id_ in deployments)
    return Service(
        "arn",
        "web",
        "cluster",
        desired,
        "web:1",
        made,
        0.0,
        deployment_configuration=DeploymentConfiguration(minimum, maximum),
    )


def tasks(*kinds: tuple[str, TaskStatus]) -> list[Task]:
    return [
        Task(
            f"task/{number}", "cluster", "web:1", "service:web", (), number, 0.0, last_status=status, deployment_id=id_
        )
        for number, (id_, status) in enumerate(kinds)
    ]


def running(deployment: str, count: int) -> list[tuple[str, TaskStatus]]:
    return [(deployment, TaskStatus.RUNNING)] * count


@pytest.mark.parametrize(
    ("desired", "minimum", "maximum", "lower", "upper"),
    [(4, 100, 200, 4, 8), (4, 50, 100, 2, 4), (2, 75, 100, 2, 2), (3, 100, 125, 3, 3), (1, 100, 200, 1, 2)],
)
def test_the_lower_limit_is_rounded_up_and_the_upper_one_down(
    desired: int, minimum: int, maximum: int, lower: int, upper: int
) -> None:
    subject = service(desired, minimum, maximum)
    assert (lower_limit(subject), upper_limit(subject)) == (lower, upper)


def test_what_is_missing_is_started() -> None:
    assert moves(service(3), tasks(*running(NEW, 2))).start == 1


def test_at_most_ten_tasks_are_started_in_one_go() -> None:
    assert moves(service(50), []).start == 10


def test_no_more_than_twenty_tasks_of_a_service_wait_for_their_start() -> None:
    waiting = [(NEW, TaskStatus.PENDING)]
    assert moves(service(50), tasks(*waiting * 15)).start == 5
    assert moves(service(50), tasks(*waiting * 20)).start == 0
    assert moves(service(50), tasks(*waiting * 19, *running(NEW, 20))).start == 1


def test_scaling_in_takes_what_does_not_run_yet_first_and_then_the_youngest() -> None:
    there = tasks(
        (NEW, TaskStatus.RUNNING), (NEW, TaskStatus.RUNNING), (NEW, TaskStatus.PENDING), (NEW, TaskStatus.RUNNING)
    )
    assert [task.number for task in moves(service(2), there).surplus] == [2, 3]


def test_at_100_and_200_percent_all_new_tasks_start_before_an_old_one_stops() -> None:
    subject = service(4, deployments=(NEW, OLD))
    assert moves(subject, tasks(*running(OLD, 4))).start == 4
    assert moves(subject, tasks(*running(OLD, 4))).replaced == ()
    both = tasks(*running(OLD, 4), *running(NEW, 4))
    assert [task.number for task in moves(subject, both).replaced] == [0, 1, 2, 3]


def test_at_50_and_100_percent_two_old_tasks_stop_before_two_new_ones_start() -> None:
    subject = service(4, 50, 100, deployments=(NEW, OLD))
    first = moves(subject, tasks(*running(OLD, 4)))
    assert (first.start, len(first.replaced)) == (0, 2)
    assert moves(subject, tasks(*running(OLD, 2))).start == 2


def test_limits_that_leave_no_move_make_none() -> None:
    stuck = moves(service(3, 100, 125, deployments=(NEW, OLD)), tasks(*running(OLD, 3)))
    assert (stuck.start, stuck.replaced) == (0, ())


def test_an_old_task_that_serves_nobody_goes_at_once() -> None:
    there = tasks((OLD, TaskStatus.PENDING), *running(OLD, 3))
    assert [task.number for task in moves(service(4, deployments=(NEW, OLD)), there).replaced] == [0]


def test_a_service_is_steady_only_when_as_many_run_as_are_desired() -> None:
    assert is_steady(service(2), tasks(*running(NEW, 2)))
    assert not is_steady(service(2), tasks(*running(NEW, 1), (NEW, TaskStatus.PENDING)))
    assert not is_steady(service(1), tasks(*running(NEW, 2)))
    assert not is_steady(service(1), tasks(*running(OLD, 1)))


def test_a_task_that_is_still_stopping_does_not_keep_a_service_from_its_steady_state() -> None:
    stopping = Task(
        "task/9", "cluster", "web:1", "g", (), 9, 0.0, DesiredStatus.STOPPED, TaskStatus.STOPPING, deployment_id=NEW
    )
    assert is_steady(service(1), [*tasks(*running(NEW, 1)), stopping])
