"""A seeded monkey: random commands (good and bad), kills, removals, engine outages and crashes, and what must hold.

Safety is checked after every step of the controller. Then the monkey stops, everything is switched on again, and
every service must come to its desired count.
"""

from __future__ import annotations

from collections import Counter
from random import Random

from chaos_ecs.core import arns
from chaos_ecs.core.messages import (
    Command,
    CreateService,
    DeleteService,
    KillTask,
    OpenRegion,
    RegisterTaskDefinition,
    RunState,
    RunTask,
    SetStandby,
    StopTask,
    UpdateService,
)
from chaos_ecs.core.model import (
    ContainerDefinition,
    Dependency,
    DependencyCondition,
    DeploymentConfiguration,
    Service,
    ServiceStatus,
    TaskStatus,
)
from chaos_ecs.sim.engine import Behaviour, demo_behaviour
from chaos_ecs.sim.simulation import Simulation
from tests.builders import CLUSTER, REGION, a_container, definition_arn

SERVICES = ("web", "api", "worker")
CONVERGES_WITHIN_SECONDS = 120.0
STARTS_AT_ONCE = 8  # stated here again: the code's own number could be wrong


def behaviour(definition: ContainerDefinition) -> Behaviour:
    if definition.name == "stubborn":
        return Behaviour(stops_after_seconds=None)
    return demo_behaviour(definition)


class Monkey:
    def __init__(self, seed: int) -> None:
        self.rng = Random(f"monkey {seed}")
        self.simulation = Simulation(seed, behaviour)
        self.simulation.after_step = self.check_safety
        self.standalone_asked = 0
        self._status: dict[str, TaskStatus] = {}
        self._wanted: dict[str, set[str]] = {}
        self._standalone: set[str] = set()
        self._definitions = [definition_arn(family) for family in ("web-server", "worker", "flaky", "batch-job")]

    def prepare(self) -> None:
        self.simulation.submit(OpenRegion(REGION)).result(0)
        side = a_container("side", command=("worker",), essential=False)
        main = a_container("main", depends_on=(Dependency("side", DependencyCondition.START),))
        stubborn = a_container("stubborn", stop_timeout=3)
        missing = a_container("missing", image="no-such-image:9")
        for family, containers in (("pair", (side, main)), ("stubborn", (stubborn,)), ("missing", (missing,))):
            family_arn = arns.family_arn(REGION, family)
            self.simulation.submit(RegisterTaskDefinition(family_arn, containers)).result(0)
            self._definitions.append(definition_arn(family))

    def run(self, steps: int) -> None:
        """Makes trouble, `steps` times."""
        self.prepare()
        for _ in range(steps):
            if self.simulation.controller is None and self.rng.random() < 0.5:
                self.simulation.restart()
            self._act()
            self.simulation.advance(self.rng.choice((0.0, 0.01, 0.1, 0.5, 2.0, 20.0)))

    def _act(self) -> None:
        acts = (
            (10, self._command),
            (6, self._hit_a_container),
            (2, self._toggle_engine),
            (2, lambda: self.simulation.crash_after(self.rng.randrange(12))),
            (1, self.simulation.crash),
        )
        self.rng.choices([act for _, act in acts], [weight for weight, _ in acts])[0]()

    def _command(self) -> None:
        if self.simulation.controller is None:
            return
        command = self._draw_command()
        if isinstance(command, RunTask):  # before it is sent: a task may be seen while the answer is lost to a crash
            self.standalone_asked += command.count
        if self.rng.random() < 0.1:
            self.simulation.crash_after(self.rng.randrange(40))
        future = self.simulation.submit(command)
        refused = future.done() and future.exception(0) is not None
        if isinstance(command, RunTask) and refused:
            self.standalone_asked -= command.count

    def _draw_command(self) -> Command:
        state = self.simulation.state
        name = arns.service_arn(CLUSTER, self.rng.choice(SERVICES))
        definition = self.rng.choice([*self._definitions, definition_arn("unknown")])
        count = self.rng.choice((-1, 0, 1, 2, 3, 5, 12))
        limits = DeploymentConfiguration(*self.rng.choice(((100, 200), (50, 100), (0, 150), (100, 150))))
        tasks = list(state.tasks) or ["arn:aws:ecs:us-east-1:123456789012:task/my-cluster/none"]
        return self.rng.choice(
            (
                CreateService(name, CLUSTER, definition, count, deployment_configuration=limits),
                CreateService(name, CLUSTER, definition, count, deployment_configuration=limits),
                UpdateService(name, desired_count=count),
                UpdateService(name, task_definition_arn=definition, force_new_deployment=self.rng.random() < 0.3),
                DeleteService(name, force=self.rng.random() < 0.7),
                RunTask(CLUSTER, definition, self.rng.choice((0, 1, 2, 11))),
                StopTask(self.rng.choice(tasks)),
                KillTask(self.rng.choice(tasks)),
                KillTask(self.rng.choice(tasks), "SIGHUP"),
                SetStandby(name, self.rng.choice((-1, 0, 1, 3))),
            )
        )

    def _hit_a_container(self) -> None:
        """As somebody at a terminal would, behind the controller's back, whether it is up or not."""
        containers = list(self.simulation.engine.containers)
        if not containers or not self.simulation.engine.up:
            return
        victim = self.rng.choice(containers)
        engine = self.simulation.engine
        self.rng.choice(
            (
                lambda: engine.signal(victim, "SIGKILL"),
                lambda: engine.signal(victim, "SIGTERM"),
                lambda: engine.remove(victim),
                lambda: engine.restart(victim),
                lambda: engine.run_out_of_memory(victim),
            )
        )()

    def _toggle_engine(self) -> None:
        self.simulation.engine.up = not self.simulation.engine.up

    # --- what must hold ---

    def check_safety(self) -> None:
        simulation = self.simulation
        state = simulation.state
        made = Counter((c.seen.task_arn, c.seen.name) for c in simulation.engine.containers.values())
        assert all(count == 1 for count in made.values()), self._told("a container was made twice", made)
        starting = [(state.the_task(arn), name) for arn, name in state.starting]
        fetched = {
            task.container(name).image
            for task, name in starting
            if task.pull_started_at is not None and task.pull_stopped_at is None
        }
        working = [name for task, name in starting if task.container(name).image not in fetched]
        assert len(working) <= STARTS_AT_ONCE, self._told("too many starts at once", state.starting)
        for service in state.services.values():
            self._check_upper_limit(service)
        self._standalone |= {arn for arn, task in state.tasks.items() if task.service_arn is None}
        told = f"{len(self._standalone)} standalone tasks, {self.standalone_asked} asked for"
        assert len(self._standalone) <= self.standalone_asked, self._told("one was replaced", told)
        for arn, task in state.tasks.items():
            before = self._status.get(arn)
            assert before is None or before.rank <= task.last_status.rank, self._told("a task moved up", task)
            self._status[arn] = task.last_status

    def _check_upper_limit(self, service: Service) -> None:
        """No start takes a service above maximumPercent while a deployment is replaced, or else its desired count."""
        wanted = {task.arn for task in self.simulation.state.live_tasks_of(service.arn) if task.is_wanted}
        started = wanted - self._wanted.get(service.arn, set())
        self._wanted[service.arn] = wanted
        percent = service.deployment_configuration.maximum_percent if len(service.deployments) > 1 else 100
        if started:
            limit = service.desired_count * percent // 100
            assert len(wanted) <= limit, self._told(f"{len(wanted)} wanted, the limit is {limit}", service)

    def converge(self) -> None:
        """The trouble ends; every service comes to its count, and nothing is left that belongs to nobody."""
        simulation = self.simulation
        simulation.fuse.left = None
        simulation.engine.up = True
        simulation.restart()
        simulation.advance(1.0)
        self._mend_what_cannot_converge()
        simulation.advance(CONVERGES_WITHIN_SECONDS)
        state = simulation.state
        for service in state.services.values():
            if service.status is ServiceStatus.ACTIVE:
                self._check_converged(service.arn)
            else:
                assert service.status is ServiceStatus.INACTIVE, self._told("still draining", service)
                assert not state.live_tasks_of(service.arn)
        everybody = [*state.tasks.values(), *state.standbys.values()]
        known = {c.runtime_id for task in everybody for c in task.containers}
        gone = {c.runtime_id for task in everybody for c in task.containers if c.reaped}
        for runtime_id, container in simulation.engine.containers.items():
            assert runtime_id not in gone, self._told("its removal was lost", container.seen)
            assert runtime_id in known, self._told("belongs to nobody", container.seen)
            if container.seen.state is RunState.RUNNING:
                assert not state.the_task(container.seen.task_arn).is_stopped, self._told("runs on", container.seen)

    def _mend_what_cannot_converge(self) -> None:
        """A program that ends by itself never converges, nor do limits that leave no move (desired 1 at 100/150 %)."""
        room = DeploymentConfiguration(100, 200)
        for service in list(self.simulation.state.services.values()):
            if service.status is ServiceStatus.ACTIVE:
                ends = arns.family_of(service.task_definition_arn) in ("flaky", "batch-job")
                better = definition_arn("worker") if ends else None
                command = UpdateService(service.arn, task_definition_arn=better, deployment_configuration=room)
                self.simulation.submit(command)

    def _check_converged(self, service_arn: str) -> None:
        state = self.simulation.state
        service = state.services[service_arn]
        family = arns.family_of(service.primary.task_definition_arn)
        if family == "missing":
            newest = [t for t in state.live_tasks_of(service_arn) if t.deployment_id == service.primary.id]
            assert not any(task.is_running for task in newest), self._told("runs a missing image", service)
            # Two quiet minutes hold rounds after 1, 2, 4, 8, 16 and 32 seconds.
            assert service.throttle.level >= 5 or not service.desired_count, self._told("not slowed down", service)
            return
        there = {c.seen.task_arn for c in self.simulation.engine.running()}
        tasks = [task for task in state.live_tasks_of(service_arn) if task.is_running and task.arn in there]
        assert len(tasks) == service.desired_count, self._told("not converged", service)
        assert service.steady, self._told("not steady", service)
        ready = [task for task in state.standbys_of(service_arn) if task.is_ready_standby]
        assert len(ready) == len(state.standbys_of(service_arn)), self._told("a standby is not ready", service)
        assert len(ready) == service.standby_count, self._told(f"{len(ready)} standbys", service)
        assert len(service.deployments) == 1, self._told("an old deployment is left", service)

    def _told(self, what: str, about: object) -> str:
        last = [line[:160] for line in self.simulation.transcript().splitlines()[-60:]]
        return "\n".join((f"seed {self.simulation.seed}: {what}: {about}", *last))
