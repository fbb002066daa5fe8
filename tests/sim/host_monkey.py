"""A seeded monkey on 50 container instances in 3 zones: they come, are drained, forced out and lost, while services are
scaled and deployed and the controller crashes. Afterwards everything has room, and all of it has to be in order.
"""

from __future__ import annotations

import math
from collections import Counter
from random import Random

from chaos_ecs.core.arns import service_arn
from chaos_ecs.core.container_instances import ContainerInstance, ContainerInstanceStatus
from chaos_ecs.core.deploying import DeploymentConfiguration
from chaos_ecs.core.instance_messages import DeregisterContainerInstance, SetContainerInstanceStatuses
from chaos_ecs.core.messages import Command, RunTask, StopTask, UpdateService
from chaos_ecs.core.model import Service, StopCode
from chaos_ecs.core.placement_rules import Words
from chaos_ecs.sim.simulation import Simulation
from tests.builders import CLUSTER, a_container, a_simulation, registered, running
from tests.sim.hosts import a_host, a_placed_service, check_hosts, name_of_host, registration, zones

HOSTS = 50
ENGINES = 3  # of the container instances so many stand for engines of their own
STEADY_WITHIN_SECONDS = 240.0
SPREAD: Words = ()
KINDS: dict[str, tuple[Words, Words]] = {
    "spread": (SPREAD, ()),
    "packed": ((("binpack", "memory"),), ()),
    "apart": (SPREAD, (("distinctInstance", ""),)),
}


class HostMonkey:
    def __init__(self, seed: int) -> None:
        self.rng = Random(f"hosts {seed}")
        self.simulation: Simulation = a_simulation(seed)
        self.made = 0
        self.services = {kind: service_arn(CLUSTER, kind) for kind in (*KINDS, "agent")}
        self._healthy: dict[str, set[str]] = {}
        self._prepare()
        self.simulation.after_step = self.check

    def _prepare(self) -> None:
        for _ in range(HOSTS):
            self.simulation.submit(self._registration()).result(0)
        self.definitions = [
            registered(self.simulation, a_container("web-server", memory=memory), family="hosted")
            for memory in (256, 512)
        ]
        limits = DeploymentConfiguration(0, 100)
        agent = registered(self.simulation, a_container("agent", memory=32), family="agent")
        a_placed_service(
            self.simulation, 0, arn=self.services["agent"], definition=agent, is_daemon=True, limits=limits
        )
        for kind, (strategies, constraints) in KINDS.items():
            a_placed_service(
                self.simulation,
                9,
                arn=self.services[kind],
                definition=self.definitions[0],
                strategies=strategies,
                constraints=constraints,
                rebalances=kind != "packed",
                limits=DeploymentConfiguration(*self.rng.choice(((100, 200), (50, 150), (50, 100)))),
            )
        self.simulation.advance(20)

    def _registration(self) -> Command:
        self.made += 1
        name = f"{'abc'[self.made % 3]}{self.made}"
        return registration(self.simulation, name, memory=self.rng.choice((600, 1200, 2048)), engine=self._engine(name))

    def _engine(self, name: str) -> str:
        return name if self.made <= ENGINES or self.rng.random() < 0.1 else ""

    # --- trouble ---

    def run(self, steps: int) -> None:
        for _ in range(steps):
            self.simulation.restart()
            act = self.rng.choice((self._hosts, self._hosts, self._service, self._task, self._silence, self._crash))
            act()
            self.simulation.advance(self.rng.choice((0.0, 0.1, 0.7, 3.0, 12.0)))

    def _hosts(self) -> None:
        known = self.simulation.state.instances_in(CLUSTER)
        victims = self.rng.sample(known, min(len(known), self.rng.choice((1, 1, 3, 17))))
        if self.rng.random() < 0.2:
            self._submit(self._registration())
        for victim in victims:
            self._submit(self._change(victim, forces=len(victims) == 1 and len(known) > 2))

    def _change(self, victim: ContainerInstance, *, forces: bool) -> Command:
        if forces and self.rng.random() < 0.4:
            return DeregisterContainerInstance(victim.arn, force=True)
        status = ContainerInstanceStatus.DRAINING if victim.is_active else ContainerInstanceStatus.ACTIVE
        return SetContainerInstanceStatuses((victim.arn,), status)

    def _service(self) -> None:
        arn = self.services[self.rng.choice(list(KINDS))]
        if self.rng.random() < 0.5:
            self._submit(UpdateService(arn, desired_count=self.rng.choice((0, 3, 9, 15))))
        else:
            self._submit(UpdateService(arn, task_definition_arn=self.rng.choice(self.definitions)))

    def _task(self) -> None:
        if self.rng.random() < 0.4:
            self._submit(RunTask(CLUSTER, self.definitions[0], self.rng.choice((1, 3))))
        elif self.simulation.state.tasks:
            self._submit(StopTask(self.rng.choice(list(self.simulation.state.tasks))))

    def _silence(self) -> None:
        engine = self.rng.choice(list(self.simulation.further.known.values()))
        if engine.up and self.rng.random() < 0.3:
            engine.lose_power()
        else:
            engine.up = not engine.up

    def _crash(self) -> None:
        self.simulation.crash_after(self.rng.randrange(25))

    def _submit(self, command: Command) -> None:
        if self.simulation.controller:
            self.simulation.submit(command)

    # --- what must hold ---

    def check(self) -> None:
        """No container instance is overbooked; two of a kind that are to be apart are; no drain or deployment takes
        a service below its lower limit."""
        state = self.simulation.state
        check_hosts(state)
        apart = [task for task in state.live_tasks_of(self.services["apart"]) if task.is_wanted]
        shared = [arn for arn, count in Counter(task.container_instance_arn for task in apart).items() if count > 1]
        assert not shared, self._told(f"two on {shared}")
        for kind in KINDS:
            self._check_lower_limit(state.services[self.services[kind]])

    def _check_lower_limit(self, service: Service) -> None:
        state = self.simulation.state
        live = state.live_tasks_of(service.arn)
        now_running = {task.arn for task in live if task.is_running}
        stopped = [
            arn
            for arn in self._healthy.get(service.arn, set()) - now_running
            if arn in state.tasks and self._is_for_a_newer(state.tasks[arn].stop_code, service)
        ]
        self._healthy[service.arn] = now_running
        least = math.ceil(service.desired_count * service.deployment_configuration.minimum_healthy_percent / 100)
        others = any(task.stop_code not in (None, StopCode.SERVICE_SCHEDULER_INITIATED) for task in live)
        if stopped and not others and self.simulation.crashes == 0:
            told = f"{service.name}: {len(now_running)} run, the limit is {least}"
            assert len(now_running) >= least, self._told(told)

    @staticmethod
    def _is_for_a_newer(code: StopCode | None, service: Service) -> bool:
        return code is StopCode.SERVICE_SCHEDULER_INITIATED and service.desired_count > 0

    def converge(self) -> None:
        """Nothing breaks any more, there is room for all: every service is steady, spread, and nothing is left over."""
        simulation = self.simulation
        simulation.fuse.left = None
        for engine in simulation.further.known.values():
            engine.up = True
        simulation.restart()
        for instance in simulation.state.instances_in(CLUSTER):
            simulation.submit(SetContainerInstanceStatuses((instance.arn,), ContainerInstanceStatus.ACTIVE)).result(0)
        for zone in "abc":
            for number in range(6):
                a_host(simulation, f"{zone}spare{number}", memory=4096)
        for arn in (self.services[kind] for kind in KINDS):
            room = DeploymentConfiguration(100, 200)
            simulation.submit(UpdateService(arn, desired_count=9, deployment_configuration=room)).result(0)
        simulation.advance(STEADY_WITHIN_SECONDS)
        for kind, arn in self.services.items():
            service = simulation.state.services[arn]
            there = [task.arn for task in running(simulation, arn)]
            assert (len(there), service.steady) == (service.desired_count, True), self._told(f"{kind} is not steady")
        self._check_spread()
        self._check_engines()

    def _check_spread(self) -> None:
        agents = running(self.simulation, self.services["agent"])
        homes = Counter(name_of_host(self.simulation, task) for task in agents)
        names = {instance.name for instance in self.simulation.state.instances_in(CLUSTER)}
        assert homes == dict.fromkeys(names, 1), self._told(f"agents on {homes}")
        for kind in ("spread", "apart"):
            counts = zones(self.simulation, self.services[kind])
            assert set(counts) == set("abc"), self._told(f"{kind} in {counts}")
            assert max(counts.values()) - min(counts.values()) <= 1, self._told(f"{kind} in {counts}")

    def _check_engines(self) -> None:
        state = self.simulation.state
        used = {instance.engine for instance in state.instances_in(CLUSTER)}
        for name, engine in {"": self.simulation.engine, **self.simulation.further.known}.items():
            for container in engine.running() if not name or name in used else ():
                task = state.find_task(container.seen.task_arn)
                is_at_home = task is not None and not task.is_stopped and state.engine_of(task) == name
                assert is_at_home, self._told(f"{container.seen.task_arn} runs on {name}")
        assert set(state.engines) == used - {""}, self._told(f"{set(state.engines)} are in use")

    def _told(self, what: str) -> str:
        last = [line[:180] for line in self.simulation.transcript().splitlines()[-40:]]
        return "\n".join((f"seed {self.simulation.seed}: {what}", *last))
