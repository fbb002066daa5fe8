"""What auto scaling does about one service, and what it must measure. A part of `plan`: reads State, changes nothing.

The arithmetic is in `scaling.py`. A service without a scalable target never comes here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from chaos_ecs.core.health import is_under_way
from chaos_ecs.core.model import Service, ServiceStatus, Task, TaskDefinition
from chaos_ecs.core.scaling import (
    CPU_UNITS_PER_CORE,
    Measure,
    MeasuredTask,
    Metric,
    Sample,
    ScalableTarget,
    Subject,
    cause,
    decide,
)
from chaos_ecs.core.scaling_messages import ForgetScaling, ScaleService
from chaos_ecs.core.state import State
from chaos_ecs.core.todo import Plan

PERIODS_BELIEVED = 3
"""A sample older than so many periods says nothing any more: whoever measures has stopped."""


def plan_scaling(state: State, service: Service, now: float, todo: Plan) -> bool:
    """Whether the desired count changes: then the tasks are for the next step."""
    target = state.scalable_targets[service.arn]
    if service.status is not ServiceStatus.ACTIVE:
        todo.actions.append(ForgetScaling(service.arn, "its service is deleted"))
        return False
    samples = _believed(state, target, now)
    deploying = is_under_way(service.primary)
    wish = decide(target, service.desired_count, samples, now, deploying=deploying)
    if wish is None:
        return False
    why = cause(wish, service.desired_count)
    todo.actions.append(ScaleService(service.arn, wish.count, wish.policy.name, why))
    return True


def _believed(state: State, target: ScalableTarget, now: float) -> Mapping[Measure, Sample]:
    oldest = now - PERIODS_BELIEVED * state.pace.metric_period
    since = oldest if target.scaled_at is None else max(oldest, target.scaled_at)
    samples = state.samples.get(target.service_arn, {})
    return {measure: sample for measure, sample in samples.items() if sample.at > since}


def is_measured(state: State) -> bool:
    """Whether there is anything to measure."""
    return state.engine_connected and any(target.policies for target in state.scalable_targets.values())


def subjects(state: State) -> Sequence[Subject]:
    """Which services are to be measured now, and by what."""
    found = []
    for target in state.scalable_targets.values():
        service = state.services.get(target.service_arn)
        measures = tuple(dict.fromkeys(policy.measure for policy in target.policies))
        if service is None or service.status is not ServiceStatus.ACTIVE or not measures:
            continue
        tasks = state.live_tasks_of(service.arn) if any(item.metric is Metric.CPU for item in measures) else []
        measured = (_measured(task, state.task_definitions[task.task_definition_arn]) for task in tasks)
        found.append(Subject(service.arn, measures, tuple(task for task in measured if task.runtime_ids)))
    return found


def _measured(task: Task, definition: TaskDefinition) -> MeasuredTask:
    """CloudWatch's CPUUtilization is relative to what the task has reserved: its own cpu, or else that of its
    containers. Where neither says anything it is relative to one core, so that 100 % still means a busy program."""
    units = definition.cpu or sum(container.cpu for container in definition.containers) or CPU_UNITS_PER_CORE
    live = [c.runtime_id for c in task.containers if c.is_live and c.runtime_id] if task.is_running else []
    return MeasuredTask(task.id, tuple(live), units / CPU_UNITS_PER_CORE)
