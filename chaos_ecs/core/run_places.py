"""Where the tasks of RunTask and StartTask go, and why others have no place. Pure: `commands.py` acts on it.

RunTask is placed by all the rules there are. StartTask names its container instances: what they have room for, and what
the task asks of them, is looked at, but neither strategies nor constraints are (Developer Guide, "API failure reasons":
which of them StartTask has). A DRAINING one takes what it is named for: draining keeps the scheduler away.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from chaos_ecs.core.arns import name_of
from chaos_ecs.core.container_instances import ContainerInstanceStatus, Needs, Place
from chaos_ecs.core.errors import InvalidParameterException
from chaos_ecs.core.messages import RunTask
from chaos_ecs.core.model import TaskDefinition
from chaos_ecs.core.placement import Reason, refusal
from chaos_ecs.core.placement_words import NO_PROVIDER_INSTANCES
from chaos_ecs.core.placing import chooses, instances_there, placed_tasks, places_for, request, sharing_ports
from chaos_ecs.core.platforms import NO_INSTANCES
from chaos_ecs.core.rooms import PlacedTask, needs_of, rooms_of
from chaos_ecs.core.state import State

MISSING, INACTIVE = "MISSING", "INACTIVE"


@dataclass(frozen=True, slots=True)
class Unplaced:
    """A failure of RunTask: `reason` as on the wire, `message` for a person. Without a container instance it is the
    cluster's."""

    reason: str
    message: str
    instance_arn: str = ""


@dataclass(frozen=True, slots=True)
class RunPlaces:
    places: tuple[Place, ...] = ()  # one for each task that has one
    failures: tuple[Unplaced, ...] = ()


def places_of_run(state: State, command: RunTask, definition: TaskDefinition) -> RunPlaces:
    """Raises InvalidParameterException where there is no container instance that could be asked, as ECS does."""
    if command.instances:
        return _named(state, command, definition)
    if not chooses(state, command.cluster_arn, command.launch_type) and not state.engine_connected:
        message = f"a task of {name_of(definition.arn)} was not placed: {state.engine_reason}"
        return RunPlaces(failures=(Unplaced(Reason.AGENT, message),) * command.count)
    group = command.group or f"family:{definition.family}"
    wanted = request(definition, group, command.placement, is_service=False, needs=needs_of_run(definition, command))
    wanted = replace(wanted, count=command.count)
    found = places_for(state, command.cluster_arn, command.launch_type, command.placement, wanted, running={})
    nobody = NO_PROVIDER_INSTANCES if found.capacity_provider else NO_INSTANCES
    if found.missing and not found.refusals:
        if not found.places:
            raise InvalidParameterException(nobody)
        message = f"{found.missing} tasks of {name_of(definition.arn)} were not placed: {nobody}"
        return RunPlaces(found.places, (Unplaced(nobody, message),))
    refused = {refusal.instance_arn: str(refusal.reason) for refusal in found.refusals}
    return RunPlaces(
        found.places, tuple(_refused(state, definition, arn, reason) for arn, reason in sorted(refused.items()))
    )


def needs_of_run(definition: TaskDefinition, command: RunTask) -> Needs:
    """What each of its tasks takes."""
    return needs_of(definition, command.overrides, command.task_override, definition.attributes)


def _named(state: State, command: RunTask, definition: TaskDefinition) -> RunPlaces:
    wanted = replace(
        request(definition, "", command.placement, is_service=False, needs=needs_of_run(definition, command)),
        constraints=(),
    )
    instances = instances_there(state, command.cluster_arn)
    known = placed_tasks(state, command.cluster_arn)
    places, failures = [], []
    for turn, arn in enumerate(command.instances):
        room = rooms_of(sharing_ports(instances, known), known).get(arn)
        reason = _unknown(state, command.cluster_arn, arn) if room is None else refusal(wanted, room)
        if reason:
            failures.append(_refused(state, definition, arn, str(reason)))
        else:
            places.append(Place(arn))
            known.append(PlacedTask(f"#{turn}", arn, wanted.group, wanted.needs))
    return RunPlaces(tuple(places), tuple(failures))


def _unknown(state: State, cluster_arn: str, arn: str) -> str:
    instance = state.container_instances.get(arn)
    is_gone = instance and instance.cluster_arn == cluster_arn and instance.status is ContainerInstanceStatus.INACTIVE
    return INACTIVE if is_gone else MISSING


def _refused(state: State, definition: TaskDefinition, arn: str, reason: str) -> Unplaced:
    instance = state.container_instances.get(arn)
    name = instance.name if instance else name_of(arn)
    return Unplaced(reason, f"a task of {name_of(definition.arn)} was not placed on {name}: {reason}", arn)
