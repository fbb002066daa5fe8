"""From a fault and a selection to a Command: who is hit, what is spared, how each is hurt and healed. Pure.

Reads State, changes nothing. The randomness is a `Random` handed in, so a seed repeats the pick.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from random import Random

from chaos_ecs.chaos import parameters
from chaos_ecs.chaos.fault import EVERYTHING, Abilities, Fault, Scope, Victim
from chaos_ecs.chaos.instance_aiming import choose_instances
from chaos_ecs.chaos.lacking import recipe_for
from chaos_ecs.chaos.victims import Selection, choose, the_one
from chaos_ecs.core.arns import service_arn, short
from chaos_ecs.core.balancing import TargetState
from chaos_ecs.core.errors import ConflictException, InvalidParameterException, ServiceNotFoundException
from chaos_ecs.core.fault_messages import Aim, InjectFault
from chaos_ecs.core.faulting import DRAIN
from chaos_ecs.core.model import Container, ContainerDefinition, HealthStatus, Service, Task
from chaos_ecs.core.recipe import Means, Symptom
from chaos_ecs.core.state import State
from chaos_ecs.core.task_definitions import overridden

ENDS_THE_TASK = (Means.SIGNAL, Means.STOP)
"""Once is enough: the end of one essential container is the end of its task."""


@dataclass(frozen=True, slots=True)
class Order:
    """A fault, whom to hit with it, and on what terms. `container`: only that one of each task, else all essential
    ones. `forced`: the last healthy task of a service may be hit too."""

    fault: Fault
    cluster_arn: str
    selection: Selection
    container: str = ""
    forced: bool = False
    seed: int | None = None
    experiment: str = ""
    sealed: bool = False
    abilities: Abilities = field(default_factory=lambda: EVERYTHING)


def aimed(state: State, order: Order, rng: Random, now: float) -> InjectFault:
    """The Command; without aims when nothing matches.

    Raises ConflictException where it would take the last healthy task of a service, InvalidParameterException and
    ServiceNotFoundException for what contradicts itself or does not exist.
    """
    if hits_instances(order):
        return _at_instances(state, order, rng)
    if order.fault.scope is not Scope.TASKS:
        return _injection(order, _aims_elsewhere(state, order))
    tasks = choose(_free(state, order), order.selection, rng, now)
    if not order.forced:
        spare_the_last(state, tasks)
    return aimed_at(state, order, tasks)


def hits_instances(order: Order) -> bool:
    """Whether container instances are meant: always, or because the selection says so."""
    are_named = bool(order.selection.instances or order.selection.zone)
    return order.fault.scope is Scope.INSTANCES or (are_named and bool(order.fault.picks))


def _at_instances(state: State, order: Order, rng: Random) -> InjectFault:
    chosen = choose_instances(state, order.cluster_arn, order.fault, order.selection, rng, forced=order.forced)
    recipe = order.fault.instance_recipe()
    if not order.forced and recipe.do[0] != DRAIN:
        spare_the_last(state, [task for instance in chosen for task in state.live_tasks_on(instance.arn)])
    return _injection(order, tuple(Aim(recipe, instance_arn=instance.arn) for instance in chosen))


def aimed_at(state: State, order: Order, tasks: Iterable[Task]) -> InjectFault:
    """The Command that hits these tasks, of whatever cluster; nobody is spared."""
    return _injection(order, tuple(aim for task in tasks for aim in _aims_at(state, order, task)))


def _injection(order: Order, aims: tuple[Aim, ...]) -> InjectFault:
    return InjectFault(
        name=order.fault.name,
        action_id=order.fault.action_id,
        description=order.fault.describe(),
        cluster_arn=order.cluster_arn,
        aims=aims,
        seconds=0.0 if aims and all(aim.recipe.means in ENDS_THE_TASK for aim in aims) else order.fault.seconds,
        parameters=parameters.written(order.fault),
        seed=order.seed,
        experiment=order.experiment,
        sealed=order.sealed,
    )


def _free(state: State, order: Order) -> list[Task]:
    """The tasks to choose from: whoever is under this fault already is not picked again, unless named."""
    tasks = state.tasks_in(order.cluster_arn)
    if order.selection.tasks:
        return tasks
    if order.fault.capacity_provider:
        tasks = [task for task in tasks if task.capacity_provider == order.fault.capacity_provider]
    return [task for task in tasks if all(found.name != order.fault.name for found in state.faults_of(task.arn))]


def spare_the_last(state: State, victims: Sequence[Task]) -> None:
    """Raises ConflictException if no healthy task of some service would be left."""
    hit = {task.arn for task in victims}
    for arn in dict.fromkeys(task.service_arn for task in victims if task.service_arn):
        healthy = [task for task in state.live_tasks_of(arn) if _serves(state, task)]
        if healthy and all(task.arn in hit for task in healthy):
            service = state.services[arn]
            which = "its last healthy task" if len(healthy) == 1 else f"all {len(healthy)} of its healthy tasks"
            raise ConflictException(
                f"Service {service.name} would lose {which}: nobody would be served. Take fewer, or say --force."
            )


def is_healthy(state: State, task: Task) -> bool:
    """Whether all that is seen of it is well: it runs, no health check of an essential container fails
    (API_Task.healthStatus), and every target group that it is in says healthy."""
    definition = state.task_definitions[task.task_definition_arn]
    is_well = all(_is_well(member, definition.container(member.name)) for member in task.containers)
    in_service = all(target.state is TargetState.HEALTHY for target in state.targets_of(task.arn))
    return task.is_running and is_well and in_service


def _is_well(container: Container, definition: ContainerDefinition) -> bool:
    is_unhealthy = definition.essential and container.health_status is HealthStatus.UNHEALTHY
    return not container.paused and not is_unhealthy


def _serves(state: State, task: Task) -> bool:
    """Whether it is healthy and will be in a moment: who is under a fault may not have been missed yet."""
    hits = (hit for fault in state.faults_of(task.arn) for hit in fault.hits if hit.task_arn == task.arn)
    is_hurt = any(hit.recipe.symptom is not Symptom.NONE for hit in hits if not hit.is_over)
    return is_healthy(state, task) and task.killed_at is None and not is_hurt


def _aims_at(state: State, order: Order, task: Task) -> Iterable[Aim]:
    definition = state.task_definitions[task.task_definition_arn]
    if order.fault.breaks_network and definition.fault_injection is False:
        raise InvalidParameterException(
            f"The task definition of {short(task.arn)} says enableFaultInjection: false, so its network is left alone."
        )
    provider = order.fault.capacity_provider
    if provider and task.capacity_provider != provider:
        raise InvalidParameterException(f"Task {short(task.arn)} is not on {provider}: its capacity is not taken back.")
    wanted = [member for member in task.containers if definition.container(member.name).essential]
    if order.container:
        wanted = [member for member in task.containers if member.name == order.container]
        if not wanted:
            raise InvalidParameterException(f"Task {short(task.arn)} has no container '{order.container}'.")
    peers = _peers(state, order)
    for container in wanted:
        if container.is_live:
            described = overridden(definition.container(container.name), task.overrides)
            recipe = recipe_for(order.fault, _victim(task, container, described, peers, order.abilities))
            yield Aim(recipe, task.arn, container.name)
            if recipe.means in ENDS_THE_TASK:
                return


def _victim(
    task: Task, container: Container, definition: ContainerDefinition, peers: tuple[str, ...], abilities: Abilities
) -> Victim:
    tcp = [mapping for mapping in definition.port_mappings if mapping.protocol == "tcp"]
    ports = tuple(port for mapping in tcp for port in mapping.container_ports)
    return Victim(
        task=short(task.arn),
        container=container.name,
        address=container.address,
        ports=ports,
        memory=definition.memory,
        cpu=definition.cpu,
        peers=peers,
        abilities=abilities,
    )


def _peers(state: State, order: Order) -> tuple[str, ...]:
    """The addresses of what the fault's parameter `to` names: a service of the cluster, or a task."""
    name = getattr(order.fault, "to", "")
    if not name:
        return ()
    service = state.services.get(service_arn(order.cluster_arn, name))
    if service is not None:
        tasks = state.live_tasks_of(service.arn)
    else:
        found = the_one(state.tasks_in(order.cluster_arn), name)
        if found is None:
            raise InvalidParameterException(f"to: there is no service and no task {name}.")
        tasks = [found]
    addresses = tuple(member.address for task in tasks for member in task.containers if member.address)
    if not addresses:
        raise InvalidParameterException(f"to: nothing of {name} runs, so there is nobody to be cut off from.")
    return addresses


def _aims_elsewhere(state: State, order: Order) -> tuple[Aim, ...]:
    if order.fault.scope is Scope.NOTHING:
        return ()
    recipe = recipe_for(order.fault, Victim("", "", abilities=order.abilities))
    if order.fault.scope is Scope.CONTROL_PLANE:
        return (Aim(recipe),)
    return (Aim(recipe, service_arn=_service(state, order).arn),)


def _service(state: State, order: Order) -> Service:
    arn = order.selection.service_arn
    if arn is None:
        raise InvalidParameterException(f"{order.fault.name} is aimed at a service: name one with --service.")
    service = state.services.get(arn)
    if service is None:
        raise ServiceNotFoundException("Service not found.")
    return service
