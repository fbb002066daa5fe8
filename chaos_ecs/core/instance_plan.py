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
from chaos_ecs.core.model import Container, Task
from chaos_ecs.core.state import State
from chaos_ecs.core.todo import Plan

DEREGISTERED_KEPT_SECONDS = 3600
"""Developer Guide, "Container instance lifecycle": it can be described for an hour."""


def plan_instance(state: State, instance: ContainerInstance, now: float, todo: Plan) -> None:
    """Looked at when it, its engine or a task on it changes, and when a deregistered one is due to be forgotten."""
    if instance.status is ContainerInstanceStatus.INACTIVE and not state.live_tasks_on(instance.arn):
        _plan_forgetting(state, instance, now, todo)
    elif instance.engine and instance.engine not in state.engines:
        todo.actions.append(UseEngine(instance.engine, f"container instance {instance.name} stands for it"))
    elif not instance.agent_connected and not (instance.is_off and _answers(state, instance)):
        _plan_loss(state, instance, now, todo)


def plan_engines(state: State, todo: Plan) -> None:
    """An engine is left once nobody stands for it."""
    if not state.engines:
        return
    used = {instance.engine: None for instance in state.container_instances.values() if _is_used(state, instance)}
    for engine in state.engines:
        if engine not in used:
            todo.actions.append(LeaveEngine(engine, "no container instance stands for it any more"))


def _answers(state: State, instance: ContainerInstance) -> bool:
    """Whether its engine does: what has no power there is known to end."""
    return state.engines.get(instance.engine, False) if instance.engine else state.engine_connected


def _is_used(state: State, instance: ContainerInstance) -> bool:
    """A deregistered one as long as tasks have to be stopped there, and what is kept for their logs to be removed. A
    silent engine is not waited for; a controller that has just begun asks whether it is."""
    if instance.status is not ContainerInstanceStatus.INACTIVE:
        return True
    if state.live_tasks_on(instance.arn):
        return True
    return _may_have_more(state, instance) or (_answers(state, instance) and bool(_kept(state, instance)))


def _may_have_more(state: State, instance: ContainerInstance) -> bool:
    """Whether a further engine may have what another controller did not come to remove: nobody has heard of it yet."""
    if not instance.engine or instance.engine in state.engines_heard:
        return False
    return any(container.runtime_id for task in state.tasks_on(instance.arn) for container in task.containers)


def _kept(state: State, instance: ContainerInstance) -> list[tuple[Task, Container]]:
    """Ended containers on a further engine: nobody could remove them once that is left."""
    return [
        (task, container)
        for task in (state.tasks_on(instance.arn) if instance.engine else ())
        for container in task.containers
        if container.runtime_id and not container.reaped
    ]


def _plan_forgetting(state: State, instance: ContainerInstance, now: float, todo: Plan) -> None:
    if instance.engine not in state.engines and _may_have_more(state, instance):
        todo.actions.append(UseEngine(instance.engine, f"something of {instance.name} may be left there"))
    elif _answers(state, instance):
        for task, container in _kept(state, instance):
            assert container.runtime_id is not None, "what is kept has been made"
            cause = "its container instance is deregistered"
            todo.actions.append(RemoveContainer(task.arn, container.name, container.runtime_id, cause))
    since = instance.deregistered_at or 0.0
    forget_at = since + DEREGISTERED_KEPT_SECONDS
    if now < forget_at and not was_set_back(since, now):
        todo.look_again(instance.arn, forget_at)
    else:
        todo.actions.append(ForgetContainerInstance(instance.arn, "it was deregistered an hour ago"))


def _plan_loss(state: State, instance: ContainerInstance, now: float, todo: Plan) -> None:
    since = instance.disconnected_at
    if since is None or not any(_is_there(task) for task in state.tasks_on(instance.arn)):
        return
    lost_at = since + state.pace.instance_lost
    if now >= lost_at or was_set_back(since, now):
        todo.actions.append(LoseContainerInstance(instance.arn, f"its engine is silent for {now - since:.0f} s"))
    else:
        todo.look_again(instance.arn, lost_at)


def _is_there(task: Task) -> bool:
    """One whose containers are over is lost already, also while it has to leave its target groups."""
    return not task.is_stopped and not all(container.is_over for container in task.containers)
