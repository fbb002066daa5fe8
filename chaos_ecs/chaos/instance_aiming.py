"""Which container instances a fault hits, what is spared, and what will become of their tasks. Pure, as `aiming.py`."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from chaos_ecs.chaos.fault import Fault
from chaos_ecs.chaos.victims import Selection
from chaos_ecs.core.arns import name_of
from chaos_ecs.core.container_instances import ContainerInstance
from chaos_ecs.core.errors import ConflictException, InvalidParameterException
from chaos_ecs.core.faulting import DRAIN, SPOT
from chaos_ecs.core.instance_faults import SPOT_DRAINING
from chaos_ecs.core.recipe import Recipe
from chaos_ecs.core.state import State


def choose_instances(
    state: State, cluster_arn: str, fault: Fault, selection: Selection, rng: Random, *, forced: bool
) -> tuple[ContainerInstance, ...]:
    """In order of registration; none when nothing matches.

    Raises ConflictException where too many would be lost, InvalidParameterException for what does not exist.
    """
    known = state.instances_in(cluster_arn)
    if not known:
        raise InvalidParameterException(f"Cluster {name_of(cluster_arn)} has no container instances.")
    az = getattr(fault, "az", "")
    was_drawn = False
    if selection.instances:
        named = {instance.arn: instance for instance in (_named(known, name) for name in selection.instances)}
        chosen = sorted(named.values(), key=lambda instance: instance.number)
    elif az:
        chosen = [instance for instance in _in_zone(known, az) if not instance.is_off]
    else:
        chosen, was_drawn = _drawn(state, _in_zone(known, selection.zone), fault, selection, rng)
    if not forced:
        _spare(cluster_arn, known, chosen, was_drawn=was_drawn)
    return tuple(chosen)


def _named(known: Sequence[ContainerInstance], name: str) -> ContainerInstance:
    """By name, ARN, id or EC2's id."""
    for instance in known:
        if name in (instance.name, instance.arn, instance.id, instance.ec2_instance_id):
            return instance
    there = ", ".join(instance.name for instance in known)
    raise InvalidParameterException(f"There is no container instance {name[:64]}. There are: {there}.")


def _in_zone(known: Sequence[ContainerInstance], zone: str) -> list[ContainerInstance]:
    """`a` is us-east-1a. Raises for a zone that none is in."""
    if not zone:
        return list(known)
    found = [item for item in known if item.availability_zone in (zone, f"{item.availability_zone[:-1]}{zone}")]
    if not found:
        there = ", ".join(dict.fromkeys(instance.availability_zone for instance in known))
        raise InvalidParameterException(f"No container instance is in zone {zone[:32]}. They are in: {there}.")
    return found


def _drawn(
    state: State, known: Sequence[ContainerInstance], fault: Fault, selection: Selection, rng: Random
) -> tuple[list[ContainerInstance], bool]:
    """Of those that are ACTIVE and not under this fault; and whether nobody but a seed, or a share, has picked them."""
    free = [
        instance
        for instance in known
        if _serves(instance) and all(found.name != fault.name for found in state.faults_of(instance.arn))
    ]
    percent = getattr(fault, "drainage_percentage", None) or selection.percent
    count = selection.count if percent is None else len(free) * percent // 100
    if count is None or count >= len(free):
        return free, not selection.zone
    return sorted(rng.sample(free, count), key=lambda instance: instance.number), True


def _spare(
    cluster_arn: str, known: Sequence[ContainerInstance], chosen: Sequence[ContainerInstance], *, was_drawn: bool
) -> None:
    """Raises ConflictException if nothing could be placed any more, or if chance would take more than half."""
    active = [instance for instance in known if _serves(instance)]
    hit = [instance for instance in active if instance in chosen]
    cluster = name_of(cluster_arn)
    if active and len(hit) == len(active):
        which = "its last ACTIVE container instance"
        if len(active) > 1:
            which = f"all {len(active)} of its ACTIVE container instances"
        raise ConflictException(
            f"Cluster {cluster} would lose {which}: nothing could be placed. Take fewer, or say --force."
        )
    if was_drawn and len(hit) > max(1, len(active) // 2):
        raise ConflictException(
            f"Cluster {cluster} would lose {len(hit)} of its {len(active)} ACTIVE container instances, more than half, "
            "and nobody has named them. Take fewer, name them, or say --force."
        )


def _serves(instance: ContainerInstance) -> bool:
    return instance.is_active and instance.agent_connected and not instance.is_off


# --- words ---


def foretold(state: State, instance: ContainerInstance, recipe: Recipe) -> str:
    """What will become of its tasks: `2 service tasks move, 1 standalone task is lost for good`."""
    live = [task for task in state.live_tasks_on(instance.arn) if not task.standby]
    if not live:
        return "nothing runs on it"
    what_ours, what_alone = _fates(instance, recipe)
    ours = sum(bool(task.service_arn) for task in live)
    counted = ((ours, "service", what_ours), (len(live) - ours, "standalone", what_alone))
    return ", ".join(
        f"{count} {kind} task{'' if count == 1 else 's'} {fate[count != 1]}" for count, kind, fate in counted if count
    )


def _fates(instance: ContainerInstance, recipe: Recipe) -> tuple[tuple[str, str], tuple[str, str]]:
    """Of one service task and of several, of one standalone task and of several."""
    if recipe.do[0] == DRAIN:
        return ("moves", "move"), ("stays", "stay")
    lost = ("is lost for good", "are lost for good")
    if recipe.do[0] == SPOT and instance.attribute(SPOT_DRAINING) == "true":
        return ("moves before, if there is time", "move before, if there is time"), lost
    return ("dies and is replaced elsewhere", "die and are replaced elsewhere"), lost
