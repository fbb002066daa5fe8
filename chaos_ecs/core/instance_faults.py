"""Faults of container instances, which are carried out by State alone: drained, without power, a Spot interruption.

The first word of `recipe.do` says which: DRAIN, POWER or SPOT (`faulting.py`); `prior` has which tasks were there. What
becomes of the tasks is planned as always. Never here: when they begin and end (see `instance_fault_plan.py`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from chaos_ecs.core import instances
from chaos_ecs.core.container_instances import ContainerInstance, ContainerInstanceStatus
from chaos_ecs.core.errors import ConflictException, InvalidParameterException
from chaos_ecs.core.fault_messages import Aim
from chaos_ecs.core.faulting import DRAIN, POWER, SPOT, Hit, InjectedFault
from chaos_ecs.core.state import State

SPOT_DRAINING = "chaos-ecs.spot-instance-draining"
"""The attribute that says what ECS_ENABLE_SPOT_INSTANCE_DRAINING says to an agent: true or, without it, false."""

GONE = "the container instance is not there any more"


@dataclass(frozen=True, slots=True)
class Before:
    """What there was when the fault began: the ARNs of the tasks, and whether it has made the instance DRAINING."""

    service: tuple[str, ...]
    standalone: tuple[str, ...]
    drained: bool

    @classmethod
    def of(cls, hit: Hit) -> Before:
        said = json.loads(hit.prior)
        return cls(tuple(said["service"]), tuple(said["standalone"]), said["drained"])

    @property
    def tasks(self) -> tuple[str, ...]:
        return (*self.service, *self.standalone)

    @property
    def written(self) -> str:
        return json.dumps({"service": self.service, "standalone": self.standalone, "drained": self.drained})


def check(state: State, aim: Aim) -> ContainerInstance:
    """The one that is meant. Raises before anything is changed."""
    instance = state.container_instances.get(aim.instance_arn)
    if instance is None or instance.status is ContainerInstanceStatus.INACTIVE:
        raise InvalidParameterException("The referenced container instance was not found.")
    if other := _in_the_way(state, aim):
        raise ConflictException(
            f"Container instance {instance.name} is under {other.public_name} already. {other.how_to_end}"
        )
    if aim.recipe.do[0] == DRAIN and instance.status is not ContainerInstanceStatus.ACTIVE:
        raise InvalidParameterException(f"Container instance {instance.name} is {instance.status} already.")
    if instance.is_off:
        raise InvalidParameterException(f"The power of container instance {instance.name} is off already.")
    return instance


def _in_the_way(state: State, aim: Aim) -> InjectedFault | None:
    """One that holds it in the same way; what has no power can be drained, and the other way round."""
    drains = aim.recipe.do[0] == DRAIN
    for fault in state.faults_of(aim.instance_arn):
        for hit in fault.hits:
            if hit.instance_arn == aim.instance_arn and not hit.is_over and (hit.recipe.do[0] == DRAIN) is drains:
                return fault
    return None


def begin(state: State, hit: Hit, now: float) -> Hit:
    """The hit, carried out. Its effect is looked for when that is planned."""
    instance, kind = state.container_instances[hit.instance_arn], hit.recipe.do[0]
    told_to_drain = instance.attribute(SPOT_DRAINING) == "true"
    drains = instance.is_active and (kind == DRAIN or (kind == SPOT and told_to_drain))
    before = _seen(state, instance, drained=drains)
    hit = replace(hit, sent_at=now, prior=before.written)
    if drains:
        instances.change_status(state, instance, ContainerInstanceStatus.DRAINING, now)
    if kind == POWER:
        instances.power_off(state, instance, now)
    return hit


def advance(state: State, hit: Hit, now: float) -> Hit:
    """The notice of a Spot interruption is over: its capacity is taken."""
    instance = state.container_instances[hit.instance_arn]
    before = _seen(state, instance, drained=Before.of(hit).drained)
    instances.power_off(state, instance, now)
    return replace(hit, prior=before.written)


def _seen(state: State, instance: ContainerInstance, *, drained: bool) -> Before:
    live = [task for task in state.live_tasks_on(instance.arn) if not task.standby]
    return Before(
        tuple(task.arn for task in live if task.service_arn),
        tuple(task.arn for task in live if not task.service_arn),
        drained,
    )


def end(state: State, hit: Hit, now: float) -> str:
    """Undoes it; a sentence."""
    instance = state.container_instances.get(hit.instance_arn)
    if instance is None or instance.status is ContainerInstanceStatus.INACTIVE:
        return GONE
    before, told = Before.of(hit), []
    if instance.is_off and hit.recipe.do[0] != DRAIN:
        instances.power_on(state, instance, now)
        instance = state.container_instances[instance.arn]
        told.append("its power is on" if instance.agent_connected else "its engine does not answer yet")
    if before.drained and instance.status is ContainerInstanceStatus.DRAINING:
        instances.change_status(state, instance, ContainerInstanceStatus.ACTIVE, now)
        told.append("it is ACTIVE again")
    elif before.drained:
        told.append(f"it is {instance.status}, by somebody else's word")
    elif not told:
        told.append("its notice is taken back")
    if hit.recipe.do[0] == DRAIN:
        told.append(_moved(state, before))
    return ", ".join(told)


# --- words ---


def drained(state: State, hit: Hit) -> str:
    """What shows of a drain now."""
    instance = state.container_instances[hit.instance_arn]
    return f"{_named(instance)} is {instance.status}: {_moved(state, Before.of(hit))}"


def lost(instance: ContainerInstance, hit: Hit) -> str:
    """What has become of an instance without power, once all its tasks have ended."""
    before = Before.of(hit)
    told = f"{_named(instance)} has no power"
    if not before.tasks:
        return f"{told}: nothing ran on it"
    return (
        f"{told}: {_counted(before.service, 'service task')} and {_counted(before.standalone, 'standalone task')} ended"
    )


def _moved(state: State, before: Before) -> str:
    left = [arn for arn in before.standalone if not _is_over(state, arn)]
    moved = f"{sum(_is_over(state, arn) for arn in before.service)} of {_counted(before.service, 'service task')} moved"
    stays = f"{_counted(left, 'standalone task')} {'stays' if len(left) == 1 else 'stay'}"
    return f"{moved}, {stays}" if before.standalone else moved


def _is_over(state: State, arn: str) -> bool:
    task = state.tasks.get(arn)
    return task is None or task.is_stopped


def all_over(state: State, hit: Hit) -> bool:
    """Whether all that ran there when its power went off has ended."""
    return all(_is_over(state, arn) for arn in Before.of(hit).tasks)


def _named(instance: ContainerInstance) -> str:
    return f"{instance.name} ({instance.availability_zone})"


def _counted(arns: Sequence[str], what: str) -> str:
    return f"{len(arns)} {what}{'' if len(arns) == 1 else 's'}"
