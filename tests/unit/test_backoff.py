from chaos_ecs.core.backoff import after_failed_start, delay_seconds
from chaos_ecs.core.model import Throttle


def test_the_delay_doubles_from_one_second_to_twenty_seven_minutes() -> None:
    delays = [delay_seconds(level) for level in range(1, 14)]
    assert delays == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1620, 1620]


def test_three_tasks_of_one_round_that_fail_together_count_once() -> None:
    throttle = Throttle()
    for failed_at in (10.3, 10.4, 10.5):
        throttle = after_failed_start(throttle, task_created_at=10.0, now=failed_at, reason="no image")
    assert throttle.level == 1
    assert throttle.next_start_at == 11.3


def test_a_task_of_the_next_round_raises_the_level() -> None:
    throttle = after_failed_start(Throttle(), task_created_at=10.0, now=10.3, reason="no image")
    throttle = after_failed_start(throttle, task_created_at=11.3, now=11.6, reason="still none")
    assert (throttle.level, throttle.next_start_at, throttle.last_reason) == (2, 13.6, "still none")
