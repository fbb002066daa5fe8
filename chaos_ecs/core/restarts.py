"""A container's restart policy: it runs again within its task (Developer Guide, "Container restart policies").

ECS restarts a container only if it ran for `restartAttemptPeriod` before it ended, its exit code is not ignored, and
its task is meant to run; without a limit and without a growing delay. Meanwhile the container counts as running, as it
does for the ECS agent. Part of `apply`, but for `plan_restart`.

Worked example, period 300: ended after 301 s with code 1: started again; then after 20 s: it stays ended, and an
essential one ends its task.
"""

from __future__ import annotations

from dataclasses import replace

from chaos_ecs.core import lifecycle
from chaos_ecs.core.arns import short
from chaos_ecs.core.backoff import was_set_back
from chaos_ecs.core.messages import ContainerSeen, EventType, RestartContainer
from chaos_ecs.core.model import Container, HealthStatus, Task
from chaos_ecs.core.state import State
from chaos_ecs.core.todo import Plan

ASK_AGAIN_SECONDS = 30
"""A start takes well under a second; one without effect for so long is asked for again."""


def is_due(state: State, task: Task, container: Container, seen: ContainerSeen, finished_at: float) -> bool:
    """Whether the end of this run is one that its policy makes good."""
    policy = state.task_definitions[task.task_definition_arn].container(container.name).restart_policy
    if policy is None or not task.is_wanted or container.started_at is None or seen.exit_code is None:
        return False
    return (
        seen.exit_code not in policy.ignored_exit_codes and finished_at - container.started_at >= policy.attempt_period
    )


def begin(state: State, task: Task, container: Container, seen: ContainerSeen, finished_at: float, now: float) -> None:
    """The run has ended, and another one is due."""
    waits = replace(
        container,
        restart_due=True,
        restart_sent_at=None,
        exit_code=seen.exit_code,
        finished_at=finished_at,
        health_status=HealthStatus.UNKNOWN,
        bindings=(),
    )
    lifecycle.put_container(state, task, waits)
    ran_for = finished_at - (container.started_at or finished_at)
    state.emit(
        now,
        EventType.CONTAINER_RESTARTED,
        f"container {container.name} of task {short(task.arn)} ended with code {seen.exit_code} after {ran_for:.0f} s: "
        "its restart policy starts it again",
        cluster=task.cluster_arn,
        service=task.service_arn or "",
        task=task.arn,
        container=container.name,
        exitCode=seen.exit_code,
        ranFor=ran_for,
        restarts=container.restarts + 1,
    )


def is_next_run(container: Container, seen: ContainerSeen) -> bool:
    """Whether what was seen is the run that was waited for, and not the one that ended."""
    return container.restart_due and (seen.started_at or 0.0) > (container.started_at or 0.0)


def next_run(state: State, task: Task, container: Container, seen: ContainerSeen, now: float) -> tuple[Task, Container]:
    """It has begun; whether it has ended as well is for the caller to look at."""
    runs = replace(
        container,
        restart_due=False,
        restart_sent_at=None,
        restarts=container.restarts + 1,
        started_at=seen.started_at or now,
        finished_at=None,
        exit_code=None,
        reason=None,
        bindings=seen.bindings,
        address=seen.address,
        health_status=seen.health_status,
    )
    for target in state.targets_of(task.arn):
        if target.address == container.address != seen.address:
            state.put(replace(target, address=seen.address))  # the engine may give it another one
    return lifecycle.put_container(state, task, runs), runs


def send(state: State, effect: RestartContainer, now: float) -> None:
    task = state.the_task(effect.task_arn)
    lifecycle.put_container(state, task, replace(task.container(effect.name), restart_sent_at=now))


def plan_restart(task: Task, now: float, todo: Plan) -> None:
    """In a task that is to stop only what the engine was asked for before is there, and asked for again: its next run
    can then be stopped like any other."""
    for container in task.containers:
        if not container.restart_due or container.runtime_id is None:
            continue
        sent_at = container.restart_sent_at
        if sent_at is not None and now < sent_at + ASK_AGAIN_SECONDS and not was_set_back(sent_at, now):
            todo.look_again(task.arn, sent_at + ASK_AGAIN_SECONDS)
        else:
            cause = f"it ended with code {container.exit_code}, and its restart policy starts it again"
            todo.actions.append(RestartContainer(task.arn, container.name, container.runtime_id, cause))
