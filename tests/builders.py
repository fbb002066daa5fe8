"""Builders that state only what a test cares about, and the one way to wait."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import TypeVar

from chaos_ecs.core import arns
from chaos_ecs.core.arns import default_rule_arn
from chaos_ecs.core.balancing import Forward, ServiceLoadBalancer, TargetHealthCheck
from chaos_ecs.core.balancing_messages import CreateListener, CreateLoadBalancer, CreateTargetGroup
from chaos_ecs.core.deploying import DeploymentConfiguration
from chaos_ecs.core.messages import CreateService, OpenRegion, RegisterTaskDefinition, RunTask
from chaos_ecs.core.model import ContainerDefinition, Service, Task
from chaos_ecs.core.opening import DEMO_IMAGE
from chaos_ecs.core.schedule_messages import CreateSchedule
from chaos_ecs.core.schedules import RunTarget, ScheduleDesign
from chaos_ecs.sim.balancer import SimBalancer
from chaos_ecs.sim.clock import VirtualClock
from chaos_ecs.sim.engine import SimEngine
from chaos_ecs.sim.simulation import Simulation

REGION = "us-east-1"
CLUSTER = arns.cluster_arn(REGION, "my-cluster")
WEB = arns.service_arn(CLUSTER, "web")
T = TypeVar("T")


def definition_arn(family: str, revision: int = 1) -> str:
    return f"{arns.family_arn(REGION, family)}:{revision}"


def a_simulation(seed: int = 1, **arguments: object) -> Simulation:
    """A simulation whose region is open: my-cluster and the seed's task definitions are there."""
    simulation = Simulation(seed, **arguments)  # type: ignore[arg-type]
    simulation.submit(OpenRegion(REGION)).result(0)
    return simulation


def a_container(name: str = "app", **members: object) -> ContainerDefinition:
    defaults: dict[str, object] = {"image": DEMO_IMAGE, "command": ("web",), "memory": 64}
    return ContainerDefinition(name, **(defaults | members))  # type: ignore[arg-type]


def registered(simulation: Simulation, *containers: ContainerDefinition, family: str = "app") -> str:
    """Registers a task definition; its ARN."""
    family_arn = arns.family_arn(REGION, family)
    simulation.submit(RegisterTaskDefinition(family_arn, containers)).result(0)
    return f"{family_arn}:{simulation.state.families[family_arn].latest_revision}"


def a_service(
    simulation: Simulation,
    *,
    desired_count: int = 3,
    name: str = "web",
    definition: str = "",
    limits: DeploymentConfiguration | None = None,
    load_balancers: tuple[ServiceLoadBalancer, ...] = (),
    grace: int = 0,
) -> str:
    """Creates a service; its ARN."""
    arn = arns.service_arn(CLUSTER, name)
    command = CreateService(
        arn,
        CLUSTER,
        definition or definition_arn("web-server"),
        desired_count,
        deployment_configuration=limits or DeploymentConfiguration(),
        load_balancers=load_balancers,
        health_check_grace_period_seconds=grace,
    )
    simulation.submit(command).result(0)
    return arn


def no_balancer() -> SimBalancer:
    """For a controller whose services have no load balancer."""
    return SimBalancer(SimEngine(VirtualClock(), Random(1)))


def a_target_group(simulation: Simulation, name: str = "web", *, port: int = 8480) -> str:
    """A target group with a listener of a load balancer of its own before it; its ARN."""
    check = TargetHealthCheck(interval=simulation.pace.check_interval, timeout=simulation.pace.check_timeout)
    simulation.submit(CreateTargetGroup(REGION, name, 8080, health_check=check)).result(0)
    group = next(arn for arn, found in simulation.state.target_groups.items() if found.name == name)
    simulation.submit(CreateLoadBalancer(REGION, name)).result(0)
    balancer = next(arn for arn, found in simulation.state.load_balancers.items() if found.name == name)
    simulation.submit(CreateListener(balancer, port, Forward(((group, 1),)))).result(0)
    return group


def a_second_target_group(simulation: Simulation, first: str) -> ServiceLoadBalancer:
    """What a service behind `first` needs to move traffic: another target group, and the rule that forwards to both."""
    found = simulation.state.target_groups[first]
    simulation.submit(CreateTargetGroup(REGION, f"{found.name}-2", 8080, health_check=found.health_check)).result(0)
    second = next(arn for arn, one in simulation.state.target_groups.items() if one.name == f"{found.name}-2")
    listener = next(arn for arn, one in simulation.state.listeners.items() if one.default.groups[0][0] == first)
    return replace(behind(first)[0], alternate_target_group_arn=second, production_rule_arn=default_rule_arn(listener))


def behind(group: str, container: str = "web-server", port: int = 8080) -> tuple[ServiceLoadBalancer, ...]:
    return (ServiceLoadBalancer(group, container, port),)


def a_design(
    expression: str = "rate(1 minute)", *, target: RunTarget | None = None, **members: object
) -> ScheduleDesign:
    """What is said of a schedule that runs batch-job, newest revision, in my-cluster."""
    return ScheduleDesign(expression, target or RunTarget(CLUSTER, "batch-job"), **members)  # type: ignore[arg-type]


def a_schedule(simulation: Simulation, design: ScheduleDesign | None = None, *, name: str = "nightly") -> str:
    """Creates a schedule in the default group; its ARN."""
    arn, group = arns.schedule_arn(REGION, "default", name), arns.schedule_group_arn(REGION, "default")
    simulation.submit(CreateSchedule(arn, group, design or a_design())).result(0)
    return arn


def a_standalone_task(simulation: Simulation, *, definition: str = "") -> Task:
    before = set(simulation.state.tasks)
    simulation.submit(RunTask(CLUSTER, definition or definition_arn("batch-job"))).result(0)
    return next(task for arn, task in simulation.state.tasks.items() if arn not in before)


def running(simulation: Simulation, service_arn: str = WEB) -> list[Task]:
    return [task for task in simulation.state.live_tasks_of(service_arn) if task.is_running]


def service_messages(simulation: Simulation, service_arn: str = WEB) -> list[str]:
    """The texts of DescribeServices' events, oldest first."""
    return [event.message for event in reversed(simulation.state.events_of(service_arn))]


def the_service(simulation: Simulation, service_arn: str = WEB) -> Service:
    return simulation.state.services[service_arn]


def eventually(check: Callable[[], T], within: float, every: float = 0.05) -> T:
    """Asks until the answer is true and returns it; fails with the last answer. The only wait there is in tests."""
    until = time.monotonic() + within
    while True:
        try:
            last: object = check()
            if last:
                return last  # type: ignore[return-value]
        except AssertionError as error:
            last = error
        if time.monotonic() >= until:
            raise AssertionError(f"not within {within} s; the last observation was: {last!r}")
        time.sleep(every)
