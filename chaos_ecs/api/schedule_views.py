"""A schedule as `GET /state` and DescribeSchedule have it (see ARCHITECTURE.md). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chaos_ecs.core.arns import name_of
from chaos_ecs.core.schedules import Invocation, Schedule, dead_letter_attributes, started_by


def schedule_view(schedule: Schedule, open_ones: Sequence[Invocation]) -> dict[str, Any]:
    """`open_ones` are its invocations that wait, oldest first. A time that there is none of is None."""
    design = schedule.design
    refused = [invocation for invocation in open_ones if invocation.attempts]
    return {
        "name": schedule.name,
        "arn": schedule.arn,
        "group": name_of(schedule.group_arn),
        "expression": design.expression,
        "timezone": design.timezone,
        "state": "ENABLED" if design.enabled else "DISABLED",
        "nextDueAt": schedule.next_due() if design.enabled else None,
        "lastRanAt": schedule.last_ran_at,
        "cluster": design.target.cluster_arn,
        "taskDefinition": design.target.task_definition,
        "count": design.target.count,
        "windowMinutes": design.window_minutes,
        "startDate": design.start_date,
        "endDate": design.end_date,
        "runs": schedule.runs,
        "missed": schedule.missed,
        "dropped": schedule.dropped,
        "retrying": len(refused),
        "reason": refused[-1].message if refused else None,
        "createdAt": schedule.created_at,
    }


def described(schedule: Schedule, open_ones: Sequence[Invocation]) -> dict[str, Any]:
    """The same, with who its tasks say they were started by, each invocation that waits, and the dead letters, newest
    first."""
    return {
        **schedule_view(schedule, open_ones),
        "startedBy": started_by(schedule.name),
        "open": [
            {
                "scheduledTime": invocation.due,
                "nextTryAt": invocation.next_try_at,
                "attempts": invocation.attempts,
                "code": invocation.code or None,
                "reason": invocation.message or None,
            }
            for invocation in open_ones
        ],
        "deadLetters": [
            {"at": letter.at, "attributes": dict(dead_letter_attributes(schedule, letter))}
            for letter in schedule.dead_letters
        ],
    }
