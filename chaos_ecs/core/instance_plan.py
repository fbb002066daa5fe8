"""What to do about container instances and their engines. A part of `plan`: reads State, changes nothing."""

from __future__ import annotations

from chaos_ecs.core.backoff import was_set_back
from chaos_ecs.core.container_instances import ContainerInstance, ContainerInstanceStatus
from chaos_ecs.core.instance_messages import (
    ForgetContainerInstance,
    LeaveEngine,
    LoseContainerInstance,
    UseEngine,
)
from chaos_ecs.core.messages import RemoveContainer
from chaos_ecs.core.state import State
from chaos_ecs.core.todo import Plan

CLEARING_SECONDS = 5.0
"""How long a further engine is kept for its ended containers to be removed."""


def plan_instance(state: State, instance: ContainerInstance, now: float, todo: Plan) -> None:
    """Looked at when it, its engine or a task on it changes. Of a deregistered one the engine is used until its last
    task has left, and what is kept there for its logs."""
    is_left = instance.status is ContainerInstanceStatus.INACTIVE and all(
        task.is_stopped for task in state.tasks_on(instance.arn)
    )
    if is_left and not (state.engines.get(instance.engine, False) and _plan_clearing(state, instance, now, todo)):
        todo.actions.append(ForgetContainerInstance(instance.arn, "it is deregistered, and nothing runs on it"))
    elif is_left:
        return
    elif instance.engine and instance.engine not in state.engines:
        todo.actions.append(UseEngine(instance.engine, f"container instance {instance.name} stands for it"))
    elif not instance.agent_connected and not instance.is_off:
        _plan_loss(state, instance, now, todo)


def _plan_clearing(state: State, instance: ContainerInstance, now: float, todo: Plan) -> bool:
    """Whether ended containers may be left on a further engine: nobody could remove them once it is forgotten. That
    they are removed is not answered, so it is given some time."""
    tasks = state.tasks_on(instance.arn)
    todo.actions += (
        RemoveContainer(task.arn, container.name, container.runtime_id, "its container instance is deregistered")
        for task in tasks
        for container in task.containers
        if container.runtime_id and not container.reaped
    )
    since = max([instance.deregistered_at or 0.0, *(task.stopped_at or 0.0 for task in tasks)])
    if now >= since + CLEARING_SECONDS or was_set_back(since, now):
        return False
    todo.look_again(instance.arn, since + CLEARING_SECONDS)
    return True


def plan_engines(state: State, todo: Plan) -> None:
    """An engine is left once nobody stands for it."""
    if not state.engines:
        return
    used = dict.fromkeys(instance.engine for instance in state.container_instances.values())
    for engine in state.engines:
        if engine not in used:
            todo.actions.append(LeaveEngine(engine, "no container instance stands for it any more"))


def _plan_loss(state: State, instance: ContainerInstance, now: float, todo: Plan) -> None:
    since = instance.disconnected_at
    if since is None or all(task.is_stopped for task in state.tasks_on(instance.arn)):
        return
    lost_at = since + state.pace.instance_lost
    if now >= lost_at or was_set_back(since, now):
        todo.actions.append(LoseContainerInstance(instance.arn, f"its engine is silent for {now - since:.0f} s"))
    else:
        todo.look_again(instance.arn, lost_at)
