"""Rolling limits and the next moves of a service, by the examples of API_DeploymentConfiguration."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chaos_ecs.core.deploying import Deployment, DeploymentConfiguration, DeploymentStatus, RolloutState
from chaos_ecs.core.deployment import Moves, Rollout, breaker_threshold, lower_limit, upper_limit
from chaos_ecs.core.health import TaskHealth
from chaos_ecs.core.model import DesiredStatus, Service, Task, TaskStatus

NEW, OLD = "ecs-svc/2", "ecs-svc/1"


def service(desired: int, minimum: int = 100, maximum: int = 200, deployments: tuple[str, ...] = (NEW,)) -> Service:
    made = tuple(
        Deployment(id_, DeploymentStatus.PRIMARY, "web:1", 0.0, 0.0, desired_count=desired, was_completed=id_ == OLD)
        for id_ in deployments
    )
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


def rollout(subject: Service, there: list[Task], unhealthy: tuple[int, ...] = ()) -> Rollout:
    """Whose number is in `unhealthy` is so; all others are healthy as soon as they run."""

    def health(task: Task) -> TaskHealth:
        if task.number in unhealthy:
            return TaskHealth.UNHEALTHY
        return TaskHealth.HEALTHY if task.is_running else TaskHealth.PENDING

    return Rollout(subject, there, health, now=100.0)


def moves(subject: Service, there: list[Task], unhealthy: tuple[int, ...] = ()) -> Moves:
    return rollout(subject, there, unhealthy).moves()


def is_steady(subject: Service, there: list[Task]) -> bool:
    return rollout(subject, there).is_steady


def numbers(found: tuple[Task, ...]) -> list[int]:
    return [task.number for task in found]


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
    assert moves(service(3), tasks(*running(NEW, 2))).start(NEW) == 1


def test_at_most_ten_tasks_are_started_in_one_go() -> None:
    assert moves(service(50), []).start(NEW) == 10


def test_no_more_than_twenty_tasks_of_a_service_wait_for_their_start() -> None:
    waiting = [(NEW, TaskStatus.PENDING)]
    assert moves(service(50), tasks(*waiting * 15)).start(NEW) == 5
    assert moves(service(50), tasks(*waiting * 20)).start(NEW) == 0
    assert moves(service(50), tasks(*waiting * 19, *running(NEW, 20))).start(NEW) == 1


def test_scaling_in_takes_what_does_not_run_yet_first_and_then_the_youngest() -> None:
    there = tasks(
        (NEW, TaskStatus.RUNNING), (NEW, TaskStatus.RUNNING), (NEW, TaskStatus.PENDING), (NEW, TaskStatus.RUNNING)
    )
    assert [task.number for task in moves(service(2), there).surplus] == [2, 3]


def test_at_100_and_200_percent_all_new_tasks_start_before_an_old_one_stops() -> None:
    subject = service(4, deployments=(NEW, OLD))
    assert moves(subject, tasks(*running(OLD, 4))).start(NEW) == 4
    assert moves(subject, tasks(*running(OLD, 4))).replaced == ()
    both = tasks(*running(OLD, 4), *running(NEW, 4))
    assert [task.number for task in moves(subject, both).replaced] == [0, 1, 2, 3]


def test_at_50_and_100_percent_two_old_tasks_stop_before_two_new_ones_start() -> None:
    subject = service(4, 50, 100, deployments=(NEW, OLD))
    first = moves(subject, tasks(*running(OLD, 4)))
    assert (first.start(NEW), len(first.replaced)) == (0, 2)
    half = replace(subject, deployments=(subject.primary, replace(subject.deployments[1], desired_count=2)))
    assert moves(half, tasks(*running(OLD, 2))).starts == ((NEW, 2),)


def test_limits_that_leave_no_move_make_none() -> None:
    stuck = moves(service(3, 100, 125, deployments=(NEW, OLD)), tasks(*running(OLD, 3)))
    assert (stuck.starts, stuck.replaced, stuck.stuck) == ((), (), True)


OVERTAKEN = "ecs-svc/0"


def test_a_task_of_a_deployment_that_was_overtaken_goes_at_once_unless_it_serves() -> None:
    there = tasks((OVERTAKEN, TaskStatus.PENDING), *running(OLD, 3), (OVERTAKEN, TaskStatus.RUNNING))
    assert numbers(moves(service(4, deployments=(NEW, OVERTAKEN, OLD)), there).replaced) == [0]


def test_what_died_of_the_known_version_is_replaced_by_its_own_until_the_new_one_serves() -> None:
    subject = service(3, deployments=(NEW, OLD))
    there = tasks(*running(OLD, 2), *[(NEW, TaskStatus.PENDING)] * 3)
    assert moves(subject, there).starts == ((OLD, 1),)
    there = tasks(*running(OLD, 2), (OLD, TaskStatus.PENDING), *[(NEW, TaskStatus.PENDING)] * 3)
    assert moves(subject, there) == Moves()
    there = tasks(*running(OLD, 2), (OLD, TaskStatus.PENDING), *running(NEW, 3))
    assert sorted(numbers(moves(subject, there).replaced)) == [0, 1, 2]


def test_where_there_is_little_room_the_new_version_gets_it() -> None:
    subject = service(2, 50, 100, deployments=(NEW, OLD))
    assert moves(subject, tasks(*running(OLD, 1))).starts == ((NEW, 1),)


def test_an_unhealthy_task_is_replaced_before_it_stops() -> None:
    subject = service(3)
    assert moves(subject, tasks(*running(NEW, 3)), unhealthy=(1,)).starts == ((NEW, 1),)
    waiting = tasks(*running(NEW, 3), (NEW, TaskStatus.PENDING))
    assert moves(subject, waiting, unhealthy=(1,)) == Moves()
    assert numbers(moves(subject, tasks(*running(NEW, 4)), unhealthy=(1,)).unhealthy) == [1]


def test_when_the_replacement_is_unhealthy_too_one_of_them_stops_and_another_is_started() -> None:
    found = moves(service(3), tasks(*running(NEW, 4)), unhealthy=(1, 3))
    assert (numbers(found.unhealthy), found.starts) == ([1], ((NEW, 1),))


def test_without_room_for_a_replacement_one_unhealthy_task_at_a_time_stops_first() -> None:
    found = moves(service(3, 50, 100), tasks(*running(NEW, 3)), unhealthy=(0, 1))
    assert (numbers(found.unhealthy), found.starts) == ([0], ())
    assert moves(service(3, 50, 100), tasks(*running(NEW, 2)), unhealthy=(1,)).starts == ((NEW, 1),)


def test_a_failed_deployment_starts_nothing_and_takes_nothing_from_the_one_that_serves() -> None:
    subject = service(3, deployments=(NEW, OLD))
    failed = replace(subject.primary, rollout_state=RolloutState.FAILED)
    subject = replace(subject, deployments=(failed, subject.deployments[1]))
    assert moves(subject, tasks(*running(OLD, 3), *running(NEW, 1))) == Moves()
    assert moves(subject, tasks(*running(OLD, 2))).starts == ((OLD, 1),)


def test_protected_tasks_are_passed_over() -> None:
    there = tasks(*running(NEW, 3))
    there[2] = replace(there[2], protected_until=200.0)
    found = moves(service(2), there)
    assert (numbers(found.surplus), found.protected_until) == ([1], None)
    there = [replace(task, protected_until=200.0) for task in there]
    assert (moves(service(2), there).stops, moves(service(2), there).protected_until) == ((), 200.0)
    there = [replace(task, protected_until=50.0) for task in there]
    assert len(moves(service(2), there).surplus) == 1


@pytest.mark.parametrize(("desired", "threshold"), [(1, 3), (25, 13), (400, 200), (800, 200)])
def test_the_circuit_breakers_threshold_is_half_of_the_desired_count_within_bounds(
    desired: int, threshold: int
) -> None:
    assert breaker_threshold(DeploymentConfiguration(), desired) == threshold


def test_the_circuit_breakers_threshold_can_be_set() -> None:
    unbounded = DeploymentConfiguration(circuit_breaker_type="UNBOUNDED_PERCENT", circuit_breaker_value=10)
    assert breaker_threshold(unbounded, 11) == 2
    assert breaker_threshold(DeploymentConfiguration(circuit_breaker_type="COUNT", circuit_breaker_value=7), 1) == 7


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


def test_scaling_in_during_a_deployment_keeps_as_many_healthy_as_the_lower_limit_says() -> None:
    subject = service(2, deployments=(NEW, OLD))
    there = tasks((NEW, TaskStatus.RUNNING), *running(NEW, 2), *running(OLD, 1))

    def health(task: Task) -> TaskHealth:
        return TaskHealth.PENDING if task.number == 0 else TaskHealth.HEALTHY

    found = Rollout(subject, there, health, now=100.0).moves()
    left = {0, 1, 2, 3} - set(numbers(found.stops))
    assert left - {0} == {1, 2}, "the one that serves nobody yet goes first, and the old one is not needed"


def test_protected_old_tasks_do_not_keep_the_others_from_being_replaced() -> None:
    subject = service(4, 100, 150, deployments=(NEW, OLD))
    there = tasks(*running(OLD, 4), *running(NEW, 2))
    there[:2] = [replace(task, protected_until=200.0) for task in there[:2]]
    assert numbers(moves(subject, there).replaced) == [2, 3]
