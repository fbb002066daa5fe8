"""The operations of EventBridge Scheduler, all of them, in an explicit table, as `operations/__init__.py` has ECS's."""

from __future__ import annotations

from collections.abc import Mapping

from chaos_ecs.api.operations import Perform
from chaos_ecs.api.operations.scheduler import groups, schedules

SCHEDULER_OPERATIONS: Mapping[str, Perform] = {
    "CreateSchedule": schedules.create_schedule,
    "CreateScheduleGroup": groups.create_schedule_group,
    "DeleteSchedule": schedules.delete_schedule,
    "DeleteScheduleGroup": groups.delete_schedule_group,
    "GetSchedule": schedules.get_schedule,
    "GetScheduleGroup": groups.get_schedule_group,
    "ListScheduleGroups": groups.list_schedule_groups,
    "ListSchedules": schedules.list_schedules,
    "ListTagsForResource": groups.list_tags_for_resource,
    "TagResource": groups.tag_resource,
    "UntagResource": groups.untag_resource,
    "UpdateSchedule": schedules.update_schedule,
}
