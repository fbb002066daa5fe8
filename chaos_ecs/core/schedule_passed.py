"""Due times that have passed: which of them is still run, and how many were missed. Pure; decision 068."""

from __future__ import annotations

from itertools import takewhile

from chaos_ecs.core.schedule_messages import OpenInvocation
from chaos_ecs.core.schedules import Schedule

COUNTED = 2000
"""Due times are counted one by one, so a month of missed minutes must not hold the loop up: more are "more than"."""


def passed(schedule: Schedule, now: float) -> OpenInvocation | None:
    """What becomes of the due times that have passed and were not dealt with: the newest is run if it is young enough,
    the others are missed. None where there are none."""
    first = schedule.next_due()
    if first is None or first > now:
        return None
    last, before, count = first, first, 1
    for due in schedule.coming(first):
        if due > now or count > COUNTED:
            break
        last, before, count = due, last, count + 1
    is_least = count > COUNTED
    if is_least:
        before, last = _newest_two(schedule, last, now)
    age = now - schedule.invoked_at(last)
    is_young = age <= schedule.design.target.maximum_event_age_seconds
    missed = count - 1 if is_young else count
    if not missed:
        return OpenInvocation(schedule.arn, last, last, "it is due")
    return OpenInvocation(
        schedule.arn,
        until=last,
        due=last if is_young else None,
        cause="the controller was not running then, or the machine slept",
        missed=missed,
        first_missed=first,
        last_missed=before if is_young else last,
        is_least=is_least,
    )


def _newest_two(schedule: Schedule, known: float, now: float) -> tuple[float, float]:
    """The last two due times that are not later than now, found from behind by looking back twice as far each time;
    `known` is one that has passed."""
    seconds = 60.0
    while True:
        after = max(known, now - seconds)
        found = [known] if after == known else []
        found += takewhile(lambda due: due <= now, schedule.coming(after))
        if len(found) > 1 or after == known:
            return found[-2:][0], found[-1]
        seconds *= 2
