"""The service throttle logic (Developer Guide, "Service throttle logic"): tasks that never reach RUNNING slow down.

ECS publishes only the end of the scale, 27 minutes; the steps are ours. Tasks that did reach RUNNING are replaced at
full speed for ever, whatever their exit code: nothing here applies to them.
"""

from __future__ import annotations

from dataclasses import replace

from chaos_ecs.core.model import Service, Throttle

LONGEST_DELAY_SECONDS = 27 * 60
FIRST_DELAY_SECONDS = 1
TOLD_FROM_LEVEL = 2
"""One failed round is retried quietly; from the second on ECS says "unable to consistently start tasks"."""

FLAPPING_SECONDS = 30
FLAPPING_EXITS = 5
"""A service whose tasks ended by themselves five times within half a minute: not throttled, but told."""


CLOCK_SLACK_SECONDS = 60.0
"""Clocks are put right by seconds all the time; by more, somebody set one."""


def was_set_back(since: float, now: float) -> bool:
    """Whether what began at `since` lies in the future: the clock was set back, and a wait from then has no end.

    Set back by an hour, a task told to stop would get its SIGKILL after an hour and half a minute: it gets it now.
    """
    return since > now + CLOCK_SLACK_SECONDS


def recent_exits(service: Service, now: float) -> int:
    """How many of its running tasks ended by themselves within the last half minute, as far as remembered."""
    return sum(1 for at in service.exits if now - at <= FLAPPING_SECONDS)


def delay_seconds(level: int) -> int:
    """The pause after `level` failed rounds in a row: 1, 2, 4, ... 1024, then 1620 seconds."""
    return min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS << min(level - 1, 11))


def after_failed_start(throttle: Throttle, task_created_at: float, now: float, reason: str) -> Throttle:
    """The throttle after a task stopped without having been RUNNING.

    Three tasks started together that fail together are one round, not three: only a task created since the last
    step up takes the next one. Desired 3, a bad image: rounds at 0 s, 1 s, 3 s, 7 s, ... and not after 7 failures.
    """
    if throttle.level and task_created_at < throttle.since and not was_set_back(throttle.since, now):
        return replace(throttle, last_reason=reason)
    level = throttle.level + 1
    return Throttle(level=level, since=now, next_start_at=now + delay_seconds(level), last_reason=reason)
