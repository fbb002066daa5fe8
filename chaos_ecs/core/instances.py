"""`apply` for container instances: registered, drained, lost, found again, forgotten.

Sources: API_RegisterContainerInstance, API_UpdateContainerInstancesState, API_DeregisterContainerInstance; Developer
Guide, "Draining Amazon ECS container instances". Never here: where tasks go (`placement.py`), and what is due
(`instance_plan.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from chaos_ecs.core import lifecycle
from chaos_ecs.core.arns import container_instance_arn
from chaos_ecs.core.commands import active_cluster
from chaos_ecs.core.container_instances import (
    CUSTOM_ATTRIBUTES,
    ContainerInstance,
    ContainerInstanceStatus,
    is_built_in,
)
from chaos_ecs.core.errors import (
    AttributeLimitExceededException,
    ClientException,
    InvalidParameterException,
    TargetNotFoundException,
)
from chaos_ecs.core.instance_messages import (
    DeleteAttributes,
    DeregisterContainerInstance,
    ForgetContainerInstance,
    LeaveEngine,
    LoseContainerInstance,
    PutAttributes,
    RegisterContainerInstance,
    SetContainerInstanceStatuses,
    TellUnplaced,
    UseEngine,
)
from chaos_ecs.core.messages import EventType
from chaos_ecs.core.model import SIGKILL, ContainerStatus, HealthStatus, StopCode, Task
from chaos_ecs.core.rollout import unsteady
from chaos_ecs.core.state import State

FORCED = "Container instance deregistration forced by user"
NOT_FOUND = "Referenced container instance {} not found."
SETTABLE = (ContainerInstanceStatus.ACTIVE, ContainerInstanceStatus.DRAINING)
"""API_UpdateContainerInstancesState: what can be set, and from where."""
HAS_TASKS = "Found running tasks on the instance."
GONE = "its container instance is gone"


# --- Commands ---


def register(state: State, command: RegisterContainerInstance, now: float) -> None:
    active_cluster(state, command.cluster_arn)
    if command.cpu < 1 or command.memory < 1:
        raise InvalidParameterException("A container instance has CPU and memory: both must be at least 1.")
    if any(instance.name == command.name for instance in state.instances_in(command.cluster_arn)):
        raise ClientException(f"The cluster has a container instance named {command.name} already.")
    attributes = dict(command.attributes)
    _check_limit(attributes)
    id_ = state.new_id()
    instance = ContainerInstance(
        arn=container_instance_arn(command.cluster_arn, id_),
        cluster_arn=command.cluster_arn,
        name=command.name,
        ec2_instance_id=f"i-{id_[:17]}",
        cpu=command.cpu,
        memory=command.memory,
        number=state.next_number("container-instance"),
        registered_at=now,
        attributes=tuple(attributes.items()),
        agent_connected=not command.engine or state.engines.get(command.engine, False),
        agent_version=command.agent_version,
        capacity_provider=command.capacity_provider,
        engine=command.engine,
        address=command.address,
        tags=command.tags,
    )
    state.put(instance)
    message = f"container instance {instance.name} is registered in {instance.availability_zone}"
    tell(state, instance, EventType.INSTANCE_REGISTERED, message, now, engine=instance.engine or None)


def set_statuses(state: State, command: SetContainerInstanceStatuses, now: float) -> None:
    """All of them or none."""
    if command.status not in SETTABLE:
        raise InvalidParameterException("Container instance status should be one of [ACTIVE, DRAINING]")
    known = [registered_instance(state, arn) for arn in command.arns]
    for instance in known:
        if instance.status not in SETTABLE:
            raise InvalidParameterException(f"The container instance is {instance.status}.")
    for instance in known:
        change_status(state, instance, command.status, now)


def registered_instance(state: State, arn: str) -> ContainerInstance:
    """The container instance, unless it is not there or was deregistered. Raises InvalidParameterException."""
    instance = state.container_instances.get(arn)
    if instance is None or instance.status is ContainerInstanceStatus.INACTIVE:
        raise InvalidParameterException(NOT_FOUND.format(arn))
    return instance


def change_status(state: State, instance: ContainerInstance, status: ContainerInstanceStatus, now: float) -> None:
    if instance.status is status:
        return
    instance = replace(instance, status=status, version=instance.version + 1)
    state.put(instance)
    tasks = [task.arn for task in state.live_tasks_on(instance.arn) if not task.standby]
    message = f"container instance {instance.name} is {status}, {_counted(len(tasks))} on it"
    tell(state, instance, EventType.INSTANCE_STATUS_CHANGED, message, now, status=str(status), tasks=tasks)


def _counted(tasks: int) -> str:
    return f"{tasks} task{'' if tasks == 1 else 's'}"


def deregister(state: State, command: DeregisterContainerInstance, now: float) -> None:
    """INACTIVE, and forgotten after an hour (Developer Guide, "Container instance lifecycle")."""
    instance = registered_instance(state, command.arn)
    live = state.live_tasks_on(instance.arn)
    if live and not command.force:
        raise InvalidParameterException(HAS_TASKS)
    status = ContainerInstanceStatus.INACTIVE
    instance = replace(instance, status=status, deregistered_at=now, version=instance.version + 1)
    state.put(instance)
    message = f"container instance {instance.name} is deregistered"
    tell(state, instance, EventType.INSTANCE_DEREGISTERED, message, now)
    for task in live:
        if state.is_reachable(task):
            lifecycle.begin_stop(state, task, StopCode.USER_INITIATED, FORCED, now)
        else:
            _end_unseen(state, task, StopCode.USER_INITIATED, FORCED, now)


def put_attributes(state: State, command: PutAttributes, now: float) -> None:
    """API_PutAttributes. Raises TargetNotFoundException, InvalidParameterException for what ECS has set, and
    AttributeLimitExceededException; nothing is changed then."""
    changed: dict[str, dict[str, str]] = {}
    for arn, name, value in command.attributes:
        _check_attribute(state, arn, name)
        changed.setdefault(arn, dict(state.container_instances[arn].attributes))[name] = value
    for attributes in changed.values():
        _check_limit(attributes)
    _put_attributes(state, changed)


def delete_attributes(state: State, command: DeleteAttributes, now: float) -> None:
    """The same (API_DeleteAttributes). An attribute that is not there is no error."""
    changed: dict[str, dict[str, str]] = {}
    for arn, name in command.attributes:
        _check_attribute(state, arn, name)
        changed.setdefault(arn, dict(state.container_instances[arn].attributes)).pop(name, None)
    _put_attributes(state, changed)


def _check_attribute(state: State, arn: str, name: str) -> None:
    instance = state.container_instances.get(arn)
    if instance is None or instance.status is ContainerInstanceStatus.INACTIVE:
        raise TargetNotFoundException(f"Could not find {arn}.")
    if is_built_in(name):
        raise InvalidParameterException(f"The attribute {name} is set by Amazon ECS and cannot be changed.")


def _check_limit(attributes: Mapping[str, str]) -> None:
    if sum(not is_built_in(name) for name in attributes) > CUSTOM_ATTRIBUTES:
        raise AttributeLimitExceededException(
            f"You can apply up to {CUSTOM_ATTRIBUTES} custom attributes for each resource."
        )


def _put_attributes(state: State, changed: Mapping[str, Mapping[str, str]]) -> None:
    for arn, attributes in changed.items():
        instance = state.container_instances[arn]
        state.put(replace(instance, attributes=tuple(attributes.items()), version=instance.version + 1))


# --- engines come and go ---


def use_engine(state: State, effect: UseEngine, now: float) -> None:
    """A controller that has just begun has not heard of the engine yet: how long it is silent is counted from now."""
    state.engines.setdefault(effect.engine, False)
    for instance in _standing_for(state, effect.engine):
        if instance.disconnected_at is not None:
            state.put(replace(instance, disconnected_at=now))


def leave_engine(state: State, effect: LeaveEngine, now: float) -> None:
    state.engines.pop(effect.engine, None)


def engine_answers(state: State, engine: str, now: float) -> None:
    """Those that stand for it are there again, but for those whose power is off."""
    state.engines[engine], state.engines_heard[engine] = True, None
    for instance in _standing_for(state, engine):
        if not instance.agent_connected and not instance.is_off:
            connect(state, instance, now)


def engine_is_silent(state: State, engine: str, reason: str, now: float) -> None:
    state.engines[engine], state.engines_heard[engine] = False, None
    for instance in _standing_for(state, engine):
        if instance.agent_connected or instance.disconnected_at is None:
            disconnect(state, instance, reason, now)
        else:
            state.touch(instance.arn)  # one without power, whose tasks nobody can see end any more


def connect(state: State, instance: ContainerInstance, now: float) -> None:
    known = replace(instance, agent_connected=True, disconnected_at=None, version=instance.version + 1)
    state.put(known)
    message = f"container instance {instance.name} is there again"
    tell(state, known, EventType.INSTANCE_CONNECTED, message, now)


def disconnect(state: State, instance: ContainerInstance, reason: str, now: float) -> None:
    known = replace(instance, agent_connected=False, disconnected_at=now, version=instance.version + 1)
    state.put(known)
    message = f"the agent of container instance {instance.name} is disconnected: {reason}"
    tell(state, known, EventType.INSTANCE_DISCONNECTED, message, now, reason=reason)


def _standing_for(state: State, engine: str) -> list[ContainerInstance]:
    """Deregistered ones too, as long as tasks are left on them."""
    inactive = ContainerInstanceStatus.INACTIVE
    return [
        item
        for item in state.container_instances.values()
        if item.engine == engine and (item.status is not inactive or state.live_tasks_on(item.arn))
    ]


# --- Intents ---


def lose(state: State, intent: LoseContainerInstance, now: float) -> None:
    """Nobody can say what has become of its containers: its tasks are over, and what comes back is removed."""
    instance = state.container_instances[intent.arn]
    live = state.live_tasks_on(instance.arn)
    message = f"container instance {instance.name} is lost with {_counted(len(live))}"
    tell(state, instance, EventType.INSTANCE_LOST, message, now, tasks=[task.arn for task in live])
    for task in live:
        reason = host_gone(instance)
        _end_unseen(state, task, StopCode.TERMINATION_NOTICE, reason, now, instance.disconnected_at)


def host_gone(instance: ContainerInstance) -> str:
    """What ECS says of tasks whose EC2 instance went away under them."""
    return f"Host EC2 (instance {instance.ec2_instance_id}) terminated."


def _end_unseen(
    state: State, task: Task, code: StopCode, reason: str, now: float, died_at: float | None = None
) -> None:
    containers = tuple(
        container
        if container.is_over
        else replace(
            container,
            last_status=ContainerStatus.STOPPED,
            health_status=HealthStatus.UNKNOWN,
            finished_at=died_at or now,
            restart_due=False,
            reason=container.reason or GONE,
            bindings=(),
            address="",
        )
        for container in task.containers
    )
    state.put(replace(task, containers=containers))
    task = lifecycle.begin_stop(state, state.the_task(task.arn), code, reason, now, died_at)
    lifecycle.settle(state, task, now)


def power_off(state: State, instance: ContainerInstance, now: float) -> None:
    """A fault: its tasks end at once, as those of a machine whose power fails."""
    state.put(replace(instance, is_off=True))
    if instance.agent_connected:
        disconnect(state, state.container_instances[instance.arn], "it does not answer", now)
    reason = host_gone(instance)
    for task in state.live_tasks_on(instance.arn):
        if not state.is_reachable(task):
            _end_unseen(state, task, StopCode.TERMINATION_NOTICE, reason, now)
            continue
        containers = tuple(
            replace(container, fault_signal=SIGKILL, fault_sent=False)
            if container.is_live or container.is_starting
            else container
            for container in task.containers
        )
        state.put(replace(task, containers=containers))
        lifecycle.begin_stop(state, state.the_task(task.arn), StopCode.TERMINATION_NOTICE, reason, now)


def power_on(state: State, instance: ContainerInstance, now: float) -> None:
    instance = replace(instance, is_off=False)
    state.put(instance)
    if not instance.engine or state.engines.get(instance.engine, False):
        connect(state, instance, now)


def forget(state: State, intent: ForgetContainerInstance, now: float) -> None:
    state.drop(state.container_instances[intent.arn])


def tell_unplaced(state: State, intent: TellUnplaced, now: float) -> None:
    service = replace(state.services[intent.service_arn], unplaced=intent.message)
    if intent.message:
        service = unsteady(service, now)
    state.put(service)
    if intent.message:
        data = {"cause": intent.cause, "reason": intent.reason}
        state.tell_service(now, service, EventType.SERVICE_NOT_PLACED, intent.message, **data)


def tell(state: State, instance: ContainerInstance, type_: EventType, message: str, now: float, **data: Any) -> None:
    """Every event of a container instance says which one it is."""
    named = {"instance": instance.arn, "name": instance.name, "zone": instance.availability_zone}
    state.emit(now, type_, message, cluster=instance.cluster_arn, **named, **data)
