"""A seeded monkey: random commands (good and bad), kills, removals, engine outages and crashes, and what must hold.

Safety is checked after every step of the controller. Then the monkey stops, everything is switched on again, and
every service must come to its desired count.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from dataclasses import replace
from random import Random

from chaos_ecs.core import arns
from chaos_ecs.core.balancing import TargetState
from chaos_ecs.core.container_settings import RestartPolicy
from chaos_ecs.core.deploying import (
    DeploymentConfiguration,
    HookAction,
    LifecycleStage,
    RolloutState,
)
from chaos_ecs.core.messages import (
    Command,
    CreateService,
    DeleteService,
    Event,
    EventType,
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
    Service,
    ServiceStatus,
    StopCode,
    Task,
    TaskStatus,
)
from chaos_ecs.core.rollout_messages import ContinueServiceDeployment, StopServiceDeployment
from chaos_ecs.core.state import ROUTING
from chaos_ecs.sim.engine import Behaviour, demo_behaviour
from chaos_ecs.sim.simulation import Simulation
from tests.builders import (
    CLUSTER,
    REGION,
    a_container,
    a_second_target_group,
    a_target_group,
    definition_arn,
    registered,
)
from tests.sim.draws import a_scaling, a_strategy
from tests.sim.fault_trouble import LONGEST_SECONDS, FaultTrouble
from tests.sim.schedule_trouble import ScheduleTrouble

SERVICES = ("web", "api", "worker")
BALANCED = "web"  # behind a target group, or two
CONVERGES_WITHIN_SECONDS = 120.0
STARTS_AT_ONCE = 8  # stated here again: the code's own number could be wrong


def behaviour(definition: ContainerDefinition) -> Behaviour:
    if definition.name == "stubborn":
        return Behaviour(stops_after_seconds=None)
    return demo_behaviour(definition)


class Monkey:
    def __init__(self, seed: int) -> None:
        self.rng = Random(f"monkey {seed}")
        self.scaling_rng = Random(f"scaling {seed}")  # apart: the other trouble stays what it was
        self.shifting_rng = Random(f"shifting {seed}")
        self.load = 100.0  # CPU in percent of one task, shared by all of a service
        self.simulation = Simulation(seed, lambda program: replace(behaviour(program), shared_cpu_percent=self.load))
        self.simulation.after_step = self.check_safety
        self.faults = FaultTrouble(seed, self.simulation)
        self.schedules = ScheduleTrouble(seed, self.simulation)
        self.standalone_asked = 0
        self._status: dict[str, TaskStatus] = {}
        self._wanted: dict[str, set[str]] = {}
        self._standalone: set[str] = set()
        self._served: list[str] = []
        self._events_checked = 0
        self._healthy: dict[str, set[str]] = {}
        self._shares: dict[str, float] = {}  # what the newest deployment of a service was sent at most, in percent
        self._definitions = [definition_arn(family) for family in ("web-server", "worker", "flaky", "batch-job")]

    def prepare(self) -> None:
        self.simulation.submit(OpenRegion(REGION)).result(0)
        again = RestartPolicy(attempt_period=60)
        side = a_container("side", command=("worker",), essential=False, restart_policy=again)
        main = a_container("main", depends_on=(Dependency("side", DependencyCondition.START),))
        stubborn = a_container("stubborn", stop_timeout=3, restart_policy=again)
        missing = a_container("missing", image="no-such-image:9")
        for family, containers in (("pair", (side, main)), ("stubborn", (stubborn,)), ("missing", (missing,))):
            family_arn = arns.family_arn(REGION, family)
            self.simulation.submit(RegisterTaskDefinition(family_arn, containers)).result(0)
            self._definitions.append(definition_arn(family))
        self.group = a_target_group(self.simulation)
        self.pair = (a_second_target_group(self.simulation, self.group),)
        for code in ("200", "500"):
            self._register_web(code)

    def _register_web(self, code: str) -> None:
        """A program that answers health checks with this code: what the service that is balanced may run."""
        container = a_container("web-server", environment=(("HEALTH", code),))
        self._served.append(registered(self.simulation, container, family="served"))

    def run(self, steps: int) -> None:
        """Makes trouble, `steps` times."""
        self.prepare()
        for _ in range(steps):
            if self.simulation.controller is None and self.rng.random() < 0.5:
                self.simulation.restart()
            self._act()
            self._scale()
            self._shift()
            self.faults.act()
            self.schedules.act()
            self.simulation.advance(self.rng.choice((0.0, 0.01, 0.1, 0.5, 2.0, 20.0)))

    def _act(self) -> None:
        acts = (
            (10, self._command),
            (6, self._hit_a_container),
            (1, self._hit_the_balancer),
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
        service = self.rng.choice(SERVICES)
        name = arns.service_arn(CLUSTER, service)
        known = self._served if service == BALANCED else self._definitions
        definition = self.rng.choice([*known, definition_arn("unknown")])
        load_balancers = self.pair if service == BALANCED else ()
        count = self.rng.choice((-1, 0, 1, 2, 3, 5, 12))
        percents = self.rng.choice(((100, 200), (50, 100), (0, 150), (100, 150)))
        limits = DeploymentConfiguration(*percents, *self.rng.choice(((False, False), (True, False), (True, True))))
        tasks = list(state.tasks) or ["arn:aws:ecs:us-east-1:123456789012:task/my-cluster/none"]
        create = CreateService(
            name, CLUSTER, definition, count, deployment_configuration=limits, load_balancers=load_balancers
        )
        records = list(state.service_deployments) or ["none"]
        return self.rng.choice(
            (
                create,
                create,
                UpdateService(name, desired_count=count),
                UpdateService(name, task_definition_arn=definition, force_new_deployment=self.rng.random() < 0.3),
                DeleteService(name, force=self.rng.random() < 0.7),
                RunTask(CLUSTER, definition, self.rng.choice((0, 1, 2, 11))),
                StopTask(self.rng.choice(tasks)),
                KillTask(self.rng.choice(tasks)),
                KillTask(self.rng.choice(tasks), "SIGHUP"),
                SetStandby(name, self.rng.choice((-1, 0, 1, 3))),
                StopServiceDeployment(self.rng.choice(records)),
                UpdateService(name, deployment_configuration=limits),
            )
        )

    def _scale(self) -> None:
        """The load changes, and somebody changes what scales the services."""
        self.load = self.scaling_rng.choice((self.load, self.load, 0.0, 30.0, 100.0, 400.0))
        for name in SERVICES:
            if self.simulation.controller is not None and self.scaling_rng.random() < 0.4:
                self.simulation.submit(a_scaling(self.scaling_rng, arns.service_arn(CLUSTER, name), self.group))

    def _shift(self) -> None:
        """Somebody deploys another version of the balanced service by moving traffic, or answers a hook."""
        if self.simulation.controller is None or self.shifting_rng.random() < 0.7:
            return
        name = arns.service_arn(CLUSTER, BALANCED)
        service = self.simulation.state.services.get(name)
        shift = service.primary.shift if service and service.deployments else None
        if shift and shift.pause and self.shifting_rng.random() < 0.5:
            record = self.simulation.state.deployments_of(name)[0]
            action = self.shifting_rng.choice(list(HookAction))
            self.simulation.submit(ContinueServiceDeployment(record.arn, shift.pause.id, action))
            return
        if shift and shift.production_percent and self.shifting_rng.random() < 0.7:
            self.simulation.submit(StopServiceDeployment(self.simulation.state.deployments_of(name)[0].arn))
            return
        self.simulation.submit(
            UpdateService(
                name,
                task_definition_arn=self.shifting_rng.choice(self._served),
                force_new_deployment=True,
                deployment_configuration=a_strategy(self.shifting_rng),
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
                lambda: engine.set_serves(victim, self.rng.choice(("200", "503", "silence"))),
            )
        )()

    def _hit_the_balancer(self) -> None:
        self.simulation.balancer.kill()

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
            self._check_lower_limit(service)
            self._check_share(service)
        assert not self.faults.wrong(), self._told("a fault", self.faults.wrong())
        wrong = self.schedules.wrong()
        assert not wrong, self._told("a schedule", wrong)
        self._check_routing()
        self._check_names()
        self._check_scaling()
        by_hand = {arn for arn, task in state.tasks.items() if task.service_arn is None and not task.started_by}
        self._standalone |= by_hand
        told = f"{len(self._standalone)} standalone tasks, {self.standalone_asked} asked for"
        assert len(self._standalone) <= self.standalone_asked, self._told("one was replaced", told)
        for arn, task in state.tasks.items():
            before = self._status.get(arn)
            assert before is None or before.rank <= task.last_status.rank, self._told("a task moved up", task)
            self._status[arn] = task.last_status

    def _check_upper_limit(self, service: Service) -> None:
        """No start takes a service above maximumPercent while something is replaced, or else its desired count."""
        wanted = {task.arn for task in self.simulation.state.live_tasks_of(service.arn) if task.is_wanted}
        started = wanted - self._wanted.get(service.arn, set())
        self._wanted[service.arn] = wanted
        replaces = len(service.deployments) > 1 or service.load_balancers  # whose targets may be unhealthy
        percent = service.deployment_configuration.maximum_percent if replaces else 100
        shift = service.primary.shift if service.deployments else None
        both = shift is not None and shift.stage is not LifecycleStage.CLEAN_UP
        if started:
            limit = service.desired_count * percent // 100 + (service.desired_count if both else 0)
            assert len(wanted) <= limit, self._told(f"{len(wanted)} wanted, the limit is {limit}", service)

    def _check_lower_limit(self, service: Service) -> None:
        """What the scheduler stops for a newer deployment leaves as many healthy as minimumHealthyPercent says; and a
        failed deployment takes nothing from the one that serves."""
        live = self.simulation.state.live_tasks_of(service.arn)
        healthy = {task.arn for task in live if task.is_running and self._is_served(task, service)}
        healthy &= self._asked(service, live)
        doomed = {
            task.arn
            for task in live
            if task.stop_code is StopCode.SERVICE_SCHEDULER_INITIATED and task.deployment_id != service.primary.id
        }
        gone = (self._healthy.get(service.arn, set()) & doomed & self._asked(service, live)) - self._just_turned_bad()
        self._healthy[service.arn] = healthy
        if gone and service.status is ServiceStatus.ACTIVE and not self._just_came_back():
            percent = service.deployment_configuration.minimum_healthy_percent
            least = math.ceil(service.desired_count * percent / 100)
            assert len(healthy) >= least, self._told(f"{len(healthy)} healthy, the limit is {least}", service)
            failed = service.primary.rollout_state is RolloutState.FAILED
            assert not failed, self._told("a failed deployment stopped what serves", service)

    def _check_share(self, service: Service) -> None:
        """A new version is sent more of the requests only when all of its tasks are healthy; when no traffic moves, the
        newest one has all of it."""
        if not service.deployments:
            return
        shift = service.primary.shift
        share = shift.production_percent if shift else 0.0
        before = self._shares.get(service.primary.id, 0.0)
        self._shares[service.primary.id] = max(share, before)
        revision = self.simulation.state.service_revisions.get(service.primary.revision_arn)
        if service.load_balancers and revision and service.status is ServiceStatus.ACTIVE and shift is None:
            (listener,) = self.simulation.state.listeners.values()
            asked = {arn for arn, weight in listener.default.groups if weight}
            own = {item.target_group_arn for item in revision.resolved}
            assert asked == own, self._told(f"requests go to {asked}", service)
        if share > before:
            live = self.simulation.state.live_tasks_of(service.arn)
            mine = [task for task in live if task.is_running and task.deployment_id == service.primary.id]
            good = [task for task in mine if self._is_served(task, service)]
            count = len({task.arn for task in good} | (self._just_turned_bad() & {task.arn for task in mine}))
            assert count >= service.desired_count, self._told(f"sent {share} % with {count} healthy", service)

    def _asked(self, service: Service, live: list[Task]) -> set[str]:
        """Those that requests go to: of two target groups one may have no weight."""
        weighted = {
            arn
            for listener in self.simulation.state.listeners.values()
            for arn, weight in listener.default.groups
            if weight or not service.load_balancers
        }
        targets = {task.arn: self.simulation.state.targets_of(task.arn) for task in live}
        return {arn for arn, own in targets.items() if all(target.target_group_arn in weighted for target in own)}

    def _just_turned_bad(self) -> set[str]:
        """Whom the step that has just been made found unhealthy: they may have been stopped in the same step."""
        targets = {event.task_arn for event in self._latest() if event.type is EventType.TARGET_HEALTH_CHANGED}
        sick = [event.data["tasks"] for event in self._latest() if event.type is EventType.TASK_UNHEALTHY]
        return targets.union(*sick)

    def _latest(self) -> list[Event]:
        """What happened at this moment."""
        now = self.simulation.clock.now()
        return list(itertools.takewhile(lambda event: event.at == now, reversed(self.simulation.events)))

    def _just_came_back(self) -> bool:
        """Whether a new controller has just looked around: what died meanwhile, and what the one before had stopped
        without our having seen it, is all in this one step."""
        return any(event.type is EventType.CONTROLLER_STARTED for event in self._latest())

    def _is_served(self, task: Task, service: Service) -> bool:
        targets = self.simulation.state.targets_of(task.arn)
        states = [target.state for target in targets]
        return len(states) >= len(service.load_balancers) and all(state is TargetState.HEALTHY for state in states)

    def _check_scaling(self) -> None:
        """Scaling leaves a service within its limits."""
        told, self._events_checked = self.simulation.events[self._events_checked :], len(self.simulation.events)
        for event in told:
            if event.type is EventType.SERVICE_SCALED:
                target = self.simulation.state.scalable_targets[event.service_arn]
                count = event.data["desiredCount"]
                assert target.min_capacity <= count <= target.max_capacity, self._told(f"scaled to {count}", target)

    def _check_routing(self) -> None:
        """Requests go only to targets whose container was running when it was last seen, at the address it has."""
        state = self.simulation.state
        if ROUTING in state.touched or self.faults.is_held():  # the step that follows at once tells the balancer
            return
        for group in state.routing.groups if state.routing else ():
            for target in group.targets:
                arn = f"{CLUSTER.replace(':cluster/', ':task/', 1)}/{target.id}"
                task = state.find_task(arn)
                assert task is not None, self._told("a target of no task", target)
                live = any(one.is_live and one.address == target.address for one in task.containers)
                assert live or not state.engine_connected, self._told("a dead target is served", target)

    def _check_names(self) -> None:
        """A service's names lead only to its own tasks that are wanted, at the address they have."""
        state = self.simulation.state
        if not state.engine_connected or self.faults.is_held():
            return
        for arn, (names, addresses) in state.published.items():
            if arn in state.touched or not names:  # the step that follows at once publishes anew
                continue
            tasks = [task for task in state.live_tasks_of(arn) if task.is_wanted]
            known = {container.address for task in tasks for container in task.containers if container.is_live}
            assert known.issuperset(addresses), self._told("a name leads to nobody", (names, addresses, known))

    def converge(self) -> None:
        """The trouble ends; every service comes to its count, and nothing is left that belongs to nobody."""
        simulation = self.simulation
        simulation.fuse.left = None
        simulation.engine.up = True
        simulation.restart()
        simulation.advance(1.0)
        self.faults.undo_deployments()
        self._mend_what_cannot_converge()
        simulation.advance(LONGEST_SECONDS + 5)
        assert not self.faults.left(), self._told("a fault", self.faults.left())
        unaccounted = self.schedules.unaccounted()
        assert not unaccounted, self._told("a due time", unaccounted)
        self.schedules.end()
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
        for service in list(self.simulation.state.services.values()):
            if service.status is ServiceStatus.ACTIVE:
                ends = arns.family_of(service.task_definition_arn) in ("flaky", "batch-job")
                failed = service.primary.rollout_state is RolloutState.FAILED
                better = definition_arn("worker") if ends or failed else None
                room = DeploymentConfiguration(100, 200)
                if service.load_balancers:
                    better = self._served[0]
                    room = replace(
                        a_strategy(self.shifting_rng), hooks=(), minimum_healthy_percent=100, maximum_percent=200
                    )
                command = UpdateService(
                    service.arn,
                    task_definition_arn=better,
                    deployment_configuration=room,
                    force_new_deployment=failed or service.primary.shift is not None,  # a hook may roll it back
                )
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
        found = self.simulation.runtime.resolve(service.cluster_arn, service.name)
        assert found == set(state.published[service.arn][1]), self._told("found by name", found)
        ready = [task for task in state.standbys_of(service_arn) if task.is_ready_standby]
        assert len(ready) == len(state.standbys_of(service_arn)), self._told("a standby is not ready", service)
        assert len(ready) == service.standby_count, self._told(f"{len(ready)} standbys", service)
        assert len(service.deployments) == 1, self._told("an old deployment is left", service)
        serving = {t.task_arn for t in state.targets_of_service(service_arn) if t.state is TargetState.HEALTHY}
        wanted = {task.arn for task in tasks} if service.load_balancers else set()
        assert serving == wanted, self._told(f"{len(serving)} healthy targets", service)
        if service.load_balancers and service.desired_count:
            (listener,) = state.listeners.values()
            asked = {arn for arn, weight in listener.default.groups if weight}
            used = {target.target_group_arn for target in state.targets_of_service(service_arn)}
            assert asked == used, self._told(f"requests go to {asked}", service)

    def _told(self, what: str, about: object) -> str:
        last = [line[:160] for line in self.simulation.transcript().splitlines()[-60:]]
        return "\n".join((f"seed {self.simulation.seed}: {what}: {about}", *last))
