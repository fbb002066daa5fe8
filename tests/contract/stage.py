"""A controller on one of the contract suite's worlds: what it heals is seen through it and through the engine."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from chaos_ecs.controller import Controller
from chaos_ecs.core import arns
from chaos_ecs.core.messages import Command, CreateService, Event, OpenRegion, RegisterTaskDefinition
from chaos_ecs.core.model import ContainerDefinition, Service, Task
from chaos_ecs.ports import Store
from chaos_ecs.sim.store import MemoryStore
from tests.builders import CLUSTER, REGION, WEB, a_container, no_balancer
from tests.contract.worlds import World


@dataclass(frozen=True)
class Stage:
    """The controller is stepped by the world's `advance_until`, on the test's own thread."""

    world: World
    controller: Controller
    events: list[Event]

    def submit(self, command: Command) -> None:
        future = self.controller.request(lambda state: command, lambda state, now, events: None)
        self.controller.settle()
        future.result(0)

    def a_service(self, desired_count: int = 2, definition: ContainerDefinition | None = None) -> None:
        """The service web, of this container."""
        family = arns.family_arn(REGION, "healed")
        self.submit(RegisterTaskDefinition(family, (definition or a_container(),)))
        self.submit(CreateService(WEB, CLUSTER, f"{family}:1", desired_count))

    def await_whole(self, desired_count: int = 2) -> list[Task]:
        """Waits until as many run as are desired, no more and no fewer, in the record and in the engine; which."""

        def check() -> list[Task]:
            found = self.running
            assert len(found) == desired_count, self.told
            ids = dict.fromkeys(task.containers[0].runtime_id or "" for task in found)
            assert self.world.engine_runs().keys() == ids.keys(), self.told
            return found

        return self.world.advance_until(check)

    def await_stopped(self, task: Task) -> Task:
        def check() -> Task:
            assert self.task(task.arn).is_stopped, self.told
            return self.task(task.arn)

        return self.world.advance_until(check)

    def await_healed(self, dead: Task, kept: Task) -> Task:
        """Waits until the dead task is recorded and one new one runs beside the one kept; the record of the dead."""
        ended = self.await_stopped(dead)
        running = self.await_whole(2)
        assert kept.arn in {task.arn for task in running}
        assert self.service_tasks == 3, self.told
        return ended

    def task(self, arn: str) -> Task:
        return self.controller.state.tasks[arn]

    @property
    def service(self) -> Service:
        return self.controller.state.services[WEB]

    @property
    def service_tasks(self) -> int:
        """How many tasks the service has ever had."""
        return sum(task.service_arn == WEB for task in self.controller.state.tasks.values())

    @property
    def running(self) -> list[Task]:
        return [task for task in self.controller.state.live_tasks_of(WEB) if task.is_running]

    @property
    def told(self) -> str:
        return "\n".join(f"{event.type} {event.message}" for event in self.events)


def staged(world: World, store: Store | None = None) -> Stage:
    """A new controller with an empty record on this world; the region is open."""
    salt = uuid.uuid4().hex
    controller = Controller(
        clock=world.clock, runtime=world.runtime, balancer=no_balancer(), store=store or MemoryStore(), salt=salt
    )
    events: list[Event] = []
    controller.subscribe(events.extend)
    world.pump = controller.settle
    stage = Stage(world, controller, events)
    world.advance_until(lambda: controller.state.engine_connected)
    stage.submit(OpenRegion(REGION))
    return stage


def runtime_id(task: Task) -> str:
    found = task.containers[0].runtime_id
    assert found is not None
    return found
