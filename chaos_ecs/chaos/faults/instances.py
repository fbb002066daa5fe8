"""Faults of container instances: drained, without power, a whole zone, a Spot interruption. No container is touched by
them; `core/instance_faults.py` carries them out, and what becomes of the tasks is the scheduler's."""

from __future__ import annotations

from dataclasses import dataclass

from chaos_ecs.chaos.fault import Fault, Scope, Victim, also, duration, number, text
from chaos_ecs.core.faulting import DRAIN, POWER, SPOT, interruption
from chaos_ecs.core.model import StopCode
from chaos_ecs.core.recipe import Means, Recipe, Symptom

DEFAULT_SECONDS = 60.0
NOTICE_SECONDS = 120.0

CLUSTERS = ("Clusters", "aws:ecs:cluster")

SPOT_INTERRUPTED = "Your Spot Task was interrupted."
"""Developer Guide, "Amazon ECS clusters for Fargate": the stopped reason of a task on FARGATE_SPOT."""


class InstanceFault(Fault):
    """What those have in common that are aimed at container instances alone."""

    scope = Scope.INSTANCES

    def recipe(self, victim: Victim) -> Recipe:
        return self.instance_recipe()


@dataclass(frozen=True, kw_only=True)
class DrainInstance(InstanceFault):
    """Drains container instances: service tasks move, within their service's limits, and standalone tasks stay."""

    name = "drain-instance"
    action_id = "aws:ecs:drain-container-instances"
    fis_targets = (CLUSTERS,)
    picks = ("instances", "zone")

    duration: float = duration(DEFAULT_SECONDS)
    drainage_percentage: int = number(
        "Of the ACTIVE ones, in percent, rounded down; those that are named are all drained.",
        default=100,
        least=1,
        most=100,
    )

    def describe(self) -> str:
        return f"makes container instances DRAINING for {self.seconds:g} s"

    def instance_recipe(self) -> Recipe:
        return Recipe(Means.CONTROL, do=(DRAIN,))


@dataclass(frozen=True, kw_only=True)
class InstanceStop(InstanceFault):
    """Takes a container instance's power: all its tasks die at once, and nothing is placed there."""

    name = "instance-stop"
    action_id = "chaos-ecs:instance-stop"
    fis_targets = (("Instances", "aws:ec2:instance"),)
    picks = ("instances", "zone", "count")

    duration: float = duration(DEFAULT_SECONDS)

    def describe(self) -> str:
        return f"takes the power of container instances for {self.seconds:g} s"

    def instance_recipe(self) -> Recipe:
        return Recipe(Means.CONTROL, do=(POWER,))


@dataclass(frozen=True, kw_only=True)
class AzPowerInterruption(InstanceFault):
    """Takes the power of all container instances of an availability zone."""

    name = "az-power-interruption"
    action_id = "chaos-ecs:az-power-interruption"
    fis_targets = (CLUSTERS,)

    az: str = text("The availability zone: us-east-1a, or its last letter.")
    duration: float = duration(DEFAULT_SECONDS)

    def describe(self) -> str:
        return f"takes the power of zone {self.az} for {self.seconds:g} s"

    def instance_recipe(self) -> Recipe:
        return Recipe(Means.CONTROL, do=(POWER,))


@dataclass(frozen=True, kw_only=True)
class SpotInterruption(Fault):
    """Takes Spot capacity back after a notice: a task on FARGATE_SPOT is stopped, a container instance loses power."""

    name = "spot-interruption"
    action_id = "aws:ec2:send-spot-instance-interruptions"
    capacity_provider = "FARGATE_SPOT"
    fis_targets = (("SpotInstances", "aws:ec2:spot-instance"), ("Tasks", "aws:ecs:task"))
    picks = ("instances", "zone")

    duration_before_interruption: float = also(
        "--notice",
        duration(NOTICE_SECONDS, help_="From the notice to the end of the capacity.", most=15 * 60.0),
    )
    duration: float = duration(
        DEFAULT_SECONDS, help_="How long a container instance is away; a task on FARGATE_SPOT does not come back."
    )

    def describe(self) -> str:
        return (
            f"gives notice to Spot capacity: tasks are told to stop, {self.duration_before_interruption:g} s are left"
        )

    def recipe(self, victim: Victim) -> Recipe:
        do = interruption(SPOT_INTERRUPTED, StopCode.SPOT_INTERRUPTION, self.duration_before_interruption)
        return Recipe(Means.STOP, do=do, symptom=Symptom.ENDS, is_deadly=True)

    def instance_recipe(self) -> Recipe:
        return Recipe(Means.CONTROL, do=(SPOT, f"{self.duration_before_interruption:g}"))
