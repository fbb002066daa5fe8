"""Container instances and clusters as targets of an experiment. A part of `experiment.py`: pure, reads State."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random

from chaos_ecs.chaos import designs
from chaos_ecs.chaos.aiming import Order, aimed
from chaos_ecs.chaos.victims import Selection
from chaos_ecs.core.arns import name_of, region_of
from chaos_ecs.core.container_instances import ContainerInstance
from chaos_ecs.core.errors import EcsError
from chaos_ecs.core.experimenting import TargetSpec
from chaos_ecs.core.fault_messages import InjectFault
from chaos_ecs.core.state import State


def elsewhere(state: State, region: str, cluster: str, target: TargetSpec) -> list[str]:
    """The ARNs of the clusters, or of the container instances, that the target means, in order of creation. An EC2
    instance is named by its own ARN, or by that of the container instance."""
    if target.resource_type == designs.CLUSTER:
        known = [item for item in state.clusters.values() if region_of(item.arn) == region and item.status == "ACTIVE"]
        return [item.arn for item in known if _meant(target, (item.arn,), item.tags)]
    zone = dict(target.parameters).get("availabilityZoneIdentifier", "")
    found = [item for arn in state.clusters if region_of(arn) == region for item in state.instances_in(arn)]
    return [
        item.arn
        for item in sorted(found, key=lambda item: item.number)
        if not item.is_off
        and cluster in ("", item.cluster_arn)
        and zone in ("", item.availability_zone)
        and _meant(target, (item.arn, _ec2_name(item)), item.tags)
    ]


def _meant(target: TargetSpec, names: Sequence[str], tags: tuple[tuple[str, str], ...]) -> bool:
    if target.resource_arns:
        return any(arn in names or f"instance/{name_of(arn)}" in names for arn in target.resource_arns)
    return all(tag in tags for tag in target.resource_tags)


def _ec2_name(instance: ContainerInstance) -> str:
    """The end of its EC2 ARN, whatever account that names."""
    return f"instance/{instance.ec2_instance_id}"


def cluster_hit(state: State, arn: str) -> str:
    """The cluster that a fault of this cluster, or of this container instance, hits; "" for anything else."""
    instance = state.container_instances.get(arn)
    return instance.cluster_arn if instance else arn if arn in state.clusters else ""


def at_instances(state: State, order: Order, wanted: Sequence[str], rng: Random, now: float) -> InjectFault:
    """The Command that hits these container instances, or those of these clusters."""
    clusters = [arn for arn in wanted if arn in state.clusters]
    if not clusters:
        there = tuple(arn for arn in wanted if arn in state.container_instances)
        if not there:
            raise EcsError("all container instances it was aimed at are gone")
        return aimed(state, replace(order, selection=Selection(instances=there)), rng, now)
    found = [aimed(state, replace(order, cluster_arn=arn), rng, now) for arn in clusters]
    return replace(found[0], aims=tuple(aim for one in found for aim in one.aims))
