"""The fault of ARCHITECTURE.md's guide, in both worlds: asked for, measured, undone in time, without a trace."""

from __future__ import annotations

from random import Random

from chaos_ecs.chaos import parameters
from chaos_ecs.chaos.aiming import Order, aimed
from chaos_ecs.chaos.victims import Selection
from chaos_ecs.core.faulting import FaultStatus
from chaos_ecs.core.messages import EventType
from tests.builders import CLUSTER, WEB
from tests.contract.stage import Stage, runtime_id, staged
from tests.contract.worlds import DockerWorld, World
from tests.toy_fault import litter

SECONDS = 2


def inject(stage: Stage) -> str:
    """The id of the fault, on one task of the service."""
    fault = parameters.made(litter(), {"duration": f"{SECONDS}s"})
    order = Order(fault, CLUSTER, Selection(service_arn=WEB))
    stage.submit(aimed(stage.controller.state, order, Random(1), stage.world.clock.now()))
    return next(iter(stage.controller.state.faults))


def litters(world: World, container: str) -> bool:
    """Whether the file is there; in the simulator, whether the container is hurt."""
    if isinstance(world, DockerWorld):
        made = world.client.exec_create(container, ["test", "-e", "/tmp/litter"])
        world.client.exec_start(made["Id"])
        return bool(world.client.exec_inspect(made["Id"])["ExitCode"] == 0)
    return bool(world.engine.symptoms_of(container))  # type: ignore[attr-defined]


def test_the_fault_of_the_guide_shows_on_a_container_and_is_undone_in_time(world: World) -> None:
    stage = staged(world)
    stage.a_service(2)
    stage.await_whole(2)
    fault_id = inject(stage)
    world.advance_until(lambda: stage.controller.state.faults[fault_id].status is FaultStatus.ACTIVE)
    (hit,) = stage.controller.state.faults[fault_id].hits
    victim = runtime_id(stage.task(hit.task_arn))
    assert litters(world, victim)
    assert hit.proof
    world.advance_until(lambda: stage.controller.state.faults[fault_id].is_over)
    assert not litters(world, victim)
    assert stage.controller.state.faults[fault_id].status is FaultStatus.COMPLETED
    (undone,) = [event for event in stage.events if event.type is EventType.FAULT_UNDONE]
    assert SECONDS <= undone.data["lasted"] < SECONDS + 2
