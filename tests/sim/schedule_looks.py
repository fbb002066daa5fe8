"""What tests of schedules look at and ask of a simulation."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from chaos_ecs.core.errors import EcsError
from chaos_ecs.core.messages import (
    Event,
    EventType,
)
from chaos_ecs.core.model import Task
from chaos_ecs.core.schedule_messages import (
    UpdateSchedule,
)
from chaos_ecs.core.schedules import RunTarget, Schedule
from chaos_ecs.sim.simulation import Simulation
from tests.builders import CLUSTER

QUEUE = "arn:aws:sqs:us-east-1:123456789012:letters"
MISSING = RunTarget(CLUSTER, "missing")


def told(simulation: Simulation, type_: EventType) -> list[Event]:
    return [event for event in simulation.events if event.type is type_]


def ran(simulation: Simulation) -> list[Event]:
    return told(simulation, EventType.SCHEDULE_RAN)


def the_schedule(simulation: Simulation, arn: str) -> Schedule:
    return simulation.state.schedules[arn]


def tasks_of(simulation: Simulation) -> list[Task]:
    """What schedules have started, in order."""
    found = [task for task in simulation.state.tasks.values() if task.started_by.startswith("chronos-schedule/")]
    return sorted(found, key=lambda task: task.number)


def updated(simulation: Simulation, arn: str, **members: Any) -> None:
    design = replace(the_schedule(simulation, arn).design, **members)
    simulation.submit(UpdateSchedule(arn, design)).result(0)


def refused(simulation: Simulation, command: Any) -> EcsError:
    error = simulation.submit(command).exception(0)
    assert isinstance(error, EcsError)
    return error
