"""The arithmetic of target tracking, and of what is measured."""

from __future__ import annotations

from typing import Any

import pytest

from chaos_ecs.core.scaling import (
    Cooldown,
    Measure,
    MeasuredTask,
    Metric,
    Sample,
    ScalableTarget,
    ScalingPolicy,
    average_cpu,
    cause,
    decide,
    requests_a_minute,
)

CPU = Measure(Metric.CPU)
REQUESTS = Measure(Metric.REQUESTS, "arn:group")
NOW = 1000.0


def policy(measure: Measure = CPU, target: float = 50.0, **members: Any) -> ScalingPolicy:
    return ScalingPolicy(f"arn:{measure.metric}", str(measure.metric), measure, target, 0.0, **members)


def scalable(*policies: ScalingPolicy, least: int = 1, most: int = 10, **members: Any) -> ScalableTarget:
    return ScalableTarget("arn:target", "arn:service", least, most, 0.0, policies=policies or (policy(),), **members)


def decided(
    target: ScalableTarget,
    desired: int,
    *,
    cpu: float | None = None,
    requests: float | None = None,
    tasks: int | None = None,
    deploying: bool = False,
) -> int | None:
    """The desired count that follows from what was measured, None when nothing is done."""
    measured = {CPU: cpu, REQUESTS: requests}
    there = desired if tasks is None else tasks
    samples = {measure: Sample(value, there, NOW) for measure, value in measured.items() if value is not None}
    wish = decide(target, desired, samples, NOW, deploying=deploying)
    return wish.count if wish else None


@pytest.mark.parametrize(
    ("desired", "cpu", "wanted"),
    [
        (2, 83, 4),  # ceil(2 x 83 / 50)
        (2, 50.1, 3),  # as soon as it is above the target
        (2, 50, None),
        (3, 46, None),  # less than a tenth below
        (4, 45, None),  # just a tenth
        (4, 44, None),  # enough below, but ceil(4 x 44 / 50) is 4
        (4, 30, 3),
        (4, 20, 2),
        (4, 24, 3),  # two would be at 48 %: too near
        (4, 0, 1),  # not below the minimum
        (8, 90, 10),  # not above the maximum
        (10, 90, None),
        (1, 0, None),
    ],
)
def test_the_count_follows_the_load_in_proportion(desired: int, cpu: float, wanted: int | None) -> None:
    assert decided(scalable(), desired, cpu=cpu) == wanted


def test_fractions_of_arithmetic_add_no_task() -> None:
    assert decided(scalable(policy(target=0.7), most=100), 10, cpu=0.7 * 1.1) == 11


def test_tasks_that_still_start_carry_no_load_and_call_for_no_more() -> None:
    assert decided(scalable(), 4, cpu=100, tasks=2) is None
    assert decided(scalable(), 4, cpu=150, tasks=2) == 6


def test_a_count_outside_of_the_range_is_left_alone_until_a_policy_moves_it_inwards() -> None:
    assert decided(scalable(most=5), 8, cpu=90) is None
    assert decided(scalable(most=5), 8, cpu=44) == 5
    assert decided(scalable(least=3), 1, cpu=90) == 3
    assert decided(scalable(least=3), 1, cpu=1) is None


def test_without_data_nothing_happens() -> None:
    assert decided(scalable(), 3) is None
    assert decided(scalable(), 3, requests=1) is None


def test_a_deployment_holds_scale_in_and_not_scale_out() -> None:
    assert decided(scalable(), 4, cpu=10, deploying=True) is None
    assert decided(scalable(), 4, cpu=90, deploying=True) == 8


def test_several_policies_scale_out_if_any_says_so_by_the_largest() -> None:
    both = scalable(policy(), policy(REQUESTS, 100.0))
    assert decided(both, 2, cpu=60, requests=10) == 3
    assert decided(both, 2, cpu=60, requests=250) == 5
    assert decided(both, 2, cpu=60) == 3


def test_several_policies_scale_in_only_if_all_agree_to_the_largest() -> None:
    both = scalable(policy(), policy(REQUESTS, 100.0))
    assert decided(both, 8, cpu=10, requests=95) is None
    assert decided(both, 8, cpu=10) is None
    assert decided(both, 8, cpu=10, requests=50) == 5


def test_a_policy_that_must_not_scale_in_is_not_asked() -> None:
    only_out = policy(REQUESTS, 100.0, disable_scale_in=True)
    assert decided(scalable(policy(disable_scale_in=True)), 8, cpu=10) is None
    assert decided(scalable(policy(), only_out), 8, cpu=10) == 2
    assert decided(scalable(policy(), only_out), 2, cpu=10, requests=200) == 4


def test_a_cooldown_of_scale_out_waits_unless_more_is_needed_than_was_added() -> None:
    """Two tasks were scaled to four."""
    cooling = scalable(out_cooldown=Cooldown(NOW - 5, NOW + 5, capacity_before=2))
    over = scalable(out_cooldown=Cooldown(NOW - 20, NOW, capacity_before=2))
    assert decided(cooling, 4, cpu=90) is None
    assert decided(cooling, 4, cpu=150) == 6
    assert decided(over, 4, cpu=90) == 8


def test_nothing_is_scaled_in_while_a_cooldown_lasts_and_everything_out() -> None:
    scaled_in = scalable(in_cooldown=Cooldown(NOW - 5, NOW + 5, capacity_before=8))
    scaled_out = scalable(out_cooldown=Cooldown(NOW - 5, NOW + 5, capacity_before=2))
    assert decided(scaled_in, 4, cpu=10) is None
    assert decided(scaled_in, 4, cpu=90) == 8
    assert decided(scaled_out, 4, cpu=10) is None


def test_a_cooldown_that_lies_in_the_future_because_the_clock_was_set_back_is_over() -> None:
    cooling = scalable(in_cooldown=Cooldown(NOW + 3600, NOW + 3620, capacity_before=8))
    assert decided(cooling, 4, cpu=10) == 1


def test_what_is_suspended_does_not_scale() -> None:
    assert decided(scalable(scaling_out_suspended=True), 2, cpu=90) is None
    assert decided(scalable(scaling_in_suspended=True), 4, cpu=10) is None
    assert decided(scalable(scaling_in_suspended=True), 2, cpu=90) == 4


def test_the_cause_is_told_with_its_figures() -> None:
    def told(target: ScalableTarget, measure: Measure, value: float, desired: int) -> str:
        wish = decide(target, desired, {measure: Sample(value, desired, NOW)}, NOW, deploying=False)
        assert wish is not None
        return cause(wish, desired)

    assert told(scalable(), CPU, 83.2, 2) == "CPU 83 % over the target of 50 %: 2 -> 4"
    assert told(scalable(), CPU, 50.2, 2) == "CPU 50.2 % over the target of 50 %: 2 -> 3"
    assert told(scalable(), CPU, 12.4, 4) == "CPU 12 % under the target of 50 %: 4 -> 2"
    by_requests = scalable(policy(REQUESTS, 100.0))
    assert told(by_requests, REQUESTS, 240, 2) == "240 requests a minute per target, over the target of 100: 2 -> 5"


def test_cpu_is_told_in_percent_of_what_the_tasks_reserved() -> None:
    tasks = [MeasuredTask("a", ("1",), 0.25), MeasuredTask("b", ("2",), 0.25), MeasuredTask("c", ("3",), 0.25)]
    average = average_cpu(tasks, {"a": 0.2, "b": 0.1})
    assert average is not None
    percent, read = average
    assert percent == pytest.approx(60.0)
    assert read == 2
    assert average_cpu(tasks, {}) is None
    assert average_cpu([], {}) is None


def test_requests_are_told_a_minute_and_target() -> None:
    assert requests_a_minute({"a": 100, "b": 7}, {"a": 110, "b": 27}, 5.0) == (180.0, 2)
    assert requests_a_minute({"a": 100}, {"a": 110, "new": 27}, 5.0) == (120.0, 1)
    assert requests_a_minute({}, {"a": 110}, 5.0) is None
    assert requests_a_minute({"a": 100}, {"a": 3}, 5.0) == (0.0, 1)  # the counter began anew
